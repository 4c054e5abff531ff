/*
 * Whether a proxy was told yet what the target is. Until then its silence is its own;
 * afterwards it may be waiting for the target.
 *
 *	http            the first thing it hears names the target
 *	socks4, 4a      likewise
 *	socks5, 5h      the greeting comes first, and a user and password if it wants them
 *	https           TLS with the proxy comes first
 *
 * Of SOCKS libcurl tells nothing, so the bytes of the wire do; of TLS with a proxy it
 * tells when a request went out.
 */
#ifndef POOL_PROBE_GREETING_H
#define POOL_PROBE_GREETING_H

#include "probe/transfer.h"

/* Have <transfer> note what pool_greeting_is_pending() asks for. Returns 0 or
 * POOL_ENOMEM. */
int pool_greeting_set(struct pool_transfer *transfer);

/* Whether the proxy of <transfer>, which has ended, was surely told of no target. */
bool pool_greeting_is_pending(const struct pool_transfer *transfer);

/* What a SOCKS5 proxy was sent and what came of it, in bytes. */
struct pool_greeting_bytes {
	int64_t sent, read;
	size_t greeting;       /* the length of the greeting itself */
	size_t user, password; /* their lengths */
	bool has_login;
	size_t host; /* length of the target's name, in case it is sent; 0: not known */
};

/* Whether these are bytes of a greeting that is not over. Where a request to the target
 * could be as long as user and password, they are not. */
bool pool_greeting_is_open(const struct pool_greeting_bytes *bytes);

#endif
