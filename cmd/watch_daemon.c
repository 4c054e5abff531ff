/* Going to the background. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tool.h"
#include "watch_daemon.h"

/* glibc has a name for it since 2.34. */
static void close_from(unsigned first)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return;
#endif
	for (int fd = (int)first; fd < 1024; fd++)
		close(fd);
}

/* The parent's part: wait for a byte, or for the child's end. */
static void await(int pipe, pid_t child)
{
	int status = 0;
	ssize_t length;
	char byte;

	do
		length = read(pipe, &byte, 1);
	while (length < 0 && errno == EINTR);
	if (length == 1)
		_exit(TOOL_YES);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	/* Ended before it was ready, if not with a status then by a signal. */
	_exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status)
						       : TOOL_SYSTEM);
}

int watch_daemon_begin(struct watch_daemon *daemon)
{
	int ends[2];
	pid_t child;

	daemon->pipe = -1;
	if (!daemon->asked)
		return 0;
	close_from(STDERR_FILENO + 1);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	child = fork();
	if (child < 0)
		return errno;
	if (child > 0) {
		close(ends[1]);
		await(ends[0], child);
	}
	close(ends[0]);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setsid();
	daemon->pipe = ends[1];
	return 0;
}

static void let_go(int fd, int null)
{
	struct stat status;

	if (fd == STDIN_FILENO || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		dup2(null, fd);
}

void watch_daemon_ready(struct watch_daemon *daemon)
{
	int null;

	if (daemon->pipe < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		let_go(fd, null);
	if (null > STDERR_FILENO)
		close(null);
	prctl(PR_SET_PDEATHSIG, 0);
	/* The parent may be gone: nobody waits then. */
	if (write(daemon->pipe, "r", 1) < 0)
		errno = 0;
	close(daemon->pipe);
	daemon->pipe = -1;
}
