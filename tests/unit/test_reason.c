/* The reason table: complete, unique, stable numbers, round trips. */
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "health/reason.h"

static void every_row_is_complete(void **state)
{
	(void)state;
	for (int i = 0; i < POOL_REASONS; i++) {
		const struct pool_reason_row *row = pool_reason_get(i);

		assert_non_null(row->name);
		assert_true(strlen(row->name) > 1);
		assert_int_equal(strlen(row->name),
			strspn(row->name, "abcdefghijklmnopqrstuvwxyz-"));
		assert_true(strlen(row->sentence) > 10 || i == POOL_REASON_OK);
		assert_true(strlen(row->advice) > 5);
		assert_true(row->layer < POOL_LAYERS);
		assert_true(row->verdict < POOL_VERDICTS);
	}
}

static void names_are_unique_and_are_found(void **state)
{
	(void)state;
	for (int i = 0; i < POOL_REASONS; i++)
		assert_int_equal(i, pool_reason_find(pool_reason_get(i)->name));
	assert_int_equal(-1, pool_reason_find("no-such-reason"));
	assert_int_equal(-1, pool_reason_find(""));
}

static void a_number_out_of_range_is_none(void **state)
{
	(void)state;
	assert_string_equal("none", pool_reason_get(POOL_REASONS)->name);
	assert_string_equal("none", pool_reason_get(-1)->name);
}

/* What the state file and other machines rely on. */
static void numbers_and_verdicts_stand(void **state)
{
	static const struct {
		int number;
		const char *name;
		enum pool_verdict verdict;
	} cases[] = {
		{1, "ok", POOL_VERDICT_OK},
		{2, "no-descriptors", POOL_VERDICT_INCONCLUSIVE},
		{3, "no-route", POOL_VERDICT_INCONCLUSIVE},
		{4, "no-resolver", POOL_VERDICT_INCONCLUSIVE},
		{9, "connect-refused", POOL_VERDICT_DOWN},
		{11, "connect-timeout", POOL_VERDICT_DOWN},
		{14, "handshake-timeout", POOL_VERDICT_DOWN},
		{15, "wrong-protocol", POOL_VERDICT_DOWN},
		{19, "authentication", POOL_VERDICT_DOWN},
		{21, "tls-verify", POOL_VERDICT_DOWN},
		{22, "target-name", POOL_VERDICT_INCONCLUSIVE},
		{23, "target-refused", POOL_VERDICT_INCONCLUSIVE},
		{24, "target-unreachable", POOL_VERDICT_INCONCLUSIVE},
		{28, "status", POOL_VERDICT_DOWN},
		{30, "blocked", POOL_VERDICT_BLOCKED},
		{31, "limited", POOL_VERDICT_LIMITED},
		{33, "run-deadline", POOL_VERDICT_INCONCLUSIVE},
		{34, "target-suspect", POOL_VERDICT_INCONCLUSIVE},
		{35, "uplink-suspect", POOL_VERDICT_INCONCLUSIVE},
		{37, "no-ports", POOL_VERDICT_INCONCLUSIVE},
		{36, "reported", POOL_VERDICT_DOWN},
		{38, "bad-setup", POOL_VERDICT_INCONCLUSIVE},
		{39, "person", POOL_VERDICT_INCONCLUSIVE},
		{40, "proxy-failed", POOL_VERDICT_DOWN},
		{41, "greeting-timeout", POOL_VERDICT_DOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pool_reason_row *row = pool_reason_get(cases[i].number);

		assert_string_equal(cases[i].name, row->name);
		assert_int_equal(cases[i].verdict, row->verdict);
	}
}

static void nothing_of_this_machine_blames_a_proxy(void **state)
{
	(void)state;
	for (int i = 0; i < POOL_REASONS; i++)
		if (pool_reason_get(i)->layer == POOL_LAYER_LOCAL)
			assert_int_equal(
				POOL_VERDICT_INCONCLUSIVE, pool_reason_get(i)->verdict);
}

/* An errno of a connection blames the proxy only where its host, or the way to it, says
 * no. */
static void errnos_of_a_connection_are_mapped(void **state)
{
	static const struct {
		int error;
		const char *reason;
	} cases[] = {
		{0, "none"},
		{EINVAL, "none"},
		{EINPROGRESS, "none"},
		{EMFILE, "no-descriptors"},
		{ENFILE, "no-descriptors"},
		{ENOMEM, "no-memory"},
		{ENOBUFS, "no-memory"},
		{EADDRNOTAVAIL, "no-ports"},
		{ENETUNREACH, "no-route"},
		{ENETDOWN, "no-route"},
		{EAFNOSUPPORT, "no-route"},
		{EACCES, "no-permission"},
		{EPERM, "no-permission"},
		{ECONNREFUSED, "connect-refused"},
		{EHOSTUNREACH, "unreachable"},
		{ETIMEDOUT, "connect-timeout"},
		{ECONNRESET, "reset"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(cases[i].reason,
			pool_reason_get((int)pool_reason_from_errno(cases[i].error))
				->name);
}

static void errors_of_a_lookup_are_mapped(void **state)
{
	static const struct {
		int error;
		const char *reason;
	} cases[] = {
		{0, "none"},
		{EAI_NONAME, "proxy-name"},
		{EAI_NODATA, "proxy-name"},
		{EAI_FAIL, "proxy-name"},
		{EAI_AGAIN, "no-resolver"},
		{EAI_SYSTEM, "no-resolver"},
		{EAI_MEMORY, "no-memory"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(cases[i].reason,
			pool_reason_get((int)pool_reason_from_lookup(cases[i].error))
				->name);
}

static void only_what_came_from_the_target_was_relayed(void **state)
{
	static const char *const relayed[] = {"status", "body", "blocked", "limited"};
	size_t count = 0;

	(void)state;
	for (int i = 0; i < POOL_REASONS; i++)
		count += pool_reason_get(i)->relayed;
	assert_int_equal(sizeof(relayed) / sizeof(relayed[0]), count);
	for (size_t i = 0; i < count; i++)
		assert_true(pool_reason_get(pool_reason_find(relayed[i]))->relayed);
}

static void verdicts_and_layers_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < POOL_VERDICTS; i++)
		assert_true(strlen(pool_verdict_name((enum pool_verdict)i)) > 1);
	for (int i = 0; i < POOL_LAYERS; i++)
		assert_true(strlen(pool_layer_name((enum pool_layer)i)) > 1);
	assert_string_equal("blocked", pool_verdict_name(POOL_VERDICT_BLOCKED));
	assert_string_equal("handshake", pool_layer_name(POOL_LAYER_HANDSHAKE));
}

static void exit_statuses_of_curl_are_mapped(void **state)
{
	static const struct {
		int status;
		const char *reason;
	} cases[] = {
		{0, "ok"},
		{5, "proxy-name"},
		{6, "target-name"},
		{7, "connect-refused"},
		{8, "proxy-failed"},
		{16, "truncated"},
		{18, "truncated"},
		{28, "response-timeout"},
		{35, "tls"},
		{51, "tls-verify"},
		{52, "empty-answer"},
		{55, "reset"},
		{56, "reset"},
		{60, "tls-verify"},
		{83, "tls-verify"},
		{90, "tls-verify"},
		{91, "tls-verify"},
		{92, "truncated"},
		{97, "proxy-failed"},
	};
	size_t next = 0;

	(void)state;
	/* What is not in the table says nothing. */
	for (int status = -1; status <= 300; status++) {
		const char *expected = "none";

		if (next < sizeof(cases) / sizeof(cases[0]) &&
			cases[next].status == status)
			expected = cases[next++].reason;
		assert_string_equal(expected,
			pool_reason_get((int)pool_reason_from_curl(status))->name);
	}
	assert_int_equal(sizeof(cases) / sizeof(cases[0]), next);
	assert_int_equal(POOL_REASON_NONE, pool_reason_from_curl(INT32_MIN));
	assert_int_equal(POOL_REASON_NONE, pool_reason_from_curl(INT32_MAX));
}

static void exit_statuses_of_wget_are_mapped(void **state)
{
	static const char *const expected[] = {"ok", "none", "none", "none", "reported",
		"tls-verify", "none", "none", "none"};

	(void)state;
	for (int status = 0; status < 9; status++)
		assert_string_equal(expected[status],
			pool_reason_get((int)pool_reason_from_wget(status))->name);
	assert_int_equal(POOL_REASON_NONE, pool_reason_from_wget(-1));
	assert_int_equal(POOL_REASON_NONE, pool_reason_from_wget(9));
	assert_int_equal(POOL_REASON_NONE, pool_reason_from_wget(INT32_MIN));
	assert_int_equal(POOL_REASON_NONE, pool_reason_from_wget(INT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_complete),
		cmocka_unit_test(names_are_unique_and_are_found),
		cmocka_unit_test(a_number_out_of_range_is_none),
		cmocka_unit_test(numbers_and_verdicts_stand),
		cmocka_unit_test(nothing_of_this_machine_blames_a_proxy),
		cmocka_unit_test(errnos_of_a_connection_are_mapped),
		cmocka_unit_test(errors_of_a_lookup_are_mapped),
		cmocka_unit_test(only_what_came_from_the_target_was_relayed),
		cmocka_unit_test(verdicts_and_layers_have_names),
		cmocka_unit_test(exit_statuses_of_curl_are_mapped),
		cmocka_unit_test(exit_statuses_of_wget_are_mapped),
	};

	return cmocka_run_group_tests_name("reason", tests, NULL, NULL);
}
