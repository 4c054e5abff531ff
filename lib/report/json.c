/* A report as JSON: one document, or a line a proxy. */
#include <cjson/cJSON.h>
#include <string.h>
#include "report/columns.h"

static bool add_text(cJSON *object, const char *name, const char *text)
{
	return cJSON_AddStringToObject(object, name, text) != NULL;
}

static bool add_number(cJSON *object, const char *name, double number)
{
	return cJSON_AddNumberToObject(object, name, number) != NULL;
}

static bool add_cell(cJSON *object, const char *name, const struct pool_cell *cell)
{
	switch (cell->kind) {
	case POOL_CELL_TEXT:
		return add_text(object, name, cell->text);
	case POOL_CELL_BOOL:
		return cJSON_AddBoolToObject(object, name, cell->number != 0) != NULL;
	case POOL_CELL_COUNT:
	case POOL_CELL_SHARE:
	case POOL_CELL_S:
	case POOL_CELL_MOMENT:
		return add_number(object, name, (double)cell->number);
	case POOL_CELL_US:
		return add_number(object, name, (double)cell->number / 1e6);
	case POOL_CELL_NONE:
		break;
	}
	return cJSON_AddNullToObject(object, name) != NULL;
}

static cJSON *make_row(const struct pool_report *report,
	const struct pool_report_view *view, const struct pool_report_row *row)
{
	cJSON *object = cJSON_CreateObject();

	for (size_t i = 0; object && i < view->column_count; i++) {
		const struct pool_column_row *column = pool_column_get(view->columns[i]);
		struct pool_cell cell = column->get(&report->pools[row->pool], row);

		if (!add_cell(object, column->name, &cell)) {
			cJSON_Delete(object);
			object = NULL;
		}
	}
	return object;
}

static cJSON *make_rows(
	const struct pool_report *report, const struct pool_report_view *view)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; list && i < report->row_count; i++) {
		cJSON *row;

		if (pool_report_hides(report, view, &report->rows[i]))
			continue;
		row = make_row(report, view, &report->rows[i]);
		if (!row || !cJSON_AddItemToArray(list, row)) {
			cJSON_Delete(row);
			cJSON_Delete(list);
			return NULL;
		}
	}
	return list;
}

static bool fill_pool(cJSON *object, const struct pool_report_pool *pool)
{
	return add_text(object, "pool", pool->where) &&
		add_text(object, "types", pool_report_types(pool->types)) &&
		cJSON_AddBoolToObject(object, "checked", pool->checked) &&
		add_number(object, "proxies", pool->proxies) &&
		add_number(object, "enabled", pool->enabled) &&
		add_number(object, "passed", pool->results[POOL_RESULT_PASSED]) &&
		add_number(object, "failed", pool->results[POOL_RESULT_FAILED]) &&
		add_number(object, "inconclusive",
			pool->results[POOL_RESULT_INCONCLUSIVE]) &&
		add_number(object, "needed", pool->need) &&
		add_text(object, "quorum", pool_quorum_name(pool->quorum));
}

static bool add_seconds(cJSON *object, const char *name, int64_t seconds)
{
	if (seconds < 0)
		return cJSON_AddNullToObject(object, name) != NULL;
	return add_number(object, name, (double)seconds);
}

/* What only the state file knows. */
static bool fill_stored(cJSON *object, const struct pool_report_pool *pool)
{
	return add_number(object, "eligible", pool->eligible) &&
		cJSON_AddBoolToObject(object, "stale", pool->stale) &&
		add_seconds(object, "checked_ago_seconds", pool->checked_age_s) &&
		add_number(object, "selections", (double)pool->selections) &&
		add_number(object, "fallbacks", (double)pool->fallbacks) &&
		add_number(object, "panics", (double)pool->panics);
}

static cJSON *make_pools(const struct pool_report *report)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; list && i < report->pool_count; i++) {
		cJSON *pool = cJSON_CreateObject();

		if (!pool || !fill_pool(pool, &report->pools[i]) ||
			(report->is_stored && !fill_stored(pool, &report->pools[i])) ||
			!cJSON_AddItemToArray(list, pool)) {
			cJSON_Delete(pool);
			cJSON_Delete(list);
			return NULL;
		}
	}
	return list;
}

static bool add_run(cJSON *document, const struct pool_report *report)
{
	cJSON *run;

	if (!report->has_run)
		return true;
	run = cJSON_AddObjectToObject(document, "run");
	return run && add_number(run, "timestamp_seconds", (double)report->run_at_s) &&
		add_number(run, "duration_seconds", (double)report->run_us / 1e6) &&
		cJSON_AddBoolToObject(run, "target_suspect", report->target_suspect) &&
		cJSON_AddBoolToObject(run, "uplink_suspect", report->uplink_suspect);
}

/* Hands <item> over to <object>, or frees it. */
static bool add_item(cJSON *object, const char *name, cJSON *item)
{
	if (item && cJSON_AddItemToObject(object, name, item))
		return true;
	cJSON_Delete(item);
	return false;
}

static void add_printed(struct pool_text *text, cJSON *item, bool indented)
{
	char *printed = indented ? cJSON_Print(item) : cJSON_PrintUnformatted(item);

	if (!printed) {
		text->broken = true;
		return;
	}
	pool_text_add(text, printed);
	pool_text_add(text, "\n");
	cJSON_free(printed);
}

void pool_report_render_json(const struct pool_report *report,
	const struct pool_report_view *view, struct pool_text *text)
{
	cJSON *document = cJSON_CreateObject();

	/* Rows of another name have nothing to do with a quorum. */
	if (document &&
		(view->rows_name ||
			(add_text(document, "quorum",
				 pool_quorum_name(pool_report_quorum(report))) &&
				add_run(document, report) &&
				add_item(document, "pools", make_pools(report)))) &&
		add_item(document, view->rows_name ? view->rows_name : "proxies",
			make_rows(report, view)))
		add_printed(text, document, true);
	else
		text->broken = true;
	cJSON_Delete(document);
}

void pool_report_render_jsonl(const struct pool_report *report,
	const struct pool_report_view *view, struct pool_text *text)
{
	for (size_t i = 0; i < report->row_count && !text->broken; i++) {
		cJSON *row;

		if (pool_report_hides(report, view, &report->rows[i]))
			continue;
		row = make_row(report, view, &report->rows[i]);
		if (row)
			add_printed(text, row, false);
		else
			text->broken = true;
		cJSON_Delete(row);
	}
}
