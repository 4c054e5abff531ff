/*
 * Which Host headers a listener answers: whether a request may be meant for it.
 *
 *	struct pool_host_rule rule = {.loopback = true, .address = "127.0.0.1", ...};
 *
 *	if (!pool_host_answers(&rule, "pools.example.com"))
 *		...
 *
 * A page in a browser can give its own name an address of this machine (DNS rebinding),
 * and would then read what is answered. It cannot hide its name, which browsers send
 * as Host. So these are answered:
 *
 *	on loopback        localhost, 127.0.0.1, ::1 and the address that is listened on
 *	beyond loopback    also any other address, which is nobody's name, and the name of
 *	                   this machine, whole or up to its first dot
 *	everywhere         the names that the caller allows
 *
 * Names are compared without regard to case and to a dot at the end. The port of the
 * header does not count, unless an allowed name has one itself.
 *
 * Pure: no system call.
 */
#ifndef POOL_WATCH_HOST_H
#define POOL_WATCH_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool_host_rule {
	bool loopback;            /* that is where the listener is */
	const char *address;      /* that it listens on, numeric, without brackets */
	uint16_t port;            /* its port */
	const char *machine;      /* this machine's name; NULL: unknown */
	const char *const *names; /* allowed ones, pool_host_is_name() each */
	size_t count;             /* of them */
};

/* Whether <text> can be allowed: "pools.example.com", "pools.example.com:8443". */
bool pool_host_is_name(const char *text);

/* Whether a request with this Host header is answered. */
bool pool_host_answers(const struct pool_host_rule *rule, const char *host);

/*
 * Whether no browser sends this Host to the listener itself, whatever page it shows:
 * the port is not the listener's, and browsers leave out port 80 only.
 */
bool pool_host_is_passed_on(const struct pool_host_rule *rule, const char *host);

#endif
