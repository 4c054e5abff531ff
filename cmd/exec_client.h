/*
 * Clients whose exit status is understood: curl and wget. What their arguments say of
 * them, and what the end of a run says of the proxy.
 */
#ifndef POOL_EXEC_CLIENT_H
#define POOL_EXEC_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include "health/reason.h"

enum exec_client_kind { EXEC_CLIENT_OTHER, EXEC_CLIENT_CURL, EXEC_CLIENT_WGET };

struct exec_client {
	enum exec_client_kind kind;
	/* Its arguments ask for something that must not be done twice. */
	bool changes;
	bool reads_input; /* they name standard input */
	bool connects;    /* an HTTP proxy is asked for a tunnel, and its answer shown */
	int answer_fd;    /* curl's -D leads here; -1: there is none */
	char **argv;      /* with that -D; ends with NULL; its strings are borrowed */
	char answer_option[32];
};

/*
 * Look at a command.
 *
 * <own_proxy_is_ours>  proxies in its options were put there by us
 *
 * Returns 0 or a positive errno. Release it.
 */
int exec_client_init(
	struct exec_client *client, char *const *argv, bool own_proxy_is_ours);
void exec_client_release(struct exec_client *client);

/* Forget the answer of the run before. */
void exec_client_begin(struct exec_client *client);

/* What the end of a run says of the proxy. */
struct exec_client_end {
	enum pool_reason reason; /* NONE: nothing */
	int32_t http_status;     /* of the target's answer; 0: not known */
	int32_t retry_after_s;   /* -1: not given */
	bool maybe_sent;         /* the request may have reached the target */
};

void exec_client_judge(const struct exec_client *client, int status, bool timed_out,
	bool http_proxy, struct exec_client_end *out);

#endif
