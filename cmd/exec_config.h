/*
 * The configuration file that a client is handed in memory (struct exec_config), as
 * /dev/fd/N: it holds the URL of the proxy, which may be secret, and so is neither among
 * the arguments nor on a disk.
 */
#ifndef POOL_EXEC_CONFIG_H
#define POOL_EXEC_CONFIG_H

#include <stdbool.h>
#include "exec_clients.h"

struct exec_config_file {
	const struct exec_config *config; /* NULL: there is none */
	int fd;                           /* or -1 */
	char *kept; /* what the user's own file says of other things, or NULL */
	char option[64];
};

/* A file in memory that another program can open as /dev/fd/N; -1 where there is none. */
int exec_memory_open(void);

/*
 * Open it. Without /dev/fd it has no descriptor, and that is no error.
 *
 * <own>  the user's file, as an argument names it; NULL: where the client looks for it
 *
 * Returns 0 or a positive errno. Close it.
 */
int exec_config_open(
	struct exec_config_file *file, const struct exec_config *config, const char *own);
void exec_config_close(struct exec_config_file *file);

/* Write it anew for the proxy <url>: 0 or a positive errno. */
int exec_config_fill(
	const struct exec_config_file *file, const char *url, bool keep_bypass);

#endif
