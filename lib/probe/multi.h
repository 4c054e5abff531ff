/*
 * libcurl's multi interface on an epoll descriptor of its own: what the engine and the
 * sender of alerts have in common.
 *
 *	pool_multi_open(&multi, &fault);
 *	pool_multi_add(&multi, easy);
 *	pool_multi_turn(&multi, 100);         waits, and does what is due
 *	... pool_multi_take(&multi, &code) ...
 *	pool_multi_remove(&multi, easy);
 *	pool_multi_close(&multi);
 *
 * The descriptor is readable when a turn has something to do, so that it can stand in an
 * epoll of somebody else's; pool_multi_due_ns() says when one is wanted without that.
 *
 * This machine may fail in two ways that libcurl tells no transfer of; then they would
 * wait for their timeouts, or for ever. A socket that the system does not watch is told
 * to watched(). Where libcurl itself gave up, out of memory, turn() says so: its owner
 * then ends and removes every transfer and calls pool_multi_renew(). Behind libcurl's
 * timer stands a tick of a second, lest one that was lost is waited for.
 */
#ifndef POOL_PROBE_MULTI_H
#define POOL_PROBE_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include "pool.h"

struct pool_multi {
	CURLM *handle; /* NULL: none could be had yet */
	int epoll;     /* -1: closed */
	size_t transfers;
	int64_t due_ns;  /* libcurl's timer, CLOCK_BOOTTIME; INT64_MAX: none */
	int64_t tick_ns; /* look at the transfers then, whatever the timer says */
	bool global;
	bool gave_up; /* libcurl did: nothing that it knows is reliable any more */
	/* Asked about each descriptor that is ready, since others may be in the epoll:
	 * true if it was one of those, and was seen to. May be NULL. */
	bool (*other)(void *context, int fd);
	/* Told of each socket that libcurl begins to wait for, waits for otherwise, or
	 * ends to: <what> is CURL_POLL_*, <error> 0 or the errno of a system that does
	 * not watch it. <easy> is of one that was added, or libcurl's own. May be NULL.
	 */
	void (*watched)(void *context, CURL *easy, int fd, int what, int error);
	void *context;
	/* epoll_ctl(), or what stands for it in a test. */
	int (*control)(int epoll, int operation, int fd, struct epoll_event *event);
};

/* Closed, in storage that may be anything. */
void pool_multi_init(struct pool_multi *multi);

/* Returns 0, or POOL_ENOMEM, POOL_ESYSTEM. */
int pool_multi_open(struct pool_multi *multi, struct pool_fault *fault);

/* Returns 0 or POOL_ENOMEM. */
int pool_multi_add(struct pool_multi *multi, CURL *easy);
/* Of one that was added. */
void pool_multi_remove(struct pool_multi *multi, CURL *easy);

/*
 * Wait for the first event, <wait_ms> at most and not past what is due, and do what is.
 *
 * Returns 0, or POOL_ENOMEM if libcurl gave up.
 */
int pool_multi_turn(struct pool_multi *multi, int64_t wait_ms);

/* The next transfer that ended, and how, or NULL. It is still to be removed. */
CURL *pool_multi_take(struct pool_multi *multi, CURLcode *code);

/* When a turn is wanted in any case, CLOCK_BOOTTIME; INT64_MAX: not before an event. */
int64_t pool_multi_due_ns(const struct pool_multi *multi);

/* Begin anew. All handles must have been removed. */
void pool_multi_renew(struct pool_multi *multi);

/* All handles must have been removed. Accepts one that is closed. */
void pool_multi_close(struct pool_multi *multi);

#endif
