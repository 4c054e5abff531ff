/* Which Host headers a listener answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "watch/host.h"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *const allowed[] = {"pools.example.com", "PORTED.example.com:8443",
	"[2001:db8::1]", "dotted.example."};

static struct pool_host_rule rule_of(bool loopback, const char *address)
{
	return (struct pool_host_rule){
		.loopback = loopback,
		.address = address,
		.port = 9469,
		.machine = "web1.corp.example",
		.names = allowed,
		.count = SIZE(allowed),
	};
}

static void names_are_told_from_what_is_none(void **unused)
{
	static const char *const good[] = {"pools.example.com", "a", "a-b.example",
		"snake_case.example", "example.com.", "EXAMPLE.com", "1.2.3.4", "[::1]",
		"[2001:db8::1]:8443", "pools.example.com:8443", "xn--bcher-kva.de"};
	static const char *const bad[] = {"", ".", ":", ":80", "*", "*.example.com",
		".example.com", "-x", "a..b", "https://pools.example.com",
		"pools.example.com/", "pools.example.com:", "pools.example.com:x",
		"pools.example.com:65536", "user@pools.example.com", "a b", "::1", "[::1",
		"[evil.example]", "[]", "[::1]x",
		"b\xc3\xbc"
		"cher.de",
		"a,b"};

	(void)unused;
	for (size_t i = 0; i < SIZE(good); i++)
		if (!pool_host_is_name(good[i]))
			fail_msg("'%s' is a name", good[i]);
	for (size_t i = 0; i < SIZE(bad); i++)
		if (pool_host_is_name(bad[i]))
			fail_msg("'%s' is no name", bad[i]);
}

static void each_listener_has_its_names(void **unused)
{
	static const struct {
		const char *host;
		bool loopback, beyond; /* answered there */
	} cases[] = {
		{"localhost", true, true},
		{"LocalHost.:80", true, true},
		{"127.0.0.1:9469", true, true},
		{"[::1]:9469", true, true},
		{"[0:0:0:0:0:0:0:1]", true, true},
		{"pools.example.com", true, true},
		{"POOLS.example.COM:443", true, true},
		{"pools.example.com.", true, true},
		{"dotted.example", true, true},
		{"ported.example.com:8443", true, true},
		{"ported.example.com:8444", false, false},
		{"ported.example.com", false, false},
		{"[2001:db8:0::1]:80", true, true},
		{"web1", false, true},
		{"WEB1.corp.example:9469", false, true},
		{"web1.evil.example", false, false},
		{"web", false, false},
		{"192.0.2.7:9469", false, true},
		{"192.0.2.8", false, true},
		{"0.0.0.0", false, true},
		{"[fe80::1]:9469", false, true},
		{"evil.example", false, false},
		{"evil.example:9469", false, false},
		{"192.0.2.7.evil.example", false, false},
		{"pools.example.com.evil.example", false, false},
		{"xpools.example.com", false, false},
		{"evil.example@localhost", false, false},
		{"localhost:evil.example", false, false},
		{"localhost/evil", false, false},
		{"[localhost]", false, false},
		{"::1", false, false},
		{"localhost..", false, false},
		{"", false, false},
		{":9469", false, false},
		{"localhost, evil.example", false, false},
	};
	const struct pool_host_rule loopback = rule_of(true, "127.0.0.1");
	const struct pool_host_rule beyond = rule_of(false, "192.0.2.7");

	(void)unused;
	for (size_t i = 0; i < SIZE(cases); i++)
		if (pool_host_answers(&loopback, cases[i].host) != cases[i].loopback ||
			pool_host_answers(&beyond, cases[i].host) != cases[i].beyond)
			fail_msg("'%s'", cases[i].host);
}

static void without_names_there_are_the_addresses(void **unused)
{
	const struct pool_host_rule rule = {
		.address = "0.0.0.0", .port = 9469, .machine = NULL};
	const struct pool_host_rule other = {.loopback = true, .address = "127.0.0.2"};

	(void)unused;
	assert_false(pool_host_answers(&rule, "web1"));
	assert_false(pool_host_answers(&rule, "pools.example.com"));
	assert_true(pool_host_answers(&rule, "192.0.2.7"));
	assert_true(pool_host_answers(&other, "127.0.0.2:1"));
	assert_false(pool_host_answers(&other, "127.0.0.3"));
}

static void a_browser_would_name_the_port(void **unused)
{
	const struct pool_host_rule rule = rule_of(true, "127.0.0.1");
	struct pool_host_rule http = rule;

	(void)unused;
	http.port = 80;
	assert_true(pool_host_is_passed_on(&rule, "pools.example.org"));
	assert_true(pool_host_is_passed_on(&rule, "pools.example.org:8080"));
	assert_false(pool_host_is_passed_on(&rule, "pools.example.org:9469"));
	assert_false(pool_host_is_passed_on(&rule, "pools.example.org:9469x"));
	assert_false(pool_host_is_passed_on(&http, "pools.example.org"));
	assert_false(pool_host_is_passed_on(&http, "pools.example.org:80"));
	assert_true(pool_host_is_passed_on(&http, "pools.example.org:81"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_told_from_what_is_none),
		cmocka_unit_test(each_listener_has_its_names),
		cmocka_unit_test(without_names_there_are_the_addresses),
		cmocka_unit_test(a_browser_would_name_the_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
