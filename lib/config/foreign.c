/* Texts and documents of other programs. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "config/foreign.h"

/* --- texts ------------------------------------------------------------------------ */

static const char blanks[] = " \t\r\n";

/* <!DOCTYPE html>, <?xml, <html>. */
static bool is_markup(const char *text)
{
	size_t name = 1;

	if (*text != '<')
		return false;
	while (isalnum((unsigned char)text[name]))
		name++;
	return name == 1 ? text[1] == '!' || text[1] == '?'
			 : text[name] && strchr("> \t\r\n", text[name]);
}

/* An object, or an array of something; "[2001:db8::1]:80" is none. */
static bool is_json(const char *text)
{
	const char *next = text + 1;

	if (*text != '{' && *text != '[')
		return false;
	next += strspn(next, blanks);
	return *text == '{' ? *next == '"' || *next == '}'
			    : *next && strchr("\"{[]", *next);
}

bool pool_foreign_tell_text(const struct pool_source *source, bool lines,
	struct pool_diagnostics *diagnostics)
{
	size_t at = pool_json_bom(source->bytes, source->length);
	const char *what = NULL;

	at += strspn(source->bytes + at, blanks);
	if (is_markup(source->bytes + at))
		what = "this is a web page (HTML or XML): where it came from has "
		       "answered with something else than proxies";
	else if (lines && is_json(source->bytes + at))
		what = "this is JSON, and read as lines: of JSON, pool files are read, "
		       "{\"proxies\": [\"http://HOST:PORT\"]}, with --from pool";
	if (what)
		pool_diagnostics_add(diagnostics, POOL_RULE_FOREIGN_FORMAT, at, at + 1,
			strdup(""), "%s", what);
	return what != NULL;
}

/* --- cryptofeed's configuration --------------------------------------------------- */

/* The keys of an exchange: its login, or its feed. */
static bool is_exchange(const struct walk *walk, const struct place *place)
{
	static const char *const names[] = {
		"key_id", "key_secret", "symbols", "channels"};
	struct place child;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (pool_place_find(walk, place, names[i], &child))
			return true;
	return false;
}

static bool has_exchange(const struct walk *walk, const struct place *object)
{
	struct place child;

	if (!cJSON_IsObject(object->value))
		return false;
	for (bool more = pool_place_first(walk, object, &child); more;
		more = pool_place_next(walk, &child))
		if (is_exchange(walk, &child))
			return true;
	return false;
}

static bool is_cryptofeed(const struct walk *walk, const struct place *root)
{
	static const char *const ours[] = {"enabled", "default", "proxies"};
	struct place child;
	bool marked = has_exchange(walk, root);

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (pool_place_find(walk, root, ours[i], &child))
			return false;
	if (pool_place_find(walk, root, "exchanges", &child)) {
		if (!has_exchange(walk, &child))
			return false;
		marked = true;
	}
	for (bool more = pool_place_first(walk, root, &child); more && !marked;
		more = pool_place_next(walk, &child))
		marked = pool_schema_is_cryptofeed(child.value->string);
	return marked;
}

/* --- Clash ------------------------------------------------------------------------ */

/* Its first proxy is an object with a type and a server, and has no url. */
static bool is_clash(const struct walk *walk, const struct place *root)
{
	struct place proxies, first, child;

	return pool_place_find(walk, root, "proxies", &proxies) &&
		cJSON_IsArray(proxies.value) &&
		pool_place_first(walk, &proxies, &first) &&
		pool_place_find(walk, &first, "type", &child) &&
		pool_place_find(walk, &first, "server", &child) &&
		!pool_place_find(walk, &first, "url", &child);
}

/* --- any other -------------------------------------------------------------------- */

/* Keys that mean nothing here, more than one and more than what may be misspelt. */
static bool is_strange(const struct walk *walk, const struct place *root)
{
	size_t strange = 0, near = 0;
	struct place child;

	for (bool more = pool_place_first(walk, root, &child); more;
		more = pool_place_next(walk, &child)) {
		const char *name = child.value->string;

		if (pool_schema_find(POOL_GROUP_SETTINGS, name) ||
			pool_schema_find(POOL_GROUP_POOL, name) ||
			pool_schema_refused(POOL_GROUP_SETTINGS, name))
			return false;
		if (pool_key_is_strange(POOL_GROUP_SETTINGS, name))
			strange++;
		else
			near++;
	}
	return strange > 1 && strange > near;
}

bool pool_foreign_tell_document(struct walk *walk, const struct place *root)
{
	const char *what = NULL;

	if (is_cryptofeed(walk, root))
		what = "this is a configuration of cryptofeed without 'proxy', so that "
		       "it "
		       "has no proxies: add proxy: {enabled: true, default: {http: URL, "
		       "websocket: URL}}";
	else if (is_clash(walk, root))
		what = "this is a file of Clash (mihomo): write each of its proxies that "
		       "is of "
		       "type http or socks5 as a URL, proxies: "
		       "[TYPE://USERNAME:PASSWORD@SERVER:PORT]";
	else if (is_strange(walk, root))
		what = "no key of this document is one of a pool file, which has "
		       "'proxies' "
		       "with a list of URLs, or 'default' and 'exchanges'";
	if (what)
		pool_tell_value(walk, POOL_RULE_FOREIGN_FORMAT, root, "%s", what);
	return what != NULL;
}
