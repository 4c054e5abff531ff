/* The report in all its formats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "pool.h"
#include "report/columns.h"
#include "report/exposition.h"
#include "report/metrics.h"

static const enum pool_column few[] = {
	POOL_COLUMN_PROXY, POOL_COLUMN_STATUS, POOL_COLUMN_LATENCY, POOL_COLUMN_WHAT};

static struct pool_report make_report(void)
{
	struct pool_report report = {
		.has_run = true, .run_at_s = 1700000000, .run_us = 2500000};
	struct pool_quorum quorum = {.count = 1};
	struct pool_report_row *row;

	assert_int_equal(POOL_EINVALID, pool_report_add_pool(&report, NULL, 3, true));
	assert_int_equal(0, pool_report_add_pool(&report, "default.http", 3, true));
	row = pool_report_add_row(&report, "eu-1", "http://10.0.0.1:3128");
	row->status = POOL_STATUS_HEALTHY;
	row->result = POOL_RESULT_PASSED;
	row->reason = POOL_REASON_OK;
	row->latency_us = 12345;
	row->http_status = 200;
	row->attempts = 1;
	row = pool_report_add_row(&report, "b\t\"\\\n\033", "socks5://[::1]:1080");
	row->status = POOL_STATUS_UNHEALTHY;
	row->result = POOL_RESULT_FAILED;
	row->reason = POOL_REASON_REFUSED;
	row->wait_s = 28;
	strcpy(row->detail, "more");
	assert_int_equal(
		0, pool_report_add_pool(&report, "exchanges.okx.http", 1, false));
	row = pool_report_add_row(&report, "okx", "http://10.0.0.3:3128");
	row->status = POOL_STATUS_UNKNOWN;
	pool_report_count(&report, &quorum);
	return report;
}

static char *render(const struct pool_report *report, enum pool_format format,
	const enum pool_column *columns, size_t count, bool only_failed)
{
	const struct pool_report_view view = {.format = format,
		.columns = columns,
		.column_count = count,
		.only_failed = only_failed};
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_report_render(report, &view, &text);
	return pool_text_take(&text);
}

static void assert_rendered(
	const char *expected, enum pool_format format, bool only_failed)
{
	struct pool_report report = make_report();
	char *got = render(&report, format, few, 4, only_failed);

	assert_string_equal(expected, got);
	free(got);
	pool_report_release(&report);
}

static void the_table_is_aligned_and_has_no_raw_bytes(void **state)
{
	(void)state;
	assert_rendered(
		"PROXY            STATUS      TIME  WHAT HAPPENED\n"
		"eu-1             healthy    12 ms\n"
		"b\\x09\"\\\\x0a\\x1b  unhealthy      -  nothing listens at the proxy's "
		"address (more)\n"
		"okx              unknown        -\n",
		POOL_FORMAT_TABLE, false);
}

static void tsv_has_a_header_and_escapes(void **state)
{
	(void)state;
	assert_rendered("proxy\tstatus\tlatency_seconds\twhat\n"
			"eu-1\thealthy\t0.012345\t\n"
			"b\\t\"\\\\\\n\\x1b\tunhealthy\t\tnothing listens at the proxy's "
			"address\n"
			"okx\tunknown\t\t\n",
		POOL_FORMAT_TSV, false);
}

static void jsonl_is_an_object_a_line(void **state)
{
	(void)state;
	assert_rendered(
		"{\"proxy\":\"eu-1\",\"status\":\"healthy\",\"latency_seconds\":0.012345,"
		"\"what\":\"\"}\n"
		"{\"proxy\":\"b\\t\\\"\\\\\\n\\u001b\",\"status\":\"unhealthy\","
		"\"latency_seconds\":null,"
		"\"what\":\"nothing listens at the proxy's address\"}\n"
		"{\"proxy\":\"okx\",\"status\":\"unknown\",\"latency_seconds\":null,"
		"\"what\":\"\"}\n",
		POOL_FORMAT_JSONL, false);
}

static void json_is_one_document_with_pools(void **state)
{
	static const char *const parts[] = {"{\n\t\"quorum\":\t\"met\"",
		"\"timestamp_seconds\":\t1700000000", "\"duration_seconds\":\t2.5",
		"\"pool\":\t\"default.http\"", "\"types\":\t\"http,websocket\"",
		"\"passed\":\t1", "\"quorum\":\t\"not-asked\"", "\"proxies\":\t[{",
		"\"proxy\":\t\"eu-1\""};
	struct pool_report report = make_report();
	char *got = render(&report, POOL_FORMAT_JSON, few, 4, false);

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(got, parts[i]))
			fail_msg("no %s in %s", parts[i], got);
	assert_string_equal("\n", got + strlen(got) - 1);
	free(got);
	pool_report_release(&report);
}

/* The layout is cJSON's, and what stands in it is what it reads. */
static void json_is_what_cjson_would_print(void **state)
{
	const enum pool_column columns[] = {POOL_COLUMN_POOL, POOL_COLUMN_PROXY,
		POOL_COLUMN_LATENCY, POOL_COLUMN_AVERAGE, POOL_COLUMN_ELIGIBLE,
		POOL_COLUMN_HTTP_STATUS, POOL_COLUMN_WAIT, POOL_COLUMN_SELECTIONS};
	static const int64_t latencies[] = {-1, 0, 1, 7, 99, 123456, 1000000, 3600000001};
	struct pool_report report = make_report();

	(void)state;
	report.rows[2].stored.selections = 3000000000;
	report.rows[2].name[0] = '\x7f';
	for (size_t i = 0; i < 2 * sizeof(latencies) / sizeof(latencies[0]); i++) {
		struct pool_report_view view = {.format = POOL_FORMAT_JSON,
			.columns = columns,
			.column_count = 8,
			.compact = i % 2};
		struct pool_text text = POOL_TEXT_EMPTY;
		cJSON *tree;
		char *printed;

		report.rows[0].latency_us = latencies[i / 2];
		report.rows[1].stored.average_us = latencies[i / 2];
		report.is_stored = i % 3;
		pool_report_render(&report, &view, &text);
		tree = cJSON_Parse(text.bytes);
		assert_non_null(tree);
		printed = i % 2 ? cJSON_PrintUnformatted(tree) : cJSON_Print(tree);
		text.bytes[text.length - 1] = '\0';
		assert_string_equal(printed, text.bytes);
		cJSON_free(printed);
		cJSON_Delete(tree);
		pool_text_release(&text);
	}
	pool_report_release(&report);
}

static void add_own(void *context, struct pool_text *text)
{
	pool_text_addf(text, ",\"own\":\"%s\"", (const char *)context);
}

static void add_own_of_row(
	void *context, const struct pool_report_row *row, struct pool_text *text)
{
	pool_text_addf(text, ",\"%s\":%d", (const char *)context, (int)row->http_status);
}

static void json_has_members_of_the_callers(void **state)
{
	char mark[] = "mark";
	const struct pool_report_view view = {.format = POOL_FORMAT_JSON,
		.columns = few,
		.column_count = 1,
		.compact = true,
		.rows_name = "changes",
		.add_members = add_own,
		.add_row_members = add_own_of_row,
		.context = mark};
	struct pool_text text = POOL_TEXT_EMPTY;
	struct pool_report report = make_report();

	(void)state;
	pool_report_render(&report, &view, &text);
	assert_string_equal("{\"changes\":[{\"proxy\":\"eu-1\",\"mark\":200},"
			    "{\"proxy\":\"b\\t\\\"\\\\\\n\\u001b\",\"mark\":0},"
			    "{\"proxy\":\"okx\",\"mark\":0}],\"own\":\"mark\"}\n",
		text.bytes);
	pool_text_release(&text);
	pool_report_release(&report);
}

static void only_what_failed_leaves_out_pools_that_met_their_quorum(void **state)
{
	struct pool_quorum both = {.count = 2};
	struct pool_report report = make_report();
	char *got = render(&report, POOL_FORMAT_TABLE, few, 4, true);

	(void)state;
	assert_string_equal("", got);
	free(got);
	pool_report_count(&report, &both);
	got = render(&report, POOL_FORMAT_TABLE, few, 1, true);
	assert_string_equal("PROXY\nb\\x09\"\\\\x0a\\x1b\n", got);
	free(got);
	pool_report_release(&report);
}

static void every_column_has_a_name_of_its_own(void **state)
{
	struct pool_report report = make_report();

	(void)state;
	for (int i = 0; i < POOL_COLUMNS; i++) {
		const struct pool_column_row *column =
			pool_column_get((enum pool_column)i);

		assert_non_null(column->name);
		assert_true(column->name[0] && column->heading[0]);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
				pool_column_get((enum pool_column)j)->name, column->name);
		column->get(&report.pools[0], &report.rows[0]);
	}
	pool_report_release(&report);
}

static void durations_are_shown_in_fitting_units(void **state)
{
	static const struct {
		const char *expected;
		enum pool_cell_kind kind;
		int64_t number;
	} cases[] = {
		{"0.3 ms", POOL_CELL_US, 300},
		{"12 ms", POOL_CELL_US, 12900},
		{"1.5 s", POOL_CELL_US, 1500000},
		{"28 s", POOL_CELL_S, 28},
		{"119 s", POOL_CELL_S, 119},
		{"2 min", POOL_CELL_S, 120},
		{"119 min", POOL_CELL_S, 7199},
		{"2 h", POOL_CELL_S, 7200},
		{"3 d", POOL_CELL_S, 259200},
		{"-", POOL_CELL_NONE, 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_cell cell = {
			.kind = cases[i].kind, .number = cases[i].number};
		struct pool_text text = POOL_TEXT_EMPTY;

		pool_cell_show(&cell, &text);
		assert_string_equal(cases[i].expected, text.bytes);
		pool_text_release(&text);
	}
}

static void quorums_are_read_and_rounded_up(void **state)
{
	static const struct {
		const char *text;
		uint32_t enabled, need;
	} cases[] = {{"1", 5, 1}, {"0", 5, 0}, {"7", 5, 7}, {"50%", 5, 3}, {"50%", 4, 2},
		{"100%", 5, 5}, {"1%", 5, 1}, {"0%", 5, 0}, {"34%", 3, 2}, {"50%", 0, 1},
		{"3", 0, 3}};
	static const char *const bad[] = {
		"", "%", "101%", "-1", "1.5", "x", "5 %", "1%%", "99999999999999999999"};
	struct pool_quorum quorum;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(pool_quorum_parse(cases[i].text, &quorum));
		assert_int_equal(
			cases[i].need, pool_quorum_need(&quorum, cases[i].enabled));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(pool_quorum_parse(bad[i], &quorum));
}

/* Whatever is asked for, and however good the checks are. */
static void no_quorum_is_met_where_nothing_can_be_selected(void **state)
{
	static const char *const quorums[] = {"0", "1", "0%", "50%", "100%"};
	struct pool_quorum quorum;

	(void)state;
	for (size_t i = 0; i < sizeof(quorums) / sizeof(quorums[0]); i++) {
		struct pool_report report = make_report();
		struct pool_text text = POOL_TEXT_EMPTY;

		assert_true(pool_quorum_parse(quorums[i], &quorum));
		report.rows[0].status = POOL_STATUS_COOLING;
		report.rows[0].stored.obstacle = POOL_OBSTACLE_COOLING;
		report.rows[1].status = POOL_STATUS_DISABLED;
		report.rows[1].stored.obstacle = POOL_OBSTACLE_PERSON;
		pool_report_count(&report, &quorum);
		assert_int_equal(1, report.pools[0].enabled);
		assert_int_equal(1, report.pools[0].results[POOL_RESULT_PASSED]);
		assert_int_equal(POOL_QUORUM_MISSED, report.pools[0].quorum);
		pool_report_summarize(&report.pools[0], &text);
		assert_non_null(strstr(text.bytes,
			"default.http: 1 of 1 passed, 1 disabled; none is eligible: "
			"1 disabled by a person, 1 cooling; the quorum of "));
		pool_text_release(&text);
		/* Whoever uses it will be done. */
		report.rows[0].status = POOL_STATUS_HEALTHY;
		report.rows[0].stored.obstacle = POOL_OBSTACLE_LEASES;
		pool_report_count(&report, &quorum);
		assert_int_equal(POOL_QUORUM_MET, report.pools[0].quorum);
		report.rows[0].status = POOL_STATUS_DISABLED;
		report.rows[0].stored.obstacle = POOL_OBSTACLE_PERSON;
		pool_report_count(&report, &quorum);
		assert_int_equal(0, report.pools[0].enabled);
		assert_int_equal(POOL_QUORUM_MISSED, report.pools[0].quorum);
		pool_report_release(&report);
	}
}

static void pools_are_summed_up_in_words(void **state)
{
	struct pool_quorum quorum = {.count = 100, .percent = true};
	struct pool_report report = make_report();
	struct pool_text text = POOL_TEXT_EMPTY;

	(void)state;
	pool_report_count(&report, &quorum);
	pool_report_summarize(&report.pools[0], &text);
	pool_text_add(&text, "\n");
	pool_report_summarize(&report.pools[1], &text);
	assert_string_equal(
		"default.http: 1 of 2 passed, 1 failed; the quorum of 2 is missed\n"
		"exchanges.okx.http: not checked (its health_check is not enabled)",
		text.bytes);
	assert_int_equal(POOL_QUORUM_MISSED, pool_report_quorum(&report));
	pool_text_release(&text);
	pool_report_release(&report);
}

static size_t count_lines(const char *text, const char *start)
{
	size_t count = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n') + 1)
		count += strncmp(line, start, strlen(start)) == 0;
	return count;
}

/* How many lines begin so. */
struct expected_lines {
	const char *start;
	size_t times;
};

static void assert_metrics(const struct pool_report *report, bool per_proxy,
	const struct expected_lines *cases, size_t count)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_metrics_render(report, per_proxy, &text);
	for (size_t i = 0; i < count; i++) {
		size_t times = count_lines(text.bytes, cases[i].start);

		if (times != cases[i].times)
			fail_msg("%zu times %s in %s", times, cases[i].start, text.bytes);
	}
	assert_null(strstr(text.bytes, "://"));
	pool_text_release(&text);
}

static void metrics_are_grouped_escaped_and_without_urls(void **state)
{
	static const struct expected_lines cases[] = {
		{"# HELP proxypool_up ", 1},
		{"# TYPE proxypool_up gauge\n", 1},
		{"proxypool_up{pool=\"default.http\",proxy=\"eu-1\"} 1\n", 1},
		{"proxypool_up{pool=\"default.http\",proxy=\"b\t\\\"\\\\\\n\033\"} 0\n",
			1},
		{"proxypool_up{pool=\"exchanges.okx.http\",proxy=\"okx\"} 0\n", 1},
		{"proxypool_proxy_status{pool=\"default.http\",proxy=\"eu-1\",status="
		 "\"healthy\"} "
		 "1\n",
			1},
		{"proxypool_proxy_status{", 18},
		{"proxypool_check_duration_seconds{pool=\"default.http\",proxy=\"eu-1\"} "
		 "0.012345\n",
			1},
		{"proxypool_check_duration_seconds{", 1},
		{"proxypool_pool_proxies{pool=\"default.http\",status=\"unhealthy\"} 1\n",
			1},
		{"proxypool_pool_passed_ratio{pool=\"default.http\"} 0.5\n", 1},
		{"proxypool_pool_passed_ratio{", 1},
		{"proxypool_pool_quorum_met{pool=\"default.http\"} 1\n", 1},
		{"proxypool_last_run_timestamp_seconds 1700000000\n", 1},
		{"proxypool_last_run_duration_seconds 2.500000\n", 1},
		{"proxypool_build_info{version=\"" POOL_VERSION "\"} 1\n", 1},
	};
	struct pool_report report = make_report();

	(void)state;
	assert_metrics(&report, true, cases, sizeof(cases) / sizeof(cases[0]));
	pool_report_release(&report);
}

static void metrics_of_the_state_file_have_counters_and_a_histogram(void **state)
{
	static const struct expected_lines cases[] = {
		{"# TYPE proxypool_leases_total counter\n", 1},
		{"proxypool_leases_total{pool=\"default.http\",proxy=\"eu-1\"} 12\n", 1},
		{"proxypool_breaker_open{pool=\"default.http\",proxy=\"eu-1\"} 0\n", 1},
		{"proxypool_breaker_open{", 3},
		{"proxypool_transitions_total{pool=\"default.http\",proxy=\"eu-1\"} 9\n",
			1},
		/* those that never chose as well */
		{"proxypool_pool_selections_total{pool=\"default.http\",strategy="
		 "\"failover\"} 4294967295\n",
			1},
		{"proxypool_pool_selections_total{pool=\"default.http\",",
			POOL_STRATEGIES},
		{"# TYPE proxypool_pool_selection_latency_seconds histogram\n", 1},
		{"proxypool_pool_selection_latency_seconds_bucket{pool=\"default.http\",",
			16},
		{"proxypool_pool_selection_latency_seconds_bucket{pool=\"default.http\","
		 "le=\"1e-06\"} 1\n",
			1},
		{"proxypool_pool_selection_latency_seconds_bucket{pool=\"default.http\","
		 "le=\"2e-06\"} 1\n",
			1},
		{"proxypool_pool_selection_latency_seconds_bucket{pool=\"default.http\","
		 "le=\"4e-06\"} 3\n",
			1},
		{"proxypool_pool_selection_latency_seconds_bucket{pool=\"default.http\","
		 "le=\"0.016384\"} 3\n",
			1},
		{"proxypool_pool_selection_latency_seconds_bucket{pool=\"default.http\","
		 "le=\"+Inf\"} 8\n",
			1},
		{"proxypool_pool_selection_latency_seconds_sum{pool=\"default.http\"} "
		 "3.000000042\n",
			1},
		{"proxypool_pool_selection_latency_seconds_count{pool=\"default.http\"} "
		 "8\n",
			1},
		/* no run was made */
		{"proxypool_last_run", 0},
		{"# HELP proxypool_last_run", 0},
	};
	struct pool_report report = make_report();
	struct pool_report_pool *pool = &report.pools[0];

	(void)state;
	report.is_stored = true;
	report.rows[0].stored.taken = 12;
	report.rows[0].stored.transitions = 9;
	report.rows[1].stored.opened = true;
	pool->strategies[POOL_STRATEGY_FAILOVER] = UINT32_MAX;
	pool->latency[0] = 1;
	pool->latency[2] = 2;
	pool->latency[POOL_LATENCY_BUCKETS - 1] = 5;
	pool->latency_ns = 3000000042;
	assert_metrics(&report, true, cases, sizeof(cases) / sizeof(cases[0]));
	pool_report_release(&report);
}

static void metrics_can_do_without_a_series_for_each_proxy(void **state)
{
	static const struct expected_lines cases[] = {
		{"proxypool_pool_proxies{", 12},
		{"proxypool_build_info{", 1},
		/* Of no family without series anything is said. */
		{"# HELP proxypool_up ", 0},
		{"# TYPE proxypool_checks_total ", 0},
	};
	struct pool_report report = make_report();
	struct pool_text text = POOL_TEXT_EMPTY;

	(void)state;
	report.is_stored = true;
	assert_metrics(&report, false, cases, sizeof(cases) / sizeof(cases[0]));
	pool_metrics_render(&report, false, &text);
	assert_null(strstr(text.bytes, "proxy=\""));
	pool_text_release(&text);
	pool_report_release(&report);
}

static void numbers_and_labels_are_written_exactly(void **state)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	struct pool_exposition out = {.text = &text};

	(void)state;
	pool_exposition_begin(&out, POOL_METRIC_GAUGE, "none", "Nothing.");
	pool_exposition_begin(&out, POOL_METRIC_COUNTER, "a", "All.");
	pool_exposition_series(&out);
	pool_exposition_number(&out, 0);
	pool_exposition_series(&out);
	pool_exposition_label(&out, "l", "");
	pool_exposition_number(&out, UINT64_MAX);
	pool_exposition_series(&out);
	pool_exposition_label(&out, "l", "\n\"\\");
	pool_exposition_label(&out, "m", "x\"y");
	pool_exposition_us(&out, 1000001);
	pool_exposition_series(&out);
	pool_exposition_us(&out, UINT64_MAX);
	pool_exposition_series(&out);
	pool_exposition_ns(&out, 10);
	pool_exposition_series(&out);
	pool_exposition_real(&out, 0.25);
	assert_string_equal("# HELP proxypool_a All.\n# TYPE proxypool_a counter\n"
			    "proxypool_a 0\n"
			    "proxypool_a{l=\"\"} 18446744073709551615\n"
			    "proxypool_a{l=\"\\n\\\"\\\\\",m=\"x\\\"y\"} 1.000001\n"
			    "proxypool_a 18446744073709.551615\n"
			    "proxypool_a 0.000000010\n"
			    "proxypool_a 0.25\n",
		text.bytes);
	pool_text_release(&text);
}

static void a_metrics_file_is_replaced_whole(void **state)
{
	char folder[] = "/tmp/pool-report-XXXXXX", path[64], read_back[16] = {0};
	struct pool_text text = POOL_TEXT_EMPTY;
	struct pool_fault fault = {0};
	struct stat status;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.prom", folder);
	pool_text_add(&text, "one\n");
	assert_int_equal(0, pool_metrics_write(path, &text, &fault));
	pool_text_add(&text, "two\n");
	assert_int_equal(0, pool_metrics_write(path, &text, &fault));
	assert_int_equal(0, stat(path, &status));
	assert_int_equal(0644, status.st_mode & 07777);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(8, fread(read_back, 1, sizeof(read_back) - 1, file));
	fclose(file);
	assert_string_equal("one\ntwo\n", read_back);
	assert_int_equal(0, unlink(path));
	/* Nothing was left beside it. */
	assert_int_equal(0, rmdir(folder));
	assert_int_equal(POOL_ESYSTEM, pool_metrics_write(path, &text, &fault));
	assert_non_null(strstr(fault.text, "cannot write metrics file '"));
	pool_text_release(&text);
}

static void a_check_passes_fails_or_says_nothing(void **state)
{
	static const struct {
		enum pool_reason reason;
		enum pool_status status;
		enum pool_result expected;
	} cases[] = {
		{POOL_REASON_OK, POOL_STATUS_HEALTHY, POOL_RESULT_PASSED},
		{POOL_REASON_OK, POOL_STATUS_UNHEALTHY, POOL_RESULT_PASSED},
		{POOL_REASON_LIMITED, POOL_STATUS_COOLING, POOL_RESULT_PASSED},
		{POOL_REASON_REFUSED, POOL_STATUS_UNHEALTHY, POOL_RESULT_FAILED},
		{POOL_REASON_REFUSED, POOL_STATUS_COOLING, POOL_RESULT_FAILED},
		{POOL_REASON_BLOCKED, POOL_STATUS_HEALTHY, POOL_RESULT_FAILED},
		{POOL_REASON_TARGET_SUSPECT, POOL_STATUS_HEALTHY,
			POOL_RESULT_INCONCLUSIVE},
		{POOL_REASON_TARGET_SUSPECT, POOL_STATUS_COOLING, POOL_RESULT_PASSED},
		{POOL_REASON_NO_SECRET, POOL_STATUS_UNKNOWN, POOL_RESULT_INCONCLUSIVE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum pool_result got =
			pool_result_judge(cases[i].reason, cases[i].status);

		if (got != cases[i].expected)
			fail_msg("case %zu: %s", i, pool_result_name(got));
	}
}

static void a_row_tells_what_was_found_if_the_run_judged_otherwise(void **state)
{
	static const struct {
		enum pool_reason reason, found;
		const char *detail, *expected;
	} cases[] = {
		{POOL_REASON_REFUSED, POOL_REASON_REFUSED, "why", "why"},
		{POOL_REASON_REFUSED, POOL_REASON_REFUSED, "", ""},
		{POOL_REASON_TARGET_SUSPECT, POOL_REASON_STATUS, "503", "status, 503"},
		{POOL_REASON_TARGET_SUSPECT, POOL_REASON_STATUS, "", "status"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_report_row row = {.status = POOL_STATUS_HEALTHY};

		pool_report_take_reason(
			&row, cases[i].reason, cases[i].found, cases[i].detail);
		assert_string_equal(cases[i].expected, row.detail);
		assert_int_equal(cases[i].reason, row.reason);
		assert_int_equal(
			pool_result_judge(cases[i].reason, row.status), row.result);
	}
}

static void a_row_without_a_check_forgets_earlier_ones(void **state)
{
	struct pool_report report = make_report();
	struct pool_report_row *row = &report.rows[1];

	(void)state;
	row->http_status = 503;
	pool_report_clear_check(row);
	assert_int_equal(POOL_RESULT_UNCHECKED, row->result);
	assert_int_equal(POOL_REASON_NONE, row->reason);
	assert_int_equal(-1, row->latency_us);
	assert_int_equal(0, row->http_status);
	assert_string_equal("", row->detail);
	assert_int_equal(POOL_STATUS_UNHEALTHY, row->status);
	pool_report_release(&report);
}

static void summaries_are_a_line_a_pool_or_of_those_that_missed(void **state)
{
	struct pool_quorum both = {.count = 2};
	struct pool_report report = make_report();
	struct pool_text text = POOL_TEXT_EMPTY;

	(void)state;
	pool_report_summarize_all(&report, true, &text);
	assert_int_equal(0, text.length);
	pool_report_summarize_all(&report, false, &text);
	assert_string_equal(
		"default.http: 1 of 2 passed, 1 failed; the quorum of 1 is met\n"
		"exchanges.okx.http: not checked (its health_check is not enabled)\n",
		text.bytes);
	pool_text_release(&text);
	pool_report_count(&report, &both);
	pool_report_summarize_all(&report, true, &text);
	assert_string_equal(
		"default.http: 1 of 2 passed, 1 failed; the quorum of 2 is missed\n",
		text.bytes);
	pool_text_release(&text);
	pool_report_release(&report);
}

static void methods_say_what_they_try(void **state)
{
	(void)state;
	for (int i = 0; i < POOL_METHODS; i++) {
		const struct pool_tried_row *row = pool_tried_get((enum pool_method)i);

		assert_true(row->name && *row->name);
		/* Who asks a target knows whether the proxy works. */
		assert_int_equal(
			pool_method_asks((enum pool_method)i), row->phrase == NULL);
	}
}

static void assert_tried(const struct pool_report *report, const char *expected)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_report_tell_tried(report, &text);
	assert_string_equal(expected, text.bytes ? text.bytes : "");
	pool_text_release(&text);
}

static void what_is_not_tried_is_told_once(void **state)
{
	static const char *const more[] = {"a.http", "b.http", "c.http"};
	struct pool_report report = make_report();

	(void)state;
	/* The other pool is not checked. */
	report.pools[1].method = POOL_METHOD_HTTP;
	assert_tried(&report,
		"checks try the port only; health_check.method http tries whether "
		"proxies work\n");
	report.pools[0].method = POOL_METHOD_WEBSOCKET;
	assert_tried(&report, "");
	report.pools[0].method = POOL_METHOD_PING;
	report.pools[1].checked = true;
	assert_tried(&report,
		"default.http: checks try the host only; health_check.method http tries "
		"whether proxies work\n");
	report.pools[1].method = POOL_METHOD_TCP;
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		assert_int_equal(0, pool_report_add_pool(&report, more[i], 1, true));
	assert_tried(&report,
		"exchanges.okx.http, a.http, b.http and 1 more: checks try the port "
		"only; health_check.method http tries whether proxies work\n"
		"default.http: checks try the host only; health_check.method http tries "
		"whether proxies work\n");
	pool_report_release(&report);
}

static void suspicions_are_told_once(void **state)
{
	struct pool_report report = make_report();
	struct pool_text text = POOL_TEXT_EMPTY;

	(void)state;
	pool_report_suspect(&report, &text);
	assert_int_equal(0, text.length);
	report.target_suspect = report.uplink_suspect = true;
	report.rows[0].reason = report.rows[1].reason = POOL_REASON_TARGET_SUSPECT;
	pool_report_suspect(&report, &text);
	assert_string_equal(
		"nothing at all answered in time: check this machine's network; no proxy "
		"was blamed\n"
		"default.http: the target failed through every proxy that reached it: "
		"check the target; no proxy was blamed\n",
		text.bytes);
	pool_text_release(&text);
	pool_report_release(&report);
}

static void progress_is_a_bar_from_nothing_to_all(void **state)
{
	static const struct {
		size_t done, count;
		const char *expected;
	} cases[] = {
		{0, 7, "[..............................] 0 of 7"},
		{1, 2, "[###############...............] 1 of 2"},
		{299, 300, "[#############################.] 299 of 300"},
		{300, 300, "[##############################] 300 of 300"},
		{0, 0, "[##############################] 0 of 0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_text text = POOL_TEXT_EMPTY;

		pool_progress_add(cases[i].done, cases[i].count, &text);
		assert_string_equal(cases[i].expected, text.bytes);
		pool_text_release(&text);
	}
}

static void progress_is_shown_in_intervals(void **state)
{
	enum { MS = 1000000 };
	struct pool_progress progress = {.next_ns = 150 * MS};

	(void)state;
	assert_false(pool_progress_due(&progress, 149 * MS));
	assert_false(progress.shown);
	assert_true(pool_progress_due(&progress, 150 * MS));
	assert_true(progress.shown);
	assert_false(pool_progress_due(&progress, 249 * MS));
	assert_true(pool_progress_due(&progress, 250 * MS));
}

static void advice_is_a_column_for_programs_and_on_demand(void **state)
{
	(void)state;
	for (int format = 0; format < POOL_FORMATS; format++)
		for (int advice = 0; advice < 2; advice++) {
			struct pool_report_view view =
				pool_report_view_checks((enum pool_format)format, advice);
			bool last =
				view.columns[view.column_count - 1] == POOL_COLUMN_ADVICE;

			assert_int_equal(format, view.format);
			assert_int_equal(format != POOL_FORMAT_TABLE || advice, last);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_aligned_and_has_no_raw_bytes),
		cmocka_unit_test(tsv_has_a_header_and_escapes),
		cmocka_unit_test(jsonl_is_an_object_a_line),
		cmocka_unit_test(json_is_one_document_with_pools),
		cmocka_unit_test(json_is_what_cjson_would_print),
		cmocka_unit_test(json_has_members_of_the_callers),
		cmocka_unit_test(only_what_failed_leaves_out_pools_that_met_their_quorum),
		cmocka_unit_test(every_column_has_a_name_of_its_own),
		cmocka_unit_test(durations_are_shown_in_fitting_units),
		cmocka_unit_test(quorums_are_read_and_rounded_up),
		cmocka_unit_test(no_quorum_is_met_where_nothing_can_be_selected),
		cmocka_unit_test(pools_are_summed_up_in_words),
		cmocka_unit_test(metrics_are_grouped_escaped_and_without_urls),
		cmocka_unit_test(metrics_of_the_state_file_have_counters_and_a_histogram),
		cmocka_unit_test(metrics_can_do_without_a_series_for_each_proxy),
		cmocka_unit_test(numbers_and_labels_are_written_exactly),
		cmocka_unit_test(a_metrics_file_is_replaced_whole),
		cmocka_unit_test(a_check_passes_fails_or_says_nothing),
		cmocka_unit_test(a_row_tells_what_was_found_if_the_run_judged_otherwise),
		cmocka_unit_test(a_row_without_a_check_forgets_earlier_ones),
		cmocka_unit_test(summaries_are_a_line_a_pool_or_of_those_that_missed),
		cmocka_unit_test(methods_say_what_they_try),
		cmocka_unit_test(what_is_not_tried_is_told_once),
		cmocka_unit_test(suspicions_are_told_once),
		cmocka_unit_test(progress_is_a_bar_from_nothing_to_all),
		cmocka_unit_test(progress_is_shown_in_intervals),
		cmocka_unit_test(advice_is_a_column_for_programs_and_on_demand),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
