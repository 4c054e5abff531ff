/*
 * The state file examined and set right, for a person who wants to be sure.
 *
 * What must be derived again is: leases held, ready words, weights, the places of pools.
 * A value out of its range is forgotten with as little as hangs on it: a record that is
 * not its proxy's begins anew, a wrong byte of one becomes "nothing known". What even
 * then does not hold together is copied to FILE.corrupt and begun anew.
 *
 * A process killed while it repairs leaves a file that can be repaired.
 */
#ifndef POOL_STATE_REPAIR_H
#define POOL_STATE_REPAIR_H

#include "state/session.h"

/* What is in a file. */
struct pool_census {
	uint32_t pools;
	uint32_t proxies;
	uint32_t leases;
};

/* What was set right. */
struct pool_repairs {
	uint32_t records; /* proxies whose record was not theirs, or out of range */
	uint32_t words;   /* proxies whose readiness did not follow from their record */
	uint32_t pools;   /* pools whose place or count was wrong */
	bool leases;      /* the counts did not follow from the table */
	uint32_t ended; /* leases whose owner is gone, or cannot be looked up from here */
	bool rebuilt;   /* all of it */
	bool snapshot;  /* FILE.snap was damaged, and is written anew */
	bool decisions; /* FILE.decisions said something else, or nothing */
};

/*
 * Whether all of it holds together, while locked: pool_state_verify(), and what follows
 * from <snapshot> if the layout is its. <fault> has the first thing that does not.
 *
 * Returns 0, POOL_EFORMAT, or POOL_ENOMEM.
 */
int pool_state_examine(const struct pool_state *state,
	const struct pool_snapshot *snapshot, struct pool_fault *fault);

/*
 * Set right what can be, while locked and with the layout of <snapshot>.
 *
 * Returns 0 or POOL_ENOMEM.
 */
int pool_state_repair(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_now *now, struct pool_repairs *repairs);

/*
 * Examine the files of a session, which is opened with read_only: the snapshot, whose
 * content was verified when the session was opened, and the state.
 *
 * Returns 0 and what is in it, or: POOL_EFORMAT  one is not whole, the fault says where
 *                                  POOL_EBUSY    no lock in time
 *                                  POOL_EFOREIGN, POOL_ENOFILE, POOL_ENOMEM
 */
int pool_session_verify(struct pool_session *session, struct pool_census *census,
	struct pool_fault *fault);

/*
 * Set the file of a session right, and end what is left of owners in other pid
 * namespaces, which nobody can look up. It is made if there is none.
 *
 * What is no state file, or has a broken header, is copied to FILE.corrupt and begun
 * anew; without a copy it is left alone.
 *
 * Returns 0: it is whole now; or POOL_EBUSY, POOL_EFORMAT (of a later version or another
 * layout, or the pool file itself), POOL_EFOREIGN, POOL_ENOFILE (it cannot be written),
 * POOL_ESYSTEM, POOL_ENOMEM
 */
int pool_session_repair(struct pool_session *session, struct pool_census *census,
	struct pool_repairs *repairs, struct pool_fault *fault);

#endif
