/* What the mains share: how they begin and end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
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

bool tool_close_stdout(void)
{
	bool failed = ferror(stdout) != 0;
	int error = 0;

	if (fclose(stdout) != 0) {
		failed = true;
		error = errno;
	}
	if (failed && error != EPIPE)
		tool_end(TOOL_SYSTEM, tool_status_word(TOOL_SYSTEM),
			"cannot write standard output: %s",
			error ? strerror(error) : "an earlier write failed");
	return !failed;
}
