/*
 * The health machine: what one piece of evidence makes of a proxy's record.
 *
 * Pure: (policy, record, evidence, now) to (record, transition). recovering and cooling
 * follow from deadlines when they are read, so that no tick is needed.
 *
 *	unknown    -> healthy     first success
 *	any        -> unhealthy   unhealthy_threshold failed checks in a row, or
 *	                          failure_threshold failed reports
 *	unhealthy  -> recovering  when the open time is over, or by a good check
 *	                          of the layer that failed
 *	recovering -> healthy     healthy_threshold successes of that layer
 *	recovering -> unhealthy   at the first failure, for twice as long
 *
 * Open time: open_s x 2^(times opened - 1), at most max_open_s, jitter +-10 %. A failed
 * check while unhealthy renews the deadline without doubling it.
 *
 * Rows: a success or a limit ends the row of failures of its own source, checks or
 * reports. An answer of the target, be it good, limited or a failure, also takes those
 * failures out of both rows that had no answer. A good check takes them out of the row of
 * reports as well if it speaks for all their layers: a tcp connect for refusals, not for
 * timeouts. A breaker that closes ends both rows.
 *
 * Late evidence, begun before the last transition, changes nothing, but a limit can
 * lengthen a cooldown that runs. The end of an open time is no such transition: a check
 * that began before it counts as one of an unhealthy proxy, a report for nothing. A use
 * that is reported to have broken off is never late: it worked until then.
 *
 * A record may come from a damaged file, and a clock may go back: no rest is longer than
 * the policy's longest once there is evidence, and nothing is late for ever.
 */
#ifndef POOL_HEALTH_HEALTH_H
#define POOL_HEALTH_HEALTH_H

#include "config/model.h"
#include "health/reason.h"

/* What a proxy is now. */
enum pool_status {
	POOL_STATUS_UNKNOWN,
	POOL_STATUS_HEALTHY,
	POOL_STATUS_UNHEALTHY,
	POOL_STATUS_RECOVERING,
	POOL_STATUS_COOLING,
	POOL_STATUS_DISABLED,
	POOL_STATUSES
};

const char *pool_status_name(enum pool_status status);

/* The health of one proxy in one pool, as it is stored. Fixed width, no padding. Times
 * are CLOCK_BOOTTIME in nanoseconds; 0 is "not". */
struct pool_health {
	int64_t open_until_ns;  /* breaker: not to be used before */
	int64_t cool_until_ns;  /* cooldown: not to be used before */
	int64_t changed_ns;     /* the last transition */
	int64_t checked_ns;     /* the last check ended */
	uint8_t opened;         /* the breaker is open or half-open */
	uint8_t known;          /* some evidence decided about it already */
	uint8_t admin_disabled; /* by a person; no check lifts it */
	uint8_t failed_layer;   /* enum pool_layer that must be seen working again */
	uint8_t last_reason;    /* enum pool_reason of the last evidence */
	uint8_t open_reason;    /* of what opened the breaker, or renewed it */
	/* The last failure that counted was "blocked", and no answer was good since. */
	uint8_t blocked;
	/* enum pool_layer, the highest of the failed reports that had no answer */
	uint8_t report_layer;
	uint32_t times_opened;    /* in a row, without getting healthy in between */
	uint16_t failed_checks;   /* in a row */
	uint16_t relayed_checks;  /* of those, the ones with an answer of the target */
	uint16_t failed_reports;  /* in a row */
	uint16_t relayed_reports; /* of those, the ones with an answer of the target */
	uint32_t good_in_a_row;   /* successes while recovering */
};

enum pool_evidence_source { POOL_EVIDENCE_CHECK, POOL_EVIDENCE_REPORT };

struct pool_evidence {
	enum pool_evidence_source source;
	enum pool_reason reason;
	/* How far an ok of this kind proves that the proxy works; TARGET: an answer of
	 * the target came. Of a check the layer of its method, of a failed one too. */
	enum pool_layer good_layer;
	int64_t began_ns;      /* when it began, CLOCK_BOOTTIME */
	int32_t retry_after_s; /* of "limited"; -1: not given */
};

/* A change worth telling. */
struct pool_transition {
	bool happened;
	enum pool_status from;
	enum pool_status to;
	enum pool_reason reason;
};

/* What <health> is at <now_ns>, derived from its deadlines. */
enum pool_status pool_health_status(const struct pool_health *health, int64_t now_ns);

/*
 * The earliest time at which the proxy may be selected; 0: at any time; INT64_MAX: never
 * (a person disabled it). Afterwards it is recovering if pool_health.opened is set.
 */
int64_t pool_health_ready_ns(const struct pool_health *health);

/* Whether the last evidence is that a secret of the proxy was missing: nothing against
 * it, but nothing is known of how it is either. */
bool pool_health_lacks_secret(const struct pool_health *health);

/*
 * A person's command, apart from all evidence. RESET forgets everything but a DISABLE;
 * what began before it counts no more. The reason of the transition is PERSON.
 */
void pool_health_command(struct pool_health *health, enum pool_admin command,
	int64_t now_ns, struct pool_transition *transition);

/*
 * One step. A report "done" is no evidence, and no step.
 *
 * <jitter>  in 0..1000000: where in the +-10 % the open time falls
 */
void pool_health_step(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns, uint32_t jitter,
	struct pool_transition *transition);

#endif
