/* The undo slot: what an update in progress has overwritten, put back after a kill. */
#include <stdatomic.h>
#include <string.h>
#include "state/image.h"

static struct pool_state_undo *undo_slot(const struct pool_state *state)
{
	return (void *)(state->map + POOL_STATE_UNDO_AT);
}

void pool_undo_forget(struct pool_state *state)
{
	memset(undo_slot(state), 0, sizeof(struct pool_state_undo));
}

static size_t padded(size_t length)
{
	return (length + 7) & ~(size_t)7;
}

void pool_state_touch(struct pool_state *state, const void *at, size_t length)
{
	struct pool_state_undo *undo = undo_slot(state);
	char *data = (char *)(undo + 1);
	struct pool_state_undo_entry entry = {
		(uint64_t)((const char *)at - state->map), length};

	if (undo->count == 0)
		undo->used = 0;
	/* A change larger than the slot would be a bug: it stays without protection. */
	if (sizeof(*undo) + undo->used + sizeof(entry) + padded(length) >
		POOL_STATE_UNDO_SIZE)
		return;
	memcpy(data + undo->used, &entry, sizeof(entry));
	memcpy(data + undo->used + sizeof(entry), at, length);
	undo->used += sizeof(entry) + padded(length);
	/* The kernel hands over the stores of a killed process in the order of its
	 * program: it is the compiler that must not move them. */
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint64_t *)&undo->count = undo->count + 1;
	atomic_signal_fence(memory_order_seq_cst);
}

void pool_state_settle(struct pool_state *state, const struct pool_now *now)
{
	struct pool_state_undo *undo = undo_slot(state);

	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint64_t *)&undo->count = 0;
	atomic_signal_fence(memory_order_seq_cst);
	if (now) {
		state->image->written_boot_ns = now->boot_ns;
		state->image->written_wall_s = now->wall_s;
	}
}

/* Put back entry <nth>; false if the slot makes no sense. */
static bool restore(struct pool_state *state, uint64_t nth)
{
	const struct pool_state_undo *undo = undo_slot(state);
	const char *data = (const char *)(undo + 1);
	const size_t room = POOL_STATE_UNDO_SIZE - sizeof(*undo);
	struct pool_state_undo_entry entry;
	size_t at = 0;

	for (uint64_t i = 0;; i++) {
		if (at + sizeof(entry) > room)
			return false;
		memcpy(&entry, data + at, sizeof(entry));
		at += sizeof(entry);
		if (entry.length > room - at || entry.offset < POOL_STATE_IMAGES_AT ||
			entry.offset > state->length ||
			entry.length > state->length - entry.offset)
			return false;
		if (i == nth)
			break;
		at += padded(entry.length);
	}
	memcpy(state->map + entry.offset, data + at, entry.length);
	return true;
}

bool pool_undo_repair(struct pool_state *state)
{
	struct pool_state_undo *undo = undo_slot(state);

	if (undo->count == 0 || !state->writable)
		return true;
	/* Newest first, so that what was touched twice gets its oldest bytes back. */
	for (uint64_t i = undo->count <= POOL_STATE_UNDO_SIZE / sizeof(*undo)
			? undo->count
			: 0;
		i > 0; i--)
		if (!restore(state, i - 1))
			break;
	/* What was restored may be damaged itself: the image must still be one. */
	if (!pool_image_attach(state))
		return false;
	pool_state_recount(state);
	pool_state_settle(state, NULL);
	return true;
}
