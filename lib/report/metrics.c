/* Prometheus text: one row of a table a metric. */
#include "base/replace.h"
#include "report/exposition.h"
#include "report/metrics.h"
#include "select/strategy.h"

struct metric {
	const char *name; /* without "proxypool_" */
	const char *help;
	enum pool_metric_type type;
	bool stored; /* of the state file alone */
	bool run;    /* of a run of checks alone */
	/* Add the series; one of them. */
	void (*of_row)(struct pool_exposition *out, const struct pool_report_pool *pool,
		const struct pool_report_row *row);
	void (*of_pool)(struct pool_exposition *out, const struct pool_report_pool *pool);
	void (*of_all)(struct pool_exposition *out, const struct pool_report *report);
};

/* --- of each proxy ---------------------------------------------------------------- */

static void begin_row(struct pool_exposition *out, const struct pool_report_pool *pool,
	const struct pool_report_row *row)
{
	pool_exposition_series(out);
	pool_exposition_label(out, "pool", pool->where);
	pool_exposition_label(out, "proxy", row->name);
}

static void add_row_number(struct pool_exposition *out,
	const struct pool_report_pool *pool, const struct pool_report_row *row,
	uint64_t number)
{
	begin_row(out, pool, row);
	pool_exposition_number(out, number);
}

static bool is_up(const struct pool_report_row *row)
{
	if (row->result == POOL_RESULT_INCONCLUSIVE ||
		row->result == POOL_RESULT_UNCHECKED)
		return row->status == POOL_STATUS_HEALTHY ||
			row->status == POOL_STATUS_RECOVERING ||
			row->status == POOL_STATUS_COOLING;
	return row->result == POOL_RESULT_PASSED;
}

/* The table's functions of rows, all alike. */
#define OF_ROW(function)                                  \
	static void function(struct pool_exposition *out, \
		const struct pool_report_pool *pool, const struct pool_report_row *row)

OF_ROW(add_up)
{
	if (row->status != POOL_STATUS_DISABLED)
		add_row_number(out, pool, row, is_up(row));
}

OF_ROW(add_status)
{
	for (int status = 0; status < POOL_STATUSES; status++) {
		begin_row(out, pool, row);
		pool_exposition_label(
			out, "status", pool_status_name((enum pool_status)status));
		pool_exposition_number(out, row->status == (enum pool_status)status);
	}
}

OF_ROW(add_check_duration)
{
	if (row->latency_us < 0)
		return;
	begin_row(out, pool, row);
	pool_exposition_us(out, (uint64_t)row->latency_us);
}

OF_ROW(add_eligible)
{
	add_row_number(out, pool, row, row->stored.obstacle == POOL_OBSTACLE_NONE);
}

OF_ROW(add_wait)
{
	add_row_number(out, pool, row, (uint64_t)row->wait_s);
}

OF_ROW(add_leases)
{
	add_row_number(out, pool, row, row->stored.held);
}

OF_ROW(add_taken)
{
	add_row_number(out, pool, row, row->stored.taken);
}

OF_ROW(add_budget)
{
	if (row->stored.budget_left >= 0)
		add_row_number(out, pool, row, (uint64_t)row->stored.budget_left);
}

OF_ROW(add_opened)
{
	add_row_number(out, pool, row, row->stored.opened);
}

OF_ROW(add_flapping)
{
	add_row_number(out, pool, row, row->stored.flapping);
}

OF_ROW(add_transitions)
{
	add_row_number(out, pool, row, row->stored.transitions);
}

OF_ROW(add_selections)
{
	add_row_number(out, pool, row, row->stored.selections);
}

static void add_verdicts(struct pool_exposition *out, const struct pool_report_pool *pool,
	const struct pool_report_row *row, const uint32_t *counts)
{
	for (int verdict = 0; verdict < POOL_VERDICTS; verdict++) {
		begin_row(out, pool, row);
		pool_exposition_label(
			out, "verdict", pool_verdict_name((enum pool_verdict)verdict));
		pool_exposition_number(out, counts[verdict]);
	}
}

OF_ROW(add_checks)
{
	add_verdicts(out, pool, row, row->stored.checks);
}

OF_ROW(add_reports)
{
	add_verdicts(out, pool, row, row->stored.reports);
}

/* --- of each pool ----------------------------------------------------------------- */

static void begin_pool(struct pool_exposition *out, const struct pool_report_pool *pool)
{
	pool_exposition_series(out);
	pool_exposition_label(out, "pool", pool->where);
}

static void add_pool_number(
	struct pool_exposition *out, const struct pool_report_pool *pool, uint64_t number)
{
	begin_pool(out, pool);
	pool_exposition_number(out, number);
}

#define OF_POOL(function)     \
	static void function( \
		struct pool_exposition *out, const struct pool_report_pool *pool)

OF_POOL(add_pool_proxies)
{
	for (int status = 0; status < POOL_STATUSES; status++) {
		begin_pool(out, pool);
		pool_exposition_label(
			out, "status", pool_status_name((enum pool_status)status));
		pool_exposition_number(out, pool->statuses[status]);
	}
}

OF_POOL(add_pool_passed)
{
	if (!pool->checked || !pool->enabled)
		return;
	begin_pool(out, pool);
	pool_exposition_real(out, pool_report_percent(pool) / 100);
}

OF_POOL(add_pool_inconclusive)
{
	if (!pool->checked || !pool->enabled)
		return;
	begin_pool(out, pool);
	pool_exposition_real(
		out, (double)pool->results[POOL_RESULT_INCONCLUSIVE] / pool->enabled);
}

OF_POOL(add_quorum_met)
{
	if (pool->quorum != POOL_QUORUM_UNASKED)
		add_pool_number(out, pool, pool->quorum == POOL_QUORUM_MET);
}

OF_POOL(add_pool_eligible)
{
	add_pool_number(out, pool, pool->eligible);
}

OF_POOL(add_pool_checked_at)
{
	if (pool->checked_wall_s)
		add_pool_number(out, pool, (uint64_t)pool->checked_wall_s);
}

OF_POOL(add_pool_stale)
{
	if (pool->checked)
		add_pool_number(out, pool, pool->stale);
}

OF_POOL(add_pool_selections)
{
	for (unsigned i = 0; i < POOL_STRATEGIES; i++) {
		begin_pool(out, pool);
		pool_exposition_label(out, "strategy", pool_strategy_get(i)->name);
		pool_exposition_number(out, pool->strategies[i]);
	}
}

OF_POOL(add_pool_latency)
{
	uint64_t bounds_us[POOL_LATENCY_BUCKETS - 1];
	const struct pool_exposition_buckets buckets = {
		.bounds_us = bounds_us,
		.bound_count = POOL_LATENCY_BUCKETS - 1,
		.counts = pool->latency,
		.sum_ns = pool->latency_ns,
	};

	for (int i = 0; i < POOL_LATENCY_BUCKETS - 1; i++)
		bounds_us[i] = UINT64_C(1) << i;
	pool_exposition_histogram(out, "pool", pool->where, &buckets);
}

OF_POOL(add_pool_rollout)
{
	begin_pool(out, pool);
	pool_exposition_real(out, pool->rollout / 100.0);
}

OF_POOL(add_pool_url_selections)
{
	add_pool_number(out, pool, pool->url_selections);
}

OF_POOL(add_pool_fallbacks)
{
	add_pool_number(out, pool, pool->fallbacks);
}

OF_POOL(add_pool_panics)
{
	add_pool_number(out, pool, pool->panics);
}

/* --- of all ----------------------------------------------------------------------- */

static void add_run_at(struct pool_exposition *out, const struct pool_report *report)
{
	if (!report->has_run)
		return;
	pool_exposition_series(out);
	pool_exposition_number(out, (uint64_t)report->run_at_s);
}

static void add_run_duration(
	struct pool_exposition *out, const struct pool_report *report)
{
	if (!report->has_run)
		return;
	pool_exposition_series(out);
	pool_exposition_us(out, (uint64_t)report->run_us);
}

static void add_build(struct pool_exposition *out, const struct pool_report *report)
{
	(void)report;
	pool_exposition_series(out);
	pool_exposition_label(out, "version", POOL_VERSION);
	pool_exposition_number(out, 1);
}

/* --- the table -------------------------------------------------------------------- */

static const struct metric metrics[] = {
	{"up",
		"Whether the proxy passed its last check; of an inconclusive one, "
		"whether its status "
		"is good.",
		.of_row = add_up},
	{"proxy_status", "1 for the status that the proxy has now, 0 for the others.",
		.of_row = add_status},
	{"check_duration_seconds", "How long the last check took that the proxy passed.",
		.of_row = add_check_duration},
	{"pool_proxies", "Proxies of the pool by status.", .of_pool = add_pool_proxies},
	{"pool_passed_ratio",
		"Share of the enabled proxies of the pool that passed the last run.",
		.of_pool = add_pool_passed},
	{"pool_inconclusive_ratio",
		"Share of the enabled proxies of the pool whose last check was "
		"inconclusive.",
		.of_pool = add_pool_inconclusive},
	{"pool_quorum_met",
		"Whether as many proxies of the pool passed as the quorum asks for, and "
		"one can be selected.",
		.of_pool = add_quorum_met},
	{"eligible", "Whether the proxy may be selected now.", .stored = true,
		.of_row = add_eligible},
	{"wait_seconds", "Until the proxy may be selected; 0: now, or never.",
		.stored = true, .of_row = add_wait},
	{"leases", "Leases of the proxy that are held.", .stored = true,
		.of_row = add_leases},
	{"leases_total", "Leases of the proxy that were taken.",
		.type = POOL_METRIC_COUNTER, .stored = true, .of_row = add_taken},
	{"budget_left", "Requests that the proxy may still be asked for now.",
		.stored = true, .of_row = add_budget},
	{"breaker_open", "Whether the proxy's breaker is open, or half-open.",
		.stored = true, .of_row = add_opened},
	{"flapping", "Whether the proxy's status changes too often.", .stored = true,
		.of_row = add_flapping},
	{"transitions_total", "Changes of the proxy's status.",
		.type = POOL_METRIC_COUNTER, .stored = true, .of_row = add_transitions},
	{"selections_total", "How often the proxy was selected.",
		.type = POOL_METRIC_COUNTER, .stored = true, .of_row = add_selections},
	{"checks_total", "Checks of the proxy by verdict.", .type = POOL_METRIC_COUNTER,
		.stored = true, .of_row = add_checks},
	{"reports_total", "Reports about the proxy by verdict.",
		.type = POOL_METRIC_COUNTER, .stored = true, .of_row = add_reports},
	{"pool_eligible", "Proxies of the pool that may be selected now.", .stored = true,
		.of_pool = add_pool_eligible},
	{"pool_checked_timestamp_seconds",
		"When a check of the pool last said something, since 1970.",
		.stored = true, .of_pool = add_pool_checked_at},
	{"pool_stale", "Whether the pool has not been checked for too long.",
		.stored = true, .of_pool = add_pool_stale},
	{"pool_selections_total",
		"Selections of a proxy of the pool, by the strategy that chose it.",
		.type = POOL_METRIC_COUNTER, .stored = true,
		.of_pool = add_pool_selections},
	{"pool_selection_latency_seconds", "How long selections of the pool took.",
		.type = POOL_METRIC_HISTOGRAM, .stored = true,
		.of_pool = add_pool_latency},
	{"pool_rollout_ratio",
		"Share of the pool's selections that rollout_percent gives to its "
		"proxies; the rest get the url beside it.",
		.stored = true, .of_pool = add_pool_rollout},
	{"pool_url_selections_total",
		"Selections that got the url beside the pool, by its share or as a "
		"fallback.",
		.type = POOL_METRIC_COUNTER, .stored = true,
		.of_pool = add_pool_url_selections},
	{"pool_fallbacks_total",
		"Selections that got the url beside the pool, since no proxy was "
		"eligible.",
		.type = POOL_METRIC_COUNTER, .stored = true,
		.of_pool = add_pool_fallbacks},
	{"pool_panics_total", "Selections that got a proxy that was not eligible.",
		.type = POOL_METRIC_COUNTER, .stored = true, .of_pool = add_pool_panics},
	{"last_run_timestamp_seconds", "When the last run of checks began, since 1970.",
		.run = true, .of_all = add_run_at},
	{"last_run_duration_seconds", "How long the last run of checks took.",
		.run = true, .of_all = add_run_duration},
	{"build_info", "The version of proxypool.", .of_all = add_build},
};

void pool_metrics_render(
	const struct pool_report *report, bool per_proxy, struct pool_text *text)
{
	struct pool_exposition out = {.text = text};

	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		const struct metric *metric = &metrics[i];

		if (report->is_stored ? metric->run : metric->stored)
			continue;
		pool_exposition_begin(&out, metric->type, metric->name, metric->help);
		for (size_t j = 0; per_proxy && metric->of_row && j < report->row_count;
			j++)
			metric->of_row(&out, &report->pools[report->rows[j].pool],
				&report->rows[j]);
		for (size_t j = 0; metric->of_pool && j < report->pool_count; j++)
			metric->of_pool(&out, &report->pools[j]);
		if (metric->of_all)
			metric->of_all(&out, report);
	}
}

/* --- the file ------------------------------------------------------------------- */

static const char *const what = "metrics file";

int pool_metrics_check(const char *path, struct pool_fault *fault)
{
	return pool_replace_check(what, path, fault);
}

int pool_metrics_write(
	const char *path, const struct pool_text *text, struct pool_fault *fault)
{
	if (text->broken)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	return pool_replace_file(
		what, path, text->bytes ? text->bytes : "", text->length, 0644, fault);
}

int pool_metrics_save(
	const struct pool_report *report, const char *path, struct pool_fault *fault)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	int error;

	pool_metrics_render(report, true, &text);
	error = pool_metrics_write(path, &text, fault);
	pool_text_release(&text);
	return error;
}
