/*
 * Files that are replaced as a whole: who reads one sees the old content or the new one.
 */
#ifndef POOL_BASE_REPLACE_H
#define POOL_BASE_REPLACE_H

#include <stddef.h>
#include <sys/types.h>
#include "pool.h"

/* Write all of it, however often that takes; false: errno says why not. */
bool pool_write_all(int fd, const char *bytes, size_t length);

/*
 * Write <length> bytes to a file beside <path>, and rename that to <path>.
 *
 * <what>  for the fault: "metrics file"
 * <mode>  of the new file, whatever the umask
 * <sync>  wait until it is on the disk before the old one goes
 *
 * Returns 0, or POOL_EARGUMENT  <path> is there and no regular file
 *               POOL_ESYSTEM, POOL_ENOMEM
 * On failure what was there stays, and nothing is left beside it.
 */
int pool_file_replace(const char *path, const char *what, const char *bytes,
	size_t length, mode_t mode, bool sync, struct pool_fault *fault);

#endif
