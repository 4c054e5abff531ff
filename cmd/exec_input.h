/*
 * What a command reads: standard input, and what its arguments name as /dev/fd/N. Can
 * another run of it read the same?
 */
#ifndef POOL_EXEC_INPUT_H
#define POOL_EXEC_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { EXEC_INPUTS_MAX = 8 };

struct exec_input {
	int fd;
	bool stream; /* what was read is gone */
	bool file;   /* can be put back to where it was */
	bool likely; /* the command is thought to read it */
	off_t offset;
	int queued; /* bytes that lay there */
	bool ended; /* and no more were to come */
};

struct exec_inputs {
	struct exec_input list[EXEC_INPUTS_MAX];
	size_t count;
};

/*
 * <argv>          whose arguments may name descriptors
 * <stdin_likely>  the command is thought to read standard input
 */
void exec_inputs_init(struct exec_inputs *inputs, char *const *argv, bool stdin_likely);

/* Note where they are, before a run. */
void exec_inputs_mark(struct exec_inputs *inputs);

/*
 * Put them back to where they were.
 *
 * Returns true, or false: one was, or may have been, read that cannot be put back.
 */
bool exec_inputs_rewind(struct exec_inputs *inputs);

#endif
