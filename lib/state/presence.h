/*
 * Owners of leases: who they are, and whether they are still there.
 *
 *	initial pid namespace	number and start time of the process, looked up in /proc
 *	any other (a container)	a kernel lock, where the owner is the process itself
 *	any other		number and start time, which only processes of the same
 *				namespace can look up: such a lease has a time to live
 *
 * A process number means nothing outside its namespace, and a namespace that is gone has
 * nobody left who could look. So a process that takes leases for itself outside the
 * initial namespace holds an open file description lock (F_OFD_SETLK, fcntl(2)) on one
 * byte of the state file, far beyond its end, and its leases name that byte. The kernel
 * ends the lock when the last descriptor of that open file is closed, thus with the
 * process, however it ends, and tells whoever asks by F_OFD_GETLK, in any namespace. It
 * has nothing to do with the state's own lock, which is one of flock(2).
 *
 * Which byte. The number is drawn at random and its byte taken by trying to lock it: of
 * two that draw the same one gets it, and a process that dies gives it back. A lease of a
 * dead process that names the same byte must not live on with the new owner: whoever gets
 * a byte ends all leases that name it before its own first lease, all under the state's
 * lock. Nobody can have held the byte meanwhile, so these are leases of the dead.
 *
 * Not promised: that a lease ends with the process if a child of it, forked and without
 * another program, still has the descriptor; or at all if somebody who may write the
 * state file locks bytes of others. Such leases count for too long, and end nothing else.
 */
#ifndef POOL_STATE_PRESENCE_H
#define POOL_STATE_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

struct pool_state;
struct pool_fault;

/* pool_owner_space() of the initial pid namespace: PROC_PID_INIT_INO of every kernel. */
#define POOL_PID_SPACE_INITIAL UINT64_C(0xEFFFFFFC)

/* Where the bytes that owners lock begin in the state file, and how many there are. */
#define POOL_OWNER_LOCKS_AT (INT64_C(1) << 40)
enum { POOL_OWNER_LOCKS = 1 << 30 };

/* A lease's owner as seen in the table, to be looked up outside the lock. */
struct pool_owner {
	uint64_t lease;
	uint32_t slot;
	int32_t pid;
	uint32_t lock; /* 1 + the number of the byte that it locks; 0: it is known by pid
			*/
	uint64_t start;
	uint64_t space;
};

/* The caller's pid namespace; 0 if it cannot be told, as without a /proc of that
 * namespace: then no process can be looked up by its number. */
uint64_t pool_owner_space(void);

/* When <pid> of the caller's namespace began; false if there is no such process, or it
 * cannot be looked up. */
bool pool_owner_look_up(int32_t pid, uint64_t own_space, uint64_t *start);

/*
 * Whether the owner is gone for certain.
 *
 * <state>      to ask for locks by; NULL: those that lock a byte live
 * <own_space>  the caller's pool_owner_space(): an owner in another one is never gone,
 *              unless it locks a byte
 */
bool pool_owner_gone(const struct pool_state *state, const struct pool_owner *owner,
	uint64_t own_space);
/* The same at the cost of one quick system call: not if another process has its number,
 * nor if it is a zombie. */
bool pool_owner_vanished(const struct pool_state *state, const struct pool_owner *owner,
	uint64_t own_space);
/* Whether nothing can be known about the owner from here: it is in another pid namespace,
 * and locks no byte. */
bool pool_owner_is_unseen(const struct pool_owner *owner, uint64_t own_space);

/*
 * Lock byte <number>, below POOL_OWNER_LOCKS, for as long as <state> is open: the owner
 * of leases that name it in their lock. Whoever gets it ends former leases, see above and
 * pool_lease_hold().
 *
 * Returns 0, or: POOL_EBUSY    somebody else holds it
 *                POOL_ESYSTEM  no such lock can be had in this file system, or by a state
 *                              that is only read
 */
int pool_owner_lock(struct pool_state *state, uint32_t number, struct pool_fault *fault);

#endif
