/* Leases of the dead: owners are looked up, and what they held is given back. */
#include "state/selection.h"

enum {
	OWNERS_A_SELECTION = 8,
	OWNERS_A_SWEEP = 1,
	OWNERS_AT_ONCE = 256,
	SLOTS_A_SELECTION = 512,
	LOCKS_TRIED = 16,
	OWNERS_EVERY_MS = 10,
};

uint64_t pool_session_space(struct pool_session *session)
{
	if (!session->asked_space)
		session->pid_space = pool_owner_space();
	session->asked_space = true;
	return session->pid_space;
}

/* A table that was large once has few owners far apart: they are not all looked for. */
static struct pool_lease_walk walk_anywhere(struct pool_session *session)
{
	return (struct pool_lease_walk){
		(uint32_t)pool_random_next(&session->random), SLOTS_A_SELECTION};
}

/* End the lease of an owner whose process is not there any more: quick enough to be
 * asked under the lock. */
static void sweep(struct pool_selection *selection)
{
	struct pool_session *session = selection->session;
	struct pool_lease_walk walk = walk_anywhere(session);
	struct pool_owner owners[OWNERS_A_SWEEP];
	size_t count = pool_lease_owners(selection->state, &walk, owners, OWNERS_A_SWEEP);

	for (size_t i = 0; i < count; i++)
		if (pool_owner_vanished(
			    selection->state, &owners[i], pool_session_space(session)))
			pool_lease_release_owner(
				selection->state, &owners[i], &selection->now);
}

/* Look up <owners> without the lock, and end the leases of those that are gone. */
static int reap_some(struct pool_selection *selection, struct pool_owner *owners,
	size_t count, struct pool_fault *fault)
{
	struct pool_session *session = selection->session;
	const struct pool_state *state = selection->state;
	const uint64_t space = pool_session_space(session);
	size_t gone = 0;
	int error;

	/* Read back as a hint only: no need for the undo slot. */
	selection->state->live->owners_ns = selection->now.boot_ns;
	pool_session_unlock(session);
	for (size_t i = 0; i < count; i++)
		if (pool_owner_gone(state, &owners[i], space))
			owners[gone++] = owners[i];
	error = pool_selection_relock(selection, fault);
	if (error || !selection->state)
		return error;
	for (size_t i = 0; i < gone; i++)
		pool_lease_release_owner(selection->state, &owners[i], &selection->now);
	return 0;
}

/* A few owners, from anywhere in the table. */
static int reap_few(struct pool_selection *selection, struct pool_fault *fault)
{
	struct pool_lease_walk walk = walk_anywhere(selection->session);
	struct pool_owner owners[OWNERS_A_SELECTION];
	size_t count =
		pool_lease_owners(selection->state, &walk, owners, OWNERS_A_SELECTION);

	return count ? reap_some(selection, owners, count, fault) : 0;
}

static int reap_all(struct pool_selection *selection, struct pool_fault *fault)
{
	struct pool_owner owners[OWNERS_AT_ONCE];
	struct pool_lease_walk walk = {0, UINT32_MAX};
	int error = 0;

	while (!error && selection->state) {
		size_t count = pool_lease_owners(
			selection->state, &walk, owners, OWNERS_AT_ONCE);

		if (!count)
			break;
		error = reap_some(selection, owners, count, fault);
	}
	return error;
}

/* Whether owners were looked up only just now, by whomever. */
static bool looked_just_now(const struct pool_selection *selection)
{
	const int64_t now_ns = selection->now.boot_ns;
	const int64_t then_ns = selection->state->live->owners_ns;

	return then_ns <= now_ns && then_ns > now_ns - OWNERS_EVERY_MS * POOL_NS_PER_MS;
}

int pool_selection_end_leases(struct pool_selection *selection, struct pool_fault *fault)
{
	if (!selection->state || !selection->state->writable)
		return 0;
	pool_lease_expire(selection->state, &selection->now);
	if (!selection->state->live->leases_owned)
		return 0;
	selection->looked = looked_just_now(selection);
	if (!selection->looked)
		return reap_few(selection, fault);
	sweep(selection);
	return 0;
}

/* Who looks again and again leaves that to the others while they do it. */
static bool wants_all_owners(const struct pool_selection *selection)
{
	return selection->state && selection->state->writable &&
		selection->state->live->leases_owned > 0 &&
		!(selection->waits && selection->looked);
}

int pool_selection_end_all_leases(
	struct pool_selection *selection, struct pool_fault *fault)
{
	return wants_all_owners(selection) ? reap_all(selection, fault) : POOL_ENONE;
}

int pool_selection_hold(struct pool_selection *selection, struct pool_fault *fault)
{
	int error = selection->state->own_lock ? 0 : POOL_EBUSY;

	for (int i = 0; i < LOCKS_TRIED && error == POOL_EBUSY; i++)
		error = pool_lease_hold(selection->state,
			(uint32_t)pool_random_below(
				&selection->session->random, POOL_OWNER_LOCKS),
			&selection->now, fault);
	return error;
}

bool pool_session_holds(const struct pool_session *session)
{
	return session->state && session->state->own_lock;
}
