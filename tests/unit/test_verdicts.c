/* The formats of judged files: their table, and fingerprints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/verdicts.h"

/* The writable form that a diagnostic's members may have. */
#define TEXT(literal)   \
	(char[])        \
	{               \
		literal \
	}

static void test_formats_are_complete_and_unique(void **state)
{
	static const struct pool_verdicts nothing;
	size_t count;
	const struct pool_verdict_format *formats = pool_verdict_formats_get(&count);

	(void)state;
	assert_int_equal(POOL_VERDICT_FORMATS, count);
	for (size_t i = 0; i < count; i++) {
		char *text = formats[i].render(&nothing);

		assert_true(formats[i].name && *formats[i].name);
		assert_true(formats[i].summary && *formats[i].summary);
		assert_non_null(text);
		free(text);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(formats[i].name, formats[j].name);
	}
}

static struct pool_diagnostic fault(char *pointer, char *text, char *origin)
{
	return (struct pool_diagnostic){.severity = POOL_ERROR,
		.rule = "weight-range",
		.origin = origin,
		.pointer = pointer,
		.text = text,
		.line = 3,
		.column = 37};
}

/* Whether two diagnostics of files so named have one fingerprint. */
static bool are_one(const char *file, struct pool_diagnostic *one, const char *other_file,
	struct pool_diagnostic *other)
{
	struct pool_judged list[] = {
		{.file = file, .found = {.list = one, .count = 1, .errors = 1}},
		{.file = other_file, .found = {.list = other, .count = 1, .errors = 1}}};
	const struct pool_verdicts verdicts = {
		.list = list, .count = 2, .folder = "/work"};
	struct pool_findings findings;
	bool same;

	assert_true(pool_findings_init(&findings, &verdicts));
	assert_int_equal(2, findings.count);
	assert_string_not_equal(
		findings.list[0].fingerprint, findings.list[1].fingerprint);
	assert_int_equal(32, strlen(findings.list[0].fingerprint));
	same = strncmp(findings.list[0].fingerprint, findings.list[1].fingerprint, 32) ==
		0;
	pool_findings_release(&findings);
	return same;
}

static void test_a_fingerprint_knows_no_numbers(void **state)
{
	struct pool_diagnostic one = fault(
		TEXT("/proxies/3/weight"), TEXT("proxies[3]: 12 is above 10"), NULL);
	struct pool_diagnostic moved = fault(
		TEXT("/proxies/14/weight"), TEXT("proxies[14]: 12 is above 10"), NULL);
	struct pool_diagnostic elsewhere =
		fault(TEXT("/pool/3/weight"), TEXT("proxies[3]: 12 is above 10"), NULL);
	struct pool_diagnostic more = fault(
		TEXT("/proxies/3/weight"), TEXT("proxies[3]: 13 is above 10"), NULL);
	struct pool_diagnostic variable = fault(TEXT("/proxies/3/weight"),
		TEXT("proxies[3]: 12 is above 10"), TEXT("CRYPTOFEED_PROXY_A"));

	(void)state;
	moved.line = 99;
	assert_true(are_one("a.json", &one, "a.json", &moved));
	assert_false(are_one("a.json", &one, "a.json", &elsewhere));
	assert_false(are_one("a.json", &one, "a.json", &more));
	assert_false(are_one("a.json", &one, "a.json", &variable));
	assert_false(are_one("a.json", &one, "b.json", &one));
}

static void test_paths_are_told_from_the_folder(void **state)
{
	static const struct {
		const char *file, *path;
	} rows[] = {
		{"a.json", "a.json"},
		{"./a.json", "a.json"},
		{"b/./c//a.json", "b/c/a.json"},
		{"../a.json", "../a.json"},
		{"/work/a.json", "a.json"},
		{"/work//b/a.json", "b/a.json"},
		{"/workshop/a.json", "/workshop/a.json"},
		{"//a.json", "/a.json"},
		{"-", "-"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pool_judged judged = {
			.file = rows[i].file, .fault = {.code = POOL_ENOFILE}};
		const struct pool_verdicts verdicts = {
			.list = &judged, .count = 1, .folder = "/work"};
		struct pool_findings findings;

		assert_true(pool_findings_init(&findings, &verdicts));
		assert_string_equal(rows[i].path, findings.list[0].path);
		assert_string_equal("unreadable", pool_finding_rule(&findings.list[0]));
		pool_findings_release(&findings);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats_are_complete_and_unique),
		cmocka_unit_test(test_a_fingerprint_knows_no_numbers),
		cmocka_unit_test(test_paths_are_told_from_the_folder),
	};

	return cmocka_run_group_tests_name("verdicts", tests, NULL, NULL);
}
