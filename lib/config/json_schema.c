/*
 * The JSON Schema: one definition a group of the table, and the rules between keys.
 *
 * There are two definitions of an exchange and of what it holds: the one of the default,
 * whose pools have nothing to copy by "proxies": "default", and that of other exchanges.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/build.h"
#include "config/json_schema.h"
#include "config/pattern.h"
#include "config/schema.h"

enum { PROXIES_MAX = 1 << 20, URL_MAX = 2048 };

/* Which of the two definitions. */
enum copying { OF_DEFAULT, OF_OTHERS, COPYINGS };

/* What groups are called in $defs. */
static const char *const definitions[POOL_GROUPS][COPYINGS] = {
	[POOL_GROUP_SETTINGS] = {"settings", "settings"},
	[POOL_GROUP_EXCHANGE] = {"default_exchange", "exchange"},
	[POOL_GROUP_CONNECTION] = {"default_connection", "connection"},
	[POOL_GROUP_POOL] = {"default_pool", "pool"},
	[POOL_GROUP_PROXY] = {"proxy", "proxy"},
	[POOL_GROUP_CHECK] = {"health_check", "health_check"},
	[POOL_GROUP_BREAKER] = {"breaker", "breaker"},
	[POOL_GROUP_COOLDOWN] = {"cooldown", "cooldown"},
	[POOL_GROUP_LIMITS] = {"limits", "limits"},
};

/* --- parts ---------------------------------------------------------------------- */

static cJSON *make(const char *type)
{
	cJSON *schema = cJSON_CreateObject();

	pool_json_add_string(schema, "type", type);
	return schema;
}

static cJSON *make_string(const char *pattern)
{
	cJSON *schema = make("string");

	pool_json_add_string(schema, "pattern", pattern);
	return schema;
}

/* Takes the pattern that was made. */
static cJSON *take_string(struct pool_text *pattern)
{
	cJSON *schema = make("string");

	pool_json_add_text(schema, "pattern", pattern);
	return schema;
}

static void add_reference(cJSON *schema, const char *name)
{
	char reference[64];

	snprintf(reference, sizeof(reference), "#/$defs/%s", name);
	pool_json_add_string(schema, "$ref", reference);
}

static cJSON *refer(const char *name)
{
	cJSON *schema = cJSON_CreateObject();

	add_reference(schema, name);
	return schema;
}

/* Append <schema>, or if it is a choice itself, what it chooses from. */
static void add_choice(cJSON *list, cJSON *schema)
{
	cJSON *inner = cJSON_GetObjectItemCaseSensitive(schema, "anyOf"), *item;

	if (!inner || cJSON_GetArraySize(schema) > 1) {
		pool_json_append(list, schema);
		return;
	}
	if (!pool_json_is_whole(schema))
		pool_json_break(list);
	while ((item = cJSON_DetachItemFromArray(inner, 0)))
		pool_json_append(list, item);
	cJSON_Delete(schema);
}

/* {"anyOf": [<one>, <other>]} */
static cJSON *either(cJSON *one, cJSON *other)
{
	cJSON *schema = cJSON_CreateObject();
	cJSON *list = pool_json_add_array(schema, "anyOf");

	add_choice(list, one);
	add_choice(list, other);
	return schema;
}

/* {"pattern": <pattern>} */
static cJSON *match(const char *pattern)
{
	cJSON *schema = cJSON_CreateObject();

	pool_json_add_string(schema, "pattern", pattern);
	return schema;
}

static void require(cJSON *schema, const char *name)
{
	pool_json_append(
		pool_json_add_array(schema, "required"), cJSON_CreateString(name));
}

/* --- values, by the type of their key ------------------------------------------- */

static cJSON *describe_bool(const struct pool_key *key, enum copying copying)
{
	(void)key;
	(void)copying;
	return refer("bool");
}

static cJSON *describe_range(int64_t low, int64_t high)
{
	cJSON *number = make("integer");
	struct pool_text pattern = POOL_TEXT_EMPTY;

	pool_json_add_number(number, "minimum", (double)low);
	pool_json_add_number(number, "maximum", (double)high);
	pool_pattern_add_int(&pattern, low, high);
	return either(number, take_string(&pattern));
}

static cJSON *describe_int(const struct pool_key *key, enum copying copying)
{
	(void)copying;
	return describe_range(key->low, key->high);
}

static cJSON *describe_decimal(const struct pool_key *key, enum copying copying)
{
	cJSON *number = make("number");
	struct pool_text pattern = POOL_TEXT_EMPTY;

	(void)copying;
	pool_json_add_number(number, "minimum", (double)key->low / 1e6);
	pool_json_add_number(number, "maximum", (double)key->high / 1e6);
	pool_pattern_add_decimal(&pattern, key->low, key->high);
	return either(number, take_string(&pattern));
}

static cJSON *describe_word(const struct pool_key *key, enum copying copying)
{
	cJSON *schema = cJSON_CreateObject();
	cJSON *words = pool_json_add_array(schema, "enum");
	const char *word;

	(void)copying;
	for (unsigned i = 0; (word = key->words(i)); i++)
		pool_json_append(words, cJSON_CreateString(word));
	return schema;
}

static cJSON *describe_statuses(const struct pool_key *key, enum copying copying)
{
	cJSON *list = make("array");

	(void)copying;
	pool_json_add(list, "items", refer("status"));
	if (key->group == POOL_GROUP_CHECK)
		pool_json_add_number(list, "minItems", 1);
	return either(refer("status"), list);
}

static cJSON *describe_url(const struct pool_key *key, enum copying copying)
{
	(void)key;
	(void)copying;
	return refer("url");
}

static cJSON *describe_name(const struct pool_key *key, enum copying copying)
{
	cJSON *schema = make_string(pool_pattern_name);

	(void)key;
	(void)copying;
	pool_json_add(schema, "not", match("://"));
	return schema;
}

static cJSON *describe_path(const struct pool_key *key, enum copying copying)
{
	(void)key;
	(void)copying;
	return make_string(pool_pattern_path);
}

static cJSON *describe_check_url(const struct pool_key *key, enum copying copying)
{
	cJSON *schema = make_string(pool_pattern_check_url);

	(void)key;
	(void)copying;
	pool_json_add_number(schema, "maxLength", URL_MAX);
	pool_json_add(schema, "not", match(pool_pattern_wrong_check_url));
	return schema;
}

static cJSON *describe_request(const struct pool_key *key, enum copying copying)
{
	(void)key;
	(void)copying;
	return make_string(pool_pattern_request);
}

static cJSON *describe_headers(const struct pool_key *key, enum copying copying)
{
	cJSON *schema = make("object"), *names = match(pool_pattern_header_name);
	struct pool_text refused = POOL_TEXT_EMPTY;

	(void)key;
	(void)copying;
	pool_pattern_add_refused_header(&refused);
	pool_json_add(names, "not", take_string(&refused));
	pool_json_add(schema, "propertyNames", names);
	pool_json_add(
		schema, "additionalProperties", make_string(pool_pattern_header_value));
	return schema;
}

static cJSON *describe_text(const struct pool_key *key, enum copying copying)
{
	cJSON *schema = make("string");

	(void)key;
	(void)copying;
	pool_json_add_number(schema, "minLength", 1);
	return schema;
}

static cJSON *describe_exchanges(const struct pool_key *key, enum copying copying)
{
	cJSON *schema = make("object"), *names = match(pool_pattern_exchange_id);

	(void)copying;
	pool_json_add(names, "not", match("@|://"));
	pool_json_add(schema, "propertyNames", names);
	pool_json_add(schema, "additionalProperties",
		refer(definitions[key->child][OF_OTHERS]));
	return schema;
}

static cJSON *describe_child(const struct pool_key *key, enum copying copying)
{
	return refer(definitions[key->child][copying]);
}

static cJSON *describe_pool(const struct pool_key *key, enum copying copying)
{
	return either(describe_child(key, copying), refer("list"));
}

static cJSON *describe_proxies(const struct pool_key *key, enum copying copying)
{
	cJSON *word;

	(void)key;
	if (copying == OF_DEFAULT)
		return refer("list");
	word = cJSON_CreateObject();
	pool_json_add_string(word, "const", "default");
	return either(word, refer("list"));
}

static cJSON *(*const describers[POOL_KEY_TYPES])(
	const struct pool_key *key, enum copying copying) = {
	[POOL_KIND_BOOL] = describe_bool,
	[POOL_KIND_INT] = describe_int,
	[POOL_KIND_DECIMAL] = describe_decimal,
	[POOL_KIND_WORD] = describe_word,
	[POOL_KIND_STATUSES] = describe_statuses,
	[POOL_KIND_URL] = describe_url,
	[POOL_KIND_NAME] = describe_name,
	[POOL_KIND_PATH] = describe_path,
	[POOL_KIND_CHECK_URL] = describe_check_url,
	[POOL_KIND_REQUEST] = describe_request,
	[POOL_KIND_HEADERS] = describe_headers,
	[POOL_KIND_TEXT] = describe_text,
	[POOL_KIND_EXCHANGES] = describe_exchanges,
	[POOL_KIND_EXCHANGE] = describe_child,
	[POOL_KIND_CONNECTION] = describe_child,
	[POOL_KIND_POOL] = describe_pool,
	[POOL_KIND_PROXIES] = describe_proxies,
	[POOL_KIND_OBJECT] = describe_child,
};

/* --- keys ----------------------------------------------------------------------- */

static void add_default(cJSON *schema, const struct pool_key *key)
{
	if (!*key->fallback)
		return;
	if (key->type == POOL_KIND_BOOL)
		pool_json_add_bool(schema, "default", strcmp(key->fallback, "true") == 0);
	else if (key->type == POOL_KIND_INT || key->type == POOL_KIND_DECIMAL)
		pool_json_add_number(schema, "default", strtod(key->fallback, NULL));
	else
		pool_json_add_string(schema, "default", key->fallback);
}

static cJSON *describe_key(const struct pool_key *key, enum copying copying)
{
	cJSON *schema = describers[key->type](key, copying);

	if (key->nullable)
		schema = either(schema, make("null"));
	pool_json_add_string(schema, "description", key->summary);
	add_default(schema, key);
	return schema;
}

static cJSON *properties_of(cJSON *schema)
{
	cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");

	return properties ? properties : pool_json_add_object(schema, "properties");
}

/* The keys of <group>, but those that <but> has as well. */
static void add_keys(
	cJSON *schema, enum pool_group group, enum copying copying, enum pool_group but)
{
	size_t count;
	const struct pool_key *keys = pool_schema_get(&count);

	for (size_t i = 0; i < count; i++)
		if (keys[i].group == group && !pool_schema_find(but, keys[i].name))
			pool_json_add(properties_of(schema), keys[i].name,
				describe_key(&keys[i], copying));
}

/* An object with the keys of <group> and no others. */
static cJSON *describe_group(enum pool_group group, enum copying copying)
{
	cJSON *schema = make("object");

	pool_json_add_bool(schema, "additionalProperties", false);
	add_keys(schema, group, copying, POOL_GROUPS);
	return schema;
}

/* --- rules between keys --------------------------------------------------------- */

static void add_rule(cJSON *schema, cJSON *rule)
{
	cJSON *rules = cJSON_GetObjectItemCaseSensitive(schema, "allOf");

	pool_json_append(rules ? rules : pool_json_add_array(schema, "allOf"), rule);
}

/* A rule as it is written. */
static cJSON *parse(const char *format, ...) __attribute__((format(printf, 1, 2)));

static cJSON *parse(const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return cJSON_Parse(text);
}

/* {"properties": {<name>: <value>}} */
static cJSON *hold(const char *name, cJSON *value)
{
	cJSON *schema = cJSON_CreateObject();

	pool_json_add(properties_of(schema), name, value);
	return schema;
}

/* Of two names of a key only one may be given. */
static void forbid_aliases(cJSON *schema, enum pool_group group)
{
	size_t count;
	const struct pool_key *keys = pool_schema_get(&count);

	for (size_t i = 0; i < count; i++)
		if (keys[i].group == group && keys[i].alias_of)
			add_rule(schema,
				parse("{\"not\": {\"required\": [\"%s\", \"%s\"]}}",
					keys[i].name, keys[i].alias_of));
}

/* Beside a full name that is given, a short one is not read. */
static void ignore_aliases(cJSON *schema, enum pool_group group)
{
	size_t count;
	const struct pool_key *keys = pool_schema_get(&count);

	for (size_t i = 0; i < count; i++) {
		cJSON *properties = properties_of(schema), *rule, *left;

		if (keys[i].group != group || !keys[i].alias_of)
			continue;
		rule = parse("{\"if\": {\"required\": [\"%s\"], \"properties\": "
			     "{\"%s\": {\"not\": {\"type\": \"null\"}}}}}",
			keys[i].alias_of, keys[i].alias_of);
		pool_json_add(rule, "else",
			hold(keys[i].name,
				cJSON_DetachItemFromObjectCaseSensitive(
					properties, keys[i].name)));
		add_rule(schema, rule);
		left = pool_json_add_object(properties, keys[i].name);
		pool_json_add_string(left, "description", keys[i].summary);
	}
}

/* A pool's keys beside it: only where there is a pool, and it has none of them. */
static void add_siblings(cJSON *schema, enum copying copying)
{
	size_t count;
	const struct pool_key *keys = pool_schema_get(&count);
	cJSON *dependent = pool_json_add_object(schema, "dependentSchemas");

	for (size_t i = 0; i < count; i++) {
		if (keys[i].group != POOL_GROUP_POOL || keys[i].type == POOL_KIND_PROXIES)
			continue;
		pool_json_add(properties_of(schema), keys[i].name,
			describe_key(&keys[i], copying));
		pool_json_add(dependent, keys[i].name,
			parse("{\"required\": [\"pool\"], \"properties\": {\"pool\": "
			      "{\"type\": [\"object\", \"array\"], \"not\": "
			      "{\"type\": \"object\", \"required\": [\"%s\"]}}}}",
				keys[i].name));
	}
}

/* Below its highest value rollout_percent needs a url for the rest. */
static void add_rollout_rule(cJSON *schema)
{
	static const char *const name = "rollout_percent";
	const struct pool_key *key = pool_schema_find(POOL_GROUP_CONNECTION, name);
	cJSON *rule = cJSON_CreateObject(), *below = cJSON_CreateObject(), *condition;

	pool_json_add(below, "not", describe_range(key->high, key->high));
	condition = hold(name, below);
	require(condition, name);
	pool_json_add(rule, "if", condition);
	pool_json_add(rule, "then",
		parse("{\"required\": [\"url\"], \"properties\": {\"url\": "
		      "{\"not\": {\"type\": \"null\"}}}}"));
	add_rule(schema, rule);
}

/* What one check asks for depends on how. */
static void add_method_rule(cJSON *schema, const char *method, cJSON *then)
{
	cJSON *rule = parse("{\"if\": {\"required\": [\"method\"], \"properties\": "
			    "{\"method\": {\"const\": \"%s\"}}}}",
		method);

	pool_json_add(rule, "then", then);
	add_rule(schema, rule);
}

static void add_method_rules(cJSON *schema)
{
	static const char *const web = "^[hH][tT][tT][pP][sS]?://",
				 *const socket = "^[wW][sS][sS]?://";
	struct pool_text pattern = POOL_TEXT_EMPTY;
	cJSON *then;

	add_method_rule(
		schema, pool_method_name(POOL_METHOD_HTTP), hold("url", match(web)));
	pool_pattern_add_host_port(&pattern);
	then = hold("url", either(match(web), take_string(&pattern)));
	require(then, "url");
	add_method_rule(schema, pool_method_name(POOL_METHOD_TUNNEL), then);
	then = hold("url", match(socket));
	require(then, "url");
	add_method_rule(schema, pool_method_name(POOL_METHOD_WEBSOCKET), then);
}

/* Where only one of two durations is given, the other has its default. */
static void add_order_rule(
	cJSON *schema, enum pool_group group, const char *first, const char *longest)
{
	const struct pool_key *low = pool_schema_find(group, first),
			      *high = pool_schema_find(group, longest);
	cJSON *rule = parse("{\"if\": {\"required\": [\"%s\"]}}", longest);

	pool_json_add(rule, "else",
		hold(first, describe_range(low->low, atoll(high->fallback))));
	add_rule(schema, rule);
	rule = parse("{\"if\": {\"required\": [\"%s\"]}}", first);
	pool_json_add(rule, "else",
		hold(longest, describe_range(atoll(low->fallback), high->high)));
	add_rule(schema, rule);
}

/* --- definitions of groups ------------------------------------------------------- */

static cJSON *define_settings(enum pool_group group, enum copying copying)
{
	return describe_group(group, copying);
}

static cJSON *define_exchange(enum pool_group group, enum copying copying)
{
	cJSON *object = describe_group(group, copying);

	ignore_aliases(object, group);
	return either(refer("url"), object);
}

static cJSON *define_connection(enum pool_group group, enum copying copying)
{
	cJSON *object = describe_group(group, copying);

	add_siblings(object, copying);
	add_rollout_rule(object);
	return either(refer("url"), object);
}

static cJSON *define_pool(enum pool_group group, enum copying copying)
{
	cJSON *object = describe_group(group, copying);

	require(object, "proxies");
	return object;
}

static cJSON *define_proxy(enum pool_group group, enum copying copying)
{
	cJSON *object = describe_group(group, copying), *without, *rule;

	require(object, "url");
	rule = parse("{\"if\": {\"required\": [\"password_file\"]}}");
	without = cJSON_CreateObject();
	pool_json_add(without, "not", match(pool_pattern_password));
	pool_json_add(rule, "then", hold("url", without));
	add_rule(object, rule);
	return either(refer("url"), object);
}

static cJSON *define_check(enum pool_group group, enum copying copying)
{
	cJSON *object = describe_group(group, copying);

	forbid_aliases(object, group);
	add_method_rules(object);
	return object;
}

static cJSON *define_breaker(enum pool_group group, enum copying copying)
{
	cJSON *object = describe_group(group, copying);

	add_order_rule(object, group, "open_seconds", "max_open_seconds");
	return object;
}

static cJSON *define_cooldown(enum pool_group group, enum copying copying)
{
	cJSON *object = describe_group(group, copying);

	add_order_rule(object, group, "seconds", "max_seconds");
	return object;
}

static cJSON *define_limits(enum pool_group group, enum copying copying)
{
	cJSON *object = describe_group(group, copying);

	pool_json_add(object, "dependentRequired",
		parse("{\"requests\": [\"per_seconds\"], \"per_seconds\": "
		      "[\"requests\"]}"));
	return object;
}

static void define_groups(cJSON *into)
{
	static cJSON *(*const define[POOL_GROUPS])(enum pool_group, enum copying) = {
		[POOL_GROUP_SETTINGS] = define_settings,
		[POOL_GROUP_EXCHANGE] = define_exchange,
		[POOL_GROUP_CONNECTION] = define_connection,
		[POOL_GROUP_POOL] = define_pool,
		[POOL_GROUP_PROXY] = define_proxy,
		[POOL_GROUP_CHECK] = define_check,
		[POOL_GROUP_BREAKER] = define_breaker,
		[POOL_GROUP_COOLDOWN] = define_cooldown,
		[POOL_GROUP_LIMITS] = define_limits,
	};

	for (int group = 0; group < POOL_GROUPS; group++)
		for (int copying = 0; copying < COPYINGS; copying++)
			if (copying == OF_DEFAULT ||
				strcmp(definitions[group][copying],
					definitions[group][OF_DEFAULT]) != 0)
				pool_json_add(into, definitions[group][copying],
					define[group]((enum pool_group)group,
						(enum copying)copying));
}

/* --- other definitions ----------------------------------------------------------- */

static cJSON *define_bool(void)
{
	return either(make("boolean"),
		either(parse("{\"enum\": [0, 1]}"), make_string(pool_pattern_bool)));
}

static cJSON *define_status(void)
{
	return either(
		parse("{\"type\": \"integer\", \"minimum\": 100, \"maximum\": 599}"),
		make_string(pool_pattern_statuses));
}

static cJSON *define_url(void)
{
	struct pool_text pattern = POOL_TEXT_EMPTY;
	cJSON *schema;

	pool_pattern_add_url(&pattern);
	schema = take_string(&pattern);
	pool_json_add(schema, "not", match(pool_pattern_wrong_url));
	return schema;
}

static cJSON *define_list(void)
{
	cJSON *schema = make("array");

	pool_json_add(schema, "items", refer(definitions[POOL_GROUP_PROXY][OF_DEFAULT]));
	pool_json_add_number(schema, "minItems", 1);
	pool_json_add_number(schema, "maxItems", PROXIES_MAX);
	return schema;
}

/* A pool at top level. */
static cJSON *define_short(void)
{
	cJSON *schema = define_pool(POOL_GROUP_POOL, OF_DEFAULT);
	const struct pool_key *key = pool_schema_find(POOL_GROUP_SETTINGS, "enabled");
	cJSON *enabled = describe_key(key, OF_DEFAULT);

	cJSON_DeleteItemFromObjectCaseSensitive(enabled, "default");
	pool_json_add_bool(enabled, "default", true);
	pool_json_add(properties_of(schema), key->name, enabled);
	return schema;
}

static cJSON *define_document(void)
{
	cJSON *schema = make("object");

	pool_json_add(schema, "if", parse("{\"required\": [\"proxies\"]}"));
	pool_json_add(schema, "then", refer("short"));
	pool_json_add(
		schema, "else", refer(definitions[POOL_GROUP_SETTINGS][OF_DEFAULT]));
	return schema;
}

static void define_others(cJSON *into)
{
	static const struct {
		const char *name;
		cJSON *(*define)(void);
	} rows[] = {
		{"document", define_document},
		{"short", define_short},
		{"list", define_list},
		{"url", define_url},
		{"status", define_status},
		{"bool", define_bool},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		pool_json_add(into, rows[i].name, rows[i].define());
}

/* --- the whole ------------------------------------------------------------------- */

/* A document, or one below the key "proxy", whose neighbours are ignored. */
static void add_forms(cJSON *root)
{
	cJSON *proxy = either(refer("document"), either(refer("url"), make("null")));

	pool_json_add_string(proxy, "description",
		"The settings, or one URL, in a whole configuration of cryptofeed.");
	pool_json_add(root, "if", parse("{\"required\": [\"proxy\"]}"));
	pool_json_add(root, "then", hold("proxy", proxy));
	pool_json_add(root, "else", refer("document"));
}

char *pool_json_schema(void)
{
	cJSON *root = cJSON_CreateObject(), *groups;

	pool_json_add_string(
		root, "$schema", "https://json-schema.org/draft/2020-12/schema");
	pool_json_add_string(root, "title", "pool file of proxypool " POOL_VERSION);
	pool_json_add_string(root, "description",
		"Which proxies there are, and how they are used: see pool-file(5). What "
		"no "
		"schema can say is told by pool-validate(1).");
	pool_json_add_string(root, "type", "object");
	add_forms(root);
	groups = pool_json_add_object(root, "$defs");
	define_others(groups);
	define_groups(groups);
	return pool_json_take(root);
}
