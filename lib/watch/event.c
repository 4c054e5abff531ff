/* The table of events, and how they are written. */
#include <string.h>
#include <time.h>
#include "health/health.h"
#include "watch/event.h"

enum { US_PER_S = 1000000 };

/* --- sentences ------------------------------------------------------------------ */

static void add_safe(struct pool_text *text, const char *bytes)
{
	pool_text_add_safe(text, bytes, strlen(bytes));
}

/* "<before><detail><after>", or nothing without one. */
static void add_detail(const struct pool_event *event, struct pool_text *text,
	const char *before, const char *after)
{
	if (!event->detail[0])
		return;
	pool_text_add(text, before);
	add_safe(text, event->detail);
	pool_text_add(text, after);
}

/* "connect-refused: nothing listens at the proxy's address (detail)" */
static void add_reason(const struct pool_event *event, struct pool_text *text)
{
	const struct pool_reason_row *row = pool_reason_get((int)event->reason);

	pool_text_addf(text, "%s: %s", row->name, row->sentence);
	add_detail(event, text, " (", ")");
}

/* "7 of 9 proxies are" */
static void add_share(const struct pool_event *event, struct pool_text *text)
{
	pool_text_addf(text, "%lld of %lld %s", (long long)event->eligible,
		(long long)event->total, event->total == 1 ? "proxy is" : "proxies are");
}

static void say_started(const struct pool_event *event, struct pool_text *text)
{
	if (event->count < 0)
		pool_text_add(text, "watching");
	else
		pool_text_addf(text, "process %lld watches", (long long)event->count);
	if (event->total >= 0) {
		pool_text_add(text, ", ");
		add_share(event, text);
		pool_text_add(text, " eligible");
	}
	add_detail(event, text, ": ", "");
}

static void say_stopped(const struct pool_event *event, struct pool_text *text)
{
	pool_text_add(text, "it ends");
	add_detail(event, text, ": ", "");
}

static void say_check(const struct pool_event *event, struct pool_text *text)
{
	if (pool_reason_get((int)event->reason)->verdict != POOL_VERDICT_OK) {
		add_reason(event, text);
		return;
	}
	pool_text_add(text, "ok");
	if (event->latency_us >= 0)
		pool_text_addf(text, ", %lld.%lld ms",
			(long long)event->latency_us / 1000,
			(long long)event->latency_us % 1000 / 100);
	add_detail(event, text, " (", ")");
}

/* What became of it without any evidence. */
static const char *explain_time(const struct pool_event *event)
{
	if (event->from == POOL_STATUS_COOLING)
		return ": its rest is over";
	if (event->from == POOL_STATUS_UNHEALTHY && event->to == POOL_STATUS_RECOVERING)
		return ": its open time is over";
	return "";
}

static void say_transition(const struct pool_event *event, struct pool_text *text)
{
	pool_text_addf(text, "%s -> %s", pool_status_name((enum pool_status)event->from),
		pool_status_name((enum pool_status)event->to));
	if (event->reason == POOL_REASON_NONE) {
		pool_text_add(text, explain_time(event));
		add_detail(event, text, " (", ")");
	} else if (event->reason == POOL_REASON_OK) {
		pool_text_add(text, ": it works");
		add_detail(event, text, " (", ")");
	} else {
		pool_text_add(text, ", ");
		add_reason(event, text);
	}
}

static void say_degraded(const struct pool_event *event, struct pool_text *text)
{
	pool_text_add(text, "only ");
	add_share(event, text);
	pool_text_add(text, " eligible");
}

static void say_exhausted(const struct pool_event *event, struct pool_text *text)
{
	pool_text_addf(text, "no proxy is eligible, of %lld", (long long)event->total);
}

static void say_recovered(const struct pool_event *event, struct pool_text *text)
{
	add_share(event, text);
	pool_text_add(text, " eligible again");
}

static void say_panic(const struct pool_event *event, struct pool_text *text)
{
	pool_text_addf(text, "%lld selection%s got a proxy that was not eligible",
		(long long)event->count, event->count == 1 ? "" : "s");
}

static void say_reload(const struct pool_event *event, struct pool_text *text)
{
	pool_text_add(text, "the pool file was read again");
	add_detail(event, text, ": ", "");
}

static void say_rollback(const struct pool_event *event, struct pool_text *text)
{
	pool_text_add(text, "the pool file cannot be taken, the last good one stays");
	add_detail(event, text, ": ", "");
}

static void say_target_suspect(const struct pool_event *event, struct pool_text *text)
{
	pool_text_add(
		text, "checks fail at their target for all proxies, and none is blamed");
	add_detail(event, text, ": ", "");
}

static void say_target_recovered(const struct pool_event *event, struct pool_text *text)
{
	pool_text_add(text, "the target of its checks can be reached again");
	add_detail(event, text, ": ", "");
}

static void say_uplink_suspect(const struct pool_event *event, struct pool_text *text)
{
	pool_text_add(text, "this machine seems to be cut off, and no proxy is blamed");
	add_detail(event, text, ": ", "");
}

static void say_uplink_recovered(const struct pool_event *event, struct pool_text *text)
{
	pool_text_add(text, "this machine's network works again");
	add_detail(event, text, ": ", "");
}

static void say_local_trouble(const struct pool_event *event, struct pool_text *text)
{
	if (event->reason != POOL_REASON_NONE) {
		add_reason(event, text);
		return;
	}
	pool_text_add(text, "this machine is in trouble");
	add_detail(event, text, ": ", "");
}

/* The detail is what flaps, where neither pool nor proxy say it. */
static void say_flapping(const struct pool_event *event, struct pool_text *text)
{
	add_safe(text, event->detail[0] ? event->detail : "it");
	pool_text_add(
		text, " changes too often, and its alerts are held until it is calm");
}

static void say_settled(const struct pool_event *event, struct pool_text *text)
{
	add_safe(text, event->detail[0] ? event->detail : "it");
	pool_text_add(text, " changes too often no longer");
}

static void say_alert_failed(const struct pool_event *event, struct pool_text *text)
{
	pool_text_add(text, "alerts could not be delivered");
	add_detail(event, text, ": ", "");
}

/* --- the table ------------------------------------------------------------------ */

static const struct {
	struct pool_event_row row;
	void (*say)(const struct pool_event *event, struct pool_text *text);
} rows[POOL_EVENTS] = {
	[POOL_EVENT_STARTED] = {{"started", POOL_LEVEL_INFO, false, "pool-watch begins"},
		say_started},
	[POOL_EVENT_STOPPED] = {{"stopped", POOL_LEVEL_INFO, false, "pool-watch ends"},
		say_stopped},
	[POOL_EVENT_CHECK] = {{"check", POOL_LEVEL_DEBUG, false, "a check ended"},
		say_check},
	[POOL_EVENT_TRANSITION] = {{"transition", POOL_LEVEL_NOTICE, true,
					   "a proxy's status changed"},
		say_transition},
	[POOL_EVENT_DEGRADED] =
		{{"degraded", POOL_LEVEL_WARNING, true,
			 "a pool has fewer eligible proxies than its quorum"},
			say_degraded},
	[POOL_EVENT_EXHAUSTED] = {{"exhausted", POOL_LEVEL_ERROR, true,
					  "a pool has no eligible proxy"},
		say_exhausted},
	[POOL_EVENT_RECOVERED] = {{"recovered", POOL_LEVEL_NOTICE, true,
					  "a pool has its quorum again"},
		say_recovered},
	[POOL_EVENT_PANIC] = {{"panic", POOL_LEVEL_ERROR, true,
				      "selections got a proxy that was not eligible"},
		say_panic},
	[POOL_EVENT_RELOAD] = {{"reload", POOL_LEVEL_NOTICE, false,
				       "an edit of the pool file is in force"},
		say_reload},
	[POOL_EVENT_ROLLBACK] =
		{{"rollback", POOL_LEVEL_ERROR, true,
			 "the pool file is invalid, the last good one stays"},
			say_rollback},
	[POOL_EVENT_TARGET_SUSPECT] = {{"target-suspect", POOL_LEVEL_WARNING, true,
					       "the target of a pool's checks fails for "
					       "everybody"},
		say_target_suspect},
	[POOL_EVENT_TARGET_RECOVERED] = {{"target-recovered", POOL_LEVEL_NOTICE, true,
						 "the target of a pool's checks is back"},
		say_target_recovered},
	[POOL_EVENT_UPLINK_SUSPECT] = {{"uplink-suspect", POOL_LEVEL_ERROR, true,
					       "this machine seems to be cut off"},
		say_uplink_suspect},
	[POOL_EVENT_UPLINK_RECOVERED] = {{"uplink-recovered", POOL_LEVEL_NOTICE, true,
						 "this machine's network is back"},
		say_uplink_recovered},
	[POOL_EVENT_LOCAL_TROUBLE] =
		{{"local-trouble", POOL_LEVEL_ERROR, true,
			 "this machine lacks something that checks need"},
			say_local_trouble},
	[POOL_EVENT_FLAPPING] = {{"flapping", POOL_LEVEL_WARNING, true,
					 "a proxy or pool changes too often"},
		say_flapping},
	[POOL_EVENT_SETTLED] = {{"settled", POOL_LEVEL_NOTICE, false,
					"what was flapping is calm again"},
		say_settled},
	[POOL_EVENT_ALERT_FAILED] = {{"alert-failed", POOL_LEVEL_ERROR, false,
					     "alerts could not be delivered"},
		say_alert_failed},
};

static const char *const level_names[POOL_LEVELS] = {
	[POOL_LEVEL_ERROR] = "error",
	[POOL_LEVEL_WARNING] = "warning",
	[POOL_LEVEL_NOTICE] = "notice",
	[POOL_LEVEL_INFO] = "info",
	[POOL_LEVEL_DEBUG] = "debug",
};

const struct pool_event_row *pool_event_get(enum pool_event_kind kind)
{
	return &rows[kind].row;
}

int pool_event_find(const char *name)
{
	for (int i = 0; i < POOL_EVENTS; i++)
		if (strcmp(rows[i].row.name, name) == 0)
			return i;
	return -1;
}

const char *pool_event_level_name(enum pool_event_level level)
{
	return (unsigned)level < POOL_LEVELS ? level_names[level] : "?";
}

void pool_event_init(struct pool_event *event, enum pool_event_kind kind, int64_t wall_s)
{
	*event = (struct pool_event){.kind = kind,
		.level = rows[kind].row.level,
		.wall_s = wall_s,
		.from = -1,
		.to = -1,
		.latency_us = -1,
		.eligible = -1,
		.total = -1,
		.count = -1};
}

enum pool_event_level pool_event_level(const struct pool_event *event)
{
	if (event->kind != POOL_EVENT_TRANSITION)
		return event->level;
	return event->to == POOL_STATUS_UNHEALTHY || event->to == POOL_STATUS_COOLING
		? POOL_LEVEL_WARNING
		: POOL_LEVEL_NOTICE;
}

/* --- forms ---------------------------------------------------------------------- */

void pool_event_add_time(const struct pool_event *event, struct pool_text *text)
{
	char bytes[40] = "";
	time_t wall_s = (time_t)event->wall_s;
	struct tm utc;

	if (gmtime_r(&wall_s, &utc))
		strftime(bytes, sizeof(bytes), "%Y-%m-%dT%H:%M:%SZ", &utc);
	pool_text_add(text, bytes);
}

void pool_event_add_seconds(struct pool_text *text, int64_t us)
{
	long long fraction = us % US_PER_S;
	int digits = 6;

	pool_text_addf(text, "%lld", (long long)us / US_PER_S);
	if (!fraction)
		return;
	for (; fraction % 10 == 0; fraction /= 10)
		digits--;
	pool_text_addf(text, ".%0*lld", digits, fraction);
}

void pool_event_add_message(const struct pool_event *event, struct pool_text *text)
{
	rows[event->kind].say(event, text);
}

void pool_event_add_text(const struct pool_event *event, struct pool_text *text)
{
	pool_event_add_time(event, text);
	pool_text_addf(text, " %s", rows[event->kind].row.name);
	if (event->pool[0]) {
		pool_text_add(text, " ");
		add_safe(text, event->pool);
	}
	if (event->proxy[0]) {
		pool_text_add(text, " ");
		add_safe(text, event->proxy);
	}
	pool_text_add(text, ": ");
	pool_event_add_message(event, text);
	pool_text_add(text, "\n");
}

static void add_word(struct pool_text *text, const char *name, const char *value)
{
	if (!value[0])
		return;
	pool_text_addf(text, ",\"%s\":", name);
	pool_text_add_json(text, value, strlen(value));
}

static void add_status(struct pool_text *text, const char *name, int status)
{
	if (status >= 0)
		add_word(text, name, pool_status_name((enum pool_status)status));
}

static void add_number(struct pool_text *text, const char *name, int64_t value)
{
	if (value >= 0)
		pool_text_addf(text, ",\"%s\":%lld", name, (long long)value);
}

/* The sentence is escaped already: only what JSON itself wants is left to do. */
static void add_message_member(const struct pool_event *event, struct pool_text *text)
{
	struct pool_text message = POOL_TEXT_EMPTY;

	pool_event_add_message(event, &message);
	text->broken |= message.broken;
	add_word(text, "message", message.bytes ? message.bytes : "");
	pool_text_release(&message);
}

void pool_event_add_json(const struct pool_event *event, struct pool_text *text)
{
	pool_text_add(text, "{\"time\":\"");
	pool_event_add_time(event, text);
	pool_text_addf(text, "\",\"event\":\"%s\",\"level\":\"%s\"",
		rows[event->kind].row.name,
		pool_event_level_name(pool_event_level(event)));
	add_word(text, "pool", event->pool);
	add_word(text, "proxy", event->proxy);
	add_status(text, "from", event->from);
	add_status(text, "to", event->to);
	if (event->reason != POOL_REASON_NONE)
		add_word(text, "reason", pool_reason_get((int)event->reason)->name);
	if (event->latency_us >= 0) {
		pool_text_add(text, ",\"latency_seconds\":");
		pool_event_add_seconds(text, event->latency_us);
	}
	add_number(text, "eligible", event->eligible);
	add_number(text, "total", event->total);
	add_number(
		text, event->kind == POOL_EVENT_STARTED ? "pid" : "count", event->count);
	add_word(text, "detail", event->detail);
	add_message_member(event, text);
	pool_text_add(text, "}");
}
