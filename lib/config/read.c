/* The document: its three forms, exchanges, connections and pools. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/tree.h"
#include "config/url.h"
#include "config/walk.h"

enum { ID_MAX = 64 };

/* --- pools ---------------------------------------------------------------------- */

/* What a pool's "proxies": "default" copies; NULL: nothing can be copied here. */
struct pool_reading {
	struct pool_leaf *leaf;
	const struct pool_leaf *original;
};

static bool method_asks(enum pool_method method)
{
	return method == POOL_METHOD_HTTP || method == POOL_METHOD_TUNNEL ||
		method == POOL_METHOD_WEBSOCKET;
}

static void judge_check_keys(
	struct walk *walk, const struct place *object, const struct pool_leaf *leaf)
{
	enum pool_method method = (enum pool_method)leaf->policy.method;
	const char *wrong = NULL;
	struct place place;
	bool has_url = pool_place_find(walk, object, "url", &place);

	if (has_url && leaf->request.url)
		wrong = pool_check_url_judge_scheme(method, leaf->request.url);
	if (wrong)
		pool_tell_value(walk, POOL_RULE_CHECK_URL, &place, "url: %s", wrong);
	if (!has_url && method == POOL_METHOD_HTTP &&
		pool_place_find(walk, object, "method", &place))
		pool_tell_value(walk, POOL_RULE_DEFAULT_CHECK_URL, &place,
			"method: http without url asks for %s", pool_check_default_url);
	else if (!has_url && method_asks(method) &&
		pool_place_find(walk, object, "method", &place))
		pool_tell_value(walk, POOL_RULE_CHECK_URL_MISSING, &place,
			"method: a %s check needs a url", pool_method_name(method));
	for (bool more = pool_place_first(walk, object, &place);
		more && !method_asks(method); more = pool_place_next(walk, &place)) {
		const struct pool_key *key =
			pool_schema_find(POOL_GROUP_CHECK, place.value->string);

		if (key && key->checks_only_http)
			pool_tell_key(walk, POOL_RULE_CHECK_KEY_UNUSED, &place,
				"%s: means nothing to the check method '%s'", key->name,
				pool_method_name(method));
	}
}

/* A first duration must not be above the longest one. */
static void judge_order(struct walk *walk, const struct place *object, const char *key,
	int32_t value, const char *longest, int32_t limit, enum pool_rule_id rule)
{
	struct place place;

	if (value <= limit)
		return;
	if (!pool_place_find(walk, object, key, &place) &&
		!pool_place_find(walk, object, longest, &place))
		return;
	pool_tell_value(walk, rule, &place, "%s: %d is above %s, which is %d", key, value,
		longest, limit);
}

static void judge_object(struct walk *walk, const struct place *object,
	enum pool_group group, const struct pool_leaf *leaf)
{
	const struct pool_policy *policy = &leaf->policy;

	if (group == POOL_GROUP_CHECK)
		judge_check_keys(walk, object, leaf);
	else if (group == POOL_GROUP_BREAKER)
		judge_order(walk, object, "open_seconds", policy->open_s,
			"max_open_seconds", policy->max_open_s, POOL_RULE_BREAKER_RANGE);
	else if (group == POOL_GROUP_COOLDOWN)
		judge_order(walk, object, "seconds", policy->cooldown_s, "max_seconds",
			policy->max_cooldown_s, POOL_RULE_COOLDOWN_RANGE);
	else if (group == POOL_GROUP_LIMITS &&
		!policy->budget_requests != !policy->budget_per_s)
		pool_tell_value(walk, POOL_RULE_LIMITS_INCOMPLETE, object,
			"limits: requests and per_seconds belong together: '%s' is "
			"missing",
			policy->budget_requests ? "per_seconds" : "requests");
}

static void read_pool_key(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base)
{
	struct pool_reading *reading = base;
	size_t errors = walk->diagnostics->errors;

	if (key->type == POOL_KIND_PROXIES) {
		pool_read_proxies(walk, place, reading->leaf, reading->original);
	} else if (key->type != POOL_KIND_OBJECT) {
		pool_read_value(walk, place, key, reading->leaf);
	} else if (!cJSON_IsObject(place->value)) {
		pool_tell_type(walk, place, pool_key_type_get(key->type)->say);
	} else {
		pool_read_group(
			walk, place, key->child, POOL_GROUPS, reading->leaf, NULL);
		if (walk->diagnostics->errors == errors)
			judge_object(walk, place, key->child, reading->leaf);
	}
}

/* The keys of a pool object. pool_read_group() would hand scalars the wrong base. */
static void read_pool_object(
	struct walk *walk, const struct place *object, struct pool_reading *reading)
{
	struct place child;
	char label[96];

	for (bool more = pool_place_first(walk, object, &child); more;
		more = pool_place_next(walk, &child)) {
		const struct pool_key *key =
			pool_schema_find(POOL_GROUP_POOL, child.value->string);

		if (key)
			read_pool_key(walk, &child, key, reading);
		else
			pool_tell_unknown(walk, &child, POOL_GROUP_POOL);
	}
	if (pool_place_find(walk, object, "proxies", &child))
		return;
	pool_place_label(object, label, sizeof(label));
	pool_tell_value(
		walk, POOL_RULE_MISSING_KEY, object, "%s: 'proxies' is missing", label);
}

/* A pool's keys that stand beside it. */
static void read_siblings(struct walk *walk, const struct place *connection,
	const struct place *pool, struct pool_reading *reading)
{
	struct place child, inside;

	for (bool more = pool_place_first(walk, connection, &child); more;
		more = pool_place_next(walk, &child)) {
		const char *name = child.value->string;
		const struct pool_key *key = pool_schema_find(POOL_GROUP_POOL, name);

		if (!key || key->type == POOL_KIND_PROXIES ||
			pool_schema_find(POOL_GROUP_CONNECTION, name))
			continue;
		if (!pool)
			pool_tell_key(walk, POOL_RULE_KEY_WITHOUT_POOL, &child,
				"'%s' belongs to a pool, and there is none: write "
				"\"pool\": [URL]",
				name);
		else if (pool_place_find(walk, pool, name, &inside))
			pool_tell_key(walk, POOL_RULE_KEY_TWICE, &child,
				"'%s' stands beside the pool and inside it: keep one of "
				"the two",
				name);
		else
			read_pool_key(walk, &child, key, reading);
	}
}

static void read_pool(
	struct walk *walk, const struct place *pool, struct pool_reading *reading)
{
	if (cJSON_IsArray(pool->value))
		pool_read_proxies(walk, pool, reading->leaf, reading->original);
	else if (cJSON_IsObject(pool->value))
		read_pool_object(walk, pool, reading);
	else
		pool_tell_type(walk, pool, pool_key_type_get(POOL_KIND_POOL)->say);
}

/* --- connections ---------------------------------------------------------------- */

static void init_leaf(struct walk *walk, struct pool_leaf *leaf, const char *where)
{
	*leaf = (struct pool_leaf){0};
	pool_schema_fill(POOL_GROUP_CONNECTION, leaf);
	pool_policy_init(&leaf->policy);
	leaf->where = strdup(where);
	if (!leaf->where)
		walk->no_memory = true;
}

/* Append a leaf; it is the settings' now. */
static uint32_t add_leaf(struct walk *walk, struct pool_leaf *leaf)
{
	struct pool_settings *settings = &walk->settings;
	uint32_t count = settings->leaf_count;
	struct pool_leaf *leaves;

	if ((count & (count - 1)) == 0) {
		leaves = realloc(settings->leaves,
			(count ? 2 * (size_t)count : 1) * sizeof(*leaves));
		if (!leaves) {
			walk->no_memory = true;
			pool_leaf_release(leaf);
			return POOL_NO_LEAF;
		}
		settings->leaves = leaves;
	}
	settings->leaves[settings->leaf_count++] = *leaf;
	return count;
}

static bool is_default(const struct pool_leaf *leaf)
{
	return leaf->where && strncmp(leaf->where, "default.", 8) == 0;
}

static void warn_empty(struct walk *walk, const struct place *place,
	const struct pool_leaf *leaf, const struct pool_leaf *hidden)
{
	char label[96];

	pool_place_label(place, label, sizeof(label));
	pool_tell_value(walk, POOL_RULE_EMPTY_CONNECTION, place,
		"%s: neither url nor pool: it leads to no proxy%s", label,
		!is_default(leaf) && hidden ? ", and hides the default's" : "");
}

static void warn_disabled(
	struct walk *walk, const struct place *place, const struct pool_leaf *leaf)
{
	for (uint32_t i = 0; i < leaf->member_count; i++)
		if (leaf->members[i].enabled)
			return;
	if (leaf->member_count && !leaf->copies_default)
		pool_tell_value(walk, POOL_RULE_ALL_MEMBERS_DISABLED, place,
			"every proxy of this pool is disabled");
}

/* The rules about a connection as a whole. <pool> is NULL where it has none. */
static void judge_connection(struct walk *walk, const struct place *place,
	const struct place *pool, const struct pool_leaf *leaf)
{
	struct place url, other;
	bool has_url = pool_place_given(walk, place, "url", &url);

	if (pool_place_find(walk, place, "rollout_percent", &other) &&
		leaf->rollout_percent < 100 && !has_url)
		pool_tell_value(walk, POOL_RULE_ROLLOUT_WITHOUT_URL, &other,
			"rollout_percent: %d is below 100, and there is no url for the "
			"rest",
			leaf->rollout_percent);
	if (!pool)
		return;
	if (has_url && !pool_place_find(walk, place, "rollout_percent", &other) &&
		!pool_place_find(walk, place, "fallback", &other) &&
		!pool_place_find(walk, pool, "fallback", &other))
		pool_tell_key(walk, POOL_RULE_URL_BESIDE_POOL, &url,
			"url: beside a pool it is used only when no proxy of the pool is "
			"eligible");
	warn_disabled(walk, pool, leaf);
}

/* A pool is read apart, with its siblings. */
static void pass_over(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base)
{
	(void)walk;
	(void)place;
	(void)key;
	(void)base;
}

static void read_connection_object(struct walk *walk, const struct place *place,
	struct pool_leaf *leaf, const struct pool_leaf *original)
{
	/* A default has nothing to copy from. */
	struct pool_reading reading = {leaf, is_default(leaf) ? NULL : original};
	struct place pool, url;
	bool has_pool = pool_place_given(walk, place, "pool", &pool);

	pool_read_group(
		walk, place, POOL_GROUP_CONNECTION, POOL_GROUP_POOL, leaf, pass_over);
	if (has_pool)
		read_pool(walk, &pool, &reading);
	read_siblings(walk, place, has_pool ? &pool : NULL, &reading);
	judge_connection(walk, place, has_pool ? &pool : NULL, leaf);
	if (has_pool)
		leaf->kind = POOL_LEAF_POOL;
	else if (pool_place_given(walk, place, "url", &url))
		leaf->kind = POOL_LEAF_SINGLE;
	else
		warn_empty(walk, place, leaf, original);
}

static uint32_t read_connection(struct walk *walk, const struct place *place,
	const char *where, enum pool_type type)
{
	uint32_t index = walk->settings.default_leaf[type];
	const struct pool_leaf *original =
		index == POOL_NO_LEAF ? NULL : &walk->settings.leaves[index];
	struct pool_leaf leaf;

	init_leaf(walk, &leaf, where);
	if (cJSON_IsString(place->value)) {
		leaf.kind = POOL_LEAF_SINGLE;
		pool_read_url(walk, place, &leaf.url);
	} else if (cJSON_IsObject(place->value)) {
		read_connection_object(walk, place, &leaf, original);
	} else {
		pool_tell_type(walk, place, pool_key_type_get(POOL_KIND_CONNECTION)->say);
	}
	if (leaf.kind == POOL_LEAF_SINGLE && leaf.url)
		pool_make_single(walk, &leaf);
	return add_leaf(walk, &leaf);
}

/* --- exchanges ------------------------------------------------------------------ */

/* The connection of <type>: by its full name, else by the short one. */
static void read_typed(struct walk *walk, const struct place *place, const char *where,
	enum pool_type type, uint32_t leaves[POOL_TYPES])
{
	const char *name = pool_type_name(type);
	const char *alias = type == POOL_TYPE_HTTP ? "rest" : "ws";
	struct place full, brief;
	bool has_full = pool_place_given(walk, place, name, &full);
	bool has_brief = pool_place_given(walk, place, alias, &brief);
	char path[2 * ID_MAX];

	if (has_full && has_brief)
		pool_tell_key(walk, POOL_RULE_ALIAS_IGNORED, &brief,
			"'%s' is ignored: '%s' stands beside it", alias, name);
	snprintf(path, sizeof(path), "%s.%s", where, name);
	if (has_full || has_brief)
		leaves[type] =
			read_connection(walk, has_full ? &full : &brief, path, type);
}

static void read_exchange(struct walk *walk, const struct place *place, const char *where,
	uint32_t leaves[POOL_TYPES])
{
	uint32_t found[POOL_TYPES] = {POOL_NO_LEAF, POOL_NO_LEAF};
	struct place child;
	char path[2 * ID_MAX];

	if (cJSON_IsString(place->value)) {
		snprintf(path, sizeof(path), "%s.http", where);
		found[POOL_TYPE_HTTP] =
			read_connection(walk, place, path, POOL_TYPE_HTTP);
	} else if (cJSON_IsObject(place->value)) {
		for (bool more = pool_place_first(walk, place, &child); more;
			more = pool_place_next(walk, &child))
			if (!pool_schema_find(POOL_GROUP_EXCHANGE, child.value->string))
				pool_tell_unknown(walk, &child, POOL_GROUP_EXCHANGE);
		for (int type = 0; type < POOL_TYPES; type++)
			read_typed(walk, place, where, (enum pool_type)type, found);
	} else {
		pool_tell_type(walk, place, pool_key_type_get(POOL_KIND_EXCHANGE)->say);
	}
	memcpy(leaves, found, sizeof(found));
}

/* What is wrong with an exchange's id, or NULL. */
static const char *judge_id(const char *id)
{
	char safe[4 * ID_MAX + 1];

	if (!*id)
		return "it is empty";
	if (strlen(id) > ID_MAX)
		return "it is longer than 64 bytes";
	pool_text_safe(safe, sizeof(safe), id, strlen(id));
	if (strcmp(safe, id) != 0 || strchr(id, ' ') || strstr(id, "\xc2\xa0"))
		return "it holds a blank or a control character";
	if (id[0] == '-')
		return "it begins with '-'";
	return NULL;
}

/* An entry while exchanges are compared with each other. */
struct entry {
	struct pool_exchange exchange;
	struct place place;
	char *plain; /* the id without punctuation */
};

static void fold(char *id)
{
	for (; *id; id++)
		if (*id >= 'A' && *id <= 'Z')
			*id = (char)(*id - 'A' + 'a');
}

static void read_entry(struct walk *walk, const struct place *place, struct entry *entry)
{
	const char *id = place->value->string, *wrong = judge_id(id);
	char where[2 * ID_MAX], shown[96], *to;

	*entry = (struct entry){.place = *place};
	pool_walk_quote(shown, sizeof(shown), id);
	if (wrong)
		pool_tell_key(walk, POOL_RULE_EXCHANGE_ID, place,
			"%s cannot be an exchange's id: %s", shown, wrong);
	else if (strcasecmp(id, "default") == 0)
		pool_tell_key(walk, POOL_RULE_EXCHANGE_UNREACHABLE, place,
			"%s means the top-level default in every lookup: this entry is "
			"not reached",
			shown);
	entry->exchange.id = strdup(id);
	entry->plain = strdup(id);
	if (!entry->exchange.id || !entry->plain) {
		walk->no_memory = true;
		return;
	}
	fold(entry->exchange.id);
	to = entry->plain;
	for (const char *from = entry->exchange.id; *from; from++)
		if (!strchr("-_.", *from))
			*to++ = *from;
	*to = '\0';
	snprintf(where, sizeof(where), "exchanges.%.*s", ID_MAX, entry->exchange.id);
	read_exchange(walk, place, where, entry->exchange.leaf);
}

static int compare_plain(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	int order = strcmp(left->plain, right->plain);

	return order ? order : left->place.node < right->place.node ? -1 : 1;
}

static int compare_ids(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	int order = strcmp(left->exchange.id, right->exchange.id);

	return order ? order : left->place.node < right->place.node ? -1 : 1;
}

static void compare_entries(struct walk *walk, struct entry *entries, size_t count)
{
	qsort(entries, count, sizeof(*entries), compare_plain);
	for (size_t i = 1; i < count; i++)
		if (*entries[i].plain &&
			strcmp(entries[i].plain, entries[i - 1].plain) == 0 &&
			strcmp(entries[i].exchange.id, entries[i - 1].exchange.id) != 0 &&
			!judge_id(entries[i].exchange.id) &&
			!judge_id(entries[i - 1].exchange.id))
			pool_tell_key(walk, POOL_RULE_EXCHANGE_NEAR_MISS,
				&entries[i].place,
				"'%s' and '%s' differ only in punctuation",
				entries[i].exchange.id, entries[i - 1].exchange.id);
	qsort(entries, count, sizeof(*entries), compare_ids);
	for (size_t i = 1; i < count; i++) {
		char shown[96];

		if (strcmp(entries[i].exchange.id, entries[i - 1].exchange.id) != 0)
			continue;
		pool_walk_quote(shown, sizeof(shown), entries[i].exchange.id);
		pool_tell_key(walk, POOL_RULE_EXCHANGE_TWICE, &entries[i].place,
			"%s stands here twice: ids are compared without case", shown);
	}
}

static void read_exchanges(struct walk *walk, const struct place *place)
{
	size_t count, used = 0;
	struct pool_settings *settings = &walk->settings;
	struct entry *entries;
	struct place child;

	if (!cJSON_IsObject(place->value)) {
		pool_tell_type(walk, place, pool_key_type_get(POOL_KIND_EXCHANGES)->say);
		return;
	}
	count = (size_t)cJSON_GetArraySize(place->value);
	entries = calloc(count + 1, sizeof(*entries));
	settings->exchanges = calloc(count + 1, sizeof(*settings->exchanges));
	if (!entries || !settings->exchanges) {
		walk->no_memory = true;
		free(entries);
		return;
	}
	for (bool more = pool_place_first(walk, place, &child); more;
		more = pool_place_next(walk, &child))
		read_entry(walk, &child, &entries[used++]);
	if (!walk->no_memory)
		compare_entries(walk, entries, used);
	for (size_t i = 0; i < used; i++) {
		settings->exchanges[i] = entries[i].exchange;
		free(entries[i].plain);
	}
	settings->exchange_count = (uint32_t)used;
	free(entries);
}

/* --- the document --------------------------------------------------------------- */

static void set_both(struct walk *walk, struct pool_leaf *leaf)
{
	uint32_t index = add_leaf(walk, leaf);

	walk->settings.default_leaf[POOL_TYPE_HTTP] = index;
	walk->settings.default_leaf[POOL_TYPE_WEBSOCKET] = index;
}

/* "proxy": URL: enabled, both connection types through it. */
static void read_root_string(struct walk *walk, const struct place *place)
{
	struct pool_leaf leaf;

	init_leaf(walk, &leaf, "default.http");
	walk->settings.enabled = true;
	leaf.kind = POOL_LEAF_SINGLE;
	pool_read_url(walk, place, &leaf.url);
	if (leaf.url)
		pool_make_single(walk, &leaf);
	set_both(walk, &leaf);
}

static void read_enabled(struct walk *walk, const struct place *root)
{
	struct place place;

	if (pool_place_find(walk, root, "enabled", &place))
		pool_read_value(walk, &place,
			pool_schema_find(POOL_GROUP_SETTINGS, "enabled"),
			&walk->settings);
}

/* A pool at top level: enabled, and the one pool for everything. */
static void read_short(struct walk *walk, const struct place *root)
{
	struct pool_leaf leaf;
	struct pool_reading reading = {&leaf, NULL};
	struct place child;

	init_leaf(walk, &leaf, "default.http");
	walk->settings.enabled = true;
	read_enabled(walk, root);
	leaf.kind = POOL_LEAF_POOL;
	for (bool more = pool_place_first(walk, root, &child); more;
		more = pool_place_next(walk, &child)) {
		const char *name = child.value->string;
		const struct pool_key *key = pool_schema_find(POOL_GROUP_POOL, name);

		if (key)
			read_pool_key(walk, &child, key, &reading);
		else if (strcmp(name, "default") == 0 || strcmp(name, "exchanges") == 0)
			pool_tell_key(walk, POOL_RULE_MIXED_FORMS, &child,
				"'%s' cannot stand beside 'proxies' at top level: write "
				"the proxies as "
				"\"default\": {\"http\": {\"pool\": [...]}}",
				name);
		else if (strcmp(name, "enabled") != 0)
			pool_tell_unknown(walk, &child,
				pool_schema_nearest(POOL_GROUP_SETTINGS, name)
					? POOL_GROUP_SETTINGS
					: POOL_GROUP_POOL);
	}
	warn_disabled(walk, root, &leaf);
	set_both(walk, &leaf);
}

static void read_full(struct walk *walk, const struct place *root)
{
	struct place child;

	read_enabled(walk, root);
	for (bool more = pool_place_first(walk, root, &child); more;
		more = pool_place_next(walk, &child))
		if (!pool_schema_find(POOL_GROUP_SETTINGS, child.value->string))
			pool_tell_unknown(walk, &child, POOL_GROUP_SETTINGS);
	/* The default first: exchanges may copy its proxies. */
	if (pool_place_given(walk, root, "default", &child))
		read_exchange(walk, &child, "default", walk->settings.default_leaf);
	if (pool_place_find(walk, root, "exchanges", &child))
		read_exchanges(walk, &child);
	if (walk->settings.leaf_count && !pool_place_find(walk, root, "enabled", &child))
		pool_tell_value(walk, POOL_RULE_ENABLED_MISSING, root,
			"'enabled' is missing, and false without it: nothing is proxied");
}

static void read_settings(struct walk *walk, const struct place *root)
{
	struct place proxies;

	if (pool_place_find(walk, root, "proxies", &proxies))
		read_short(walk, root);
	else
		read_full(walk, root);
}

static void read_document(struct walk *walk, const struct place *root)
{
	struct place proxy;

	if (!cJSON_IsObject(root->value)) {
		pool_tell_value(walk, POOL_RULE_TYPE, root,
			"the document must be an object, such as {\"proxies\": "
			"[\"http://HOST:PORT\"]}");
		return;
	}
	if (!pool_place_find(walk, root, "proxy", &proxy))
		read_settings(walk, root);
	else if (cJSON_IsObject(proxy.value))
		read_settings(walk, &proxy);
	else if (cJSON_IsString(proxy.value))
		read_root_string(walk, &proxy);
	else if (!cJSON_IsNull(proxy.value))
		pool_tell_type(walk, &proxy, "an object with the settings, or a URL");
}

static void judge_secrecy(struct walk *walk)
{
	const struct pool_source *source = walk->source;
	unsigned mode = source->status.st_mode & 0777;
	char *pointer = walk->literal_pointer;

	if (!walk->literal_count || !source->regular || !(mode & 044))
		return;
	/* Handed over; NULL if there was no memory for it, which is noticed there. */
	walk->literal_pointer = NULL;
	pool_diagnostics_add(walk->diagnostics, POOL_RULE_LITERAL_CREDENTIALS,
		walk->literal_at, walk->literal_at, pointer,
		"%zu %s credentials in clear text, and others can read this file "
		"(mode %04o)",
		walk->literal_count,
		walk->literal_count == 1 ? "proxy has" : "proxies have", mode);
}

/* --- from text to tree ---------------------------------------------------------- */

static bool has_extension(const struct pool_source *source, const char *extension)
{
	const char *dot = source->path ? strrchr(source->path, '.') : NULL;

	return dot && strcasecmp(dot, extension) == 0;
}

static enum pool_input find_input(const struct pool_source *source)
{
	if (source->input != POOL_INPUT_AUTO)
		return source->input;
	return has_extension(source, ".yaml") || has_extension(source, ".yml")
		? POOL_INPUT_YAML
		: POOL_INPUT_JSON;
}

static int parse_json(const struct pool_source *source, struct pool_positions *positions,
	struct pool_diagnostics *diagnostics, cJSON **tree)
{
	size_t bom = pool_json_bom(source->bytes, source->length);
	struct pool_json_fault wrong;
	int error = pool_json_scan(positions, source->bytes, source->length, &wrong);

	if (error == POOL_EINVALID)
		pool_diagnostics_add(diagnostics, wrong.rule, wrong.at, wrong.at + 1,
			strdup(""), "%s", wrong.text);
	if (error)
		return error;
	/* The scanner has accepted it: only memory can be lacking now. */
	*tree = cJSON_ParseWithLengthOpts(
		source->bytes + bom, source->length - bom + 1, NULL, 1);
	return *tree ? 0 : POOL_ENOMEM;
}

/* What is no JSON is read into a tree of the same kind. */
static const pool_tree_reader tree_readers[POOL_INPUTS] = {
	[POOL_INPUT_YAML] = pool_yaml_read,
};

static int parse(const struct pool_source *source, struct pool_positions *positions,
	struct pool_diagnostics *diagnostics, cJSON **root)
{
	const pool_tree_reader read = tree_readers[find_input(source)];
	struct pool_tree tree = {0};
	int error;

	if (!read)
		return parse_json(source, positions, diagnostics, root);
	error = read(&tree, source, diagnostics);
	if (!error)
		error = pool_tree_finish(&tree, positions);
	if (!error) {
		*root = tree.root;
		tree.root = NULL;
	}
	pool_tree_release(&tree);
	return error;
}

static void read_tree(struct walk *walk, cJSON *tree)
{
	struct place root = {.value = tree};

	pool_walk_judge_keys(walk, &root);
	read_document(walk, &root);
	judge_secrecy(walk);
}

int pool_config_read(struct pool_settings *settings, struct pool_diagnostics *diagnostics,
	const struct pool_source *source, struct pool_fault *fault)
{
	struct pool_positions positions = {0};
	struct walk walk = {.source = source, .diagnostics = diagnostics};
	cJSON *tree = NULL;
	int error;

	walk.settings.default_leaf[POOL_TYPE_HTTP] = POOL_NO_LEAF;
	walk.settings.default_leaf[POOL_TYPE_WEBSOCKET] = POOL_NO_LEAF;
	error = parse(source, &positions, diagnostics, &tree);
	walk.nodes = positions.nodes;
	if (!error)
		read_tree(&walk, tree);
	pool_diagnostics_locate(diagnostics, source->bytes, source->length,
		find_input(source) != POOL_INPUT_JSON);
	if (error == POOL_ENOMEM || walk.no_memory || diagnostics->broken)
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	else if (diagnostics->errors)
		error = pool_fault_set(fault, POOL_EINVALID, 0, "%s:%u:%u: %s",
			source->path ? source->path : "-", diagnostics->list[0].line,
			diagnostics->list[0].column, diagnostics->list[0].text);
	if (error)
		pool_settings_release(&walk.settings);
	else
		*settings = walk.settings;
	free(walk.literal_pointer);
	pool_tree_forget(tree);
	pool_positions_release(&positions);
	return error;
}
