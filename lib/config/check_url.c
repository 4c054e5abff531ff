/* What a check may ask for. */
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "config/model.h"

enum { URL_MAX = 2048 };

const char *pool_check_url_judge(const char *text)
{
	const char *authority = strstr(text, "://"), *end;

	if (!*text)
		return "the URL is empty";
	if (strlen(text) > URL_MAX)
		return "the URL is too long";
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == 0x7f)
			return "the URL holds a blank or a control character";
	authority = authority ? authority + 3 : text;
	end = authority + strcspn(authority, "/?#");
	if (memchr(authority, '@', (size_t)(end - authority)))
		return "the URL holds credentials";
	if (end == authority || *authority == ':' || *authority == '-')
		return "the URL has no host";
	return NULL;
}

static bool begins_with(const char *text, const char *const *schemes)
{
	for (; *schemes; schemes++)
		if (strncasecmp(text, *schemes, strlen(*schemes)) == 0)
			return true;
	return false;
}

/* host:port, as a tunnel may be given. */
static bool is_host_port(const char *url)
{
	const char *colon = strrchr(url, ':');
	int64_t port;

	return colon && colon != url && !strpbrk(url, "/?#") &&
		pool_text_to_int(colon + 1, 1, 65535, &port);
}

const char *pool_check_url_judge_scheme(enum pool_method method, const char *text)
{
	static const char *const web[] = {"http://", "https://", NULL};
	static const char *const sockets[] = {"ws://", "wss://", NULL};

	switch (method) {
	case POOL_METHOD_HTTP:
		return begins_with(text, web)
			? NULL
			: "an http check asks for http:// or https://";
	case POOL_METHOD_TUNNEL:
		return begins_with(text, web) || is_host_port(text)
			? NULL
			: "a tunnel leads to http://, https:// or host:port";
	case POOL_METHOD_WEBSOCKET:
		return begins_with(text, sockets)
			? NULL
			: "a websocket check asks for ws:// or wss://";
	case POOL_METHOD_TCP:
	case POOL_METHOD_PING:
	case POOL_METHODS:
		break;
	}
	return NULL;
}

/* --- keys ----------------------------------------------------------------------- */

/* The last or only word of a name whose value is nobody's business. */
static const char *const key_words[] = {"authorization", "auth", "cookie", "key",
	"apikey", "accesskey", "secretkey", "token", "accesstoken", "secret", "password",
	"passwd", "passphrase", "pass", "signature", "sig", "sign", "session",
	"sessionid", "credential", "credentials", "jwt", "bearer"};

static bool is_key_word(const char *word, size_t length)
{
	for (size_t i = 0; i < sizeof(key_words) / sizeof(key_words[0]); i++)
		if (strlen(key_words[i]) == length &&
			strncasecmp(key_words[i], word, length) == 0)
			return true;
	return false;
}

/* One of the words that <name> consists of: X-Api-Key, api_key, OK-ACCESS-SIGN. */
static bool is_key_name(const char *name, size_t length)
{
	size_t begin = 0;

	for (size_t i = 0; i <= length; i++) {
		if (i < length && isalnum((unsigned char)name[i]))
			continue;
		if (is_key_word(name + begin, i - begin))
			return true;
		begin = i + 1;
	}
	return false;
}

bool pool_check_url_has_key(const char *text)
{
	const char *at = strchr(text, '?');
	const char *end = text + strcspn(text, "#");

	while (at && at < end) {
		size_t length = strcspn(++at, "&;#"), name = strcspn(at, "=&;#");

		if (name + 1 < length && is_key_name(at, name))
			return true;
		at += length;
		if (!*at)
			at = NULL;
	}
	return false;
}

/* --- headers -------------------------------------------------------------------- */

/* Host may be chosen: it is part of what is asked for. */
static const char *const refused[] = {"Connection", "Content-Length", "Keep-Alive",
	"Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
	"Sec-WebSocket-Accept", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "TE",
	"Trailer", "Transfer-Encoding", "Upgrade"};

const char *pool_check_header_refused(size_t index)
{
	return index < sizeof(refused) / sizeof(refused[0]) ? refused[index] : NULL;
}

bool pool_check_header_is_refused(const char *name)
{
	for (size_t i = 0; pool_check_header_refused(i); i++)
		if (strcasecmp(name, pool_check_header_refused(i)) == 0)
			return true;
	return false;
}

bool pool_check_header_is_key(const char *name)
{
	return is_key_name(name, strlen(name));
}
