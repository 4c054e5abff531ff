/* What the mains share: how they begin and end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "base/text.h"
#include "tool.h"

static void end_by_signal(int number)
{
	_exit(128 + number);
}

/* Process 1 of a container gets no signal that it has no handler for. */
static void heed_signals(void)
{
	static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	struct sigaction action;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (sigaction(numbers[i], NULL, &action) != 0 ||
			action.sa_handler != SIG_DFL)
			continue;
		action = (struct sigaction){.sa_handler = end_by_signal};
		sigaction(numbers[i], &action, NULL);
	}
}

static volatile sig_atomic_t cut_status = TOOL_SYSTEM;

/* Calls async-signal-safe functions only. */
static void end_by_cut(int number, siginfo_t *info, void *context)
{
	const char *name = program_invocation_short_name;

	(void)context;
	if (info->si_code > 0)
		tool_end_cut(name, cut_status);
	/* It was sent, and is to end the process as elsewhere. */
	raise(number);
}

_Noreturn void tool_end_cut(const char *name, int status)
{
	static const char why[] = ": a file was cut short while it was in use\n";
	char line[128];
	size_t length = 0;

	while (length < sizeof(line) - sizeof(why) && name[length]) {
		line[length] = name[length];
		length++;
	}
	for (size_t i = 0; i < sizeof(why) - 1; i++)
		line[length++] = why[i];
	if (write(STDERR_FILENO, line, length) < 0)
		_exit(status);
	_exit(status);
}

void tool_heed_cut(int status)
{
	struct sigaction action = {
		.sa_sigaction = end_by_cut, .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND)};

	cut_status = status;
#ifndef __SANITIZE_ADDRESS__
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
#else
	(void)action;
#endif
}

void tool_begin(void)
{
	/* No file of ours takes the number of a standard stream that is closed. Writing
	 * to one that only reads fails, as it should. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
			open("/dev/null", O_RDONLY | O_CLOEXEC) != fd)
			break;
	signal(SIGXFSZ, SIG_IGN);
	/* No core dump, no debugger and no /proc/PID/mem of the same user shows the
	 * passwords. A command that is run is another program, and as it would be
	 * anyway: the limit on core dumps, which it would inherit, is left alone. */
	prctl(PR_SET_DUMPABLE, 0);
	tool_heed_cut(TOOL_SYSTEM);
	if (getpid() == 1)
		heed_signals();
}

const char *const *tool_environment(void)
{
	return (const char *const *)environ;
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

int tool_print_text(const struct tool_spec *spec, struct pool_text *text, int status)
{
	if (text->broken)
		status = tool_refuse(spec, TOOL_SYSTEM, "out of memory");
	else if (text->length)
		fwrite(text->bytes, 1, text->length, stdout);
	pool_text_release(text);
	return status;
}

int tool_print_taken(const struct tool_spec *spec, char *string, int status)
{
	if (!string)
		return tool_refuse(spec, TOOL_SYSTEM, "out of memory");
	fputs(string, stdout);
	free(string);
	return status;
}

int tool_fail_stdout(int error)
{
	if (error == EPIPE)
		return TOOL_SYSTEM;
	return tool_end(TOOL_SYSTEM, tool_status_word(TOOL_SYSTEM),
		"cannot write standard output: %s",
		error ? strerror(error) : "an earlier write failed");
}

bool tool_close_stdout(void)
{
	bool failed = ferror(stdout) != 0;
	int error = 0;

	if (fflush(stdout) != 0) {
		failed = true;
		error = errno;
	}
	/* Interrupted, it is closed all the same, and everything was written before. */
	if (fclose(stdout) != 0 && errno != EINTR && !failed) {
		failed = true;
		error = errno;
	}
	if (failed)
		tool_fail_stdout(error);
	return !failed;
}
