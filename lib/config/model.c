/* The normal form: ownership, defaults, lookup. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "config/model.h"
#include "config/schema.h"

static const char *const method_names[POOL_METHODS] = {
	[POOL_METHOD_TCP] = "tcp",
	[POOL_METHOD_HTTP] = "http",
	[POOL_METHOD_PING] = "ping",
	[POOL_METHOD_TUNNEL] = "tunnel",
	[POOL_METHOD_WEBSOCKET] = "websocket",
};

const char *const pool_check_default_url = "http://www.gstatic.com/generate_204";

const char *pool_method_name(enum pool_method method)
{
	return (unsigned)method < POOL_METHODS ? method_names[method] : "?";
}

int pool_method_find(const char *name)
{
	for (int i = 0; i < POOL_METHODS; i++)
		if (strcmp(method_names[i], name) == 0)
			return i;
	return -1;
}

void pool_policy_init(struct pool_policy *policy)
{
	struct pool_leaf leaf = {0};

	for (int group = POOL_GROUP_POOL; group < POOL_GROUPS; group++)
		if (group != POOL_GROUP_PROXY)
			pool_schema_fill((enum pool_group)group, &leaf);
	*policy = leaf.policy;
}

void pool_leaf_release(struct pool_leaf *leaf)
{
	for (uint32_t i = 0; i < leaf->member_count; i++) {
		pool_text_forget(leaf->members[i].url);
		free(leaf->members[i].name);
		free(leaf->members[i].password_file);
	}
	free(leaf->members);
	free(leaf->where);
	pool_text_forget(leaf->url);
	pool_text_forget(leaf->request.url);
	free(leaf->request.method);
	pool_text_forget(leaf->request.headers);
	free(leaf->request.body);
	*leaf = (struct pool_leaf){0};
}

void pool_settings_release(struct pool_settings *settings)
{
	for (uint32_t i = 0; i < settings->leaf_count; i++)
		pool_leaf_release(&settings->leaves[i]);
	for (uint32_t i = 0; i < settings->exchange_count; i++)
		free(settings->exchanges[i].id);
	free(settings->leaves);
	free(settings->exchanges);
	*settings = (struct pool_settings){0};
}

static int compare_id(const void *id, const void *exchange)
{
	return strcasecmp(id, ((const struct pool_exchange *)exchange)->id);
}

static const char *find_near_miss(
	const struct pool_settings *settings, const char *exchange)
{
	const char *best = NULL;
	unsigned limit = strlen(exchange) < 4 ? 1 : 2;

	for (uint32_t i = 0; i < settings->exchange_count; i++) {
		unsigned distance =
			pool_text_distance(exchange, settings->exchanges[i].id, limit);

		if (distance <= limit) {
			best = settings->exchanges[i].id;
			limit = distance ? distance - 1 : 0;
		}
	}
	return best;
}

void pool_settings_resolve(const struct pool_settings *settings, const char *exchange,
	enum pool_type type, struct pool_lookup *out)
{
	const struct pool_exchange *entry = NULL;
	bool is_default = !exchange || strcasecmp(exchange, "default") == 0;

	*out = (struct pool_lookup){.leaf = POOL_NO_LEAF, .reason = POOL_NO_DISABLED};
	if (!is_default && settings->exchange_count)
		entry = bsearch(exchange, settings->exchanges, settings->exchange_count,
			sizeof(*entry), compare_id);
	out->known_exchange = is_default || entry;
	if (!out->known_exchange)
		out->near_miss = find_near_miss(settings, exchange);
	if (!settings->enabled)
		return;
	out->reason = POOL_NO_NOT_CONFIGURED;
	out->own_entry = entry && entry->leaf[type] != POOL_NO_LEAF;
	out->leaf = out->own_entry ? entry->leaf[type] : settings->default_leaf[type];
	if (out->leaf != POOL_NO_LEAF &&
		settings->leaves[out->leaf].kind == POOL_LEAF_EMPTY)
		out->leaf = POOL_NO_LEAF;
}
