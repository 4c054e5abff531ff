/* Views: what is known of the proxies, copied out under the lock. */
#include <stdlib.h>
#include <string.h>
#include "state/session_inner.h"

/* --- numbers of others -------------------------------------------------------- */

/* Times of 70 years and more are none: what is computed of those that are left does not
 * overflow. */
static void tame_time(int64_t *time)
{
	const int64_t farthest = INT64_MAX / 4;

	if (*time > farthest)
		*time = farthest;
	if (*time < -farthest)
		*time = -farthest;
}

static void tame_latency(int64_t *latency_us)
{
	if (*latency_us < 0 || *latency_us > POOL_LONGEST_LATENCY_US)
		*latency_us = 0;
}

/* What was copied is as the file has it, and that may be anything. */
static void tame_records(struct pool_record *records, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct pool_record *record = &records[i];

		tame_time(&record->health.open_until_ns);
		tame_time(&record->health.cool_until_ns);
		tame_time(&record->health.changed_ns);
		tame_time(&record->health.checked_ns);
		tame_time(&record->removed_ns);
		tame_time(&record->checked_wall_s);
		tame_time(&record->selected_wall_s);
		tame_latency(&record->latency_us);
		tame_latency(&record->last_latency_us);
	}
}

static void tame_totals(struct pool_state_leaf *totals, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		tame_time(&totals[i].checked_ns);
		tame_time(&totals[i].checked_wall_s);
	}
}

/* --- one pool ------------------------------------------------------------------- */

int pool_session_view(struct pool_session *session, uint32_t leaf, struct pool_view *view,
	struct pool_fault *fault)
{
	const struct pool_snap_leaf *source = &session->snapshot.leaves[leaf];
	const uint32_t first = source->first_member;
	uint64_t loads = session->loads;
	struct pool_state *state;
	int error;

	*view = (struct pool_view){.leaf = leaf, .count = source->member_count};
	view->records = calloc(view->count + 1, sizeof(*view->records));
	view->held = calloc(view->count + 1, sizeof(*view->held));
	view->budgets = calloc(view->count + 1, sizeof(*view->budgets));
	if (!view->records || !view->held || !view->budgets) {
		pool_view_release(view);
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	}
	pool_clock_get(&view->now);
	error = pool_session_lock(session, &view->now, NULL);
	if (session->loads != loads) {
		pool_view_release(view);
		if (!error)
			pool_session_unlock(session);
		return pool_fault_set(fault, POOL_ESTALE, 0,
			"pool file '%s' changed meanwhile", session->file);
	}
	if (error)
		return 0;
	state = session->state;
	memcpy(view->records, state->records + first,
		view->count * sizeof(*view->records));
	memcpy(view->held, state->counts + first, view->count * sizeof(*view->held));
	if (state->budgets)
		memcpy(view->budgets, state->budgets + first,
			view->count * sizeof(*view->budgets));
	view->totals = state->leaves[leaf];
	view->has_state = true;
	pool_session_unlock(session);
	tame_records(view->records, view->count);
	tame_totals(&view->totals, 1);
	return 0;
}

void pool_view_release(struct pool_view *view)
{
	free(view->records);
	free(view->held);
	free(view->budgets);
	*view = (struct pool_view){0};
}

int64_t pool_view_budget(const struct pool_session *session, const struct pool_view *view,
	uint32_t index, int64_t *ready_ns)
{
	const struct pool_rate rate =
		pool_state_rate(&session->snapshot.leaves[view->leaf]);

	*ready_ns = 0;
	if (!rate.requests || !view->has_state)
		return -1;
	*ready_ns =
		pool_budget_ready_ns(&view->budgets[index], &rate, 1, view->now.boot_ns);
	return pool_budget_left(&view->budgets[index], &rate, view->now.boot_ns);
}

enum pool_status pool_view_status(
	const struct pool_session *session, const struct pool_view *view, uint32_t index)
{
	const struct pool_snap_leaf *leaf = &session->snapshot.leaves[view->leaf];

	if (!session->snapshot.members[leaf->first_member + index].enabled)
		return POOL_STATUS_DISABLED;
	return pool_health_status(&view->records[index].health, view->now.boot_ns);
}

/* --- many at a time ------------------------------------------------------------- */

/* Lock for somebody who goes by the snapshot of before: POOL_ESTALE if it is another. */
static int lock_unchanged(
	struct pool_session *session, struct pool_now *now, struct pool_fault *fault)
{
	const uint64_t id = session->snapshot.id;
	int error = pool_session_lock(session, now, fault);

	if (error || session->snapshot.id == id)
		return error;
	pool_session_unlock(session);
	return pool_fault_set(
		fault, POOL_ESTALE, 0, "pool file '%s' changed meanwhile", session->file);
}

int pool_session_copy_records(struct pool_session *session, uint32_t first,
	uint32_t count, struct pool_record *records, struct pool_now *now,
	struct pool_fault *fault)
{
	int error = lock_unchanged(session, now, fault);

	if (error)
		return error;
	memcpy(records, session->state->records + first, count * sizeof(*records));
	pool_session_unlock(session);
	tame_records(records, count);
	return 0;
}

int pool_session_copy_totals(struct pool_session *session, struct pool_state_leaf *totals,
	struct pool_fault *fault)
{
	struct pool_now now;
	int error = lock_unchanged(session, &now, fault);

	if (error)
		return error;
	memcpy(totals, session->state->leaves,
		session->snapshot.leaf_count * sizeof(*totals));
	pool_session_unlock(session);
	tame_totals(totals, session->snapshot.leaf_count);
	return 0;
}
