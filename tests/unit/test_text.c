/* Text: the growing buffer, the escapes, near misses, numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/text.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* What does not fit is not there by half, and nothing is allocated or freed. */
static void test_fixed_is_whole_or_broken(void **unused)
{
	char array[8];
	struct pool_text text = POOL_TEXT_FIXED(array);

	(void)unused;
	pool_text_add(&text, "1234");
	pool_text_addf(&text, "%d", 567);
	assert_false(text.broken);
	assert_string_equal("1234567", array);
	assert_ptr_equal(array, text.bytes);
	pool_text_add(&text, "8");
	assert_true(text.broken);
	assert_string_equal("1234567", array);
	pool_text_add(&text, "");
	assert_true(text.broken);
	pool_text_release(&text);
	assert_null(text.bytes);
	text = POOL_TEXT_FIXED(array);
	pool_text_addf(&text, "%s", "12345678");
	assert_true(text.broken);
	assert_null(pool_text_take(&text));
}

static void test_grows(void **unused)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	char *bytes;

	(void)unused;
	for (int i = 0; i < 1000; i++) {
		pool_text_add(&text, "ab");
		pool_text_addf(&text, "%d", i % 10);
		pool_text_add_bytes(&text, "\0", 1);
	}
	assert_false(text.broken);
	assert_int_equal(4000, text.length);
	bytes = pool_text_take(&text);
	assert_non_null(bytes);
	assert_null(text.bytes);
	for (int i = 0; i < 1000; i++) {
		char expected[4] = {'a', 'b', (char)('0' + i % 10), 0};

		assert_memory_equal(expected, bytes + 4 * i, 4);
	}
	assert_int_equal(0, bytes[4000]);
	free(bytes);
}

static void test_empty_is_a_string(void **unused)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	char *bytes = pool_text_take(&text);

	(void)unused;
	assert_non_null(bytes);
	assert_string_equal("", bytes);
	free(bytes);
	pool_text_release(&text);
	pool_text_release(&text);
}

static void test_broken_stays_broken(void **unused)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	(void)unused;
	pool_text_add(&text, "before");
	text.broken = true;
	pool_text_add(&text, "after");
	pool_text_addf(&text, "%s", "after");
	pool_text_add_safe(&text, "a\nb", 3);
	assert_int_equal(6, text.length);
	assert_null(pool_text_take(&text));
	assert_null(text.bytes);
}

/* A length that cannot be added to the text's must not wrap around. */
static void test_absurd_length(void **unused)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	(void)unused;
	pool_text_add(&text, "x");
	pool_text_add_bytes(&text, "y", SIZE_MAX - 1);
	assert_true(text.broken);
	assert_null(pool_text_take(&text));
}

static const struct {
	const char *raw;
	size_t length;
	const char *expected;
} escapes[] = {
	{"plain", 5, "plain"},
	{"", 0, ""},
	{"a\nb", 3, "a\\x0ab"},
	{"a\0b", 3, "a\\x00b"},
	{"\t", 1, "\\x09"},
	{"\x1b[31m", 5, "\\x1b[31m"},
	{"\x7f", 1, "\\x7f"},
	{"\xc2\x80", 2, "\\xc2\\x80"},       /* C1 */
	{"\xc2\x9b", 2, "\\xc2\\x9b"},       /* CSI of one character */
	{"\xc2\xa0", 2, "\xc2\xa0"},         /* the first behind C1 */
	{"\xc3\xa9", 2, "\xc3\xa9"},         /* e acute */
	{"\xe2\x82\xac", 3, "\xe2\x82\xac"}, /* euro */
	{"\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80"},
	{"\xe2\x80\xae", 3, "\\xe2\\x80\\xae"},          /* right-to-left override */
	{"\xe2\x81\xa6", 3, "\\xe2\\x81\\xa6"},          /* left-to-right isolate */
	{"\xd8\x9c", 2, "\\xd8\\x9c"},                   /* Arabic letter mark */
	{"\xe2\x80\xa8", 3, "\\xe2\\x80\\xa8"},          /* line separator */
	{"\xef\xbb\xbf", 3, "\\xef\\xbb\\xbf"},          /* byte order mark */
	{"\xc0\x80", 2, "\\xc0\\x80"},                   /* overlong */
	{"\xe0\x80\x8a", 3, "\\xe0\\x80\\x8a"},          /* overlong newline */
	{"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},          /* surrogate */
	{"\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"}, /* above U+10FFFF */
	{"\xff", 1, "\\xff"},
	{"\xe2\x82", 2, "\\xe2\\x82"}, /* cut short */
	{"\xe2\x82z", 3, "\\xe2\\x82z"},
	{"\x80z", 2, "\\x80z"},
};

static const struct {
	const char *raw;
	size_t length;
	const char *expected;
} json_strings[] = {
	{"", 0, "\"\""},
	{"plain", 5, "\"plain\""},
	{"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
	{"a\nb", 3, "\"a\\\\x0ab\""},
	{"a\0b", 3, "\"a\\\\x00b\""},
	{"\xff", 1, "\"\\\\xff\""},
	{"\xe2\x82", 2, "\"\\\\xe2\\\\x82\""},
	{"\xe2\x80\xa8", 3, "\"\\\\xe2\\\\x80\\\\xa8\""}, /* line separator */
	{"\xc3\xa9", 2, "\"\xc3\xa9\""},
};

static void test_json_strings(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SIZE(json_strings); i++) {
		struct pool_text text = POOL_TEXT_EMPTY;
		char *grown;

		pool_text_add_json(&text, json_strings[i].raw, json_strings[i].length);
		grown = pool_text_take(&text);
		assert_non_null(grown);
		assert_string_equal(json_strings[i].expected, grown);
		free(grown);
	}
}

static void test_quoted_strings_keep_their_bytes(void **unused)
{
	static const struct {
		const char *expected, *raw;
	} rows[] = {
		{"\"plain\"", "plain"},
		{"\"a\\\"b\\\\c\"", "a\"b\\c"},
		{"\"\\u0001\\u000a\\u007f\"", "\x01\n\x7f"},
		/* U+0085, U+2028, U+202E, U+FEFF, U+FFFE: a line break to YAML, or
		 * nothing that PyYAML reads */
		{"\"\\u0085\\u2028\\u202e\\ufeff\\ufffe\"",
			"\xc2\x85\xe2\x80\xa8\xe2\x80\xae\xef\xbb\xbf\xef\xbf\xbe"},
		{"\"caf\xc3\xa9 \xf0\x9f\x98\x80\"", "caf\xc3\xa9 \xf0\x9f\x98\x80"},
	};

	(void)unused;
	for (size_t i = 0; i < SIZE(rows); i++) {
		struct pool_text text = POOL_TEXT_EMPTY;

		pool_text_add_quoted(&text, rows[i].raw, strlen(rows[i].raw));
		assert_string_equal(rows[i].expected, text.bytes);
		pool_text_release(&text);
	}
}

static void test_foreign_bytes_are_found(void **unused)
{
	(void)unused;
	assert_int_equal(3, pool_text_find_foreign("a\xc3\xa9\xe2\x82", 5));
	assert_int_equal(3, pool_text_find_foreign("a\xc3\xa9", 3));
	assert_int_equal(1, pool_text_find_foreign("a\0b", 3));
	assert_int_equal(0, pool_text_find_foreign("\xff", 1));
	assert_int_equal(0, pool_text_find_foreign("\xed\xa0\x80", 3));
	assert_int_equal(0, pool_text_find_foreign("", 0));
}

static void test_escapes(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SIZE(escapes); i++) {
		struct pool_text text = POOL_TEXT_EMPTY;
		char fixed[64], *grown;

		pool_text_add_safe(&text, escapes[i].raw, escapes[i].length);
		grown = pool_text_take(&text);
		assert_non_null(grown);
		assert_string_equal(escapes[i].expected, grown);
		free(grown);
		pool_text_safe(fixed, sizeof(fixed), escapes[i].raw, escapes[i].length);
		assert_string_equal(escapes[i].expected, fixed);
	}
}

/* Cut where it must be, never within an escape or a character, always terminated. */
static void test_fixed_buffer_is_cut(void **unused)
{
	static const struct {
		size_t size;
		const char *raw;
		const char *expected;
	} cases[] = {
		{1, "abc", ""},
		{2, "abc", "a"},
		{4, "abc", "abc"},
		{4, "\n", ""},
		{5, "\n", "\\x0a"},
		{5, "a\n", "a"},
		{3, "\xe2\x82\xac", ""},
		{4, "\xe2\x82\xac", "\xe2\x82\xac"},
		{4, "a\xe2\x82\xac", "a"},
	};
	char out[16];

	(void)unused;
	for (size_t i = 0; i < SIZE(cases); i++) {
		memset(out, '#', sizeof(out));
		pool_text_safe(out, cases[i].size, cases[i].raw, strlen(cases[i].raw));
		assert_string_equal(cases[i].expected, out);
		assert_int_equal('#', out[cases[i].size]);
	}
	out[0] = '#';
	pool_text_safe(out, 0, "abc", 3);
	assert_int_equal('#', out[0]);
}

static void test_distance(void **unused)
{
	static const struct {
		const char *a, *b;
		unsigned limit, expected;
	} cases[] = {
		{"", "", 3, 0},
		{"weight", "weight", 3, 0},
		{"wieght", "weight", 3, 1},
		{"weigt", "weight", 3, 1},
		{"weightt", "weight", 3, 1},
		{"weicht", "weight", 3, 1},
		{"", "abc", 3, 3},
		{"abc", "", 3, 3},
		{"", "abcd", 3, 4},
		{"kitten", "sitting", 3, 3},
		{"kitten", "sitting", 2, 3},
		{"ca", "abc", 5, 3}, /* restricted: no edit inside a swap */
		{"abcdef", "uvwxyz", 3, 4},
		{"abcdef", "uvwxyz", 9, 6},
	};

	(void)unused;
	for (size_t i = 0; i < SIZE(cases); i++) {
		assert_int_equal(cases[i].expected,
			pool_text_distance(cases[i].a, cases[i].b, cases[i].limit));
		assert_int_equal(cases[i].expected,
			pool_text_distance(cases[i].b, cases[i].a, cases[i].limit));
	}
}

static void test_distance_of_long_words(void **unused)
{
	char a[200], b[200];

	(void)unused;
	memset(a, 'a', sizeof(a));
	a[199] = '\0';
	memcpy(b, a, sizeof(a));
	assert_int_equal(4, pool_text_distance(a, b, 3));
	a[64] = b[64] = '\0';
	b[10] = 'b';
	assert_int_equal(1, pool_text_distance(a, b, 3));
}

static void test_nearest(void **unused)
{
	static const char *const words[] = {"proxies", NULL, "strategy", "fallback",
		"health_check", "url", "enabled"};
	static const struct {
		const char *wrong, *expected;
	} cases[] = {
		{"proxys", "proxies"},
		{"strategie", "strategy"},
		{"stratgey", "strategy"},
		{"healthcheck", "health_check"},
		{"HEALTH_CHECK", "health_check"},
		{"ur", "url"},
		{"uri", "url"},
		{"x", NULL},
		{"", NULL},
		{"colour", NULL},
		{"enable", "enabled"},
	};

	(void)unused;
	for (size_t i = 0; i < SIZE(cases); i++) {
		const char *near = pool_text_nearest(cases[i].wrong, words, SIZE(words));

		if (cases[i].expected)
			assert_string_equal(cases[i].expected, near ? near : "(nothing)");
		else
			assert_null(near);
	}
	assert_null(pool_text_nearest("url", NULL, 0));
}

static void test_nearest_takes_the_nearer(void **unused)
{
	static const char *const words[] = {"round_robon", "round_robin", "round_rabbit"};

	(void)unused;
	assert_string_equal(
		"round_robin", pool_text_nearest("round_robi", words, SIZE(words)));
}

static void test_to_int(void **unused)
{
	static const struct {
		const char *text;
		int64_t low, high;
		bool good;
		int64_t expected;
	} cases[] = {
		{"0", 0, 10, true, 0},
		{"10", 0, 10, true, 10},
		{"11", 0, 10, false, 0},
		{"-1", 0, 10, false, 0},
		{"-1", -5, 10, true, -1},
		{"007", 0, 10, true, 7},
		{"", 0, 10, false, 0},
		{"-", -5, 10, false, 0},
		{"+1", 0, 10, false, 0},
		{" 1", 0, 10, false, 0},
		{"1 ", 0, 10, false, 0},
		{"1x", 0, 10, false, 0},
		{"0x1", 0, 10, false, 0},
		{"1.0", 0, 10, false, 0},
		{"--1", -5, 10, false, 0},
		{"9223372036854775807", 0, INT64_MAX, true, INT64_MAX},
		{"9223372036854775808", 0, INT64_MAX, false, 0},
		{"-9223372036854775807", INT64_MIN, 0, true, -INT64_MAX},
		{"99999999999999999999999999", 0, INT64_MAX, false, 0},
	};

	(void)unused;
	for (size_t i = 0; i < SIZE(cases); i++) {
		int64_t value = 4711;

		assert_int_equal(cases[i].good,
			pool_text_to_int(
				cases[i].text, cases[i].low, cases[i].high, &value));
		assert_int_equal(cases[i].good ? cases[i].expected : 4711, value);
	}
}

static void test_redact(void **unused)
{
	static const struct {
		const char *text, *expected;
		size_t size;
	} cases[] = {
		{"no proxy is called 'x'", "no proxy is called 'x'", 100},
		{"'http://a:b@h:1'", "'http://***@h:1'", 100},
		{"http://a:b'c@d@h:1 and a@b", "http://***@h:1 and a@b", 100},
		{"http://h:1/ http://u@h", "http://h:1/ http://***@h", 100},
		{"://@", "://***@", 100},
		{"http://***@h", "http://***@h", 100},
		{"a://", "a://", 100},
		{":", ":", 100},
		{"", "", 1},
		{"http://secret@h", "http:/", 7},
		{"http://secret@h", "http://**", 10},
		{"http://secret@h", "http://***", 11},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[100];

		pool_text_redact(out, cases[i].size, cases[i].text);
		assert_string_equal(cases[i].expected, out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_fixed_is_whole_or_broken),
		cmocka_unit_test(test_empty_is_a_string),
		cmocka_unit_test(test_broken_stays_broken),
		cmocka_unit_test(test_absurd_length),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_json_strings),
		cmocka_unit_test(test_quoted_strings_keep_their_bytes),
		cmocka_unit_test(test_foreign_bytes_are_found),
		cmocka_unit_test(test_fixed_buffer_is_cut),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_distance_of_long_words),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_nearest_takes_the_nearer),
		cmocka_unit_test(test_to_int),
		cmocka_unit_test(test_redact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
