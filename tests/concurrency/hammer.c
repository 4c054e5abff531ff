/*
 * hammer: many processes on one state file.
 *
 *	hammer select FILE STATE PROCESSES SELECTIONS
 *	hammer store FILE STATE PROCESSES SELECTIONS
 *		the same while another process stores checks
 *	hammer kill FILE STATE TIMES
 *		processes at work are killed; after each, all must hold; FILE.other takes
 *		turns with FILE, as an edit would
 *	hammer step FILE STATE STRIDE
 *		processes are killed at every STRIDEth instruction of an update
 *
 * Ends with 0 and one line when everything that must hold does, else with 1 and what does
 * not.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "state/session.h"

enum { NO_TRACING = 77, MOST_PROCESSES = 64 };

struct files {
	const char *pool;
	const char *state;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "hammer: %s: %s\n", what, why);
	exit(1);
}

static void warn(void *context, const char *text)
{
	(void)context;
	die("a warning", text);
}

/* Sessions of these tests want the state: selecting without it would be a failure. */
static struct pool_session *open_session(const struct files *files, int64_t timeout_ms)
{
	const struct pool_session_options options = {.file = files->pool,
		.state = files->state,
		.require_state = true,
		.lock_timeout_ms = timeout_ms,
		.warn = warn};
	struct pool_session *session = NULL;
	struct pool_fault fault = {0};

	if (pool_session_new(&session, &options, &fault) != 0)
		die("cannot open a session", fault.text);
	return session;
}

/* fork(); the child does not outlive us, however we end. */
static pid_t start(void)
{
	pid_t parent = getpid(), child = fork();

	if (child < 0)
		die("cannot start", "no more processes");
	if (child == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent))
		_exit(1);
	return child;
}

static void select_one(struct pool_session *session, const struct pool_query *query)
{
	struct pool_choice choice;
	struct pool_fault fault = {0};

	if (pool_session_select(session, query, &choice, &fault) != 0)
		die("cannot select", fault.text);
	if (choice.count != 1 || choice.proxies[0].fallback)
		die("selected", "not one eligible proxy");
	pool_choice_release(&choice);
}

/* What the state file says, under its lock. */
struct tally {
	uint64_t pool;
	uint64_t records;
	uint64_t least;
	uint64_t most;
	uint32_t leases;
};

static struct tally take_tally(const struct files *files)
{
	struct pool_session *session = open_session(files, 5000);
	const struct pool_snapshot *snapshot = pool_session_snapshot(session);
	struct tally tally = {.least = UINT64_MAX};
	struct pool_fault fault = {0};
	struct pool_state *state = NULL;
	struct pool_now now;
	char *absolute = pool_state_absolute(files->pool);

	pool_clock_get(&now);
	if (pool_state_open(&state, pool_session_state_path(session), absolute, &fault) !=
			0 ||
		pool_state_lock(state, 5000, &fault) != 0 ||
		pool_state_follow(state, snapshot, &now, &fault) != 0 ||
		pool_state_verify(state, &fault) != 0)
		die("the state file does not hold together", fault.text);
	if (state->was_corrupt)
		die("the state file", "was found corrupt");
	tally.pool = state->leaves[0].selections;
	tally.leases = state->image->leases_used;
	for (uint32_t i = 0; i < snapshot->leaves[0].member_count; i++) {
		uint64_t selections = state->records[i].selections;

		tally.records += selections;
		tally.least = selections < tally.least ? selections : tally.least;
		tally.most = selections > tally.most ? selections : tally.most;
	}
	pool_state_free(state);
	free(absolute);
	pool_session_free(session);
	return tally;
}

/* --- selecting ------------------------------------------------------------------ */

static pid_t start_selecting(const struct files *files, int selections)
{
	pid_t child = start();

	if (child == 0) {
		struct pool_session *session = open_session(files, 5000);
		const struct pool_query query = {.count = 1};

		for (int i = 0; i < selections; i++)
			select_one(session, &query);
		pool_session_free(session);
		_exit(0);
	}
	return child;
}

static void wait_for(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child || status != 0)
		exit(1);
}

static void select_all(const struct files *files, int processes, int selections)
{
	const struct tally before = take_tally(files);
	const uint64_t expected = (uint64_t)processes * (uint64_t)selections;
	pid_t children[MOST_PROCESSES];
	struct tally after;

	for (int i = 0; i < processes; i++)
		children[i] = start_selecting(files, selections);
	for (int i = 0; i < processes; i++)
		wait_for(children[i]);
	after = take_tally(files);
	printf("%llu selections, %llu of the pool, %llu of its proxies, each %llu to "
	       "%llu\n",
		(unsigned long long)expected,
		(unsigned long long)(after.pool - before.pool),
		(unsigned long long)(after.records - before.records),
		(unsigned long long)after.least, (unsigned long long)after.most);
	if (after.pool - before.pool != expected ||
		after.records - before.records != expected)
		die("selections", "are lost");
	if (after.most - after.least > 1)
		die("round robin", "is not exact to one");
}

/* --- storing beside it ---------------------------------------------------------- */

enum { LONGEST_STORE_MS = 5000, STORES_NOTED = 1 << 16 };

/* What the storing process tells the other one. */
struct progress {
	volatile int stop;
	volatile unsigned stores;
	int64_t took_ns[STORES_NOTED];
};

static void store_good_checks(struct pool_session *session)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(session);
	const struct pool_snap_leaf *leaf = &snapshot->leaves[0];
	struct pool_outcome *outcomes = calloc(leaf->member_count, sizeof(*outcomes));
	struct pool_fault fault = {0};
	struct pool_now now;

	if (!outcomes)
		die("cannot store", "out of memory");
	pool_clock_get(&now);
	for (uint32_t i = 0; i < leaf->member_count; i++)
		outcomes[i] = (struct pool_outcome){.leaf_key = leaf->key,
			.identity = snapshot->members[leaf->first_member + i].identity,
			.member = leaf->first_member + i,
			.reason = POOL_REASON_OK,
			.good_layer = POOL_LAYER_TARGET,
			.retry_after_s = -1,
			.latency_us = 1000,
			.began_ns = now.boot_ns};
	if (pool_session_store(session, outcomes, leaf->member_count, &fault) != 0)
		die("cannot store", fault.text);
	for (uint32_t i = 0; i < leaf->member_count; i++)
		if (!outcomes[i].stored || outcomes[i].status != POOL_STATUS_HEALTHY)
			die("a check", "was not stored");
	free(outcomes);
}

static pid_t start_storing(const struct files *files, struct progress *progress)
{
	pid_t child = start();

	if (child == 0) {
		struct pool_session *session = open_session(files, LONGEST_STORE_MS);

		while (!progress->stop) {
			struct pool_now began, ended;

			pool_clock_get(&began);
			store_good_checks(session);
			pool_clock_get(&ended);
			if (progress->stores < STORES_NOTED)
				progress->took_ns[progress->stores++] =
					ended.boot_ns - began.boot_ns;
		}
		pool_session_free(session);
		_exit(0);
	}
	return child;
}

static int compare_times(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return (a > b) - (a < b);
}

static void select_while_storing(const struct files *files, int processes, int selections)
{
	struct progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t longest_ns;
	pid_t child;

	if (progress == MAP_FAILED)
		die("cannot start", "out of memory");
	child = start_storing(files, progress);
	select_all(files, processes, selections);
	progress->stop = 1;
	wait_for(child);
	if (progress->stores == 0)
		die("storing", "never got its turn");
	qsort(progress->took_ns, progress->stores, sizeof(int64_t), compare_times);
	longest_ns = progress->took_ns[progress->stores - 1];
	printf("%u rounds of checks stored, in %lld us in the median, %lld at most\n",
		progress->stores,
		(long long)(progress->took_ns[progress->stores / 2] / 1000),
		(long long)(longest_ns / 1000));
	if (longest_ns > LONGEST_STORE_MS * POOL_NS_PER_MS)
		die("storing", "waited longer than its deadline");
	munmap(progress, sizeof(*progress));
}

/* --- killing -------------------------------------------------------------------- */

/* Work until killed: selections, leases of ours and of no owner, checks. */
static pid_t start_work(const struct files *files)
{
	pid_t child = start();

	if (child == 0) {
		struct pool_session *session = open_session(files, 5000);

		for (;;) {
			const struct pool_query plain = {.count = 1},
						owned = {.lease = true,
							.owner_pid = getpid()},
						timed = {.lease = true, .ttl_ms = 1};

			select_one(session, &plain);
			select_one(session, &owned);
			select_one(session, &timed);
			store_good_checks(session);
		}
	}
	return child;
}

static void wait_killed(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
		exit(1);
}

static void kill_one(const struct files *files, struct pool_random *random)
{
	const struct timespec pause = {0, (long)pool_random_below(random, 3000000)};
	pid_t child = start_work(files);

	nanosleep(&pause, NULL);
	kill(child, SIGKILL);
	wait_killed(child);
}

/* Every now and then the file is made anew, so that this is cut off as well. */
static void remove_state(const struct files *files)
{
	char *path = pool_state_path(files->state, files->pool);

	if (path)
		unlink(path);
	free(path);
}

/* An edit, made while nobody looks: the next process lays the state file out anew. */
static void edit(const struct files *files)
{
	char other[512], spare[512];

	snprintf(other, sizeof(other), "%s.other", files->pool);
	snprintf(spare, sizeof(spare), "%s.spare", files->pool);
	if (rename(files->pool, spare) != 0 || rename(other, files->pool) != 0 ||
		rename(spare, other) != 0)
		die("cannot edit", files->pool);
}

static void kill_many(const struct files *files, int times)
{
	struct pool_random random = {(uint64_t)times};
	const struct pool_query query = {.count = 1};
	struct tally tally = {0};

	for (int i = 0; i < times; i++) {
		struct pool_session *session;
		uint64_t before;

		if (i % 10 == 0)
			remove_state(files);
		else if (i % 10 == 5)
			edit(files);
		kill_one(files, &random);
		before = take_tally(files).pool;
		session = open_session(files, 1000);
		select_one(session, &query);
		pool_session_free(session);
		tally = take_tally(files);
		if (tally.pool != before + 1)
			die("a selection", "is lost");
	}
	/* Leases of the dead end, and those whose time is over. */
	for (int i = 0; i < 1000 && tally.leases; i++) {
		struct pool_session *session = open_session(files, 1000);

		select_one(session, &query);
		pool_session_free(session);
		tally = take_tally(files);
	}
	if (tally.leases)
		die("leases", "outlive their owners");
	printf("%d processes killed\n", times);
}

/* --- killing at any instruction
 * ----------------------------------------------------------------- */

/* A process that stops just before it selects with a lease of its own, and ends after it.
 */
static pid_t start_stepping(const struct files *files)
{
	pid_t child = start();
	int status;

	if (child == 0) {
		struct pool_session *session = open_session(files, 5000);
		const struct pool_query plain = {.count = 1},
					owned = {.lease = true, .owner_pid = getpid()};

		/* Once before, so that the dynamic linker has nothing left to do. */
		select_one(session, &plain);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(NO_TRACING);
		raise(SIGSTOP);
		select_one(session, &owned);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child)
		die("cannot step", "no child");
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_TRACING) {
		fprintf(stderr, "hammer: this system does not permit tracing\n");
		exit(NO_TRACING);
	}
	if (!WIFSTOPPED(status))
		die("cannot step", "it did not stop");
	return child;
}

/* One instruction of <child>; false when it has ended. */
static bool step(pid_t child)
{
	int status;

	if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0 ||
		waitpid(child, &status, 0) != child)
		die("cannot step", "tracing fails");
	return WIFSTOPPED(status);
}

/* The undo slot as it is while others change the file. */
static const volatile struct pool_state_undo *map_undo(const struct files *files)
{
	char *path = pool_state_path(files->state, files->pool);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *map = mmap(NULL, POOL_STATE_IMAGES_AT, PROT_READ, MAP_SHARED, fd, 0);

	if (fd < 0 || map == MAP_FAILED)
		die("cannot map", path);
	close(fd);
	free(path);
	return (const void *)(map + POOL_STATE_UNDO_AT);
}

/*
 * Kill in the middle of an update: <steps> instructions behind the one that first put
 * something into the undo slot. False if the update was over by then.
 */
static bool kill_behind(const struct files *files,
	const volatile struct pool_state_undo *undo, unsigned steps)
{
	pid_t child = start_stepping(files);
	bool within;

	while (undo->count == 0)
		if (!step(child))
			die("cannot step", "there was no update");
	while (steps-- && undo->count)
		step(child);
	within = undo->count != 0;
	kill(child, SIGKILL);
	wait_killed(child);
	return within;
}

static void kill_stepping(const struct files *files, unsigned stride)
{
	const struct pool_query query = {.count = 1};
	const volatile struct pool_state_undo *undo;
	bool within = true;
	int times = 0;

#ifdef __SANITIZE_ADDRESS__
	/* Its own instructions are many times ours, and stepping is slow. */
	stride *= 100;
#endif
	take_tally(files);
	undo = map_undo(files);
	for (unsigned steps = 0; within; steps += stride, times++) {
		struct tally before = take_tally(files), after;
		struct pool_session *session;

		within = kill_behind(files, undo, steps);
		after = take_tally(files);
		/* The plain one; of the other nothing, unless it was whole. */
		if (after.pool != before.pool + 2 - within)
			die("a selection", "is lost, or half of one stays");
		if (after.records != after.pool || after.most - after.least > 1)
			die("a selection", "was counted in part");
		session = open_session(files, 1000);
		select_one(session, &query);
		pool_session_free(session);
	}
	printf("killed at %d places of an update\n", times);
}

int main(int argc, char **argv)
{
	const struct files files = {argc > 3 ? argv[2] : "", argc > 3 ? argv[3] : ""};

	if (argc == 6 && (atoi(argv[4]) < 1 || atoi(argv[4]) > MOST_PROCESSES))
		return 2;
	if (argc == 6 && strcmp(argv[1], "select") == 0)
		select_all(&files, atoi(argv[4]), atoi(argv[5]));
	else if (argc == 6 && strcmp(argv[1], "store") == 0)
		select_while_storing(&files, atoi(argv[4]), atoi(argv[5]));
	else if (argc == 5 && strcmp(argv[1], "kill") == 0)
		kill_many(&files, atoi(argv[4]));
	else if (argc == 5 && strcmp(argv[1], "step") == 0)
		kill_stepping(&files, (unsigned)atoi(argv[4]));
	else
		return 2;
	return 0;
}
