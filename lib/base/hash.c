/* SipHash-2-4, written from the paper; the reference vectors are a unit test. */
#include <endian.h>
#include <string.h>
#include "base/hash.h"

struct sip {
	uint64_t v[4];
};

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void rounds(struct sip *sip, int count)
{
	uint64_t *v = sip->v;

	while (count--) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static uint64_t load(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return le64toh(word);
}

static uint64_t fold(const struct sip *sip)
{
	return sip->v[0] ^ sip->v[1] ^ sip->v[2] ^ sip->v[3];
}

struct pool_hash pool_hash_128(
	const struct pool_hash_key *key, const void *bytes, size_t length)
{
	uint64_t k0 = load(key->bytes), k1 = load(key->bytes + 8);
	struct sip sip = {{UINT64_C(0x736f6d6570736575) ^ k0,
		UINT64_C(0x646f72616e646f6d) ^ k1 ^ 0xee,
		UINT64_C(0x6c7967656e657261) ^ k0, UINT64_C(0x7465646279746573) ^ k1}};
	const uint8_t *at = bytes;
	uint8_t tail[8] = {0};
	struct pool_hash out;
	size_t left = length;

	for (; left >= 8; left -= 8, at += 8) {
		uint64_t word = load(at);

		sip.v[3] ^= word;
		rounds(&sip, 2);
		sip.v[0] ^= word;
	}
	if (left)
		memcpy(tail, at, left);
	tail[7] = (uint8_t)length;
	sip.v[3] ^= load(tail);
	rounds(&sip, 2);
	sip.v[0] ^= load(tail);
	sip.v[2] ^= 0xee;
	rounds(&sip, 4);
	out.low = fold(&sip);
	sip.v[1] ^= 0xdd;
	rounds(&sip, 4);
	out.high = fold(&sip);
	return out;
}

uint64_t pool_hash_64(const struct pool_hash_key *key, const void *bytes, size_t length)
{
	static const struct pool_hash_key zero;

	return pool_hash_128(key ? key : &zero, bytes, length).low;
}
