/* Heads; Retry-After: numbers, and dates in the three forms of RFC 9110. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "base/http.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Sun, 06 Nov 1994 08:49:37 GMT, the example of the RFC */
#define THEN INT64_C(784111777)

enum { LONGEST = 366 * 86400 };

struct example {
	const char *value;
	int32_t expected;
	int64_t wall_s; /* now */
};

/* From memory that ends with the value: what reads on is found out by the sanitizer. */
static int32_t parse(const char *value, int64_t wall_s)
{
	size_t length = strlen(value);
	char *copy = malloc(length ? length : 1);
	struct pool_http_head head = {0};
	bool taken;

	assert_non_null(copy);
	memcpy(copy, value, length);
	taken = pool_http_head_take_retry_after(&head, copy, length, wall_s);
	free(copy);
	assert_int_equal(taken, head.has_wait || head.has_until);
	return pool_http_head_wait_s(&head, wall_s);
}

static void must_be(const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int32_t seconds = parse(examples[i].value, examples[i].wall_s);

		if (seconds != examples[i].expected)
			fail_msg("'%s': %d expected, it is %d", examples[i].value,
				examples[i].expected, seconds);
	}
}

static void seconds_are_read(void **state)
{
	static const struct example examples[] = {
		{"0", 0, THEN},
		{"17", 17, THEN},
		{"120", 120, THEN},
		{"  120\r\n", 120, THEN},
		{"\t120 \t", 120, THEN},
		{"0000000000000000000000000000000000000000000000000000000000000000000060",
			60, THEN},
		{"31622400", LONGEST, THEN},
		{"31622401", LONGEST, THEN},
		{"2147483648", LONGEST, THEN},
		{"4294967297", LONGEST, THEN},
		{"9223372036854775808", LONGEST, THEN},
		{"99999999999999999999999999", LONGEST, THEN},
		{"1111111111111111111111111111111111111111111111111111111111111111111111",
			LONGEST, THEN},
	};

	(void)state;
	must_be(examples, SIZE(examples));
}

static void what_is_neither_is_refused(void **state)
{
	static const struct example examples[] = {
		{"", -1, THEN}, {" \t\r\n", -1, THEN}, {"-5", -1, THEN}, {"+5", -1, THEN},
		{"-0", -1, THEN}, {"1.5", -1, THEN}, {"0x10", -1, THEN},
		{"10s", -1, THEN}, {"1 2", -1, THEN}, {"soon", -1, THEN},
		{"Sun", -1, THEN}, {"Sun, 06 Nov 1994", -1, THEN},
		{"Sun, 06 Nov 1994 08:49:47", -1, THEN},
		{"Sun, 06 Nov 1994 08:49:47 CET", -1, THEN},
		{"Sun, 06 Nov 1994 08:49:47 GMT+1", -1, THEN},
		{"Sun, 06 Nov 1994 08:49 GMT", -1, THEN},
		{"Sun, 06 Nov 94 08:49:47 GMT", -1, THEN},
		{"Sun, 6 Nov 1994 08:49:47 GMT", -1, THEN},
		{"Sun, 00 Nov 1994 08:49:47 GMT", -1, THEN},
		{"Sun, 31 Nov 1994 08:49:47 GMT", -1, THEN},
		{"Sun, 32 Dec 1994 08:49:47 GMT", -1, THEN},
		{"Sun, 06 Nov 1994 24:00:00 GMT", -1, THEN},
		{"Sun, 06 Nov 1994 08:60:00 GMT", -1, THEN},
		{"Sun, 06 Nov 1994 08:49:61 GMT", -1, THEN},
		{"Sun, 06 Nov -994 08:49:47 GMT", -1, THEN},
		{"Son, 06 Nov 1994 08:49:47 GMT", -1, THEN},
		{"Sun, 06 Okt 1994 08:49:47 GMT", -1, THEN},
		{"06 Nov 1994 08:49:47 GMT", -1, THEN},
		{"Sun, 06-Nov-94 08:49:47 GMT", -1, THEN},
		{"Sun Nov 6 08:49:47 1994", -1, THEN},
		{"Sun Nov  6 08:49:47 1994 GMT", -1, THEN},
		{"1994-11-06T08:49:47Z", -1, THEN},
		{"784111787", LONGEST, THEN}, /* seconds, not a date */
	};

	(void)state;
	must_be(examples, SIZE(examples));
}

static void all_three_forms_of_a_date_are_read(void **state)
{
	static const struct example examples[] = {
		{"Sunday, 06-Nov-94 08:49:38 GMT", 1, THEN},
		{"Sun Nov  6 08:49:38 1994", 1, THEN},
		{"Sun, 06 Nov 1994 08:49:38 GMT", 1, THEN},
		{"Sunday, 06-Nov-94 08:49:47 GMT", 10, THEN},
		{"Sun Nov  6 09:49:37 1994", 3600, THEN},
		{"Wed Nov 16 08:49:37 1994", 10 * 86400, THEN},
		{" sun, 06 NOV 1994 08:49:47 gmt\r\n", 10, THEN},
		/* The weekday is not compared. */
		{"Mon, 06 Nov 1994 08:49:47 GMT", 10, THEN},
		{"Sun, 06 Nov 1994 08:49:60 GMT", 23, THEN},
	};

	(void)state;
	must_be(examples, SIZE(examples));
}

static void a_past_date_is_none(void **state)
{
	static const struct example examples[] = {
		{"Sun, 06 Nov 1994 08:49:37 GMT", -1, THEN},
		{"Sunday, 06-Nov-94 08:49:37 GMT", -1, THEN},
		{"Sun Nov  6 08:49:37 1994", -1, THEN},
		{"Sun, 06 Nov 1994 08:49:36 GMT", -1, THEN},
		{"Sun, 06 Nov 1993 08:49:37 GMT", -1, THEN},
		{"Thu, 01 Jan 1970 00:00:00 GMT", -1, THEN},
		{"Mon, 01 Jan 0001 00:00:00 GMT", -1, THEN},
		{"Sat, 01 Jan 0000 00:00:00 GMT", -1, THEN},
		{"Fri, 31 Dec 9999 23:59:59 GMT", -1, INT64_MAX},
	};

	(void)state;
	must_be(examples, SIZE(examples));
}

static void a_far_date_is_cut(void **state)
{
	static const struct example examples[] = {
		{"Mon, 06 Nov 1995 08:49:37 GMT", 365 * 86400, THEN},
		{"Tue, 07 Nov 1995 08:49:37 GMT", LONGEST, THEN},
		{"Tue, 07 Nov 1995 08:49:38 GMT", LONGEST, THEN},
		{"Fri, 31 Dec 9999 23:59:59 GMT", LONGEST, THEN},
		{"Fri, 31 Dec 9999 23:59:59 GMT", LONGEST, INT64_MIN},
		{"Mon, 01 Jan 0001 00:00:00 GMT", LONGEST, INT64_MIN},
	};

	(void)state;
	must_be(examples, SIZE(examples));
}

static void leap_years_are_known(void **state)
{
	static const struct example examples[] = {
		/* from the 28th of February, midnight */
		{"Wed, 01 Mar 2023 00:00:00 GMT", 86400, 1677542400},
		{"Wed, 29 Feb 2023 00:00:00 GMT", -1, 1677542400},
		{"Thu, 29 Feb 2024 00:00:00 GMT", 86400, 1709078400},
		{"Fri, 01 Mar 2024 00:00:00 GMT", 2 * 86400, 1709078400},
		{"Tue, 29 Feb 2000 00:00:00 GMT", 86400, 951696000},
		{"Mon, 29 Feb 2100 00:00:00 GMT", -1, 4107456000},
		{"Mon, 01 Mar 2100 00:00:00 GMT", 86400, 4107456000},
		/* over the end of a year */
		{"Wed, 01 Jan 2025 00:00:01 GMT", 2, 1735689599},
	};

	(void)state;
	must_be(examples, SIZE(examples));
}

/* "More than 50 years in the future" is the past. */
static void two_digits_mean_the_nearest_year(void **state)
{
	static const struct example examples[] = {
		/* 2026-11-23 */
		{"Tuesday, 24-Nov-26 00:00:00 GMT", 86400, 1795392000},
		{"Monday, 24-Nov-75 00:00:00 GMT", LONGEST, 1795392000},
		{"Monday, 24-Nov-80 00:00:00 GMT", -1, 1795392000},
		/* 1999-12-31: the century turns */
		{"Saturday, 01-Jan-00 00:00:00 GMT", 86400, 946598400},
		/* 2060-06-01: so does the next, back */
		{"Wednesday, 01-Jun-05 00:00:00 GMT", LONGEST, 2853273600},
		{"Saturday, 01-Jun-30 00:00:00 GMT", -1, 2853273600},
		{"Saturday, 01-Jun-30 00:00:00 GMT", -1, INT64_MAX},
		{"Saturday, 01-Jun-30 00:00:00 GMT", LONGEST, INT64_MIN},
	};

	(void)state;
	must_be(examples, SIZE(examples));
}

/* The C library's own calendar agrees, every day of 800 years. */
static void days_are_counted_as_the_system_does(void **state)
{
	static const char *const names[] = {
		"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
		"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

	(void)state;
	for (time_t day_s = -86400 * 146097LL; day_s < 86400 * 146097LL; day_s += 86400) {
		struct tm tm;
		char text[64];

		assert_non_null(gmtime_r(&day_s, &tm));
		snprintf(text, sizeof(text), "%s, %02d %s %04d 00:00:07 GMT",
			names[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
			tm.tm_year + 1900);
		assert_int_equal(7, parse(text, day_s));
	}
}

/* Every beginning, and every changed byte, is read within its bounds. */
static void damaged_dates_do_no_harm(void **state)
{
	static const char date[] = "Sunday, 06-Nov-94 08:49:47 GMT";

	(void)state;
	for (size_t length = 0; length < sizeof(date) - 1; length++) {
		char *copy = malloc(length ? length : 1);
		struct pool_http_head head = {0};

		assert_non_null(copy);
		memcpy(copy, date, length);
		assert_false(pool_http_head_take_retry_after(&head, copy, length, THEN));
		free(copy);
	}
	for (size_t at = 0; at < sizeof(date) - 1; at++)
		for (int byte = 0; byte < 256; byte++) {
			char copy[sizeof(date)];
			struct pool_http_head head = {0};

			memcpy(copy, date, sizeof(date));
			copy[at] = (char)byte;
			pool_http_head_take_retry_after(
				&head, copy, sizeof(date) - 1, THEN);
			assert_in_range(
				pool_http_head_wait_s(&head, THEN) + 1, 0, LONGEST + 1);
		}
}

/* --- heads ------------------------------------------------------------------------ */

static struct pool_http_head read_head(const char *text)
{
	struct pool_http_head head = {0};

	while (*text) {
		size_t length = strcspn(text, "\n") + 1;

		pool_http_head_take(&head, text, length, THEN);
		text += length;
	}
	return head;
}

static void a_date_counts_from_the_answers_own(void **state)
{
	static const struct {
		const char *lines;
		int32_t expected;
	} cases[] = {
		/* an hour behind, an hour ahead, in either order of the lines */
		{"Date: Sun, 06 Nov 1994 07:49:37 GMT\r\n"
		 "Retry-After: Sun, 06 Nov 1994 07:50:07 GMT\r\n",
			30},
		{"retry-after:Sun, 06 Nov 1994 09:50:07 GMT\r\n"
		 "DATE:\tSunday, 06-Nov-94 09:49:37 GMT \r\n",
			30},
		{"Date: yesterday\r\nRetry-After: Sun, 06 Nov 1994 08:49:47 GMT\r\n", 10},
		{"Retry-After: Sun, 06 Nov 1994 08:49:47 GMT\r\n", 10},
		{"Date: Sun, 06 Nov 1994 07:49:37 GMT\r\n"
		 "Retry-After: Sun, 06 Nov 1994 07:49:37 GMT\r\n",
			-1},
		{"Date: Sun, 06 Nov 1994 07:49:37 GMT\r\nRetry-After: 120\r\n", 120},
		{"Date: Sun, 06 Nov 1994 07:49:37 GMT\r\n", -1},
		{"Retry-After: soon\r\n", -1},
		{"Retry-After: 5, 5\r\n", -1},
		{"Retry-After: Wed, 21 Oct 99999999 07:28:00 GMT\r\n", -1},
		{"Retry-After:\r\n", -1},
		/* of several the longest, and one that can be read */
		{"Retry-After: 5\r\nRetry-After: 50\r\nRetry-After: 7\r\n", 50},
		{"Retry-After: 5\r\nRetry-After: soon\r\n", 5},
		{"Retry-After: 5\r\nRetry-After: Sun, 06 Nov 1994 08:49:47 GMT\r\n", 10},
		/* other fields, and what only looks like one */
		{"X-Retry-After: 5\r\nRetry-After-Ms: 5\r\nRetry-After 5\r\n", -1},
		{"Retry-After : 5\r\n Retry-After: 5\r\n", -1},
	};

	(void)state;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_http_head head = read_head(cases[i].lines);

		if (pool_http_head_wait_s(&head, THEN) != cases[i].expected)
			fail_msg("%s: %d expected", cases[i].lines, cases[i].expected);
	}
}

static void a_status_line_begins_a_head(void **state)
{
	static const struct {
		const char *lines;
		int32_t status;
	} cases[] = {
		{"HTTP/1.1 429 Too Many Requests\r\n", 429},
		{"HTTP/1.0 200\n", 200},
		{"HTTP/2 429 \r\n", 429},
		{"http/3 200\r\n", 200},
		{"HTTP/1.1 999 x\r\n", 999},
		{"HTTP/1.1  403 x\r\n", 403},
		{"HTTP/1.1\r\n", 0},
		{"HTTP/1.1 42\r\n", 0},
		{"HTTP/1.1 4290 x\r\n", 0},
		{"HTTP/1.1 OK\r\n", 0},
		{"ICY 200 OK\r\n", 0},
		{"Server: x\r\n", 0},
	};
	struct pool_http_head head;

	(void)state;
	for (size_t i = 0; i < SIZE(cases); i++) {
		head = read_head(cases[i].lines);
		assert_int_equal(cases[i].status, head.status);
	}
	/* nothing of the head before is left */
	head = read_head("HTTP/1.1 200 x\r\nRetry-After: 9\r\n"
			 "Date: Sun, 06 Nov 1994 07:49:37 GMT\r\n\r\nHTTP/1.1 429 x\r\n");
	assert_int_equal(429, head.status);
	assert_false(head.has_wait || head.has_until || head.has_date);
	assert_true(pool_http_is_end("\r\n", 2) && pool_http_is_end("", 0));
	assert_false(pool_http_is_end("HTTP/1.1 200 x\r\n", 16));
	assert_true(pool_http_is_begin("HTTP/1.1 200 x\r\n", 16) &&
		pool_http_is_begin("http/2 200", 10));
	assert_false(
		pool_http_is_begin("HTTP", 4) || pool_http_is_begin("Date: HTTP/", 11));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_are_read),
		cmocka_unit_test(what_is_neither_is_refused),
		cmocka_unit_test(all_three_forms_of_a_date_are_read),
		cmocka_unit_test(a_past_date_is_none),
		cmocka_unit_test(a_far_date_is_cut),
		cmocka_unit_test(leap_years_are_known),
		cmocka_unit_test(two_digits_mean_the_nearest_year),
		cmocka_unit_test(days_are_counted_as_the_system_does),
		cmocka_unit_test(damaged_dates_do_no_harm),
		cmocka_unit_test(a_date_counts_from_the_answers_own),
		cmocka_unit_test(a_status_line_begins_a_head),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
