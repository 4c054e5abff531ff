/* Pools and connections. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "config/walk.h"

/* What a pool's "proxies": "default" copies; NULL: nothing can be copied here. */
struct pool_reading {
	struct pool_leaf *leaf;
	const struct pool_leaf *original;
	bool stands; /* the environment adds to a pool that is there already */
};

/* True if what a check asks for, and with what headers, passes each proxy readable. */
static bool asks_in_clear(const struct pool_leaf *leaf)
{
	const char *url = leaf->request.url;

	switch ((enum pool_method)leaf->policy.method) {
	case POOL_METHOD_HTTP:
		return strncasecmp(url ? url : pool_check_default_url, "http:", 5) == 0;
	case POOL_METHOD_WEBSOCKET:
		return url && strncasecmp(url, "ws:", 3) == 0;
	case POOL_METHOD_TCP:
	case POOL_METHOD_PING:
	case POOL_METHOD_TUNNEL:
	case POOL_METHODS:
		break;
	}
	return false;
}

/* A key in a header or in the query. */
static void judge_check_secrets(
	struct walk *walk, const struct place *object, const struct pool_leaf *leaf)
{
	struct place place, header;
	char shown[96];

	if (!asks_in_clear(leaf))
		return;
	if (pool_place_find(walk, object, "url", &place) && leaf->request.url &&
		pool_check_url_has_key(leaf->request.url))
		pool_tell_value(walk, POOL_RULE_CHECK_CLEAR_TEXT, &place,
			"url: a key in its query is readable by every proxy");
	if (!pool_place_find(walk, object, "headers", &place))
		return;
	for (bool more = pool_place_first(walk, &place, &header); more;
		more = pool_place_next(walk, &header)) {
		const char *name = header.value->string;

		if (!name || !pool_check_header_is_key(name) ||
			pool_check_header_is_refused(name))
			continue;
		pool_walk_quote(shown, sizeof(shown), name);
		pool_tell_key(walk, POOL_RULE_CHECK_CLEAR_TEXT, &header,
			"headers: %s is readable by every proxy", shown);
	}
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
	if (!has_url && pool_method_needs_url(method) &&
		pool_place_find(walk, object, "method", &place))
		pool_tell_value(walk, POOL_RULE_CHECK_URL_MISSING, &place,
			"method: a %s check needs a url", pool_method_name(method));
	else if (!has_url && pool_method_asks(method) &&
		pool_place_find(walk, object, "method", &place))
		pool_tell_value(walk, POOL_RULE_DEFAULT_CHECK_URL, &place,
			"method: %s without url asks for %s", pool_method_name(method),
			pool_check_default_url);
	for (bool more = pool_place_first(walk, object, &place);
		more && !pool_method_asks(method); more = pool_place_next(walk, &place)) {
		const struct pool_key *key =
			pool_schema_find(POOL_GROUP_CHECK, place.value->string);

		if (key && key->checks_only_http)
			pool_tell_key(walk, POOL_RULE_CHECK_KEY_UNUSED, &place,
				"%s: means nothing to the check method '%s'", key->name,
				pool_method_name(method));
	}
	judge_check_secrets(walk, object, leaf);
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
	if (reading->stands || pool_place_find(walk, object, "proxies", &child))
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
		if (!pool && !reading->stands)
			pool_tell_key(walk, POOL_RULE_KEY_WITHOUT_POOL, &child,
				"'%s' belongs to a pool, and there is none: write "
				"\"pool\": [URL]",
				name);
		else if (pool && pool_place_find(walk, pool, name, &inside))
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
	uint32_t count = settings->leaf_count, room = settings->leaf_room;
	struct pool_leaf *leaves;

	if (count == room) {
		room = room ? 2 * room : 4;
		leaves = realloc(settings->leaves, room * sizeof(*leaves));
		if (!leaves) {
			walk->no_memory = true;
			pool_leaf_release(leaf);
			return POOL_NO_LEAF;
		}
		settings->leaves = leaves;
		settings->leaf_room = room;
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
		leaf->rollout_percent < 100 && !has_url && !leaf->url)
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

/* --- the environment on top of the file ------------------------------------------ */

static void drop_members(struct pool_leaf *leaf)
{
	for (uint32_t i = 0; i < leaf->member_count; i++)
		pool_member_release(&leaf->members[i]);
	free(leaf->members);
	leaf->members = NULL;
	leaf->member_count = 0;
	leaf->copies_default = false;
}

/* A url takes the place of what was there, a pool with all that belongs to it. */
static void displace_by_url(struct pool_leaf *leaf)
{
	drop_members(leaf);
	pool_policy_init(&leaf->policy);
	pool_check_request_release(&leaf->request);
	leaf->rollout_percent = 100;
}

/* Proxies take the place of those that were there, and of a url. */
static void displace_by_proxies(struct pool_leaf *leaf)
{
	drop_members(leaf);
	pool_text_forget(leaf->url);
	leaf->url = NULL;
	leaf->rollout_percent = 100;
}

/* <leaf> is a copy of the file's: take out what the environment's connection displaces.
 */
static void displace(struct walk *walk, const struct place *place, struct pool_leaf *leaf)
{
	struct place pool, url, proxies;

	if (cJSON_IsString(place->value)) {
		displace_by_url(leaf);
		return;
	}
	if (!pool_place_given(walk, place, "pool", &pool)) {
		if (pool_place_given(walk, place, "url", &url))
			displace_by_url(leaf);
	} else if (leaf->kind != POOL_LEAF_POOL || !cJSON_IsObject(pool.value) ||
		pool_place_find(walk, &pool, "proxies", &proxies)) {
		displace_by_proxies(leaf);
	}
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_members(const struct pool_leaf *a, const struct pool_leaf *b)
{
	if (a->member_count != b->member_count)
		return false;
	for (uint32_t i = 0; i < a->member_count; i++) {
		const struct pool_member *left = &a->members[i], *right = &b->members[i];

		if (!same_text(left->url, right->url) ||
			!same_text(left->name, right->name) ||
			!same_text(left->password_file, right->password_file) ||
			left->weight_micro != right->weight_micro ||
			left->enabled != right->enabled ||
			left->max_connections != right->max_connections)
			return false;
	}
	return true;
}

/* What decides when a proxy may be asked, beside its health: the state file has one
 * answer for all who share its record. */
static bool same_limits(const struct pool_leaf *a, const struct pool_leaf *b)
{
	return a->policy.max_connections == b->policy.max_connections &&
		a->policy.half_open_max == b->policy.half_open_max &&
		a->policy.budget_requests == b->policy.budget_requests &&
		a->policy.budget_per_s == b->policy.budget_per_s;
}

/* How many lookups have <leaf> for their own. */
static size_t count_users(const struct pool_settings *settings, uint32_t leaf)
{
	size_t users = 0;

	for (int type = 0; type < POOL_TYPES; type++) {
		users += settings->default_leaf[type] == leaf;
		for (uint32_t i = 0; i < settings->exchange_count; i++)
			users += settings->exchanges[i].leaf[type] == leaf;
	}
	return users;
}

static void name_overlay(struct walk *walk, struct pool_leaf *leaf)
{
	char *where = NULL;

	if (asprintf(&where, "%s+env", leaf->where) < 0) {
		walk->no_memory = true;
		return;
	}
	free(leaf->where);
	leaf->where = where;
}

/*
 * Where the environment's <leaf> goes. With the proxies and limits of the file's own,
 * <before>, it takes its place, and its records. Otherwise it stands behind all of the
 * file's, which keep their places: who has no such environment goes on as before.
 */
static uint32_t settle(struct walk *walk, struct pool_leaf *leaf, uint32_t before)
{
	struct pool_settings *settings = &walk->settings;

	if (before == POOL_NO_LEAF)
		return add_leaf(walk, leaf);
	if (count_users(settings, before) == 1 &&
		same_members(leaf, &settings->leaves[before]) &&
		same_limits(leaf, &settings->leaves[before])) {
		pool_leaf_release(&settings->leaves[before]);
		settings->leaves[before] = *leaf;
		return before;
	}
	name_overlay(walk, leaf);
	return add_leaf(walk, leaf);
}

/* <leaf> copies the proxies of the default, which is <original> now. */
static void follow(struct walk *walk, const struct place *place, struct pool_leaf *leaf,
	const struct pool_leaf *original)
{
	struct pool_leaf copy;

	if (!pool_reserve_members(walk, place, original->member_count))
		return;
	if (!pool_leaf_copy(&copy, original)) {
		walk->no_memory = true;
		return;
	}
	drop_members(leaf);
	leaf->copies_default = true;
	leaf->members = copy.members;
	leaf->member_count = copy.member_count;
	copy.members = NULL;
	copy.member_count = 0;
	pool_leaf_release(&copy);
}

/* Where the pool <own> stands with the proxies of <original>. */
static uint32_t renew(
	struct walk *walk, const struct place *place, uint32_t own, uint32_t original)
{
	const struct pool_leaf *leaves = walk->settings.leaves;
	struct pool_leaf leaf;

	if (same_members(&leaves[own], &leaves[original]))
		return own;
	if (!pool_leaf_copy(&leaf, &leaves[own])) {
		walk->no_memory = true;
		return own;
	}
	follow(walk, place, &leaf, &leaves[original]);
	return settle(walk, &leaf, own);
}

void pool_follow_default(struct walk *walk, const struct place *root)
{
	struct pool_settings *settings = &walk->settings;
	struct place place;

	if (!pool_place_given(walk, root, "default", &place))
		return;
	for (uint32_t i = 0; i < settings->exchange_count; i++) {
		for (int type = 0; type < POOL_TYPES; type++) {
			uint32_t *own = &settings->exchanges[i].leaf[type];
			uint32_t original = settings->default_leaf[type];

			if (*own != POOL_NO_LEAF && original != POOL_NO_LEAF &&
				settings->leaves[*own].copies_default)
				*own = renew(walk, &place, *own, original);
		}
	}
}

/* --- connections ----------------------------------------------------------------- */

static void read_connection_object(struct walk *walk, const struct place *place,
	struct pool_leaf *leaf, const struct pool_leaf *original)
{
	/* A default has nothing to copy from. */
	struct pool_reading reading = {leaf, is_default(leaf) ? NULL : original,
		leaf->kind == POOL_LEAF_POOL && leaf->member_count};
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
	else if (leaf->kind == POOL_LEAF_EMPTY)
		warn_empty(walk, place, leaf, original);
}

/* A leaf of defaults, or, with what the environment leaves of it, the file's own. */
static void begin_leaf(struct walk *walk, const struct place *place, const char *where,
	uint32_t before, const struct pool_leaf *original, struct pool_leaf *leaf)
{
	if (before == POOL_NO_LEAF) {
		init_leaf(walk, leaf, where);
		return;
	}
	if (!pool_leaf_copy(leaf, &walk->settings.leaves[before])) {
		walk->no_memory = true;
		return;
	}
	if (leaf->copies_default && original)
		follow(walk, place, leaf, original);
	displace(walk, place, leaf);
}

uint32_t pool_read_connection(struct walk *walk, const struct place *place,
	const char *where, enum pool_type type, uint32_t before)
{
	uint32_t index = walk->settings.default_leaf[type];
	const struct pool_leaf *original =
		index == POOL_NO_LEAF ? NULL : &walk->settings.leaves[index];
	struct pool_leaf leaf = {0};

	begin_leaf(walk, place, where, before, original, &leaf);
	if (cJSON_IsString(place->value)) {
		leaf.kind = POOL_LEAF_SINGLE;
		pool_read_url(walk, place, &leaf.url);
	} else if (cJSON_IsObject(place->value)) {
		read_connection_object(walk, place, &leaf, original);
	} else {
		pool_tell_type(walk, place, pool_key_type_get(POOL_KIND_CONNECTION)->say);
	}
	if (leaf.kind == POOL_LEAF_SINGLE && leaf.url && !leaf.member_count)
		pool_make_single(walk, &leaf);
	return settle(walk, &leaf, before);
}

/* --- one pool for everything ----------------------------------------------------- */

static void set_both(struct walk *walk, struct pool_leaf *leaf)
{
	uint32_t index = add_leaf(walk, leaf);

	walk->settings.default_leaf[POOL_TYPE_HTTP] = index;
	walk->settings.default_leaf[POOL_TYPE_WEBSOCKET] = index;
}

void pool_read_root_url(struct walk *walk, const struct place *place)
{
	struct pool_leaf leaf;

	init_leaf(walk, &leaf, "default.http");
	leaf.kind = POOL_LEAF_SINGLE;
	pool_read_url(walk, place, &leaf.url);
	if (leaf.url)
		pool_make_single(walk, &leaf);
	set_both(walk, &leaf);
}

void pool_read_short_form(struct walk *walk, const struct place *root)
{
	struct pool_leaf leaf;
	struct pool_reading reading = {&leaf, NULL, false};
	struct place child;

	init_leaf(walk, &leaf, "default.http");
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
