/*
 * A budget: so many requests in any window of so many seconds.
 *
 *	if (pool_budget_ready_ns(&budget, &rate, cost, now_ns) <= now_ns)
 *		pool_budget_charge(&budget, &rate, cost, now_ns);
 *
 * Requests are counted in sub-windows of per_s / 15. Whatever window of per_s one lays
 * over the time line, it touches at most 16 of them, and those 16 together never hold
 * more than <requests>: no window exceeds the budget. What that costs is that a request
 * counts for up to 16/15 of per_s.
 *
 * Pure: times are arguments, nanoseconds of CLOCK_BOOTTIME.
 */
#ifndef POOL_SELECT_BUDGET_H
#define POOL_SELECT_BUDGET_H

#include <stdint.h>

enum { POOL_BUDGET_WINDOWS = 16 };

/* What was spent, as it is stored. Fixed width, no padding; zeroes: nothing. */
struct pool_budget {
	int64_t head_ns;  /* when the newest sub-window began */
	int64_t width_ns; /* of a sub-window; 0: nothing was spent yet */
	uint32_t used[POOL_BUDGET_WINDOWS]; /* newest first */
};

struct pool_rate {
	int32_t requests; /* 0: no budget */
	int32_t per_s;
};

/*
 * The earliest time at which <cost> may be spent, <now_ns> or before: now. INT64_MAX:
 * never, <cost> is above the budget. What another <rate> counted is taken for spent now:
 * an edit never gives more.
 */
int64_t pool_budget_ready_ns(const struct pool_budget *budget,
	const struct pool_rate *rate, uint32_t cost, int64_t now_ns);

/* Spend <cost>, which may be spent now. */
void pool_budget_charge(struct pool_budget *budget, const struct pool_rate *rate,
	uint32_t cost, int64_t now_ns);

/* What may still be spent now. */
uint32_t pool_budget_left(
	const struct pool_budget *budget, const struct pool_rate *rate, int64_t now_ns);

#endif
