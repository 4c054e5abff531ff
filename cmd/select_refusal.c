/* The answer "no proxy" that pool-select owes: written whatever ends it. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include "base/io.h"
#include "tool.h"
#include "select_refusal.h"

enum {
	STACK_SIZE = 65536,
	PATIENCE_MS = 1000, /* of a handler with a reader that does not read */
};

/* Signals that others send. */
static const int sent[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM,
	SIGSTKFLT, SIGXCPU, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGTRAP};

/* Signals of the process's own faults. A sanitizer handles most of them itself. */
#ifdef __SANITIZE_ADDRESS__
static const int faults[] = {SIGSYS};
#else
static const int faults[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGSYS};
static char stack[STACK_SIZE];
#endif

enum {
	SENT = sizeof(sent) / sizeof(sent[0]),
	FAULTS = sizeof(faults) / sizeof(faults[0]),
};

/* Two copies, of which one is in force: the handler never meets one that is half written.
 * Before the first is set, the plain URL costs the start no page of memory. */
static char refusals[2][REFUSAL_SIZE];
static volatile size_t lengths[2];
static volatile sig_atomic_t current, owed;
static sigset_t before;

/* --- the handler: calls async-signal-safe functions only -------------------------- */

static void write_refusal(void)
{
	const char *url = pool_no_proxy_get(POOL_NO_ERROR)->url;
	const size_t length = strlen(url);
	char line[80];

	if (lengths[current]) {
		pool_io_write_ready(
			STDOUT_FILENO, refusals[current], lengths[current], PATIENCE_MS);
		return;
	}
	memcpy(line, url, length);
	line[length] = '\n';
	pool_io_write_ready(STDOUT_FILENO, line, length + 1, PATIENCE_MS);
}

static void handle(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (owed) {
		owed = 0;
		write_refusal();
	}
	if (number == SIGBUS && info->si_code > 0)
		tool_end_cut(program_invocation_short_name, TOOL_SYSTEM);
	if (getpid() == 1)
		_exit(128 + number);
	/* The signal is blocked until this function has returned; its handler is reset.
	 */
	raise(number);
}

/* --- setting up ------------------------------------------------------------------- */

static void catch_signal(int number, const struct sigaction *action, bool forced)
{
	struct sigaction old;

	if (sigaction(number, action, &old) == 0 && !forced && old.sa_handler == SIG_IGN)
		sigaction(number, &old, NULL);
}

void refusal_begin(void)
{
	struct sigaction action = {.sa_sigaction = handle,
		.sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND)};
	sigset_t open;

	owed = 1;
#ifndef __SANITIZE_ADDRESS__
	/* For a stack that has grown too large. */
	sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack)}, NULL);
#endif
	sigemptyset(&open);
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < SENT; i++)
		sigaddset(&action.sa_mask, sent[i]);
	for (size_t i = 0; i < FAULTS; i++) {
		sigaddset(&action.sa_mask, faults[i]);
		sigaddset(&open, faults[i]);
	}
	for (size_t i = 0; i < SENT; i++)
		catch_signal(sent[i], &action, false);
	for (size_t i = 0; i < FAULTS; i++)
		catch_signal(faults[i], &action, true);
	/* A fault that is blocked kills without a handler. */
	sigprocmask(SIG_UNBLOCK, &open, NULL);
}

void refusal_set(const char *bytes, size_t length)
{
	int other = !current;

	if (length > REFUSAL_SIZE)
		return;
	memcpy(refusals[other], bytes, length);
	lengths[other] = length;
	atomic_signal_fence(memory_order_seq_cst);
	current = other;
}

void refusal_owe(bool is_owed)
{
	owed = is_owed;
}

void refusal_hold(bool held)
{
	sigset_t set;

	if (!held) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		return;
	}
	sigemptyset(&set);
	for (size_t i = 0; i < SENT; i++)
		sigaddset(&set, sent[i]);
	sigprocmask(SIG_BLOCK, &set, &before);
}

/* --- input and output ------------------------------------------------------------- */

/* Wait until the descriptor is ready, or broken, which the next call tells. */
static void wait_for(int fd, short events)
{
	struct pollfd one = {.fd = fd, .events = events};

	while (ppoll(&one, 1, NULL, &before) < 0 && errno == EINTR)
		continue;
}

/* How many of <bytes> a pipe that is ready takes without blocking. */
static size_t cut_chunk(const char *bytes, size_t length)
{
	const char *line;

	if (length <= PIPE_BUF)
		return length;
	line = memrchr(bytes, '\n', PIPE_BUF);
	return line ? (size_t)(line - bytes) + 1 : PIPE_BUF;
}

bool refusal_write(const char *bytes, size_t length)
{
	while (length) {
		ssize_t done;

		wait_for(STDOUT_FILENO, POLLOUT);
		done = write(STDOUT_FILENO, bytes, cut_chunk(bytes, length));
		if (done < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (done < 0) {
			int error = errno;

			if (owed && error != EPIPE)
				write_refusal();
			owed = 0;
			tool_fail_stdout(error);
			return false;
		}
		owed = 0;
		bytes += done;
		length -= (size_t)done;
	}
	owed = 0;
	return true;
}

ssize_t refusal_read(char *bytes, size_t size)
{
	ssize_t got;

	do {
		wait_for(STDIN_FILENO, POLLIN);
		got = read(STDIN_FILENO, bytes, size);
	} while (got < 0 && (errno == EINTR || errno == EAGAIN));
	return got;
}
