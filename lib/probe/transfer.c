/* Transfers: what libcurl is told for every attempt, and what it tells during one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "pool.h"
#include "probe/greeting.h"
#include "probe/method.h"
#include "probe/transfer.h"

enum {
	BUFFER_SIZE = 1024,
	HEADER_MAX = 64 << 10,
	BODY_MAX = 64 << 10,       /* enough to see that an answer flows */
	BODY_SEARCH_MAX = 1 << 20, /* where a text is looked for in it */
	/* All that comes, framing and handshakes too, may be so many times as long. */
	WIRE_FACTOR = 2,
};

/* The same for every attempt. */
static const struct {
	CURLoption option;
	long value;
} numbers[] = {
	{CURLOPT_NOSIGNAL, 1},
	{CURLOPT_FOLLOWLOCATION, 0},
	{CURLOPT_FRESH_CONNECT, 1},
	{CURLOPT_FORBID_REUSE, 1},
	{CURLOPT_PROXYAUTH, CURLAUTH_BASIC},
	{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	/* CURLINFO_RETRY_AFTER knows nothing of an answer to CONNECT. */
	{CURLOPT_SUPPRESS_CONNECT_HEADERS, 0},
	{CURLOPT_NETRC, CURL_NETRC_IGNORED},
	/* Do not wait for the resolver's threads at the end. */
	{CURLOPT_QUICK_EXIT, 1},
	/* Each check is a check of its own. */
	{CURLOPT_SSL_SESSIONID_CACHE, 0},
};

static const struct {
	CURLoption option;
	const char *value;
} strings[] = {
	{CURLOPT_NOPROXY, ""},
	{CURLOPT_PROTOCOLS_STR, "http,https"},
	{CURLOPT_REDIR_PROTOCOLS_STR, "http,https"},
	{CURLOPT_USERAGENT, "proxypool/" POOL_VERSION},
	/* A folder of certificates, Debian's default, is read anew for each handshake. */
	{CURLOPT_CAPATH, NULL},
	{CURLOPT_PROXY_CAPATH, NULL},
};

static curl_socket_t open_socket(
	void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct pool_transfer *transfer = context;
	int fd;

	(void)purpose;
	if (transfer->resolve_only) {
		if (!transfer->address_length &&
			address->addrlen <= sizeof(transfer->address)) {
			memcpy(&transfer->address, &address->addr, address->addrlen);
			transfer->address_length = address->addrlen;
		}
		return CURL_SOCKET_BAD;
	}
	if (transfer->probe->login &&
		!pool_login_may_be_at(transfer->probe->login, &address->addr)) {
		transfer->socket_errno = ENOMEM;
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		address->protocol);
	if (fd < 0)
		transfer->socket_errno = errno;
	return fd;
}

/* Before the socket is gone: libcurl 8 ends the wait for it only afterwards. A connection
 * may outlive its transfer, whose place then has another socket. */
static int close_socket(void *context, curl_socket_t fd)
{
	struct pool_transfer *transfer = context;

	pool_wire_follow(&transfer->wire, fd, CURL_POLL_REMOVE);
	return close(fd);
}

static int note_request(
	void *context, char *peer, char *local, int peer_port, int local_port)
{
	struct pool_transfer *transfer = context;

	(void)peer;
	(void)local;
	(void)peer_port;
	(void)local_port;
	transfer->requested = true;
	transfer->wire.max = WIRE_FACTOR *
		(HEADER_MAX + (transfer->probe->body ? BODY_SEARCH_MAX : BODY_MAX));
	return CURL_PREREQFUNC_OK;
}

static bool is_websocket_accept(const char *value, size_t length)
{
	static const char right[] = POOL_WEBSOCKET_ACCEPT;

	while (length && (*value == ' ' || *value == '\t')) {
		value++;
		length--;
	}
	while (length && memchr(" \t\r\n", value[length - 1], 4))
		length--;
	return length == sizeof(right) - 1 && memcmp(value, right, length) == 0;
}

void pool_transfer_add_head(
	const struct pool_transfer *transfer, struct pool_answers *answers)
{
	const struct pool_answer_rules rules = pool_answer_rules_of(transfer->probe);
	const struct pool_answer answer = {
		.status = transfer->head.status,
		.retry_after_s =
			pool_http_head_wait_s(&transfer->head, (int64_t)time(NULL)),
		/* Nobody but a proxy answers before the request. */
		.connect = !transfer->requested,
		.proxied = pool_probe_is_relayed(transfer->probe),
	};

	pool_answers_add(answers, &rules, &answer);
}

/* Whether a head that came whole is enough to judge, so that no body is waited for. */
static bool decides(const struct pool_transfer *transfer)
{
	const int32_t status = transfer->head.status;

	if (!pool_answer_is_final(status))
		return false;
	if (!transfer->requested)
		return transfer->answers.reason != POOL_REASON_NONE;
	/* After a 101 comes no body but another protocol. */
	return status == 101 || transfer->probe->method == POOL_METHOD_WEBSOCKET ||
		pool_answer_judge(transfer->probe, &transfer->answers) != POOL_REASON_OK;
}

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
	struct pool_transfer *transfer = context;
	size_t length = size * count;
	const char *value;

	transfer->header_bytes += length;
	transfer->overlong = transfer->header_bytes > HEADER_MAX;
	if (transfer->overlong)
		return 0;
	pool_http_head_take(&transfer->head, line, length, (int64_t)time(NULL));
	value = pool_http_find_value(line, length, "Sec-WebSocket-Accept");
	if (value && transfer->requested)
		transfer->accepted =
			is_websocket_accept(value, length - (size_t)(value - line));
	if (!pool_http_is_end(line, length))
		return length;
	pool_transfer_add_head(transfer, &transfer->answers);
	transfer->enough = decides(transfer);
	transfer->head = (struct pool_http_head){0};
	return transfer->enough ? 0 : length;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct pool_transfer *transfer = context;
	size_t length = size * count;
	bool searching = !transfer->match.found;

	pool_match_feed(&transfer->match, bytes, length);
	transfer->body_bytes += length;
	if (searching ? transfer->match.found || transfer->body_bytes > BODY_SEARCH_MAX
		      : transfer->body_bytes > BODY_MAX) {
		transfer->enough = true;
		return 0;
	}
	return length;
}

static int set_common(
	struct pool_transfer *transfer, const struct pool_transfer_options *options)
{
	const char *ca_file = options->ca_file;
	CURL *easy = transfer->easy;
	int bad = 0;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		bad |= (int)curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		bad |= (int)curl_easy_setopt(easy, strings[i].option, strings[i].value);
	if (ca_file) {
		bad |= (int)curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
		bad |= (int)curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, ca_file);
	}
	/* Never or always: pruning the cache at each step would cost most of the time. */
	bad |= (int)curl_easy_setopt(
		easy, CURLOPT_DNS_CACHE_TIMEOUT, options->keeps_names ? -1L : 0L);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, note_request);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	bad |= (int)curl_easy_setopt(
		easy, CURLOPT_TIMEOUT_MS, (long)transfer->probe->timeout_ms);
	bad |= (int)curl_easy_setopt(
		easy, CURLOPT_CONNECTTIMEOUT_MS, (long)transfer->probe->timeout_ms);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_SIZE);
	bad |= pool_wire_set(&transfer->wire, easy, WIRE_FACTOR * HEADER_MAX);
	return bad ? POOL_ENOMEM : 0;
}

int pool_transfer_set(struct pool_transfer *transfer, const struct pool_probe *probe,
	const struct pool_transfer_options *options)
{
	const struct pool_method_work *method = pool_method_work_get(probe->method);
	int error;

	*transfer = (struct pool_transfer){.probe = probe};
	if (!method || (pool_method_asks(probe->method) && !probe->url))
		return POOL_EARGUMENT;
	transfer->easy = curl_easy_init();
	if (!transfer->easy)
		return POOL_ENOMEM;
	error = set_common(transfer, options);
	if (!error)
		error = pool_greeting_set(transfer);
	return error ? error : method->set(transfer);
}

void pool_transfer_clear(struct pool_transfer *transfer)
{
	/* With the handle go the credentials and all that points into this attempt. */
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	curl_free(transfer->url);
	pool_match_release(&transfer->match);
	*transfer = (struct pool_transfer){0};
}
