/* Formats: the table, which one a text is, what is lost, the migration. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "config/json.h"
#include "config/tree.h"
#include "config/url.h"
#include "config/write_inner.h"

/* --- the table -------------------------------------------------------------------- */

static void write_pool(struct pool_write *write)
{
	char *text = pool_config_print_brief(write->settings);

	if (text)
		pool_text_add(write->out, text);
	else
		write->out->broken = true;
	pool_text_forget(text);
}

/* All keys. */
static bool says_all(const struct pool_key *key, const void *base)
{
	(void)key;
	(void)base;
	return true;
}

static bool says_url(const struct pool_key *key, const void *base)
{
	(void)base;
	return key->group == POOL_GROUP_PROXY && strcmp(key->name, "url") == 0;
}

static bool says_chain(const struct pool_key *key, const void *base)
{
	const struct pool_leaf *leaf = base;

	if (key->group == POOL_GROUP_POOL && strcmp(key->name, "strategy") == 0)
		return leaf->policy.strategy == POOL_STRATEGY_ROUND_ROBIN ||
			leaf->policy.strategy == POOL_STRATEGY_RANDOM;
	return says_url(key, base);
}

/* Its three strategies, and the keys of its model. */
static bool says_cryptofeed(const struct pool_key *key, const void *base)
{
	static const char *const known[] = {
		"timeout_seconds", "weight", "enabled", "url"};
	const struct pool_leaf *leaf = base;

	if (key->group == POOL_GROUP_POOL && strcmp(key->name, "strategy") == 0)
		return leaf->policy.strategy == POOL_STRATEGY_ROUND_ROBIN ||
			leaf->policy.strategy == POOL_STRATEGY_RANDOM ||
			leaf->policy.strategy == POOL_STRATEGY_LEAST_CONNECTIONS;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(key->name, known[i]) == 0)
			return key->group == POOL_GROUP_CONNECTION ||
				key->group == POOL_GROUP_PROXY;
	return false;
}

static const struct {
	struct pool_format_row row;
	void (*write)(struct pool_write *write);
	bool (*says)(const struct pool_key *key, const void *base);
	bool comments;
} formats[POOL_FORMATS] = {
	[POOL_FORMAT_POOL] = {{"pool", "a pool file: JSON, or YAML to read",
				      "a pool file", false},
		write_pool, says_all, false},
	[POOL_FORMAT_CRYPTOFEED] = {{"cryptofeed", "cryptofeed's configuration, YAML",
					    "cryptofeed's configuration", false},
		pool_write_cryptofeed, says_cryptofeed, true},
	[POOL_FORMAT_ENV] = {{"env", "lines CRYPTOFEED_PROXY_...=VALUE",
				     "the environment", false},
		pool_write_env, says_all, true},
	[POOL_FORMAT_LIST] =
		{{"list", "a URL, host:port or host:port:user:password a line",
			 "a plain list", true},
			pool_write_list, says_url, true},
	[POOL_FORMAT_PROXYCHAINS] = {{"proxychains", "proxychains.conf",
					     "proxychains.conf", true},
		pool_write_proxychains, says_chain, true},
};

const struct pool_format_row *pool_format_get(enum pool_format format)
{
	return &formats[format].row;
}

bool pool_format_says_checks(enum pool_format format)
{
	return formats[format].says(pool_schema_find(POOL_GROUP_CHECK, "method"), NULL);
}

static void add_comments(struct pool_text *out, const struct pool_text *losses)
{
	const char *at = losses->bytes ? losses->bytes : "";

	while (*at) {
		size_t length = strcspn(at, "\n");

		pool_text_addf(out, "# not said here: %.*s\n", (int)length, at);
		at += length + 1;
	}
}

void pool_format_write(enum pool_format format, const struct pool_settings *settings,
	const struct pool_format_options *options, struct pool_text *out,
	struct pool_text *losses)
{
	struct pool_text body = POOL_TEXT_SECRET;
	struct pool_write write = {
		.settings = settings,
		.options = options,
		.out = &body,
		.losses = losses,
		.says = formats[format].says,
	};

	formats[format].write(&write);
	if (body.bytes && !body.broken)
		pool_text_add_bytes(out, body.bytes, body.length);
	if (formats[format].comments)
		add_comments(out, losses);
	out->broken = out->broken || body.broken || losses->broken;
	pool_text_release(&body);
}

/* --- which one a text is ---------------------------------------------------------- */

static bool ends_in(const char *path, const char *ending)
{
	size_t length = strlen(path), size = strlen(ending);

	return length >= size && strcasecmp(path + length - size, ending) == 0;
}

/* By the name of the file; POOL_FORMATS: it does not tell. */
static enum pool_format find_by_name(const char *path)
{
	static const struct {
		const char *ending;
		enum pool_format format;
	} endings[] = {
		{".json", POOL_FORMAT_POOL},
		{".yaml", POOL_FORMAT_POOL},
		{".yml", POOL_FORMAT_POOL},
		{".env", POOL_FORMAT_ENV},
		{".txt", POOL_FORMAT_LIST},
		{".list", POOL_FORMAT_LIST},
		{"proxychains.conf", POOL_FORMAT_PROXYCHAINS},
		{"proxychains4.conf", POOL_FORMAT_PROXYCHAINS},
	};

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (ends_in(path, endings[i].ending))
			return endings[i].format;
	return POOL_FORMATS;
}

static bool begins(const char *text, size_t length, const char *word)
{
	return length >= strlen(word) && strncasecmp(text, word, strlen(word)) == 0;
}

/* A key of YAML: a colon that ends the line, or has a blank behind it. */
static bool looks_like_yaml(const char *text, size_t length)
{
	const char *colon = memchr(text, ':', length);
	size_t behind = colon ? length - (size_t)(colon - text) - 1 : 0;

	return begins(text, length, "---") || begins(text, length, "%YAML") ||
		begins(text, length, "- ") || (colon && (!behind || colon[1] == ' '));
}

enum pool_format pool_format_find(const struct pool_source *source)
{
	enum pool_format format = find_by_name(source->path);
	struct pool_line line;
	size_t at = 0;

	if (format != POOL_FORMATS)
		return format;
	while (pool_line_next(source, &at, &line)) {
		const char *text = source->bytes + line.at;
		size_t length = line.end - line.at;

		if (length == 0 || *text == '#' || *text == ';')
			continue;
		if (begins(text, length, "[ProxyList]"))
			return POOL_FORMAT_PROXYCHAINS;
		/* "[2001:db8::1]:8080" is no JSON. */
		if (*text == '[' && memmem(text, length, "]:", 2))
			return POOL_FORMAT_LIST;
		if (*text == '{' || *text == '[')
			return POOL_FORMAT_POOL;
		if (begins(text, length, "export ") ||
			begins(text, length, "CRYPTOFEED_PROXY_"))
			return POOL_FORMAT_ENV;
		if (memmem(text, length, "_chain", 6) ||
			begins(text, length, "proxy_dns") ||
			begins(text, length, "quiet_mode"))
			return POOL_FORMAT_PROXYCHAINS;
		return looks_like_yaml(text, length) ? POOL_FORMAT_POOL
						     : POOL_FORMAT_LIST;
	}
	return POOL_FORMAT_LIST;
}

/* --- what is lost ----------------------------------------------------------------- */

void pool_write_lose(struct pool_write *write, const char *format, ...)
{
	char line[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	pool_text_add_safe(write->losses, line, strlen(line));
	pool_text_add(write->losses, "\n");
}

/* The keys of a group that are not at their default, and cannot be said. */
static void lose_keys(struct pool_write *write, const char *where, enum pool_group group,
	const void *base)
{
	size_t count;
	const struct pool_key *keys = pool_schema_get(&count);

	for (size_t i = 0; i < count; i++) {
		struct pool_text value = POOL_TEXT_EMPTY;

		if (keys[i].group != group || keys[i].alias_of ||
			!pool_key_type_get(keys[i].type)->has_text ||
			write->says(&keys[i], base) ||
			pool_key_is_default(&keys[i], base))
			continue;
		if (pool_key_show(&keys[i], base, &value) && value.bytes)
			pool_write_lose(
				write, "%s.%s: %s", where, keys[i].name, value.bytes);
		write->losses->broken |= value.broken;
		pool_text_release(&value);
	}
}

/* A string that a key of <group> has. */
static void lose_string(struct pool_write *write, const char *where,
	enum pool_group group, const char *name, const char *value, const void *base)
{
	const struct pool_key *key = pool_schema_find(group, name);

	if (value && !write->says(key, base))
		pool_write_lose(write, "%s.%s: %s", where, name,
			pool_url_may_hold_secret(value, strlen(value)) ? "***" : value);
}

/* Whether its checks are those that a list is given by default, which nobody wrote. */
static bool is_check_of_list(const struct pool_leaf *leaf)
{
	const struct pool_check_request *request = &leaf->request;
	const struct pool_key *method = pool_schema_find(POOL_GROUP_CHECK, "method");
	size_t count;
	const struct pool_key *keys = pool_schema_get(&count);

	if (leaf->policy.method != POOL_CONVERT_METHOD || request->url ||
		request->method || request->headers || request->body)
		return false;
	for (size_t i = 0; i < count; i++)
		if (keys[i].group == POOL_GROUP_CHECK && &keys[i] != method &&
			pool_key_type_get(keys[i].type)->has_text &&
			!pool_key_is_default(&keys[i], leaf))
			return false;
	return true;
}

static void lose_check(
	struct pool_write *write, const char *where, const struct pool_leaf *leaf)
{
	if (is_check_of_list(leaf))
		return;
	lose_keys(write, where, POOL_GROUP_CHECK, leaf);
	lose_string(write, where, POOL_GROUP_CHECK, "url", leaf->request.url, leaf);
	lose_string(
		write, where, POOL_GROUP_CHECK, "request", leaf->request.method, leaf);
	/* A header may be a secret. */
	lose_string(write, where, POOL_GROUP_CHECK, "headers",
		leaf->request.headers ? "***" : NULL, leaf);
	lose_string(
		write, where, POOL_GROUP_CHECK, "expect_body", leaf->request.body, leaf);
}

static void lose_members(struct pool_write *write, const struct pool_leaf *leaf)
{
	for (uint32_t i = 0; i < leaf->member_count; i++) {
		const struct pool_member *member = &leaf->members[i];
		char where[320];

		snprintf(where, sizeof(where), "%.250s.pool.proxies[%u]", leaf->where, i);
		lose_string(write, where, POOL_GROUP_PROXY, "name",
			member->named ? member->name : NULL, member);
		lose_string(write, where, POOL_GROUP_PROXY, "password_file",
			member->password_file, member);
		lose_keys(write, where, POOL_GROUP_PROXY, member);
	}
}

void pool_write_lose_leaf(struct pool_write *write, const struct pool_leaf *leaf)
{
	static const struct {
		const char *name;
		enum pool_group group;
	} parts[] = {
		{"pool", POOL_GROUP_POOL},
		{"pool.breaker", POOL_GROUP_BREAKER},
		{"pool.cooldown", POOL_GROUP_COOLDOWN},
		{"pool.limits", POOL_GROUP_LIMITS},
	};
	char where[320];

	lose_keys(write, leaf->where, POOL_GROUP_CONNECTION, leaf);
	if (leaf->kind != POOL_LEAF_POOL)
		return;
	if (leaf->url)
		lose_string(write, leaf->where, POOL_GROUP_CONNECTION, "url",
			"the one to fall back on", leaf);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(where, sizeof(where), "%.250s.%s", leaf->where, parts[i].name);
		lose_keys(write, where, parts[i].group, leaf);
	}
	snprintf(where, sizeof(where), "%.250s.pool.health_check", leaf->where);
	lose_check(write, where, leaf);
	lose_members(write, leaf);
}

uint32_t pool_write_next_leaf(const struct pool_settings *settings, uint32_t index)
{
	for (index = index == POOL_NO_LEAF ? 0 : index + 1; index < settings->leaf_count;
		index++)
		if (!settings->leaves[index].displaced)
			return index;
	return POOL_NO_LEAF;
}

/* --- checks ----------------------------------------------------------------------- */

void pool_settings_check_by(struct pool_settings *settings, enum pool_method method)
{
	for (uint32_t i = 0; i < settings->leaf_count; i++)
		settings->leaves[i].policy.method = (uint8_t)method;
}

/* --- the migration ---------------------------------------------------------------- */

void pool_settings_migrate(struct pool_settings *settings)
{
	for (uint32_t i = 0; i < settings->leaf_count; i++) {
		struct pool_leaf *leaf = &settings->leaves[i];

		if (leaf->kind != POOL_LEAF_SINGLE)
			continue;
		leaf->kind = POOL_LEAF_POOL;
		pool_text_forget(leaf->url);
		leaf->url = NULL;
	}
}
