/* Limits of descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "probe/descriptors.h"

enum { RESERVE = 32, LIMIT_MAX = 65536 };

void pool_descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= LIMIT_MAX)
		return;
	limit.rlim_cur = limit.rlim_max < LIMIT_MAX ? limit.rlim_max : LIMIT_MAX;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* The lowest free descriptor, which is about the number of open ones; -1 without any. */
static int find_free(void)
{
	int fd = open("/", O_PATH | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	/* The number is what is wanted, not the file. */
	/* cppcheck-suppress deallocret */
	return fd;
}

size_t pool_descriptors_allow(size_t each)
{
	struct rlimit limit;
	int used = find_free();
	size_t taken = (used < 0 ? 0 : (size_t)used) + RESERVE;

	if (used < 0 || getrlimit(RLIMIT_NOFILE, &limit) ||
		limit.rlim_cur <= taken + each)
		return 1;
	return (limit.rlim_cur - taken) / each;
}

int pool_descriptors_error(void)
{
	/* cppcheck-suppress leakReturnValNotUsed */
	return find_free() < 0 && (errno == EMFILE || errno == ENFILE) ? errno : 0;
}
