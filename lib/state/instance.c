/* The lock of the one watcher. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"
#include "state/image.h"
#include "state/instance.h"

/* Of the open file, not of the process: it is free when the last descriptor is closed.
 * Unlike flock(2) it can be looked at without being taken for a moment, which would
 * disturb a claim, and look like one to others who look. */
static const struct flock whole_file = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

static char *name_lock(const char *state_path)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_text_addf(&text, "%s.watch", state_path);
	return pool_text_take(&text);
}

static int32_t read_pid(int fd)
{
	char text[24] = "";
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
	int64_t pid;

	if (length <= 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	return pool_text_to_int(text, 1, INT32_MAX, &pid) ? (int32_t)pid : -1;
}

static int open_lock(const char *path, struct pool_fault *fault)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	const char *exposure;
	struct stat status;
	int fd = open(path, flags);

	if (fd < 0 && errno == ENOENT) {
		fd = open(path, flags | O_CREAT, 0600);
		if (fd >= 0 && pool_state_is_shared(path) && fchmod(fd, 0660) != 0)
			errno = 0;
	}
	if (fd < 0)
		return pool_state_tell_open(
			"lock file", path, POOL_ENOFILE, errno, fault);
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		exposure = "it is not a regular file";
	else if (status.st_uid != 0 && status.st_uid != geteuid() &&
		!pool_state_is_shared(path))
		exposure = "it belongs to neither root nor you";
	else
		exposure = pool_state_find_exposure(&status);
	if (!exposure)
		return fd;
	close(fd);
	return pool_fault_set(
		fault, POOL_EUNSAFE, 0, "lock file '%s' is unsafe: %s", path, exposure);
}

static int refuse(int fd, const char *state_path, struct pool_fault *fault)
{
	int32_t pid = read_pid(fd);

	if (pid < 0)
		return pool_fault_set(fault, POOL_EBUSY, 0,
			"another process watches state file '%s'", state_path);
	return pool_fault_set(fault, POOL_EBUSY, 0,
		"process %d watches state file '%s' already; --reload, --restart and "
		"--stop reach it",
		(int)pid, state_path);
}

/* For people; a full disk is no reason not to watch. */
static void note_pid(int fd)
{
	char text[24];
	int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)length, 0) != length)
		errno = 0;
}

int pool_instance_claim(const char *state_path, int *fd, struct pool_fault *fault)
{
	char *path = name_lock(state_path);
	int error = 0, lock;

	if (!path)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	lock = open_lock(path, fault);
	if (lock < 0)
		error = lock;
	else if (fcntl(lock, F_OFD_SETLK, &whole_file) == 0)
		note_pid(lock);
	else if (errno == EAGAIN || errno == EACCES)
		error = refuse(lock, state_path, fault);
	else
		error = pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot lock '%s'", path);
	if (!error)
		*fd = lock;
	else if (lock >= 0)
		close(lock);
	free(path);
	return error;
}

void pool_instance_beat(int fd)
{
	if (futimens(fd, NULL) != 0)
		errno = 0;
}

/* What a crash leaves is the pid. */
void pool_instance_release(int fd)
{
	if (fd < 0)
		return;
	if (ftruncate(fd, 0) != 0)
		errno = 0;
	close(fd);
}

int64_t pool_instance_crashed_s(const char *state_path)
{
	char *path = name_lock(state_path);
	struct stat status;
	int64_t seen_s = 0;

	if (path && lstat(path, &status) == 0 && S_ISREG(status.st_mode) &&
		status.st_size > 0)
		seen_s = status.st_mtim.tv_sec;
	free(path);
	return seen_s;
}

int32_t pool_instance_find(const char *state_path)
{
	char *path = name_lock(state_path);
	int fd = path
		? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK)
		: -1;
	struct flock found = whole_file;
	const int why = errno;
	int32_t pid = 0;

	free(path);
	if (fd < 0)
		return path && why == ENOENT ? 0 : -1;
	if (fcntl(fd, F_OFD_GETLK, &found) != 0)
		pid = -1;
	else if (found.l_type != F_UNLCK)
		pid = read_pid(fd);
	close(fd);
	return pid;
}
