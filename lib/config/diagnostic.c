/* Diagnostics: collecting, sorting, places in words, the line for the caret. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/diagnostic.h"
#include "config/excerpt.h"

/* Source lines longer than this, or beyond so many diagnostics, are not shown. */
enum { LINE_MAX_BYTES = 2048, LINES_SHOWN = 256 };

const struct pool_severity_row *pool_severity_get(enum pool_severity severity)
{
	static const struct pool_severity_row rows[POOL_SEVERITIES] = {
		[POOL_NOTE] = {"note", "notes"},
		[POOL_WARNING] = {"warning", "warnings"},
		[POOL_ERROR] = {"error", "errors"},
	};

	return &rows[severity];
}

/* Where those of <severity> are counted. */
static size_t *count_of(struct pool_diagnostics *diagnostics, enum pool_severity severity)
{
	switch (severity) {
	case POOL_NOTE:
		return &diagnostics->notes;
	case POOL_WARNING:
		return &diagnostics->warnings;
	case POOL_ERROR:
	case POOL_SEVERITIES:
		break;
	}
	return &diagnostics->errors;
}

static bool grow(struct pool_diagnostics *diagnostics)
{
	size_t room = diagnostics->room ? diagnostics->room * 2 : 16;
	struct pool_diagnostic *list;

	if (diagnostics->count < diagnostics->room)
		return true;
	list = realloc(diagnostics->list, room * sizeof(*list));
	if (!list)
		return false;
	diagnostics->list = list;
	diagnostics->room = room;
	return true;
}

static char *format_safe(const char *format, va_list arguments)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	char raw[1024];

	vsnprintf(raw, sizeof(raw), format, arguments);
	pool_text_add_safe(&text, raw, strlen(raw));
	return pool_text_take(&text);
}

void pool_diagnostics_add(struct pool_diagnostics *diagnostics, enum pool_rule_id rule,
	size_t offset, size_t end, char *pointer, const char *format, ...)
{
	size_t count;
	const struct pool_rule *row = &pool_rules_get(&count)[rule];
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = format_safe(format, arguments);
	va_end(arguments);
	if (!text || !pointer || !grow(diagnostics)) {
		free(text);
		free(pointer);
		diagnostics->broken = true;
		return;
	}
	diagnostics->list[diagnostics->count++] = (struct pool_diagnostic){
		.severity = row->severity,
		.rule = row->name,
		.pointer = pointer,
		.text = text,
		.offset = offset,
		.end = end,
	};
	++*count_of(diagnostics, row->severity);
}

static void release_one(struct pool_diagnostic *diagnostic)
{
	free(diagnostic->origin);
	free(diagnostic->pointer);
	free(diagnostic->text);
	free(diagnostic->source);
}

void pool_diagnostics_drop(struct pool_diagnostics *diagnostics, enum pool_rule_id rule)
{
	size_t count, kept = 0;
	const char *name = pool_rules_get(&count)[rule].name;

	for (size_t i = 0; i < diagnostics->count; i++) {
		struct pool_diagnostic *one = &diagnostics->list[i];

		if (one->severity != POOL_ERROR && strcmp(one->rule, name) == 0) {
			--*count_of(diagnostics, one->severity);
			release_one(one);
		} else {
			diagnostics->list[kept++] = *one;
		}
	}
	diagnostics->count = kept;
}

static int compare(const void *a, const void *b)
{
	const struct pool_diagnostic *left = a, *right = b;
	int order;

	if (left->severity != right->severity)
		return left->severity > right->severity ? -1 : 1;
	if (!left->origin != !right->origin)
		return left->origin ? 1 : -1;
	if (left->offset != right->offset)
		return left->offset < right->offset ? -1 : 1;
	order = strcmp(left->rule, right->rule);
	return order ? order : strcmp(left->text, right->text);
}

void pool_diagnostics_sort(struct pool_diagnostics *diagnostics)
{
	if (diagnostics->count)
		qsort(diagnostics->list, diagnostics->count, sizeof(*diagnostics->list),
			compare);
}

void pool_diagnostics_join(
	struct pool_diagnostics *diagnostics, struct pool_diagnostics *from)
{
	diagnostics->broken = diagnostics->broken || from->broken;
	for (size_t i = 0; i < from->count; i++) {
		if (!grow(diagnostics)) {
			diagnostics->broken = true;
			release_one(&from->list[i]);
			continue;
		}
		diagnostics->list[diagnostics->count++] = from->list[i];
		++*count_of(diagnostics, from->list[i].severity);
	}
	free(from->list);
	*from = (struct pool_diagnostics){0};
	pool_diagnostics_sort(diagnostics);
}

void pool_diagnostics_release(struct pool_diagnostics *diagnostics)
{
	for (size_t i = 0; i < diagnostics->count; i++)
		release_one(&diagnostics->list[i]);
	free(diagnostics->list);
	*diagnostics = (struct pool_diagnostics){0};
}

void pool_diagnostic_format(const struct pool_diagnostic *diagnostic, const char *file,
	char *out, size_t size)
{
	const char *severity = pool_severity_get(diagnostic->severity)->name;
	char name[1024];

	if (diagnostic->origin)
		file = diagnostic->origin;
	pool_text_safe(name, sizeof(name), file, strlen(file));
	if (diagnostic->line)
		snprintf(out, size, "%s:%u:%u: %s: %s [%s]", name, diagnostic->line,
			diagnostic->column, severity, diagnostic->text, diagnostic->rule);
	else
		snprintf(out, size, "%s: %s: %s [%s]", name, severity, diagnostic->text,
			diagnostic->rule);
}

/* --- lines and columns ---------------------------------------------------------- */

/* The line that begins at <start>, redacted. Of a text that is not what it should be,
 * only what was read. */
static void add_source(struct pool_diagnostic *one, const char *bytes, size_t length,
	size_t start, enum pool_excerpt_kind kind)
{
	const char *newline = memchr(bytes + start, '\n', length - start);
	size_t end = newline ? (size_t)(newline - bytes) : length;
	struct pool_excerpt excerpt = {
		.bytes = bytes + start, .kind = kind, .pointer = one->pointer};
	int rule = pool_rule_find(one->rule);

	if (end > start && bytes[end - 1] == '\r')
		end--;
	if (rule <= POOL_RULE_YAML_MERGE && end > one->offset + 1)
		end = one->offset + 1;
	if (end - start > LINE_MAX_BYTES)
		return;
	excerpt.length = end - start;
	excerpt.from = one->offset - start;
	excerpt.to = (one->end < end ? one->end : end) - start;
	one->source = pool_excerpt_make(&excerpt);
	one->caret = excerpt.caret;
	one->caret_width =
		excerpt.caret_end > excerpt.caret ? excerpt.caret_end - excerpt.caret : 1;
}

/* The column behind what it is about, on the same line; else 0. */
static uint32_t find_end(const struct pool_diagnostic *one, const char *bytes,
	size_t length, size_t offset)
{
	size_t size = one->end > one->offset ? one->end - one->offset : 0;

	if (!size || offset > length || size > length - offset ||
		memchr(bytes + offset, '\n', size))
		return 0;
	return one->column + pool_characters(bytes + offset, size);
}

void pool_diagnostic_locate(struct pool_diagnostic *diagnostic, const char *bytes,
	size_t length, size_t offset)
{
	diagnostic->line = diagnostic->column = 1;
	for (size_t at = 0; at < offset && at < length; at++) {
		diagnostic->column += ((unsigned char)bytes[at] & 0xc0) != 0x80;
		if (bytes[at] == '\n') {
			diagnostic->line++;
			diagnostic->column = 1;
		}
	}
	diagnostic->end_column = find_end(diagnostic, bytes, length, offset);
}

void pool_diagnostics_locate(struct pool_diagnostics *diagnostics, const char *bytes,
	size_t length, enum pool_excerpt_kind kind)
{
	size_t bom = length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	size_t at = bom, start = bom;
	uint32_t line = 1, column = 1;

	pool_diagnostics_sort(diagnostics);
	for (size_t i = 0; i < diagnostics->count; i++) {
		struct pool_diagnostic *one = &diagnostics->list[i];

		if (one->offset < at) { /* the warnings start over */
			at = start = bom;
			line = column = 1;
		}
		for (; at < one->offset && at < length; at++) {
			column += ((unsigned char)bytes[at] & 0xc0) != 0x80;
			if (bytes[at] == '\n') {
				line++;
				column = 1;
				start = at + 1;
			}
		}
		one->line = line;
		one->column = column;
		one->end_column = find_end(one, bytes, length, one->offset);
		if (i < LINES_SHOWN)
			add_source(one, bytes, length, start, kind);
	}
}
