/*
 * Inside state/: what those who read, judge and lay out the state file need of each
 * other.
 */
#ifndef POOL_STATE_IMAGE_H
#define POOL_STATE_IMAGE_H

#include "state/state.h"

/*
 * Judge the mapped file and set the pointers into it; restore what the undo slot holds;
 * keep a copy of a corrupt file and forget its content. Fresh and rebuilt files have no
 * image yet.
 *
 * Returns 0, or POOL_EFORMAT, POOL_EFOREIGN.
 */
int pool_image_judge(struct pool_state *state, struct pool_fault *fault);

/* Images begin at multiples of this, and so do their sections. */
enum { POOL_IMAGE_ALIGNMENT = 64 };

/* Set the pointers into the image in force; false if it cannot be one. */
bool pool_image_attach(struct pool_state *state);

/* Whether the image in force has the pools and proxies of <snapshot> where it has them;
 * there may be those of an environment behind them. */
bool pool_image_follows(
	const struct pool_state *state, const struct pool_snapshot *snapshot);

/* Whether the times of the image are of another clock than ours. One that cannot be told
 * (no descriptor left, no /proc) is taken for the same. */
bool pool_image_is_of_other_clock(const struct pool_state *state);

/* Begin a file: a header that is not whole before the first image is put in force. */
void pool_image_begin(struct pool_state *state);

/* Put the image at <offset> of the file in force: one store. */
void pool_image_switch(struct pool_state *state, uint64_t offset);

/* Put back what an update that was cut off has overwritten; false if what the slot holds
 * makes no sense. */
bool pool_undo_repair(struct pool_state *state);
/* Nothing is to be put back. */
void pool_undo_forget(struct pool_state *state);

/* pool_state_peek() on the mapped file. */
bool pool_image_peek(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_snap_leaf *leaf, int64_t now_ns, uint64_t *ready);

/* Make the file at least <length> bytes long, allocated, and map it anew. */
int pool_state_extend(
	struct pool_state *state, uint64_t length, struct pool_fault *fault);

/* Take the lock of the open file, and nothing else: 0, POOL_EBUSY, POOL_ESYSTEM. */
int pool_state_wait(
	struct pool_state *state, int64_t timeout_ms, struct pool_fault *fault);

/* pool_state_extend() of a copy. */
int pool_copy_extend(struct pool_state *state, uint64_t length, struct pool_fault *fault);

/* Copy the file to FILE.corrupt. */
int pool_state_keep_corrupt(const struct pool_state *state);

#endif
