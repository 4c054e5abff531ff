/*
 * The judgement over a whole run: a dead target or a dead uplink ejects nobody.
 */
#ifndef POOL_HEALTH_JUDGE_H
#define POOL_HEALTH_JUDGE_H

#include <stddef.h>
#include "health/reason.h"

/* What a control request (asked without any proxy) said of a target. */
enum pool_control_answer {
	POOL_CONTROL_UNASKED,
	POOL_CONTROL_REACHED,
	POOL_CONTROL_FAILED
};

/* One check of the run. */
struct pool_verdict_item {
	uint32_t host;   /* number of the proxy's host:port, the same for equal ones */
	uint32_t target; /* number of the target (URL), the same for equal ones; or
			    NO_TARGET */
	uint8_t control; /* enum pool_control_answer of that target */
	uint8_t reason;  /* enum pool_reason; replaced where the run says otherwise */
};

#define POOL_NO_TARGET UINT32_MAX

struct pool_run_judgement {
	bool target_suspect; /* a target failed for every proxy that reached it */
	bool uplink_suspect; /* all of several hosts only timed out */
	size_t replaced;     /* items that became inconclusive */
};

/* Whether a failure for <reason> may be the target's fault and not the proxy's. */
bool pool_judge_may_be_target(int reason);

/* One row of working space a target. */
struct pool_judge_target {
	uint32_t host; /* the first one that failed there */
	uint8_t seen;  /* bits of judge.c */
};

/*
 * Replace the reasons that the run as a whole makes inconclusive.
 *
 * The uplink: if all items that say anything (neither inconclusive nor untried) only
 * timed out, and they are of at least two hosts, they become UPLINK_SUSPECT, unless a
 * control request reached its target, or all of them had come as far as the target.
 *
 * A target: if no item of it is OK, those that failed there (layer TARGET, verdict DOWN)
 * become TARGET_SUSPECT, unless the control request reached it. The same holds for those
 * that failed where proxy and target cannot be told apart (TLS through the proxy; an
 * empty answer; a handshake that timed out, for the proxy may be waiting for the target;
 * a proxy that could not serve the connection and does not say why), if what failed there
 * or so is of at least two hosts, or the control request failed too.
 *
 * Refusal, other handshake failures and authentication failures always stand; so do
 * blocked and limited.
 *
 * <scratch>  a row a target, <targets> of them; overwritten. A target number outside
 * counts as NO_TARGET.
 */
void pool_run_judge(struct pool_verdict_item *items, size_t count,
	struct pool_judge_target *scratch, uint32_t targets,
	struct pool_run_judgement *out);

#endif
