/* Budgets: no window above them, nobody waits in vain, and damage harms little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "base/random.h"
#include "select/budget.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define S           INT64_C(1000000000)

enum { DAY_S = 86400 };

/* Sub-windows of a second. */
static const struct pool_rate even = {15, 15};

static int64_t width_of(const struct pool_rate *rate)
{
	return (rate->per_s * S + 14) / 15;
}

static bool allowed(const struct pool_budget *budget, const struct pool_rate *rate,
	uint32_t cost, int64_t now_ns)
{
	return pool_budget_ready_ns(budget, rate, cost, now_ns) <= now_ns;
}

/* --- by hand -------------------------------------------------------------------- */

static void test_nothing_spent(void **unused)
{
	const struct pool_budget empty = {0};

	(void)unused;
	assert_int_equal(15, pool_budget_left(&empty, &even, 0));
	assert_int_equal(15, pool_budget_left(&empty, &even, 7 * S));
	assert_int_equal(7 * S, pool_budget_ready_ns(&empty, &even, 15, 7 * S));
	assert_int_equal(0, pool_budget_ready_ns(&empty, &even, 1, 0));
}

static void test_no_budget(void **unused)
{
	static const struct pool_rate rates[] = {
		{0, 0}, {0, 60}, {10, 0}, {-1, 60}, {10, -1}, {INT32_MIN, INT32_MIN}};
	const struct pool_budget before = {.head_ns = 5, .width_ns = S, .used = {9, 9}};

	(void)unused;
	for (size_t i = 0; i < SIZE(rates); i++) {
		struct pool_budget budget = before;

		assert_int_equal(3 * S,
			pool_budget_ready_ns(&budget, &rates[i], UINT32_MAX, 3 * S));
		assert_int_equal(UINT32_MAX, pool_budget_left(&budget, &rates[i], 3 * S));
		pool_budget_charge(&budget, &rates[i], 4, 3 * S);
		assert_memory_equal(&before, &budget, sizeof(budget));
	}
}

static void test_cost_above_the_budget(void **unused)
{
	struct pool_budget budget = {0};

	(void)unused;
	assert_int_equal(INT64_MAX, pool_budget_ready_ns(&budget, &even, 16, S));
	assert_int_equal(INT64_MAX, pool_budget_ready_ns(&budget, &even, UINT32_MAX, S));
	pool_budget_charge(&budget, &even, 15, S);
	assert_int_equal(INT64_MAX, pool_budget_ready_ns(&budget, &even, 16, S));
	assert_int_equal(S, pool_budget_ready_ns(&budget, &even, 0, S));
}

/* 10 at 100 s, 2 at 100.9 s, 3 at 103.5 s: in the sub-windows of 100 s and of 103 s. */
static void test_by_hand(void **unused)
{
	static const struct {
		int64_t now_ns;
		uint32_t left;
		uint32_t cost;
		int64_t ready_ns;
	} cases[] = {
		{104 * S, 0, 1, 116 * S},
		{104 * S, 0, 12, 116 * S},
		{104 * S, 0, 13, 119 * S},
		{104 * S, 0, 15, 119 * S},
		{116 * S - 1, 0, 1, 116 * S},
		{116 * S, 12, 12, 116 * S},
		{116 * S, 12, 13, 119 * S},
		{119 * S - 1, 12, 13, 119 * S},
		{119 * S, 15, 15, 119 * S},
		{4711 * S, 15, 15, 4711 * S},
	};
	struct pool_budget budget = {0};

	(void)unused;
	pool_budget_charge(&budget, &even, 10, 100 * S);
	pool_budget_charge(&budget, &even, 2, 101 * S - 1);
	pool_budget_charge(&budget, &even, 3, 103 * S + S / 2);
	for (size_t i = 0; i < SIZE(cases); i++) {
		assert_int_equal(
			cases[i].left, pool_budget_left(&budget, &even, cases[i].now_ns));
		assert_int_equal(cases[i].ready_ns,
			pool_budget_ready_ns(
				&budget, &even, cases[i].cost, cases[i].now_ns));
	}
}

/* Another number of requests in the same time: what was spent is known exactly. */
static void test_another_number_of_requests(void **unused)
{
	static const struct pool_rate fewer = {4, 15}, more = {20, 15};
	struct pool_budget budget = {0};

	(void)unused;
	pool_budget_charge(&budget, &even, 5, 100 * S);
	pool_budget_charge(&budget, &even, 5, 102 * S);
	assert_int_equal(10, pool_budget_left(&budget, &more, 103 * S));
	assert_int_equal(0, pool_budget_left(&budget, &fewer, 103 * S));
	assert_int_equal(118 * S, pool_budget_ready_ns(&budget, &fewer, 1, 103 * S));
	assert_int_equal(103 * S, pool_budget_ready_ns(&budget, &fewer, 0, 103 * S));
	assert_int_equal(0, pool_budget_left(&budget, &fewer, 118 * S - 1));
	assert_int_equal(4, pool_budget_left(&budget, &fewer, 118 * S));
}

/* --- by brute force ------------------------------------------------------------- */

enum { CHARGES = 3000 };

/* Everything that was ever spent. */
struct history {
	size_t count;
	int64_t at_ns[CHARGES];
	uint32_t cost[CHARGES];
};

/* Spent from <from_ns> to <to_ns>, both included. */
static uint64_t sum_spent(const struct history *history, int64_t from_ns, int64_t to_ns)
{
	uint64_t sum = 0;

	for (size_t i = history->count; i-- > 0 && history->at_ns[i] >= from_ns;)
		if (history->at_ns[i] <= to_ns)
			sum += history->cost[i];
	return sum;
}

static void spend(struct pool_budget *budget, const struct pool_rate *rate,
	struct history *history, uint32_t cost, int64_t now_ns)
{
	assert_in_range(history->count, 0, CHARGES - 1);
	pool_budget_charge(budget, rate, cost, now_ns);
	history->at_ns[history->count] = now_ns;
	history->cost[history->count++] = cost;
}

/* The fullest of all windows of the rate: one of those that end with a charge. */
static uint64_t fullest(const struct history *history, const struct pool_rate *rate)
{
	uint64_t most = 0;

	for (size_t i = 0; i < history->count; i++) {
		int64_t to_ns = history->at_ns[i];
		uint64_t sum = sum_spent(history, to_ns - rate->per_s * S, to_ns);

		most = sum > most ? sum : most;
	}
	return most;
}

/* What is said of a cost that must wait: true to the nanosecond. */
static void must_be_exact(const struct pool_budget *budget, const struct pool_rate *rate,
	uint32_t cost, int64_t ready_ns)
{
	assert_int_equal(ready_ns, pool_budget_ready_ns(budget, rate, cost, ready_ns));
	assert_int_equal(
		ready_ns, pool_budget_ready_ns(budget, rate, cost, ready_ns - 1));
	assert_true(pool_budget_left(budget, rate, ready_ns) >= cost);
	assert_true(pool_budget_left(budget, rate, ready_ns - 1) < cost);
}

/* Some steps are far shorter than a sub-window, some about one, some longer than all. */
static int64_t random_step(struct pool_random *random, const struct pool_rate *rate)
{
	static const int64_t parts[] = {1000000, 1000, 100, 20, 15, 4};
	uint64_t longest = (uint64_t)(rate->per_s * S * 2) /
		(uint64_t)parts[pool_random_below(random, SIZE(parts))];

	return (int64_t)pool_random_below(random, longest + 1);
}

static uint32_t random_cost(struct pool_random *random, const struct pool_rate *rate)
{
	uint64_t most = pool_random_below(random, 4) ? 1 + (uint64_t)rate->requests / 10
						     : (uint64_t)rate->requests;

	return 1 + (uint32_t)pool_random_below(random, most);
}

/* One request more or less at random: spent, or refused for a reason. */
static void try_to_spend(struct pool_budget *budget, const struct pool_rate *rate,
	struct history *history, uint32_t cost, int64_t *now_ns,
	struct pool_random *random)
{
	int64_t ready_ns = pool_budget_ready_ns(budget, rate, cost, *now_ns);

	assert_int_equal(
		ready_ns <= *now_ns, pool_budget_left(budget, rate, *now_ns) >= cost);
	if (ready_ns > *now_ns) {
		must_be_exact(budget, rate, cost, ready_ns);
		assert_true(sum_spent(history, *now_ns - 16 * width_of(rate), *now_ns) +
				cost >
			(uint64_t)rate->requests);
		if (pool_random_below(random, 2))
			return;
		*now_ns = ready_ns;
	}
	spend(budget, rate, history, cost, *now_ns);
}

static const struct pool_rate rates[] = {
	{1, 1},
	{2, 1},
	{100, 1},
	{100, 2},
	{1, 7},
	{10, 7},
	{15, 15},
	{60, 60},
	{7, 3600},
	{1, DAY_S},
	{1000, DAY_S},
	{1000000000, DAY_S},
};

static void test_no_window_exceeds_it(void **unused)
{
	static struct history history;
	struct pool_random random = {1};

	(void)unused;
	for (size_t i = 0; i < SIZE(rates); i++) {
		struct pool_budget budget = {0};
		int64_t now_ns = (int64_t)pool_random_below(&random, 1000 * S);

		history.count = 0;
		for (int n = 0; n < CHARGES; n++) {
			now_ns += random_step(&random, &rates[i]);
			try_to_spend(&budget, &rates[i], &history,
				random_cost(&random, &rates[i]), &now_ns, &random);
		}
		assert_in_range(history.count, 100, CHARGES);
		assert_in_range(fullest(&history, &rates[i]), 1, rates[i].requests);
	}
}

/* Always as soon as one may: the budget is used up, to fifteen sixteenths at least. */
static void test_all_of_it_can_be_had(void **unused)
{
	static struct history history;

	(void)unused;
	for (size_t i = 0; i < SIZE(rates); i++) {
		uint32_t cost = 1 + (uint32_t)rates[i].requests / 20;
		uint32_t in_one = (uint32_t)rates[i].requests / cost;
		struct pool_budget budget = {0};
		int64_t now_ns = S;

		history.count = 0;
		for (int n = 0; n < 2000; n++) {
			now_ns = pool_budget_ready_ns(&budget, &rates[i], cost, now_ns);
			spend(&budget, &rates[i], &history, cost, now_ns);
		}
		assert_in_range(fullest(&history, &rates[i]), cost, rates[i].requests);
		assert_in_range(now_ns, 0, S + 2000 / in_one * 16 * width_of(&rates[i]));
	}
}

static void test_never_starves(void **unused)
{
	static struct history history;
	struct pool_random random = {2};

	(void)unused;
	for (size_t i = 0; i < SIZE(rates); i++)
		for (int round = 0; round < 100; round++) {
			const uint32_t all = (uint32_t)rates[i].requests;
			struct pool_budget budget = {0};
			int64_t now_ns = (int64_t)pool_random_below(&random, DAY_S * S);

			history.count = 0;
			for (int n = 0; n < 20; n++) {
				now_ns += random_step(&random, &rates[i]);
				try_to_spend(&budget, &rates[i], &history, 1, &now_ns,
					&random);
			}
			now_ns += 16 * width_of(&rates[i]);
			assert_int_equal(
				all, pool_budget_left(&budget, &rates[i], now_ns));
			assert_true(allowed(&budget, &rates[i], all, now_ns));
			/* Rounding up adds a nanosecond a sub-window at most. */
			assert_in_range(16 * width_of(&rates[i]), 0,
				rates[i].per_s * S / 15 * 16 + 31);
		}
}

/* --- an edited rate ------------------------------------------------------------- */

/* 5 at 100 s under 15 per 15 s: in a sub-window that ends at 101 s. */
static void test_counts_of_another_rate(void **unused)
{
	static const struct {
		struct pool_rate rate;
		int64_t now_ns;
		uint32_t left;
		int64_t ready_ns; /* for all of it */
	} cases[] = {
		/* 101 s and 15 sub-windows more. */
		{{10, 150}, 100 * S, 5, 251 * S},
		{{10, 150}, 105 * S, 5, 251 * S},
		{{10, 150}, 251 * S - 1, 5, 251 * S},
		{{10, 150}, 251 * S, 10, 251 * S},
		{{10, 3}, 100 * S, 5, 104 * S},
		{{10, 3}, 104 * S - 1, 5, 104 * S},
		{{10, 3}, 104 * S, 10, 104 * S},
		{{3, 3}, 100 * S, 0, 104 * S},
		{{10, 3}, 9999 * S, 10, 9999 * S},
	};
	struct pool_budget budget = {0};

	(void)unused;
	pool_budget_charge(&budget, &even, 5, 100 * S);
	for (size_t i = 0; i < SIZE(cases); i++) {
		const uint32_t all = (uint32_t)cases[i].rate.requests;

		assert_int_equal(cases[i].left,
			pool_budget_left(&budget, &cases[i].rate, cases[i].now_ns));
		assert_int_equal(cases[i].ready_ns,
			pool_budget_ready_ns(
				&budget, &cases[i].rate, all, cases[i].now_ns));
	}
}

/* From the first charge after it on there is nothing special about an edit. */
static void test_charge_after_an_edit(void **unused)
{
	static const struct pool_rate hour = {10, 3600}, second = {10, 1};
	struct pool_budget budget = {0};

	(void)unused;
	pool_budget_charge(&budget, &hour, 5, 1000 * S);
	assert_int_equal(5, pool_budget_left(&budget, &second, 1000 * S));
	pool_budget_charge(&budget, &second, 1, 1000 * S);
	assert_int_equal(4, pool_budget_left(&budget, &second, 1000 * S));
	assert_int_equal(4, pool_budget_left(&budget, &second, 1001 * S));
	assert_int_equal(10, pool_budget_left(&budget, &second, 1002 * S));
}

/* Whatever it was before: no window of the new rate exceeds it, as far back as the old
 * one remembers, and what it says of the first ready moment is exact. */
static void test_an_edit_gives_no_more(void **unused)
{
	static struct history history;
	struct pool_random random = {3};

	(void)unused;
	for (size_t pair = 0; pair < SIZE(rates) * SIZE(rates); pair++) {
		const struct pool_rate *before = &rates[pair / SIZE(rates)];
		const struct pool_rate *after = &rates[pair % SIZE(rates)];
		struct pool_budget budget = {0};
		int64_t now_ns = 5 * S, known_ns;
		uint32_t cost;

		history.count = 0;
		for (int n = 0; n < 40; n++) {
			now_ns += random_step(&random, before) / 4;
			cost = random_cost(&random, before);
			if (allowed(&budget, before, cost, now_ns))
				spend(&budget, before, &history, cost, now_ns);
		}
		known_ns = history.at_ns[history.count - 1] - before->per_s * S;
		for (int n = 0; n < 40; n++) {
			int64_t from_ns, ready_ns;

			now_ns += random_step(&random, after) / 4;
			cost = random_cost(&random, after);
			ready_ns = pool_budget_ready_ns(&budget, after, cost, now_ns);
			if (ready_ns > now_ns) {
				must_be_exact(&budget, after, cost, ready_ns);
				continue;
			}
			spend(&budget, after, &history, cost, now_ns);
			from_ns = now_ns - after->per_s * S;
			from_ns = from_ns > known_ns ? from_ns : known_ns;
			assert_in_range(
				sum_spent(&history, from_ns, now_ns), 1, after->requests);
		}
	}
}

/* --- a clock read too early, and damage ----------------------------------------- */

/* Somebody else charged with a later clock before us. */
static void test_a_head_ahead_of_now(void **unused)
{
	struct pool_budget budget = {0};

	(void)unused;
	pool_budget_charge(&budget, &even, 10, 100 * S);
	assert_int_equal(5, pool_budget_left(&budget, &even, 100 * S - 1));
	assert_true(allowed(&budget, &even, 5, 100 * S - 1));
	assert_int_equal(116 * S, pool_budget_ready_ns(&budget, &even, 6, 100 * S - 1));
	pool_budget_charge(&budget, &even, 5, 100 * S - 1);
	assert_int_equal(0, pool_budget_left(&budget, &even, 100 * S));
	assert_int_equal(0, pool_budget_left(&budget, &even, 116 * S - 1));
	assert_int_equal(15, pool_budget_left(&budget, &even, 116 * S));
}

static const struct pool_budget damaged[] = {
	{INT64_MAX, S, {15}},
	{INT64_MIN, S, {15}},
	{INT64_MAX, 2 * S, {15}},
	{INT64_MIN, 1, {15}},
	{INT64_MAX, INT64_MAX, {15}},
	{INT64_MIN, INT64_MIN, {15}},
	{INT64_MAX, INT64_MIN, {15}},
	{INT64_MIN, INT64_MAX, {15}},
	{100 * S, 0, {15}},
	{100 * S, -1, {15}},
	{100 * S, -S, {15}},
	{100 * S, INT64_MAX, {15}},
	{100 * S, DAY_S *S, {15}},
	{117 * S, S, {15}},
	{365 * DAY_S * S, S, {15}},
	{365 * DAY_S * S, 2 * S, {15}},
	{-365 * DAY_S * S, S, {15}},
};

/* Seen at 100 s: as nothing spent, and right from the next charge on. */
static void test_what_cannot_be_is_nothing(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SIZE(damaged); i++) {
		struct pool_budget budget = damaged[i];

		assert_int_equal(15, pool_budget_left(&budget, &even, 100 * S));
		assert_int_equal(
			100 * S, pool_budget_ready_ns(&budget, &even, 15, 100 * S));
		pool_budget_charge(&budget, &even, 15, 100 * S);
		assert_int_equal(0, pool_budget_left(&budget, &even, 100 * S));
		assert_int_equal(
			116 * S, pool_budget_ready_ns(&budget, &even, 1, 100 * S));
	}
}

/* Counts that nobody could have spent are waited for, no longer than others. */
static void test_counts_that_cannot_be(void **unused)
{
	struct pool_budget budget = {.head_ns = 99 * S, .width_ns = S};

	(void)unused;
	memset(budget.used, 0xff, sizeof(budget.used));
	assert_int_equal(0, pool_budget_left(&budget, &even, 100 * S));
	assert_int_equal(115 * S, pool_budget_ready_ns(&budget, &even, 1, 100 * S));
	pool_budget_charge(&budget, &even, UINT32_MAX, 99 * S);
	assert_int_equal(UINT32_MAX, budget.used[0]);
	assert_int_equal(115 * S, pool_budget_ready_ns(&budget, &even, 1, 100 * S));
	assert_int_equal(15, pool_budget_left(&budget, &even, 115 * S));
}

/* Bytes at random, and numbers that are nearly right: nobody waits for more than both
 * rates' spans, and the next charge leaves it whole. */
static void test_random_damage(void **unused)
{
	struct pool_random random = {4};

	(void)unused;
	for (int round = 0; round < 200000; round++) {
		const struct pool_rate *rate =
			&rates[pool_random_below(&random, SIZE(rates))];
		const int64_t wait_ns = 34 * width_of(&(struct pool_rate){1, DAY_S});
		int64_t now_ns = (int64_t)pool_random_below(&random, 400 * DAY_S * S);
		struct pool_budget budget;
		int64_t ready_ns;

		for (int i = 0; i < 16; i++)
			budget.used[i] = (uint32_t)pool_random_next(&random);
		budget.head_ns = (int64_t)(pool_random_next(&random) >>
			pool_random_below(&random, 64));
		budget.width_ns = (int64_t)(pool_random_next(&random) >>
			pool_random_below(&random, 64));
		if (round % 2)
			budget.head_ns = now_ns + budget.head_ns % (DAY_S * S);
		ready_ns = pool_budget_ready_ns(&budget, rate, 1, now_ns);
		assert_in_range(ready_ns - now_ns, 0, wait_ns);
		if (ready_ns > now_ns)
			must_be_exact(&budget, rate, 1, ready_ns);
		pool_budget_charge(&budget, rate, 1, now_ns);
		assert_int_equal(width_of(rate), budget.width_ns);
		assert_true(allowed(&budget, rate, (uint32_t)rate->requests,
			now_ns + wait_ns + 17 * width_of(rate)));
	}
}

/* Times at the ends of the type: no overflow, and an answer that is not before now. */
static void test_absurd_clocks(void **unused)
{
	static const int64_t times[] = {
		INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};

	(void)unused;
	for (size_t i = 0; i < SIZE(damaged); i++)
		for (size_t n = 0; n < SIZE(times); n++) {
			struct pool_budget budget = damaged[i];

			assert_in_range(
				pool_budget_left(&budget, &even, times[n]), 0, 15);
			assert_true(pool_budget_ready_ns(&budget, &even, 15, times[n]) >=
				times[n]);
			pool_budget_charge(&budget, &even, 15, times[n]);
			assert_true(pool_budget_ready_ns(&budget, &even, 15, times[n]) >=
				times[n]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_spent),
		cmocka_unit_test(test_no_budget),
		cmocka_unit_test(test_cost_above_the_budget),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_another_number_of_requests),
		cmocka_unit_test(test_no_window_exceeds_it),
		cmocka_unit_test(test_all_of_it_can_be_had),
		cmocka_unit_test(test_never_starves),
		cmocka_unit_test(test_counts_of_another_rate),
		cmocka_unit_test(test_charge_after_an_edit),
		cmocka_unit_test(test_an_edit_gives_no_more),
		cmocka_unit_test(test_a_head_ahead_of_now),
		cmocka_unit_test(test_what_cannot_be_is_nothing),
		cmocka_unit_test(test_counts_that_cannot_be),
		cmocka_unit_test(test_random_damage),
		cmocka_unit_test(test_absurd_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
