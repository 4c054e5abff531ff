/*
 * What is left of pool files that are gone: states, their snapshots, which may hold
 * passwords, and the files beside them; listed and removed.
 *
 * A state is known by its own name, which a hash of the pool file's path is in, and by
 * that path in its header: both must say the same. Nothing else is touched. It is removed
 * under its lock, if no pool-watch holds it, and last of its files, so that what a killed
 * process leaves can be found again. Whoever can write the file cannot make another pool
 * file's state look forsaken: that takes a path with the same hash.
 *
 * Not promised: that a pool file which is missing will stay so. One on a disk that is not
 * mounted now is gone as well.
 */
#ifndef POOL_STATE_PRUNE_H
#define POOL_STATE_PRUNE_H

#include "pool.h"

enum pool_pruned_as {
	POOL_PRUNED,        /* removed, or would be */
	POOL_PRUNE_IN_USE,  /* left: locked, or watched */
	POOL_PRUNE_UNKNOWN, /* left: named like a state's file, but nothing says whose */
	POOL_PRUNE_REFUSED, /* left: the system did not allow it, see sys_errno */
};

struct pool_pruned {
	enum pool_pruned_as as;
	const char *name;      /* in the folder */
	const char *pool_file; /* the one that is gone; NULL: it cannot be told */
	size_t files;          /* how many there are of it */
	int sys_errno;
};

/*
 * Remove from <folder>, which ends with "/", what belongs to pool files that are gone.
 *
 * <dry_run>  only tell of it
 * <tell>     called for each state that is gone, and for what was left of such
 *
 * Returns 0, or: POOL_EUNSAFE  others can put files into the folder
 *                POOL_ENOFILE  there is none, or it cannot be read
 *                POOL_ENOMEM
 */
int pool_state_prune(const char *folder, bool dry_run,
	void (*tell)(void *context, const struct pool_pruned *pruned), void *context,
	struct pool_fault *fault);

#endif
