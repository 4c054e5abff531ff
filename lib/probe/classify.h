/*
 * What libcurl says of a transfer, in terms of reasons. Pure: facts in, reason out.
 *
 * The rows were measured on libcurl 7.88.1; codes and errno decide, never an error text.
 */
#ifndef POOL_PROBE_CLASSIFY_H
#define POOL_PROBE_CLASSIFY_H

#include <stddef.h>
#include "health/reason.h"

/* Facts about a transfer that ended, as bits. */
enum {
	POOL_FACT_NAMED = 1,     /* the first host is a name, not an address */
	POOL_FACT_RESOLVED = 2,  /* its name has been resolved */
	POOL_FACT_CONNECTED = 4, /* TCP was established */
	POOL_FACT_REQUESTED =
		8, /* handshakes were over: the request was about to go out */
	POOL_FACT_ANSWERED = 16,  /* a status line of the answer came */
	POOL_FACT_SOCKS = 32,     /* through a SOCKS proxy */
	POOL_FACT_TLS_PROXY = 64, /* TLS to the proxy itself */
	POOL_FACT_RELAYED =
		128,            /* an HTTP proxy was asked to fetch; there is no tunnel */
	POOL_FACT_DIRECT = 256, /* no proxy: a control request */
	POOL_FACT_OVERLONG =
		512, /* it was ended: more bytes came than an answer may have */
	POOL_FACT_UNTOLD =
		1024, /* the proxy was surely not told yet what the target is */
};

struct pool_transfer_facts {
	int code;           /* CURLcode, not 0 */
	int proxy_code;     /* CURLproxycode */
	int error;          /* errno of socket() or of the connection, or 0 */
	int connect_status; /* of the proxy's answer to CONNECT, or 0 */
	unsigned facts;     /* POOL_FACT_* */
};

/* The reason why a transfer failed. Never OK. */
enum pool_reason pool_transfer_classify(const struct pool_transfer_facts *facts);

/* A few words about it without anything a peer or a user wrote; "" if there are none. */
void pool_transfer_explain(
	const struct pool_transfer_facts *facts, char *out, size_t size);

#endif
