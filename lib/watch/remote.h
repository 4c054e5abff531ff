/*
 * Being told what to do by another process: a socket beside the state file, called
 * FILE.watch.sock, that takes one word a connection and answers with one line: its
 * status, a blank, a text.
 *
 *	reload    the verdict on the pool file: 0, or POOL_E* and why
 *	stop      0; the watcher ends afterwards
 *
 * Only root and the watcher's own user are listened to, whatever the socket's mode. The
 * lock of state/instance.h says whether anybody listens at all; a socket that a killed
 * watcher has left is replaced.
 */
#ifndef POOL_WATCH_REMOTE_H
#define POOL_WATCH_REMOTE_H

#include <stdbool.h>
#include "watch/loop.h"

enum pool_remote_command { POOL_REMOTE_RELOAD, POOL_REMOTE_STOP, POOL_REMOTE_COMMANDS };

enum { POOL_REMOTE_CLIENTS = 8 };

struct pool_remote;

struct pool_remote_client {
	struct pool_source source; /* fd -1: free */
	struct pool_remote *remote;
};

struct pool_remote {
	struct pool_source source; /* fd -1: closed */
	struct pool_loop *loop;
	char *path;
	int spare; /* a descriptor, given up to turn a client away when there are no
		      others */
	struct pool_remote_client clients[POOL_REMOTE_CLIENTS];
	/* Do it; 0, or POOL_E* and why not. */
	int (*carry_out)(void *context, enum pool_remote_command command,
		struct pool_fault *fault);
	void *context;
};

void pool_remote_init(struct pool_remote *remote);

/*
 * Listen beside <state_path>, whose instance the caller is.
 *
 * Returns 0, or POOL_ESYSTEM, POOL_ENOMEM; then it is closed again.
 */
int pool_remote_open(struct pool_remote *remote, struct pool_loop *loop,
	const char *state_path, struct pool_fault *fault);
void pool_remote_close(struct pool_remote *remote);

/*
 * Have the watcher of <state_path> do <command>, and wait for its answer.
 *
 * Returns what the watcher answered, its text in <fault>; or
 *	POOL_EUNKNOWN  nobody listens there
 *	POOL_EUNSAFE   who listens is neither root nor us
 *	POOL_EBUSY     no answer within <timeout_ms>, or too many ask already
 *	POOL_ESYSTEM, POOL_ENOMEM
 * Blocks: up to <timeout_ms> to be let in, and again for the answer.
 */
int pool_remote_ask(const char *state_path, enum pool_remote_command command,
	int64_t timeout_ms, struct pool_fault *fault);

#endif
