/*
 * The attempts of a command: each through another proxy, until one does not fail.
 */
#ifndef POOL_EXEC_ATTEMPTS_H
#define POOL_EXEC_ATTEMPTS_H

#include "tool.h"

enum {
	EXEC_TIMEOUT = 124, /* the exit status after an attempt that took too long */
	EXEC_FAILED = 125,  /* and after a failure of ours */
	EXEC_STATUSES = 256,
};

/* What is asked for. Borrowed until the attempts are over. */
struct exec_request {
	const struct tool_spec *spec;
	char *const *argv;       /* the command; ends with NULL */
	struct pool_query query; /* with a lease of ours, if there is to be one */
	int64_t retries;
	int64_t timeout_s; /* of an attempt; 0: none; -1: the connection's for a client
			      that is known, else none */
	bool fail_on[EXEC_STATUSES]; /* exit statuses that are the proxy's failure */
	bool fails_on_any;
	bool buffer;      /* hold output back until an attempt is over */
	bool templates;   /* in the arguments */
	bool keep_bypass; /* NO_PROXY and no_proxy stay */
	bool direct_ok;
	bool quiet, verbose;
};

/*
 * Run it.
 *
 * Returns the exit status, after having told why where it is one of ours; or not at all:
 * where nothing is left to be done we become the command, and what ended by a signal ends
 * us by it.
 */
int exec_attempts_run(const struct exec_request *request, struct pool_session *session);

#endif
