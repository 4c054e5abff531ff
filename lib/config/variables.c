/* Lines NAME=VALUE, as strings of an environment. */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/convert.h"
#include "config/json.h"
#include "config/tree.h"

struct reader {
	const struct pool_source *source;
	struct pool_diagnostics *diagnostics;
	size_t at;
	char **list;
	size_t count, room;
	bool no_memory;
};

void pool_variables_free(char **variables)
{
	for (size_t i = 0; variables && variables[i]; i++)
		pool_text_forget(variables[i]);
	free(variables);
}

static int byte_at(const struct reader *reader, size_t at)
{
	return at < reader->source->length ? (unsigned char)reader->source->bytes[at]
					   : -1;
}

static bool is_name(int byte)
{
	return byte == '_' || byte == '.' || byte == '-' ||
		(byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
		(byte >= 'a' && byte <= 'z');
}

static void skip_line(struct reader *reader)
{
	while (byte_at(reader, reader->at) >= 0 && byte_at(reader, reader->at++) != '\n')
		;
}

static void skip_blanks(struct reader *reader)
{
	while (byte_at(reader, reader->at) == ' ' || byte_at(reader, reader->at) == '\t')
		reader->at++;
}

static void refuse(struct reader *reader, size_t at, const char *text)
{
	pool_diagnostics_add(reader->diagnostics, POOL_RULE_ENV_LINE, at, at + 1,
		strdup(""), "%s", text);
	skip_line(reader);
}

/* Nothing may follow the last quote but a comment: it would be dropped. */
static bool is_at_end(struct reader *reader)
{
	const size_t quote = reader->at;

	skip_blanks(reader);
	return byte_at(reader, reader->at) < 0 ||
		strchr("\r\n", byte_at(reader, reader->at)) ||
		(byte_at(reader, reader->at) == '#' && reader->at > quote);
}

/* A shell would put something else in place of "$NAME" and "$(...)"; ${NAME} is filled in
 * when a URL is used. */
static void warn_dollar(struct reader *reader)
{
	int next = byte_at(reader, reader->at + 1);

	if (next != '(' && (!is_name(next) || strchr("-.", next)))
		return;
	pool_diagnostics_add(reader->diagnostics, POOL_RULE_NOT_TAKEN_OVER, reader->at,
		reader->at + 1, strdup(""),
		"a shell would fill something in for this '$': it is taken as it stands");
}

/* A value in quotes, which may go over several lines; false: it does not end. */
static bool read_quoted(struct reader *reader, struct pool_text *out)
{
	const int quote = byte_at(reader, reader->at++);
	int byte;

	while ((byte = byte_at(reader, reader->at)) >= 0 && byte != quote) {
		char letter;

		if (byte == '\\' && quote == '"' && byte_at(reader, reader->at + 1) > 0 &&
			strchr("\"\\$`", byte_at(reader, reader->at + 1)))
			byte = byte_at(reader, ++reader->at);
		else if (byte == '$' && quote == '"')
			warn_dollar(reader);
		letter = (char)byte;
		pool_text_add_bytes(out, &letter, 1);
		reader->at++;
	}
	reader->at++;
	return byte == quote;
}

/* A value without quotes: the rest of the line, as env(1) prints it. */
static void read_plain(struct reader *reader, struct pool_text *out)
{
	size_t start = reader->at, end;

	skip_line(reader);
	end = reader->at;
	while (end > start && strchr("\r\n", reader->source->bytes[end - 1]))
		end--;
	pool_text_add_bytes(out, reader->source->bytes + start, end - start);
}

/* "'a'\''b'" is one value in several pieces. NULL, or what is wrong with it. */
static const char *read_value(struct reader *reader, struct pool_text *out)
{
	int byte = byte_at(reader, reader->at);

	if (byte != '"' && byte != '\'') {
		read_plain(reader, out);
		return NULL;
	}
	while (byte == '"' || byte == '\'' ||
		(byte == '\\' && byte_at(reader, reader->at + 1) == '\'')) {
		if (byte == '\\') {
			pool_text_add(out, "'");
			reader->at += 2;
		} else if (!read_quoted(reader, out)) {
			return "a quote is not ended";
		}
		byte = byte_at(reader, reader->at);
	}
	if (!is_at_end(reader))
		return "something follows the quote that ends the value";
	skip_line(reader);
	return NULL;
}

static void keep(struct reader *reader, struct pool_text *variable)
{
	char *text = pool_text_take(variable);

	if (text && reader->count + 2 > reader->room) {
		size_t room = reader->room ? 2 * reader->room : 64;
		char **list = realloc(reader->list, room * sizeof(*list));

		if (list) {
			reader->list = list;
			reader->room = room;
		}
	}
	if (!text || reader->count + 2 > reader->room) {
		pool_text_forget(text);
		reader->no_memory = true;
		return;
	}
	reader->list[reader->count++] = text;
	reader->list[reader->count] = NULL;
}

static void read_line(struct reader *reader)
{
	struct pool_text variable = POOL_TEXT_SECRET;
	const char *wrong;
	size_t start;

	skip_blanks(reader);
	if (reader->source->length - reader->at > 7 &&
		memcmp(reader->source->bytes + reader->at, "export ", 7) == 0) {
		reader->at += 7;
		skip_blanks(reader);
	}
	start = reader->at;
	if (byte_at(reader, start) < 0 || strchr("#\r\n", byte_at(reader, start))) {
		skip_line(reader);
		return;
	}
	while (is_name(byte_at(reader, reader->at)))
		reader->at++;
	if (reader->at == start || byte_at(reader, reader->at) != '=') {
		refuse(reader, start, "a line is NAME=VALUE, or a comment behind #");
		return;
	}
	pool_text_add_bytes(
		&variable, reader->source->bytes + start, ++reader->at - start);
	start = reader->at;
	wrong = read_value(reader, &variable);
	if (wrong)
		refuse(reader, start, wrong);
	else
		keep(reader, &variable);
	pool_text_release(&variable);
}

int pool_variables_read(char ***variables, const struct pool_source *source,
	struct pool_diagnostics *diagnostics)
{
	struct reader reader = {.source = source,
		.diagnostics = diagnostics,
		.at = pool_json_bom(source->bytes, source->length)};
	const size_t errors = diagnostics->errors;
	int error = 0;

	reader.list = calloc(1, sizeof(*reader.list));
	reader.no_memory = !reader.list;
	if (pool_lines_judge(source, diagnostics) == 0)
		while (!reader.no_memory && reader.at < source->length)
			read_line(&reader);
	pool_diagnostics_locate(
		diagnostics, source->bytes, source->length, POOL_EXCERPT_LINES);
	if (reader.no_memory || diagnostics->broken)
		error = POOL_ENOMEM;
	else if (diagnostics->errors > errors)
		error = POOL_EINVALID;
	if (error)
		pool_variables_free(reader.list);
	else
		*variables = reader.list;
	return error;
}
