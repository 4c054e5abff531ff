/* The columns of a report: what stands in them, and how it reads. */
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "report/columns.h"

/* --- what stands in a column ---------------------------------------------------- */

static struct pool_cell text_cell(const char *text)
{
	return (struct pool_cell){.kind = POOL_CELL_TEXT, .text = text};
}

static struct pool_cell number_cell(enum pool_cell_kind kind, int64_t number, bool given)
{
	return (struct pool_cell){
		.kind = given ? kind : POOL_CELL_NONE, .number = number};
}

#define GETTER(name)                  \
	static struct pool_cell name( \
		const struct pool_report_pool *pool, const struct pool_report_row *row)

GETTER(get_pool)
{
	(void)row;
	return text_cell(pool->where);
}

GETTER(get_types)
{
	(void)row;
	return text_cell(pool_report_types(pool->types));
}

GETTER(get_proxy)
{
	(void)pool;
	return text_cell(row->name);
}

GETTER(get_url)
{
	(void)pool;
	return text_cell(row->endpoint);
}

GETTER(get_status)
{
	(void)pool;
	return text_cell(pool_status_name(row->status));
}

GETTER(get_result)
{
	(void)pool;
	return text_cell(pool_result_name(row->result));
}

GETTER(get_reason)
{
	(void)pool;
	if (row->reason == POOL_REASON_NONE)
		return (struct pool_cell){.kind = POOL_CELL_NONE};
	return text_cell(pool_reason_get((int)row->reason)->name);
}

GETTER(get_latency)
{
	(void)pool;
	return number_cell(POOL_CELL_US, row->latency_us, row->latency_us >= 0);
}

GETTER(get_http_status)
{
	(void)pool;
	return number_cell(POOL_CELL_COUNT, row->http_status, row->http_status != 0);
}

GETTER(get_attempts)
{
	(void)pool;
	return number_cell(POOL_CELL_COUNT, row->attempts, row->attempts != 0);
}

GETTER(get_wait)
{
	(void)pool;
	return number_cell(POOL_CELL_S, row->wait_s, row->wait_s > 0);
}

GETTER(get_age)
{
	(void)pool;
	return number_cell(POOL_CELL_S, row->checked_age_s, row->checked_age_s >= 0);
}

GETTER(get_text)
{
	(void)pool;
	if (row->reason == POOL_REASON_NONE)
		return (struct pool_cell){.kind = POOL_CELL_NONE};
	return text_cell(pool_reason_get((int)row->reason)->sentence);
}

GETTER(get_detail)
{
	(void)pool;
	if (!row->detail[0])
		return (struct pool_cell){.kind = POOL_CELL_NONE};
	return text_cell(row->detail);
}

GETTER(get_advice)
{
	(void)pool;
	if (row->reason == POOL_REASON_OK || row->reason == POOL_REASON_NONE)
		return (struct pool_cell){.kind = POOL_CELL_NONE};
	return text_cell(pool_reason_get((int)row->reason)->advice);
}

GETTER(get_what)
{
	struct pool_cell cell = get_text(pool, row);

	if (cell.kind == POOL_CELL_NONE || row->reason == POOL_REASON_OK)
		return text_cell("");
	cell.more = row->detail;
	return cell;
}

/* --- what the state file says ----------------------------------------------------- */

static struct pool_cell flag_cell(bool flag)
{
	return (struct pool_cell){.kind = POOL_CELL_BOOL, .number = flag};
}

static struct pool_cell moment_cell(int64_t wall_s)
{
	return number_cell(POOL_CELL_MOMENT, wall_s, wall_s != 0);
}

static struct pool_cell count_cell(uint64_t count)
{
	return number_cell(POOL_CELL_COUNT, (int64_t)count, true);
}

GETTER(get_cause)
{
	const char *name = pool_obstacle_get(row->stored.obstacle)->name;

	return name ? text_cell(name) : get_reason(pool, row);
}

GETTER(get_why)
{
	const char *sentence = pool_obstacle_get(row->stored.obstacle)->sentence;

	return sentence ? text_cell(sentence) : get_what(pool, row);
}

GETTER(get_eligible)
{
	(void)pool;
	return flag_cell(row->stored.obstacle == POOL_OBSTACLE_NONE);
}

GETTER(get_blocked)
{
	(void)pool;
	return flag_cell(row->stored.blocked);
}

GETTER(get_until)
{
	(void)pool;
	return moment_cell(row->stored.until_wall_s);
}

GETTER(get_held)
{
	(void)pool;
	return (struct pool_cell){.kind = POOL_CELL_SHARE,
		.number = row->stored.held,
		.of = row->stored.most};
}

GETTER(get_most)
{
	(void)pool;
	return number_cell(POOL_CELL_COUNT, row->stored.most, row->stored.most > 0);
}

GETTER(get_budget)
{
	(void)pool;
	return number_cell(
		POOL_CELL_COUNT, row->stored.budget_left, row->stored.budget_left >= 0);
}

GETTER(get_average)
{
	(void)pool;
	return number_cell(
		POOL_CELL_US, row->stored.average_us, row->stored.average_us >= 0);
}

GETTER(get_checked_at)
{
	(void)pool;
	return moment_cell(row->stored.checked_wall_s);
}

GETTER(get_selected_at)
{
	(void)pool;
	return moment_cell(row->stored.selected_wall_s);
}

/* A getter of a plain number of the state file. */
#define COUNTER(name, member)                          \
	GETTER(name)                                   \
	{                                              \
		(void)pool;                            \
		return count_cell(row->stored.member); \
	}

COUNTER(get_selections, selections)
COUNTER(get_taken, taken)
COUNTER(get_opened, times_opened)
COUNTER(get_checks_ok, checks[POOL_VERDICT_OK])
COUNTER(get_checks_down, checks[POOL_VERDICT_DOWN])
COUNTER(get_checks_blocked, checks[POOL_VERDICT_BLOCKED])
COUNTER(get_checks_limited, checks[POOL_VERDICT_LIMITED])
COUNTER(get_checks_inconclusive, checks[POOL_VERDICT_INCONCLUSIVE])
COUNTER(get_reports_ok, reports[POOL_VERDICT_OK])
COUNTER(get_reports_down, reports[POOL_VERDICT_DOWN])
COUNTER(get_reports_blocked, reports[POOL_VERDICT_BLOCKED])
COUNTER(get_reports_limited, reports[POOL_VERDICT_LIMITED])
COUNTER(get_reports_inconclusive, reports[POOL_VERDICT_INCONCLUSIVE])

GETTER(get_flapping)
{
	(void)pool;
	return flag_cell(row->stored.flapping);
}

GETTER(get_at)
{
	(void)pool;
	return moment_cell(row->change.wall_s);
}

GETTER(get_from)
{
	(void)pool;
	return text_cell(pool_status_name(row->change.from));
}

GETTER(get_to)
{
	(void)pool;
	return text_cell(pool_status_name(row->change.to));
}

static const struct pool_column_row columns[POOL_COLUMNS] = {
	[POOL_COLUMN_POOL] = {"pool", "POOL", false, get_pool},
	[POOL_COLUMN_TYPES] = {"types", "TYPES", false, get_types},
	[POOL_COLUMN_PROXY] = {"proxy", "PROXY", false, get_proxy},
	[POOL_COLUMN_URL] = {"url", "URL", false, get_url},
	[POOL_COLUMN_STATUS] = {"status", "STATUS", false, get_status},
	[POOL_COLUMN_RESULT] = {"result", "RESULT", false, get_result},
	[POOL_COLUMN_REASON] = {"reason", "REASON", false, get_reason},
	[POOL_COLUMN_LATENCY] = {"latency_seconds", "TIME", true, get_latency},
	[POOL_COLUMN_HTTP_STATUS] = {"http_status", "HTTP", true, get_http_status},
	[POOL_COLUMN_ATTEMPTS] = {"attempts", "TRIES", true, get_attempts},
	[POOL_COLUMN_WAIT] = {"wait_seconds", "WAIT", true, get_wait},
	[POOL_COLUMN_AGE] = {"checked_ago_seconds", "CHECKED", true, get_age},
	[POOL_COLUMN_TEXT] = {"text", "TEXT", false, get_text},
	[POOL_COLUMN_DETAIL] = {"detail", "DETAIL", false, get_detail},
	[POOL_COLUMN_ADVICE] = {"advice", "WHAT TO DO", false, get_advice},
	[POOL_COLUMN_WHAT] = {"what", "WHAT HAPPENED", false, get_what},
	[POOL_COLUMN_CAUSE] = {"cause", "CAUSE", false, get_cause},
	[POOL_COLUMN_WHY] = {"why", "WHY", false, get_why},
	[POOL_COLUMN_ELIGIBLE] = {"eligible", "ELIGIBLE", false, get_eligible},
	[POOL_COLUMN_BLOCKED] = {"blocked", "BLOCKED", false, get_blocked},
	[POOL_COLUMN_UNTIL] = {"until_timestamp_seconds", "UNTIL", false, get_until},
	[POOL_COLUMN_HELD] = {"leases", "LEASES", true, get_held},
	[POOL_COLUMN_MOST] = {"max_connections", "MOST", true, get_most},
	[POOL_COLUMN_BUDGET] = {"budget_left", "BUDGET", true, get_budget},
	[POOL_COLUMN_SELECTIONS] = {"selections", "USED", true, get_selections},
	[POOL_COLUMN_TAKEN] = {"leases_taken", "TAKEN", true, get_taken},
	[POOL_COLUMN_AVERAGE] = {"latency_average_seconds", "TIME", true, get_average},
	[POOL_COLUMN_CHECKED_AT] = {"checked_timestamp_seconds", "CHECKED AT", false,
		get_checked_at},
	[POOL_COLUMN_SELECTED_AT] = {"selected_timestamp_seconds", "SELECTED AT", false,
		get_selected_at},
	[POOL_COLUMN_OPENED] = {"times_opened", "OPENED", true, get_opened},
	[POOL_COLUMN_CHECKS_OK] = {"checks_ok", "CHECKS OK", true, get_checks_ok},
	[POOL_COLUMN_CHECKS_DOWN] = {"checks_down", "CHECKS DOWN", true, get_checks_down},
	[POOL_COLUMN_CHECKS_BLOCKED] = {"checks_blocked", "CHECKS BLOCKED", true,
		get_checks_blocked},
	[POOL_COLUMN_CHECKS_LIMITED] = {"checks_limited", "CHECKS LIMITED", true,
		get_checks_limited},
	[POOL_COLUMN_CHECKS_INCONCLUSIVE] = {"checks_inconclusive", "CHECKS INCONCLUSIVE",
		true, get_checks_inconclusive},
	[POOL_COLUMN_REPORTS_OK] = {"reports_ok", "REPORTS OK", true, get_reports_ok},
	[POOL_COLUMN_REPORTS_DOWN] = {"reports_down", "REPORTS DOWN", true,
		get_reports_down},
	[POOL_COLUMN_REPORTS_BLOCKED] = {"reports_blocked", "REPORTS BLOCKED", true,
		get_reports_blocked},
	[POOL_COLUMN_REPORTS_LIMITED] = {"reports_limited", "REPORTS LIMITED", true,
		get_reports_limited},
	[POOL_COLUMN_REPORTS_INCONCLUSIVE] = {"reports_inconclusive",
		"REPORTS INCONCLUSIVE", true, get_reports_inconclusive},
	[POOL_COLUMN_FLAPPING] = {"flapping", "FLAPPING", false, get_flapping},
	[POOL_COLUMN_AT] = {"timestamp_seconds", "WHEN", false, get_at},
	[POOL_COLUMN_FROM] = {"from", "FROM", false, get_from},
	[POOL_COLUMN_TO] = {"to", "TO", false, get_to},
};

const struct pool_column_row *pool_column_get(enum pool_column column)
{
	return &columns[(unsigned)column < POOL_COLUMNS ? column : POOL_COLUMN_POOL];
}

/* --- a cell in words ------------------------------------------------------------ */

void pool_show_seconds(int64_t seconds, struct pool_text *text)
{
	static const struct {
		int64_t seconds;
		const char *word;
	} units[] = {{172800, "d"}, {7200, "h"}, {120, "min"}};
	static const int64_t lengths[] = {86400, 3600, 60};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (seconds >= units[i].seconds) {
			pool_text_addf(text, "%" PRId64 " %s", seconds / lengths[i],
				units[i].word);
			return;
		}
	pool_text_addf(text, "%" PRId64 " s", seconds);
}

static void show_us(int64_t us, struct pool_text *text)
{
	if (us < 10000)
		pool_text_addf(text, "%.1f ms", (double)us / 1e3);
	else if (us < 1000000)
		pool_text_addf(text, "%" PRId64 " ms", us / 1000);
	else
		pool_text_addf(text, "%.1f s", (double)us / 1e6);
}

/* Of the whole world: a library reads no time zone from the environment. */
static void show_moment(int64_t wall_s, struct pool_text *text)
{
	const time_t moment = (time_t)wall_s;
	char shown[32];
	struct tm parts;

	if (gmtime_r(&moment, &parts) &&
		strftime(shown, sizeof(shown), "%Y-%m-%d %H:%M:%SZ", &parts))
		pool_text_add(text, shown);
	else
		pool_text_add(text, "-");
}

void pool_cell_show(const struct pool_cell *cell, struct pool_text *text)
{
	switch (cell->kind) {
	case POOL_CELL_NONE:
		pool_text_add(text, "-");
		break;
	case POOL_CELL_TEXT:
		pool_text_add_safe(text, cell->text, strlen(cell->text));
		if (cell->more && cell->more[0]) {
			pool_text_add(text, " (");
			pool_text_add_safe(text, cell->more, strlen(cell->more));
			pool_text_add(text, ")");
		}
		break;
	case POOL_CELL_COUNT:
		pool_text_addf(text, "%" PRId64, cell->number);
		break;
	case POOL_CELL_SHARE:
		pool_text_addf(text, "%" PRId64, cell->number);
		if (cell->of)
			pool_text_addf(text, "/%" PRId64, cell->of);
		break;
	case POOL_CELL_MOMENT:
		show_moment(cell->number, text);
		break;
	case POOL_CELL_BOOL:
		pool_text_add(text, cell->number ? "yes" : "no");
		break;
	case POOL_CELL_US:
		show_us(cell->number, text);
		break;
	case POOL_CELL_S:
		pool_show_seconds(cell->number, text);
		break;
	}
}

void pool_cell_write(const struct pool_cell *cell, struct pool_text *text)
{
	switch (cell->kind) {
	case POOL_CELL_NONE:
		break;
	case POOL_CELL_TEXT:
		pool_text_add(text, cell->text);
		break;
	case POOL_CELL_BOOL:
		pool_text_add(text, cell->number ? "true" : "false");
		break;
	case POOL_CELL_COUNT:
	case POOL_CELL_SHARE:
	case POOL_CELL_S:
	case POOL_CELL_MOMENT:
		pool_text_addf(text, "%" PRId64, cell->number);
		break;
	case POOL_CELL_US:
		pool_text_addf(text, "%" PRId64 ".%06" PRId64, cell->number / 1000000,
			cell->number % 1000000);
		break;
	}
}

bool pool_report_hides(const struct pool_report *report,
	const struct pool_report_view *view, const struct pool_report_row *row)
{
	if (view->only_obstructed)
		return row->stored.obstacle == POOL_OBSTACLE_NONE ||
			row->stored.obstacle == POOL_OBSTACLE_FILE;
	return view->only_failed &&
		(report->pools[row->pool].quorum < POOL_QUORUM_UNDECIDED ||
			row->result == POOL_RESULT_PASSED ||
			row->result == POOL_RESULT_UNCHECKED);
}
