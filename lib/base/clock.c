/* The clocks: together with the mains, the only place that asks for the time. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <fcntl.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/hash.h"

void pool_clock_get(struct pool_now *now)
{
	struct timespec boot, wall;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	now->boot_ns = (int64_t)boot.tv_sec * POOL_NS_PER_S + boot.tv_nsec;
	now->wall_s = wall.tv_sec;
}

uint64_t pool_clock_id(void)
{
	enum { PART = 64 };
	char text[2 * PART] = "", space[PART];
	ssize_t length = 0, more;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		length = read(fd, text, PART);
		close(fd);
	}
	if (length <= 0)
		return 0;
	more = readlink("/proc/self/ns/time", space, sizeof(space));
	if (more > 0) {
		memcpy(text + length, space, (size_t)more);
		length += more;
	}
	return pool_hash_64(NULL, text, (size_t)length);
}
