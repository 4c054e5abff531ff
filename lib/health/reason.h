/*
 * Reasons: what came of one use of a proxy, one row each. Everything that judges, counts,
 * shows or explains an outcome reads this table.
 */
#ifndef POOL_HEALTH_REASON_H
#define POOL_HEALTH_REASON_H

#include <stdbool.h>
#include <stdint.h>

enum pool_verdict {
	POOL_VERDICT_OK,
	POOL_VERDICT_DOWN,
	POOL_VERDICT_BLOCKED,
	POOL_VERDICT_LIMITED,
	POOL_VERDICT_INCONCLUSIVE,
	POOL_VERDICTS
};

/* How far it came: a good check of a layer speaks for that layer and those before it. */
enum pool_layer {
	POOL_LAYER_NONE,
	POOL_LAYER_LOCAL,     /* this machine */
	POOL_LAYER_RESOLVE,   /* the proxy's name */
	POOL_LAYER_CONNECT,   /* TCP to the proxy */
	POOL_LAYER_HANDSHAKE, /* TLS to the proxy, SOCKS greeting, CONNECT */
	POOL_LAYER_AUTH,      /* the proxy's user and password */
	POOL_LAYER_TLS,       /* TLS to the target, through the proxy */
	POOL_LAYER_TARGET,    /* the target and its answer */
	POOL_LAYERS
};

/* Numbers are stored in the state file: append only, never renumber. */
enum pool_reason {
	POOL_REASON_NONE = 0,
	POOL_REASON_OK = 1,
	POOL_REASON_NO_DESCRIPTORS = 2,
	POOL_REASON_NO_ROUTE = 3,
	POOL_REASON_NO_RESOLVER = 4,
	POOL_REASON_NO_PERMISSION = 5,
	POOL_REASON_NO_SECRET = 6,
	POOL_REASON_NO_MEMORY = 7,
	POOL_REASON_PROXY_NAME = 8,
	POOL_REASON_REFUSED = 9,
	POOL_REASON_UNREACHABLE = 10,
	POOL_REASON_CONNECT_TIMEOUT = 11,
	POOL_REASON_RESET = 12,
	POOL_REASON_CLOSED = 13,
	POOL_REASON_HANDSHAKE_TIMEOUT = 14,
	POOL_REASON_WRONG_PROTOCOL = 15,
	POOL_REASON_PROXY_TLS = 16,
	POOL_REASON_DENIED = 17,
	POOL_REASON_BAD_GATEWAY = 18,
	POOL_REASON_AUTH = 19,
	POOL_REASON_TLS = 20,
	POOL_REASON_TLS_VERIFY = 21,
	POOL_REASON_TARGET_NAME = 22,
	POOL_REASON_TARGET_REFUSED = 23,
	POOL_REASON_TARGET_UNREACHABLE = 24,
	POOL_REASON_RESPONSE_TIMEOUT = 25,
	POOL_REASON_EMPTY = 26,
	POOL_REASON_TRUNCATED = 27,
	POOL_REASON_STATUS = 28,
	POOL_REASON_BODY = 29,
	POOL_REASON_BLOCKED = 30,
	POOL_REASON_LIMITED = 31,
	POOL_REASON_PING_TIMEOUT = 32,
	POOL_REASON_RUN_DEADLINE = 33,
	POOL_REASON_TARGET_SUSPECT = 34,
	POOL_REASON_UPLINK_SUSPECT = 35,
	POOL_REASON_REPORTED = 36,
	POOL_REASON_NO_PORTS = 37,
	POOL_REASON_SETUP = 38,
	POOL_REASON_PERSON = 39,
	POOL_REASON_PROXY_FAILED = 40,
	POOL_REASON_GREETING_TIMEOUT = 41,
	POOL_REASONS
};

struct pool_reason_row {
	const char *name; /* stable word, e.g. "connect-refused" */
	enum pool_layer layer;
	enum pool_verdict verdict;
	bool timeout; /* nothing answered in time: says little about who is at fault */
	bool relayed; /* an answer of the target came through: the transport works */
	bool passes;  /* may pass by itself: worth another attempt in the same check */
	const char *sentence; /* what happened */
	const char *advice;   /* what to do about it */
};

/* The row of <reason>; that of NONE for a number out of range. Never NULL. */
const struct pool_reason_row *pool_reason_get(int reason);
/* The reason of that name, or -1. */
int pool_reason_find(const char *name);
/*
 * What the exit status of a curl, or of a wget, says of the proxy that it used. OK for 0;
 * NONE where it says nothing: a wrong option, a full disk, an HTTP status that only its
 * answer can tell.
 */
enum pool_reason pool_reason_from_curl(int status);
enum pool_reason pool_reason_from_wget(int status);
/*
 * What an errno of socket() or connect() says of a connection to a proxy, and what an
 * error of getaddrinfo() says of a proxy's name. NONE where it says nothing, and for 0.
 * Those of layer LOCAL are this machine's trouble.
 */
enum pool_reason pool_reason_from_errno(int error);
enum pool_reason pool_reason_from_lookup(int error);
const char *pool_verdict_name(enum pool_verdict verdict);
const char *pool_layer_name(enum pool_layer layer);

#endif
