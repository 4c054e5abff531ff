/* Lines of lists: the ways of writing a proxy, and which of them a line can be. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "config/list_line.h"
#include "config/url.h"

#define FORMS                                                                     \
	"a line is host:port, host:port:user:password, user:password:host:port, " \
	"both also with @ in the middle, or a URL"

enum { PORT_DIGITS = 5, HOST_MAX = 253, WORD_MAX = 20 };

/* How much a part looks like the host of a proxy. */
enum looks {
	LOOKS_WRONG, /* it cannot be one */
	LOOKS_WORD,  /* "carol": a host, or a user, or a password */
	LOOKS_NAME,  /* with a dot: gate.example.com */
	LOOKS_ADDRESS,
};

/* The ways of writing user and password; two of them at most begin or end as <text> does.
 */
enum form {
	FORM_NONE,
	FORM_HOST_FIRST, /* host:port:user:password */
	FORM_HOST_AT,    /* host:port@user:password */
	FORM_USER_FIRST, /* user:password:host:port */
	FORM_USER_AT,    /* user:password@host:port */
};

static const struct {
	const char *name;
	bool usual; /* what most lists are written in: read also with a host of one word
		     */
} forms[] = {
	[FORM_NONE] = {"nothing", false},
	[FORM_HOST_FIRST] = {"host:port:user:password", true},
	[FORM_HOST_AT] = {"host:port@user:password", false},
	[FORM_USER_FIRST] = {"user:password:host:port", false},
	[FORM_USER_AT] = {"user:password@host:port", true},
};

/* A line read in one form. */
struct reading {
	enum form form;
	enum looks looks; /* of its host */
	bool possible;    /* the port is one, and nothing is empty */
	bool mistyped;    /* it begins with a digit only */
	struct pool_slice endpoint, user, password;
};

/* --- what a part can be ----------------------------------------------------------- */

static struct pool_slice slice(const char *from, const char *to)
{
	return (struct pool_slice){from, (size_t)(to - from)};
}

static bool is_port(const struct pool_slice *part)
{
	unsigned port = 0;

	if (!part->length || part->length > PORT_DIGITS || part->bytes[0] == '0')
		return false;
	for (size_t i = 0; i < part->length; i++) {
		if (part->bytes[i] < '0' || part->bytes[i] > '9')
			return false;
		port = port * 10 + (unsigned)(part->bytes[i] - '0');
	}
	return port <= UINT16_MAX;
}

static bool is_mistyped(const struct pool_slice *part)
{
	return part->length && part->bytes[0] >= '0' && part->bytes[0] <= '9' &&
		!is_port(part);
}

static bool is_address(int family, const char *bytes, size_t length)
{
	char text[INET6_ADDRSTRLEN], address[sizeof(struct in6_addr)];

	if (!length || length >= sizeof(text))
		return false;
	memcpy(text, bytes, length);
	text[length] = '\0';
	return inet_pton(family, text, address) == 1;
}

/* An address in brackets, perhaps with a zone. */
static bool is_bracketed(const struct pool_slice *host)
{
	const char *zone = memchr(host->bytes, '%', host->length);
	const char *end = zone ? zone : host->bytes + host->length - 1;

	return host->length > 2 &&
		is_address(AF_INET6, host->bytes + 1, (size_t)(end - host->bytes) - 1);
}

static bool is_host_byte(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
		(byte >= '0' && byte <= '9') || strchr("-._", byte) ||
		((unsigned char)byte & 0x80);
}

static enum looks look(const struct pool_slice *host)
{
	bool digits = true, dotted = false;

	if (!host->length || host->length > HOST_MAX || strchr("-.", host->bytes[0]))
		return LOOKS_WRONG;
	if (host->bytes[0] == '[')
		return is_bracketed(host) ? LOOKS_ADDRESS : LOOKS_WRONG;
	for (size_t i = 0; i < host->length; i++) {
		if (!is_host_byte(host->bytes[i]))
			return LOOKS_WRONG;
		digits = digits && host->bytes[i] >= '0' && host->bytes[i] <= '9';
		dotted = dotted || host->bytes[i] == '.';
	}
	if (digits)
		return LOOKS_WRONG;
	if (is_address(AF_INET, host->bytes, host->length) ||
		(host->length == 9 && strncasecmp(host->bytes, "localhost", 9) == 0))
		return LOOKS_ADDRESS;
	return dotted ? LOOKS_NAME : LOOKS_WORD;
}

/* --- a line in two forms ---------------------------------------------------------- */

static const char *find_any(const char *at, const char *end, const char *bytes)
{
	while (at < end && !strchr(bytes, *at))
		at++;
	return at;
}

/* The last of <bytes> before <end>; NULL: there is none. */
static const char *find_last(const char *from, const char *end, const char *bytes)
{
	while (end > from)
		if (strchr(bytes, *--end))
			return end;
	return NULL;
}

/* User and password of <part>, at its first colon; false: there is none. */
static bool cut_login(struct reading *reading, const struct pool_slice *part)
{
	const char *colon = memchr(part->bytes, ':', part->length);

	if (!colon)
		return false;
	reading->user = slice(part->bytes, colon);
	reading->password = slice(colon + 1, part->bytes + part->length);
	return true;
}

/* As one that begins with host:port. */
static struct reading read_from_front(const char *text, const char *end)
{
	struct reading reading = {0};
	const char *close = *text == '[' ? memchr(text, ']', (size_t)(end - text)) : NULL;
	const char *colon = close ? close + 1 : find_any(text, end, ":@"), *edge;
	struct pool_slice host = slice(text, colon), port, login;

	if (colon == end || *colon != ':')
		return reading;
	edge = find_any(colon + 1, end, ":@");
	if (edge == end)
		return reading;
	port = slice(colon + 1, edge);
	login = slice(edge + 1, end);
	reading.form = *edge == '@' ? FORM_HOST_AT : FORM_HOST_FIRST;
	reading.looks = look(&host);
	reading.endpoint = slice(text, edge);
	reading.mistyped = is_mistyped(&port);
	reading.possible = cut_login(&reading, &login) && is_port(&port) &&
		reading.looks != LOOKS_WRONG && reading.user.length &&
		(reading.password.length || reading.form == FORM_HOST_FIRST);
	return reading;
}

/* As one that ends with host:port. */
static struct reading read_from_back(const char *text, const char *end)
{
	struct reading reading = {0};
	const char *colon = memrchr(text, ':', (size_t)(end - text)), *edge;
	bool bracket = colon && colon > text && colon[-1] == ']';
	struct pool_slice host, port, login;

	if (!colon)
		return reading;
	edge = find_last(text, colon, bracket ? "[" : ":@");
	if (edge && bracket)
		edge = edge > text && strchr(":@", edge[-1]) ? edge - 1 : NULL;
	if (!edge)
		return reading;
	host = slice(edge + 1, colon);
	port = slice(colon + 1, end);
	login = slice(text, edge);
	reading.form = *edge == '@' ? FORM_USER_AT : FORM_USER_FIRST;
	reading.looks = look(&host);
	reading.endpoint = slice(edge + 1, end);
	reading.mistyped = is_mistyped(&port);
	if (reading.form == FORM_USER_AT)
		/* A URL without its scheme: user and password stay as they are. */
		reading.possible = host.length && is_port(&port);
	else
		reading.possible = cut_login(&reading, &login) && is_port(&port) &&
			reading.looks != LOOKS_WRONG && reading.user.length &&
			reading.password.length;
	return reading;
}

/*
 * Whether <reading> is what the line says, and not <other>. A part with a dot counts for
 * more than a word, an address for more than both; and where the port of the better host
 * is mistyped, the worse one is no answer.
 */
static bool is_meant(const struct reading *reading, const struct reading *other)
{
	const bool usual = forms[reading->form].usual;

	if (!reading->possible || (!usual && reading->looks < LOOKS_NAME))
		return false;
	if (other->possible)
		return !(usual && forms[other->form].usual) &&
			other->looks <= LOOKS_WORD &&
			(reading->looks == LOOKS_ADDRESS ||
				(usual && reading->looks == LOOKS_NAME));
	if (usual)
		return reading->looks >= LOOKS_NAME || other->looks <= LOOKS_WORD ||
			(other->looks == LOOKS_NAME && !other->mistyped);
	return other->looks < LOOKS_NAME ||
		(reading->looks == LOOKS_ADDRESS && other->looks < LOOKS_ADDRESS);
}

/* --- columns that are no user and password ---------------------------------------- */

/* What lists of open proxies say of one: its type, and what it hides. */
#define WORD(word)                     \
	{                              \
		word, sizeof(word) - 1 \
	}
static const struct {
	const char *word;
	size_t length;
} listed[] = {WORD("http"), WORD("https"), WORD("ssl"), WORD("connect"), WORD("socks"),
	WORD("socks4"), WORD("socks4a"), WORD("socks5"), WORD("socks5h"), WORD("elite"),
	WORD("elite proxy"), WORD("anonymous"), WORD("anon"), WORD("transparent"),
	WORD("distorting"), WORD("high"), WORD("high anonymous"), WORD("high_anonymous"),
	WORD("highly anonymous"), WORD("hia"), WORD("anm"), WORD("noa")};

static bool is_capital(char byte)
{
	return byte >= 'A' && byte <= 'Z';
}

static bool is_listed(const char *word, size_t length)
{
	/* The code of a country. */
	if (length == 2 && is_capital(word[0]) && is_capital(word[1]))
		return true;
	for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++)
		if (listed[i].length == length &&
			strncasecmp(word, listed[i].word, length) == 0)
			return true;
	return false;
}

/* Does a column of user and password say what kind of proxy it is? */
static bool has_listed(const struct reading *reading)
{
	const char *at = reading->password.bytes, *end = at + reading->password.length;

	if (is_listed(reading->user.bytes, reading->user.length))
		return true;
	for (; at <= end; at++) {
		const char *colon = find_any(at, end, ":");

		/* "https://" is no type. */
		if (is_listed(at, (size_t)(colon - at)) &&
			(end - colon < 3 || memcmp(colon, "://", 3) != 0))
			return true;
		at = colon;
	}
	return false;
}

/* --- what is wrong ---------------------------------------------------------------- */

static size_t count_columns(const char *text, const char *separators)
{
	size_t count = 1;

	for (; *text; text++)
		count += strchr(separators, *text) != NULL &&
			(*separators != ' ' || text[1] != ' ');
	return count;
}

/* What parts the columns of a table, the most telling one first; NULL: colons at best. */
static const char *find_separator(const char *text)
{
	static const char *const separators[] = {"\t", "|", ";", ",", " "};

	for (size_t i = 0; i < sizeof(separators) / sizeof(separators[0]); i++)
		if (strchr(text, separators[i][0]))
			return separators[i];
	return NULL;
}

/* An address of IPv6 without its brackets, at the beginning, or before the last colon. */
static bool has_bare_ipv6(const char *text, const char *end)
{
	const char *last = memrchr(text, ':', (size_t)(end - text));

	if (!strstr(text, "::") && count_columns(text, ":") < 8)
		return false;
	for (const char *at = text; at <= end; at++)
		if ((at == end || *at == ':') &&
			is_address(AF_INET6, text, (size_t)(at - text)))
			return true;
	for (const char *at = text; last && at < last; at++)
		if ((at == text || strchr(":@", at[-1])) &&
			is_address(AF_INET6, at, (size_t)(last - at)))
			return true;
	return false;
}

/* Two columns look like host:port: so it is told what stands between them. */
static const char *name_separator(const char *separator)
{
	switch (separator ? *separator : ':') {
	case '\t':
		return ", between tabs";
	case '|':
		return ", between bars";
	case ';':
		return ", between semicolons";
	case ',':
		return ", between commas";
	default:
		return "";
	}
}

static void tell_columns(char *why, const char *text)
{
	const char *separator = find_separator(text);
	size_t count = count_columns(text, separator ? separator : ":@");

	/* A blank may be part of a word: "United States". */
	if (separator && *separator == ' ' && count_columns(text, ":") > count)
		count = count_columns(text, ":");
	if (!separator && strlen(text) && text[strlen(text) - 1] == ':')
		snprintf(why, POOL_LIST_LINE_WHY,
			"this line ends with a colon, and has %zu columns; " FORMS,
			count);
	else
		snprintf(why, POOL_LIST_LINE_WHY, "this line has %zu columns%s; " FORMS,
			count, name_separator(separator));
}

static bool refuse(char *why, const char *text, const struct reading *front,
	const struct reading *back)
{
	if (has_bare_ipv6(text, text + strlen(text)))
		snprintf(why, POOL_LIST_LINE_WHY,
			"an IPv6 address stands in brackets: [ADDRESS]:PORT");
	else if (front->possible && back->possible)
		snprintf(why, POOL_LIST_LINE_WHY, "this is %s or %s: write it as a URL",
			forms[front->form].name, forms[back->form].name);
	else if (front->possible || back->possible)
		snprintf(why, POOL_LIST_LINE_WHY,
			"it is not clear which part of this line is the host: write it "
			"as a URL, scheme://user:password@host:port");
	else
		tell_columns(why, text);
	return false;
}

/* --- URLs ------------------------------------------------------------------------- */

static void add_login(
	struct pool_text *url, const char *scheme, const struct reading *reading)
{
	pool_text_addf(url, "%s://", scheme);
	pool_text_add_encoded(url, reading->user.bytes, reading->user.length);
	pool_text_add(url, ":");
	pool_text_add_encoded(url, reading->password.bytes, reading->password.length);
	pool_text_add(url, "@");
	pool_text_add_bytes(url, reading->endpoint.bytes, reading->endpoint.length);
}

/* As it stands, a scheme before it. */
static bool add_plain(struct pool_text *url, const char *scheme, const char *text)
{
	pool_text_addf(url, "%s://%s", scheme, text);
	return true;
}

/* Would it be refused as it stands? Then its own fault says most. */
static bool is_faulty(const char *scheme, const char *text)
{
	struct pool_text url = POOL_TEXT_SECRET;
	struct pool_url parsed;
	bool faulty;

	add_plain(&url, scheme, text);
	faulty = !url.broken && pool_url_parse(url.bytes, url.length, &parsed, NULL) != 0;
	pool_text_release(&url);
	return faulty;
}

/* Neither reading is what the line says. */
static bool add_fault(struct pool_text *url, const char *scheme, const char *text,
	const struct reading *front, const struct reading *back, char *why)
{
	const bool columns = find_separator(text) != NULL;

	if (front->possible || back->possible || has_bare_ipv6(text, text + strlen(text)))
		return refuse(why, text, front, back);
	/* Its port is wrong, or has_listed() would have been asked. */
	if (front->form == FORM_HOST_FIRST && front->looks >= LOOKS_NAME &&
		front->user.length) {
		add_login(url, scheme, front);
		return true;
	}
	if (!columns && (count_columns(text, ":") <= 2 || strchr(text, '@')) &&
		is_faulty(scheme, text))
		return add_plain(url, scheme, text);
	return refuse(why, text, front, back);
}

/* A line, or what stands behind its scheme. */
static bool read_parts(
	struct pool_text *url, const char *scheme, const char *text, char *why)
{
	const char *end = text + strlen(text);
	struct reading front = read_from_front(text, end);
	struct reading back = read_from_back(text, end), *meant = NULL;

	if (!front.form && !back.form && !find_separator(text))
		return has_bare_ipv6(text, end) ? refuse(why, text, &front, &back)
						: add_plain(url, scheme, text);
	if (is_meant(&front, &back))
		meant = &front;
	else if (is_meant(&back, &front))
		meant = &back;
	if (!meant || (meant->looks < LOOKS_ADDRESS && has_bare_ipv6(text, end)))
		return add_fault(url, scheme, text, &front, &back, why);
	if (meant->form == FORM_USER_AT)
		return add_plain(url, scheme, text);
	if (has_listed(meant)) {
		snprintf(why, POOL_LIST_LINE_WHY,
			"this line has columns for a country or a kind of proxy, or a "
			"user of such a name: take them out, or write it as a URL");
		return false;
	}
	add_login(url, scheme, meant);
	return true;
}

static size_t find_scheme(const char *text)
{
	size_t length = strspn(text,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

	return length && strncmp(text + length, "://", 3) == 0 ? length : 0;
}

/*
 * A URL says where its host stands. But some write host:port@user:password behind a
 * scheme as well: where that has the better host, the line is refused.
 */
static bool read_url(struct pool_text *url, const char *text, size_t scheme, char *why)
{
	const char *rest = text + scheme + 3, *end = rest + strlen(rest);
	struct reading front = read_from_front(rest, end);
	struct reading back = read_from_back(rest, end);
	struct pool_url parsed;
	char name[WORD_MAX];

	/* Nothing but a URL: most are. */
	if ((!front.form && !back.form && !find_separator(text)) ||
		(!front.possible && back.form == FORM_USER_AT && back.possible)) {
		pool_text_add(url, text);
		return true;
	}
	if (pool_url_parse(text, strlen(text), &parsed, NULL) == POOL_URL_OK) {
		front = read_from_front(rest, parsed.rest.bytes);
		back = read_from_back(rest, parsed.rest.bytes);
		if (!front.possible || front.looks <= back.looks) {
			pool_text_add(url, text);
			return true;
		}
		snprintf(why, POOL_LIST_LINE_WHY,
			"this is %s or, as a URL, %s: if the host stands last, write the "
			"dots of the user name as %%2E",
			forms[front.form].name, forms[FORM_USER_AT].name);
		return false;
	}
	if (pool_scheme_find(text, scheme) >= 0 &&
		(front.form || back.form || find_separator(text))) {
		snprintf(name, sizeof(name), "%.*s", (int)scheme, text);
		return read_parts(url, name, rest, why);
	}
	pool_text_add(url, text);
	return true;
}

bool pool_list_line_read(struct pool_text *url, const char *text, const char *scheme,
	char why[POOL_LIST_LINE_WHY])
{
	size_t length = find_scheme(text);

	return length ? read_url(url, text, length, why)
		      : read_parts(url, scheme, text, why);
}
