/*
 * The methods' work: one row a method. To add one: a row here, a set function, a judge
 * function.
 */
#ifndef POOL_PROBE_METHOD_H
#define POOL_PROBE_METHOD_H

#include "probe/transfer.h"

struct pool_method_work {
	struct pool_method_row row;
	CURLINFO latency; /* which of libcurl's times is the check's */
	int (*set)(struct pool_transfer *transfer);
	/* Judge what came; NULL: to have come so far is enough. */
	void (*judge)(
		const struct pool_transfer *transfer, struct pool_probe_result *result);
	bool echo; /* the transfer only finds the address; an ICMP echo follows */
};

/* NULL for a number out of range. */
const struct pool_method_work *pool_method_work_get(enum pool_method method);

/* The example nonce of RFC 6455 and its answer: it proves that somebody computed one. */
#define POOL_WEBSOCKET_KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define POOL_WEBSOCKET_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/* request.c: 0, POOL_EARGUMENT, POOL_ENOMEM */
int pool_transfer_set_tcp(struct pool_transfer *transfer);
int pool_transfer_set_http(struct pool_transfer *transfer);
int pool_transfer_set_ping(struct pool_transfer *transfer);
int pool_transfer_set_tunnel(struct pool_transfer *transfer);
int pool_transfer_set_websocket(struct pool_transfer *transfer);

/* outcome.c */
void pool_transfer_judge_answer(
	const struct pool_transfer *transfer, struct pool_probe_result *result);
void pool_transfer_judge_upgrade(
	const struct pool_transfer *transfer, struct pool_probe_result *result);

#endif
