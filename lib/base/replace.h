/*
 * Files that are replaced whole: written to a new file beside them, then renamed, so that
 * nobody reads half of one, and an earlier one stays until the new one is there.
 *
 * Not promised: that a power loss leaves one of the two.
 */
#ifndef POOL_BASE_REPLACE_H
#define POOL_BASE_REPLACE_H

#include <sys/types.h>
#include "pool.h"

/*
 * Whether <path> may be replaced: a device, a FIFO, a symbolic link or a folder would
 * become a file. One that does not exist may.
 *
 * <what>  it is called in <fault>, e.g. "metrics file"
 *
 * Returns 0 or POOL_EARGUMENT.
 */
int pool_replace_check(const char *what, const char *path, struct pool_fault *fault);

/*
 * Write <length> <bytes> to <path>.
 *
 * <mode>  of a new file, and of one that replaces somebody else's. One that replaces ours
 *         keeps its group and the mode that it was given, without execution and special
 *         bits; without the group's part if the group cannot be kept
 *
 * Returns 0, POOL_ESYSTEM, POOL_ENOMEM, or POOL_EARGUMENT as above.
 */
int pool_replace_file(const char *what, const char *path, const void *bytes,
	size_t length, mode_t mode, struct pool_fault *fault);

#endif
