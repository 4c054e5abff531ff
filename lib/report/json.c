/*
 * A report as JSON: one document, or a line a proxy.
 *
 * Written row by row, without a tree: a report of 100,000 proxies needs no more memory
 * than its text. The layout is cJSON's, which the tools printed before: a tab a level,
 * objects of a list side by side.
 */
#include <inttypes.h>
#include <string.h>
#include "report/columns.h"
#include "report/stored.h"

struct writer {
	struct pool_text *text;
	bool compact;
	int depth;
	bool empty; /* nothing was written yet into what was opened last */
};

/* --- the layout ----------------------------------------------------------------- */

static void start_line(struct writer *writer)
{
	static const char tabs[] = "\t\t\t\t\t\t\t\t";

	if (writer->compact)
		return;
	pool_text_add(writer->text, "\n");
	pool_text_add_bytes(writer->text, tabs, (size_t)writer->depth);
}

static void begin(struct writer *writer, const char *bracket)
{
	pool_text_add(writer->text, bracket);
	writer->depth++;
	writer->empty = true;
}

static void close_object(struct writer *writer)
{
	writer->depth--;
	start_line(writer);
	pool_text_add(writer->text, "}");
	writer->empty = false;
}

/* The objects of a list stand in the line that it began in. */
static void close_list(struct writer *writer)
{
	writer->depth--;
	pool_text_add(writer->text, "]");
	writer->empty = false;
}

static void open_item(struct writer *writer)
{
	if (!writer->empty)
		pool_text_add(writer->text, writer->compact ? "," : ", ");
	begin(writer, "{");
}

/* Names are ours: there is nothing to escape. */
static void add_name(struct writer *writer, const char *name)
{
	if (!writer->empty)
		pool_text_add(writer->text, ",");
	writer->empty = false;
	start_line(writer);
	pool_text_add(writer->text, "\"");
	pool_text_add(writer->text, name);
	pool_text_add(writer->text, writer->compact ? "\":" : "\":\t");
}

/* --- values --------------------------------------------------------------------- */

static void add_special(struct pool_text *text, char special)
{
	static const char from[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *found = strchr(from, special);

	if (found)
		pool_text_addf(text, "\\%c", letters[found - from]);
	else
		pool_text_addf(text, "\\u%04x", (unsigned)special);
}

static bool is_special(char byte)
{
	return (byte >= 0 && byte < ' ') || byte == '"' || byte == '\\';
}

static void add_text(struct writer *writer, const char *name, const char *string)
{
	add_name(writer, name);
	pool_text_add(writer->text, "\"");
	while (*string) {
		size_t plain = 0;

		while (string[plain] && !is_special(string[plain]))
			plain++;
		pool_text_add_bytes(writer->text, string, plain);
		string += plain;
		if (*string)
			add_special(writer->text, *string++);
	}
	pool_text_add(writer->text, "\"");
}

static void add_number(struct writer *writer, const char *name, int64_t number)
{
	add_name(writer, name);
	pool_text_addf(writer->text, "%" PRId64, number);
}

static void add_us(struct writer *writer, const char *name, int64_t us)
{
	add_name(writer, name);
	pool_text_addf(writer->text, "%.15g", (double)us / 1e6);
}

static void add_bool(struct writer *writer, const char *name, bool flag)
{
	add_name(writer, name);
	pool_text_add(writer->text, flag ? "true" : "false");
}

static void add_null(struct writer *writer, const char *name)
{
	add_name(writer, name);
	pool_text_add(writer->text, "null");
}

/* --- rows ----------------------------------------------------------------------- */

static void add_cell(
	struct writer *writer, const char *name, const struct pool_cell *cell)
{
	switch (cell->kind) {
	case POOL_CELL_TEXT:
		add_text(writer, name, cell->text);
		break;
	case POOL_CELL_BOOL:
		add_bool(writer, name, cell->number != 0);
		break;
	case POOL_CELL_COUNT:
	case POOL_CELL_SHARE:
	case POOL_CELL_S:
	case POOL_CELL_MOMENT:
		add_number(writer, name, cell->number);
		break;
	case POOL_CELL_US:
		add_us(writer, name, cell->number);
		break;
	case POOL_CELL_NONE:
		add_null(writer, name);
		break;
	}
}

static void add_cells(struct writer *writer, const struct pool_report *report,
	const struct pool_report_view *view, const struct pool_report_row *row)
{
	for (size_t i = 0; i < view->column_count; i++) {
		const struct pool_column_row *column = pool_column_get(view->columns[i]);
		struct pool_cell cell = column->get(&report->pools[row->pool], row);

		add_cell(writer, column->name, &cell);
	}
	if (view->add_row_members)
		view->add_row_members(view->context, row, writer->text);
}

static void add_rows(struct writer *writer, const struct pool_report *report,
	const struct pool_report_view *view)
{
	add_name(writer, view->rows_name ? view->rows_name : "proxies");
	begin(writer, "[");
	for (size_t i = 0; i < report->row_count && !writer->text->broken; i++) {
		if (pool_report_hides(report, view, &report->rows[i]))
			continue;
		open_item(writer);
		add_cells(writer, report, view, &report->rows[i]);
		close_object(writer);
	}
	close_list(writer);
}

/* --- pools and the run ---------------------------------------------------------- */

static void add_pool(struct writer *writer, const struct pool_report_pool *pool)
{
	add_text(writer, "pool", pool->where);
	add_text(writer, "types", pool_report_types(pool->types));
	add_bool(writer, "checked", pool->checked);
	add_text(writer, "method", pool_method_name(pool->method));
	if (pool->checked)
		add_text(writer, "tried", pool_tried_get(pool->method)->name);
	else
		add_null(writer, "tried");
	add_number(writer, "proxies", pool->proxies);
	add_number(writer, "enabled", pool->enabled);
	add_number(writer, "passed", pool->results[POOL_RESULT_PASSED]);
	add_number(writer, "failed", pool->results[POOL_RESULT_FAILED]);
	add_number(writer, "inconclusive", pool->results[POOL_RESULT_INCONCLUSIVE]);
	add_number(writer, "needed", pool->need);
	add_text(writer, "quorum", pool_quorum_name(pool->quorum));
}

/* What only the state file knows. */
static void add_stored(struct writer *writer, const struct pool_report_pool *pool)
{
	add_number(writer, "eligible", pool->eligible);
	add_number(writer, "degraded_below", pool->degraded_below);
	add_bool(writer, "stale", pool->stale);
	if (pool->checked_age_s < 0)
		add_null(writer, "checked_ago_seconds");
	else
		add_number(writer, "checked_ago_seconds", pool->checked_age_s);
	add_number(writer, "selections", (int64_t)pool->selections);
	add_number(writer, "fallbacks", (int64_t)pool->fallbacks);
	add_number(writer, "panics", (int64_t)pool->panics);
	add_number(writer, "rollout_percent", pool->rollout);
	if (pool->url)
		add_text(writer, "url", pool->url);
	else
		add_null(writer, "url");
	add_number(writer, "url_selections", (int64_t)pool->url_selections);
	add_number(writer, "flapping", pool->flapping);
	add_text(writer, "when_exhausted",
		pool_resort_get(pool_report_resort(pool))->name);
}

static void add_pools(struct writer *writer, const struct pool_report *report)
{
	add_name(writer, "pools");
	begin(writer, "[");
	for (size_t i = 0; i < report->pool_count; i++) {
		open_item(writer);
		add_pool(writer, &report->pools[i]);
		if (report->is_stored)
			add_stored(writer, &report->pools[i]);
		close_object(writer);
	}
	close_list(writer);
}

static void add_run(struct writer *writer, const struct pool_report *report)
{
	add_name(writer, "run");
	begin(writer, "{");
	add_number(writer, "timestamp_seconds", report->run_at_s);
	add_us(writer, "duration_seconds", report->run_us);
	add_bool(writer, "target_suspect", report->target_suspect);
	add_bool(writer, "uplink_suspect", report->uplink_suspect);
	close_object(writer);
}

/* --- documents ------------------------------------------------------------------ */

void pool_report_render_json(const struct pool_report *report,
	const struct pool_report_view *view, struct pool_text *text)
{
	struct writer writer = {.text = text, .compact = view->compact};

	begin(&writer, "{");
	/* Rows of another name have nothing to do with a quorum. */
	if (!view->rows_name) {
		add_text(&writer, "quorum", pool_quorum_name(pool_report_quorum(report)));
		if (report->has_run)
			add_run(&writer, report);
		add_pools(&writer, report);
	}
	add_rows(&writer, report, view);
	if (view->add_members)
		view->add_members(view->context, text);
	close_object(&writer);
	pool_text_add(text, "\n");
}

void pool_report_render_jsonl(const struct pool_report *report,
	const struct pool_report_view *view, struct pool_text *text)
{
	for (size_t i = 0; i < report->row_count && !text->broken; i++) {
		struct writer writer = {.text = text, .compact = true};

		if (pool_report_hides(report, view, &report->rows[i]))
			continue;
		begin(&writer, "{");
		add_cells(&writer, report, view, &report->rows[i]);
		close_object(&writer);
		pool_text_add(text, "\n");
	}
}
