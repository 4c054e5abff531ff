/*
 * Answering HTTP: GET and HEAD of a fixed list of paths, whose content the caller makes.
 * libmicrohttpd in the caller's loop, no thread.
 *
 *	pool_server_new(&server, &options, &fault);
 *	wait for pool_server_descriptor(), or until pool_server_due_ns()
 *	pool_server_turn(server);
 *	pool_server_free(server);
 *
 * There is no authentication: an address other than loopback is the caller's decision.
 * The Host header must name this machine, as host.h has it, lest a web page of somebody
 * else's that has its own name lead there (DNS rebinding) reads what is answered. Beyond
 * loopback what programs ask for by any name is answered to all: metrics and health.
 *
 * Slow and silent clients are cut off, their number is bounded, and an answer is made at
 * most twice a second, however many ask for it. When places become few, the client that
 * has been silent longest gives way to the next.
 */
#ifndef POOL_WATCH_SERVER_H
#define POOL_WATCH_SERVER_H

#include <stdint.h>
#include "base/text.h"
#include "pool.h"

enum pool_page {
	POOL_PAGE_DASHBOARD,
	POOL_PAGE_METRICS,
	POOL_PAGE_STATUS,
	POOL_PAGE_HEALTH,
	POOL_PAGE_READY,
	POOL_PAGES
};

struct pool_page_row {
	const char *path;
	const char *type;
	bool kept;     /* the same answer may be given to several */
	bool any_host; /* beyond loopback: whatever the Host header says */
};

/* The row of <page>. */
const struct pool_page_row *pool_page_get(enum pool_page page);

struct pool_server_options {
	/*
	 * Append the content of <page>; return the HTTP status.
	 *
	 * <policy>  append a Content-Security-Policy, or nothing
	 */
	int (*render)(void *context, enum pool_page page, struct pool_text *body,
		struct pool_text *policy);
	void *context;
	/* How long a client may say nothing, and how long it may take from one answer to
	 * the end of the next; 0: 10 and 30 seconds. */
	uint32_t silence_s, request_s;
	/* The name of this machine, and the names that are allowed beside it: the
	 * caller's, who keeps them until the server is freed. See host.h. */
	const char *machine; /* NULL: unknown */
	const char *const *hosts;
	size_t host_count;
};

/* Where to listen: an address, and a port in host order. */
struct pool_listen {
	char host[64]; /* numeric, without brackets */
	uint16_t port; /* 0: any that is free */
};

/* "9469", "127.0.0.1:9469", "[::1]:9469"; false for anything else. */
bool pool_listen_parse(const char *text, struct pool_listen *out);

struct pool_server;

/* Returns 0, or POOL_ESYSTEM (the fault names the address), POOL_ENOMEM. */
int pool_server_new(struct pool_server **out, const struct pool_listen *where,
	const struct pool_server_options *options, struct pool_fault *fault);
void pool_server_free(struct pool_server *server);

/* "http://127.0.0.1:9469/"; borrowed until the server is freed. */
const char *pool_server_url(const struct pool_server *server);

/* What was answered before is no longer true: no answer is given twice. */
void pool_server_forget(struct pool_server *server);

int pool_server_descriptor(const struct pool_server *server);
/* When a turn is wanted in any case, CLOCK_BOOTTIME; INT64_MAX: not before an event. */
int64_t pool_server_due_ns(const struct pool_server *server);
void pool_server_turn(struct pool_server *server);

#endif
