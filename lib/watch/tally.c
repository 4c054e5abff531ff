/* What pool-watch counts, and its metrics: one row of a table each. */
#include <stdlib.h>
#include <string.h>
#include "pool.h"
#include "report/exposition.h"
#include "watch/tally.h"

static const uint64_t latency_bounds_us[] = {5000, 10000, 25000, 50000, 100000, 250000,
	500000, 1000000, 2500000, 5000000, 10000000};
static const uint64_t lag_bounds_us[] = {
	1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000};

enum {
	LATENCY_BOUNDS = sizeof(latency_bounds_us) / sizeof(latency_bounds_us[0]),
	LAG_BOUNDS = sizeof(lag_bounds_us) / sizeof(lag_bounds_us[0]),
};

static_assert((int)LATENCY_BOUNDS < (int)POOL_TALLY_BUCKETS, "longer ones have a bucket");
static_assert((int)LAG_BOUNDS < (int)POOL_TALLY_BUCKETS, "longer ones have a bucket");

static const char *const receiver_names[POOL_TALLY_RECEIVERS] = {
	[POOL_TALLY_COMMAND] = "command",
	[POOL_TALLY_WEBHOOK] = "webhook",
};

static const char *const result_names[POOL_TALLY_RESULTS] = {
	[POOL_TALLY_SENT] = "sent",
	[POOL_TALLY_FAILED] = "failed",
	[POOL_TALLY_DROPPED] = "dropped",
};

void pool_tally_init(struct pool_tally *tally, int64_t started_wall_s)
{
	*tally = (struct pool_tally){.started_wall_s = started_wall_s};
}

static void free_members(struct pool_tally *tally)
{
	for (size_t i = 0; i < tally->member_count; i++)
		free(tally->members[i].failures);
	free(tally->members);
}

void pool_tally_release(struct pool_tally *tally)
{
	free_members(tally);
	free(tally->pools);
	*tally = (struct pool_tally){0};
}

/* --- following -------------------------------------------------------------------- */

static int compare_members(const void *left, const void *right)
{
	const struct pool_tally_member *a = left, *b = right;
	const uint64_t x[] = {a->leaf_key, a->identity.high, a->identity.low},
		       y[] = {b->leaf_key, b->identity.high, b->identity.low};

	for (size_t i = 0; i < sizeof(x) / sizeof(x[0]); i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

static int compare_pools(const void *left, const void *right)
{
	const struct pool_tally_pool *a = left, *b = right;

	return a->key < b->key ? -1 : a->key > b->key;
}

/* The order of the old ones is of no more use. */
static void take_members(struct pool_tally *tally, struct pool_tally_member *members,
	const struct pool_snapshot *snapshot)
{
	if (tally->member_count)
		qsort(tally->members, tally->member_count, sizeof(*members),
			compare_members);
	for (uint32_t i = 0; i < snapshot->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[i];

		for (uint32_t j = 0; j < leaf->member_count; j++) {
			const uint32_t at = leaf->first_member + j;
			struct pool_tally_member *new = &members[at], *old = NULL;

			new->leaf_key = leaf->key;
			new->identity = snapshot->members[at].identity;
			if (tally->member_count)
				old = bsearch(new, tally->members, tally->member_count,
					sizeof(*new), compare_members);
			if (!old)
				continue;
			*new = *old;
			old->failures = NULL;
		}
	}
	free_members(tally);
	tally->members = members;
	tally->member_count = snapshot->member_count;
}

static void take_pools(struct pool_tally *tally, struct pool_tally_pool *pools,
	const struct pool_snapshot *snapshot)
{
	if (tally->pool_count)
		qsort(tally->pools, tally->pool_count, sizeof(*pools), compare_pools);
	for (uint32_t i = 0; i < snapshot->leaf_count; i++) {
		const struct pool_tally_pool *old = NULL;

		pools[i].key = snapshot->leaves[i].key;
		if (tally->pool_count)
			old = bsearch(&pools[i], tally->pools, tally->pool_count,
				sizeof(*pools), compare_pools);
		if (old)
			pools[i] = *old;
	}
	free(tally->pools);
	tally->pools = pools;
	tally->pool_count = snapshot->leaf_count;
}

int pool_tally_follow(struct pool_tally *tally, const struct pool_snapshot *snapshot)
{
	struct pool_tally_member *members =
		calloc((size_t)snapshot->member_count + 1, sizeof(*members));
	struct pool_tally_pool *pools =
		calloc((size_t)snapshot->leaf_count + 1, sizeof(*pools));

	if (!members || !pools) {
		free(members);
		free(pools);
		return POOL_ENOMEM;
	}
	take_members(tally, members, snapshot);
	take_pools(tally, pools, snapshot);
	return 0;
}

/* --- counting --------------------------------------------------------------------- */

static void add_duration(struct pool_tally_histogram *histogram,
	const uint64_t *bounds_us, size_t bound_count, int64_t duration_ns)
{
	const uint64_t ns = duration_ns > 0 ? (uint64_t)duration_ns : 0;
	size_t i = 0;

	while (i < bound_count && ns > bounds_us[i] * 1000)
		i++;
	histogram->counts[i]++;
	histogram->sum_ns += ns;
}

void pool_tally_note_failure(
	struct pool_tally *tally, uint32_t member, enum pool_reason reason)
{
	struct pool_tally_member *at;

	if (member >= tally->member_count || (unsigned)reason >= POOL_REASONS)
		return;
	at = &tally->members[member];
	if (!at->failures)
		at->failures = calloc(POOL_REASONS, sizeof(*at->failures));
	if (at->failures)
		at->failures[reason]++;
}

void pool_tally_note_cooldown(struct pool_tally *tally, uint32_t member)
{
	if (member < tally->member_count)
		tally->members[member].cooldowns++;
}

void pool_tally_note_latency(struct pool_tally *tally, uint32_t leaf, int64_t latency_us)
{
	if (leaf < tally->pool_count)
		add_duration(&tally->pools[leaf].latency, latency_bounds_us,
			LATENCY_BOUNDS, latency_us * 1000);
}

void pool_tally_note_lag(struct pool_tally *tally, int64_t lag_ns)
{
	add_duration(&tally->lag, lag_bounds_us, LAG_BOUNDS, lag_ns);
}

void pool_tally_note_event(struct pool_tally *tally, enum pool_event_kind kind)
{
	if ((unsigned)kind < POOL_EVENTS)
		tally->events[kind]++;
}

void pool_tally_note_reload(struct pool_tally *tally, int64_t wall_s)
{
	tally->reloads++;
	tally->last_reload_wall_s = wall_s;
	tally->pool_file_valid = true;
}

void pool_tally_note_rollback(struct pool_tally *tally)
{
	tally->rollbacks++;
	tally->pool_file_valid = false;
}

/* --- series ----------------------------------------------------------------------- */

/* All that a metric is made of. */
struct scrape {
	const struct pool_tally *tally;
	const struct pool_report *report;
	const struct pool_process *process;
};

struct metric {
	const char *name; /* without "proxypool_" */
	const char *help;
	enum pool_metric_type type;
	bool per_proxy;
	void (*add)(struct pool_exposition *out, const struct scrape *scrape);
};

static void add_number(struct pool_exposition *out, uint64_t number)
{
	pool_exposition_series(out);
	pool_exposition_number(out, number);
}

static void add_histogram(struct pool_exposition *out, const char *pool,
	const struct pool_tally_histogram *histogram, const uint64_t *bounds_us,
	size_t bound_count)
{
	const struct pool_exposition_buckets buckets = {
		.bounds_us = bounds_us,
		.bound_count = bound_count,
		.counts = histogram->counts,
		.sum_ns = histogram->sum_ns,
	};

	pool_exposition_histogram(out, pool ? "pool" : NULL, pool, &buckets);
}

static void begin_row(struct pool_exposition *out, const struct scrape *scrape,
	const struct pool_report_row *row)
{
	pool_exposition_series(out);
	pool_exposition_label(out, "pool", scrape->report->pools[row->pool].where);
	pool_exposition_label(out, "proxy", row->name);
}

static void add_row_failures(struct pool_exposition *out, const struct scrape *scrape,
	const struct pool_report_row *row, const uint32_t *failures)
{
	for (int reason = 0; failures && reason < POOL_REASONS; reason++) {
		if (!failures[reason])
			continue;
		begin_row(out, scrape, row);
		pool_exposition_label(out, "reason", pool_reason_get(reason)->name);
		pool_exposition_number(out, failures[reason]);
	}
}

static void add_failures(struct pool_exposition *out, const struct scrape *scrape)
{
	for (size_t i = 0; i < scrape->report->row_count; i++) {
		const struct pool_report_row *row = &scrape->report->rows[i];

		if (row->member < scrape->tally->member_count)
			add_row_failures(out, scrape, row,
				scrape->tally->members[row->member].failures);
	}
}

static void add_cooldowns(struct pool_exposition *out, const struct scrape *scrape)
{
	for (size_t i = 0; i < scrape->report->row_count; i++) {
		const struct pool_report_row *row = &scrape->report->rows[i];

		if (row->member >= scrape->tally->member_count)
			continue;
		begin_row(out, scrape, row);
		pool_exposition_number(
			out, scrape->tally->members[row->member].cooldowns);
	}
}

static void add_latency(struct pool_exposition *out, const struct scrape *scrape)
{
	for (size_t i = 0; i < scrape->report->pool_count; i++) {
		const struct pool_report_pool *pool = &scrape->report->pools[i];

		if (pool->leaf < scrape->tally->pool_count)
			add_histogram(out, pool->where,
				&scrape->tally->pools[pool->leaf].latency,
				latency_bounds_us, LATENCY_BOUNDS);
	}
}

static void add_events(struct pool_exposition *out, const struct scrape *scrape)
{
	for (int kind = 0; kind < POOL_EVENTS; kind++) {
		pool_exposition_series(out);
		pool_exposition_label(
			out, "event", pool_event_get((enum pool_event_kind)kind)->name);
		pool_exposition_number(out, scrape->tally->events[kind]);
	}
}

static void add_alerts(struct pool_exposition *out, const struct scrape *scrape)
{
	for (int receiver = 0; receiver < POOL_TALLY_RECEIVERS; receiver++)
		for (int result = 0; result < POOL_TALLY_RESULTS; result++) {
			pool_exposition_series(out);
			pool_exposition_label(out, "receiver", receiver_names[receiver]);
			pool_exposition_label(out, "result", result_names[result]);
			pool_exposition_number(
				out, scrape->tally->alerts[receiver][result]);
		}
}

static void add_reloads(struct pool_exposition *out, const struct scrape *scrape)
{
	add_number(out, scrape->tally->reloads);
}

static void add_rollbacks(struct pool_exposition *out, const struct scrape *scrape)
{
	add_number(out, scrape->tally->rollbacks);
}

static void add_file_valid(struct pool_exposition *out, const struct scrape *scrape)
{
	add_number(out, scrape->tally->pool_file_valid);
}

static void add_last_reload(struct pool_exposition *out, const struct scrape *scrape)
{
	if (scrape->tally->last_reload_wall_s > 0)
		add_number(out, (uint64_t)scrape->tally->last_reload_wall_s);
}

static void add_first_round(struct pool_exposition *out, const struct scrape *scrape)
{
	add_number(out, scrape->tally->first_round_done);
}

static void add_in_flight(struct pool_exposition *out, const struct scrape *scrape)
{
	add_number(out, scrape->tally->checks_in_flight);
}

static void add_lag(struct pool_exposition *out, const struct scrape *scrape)
{
	add_histogram(out, NULL, &scrape->tally->lag, lag_bounds_us, LAG_BOUNDS);
}

static void add_start(struct pool_exposition *out, const struct scrape *scrape)
{
	if (scrape->tally->started_wall_s > 0)
		add_number(out, (uint64_t)scrape->tally->started_wall_s);
}

static void add_cpu(struct pool_exposition *out, const struct scrape *scrape)
{
	if (!scrape->process)
		return;
	pool_exposition_series(out);
	pool_exposition_real(out, scrape->process->cpu_s);
}

static void add_memory(struct pool_exposition *out, const struct scrape *scrape)
{
	if (scrape->process && scrape->process->resident_bytes)
		add_number(out, scrape->process->resident_bytes);
}

static void add_descriptors(struct pool_exposition *out, const struct scrape *scrape)
{
	if (scrape->process && scrape->process->descriptors)
		add_number(out, scrape->process->descriptors);
}

static const struct metric metrics[] = {
	{"check_failures_total",
		"Checks of the proxy that did not pass, by their reason; inconclusive "
		"ones too.",
		POOL_METRIC_COUNTER, true, add_failures},
	{"cooldowns_total", "How often the proxy began to cool.", POOL_METRIC_COUNTER,
		true, add_cooldowns},
	{"check_latency_seconds", "How long good checks of the pool took.",
		POOL_METRIC_HISTOGRAM, false, add_latency},
	{"events_total", "Events, told or not.", POOL_METRIC_COUNTER, false, add_events},
	{"alerts_total", "Alerts by receiver, and what became of them.",
		POOL_METRIC_COUNTER, false, add_alerts},
	{"reloads_total", "Edits of the pool file that were taken.", POOL_METRIC_COUNTER,
		false, add_reloads},
	{"rollbacks_total", "Edits of the pool file that were refused.",
		POOL_METRIC_COUNTER, false, add_rollbacks},
	{"pool_file_valid", "Whether the pool file as it is now is in force.",
		POOL_METRIC_GAUGE, false, add_file_valid},
	{"last_reload_timestamp_seconds",
		"When the pool file in force was taken, since 1970.", POOL_METRIC_GAUGE,
		false, add_last_reload},
	{"first_round_done", "Whether each proxy was checked since the start.",
		POOL_METRIC_GAUGE, false, add_first_round},
	{"checks_in_flight", "Checks that run now.", POOL_METRIC_GAUGE, false,
		add_in_flight},
	{"loop_lag_seconds", "How much later than due the loop got to its timers.",
		POOL_METRIC_HISTOGRAM, false, add_lag},
	{"start_time_seconds", "When pool-watch began, since 1970.", POOL_METRIC_GAUGE,
		false, add_start},
	{"process_cpu_seconds_total", "CPU time of pool-watch.", POOL_METRIC_COUNTER,
		false, add_cpu},
	{"process_resident_memory_bytes", "Memory of pool-watch that is in RAM.",
		POOL_METRIC_GAUGE, false, add_memory},
	{"process_open_fds", "Open descriptors of pool-watch.", POOL_METRIC_GAUGE, false,
		add_descriptors},
};

void pool_tally_render(const struct pool_tally *tally, const struct pool_report *report,
	const struct pool_process *process, bool per_proxy, struct pool_text *text)
{
	const struct scrape scrape = {tally, report, process};
	struct pool_exposition out = {.text = text};

	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		if (metrics[i].per_proxy && !per_proxy)
			continue;
		pool_exposition_begin(
			&out, metrics[i].type, metrics[i].name, metrics[i].help);
		metrics[i].add(&out, &scrape);
	}
}
