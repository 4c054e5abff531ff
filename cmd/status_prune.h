/* What is left of pool files that are gone: pool-status --prune. */
#ifndef POOL_STATUS_PRUNE_H
#define POOL_STATUS_PRUNE_H

#include "tool.h"

/*
 * Remove it, or with <dry_run> only list it. <quiet>: not what is left.
 *
 * <state>  a folder, as -s gives it; NULL: where states are by default
 *
 * Returns the exit status.
 */
int status_prune(
	const struct tool_spec *spec, const char *state, bool dry_run, bool quiet);

#endif
