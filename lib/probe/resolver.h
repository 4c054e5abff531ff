/*
 * Why a name did not resolve: libcurl does not tell "there is no such name" from "no name
 * server can be asked", and only the first is the proxy's fault.
 *
 *	question = pool_resolver_ask(host);
 *	while ((answer = pool_resolver_look(question)) == POOL_RESOLVER_WORKING)
 *		... do something else for a while ...
 *
 * The C library's own threads ask; nothing here blocks.
 */
#ifndef POOL_PROBE_RESOLVER_H
#define POOL_PROBE_RESOLVER_H

#include <stdbool.h>

struct pool_question;

enum pool_resolver_answer {
	POOL_RESOLVER_WORKING,  /* none yet */
	POOL_RESOLVER_ANSWERED, /* a name server or the hosts file did, be it that there
				   is no such name */
	POOL_RESOLVER_SILENT    /* nobody answers */
};

/* False for what no name server is ever asked about: empty or overlong labels. */
bool pool_resolver_accepts(const char *host);

/* Ask for <host> once more; NULL when that cannot be. */
struct pool_question *pool_resolver_ask(const char *host);

/* What came of it; the question is freed with any answer but WORKING. */
enum pool_resolver_answer pool_resolver_look(struct pool_question *question);

/* Wait for no answer. Accepts NULL. */
void pool_resolver_forget(struct pool_question *question);

#endif
