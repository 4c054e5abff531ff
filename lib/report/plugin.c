/* Monitoring plugins: ranges and the line. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "report/plugin.h"

enum { NAMED_AT_MOST = 3 };

static const char *const state_names[POOL_PLUGIN_STATES] = {
	[POOL_PLUGIN_OK] = "OK",
	[POOL_PLUGIN_WARNING] = "WARNING",
	[POOL_PLUGIN_CRITICAL] = "CRITICAL",
	[POOL_PLUGIN_UNKNOWN] = "UNKNOWN",
};

const char *pool_plugin_state_name(enum pool_plugin_state state)
{
	return (unsigned)state < POOL_PLUGIN_STATES ? state_names[state] : "UNKNOWN";
}

/* --- ranges --------------------------------------------------------------------- */

/* A decimal number at <text>; where it ends, or NULL. Not strtod alone: it takes "inf"
 * and "0x". */
static const char *parse_number(const char *text, double *out)
{
	size_t sign = *text == '-';
	size_t whole = strspn(text + sign, "0123456789");
	size_t length = sign + whole;
	char copy[32];

	if (text[length] == '.') {
		size_t parts = strspn(text + length + 1, "0123456789");

		whole += parts;
		length += 1 + parts;
	}
	if (!whole || length >= sizeof(copy))
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	*out = strtod(copy, NULL);
	return text + length;
}

bool pool_range_parse(const char *text, struct pool_range *out)
{
	struct pool_range range = {.end = INFINITY};
	const char *colon;

	range.inside = *text == '@';
	text += range.inside;
	colon = strchr(text, ':');
	if (colon && *text == '~') {
		range.start = -INFINITY;
		text++;
	} else if (colon && text != colon) {
		text = parse_number(text, &range.start);
	}
	if (colon && text != colon)
		return false;
	if (colon)
		text++;
	if (*text || !colon)
		text = parse_number(text, &range.end);
	if (!text || *text || range.start > range.end)
		return false;
	*out = range;
	return true;
}

bool pool_range_alerts(const struct pool_range *range, double value)
{
	return (value >= range->start && value <= range->end) == range->inside;
}

/* Up to two places, no zeroes behind them. */
static void print_number(double number, struct pool_text *text)
{
	pool_text_addf(text, "%.2f", number);
	if (text->broken)
		return;
	while (text->bytes[text->length - 1] == '0')
		text->bytes[--text->length] = '\0';
	if (text->bytes[text->length - 1] == '.')
		text->bytes[--text->length] = '\0';
}

void pool_range_print(const struct pool_range *range, struct pool_text *text)
{
	bool to_infinity = isinf(range->end) != 0;

	pool_text_add(text, range->inside ? "@" : "");
	if (isinf(range->start))
		pool_text_add(text, "~:");
	else if (range->start != 0 || to_infinity) {
		print_number(range->start, text);
		pool_text_add(text, ":");
	}
	if (!to_infinity)
		print_number(range->end, text);
}

/* --- the judgement -------------------------------------------------------------- */

/* As if all that could have passed had. */
static double possible_percent(const struct pool_report_pool *pool)
{
	uint32_t passed = pool->results[POOL_RESULT_PASSED];

	if (!pool->enabled)
		return 0;
	return 100.0 * (passed + pool->results[POOL_RESULT_INCONCLUSIVE]) / pool->enabled;
}

static const struct pool_report_pool *find_worst(const struct pool_report *report,
	double (*percent)(const struct pool_report_pool *pool))
{
	const struct pool_report_pool *worst = NULL;

	for (size_t i = 0; i < report->pool_count; i++) {
		const struct pool_report_pool *pool = &report->pools[i];

		if (pool->checked && (!worst || percent(pool) < percent(worst)))
			worst = pool;
	}
	return worst;
}

/* The one that was checked longest ago, of those that are stale. */
static const struct pool_report_pool *find_stale(const struct pool_report *report)
{
	const struct pool_report_pool *oldest = NULL;

	for (size_t i = 0; i < report->pool_count; i++) {
		const struct pool_report_pool *pool = &report->pools[i];

		if (pool->stale &&
			(!oldest || pool->checked_age_s < 0 ||
				(oldest->checked_age_s >= 0 &&
					pool->checked_age_s > oldest->checked_age_s)))
			oldest = pool;
	}
	return oldest;
}

static bool is_critical(const struct pool_report *report,
	const struct pool_plugin_limits *limits, bool at_best)
{
	enum pool_quorum_answer quorum = pool_report_quorum(report);
	double (*percent)(const struct pool_report_pool *) =
		at_best ? possible_percent : pool_report_percent;

	if (limits->critical)
		return pool_range_alerts(
			limits->critical, percent(find_worst(report, percent)));
	return quorum >= (at_best ? POOL_QUORUM_MISSED : POOL_QUORUM_UNDECIDED);
}

enum pool_plugin_state pool_plugin_judge(
	const struct pool_report *report, const struct pool_plugin_limits *limits)
{
	static const struct pool_range all = {.start = 100, .end = INFINITY};
	const struct pool_range *warning = limits->warning ? limits->warning : &all;
	const struct pool_report_pool *worst = find_worst(report, pool_report_percent);

	if (!worst)
		return POOL_PLUGIN_OK;
	if (find_stale(report))
		return POOL_PLUGIN_UNKNOWN;
	if (is_critical(report, limits, false))
		return is_critical(report, limits, true) ? POOL_PLUGIN_CRITICAL
							 : POOL_PLUGIN_UNKNOWN;
	return pool_range_alerts(warning, pool_report_percent(worst))
		? POOL_PLUGIN_WARNING
		: POOL_PLUGIN_OK;
}

/* --- the line ------------------------------------------------------------------- */

/* A bar would begin the performance data. */
static void add_word(struct pool_text *text, const char *word)
{
	size_t from = text->length;

	pool_text_add_safe(text, word, strlen(word));
	for (size_t i = from; i < text->length; i++)
		if (text->bytes[i] == '|')
			text->bytes[i] = '/';
}

static void name_some(const struct pool_report *report, enum pool_result result,
	const char *words, struct pool_text *text)
{
	size_t named = 0, more = 0;

	for (size_t i = 0; i < report->row_count; i++) {
		const struct pool_report_row *row = &report->rows[i];

		if (row->result != result || row->status == POOL_STATUS_DISABLED)
			continue;
		if (named == NAMED_AT_MOST) {
			more++;
			continue;
		}
		pool_text_add(text, named++ ? ", " : words);
		add_word(text, row->name);
		pool_text_addf(text, " (%s)",
			row->reason == POOL_REASON_NONE
				? pool_status_name(row->status)
				: pool_reason_get((int)row->reason)->name);
	}
	if (more)
		pool_text_addf(text, " and %zu more", more);
}

/* Never "100" while one did not pass. */
static int round_percent(double percent)
{
	int rounded = (int)(percent + 0.5);

	return rounded == 100 && percent < 100 ? 99 : rounded;
}

static void add_limits(const struct pool_report_pool *worst,
	const struct pool_plugin_limits *limits, struct pool_text *text)
{
	struct pool_range critical = {.end = INFINITY};

	if (worst->enabled)
		critical.start = 100.0 * worst->need / worst->enabled;
	pool_text_add(text, ";");
	if (limits->warning)
		pool_range_print(limits->warning, text);
	else
		pool_text_add(text, "100:");
	pool_text_add(text, ";");
	pool_range_print(limits->critical ? limits->critical : &critical, text);
	pool_text_add(text, ";0;100");
}

/* How long ago the pool was checked whose turn it is; "U" is unknown to all who read it.
 */
static void add_age(const struct pool_report *report, struct pool_text *text)
{
	int64_t oldest_s = -1;
	bool never = false;

	for (size_t i = 0; i < report->pool_count; i++) {
		const struct pool_report_pool *pool = &report->pools[i];

		if (!pool->checked)
			continue;
		never |= pool->checked_age_s < 0;
		if (pool->checked_age_s > oldest_s)
			oldest_s = pool->checked_age_s;
	}
	if (never || oldest_s < 0)
		pool_text_add(text, " age=U");
	else
		pool_text_addf(text, " age=%" PRId64 "s;;;0", oldest_s);
}

static void add_stale(const struct pool_report_pool *pool, struct pool_text *text)
{
	pool_text_add(text, "; stale: ");
	add_word(text, pool->where);
	if (pool->checked_age_s < 0)
		pool_text_add(text, " was never checked");
	else
		pool_text_addf(
			text, " was checked %" PRId64 " s ago", pool->checked_age_s);
}

static void add_performance(const struct pool_report *report,
	const struct pool_report_pool *worst, const struct pool_plugin_limits *limits,
	struct pool_text *text)
{
	uint32_t counts[POOL_RESULTS] = {0}, enabled = 0;
	/* Rounded down: it is never negative. */
	double percent = (double)(int64_t)(pool_report_percent(worst) * 100) / 100;

	for (size_t i = 0; i < report->pool_count; i++) {
		enabled += report->pools[i].enabled;
		for (int result = 0; result < POOL_RESULTS; result++)
			counts[result] += report->pools[i].results[result];
	}
	pool_text_add(text, " | passed=");
	print_number(percent, text);
	pool_text_add(text, "%");
	add_limits(worst, limits, text);
	pool_text_addf(text, " failed=%u;;;0;%u inconclusive=%u;;;0;%u",
		(unsigned)counts[POOL_RESULT_FAILED], (unsigned)enabled,
		(unsigned)counts[POOL_RESULT_INCONCLUSIVE], (unsigned)enabled);
	if (report->is_stored)
		add_age(report, text);
	else
		pool_text_addf(text, " time=%" PRId64 ".%03" PRId64 "s;;;0;%" PRId64,
			report->run_us / 1000000, report->run_us / 1000 % 1000,
			limits->timeout_s);
}

void pool_plugin_print(const struct pool_report *report,
	const struct pool_plugin_limits *limits, enum pool_plugin_state state,
	struct pool_text *text)
{
	const struct pool_report_pool *worst = find_worst(report, pool_report_percent);

	pool_text_addf(text, "POOL %s - ", pool_plugin_state_name(state));
	if (!worst) {
		pool_text_add(text, "no pool to check\n");
		return;
	}
	pool_text_addf(text, "%u/%u passed (%d%%), %spool ",
		(unsigned)worst->results[POOL_RESULT_PASSED], (unsigned)worst->enabled,
		round_percent(pool_report_percent(worst)),
		report->pool_count > 1 ? "worst " : "");
	add_word(text, worst->where);
	if (report->uplink_suspect)
		pool_text_add(
			text, "; nothing at all answered: check this machine's network");
	else if (report->target_suspect)
		pool_text_add(
			text, "; a target fails through every proxy: check the target");
	if (find_stale(report))
		add_stale(find_stale(report), text);
	name_some(report, POOL_RESULT_FAILED, "; failed: ", text);
	name_some(report, POOL_RESULT_INCONCLUSIVE, "; inconclusive: ", text);
	if (worst->results[POOL_RESULT_PASSED] && pool_report_tried(worst))
		pool_text_addf(text, "; %s", pool_report_tried(worst));
	add_performance(report, worst, limits, text);
	pool_text_add(text, "\n");
}

void pool_plugin_print_unknown(const char *why, struct pool_text *text)
{
	pool_text_add(text, "POOL UNKNOWN - ");
	add_word(text, why);
	pool_text_add(text, "\n");
}
