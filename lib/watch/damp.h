/*
 * Flap damping: what changes too often is held back until it is calm, so that the alerts
 * about everything else are read.
 *
 *	pool_damp_note()      each change; says whether it may be told
 *	pool_damp_due_ns()    when something held may be told at last
 *	pool_damp_release()   takes it
 *
 * Changes of what flaps (health/flap.h) are held until it is calm. The last one held is
 * told then: nobody keeps a wrong picture.
 *
 * Pure but for memory: times are arguments. The table has a fixed size; where too many
 * change at once, those that changed least are forgotten, so that they are told. What is
 * held is never forgotten.
 */
#ifndef POOL_WATCH_DAMP_H
#define POOL_WATCH_DAMP_H

#include "watch/event.h"

enum {
	POOL_DAMP_BUCKETS = 1024,
	POOL_DAMP_WAYS = 8, /* keys in one bucket at most */
};

enum pool_damp_verdict {
	POOL_DAMP_TELL,
	POOL_DAMP_HOLD,
	POOL_DAMP_FIRST, /* the first one to be held: tell that it flaps */
};

struct pool_damp;

/* NULL: out of memory. */
struct pool_damp *pool_damp_new(void);
/* Accepts NULL. */
void pool_damp_free(struct pool_damp *damp);

/*
 * A change of what <key> stands for. Without memory to hold it, it is told.
 *
 * <now_ns>  any clock that does not go back; CLOCK_BOOTTIME
 */
enum pool_damp_verdict pool_damp_note(struct pool_damp *damp, uint64_t key,
	const struct pool_event *event, int64_t now_ns);

/* Nothing can be released before; INT64_MAX: nothing is held. */
int64_t pool_damp_due_ns(const struct pool_damp *damp);

/* The next event that need not be held any longer into <out>; false: there is none. */
bool pool_damp_release(struct pool_damp *damp, int64_t now_ns, struct pool_event *out);

#endif
