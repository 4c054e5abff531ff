/* A report in sentences, and a run's progress as a bar. */
#include <string.h>
#include "report/status.h"

enum { BAR_WIDTH = 30 };

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
