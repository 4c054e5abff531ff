/*
 * The heads of a client's answers: where they go, and what they were.
 *
 * curl writes them into the file that its -D names, one for each request of the command
 * line (--next begins another), and empties that file first. A request without one is
 * given a file in memory; a file of the user's own is read after the run, if it is an
 * ordinary one and this run has changed it.
 *
 * Not promised: that all answers are seen. Then it is said that they are not, and what
 * was seen still counts.
 */
#ifndef POOL_EXEC_HEADS_H
#define POOL_EXEC_HEADS_H

#include <sys/stat.h>
#include "health/answer.h"

enum { EXEC_HEADS = 8 }; /* requests that are looked at */

struct exec_heads_file {
	int at;          /* the word behind which our option goes */
	const char *own; /* the user's file, borrowed; NULL: ours */
	int fd;          /* ours, or -1 */
	char option[32]; /* ours */
	struct stat
		before; /* of the user's before the run; st_nlink 0: it was not there */
};

struct exec_heads {
	struct exec_heads_file list[EXEC_HEADS];
	size_t count;
	bool more; /* requests than are looked at */
};

void exec_heads_init(struct exec_heads *heads);

/* Note that another request begins behind word <at>; and that a request has a file of the
 * user's own. */
void exec_heads_next(struct exec_heads *heads, int at);
void exec_heads_own(struct exec_heads *heads, const char *own);

/* Open a file in memory for each request that has none. Without /dev/fd there is none,
 * and less is learnt. Close them. */
void exec_heads_open(struct exec_heads *heads, const char *option);
void exec_heads_close(struct exec_heads *heads);

/* Before a run: forget what the run before wrote. */
void exec_heads_begin(struct exec_heads *heads);

/* How the answers are to be understood. */
struct exec_heads_use {
	struct pool_answer_rules rules;
	bool connects; /* the first answer, until there is a yes, is one to CONNECT */
	bool refused;  /* so may be the last one, if it is a no: curl ended for it */
	bool tunnels;  /* some request was made through a tunnel */
	bool proxied;  /* by an HTTP proxy */
};

/* What is known of the answers beside what they say of the proxy. */
struct exec_heads_seen {
	bool whole;           /* there were no others */
	bool odd_retry_after; /* one that cannot be read, which is as none */
};

/* Add the answers of the run to <answers>. */
struct exec_heads_seen exec_heads_read(const struct exec_heads *heads,
	const struct exec_heads_use *use, struct pool_answers *answers);

#endif
