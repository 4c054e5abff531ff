/* Values that are no containers, read by their row of the schema; and objects of such. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/url.h"
#include "config/walk.h"

enum { NAME_MAX_BYTES = 64, REQUEST_MAX = 16 };

static void keep(struct walk *walk, char **slot, const char *text)
{
	pool_text_forget(*slot);
	*slot = strdup(text);
	if (!*slot)
		walk->no_memory = true;
}

static char **slot_of(const struct pool_key *key, void *base)
{
	return (char **)(void *)((char *)base + key->offset);
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* --- scalars -------------------------------------------------------------------- */

static void add_words(
	struct pool_text *text, const struct pool_key *key, const char *wrong)
{
	const char *words[16], *word, *near;
	unsigned count = 0;

	for (; count < 16 && (word = key->words(count)); count++) {
		words[count] = word;
		pool_text_addf(text, "%s%s", count ? ", " : "", word);
	}
	near = pool_text_nearest(wrong, words, count);
	if (near)
		pool_text_addf(text, "; did you mean '%s'?", near);
}

static void tell_choice(
	struct walk *walk, const struct place *place, const struct pool_key *key)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	char shown[96], *words;

	add_words(&text, key, place->value->valuestring);
	words = pool_text_take(&text);
	pool_walk_quote(shown, sizeof(shown), place->value->valuestring);
	pool_tell_value(walk, POOL_RULE_CHOICE, place, "%s: %s is none of %s", key->name,
		shown, words ? words : "the words it can be");
	free(words);
}

/* 0, 0.0, -0, 0e5. */
static bool is_zero(const char *text, size_t length)
{
	for (size_t i = 0; i < length && !strchr("eE", text[i]); i++)
		if (!strchr("0.-+ ", text[i]))
			return false;
	return true;
}

static void tell_range(struct walk *walk, const struct place *place,
	const struct pool_key *key, const char *text, size_t length, bool below)
{
	int64_t limit = below ? key->low : key->high;
	double shown =
		key->type == POOL_KIND_DECIMAL ? (double)limit / 1e6 : (double)limit;
	const bool zero = key->at_zero && is_zero(text, length);

	pool_tell_value(walk, key->rule, place, "%s: %.*s is %s %.10g%s%s",
		place->value->string, (int)(length < 60 ? length : 60), text,
		below ? "below" : "above", shown, zero ? "; " : "",
		zero ? key->at_zero : "");
}

static void read_scalar(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base)
{
	const cJSON *value = place->value;
	size_t length;
	const char *text = pool_place_number(walk, place, &length),
		   *say = pool_key_type_get(key->type)->say;
	enum pool_writing writing = POOL_WRITTEN_PLAIN;
	enum pool_store stored = POOL_STORE_TYPE;

	if (cJSON_IsString(value))
		writing = POOL_WRITTEN_QUOTED;
	else if (cJSON_IsBool(value))
		text = cJSON_IsTrue(value) ? "true" : "false", length = strlen(text);
	if (cJSON_IsString(value) ||
		(cJSON_IsNumber(value) && key->type != POOL_KIND_WORD) ||
		(cJSON_IsBool(value) && key->type == POOL_KIND_BOOL))
		stored = pool_key_store(key, base, text, length, writing);
	if (stored == POOL_STORE_CHOICE)
		tell_choice(walk, place, key);
	else if (stored == POOL_STORE_BELOW || stored == POOL_STORE_ABOVE)
		tell_range(walk, place, key, text, length, stored == POOL_STORE_BELOW);
	else if (stored == POOL_STORE_TYPE)
		pool_tell_type(walk, place, say);
}

static void read_status(
	struct walk *walk, const struct place *place, struct pool_status_set *set)
{
	size_t length;
	const char *text = pool_place_number(walk, place, &length);
	char label[96];

	if (!cJSON_IsString(place->value) && !cJSON_IsNumber(place->value)) {
		pool_tell_type(walk, place, "an HTTP status or a range of them");
		return;
	}
	if (pool_status_set_parse(set, text, length) == POOL_STORE_OK)
		return;
	pool_place_label(place, label, sizeof(label));
	pool_tell_value(walk, POOL_RULE_STATUS_CODE, place,
		"%s: this is no HTTP status from 100 to 599, and no range like "
		"\"200-399\"",
		label);
}

static void read_statuses(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base)
{
	struct pool_status_set set = {{0}};
	struct place item;
	bool more;

	if (cJSON_IsArray(place->value)) {
		more = pool_place_first(walk, place, &item);
		if (!more && key->group == POOL_GROUP_CHECK)
			pool_tell_value(walk, POOL_RULE_STATUS_CODE, place,
				"%s: an empty list: no status would be good", key->name);
		for (; more; more = pool_place_next(walk, &item))
			read_status(walk, &item, &set);
	} else if (cJSON_IsNumber(place->value) || cJSON_IsString(place->value)) {
		read_status(walk, place, &set);
	} else {
		pool_tell_type(walk, place, pool_key_type_get(key->type)->say);
	}
	memcpy((char *)base + key->offset, &set, sizeof(set));
}

/* --- strings -------------------------------------------------------------------- */

static bool expect_string(struct walk *walk, const struct place *place, const char *say)
{
	if (cJSON_IsString(place->value))
		return true;
	pool_tell_type(walk, place, say);
	return false;
}

/* Where byte <at> of a string stands, if no escape moves it; else where the string does.
 */
static size_t find_byte(const struct walk *walk, const struct place *place, size_t at)
{
	const struct pool_node *node = &walk->nodes[place->node];
	size_t length = strlen(place->value->valuestring);

	if (node->end - node->at == length + 2)
		return node->at + at + 1;
	return node->end - node->at == length ? node->at + at : node->at;
}

static void tell_url(struct walk *walk, const struct place *place,
	enum pool_url_fault fault, size_t at)
{
	const struct pool_url_fault_row *row = pool_url_fault_get(fault);
	char label[96];

	pool_place_label(place, label, sizeof(label));
	pool_diagnostics_add(walk->diagnostics,
		(enum pool_rule_id)pool_rule_find(row->rule), find_byte(walk, place, at),
		walk->nodes[place->node].end, pool_place_pointer(place), "%s: %s", label,
		row->sentence);
}

/* Who asks for the secrets of a URL, and of which. */
struct asking {
	struct walk *walk;
	const struct place *place;
};

static void tell_secret(void *context, size_t at, size_t length, bool unset,
	const struct pool_fault *fault)
{
	const struct asking *asking = context;
	struct walk *walk = asking->walk;
	const struct place *place = asking->place;
	size_t from = find_byte(walk, place, at),
	       to = find_byte(walk, place, at + length);
	char label[96];

	pool_place_label(place, label, sizeof(label));
	pool_diagnostics_add(walk->diagnostics,
		unset ? POOL_RULE_SECRET_UNSET : POOL_RULE_SECRET_VALUE, from,
		to > from ? to : walk->nodes[place->node].end, pool_place_pointer(place),
		"%s: %s", label, fault->text);
}

static void judge_secrets(struct walk *walk, const struct place *place)
{
	struct asking asking = {walk, place};

	walk->wants_secrets |= strstr(place->value->valuestring, "${") != NULL;
	if (walk->diagnostics->secrets)
		pool_login_judge_variables(place->value->valuestring,
			walk->diagnostics->secrets, tell_secret, &asking);
}

/* Whether a host that is not ASCII can be asked for. Without the library nobody can tell.
 */
static bool judge_international(
	struct walk *walk, const struct place *place, const struct pool_url *url)
{
	const char *text = place->value->valuestring;
	struct pool_fault fault = {0};
	char *ascii, label[96];
	int error = pool_url_is_international(url)
		? pool_url_to_ascii(text, &ascii, &fault)
		: 0;

	if (error == POOL_ENOMEM)
		walk->no_memory = true;
	if (!error && pool_url_is_international(url))
		pool_text_forget(ascii);
	if (error != POOL_EINVALID)
		return true;
	pool_place_label(place, label, sizeof(label));
	pool_diagnostics_add(walk->diagnostics, POOL_RULE_URL_HOST,
		find_byte(walk, place, (size_t)(url->host.bytes - text)),
		walk->nodes[place->node].end, pool_place_pointer(place), "%s: %s", label,
		fault.text);
	return false;
}

void pool_read_url(struct walk *walk, const struct place *place, char **out)
{
	const char *text;
	struct pool_url url;
	enum pool_url_fault fault;
	char label[96];
	size_t at = 0;

	if (!expect_string(walk, place, pool_key_type_get(POOL_KIND_URL)->say))
		return;
	text = place->value->valuestring;
	fault = pool_url_parse(text, strlen(text), &url, &at);
	if (fault) {
		tell_url(walk, place, fault, at);
		return;
	}
	if (!judge_international(walk, place, &url))
		return;
	pool_place_label(place, label, sizeof(label));
	for (int remark = 0; remark < POOL_URL_REMARKS; remark++) {
		const struct pool_url_fault_row *row =
			pool_url_remark_get(&url, (enum pool_url_remark)remark);

		if (row)
			pool_tell_value(walk,
				(enum pool_rule_id)pool_rule_find(row->rule), place,
				"%s: %s", label, row->sentence);
	}
	if (pool_url_has_literal_credentials(&url))
		pool_walk_note_literal(walk, LITERAL_PROXY, place);
	judge_secrets(walk, place);
	keep(walk, out, text);
}

static void read_url_key(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base)
{
	pool_read_url(walk, place, slot_of(key, base));
}

/* A URL in the wrong place may hold a password. */
static bool looks_like_url(const char *text)
{
	return strchr(text, '@') || strstr(text, "://");
}

/* Why <text> can be no name of a proxy; NULL if it can. */
static const char *judge_name(const char *text)
{
	char safe[4 * NAME_MAX_BYTES + 1];
	size_t length = strlen(text);

	if (length == 0)
		return "it is empty";
	if (length > NAME_MAX_BYTES)
		return "it is longer than 64 bytes";
	if (text[0] == '-')
		return "it begins with '-'";
	if (strpbrk(text, " ,=%|"))
		return "it holds a blank, or one of , = % |";
	if (looks_like_url(text))
		return "it looks like a URL, and names are shown everywhere";
	pool_text_safe(safe, sizeof(safe), text, length);
	if (strcmp(safe, text) != 0 || strstr(text, "\xc2\xa0"))
		return "it holds a character that cannot be shown";
	return NULL;
}

static void read_name(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base)
{
	const char *wrong;
	char shown[96];

	if (!expect_string(walk, place, pool_key_type_get(key->type)->say))
		return;
	wrong = judge_name(place->value->valuestring);
	if (!wrong) {
		keep(walk, slot_of(key, base), place->value->valuestring);
		return;
	}
	if (looks_like_url(place->value->valuestring))
		snprintf(shown, sizeof(shown), "\"***\"");
	else
		pool_walk_quote(shown, sizeof(shown), place->value->valuestring);
	pool_tell_value(walk, POOL_RULE_NAME, place, "name: %s cannot be a name: %s",
		shown, wrong);
}

static void read_path(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base)
{
	const char *text, *folder = walk->source->directory;
	char *path = NULL;

	if (!expect_string(walk, place, pool_key_type_get(key->type)->say))
		return;
	text = place->value->valuestring;
	for (const char *at = text; *at; at++) {
		if (!is_control(*at))
			continue;
		pool_tell_value(walk, POOL_RULE_PASSWORD_FILE, place,
			"%s: the path holds a control character", key->name);
		return;
	}
	if (!*text) {
		pool_tell_value(walk, POOL_RULE_PASSWORD_FILE, place,
			"%s: the path is empty", key->name);
	} else if (text[0] == '/') {
		keep(walk, slot_of(key, base), text);
	} else if (!folder) {
		pool_tell_value(walk, POOL_RULE_PASSWORD_FILE, place,
			"%s: a relative path needs a pool file with a folder; this one "
			"has none",
			key->name);
	} else if (asprintf(&path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder,
			   text) < 0) {
		walk->no_memory = true;
	} else {
		free(*slot_of(key, base));
		*slot_of(key, base) = path;
	}
}

static void read_check_url(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base)
{
	const char *wrong;

	if (!expect_string(walk, place, pool_key_type_get(key->type)->say))
		return;
	wrong = pool_check_url_judge(place->value->valuestring);
	if (wrong) {
		pool_tell_value(
			walk, POOL_RULE_CHECK_URL, place, "%s: %s", key->name, wrong);
		return;
	}
	if (pool_check_url_has_key(place->value->valuestring))
		pool_walk_note_literal(walk, LITERAL_CHECK, place);
	keep(walk, slot_of(key, base), place->value->valuestring);
}

static void read_request(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base)
{
	const char *text;
	size_t length;

	if (!expect_string(walk, place, pool_key_type_get(key->type)->say))
		return;
	text = place->value->valuestring;
	length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	if (length == 0 || length > REQUEST_MAX || text[length])
		pool_tell_value(walk, POOL_RULE_CHECK_REQUEST, place,
			"%s: an HTTP method is one word in capitals, such as GET or HEAD",
			key->name);
	else
		keep(walk, slot_of(key, base), text);
}

static void read_text(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base)
{
	if (!expect_string(walk, place, pool_key_type_get(key->type)->say))
		return;
	if (!*place->value->valuestring)
		pool_tell_value(walk, POOL_RULE_CHECK_BODY, place,
			"%s: the text is empty", key->name);
	else
		keep(walk, slot_of(key, base), place->value->valuestring);
}

/* One header onto <lines>. */
static void read_header(
	struct walk *walk, const struct place *place, struct pool_text *lines)
{
	static const char token[] =
		"!#$%&'*+-.^_`|~0123456789"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char *name = place->value->string;
	char shown[96];

	pool_walk_quote(shown, sizeof(shown), name);
	if (!*name || name[strspn(name, token)]) {
		pool_tell_key(walk, POOL_RULE_CHECK_HEADER, place,
			"headers: %s cannot be the name of a header", shown);
		return;
	}
	if (pool_check_header_is_refused(name)) {
		pool_tell_key(walk, POOL_RULE_CHECK_HEADER, place,
			"headers: %s is about the connection, not the request, and is "
			"not for a check to choose",
			shown);
		return;
	}
	/* It may be a secret: not shown. */
	if (!cJSON_IsString(place->value)) {
		pool_tell_value(walk, POOL_RULE_TYPE, place,
			"headers: the value of %s is not a string", shown);
		return;
	}
	for (const char *at = place->value->valuestring; *at; at++) {
		if (!is_control(*at) || *at == '\t')
			continue;
		pool_tell_value(walk, POOL_RULE_CHECK_HEADER, place,
			"headers: the value of %s holds a control character", shown);
		return;
	}
	if (pool_check_header_is_key(name) && *place->value->valuestring)
		pool_walk_note_literal(walk, LITERAL_CHECK, place);
	pool_text_addf(lines, "%s: %s\n", name, place->value->valuestring);
}

static void read_headers(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base)
{
	struct pool_text lines = POOL_TEXT_EMPTY;
	struct place header;

	if (!cJSON_IsObject(place->value)) {
		pool_tell_type(walk, place, pool_key_type_get(key->type)->say);
		return;
	}
	for (bool more = pool_place_first(walk, place, &header); more;
		more = pool_place_next(walk, &header))
		read_header(walk, &header, &lines);
	free(*slot_of(key, base));
	*slot_of(key, base) = lines.length ? pool_text_take(&lines) : NULL;
	walk->no_memory = walk->no_memory || lines.broken;
	pool_text_release(&lines);
}

static const nested_reader readers[POOL_KEY_TYPES] = {
	[POOL_KIND_BOOL] = read_scalar,
	[POOL_KIND_INT] = read_scalar,
	[POOL_KIND_DECIMAL] = read_scalar,
	[POOL_KIND_WORD] = read_scalar,
	[POOL_KIND_STATUSES] = read_statuses,
	[POOL_KIND_URL] = read_url_key,
	[POOL_KIND_NAME] = read_name,
	[POOL_KIND_PATH] = read_path,
	[POOL_KIND_CHECK_URL] = read_check_url,
	[POOL_KIND_REQUEST] = read_request,
	[POOL_KIND_HEADERS] = read_headers,
	[POOL_KIND_TEXT] = read_text,
};

void pool_read_value(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base)
{
	readers[key->type](walk, place, key, base);
}

/* --- objects -------------------------------------------------------------------- */

/* The nearest key of <group>, or of a pool where a pool's keys may stand, too. */
static const char *find_near(enum pool_group group, const char *name)
{
	const char *near = pool_schema_nearest(group, name);

	if (!near && (group == POOL_GROUP_CONNECTION || group == POOL_GROUP_SETTINGS))
		near = pool_schema_nearest(POOL_GROUP_POOL, name);
	return near && strcmp(near, name) == 0 ? NULL : near;
}

/* The group that knows <name>, other than <group>; POOL_GROUPS if none does. */
static enum pool_group find_home(enum pool_group group, const char *name)
{
	for (int other = 0; other < POOL_GROUPS; other++)
		if (other != (int)group && pool_schema_find((enum pool_group)other, name))
			return (enum pool_group)other;
	return POOL_GROUPS;
}

bool pool_key_is_strange(enum pool_group group, const char *name)
{
	return !find_near(group, name) && find_home(group, name) == POOL_GROUPS;
}

void pool_tell_unknown(
	struct walk *walk, const struct place *place, enum pool_group group)
{
	const char *name = place->value->string;
	const struct pool_refused_key *refused = pool_schema_refused(group, name);
	const char *near = refused ? NULL : find_near(group, name);
	enum pool_group home = refused || near ? POOL_GROUPS : find_home(group, name);
	char shown[96];

	pool_walk_quote(shown, sizeof(shown), name);
	if (refused)
		pool_tell_key(walk, POOL_RULE_REFUSED_KEY, place,
			"%s is not supported here: %s", shown, refused->advice);
	else if (near)
		pool_tell_key(walk, POOL_RULE_UNKNOWN_KEY, place,
			"unknown key %s; did you mean '%s'?", shown, near);
	else if (home != POOL_GROUPS)
		pool_tell_key(walk, POOL_RULE_UNKNOWN_KEY, place,
			"unknown key %s here: it belongs to %s", shown,
			pool_group_name(home));
	else
		pool_tell_key(walk, POOL_RULE_UNKNOWN_KEY, place, "unknown key %s in %s",
			shown, pool_group_name(group));
}

/* An alias beside its full name: which one would count? */
static bool stands_twice(
	struct walk *walk, const struct place *place, const struct pool_key *key)
{
	struct place full;

	if (!key->alias_of || !pool_place_find(walk, place->parent, key->alias_of, &full))
		return false;
	pool_tell_key(walk, POOL_RULE_KEY_TWICE, place,
		"'%s' and '%s' are the same: keep one of them", key->name, key->alias_of);
	return true;
}

void pool_read_group(struct walk *walk, const struct place *object, enum pool_group group,
	enum pool_group beside, void *base, nested_reader nested)
{
	struct place child;

	for (bool more = pool_place_first(walk, object, &child); more;
		more = pool_place_next(walk, &child)) {
		const struct pool_key *key = pool_schema_find(group, child.value->string);

		if (!key) {
			if (beside == POOL_GROUPS ||
				!pool_schema_find(beside, child.value->string) ||
				pool_schema_refused(group, child.value->string))
				pool_tell_unknown(walk, &child, group);
			continue;
		}
		if (stands_twice(walk, &child, key) ||
			(key->nullable && cJSON_IsNull(child.value)))
			continue;
		if (readers[key->type])
			pool_read_value(walk, &child, key, base);
		else
			nested(walk, &child, key, base);
	}
}
