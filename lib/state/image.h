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

/* Append a section of <count> times <size> bytes to an image that ends at <end>. Returns
 * where it begins. */
uint64_t pool_image_append(uint64_t *end, uint64_t count, uint64_t size);

/* Whether a section of <count> times <size> bytes at <at> lies in an image of <length>
 * bytes, behind its header of <header> bytes. */
bool pool_image_holds(
	uint64_t length, size_t header, uint64_t at, uint64_t count, uint64_t size);

/* Copy the image in force, as the copied header has it, and set the pointers into it;
 * false if it cannot be one. */
bool pool_image_attach(struct pool_state *state);
/* Take the pointers back, and what was made of a former file. */
void pool_image_forget(struct pool_state *state);

/* Where <header>, one of our version, has the image in force; unchecked. */
const struct pool_state_root *pool_image_root(const struct pool_state_header *header);

/* Set the pointers anew after the mapping has moved; false if it is too short. */
bool pool_image_place(struct pool_state *state);

/* Whether the image in force has the pools and proxies of <snapshot> where it has them;
 * there may be those of an environment behind them. */
bool pool_image_follows(
	const struct pool_state *state, const struct pool_snapshot *snapshot);

/* Whether the times of the image are of another clock than ours. One that cannot be told
 * (no descriptor left, no /proc) is taken for the same. */
bool pool_image_is_of_other_clock(const struct pool_state *state);

/* Begin a file: a header that is not whole before the first image is put in force. */
void pool_image_begin(struct pool_state *state);

/* Count its leases, and put the image at <offset> of the file, whose header is <image>,
 * in force: one store. False if the file is too short for it. */
bool pool_image_switch(
	struct pool_state *state, uint64_t offset, const struct pool_state_image *image);

/* Put back what an update that was cut off has overwritten; false if what the slot holds
 * makes no sense. */
bool pool_undo_repair(struct pool_state *state);
/* The same for a file of any version, but for what follows from it: whether anything was
 * put back. The slot is still to be settled. */
bool pool_undo_restore(struct pool_state *state);
/* Nothing is to be put back. */
void pool_undo_forget(struct pool_state *state);

/* Set the seal of <record>, after each change of identity, leaf_key or admin_disabled: it
 * tells that damage has changed whose record it is, or whether a person disabled its
 * proxy. Anybody can compute it; it is against accidents. */
void pool_record_seal(struct pool_record *record);
bool pool_record_is_sealed(const struct pool_record *record);

/*
 * Add a transition to the ring, and to the flap damping of health/flap.h, by wall time,
 * which is that of the ring: <flap> holds the penalty at the newest transition, in
 * thousandths, and whether the proxy flaps, in the highest bit.
 */
void pool_record_change(
	struct pool_record *record, const struct pool_state_transition *transition);

/* pool_state_peek() on the mapped file. */
bool pool_image_peek(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_snap_leaf *leaf, int64_t now_ns, uint64_t *ready);

/* Twice what a million proxies need: no image lies beyond this. */
#define POOL_STATE_LENGTH_MAX (UINT64_C(1) << 30)

struct stat;

/* As much of a file as may be looked at, however long somebody has made it. */
size_t pool_state_usable_length(const struct stat *status);

/* The mapping that <guard> (may be NULL) watches is another one now; NULL: none. */
void pool_guard_watch(struct pool_guard *guard, const void *map, size_t length);

/* Make the file at least <length> bytes long, allocated, and map it anew. */
int pool_state_extend(
	struct pool_state *state, uint64_t length, struct pool_fault *fault);

/* Whether an open file is one that a state may be in: 0, POOL_EUNSAFE, POOL_EFORMAT,
 * POOL_ESYSTEM. */
int pool_state_check_file(int fd, const char *path, struct pool_fault *fault);
/* How others could change a file of this status: "everybody can write it (chmod o-w it)".
 * NULL: they cannot, unless they are its owner or of its group. */
const char *pool_state_find_exposure(const struct stat *status);
/* Say that <what> could not be opened with O_NOFOLLOW, by the errno <error>; <code>. */
int pool_state_tell_open(const char *what, const char *path, int code, int error,
	struct pool_fault *fault);
/* One that was made is the group's where the folder is. */
void pool_state_share_file(int fd, const char *path);

/* Take the lock of the open file, and nothing else: 0, POOL_EBUSY, POOL_ESYSTEM. */
int pool_state_wait(
	struct pool_state *state, int64_t timeout_ms, struct pool_fault *fault);

/* pool_state_extend() of a copy. */
int pool_copy_extend(struct pool_state *state, uint64_t length, struct pool_fault *fault);

/*
 * Copy the file to FILE.corrupt, behind a line that says what it is: whatever others
 * write into the file meanwhile, the copy is no file that any tool believes. Its first
 * megabytes only, where somebody has made it longer than a state ever is.
 *
 * Returns 0, or POOL_ESYSTEM, with errno.
 */
int pool_state_keep_corrupt(const struct pool_state *state);

#endif
