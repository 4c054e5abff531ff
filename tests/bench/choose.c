/*
 * choose FILE STATE STRATEGY RUNS [lease]: the time of one selection by the library, lock
 * included, after a tenth of the proxies was made unhealthy and the others got a latency;
 * with a lease of this process each, given back after it was timed. Prints the median and
 * the 99th percentile in microseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "state/session.h"

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

/* Every tenth proxy failed just now, the others did not. */
static int make_history(struct pool_session *session, struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(session);
	const struct pool_snap_leaf *leaf = &snapshot->leaves[0];
	size_t count = leaf->member_count;
	struct pool_outcome *outcomes = calloc(count + 1, sizeof(*outcomes));
	struct pool_now now;
	int error;

	if (!outcomes)
		return POOL_ENOMEM;
	pool_clock_get(&now);
	for (size_t i = 0; i < count; i++) {
		uint32_t member = leaf->first_member + (uint32_t)i;

		outcomes[i] = (struct pool_outcome){.leaf_key = leaf->key,
			.identity = snapshot->members[member].identity,
			.member = member,
			.reason = i % 10 ? POOL_REASON_OK : POOL_REASON_REFUSED,
			.good_layer = POOL_LAYER_CONNECT,
			.latency_us = (int64_t)(i * 7919 % 90000) + 1000,
			.retry_after_s = -1,
			.began_ns = now.boot_ns};
	}
	error = pool_session_store(session, outcomes, count, fault);
	free(outcomes);
	return error;
}

static int give_back(
	struct pool_session *session, const char *lease, struct pool_fault *fault)
{
	const struct pool_feedback feedback = {.lease = lease,
		.said = POOL_SAID_DONE,
		.retry_after_s = -1,
		.latency_us = -1};

	return *lease ? pool_session_report(session, &feedback, NULL, fault) : 0;
}

static int measure(struct pool_session *session, const char *strategy, int runs,
	bool lease, struct pool_fault *fault)
{
	char key[16];
	const struct pool_query query = {.strategy = strategy,
		.key = key,
		.lease = lease,
		.owner_pid = lease ? getpid() : 0};
	double *times = calloc((size_t)runs, sizeof(*times));
	int error = times ? 0 : POOL_ENOMEM;

	for (int i = 0; i < runs && !error; i++) {
		struct pool_choice choice;
		double began;

		snprintf(key, sizeof(key), "%d", i);
		began = now_us();
		error = pool_session_select(session, &query, &choice, fault);
		times[i] = now_us() - began;
		if (error)
			break;
		error = give_back(session, choice.proxies[0].lease, fault);
		pool_choice_release(&choice);
	}
	if (!error) {
		qsort(times, (size_t)runs, sizeof(*times), compare);
		printf("%.1f %.1f\n", times[runs / 2], times[runs - 1 - runs / 100]);
	}
	free(times);
	return error;
}

int main(int argc, char **argv)
{
	struct pool_session_options options = {.require_state = true};
	struct pool_session *session = NULL;
	struct pool_fault fault = {0};
	int error, runs = argc > 4 ? atoi(argv[4]) : 0;

	if (runs < 1)
		return 2;
	options.file = argv[1];
	options.state = argv[2];
	error = pool_session_new(&session, &options, &fault);
	if (!error)
		error = make_history(session, &fault);
	if (!error)
		error = measure(session, argv[3], runs, argc > 5, &fault);
	if (error)
		fprintf(stderr, "choose: %s\n", fault.text);
	pool_session_free(session);
	return error ? 1 : 0;
}
