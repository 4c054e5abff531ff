/*
 * Strategies: which of the eligible proxies it is. One row and one function each.
 *
 * Pure: everything a strategy reads is in the field, everything it changes in the pick.
 * Nothing allocates; at worst a strategy passes over the packed arrays twice.
 */
#ifndef POOL_SELECT_STRATEGY_H
#define POOL_SELECT_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/random.h"

/* Snapshots hold these numbers: new ones go last. */
enum pool_strategy_id {
	POOL_STRATEGY_ROUND_ROBIN,
	POOL_STRATEGY_RANDOM,
	POOL_STRATEGY_LEAST_CONNECTIONS,
	POOL_STRATEGY_LEAST_LATENCY,
	POOL_STRATEGY_STICKY,
	POOL_STRATEGY_FAILOVER,
	POOL_STRATEGIES
};

/*
 * A ready word says when a proxy may be used: nanoseconds of CLOCK_BOOTTIME with the
 * lowest two bits cut, and in these two why the caller must be asked as well.
 * POOL_READY_NEVER is never.
 */
#define POOL_READY_RECOVERING \
	UINT64_C(1) /* its breaker was open: within its allowance only */
#define POOL_READY_LIMITED UINT64_C(2) /* it has a limit of its own */
#define POOL_READY_FLAGS   UINT64_C(3)
#define POOL_READY_NEVER   (UINT64_MAX & ~POOL_READY_FLAGS)

/* What a strategy sees of a pool: <count> entries in each array, in file order. */
struct pool_field {
	uint32_t count;
	const uint64_t *ready;
	const uint32_t *weights; /* in millionths */
	const uint32_t *leases;  /* held now */
	const double *finishes;  /* weighted round robin: see there */
	/* sticky: a hash of each one's name, the same wherever it stands in the file;
	 * NULL: its place in the file, so that an edit moves keys */
	const uint64_t *tags;
	uint64_t key; /* sticky: the hash of the key */
	/* least_latency: average latency, 0: not known. Asked about two. NULL: of none.
	 */
	int64_t (*latency_us)(const void *context, uint32_t index);
	bool equal_weights;
	uint64_t now_ns;
	uint64_t cursor; /* where the rotation stands */
	/* Weighted round robin: virtual time, that of the last change of who is eligible,
	 * and a sum that tells whether they still are the same. */
	double clock;
	double floor;
	uint64_t eligibles;
	/*
	 * Asked about a proxy whose ready word has flags, and about every one if
	 * <ask_all>; with <ask_only> the ready words are not looked at.
	 */
	bool (*admit)(const void *context, uint32_t index);
	const void *context;
	bool ask_all;
	bool ask_only;
	struct pool_random *random;
};

/* What a selection changes. */
struct pool_pick {
	uint32_t index;
	uint64_t cursor;
	double clock;
	double floor;
	uint64_t eligibles;
	double finish; /* of the chosen one */
};

#define POOL_NO_PICK UINT32_MAX

struct pool_strategy {
	const char *name;
	const char *summary;
	bool shares_state; /* without a state file it cannot be had: random instead */
	bool wants_key;    /* it chooses by a key, and without one not at all */
	/* Fills in <pick> and answers its index, or POOL_NO_PICK if nothing is eligible.
	 */
	uint32_t (*pick)(const struct pool_field *field, struct pool_pick *pick);
};

/* The row of <id>; that of round_robin for a number out of range. */
const struct pool_strategy *pool_strategy_get(unsigned id);
/* Index of the strategy of that name, or -1. */
int pool_strategy_find(const char *name);

/* Whether proxy <index> may be chosen. */
bool pool_field_eligible(const struct pool_field *field, uint32_t index);

#endif
