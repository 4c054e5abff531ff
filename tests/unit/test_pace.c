/* The pace of requests: so many a second to one host, and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/random.h"
#include "probe/pace.h"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define S       POOL_NS_PER_S
#define MS      POOL_NS_PER_MS

static void requests_to_one_host_are_a_gap_apart(void **state)
{
	struct pool_pace pace;

	(void)state;
	pool_pace_init(&pace, 4);
	for (int64_t i = 0; i < 100; i++)
		assert_true(pool_pace_book(&pace, "http://t/", 5 * S) ==
			5 * S + i * 250 * MS);
	/* Nothing is saved up. */
	assert_true(pool_pace_book(&pace, "http://t/", 100 * S) == 100 * S);
	assert_true(pool_pace_book(&pace, "http://t/", 100 * S) == 100 * S + 250 * MS);
	pool_pace_release(&pace);
}

static void one_host_has_many_urls(void **state)
{
	static const char *const same[] = {"http://t.example/", "http://t.example",
		"https://t.example/x?y#z", "HTTP://T.EXAMPLE/", "http://t.example:8080/",
		"http://u:p@t.example/", "http://u@x:p@t.example:1/", "ws://t.example/",
		"t.example:443", "http://t.example?q", "http://t.example#f"};
	static const char *const others[] = {"http://u.example/", "http://t.example.org/",
		"http://example/t.example", "http://x/?@t.example", "http://[::1]/",
		"http://[::2]/", "http://127.0.0.1/"};
	struct pool_pace pace;

	(void)state;
	pool_pace_init(&pace, 1);
	for (size_t i = 0; i < SIZE(same); i++)
		if (pool_pace_book(&pace, same[i], S) != S + (int64_t)i * S)
			fail_msg("%s is another host", same[i]);
	for (size_t i = 0; i < SIZE(others); i++)
		if (pool_pace_book(&pace, others[i], S) != S)
			fail_msg("%s is one of those before", others[i]);
	assert_true(pool_pace_book(&pace, "http://[::1]:8080/", S) == 2 * S);
	pool_pace_release(&pace);
}

static void without_a_rate_or_a_url_all_is_at_once(void **state)
{
	struct pool_pace pace, none = {0};

	(void)state;
	pool_pace_init(&pace, 0);
	for (int i = 0; i < 3; i++) {
		assert_true(pool_pace_book(&pace, "http://t/", S) == S);
		assert_true(pool_pace_book(&none, "http://t/", S) == S);
	}
	pool_pace_release(&pace);
	pool_pace_init(&pace, 1);
	for (int i = 0; i < 3; i++)
		assert_true(pool_pace_book(&pace, NULL, S) == S);
	pool_pace_release(&pace);
}

/* Ten a second to each of many hosts, for long: never more, and nothing that grows. */
static void many_hosts_are_each_paced_and_forgotten(void **state)
{
	enum { HOSTS = 500, SECONDS = 60 };
	struct pool_random random = {1};
	int64_t last_ns[HOSTS];
	struct pool_pace pace;
	char url[40];

	(void)state;
	pool_pace_init(&pace, 10);
	for (int i = 0; i < HOSTS; i++)
		last_ns[i] = -S;
	for (int64_t now_ns = S; now_ns < SECONDS * S; now_ns += 10 * MS)
		for (int i = 0; i < 5; i++) {
			size_t host = (size_t)pool_random_below(&random, HOSTS);
			int64_t at_ns;

			snprintf(url, sizeof(url), "http://host%zu/", host);
			at_ns = pool_pace_book(&pace, url, now_ns);
			assert_true(at_ns >= now_ns);
			assert_true(at_ns - last_ns[host] >= 100 * MS);
			assert_true(at_ns == now_ns || at_ns == last_ns[host] + 100 * MS);
			last_ns[host] = at_ns;
		}
	/* Fifty are asked within the tenth of a second that they are remembered for. */
	assert_true(pace.room <= 1024);
	pool_pace_release(&pace);
	assert_int_equal(0, pace.room);
}

/* The slowest that can be asked for, for ever. */
static void a_very_slow_pace_does_not_overflow(void **state)
{
	struct pool_pace pace;
	int64_t before_ns = 0;

	(void)state;
	pool_pace_init(&pace, 1e-300);
	for (int i = 0; i < 20000; i++) {
		int64_t at_ns = pool_pace_book(&pace, "http://t/", S);

		assert_true(at_ns >= before_ns);
		before_ns = at_ns;
	}
	pool_pace_release(&pace);
	pool_pace_init(&pace, 1e300);
	for (int i = 0; i < 10; i++)
		assert_true(pool_pace_book(&pace, "http://t/", S) == S);
	pool_pace_release(&pace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_to_one_host_are_a_gap_apart),
		cmocka_unit_test(one_host_has_many_urls),
		cmocka_unit_test(without_a_rate_or_a_url_all_is_at_once),
		cmocka_unit_test(many_hosts_are_each_paced_and_forgotten),
		cmocka_unit_test(a_very_slow_pace_does_not_overflow),
	};

	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
