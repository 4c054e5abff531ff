/* The reason table. */
#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>
#include "health/reason.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define LOCAL      .layer = POOL_LAYER_LOCAL, .verdict = POOL_VERDICT_INCONCLUSIVE
#define DOWN_AT(x) .layer = POOL_LAYER_##x, .verdict = POOL_VERDICT_DOWN

static const struct pool_reason_row rows[POOL_REASONS] = {
	[POOL_REASON_NONE] = {"none", POOL_LAYER_NONE, POOL_VERDICT_INCONCLUSIVE,
		.sentence = "nothing is known yet", .advice = "run pool-check"},
	[POOL_REASON_OK] = {"ok", POOL_LAYER_TARGET, POOL_VERDICT_OK,
		.sentence = "it works", .advice = "nothing to do"},

	[POOL_REASON_NO_DESCRIPTORS] = {"no-descriptors", LOCAL, .passes = true,
		.sentence = "this process has no file descriptors left",
		.advice = "raise the limit of open files (ulimit -n), or lower "
			  "--concurrency"},
	[POOL_REASON_NO_ROUTE] = {"no-route", LOCAL, .passes = true,
		.sentence = "this machine has no route to the proxy",
		.advice = "check this machine's network, and whether it has IPv6"},
	[POOL_REASON_NO_RESOLVER] = {"no-resolver", LOCAL, .timeout = true,
		.passes = true, .sentence = "no name server answers",
		.advice = "check /etc/resolv.conf, or give the proxy by its address"},
	[POOL_REASON_NO_PERMISSION] = {"no-permission", LOCAL,
		.sentence = "the system does not permit this check",
		.advice = "for ping: widen net.ipv4.ping_group_range, or grant "
			  "CAP_NET_RAW"},
	[POOL_REASON_NO_SECRET] = {"no-secret", LOCAL,
		.sentence = "a credential of the proxy cannot be had",
		.advice = "set the variable, or make the password file readable; a pool "
			  "file of somebody else's gets neither without --trust-file"},
	[POOL_REASON_NO_MEMORY] = {"no-memory", LOCAL, .passes = true,
		.sentence = "this machine is out of memory or network buffers",
		.advice = "free memory, or lower --concurrency"},
	[POOL_REASON_NO_PORTS] = {"no-ports", LOCAL, .passes = true,
		.sentence = "this machine has no free local port or address for the "
			    "connection",
		.advice = "widen net.ipv4.ip_local_port_range, or lower --concurrency"},
	[POOL_REASON_SETUP] = {"bad-setup", LOCAL,
		.sentence = "the check could not be set up",
		.advice = "check health_check's method and url"},

	[POOL_REASON_PROXY_NAME] = {"proxy-name", DOWN_AT(RESOLVE), .passes = true,
		.sentence = "the proxy's name cannot be resolved",
		.advice = "check the host in the proxy's URL"},
	[POOL_REASON_REFUSED] = {"connect-refused", DOWN_AT(CONNECT), .passes = true,
		.sentence = "nothing listens at the proxy's address",
		.advice = "check that the proxy runs, and its port"},
	[POOL_REASON_UNREACHABLE] = {"unreachable", DOWN_AT(CONNECT), .passes = true,
		.sentence = "the network says that the proxy's host cannot be reached",
		.advice = "check the proxy's host and the firewalls in between"},
	[POOL_REASON_CONNECT_TIMEOUT] = {"connect-timeout", DOWN_AT(CONNECT),
		.timeout = true, .passes = true,
		.sentence = "the proxy's host did not answer in time",
		.advice = "check the proxy's host and the firewalls in between"},
	[POOL_REASON_PING_TIMEOUT] = {"ping-timeout", DOWN_AT(CONNECT), .timeout = true,
		.passes = true, .sentence = "no echo came back in time",
		.advice = "check that the host answers pings at all; many do not"},
	[POOL_REASON_RESET] = {"reset", DOWN_AT(HANDSHAKE), .passes = true,
		.sentence = "the proxy cut the connection",
		.advice = "check the proxy's log; it may limit connections"},
	[POOL_REASON_CLOSED] = {"closed", DOWN_AT(HANDSHAKE), .passes = true,
		.sentence = "the proxy closed the connection without an answer",
		.advice = "check the proxy's log; it may not permit this client"},
	[POOL_REASON_HANDSHAKE_TIMEOUT] = {"handshake-timeout", DOWN_AT(HANDSHAKE),
		.timeout = true, .passes = true,
		.sentence = "the proxy took the connection but did not answer in time",
		.advice = "check that it is a proxy of this scheme, and its load"},
	[POOL_REASON_WRONG_PROTOCOL] = {"wrong-protocol", DOWN_AT(HANDSHAKE),
		.sentence = "what answers does not speak the protocol of the proxy's URL",
		.advice = "check the scheme and the port of the proxy's URL"},
	[POOL_REASON_PROXY_TLS] = {"proxy-tls", DOWN_AT(HANDSHAKE), .passes = true,
		.sentence = "TLS with the proxy itself failed",
		.advice = "check the proxy's certificate, and that it speaks https"},
	[POOL_REASON_DENIED] = {"denied", DOWN_AT(HANDSHAKE),
		.sentence = "the proxy does not permit the request",
		.advice = "check the proxy's access rules for this client, target and "
			  "port"},
	[POOL_REASON_AUTH] = {"authentication", DOWN_AT(AUTH),
		.sentence =
			"the proxy wants a user and password, or does not accept these",
		.advice = "check the proxy's user and password"},
	[POOL_REASON_TLS] = {"tls", DOWN_AT(TLS), .passes = true,
		.sentence = "TLS with the target failed through the proxy",
		.advice = "try the target without the proxy; the proxy may tamper with "
			  "TLS"},
	[POOL_REASON_TLS_VERIFY] = {"tls-verify", DOWN_AT(TLS),
		.sentence = "the target's certificate did not verify through the proxy",
		.advice = "the proxy may intercept TLS: do not send secrets through it"},

	[POOL_REASON_BAD_GATEWAY] = {"bad-gateway", DOWN_AT(TARGET), .passes = true,
		.sentence = "the proxy says that it cannot reach the target",
		.advice = "check the target, then the proxy's own network"},
	[POOL_REASON_TARGET_NAME] = {"target-name", POOL_LAYER_TARGET,
		POOL_VERDICT_INCONCLUSIVE, .passes = true,
		.sentence = "the target's name cannot be resolved",
		.advice = "check the host in health_check's url"},
	[POOL_REASON_TARGET_REFUSED] = {"target-refused", POOL_LAYER_TARGET,
		POOL_VERDICT_INCONCLUSIVE, .passes = true,
		.sentence = "the target refuses connections",
		.advice = "check that the target of health_check's url runs"},
	[POOL_REASON_TARGET_UNREACHABLE] = {"target-unreachable", POOL_LAYER_TARGET,
		POOL_VERDICT_INCONCLUSIVE, .passes = true,
		.sentence = "the target cannot be reached",
		.advice = "check the target of health_check's url, then the proxy's own "
			  "network"},
	[POOL_REASON_RESPONSE_TIMEOUT] = {"response-timeout", DOWN_AT(TARGET),
		.timeout = true, .passes = true,
		.sentence = "the answer did not come, or did not end, in time",
		.advice = "check the proxy's load and the target; raise timeout_seconds"},
	[POOL_REASON_EMPTY] = {"empty-answer", DOWN_AT(TARGET), .passes = true,
		.sentence = "the connection was closed without an answer to the request",
		.advice = "check the proxy's log, then the target"},
	[POOL_REASON_TRUNCATED] = {"truncated", DOWN_AT(TARGET), .passes = true,
		.sentence = "the answer broke off",
		.advice = "check the proxy's log, then the target"},
	[POOL_REASON_STATUS] = {"status", DOWN_AT(TARGET), .relayed = true,
		.passes = true,
		.sentence = "the answer's HTTP status is not one that is expected",
		.advice = "check health_check's url and expect_status"},
	[POOL_REASON_BODY] = {"body", DOWN_AT(TARGET), .relayed = true,
		.sentence = "the answer does not contain the expected text",
		.advice = "check health_check's expect_body; the proxy may answer in its "
			  "place"},
	[POOL_REASON_BLOCKED] = {"blocked", POOL_LAYER_TARGET, POOL_VERDICT_BLOCKED,
		.relayed = true, .sentence = "the target turns this proxy away",
		.advice = "use the proxy for other targets, or replace it"},
	[POOL_REASON_LIMITED] = {"limited", POOL_LAYER_TARGET, POOL_VERDICT_LIMITED,
		.relayed = true,
		.sentence = "the target, or the proxy itself, limits the rate",
		.advice = "wait until the cooldown ends, and send less"},

	[POOL_REASON_RUN_DEADLINE] = {"run-deadline", LOCAL, .timeout = true,
		.sentence = "the run's deadline passed before the check ended",
		.advice = "raise --timeout or --concurrency"},
	[POOL_REASON_TARGET_SUSPECT] = {"target-suspect", POOL_LAYER_TARGET,
		POOL_VERDICT_INCONCLUSIVE,
		.sentence = "the target failed through every proxy that reached it",
		.advice = "check the target; no proxy was blamed"},
	[POOL_REASON_UPLINK_SUSPECT] = {"uplink-suspect", LOCAL, .timeout = true,
		.sentence = "nothing at all answered in time",
		.advice = "check this machine's network; no proxy was blamed"},
	[POOL_REASON_REPORTED] = {"reported", POOL_LAYER_NONE, POOL_VERDICT_DOWN,
		.sentence = "a user of the proxy reported a failure",
		.advice = "run pool-check"},
	[POOL_REASON_PERSON] = {"person", LOCAL,
		.sentence = "a person disabled, enabled or reset it",
		.advice = "see pool-report"},
	[POOL_REASON_PROXY_FAILED] = {"proxy-failed", DOWN_AT(HANDSHAKE), .passes = true,
		.sentence = "the proxy took the connection but could not serve it",
		.advice = "check the proxy's log: its access rules, or the target"},
	/* No timeout in our sense: its host was reached, and the target is not known to
	 * it. */
	[POOL_REASON_GREETING_TIMEOUT] = {"greeting-timeout", DOWN_AT(HANDSHAKE),
		.passes = true,
		.sentence = "the proxy took the connection but did not answer the "
			    "greeting in time, before it knew of any target",
		.advice = "check that it is a proxy of this scheme, and its load"},
};

static const char *const verdict_names[POOL_VERDICTS] = {
	[POOL_VERDICT_OK] = "ok",
	[POOL_VERDICT_DOWN] = "down",
	[POOL_VERDICT_BLOCKED] = "blocked",
	[POOL_VERDICT_LIMITED] = "limited",
	[POOL_VERDICT_INCONCLUSIVE] = "inconclusive",
};

static const char *const layer_names[POOL_LAYERS] = {
	[POOL_LAYER_NONE] = "none",
	[POOL_LAYER_LOCAL] = "local",
	[POOL_LAYER_RESOLVE] = "resolve",
	[POOL_LAYER_CONNECT] = "connect",
	[POOL_LAYER_HANDSHAKE] = "handshake",
	[POOL_LAYER_AUTH] = "auth",
	[POOL_LAYER_TLS] = "tls",
	[POOL_LAYER_TARGET] = "target",
};

/*
 * Exit statuses of curl that say something of the proxy; all others are NONE. NONE on
 * purpose:
 *
 *	1	also an answer that is no HTTP, but mostly a scheme curl does not know
 *	22	-f: only the answer can tell whose fault its status is
 *	23, 26	a file of ours
 *	47, 61, 63, 67, 78	an answer came whole; its content is the target's
 *	53, 54, 58, 59, 64, 66, 77, 80, 82	TLS on this side
 *	95, 96	HTTP/3 goes through no proxy
 *	98	the target wants a certificate of the client
 */
static const uint8_t of_curl[] = {
	[0] = POOL_REASON_OK,
	[5] = POOL_REASON_PROXY_NAME,
	[6] = POOL_REASON_TARGET_NAME,
	/* Through a proxy nothing else is connected to. */
	[7] = POOL_REASON_REFUSED,
	/* "Weird server reply", of whoever sent it */
	[8] = POOL_REASON_PROXY_FAILED,
	/* HTTP/2 is spoken with the target, inside the tunnel; it broke. */
	[16] = POOL_REASON_TRUNCATED,
	[18] = POOL_REASON_TRUNCATED,
	/* Any timeout, from the first SYN to the last byte. The last layer, lest a tcp
	 * check clears a proxy that takes connections and stalls. */
	[28] = POOL_REASON_RESPONSE_TIMEOUT,
	/* With the target, or with an https proxy itself. */
	[35] = POOL_REASON_TLS,
	[51] = POOL_REASON_TLS_VERIFY,
	[52] = POOL_REASON_EMPTY,
	[55] = POOL_REASON_RESET,
	/* Also a CONNECT that was answered with no: its answer tells more. */
	[56] = POOL_REASON_RESET,
	[60] = POOL_REASON_TLS_VERIFY,
	[83] = POOL_REASON_TLS_VERIFY,
	[90] = POOL_REASON_TLS_VERIFY,
	[91] = POOL_REASON_TLS_VERIFY,
	[92] = POOL_REASON_TRUNCATED,
	/* The SOCKS handshake, from its greeting to the target that it could not reach */
	[97] = POOL_REASON_PROXY_FAILED,
};

/* NONE on purpose: 6 is the target's 401 (a proxy's 407 is 8, or 4 through CONNECT); 8 is
 * any status from 400 on. */
static const uint8_t of_wget[] = {
	[0] = POOL_REASON_OK,
	/* Anything from a name that is not found over a TLS handshake that fails to an
	 * answer that breaks off. */
	[4] = POOL_REASON_REPORTED,
	[5] = POOL_REASON_TLS_VERIFY,
};

/* Any errno that is not here, like EINVAL, is no word about the proxy. */
static const struct {
	int error;
	enum pool_reason reason;
} of_errno[] = {
	{EMFILE, POOL_REASON_NO_DESCRIPTORS},
	{ENFILE, POOL_REASON_NO_DESCRIPTORS},
	{ENOBUFS, POOL_REASON_NO_MEMORY},
	{ENOMEM, POOL_REASON_NO_MEMORY},
	{EADDRNOTAVAIL, POOL_REASON_NO_PORTS},
	{EAFNOSUPPORT, POOL_REASON_NO_ROUTE},
	{ENETUNREACH, POOL_REASON_NO_ROUTE},
	{ENETDOWN, POOL_REASON_NO_ROUTE},
	{EACCES, POOL_REASON_NO_PERMISSION},
	{EPERM, POOL_REASON_NO_PERMISSION},
	{ECONNREFUSED, POOL_REASON_REFUSED},
	/* Right after the accept, before anybody noticed that it was connected. */
	{ECONNRESET, POOL_REASON_RESET},
	{EPIPE, POOL_REASON_RESET},
	{ETIMEDOUT, POOL_REASON_CONNECT_TIMEOUT},
	/* What routers say of a host: ICMP's answers as the kernel hands them on. */
	{EHOSTUNREACH, POOL_REASON_UNREACHABLE},
	{EHOSTDOWN, POOL_REASON_UNREACHABLE},
	{ENOPROTOOPT, POOL_REASON_UNREACHABLE},
};

const struct pool_reason_row *pool_reason_get(int reason)
{
	return &rows[(unsigned)reason < POOL_REASONS ? reason : POOL_REASON_NONE];
}

int pool_reason_find(const char *name)
{
	for (int i = 0; i < POOL_REASONS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return i;
	return -1;
}

static enum pool_reason look_up(const uint8_t *reasons, size_t count, int status)
{
	if (status < 0 || (size_t)status >= count)
		return POOL_REASON_NONE;
	return (enum pool_reason)reasons[status];
}

enum pool_reason pool_reason_from_curl(int status)
{
	return look_up(of_curl, SIZE(of_curl), status);
}

enum pool_reason pool_reason_from_wget(int status)
{
	return look_up(of_wget, SIZE(of_wget), status);
}

enum pool_reason pool_reason_from_errno(int error)
{
	for (size_t i = 0; i < SIZE(of_errno); i++)
		if (of_errno[i].error == error)
			return of_errno[i].reason;
	return POOL_REASON_NONE;
}

enum pool_reason pool_reason_from_lookup(int error)
{
	switch (error) {
	case 0:
		return POOL_REASON_NONE;
	/* A name server or the hosts file answered, be it that there is no such name. */
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_FAIL:
		return POOL_REASON_PROXY_NAME;
	case EAI_MEMORY:
		return POOL_REASON_NO_MEMORY;
	default:
		return POOL_REASON_NO_RESOLVER;
	}
}

const char *pool_verdict_name(enum pool_verdict verdict)
{
	return (unsigned)verdict < POOL_VERDICTS ? verdict_names[verdict]
						 : "inconclusive";
}

const char *pool_layer_name(enum pool_layer layer)
{
	return (unsigned)layer < POOL_LAYERS ? layer_names[layer] : "none";
}
