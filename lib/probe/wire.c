/* The bytes of a transfer: asked of the kernel. */
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "pool.h"
#include "probe/wire.h"

/* An ordinary check has fewer steps and costs no system call more; a step reads a KB, a
 * TLS record or, of an answer to CONNECT, a byte. */
enum { LOOK_EVERY = 32 };

#define HAS(length, member)                              \
	((length) >= offsetof(struct tcp_info, member) + \
			sizeof(((struct tcp_info *)NULL)->member))

/* Count what was read from the socket, 0 if that cannot be known, and what was sent. What
 * has come but was not read yet does not count. False: not all of it is known. */
static bool count_bytes(struct pool_wire *wire, int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);
	int waiting = 0;

	wire->read = 0;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) ||
		!HAS(length, tcpi_bytes_received) || ioctl(fd, SIOCINQ, &waiting))
		return false;
	wire->read = (int64_t)info.tcpi_bytes_received - waiting;
	if (!HAS(length, tcpi_bytes_sent) || !HAS(length, tcpi_bytes_retrans))
		return false;
	wire->sent = (int64_t)(info.tcpi_bytes_sent - info.tcpi_bytes_retrans);
	return true;
}

static int take_step(void *context, curl_off_t download, curl_off_t downloaded,
	curl_off_t upload, curl_off_t uploaded)
{
	struct pool_wire *wire = context;

	(void)download;
	(void)downloaded;
	(void)upload;
	(void)uploaded;
	if (++wire->steps % LOOK_EVERY || wire->fd < 0)
		return 0;
	count_bytes(wire, wire->fd);
	wire->over |= wire->read > wire->max;
	return wire->over;
}

int pool_wire_set(struct pool_wire *wire, CURL *easy, int64_t max)
{
	int bad = 0;

	*wire = (struct pool_wire){.fd = -1, .max = max};
	bad |= (int)curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, take_step);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_XFERINFODATA, wire);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	return bad ? POOL_ENOMEM : 0;
}

void pool_wire_follow(struct pool_wire *wire, int fd, int what)
{
	if (what != CURL_POLL_REMOVE) {
		wire->known = false;
		wire->fd = fd;
	} else if (wire->fd == fd) {
		wire->known = count_bytes(wire, fd);
		wire->fd = -1;
	}
}
