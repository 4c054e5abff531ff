/* The generator: its published numbers, its bounds, its evenness. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "base/random.h"

/* SplitMix64 seeded with 1234567, as published with the algorithm's reference code. */
static void test_published_numbers(void **unused)
{
	static const uint64_t expected[] = {UINT64_C(6457827717110365317),
		UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
		UINT64_C(4593380528125082431), UINT64_C(16408922859458223821)};
	struct pool_random random = {1234567};

	(void)unused;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(expected[i], pool_random_next(&random));
}

static void test_below_stays_below(void **unused)
{
	static const uint64_t bounds[] = {
		1, 2, 3, 7, 100, UINT64_C(1) << 32, (UINT64_C(1) << 63) + 1, UINT64_MAX};
	struct pool_random random = {1};

	(void)unused;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		for (int n = 0; n < 10000; n++)
			assert_true(pool_random_below(&random, bounds[i]) < bounds[i]);
}

static void test_below_one_is_zero(void **unused)
{
	struct pool_random random = {1};

	(void)unused;
	for (int n = 0; n < 100; n++)
		assert_int_equal(0, pool_random_below(&random, 1));
}

/* Chi-squared over equal boxes: 99.99 % of good generators stay below the limit. */
static double unevenness(uint64_t bound, unsigned boxes, unsigned throws, uint64_t seed)
{
	unsigned counts[64] = {0};
	struct pool_random random = {seed};
	double expected = (double)throws / boxes, sum = 0;

	for (unsigned n = 0; n < throws; n++)
		counts[pool_random_below(&random, bound) / (bound / boxes)]++;
	for (unsigned i = 0; i < boxes; i++)
		sum += (counts[i] - expected) * (counts[i] - expected) / expected;
	return sum;
}

static void test_even(void **unused)
{
	static const struct {
		uint64_t bound;
		unsigned boxes;
		double limit; /* of chi-squared with boxes - 1 degrees of freedom, p =
				 0.0001 */
	} cases[] = {
		{2, 2, 15.2},
		{3, 3, 18.5},
		{10, 10, 33.8},
		{64, 64, 113.5},
		/* Where a plain remainder would favour the low third by half. */
		{UINT64_MAX / 3 * 2 / 4 * 4, 4, 21.2},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(unevenness(cases[i].bound, cases[i].boxes, 100000, i + 1) <
			cases[i].limit);
}

static void test_same_seed_same_numbers(void **unused)
{
	struct pool_random a = {42}, b = {42}, c = {43};

	(void)unused;
	for (int n = 0; n < 100; n++) {
		uint64_t value = pool_random_next(&a);

		assert_int_equal(value, pool_random_next(&b));
		assert_true(value != pool_random_next(&c));
	}
}

static void test_kernel_bytes(void **unused)
{
	static const unsigned char zeroes[32];
	unsigned char first[40] = {0}, second[32] = {0};

	(void)unused;
	assert_int_equal(0, pool_random_bytes(first, 32));
	assert_int_equal(0, pool_random_bytes(second, 32));
	assert_memory_not_equal(zeroes, first, 32);
	assert_memory_not_equal(first, second, 32);
	assert_memory_equal(zeroes, first + 32, 8);
	assert_int_equal(0, pool_random_bytes(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_numbers),
		cmocka_unit_test(test_below_stays_below),
		cmocka_unit_test(test_below_one_is_zero),
		cmocka_unit_test(test_even),
		cmocka_unit_test(test_same_seed_same_numbers),
		cmocka_unit_test(test_kernel_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
