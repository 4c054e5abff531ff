/* What keeps a proxy from being selected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "health/obstacle.h"

enum { NOW = 1000 };

static void the_first_thing_in_its_way_is_found(void **state)
{
	static const struct {
		enum pool_obstacle expected;
		struct pool_health health;
		struct pool_obstacle_facts facts;
	} cases[] = {
		{POOL_OBSTACLE_NONE, {0}, {.enabled = true}},
		{POOL_OBSTACLE_NONE, {.known = 1}, {.enabled = true}},
		{POOL_OBSTACLE_FILE, {.known = 1}, {.enabled = false}},
		{POOL_OBSTACLE_FILE, {.admin_disabled = 1}, {.enabled = false}},
		{POOL_OBSTACLE_PERSON, {.admin_disabled = 1, .opened = 1},
			{.enabled = true, .lacks_secret = true}},
		{POOL_OBSTACLE_COOLING, {.cool_until_ns = NOW + 1},
			{.enabled = true, .lacks_secret = true, .most = 1, .held = 1}},
		{POOL_OBSTACLE_OPEN, {.opened = 1, .open_until_ns = NOW + 1},
			{.enabled = true, .lacks_secret = true, .most = 1, .held = 1}},
		{POOL_OBSTACLE_NONE, {.opened = 1, .open_until_ns = NOW},
			{.enabled = true, .trials = 1}},
		{POOL_OBSTACLE_TRIAL, {.opened = 1, .open_until_ns = NOW},
			{.enabled = true, .trials = 1, .held = 1}},
		{POOL_OBSTACLE_SECRET, {.known = 1},
			{.enabled = true, .lacks_secret = true, .most = 1, .held = 1}},
		{POOL_OBSTACLE_LEASES, {.known = 1},
			{.enabled = true, .most = 2, .held = 2, .budget_ns = NOW + 1}},
		{POOL_OBSTACLE_NONE, {.known = 1},
			{.enabled = true, .most = 2, .held = 1, .budget_ns = NOW}},
		{POOL_OBSTACLE_BUDGET, {.known = 1},
			{.enabled = true, .held = 9, .budget_ns = NOW + 1}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_obstacle_facts facts = cases[i].facts;

		facts.health = &cases[i].health;
		facts.now_ns = NOW;
		if (pool_obstacle_find(&facts) != cases[i].expected)
			fail_msg("case %zu: %d", i, pool_obstacle_find(&facts));
	}
}

static void only_the_last_evidence_says_that_a_secret_is_missing(void **state)
{
	struct pool_health health = {.known = 1, .last_reason = POOL_REASON_OK};

	(void)state;
	assert_false(pool_health_lacks_secret(&health));
	health.last_reason = POOL_REASON_NO_SECRET;
	assert_true(pool_health_lacks_secret(&health));
}

static void all_but_the_eligible_are_counted_in_words(void **state)
{
	uint32_t counts[POOL_OBSTACLES] = {[POOL_OBSTACLE_NONE] = 7};
	struct pool_text text = POOL_TEXT_EMPTY;

	(void)state;
	pool_obstacles_add(&text, counts);
	assert_int_equal(0, text.length);
	for (int i = 0; i < POOL_OBSTACLES; i++)
		counts[i] = (uint32_t)i;
	pool_obstacles_add(&text, counts);
	assert_string_equal("1 disabled in the pool file, 2 disabled by a person, "
			    "3 unhealthy, 4 cooling, 5 at a limit (requests), "
			    "6 at a limit (max_connections), 7 on trial, "
			    "8 without a secret",
		text.bytes);
	pool_text_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_thing_in_its_way_is_found),
		cmocka_unit_test(only_the_last_evidence_says_that_a_secret_is_missing),
		cmocka_unit_test(all_but_the_eligible_are_counted_in_words),
	};

	return cmocka_run_group_tests_name("obstacle", tests, NULL, NULL);
}
