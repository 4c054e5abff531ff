/* Runs of the program of --on-change. */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/io.h"
#include "health/health.h"
#include "watch/command.h"

enum {
	STATUS_NOT_RUN = 127,
	OPEN_FILES = 1024,
	VARIABLES = 24,
	POLL_MS = 50,           /* where the system cannot tell of an end */
	CLOSE_ON_EXEC = 1 << 2, /* CLOSE_RANGE_CLOEXEC */
};

struct command {
	struct pool_command_options options;
	int epoll;
	pid_t pid;       /* 0: none runs */
	int pid_fd;      /* -1: polled */
	int error_fd;    /* says why it could not be run */
	bool asked;      /* it was sent SIGTERM */
	int64_t due_ns;  /* when it is asked, then killed; INT64_MAX: that is done */
	int64_t poll_ns; /* when to look again, if polled */
};

/* --- what it gets --------------------------------------------------------------- */

/* Names and values of its environment. */
struct environment {
	char *strings[VARIABLES + 1]; /* NULL ends them */
	size_t count;
	bool broken; /* out of memory */
};

/* Takes over <text>. */
static void add_string(struct environment *environment, struct pool_text *text)
{
	char *string = pool_text_take(text);

	if (string && environment->count < VARIABLES)
		environment->strings[environment->count++] = string;
	else
		free(string);
	environment->broken |= !string;
}

static void add(struct environment *environment, const char *name, const char *value)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_text_addf(&text, "%s=", name);
	pool_text_add(&text, value);
	add_string(environment, &text);
}

static void add_given(
	struct environment *environment, const char *name, const char *value)
{
	if (value)
		add(environment, name, value);
}

/* Foreign text; nothing if it is empty. */
static void add_safe(struct environment *environment, const char *name, const char *value)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	if (!value[0])
		return;
	pool_text_addf(&text, "%s=", name);
	pool_text_add_safe(&text, value, strlen(value));
	add_string(environment, &text);
}

static void add_status(struct environment *environment, const char *name, int status)
{
	if (status >= 0)
		add(environment, name, pool_status_name((enum pool_status)status));
}

static void add_number(struct environment *environment, const char *name, int64_t value)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	if (value < 0)
		return;
	pool_text_addf(&text, "%s=%lld", name, (long long)value);
	add_string(environment, &text);
}

/* Its own words: time, sentence, seconds. */
static void add_words(struct environment *environment, const struct pool_event *event)
{
	struct pool_text time = POOL_TEXT_EMPTY, message = POOL_TEXT_EMPTY,
			 seconds = POOL_TEXT_EMPTY;

	pool_text_add(&time, "POOL_TIME=");
	pool_event_add_time(event, &time);
	add_string(environment, &time);
	pool_text_add(&message, "POOL_MESSAGE=");
	pool_event_add_message(event, &message);
	add_string(environment, &message);
	if (event->latency_us < 0)
		return;
	pool_text_add(&seconds, "POOL_LATENCY_SECONDS=");
	pool_event_add_seconds(&seconds, event->latency_us);
	add_string(environment, &seconds);
}

static void describe(struct environment *environment, const struct command *command,
	const struct pool_batch *batch)
{
	const struct pool_event *event = pool_batch_worst(batch);

	add(environment, "PATH",
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	add_given(environment, "HOME", command->options.home);
	add_given(environment, "LANG", command->options.lang);
	add_given(environment, "TZ", command->options.tz);
	add_given(environment, "POOL_FILE", command->options.file);
	add_number(environment, "POOL_EVENTS", (int64_t)(batch->count + batch->more));
	add(environment, "POOL_EVENT", pool_event_get(event->kind)->name);
	add(environment, "POOL_LEVEL", pool_event_level_name(pool_event_level(event)));
	add_words(environment, event);
	add_safe(environment, "POOL_POOL", event->pool);
	add_safe(environment, "POOL_PROXY", event->proxy);
	add_status(environment, "POOL_FROM", event->from);
	add_status(environment, "POOL_TO", event->to);
	if (event->reason != POOL_REASON_NONE)
		add(environment, "POOL_REASON",
			pool_reason_get((int)event->reason)->name);
	add_number(environment, "POOL_ELIGIBLE", event->eligible);
	add_number(environment, "POOL_TOTAL", event->total);
	add_number(environment, "POOL_COUNT", event->count);
	add_safe(environment, "POOL_DETAIL", event->detail);
}

static void forget(struct environment *environment)
{
	for (size_t i = 0; i < environment->count; i++)
		free(environment->strings[i]);
}

/* The events as JSON lines in a file in memory: it can be read at leisure, and who does
 * not read it blocks nobody. By number, as its header is about mapping. -1: errno. */
static int open_input(const struct pool_batch *batch)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	int fd = -1;

	for (size_t i = 0; i < batch->count; i++) {
		pool_event_add_json(&batch->events[i], &text);
		pool_text_add(&text, "\n");
	}
	errno = ENOMEM;
	if (!text.broken)
		fd = (int)syscall(SYS_memfd_create, "pool-watch", MFD_CLOEXEC);
	if (fd >= 0 &&
		(pool_io_write(fd, text.bytes, text.length) != 0 ||
			lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		fd = -1;
	}
	pool_text_release(&text);
	return fd;
}

/* --- becoming the program: only what is safe in a child of many threads ---------- */

static void close_others_on_exec(void)
{
	struct rlimit limit;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3u, ~0u, (unsigned)CLOSE_ON_EXEC) == 0)
		return;
#endif
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	for (int fd = 3; (rlim_t)fd < limit.rlim_cur && fd < 1 << 20; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* We raised it for our checks; many programs are not made for so many. */
static void limit_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= OPEN_FILES)
		return;
	limit.rlim_cur = OPEN_FILES;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(const struct command *command, char *const *environment,
	int input_fd, int error_fd)
{
	char *const argv[] = {(char *)(uintptr_t)command->options.path, NULL};
	int output_fd = command->options.output ? command->options.output : STDERR_FILENO;
	int error = 0;

	setpgid(0, 0);
	if (dup2(input_fd, STDIN_FILENO) < 0 || dup2(output_fd, STDOUT_FILENO) < 0 ||
		dup2(output_fd, STDERR_FILENO) < 0 || chdir("/") != 0)
		error = errno;
	umask(077);
	close_others_on_exec();
	limit_open_files();
	reset_signals();
	if (!error) {
		execve(argv[0], argv, environment);
		error = errno;
	}
	if (write(error_fd, &error, sizeof(error)) < 0)
		_exit(STATUS_NOT_RUN);
	_exit(STATUS_NOT_RUN);
}

/* --- beginning ------------------------------------------------------------------ */

/* With all signals blocked, so that no handler of ours runs in the child. 0 or errno. */
static int start(struct command *command, char *const *environment, int input_fd)
{
	sigset_t all, before;
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return errno;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	command->pid = fork();
	error = command->pid < 0 ? errno : 0;
	if (command->pid == 0)
		become(command, environment, input_fd, ends[1]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	if (error) {
		command->pid = 0;
		close(ends[0]);
		return error;
	}
	/* Here as well as there: it may be asked to end before it has begun. */
	setpgid(command->pid, command->pid);
	command->error_fd = ends[0];
	return 0;
}

static void watch(struct command *command)
{
	struct epoll_event event = {.events = EPOLLIN};

#ifdef SYS_pidfd_open
	command->pid_fd = (int)syscall(SYS_pidfd_open, command->pid, 0u);
#endif
	event.data.fd = command->pid_fd;
	if (command->pid_fd < 0 ||
		epoll_ctl(command->epoll, EPOLL_CTL_ADD, command->pid_fd, &event) == 0)
		return;
	close(command->pid_fd);
	command->pid_fd = -1;
}

static bool begin(void *self, const struct pool_batch *batch, const struct pool_now *now,
	struct pool_attempt *attempt)
{
	struct command *command = self;
	struct environment environment = {0};
	int input_fd, error;

	describe(&environment, command, batch);
	input_fd = open_input(batch);
	error = input_fd < 0 ? errno : environment.broken ? ENOMEM : 0;
	if (!error)
		error = start(command, environment.strings, input_fd);
	if (input_fd >= 0)
		close(input_fd);
	forget(&environment);
	if (error) {
		char reason[96] = "";

		snprintf(attempt->why, sizeof(attempt->why), "it cannot be started: %s",
			strerror_r(error, reason, sizeof(reason)));
		return false;
	}
	command->asked = false;
	command->poll_ns = now->boot_ns;
	command->due_ns = now->boot_ns + command->options.limit_ms * POOL_NS_PER_MS;
	watch(command);
	return true;
}

/* --- its end -------------------------------------------------------------------- */

static void signal_group(const struct command *command, int number)
{
	kill(-command->pid, number);
	/* Who is stopped would not notice. */
	kill(-command->pid, SIGCONT);
}

static void keep_time(struct command *command, int64_t now_ns)
{
	if (now_ns < command->due_ns)
		return;
	signal_group(command, command->asked ? SIGKILL : SIGTERM);
	command->due_ns = command->asked
		? INT64_MAX
		: now_ns + command->options.grace_ms * POOL_NS_PER_MS;
	command->asked = true;
}

/* Its number is not free for others before it is waited for: who is left of the group can
 * be killed. */
static int reap(struct command *command)
{
	int status = -1;

	if (command->asked)
		kill(-command->pid, SIGKILL);
	return waitpid(command->pid, &status, WNOHANG) == command->pid ? status : -1;
}

static void forget_run(struct command *command)
{
	if (command->pid_fd >= 0) {
		epoll_ctl(command->epoll, EPOLL_CTL_DEL, command->pid_fd, NULL);
		close(command->pid_fd);
	}
	close(command->error_fd);
	command->pid = 0;
	command->pid_fd = command->error_fd = -1;
}

static void judge(struct command *command, int status, struct pool_attempt *attempt)
{
	char *why = attempt->why, reason[96];
	size_t size = sizeof(attempt->why);
	int error = 0;

	if (read(command->error_fd, &error, sizeof(error)) != sizeof(error))
		error = 0;
	if (error)
		snprintf(why, size, "it cannot be run: %s%s",
			strerror_r(error, reason, sizeof(reason)),
			error == ENOEXEC ? " (a script needs a first line like #!/bin/sh)"
					 : "");
	else if (command->asked)
		snprintf(why, size, "it did not end within %g seconds",
			(double)command->options.limit_ms / 1000);
	else if (status == -1)
		snprintf(why, size, "how it ended cannot be told");
	else if (WIFSIGNALED(status))
		snprintf(why, size, "it was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		snprintf(why, size, "it ended with status %d", WEXITSTATUS(status));
	else
		attempt->ok = true;
}

static bool turn(void *self, const struct pool_now *now, struct pool_attempt *attempt)
{
	struct command *command = self;
	siginfo_t info = {0};
	/* Somebody else waited for it; its number may be another's by now. */
	bool lost = waitid(P_PID, (id_t)command->pid, &info,
			    WEXITED | WNOHANG | WNOWAIT) != 0;

	if (!lost && info.si_pid != command->pid) {
		keep_time(command, now->boot_ns);
		command->poll_ns = now->boot_ns + POLL_MS * POOL_NS_PER_MS;
		return false;
	}
	judge(command, lost ? -1 : reap(command), attempt);
	forget_run(command);
	return true;
}

static int64_t due_ns(const void *self)
{
	const struct command *command = self;
	bool polled = command->pid_fd < 0 && command->poll_ns < command->due_ns;

	return polled ? command->poll_ns : command->due_ns;
}

/* --- begin and end of the receiver ---------------------------------------------- */

static void end(void *self)
{
	struct command *command = self;

	if (command->pid) {
		signal_group(command, SIGTERM);
		command->asked = false;
		reap(command);
		forget_run(command);
	}
	close(command->epoll);
	free(command);
}

int pool_command_new(struct pool_receiver *out,
	const struct pool_command_options *options, struct pool_fault *fault)
{
	struct command *command = calloc(1, sizeof(*command));

	if (!command)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	command->options = *options;
	if (!options->limit_ms)
		command->options.limit_ms = POOL_COMMAND_LIMIT_MS;
	if (!options->grace_ms)
		command->options.grace_ms = POOL_COMMAND_GRACE_MS;
	command->pid_fd = command->error_fd = -1;
	command->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (command->epoll < 0) {
		free(command);
		return pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot wait for commands");
	}
	*out = (struct pool_receiver){.name = "command",
		.descriptor = command->epoll,
		.self = command,
		.begin = begin,
		.turn = turn,
		.due_ns = due_ns,
		.free = end};
	pool_text_safe(
		out->label, sizeof(out->label), options->path, strlen(options->path));
	return 0;
}
