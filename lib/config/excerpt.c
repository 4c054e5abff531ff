/* A line of a pool file, redacted, with its caret. */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "config/excerpt.h"
#include "config/schema.h"
#include "config/url.h"

enum { VALUE_MAX = 512 };

uint32_t pool_characters(const char *bytes, size_t length)
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
	const char *key; /* whose value or list of values follows; or NULL */
	size_t key_length;
	bool in_list;
	const char *pointer; /* where keys are told from what looks so; NULL: all are */
	struct pool_text shown;
	uint32_t caret, caret_end; /* characters */
	bool begun;
};

/* Append what stands for <length> bytes at <at>, and follow the caret. */
static void show(
	struct line *line, size_t at, size_t length, const char *text, size_t size)
{
	uint32_t before = pool_characters(line->shown.bytes, line->shown.length);

	pool_text_add_safe(&line->shown, text, size);
	if (!line->begun && at + length > line->from) {
		bool same = size == length && at < line->from;

		line->begun = true;
		line->caret =
			before + (same ? pool_characters(text, line->from - at) : 0);
	}
	if (at < line->to)
		line->caret_end = pool_characters(line->shown.bytes, line->shown.length);
}

/* What may be shown of a value, <quotes> bytes of it being a quote at each end. */
static void show_value(struct line *line, size_t at, size_t length, size_t quotes)
{
	const char *text = line->bytes + at + quotes;
	char raw[VALUE_MAX], safe[VALUE_MAX],
		quote[2] = {quotes ? line->bytes[at] : '\0'};
	size_t inner = length - 2 * quotes;
	bool plain = line->key && pool_schema_is_plain(line->key, line->key_length);

	if ((plain && !pool_url_may_hold_secret(text, inner)) ||
		(inner == 7 && memcmp(text, "default", 7) == 0)) {
		show(line, at, length, line->bytes + at, length);
		return;
	}
	snprintf(raw, sizeof(raw), "%.*s", (int)(inner < VALUE_MAX ? inner : 0), text);
	strcpy(safe, quote);
	pool_url_redact(raw, safe + quotes, sizeof(safe) - 2);
	strcat(safe, quote);
	show(line, at, length, safe, strlen(safe));
}

/* Does the pointer lead through that key? */
static bool leads_through(const char *pointer, const char *key, size_t length)
{
	for (const char *part = pointer; (part = strchr(part, '/'));) {
		part++;
		if (strncmp(part, key, length) == 0 &&
			(part[length] == '/' || !part[length]))
			return true;
	}
	return false;
}

static bool is_key_fit(const struct line *line, const char *key, size_t length)
{
	if (pool_url_may_hold_secret(key, length))
		return false;
	return !line->pointer || pool_schema_is_known(key, length) ||
		leads_through(line->pointer, key, length);
}

/* A key becomes the one whose value follows. */
static void show_key(struct line *line, size_t at, size_t length, size_t quotes)
{
	line->key = line->bytes + at + quotes;
	line->key_length = length - 2 * quotes;
	if (is_key_fit(line, line->key, line->key_length))
		show(line, at, length, line->bytes + at, length);
	else
		show(line, at, length, "***", 3);
}

/* Brackets and commas: the last key counts up to them, or for the whole of a list. */
static void pass_bracket(struct line *line, char byte)
{
	if (byte == '[')
		line->in_list = true;
	else if (strchr("{}]", byte))
		line->in_list = false;
	if (strchr("{}]", byte) || (byte == ',' && !line->in_list))
		line->key = NULL;
}

/* A value that the line does not end: all of the rest. */
static size_t show_open_string(struct line *line, size_t at)
{
	const char hidden[] = {line->bytes[at], '*', '*', '*'};

	show(line, at, line->length - at, hidden, sizeof(hidden));
	return line->length;
}

static bool is_colon_next(const struct line *line, size_t at)
{
	while (at < line->length && line->bytes[at] == ' ')
		at++;
	return at < line->length && line->bytes[at] == ':';
}

/* The quote that ends the string at <at>; in single quotes two stand for one. */
static size_t find_string_end(const struct line *line, size_t at)
{
	const char quote = line->bytes[at];

	for (at++; at < line->length; at++) {
		if (line->bytes[at] == '\\' && quote == '"')
			at++;
		else if (line->bytes[at] == quote &&
			!(quote == '\'' && at + 1 < line->length &&
				line->bytes[at + 1] == quote))
			return at;
		else if (line->bytes[at] == quote)
			at++;
	}
	return line->length;
}

static size_t show_string(struct line *line, size_t at)
{
	size_t end = find_string_end(line, at);

	if (end >= line->length)
		return show_open_string(line, at);
	end++;
	if (is_colon_next(line, end))
		show_key(line, at, end - at, 1);
	else
		show_value(line, at, end - at, 1);
	return end;
}

static void show_json(struct line *line)
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
		for (size_t i = at; i < end; i++)
			pass_bracket(line, line->bytes[i]);
		show(line, at, end - at, line->bytes[at] == '\t' ? " " : line->bytes + at,
			line->bytes[at] == '\t' ? 1 : end - at);
		at = end;
	}
}

/* --- YAML ----------------------------------------------------------------------- */

/* Where what begins at <at> without quotes ends: at its colon, at a comment, in brackets
 * at a comma. */
static size_t find_plain_end(const struct line *line, size_t at, bool brackets)
{
	size_t end = at;

	for (; end < line->length; end++) {
		char byte = line->bytes[end];
		bool blank_next = end + 1 == line->length || line->bytes[end + 1] == ' ';

		if ((byte == ':' && blank_next) ||
			(byte == '#' && end > at && line->bytes[end - 1] == ' ') ||
			(brackets && strchr(",[]{}", byte)))
			break;
	}
	while (end > at + 1 && line->bytes[end - 1] == ' ')
		end--;
	return end;
}

static size_t show_plain(struct line *line, size_t at, bool brackets)
{
	size_t end = find_plain_end(line, at, brackets);

	if (end == at)
		end++;
	if (is_colon_next(line, end))
		show_key(line, at, end - at, 0);
	else
		show_value(line, at, end - at, 0);
	return end;
}

/* A block's "- ", a "?" or ":" by itself, brackets and commas. */
static bool is_indicator(const struct line *line, size_t at, bool brackets)
{
	bool blank_next = at + 1 >= line->length || line->bytes[at + 1] == ' ';
	char byte = line->bytes[at];

	return byte == ' ' || byte == '\t' || byte == '{' || byte == '[' ||
		(brackets && strchr("]},", byte)) || (blank_next && strchr("-?:", byte));
}

static void show_yaml(struct line *line)
{
	bool brackets = false;
	size_t at = 0;

	while (at < line->length && line->bytes[at] != '#') {
		char byte = line->bytes[at];

		if (is_indicator(line, at, brackets)) {
			brackets = brackets || byte == '{' || byte == '[';
			pass_bracket(line, byte);
			show(line, at, 1, byte == '\t' ? " " : &byte, 1);
			at++;
		} else if (byte == '"' || byte == '\'') {
			at = show_string(line, at);
		} else {
			at = show_plain(line, at, brackets);
		}
	}
}

/* --- lines ---------------------------------------------------------------------- */

static void show_whole(struct line *line)
{
	char raw[VALUE_MAX], safe[VALUE_MAX];
	size_t at = 0, end = line->length;

	while (at < end && strchr(" \t", line->bytes[at]))
		at++;
	while (end > at && strchr(" \t\r", line->bytes[end - 1]))
		end--;
	snprintf(raw, sizeof(raw), "%.*s", (int)(end - at < VALUE_MAX ? end - at : 0),
		line->bytes + at);
	pool_url_redact(raw, safe, sizeof(safe));
	show(line, 0, line->length, safe, strlen(safe));
}

char *pool_excerpt_make(struct pool_excerpt *excerpt)
{
	struct line line = {.bytes = excerpt->bytes,
		.length = excerpt->length,
		.from = excerpt->from,
		.to = excerpt->to,
		.pointer = excerpt->kind == POOL_EXCERPT_YAML ? excerpt->pointer : NULL};

	if (excerpt->kind == POOL_EXCERPT_LINES)
		show_whole(&line);
	else if (excerpt->kind == POOL_EXCERPT_YAML)
		show_yaml(&line);
	else
		show_json(&line);
	if (!line.begun)
		line.caret = pool_characters(line.shown.bytes, line.shown.length);
	excerpt->caret = line.caret;
	excerpt->caret_end = line.caret_end;
	return pool_text_take(&line.shown);
}
