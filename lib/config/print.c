/* The normal form as JSON. Every scalar is printed by its row of the schema. */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/build.h"
#include "config/config.h"
#include "config/schema.h"
#include "config/url.h"

enum {
	URL_SIZE = 320,    /* room for a redacted URL */
	SHOWN_SIZE = 1024, /* and for the value of a key, to be compared */
};

struct printing {
	bool secrets;
	bool brief; /* leave out what is so by default */
	bool broken;
};

/* What the scalars of a group are stored in. */
union holder {
	struct pool_settings settings;
	struct pool_member member;
	struct pool_leaf leaf;
};

static cJSON *attach(
	struct printing *printing, cJSON *object, const char *key, cJSON *value)
{
	if (!value || !cJSON_AddItemToObject(object, key, value)) {
		cJSON_Delete(value);
		printing->broken = true;
		return NULL;
	}
	return value;
}

static void add_text(
	struct printing *printing, cJSON *object, const char *key, const char *text)
{
	if (text)
		attach(printing, object, key, cJSON_CreateString(text));
}

static void add_url(struct printing *printing, cJSON *object, const char *url)
{
	char safe[URL_SIZE];

	if (url && !printing->secrets) {
		pool_url_redact(url, safe, sizeof(safe));
		url = safe;
	}
	add_text(printing, object, "url", url);
}

bool pool_key_is_default(const struct pool_key *key, const void *base)
{
	/* In arrays: without memory a value would look like one that is left out. */
	char given_bytes[SHOWN_SIZE] = "", usual_bytes[SHOWN_SIZE] = "";
	struct pool_text given = POOL_TEXT_FIXED(given_bytes),
			 usual = POOL_TEXT_FIXED(usual_bytes);
	union holder defaults = {0};
	bool same;

	pool_schema_fill(key->group, &defaults);
	same = pool_key_show(key, base, &given) == pool_key_show(key, &defaults, &usual);
	if (same)
		same = !given.broken && strcmp(given.bytes, usual.bytes) == 0;
	return same;
}

static void add_scalars(
	struct printing *printing, cJSON *object, enum pool_group group, const void *base)
{
	size_t count;
	const struct pool_key *keys = pool_schema_get(&count);

	for (size_t i = 0; i < count; i++) {
		struct pool_text text = POOL_TEXT_EMPTY;

		if (keys[i].group != group || keys[i].alias_of ||
			(printing->brief && group != POOL_GROUP_SETTINGS &&
				pool_key_is_default(&keys[i], base)) ||
			!pool_key_show(&keys[i], base, &text))
			continue;
		if (text.broken)
			printing->broken = true;
		else
			attach(printing, object, keys[i].name,
				cJSON_CreateRaw(text.bytes));
		pool_text_release(&text);
	}
}

static void add_headers(struct printing *printing, cJSON *check, const char *lines)
{
	cJSON *object;

	if (!lines)
		return;
	object = attach(printing, check, "headers", cJSON_CreateObject());
	while (object && *lines) {
		size_t length = strcspn(lines, "\n");
		char *line = strndup(lines, length),
		     *colon = line ? strchr(line, ':') : NULL;

		if (!colon) {
			printing->broken = true;
			free(line);
			return;
		}
		*colon = '\0';
		add_text(printing, object, line, printing->secrets ? colon + 2 : "***");
		free(line);
		lines += length + 1;
	}
}

static void add_check(
	struct printing *printing, cJSON *pool, const struct pool_leaf *leaf)
{
	cJSON *check = attach(printing, pool, "health_check", cJSON_CreateObject());

	if (!check)
		return;
	add_scalars(printing, check, POOL_GROUP_CHECK, leaf);
	/* What a check asks for means nothing to tcp and ping. */
	if (!pool_method_asks((enum pool_method)leaf->policy.method))
		cJSON_DeleteItemFromObject(check, "expect_status");
	add_text(printing, check, "url", leaf->request.url);
	add_text(printing, check, "request", leaf->request.method);
	add_headers(printing, check, leaf->request.headers);
	add_text(printing, check, "expect_body", leaf->request.body);
	if (printing->brief && !check->child)
		cJSON_DeleteItemFromObject(pool, "health_check");
}

static cJSON *print_member(struct printing *printing, const struct pool_member *member)
{
	cJSON *object = cJSON_CreateObject();

	if (!object) {
		printing->broken = true;
		return NULL;
	}
	add_url(printing, object, member->url);
	if (member->named)
		add_text(printing, object, "name", member->name);
	add_scalars(printing, object, POOL_GROUP_PROXY, member);
	add_text(printing, object, "password_file", member->password_file);
	/* A URL alone says the same. */
	if (printing->brief && object->child && !object->child->next) {
		cJSON_Delete(object);
		object = cJSON_CreateString(member->url);
	}
	return object;
}

static void add_proxies(
	struct printing *printing, cJSON *pool, const struct pool_leaf *leaf)
{
	cJSON *list;

	if (leaf->copies_default) {
		add_text(printing, pool, "proxies", "default");
		return;
	}
	list = attach(printing, pool, "proxies", cJSON_CreateArray());
	for (uint32_t i = 0; list && i < leaf->member_count; i++) {
		cJSON *member = print_member(printing, &leaf->members[i]);

		if (!member || !cJSON_AddItemToArray(list, member))
			printing->broken = true;
	}
}

static void add_object(struct printing *printing, cJSON *pool, const char *key,
	enum pool_group group, const struct pool_leaf *leaf)
{
	cJSON *object = cJSON_CreateObject();

	if (object)
		add_scalars(printing, object, group, leaf);
	if (object && !object->child)
		cJSON_Delete(object);
	else
		attach(printing, pool, key, object);
}

/* What a pool has, into <pool>. */
static void fill_pool(
	struct printing *printing, cJSON *pool, const struct pool_leaf *leaf)
{
	add_proxies(printing, pool, leaf);
	add_scalars(printing, pool, POOL_GROUP_POOL, leaf);
	add_check(printing, pool, leaf);
	add_object(printing, pool, "breaker", POOL_GROUP_BREAKER, leaf);
	add_object(printing, pool, "cooldown", POOL_GROUP_COOLDOWN, leaf);
	add_object(printing, pool, "limits", POOL_GROUP_LIMITS, leaf);
}

static void add_pool(
	struct printing *printing, cJSON *connection, const struct pool_leaf *leaf)
{
	cJSON *pool = attach(printing, connection, "pool", cJSON_CreateObject());

	if (pool)
		fill_pool(printing, pool, leaf);
}

static void add_connection(struct printing *printing, cJSON *exchange,
	enum pool_type type, const struct pool_leaf *leaf)
{
	cJSON *connection =
		attach(printing, exchange, pool_type_name(type), cJSON_CreateObject());

	if (!connection)
		return;
	add_url(printing, connection, leaf->url);
	add_scalars(printing, connection, POOL_GROUP_CONNECTION, leaf);
	if (leaf->kind == POOL_LEAF_POOL)
		add_pool(printing, connection, leaf);
}

static void add_exchange(struct printing *printing, cJSON *parent, const char *id,
	const struct pool_settings *settings, const uint32_t leaves[POOL_TYPES])
{
	cJSON *exchange = attach(printing, parent, id, cJSON_CreateObject());

	for (int type = 0; exchange && type < POOL_TYPES; type++)
		if (leaves[type] != POOL_NO_LEAF)
			add_connection(printing, exchange, (enum pool_type)type,
				&settings->leaves[leaves[type]]);
}

/* One leaf for everything: the short form, or a URL in place of the settings. */
static cJSON *print_short(struct printing *printing, const struct pool_settings *settings)
{
	const struct pool_leaf *leaf = &settings->leaves[settings->default_leaf[0]];
	cJSON *root = cJSON_CreateObject();

	if (!root)
		printing->broken = true;
	else if (leaf->kind == POOL_LEAF_SINGLE)
		add_text(printing, root, "proxy", leaf->url);
	else if (!settings->enabled)
		attach(printing, root, "enabled", cJSON_CreateBool(false));
	if (root && leaf->kind == POOL_LEAF_POOL)
		fill_pool(printing, root, leaf);
	return root;
}

static bool is_plain_connection(const struct pool_leaf *leaf)
{
	size_t count;
	const struct pool_key *keys = pool_schema_get(&count);

	for (size_t i = 0; i < count; i++)
		if (keys[i].group == POOL_GROUP_CONNECTION &&
			!pool_key_is_default(&keys[i], leaf))
			return false;
	return true;
}

/* Whether that can be said so shortly. */
static bool is_short(const struct pool_settings *settings)
{
	const struct pool_leaf *leaf;

	if (settings->exchange_count || settings->default_leaf[0] == POOL_NO_LEAF ||
		settings->default_leaf[0] != settings->default_leaf[1])
		return false;
	leaf = &settings->leaves[settings->default_leaf[0]];
	return is_plain_connection(leaf) &&
		(leaf->kind == POOL_LEAF_POOL ? !leaf->url : settings->enabled);
}

static cJSON *print_settings(
	struct printing *printing, const struct pool_settings *settings)
{
	cJSON *root = cJSON_CreateObject(), *exchanges;
	bool has_default = settings->default_leaf[POOL_TYPE_HTTP] != POOL_NO_LEAF ||
		settings->default_leaf[POOL_TYPE_WEBSOCKET] != POOL_NO_LEAF;

	if (!root) {
		printing->broken = true;
		return NULL;
	}
	add_scalars(printing, root, POOL_GROUP_SETTINGS, settings);
	if (has_default)
		add_exchange(printing, root, "default", settings, settings->default_leaf);
	if (!settings->exchange_count)
		return root;
	exchanges = attach(printing, root, "exchanges", cJSON_CreateObject());
	for (uint32_t i = 0; exchanges && i < settings->exchange_count; i++)
		add_exchange(printing, exchanges, settings->exchanges[i].id, settings,
			settings->exchanges[i].leaf);
	return root;
}

/* The text of <root>, which it frees. */
static char *take_text(const struct printing *printing, cJSON *root)
{
	if (printing->broken)
		pool_json_break(root);
	return pool_json_take(root);
}

char *pool_config_print(const struct pool_settings *settings, bool secrets)
{
	struct printing printing = {.secrets = secrets};

	return take_text(&printing, print_settings(&printing, settings));
}

static void add_value(struct pool_text *text, const cJSON *item, unsigned depth);

static void add_line(struct pool_text *text, unsigned depth)
{
	pool_text_addf(text, "\n%*s", (int)(2 * depth), "");
}

/* An object over lines, or with <depth> 0 on one. */
static void add_object_text(struct pool_text *text, const cJSON *object, unsigned depth)
{
	pool_text_add(text, "{");
	for (const cJSON *item = object->child; item; item = item->next) {
		if (depth)
			add_line(text, depth);
		pool_text_add_quoted(text, item->string, strlen(item->string));
		pool_text_add(text, ": ");
		add_value(text, item, depth ? depth + 1 : 0);
		pool_text_add(text, item->next ? (depth ? "," : ", ") : "");
	}
	if (depth && object->child)
		add_line(text, depth - 1);
	pool_text_add(text, "}");
}

/* A proxy a line. */
static void add_list_text(struct pool_text *text, const cJSON *list, unsigned depth)
{
	pool_text_add(text, "[");
	for (const cJSON *item = list->child; item; item = item->next) {
		add_line(text, depth);
		add_value(text, item, 0);
		pool_text_add(text, item->next ? "," : "");
	}
	add_line(text, depth - 1);
	pool_text_add(text, "]");
}

static void add_value(struct pool_text *text, const cJSON *item, unsigned depth)
{
	if (cJSON_IsObject(item))
		add_object_text(text, item, depth);
	else if (cJSON_IsArray(item))
		add_list_text(text, item, depth);
	else if (cJSON_IsBool(item))
		pool_text_add(text, cJSON_IsTrue(item) ? "true" : "false");
	else if (cJSON_IsRaw(item))
		pool_text_add(text, item->valuestring);
	else
		pool_text_add_quoted(text, item->valuestring, strlen(item->valuestring));
}

char *pool_config_print_brief(const struct pool_settings *settings)
{
	struct printing printing = {.secrets = true, .brief = true};
	struct pool_text text = POOL_TEXT_SECRET;
	cJSON *root = is_short(settings) ? print_short(&printing, settings)
					 : print_settings(&printing, settings);

	if (root && !printing.broken) {
		add_value(&text, root, 1);
		pool_text_add(&text, "\n");
	}
	cJSON_Delete(root);
	return text.length ? pool_text_take(&text) : NULL;
}

/* The same, in one line. */
static char *take_line(const struct printing *printing, cJSON *root)
{
	char *printed = root && !printing->broken ? cJSON_PrintUnformatted(root) : NULL;
	char *text = printed ? strdup(printed) : NULL;

	cJSON_free(printed);
	cJSON_Delete(root);
	return text;
}

char *pool_leaf_print(const struct pool_leaf *leaf)
{
	struct printing printing = {.secrets = true, .brief = true};
	cJSON *pool = cJSON_CreateObject();

	if (pool)
		fill_pool(&printing, pool, leaf);
	return take_line(&printing, pool);
}

char *pool_exchange_print(
	const struct pool_settings *settings, const uint32_t leaves[POOL_TYPES])
{
	struct printing printing = {.secrets = true, .brief = true};
	cJSON *parent = cJSON_CreateObject(), *exchange = NULL;
	char *text;

	if (parent)
		add_exchange(&printing, parent, "", settings, leaves);
	exchange = parent ? cJSON_DetachItemViaPointer(parent, parent->child) : NULL;
	text = exchange ? take_line(&printing, exchange) : NULL;
	cJSON_Delete(parent);
	return text;
}
