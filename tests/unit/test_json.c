/* The JSON scanner: what it accepts, the first fault of what it refuses, positions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "config/json.h"

static int scan(const char *text, size_t length, struct pool_json_fault *fault)
{
	struct pool_positions positions = {0};
	/* A copy of exact size, so that a sanitizer sees a byte read too far. */
	char *copy = malloc(length ? length : 1);
	int error;

	assert_non_null(copy);
	memcpy(copy, text, length);
	error = pool_json_scan(&positions, copy, length, fault);
	free(copy);
	pool_positions_release(&positions);
	return error;
}

static void accepts_what_rfc_8259_allows(void **state)
{
	static const char *const texts[] = {"{}", "[]", "0", "-0", "1.5", "1e5", "1E-5",
		"-1.5e+5", "\"\"", "\"\\u00e9\\ud83d\\ude00\\n\\/\"", "true", "false",
		"null", " \t\r\n[1 , 2 ] ", "{\"a\" : {\"b\":[]}}", "\xef\xbb\xbf{}",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "{\"a\":1,\"a\":2}", "1e999"};
	struct pool_json_fault fault;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (scan(texts[i], strlen(texts[i]), &fault) != 0)
			fail_msg("refused: %s: %s", texts[i], fault.text);
}

static void names_the_first_fault_and_its_byte(void **state)
{
	static const struct {
		const char *text;
		size_t length; /* 0: of the string */
		enum pool_rule_id rule;
		size_t at;
	} rows[] = {
		{"", 0, POOL_RULE_JSON_SYNTAX, 0},
		{"  ", 0, POOL_RULE_JSON_SYNTAX, 2},
		{"{", 0, POOL_RULE_JSON_SYNTAX, 1},
		{"{\"a\"", 0, POOL_RULE_JSON_SYNTAX, 4},
		{"{\"a\":", 0, POOL_RULE_JSON_SYNTAX, 5},
		{"{\"a\":1,}", 0, POOL_RULE_JSON_SYNTAX, 7},
		{"[1,]", 0, POOL_RULE_JSON_SYNTAX, 3},
		{"[1 2]", 0, POOL_RULE_JSON_SYNTAX, 3},
		{"{a:1}", 0, POOL_RULE_JSON_SYNTAX, 1},
		{"{'a':1}", 0, POOL_RULE_JSON_SYNTAX, 1},
		{"[1] x", 0, POOL_RULE_JSON_SYNTAX, 4},
		{"[1]\0", 4, POOL_RULE_JSON_SYNTAX, 3},
		{"[nul]", 0, POOL_RULE_JSON_SYNTAX, 1},
		{"[NaN]", 0, POOL_RULE_JSON_SYNTAX, 1},
		{"// x\n1", 0, POOL_RULE_JSON_SYNTAX, 0},
		{"\"abc", 0, POOL_RULE_JSON_SYNTAX, 0},
		{"\"abc\\", 0, POOL_RULE_JSON_SYNTAX, 5},
		{"[01]", 0, POOL_RULE_JSON_NUMBER, 1},
		{"[-01]", 0, POOL_RULE_JSON_NUMBER, 1},
		{"[1.]", 0, POOL_RULE_JSON_NUMBER, 1},
		{"[.5]", 0, POOL_RULE_JSON_SYNTAX, 1},
		{"[1e]", 0, POOL_RULE_JSON_NUMBER, 1},
		{"[-]", 0, POOL_RULE_JSON_NUMBER, 1},
		{"[+1]", 0, POOL_RULE_JSON_SYNTAX, 1},
		{"[0x1]", 0, POOL_RULE_JSON_SYNTAX, 2},
		{"1000000000000000000000000000000000000000000000000000000000000", 0,
			POOL_RULE_JSON_NUMBER, 0},
		{"\"a\nb\"", 0, POOL_RULE_JSON_STRING, 2},
		{"\"a\x01"
		 "b\"",
			0, POOL_RULE_JSON_STRING, 2},
		{"\"a\0b\"", 5, POOL_RULE_JSON_STRING, 2},
		{"\"\\u0000\"", 0, POOL_RULE_JSON_STRING, 1},
		{"\"\\ud800\"", 0, POOL_RULE_JSON_STRING, 1},
		{"\"\\ud800\\u0041\"", 0, POOL_RULE_JSON_STRING, 1},
		{"\"\\udc00\"", 0, POOL_RULE_JSON_STRING, 1},
		{"\"\\u12\"", 0, POOL_RULE_JSON_STRING, 1},
		{"\"\\x41\"", 0, POOL_RULE_JSON_STRING, 1},
		{"\"\xff\"", 0, POOL_RULE_JSON_ENCODING, 1},
		{"\"\xc0\x80\"", 0, POOL_RULE_JSON_ENCODING, 1},
		{"\"\xed\xa0\x80\"", 0, POOL_RULE_JSON_ENCODING, 1},
		{"\"\xf4\x90\x80\x80\"", 0, POOL_RULE_JSON_ENCODING, 1},
		{"\"\xc3", 0, POOL_RULE_JSON_ENCODING, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pool_json_fault fault = {0};
		size_t length = rows[i].length ? rows[i].length : strlen(rows[i].text);

		if (scan(rows[i].text, length, &fault) != POOL_EINVALID)
			fail_msg("accepted: %s", rows[i].text);
		if (rows[i].rule != fault.rule || rows[i].at != fault.at)
			fail_msg("%s: rule %d at %zu, not %d at %zu", rows[i].text,
				fault.rule, fault.at, rows[i].rule, rows[i].at);
		assert_non_null(fault.text);
	}
}

static void refuses_more_than_64_levels(void **state)
{
	char text[2 * 65 + 1];
	struct pool_json_fault fault;

	(void)state;
	memset(text, '[', 65);
	memset(text + 65, ']', 65);
	assert_int_equal(0, scan(text + 1, 128, &fault));
	assert_int_equal(POOL_EINVALID, scan(text, 130, &fault));
	assert_int_equal(POOL_RULE_JSON_DEPTH, fault.rule);
	assert_int_equal(64, fault.at);
}

static void notes_positions_in_document_order(void **state)
{
	static const char text[] = "{\"a\": [1, {}], \"b\": true}";
	static const struct pool_node expected[] = {{0, 25, 0, 5}, {6, 13, 1, 3},
		{7, 8, 7, 1}, {10, 12, 10, 1}, {20, 24, 15, 1}};
	struct pool_positions positions = {0};
	struct pool_json_fault fault;

	(void)state;
	assert_int_equal(0, pool_json_scan(&positions, text, strlen(text), &fault));
	assert_int_equal(5, positions.count);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(expected[i].at, positions.nodes[i].at);
		assert_int_equal(expected[i].end, positions.nodes[i].end);
		assert_int_equal(expected[i].key_at, positions.nodes[i].key_at);
		assert_int_equal(expected[i].size, positions.nodes[i].size);
	}
	pool_positions_release(&positions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_rfc_8259_allows),
		cmocka_unit_test(names_the_first_fault_and_its_byte),
		cmocka_unit_test(refuses_more_than_64_levels),
		cmocka_unit_test(notes_positions_in_document_order),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
