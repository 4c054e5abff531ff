/* pool-status --prune: list and remove what is left of pool files that are gone. */
#ifndef POOL_STATUS_PRUNE_H
#define POOL_STATUS_PRUNE_H

#include "tool.h"

/*
 * Remove the states and snapshots of such pool files, and print a line for each.
 *
 * <state>    a folder, as -s gives it; NULL: where states are by default
 * <dry_run>  only list them
 * <quiet>    do not list those that are left alone
 *
 * Returns the exit status.
 */
int status_prune(
	const struct tool_spec *spec, const char *state, bool dry_run, bool quiet);

#endif
