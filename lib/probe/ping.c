/* ICMP echoes. */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <unistd.h>
#include "probe/ping.h"

static const struct {
	int domain;
	int protocol;
	uint8_t request;
	uint8_t reply;
} families[POOL_PING_FAMILIES] = {
	[POOL_PING_IPV4] = {AF_INET, IPPROTO_ICMP, ICMP_ECHO, ICMP_ECHOREPLY},
	[POOL_PING_IPV6] = {AF_INET6, IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST,
		ICMP6_ECHO_REPLY},
};

/* The same layout in both families. */
struct echo {
	uint8_t type;
	uint8_t code;
	uint16_t checksum;
	uint16_t id;
	uint16_t sequence;
	struct pool_ping_mark mark;
};

_Static_assert(sizeof(struct echo) == 24, "no padding: it goes over the wire");

void pool_pinger_init(struct pool_pinger *pinger, uint16_t id)
{
	*pinger = (struct pool_pinger){.fd = {-1, -1}, .id = id};
}

void pool_pinger_release(struct pool_pinger *pinger)
{
	for (int i = 0; i < POOL_PING_FAMILIES; i++)
		if (pinger->fd[i] >= 0)
			close(pinger->fd[i]);
	pool_pinger_init(pinger, pinger->id);
}

static int find_family(const struct sockaddr *address)
{
	for (int i = 0; i < POOL_PING_FAMILIES; i++)
		if (families[i].domain == address->sa_family)
			return i;
	return -1;
}

int pool_pinger_open(struct pool_pinger *pinger, const struct sockaddr *address)
{
	int family = find_family(address);
	int fd;

	if (family < 0)
		return -EAFNOSUPPORT;
	if (pinger->fd[family] >= 0)
		return pinger->fd[family];
	pinger->raw[family] = false;
	fd = socket(families[family].domain, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		families[family].protocol);
	if (fd < 0 && errno != EMFILE && errno != ENFILE) {
		pinger->raw[family] = true;
		fd = socket(families[family].domain,
			SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			families[family].protocol);
	}
	if (fd < 0)
		return -errno;
	pinger->fd[family] = fd;
	return fd;
}

/* RFC 1071. Of ICMPv6 the kernel computes it, with the pseudo header. */
static uint16_t sum_up(const struct echo *echo)
{
	uint16_t words[sizeof(*echo) / 2];
	uint32_t sum = 0;

	memcpy(words, echo, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return (uint16_t)~sum;
}

int pool_pinger_send(const struct pool_pinger *pinger, const struct sockaddr *address,
	socklen_t length, const struct pool_ping_mark *mark)
{
	int family = find_family(address);
	struct sockaddr_storage to = {0};
	struct echo echo = {.id = htons(pinger->id),
		.sequence = htons((uint16_t)mark->slot),
		.mark = *mark};

	if (family < 0 || pinger->fd[family] < 0 || length > sizeof(to))
		return -EAFNOSUPPORT;
	memcpy(&to, address, length);
	/* To a raw socket a port is a protocol number. */
	if (family == POOL_PING_IPV6)
		((struct sockaddr_in6 *)&to)->sin6_port = 0;
	echo.type = families[family].request;
	echo.checksum = family == POOL_PING_IPV4 ? sum_up(&echo) : 0;
	if (sendto(pinger->fd[family], &echo, sizeof(echo), MSG_NOSIGNAL,
		    (struct sockaddr *)&to, length) < 0)
		return -errno;
	return 0;
}

/* Where the ICMP message begins: raw IPv4 sockets hand out the IP header too. */
static size_t skip_header(const unsigned char *bytes, size_t length, bool present)
{
	size_t header = present && length ? (size_t)(bytes[0] & 0x0f) * 4 : 0;

	return header <= length ? header : length;
}

bool pool_pinger_receive(
	const struct pool_pinger *pinger, int fd, struct pool_ping_mark *out)
{
	int family = fd == pinger->fd[POOL_PING_IPV6] ? POOL_PING_IPV6 : POOL_PING_IPV4;
	unsigned char bytes[256];
	struct echo echo;

	for (;;) {
		ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		size_t start;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		start = skip_header(bytes, (size_t)got,
			pinger->raw[family] && family == POOL_PING_IPV4);
		if ((size_t)got - start < sizeof(echo))
			continue;
		memcpy(&echo, bytes + start, sizeof(echo));
		if (echo.type != families[family].reply)
			continue;
		*out = echo.mark;
		return true;
	}
}
