/*
 * A heap of deadlines, the earliest first. Zeroed storage is an empty one; release it.
 */
#ifndef POOL_PROBE_TIMERS_H
#define POOL_PROBE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool_timer {
	int64_t at_ns;
	uint64_t token; /* the owner's, e.g. to tell a timer that is no longer meant */
	uint32_t index; /* whose it is */
};

struct pool_timers {
	struct pool_timer *heap;
	size_t count;
	size_t room;
};

/* Returns 0 or POOL_ENOMEM. */
int pool_timers_add(struct pool_timers *timers, struct pool_timer timer);
/* The earliest, or INT64_MAX. */
int64_t pool_timers_next(const struct pool_timers *timers);
/* Take the earliest if it is due. */
bool pool_timers_take(struct pool_timers *timers, int64_t now_ns, struct pool_timer *out);
void pool_timers_release(struct pool_timers *timers);

#endif
