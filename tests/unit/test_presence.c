/* Owners that lock a byte of the state file: seen to live and to end from anywhere. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"
#include "state/session_inner.h"

#define S POOL_NS_PER_S

enum { NUMBER = 7, SPACE = 12345 };

static const struct pool_hash_key salt = {{1, 2, 3}};

struct place {
	char folder[200];
	char file[256];
	char path[256];
	struct pool_snapshot snapshot;
	struct pool_session *session;
	int warnings;
	char warning[512];
};

static int set_up(void **context)
{
	static struct fixture_pool pool;
	struct place *place = calloc(1, sizeof(*place));

	fixture_folder_make(place->folder, sizeof(place->folder));
	snprintf(place->file, sizeof(place->file), "%s/pool.json", place->folder);
	snprintf(place->path, sizeof(place->path), "%s/pool.state", place->folder);
	fixture_fill(&pool, "default.http", 2);
	fixture_compile(&place->snapshot, &pool, 1, &salt);
	*context = place;
	return 0;
}

static int tear_down(void **context)
{
	struct place *place = *context;

	pool_session_free(place->session);
	pool_snapshot_release(&place->snapshot);
	fixture_folder_remove(place->folder);
	free(place);
	return 0;
}

/* --- another process --------------------------------------------------------------- */

/* A process that does as it is told, says that it is done, and lives until killed. */
static pid_t start(void (*act)(struct place *), struct place *place)
{
	char byte = 0;
	int ends[2];
	pid_t pid;

	assert_int_equal(0, pipe(ends));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
			_exit(1);
		act(place);
		if (write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(1, read(ends[0], &byte, 1));
	close(ends[0]);
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(0, kill(pid, SIGKILL));
	assert_int_equal(pid, waitpid(pid, NULL, 0));
}

static void add_lease(struct pool_state *state, uint64_t id, const struct pool_now *now)
{
	const struct pool_lease lease = {
		.id = id, .owner_pid = 1, .owner_space = SPACE, .lock = state->own_lock};

	if (pool_lease_add(state, &lease) != 0)
		abort();
	pool_state_settle(state, now);
}

/* A lease with its pid as id, whose owner locks byte NUMBER. */
static void own(struct place *place)
{
	struct pool_state *state = fixture_state(place->path, &place->snapshot);
	struct pool_now now;

	pool_clock_get(&now);
	if (pool_lease_hold(state, NUMBER, &now, NULL) != 0)
		abort();
	add_lease(state, (uint64_t)getpid(), &now);
	pool_state_unlock(state);
}

static struct pool_owner only_owner(const struct pool_state *state)
{
	struct pool_lease_walk walk = {0, UINT32_MAX};
	struct pool_owner owners[2];

	assert_int_equal(1, pool_lease_owners(state, &walk, owners, 2));
	return owners[0];
}

/* --- the lock ---------------------------------------------------------------------- */

static void it_ends_with_the_process(void **context)
{
	struct place *place = *context;
	pid_t pid = start(own, place);
	struct pool_state *state = fixture_state(place->path, &place->snapshot), *copy;
	struct pool_owner owner = only_owner(state);

	assert_int_equal(NUMBER + 1, owner.lock);
	assert_false(pool_owner_vanished(state, &owner, SPACE + 1));
	assert_false(pool_owner_gone(state, &owner, 0));
	assert_false(pool_owner_is_unseen(&owner, SPACE + 1));
	end(pid);
	assert_true(pool_owner_vanished(state, &owner, SPACE + 1));
	assert_true(pool_owner_gone(state, &owner, 0));
	/* Without a descriptor to ask by nobody is gone for certain. */
	assert_false(pool_owner_gone(NULL, &owner, 0));
	pool_state_free(state);

	assert_int_equal(
		0, pool_state_read(&copy, place->path, "/etc/pool.json", 1000, NULL));
	assert_true(pool_owner_gone(copy, &owner, 0));
	pool_state_free(copy);
}

/* Copies are what pool-status and pool-watch look at. */
static void a_copy_is_swept(void **context)
{
	struct place *place = *context;
	pid_t pid = start(own, place);
	struct pool_state *copy;
	struct pool_now now;

	pool_clock_get(&now);
	for (int alive = 1; alive >= 0; alive--) {
		assert_int_equal(0,
			pool_state_read(
				&copy, place->path, "/etc/pool.json", 1000, NULL));
		pool_copy_sweep(copy, &now);
		assert_int_equal(alive, copy->counts[0]);
		pool_state_free(copy);
		if (alive)
			end(pid);
	}
}

static void its_own_lock_is_not_gone(void **context)
{
	struct place *place = *context;
	struct pool_state *state = fixture_state(place->path, &place->snapshot);
	struct pool_now now;
	struct pool_owner owner;

	pool_clock_get(&now);
	assert_int_equal(0, pool_lease_hold(state, NUMBER, &now, NULL));
	add_lease(state, 1, &now);
	owner = only_owner(state);
	assert_false(pool_owner_gone(state, &owner, SPACE + 1));
	pool_state_free(state);
}

static void one_of_two_gets_a_number(void **context)
{
	struct place *place = *context;
	pid_t pid = start(own, place);
	struct pool_state *state = fixture_state(place->path, &place->snapshot);
	struct pool_now now;

	pool_clock_get(&now);
	assert_int_equal(POOL_EBUSY, pool_lease_hold(state, NUMBER, &now, NULL));
	assert_int_equal(0, state->own_lock);
	assert_int_equal(1, state->counts[0]);
	assert_int_equal(0, pool_lease_hold(state, NUMBER + 1, &now, NULL));
	assert_int_equal(1, state->counts[0]);
	end(pid);
	pool_state_free(state);
}

/* What the dead held does not live on with who gets the number next. */
static void a_number_that_comes_again_keeps_no_lease(void **context)
{
	struct place *place = *context;
	pid_t first = start(own, place), second;
	struct pool_state *state;
	struct pool_owner owner;

	end(first);
	second = start(own, place);
	state = fixture_state(place->path, &place->snapshot);
	owner = only_owner(state);
	assert_int_equal(second, owner.lease);
	assert_int_equal(1, state->counts[0]);
	assert_int_equal(1, state->image->leases_owned);
	assert_int_equal(0, pool_state_verify(state, NULL));
	end(second);
	assert_true(pool_owner_gone(state, &owner, 0));
	pool_state_free(state);
}

static void what_cannot_lock_says_so(void **context)
{
	struct place *place = *context;
	struct pool_state *state = fixture_state(place->path, &place->snapshot);
	int fd = open(place->path, O_RDONLY | O_CLOEXEC);
	struct pool_fault fault = {0};
	struct pool_now now;

	pool_clock_get(&now);
	assert_true(fd >= 0);
	/* It can still be read and locked with flock(2). */
	assert_int_equal(state->fd, dup2(fd, state->fd));
	assert_int_equal(POOL_ESYSTEM, pool_lease_hold(state, NUMBER, &now, &fault));
	assert_int_equal(EBADF, fault.sys_errno);
	assert_int_equal(0, state->own_lock);
	close(fd);
	pool_state_free(state);
}

/* --- what a person ends ------------------------------------------------------------ */

static void a_person_ends_what_cannot_be_looked_up(void **context)
{
	struct place *place = *context;
	pid_t pid = start(own, place);
	struct pool_state *state = fixture_state(place->path, &place->snapshot);
	struct pool_lease lease = {.id = 1, .owner_pid = getpid(), .record = 1};
	const uint64_t space = pool_owner_space();
	struct pool_now now;

	pool_clock_get(&now);
	if (!space)
		skip();
	lease.owner_space = space;
	assert_true(pool_owner_look_up(getpid(), space, &lease.owner_start));
	/* Ours; of another namespace; by time alone; another one's of another record. */
	assert_int_equal(0, pool_lease_add(state, &lease));
	lease.id = 2;
	lease.owner_space = space + 1;
	assert_int_equal(0, pool_lease_add(state, &lease));
	lease.id = 3;
	lease.owner_pid = 0;
	lease.expires_ns = now.boot_ns + 1000 * S;
	assert_int_equal(0, pool_lease_add(state, &lease));
	lease = (struct pool_lease){.id = 4, .owner_pid = 1, .owner_space = space + 1};
	assert_int_equal(0, pool_lease_add(state, &lease));
	pool_state_settle(state, &now);
	assert_int_equal(1, pool_lease_release_unseen(state, 1, space, &now));
	assert_int_equal(2, state->counts[0]);
	assert_int_equal(2, state->counts[1]);
	assert_int_equal(
		1, pool_lease_release_unseen(state, POOL_EVERY_RECORD, space, &now));
	assert_int_equal(1, state->counts[0]);
	end(pid);
	assert_int_equal(
		1, pool_lease_release_unseen(state, POOL_EVERY_RECORD, space, &now));
	assert_int_equal(0, state->counts[0]);
	assert_int_equal(2, state->counts[1]);
	assert_int_equal(0, pool_state_verify(state, NULL));
	pool_state_free(state);
}

/* --- a session outside the initial namespace ---------------------------------------- */

static void warn(void *context, const char *text)
{
	struct place *place = context;

	place->warnings++;
	snprintf(place->warning, sizeof(place->warning), "%s", text);
}

static struct pool_session *open_session(struct place *place, uint64_t space)
{
	const struct pool_session_options options = {.file = place->file,
		.state = place->path,
		.warn = warn,
		.context = place};
	struct pool_session *session = NULL;
	struct pool_fault fault = {0};

	if (pool_session_new(&session, &options, &fault) != 0)
		fail_msg("%s", fault.text);
	session->pid_space = space;
	session->asked_space = true;
	return session;
}

static void write_pool(struct place *place)
{
	static const char *const text =
		"{\"proxies\": [\"http://127.0.0.1:1\"], \"fallback\": \"fail\","
		" \"limits\": {\"max_connections\": 1}}";

	fixture_write(place->file, text, strlen(text));
}

static int ask(struct pool_session *session, const struct pool_query *query)
{
	struct pool_choice choice;
	int error = pool_session_select(session, query, &choice, NULL);

	if (!error && query->lease)
		assert_true(choice.proxies[0].lease[0] != '\0');
	pool_choice_release(&choice);
	return error;
}

/* The one lease that there is. */
static struct pool_lease only_lease(struct place *place)
{
	struct pool_state *state = NULL;
	struct pool_lease lease;

	assert_int_equal(0, pool_state_open(&state, place->path, place->file, NULL));
	assert_int_equal(0, pool_state_lock(state, 1000, NULL));
	assert_int_equal(1, state->image->leases_used);
	lease = state->leases[only_owner(state).slot];
	pool_state_free(state);
	return lease;
}

static void its_leases_end_with_it(void **context)
{
	struct place *place = *context;
	const struct pool_query leased = {.lease = true, .owner_pid = getpid()},
				plain = {0};
	struct pool_session *inside;
	struct pool_lease lease;

	write_pool(place);
	inside = open_session(place, SPACE);
	place->session = open_session(place, SPACE + 1);
	assert_false(pool_session_holds(inside));
	assert_int_equal(0, ask(inside, &leased));
	assert_true(pool_session_holds(inside));
	assert_false(pool_session_holds(place->session));
	lease = only_lease(place);
	assert_int_not_equal(0, lease.lock);
	assert_int_equal(0, lease.expires_ns);
	assert_int_equal(SPACE, lease.owner_space);
	assert_int_equal(POOL_ENONE, ask(place->session, &plain));
	/* Who holds it does not take itself for gone. */
	assert_int_equal(POOL_ENONE, ask(inside, &leased));
	pool_session_free(inside);
	assert_int_equal(0, ask(place->session, &plain));
	assert_int_equal(0, place->warnings);
}

/* In the initial one nothing is locked: a command may take our place and its lease. */
static void in_the_initial_one_nothing_is_locked(void **context)
{
	struct place *place = *context;
	const struct pool_query leased = {.lease = true, .owner_pid = getpid()};

	if (pool_owner_space() != POOL_PID_SPACE_INITIAL)
		skip();
	write_pool(place);
	place->session = open_session(place, POOL_PID_SPACE_INITIAL);
	assert_int_equal(0, ask(place->session, &leased));
	assert_false(pool_session_holds(place->session));
	assert_int_equal(0, only_lease(place).lock);
}

static void another_owner_needs_a_time(void **context)
{
	static const struct {
		int64_t ttl_ms, expected_ms;
		int warnings;
	} cases[] = {{0, POOL_UNSEEN_TTL_MS, 1}, {5000, 5000, 0}};
	struct place *place = *context;

	if (!pool_owner_space())
		skip();
	write_pool(place);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pool_query query = {
			.lease = true, .owner_pid = getppid(), .ttl_ms = cases[i].ttl_ms};
		struct pool_lease lease;

		unlink(place->path);
		place->warnings = 0;
		pool_session_free(place->session);
		place->session = open_session(place, SPACE);
		assert_int_equal(0, ask(place->session, &query));
		ask(place->session, &query);
		assert_int_equal(cases[i].warnings, place->warnings);
		lease = only_lease(place);
		assert_int_equal(0, lease.lock);
		assert_int_equal(getppid(), lease.owner_pid);
		assert_int_equal(cases[i].expected_ms * POOL_NS_PER_MS,
			lease.expires_ns - lease.began_ns);
	}
	assert_int_equal(0, place->warnings);
}

/* A file system without such locks: by time, and it says so. */
static void without_locks_it_ends_by_time(void **context)
{
	static const struct {
		int64_t longest_ms, expected_ms;
	} cases[] = {{0, POOL_UNSEEN_TTL_MS}, {7000, 7000}};
	struct place *place = *context;

	if (!pool_owner_space())
		skip();
	write_pool(place);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pool_query query = {.lease = true,
			.owner_pid = getpid(),
			.longest_ms = cases[i].longest_ms};
		struct pool_lease lease;
		int fd;

		unlink(place->path);
		place->warnings = 0;
		pool_session_free(place->session);
		place->session = open_session(place, SPACE);
		/* Opens the file, which then is one that is only read. */
		assert_int_equal(0, ask(place->session, &(struct pool_query){0}));
		fd = open(place->path, O_RDONLY | O_CLOEXEC);
		assert_int_equal(
			place->session->state->fd, dup2(fd, place->session->state->fd));
		close(fd);
		assert_int_equal(0, ask(place->session, &query));
		assert_false(pool_session_holds(place->session));
		assert_int_equal(1, place->warnings);
		assert_non_null(strstr(place->warning, "the lease ends by time"));
		lease = only_lease(place);
		assert_int_equal(0, lease.lock);
		assert_int_not_equal(0, lease.owner_start);
		assert_int_equal(cases[i].expected_ms * POOL_NS_PER_MS,
			lease.expires_ns - lease.began_ns);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_ends_with_the_process),
		TEST(a_copy_is_swept),
		TEST(its_own_lock_is_not_gone),
		TEST(one_of_two_gets_a_number),
		TEST(a_number_that_comes_again_keeps_no_lease),
		TEST(what_cannot_lock_says_so),
		TEST(a_person_ends_what_cannot_be_looked_up),
		TEST(its_leases_end_with_it),
		TEST(in_the_initial_one_nothing_is_locked),
		TEST(another_owner_needs_a_time),
		TEST(without_locks_it_ends_by_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
