/* The dashboard page: whole, escaped, of this machine alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include "report/html.h"
#include "report/stored.h"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct pool_html_event events[] = {
	{"2023-11-13T10:00:00Z", "started", "info", "1 of 2 proxies eligible"},
	{"2023-11-14T22:13:00Z", "transition", "warning",
		"default.http <eu>: healthy -> unhealthy"},
};

static const struct pool_html_extras plain = {
	.file = "/etc/proxypool/pool.json",
	.nonce = "bm9uY2U=",
	.now_wall_s = 1700000000,
	.uptime_s = 7,
	.events = events,
	.event_count = SIZE(events),
};

/* A pool whose name and proxies are as bad as can be, and one that is well. */
static struct pool_report make_report(void)
{
	const struct pool_quorum all = {.count = 100, .percent = true};
	struct pool_report report = {0};
	struct pool_report_row *row;

	assert_int_equal(0, pool_report_add_pool(&report, "exchanges.<&>.http", 3, true));
	row = pool_report_add_row(
		&report, "<script>alert(1)</script>", "http://\"onload='x'&amp;:1");
	row->status = POOL_STATUS_UNHEALTHY;
	row->reason = POOL_REASON_REFUSED;
	row->stored.obstacle = POOL_OBSTACLE_OPEN;
	row->wait_s = 28;
	row->checked_age_s = 3;
	row->latency_us = 12345;
	row->stored.selections = 1;
	row = pool_report_add_row(
		&report, "bidi\xe2\x80\xae\x01\xff", "socks5://[::1]:1080");
	row->status = POOL_STATUS_HEALTHY;
	row->reason = POOL_REASON_OK;
	row->stored.obstacle = POOL_OBSTACLE_LEASES;
	row->stored.held = row->stored.most = 4;
	row->stored.selections = 3;
	row->checked_age_s = 3;
	assert_int_equal(0, pool_report_add_pool(&report, "default.http", 1, true));
	row = pool_report_add_row(&report, "eu-1", "http://10.0.0.1:3128");
	row->status = POOL_STATUS_HEALTHY;
	row->reason = POOL_REASON_OK;
	row->stored.average_us = 23456;
	row->checked_age_s = 3;
	pool_report_judge_stored(&report, &all);
	for (size_t i = 0; i < report.pool_count; i++) {
		report.pools[i].method = POOL_METHOD_HTTP;
		report.pools[i].checked_age_s = 3;
		report.pools[i].stale = false;
	}
	return report;
}

static char *render(
	const struct pool_report *report, const struct pool_html_extras *extras)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	char *page;

	pool_html_render(report, extras, &text);
	page = pool_text_take(&text);
	assert_non_null(page);
	return page;
}

static char *render_plain(void)
{
	struct pool_report report = make_report();
	char *page = render(&report, &plain);

	pool_report_release(&report);
	return page;
}

static size_t count(const char *text, const char *part)
{
	size_t times = 0;

	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		times++;
	return times;
}

static void assert_has(const char *page, const char *part)
{
	if (!strstr(page, part))
		fail_msg("no %s in the page", part);
}

/* The page up to what the script makes new parts of. */
static void cut_templates(char *page)
{
	char *templates = strstr(page, "<template");

	assert_non_null(templates);
	*templates = '\0';
}

static void every_value_is_filled_in(void **context)
{
	char *page = render_plain();

	(void)context;
	assert_null(strstr(page, "{{"));
	assert_null(strstr(page, "{{#"));
	assert_has(page, "<!DOCTYPE html>");
	assert_string_equal("</html>\n", page + strlen(page) - 8);
	free(page);
}

static void what_is_foreign_is_escaped(void **context)
{
	static const char *const parts[] = {
		"&lt;script&gt;alert(1)&lt;/script&gt;",
		"http://&quot;onload=&#39;x&#39;&amp;amp;:1",
		"bidi\\xe2\\x80\\xae\\x01\\xff",
		"exchanges.&lt;&amp;&gt;.http",
		"default.http &lt;eu&gt;: healthy -&gt; unhealthy",
	};
	char *page = render_plain();

	(void)context;
	for (size_t i = 0; i < SIZE(parts); i++)
		assert_has(page, parts[i]);
	assert_null(strstr(page, "<script>alert"));
	assert_null(strstr(page, "\"onload"));
	assert_null(strstr(page, "<eu>"));
	free(page);
}

static void each_special_character_is_escaped(void **context)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"plain", "plain"},
		{"&<>\"'", "&amp;&lt;&gt;&quot;&#39;"},
		{"a&amp;b", "a&amp;amp;b"},
		{"\n\t\x7f", "\\x0a\\x09\\x7f"},
		{"\xc3\xa9", "\xc3\xa9"},
	};

	(void)context;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_text text = POOL_TEXT_EMPTY;
		char *got;

		pool_html_add(&text, cases[i][0]);
		got = pool_text_take(&text);
		assert_string_equal(cases[i][1], got);
		free(got);
	}
}

/* Addresses are those of the proxies and the name of SVG. */
static void nothing_comes_from_elsewhere(void **context)
{
	static const char *const known[] = {
		"http://www.w3.org/2000/svg", "http://&quot;", "http://10.0.0.1:3128"};
	static const char *const outside[] = {"https://", "<link rel=\"stylesheet",
		"@import", "src=\"", "url(", "wss:", "//cdn"};
	char *page = render_plain();

	(void)context;
	for (const char *at = strstr(page, "http://"); at;
		at = strstr(at + 1, "http://")) {
		bool is_known = false;

		for (size_t i = 0; i < SIZE(known); i++)
			is_known |= strncmp(at, known[i], strlen(known[i])) == 0;
		if (!is_known)
			fail_msg("an address: %.60s", at);
	}
	for (size_t i = 0; i < SIZE(outside); i++)
		if (strstr(page, outside[i]))
			fail_msg("%s in the page", outside[i]);
	free(page);
}

/* What its policy would not let run. */
static void scripts_and_styles_have_the_nonce(void **context)
{
	char *page = render_plain();

	(void)context;
	assert_int_equal(1, count(page, "<script nonce=\"bm9uY2U=\">"));
	assert_int_equal(1, count(page, "<style nonce=\"bm9uY2U=\">"));
	assert_int_equal(1, count(page, "<script type=\"application/json\""));
	assert_int_equal(2, count(page, "<script"));
	assert_int_equal(1, count(page, "<style"));
	assert_null(strstr(page, " style="));
	assert_null(strstr(page, " onclick="));
	assert_null(strstr(page, "innerHTML"));
	assert_null(strstr(page, "insertAdjacentHTML"));
	assert_null(strstr(page, "javascript:"));
	free(page);
}

static void the_policy_allows_the_page_alone(void **context)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	(void)context;
	pool_html_add_policy("abc", &text);
	assert_string_equal(
		"default-src 'none'; style-src 'nonce-abc'; script-src 'nonce-abc'; "
		"connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
		"frame-ancestors 'none'",
		text.bytes);
	pool_text_release(&text);
}

static void every_pool_and_proxy_has_its_place(void **context)
{
	char *page = render_plain();

	(void)context;
	cut_templates(page);
	assert_int_equal(2, count(page, "<details class=\"pool\""));
	assert_int_equal(2, count(page, "<a class=\"tile "));
	assert_int_equal(2, count(page, "<thead"));
	assert_int_equal(3, count(page, "<tr role=\"row\" class=\""));
	assert_int_equal(1, count(page, "<tr role=\"row\" class=\"unhealthy\">"));
	assert_int_equal(2, count(page, "<tr role=\"row\" class=\"healthy\">"));
	assert_int_equal(1, count(page, "href=\"#pool-1\""));
	assert_int_equal(1, count(page, "id=\"pool-1\""));
	free(page);
}

static void a_row_tells_all_that_is_known(void **context)
{
	static const char *const parts[] = {
		">connect-refused</span>",
		">nothing listens at the proxy&#39;s address</span>",
		">check that the proxy runs, and its port</span>",
		">12 ms</span>",
		">23 ms</span>",
		">28 s</td>",
		">3 s</td>",
		">25 %</span>",
		"width=\"25.00%\"",
		">75 %</span>",
		">4/4</td>",
		/* what is in the way comes before the reason */
		">at-limit</span>",
		">as many use it as max_connections allows</span>",
	};
	char *page = render_plain();

	(void)context;
	for (size_t i = 0; i < SIZE(parts); i++)
		assert_has(page, parts[i]);
	/* Nothing is the matter with it. */
	assert_null(strstr(page, ">it works<"));
	free(page);
}

static void events_are_newest_first(void **context)
{
	char *page = render_plain();
	const char *first = strstr(page, "<li class=\"event warning\">");
	const char *second = strstr(page, "<li class=\"event info\">");

	(void)context;
	assert_non_null(first);
	assert_non_null(second);
	assert_true(first < second);
	/* today's without the date */
	assert_has(first,
		"<time datetime=\"2023-11-14T22:13:00Z\" data-f=\"time\">22:13:00<");
	assert_has(second, "data-f=\"time\">2023-11-13T10:00:00Z<");
	free(page);
}

/* How the first pool is, and what the page says first. */
static void the_verdict_names_the_worst(void **context)
{
	static const struct {
		uint32_t eligible;
		bool stale, has_url;
		enum pool_fallback fallback;
		const char *title, *verdict, *note;
	} cases[] = {
		{2, false, false, POOL_FALLBACK_FAIL, "3/3 fine - proxypool",
			">All 2 pools are fine<", ">1 unhealthy, 1 at a limit<"},
		{1, false, false, POOL_FALLBACK_FAIL, "2/3 degraded - proxypool",
			">exchanges.&lt;&amp;&gt;.http is degraded<",
			">1 unhealthy, 1 at a limit<"},
		{2, true, false, POOL_FALLBACK_FAIL, "3/3 stale - proxypool",
			">exchanges.&lt;&amp;&gt;.http is stale<",
			">not checked for 3 s; 1 unhealthy, 1 at a limit<"},
		{0, true, false, POOL_FALLBACK_FAIL, "1/3 exhausted - proxypool",
			">exchanges.&lt;&amp;&gt;.http is exhausted<",
			">a selection fails; not checked for 3 s; 1 unhealthy"},
		{0, false, false, POOL_FALLBACK_ANY, "1/3 exhausted - proxypool",
			">exchanges.&lt;&amp;&gt;.http is exhausted<",
			">a selection gets an unhealthy one, with a warning; 1 "
			"unhealthy"},
		{0, false, true, POOL_FALLBACK_ANY, "1/3 exhausted - proxypool",
			">exchanges.&lt;&amp;&gt;.http is exhausted<",
			">a selection gets the pool&#39;s url; 1 unhealthy, 1 at a "
			"limit; "
			"without an eligible one http://&lt;u&gt;:1 (0 uses, not "
			"checked)<"},
	};

	(void)context;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_report report = make_report();
		char *page;

		report.pools[0].eligible = cases[i].eligible;
		report.pools[0].stale = cases[i].stale;
		if (cases[i].has_url)
			report.pools[0].url = strdup("http://<u>:1");
		report.pools[0].fallback = cases[i].fallback;
		page = render(&report, &plain);
		assert_has(page, cases[i].title);
		assert_has(page, cases[i].verdict);
		assert_has(page, cases[i].note);
		free(page);
		pool_report_release(&report);
	}
}

static void a_page_of_nothing_is_whole(void **context)
{
	const struct pool_report report = {0};
	const struct pool_html_extras nothing = {0};
	char *page = render(&report, &nothing);

	(void)context;
	assert_null(strstr(page, "{{"));
	assert_has(page, "The pool file has no pool");
	assert_has(page, "<meta http-equiv=\"refresh\" content=\"10\">");
	free(page);
}

static void banners_show_where_they_are_due(void **context)
{
	struct pool_html_extras extras = plain;
	struct pool_report report = make_report();
	char *page = render(&report, &extras);

	(void)context;
	assert_has(page, "id=\"fault\" hidden>");
	assert_has(page, "id=\"starting\" hidden>");
	free(page);
	extras.fault = "pool.json:12:9: error: 'proxys' is no key";
	extras.starting = true;
	extras.title = "our <pool>";
	extras.refresh_s = 30;
	extras.poll_ms = 200;
	page = render(&report, &extras);
	assert_has(page, "id=\"fault\" >");
	assert_has(page, "pool.json:12:9: error: &#39;proxys&#39; is no key");
	assert_has(page, "id=\"starting\" >");
	assert_has(page, "our &lt;pool&gt;");
	assert_has(page, "content=\"30\"");
	assert_has(page, "data-poll=\"200\"");
	free(page);
	pool_report_release(&report);
}

/* The script looks these words up. */
static void the_words_are_json(void **context)
{
	static const char before[] = "id=\"words\">";
	char *page = render_plain();
	const char *start = strstr(page, before);
	const cJSON *causes;
	cJSON *words;

	(void)context;
	if (!start)
		fail_msg("no words");
	words = cJSON_Parse(start + strlen(before));
	assert_non_null(words);
	causes = cJSON_GetObjectItem(words, "causes");
	for (int i = 0; i < POOL_OBSTACLES; i++) {
		const struct pool_obstacle_row *row =
			pool_obstacle_get((enum pool_obstacle)i);
		const cJSON *cause =
			row->name ? cJSON_GetObjectItem(causes, row->name) : NULL;

		if (row->name)
			assert_string_equal(row->advice,
				cJSON_GetObjectItem(cause, "advice")->valuestring);
	}
	for (int i = 0; i < POOL_RESORTS; i++)
		assert_non_null(
			cJSON_GetObjectItem(cJSON_GetObjectItem(words, "exhausted"),
				pool_resort_get((enum pool_resort)i)->name));
	for (int i = 0; i < POOL_METHODS; i++) {
		const struct pool_tried_row *row = pool_tried_get((enum pool_method)i);
		const cJSON *phrase = cJSON_GetObjectItem(
			cJSON_GetObjectItem(words, "tried"), row->name);

		assert_int_equal(row->phrase != NULL, phrase != NULL);
		if (phrase)
			assert_string_equal(row->phrase, phrase->valuestring);
	}
	cJSON_Delete(words);
	free(page);
}

static void a_pool_says_what_its_checks_do_not_try(void **context)
{
	struct pool_report report = make_report();
	char *page;

	(void)context;
	report.pools[0].method = POOL_METHOD_PING;
	report.pools[1].method = POOL_METHOD_TCP;
	page = render(&report, &plain);
	cut_templates(page);
	/* On its tile and above its table. */
	assert_int_equal(
		2, count(page, "1 unhealthy, 1 at a limit; checks try the host only<"));
	assert_int_equal(2, count(page, ">checks try the port only<"));
	free(page);
	report.pools[1].checked = false;
	page = render(&report, &plain);
	cut_templates(page);
	assert_int_equal(0, count(page, "checks try the port only"));
	free(page);
	pool_report_release(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_is_filled_in),
		cmocka_unit_test(what_is_foreign_is_escaped),
		cmocka_unit_test(each_special_character_is_escaped),
		cmocka_unit_test(nothing_comes_from_elsewhere),
		cmocka_unit_test(scripts_and_styles_have_the_nonce),
		cmocka_unit_test(the_policy_allows_the_page_alone),
		cmocka_unit_test(every_pool_and_proxy_has_its_place),
		cmocka_unit_test(a_row_tells_all_that_is_known),
		cmocka_unit_test(events_are_newest_first),
		cmocka_unit_test(the_verdict_names_the_worst),
		cmocka_unit_test(a_page_of_nothing_is_whole),
		cmocka_unit_test(banners_show_where_they_are_due),
		cmocka_unit_test(the_words_are_json),
		cmocka_unit_test(a_pool_says_what_its_checks_do_not_try),
	};

	return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
