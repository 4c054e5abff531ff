/*
 * A dead target or a dead uplink ejects nobody, for checks that come one at a time: what
 * health/judge.h does for a run. Pure: results and times in, results out.
 *
 * A failure that may be somebody else's fault than the proxy's is held until it is known:
 *
 *	it may be the target's   until another check gets a good answer there afterwards
 *	                         (then it is believed), or those that were asked get none
 *	it is a timeout          likewise, for the uplink, and any answer of anybody's is
 *	                         a good one
 *
 * So that nobody waits an interval for that, others are asked at once: a hearing. The
 * caller is told whom it is about and begins some checks, or a control request;
 * those are reported as any other. A hearing ends with the first good answer, or when
 * all who were asked have answered, or when its time is over; then all that is held for
 * it is judged by pool_run_judge().
 *
 * A target or uplink that was found suspect stays so until there is a good answer:
 * failures that may be its fault are judged at once. Where a control request is wanted,
 * they are heard again now and then, since only that can tell then.
 *
 *	verdict = pool_doubts_hear(doubts, &hearing, slot);
 *	while (pool_doubts_next_call(doubts, now_ns, &call)) ask some, and
 *		pool_doubts_called(doubts, &call, count, until_ns);
 *	while (pool_doubts_next_verdict(doubts, &verdict)) ... it is decided ...
 */
#ifndef POOL_WATCH_DOUBT_H
#define POOL_WATCH_DOUBT_H

#include "health/judge.h"
#include "pool.h"

/* What a check came to. */
struct pool_testimony {
	uint64_t host;   /* key of the proxy's host and port; 0: asked directly */
	uint64_t target; /* key of what was asked for; 0: nothing */
	enum pool_reason reason;
	int64_t ended_ns;
	bool control;  /* its pool wants the control request */
	uint32_t slot; /* the caller's, handed back with the verdict */
};

/* What is known now of a result. */
struct pool_doubt_verdict {
	uint32_t slot;
	enum pool_reason reason; /* as it is to be stored */
};

/* Whom to ask about a failure. */
struct pool_doubt_call {
	uint64_t target;  /* those who ask this; 0: anybody, it is about the uplink */
	uint64_t accused; /* host not to ask */
	bool control;     /* ask the target directly as well */
	bool others;      /* false: the control request alone */
	uint32_t hearing; /* its number, never 0 */
};

/* A change of what is suspected. */
struct pool_suspicion {
	uint64_t target; /* 0: the uplink */
	bool suspect;    /* false: no longer */
};

struct pool_doubts;

struct pool_doubts *pool_doubts_new(void);
void pool_doubts_free(struct pool_doubts *doubts);

/*
 * Hear a result. What follows for it, now or later, comes from next_verdict().
 *
 * Returns 0 or POOL_ENOMEM (then it was not heard, and no verdict comes).
 */
int pool_doubts_hear(struct pool_doubts *doubts, const struct pool_testimony *testimony);

/* The control request of <target> came to <answer>. */
void pool_doubts_hear_control(struct pool_doubts *doubts, uint64_t target,
	enum pool_control_answer answer, int64_t ended_ns);

/* The next to be asked about now; answer it with called(). */
bool pool_doubts_next_call(
	struct pool_doubts *doubts, int64_t now_ns, struct pool_doubt_call *out);
/* <count> checks were begun for the call, the control request included; the hearing ends
 * at <until_ns> at the latest. None: it ends now. */
void pool_doubts_called(struct pool_doubts *doubts, const struct pool_doubt_call *call,
	uint32_t count, int64_t until_ns);
/* One that was asked about <target> (0: the uplink) in that hearing has answered,
 * whatever it said: after its testimony was heard. Nothing happens if that hearing is
 * over. */
void pool_doubts_answered(struct pool_doubts *doubts, uint64_t target, uint32_t hearing);

/* End hearings whose time is over. */
void pool_doubts_turn(struct pool_doubts *doubts, int64_t now_ns);
/* When the next turn or call is due; INT64_MAX: none. */
int64_t pool_doubts_due_ns(const struct pool_doubts *doubts);

bool pool_doubts_next_verdict(struct pool_doubts *doubts, struct pool_doubt_verdict *out);
bool pool_doubts_next_suspicion(struct pool_doubts *doubts, struct pool_suspicion *out);

/* Forget targets that <is_known> knows no longer, and for which nothing is held. */
void pool_doubts_keep(struct pool_doubts *doubts,
	bool (*is_known)(const void *context, uint64_t target), const void *context);

/* How many results are held. */
size_t pool_doubts_held(const struct pool_doubts *doubts);

#endif
