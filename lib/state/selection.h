/*
 * Inside state/: one selection on its way, and who does what with it.
 *
 *	pool_selection_resolve()   which pool, and what the query asks of it    demand.c
 *	pool_selection_attach()    the state under its lock, or done without    attach.c
 *	pool_selection_choose()    the choice, and what is accounted for it     choose.c
 *	pool_selection_look()      whether a pick has its secret, before that   secrets.c
 *
 * select.c does one after the other, fills in URLs, and waits. Any of them may answer
 * POOL_ESTALE: the pool file was edited meanwhile, and with the snapshot went all that
 * was taken from it. Then all of it is done once more.
 */
#ifndef POOL_STATE_SELECTION_H
#define POOL_STATE_SELECTION_H

#include "health/obstacle.h"
#include "select/strategy.h"
#include "state/session_inner.h"

/* One query on its way. */
struct pool_selection {
	struct pool_session *session;
	const struct pool_query *query;
	struct pool_choice *choice;
	const struct pool_snap_leaf *leaf;
	const struct pool_snap_member *members; /* of the leaf */
	uint32_t leaf_index;
	/* What is asked: */
	unsigned strategy;
	uint64_t key;          /* hash of the query's */
	uint32_t cost;         /* what a budget is charged with */
	struct pool_rate rate; /* of each proxy; requests 0: no budget */
	bool filtered;         /* --exclude or --scheme is in play */
	uint8_t *skip;         /* a byte a member: excluded, without its secret, or chosen
				  already; or NULL */
	char **urls; /* a member each: filled in before it was chosen; or NULL */
	uint64_t owner_start;
	uint64_t owner_space;
	bool owner_locks; /* the owner is this process, which others cannot look up */
	int64_t ttl_ms;   /* of a lease; 0: none */
	bool waits;       /* who finds none eligible now will look again */
	bool again;       /* who asks has been told already what is odd about it */
	bool others;      /* who waits may get one that is neither skipped nor left out */
	bool waited; /* a look before was given to the pool, and found none eligible */
	/* What it is chosen from: */
	struct pool_state *state; /* NULL: without */
	uint64_t *bare_ready;     /* without: arrays of its own */
	uint32_t *bare_weights;
	uint32_t *bare_counts;
	struct pool_now now;
	int64_t began_ns;
	/* How far it is: */
	bool looked; /* others had just looked up owners of leases */
	bool any;    /* the fallback: unhealthy ones too */
	bool mended; /* damage was found, and set right as far as it can be */
	struct pool_fault
		trouble; /* with a lease, which stops no selection; code 0: none */
	uint64_t *taken; /* leases of this selection */
	size_t taken_count;
	int64_t next_ns; /* none before then, unless another process changes something */
};

/* Find the pool, and refuse what cannot be asked of it. */
int pool_selection_resolve(struct pool_selection *selection, struct pool_fault *fault);

/* Lock the state, or prepare to go without it, unless the caller wants it. What is read
 * only is locked all the same. */
int pool_selection_attach(struct pool_selection *selection, struct pool_fault *fault);

/* The same again, after the lock was given back: 0, with the state or without it, or an
 * error. */
int pool_selection_relock(struct pool_selection *selection, struct pool_fault *fault);

/* Give the lock back, if it is held; tell what was found out meanwhile. */
void pool_selection_detach(struct pool_selection *selection);

/* Choose, and account for it; POOL_ENONE: the choice has the reason. */
int pool_selection_choose(struct pool_selection *selection, struct pool_fault *fault);

/* Leave a proxy out of this selection. Returns 0 or POOL_ENOMEM. */
int pool_selection_pass_over(
	struct pool_selection *selection, uint32_t index, struct pool_fault *fault);

/*
 * Whether what member <index> is to be used with can be had here: the variables and the
 * password file of its URL. A proxy without is passed over and noted in the choice, and
 * nothing is stored of that. Only who is about to be chosen is looked at; a file is read
 * without the lock, and its URL kept. secrets.c
 *
 * Returns 0, or: POOL_PICK_AGAIN  it is passed over, or the lock was given back meanwhile
 *                POOL_ENOMEM, POOL_EINVALID, or an error of pool_selection_relock()
 */
enum { POOL_PICK_AGAIN = 1 };
int pool_selection_look(
	struct pool_selection *selection, uint32_t index, struct pool_fault *fault);

/* The same of the url beside the pool: 0, or POOL_ESECRET, having noted it. */
int pool_selection_look_at_url(
	struct pool_selection *selection, const char *endpoint, struct pool_fault *fault);

/* Warn of those that were passed over for want of a secret, once a session each. */
void pool_selection_warn_skipped(const struct pool_selection *selection, bool but_first);

/* POOL_ESECRET: nobody is left beside those. */
int pool_selection_refuse_skipped(
	const struct pool_selection *selection, struct pool_fault *fault);

/* Count in the choice what keeps member <index>, or each one, from being chosen.
 * shortage.c */
void pool_selection_count(struct pool_selection *selection, uint32_t index);
void pool_selection_count_all(struct pool_selection *selection);

/* Whether there is a url beside the pool to fall back on. */
bool pool_selection_has_url(const struct pool_selection *selection);

/*
 * End leases whose time is over or whose owner is gone: of a few owners, as a part of
 * each selection; of all of them, before it is said that there is no proxy. The lock may
 * be given back and taken again in between. owners.c
 *
 * Return 0, the second one POOL_ENONE if there is no lease that could end, or an error of
 * pool_selection_relock().
 */
int pool_selection_end_leases(struct pool_selection *selection, struct pool_fault *fault);
int pool_selection_end_all_leases(
	struct pool_selection *selection, struct pool_fault *fault);

/* Make this process one that others can see end, see presence.h; nothing to do if it is.
 * Returns 0, or an error of pool_owner_lock(). owners.c */
int pool_selection_hold(struct pool_selection *selection, struct pool_fault *fault);

#endif
