/* Rounds: which checks are made, which are the same, what a run's results become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <stdlib.h>
#include <string.h>
#include "config/schema.h"
#include "probe/round.h"

/* The model's strings are not const: it owns them elsewhere. */
#define TEXT(literal)   \
	(char[])        \
	{               \
		literal \
	}

/* --- equal checks --------------------------------------------------------------- */

static const struct pool_status_set two_hundred = {.bits = {0, 1}};
static const struct pool_status_set two_hundred_too = {.bits = {0, 1}};
static const struct pool_status_set four_hundred = {.bits = {0, 2}};

static const struct pool_login plain = {
	.scheme = POOL_SCHEME_HTTP, .host = TEXT("h"), .port = 1};

static const struct pool_probe model = {
	.login = &plain,
	.url = "http://t/",
	.request = "GET",
	.expect = &two_hundred,
	.method = POOL_METHOD_HTTP,
	.timeout_ms = 1000,
	.retries = 3,
};

static void checks_are_equal_if_nothing_differs(void **state)
{
	struct pool_login same = plain;
	struct pool_probe other = model;
	char url[] = "http://t/";

	(void)state;
	other.login = &same;
	other.url = url;
	other.expect = &two_hundred_too;
	assert_int_equal(0, pool_probe_compare(&model, &other));
}

#define DIFFERS(member, value)                                    \
	{                                                         \
		struct pool_probe other = model;                  \
		other.member = value;                             \
		if (pool_probe_compare(&model, &other) == 0 ||    \
			pool_probe_compare(&other, &model) == 0)  \
			fail_msg("equal in spite of " #member);   \
		if ((pool_probe_compare(&model, &other) < 0) ==   \
			(pool_probe_compare(&other, &model) < 0)) \
			fail_msg("no order by " #member);         \
	}

static void checks_differ_in_any_one_of_these(void **state)
{
	const struct pool_login logins[] = {
		{.scheme = POOL_SCHEME_SOCKS5, .host = TEXT("h"), .port = 1},
		{.scheme = POOL_SCHEME_HTTP, .host = TEXT("i"), .port = 1},
		{.scheme = POOL_SCHEME_HTTP, .host = TEXT("h"), .port = 2},
		{.scheme = POOL_SCHEME_HTTP,
			.host = TEXT("h"),
			.port = 1,
			.user = TEXT("u")},
		{.scheme = POOL_SCHEME_HTTP,
			.host = TEXT("h"),
			.port = 1,
			.password = TEXT("p")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++)
		DIFFERS(login, &logins[i]);
	DIFFERS(method, POOL_METHOD_TUNNEL);
	DIFFERS(url, "http://t/x");
	DIFFERS(url, NULL);
	DIFFERS(request, "HEAD");
	DIFFERS(headers, "A: b\n");
	DIFFERS(body, "ok");
	DIFFERS(expect, &four_hundred);
	DIFFERS(cooling, &four_hundred);
	DIFFERS(blocked, &four_hundred);
	DIFFERS(timeout_ms, 2000);
	DIFFERS(retries, 2);
}

static void equal_checks_are_led_to_the_first(void **state)
{
	static const uint32_t expected[] = {0, 1, 0, 3, 1, 0};
	struct pool_probe probes[6];
	uint32_t first[6] = {9, 9, 9, 9, 9, 9};

	(void)state;
	for (size_t i = 0; i < 6; i++)
		probes[i] = model;
	probes[1].retries = probes[4].retries = 1;
	probes[3].url = "http://other/";
	assert_int_equal(0, pool_probe_merge(probes, 6, first));
	assert_memory_equal(expected, first, sizeof(expected));
	assert_int_equal(0, pool_probe_merge(probes, 0, first));
}

static void hosts_and_targets_are_numbered(void **state)
{
	const struct pool_login second = {.host = TEXT("h"), .port = 2},
				socks = {.host = TEXT("h"),
					.port = 1,
					.scheme = POOL_SCHEME_SOCKS5,
					.user = TEXT("u")};
	struct pool_probe probes[5];
	struct pool_verdict_item items[5] = {{0}};
	uint32_t targets = 0;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		probes[i] = model;
	probes[1].login = &second;
	probes[2].login = &socks;
	probes[2].retries = 1; /* asks the same, more often */
	probes[3].expect = &four_hundred;
	probes[4].method = POOL_METHOD_TCP;
	probes[4].url = NULL;
	assert_int_equal(0, pool_probe_number(probes, 5, items, &targets));
	assert_int_equal(items[0].host, items[2].host);
	assert_int_not_equal(items[0].host, items[1].host);
	assert_int_equal(items[0].host, items[4].host);
	assert_int_equal(items[0].target, items[1].target);
	assert_int_equal(items[0].target, items[2].target);
	assert_int_not_equal(items[0].target, items[3].target);
	assert_int_equal(POOL_NO_TARGET, items[4].target);
	for (size_t i = 0; i < 4; i++)
		assert_true(items[i].target < targets);
}

/* --- a plan from a snapshot ----------------------------------------------------- */

/* A snapshot made of settings. */
static struct pool_snapshot make_snapshot(struct pool_leaf *leaves, uint32_t count)
{
	struct pool_settings settings = {
		.enabled = true, .leaves = leaves, .leaf_count = count};
	struct pool_snapshot snapshot = {0};
	struct pool_fault fault = {0};

	assert_int_equal(
		0, pool_snapshot_compile(&snapshot, &settings, NULL, NULL, 1, &fault));
	return snapshot;
}

static struct pool_leaf make_leaf(
	char *where, struct pool_member *members, uint32_t count, char *url)
{
	static char get[] = "GET";
	struct pool_leaf leaf = {.where = where,
		.kind = POOL_LEAF_POOL,
		.members = members,
		.member_count = count,
		.request = {.url = url, .method = get}};

	pool_policy_init(&leaf.policy);
	leaf.policy.method = url ? POOL_METHOD_HTTP : POOL_METHOD_TCP;
	return leaf;
}

static const char *look_up(void *context, const char *name)
{
	(void)context;
	return strcmp(name, "SET") == 0 ? "value" : NULL;
}

static const struct pool_secrets secrets = {.lookup = look_up};

static const uint32_t both_leaves[] = {0, 1};

static struct pool_round_options make_options(void)
{
	return (struct pool_round_options){.leaves = both_leaves,
		.leaf_count = 2,
		.method = -1,
		.concurrency = 4,
		.deadline_ms = 1000,
		.secrets = &secrets};
}

static struct pool_member members[] = {
	{.url = TEXT("http://127.0.0.1:1"), .name = TEXT("a"), .enabled = true},
	{.url = TEXT("http://u:${SET}@127.0.0.1:1"), .name = TEXT("b"), .enabled = true},
	{.url = TEXT("http://u:${UNSET}@127.0.0.1:1"),
		.name = TEXT("c"),
		.enabled = true},
	{.url = TEXT("http://127.0.0.1:2"), .name = TEXT("d"), .enabled = false},
	{.url = TEXT("http://127.0.0.1:1"), .name = TEXT("e"), .enabled = true},
};

static void the_plan_has_each_check_once(void **state)
{
	struct pool_leaf leaves[] = {
		make_leaf(TEXT("default.http"), members, 5, TEXT("http://t/")),
		make_leaf(TEXT("default.websocket"), members, 2, TEXT("http://t/"))};
	struct pool_round_options options = make_options();
	struct pool_snapshot snapshot;
	struct pool_round round;

	(void)state;
	leaves[1].policy.control = POOL_CONTROL_DIRECT;
	snapshot = make_snapshot(leaves, 2);
	assert_int_equal(0, pool_round_plan(&round, &snapshot, &options, NULL));
	/* a, b, c, e of the one, a, b of the other; d is disabled */
	assert_int_equal(6, round.count);
	assert_int_equal(2, round.probe_count);
	assert_int_equal(0, round.items[0].probe);
	assert_int_equal(1, round.items[1].probe);
	assert_int_equal(POOL_NO_PROBE, round.items[2].probe);
	assert_int_equal(0, round.items[3].probe);
	assert_int_equal(4, round.items[3].member);
	assert_int_equal(0, round.items[4].probe);
	assert_int_equal(1, round.items[5].probe);
	assert_int_equal(1, round.items[5].leaf);
	/* the second pool wants the control request: so it is wanted for what they share
	 */
	assert_true(round.control_wanted[0]);
	assert_true(round.control_wanted[1]);
	assert_string_equal("value", round.probes[1].login->password);
	assert_int_equal(POOL_REASON_NO_SECRET, round.items[2].found);
	assert_non_null(strstr(round.items[2].detail, "UNSET"));
	assert_int_equal(POOL_LAYER_TARGET, round.outcomes[0].good_layer);
	assert_true(round.outcomes[0].leaf_key == snapshot.leaves[0].key);
	assert_true(round.outcomes[4].leaf_key == snapshot.leaves[1].key);
	pool_round_release(&round);
	pool_snapshot_release(&snapshot);
}

static void pools_whose_checks_are_off_have_no_items(void **state)
{
	struct pool_leaf leaves[] = {make_leaf(TEXT("default.http"), members, 2, NULL),
		make_leaf(TEXT("default.websocket"), members, 1, NULL)};
	struct pool_round_options options = make_options();
	struct pool_snapshot snapshot;
	struct pool_round round;

	(void)state;
	leaves[0].policy.check_enabled = false;
	snapshot = make_snapshot(leaves, 2);
	assert_int_equal(0, pool_round_plan(&round, &snapshot, &options, NULL));
	assert_int_equal(1, round.count);
	assert_int_equal(1, round.items[0].leaf);
	assert_int_equal(POOL_LAYER_CONNECT, round.outcomes[0].good_layer);
	assert_null(round.probes[0].url);
	pool_round_release(&round);
	pool_snapshot_release(&snapshot);
}

static void tcp_checks_of_pools_with_other_urls_are_the_same(void **state)
{
	struct pool_leaf leaves[] = {
		make_leaf(TEXT("default.http"), members, 1, TEXT("http://one/")),
		make_leaf(TEXT("default.websocket"), members, 1, TEXT("http://two/"))};
	struct pool_round_options options = make_options();
	struct pool_snapshot snapshot = make_snapshot(leaves, 2);
	struct pool_round round;

	(void)state;
	assert_int_equal(0, pool_round_plan(&round, &snapshot, &options, NULL));
	assert_int_equal(2, round.probe_count);
	pool_round_release(&round);
	options.method = POOL_METHOD_TCP;
	assert_int_equal(0, pool_round_plan(&round, &snapshot, &options, NULL));
	assert_int_equal(1, round.probe_count);
	pool_round_release(&round);
	options.method = -1;
	options.url = "http://three/";
	assert_int_equal(0, pool_round_plan(&round, &snapshot, &options, NULL));
	assert_int_equal(1, round.probe_count);
	assert_string_equal("http://three/", round.probes[0].url);
	pool_round_release(&round);
	pool_snapshot_release(&snapshot);
}

static void only_narrows_the_plan_and_names_near_misses(void **state)
{
	static const char *const good[] = {"b", "d"}, *const bad[] = {"a", "berlim"};
	struct pool_member own[] = {{.url = TEXT("http://127.0.0.1:7"),
		.name = TEXT("berlin"),
		.enabled = true}};
	struct pool_leaf leaves[] = {make_leaf(TEXT("default.http"), members, 5, NULL),
		make_leaf(TEXT("default.websocket"), own, 1, NULL)};
	struct pool_round_options options = make_options();
	struct pool_snapshot snapshot = make_snapshot(leaves, 2);
	struct pool_fault fault = {0};
	struct pool_round round;

	(void)state;
	options.only = good;
	options.only_count = 2;
	assert_int_equal(0, pool_round_plan(&round, &snapshot, &options, &fault));
	assert_int_equal(1, round.count);
	assert_int_equal(1, round.items[0].member);
	pool_round_release(&round);
	options.only = bad;
	assert_int_equal(
		POOL_EARGUMENT, pool_round_plan(&round, &snapshot, &options, &fault));
	assert_string_equal(
		"no proxy is called 'berlim'; did you mean 'berlin'?", fault.text);
	pool_snapshot_release(&snapshot);
}

static void overrides_that_do_not_fit_are_refused(void **state)
{
	struct pool_leaf leaves[] = {make_leaf(TEXT("default.http"), members, 1, NULL),
		make_leaf(TEXT("default.websocket"), members, 1, NULL)};
	struct pool_round_options options = make_options();
	struct pool_snapshot snapshot;
	struct pool_fault fault = {0};
	struct pool_round round;

	(void)state;
	leaves[1].policy.check_enabled = false;
	snapshot = make_snapshot(leaves, 2);
	options.method = POOL_METHOD_TUNNEL;
	assert_int_equal(
		POOL_EARGUMENT, pool_round_plan(&round, &snapshot, &options, &fault));
	assert_string_equal(
		"default.http: checks by method tunnel need a url: give one with "
		"--url",
		fault.text);
	options.method = -1;
	options.url = "http://t/";
	assert_int_equal(
		POOL_EARGUMENT, pool_round_plan(&round, &snapshot, &options, &fault));
	assert_string_equal(
		"--url is of no use to these checks: their method is tcp; add "
		"--method http",
		fault.text);
	pool_snapshot_release(&snapshot);
}

static void http_checks_without_a_url_ask_for_the_default_one(void **state)
{
	struct pool_leaf leaves[] = {make_leaf(TEXT("default.http"), members, 1, NULL),
		make_leaf(TEXT("default.websocket"), members, 1, TEXT("http://t/"))};
	struct pool_round_options options = make_options();
	struct pool_snapshot snapshot;
	struct pool_round round;

	(void)state;
	leaves[0].policy.method = POOL_METHOD_HTTP;
	snapshot = make_snapshot(leaves, 2);
	assert_int_equal(0, pool_round_plan(&round, &snapshot, &options, NULL));
	assert_int_equal(2, round.probe_count);
	assert_string_equal(pool_check_default_url, round.probes[0].url);
	assert_string_equal("http://t/", round.probes[1].url);
	pool_round_release(&round);
	pool_snapshot_release(&snapshot);
}

/* The set as a number: 0 for NULL, 204 for that status alone, else 1. */
static int name_set(const struct pool_status_set *set)
{
	int count = 0;

	if (!set)
		return 0;
	for (int status = 100; status < 600; status++)
		count += pool_status_set_has(set, status);
	return count == 1 && pool_status_set_has(set, 204) ? 204 : 1;
}

static void statuses_are_expected_by_url_and_word(void **state)
{
	static const struct {
		bool own_url, given;
		const char *option;
		enum pool_method method;
		int expected;
	} cases[] = {
		{false, false, NULL, POOL_METHOD_HTTP, 204},
		{true, false, NULL, POOL_METHOD_HTTP, 0},
		{false, false, "http://t/", POOL_METHOD_HTTP, 0},
		{false, true, NULL, POOL_METHOD_HTTP, 1},
		{true, true, NULL, POOL_METHOD_HTTP, 1},
		{true, false, NULL, POOL_METHOD_WEBSOCKET, 0},
		{true, false, NULL, POOL_METHOD_TUNNEL, 0},
		{false, true, NULL, POOL_METHOD_TCP, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_leaf leaf = make_leaf(TEXT("default.http"), members, 1,
			cases[i].own_url ? TEXT("http://u/") : NULL);
		struct pool_round_options options = make_options();
		struct pool_snapshot snapshot;
		struct pool_round round;

		leaf.policy.method = (uint8_t)cases[i].method;
		if (cases[i].given)
			pool_status_set_parse(&leaf.policy.expect, "200-399", 7);
		snapshot = make_snapshot(&leaf, 1);
		options.leaf_count = 1;
		options.url = cases[i].option;
		assert_int_equal(0, pool_round_plan(&round, &snapshot, &options, NULL));
		assert_int_equal(1, round.probe_count);
		assert_int_equal(cases[i].expected, name_set(round.probes[0].expect));
		pool_round_release(&round);
		pool_snapshot_release(&snapshot);
	}
}

static void an_obstacle_is_one_trouble_of_this_machine_for_all(void **state)
{
	static const struct {
		enum pool_reason found[2];
		enum pool_reason expected;
	} cases[] = {
		{{POOL_REASON_NO_DESCRIPTORS, POOL_REASON_NO_DESCRIPTORS},
			POOL_REASON_NO_DESCRIPTORS},
		{{POOL_REASON_NO_PERMISSION, POOL_REASON_NO_PERMISSION},
			POOL_REASON_NO_PERMISSION},
		{{POOL_REASON_NO_DESCRIPTORS, POOL_REASON_OK}, POOL_REASON_NONE},
		{{POOL_REASON_OK, POOL_REASON_NO_DESCRIPTORS}, POOL_REASON_NONE},
		{{POOL_REASON_NO_MEMORY, POOL_REASON_NO_PORTS}, POOL_REASON_NONE},
		{{POOL_REASON_REFUSED, POOL_REASON_REFUSED}, POOL_REASON_NONE},
		{{POOL_REASON_NO_SECRET, POOL_REASON_NO_SECRET}, POOL_REASON_NONE},
	};
	const struct pool_round nothing = {0};

	(void)state;
	assert_int_equal(POOL_REASON_NONE, pool_round_obstacle(&nothing));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_round_item items[] = {
			{.found = cases[i].found[0]}, {.found = cases[i].found[1]}};
		const struct pool_round round = {.items = items, .count = 2};

		if (pool_round_obstacle(&round) != cases[i].expected)
			fail_msg("case %zu: %d", i, (int)pool_round_obstacle(&round));
	}
}

static void a_round_of_nothing_ends_well(void **state)
{
	struct pool_leaf leaves[] = {
		make_leaf(TEXT("default.http"), &members[2], 2, NULL),
		make_leaf(TEXT("default.websocket"), NULL, 0, NULL)};
	struct pool_round_options options = make_options();
	struct pool_snapshot snapshot = make_snapshot(leaves, 2);
	struct pool_round round;

	(void)state;
	assert_int_equal(0, pool_round_plan(&round, &snapshot, &options, NULL));
	assert_int_equal(1, round.count);
	assert_int_equal(0, round.probe_count);
	assert_int_equal(0, pool_round_run(&round, &options, NULL));
	assert_int_equal(POOL_REASON_NO_SECRET, round.items[0].reason);
	assert_int_equal(POOL_REASON_NO_SECRET, round.outcomes[0].reason);
	assert_true(round.outcomes[0].began_ns > 0);
	pool_round_release(&round);
	pool_snapshot_release(&snapshot);
}

/* --- the control request -------------------------------------------------------- */

/* Takes connections and says nothing. */
static int listen_silently(char *url, size_t size)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
	assert_int_equal(0, listen(fd, 8));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&address, &length));
	snprintf(url, size, "http://127.0.0.1:%u", ntohs(address.sin_port));
	return fd;
}

/* Stop once the check of the proxy has ended. */
static void note_end(void *context, size_t done, size_t count)
{
	*(bool *)context = done == count;
}

static bool has_ended(void *context)
{
	return *(bool *)context;
}

static bool asks_control(bool stopping)
{
	char proxy[64], target[64];
	int proxy_fd = listen_silently(proxy, sizeof(proxy));
	int target_fd = listen_silently(target, sizeof(target)), fd;
	struct pool_member member = {.url = proxy, .name = TEXT("a"), .enabled = true};
	struct pool_leaf leaf = make_leaf(TEXT("default.http"), &member, 1, target);
	struct pool_round_options options = make_options();
	struct pool_snapshot snapshot;
	struct pool_round round;
	bool ended = false;

	leaf.policy.control = POOL_CONTROL_DIRECT;
	leaf.policy.check_timeout_s = 1;
	leaf.policy.retry_count = 0;
	options.leaf_count = 1;
	options.deadline_ms = 10000;
	options.progress = note_end;
	options.stop = stopping ? has_ended : NULL;
	options.context = &ended;
	snapshot = make_snapshot(&leaf, 1);
	assert_int_equal(0, pool_round_plan(&round, &snapshot, &options, NULL));
	assert_int_equal(0, pool_round_run(&round, &options, NULL));
	assert_int_equal(POOL_REASON_HANDSHAKE_TIMEOUT, round.items[0].found);
	pool_round_release(&round);
	pool_snapshot_release(&snapshot);
	fd = accept(target_fd, NULL, NULL);
	if (fd >= 0)
		close(fd);
	close(target_fd);
	close(proxy_fd);
	return fd >= 0;
}

static void a_stop_asks_no_target(void **state)
{
	(void)state;
	assert_true(asks_control(false));
	assert_false(asks_control(true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_are_equal_if_nothing_differs),
		cmocka_unit_test(checks_differ_in_any_one_of_these),
		cmocka_unit_test(equal_checks_are_led_to_the_first),
		cmocka_unit_test(hosts_and_targets_are_numbered),
		cmocka_unit_test(the_plan_has_each_check_once),
		cmocka_unit_test(pools_whose_checks_are_off_have_no_items),
		cmocka_unit_test(tcp_checks_of_pools_with_other_urls_are_the_same),
		cmocka_unit_test(only_narrows_the_plan_and_names_near_misses),
		cmocka_unit_test(overrides_that_do_not_fit_are_refused),
		cmocka_unit_test(http_checks_without_a_url_ask_for_the_default_one),
		cmocka_unit_test(statuses_are_expected_by_url_and_word),
		cmocka_unit_test(an_obstacle_is_one_trouble_of_this_machine_for_all),
		cmocka_unit_test(a_round_of_nothing_ends_well),
		cmocka_unit_test(a_stop_asks_no_target),
	};

	return cmocka_run_group_tests_name("round", tests, NULL, NULL);
}
