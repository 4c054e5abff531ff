/*
 * All bytes into or out of a descriptor: a call that is interrupted, or moves a part of
 * them, is made again for the rest.
 *
 * Not promised: anything on descriptors that do not block, where EAGAIN is a failure.
 */
#ifndef POOL_BASE_IO_H
#define POOL_BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

/* Write <length> bytes, from where <fd> stands, or from <at> on. Returns 0 or an errno.
 */
int pool_io_write(int fd, const void *bytes, size_t length);
int pool_io_write_at(int fd, const void *bytes, size_t length, off_t at);

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
