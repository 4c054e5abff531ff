/* Storing check results: by identity, in batches, each under one short lock. */
#include <stdlib.h>
#include "state/image.h"
#include "state/session_inner.h"

enum { BATCH = 64, JITTER_SPAN = 1000001 };

static bool is_of(
	const struct pool_state *state, uint32_t at, const struct pool_outcome *outcome)
{
	return pool_hash_equal(&state->records[at].identity, &outcome->identity) &&
		state->records[at].leaf_key == outcome->leaf_key;
}

/*
 * The record that <outcome> is about: where it was, or wherever an edit has put it. An
 * edit moves whole runs by the same <shift>, which is where the next one is looked for
 * first.
 */
static uint32_t find_record(const struct pool_state *state,
	const struct pool_outcome *outcome, int64_t *shift)
{
	const uint32_t count = state->image->record_count;
	const int64_t likely = outcome->member + *shift;

	if (likely >= 0 && likely < count && is_of(state, (uint32_t)likely, outcome))
		return (uint32_t)likely;
	for (uint32_t at = 0; at < count; at++)
		if (is_of(state, at, outcome)) {
			*shift = (int64_t)at - outcome->member;
			return at;
		}
	return UINT32_MAX;
}

static const struct pool_snap_leaf *leaf_of(
	const struct pool_snapshot *snapshot, uint64_t key, uint32_t *index)
{
	for (uint32_t i = 0; i < snapshot->leaf_count; i++)
		if (snapshot->leaves[i].key == key) {
			*index = i;
			return &snapshot->leaves[i];
		}
	return NULL;
}

void pool_record_add_latency(struct pool_record *record, int64_t latency_us)
{
	const int64_t before_us = record->latency_us;

	if (latency_us > POOL_LONGEST_LATENCY_US)
		latency_us = POOL_LONGEST_LATENCY_US;
	record->last_latency_us = latency_us;
	/* An average that cannot be, in a damaged file, is none. */
	record->latency_us = before_us > 0 && before_us <= POOL_LONGEST_LATENCY_US
		? (before_us * 4 + latency_us) / 5
		: latency_us;
}

static void count_check(struct pool_record *record, const struct pool_outcome *outcome,
	enum pool_verdict verdict, const struct pool_now *now)
{
	record->checks[verdict]++;
	record->checked_wall_s = now->wall_s;
	record->http_status = outcome->http_status;
	if (verdict == POOL_VERDICT_OK)
		pool_record_add_latency(record, outcome->latency_us);
}

void pool_session_note(struct pool_session *session, uint32_t leaf_index, uint32_t at,
	const struct pool_transition *transition, const struct pool_now *now)
{
	struct pool_state *state = session->state;
	struct pool_record *record = &state->records[at];

	if (transition->happened)
		pool_record_change(record,
			&(struct pool_state_transition){.wall_s = (uint32_t)now->wall_s,
				.from = (uint8_t)transition->from,
				.to = (uint8_t)transition->to,
				.reason = (uint8_t)transition->reason});
	state->ready[at] = pool_state_ready_word(&session->snapshot.leaves[leaf_index],
		&session->snapshot.members[at], record,
		state->budgets ? &state->budgets[at] : NULL, now->boot_ns);
}

void pool_session_step(struct pool_session *session, uint32_t leaf_index, uint32_t at,
	const struct pool_evidence *evidence, const struct pool_now *now,
	struct pool_transition *transition)
{
	struct pool_state *state = session->state;
	struct pool_health health;

	pool_state_touch(state, &state->records[at], sizeof(*state->records));
	pool_state_touch(state, &state->ready[at], sizeof(*state->ready));
	pool_state_touch(state, &state->leaves[leaf_index], sizeof(*state->leaves));
	pool_state_fetch(&health, &state->records[at].health, sizeof(health));
	pool_health_step(&session->snapshot.leaves[leaf_index].policy, &health, evidence,
		now->boot_ns, (uint32_t)pool_random_below(&session->random, JITTER_SPAN),
		transition);
	state->records[at].health = health;
	pool_session_note(session, leaf_index, at, transition, now);
}

static void store_one(struct pool_session *session, struct pool_outcome *outcome,
	const struct pool_now *now, int64_t *shift)
{
	struct pool_state *state = session->state;
	enum pool_verdict verdict = pool_reason_get((int)outcome->reason)->verdict;
	const struct pool_evidence evidence = {
		.source = POOL_EVIDENCE_CHECK,
		.reason = outcome->reason,
		.good_layer = outcome->good_layer,
		.began_ns = outcome->began_ns,
		.retry_after_s = outcome->retry_after_s,
	};
	uint32_t leaf_index = 0, at = find_record(state, outcome, shift);
	struct pool_health health;
	const struct pool_snap_leaf *leaf =
		leaf_of(&session->snapshot, outcome->leaf_key, &leaf_index);

	if (at == UINT32_MAX || !leaf || at >= session->snapshot.member_count)
		return;
	pool_session_step(session, leaf_index, at, &evidence, now, &outcome->transition);
	count_check(&state->records[at], outcome, verdict, now);
	if (verdict != POOL_VERDICT_INCONCLUSIVE) {
		state->leaves[leaf_index].checked_ns = now->boot_ns;
		state->leaves[leaf_index].checked_wall_s = now->wall_s;
	}
	pool_state_settle(state, now);
	pool_state_fetch(&health, &state->records[at].health, sizeof(health));
	outcome->status = pool_health_status(&health, now->boot_ns);
	outcome->stored = true;
}

int pool_session_store(struct pool_session *session, struct pool_outcome *outcomes,
	size_t count, struct pool_fault *fault)
{
	int64_t shift = 0;

	for (size_t from = 0; from < count; from += BATCH) {
		size_t end = count - from < BATCH ? count : from + BATCH;
		struct pool_now now;
		int error = pool_session_lock_to_write(session, &now, fault);

		if (error)
			return error;
		for (size_t i = from; i < end; i++)
			store_one(session, &outcomes[i], &now, &shift);
		pool_session_unlock(session);
	}
	return 0;
}
