/*
 * A budget: so many requests in any window of so many seconds.
 *
 *	if (pool_budget_ready_ns(&budget, &rate, cost, now_ns) <= now_ns)
 *		pool_budget_charge(&budget, &rate, cost, now_ns);
 *
 * Requests are counted in sub-windows of per_s / 15, rounded up to a nanosecond. Whatever
 * window of per_s one lays over the time line, it touches at most 16 of them, and those
 * 16 together never hold more than <requests>: no window exceeds the budget. What that
 * costs is that a request counts for up to 16/15 of per_s.
 *
 * Counts of another per_s stay: all of them are taken for spent at the end of the newest
 * sub-window that holds them, or at the next charge if that is sooner. So an edit never
 * gives more. Another number of requests changes nothing about what was spent.
 *
 * A damaged budget is one whose numbers cannot be: it counts as nothing spent. A head a
 * little ahead of now can be, when who charged last read the clock later: until then
 * everything is as it will be at the head.
 *
 * Pure: times are arguments, nanoseconds of CLOCK_BOOTTIME. Not promised: anything across
 * another boot, where these times mean nothing; that is the caller's to see.
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

/* No budget at all, if one of the two is below 1. */
struct pool_rate {
	int32_t requests;
	int32_t per_s;
};

/*
 * The earliest time at which <cost> may be spent if nothing else is until then; <now_ns>:
 * now. INT64_MAX: never, <cost> is above the budget.
 */
int64_t pool_budget_ready_ns(const struct pool_budget *budget,
	const struct pool_rate *rate, uint32_t cost, int64_t now_ns);

/* Spend <cost>, which may be spent now. More is counted too, and waited for later. */
void pool_budget_charge(struct pool_budget *budget, const struct pool_rate *rate,
	uint32_t cost, int64_t now_ns);

/* What may still be spent now. UINT32_MAX: there is no budget. */
uint32_t pool_budget_left(
	const struct pool_budget *budget, const struct pool_rate *rate, int64_t now_ns);

#endif
