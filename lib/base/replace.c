/* Files that are replaced whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"
#include "base/replace.h"
#include "base/text.h"

int pool_replace_check(const char *what, const char *path, struct pool_fault *fault)
{
	struct stat status;

	if (lstat(path, &status) != 0 || S_ISREG(status.st_mode))
		return 0;
	return pool_fault_set(fault, POOL_EARGUMENT, 0,
		"%s '%s' is no regular file: it would be replaced by one", what, path);
}

/* What a file is to be like. */
struct likeness {
	mode_t mode;
	bool has_group;
	gid_t group;
};

/* Whoever put another file there has no say in who can read or write what we write. */
static struct likeness find_likeness(const char *path, mode_t mode)
{
	struct stat status;

	if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode) ||
		status.st_uid != geteuid() || status.st_nlink != 1)
		return (struct likeness){.mode = mode};
	return (struct likeness){
		.mode = status.st_mode & 0666, .has_group = true, .group = status.st_gid};
}

/* errno, or 0. */
static int fill(int fd, const void *bytes, size_t length, const struct likeness *likeness)
{
	mode_t mode = likeness->mode;
	struct stat status;
	int error;

	if (likeness->has_group && fstat(fd, &status) == 0 &&
		status.st_gid != likeness->group &&
		fchown(fd, (uid_t)-1, likeness->group) != 0)
		mode &= ~(mode_t)S_IRWXG;
	error = pool_io_write(fd, bytes, length);
	if (!error && fchmod(fd, mode) != 0)
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	return error;
}

int pool_replace_file(const char *what, const char *path, const void *bytes,
	size_t length, mode_t mode, struct pool_fault *fault)
{
	const struct likeness likeness = find_likeness(path, mode);
	struct pool_text beside = POOL_TEXT_EMPTY;
	int error, fd;

	if (pool_replace_check(what, path, fault) != 0)
		return POOL_EARGUMENT;
	pool_text_addf(&beside, "%s.XXXXXX", path);
	if (beside.broken)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	fd = mkostemp(beside.bytes, O_CLOEXEC);
	error = fd < 0 ? errno : fill(fd, bytes, length, &likeness);
	if (!error && rename(beside.bytes, path) != 0)
		error = errno;
	if (error && fd >= 0)
		unlink(beside.bytes);
	pool_text_release(&beside);
	return error ? pool_fault_set(fault, POOL_ESYSTEM, error, "cannot write %s '%s'",
			       what, path)
		     : 0;
}
