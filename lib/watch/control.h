/*
 * Being told what to do by another process: a socket beside the state file,
 *FILE.watch.sock, that takes one word a connection and answers with one line: its status,
 *a blank, a text.
 *
 *	reload    the verdict on the pool file: 0, or POOL_E* and why
 *	stop      0; the watcher ends afterwards
 *
 * Only root and the watcher's own user are listened to, whatever the socket's mode. The
 * lock of state/instance.h says whether anybody listens at all; a socket that a killed
 * watcher has left is replaced.
 */
#ifndef POOL_WATCH_CONTROL_H
#define POOL_WATCH_CONTROL_H

#include <stdbool.h>
#include "watch/loop.h"

enum pool_command { POOL_COMMAND_RELOAD, POOL_COMMAND_STOP, POOL_COMMANDS };

enum { POOL_CONTROL_CLIENTS = 8 };

struct pool_control;

struct pool_control_client {
	struct pool_source source; /* fd -1: free */
	struct pool_control *control;
};

struct pool_control {
	struct pool_source source; /* fd -1: closed */
	struct pool_loop *loop;
	char *path;
	struct pool_control_client clients[POOL_CONTROL_CLIENTS];
	/* Do it; 0, or POOL_E* and why not. */
	int (*carry_out)(
		void *context, enum pool_command command, struct pool_fault *fault);
	void *context;
};

void pool_control_init(struct pool_control *control);

/*
 * Listen beside <state_path>, whose instance the caller is.
 *
 * Returns 0, or POOL_ESYSTEM, POOL_ENOMEM.
 */
int pool_control_open(struct pool_control *control, struct pool_loop *loop,
	const char *state_path, struct pool_fault *fault);
void pool_control_close(struct pool_control *control);

/*
 * Have the watcher of <state_path> do <command>, and wait for its answer.
 *
 * Returns what the watcher answered, its text in <fault>; or
 *	POOL_EUNKNOWN  nobody listens there
 *	POOL_EUNSAFE   who listens is neither root nor us
 *	POOL_EBUSY     no answer within <timeout_ms>
 *	POOL_ESYSTEM
 */
int pool_control_ask(const char *state_path, enum pool_command command,
	int64_t timeout_ms, struct pool_fault *fault);

#endif
