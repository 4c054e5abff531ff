/*
 * Why a proxy was chosen, and why the others were not: a table for people.
 */
#ifndef POOL_REPORT_EXPLAIN_H
#define POOL_REPORT_EXPLAIN_H

#include "base/text.h"
#include "report/answer.h"
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

/*
 * Append cryptofeed's own log line about a chosen proxy, without a newline: never more of
 * its URL than where it leads.
 */
void pool_explain_proxy(struct pool_text *out, const struct pool_answer_query *query,
	const struct pool_proxy_choice *proxy);

/* What "no proxy" means and what to do about it, by reason. */
const char *pool_explain_none(enum pool_no_reason reason);

#endif
