/* POSTs: what libcurl is told, and what is made of its answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include "base/http.h"
#include "base/text.h"
#include "probe/multi.h"
#include "probe/post.h"
#include "probe/wire.h"

enum {
	URL_MAX = 8192,
	HEADER_MAX = 64 << 10,
	BODY_MAX = 64 << 10,
	/* All that comes, framing and handshakes too. */
	WIRE_MAX = 2 * (HEADER_MAX + BODY_MAX),
};

struct pool_poster {
	struct pool_multi multi;
	char *url;
	const char *ca_file;
	int64_t timeout_ms;
	/* Of the request under way: */
	CURL *easy; /* NULL: none */
	bool added;
	struct curl_slist *headers;
	struct pool_wire wire;
	int watch_errno; /* why the system does not watch its socket, or 0 */
	size_t header_bytes;
	size_t body_bytes;
	int64_t wall_s;
	struct pool_http_head head;
	bool answered; /* status and headers are complete */
};

/* --- the URL -------------------------------------------------------------------- */

/* The user or password is absent, or one that can be sent. */
static bool is_sendable(CURLU *parts, CURLUPart part, CURLUcode absent)
{
	char *text = NULL;
	CURLUcode code = curl_url_get(parts, part, &text, CURLU_URLDECODE);

	if (text)
		explicit_bzero(text, strlen(text));
	curl_free(text);
	return code == CURLUE_OK || code == absent;
}

static bool is_web(CURLU *parts)
{
	char *scheme = NULL;
	bool web = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		(strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0);

	curl_free(scheme);
	return web;
}

static bool has_host(CURLU *parts)
{
	char *host = NULL;
	bool has = curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && *host &&
		*host != '-';

	curl_free(host);
	return has;
}

/* libcurl would take the first word of the path for a host. */
static bool lacks_host(const char *url)
{
	const char *separator = strstr(url, "://");

	return separator && (!separator[3] || strchr("/?#", separator[3]));
}

static const char *judge_parts(CURLU *parts, const char *url)
{
	if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK)
		return strstr(url, "://") ? "the URL cannot be understood"
					  : "the URL has no scheme, like https://";
	if (!is_web(parts))
		return "the URL must begin with https:// or http://";
	if (lacks_host(url) || !has_host(parts))
		return "the URL has no host";
	if (!is_sendable(parts, CURLUPART_USER, CURLUE_NO_USER) ||
		!is_sendable(parts, CURLUPART_PASSWORD, CURLUE_NO_PASSWORD))
		return "the user or password of the URL holds a control character";
	return NULL;
}

const char *pool_poster_check_url(const char *url)
{
	const char *fault;
	CURLU *parts;

	if (!*url)
		return "the URL is empty";
	if (strlen(url) > URL_MAX)
		return "the URL is too long";
	for (const char *at = url; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == 0x7f)
			return "the URL holds a blank or a control character";
	parts = curl_url();
	if (!parts)
		return "out of memory";
	fault = judge_parts(parts, url);
	curl_url_cleanup(parts);
	return fault;
}

void pool_poster_show_url(const char *url, char *out, size_t size)
{
	CURLU *parts = curl_url();
	char *scheme = NULL, *host = NULL, text[512] = "***";

	if (parts && !pool_poster_check_url(url) &&
		curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		snprintf(text, sizeof(text), "%s://%s", scheme, host);
	pool_text_safe(out, size, text, strlen(text));
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(parts);
}

/* --- the request ---------------------------------------------------------------- */

static const struct {
	CURLoption option;
	long value;
} numbers[] = {
	{CURLOPT_NOSIGNAL, 1},
	{CURLOPT_FOLLOWLOCATION, 0},
	{CURLOPT_FORBID_REUSE, 1}, /* alerts are rare */
	{CURLOPT_HTTPAUTH, CURLAUTH_BASIC},
	{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	{CURLOPT_NETRC, CURL_NETRC_IGNORED},
	{CURLOPT_SSL_VERIFYPEER, 1},
	{CURLOPT_SSL_VERIFYHOST, 2},
	/* Do not wait for the resolver's threads at the end. */
	{CURLOPT_QUICK_EXIT, 1},
};

static const struct {
	CURLoption option;
	const char *value;
} strings[] = {
	/* None, whatever the environment says. */
	{CURLOPT_PROXY, ""},
	{CURLOPT_NOPROXY, "*"},
	{CURLOPT_PROTOCOLS_STR, "http,https"},
	{CURLOPT_USERAGENT, "proxypool/" POOL_VERSION},
	/* A folder of certificates, Debian's default, is read anew for each handshake. */
	{CURLOPT_CAPATH, NULL},
};

static const char *const headers[] = {
	"Content-Type: application/json", "Accept: */*",
	"Expect:", /* the body goes out at once */
};

static curl_socket_t open_socket(
	void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)context;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		address->protocol);
}

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
	struct pool_poster *poster = context;
	size_t length = size * count;
	long status = 0;

	poster->header_bytes += length;
	if (poster->header_bytes > HEADER_MAX)
		return 0;
	pool_http_head_take(&poster->head, line, length, poster->wall_s);
	curl_easy_getinfo(poster->easy, CURLINFO_RESPONSE_CODE, &status);
	/* Before the answer there may be others, of 1xx. */
	if (pool_http_is_end(line, length) && status >= 200)
		poster->answered = true;
	return length;
}

/* What is too long is no longer read: the status is known. */
static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct pool_poster *poster = context;

	(void)bytes;
	poster->body_bytes += size * count;
	return poster->body_bytes > BODY_MAX ? 0 : size * count;
}

static int set_headers(struct pool_poster *poster)
{
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct curl_slist *more = curl_slist_append(poster->headers, headers[i]);

		if (!more)
			return POOL_ENOMEM;
		poster->headers = more;
	}
	return curl_easy_setopt(poster->easy, CURLOPT_HTTPHEADER, poster->headers)
		? POOL_ENOMEM
		: 0;
}

static int set_options(struct pool_poster *poster, const char *body, size_t length)
{
	CURL *easy = poster->easy;
	int bad = 0;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		bad |= (int)curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		bad |= (int)curl_easy_setopt(easy, strings[i].option, strings[i].value);
	if (poster->ca_file)
		bad |= (int)curl_easy_setopt(easy, CURLOPT_CAINFO, poster->ca_file);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_URL, poster->url);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_HEADERDATA, poster);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_WRITEDATA, poster);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)poster->timeout_ms);
	bad |= (int)curl_easy_setopt(
		easy, CURLOPT_CONNECTTIMEOUT_MS, (long)poster->timeout_ms);
	/* The size first: the body is copied by it. */
	bad |= (int)curl_easy_setopt(
		easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
	bad |= pool_wire_set(&poster->wire, easy, WIRE_MAX);
	return bad ? POOL_ENOMEM : set_headers(poster);
}

/* Forget the request. */
static void clear(struct pool_poster *poster)
{
	if (poster->easy) {
		if (poster->added)
			pool_multi_remove(&poster->multi, poster->easy);
		curl_easy_cleanup(poster->easy);
	}
	curl_slist_free_all(poster->headers);
	poster->easy = NULL;
	poster->added = false;
	poster->headers = NULL;
}

int pool_poster_send(struct pool_poster *poster, const char *body, size_t length)
{
	int error = POOL_ENOMEM;

	clear(poster);
	poster->header_bytes = poster->body_bytes = 0;
	poster->watch_errno = 0;
	poster->head = (struct pool_http_head){0};
	poster->answered = false;
	poster->easy = curl_easy_init();
	if (poster->easy)
		error = set_options(poster, body, length);
	if (!error)
		error = pool_multi_add(&poster->multi, poster->easy);
	poster->added = !error;
	if (error)
		clear(poster);
	return error;
}

static void take_watched(void *context, CURL *easy, int fd, int what, int error)
{
	struct pool_poster *poster = context;

	if (easy != poster->easy)
		return;
	pool_wire_follow(&poster->wire, fd, what);
	if (error)
		poster->watch_errno = error;
}

/* --- its end -------------------------------------------------------------------- */

static const char *explain(const struct pool_poster *poster, CURLcode code)
{
	static const struct {
		CURLcode code;
		const char *words;
	} words[] = {
		{CURLE_COULDNT_RESOLVE_HOST, "its name cannot be resolved"},
		{CURLE_COULDNT_CONNECT, "it cannot be connected to"},
		{CURLE_OPERATION_TIMEDOUT, "it did not answer in time"},
		{CURLE_PEER_FAILED_VERIFICATION, "its certificate does not verify"},
		{CURLE_SSL_CACERT_BADFILE, "the file of certificates cannot be used"},
		{CURLE_SSL_CONNECT_ERROR, "TLS with it failed"},
		{CURLE_GOT_NOTHING, "it closed the connection without an answer"},
		{CURLE_RECV_ERROR, "the connection to it broke"},
		{CURLE_SEND_ERROR, "the connection to it broke"},
		{CURLE_OUT_OF_MEMORY, "this machine is out of memory"},
		{CURLE_UNSUPPORTED_PROTOCOL, "its answer is not HTTP"},
		{CURLE_WEIRD_SERVER_REPLY, "its answer is not HTTP"},
	};

	if (poster->header_bytes > HEADER_MAX)
		return "the headers of its answer are too long";
	if (poster->watch_errno)
		return "this machine cannot wait for it";
	if (poster->wire.over)
		return "its answer is too long";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].code == code)
			return words[i].words;
	/* A constant of libcurl's: nothing of the URL is in it. */
	return curl_easy_strerror(code);
}

static void judge(
	struct pool_poster *poster, CURLcode code, struct pool_post_result *result)
{
	long status = 0;

	*result = (struct pool_post_result){.retry_after_s = -1};
	if (!poster->answered) {
		snprintf(result->why, sizeof(result->why), "%s", explain(poster, code));
		return;
	}
	curl_easy_getinfo(poster->easy, CURLINFO_RESPONSE_CODE, &status);
	result->status = (int32_t)status;
	result->retry_after_s = pool_http_head_wait_s(&poster->head, poster->wall_s);
	result->ok = status >= 200 && status < 300;
	if (!result->ok)
		snprintf(result->why, sizeof(result->why), "it answered %ld%s", status,
			status < 400 ? ", and no redirect is followed" : "");
}

bool pool_poster_turn(
	struct pool_poster *poster, int64_t wall_s, struct pool_post_result *result)
{
	CURLcode code = CURLE_OUT_OF_MEMORY;
	bool ended;
	int error;

	poster->wall_s = wall_s;
	error = pool_multi_turn(&poster->multi, 0);
	ended = pool_multi_take(&poster->multi, &code);
	/* Nothing would ever be heard of it. */
	if (!ended && poster->easy && (error || poster->watch_errno))
		ended = true;
	if (ended) {
		judge(poster, code, result);
		clear(poster);
	}
	if (error)
		pool_multi_renew(&poster->multi);
	return ended;
}

int pool_poster_descriptor(const struct pool_poster *poster)
{
	return poster->multi.epoll;
}

int64_t pool_poster_due_ns(const struct pool_poster *poster)
{
	return pool_multi_due_ns(&poster->multi);
}

/* --- begin and end -------------------------------------------------------------- */

int pool_poster_new(struct pool_poster **out, const struct pool_poster_options *options,
	struct pool_fault *fault)
{
	const char *wrong = pool_poster_check_url(options->url);
	struct pool_poster *poster;
	int error;

	if (wrong)
		return pool_fault_set(fault, POOL_EARGUMENT, 0, "%s", wrong);
	poster = calloc(1, sizeof(*poster));
	if (!poster)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	pool_multi_init(&poster->multi);
	poster->multi.watched = take_watched;
	poster->multi.context = poster;
	poster->ca_file = options->ca_file;
	poster->timeout_ms =
		options->timeout_ms ? options->timeout_ms : POOL_POST_TIMEOUT_MS;
	poster->url = strdup(options->url);
	error = poster->url ? pool_multi_open(&poster->multi, fault)
			    : pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	if (error)
		pool_poster_free(poster);
	else
		*out = poster;
	return error;
}

void pool_poster_free(struct pool_poster *poster)
{
	if (!poster)
		return;
	clear(poster);
	pool_multi_close(&poster->multi);
	pool_text_forget(poster->url);
	free(poster);
}
