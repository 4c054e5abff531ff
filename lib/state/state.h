/*
 * The state file: opened, locked, mapped, repaired.
 *
 *	pool_state_open(&state, path, pool_file, &fault);
 *	pool_state_lock(state, 1000, &fault);
 *	pool_state_follow(state, snapshot, &now, &fault);    now the layout is its own
 *	... read; pool_state_touch() before each change ...
 *	pool_state_settle(state, &now);                      the change is whole
 *	pool_state_unlock(state);
 *	pool_state_free(state);
 *
 * The lock is exclusive, held for microseconds and never across I/O on anything else. A
 * process killed between any two stores loses at most the change it had not settled.
 *
 * Not promised: a state over a network file system (refused), or durability over a power
 * loss.
 */
#ifndef POOL_STATE_STATE_H
#define POOL_STATE_STATE_H

#include <stdatomic.h>
#include <string.h>
#include "base/clock.h"
#include "state/layout.h"
#include "state/presence.h"
#include "state/snapshot.h"

struct pool_state {
	int fd;            /* -1: a copy, see pool_state_read() */
	int ask_fd;        /* by which the kernel is asked who locks a byte; -1: none */
	uint32_t own_lock; /* 1 + the number of the byte that we lock; 0: none */
	bool writable;
	int denied; /* errno: why it is not */
	bool locked;
	char *path;
	char *pool_file;
	char *map;
	size_t length; /* of the mapping: never more than is believed of any file */
	struct pool_guard *guard; /* or NULL */
	int mended;               /* that many of the guard's were before this mapping */
	bool was_cut; /* the file was cut short while it was mapped and locked */
	uint64_t clock_id;
	bool was_corrupt; /* a corrupt file was rebuilt since it was opened */
	bool kept_copy;   /* and copied before */
	bool unlocked;    /* a copy that was read while another process had the lock */
	const char *exposure; /* of a copy: how others can change its file, by which
				 nobody selects then; NULL: they cannot */
	bool swept;           /* a copy without the leases that have ended */
	/* Changes in the undo slot that are not settled, and their bytes: counted here,
	 * for those in the file may be anything. */
	uint64_t undo_count;
	uint64_t undo_used;
	/* Of the second copy of what persons decided, when it was needed last: errno of
	 * reading it, and whether a part of it could not be understood. */
	int second_trouble;
	bool second_foreign;
	bool begins_anew; /* what is no state file, or has a broken header, is one that is
			     corrupt: a person wants it so */
	bool was_mended;  /* a damaged record was set right since it was opened */
	char *former; /* the image of a file of an earlier version, made one of ours in
			 memory; or NULL */
	/* What the file says of itself, copied when the lock was taken and judged in the
	 * copy. Valid while locked, NULL while there is no image: */
	const struct pool_state_header *header;
	const struct pool_state_image *image;
	/* The file itself, where its image says that things are: whoever can write the
	 * file can change them at any moment. What is to lead anywhere is fetched first,
	 * see pool_state_fetch(). */
	struct pool_state_image *live; /* what is in it below POOL_STATE_IMAGE_FIXED */
	struct pool_state_leaf *leaves;
	uint64_t *ready;
	uint32_t *weights;
	uint32_t *counts; /* leases held, derived from the table */
	double *finishes;
	struct pool_budget *budgets;     /* NULL: no pool has any */
	struct pool_decision *decisions; /* NULL: nobody made any */
	struct pool_record *records;
	struct pool_lease *leases;
	struct pool_state_header own_header; /* what header points to */
	struct pool_state_image own_image;   /* and image */
};

/*
 * Copy <length> bytes of the file at <from>, and use the copy: it cannot become another
 * one between the check of a value and its use, as the compiler may not look at <from>
 * again.
 */
static inline void pool_state_fetch(void *to, const void *from, size_t length)
{
	memcpy(to, from, length);
	atomic_signal_fence(memory_order_seq_cst);
}

/*
 * The state file for <pool_file> in folder or file <where>.
 *
 * <where>  ends in "/" or is a folder: the file in it is named after the pool file and a
 * hash of its absolute path; else it is the file
 *
 * Returns its path, free() it; NULL when out of memory.
 */
char *pool_state_path(const char *where, const char *pool_file);

/*
 * The absolute path of <file>: "." and ".." removed, symbolic links not followed in its
 * last part. free() it. NULL when out of memory or the working directory is gone.
 */
char *pool_state_absolute(const char *file);

/* Whether the folder of <path> is one that a group shares: setgid, and the group may
 * write. */
bool pool_state_is_shared(const char *path);

/*
 * Whether the state and the snapshot may be in the folder of <path>: every folder from
 * there up to the root must be safe.
 *
 * Returns 0, or: POOL_EUNSAFE  others could put files into one
 *                POOL_ENOFILE  there is none
 *                POOL_ENOMEM
 */
int pool_state_check_folders(const char *path, struct pool_fault *fault);

/*
 * Opens or creates the state file at <path>.
 *
 * <pool_file>  absolute path of the pool file it belongs to
 *
 * A file that can only be read is opened for reading: see writable.
 *
 * Returns 0, or: POOL_EUNSAFE  others can write it or its folder, or it is on a network
 *                POOL_ENOFILE  it cannot be opened or made
 *                POOL_ENOMEM
 */
int pool_state_open(struct pool_state **out, const char *path, const char *pool_file,
	struct pool_fault *fault);
/* The same, where pool_state_check_folders() has just found the folders of <path> safe.
 */
int pool_state_open_checked(struct pool_state **out, const char *path,
	const char *pool_file, struct pool_fault *fault);
void pool_state_free(struct pool_state *state);

/*
 * Read the state file into memory, under its lock if that is to be had within
 * <timeout_ms>, else as it is (unlocked is set, and <fault> says who has it). Everything
 * that can be done to a state can be done to such a copy, and nothing of it reaches the
 * file: pool_image_judge() takes the part of the lock. Whose file or folder it is does
 * not matter, for nothing is believed but what is checked.
 *
 * Returns 0, or: POOL_ENOFILE  there is none, or it cannot be opened
 *                POOL_EFORMAT, POOL_EFOREIGN  as pool_state_lock(); or it is corrupt
 *                POOL_EBUSY  read without the lock, it is not whole
 *                POOL_ESYSTEM, POOL_ENOMEM
 */
int pool_state_read(struct pool_state **out, const char *path, const char *pool_file,
	int64_t timeout_ms, struct pool_fault *fault);

/* End the leases of a copy whose time is over or whose owner is gone. */
void pool_copy_sweep(struct pool_state *state, const struct pool_now *now);

/*
 * Take the lock, map the file, judge it, undo what a killed process left.
 *
 * Returns 0, or: POOL_EBUSY     not within <timeout_ms>; the fault names the holder,
 *                               where it is known
 *                POOL_EFORMAT   not a state file, or of a later version or
 *                               another layout: untouched
 *                POOL_EFOREIGN  of another pool file: untouched
 *                POOL_ESYSTEM
 */
int pool_state_lock(
	struct pool_state *state, int64_t timeout_ms, struct pool_fault *fault);
void pool_state_unlock(struct pool_state *state);

/*
 * Copy the ready words of <leaf> without the lock, if the layout is the snapshot's. Each
 * word is whole; together they may be of different moments. Who is cooling, disabled or
 * at a limit at <now_ns> is never ready: not even a fallback may use it.
 *
 * Returns false, and <ready> undefined, if nothing can be believed.
 */
bool pool_state_peek(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_snap_leaf *leaf, int64_t now_ns, uint64_t *ready);

/* Whether pool_state_follow() has nothing to do. */
bool pool_state_is_current(
	const struct pool_state *state, const struct pool_snapshot *snapshot);

/*
 * Make the layout the snapshot's, while locked: nothing to do if it is already; else
 * records are carried over by identity, and deadlines of another clock are converted.
 *
 * Returns 0, or POOL_ESYSTEM (disk full), POOL_ENOMEM, POOL_EFORMAT (no image, and
 * read-only).
 */
int pool_state_follow(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_now *now, struct pool_fault *fault);

/* As follow, with room for at least <leases> leases. */
int pool_state_grow_leases(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_now *now, uint32_t leases, struct pool_fault *fault);

/* As follow, with room for decisions. */
int pool_state_want_decisions(struct pool_state *state,
	const struct pool_snapshot *snapshot, const struct pool_now *now,
	struct pool_fault *fault);

/* Save <length> bytes at <at> in the undo slot: call it before changing them. */
void pool_state_touch(struct pool_state *state, const void *at, size_t length);
/* What was touched and changed stays. */
void pool_state_settle(struct pool_state *state, const struct pool_now *now);

/*
 * The ready word of a record, from its health, the snapshot, and what it has left.
 *
 * <budget>  NULL: it has none
 */
uint64_t pool_state_ready_word(const struct pool_snap_leaf *leaf,
	const struct pool_snap_member *member, const struct pool_record *record,
	const struct pool_budget *budget, int64_t now_ns);

/* Whether a proxy that is <held> may be leased once more. */
bool pool_state_below_limit(const struct pool_snap_leaf *leaf,
	const struct pool_snap_member *member, uint32_t held);

/* The budget that each proxy of a pool has. */
struct pool_rate pool_state_rate(const struct pool_snap_leaf *leaf);

/* Counts derived from the lease table, set right again; while locked. */
void pool_state_recount(struct pool_state *state);

/*
 * Whether everything in the file holds together, while locked. Fills <fault> with the
 * first thing that does not.
 *
 * Returns 0 or POOL_EFORMAT.
 */
int pool_state_verify(const struct pool_state *state, struct pool_fault *fault);

/* --- leases --------------------------------------------------------------------- */

/* A walk through the lease table, around its end; left: UINT32_MAX for all of it. */
struct pool_lease_walk {
	uint32_t at;
	uint32_t left; /* slots */
};

struct pool_owner pool_lease_owner(const struct pool_lease *seen, uint32_t slot);

/* Copy up to <room> owners out of the slots of <walk>, which goes on behind them. Returns
 * how many; 0: there are no more. */
size_t pool_lease_owners(const struct pool_state *state, struct pool_lease_walk *walk,
	struct pool_owner *owners, size_t room);

/* End leases, while locked: that of a dead owner, if it is still the one seen; <id>;
 * that of a slot, by a report or not; those out of time. */
void pool_lease_release_owner(struct pool_state *state, const struct pool_owner *owner,
	const struct pool_now *now);
void pool_lease_release(
	struct pool_state *state, uint64_t id, const struct pool_now *now);
void pool_lease_end(struct pool_state *state, uint32_t slot, bool reported,
	const struct pool_now *now);
void pool_lease_expire(struct pool_state *state, const struct pool_now *now);

/* Of a lease whose owner others cannot see end, and of which nothing else is said. */
enum { POOL_UNSEEN_TTL_MS = 3600000 };

#define POOL_NO_SLOT UINT32_MAX

/*
 * The slot of lease <id>, or of what is left of it if it <ended>; POOL_NO_SLOT if it is
 * not known (any more).
 */
uint32_t pool_lease_find(const struct pool_state *state, uint64_t id, bool *ended);

/* The slot of the oldest lease that a plain selection of <record> took, or POOL_NO_SLOT.
 */
uint32_t pool_lease_find_selection(const struct pool_state *state, uint32_t record);

/*
 * While locked: lock byte <number> as the owner of leases to come, and end those that
 * name it, whose owner must be dead.
 *
 * Returns 0, or as pool_owner_lock().
 */
int pool_lease_hold(struct pool_state *state, uint32_t number, const struct pool_now *now,
	struct pool_fault *fault);

#define POOL_EVERY_RECORD UINT32_MAX

/* While locked, for a person: end the leases of <record> whose owner has vanished or can
 * not be looked up from here. Returns how many. */
uint32_t pool_lease_release_unseen(struct pool_state *state, uint32_t record,
	uint64_t own_space, const struct pool_now *now);

/*
 * Put <lease> (its id not 0) into the table, within an update of the caller's.
 *
 * Returns 0, or POOL_ENOMEM: the table is full, see pool_state_grow_leases().
 */
int pool_lease_add(struct pool_state *state, const struct pool_lease *lease);

#endif
