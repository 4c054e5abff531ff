/* Flap damping: what flaps, and when it is calm. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "health/flap.h"

#define S INT64_C(1000000000)

/* How many changes, <every_s> apart, until it flaps; 0: it never does. */
static int count_until(double every_s)
{
	struct pool_flap flap = {0};

	for (int i = 1; i <= 1000; i++)
		if (pool_flap_note(&flap, (int64_t)((double)i * every_s * 1e9)))
			return i;
	return 0;
}

static void seven_at_once_flap_and_seldom_ones_never(void **unused)
{
	(void)unused;
	assert_int_equal(7, count_until(0));
	assert_int_equal(7, count_until(1));
	assert_in_range(count_until(20), 8, 9);
	assert_in_range(count_until(30), 11, 12);
	assert_int_equal(0, count_until(60));
	assert_int_equal(0, count_until(3600));
}

static void a_penalty_halves_in_its_half_life(void **unused)
{
	const struct pool_flap flap = {.penalty = 8};

	(void)unused;
	for (int64_t seconds = 0; seconds < 3000; seconds += 7) {
		double expected = 8 * exp2(-(double)seconds / POOL_FLAP_HALF_LIFE_S);
		double actual = pool_flap_penalty(&flap, seconds * S);

		assert_true(fabs(actual - expected) < 0.0033 * expected);
	}
	assert_true(pool_flap_penalty(&flap, INT64_MAX) == 0);
	/* A clock that goes back makes nothing worse. */
	assert_true(pool_flap_penalty(&flap, -S) == 8);
	assert_true(pool_flap_penalty(&flap, INT64_MIN) == 8);
}

static void it_is_calm_after_five_minutes(void **unused)
{
	struct pool_flap flap = {0};

	(void)unused;
	for (int i = 0; i < 7; i++)
		pool_flap_note(&flap, i * S);
	assert_int_equal(306 * S, pool_flap_calm_ns(&flap));
	assert_true(pool_flap_is_on(&flap, 6 * S));
	assert_true(pool_flap_is_on(&flap, 306 * S - 1));
	assert_false(pool_flap_is_on(&flap, 306 * S));
	/* One change more does not make it flap again. */
	assert_false(pool_flap_note(&flap, 400 * S));
}

static void it_is_calm_if_it_changes_seldom_enough(void **unused)
{
	struct pool_flap flap = {0};
	int64_t now_ns = 0;

	(void)unused;
	for (int i = 0; i < 7; i++)
		pool_flap_note(&flap, now_ns);
	/* One a minute would not have begun it, but keeps it up. */
	for (int i = 0; i < 100; i++)
		assert_true(pool_flap_note(&flap, now_ns += 60 * S));
	for (int i = 0; i < 8 && flap.flapping; i++)
		pool_flap_note(&flap, now_ns += 200 * S);
	assert_false(flap.flapping);
}

static void what_never_changed_is_calm(void **unused)
{
	const struct pool_flap flap = {0};

	(void)unused;
	assert_false(pool_flap_is_on(&flap, 0));
	assert_false(pool_flap_is_on(&flap, INT64_MAX));
	assert_int_equal(0, pool_flap_calm_ns(&flap) / S);
}

static void a_long_time_of_flapping_is_forgiven(void **unused)
{
	struct pool_flap flap = {0};

	(void)unused;
	for (int i = 0; i < 100000; i++)
		pool_flap_note(&flap, i);
	assert_true(flap.penalty <= POOL_FLAP_MOST);
	assert_false(pool_flap_is_on(&flap, 301 * S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seven_at_once_flap_and_seldom_ones_never),
		cmocka_unit_test(a_penalty_halves_in_its_half_life),
		cmocka_unit_test(it_is_calm_after_five_minutes),
		cmocka_unit_test(it_is_calm_if_it_changes_seldom_enough),
		cmocka_unit_test(what_never_changed_is_calm),
		cmocka_unit_test(a_long_time_of_flapping_is_forgiven),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
