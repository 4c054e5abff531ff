/*
 * The watcher: checks for ever, what they came to in the state file, and what changed
 * told as events.
 *
 *	pool_watcher_new(&watcher, &options, &fault);
 *	loop:
 *		wait for pool_watcher_descriptor() or pool_watcher_due_ns()
 *		pool_watcher_turn(watcher);
 *	pool_watcher_end(watcher);
 *	pool_watcher_free(watcher);
 *
 * A turn is short: it begins at most 64 checks, and what it does for each proxy it does
 * in slices. It never waits but for the lock of the state file, a fifth of a second at
 * most, and then leaves that file alone for a second.
 *
 * What is in the state file is what is so: transitions are told from it, whoever caused
 * them; and the checks that it shows as made, by pool-check or before a crash, are not
 * made again before their time.
 */
#ifndef POOL_WATCH_WATCHER_H
#define POOL_WATCH_WATCHER_H

#include "report/status.h"
#include "state/session.h"
#include "watch/event.h"
#include "watch/tally.h"

/* How long to wait for the lock: the session is to be opened with it. */
enum { POOL_WATCHER_LOCK_MS = 200 };

struct pool_watcher_options {
	struct pool_session *session; /* the caller's; outlives the watcher */
	const char *file;             /* its pool file */
	const char *exchange;         /* whose pools; NULL: everybody's */
	int type;                     /* enum pool_type; -1: all */
	size_t concurrency;
	double target_rate;  /* 0: unbounded */
	const char *ca_file; /* NULL: the system's */
	/* How many of a pool must be eligible, lest it is degraded. */
	struct pool_quorum quorum;
	bool tells_checks; /* an event for each check as well */
	/* What changed later than this, in seconds since 1970, is told although it was
	 * before the start: the instance before could not. 0: nothing is. */
	int64_t told_until_s;
	/* Called for each event, from within new, turn, reload and end. */
	void (*tell)(void *context, const struct pool_event *event);
	void *context;
};

struct pool_watcher;

/*
 * Plan, look at the state file, and be ready for the first turn.
 *
 * Returns 0, or: POOL_ENOFILE, POOL_EFORMAT, POOL_EFOREIGN, POOL_EUNSAFE, POOL_EBUSY
 *                               the state file cannot be written
 *                POOL_EARGUMENT a pool's checks need a url
 *                POOL_ESYSTEM, POOL_ENOMEM
 */
int pool_watcher_new(struct pool_watcher **out,
	const struct pool_watcher_options *options, struct pool_fault *fault);
void pool_watcher_free(struct pool_watcher *watcher);

/* Readable when a turn has something to do. */
int pool_watcher_descriptor(const struct pool_watcher *watcher);
/* When a turn is wanted in any case, CLOCK_BOOTTIME; 0: at once. */
int64_t pool_watcher_due_ns(const struct pool_watcher *watcher);
void pool_watcher_turn(struct pool_watcher *watcher);

/*
 * Look at the pool file now; what becomes of it is told as an event, once.
 *
 * Returns 0: it is valid and in force; else why not, while the last good one stays.
 */
int pool_watcher_reload(struct pool_watcher *watcher, struct pool_fault *fault);

/* The pool file may be being written: look at it when that is over, soon. */
void pool_watcher_expect_edit(struct pool_watcher *watcher);

/* Whether the session's snapshot, which anybody's lock may have changed, is the one that
 * is watched; it is, after this, if that can be. */
bool pool_watcher_follow(struct pool_watcher *watcher);

/* Store what is known, and make no more checks. */
void pool_watcher_end(struct pool_watcher *watcher);

/* Whether every check was made once, or was fresh at the start. */
bool pool_watcher_first_round_done(const struct pool_watcher *watcher);

/* How the proxies of all watched pools are, as seen last. */
struct pool_watcher_sum {
	uint32_t healthy, eligible, enabled, pools, exhausted;
};
void pool_watcher_sum(const struct pool_watcher *watcher, struct pool_watcher_sum *out);

/* Why the pool file on disk is not in force; "" if it is. Borrowed until the next turn.
 */
const char *pool_watcher_file_fault(const struct pool_watcher *watcher);
/* Why the state file cannot be written; "" if it can. Likewise. */
const char *pool_watcher_state_fault(const struct pool_watcher *watcher);

/* The counters; borrowed until the watcher is freed. */
struct pool_tally *pool_watcher_tally(struct pool_watcher *watcher);

/*
 * The latencies of the last checks of member <at> of the snapshot, oldest first, in
 * microseconds, 0 for a failed one.
 *
 * <out>  room for POOL_LATENCIES_KEPT
 *
 * Returns how many.
 */
size_t pool_watcher_latencies(
	const struct pool_watcher *watcher, uint32_t at, uint32_t *out);

#endif
