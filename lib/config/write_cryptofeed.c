/* cryptofeed's configuration: YAML for its loader, and environment variables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/plain.h"
#include "config/write_inner.h"

/* --- YAML ------------------------------------------------------------------------- */

static void add_indent(struct pool_write *write, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		pool_text_add(write->out, "  ");
}

/* A string in double quotes reads as the same bytes in every YAML. */
static void add_string(
	struct pool_write *write, unsigned depth, const char *key, const char *value)
{
	add_indent(write, depth);
	pool_text_addf(write->out, "%s: ", key);
	pool_text_add_quoted(write->out, value, strlen(value));
	pool_text_add(write->out, "\n");
}

/* A scalar that is not at its default. */
static void add_scalar(struct pool_write *write, unsigned depth, enum pool_group group,
	const char *name, const void *base)
{
	const struct pool_key *key = pool_schema_find(group, name);
	struct pool_text value = POOL_TEXT_EMPTY;

	if (!pool_key_is_default(key, base) && write->says(key, base) &&
		pool_key_show(key, base, &value) && value.bytes) {
		add_indent(write, depth);
		pool_text_addf(write->out, "%s: %s\n", name, value.bytes);
	}
	write->out->broken |= value.broken;
	pool_text_release(&value);
}

/* Its model is older than these. */
static void lose_url(
	struct pool_write *write, const char *where, const char *key, const char *url)
{
	if (strstr(url, "${"))
		pool_write_lose(write, "%s.%s: that ${NAME} is filled in", where, key);
	if (strncasecmp(url, "socks5h:", 8) == 0 || strncasecmp(url, "socks4a:", 8) == 0)
		pool_write_lose(write, "%s.%s: %.7s, which only some versions read",
			where, key, url);
}

static void write_pool(
	struct pool_write *write, unsigned depth, const struct pool_leaf *leaf)
{
	add_indent(write, depth);
	pool_text_add(write->out, "pool:\n");
	add_scalar(write, depth + 1, POOL_GROUP_POOL, "strategy", leaf);
	add_indent(write, depth + 1);
	pool_text_add(write->out, "proxies:\n");
	for (uint32_t i = 0; i < leaf->member_count; i++) {
		const struct pool_member *member = &leaf->members[i];
		char key[48];

		add_indent(write, depth + 2);
		pool_text_add(write->out, "- ");
		add_string(write, 0, "url", member->url);
		add_scalar(write, depth + 3, POOL_GROUP_PROXY, "weight", member);
		add_scalar(write, depth + 3, POOL_GROUP_PROXY, "enabled", member);
		snprintf(key, sizeof(key), "pool.proxies[%u].url", i);
		lose_url(write, leaf->where, key, member->url);
	}
	if (leaf->copies_default)
		pool_write_lose(write,
			"%s.pool.proxies: that it follows the default's list",
			leaf->where);
}

static void write_connection(struct pool_write *write, unsigned depth,
	enum pool_type type, const struct pool_leaf *leaf)
{
	size_t before;

	add_indent(write, depth);
	pool_text_addf(write->out, "%s:", pool_type_name(type));
	before = write->out->length;
	pool_text_add(write->out, "\n");
	if (leaf->url) {
		add_string(write, depth + 1, "url", leaf->url);
		lose_url(write, leaf->where, "url", leaf->url);
	}
	if (leaf->url && leaf->kind == POOL_LEAF_POOL)
		pool_write_lose(write,
			"%s.url: that it is used when no proxy is eligible", leaf->where);
	add_scalar(write, depth + 1, POOL_GROUP_CONNECTION, "timeout_seconds", leaf);
	if (leaf->kind == POOL_LEAF_POOL)
		write_pool(write, depth + 1, leaf);
	else if (write->out->length == before + 1 && write->out->bytes) {
		write->out->length = before;
		pool_text_add(write->out, " {}\n");
	}
}

static void write_exchange(struct pool_write *write, unsigned depth, const char *id,
	const uint32_t leaves[POOL_TYPES])
{
	bool plain = pool_plain_find(id) == POOL_PLAIN_STRING &&
		!id[strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_")];
	bool empty = leaves[0] == POOL_NO_LEAF && leaves[1] == POOL_NO_LEAF;

	add_indent(write, depth);
	if (plain)
		pool_text_add(write->out, id);
	else
		pool_text_add_quoted(write->out, id, strlen(id));
	pool_text_add(write->out, empty ? ": {}\n" : ":\n");
	for (int type = 0; type < POOL_TYPES; type++)
		if (leaves[type] != POOL_NO_LEAF)
			write_connection(write, depth + 1, (enum pool_type)type,
				&write->settings->leaves[leaves[type]]);
}

void pool_write_cryptofeed(struct pool_write *write)
{
	const struct pool_settings *settings = write->settings;

	pool_text_addf(write->out, "proxy:\n  enabled: %s\n",
		settings->enabled ? "true" : "false");
	if (settings->default_leaf[0] != POOL_NO_LEAF ||
		settings->default_leaf[1] != POOL_NO_LEAF)
		write_exchange(write, 1, "default", settings->default_leaf);
	if (settings->exchange_count)
		pool_text_add(write->out, "  exchanges:\n");
	for (uint32_t i = 0; i < settings->exchange_count; i++)
		write_exchange(
			write, 2, settings->exchanges[i].id, settings->exchanges[i].leaf);
	for (uint32_t i = POOL_NO_LEAF;
		(i = pool_write_next_leaf(settings, i)) != POOL_NO_LEAF;)
		pool_write_lose_leaf(write, &settings->leaves[i]);
}

/* --- the environment -------------------------------------------------------------- */

/* "CRYPTOFEED_PROXY_" and a path in capitals. */
static void add_name(
	struct pool_write *write, const char *path, enum pool_type type, const char *key)
{
	struct pool_text name = POOL_TEXT_EMPTY;

	pool_text_addf(&name, "CRYPTOFEED_PROXY_%s__%s%s%s", path, pool_type_name(type),
		*key ? "__" : "", key);
	for (char *at = name.bytes; at && *at; at++)
		if (*at >= 'a' && *at <= 'z')
			*at = (char)(*at - 'a' + 'A');
	pool_text_addf(write->out, "%s=", name.bytes ? name.bytes : "");
	write->out->broken |= name.broken;
	pool_text_release(&name);
}

static void write_number(struct pool_write *write, const char *path, enum pool_type type,
	const char *name, const struct pool_leaf *leaf)
{
	const struct pool_key *key = pool_schema_find(POOL_GROUP_CONNECTION, name);
	struct pool_text value = POOL_TEXT_EMPTY;

	if (!pool_key_is_default(key, leaf) && pool_key_show(key, leaf, &value) &&
		value.bytes) {
		add_name(write, path, type, name);
		pool_text_addf(write->out, "%s\n", value.bytes);
	}
	write->out->broken |= value.broken;
	pool_text_release(&value);
}

static void write_variables(struct pool_write *write, const char *path,
	enum pool_type type, const struct pool_leaf *leaf)
{
	char *pool = leaf->kind == POOL_LEAF_POOL ? pool_leaf_print(leaf) : NULL;

	if (leaf->url) {
		add_name(write, path, type, "url");
		pool_text_addf(write->out, "%s\n", leaf->url);
	}
	write_number(write, path, type, "timeout_seconds", leaf);
	write_number(write, path, type, "rollout_percent", leaf);
	if (pool) {
		add_name(write, path, type, "pool");
		pool_text_addf(write->out, "%s\n", pool);
	} else if (leaf->kind == POOL_LEAF_POOL) {
		write->out->broken = true;
	} else if (leaf->kind == POOL_LEAF_EMPTY) {
		add_name(write, path, type, "");
		pool_text_add(write->out, "{}\n");
	}
	pool_text_forget(pool);
}

/* Whether an id can stand in the name of a variable. */
static bool is_nameable(const char *id)
{
	size_t length = strlen(id);

	return length && !id[strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_")] &&
		!strstr(id, "__") && id[0] != '_' && id[length - 1] != '_';
}

/* The exchanges whose ids cannot, as JSON in one variable. */
static void write_others(struct pool_write *write)
{
	const struct pool_settings *settings = write->settings;
	const char *before = "CRYPTOFEED_PROXY_EXCHANGES={";

	for (uint32_t i = 0; i < settings->exchange_count; i++) {
		const struct pool_exchange *exchange = &settings->exchanges[i];
		bool empty = exchange->leaf[0] == POOL_NO_LEAF &&
			exchange->leaf[1] == POOL_NO_LEAF;
		char *text;

		if (is_nameable(exchange->id) && !empty)
			continue;
		text = pool_exchange_print(settings, exchange->leaf);
		pool_text_add(write->out, before);
		pool_text_add_quoted(write->out, exchange->id, strlen(exchange->id));
		pool_text_addf(write->out, ":%s", text ? text : "");
		write->out->broken |= !text;
		pool_text_forget(text);
		before = ",";
	}
	if (*before == ',')
		pool_text_add(write->out, "}\n");
}

static void write_paths(
	struct pool_write *write, const char *path, const uint32_t leaves[POOL_TYPES])
{
	for (int type = 0; type < POOL_TYPES; type++)
		if (leaves[type] != POOL_NO_LEAF)
			write_variables(write, path, (enum pool_type)type,
				&write->settings->leaves[leaves[type]]);
}

void pool_write_env(struct pool_write *write)
{
	const struct pool_settings *settings = write->settings;

	pool_text_addf(write->out, "CRYPTOFEED_PROXY_ENABLED=%s\n",
		settings->enabled ? "true" : "false");
	write_paths(write, "default", settings->default_leaf);
	for (uint32_t i = 0; i < settings->exchange_count; i++) {
		char path[256];

		snprintf(path, sizeof(path), "exchanges__%.200s",
			settings->exchanges[i].id);
		if (is_nameable(settings->exchanges[i].id))
			write_paths(write, path, settings->exchanges[i].leaf);
	}
	write_others(write);
	if (settings->default_leaf[0] != POOL_NO_LEAF &&
		settings->default_leaf[0] == settings->default_leaf[1])
		pool_write_lose(write,
			"default: that both connection types share one pool's records");
}
