/*
 * Judging an HTTP answer: its status, its body. Pure but for the
 * matcher's memory.
 */
#ifndef POOL_PROBE_ANSWER_H
#define POOL_PROBE_ANSWER_H

#include <stddef.h>
#include "health/answer.h"
#include "probe/engine.h"

/* What the answers to a check say; OK means that the body is to be looked at. */
enum pool_reason pool_answer_judge(
	const struct pool_probe *probe, const struct pool_answers *answers);

/* The statuses that decide in a check. */
struct pool_answer_rules pool_answer_rules_of(const struct pool_probe *probe);

/* A text looked for in a body that comes in pieces (Knuth, Morris, Pratt). */
struct pool_match {
	const char *needle;
	size_t length;
	size_t at;      /* how much of the needle the pieces so far end with */
	size_t *border; /* of each prefix of the needle */
	bool found;
};

/* <needle> is borrowed; NULL or "" is found at once. Returns 0 or POOL_ENOMEM. Release
 * it. */
int pool_match_init(struct pool_match *match, const char *needle);
void pool_match_feed(struct pool_match *match, const char *bytes, size_t length);
void pool_match_release(struct pool_match *match);

#endif
