/*
 * The table of clients: what pool-exec knows of programs by their names: which proxies a
 * client can use, what makes it use ours whatever its own configuration says, and how
 * the end of a run is understood.
 *
 * What a variable can do is done for every command, see report/variables.h; a row names
 * it. Looking at a command line and judging an end is exec_client.h's.
 */
#ifndef POOL_EXEC_CLIENTS_H
#define POOL_EXEC_CLIENTS_H

#include <stdbool.h>
#include "base/text.h"
#include "health/reason.h"

/* What an option of a client means to us. */
enum exec_meaning {
	EXEC_NOTHING,
	EXEC_ANSWER,  /* curl's -D: it has a file of its own for the answer */
	EXEC_PROXY,   /* which proxy to use, or none */
	EXEC_BYPASS,  /* its value lists hosts that are asked directly, or is empty */
	EXEC_SEND,    /* sends something */
	EXEC_GET,     /* ... in a GET after all */
	EXEC_METHOD,  /* its value is the method */
	EXEC_INPUT,   /* its value may be "-" for standard input */
	EXEC_CONFIG,  /* ... and what it names may say anything */
	EXEC_FILE,    /* its value takes the place of the user's configuration file */
	EXEC_OUTPUT,  /* its value may be "-" for standard output */
	EXEC_NEXT,    /* another request follows, with options of its own */
	EXEC_EXECUTE, /* wget's -e: its value stands for one of these */
	EXEC_ASK,     /* about the client itself */
	EXEC_TUNNEL,  /* through CONNECT whatever the URL is */
	EXEC_CONCEAL, /* -D gets no answers to CONNECT */
};

struct exec_option {
	const char *name; /* long */
	char letter;      /* short, or 0 */
	enum exec_meaning meaning;
	bool valued;
};

/*
 * A configuration file that a client is handed in memory, so that no password stands in
 * its arguments. It comes after the files that the client reads by itself, or it takes
 * the place of the user's: then it begins with what that one says of other things.
 */
struct exec_config {
	const char *option; /* before its path, which is /dev/fd/N */
	const char *text;   /* %{url} stands for the proxy; a line about bypasses is left
			       out with --keep-no-proxy */
	bool replaces;      /* it takes the place of the user's */
	const char *variable;       /* then: the variable that names that file, or NULL */
	const char *const *files;   /* and where it is without; ends with NULL */
	const char *const *instead; /* arguments where there is no /dev/fd, by which it
				       reads no file of its own; ends with NULL */
};

struct exec_client_row {
	const char *name;  /* of the command's file */
	unsigned schemes;  /* of proxies that it can use, bits 1 << enum pool_scheme; 0:
			      all */
	const char *obeys; /* what makes it obey: its option, or a variable */
	const char *fails; /* exit statuses that mean a failed proxy, for --fail-on; NULL:
			      it is understood without */
	const struct exec_option *options; /* NULL: its arguments are not looked at */
	const char *valued;                /* short options that have a value */
	const struct exec_config *config;  /* NULL: the variables alone */
	const char *answer; /* the option that leads the heads of answers into a file, or
			       NULL */
	enum pool_reason (*judge)(int status); /* NULL: its end says nothing */
};

/* The row of a command by the name of its file, or NULL. */
const struct exec_client_row *exec_clients_find(const char *command);

/* Whether the command's file, links followed, is what its name says: busybox, too, has a
 * wget, which knows few options. */
bool exec_client_row_is_genuine(const struct exec_client_row *row, const char *command);

/* The table as lines of words between tabs, headed. */
void exec_clients_add(struct pool_text *out);

#endif
