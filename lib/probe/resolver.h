/*
 * Why a name did not resolve: libcurl does not tell "there is no such name" from "no name
 * server can be asked", and only the first is the proxy's fault.
 */
#ifndef POOL_PROBE_RESOLVER_H
#define POOL_PROBE_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

/* False for what no name server is ever asked about: empty or overlong labels. */
bool pool_resolver_accepts(const char *host);

/*
 * Ask for <host> once more. True if a name server (or the hosts file) gave an answer, be
 * it that there is no such name; false if none did within <timeout_ms>.
 */
bool pool_resolver_answers(const char *host, int64_t timeout_ms);

#endif
