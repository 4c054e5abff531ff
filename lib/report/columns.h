/*
 * The columns of a report: one row each, from which the table, tsv and JSON are all made.
 */
#ifndef POOL_REPORT_COLUMNS_H
#define POOL_REPORT_COLUMNS_H

#include "report/status.h"

enum pool_cell_kind {
	POOL_CELL_NONE,
	POOL_CELL_TEXT,
	POOL_CELL_COUNT,
	POOL_CELL_SHARE, /* a count of those there may be */
	POOL_CELL_US,
	POOL_CELL_S,
	POOL_CELL_MOMENT, /* seconds since 1970 */
	POOL_CELL_BOOL
};

/* What stands in one place. */
struct pool_cell {
	enum pool_cell_kind kind;
	const char *text; /* the report's, or static */
	const char *more; /* of TEXT: added in brackets; NULL or "": nothing */
	int64_t number;
	int64_t of; /* of SHARE; 0: any number */
};

struct pool_column_row {
	const char *name;    /* in tsv and JSON; never changes */
	const char *heading; /* in the table */
	bool to_the_right;
	struct pool_cell (*get)(
		const struct pool_report_pool *pool, const struct pool_report_row *row);
};

const struct pool_column_row *pool_column_get(enum pool_column column);

/* "3 min". */
void pool_show_seconds(int64_t seconds, struct pool_text *text);

/* For people: "12 ms", "3 min", "-". */
void pool_cell_show(const struct pool_cell *cell, struct pool_text *text);
/* For programs: durations in seconds, nothing for none. */
void pool_cell_write(const struct pool_cell *cell, struct pool_text *text);

/* Whether the view leaves the row out. */
bool pool_report_hides(const struct pool_report *report,
	const struct pool_report_view *view, const struct pool_report_row *row);

/* json.c */
void pool_report_render_json(const struct pool_report *report,
	const struct pool_report_view *view, struct pool_text *text);
void pool_report_render_jsonl(const struct pool_report *report,
	const struct pool_report_view *view, struct pool_text *text);

#endif
