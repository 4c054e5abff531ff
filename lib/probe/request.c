/* Requests: libcurl's options for each method. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "probe/method.h"
#include "probe/transfer.h"

enum { HOST_MAX = 255 };

static const struct pool_scheme_traits schemes[POOL_SCHEMES] = {
	[POOL_SCHEME_HTTP] = {"http", false, false},
	[POOL_SCHEME_HTTPS] = {"https", false, true},
	[POOL_SCHEME_SOCKS4] = {"socks4", true, false},
	[POOL_SCHEME_SOCKS4A] = {"socks4a", true, false},
	[POOL_SCHEME_SOCKS5] = {"socks5", true, false},
	[POOL_SCHEME_SOCKS5H] = {"socks5h", true, false},
};

const struct pool_scheme_traits *pool_scheme_traits_get(const struct pool_login *login)
{
	return (unsigned)login->scheme < POOL_SCHEMES ? &schemes[login->scheme] : NULL;
}

/* The address that <host> is, or NULL; <family> is AF_INET or AF_INET6. */
static const void *parse_address(const char *host, struct in6_addr *bytes, int *family)
{
	char bare[HOST_MAX + 1];
	size_t length = strcspn(host, "%");

	if (length > HOST_MAX)
		return NULL;
	memcpy(bare, host, length);
	bare[length] = '\0';
	*family = strchr(bare, ':') ? AF_INET6 : AF_INET;
	return inet_pton(*family, bare, bytes) == 1 ? bytes : NULL;
}

bool pool_host_is_address(const char *host)
{
	struct in6_addr bytes;
	int family;

	return parse_address(host, &bytes, &family);
}

bool pool_login_may_be_at(const struct pool_login *login, const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
	struct in6_addr bytes;
	int family;

	/* sin_port and sin6_port lie in the same place. */
	if (ntohs(v4->sin_port) != login->port)
		return false;
	if (!parse_address(login->host, &bytes, &family))
		return true;
	if (family != address->sa_family)
		return false;
	return family == AF_INET6
		? memcmp(&bytes, &v6->sin6_addr, sizeof(v6->sin6_addr)) == 0
		: memcmp(&bytes, &v4->sin_addr, sizeof(v4->sin_addr)) == 0;
}

/* "scheme://host:port" with nothing of the user's but a host of harmless bytes. */
static int print_proxy(
	const struct pool_login *login, const char *scheme, char *out, size_t size)
{
	static const char harmless[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"._:%-";
	const char *host = login->host;
	const char *zone = strchr(host, '%');
	size_t bare = zone ? (size_t)(zone - host) : strlen(host);

	if (!*host || strlen(host) > HOST_MAX || host[strspn(host, harmless)] ||
		!login->port)
		return POOL_EARGUMENT;
	if (strchr(host, ':'))
		snprintf(out, size, "%s://[%.*s%s%s]:%u", scheme, (int)bare, host,
			zone ? "%25" : "", zone ? zone + 1 : "", login->port);
	else
		snprintf(out, size, "%s://%s:%u", scheme, host, login->port);
	return 0;
}

/* Through the probe's proxy, or, without one, past any proxy of the environment. */
static int set_proxy(struct pool_transfer *transfer)
{
	const struct pool_login *login = transfer->probe->login;
	const struct pool_scheme_traits *traits;
	CURL *easy = transfer->easy;
	char proxy[HOST_MAX + 64];
	int bad;

	if (!login)
		return curl_easy_setopt(easy, CURLOPT_PROXY, "") ? POOL_ENOMEM : 0;
	traits = pool_scheme_traits_get(login);
	if (!traits || print_proxy(login, traits->name, proxy, sizeof(proxy)))
		return POOL_EARGUMENT;
	bad = (int)curl_easy_setopt(easy, CURLOPT_PROXY, proxy);
	if (login->user)
		bad |= (int)curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, login->user);
	if (login->password)
		bad |= (int)curl_easy_setopt(
			easy, CURLOPT_PROXYPASSWORD, login->password);
	return bad ? POOL_ENOMEM : 0;
}

static int add_header(struct pool_transfer *transfer, const char *line, size_t length)
{
	char *copy = strndup(line, length);
	struct curl_slist *longer =
		copy ? curl_slist_append(transfer->headers, copy) : NULL;

	free(copy);
	if (!longer)
		return POOL_ENOMEM;
	transfer->headers = longer;
	return 0;
}

static int set_headers(struct pool_transfer *transfer)
{
	const char *line = transfer->probe->headers;

	while (line && *line) {
		size_t length = strcspn(line, "\r\n");

		if (length && add_header(transfer, line, length))
			return POOL_ENOMEM;
		line += length;
		line += strspn(line, "\r\n");
	}
	if (!transfer->headers)
		return 0;
	return curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers)
		? POOL_ENOMEM
		: 0;
}

static int set_request(struct pool_transfer *transfer)
{
	const char *request = transfer->probe->request;

	if (!request || strcmp(request, "GET") == 0)
		return 0;
	if (strcmp(request, "HEAD") == 0)
		return curl_easy_setopt(transfer->easy, CURLOPT_NOBODY, 1L) ? POOL_ENOMEM
									    : 0;
	return curl_easy_setopt(transfer->easy, CURLOPT_CUSTOMREQUEST, request)
		? POOL_ENOMEM
		: 0;
}

static int set_url(struct pool_transfer *transfer, const char *url)
{
	return curl_easy_setopt(transfer->easy, CURLOPT_URL, url) ? POOL_ENOMEM : 0;
}

int pool_transfer_set_http(struct pool_transfer *transfer)
{
	int error;

	if ((error = set_proxy(transfer)) || (error = set_headers(transfer)) ||
		(error = set_request(transfer)) ||
		(error = pool_match_init(&transfer->match, transfer->probe->body)))
		return error;
	return set_url(transfer, transfer->probe->url);
}

int pool_transfer_set_tcp(struct pool_transfer *transfer)
{
	char url[HOST_MAX + 64];

	if (!transfer->probe->login ||
		print_proxy(transfer->probe->login, "http", url, sizeof(url)))
		return POOL_EARGUMENT;
	if (curl_easy_setopt(transfer->easy, CURLOPT_PROXY, "") ||
		curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_ONLY, 1L))
		return POOL_ENOMEM;
	return set_url(transfer, url);
}

int pool_transfer_set_ping(struct pool_transfer *transfer)
{
	transfer->resolve_only = true;
	return pool_transfer_set_tcp(transfer);
}

static const struct {
	const char *scheme;
	const char *as;
	const char *port;
} targets[] = {
	{"http", "http", "80"},
	{"https", "https", "443"},
	{"ws", "http", "80"},
	{"wss", "https", "443"},
};

/* The probe's URL with a scheme that libcurl was built with and with its port. */
static int parse_target(const char *text, unsigned flags, CURLU **out)
{
	CURLU *url = curl_url();
	char *scheme = NULL, *port = NULL;
	int error = POOL_EARGUMENT;

	if (!url)
		return POOL_ENOMEM;
	if (curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME | flags) ||
		curl_url_get(url, CURLUPART_SCHEME, &scheme, 0))
		goto out;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		if (strcmp(scheme, targets[i].scheme) != 0)
			continue;
		if (curl_url_get(url, CURLUPART_PORT, &port, 0) &&
			curl_url_set(url, CURLUPART_PORT, targets[i].port, 0))
			goto out;
		if (curl_url_set(url, CURLUPART_SCHEME, targets[i].as, 0))
			goto out;
		*out = url;
		url = NULL;
		error = 0;
	}
out:
	curl_free(scheme);
	curl_free(port);
	curl_url_cleanup(url);
	return error;
}

/* No TLS and no request: http to host and port, whatever the URL's scheme. */
int pool_transfer_set_tunnel(struct pool_transfer *transfer)
{
	CURLU *url = NULL;
	/* host:port alone is enough. */
	int error = parse_target(transfer->probe->url, CURLU_DEFAULT_SCHEME, &url);

	if (error)
		return error;
	if (curl_url_set(url, CURLUPART_SCHEME, "http", 0) ||
		curl_url_set(url, CURLUPART_USER, NULL, 0) ||
		curl_url_set(url, CURLUPART_PASSWORD, NULL, 0) ||
		curl_url_get(url, CURLUPART_URL, &transfer->url, 0))
		error = POOL_EARGUMENT;
	curl_url_cleanup(url);
	if (error || (error = set_proxy(transfer)))
		return error;
	if (curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_ONLY, 1L) ||
		curl_easy_setopt(transfer->easy, CURLOPT_HTTPPROXYTUNNEL, 1L))
		return POOL_ENOMEM;
	return set_url(transfer, transfer->url);
}

int pool_transfer_set_websocket(struct pool_transfer *transfer)
{
	static const char *const lines[] = {"Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " POOL_WEBSOCKET_KEY};
	CURLU *url = NULL;
	int error = parse_target(transfer->probe->url, 0, &url);

	if (error)
		return error;
	if (curl_url_get(url, CURLUPART_URL, &transfer->url, CURLU_NO_DEFAULT_PORT))
		error = POOL_EARGUMENT;
	curl_url_cleanup(url);
	for (size_t i = 0; !error && i < sizeof(lines) / sizeof(lines[0]); i++)
		error = add_header(transfer, lines[i], strlen(lines[i]));
	if (error || (error = set_headers(transfer)) || (error = set_proxy(transfer)) ||
		(error = pool_match_init(&transfer->match, NULL)))
		return error;
	/* A proxy that relays requests drops Upgrade: it takes a tunnel, as all clients
	 * do. */
	if (curl_easy_setopt(transfer->easy, CURLOPT_HTTPPROXYTUNNEL, 1L))
		return POOL_ENOMEM;
	return set_url(transfer, transfer->url);
}
