/* Leases: the table, their owners, their ends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "state/state.h"

enum presence { PRESENT, ZOMBIE, UNKNOWN };

/* Field 22 of /proc/PID/stat; the fields are counted behind the name, which may hold
 * anything. */
static enum presence look_up(int32_t pid, uint64_t *start)
{
	char path[32], text[1024], *at;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return UNKNOWN;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return UNKNOWN;
	text[length] = '\0';
	at = strrchr(text, ')');
	/* A zombie holds nothing any more. */
	if (at && (at[2] == 'Z' || at[2] == 'X'))
		return ZOMBIE;
	at = at ? at + 2 : NULL;
	for (int field = 3; field < 22 && at; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return UNKNOWN;
	*start = strtoull(at, NULL, 10);
	return PRESENT;
}

uint64_t pool_owner_space(void)
{
	struct stat status;

	return stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

bool pool_owner_look_up(int32_t pid, uint64_t *start, uint64_t *space)
{
	if (pid <= 0 || look_up(pid, start) != PRESENT)
		return false;
	*space = pool_owner_space();
	return true;
}

bool pool_owner_vanished(const struct pool_owner *owner, uint64_t own_space)
{
	return owner->space == own_space && kill(owner->pid, 0) != 0 && errno == ESRCH;
}

bool pool_owner_gone(const struct pool_owner *owner, uint64_t own_space)
{
	uint64_t start;

	if (owner->space != own_space)
		return false;
	if (pool_owner_vanished(owner, own_space))
		return true;
	switch (look_up(owner->pid, &start)) {
	case PRESENT:
		/* Another start time is another process with the same number. */
		return start != owner->start;
	case ZOMBIE:
		return true;
	case UNKNOWN:
		/* Hidden from us, or no descriptor left to look: it is there by kill().
		 */
		break;
	}
	return false;
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
			owners[count++] = (struct pool_owner){lease.id, slot,
				lease.owner_pid, lease.owner_start, lease.owner_space};
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
