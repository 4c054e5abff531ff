/* The schema table and the table of rules: complete, unique, true. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/text.h"
#include "config/schema.h"

/* Room for whichever struct a row's offset is into. */
union base {
	struct pool_settings settings;
	struct pool_leaf leaf;
	struct pool_member member;
};

static void rows_are_complete_and_unique(void **state)
{
	size_t count;
	const struct pool_key *keys = pool_schema_get(&count);

	(void)state;
	assert_true(count > 40);
	for (size_t i = 0; i < count; i++) {
		const struct pool_key *key = &keys[i];

		assert_true(key->name && *key->name);
		assert_true(key->summary && *key->summary);
		assert_non_null(key->fallback);
		assert_ptr_equal(key, pool_schema_find(key->group, key->name));
		if (key->type == POOL_KIND_INT || key->type == POOL_KIND_DECIMAL)
			assert_true(key->high > key->low);
		assert_int_equal(key->type == POOL_KIND_WORD, key->words != NULL);
		if (key->alias_of)
			assert_non_null(pool_schema_find(key->group, key->alias_of));
	}
	for (int type = 0; type < POOL_KEY_TYPES; type++) {
		assert_non_null(pool_key_type_get((enum pool_key_type)type)->name);
		assert_non_null(pool_key_type_get((enum pool_key_type)type)->say);
	}
	for (int group = 0; group < POOL_GROUPS; group++)
		assert_non_null(pool_group_name((enum pool_group)group));
}

static void defaults_read_back(void **state)
{
	size_t count;
	const struct pool_key *keys = pool_schema_get(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const struct pool_key *key = &keys[i];
		union base base;
		struct pool_text text = POOL_TEXT_EMPTY;

		if (!pool_key_type_get(key->type)->has_text || !*key->fallback)
			continue;
		memset(&base, 0, sizeof(base));
		if (pool_key_store(key, &base, key->fallback, strlen(key->fallback),
			    POOL_WRITTEN_PLAIN) != POOL_STORE_OK)
			fail_msg("%s: its default cannot be stored", key->name);
		assert_true(pool_key_show(key, &base, &text));
		if (key->type != POOL_KIND_STATUSES && key->type != POOL_KIND_WORD &&
			key->type != POOL_KIND_DECIMAL)
			assert_string_equal(key->fallback, text.bytes);
		pool_text_release(&text);
	}
}

static void policy_has_the_documented_defaults(void **state)
{
	struct pool_policy policy;

	(void)state;
	pool_policy_init(&policy);
	assert_int_equal(POOL_STRATEGY_ROUND_ROBIN, policy.strategy);
	assert_int_equal(POOL_FALLBACK_ANY, policy.fallback);
	assert_int_equal(1, policy.check_enabled);
	assert_int_equal(POOL_METHOD_TCP, policy.method);
	assert_int_equal(30, policy.interval_s);
	assert_int_equal(5, policy.check_timeout_s);
	assert_int_equal(3, policy.retry_count);
	assert_int_equal(2, policy.healthy_threshold);
	assert_int_equal(1, policy.unhealthy_threshold);
	assert_int_equal(5, policy.failure_threshold);
	assert_int_equal(30, policy.open_s);
	assert_int_equal(300, policy.max_open_s);
	assert_int_equal(1, policy.half_open_max);
	assert_int_equal(60, policy.cooldown_s);
	assert_int_equal(259200, policy.max_cooldown_s);
	assert_int_equal(0, policy.max_connections);
	for (int status = 100; status < 600; status++) {
		assert_false(pool_status_set_has(&policy.expect, status));
		assert_int_equal(status == 418 || status == 429,
			pool_status_set_has(&policy.cooling, status));
		assert_int_equal(status == 403 || status == 451,
			pool_status_set_has(&policy.blocked, status));
	}
}

static void scalars_are_as_lax_as_written_down(void **state)
{
	static const struct {
		enum pool_group group;
		const char *key, *text;
		enum pool_writing writing;
		enum pool_store stored;
		const char *shown;
	} rows[] = {
#define INT    POOL_GROUP_CONNECTION, "timeout_seconds"
#define WEIGHT POOL_GROUP_PROXY, "weight"
#define FLAG   POOL_GROUP_SETTINGS, "enabled"
#define P      POOL_WRITTEN_PLAIN
#define Q      POOL_WRITTEN_QUOTED
		{INT, "30", P, POOL_STORE_OK, "30"},
		{INT, "30.0", P, POOL_STORE_OK, "30"},
		{INT, "3e1", P, POOL_STORE_OK, "30"},
		{INT, "30.5", P, POOL_STORE_TYPE, NULL},
		{INT, "30.0000000000000000001", P, POOL_STORE_TYPE, NULL},
		{INT, "18446744073709551646", P, POOL_STORE_ABOVE, NULL},
		{INT, "100000000000000000000", P, POOL_STORE_ABOVE, NULL},
		{INT, "1e400", P, POOL_STORE_ABOVE, NULL},
		{INT, "-1", P, POOL_STORE_BELOW, NULL},
		{INT, "0", P, POOL_STORE_BELOW, NULL},
		{INT, "301", P, POOL_STORE_ABOVE, NULL},
		{INT, "300", P, POOL_STORE_OK, "300"},
		{INT, " 30 ", Q, POOL_STORE_OK, "30"},
		{INT, "30.0", Q, POOL_STORE_OK, "30"},
		{INT, "1_0", Q, POOL_STORE_OK, "10"},
		{INT, "_10", Q, POOL_STORE_TYPE, NULL},
		{INT, "10_", Q, POOL_STORE_TYPE, NULL},
		{INT, "3e1", Q, POOL_STORE_TYPE, NULL},
		{INT, "0x1e", Q, POOL_STORE_TYPE, NULL},
		{INT, "", Q, POOL_STORE_TYPE, NULL},
		{INT, ".", Q, POOL_STORE_TYPE, NULL},
		{WEIGHT, "1", P, POOL_STORE_OK, "1.0"},
		{WEIGHT, "0.1", P, POOL_STORE_OK, "0.1"},
		{WEIGHT, "0.09", P, POOL_STORE_BELOW, NULL},
		{WEIGHT, "0.0999999999999", P, POOL_STORE_BELOW, NULL},
		{WEIGHT, "10", P, POOL_STORE_OK, "10.0"},
		{WEIGHT, "10.00000000001", P, POOL_STORE_ABOVE, NULL},
		{WEIGHT, "1e999", P, POOL_STORE_ABOVE, NULL},
		{WEIGHT, "-1e999", P, POOL_STORE_BELOW, NULL},
		{WEIGHT, "1e-999", P, POOL_STORE_BELOW, NULL},
		{WEIGHT, "1.5", Q, POOL_STORE_OK, "1.5"},
		{WEIGHT, "1e0", Q, POOL_STORE_OK, "1.0"},
		{WEIGHT, "nan", Q, POOL_STORE_TYPE, NULL},
		{FLAG, "true", P, POOL_STORE_OK, "true"},
		{FLAG, "1.0", P, POOL_STORE_OK, "true"},
		{FLAG, "0", P, POOL_STORE_OK, "false"},
		{FLAG, "2", P, POOL_STORE_TYPE, NULL},
		{FLAG, "0.5", P, POOL_STORE_TYPE, NULL},
		{FLAG, "Yes", Q, POOL_STORE_OK, "true"},
		{FLAG, "OFF", Q, POOL_STORE_OK, "false"},
		{FLAG, "n", Q, POOL_STORE_OK, "false"},
		{FLAG, " true ", Q, POOL_STORE_TYPE, NULL},
		{FLAG, "", Q, POOL_STORE_TYPE, NULL},
		{POOL_GROUP_POOL, "strategy", "random", Q, POOL_STORE_OK, "\"random\""},
		{POOL_GROUP_POOL, "strategy", "Random", Q, POOL_STORE_CHOICE, NULL},
		{POOL_GROUP_CHECK, "expect_status", "200-204, 301", Q, POOL_STORE_OK,
			"[\"200-204\", 301]"},
		{POOL_GROUP_CHECK, "expect_status", "99", Q, POOL_STORE_TYPE, NULL},
		{POOL_GROUP_CHECK, "expect_status", "600", Q, POOL_STORE_TYPE, NULL},
		{POOL_GROUP_CHECK, "expect_status", "300-200", Q, POOL_STORE_TYPE, NULL},
		{POOL_GROUP_CHECK, "expect_status", "200,", Q, POOL_STORE_TYPE, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct pool_key *key = pool_schema_find(rows[i].group, rows[i].key);
		struct pool_text text = POOL_TEXT_EMPTY;
		union base base;
		enum pool_store stored;

		memset(&base, 0, sizeof(base));
		stored = pool_key_store(
			key, &base, rows[i].text, strlen(rows[i].text), rows[i].writing);
		if (stored != rows[i].stored)
			fail_msg("%s '%s': %d, not %d", key->name, rows[i].text, stored,
				rows[i].stored);
		if (!rows[i].shown)
			continue;
		assert_true(pool_key_show(key, &base, &text));
		assert_string_equal(rows[i].shown, text.bytes);
		pool_text_release(&text);
	}
}

static void rules_are_complete_and_unique(void **state)
{
	size_t count;
	const struct pool_rule *rules = pool_rules_get(&count);

	(void)state;
	assert_int_equal(POOL_RULES, count);
	for (size_t i = 0; i < count; i++) {
		assert_true(rules[i].name && *rules[i].name);
		assert_true(rules[i].summary && *rules[i].summary);
		assert_true(rules[i].advice && *rules[i].advice);
		assert_int_equal(i, pool_rule_find(rules[i].name));
	}
}

static void methods_are_complete_and_unique(void **state)
{
	(void)state;
	for (int i = 0; i < POOL_METHODS; i++) {
		const enum pool_method method = (enum pool_method)i;

		assert_true(*pool_method_name(method) != '?');
		/* Who needs a url asks for it. */
		assert_true(pool_method_asks(method) || !pool_method_needs_url(method));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(pool_method_name(method),
				pool_method_name((enum pool_method)j));
	}
	assert_false(pool_method_asks(POOL_METHOD_TCP));
	assert_false(pool_method_asks(POOL_METHOD_PING));
	assert_true(pool_method_asks(POOL_METHOD_HTTP));
	assert_true(pool_method_asks(POOL_METHOD_TUNNEL));
	assert_true(pool_method_asks(POOL_METHOD_WEBSOCKET));
	assert_false(pool_method_needs_url(POOL_METHOD_HTTP));
	assert_true(pool_method_needs_url(POOL_METHOD_TUNNEL));
}

static void severities_are_complete_and_unique(void **state)
{
	(void)state;
	for (int i = 0; i < POOL_SEVERITIES; i++) {
		const struct pool_severity_row *row =
			pool_severity_get((enum pool_severity)i);

		assert_true(row->name && *row->name);
		assert_true(row->plural && *row->plural);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(row->name,
				pool_severity_get((enum pool_severity)j)->name);
	}
}

static void names_the_nearest_key(void **state)
{
	(void)state;
	assert_string_equal("timeout_seconds",
		pool_schema_nearest(POOL_GROUP_CONNECTION, "timeout_second"));
	assert_string_equal(
		"enabled", pool_schema_nearest(POOL_GROUP_SETTINGS, "Enabled"));
	assert_string_equal("weight", pool_schema_nearest(POOL_GROUP_PROXY, "wieght"));
	assert_null(pool_schema_nearest(POOL_GROUP_POOL, "sticky"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_complete_and_unique),
		cmocka_unit_test(defaults_read_back),
		cmocka_unit_test(policy_has_the_documented_defaults),
		cmocka_unit_test(scalars_are_as_lax_as_written_down),
		cmocka_unit_test(rules_are_complete_and_unique),
		cmocka_unit_test(methods_are_complete_and_unique),
		cmocka_unit_test(severities_are_complete_and_unique),
		cmocka_unit_test(names_the_nearest_key),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
