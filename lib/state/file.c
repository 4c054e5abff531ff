/* The state file as a file: where it is, whether it is safe, its lock, and the copy that
 * is kept of a corrupt one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include <linux/magic.h>
#include "base/io.h"
#include "base/random.h"
#include "base/text.h"
#include "state/image.h"

/* --- names ---------------------------------------------------------------------- */

/* Removes "//", "/./" and "/../" from an absolute path, in place. */
static void tidy(char *path)
{
	char *out = path;

	for (const char *at = path; *at;) {
		size_t length;

		while (*at == '/')
			at++;
		length = strcspn(at, "/");
		if (length == 0)
			break;
		if (length == 2 && memcmp(at, "..", 2) == 0) {
			while (out > path && *--out != '/')
				;
		} else if (!(length == 1 && *at == '.')) {
			*out++ = '/';
			memmove(out, at, length);
			out += length;
		}
		at += length;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
}

char *pool_state_absolute(const char *file)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	char *path, *folder;

	if (strcmp(file, POOL_FILE_ENVIRONMENT) == 0)
		return strdup(file);
	if (file[0] != '/') {
		folder = getcwd(NULL, 0);
		if (!folder)
			return NULL;
		pool_text_add(&text, folder);
		pool_text_add(&text, "/");
		free(folder);
	}
	pool_text_add(&text, file);
	path = pool_text_take(&text);
	if (path)
		tidy(path);
	return path;
}

char *pool_state_path(const char *where, const char *pool_file)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	size_t length = strlen(where);
	struct stat status;
	const char *name;
	char *absolute;

	if (!(length && where[length - 1] == '/') &&
		!(stat(where, &status) == 0 && S_ISDIR(status.st_mode)))
		return strdup(where);
	absolute = pool_state_absolute(pool_file);
	if (!absolute)
		return NULL;
	name = strrchr(absolute, '/');
	name = name ? name + 1 : "environment";
	length = strcspn(name, ".");
	pool_text_addf(&text, "%s%s%.*s-%016llx.state", where,
		where[strlen(where) - 1] == '/' ? "" : "/",
		(int)(length < 64 ? length : 64), name,
		(unsigned long long)pool_hash_64(NULL, absolute, strlen(absolute)));
	free(absolute);
	return pool_text_take(&text);
}

/* --- safety --------------------------------------------------------------------- */

static bool network_file_system(int fd)
{
	static const unsigned long kinds[] = {
		NFS_SUPER_MAGIC,
		SMB_SUPER_MAGIC,
		CIFS_SUPER_MAGIC,
		SMB2_SUPER_MAGIC,
		V9FS_MAGIC,
		AFS_SUPER_MAGIC,
		AFS_FS_MAGIC,
		CODA_SUPER_MAGIC,
		CEPH_SUPER_MAGIC,
		OCFS2_SUPER_MAGIC,
	};
	struct statfs status;

	if (fstatfs(fd, &status) != 0)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((unsigned long)status.f_type == kinds[i])
			return true;
	return false;
}

/*
 * A folder is safe if only root and we can put names into it, or if it is sticky: there
 * others can add names but not replace ours. One that a group shares must be so: in one
 * that is not, every member can rename root's files to what they are not.
 */
static const char *find_fault(const struct stat *status)
{
	if (!S_ISDIR(status->st_mode))
		return "it is not a folder";
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return "it belongs to neither root nor you";
	if (status->st_mode & S_ISVTX)
		return NULL;
	if (status->st_mode & S_IWOTH)
		return "everybody can replace files of others in it (chmod +t keeps them "
		       "from that)";
	if (status->st_mode & S_IWGRP)
		return "its group can replace files of others in it (chmod +t keeps it "
		       "from that)";
	return NULL;
}

/* Every folder from <folder> up to the root; it is cut off on the way. */
static int check_all(char *folder, struct pool_fault *fault)
{
	const char *wrong;
	struct stat status;

	for (;;) {
		char *slash;

		if (stat(folder, &status) != 0)
			return pool_fault_set(fault, POOL_ENOFILE, errno,
				"cannot use state folder '%s'", folder);
		wrong = find_fault(&status);
		if (wrong)
			return pool_fault_set(fault, POOL_EUNSAFE, 0,
				"state folder '%s' is unsafe: %s", folder, wrong);
		if (!folder[1])
			return 0;
		slash = strrchr(folder, '/');
		slash[slash == folder] = '\0';
	}
}

/* Where the folder of <path> really is: ".." behind a link is not what it is spelt as.
 * NULL with ENOMEM, or why there is none. */
static char *real_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder, *real;

	if (!slash)
		return realpath(".", NULL);
	folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	real = folder ? realpath(folder, NULL) : NULL;
	free(folder);
	return real;
}

int pool_state_check_folders(const char *path, struct pool_fault *fault)
{
	char *folder = pool_state_absolute(path), *real;
	int error = 0;

	if (!folder && errno == ENOENT)
		return pool_fault_set(fault, POOL_ENOFILE, 0,
			"cannot find '%s': the working folder is gone", path);
	errno = 0;
	real = folder ? real_folder(path) : NULL;
	if (!real && (!folder || errno == ENOMEM)) {
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	} else {
		char *slash = strrchr(folder, '/');

		slash[slash == folder] = '\0';
		/* The links on the way, if there are any, and the place that they lead
		 * to. */
		if (!real || strcmp(folder, real) != 0)
			error = check_all(folder, fault);
		if (!error && real)
			error = check_all(real, fault);
	}
	free(folder);
	free(real);
	return error;
}

bool pool_state_is_shared(const char *path)
{
	char *folder = pool_state_absolute(path);
	struct stat status;
	bool shared;

	if (!folder)
		return false;
	*(strrchr(folder, '/') + 1) = '\0';
	shared = stat(folder, &status) == 0 && (status.st_mode & S_ISGID) &&
		(status.st_mode & S_IWGRP) && !(status.st_mode & S_IWOTH);
	free(folder);
	return shared;
}

const char *pool_state_find_exposure(const struct stat *status)
{
	if (status->st_mode & S_IWOTH)
		return "everybody can write it (chmod o-w it)";
	return status->st_nlink != 1 ? "it has a second name" : NULL;
}

int pool_state_check_file(int fd, const char *path, struct pool_fault *fault)
{
	const char *exposure;
	struct stat status;

	if (fstat(fd, &status) != 0)
		return pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot examine '%s'", path);
	if (!S_ISREG(status.st_mode))
		return pool_fault_set(
			fault, POOL_EFORMAT, 0, "'%s' is not a regular file", path);
	exposure = pool_state_find_exposure(&status);
	if (exposure)
		return pool_fault_set(fault, POOL_EUNSAFE, 0,
			"state file '%s' is unsafe: %s", path, exposure);
	/* In a sticky folder anybody may have put it there before us. */
	if (status.st_uid != 0 && status.st_uid != geteuid() &&
		!pool_state_is_shared(path))
		return pool_fault_set(fault, POOL_EUNSAFE, 0,
			"state file '%s' is somebody else's", path);
	if (network_file_system(fd))
		return pool_fault_set(fault, POOL_EUNSAFE, 0,
			"state file '%s' is on a network file system, where locks do not "
			"hold",
			path);
	return 0;
}

/* --- opening -------------------------------------------------------------------- */

/* A folder shared with a group makes shared files, whatever the umask of who came first.
 */
void pool_state_share_file(int fd, const char *path)
{
	if (pool_state_is_shared(path) && fchmod(fd, 0660) != 0)
		errno = 0;
}

/* Whether the system failed, not the name: it has no inode, block or descriptor left. */
static bool is_of_system(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE ||
		error == ENOMEM || error == EIO;
}

int pool_state_tell_open(
	const char *what, const char *path, int code, int error, struct pool_fault *fault)
{
	struct stat status;

	if (error == ELOOP && lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
		return pool_fault_set(fault, code, 0,
			"cannot open %s '%s': it is a symbolic link, which is not "
			"followed",
			what, path);
	return pool_fault_set(fault, code, error, "cannot open %s '%s'", what, path);
}

static int open_file(struct pool_state *state, struct pool_fault *fault)
{
	const int flags = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;

	state->writable = true;
	/* Without O_CREAT first: protected_regular refuses it for files of others in
	 * sticky folders, even where they may be written. */
	state->fd = open(state->path, O_RDWR | flags);
	if (state->fd < 0 && errno == ENOENT) {
		state->fd = open(state->path, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
		if (state->fd >= 0)
			pool_state_share_file(state->fd, state->path);
		else if (errno == EEXIST)
			state->fd = open(state->path, O_RDWR | flags);
	}
	if (state->fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM)) {
		state->denied = errno;
		state->writable = false;
		state->fd = open(state->path, O_RDONLY | flags);
		errno = state->denied;
	}
	if (state->fd < 0)
		return pool_state_tell_open("state file", state->path,
			is_of_system(errno) ? POOL_ESYSTEM : POOL_ENOFILE, errno, fault);
	return pool_state_check_file(state->fd, state->path, fault);
}

int pool_state_open(struct pool_state **out, const char *path, const char *pool_file,
	struct pool_fault *fault)
{
	int error = pool_state_check_folders(path, fault);

	return error ? error : pool_state_open_checked(out, path, pool_file, fault);
}

int pool_state_open_checked(struct pool_state **out, const char *path,
	const char *pool_file, struct pool_fault *fault)
{
	struct pool_state *state = calloc(1, sizeof(*state));
	int error = POOL_ENOMEM;

	if (!state)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	state->fd = state->ask_fd = -1;
	state->path = strdup(path);
	state->pool_file = strdup(pool_file);
	if (!state->path || !state->pool_file) {
		pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
		goto out;
	}
	if (strlen(pool_file) >= POOL_STATE_NAME_MAX) {
		error = pool_fault_set(fault, POOL_EUNSAFE, 0,
			"the path of the pool file is too long for a state file");
		goto out;
	}
	error = open_file(state, fault);
	if (error)
		goto out;
	state->ask_fd = state->fd;
	state->clock_id = pool_clock_id();
	*out = state;
	state = NULL;
out:
	pool_state_free(state);
	return error;
}

static void unmap(struct pool_state *state)
{
	pool_guard_watch(state->guard, NULL, 0);
	if (state->map)
		munmap(state->map, state->length);
	state->map = NULL;
	state->length = 0;
}

void pool_state_free(struct pool_state *state)
{
	if (!state)
		return;
	if (state->locked)
		pool_state_unlock(state);
	pool_image_forget(state);
	unmap(state);
	if (state->ask_fd >= 0 && state->ask_fd != state->fd)
		close(state->ask_fd);
	if (state->fd >= 0)
		close(state->fd);
	free(state->path);
	free(state->pool_file);
	free(state);
}

/* --- the lock ------------------------------------------------------------------- */

/* Who holds the lock, from /proc/locks: " (held by process N)", or nothing. */
static void name_holder(int fd, char *out, size_t size)
{
	char line[256];
	struct stat status;
	FILE *locks;

	out[0] = '\0';
	if (fstat(fd, &status) != 0)
		return;
	locks = fopen("/proc/locks", "re");
	if (!locks)
		return;
	while (fgets(line, sizeof(line), locks)) {
		unsigned long long inode;
		int pid;

		if (sscanf(line, "%*s FLOCK %*s WRITE %d %*x:%*x:%llu", &pid, &inode) ==
				2 &&
			inode == status.st_ino && pid > 0) {
			snprintf(out, size, " (held by process %d)", pid);
			break;
		}
	}
	fclose(locks);
}

int pool_state_wait(
	struct pool_state *state, int64_t timeout_ms, struct pool_fault *fault)
{
	struct timespec pause = {0, 20000};
	struct pool_random random;
	struct pool_now now;
	int64_t deadline_ns;
	char holder[48];

	if (flock(state->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	pool_clock_get(&now);
	deadline_ns = now.boot_ns + timeout_ms * POOL_NS_PER_MS;
	random.state = (uint64_t)now.boot_ns ^ (uint64_t)getpid() << 32;
	while (now.boot_ns < deadline_ns) {
		/* 10 to 30, 20 to 60, ... us, then around 1 ms: soon enough, without a
		 * storm. */
		long base = pause.tv_nsec;

		pause.tv_nsec =
			base / 2 + (long)pool_random_below(&random, (uint64_t)base);
		nanosleep(&pause, NULL);
		pause.tv_nsec = base < 640000 ? base * 2 : base;
		if (flock(state->fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return pool_fault_set(fault, POOL_ESYSTEM, errno,
				"cannot lock '%s'", state->path);
		pool_clock_get(&now);
	}
	name_holder(state->fd, holder, sizeof(holder));
	return pool_fault_set(fault, POOL_EBUSY, 0,
		"state file '%s' is locked%s: no lock within %lld ms", state->path,
		holder, (long long)timeout_ms);
}

/* Whether what is mapped has lost a part of the file, and has zeroes there. */
static bool is_cut(const struct pool_state *state)
{
	return state->guard && state->guard->mended != state->mended;
}

size_t pool_state_usable_length(const struct stat *status)
{
	return (uint64_t)status->st_size < POOL_STATE_LENGTH_MAX
		? (size_t)status->st_size
		: (size_t)POOL_STATE_LENGTH_MAX;
}

/* Map the file as it is now: all of it, up to what a state may be long; 0, or
 * POOL_ESYSTEM. */
static int map_file(struct pool_state *state, struct pool_fault *fault)
{
	struct stat status;
	size_t length;
	void *map;

	if (fstat(state->fd, &status) != 0)
		return pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot examine '%s'", state->path);
	if (status.st_nlink == 0)
		return pool_fault_set(fault, POOL_ESTALE, 0,
			"state file '%s' was deleted", state->path);
	length = pool_state_usable_length(&status);
	if (state->map && state->length == length && !is_cut(state))
		return 0;
	unmap(state);
	if (state->guard)
		state->mended = state->guard->mended;
	if (length == 0)
		return 0;
	map = mmap(NULL, length, PROT_READ | (state->writable ? PROT_WRITE : 0),
		MAP_SHARED, state->fd, 0);
	if (map == MAP_FAILED)
		return pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot map '%s'", state->path);
	state->map = map;
	state->length = length;
	pool_guard_watch(state->guard, map, length);
	return 0;
}

int pool_state_lock(
	struct pool_state *state, int64_t timeout_ms, struct pool_fault *fault)
{
	int error = pool_state_wait(state, timeout_ms, fault);

	if (error)
		return error;
	state->locked = true;
	error = map_file(state, fault);
	if (!error)
		error = pool_image_judge(state, fault);
	if (error)
		pool_state_unlock(state);
	return error;
}

bool pool_state_peek(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_snap_leaf *leaf, int64_t now_ns, uint64_t *ready)
{
	return map_file(state, NULL) == 0 && state->map &&
		pool_image_peek(state, snapshot, leaf, now_ns, ready);
}

int pool_state_extend(struct pool_state *state, uint64_t length, struct pool_fault *fault)
{
	int error;

	if (length <= state->length && !is_cut(state))
		return 0;
	if (state->fd < 0)
		return pool_copy_extend(state, length, fault);
	if (length > POOL_STATE_LENGTH_MAX)
		return pool_fault_set(fault, POOL_ESYSTEM, EFBIG,
			"cannot make state file '%s' larger", state->path);
	/* Allocated, not only longer: a hole on a full disk would kill us by SIGBUS. */
	do
		error = posix_fallocate(state->fd, 0, (off_t)length);
	while (error == EINTR);
	if (error)
		return pool_fault_set(fault, POOL_ESYSTEM, error,
			"cannot make state file '%s' larger", state->path);
	error = map_file(state, fault);
	/* Who may write it may have cut it short in between. */
	if (!error && state->length < length)
		error = pool_fault_set(fault, POOL_ESYSTEM, 0,
			"state file '%s' was cut short by another process", state->path);
	return error;
}

void pool_state_unlock(struct pool_state *state)
{
	state->was_cut |= is_cut(state);
	pool_image_forget(state);
	state->locked = false;
	if (state->fd >= 0)
		flock(state->fd, LOCK_UN);
}

/* --- keeping a corrupt file ----------------------------------------------------- */

enum { KEPT_MAX = 128 << 20 };

/* In front of every copy. */
static const char corrupt_line[] =
	"proxypool: a corrupt state file, which begins behind this line\n";

/* From the file and not from the mapping: it may be cut short meanwhile. Its holes stay
 * holes: somebody may have made it long. */
static int copy_out(int from, int to)
{
	const off_t line = sizeof(corrupt_line) - 1;
	char bytes[16384];
	struct stat status;
	off_t at = 0, length;
	size_t got = 1;
	int error = pool_io_write_at(to, corrupt_line, (size_t)line, 0);

	if (fstat(from, &status) != 0)
		return POOL_ESYSTEM;
	while (!error && got && (at = lseek(from, at, SEEK_DATA)) >= 0 && at < KEPT_MAX) {
		error = pool_io_read_at(from, bytes, sizeof(bytes), at, &got);
		if (!error)
			error = pool_io_write_at(to, bytes, got, line + at);
		at += (off_t)got;
	}
	/* ENXIO: no data stands behind this place. */
	if (at < 0 && errno != ENXIO)
		return POOL_ESYSTEM;
	length = status.st_size < KEPT_MAX ? status.st_size : KEPT_MAX;
	return error || ftruncate(to, line + length) != 0 ? POOL_ESYSTEM : 0;
}

int pool_state_keep_corrupt(const struct pool_state *state)
{
	struct pool_text name = POOL_TEXT_EMPTY, beside_name = POOL_TEXT_EMPTY;
	char *path, *beside;
	int fd = -1, error = POOL_ESYSTEM, why = ENOMEM;

	pool_text_addf(&name, "%s.corrupt", state->path);
	pool_text_addf(&beside_name, "%s.corrupt.new", state->path);
	path = pool_text_take(&name);
	beside = pool_text_take(&beside_name);
	if (!path || !beside)
		goto out;
	/* Under the state's lock: what is there is left of a killed process. */
	unlink(beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	why = errno;
	if (fd < 0)
		goto out;
	error = copy_out(state->fd, fd);
	why = errno;
	if (close(fd) != 0 && !error) {
		error = POOL_ESYSTEM;
		why = errno;
	}
	/* An earlier copy goes only when the new one is whole. */
	if (!error && rename(beside, path) != 0) {
		error = POOL_ESYSTEM;
		why = errno;
	}
	if (error)
		unlink(beside);
out:
	free(path);
	free(beside);
	errno = why;
	return error;
}
