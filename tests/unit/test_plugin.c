/* The plugin's ranges, its judgement and its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "report/plugin.h"

static void ranges_are_read(void **state)
{
	static const struct {
		const char *text;
		double start, end;
		bool inside;
	} cases[] = {
		{"10", 0, 10, false},
		{"10:", 10, INFINITY, false},
		{":10", 0, 10, false},
		{"~:10", -INFINITY, 10, false},
		{"10:20", 10, 20, false},
		{"@10:20", 10, 20, true},
		{"@~:20", -INFINITY, 20, true},
		{"-5:5.5", -5, 5.5, false},
		{"80:", 80, INFINITY, false},
		{"20:20", 20, 20, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_range range;

		if (!pool_range_parse(cases[i].text, &range))
			fail_msg("'%s' is refused", cases[i].text);
		if (range.start != cases[i].start || range.end != cases[i].end ||
			range.inside != cases[i].inside)
			fail_msg("'%s' is %f to %f", cases[i].text, range.start,
				range.end);
	}
}

static void what_is_no_range_is_refused(void **state)
{
	static const char *const cases[] = {"", "x", "10:5", "5x", "1:2:3", "@", "~",
		"~10", "10:~", "inf", "0x10", "1e5", " 5", "5 ", "--5", "5:x", ".", "-",
		"-5", "nan:", "123456789012345678901234567890123456789"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_range range = {.start = 42};

		if (pool_range_parse(cases[i], &range))
			fail_msg("'%s' is taken", cases[i]);
		assert_true(range.start == 42);
	}
}

static void ranges_alert_outside_or_with_at_inside(void **state)
{
	static const struct {
		const char *range;
		double value;
		bool alert;
	} cases[] = {
		{"10", -1, true},
		{"10", 0, false},
		{"10", 10, false},
		{"10", 10.01, true},
		{"10:", 9.99, true},
		{"10:", 10, false},
		{"~:10", -1000, false},
		{"~:10", 11, true},
		{"10:20", 9, true},
		{"10:20", 15, false},
		{"@10:20", 9, false},
		{"@10:20", 10, true},
		{"@10:20", 20, true},
		{"@10:20", 21, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_range range;

		assert_true(pool_range_parse(cases[i].range, &range));
		if (pool_range_alerts(&range, cases[i].value) != cases[i].alert)
			fail_msg("'%s' of %f", cases[i].range, cases[i].value);
	}
}

static void ranges_are_printed_as_they_are_read(void **state)
{
	static const char *const cases[] = {"10", "10:", "~:10", "10:20", "@10:20",
		"-5:5.5", "33.33:", "100:", "0:", "@~:3"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_text text = POOL_TEXT_EMPTY;
		struct pool_range range;

		assert_true(pool_range_parse(cases[i], &range));
		pool_range_print(&range, &text);
		assert_string_equal(cases[i], text.bytes);
		pool_text_release(&text);
	}
}

/* A pool for each letter string: p passed, f failed, i inconclusive, d disabled. */
static struct pool_report make_report(
	const char *const *pools, size_t count, const char *quorum)
{
	struct pool_report report = {.has_run = true, .run_us = 1234567};
	struct pool_quorum needed;

	for (size_t i = 0; i < count; i++) {
		char where[32];

		snprintf(where, sizeof(where), "pool|%zu", i);
		assert_int_equal(0, pool_report_add_pool(&report, where, 1, true));
		report.pools[i].method = POOL_METHOD_HTTP;
		for (const char *letter = pools[i]; *letter; letter++) {
			char name[3] = {*letter, (char)('0' + (letter - pools[i])), 0};
			struct pool_report_row *row =
				pool_report_add_row(&report, name, "http://h:1");

			assert_non_null(row);
			row->status = *letter == 'd' ? POOL_STATUS_DISABLED
						     : POOL_STATUS_HEALTHY;
			row->result = *letter == 'p' ? POOL_RESULT_PASSED
				: *letter == 'f'     ? POOL_RESULT_FAILED
				: *letter == 'i'     ? POOL_RESULT_INCONCLUSIVE
						     : POOL_RESULT_UNCHECKED;
			row->reason =
				*letter == 'f' ? POOL_REASON_REFUSED : POOL_REASON_OK;
		}
	}
	assert_true(pool_quorum_parse(quorum, &needed));
	pool_report_count(&report, &needed);
	return report;
}

static void the_worst_pool_decides(void **state)
{
	static const struct {
		const char *pools[3];
		const char *quorum, *warning, *critical;
		enum pool_plugin_state expected;
	} cases[] = {
		{{"ppp"}, "1", NULL, NULL, POOL_PLUGIN_OK},
		{{"pppd"}, "1", NULL, NULL, POOL_PLUGIN_OK},
		{{"ppf"}, "1", NULL, NULL, POOL_PLUGIN_WARNING},
		{{"ppi"}, "1", NULL, NULL, POOL_PLUGIN_WARNING},
		{{"fff"}, "1", NULL, NULL, POOL_PLUGIN_CRITICAL},
		{{"ffi"}, "1", NULL, NULL, POOL_PLUGIN_UNKNOWN},
		{{"iii"}, "1", NULL, NULL, POOL_PLUGIN_UNKNOWN},
		{{"ppp", "pff"}, "50%", NULL, NULL, POOL_PLUGIN_CRITICAL},
		{{"ppp", "pfi"}, "50%", NULL, NULL, POOL_PLUGIN_UNKNOWN},
		{{"ddd"}, "1", NULL, NULL, POOL_PLUGIN_CRITICAL},
		{{"ppf"}, "1", "60:", NULL, POOL_PLUGIN_OK},
		{{"ppf"}, "1", "60:", "70:", POOL_PLUGIN_CRITICAL},
		{{"pif"}, "1", "60:", "50:", POOL_PLUGIN_UNKNOWN},
		{{"pff"}, "1", "60:", "50:", POOL_PLUGIN_CRITICAL},
		{{"fff"}, "1", NULL, "~:", POOL_PLUGIN_WARNING},
		{{NULL}, "1", NULL, NULL, POOL_PLUGIN_OK},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_range warning, critical;
		struct pool_plugin_limits limits = {0};
		struct pool_report report;
		enum pool_plugin_state got;
		size_t count = 0;

		while (count < 3 && cases[i].pools[count])
			count++;
		report = make_report(cases[i].pools, count, cases[i].quorum);
		if (cases[i].warning && pool_range_parse(cases[i].warning, &warning))
			limits.warning = &warning;
		if (cases[i].critical && pool_range_parse(cases[i].critical, &critical))
			limits.critical = &critical;
		got = pool_plugin_judge(&report, &limits);
		if (got != cases[i].expected)
			fail_msg("case %zu: %s", i, pool_plugin_state_name(got));
		pool_report_release(&report);
	}
}

static void assert_line(
	const char *expected, const char *const *pools, size_t count, const char *quorum)
{
	const struct pool_plugin_limits limits = {.timeout_s = 50};
	struct pool_report report = make_report(pools, count, quorum);
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_plugin_print(&report, &limits, pool_plugin_judge(&report, &limits), &text);
	assert_string_equal(expected, text.bytes);
	pool_text_release(&text);
	pool_report_release(&report);
}

static void the_line_names_the_worst_pool_and_what_failed(void **state)
{
	static const char *const one[] = {"pppppppff"}, *const two[] = {"pp", "pffffi"};

	(void)state;
	assert_line(
		"POOL WARNING - 7/9 passed (78%), pool pool/0; failed: f7 "
		"(connect-refused), "
		"f8 (connect-refused) | passed=77.77%;100:;11.11:;0;100 failed=2;;;0;9 "
		"inconclusive=0;;;0;9 time=1.234s;;;0;50\n",
		one, 1, "1");
	assert_line("POOL CRITICAL - 1/6 passed (17%), worst pool pool/1; failed: "
		    "f1 (connect-refused), f2 (connect-refused), f3 (connect-refused) "
		    "and 1 more; "
		    "inconclusive: i5 (ok) | passed=16.66%;100:;50:;0;100 failed=4;;;0;8 "
		    "inconclusive=1;;;0;8 time=1.234s;;;0;50\n",
		two, 2, "50%");
	assert_line("POOL OK - no pool to check\n", NULL, 0, "1");
}

/* That it proxies is not known of one that passed. */
static void the_line_says_what_checks_do_not_try(void **state)
{
	static const struct {
		const char *proxies, *told;
		enum pool_method method;
	} cases[] = {
		{"pf", "; checks try the port only", POOL_METHOD_TCP},
		{"pp", "; checks try the host only", POOL_METHOD_PING},
		{"ff", "", POOL_METHOD_TCP},
		{"pf", "", POOL_METHOD_TUNNEL},
	};
	const struct pool_plugin_limits limits = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_report report = make_report(&cases[i].proxies, 1, "1");
		struct pool_text text = POOL_TEXT_EMPTY;
		const char *told, *data;

		report.pools[0].method = cases[i].method;
		pool_plugin_print(&report, &limits, POOL_PLUGIN_OK, &text);
		told = strstr(text.bytes, "; checks try");
		data = strstr(text.bytes, " | ");
		assert_non_null(data);
		told = told ? told : data;
		assert_int_equal(strlen(cases[i].told), data - told);
		assert_memory_equal(cases[i].told, told, strlen(cases[i].told));
		pool_text_release(&text);
		pool_report_release(&report);
	}
}

static void a_percentage_is_100_only_if_all_passed(void **state)
{
	char pool[302], *line;
	const char *pools[] = {pool};
	const struct pool_plugin_limits limits = {0};
	struct pool_text text = POOL_TEXT_EMPTY;
	struct pool_report report;

	(void)state;
	memset(pool, 'p', sizeof(pool));
	pool[300] = 'f';
	pool[301] = '\0';
	report = make_report(pools, 1, "1");
	pool_plugin_print(&report, &limits, POOL_PLUGIN_WARNING, &text);
	line = strstr(text.bytes, "300/301 passed (99%)");
	assert_non_null(line);
	assert_non_null(strstr(text.bytes, "passed=99.66%"));
	pool_text_release(&text);
	pool_report_release(&report);
}

static void an_unknown_answer_is_one_line(void **state)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	(void)state;
	pool_plugin_print_unknown("a|b\nc\033[m", &text);
	assert_string_equal("POOL UNKNOWN - a/b\\x0ac\\x1b[m\n", text.bytes);
	pool_text_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_read),
		cmocka_unit_test(what_is_no_range_is_refused),
		cmocka_unit_test(ranges_alert_outside_or_with_at_inside),
		cmocka_unit_test(ranges_are_printed_as_they_are_read),
		cmocka_unit_test(the_worst_pool_decides),
		cmocka_unit_test(the_line_names_the_worst_pool_and_what_failed),
		cmocka_unit_test(the_line_says_what_checks_do_not_try),
		cmocka_unit_test(a_percentage_is_100_only_if_all_passed),
		cmocka_unit_test(an_unknown_answer_is_one_line),
	};

	return cmocka_run_group_tests_name("plugin", tests, NULL, NULL);
}
