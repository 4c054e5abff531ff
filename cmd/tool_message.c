/* What the mains share: messages, as text for people and as JSON for programs. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/text.h"
#include "tool.h"

/* What stands beside the text of a message. */
struct message {
	enum tool_level level;
	const char *error;                    /* a stable word, or NULL */
	int status;                           /* it ends with this; 0: it goes on */
	const char *proxy;                    /* it is about, or NULL */
	const struct pool_reason_row *reason; /* what became of it, or NULL */
};

/* A line in one write stays whole among those of other processes. */
enum { MESSAGE_SIZE = 2048 };

static const struct {
	const char *name;
	const char *prefix; /* as text */
} levels[TOOL_LEVELS] = {
	[TOOL_LEVEL_ERROR] = {"error", ""},
	[TOOL_LEVEL_WARNING] = {"warning", "warning: "},
	[TOOL_LEVEL_NOTE] = {"note", ""},
};

static const char *const log_variable = "POOL_LOG_FORMAT";

/* --- the two forms -------------------------------------------------------------- */

static void write_line(const char *line, size_t length)
{
	/* Nowhere to tell a failure. */
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}

static void tell_text(const struct message *message, const char *text)
{
	char line[MESSAGE_SIZE + 64];
	size_t length = (size_t)snprintf(line, 64, "%.32s: %s",
		program_invocation_short_name, levels[message->level].prefix);

	pool_text_safe(line + length, sizeof(line) - length - 1, text, strlen(text));
	length += strlen(line + length);
	line[length++] = '\n';
	write_line(line, length);
}

static void add_member(struct pool_text *line, const char *name, const char *value)
{
	if (!value)
		return;
	pool_text_addf(line, ",\"%s\":", name);
	pool_text_add_json(line, value, strlen(value));
}

static void add_time(struct pool_text *line)
{
	char text[32] = "";
	struct pool_now now;
	struct tm utc;
	time_t wall_s;

	pool_clock_get(&now);
	wall_s = (time_t)now.wall_s;
	if (gmtime_r(&wall_s, &utc))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	pool_text_addf(line, "{\"time\":\"%s\"", text);
}

static void add_reason(struct pool_text *line, const struct pool_reason_row *reason)
{
	add_member(line, "reason", reason->name);
	if (reason->layer != POOL_LAYER_NONE)
		add_member(line, "layer", pool_layer_name(reason->layer));
	if (reason->verdict != POOL_VERDICT_OK)
		add_member(line, "advice", reason->advice);
}

/* False: out of memory. */
static bool tell_json(const struct message *message, const char *text)
{
	struct pool_text line = POOL_TEXT_EMPTY;
	bool told;

	add_time(&line);
	add_member(&line, "level", levels[message->level].name);
	add_member(&line, "tool", program_invocation_short_name);
	add_member(&line, "message", text);
	add_member(&line, "error", message->error);
	if (message->status)
		pool_text_addf(&line, ",\"status\":%d", message->status);
	add_member(&line, "proxy", message->proxy);
	if (message->reason)
		add_reason(&line, message->reason);
	pool_text_add(&line, "}\n");
	told = !line.broken;
	if (told)
		write_line(line.bytes, line.length);
	pool_text_release(&line);
	return told;
}

bool tool_log_is_json(void)
{
	const char *format = getenv(log_variable);

	return format && strcmp(format, "json") == 0;
}

int tool_read_log_format(const struct tool_given *given, void *settings)
{
	static const char *const words[] = {"text", "json"};
	int found = 0, status = tool_find_value(given, words, 2, &found);

	(void)settings;
	if (!status && setenv(log_variable, words[found], 1) != 0)
		status = tool_refuse(given->spec, TOOL_SYSTEM, "out of memory");
	return status;
}

static void tell(const struct message *message, const char *given)
{
	char text[MESSAGE_SIZE];

	/* A URL may stand where a name was wanted, and be repeated. */
	pool_text_redact(text, sizeof(text), given);
	if (!tool_log_is_json() || !tell_json(message, text))
		tell_text(message, text);
}

static void tell_formatted(
	const struct message *message, const char *format, va_list arguments)
{
	char text[MESSAGE_SIZE];

	vsnprintf(text, sizeof(text), format, arguments);
	tell(message, text);
}

/* --- messages ------------------------------------------------------------------- */

void tool_error(const char *format, ...)
{
	const struct message message = {.level = TOOL_LEVEL_ERROR};
	va_list arguments;

	va_start(arguments, format);
	tell_formatted(&message, format, arguments);
	va_end(arguments);
}

void tool_warn(const char *format, ...)
{
	const struct message message = {.level = TOOL_LEVEL_WARNING};
	va_list arguments;

	va_start(arguments, format);
	tell_formatted(&message, format, arguments);
	va_end(arguments);
}

void tool_note(const char *format, ...)
{
	const struct message message = {.level = TOOL_LEVEL_NOTE};
	va_list arguments;

	va_start(arguments, format);
	tell_formatted(&message, format, arguments);
	va_end(arguments);
}

void tool_tell_about(enum tool_level level, const char *proxy, enum pool_reason reason,
	const char *format, ...)
{
	const struct message message = {
		.level = level, .proxy = proxy, .reason = pool_reason_get((int)reason)};
	va_list arguments;

	va_start(arguments, format);
	tell_formatted(&message, format, arguments);
	va_end(arguments);
}

void tool_warn_line(void *context, const char *text)
{
	(void)context;
	tool_warn("%s", text);
}

void tool_note_text(const char *text)
{
	const struct message message = {.level = TOOL_LEVEL_NOTE};

	if (!tool_log_is_json()) {
		write_line(text, strlen(text));
		return;
	}
	while (*text) {
		size_t length = strcspn(text, "\n");
		char line[MESSAGE_SIZE];

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		tell(&message, line);
		text += length + (text[length] == '\n');
	}
}

bool tool_note_taken(struct pool_text *text)
{
	const bool whole = !text->broken;

	if (!whole)
		tool_error("out of memory");
	else if (text->length)
		tool_note_text(text->bytes);
	pool_text_release(text);
	return whole;
}

/* "what: sentence; advice" */
static void add_sentence(char *text, size_t size, const struct pool_reason_row *reason)
{
	size_t length = strlen(text);
	bool good = reason->verdict == POOL_VERDICT_OK;

	snprintf(text + length, size - length, ": %s%s%s", reason->sentence,
		good ? "" : "; ", good ? "" : reason->advice);
}

void tool_tell_reason(enum tool_level level, const char *proxy, enum pool_reason reason,
	const char *format, ...)
{
	const struct message message = {
		.level = level, .proxy = proxy, .reason = pool_reason_get((int)reason)};
	char text[MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	add_sentence(text, sizeof(text), message.reason);
	tell(&message, text);
}

/* --- messages that end a tool --------------------------------------------------- */

int tool_end(int status, const char *error, const char *format, ...)
{
	const struct message message = {
		.level = TOOL_LEVEL_ERROR, .error = error, .status = status};
	va_list arguments;

	va_start(arguments, format);
	tell_formatted(&message, format, arguments);
	va_end(arguments);
	return status;
}

const char *tool_status_word(int status)
{
	static const char *const words[] = {
		[TOOL_USAGE] = "usage",
		[TOOL_SYSTEM] = "system",
		[TOOL_BUSY] = "busy",
	};

	return (size_t)status < sizeof(words) / sizeof(words[0]) ? words[status] : NULL;
}

int tool_refuse(const struct tool_spec *spec, int status, const char *format, ...)
{
	char text[MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (spec->refuse)
		return spec->refuse(status, tool_status_word(status), text);
	return tool_end(status, tool_status_word(status), "%s", text);
}

int tool_refuse_by(const struct tool_spec *spec, const struct pool_fault *fault)
{
	const struct pool_error_row *row = pool_error_get(fault->code);
	const char *text = fault->text[0] ? fault->text : row->sentence;
	int status = tool_status(fault->code);

	if (spec->refuse)
		return spec->refuse(status, row->name, text);
	return tool_end(status, row->name, "%s", text);
}

int tool_refuse_reason(const struct tool_spec *spec, int status, enum pool_reason reason,
	const char *format, ...)
{
	const struct message message = {.level = TOOL_LEVEL_ERROR,
		.error = tool_status_word(status),
		.status = status,
		.reason = pool_reason_get((int)reason)};
	char text[MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	add_sentence(text, sizeof(text), message.reason);
	if (spec->refuse)
		return spec->refuse(status, message.error, text);
	tell(&message, text);
	return status;
}

int tool_fail(const struct pool_fault *fault)
{
	const struct tool_spec plain = {0};

	return tool_refuse_by(&plain, fault);
}
