/*
 * The judgement over a whole run: a dead target or a dead uplink ejects nobody.
 */
#ifndef POOL_HEALTH_JUDGE_H
#define POOL_HEALTH_JUDGE_H

#include <stddef.h>
#include "health/reason.h"

/* What a control request (asked without any proxy) said of a target. */
enum pool_control_answer { POOL_CONTROL_UNASKED, POOL_CONTROL_REACHED, POOL_CONTROL_FAILED };

/* One check of the run. */
struct pool_verdict_item {
	uint32_t host;      /* number of the proxy's host:port, the same for equal ones */
	uint32_t target;    /* number of the target (URL), the same for equal ones; or NO_TARGET */
	uint8_t control;    /* enum pool_control_answer of that target */
	uint8_t reason;     /* enum pool_reason; replaced where the run says otherwise */
};

#define POOL_NO_TARGET UINT32_MAX

struct pool_run_judgement {
	bool target_suspect; /* a target failed for every proxy that reached it */
	bool uplink_suspect; /* all of several hosts only timed out */
	size_t replaced;     /* items that became inconclusive */
};

/*
 * Replace the reasons that the run as a whole makes inconclusive.
 *
 * An item reached its target when its reason's layer is TARGET (or it is OK). If no item of a
 * target is OK and at least one failed there, those become TARGET_SUSPECT, unless the control
 * request reached the target. If all items that say anything only timed out, before the target
 * answered, and they are of at least two hosts, they become UPLINK_SUSPECT. Refusal, handshake
 * and authentication failures always stand; so do blocked and limited.
 *
 * <scratch>  one byte a target, <targets> of them; overwritten
 */
void pool_run_judge(struct pool_verdict_item *items, size_t count, uint8_t *scratch,
	uint32_t targets, struct pool_run_judgement *out);

#endif
