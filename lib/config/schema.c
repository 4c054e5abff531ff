/* The schema table, and scalars from and to text. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "config/schema.h"

static const char *strategy_word(unsigned id)
{
	return id < POOL_STRATEGIES ? pool_strategy_get(id)->name : NULL;
}

static const char *method_word(unsigned id)
{
	return id < POOL_METHODS ? pool_method_name(id) : NULL;
}

static const char *fallback_word(unsigned id)
{
	static const char *const words[POOL_FALLBACKS] = {
		[POOL_FALLBACK_ANY] = "any", [POOL_FALLBACK_FAIL] = "fail"};

	return id < POOL_FALLBACKS ? words[id] : NULL;
}

static const char *control_word(unsigned id)
{
	static const char *const words[POOL_CONTROLS] = {
		[POOL_CONTROL_NONE] = "none", [POOL_CONTROL_DIRECT] = "direct"};

	return id < POOL_CONTROLS ? words[id] : NULL;
}

static const struct pool_key_type_row types[POOL_KEY_TYPES] = {
	[POOL_KIND_BOOL] = {"bool", "true or false", true},
	[POOL_KIND_INT] = {"int", "a whole number", true},
	[POOL_KIND_DECIMAL] = {"number", "a number", true},
	[POOL_KIND_WORD] = {"word", "a word", true},
	[POOL_KIND_STATUSES] = {"statuses",
		"an HTTP status, or a list of them and of ranges "
		"like \"200-399\"",
		true},
	[POOL_KIND_URL] = {"URL", "a URL in a string", false},
	[POOL_KIND_NAME] = {"name", "a string", false},
	[POOL_KIND_PATH] = {"path", "a path in a string", false},
	[POOL_KIND_CHECK_URL] = {"URL", "a URL in a string", false},
	[POOL_KIND_REQUEST] = {"HTTP method", "a string", false},
	[POOL_KIND_HEADERS] = {"headers", "an object of strings", false},
	[POOL_KIND_TEXT] = {"text", "a string", false},
	[POOL_KIND_EXCHANGES] = {"exchanges", "an object of exchanges", false},
	[POOL_KIND_EXCHANGE] = {"exchange", "an object with http and websocket, or a URL",
		false},
	[POOL_KIND_CONNECTION] = {"connection", "an object with url or pool, or a URL",
		false},
	[POOL_KIND_POOL] = {"pool", "an object with proxies, or a list of proxies",
		false},
	[POOL_KIND_PROXIES] = {"proxies", "a list of proxies, or \"default\"", false},
	[POOL_KIND_OBJECT] = {"object", "an object", false},
};

#define SETTINGS(field) offsetof(struct pool_settings, field)
#define LEAF(field)     offsetof(struct pool_leaf, field)
#define MEMBER(field)   offsetof(struct pool_member, field)
#define POLICY(field)   offsetof(struct pool_leaf, policy.field)
#define REQUEST(field)  offsetof(struct pool_leaf, request.field)
#define RANGE(from, to, rule_name) \
	.low = (from), .high = (to), .rule = POOL_RULE_##rule_name##_RANGE

static const struct pool_key keys[] = {
	{POOL_GROUP_SETTINGS, "enabled", POOL_KIND_BOOL, .fallback = "false",
		.offset = SETTINGS(enabled),
		.summary = "Use proxies at all; true by default in the short form."},
	{POOL_GROUP_SETTINGS, "default", POOL_KIND_EXCHANGE, .nullable = true,
		.fallback = "", .child = POOL_GROUP_EXCHANGE,
		.summary = "Serves every exchange that has no entry of its own."},
	{POOL_GROUP_SETTINGS, "exchanges", POOL_KIND_EXCHANGES, .fallback = "",
		.child = POOL_GROUP_EXCHANGE,
		.summary = "Entries by exchange id; ids are compared without case."},

	{POOL_GROUP_EXCHANGE, "http", POOL_KIND_CONNECTION, .nullable = true,
		.fallback = "", .child = POOL_GROUP_CONNECTION,
		.summary = "The connection of HTTP requests; the default's where it is "
			   "left out."},
	{POOL_GROUP_EXCHANGE, "websocket", POOL_KIND_CONNECTION, .nullable = true,
		.fallback = "", .child = POOL_GROUP_CONNECTION,
		.summary = "The connection of WebSockets; the default's where it is left "
			   "out."},
	{POOL_GROUP_EXCHANGE, "rest", POOL_KIND_CONNECTION, .nullable = true,
		.fallback = "", .alias_of = "http", .child = POOL_GROUP_CONNECTION,
		.summary = "Another name of http."},
	{POOL_GROUP_EXCHANGE, "ws", POOL_KIND_CONNECTION, .nullable = true,
		.fallback = "", .alias_of = "websocket", .child = POOL_GROUP_CONNECTION,
		.summary = "Another name of websocket."},

	{POOL_GROUP_CONNECTION, "url", POOL_KIND_URL, .nullable = true, .fallback = "",
		.offset = LEAF(url),
		.summary = "The single proxy; beside a pool, the one to fall back on."},
	{POOL_GROUP_CONNECTION, "timeout_seconds", POOL_KIND_INT, .fallback = "30",
		RANGE(1, 300, TIMEOUT), .offset = LEAF(timeout_s),
		.summary = "How long one use of a proxy may take."},
	{POOL_GROUP_CONNECTION, "rollout_percent", POOL_KIND_INT, .fallback = "100",
		RANGE(0, 100, ROLLOUT), .offset = LEAF(rollout_percent),
		.summary = "Share of selections that use the pool; the rest use url."},
	{POOL_GROUP_CONNECTION, "pool", POOL_KIND_POOL, .nullable = true, .fallback = "",
		.child = POOL_GROUP_POOL,
		.summary =
			"A pool, or its list of proxies with the pool's keys beside it."},

	{POOL_GROUP_POOL, "proxies", POOL_KIND_PROXIES, .fallback = "",
		.child = POOL_GROUP_PROXY,
		.summary = "At least one proxy or URL; \"default\" copies the default's "
			   "list."},
	{POOL_GROUP_POOL, "strategy", POOL_KIND_WORD, .fallback = "round_robin",
		.words = strategy_word, .offset = POLICY(strategy),
		.summary = "How a proxy is chosen among the eligible ones."},
	{POOL_GROUP_POOL, "fallback", POOL_KIND_WORD, .fallback = "any",
		.words = fallback_word, .offset = POLICY(fallback),
		.summary = "When none is eligible: any unhealthy one with a warning, or "
			   "fail."},
	{POOL_GROUP_POOL, "health_check", POOL_KIND_OBJECT, .fallback = "",
		.child = POOL_GROUP_CHECK, .summary = "How the proxies are checked."},
	{POOL_GROUP_POOL, "breaker", POOL_KIND_OBJECT, .fallback = "",
		.child = POOL_GROUP_BREAKER,
		.summary = "When a failing proxy is left alone."},
	{POOL_GROUP_POOL, "cooldown", POOL_KIND_OBJECT, .fallback = "",
		.child = POOL_GROUP_COOLDOWN,
		.summary = "How long a limited proxy rests."},
	{POOL_GROUP_POOL, "limits", POOL_KIND_OBJECT, .fallback = "",
		.child = POOL_GROUP_LIMITS, .summary = "How much one proxy may be used."},

	{POOL_GROUP_PROXY, "url", POOL_KIND_URL, .fallback = "", .offset = MEMBER(url),
		.summary = "scheme://[user[:password]@]host:port."},
	{POOL_GROUP_PROXY, "name", POOL_KIND_NAME, .fallback = "", .offset = MEMBER(name),
		.summary =
			"Unique in its pool; host:port, then host:port#2, by default."},
	{POOL_GROUP_PROXY, "weight", POOL_KIND_DECIMAL, .fallback = "1",
		RANGE(100000, 10000000, WEIGHT), .offset = MEMBER(weight_micro),
		.at_zero = "to drain a proxy, write \"enabled\": false, or run "
			   "pool-report NAME disable",
		.summary = "Its share of the selections, relative to the others."},
	{POOL_GROUP_PROXY, "enabled", POOL_KIND_BOOL, .fallback = "true",
		.offset = MEMBER(enabled),
		.summary = "False: never checked, never selected."},
	{POOL_GROUP_PROXY, "max_connections", POOL_KIND_INT, .fallback = "",
		RANGE(1, 1000000, CONNECTIONS), .offset = MEMBER(max_connections),
		.summary = "Leases at once, instead of the pool's limit."},
	{POOL_GROUP_PROXY, "password_file", POOL_KIND_PATH, .fallback = "",
		.offset = MEMBER(password_file),
		.summary = "A regular file whose first line is the password; relative to "
			   "the "
			   "pool file."},

	{POOL_GROUP_CHECK, "enabled", POOL_KIND_BOOL, .fallback = "true",
		.offset = POLICY(check_enabled), .summary = "Check the proxies at all."},
	{POOL_GROUP_CHECK, "method", POOL_KIND_WORD, .fallback = "tcp",
		.words = method_word, .offset = POLICY(method),
		.summary = "What a check does."},
	{POOL_GROUP_CHECK, "interval_seconds", POOL_KIND_INT, .fallback = "30",
		RANGE(5, 300, INTERVAL), .offset = POLICY(interval_s),
		.summary = "Time between two checks of a proxy."},
	{POOL_GROUP_CHECK, "interval", POOL_KIND_INT, .alias_of = "interval_seconds",
		.fallback = "30", RANGE(5, 300, INTERVAL), .offset = POLICY(interval_s),
		.summary = "Another name of interval_seconds."},
	{POOL_GROUP_CHECK, "timeout_seconds", POOL_KIND_INT, .fallback = "5",
		RANGE(1, 30, CHECK_TIMEOUT), .offset = POLICY(check_timeout_s),
		.summary = "How long one attempt of a check may take."},
	{POOL_GROUP_CHECK, "retry_count", POOL_KIND_INT, .fallback = "3",
		RANGE(1, 10, RETRY), .offset = POLICY(retry_count),
		.summary = "Attempts after the first failed."},
	{POOL_GROUP_CHECK, "url", POOL_KIND_CHECK_URL, .fallback = "",
		.offset = REQUEST(url), .checks_only_http = true,
		.summary = "What http, tunnel and websocket checks ask for."},
	{POOL_GROUP_CHECK, "request", POOL_KIND_REQUEST, .fallback = "GET",
		.offset = REQUEST(method), .checks_only_http = true,
		.summary = "The HTTP method of an http check."},
	{POOL_GROUP_CHECK, "headers", POOL_KIND_HEADERS, .fallback = "",
		.offset = REQUEST(headers), .checks_only_http = true,
		.summary = "Header lines to send, by name."},
	{POOL_GROUP_CHECK, "expect_status", POOL_KIND_STATUSES, .fallback = "",
		.offset = POLICY(expect), .checks_only_http = true,
		.summary = "The answer's statuses that are good; without it 200 to 399, "
			   "or 204 alone where there is no url either."},
	{POOL_GROUP_CHECK, "expect_body", POOL_KIND_TEXT, .fallback = "",
		.offset = REQUEST(body), .checks_only_http = true,
		.summary = "Text that the answer must contain."},
	{POOL_GROUP_CHECK, "control", POOL_KIND_WORD, .fallback = "none",
		.words = control_word, .offset = POLICY(control),
		.summary = "A direct request besides, to tell a dead target from dead "
			   "proxies."},
	{POOL_GROUP_CHECK, "healthy_threshold", POOL_KIND_INT, .fallback = "2",
		RANGE(1, 10, THRESHOLD), .offset = POLICY(healthy_threshold),
		.summary = "Good checks that make a recovering proxy healthy."},
	{POOL_GROUP_CHECK, "unhealthy_threshold", POOL_KIND_INT, .fallback = "1",
		RANGE(1, 10, THRESHOLD), .offset = POLICY(unhealthy_threshold),
		.summary = "Failed checks that make a proxy unhealthy."},

	{POOL_GROUP_BREAKER, "failure_threshold", POOL_KIND_INT, .fallback = "5",
		RANGE(1, 1000, BREAKER), .offset = POLICY(failure_threshold),
		.summary = "Reported failures in a row that make a proxy unhealthy."},
	{POOL_GROUP_BREAKER, "open_seconds", POOL_KIND_INT, .fallback = "30",
		RANGE(1, 86400, BREAKER), .offset = POLICY(open_s),
		.summary = "How long it is left alone at first; doubles each time."},
	{POOL_GROUP_BREAKER, "max_open_seconds", POOL_KIND_INT, .fallback = "300",
		RANGE(1, 604800, BREAKER), .offset = POLICY(max_open_s),
		.summary = "The longest it is left alone."},
	{POOL_GROUP_BREAKER, "half_open_max", POOL_KIND_INT, .fallback = "1",
		RANGE(1, 1000, BREAKER), .offset = POLICY(half_open_max),
		.summary = "Leases at once while it recovers."},

	{POOL_GROUP_COOLDOWN, "statuses", POOL_KIND_STATUSES, .fallback = "418, 429",
		.offset = POLICY(cooling),
		.summary = "The target's statuses that mean: too much."},
	{POOL_GROUP_COOLDOWN, "blocked", POOL_KIND_STATUSES, .fallback = "403, 451",
		.offset = POLICY(blocked),
		.summary = "Statuses that mean: not through this proxy; statuses wins."},
	{POOL_GROUP_COOLDOWN, "seconds", POOL_KIND_INT, .fallback = "60",
		RANGE(1, 2592000, COOLDOWN), .offset = POLICY(cooldown_s),
		.summary = "How long a limited proxy rests without a Retry-After."},
	{POOL_GROUP_COOLDOWN, "max_seconds", POOL_KIND_INT, .fallback = "259200",
		RANGE(1, 2592000, COOLDOWN), .offset = POLICY(max_cooldown_s),
		.summary = "The longest it rests."},

	{POOL_GROUP_LIMITS, "max_connections", POOL_KIND_INT, .fallback = "",
		RANGE(1, 1000000, LIMITS), .offset = POLICY(max_connections),
		.summary = "Leases at once of one proxy."},
	{POOL_GROUP_LIMITS, "requests", POOL_KIND_INT, .fallback = "",
		RANGE(1, 1000000000, LIMITS), .offset = POLICY(budget_requests),
		.summary = "Selections of one proxy within per_seconds."},
	{POOL_GROUP_LIMITS, "per_seconds", POOL_KIND_INT, .fallback = "",
		RANGE(1, 86400, LIMITS), .offset = POLICY(budget_per_s),
		.summary = "The window of requests."},
};

enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static const char *const elsewhere = "it is not part of a pool file; take it out";
static const char *const in_url =
	"write it inside url: scheme://user:password@host:port, with "
	"${NAME} for secrets";

static const char *const beside_proxy =
	"it is cryptofeed's own: leave it beside a key 'proxy', and write the settings "
	"below that";

static const struct pool_refused_key refused[] = {
	{POOL_GROUP_SETTINGS, "log", beside_proxy},
	{POOL_GROUP_SETTINGS, "uvloop", beside_proxy},
	{POOL_GROUP_SETTINGS, "backend_multiprocessing", beside_proxy},
	{POOL_GROUP_SETTINGS, "ignore_invalid_instruments", beside_proxy},
	{POOL_GROUP_SETTINGS, "external_service",
		"an external proxy service is not supported; list its proxies in a pool"},
	{POOL_GROUP_SETTINGS, "global",
		"write \"default\": {\"http\": URL, \"websocket\": URL}"},
	{POOL_GROUP_SETTINGS, "proxy_pool",
		"write pool inside default.http, or proxies alone"},
	{POOL_GROUP_SETTINGS, "pool",
		"write proxies at top level, or pool inside default.http"},
	{POOL_GROUP_SETTINGS, "http", "write it inside default"},
	{POOL_GROUP_SETTINGS, "websocket", "write it inside default"},
	{POOL_GROUP_SETTINGS, "rest", "write it inside default, as http"},
	{POOL_GROUP_SETTINGS, "url", "write \"proxy\": URL, or url inside default.http"},
	{POOL_GROUP_SETTINGS, "proxy",
		"one 'proxy' key is enough: write the settings here"},
	{POOL_GROUP_SETTINGS, "manager", elsewhere},
	{POOL_GROUP_SETTINGS, "regional",
		"write an entry of exchanges for each exchange"},
	{POOL_GROUP_SETTINGS, "auto_inject", elsewhere},
	{POOL_GROUP_SETTINGS, "logging", elsewhere},
	{POOL_GROUP_SETTINGS, "monitoring", elsewhere},
	{POOL_GROUP_SETTINGS, "compliance", elsewhere},
	{POOL_GROUP_SETTINGS, "high_availability", elsewhere},
	{POOL_GROUP_SETTINGS, "timeout", "write timeout_seconds inside a connection"},
	{POOL_GROUP_SETTINGS, "timeout_seconds", "write it inside a connection"},
	{POOL_GROUP_SETTINGS, "circuit_breaker", "write breaker inside a pool"},
	{POOL_GROUP_SETTINGS, "health_check",
		"write it inside a pool, or beside proxies at top level"},
	{POOL_GROUP_SETTINGS, "strategy",
		"write it inside a pool, or beside proxies at top level"},
	{POOL_GROUP_EXCHANGE, "timeout",
		"write timeout_seconds inside http and websocket"},
	{POOL_GROUP_EXCHANGE, "timeout_seconds", "write it inside http and websocket"},
	{POOL_GROUP_EXCHANGE, "url", "write it inside http or websocket"},
	{POOL_GROUP_EXCHANGE, "pool", "write it inside http or websocket"},
	{POOL_GROUP_EXCHANGE, "socks5", "write its URL as http or websocket"},
	{POOL_GROUP_EXCHANGE, "proxies",
		"write http and websocket here, each with a URL or a pool"},
	{POOL_GROUP_EXCHANGE, "strategy", "write it inside a pool of http or websocket"},
	{POOL_GROUP_EXCHANGE, "health_check",
		"write it inside a pool of http or websocket"},
	{POOL_GROUP_EXCHANGE, "enabled",
		"write {} as http and websocket for no proxy, or null for the default's"},
	{POOL_GROUP_CONNECTION, "timeout", "write timeout_seconds"},
	{POOL_GROUP_CONNECTION, "proxies", "write \"pool\": [...]"},
	{POOL_GROUP_CONNECTION, "proxy_pool", "write pool"},
	{POOL_GROUP_CONNECTION, "enabled",
		"write {} as the connection for no proxy, or null for the default's"},
	{POOL_GROUP_CONNECTION, "http_config", elsewhere},
	{POOL_GROUP_CONNECTION, "metadata", elsewhere},
	{POOL_GROUP_CONNECTION, "circuit_breaker", "write breaker"},
	{POOL_GROUP_POOL, "enabled",
		"write \"rollout_percent\": 0 and a url beside the pool to use that "
		"url alone"},
	{POOL_GROUP_POOL, "http_config", elsewhere},
	{POOL_GROUP_POOL, "metadata", elsewhere},
	{POOL_GROUP_POOL, "circuit_breaker", "write breaker"},
	{POOL_GROUP_POOL, "members", "write proxies"},
	{POOL_GROUP_POOL, "url", "write it beside pool, not inside"},
	{POOL_GROUP_PROXY, "metadata", elsewhere},
	{POOL_GROUP_PROXY, "http_config", elsewhere},
	{POOL_GROUP_PROXY, "user", in_url},
	{POOL_GROUP_PROXY, "username", in_url},
	{POOL_GROUP_PROXY, "password",
		"write it inside url as ${NAME}, or give its file with password_file"},
	{POOL_GROUP_PROXY, "host", in_url},
	{POOL_GROUP_PROXY, "port", in_url},
	{POOL_GROUP_PROXY, "scheme", in_url},
	{POOL_GROUP_PROXY, "timeout", "write timeout_seconds beside pool"},
	{POOL_GROUP_PROXY, "timeout_seconds", "write it beside pool"},
	{POOL_GROUP_CHECK, "timeout", "write timeout_seconds"},
	{POOL_GROUP_CHECK, "retries", "write retry_count"},
};

const char *pool_group_name(enum pool_group group)
{
	static const char *const names[POOL_GROUPS] = {
		[POOL_GROUP_SETTINGS] = "the settings",
		[POOL_GROUP_EXCHANGE] = "an exchange",
		[POOL_GROUP_CONNECTION] = "a connection",
		[POOL_GROUP_POOL] = "a pool",
		[POOL_GROUP_PROXY] = "a proxy",
		[POOL_GROUP_CHECK] = "health_check",
		[POOL_GROUP_BREAKER] = "breaker",
		[POOL_GROUP_COOLDOWN] = "cooldown",
		[POOL_GROUP_LIMITS] = "limits",
	};

	return names[group];
}

const struct pool_key_type_row *pool_key_type_get(enum pool_key_type type)
{
	return &types[type];
}

const struct pool_key *pool_schema_get(size_t *count)
{
	*count = KEYS;
	return keys;
}

const struct pool_key *pool_schema_find(enum pool_group group, const char *name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (keys[i].group == group && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

const char *pool_schema_nearest(enum pool_group group, const char *name)
{
	const char *names[KEYS];

	for (size_t i = 0; i < KEYS; i++)
		names[i] = keys[i].group == group ? keys[i].name : NULL;
	return pool_text_nearest(name, names, KEYS);
}

static bool is_name(const char *word, const char *name, size_t length)
{
	return strlen(word) == length && memcmp(word, name, length) == 0;
}

bool pool_schema_is_known(const char *name, size_t length)
{
	for (size_t i = 0; i < KEYS; i++)
		if (is_name(keys[i].name, name, length))
			return true;
	return is_name("proxy", name, length);
}

bool pool_schema_is_plain(const char *name, size_t length)
{
	for (size_t i = 0; i < KEYS; i++)
		if (types[keys[i].type].has_text && is_name(keys[i].name, name, length))
			return true;
	return false;
}

const struct pool_refused_key *pool_schema_refused(
	enum pool_group group, const char *name)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (refused[i].group == group && strcmp(refused[i].name, name) == 0)
			return &refused[i];
	return NULL;
}

bool pool_schema_is_cryptofeed(const char *name)
{
	const struct pool_refused_key *row =
		pool_schema_refused(POOL_GROUP_SETTINGS, name);

	return row && row->advice == beside_proxy;
}

/* --- scalars from text ---------------------------------------------------------- */

/* A decimal number in millionths; far beyond any range it stays at its limit. */
struct decimal {
	int64_t micro;
	bool cut; /* there were more digits than millionths */
	bool negative;
	bool exponent;
};

#define DECIMAL_LIMIT INT64_C(1000000000000000000)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits, with "_" between two of them in quoted numbers, onto <digits>; how many bytes.
 */
static size_t take_digits(const char *text, size_t length, bool quoted, char *digits,
	size_t *used, size_t room)
{
	size_t i = 0;

	for (; i < length; i++) {
		if (quoted && text[i] == '_' && i && i + 1 < length &&
			is_digit(text[i - 1]) && is_digit(text[i + 1]))
			continue;
		if (!is_digit(text[i]) || *used == room)
			break;
		digits[(*used)++] = text[i];
	}
	return i;
}

static bool take_exponent(const char *text, size_t length, int64_t *out)
{
	bool negative = length && text[0] == '-';
	size_t at = length && (text[0] == '-' || text[0] == '+');

	*out = 0;
	if (at == length)
		return false;
	for (; at < length; at++) {
		if (!is_digit(text[at]))
			return false;
		if (*out < 100000)
			*out = *out * 10 + (text[at] - '0');
	}
	*out = negative ? -*out : *out;
	return true;
}

/* <digits> are those of the number without its point, which stands <places> from their
 * end. */
static void scale(struct decimal *out, const char *digits, size_t count, int64_t places)
{
	int64_t shift = 6 - places;

	out->micro = 0;
	out->cut = false;
	for (size_t i = 0; i < count; i++) {
		/* Digits behind the millionths are only noted. */
		if ((int64_t)(count - i) + shift <= 0)
			out->cut = out->cut || digits[i] != '0';
		else if (out->micro < DECIMAL_LIMIT)
			out->micro = out->micro * 10 + (digits[i] - '0');
	}
	for (; shift > 0 && out->micro && out->micro < DECIMAL_LIMIT; shift--)
		out->micro *= 10;
	if (out->negative)
		out->micro = -out->micro;
}

static bool parse_decimal(
	struct decimal *out, const char *text, size_t length, enum pool_writing writing)
{
	bool quoted = writing == POOL_WRITTEN_QUOTED;
	char digits[128];
	size_t count = 0, at = 0, whole, behind = 0;
	int64_t places = 0, exponent = 0;

	while (quoted && length && strchr(" \t\r\n", text[length - 1]))
		length--;
	while (quoted && at < length && strchr(" \t\r\n", text[at]))
		at++;
	*out = (struct decimal){.negative = at < length && text[at] == '-'};
	at += at < length && (text[at] == '-' || (quoted && text[at] == '+'));
	whole = take_digits(
		text + at, length - at, quoted, digits, &count, sizeof(digits));
	at += whole;
	if (at < length && text[at] == '.') {
		size_t before = count;

		at++;
		behind = take_digits(
			text + at, length - at, quoted, digits, &count, sizeof(digits));
		at += behind;
		places = (int64_t)(count - before);
	}
	if (whole + behind == 0)
		return false;
	if (at < length && (text[at] == 'e' || text[at] == 'E')) {
		out->exponent = true;
		if (!take_exponent(text + at + 1, length - at - 1, &exponent))
			return false;
		at = length;
	}
	if (at != length)
		return false;
	scale(out, digits, count, places - exponent);
	return true;
}

static enum pool_store judge_range(const struct pool_key *key, int64_t value, bool cut)
{
	if (value < key->low || (value == key->low && cut && value < 0))
		return POOL_STORE_BELOW;
	if (value > key->high || (value == key->high && cut))
		return POOL_STORE_ABOVE;
	return POOL_STORE_OK;
}

static enum pool_store store_int(const struct pool_key *key, void *at, const char *text,
	size_t length, enum pool_writing writing)
{
	struct decimal number;
	enum pool_store judged;
	int32_t value;

	if (!parse_decimal(&number, text, length, writing) || number.cut ||
		(number.exponent && writing == POOL_WRITTEN_QUOTED))
		return POOL_STORE_TYPE;
	if (number.micro > -DECIMAL_LIMIT && number.micro < DECIMAL_LIMIT &&
		number.micro % 1000000 != 0)
		return POOL_STORE_TYPE;
	judged = judge_range(key, number.micro / 1000000, false);
	if (judged != POOL_STORE_OK)
		return judged;
	value = (int32_t)(number.micro / 1000000);
	memcpy(at, &value, sizeof(value));
	return POOL_STORE_OK;
}

static enum pool_store store_decimal(const struct pool_key *key, void *at,
	const char *text, size_t length, enum pool_writing writing)
{
	struct decimal number;
	enum pool_store judged;
	uint32_t value;

	if (!parse_decimal(&number, text, length, writing))
		return POOL_STORE_TYPE;
	judged = judge_range(key, number.micro, number.cut);
	if (judged != POOL_STORE_OK)
		return judged;
	value = (uint32_t)number.micro;
	memcpy(at, &value, sizeof(value));
	return POOL_STORE_OK;
}

static enum pool_store store_bool(const struct pool_key *key, void *at, const char *text,
	size_t length, enum pool_writing writing)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"true", true}, {"false", false}, {"1", true}, {"0", false},
		{"t", true}, {"f", false}, {"yes", true}, {"no", false}, {"y", true},
		{"n", false}, {"on", true}, {"off", false}};
	struct decimal number;

	(void)key;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].word) != length ||
			strncasecmp(words[i].word, text, length) != 0)
			continue;
		*(uint8_t *)at = words[i].value;
		return POOL_STORE_OK;
	}
	if (writing != POOL_WRITTEN_PLAIN ||
		!parse_decimal(&number, text, length, writing) || number.cut ||
		(number.micro != 0 && number.micro != 1000000))
		return POOL_STORE_TYPE;
	*(uint8_t *)at = number.micro != 0;
	return POOL_STORE_OK;
}

static enum pool_store store_word(const struct pool_key *key, void *at, const char *text,
	size_t length, enum pool_writing writing)
{
	const char *word;

	(void)writing;
	for (unsigned number = 0; (word = key->words(number)); number++) {
		if (strlen(word) == length && memcmp(word, text, length) == 0) {
			*(uint8_t *)at = (uint8_t)number;
			return POOL_STORE_OK;
		}
	}
	return POOL_STORE_CHOICE;
}

/* A status of three digits at <text>, or -1. */
static int take_status(const char *text, size_t length)
{
	int value;

	if (length < 3 || !is_digit(text[0]) || !is_digit(text[1]) || !is_digit(text[2]))
		return -1;
	value = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
	return value >= 100 && value <= 599 ? value : -1;
}

static size_t skip_blanks(const char *text, size_t at, size_t length)
{
	while (at < length && text[at] == ' ')
		at++;
	return at;
}

enum pool_store pool_status_set_parse(
	struct pool_status_set *set, const char *text, size_t length)
{
	struct pool_status_set out = *set;
	size_t at = 0;

	for (;;) {
		int low, high;

		at = skip_blanks(text, at, length);
		low = high = take_status(text + at, length - at);
		if (low < 0)
			return POOL_STORE_TYPE;
		at = skip_blanks(text, at + 3, length);
		if (at < length && text[at] == '-') {
			at = skip_blanks(text, at + 1, length);
			high = take_status(text + at, length - at);
			if (high < low)
				return POOL_STORE_TYPE;
			at = skip_blanks(text, at + 3, length);
		}
		for (int status = low; status <= high; status++)
			pool_status_set_add(&out, status);
		if (at == length)
			break;
		if (text[at++] != ',')
			return POOL_STORE_TYPE;
	}
	*set = out;
	return POOL_STORE_OK;
}

static enum pool_store store_statuses(const struct pool_key *key, void *at,
	const char *text, size_t length, enum pool_writing writing)
{
	struct pool_status_set set = {{0}};
	enum pool_store judged = pool_status_set_parse(&set, text, length);

	(void)key;
	(void)writing;
	if (judged == POOL_STORE_OK)
		memcpy(at, &set, sizeof(set));
	return judged;
}

enum pool_store pool_key_store(const struct pool_key *key, void *base, const char *text,
	size_t length, enum pool_writing writing)
{
	static enum pool_store (*const stores[POOL_KEY_TYPES])(const struct pool_key *,
		void *, const char *, size_t, enum pool_writing) = {
		[POOL_KIND_BOOL] = store_bool,
		[POOL_KIND_INT] = store_int,
		[POOL_KIND_DECIMAL] = store_decimal,
		[POOL_KIND_WORD] = store_word,
		[POOL_KIND_STATUSES] = store_statuses,
	};

	if (!stores[key->type])
		return POOL_STORE_TYPE;
	return stores[key->type](key, (char *)base + key->offset, text, length, writing);
}

/* --- scalars to text ------------------------------------------------------------ */

static bool show_bool(const struct pool_key *key, const void *at, struct pool_text *out)
{
	(void)key;
	pool_text_add(out, *(const uint8_t *)at ? "true" : "false");
	return true;
}

static bool show_int(const struct pool_key *key, const void *at, struct pool_text *out)
{
	int32_t value;

	memcpy(&value, at, sizeof(value));
	if (value < key->low) /* 0 for "no limit" */
		return false;
	pool_text_addf(out, "%d", value);
	return true;
}

static bool show_decimal(
	const struct pool_key *key, const void *at, struct pool_text *out)
{
	uint32_t value;
	char text[24];
	size_t length;

	(void)key;
	memcpy(&value, at, sizeof(value));
	length = (size_t)snprintf(
		text, sizeof(text), "%u.%06u", value / 1000000, value % 1000000);
	while (text[length - 1] == '0' && text[length - 2] != '.')
		text[--length] = '\0';
	pool_text_add(out, text);
	return true;
}

static bool show_word(const struct pool_key *key, const void *at, struct pool_text *out)
{
	pool_text_addf(out, "\"%s\"", key->words(*(const uint8_t *)at));
	return true;
}

static bool show_statuses(
	const struct pool_key *key, const void *at, struct pool_text *out)
{
	static const struct pool_status_set none;
	const struct pool_status_set *set = at;
	const char *comma = "";

	/* What means none by default was not given. */
	if (!*key->fallback && memcmp(set, &none, sizeof(none)) == 0)
		return false;
	pool_text_add(out, "[");
	for (int low = 100; low < 600; low++) {
		int high = low;

		if (!pool_status_set_has(set, low))
			continue;
		while (high + 1 < 600 && pool_status_set_has(set, high + 1))
			high++;
		if (high == low)
			pool_text_addf(out, "%s%d", comma, low);
		else
			pool_text_addf(out, "%s\"%d-%d\"", comma, low, high);
		comma = ", ";
		low = high;
	}
	pool_text_add(out, "]");
	return true;
}

bool pool_key_show(const struct pool_key *key, const void *base, struct pool_text *out)
{
	static bool (*const shows[POOL_KEY_TYPES])(
		const struct pool_key *, const void *, struct pool_text *) = {
		[POOL_KIND_BOOL] = show_bool,
		[POOL_KIND_INT] = show_int,
		[POOL_KIND_DECIMAL] = show_decimal,
		[POOL_KIND_WORD] = show_word,
		[POOL_KIND_STATUSES] = show_statuses,
	};

	return shows[key->type] &&
		shows[key->type](key, (const char *)base + key->offset, out);
}

void pool_schema_fill(enum pool_group group, void *base)
{
	for (size_t i = 0; i < KEYS; i++) {
		const struct pool_key *key = &keys[i];

		if (key->group == group && types[key->type].has_text && *key->fallback)
			pool_key_store(key, base, key->fallback, strlen(key->fallback),
				POOL_WRITTEN_PLAIN);
	}
}
