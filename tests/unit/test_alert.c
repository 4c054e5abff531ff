/* Alerts with receivers that are fakes: what is sent when, in what batches, how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "health/health.h"
#include "watch/alert.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define S           POOL_NS_PER_S
#define MS          POOL_NS_PER_MS

/* --- a receiver ----------------------------------------------------------------- */

enum { MOST = 64 };

struct fake {
	/* What it is to do: */
	int fails; /* so many attempts fail */
	int32_t retry_after_s;
	bool at_once; /* they fail in begin() */
	bool hangs;   /* attempts do not end */
	/* What it saw: */
	struct {
		int64_t boot_ns;
		size_t count;
		uint64_t more;
		struct pool_event first, last, worst;
	} attempts[MOST];
	size_t count;
	bool running, freed;
};

static void fail_attempt(struct fake *fake, struct pool_attempt *attempt)
{
	fake->fails--;
	attempt->ok = false;
	attempt->retry_after_s = fake->retry_after_s;
	snprintf(attempt->why, sizeof(attempt->why), "it is a fake");
}

static bool fake_begin(void *self, const struct pool_batch *batch,
	const struct pool_now *now, struct pool_attempt *attempt)
{
	struct fake *fake = self;

	assert_true(fake->count < MOST);
	assert_true(batch->count > 0);
	assert_false(fake->running);
	fake->attempts[fake->count].boot_ns = now->boot_ns;
	fake->attempts[fake->count].count = batch->count;
	fake->attempts[fake->count].more = batch->more;
	fake->attempts[fake->count].first = batch->events[0];
	fake->attempts[fake->count].last = batch->events[batch->count - 1];
	fake->attempts[fake->count].worst = *pool_batch_worst(batch);
	fake->count++;
	if (fake->at_once && fake->fails) {
		fail_attempt(fake, attempt);
		return false;
	}
	fake->running = true;
	return true;
}

static bool fake_turn(
	void *self, const struct pool_now *now, struct pool_attempt *attempt)
{
	struct fake *fake = self;

	(void)now;
	assert_true(fake->running);
	if (fake->hangs)
		return false;
	fake->running = false;
	attempt->ok = true;
	if (fake->fails)
		fail_attempt(fake, attempt);
	return true;
}

static int64_t fake_due_ns(const void *self)
{
	assert_true(((const struct fake *)self)->running);
	return INT64_MAX;
}

static void fake_free(void *self)
{
	((struct fake *)self)->freed = true;
}

/* --- alerts to it --------------------------------------------------------------- */

static struct fake fakes[2];
static struct pool_alerts *alerts;
static struct pool_event told[MOST];
static size_t told_count;

/* Hands it back, as a caller does who has one place for all events. */
static void note_told(void *context, const struct pool_event *event)
{
	const struct pool_now now = {0};

	assert_ptr_equal(&alerts, context);
	if (told_count < MOST)
		told[told_count] = *event;
	told_count++;
	pool_alerts_add(alerts, event, &now);
}

static void begin(size_t count, uint32_t kinds, int64_t window_ms)
{
	struct pool_alert_options options = {.kinds = kinds,
		.window_ms = window_ms,
		.count = count,
		.seed = 5,
		.tell = note_told,
		.context = &alerts};
	struct pool_fault fault;

	memset(fakes, 0, sizeof(fakes));
	told_count = 0;
	for (size_t i = 0; i < count; i++) {
		fakes[i].retry_after_s = -1;
		options.receivers[i] = (struct pool_receiver){.name = "fake",
			.label = "of a test",
			.descriptor = -1,
			.self = &fakes[i],
			.begin = fake_begin,
			.turn = fake_turn,
			.due_ns = fake_due_ns,
			.free = fake_free};
	}
	assert_int_equal(0, pool_alerts_new(&alerts, &options, &fault));
}

static void end(int64_t grace_ms)
{
	size_t count = pool_alerts_receivers(alerts);

	pool_alerts_free(alerts, grace_ms);
	for (size_t i = 0; i < count; i++)
		assert_true(fakes[i].freed);
}

static struct pool_now at(int64_t boot_ns)
{
	return (struct pool_now){.boot_ns = boot_ns, .wall_s = boot_ns / S};
}

static void add(enum pool_event_kind kind, int proxy, int to, int64_t boot_ns)
{
	struct pool_now now = at(boot_ns);
	struct pool_event event;

	pool_event_init(&event, kind, now.wall_s);
	snprintf(event.pool, sizeof(event.pool), "default.http");
	if (kind == POOL_EVENT_TRANSITION) {
		snprintf(event.proxy, sizeof(event.proxy), "p%d", proxy);
		event.from = POOL_STATUS_HEALTHY;
		event.to = to;
	}
	pool_alerts_add(alerts, &event, &now);
}

static void turn(int64_t boot_ns)
{
	struct pool_now now = at(boot_ns);

	pool_alerts_turn(alerts, &now);
}

/* From due time to due time until nothing is left to do. */
static int64_t run_from(int64_t boot_ns)
{
	turn(boot_ns);
	while (pool_alerts_due_ns(alerts) < INT64_MAX) {
		assert_true(pool_alerts_due_ns(alerts) > boot_ns);
		boot_ns = pool_alerts_due_ns(alerts);
		turn(boot_ns);
	}
	return boot_ns;
}

static struct pool_delivery_counts counts(size_t receiver)
{
	const char *name;
	struct pool_delivery_counts found = pool_alerts_counts(alerts, receiver, &name);

	assert_string_equal("fake", name);
	return found;
}

/* --- which events --------------------------------------------------------------- */

static void the_default_is_of_the_table(void **unused)
{
	uint32_t kinds = pool_alerts_default_kinds();

	(void)unused;
	assert_true(kinds >> POOL_EVENT_TRANSITION & 1);
	assert_true(kinds >> POOL_EVENT_FLAPPING & 1);
	assert_false(kinds >> POOL_EVENT_STARTED & 1);
	assert_false(kinds >> POOL_EVENT_CHECK & 1);
	assert_false(kinds >> POOL_EVENT_ALERT_FAILED & 1);
	for (int i = 0; i < POOL_EVENTS; i++)
		assert_int_equal(i != POOL_EVENT_CHECK && i != POOL_EVENT_ALERT_FAILED,
			pool_alerts_can_be((enum pool_event_kind)i));
}

static void only_what_is_asked_for_is_sent(void **unused)
{
	(void)unused;
	begin(1, 1u << POOL_EVENT_PANIC | 1u << POOL_EVENT_CHECK, 0);
	for (int i = 0; i < POOL_EVENTS; i++)
		add((enum pool_event_kind)i, 0, POOL_STATUS_HEALTHY, 0);
	turn(0);
	assert_int_equal(1, fakes[0].count);
	assert_int_equal(1, fakes[0].attempts[0].count);
	assert_int_equal(POOL_EVENT_PANIC, fakes[0].attempts[0].first.kind);
	end(0);
}

/* Nobody is told, and what flaps is known all the same, once, and when it is over. */
static void without_receivers_what_flaps_is_told(void **unused)
{
	(void)unused;
	begin(0, pool_alerts_default_kinds(), 0);
	for (int i = 0; i < 6; i++)
		add(POOL_EVENT_TRANSITION, 3, POOL_STATUS_UNHEALTHY, i);
	assert_int_equal(0, told_count);
	for (int i = 6; i < 100; i++)
		add(POOL_EVENT_TRANSITION, 3, POOL_STATUS_UNHEALTHY, i);
	turn(100);
	assert_int_equal(1, told_count);
	assert_int_equal(POOL_EVENT_FLAPPING, told[0].kind);
	assert_string_equal("p3", told[0].proxy);
	run_from(100);
	assert_int_equal(2, told_count);
	assert_int_equal(POOL_EVENT_SETTLED, told[1].kind);
	assert_string_equal("default.http", told[1].pool);
	assert_string_equal("p3", told[1].proxy);
	assert_int_equal(300, told[1].wall_s);
	end(1000);
}

/* --- batches -------------------------------------------------------------------- */

static void events_are_gathered(void **unused)
{
	(void)unused;
	begin(2, pool_alerts_default_kinds(), 2000);
	assert_int_equal(INT64_MAX, pool_alerts_due_ns(alerts));
	for (int i = 0; i < 20; i++)
		add(POOL_EVENT_TRANSITION, i, POOL_STATUS_UNHEALTHY, S + i * MS);
	assert_int_equal(3 * S, pool_alerts_due_ns(alerts));
	turn(3 * S - 1);
	assert_int_equal(0, fakes[0].count);
	turn(3 * S);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(1, fakes[i].count);
		assert_int_equal(20, fakes[i].attempts[0].count);
		assert_int_equal(0, fakes[i].attempts[0].more);
		assert_string_equal("p0", fakes[i].attempts[0].first.proxy);
		assert_string_equal("p19", fakes[i].attempts[0].last.proxy);
		assert_int_equal(20, counts(i).sent);
	}
	assert_int_equal(INT64_MAX, pool_alerts_due_ns(alerts));
	end(0);
}

static void a_full_batch_keeps_the_worst(void **unused)
{
	(void)unused;
	begin(1, pool_alerts_default_kinds(), 2000);
	for (int i = 0; i < 300; i++)
		add(POOL_EVENT_TRANSITION, i, POOL_STATUS_HEALTHY, i);
	add(POOL_EVENT_EXHAUSTED, 0, 0, 300);
	turn(3 * S);
	assert_int_equal(POOL_ALERT_BATCH, fakes[0].attempts[0].count);
	assert_int_equal(301 - POOL_ALERT_BATCH, fakes[0].attempts[0].more);
	assert_string_equal("p0", fakes[0].attempts[0].first.proxy);
	assert_int_equal(POOL_EVENT_EXHAUSTED, fakes[0].attempts[0].last.kind);
	assert_int_equal(POOL_EVENT_EXHAUSTED, fakes[0].attempts[0].worst.kind);
	assert_int_equal(POOL_ALERT_BATCH, counts(0).sent);
	assert_int_equal(301 - POOL_ALERT_BATCH, counts(0).dropped);
	end(0);
}

static void of_the_worst_the_last_speaks(void **unused)
{
	(void)unused;
	begin(1, pool_alerts_default_kinds(), 0);
	add(POOL_EVENT_TRANSITION, 1, POOL_STATUS_UNHEALTHY, 0);
	add(POOL_EVENT_TRANSITION, 2, POOL_STATUS_UNHEALTHY, 0);
	add(POOL_EVENT_TRANSITION, 3, POOL_STATUS_HEALTHY, 0);
	turn(0);
	assert_string_equal("p2", fakes[0].attempts[0].worst.proxy);
	end(0);
}

/* --- retries -------------------------------------------------------------------- */

static void check_delay(size_t attempt, int64_t about_ms)
{
	int64_t delay_ms = (fakes[0].attempts[attempt].boot_ns -
				   fakes[0].attempts[attempt - 1].boot_ns) /
		MS;

	assert_in_range(delay_ms, about_ms * 3 / 4, about_ms * 5 / 4 + 1);
}

static void what_fails_is_tried_again(void **unused)
{
	(void)unused;
	for (int at_once = 0; at_once < 2; at_once++) {
		begin(1, pool_alerts_default_kinds(), 0);
		fakes[0].fails = 2;
		fakes[0].at_once = at_once;
		add(POOL_EVENT_DEGRADED, 0, 0, 0);
		run_from(0);
		assert_int_equal(3, fakes[0].count);
		check_delay(1, 1000);
		check_delay(2, 2000);
		assert_int_equal(1, counts(0).sent);
		assert_int_equal(0, counts(0).failed);
		assert_int_equal(0, told_count);
		end(0);
	}
}

static void after_five_attempts_it_is_given_up(void **unused)
{
	(void)unused;
	begin(1, pool_alerts_default_kinds(), 0);
	fakes[0].fails = 5;
	add(POOL_EVENT_DEGRADED, 0, 0, 0);
	add(POOL_EVENT_PANIC, 0, 0, 0);
	run_from(0);
	assert_int_equal(5, fakes[0].count);
	check_delay(3, 4000);
	check_delay(4, 8000);
	assert_int_equal(2, counts(0).failed);
	assert_int_equal(0, counts(0).sent);
	assert_int_equal(1, told_count);
	assert_int_equal(POOL_EVENT_ALERT_FAILED, told[0].kind);
	assert_string_equal(
		"fake of a test: it is a fake, tried 5 times", told[0].detail);
	/* It is about alerts, and none itself; the next one is tried anew. */
	add(POOL_EVENT_DEGRADED, 0, 0, 100 * S);
	run_from(100 * S);
	assert_int_equal(6, fakes[0].count);
	assert_int_equal(1, counts(0).sent);
	end(0);
}

static void retry_after_is_heeded(void **unused)
{
	static const struct {
		int32_t said_s;
		int64_t delay_s;
	} cases[] = {{0, 1}, {30, 30}, {60, 60}, {3600, 60}};

	(void)unused;
	for (size_t i = 0; i < SIZE(cases); i++) {
		begin(1, pool_alerts_default_kinds(), 0);
		fakes[0].fails = 1;
		fakes[0].retry_after_s = cases[i].said_s;
		add(POOL_EVENT_DEGRADED, 0, 0, 0);
		run_from(0);
		assert_int_equal(2, fakes[0].count);
		if (cases[i].delay_s > 1)
			assert_int_equal(
				cases[i].delay_s * S, fakes[0].attempts[1].boot_ns);
		else
			check_delay(1, 1000);
		end(0);
	}
}

static void a_dead_receiver_delays_nobody(void **unused)
{
	enum { BATCHES = 40 };

	(void)unused;
	begin(2, pool_alerts_default_kinds(), 0);
	fakes[0].hangs = true;
	for (int i = 0; i < BATCHES; i++) {
		add(POOL_EVENT_PANIC, 0, 0, i * MS);
		turn(i * MS);
	}
	assert_int_equal(1, fakes[0].count);
	assert_int_equal(BATCHES, fakes[1].count);
	assert_int_equal(BATCHES, counts(1).sent);
	/* One is under way, 16 wait; the oldest of those gave way. */
	assert_int_equal(BATCHES - 1 - POOL_DELIVERY_WAITING, counts(0).dropped);
	assert_int_equal(INT64_MAX, pool_alerts_due_ns(alerts));
	fakes[0].hangs = false;
	turn(S * 100);
	assert_int_equal(1 + POOL_DELIVERY_WAITING, counts(0).sent);
	assert_int_equal((BATCHES - POOL_DELIVERY_WAITING) * MS / S,
		fakes[0].attempts[1].first.wall_s);
	assert_int_equal(0, told_count);
	end(0);
}

/* --- flapping ------------------------------------------------------------------- */

static void what_flaps_is_held(void **unused)
{
	(void)unused;
	begin(1, pool_alerts_default_kinds(), 0);
	for (int i = 0; i < 100; i++) {
		add(POOL_EVENT_TRANSITION, 7,
			i % 2 ? POOL_STATUS_HEALTHY : POOL_STATUS_UNHEALTHY, i * S);
		turn(i * S);
	}
	add(POOL_EVENT_TRANSITION, 8, POOL_STATUS_UNHEALTHY, 100 * S);
	turn(100 * S);
	/* Six, that it flaps, and the other one. */
	assert_int_equal(8, fakes[0].count);
	assert_int_equal(POOL_EVENT_FLAPPING, fakes[0].attempts[6].last.kind);
	assert_string_equal("default.http", fakes[0].attempts[6].last.pool);
	assert_string_equal("p7", fakes[0].attempts[6].last.proxy);
	assert_int_equal(1, told_count);
	assert_int_equal(POOL_EVENT_FLAPPING, told[0].kind);
	/* The last change, when it is calm. */
	assert_in_range(pool_alerts_due_ns(alerts) / S, 300, 399);
	assert_int_equal(399 * S, run_from(pool_alerts_due_ns(alerts)));
	assert_int_equal(9, fakes[0].count);
	assert_string_equal("p7", fakes[0].attempts[8].last.proxy);
	assert_int_equal(POOL_STATUS_HEALTHY, fakes[0].attempts[8].last.to);
	assert_int_equal(99, fakes[0].attempts[8].last.wall_s);
	/* That it is calm is an event, and no alert unless it is asked for. */
	assert_int_equal(2, told_count);
	assert_int_equal(POOL_EVENT_SETTLED, told[1].kind);
	assert_string_equal("p7", told[1].proxy);
	end(0);
}

/* Degraded and recovered are changes of one thing, apart from its proxies. */
static void a_pool_flaps_as_a_whole(void **unused)
{
	(void)unused;
	begin(1, pool_alerts_default_kinds(), 0);
	for (int i = 0; i < 10; i++) {
		add(i % 2 ? POOL_EVENT_RECOVERED : POOL_EVENT_DEGRADED, 0, 0, i);
		add(POOL_EVENT_PANIC, 0, 0, i);
	}
	turn(10);
	assert_int_equal(1, told_count);
	assert_string_equal("default.http", told[0].pool);
	assert_string_equal("", told[0].proxy);
	assert_int_equal(10 + 6 + 1, fakes[0].attempts[0].count);
	end(0);
}

/* Changes that are no alerts themselves count all the same, and what is told at last is
 * not contradicted by one that is not told. */
static void changes_that_are_not_told_count(void **unused)
{
	(void)unused;
	begin(1, 1u << POOL_EVENT_DEGRADED, 0);
	for (int i = 0; i < 10; i++)
		add(i % 2 ? POOL_EVENT_RECOVERED : POOL_EVENT_DEGRADED, 0, 0, i);
	turn(10);
	assert_int_equal(3, fakes[0].attempts[0].count);
	assert_int_equal(1, told_count);
	run_from(1000 * S);
	assert_int_equal(1, fakes[0].count);
	end(0);
}

/* --- the end -------------------------------------------------------------------- */

static void at_the_end_all_is_tried_once(void **unused)
{
	(void)unused;
	begin(2, pool_alerts_default_kinds(), 3600000);
	fakes[0].fails = 100;
	for (int i = 0; i < 10; i++)
		add(POOL_EVENT_TRANSITION, 7, POOL_STATUS_UNHEALTHY, 0);
	end(10000);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(1, fakes[i].count);
		assert_int_equal(6 + 1 + 1, fakes[i].attempts[0].count);
	}
	assert_int_equal(2, told_count);
	assert_string_equal("fake of a test: it is a fake, tried once", told[1].detail);
}

static void the_end_does_not_wait_for_long(void **unused)
{
	struct pool_now before, after;

	(void)unused;
	begin(1, pool_alerts_default_kinds(), 3600000);
	fakes[0].hangs = true;
	add(POOL_EVENT_DEGRADED, 0, 0, 0);
	pool_clock_get(&before);
	end(50);
	pool_clock_get(&after);
	assert_int_equal(1, fakes[0].count);
	assert_true(after.boot_ns - before.boot_ns >= 50 * MS);
}

static void events_come_and_nobody_looks(void **unused)
{
	(void)unused;
	begin(2, pool_alerts_default_kinds(), 10);
	fakes[0].hangs = fakes[1].hangs = true;
	for (int i = 0; i < 100000; i++) {
		add(POOL_EVENT_TRANSITION, i % 5000, POOL_STATUS_UNHEALTHY, i * MS);
		if (i % 16 == 0)
			turn(i * MS);
	}
	assert_true(counts(0).dropped > 1000);
	end(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_is_of_the_table),
		cmocka_unit_test(only_what_is_asked_for_is_sent),
		cmocka_unit_test(without_receivers_what_flaps_is_told),
		cmocka_unit_test(events_are_gathered),
		cmocka_unit_test(a_full_batch_keeps_the_worst),
		cmocka_unit_test(of_the_worst_the_last_speaks),
		cmocka_unit_test(what_fails_is_tried_again),
		cmocka_unit_test(after_five_attempts_it_is_given_up),
		cmocka_unit_test(retry_after_is_heeded),
		cmocka_unit_test(a_dead_receiver_delays_nobody),
		cmocka_unit_test(what_flaps_is_held),
		cmocka_unit_test(a_pool_flaps_as_a_whole),
		cmocka_unit_test(changes_that_are_not_told_count),
		cmocka_unit_test(at_the_end_all_is_tried_once),
		cmocka_unit_test(the_end_does_not_wait_for_long),
		cmocka_unit_test(events_come_and_nobody_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
