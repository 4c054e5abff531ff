/* libcurl's outcomes to reasons, as measured; and the words about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>
#include <curl/curl.h>
#include <errno.h>
#include "probe/classify.h"

#define N POOL_FACT_NAMED
#define V POOL_FACT_RESOLVED
#define C POOL_FACT_CONNECTED
#define Q (POOL_FACT_REQUESTED | POOL_FACT_CONNECTED)
#define A POOL_FACT_ANSWERED
#define S POOL_FACT_SOCKS
#define T POOL_FACT_TLS_PROXY
#define R POOL_FACT_RELAYED
#define D POOL_FACT_DIRECT
#define L POOL_FACT_OVERLONG
#define U POOL_FACT_UNTOLD

static const struct {
	const char *reason;
	int code, proxy_code, error, connect_status;
	unsigned facts;
} golden[] = {
	/* this machine */
	{"no-descriptors", 7, 0, EMFILE, 0, 0},
	{"no-descriptors", 7, 0, ENFILE, 0, D},
	{"no-descriptors", 5, 0, EMFILE, 0, N},
	{"no-descriptors", 27, 0, EMFILE, 0, N},
	{"no-memory", 7, 0, ENOBUFS, 0, 0},
	{"no-memory", 27, 0, 0, 0, 0},
	{"no-memory", 5, 0, 0, 0, 0},
	{"no-memory", 6, 0, 0, 0, 0},
	{"no-memory", 27, 0, 0, 0, V | C},
	{"no-memory", 27, 0, 0, 200, V | C | T},
	{"no-memory", 27, 0, 0, 0, V | Q | R | A},
	{"no-ports", 7, 0, EADDRNOTAVAIL, 0, 0},
	{"no-route", 7, 0, ENETUNREACH, 0, 0},
	{"no-route", 7, 0, EAFNOSUPPORT, 0, 0},
	{"no-permission", 7, 0, EACCES, 0, 0},
	{"no-resolver", 28, 0, 0, 0, N},
	/* the way to the proxy */
	{"proxy-name", 5, 0, 0, 0, N},
	{"proxy-name", 6, 0, 0, 0, N},
	{"connect-refused", 7, 0, ECONNREFUSED, 0, V},
	{"unreachable", 7, 0, EHOSTUNREACH, 0, V},
	{"unreachable", 7, 0, EHOSTDOWN, 0, V},
	{"bad-setup", 7, 0, EINVAL, 0, V},
	{"bad-setup", 7, 0, EIO, 0, V},
	{"bad-setup", 7, 0, 0, 0, V},
	{"reset", 7, 0, ECONNRESET, 0, V},
	{"connect-timeout", 28, 0, 0, 0, V},
	{"connect-timeout", 28, 0, 0, 0, N | V},
	{"connect-timeout", 7, 0, ETIMEDOUT, 0, V},
	/* CONNECT */
	{"reset", 56, 0, ECONNRESET, 0, V | C},
	{"closed", 56, 0, 0, 0, V | C},
	{"handshake-timeout", 28, 0, 0, 0, V | C},
	{"handshake-timeout", 28, 0, 0, 0, V | C | S},
	{"handshake-timeout", 28, 0, 0, 0, V | C | T | R},
	{"greeting-timeout", 28, 0, 0, 0, V | C | S | U},
	{"greeting-timeout", 28, 0, 0, 0, V | C | T | U},
	{"greeting-timeout", 28, 0, 0, 0, V | C | T | R | U},
	{"connect-timeout", 28, 0, 0, 0, V | S | U},
	{"no-resolver", 28, 0, 0, 0, N | S | U},
	{"authentication", 56, 0, 0, 407, V | C},
	{"authentication", 56, 0, 0, 401, V | C},
	{"denied", 56, 0, 0, 403, V | C},
	{"bad-gateway", 56, 0, 0, 502, V | C},
	{"bad-gateway", 56, 0, 0, 503, V | C},
	/* what the pool's own statuses say has been judged before */
	{"denied", 56, 0, 0, 429, V | C},
	/* whatever became of the rest of the answer */
	{"authentication", 28, 0, 0, 407, V | C},
	{"bad-gateway", 28, 0, 0, 503, V | C},
	{"wrong-protocol", 56, 0, 0, 100, V | C},
	{"wrong-protocol", 56, 0, 0, 302, V | C},
	/* relayed requests */
	{"wrong-protocol", 1, 0, 0, 0, V | Q | R},
	{"handshake-timeout", 28, 0, 0, 0, V | Q | R},
	{"response-timeout", 28, 0, 0, 0, V | Q | R | A},
	{"reset", 56, 0, ECONNRESET, 0, V | Q | R},
	{"empty-answer", 52, 0, 0, 0, V | Q | R},
	{"truncated", 18, 0, 0, 0, V | Q | R | A},
	{"truncated", 56, 0, ECONNRESET, 0, V | Q | R | A},
	/* more than an answer may have: ended by us, by libcurl's limit for a line */
	{"truncated", 42, 0, 0, 0, V | Q | R | L},
	{"truncated", 23, 0, 0, 0, V | Q | R | A | L},
	{"truncated", 27, 0, 0, 200, V | Q | A | L},
	{"truncated", 100, 0, 0, 0, V | Q | R},
	{"wrong-protocol", 42, 0, 0, 0, V | C | L},
	{"wrong-protocol", 42, 0, 0, 200, V | C | T | L},
	{"wrong-protocol", 27, 0, 0, 200, V | C | L},
	{"wrong-protocol", 56, 0, 0, 200, V | C | L},
	{"wrong-protocol", 100, 0, 0, 0, V | C},
	{"authentication", 42, 0, 0, 407, V | C | L},
	{"denied", 42, 0, 0, 403, V | C | L},
	/* through a tunnel */
	{"response-timeout", 28, 0, 0, 200, V | Q},
	{"response-timeout", 28, 0, 0, 200, V | C},
	{"tls", 35, 0, 0, 200, V | C},
	{"tls", 35, 0, ECONNRESET, 200, V | C},
	{"tls", 56, 0, ECONNRESET, 200, V | C},
	{"tls-verify", 60, 0, 0, 200, V | C},
	{"tls-verify", 60, 0, 0, 0, V | C | S},
	{"empty-answer", 52, 0, 0, 200, V | Q},
	{"empty-answer", 56, 0, ECONNRESET, 200, V | Q},
	{"status", 1, 0, 0, 0, V | Q | S},
	/* TLS to the proxy */
	{"proxy-tls", 35, 0, 0, 0, V | C | T},
	{"proxy-tls", 60, 0, 0, 0, V | C | T},
	{"proxy-tls", 60, 0, 0, 0, V | C | T | R},
	{"tls-verify", 60, 0, 0, 200, V | C | T},
	{"handshake-timeout", 28, 0, 0, 0, V | C | T},
	{"proxy-tls", 98, 0, 0, 0, V | C | T},
	{"proxy-tls", 98, 0, 0, 0, V | C | T | R},
	{"tls", 98, 0, 0, 200, V | C | T},
	{"tls", 98, 0, 0, 200, V | C},
	/* SOCKS */
	{"bad-gateway", 97, CURLPX_REPLY_GENERAL_SERVER_FAILURE, 0, 0, V | C | S},
	{"denied", 97, CURLPX_REPLY_NOT_ALLOWED, 0, 0, V | C | S},
	{"target-unreachable", 97, CURLPX_REPLY_NETWORK_UNREACHABLE, 0, 0, V | C | S},
	{"target-unreachable", 97, CURLPX_REPLY_HOST_UNREACHABLE, 0, 0, V | C | S},
	{"target-refused", 97, CURLPX_REPLY_CONNECTION_REFUSED, 0, 0, V | C | S},
	{"target-unreachable", 97, CURLPX_REPLY_TTL_EXPIRED, 0, 0, V | C | S},
	{"authentication", 97, CURLPX_NO_AUTH, 0, 0, V | C | S},
	{"authentication", 97, CURLPX_USER_REJECTED, 0, 0, V | C | S},
	{"authentication", 97, CURLPX_LONG_PASSWD, 0, 0, V | C | S},
	{"authentication", 97, CURLPX_IDENTD, 0, 0, V | C | S},
	{"wrong-protocol", 97, CURLPX_BAD_VERSION, 0, 0, V | C | S},
	{"closed", 97, CURLPX_CLOSED, ECONNRESET, 0, V | C | S},
	{"bad-gateway", 97, CURLPX_REQUEST_FAILED, 0, 0, V | C | S},
	{"target-name", 97, CURLPX_RESOLVE_HOST, 0, 0, V | C | S},
	/* the control request */
	{"target-name", 6, 0, 0, 0, D},
	{"target-refused", 7, 0, ECONNREFUSED, 0, V | D},
	{"target-unreachable", 7, 0, EHOSTUNREACH, 0, V | D},
	{"target-unreachable", 7, 0, ETIMEDOUT, 0, V | D},
	{"bad-setup", 7, 0, EINVAL, 0, V | D},
	{"response-timeout", 28, 0, 0, 0, V | D},
	{"tls-verify", 60, 0, 0, 0, V | C | D},
	/* the request */
	{"bad-setup", 3, 0, 0, 0, 0},
	{"bad-setup", 1, 0, 0, 0, 0},
	{"bad-setup", 43, 0, 0, 0, 0},
	{"bad-setup", 77, 0, 0, 0, V | C},
};

static void outcomes_have_their_reasons(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		struct pool_transfer_facts facts = {.code = golden[i].code,
			.proxy_code = golden[i].proxy_code,
			.error = golden[i].error,
			.connect_status = golden[i].connect_status,
			.facts = golden[i].facts};
		const char *got =
			pool_reason_get((int)pool_transfer_classify(&facts))->name;

		if (strcmp(golden[i].reason, got) != 0)
			fail_msg(
				"row %zu: expected %s, got %s", i, golden[i].reason, got);
	}
}

/* Whatever libcurl comes to say, it is a failure with a row, and short words. */
static void every_code_has_a_reason(void **state)
{
	static const unsigned facts[] = {
		0, N, V | C, V | Q, V | Q | R, V | C | S, V | C | T, D};
	char words[96];

	(void)state;
	for (int code = 1; code < 130; code++)
		for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
			struct pool_transfer_facts it = {.code = code, .facts = facts[i]};
			enum pool_reason reason = pool_transfer_classify(&it);

			assert_true(reason > POOL_REASON_OK && reason < POOL_REASONS);
			memset(words, 'x', sizeof(words));
			pool_transfer_explain(&it, words, sizeof(words));
			assert_non_null(memchr(words, '\0', sizeof(words)));
		}
}

/* The codes of libcurl 7.88 to 8.14 that stay this machine's once it is connected. */
static const int local_codes[] = {
	2, 3, 4, 26, 27, 41, 45, 48, 53, 54, 58, 59, 66, 77, 82, 89, 93, 99, 101};

static bool is_local_code(int code)
{
	for (size_t i = 0; i < sizeof(local_codes) / sizeof(local_codes[0]); i++)
		if (local_codes[i] == code)
			return true;
	return false;
}

static enum pool_layer layer_of(int code, unsigned facts)
{
	struct pool_transfer_facts it = {.code = code, .facts = facts};

	return pool_reason_get((int)pool_transfer_classify(&it))->layer;
}

static void once_connected_only_what_is_known_to_be_is_of_this_machine(void **state)
{
	(void)state;
	for (int code = 1; code < 130; code++) {
		/* Not without an errno, nor without having connected. */
		bool local = is_local_code(code) || code == CURLE_COULDNT_CONNECT;

		for (int answered = 0; answered < 2; answered++) {
			unsigned facts = N | V | Q | R | (answered ? A : 0);

			if ((layer_of(code, facts) == POOL_LAYER_LOCAL) !=
				is_local_code(code))
				fail_msg("code %d, answered %d", code, answered);
		}
		assert_true(!local || layer_of(code, 0) == POOL_LAYER_LOCAL);
	}
	/* What nobody knows is this machine's before it is connected. */
	assert_int_equal(POOL_LAYER_LOCAL, layer_of(CURLE_BAD_FUNCTION_ARGUMENT, V));
	assert_int_equal(POOL_LAYER_LOCAL, layer_of(129, N));
	assert_int_equal(POOL_LAYER_HANDSHAKE, layer_of(129, V | C));
	assert_int_equal(POOL_LAYER_TARGET, layer_of(129, V | Q | A));
}

static void words_say_what_was_answered(void **state)
{
	static const struct {
		const char *words;
		struct pool_transfer_facts facts;
	} cases[] = {
		{"CONNECT answered 503", {.code = 56, .connect_status = 503, .facts = C}},
		{"SOCKS reply 5, connection refused",
			{.code = 97, .proxy_code = CURLPX_REPLY_CONNECTION_REFUSED}},
		{"certificate verify failed",
			{.code = 60, .connect_status = 200, .facts = C}},
		{"Connection refused", {.code = 7, .error = ECONNREFUSED}},
		{"the answer is not HTTP", {.code = 1, .facts = Q | R}},
		{"", {.code = 28, .facts = C}},
		{"", {.code = 27, .facts = C}},
		{"more bytes came than an answer may have",
			{.code = 27, .connect_status = 200, .facts = C | L}},
		{"more bytes came than an answer may have", {.code = 23, .facts = Q | L}},
		{"CONNECT answered 407",
			{.code = 42, .connect_status = 407, .facts = C | L}},
		{"the answer cannot be understood", {.code = 43, .facts = Q}},
	};
	char words[96];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pool_transfer_explain(&cases[i].facts, words, sizeof(words));
		assert_string_equal(cases[i].words, words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_have_their_reasons),
		cmocka_unit_test(every_code_has_a_reason),
		cmocka_unit_test(
			once_connected_only_what_is_known_to_be_is_of_this_machine),
		cmocka_unit_test(words_say_what_was_answered),
	};

	return cmocka_run_group_tests_name("classify", tests, NULL, NULL);
}
