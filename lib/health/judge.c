/* The judgement over a whole run. */
#include <string.h>
#include "health/judge.h"

/* What was seen of a target. */
enum {
	SEEN_OK = 1,
	SEEN_FAILURE = 2,    /* a failure there, by at least one host */
	SEEN_MORE_HOSTS = 4, /* and by another host */
	CONTROL_REACHED = 8,
	CONTROL_FAILED = 16,
};

enum { FAILED_NOT_THERE, FAILED_THERE, FAILED_MAYBE_THERE };

static int place_of_failure(int reason)
{
	const struct pool_reason_row *row = pool_reason_get(reason);

	if (row->verdict != POOL_VERDICT_DOWN)
		return FAILED_NOT_THERE;
	if (row->layer == POOL_LAYER_TLS || reason == POOL_REASON_HANDSHAKE_TIMEOUT ||
		reason == POOL_REASON_EMPTY || reason == POOL_REASON_PROXY_FAILED)
		return FAILED_MAYBE_THERE;
	if (row->layer == POOL_LAYER_TARGET)
		return FAILED_THERE;
	return FAILED_NOT_THERE;
}

bool pool_judge_may_be_target(int reason)
{
	return place_of_failure(reason) != FAILED_NOT_THERE;
}

static bool uplink_is_suspect(const struct pool_verdict_item *items, size_t count)
{
	const struct pool_verdict_item *first = NULL;
	bool several = false, all_there = true;

	for (size_t i = 0; i < count; i++) {
		const struct pool_reason_row *row = pool_reason_get(items[i].reason);

		if (items[i].control == POOL_CONTROL_REACHED)
			return false;
		if (row->verdict == POOL_VERDICT_INCONCLUSIVE)
			continue;
		if (!row->timeout)
			return false;
		all_there &= row->layer == POOL_LAYER_TARGET &&
			items[i].target != POOL_NO_TARGET;
		if (!first)
			first = &items[i];
		else if (items[i].host != first->host)
			several = true;
	}
	/* Where each proxy took the request, it is the answer that is missing. */
	return several && !all_there;
}

static void replace(struct pool_verdict_item *item, enum pool_reason reason,
	struct pool_run_judgement *out)
{
	item->reason = (uint8_t)reason;
	out->replaced++;
}

static void look_at(
	const struct pool_verdict_item *item, struct pool_judge_target *target)
{
	if (item->control == POOL_CONTROL_REACHED)
		target->seen |= CONTROL_REACHED;
	if (item->control == POOL_CONTROL_FAILED)
		target->seen |= CONTROL_FAILED;
	if (item->reason == POOL_REASON_OK)
		target->seen |= SEEN_OK;
	if (place_of_failure(item->reason) == FAILED_NOT_THERE)
		return;
	if (!(target->seen & SEEN_FAILURE))
		target->host = item->host;
	else if (target->host != item->host)
		target->seen |= SEEN_MORE_HOSTS;
	target->seen |= SEEN_FAILURE;
}

static bool target_is_to_blame(
	const struct pool_verdict_item *item, const struct pool_judge_target *target)
{
	if (target->seen & (SEEN_OK | CONTROL_REACHED))
		return false;
	switch (place_of_failure(item->reason)) {
	case FAILED_THERE:
		return true;
	case FAILED_MAYBE_THERE:
		return (target->seen & (SEEN_MORE_HOSTS | CONTROL_FAILED)) != 0;
	default:
		return false;
	}
}

static void judge_uplink(
	struct pool_verdict_item *items, size_t count, struct pool_run_judgement *out)
{
	out->uplink_suspect = uplink_is_suspect(items, count);
	if (!out->uplink_suspect)
		return;
	for (size_t i = 0; i < count; i++)
		if (pool_reason_get(items[i].reason)->verdict !=
			POOL_VERDICT_INCONCLUSIVE)
			replace(&items[i], POOL_REASON_UPLINK_SUSPECT, out);
}

static void judge_targets(struct pool_verdict_item *items, size_t count,
	struct pool_judge_target *scratch, uint32_t targets,
	struct pool_run_judgement *out)
{
	for (size_t i = 0; i < count; i++)
		if (items[i].target < targets)
			look_at(&items[i], &scratch[items[i].target]);
	for (size_t i = 0; i < count; i++) {
		if (items[i].target >= targets ||
			!target_is_to_blame(&items[i], &scratch[items[i].target]))
			continue;
		replace(&items[i], POOL_REASON_TARGET_SUSPECT, out);
		out->target_suspect = true;
	}
}

void pool_run_judge(struct pool_verdict_item *items, size_t count,
	struct pool_judge_target *scratch, uint32_t targets,
	struct pool_run_judgement *out)
{
	*out = (struct pool_run_judgement){0};
	if (targets)
		memset(scratch, 0, targets * sizeof(*scratch));
	judge_uplink(items, count, out);
	judge_targets(items, count, scratch, targets, out);
}
