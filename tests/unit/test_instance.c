/* One watcher a state file: claims beside each other, and those who only look. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"
#include "base/clock.h"
#include "state/instance.h"

struct world {
	char folder[64];
	char state[128], lock[160];
};

static int start(void **state)
{
	struct world *world = test_calloc(1, sizeof(*world));

	fixture_folder_make(world->folder, sizeof(world->folder));
	snprintf(world->state, sizeof(world->state), "%s/state", world->folder);
	snprintf(world->lock, sizeof(world->lock), "%s/state.watch", world->folder);
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

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

static int claim(const struct world *world)
{
	struct pool_fault fault = {0};
	int fd = -1;

	if (pool_instance_claim(world->state, &fd, &fault) != 0)
		fail_msg("%s", fault.text);
	assert_true(fd >= 0);
	return fd;
}

/* A child that is the watcher until it is killed; it says when it is. */
static pid_t claim_apart(const struct world *world)
{
	int pipes[2], fd;
	char byte;
	pid_t pid;

	assert_int_equal(0, pipe(pipes));
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		alarm(60);
		if (pool_instance_claim(world->state, &fd, NULL) != 0 ||
			write(pipes[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(pipes[1]);
	assert_int_equal(1, read(pipes[0], &byte, 1));
	close(pipes[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	assert_int_equal(0, kill(pid, SIGKILL));
	assert_int_equal(pid, waitpid(pid, NULL, 0));
}

static void a_second_claim_is_busy_and_names_the_first(void **state)
{
	struct world *world = *state;
	struct pool_fault fault = {0};
	int fd = claim(world), other = -1;
	char expected[300];

	assert_int_equal(POOL_EBUSY, pool_instance_claim(world->state, &other, &fault));
	assert_int_equal(-1, other);
	snprintf(expected, sizeof(expected),
		"process %d watches state file '%s' already; --reload, --restart and "
		"--stop reach it",
		(int)getpid(), world->state);
	assert_string_equal(expected, fault.text);
	assert_int_equal(getpid(), pool_instance_find(world->state));
	close(fd);
	assert_int_equal(0, pool_instance_find(world->state));
	close(claim(world));
}

static void a_claim_of_another_process_is_one_too(void **state)
{
	struct world *world = *state;
	pid_t pid = claim_apart(world);
	int fd = -1;

	assert_int_equal(pid, pool_instance_find(world->state));
	assert_int_equal(POOL_EBUSY, pool_instance_claim(world->state, &fd, NULL));
	/* However it ends, it is free. */
	end_child(pid);
	assert_int_equal(0, pool_instance_find(world->state));
	fd = claim(world);
	assert_int_equal(getpid(), pool_instance_find(world->state));
	close(fd);
}

static void nobody_has_claimed_what_is_not_there(void **state)
{
	struct world *world = *state;

	assert_int_equal(0, pool_instance_find(world->state));
	assert_int_equal(-1, access(world->lock, F_OK));
}

/* A shorter pid than the one before leaves no digits behind. */
static void the_lock_file_holds_the_pid_alone(void **state)
{
	struct world *world = *state;
	char expected[32], *text;
	size_t length;
	int fd;

	fixture_write(world->lock, "99999999999999999999\n", 21);
	fd = claim(world);
	text = fixture_read(world->lock, &length);
	snprintf(expected, sizeof(expected), "%d\n", (int)getpid());
	assert_int_equal(strlen(expected), length);
	assert_memory_equal(expected, text, length);
	free(text);
	close(fd);
}

static void what_holds_no_pid_cannot_be_told(void **state)
{
	static const char *const texts[] = {"", "x\n", "-5\n", "0\n", "99999999999\n"};
	struct world *world = *state;
	struct pool_fault fault = {0};
	int fd = claim(world), other = -1;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		fixture_write(world->lock, texts[i], strlen(texts[i]));
		assert_int_equal(-1, pool_instance_find(world->state));
		assert_int_equal(
			POOL_EBUSY, pool_instance_claim(world->state, &other, &fault));
		assert_non_null(strstr(fault.text, "another process watches"));
	}
	close(fd);
}

static void foreign_and_odd_lock_files_are_refused(void **state)
{
	struct world *world = *state;
	struct pool_fault fault = {0};
	char other[160];
	int fd = -1;

	snprintf(other, sizeof(other), "%s/other", world->folder);
	/* Anybody may write it. */
	fixture_write(world->lock, "", 0);
	assert_int_equal(0, chmod(world->lock, 0666));
	assert_int_equal(POOL_EUNSAFE, pool_instance_claim(world->state, &fd, &fault));
	assert_non_null(strstr(fault.text, world->lock));
	assert_non_null(strstr(fault.text, "unsafe: everybody can write it"));
	assert_int_equal(0, chmod(world->lock, 0600));
	/* It has another name. */
	assert_int_equal(0, link(world->lock, other));
	assert_int_equal(POOL_EUNSAFE, pool_instance_claim(world->state, &fd, &fault));
	assert_non_null(strstr(fault.text, "unsafe: it has a second name"));
	assert_int_equal(0, unlink(world->lock));
	/* It leads elsewhere. */
	assert_int_equal(0, symlink(other, world->lock));
	assert_int_equal(POOL_ENOFILE, pool_instance_claim(world->state, &fd, &fault));
	assert_non_null(
		strstr(fault.text, "it is a symbolic link, which is not followed"));
	assert_int_equal(-1, pool_instance_find(world->state));
	assert_int_equal(0, unlink(world->lock));
	assert_int_equal(0, symlink("/nonexistent", world->lock));
	assert_int_equal(POOL_ENOFILE, pool_instance_claim(world->state, &fd, NULL));
	assert_int_equal(0, unlink(world->lock));
	/* It is no file. */
	assert_int_equal(0, mkfifo(world->lock, 0600));
	assert_int_equal(POOL_EUNSAFE, pool_instance_claim(world->state, &fd, &fault));
	assert_non_null(strstr(fault.text, "unsafe: it is not a regular file"));
	assert_int_equal(0, unlink(world->lock));
	assert_int_equal(0, mkdir(world->lock, 0700));
	assert_int_equal(POOL_ENOFILE, pool_instance_claim(world->state, &fd, NULL));
	assert_int_equal(-1, fd);
}

static void a_file_of_another_user_is_refused(void **state)
{
	struct world *world = *state;
	struct pool_fault fault = {0};
	int fd = -1;

	if (geteuid() != 0)
		skip();
	fixture_write(world->lock, "", 0);
	assert_int_equal(0, chown(world->lock, 65534, 65534));
	assert_int_equal(POOL_EUNSAFE, pool_instance_claim(world->state, &fd, &fault));
	assert_non_null(strstr(fault.text, "unsafe: it belongs to neither root nor you"));
	assert_int_equal(-1, fd);
}

static void a_missing_folder_is_said(void **state)
{
	int fd = -1;

	(void)state;
	assert_int_equal(
		POOL_ENOFILE, pool_instance_claim("/nonexistent/state", &fd, NULL));
	assert_int_equal(0, pool_instance_find("/nonexistent/state"));
}

/* --- many at once --------------------------------------------------------------- */

enum { LOOKERS = 6, CLAIMS = 300 };

/* A child that looks again and again; it exits with 1 if it ever finds what is not so. */
static pid_t look_apart(const struct world *world, bool none_is_there)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	alarm(60);
	for (int64_t end_ns = now_ns() + POOL_NS_PER_S; now_ns() < end_ns;)
		if (pool_instance_find(world->state) != 0 && none_is_there)
			_exit(1);
	_exit(0);
}

static void assert_ended_well(const pid_t *pids, int count)
{
	int failed = 0;

	for (int i = 0; i < count; i++) {
		int status = -1;

		assert_int_equal(pids[i], waitpid(pids[i], &status, 0));
		failed += status != 0;
	}
	assert_int_equal(0, failed);
}

static void who_looks_never_disturbs_a_claim(void **state)
{
	struct world *world = *state;
	pid_t pids[LOOKERS];
	int refused = 0;

	close(claim(world));
	for (int i = 0; i < LOOKERS; i++)
		pids[i] = look_apart(world, false);
	for (int i = 0; i < CLAIMS; i++) {
		int fd = -1;

		refused += pool_instance_claim(world->state, &fd, NULL) != 0;
		if (fd >= 0)
			close(fd);
	}
	assert_ended_well(pids, LOOKERS);
	assert_int_equal(0, refused);
}

/* The pid of one that has ended is still in the file. */
static void who_looks_never_takes_another_one_for_the_watcher(void **state)
{
	struct world *world = *state;
	pid_t pids[LOOKERS];

	close(claim(world));
	for (int i = 0; i < LOOKERS; i++)
		pids[i] = look_apart(world, true);
	assert_ended_well(pids, LOOKERS);
}

/* Of all who claim at the same time one gets it. */
static void of_many_claims_one_succeeds(void **state)
{
	struct world *world = *state;
	pid_t pids[LOOKERS];
	int gate[2], hold[2], status, claimed = 0;
	char byte;

	assert_int_equal(0, pipe(gate));
	assert_int_equal(0, pipe(hold));
	for (int i = 0; i < LOOKERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (!pids[i]) {
			int fd = -1, error;

			alarm(60);
			close(gate[1]);
			close(hold[0]);
			/* All begin when the gate is closed. */
			if (read(gate[0], &byte, 1) != 0)
				_exit(9);
			error = pool_instance_claim(world->state, &fd, NULL);
			if (write(hold[1], "x", 1) != 1)
				_exit(9);
			if (!error)
				pause();
			_exit(error == POOL_EBUSY ? 1 : 9);
		}
	}
	close(gate[0]);
	close(gate[1]);
	close(hold[1]);
	for (int i = 0; i < LOOKERS; i++)
		assert_int_equal(1, read(hold[0], &byte, 1));
	for (int i = 0; i < LOOKERS; i++)
		if (pool_instance_find(world->state) == pids[i]) {
			claimed++;
			end_child(pids[i]);
			pids[i] = 0;
		}
	for (int i = 0; i < LOOKERS; i++)
		if (pids[i]) {
			assert_int_equal(pids[i], waitpid(pids[i], &status, 0));
			assert_true(WIFEXITED(status));
			assert_int_equal(1, WEXITSTATUS(status));
		}
	close(hold[0]);
	assert_int_equal(1, claimed);
	assert_int_equal(0, pool_instance_find(world->state));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, end)

/* Only a watcher that did not come to its end has left something untold. */
static void a_crash_is_known_and_when_it_was(void **state)
{
	struct world *world = *state;
	const struct timespec long_ago[] = {{1000000000, 0}, {1000000000, 0}};
	struct stat status;
	pid_t pid;

	assert_int_equal(0, pool_instance_crashed_s(world->state));
	pid = claim_apart(world);
	end_child(pid);
	assert_int_equal(0, stat(world->lock, &status));
	assert_int_equal(status.st_mtim.tv_sec, pool_instance_crashed_s(world->state));
	pool_instance_release(claim(world));
	assert_int_equal(0, pool_instance_crashed_s(world->state));
	pool_instance_release(-1);
	/* A beat is what counts. */
	pid = claim_apart(world);
	assert_int_equal(0, utimensat(AT_FDCWD, world->lock, long_ago, 0));
	assert_int_equal(1000000000, pool_instance_crashed_s(world->state));
	end_child(pid);
	{
		int fd = claim(world);

		assert_int_equal(0, futimens(fd, long_ago));
		pool_instance_beat(fd);
		close(fd);
	}
	assert_true(pool_instance_crashed_s(world->state) > 1000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_second_claim_is_busy_and_names_the_first),
		CASE(a_claim_of_another_process_is_one_too),
		CASE(nobody_has_claimed_what_is_not_there),
		CASE(the_lock_file_holds_the_pid_alone),
		CASE(what_holds_no_pid_cannot_be_told),
		CASE(foreign_and_odd_lock_files_are_refused),
		CASE(a_file_of_another_user_is_refused),
		CASE(a_missing_folder_is_said),
		CASE(who_looks_never_disturbs_a_claim),
		CASE(who_looks_never_takes_another_one_for_the_watcher),
		CASE(of_many_claims_one_succeeds),
		CASE(a_crash_is_known_and_when_it_was),
	};

	return cmocka_run_group_tests_name("instance", tests, NULL, NULL);
}
