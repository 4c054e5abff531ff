/* Formats of an answer, and templates. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/url.h"
#include "report/answer.h"

/* What one answer is made of. Strings are borrowed; "" where there is nothing. */
struct answer {
	const char *url;
	const char *scheme;
	const char *host;
	const char *port;
	const char *hostport;
	const char *user;
	const char *password;
	const char *name;
	const char *lease;
	const char *exchange;
	const char *type;
	const char *where;
	const char *strategy;
	const char *timeout;
	const char *status;
	const char *reason; /* of "no proxy"; else "" */
	bool fallback;
	struct pool_variables_caller caller;
};

/* --- templates ------------------------------------------------------------------ */

enum { NAMES = 16 };

static const struct {
	const char *name;
	size_t offset;
} fields[NAMES] = {
	{"url", offsetof(struct answer, url)},
	{"scheme", offsetof(struct answer, scheme)},
	{"host", offsetof(struct answer, host)},
	{"port", offsetof(struct answer, port)},
	{"hostport", offsetof(struct answer, hostport)},
	{"user", offsetof(struct answer, user)},
	{"password", offsetof(struct answer, password)},
	{"name", offsetof(struct answer, name)},
	{"lease", offsetof(struct answer, lease)},
	{"exchange", offsetof(struct answer, exchange)},
	{"type", offsetof(struct answer, type)},
	{"pool", offsetof(struct answer, where)},
	{"strategy", offsetof(struct answer, strategy)},
	{"timeout", offsetof(struct answer, timeout)},
	{"status", offsetof(struct answer, status)},
	{"reason", offsetof(struct answer, reason)},
};

static const char *const names[NAMES] = {"url", "scheme", "host", "port", "hostport",
	"user", "password", "name", "lease", "exchange", "type", "pool", "strategy",
	"timeout", "status", "reason"};

static const char *field(const struct answer *answer, const char *name, size_t length)
{
	static const struct answer nothing = {"", "", "", "", "", "", "", "", "", "", "",
		"", "", "", "", "", false, {false, 0}};

	if (!answer)
		answer = &nothing;
	for (size_t i = 0; i < NAMES; i++)
		if (strlen(fields[i].name) == length &&
			memcmp(fields[i].name, name, length) == 0)
			return *(const char *const *)((const char *)answer +
				fields[i].offset);
	return NULL;
}

static int unknown_name(const char *name, size_t length, struct pool_fault *fault)
{
	char word[48];
	const char *near;

	snprintf(word, sizeof(word), "%.*s", (int)(length < 40 ? length : 40), name);
	near = pool_text_nearest(word, names, NAMES);
	return pool_fault_set(fault, POOL_EARGUMENT, 0,
		"no field is called '%%{%s}'%s%s%s", word,
		near ? "; did you mean '%{" : "", near ? near : "", near ? "}'?" : "");
}

/* What stands at "%": appended to <out>; answers its length, or 0 for a fault. */
static size_t add_variable(struct pool_text *out, const char *at,
	const struct answer *answer, struct pool_fault *fault)
{
	size_t length;
	const char *value;

	if (at[1] == '%') {
		pool_text_add(out, "%");
		return 2;
	}
	length = at[1] == '{' ? strcspn(at + 2, "}") : 0;
	if (at[1] != '{' || at[2 + length] != '}') {
		pool_fault_set(fault, POOL_EARGUMENT, 0,
			"a template wants %%{name}, or %%%% for a percent sign");
		return 0;
	}
	value = field(answer, at + 2, length);
	if (!value) {
		unknown_name(at + 2, length, fault);
		return 0;
	}
	pool_text_add(out, value);
	return length + 3;
}

static size_t add_escape(struct pool_text *out, const char *at)
{
	static const char from[] = "ntr\\", to[] = "\n\t\r\\";
	const char *found = at[1] ? strchr(from, at[1]) : NULL;

	pool_text_add_bytes(out, found ? &to[found - from] : at, 1);
	return found ? 2 : 1;
}

/* <answer> NULL: only judge it. */
static int add_template(struct pool_text *out, const char *template,
	const struct answer *answer, struct pool_fault *fault)
{
	for (const char *at = template; *at;) {
		size_t length = 1;

		if (*at == '%')
			length = add_variable(out, at, answer, fault);
		else if (*at == '\\')
			length = add_escape(out, at);
		else
			pool_text_add_bytes(out, at, 1);
		if (!length)
			return POOL_EARGUMENT;
		at += length;
	}
	if (!out->length || out->bytes[out->length - 1] != '\n')
		pool_text_add(out, "\n");
	return 0;
}

/* --- formats -------------------------------------------------------------------- */

static void add_lease(struct pool_text *out, const struct answer *answer)
{
	if (answer->lease[0])
		pool_text_addf(out, " %s", answer->lease);
	pool_text_add(out, "\n");
}

static void add_url(struct pool_text *out, const struct answer *answer)
{
	pool_text_add(out, answer->url);
	add_lease(out, answer);
}

static void add_hostport(struct pool_text *out, const struct answer *answer)
{
	pool_text_add(out, answer->hostport);
	add_lease(out, answer);
}

static struct pool_variables_proxy proxy_of(const struct answer *answer)
{
	return (struct pool_variables_proxy){.url = answer->url,
		.scheme = answer->scheme,
		.hostport = answer->hostport,
		.user = answer->user,
		.password = answer->password,
		.name = answer->name,
		.lease = answer->lease};
}

static void add_env(struct pool_text *out, const struct answer *answer)
{
	const struct pool_variables_proxy proxy = proxy_of(answer);

	pool_variables_add_env(out, &proxy, &answer->caller);
}

static void add_export(struct pool_text *out, const struct answer *answer)
{
	const struct pool_variables_proxy proxy = proxy_of(answer);

	pool_variables_add_export(out, &proxy, &answer->caller);
}

static void add_curl_value(struct pool_text *out, const char *key, const char *value)
{
	pool_text_addf(out, "%s = \"", key);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			pool_text_add(out, "\\");
		pool_text_add_bytes(out, value, 1);
	}
	pool_text_add(out, "\"\n");
}

static void add_curlrc(struct pool_text *out, const struct answer *answer)
{
	add_curl_value(out, "proxy", answer->url);
	add_curl_value(out, "noproxy", "");
	if (answer->name[0])
		pool_text_addf(out, "# name %s\n", answer->name);
	if (answer->lease[0])
		pool_text_addf(out, "# lease %s\n", answer->lease);
}

/* Its lines are words between blanks, the password the one behind the user. */
static const char *judge_chain(const struct answer *answer)
{
	static const char blanks[] = " \t\n\v\f\r";

	if (strpbrk(answer->user, blanks) || strpbrk(answer->password, blanks))
		return "its user name or password holds a blank";
	if (answer->password[0] && !answer->user[0])
		return "it has a password without a user name";
	return NULL;
}

static void add_proxychains(struct pool_text *out, const struct answer *answer)
{
	/* It knows http, socks4 and socks5 only, and asks the proxy for names by itself.
	 */
	pool_text_addf(out, "%.*s %s %s",
		strncmp(answer->scheme, "socks", 5) == 0 ? 6 : 4, answer->scheme,
		answer->host, answer->port);
	if (answer->user[0])
		pool_text_addf(out, " %s %s", answer->user, answer->password);
	pool_text_add(out, "\n");
	if (answer->lease[0])
		pool_text_addf(out, "# lease %s\n", answer->lease);
}

static void add_json(struct pool_text *out, const struct answer *answer)
{
	static const struct {
		const char *key;
		size_t offset;
	} strings[] = {
		{"url", offsetof(struct answer, url)},
		{"scheme", offsetof(struct answer, scheme)},
		{"host", offsetof(struct answer, host)},
		{"name", offsetof(struct answer, name)},
		{"status", offsetof(struct answer, status)},
		{"exchange", offsetof(struct answer, exchange)},
		{"type", offsetof(struct answer, type)},
		{"pool", offsetof(struct answer, where)},
		{"strategy", offsetof(struct answer, strategy)},
		{"lease", offsetof(struct answer, lease)},
		{"reason", offsetof(struct answer, reason)},
	};
	const char *before = "{";

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		const char *value =
			*(const char *const *)((const char *)answer + strings[i].offset);

		if (!value[0])
			continue;
		pool_text_addf(out, "%s\"%s\":", before, strings[i].key);
		pool_text_add_quoted(out, value, strlen(value));
		before = ",";
	}
	pool_text_addf(out, ",\"port\":%s", answer->port);
	if (!answer->reason[0])
		pool_text_addf(out, ",\"timeout_seconds\":%s,\"fallback\":%s",
			answer->timeout, answer->fallback ? "true" : "false");
	pool_text_add(out, "}\n");
}

enum {
	FORMATS = 7,
	/* What proxychains can express. */
	CHAINABLE = 1 << POOL_SCHEME_HTTP | 1 << POOL_SCHEME_SOCKS4 |
		1 << POOL_SCHEME_SOCKS4A | 1 << POOL_SCHEME_SOCKS5 |
		1 << POOL_SCHEME_SOCKS5H,
};

static const struct pool_answer_format formats[FORMATS] = {
	{"url", "the URL, and the lease if one was taken", true, 0},
	{"hostport", "host:port", true, 0},
	{"env", "NAME=VALUE lines for env(1)", false, 0},
	{"export", "export lines for a shell's eval", false, 0},
	{"curlrc", "a configuration for curl -K, invisible to ps", false, 0},
	{"proxychains", "a line of proxychains.conf", false, CHAINABLE},
	{"json", "one JSON object a line", true, 0},
};

static void (*const writers[FORMATS])(struct pool_text *, const struct answer *) = {
	add_url, add_hostport, add_env, add_export, add_curlrc, add_proxychains,
	add_json};

/* Why a proxy cannot be expressed, or NULL; no function: every one can. */
static const char *(*const judges[FORMATS])(const struct answer *) = {
	NULL, NULL, NULL, NULL, NULL, judge_chain, NULL};

const struct pool_answer_format *pool_answer_formats_get(size_t *count)
{
	*count = FORMATS;
	return formats;
}

static int find_format(const char *name)
{
	for (int i = 0; i < FORMATS; i++)
		if (strcmp(formats[i].name, name) == 0)
			return i;
	return -1;
}

int pool_answer_check(const char *format, const struct pool_answer_format **row,
	struct pool_fault *fault)
{
	const char *words[FORMATS], *near;
	int found = find_format(format);

	*row = NULL;
	if (found >= 0) {
		*row = &formats[found];
		return 0;
	}
	if (strpbrk(format, "%\\")) {
		struct pool_text text = POOL_TEXT_EMPTY;
		int error = add_template(&text, format, NULL, fault);

		pool_text_release(&text);
		return error;
	}
	for (int i = 0; i < FORMATS; i++)
		words[i] = formats[i].name;
	near = pool_text_nearest(format, words, FORMATS);
	return pool_fault_set(fault, POOL_EARGUMENT, 0, "no format is called '%s'%s%s%s",
		format, near ? "; did you mean '" : "; a template holds %{name}",
		near ? near : "", near ? "'?" : "");
}

static int judge_answer(
	const char *format, const struct answer *answer, struct pool_fault *fault)
{
	int found = find_format(format);
	const char *why = NULL;

	if (found >= 0 && judges[found])
		why = judges[found](answer);
	return why ? pool_fault_set(fault, POOL_EINVALID, 0,
			     "cannot express proxy '%s' as %s: %s", answer->name,
			     formats[found].name, why)
		   : 0;
}

static void write_answer(
	struct pool_text *out, const char *format, const struct answer *answer)
{
	int found = find_format(format);

	if (found >= 0)
		writers[found](out, answer);
	else if (!strpbrk(format, "%\\") || add_template(out, format, answer, NULL) != 0)
		add_url(out, answer);
}

/* --- the two answers ------------------------------------------------------------ */

static int add_proxy(struct pool_text *out, const char *format,
	const struct pool_answer_query *query, const struct pool_choice *choice,
	const struct pool_proxy_choice *proxy, struct pool_fault *fault)
{
	struct pool_login login;
	struct answer answer;
	struct pool_url url;
	char port[8], timeout[16], endpoint[320];
	int error = pool_login_init(&login, proxy->url, NULL, NULL, fault);

	if (error)
		return error;
	if (pool_url_parse(proxy->url, strlen(proxy->url), &url, NULL) != POOL_URL_OK) {
		pool_login_release(&login);
		return pool_fault_set(
			fault, POOL_EINVALID, 0, "'%s' has a bad URL", proxy->name);
	}
	pool_url_endpoint(&url, endpoint, sizeof(endpoint));
	snprintf(port, sizeof(port), "%u", login.port);
	snprintf(timeout, sizeof(timeout), "%d", (int)choice->timeout_s);
	answer = (struct answer){
		.url = proxy->url,
		.scheme = pool_scheme_name(login.scheme),
		.host = login.host,
		.port = port,
		.hostport = endpoint,
		.user = login.user ? login.user : "",
		.password = login.password ? login.password : "",
		.name = proxy->name,
		.lease = proxy->lease,
		.exchange = query->exchange,
		.type = pool_type_name(query->type),
		.where = choice->where,
		.strategy = choice->strategy,
		.timeout = timeout,
		.status = proxy->status,
		.reason = "",
		.fallback = proxy->fallback,
		.caller = query->caller,
	};
	error = judge_answer(format, &answer, fault);
	if (!error)
		write_answer(out, format, &answer);
	pool_login_release(&login);
	return error;
}

/* What was added since <before> is none of the answer; it may hold passwords. */
static void take_back(struct pool_text *out, size_t before)
{
	if (!out->bytes)
		return;
	explicit_bzero(out->bytes + before, out->length - before);
	out->length = before;
}

int pool_answer_add(struct pool_text *out, const char *format,
	const struct pool_answer_query *query, const struct pool_choice *choice,
	struct pool_fault *fault)
{
	const size_t before = out->length;

	for (size_t i = 0; i < choice->count; i++) {
		int error =
			add_proxy(out, format, query, choice, &choice->proxies[i], fault);

		if (!error)
			continue;
		take_back(out, before);
		return error;
	}
	return out->broken ? pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory") : 0;
}

/* An answer in a template that says it nowhere could be read as "go direct". */
static bool tells_none(
	const struct pool_text *out, size_t before, const struct pool_no_proxy *none)
{
	return !out->broken && out->bytes && strstr(out->bytes + before, none->host);
}

void pool_answer_add_none(struct pool_text *out, const char *format,
	const struct pool_answer_query *query, enum pool_no_reason reason)
{
	const struct pool_no_proxy *none = pool_no_proxy_get(reason);
	const size_t before = out->length;

	write_answer(out, format,
		&(struct answer){
			.url = none->url,
			.scheme = pool_scheme_name(POOL_SCHEME_HTTP),
			.host = none->host,
			.port = none->port,
			.hostport = none->hostport,
			.user = "",
			.password = "",
			.name = "",
			.lease = "",
			.exchange = query->exchange,
			.type = pool_type_name(query->type),
			.where = "",
			.strategy = "",
			.timeout = "0",
			.status = "",
			.reason = none->reason,
			.fallback = false,
			.caller = query->caller,
		});
	if (tells_none(out, before, none))
		return;
	take_back(out, before);
	/* What did not fit into a fixed text is replaced as well. */
	out->broken = out->broken && !out->fixed;
	pool_text_addf(out, "%s\n", none->url);
}
