/* pool-file(5) against the tables that it is made of: every key, every rule, and no
 * other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/text.h"
#include "config/diagnostic.h"
#include "config/schema.h"

/* Tests run at the root of the sources. */
static const char *const page = "man/pool-file.5";

enum { PAGE_SIZE = 1 << 17 };

static void read_page(char *text)
{
	FILE *file = fopen(page, "r");
	size_t length;

	if (!file)
		fail_msg("cannot open %s", page);
	length = fread(text, 1, PAGE_SIZE - 1, file);
	fclose(file);
	text[length] = '\0';
}

/* A line must not begin with what would be a request of roff. */
static const char *guard(const char *line)
{
	return *line == '\'' || *line == '.' ? "\\&" : "";
}

static void add_range(struct pool_text *out, const struct pool_key *key)
{
	const char *word;

	if (key->type == POOL_KIND_INT)
		pool_text_addf(
			out, ", %lld..%lld", (long long)key->low, (long long)key->high);
	else if (key->type == POOL_KIND_DECIMAL)
		pool_text_addf(
			out, ", %g..%g", (double)key->low / 1e6, (double)key->high / 1e6);
	for (unsigned i = 0; key->words && (word = key->words(i)); i++)
		pool_text_addf(out, "%s%s", i ? ", " : ", one of ", word);
}

/* ".It Ic weight Pq number, default 1, 0.1..10" and the summary. */
static char *show_key(const struct pool_key *key)
{
	struct pool_text out = POOL_TEXT_EMPTY;

	pool_text_addf(
		&out, ".It Ic %s Pq %s", key->name, pool_key_type_get(key->type)->name);
	if (*key->fallback)
		pool_text_addf(&out, ", default %s", key->fallback);
	add_range(&out, key);
	pool_text_addf(&out, "\n%s%s\n", guard(key->summary), key->summary);
	return pool_text_take(&out);
}

static char *show_rule(const struct pool_rule *rule)
{
	struct pool_text out = POOL_TEXT_EMPTY;

	pool_text_addf(&out, ".It Li %s\n%s%s:\n%s%s.\n", rule->name,
		guard(rule->summary), rule->summary, guard(rule->advice), rule->advice);
	return pool_text_take(&out);
}

/* <at> is moved behind what is expected there next. */
static void expect_next(const char **at, char *expected)
{
	const char *found = strstr(*at, expected);

	if (!found)
		fail_msg("%s lacks, or has at another place:\n%s", page, expected);
	*at = found + strlen(expected);
	free(expected);
}

static size_t count_lines(const char *text, const char *beginning, const char *holding)
{
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, beginning)); at++) {
		const char *end = strchr(at + 1, '\n'), *found = strstr(at, holding);

		count += found && found < end;
	}
	return count;
}

static void test_every_key_is_described_in_order(void **state)
{
	static char text[PAGE_SIZE];
	const char *at = text;
	size_t count;
	const struct pool_key *keys = pool_schema_get(&count);

	(void)state;
	read_page(text);
	for (size_t i = 0; i < count; i++)
		expect_next(&at, show_key(&keys[i]));
	assert_int_equal(count, count_lines(text, "\n.It Ic ", " Pq "));
}

static void test_every_rule_is_described_in_order(void **state)
{
	static char text[PAGE_SIZE];
	static const char *const headings[] = {
		[POOL_ERROR] = "\n.Ss Errors\n",
		[POOL_WARNING] = "\n.Ss Warnings\n",
		[POOL_NOTE] = "\n.Ss Notes\n",
	};
	size_t count;
	const struct pool_rule *rules = pool_rules_get(&count);
	const char *at;

	(void)state;
	read_page(text);
	at = strstr(text, headings[POOL_ERROR]);
	assert_non_null(at);
	assert_int_equal(count, count_lines(at, "\n.It Li ", ""));
	for (int severity = POOL_ERROR; severity >= POOL_NOTE; severity--) {
		if (severity != POOL_ERROR)
			expect_next(&at, strdup(headings[severity] + 1));
		for (size_t i = 0; i < count; i++)
			if ((int)rules[i].severity == severity)
				expect_next(&at, show_rule(&rules[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_is_described_in_order),
		cmocka_unit_test(test_every_rule_is_described_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
