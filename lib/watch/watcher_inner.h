/*
 * Inside watch/: the watcher itself, shared by those who make the checks, look at the
 * state file, and follow the pool file.
 */
#ifndef POOL_WATCH_WATCHER_INNER_H
#define POOL_WATCH_WATCHER_INNER_H

#include "base/clock.h"
#include "base/random.h"
#include "probe/timers.h"
#include "watch/doubt.h"
#include "watch/plan.h"
#include "watch/watcher.h"

#define POOL_NO_PLACE UINT32_MAX

/* A check under way: all that the engine borrows. */
struct pool_watcher_job {
	struct pool_probe probe;
	struct pool_login login;
	struct pool_status_set expect, cooling, blocked;
	char *url, *request, *headers, *body;
	struct pool_hash key;
	uint64_t target;
	bool control;     /* a control request: asked directly, stored nowhere */
	uint32_t hearing; /* that wants the control request */
	uint32_t next;    /* among the free ones */
};

/* A result between its check and its verdict. */
struct pool_watcher_result {
	struct pool_hash key;
	enum pool_reason found; /* as the check alone ended */
	enum pool_layer good_layer;
	int32_t http_status;
	int32_t retry_after_s;
	int64_t latency_us;
	int64_t began_ns;
	char detail[96];
	uint32_t next; /* among the free ones */
};

enum pool_level { POOL_IS_FINE, POOL_IS_DEGRADED, POOL_IS_EXHAUSTED };

/* Proxies of a pool that are enabled in the pool file, and of those: */
struct pool_watcher_counts {
	uint32_t listed;
	uint32_t enabled; /* not disabled by a person */
	uint32_t eligible, healthy;
};

/* What was seen of a pool, by its number in the snapshot. */
struct pool_watcher_pool {
	uint64_t key;
	bool watched, seen;
	enum pool_level level;
	uint64_t panics;                                /* told so far */
	struct pool_watcher_counts seen_counts, counts; /* of the last look; of one under
							   way */
};

struct pool_watcher {
	struct pool_watcher_options options;
	struct pool_session *session;
	struct pool_engine *engine;
	struct pool_doubts *doubts;
	struct pool_tally tally;
	struct pool_random random;
	struct pool_hash_key salt;
	struct pool_now now;
	bool ended;

	struct pool_plan plan;
	struct pool_timers timers; /* checks by when they are due */
	uint64_t token;            /* the last one given to a timer */
	uint32_t first_left;       /* checks without any result */
	bool first_round_done;

	struct pool_watcher_job **jobs;
	uint32_t job_count, free_job;
	struct pool_watcher_result *results;
	uint32_t result_count, free_result;

	struct pool_outcome *pending; /* to be stored */
	size_t pending_count, pending_room;
	int64_t store_ns;      /* at the latest; INT64_MAX: nothing to store */
	int64_t state_rest_ns; /* the state file is left alone until then */
	char state_fault[448];
	int64_t state_told_ns; /* trouble with it is told again then */

	struct pool_watcher_pool *pools;
	uint32_t pool_count;
	struct pool_record *slice; /* room for POOL_SIGHT_SLICE */
	int64_t look_ns;           /* when to look at the state next */
	uint32_t look_at;          /* the member that a look under way goes on with */
	bool looking;

	int64_t file_ns;      /* when to look at the pool file next */
	int64_t unsettled_ns; /* it is being written since; 0: it is not */
	char file_fault[448];

	uint64_t troubles;  /* local reasons that were told, bits */
	int64_t trouble_ns; /* the last one seen */
};

/* --- watcher.c ------------------------------------------------------------------ */

/* An event about the whole, about pool <leaf>, or about a proxy of it. */
void pool_watcher_begin_event(const struct pool_watcher *watcher,
	struct pool_event *event, enum pool_event_kind kind);
void pool_watcher_name_pool(
	const struct pool_watcher *watcher, struct pool_event *event, uint32_t leaf);
void pool_watcher_name_member(
	const struct pool_watcher *watcher, struct pool_event *event, uint32_t member);
void pool_watcher_tell(struct pool_watcher *watcher, const struct pool_event *event);

/* Note that the state file could be used (NULL), or why not: told once, and the file is
 * left alone for a while. */
void pool_watcher_note_state(
	struct pool_watcher *watcher, const struct pool_fault *fault);

/* --- jobs.c --------------------------------------------------------------------- */

void pool_jobs_open(struct pool_watcher *watcher);
void pool_jobs_close(struct pool_watcher *watcher);
/* A place for a check under way; POOL_NO_PLACE: out of memory. */
uint32_t pool_jobs_take(struct pool_watcher *watcher);
/* Give it back; its secrets are wiped. */
void pool_jobs_give(struct pool_watcher *watcher, uint32_t at);
/* Copy all that the probe of <job> borrows from the snapshot. 0 or POOL_ENOMEM. */
int pool_job_own(struct pool_watcher_job *job);
/* A place for a result; POOL_NO_PLACE: out of memory. */
uint32_t pool_results_take(struct pool_watcher *watcher);
void pool_results_give(struct pool_watcher *watcher, uint32_t at);

/* --- checks.c ------------------------------------------------------------------- */

int pool_checks_open(struct pool_watcher *watcher, struct pool_fault *fault);
void pool_checks_close(struct pool_watcher *watcher);

/* Begin what is due, hear what ended, store what is decided. */
void pool_checks_turn(struct pool_watcher *watcher);
int64_t pool_checks_due_ns(const struct pool_watcher *watcher);
/* Store what waits for it now. */
void pool_checks_store(struct pool_watcher *watcher);

/* --- timing.c ------------------------------------------------------------------- */

/* Give each check of a new plan its time: those that were taken over keep theirs, fresh
 * ones have it from the state file, the others are spread. */
void pool_checks_schedule(struct pool_watcher *watcher);
/* Have check <at> again at <due_ns>. */
void pool_checks_set_due(struct pool_watcher *watcher, uint32_t at, int64_t due_ns);
/* How long from the start of one check to the next. */
int64_t pool_checks_draw_gap_ns(
	struct pool_watcher *watcher, const struct pool_plan_check *check);
/* What member <at> is has changed: look at it sooner. */
void pool_checks_hurry(struct pool_watcher *watcher, uint32_t at);
/* Somebody else has checked it at <checked_ns>. */
void pool_checks_postpone(struct pool_watcher *watcher, uint32_t at, int64_t checked_ns);

/* --- sight.c -------------------------------------------------------------------- */

enum { POOL_SIGHT_SLICE = 512 };

int pool_sight_open(struct pool_watcher *watcher, struct pool_fault *fault);
void pool_sight_close(struct pool_watcher *watcher);
/* Take over what is known of the pools, for a new plan. */
int pool_sight_follow(struct pool_watcher *watcher);
/* Look at the state file, a part at a time, and tell what changed. */
void pool_sight_turn(struct pool_watcher *watcher);
int64_t pool_sight_due_ns(const struct pool_watcher *watcher);
/* Look at all of it, and tell nothing: what is there at the start. */
int pool_sight_begin(struct pool_watcher *watcher, struct pool_fault *fault);

/* --- reload.c ------------------------------------------------------------------- */

/* The plan for the session's snapshot, at first and whenever it is another one. */
int pool_reload_plan(struct pool_watcher *watcher, bool told, struct pool_fault *fault);
void pool_reload_turn(struct pool_watcher *watcher);

#endif
