/* The golden table: libcurl's outcomes to reasons. First row that fits; before them
 * stands a no to CONNECT. What an errno of a connection means stands in health/reason.c.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "health/answer.h"
#include "probe/classify.h"

#define NAMED     POOL_FACT_NAMED
#define RESOLVED  POOL_FACT_RESOLVED
#define CONNECTED POOL_FACT_CONNECTED
#define REQUESTED POOL_FACT_REQUESTED
#define ANSWERED  POOL_FACT_ANSWERED
#define SOCKS     POOL_FACT_SOCKS
#define TLS_PROXY POOL_FACT_TLS_PROXY
#define RELAYED   POOL_FACT_RELAYED
#define DIRECT    POOL_FACT_DIRECT
#define OVERLONG  POOL_FACT_OVERLONG
#define UNTOLD    POOL_FACT_UNTOLD

/* Codes that libcurl 7.88 does not name yet. */
enum {
	TOO_LARGE = 100,    /* a header, since 8.6 */
	ECH_REQUIRED = 101, /* since 8.8 */
};

/* Zero in code, proxy_code, error and high means "whatever it is". */
struct rule {
	enum pool_reason reason;
	int code;
	int proxy_code;
	int error;
	int low, high;    /* of connect_status */
	unsigned with;    /* facts that must hold */
	unsigned without; /* facts that must not */
};

#define SOCKS_CODE(px, why)                                          \
	{                                                            \
		.code = CURLE_PROXY, .proxy_code = px, .reason = why \
	}

#define LOCAL_CODE(rc)                                  \
	{                                               \
		.code = rc, .reason = POOL_REASON_SETUP \
	}

/*
 * All codes of libcurl 7.88 to 8.14 that a check can end with have a row; the last ones
 * take those that nobody knows. Before the proxy is connected to, such a failure is this
 * machine's; later, something came that libcurl cannot make sense of, and this is the
 * proxy's. Without a row on purpose:
 *
 *	10-15, 17, 19, 21, 25, 30, 31, 36-39, 64, 68-74, 78, 79, 84-88	other protocols'
 *	20, 24, 29, 32, 34, 40, 44, 46, 49-51, 57, 62, 75, 76	not used any more
 *	16, 92, 95, 96	HTTP/2 and HTTP/3: HTTP/1.1 alone is asked for
 *	9, 22, 33, 47, 63, 65, 67, 81, 90, 94	of what is never asked for: a FAILONERROR,
 *		a range, redirects, a body sent, a pinned key, other authentication
 *	42	we ended the transfer: a fact says why
 *	43, 61	an answer that begins with a folded line, a coding that is unknown: as
 *		any other that cannot be understood
 */
static const struct rule rules[] = {
	/* This machine: says nothing about the proxy. */
	{.code = CURLE_OUT_OF_MEMORY,
		.without = OVERLONG,
		.reason = POOL_REASON_NO_MEMORY},
	/* What was asked for cannot be done here. */
	LOCAL_CODE(CURLE_FAILED_INIT),
	LOCAL_CODE(CURLE_URL_MALFORMAT),
	LOCAL_CODE(CURLE_NOT_BUILT_IN),
	LOCAL_CODE(CURLE_READ_ERROR),
	LOCAL_CODE(CURLE_FUNCTION_NOT_FOUND),
	LOCAL_CODE(CURLE_INTERFACE_FAILED),
	LOCAL_CODE(CURLE_UNKNOWN_OPTION),
	LOCAL_CODE(CURLE_SSL_ENGINE_NOTFOUND),
	LOCAL_CODE(CURLE_SSL_ENGINE_SETFAILED),
	LOCAL_CODE(CURLE_SSL_CERTPROBLEM),
	LOCAL_CODE(CURLE_SSL_CIPHER),
	LOCAL_CODE(CURLE_SSL_ENGINE_INITFAILED),
	LOCAL_CODE(CURLE_SSL_CACERT_BADFILE),
	LOCAL_CODE(CURLE_SSL_CRL_BADFILE),
	LOCAL_CODE(CURLE_NO_CONNECTION_AVAILABLE),
	LOCAL_CODE(CURLE_RECURSIVE_API_CALL),
	LOCAL_CODE(CURLE_UNRECOVERABLE_POLL),
	LOCAL_CODE(ECH_REQUIRED),
	{.code = CURLE_OPERATION_TIMEDOUT,
		.with = NAMED,
		.without = RESOLVED | CONNECTED,
		.reason = POOL_REASON_NO_RESOLVER},

	/* A control request: whatever fails is the target's. */
	{.code = CURLE_COULDNT_RESOLVE_HOST,
		.with = DIRECT,
		.reason = POOL_REASON_TARGET_NAME},
	{.code = CURLE_OPERATION_TIMEDOUT,
		.with = DIRECT,
		.reason = POOL_REASON_RESPONSE_TIMEOUT},

	/* The way to the proxy. An address needs nothing but memory. */
	{.code = CURLE_COULDNT_RESOLVE_PROXY,
		.without = NAMED,
		.reason = POOL_REASON_NO_MEMORY},
	{.code = CURLE_COULDNT_RESOLVE_HOST,
		.without = NAMED,
		.reason = POOL_REASON_NO_MEMORY},
	{.code = CURLE_COULDNT_RESOLVE_PROXY, .reason = POOL_REASON_PROXY_NAME},
	{.code = CURLE_COULDNT_RESOLVE_HOST, .reason = POOL_REASON_PROXY_NAME},
	{.code = CURLE_OPERATION_TIMEDOUT,
		.without = CONNECTED,
		.reason = POOL_REASON_CONNECT_TIMEOUT},

	/* Headers, or whatever stands between them, without an end. */
	{.with = OVERLONG | REQUESTED, .reason = POOL_REASON_TRUNCATED},
	{.with = OVERLONG, .reason = POOL_REASON_WRONG_PROTOCOL},
	{.code = TOO_LARGE, .with = REQUESTED, .reason = POOL_REASON_TRUNCATED},
	{.code = TOO_LARGE, .with = CONNECTED, .reason = POOL_REASON_WRONG_PROTOCOL},

	/* SOCKS. */
	SOCKS_CODE(CURLPX_REPLY_NOT_ALLOWED, POOL_REASON_DENIED),
	SOCKS_CODE(CURLPX_REPLY_NETWORK_UNREACHABLE, POOL_REASON_TARGET_UNREACHABLE),
	SOCKS_CODE(CURLPX_REPLY_HOST_UNREACHABLE, POOL_REASON_TARGET_UNREACHABLE),
	SOCKS_CODE(CURLPX_REPLY_CONNECTION_REFUSED, POOL_REASON_TARGET_REFUSED),
	SOCKS_CODE(CURLPX_REPLY_TTL_EXPIRED, POOL_REASON_TARGET_UNREACHABLE),
	SOCKS_CODE(CURLPX_REPLY_COMMAND_NOT_SUPPORTED, POOL_REASON_DENIED),
	SOCKS_CODE(CURLPX_REPLY_ADDRESS_TYPE_NOT_SUPPORTED, POOL_REASON_DENIED),
	SOCKS_CODE(CURLPX_REPLY_GENERAL_SERVER_FAILURE, POOL_REASON_BAD_GATEWAY),
	SOCKS_CODE(CURLPX_REPLY_UNASSIGNED, POOL_REASON_BAD_GATEWAY),
	/* SOCKS4 has one answer, 91, for "not allowed" and "target not reached". */
	SOCKS_CODE(CURLPX_REQUEST_FAILED, POOL_REASON_BAD_GATEWAY),
	SOCKS_CODE(CURLPX_UNKNOWN_FAIL, POOL_REASON_BAD_GATEWAY),
	SOCKS_CODE(CURLPX_NO_AUTH, POOL_REASON_AUTH),
	SOCKS_CODE(CURLPX_USER_REJECTED, POOL_REASON_AUTH),
	SOCKS_CODE(CURLPX_LONG_USER, POOL_REASON_AUTH),
	SOCKS_CODE(CURLPX_LONG_PASSWD, POOL_REASON_AUTH),
	SOCKS_CODE(CURLPX_IDENTD, POOL_REASON_AUTH),
	SOCKS_CODE(CURLPX_IDENTD_DIFFER, POOL_REASON_AUTH),
	SOCKS_CODE(CURLPX_GSSAPI, POOL_REASON_AUTH),
	SOCKS_CODE(CURLPX_GSSAPI_PERMSG, POOL_REASON_AUTH),
	SOCKS_CODE(CURLPX_GSSAPI_PROTECTION, POOL_REASON_AUTH),
	SOCKS_CODE(CURLPX_RESOLVE_HOST, POOL_REASON_TARGET_NAME),
	SOCKS_CODE(CURLPX_LONG_HOSTNAME, POOL_REASON_SETUP),
	SOCKS_CODE(CURLPX_BAD_VERSION, POOL_REASON_WRONG_PROTOCOL),
	SOCKS_CODE(CURLPX_BAD_ADDRESS_TYPE, POOL_REASON_WRONG_PROTOCOL),
	SOCKS_CODE(CURLPX_UNKNOWN_MODE, POOL_REASON_WRONG_PROTOCOL),
	SOCKS_CODE(CURLPX_CLOSED, POOL_REASON_CLOSED),
	SOCKS_CODE(CURLPX_RECV_ADDRESS, POOL_REASON_CLOSED),
	SOCKS_CODE(CURLPX_RECV_AUTH, POOL_REASON_CLOSED),
	SOCKS_CODE(CURLPX_RECV_CONNECT, POOL_REASON_CLOSED),
	SOCKS_CODE(CURLPX_RECV_REQACK, POOL_REASON_CLOSED),
	SOCKS_CODE(CURLPX_SEND_AUTH, POOL_REASON_CLOSED),
	SOCKS_CODE(CURLPX_SEND_CONNECT, POOL_REASON_CLOSED),
	SOCKS_CODE(CURLPX_SEND_REQUEST, POOL_REASON_CLOSED),
	{.code = CURLE_PROXY, .reason = POOL_REASON_WRONG_PROTOCOL},

	/* TLS: to the proxy until it has answered CONNECT, then to the target. */
	{.code = CURLE_SSL_CONNECT_ERROR,
		.with = TLS_PROXY | RELAYED,
		.reason = POOL_REASON_PROXY_TLS},
	{.code = CURLE_SSL_CONNECT_ERROR,
		.with = TLS_PROXY,
		.low = 0,
		.high = 199,
		.reason = POOL_REASON_PROXY_TLS},
	{.code = CURLE_PEER_FAILED_VERIFICATION,
		.with = TLS_PROXY | RELAYED,
		.reason = POOL_REASON_PROXY_TLS},
	{.code = CURLE_PEER_FAILED_VERIFICATION,
		.with = TLS_PROXY,
		.low = 0,
		.high = 199,
		.reason = POOL_REASON_PROXY_TLS},
	/* A certificate of ours is asked for; there is none. */
	{.code = CURLE_SSL_CLIENTCERT,
		.with = TLS_PROXY | RELAYED,
		.reason = POOL_REASON_PROXY_TLS},
	{.code = CURLE_SSL_CLIENTCERT,
		.with = TLS_PROXY,
		.low = 0,
		.high = 199,
		.reason = POOL_REASON_PROXY_TLS},
	{.code = CURLE_SSL_CLIENTCERT, .reason = POOL_REASON_TLS},
	{.code = CURLE_SSL_SHUTDOWN_FAILED, .reason = POOL_REASON_TLS},
	{.code = CURLE_SSL_CONNECT_ERROR, .reason = POOL_REASON_TLS},
	{.code = CURLE_PEER_FAILED_VERIFICATION, .reason = POOL_REASON_TLS_VERIFY},
	{.code = CURLE_SSL_ISSUER_ERROR, .reason = POOL_REASON_TLS_VERIFY},
	{.code = CURLE_SSL_INVALIDCERTSTATUS, .reason = POOL_REASON_TLS_VERIFY},

	/* Silence. Garbage in answer to CONNECT ends here too. */
	{.code = CURLE_OPERATION_TIMEDOUT,
		.with = UNTOLD,
		.reason = POOL_REASON_GREETING_TIMEOUT},
	{.code = CURLE_OPERATION_TIMEDOUT,
		.with = ANSWERED,
		.reason = POOL_REASON_RESPONSE_TIMEOUT},
	{.code = CURLE_OPERATION_TIMEDOUT,
		.with = RELAYED,
		.reason = POOL_REASON_HANDSHAKE_TIMEOUT},
	{.code = CURLE_OPERATION_TIMEDOUT,
		.with = REQUESTED,
		.reason = POOL_REASON_RESPONSE_TIMEOUT},
	{.code = CURLE_OPERATION_TIMEDOUT,
		.low = 200,
		.high = 299,
		.reason = POOL_REASON_RESPONSE_TIMEOUT},
	{.code = CURLE_OPERATION_TIMEDOUT, .reason = POOL_REASON_HANDSHAKE_TIMEOUT},

	/* The answer. */
	{.code = CURLE_GOT_NOTHING, .reason = POOL_REASON_EMPTY},
	{.code = CURLE_PARTIAL_FILE, .reason = POOL_REASON_TRUNCATED},
	{.code = CURLE_WRITE_ERROR, .reason = POOL_REASON_TRUNCATED},
	{.code = CURLE_UNSUPPORTED_PROTOCOL,
		.with = RELAYED | CONNECTED,
		.reason = POOL_REASON_WRONG_PROTOCOL},
	{.code = CURLE_WEIRD_SERVER_REPLY,
		.with = RELAYED,
		.reason = POOL_REASON_WRONG_PROTOCOL},
	{.code = CURLE_UNSUPPORTED_PROTOCOL,
		.with = REQUESTED,
		.reason = POOL_REASON_STATUS},
	{.code = CURLE_WEIRD_SERVER_REPLY,
		.with = REQUESTED,
		.reason = POOL_REASON_STATUS},
	{.code = CURLE_WEIRD_SERVER_REPLY, .reason = POOL_REASON_WRONG_PROTOCOL},
	{.code = CURLE_RECV_ERROR, .with = ANSWERED, .reason = POOL_REASON_TRUNCATED},
	{.code = CURLE_SEND_ERROR, .with = ANSWERED, .reason = POOL_REASON_TRUNCATED},
	{.code = CURLE_RECV_ERROR,
		.with = REQUESTED,
		.without = RELAYED,
		.reason = POOL_REASON_EMPTY},
	{.code = CURLE_SEND_ERROR,
		.with = REQUESTED,
		.without = RELAYED,
		.reason = POOL_REASON_EMPTY},
	{.code = CURLE_RECV_ERROR, .low = 200, .high = 299, .reason = POOL_REASON_TLS},
	{.code = CURLE_RECV_ERROR, .error = ECONNRESET, .reason = POOL_REASON_RESET},
	{.code = CURLE_RECV_ERROR, .reason = POOL_REASON_CLOSED},
	{.code = CURLE_SEND_ERROR, .error = ECONNRESET, .reason = POOL_REASON_RESET},
	{.code = CURLE_SEND_ERROR, .reason = POOL_REASON_CLOSED},

	/* Of a coding that is not known, or of nothing at all, like a folded line first.
	 */
	{.with = ANSWERED, .reason = POOL_REASON_TRUNCATED},
	{.with = CONNECTED, .reason = POOL_REASON_WRONG_PROTOCOL},
	{.reason = POOL_REASON_SETUP},
};

static bool fits(const struct rule *rule, const struct pool_transfer_facts *facts)
{
	return (!rule->code || rule->code == facts->code) &&
		(!rule->proxy_code || rule->proxy_code == facts->proxy_code) &&
		(!rule->error || rule->error == facts->error) &&
		(!rule->high ||
			(facts->connect_status >= rule->low &&
				facts->connect_status <= rule->high)) &&
		(facts->facts & rule->with) == rule->with &&
		!(facts->facts & rule->without);
}

/*
 * What an errno decides before any rule: a connection that was not had, and the want of
 * descriptors, for which a name was not resolved. NONE: nothing. What keeps a control
 * request from its target is the target's.
 */
static enum pool_reason judge_errno(const struct pool_transfer_facts *facts)
{
	const enum pool_reason reason = pool_reason_from_errno(facts->error);

	switch (facts->code) {
	case CURLE_COULDNT_CONNECT:
		if (!(facts->facts & DIRECT) ||
			pool_reason_get((int)reason)->verdict != POOL_VERDICT_DOWN)
			return reason;
		return reason == POOL_REASON_REFUSED ? POOL_REASON_TARGET_REFUSED
						     : POOL_REASON_TARGET_UNREACHABLE;
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_OUT_OF_MEMORY:
		return reason == POOL_REASON_NO_DESCRIPTORS ? reason : POOL_REASON_NONE;
	default:
		return POOL_REASON_NONE;
	}
}

enum pool_reason pool_transfer_classify(const struct pool_transfer_facts *facts)
{
	const enum pool_reason by_errno = judge_errno(facts);
	const enum pool_reason refusal = facts->facts & REQUESTED
		? POOL_REASON_NONE
		: pool_answer_judge_connect(facts->connect_status);
	const struct rule *rule = rules;

	if (by_errno != POOL_REASON_NONE)
		return by_errno;
	/* It was answered, whatever became of the answer. */
	if (refusal != POOL_REASON_NONE)
		return refusal;
	while (!fits(rule, facts))
		rule++;
	return rule->reason;
}

/* libcurl's numbers for what a SOCKS proxy replied. */
static const struct {
	int proxy_code;
	const char *words;
} socks_words[] = {
	{CURLPX_REPLY_GENERAL_SERVER_FAILURE, "SOCKS reply 1, general failure"},
	{CURLPX_REPLY_NOT_ALLOWED, "SOCKS reply 2, not allowed"},
	{CURLPX_REPLY_NETWORK_UNREACHABLE, "SOCKS reply 3, network unreachable"},
	{CURLPX_REPLY_HOST_UNREACHABLE, "SOCKS reply 4, host unreachable"},
	{CURLPX_REPLY_CONNECTION_REFUSED, "SOCKS reply 5, connection refused"},
	{CURLPX_REPLY_TTL_EXPIRED, "SOCKS reply 6, TTL expired"},
	{CURLPX_REPLY_COMMAND_NOT_SUPPORTED, "SOCKS reply 7, command not supported"},
	{CURLPX_REPLY_ADDRESS_TYPE_NOT_SUPPORTED,
		"SOCKS reply 8, address type not supported"},
	{CURLPX_REQUEST_FAILED, "SOCKS4 reply 91, rejected or failed"},
	{CURLPX_IDENTD, "SOCKS4 reply 92, identd"},
	{CURLPX_IDENTD_DIFFER, "SOCKS4 reply 93, identd"},
	{CURLPX_NO_AUTH, "no SOCKS authentication method fits"},
	{CURLPX_USER_REJECTED, "SOCKS user or password rejected"},
	{CURLPX_LONG_USER, "user longer than 255 bytes"},
	{CURLPX_LONG_PASSWD, "password longer than 255 bytes"},
	{CURLPX_BAD_VERSION, "not a SOCKS reply"},
	{CURLPX_CLOSED, "closed during the SOCKS handshake"},
	{CURLPX_RESOLVE_HOST, "the target's name cannot be resolved here"},
};

static const char *find_socks_words(int proxy_code)
{
	for (size_t i = 0; i < sizeof(socks_words) / sizeof(socks_words[0]); i++)
		if (socks_words[i].proxy_code == proxy_code)
			return socks_words[i].words;
	return "SOCKS handshake failed";
}

/* Where libcurl's text is about something else, or about libcurl. */
static const struct {
	int code;
	unsigned with;
	const char *words;
} code_words[] = {
	{.with = OVERLONG, .words = "more bytes came than an answer may have"},
	{TOO_LARGE, 0, "more bytes came than an answer may have"},
	{CURLE_PEER_FAILED_VERIFICATION, 0, "certificate verify failed"},
	{CURLE_UNSUPPORTED_PROTOCOL, CONNECTED, "the answer is not HTTP"},
	{CURLE_WEIRD_SERVER_REPLY, CONNECTED, "the answer is not HTTP"},
	{CURLE_BAD_FUNCTION_ARGUMENT, CONNECTED, "the answer cannot be understood"},
	{CURLE_BAD_CONTENT_ENCODING, CONNECTED,
		"the answer has a coding that is unknown"},
	{CURLE_OUT_OF_MEMORY, 0, ""},
	{CURLE_SSL_CLIENTCERT, 0, "a client certificate is asked for"},
};

static const char *find_code_words(const struct pool_transfer_facts *facts)
{
	for (size_t i = 0; i < sizeof(code_words) / sizeof(code_words[0]); i++)
		if ((!code_words[i].code || code_words[i].code == facts->code) &&
			(facts->facts & code_words[i].with) == code_words[i].with)
			return code_words[i].words;
	return NULL;
}

void pool_transfer_explain(
	const struct pool_transfer_facts *facts, char *out, size_t size)
{
	const char *words = find_code_words(facts);
	char error[64];

	if (facts->code == CURLE_PROXY)
		snprintf(out, size, "%s", find_socks_words(facts->proxy_code));
	else if (facts->connect_status && !(facts->facts & REQUESTED) &&
		facts->connect_status / 100 != 2)
		snprintf(out, size, "CONNECT answered %d", facts->connect_status);
	else if (words)
		snprintf(out, size, "%s", words);
	else if (facts->error)
		snprintf(out, size, "%s", strerror_r(facts->error, error, sizeof(error)));
	else if (facts->code == CURLE_OPERATION_TIMEDOUT)
		out[0] = '\0';
	else /* a fixed text of libcurl's, not its error buffer, which may quote a URL */
		snprintf(out, size, "%s", curl_easy_strerror((CURLcode)facts->code));
}
