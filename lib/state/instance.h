/*
 * One watcher a state file: a file beside it, FILE.watch, whose lock is held for as long
 * as the watcher lives, whatever becomes of it. It holds the watcher's pid, for people.
 *
 * The pid is not to be signalled: in a folder shared with a group, others can write it.
 */
#ifndef POOL_STATE_INSTANCE_H
#define POOL_STATE_INSTANCE_H

#include "pool.h"

/*
 * Become the watcher of the state file <state_path>.
 *
 * <fd>  the lock; close it to end it. It must not be inherited by a child that lives on.
 *
 * Returns 0, or: POOL_EBUSY    another process is; the fault names it
 *                POOL_EUNSAFE  FILE.watch is somebody else's
 *                POOL_ENOFILE  FILE.watch cannot be opened or made
 *                POOL_ESYSTEM, POOL_ENOMEM
 */
int pool_instance_claim(const char *state_path, int *fd, struct pool_fault *fault);

/* The claimed instance is alive: said each second or so. */
void pool_instance_beat(int fd);

/* End the claim, having done all there was to do. Accepts -1. */
void pool_instance_release(int fd);

/*
 * When the instance before was alive last, in seconds since 1970, if it was ended before
 * it could release its claim; 0: it was not, or there was none. To be asked before
 * claiming.
 */
int64_t pool_instance_crashed_s(const char *state_path);

/* The pid of the watcher of <state_path>: 0 if there is none, -1 if it cannot be told. */
int32_t pool_instance_find(const char *state_path);

#endif
