/*
 * What the mains share: option tables, where the files are, diagnostics, exit status.
 */
#ifndef POOL_TOOL_H
#define POOL_TOOL_H

#include <stddef.h>
#include <stdio.h>
#include "health/reason.h"
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

struct tool_spec;
struct tool_option;

/* An option as it was given. */
struct tool_given {
	const struct tool_spec *spec;
	const struct tool_option *option;
	char *value;  /* its argument, which may be cut up; NULL if it takes none */
	bool is_long; /* written as --type, not as -t */
};

/*
 * One option: the row behind getopt, --help, and the tests of manual page and completion.
 *
 * <read>    puts what was given into the tool's settings: 0, or the exit status after
 *           having told why not; one of tool_read_...() below, or the tool's own
 * <offset>  of the member of the settings that <read> sets
 */
struct tool_option {
	int letter;           /* the short option, or a number above 255 */
	const char *name;     /* the long option */
	const char *argument; /* e.g. "FILE", or NULL */
	const char *summary;  /* one line */
	int (*read)(const struct tool_given *given, void *settings);
	size_t offset;
	int64_t low, high; /* of a number */
	bool optional;     /* the argument may be left out: --name=VALUE or --name */
	/* The words that it can be, by their number, ended by NULL: --help lists them
	 * before the summary. */
	const char *(*words)(size_t number);
};

struct tool_spec {
	const char *name;                  /* "pool-select" */
	const char *synopsis;              /* "[OPTION]... [FILE]" */
	const char *summary;               /* one line, what it does */
	const struct tool_option *options; /* ended by a row of zeroes */
	const char *examples;              /* lines for --help */
	const char *(*libraries)(void);    /* what --version adds, or NULL */
	const char
		*statuses;  /* lines of --help about exit statuses of its own, or NULL */
	int said_status;    /* exit status after --help and --version */
	int unsaid_status;  /* and if they cannot be written; 0: TOOL_SYSTEM */
	bool options_first; /* what follows the first operand is none of its options */
	/* Tell a failure, <error> being its word or NULL, and answer the exit status;
	 * NULL: tool_end(). */
	int (*refuse)(int status, const char *error, const char *text);
};

/* What all tools can be told: every tool's settings begin with it. */
struct tool_common {
	const char *file;
	const char *state;
	const char *exchange;
	int type; /* enum pool_type, or -1 */
	bool trust_file;
	bool no_state;
	bool makes_nothing; /* no folder for a state file either */
	bool quiet;
	bool verbose;
};

/* Names that were given as a comma list; free() the list. */
struct tool_names {
	const char **list;
	size_t count;
};

/* Letters of the long options that all tools have. */
enum {
	TOOL_NO_STATE = 256,
	TOOL_FORMAT,
	TOOL_LOG_FORMAT,
	TOOL_TRUST_FILE,
	TOOL_OWN_OPTIONS, /* a tool's own long-only options start here */
};

/* A row that sets member <field> of <settings> by <read>. */
#define TOOL_SET(reader, settings, field) \
	.read = (reader), .offset = offsetof(settings, field)

/* Rows of the common options, for use inside an option table. */
#define TOOL_OPTION_FILE TOOL_OPTION_FILE_AS("the pool file (- is standard input)")
#define TOOL_OPTION_FILE_AS(meaning)                                       \
	{                                                                  \
		'f', "file", "FILE", meaning,                              \
			TOOL_SET(tool_read_text, struct tool_common, file) \
	}
#define TOOL_OPTION_TRUST_FILE                                                   \
	{                                                                        \
		TOOL_TRUST_FILE, "trust-file", NULL,                             \
			"use the pool file whoever owns it and can write it",    \
			TOOL_SET(tool_read_flag, struct tool_common, trust_file) \
	}
#define TOOL_OPTION_STATE                                                       \
	{                                                                       \
		's', "state", "FILE|DIR", "the state file, or a folder for it", \
			TOOL_SET(tool_read_text, struct tool_common, state)     \
	}
#define TOOL_OPTION_NO_STATE(summary)                                          \
	{                                                                      \
		TOOL_NO_STATE, "no-state", NULL, summary,                      \
			TOOL_SET(tool_read_flag, struct tool_common, no_state) \
	}
#define TOOL_OPTION_EXCHANGE(summary)                                          \
	{                                                                      \
		'x', "exchange", "ID", summary,                                \
			TOOL_SET(tool_read_text, struct tool_common, exchange) \
	}
#define TOOL_OPTION_TYPE(summary)                                          \
	{                                                                  \
		't', "type", "TYPE", summary,                              \
			TOOL_SET(tool_read_type, struct tool_common, type) \
	}
#define TOOL_OPTION_QUIET(summary)                                          \
	{                                                                   \
		'q', "quiet", NULL, summary,                                \
			TOOL_SET(tool_read_flag, struct tool_common, quiet) \
	}
#define TOOL_OPTION_VERBOSE(summary)                                          \
	{                                                                     \
		'v', "verbose", NULL, summary,                                \
			TOOL_SET(tool_read_flag, struct tool_common, verbose) \
	}
#define TOOL_OPTION_LOG_FORMAT                                                         \
	{                                                                              \
		.letter = TOOL_LOG_FORMAT, .name = "log-format", .argument = "FORMAT", \
		.summary =                                                             \
			"text or json (default: text), of messages on standard error", \
		.read = tool_read_log_format                                           \
	}
/* Answered by tool_read_options() itself. */
#define TOOL_OPTION_HELP                                                    \
	{                                                                   \
		.letter = 'h', .name = "help", .summary = "print this help" \
	}
#define TOOL_OPTION_VERSION                                                      \
	{                                                                        \
		.letter = 'V', .name = "version", .summary = "print the version" \
	}
#define TOOL_OPTION_END     \
	{                   \
		.letter = 0 \
	}

/*
 * First of all: put something that takes no bytes where a standard descriptor is closed,
 * so that no file of ours gets its number and is printed into. A file that grows beyond
 * ulimit -f fails to be written, and is told of, instead of ending the process. What is
 * in memory stays there: no core is dumped.
 * As process 1 of a container a tool ends by SIGHUP, SIGINT, SIGQUIT and SIGTERM as
 * elsewhere, but with 128 and the signal's number, since no signal can kill it. A file
 * that is cut short while it is mapped (SIGBUS) ends it with TOOL_SYSTEM and a message.
 */
void tool_begin(void);
/* End with <status> after a SIGBUS of that kind. */
void tool_heed_cut(int status);
/* End so, within a handler; <name> is the tool's. */
_Noreturn void tool_end_cut(const char *name, int status);

/*
 * The guard of this process's state (tool_guard.c): with it a state file that somebody
 * cuts short while it is mapped ends no tool. Installs the handler that it needs; a
 * SIGBUS of anything else goes to the one that was there before. For one session at a
 * time that writes.
 */
struct pool_guard *tool_guard(void);

/* --- options (tool_options.c) --------------------------------------------------- */

/*
 * Read the options into <settings>, which begins with a struct tool_common. --help and
 * --version are answered here and end the process; a wrong option is explained, with the
 * nearest right one. Operands are left behind optind.
 *
 * Returns 0, or the exit status after having told why.
 */
int tool_read_options(
	int argc, char **argv, const struct tool_spec *spec, void *settings);

/* The one operand there may be: a pool file, if -f named none. Returns as above. */
int tool_read_operand(
	int argc, char **argv, const struct tool_spec *spec, struct tool_common *common);

/* The member of <settings> that the row is about. */
void *tool_member(const struct tool_given *given, void *settings);

/* Readers of rows: what each sets. */
int tool_read_flag(const struct tool_given *given, void *settings);   /* bool */
int tool_read_text(const struct tool_given *given, void *settings);   /* const char * */
int tool_read_number(const struct tool_given *given, void *settings); /* int64_t */
int tool_read_type(const struct tool_given *given, void *settings);   /* int */
/* Nothing of the settings: $POOL_LOG_FORMAT of this process, where the messages look. */
int tool_read_log_format(const struct tool_given *given, void *settings);
/* struct tool_names: those given before stay. Each list has at least one. */
int tool_read_names(const struct tool_given *given, void *settings);

/* "--NAME wants WHAT, not 'VALUE'": the wording of every wrong value. The exit
 * status. */
int tool_refuse_value(const struct tool_given *given, const char *what);

/*
 * The place of <word> in <words>.
 *
 * <who>    what wants it, e.g. "--format"
 * <what>   what it wants; NULL: the words themselves
 * <words>  <count> strings; with <what>, NULL entries are passed over
 *
 * Returns 0, or the exit status after having told what is wanted, and the nearest word.
 */
int tool_find_word(const struct tool_spec *spec, const char *who, const char *what,
	const char *word, const char *const *words, size_t count, int *out);
/* Same for an option's value. */
int tool_find_value(
	const struct tool_given *given, const char *const *words, size_t count, int *out);
/* Same for an option that has words. */
int tool_find_own_value(const struct tool_given *given, int *out);
/* Same for an enum pool_type, which has other names besides. */
int tool_find_type(
	const struct tool_spec *spec, const char *who, const char *word, int *out);

/* --- messages (tool_message.c) -------------------------------------------------- */

/*
 * A message is one line on standard error, one write, control bytes replaced. As text:
 * "pool-x: text". With POOL_LOG_FORMAT=json in the environment, where --log-format puts
 * it, a JSON object: time, level, tool, message, and where there is one error, status,
 * proxy, reason, layer, advice.
 */
enum tool_level { TOOL_LEVEL_ERROR, TOOL_LEVEL_WARNING, TOOL_LEVEL_NOTE, TOOL_LEVELS };

void tool_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "pool-x: warning: text" */
void tool_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What was asked for, with -v or --explain: neither an error nor a warning. */
void tool_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Lines of the caller's own making, each ended by a newline and without control bytes: as
 * text they stay as they are, with json each is a note. */
void tool_note_text(const char *text);
/* Same for <text>, which is released. One that is not whole is an error, and false. */
struct pool_text;
bool tool_note_taken(struct pool_text *text);

/*
 * What became of a proxy: the reason's sentence and advice follow what is said.
 *
 *	tool_tell_reason(TOOL_LEVEL_WARNING, name, POOL_REASON_REFUSED,
 *		"proxy '%s' failed", name);
 *	pool-x: warning: proxy 'b' failed: nothing listens at the proxy's address;
 *	check that the proxy runs, and its port
 */
void tool_tell_reason(enum tool_level level, const char *proxy, enum pool_reason reason,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same in the caller's words alone. */
void tool_tell_about(enum tool_level level, const char *proxy, enum pool_reason reason,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

bool tool_log_is_json(void);

/* --- messages that end a tool; all return the exit status ------------------------ */

/* <error> is a stable word, or NULL. */
int tool_end(int status, const char *error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The word for a failure that has no other, or NULL. */
const char *tool_status_word(int status);

/* Tell <fault> and answer its exit status. */
int tool_fail(const struct pool_fault *fault);

/* Tell why the tool cannot go on, in its own way. */
int tool_refuse(const struct tool_spec *spec, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int tool_refuse_by(const struct tool_spec *spec, const struct pool_fault *fault);
/* Same, as tool_tell_reason(). */
int tool_refuse_reason(const struct tool_spec *spec, int status, enum pool_reason reason,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* --- status (tool.c) ------------------------------------------------------------ */

/* The exit status of a POOL_E*. */
int tool_status(int error);

/*
 * Flush and close standard output; true if everything was written. Otherwise the reason
 * was told (a closed pipe is not).
 */
bool tool_close_stdout(void);

/*
 * Print <text>, if it is whole, and release it. Documents are printed by this function or
 * the next one.
 *
 * Returns <status>, or the exit status after having told that there was no memory.
 */
int tool_print_text(const struct tool_spec *spec, struct pool_text *text, int status);
/* Same for a string, which is freed; NULL: out of memory. */
int tool_print_taken(const struct tool_spec *spec, char *string, int status);

/* Tell that standard output failed with <error>, an errno or 0 for an earlier one, unless
 * it is a closed pipe. Returns TOOL_SYSTEM. */
int tool_fail_stdout(int error);

/* --- where the files are (tool_files.c) ----------------------------------------- */

enum { TOOL_PATH_SIZE = 4096 };

/*
 * Where the pool file is: <given>, $POOL_FILE, ./pool.json, ... NULL: <status> is the
 * exit status, after having told why.
 */
const char *tool_find_file(const struct tool_spec *spec, const char *given, char *out,
	size_t size, int *status);

/*
 * Where the state is: <given>, $POOL_STATE, or the folder that goes with <file>, created
 * if need be and if it may be <made>. NULL: none can be had (standard input, no home).
 */
const char *tool_find_state(
	const char *given, const char *file, bool made, char *out, size_t size);

enum { TOOL_STATE_FOLDERS = 2 };

/*
 * The folders that states are in, each ended by "/": <given> or $POOL_STATE, or those
 * that go with any pool file of the caller. Returns how many; 0: what is given is no
 * folder, or there is no home.
 */
size_t tool_find_state_folders(const char *given, char out[][TOOL_PATH_SIZE]);

/* Whether both names, which may be NULL, lead to one file. */
bool tool_is_same_file(const char *one, const char *other);

/* Both, in its own storage. */
struct tool_files {
	const char *file;
	const char *state; /* NULL: none can be had, or --no-state */
	char file_path[TOOL_PATH_SIZE];
	char state_path[TOOL_PATH_SIZE];
};

/* Where the files of <common> are. Returns 0, or the exit status after having told why.
 */
int tool_find_files(const struct tool_spec *spec, const struct tool_common *common,
	struct tool_files *out);

/*
 * Tell that <file> has no state file, which is needed.
 *
 * <what>     cannot be done, e.g. "store results of"
 * <instead>  what to do instead, e.g. "add --dry-run to store none", or NULL
 *
 * Returns the exit status.
 */
int tool_refuse_stateless(const struct tool_spec *spec, const char *what,
	const char *file, const char *instead);

/*
 * Warn that selections of <file>, which has no state file, are not shared: of a regular
 * file, for want of a home folder. Any other never has one: then only of a missing
 * <lease>.
 */
void tool_warn_stateless(const char *file, bool lease);

/* Warn if no exchange is called <exchange> (may be NULL) but one nearly so. */
void tool_warn_near_miss(const struct pool_session *session, const char *exchange);

/* The environment of this process, in the shape the library asks for. */
const char *const *tool_environment(void);
/* getenv() in the shape the library asks for. */
const char *tool_lookup(void *context, const char *name);
/* tool_warn() in the shape the library asks for. */
void tool_warn_line(void *context, const char *text);

#endif
