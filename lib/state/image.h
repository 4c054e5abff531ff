/*
 * Inside state/: what file.c and image.c need of each other.
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
