/*
 * What the tools that select share: readers of their options, and what they say.
 */
#ifndef POOL_TOOL_SELECT_H
#define POOL_TOOL_SELECT_H

#include "tool.h"

/* Readers of rows. */
int tool_read_schemes(const struct tool_given *given, void *settings);  /* unsigned */
int tool_read_strategy(const struct tool_given *given, void *settings); /* const char * */

/* Say that there is no proxy, and why; <status>. */
int tool_tell_none(
	int status, const struct pool_query *query, const struct pool_choice *choice);

/* Say which were chosen. */
void tool_tell_choice(const struct pool_query *query, const struct pool_choice *choice);

/* What --direct-ok lets pass. */
bool tool_may_go_direct(enum pool_no_reason reason);

#endif
