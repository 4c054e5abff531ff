/* What a URL means, however it is written. */
#include <arpa/inet.h>
#include <string.h>
#include "base/text.h"
#include "config/url.h"

enum { HOST_SIZE = 256, VARIABLE = 1 };

/* Percent codes as the bytes that they are; a variable is told from text like it by a
 * byte that no URL holds. */
static void add_decoded(struct pool_text *text, const struct pool_slice *part)
{
	for (size_t i = 0; i < part->length; i++) {
		const char *here = part->bytes + i;
		int code = pool_url_percent_byte(here, part->length - i);
		bool variable =
			code < 0 && part->length - i > 1 && memcmp(here, "${", 2) == 0;
		char byte = code >= 0 ? (char)code : variable ? VARIABLE : *here;

		pool_text_add_bytes(text, &byte, 1);
		i += code >= 0 ? 2 : 0;
	}
	pool_text_add(text, "\n");
}

/* The one way in which inet_ntop() writes the address, and its zone. */
static void add_address(struct pool_text *text, const char *host)
{
	size_t length = strcspn(host, "%");
	char address[INET6_ADDRSTRLEN];
	struct in6_addr bytes;

	if (length < sizeof(address)) {
		memcpy(address, host, length);
		address[length] = '\0';
		if (inet_pton(AF_INET6, address, &bytes) == 1 &&
			inet_ntop(AF_INET6, &bytes, address, sizeof(address)))
			pool_text_addf(text, "[%s]%s\n", address, host + length);
	}
}

/* In lower case, without the dot of the root. */
static void add_name(struct pool_text *text, const struct pool_url *url)
{
	struct pool_slice host = url->host;
	size_t from = text->length;

	if (host.length > 1 && host.bytes[host.length - 1] == '.')
		host.length--;
	add_decoded(text, &host);
	for (char *at = text->bytes + from; !text->broken && *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
}

void pool_url_add_meaning(struct pool_text *text, const char *written)
{
	struct pool_fault fault = {0};
	char host[HOST_SIZE], *ascii = NULL;
	struct pool_url url;

	/* One that cannot be converted is compared as it is written. */
	if (pool_url_to_ascii(written, &ascii, &fault) == POOL_ENOMEM)
		text->broken = true;
	if (ascii)
		written = ascii;
	if (pool_url_parse(written, strlen(written), &url, NULL) == POOL_URL_OK) {
		pool_text_addf(text, "%u\n%u\n", url.scheme, url.port);
		pool_url_host(&url, host, sizeof(host));
		if (url.ipv6)
			add_address(text, host);
		else
			add_name(text, &url);
		add_decoded(text, &url.user);
		add_decoded(text, &url.password);
	}
	pool_text_forget(ascii);
}
