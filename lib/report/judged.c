/* Judged pool files: counts, carets, JSON, the table of lookups. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/build.h"
#include "config/url.h"
#include "report/judged.h"

enum { URL_SIZE = 320, MEMBERS_SHOWN = 3, CARET_MAX = 96 };

void pool_judged_count(const struct pool_judged *judged, size_t *proxies, size_t *pools)
{
	*proxies = *pools = 0;
	if (!judged->readable)
		return;
	for (uint32_t i = 0; i < judged->settings.leaf_count; i++) {
		const struct pool_leaf *leaf = &judged->settings.leaves[i];

		if (leaf->displaced)
			continue;
		*proxies += leaf->member_count;
		*pools += leaf->member_count != 0;
	}
}

/* Bytes of the first <count> characters. */
static size_t bytes_of(const char *text, uint32_t count)
{
	size_t at = 0;

	while (text[at] && count--)
		for (at++; ((unsigned char)text[at] & 0xc0) == 0x80;)
			at++;
	return at;
}

void pool_judged_caret(const struct pool_diagnostic *diagnostic, struct pool_text *out)
{
	const char *source = diagnostic->source;
	uint32_t caret = diagnostic->caret, width = diagnostic->caret_width, cut = 0;

	if (!source)
		return;
	/* Of a long line, what is around the caret. */
	if (caret > CARET_MAX / 2 && bytes_of(source, CARET_MAX) < strlen(source))
		cut = caret - CARET_MAX / 2;
	source += bytes_of(source, cut);
	caret -= cut;
	if (caret + width > CARET_MAX)
		width = caret < CARET_MAX ? CARET_MAX - caret : 1;
	pool_text_add(out, cut ? "  ..." : "  ");
	pool_text_add_bytes(out, source, bytes_of(source, CARET_MAX));
	pool_text_addf(out, "\n  %*s^", (int)(caret + (cut ? 3 : 0)), "");
	for (uint32_t i = 1; i < width; i++)
		pool_text_add(out, "~");
	pool_text_add(out, "\n");
}

/* --- text ----------------------------------------------------------------------- */

static void count_words(
	size_t count, const char *one, const char *many, struct pool_text *out)
{
	pool_text_addf(out, "%zu %s", count, count == 1 ? one : many);
}

static void count_severity(
	size_t count, enum pool_severity severity, struct pool_text *out)
{
	const struct pool_severity_row *row = pool_severity_get(severity);

	count_words(count, row->name, row->plural, out);
}

static void begin_line(const struct pool_judged *judged, struct pool_text *out)
{
	pool_text_add_safe(out, judged->file, strlen(judged->file));
	pool_text_add(out, ": ");
}

/* How many there are to show: the graver ones stand first. */
static size_t count_wanted(
	const struct pool_diagnostics *found, const struct pool_judged_view *view)
{
	size_t count = 0;

	while (count < found->count && found->list[count].severity >= view->least)
		count++;
	return count;
}

size_t pool_judged_shown(
	const struct pool_judged *judged, const struct pool_judged_view *view)
{
	const size_t wanted = count_wanted(&judged->found, view);

	return view->max && view->max < wanted ? view->max : wanted;
}

void pool_judged_count_faults(const struct pool_judged *judged,
	const struct pool_judged_view *view, struct pool_text *out)
{
	const struct pool_diagnostics *found = &judged->found;
	size_t left = count_wanted(found, view) - pool_judged_shown(judged, view);

	begin_line(judged, out);
	count_severity(found->errors, POOL_ERROR, out);
	pool_text_add(out, ", ");
	count_severity(found->warnings, POOL_WARNING, out);
	if (found->notes) {
		pool_text_add(out, ", ");
		count_severity(found->notes, POOL_NOTE, out);
	}
	if (left)
		pool_text_addf(out, " (%zu not shown; --max-errors 0 shows all)", left);
	pool_text_add(out, "\n");
}

void pool_judged_tell(const struct pool_judged *judged,
	const struct pool_judged_view *view, struct pool_text *out)
{
	const struct pool_diagnostics *found = &judged->found;

	for (size_t i = 0; i < pool_judged_shown(judged, view); i++) {
		char line[3072];

		pool_diagnostic_format(&found->list[i], judged->file, line, sizeof(line));
		pool_text_addf(out, "%s\n", line);
		if (view->carets)
			pool_judged_caret(&found->list[i], out);
	}
	if (found->count && view->count_faults)
		pool_judged_count_faults(judged, view, out);
}

void pool_judged_summarize(const struct pool_judged *judged, struct pool_text *out)
{
	size_t proxies, pools;

	pool_judged_count(judged, &proxies, &pools);
	begin_line(judged, out);
	pool_text_add(out, "valid, ");
	count_words(proxies, "proxy", "proxies", out);
	pool_text_add(out, " in ");
	count_words(pools, "pool", "pools", out);
	pool_text_add(out, "\n");
}

/* --- JSON ---------------------------------------------------------------------- */

static cJSON *describe_diagnostic(const char *file, const struct pool_diagnostic *one)
{
	cJSON *object = cJSON_CreateObject();

	pool_json_add_string(object, "file", file);
	if (one->origin)
		pool_json_add_string(object, "variable", one->origin);
	pool_json_add_number(object, "line", one->line);
	pool_json_add_number(object, "column", one->column);
	if (one->end_column)
		pool_json_add_number(object, "end_column", one->end_column);
	pool_json_add_string(object, "severity", pool_severity_get(one->severity)->name);
	pool_json_add_string(object, "rule", one->rule);
	pool_json_add_string(object, "message", one->text);
	pool_json_add_string(object, "pointer", one->pointer);
	return object;
}

static cJSON *describe_file(const struct pool_judged *judged)
{
	cJSON *object = cJSON_CreateObject(), *list;
	size_t proxies, pools;

	pool_judged_count(judged, &proxies, &pools);
	pool_json_add_string(object, "file", judged->file);
	pool_json_add_bool(object, "valid", judged->valid);
	if (judged->fault.code)
		pool_json_add_string(object, "unreadable", judged->fault.text);
	if (judged->readable) {
		pool_json_add_number(object, "proxies", (double)proxies);
		pool_json_add_number(object, "pools", (double)pools);
	}
	pool_json_add_number(object, "errors", (double)judged->found.errors);
	pool_json_add_number(object, "warnings", (double)judged->found.warnings);
	pool_json_add_number(object, "notes", (double)judged->found.notes);
	list = pool_json_add_array(object, "diagnostics");
	for (size_t i = 0; i < judged->found.count; i++)
		pool_json_append(
			list, describe_diagnostic(judged->file, &judged->found.list[i]));
	return object;
}

char *pool_judged_json(const struct pool_judged *list, size_t count)
{
	cJSON *root = cJSON_CreateObject(), *files;
	size_t errors = 0, warnings = 0, notes = 0;
	bool valid = true;

	for (size_t i = 0; i < count; i++) {
		errors += list[i].found.errors;
		warnings += list[i].found.warnings;
		notes += list[i].found.notes;
		valid = valid && list[i].valid;
	}
	pool_json_add_bool(root, "valid", valid);
	pool_json_add_number(root, "errors", (double)errors);
	pool_json_add_number(root, "warnings", (double)warnings);
	pool_json_add_number(root, "notes", (double)notes);
	files = pool_json_add_array(root, "files");
	for (size_t i = 0; i < count; i++)
		pool_json_append(files, describe_file(&list[i]));
	return pool_json_take(root);
}

/* --- the table of lookups ------------------------------------------------------- */

static void add_members(const struct pool_leaf *leaf, struct pool_text *out)
{
	char safe[URL_SIZE];
	uint32_t shown = 0;

	for (uint32_t i = 0; i < leaf->member_count && shown < MEMBERS_SHOWN;
		i++, shown++) {
		pool_url_redact(leaf->members[i].url, safe, sizeof(safe));
		pool_text_addf(out, "%s%s%s", shown ? ", " : "", safe,
			leaf->members[i].enabled ? "" : " (disabled)");
	}
	if (leaf->member_count > shown)
		pool_text_addf(out, ", and %u more", leaf->member_count - shown);
}

static void add_target(const struct pool_settings *settings,
	const struct pool_lookup *lookup, struct pool_text *out)
{
	const struct pool_leaf *leaf;
	char safe[URL_SIZE];

	if (lookup->leaf == POOL_NO_LEAF) {
		pool_text_add(out, pool_no_proxy_get(lookup->reason)->url);
		if (lookup->near_miss)
			pool_text_addf(out, " (is '%s' meant?)", lookup->near_miss);
		return;
	}
	leaf = &settings->leaves[lookup->leaf];
	if (leaf->kind == POOL_LEAF_POOL && leaf->rollout_percent < 100)
		pool_text_addf(out, "%d %%: ", leaf->rollout_percent);
	if (leaf->kind == POOL_LEAF_POOL)
		pool_text_addf(out,
			"%s of %u: ", pool_strategy_get(leaf->policy.strategy)->name,
			leaf->member_count);
	add_members(leaf, out);
	if (leaf->kind == POOL_LEAF_POOL && leaf->url) {
		pool_url_redact(leaf->url, safe, sizeof(safe));
		if (leaf->rollout_percent < 100)
			pool_text_addf(out, "; %d %%, and all if none is eligible: %s",
				100 - leaf->rollout_percent, safe);
		else
			pool_text_addf(out, "; else %s", safe);
	}
	if (lookup->near_miss)
		pool_text_addf(out, " (is '%s' meant?)", lookup->near_miss);
}

static void add_row(const struct pool_settings *settings, const char *exchange,
	enum pool_type type, int width, struct pool_text *out)
{
	struct pool_lookup lookup;
	const char *where = "-";
	char id[256];

	pool_settings_resolve(settings, exchange, type, &lookup);
	if (lookup.leaf != POOL_NO_LEAF)
		where = settings->leaves[lookup.leaf].where;
	pool_text_safe(id, sizeof(id), exchange, strlen(exchange));
	pool_text_addf(out, "%-*s  %-9s  %-*s  ", width, id, pool_type_name(type),
		width + 20, where);
	add_target(settings, &lookup, out);
	pool_text_add(out, "\n");
}

static void add_rows(const struct pool_settings *settings, const char *exchange,
	enum pool_type type, int width, struct pool_text *out)
{
	for (int each = 0; each < POOL_TYPES; each++)
		if (type == POOL_TYPES || (int)type == each)
			add_row(settings, exchange, (enum pool_type)each, width, out);
}

void pool_judged_resolve(const struct pool_settings *settings, const char *exchange,
	enum pool_type type, struct pool_text *out)
{
	size_t width = strlen("exchange");

	if (exchange && strlen(exchange) > width)
		width = strlen(exchange);
	for (uint32_t i = 0; !exchange && i < settings->exchange_count; i++)
		if (strlen(settings->exchanges[i].id) > width)
			width = strlen(settings->exchanges[i].id);
	width = width > 64 ? 64 : width;
	pool_text_addf(out, "%-*s  %-9s  %-*s  %s\n", (int)width, "EXCHANGE", "TYPE",
		(int)width + 20, "FROM", "LEADS TO");
	if (exchange) {
		add_rows(settings, exchange, type, (int)width, out);
		return;
	}
	add_rows(settings, "default", type, (int)width, out);
	for (uint32_t i = 0; i < settings->exchange_count; i++)
		add_rows(settings, settings->exchanges[i].id, type, (int)width, out);
}
