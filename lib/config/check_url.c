/* What a check may ask for. */
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
