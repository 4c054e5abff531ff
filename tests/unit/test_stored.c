/* What the state file says: judged, and told with what to do next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "report/columns.h"
#include "report/plugin.h"
#include "report/stored.h"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* One proxy of a report. Zeroes: unknown, eligible. */
struct proxy {
	const char *name; /* NULL ends a list */
	enum pool_status status;
	enum pool_reason reason;
	enum pool_obstacle obstacle;
	int64_t wait_s;
	bool opened;
	bool blocked;
};

static void make_report(
	struct pool_report *report, const struct proxy *proxies, int64_t checked_age_s)
{
	const struct pool_quorum quorum = {.count = 1};

	*report = (struct pool_report){0};
	assert_int_equal(0, pool_report_add_pool(report, "default.http", 1, true));
	report->pools[0].method = POOL_METHOD_HTTP;
	report->pools[0].interval_s = 30;
	report->pools[0].checked_age_s = checked_age_s;
	for (; proxies->name; proxies++) {
		struct pool_report_row *row =
			pool_report_add_row(report, proxies->name, "http://h:1");

		assert_non_null(row);
		row->status = proxies->status;
		row->reason = proxies->reason;
		row->wait_s = proxies->wait_s;
		row->checked_age_s = checked_age_s;
		row->stored.obstacle = proxies->obstacle;
		row->stored.opened = proxies->opened;
		row->stored.blocked = proxies->blocked;
	}
	pool_report_judge_stored(report, &quorum);
}

static void every_obstacle_has_a_row(void **context)
{
	(void)context;
	for (int i = 0; i < POOL_OBSTACLES; i++) {
		const struct pool_obstacle_row *row =
			pool_obstacle_get((enum pool_obstacle)i);
		bool by_reason = i == POOL_OBSTACLE_NONE || i == POOL_OBSTACLE_OPEN ||
			i == POOL_OBSTACLE_COOLING;

		assert_int_equal(by_reason, row->name == NULL);
		assert_int_equal(by_reason, row->sentence == NULL);
		assert_int_equal(by_reason, row->advice == NULL);
		for (int j = 0; j < i && row->name; j++) {
			const char *other =
				pool_obstacle_get((enum pool_obstacle)j)->name;

			assert_true(!other || strcmp(other, row->name) != 0);
		}
		/* No word of a reason with another meaning. */
		if (row->name && i != POOL_OBSTACLE_PERSON && i != POOL_OBSTACLE_SECRET)
			assert_int_equal(-1, pool_reason_find(row->name));
	}
	assert_ptr_equal(
		pool_obstacle_get(POOL_OBSTACLE_NONE), pool_obstacle_get(POOL_OBSTACLES));
}

static void a_result_follows_from_the_status(void **context)
{
	static const struct {
		struct proxy proxy;
		enum pool_result result;
	} cases[] = {
		{{.name = "a", .status = POOL_STATUS_HEALTHY, .reason = POOL_REASON_OK},
			POOL_RESULT_PASSED},
		/* inconclusive evidence changes nothing */
		{{.name = "a",
			 .status = POOL_STATUS_HEALTHY,
			 .reason = POOL_REASON_TARGET_SUSPECT},
			POOL_RESULT_PASSED},
		{{.name = "a", .status = POOL_STATUS_UNHEALTHY, .reason = POOL_REASON_OK},
			POOL_RESULT_FAILED},
		{{.name = "a",
			 .status = POOL_STATUS_COOLING,
			 .reason = POOL_REASON_LIMITED},
			POOL_RESULT_PASSED},
		{{.name = "a",
			 .status = POOL_STATUS_COOLING,
			 .reason = POOL_REASON_LIMITED,
			 .opened = true},
			POOL_RESULT_FAILED},
		{{.name = "a",
			 .status = POOL_STATUS_RECOVERING,
			 .reason = POOL_REASON_OK},
			POOL_RESULT_PASSED},
		{{.name = "a",
			 .status = POOL_STATUS_RECOVERING,
			 .reason = POOL_REASON_REFUSED},
			POOL_RESULT_INCONCLUSIVE},
		{{.name = "a", .status = POOL_STATUS_UNKNOWN, .reason = POOL_REASON_NONE},
			POOL_RESULT_INCONCLUSIVE},
		{{.name = "a", .status = POOL_STATUS_DISABLED, .reason = POOL_REASON_OK},
			POOL_RESULT_UNCHECKED},
	};

	(void)context;
	for (size_t i = 0; i < SIZE(cases); i++) {
		const struct proxy list[] = {cases[i].proxy, {.name = NULL}};
		struct pool_report report;

		make_report(&report, list, 0);
		if (report.rows[0].result != cases[i].result)
			fail_msg("case %zu: expected %s, got %s", i,
				pool_result_name(cases[i].result),
				pool_result_name(report.rows[0].result));
		pool_report_release(&report);
	}
}

static void a_pool_is_stale_after_three_intervals_at_least_three_minutes(void **context)
{
	static const struct {
		int64_t interval_s, age_s;
		bool checked, stale;
	} cases[] = {
		{30, 179, true, false},
		{30, 180, true, true},
		{5, 179, true, false},
		{300, 899, true, false},
		{300, 900, true, true},
		{30, -1, true, true},
		{30, 180, false, false},
		{30, -1, false, false},
	};
	static const struct proxy list[] = {
		{.name = "a", .status = POOL_STATUS_HEALTHY, .reason = POOL_REASON_OK},
		{.name = NULL}};
	const struct pool_quorum quorum = {.count = 1};

	(void)context;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_report report;

		make_report(&report, list, cases[i].age_s);
		report.pools[0].interval_s = cases[i].interval_s;
		report.pools[0].checked = cases[i].checked;
		pool_report_judge_stored(&report, &quorum);
		if (report.pools[0].stale != cases[i].stale)
			fail_msg("case %zu", i);
		assert_int_equal(
			cases[i].stale, pool_report_wants_attention(&report.pools[0]));
		pool_report_release(&report);
	}
}

static void assert_told(const struct proxy *list, int64_t age_s, const char *expected)
{
	const struct pool_telling telling = {0};
	struct pool_text text = POOL_TEXT_EMPTY;
	struct pool_report report;

	make_report(&report, list, age_s);
	pool_report_tell_stored(&report, &telling, &text);
	assert_string_equal(expected, text.bytes);
	pool_text_release(&text);
	pool_report_release(&report);
}

/* Whatever it was before: what the last check found is shown. */
static void a_missing_secret_is_not_eligible_and_decides_no_quorum(void **context)
{
	static const struct proxy list[] = {
		{.name = "a", .status = POOL_STATUS_HEALTHY, .reason = POOL_REASON_OK},
		{.name = "b",
			.status = POOL_STATUS_HEALTHY,
			.reason = POOL_REASON_NO_SECRET,
			.obstacle = POOL_OBSTACLE_SECRET},
		{.name = NULL}};
	const struct pool_quorum both = {.count = 2};
	struct pool_report report;

	(void)context;
	make_report(&report, list, 12);
	assert_int_equal(POOL_RESULT_INCONCLUSIVE, report.rows[1].result);
	assert_int_equal(1, report.pools[0].eligible);
	assert_true(pool_report_wants_attention(&report.pools[0]));
	assert_int_equal(POOL_QUORUM_MET, report.pools[0].quorum);
	pool_report_judge_stored(&report, &both);
	assert_int_equal(POOL_QUORUM_UNDECIDED, report.pools[0].quorum);
	pool_report_release(&report);
	assert_told(list, 12,
		"default.http: 1 of 2 eligible, 1 without a secret; checked 12 s ago\n"
		"  b: its secret was missing in the last check; set the variable, or "
		"make the password file readable, where checks are made; a pool file of "
		"somebody else's gets neither without --trust-file\n");
}

static void a_pool_is_degraded_below_what_is_said(void **context)
{
	static const struct proxy list[] = {
		{.name = "a", .status = POOL_STATUS_HEALTHY, .reason = POOL_REASON_OK},
		{.name = "b",
			.status = POOL_STATUS_HEALTHY,
			.reason = POOL_REASON_OK,
			.obstacle = POOL_OBSTACLE_LEASES},
		{.name = "c",
			.status = POOL_STATUS_DISABLED,
			.reason = POOL_REASON_PERSON,
			.obstacle = POOL_OBSTACLE_PERSON},
		{.name = NULL}};
	const struct pool_quorum one = {.count = 1};
	struct pool_report report;

	(void)context;
	make_report(&report, list, 12);
	assert_int_equal(2, report.pools[0].degraded_below);
	report.degraded_below = &one;
	pool_report_judge_stored(&report, &one);
	assert_int_equal(1, report.pools[0].degraded_below);
	pool_report_release(&report);
}

static void what_checks_do_not_try_is_told_at_the_end(void **context)
{
	static const struct proxy list[] = {
		{.name = "a", .status = POOL_STATUS_HEALTHY, .reason = POOL_REASON_OK},
		{.name = NULL}};
	struct pool_telling telling = {0};
	struct pool_text text = POOL_TEXT_EMPTY;
	struct pool_report report;

	(void)context;
	make_report(&report, list, 12);
	report.pools[0].method = POOL_METHOD_TCP;
	pool_report_tell_stored(&report, &telling, &text);
	assert_string_equal("default.http: 1 of 1 eligible; checked 12 s ago\n"
			    "checks try the port only; health_check.method http tries "
			    "whether proxies work\n",
		text.bytes);
	pool_text_release(&text);
	telling.only_degraded = true;
	pool_report_tell_stored(&report, &telling, &text);
	assert_int_equal(0, text.length);
	pool_text_release(&text);
	pool_report_release(&report);
}

static void what_is_well_is_one_line(void **context)
{
	static const struct proxy list[] = {
		{.name = "a", .status = POOL_STATUS_HEALTHY, .reason = POOL_REASON_OK},
		{.name = "b",
			.status = POOL_STATUS_DISABLED,
			.reason = POOL_REASON_NONE,
			.obstacle = POOL_OBSTACLE_FILE},
		{.name = NULL}};
	const struct pool_telling telling = {.only_degraded = true};
	struct pool_text text = POOL_TEXT_EMPTY;
	struct pool_report report;

	(void)context;
	assert_told(list, 12,
		"default.http: 1 of 1 eligible, 1 disabled; checked 12 s ago\n");
	make_report(&report, list, 12);
	pool_report_tell_stored(&report, &telling, &text);
	assert_int_equal(0, text.length);
	pool_text_release(&text);
	pool_report_release(&report);
}

static void troubles_are_grouped_and_name_what_to_do(void **context)
{
	static const struct proxy list[] = {{.name = "a",
						    .status = POOL_STATUS_UNHEALTHY,
						    .reason = POOL_REASON_REFUSED,
						    .obstacle = POOL_OBSTACLE_OPEN,
						    .wait_s = 40},
		{.name = "b",
			.status = POOL_STATUS_UNHEALTHY,
			.reason = POOL_REASON_BLOCKED,
			.obstacle = POOL_OBSTACLE_OPEN,
			.wait_s = 30,
			.opened = true,
			.blocked = true},
		{.name = "c",
			.status = POOL_STATUS_UNHEALTHY,
			.reason = POOL_REASON_REFUSED,
			.obstacle = POOL_OBSTACLE_OPEN,
			.wait_s = 20},
		{.name = "d",
			.status = POOL_STATUS_HEALTHY,
			.reason = POOL_REASON_OK,
			.obstacle = POOL_OBSTACLE_LEASES},
		{.name = "e\033",
			.status = POOL_STATUS_DISABLED,
			.reason = POOL_REASON_PERSON,
			.obstacle = POOL_OBSTACLE_PERSON},
		{.name = "f",
			.status = POOL_STATUS_COOLING,
			.reason = POOL_REASON_LIMITED,
			.obstacle = POOL_OBSTACLE_COOLING,
			.wait_s = 7200},
		{.name = NULL}};

	(void)context;
	assert_told(list, 0,
		"default.http: 0 of 5 eligible, 2 unhealthy, 1 blocked, 1 cooling, "
		"1 at a limit, 1 disabled; checked 0 s ago\n"
		"  no proxy is eligible: a selection gets an unhealthy one, with a "
		"warning\n"
		"  a, c: nothing listens at the proxy's address, first rests 20 s more; "
		"check that the proxy runs, and its port\n"
		"  b: the target turns this proxy away, rests 30 s more; use the proxy "
		"for "
		"other targets, or replace it\n"
		"  d: as many use it as max_connections allows; wait for a lease to end, "
		"add proxies, or raise max_connections\n"
		"  e\\x1b: a person disabled it; 'pool-report e\\x1b enable' enables it\n"
		"  f: the target, or the proxy itself, limits the rate, rests 2 h more; "
		"wait until the cooldown ends, and send less; 'pool-report f reset' ends "
		"it now\n");
}

static void what_a_selection_gets_without_an_eligible_one(void **context)
{
	static const struct proxy open[] = {{.name = "a",
						    .status = POOL_STATUS_UNHEALTHY,
						    .reason = POOL_REASON_REFUSED,
						    .obstacle = POOL_OBSTACLE_OPEN},
		{.name = NULL}};
	static const struct proxy cooling[] = {{.name = "a",
						       .status = POOL_STATUS_COOLING,
						       .reason = POOL_REASON_LIMITED,
						       .obstacle = POOL_OBSTACLE_COOLING},
		{.name = NULL}};
	static const struct {
		const struct proxy *list;
		enum pool_fallback fallback;
		bool has_url;
		const char *answer;
	} cases[] = {
		{open, POOL_FALLBACK_ANY, false, "gets an unhealthy one"},
		{open, POOL_FALLBACK_ANY, true, "gets the pool's url"},
		{open, POOL_FALLBACK_FAIL, false, "selection fails"},
		/* never one that is cooling */
		{cooling, POOL_FALLBACK_ANY, false, "selection fails"},
	};
	const struct pool_telling telling = {0};

	(void)context;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_text text = POOL_TEXT_EMPTY;
		struct pool_report report;

		make_report(&report, cases[i].list, 0);
		report.pools[0].fallback = cases[i].fallback;
		if (cases[i].has_url)
			report.pools[0].url = strdup("http://u:1");
		pool_report_tell_stored(&report, &telling, &text);
		assert_non_null(strstr(text.bytes, cases[i].answer));
		pool_text_release(&text);
		pool_report_release(&report);
	}
}

static void every_resort_has_words_of_its_own(void **context)
{
	(void)context;
	for (int i = 0; i < POOL_RESORTS; i++) {
		const struct pool_resort_row *row = pool_resort_get((enum pool_resort)i);

		assert_true(row->name[0] && row->sentence[0]);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
				pool_resort_get((enum pool_resort)j)->name, row->name);
	}
	assert_ptr_equal(
		pool_resort_get(POOL_RESORT_NONE), pool_resort_get(POOL_RESORTS));
}

static void a_stale_pool_names_its_likely_cause(void **context)
{
	static const struct proxy list[] = {{.name = "a",
						    .status = POOL_STATUS_HEALTHY,
						    .reason = POOL_REASON_UPLINK_SUSPECT},
		{.name = NULL}};
	const struct pool_telling telling = {0};
	const struct pool_quorum quorum = {.count = 1};
	struct pool_text text = POOL_TEXT_EMPTY;
	struct pool_report report;

	(void)context;
	assert_told(list, 720,
		"default.http: 1 of 1 eligible; stale: checked 12 min ago\n"
		"  pool-check has not run for 12 min: is its cron job alive?\n");
	assert_told(list, -1,
		"default.http: 1 of 1 eligible; never checked\n"
		"  no check is stored: run pool-check, from cron\n");
	/* It runs, and decides nothing. */
	make_report(&report, list, 720);
	report.rows[0].checked_age_s = 10;
	pool_report_judge_stored(&report, &quorum);
	pool_report_tell_stored(&report, &telling, &text);
	assert_string_equal("default.http: 1 of 1 eligible; stale: checked 12 min ago\n"
			    "  the checks decide nothing: nothing at all answered in "
			    "time; check this machine's network; no proxy was blamed\n",
		text.bytes);
	pool_text_release(&text);
	pool_report_release(&report);
}

static void the_quorum_is_told_where_it_is_asked_for(void **context)
{
	static const struct proxy list[] = {
		{.name = "a", .status = POOL_STATUS_HEALTHY, .reason = POOL_REASON_OK},
		{.name = "b", .status = POOL_STATUS_UNKNOWN}, {.name = NULL}};
	static const struct {
		uint32_t count;
		const char *answer;
	} cases[] = {{1, "the quorum of 1 is met\n"},
		{2, "the quorum of 2 cannot be decided\n"},
		{3, "the quorum of 3 is missed\n"}};
	const struct pool_telling telling = {.quorum = true};

	(void)context;
	for (size_t i = 0; i < SIZE(cases); i++) {
		const struct pool_quorum quorum = {.count = cases[i].count};
		struct pool_text text = POOL_TEXT_EMPTY;
		struct pool_report report;

		make_report(&report, list, 0);
		pool_report_judge_stored(&report, &quorum);
		pool_report_tell_stored(&report, &telling, &text);
		assert_non_null(strstr(text.bytes, cases[i].answer));
		pool_text_release(&text);
		pool_report_release(&report);
	}
}

static void a_plugin_knows_nothing_of_a_stale_pool(void **context)
{
	static const struct proxy list[] = {{.name = "a",
						    .status = POOL_STATUS_UNHEALTHY,
						    .reason = POOL_REASON_REFUSED,
						    .obstacle = POOL_OBSTACLE_OPEN},
		{.name = NULL}};
	const struct pool_plugin_limits limits = {0};
	struct pool_report report;

	(void)context;
	make_report(&report, list, 10);
	assert_int_equal(POOL_PLUGIN_CRITICAL, pool_plugin_judge(&report, &limits));
	pool_report_release(&report);
	make_report(&report, list, 1000);
	assert_int_equal(POOL_PLUGIN_UNKNOWN, pool_plugin_judge(&report, &limits));
	pool_report_release(&report);
}

static void the_table_has_the_columns_that_say_something(void **context)
{
	static const struct proxy list[] = {
		{.name = "a", .status = POOL_STATUS_HEALTHY}, {.name = NULL}};
	struct pool_report_view view;
	struct pool_report report;

	(void)context;
	make_report(&report, list, 0);
	view = pool_report_view_stored(&report, POOL_FORMAT_TABLE, false);
	assert_int_equal(8, view.column_count);
	assert_int_equal(POOL_COLUMN_PROXY, view.columns[0]);
	assert_int_equal(POOL_COLUMN_AGE, view.columns[7]);
	view = pool_report_view_stored(&report, POOL_FORMAT_TABLE, true);
	assert_int_equal(POOL_COLUMN_WHY, view.columns[view.column_count - 1]);
	report.rows[0].stored.budget_left = 0;
	view = pool_report_view_stored(&report, POOL_FORMAT_TABLE, false);
	assert_int_equal(9, view.column_count);
	assert_int_equal(POOL_COLUMN_AGE, view.columns[8]);
	assert_int_equal(0, pool_report_add_pool(&report, "other", 1, true));
	view = pool_report_view_stored(&report, POOL_FORMAT_TABLE, false);
	assert_int_equal(10, view.column_count);
	assert_int_equal(POOL_COLUMN_POOL, view.columns[0]);
	pool_report_release(&report);
}

static void cells_are_shown_to_people_and_written_for_programs(void **context)
{
	static const struct {
		struct pool_cell cell;
		const char *shown, *written;
	} cases[] = {
		{{.kind = POOL_CELL_SHARE, .number = 2, .of = 4}, "2/4", "2"},
		{{.kind = POOL_CELL_SHARE, .number = 2}, "2", "2"},
		{{.kind = POOL_CELL_BOOL, .number = 1}, "yes", "true"},
		{{.kind = POOL_CELL_BOOL}, "no", "false"},
		{{.kind = POOL_CELL_MOMENT, .number = 1700000000}, "2023-11-14 22:13:20Z",
			"1700000000"},
		{{.kind = POOL_CELL_NONE}, "-", ""},
	};

	(void)context;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_text shown = POOL_TEXT_EMPTY, written = POOL_TEXT_EMPTY;

		pool_text_add(&written, "");
		pool_cell_show(&cases[i].cell, &shown);
		pool_cell_write(&cases[i].cell, &written);
		assert_string_equal(cases[i].shown, shown.bytes);
		assert_string_equal(cases[i].written, written.bytes ? written.bytes : "");
		pool_text_release(&shown);
		pool_text_release(&written);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_obstacle_has_a_row),
		cmocka_unit_test(a_result_follows_from_the_status),
		cmocka_unit_test(
			a_pool_is_stale_after_three_intervals_at_least_three_minutes),
		cmocka_unit_test(a_missing_secret_is_not_eligible_and_decides_no_quorum),
		cmocka_unit_test(a_pool_is_degraded_below_what_is_said),
		cmocka_unit_test(what_checks_do_not_try_is_told_at_the_end),
		cmocka_unit_test(what_is_well_is_one_line),
		cmocka_unit_test(troubles_are_grouped_and_name_what_to_do),
		cmocka_unit_test(what_a_selection_gets_without_an_eligible_one),
		cmocka_unit_test(every_resort_has_words_of_its_own),
		cmocka_unit_test(a_stale_pool_names_its_likely_cause),
		cmocka_unit_test(the_quorum_is_told_where_it_is_asked_for),
		cmocka_unit_test(a_plugin_knows_nothing_of_a_stale_pool),
		cmocka_unit_test(the_table_has_the_columns_that_say_something),
		cmocka_unit_test(cells_are_shown_to_people_and_written_for_programs),
	};

	return cmocka_run_group_tests_name("stored", tests, NULL, NULL);
}
