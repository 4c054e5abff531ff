/*
 * Inside state/: the session itself, shared by all who lock and change its state.
 */
#ifndef POOL_STATE_SESSION_INNER_H
#define POOL_STATE_SESSION_INNER_H

#include "config/url.h"
#include "state/session.h"

struct pool_session {
	char *file;        /* as given */
	char *absolute;    /* NULL: it is no regular file, and there is no state */
	char *state_path;  /* NULL: none */
	char *snap_path;   /* NULL: none, or it is of another pool file */
	int state_trouble; /* errno: why there can be no state at <state_path>; or 0 */
	uint64_t file_id;
	uid_t owner; /* of the pool file */
	bool trust_file;
	struct pool_file_key judged;   /* the content whose writers were judged last */
	struct pool_trust trust;       /* what came of it */
	struct pool_snapshot base;     /* of the pool file alone */
	struct pool_snapshot snapshot; /* what is in force: <base>, borrowing its bytes,
					  or with an overlay bytes of its own */
	char **environment; /* variables of ours, NAME=VALUE, ended by NULL; NULL: none */
	bool by_environment; /* there is no pool file */
	bool overlay;        /* <environment> goes on top of <base> ... */
	uint64_t overlaid;   /* ... and was put there at this number of <loads> */
	bool told_ignored;
	bool loaded;
	uint64_t loads;  /* how often a snapshot was taken: pointers into an earlier one
			    are gone */
	bool once;       /* for one selection */
	bool safe_place; /* the folder of state and snapshot, as it was last found */
	bool spoilt;  /* what was used of <base> is damaged: the next refresh drops it */
	bool replace; /* FILE.snap is damaged: it is verified whole before its next use */
	bool replaced;   /* ... and was written anew */
	bool unreadable; /* there is a FILE.snap, and we may not read it */
	bool has_salt;   /* <salt> is that of a snapshot that cannot be used */
	struct pool_hash_key salt;
	bool warned_damage;
	int claim;           /* descriptor of the next FILE.snap while it is made; -1 */
	bool warned_exposed; /* since the last refresh from outside */
	bool warned_rejection;
	bool warned_writers;
	bool warned_state;
	bool warned_cut;
	bool warned_lease;          /* that there is none, or that it ends by time */
	char snapshot_trouble[256]; /* why FILE.snap is not written; told if nothing worse
				       is */
	struct pool_state *state;   /* opened at the first use */
	struct pool_guard *guard;   /* of its mapping; or NULL */
	char *who;                  /* whose commands they are, or NULL */
	bool begins_anew;           /* also what is no state file at all */
	bool require_state;
	bool read_only;
	int64_t lock_timeout_ms;
	struct pool_random random;
	uint64_t pid_space; /* pool_owner_space(), once that was asked for */
	bool asked_space;
	int32_t own_pid; /* ours, 0: not asked for yet, and our start time */
	uint64_t own_start;
	uint64_t *told_skipped; /* hashes of the warnings of who was skipped; or NULL */
	size_t told_skipped_count;
	void (*warn)(void *context, const char *text);
	void *context; /* its first argument */
	struct pool_secrets secrets;
	char withheld[POOL_TRUST_TEXT + 64]; /* why they are, if they are */
};

/* Tell <session>'s caller. */
void pool_session_warn(const struct pool_session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The caller's pid namespace, asked for once. owners.c */
uint64_t pool_session_space(struct pool_session *session);

/* Keep the variables that are ours. Returns 0 or POOL_ENOMEM. */
int pool_session_keep_environment(
	struct pool_session *session, const struct pool_session_options *options);
/* With what was made of them. */
void pool_session_drop_environment(struct pool_session *session);
/* Read them on top of <settings>, which are released on failure; names that are ignored
 * are told once. Errors as pool_environment_read(). */
int pool_session_read_environment(struct pool_session *session,
	struct pool_settings *settings, struct pool_fault *fault);
/* After the pool file was followed: make the snapshot in force of its own. */
int pool_session_overlay(struct pool_session *session, struct pool_fault *fault);

/*
 * The snapshot in force is damaged: the next refresh compiles the pool file anew.
 *
 * Returns POOL_ESTALE, for who was about to use it.
 */
int pool_session_spoil(struct pool_session *session, struct pool_fault *fault);
/* Verify all of the snapshot in force, unless it was: 0, or as the above. */
int pool_session_verify_all(struct pool_session *session, struct pool_fault *fault);

/*
 * Open the state file if need be, lock it, and make it follow the snapshot; whoever sees
 * another layout in force looks at the pool file again first.
 *
 * Returns 0 and holds the lock, or an error of pool_state_open(), _lock(), _follow(), or
 * POOL_ESTALE: see pool_session_spoil().
 */
int pool_session_lock(
	struct pool_session *session, struct pool_now *now, struct pool_fault *fault);

/* Whether there can be a state where it was said to be: 0, or POOL_ENOFILE, POOL_ESYSTEM.
 */
int pool_session_check_place(
	const struct pool_session *session, struct pool_fault *fault);

/* Give the lock back, and tell what was found out while it was held. */
void pool_session_unlock(struct pool_session *session);

/* pool_session_lock(), for who is of no use without being able to write: else
 * POOL_ENOFILE. */
int pool_session_lock_to_write(
	struct pool_session *session, struct pool_now *now, struct pool_fault *fault);

/*
 * One piece of evidence for record <at> of pool <leaf_index>, while locked: its health
 * takes a step, and what follows from it is set. Part of an update that the caller
 * settles; the record and the pool are touched.
 */
void pool_session_step(struct pool_session *session, uint32_t leaf_index, uint32_t at,
	const struct pool_evidence *evidence, const struct pool_now *now,
	struct pool_transition *transition);

/* Note what became of a record, and set its ready word: the end of each change. */
void pool_session_note(struct pool_session *session, uint32_t leaf_index, uint32_t at,
	const struct pool_transition *transition, const struct pool_now *now);

/* A day: no latency is more. */
#define POOL_LONGEST_LATENCY_US INT64_C(86400000000)

/* A latency that was measured, in the record's average. */
void pool_record_add_latency(struct pool_record *record, int64_t latency_us);

#endif
