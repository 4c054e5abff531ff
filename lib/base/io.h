/*
 * All bytes into or out of a descriptor: a call that is interrupted, or moves a part of
 * them, is made again for the rest.
 *
 * Not promised: anything on descriptors that do not block, where EAGAIN is a failure, but
 * by pool_io_write_ready().
 */
#ifndef POOL_BASE_IO_H
#define POOL_BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

/* Write <length> bytes where <fd> stands, or from <at> on. Returns 0 or an errno. */
int pool_io_write(int fd, const void *bytes, size_t length);
int pool_io_write_at(int fd, const void *bytes, size_t length, off_t at);

/*
 * Same, from where <fd> stands, to a descriptor that need not block: wait up to
 * <timeout_ms> for room each time, -1 as long as it takes. A handler of signals may call
 * it. Returns 0 or an errno, ETIMEDOUT after such a wait.
 */
int pool_io_write_ready(int fd, const void *bytes, size_t length, int timeout_ms);

/*
 * Read <length> bytes from <at> on.
 *
 * <got>  how many were read, after a failure too; fewer than <length>: the file ends
 * there
 *
 * Returns 0 or an errno.
 */
int pool_io_read_at(int fd, void *bytes, size_t length, off_t at, size_t *got);

#endif
