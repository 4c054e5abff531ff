/*
 * Faults for LD_PRELOAD: lets the N-th call of some functions fail.
 *
 *	FAULT_CALLS=memory,open FAULT_AT=3 FAULT_ERROR=ENOMEM FAULT_HIT=hit \
 *		LD_PRELOAD=build/tests/fault.so pool-select pool.json
 *
 * FAULT_CALLS  names of the table below, separated by commas; they are counted together
 * FAULT_AT     the number of the call that fails, from 1
 * FAULT_ALL    set: all from that one on fail
 * FAULT_ERROR  the errno, by name; or what ends the process at that place: SEGV (nobody's
 *              address), BUS (a mapping whose file was cut short), STACK (calls without
 *              end)
 * FAULT_HIT    a file that is made when a call fails: without it N was more than there
 *              are calls
 *
 * Only the process that was started with these variables counts, none that it starts. A
 * close that fails closes all the same, as on Linux.
 */
/* The tools call open64() and others of that kind: both names are wrapped, by hand. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static struct {
	const char *calls; /* NULL: not begun, or none */
	long at, count;
	int all, error;
	const char *kind; /* SEGV, BUS, STACK, or NULL */
	const char *hit;
	pid_t pid;
} plan;

static const struct {
	const char *name;
	int number;
} errors[] = {{"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EINTR", EINTR},
	{"EMFILE", EMFILE}, {"ENFILE", ENFILE}, {"EACCES", EACCES}, {"EPERM", EPERM},
	{"EROFS", EROFS}, {"ENOLCK", ENOLCK}, {"EAGAIN", EAGAIN}, {"EDQUOT", EDQUOT},
	{"ENOSYS", ENOSYS}, {"EINVAL", EINVAL}, {"ENOENT", ENOENT}};

/* --- when ------------------------------------------------------------------------- */

static void mark_hit(void)
{
	long fd = plan.hit ? syscall(SYS_openat, AT_FDCWD, plan.hit,
				     O_CREAT | O_WRONLY | O_APPEND, 0600)
			   : -1;

	if (fd < 0)
		return;
	syscall(SYS_write, fd, "x", 1L);
	syscall(SYS_close, fd);
}

/* As deep as the stack is, and deeper. */
static long overflow(long depth)
{
	volatile char here[4096];

	here[0] = (char)depth;
	return depth ? overflow(depth - 1) + here[0] : 0;
}

static void crash(void)
{
	volatile char *volatile nowhere = (volatile char *)8, *map;
	int fd;

	if (strcmp(plan.kind, "STACK") == 0)
		overflow(1L << 30);
	if (strcmp(plan.kind, "BUS") == 0) {
		fd = (int)syscall(SYS_memfd_create, "cut", 0);
		syscall(SYS_ftruncate, fd, 4096L);
		map = (volatile char *)syscall(
			SYS_mmap, NULL, 4096L, PROT_READ, MAP_SHARED, fd, 0L);
		syscall(SYS_ftruncate, fd, 0L);
		(void)map[0];
	}
	*nowhere = 0;
}

static int is_named(const char *name)
{
	const size_t length = strlen(name);

	for (const char *at = plan.calls; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, length) == 0 && (!at[length] || at[length] == ','))
			return 1;
	}
	return 0;
}

/* Whether this call of <name> is to fail, errno being set then. */
static int fails(const char *name)
{
	if (!plan.calls || !is_named(name) || syscall(SYS_getpid) != plan.pid)
		return 0;
	plan.count++;
	if (plan.count != plan.at && !(plan.all && plan.count > plan.at))
		return 0;
	mark_hit();
	if (plan.kind)
		crash();
	errno = plan.error;
	return 1;
}

static __attribute__((constructor)) void begin(void)
{
	const char *calls = getenv("FAULT_CALLS"), *at = getenv("FAULT_AT");
	const char *error = getenv("FAULT_ERROR");

	plan.at = at ? atol(at) : 0;
	plan.all = getenv("FAULT_ALL") != NULL;
	plan.hit = getenv("FAULT_HIT");
	plan.pid = getpid();
	plan.error = ENOMEM;
	for (size_t i = 0; error && i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, error) == 0)
			plan.error = errors[i].number;
	if (error && error[0] != 'E')
		plan.kind = error;
	unsetenv("LD_PRELOAD");
	plan.calls = calls;
}

/* --- what ------------------------------------------------------------------------- */

static void *find(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

void *malloc(size_t size)
{
	return fails("memory") ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails("memory") ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails("memory") ? NULL : __libc_realloc(old, size);
}

/* AS(label, answer of a failure, type, name, parameters, arguments) */
#define AS(label, bad, type, name, parameters, arguments)      \
	type name parameters;                                  \
	type name parameters                                   \
	{                                                      \
		static type(*real) parameters;                 \
                                                               \
		if (fails(label))                              \
			return bad;                            \
		if (!real)                                     \
			*(void **)(void *)&real = find(#name); \
		return real arguments;                         \
	}
#define CALL(bad, type, name, parameters, arguments) \
	AS(#name, bad, type, name, parameters, arguments)
#define CALL64(bad, type, name, parameters, arguments)    \
	AS(#name, bad, type, name, parameters, arguments) \
	AS(#name, bad, type, name##64, parameters, arguments)

CALL(-1, ssize_t, read, (int fd, void *bytes, size_t size), (fd, bytes, size))
AS("read", -1, ssize_t, __read_chk, (int fd, void *bytes, size_t size, size_t room),
	(fd, bytes, size, room))
CALL64(-1, ssize_t, pread, (int fd, void *bytes, size_t size, off_t at),
	(fd, bytes, size, at))
CALL(-1, ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
CALL64(-1, ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t at),
	(fd, bytes, size, at))
CALL64(MAP_FAILED, void *, mmap,
	(void *where, size_t size, int may, int flags, int fd, off_t at),
	(where, size, may, flags, fd, at))
CALL(-1, int, flock, (int fd, int operation), (fd, operation))
CALL(-1, int, fstat, (int fd, struct stat *out), (fd, out))
CALL(-1, int, stat, (const char *path, struct stat *out), (path, out))
CALL(-1, int, lstat, (const char *path, struct stat *out), (path, out))
AS("fstat", -1, int, fstat64, (int fd, struct stat64 *out), (fd, out))
AS("stat", -1, int, stat64, (const char *path, struct stat64 *out), (path, out))
AS("lstat", -1, int, lstat64, (const char *path, struct stat64 *out), (path, out))
CALL(-1, int, access, (const char *path, int mode), (path, mode))
CALL(-1, ssize_t, readlink, (const char *path, char *out, size_t size), (path, out, size))
CALL64(NULL, FILE *, fopen, (const char *path, const char *mode), (path, mode))
CALL(-1, int, rename, (const char *from, const char *to), (from, to))
CALL(-1, int, unlink, (const char *path), (path))
CALL(-1, int, mkdir, (const char *path, mode_t mode), (path, mode))
CALL(-1, int, fsync, (int fd), (fd))
CALL(-1, int, fdatasync, (int fd), (fd))
CALL64(-1, int, ftruncate, (int fd, off_t size), (fd, size))
CALL64(-1, off_t, lseek, (int fd, off_t at, int whence), (fd, at, whence))
CALL(-1, int, fchmod, (int fd, mode_t mode), (fd, mode))
CALL(-1, int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
CALL(NULL, char *, getcwd, (char *bytes, size_t size), (bytes, size))
CALL(NULL, char *, realpath, (const char *path, char *out), (path, out))
AS("realpath", NULL, char *, __realpath_chk, (const char *path, char *out, size_t room),
	(path, out, room))
CALL(NULL, void *, dlopen, (const char *file, int flags), (file, flags))
CALL(-1, int, poll, (struct pollfd * list, nfds_t count, int ms), (list, count, ms))
CALL(-1, int, pipe2, (int ends[2], int flags), (ends, flags))
CALL(-1, int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))
CALL(-1, ssize_t, getrandom, (void *bytes, size_t size, unsigned flags),
	(bytes, size, flags))
CALL(-1, int, epoll_ctl, (int fd, int operation, int of, struct epoll_event *event),
	(fd, operation, of, event))
CALL(-1, pid_t, fork, (void), ())
CALL(-1, int, dup2, (int from, int to), (from, to))

/* They hand their error back. */
#define FALLOCATE(name)                                        \
	int name(int fd, off_t at, off_t length);              \
	int name(int fd, off_t at, off_t length)               \
	{                                                      \
		static int (*real)(int, off_t, off_t);         \
                                                               \
		if (fails("posix_fallocate"))                  \
			return errno;                          \
		if (!real)                                     \
			*(void **)(void *)&real = find(#name); \
		return real(fd, at, length);                   \
	}

FALLOCATE(posix_fallocate)
FALLOCATE(posix_fallocate64)

int close(int fd)
{
	int failed = fails("close"), error = errno;
	long done = syscall(SYS_close, fd);

	if (failed)
		errno = error;
	return failed ? -1 : (int)done;
}

static mode_t mode_of(int flags, va_list arguments)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                                            \
	int name(const char *path, int flags, ...);                           \
	int name(const char *path, int flags, ...)                            \
	{                                                                     \
		va_list arguments;                                            \
		mode_t mode;                                                  \
                                                                              \
		va_start(arguments, flags);                                   \
		mode = mode_of(flags, arguments);                             \
		va_end(arguments);                                            \
		if (fails("open"))                                            \
			return -1;                                            \
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode); \
	}

OPEN(open)
OPEN(open64)

#define FCNTL(name)                                                    \
	int name(int fd, int command, ...);                            \
	int name(int fd, int command, ...)                             \
	{                                                              \
		va_list arguments;                                     \
		void *argument;                                        \
                                                                       \
		va_start(arguments, command);                          \
		argument = va_arg(arguments, void *);                  \
		va_end(arguments);                                     \
		if (fails("fcntl"))                                    \
			return -1;                                     \
		return (int)syscall(SYS_fcntl, fd, command, argument); \
	}

FCNTL(fcntl)
FCNTL(fcntl64)
