/* Runs of a command. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/io.h"
#include "exec_child.h"
#include "tool.h"

enum {
	STATUS_CANNOT_RUN = 126,
	STATUS_NOT_FOUND = 127,
	CHUNK = 65536,
	GRACE_MS = 2000, /* from asking it to end to ending it */
};

/* Signals that are passed on. */
static const struct {
	int number;
	bool ends; /* asks for an end: no further attempt */
} signals[] = {
	{SIGHUP, true},
	{SIGINT, true},
	{SIGQUIT, true},
	{SIGTERM, true},
	{SIGUSR1, false},
	{SIGUSR2, false},
	{SIGWINCH, false},
	{SIGTSTP, false},
	{SIGCONT, false},
};

enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };

/* A run under way. */
struct work {
	struct exec_end *end;
	pid_t pid;
	bool over;   /* the command has ended */
	size_t rest; /* then: what lay in the pipe */
	bool cut;    /* a signal then was for us, who wait for a slow reader */
	int signal_fd;
	int pipe_fd;         /* WATCH: what it writes, or -1 */
	int64_t deadline_ns; /* INT64_MAX: none */
	bool asked;          /* at the deadline it is killed */
	size_t at, length;   /* of the chunk: what is not written yet */
	size_t most;         /* to write at once */
	char *chunk;
};

static int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * POOL_NS_PER_S + now.tv_nsec;
}

/* --- becoming the command ------------------------------------------------------- */

/* Undo what tool_begin() and we did to signals. */
static void restore_signals(void)
{
	sigset_t none;

	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What stands where the command should is a pool file, as an operand of other tools. */
static bool is_pool_file(const char *command)
{
	static const char *const endings[] = {".json", ".yaml", ".yml"};
	size_t length = strlen(command);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (length > strlen(endings[i]) &&
			strcmp(command + length - strlen(endings[i]), endings[i]) == 0)
			return access(command, F_OK) == 0;
	return false;
}

int exec_child_become(char *const *argv, char *const *envp, const int *keep_fds)
{
	int error;

	for (size_t i = 0; i < EXEC_KEEP_FDS; i++)
		if (keep_fds[i] >= 0)
			fcntl(keep_fds[i], F_SETFD, 0);
	restore_signals();
	execvpe(argv[0], argv, envp);
	error = errno;
	return tool_end(error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN,
		tool_status_word(TOOL_SYSTEM), "cannot run '%s': %s%s", argv[0],
		strerror(error),
		(error == ENOENT || error == EACCES) && is_pool_file(argv[0])
			? "; a pool file is named by -f FILE"
			: "");
}

static _Noreturn void begin_child(const struct exec_run *run, int output_fd)
{
	if (output_fd >= 0)
		dup2(output_fd, STDOUT_FILENO);
	_exit(exec_child_become(run->argv, run->envp, run->keep_fds));
}

/* --- signals -------------------------------------------------------------------- */

/* Those that the command would get: what was ignored before us stays so. */
static void choose_signals(sigset_t *set)
{
	struct sigaction action;

	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < SIGNALS; i++)
		if (sigaction(signals[i].number, NULL, &action) == 0 &&
			action.sa_handler != SIG_IGN)
			sigaddset(set, signals[i].number);
}

/* Stop like the command does, and give it the time back. */
static void stop(struct work *work)
{
	int64_t since_ns = clock_ns();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (work->deadline_ns != INT64_MAX)
		work->deadline_ns += clock_ns() - since_ns;
}

/* What a terminal sends it sends to the command as well. */
static void pass_on(struct work *work, const struct signalfd_siginfo *info)
{
	int number = (int)info->ssi_signo;

	for (size_t i = 0; i < SIGNALS; i++)
		if (signals[i].number == number && signals[i].ends) {
			work->end->told = number;
			work->cut = work->over;
		}
	if (!work->over && info->ssi_code != SI_KERNEL)
		kill(work->pid, number);
	if (number == SIGTSTP)
		stop(work);
}

static void read_signals(struct work *work)
{
	struct signalfd_siginfo info;

	while (read(work->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			pass_on(work, &info);
}

/* --- its end -------------------------------------------------------------------- */

static size_t count_queued(int fd)
{
	int count = 0;

	return ioctl(fd, FIONREAD, &count) == 0 ? (size_t)count : 0;
}

/* The command's end, if it has come. Process 1 of a container is given the children of
 * all who have ended there, and buries them. */
static bool reap(const struct work *work, int *status)
{
	const pid_t whom = getpid() == 1 ? -1 : work->pid;
	pid_t pid;

	do
		pid = waitpid(whom, status, WNOHANG);
	while (pid > 0 && pid != work->pid);
	return pid == work->pid;
}

static void look_for_end(struct work *work)
{
	int status;

	if (work->over || !reap(work, &status))
		return;
	work->over = true;
	work->rest = count_queued(work->pipe_fd);
	work->deadline_ns = INT64_MAX;
	if (WIFSIGNALED(status))
		work->end->signal = WTERMSIG(status);
	work->end->status =
		WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void keep_time(struct work *work)
{
	if (clock_ns() < work->deadline_ns)
		return;
	look_for_end(work);
	if (work->over)
		return;
	work->end->timed_out = true;
	kill(work->pid, work->asked ? SIGKILL : SIGTERM);
	/* One that is stopped would not notice. */
	kill(work->pid, SIGCONT);
	work->deadline_ns =
		work->asked ? INT64_MAX : clock_ns() + GRACE_MS * POOL_NS_PER_MS;
	work->asked = true;
}

/* --- its output ----------------------------------------------------------------- */

static void close_pipe(struct work *work)
{
	if (work->pipe_fd >= 0)
		close(work->pipe_fd);
	work->pipe_fd = -1;
	work->length = 0;
}

static void read_output(struct work *work)
{
	/* Whoever still holds the other end is neither waited for nor listened to. */
	size_t most = work->over && work->rest < CHUNK ? work->rest : CHUNK;
	ssize_t got = most ? read(work->pipe_fd, work->chunk, most) : 0;

	if (got > 0) {
		work->at = 0;
		work->length = (size_t)got;
		work->rest -= work->over ? (size_t)got : 0;
		work->end->wrote = true;
	} else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
		close_pipe(work);
	}
}

/* Where it fails, the pipe is closed: the command feels it as it would without us. */
static void write_output(struct work *work)
{
	size_t length = work->length < work->most ? work->length : work->most;
	ssize_t done = write(STDOUT_FILENO, work->chunk + work->at, length);

	if (done >= 0) {
		work->at += (size_t)done;
		work->length -= (size_t)done;
	} else if (errno != EAGAIN && errno != EINTR) {
		work->end->write_error = errno;
		close_pipe(work);
	}
}

/* --- the run -------------------------------------------------------------------- */

static int wait_ms(const struct work *work)
{
	int64_t left_ns;

	if (work->deadline_ns == INT64_MAX)
		return -1;
	left_ns = work->deadline_ns - clock_ns();
	if (left_ns <= 0)
		return 0;
	left_ns = left_ns / POOL_NS_PER_MS + 1;
	return left_ns > INT_MAX ? INT_MAX : (int)left_ns;
}

static void wait_once(struct work *work)
{
	bool writing = work->length > 0;
	struct pollfd list[] = {
		{.fd = work->signal_fd, .events = POLLIN},
		{.fd = writing ? STDOUT_FILENO : work->pipe_fd,
			.events = writing ? POLLOUT : POLLIN},
	};

	/* What is left in the pipe of a command that has ended is there already. */
	if (poll(list, 2, work->over && !writing ? 0 : wait_ms(work)) < 0) {
		if (errno == EINTR)
			return;
		/* The kernel has no memory: the command goes on, and so do we. */
		nanosleep(&(struct timespec){.tv_nsec = POOL_NS_PER_MS}, NULL);
		list[1].revents = list[1].events;
	}
	read_signals(work);
	look_for_end(work);
	keep_time(work);
	if (writing && list[1].revents)
		write_output(work);
	else if (!writing && work->pipe_fd >= 0 && (list[1].revents || work->over))
		read_output(work);
}

static void work_through(struct work *work)
{
	while (!work->over || work->pipe_fd >= 0) {
		wait_once(work);
		if (!work->cut)
			continue;
		work->end->signal = work->end->told;
		work->end->status = 128 + work->end->told;
		close_pipe(work);
	}
}

/* A file without a name. */
static int open_hold(void)
{
	const char *folder = getenv("TMPDIR");
	char path[TOOL_PATH_SIZE];
	int fd;

	if (!folder || !*folder)
		folder = "/tmp";
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "%s/pool-exec.XXXXXX", folder);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static int open_output(enum exec_output output, struct work *work, int *fd)
{
	struct stat status;
	int ends[2];

	*fd = -1;
	if (output == EXEC_OUTPUT_OURS)
		return 0;
	if (output == EXEC_OUTPUT_HOLD) {
		work->end->held_fd = open_hold();
		*fd = work->end->held_fd;
		return *fd < 0 ? errno : 0;
	}
	work->chunk = malloc(CHUNK);
	if (!work->chunk)
		return ENOMEM;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	work->pipe_fd = ends[0];
	*fd = ends[1];
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	/* A pipe that says it can be written to takes so much without blocking. */
	work->most = CHUNK;
	if (fstat(STDOUT_FILENO, &status) == 0 && !S_ISREG(status.st_mode))
		work->most = PIPE_BUF;
	return 0;
}

static int start(const struct exec_run *run, struct work *work)
{
	int fd = -1, error = open_output(run->output, work, &fd);

	if (error)
		return error;
	work->pid = fork();
	if (work->pid == 0)
		begin_child(run, fd);
	error = work->pid < 0 ? errno : 0;
	if (fd >= 0 && fd != work->end->held_fd)
		close(fd);
	if (run->limit_ms)
		work->deadline_ns = clock_ns() + run->limit_ms * POOL_NS_PER_MS;
	return error;
}

int exec_child_run(const struct exec_run *run, struct exec_end *end)
{
	struct work work = {
		.end = end, .signal_fd = -1, .pipe_fd = -1, .deadline_ns = INT64_MAX};
	sigset_t set, before;
	int error = 0;

	*end = (struct exec_end){.held_fd = -1};
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	choose_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	work.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (work.signal_fd < 0)
		error = errno;
	if (!error)
		error = start(run, &work);
	if (!error)
		work_through(&work);
	close_pipe(&work);
	if (work.signal_fd >= 0)
		close(work.signal_fd);
	free(work.chunk);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return error;
}

int exec_child_release(int held_fd)
{
	char chunk[CHUNK];
	off_t at = 0;
	size_t got;
	int error;

	do {
		error = pool_io_read_at(held_fd, chunk, sizeof(chunk), at, &got);
		if (!error)
			error = pool_io_write_ready(STDOUT_FILENO, chunk, got, -1);
		at += (off_t)got;
	} while (!error && got);
	return error;
}

_Noreturn void exec_child_die(int signal_number)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	restore_signals();
	signal(signal_number, SIG_DFL);
	raise(signal_number);
	_exit(128 + signal_number);
}
