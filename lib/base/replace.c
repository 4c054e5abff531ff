/* Replacing files: written beside, then renamed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/replace.h"
#include "base/text.h"

bool pool_write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

/* Into <fd>, which it closes; 0 or errno. */
static int fill(int fd, const char *bytes, size_t length, mode_t mode, bool sync)
{
	int error = 0;

	if (!pool_write_all(fd, bytes, length) || fchmod(fd, mode) != 0 ||
		(sync && fsync(fd) != 0))
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	return error;
}

int pool_file_replace(const char *path, const char *what, const char *bytes,
	size_t length, mode_t mode, bool sync, struct pool_fault *fault)
{
	struct pool_text beside = POOL_TEXT_EMPTY;
	struct stat status;
	int fd, error;

	if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"%s '%s' is no regular file: it would be replaced by one", what,
			path);
	pool_text_addf(&beside, "%s.XXXXXX", path);
	if (beside.broken)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	fd = mkostemp(beside.bytes, O_CLOEXEC);
	error = fd < 0 ? errno : fill(fd, bytes, length, mode, sync);
	if (!error && rename(beside.bytes, path) != 0)
		error = errno;
	if (error && fd >= 0)
		unlink(beside.bytes);
	pool_text_release(&beside);
	return error ? pool_fault_set(fault, POOL_ESYSTEM, error, "cannot write %s '%s'",
			       what, path)
		     : 0;
}
