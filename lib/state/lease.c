/* Leases: the table, and their ends. */
#include "state/state.h"

struct pool_owner pool_lease_owner(const struct pool_lease *seen, uint32_t slot)
{
	struct pool_lease lease;

	pool_state_fetch(&lease, seen, sizeof(lease));
	return (struct pool_owner){.lease = lease.id,
		.slot = slot,
		.pid = lease.owner_pid,
		.lock = lease.lock,
		.start = lease.owner_start,
		.space = lease.owner_space};
}

size_t pool_lease_owners(const struct pool_state *state, struct pool_lease_walk *walk,
	struct pool_owner *owners, size_t room)
{
	const uint32_t capacity = state->image->lease_capacity;
	size_t count = 0;

	if (walk->left > capacity)
		walk->left = capacity;
	for (; walk->left && count < room; walk->left--) {
		const uint32_t slot = walk->at++ % capacity;
		struct pool_lease lease;

		pool_state_fetch(&lease, &state->leases[slot], sizeof(lease));
		if (lease.id && lease.owner_pid)
			owners[count++] = pool_lease_owner(&lease, slot);
	}
	return count;
}

/* A slot that became free is the next to be used only where few are: what has ended there
 * is to be remembered for a while. */
static bool is_crowded(const struct pool_state *state)
{
	return state->live->leases_used > state->image->lease_capacity / 4 * 3;
}

/* The part of the image that counts leases. */
static void touch_counts(struct pool_state *state)
{
	pool_state_touch(state, &state->live->leases_used,
		sizeof(*state->live) - POOL_STATE_IMAGE_FIXED);
}

static uint64_t record_count(const struct pool_state *state)
{
	return (uint64_t)state->image->record_count + state->image->orphan_count;
}

void pool_lease_end(struct pool_state *state, uint32_t slot, bool reported,
	const struct pool_now *now)
{
	struct pool_state_image *live = state->live;
	struct pool_lease lease;

	pool_state_fetch(&lease, &state->leases[slot], sizeof(lease));
	pool_state_touch(state, &state->leases[slot], sizeof(lease));
	touch_counts(state);
	if (lease.record < record_count(state)) {
		uint32_t *held = &state->counts[lease.record];

		pool_state_touch(state, held, sizeof(*held));
		if (*held)
			(*held)--;
	}
	if (live->leases_used)
		live->leases_used--;
	if (lease.owner_pid && live->leases_owned)
		live->leases_owned--;
	if (is_crowded(state))
		live->lease_hint = slot;
	lease.last_id = lease.id;
	if (reported)
		lease.flags |= POOL_LEASE_REPORTED;
	lease.id = 0;
	state->leases[slot] = lease;
	pool_state_settle(state, now);
}

/* Whether the slot holds a lease of a record that exists. */
static bool held(const struct pool_state *state, uint32_t slot)
{
	return state->leases[slot].id && state->leases[slot].record < record_count(state);
}

void pool_lease_release_owner(struct pool_state *state, const struct pool_owner *owner,
	const struct pool_now *now)
{
	if (state->image && owner->slot < state->image->lease_capacity &&
		state->leases[owner->slot].id == owner->lease && held(state, owner->slot))
		pool_lease_end(state, owner->slot, false, now);
}

int pool_lease_hold(struct pool_state *state, uint32_t number, const struct pool_now *now,
	struct pool_fault *fault)
{
	const int error = pool_owner_lock(state, number, fault);

	for (uint32_t i = 0; !error && i < state->image->lease_capacity; i++)
		if (state->leases[i].lock == number + 1 && held(state, i))
			pool_lease_end(state, i, false, now);
	return error;
}

/* Whether a person who wants to be rid of what nobody ends means this one too. */
static bool is_left_over(
	const struct pool_state *state, uint32_t slot, uint64_t own_space)
{
	const struct pool_owner owner = pool_lease_owner(&state->leases[slot], slot);

	return owner.pid &&
		(pool_owner_is_unseen(&owner, own_space) ||
			pool_owner_vanished(state, &owner, own_space));
}

uint32_t pool_lease_release_unseen(struct pool_state *state, uint32_t record,
	uint64_t own_space, const struct pool_now *now)
{
	const bool every = record == POOL_EVERY_RECORD;
	uint32_t ended = 0;

	if (!state->image || (!every && !state->counts[record]))
		return 0;
	for (uint32_t i = 0; i < state->image->lease_capacity; i++) {
		if (!held(state, i) || (!every && state->leases[i].record != record) ||
			!is_left_over(state, i, own_space))
			continue;
		pool_lease_end(state, i, false, now);
		ended++;
	}
	return ended;
}

void pool_lease_release(struct pool_state *state, uint64_t id, const struct pool_now *now)
{
	for (uint32_t i = 0; state->image && i < state->image->lease_capacity; i++)
		if (state->leases[i].id == id && held(state, i))
			pool_lease_end(state, i, false, now);
}

void pool_lease_expire(struct pool_state *state, const struct pool_now *now)
{
	int64_t next_ns = INT64_MAX;

	if (!state->image || state->live->next_expiry_ns > now->boot_ns)
		return;
	for (uint32_t i = 0; i < state->image->lease_capacity; i++) {
		const int64_t expires_ns = state->leases[i].expires_ns;

		if (!held(state, i) || !expires_ns)
			continue;
		if (expires_ns <= now->boot_ns)
			pool_lease_end(state, i, false, now);
		else if (expires_ns < next_ns)
			next_ns = expires_ns;
	}
	/* Too early would only cost another pass: no need for the undo slot. */
	state->live->next_expiry_ns = next_ns;
}

uint32_t pool_lease_find(const struct pool_state *state, uint64_t id, bool *ended)
{
	uint32_t left = POOL_NO_SLOT;

	for (uint32_t i = 0; id && i < state->image->lease_capacity; i++) {
		if (state->leases[i].id == id && held(state, i)) {
			*ended = false;
			return i;
		}
		if (!state->leases[i].id && state->leases[i].last_id == id)
			left = i;
	}
	*ended = true;
	return left;
}

uint32_t pool_lease_find_selection(const struct pool_state *state, uint32_t record)
{
	uint32_t oldest = POOL_NO_SLOT;

	for (uint32_t i = 0; state->counts[record] && i < state->image->lease_capacity;
		i++) {
		const struct pool_lease *lease = &state->leases[i];

		if (!lease->id || lease->record != record ||
			!(lease->flags & POOL_LEASE_SELECTION))
			continue;
		if (oldest == POOL_NO_SLOT ||
			lease->began_ns < state->leases[oldest].began_ns)
			oldest = i;
	}
	return oldest;
}

int pool_lease_add(struct pool_state *state, const struct pool_lease *lease)
{
	const uint32_t capacity = state->image->lease_capacity;
	struct pool_state_image *live = state->live;

	if (live->leases_used >= capacity)
		return POOL_ENOMEM;
	for (uint32_t i = 0; i < capacity; i++) {
		uint32_t slot = (uint32_t)((live->lease_hint % capacity + i) % capacity);

		if (state->leases[slot].id)
			continue;
		pool_state_touch(state, &state->leases[slot], sizeof(*lease));
		pool_state_touch(
			state, &state->counts[lease->record], sizeof(*state->counts));
		touch_counts(state);
		state->leases[slot] = *lease;
		state->counts[lease->record]++;
		live->leases_used++;
		live->leases_owned += lease->owner_pid != 0;
		live->lease_hint = (slot + 1) % capacity;
		if (lease->expires_ns && lease->expires_ns < live->next_expiry_ns)
			live->next_expiry_ns = lease->expires_ns;
		return 0;
	}
	return POOL_ENOMEM;
}
