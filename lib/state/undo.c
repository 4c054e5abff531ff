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
	state->undo_count = state->undo_used = 0;
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

	if (state->undo_count == 0)
		state->undo_used = 0;
	/* A change larger than the slot would be a bug: it stays without protection. */
	if (sizeof(*undo) + state->undo_used + sizeof(entry) + padded(length) >
		POOL_STATE_UNDO_SIZE)
		return;
	memcpy(data + state->undo_used, &entry, sizeof(entry));
	memcpy(data + state->undo_used + sizeof(entry), at, length);
	state->undo_used += sizeof(entry) + padded(length);
	undo->used = state->undo_used;
	/* The kernel hands over the stores of a killed process in the order of its
	 * program: it is the compiler that must not move them. */
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint64_t *)&undo->count = ++state->undo_count;
	atomic_signal_fence(memory_order_seq_cst);
}

void pool_state_settle(struct pool_state *state, const struct pool_now *now)
{
	struct pool_state_undo *undo = undo_slot(state);

	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint64_t *)&undo->count = 0;
	atomic_signal_fence(memory_order_seq_cst);
	state->undo_count = 0;
	if (now) {
		state->live->written_boot_ns = now->boot_ns;
		state->live->written_wall_s = now->wall_s;
	}
}

/* A copy of the slot, which may change while it is read. */
struct slot {
	struct pool_state_undo head;
	char data[POOL_STATE_UNDO_SIZE - sizeof(struct pool_state_undo)];
};

/* No update changes what the checksum of the image in force covers. */
static bool is_of_update(
	const struct pool_state *state, const struct pool_state_undo_entry *entry)
{
	const struct pool_state_header *header = &state->own_header;
	const uint64_t image = pool_image_root(header)->offset;

	return header->version != POOL_STATE_VERSION ||
		entry->offset + entry->length <= image ||
		entry->offset >= image + POOL_STATE_IMAGE_FIXED;
}

/* Put back entry <nth> of <slot>; false if it makes no sense. */
static bool restore(struct pool_state *state, const struct slot *slot, uint64_t nth)
{
	struct pool_state_undo_entry entry;
	size_t at = 0;

	for (uint64_t i = 0;; i++) {
		if (at + sizeof(entry) > sizeof(slot->data))
			return false;
		memcpy(&entry, slot->data + at, sizeof(entry));
		at += sizeof(entry);
		if (entry.length > sizeof(slot->data) - at ||
			entry.offset < POOL_STATE_IMAGES_AT ||
			entry.offset > state->length ||
			entry.length > state->length - entry.offset ||
			!is_of_update(state, &entry))
			return false;
		if (i == nth)
			break;
		at += padded(entry.length);
	}
	memcpy(state->map + entry.offset, slot->data + at, entry.length);
	return true;
}

static void restore_all(struct pool_state *state)
{
	struct slot slot;
	uint64_t count;

	pool_state_fetch(&slot, undo_slot(state), sizeof(slot));
	count = slot.head.count <= sizeof(slot) / sizeof(slot.head) ? slot.head.count : 0;
	/* Newest first, so that what was touched twice gets its oldest bytes back. */
	while (count > 0 && restore(state, &slot, count - 1))
		count--;
}

bool pool_undo_restore(struct pool_state *state)
{
	state->undo_count = state->undo_used = 0;
	if (!state->writable || *(volatile uint64_t *)&undo_slot(state)->count == 0)
		return false;
	restore_all(state);
	return true;
}

bool pool_undo_repair(struct pool_state *state)
{
	if (!pool_undo_restore(state))
		return true;
	/* What was restored may be damaged itself: the image must still be one. */
	if (!pool_image_attach(state))
		return false;
	pool_state_recount(state);
	pool_state_settle(state, NULL);
	return true;
}
