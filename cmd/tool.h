/*
 * What the mains share: option tables, where the files are, diagnostics, exit status.
 */
#ifndef POOL_TOOL_H
#define POOL_TOOL_H

#include <getopt.h>
#include <stdio.h>
#include "pool.h"

/* The exit statuses of every tool; proxypool(7). */
enum tool_exit {
	TOOL_YES = 0,
	TOOL_NO = 1,
	TOOL_USAGE = 2,
	TOOL_UNUSABLE = 3,
	TOOL_SYSTEM = 4,
	TOOL_BUSY = 5,
};

/* One option: the row behind getopt, --help, and the tests of manual page and completion.
 */
struct tool_option {
	int letter;           /* the short option, or a number above 255 */
	const char *name;     /* the long option */
	const char *argument; /* e.g. "FILE", or NULL */
	const char *summary;  /* one line */
};

struct tool_spec {
	const char *name;                  /* "pool-select" */
	const char *synopsis;              /* "[OPTION]... [FILE]" */
	const char *summary;               /* one line, what it does */
	const struct tool_option *options; /* ended by a row of zeroes */
	const char *examples;              /* lines for --help */
	const char *libraries;             /* what --version adds, or NULL */
	int said_status;                   /* exit status after --help and --version */
};

/* Letters of the long options that all tools have. */
enum {
	TOOL_NO_STATE = 256,
	TOOL_FORMAT,
	TOOL_OWN_OPTIONS, /* a tool's own long-only options start here */
};

/* Rows of the common options, for use inside an option table. */
#define TOOL_OPTION_FILE                                                   \
	{                                                                  \
		'f', "file", "FILE", "the pool file (- is standard input)" \
	}
#define TOOL_OPTION_STATE                                                      \
	{                                                                      \
		's', "state", "FILE|DIR", "the state file, or a folder for it" \
	}
#define TOOL_OPTION_NO_STATE                                         \
	{                                                            \
		TOOL_NO_STATE, "no-state", NULL, "use no state file" \
	}
#define TOOL_OPTION_EXCHANGE                                              \
	{                                                                 \
		'x', "exchange", "ID", "whose traffic (default: default)" \
	}
#define TOOL_OPTION_TYPE                                                 \
	{                                                                \
		't', "type", "TYPE", "http or websocket (default: http)" \
	}
#define TOOL_OPTION_QUIET                                     \
	{                                                     \
		'q', "quiet", NULL, "say only what is needed" \
	}
#define TOOL_OPTION_VERBOSE                                        \
	{                                                          \
		'v', "verbose", NULL, "say more on standard error" \
	}
#define TOOL_OPTION_HELP                             \
	{                                            \
		'h', "help", NULL, "print this help" \
	}
#define TOOL_OPTION_VERSION                               \
	{                                                 \
		'V', "version", NULL, "print the version" \
	}
#define TOOL_OPTION_END             \
	{                           \
		0, NULL, NULL, NULL \
	}

/*
 * First of all: put something that takes no bytes where a standard descriptor is closed,
 * so that no file of ours gets its number and is printed into.
 */
void tool_begin(void);

/*
 * getopt_long() over the table. --help and --version are answered here and end the
 * process; a wrong option is explained, with the nearest right one, and answered with
 * '?'.
 *
 * Returns the option's letter, -1 at the end, '?' for a usage error that has been told.
 */
int tool_getopt(int argc, char **argv, const struct tool_spec *spec);

/* "pool-x: text" on standard error, one write, control bytes replaced. */
void tool_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tool_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The exit status of a POOL_E*. */
int tool_status(int error);
/* Tell <fault> and answer its exit status. */
int tool_fail(const struct pool_fault *fault);

/*
 * Flush and close standard output; true if everything was written. Otherwise the reason
 * was told (a closed pipe is not).
 */
bool tool_close_stdout(void);

/* Where the pool file is: <given>, $POOL_FILE, ./pool.json, ... NULL after having told
 * why. */
const char *tool_find_file(const char *given, char *out, size_t size, int *status);

/*
 * Where the state is: <given>, $POOL_STATE, or the folder that goes with <file>, created
 * if need be. NULL: none can be had (standard input, no home).
 */
const char *tool_find_state(const char *given, const char *file, char *out, size_t size);

/* getenv() in the shape the library asks for. */
const char *tool_lookup(void *context, const char *name);
/* tool_warn() in the shape the library asks for. */
void tool_warn_line(void *context, const char *text);

#endif
