/* What pool-watch counts, how that follows edits, and its metrics. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"
#include "report/metrics.h"
#include "watch/tally.h"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MS      POOL_NS_PER_MS

static const struct pool_hash_key salt = {{1, 2, 3}};

/* --- pools, and a report of them ------------------------------------------------ */

/* The members of a snapshot as rows, without a state. */
static void make_report(struct pool_report *report, const struct pool_snapshot *snapshot)
{
	const struct pool_quorum quorum = {.count = 1};

	*report = (struct pool_report){0};
	for (uint32_t i = 0; i < snapshot->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[i];
		const char *where = pool_snapshot_string(snapshot, leaf->where);

		if (!leaf->member_count)
			continue;
		assert_int_equal(0, pool_report_add_pool(report, where, 1, true));
		report->pools[report->pool_count - 1].leaf = i;
		for (uint32_t j = 0; j < leaf->member_count; j++) {
			const uint32_t at = leaf->first_member + j;
			struct pool_report_row *row = pool_report_add_row(report,
				pool_snapshot_string(
					snapshot, snapshot->members[at].name),
				"");

			assert_non_null(row);
			row->member = at;
		}
	}
	report->is_stored = true;
	pool_report_count(report, &quorum);
}

/* <count> proxies 127.0.0.1:1, ... in default.http, and one in another pool. */
static void compile(struct pool_snapshot *snapshot, uint32_t count)
{
	static struct fixture_pool pools[2];

	fixture_fill(&pools[0], "default.http", count);
	fixture_fill(&pools[1], "exchanges.okx.http", 1);
	fixture_compile(snapshot, pools, 2, &salt);
}

/* The same in another order: the last one first, without the one before it. */
static void compile_edited(struct pool_snapshot *snapshot)
{
	static struct fixture_pool pools[2];

	fixture_fill(&pools[0], "exchanges.okx.http", 1);
	fixture_fill(&pools[1], "default.http", 3);
	pools[1].members[1] = pools[1].members[0];
	pools[1].members[0] = pools[1].members[2];
	pools[1].count = 2;
	fixture_compile(snapshot, pools, 2, &salt);
}

static const char *render(
	const struct pool_tally *tally, const struct pool_report *report, bool per_proxy)
{
	static struct pool_text text;
	const struct pool_process process = {
		.cpu_s = 0.5, .resident_bytes = 4096, .descriptors = 7};

	pool_text_release(&text);
	pool_tally_render(tally, report, &process, per_proxy, &text);
	assert_false(text.broken);
	return text.bytes;
}

/* The whole line, once. */
static void must_have(const char *text, const char *line)
{
	char wanted[256];
	const char *found;

	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	found = strstr(text, wanted);
	if (!found || strstr(found + 1, wanted))
		fail_msg("not once '%s' in %s", line, text);
}

static void must_not_have(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' in %s", part, text);
}

/* --- counting ------------------------------------------------------------------- */

static void each_count_has_its_series(void **state)
{
	struct pool_snapshot snapshot;
	struct pool_report report;
	struct pool_tally tally;
	const char *text;

	(void)state;
	compile(&snapshot, 2);
	make_report(&report, &snapshot);
	pool_tally_init(&tally, 1764110000);
	assert_int_equal(0, pool_tally_follow(&tally, &snapshot));
	pool_tally_note_failure(&tally, 0, POOL_REASON_REFUSED);
	pool_tally_note_failure(&tally, 0, POOL_REASON_REFUSED);
	pool_tally_note_failure(&tally, 0, POOL_REASON_BLOCKED);
	pool_tally_note_cooldown(&tally, 1);
	pool_tally_note_event(&tally, POOL_EVENT_TARGET_SUSPECT);
	tally.alerts[POOL_TALLY_WEBHOOK][POOL_TALLY_DROPPED]++;
	pool_tally_note_reload(&tally, 1764110100);
	pool_tally_note_rollback(&tally);
	tally.checks_in_flight = 3;
	tally.first_round_done = true;
	text = render(&tally, &report, true);
	must_have(text,
		"proxypool_check_failures_total{pool=\"default.http\","
		"proxy=\"http://127.0.0.1:1\",reason=\"connect-refused\"} 2");
	must_have(text,
		"proxypool_check_failures_total{pool=\"default.http\","
		"proxy=\"http://127.0.0.1:1\",reason=\"blocked\"} 1");
	must_not_have(text,
		"failures_total{pool=\"default.http\",proxy=\"http://127.0.0.1:2\"");
	must_have(text,
		"proxypool_cooldowns_total{pool=\"default.http\","
		"proxy=\"http://127.0.0.1:1\"} 0");
	must_have(text,
		"proxypool_cooldowns_total{pool=\"default.http\","
		"proxy=\"http://127.0.0.1:2\"} 1");
	must_have(text, "proxypool_events_total{event=\"target-suspect\"} 1");
	must_have(text, "proxypool_events_total{event=\"started\"} 0");
	must_have(text,
		"proxypool_alerts_total{receiver=\"webhook\",result=\"dropped\"} "
		"1");
	must_have(text, "proxypool_alerts_total{receiver=\"command\",result=\"sent\"} 0");
	must_have(text, "proxypool_reloads_total 1");
	must_have(text, "proxypool_rollbacks_total 1");
	must_have(text, "proxypool_pool_file_valid 0");
	must_have(text, "proxypool_last_reload_timestamp_seconds 1764110100");
	must_have(text, "proxypool_first_round_done 1");
	must_have(text, "proxypool_checks_in_flight 3");
	must_have(text, "proxypool_start_time_seconds 1764110000");
	must_have(text, "proxypool_process_cpu_seconds_total 0.5");
	must_have(text, "proxypool_process_resident_memory_bytes 4096");
	must_have(text, "proxypool_process_open_fds 7");
	text = render(&tally, &report, false);
	must_not_have(text, "proxy=");
	must_have(text, "proxypool_reloads_total 1");
	pool_tally_release(&tally);
	pool_report_release(&report);
	pool_snapshot_release(&snapshot);
}

static void durations_fall_into_cumulative_buckets(void **state)
{
	struct pool_snapshot snapshot;
	struct pool_report report;
	struct pool_tally tally;
	const char *text;

	(void)state;
	compile(&snapshot, 1);
	make_report(&report, &snapshot);
	pool_tally_init(&tally, 0);
	assert_int_equal(0, pool_tally_follow(&tally, &snapshot));
	pool_tally_note_lag(&tally, -5);
	pool_tally_note_lag(&tally, MS);
	pool_tally_note_lag(&tally, MS + 1);
	pool_tally_note_lag(&tally, 1000 * MS);
	pool_tally_note_lag(&tally, 3000 * MS);
	pool_tally_note_latency(&tally, 0, 5000);
	pool_tally_note_latency(&tally, 0, 5001);
	pool_tally_note_latency(&tally, 0, 11000000);
	text = render(&tally, &report, true);
	must_have(text, "# TYPE proxypool_loop_lag_seconds histogram");
	must_have(text, "proxypool_loop_lag_seconds_bucket{le=\"0.001\"} 2");
	must_have(text, "proxypool_loop_lag_seconds_bucket{le=\"0.002\"} 3");
	must_have(text, "proxypool_loop_lag_seconds_bucket{le=\"0.5\"} 3");
	must_have(text, "proxypool_loop_lag_seconds_bucket{le=\"1\"} 4");
	must_have(text, "proxypool_loop_lag_seconds_bucket{le=\"+Inf\"} 5");
	must_have(text, "proxypool_loop_lag_seconds_sum 4.002000001");
	must_have(text, "proxypool_loop_lag_seconds_count 5");
	must_have(text,
		"proxypool_check_latency_seconds_bucket{pool=\"default.http\","
		"le=\"0.005\"} 1");
	must_have(text,
		"proxypool_check_latency_seconds_bucket{pool=\"default.http\","
		"le=\"0.01\"} 2");
	must_have(text,
		"proxypool_check_latency_seconds_bucket{pool=\"default.http\","
		"le=\"10\"} 2");
	must_have(text, "proxypool_check_latency_seconds_count{pool=\"default.http\"} 3");
	must_have(text,
		"proxypool_check_latency_seconds_count{pool="
		"\"exchanges.okx.http\"} 0");
	pool_tally_release(&tally);
	pool_report_release(&report);
	pool_snapshot_release(&snapshot);
}

/* Whoever counts may be a reload behind. */
static void numbers_out_of_range_count_nowhere(void **state)
{
	struct pool_tally tally;
	struct pool_report report = {0};

	(void)state;
	pool_tally_init(&tally, 0);
	pool_tally_note_failure(&tally, 0, POOL_REASON_REFUSED);
	pool_tally_note_cooldown(&tally, UINT32_MAX);
	pool_tally_note_latency(&tally, 5, 1);
	pool_tally_note_event(&tally, POOL_EVENTS);
	must_not_have(render(&tally, &report, true), "_total 1");
	must_not_have(render(&tally, &report, true), "} 1\n");
	/* Nothing of what is not known. */
	must_not_have(render(&tally, &report, true), "start_time");
	must_not_have(render(&tally, &report, true), "last_reload");
	pool_tally_release(&tally);
}

/* --- edits ---------------------------------------------------------------------- */

static void counts_move_with_their_proxies(void **state)
{
	struct pool_snapshot before, after;
	struct pool_tally tally;

	(void)state;
	compile(&before, 3);
	compile_edited(&after);
	pool_tally_init(&tally, 0);
	assert_int_equal(0, pool_tally_follow(&tally, &before));
	for (uint32_t i = 0; i < before.member_count; i++)
		for (uint32_t j = 0; j <= i; j++) {
			pool_tally_note_failure(&tally, i, POOL_REASON_REFUSED);
			pool_tally_note_cooldown(&tally, i);
		}
	pool_tally_note_latency(&tally, 0, 1);
	/* The same again changes nothing. */
	assert_int_equal(0, pool_tally_follow(&tally, &before));
	for (uint32_t i = 0; i < before.member_count; i++)
		assert_int_equal(i + 1, tally.members[i].cooldowns);
	assert_int_equal(0, pool_tally_follow(&tally, &after));
	assert_int_equal(3, tally.member_count);
	for (uint32_t i = 0; i < after.leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &after.leaves[i];
		const struct pool_tally_member *first =
			&tally.members[leaf->first_member];
		const bool okx = leaf->member_count == 1;

		assert_int_equal(!okx, tally.pools[i].latency.counts[0]);
		/* Of okx the fourth; else the third, then the first. */
		assert_int_equal(okx ? 4 : 3, first[0].cooldowns);
		assert_int_equal(okx ? 4 : 3, first[0].failures[POOL_REASON_REFUSED]);
		if (!okx)
			assert_int_equal(1, first[1].failures[POOL_REASON_REFUSED]);
	}
	/* Who was away begins anew. */
	assert_int_equal(0, pool_tally_follow(&tally, &before));
	assert_int_equal(0, tally.members[1].cooldowns);
	assert_null(tally.members[1].failures);
	assert_int_equal(3, tally.members[2].cooldowns);
	pool_tally_release(&tally);
	pool_snapshot_release(&before);
	pool_snapshot_release(&after);
}

/* --- the whole document --------------------------------------------------------- */

/* Names of families, a line each, of which none may stand twice. */
static void no_family_is_in_both_documents(void **state)
{
	struct pool_snapshot snapshot;
	struct pool_report report;
	struct pool_tally tally;
	struct pool_text text = POOL_TEXT_EMPTY;

	(void)state;
	compile(&snapshot, 2);
	make_report(&report, &snapshot);
	pool_tally_init(&tally, 1);
	assert_int_equal(0, pool_tally_follow(&tally, &snapshot));
	pool_tally_note_failure(&tally, 0, POOL_REASON_REFUSED);
	pool_metrics_render(&report, true, &text);
	pool_text_add(&text, render(&tally, &report, true));
	assert_false(text.broken);
	for (const char *at = text.bytes; (at = strstr(at, "# TYPE ")); at++) {
		char line[128];

		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at + 7, " ") + 8, at);
		if (strstr(at + 1, line))
			fail_msg("twice %s", line);
	}
	pool_text_release(&text);
	pool_tally_release(&tally);
	pool_report_release(&report);
	pool_snapshot_release(&snapshot);
}

/* --- the process, and the table of events --------------------------------------- */

static void the_process_knows_its_own_use(void **state)
{
	struct pool_process before, after;
	int fd;

	(void)state;
	pool_process_get(&before);
	assert_true(before.cpu_s >= 0);
	assert_in_range(before.resident_bytes, 4096, UINT64_C(1) << 40);
	assert_true(before.descriptors > 0);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	pool_process_get(&after);
	close(fd);
	assert_int_equal(before.descriptors + 1, after.descriptors);
	assert_true(after.cpu_s >= before.cpu_s);
}

static void every_event_has_a_row(void **state)
{
	(void)state;
	for (int i = 0; i < POOL_EVENTS; i++) {
		const struct pool_event_row *row =
			pool_event_get((enum pool_event_kind)i);

		assert_true(row->name && row->name[0]);
		assert_true(row->summary && row->summary[0]);
		assert_int_equal(i, pool_event_find(row->name));
		/* They are words of --alert-on, and of logs. */
		assert_int_equal(strlen(row->name),
			strspn(row->name, "abcdefghijklmnopqrstuvwxyz-"));
	}
	assert_int_equal(-1, pool_event_find("nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_count_has_its_series),
		cmocka_unit_test(durations_fall_into_cumulative_buckets),
		cmocka_unit_test(numbers_out_of_range_count_nowhere),
		cmocka_unit_test(counts_move_with_their_proxies),
		cmocka_unit_test(no_family_is_in_both_documents),
		cmocka_unit_test(the_process_knows_its_own_use),
		cmocka_unit_test(every_event_has_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
