/* The members of a pool: proxies, their names, those that stand twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/text.h"
#include "config/url.h"
#include "config/walk.h"

enum { MEMBERS_MAX = 1 << 20, NAME_SIZE = 320 };

static void init_member(struct pool_member *member)
{
	*member = (struct pool_member){0};
	pool_schema_fill(POOL_GROUP_PROXY, member);
}

static void judge_password(
	struct walk *walk, const struct place *place, const struct pool_member *member)
{
	struct pool_url url;
	struct place file;

	if (member->url && member->password_file &&
		pool_url_parse(member->url, strlen(member->url), &url, NULL) ==
			POOL_URL_OK &&
		url.password.bytes &&
		pool_place_find(walk, place, "password_file", &file))
		pool_tell_key(walk, POOL_RULE_PASSWORD_TWICE, &file,
			"password_file: the URL has a password already: keep one of the "
			"two");
}

/* Only a walk that shall look at secrets opens the file. */
static void judge_password_file(
	struct walk *walk, const struct place *place, const struct pool_member *member)
{
	struct pool_fault fault = {0};
	struct pool_trust trust;
	struct place file;
	mode_t mode;

	walk->wants_secrets |= member->password_file != NULL;
	if (!walk->diagnostics->secrets || !member->password_file ||
		!pool_place_find(walk, place, "password_file", &file))
		return;
	if (pool_login_judge_file(
		    member->url, member->password_file, &trust, &mode, &fault) != 0) {
		pool_tell_value(walk, POOL_RULE_SECRET_FILE, &file, "password_file: %s",
			fault.text);
		return;
	}
	pool_tell_trust(walk, &file, "password_file: ", &trust, "it is not used");
	if (mode & S_IROTH)
		pool_tell_value(walk, POOL_RULE_LITERAL_CREDENTIALS, &file,
			"password_file: everybody can read it (mode %04o)",
			(unsigned)mode);
}

static void read_member(
	struct walk *walk, const struct place *place, struct pool_member *member)
{
	struct place url;
	char label[96];

	init_member(member);
	if (cJSON_IsString(place->value)) {
		pool_read_url(walk, place, &member->url);
		return;
	}
	if (!cJSON_IsObject(place->value)) {
		pool_tell_type(walk, place, "an object with a url, or a URL in a string");
		return;
	}
	pool_read_group(walk, place, POOL_GROUP_PROXY, POOL_GROUPS, member, NULL);
	member->named = member->name != NULL;
	judge_password(walk, place, member);
	judge_password_file(walk, place, member);
	if (pool_place_find(walk, place, "url", &url))
		return;
	pool_place_label(place, label, sizeof(label));
	pool_tell_value(
		walk, POOL_RULE_MISSING_KEY, place, "%s: 'url' is missing", label);
}

/* --- names ---------------------------------------------------------------------- */

/* Names in use, by hash; each with the number that its next repetition tries first. */
struct names {
	const char **names;
	uint32_t *next;
	size_t mask;
};

static bool names_init(struct names *names, size_t count)
{
	size_t room = 16;

	while (room < 3 * count)
		room *= 2;
	names->names = calloc(room, sizeof(*names->names));
	names->next = calloc(room, sizeof(*names->next));
	names->mask = room - 1;
	return names->names && names->next;
}

static void names_release(struct names *names)
{
	free(names->names);
	free(names->next);
}

/* The slot of <name>, or the empty one where it belongs. */
static size_t names_find(const struct names *names, const char *name)
{
	size_t slot = pool_hash_64(NULL, name, strlen(name)) & names->mask;

	while (names->names[slot] && strcmp(names->names[slot], name) != 0)
		slot = (slot + 1) & names->mask;
	return slot;
}

/* host:port, with what a list of names could not hold replaced. */
static void derive_name(const struct pool_member *member, char *out, size_t size)
{
	struct pool_url url;

	out[0] = '\0';
	if (pool_url_parse(member->url, strlen(member->url), &url, NULL))
		return;
	pool_url_endpoint(&url, out, size);
	for (char *at = out; *at; at++)
		if (strchr(",=%|", *at))
			*at = '_';
}

static char *derive_unique(struct names *names, const struct pool_member *member)
{
	char base[NAME_SIZE], name[NAME_SIZE + 16];
	size_t first, slot;

	derive_name(member, base, sizeof(base));
	snprintf(name, sizeof(name), "%s", base);
	first = slot = names_find(names, base);
	while (names->names[slot]) {
		names->next[first] += names->next[first] ? 1 : 2;
		snprintf(name, sizeof(name), "%s#%u", base, names->next[first]);
		slot = names_find(names, name);
	}
	names->names[slot] = strdup(name);
	return (char *)(uintptr_t)names->names[slot];
}

static void take_given_name(struct walk *walk, struct names *names,
	const struct place *member, const char *name)
{
	size_t slot = names_find(names, name);
	struct place place;

	if (!names->names[slot]) {
		names->names[slot] = name;
		return;
	}
	if (pool_place_find(walk, member, "name", &place))
		pool_tell_value(walk, POOL_RULE_NAME_TWICE, &place,
			"name: '%s' is the name of another proxy of this pool", name);
}

/* Given names first: a derived one makes way for them. <places> may be NULL: none is
 * given. */
static void name_members(
	struct walk *walk, struct pool_leaf *leaf, const struct place *places)
{
	struct names names;

	if (!names_init(&names, leaf->member_count)) {
		walk->no_memory = true;
		goto out;
	}
	for (uint32_t i = 0; places && i < leaf->member_count; i++)
		if (leaf->members[i].named)
			take_given_name(walk, &names, &places[i], leaf->members[i].name);
	for (uint32_t i = 0; i < leaf->member_count; i++) {
		struct pool_member *member = &leaf->members[i];

		if (member->named || !member->url)
			continue;
		member->name = derive_unique(&names, member);
		if (!member->name) {
			walk->no_memory = true;
			break;
		}
	}
out:
	names_release(&names);
}

/* --- proxies that stand twice --------------------------------------------------- */

struct fingerprint {
	struct pool_hash hash;
	uint32_t index;
};

static int compare_fingerprints(const void *a, const void *b)
{
	const struct fingerprint *left = a, *right = b;

	if (left->hash.high != right->hash.high)
		return left->hash.high < right->hash.high ? -1 : 1;
	if (left->hash.low != right->hash.low)
		return left->hash.low < right->hash.low ? -1 : 1;
	return left->index < right->index ? -1 : left->index > right->index;
}

/* Of what it means; one in another file of passwords is another. */
static bool fingerprint(struct walk *walk, const struct pool_member *member,
	uint32_t index, struct fingerprint *out)
{
	static const struct pool_hash_key zero;
	struct pool_text text = POOL_TEXT_SECRET;
	bool usable;

	if (!member->url)
		return false;
	pool_url_add_meaning(&text, member->url);
	pool_text_addf(&text, "\n%s", member->password_file ? member->password_file : "");
	usable = !text.broken;
	walk->no_memory |= text.broken;
	if (usable)
		out->hash = pool_hash_128(&zero, text.bytes, text.length);
	out->index = index;
	pool_text_release(&text);
	return usable;
}

static void find_duplicates(
	struct walk *walk, const struct pool_leaf *leaf, const struct place *places)
{
	struct fingerprint *list = calloc(leaf->member_count, sizeof(*list));
	size_t used = 0;
	char shown[NAME_SIZE], label[96];

	if (!list) {
		walk->no_memory = true;
		return;
	}
	for (uint32_t i = 0; i < leaf->member_count; i++)
		used += fingerprint(walk, &leaf->members[i], i, &list[used]);
	qsort(list, used, sizeof(*list), compare_fingerprints);
	for (size_t i = 1; i < used; i++) {
		uint32_t index = list[i].index;

		if (!pool_hash_equal(&list[i].hash, &list[i - 1].hash))
			continue;
		pool_url_redact(leaf->members[index].url, shown, sizeof(shown));
		pool_place_label(&places[index], label, sizeof(label));
		pool_tell_value(walk, POOL_RULE_DUPLICATE_PROXY, &places[index],
			"%s: '%s' stands in this pool more than once", label, shown);
	}
	free(list);
}

/* --- lists ---------------------------------------------------------------------- */

bool pool_reserve_members(struct walk *walk, const struct place *place, size_t count)
{
	bool before = walk->member_total <= MEMBERS_MAX;

	walk->member_total += count;
	if (walk->member_total <= MEMBERS_MAX)
		return true;
	if (before)
		pool_tell_value(walk, POOL_RULE_TOO_MANY_PROXIES, place,
			"more than %d proxies in all", MEMBERS_MAX);
	return false;
}

static char *copy_text(struct walk *walk, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		walk->no_memory = true;
	return copy;
}

static void copy_default(struct walk *walk, const struct place *place,
	struct pool_leaf *leaf, const struct pool_leaf *original)
{
	leaf->copies_default = true;
	if (!original || original->kind == POOL_LEAF_EMPTY) {
		pool_tell_value(walk, POOL_RULE_PROXIES_DEFAULT, place,
			"proxies: \"default\" copies the default's list, and there is "
			"none%s",
			original ? "" : " for this connection type");
		return;
	}
	if (!original->member_count ||
		!pool_reserve_members(walk, place, original->member_count))
		return;
	leaf->members = calloc(original->member_count, sizeof(*leaf->members));
	if (!leaf->members) {
		walk->no_memory = true;
		return;
	}
	leaf->member_count = original->member_count;
	for (uint32_t i = 0; i < original->member_count; i++) {
		struct pool_member *member = &leaf->members[i];

		*member = original->members[i];
		member->url = copy_text(walk, member->url);
		member->name = copy_text(walk, member->name);
		member->password_file = copy_text(walk, member->password_file);
	}
}

static void read_list(struct walk *walk, const struct place *list, struct pool_leaf *leaf)
{
	size_t count = (size_t)cJSON_GetArraySize(list->value);
	struct place *places, item;
	uint32_t index = 0;

	if (count == 0) {
		pool_tell_value(walk, POOL_RULE_POOL_EMPTY, list,
			"%s: a pool needs at least one proxy", list->value->string);
		return;
	}
	if (!pool_reserve_members(walk, list, count))
		return;
	places = calloc(count, sizeof(*places));
	leaf->members = calloc(count, sizeof(*leaf->members));
	if (!places || !leaf->members) {
		walk->no_memory = true;
		goto out;
	}
	leaf->member_count = (uint32_t)count;
	for (bool more = pool_place_first(walk, list, &item); more;
		more = pool_place_next(walk, &item)) {
		places[index] = item;
		read_member(walk, &item, &leaf->members[index++]);
	}
	name_members(walk, leaf, places);
	find_duplicates(walk, leaf, places);
out:
	free(places);
}

void pool_read_proxies(struct walk *walk, const struct place *place,
	struct pool_leaf *leaf, const struct pool_leaf *original)
{
	if (cJSON_IsArray(place->value))
		read_list(walk, place, leaf);
	else if (cJSON_IsString(place->value) &&
		strcmp(place->value->valuestring, "default") == 0)
		copy_default(walk, place, leaf, original);
	else
		pool_tell_type(walk, place, pool_key_type_get(POOL_KIND_PROXIES)->say);
}

void pool_make_single(struct walk *walk, struct pool_leaf *leaf)
{
	walk->member_total++;
	leaf->members = calloc(1, sizeof(*leaf->members));
	if (!leaf->members) {
		walk->no_memory = true;
		return;
	}
	leaf->member_count = 1;
	init_member(&leaf->members[0]);
	leaf->members[0].url = copy_text(walk, leaf->url);
	name_members(walk, leaf, NULL);
}
