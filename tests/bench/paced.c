/*
 * paced FILE SECONDS: the checks of a pool file's proxies by the engine alone, spread
 * evenly over the pool's interval, for so many seconds: what pool-watch's checks cost by
 * themselves. Prints the seconds of CPU it took.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include "base/clock.h"
#include "probe/round.h"

static size_t done_count;

static void note(void *context, size_t index, const struct pool_probe_result *result)
{
	(void)context;
	(void)index;
	(void)result;
	done_count++;
}

static double cpu_s(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int64_t now_ns(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns;
}

/* As pool-watch begins them: those that are due, each 20 ms. */
static int run(const struct pool_round *round, int64_t interval_ns, int64_t seconds)
{
	const struct pool_engine_options options = {
		.concurrency = 256, .done = note, .seed = 1};
	struct pool_engine *engine = NULL;
	int64_t began_ns = now_ns(), ends_ns = began_ns + seconds * POOL_NS_PER_S;
	size_t added = 0;
	double before;

	if (pool_engine_new(&engine, &options, NULL) != 0)
		return 1;
	before = cpu_s();
	for (int64_t at_ns = now_ns(); at_ns < ends_ns; at_ns = now_ns()) {
		size_t due = (size_t)((double)(at_ns - began_ns) / (double)interval_ns *
			(double)round->probe_count);
		int64_t tick_ns =
			at_ns - at_ns % (20 * POOL_NS_PER_MS) + 20 * POOL_NS_PER_MS;

		for (; added < due; added++)
			pool_engine_add(engine,
				&round->probes[added % round->probe_count], added);
		while (at_ns < tick_ns) {
			pool_engine_turn(engine, (tick_ns - at_ns) / POOL_NS_PER_MS + 1);
			at_ns = now_ns();
			if (!pool_engine_left(engine) && at_ns < tick_ns) {
				poll(NULL, 0,
					(int)((tick_ns - at_ns) / POOL_NS_PER_MS + 1));
				at_ns = now_ns();
			}
		}
	}
	printf("%.3f %zu\n", cpu_s() - before, done_count);
	pool_engine_free(engine);
	return 0;
}

int main(int argc, char **argv)
{
	struct pool_session_options opening = {0};
	struct pool_session *session = NULL;
	struct pool_round_options options = {.method = -1};
	struct pool_round round = {0};
	struct pool_fault fault = {0};
	uint32_t leaf = 0;
	int status = 1;

	if (argc != 3)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	opening.file = argv[1];
	options.leaves = &leaf;
	options.leaf_count = 1;
	if (pool_session_new(&session, &opening, &fault) == 0 &&
		pool_round_plan(
			&round, pool_session_snapshot(session), &options, &fault) == 0)
		status = run(&round,
			pool_session_snapshot(session)->leaves[0].policy.interval_s *
				POOL_NS_PER_S,
			atoi(argv[2]));
	if (status)
		fprintf(stderr, "paced: %s\n", fault.text);
	pool_round_release(&round);
	pool_session_free(session);
	return status;
}
