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
 *		processes are killed at every STRIDEth instruction of a selection with a
 *		lease, of a report, and of a person's command
 *	hammer limit FILE STATE PROCESSES TIMES
 *		processes lease and give back; no proxy is ever held more often than its
 *		max_connections, nor left behind
 *	hammer trial FILE STATE PROCESSES TIMES
 *		processes select a proxy that is recovering, with a lease and without; it
 *		is never tried by more than half_open_max of them at once
 *	hammer budget FILE STATE PROCESSES SECONDS
 *		processes select as often as they may; no window of a budget exceeds it
 *
 * Ends with 0 and one line when everything that must hold does, else with 1 and what does
 * not.
 */
#include <fcntl.h>
#include <sched.h>
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
#include "state/repair.h"

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

/* A use of a proxy. */
struct use {
	uint32_t index;
	char lease[20];
};

static struct use select_one(struct pool_session *session, const struct pool_query *query)
{
	struct pool_choice choice;
	struct pool_fault fault = {0};
	struct use use;

	if (pool_session_select(session, query, &choice, &fault) != 0)
		die("cannot select", fault.text);
	if (choice.count != 1 || choice.proxies[0].fallback)
		die("selected", "not one eligible proxy");
	use.index = choice.proxies[0].index;
	memcpy(use.lease, choice.proxies[0].lease, sizeof(use.lease));
	pool_choice_release(&choice);
	return use;
}

/* Of a lease, or of a proxy by its name. */
static void report(struct pool_session *session, const char *lease, const char *proxy,
	enum pool_said said, const char *reason)
{
	const struct pool_feedback feedback = {.lease = lease,
		.target = {.proxy = proxy, .type = -1},
		.said = said,
		.reason = reason,
		.retry_after_s = -1,
		.latency_us = said == POOL_SAID_OK ? 1000 : -1};
	struct pool_fault fault = {0};

	if (pool_session_report(session, &feedback, NULL, &fault) != 0)
		die("cannot report", fault.text);
}

static void command(
	struct pool_session *session, const char *proxy, enum pool_admin command)
{
	const struct pool_target target = {.proxy = proxy, .type = -1};
	struct pool_fault fault = {0};
	size_t count;

	if (pool_session_command(session, &target, command, &count, &fault) != 0)
		die("cannot command", fault.text);
}

/* What the state file says, under its lock. */
struct tally {
	uint64_t pool;
	uint64_t records;
	uint64_t least;
	uint64_t most;
	uint64_t spent; /* of budgets */
	uint64_t reports;
	uint32_t disabled; /* by a person */
	uint32_t leases;
};

static void add_record(struct tally *tally, const struct pool_state *state,
	const struct pool_snapshot *snapshot, uint32_t at)
{
	const struct pool_rate rate = pool_state_rate(&snapshot->leaves[0]);
	const struct pool_record *record = &state->records[at];
	struct pool_now now;

	pool_clock_get(&now);
	tally->records += record->selections;
	tally->least =
		record->selections < tally->least ? record->selections : tally->least;
	tally->most = record->selections > tally->most ? record->selections : tally->most;
	tally->disabled += record->health.admin_disabled;
	for (int i = 0; i < POOL_VERDICTS; i++)
		tally->reports += record->reports[i];
	if (state->budgets)
		tally->spent += (uint32_t)rate.requests -
			pool_budget_left(&state->budgets[at], &rate, now.boot_ns);
}

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
		pool_state_examine(state, snapshot, &fault) != 0)
		die("the state file does not hold together", fault.text);
	if (state->was_corrupt)
		die("the state file", "was found corrupt");
	tally.pool = state->leaves[0].selections;
	tally.leases = state->live->leases_used;
	for (uint32_t i = 0; i < snapshot->leaves[0].member_count; i++)
		add_record(&tally, state, snapshot, i);
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

/* The first proxy of every pool that <kill> and <step> are used with. */
static const char *const first = "127.0.0.1:1";

/* Work until killed: selections, leases of ours and of no owner, reports, commands,
 * checks. */
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

			struct use use;

			select_one(session, &plain);
			use = select_one(session, &owned);
			report(session, use.lease, NULL, POOL_SAID_OK, NULL);
			select_one(session, &owned);
			use = select_one(session, &timed);
			report(session, use.lease, NULL, POOL_SAID_DONE, NULL);
			select_one(session, &timed);
			report(session, NULL, first, POOL_SAID_OK, NULL);
			command(session, NULL, POOL_ADMIN_RESET);
			command(session, first, POOL_ADMIN_DISABLE);
			command(session, first, POOL_ADMIN_ENABLE);
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

/* --- killing at any instruction ------------------------------------------------- */

/* An update that is cut off: what it begins with, itself, and what it makes of a file. */
struct update {
	const char *name;
	void (*run)(struct pool_session *session, const struct use *use);
	/* Whether <after> is <before> with all of it (<whole>) or without any. */
	bool (*judge)(const struct tally *before, const struct tally *after, bool whole);
};

static void run_lease(struct pool_session *session, const struct use *use)
{
	const struct pool_query query = {.lease = true, .owner_pid = getpid()};

	(void)use;
	select_one(session, &query);
}

static bool judge_lease(const struct tally *before, const struct tally *after, bool whole)
{
	return after->pool == before->pool + whole &&
		after->leases == before->leases + whole &&
		after->reports == before->reports && after->disabled == before->disabled;
}

static void run_report(struct pool_session *session, const struct use *use)
{
	report(session, use->lease, NULL, POOL_SAID_OK, NULL);
}

static bool judge_report(
	const struct tally *before, const struct tally *after, bool whole)
{
	return after->pool == before->pool && after->leases == before->leases - whole &&
		after->reports == before->reports + whole &&
		after->disabled == before->disabled;
}

static void run_command(struct pool_session *session, const struct use *use)
{
	(void)use;
	command(session, first, POOL_ADMIN_DISABLE);
}

static bool judge_command(
	const struct tally *before, const struct tally *after, bool whole)
{
	return after->pool == before->pool && after->leases == before->leases &&
		after->reports == before->reports &&
		after->disabled == before->disabled + whole;
}

static const struct update updates[] = {
	{"selection", run_lease, judge_lease},
	{"report", run_report, judge_report},
	{"command", run_command, judge_command},
};

/* A process that holds a lease, stops just before <update>, and ends after it. */
static pid_t start_stepping(const struct files *files, const struct update *update)
{
	pid_t child = start();
	int status;

	if (child == 0) {
		struct pool_session *session = open_session(files, 5000);
		const struct pool_query query = {.lease = true, .owner_pid = getpid()};
		struct use use;

		/* All of it once before, so that the dynamic linker has nothing left to
		 * do. */
		use = select_one(session, &query);
		report(session, use.lease, NULL, POOL_SAID_DONE, NULL);
		command(session, NULL, POOL_ADMIN_ENABLE);
		use = select_one(session, &query);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(NO_TRACING);
		raise(SIGSTOP);
		update->run(session, &use);
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
 * something into the undo slot. False if the update was over by then. <before> is what
 * it found.
 */
static bool kill_behind(const struct files *files, const struct update *update,
	const volatile struct pool_state_undo *undo, unsigned steps, struct tally *before)
{
	pid_t child = start_stepping(files, update);
	bool within;

	*before = take_tally(files);
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

/* Nobody is disabled, and the leases of the dead are gone. */
static void clean_up(const struct files *files)
{
	const struct pool_query query = {.count = 1};
	struct pool_session *session = open_session(files, 1000);

	command(session, NULL, POOL_ADMIN_ENABLE);
	select_one(session, &query);
	pool_session_free(session);
}

/* Killed at every <stride>th instruction of <update>: how often. */
static int kill_within(const struct files *files, const struct update *update,
	const volatile struct pool_state_undo *undo, unsigned stride)
{
	bool within = true;
	int times = 0;

	for (unsigned steps = 0; within; steps += stride, times++) {
		struct tally before, after;

		within = kill_behind(files, update, undo, steps, &before);
		after = take_tally(files);
		if (!update->judge(&before, &after, !within))
			die(update->name, "is lost, or half of one stays");
		if (after.records != after.pool || after.most - after.least > 1 ||
			(after.spent && after.spent != after.pool))
			die(update->name, "was counted in part");
		clean_up(files);
	}
	return times;
}

static void kill_stepping(const struct files *files, unsigned stride)
{
	cpu_set_t one;
	const volatile struct pool_state_undo *undo;

#ifdef __SANITIZE_ADDRESS__
	/* Its own instructions are many times ours, and stepping is slow. */
	stride *= 100;
#endif
	/* Who steps and who is stepped take turns: to wake another processor each time
	 * takes several times as long. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	take_tally(files);
	undo = map_undo(files);
	for (size_t i = 0; i < sizeof(updates) / sizeof(updates[0]); i++)
		printf("killed at %d places of a %s\n",
			kill_within(files, &updates[i], undo, stride), updates[i].name);
}

/* --- limits --------------------------------------------------------------------- */

enum { MOST_PROXIES = 16 };

/* What the processes see of each other, besides the state file. */
struct held {
	int now[MOST_PROXIES];
	int most[MOST_PROXIES];
};

static void *share(size_t size)
{
	void *memory = mmap(
		NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("cannot start", "out of memory");
	return memory;
}

static void note_most(int *most, int now)
{
	int seen = __atomic_load_n(most, __ATOMIC_SEQ_CST);

	while (now > seen &&
		!__atomic_compare_exchange_n(
			most, &seen, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

/* Hold it, for the others to see. */
static void be_seen(struct held *held, uint32_t index)
{
	if (index >= MOST_PROXIES)
		die("cannot hold", "so many proxies");
	note_most(&held->most[index],
		__atomic_add_fetch(&held->now[index], 1, __ATOMIC_SEQ_CST));
	sched_yield();
	__atomic_sub_fetch(&held->now[index], 1, __ATOMIC_SEQ_CST);
}

/* Lease, be seen with it, give it back. */
static void lease_once(struct pool_session *session, struct held *held)
{
	const struct pool_query query = {
		.lease = true, .owner_pid = getpid(), .wait_ms = 20000};
	struct use use = select_one(session, &query);

	be_seen(held, use.index);
	report(session, use.lease, NULL, POOL_SAID_DONE, NULL);
}

/* <use> by each of <processes>, <times> times: the most that held a proxy at once. */
static int hold(const struct files *files, int processes, int times,
	void (*use)(struct pool_session *session, struct held *held))
{
	struct held *held = share(sizeof(*held));
	pid_t children[MOST_PROCESSES];
	int most = 0;

	for (int i = 0; i < processes; i++) {
		children[i] = start();
		if (children[i] == 0) {
			struct pool_session *session = open_session(files, 20000);

			for (int n = 0; n < times; n++)
				use(session, held);
			_exit(0);
		}
	}
	for (int i = 0; i < processes; i++)
		wait_for(children[i]);
	for (uint32_t i = 0; i < MOST_PROXIES; i++)
		most = held->most[i] > most ? held->most[i] : most;
	if (take_tally(files).leases)
		die("leases", "were left behind");
	munmap(held, sizeof(*held));
	return most;
}

static struct pool_policy read_policy(const struct files *files)
{
	struct pool_session *session = open_session(files, 5000);
	struct pool_policy policy = pool_session_snapshot(session)->leaves[0].policy;

	pool_session_free(session);
	return policy;
}

static void hold_to_limits(const struct files *files, int processes, int times)
{
	const int limit = read_policy(files).max_connections;
	const int most = hold(files, processes, times, lease_once);

	if (most > limit)
		die("a proxy", "was held more often than its limit");
	printf("%d leases, never more than %d of one proxy\n", processes * times, most);
}

/* --- trials --------------------------------------------------------------------- */

/* Use the proxy on trial, with a lease or without, and say nothing about it. */
static void try_once(struct pool_session *session, struct held *held)
{
	const struct pool_query leased = {.lease = true,
					.owner_pid = getpid(),
					.wait_ms = 20000},
				plain = {.wait_ms = 20000};
	struct use use = select_one(session, getpid() % 2 ? &leased : &plain);

	be_seen(held, use.index);
	if (use.lease[0])
		report(session, use.lease, NULL, POOL_SAID_DONE, NULL);
	else
		report(session, NULL, first, POOL_SAID_FAIL, "no-route");
}

static void hold_to_trials(const struct files *files, int processes, int times)
{
	const int allowed = read_policy(files).half_open_max;
	struct pool_session *session = open_session(files, 5000);
	int most;

	for (int i = 0; i < read_policy(files).failure_threshold; i++)
		report(session, NULL, first, POOL_SAID_FAIL, "connect-refused");
	pool_session_free(session);
	most = hold(files, processes, times, try_once);
	if (most > allowed)
		die("a proxy", "was tried by more than half_open_max at once");
	printf("%d trials, never more than %d at once\n", processes * times, most);
}

/* --- budgets -------------------------------------------------------------------- */

enum { GRANTS = 1 << 16 };

/* A selection that was granted at some time in between. */
struct grant {
	int64_t after_ns;
	int64_t before_ns;
	uint32_t proxy;
};

struct grants {
	int count;
	struct grant list[GRANTS];
};

static void spend(const struct files *files, struct grants *grants, int64_t end_ns)
{
	struct pool_session *session = open_session(files, 5000);
	const struct pool_query query = {.count = 1};
	struct pool_now before, after;

	for (pool_clock_get(&before); before.boot_ns < end_ns; pool_clock_get(&before)) {
		struct pool_fault fault = {0};
		struct pool_choice choice;
		int error = pool_session_select(session, &query, &choice, &fault), at;

		pool_clock_get(&after);
		if (error && error != POOL_ENONE)
			die("cannot select", fault.text);
		if (!error) {
			at = __atomic_fetch_add(&grants->count, 1, __ATOMIC_SEQ_CST);
			if (at >= GRANTS)
				die("selections", "know no budget");
			grants->list[at] = (struct grant){
				before.boot_ns, after.boot_ns, choice.proxies[0].index};
		}
		pool_choice_release(&choice);
	}
	pool_session_free(session);
}

static int compare_grants(const void *left, const void *right)
{
	const struct grant *a = left, *b = right;

	return (a->after_ns > b->after_ns) - (a->after_ns < b->after_ns);
}

/* The most that certainly were granted for <proxy> in any window of <length_ns>. */
static int fullest_window(const struct grants *grants, uint32_t proxy, int64_t length_ns)
{
	int most = 0;

	for (int i = 0; i < grants->count; i++) {
		const int64_t end_ns = grants->list[i].after_ns + length_ns;
		int count = 0;

		if (grants->list[i].proxy != proxy)
			continue;
		for (int j = i; j < grants->count && grants->list[j].after_ns < end_ns;
			j++)
			count += grants->list[j].proxy == proxy &&
				grants->list[j].before_ns < end_ns;
		most = count > most ? count : most;
	}
	return most;
}

static void hold_to_budgets(const struct files *files, int processes, int seconds)
{
	struct pool_session *session = open_session(files, 5000);
	const struct pool_snap_leaf *leaf = &pool_session_snapshot(session)->leaves[0];
	const int requests = leaf->policy.budget_requests,
		  per_s = leaf->policy.budget_per_s;
	const uint32_t proxies = leaf->member_count;
	struct grants *grants = share(sizeof(*grants));
	pid_t children[MOST_PROCESSES];
	struct pool_now now;
	int most = 0;

	pool_session_free(session);
	pool_clock_get(&now);
	for (int i = 0; i < processes; i++) {
		children[i] = start();
		if (children[i] == 0) {
			spend(files, grants, now.boot_ns + seconds * POOL_NS_PER_S);
			_exit(0);
		}
	}
	for (int i = 0; i < processes; i++)
		wait_for(children[i]);
	qsort(grants->list, (size_t)grants->count, sizeof(*grants->list), compare_grants);
	for (uint32_t i = 0; i < proxies; i++) {
		int full = fullest_window(grants, i, per_s * POOL_NS_PER_S);

		most = full > most ? full : most;
	}
	printf("%d selections, at most %d of a proxy in %d s\n", grants->count, most,
		per_s);
	if (most > requests)
		die("a window", "exceeds the budget");
	/* Nor is it kept back for good: a window and a sub-window spend it all. */
	if (grants->count < (int)proxies * requests)
		die("a budget", "was not spent");
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
	else if (argc == 6 && strcmp(argv[1], "limit") == 0)
		hold_to_limits(&files, atoi(argv[4]), atoi(argv[5]));
	else if (argc == 6 && strcmp(argv[1], "trial") == 0)
		hold_to_trials(&files, atoi(argv[4]), atoi(argv[5]));
	else if (argc == 6 && strcmp(argv[1], "budget") == 0)
		hold_to_budgets(&files, atoi(argv[4]), atoi(argv[5]));
	else
		return 2;
	return 0;
}
