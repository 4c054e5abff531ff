/*
 * What the tools that select share: readers of their options, and what they say.
 */
#ifndef POOL_TOOL_SELECT_H
#define POOL_TOOL_SELECT_H

#include "report/answer.h"
#include "report/explain.h"
#include "tool.h"

/* Readers of rows. */
int tool_read_schemes(const struct tool_given *given, void *settings);  /* unsigned */
int tool_read_strategy(const struct tool_given *given, void *settings); /* const char * */

/* Sets of schemes in which 0 is all: what both allow, or a bit of no scheme at all. */
unsigned tool_schemes_of_both(unsigned asked, unsigned possible);

/* For whom an answer is, with what the environment tells of the caller. */
struct pool_answer_query tool_answer_query(const struct pool_query *query);

/* Say that there is no proxy, and why; <status>.
 *
 * <after>  what came before, from a blank on; or ""
 */
int tool_tell_none(int status, const struct pool_query *query,
	const struct pool_explain_schemes *schemes, const char *after,
	const struct pool_choice *choice);

/* Say which were chosen. */
void tool_tell_choice(const struct pool_query *query, const struct pool_choice *choice);

/* What --direct-ok lets pass. */
bool tool_may_go_direct(enum pool_no_reason reason);

#endif
