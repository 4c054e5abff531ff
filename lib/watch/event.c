/* The table of events. */
#include <string.h>
#include "watch/event.h"

static const struct pool_event_row rows[POOL_EVENTS] = {
	[POOL_EVENT_STARTED] = {"started", POOL_LEVEL_INFO, false,
		"pool-watch runs, and its first round is stored"},
	[POOL_EVENT_STOPPED] = {"stopped", POOL_LEVEL_INFO, false,
		"pool-watch ends as asked"},
	[POOL_EVENT_CHECK] = {"check", POOL_LEVEL_DEBUG, false, "a check ended"},
	[POOL_EVENT_TRANSITION] = {"transition", POOL_LEVEL_NOTICE, true,
		"a proxy has another status"},
	[POOL_EVENT_DEGRADED] = {"degraded", POOL_LEVEL_WARNING, true,
		"a pool has fewer eligible proxies than its quorum"},
	[POOL_EVENT_EXHAUSTED] = {"exhausted", POOL_LEVEL_ERROR, true,
		"a pool has no eligible proxy"},
	[POOL_EVENT_RECOVERED] = {"recovered", POOL_LEVEL_NOTICE, true,
		"a pool has its quorum again"},
	[POOL_EVENT_PANIC] = {"panic", POOL_LEVEL_ERROR, true,
		"selections got a proxy that was not eligible"},
	[POOL_EVENT_RELOAD] = {"reload", POOL_LEVEL_NOTICE, false,
		"an edited pool file is in force"},
	[POOL_EVENT_ROLLBACK] = {"rollback", POOL_LEVEL_ERROR, true,
		"an edited pool file is invalid, the last good one stays in force"},
	[POOL_EVENT_TARGET_SUSPECT] = {"target-suspect", POOL_LEVEL_WARNING, true,
		"the target of a pool's checks fails for everybody, no proxy is blamed"},
	[POOL_EVENT_TARGET_RECOVERED] = {"target-recovered", POOL_LEVEL_NOTICE, true,
		"the target of a pool's checks answers again"},
	[POOL_EVENT_UPLINK_SUSPECT] = {"uplink-suspect", POOL_LEVEL_ERROR, true,
		"nothing at all answers in time, no proxy is blamed"},
	[POOL_EVENT_UPLINK_RECOVERED] = {"uplink-recovered", POOL_LEVEL_NOTICE, true,
		"something answers again"},
	[POOL_EVENT_LOCAL_TROUBLE] = {"local-trouble", POOL_LEVEL_ERROR, true,
		"this machine cannot check, or cannot store"},
	[POOL_EVENT_FLAPPING] = {"flapping", POOL_LEVEL_WARNING, true,
		"a proxy comes and goes, alerts about it are held until it is calm"},
	[POOL_EVENT_ALERT_FAILED] = {"alert-failed", POOL_LEVEL_ERROR, false,
		"an alert could not be delivered"},
};

const struct pool_event_row *pool_event_get(enum pool_event_kind kind)
{
	return &rows[(unsigned)kind < POOL_EVENTS ? kind : POOL_EVENT_STARTED];
}

int pool_event_find(const char *name)
{
	for (int i = 0; i < POOL_EVENTS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return i;
	return -1;
}
