/*
 * Going to the background: a child that leads a session of its own, and a parent that
 * waits until the child says that it is ready, or ends.
 *
 *	status = watch_daemon_begin(&daemon);     the parent does not return from here
 *	...
 *	watch_daemon_ready(&daemon);              the parent exits with 0
 *
 * A child that ends before that hands its exit status on; one whose parent is ended
 * before that ends too.
 */
#ifndef POOL_WATCH_DAEMON_H
#define POOL_WATCH_DAEMON_H

#include <stdbool.h>

struct watch_daemon {
	bool asked; /* else all of this does nothing */
	int pipe;   /* to the parent; -1: it has been told */
};

/* Fork; returns in the child, with 0, or in a process that could not fork, with an errno.
 * All descriptors above 2 are closed. */
int watch_daemon_begin(struct watch_daemon *daemon);

/* Let go of the terminal: standard streams that are no files lead to /dev/null from here
 * on. */
void watch_daemon_ready(struct watch_daemon *daemon);

#endif
