/* The document: its three forms, and the environment in place of one. */
#include <string.h>
#include "config/foreign.h"

static void read_enabled(struct walk *walk, const struct place *root)
{
	struct place place;

	if (pool_place_find(walk, root, "enabled", &place))
		pool_read_value(walk, &place,
			pool_schema_find(POOL_GROUP_SETTINGS, "enabled"),
			&walk->settings);
}

void pool_read_full(struct walk *walk, const struct place *root)
{
	const bool whole = walk->settings.leaf_count == 0;
	struct place child;

	read_enabled(walk, root);
	for (bool more = pool_place_first(walk, root, &child); more;
		more = pool_place_next(walk, &child))
		if (!pool_schema_find(POOL_GROUP_SETTINGS, child.value->string))
			pool_tell_unknown(walk, &child, POOL_GROUP_SETTINGS);
	/* The default first: exchanges may copy its proxies. */
	if (pool_place_given(walk, root, "default", &child))
		pool_read_exchange(walk, &child, "default", walk->settings.default_leaf);
	if (pool_place_find(walk, root, "exchanges", &child))
		pool_read_exchanges(walk, &child);
	if (!whole)
		pool_follow_default(walk, root);
	else if (walk->settings.leaf_count && !walk->settings.enabled &&
		!pool_place_find(walk, root, "enabled", &child))
		pool_tell_value(walk, POOL_RULE_ENABLED_MISSING, root,
			"'enabled' is missing, and false without it: nothing is proxied");
}

static void read_settings(struct walk *walk, const struct place *root)
{
	struct place proxies;

	if (!pool_place_find(walk, root, "proxies", &proxies)) {
		pool_read_full(walk, root);
		return;
	}
	/* The short form: enabled, unless it says otherwise. */
	walk->settings.enabled = true;
	read_enabled(walk, root);
	pool_read_short_form(walk, root);
}

static void read_root_url(struct walk *walk, const struct place *proxy)
{
	walk->settings.enabled = true;
	pool_read_root_url(walk, proxy);
}

void pool_read_document(struct walk *walk, const struct place *root)
{
	struct place proxy;

	if (!cJSON_IsObject(root->value)) {
		pool_tell_value(walk, POOL_RULE_TYPE, root,
			"the document must be an object, such as {\"proxies\": "
			"[\"http://HOST:PORT\"]}");
		return;
	}
	if (!pool_place_find(walk, root, "proxy", &proxy)) {
		if (!pool_foreign_tell_document(walk, root))
			read_settings(walk, root);
	} else if (cJSON_IsObject(proxy.value)) {
		read_settings(walk, &proxy);
	} else if (cJSON_IsString(proxy.value)) {
		read_root_url(walk, &proxy);
	} else if (!cJSON_IsNull(proxy.value)) {
		pool_tell_type(walk, &proxy, "an object with the settings, or a URL");
	}
}
