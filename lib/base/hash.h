/*
 * SipHash-2-4 with 128 and 64 bit results (Aumasson and Bernstein, 2012): a keyed hash,
 * so that who does not know the key cannot test guesses against it.
 */
#ifndef POOL_BASE_HASH_H
#define POOL_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool_hash_key {
	uint8_t bytes[16];
};

struct pool_hash {
	uint64_t high;
	uint64_t low;
};

static inline bool pool_hash_equal(const struct pool_hash *a, const struct pool_hash *b)
{
	return a->high == b->high && a->low == b->low;
}

struct pool_hash pool_hash_128(
	const struct pool_hash_key *key, const void *bytes, size_t length);
/* The low half; <key> may be NULL for a key of zeroes. */
uint64_t pool_hash_64(const struct pool_hash_key *key, const void *bytes, size_t length);

#endif
