/*
 * Events: what pool-watch has to tell, one row each. Standard output, the alerts, the
 * metrics and the dashboard read this table.
 *
 *	struct pool_event event;
 *
 *	pool_event_init(&event, POOL_EVENT_TRANSITION, now.wall_s);
 *	snprintf(event.pool, sizeof(event.pool), "%s", "default.http");
 *	event.from = POOL_STATUS_HEALTHY;
 *	event.to = POOL_STATUS_UNHEALTHY;
 *	...
 *	pool_event_add_text(&event, &text);
 *
 * An event is a value without pointers. Names and details may hold any bytes: what is
 * written is escaped, one line an event. Secrets must not be in them.
 */
#ifndef POOL_WATCH_EVENT_H
#define POOL_WATCH_EVENT_H

#include <stdbool.h>
#include <stdint.h>
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
	POOL_EVENT_SETTLED,
	POOL_EVENT_ALERT_FAILED,
	POOL_EVENTS
};

/* Worst first. */
enum pool_event_level {
	POOL_LEVEL_ERROR,
	POOL_LEVEL_WARNING,
	POOL_LEVEL_NOTICE,
	POOL_LEVEL_INFO,
	POOL_LEVEL_DEBUG,
	POOL_LEVELS
};

struct pool_event {
	enum pool_event_kind kind;
	enum pool_event_level level; /* of its row; see pool_event_level() */
	int64_t wall_s;
	enum pool_reason reason; /* NONE: not about one */
	int from, to;            /* enum pool_status; -1: no transition */
	int64_t latency_us;      /* -1: none */
	int64_t eligible, total; /* -1: not about a pool */
	int64_t count;           /* -1: none; of started: the process id */
	char pool[192];          /* where it stands, "default.http"; "" */
	char proxy[192];         /* its name; "" */
	char detail[448];        /* safe to show; "" */
};

struct pool_event_row {
	const char *name; /* stable word */
	enum pool_event_level level;
	bool alert; /* by default */
	const char *summary;
};

/* The row of <kind>, which must be one of the above. */
const struct pool_event_row *pool_event_get(enum pool_event_kind kind);
/* The kind of that name, or -1. */
int pool_event_find(const char *name);
/* "error", "warning", ... */
const char *pool_event_level_name(enum pool_event_level level);

/* An event that has nothing but its kind and time. */
void pool_event_init(struct pool_event *event, enum pool_event_kind kind, int64_t wall_s);

/* How bad it is: of a transition this depends on where it leads. */
enum pool_event_level pool_event_level(const struct pool_event *event);

/* "2026-11-25T22:30:00Z" */
void pool_event_add_time(const struct pool_event *event, struct pool_text *text);
/* Seconds as a decimal number, 0.0012. */
void pool_event_add_seconds(struct pool_text *text, int64_t us);

/* The sentence, without a newline. */
void pool_event_add_message(const struct pool_event *event, struct pool_text *text);
/* A line: time, name, pool, proxy, sentence. */
void pool_event_add_text(const struct pool_event *event, struct pool_text *text);
/* An object, without a newline; what the event does not have is left out. */
void pool_event_add_json(const struct pool_event *event, struct pool_text *text);

#endif
