/*
 * A session from the inside: what the tools need of it beyond pool.h.
 *
 * The pool file is looked at before each selection: unchanged, its snapshot is used;
 * changed, it is read, and either taken or, if it is invalid, remembered as rejected
 * while the last good one stays in force.
 */
#ifndef POOL_STATE_SESSION_H
#define POOL_STATE_SESSION_H

#include "state/state.h"

/* The snapshot in force; valid until the next selection or refresh. */
const struct pool_snapshot *pool_session_snapshot(const struct pool_session *session);

/* What ${NAME} and password_file of the pool file are filled in from; valid until the
 * session is freed. See pool_snapshot_secrets(). */
const struct pool_secrets *pool_session_secrets(const struct pool_session *session);

/* Look at the pool file again. Errors as pool_session_new(). */
int pool_session_refresh(struct pool_session *session, struct pool_fault *fault);

/* The state file's path, or NULL if there is none. */
const char *pool_session_state_path(const struct pool_session *session);

/*
 * Open and lock the state file and unlock it again, to know beforehand that it can be
 * stored to.
 *
 * Returns 0, or why not (POOL_ENOFILE without a state).
 */
int pool_session_check_state(struct pool_session *session, struct pool_fault *fault);

/* Whether leases of this process end with the session: outside the initial pid namespace.
 * A process that has taken one must not become another program. */
bool pool_session_holds(const struct pool_session *session);

/* The result of one check, by identity. */
struct pool_outcome {
	uint64_t leaf_key;
	struct pool_hash identity;
	uint32_t member; /* where it was in the snapshot: a hint */
	enum pool_reason reason;
	enum pool_layer good_layer; /* what its method proves, however it ended */
	int32_t http_status;
	int32_t retry_after_s; /* -1: none */
	int64_t latency_us;
	int64_t began_ns;
	/* Filled in by storing: */
	struct pool_transition transition;
	enum pool_status status;
	bool stored; /* false: the proxy is no longer in the pool file */
};

/*
 * Store check results in batches, each under one lock of the <session>'s timeout.
 *
 * Returns 0, or POOL_EBUSY, POOL_EFORMAT, POOL_EFOREIGN, POOL_ENOFILE, POOL_ESYSTEM: what
 * is marked stored is stored.
 */
int pool_session_store(struct pool_session *session, struct pool_outcome *outcomes,
	size_t count, struct pool_fault *fault);

/*
 * The URL of the proxy that <feedback> is about, as it stands in the pool file; free()
 * it. NULL: there is none, and a report of it says why. Of two proxies of one name it is
 * the first.
 */
char *pool_session_locate(
	struct pool_session *session, const struct pool_feedback *feedback);

/* A pool as it stands: copies, in file order. */
struct pool_view {
	uint32_t leaf;
	uint32_t count;
	struct pool_record *records; /* zeroes without state */
	uint32_t *held;              /* leases held now */
	struct pool_budget *budgets; /* what was spent */
	struct pool_state_leaf totals;
	struct pool_now now;
	bool has_state;
};

/*
 * Copy what is known of the pool <leaf>. Without a state that can be read the records are
 * zero.
 *
 * Returns 0, or: POOL_ESTALE  the pool file was edited meanwhile: <leaf> and all else
 *                             that was taken from the snapshot before are void
 *                POOL_ENOMEM
 * Release it.
 */
int pool_session_view(struct pool_session *session, uint32_t leaf, struct pool_view *view,
	struct pool_fault *fault);
void pool_view_release(struct pool_view *view);

/*
 * What member <index> may still be asked for in its budget, -1 if it has none.
 *
 * <ready_ns>  when there is something again; now or before: there is
 */
int64_t pool_view_budget(const struct pool_session *session, const struct pool_view *view,
	uint32_t index, int64_t *ready_ns);

/*
 * Whether a proxy's status changes too often, as health/flap.h has it.
 *
 * <changes>  of the last transitions that are kept: those of these minutes, 0 if it does
 *            not
 * <span_s>   from the first of these to the last
 */
bool pool_record_flaps(const struct pool_record *record, int64_t wall_s,
	uint32_t *changes, int64_t *span_s);

/* Status of member <index> of a view, "disabled" in the pool file included. */
enum pool_status pool_view_status(
	const struct pool_session *session, const struct pool_view *view, uint32_t index);

/*
 * Copy the records of <count> members of the snapshot, from <first>, or the totals of all
 * its pools: for who looks again and again, a slice at a time, so that nobody waits long
 * for the lock.
 *
 * <now>  when they were so
 *
 * Returns 0, or: POOL_ESTALE  the pool file was edited meanwhile: numbers taken from the
 *                             snapshot before are void
 *                else as pool_session_store()
 */
int pool_session_copy_records(struct pool_session *session, uint32_t first,
	uint32_t count, struct pool_record *records, struct pool_now *now,
	struct pool_fault *fault);
int pool_session_copy_totals(struct pool_session *session, struct pool_state_leaf *totals,
	struct pool_fault *fault);

#endif
