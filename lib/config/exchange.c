/* Exchanges: their ids, and where each of their lookups leads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/walk.h"

enum { ID_MAX = 64 };

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
		leaves[type] = pool_read_connection(
			walk, has_full ? &full : &brief, path, type, leaves[type]);
}

void pool_read_exchange(struct walk *walk, const struct place *place, const char *where,
	uint32_t leaves[POOL_TYPES])
{
	struct place child;
	char path[2 * ID_MAX];

	if (cJSON_IsString(place->value)) {
		snprintf(path, sizeof(path), "%s.http", where);
		leaves[POOL_TYPE_HTTP] = pool_read_connection(
			walk, place, path, POOL_TYPE_HTTP, leaves[POOL_TYPE_HTTP]);
	} else if (cJSON_IsObject(place->value)) {
		for (bool more = pool_place_first(walk, place, &child); more;
			more = pool_place_next(walk, &child))
			if (!pool_schema_find(POOL_GROUP_EXCHANGE, child.value->string))
				pool_tell_unknown(walk, &child, POOL_GROUP_EXCHANGE);
		for (int type = 0; type < POOL_TYPES; type++)
			read_typed(walk, place, where, (enum pool_type)type, leaves);
	} else {
		pool_tell_type(walk, place, pool_key_type_get(POOL_KIND_EXCHANGE)->say);
	}
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
	if (strchr(id, '@') || strstr(id, "://"))
		return "it looks like a URL, and ids are shown everywhere";
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

/* The leaves of an exchange that there is already. */
static void find_leaves(
	const struct pool_settings *settings, const char *id, uint32_t leaves[POOL_TYPES])
{
	for (int type = 0; type < POOL_TYPES; type++)
		leaves[type] = POOL_NO_LEAF;
	for (uint32_t i = 0; i < settings->exchange_count; i++)
		if (strcmp(settings->exchanges[i].id, id) == 0)
			memcpy(leaves, settings->exchanges[i].leaf,
				sizeof(settings->exchanges[i].leaf));
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
	find_leaves(&walk->settings, entry->exchange.id, entry->exchange.leaf);
	pool_read_exchange(walk, place, where, entry->exchange.leaf);
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

/* The entries, sorted by id, into the settings; each in place of one of the same id. */
static void merge_entries(struct walk *walk, struct entry *entries, size_t count)
{
	struct pool_settings *settings = &walk->settings;
	struct pool_exchange *merged =
		calloc(count + settings->exchange_count + 1, sizeof(*merged));
	size_t used = 0, at = 0;

	if (!merged) {
		walk->no_memory = true;
		for (size_t i = 0; i < count; i++)
			free(entries[i].exchange.id);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const char *id = entries[i].exchange.id;
		int order = -1;

		while (id && at < settings->exchange_count &&
			(order = strcmp(settings->exchanges[at].id, id)) < 0)
			merged[used++] = settings->exchanges[at++];
		if (at < settings->exchange_count && order == 0)
			free(settings->exchanges[at++].id);
		merged[used++] = entries[i].exchange;
	}
	while (at < settings->exchange_count)
		merged[used++] = settings->exchanges[at++];
	free(settings->exchanges);
	settings->exchanges = merged;
	settings->exchange_count = (uint32_t)used;
}

void pool_read_exchanges(struct walk *walk, const struct place *place)
{
	size_t count, used = 0;
	struct entry *entries;
	struct place child;

	if (!cJSON_IsObject(place->value)) {
		pool_tell_type(walk, place, pool_key_type_get(POOL_KIND_EXCHANGES)->say);
		return;
	}
	count = (size_t)cJSON_GetArraySize(place->value);
	entries = calloc(count + 1, sizeof(*entries));
	if (!entries) {
		walk->no_memory = true;
		return;
	}
	for (bool more = pool_place_first(walk, place, &child); more;
		more = pool_place_next(walk, &child))
		read_entry(walk, &child, &entries[used++]);
	if (!walk->no_memory)
		compare_entries(walk, entries, used);
	merge_entries(walk, entries, used);
	for (size_t i = 0; i < used; i++)
		free(entries[i].plain);
	free(entries);
}
