/*
 * A round: one health run over the pools of a snapshot.
 *
 *	pool_round_plan(&round, snapshot, &options, &fault);
 *	pool_round_run(&round, &options, &fault);
 *	pool_session_store(session, round.outcomes, round.count, &fault);
 *	... look at round.items ...
 *	pool_round_release(&round);
 *
 * Planning looks at nothing but the snapshot and the secrets it names. Checks that would
 * ask the same thing through the same proxy are made once, whichever pools they are for.
 * After the checks the run as a whole is judged: a dead target or a dead uplink ejects
 * nobody.
 *
 * The snapshot must live until the run has ended; storing may replace it. What a round
 * points to of it is not used afterwards.
 *
 * Not promised: that a proxy is checked twice because its pool lists it twice.
 */
#ifndef POOL_PROBE_ROUND_H
#define POOL_PROBE_ROUND_H

#include "health/judge.h"
#include "probe/engine.h"
#include "state/session.h"

#define POOL_NO_PROBE UINT32_MAX

/* What to check and how. Zeroes are no defaults: see each. */
struct pool_round_options {
	const uint32_t *leaves; /* which pools, indexes into the snapshot's */
	size_t leaf_count;
	const char *const *only; /* only proxies of these names; with only_count 0: all */
	size_t only_count;
	int method;      /* enum pool_method instead of the pools' own; -1: their own */
	const char *url; /* instead of the pools' own; NULL: their own, or of an http
			    check without one pool_check_default_url */
	/* Passed on to the engine: */
	size_t concurrency;
	int64_t deadline_ms; /* of the whole run, the control requests included */
	double target_rate;
	uint64_t seed;
	const char *ca_file;
	const struct pool_secrets *secrets; /* NULL: no variable is set */
	/* Called as each check ends; may be NULL. */
	void (*progress)(void *context, size_t done, size_t count);
	bool (*stop)(void *context); /* may be NULL */
	void *context;
};

/* One enabled proxy of one pool, in the order of the leaves asked for and of the pool
 * file. */
struct pool_round_item {
	uint32_t leaf;   /* in the snapshot */
	uint32_t member; /* in the snapshot's members */
	uint32_t probe;  /* which check it was; POOL_NO_PROBE: none, its secret cannot be
			    had */
	enum pool_reason reason; /* as the whole run is judged */
	enum pool_reason found;  /* as its check alone ended */
	int32_t http_status;     /* 0: none */
	int32_t attempts;
	int64_t latency_us;
	char detail[160];
};

struct pool_round {
	struct pool_round_item *items;
	struct pool_outcome *outcomes; /* one an item, for pool_session_store() */
	size_t count;
	struct pool_probe *probes; /* each once */
	size_t probe_count;
	struct pool_login *logins; /* one a probe; login_count were filled in */
	size_t login_count;
	bool *control_wanted; /* one a probe: a pool it is for asks for the control
				 request */
	struct pool_run_judgement judgement;
	struct pool_engine_report
		engine; /* of the checks, without the control requests */
	int64_t began_wall_s;
	int64_t took_us;
	/* While it runs: */
	struct pool_probe_result *results; /* one a probe */
	const struct pool_round_options *options;
	size_t done;
};

/*
 * Plan the checks of the chosen pools.
 *
 * A pool whose health_check is off has no items; neither have disabled proxies.
 *
 * Returns 0, or: POOL_EARGUMENT  no proxy of a name in <only>; a method without a url;
 *                                a url that no check would use
 *                POOL_ENOMEM
 */
int pool_round_plan(struct pool_round *round, const struct pool_snapshot *snapshot,
	const struct pool_round_options *options, struct pool_fault *fault);

/*
 * Make the checks, judge the run, fill in items and outcomes.
 *
 * Returns 0, or POOL_ESYSTEM, POOL_ENOMEM if nothing could be run at all.
 * Blocks: up to deadline_ms and a little.
 */
int pool_round_run(struct pool_round *round, const struct pool_round_options *options,
	struct pool_fault *fault);

void pool_round_release(struct pool_round *round);

/* The trouble of this machine's that kept every check of a run from being made;
 * POOL_REASON_NONE if there is not one. */
enum pool_reason pool_round_obstacle(const struct pool_round *round);

/* What a control request that ended so says: any answer shows that the target lives,
 * except one that would condemn a proxy. */
enum pool_control_answer pool_round_judge_control(enum pool_reason reason);

/* Whether the options leave a proxy of this name in. */
bool pool_round_wants(const struct pool_round_options *options, const char *name);

/* Whether each pool asked for has the url that its method wants: 0 or POOL_EARGUMENT. */
int pool_round_check_urls(const struct pool_snapshot *snapshot,
	const struct pool_round_options *options, struct pool_fault *fault);

/*
 * What the check of one member of a pool is, as a round would make it.
 *
 * <probe>  borrows from <snapshot> and <login>
 * <login>  filled in; release it, however this ends
 *
 * Returns 0, or pool_login_init()'s: its fault says which secret cannot be had.
 */
int pool_round_make(const struct pool_snapshot *snapshot, uint32_t leaf, uint32_t member,
	const struct pool_round_options *options, struct pool_probe *probe,
	struct pool_login *login, struct pool_fault *fault);

/* --- its pure parts ------------------------------------------------------------- */

/* Whether the two would ask the same of the same proxy, by the same measure: 0 if so,
 * else their order. */
int pool_probe_compare(const struct pool_probe *a, const struct pool_probe *b);

/*
 * For each of <count> probes which is the first one equal to it, itself perhaps.
 *
 * Returns 0 or POOL_ENOMEM.
 */
int pool_probe_merge(const struct pool_probe *probes, size_t count, uint32_t *first);

/*
 * Number the hosts and the targets of <count> probes, the same for equal ones: hosts by
 * host and port of the proxy, targets by all that is asked there and expected of it.
 * Probes without a url have no target.
 *
 * <items>    one a probe: its host and target are written
 * <targets>  how many numbers there are
 *
 * Returns 0 or POOL_ENOMEM.
 */
int pool_probe_number(const struct pool_probe *probes, size_t count,
	struct pool_verdict_item *items, uint32_t *targets);

/* The same as numbers, to be kept where a probe is not. */
struct pool_probe_keys {
	struct pool_hash
		check;   /* equal for probes that pool_probe_compare() calls equal */
	uint64_t host;   /* of the proxy's host and port */
	uint64_t target; /* of what is asked and expected; 0: without a url */
};

/* Returns 0 or POOL_ENOMEM. <salt> keeps who sees a key from guessing passwords by it. */
int pool_probe_keys_get(struct pool_probe_keys *keys, const struct pool_hash_key *salt,
	const struct pool_probe *probe);

#endif
