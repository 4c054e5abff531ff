/* Judged pool files in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "report/judged.h"

/* The writable form that a diagnostic's members may have. */
#define TEXT(literal)   \
	(char[])        \
	{               \
		literal \
	}

static struct pool_diagnostic faults[] = {
	{.severity = POOL_ERROR,
		.rule = "weight-range",
		.text = TEXT("weight: 12 is above 10"),
		.line = 3,
		.column = 37},
	{.severity = POOL_WARNING,
		.rule = "url-path",
		.text = TEXT("url: its path is of no use"),
		.line = 4,
		.column = 5},
	{.severity = POOL_NOTE,
		.rule = "default-check-url",
		.text = TEXT("method: http without url"),
		.line = 2,
		.column = 9},
};

static const struct pool_judged judged = {
	.file = "a\nb.json",
	.found = {.list = faults, .count = 3, .errors = 1, .warnings = 1, .notes = 1},
};

static void assert_told(const char *expected, const struct pool_judged_view *view)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_judged_tell(&judged, view, &text);
	assert_string_equal(expected, text.bytes ? text.bytes : "");
	pool_text_release(&text);
}

static void diagnostics_are_told_and_counted(void **state)
{
	(void)state;
	assert_told("a\\x0ab.json:3:37: error: weight: 12 is above 10 [weight-range]\n"
		    "a\\x0ab.json:4:5: warning: url: its path is of no use [url-path]\n"
		    "a\\x0ab.json:2:9: note: method: http without url "
		    "[default-check-url]\n"
		    "a\\x0ab.json: 1 error, 1 warning, 1 note\n",
		&(struct pool_judged_view){.count_faults = true});
}

static void what_is_not_shown_is_counted(void **state)
{
	(void)state;
	assert_told("a\\x0ab.json:3:37: error: weight: 12 is above 10 [weight-range]\n"
		    "a\\x0ab.json: 1 error, 1 warning, 1 note (2 not shown; "
		    "--max-errors 0 shows all)\n",
		&(struct pool_judged_view){.max = 1, .count_faults = true});
}

static void what_is_milder_can_be_left_out(void **state)
{
	(void)state;
	assert_told("a\\x0ab.json:3:37: error: weight: 12 is above 10 [weight-range]\n",
		&(struct pool_judged_view){.least = POOL_ERROR});
	assert_told("a\\x0ab.json:3:37: error: weight: 12 is above 10 [weight-range]\n"
		    "a\\x0ab.json:4:5: warning: url: its path is of no use [url-path]\n",
		&(struct pool_judged_view){.least = POOL_WARNING});
	/* What is left out on purpose is not "not shown". */
	assert_told("a\\x0ab.json:3:37: error: weight: 12 is above 10 [weight-range]\n"
		    "a\\x0ab.json: 1 error, 1 warning, 1 note\n",
		&(struct pool_judged_view){
			.least = POOL_ERROR, .max = 1, .count_faults = true});
}

static void a_valid_file_is_summed_up(void **state)
{
	struct pool_leaf leaves[] = {{.member_count = 1}, {.member_count = 0}};
	const struct pool_judged valid = {.file = "pool.json",
		.settings = {.leaves = leaves, .leaf_count = 2},
		.readable = true,
		.valid = true};
	struct pool_text text = POOL_TEXT_EMPTY;

	(void)state;
	pool_judged_summarize(&valid, &text);
	assert_string_equal("pool.json: valid, 1 proxy in 1 pool\n", text.bytes);
	pool_text_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(diagnostics_are_told_and_counted),
		cmocka_unit_test(what_is_not_shown_is_counted),
		cmocka_unit_test(what_is_milder_can_be_left_out),
		cmocka_unit_test(a_valid_file_is_summed_up),
	};

	return cmocka_run_group_tests_name("judged", tests, NULL, NULL);
}
