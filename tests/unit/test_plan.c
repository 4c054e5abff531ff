/* Plans: which checks are one, and what an edit leaves of what is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "fixture.h"
#include "base/clock.h"
#include "config/config.h"
#include "watch/plan.h"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct pool_hash_key salt = {{1, 2, 3}};

/* A plan and what it was made of. */
struct made {
	struct pool_snapshot snapshot;
	struct pool_plan plan;
};

static const char *secret = "one";

static const char *look_up(void *context, const char *name)
{
	(void)context;
	return strcmp(name, "SECRET") == 0 ? secret : NULL;
}

static const struct pool_secrets secrets = {.lookup = look_up};

/* Through a pool file's text, as a person would. */
static void compile(struct pool_snapshot *snapshot, const char *json)
{
	struct pool_settings settings = {0};
	struct pool_diagnostics diagnostics = {0};
	struct pool_fault fault = {0};
	struct pool_source source = {.bytes = strdup(json),
		.length = strlen(json),
		.path = strdup("pool.json"),
		.directory = strdup("/etc/pools")};

	if (pool_config_read(&settings, &diagnostics, &source, &fault) != 0)
		fail_msg("%s: %s", fault.text, json);
	assert_int_equal(
		0, pool_snapshot_compile(snapshot, &settings, &salt, NULL, 1, &fault));
	pool_settings_release(&settings);
	pool_diagnostics_release(&diagnostics);
	pool_source_release(&source);
}

static int plan_all(struct made *made, struct pool_fault *fault)
{
	uint32_t leaves[20];
	struct pool_round_options options = {
		.leaves = leaves, .method = -1, .secrets = &secrets};

	assert_in_range(made->snapshot.leaf_count, 0, SIZE(leaves));
	while (options.leaf_count < made->snapshot.leaf_count) {
		leaves[options.leaf_count] = (uint32_t)options.leaf_count;
		options.leaf_count++;
	}
	return pool_plan_make(&made->plan, &made->snapshot, &options, &salt, fault);
}

static struct made make(const char *json)
{
	struct pool_fault fault = {0};
	struct made made = {0};

	compile(&made.snapshot, json);
	if (plan_all(&made, &fault) != 0)
		fail_msg("%s: %s", fault.text, json);
	assert_true(made.plan.snapshot_id == made.snapshot.id);
	return made;
}

static void release(struct made *made)
{
	pool_plan_release(&made->plan);
	pool_snapshot_release(&made->snapshot);
}

#define POOL(members, check) "{\"pool\": [" members "], \"health_check\": {" check "}}"
#define DEFAULT(pool)        "{\"enabled\": true, \"default\": {\"http\": " pool "}}"
#define DEFAULT_AND(pool, other) \
	"{\"enabled\": true, \"default\": {\"http\": " pool ", \"websocket\": " other "}}"
#define ASKS(url) "\"method\": \"http\", \"url\": \"" url "\""

#define A "\"http://127.0.0.1:1\""
#define B "\"http://127.0.0.1:2\""
#define C "\"http://127.0.0.1:3\""

/* The member of pool <where> whose proxy has port <port>; the first one. */
static struct pool_plan_member *find(
	const struct made *made, const char *where, const char *port)
{
	for (uint32_t i = 0; i < made->plan.member_count; i++) {
		const struct pool_snapshot *snapshot = &made->snapshot;
		const struct pool_plan_member *member = &made->plan.members[i];
		const char *url =
			pool_snapshot_string(snapshot, snapshot->members[i].url);

		if (strcmp(where,
			    pool_snapshot_string(snapshot,
				    snapshot->leaves[member->leaf].where)) == 0 &&
			strcmp(strrchr(url, ':') + 1, port) == 0)
			return &made->plan.members[i];
	}
	fail_msg("no %s in %s", port, where);
	return NULL;
}

static struct pool_plan_check *check_of(
	const struct made *made, const char *where, const char *port)
{
	uint32_t at = find(made, where, port)->check;

	assert_true(at < made->plan.check_count);
	return &made->plan.checks[at];
}

/* Every list and every number leads to where it belongs. */
static void assert_sound(const struct made *made)
{
	const struct pool_plan *plan = &made->plan;
	uint32_t listed = 0, led = 0;

	assert_int_equal(made->snapshot.member_count, plan->member_count);
	for (uint32_t i = 0; i < plan->check_count; i++) {
		const struct pool_plan_check *check = &plan->checks[i];

		assert_int_equal(i, pool_plan_find(plan, &check->key));
		assert_true(check->first_member < plan->member_count);
		assert_true(check->first_leaf < made->snapshot.leaf_count);
		for (uint32_t at = check->first_member; at != POOL_NO_MEMBER;
			at = plan->members[at].next_member) {
			assert_true(at < plan->member_count);
			assert_int_equal(i, plan->members[at].check);
			assert_true(made->snapshot.leaves[plan->members[at].leaf]
						.policy.interval_s *
					POOL_NS_PER_S >=
				check->interval_ns);
			assert_true(++listed <= plan->member_count);
		}
	}
	for (uint32_t i = 0; i < plan->member_count; i++) {
		const struct pool_plan_member *member = &plan->members[i];

		led += member->check != POOL_NO_CHECK;
		assert_true(made->snapshot.leaves[member->leaf].key == member->leaf_key);
		assert_true(pool_hash_equal(
			&made->snapshot.members[i].identity, &member->identity));
	}
	assert_int_equal(led, listed);
}

/* --- making --------------------------------------------------------------------- */

static void what_asks_the_same_is_one_check(void **state)
{
	struct made made = make(DEFAULT_AND(
		POOL(A ", " B, ASKS("http://t/")), POOL(B ", " C, ASKS("http://t/"))));

	(void)state;
	assert_sound(&made);
	assert_int_equal(4, made.plan.member_count);
	assert_int_equal(2, made.plan.leaf_count);
	assert_int_equal(3, made.plan.check_count);
	assert_ptr_equal(check_of(&made, "default.http", "2"),
		check_of(&made, "default.websocket", "2"));
	release(&made);
}

static void what_differs_in_anything_is_another_check(void **state)
{
	static const char *const others[] = {
		POOL(A, ASKS("http://u/")),
		POOL(A, ASKS("http://t/") ", \"timeout_seconds\": 7"),
		POOL(A, ASKS("http://t/") ", \"retry_count\": 7"),
		POOL(A, ASKS("http://t/") ", \"expect_status\": [204]"),
		POOL(A, "\"method\": \"tcp\""),
		POOL("\"http://u:p@127.0.0.1:1\"", ASKS("http://t/")),
		POOL("\"socks5://127.0.0.1:1\"", ASKS("http://t/")),
	};

	(void)state;
	for (size_t i = 0; i < SIZE(others); i++) {
		char json[1024];
		struct made made;

		snprintf(json, sizeof(json), DEFAULT_AND("%s", "%s"),
			POOL(A, ASKS("http://t/")), others[i]);
		made = make(json);
		assert_sound(&made);
		if (made.plan.check_count != 2)
			fail_msg("%s is the same", others[i]);
		/* All of them lead to one host; not all to one target. */
		assert_true(made.plan.checks[0].host == made.plan.checks[1].host);
		release(&made);
	}
}

static void the_shortest_interval_and_any_wish_for_control_count(void **state)
{
	static const char *const orders[] = {
		DEFAULT_AND(POOL(A, ASKS("http://t/") ", \"interval_seconds\": 50"),
			POOL(A,
				ASKS("http://t/") ", \"interval_seconds\": 20, "
						  "\"control\": \"direct\"")),
		DEFAULT_AND(POOL(A,
				    ASKS("http://t/") ", \"interval_seconds\": 20, "
						      "\"control\": \"direct\""),
			POOL(A, ASKS("http://t/") ", \"interval_seconds\": 50")),
	};

	(void)state;
	for (size_t i = 0; i < SIZE(orders); i++) {
		struct made made = make(orders[i]);

		assert_sound(&made);
		assert_int_equal(1, made.plan.check_count);
		assert_true(made.plan.checks[0].interval_ns == 20 * POOL_NS_PER_S);
		assert_true(made.plan.checks[0].control);
		release(&made);
	}
}

static void a_check_may_take_all_its_attempts_and_the_waits_between(void **state)
{
	struct made made = make(DEFAULT(POOL(
		A, ASKS("http://t/") ", \"timeout_seconds\": 5, \"retry_count\": 2")));

	(void)state;
	assert_in_range(
		made.plan.checks[0].longest_ns, 15 * POOL_NS_PER_S, 21 * POOL_NS_PER_S);
	release(&made);
}

static void the_disabled_have_no_check(void **state)
{
	struct made made = make(DEFAULT_AND(
		POOL(A ", {\"url\": " B ", \"enabled\": false}", "\"method\": \"tcp\""),
		POOL(C, "\"enabled\": false")));

	(void)state;
	assert_sound(&made);
	assert_int_equal(1, made.plan.check_count);
	assert_int_equal(3, made.plan.member_count);
	assert_int_equal(POOL_NO_CHECK, find(&made, "default.http", "2")->check);
	assert_int_equal(POOL_NO_CHECK, find(&made, "default.websocket", "3")->check);
	/* But they are known. */
	assert_true(find(&made, "default.websocket", "3")->leaf_key != 0);
	release(&made);
}

static void checks_without_a_url_have_no_target(void **state)
{
	struct made made = make(DEFAULT_AND(
		POOL(A, "\"method\": \"tcp\""), POOL(A ", " B, ASKS("http://t/"))));

	(void)state;
	assert_true(check_of(&made, "default.http", "1")->target == 0);
	assert_true(check_of(&made, "default.websocket", "1")->target != 0);
	assert_true(check_of(&made, "default.websocket", "1")->target ==
		check_of(&made, "default.websocket", "2")->target);
	assert_true(check_of(&made, "default.websocket", "1")->host !=
		check_of(&made, "default.websocket", "2")->host);
	release(&made);
}

static void only_the_chosen_pools_are_watched(void **state)
{
	const uint32_t second = 1;
	const struct pool_round_options options = {
		.leaves = &second, .leaf_count = 1, .method = -1};
	struct made made = {0};

	(void)state;
	compile(&made.snapshot,
		DEFAULT_AND(
			POOL(A, "\"method\": \"tcp\""), POOL(B, "\"method\": \"tcp\"")));
	assert_int_equal(
		0, pool_plan_make(&made.plan, &made.snapshot, &options, &salt, NULL));
	assert_int_equal(1, made.plan.leaf_count);
	assert_int_equal(1, made.plan.leaves[0]);
	assert_int_equal(1, made.plan.check_count);
	assert_int_equal(2, made.plan.member_count);
	assert_true(made.plan.members[0].leaf_key == 0);
	assert_int_equal(POOL_NO_CHECK, made.plan.members[0].check);
	assert_int_equal(0, made.plan.members[1].check);
	release(&made);
}

static void nothing_to_check_is_a_plan_as_well(void **state)
{
	struct made made = make("{\"enabled\": true}");
	const struct pool_hash key = {1, 2};
	const struct pool_plan none = {0};

	(void)state;
	assert_sound(&made);
	assert_int_equal(0, made.plan.check_count);
	assert_int_equal(POOL_NO_CHECK, pool_plan_find(&made.plan, &key));
	assert_int_equal(POOL_NO_CHECK, pool_plan_find(&none, &key));
	release(&made);
}

/* Two hundred keys in one table. */
static void each_check_is_found_by_its_key(void **state)
{
	static struct fixture_pool pools[2];
	const uint32_t leaves[] = {0, 1};
	const struct pool_round_options options = {
		.leaves = leaves, .leaf_count = 2, .method = POOL_METHOD_TCP};
	struct made made = {0};
	struct pool_hash key;

	(void)state;
	fixture_fill(&pools[0], "default.http", FIXTURE_MEMBERS);
	fixture_fill(&pools[1], "exchanges.okx.http", FIXTURE_MEMBERS);
	fixture_compile(&made.snapshot, pools, 2, &salt);
	assert_int_equal(
		0, pool_plan_make(&made.plan, &made.snapshot, &options, &salt, NULL));
	assert_sound(&made);
	assert_int_equal(FIXTURE_MEMBERS, made.plan.check_count);
	key = made.plan.checks[0].key;
	key.high++;
	assert_int_equal(POOL_NO_CHECK, pool_plan_find(&made.plan, &key));
	release(&made);
}

static void duplicates_of_a_proxy_share_a_check(void **state)
{
	static struct fixture_pool pool = {.where = "default.http",
		.count = 3,
		.members = {{.url = "http://127.0.0.1:1"}, {.url = "http://127.0.0.1:2"},
			{.url = "http://127.0.0.1:1"}}};
	const uint32_t leaf = 0;
	const struct pool_round_options options = {
		.leaves = &leaf, .leaf_count = 1, .method = POOL_METHOD_TCP};
	struct made made = {0}, next = {0};
	struct pool_plan_change change;

	(void)state;
	fixture_compile(&made.snapshot, &pool, 1, &salt);
	fixture_compile(&next.snapshot, &pool, 1, &salt);
	assert_int_equal(
		0, pool_plan_make(&made.plan, &made.snapshot, &options, &salt, NULL));
	assert_int_equal(
		0, pool_plan_make(&next.plan, &next.snapshot, &options, &salt, NULL));
	assert_sound(&made);
	assert_int_equal(2, made.plan.check_count);
	assert_int_equal(made.plan.members[0].check, made.plan.members[2].check);
	/* Each of them is one of before. */
	assert_int_equal(0, pool_plan_inherit(&next.plan, &made.plan, &change));
	assert_int_equal(3, change.kept);
	assert_int_equal(0, change.added + change.removed);
	assert_sound(&next);
	release(&made);
	release(&next);
}

/* --- secrets -------------------------------------------------------------------- */

#define HIDDEN "\"http://u:${SECRET}@127.0.0.1:9\""

static void a_missing_secret_is_a_check_of_its_own(void **state)
{
	struct made made, again;
	struct pool_plan_change change;

	(void)state;
	secret = NULL;
	made = make(DEFAULT_AND(
		POOL(HIDDEN ", " A, ASKS("http://t/")), POOL(HIDDEN, ASKS("http://t/"))));
	again = make(DEFAULT(POOL(HIDDEN, ASKS("http://t/"))));
	secret = "one";
	assert_sound(&made);
	/* Not the same one: each pool may find it at another time. */
	assert_int_equal(3, made.plan.check_count);
	assert_true(check_of(&made, "default.http", "9")->target == 0);
	/* It is known again as long as it is missing. */
	made.plan.checks[find(&made, "default.http", "9")->check].due_ns = 77;
	assert_int_equal(0, pool_plan_inherit(&again.plan, &made.plan, &change));
	assert_true(again.plan.checks[0].due_ns == 77);
	release(&made);
	release(&again);
}

static void another_secret_is_another_check(void **state)
{
	struct made made = make(DEFAULT(POOL(HIDDEN, ASKS("http://t/")))), next;
	struct pool_plan_change change;

	(void)state;
	secret = "two";
	next = make(DEFAULT(POOL(HIDDEN, ASKS("http://t/"))));
	secret = "one";
	made.plan.checks[0].due_ns = 77;
	assert_int_equal(0, pool_plan_inherit(&next.plan, &made.plan, &change));
	assert_true(next.plan.checks[0].due_ns == 0);
	/* The proxy is the same one. */
	assert_int_equal(1, change.kept);
	release(&made);
	release(&next);
}

/* --- edits ---------------------------------------------------------------------- */

/* What is known, so that it can be known again: by the port and the pool. */
static void learn(struct made *made)
{
	for (uint32_t i = 0; i < made->plan.check_count; i++) {
		struct pool_plan_check *check = &made->plan.checks[i];

		check->due_ns = 1000 + i;
		check->token = 50 + i;
		check->quick = 2;
		check->done = check->under_way = check->in_flight = true;
		check->last_reason = POOL_REASON_OK;
		check->target_hearing = 5;
	}
	for (uint32_t i = 0; i < made->plan.member_count; i++) {
		struct pool_plan_member *member = &made->plan.members[i];

		member->seen = true;
		member->status = POOL_STATUS_HEALTHY;
		member->changed_ns = 100 + i;
		member->transitions = 3;
		pool_plan_add_latency(member, 1000 + i);
	}
}

struct edit {
	const char *what, *before, *after;
	uint32_t kept, added, removed;
	uint32_t checks_kept; /* how many of the new plan's know their time */
};

#define SAME ASKS("http://t/")

static const struct edit edits[] = {
	{"nothing", DEFAULT(POOL(A ", " B, SAME)), DEFAULT(POOL(A ", " B, SAME)), 2, 0, 0,
		2},
	{"one more", DEFAULT(POOL(A ", " B, SAME)), DEFAULT(POOL(C ", " A ", " B, SAME)),
		2, 1, 0, 2},
	{"one less", DEFAULT(POOL(A ", " B ", " C, SAME)), DEFAULT(POOL(A ", " C, SAME)),
		2, 0, 1, 2},
	{"another order", DEFAULT(POOL(A ", " B ", " C, SAME)),
		DEFAULT(POOL(C ", " A ", " B, SAME)), 3, 0, 0, 3},
	{"another one in its place", DEFAULT(POOL(A, SAME)), DEFAULT(POOL(B, SAME)), 0, 1,
		1, 0},
	{"all gone", DEFAULT(POOL(A, SAME)), "{\"enabled\": true}", 0, 0, 1, 0},
	{"from nothing", "{\"enabled\": true}", DEFAULT(POOL(A, SAME)), 0, 1, 0, 0},
	{"another url", DEFAULT(POOL(A, SAME)), DEFAULT(POOL(A, ASKS("http://u/"))), 1, 0,
		0, 0},
	{"another timeout", DEFAULT(POOL(A, SAME)),
		DEFAULT(POOL(A, SAME ", \"timeout_seconds\": 3")), 1, 0, 0, 0},
	{"another interval", DEFAULT(POOL(A, SAME)),
		DEFAULT(POOL(A, SAME ", \"interval_seconds\": 99")), 1, 0, 0, 1},
	{"disabled", DEFAULT(POOL(A ", " B, SAME)),
		DEFAULT(POOL(A ", {\"url\": " B ", \"enabled\": false}", SAME)), 2, 0, 0,
		1},
	{"enabled", DEFAULT(POOL(A ", {\"url\": " B ", \"enabled\": false}", SAME)),
		DEFAULT(POOL(A ", " B, SAME)), 2, 0, 0, 1},
	{"no checks any more", DEFAULT(POOL(A, SAME)),
		DEFAULT(POOL(A, "\"enabled\": false")), 1, 0, 0, 0},
	{"weight and name", DEFAULT(POOL(A, SAME)),
		DEFAULT(POOL("{\"url\": " A ", \"weight\": 3, \"name\": \"x\"}", SAME)),
		1, 0, 0, 1},
	/* The proxies are other records then, but what was asked is the same. */
	{"a pool of another name",
		"{\"enabled\": true, \"exchanges\": {\"okx\": {\"http\": " POOL(
			A, SAME) "}}}",
		"{\"enabled\": true, \"exchanges\": {\"kraken\": {\"http\": " POOL(
			A, SAME) "}}}",
		0, 1, 1, 1},
	{"moved to another pool", DEFAULT_AND(POOL(A ", " B, SAME), POOL(C, SAME)),
		DEFAULT_AND(POOL(A, SAME), POOL(B ", " C, SAME)), 2, 1, 1, 3},
	{"in one more pool", DEFAULT(POOL(A, SAME)),
		DEFAULT_AND(POOL(A, SAME), POOL(A, SAME)), 1, 1, 0, 1},
};

/* Whoever is in a pool of that name as before is as before; nobody else is. */
static void assert_members_are_known(const struct made *before, const struct made *after)
{
	static const struct pool_plan_member nobody;

	for (uint32_t i = 0; i < after->plan.member_count; i++) {
		const struct pool_plan_member *member = &after->plan.members[i];
		const struct pool_plan_member *same = &nobody;

		for (uint32_t j = 0; j < before->plan.member_count; j++)
			if (before->plan.members[j].leaf_key == member->leaf_key &&
				pool_hash_equal(&before->plan.members[j].identity,
					&member->identity))
				same = &before->plan.members[j];
		assert_int_equal(same->seen, member->seen);
		assert_int_equal(same->status, member->status);
		assert_true(member->changed_ns == same->changed_ns);
		assert_int_equal(same->transitions, member->transitions);
		assert_int_equal(same->latency_count, member->latency_count);
		assert_memory_equal(same->latencies_us, member->latencies_us,
			sizeof(member->latencies_us));
	}
}

static uint32_t count_known_checks(const struct made *before, const struct made *after)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < after->plan.check_count; i++) {
		const struct pool_plan_check *check = &after->plan.checks[i];
		uint32_t at = pool_plan_find(&before->plan, &check->key);

		if (at == POOL_NO_CHECK) {
			assert_true(check->due_ns == 0 && check->token == 0);
			assert_false(check->done || check->under_way || check->in_flight);
			continue;
		}
		assert_true(check->due_ns == before->plan.checks[at].due_ns);
		assert_true(check->token == before->plan.checks[at].token);
		assert_true(check->done && check->under_way && check->in_flight);
		assert_int_equal(2, check->quick);
		assert_int_equal(5, check->target_hearing);
		count++;
	}
	return count;
}

static void an_edit_changes_only_what_it_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < SIZE(edits); i++) {
		const struct edit *edit = &edits[i];
		struct made before = make(edit->before), after = make(edit->after);
		struct pool_plan_change change = {9, 9, 9};
		uint32_t known;

		learn(&before);
		assert_int_equal(
			0, pool_plan_inherit(&after.plan, &before.plan, &change));
		assert_sound(&after);
		assert_members_are_known(&before, &after);
		known = count_known_checks(&before, &after);
		if (change.kept != edit->kept || change.added != edit->added ||
			change.removed != edit->removed || known != edit->checks_kept)
			fail_msg("%s: %u kept, %u added, %u removed, %u checks",
				edit->what, change.kept, change.added, change.removed,
				known);
		release(&before);
		release(&after);
	}
}

static void what_the_pools_want_is_taken_from_the_new_plan(void **state)
{
	struct made before = make(DEFAULT_AND(POOL(B ", " A, SAME),
			    POOL(A,
				    SAME ", \"interval_seconds\": 10, "
					 "\"control\": \"direct\""))),
		    after = make(DEFAULT(POOL(A, SAME ", \"interval_seconds\": 99")));
	struct pool_plan_change change;

	(void)state;
	learn(&before);
	assert_int_equal(0, pool_plan_inherit(&after.plan, &before.plan, &change));
	assert_true(after.plan.checks[0].interval_ns == 99 * POOL_NS_PER_S);
	assert_false(after.plan.checks[0].control);
	assert_int_equal(0, after.plan.checks[0].first_leaf);
	assert_int_equal(0, after.plan.checks[0].first_member);
	assert_int_equal(POOL_NO_MEMBER, after.plan.members[0].next_member);
	release(&before);
	release(&after);
}

static void the_first_plan_inherits_nothing(void **state)
{
	struct made made = make(DEFAULT(POOL(A ", " B, SAME)));
	const struct pool_plan none = {0};
	struct pool_plan_change change;

	(void)state;
	assert_int_equal(0, pool_plan_inherit(&made.plan, &none, &change));
	assert_int_equal(2, change.added);
	assert_int_equal(0, change.kept + change.removed);
	assert_sound(&made);
	release(&made);
}

static void the_last_latencies_are_kept(void **state)
{
	struct pool_plan_member member = {0};

	(void)state;
	for (int64_t i = 1; i <= POOL_LATENCIES_KEPT + 2; i++)
		pool_plan_add_latency(&member, i);
	assert_int_equal(POOL_LATENCIES_KEPT + 1, member.latencies_us[0]);
	assert_int_equal(POOL_LATENCIES_KEPT + 2, member.latencies_us[1]);
	assert_int_equal(3, member.latencies_us[2]);
	pool_plan_add_latency(&member, (int64_t)UINT32_MAX + 1);
	assert_true(member.latencies_us[2] == UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_asks_the_same_is_one_check),
		cmocka_unit_test(what_differs_in_anything_is_another_check),
		cmocka_unit_test(the_shortest_interval_and_any_wish_for_control_count),
		cmocka_unit_test(a_check_may_take_all_its_attempts_and_the_waits_between),
		cmocka_unit_test(the_disabled_have_no_check),
		cmocka_unit_test(checks_without_a_url_have_no_target),
		cmocka_unit_test(only_the_chosen_pools_are_watched),
		cmocka_unit_test(nothing_to_check_is_a_plan_as_well),
		cmocka_unit_test(each_check_is_found_by_its_key),
		cmocka_unit_test(duplicates_of_a_proxy_share_a_check),
		cmocka_unit_test(a_missing_secret_is_a_check_of_its_own),
		cmocka_unit_test(another_secret_is_another_check),
		cmocka_unit_test(an_edit_changes_only_what_it_changes),
		cmocka_unit_test(what_the_pools_want_is_taken_from_the_new_plan),
		cmocka_unit_test(the_first_plan_inherits_nothing),
		cmocka_unit_test(the_last_latencies_are_kept),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
