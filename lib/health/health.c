/* The health machine. Deadlines, not ticks; streaks, not histories. */
#include "health/health.h"

#define NS_PER_S INT64_C(1000000000)

enum { JITTER_SPAN = 1000000 };

static const char *const names[POOL_STATUSES] = {
	[POOL_STATUS_UNKNOWN] = "unknown",
	[POOL_STATUS_HEALTHY] = "healthy",
	[POOL_STATUS_UNHEALTHY] = "unhealthy",
	[POOL_STATUS_RECOVERING] = "recovering",
	[POOL_STATUS_COOLING] = "cooling",
	[POOL_STATUS_DISABLED] = "disabled",
};

const char *pool_status_name(enum pool_status status)
{
	return (unsigned)status < POOL_STATUSES ? names[status] : "?";
}

enum pool_status pool_health_status(const struct pool_health *health, int64_t now_ns)
{
	if (health->admin_disabled)
		return POOL_STATUS_DISABLED;
	if (health->cool_until_ns > now_ns)
		return POOL_STATUS_COOLING;
	if (health->opened)
		return health->open_until_ns > now_ns ? POOL_STATUS_UNHEALTHY
						      : POOL_STATUS_RECOVERING;
	return health->known ? POOL_STATUS_HEALTHY : POOL_STATUS_UNKNOWN;
}

int64_t pool_health_ready_ns(const struct pool_health *health)
{
	int64_t open_until = health->opened ? health->open_until_ns : 0;

	if (health->admin_disabled)
		return INT64_MAX;
	return open_until > health->cool_until_ns ? open_until : health->cool_until_ns;
}

enum pool_reason pool_health_judge_sets(const struct pool_status_set *cooling,
	const struct pool_status_set *blocked, int status)
{
	if (pool_status_set_has(cooling, status))
		return POOL_REASON_LIMITED;
	if (pool_status_set_has(blocked, status))
		return POOL_REASON_BLOCKED;
	return status == 407 ? POOL_REASON_AUTH : POOL_REASON_NONE;
}

enum pool_reason pool_health_judge_status(const struct pool_policy *policy, int status)
{
	return pool_health_judge_sets(&policy->cooling, &policy->blocked, status);
}

/* open_s x 2^(times - 1), capped, +-10 %; the cap holds for the result. */
static int64_t open_time_ns(
	const struct pool_policy *policy, uint32_t times, uint32_t jitter)
{
	int64_t longest = (int64_t)policy->max_open_s * NS_PER_S;
	int64_t length = (int64_t)policy->open_s * NS_PER_S;

	while (times-- > 1 && length < longest)
		length *= 2;
	if (length > longest)
		length = longest;
	/* Divided first: years times a million would not fit. */
	length += length / 10 / JITTER_SPAN * ((int64_t)jitter * 2 - JITTER_SPAN);
	return length < longest ? length : longest;
}

/*
 * The layer that has to be seen working again. A check cannot ask for more than its own
 * method proves, or none of its successes would ever count: a ping that got no echo is
 * answered by the next echo, though that says nothing about TCP.
 */
static uint8_t failed_layer(const struct pool_evidence *evidence)
{
	enum pool_layer layer = pool_reason_get((int)evidence->reason)->layer;

	if (evidence->source == POOL_EVIDENCE_CHECK && evidence->good_layer < layer)
		layer = evidence->good_layer;
	return (uint8_t)layer;
}

static void open_breaker(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns, uint32_t jitter)
{
	if (health->times_opened < UINT32_MAX)
		health->times_opened++;
	health->opened = 1;
	health->open_until_ns =
		now_ns + open_time_ns(policy, health->times_opened, jitter);
	health->failed_layer = failed_layer(evidence);
	health->open_reason = (uint8_t)evidence->reason;
	health->good_in_a_row = 0;
}

static void close_breaker(struct pool_health *health)
{
	health->opened = 0;
	health->open_until_ns = 0;
	health->times_opened = 0;
	health->good_in_a_row = 0;
	health->failed_layer = POOL_LAYER_NONE;
	health->open_reason = POOL_REASON_NONE;
}

/* Whether a success may end or shorten the open state: it must speak for the layer that
 * failed. */
static bool proves(const struct pool_health *health, const struct pool_evidence *evidence)
{
	return evidence->good_layer >= health->failed_layer;
}

static void succeed(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns)
{
	if (evidence->source == POOL_EVIDENCE_CHECK)
		health->failed_checks = 0;
	health->failed_reports = 0;
	health->known = 1;
	if (!health->opened) {
		health->blocked = 0;
		return;
	}
	if (!proves(health, evidence))
		return;
	if (health->open_until_ns > now_ns) {
		/* Only a check ends the open time early: nobody else should have used it.
		 */
		if (evidence->source != POOL_EVIDENCE_CHECK)
			return;
		health->open_until_ns = now_ns;
	}
	health->blocked = 0;
	if (++health->good_in_a_row >= (uint32_t)policy->healthy_threshold)
		close_breaker(health);
}

static bool at_threshold(const struct pool_policy *policy,
	const struct pool_health *health, enum pool_evidence_source source)
{
	if (source == POOL_EVIDENCE_CHECK)
		return health->failed_checks >= (uint32_t)policy->unhealthy_threshold;
	return health->failed_reports >= (uint32_t)policy->failure_threshold;
}

static void fail(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns, uint32_t jitter)
{
	uint32_t *streak = evidence->source == POOL_EVIDENCE_CHECK
		? &health->failed_checks
		: &health->failed_reports;

	if (*streak < UINT32_MAX)
		(*streak)++;
	health->good_in_a_row = 0;
	health->blocked =
		pool_reason_get((int)evidence->reason)->verdict == POOL_VERDICT_BLOCKED;
	if (!health->opened) {
		if (!at_threshold(policy, health, evidence->source))
			return;
		health->known = 1;
		open_breaker(policy, health, evidence, now_ns, jitter);
	} else if (health->open_until_ns <= evidence->began_ns) {
		/* It failed on trial, not merely until after the open time. */
		open_breaker(policy, health, evidence, now_ns, jitter);
	} else if (evidence->source == POOL_EVIDENCE_CHECK) {
		/* Still down: the deadline is renewed, not doubled. */
		health->open_until_ns =
			now_ns + open_time_ns(policy, health->times_opened, jitter);
		health->failed_layer = failed_layer(evidence);
		health->open_reason = (uint8_t)evidence->reason;
	}
}

/* The later of two deadlines wins; nothing rests longer than max_cooldown_s from now. */
static void cool(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns)
{
	int64_t seconds = evidence->retry_after_s >= 0 ? evidence->retry_after_s
						       : policy->cooldown_s;
	int64_t until;

	if (seconds > policy->max_cooldown_s)
		seconds = policy->max_cooldown_s;
	until = now_ns + seconds * NS_PER_S;
	if (until > health->cool_until_ns)
		health->cool_until_ns = until;
	/* It relayed an answer: its transport works. */
	health->failed_checks = 0;
	health->failed_reports = 0;
}

void pool_health_step(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns, uint32_t jitter,
	struct pool_transition *transition)
{
	enum pool_status before = pool_health_status(health, now_ns);
	uint8_t was_opened = health->opened;
	/* Begun before the last transition: it tells of a proxy that was another one
	 * then. */
	bool late = health->changed_ns && evidence->began_ns < health->changed_ns;

	*transition = (struct pool_transition){.from = before, .to = before};
	if (evidence->source == POOL_EVIDENCE_CHECK)
		health->checked_ns = now_ns;
	health->last_reason = (uint8_t)evidence->reason;
	if (late)
		return;
	switch (pool_reason_get((int)evidence->reason)->verdict) {
	case POOL_VERDICT_OK:
		succeed(policy, health, evidence, now_ns);
		break;
	case POOL_VERDICT_DOWN:
	case POOL_VERDICT_BLOCKED:
		fail(policy, health, evidence, now_ns, jitter);
		break;
	case POOL_VERDICT_LIMITED:
		cool(policy, health, evidence, now_ns);
		break;
	case POOL_VERDICT_INCONCLUSIVE:
	case POOL_VERDICTS:
		break;
	}
	transition->to = pool_health_status(health, now_ns);
	if (transition->to != before) {
		transition->happened = true;
		transition->reason = evidence->reason;
	}
	/* A breaker that opens or closes behind a cooldown is not seen, and is a change
	 * still. */
	if (transition->happened || health->opened != was_opened)
		health->changed_ns = now_ns;
}

void pool_health_command(struct pool_health *health, enum pool_admin command,
	int64_t now_ns, struct pool_transition *transition)
{
	enum pool_status before = pool_health_status(health, now_ns);

	switch (command) {
	case POOL_ADMIN_DISABLE:
		health->admin_disabled = 1;
		break;
	case POOL_ADMIN_ENABLE:
		health->admin_disabled = 0;
		break;
	case POOL_ADMIN_RESET:
		*health = (struct pool_health){
			.admin_disabled = health->admin_disabled, .changed_ns = now_ns};
		break;
	}
	*transition = (struct pool_transition){
		.from = before, .to = pool_health_status(health, now_ns)};
	if (transition->to == before)
		return;
	transition->happened = true;
	transition->reason = POOL_REASON_PERSON;
	health->changed_ns = now_ns;
}
