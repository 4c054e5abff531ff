/* Proxy URLs: the order of the checks is cryptofeed's, so that the first fault is the
 * same. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "config/url.h"

enum { HOST_MAX = 253, LABEL_MAX = 63, ZONE_MAX = 15, SOCKS_MAX = 255, WORD_SHOWN = 64 };

static const char *const scheme_names[POOL_SCHEMES] = {
	[POOL_SCHEME_HTTP] = "http",
	[POOL_SCHEME_HTTPS] = "https",
	[POOL_SCHEME_SOCKS4] = "socks4",
	[POOL_SCHEME_SOCKS4A] = "socks4a",
	[POOL_SCHEME_SOCKS5] = "socks5",
	[POOL_SCHEME_SOCKS5H] = "socks5h",
};

static const struct pool_url_fault_row fault_rows[POOL_URL_FAULTS] = {
	[POOL_URL_OK] = {"", ""},
	[POOL_URL_EMPTY] = {"url-empty", "the URL is empty"},
	[POOL_URL_NO_SCHEME] = {"url-scheme-missing",
		"the URL has no scheme: write http://, https://, socks4:// or socks5:// "
		"before it"},
	[POOL_URL_BAD_SCHEME] = {"url-scheme",
		"the scheme is none of http, https, socks4, socks4a, socks5, socks5h"},
	[POOL_URL_NO_HOST] = {"url-host-missing",
		"the URL has no host (an IPv6 address stands in brackets)"},
	[POOL_URL_BAD_HOST] = {"url-host", "the host cannot be one"},
	[POOL_URL_BAD_IPV6] = {"url-ipv6", "the brackets hold no IPv6 address"},
	[POOL_URL_NO_PORT] = {"url-port-missing", "the URL has no port"},
	[POOL_URL_BAD_PORT] = {"url-port",
		"the port is not a plain number (percent-encode / ? # in a password)"},
	[POOL_URL_PORT_RANGE] = {"url-port-range", "the port is not one of 1 to 65535"},
	[POOL_URL_CONTROL] = {"url-control", "the URL holds a control character"},
	[POOL_URL_BLANK] = {"url-blank", "the URL holds a blank"},
	[POOL_URL_CREDENTIAL_LENGTH] = {"url-credential-length",
		"the user name or password is longer than the 255 bytes of SOCKS5"},
	[POOL_URL_BAD_VARIABLE] = {"url-variable",
		"${NAME} needs a name and a closing brace, and stands in the user or "
		"password only"},
	[POOL_URL_AT_SIGN] = {"url-at-sign",
		"an @ stands behind the host, and clients disagree on where the "
		"URL leads (percent-encode / ? # in a password)"},
	[POOL_URL_BACKSLASH] = {"url-backslash",
		"a backslash stands outside of the user and password, and clients "
		"disagree on where the URL leads"},
};

const char *pool_scheme_name(enum pool_scheme scheme)
{
	return (unsigned)scheme < POOL_SCHEMES ? scheme_names[scheme] : "?";
}

int pool_scheme_find(const char *name, size_t length)
{
	for (int i = 0; i < POOL_SCHEMES; i++)
		if (strlen(scheme_names[i]) == length &&
			strncasecmp(scheme_names[i], name, length) == 0)
			return i;
	return -1;
}

const struct pool_url_fault_row *pool_url_fault_get(enum pool_url_fault fault)
{
	return &fault_rows[fault];
}

/* --- bytes ---------------------------------------------------------------------- */

static int hex_value(char c)
{
	return c >= '0' && c <= '9'    ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : -1;
}

int pool_url_percent_byte(const char *text, size_t left)
{
	int high, low;

	if (left < 3 || text[0] != '%')
		return -1;
	high = hex_value(text[1]);
	low = hex_value(text[2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool is_control(int byte)
{
	return (byte >= 0 && byte < 0x20) || byte == 0x7f;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A raw control byte or blank anywhere: the text could then not be handed on safely. C1
 * controls arrive as two bytes of UTF-8. */
static enum pool_url_fault judge_bytes(const char *text, size_t length, size_t *at)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];
		bool c1 = byte == 0xc2 && i + 1 < length &&
			(unsigned char)text[i + 1] < 0xa0;

		*at = i;
		if (is_control(byte) || c1)
			return POOL_URL_CONTROL;
		if (byte == ' ' ||
			(byte == 0xc2 && i + 1 < length && text[i + 1] == '\xa0'))
			return POOL_URL_BLANK;
	}
	return POOL_URL_OK;
}

/* "${" at the beginning of <text>: the length of "${NAME}", or 0 if it is none. */
static size_t variable_length(const char *text, size_t left)
{
	size_t i = 2;

	if (left < 4 || (!is_letter(text[2]) && text[2] != '_'))
		return 0;
	while (i < left && (is_letter(text[i]) || is_digit(text[i]) || text[i] == '_'))
		i++;
	return i < left && text[i] == '}' ? i + 1 : 0;
}

static bool begins_variable(const char *text, size_t left)
{
	return left >= 2 && text[0] == '$' && text[1] == '{';
}

/* User or password: percent codes, variables, length. */
static enum pool_url_fault judge_credential(const struct pool_slice *part,
	enum pool_scheme scheme, const char *text, size_t *at)
{
	size_t decoded = 0, i = 0;

	while (i < part->length) {
		const char *here = part->bytes + i;
		int byte = pool_url_percent_byte(here, part->length - i);

		*at = (size_t)(here - text);
		if (is_control(byte))
			return POOL_URL_CONTROL;
		if (begins_variable(here, part->length - i)) {
			size_t length = variable_length(here, part->length - i);

			if (!length)
				return POOL_URL_BAD_VARIABLE;
			i += length;
			continue;
		}
		i += byte < 0 ? 1 : 3;
		decoded++;
	}
	if (decoded > SOCKS_MAX &&
		(scheme == POOL_SCHEME_SOCKS5 || scheme == POOL_SCHEME_SOCKS5H)) {
		*at = (size_t)(part->bytes - text);
		return POOL_URL_CREDENTIAL_LENGTH;
	}
	return POOL_URL_OK;
}

/* --- parts ---------------------------------------------------------------------- */

static size_t scheme_length(const char *text, size_t length)
{
	size_t i = 0;

	if (!length || !is_letter(text[0]))
		return 0;
	while (i < length &&
		(is_letter(text[i]) || is_digit(text[i]) || strchr("+-.", text[i])))
		i++;
	return length - i >= 3 && memcmp(text + i, "://", 3) == 0 ? i : 0;
}

/* What stands between the brackets: an address, with a zone where it is link-local. */
static enum pool_url_fault judge_ipv6(const struct pool_slice *host)
{
	const char *percent = memchr(host->bytes, '%', host->length);
	size_t length = percent ? (size_t)(percent - host->bytes) : host->length, zone;
	struct in6_addr address;
	char text[INET6_ADDRSTRLEN];

	if (length >= sizeof(text))
		return POOL_URL_BAD_IPV6;
	memcpy(text, host->bytes, length);
	text[length] = '\0';
	if (inet_pton(AF_INET6, text, &address) != 1)
		return POOL_URL_BAD_IPV6;
	if (!percent)
		return POOL_URL_OK;
	if (address.s6_addr[0] != 0xfe || (address.s6_addr[1] & 0xc0) != 0x80)
		return POOL_URL_BAD_IPV6;
	zone = host->length - length - 1;
	percent++;
	if (zone >= 2 && memcmp(percent, "25", 2) == 0) {
		percent += 2;
		zone -= 2;
	}
	if (zone == 0 || zone > ZONE_MAX)
		return POOL_URL_BAD_IPV6;
	for (size_t i = 0; i < zone; i++)
		if (!is_letter(percent[i]) && !is_digit(percent[i]) &&
			!strchr("._-", percent[i]))
			return POOL_URL_BAD_IPV6;
	return POOL_URL_OK;
}

static enum pool_url_fault judge_name(const struct pool_slice *host)
{
	if (host->length == 0)
		return POOL_URL_NO_HOST;
	if (host->length > HOST_MAX || host->bytes[0] == '-')
		return POOL_URL_BAD_HOST;
	for (size_t i = 0; i < host->length; i++) {
		int byte = pool_url_percent_byte(host->bytes + i, host->length - i);

		if (begins_variable(host->bytes + i, host->length - i))
			return POOL_URL_BAD_VARIABLE;
		if (is_control(byte))
			return POOL_URL_CONTROL;
		if (byte == ' ')
			return POOL_URL_BLANK;
		if (byte > 0 && (strchr("/?#@:[]\\%", byte) || (i == 0 && byte == '-')))
			return POOL_URL_BAD_HOST;
	}
	return POOL_URL_OK;
}

static enum pool_url_fault parse_port(const char *text, size_t length, uint16_t *out)
{
	uint32_t port = 0;

	if (length == 0)
		return POOL_URL_NO_PORT;
	for (size_t i = 0; i < length; i++)
		if (!is_digit(text[i]))
			return POOL_URL_BAD_PORT;
	if (length > 1 && text[0] == '0')
		return POOL_URL_BAD_PORT;
	for (size_t i = 0; i < length && port <= UINT16_MAX; i++)
		port = port * 10 + (uint32_t)(text[i] - '0');
	if (port == 0 || port > UINT16_MAX)
		return POOL_URL_PORT_RANGE;
	*out = (uint16_t)port;
	return POOL_URL_OK;
}

/* "host:port" or "[address]:port", all of <part>. */
static enum pool_url_fault parse_endpoint(
	const struct pool_slice *part, struct pool_url *out, const char *text, size_t *at)
{
	const char *end = part->bytes + part->length, *port;
	enum pool_url_fault fault;

	*at = (size_t)(part->bytes - text);
	out->endpoint = *part;
	out->ipv6 = part->length && part->bytes[0] == '[';
	if (out->ipv6) {
		port = memchr(part->bytes, ']', part->length);
		if (!port)
			return POOL_URL_BAD_IPV6;
		out->host = (struct pool_slice){
			part->bytes + 1, (size_t)(port - part->bytes) - 1};
		fault = judge_ipv6(&out->host);
		port++;
		if (!fault && port < end && *port != ':')
			fault = POOL_URL_BAD_HOST;
	} else {
		port = memchr(part->bytes, ':', part->length);
		if (!port)
			port = end;
		out->host =
			(struct pool_slice){part->bytes, (size_t)(port - part->bytes)};
		fault = judge_name(&out->host);
	}
	if (fault)
		return fault;
	if (port < end)
		port++;
	*at = (size_t)(port - text);
	return parse_port(port, (size_t)(end - port), &out->port);
}

/* Brackets belong around the host and nowhere else. */
static bool has_stray_bracket(const char *authority, size_t length, const char *host)
{
	for (size_t i = 0; i < length; i++) {
		const char *here = authority + i;

		if (*here == '[' && here != host)
			return true;
		if (*here == ']' && (here < host || *host != '['))
			return true;
	}
	return false;
}

static const char *last_at_sign(const char *text, size_t length)
{
	return memrchr(text, '@', length);
}

/*
 * What clients cut up at different places. A "/", "?" or "#" that was meant to be part of
 * a password ends the authority, so that the host would be the user's name.
 */
static enum pool_url_fault judge_ends(const char *authority, size_t length,
	const struct pool_slice *rest, const char *text, size_t *at)
{
	const char *sign = last_at_sign(authority, length);
	const char *host = sign ? sign + 1 : authority;
	const char *end = rest->bytes + rest->length;
	const char *backslash = memchr(host, '\\', (size_t)(end - host));

	if (memchr(rest->bytes, '@', rest->length)) {
		*at = (size_t)(rest->bytes - text);
		return POOL_URL_AT_SIGN;
	}
	if (!backslash)
		return POOL_URL_OK;
	*at = (size_t)(backslash - text);
	return POOL_URL_BACKSLASH;
}

static enum pool_url_fault parse_authority(const char *authority, size_t length,
	struct pool_url *out, const char *text, size_t *at)
{
	const char *sign = last_at_sign(authority, length);
	const char *host = sign ? sign + 1 : authority;
	struct pool_slice endpoint = {host, length - (size_t)(host - authority)};
	enum pool_url_fault fault;

	if (has_stray_bracket(authority, length, host)) {
		*at = (size_t)(authority - text);
		return POOL_URL_BAD_IPV6;
	}
	fault = parse_endpoint(&endpoint, out, text, at);
	if (fault || !sign)
		return fault;
	out->user = (struct pool_slice){authority, (size_t)(sign - authority)};
	sign = memchr(out->user.bytes, ':', out->user.length);
	if (sign) {
		out->password = (struct pool_slice){
			sign + 1, out->user.length - (size_t)(sign - authority) - 1};
		out->user.length = (size_t)(sign - authority);
	}
	fault = judge_credential(&out->user, out->scheme, text, at);
	return fault ? fault : judge_credential(&out->password, out->scheme, text, at);
}

enum pool_url_fault pool_url_parse(
	const char *text, size_t length, struct pool_url *out, size_t *at)
{
	struct pool_url url = {0};
	size_t where = 0, authority, end;
	enum pool_url_fault fault =
		length ? judge_bytes(text, length, &where) : POOL_URL_EMPTY;
	int scheme = -1;

	if (fault)
		goto out;
	where = 0;
	end = scheme_length(text, length);
	fault = POOL_URL_NO_SCHEME;
	if (!end)
		goto out;
	scheme = pool_scheme_find(text, end);
	fault = POOL_URL_BAD_SCHEME;
	if (scheme < 0)
		goto out;
	url.scheme = (enum pool_scheme)scheme;
	authority = end + 3;
	for (end = authority; end < length && !strchr("/?#", text[end]);)
		end++;
	url.rest = (struct pool_slice){text + end, length - end};
	fault = judge_ends(text + authority, end - authority, &url.rest, text, &where);
	if (!fault)
		fault = parse_authority(
			text + authority, end - authority, &url, text, &where);
out:
	if (!fault)
		*out = url;
	else if (at)
		*at = where;
	return fault;
}

/* --- remarks -------------------------------------------------------------------- */

static bool has_path(const struct pool_url *url)
{
	return url->rest.length > 1 ||
		(url->rest.length == 1 && url->rest.bytes[0] != '/');
}

static bool has_zone(const struct pool_url *url)
{
	return url->ipv6 && memchr(url->host.bytes, '%', url->host.length);
}

/* Would a C library take it for an address, in octal perhaps, or with parts missing? */
static bool looks_numeric(const struct pool_slice *host)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr address;
	size_t length = host->length - (host->bytes[host->length - 1] == '.');
	const char *last = memrchr(host->bytes, '.', length);

	last = last ? last + 1 : host->bytes;
	if (last < host->bytes + length && !is_digit(*last))
		return false;
	if (length >= sizeof(text))
		return true;
	memcpy(text, host->bytes, length);
	text[length] = '\0';
	return inet_pton(AF_INET, text, &address) != 1;
}

static bool odd_host(const struct pool_url *url)
{
	const char *bytes = url->host.bytes;
	size_t length = url->host.length, label = 0;

	if (url->ipv6)
		return false;
	for (size_t i = 0; i <= length; i++) {
		if (i == length || bytes[i] == '.') {
			bool rooted = i == length && i > 1 && label == 0;

			if ((label == 0 && !rooted) || label > LABEL_MAX)
				return true;
			if (label && (bytes[i - 1] == '-' || bytes[i - label] == '-'))
				return true;
			label = 0;
			continue;
		}
		if (!is_letter(bytes[i]) && !is_digit(bytes[i]) &&
			!strchr("-_", bytes[i]) && !((unsigned char)bytes[i] & 0x80))
			return true;
		label++;
	}
	return looks_numeric(&url->host);
}

static bool has_underscore(const struct pool_url *url)
{
	return !url->ipv6 && memchr(url->host.bytes, '_', url->host.length);
}

static bool odd_percent_in(const struct pool_slice *part)
{
	for (size_t i = 0; i < part->length; i++)
		if (part->bytes[i] == '%' &&
			pool_url_percent_byte(part->bytes + i, part->length - i) < 0)
			return true;
	return false;
}

static bool odd_percent(const struct pool_url *url)
{
	return odd_percent_in(&url->user) || odd_percent_in(&url->password);
}

static bool socks4_password(const struct pool_url *url)
{
	return url->password.length &&
		(url->scheme == POOL_SCHEME_SOCKS4 || url->scheme == POOL_SCHEME_SOCKS4A);
}

static bool has_raw_sign_in(const struct pool_slice *part)
{
	return part->length &&
		(memchr(part->bytes, '@', part->length) ||
			memchr(part->bytes, '\\', part->length));
}

static bool has_raw_sign(const struct pool_url *url)
{
	return has_raw_sign_in(&url->user) || has_raw_sign_in(&url->password);
}

const struct pool_url_fault_row *pool_url_remark_get(
	const struct pool_url *url, enum pool_url_remark remark)
{
	static const struct {
		struct pool_url_fault_row row;
		bool (*applies)(const struct pool_url *url);
	} rows[POOL_URL_REMARKS] = {
		[POOL_URL_HAS_PATH] = {{"url-path",
					       "a proxy URL ends with its port: clients "
					       "refuse or ignore a path, query or "
					       "fragment"},
			has_path},
		[POOL_URL_HAS_ZONE] = {{"url-zone",
					       "the zone behind the address means "
					       "something on one machine only"},
			has_zone},
		[POOL_URL_ODD_HOST] = {{"url-host-odd",
					       "programs may read this host "
					       "differently, or not at all"},
			odd_host},
		[POOL_URL_UNDERSCORE] = {{"url-host-underscore",
						 "the host has an underscore, which some "
						 "resolvers refuse"},
			has_underscore},
		[POOL_URL_UNICODE] =
			{{"url-host-unicode",
				 "the host is not ASCII: checks and clients get its "
				 "punycode form"},
				pool_url_is_international},
		[POOL_URL_ODD_PERCENT] = {{"url-percent",
						  "a percent sign in the user name or "
						  "password begins no code: write %25"},
			odd_percent},
		[POOL_URL_SOCKS4_PASSWORD] =
			{{"url-socks4-password",
				 "SOCKS4 has no passwords: this one is never sent"},
				socks4_password},
		[POOL_URL_RAW_SIGN] = {{"url-raw-sign",
					       "an @ or backslash in the user or "
					       "password is not percent-encoded, and "
					       "clients disagree on where the URL leads: "
					       "write %40 or %5C, as it will be printed"},
			has_raw_sign},
	};

	return rows[remark].applies(url) ? &rows[remark].row : NULL;
}

static bool is_literal(const struct pool_slice *part)
{
	return part->length && !memmem(part->bytes, part->length, "${", 2);
}

bool pool_url_has_literal_credentials(const struct pool_url *url)
{
	return url->password.bytes && is_literal(&url->password);
}

/* "user:password", which "host:port" and "key: value" are not. */
static bool has_word_behind_colon(const char *text, size_t length)
{
	for (size_t i = 0; i + 1 < length; i++)
		if (text[i] == ':' && !is_digit(text[i + 1]) &&
			!strchr(" \t:", text[i + 1]))
			return true;
	return false;
}

bool pool_url_may_hold_secret(const char *text, size_t length)
{
	return length > WORD_SHOWN || memchr(text, '@', length) ||
		has_word_behind_colon(text, length);
}

/* --- names ---------------------------------------------------------------------- */

void pool_url_host(const struct pool_url *url, char *out, size_t size)
{
	const char *bytes = url->host.bytes, *end = bytes + url->host.length;
	const char *zone = url->ipv6 ? memchr(bytes, '%', url->host.length) : NULL;
	int bare = (int)((zone ? zone : end) - bytes);

	if (zone && end - zone > 2 && memcmp(zone, "%25", 3) == 0)
		zone += 2;
	snprintf(out, size, "%.*s%s%.*s", bare, bytes, zone ? "%" : "",
		zone ? (int)(end - zone) - 1 : 0, zone ? zone + 1 : "");
}

void pool_url_endpoint(const struct pool_url *url, char *out, size_t size)
{
	char host[HOST_MAX + 1];

	pool_url_host(url, host, sizeof(host));
	for (char *at = host; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	snprintf(out, size, url->ipv6 ? "[%s]:%u" : "%s:%u", host, url->port);
}

void pool_url_redact(const char *text, char *out, size_t size)
{
	char endpoint[HOST_MAX + 16];
	struct pool_url url;

	if (pool_url_parse(text, strlen(text), &url, NULL)) {
		snprintf(out, size, "***");
		return;
	}
	pool_url_endpoint(&url, endpoint, sizeof(endpoint));
	snprintf(out, size, "%s://%s%s", pool_scheme_name(url.scheme),
		url.user.length || url.password.length ? "***@" : "", endpoint);
}
