/* Events on standard output. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "watch_print.h"

/* syslog(3) priorities. */
static const char priorities[] = {
	[POOL_LEVEL_ERROR] = '3',
	[POOL_LEVEL_WARNING] = '4',
	[POOL_LEVEL_NOTICE] = '5',
	[POOL_LEVEL_INFO] = '6',
	[POOL_LEVEL_DEBUG] = '7',
};

bool watch_is_journal(const char *stream)
{
	unsigned long long device, inode;
	struct stat status;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
		fstat(STDOUT_FILENO, &status) == 0 && status.st_dev == device &&
		status.st_ino == inode;
}

int watch_print(const struct watch_printer *printer, const struct pool_event *event)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
	struct pool_text line = POOL_TEXT_EMPTY;
	int error = 0;

	if (printer->quiet && event->level > POOL_LEVEL_WARNING)
		return 0;
	if (printer->journal)
		pool_text_addf(&line, "<%c>", priorities[event->level]);
	if (printer->json) {
		pool_event_add_json(event, &line);
		pool_text_add(&line, "\n");
	} else {
		pool_event_add_text(event, &line);
	}
	/* A pipe that has room takes a short line whole; one without a reader says so. */
	if (!line.broken && poll(&out, 1, 0) == 1 &&
		(out.revents & (POLLOUT | POLLERR)) &&
		write(STDOUT_FILENO, line.bytes, line.length) < 0)
		error = errno;
	pool_text_release(&line);
	return error;
}
