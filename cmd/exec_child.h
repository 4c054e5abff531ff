/*
 * Runs of a command: starting it, passing signals on, its output, its end.
 *
 * The command stays in our process group, so that a terminal treats both as one: what is
 * typed there (^C, ^\, ^Z) reaches it from the terminal, and only what was sent to us
 * alone is passed on.
 *
 * Not promised: anything about processes that the command leaves behind. They are not
 * waited for, and what they write to an output that is watched is lost.
 */
#ifndef POOL_EXEC_CHILD_H
#define POOL_EXEC_CHILD_H

#include <stdbool.h>
#include <stdint.h>

/* What becomes of standard output. */
enum exec_output {
	EXEC_OUTPUT_OURS,  /* the command has ours */
	EXEC_OUTPUT_WATCH, /* it comes through us: then it is known whether it wrote */
	EXEC_OUTPUT_HOLD,  /* it goes to a file without a name */
};

enum { EXEC_KEEP_FDS = 9 };

struct exec_run {
	char *const *argv;
	char *const *envp;
	int keep_fds[EXEC_KEEP_FDS]; /* more descriptors for the command, or -1 */
	int64_t limit_ms;            /* then it is ended; 0: never */
	enum exec_output output;
};

/* How a run ended. */
struct exec_end {
	int status;      /* as a shell gives it: 128 + n after signal n */
	int signal;      /* that killed it, or 0 */
	int told;        /* a signal meanwhile that asked us or it to end, or 0 */
	bool timed_out;  /* its time was over */
	bool wrote;      /* WATCH: something came */
	int write_error; /* errno of our standard output, or 0 */
	int held_fd;     /* HOLD: what it wrote, the caller's to close(); or -1 */
};

/*
 * Run the command and wait for its end. What cannot be run has told why and ends with 126
 * or 127.
 *
 * Returns 0, or a positive errno: it was not started.
 */
int exec_child_run(const struct exec_run *run, struct exec_end *end);

/* Become the command, with the descriptors of <keep_fds>. Returns only if that cannot be:
 * 126 or 127, after having told why.
 */
int exec_child_become(char *const *argv, char *const *envp, const int *keep_fds);

/* Copy what was held to standard output: 0 or errno. */
int exec_child_release(int held_fd);

/* End by <signal>, as the command did, without a core of our own; or else with the status
 * that stands for it. */
_Noreturn void exec_child_die(int signal);

#endif
