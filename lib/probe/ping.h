/*
 * ICMP echoes: one socket a family for all of them, the echoes told apart by what they
 * carry.
 */
#ifndef POOL_PROBE_PING_H
#define POOL_PROBE_PING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { POOL_PING_IPV4, POOL_PING_IPV6, POOL_PING_FAMILIES };

struct pool_pinger {
	int fd[POOL_PING_FAMILIES]; /* -1: not opened */
	bool raw[POOL_PING_FAMILIES];
	uint16_t id; /* of raw sockets' echoes */
};

/* What an echo carries out and back. */
struct pool_ping_mark {
	uint64_t token;
	uint32_t slot;
	uint32_t unused;
};

void pool_pinger_init(struct pool_pinger *pinger, uint16_t id);
void pool_pinger_release(struct pool_pinger *pinger);

/*
 * Open the socket for <address>, if it is not open: a datagram one, else a raw one.
 *
 * Returns its descriptor, or a negative errno: -EACCES, -EPERM  neither is permitted
 *                                              -EAFNOSUPPORT    no such family
 */
int pool_pinger_open(struct pool_pinger *pinger, const struct sockaddr *address);

/* Send an echo through the opened socket; 0 or a negative errno. */
int pool_pinger_send(const struct pool_pinger *pinger, const struct sockaddr *address,
	socklen_t length, const struct pool_ping_mark *mark);

/* The mark of the next reply waiting at <fd>; false if there is none. */
bool pool_pinger_receive(
	const struct pool_pinger *pinger, int fd, struct pool_ping_mark *out);

#endif
