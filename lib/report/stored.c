/* What the state file says, judged, and told with what to do next. */
#include <inttypes.h>
#include <string.h>
#include "health/flap.h"
#include "report/columns.h"
#include "report/stored.h"

enum { NAMED_AT_MOST = 3 };

/* --- judging -------------------------------------------------------------------- */

static enum pool_result judge_row(const struct pool_report_row *row)
{
	if (row->stored.obstacle == POOL_OBSTACLE_SECRET)
		return POOL_RESULT_INCONCLUSIVE;
	switch (row->status) {
	case POOL_STATUS_HEALTHY:
		return POOL_RESULT_PASSED;
	case POOL_STATUS_COOLING:
		/* One that was down before is not known to work. */
		return row->stored.opened ? POOL_RESULT_FAILED : POOL_RESULT_PASSED;
	case POOL_STATUS_UNHEALTHY:
		return POOL_RESULT_FAILED;
	case POOL_STATUS_RECOVERING:
		return row->reason == POOL_REASON_OK ? POOL_RESULT_PASSED
						     : POOL_RESULT_INCONCLUSIVE;
	case POOL_STATUS_UNKNOWN:
		return POOL_RESULT_INCONCLUSIVE;
	case POOL_STATUS_DISABLED:
	case POOL_STATUSES:
		break;
	}
	return POOL_RESULT_UNCHECKED;
}

static int64_t stale_after_s(const struct pool_report_pool *pool)
{
	int64_t seconds = pool->interval_s * POOL_STALE_INTERVALS;

	return seconds < POOL_STALE_AT_LEAST_S ? POOL_STALE_AT_LEAST_S : seconds;
}

void pool_report_judge_stored(
	struct pool_report *report, const struct pool_quorum *quorum)
{
	const struct pool_quorum all = POOL_DEGRADED_DEFAULT;

	report->is_stored = true;
	for (size_t i = 0; i < report->row_count; i++)
		report->rows[i].result = judge_row(&report->rows[i]);
	pool_report_count(report, quorum);
	for (size_t i = 0; i < report->pool_count; i++) {
		struct pool_report_pool *pool = &report->pools[i];

		pool->blocked = pool->unknown = pool->flapping = 0;
		pool->degraded_below = pool_quorum_need(
			report->degraded_below ? report->degraded_below : &all,
			pool->enabled);
		pool->stale = pool->checked && pool->enabled &&
			(pool->checked_age_s < 0 ||
				pool->checked_age_s >= stale_after_s(pool));
	}
	for (size_t i = 0; i < report->row_count; i++) {
		const struct pool_report_row *row = &report->rows[i];
		struct pool_report_pool *pool = &report->pools[row->pool];

		pool->flapping += row->stored.flapping;
		pool->unknown += row->stored.obstacle == POOL_OBSTACLE_NONE &&
			row->status == POOL_STATUS_UNKNOWN;
		pool->blocked +=
			row->stored.obstacle == POOL_OBSTACLE_OPEN && row->stored.blocked;
	}
}

bool pool_report_wants_attention(const struct pool_report_pool *pool)
{
	return pool->stale || pool->eligible == 0 || pool->eligible < pool->enabled ||
		pool->flapping || pool->obstacles[POOL_OBSTACLE_PERSON];
}

static const struct pool_resort_row resorts[POOL_RESORTS] = {
	[POOL_RESORT_NONE] = {"fail", "fails"},
	[POOL_RESORT_URL] = {"url", "gets the pool's url"},
	[POOL_RESORT_UNHEALTHY] = {"any", "gets an unhealthy one, with a warning"},
};

const struct pool_resort_row *pool_resort_get(enum pool_resort resort)
{
	return &resorts[(unsigned)resort < POOL_RESORTS ? resort : POOL_RESORT_NONE];
}

enum pool_resort pool_report_resort(const struct pool_report_pool *pool)
{
	if (pool->url)
		return POOL_RESORT_URL;
	if (pool->fallback == POOL_FALLBACK_ANY &&
		pool->obstacles[POOL_OBSTACLE_OPEN] +
			pool->obstacles[POOL_OBSTACLE_TRIAL])
		return POOL_RESORT_UNHEALTHY;
	return POOL_RESORT_NONE;
}

/* --- the table ------------------------------------------------------------------ */

static bool has_budgets(const struct pool_report *report)
{
	for (size_t i = 0; i < report->row_count; i++)
		if (report->rows[i].stored.budget_left >= 0)
			return true;
	return false;
}

/* People's columns stand in one list; what is of no use this time is stepped over. */
static struct pool_report_view view_people(
	const struct pool_report *report, bool sentences)
{
	static const enum pool_column plain[] = {POOL_COLUMN_POOL, POOL_COLUMN_PROXY,
		POOL_COLUMN_STATUS, POOL_COLUMN_CAUSE, POOL_COLUMN_WAIT, POOL_COLUMN_HELD,
		POOL_COLUMN_SELECTIONS, POOL_COLUMN_AVERAGE, POOL_COLUMN_AGE,
		POOL_COLUMN_WHY};
	static const enum pool_column budgets[] = {POOL_COLUMN_POOL, POOL_COLUMN_PROXY,
		POOL_COLUMN_STATUS, POOL_COLUMN_CAUSE, POOL_COLUMN_WAIT, POOL_COLUMN_HELD,
		POOL_COLUMN_BUDGET, POOL_COLUMN_SELECTIONS, POOL_COLUMN_AVERAGE,
		POOL_COLUMN_AGE, POOL_COLUMN_WHY};
	const bool one_pool = report->pool_count == 1, budget = has_budgets(report);
	const size_t count = budget ? sizeof(budgets) / sizeof(budgets[0])
				    : sizeof(plain) / sizeof(plain[0]);

	return (struct pool_report_view){
		.format = POOL_FORMAT_TABLE,
		.columns = (budget ? budgets : plain) + one_pool,
		.column_count = count - one_pool - !sentences,
	};
}

struct pool_report_view pool_report_view_stored(
	const struct pool_report *report, enum pool_format format, bool sentences)
{
	static const enum pool_column programs[] = {POOL_COLUMN_POOL, POOL_COLUMN_TYPES,
		POOL_COLUMN_PROXY, POOL_COLUMN_URL, POOL_COLUMN_STATUS,
		POOL_COLUMN_RESULT, POOL_COLUMN_ELIGIBLE, POOL_COLUMN_CAUSE,
		POOL_COLUMN_REASON, POOL_COLUMN_BLOCKED, POOL_COLUMN_WAIT,
		POOL_COLUMN_UNTIL, POOL_COLUMN_HELD, POOL_COLUMN_MOST, POOL_COLUMN_BUDGET,
		POOL_COLUMN_SELECTIONS, POOL_COLUMN_TAKEN, POOL_COLUMN_LATENCY,
		POOL_COLUMN_AVERAGE, POOL_COLUMN_HTTP_STATUS, POOL_COLUMN_AGE,
		POOL_COLUMN_CHECKED_AT, POOL_COLUMN_SELECTED_AT, POOL_COLUMN_OPENED,
		POOL_COLUMN_CHECKS_OK, POOL_COLUMN_CHECKS_DOWN,
		POOL_COLUMN_CHECKS_BLOCKED, POOL_COLUMN_CHECKS_LIMITED,
		POOL_COLUMN_CHECKS_INCONCLUSIVE, POOL_COLUMN_REPORTS_OK,
		POOL_COLUMN_REPORTS_DOWN, POOL_COLUMN_REPORTS_BLOCKED,
		POOL_COLUMN_REPORTS_LIMITED, POOL_COLUMN_REPORTS_INCONCLUSIVE,
		POOL_COLUMN_TEXT, POOL_COLUMN_ADVICE, POOL_COLUMN_FLAPPING};

	if (format == POOL_FORMAT_TABLE)
		return view_people(report, sentences);
	return (struct pool_report_view){
		.format = format,
		.columns = programs,
		.column_count = sizeof(programs) / sizeof(programs[0]),
	};
}

/* --- a line a pool -------------------------------------------------------------- */

static void add_count(struct pool_text *text, uint32_t count, const char *word)
{
	if (count)
		pool_text_addf(text, ", %u %s", (unsigned)count, word);
}

static void add_age(const struct pool_report_pool *pool, struct pool_text *text)
{
	if (!pool->checked) {
		pool_text_add(text, "; its health_check is not enabled");
		return;
	}
	if (pool->checked_age_s < 0) {
		pool_text_add(text, "; never checked");
		return;
	}
	pool_text_add(text, pool->stale ? "; stale: checked " : "; checked ");
	pool_show_seconds(pool->checked_age_s, text);
	pool_text_add(text, " ago");
}

static void sum_up(const struct pool_report_pool *pool,
	const struct pool_telling *telling, struct pool_text *text)
{
	static const char *const answers[POOL_QUORUMS] = {
		[POOL_QUORUM_UNASKED] = "is not asked for",
		[POOL_QUORUM_MET] = "is met",
		[POOL_QUORUM_UNDECIDED] = "cannot be decided",
		[POOL_QUORUM_MISSED] = "is missed",
	};

	pool_text_add_safe(text, pool->where, strlen(pool->where));
	pool_text_addf(text, ": %u of %u eligible", (unsigned)pool->eligible,
		(unsigned)pool->enabled);
	add_count(text, pool->obstacles[POOL_OBSTACLE_OPEN] - pool->blocked, "unhealthy");
	add_count(text, pool->blocked, "blocked");
	add_count(text, pool->obstacles[POOL_OBSTACLE_COOLING], "cooling");
	add_count(text,
		pool->obstacles[POOL_OBSTACLE_LEASES] +
			pool->obstacles[POOL_OBSTACLE_BUDGET],
		"at a limit");
	add_count(text, pool->obstacles[POOL_OBSTACLE_TRIAL], "on trial");
	add_count(text, pool->obstacles[POOL_OBSTACLE_SECRET],
		pool_obstacle_get(POOL_OBSTACLE_SECRET)->counted);
	add_count(text, pool->unknown, "unknown");
	add_count(text, pool->statuses[POOL_STATUS_DISABLED], "disabled");
	add_count(text, pool->flapping, "flapping");
	add_age(pool, text);
	if (telling->quorum)
		pool_text_addf(text, "; the quorum of %u %s", (unsigned)pool->need,
			answers[pool->quorum]);
	pool_text_add(text, "\n");
}

/* --- what to do next ------------------------------------------------------------ */

/* Rows of one pool that one thing keeps from being selected, or that flap. */
struct trouble {
	const struct pool_report *report;
	bool (*same)(const struct pool_report_row *a, const struct pool_report_row *b);
	size_t first; /* the first of them */
	uint32_t count;
	int64_t wait_s; /* until the first of them may be selected again */
};

static bool same_trouble(const struct pool_report_row *a, const struct pool_report_row *b)
{
	return a->pool == b->pool && a->stored.obstacle == b->stored.obstacle &&
		(pool_obstacle_get(a->stored.obstacle)->name || a->reason == b->reason);
}

static bool is_trouble(const struct pool_report_row *row)
{
	return row->stored.obstacle != POOL_OBSTACLE_NONE &&
		row->stored.obstacle != POOL_OBSTACLE_FILE;
}

static bool both_flap(const struct pool_report_row *a, const struct pool_report_row *b)
{
	return a->pool == b->pool && a->stored.flapping && b->stored.flapping;
}

/* All that are the <same> as row <at>; false if an earlier row told of them. */
static bool find_alike(const struct pool_report *report, size_t at,
	bool (*same)(const struct pool_report_row *a, const struct pool_report_row *b),
	struct trouble *trouble)
{
	const struct pool_report_row *row = &report->rows[at];

	for (size_t i = at; i > 0 && report->rows[i - 1].pool == row->pool; i--)
		if (same(&report->rows[i - 1], row))
			return false;
	*trouble = (struct trouble){
		.report = report, .same = same, .first = at, .wait_s = row->wait_s};
	for (size_t i = at; i < report->row_count && report->rows[i].pool == row->pool;
		i++) {
		if (!same(&report->rows[i], row))
			continue;
		trouble->count++;
		if (report->rows[i].wait_s < trouble->wait_s)
			trouble->wait_s = report->rows[i].wait_s;
	}
	return true;
}

static void name_some(const struct trouble *trouble, struct pool_text *text)
{
	const struct pool_report *report = trouble->report;
	const struct pool_report_row *first = &report->rows[trouble->first];
	uint32_t named = 0;

	for (size_t i = trouble->first;
		named < trouble->count && named < NAMED_AT_MOST && i < report->row_count;
		i++) {
		const char *name = report->rows[i].name;

		if (!trouble->same(&report->rows[i], first))
			continue;
		pool_text_add(text, named++ ? ", " : "");
		pool_text_add_safe(text, name, strlen(name));
	}
	if (trouble->count > named)
		pool_text_addf(text, " and %u more", (unsigned)(trouble->count - named));
}

static void add_option(const char *option, const char *value, struct pool_text *text)
{
	if (!value)
		return;
	pool_text_add(text, option);
	pool_text_add_safe(text, value, strlen(value));
	pool_text_add(text, " ");
}

/* "; 'pool-report NAME WORD' EFFECT": what a person may do. */
static void add_command(const struct trouble *trouble, const struct pool_telling *telling,
	const char *word, const char *effect, struct pool_text *text)
{
	const char *name = trouble->report->rows[trouble->first].name;

	pool_text_add(text, "; 'pool-report ");
	add_option("-f ", telling->file, text);
	add_option("-s ", telling->state, text);
	if (trouble->count == 1)
		pool_text_add_safe(text, name, strlen(name));
	else
		pool_text_add(text, "NAME");
	pool_text_addf(text, " %s' %s", word, effect);
}

static void tell_trouble(const struct trouble *trouble,
	const struct pool_telling *telling, struct pool_text *text)
{
	const struct pool_report_row *row = &trouble->report->rows[trouble->first];
	const struct pool_obstacle_row *obstacle =
		pool_obstacle_get(row->stored.obstacle);
	const struct pool_reason_row *reason = pool_reason_get((int)row->reason);

	pool_text_add(text, "  ");
	name_some(trouble, text);
	pool_text_addf(
		text, ": %s", obstacle->sentence ? obstacle->sentence : reason->sentence);
	if (trouble->wait_s > 0) {
		pool_text_add(text, trouble->count == 1 ? ", rests " : ", first rests ");
		pool_show_seconds(trouble->wait_s, text);
		pool_text_add(text, " more");
	}
	if (row->stored.obstacle == POOL_OBSTACLE_PERSON)
		add_command(trouble, telling, "enable", "enables it", text);
	else
		pool_text_addf(text, "; %s",
			obstacle->advice ? obstacle->advice : reason->advice);
	if (row->stored.obstacle == POOL_OBSTACLE_COOLING)
		add_command(trouble, telling, "reset", "ends it now", text);
	pool_text_add(text, "\n");
}

static void tell_flapping(const struct trouble *trouble,
	const struct pool_telling *telling, struct pool_text *text)
{
	const struct pool_report_row *row = &trouble->report->rows[trouble->first];

	pool_text_add(text, "  ");
	name_some(trouble, text);
	if (trouble->count == 1)
		pool_text_addf(text, ": flapping: its status changed %u times within ",
			(unsigned)row->stored.changes);
	else
		pool_text_add(text,
			": flapping: the status of each changed more than 6 "
			"times within ");
	pool_show_seconds(
		trouble->count > 1 ? POOL_FLAP_QUIET_S : row->stored.span_s + 1, text);
	pool_text_add(text, "; a higher unhealthy_threshold or retry_count may calm it");
	if (row->status != POOL_STATUS_DISABLED)
		add_command(trouble, telling, "disable", "takes it out", text);
	pool_text_add(text, "\n");
}

/* The url beside a pool is no proxy of it, so that nothing else tells of it. */
static void tell_url(const struct pool_report_pool *pool, struct pool_text *text)
{
	if (!pool->url)
		return;
	if (pool->rollout < 100)
		pool_text_addf(text, "  %d %% of selections get one of these, the rest ",
			(int)pool->rollout);
	else
		pool_text_add(text, "  beside them, for when none is eligible: ");
	pool_text_add_safe(text, pool->url, strlen(pool->url));
	pool_text_addf(text, " (used %" PRIu64 " time%s, not checked)\n",
		pool->url_selections, pool->url_selections == 1 ? "" : "s");
}

/* The youngest check of any proxy of the pool that row <at> is the first of, conclusive
 * or not; NULL: none. */
static const struct pool_report_row *last_checked(
	const struct pool_report *report, size_t at)
{
	const struct pool_report_row *last = NULL;

	for (size_t i = at;
		i < report->row_count && report->rows[i].pool == report->rows[at].pool;
		i++) {
		const struct pool_report_row *row = &report->rows[i];

		if (row->checked_age_s >= 0 &&
			(!last || row->checked_age_s < last->checked_age_s))
			last = row;
	}
	return last;
}

static void tell_stale(const struct pool_report *report,
	const struct pool_report_pool *pool, size_t at, struct pool_text *text)
{
	const struct pool_report_row *last = last_checked(report, at);
	const struct pool_reason_row *reason;

	if (last && last->checked_age_s < stale_after_s(pool)) {
		reason = pool_reason_get((int)last->reason);
		pool_text_addf(text, "  the checks decide nothing: %s; %s\n",
			reason->sentence, reason->advice);
		return;
	}
	if (pool->checked_age_s < 0) {
		pool_text_add(text, "  no check is stored: run pool-check, from cron\n");
		return;
	}
	pool_text_add(text, "  pool-check has not run for ");
	pool_show_seconds(last ? last->checked_age_s : pool->checked_age_s, text);
	pool_text_add(text, ": is its cron job alive?\n");
}

static void tell_fallback(const struct pool_report_pool *pool, struct pool_text *text)
{
	pool_text_addf(text, "  no proxy is eligible: a selection %s\n",
		pool_resort_get(pool_report_resort(pool))->sentence);
}

void pool_report_tell_stored(const struct pool_report *report,
	const struct pool_telling *telling, struct pool_text *text)
{
	size_t at = 0;

	for (uint32_t i = 0; i < report->pool_count; i++) {
		const struct pool_report_pool *pool = &report->pools[i];
		const bool told = !telling->only_degraded ||
			pool_report_wants_attention(pool) ||
			pool->quorum >= POOL_QUORUM_UNDECIDED;
		struct trouble trouble;

		if (told)
			sum_up(pool, telling, text);
		if (told && pool->eligible == 0)
			tell_fallback(pool, text);
		if (told)
			tell_url(pool, text);
		if (told && pool->stale)
			tell_stale(report, pool, at, text);
		for (; at < report->row_count && report->rows[at].pool == i; at++) {
			const struct pool_report_row *row = &report->rows[at];

			if (told && is_trouble(row) &&
				find_alike(report, at, same_trouble, &trouble))
				tell_trouble(&trouble, telling, text);
			if (told && row->stored.flapping &&
				find_alike(report, at, both_flap, &trouble))
				tell_flapping(&trouble, telling, text);
		}
	}
	if (!telling->only_degraded)
		pool_report_tell_tried(report, text);
}
