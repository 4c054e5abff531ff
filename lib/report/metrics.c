/* Prometheus text: one row of a table a metric. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "report/metrics.h"

struct metric {
	const char *name; /* without "proxypool_" */
	const char *help;
	bool counter; /* else a gauge */
	bool stored;  /* of the state file alone */
	bool run;     /* of a run of checks alone */
	/* Add the series; one of them. */
	void (*of_row)(const struct metric *metric, const struct pool_report *report,
		const struct pool_report_row *row, struct pool_text *text);
	void (*of_pool)(const struct metric *metric, const struct pool_report_pool *pool,
		struct pool_text *text);
	void (*of_all)(const struct metric *metric, const struct pool_report *report,
		struct pool_text *text);
};

/* --- series --------------------------------------------------------------------- */

static void add_label(struct pool_text *text, const char *name, const char *value)
{
	char last = text->bytes ? text->bytes[text->length - 1] : '{';

	pool_text_addf(text, "%s%s=\"", last == '{' ? "" : ",", name);
	for (; *value; value++) {
		if (*value == '\n')
			pool_text_add(text, "\\n");
		else if (*value == '"' || *value == '\\')
			pool_text_addf(text, "\\%c", *value);
		else
			pool_text_add_bytes(text, value, 1);
	}
	pool_text_add(text, "\"");
}

static void begin(const struct metric *metric, struct pool_text *text)
{
	pool_text_addf(text, "proxypool_%s{", metric->name);
}

static void begin_row(const struct metric *metric, const struct pool_report *report,
	const struct pool_report_row *row, struct pool_text *text)
{
	begin(metric, text);
	add_label(text, "pool", report->pools[row->pool].where);
	add_label(text, "proxy", row->name);
}

static void add_up(const struct metric *metric, const struct pool_report *report,
	const struct pool_report_row *row, struct pool_text *text)
{
	bool up = row->result == POOL_RESULT_PASSED;

	if (row->status == POOL_STATUS_DISABLED)
		return;
	if (row->result == POOL_RESULT_INCONCLUSIVE ||
		row->result == POOL_RESULT_UNCHECKED)
		up = row->status == POOL_STATUS_HEALTHY ||
			row->status == POOL_STATUS_RECOVERING ||
			row->status == POOL_STATUS_COOLING;
	begin_row(metric, report, row, text);
	pool_text_addf(text, "} %d\n", up);
}

static void add_status(const struct metric *metric, const struct pool_report *report,
	const struct pool_report_row *row, struct pool_text *text)
{
	for (int status = 0; status < POOL_STATUSES; status++) {
		begin_row(metric, report, row, text);
		add_label(text, "status", pool_status_name((enum pool_status)status));
		pool_text_addf(text, "} %d\n", row->status == (enum pool_status)status);
	}
}

static void add_check_duration(const struct metric *metric,
	const struct pool_report *report, const struct pool_report_row *row,
	struct pool_text *text)
{
	if (row->latency_us < 0)
		return;
	begin_row(metric, report, row, text);
	pool_text_addf(text, "} %" PRId64 ".%06" PRId64 "\n", row->latency_us / 1000000,
		row->latency_us % 1000000);
}

static void add_pool_proxies(const struct metric *metric,
	const struct pool_report_pool *pool, struct pool_text *text)
{
	for (int status = 0; status < POOL_STATUSES; status++) {
		begin(metric, text);
		add_label(text, "pool", pool->where);
		add_label(text, "status", pool_status_name((enum pool_status)status));
		pool_text_addf(text, "} %u\n", (unsigned)pool->statuses[status]);
	}
}

static void add_pool_passed(const struct metric *metric,
	const struct pool_report_pool *pool, struct pool_text *text)
{
	if (!pool->checked || !pool->enabled)
		return;
	begin(metric, text);
	add_label(text, "pool", pool->where);
	pool_text_addf(text, "} %.6g\n", pool_report_percent(pool) / 100);
}

static void add_pool_inconclusive(const struct metric *metric,
	const struct pool_report_pool *pool, struct pool_text *text)
{
	if (!pool->checked || !pool->enabled)
		return;
	begin(metric, text);
	add_label(text, "pool", pool->where);
	pool_text_addf(text, "} %.6g\n",
		(double)pool->results[POOL_RESULT_INCONCLUSIVE] / pool->enabled);
}

static void add_quorum_met(const struct metric *metric,
	const struct pool_report_pool *pool, struct pool_text *text)
{
	if (pool->quorum == POOL_QUORUM_UNASKED)
		return;
	begin(metric, text);
	add_label(text, "pool", pool->where);
	pool_text_addf(text, "} %d\n", pool->quorum == POOL_QUORUM_MET);
}

/* --- what the state file counts --------------------------------------------------- */

static void add_row_number(const struct metric *metric, const struct pool_report *report,
	const struct pool_report_row *row, uint64_t number, struct pool_text *text)
{
	begin_row(metric, report, row, text);
	pool_text_addf(text, "} %" PRIu64 "\n", number);
}

static void add_eligible(const struct metric *metric, const struct pool_report *report,
	const struct pool_report_row *row, struct pool_text *text)
{
	add_row_number(
		metric, report, row, row->stored.obstacle == POOL_OBSTACLE_NONE, text);
}

static void add_wait(const struct metric *metric, const struct pool_report *report,
	const struct pool_report_row *row, struct pool_text *text)
{
	add_row_number(metric, report, row, (uint64_t)row->wait_s, text);
}

static void add_leases(const struct metric *metric, const struct pool_report *report,
	const struct pool_report_row *row, struct pool_text *text)
{
	add_row_number(metric, report, row, row->stored.held, text);
}

static void add_budget(const struct metric *metric, const struct pool_report *report,
	const struct pool_report_row *row, struct pool_text *text)
{
	if (row->stored.budget_left >= 0)
		add_row_number(
			metric, report, row, (uint64_t)row->stored.budget_left, text);
}

static void add_selections(const struct metric *metric, const struct pool_report *report,
	const struct pool_report_row *row, struct pool_text *text)
{
	add_row_number(metric, report, row, row->stored.selections, text);
}

static void add_verdicts(const struct metric *metric, const struct pool_report *report,
	const struct pool_report_row *row, const uint32_t *counts, struct pool_text *text)
{
	for (int verdict = 0; verdict < POOL_VERDICTS; verdict++) {
		begin_row(metric, report, row, text);
		add_label(text, "verdict", pool_verdict_name((enum pool_verdict)verdict));
		pool_text_addf(text, "} %u\n", (unsigned)counts[verdict]);
	}
}

static void add_checks(const struct metric *metric, const struct pool_report *report,
	const struct pool_report_row *row, struct pool_text *text)
{
	add_verdicts(metric, report, row, row->stored.checks, text);
}

static void add_reports(const struct metric *metric, const struct pool_report *report,
	const struct pool_report_row *row, struct pool_text *text)
{
	add_verdicts(metric, report, row, row->stored.reports, text);
}

static void add_pool_number(const struct metric *metric,
	const struct pool_report_pool *pool, uint64_t number, struct pool_text *text)
{
	begin(metric, text);
	add_label(text, "pool", pool->where);
	pool_text_addf(text, "} %" PRIu64 "\n", number);
}

static void add_pool_eligible(const struct metric *metric,
	const struct pool_report_pool *pool, struct pool_text *text)
{
	add_pool_number(metric, pool, pool->eligible, text);
}

static void add_pool_checked_at(const struct metric *metric,
	const struct pool_report_pool *pool, struct pool_text *text)
{
	if (pool->checked_wall_s)
		add_pool_number(metric, pool, (uint64_t)pool->checked_wall_s, text);
}

static void add_pool_stale(const struct metric *metric,
	const struct pool_report_pool *pool, struct pool_text *text)
{
	if (pool->checked)
		add_pool_number(metric, pool, pool->stale, text);
}

static void add_pool_fallbacks(const struct metric *metric,
	const struct pool_report_pool *pool, struct pool_text *text)
{
	add_pool_number(metric, pool, pool->fallbacks, text);
}

static void add_pool_panics(const struct metric *metric,
	const struct pool_report_pool *pool, struct pool_text *text)
{
	add_pool_number(metric, pool, pool->panics, text);
}

static void add_run_at(const struct metric *metric, const struct pool_report *report,
	struct pool_text *text)
{
	if (report->has_run)
		pool_text_addf(text, "proxypool_%s %" PRId64 "\n", metric->name,
			report->run_at_s);
}

static void add_run_duration(const struct metric *metric,
	const struct pool_report *report, struct pool_text *text)
{
	if (report->has_run)
		pool_text_addf(text, "proxypool_%s %" PRId64 ".%06" PRId64 "\n",
			metric->name, report->run_us / 1000000, report->run_us % 1000000);
}

static void add_build(const struct metric *metric, const struct pool_report *report,
	struct pool_text *text)
{
	(void)report;
	begin(metric, text);
	add_label(text, "version", POOL_VERSION);
	pool_text_add(text, "} 1\n");
}

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
		"Whether as many proxies of the pool passed as the quorum asks for.",
		.of_pool = add_quorum_met},
	{"eligible", "Whether the proxy may be selected now.", .stored = true,
		.of_row = add_eligible},
	{"wait_seconds", "Until the proxy may be selected; 0: now, or never.",
		.stored = true, .of_row = add_wait},
	{"leases", "Leases of the proxy that are held.", .stored = true,
		.of_row = add_leases},
	{"budget_left", "Requests that the proxy may still be asked for now.",
		.stored = true, .of_row = add_budget},
	{"selections_total", "How often the proxy was selected.", .counter = true,
		.stored = true, .of_row = add_selections},
	{"checks_total", "Checks of the proxy by verdict.", .counter = true,
		.stored = true, .of_row = add_checks},
	{"reports_total", "Reports about the proxy by verdict.", .counter = true,
		.stored = true, .of_row = add_reports},
	{"pool_eligible", "Proxies of the pool that may be selected now.", .stored = true,
		.of_pool = add_pool_eligible},
	{"pool_checked_timestamp_seconds",
		"When a check of the pool last said something, since 1970.",
		.stored = true, .of_pool = add_pool_checked_at},
	{"pool_stale", "Whether the pool has not been checked for too long.",
		.stored = true, .of_pool = add_pool_stale},
	{"pool_fallbacks_total", "Selections that got the url beside the pool.",
		.counter = true, .stored = true, .of_pool = add_pool_fallbacks},
	{"pool_panics_total", "Selections that got a proxy that was not eligible.",
		.counter = true, .stored = true, .of_pool = add_pool_panics},
	{"last_run_timestamp_seconds", "When the last run of checks began, since 1970.",
		.run = true, .of_all = add_run_at},
	{"last_run_duration_seconds", "How long the last run of checks took.",
		.run = true, .of_all = add_run_duration},
	{"build_info", "The version of proxypool.", .of_all = add_build},
};

void pool_metrics_render(const struct pool_report *report, struct pool_text *text)
{
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		const struct metric *metric = &metrics[i];

		if (report->is_stored ? metric->run : metric->stored)
			continue;
		pool_text_addf(text, "# HELP proxypool_%s %s\n# TYPE proxypool_%s %s\n",
			metric->name, metric->help, metric->name,
			metric->counter ? "counter" : "gauge");
		for (size_t row = 0; metric->of_row && row < report->row_count; row++)
			metric->of_row(metric, report, &report->rows[row], text);
		for (size_t pool = 0; metric->of_pool && pool < report->pool_count;
			pool++)
			metric->of_pool(metric, &report->pools[pool], text);
		if (metric->of_all)
			metric->of_all(metric, report, text);
	}
}

/* --- the file ------------------------------------------------------------------- */

static bool write_whole(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

int pool_metrics_check(const char *path, struct pool_fault *fault)
{
	struct stat status;

	if (lstat(path, &status) != 0 || S_ISREG(status.st_mode))
		return 0;
	return pool_fault_set(fault, POOL_EARGUMENT, 0,
		"metrics file '%s' is no regular file: it would be replaced by one",
		path);
}

int pool_metrics_write(
	const char *path, const struct pool_text *text, struct pool_fault *fault)
{
	struct pool_text beside = POOL_TEXT_EMPTY;
	int error = 0, fd = -1;
	bool made = false;

	if (pool_metrics_check(path, fault) != 0)
		return POOL_EARGUMENT;
	pool_text_addf(&beside, "%s.XXXXXX", path);
	if (beside.broken || text->broken)
		error = ENOMEM;
	if (!error)
		fd = mkostemp(beside.bytes, O_CLOEXEC);
	if (!error && fd < 0)
		error = errno;
	made = fd >= 0;
	if (!error &&
		(!write_whole(fd, text->bytes ? text->bytes : "", text->length) ||
			fchmod(fd, 0644) != 0))
		error = errno;
	if (fd >= 0 && close(fd) != 0 && !error)
		error = errno;
	if (!error && rename(beside.bytes, path) != 0)
		error = errno;
	if (error && made)
		unlink(beside.bytes);
	pool_text_release(&beside);
	return error ? pool_fault_set(fault, POOL_ESYSTEM, error,
			       "cannot write metrics file '%s'", path)
		     : 0;
}

int pool_metrics_save(
	const struct pool_report *report, const char *path, struct pool_fault *fault)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	int error;

	pool_metrics_render(report, &text);
	error = pool_metrics_write(path, &text, fault);
	pool_text_release(&text);
	return error;
}
