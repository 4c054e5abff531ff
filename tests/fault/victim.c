/*
 * A program that uses a state file while a member of its group does what he can to it:
 * selections, leases, reports, views, checks and edits, as fast as they go.
 *
 * usage: victim POOL STATE SECONDS            with a guard, as the tools have one
 *        victim --unguarded POOL STATE SECONDS
 *
 * Ends with 0 if every proxy that was chosen is of the pool file, with 1 otherwise; the
 * last line says how often. Written for tests/fault/member.bats.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "state/repair.h"
#include "state/session.h"

static struct pool_guard guard;

/* Tell what could not be mended, and what is mapped where. */
static void tell_fault(const siginfo_t *info, int error)
{
	const int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t length = snprintf(text, sizeof(text),
		"signal %d, code %d, at %p; guarded: %p to %p; mended: %d, errno %d\n",
		info->si_signo, info->si_code, info->si_addr, (const void *)guard.begin,
		(const void *)guard.end, guard.mended, error);

	while (length > 0 && write(STDERR_FILENO, text, (size_t)length) == length)
		length = read(maps, text, sizeof(text));
	close(maps);
}

/* What is not about the mapping ends it: the fault happens again on return. */
static void handle(int number, siginfo_t *info, void *context)
{
	const int saved = errno;

	(void)context;
	errno = 0;
	if (info->si_code <= 0 || !pool_guard_mend(&guard, info->si_addr)) {
		tell_fault(info, errno);
		signal(number, SIG_DFL);
		if (info->si_code <= 0)
			raise(number);
	}
	errno = saved;
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The pools of the test have nothing but proxies at 127.0.0.1. */
static void judge(const struct pool_choice *choice)
{
	for (size_t i = 0; i < choice->count; i++) {
		if (strncmp(choice->proxies[i].url, "http://127.0.0.1:", 17) == 0)
			continue;
		printf("'%s' is no proxy of the pool file\n", choice->proxies[i].url);
		exit(1);
	}
}

static void use(struct pool_session *session, unsigned turn)
{
	static const char *const strategies[] = {NULL, "random", "least_connections",
		"least_latency", "sticky", "failover"};
	const struct pool_query query = {
		.strategy = strategies[turn % 6],
		.key = "k",
		.count = turn % 3,
		.lease = turn % 2,
		.owner_pid = turn % 4 == 1 ? getpid() : 0,
		.ttl_ms = turn % 4 == 3 ? 1 : 0,
	};
	struct pool_feedback feedback = {.target = {NULL, NULL, -1},
		.said = turn % 5 ? POOL_SAID_OK : POOL_SAID_FAIL,
		.retry_after_s = -1,
		.latency_us = 1000};
	struct pool_choice choice = {0};

	if (pool_session_select(session, &query, &choice, NULL) != 0) {
		pool_choice_release(&choice);
		return;
	}
	judge(&choice);
	if (choice.count && choice.proxies[0].lease[0])
		feedback.lease = choice.proxies[0].lease;
	else if (choice.count)
		feedback.target.proxy = choice.proxies[0].name;
	if (choice.count && turn % 3 == 0)
		pool_session_report(session, &feedback, NULL, NULL);
	pool_choice_release(&choice);
}

static void look(struct pool_session *session, unsigned turn)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(session);
	const uint32_t leaf = turn % snapshot->leaf_count;
	struct pool_view view;
	int64_t ready_ns;

	if (pool_session_view(session, leaf, &view, NULL) != 0)
		return;
	for (uint32_t i = 0; i < view.count; i++) {
		pool_view_status(session, &view, i);
		pool_view_budget(session, &view, i, &ready_ns);
	}
	pool_view_release(&view);
}

static void check(struct pool_session *session, unsigned turn)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(session);
	const struct pool_snap_leaf *leaf =
		&snapshot->leaves[turn % snapshot->leaf_count];
	struct pool_outcome outcome = {
		.leaf_key = leaf->key,
		.member = leaf->first_member,
		.reason = turn % 2 ? POOL_REASON_OK : POOL_REASON_REFUSED,
		.good_layer = POOL_LAYER_TARGET,
		.retry_after_s = -1,
		.latency_us = 500,
	};

	if (!leaf->member_count)
		return;
	outcome.identity = snapshot->members[leaf->first_member].identity;
	pool_session_store(session, &outcome, 1, NULL);
}

static void command(struct pool_session *session, unsigned turn)
{
	const struct pool_target all = {NULL, NULL, -1};
	struct pool_repairs repairs;
	struct pool_census census;
	size_t done;

	pool_session_command(session, &all, (enum pool_admin)(turn % 3), &done, NULL);
	pool_session_command(session, &all, POOL_ADMIN_ENABLE, &done, NULL);
	pool_session_repair(session, &census, &repairs, NULL);
	pool_session_verify(session, &census, NULL);
}

int main(int argc, char **argv)
{
	const int first = argc == 5 && strcmp(argv[1], "--unguarded") == 0;
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
	struct pool_session_options options = {.lock_timeout_ms = 5000};
	struct pool_session *session = NULL;
	unsigned long count = 0;
	double until_s;

	if (argc != 4 + first)
		return 2;
	options.file = argv[first + 1];
	options.state = argv[first + 2];
	until_s = now_s() + atof(argv[first + 3]);
	if (!first) {
		options.guard = &guard;
		sigaction(SIGBUS, &action, NULL);
	}
	for (; now_s() < until_s; count++) {
		const unsigned turn = (unsigned)count;

		/* Now as one that has just been started, now as one that lives long. */
		if (!session && pool_session_new(&session, &options, NULL) != 0)
			continue;
		use(session, turn);
		if (turn % 7 == 0)
			look(session, turn);
		if (turn % 11 == 0)
			check(session, turn);
		if (turn % 101 == 0)
			command(session, turn);
		if (turn % 50 == 0) {
			pool_session_free(session);
			session = NULL;
		}
	}
	pool_session_free(session);
	printf("%lu turns\n", count);
	return 0;
}
