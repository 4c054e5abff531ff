/*
 * What the state file shows: looked at each second, and at once after something of ours
 * has changed it.
 *
 * Transitions are told from the rings of the records, whoever caused them; those that
 * follow from time alone (an open time or a rest that is over) when they are first seen.
 * A ring keeps the last few: of more than that between two looks the oldest are lost.
 */
#include <stdlib.h>
#include <string.h>
#include "watch/watcher_inner.h"

enum {
	LOOK_MS = 1000,
	SLICES = 16, /* in one turn */
};

int pool_sight_open(struct pool_watcher *watcher, struct pool_fault *fault)
{
	watcher->slice = calloc(POOL_SIGHT_SLICE, sizeof(*watcher->slice));
	if (watcher->slice)
		return 0;
	return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
}

void pool_sight_close(struct pool_watcher *watcher)
{
	free(watcher->slice);
	free(watcher->pools);
}

/* --- pools ---------------------------------------------------------------------- */

int pool_sight_follow(struct pool_watcher *watcher)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(watcher->session);
	struct pool_watcher_pool *pools =
		calloc(snapshot->leaf_count + 1, sizeof(*pools));

	if (!pools)
		return POOL_ENOMEM;
	for (uint32_t i = 0; i < snapshot->leaf_count; i++) {
		pools[i].key = snapshot->leaves[i].key;
		for (uint32_t j = 0; j < watcher->pool_count; j++)
			if (watcher->pools[j].key == pools[i].key)
				pools[i] = watcher->pools[j];
		pools[i].watched = false;
	}
	for (uint32_t i = 0; i < watcher->plan.leaf_count; i++)
		pools[watcher->plan.leaves[i]].watched = true;
	free(watcher->pools);
	watcher->pools = pools;
	watcher->pool_count = snapshot->leaf_count;
	watcher->looking = false;
	watcher->look_ns = 0;
	return 0;
}

static enum pool_level level_of(
	const struct pool_watcher *watcher, const struct pool_watcher_counts *counts)
{
	if (!counts->listed)
		return POOL_IS_FINE;
	if (!counts->eligible)
		return POOL_IS_EXHAUSTED;
	return counts->eligible <
			pool_quorum_need(&watcher->options.quorum, counts->enabled)
		? POOL_IS_DEGRADED
		: POOL_IS_FINE;
}

static void tell_level(struct pool_watcher *watcher, uint32_t leaf)
{
	static const enum pool_event_kind kinds[] = {
		[POOL_IS_FINE] = POOL_EVENT_RECOVERED,
		[POOL_IS_DEGRADED] = POOL_EVENT_DEGRADED,
		[POOL_IS_EXHAUSTED] = POOL_EVENT_EXHAUSTED,
	};
	const struct pool_watcher_pool *pool = &watcher->pools[leaf];
	struct pool_event event;

	pool_watcher_begin_event(watcher, &event, kinds[pool->level]);
	pool_watcher_name_pool(watcher, &event, leaf);
	event.eligible = pool->seen_counts.eligible;
	/* Where a person has disabled them all, all are missing. */
	event.total = pool->seen_counts.enabled ? pool->seen_counts.enabled
						: pool->seen_counts.listed;
	pool_watcher_tell(watcher, &event);
}

/* What was counted in a whole look holds until the next. */
static void take_counts(struct pool_watcher *watcher)
{
	for (uint32_t i = 0; i < watcher->pool_count; i++)
		watcher->pools[i].seen_counts = watcher->pools[i].counts;
}

static void judge_pools(struct pool_watcher *watcher)
{
	for (uint32_t i = 0; i < watcher->pool_count; i++) {
		struct pool_watcher_pool *pool = &watcher->pools[i];
		enum pool_level level = level_of(watcher, &pool->seen_counts);

		if (!pool->watched || level == pool->level)
			continue;
		pool->level = level;
		tell_level(watcher, i);
	}
}

/* Selections that got a proxy that was not eligible. */
static void look_at_panics(struct pool_watcher *watcher)
{
	struct pool_state_leaf *totals = calloc(watcher->pool_count + 1, sizeof(*totals));
	struct pool_event event;

	if (!totals || pool_session_copy_totals(watcher->session, totals, NULL) != 0) {
		free(totals);
		return;
	}
	for (uint32_t i = 0; i < watcher->pool_count; i++) {
		struct pool_watcher_pool *pool = &watcher->pools[i];
		uint64_t before = pool->panics;

		pool->panics = totals[i].panics;
		if (pool->watched && pool->seen && totals[i].panics > before) {
			pool_watcher_begin_event(watcher, &event, POOL_EVENT_PANIC);
			pool_watcher_name_pool(watcher, &event, i);
			event.count = (int64_t)(totals[i].panics - before);
			pool_watcher_tell(watcher, &event);
		}
		pool->seen = true;
	}
	free(totals);
}

/* --- proxies -------------------------------------------------------------------- */

static void tell_transition(struct pool_watcher *watcher, uint32_t at,
	const struct pool_state_transition *transition, const struct pool_record *record)
{
	const struct pool_reason_row *row = pool_reason_get(transition->reason);
	struct pool_event event;

	pool_watcher_begin_event(watcher, &event, POOL_EVENT_TRANSITION);
	pool_watcher_name_member(watcher, &event, at);
	event.wall_s = transition->wall_s;
	event.from = transition->from;
	event.to = transition->to;
	event.level = pool_event_level(&event);
	event.reason = (enum pool_reason)transition->reason;
	if (row->verdict == POOL_VERDICT_OK && record->last_latency_us)
		event.latency_us = record->last_latency_us;
	if (transition->to == POOL_STATUS_COOLING)
		pool_tally_note_cooldown(&watcher->tally, at);
	pool_watcher_tell(watcher, &event);
}

/* What follows from time alone is between two that were stored. */
static void tell_passing(struct pool_watcher *watcher, uint32_t at, enum pool_status to,
	const struct pool_record *record, int64_t wall_s)
{
	const struct pool_plan_member *member = &watcher->plan.members[at];
	const struct pool_state_transition passing = {
		.wall_s = (uint32_t)wall_s,
		.from = member->status,
		.to = (uint8_t)to,
		.reason = POOL_REASON_NONE,
	};

	tell_transition(watcher, at, &passing, record);
}

/* Those that were stored since the last look. */
static void tell_stored(
	struct pool_watcher *watcher, uint32_t at, const struct pool_record *record)
{
	struct pool_plan_member *member = &watcher->plan.members[at];
	uint32_t new = record->transition_count - member->transitions;

	/* Begun anew: the state file is another one, or the record had to be mended. */
	if (record->transition_count < member->transitions)
		new = record->transition_count;
	if (new > POOL_TRANSITIONS_KEPT)
		new = POOL_TRANSITIONS_KEPT;
	for (uint32_t i = record->transition_count - new; i != record->transition_count;
		i++) {
		const struct pool_state_transition *transition =
			&record->transitions[i % POOL_TRANSITIONS_KEPT];

		if (transition->from >= POOL_STATUSES || transition->to >= POOL_STATUSES)
			continue;
		if (transition->from != member->status)
			tell_passing(watcher, at, (enum pool_status)transition->from,
				record, transition->wall_s);
		tell_transition(watcher, at, transition, record);
		member->status = transition->to;
	}
}

/* Go back to before what nobody has told yet. */
static void rewind_to_told(struct pool_watcher *watcher, struct pool_plan_member *member,
	const struct pool_record *record)
{
	uint32_t kept = record->transition_count < POOL_TRANSITIONS_KEPT
		? record->transition_count
		: POOL_TRANSITIONS_KEPT;

	while (watcher->options.told_until_s && kept--) {
		const struct pool_state_transition *transition =
			&record->transitions[(member->transitions - 1) %
				POOL_TRANSITIONS_KEPT];

		if (transition->wall_s <= watcher->options.told_until_s ||
			transition->from >= POOL_STATUSES)
			return;
		member->transitions--;
		member->status = transition->from;
	}
}

/* How it is when it is seen first is nothing to tell. */
static void see_first(struct pool_watcher *watcher, struct pool_plan_member *member,
	const struct pool_record *record, enum pool_status status)
{
	member->seen = true;
	member->status = (uint8_t)status;
	member->changed_ns = record->health.changed_ns;
	member->transitions = record->transition_count;
	rewind_to_told(watcher, member, record);
}

static void see_again(struct pool_watcher *watcher, uint32_t at,
	const struct pool_record *record, enum pool_status status,
	const struct pool_now *now)
{
	struct pool_plan_member *member = &watcher->plan.members[at];
	bool changed = record->transition_count != member->transitions;

	if (changed)
		tell_stored(watcher, at, record);
	if (status != member->status) {
		tell_passing(watcher, at, status, record, now->wall_s);
		member->status = (uint8_t)status;
		changed = true;
	}
	member->transitions = record->transition_count;
	if (!changed)
		return;
	member->changed_ns = now->boot_ns;
	pool_checks_hurry(watcher, at);
}

static void see(struct pool_watcher *watcher, uint32_t at,
	const struct pool_record *record, const struct pool_now *now)
{
	struct pool_plan_member *member = &watcher->plan.members[at];
	enum pool_status status = pool_health_status(&record->health, now->boot_ns);

	if (member->seen)
		see_again(watcher, at, record, status, now);
	else
		see_first(watcher, member, record, status);
	if (record->health.checked_ns > member->checked_ns) {
		member->checked_ns = record->health.checked_ns;
		pool_checks_postpone(watcher, at, member->checked_ns);
	}
}

static void count(
	struct pool_watcher *watcher, uint32_t at, const struct pool_record *record)
{
	const struct pool_plan_member *member = &watcher->plan.members[at];
	struct pool_watcher_counts *counts = &watcher->pools[member->leaf].counts;

	counts->listed++;
	if (member->status == POOL_STATUS_DISABLED)
		return;
	counts->enabled++;
	counts->healthy += member->status == POOL_STATUS_HEALTHY;
	counts->eligible += member->status != POOL_STATUS_UNHEALTHY &&
		member->status != POOL_STATUS_COOLING &&
		!pool_health_lacks_secret(&record->health);
}

/* --- looking -------------------------------------------------------------------- */

static void begin_look(struct pool_watcher *watcher)
{
	watcher->looking = true;
	watcher->look_at = 0;
	for (uint32_t i = 0; i < watcher->pool_count; i++)
		watcher->pools[i].counts = (struct pool_watcher_counts){0};
}

static void end_look(struct pool_watcher *watcher)
{
	watcher->looking = false;
	watcher->look_ns = watcher->now.boot_ns + LOOK_MS * POOL_NS_PER_MS;
	take_counts(watcher);
	judge_pools(watcher);
	look_at_panics(watcher);
}

/* One slice; an error ends the look. */
static int look_at_slice(struct pool_watcher *watcher, struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(watcher->session);
	uint32_t first = watcher->look_at, length = watcher->plan.member_count - first;
	struct pool_now now;
	int error;

	if (snapshot->id != watcher->plan.snapshot_id)
		return POOL_ESTALE;
	if (length > POOL_SIGHT_SLICE)
		length = POOL_SIGHT_SLICE;
	error = pool_session_copy_records(
		watcher->session, first, length, watcher->slice, &now, fault);
	if (error)
		return error;
	snapshot = pool_session_snapshot(watcher->session);
	for (uint32_t i = 0; i < length; i++) {
		const struct pool_plan_member *member = &watcher->plan.members[first + i];

		if (!member->leaf_key || !snapshot->members[first + i].enabled)
			continue;
		see(watcher, first + i, &watcher->slice[i], &now);
		count(watcher, first + i, &watcher->slice[i]);
	}
	watcher->look_at += length;
	return 0;
}

static void give_up_look(struct pool_watcher *watcher, const struct pool_fault *fault)
{
	watcher->looking = false;
	watcher->look_ns = watcher->now.boot_ns + LOOK_MS * POOL_NS_PER_MS;
	/* An edit is no trouble: there is a new plan at once. */
	if (fault->code && fault->code != POOL_ESTALE)
		pool_watcher_note_state(watcher, fault);
}

void pool_sight_turn(struct pool_watcher *watcher)
{
	struct pool_fault fault = {0};

	if (watcher->now.boot_ns < watcher->state_rest_ns ||
		(!watcher->looking && watcher->now.boot_ns < watcher->look_ns))
		return;
	if (pool_session_snapshot(watcher->session)->id != watcher->plan.snapshot_id) {
		give_up_look(watcher, &fault);
		return;
	}
	if (!watcher->looking)
		begin_look(watcher);
	for (int i = 0; i < SLICES && watcher->look_at < watcher->plan.member_count; i++)
		if (look_at_slice(watcher, &fault) != 0) {
			give_up_look(watcher, &fault);
			return;
		}
	if (watcher->look_at >= watcher->plan.member_count)
		end_look(watcher);
}

int64_t pool_sight_due_ns(const struct pool_watcher *watcher)
{
	int64_t due_ns = watcher->looking ? 0 : watcher->look_ns;

	return due_ns > watcher->state_rest_ns ? due_ns : watcher->state_rest_ns;
}

int pool_sight_begin(struct pool_watcher *watcher, struct pool_fault *fault)
{
	int error = 0;

	begin_look(watcher);
	while (!error && watcher->look_at < watcher->plan.member_count)
		error = look_at_slice(watcher, fault);
	watcher->looking = false;
	take_counts(watcher);
	/* Proxies that an edit adds have no past that matters. */
	if (!error)
		watcher->options.told_until_s = 0;
	return error;
}
