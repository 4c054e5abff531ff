/* A report in sentences, and a run's progress as a bar. */
#include <string.h>
#include "report/status.h"

enum { BAR_WIDTH = 30, NAMED_AT_MOST = 3 };

static void add_count(struct pool_text *text, uint32_t count, const char *word)
{
	if (count)
		pool_text_addf(text, ", %u %s", (unsigned)count, word);
}

void pool_report_summarize(const struct pool_report_pool *pool, struct pool_text *text)
{
	static const char *const answers[POOL_QUORUMS] = {
		[POOL_QUORUM_MET] = "is met",
		[POOL_QUORUM_UNDECIDED] = "cannot be decided",
		[POOL_QUORUM_MISSED] = "is missed",
	};
	uint32_t disabled = pool->proxies - pool->enabled;

	pool_text_add_safe(text, pool->where, strlen(pool->where));
	if (!pool->checked) {
		pool_text_add(text, ": not checked (its health_check is not enabled)");
		return;
	}
	pool_text_addf(text, ": %u of %u passed",
		(unsigned)pool->results[POOL_RESULT_PASSED], (unsigned)pool->enabled);
	add_count(text, pool->results[POOL_RESULT_FAILED], "failed");
	add_count(text, pool->results[POOL_RESULT_INCONCLUSIVE], "inconclusive");
	add_count(text, disabled, "disabled");
	if (pool->quorum != POOL_QUORUM_MET && !pool->eligible && pool->enabled &&
		pool->results[POOL_RESULT_PASSED] >= pool->need) {
		pool_text_add(text, "; none is eligible: ");
		pool_obstacles_add(text, pool->obstacles);
	}
	pool_text_addf(text, "; the quorum of %u %s", (unsigned)pool->need,
		answers[pool->quorum]);
}

void pool_report_summarize_all(
	const struct pool_report *report, bool only_no, struct pool_text *text)
{
	for (size_t i = 0; i < report->pool_count; i++) {
		const struct pool_report_pool *pool = &report->pools[i];

		if (only_no && pool->quorum < POOL_QUORUM_UNDECIDED)
			continue;
		pool_report_summarize(pool, text);
		pool_text_add(text, "\n");
	}
}

/* --- what was tried -------------------------------------------------------------- */

static const struct pool_tried_row tried[POOL_METHODS] = {
	[POOL_METHOD_TCP] = {"port", "checks try the port only"},
	[POOL_METHOD_HTTP] = {"target", NULL},
	[POOL_METHOD_PING] = {"host", "checks try the host only"},
	[POOL_METHOD_TUNNEL] = {"target", NULL},
	[POOL_METHOD_WEBSOCKET] = {"target", NULL},
};

const struct pool_tried_row *pool_tried_get(enum pool_method method)
{
	return &tried[(unsigned)method < POOL_METHODS ? method : POOL_METHOD_TCP];
}

const char *pool_report_tried(const struct pool_report_pool *pool)
{
	return pool->checked ? pool_tried_get(pool->method)->phrase : NULL;
}

/* The names of the pools that are checked by <method>, <count> of them, and a colon. */
static void name_pools(const struct pool_report *report, enum pool_method method,
	size_t count, struct pool_text *text)
{
	size_t named = 0;

	for (size_t i = 0; i < report->pool_count && named < NAMED_AT_MOST; i++) {
		const struct pool_report_pool *pool = &report->pools[i];

		if (!pool->checked || pool->method != method)
			continue;
		pool_text_add(text, named++ ? ", " : "");
		pool_text_add_safe(text, pool->where, strlen(pool->where));
	}
	if (count > named)
		pool_text_addf(text, " and %zu more", count - named);
	pool_text_add(text, ": ");
}

void pool_report_tell_tried(const struct pool_report *report, struct pool_text *text)
{
	size_t counts[POOL_METHODS] = {0}, checked = 0;

	for (size_t i = 0; i < report->pool_count; i++) {
		const struct pool_report_pool *pool = &report->pools[i];

		if (!pool->checked)
			continue;
		counts[pool->method]++;
		checked++;
	}
	for (int i = 0; i < POOL_METHODS; i++) {
		if (!counts[i] || !tried[i].phrase)
			continue;
		if (counts[i] < checked)
			name_pools(report, (enum pool_method)i, counts[i], text);
		pool_text_addf(text,
			"%s; health_check.method %s tries whether proxies work\n",
			tried[i].phrase, pool_method_name(POOL_METHOD_HTTP));
	}
}

/* --- suspicions -------------------------------------------------------------------- */

static void add_suspected_target(const struct pool_report *report, struct pool_text *text)
{
	for (size_t i = 0; i < report->row_count; i++) {
		const char *where = report->pools[report->rows[i].pool].where;

		if (report->rows[i].reason != POOL_REASON_TARGET_SUSPECT)
			continue;
		pool_text_add_safe(text, where, strlen(where));
		pool_text_add(text,
			": the target failed through every proxy that reached "
			"it: check the target; no proxy was blamed\n");
		return;
	}
}

void pool_report_suspect(const struct pool_report *report, struct pool_text *text)
{
	if (report->uplink_suspect)
		pool_text_add(text,
			"nothing at all answered in time: check this "
			"machine's network; no proxy was blamed\n");
	if (report->target_suspect)
		add_suspected_target(report, text);
}

/* --- progress --------------------------------------------------------------------- */

bool pool_progress_due(struct pool_progress *progress, int64_t now_ns)
{
	if (now_ns < progress->next_ns)
		return false;
	progress->next_ns = now_ns + POOL_PROGRESS_NS;
	progress->shown = true;
	return true;
}

void pool_progress_add(size_t done, size_t count, struct pool_text *text)
{
	char bar[BAR_WIDTH + 1];

	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', count ? done * BAR_WIDTH / count : BAR_WIDTH);
	bar[BAR_WIDTH] = '\0';
	pool_text_addf(text, "[%s] %zu of %zu", bar, done, count);
}
