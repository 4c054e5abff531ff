/* The event loop: what is ready, what is due, and how late it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "watch/loop.h"

#define MS POOL_NS_PER_MS

/* A pipe that is waited for. */
struct line {
	struct pool_source source;
	int write_fd;
	int calls;
	bool drains;
};

static void take(void *context)
{
	struct line *line = context;
	char byte;

	line->calls++;
	if (line->drains)
		assert_int_equal(1, read(line->source.fd, &byte, 1));
}

static void open_line(struct line *line, struct pool_loop *loop)
{
	int pipes[2];

	assert_int_equal(0, pipe(pipes));
	*line = (struct line){
		.source = {pipes[0], take, line}, .write_fd = pipes[1], .drains = true};
	assert_int_equal(0, pool_loop_add(loop, &line->source, NULL));
}

static void close_line(struct line *line, struct pool_loop *loop)
{
	pool_loop_remove(loop, &line->source);
	close(line->source.fd);
	close(line->write_fd);
}

static void write_byte(const struct line *line)
{
	assert_int_equal(1, write(line->write_fd, "x", 1));
}

static int64_t now_ns(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns;
}

static int start(void **state)
{
	struct pool_loop *loop = test_malloc(sizeof(*loop));

	pool_loop_init(loop);
	assert_int_equal(0, pool_loop_open(loop, NULL));
	*state = loop;
	return 0;
}

static int end(void **state)
{
	struct pool_loop *loop = *state;

	pool_loop_close(loop);
	assert_int_equal(-1, loop->epoll);
	pool_loop_close(loop);
	test_free(loop);
	return 0;
}

static void a_time_that_has_come_is_not_waited_for(void **state)
{
	struct pool_loop *loop = *state;
	int64_t began_ns = now_ns();

	for (int i = 0; i < 100; i++) {
		assert_int_equal(-1, pool_loop_wait(loop, 0));
		assert_int_equal(-1, pool_loop_wait(loop, began_ns));
		assert_int_equal(-1, pool_loop_wait(loop, INT64_MIN));
	}
	assert_true(now_ns() - began_ns < 1000 * MS);
}

static void a_time_is_waited_for_and_how_late_it_was_is_told(void **state)
{
	struct pool_loop *loop = *state;

	for (int i = 0; i < 5; i++) {
		int64_t due_ns = now_ns() + 20 * MS,
			late_ns = pool_loop_wait(loop, due_ns);

		assert_in_range(late_ns, 0, 1000 * MS);
		assert_true(now_ns() >= due_ns);
	}
}

/* It was set, and something else came first: it is set again, sooner or later. */
static void the_time_may_change(void **state)
{
	struct pool_loop *loop = *state;
	struct line line;
	int64_t began_ns = now_ns();

	open_line(&line, loop);
	write_byte(&line);
	assert_int_equal(-1, pool_loop_wait(loop, began_ns + 10000 * MS));
	assert_int_equal(1, line.calls);
	assert_true(pool_loop_wait(loop, began_ns + 50 * MS) >= 0);
	assert_in_range(now_ns() - began_ns, 50 * MS, 5000 * MS);
	/* Later than it was set: it may be woken once too often, but not twice. */
	began_ns = now_ns();
	write_byte(&line);
	assert_int_equal(-1, pool_loop_wait(loop, began_ns + 20 * MS));
	assert_true(pool_loop_wait(loop, began_ns + 100 * MS) >= 0);
	assert_true(now_ns() - began_ns >= 20 * MS);
	if (now_ns() - began_ns < 100 * MS)
		assert_true(pool_loop_wait(loop, began_ns + 100 * MS) >= 0);
	assert_true(now_ns() - began_ns >= 100 * MS);
	close_line(&line, loop);
}

static void without_a_time_only_an_event_ends_the_waiting(void **state)
{
	struct pool_loop *loop = *state;
	struct line line;

	open_line(&line, loop);
	/* A time that was set before wakes it once. */
	write_byte(&line);
	assert_int_equal(-1, pool_loop_wait(loop, now_ns() + 20 * MS));
	usleep(50000);
	write_byte(&line);
	pool_loop_wait(loop, INT64_MAX);
	if (line.calls == 1)
		assert_int_equal(-1, pool_loop_wait(loop, INT64_MAX));
	assert_int_equal(2, line.calls);
	close_line(&line, loop);
}

static void all_that_are_ready_are_called(void **state)
{
	enum { LINES = 40 };
	struct pool_loop *loop = *state;
	struct line lines[LINES];

	for (int i = 0; i < LINES; i++) {
		open_line(&lines[i], loop);
		write_byte(&lines[i]);
	}
	for (int i = 0; i < LINES; i++)
		pool_loop_wait(loop, 0);
	for (int i = 0; i < LINES; i++) {
		assert_int_equal(1, lines[i].calls);
		close_line(&lines[i], loop);
	}
	pool_loop_wait(loop, 0);
}

static void what_is_left_unread_is_ready_again(void **state)
{
	struct pool_loop *loop = *state;
	struct line line;

	open_line(&line, loop);
	line.drains = false;
	write_byte(&line);
	for (int i = 1; i <= 3; i++) {
		pool_loop_wait(loop, INT64_MAX);
		assert_int_equal(i, line.calls);
	}
	close_line(&line, loop);
}

static void a_busy_source_does_not_hide_the_time(void **state)
{
	struct pool_loop *loop = *state;
	struct line line;
	int64_t due_ns = now_ns() + 30 * MS, late_ns = -1;

	open_line(&line, loop);
	line.drains = false;
	write_byte(&line);
	while (late_ns < 0 && now_ns() < due_ns + 1000 * MS)
		late_ns = pool_loop_wait(loop, due_ns);
	close_line(&line, loop);
	assert_in_range(late_ns, 0, 1000 * MS);
	assert_true(line.calls > 1);
}

static void what_cannot_be_waited_for_is_an_error(void **state)
{
	struct pool_loop *loop = *state;
	struct pool_source source = {.fd = -1, .ready = take};
	struct pool_fault fault = {0};

	assert_int_equal(POOL_ESYSTEM, pool_loop_add(loop, &source, &fault));
	assert_string_equal("cannot wait for events: Bad file descriptor", fault.text);
	pool_loop_remove(loop, &source);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_time_that_has_come_is_not_waited_for),
		CASE(a_time_is_waited_for_and_how_late_it_was_is_told),
		CASE(the_time_may_change),
		CASE(without_a_time_only_an_event_ends_the_waiting),
		CASE(all_that_are_ready_are_called),
		CASE(what_is_left_unread_is_ready_again),
		CASE(a_busy_source_does_not_hide_the_time),
		CASE(what_cannot_be_waited_for_is_an_error),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
