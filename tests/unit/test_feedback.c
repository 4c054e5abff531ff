/* Reports and commands, through a session on a real pool file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct place {
	char folder[200];
	char file[256];
	char state[256];
	struct pool_session *session;
};

static const char *const two_pools =
	"{\"enabled\": true,"
	" \"default\": {\"http\": {\"pool\": {\"proxies\": ["
	"  {\"name\": \"a\", \"url\": \"http://127.0.0.1:1\"},"
	"  {\"name\": \"b\", \"url\": \"http://127.0.0.1:2\"}],"
	"  \"breaker\": {\"failure_threshold\": 3, \"open_seconds\": 30}}}},"
	" \"exchanges\": {\"okx\": {\"http\": {\"pool\": {\"proxies\": ["
	"  {\"name\": \"b\", \"url\": \"http://127.0.0.1:2\"},"
	"  {\"name\": \"only\", \"url\": \"http://127.0.0.1:3\"}],"
	"  \"cooldown\": {\"seconds\": 7, \"max_seconds\": 1000}}}}}}";

static void edit(struct place *place, const char *text)
{
	const struct timespec rest = {0, 25000000};

	fixture_write(place->file, text, strlen(text));
	/* Its key is believed only when it has been at rest. */
	nanosleep(&rest, NULL);
}

static int set_up(void **context)
{
	struct place *place = calloc(1, sizeof(*place));
	struct pool_session_options options = {0};
	struct pool_fault fault;

	fixture_folder_make(place->folder, sizeof(place->folder));
	snprintf(place->file, sizeof(place->file), "%s/pool.json", place->folder);
	snprintf(place->state, sizeof(place->state), "%s/pool.state", place->folder);
	edit(place, two_pools);
	options.file = place->file;
	options.state = place->state;
	options.require_state = true;
	assert_int_equal(0, pool_session_new(&place->session, &options, &fault));
	*context = place;
	return 0;
}

static int tear_down(void **context)
{
	struct place *place = *context;

	pool_session_free(place->session);
	fixture_folder_remove(place->folder);
	free(place);
	return 0;
}

/* The record of proxy <name> in the pool <where>, and its status. */
static struct pool_record look(struct place *place, const char *where, const char *name,
	enum pool_status *status)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(place->session);
	struct pool_record record = {0};
	bool found = false;

	for (uint32_t i = 0; i < snapshot->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[i];
		struct pool_view view;

		if (strcmp(pool_snapshot_string(snapshot, leaf->where), where) != 0)
			continue;
		assert_int_equal(0, pool_session_view(place->session, i, &view, NULL));
		assert_true(view.has_state);
		for (uint32_t j = 0; j < view.count; j++) {
			const struct pool_snap_member *member =
				&snapshot->members[leaf->first_member + j];

			if (strcmp(pool_snapshot_string(snapshot, member->name), name) !=
				0)
				continue;
			record = view.records[j];
			if (status)
				*status = pool_view_status(place->session, &view, j);
			found = true;
		}
		pool_view_release(&view);
	}
	assert_true(found);
	return record;
}

static enum pool_status status_of(
	struct place *place, const char *where, const char *name)
{
	enum pool_status status = POOL_STATUSES;

	look(place, where, name, &status);
	return status;
}

static struct pool_feedback about(const char *name, enum pool_said said)
{
	return (struct pool_feedback){.target = {.proxy = name, .type = -1},
		.said = said,
		.retry_after_s = -1,
		.latency_us = -1};
}

static int say(struct place *place, const struct pool_feedback *feedback,
	struct pool_feedback_result *out)
{
	struct pool_fault fault = {0};

	return pool_session_report(place->session, feedback, out, &fault);
}

/* A lease of proxy <name> of the default pool: its id. */
static void lease(struct place *place, const char *name, int64_t ttl_ms, char *id)
{
	const char *other = strcmp(name, "a") == 0 ? "b" : "a";
	const struct pool_query query = {.lease = true,
		.owner_pid = ttl_ms ? 0 : getpid(),
		.ttl_ms = ttl_ms,
		.exclude = &other,
		.exclude_count = 1};
	struct pool_choice choice;
	struct pool_fault fault;

	assert_int_equal(0, pool_session_select(place->session, &query, &choice, &fault));
	assert_string_equal(name, choice.proxies[0].name);
	strcpy(id, choice.proxies[0].lease);
	assert_int_equal(16, strlen(id));
	pool_choice_release(&choice);
}

static uint32_t leases_held(struct place *place)
{
	struct pool_view view;
	uint32_t held;

	assert_int_equal(0, pool_session_view(place->session, 0, &view, NULL));
	held = view.held[0] + view.held[1];
	pool_view_release(&view);
	return held;
}

static void test_lease_once(void **context)
{
	struct place *place = *context;
	struct pool_feedback feedback = about(NULL, POOL_SAID_FAIL);
	struct pool_feedback_result result;
	char id[20];

	lease(place, "a", 0, id);
	assert_int_equal(1, leases_held(place));
	feedback.lease = id;
	feedback.reason = "reset";
	assert_int_equal(0, say(place, &feedback, &result));
	assert_int_equal(0, leases_held(place));
	assert_string_equal("a", result.proxy);
	assert_string_equal("default.http", result.where);
	assert_string_equal("reset", result.reason);
	assert_false(result.repeated);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(0, say(place, &feedback, &result));
		assert_true(result.repeated);
	}
	assert_int_equal(
		1, look(place, "default.http", "a", NULL).reports[POOL_VERDICT_DOWN]);
	assert_int_equal(1, look(place, "default.http", "a", NULL).health.failed_reports);
}

static void test_lease_done(void **context)
{
	struct place *place = *context;
	struct pool_feedback feedback = about(NULL, POOL_SAID_DONE);
	struct pool_feedback_result result;
	struct pool_record record;
	char id[20];

	lease(place, "b", 0, id);
	feedback.lease = id;
	assert_int_equal(0, say(place, &feedback, &result));
	assert_null(result.reason);
	assert_int_equal(0, leases_held(place));
	record = look(place, "default.http", "b", NULL);
	for (int i = 0; i < POOL_VERDICTS; i++)
		assert_int_equal(0, record.reports[i]);
	/* What is done is done: a failure that is told later is not counted. */
	feedback.said = POOL_SAID_FAIL;
	assert_int_equal(0, say(place, &feedback, &result));
	assert_true(result.repeated);
	assert_int_equal(
		0, look(place, "default.http", "b", NULL).reports[POOL_VERDICT_DOWN]);
}

/* A lease that its time ended can still be reported, once. */
static void test_late_report(void **context)
{
	struct place *place = *context;
	struct pool_feedback feedback = about(NULL, POOL_SAID_FAIL);
	const struct timespec pause = {0, 5000000};
	const struct pool_query query = {.count = 1};
	struct pool_feedback_result result;
	struct pool_choice choice;
	char id[20];

	lease(place, "a", 1, id);
	nanosleep(&pause, NULL);
	/* Whoever selects next ends it. */
	assert_int_equal(0, pool_session_select(place->session, &query, &choice, NULL));
	pool_choice_release(&choice);
	assert_int_equal(0, leases_held(place));
	/* An edit in between takes along what is known of it. */
	edit(place, two_pools);
	feedback.lease = id;
	for (int i = 0; i < 3; i++)
		assert_int_equal(0, say(place, &feedback, &result));
	assert_true(result.repeated);
	assert_int_equal(
		1, look(place, "default.http", "a", NULL).reports[POOL_VERDICT_DOWN]);
}

/* What is left of a lease is not the first to go after an edit. */
static void test_late_report_after_an_edit(void **context)
{
	struct place *place = *context;
	struct pool_feedback feedback = about(NULL, POOL_SAID_FAIL);
	struct pool_feedback_result result;
	char ended[20], other[20];

	lease(place, "a", 0, ended);
	feedback.lease = ended;
	assert_int_equal(0, say(place, &feedback, &result));
	edit(place,
		"{\"proxies\": [{\"name\": \"a\", \"url\": \"http://127.0.0.1:1\"},"
		" {\"name\": \"b\", \"url\": \"http://127.0.0.1:2\"}]}");
	for (int i = 0; i < 8; i++)
		lease(place, "b", 0, other);
	assert_int_equal(0, say(place, &feedback, &result));
	assert_true(result.repeated);
}

static void test_unknown_lease(void **context)
{
	static const char *const ids[] = {"0123456789abcdef", "0000000000000000",
		"0123456789ABCDEF", "0123", "", "0123456789abcdef0"};
	struct place *place = *context;
	struct pool_feedback feedback = about(NULL, POOL_SAID_OK);

	for (size_t i = 0; i < SIZE(ids); i++) {
		feedback.lease = ids[i];
		assert_int_equal(POOL_EUNKNOWN, say(place, &feedback, NULL));
	}
}

/* The lock is given back, whatever the report was. */
static void test_a_refused_report_keeps_no_lock(void **context)
{
	struct place *place = *context;
	struct pool_session_options options = {.file = place->file,
		.state = place->state,
		.require_state = true,
		.lock_timeout_ms = 50};
	struct pool_feedback feedback = about(NULL, POOL_SAID_OK);
	struct pool_session *other = NULL;
	struct pool_fault fault = {0};

	feedback.lease = "0123456789abcdef";
	assert_int_equal(POOL_EUNKNOWN, say(place, &feedback, NULL));
	assert_int_equal(0, pool_session_new(&other, &options, &fault));
	assert_int_equal(0, pool_session_check_state(other, &fault));
	pool_session_free(other);
}

static void test_threshold(void **context)
{
	struct place *place = *context;
	struct pool_feedback feedback = about("a", POOL_SAID_FAIL);
	struct pool_feedback_result result;
	const struct pool_query query = {.count = 1};
	struct pool_choice choice;
	struct pool_record record;

	feedback.reason = "connect-refused";
	for (int i = 0; i < 2; i++) {
		assert_int_equal(0, say(place, &feedback, &result));
		assert_string_equal("unknown", result.to);
	}
	assert_int_equal(0, say(place, &feedback, &result));
	assert_string_equal("unknown", result.from);
	assert_string_equal("unhealthy", result.to);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(
			0, pool_session_select(place->session, &query, &choice, NULL));
		assert_string_equal("b", choice.proxies[0].name);
		pool_choice_release(&choice);
	}
	record = look(place, "default.http", "a", NULL);
	assert_int_equal(1, record.transition_count);
	assert_int_equal(POOL_STATUS_UNHEALTHY, record.transitions[0].to);
	assert_int_equal(POOL_REASON_REFUSED, record.transitions[0].reason);
}

/* A use that began before the breaker opened tells of a proxy that was another one then.
 */
static void test_began_before(void **context)
{
	struct place *place = *context;
	struct pool_feedback feedback = about("a", POOL_SAID_FAIL);
	struct pool_feedback early = about(NULL, POOL_SAID_OK);
	struct pool_record record;
	int64_t until_ns;
	char id[20];

	lease(place, "a", 0, id);
	for (int i = 0; i < 3; i++)
		assert_int_equal(0, say(place, &feedback, NULL));
	until_ns = look(place, "default.http", "a", NULL).health.open_until_ns;
	assert_true(until_ns > 0);
	early.lease = id;
	assert_int_equal(0, say(place, &early, NULL));
	record = look(place, "default.http", "a", NULL);
	assert_int_equal(1, record.reports[POOL_VERDICT_OK]);
	assert_int_equal(until_ns, record.health.open_until_ns);
	assert_int_equal(1, record.health.opened);
	assert_int_equal(0, record.health.good_in_a_row);
}

static void test_limited(void **context)
{
	struct place *place = *context;
	struct pool_feedback feedback = about("b", POOL_SAID_OK);
	struct pool_feedback_result result;
	struct pool_record record;
	struct pool_now now;

	feedback.target.exchange = "okx";
	feedback.http_status = 429;
	feedback.retry_after_s = 500;
	pool_clock_get(&now);
	assert_int_equal(0, say(place, &feedback, &result));
	assert_string_equal("limited", result.reason);
	assert_string_equal("cooling", result.to);
	record = look(place, "exchanges.okx.http", "b", NULL);
	assert_in_range(record.health.cool_until_ns - now.boot_ns, 500 * POOL_NS_PER_S,
		502 * POOL_NS_PER_S);
	/* For that pool only; never shortened; capped. */
	assert_int_equal(POOL_STATUS_UNKNOWN, status_of(place, "default.http", "b"));
	feedback.retry_after_s = -1;
	assert_int_equal(0, say(place, &feedback, &result));
	assert_int_equal(record.health.cool_until_ns,
		look(place, "exchanges.okx.http", "b", NULL).health.cool_until_ns);
	feedback.retry_after_s = 100000;
	assert_int_equal(0, say(place, &feedback, &result));
	record = look(place, "exchanges.okx.http", "b", NULL);
	assert_in_range(record.health.cool_until_ns - now.boot_ns, 1000 * POOL_NS_PER_S,
		1002 * POOL_NS_PER_S);
	assert_int_equal(3, record.reports[POOL_VERDICT_LIMITED]);
	assert_int_equal(429, record.http_status);
	assert_int_equal(0, record.health.failed_reports);
}

static void test_statuses(void **context)
{
	static const struct {
		enum pool_said said;
		int32_t status;
		const char *reason, *expected;
	} cases[] = {
		{POOL_SAID_OK, 0, NULL, "ok"},
		{POOL_SAID_OK, 200, NULL, "ok"},
		{POOL_SAID_OK, 500, NULL, "ok"},
		{POOL_SAID_FAIL, 0, NULL, "reported"},
		{POOL_SAID_FAIL, 500, NULL, "status"},
		{POOL_SAID_OK, 403, NULL, "blocked"},
		{POOL_SAID_FAIL, 451, NULL, "blocked"},
		{POOL_SAID_FAIL, 407, NULL, "authentication"},
		{POOL_SAID_FAIL, 418, NULL, "limited"},
		{POOL_SAID_FAIL, 403, "denied", "denied"},
		{POOL_SAID_FAIL, 0, "target-refused", "target-refused"},
		{POOL_SAID_FAIL, 429, "truncated", "limited"},
		{POOL_SAID_FAIL, 200, "truncated", "truncated"},
		{POOL_SAID_FAIL, 403, "limited", "limited"},
		{POOL_SAID_OK, 429, "ok", "limited"},
	};
	struct place *place = *context;

	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_feedback feedback = about("only", cases[i].said);
		struct pool_feedback_result result;

		feedback.http_status = cases[i].status;
		feedback.reason = cases[i].reason;
		assert_int_equal(0, say(place, &feedback, &result));
		assert_string_equal(cases[i].expected, result.reason);
	}
}

static void test_latency(void **context)
{
	struct place *place = *context;
	struct pool_feedback feedback = about("a", POOL_SAID_OK);

	feedback.latency_us = 1000;
	assert_int_equal(0, say(place, &feedback, NULL));
	feedback.latency_us = 2000;
	assert_int_equal(0, say(place, &feedback, NULL));
	assert_int_equal(1200, look(place, "default.http", "a", NULL).latency_us);
	/* That of a failure says how long it took to fail. */
	feedback.said = POOL_SAID_FAIL;
	feedback.latency_us = 900000;
	assert_int_equal(0, say(place, &feedback, NULL));
	assert_int_equal(1200, look(place, "default.http", "a", NULL).latency_us);
}

/* An average that cannot be is none. */
static void test_damaged_latency(void **context)
{
	static const int64_t cases[] = {INT64_MAX, INT64_MIN, -1};
	struct place *place = *context;
	struct pool_feedback feedback = about("a", POOL_SAID_OK);

	feedback.latency_us = 1000;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_state *state = NULL;

		assert_int_equal(0, say(place, &feedback, NULL));
		assert_int_equal(
			0, pool_state_open(&state, place->state, place->file, NULL));
		assert_int_equal(0, pool_state_lock(state, 1000, NULL));
		for (uint32_t at = 0; at < state->image->record_count; at++)
			state->records[at].latency_us = cases[i];
		pool_state_free(state);
		assert_int_equal(0, say(place, &feedback, NULL));
		assert_int_equal(1000, look(place, "default.http", "a", NULL).latency_us);
	}
	/* Nor is one that a caller made up. */
	feedback.latency_us = INT64_MAX;
	for (int i = 0; i < 3; i++)
		assert_int_equal(0, say(place, &feedback, NULL));
	assert_in_range(
		look(place, "default.http", "a", NULL).latency_us, 1000, 86400000000);
}

static void test_refusals(void **context)
{
	static const struct {
		struct pool_feedback feedback;
		int expected;
		const char *text;
	} cases[] = {
		{{.target = {"b", NULL, -1}}, POOL_EARGUMENT,
			"'b' is in 2 pools, 'default.http' and 'exchanges.okx.http': say "
			"which with -x and -t"},
		{{.target = {"onyl", NULL, -1}}, POOL_EUNKNOWN,
			"no proxy is called 'onyl'; did you mean 'only'?"},
		{{.target = {"a", "okx", POOL_TYPE_HTTP}}, POOL_EUNKNOWN,
			"no proxy of 'okx' for http is called 'a'"},
		{{.target = {"a", NULL, POOL_TYPE_WEBSOCKET}}, POOL_EUNKNOWN,
			"no proxy for websocket is called 'a'"},
		{{.target = {"a", NULL, -1}, .reason = "refused"}, POOL_EARGUMENT,
			"no reason is called 'refused'"},
		{{.target = {"a", NULL, -1}, .reason = "tls"}, POOL_EARGUMENT,
			"the reason 'tls' contradicts 'ok'"},
		{{.target = {"a", NULL, -1}, .said = POOL_SAID_FAIL, .reason = "ok"},
			POOL_EARGUMENT, "the reason 'ok' contradicts 'fail'"},
		{{.target = {"a", NULL, -1}, .said = POOL_SAID_DONE}, POOL_EARGUMENT,
			"'done' ends a lease: 'a' is none"},
		{{.target = {NULL, NULL, -1}}, POOL_EARGUMENT,
			"a report is about a lease or a proxy"},
	};
	struct place *place = *context;

	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_fault fault = {0};

		assert_int_equal(cases[i].expected,
			pool_session_report(
				place->session, &cases[i].feedback, NULL, &fault));
		assert_int_equal(cases[i].expected, fault.code);
		assert_string_equal(cases[i].text, fault.text);
	}
}

/* Whoever is on trial by a plain selection is free for the next trial once it is
 * reported. */
static void test_trial_ends(void **context)
{
	static const char *const one =
		"{\"proxies\": [{\"name\": \"a\", \"url\": \"http://127.0.0.1:1\"}],"
		" \"fallback\": \"fail\", \"breaker\": {\"failure_threshold\": 1,"
		" \"open_seconds\": 1, \"half_open_max\": 1}}";
	struct place *place = *context;
	struct pool_feedback bad = about("a", POOL_SAID_FAIL);
	struct pool_feedback good = about("a", POOL_SAID_OK);
	const struct pool_query waiting = {.wait_ms = 3000}, now = {.count = 1};
	struct pool_choice choice;
	struct pool_fault fault;

	edit(place, one);
	assert_int_equal(0, say(place, &bad, NULL));
	assert_int_equal(POOL_STATUS_UNHEALTHY, status_of(place, "default.http", "a"));
	assert_int_equal(
		POOL_ENONE, pool_session_select(place->session, &now, &choice, &fault));
	pool_choice_release(&choice);
	/* Waiting ends when the breaker is half-open. */
	assert_int_equal(
		0, pool_session_select(place->session, &waiting, &choice, &fault));
	assert_string_equal("recovering", choice.proxies[0].status);
	pool_choice_release(&choice);
	assert_int_equal(
		POOL_ENONE, pool_session_select(place->session, &now, &choice, &fault));
	pool_choice_release(&choice);
	assert_int_equal(0, say(place, &good, NULL));
	assert_int_equal(POOL_STATUS_RECOVERING, status_of(place, "default.http", "a"));
	assert_int_equal(0, pool_session_select(place->session, &now, &choice, &fault));
	pool_choice_release(&choice);
	assert_int_equal(0, say(place, &good, NULL));
	assert_int_equal(POOL_STATUS_HEALTHY, status_of(place, "default.http", "a"));
}

static void test_commands(void **context)
{
	struct place *place = *context;
	const struct pool_target b = {"b", NULL, -1}, all = {NULL, NULL, -1},
				 okx = {NULL, "okx", -1}, none = {"c", NULL, -1};
	const struct pool_query query = {.count = 1};
	struct pool_feedback bad = about("a", POOL_SAID_FAIL);
	struct pool_choice choice;
	struct pool_fault fault;
	size_t count = 0;

	assert_int_equal(0,
		pool_session_command(
			place->session, &b, POOL_ADMIN_DISABLE, &count, &fault));
	assert_int_equal(2, count);
	assert_int_equal(POOL_STATUS_DISABLED, status_of(place, "default.http", "b"));
	assert_int_equal(
		POOL_STATUS_DISABLED, status_of(place, "exchanges.okx.http", "b"));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			0, pool_session_select(place->session, &query, &choice, NULL));
		assert_string_equal("a", choice.proxies[0].name);
		pool_choice_release(&choice);
	}
	/* An edit and a good report lift nothing. */
	edit(place, two_pools);
	assert_int_equal(POOL_STATUS_DISABLED, status_of(place, "default.http", "b"));
	assert_int_equal(0,
		pool_session_command(
			place->session, &okx, POOL_ADMIN_ENABLE, &count, &fault));
	assert_int_equal(2, count);
	assert_int_equal(
		POOL_STATUS_UNKNOWN, status_of(place, "exchanges.okx.http", "b"));
	assert_int_equal(POOL_STATUS_DISABLED, status_of(place, "default.http", "b"));
	for (int i = 0; i < 3; i++)
		assert_int_equal(0, say(place, &bad, NULL));
	assert_int_equal(POOL_STATUS_UNHEALTHY, status_of(place, "default.http", "a"));
	assert_int_equal(0,
		pool_session_command(
			place->session, &all, POOL_ADMIN_RESET, &count, &fault));
	assert_int_equal(4, count);
	assert_int_equal(POOL_STATUS_UNKNOWN, status_of(place, "default.http", "a"));
	assert_int_equal(POOL_STATUS_DISABLED, status_of(place, "default.http", "b"));
	assert_int_equal(POOL_EUNKNOWN,
		pool_session_command(
			place->session, &none, POOL_ADMIN_RESET, &count, &fault));
}

/* The state that is only changed by reports holds together. */
static void test_verified(void **context)
{
	struct place *place = *context;
	struct pool_random random = {7};
	struct pool_state *state = NULL;
	struct pool_fault fault = {0};
	char ids[8][20] = {{0}};

	for (int i = 0; i < 500; i++) {
		const uint32_t nth = (uint32_t)pool_random_below(&random, SIZE(ids));
		struct pool_feedback feedback =
			about(NULL, (enum pool_said)pool_random_below(&random, 3));

		if (!ids[nth][0]) {
			const struct pool_query query = {
				.lease = true, .owner_pid = getpid()};
			struct pool_choice choice;

			if (pool_session_select(place->session, &query, &choice, NULL) ==
				0)
				strcpy(ids[nth], choice.proxies[0].lease);
			pool_choice_release(&choice);
			continue;
		}
		feedback.lease = ids[nth];
		assert_int_equal(0, say(place, &feedback, NULL));
		ids[nth][0] = '\0';
	}
	assert_int_equal(0, pool_state_open(&state, place->state, place->file, &fault));
	assert_int_equal(0, pool_state_lock(state, 1000, &fault));
	assert_int_equal(0, pool_state_verify(state, &fault));
	pool_state_free(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lease_once),
		TEST(test_lease_done),
		TEST(test_late_report),
		TEST(test_late_report_after_an_edit),
		TEST(test_unknown_lease),
		TEST(test_a_refused_report_keeps_no_lock),
		TEST(test_threshold),
		TEST(test_began_before),
		TEST(test_limited),
		TEST(test_statuses),
		TEST(test_latency),
		TEST(test_damaged_latency),
		TEST(test_refusals),
		TEST(test_trial_ends),
		TEST(test_commands),
		TEST(test_verified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
