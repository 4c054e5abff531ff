/*
 * Flap damping (RFC 2439): whether something changes so often that a change says little.
 *
 *	struct pool_flap flap = {0};
 *
 *	pool_flap_note(&flap, now_ns);          at each change
 *	if (pool_flap_is_on(&flap, now_ns))     it flaps
 *
 * A change costs a penalty of 1, which halves in 150 seconds. Above 6, it flaps, until
 * there was no change for 300 seconds or the penalty fell below 1.
 *
 *	calm -> flapping    a change leads above POOL_FLAP_LIMIT
 *	flapping -> calm    pool_flap_calm_ns() has come without another change
 *
 * The one judge of this question: of alerts (watch/damp.h) and of what the state file
 * keeps of each proxy. Pure: times are arguments, of any clock.
 */
#ifndef POOL_HEALTH_FLAP_H
#define POOL_HEALTH_FLAP_H

#include <stdbool.h>
#include <stdint.h>

#define POOL_FLAP_LIMIT 6.0 /* above, it flaps */
#define POOL_FLAP_CALM  1.0 /* below, it does no longer */
/* A penalty grows no further, or what is calm would flap again at once. */
#define POOL_FLAP_MOST 12.0

enum {
	POOL_FLAP_HALF_LIFE_S = 150,
	POOL_FLAP_QUIET_S = 300, /* so long without a change is calm, too */
};

/* Zeroes: nothing has changed yet. */
struct pool_flap {
	int64_t changed_ns; /* the last time */
	double penalty;     /* at that time */
	bool flapping;      /* likewise */
};

/* A change. Returns whether it flaps now. */
bool pool_flap_note(struct pool_flap *flap, int64_t now_ns);

/* Whether it flaps at that time, if nothing changed since. */
bool pool_flap_is_on(const struct pool_flap *flap, int64_t now_ns);

/* The penalty at that time. A clock that goes back makes it no worse. */
double pool_flap_penalty(const struct pool_flap *flap, int64_t now_ns);

/* When it is calm, if nothing changes until then. */
int64_t pool_flap_calm_ns(const struct pool_flap *flap);

#endif
