/*
 * When a check is made again. Pure: facts and a random number in, a time out.
 *
 * A check comes at its pool's interval, by 10 % sooner or later, so that those that once
 * fell together do not for ever. It comes quicker after a change of status, for some
 * checks, and slower where nothing has changed for long:
 *
 *	just changed         a third of the interval, at least 2 s, for 3 checks
 *	long good            1.5 intervals   \  unchanged for 20 intervals
 *	long bad             2 intervals     /  and 10 minutes
 *
 * That is always less than the 3 intervals after which a pool is stale.
 */
#ifndef POOL_WATCH_SCHEDULE_H
#define POOL_WATCH_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	POOL_SCHEDULE_QUICK_CHECKS = 3,
	POOL_SCHEDULE_FIRST_RATE = 20, /* first checks a second to one target at least */
};

struct pool_schedule_facts {
	int64_t interval_ns;
	int64_t unchanged_ns; /* how long all it is for have had their status */
	uint32_t quick;       /* how many quick checks are still to come */
	bool good;            /* the last check was */
};

/* How long from the start of one check to the next. <random> is any number. */
int64_t pool_schedule_gap_ns(const struct pool_schedule_facts *facts, uint64_t random);

/*
 * The first checks of a start, for number <index> of <count> that ask one target: spread
 * over the interval, but over less where that is enough to ask the target
 * POOL_SCHEDULE_FIRST_RATE times a second at most.
 *
 * <second>  the gap to the check after it, which brings them apart over the interval
 *
 * Returns how long after the start it begins.
 */
int64_t pool_schedule_first_ns(size_t index, size_t count, int64_t interval_ns,
	uint64_t random, int64_t *second);

#endif
