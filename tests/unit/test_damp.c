/* Flap damping: what changes too often is held, and nobody keeps a wrong picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/random.h"
#include "watch/damp.h"

#define S POOL_NS_PER_S

static struct pool_damp *damp;

static int begin(void **unused)
{
	(void)unused;
	damp = pool_damp_new();
	return damp ? 0 : -1;
}

static int end(void **unused)
{
	(void)unused;
	pool_damp_free(damp);
	damp = NULL;
	return 0;
}

/* A change that can be told from others by <number>. */
static enum pool_damp_verdict note(uint64_t key, int64_t number, int64_t now_ns)
{
	struct pool_event event;

	pool_event_init(&event, POOL_EVENT_TRANSITION, 0);
	event.count = number;
	return pool_damp_note(damp, key, &event, now_ns);
}

/* The number of what is released, or -1. */
static int64_t release(int64_t now_ns)
{
	struct pool_event event;

	return pool_damp_release(damp, now_ns, &event) ? event.count : -1;
}

static void flap(uint64_t key, int64_t now_ns)
{
	for (int i = 0; i < 6; i++)
		assert_int_equal(POOL_DAMP_TELL, note(key, i, now_ns + i));
	assert_int_equal(POOL_DAMP_FIRST, note(key, 6, now_ns + 6));
}

static void rare_changes_are_told(void **unused)
{
	(void)unused;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(POOL_DAMP_TELL, note(7, i, i * 60 * S));
	assert_int_equal(INT64_MAX, pool_damp_due_ns(damp));
	assert_int_equal(-1, release(INT64_MAX - 1));
}

static void the_last_one_is_told_when_it_is_calm(void **unused)
{
	(void)unused;
	flap(7, 0);
	assert_int_equal(POOL_DAMP_HOLD, note(7, 7, 10 * S));
	assert_int_equal(POOL_DAMP_HOLD, note(7, 8, 20 * S));
	assert_int_equal(-1, release(319 * S));
	assert_true(pool_damp_due_ns(damp) > 319 * S);
	assert_true(pool_damp_due_ns(damp) <= 320 * S);
	assert_int_equal(8, release(320 * S));
	assert_int_equal(-1, release(320 * S));
	assert_int_equal(INT64_MAX, pool_damp_due_ns(damp));
	assert_int_equal(POOL_DAMP_TELL, note(7, 9, 321 * S));
}

/* However long it flapped: it is calm when it is calm, and may change again. */
static void a_long_time_of_flapping_is_forgiven(void **unused)
{
	int64_t now_ns = 0;

	(void)unused;
	flap(7, 0);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(POOL_DAMP_HOLD, note(7, i, now_ns += S));
	assert_int_equal(9999, release(now_ns + 300 * S));
	assert_int_equal(POOL_DAMP_TELL, note(7, 1, now_ns + 301 * S));
	assert_int_equal(POOL_DAMP_TELL, note(7, 2, now_ns + 302 * S));
}

/* One that is slow enough is told again, although it was never calm for 300 s. */
static void slow_changes_are_told_again(void **unused)
{
	int64_t now_ns = 0;
	int told = 0;

	(void)unused;
	flap(7, 0);
	for (int i = 0; i < 20; i++)
		told += note(7, i, now_ns += 250 * S) == POOL_DAMP_TELL;
	assert_in_range(told, 15, 19);
	assert_int_equal(-1, release(now_ns));
}

static void keys_are_apart(void **unused)
{
	(void)unused;
	flap(1, 0);
	assert_int_equal(POOL_DAMP_TELL, note(2, 1, 10));
	flap(3, 20);
	assert_int_equal(POOL_DAMP_HOLD, note(1, 7, 30));
	assert_int_equal(POOL_DAMP_HOLD, note(3, 8, 50 * S));
	assert_int_equal(7, release(301 * S));
	assert_int_equal(-1, release(301 * S));
	assert_int_equal(8, release(350 * S));
}

/* A change that comes before what was held is released takes its place. */
static void a_newer_change_is_told_instead(void **unused)
{
	(void)unused;
	flap(7, 0);
	assert_int_equal(POOL_DAMP_TELL, note(7, 9, 400 * S));
	assert_int_equal(-1, release(500 * S));
	assert_int_equal(-1, release(INT64_MAX));
}

static void a_clock_that_goes_back_harms_nobody(void **unused)
{
	(void)unused;
	flap(7, 1000 * S);
	assert_int_equal(POOL_DAMP_HOLD, note(7, 7, 500 * S));
	assert_int_equal(7, release(801 * S));
	assert_int_equal(POOL_DAMP_TELL, note(7, 8, 801 * S));
}

/* More keys than there is room for: those that changed once do not hide those that flap,
 * and what is held comes out, all of it, once. */
static void a_full_table_forgets_the_calm(void **unused)
{
	enum { CALM = 50000, FLAPPING = 500 };
	bool released[FLAPPING] = {false};
	int64_t number;
	int held = 0;

	(void)unused;
	for (int i = 0; i < 10; i++) {
		for (int j = 0; j < FLAPPING; j++)
			note((uint64_t)j, j, i * S);
		for (int j = 0; j < CALM; j++)
			if (i == 5)
				assert_int_equal(POOL_DAMP_TELL,
					note((uint64_t)(1000 + j), -2, i * S));
	}
	for (int j = 0; j < FLAPPING; j++)
		held += note((uint64_t)j, j, 10 * S) == POOL_DAMP_HOLD;
	assert_in_range(held, FLAPPING * 9 / 10, FLAPPING);
	while ((number = release(1000 * S)) != -1) {
		assert_false(released[number]);
		released[number] = true;
		held--;
	}
	assert_int_equal(0, held);
}

/*
 * Random walks of many keys: who heeds the verdicts and the releases knows the last state
 * of each, as soon as all are calm; nobody is told more often than seldom.
 */
static void walks_end_in_the_right_picture(void **unused)
{
	enum { KEYS = 300, STEPS = 60000, HOUR_S = 3600 };
	struct pool_random random = {.state = 42};
	int64_t last[KEYS] = {0}, known[KEYS] = {0}, now_ns = 0;
	int told[KEYS] = {0}, firsts[KEYS] = {0};
	struct pool_event event;

	(void)unused;
	for (int64_t i = 1; i <= STEPS; i++) {
		/* Some change often, some seldom. */
		uint64_t key =
			pool_random_below(&random, 1 + pool_random_below(&random, KEYS));
		enum pool_damp_verdict verdict;

		now_ns += (int64_t)pool_random_below(&random, 20 * HOUR_S) * S / STEPS;
		event.count = 0;
		while (pool_damp_release(damp, now_ns, &event)) {
			uint64_t of = (uint64_t)event.count % KEYS;

			assert_int_equal(last[of], event.count);
			known[of] = event.count;
			told[of]++;
		}
		last[key] = i * KEYS + (int64_t)key;
		verdict = note(key, last[key], now_ns);
		firsts[key] += verdict == POOL_DAMP_FIRST;
		if (verdict == POOL_DAMP_TELL) {
			known[key] = last[key];
			told[key]++;
		}
	}
	while (pool_damp_release(damp, now_ns + 300 * S, &event))
		known[event.count % KEYS] = event.count;
	for (int i = 0; i < KEYS; i++) {
		/* Six at first; then one penalty in the time in which one is lost. */
		int64_t most = 7 + now_ns / (20 * S);

		assert_int_equal(last[i], known[i]);
		assert_true(told[i] + firsts[i] <= most);
	}
	assert_true(firsts[0] > 0);
	assert_int_equal(INT64_MAX, pool_damp_due_ns(damp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rare_changes_are_told, begin, end),
		cmocka_unit_test_setup_teardown(
			the_last_one_is_told_when_it_is_calm, begin, end),
		cmocka_unit_test_setup_teardown(
			a_long_time_of_flapping_is_forgiven, begin, end),
		cmocka_unit_test_setup_teardown(slow_changes_are_told_again, begin, end),
		cmocka_unit_test_setup_teardown(keys_are_apart, begin, end),
		cmocka_unit_test_setup_teardown(
			a_newer_change_is_told_instead, begin, end),
		cmocka_unit_test_setup_teardown(
			a_clock_that_goes_back_harms_nobody, begin, end),
		cmocka_unit_test_setup_teardown(
			a_full_table_forgets_the_calm, begin, end),
		cmocka_unit_test_setup_teardown(
			walks_end_in_the_right_picture, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
