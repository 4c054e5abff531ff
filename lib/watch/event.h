/*
 * Events: what happened that somebody may want to know, one row of a table each, and the
 * text and JSON lines they are told in.
 *
 *	struct pool_event event;
 *
 *	pool_event_init(&event, POOL_EVENT_DEGRADED, now.wall_s);
 *	fill in what it is about
 *	pool_event_add_text(&event, &text);
 *
 * Names are stable: they are in logs, in --alert-on, in metrics. No secret is in any
 * event.
 */
#ifndef POOL_WATCH_EVENT_H
#define POOL_WATCH_EVENT_H

#include "base/text.h"
#include "health/reason.h"

enum pool_event_kind {
	POOL_EVENT_STARTED,
	POOL_EVENT_STOPPED,
	POOL_EVENT_CHECK,
	POOL_EVENT_TRANSITION,
	POOL_EVENT_DEGRADED,
	POOL_EVENT_EXHAUSTED,
	POOL_EVENT_RECOVERED,
	POOL_EVENT_PANIC,
	POOL_EVENT_RELOAD,
	POOL_EVENT_ROLLBACK,
	POOL_EVENT_TARGET_SUSPECT,
	POOL_EVENT_TARGET_RECOVERED,
	POOL_EVENT_UPLINK_SUSPECT,
	POOL_EVENT_UPLINK_RECOVERED,
	POOL_EVENT_LOCAL_TROUBLE,
	POOL_EVENT_FLAPPING,
	POOL_EVENT_ALERT_FAILED,
	POOL_EVENTS
};

enum pool_event_level {
	POOL_LEVEL_ERROR,
	POOL_LEVEL_WARNING,
	POOL_LEVEL_NOTICE,
	POOL_LEVEL_INFO,
	POOL_LEVEL_DEBUG
};

/* One event; a value without pointers, so that it can be queued. */
struct pool_event {
	enum pool_event_kind kind;
	enum pool_event_level level;
	int64_t wall_s;
	enum pool_reason reason; /* NONE: not about one */
	int from, to;            /* enum pool_status; -1: no transition */
	int64_t latency_us;      /* -1: none */
	int64_t eligible, total; /* -1: not about a pool */
	int64_t count;           /* -1: none */
	char pool[192];          /* where it stands, "default.http"; "" */
	char proxy[192];         /* its name; "" */
	char detail[448];        /* safe to show; "" */
};

struct pool_event_row {
	const char *name;
	enum pool_event_level level;
	bool alert; /* by default */
	const char *summary;
};

/* The row of <kind>. */
const struct pool_event_row *pool_event_get(enum pool_event_kind kind);
/* The event of that name, or -1. */
int pool_event_find(const char *name);

void pool_event_init(struct pool_event *event, enum pool_event_kind kind, int64_t wall_s);

/* Append the sentence, without a newline; a line; an object, without a newline. */
void pool_event_add_message(const struct pool_event *event, struct pool_text *text);
void pool_event_add_text(const struct pool_event *event, struct pool_text *text);
void pool_event_add_json(const struct pool_event *event, struct pool_text *text);

#endif
