/* Events: the table, their sentences, their forms, and bytes that would mislead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include "health/health.h"
#include "watch/event.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* 2026-11-25T22:30:00Z */
#define WALL_S INT64_C(1795645800)

#define NONE    .from = -1, .to = -1, .latency_us = -1, NO_POOL
#define NO_POOL .eligible = -1, .total = -1, .count = -1

static const struct {
	struct pool_event event;
	const char *line; /* behind the time */
} lines[] = {
	{{.kind = POOL_EVENT_STARTED,
		 .from = -1,
		 .to = -1,
		 .latency_us = -1,
		 .eligible = 7,
		 .total = 9,
		 .count = 123},
		"started: process 123 watches, 7 of 9 proxies are eligible"},
	{{.kind = POOL_EVENT_STOPPED, NONE}, "stopped: it ends"},
	{{.kind = POOL_EVENT_CHECK,
		 .reason = POOL_REASON_OK,
		 .from = -1,
		 .to = -1,
		 .latency_us = 12345,
		 NO_POOL,
		 .pool = "default.http",
		 .proxy = "tokyo"},
		"check default.http tokyo: ok, 12.3 ms"},
	{{.kind = POOL_EVENT_CHECK,
		 .reason = POOL_REASON_REFUSED,
		 NONE,
		 .pool = "default.http",
		 .proxy = "tokyo"},
		"check default.http tokyo: connect-refused: nothing listens at the "
		"proxy's address"},
	{{.kind = POOL_EVENT_TRANSITION,
		 .reason = POOL_REASON_REFUSED,
		 .from = POOL_STATUS_HEALTHY,
		 .to = POOL_STATUS_UNHEALTHY,
		 .latency_us = 1200,
		 NO_POOL,
		 .pool = "default.http",
		 .proxy = "tokyo"},
		"transition default.http tokyo: healthy -> unhealthy, connect-refused: "
		"nothing listens at the proxy's address"},
	{{.kind = POOL_EVENT_TRANSITION,
		 .reason = POOL_REASON_LIMITED,
		 .from = POOL_STATUS_HEALTHY,
		 .to = POOL_STATUS_COOLING,
		 .latency_us = -1,
		 NO_POOL,
		 .pool = "default.http",
		 .proxy = "tokyo",
		 .detail = "HTTP 429"},
		"transition default.http tokyo: healthy -> cooling, limited: the target, "
		"or the proxy itself, limits the rate (HTTP 429)"},
	{{.kind = POOL_EVENT_TRANSITION,
		 .from = POOL_STATUS_UNHEALTHY,
		 .to = POOL_STATUS_RECOVERING,
		 .latency_us = -1,
		 NO_POOL,
		 .pool = "p",
		 .proxy = "x"},
		"transition p x: unhealthy -> recovering: its open time is over"},
	{{.kind = POOL_EVENT_TRANSITION,
		 .from = POOL_STATUS_COOLING,
		 .to = POOL_STATUS_HEALTHY,
		 .latency_us = -1,
		 NO_POOL,
		 .pool = "p",
		 .proxy = "x"},
		"transition p x: cooling -> healthy: its rest is over"},
	{{.kind = POOL_EVENT_TRANSITION,
		 .reason = POOL_REASON_OK,
		 .from = POOL_STATUS_RECOVERING,
		 .to = POOL_STATUS_HEALTHY,
		 .latency_us = 5,
		 NO_POOL,
		 .pool = "p",
		 .proxy = "x"},
		"transition p x: recovering -> healthy: it works"},
	{{.kind = POOL_EVENT_DEGRADED,
		 .from = -1,
		 .to = -1,
		 .latency_us = -1,
		 .eligible = 7,
		 .total = 9,
		 .count = -1,
		 .pool = "default.http"},
		"degraded default.http: only 7 of 9 proxies are eligible"},
	{{.kind = POOL_EVENT_EXHAUSTED,
		 .from = -1,
		 .to = -1,
		 .latency_us = -1,
		 .eligible = 0,
		 .total = 9,
		 .count = -1,
		 .pool = "default.http"},
		"exhausted default.http: no proxy is eligible, of 9"},
	{{.kind = POOL_EVENT_RECOVERED,
		 .from = -1,
		 .to = -1,
		 .latency_us = -1,
		 .eligible = 1,
		 .total = 1,
		 .count = -1,
		 .pool = "default.http"},
		"recovered default.http: 1 of 1 proxy is eligible again"},
	{{.kind = POOL_EVENT_PANIC,
		 .from = -1,
		 .to = -1,
		 .latency_us = -1,
		 .eligible = -1,
		 .total = -1,
		 .count = 3,
		 .pool = "default.http"},
		"panic default.http: 3 selections got a proxy that was not eligible"},
	{{.kind = POOL_EVENT_RELOAD,
		 NONE,
		 .detail = "7 proxies in 2 pools: 1 added, 2 removed, 4 kept"},
		"reload: the pool file was read again: 7 proxies in 2 pools: 1 added, 2 "
		"removed, 4 kept"},
	{{.kind = POOL_EVENT_ROLLBACK, NONE, .detail = "pool.json:12:9: error: no"},
		"rollback: the pool file cannot be taken, the last good one stays: "
		"pool.json:12:9: error: no"},
	{{.kind = POOL_EVENT_TARGET_SUSPECT,
		 NONE,
		 .pool = "default.http",
		 .detail = "target-refused"},
		"target-suspect default.http: checks fail at their target for all "
		"proxies, and none is blamed: target-refused"},
	{{.kind = POOL_EVENT_TARGET_RECOVERED, NONE, .pool = "default.http"},
		"target-recovered default.http: the target of its checks can be reached "
		"again"},
	{{.kind = POOL_EVENT_UPLINK_SUSPECT, NONE, .detail = "all 9 time out"},
		"uplink-suspect: this machine seems to be cut off, and no proxy is "
		"blamed: all 9 time out"},
	{{.kind = POOL_EVENT_UPLINK_RECOVERED, NONE},
		"uplink-recovered: this machine's network works again"},
	{{.kind = POOL_EVENT_LOCAL_TROUBLE,
		 .reason = POOL_REASON_NO_DESCRIPTORS,
		 NONE,
		 .detail = "12 checks"},
		"local-trouble: no-descriptors: this process has no file descriptors "
		"left (12 checks)"},
	{{.kind = POOL_EVENT_FLAPPING, NONE, .pool = "default.http", .proxy = "tokyo"},
		"flapping default.http tokyo: it changes too often, and its alerts are "
		"held until it is calm"},
	{{.kind = POOL_EVENT_FLAPPING, NONE, .detail = "this machine's network"},
		"flapping: this machine's network changes too often, and its alerts are "
		"held until it is calm"},
	{{.kind = POOL_EVENT_SETTLED, NONE, .pool = "default.http", .proxy = "tokyo"},
		"settled default.http tokyo: it changes too often no longer"},
	{{.kind = POOL_EVENT_SETTLED, NONE, .detail = "this machine's network"},
		"settled: this machine's network changes too often no longer"},
	{{.kind = POOL_EVENT_ALERT_FAILED, NONE, .detail = "webhook https://h: no"},
		"alert-failed: alerts could not be delivered: webhook https://h: no"},
};

/* As pool_event_init() and its caller would. */
static struct pool_event event_of(size_t i)
{
	struct pool_event event = lines[i].event;

	event.wall_s = WALL_S;
	event.level = pool_event_get(event.kind)->level;
	return event;
}

static cJSON *parse(const struct pool_event *event)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	cJSON *tree;

	pool_event_add_json(event, &text);
	assert_false(text.broken);
	assert_null(strpbrk(text.bytes, "\n\r\x1b"));
	tree = cJSON_Parse(text.bytes);
	if (!tree)
		fail_msg("not JSON: %s", text.bytes);
	pool_text_release(&text);
	return tree;
}

static const char *word_of(const cJSON *tree, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, name));
}

static void the_table_is_whole(void **unused)
{
	(void)unused;
	for (int i = 0; i < POOL_EVENTS; i++) {
		const struct pool_event_row *row =
			pool_event_get((enum pool_event_kind)i);

		assert_non_null(row->name);
		assert_non_null(row->summary);
		assert_true(row->name[0] && row->summary[0]);
		assert_in_range(row->level, POOL_LEVEL_ERROR, POOL_LEVEL_DEBUG);
		assert_int_equal(i, pool_event_find(row->name));
	}
	assert_int_equal(-1, pool_event_find("nothing"));
	assert_int_equal(-1, pool_event_find(""));
	for (int i = 0; i < POOL_LEVELS; i++)
		assert_true(strlen(pool_event_level_name((enum pool_event_level)i)) > 3);
}

static void a_new_event_has_nothing(void **unused)
{
	struct pool_event event;
	cJSON *tree;

	(void)unused;
	pool_event_init(&event, POOL_EVENT_STOPPED, WALL_S);
	tree = parse(&event);
	assert_int_equal(4, cJSON_GetArraySize(tree));
	assert_string_equal("2026-11-25T22:30:00Z", word_of(tree, "time"));
	assert_string_equal("stopped", word_of(tree, "event"));
	assert_string_equal("info", word_of(tree, "level"));
	assert_string_equal("it ends", word_of(tree, "message"));
	cJSON_Delete(tree);
}

static void lines_are_sentences(void **unused)
{
	bool seen[POOL_EVENTS] = {false};

	(void)unused;
	for (size_t i = 0; i < SIZE(lines); i++) {
		struct pool_event event = event_of(i);
		struct pool_text text = POOL_TEXT_EMPTY, wanted = POOL_TEXT_EMPTY;

		pool_text_addf(&wanted, "2026-11-25T22:30:00Z %s\n", lines[i].line);
		pool_event_add_text(&event, &text);
		assert_string_equal(wanted.bytes, text.bytes);
		pool_text_release(&text);
		pool_text_release(&wanted);
		seen[event.kind] = true;
	}
	for (size_t i = 0; i < POOL_EVENTS; i++)
		assert_true(seen[i]);
}

static void objects_have_what_the_event_has(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SIZE(lines); i++) {
		struct pool_event event = event_of(i);
		cJSON *tree = parse(&event);
		const char *message = word_of(tree, "message");

		assert_string_equal(
			pool_event_get(event.kind)->name, word_of(tree, "event"));
		assert_string_equal(pool_event_level_name(pool_event_level(&event)),
			word_of(tree, "level"));
		assert_non_null(strstr(lines[i].line, message));
		assert_int_equal(event.pool[0] != 0, cJSON_HasObjectItem(tree, "pool"));
		assert_int_equal(event.proxy[0] != 0, cJSON_HasObjectItem(tree, "proxy"));
		assert_int_equal(
			event.detail[0] != 0, cJSON_HasObjectItem(tree, "detail"));
		assert_int_equal(event.reason != POOL_REASON_NONE,
			cJSON_HasObjectItem(tree, "reason"));
		assert_int_equal(event.from >= 0, cJSON_HasObjectItem(tree, "from"));
		assert_int_equal(event.to >= 0, cJSON_HasObjectItem(tree, "to"));
		assert_int_equal(event.total >= 0, cJSON_HasObjectItem(tree, "eligible"));
		assert_int_equal(event.total >= 0, cJSON_HasObjectItem(tree, "total"));
		assert_int_equal(event.count >= 0,
			cJSON_HasObjectItem(tree,
				event.kind == POOL_EVENT_STARTED ? "pid" : "count"));
		assert_int_equal(event.latency_us >= 0,
			cJSON_HasObjectItem(tree, "latency_seconds"));
		cJSON_Delete(tree);
	}
}

static void the_example_of_the_manual(void **unused)
{
	struct pool_event event = event_of(4);
	struct pool_text text = POOL_TEXT_EMPTY;

	(void)unused;
	pool_event_add_json(&event, &text);
	assert_string_equal(
		"{\"time\":\"2026-11-25T22:30:00Z\",\"event\":\"transition\","
		"\"level\":\"warning\",\"pool\":\"default.http\","
		"\"proxy\":\"tokyo\",\"from\":\"healthy\",\"to\":\"unhealthy\","
		"\"reason\":\"connect-refused\",\"latency_seconds\":0.0012,"
		"\"message\":\"healthy -> unhealthy, connect-refused: nothing "
		"listens at the proxy's address\"}",
		text.bytes);
	pool_text_release(&text);
}

static void seconds_are_short(void **unused)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {{0, "0"}, {1, "0.000001"}, {1200, "0.0012"}, {1000000, "1"},
		{1500000, "1.5"}, {12034500, "12.0345"}, {999999, "0.999999"},
		{INT64_C(3600000000), "3600"}};

	(void)unused;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_text text = POOL_TEXT_EMPTY;

		pool_event_add_seconds(&text, cases[i].us);
		assert_string_equal(cases[i].text, text.bytes);
		pool_text_release(&text);
	}
}

static void a_transition_is_as_bad_as_its_end(void **unused)
{
	(void)unused;
	for (int to = 0; to < POOL_STATUSES; to++) {
		struct pool_event event;
		bool bad = to == POOL_STATUS_UNHEALTHY || to == POOL_STATUS_COOLING;

		pool_event_init(&event, POOL_EVENT_TRANSITION, WALL_S);
		event.to = to;
		assert_int_equal(bad ? POOL_LEVEL_WARNING : POOL_LEVEL_NOTICE,
			pool_event_level(&event));
	}
}

/* Names and details of every event that end a line, a string or a colour. */
static void hostile_bytes_are_escaped(void **unused)
{
	static const char hostile[] = "a\nb\x1b[31m\"\\\xff\xc2\x85\r\t\xe2\x80\xae</x>";

	(void)unused;
	for (int i = 0; i < POOL_EVENTS; i++) {
		struct pool_event event;
		struct pool_text text = POOL_TEXT_EMPTY;
		cJSON *tree;

		pool_event_init(&event, (enum pool_event_kind)i, WALL_S);
		event.from = event.to = POOL_STATUS_HEALTHY;
		memcpy(event.pool, hostile, sizeof(hostile));
		memcpy(event.proxy, hostile, sizeof(hostile));
		memcpy(event.detail, hostile, sizeof(hostile));
		pool_event_add_text(&event, &text);
		assert_ptr_equal(text.bytes + text.length - 1, strchr(text.bytes, '\n'));
		assert_null(strpbrk(text.bytes, "\x1b\r\t\xff"));
		assert_null(strstr(text.bytes, "\xe2\x80\xae"));
		pool_text_release(&text);
		tree = parse(&event);
		assert_non_null(strstr(word_of(tree, "detail"), "a\\x0ab\\x1b[31m\"\\"));
		cJSON_Delete(tree);
	}
}

/* Cut in the middle of a character, and without room to spare. */
static void full_fields_are_written(void **unused)
{
	struct pool_event event;
	cJSON *tree;

	(void)unused;
	pool_event_init(&event, POOL_EVENT_ROLLBACK, INT64_MAX / 2);
	memset(event.detail, 0xc3, sizeof(event.detail) - 1);
	memset(event.pool, 'p', sizeof(event.pool) - 1);
	tree = parse(&event);
	assert_int_equal((sizeof(event.detail) - 1) * 4, strlen(word_of(tree, "detail")));
	cJSON_Delete(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_whole),
		cmocka_unit_test(a_new_event_has_nothing),
		cmocka_unit_test(lines_are_sentences),
		cmocka_unit_test(objects_have_what_the_event_has),
		cmocka_unit_test(the_example_of_the_manual),
		cmocka_unit_test(seconds_are_short),
		cmocka_unit_test(a_transition_is_as_bad_as_its_end),
		cmocka_unit_test(hostile_bytes_are_escaped),
		cmocka_unit_test(full_fields_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
