/*
 * What the answers of one use of a proxy say of it: the one judge for checks, reports and
 * pool-exec.
 *
 * Answers are added in their order: a proxy's to CONNECT, those of redirects, of several
 * URLs, of a client that tries again by itself. The head of one is enough, whatever
 * becomes of its body or of the client. The first row that fits decides, by the pool's
 * own statuses:
 *
 *	cooldown.statuses	limited, whatever came before or after it. Of
 *				several the longest rest counts
 *	cooldown.blocked	blocked, whatever came before or after it. In
 *				answer to CONNECT it is no word of the target's:
 *				the proxy itself denies the request
 *	a no to CONNECT		by its status, unless another answer followed
 *	the proxy's 407		authentication, unless another answer followed,
 *				as one does where a client asks first which
 *				authentication is wanted
 *	anything else		nothing
 *
 * A yes to CONNECT decides nothing, nor does an answer of 1xx, but for 101. Not judged
 * here: an end without an answer, and a status that was not expected.
 */
#ifndef POOL_HEALTH_ANSWER_H
#define POOL_HEALTH_ANSWER_H

#include <stdbool.h>
#include <stdint.h>
#include "config/model.h"
#include "health/reason.h"

/* What decides, of a pool. Borrowed for the call. */
struct pool_answer_rules {
	const struct pool_status_set *cooling, *blocked;
	int32_t cooldown_s; /* the rest of a limit that says none */
};

/* One answer. */
struct pool_answer {
	int32_t status;        /* 0: it cannot be understood */
	int32_t retry_after_s; /* -1: none */
	bool connect;          /* it answers CONNECT, so it is the proxy's own */
	bool proxied;          /* an HTTP proxy may have written it: a 407 is its own */
};

/* What they have said so far; all zero: nothing. */
struct pool_answers {
	enum pool_reason reason; /* NONE: nothing was said of the proxy */
	int32_t status;          /* of the answer that said it, else of the last one; 0:
				    none came */
	int32_t retry_after_s;   /* with LIMITED: -1: the pool's own time */
	int32_t rest_s;          /* with LIMITED: how long that is */
	uint8_t weight;          /* of <reason>: no lighter one takes its place */
	bool connect;            /* that answer was one to CONNECT */
	bool tunnelled;          /* CONNECT was answered with yes */
	bool reached;            /* the target answered */
};

void pool_answers_add(struct pool_answers *answers, const struct pool_answer_rules *rules,
	const struct pool_answer *answer);

/* What a status in answer to CONNECT says by itself; NONE for a yes, or without one. */
enum pool_reason pool_answer_judge_connect(int32_t status);

/* False for an answer that another one follows. */
bool pool_answer_is_final(int32_t status);

#endif
