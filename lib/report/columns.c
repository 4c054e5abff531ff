/* The columns of a report: what stands in them, and how it reads. */
#include <inttypes.h>
#include <string.h>
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
};

const struct pool_column_row *pool_column_get(enum pool_column column)
{
	return &columns[(unsigned)column < POOL_COLUMNS ? column : POOL_COLUMN_POOL];
}

/* --- a cell in words ------------------------------------------------------------ */

static void show_seconds(int64_t seconds, struct pool_text *text)
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
	case POOL_CELL_US:
		show_us(cell->number, text);
		break;
	case POOL_CELL_S:
		show_seconds(cell->number, text);
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
	case POOL_CELL_COUNT:
	case POOL_CELL_S:
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
	return view->only_failed &&
		(report->pools[row->pool].quorum < POOL_QUORUM_UNDECIDED ||
			row->result == POOL_RESULT_PASSED ||
			row->result == POOL_RESULT_UNCHECKED);
}
