/*
 * The checks of a watcher.
 *
 * Events, and what each does:
 *	a check is due          it begins, if the engine has room
 *	a check ended           it is heard; what its failure may be the fault of decides
 *	                        whether it is believed now or later
 *	somebody is doubted     others who ask the same are asked at once
 *	a result is decided     it waits for being stored, 50 ms at most, or with many
 *	                        others; the check is given its next time
 *	results were stored     who changed by it is checked quicker for a while
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "watch/watcher_inner.h"

enum {
	BATCH = 64,     /* begun in one turn */
	STORE_MS = 50,  /* a result waits for others that long */
	STORE_AT = 256, /* as many are stored at once */
	WITNESSES = 3,  /* asked about one failure */
	WITNESS_SLACK_MS = 1000,
};

/* --- what is decided ------------------------------------------------------------ */

static void add_pending(struct pool_watcher *watcher, const struct pool_outcome *outcome)
{
	size_t room = watcher->pending_room;

	if (watcher->pending_count == room) {
		struct pool_outcome *longer;

		room = room ? 2 * room : 64;
		longer = realloc(watcher->pending, room * sizeof(*longer));
		/* What cannot be kept is found out again by the next check. */
		if (!longer)
			return;
		watcher->pending = longer;
		watcher->pending_room = room;
	}
	watcher->pending[watcher->pending_count++] = *outcome;
	if (watcher->store_ns == INT64_MAX)
		watcher->store_ns = watcher->now.boot_ns + STORE_MS * POOL_NS_PER_MS;
}

static void tell_check(struct pool_watcher *watcher, uint32_t member,
	const struct pool_watcher_result *result, enum pool_reason reason)
{
	struct pool_event event;

	if (!watcher->options.tells_checks)
		return;
	pool_watcher_begin_event(watcher, &event, POOL_EVENT_CHECK);
	pool_watcher_name_member(watcher, &event, member);
	event.reason = reason;
	event.latency_us = reason == POOL_REASON_OK ? result->latency_us : -1;
	pool_text_safe(event.detail, sizeof(event.detail), result->detail,
		strlen(result->detail));
	pool_watcher_tell(watcher, &event);
}

/* Trouble of this machine's: told once, until there was none for a while. */
static void note_trouble(struct pool_watcher *watcher,
	const struct pool_watcher_result *result, enum pool_reason reason)
{
	const uint64_t bit = UINT64_C(1) << reason;
	struct pool_event event;

	if (pool_reason_get((int)reason)->layer != POOL_LAYER_LOCAL ||
		reason == POOL_REASON_UPLINK_SUSPECT)
		return;
	watcher->trouble_ns = watcher->now.boot_ns;
	if (watcher->troubles & bit)
		return;
	watcher->troubles |= bit;
	pool_watcher_begin_event(watcher, &event, POOL_EVENT_LOCAL_TROUBLE);
	event.reason = reason;
	pool_text_safe(event.detail, sizeof(event.detail), result->detail,
		strlen(result->detail));
	pool_watcher_tell(watcher, &event);
}

static void forget_troubles(struct pool_watcher *watcher)
{
	enum { QUIET_S = 60 };

	if (watcher->troubles &&
		watcher->now.boot_ns - watcher->trouble_ns > QUIET_S * POOL_NS_PER_S)
		watcher->troubles = 0;
}

static void count_result(struct pool_watcher *watcher, uint32_t member,
	const struct pool_watcher_result *result, enum pool_reason reason)
{
	struct pool_plan_member *planned = &watcher->plan.members[member];

	if (reason == POOL_REASON_OK) {
		pool_tally_note_latency(
			&watcher->tally, planned->leaf, result->latency_us);
		pool_plan_add_latency(
			planned, result->latency_us ? result->latency_us : 1);
	} else {
		pool_tally_note_failure(&watcher->tally, member, reason);
		pool_plan_add_latency(planned, 0);
	}
}

/* A result of check <at> is decided: give it to all the check is for, and the check its
 * next time. */
static void decide(struct pool_watcher *watcher, uint32_t at,
	const struct pool_watcher_result *result, enum pool_reason reason)
{
	struct pool_plan_check *check = &watcher->plan.checks[at];
	int64_t began_ns = result->began_ns, due_ns;

	for (uint32_t i = check->first_member; i != POOL_NO_MEMBER;
		i = watcher->plan.members[i].next_member) {
		const struct pool_plan_member *member = &watcher->plan.members[i];

		add_pending(watcher,
			&(struct pool_outcome){
				.leaf_key = member->leaf_key,
				.identity = member->identity,
				.member = i,
				.reason = reason,
				.good_layer = result->good_layer,
				.http_status = result->http_status,
				.retry_after_s = result->retry_after_s,
				.latency_us = result->latency_us,
				.began_ns = began_ns,
			});
		count_result(watcher, i, result, reason);
		tell_check(watcher, i, result, reason);
	}
	note_trouble(watcher, result, reason);
	check->under_way = false;
	check->last_reason = (uint8_t)reason;
	check->last_ended_ns = watcher->now.boot_ns;
	if (check->quick)
		check->quick--;
	due_ns = began_ns +
		(check->second_ns ? check->second_ns
				  : pool_checks_draw_gap_ns(watcher, check));
	check->second_ns = 0;
	/* One that took longer than its interval rests for a while all the same. */
	if (due_ns < watcher->now.boot_ns + POOL_NS_PER_S)
		due_ns = watcher->now.boot_ns + POOL_NS_PER_S;
	pool_checks_set_due(watcher, at, due_ns);
	if (!check->done) {
		check->done = true;
		watcher->first_left -= watcher->first_left > 0;
	}
}

static void take_verdicts(struct pool_watcher *watcher)
{
	struct pool_doubt_verdict verdict;

	while (pool_doubts_next_verdict(watcher->doubts, &verdict)) {
		struct pool_watcher_result result = watcher->results[verdict.slot];
		uint32_t at = pool_plan_find(&watcher->plan, &result.key);

		pool_results_give(watcher, verdict.slot);
		/* Of a check that an edit has removed: of no use. */
		if (at != POOL_NO_CHECK)
			decide(watcher, at, &result, verdict.reason);
	}
}

static void take_suspicions(struct pool_watcher *watcher)
{
	struct pool_suspicion suspicion;

	while (pool_doubts_next_suspicion(watcher->doubts, &suspicion)) {
		struct pool_event event;

		if (!suspicion.target) {
			pool_watcher_begin_event(watcher, &event,
				suspicion.suspect ? POOL_EVENT_UPLINK_SUSPECT
						  : POOL_EVENT_UPLINK_RECOVERED);
			pool_watcher_tell(watcher, &event);
			continue;
		}
		pool_watcher_begin_event(watcher, &event,
			suspicion.suspect ? POOL_EVENT_TARGET_SUSPECT
					  : POOL_EVENT_TARGET_RECOVERED);
		for (uint32_t i = 0; i < watcher->plan.check_count; i++)
			if (watcher->plan.checks[i].target == suspicion.target) {
				pool_watcher_name_pool(watcher, &event,
					watcher->plan.checks[i].first_leaf);
				pool_watcher_tell(watcher, &event);
				break;
			}
	}
}

/* --- what ended ----------------------------------------------------------------- */

/* Whoever waited for this check as a witness has its answer. */
static void answer_hearings(struct pool_watcher *watcher, struct pool_plan_check *check)
{
	if (check->target_hearing)
		pool_doubts_answered(
			watcher->doubts, check->target, check->target_hearing);
	if (check->uplink_hearing)
		pool_doubts_answered(watcher->doubts, 0, check->uplink_hearing);
	check->target_hearing = check->uplink_hearing = 0;
}

static void hear(struct pool_watcher *watcher, uint32_t at,
	const struct pool_watcher_result *result)
{
	struct pool_plan_check *check = &watcher->plan.checks[at];
	struct pool_testimony testimony = {
		.host = check->host,
		.target = check->target,
		.reason = result->found,
		.ended_ns = watcher->now.boot_ns,
		.control = check->control,
		.slot = pool_results_take(watcher),
	};

	check->in_flight = false;
	if (testimony.slot != POOL_NO_PLACE) {
		watcher->results[testimony.slot] = *result;
		if (pool_doubts_hear(watcher->doubts, &testimony) == 0) {
			answer_hearings(watcher, check);
			return;
		}
		pool_results_give(watcher, testimony.slot);
	}
	/* Without memory nothing can be doubted. */
	answer_hearings(watcher, check);
	decide(watcher, at, result, POOL_REASON_NO_MEMORY);
}

static void hear_control(struct pool_watcher *watcher, const struct pool_watcher_job *job,
	enum pool_reason reason)
{
	pool_doubts_hear_control(watcher->doubts, job->target,
		pool_round_judge_control(reason), watcher->now.boot_ns);
	pool_doubts_answered(watcher->doubts, job->target, job->hearing);
}

/* The engine's: a check ended. */
static void take_end(void *context, size_t index, const struct pool_probe_result *ended)
{
	struct pool_watcher *watcher = context;
	struct pool_watcher_job *job = watcher->jobs[index];
	struct pool_watcher_result result = {
		.key = job->key,
		.found = ended->reason,
		.good_layer = pool_method_get(job->probe.method)->good_layer,
		.http_status = ended->status,
		.retry_after_s = ended->retry_after_s,
		.latency_us = ended->latency_us,
		.began_ns = ended->began_boot_ns,
	};
	uint32_t at = pool_plan_find(&watcher->plan, &job->key);

	pool_clock_get(&watcher->now);
	snprintf(result.detail, sizeof(result.detail), "%s", ended->detail);
	if (job->control)
		hear_control(watcher, job, ended->reason);
	else if (at != POOL_NO_CHECK)
		hear(watcher, at, &result);
	pool_jobs_give(watcher, (uint32_t)index);
}

/* --- what begins ---------------------------------------------------------------- */

static struct pool_round_options round_options(const struct pool_watcher *watcher)
{
	return (struct pool_round_options){
		.method = -1, .secrets = pool_session_secrets(watcher->session)};
}

/* The job of check <at>, or the control request for hearing <control> of its target;
 * POOL_NO_PLACE and <fault> if it cannot be asked now. */
static uint32_t make_job(struct pool_watcher *watcher, uint32_t at, uint32_t control,
	struct pool_fault *fault)
{
	const struct pool_plan_check *check = &watcher->plan.checks[at];
	const struct pool_round_options options = round_options(watcher);
	uint32_t number = pool_jobs_take(watcher);
	struct pool_watcher_job *job;
	int error;

	if (number == POOL_NO_PLACE) {
		pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
		return number;
	}
	job = watcher->jobs[number];
	job->key = check->key;
	job->target = check->target;
	job->control = control != 0;
	job->hearing = control;
	error = pool_round_make(pool_session_snapshot(watcher->session),
		watcher->plan.members[check->first_member].leaf, check->first_member,
		&options, &job->probe, &job->login, fault);
	if (!error)
		error = pool_job_own(job);
	if (control)
		job->probe.login = NULL;
	if (!error)
		error = pool_engine_add(watcher->engine, &job->probe, number);
	if (!error)
		return number;
	pool_jobs_give(watcher, number);
	fault->code = error;
	return POOL_NO_PLACE;
}

/* It cannot be asked: no secret, no memory. That is a result as well. */
static void fail_to_begin(
	struct pool_watcher *watcher, uint32_t at, const struct pool_fault *fault)
{
	struct pool_watcher_result result = {
		.key = watcher->plan.checks[at].key,
		.retry_after_s = -1,
		.began_ns = watcher->now.boot_ns,
		.found = fault->code == POOL_ESECRET ? POOL_REASON_NO_SECRET
			: fault->code == POOL_ENOMEM ? POOL_REASON_NO_MEMORY
						     : POOL_REASON_SETUP,
	};

	pool_text_safe(
		result.detail, sizeof(result.detail), fault->text, strlen(fault->text));
	answer_hearings(watcher, &watcher->plan.checks[at]);
	decide(watcher, at, &result, result.found);
}

static void begin(struct pool_watcher *watcher, uint32_t at)
{
	struct pool_plan_check *check = &watcher->plan.checks[at];
	struct pool_fault fault = {0};

	check->under_way = true;
	check->token = 0;
	check->due_ns = INT64_MAX;
	check->in_flight = make_job(watcher, at, 0, &fault) != POOL_NO_PLACE;
	if (!check->in_flight)
		fail_to_begin(watcher, at, &fault);
}

static bool has_room(const struct pool_watcher *watcher)
{
	return pool_engine_left(watcher->engine) <
		pool_engine_report(watcher->engine).concurrency;
}

/* Whether numbers of the plan are numbers of the snapshot: not between an edit that
 * somebody's lock brought to light and the next plan. */
static bool may_begin(const struct pool_watcher *watcher)
{
	return !watcher->ended &&
		pool_session_snapshot(watcher->session)->id == watcher->plan.snapshot_id;
}

static void begin_due(struct pool_watcher *watcher)
{
	struct pool_timer timer;
	int begun = 0;

	while (begun < BATCH && may_begin(watcher) && has_room(watcher) &&
		pool_timers_take(&watcher->timers, watcher->now.boot_ns, &timer)) {
		/* Not one that was given another time since. */
		if (timer.index >= watcher->plan.check_count ||
			watcher->plan.checks[timer.index].token != timer.token)
			continue;
		begin(watcher, timer.index);
		begun++;
	}
}

/* --- witnesses ------------------------------------------------------------------ */

/* How useful check <at> is as a witness; 0: it cannot be one. What it says may be still
 * to come from a check that has begun: that is as good as one that begins now. */
static int worth_of(const struct pool_watcher *watcher, uint32_t at,
	const struct pool_doubt_call *call)
{
	const struct pool_plan_check *check = &watcher->plan.checks[at];

	if ((check->under_way && !check->in_flight) || check->host == call->accused ||
		(call->target && check->target != call->target))
		return 0;
	return check->last_reason == POOL_REASON_OK ? 2 : 1;
}

/* Up to WITNESSES checks, of hosts that differ, the most useful first; from a random
 * place on, so that it is not always the same. */
static uint32_t choose_witnesses(struct pool_watcher *watcher,
	const struct pool_doubt_call *call, uint32_t *chosen)
{
	const struct pool_plan *plan = &watcher->plan;
	uint32_t count = 0, start;

	if (!plan->check_count)
		return 0;
	start = (uint32_t)pool_random_below(&watcher->random, plan->check_count);
	for (int worth = 2; worth && count < WITNESSES; worth--)
		for (uint32_t i = 0; i < plan->check_count && count < WITNESSES; i++) {
			uint32_t at = (start + i) % plan->check_count;
			bool fits = worth_of(watcher, at, call) == worth;

			for (uint32_t j = 0; j < count && fits; j++)
				fits = plan->checks[chosen[j]].host !=
					plan->checks[at].host;
			if (fits)
				chosen[count++] = at;
		}
	return count;
}

static void call_witnesses(
	struct pool_watcher *watcher, const struct pool_doubt_call *call)
{
	uint32_t chosen[WITNESSES] = {0}, count = 0, asked = 0;
	int64_t longest_ns = POOL_NS_PER_S;
	struct pool_fault fault = {0};
	uint32_t control = POOL_NO_CHECK;

	for (uint32_t i = 0; call->control && i < watcher->plan.check_count; i++)
		if (watcher->plan.checks[i].target == call->target &&
			watcher->plan.checks[i].control)
			control = i;
	if (control != POOL_NO_CHECK &&
		make_job(watcher, control, call->hearing, &fault) != POOL_NO_PLACE) {
		asked++;
		longest_ns = watcher->plan.checks[control].longest_ns;
	}
	if (call->others)
		count = choose_witnesses(watcher, call, chosen);
	for (uint32_t i = 0; i < count; i++) {
		struct pool_plan_check *check = &watcher->plan.checks[chosen[i]];

		if (check->longest_ns > longest_ns)
			longest_ns = check->longest_ns;
		*(call->target ? &check->target_hearing : &check->uplink_hearing) =
			call->hearing;
		asked++;
	}
	pool_doubts_called(watcher->doubts, call, asked,
		watcher->now.boot_ns + longest_ns + WITNESS_SLACK_MS * POOL_NS_PER_MS);
	/* After it is known that they are waited for: one may fail at once. */
	for (uint32_t i = 0; i < count; i++)
		if (!watcher->plan.checks[chosen[i]].in_flight)
			begin(watcher, chosen[i]);
}

static void settle_doubts(struct pool_watcher *watcher)
{
	struct pool_doubt_call call;

	pool_doubts_turn(watcher->doubts, watcher->now.boot_ns);
	while (may_begin(watcher) &&
		pool_doubts_next_call(watcher->doubts, watcher->now.boot_ns, &call))
		call_witnesses(watcher, &call);
	take_verdicts(watcher);
	take_suspicions(watcher);
}

/* --- storing -------------------------------------------------------------------- */

/* What was stored is done; what was not is kept, but no more than a few results a proxy,
 * the newest. */
static void keep_unstored(struct pool_watcher *watcher)
{
	size_t kept = 0, most = 2 * (size_t)watcher->plan.member_count + STORE_AT;

	for (size_t i = 0; i < watcher->pending_count; i++)
		if (!watcher->pending[i].stored)
			watcher->pending[kept++] = watcher->pending[i];
	if (kept > most) {
		memmove(watcher->pending, watcher->pending + kept - most,
			most * sizeof(*watcher->pending));
		kept = most;
	}
	watcher->pending_count = kept;
}

void pool_checks_store(struct pool_watcher *watcher)
{
	struct pool_fault fault = {0};
	bool changed = false;
	int error;

	if (!watcher->pending_count)
		return;
	error = pool_session_store(
		watcher->session, watcher->pending, watcher->pending_count, &fault);
	for (size_t i = 0; i < watcher->pending_count; i++)
		changed |= watcher->pending[i].stored &&
			watcher->pending[i].transition.happened;
	pool_watcher_note_state(watcher, error ? &fault : NULL);
	if (error) {
		keep_unstored(watcher);
		watcher->store_ns = watcher->state_rest_ns;
	} else {
		watcher->pending_count = 0;
		watcher->store_ns = INT64_MAX;
		watcher->first_round_done |= !watcher->first_left;
	}
	if (changed)
		watcher->look_ns = 0;
}

/* --- the whole ------------------------------------------------------------------ */

int pool_checks_open(struct pool_watcher *watcher, struct pool_fault *fault)
{
	const struct pool_engine_options options = {
		.concurrency = watcher->options.concurrency,
		.resolves_names = true,
		.target_rate = watcher->options.target_rate,
		.seed = pool_random_next(&watcher->random),
		.ca_file = watcher->options.ca_file,
		.done = take_end,
		.context = watcher,
	};

	pool_jobs_open(watcher);
	watcher->store_ns = INT64_MAX;
	watcher->doubts = pool_doubts_new();
	if (!watcher->doubts)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	return pool_engine_new(&watcher->engine, &options, fault);
}

void pool_checks_close(struct pool_watcher *watcher)
{
	pool_engine_free(watcher->engine);
	watcher->engine = NULL;
	pool_doubts_free(watcher->doubts);
	watcher->doubts = NULL;
	pool_jobs_close(watcher);
	free(watcher->pending);
	pool_timers_release(&watcher->timers);
}

void pool_checks_turn(struct pool_watcher *watcher)
{
	forget_troubles(watcher);
	begin_due(watcher);
	pool_engine_turn(watcher->engine, 0);
	settle_doubts(watcher);
	if (watcher->pending_count >= STORE_AT ||
		watcher->store_ns <= watcher->now.boot_ns)
		if (watcher->now.boot_ns >= watcher->state_rest_ns)
			pool_checks_store(watcher);
	watcher->tally.checks_in_flight = (uint32_t)pool_engine_left(watcher->engine);
}

int64_t pool_checks_due_ns(const struct pool_watcher *watcher)
{
	const bool begins = may_begin(watcher);
	/* Nothing that the turn would not do: the loop would spin. */
	const int64_t times[] = {
		pool_engine_due_ns(watcher->engine),
		begins && has_room(watcher) ? pool_timers_next(&watcher->timers)
					    : INT64_MAX,
		begins ? pool_doubts_due_ns(watcher->doubts) : INT64_MAX,
		watcher->store_ns > watcher->state_rest_ns ? watcher->store_ns
							   : watcher->state_rest_ns,
	};
	int64_t due_ns = INT64_MAX;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (times[i] < due_ns)
			due_ns = times[i];
	return due_ns;
}
