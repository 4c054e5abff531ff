/* Diagnostics: collecting, sorting, places in words, the line for the caret. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/diagnostic.h"
#include "config/schema.h"
#include "config/url.h"

/* Source lines longer than this, or beyond so many diagnostics, are not shown. */
enum { LINE_MAX_BYTES = 2048, LINES_SHOWN = 256, VALUE_MAX = 512 };

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
	if (row->severity == POOL_ERROR)
		diagnostics->errors++;
	else
		diagnostics->warnings++;
}

static void release_one(struct pool_diagnostic *diagnostic)
{
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

		if (one->severity == POOL_WARNING && strcmp(one->rule, name) == 0) {
			release_one(one);
			diagnostics->warnings--;
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
		return left->severity == POOL_ERROR ? -1 : 1;
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
	const char *severity = diagnostic->severity == POOL_ERROR ? "error" : "warning";
	char name[1024];

	pool_text_safe(name, sizeof(name), file, strlen(file));
	if (diagnostic->line)
		snprintf(out, size, "%s:%u:%u: %s: %s [%s]", name, diagnostic->line,
			diagnostic->column, severity, diagnostic->text, diagnostic->rule);
	else
		snprintf(out, size, "%s: %s: %s [%s]", name, severity, diagnostic->text,
			diagnostic->rule);
}

/* --- lines and columns ---------------------------------------------------------- */

/* Characters in well-formed UTF-8: bytes that continue none. */
static uint32_t count_characters(const char *bytes, size_t length)
{
	uint32_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += ((unsigned char)bytes[i] & 0xc0) != 0x80;
	return count;
}

/* A line being shown, and where the diagnostic's bytes come to stand in it. */
struct line {
	const char *bytes; /* the text of the line */
	size_t length;
	size_t from, to; /* what it is about, in bytes of the line */
	const char *key; /* the last key passed */
	size_t key_length;
	struct pool_text shown;
	uint32_t caret, caret_end; /* characters */
	bool begun;
};

/* Append what stands for <length> bytes at <at>, and follow the caret. */
static void show(
	struct line *line, size_t at, size_t length, const char *text, size_t size)
{
	uint32_t before = count_characters(line->shown.bytes, line->shown.length);

	pool_text_add_safe(&line->shown, text, size);
	if (!line->begun && at + length > line->from) {
		bool same = size == length && at < line->from;

		line->begun = true;
		line->caret =
			before + (same ? count_characters(text, line->from - at) : 0);
	}
	if (at < line->to)
		line->caret_end = count_characters(line->shown.bytes, line->shown.length);
}

/* What may be shown of a string that is a value. */
static void show_value(struct line *line, size_t at, size_t length)
{
	const char *text = line->bytes + at + 1;
	char raw[VALUE_MAX], safe[VALUE_MAX];
	size_t inner = length - 2;

	if (line->key && pool_schema_is_plain(line->key, line->key_length) &&
		!pool_url_may_hold_secret(text, inner)) {
		show(line, at, length, line->bytes + at, length);
		return;
	}
	snprintf(raw, sizeof(raw), "%.*s", (int)(inner < VALUE_MAX ? inner : 0), text);
	pool_url_redact(raw, safe + 1, sizeof(safe) - 2);
	safe[0] = '"';
	strcat(safe, "\"");
	show(line, at, length, safe, strlen(safe));
}

static size_t find_string_end(const struct line *line, size_t at)
{
	for (at++; at < line->length && line->bytes[at] != '"'; at++)
		if (line->bytes[at] == '\\')
			at++;
	return at;
}

static size_t show_string(struct line *line, size_t at)
{
	size_t end = find_string_end(line, at), after;

	if (end >= line->length) {
		show(line, at, line->length - at, "\"***", 4);
		return line->length;
	}
	end++;
	for (after = end; after < line->length && line->bytes[after] == ' ';)
		after++;
	if (after >= line->length || line->bytes[after] != ':') {
		show_value(line, at, end - at);
		return end;
	}
	line->key = line->bytes + at + 1;
	line->key_length = end - at - 2;
	if (pool_url_may_hold_secret(line->key, line->key_length))
		show(line, at, end - at, "\"***\"", 5);
	else
		show(line, at, end - at, line->bytes + at, end - at);
	return end;
}

static void show_line(struct line *line)
{
	size_t at = 0;

	while (at < line->length) {
		size_t end = at;

		if (line->bytes[at] == '"') {
			at = show_string(line, at);
			continue;
		}
		while (end < line->length && line->bytes[end] != '"' &&
			(end == at || (end != line->from && end != line->to)))
			end++;
		if (line->bytes[at] == '\t')
			end = at + 1;
		show(line, at, end - at, line->bytes[at] == '\t' ? " " : line->bytes + at,
			line->bytes[at] == '\t' ? 1 : end - at);
		at = end;
	}
}

/* The line that begins at <start>, redacted. Of text that is not JSON only what was read.
 */
static void add_source(
	struct pool_diagnostic *one, const char *bytes, size_t length, size_t start)
{
	const char *newline = memchr(bytes + start, '\n', length - start);
	size_t end = newline ? (size_t)(newline - bytes) : length;
	struct line line = {.bytes = bytes + start};
	int rule = pool_rule_find(one->rule);

	if (end > start && bytes[end - 1] == '\r')
		end--;
	if (rule <= POOL_RULE_JSON_SIZE && end > one->offset + 1)
		end = one->offset + 1;
	if (end - start > LINE_MAX_BYTES)
		return;
	line.length = end - start;
	line.from = one->offset - start;
	line.to = (one->end < end ? one->end : end) - start;
	show_line(&line);
	if (!line.begun)
		line.caret = count_characters(line.shown.bytes, line.shown.length);
	one->caret = line.caret;
	one->caret_width = line.caret_end > line.caret ? line.caret_end - line.caret : 1;
	one->source = pool_text_take(&line.shown);
}

void pool_diagnostics_locate(
	struct pool_diagnostics *diagnostics, const char *bytes, size_t length)
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
		one->end_column = one->end > one->offset && one->end <= length &&
				!memchr(bytes + one->offset, '\n', one->end - one->offset)
			? column +
				count_characters(
					bytes + one->offset, one->end - one->offset)
			: 0;
		if (i < LINES_SHOWN)
			add_source(one, bytes, length, start);
	}
}
