/* The formats of a report: the table for people, tab-separated values, the choice of one.
 */
#include <string.h>
#include "report/columns.h"

/* --- the table ------------------------------------------------------------------ */

/* Places that <text> takes on a screen: its characters. */
static size_t measure(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static const char *show_cell(const struct pool_report *report, enum pool_column column,
	const struct pool_report_row *row, struct pool_text *scratch)
{
	struct pool_cell cell =
		pool_column_get(column)->get(&report->pools[row->pool], row);

	scratch->length = 0;
	if (scratch->bytes)
		scratch->bytes[0] = '\0';
	pool_cell_show(&cell, scratch);
	return scratch->bytes ? scratch->bytes : "";
}

static void measure_columns(const struct pool_report *report,
	const struct pool_report_view *view, size_t *widths, struct pool_text *scratch)
{
	for (size_t i = 0; i < view->column_count; i++) {
		size_t widest = measure(pool_column_get(view->columns[i])->heading);

		for (size_t row = 0; row < report->row_count; row++) {
			size_t width;

			if (pool_report_hides(report, view, &report->rows[row]))
				continue;
			width = measure(show_cell(
				report, view->columns[i], &report->rows[row], scratch));
			if (width > widest)
				widest = width;
		}
		widths[i] = widest;
	}
}

static const char *choose_colour(
	const struct pool_report_row *row, enum pool_column column)
{
	static const char *const statuses[POOL_STATUSES] = {
		[POOL_STATUS_UNKNOWN] = "2",
		[POOL_STATUS_HEALTHY] = "32",
		[POOL_STATUS_UNHEALTHY] = "31",
		[POOL_STATUS_RECOVERING] = "33",
		[POOL_STATUS_COOLING] = "33",
		[POOL_STATUS_DISABLED] = "2",
	};
	static const char *const results[POOL_RESULTS] = {
		[POOL_RESULT_UNCHECKED] = "2",
		[POOL_RESULT_PASSED] = "32",
		[POOL_RESULT_FAILED] = "31",
		[POOL_RESULT_INCONCLUSIVE] = "33",
	};

	if (column == POOL_COLUMN_STATUS)
		return statuses[row->status];
	if (column == POOL_COLUMN_REASON || column == POOL_COLUMN_RESULT)
		return results[row->result];
	return NULL;
}

static void pad(struct pool_text *text, size_t places)
{
	pool_text_addf(text, "%*s", (int)(places < 1000 ? places : 1000), "");
}

static void add_place(struct pool_text *text, const char *shown, size_t width,
	bool to_the_right, const char *colour)
{
	size_t places = measure(shown);

	places = places < width ? width - places : 0;
	if (to_the_right)
		pad(text, places);
	if (colour)
		pool_text_addf(text, "\033[%sm%s\033[0m", colour, shown);
	else
		pool_text_add(text, shown);
	if (!to_the_right)
		pad(text, places);
}

/* No blanks at the end of a line: they wrap, and they are copied along. */
static void end_line(struct pool_text *text)
{
	while (text->length && text->bytes[text->length - 1] == ' ')
		text->bytes[--text->length] = '\0';
	pool_text_add(text, "\n");
}

static void add_headings(
	const struct pool_report_view *view, const size_t *widths, struct pool_text *text)
{
	for (size_t i = 0; i < view->column_count; i++) {
		const struct pool_column_row *column = pool_column_get(view->columns[i]);

		pool_text_add(text, i ? "  " : "");
		add_place(text, column->heading, widths[i], column->to_the_right, NULL);
	}
	end_line(text);
}

static void add_line(const struct pool_report *report,
	const struct pool_report_view *view, const struct pool_report_row *row,
	const size_t *widths, struct pool_text *text, struct pool_text *scratch)
{
	for (size_t i = 0; i < view->column_count; i++) {
		enum pool_column column = view->columns[i];

		pool_text_add(text, i ? "  " : "");
		add_place(text, show_cell(report, column, row, scratch), widths[i],
			pool_column_get(column)->to_the_right,
			view->colour ? choose_colour(row, column) : NULL);
	}
	end_line(text);
}

static void render_table(const struct pool_report *report,
	const struct pool_report_view *view, struct pool_text *text)
{
	struct pool_text scratch = POOL_TEXT_EMPTY;
	size_t widths[POOL_COLUMNS];
	bool any = false;

	if (view->column_count > POOL_COLUMNS)
		return;
	measure_columns(report, view, widths, &scratch);
	for (size_t i = 0; i < report->row_count; i++) {
		if (pool_report_hides(report, view, &report->rows[i]))
			continue;
		if (!any)
			add_headings(view, widths, text);
		any = true;
		add_line(report, view, &report->rows[i], widths, text, &scratch);
	}
	text->broken |= scratch.broken;
	pool_text_release(&scratch);
}

/* --- tsv ------------------------------------------------------------------------ */

static void escape(struct pool_text *text, const char *bytes)
{
	static const char specials[] = "\t\n\r\\", letters[] = "tnr\\";

	while (*bytes) {
		size_t plain = strcspn(bytes, specials);
		const char *special;

		pool_text_add_safe(text, bytes, plain);
		bytes += plain;
		if (!*bytes)
			break;
		special = strchr(specials, *bytes++);
		pool_text_addf(text, "\\%c", letters[special - specials]);
	}
}

static void render_tsv(const struct pool_report *report,
	const struct pool_report_view *view, struct pool_text *text)
{
	struct pool_text scratch = POOL_TEXT_EMPTY;

	for (size_t i = 0; i < view->column_count; i++)
		pool_text_addf(text, "%s%s", i ? "\t" : "",
			pool_column_get(view->columns[i])->name);
	pool_text_add(text, "\n");
	for (size_t row = 0; row < report->row_count; row++) {
		const struct pool_report_row *from = &report->rows[row];

		if (pool_report_hides(report, view, from))
			continue;
		for (size_t i = 0; i < view->column_count; i++) {
			struct pool_cell cell =
				pool_column_get(view->columns[i])
					->get(&report->pools[from->pool], from);

			scratch.length = 0;
			pool_text_add(&scratch, "");
			pool_cell_write(&cell, &scratch);
			pool_text_add(text, i ? "\t" : "");
			if (scratch.bytes && scratch.length)
				escape(text, scratch.bytes);
		}
		pool_text_add(text, "\n");
	}
	text->broken |= scratch.broken;
	pool_text_release(&scratch);
}

/* --- formats -------------------------------------------------------------------- */

static const char *const format_names[POOL_FORMATS] = {
	[POOL_FORMAT_TABLE] = "table",
	[POOL_FORMAT_TSV] = "tsv",
	[POOL_FORMAT_JSON] = "json",
	[POOL_FORMAT_JSONL] = "jsonl",
};

const char *const *pool_format_names(void)
{
	return format_names;
}

struct pool_report_view pool_report_view_checks(enum pool_format format, bool advice)
{
	static const enum pool_column people[] = {POOL_COLUMN_POOL, POOL_COLUMN_PROXY,
		POOL_COLUMN_URL, POOL_COLUMN_STATUS, POOL_COLUMN_REASON,
		POOL_COLUMN_LATENCY, POOL_COLUMN_WAIT, POOL_COLUMN_WHAT,
		POOL_COLUMN_ADVICE};
	static const enum pool_column programs[] = {POOL_COLUMN_POOL, POOL_COLUMN_TYPES,
		POOL_COLUMN_PROXY, POOL_COLUMN_URL, POOL_COLUMN_STATUS,
		POOL_COLUMN_RESULT, POOL_COLUMN_REASON, POOL_COLUMN_LATENCY,
		POOL_COLUMN_HTTP_STATUS, POOL_COLUMN_ATTEMPTS, POOL_COLUMN_WAIT,
		POOL_COLUMN_TEXT, POOL_COLUMN_DETAIL, POOL_COLUMN_ADVICE};

	if (format == POOL_FORMAT_TABLE)
		return (struct pool_report_view){
			.format = format,
			.columns = people,
			.column_count = sizeof(people) / sizeof(people[0]) - !advice,
		};
	return (struct pool_report_view){
		.format = format,
		.columns = programs,
		.column_count = sizeof(programs) / sizeof(programs[0]),
	};
}

void pool_report_render(const struct pool_report *report,
	const struct pool_report_view *view, struct pool_text *text)
{
	static void (*const renderers[POOL_FORMATS])(const struct pool_report *report,
		const struct pool_report_view *view, struct pool_text *text) = {
		[POOL_FORMAT_TABLE] = render_table,
		[POOL_FORMAT_TSV] = render_tsv,
		[POOL_FORMAT_JSON] = pool_report_render_json,
		[POOL_FORMAT_JSONL] = pool_report_render_jsonl,
	};

	if ((unsigned)view->format < POOL_FORMATS)
		renderers[view->format](report, view, text);
}
