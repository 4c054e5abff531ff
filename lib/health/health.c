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

bool pool_health_lacks_secret(const struct pool_health *health)
{
	return health->last_reason == POOL_REASON_NO_SECRET;
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

static enum pool_layer layer_of(uint8_t stored)
{
	return stored < POOL_LAYERS ? (enum pool_layer)stored : POOL_LAYER_TARGET;
}

static void note_blocked(struct pool_health *health, const struct pool_evidence *evidence)
{
	health->blocked =
		pool_reason_get((int)evidence->reason)->verdict == POOL_VERDICT_BLOCKED;
}

/* --- rows of failures ------------------------------------------------------------- */

static void end_row(struct pool_health *health, enum pool_evidence_source source)
{
	if (source == POOL_EVIDENCE_CHECK) {
		health->failed_checks = health->relayed_checks = 0;
	} else {
		health->failed_reports = health->relayed_reports = 0;
		health->report_layer = POOL_LAYER_NONE;
	}
}

static void forget_unanswered_reports(struct pool_health *health)
{
	health->failed_reports = health->relayed_reports;
	health->report_layer = POOL_LAYER_NONE;
}

/* The target answered: what had no answer before is over, whoever noticed it. */
static void forget_unanswered(struct pool_health *health)
{
	health->failed_checks = health->relayed_checks;
	forget_unanswered_reports(health);
}

static void count_up(uint16_t *counter)
{
	if (*counter < UINT16_MAX)
		(*counter)++;
}

static void count_failure(
	struct pool_health *health, const struct pool_evidence *evidence)
{
	const struct pool_reason_row *row = pool_reason_get((int)evidence->reason);
	bool check = evidence->source == POOL_EVIDENCE_CHECK;

	if (row->relayed) {
		forget_unanswered(health);
		count_up(check ? &health->relayed_checks : &health->relayed_reports);
	} else if (!check && row->layer > layer_of(health->report_layer)) {
		health->report_layer = (uint8_t)row->layer;
	}
	count_up(check ? &health->failed_checks : &health->failed_reports);
}

static bool at_threshold(const struct pool_policy *policy,
	const struct pool_health *health, enum pool_evidence_source source)
{
	if (source == POOL_EVIDENCE_CHECK)
		return health->failed_checks >= policy->unhealthy_threshold;
	return health->failed_reports >= policy->failure_threshold;
}

/* --- the breaker ------------------------------------------------------------------ */

/* Not usable from now on. What it waits for is as long as <times_opened> says, and never
 * ends earlier than what it waited for already. */
static void rest(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns, uint32_t jitter)
{
	int64_t until = now_ns + open_time_ns(policy, health->times_opened, jitter);

	if (!health->opened || until > health->open_until_ns)
		health->open_until_ns = until;
	health->opened = 1;
	health->failed_layer = failed_layer(evidence);
	health->open_reason = (uint8_t)evidence->reason;
	health->good_in_a_row = 0;
	note_blocked(health, evidence);
}

static void open_breaker(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns, uint32_t jitter)
{
	if (health->times_opened < UINT32_MAX)
		health->times_opened++;
	rest(policy, health, evidence, now_ns, jitter);
}

/* Healthy: nothing of before counts any more. */
static void close_breaker(struct pool_health *health)
{
	health->opened = 0;
	health->open_until_ns = 0;
	health->times_opened = 0;
	health->good_in_a_row = 0;
	health->failed_layer = POOL_LAYER_NONE;
	health->open_reason = POOL_REASON_NONE;
	health->blocked = 0;
	end_row(health, POOL_EVIDENCE_CHECK);
	end_row(health, POOL_EVIDENCE_REPORT);
}

/* A success while the breaker is open. It must speak for the layer that failed. */
static void prove(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns)
{
	if (evidence->good_layer < layer_of(health->failed_layer))
		return;
	if (evidence->source == POOL_EVIDENCE_REPORT) {
		/* Only a check ends the open time early: nobody else should have used
		 * it. */
		if (health->open_until_ns > evidence->began_ns)
			return;
	} else if (health->open_until_ns > now_ns) {
		health->open_until_ns = now_ns;
	}
	if (evidence->good_layer >= POOL_LAYER_TARGET)
		health->blocked = 0;
	if (health->good_in_a_row < UINT32_MAX)
		health->good_in_a_row++;
	if (health->good_in_a_row >= (uint32_t)policy->healthy_threshold)
		close_breaker(health);
}

/* --- evidence by verdict ---------------------------------------------------------- */

static void succeed(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns)
{
	health->known = 1;
	end_row(health, evidence->source);
	if (evidence->good_layer >= POOL_LAYER_TARGET)
		forget_unanswered(health);
	else if (evidence->good_layer >= layer_of(health->report_layer))
		forget_unanswered_reports(health);
	if (health->opened)
		prove(policy, health, evidence, now_ns);
	else if (evidence->good_layer >= POOL_LAYER_TARGET)
		health->blocked = 0;
}

static void fail(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns, uint32_t jitter)
{
	count_failure(health, evidence);
	if (!health->opened) {
		note_blocked(health, evidence);
		if (!at_threshold(policy, health, evidence->source))
			return;
		health->known = 1;
		open_breaker(policy, health, evidence, now_ns, jitter);
	} else if (health->open_until_ns <= evidence->began_ns) {
		/* It failed on trial, not merely until after the open time. */
		open_breaker(policy, health, evidence, now_ns, jitter);
	} else if (evidence->source == POOL_EVIDENCE_CHECK) {
		rest(policy, health, evidence, now_ns, jitter);
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
}

static void judge(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns, uint32_t jitter)
{
	switch (pool_reason_get((int)evidence->reason)->verdict) {
	case POOL_VERDICT_OK:
		succeed(policy, health, evidence, now_ns);
		break;
	case POOL_VERDICT_DOWN:
	case POOL_VERDICT_BLOCKED:
		fail(policy, health, evidence, now_ns, jitter);
		break;
	case POOL_VERDICT_LIMITED:
		end_row(health, evidence->source);
		forget_unanswered(health);
		cool(policy, health, evidence, now_ns);
		break;
	case POOL_VERDICT_INCONCLUSIVE:
	case POOL_VERDICTS:
		break;
	}
}

/* --- the step --------------------------------------------------------------------- */

/* What a policy that was edited, a clock that went back or a damaged file cannot have
 * meant. */
static void correct(
	const struct pool_policy *policy, struct pool_health *health, int64_t now_ns)
{
	int64_t open_ns = now_ns + policy->max_open_s * NS_PER_S;
	int64_t cool_ns = now_ns + policy->max_cooldown_s * NS_PER_S;

	if (health->open_until_ns > open_ns)
		health->open_until_ns = open_ns;
	if (health->cool_until_ns > cool_ns)
		health->cool_until_ns = cool_ns;
	if (health->changed_ns > now_ns)
		health->changed_ns = 0;
}

/* The status without what a cooldown or a person hides of it. */
static enum pool_status status_beneath(const struct pool_health *health, int64_t now_ns)
{
	struct pool_health bare = *health;

	bare.admin_disabled = 0;
	bare.cool_until_ns = 0;
	return pool_health_status(&bare, now_ns);
}

static void take_late(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns)
{
	/* Two uses at once, both told to wait: the second one's wait may be longer. */
	if (pool_reason_get((int)evidence->reason)->verdict == POOL_VERDICT_LIMITED &&
		health->cool_until_ns > now_ns)
		cool(policy, health, evidence, now_ns);
}

/* A stream of a day works until it breaks: its failure is no older than its end. */
static bool broke_off(const struct pool_evidence *evidence)
{
	return evidence->source == POOL_EVIDENCE_REPORT &&
		evidence->reason == POOL_REASON_TRUNCATED;
}

static void take(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *given, int64_t now_ns, uint32_t jitter)
{
	enum pool_status beneath = status_beneath(health, now_ns);
	struct pool_evidence evidence = *given;

	if (evidence.began_ns > now_ns || broke_off(&evidence))
		evidence.began_ns = now_ns;
	if (health->changed_ns && evidence.began_ns < health->changed_ns) {
		take_late(policy, health, &evidence, now_ns);
		return;
	}
	judge(policy, health, &evidence, now_ns, jitter);
	/* What changes behind a cooldown is not seen, and is a change still. */
	if (status_beneath(health, now_ns) != beneath)
		health->changed_ns = now_ns;
}

void pool_health_step(const struct pool_policy *policy, struct pool_health *health,
	const struct pool_evidence *evidence, int64_t now_ns, uint32_t jitter,
	struct pool_transition *transition)
{
	enum pool_status before;

	correct(policy, health, now_ns);
	before = pool_health_status(health, now_ns);
	if (evidence->source == POOL_EVIDENCE_CHECK)
		health->checked_ns = now_ns;
	health->last_reason = (uint8_t)evidence->reason;
	take(policy, health, evidence, now_ns, jitter);
	*transition = (struct pool_transition){
		.from = before, .to = pool_health_status(health, now_ns)};
	if (transition->to == before)
		return;
	transition->happened = true;
	transition->reason = evidence->reason;
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
