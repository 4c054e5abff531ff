/*
 * Inside state/: files of earlier versions, carried over.
 *
 * A former file is judged by the rules of its version, and what an update that was cut
 * off has overwritten is put back. A private copy of its image becomes one of our layout
 * in memory, state->former, where the pointers of the state lead: reading it is reading a
 * state. The next pool_state_follow() writes it into the file as it lays out an edit, and
 * the last store of that is the version: see layout.h.
 *
 * Carried over are health, history, counters, budgets, leases, and where rotations stand.
 */
#ifndef POOL_STATE_FORMER_H
#define POOL_STATE_FORMER_H

#include "state/state.h"

/* Whether <header>, whose magic is right and whose version is below ours, is one of its
 * version. */
bool pool_former_is_sound(const struct pool_state_header *header);

/* Where it has the image in force, unchecked. */
struct pool_state_root pool_former_root(const struct pool_state_header *header);

/*
 * Make state->former of the mapped file, and of the copied header one of our version.
 *
 * Returns 0, or POOL_EFORMAT (nothing of it can be used), POOL_ENOMEM.
 */
int pool_former_attach(struct pool_state *state, struct pool_fault *fault);

#endif
