/* SipHash-2-4 against the vectors that its authors publish: key 00..0f, input 00..(n -
 * 1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/hash.h"

static const struct {
	size_t length;
	const char *expected; /* the 16 bytes, in the order in which they are published */
} vectors[] = {
	{0, "a3817f04ba25a8e66df67214c7550293"},
	{1, "da87c1d86b99af44347659119b22fc45"},
	{2, "8177228da4a45dc7fca38bdef60affe4"},
	{3, "9c70b60c5267a94e5f33b6b02985ed51"},
	{4, "f88164c12d9c8faf7d0f6e7c7bcd5579"},
	{5, "1368875980776f8854527a07690e9627"},
	{6, "14eeca338b208613485ea0308fd7a15e"},
	{7, "a1f1ebbed8dbc153c0b84aa61ff08239"},
	{8, "3b62a9ba6258f5610f83e264f31497b4"},
	{9, "264499060ad9baabc47f8b02bb6d71ed"},
	{15, "5493e99933b0a8117e08ec0f97cfc3d9"},
	{16, "6ee2a4ca67b054bbfd3315bf85230577"},
	{31, "2939b0183223fafc1723de4f52c43d35"},
	{63, "5150d1772f50834a503e069a973fbd7c"},
};

static void fill(struct pool_hash_key *key, uint8_t *input, size_t length)
{
	for (uint8_t i = 0; i < sizeof(key->bytes); i++)
		key->bytes[i] = i;
	for (size_t i = 0; i < length; i++)
		input[i] = (uint8_t)i;
}

/* A half as the paper writes it: least significant byte first. */
static void print_half(char *out, uint64_t half)
{
	for (int i = 0; i < 8; i++)
		sprintf(out + 2 * i, "%02x", (unsigned)(half >> (8 * i) & 0xff));
}

static void test_published_vectors(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct pool_hash_key key;
		struct pool_hash hash;
		uint8_t input[64];
		char text[33];

		fill(&key, input, sizeof(input));
		hash = pool_hash_128(&key, input, vectors[i].length);
		print_half(text, hash.low);
		print_half(text + 16, hash.high);
		assert_string_equal(vectors[i].expected, text);
	}
}

static void test_half_is_the_low_half(void **unused)
{
	struct pool_hash_key key;
	uint8_t input[64];

	(void)unused;
	fill(&key, input, sizeof(input));
	for (size_t length = 0; length <= sizeof(input); length++)
		assert_int_equal(pool_hash_128(&key, input, length).low,
			pool_hash_64(&key, input, length));
	/* The first published vector, read as a number. */
	assert_int_equal(UINT64_C(0xe6a825ba047f81a3), pool_hash_64(&key, input, 0));
}

static void test_no_key_is_a_key_of_zeroes(void **unused)
{
	static const struct pool_hash_key zero;
	const char input[] = "/etc/proxypool/pool.json";

	(void)unused;
	assert_int_equal(pool_hash_64(&zero, input, strlen(input)),
		pool_hash_64(NULL, input, strlen(input)));
}

/* Every bit of input, key and length must reach both halves. */
static void test_every_bit_counts(void **unused)
{
	struct pool_hash_key key;
	struct pool_hash first;
	uint8_t input[24];

	(void)unused;
	fill(&key, input, sizeof(input));
	first = pool_hash_128(&key, input, sizeof(input));
	for (size_t bit = 0; bit < 8 * (sizeof(input) + sizeof(key)); bit++) {
		struct pool_hash_key other_key = key;
		uint8_t other[sizeof(input)];
		struct pool_hash hash;
		size_t byte = bit / 8;

		memcpy(other, input, sizeof(input));
		if (byte < sizeof(input))
			other[byte] ^= (uint8_t)(1 << bit % 8);
		else
			other_key.bytes[byte - sizeof(input)] ^= (uint8_t)(1 << bit % 8);
		hash = pool_hash_128(&other_key, other, sizeof(other));
		assert_true(hash.low != first.low);
		assert_true(hash.high != first.high);
	}
	assert_true(pool_hash_64(&key, input, 8) != pool_hash_64(&key, input, 9));
}

/* The input need not be aligned. */
static void test_any_alignment(void **unused)
{
	struct pool_hash_key key;
	uint8_t input[64 + 8], plain[64];

	(void)unused;
	fill(&key, plain, sizeof(plain));
	for (size_t shift = 0; shift < 8; shift++) {
		memcpy(input + shift, plain, sizeof(plain));
		assert_int_equal(pool_hash_64(&key, plain, sizeof(plain)),
			pool_hash_64(&key, input + shift, sizeof(plain)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_vectors),
		cmocka_unit_test(test_half_is_the_low_half),
		cmocka_unit_test(test_no_key_is_a_key_of_zeroes),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_any_alignment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
