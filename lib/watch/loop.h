/*
 * The one event loop: descriptors that are waited for, and a timer.
 *
 *	pool_loop_open(&loop, &fault);
 *	pool_loop_add(&loop, &source, &fault);
 *	for (;;) {
 *		pool_loop_wait(&loop, due_ns);      calls what is ready
 *		... do what is due ...
 *	}
 *	pool_loop_close(&loop);
 *
 * The timer counts CLOCK_BOOTTIME: what was due while the machine slept is due when it
 * wakes.
 */
#ifndef POOL_WATCH_LOOP_H
#define POOL_WATCH_LOOP_H

#include <stdint.h>
#include "pool.h"

/* Something that is waited for, in the caller's storage as long as it is. */
struct pool_source {
	int fd;
	void (*ready)(void *context);
	void *context;
};

struct pool_loop {
	int epoll, timer; /* -1: closed */
	int64_t armed_ns; /* when the timer fires; INT64_MAX: it does not */
};

/* Closed, in storage that may be anything. */
void pool_loop_init(struct pool_loop *loop);
/* Returns 0 or POOL_ESYSTEM. */
int pool_loop_open(struct pool_loop *loop, struct pool_fault *fault);
void pool_loop_close(struct pool_loop *loop);

/* Wait for <source> to be readable from now on. Returns 0 or POOL_ESYSTEM. */
int pool_loop_add(
	struct pool_loop *loop, struct pool_source *source, struct pool_fault *fault);
/* No longer; before its descriptor is closed. */
void pool_loop_remove(struct pool_loop *loop, const struct pool_source *source);

/*
 * Wait for the first source to be ready, or until <due_ns> (0: do not wait), and call
 * those that are ready. An earlier time of a call before may end the waiting, once.
 *
 * Returns how much later than its time the timer was seen, or -1 if it was not what ended
 * the waiting.
 */
int64_t pool_loop_wait(struct pool_loop *loop, int64_t due_ns);

#endif
