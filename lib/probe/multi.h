/*
 * libcurl's multi interface on an epoll descriptor of its own: what the engine and the
 * sender of alerts have in common.
 *
 *	pool_multi_open(&multi, &fault);
 *	curl_multi_add_handle(multi.handle, easy);
 *	pool_multi_turn(&multi, 100);         waits, and does what is due
 *	... curl_multi_info_read(multi.handle, ...) ...
 *	pool_multi_close(&multi);
 *
 * The descriptor is readable when a turn has something to do, so that it can stand in an
 * epoll of somebody else's; due_ns says when one is wanted without that.
 */
#ifndef POOL_PROBE_MULTI_H
#define POOL_PROBE_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include "pool.h"

struct pool_multi {
	CURLM *handle;
	int epoll;      /* -1: closed */
	int64_t due_ns; /* libcurl's timer, CLOCK_BOOTTIME; INT64_MAX: none */
	bool global;
	/* Asked about each descriptor that is ready, since others may be in the epoll:
	 * true if it was one of those, and was seen to. May be NULL. */
	bool (*other)(void *context, int fd);
	void *context;
};

/* Closed, in storage that may be anything. */
void pool_multi_init(struct pool_multi *multi);

/* Returns 0, or POOL_ENOMEM, POOL_ESYSTEM. */
int pool_multi_open(struct pool_multi *multi, struct pool_fault *fault);

/* Wait for the first event, <wait_ms> at most and not past libcurl's timer, and do what
 * is due. */
void pool_multi_turn(struct pool_multi *multi, int64_t wait_ms);

/* All handles must have been removed. Accepts one that is closed. */
void pool_multi_close(struct pool_multi *multi);

#endif
