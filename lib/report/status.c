/* The status model: pools, rows, counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pool.h"
#include "report/status.h"

static const char *const result_names[POOL_RESULTS] = {
	[POOL_RESULT_UNCHECKED] = "not-checked",
	[POOL_RESULT_PASSED] = "passed",
	[POOL_RESULT_FAILED] = "failed",
	[POOL_RESULT_INCONCLUSIVE] = "inconclusive",
};

static const char *const quorum_names[POOL_QUORUMS] = {
	[POOL_QUORUM_UNASKED] = "not-asked",
	[POOL_QUORUM_MET] = "met",
	[POOL_QUORUM_UNDECIDED] = "undecided",
	[POOL_QUORUM_MISSED] = "missed",
};

const char *pool_result_name(enum pool_result result)
{
	return (unsigned)result < POOL_RESULTS ? result_names[result] : "?";
}

enum pool_result pool_result_judge(enum pool_reason reason, enum pool_status status)
{
	switch (pool_reason_get((int)reason)->verdict) {
	case POOL_VERDICT_OK:
	case POOL_VERDICT_LIMITED:
		return POOL_RESULT_PASSED;
	case POOL_VERDICT_DOWN:
	case POOL_VERDICT_BLOCKED:
		return POOL_RESULT_FAILED;
	case POOL_VERDICT_INCONCLUSIVE:
	case POOL_VERDICTS:
		break;
	}
	/* One that a target sent away for a while is known to work. */
	return status == POOL_STATUS_COOLING ? POOL_RESULT_PASSED
					     : POOL_RESULT_INCONCLUSIVE;
}

const char *pool_quorum_name(enum pool_quorum_answer answer)
{
	return (unsigned)answer < POOL_QUORUMS ? quorum_names[answer] : "?";
}

const char *pool_report_types(unsigned types)
{
	static const char *const names[] = {"", "http", "websocket", "http,websocket"};

	return names[types & 3];
}

/* --- building ------------------------------------------------------------------- */

int pool_report_add_pool(
	struct pool_report *report, const char *where, unsigned types, bool checked)
{
	size_t count = report->pool_count + 1;
	struct pool_report_pool *longer;
	char *copy;

	if (!where)
		return POOL_EINVALID;
	longer = realloc(report->pools, count * sizeof(*longer));
	copy = strdup(where);
	if (longer)
		report->pools = longer;
	if (!longer || !copy) {
		free(copy);
		return POOL_ENOMEM;
	}
	report->pools[report->pool_count++] = (struct pool_report_pool){.where = copy,
		.types = types,
		.checked = checked,
		.rollout = 100,
		.checked_age_s = -1};
	return 0;
}

static bool make_room(struct pool_report *report)
{
	size_t room = report->row_room ? report->row_room * 2 : 64;
	struct pool_report_row *longer;

	if (report->row_count < report->row_room)
		return true;
	longer = realloc(report->rows, room * sizeof(*longer));
	if (!longer)
		return false;
	report->rows = longer;
	report->row_room = room;
	return true;
}

struct pool_report_row *pool_report_add_row(
	struct pool_report *report, const char *name, const char *endpoint)
{
	struct pool_report_row row = {
		.pool = (uint32_t)report->pool_count - 1,
		.name = strdup(name),
		.endpoint = strdup(endpoint),
		.latency_us = -1,
		.checked_age_s = -1,
		.stored = {.budget_left = -1, .average_us = -1},
	};

	if (!row.name || !row.endpoint || !make_room(report)) {
		free(row.name);
		free(row.endpoint);
		return NULL;
	}
	report->rows[report->row_count] = row;
	return &report->rows[report->row_count++];
}

void pool_report_take_reason(struct pool_report_row *row, enum pool_reason reason,
	enum pool_reason found, const char *detail)
{
	row->reason = reason;
	row->result = pool_result_judge(reason, row->status);
	if (reason == found)
		snprintf(row->detail, sizeof(row->detail), "%s", detail);
	else
		snprintf(row->detail, sizeof(row->detail), "%s%s%.96s",
			pool_reason_get((int)found)->name, detail[0] ? ", " : "", detail);
}

void pool_report_clear_check(struct pool_report_row *row)
{
	row->result = POOL_RESULT_UNCHECKED;
	row->reason = POOL_REASON_NONE;
	row->detail[0] = '\0';
	row->latency_us = -1;
	row->http_status = 0;
	row->attempts = 0;
}

void pool_report_release(struct pool_report *report)
{
	for (size_t i = 0; i < report->row_count; i++) {
		free(report->rows[i].name);
		free(report->rows[i].endpoint);
	}
	for (size_t i = 0; i < report->pool_count; i++) {
		free(report->pools[i].where);
		free(report->pools[i].url);
	}
	free(report->rows);
	free(report->pools);
	*report = (struct pool_report){0};
}

/* --- the quorum ----------------------------------------------------------------- */

bool pool_quorum_parse(const char *text, struct pool_quorum *out)
{
	char digits[16];
	size_t length = strlen(text);
	bool percent = length && text[length - 1] == '%';
	int64_t count;

	length -= percent;
	if (length >= sizeof(digits))
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (!pool_text_to_int(digits, 0, percent ? 100 : 1000000000, &count))
		return false;
	*out = (struct pool_quorum){.count = (uint32_t)count, .percent = percent};
	return true;
}

uint32_t pool_quorum_need(const struct pool_quorum *quorum, uint32_t enabled)
{
	if (!quorum->percent)
		return quorum->count;
	if (!enabled)
		return 1;
	return (uint32_t)(((uint64_t)enabled * quorum->count + 99) / 100);
}

/* Those that can be selected, now or once others that use them are done. */
static uint32_t count_usable(const struct pool_report_pool *pool)
{
	uint32_t count = pool->eligible;

	for (int i = 0; i < POOL_OBSTACLES; i++)
		if (pool_obstacle_get((enum pool_obstacle)i)->busy)
			count += pool->obstacles[i];
	return count;
}

/* Where none can be selected none is met, whatever is asked for; those that were
 * inconclusive leave it open. */
static enum pool_quorum_answer decide(const struct pool_report_pool *pool)
{
	const uint32_t passed = pool->results[POOL_RESULT_PASSED];
	const uint32_t open = pool->results[POOL_RESULT_INCONCLUSIVE];

	if (!pool->checked)
		return POOL_QUORUM_UNASKED;
	if (passed >= pool->need && count_usable(pool))
		return POOL_QUORUM_MET;
	if (passed + open >= pool->need && open)
		return POOL_QUORUM_UNDECIDED;
	return POOL_QUORUM_MISSED;
}

void pool_report_count(struct pool_report *report, const struct pool_quorum *quorum)
{
	for (size_t i = 0; i < report->pool_count; i++) {
		struct pool_report_pool *pool = &report->pools[i];

		pool->proxies = pool->enabled = pool->eligible = 0;
		memset(pool->obstacles, 0, sizeof(pool->obstacles));
		memset(pool->results, 0, sizeof(pool->results));
		memset(pool->statuses, 0, sizeof(pool->statuses));
	}
	for (size_t i = 0; i < report->row_count; i++) {
		const struct pool_report_row *row = &report->rows[i];
		struct pool_report_pool *pool = &report->pools[row->pool];

		pool->proxies++;
		pool->statuses[row->status]++;
		pool->obstacles[row->stored.obstacle]++;
		pool->eligible += row->stored.obstacle == POOL_OBSTACLE_NONE;
		if (row->status == POOL_STATUS_DISABLED)
			continue;
		pool->enabled++;
		pool->results[row->result]++;
	}
	for (size_t i = 0; i < report->pool_count; i++) {
		struct pool_report_pool *pool = &report->pools[i];

		pool->need = pool_quorum_need(quorum, pool->enabled);
		pool->quorum = decide(pool);
	}
}

enum pool_quorum_answer pool_report_quorum(const struct pool_report *report)
{
	enum pool_quorum_answer worst = POOL_QUORUM_UNASKED;

	for (size_t i = 0; i < report->pool_count; i++)
		if (report->pools[i].quorum > worst)
			worst = report->pools[i].quorum;
	return worst;
}

double pool_report_percent(const struct pool_report_pool *pool)
{
	return pool->enabled ? 100.0 * pool->results[POOL_RESULT_PASSED] / pool->enabled
			     : 0;
}
