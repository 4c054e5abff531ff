/*
 * The health machine under random events: what must hold whatever happens, and a second
 * machine, written from the words of the design, that must always agree.
 *
 * A failure names the seed of its walk and the step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/random.h"
#include "health/health.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define S           INT64_C(1000000000)
#define START       (100000 * S)

enum { WALKS = 300, STEPS = 400, MIDDLE = 500000, JITTER_MAX = 1000000 };

static uint64_t below(struct pool_random *random, uint64_t limit)
{
	return pool_random_below(random, limit);
}

static bool one_in(struct pool_random *random, uint64_t count)
{
	return below(random, count) == 0;
}

static struct pool_policy random_policy(struct pool_random *random)
{
	struct pool_policy policy = {0};

	policy.healthy_threshold = 1 + (int32_t)below(random, 4);
	policy.unhealthy_threshold = 1 + (int32_t)below(random, 4);
	policy.failure_threshold = 1 + (int32_t)below(random, 6);
	policy.open_s = 1 + (int32_t)below(random, 60);
	policy.max_open_s = policy.open_s + (int32_t)below(random, 600);
	policy.cooldown_s = 1 + (int32_t)below(random, 60);
	policy.max_cooldown_s = policy.cooldown_s + (int32_t)below(random, 600);
	return policy;
}

/* Every reason, ok and what ends a row more often; mostly just begun. */
static struct pool_evidence random_evidence(struct pool_random *random, int64_t now_ns)
{
	static const enum pool_reason frequent[] = {POOL_REASON_OK, POOL_REASON_OK,
		POOL_REASON_OK, POOL_REASON_REFUSED, POOL_REASON_AUTH,
		POOL_REASON_RESPONSE_TIMEOUT, POOL_REASON_STATUS, POOL_REASON_BLOCKED,
		POOL_REASON_REPORTED};
	static const enum pool_layer layers[] = {POOL_LAYER_RESOLVE, POOL_LAYER_CONNECT,
		POOL_LAYER_AUTH, POOL_LAYER_TARGET, POOL_LAYER_TARGET};
	bool check = !one_in(random, 2);

	return (struct pool_evidence){
		.source = check ? POOL_EVIDENCE_CHECK : POOL_EVIDENCE_REPORT,
		.reason = one_in(random, 6)
			? (enum pool_reason)below(random, POOL_REASONS)
			: frequent[below(random, SIZE(frequent))],
		.good_layer =
			check ? layers[below(random, SIZE(layers))] : POOL_LAYER_TARGET,
		.began_ns =
			now_ns - (one_in(random, 4) ? (int64_t)below(random, 60 * S) : 0),
		.retry_after_s = one_in(random, 2) ? -1 : (int32_t)below(random, 1000),
	};
}

static int64_t random_pause(struct pool_random *random)
{
	if (one_in(random, 4))
		return 0;
	return (int64_t)below(random, (one_in(random, 20) ? 2000 : 20) * S);
}

/* --- the second machine: lists instead of counters -------------------------------- */

struct failure {
	bool check;
	bool answered;
	enum pool_layer layer;
};

struct model {
	bool disabled, known, open;
	int64_t open_until_ns, cool_until_ns, changed_ns;
	int times, good;
	enum pool_layer needed;
	struct failure failures[64]; /* in a row, of both sources */
	size_t count;
};

static enum pool_status beneath_of(const struct model *model, int64_t now_ns)
{
	if (model->open)
		return model->open_until_ns > now_ns ? POOL_STATUS_UNHEALTHY
						     : POOL_STATUS_RECOVERING;
	return model->known ? POOL_STATUS_HEALTHY : POOL_STATUS_UNKNOWN;
}

static enum pool_status status_of(const struct model *model, int64_t now_ns)
{
	if (model->disabled)
		return POOL_STATUS_DISABLED;
	if (model->cool_until_ns > now_ns)
		return POOL_STATUS_COOLING;
	return beneath_of(model, now_ns);
}

/* Strike what is of this source, answered or not. */
static void strike(struct model *model, bool check, bool with_answered)
{
	size_t kept = 0;

	for (size_t i = 0; i < model->count; i++)
		if (model->failures[i].check != check ||
			(model->failures[i].answered && !with_answered))
			model->failures[kept++] = model->failures[i];
	model->count = kept;
}

static int in_a_row(const struct model *model, bool check)
{
	int count = 0;

	for (size_t i = 0; i < model->count; i++)
		count += model->failures[i].check == check;
	return count;
}

static bool speaks_for_reports(const struct model *model, enum pool_layer layer)
{
	for (size_t i = 0; i < model->count; i++)
		if (!model->failures[i].check && !model->failures[i].answered &&
			model->failures[i].layer > layer)
			return false;
	return true;
}

static void model_rest(struct model *model, const struct pool_policy *policy,
	const struct pool_evidence *evidence, int64_t now_ns)
{
	int64_t length_s = policy->open_s;

	for (int i = 1; i < model->times && length_s < policy->max_open_s; i++)
		length_s *= 2;
	if (length_s > policy->max_open_s)
		length_s = policy->max_open_s;
	model->open = true;
	model->open_until_ns = now_ns + length_s * S;
	model->needed = pool_reason_get((int)evidence->reason)->layer;
	if (evidence->source == POOL_EVIDENCE_CHECK &&
		evidence->good_layer < model->needed)
		model->needed = evidence->good_layer;
	model->good = 0;
}

static void model_success(struct model *model, const struct pool_policy *policy,
	const struct pool_evidence *evidence, int64_t now_ns)
{
	bool check = evidence->source == POOL_EVIDENCE_CHECK;

	model->known = true;
	strike(model, check, true);
	if (evidence->good_layer == POOL_LAYER_TARGET) {
		strike(model, true, false);
		strike(model, false, false);
	} else if (speaks_for_reports(model, evidence->good_layer)) {
		strike(model, false, false);
	}
	if (!model->open || evidence->good_layer < model->needed)
		return;
	if (!check && evidence->began_ns < model->open_until_ns)
		return;
	if (model->open_until_ns > now_ns)
		model->open_until_ns = now_ns;
	if (++model->good < policy->healthy_threshold)
		return;
	model->open = false;
	model->times = model->good = 0;
	model->count = 0;
}

static void model_failure(struct model *model, const struct pool_policy *policy,
	const struct pool_evidence *evidence, int64_t now_ns)
{
	const struct pool_reason_row *row = pool_reason_get((int)evidence->reason);
	bool check = evidence->source == POOL_EVIDENCE_CHECK;

	if (model->open) {
		/* Rows end when it gets healthy: what they hold until then is nothing. */
		if (evidence->began_ns >= model->open_until_ns)
			model->times++;
		else if (!check)
			return;
		model_rest(model, policy, evidence, now_ns);
		return;
	}
	if (row->relayed) {
		strike(model, true, false);
		strike(model, false, false);
	}
	assert_true(model->count < SIZE(model->failures));
	model->failures[model->count++] =
		(struct failure){check, row->relayed, row->layer};
	if (in_a_row(model, check) <
		(check ? policy->unhealthy_threshold : policy->failure_threshold))
		return;
	model->known = true;
	model->times++;
	model_rest(model, policy, evidence, now_ns);
}

static void model_cool(struct model *model, const struct pool_policy *policy,
	const struct pool_evidence *evidence, int64_t now_ns)
{
	int64_t wait_s = evidence->retry_after_s < 0 ? policy->cooldown_s
						     : evidence->retry_after_s;

	if (wait_s > policy->max_cooldown_s)
		wait_s = policy->max_cooldown_s;
	if (now_ns + wait_s * S > model->cool_until_ns)
		model->cool_until_ns = now_ns + wait_s * S;
}

/* When it began, of a use that broke off: when it ended. */
static int64_t began_of(const struct pool_evidence *evidence, int64_t now_ns)
{
	return evidence->source == POOL_EVIDENCE_REPORT &&
			evidence->reason == POOL_REASON_TRUNCATED
		? now_ns
		: evidence->began_ns;
}

static void model_step(struct model *model, const struct pool_policy *policy,
	const struct pool_evidence *given, int64_t now_ns)
{
	struct pool_evidence told = *given, *evidence = &told;
	enum pool_verdict verdict = pool_reason_get((int)evidence->reason)->verdict;
	enum pool_status status = status_of(model, now_ns);
	enum pool_status beneath = beneath_of(model, now_ns);

	told.began_ns = began_of(given, now_ns);
	if (evidence->began_ns < model->changed_ns) {
		if (verdict == POOL_VERDICT_LIMITED && model->cool_until_ns > now_ns)
			model_cool(model, policy, evidence, now_ns);
		return;
	}
	if (verdict == POOL_VERDICT_OK) {
		model_success(model, policy, evidence, now_ns);
	} else if (verdict == POOL_VERDICT_DOWN || verdict == POOL_VERDICT_BLOCKED) {
		model_failure(model, policy, evidence, now_ns);
	} else if (verdict == POOL_VERDICT_LIMITED) {
		strike(model, evidence->source == POOL_EVIDENCE_CHECK, true);
		strike(model, evidence->source != POOL_EVIDENCE_CHECK, false);
		model_cool(model, policy, evidence, now_ns);
	}
	if (status_of(model, now_ns) != status || beneath_of(model, now_ns) != beneath)
		model->changed_ns = now_ns;
}

static void model_command(struct model *model, enum pool_admin command, int64_t now_ns)
{
	enum pool_status status = status_of(model, now_ns);

	if (command == POOL_ADMIN_RESET)
		*model =
			(struct model){.disabled = model->disabled, .changed_ns = now_ns};
	else
		model->disabled = command == POOL_ADMIN_DISABLE;
	if (status_of(model, now_ns) != status)
		model->changed_ns = now_ns;
}

/* --- walks ------------------------------------------------------------------------ */

/* One event each: evidence, or seldom a person's command. */
struct event {
	bool by_person;
	enum pool_admin command;
	struct pool_evidence evidence;
	uint32_t jitter;
};

static struct event random_event(struct pool_random *random, int64_t now_ns)
{
	return (struct event){
		.by_person = one_in(random, 40),
		.command = one_in(random, 3) ? (enum pool_admin)below(random, 3)
					     : POOL_ADMIN_ENABLE,
		.evidence = random_evidence(random, now_ns),
		.jitter = (uint32_t)below(random, JITTER_MAX + 1),
	};
}

static struct pool_transition apply(const struct pool_policy *policy,
	struct pool_health *health, const struct event *event, int64_t now_ns,
	uint32_t jitter)
{
	struct pool_transition transition = {.happened = false};

	if (event->by_person)
		pool_health_command(health, event->command, now_ns, &transition);
	else
		pool_health_step(
			policy, health, &event->evidence, now_ns, jitter, &transition);
	return transition;
}

static void test_two_machines_agree(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= WALKS; seed++) {
		struct pool_random random = {seed};
		const struct pool_policy policy = random_policy(&random);
		struct pool_health health = {0};
		struct model model = {0};
		int64_t now_ns = START;

		for (int step = 0; step < STEPS; step++) {
			const struct event event = random_event(&random, now_ns);

			apply(&policy, &health, &event, now_ns, MIDDLE);
			if (event.by_person)
				model_command(&model, event.command, now_ns);
			else
				model_step(&model, &policy, &event.evidence, now_ns);
			/* Now, and when it is read at the next event. */
			for (int look = 0; look < 2; look++) {
				enum pool_status expected = status_of(&model, now_ns);
				enum pool_status is = pool_health_status(&health, now_ns);

				if (expected != is)
					fail_msg("seed %llu, step %d, look %d: %s "
						 "expected, it is %s",
						(unsigned long long)seed, step, look,
						pool_status_name(expected),
						pool_status_name(is));
				if (look == 0)
					now_ns += random_pause(&random);
			}
		}
	}
}

#define MUST(condition)                                                                  \
	do {                                                                             \
		if (!(condition))                                                        \
			fail_msg("seed %llu, step %d: not %s", (unsigned long long)seed, \
				step, #condition);                                       \
	} while (0)

/* The open time of the <times>th opening in a row, without jitter. */
static int64_t plain_open_ns(const struct pool_policy *policy, uint32_t times)
{
	int64_t length_s = policy->open_s;

	while (--times && length_s < policy->max_open_s)
		length_s *= 2;
	return (length_s < policy->max_open_s ? length_s : policy->max_open_s) * S;
}

static void open_time_must_hold(const struct pool_policy *policy,
	const struct pool_health *before, const struct pool_health *after, int64_t now_ns,
	uint64_t seed, int step)
{
	int64_t plain_ns, length_ns = after->open_until_ns - now_ns;

	MUST(length_ns <= policy->max_open_s * S);
	if (after->times_opened <= before->times_opened)
		return;
	MUST(after->times_opened == before->times_opened + 1);
	plain_ns = plain_open_ns(policy, after->times_opened);
	MUST(length_ns >= plain_ns / 10 * 9);
	MUST(length_ns <= plain_ns / 10 * 11);
	/* Twice as long as the last time, unless that is too long. */
	if (before->times_opened)
		MUST(plain_ns == policy->max_open_s * S ||
			plain_ns == 2 * plain_open_ns(policy, before->times_opened));
}

static void step_must_hold(const struct pool_policy *policy, const struct event *event,
	const struct pool_health *before, const struct pool_health *after, int64_t now_ns,
	uint64_t seed, int step)
{
	bool reset = event->by_person && event->command == POOL_ADMIN_RESET;
	enum pool_status status = pool_health_status(after, now_ns);

	MUST(after->cool_until_ns - now_ns <= policy->max_cooldown_s * S);
	MUST(reset || after->cool_until_ns >= before->cool_until_ns);
	MUST(event->by_person || after->admin_disabled == before->admin_disabled);
	MUST(after->changed_ns >= before->changed_ns && after->changed_ns <= now_ns);
	if (reset) {
		MUST(status ==
			(after->admin_disabled ? POOL_STATUS_DISABLED
					       : POOL_STATUS_UNKNOWN));
		MUST(after->changed_ns == now_ns);
		return;
	}
	open_time_must_hold(policy, before, after, now_ns, seed, step);
	MUST(after->relayed_checks <= after->failed_checks);
	MUST(after->relayed_reports <= after->failed_reports);
	MUST(after->opened || after->times_opened == 0);
	MUST(after->opened || after->failed_checks < policy->unhealthy_threshold);
	MUST(after->opened || after->failed_reports < policy->failure_threshold);
	/* Late evidence only counts, or lengthens a cooldown. */
	if (!event->by_person &&
		began_of(&event->evidence, now_ns) < before->changed_ns) {
		struct pool_health expected = *before;

		expected.checked_ns = after->checked_ns;
		expected.last_reason = after->last_reason;
		if (before->cool_until_ns > now_ns)
			expected.cool_until_ns = after->cool_until_ns;
		MUST(memcmp(&expected, after, sizeof(expected)) == 0);
	}
}

/* Which status may follow which, at one event. Deadlines that pass are no events. */
static const bool legal[POOL_STATUSES][POOL_STATUSES] = {
	[POOL_STATUS_UNKNOWN] = {[POOL_STATUS_HEALTHY] = true,
		[POOL_STATUS_UNHEALTHY] = true,
		[POOL_STATUS_COOLING] = true,
		[POOL_STATUS_DISABLED] = true},
	[POOL_STATUS_HEALTHY] = {[POOL_STATUS_UNKNOWN] = true,
		[POOL_STATUS_UNHEALTHY] = true,
		[POOL_STATUS_COOLING] = true,
		[POOL_STATUS_DISABLED] = true},
	[POOL_STATUS_UNHEALTHY] = {[POOL_STATUS_UNKNOWN] = true,
		[POOL_STATUS_HEALTHY] = true,
		[POOL_STATUS_RECOVERING] = true,
		[POOL_STATUS_COOLING] = true,
		[POOL_STATUS_DISABLED] = true},
	[POOL_STATUS_RECOVERING] = {[POOL_STATUS_UNKNOWN] = true,
		[POOL_STATUS_HEALTHY] = true,
		[POOL_STATUS_UNHEALTHY] = true,
		[POOL_STATUS_COOLING] = true,
		[POOL_STATUS_DISABLED] = true},
	[POOL_STATUS_COOLING] =
		{[POOL_STATUS_UNKNOWN] = true, [POOL_STATUS_DISABLED] = true},
	[POOL_STATUS_DISABLED] = {[POOL_STATUS_UNKNOWN] = true,
		[POOL_STATUS_HEALTHY] = true,
		[POOL_STATUS_UNHEALTHY] = true,
		[POOL_STATUS_RECOVERING] = true,
		[POOL_STATUS_COOLING] = true},
};

static void test_what_must_hold_after_each_step(void **unused)
{
	bool seen[POOL_STATUSES][POOL_STATUSES] = {{false}};

	(void)unused;
	for (uint64_t seed = 1; seed <= WALKS; seed++) {
		struct pool_random random = {seed};
		const struct pool_policy policy = random_policy(&random);
		struct pool_health health = {0};
		int64_t now_ns = START;

		for (int step = 0; step < STEPS; step++) {
			const struct event event = random_event(&random, now_ns);
			const struct pool_health before = health;
			struct pool_transition transition =
				apply(&policy, &health, &event, now_ns, event.jitter);

			step_must_hold(
				&policy, &event, &before, &health, now_ns, seed, step);
			MUST(transition.from == pool_health_status(&before, now_ns));
			MUST(transition.to == pool_health_status(&health, now_ns));
			MUST(transition.happened == (transition.from != transition.to));
			if (transition.happened) {
				MUST(legal[transition.from][transition.to]);
				MUST(transition.reason ==
					(event.by_person ? POOL_REASON_PERSON
							 : event.evidence.reason));
			}
			seen[transition.from][transition.to] = true;
			now_ns += random_pause(&random);
		}
	}
	for (int from = 0; from < POOL_STATUSES; from++)
		for (int to = 0; to < POOL_STATUSES; to++)
			if (from != to && legal[from][to] != seen[from][to])
				fail_msg("no walk went from %s to %s",
					pool_status_name((enum pool_status)from),
					pool_status_name((enum pool_status)to));
}

/* The same opening takes at least as long the next time, at the same jitter. */
static void test_open_time_grows_with_each_opening(void **unused)
{
	static const uint32_t jitters[] = {0, 1, 250000, MIDDLE, 999999, JITTER_MAX};

	(void)unused;
	for (uint64_t seed = 1; seed <= WALKS; seed++) {
		struct pool_random random = {seed};
		struct pool_policy policy = random_policy(&random);

		policy.unhealthy_threshold = 1;
		for (size_t i = 0; i < SIZE(jitters); i++) {
			struct pool_health health = {0};
			int64_t now_ns = START, last_ns = 0;
			int step;

			for (step = 0; step < 70; step++) {
				const struct event down = {
					.evidence = {.reason = POOL_REASON_REFUSED,
						.began_ns = now_ns}};

				apply(&policy, &health, &down, now_ns, jitters[i]);
				MUST(health.times_opened == (uint32_t)step + 1);
				MUST(health.open_until_ns - now_ns >= last_ns);
				MUST(health.open_until_ns - now_ns <=
					policy.max_open_s * S);
				last_ns = health.open_until_ns - now_ns;
				now_ns = health.open_until_ns;
			}
			MUST(last_ns >= policy.max_open_s * S / 10 * 9);
		}
	}
}

/* --- nothing is stuck ------------------------------------------------------------- */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Ends when nothing keeps it from being used, unless a person does. */
static int64_t wait_until_ready(const struct pool_health *health, int64_t now_ns)
{
	return later(now_ns, later(health->cool_until_ns, health->open_until_ns));
}

/* <count> times the same, a nanosecond apart. Returns when it is then. */
static int64_t repeat(const struct pool_policy *policy, struct pool_health *health,
	enum pool_reason reason, enum pool_evidence_source source, int count,
	int64_t now_ns)
{
	for (int i = 0; i < count; i++) {
		const struct event event = {.evidence = {.source = source,
						    .reason = reason,
						    .good_layer = POOL_LAYER_TARGET,
						    .began_ns = ++now_ns,
						    .retry_after_s = 1}};

		apply(policy, health, &event, now_ns, MIDDLE);
	}
	return now_ns;
}

static int64_t say(struct pool_health *health, enum pool_admin command, int64_t now_ns)
{
	struct pool_transition transition;

	pool_health_command(health, command, now_ns, &transition);
	return now_ns;
}

/* By a person only where there is no other way. */
static int64_t bring_to(const struct pool_policy *policy, struct pool_health *health,
	enum pool_status status, enum pool_evidence_source source, int64_t now_ns)
{
	int failures = source == POOL_EVIDENCE_CHECK ? policy->unhealthy_threshold
						     : policy->failure_threshold;

	if (status == POOL_STATUS_DISABLED)
		return say(health, POOL_ADMIN_DISABLE, now_ns);
	say(health, POOL_ADMIN_ENABLE, now_ns);
	if (status == POOL_STATUS_UNKNOWN)
		return say(health, POOL_ADMIN_RESET, now_ns);
	now_ns = wait_until_ready(health, now_ns);
	if (status == POOL_STATUS_HEALTHY)
		return repeat(policy, health, POOL_REASON_OK, source,
			policy->healthy_threshold, now_ns);
	if (status == POOL_STATUS_COOLING)
		return repeat(policy, health, POOL_REASON_LIMITED, source, 1, now_ns);
	now_ns = repeat(policy, health, POOL_REASON_REFUSED, source, failures, now_ns);
	return status == POOL_STATUS_RECOVERING ? health->open_until_ns : now_ns;
}

static void must_reach_all(const struct pool_policy *policy,
	const struct pool_health *from, int64_t now_ns, uint64_t seed, int step)
{
	for (int status = 0; status < POOL_STATUSES; status++)
		for (int source = 0; source < 2; source++) {
			struct pool_health health = *from;
			int64_t then_ns =
				bring_to(policy, &health, (enum pool_status)status,
					(enum pool_evidence_source)source, now_ns);

			if (pool_health_status(&health, then_ns) !=
				(enum pool_status)status)
				fail_msg("seed %llu, step %d: from %s not to %s but %s",
					(unsigned long long)seed, step,
					pool_status_name(
						pool_health_status(from, now_ns)),
					pool_status_name((enum pool_status)status),
					pool_status_name(
						pool_health_status(&health, then_ns)));
			/* And in a bounded time. */
			MUST(then_ns - now_ns <=
				2 * (policy->max_open_s + policy->max_cooldown_s + 1) *
					S);
		}
}

static void test_every_status_is_reached_from_everywhere(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= WALKS / 3; seed++) {
		struct pool_random random = {seed};
		const struct pool_policy policy = random_policy(&random);
		struct pool_health health = {0};
		int64_t now_ns = START;

		for (int step = 0; step < STEPS / 2; step++) {
			const struct event event = random_event(&random, now_ns);

			apply(&policy, &health, &event, now_ns, event.jitter);
			now_ns += random_pause(&random) + 1;
			must_reach_all(&policy, &health, now_ns, seed, step);
		}
	}
}

/* A clock that jumps to and fro, as between namespaces: no rest without end, nothing
 * late for ever. */
static void test_a_clock_that_jumps_does_no_harm(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= WALKS; seed++) {
		struct pool_random random = {seed};
		const struct pool_policy policy = random_policy(&random);
		struct pool_health health = {0};
		int64_t now_ns = START;

		for (int step = 0; step < STEPS; step++) {
			const struct event event = random_event(&random, now_ns);

			apply(&policy, &health, &event, now_ns, event.jitter);
			if (!event.by_person) {
				MUST(health.open_until_ns - now_ns <=
					policy.max_open_s * S);
				MUST(health.cool_until_ns - now_ns <=
					policy.max_cooldown_s * S);
				MUST(health.changed_ns <= now_ns);
				must_reach_all(&policy, &health, now_ns, seed, step);
			}
			now_ns += random_pause(&random);
			if (one_in(&random, 10))
				now_ns = (int64_t)below(&random, 10 * START);
		}
	}
}

static void fill(struct pool_random *random, struct pool_health *health)
{
	static const int64_t extremes[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
	unsigned char *bytes = (unsigned char *)health;

	for (size_t i = 0; i < sizeof(*health); i++)
		bytes[i] = (unsigned char)below(random, 256);
	if (one_in(random, 2))
		health->open_until_ns = extremes[below(random, SIZE(extremes))];
	if (one_in(random, 2))
		health->cool_until_ns = extremes[below(random, SIZE(extremes))];
	if (one_in(random, 2))
		health->changed_ns = extremes[below(random, SIZE(extremes))];
	if (one_in(random, 2))
		health->times_opened = UINT32_MAX;
	if (one_in(random, 2))
		health->good_in_a_row = UINT32_MAX;
	if (one_in(random, 2))
		health->failed_checks = health->failed_reports = UINT16_MAX;
}

/* Bytes of a damaged file: one piece of evidence later they are a record again. */
static void test_a_damaged_record_heals(void **unused)
{
	const int step = 0;

	(void)unused;
	for (uint64_t seed = 1; seed <= 20000; seed++) {
		struct pool_random random = {seed};
		const struct pool_policy policy = random_policy(&random);
		struct pool_health health;
		struct event event = random_event(&random, START);

		fill(&random, &health);
		MUST((unsigned)pool_health_status(&health, START) < POOL_STATUSES);
		pool_health_ready_ns(&health);
		event.by_person = false;
		apply(&policy, &health, &event, START, event.jitter);
		MUST(health.open_until_ns <= START + policy.max_open_s * S);
		MUST(health.cool_until_ns <= START + policy.max_cooldown_s * S);
		must_reach_all(&policy, &health, START + 1, seed, step);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_machines_agree),
		cmocka_unit_test(test_what_must_hold_after_each_step),
		cmocka_unit_test(test_open_time_grows_with_each_opening),
		cmocka_unit_test(test_every_status_is_reached_from_everywhere),
		cmocka_unit_test(test_a_clock_that_jumps_does_no_harm),
		cmocka_unit_test(test_a_damaged_record_heals),
	};

	return cmocka_run_group_tests_name("health walk", tests, NULL, NULL);
}
