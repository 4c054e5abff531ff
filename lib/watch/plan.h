/*
 * The plan: which checks the pools of a snapshot need, each once, and what is known of
 * them and of the proxies. A plan outlives its snapshot's pointers: it holds numbers into
 * it, and nothing secret.
 *
 *	pool_plan_make(&plan, snapshot, &options, &salt, &fault);
 *	pool_plan_inherit(&plan, &before, &change);  what a reload does not change stays
 *	pool_plan_release(&before);
 */
#ifndef POOL_WATCH_PLAN_H
#define POOL_WATCH_PLAN_H

#include "probe/round.h"

#define POOL_NO_CHECK  UINT32_MAX
#define POOL_NO_MEMBER UINT32_MAX

enum { POOL_LATENCIES_KEPT = 30 };

/* A check that is made again and again, for one or more members of pools. */
struct pool_plan_check {
	struct pool_hash key; /* by which it is known again */
	uint64_t host;
	uint64_t target;       /* 0: none */
	uint32_t first_member; /* of those it is for: a list through next_member */
	uint32_t first_leaf;
	int64_t interval_ns; /* the shortest of its pools' */
	int64_t longest_ns;  /* it takes, with all its attempts */
	int64_t due_ns;      /* INT64_MAX while it is under way */
	uint64_t token;      /* of the timer that counts; others are void */
	int64_t second_ns;   /* of a first check: the gap after it; 0: as usual */
	int64_t last_ended_ns;
	uint8_t quick; /* quick checks still to come */
	uint8_t last_reason;
	bool control;   /* a pool of it wants the control request */
	bool under_way; /* begun, or held in doubt */
	bool in_flight; /* of those, begun and not ended */
	bool done;      /* its first result is stored, or was there before */
	/* Hearings that wait for it, by number: it was asked as a witness; 0: none. */
	uint32_t uplink_hearing, target_hearing;
};

/* A proxy of a pool, by its number in the snapshot. */
struct pool_plan_member {
	struct pool_hash identity;
	uint64_t leaf_key;
	uint32_t leaf;
	uint32_t check; /* POOL_NO_CHECK: none is made */
	uint32_t next_member;
	uint32_t transitions; /* how many of its record's were told */
	bool seen;            /* the fields below are filled in */
	uint8_t status;       /* enum pool_status, as told last */
	int64_t changed_ns;
	int64_t checked_ns; /* of its record */
	uint32_t latency_count;
	uint32_t latencies_us[POOL_LATENCIES_KEPT]; /* a ring; 0: a failed check */
};

struct pool_plan {
	uint64_t snapshot_id;
	struct pool_plan_check *checks;
	uint32_t check_count;
	struct pool_plan_member *members; /* all of the snapshot's */
	uint32_t member_count;
	uint32_t *leaves; /* which pools are watched */
	uint32_t leaf_count;
	/* Checks by key: open addressing over their numbers. */
	uint32_t *slots;
	uint32_t mask;
};

/* How members of a plan changed from one to the next. */
struct pool_plan_change {
	uint32_t kept, added, removed;
};

/*
 * Plan for the <options>' leaves. A proxy whose secret cannot be had now gets a check all
 * the same: it is looked for again each time.
 *
 * <salt>  of the keys; the same for plans that inherit from each other
 *
 * Returns 0, or POOL_EARGUMENT (a method without a url), POOL_ENOMEM.
 */
int pool_plan_make(struct pool_plan *plan, const struct pool_snapshot *snapshot,
	const struct pool_round_options *options, const struct pool_hash_key *salt,
	struct pool_fault *fault);
void pool_plan_release(struct pool_plan *plan);

/* Take over what <before> knows of the same checks and members. */
int pool_plan_inherit(struct pool_plan *plan, const struct pool_plan *before,
	struct pool_plan_change *change);

/* The check of that key, or POOL_NO_CHECK. */
uint32_t pool_plan_find(const struct pool_plan *plan, const struct pool_hash *key);

/* Note a check's latency, or 0 for one that failed. */
void pool_plan_add_latency(struct pool_plan_member *member, int64_t latency_us);

#endif
