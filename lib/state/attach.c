/* The state of a selection: under its lock, or done without. */
#include <stdlib.h>
#include <string.h>
#include "state/decisions.h"
#include "state/selection.h"

/* --- without ----------------------------------------------------------------------- */

/* Without state: everything enabled is eligible, and strategies that share state are
 * random. */
static int prepare_bare(struct pool_selection *selection, struct pool_fault *fault)
{
	uint32_t count = selection->leaf->member_count;
	int error = pool_session_verify_all(selection->session, fault);

	if (error)
		return error;
	selection->bare_ready = calloc(count + 1, sizeof(*selection->bare_ready));
	selection->bare_weights = calloc(count + 1, sizeof(*selection->bare_weights));
	selection->bare_counts = calloc(count + 1, sizeof(*selection->bare_counts));
	if (!selection->bare_ready || !selection->bare_weights || !selection->bare_counts)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	for (uint32_t i = 0; i < count; i++) {
		selection->bare_weights[i] = selection->members[i].weight_micro;
		if (!selection->members[i].enabled)
			selection->bare_ready[i] = POOL_READY_NEVER;
	}
	return 0;
}

/* Use no proxy that a person disabled, whatever became of the state file. */
static int heed_decisions(struct pool_selection *selection, struct pool_fault *fault)
{
	const struct pool_session *session = selection->session;
	const struct pool_snap_leaf *leaf = selection->leaf;
	struct pool_decisions decisions;

	if (pool_decisions_read(&decisions, session->state_path, session->absolute,
		    &session->snapshot) != 0)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	for (uint32_t i = 0; decisions.used && i < leaf->member_count; i++)
		if (pool_decisions_find(&decisions, &session->snapshot,
			    selection->leaf_index, leaf->first_member + i))
			selection->bare_ready[i] = POOL_READY_NEVER;
	pool_decisions_release(&decisions);
	return 0;
}

static void warn_degraded(struct pool_session *session, const struct pool_fault *fault)
{
	if (session->warned_state)
		return;
	session->warned_state = true;
	pool_session_warn(session, "selecting without shared state: %s", fault->text);
}

/* Somebody holds the lock: what is known of the proxies can be read all the same. */
static void look_without_lock(struct pool_selection *selection)
{
	const struct pool_snap_leaf *leaf = selection->leaf;
	uint64_t *ready = calloc(leaf->member_count + 1, sizeof(*ready));

	if (ready && selection->session->state &&
		pool_state_peek(selection->session->state, &selection->session->snapshot,
			leaf, selection->now.boot_ns, ready))
		memcpy(selection->bare_ready, ready, leaf->member_count * sizeof(*ready));
	free(ready);
}

/* The state cannot be had: select without, unless the caller wants it. */
static int go_without(struct pool_selection *selection, const struct pool_fault *trouble,
	uint64_t loads, struct pool_fault *fault)
{
	struct pool_session *session = selection->session;
	int error;

	selection->state = NULL;
	if (session->require_state || session->spoilt || !session->loaded ||
		trouble->code == POOL_ENOMEM) {
		if (fault)
			*fault = *trouble;
		return trouble->code;
	}
	warn_degraded(session, trouble);
	/* Looking for the reason may have replaced the snapshot that was resolved in. */
	if (session->loads != loads)
		return POOL_ESTALE;
	error = prepare_bare(selection, fault);
	if (!error && trouble->code == POOL_EBUSY)
		look_without_lock(selection);
	return error ? error : heed_decisions(selection, fault);
}

/* --- with -------------------------------------------------------------------------- */

static int refuse_read_only(const struct pool_session *session, struct pool_fault *fault)
{
	return pool_fault_set(fault, POOL_ENOFILE, session->state->denied,
		"state file '%s' cannot be written", session->state_path);
}

/* Lock if that can be; go without otherwise, unless the caller wants it. */
static int lock(struct pool_selection *selection, struct pool_fault *fault)
{
	struct pool_session *session = selection->session;
	const uint64_t loads = session->loads;
	struct pool_fault trouble = {0};

	if (pool_session_lock(session, &selection->now, &trouble) != 0)
		return go_without(selection, &trouble, loads, fault);
	selection->state = session->state;
	/* Another process saw an edit first: what was resolved is no longer true. */
	if (session->loads != loads)
		return POOL_ESTALE;
	if (session->state->writable || !session->require_state)
		return 0;
	return refuse_read_only(session, fault);
}

int pool_selection_attach(struct pool_selection *selection, struct pool_fault *fault)
{
	struct pool_session *session = selection->session;

	if (!session->state_path) {
		if (session->require_state)
			return pool_fault_set(
				fault, POOL_ENOFILE, 0, "there is no state file");
		return prepare_bare(selection, fault);
	}
	return lock(selection, fault);
}

int pool_selection_relock(struct pool_selection *selection, struct pool_fault *fault)
{
	const bool writable = selection->state->writable;
	int error = lock(selection, fault);

	/* Deleted, and made anew by somebody else. */
	if (!error && selection->state && selection->state->writable != writable)
		return POOL_ESTALE;
	return error;
}

void pool_selection_detach(struct pool_selection *selection)
{
	struct pool_session *session = selection->session;
	struct pool_fault trouble = {0};

	if (session->state && session->state->locked)
		pool_session_unlock(session);
	if (!selection->state || selection->state->writable || session->require_state)
		return;
	refuse_read_only(session, &trouble);
	warn_degraded(session, &trouble);
}
