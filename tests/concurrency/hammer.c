/*
 * hammer: many processes on one state file.
 *
 *	hammer select FILE STATE PROCESSES SELECTIONS
 *	hammer store FILE STATE PROCESSES SELECTIONS
 *		the same while another process stores checks
 *	hammer kill FILE STATE TIMES
 *		processes at work are killed; after each, all must hold; FILE.other takes
 *		turns with FILE, as an edit would
 *
 * Ends with 0 and one line when everything that must hold does, else with 1 and what does
 * not.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "state/session.h"

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
	pid_t child = fork();

	if (child == 0) {
		struct pool_session *session = open_session(files, 5000);
		const struct pool_query query = {.count = 1};

		for (int i = 0; i < selections; i++)
			select_one(session, &query);
		pool_session_free(session);
		exit(0);
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
	pid_t *children = calloc((size_t)processes, sizeof(*children));
	const uint64_t expected = (uint64_t)processes * (uint64_t)selections;
	struct tally after;

	if (!children)
		die("cannot start", "out of memory");
	for (int i = 0; i < processes; i++)
		children[i] = start_selecting(files, selections);
	for (int i = 0; i < processes; i++)
		wait_for(children[i]);
	free(children);
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
	pid_t child = fork();

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
		exit(0);
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
	pid_t child = fork();

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

static void kill_one(const struct files *files, struct pool_random *random)
{
	const struct timespec pause = {0, (long)pool_random_below(random, 3000000)};
	pid_t child = start_work(files);
	int status;

	nanosleep(&pause, NULL);
	kill(child, SIGKILL);
	if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
		exit(1);
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

int main(int argc, char **argv)
{
	const struct files files = {argc > 3 ? argv[2] : "", argc > 3 ? argv[3] : ""};

	if (argc == 6 && strcmp(argv[1], "select") == 0)
		select_all(&files, atoi(argv[4]), atoi(argv[5]));
	else if (argc == 6 && strcmp(argv[1], "store") == 0)
		select_while_storing(&files, atoi(argv[4]), atoi(argv[5]));
	else if (argc == 5 && strcmp(argv[1], "kill") == 0)
		kill_many(&files, atoi(argv[4]));
	else
		return 2;
	return 0;
}
