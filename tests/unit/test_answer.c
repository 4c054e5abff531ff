/* Statuses, bodies in pieces, timers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "pool.h"
#include "probe/answer.h"
#include "probe/timers.h"

static void statuses_are_judged_in_order(void **state)
{
	struct pool_status_set cooling = {{0}}, blocked = {{0}}, odd = {{0}};
	static const struct {
		int status;
		bool odd; /* the set of expected ones: 403, 407, 429, 500 */
		bool relayed;
		const char *reason;
	} cases[] = {
		{200, false, true, "ok"},
		{204, false, true, "ok"},
		{399, false, true, "ok"},
		{199, false, true, "status"},
		{400, false, true, "status"},
		{200, true, true, "status"},
		{429, false, true, "limited"},
		{429, true, true, "limited"},
		{418, false, false, "limited"},
		{403, false, true, "blocked"},
		{403, true, true, "ok"},
		{451, true, true, "blocked"},
		{407, false, true, "authentication"},
		{407, false, false, "status"},
		{407, true, true, "ok"},
		{503, false, true, "status"},
		{500, true, true, "ok"},
		{0, false, true, "status"},
		{999, false, true, "status"},
	};

	(void)state;
	pool_status_set_add(&cooling, 418);
	pool_status_set_add(&cooling, 429);
	pool_status_set_add(&blocked, 403);
	pool_status_set_add(&blocked, 451);
	pool_status_set_add(&odd, 403);
	pool_status_set_add(&odd, 407);
	pool_status_set_add(&odd, 429);
	pool_status_set_add(&odd, 500);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_probe probe = {.cooling = &cooling,
			.blocked = &blocked,
			.expect = cases[i].odd ? &odd : NULL};
		enum pool_reason reason =
			pool_answer_judge(&probe, cases[i].status, cases[i].relayed);

		assert_string_equal(cases[i].reason, pool_reason_get((int)reason)->name);
	}
}

static void a_text_is_found_across_pieces(void **state)
{
	static const struct {
		const char *needle, *body;
		bool found;
	} cases[] = {
		{"", "", true},
		{NULL, "anything", true},
		{"abc", "ab", false},
		{"abc", "ababc", true},
		{"aab", "aaaab", true},
		{"abab!", "abababab!", true},
		{"abab!", "ababab", false},
		{"abcabd", "abcabcabd", true},
		{"x", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 5; piece++) {
			struct pool_match match;
			size_t length = strlen(cases[i].body);

			assert_int_equal(0, pool_match_init(&match, cases[i].needle));
			for (size_t at = 0; at < length; at += piece)
				pool_match_feed(&match, cases[i].body + at,
					length - at < piece ? length - at : piece);
			assert_int_equal(cases[i].found, match.found);
			pool_match_release(&match);
		}
}

static void timers_come_in_order(void **state)
{
	struct pool_timers timers = {0};
	struct pool_timer timer = {0};
	uint32_t seed = 1;
	int64_t last = -1;

	(void)state;
	assert_true(pool_timers_next(&timers) == INT64_MAX);
	assert_false(pool_timers_take(&timers, INT64_MAX - 1, &timer));
	for (uint32_t i = 0; i < 1000; i++) {
		seed = seed * 1664525 + 1013904223;
		timer = (struct pool_timer){.at_ns = seed >> 22, .index = i};
		assert_int_equal(0, pool_timers_add(&timers, timer));
	}
	for (uint32_t i = 0; i < 1000; i++) {
		assert_false(
			pool_timers_take(&timers, pool_timers_next(&timers) - 1, &timer));
		assert_true(pool_timers_take(&timers, 1 << 10, &timer));
		assert_true(timer.at_ns >= last);
		last = timer.at_ns;
	}
	assert_false(pool_timers_take(&timers, 1 << 10, &timer));
	pool_timers_release(&timers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses_are_judged_in_order),
		cmocka_unit_test(a_text_is_found_across_pieces),
		cmocka_unit_test(timers_come_in_order),
	};

	return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
