/* When a check comes again: every rule with its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/random.h"
#include "watch/schedule.h"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define S       POOL_NS_PER_S

enum { SHORTEST_S = 5, LONGEST_S = 300, DRAWS = 200 };

/* The ends first, then whatever comes. */
static uint64_t draw(struct pool_random *random, int number)
{
	if (number < 2)
		return number ? UINT64_MAX : 0;
	return pool_random_next(random);
}

/* Every gap lies within 10 % of <expected_ns>, and the ends are nearly reached. */
static void assert_around(const struct pool_schedule_facts *facts, int64_t expected_ns)
{
	struct pool_random random = {(uint64_t)expected_ns};
	int64_t low_ns = expected_ns - expected_ns / 10,
		high_ns = expected_ns + expected_ns / 10;
	int64_t least_ns = INT64_MAX, most_ns = 0;

	for (int i = 0; i < DRAWS; i++) {
		int64_t gap_ns = pool_schedule_gap_ns(facts, draw(&random, i));

		if (gap_ns < low_ns || gap_ns > high_ns)
			fail_msg("interval %lld: %lld is not around %lld",
				(long long)facts->interval_ns, (long long)gap_ns,
				(long long)expected_ns);
		if (gap_ns > 3 * facts->interval_ns)
			fail_msg("interval %lld: stale after %lld",
				(long long)facts->interval_ns, (long long)gap_ns);
		least_ns = gap_ns < least_ns ? gap_ns : least_ns;
		most_ns = gap_ns > most_ns ? gap_ns : most_ns;
	}
	assert_in_range(least_ns - low_ns, 0, expected_ns / 1000);
	assert_in_range(high_ns - most_ns, 0, expected_ns / 1000);
}

static struct pool_schedule_facts facts_of(int64_t interval_s)
{
	return (struct pool_schedule_facts){.interval_ns = interval_s * S, .good = true};
}

static void a_check_comes_at_its_interval_more_or_less(void **state)
{
	(void)state;
	for (int64_t s = SHORTEST_S; s <= LONGEST_S; s++) {
		struct pool_schedule_facts facts = facts_of(s);

		assert_around(&facts, s * S);
		facts.good = false;
		assert_around(&facts, s * S);
	}
}

static void it_comes_quicker_after_a_change_but_not_within_two_seconds(void **state)
{
	(void)state;
	for (int64_t s = SHORTEST_S; s <= LONGEST_S; s++) {
		struct pool_schedule_facts facts = facts_of(s);
		int64_t expected_ns = s < 6 ? 2 * S : s * S / 3;

		for (facts.quick = 1; facts.quick <= POOL_SCHEDULE_QUICK_CHECKS;
			facts.quick++) {
			facts.good = facts.quick & 1;
			assert_around(&facts, expected_ns);
		}
	}
}

static void it_comes_slower_where_nothing_changes(void **state)
{
	(void)state;
	for (int64_t s = SHORTEST_S; s <= LONGEST_S; s++) {
		struct pool_schedule_facts facts = facts_of(s);

		facts.unchanged_ns = 20 * s * S > 600 * S ? 20 * s * S : 600 * S;
		assert_around(&facts, s * S + s * S / 2);
		facts.good = false;
		assert_around(&facts, 2 * s * S);
		facts.unchanged_ns = INT64_MAX;
		assert_around(&facts, 2 * s * S);
		/* A moment less than that is not long. */
		facts.unchanged_ns = (20 * s * S > 600 * S ? 20 * s * S : 600 * S) - 1;
		assert_around(&facts, s * S);
	}
}

static void twenty_intervals_and_ten_minutes_are_both_needed(void **state)
{
	struct pool_schedule_facts often = facts_of(5), seldom = facts_of(300);

	(void)state;
	often.unchanged_ns = 20 * 5 * S;
	assert_around(&often, 5 * S);
	seldom.unchanged_ns = 600 * S;
	assert_around(&seldom, 300 * S);
}

static void a_change_counts_for_more_than_a_long_time(void **state)
{
	struct pool_schedule_facts facts = facts_of(30);

	(void)state;
	facts.unchanged_ns = INT64_MAX;
	facts.quick = 1;
	assert_around(&facts, 10 * S);
}

/* A clock that was changed, or a record from the future. */
static void a_change_in_the_future_is_no_long_time(void **state)
{
	struct pool_schedule_facts facts = facts_of(30);

	(void)state;
	facts.unchanged_ns = -1000 * S;
	assert_around(&facts, 30 * S);
}

/* --- the first ones ------------------------------------------------------------- */

static const size_t counts[] = {1, 2, 3, 7, 19, 20, 21, 99, 100, 101, 1000, 6000, 10000};
static const int64_t intervals_s[] = {5, 6, 10, 30, 60, 299, 300};

static void first_checks_come_one_after_the_other_within_the_interval(void **state)
{
	struct pool_random random = {1};

	(void)state;
	for (size_t i = 0; i < SIZE(counts); i++)
		for (size_t j = 0; j < SIZE(intervals_s); j++) {
			int64_t before_ns = -1;

			for (size_t at = 0; at < counts[i]; at++) {
				int64_t second_ns = 0;
				int64_t first_ns = pool_schedule_first_ns(at, counts[i],
					intervals_s[j] * S, draw(&random, (int)(at % 5)),
					&second_ns);

				if (first_ns < before_ns || first_ns < 0 ||
					first_ns >= intervals_s[j] * S)
					fail_msg("%zu of %zu in %lld s: %lld, before "
						 "it %lld",
						at, counts[i], (long long)intervals_s[j],
						(long long)first_ns,
						(long long)before_ns);
				before_ns = first_ns;
			}
		}
}

/* Nobody waits for longer than that is needed for. */
static void first_checks_come_at_twenty_a_second_where_there_is_time_for_that(
	void **state)
{
	struct pool_random random = {2};

	(void)state;
	for (size_t i = 0; i < SIZE(counts); i++)
		for (size_t j = 0; j < SIZE(intervals_s); j++) {
			const bool fits = (int64_t)counts[i] <=
				intervals_s[j] * POOL_SCHEDULE_FIRST_RATE;
			const int64_t end_ns = fits
				? (int64_t)counts[i] * S / POOL_SCHEDULE_FIRST_RATE
				: intervals_s[j] * S;
			/* Of each second, by its start. */
			uint32_t seen[300] = {0};

			for (size_t at = 0; at < counts[i]; at++) {
				int64_t second_ns;
				int64_t first_ns = pool_schedule_first_ns(at, counts[i],
					intervals_s[j] * S, draw(&random, 2), &second_ns);

				assert_true(first_ns < end_ns);
				seen[first_ns / S]++;
			}
			for (int64_t s = 0; fits && s < intervals_s[j]; s++)
				assert_in_range(seen[s], 0, POOL_SCHEDULE_FIRST_RATE);
			/* They fill the time they have. */
			for (int64_t s = 0; s < end_ns / S; s++)
				assert_true(seen[s] > 0);
		}
}

static void second_checks_bring_them_apart_over_the_interval(void **state)
{
	struct pool_random random = {3};

	(void)state;
	for (size_t i = 0; i < SIZE(counts); i++)
		for (size_t j = 0; j < SIZE(intervals_s); j++) {
			const int64_t interval_ns = intervals_s[j] * S;
			int64_t before_ns = 0;

			for (size_t at = 0; at < counts[i]; at++) {
				int64_t second_ns = 0;
				int64_t first_ns = pool_schedule_first_ns(at, counts[i],
					interval_ns, draw(&random, 2), &second_ns);

				assert_in_range(second_ns, interval_ns / 4, interval_ns);
				assert_true(second_ns > before_ns);
				assert_true(first_ns + second_ns < 3 * interval_ns);
				before_ns = second_ns;
			}
			/* The last one has all of it. */
			assert_in_range(interval_ns - before_ns, 0, 1);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_comes_at_its_interval_more_or_less),
		cmocka_unit_test(
			it_comes_quicker_after_a_change_but_not_within_two_seconds),
		cmocka_unit_test(it_comes_slower_where_nothing_changes),
		cmocka_unit_test(twenty_intervals_and_ten_minutes_are_both_needed),
		cmocka_unit_test(a_change_counts_for_more_than_a_long_time),
		cmocka_unit_test(a_change_in_the_future_is_no_long_time),
		cmocka_unit_test(
			first_checks_come_one_after_the_other_within_the_interval),
		cmocka_unit_test(
			first_checks_come_at_twenty_a_second_where_there_is_time_for_that),
		cmocka_unit_test(second_checks_bring_them_apart_over_the_interval),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
