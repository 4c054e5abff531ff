/*
 * What the attempts of one command say of the proxies, and when that is told: at once
 * where the proxy is at fault, or this machine, which is only counted; at the end where
 * it may be the target, or where a look at the proxy (tool_look.h) left it open. For
 * neither a dead target nor trouble of this machine ejects anybody.
 */
#ifndef POOL_EXEC_EVIDENCE_H
#define POOL_EXEC_EVIDENCE_H

#include "health/reason.h"
#include "pool.h"

struct exec_attempt {
	char *name; /* of the proxy */
	char *host; /* and its port */
	enum pool_reason reason;
	int32_t http_status;   /* 0: none */
	int32_t retry_after_s; /* -1: none */
	bool no_room;          /* for its lease: it is told by name */
	bool listed;           /* --fail-on says that it is a failure */
	bool unsure;           /* a look at the proxy did not explain it */
	bool held;             /* not told yet */
};

struct exec_evidence {
	struct pool_session *session;
	const char *exchange; /* NULL: default */
	enum pool_type type;
	bool quiet; /* no warning if it cannot be told */
	struct exec_attempt *list;
	size_t count;
	bool begun; /* the list holds one more, of which nothing is known yet */
};

/*
 * Call it before a use of <proxy>: it takes the memory that exec_evidence_add() needs, so
 * that no command has run in vain for want of it.
 *
 * Returns 0 or POOL_ENOMEM.
 */
int exec_evidence_begin(
	struct exec_evidence *evidence, const struct pool_proxy_choice *proxy);

/*
 * Add what came of the use of <proxy> that was begun, end its lease, and tell what can be
 * told already.
 *
 * <said>  its name and host are filled in here
 */
void exec_evidence_add(struct exec_evidence *evidence,
	const struct pool_proxy_choice *proxy, const struct exec_attempt *said);

/* No attempt follows: tell the rest. TARGET_SUSPECT or UPLINK_SUSPECT if that is blamed
 * in place of the proxies, else NONE. */
enum pool_reason exec_evidence_settle(struct exec_evidence *evidence);

void exec_evidence_release(struct exec_evidence *evidence);

#endif
