/* What the mains share: messages, exit status. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "tool.h"

void tool_begin(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* The lowest free number each time: writing to one that only reads fails, as it
	 * should. */
	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd > STDERR_FILENO)
		close(fd);
	signal(SIGXFSZ, SIG_IGN);
}

/* --- messages ------------------------------------------------------------------- */

static void tell(const char *prefix, const char *format, va_list arguments)
{
	char raw[2048], line[sizeof(raw) + 64];
	size_t length;

	vsnprintf(raw, sizeof(raw), format, arguments);
	length = (size_t)snprintf(
		line, 64, "%.32s: %s", program_invocation_short_name, prefix);
	pool_text_safe(line + length, sizeof(line) - length - 1, raw, strlen(raw));
	length += strlen(line + length);
	line[length++] = '\n';
	/* One write, so that lines of processes beside us do not mix; nowhere to tell a
	 * failure. */
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}

void tool_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	tell("", format, arguments);
	va_end(arguments);
}

void tool_warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	tell("warning: ", format, arguments);
	va_end(arguments);
}

void tool_warn_line(void *context, const char *text)
{
	(void)context;
	tool_warn("%s", text);
}

const char *tool_lookup(void *context, const char *name)
{
	(void)context;
	return getenv(name);
}

int tool_status(int error)
{
	static const unsigned char statuses[] = {
		[-POOL_OK] = TOOL_YES,
		[-POOL_EINVALID] = TOOL_UNUSABLE,
		[-POOL_ENOFILE] = TOOL_UNUSABLE,
		[-POOL_EFORMAT] = TOOL_UNUSABLE,
		[-POOL_EFOREIGN] = TOOL_UNUSABLE,
		[-POOL_EUNSAFE] = TOOL_UNUSABLE,
		[-POOL_EBUSY] = TOOL_BUSY,
		[-POOL_ENONE] = TOOL_NO,
		[-POOL_ESECRET] = TOOL_UNUSABLE,
		[-POOL_ESYSTEM] = TOOL_SYSTEM,
		[-POOL_ENOMEM] = TOOL_SYSTEM,
		[-POOL_EARGUMENT] = TOOL_USAGE,
		[-POOL_ESTALE] = TOOL_BUSY,
		[-POOL_EUNKNOWN] = TOOL_NO,
	};
	size_t row = (size_t) - (long)error;

	return row < sizeof(statuses) ? statuses[row] : TOOL_SYSTEM;
}

int tool_fail(const struct pool_fault *fault)
{
	const struct tool_spec plain = {0};

	return tool_refuse_by(&plain, fault);
}

int tool_refuse(const struct tool_spec *spec, int status, const char *format, ...)
{
	char text[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (spec->refuse)
		return spec->refuse(status, text);
	tool_error("%s", text);
	return status;
}

int tool_refuse_by(const struct tool_spec *spec, const struct pool_fault *fault)
{
	return tool_refuse(spec, tool_status(fault->code), "%s",
		fault->text[0] ? fault->text : pool_error_get(fault->code)->sentence);
}

bool tool_close_stdout(void)
{
	bool failed = ferror(stdout) != 0;
	int error = 0;

	if (fclose(stdout) != 0) {
		failed = true;
		error = errno;
	}
	if (failed && error != EPIPE)
		tool_error("cannot write standard output: %s",
			error ? strerror(error) : "an earlier write failed");
	return !failed;
}
