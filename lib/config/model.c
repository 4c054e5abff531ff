/* The normal form: ownership, defaults, lookup. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "config/model.h"
#include "config/schema.h"

/* The longest id of an exchange, and what ends it, with room to spare. */
enum { ID_SIZE = 256 };

static const struct {
	const char *name;
	bool asks;
	bool needs_url;
} methods[POOL_METHODS] = {
	[POOL_METHOD_TCP] = {"tcp", false, false},
	[POOL_METHOD_HTTP] = {"http", true, false},
	[POOL_METHOD_PING] = {"ping", false, false},
	[POOL_METHOD_TUNNEL] = {"tunnel", true, true},
	[POOL_METHOD_WEBSOCKET] = {"websocket", true, true},
};

const char *const pool_check_default_url = "http://www.gstatic.com/generate_204";

const struct pool_status_set *pool_check_expected(
	const struct pool_status_set *own, bool by_default)
{
	enum { NO_CONTENT = 204 - 100 };
	static const struct pool_status_set none;
	static const struct pool_status_set no_content = {
		.bits[NO_CONTENT / 64] = UINT64_C(1) << NO_CONTENT % 64};

	if (memcmp(own, &none, sizeof(none)) != 0)
		return own;
	return by_default ? &no_content : NULL;
}

const char *pool_method_name(enum pool_method method)
{
	return (unsigned)method < POOL_METHODS ? methods[method].name : "?";
}

bool pool_method_asks(enum pool_method method)
{
	return (unsigned)method < POOL_METHODS && methods[method].asks;
}

bool pool_method_needs_url(enum pool_method method)
{
	return (unsigned)method < POOL_METHODS && methods[method].needs_url;
}

void pool_policy_init(struct pool_policy *policy)
{
	struct pool_leaf leaf = {0};

	for (int group = POOL_GROUP_POOL; group < POOL_GROUPS; group++)
		if (group != POOL_GROUP_PROXY)
			pool_schema_fill((enum pool_group)group, &leaf);
	*policy = leaf.policy;
}

void pool_member_release(struct pool_member *member)
{
	pool_text_forget(member->url);
	free(member->name);
	free(member->password_file);
	*member = (struct pool_member){0};
}

void pool_check_request_release(struct pool_check_request *request)
{
	pool_text_forget(request->url);
	free(request->method);
	pool_text_forget(request->headers);
	free(request->body);
	*request = (struct pool_check_request){0};
}

void pool_leaf_release(struct pool_leaf *leaf)
{
	for (uint32_t i = 0; i < leaf->member_count; i++)
		pool_member_release(&leaf->members[i]);
	free(leaf->members);
	free(leaf->where);
	pool_text_forget(leaf->url);
	pool_check_request_release(&leaf->request);
	*leaf = (struct pool_leaf){0};
}

/* A copy in place of the borrowed <*text>; false: out of memory, and it is NULL. */
static bool own(char **text)
{
	const char *borrowed = *text;

	*text = borrowed ? strdup(borrowed) : NULL;
	return *text || !borrowed;
}

static bool copy_members(struct pool_leaf *copy, const struct pool_leaf *leaf)
{
	bool copied = true;

	copy->members = calloc((size_t)leaf->member_count + 1, sizeof(*copy->members));
	copy->member_count = copy->members ? leaf->member_count : 0;
	for (uint32_t i = 0; i < copy->member_count; i++) {
		struct pool_member *member = &copy->members[i];

		*member = leaf->members[i];
		copied &= own(&member->url);
		copied &= own(&member->name);
		copied &= own(&member->password_file);
	}
	return copied && copy->members;
}

bool pool_leaf_copy(struct pool_leaf *out, const struct pool_leaf *leaf)
{
	struct pool_leaf copy = *leaf;
	bool copied = copy_members(&copy, leaf);

	copied &= own(&copy.where);
	copied &= own(&copy.url);
	copied &= own(&copy.request.url);
	copied &= own(&copy.request.method);
	copied &= own(&copy.request.headers);
	copied &= own(&copy.request.body);
	if (copied)
		*out = copy;
	else
		pool_leaf_release(&copy);
	return copied;
}

void pool_settings_init(struct pool_settings *settings)
{
	*settings = (struct pool_settings){0};
	for (int type = 0; type < POOL_TYPES; type++)
		settings->default_leaf[type] = POOL_NO_LEAF;
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

bool pool_settings_copy(struct pool_settings *out, const struct pool_settings *from)
{
	struct pool_settings copy = *from;
	bool copied;

	copy.leaves = calloc((size_t)from->leaf_count + 1, sizeof(*copy.leaves));
	copy.exchanges =
		calloc((size_t)from->exchange_count + 1, sizeof(*copy.exchanges));
	copied = copy.leaves && copy.exchanges;
	copy.leaf_room = from->leaf_count + 1;
	copy.leaf_count = copy.exchange_count = 0;
	while (copied && copy.leaf_count < from->leaf_count) {
		copied = pool_leaf_copy(
			&copy.leaves[copy.leaf_count], &from->leaves[copy.leaf_count]);
		copy.leaf_count += copied;
	}
	while (copied && copy.exchange_count < from->exchange_count) {
		struct pool_exchange *exchange = &copy.exchanges[copy.exchange_count];

		*exchange = from->exchanges[copy.exchange_count];
		copied = own(&exchange->id);
		copy.exchange_count += copied;
	}
	if (copied)
		*out = copy;
	else
		pool_settings_release(&copy);
	return copied;
}

/* --- lookups -------------------------------------------------------------------- */

static uint32_t find_id(const struct pool_exchange_ids *ids, const char *id)
{
	uint32_t low = 0, high = ids->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(id, ids->get(ids->list, middle));

		if (order == 0)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return POOL_NO_EXCHANGE;
}

static const char *find_near_miss(const struct pool_exchange_ids *ids, const char *id)
{
	struct pool_nearest nearest;

	pool_nearest_init(&nearest, id);
	for (uint32_t i = 0; i < ids->count; i++)
		pool_nearest_try(&nearest, ids->get(ids->list, i));
	return nearest.best;
}

void pool_exchange_find(const struct pool_exchange_ids *ids, const char *written,
	struct pool_exchange_match *out)
{
	char id[ID_SIZE];
	size_t length = 0;

	*out = (struct pool_exchange_match){.index = POOL_NO_EXCHANGE, .known = true};
	if (!written || strcasecmp(written, "default") == 0)
		return;
	out->known = false;
	for (; written[length]; length++) {
		char byte = written[length];

		/* Longer than any id. */
		if (length == sizeof(id) - 1)
			return;
		id[length] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
	}
	id[length] = '\0';
	out->index = find_id(ids, id);
	out->known = out->index != POOL_NO_EXCHANGE;
	if (!out->known)
		out->near_miss = find_near_miss(ids, id);
}

static const char *get_id(const void *list, uint32_t index)
{
	return ((const struct pool_exchange *)list)[index].id;
}

void pool_settings_resolve(const struct pool_settings *settings, const char *exchange,
	enum pool_type type, struct pool_lookup *out)
{
	const struct pool_exchange_ids ids = {
		settings->exchanges, settings->exchange_count, get_id};
	const struct pool_exchange *entry = NULL;
	struct pool_exchange_match match;

	pool_exchange_find(&ids, exchange, &match);
	*out = (struct pool_lookup){.leaf = POOL_NO_LEAF,
		.reason = POOL_NO_DISABLED,
		.known_exchange = match.known,
		.near_miss = match.near_miss};
	if (match.index != POOL_NO_EXCHANGE)
		entry = &settings->exchanges[match.index];
	if (!settings->enabled)
		return;
	out->reason = POOL_NO_NOT_CONFIGURED;
	out->own_entry = entry && entry->leaf[type] != POOL_NO_LEAF;
	out->leaf = out->own_entry ? entry->leaf[type] : settings->default_leaf[type];
	if (out->leaf != POOL_NO_LEAF &&
		settings->leaves[out->leaf].kind == POOL_LEAF_EMPTY)
		out->leaf = POOL_NO_LEAF;
}
