/*
 * A command that may be one of the table of clients (exec_clients.h): what its arguments
 * say, what is added to them, and what the end of a run says of the proxy.
 */
#ifndef POOL_EXEC_CLIENT_H
#define POOL_EXEC_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include "config/url.h"
#include "exec_config.h"
#include "exec_heads.h"
#include "health/reason.h"

struct exec_client {
	const struct exec_client_row *row; /* NULL: nothing is known of it */
	/* Its end tells how the proxy did, which is ours. */
	bool understood;
	/* Its arguments name a proxy that is not ours, none, or hosts that are asked
	 * without one. */
	bool decides;
	/* Its arguments ask for something that must not be done twice. */
	bool changes;
	bool reads_input; /* they name standard input */
	bool connects;    /* an HTTP proxy is asked for a tunnel, and its answer shown */
	bool conceals;    /* CONNECT is asked for, and its answers are not shown */
	bool tunnels;     /* some URL of theirs may ask for TLS with the target */
	bool plain;       /* no URL of theirs asks for TLS with the target */
	struct exec_heads heads; /* where curl's -D leads */
	struct exec_config_file config;
	char **argv; /* with what is added; ends with NULL; its strings are borrowed */
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

/*
 * Before a run through the proxy <url>: write the configuration, forget the answer of the
 * run before.
 *
 * Returns 0 or a positive errno.
 */
int exec_client_begin(struct exec_client *client, const char *url, bool keep_bypass);

/* What the end of a run says of the proxy. */
struct exec_client_end {
	enum pool_reason reason; /* NONE: nothing */
	int32_t http_status;     /* of the target's answer; 0: not known */
	int32_t retry_after_s;   /* -1: not given */
	bool maybe_sent;         /* the request may have reached the target */
	bool either_tls;         /* TLS failed, with an https proxy or with the target */
	bool odd_retry_after;    /* an answer had one that cannot be read: as none */
	bool unseen;             /* there may be answers that were not seen */
};

/*
 * <policy>  of the proxy's pool
 * <scheme>  the proxy's
 */
void exec_client_judge(const struct exec_client *client, int status, bool timed_out,
	const struct pool_policy *policy, enum pool_scheme scheme,
	struct exec_client_end *out);

/* The descriptors that the command is to inherit; -1 in the rest of <out>. */
void exec_client_list_fds(const struct exec_client *client, int *out, size_t count);

#endif
