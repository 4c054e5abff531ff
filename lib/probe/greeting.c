/* Whether a proxy was told of a target. */
#include <string.h>
#include "pool.h"
#include "probe/greeting.h"

enum {
	METHOD_REPLY = 2, /* bytes of SOCKS5: which method it is, */
	LOGIN_REPLY = 2,  /* and whether user and password are right */
	LOGIN_FRAME = 3,  /* around user and password */
	REQUEST_V4 = 10,  /* a request by address, */
	REQUEST_V6 = 22,
	REQUEST_FRAME = 7, /* and around the name of one by name */
};

static bool may_be_request(int64_t length, size_t host)
{
	return length == REQUEST_V4 || length == REQUEST_V6 || !host ||
		length == (int64_t)(REQUEST_FRAME + host);
}

bool pool_greeting_is_open(const struct pool_greeting_bytes *bytes)
{
	/* What followed the greeting. */
	const int64_t next = bytes->sent - (int64_t)bytes->greeting;

	if (bytes->read < METHOD_REPLY)
		return true;
	if (!bytes->has_login || bytes->read >= METHOD_REPLY + LOGIN_REPLY)
		return false;
	return next == (int64_t)(LOGIN_FRAME + bytes->user + bytes->password) &&
		!may_be_request(next, bytes->host);
}

/* Version, count, and the methods: none, GSSAPI if libcurl has it, user and password. */
static size_t measure_greeting(bool has_login)
{
	const bool gssapi =
		curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_GSSAPI;

	return 3 + (size_t)gssapi + (size_t)has_login;
}

/* The length of the name in the URL that is asked for; 0: not known, since it would be
 * sent in another form. */
static size_t measure_host(const struct pool_transfer *transfer)
{
	char *text = NULL, *host = NULL;
	CURLU *url = curl_url();
	size_t length = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &text);
	if (url && text && !curl_url_set(url, CURLUPART_URL, text, 0) &&
		!curl_url_get(url, CURLUPART_HOST, &host, 0))
		length = strlen(host);
	for (size_t i = 0; host && host[i]; i++)
		if ((unsigned char)host[i] >= 0x80)
			length = 0;
	curl_free(host);
	curl_url_cleanup(url);
	return length;
}

static bool is_socks5_pending(const struct pool_transfer *transfer)
{
	const struct pool_login *login = transfer->probe->login;
	const struct pool_greeting_bytes bytes = {
		.sent = transfer->wire.sent,
		.read = transfer->wire.read,
		.greeting = measure_greeting(login->user != NULL),
		.user = login->user ? strlen(login->user) : 0,
		.password = login->password ? strlen(login->password) : 0,
		.has_login = login->user != NULL,
		.host = measure_host(transfer),
	};

	return transfer->wire.known && pool_greeting_is_open(&bytes);
}

bool pool_greeting_is_pending(const struct pool_transfer *transfer)
{
	const struct pool_login *login = transfer->probe->login;

	if (!login || transfer->requested)
		return false;
	if (login->scheme == POOL_SCHEME_HTTPS)
		return !transfer->spoken;
	return (login->scheme == POOL_SCHEME_SOCKS5 ||
		       login->scheme == POOL_SCHEME_SOCKS5H) &&
		is_socks5_pending(transfer);
}

static int note_speech(
	CURL *easy, curl_infotype what, char *bytes, size_t size, void *context)
{
	struct pool_transfer *transfer = context;

	(void)easy;
	(void)bytes;
	(void)size;
	transfer->spoken |= what == CURLINFO_HEADER_OUT;
	return 0;
}

int pool_greeting_set(struct pool_transfer *transfer)
{
	const struct pool_login *login = transfer->probe->login;
	CURL *easy = transfer->easy;
	int bad = 0;

	/* It costs time, which is little beside that of TLS. */
	if (!login || login->scheme != POOL_SCHEME_HTTPS ||
		!pool_method_asks(transfer->probe->method))
		return 0;
	bad |= (int)curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, note_speech);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_DEBUGDATA, transfer);
	bad |= (int)curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
	return bad ? POOL_ENOMEM : 0;
}
