/* Sentences about a selection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "config/url.h"
#include "report/explain.h"

/* The log line shows where a proxy leads, and nothing more of its URL. */
static void a_chosen_proxy_is_told_without_its_login(void **state)
{
	const struct pool_answer_query query = {
		.exchange = "okx", .type = POOL_TYPE_WEBSOCKET};
	static const struct {
		const char *url, *expected;
	} cases[] = {
		{"socks5h://mira:S3CRETpw@[::1]:1080",
			"proxy: transport=websocket exchange=okx scheme=socks5h "
			"endpoint=[::1]:1080"},
		{"http://h.test:8080",
			"proxy: transport=websocket exchange=okx "
			"scheme=http endpoint=h.test:8080"},
		{"no url at all", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char url[64];
		const struct pool_proxy_choice proxy = {.url = strcpy(url, cases[i].url)};
		struct pool_text text = POOL_TEXT_EMPTY;

		pool_explain_proxy(&text, &query, &proxy);
		assert_string_equal(cases[i].expected, text.bytes ? text.bytes : "");
		pool_text_release(&text);
	}
}

static void every_reason_has_a_sentence_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < POOL_NO_REASONS; i++) {
		const char *sentence = pool_explain_none((enum pool_no_reason)i);

		assert_non_null(sentence);
		assert_true(sentence[0]);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
				pool_explain_none((enum pool_no_reason)j), sentence);
	}
	assert_string_equal(pool_explain_none(POOL_NO_ERROR),
		pool_explain_none((enum pool_no_reason)POOL_NO_REASONS));
}

/* Each is one host name, its first label the reason, whichever part a client takes. */
static void every_reason_has_an_answer_that_leads_nowhere(void **state)
{
	(void)state;
	for (int i = 0; i < POOL_NO_REASONS; i++) {
		const struct pool_no_proxy *none =
			pool_no_proxy_get((enum pool_no_reason)i);
		const size_t length = strlen(none->reason);
		struct pool_url url;
		char text[80];

		assert_string_equal(
			none->reason, pool_no_reason_name((enum pool_no_reason)i));
		assert_true(length > 0 && length < 64);
		assert_int_equal(
			length, strspn(none->reason, "abcdefghijklmnopqrstuvwxyz-"));
		assert_true(none->reason[0] != '-' && none->reason[length - 1] != '-');
		snprintf(text, sizeof(text), "%s.no-proxy.invalid", none->reason);
		assert_string_equal(text, none->host);
		snprintf(text, sizeof(text), "%s:%s", none->host, none->port);
		assert_string_equal(text, none->hostport);
		snprintf(text, sizeof(text), "http://%s", none->hostport);
		assert_string_equal(text, none->url);
		assert_int_equal(POOL_URL_OK,
			pool_url_parse(none->url, strlen(none->url), &url, NULL));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
				pool_no_proxy_get((enum pool_no_reason)j)->url,
				none->url);
	}
	assert_ptr_equal(pool_no_proxy_get(POOL_NO_ERROR),
		pool_no_proxy_get((enum pool_no_reason)POOL_NO_REASONS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chosen_proxy_is_told_without_its_login),
		cmocka_unit_test(every_reason_has_a_sentence_of_its_own),
		cmocka_unit_test(every_reason_has_an_answer_that_leads_nowhere),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
