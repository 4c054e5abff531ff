/* What answers say, bodies in pieces, timers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
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
		const struct pool_answer_rules rules = pool_answer_rules_of(&probe);
		const struct pool_answer answer = {
			.status = cases[i].status, .proxied = cases[i].relayed};
		struct pool_answers answers = {0};

		pool_answers_add(&answers, &rules, &answer);
		assert_string_equal(cases[i].reason,
			pool_reason_get((int)pool_answer_judge(&probe, &answers))->name);
	}
}

/*
 * Answers in a row, as "STATUS[WHO][/RETRY-AFTER]": WHO is c for one to CONNECT, d for
 * one that no HTTP proxy can have written. The statuses are the defaults and 420; a rest
 * that is not given is 60 s.
 */
static struct pool_answers add_all(const char *row)
{
	struct pool_status_set cooling = {{0}}, blocked = {{0}};
	const struct pool_answer_rules rules = {&cooling, &blocked, 60};
	struct pool_answers answers = {0};

	pool_status_set_add(&cooling, 418);
	pool_status_set_add(&cooling, 420);
	pool_status_set_add(&cooling, 429);
	pool_status_set_add(&blocked, 403);
	pool_status_set_add(&blocked, 451);
	while (*row) {
		char *end;
		struct pool_answer answer = {
			.status = (int32_t)strtol(row, &end, 10), .retry_after_s = -1};

		answer.connect = *end == 'c';
		answer.proxied = *end != 'd';
		end += *end == 'c' || *end == 'd';
		if (*end == '/')
			answer.retry_after_s = (int32_t)strtol(end + 1, &end, 10);
		pool_answers_add(&answers, &rules, &answer);
		row = end + strspn(end, " ");
	}
	return answers;
}

static void what_was_seen_decides(void **state)
{
	static const struct {
		const char *row, *reason;
		int32_t status, retry_after_s;
	} cases[] = {
		{"", "none", 0, -1},
		{"200", "none", 200, -1},
		{"404", "none", 404, -1},
		{"200/50", "none", 200, -1},
		{"503/50", "none", 503, -1},
		{"200 502", "none", 502, -1},
		/* a limit, whatever came before or after */
		{"429/33", "limited", 429, 33},
		{"429/33 200", "limited", 429, 33},
		{"200 429/33", "limited", 429, 33},
		{"301 429/33 200 404", "limited", 429, 33},
		{"420", "limited", 420, -1},
		{"429d/9", "limited", 429, 9},
		{"429/33 407", "limited", 429, 33},
		{"407 429/33", "limited", 429, 33},
		{"429/33 403", "limited", 429, 33},
		{"403 429/33", "limited", 429, 33},
		/* the longest rest, that of the pool's own time too */
		{"429/90 429/30", "limited", 429, 90},
		{"429/30 418/90", "limited", 418, 90},
		{"429/5 429", "limited", 429, -1},
		{"429 429/5", "limited", 429, -1},
		{"429 429/61", "limited", 429, 61},
		{"429/0", "limited", 429, 0},
		/* of another answer than the limited one */
		{"200c/500 429", "limited", 429, -1},
		{"429/5 200/500", "limited", 429, 5},
		/* blocked */
		{"403", "blocked", 403, -1},
		{"200 403 200", "blocked", 403, -1},
		{"403 404", "blocked", 403, -1},
		{"403d", "blocked", 403, -1},
		{"451 407", "blocked", 451, -1},
		/* the proxy's 407, if it is the last word */
		{"407", "authentication", 407, -1},
		{"407 200", "none", 200, -1},
		{"407 407", "authentication", 407, -1},
		{"407 502", "none", 502, -1},
		{"200 407", "authentication", 407, -1},
		{"407 100", "authentication", 407, -1},
		{"407d", "none", 407, -1},
		/* CONNECT */
		{"200c", "none", 200, -1},
		{"200c 200", "none", 200, -1},
		{"429c/77", "limited", 429, 77},
		{"420c/77", "limited", 420, 77},
		{"403c", "denied", 403, -1},
		{"403c 200c 200", "denied", 403, -1},
		{"404c", "denied", 404, -1},
		{"404c 200c", "none", 200, -1},
		{"407c", "authentication", 407, -1},
		{"401c", "authentication", 401, -1},
		{"407c 200c 200", "none", 200, -1},
		{"407c 200c 407d", "none", 407, -1},
		{"407c 502c", "bad-gateway", 502, -1},
		{"503c/20", "bad-gateway", 503, -1},
		{"302c", "wrong-protocol", 302, -1},
		{"999c", "wrong-protocol", 999, -1},
		{"200c 429/77", "limited", 429, 77},
		/* what is no answer yet, or none */
		{"100 103 429", "limited", 429, -1},
		{"429 0", "limited", 429, -1},
		{"0", "none", 0, -1},
		{"101", "none", 101, -1},
		{"999", "none", 999, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_answers answers = add_all(cases[i].row);
		const char *reason = pool_reason_get((int)answers.reason)->name;
		bool limited = answers.reason == POOL_REASON_LIMITED;

		if (strcmp(cases[i].reason, reason) != 0 ||
			cases[i].status != answers.status ||
			(limited && cases[i].retry_after_s != answers.retry_after_s))
			fail_msg("%s: it is %s, %d, %d", cases[i].row, reason,
				(int)answers.status, (int)answers.retry_after_s);
	}
}

/* Who answered at all. */
static void the_target_is_told_from_the_proxy(void **state)
{
	static const struct {
		const char *row;
		bool connect, tunnelled, reached;
	} cases[] = {
		{"", false, false, false},
		{"200", false, false, true},
		{"407", false, false, false},
		{"407 200", false, false, true},
		{"407 502c", true, false, false},
		{"429c", true, false, false},
		{"200c", true, true, false},
		{"200c 403", false, true, true},
		{"407c 200c", true, true, false},
		{"100", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_answers answers = add_all(cases[i].row);

		assert_int_equal(cases[i].connect, answers.connect);
		assert_int_equal(cases[i].tunnelled, answers.tunnelled);
		assert_int_equal(cases[i].reached, answers.reached);
	}
}

static void a_no_to_connect_always_says_something(void **state)
{
	(void)state;
	for (int32_t status = 0; status < 1000; status++) {
		enum pool_reason reason = pool_answer_judge_connect(status);

		if (status == 0 || status / 100 == 2)
			assert_int_equal(POOL_REASON_NONE, reason);
		else
			assert_int_equal(
				POOL_VERDICT_DOWN, pool_reason_get((int)reason)->verdict);
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
		cmocka_unit_test(what_was_seen_decides),
		cmocka_unit_test(the_target_is_told_from_the_proxy),
		cmocka_unit_test(a_no_to_connect_always_says_something),
		cmocka_unit_test(a_text_is_found_across_pieces),
		cmocka_unit_test(timers_come_in_order),
	};

	return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
