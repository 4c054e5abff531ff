/*
 * What keeps a proxy from being selected: the one judge of it, and the words for it.
 *
 * Pure: what is known of the proxy is an argument. Selections count by it why there is
 * none, and every report shows by it who is eligible.
 */
#ifndef POOL_HEALTH_OBSTACLE_H
#define POOL_HEALTH_OBSTACLE_H

#include "base/text.h"
#include "health/health.h"

struct pool_obstacle_row {
	const char *name; /* stable word; NULL: that of the reason */
	const char *sentence;
	const char *advice;
	const char *counted; /* "2 <counted>": of so many proxies; NULL: eligible */
	const char *limit;   /* which limit it is; NULL: none */
	bool passes;         /* by time, or when others are done */
	bool busy;           /* it works: others use it as much as is permitted */
};

/* The row of <obstacle>; name, sentence and advice are NULL where those of the reason
 * tell. */
const struct pool_obstacle_row *pool_obstacle_get(enum pool_obstacle obstacle);

/* What is known of a proxy. */
struct pool_obstacle_facts {
	const struct pool_health *health;
	bool enabled;      /* in the pool file */
	bool lacks_secret; /* as far as is known to who asks */
	uint32_t held;     /* leases */
	int32_t most;      /* leases it may have; 0: no limit */
	int32_t trials;    /* leases it may have while it is recovering */
	int64_t budget_ns; /* when its budget has what is asked of it */
	int64_t now_ns;
};

/* The first thing in its way; NONE: it is eligible. */
enum pool_obstacle pool_obstacle_find(const struct pool_obstacle_facts *facts);

/* Append "2 unhealthy, 1 at a limit", those that are eligible left out. */
void pool_obstacles_add(struct pool_text *text, const uint32_t counts[POOL_OBSTACLES]);

#endif
