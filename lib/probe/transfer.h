/*
 * One attempt of one check as a libcurl transfer: options in, result out.
 *
 * Rules that hold for every transfer, whatever its method: the proxy is given without its
 * credentials, which go into options of their own (user info that decodes to a control
 * byte makes libcurl 7.88.1 go direct and report success); NO_PROXY and the other
 * variables of the environment count for nothing; no redirect is followed; no connection
 * is used twice, nor is a handle (libcurl 7.88.1 reads a header of one transfer in the
 * next one, when it was freed); what a peer sends is capped, in every part of an answer.
 */
#ifndef POOL_PROBE_TRANSFER_H
#define POOL_PROBE_TRANSFER_H

#include <curl/curl.h>
#include <sys/socket.h>
#include "base/http.h"
#include "probe/answer.h"
#include "probe/wire.h"

/* An attempt; all zero: none. */
struct pool_transfer {
	CURL *easy;
	const struct pool_probe *probe;
	struct curl_slist *headers;
	char *url; /* where it is not the probe's own */
	struct pool_match match;
	struct pool_wire wire;
	size_t header_bytes;
	size_t body_bytes;
	int socket_errno;            /* of socket(), or 0 */
	int watch_errno;             /* why the system does not watch its socket, or 0 */
	struct pool_http_head head;  /* the one that is coming */
	struct pool_answers answers; /* those that came */
	bool requested;              /* the request was about to go out */
	bool spoken;                 /* an https proxy was asked for something */
	bool enough;       /* we ended the transfer: what came is enough to judge */
	bool overlong;     /* we ended it: more headers came than an answer may have */
	bool accepted;     /* Sec-WebSocket-Accept is right */
	bool resolve_only; /* ping: no connection, only the address */
	struct sockaddr_storage address; /* that the host resolved to */
	socklen_t address_length;        /* 0: none yet */
};

/* True if an HTTP proxy was asked to fetch the URL itself. */
bool pool_probe_is_relayed(const struct pool_probe *probe);

/* Add the head that is coming, as far as it came, to <answers>. */
void pool_transfer_add_head(
	const struct pool_transfer *transfer, struct pool_answers *answers);

/* The same for all transfers of an engine. */
struct pool_transfer_options {
	const char *ca_file; /* NULL: the system's */
	bool keeps_names; /* a name that was resolved stays so; else each attempt asks */
};

/*
 * Set an attempt of <probe> up, in storage that may be anything.
 *
 * Returns 0, or: POOL_EARGUMENT  it cannot be asked so (no URL, a strange one)
 *                POOL_ENOMEM
 * In any case, pool_transfer_clear() ends the attempt.
 */
int pool_transfer_set(struct pool_transfer *transfer, const struct pool_probe *probe,
	const struct pool_transfer_options *options);

/* Judge a transfer that libcurl ended with <code>. Writes reason, status, latency, ... */
void pool_transfer_judge(const struct pool_transfer *transfer, CURLcode code,
	struct pool_probe_result *result);

/* Forget the attempt, its credentials too. Accepts one that was zeroed only. */
void pool_transfer_clear(struct pool_transfer *transfer);

/* What a scheme means for a check. */
struct pool_scheme_traits {
	const char *name; /* as libcurl knows it */
	bool socks;
	bool tls; /* to the proxy itself */
};
/* NULL for a scheme out of range. */
const struct pool_scheme_traits *pool_scheme_traits_get(const struct pool_login *login);

/* True if <host> is an address, which needs no resolver. */
bool pool_host_is_address(const char *host);

/*
 * False if <address>, of a socket to be opened, is not the proxy's: its port is another
 * one, or its host if that is an address. libcurl 7.88.1 takes port 1080 where it has no
 * memory for the one that it was given.
 */
bool pool_login_may_be_at(const struct pool_login *login, const struct sockaddr *address);

#endif
