/*
 * The bytes of a transfer as the kernel counts them, and the end of a transfer that reads
 * too many.
 *
 * libcurl counts what it hands on: headers and bodies. What it swallows (an extension of
 * a chunk, the head of an answer to CONNECT, the padding of anything) is in no count of
 * its own, has no limit, and is read as quickly as a peer sends it.
 *
 *	pool_wire_set(&wire, easy, max);           before the transfer
 *	pool_wire_follow(&wire, fd, what);         from the multi's socket callback, and
 *	                                           before the socket is closed
 *	... the transfer ends with CURLE_ABORTED_BY_CALLBACK if wire.over
 *
 * Not promised: the exact limit. It is looked at once in a few steps of a transfer. Where
 * the kernel does not count the bytes of a socket, only the time is bounded.
 */
#ifndef POOL_PROBE_WIRE_H
#define POOL_PROBE_WIRE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct pool_wire {
	int fd; /* the socket that libcurl waits for; -1: none */
	uint32_t steps;
	int64_t max;  /* bytes; may be changed at any time */
	int64_t read; /* when last looked at, and when the socket was closed */
	int64_t sent; /* when it was closed */
	bool known;   /* it was closed, and the kernel has counted both */
	bool over;    /* too many were read: the transfer was ended */
};

/* <wire> is borrowed by the transfer. Returns 0 or POOL_ENOMEM. */
int pool_wire_set(struct pool_wire *wire, CURL *easy, int64_t max);

/* libcurl begins to wait for the transfer's socket <fd>, or ends it: <what> is
 * CURL_POLL_*. */
void pool_wire_follow(struct pool_wire *wire, int fd, int what);

#endif
