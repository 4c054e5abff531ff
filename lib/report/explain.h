/*
 * Why a proxy was chosen, and why the others were not: a table for people.
 */
#ifndef POOL_REPORT_EXPLAIN_H
#define POOL_REPORT_EXPLAIN_H

#include "base/text.h"
#include "state/session.h"

/*
 * Append a line for the pool and one for each of its proxies.
 *
 * <query>   what was asked for
 * <choice>  the answer to it; may be without a proxy
 *
 * Returns 0 or POOL_ENOMEM.
 */
int pool_explain_add(struct pool_text *out, struct pool_session *session,
	const struct pool_query *query, const struct pool_choice *choice,
	struct pool_fault *fault);

#endif
