/*
 * The receiver behind --on-change: a program that is run for each batch.
 *
 *	pool_command_check(command, search, &path, &fault)   at the start
 *	pool_command_new(&receiver, &options, &fault)
 *
 * It is run without a shell and without arguments. The events come as JSON lines on its
 * standard input; its output goes to our standard error. Its environment is PATH, HOME,
 * LANG and TZ as given, POOL_FILE, POOL_EVENTS (how many, with those for which there was
 * no room), and of the worst event what it has of POOL_EVENT, POOL_LEVEL, POOL_MESSAGE,
 * POOL_TIME, POOL_POOL, POOL_PROXY, POOL_FROM, POOL_TO, POOL_REASON,
 * POOL_LATENCY_SECONDS, POOL_ELIGIBLE, POOL_TOTAL, POOL_COUNT, POOL_DETAIL. Nothing else,
 * and no credential. It begins in /, with umask 077, default signals, the descriptors 0
 * to 2, 1024 open files at most, in a process group of its own.
 *
 * A status other than 0 is a failure. Past its time limit the group is sent SIGTERM, and
 * SIGKILL two seconds later.
 *
 * The caller must not ignore SIGCHLD, and must have the descriptors 0 to 2 open.
 */
#ifndef POOL_WATCH_COMMAND_H
#define POOL_WATCH_COMMAND_H

#include "pool.h"
#include "watch/receiver.h"

enum {
	POOL_COMMAND_LIMIT_MS = 30000,
	POOL_COMMAND_GRACE_MS = 2000, /* from SIGTERM to SIGKILL */
};

/* Strings are borrowed until the receiver is freed; those that may be NULL are left out.
 */
struct pool_command_options {
	const char *path; /* as pool_command_check() gives it */
	const char *home, *lang, *tz;
	const char *file; /* the pool file, as it is shown */
	int64_t limit_ms; /* 0: the above */
	int64_t grace_ms; /* 0: the above */
	int output;       /* where its output goes; 0: standard error */
};

/*
 * Find a program and judge it: a regular file that we can execute, of root's or ours, in
 * folders of root's or ours, and all of that safe from others.
 *
 * <command>  a path, or without "/" a name that is looked for in <search>
 * <search>   folders with ":" between them; what is not absolute is passed over; NULL:
 *            the usual ones
 * <out>      its absolute path; free() it
 *
 * Returns 0, or: POOL_ENOFILE   there is none, or it cannot be examined
 *                POOL_EARGUMENT it is no program
 *                POOL_EUNSAFE   others could have changed it
 *                POOL_ENOMEM
 */
int pool_command_check(
	const char *command, const char *search, char **out, struct pool_fault *fault);

/* Returns 0, or POOL_ENOMEM, POOL_ESYSTEM. */
int pool_command_new(struct pool_receiver *out,
	const struct pool_command_options *options, struct pool_fault *fault);

#endif
