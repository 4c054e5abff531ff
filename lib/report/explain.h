/*
 * Why a proxy was chosen, and why the others were not: a table for people.
 */
#ifndef POOL_REPORT_EXPLAIN_H
#define POOL_REPORT_EXPLAIN_H

#include "base/text.h"
#include "report/answer.h"
#include "state/session.h"

/* Which schemes may be chosen, bits 1 << enum pool_scheme, and who says so. */
struct pool_explain_schemes {
	unsigned asked;  /* --scheme; 0: any */
	unsigned known;  /* to <who>; 0: all */
	const char *who; /* a client or a format; NULL: none */
};

/*
 * Append a line for the pool and one for each of its proxies.
 *
 * <query>   what was asked for
 * <schemes> what of it is about schemes
 * <choice>  the answer to it; may be without a proxy
 *
 * Returns 0 or POOL_ENOMEM.
 */
int pool_explain_add(struct pool_text *out, struct pool_session *session,
	const struct pool_query *query, const struct pool_explain_schemes *schemes,
	const struct pool_choice *choice, struct pool_fault *fault);

/*
 * Append cryptofeed's own log line about a chosen proxy, without a newline: never more of
 * its URL than where it leads.
 */
void pool_explain_proxy(struct pool_text *out, const struct pool_answer_query *query,
	const struct pool_proxy_choice *proxy);

/* What "no proxy" means and what to do about it, by reason. */
const char *pool_explain_none(enum pool_no_reason reason);

/*
 * Append why the answer to <query> has no proxy: of those that could be had how many each
 * thing keeps from it, and what brings one; or which of the options and formats that were
 * given leave none, no more than it takes.
 */
void pool_explain_shortage(struct pool_text *out, const struct pool_query *query,
	const struct pool_explain_schemes *schemes, const struct pool_choice *choice);

/* "http, socks5h"; "all" for 0. */
void pool_explain_add_schemes(struct pool_text *out, unsigned schemes);

#endif
