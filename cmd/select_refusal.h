/*
 * The answer "no proxy" that pool-select owes: written whatever ends it.
 *
 * Many clients take an empty answer for "go direct". So the refusal is rendered at the
 * start, before anything can fail, and a handler writes it if a signal ends the process
 * before it has answered:
 *
 *	refusal_begin();
 *	refusal_set(text, length);     in the format that was asked for
 *	...
 *	refusal_hold(true);
 *	refusal_write(answer, length); instead of it
 *	refusal_hold(false);
 *
 * The handlers catch each signal whose default is to end a process, unless it was
 * ignored before; then the signal is raised again, so that a script ends by Ctrl-C and a
 * crash is seen as one. Process 1 of a container ends with 128 and the signal's number.
 * A file that was cut short while it was mapped (SIGBUS) ends with TOOL_SYSTEM.
 *
 * Not promised: anything after SIGKILL, and before main() runs.
 */
#ifndef POOL_SELECT_REFUSAL_H
#define POOL_SELECT_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { REFUSAL_SIZE = 4096 };

/* From now on an answer is owed. Until the refusal is set, it is the plain URL for
 * "error". */
void refusal_begin(void);

/* Set the refusal: a copy of <bytes>, at most REFUSAL_SIZE. */
void refusal_set(const char *bytes, size_t length);

/* Say whether an answer is owed. */
void refusal_owe(bool owed);

/*
 * Hold the signals back, or let them come again, so that of an answer and the refusal
 * exactly one is written. The waits of the two functions below let them come.
 */
void refusal_hold(bool held);

/*
 * Write an answer to standard output, after which none is owed. It is cut, if it must
 * be, between lines. Returns false if it was not written, having told why.
 */
bool refusal_write(const char *bytes, size_t length);

/* Read from standard input as read(2) does, waiting as long as it takes. */
ssize_t refusal_read(char *bytes, size_t size);

#endif
