/*
 * Random numbers: a small generator that is seeded by the caller, and seeds from the
 * kernel. For choices and jitter, not for keys.
 */
#ifndef POOL_BASE_RANDOM_H
#define POOL_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* State of the generator (SplitMix64; Steele, Lea and Flood, OOPSLA 2014). Any value is
 * good. */
struct pool_random {
	uint64_t state;
};

/* Scatters <x>: one to one, each bit of it into all the others. */
static inline uint64_t pool_random_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint64_t pool_random_next(struct pool_random *random);
/* Evenly in 0..<bound> - 1; <bound> at least 1. */
uint64_t pool_random_below(struct pool_random *random, uint64_t bound);
/* Fill <bytes> from the kernel; 0 or POOL_ESYSTEM. */
int pool_random_bytes(void *bytes, size_t length);

#endif
