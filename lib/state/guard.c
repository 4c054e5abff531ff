/* What becomes of a mapping whose file is cut short: the part that is gone is replaced.
 */
#include <sys/mman.h>
#include <unistd.h>
#include "state/image.h"

void pool_guard_watch(struct pool_guard *guard, const void *map, size_t length)
{
	if (!guard)
		return;
	guard->end = NULL;
	guard->begin = map;
	guard->end = map ? (const char *)map + length : NULL;
}

bool pool_guard_mend(struct pool_guard *guard, const void *address)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t at = (uintptr_t)address;
	/* The last page is mapped whole: one that is read in long words is read there. */
	const uintptr_t end = ((uintptr_t)guard->end + page - 1) / page * page;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
	uintptr_t from;
	void *map;

	if (at < (uintptr_t)guard->begin || at >= end)
		return false;
	/* Up to the end: what was cut off is gone there as well, and a page at a time
	 * would be a signal each. */
	from = at / page * page;
	/* cppcheck-suppress invalidFunctionArg */
	map = mmap((void *)from, end - from, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (map == MAP_FAILED)
		return false;
	guard->mended++;
	/* It is a part of the mapping that is there. */
	/* cppcheck-suppress memleak */
	return true;
}
