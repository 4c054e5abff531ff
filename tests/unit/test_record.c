/* The changes of a record's status: the ring, and whether the proxy flaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "state/image.h"
#include "state/session.h"

static struct pool_record record;

static void change(int from, int to, uint32_t wall_s)
{
	pool_record_change(&record,
		&(struct pool_state_transition){.wall_s = wall_s,
			.from = (uint8_t)from,
			.to = (uint8_t)to,
			.reason = POOL_REASON_OK});
}

static bool flaps(int64_t wall_s, uint32_t changes, int64_t span_s)
{
	uint32_t found;
	int64_t span;
	bool answer = pool_record_flaps(&record, wall_s, &found, &span);

	assert_int_equal(changes, found);
	assert_int_equal(span_s, span);
	return answer;
}

/* Up and down, <every_s> apart, so often; returns the time of the last change. */
static uint32_t go_up_and_down(uint32_t from_s, uint32_t every_s, int times)
{
	for (int i = 0; i < times; i++)
		change(i % 2 ? POOL_STATUS_HEALTHY : POOL_STATUS_UNHEALTHY,
			i % 2 ? POOL_STATUS_UNHEALTHY : POOL_STATUS_HEALTHY,
			from_s + (uint32_t)i * every_s);
	return from_s + (uint32_t)(times - 1) * every_s;
}

static int begin(void **unused)
{
	(void)unused;
	record = (struct pool_record){0};
	return 0;
}

static void the_ring_keeps_the_last(void **unused)
{
	(void)unused;
	go_up_and_down(1000, 3600, 20);
	assert_int_equal(20, record.transition_count);
	for (uint32_t i = 12; i < 20; i++)
		assert_int_equal(1000 + i * 3600,
			record.transitions[i % POOL_TRANSITIONS_KEPT].wall_s);
	assert_false(flaps(1000 + 19 * 3600, 0, 0));
}

static void seven_changes_flap_for_five_minutes(void **unused)
{
	(void)unused;
	assert_false(flaps(1000, 0, 0));
	go_up_and_down(1000, 2, 6);
	assert_false(flaps(1010, 0, 0));
	change(POOL_STATUS_UNHEALTHY, POOL_STATUS_HEALTHY, 1012);
	change(POOL_STATUS_HEALTHY, POOL_STATUS_UNHEALTHY, 1012);
	assert_true(flaps(1012, 8, 12));
	assert_true(flaps(1311, 8, 12));
	assert_false(flaps(1312, 0, 0));
	/* A clock that goes back does not end it, unless it was wrong by more. */
	assert_true(flaps(712, 8, 12));
	assert_false(flaps(711, 0, 0));
}

static void a_clock_that_was_wrong_is_forgotten(void **unused)
{
	(void)unused;
	go_up_and_down(UINT32_C(4000000000), 2, 8);
	assert_true(flaps(INT64_C(4000000014), 8, 14));
	go_up_and_down(1000, 1, 6);
	assert_false(flaps(1005, 0, 0));
	change(POOL_STATUS_UNHEALTHY, POOL_STATUS_HEALTHY, 1006);
	assert_true(flaps(1006, 7, 6));
}

/* No change is lost to a clock that is put right by a little. */
static void a_clock_may_go_back_a_little(void **unused)
{
	(void)unused;
	go_up_and_down(1000, 2, 7);
	assert_true(flaps(1012, 7, 12));
	change(POOL_STATUS_HEALTHY, POOL_STATUS_UNHEALTHY, 950);
	assert_true(flaps(950, 8, 0));
}

/* More than the ring keeps: a proxy that changes each half minute. */
static void slow_flapping_is_seen_beyond_the_ring(void **unused)
{
	uint32_t last;

	(void)unused;
	last = go_up_and_down(1000, 30, 8);
	assert_false(flaps(last, 0, 0));
	last = go_up_and_down(last + 30, 30, 8);
	assert_true(flaps(last, 8, 210));
	/* What lies longer back is of another time; that it was up again is stored by
	 * nobody. */
	change(POOL_STATUS_HEALTHY, POOL_STATUS_UNHEALTHY, last + 200);
	assert_true(flaps(last + 200, 6, 290));
}

/* Nobody stores that an open time is over; the next transition tells. */
static void changes_by_time_alone_count(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 4; i++)
		change(POOL_STATUS_RECOVERING, POOL_STATUS_UNHEALTHY, 1000 + i);
	assert_true(flaps(1003, 7, 3));
}

/* A member of the group may write what he likes. */
static void a_forged_penalty_is_none_to_overflow(void **unused)
{
	uint32_t changes;
	int64_t span_s;

	(void)unused;
	go_up_and_down(1000, 1, 3);
	record.flap = UINT32_MAX;
	assert_true(flaps(1002, 3, 2));
	assert_false(flaps(1302, 0, 0));
	for (uint32_t i = 0; i < POOL_TRANSITIONS_KEPT; i++)
		record.transitions[i].wall_s = UINT32_MAX - i;
	record.transition_count = UINT32_MAX;
	pool_record_flaps(&record, INT64_C(4294967296), &changes, &span_s);
	change(POOL_STATUS_HEALTHY, POOL_STATUS_UNHEALTHY, UINT32_MAX);
	/* The count began anew: so does everything. */
	assert_int_equal(0, record.transition_count);
	assert_false(flaps(UINT32_MAX, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_ring_keeps_the_last, begin),
		cmocka_unit_test_setup(seven_changes_flap_for_five_minutes, begin),
		cmocka_unit_test_setup(a_clock_that_was_wrong_is_forgotten, begin),
		cmocka_unit_test_setup(a_clock_may_go_back_a_little, begin),
		cmocka_unit_test_setup(slow_flapping_is_seen_beyond_the_ring, begin),
		cmocka_unit_test_setup(changes_by_time_alone_count, begin),
		cmocka_unit_test_setup(a_forged_penalty_is_none_to_overflow, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
