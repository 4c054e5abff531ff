/*
 * metrics all|pools|own PROXIES [RUNS]: the Prometheus text of a made-up pool file of so
 * many proxies in ten pools, all of whose series say something.
 *
 *	all    as pool-watch serves it
 *	pools  the same with --pool-metrics
 *	own    only what pool-watch counts by itself
 *
 * With RUNS it is made so often, and the median time, in milliseconds, and the size, in
 * bytes, are printed instead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "report/metrics.h"
#include "report/stored.h"
#include "watch/tally.h"

enum { POOLS = 10, MAX_PROXIES = 1000000, MAX_RUNS = 10000, REASONS_SEEN = 3 };

static const enum pool_reason reasons[REASONS_SEEN] = {
	POOL_REASON_REFUSED, POOL_REASON_CONNECT_TIMEOUT, POOL_REASON_BLOCKED};

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

/* --- what is shown -------------------------------------------------------------- */

static bool add_row(struct pool_report *report, uint32_t number)
{
	struct pool_report_stored *stored;
	struct pool_report_row *row;
	char name[32];

	snprintf(name, sizeof(name), "10.0.%u.%u:3128", number / 250, number % 250);
	row = pool_report_add_row(report, name, "");
	if (!row)
		return false;
	row->member = number;
	row->status = (enum pool_status)(number % POOL_STATUSES);
	row->latency_us = 10000 + number;
	row->wait_s = number % 7;
	stored = &row->stored;
	stored->obstacle = (enum pool_obstacle)(number % POOL_OBSTACLES);
	stored->opened = row->status == POOL_STATUS_UNHEALTHY;
	stored->held = number % 5;
	stored->budget_left = number % 100;
	stored->selections = UINT64_C(1000000) * number;
	stored->taken = number * 3;
	stored->transitions = number % 50;
	for (uint32_t i = 0; i < POOL_VERDICTS; i++) {
		stored->checks[i] = number + i;
		stored->reports[i] = number * 2 + i;
	}
	return true;
}

static void fill_pool(struct pool_report_pool *pool, uint32_t number)
{
	pool->leaf = number;
	pool->interval_s = 30;
	pool->checked_age_s = 5;
	pool->checked_wall_s = 1764110000;
	pool->selections = 3000;
	pool->fallbacks = 1;
	pool->panics = 2;
	for (uint32_t i = 0; i < POOL_STRATEGIES; i++)
		pool->strategies[i] = 100 * i;
	for (uint32_t i = 0; i < POOL_LATENCY_BUCKETS; i++) {
		pool->latency[i] = i;
		pool->latency_ns += UINT64_C(1000) * i << i;
	}
}

static bool make_report(struct pool_report *report, uint32_t count)
{
	const struct pool_quorum quorum = {.count = 50, .percent = true};
	const uint32_t share = (count + POOLS - 1) / POOLS;

	for (uint32_t i = 0; i < count; i++) {
		char where[32];

		snprintf(where, sizeof(where), "exchanges.e%u.http", i / share);
		if (i % share == 0 && pool_report_add_pool(report, where, 1, true) != 0)
			return false;
		if (i % share == 0)
			fill_pool(&report->pools[report->pool_count - 1], i / share);
		if (!add_row(report, i))
			return false;
	}
	pool_report_judge_stored(report, &quorum);
	return true;
}

/* A snapshot is followed for its numbers alone: their keys are zeroes and numbers. */
static bool make_tally(struct pool_tally *tally, const struct pool_report *report)
{
	struct pool_snap_member *members =
		calloc(report->row_count + 1, sizeof(*members));
	struct pool_snap_leaf leaf = {.member_count = (uint32_t)report->row_count};
	struct pool_snap_leaf *leaves = calloc(POOLS, sizeof(*leaves));
	struct pool_snapshot snapshot = {.members = members,
		.member_count = leaf.member_count,
		.leaves = leaves,
		.leaf_count = POOLS};
	bool made = members && leaves;

	for (uint32_t i = 0; made && i < snapshot.member_count; i++)
		members[i].identity.low = i;
	for (uint32_t i = 0; made && i < POOLS; i++) {
		leaves[i] = i ? (struct pool_snap_leaf){0} : leaf;
		leaves[i].key = i;
	}
	pool_tally_init(tally, 1764110000);
	made = made && pool_tally_follow(tally, &snapshot) == 0;
	free(members);
	free(leaves);
	return made;
}

static void fill_tally(struct pool_tally *tally)
{
	for (uint32_t i = 0; i < tally->member_count; i++)
		for (int j = 0; j < REASONS_SEEN; j++)
			pool_tally_note_failure(tally, i, reasons[j]);
	for (uint32_t i = 0; i < 100; i++) {
		pool_tally_note_latency(tally, i % POOLS, INT64_C(1) << i % 24);
		pool_tally_note_lag(tally, INT64_C(1000) << i % 22);
	}
	for (int i = 0; i < POOL_EVENTS; i++)
		pool_tally_note_event(tally, (enum pool_event_kind)i);
	tally->alerts[POOL_TALLY_WEBHOOK][POOL_TALLY_DROPPED]++;
	pool_tally_note_reload(tally, 1764110100);
}

/* --- shown ---------------------------------------------------------------------- */

static void render(const char *what, const struct pool_report *report,
	const struct pool_tally *tally, struct pool_text *text)
{
	const bool per_proxy = strcmp(what, "pools") != 0;
	struct pool_process process;

	pool_process_get(&process);
	if (strcmp(what, "own") != 0)
		pool_metrics_render(report, per_proxy, text);
	pool_tally_render(tally, report, &process, per_proxy, text);
}

static int measure(const char *what, const struct pool_report *report,
	const struct pool_tally *tally, long runs)
{
	double *times = calloc((size_t)runs, sizeof(*times));
	size_t length = 0;

	for (long i = 0; times && i < runs; i++) {
		struct pool_text text = POOL_TEXT_EMPTY;
		const double began = now_ms();

		render(what, report, tally, &text);
		times[i] = now_ms() - began;
		length = text.length;
		pool_text_release(&text);
	}
	if (!times)
		return 1;
	qsort(times, (size_t)runs, sizeof(*times), compare);
	printf("%.3f %zu\n", times[runs / 2], length);
	free(times);
	return 0;
}

static int print(const char *what, const struct pool_report *report,
	const struct pool_tally *tally)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	int status;

	render(what, report, tally, &text);
	status = text.broken || fwrite(text.bytes, 1, text.length, stdout) != text.length;
	pool_text_release(&text);
	return fflush(stdout) != 0 || status;
}

int main(int argc, char **argv)
{
	const long count = argc > 2 ? atol(argv[2]) : 0,
		   runs = argc > 3 ? atol(argv[3]) : 0;
	struct pool_report report = {0};
	struct pool_tally tally = {0};
	int status = 1;

	if (count < 1 || count > MAX_PROXIES || runs < 0 || runs > MAX_RUNS) {
		fputs("usage: metrics all|pools|own PROXIES [RUNS]\n", stderr);
		return 2;
	}
	if (make_report(&report, (uint32_t)count) && make_tally(&tally, &report)) {
		fill_tally(&tally);
		status = runs ? measure(argv[1], &report, &tally, runs)
			      : print(argv[1], &report, &tally);
	}
	pool_tally_release(&tally);
	pool_report_release(&report);
	return status;
}
