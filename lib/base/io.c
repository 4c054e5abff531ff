/* All bytes into or out of a descriptor. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>
#include "base/io.h"

/* <positioned>  from <at> on; else from where <fd> stands */
static int write_all(int fd, const char *bytes, size_t length, bool positioned, off_t at)
{
	while (length) {
		ssize_t done = positioned ? pwrite(fd, bytes, length, at)
					  : write(fd, bytes, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? errno : EIO;
		bytes += done;
		at += done;
		length -= (size_t)done;
	}
	return 0;
}

int pool_io_write(int fd, const void *bytes, size_t length)
{
	return write_all(fd, bytes, length, false, 0);
}

int pool_io_write_at(int fd, const void *bytes, size_t length, off_t at)
{
	return write_all(fd, bytes, length, true, at);
}

int pool_io_write_ready(int fd, const void *bytes, size_t length, int timeout_ms)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	const char *at = bytes;

	while (length) {
		ssize_t done;

		if (poll(&ready, 1, timeout_ms) == 0)
			return ETIMEDOUT;
		done = write(fd, at, length);
		if (done < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (done <= 0)
			return done < 0 ? errno : EIO;
		at += done;
		length -= (size_t)done;
	}
	return 0;
}

int pool_io_read_at(int fd, void *bytes, size_t length, off_t at, size_t *got)
{
	*got = 0;
	while (*got < length) {
		ssize_t more =
			pread(fd, (char *)bytes + *got, length - *got, at + (off_t)*got);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return errno;
		if (more == 0)
			break;
		*got += (size_t)more;
	}
	return 0;
}
