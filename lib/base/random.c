/* SplitMix64, and seeds from the kernel. */
#include <errno.h>
#include <sys/random.h>
#include "base/random.h"
#include "pool.h"

uint64_t pool_random_next(struct pool_random *random)
{
	return pool_random_mix(random->state += UINT64_C(0x9e3779b97f4a7c15));
}

uint64_t pool_random_below(struct pool_random *random, uint64_t bound)
{
	/* Values below this would make the low remainders likelier. */
	uint64_t unfair = -bound % bound;
	uint64_t value;

	do
		value = pool_random_next(random);
	while (value < unfair);
	return value % bound;
}

int pool_random_bytes(void *bytes, size_t length)
{
	char *at = bytes;

	while (length) {
		ssize_t got = getrandom(at, length, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return POOL_ESYSTEM;
		at += got;
		length -= (size_t)got;
	}
	return 0;
}
