/* The watcher by its own loop: a state file that is locked, or is another one suddenly.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"
#include "base/clock.h"
#include "watch/watcher.h"

#define TCP "\"method\": \"tcp\""

enum { MOST_EVENTS = 1000 };

struct world {
	char folder[64], file[128], state[128];
	struct pool_session *session;
	struct pool_watcher *watcher;
	struct pool_event events[MOST_EVENTS];
	size_t event_count;
	uint64_t turns;
};

static void note(void *context, const struct pool_event *event)
{
	struct world *world = context;

	assert_true(world->event_count < MOST_EVENTS);
	world->events[world->event_count++] = *event;
}

static void write_pool(const struct world *world, const char *members, const char *check)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"{\"enabled\": true, \"default\": {\"http\": {\"pool\": [%s], "
		"\"health_check\": {%s, \"interval_seconds\": 5, "
		"\"retry_count\": 1, \"unhealthy_threshold\": 1}}}}",
		members, check);
	fixture_write(world->file, text, strlen(text));
}

/* Two proxies that refuse. */
static int start(void **state)
{
	struct world *world = test_calloc(1, sizeof(*world));
	struct pool_session_options options = {
		.file = world->file, .state = world->state, .lock_timeout_ms = 200};
	struct pool_watcher_options watch = {
		.concurrency = 10, .type = -1, .tell = note, .context = world};
	struct pool_fault fault = {0};

	fixture_folder_make(world->folder, sizeof(world->folder));
	snprintf(world->file, sizeof(world->file), "%s/pool.json", world->folder);
	snprintf(world->state, sizeof(world->state), "%s/x.state", world->folder);
	write_pool(world, "\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"", TCP);
	if (pool_session_new(&world->session, &options, &fault) != 0)
		fail_msg("%s", fault.text);
	watch.session = world->session;
	watch.file = world->file;
	watch.quorum = (struct pool_quorum){.count = 1};
	if (pool_watcher_new(&world->watcher, &watch, &fault) != 0)
		fail_msg("%s", fault.text);
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	pool_watcher_end(world->watcher);
	pool_watcher_free(world->watcher);
	pool_session_free(world->session);
	fixture_folder_remove(world->folder);
	test_free(world);
	return 0;
}

static int64_t now_ns(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns;
}

/* As the service does, until <done> or for <ms>. */
static void run(struct world *world, bool (*done)(const struct world *world), int64_t ms)
{
	const int64_t end_ns = now_ns() + ms * POOL_NS_PER_MS;

	while (now_ns() < end_ns && !(done && done(world))) {
		struct pollfd one = {
			.fd = pool_watcher_descriptor(world->watcher), .events = POLLIN};
		int64_t due_ns = pool_watcher_due_ns(world->watcher), left_ms;

		due_ns = due_ns < end_ns ? due_ns : end_ns;
		left_ms = (due_ns - now_ns() + POOL_NS_PER_MS - 1) / POOL_NS_PER_MS;
		poll(&one, 1, left_ms > 0 ? (int)left_ms : 0);
		pool_watcher_turn(world->watcher);
		world->turns++;
	}
}

static size_t count_kind(const struct world *world, enum pool_event_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < world->event_count; i++)
		count += world->events[i].kind == kind;
	return count;
}

static bool has_both(const struct world *world)
{
	return count_kind(world, POOL_EVENT_TRANSITION) >= 2;
}

static bool has_four(const struct world *world)
{
	return count_kind(world, POOL_EVENT_TRANSITION) >= 4;
}

static void a_quiet_watcher_sleeps(void **state)
{
	struct world *world = *state;
	uint64_t before;

	run(world, has_both, 10000);
	assert_true(has_both(world));
	assert_true(pool_watcher_first_round_done(world->watcher));
	before = world->turns;
	run(world, NULL, 1000);
	assert_in_range(world->turns - before, 1, 60);
}

/* What is due meanwhile cannot be stored: that is no reason to ask again and again. */
static void a_watcher_that_cannot_have_the_lock_does_not_spin(void **state)
{
	struct world *world = *state;
	int fd;
	uint64_t before;

	run(world, has_both, 10000);
	fd = open(world->state, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(0, flock(fd, LOCK_EX));
	before = world->turns;
	run(world, NULL, 8000);
	close(fd);
	assert_in_range(world->turns - before, 1, 400);
	assert_string_not_equal("", pool_watcher_state_fault(world->watcher));
	run(world, NULL, 3000);
	assert_string_equal("", pool_watcher_state_fault(world->watcher));
}

static void a_state_file_that_begins_anew_invents_no_history(void **state)
{
	struct world *world = *state;
	struct pool_now now;
	size_t seen = 0;

	pool_clock_get(&now);
	run(world, has_both, 10000);
	assert_int_equal(0, unlink(world->state));
	run(world, has_four, 15000);
	for (size_t i = 0; i < world->event_count; i++) {
		const struct pool_event *event = &world->events[i];

		if (event->kind != POOL_EVENT_TRANSITION)
			continue;
		seen++;
		assert_true(event->wall_s >= now.wall_s);
		assert_int_not_equal(event->from, event->to);
	}
	/* To unhealthy, and after that to unknown and to unhealthy again. */
	assert_in_range(seen, 4, 6);
}

/* One edit is in force, and the next one is half written: the plan follows the first. */
static void an_edit_that_is_not_whole_does_not_hold_up_the_one_before(void **state)
{
	struct world *world = *state;
	uint64_t before;
	size_t reloads;

	run(world, has_both, 10000);
	reloads = count_kind(world, POOL_EVENT_RELOAD);
	write_pool(world, "\"http://127.0.0.1:3\"", TCP);
	assert_int_equal(0, pool_session_refresh(world->session, NULL));
	before = world->turns;
	for (int i = 0; i < 19; i++) {
		fixture_write(world->file, "{", 1);
		run(world, NULL, 100);
	}
	assert_in_range(world->turns - before, 19, 400);
	assert_int_equal(reloads + 1, count_kind(world, POOL_EVENT_RELOAD));
	assert_int_equal(0, count_kind(world, POOL_EVENT_ROLLBACK));
	run(world, NULL, 3000);
	assert_int_equal(1, count_kind(world, POOL_EVENT_ROLLBACK));
	assert_true(count_kind(world, POOL_EVENT_TRANSITION) >= 3);
}

/* --- silence -------------------------------------------------------------------- */

/* Takes connections and says nothing. */
static int listen_silently(char *url, size_t size)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
	assert_int_equal(0, listen(fd, 512));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&address, &length));
	snprintf(url, size, "\"http://127.0.0.1:%u\"", ntohs(address.sin_port));
	return fd;
}

static bool knows_of_the_uplink(const struct world *world)
{
	return count_kind(world, POOL_EVENT_UPLINK_SUSPECT) > 0;
}

/* The first to fail is not blamed because the other one is still being asked, nor since
 * that takes all its attempts. */
static void of_two_that_are_silent_none_is_blamed(void **state)
{
	struct world *world = *state;
	char urls[2][40], members[100];
	int fds[2];

	for (int i = 0; i < 2; i++)
		fds[i] = listen_silently(urls[i], sizeof(urls[i]));
	snprintf(members, sizeof(members), "%s, %s", urls[0], urls[1]);
	write_pool(world, members,
		"\"method\": \"http\", \"url\": \"http://t.test/\", "
		"\"timeout_seconds\": 1");
	assert_int_equal(0, pool_watcher_reload(world->watcher, NULL));
	world->event_count = 0;
	run(world, knows_of_the_uplink, 30000);
	run(world, NULL, 3000);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(1, count_kind(world, POOL_EVENT_UPLINK_SUSPECT));
	assert_int_equal(0, count_kind(world, POOL_EVENT_TRANSITION));
	assert_int_equal(0, count_kind(world, POOL_EVENT_UPLINK_RECOVERED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_quiet_watcher_sleeps, start, end),
		cmocka_unit_test_setup_teardown(
			a_watcher_that_cannot_have_the_lock_does_not_spin, start, end),
		cmocka_unit_test_setup_teardown(
			a_state_file_that_begins_anew_invents_no_history, start, end),
		cmocka_unit_test_setup_teardown(
			an_edit_that_is_not_whole_does_not_hold_up_the_one_before, start,
			end),
		cmocka_unit_test_setup_teardown(
			of_two_that_are_silent_none_is_blamed, start, end),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("watcher", tests, NULL, NULL);
}
