/* CRYPTOFEED_PROXY_*: variables into a tree, and that on top of the settings. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "config/environment.h"
#include "config/parsers.h"
#include "config/tree.h"
#include "config/walk.h"

static const char prefix[] = "CRYPTOFEED_PROXY_";
enum { PREFIX_LENGTH = sizeof(prefix) - 1, PARTS_MAX = 64 };

/* Where the root stands: in no variable. */
#define NOWHERE UINT32_MAX

/* A variable in the reader's text, where NAME=VALUE of each ends in a NUL. */
struct variable {
	size_t name_at, value_at, end;
	bool parsed; /* its value is JSON: lines and columns mean something */
};

struct reader {
	struct pool_text text;
	struct variable *list;
	size_t count;
	struct pool_tree tree;
	struct pool_diagnostics found;
	bool no_memory;
};

/* --- which are ours ------------------------------------------------------------- */

bool pool_environment_owns(const char *variable)
{
	return strncasecmp(variable, prefix, PREFIX_LENGTH) == 0 && strchr(variable, '=');
}

bool pool_environment_has(const char *const *variables)
{
	for (; variables && *variables; variables++)
		if (pool_environment_owns(*variables))
			return true;
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* By name, without case, numbers by their value: a parent stands before its parts. */
static int compare_names(const char *a, const char *b)
{
	for (; *a && *a != '=' && *b && *b != '='; a++, b++) {
		size_t left = strspn(a, "0123456789"), right = strspn(b, "0123456789");

		if (left && right && left != right)
			return left < right ? -1 : 1;
		if (lower(*a) != lower(*b))
			return (unsigned char)lower(*a) < (unsigned char)lower(*b) ? -1
										   : 1;
	}
	return (*a && *a != '=') - (*b && *b != '=');
}

static int compare_variables(const void *a, const void *b)
{
	return compare_names(*(const char *const *)a, *(const char *const *)b);
}

/* Copy those of ours into the text, in order. */
static bool collect(struct reader *reader, const char *const *variables)
{
	const char **sorted;
	size_t count = 0;

	for (const char *const *each = variables; *each; each++)
		count += pool_environment_owns(*each);
	sorted = calloc(count + 1, sizeof(*sorted));
	reader->list = calloc(count + 1, sizeof(*reader->list));
	if (!sorted || !reader->list) {
		free(sorted);
		return false;
	}
	for (const char *const *each = variables; *each; each++)
		if (pool_environment_owns(*each))
			sorted[reader->count++] = *each;
	qsort(sorted, count, sizeof(*sorted), compare_variables);
	for (size_t i = 0; i < count; i++) {
		size_t name = (size_t)(strchr(sorted[i], '=') - sorted[i]);

		reader->list[i].name_at = reader->text.length;
		reader->list[i].value_at = reader->text.length + name + 1;
		pool_text_add_bytes(&reader->text, sorted[i], strlen(sorted[i]) + 1);
		reader->list[i].end = reader->text.length - 1;
	}
	free(sorted);
	return !reader->text.broken && reader->text.length < NOWHERE;
}

/* --- where a path leads --------------------------------------------------------- */

/* What stands at the end of a path, by the schema. */
struct spot {
	enum {
		SPOT_SCALAR,
		SPOT_GROUP,   /* an object of <group> */
		SPOT_IDS,     /* exchanges */
		SPOT_POOL,    /* a pool: an object, or a list */
		SPOT_LIST,    /* of proxies */
		SPOT_FREE,    /* an object of any keys, or what a wrong path leads to */
		SPOT_STATUSES /* a scalar, or a list */
	} kind;
	enum pool_group group;
};

static struct spot spot_of(const struct pool_key *key)
{
	static const int kinds[POOL_KEY_TYPES] = {
		[POOL_KIND_EXCHANGES] = SPOT_IDS,
		[POOL_KIND_EXCHANGE] = SPOT_GROUP,
		[POOL_KIND_CONNECTION] = SPOT_GROUP,
		[POOL_KIND_POOL] = SPOT_POOL,
		[POOL_KIND_PROXIES] = SPOT_LIST,
		[POOL_KIND_OBJECT] = SPOT_GROUP,
		[POOL_KIND_HEADERS] = SPOT_FREE,
		[POOL_KIND_STATUSES] = SPOT_STATUSES,
	};

	return (struct spot){.kind = key ? kinds[key->type] : SPOT_FREE,
		.group = key ? key->child : POOL_GROUPS};
}

/* One part further. */
static struct spot descend(struct spot spot, const char *part)
{
	const struct pool_key *key;

	if (spot.kind == SPOT_IDS)
		return (struct spot){SPOT_GROUP, POOL_GROUP_EXCHANGE};
	if ((spot.kind == SPOT_LIST || spot.kind == SPOT_POOL) && is_digit(*part))
		return (struct spot){SPOT_GROUP, POOL_GROUP_PROXY};
	if (spot.kind != SPOT_GROUP && spot.kind != SPOT_POOL)
		return (struct spot){SPOT_FREE, POOL_GROUPS};
	key = pool_schema_find(spot.group, part);
	/* A pool's keys may stand beside it. */
	if (!key && spot.group == POOL_GROUP_CONNECTION)
		key = pool_schema_find(POOL_GROUP_POOL, part);
	return spot_of(key);
}

/* Cut a name into its parts, in lower case; how many there are. */
static size_t cut(char *path, const char *parts[PARTS_MAX])
{
	size_t count = 0;

	for (char *at = path; *at; at++)
		*at = lower(*at);
	while (path && count < PARTS_MAX) {
		char *end = strstr(path, "__");

		parts[count++] = path;
		if (end) {
			*end = '\0';
			end += 2;
		}
		path = end;
	}
	return count;
}

/* --- faults --------------------------------------------------------------------- */

static void tell(struct reader *reader, enum pool_rule_id rule,
	const struct variable *variable, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* A fault of a variable as a whole. */
static void tell(struct reader *reader, enum pool_rule_id rule,
	const struct variable *variable, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	pool_diagnostics_add(&reader->found, rule, variable->name_at, variable->value_at,
		strdup(""), "%s", text);
}

/* The name with two underscores where it has one, if that leads somewhere: into <out>. */
static bool suggest(const char *path, char *out, size_t size)
{
	struct spot spot = {SPOT_GROUP, POOL_GROUP_SETTINGS};
	const char *parts[PARTS_MAX];
	char doubled[256];
	size_t used = 0, count;

	for (; *path && used + 3 < sizeof(doubled); path++) {
		doubled[used++] = *path;
		if (*path == '_' && path[1] != '_')
			doubled[used++] = '_';
		else if (*path == '_')
			doubled[used++] = *++path;
	}
	doubled[used] = '\0';
	snprintf(out, size, "%s", doubled);
	count = cut(doubled, parts);
	for (size_t i = 0; i < count && spot.kind != SPOT_FREE; i++)
		spot = descend(spot, parts[i]);
	for (; *out; out++)
		if (*out >= 'a' && *out <= 'z')
			*out = (char)(*out - 'a' + 'A');
	return count > 1 && spot.kind != SPOT_FREE;
}

static void tell_ignored(
	struct reader *reader, const struct variable *variable, const char *first)
{
	const char *near = pool_schema_nearest(POOL_GROUP_SETTINGS, first);
	char path[256], better[256];

	snprintf(path, sizeof(path), "%.*s",
		(int)(variable->value_at - 1 - variable->name_at - PREFIX_LENGTH),
		reader->text.bytes + variable->name_at + PREFIX_LENGTH);
	if (suggest(path, better, sizeof(better)))
		tell(reader, POOL_RULE_ENV_IGNORED, variable,
			"this name is ignored; did you mean %s%s?", prefix, better);
	else if (near)
		tell(reader, POOL_RULE_ENV_IGNORED, variable,
			"this name is ignored: '%s' is no key of the settings; did you "
			"mean '%s'?",
			first, near);
	else
		tell(reader, POOL_RULE_ENV_IGNORED, variable,
			"this name is ignored: it begins with none of enabled, default, "
			"exchanges (parts are joined by two underscores)");
}

/* --- values --------------------------------------------------------------------- */

/* Note where each value of a piece of JSON stands, which begins at <at>. */
static size_t note_json(struct reader *reader, cJSON *item,
	const struct pool_positions *positions, size_t index, size_t at)
{
	const struct pool_node *node = &positions->nodes[index++];

	pool_tree_mark(
		&reader->tree, item, at + node->at, at + node->end, at + node->key_at);
	for (cJSON *child = item->child; child; child = child->next)
		index = note_json(reader, child, positions, index, at);
	return index;
}

/* The value as JSON; NULL: it is none, or memory is short, which was told. */
static cJSON *parse_json(struct reader *reader, struct variable *variable)
{
	const char *value = reader->text.bytes + variable->value_at;
	size_t length = variable->end - variable->value_at;
	struct pool_positions positions = {0};
	struct pool_json_fault wrong;
	int error = pool_json_scan(&positions, value, length, &wrong);
	cJSON *item = NULL;

	variable->parsed = true;
	if (error == POOL_EINVALID)
		pool_diagnostics_add(&reader->found, wrong.rule,
			variable->value_at + wrong.at, variable->value_at + wrong.at + 1,
			strdup(""), "%s", wrong.text);
	else if (!error)
		item = cJSON_ParseWithLengthOpts(value, length + 1, NULL, 1);
	if (item)
		note_json(reader, item, &positions, 0, variable->value_at);
	else if (error != POOL_EINVALID)
		reader->no_memory = true;
	pool_positions_release(&positions);
	return item;
}

/* What <variable> says, for <spot>; NULL as parse_json(). */
static cJSON *make_value(
	struct reader *reader, struct variable *variable, const struct spot *spot)
{
	const char *value = reader->text.bytes + variable->value_at;
	const char *start = value + strspn(value, " \t\r\n");
	cJSON *item;

	if (spot->kind != SPOT_SCALAR && *start && strchr("{[\"", *start))
		return parse_json(reader, variable);
	item = spot->kind != SPOT_SCALAR && strcmp(start, "null") == 0
		? cJSON_CreateNull()
		: cJSON_CreateString(value);
	return pool_tree_note(&reader->tree, item, variable->value_at, variable->end,
		variable->name_at);
}

/* --- the tree ------------------------------------------------------------------- */

/* An exchange's id is the same in any case. */
static cJSON *find_child(const cJSON *parent, struct spot spot, const char *part)
{
	cJSON *child = parent->child;

	if (cJSON_IsArray(parent))
		for (long left = strtol(part, NULL, 10); child && left > 0; left--)
			child = child->next;
	else if (spot.kind == SPOT_IDS)
		while (child && strcasecmp(child->string, part) != 0)
			child = child->next;
	else
		while (child && strcmp(child->string, part) != 0)
			child = child->next;
	return child;
}

static void put(struct reader *reader, cJSON *parent, struct spot spot, const char *part,
	cJSON *item);

/* All of <from> into <object>. */
static void merge(struct reader *reader, cJSON *object, struct spot spot, cJSON *from)
{
	while (from->child) {
		cJSON *child = cJSON_DetachItemViaPointer(from, from->child);
		char *key = strdup(child->string);

		if (key)
			put(reader, object, spot, key, child);
		else
			reader->no_memory = true;
		free(key);
	}
	cJSON_Delete(from);
}

/* <item> (NULL: there is none) into <parent>, in place of or merged with what is there.
 */
static void put(struct reader *reader, cJSON *parent, struct spot spot, const char *part,
	cJSON *item)
{
	cJSON *old = item ? find_child(parent, spot, part) : NULL;

	if (!item)
		return;
	if (old && cJSON_IsObject(old) && cJSON_IsObject(item)) {
		merge(reader, old, descend(spot, part), item);
		return;
	}
	if (old)
		pool_tree_forget(cJSON_DetachItemViaPointer(parent, old));
	if (!cJSON_IsArray(parent))
		pool_tree_put(&reader->tree, parent, part, item);
	else if (!cJSON_InsertItemInArray(parent, (int)strtol(part, NULL, 10), item))
		reader->no_memory = true;
}

/* Whether <part> can be of <parent>, or what is wrong was told. */
static bool fits(struct reader *reader, const struct variable *variable,
	const cJSON *parent, const char *part)
{
	int count = cJSON_IsArray(parent) ? cJSON_GetArraySize(parent) : 0;
	int64_t number;

	if (cJSON_IsObject(parent))
		return true;
	if (!cJSON_IsArray(parent))
		tell(reader, POOL_RULE_KEY_TWICE, variable,
			"'%s' is a part of what another variable gives as a whole", part);
	else if (!pool_text_to_int(part, 0, INT32_MAX, &number))
		tell(reader, POOL_RULE_ENV_NUMBER, variable,
			"'%s' is no number of a list's member: they are 0, 1, 2, ...",
			part);
	else if (number > count)
		tell(reader, POOL_RULE_ENV_NUMBER, variable,
			"member %s of a list of %d: they are numbered from 0 without a "
			"gap",
			part, count);
	else
		return true;
	return false;
}

/* The key that a text stands for which is given in place of an object; NULL: none. */
static const char *shorthand(struct spot spot)
{
	if (spot.kind != SPOT_GROUP)
		return NULL;
	return spot.group == POOL_GROUP_EXCHANGE ? "http"
		: spot.group == POOL_GROUP_CONNECTION || spot.group == POOL_GROUP_PROXY
		? "url"
		: NULL;
}

/* A container where there is none, in which a text that stands there has its key. */
static cJSON *make_container(struct reader *reader, const struct variable *variable,
	cJSON *text, const char *key, bool list)
{
	cJSON *made = pool_tree_note(&reader->tree,
		list ? cJSON_CreateArray() : cJSON_CreateObject(), variable->name_at,
		variable->end, variable->name_at);

	if (made && cJSON_IsString(text)) {
		const struct pool_node node = *pool_tree_spot(&reader->tree, text);

		pool_tree_put(&reader->tree, made, key,
			pool_tree_note(&reader->tree,
				cJSON_CreateString(text->valuestring), node.at, node.end,
				node.key_at));
	}
	return made;
}

/* What holds <next>, made if it is not there yet; NULL: it cannot be, or memory is
 * short. */
static cJSON *enter(struct reader *reader, const struct variable *variable, cJSON *parent,
	struct spot spot, const char *part, const char *next)
{
	struct spot inner = descend(spot, part);
	bool list =
		is_digit(*next) && (inner.kind == SPOT_LIST || inner.kind == SPOT_POOL);
	cJSON *child = find_child(parent, spot, part);

	if (!child || cJSON_IsNull(child) ||
		(cJSON_IsString(child) && shorthand(inner))) {
		child = make_container(reader, variable, child, shorthand(inner), list);
		put(reader, parent, spot, part, child);
	}
	return child && fits(reader, variable, child, next) ? child : NULL;
}

static void place_variable(struct reader *reader, struct variable *variable,
	const char *parts[], size_t count)
{
	struct spot spot = {SPOT_GROUP, POOL_GROUP_SETTINGS}, last;
	cJSON *parent = reader->tree.root;

	for (size_t i = 0; i + 1 < count && parent; i++) {
		parent = enter(reader, variable, parent, spot, parts[i], parts[i + 1]);
		spot = descend(spot, parts[i]);
	}
	if (!parent)
		return;
	last = descend(spot, parts[count - 1]);
	put(reader, parent, spot, parts[count - 1], make_value(reader, variable, &last));
}

/* The same name in another case; told if it says something else. */
static bool is_repeated(struct reader *reader, size_t index)
{
	const char *text = reader->text.bytes;
	const struct variable *before, *variable = &reader->list[index];

	if (index == 0)
		return false;
	before = &reader->list[index - 1];
	if (compare_names(text + before->name_at, text + variable->name_at) != 0)
		return false;
	if (strcmp(text + before->value_at, text + variable->value_at) != 0)
		tell(reader, POOL_RULE_ENV_TWICE, variable,
			"another variable has this name in other letters, and another "
			"value");
	return true;
}

/* Bytes that no pool file can hold. */
static bool is_foreign(struct reader *reader, const struct variable *variable)
{
	const char *value = reader->text.bytes + variable->value_at;
	const size_t length = variable->end - variable->value_at;

	if (pool_text_find_foreign(value, length) == length)
		return false;
	tell(reader, POOL_RULE_TEXT_ENCODING, variable, "its value is not UTF-8");
	return true;
}

static void read_variable(struct reader *reader, size_t index)
{
	struct variable *variable = &reader->list[index];
	const char *name = reader->text.bytes + variable->name_at, *parts[PARTS_MAX];
	char *path = strndup(name + PREFIX_LENGTH,
		variable->value_at - 1 - variable->name_at - PREFIX_LENGTH);
	size_t count;

	if (!path) {
		reader->no_memory = true;
		return;
	}
	count = cut(path, parts);
	if (!pool_schema_find(POOL_GROUP_SETTINGS, parts[0]))
		tell_ignored(reader, variable, parts[0]);
	else if (!is_repeated(reader, index) && !is_foreign(reader, variable))
		place_variable(reader, variable, parts, count);
	free(path);
}

static void make_tree(struct reader *reader)
{
	pool_tree_put(&reader->tree, NULL, NULL,
		pool_tree_note(
			&reader->tree, cJSON_CreateObject(), NOWHERE, NOWHERE, NOWHERE));
	for (size_t i = 0; i < reader->count && !reader->tree.broken; i++)
		read_variable(reader, i);
}

/* --- on top of the settings ----------------------------------------------------- */

static void walk_tree(struct reader *reader, struct pool_settings *settings)
{
	const struct pool_source source = {
		.bytes = reader->text.bytes, .length = reader->text.length};
	struct pool_positions positions = {0};
	struct walk walk = {
		.source = &source, .diagnostics = &reader->found, .settings = *settings};
	struct place root = {.value = reader->tree.root};

	if (pool_tree_finish(&reader->tree, &positions) == 0) {
		walk.nodes = positions.nodes;
		pool_walk_judge_keys(&walk, &root);
		pool_read_full(&walk, &root);
	}
	reader->no_memory |= walk.no_memory || !positions.count;
	*settings = walk.settings;
	pool_walk_forget_literals(&walk);
	pool_positions_release(&positions);
}

static void mark_displaced(struct pool_settings *settings)
{
	for (uint32_t i = 0; i < settings->leaf_count; i++)
		settings->leaves[i].displaced = true;
	for (int type = 0; type < POOL_TYPES; type++) {
		if (settings->default_leaf[type] != POOL_NO_LEAF)
			settings->leaves[settings->default_leaf[type]].displaced = false;
		for (uint32_t i = 0; i < settings->exchange_count; i++)
			if (settings->exchanges[i].leaf[type] != POOL_NO_LEAF)
				settings->leaves[settings->exchanges[i].leaf[type]]
					.displaced = false;
	}
}

/* --- diagnostics ---------------------------------------------------------------- */

static const struct variable *find_variable(const struct reader *reader, size_t offset)
{
	for (size_t i = 0; i < reader->count; i++)
		if (offset >= reader->list[i].name_at && offset <= reader->list[i].end)
			return &reader->list[i];
	return NULL;
}

/* Which variable it is about, and where in its value. What is in none is about what is
 * missing, which can be one thing only. */
static bool locate(const struct reader *reader, struct pool_diagnostic *one)
{
	const struct variable *variable = find_variable(reader, one->offset);
	const char *text = reader->text.bytes;
	struct pool_text name = POOL_TEXT_EMPTY;

	if (variable)
		pool_text_add_safe(&name, text + variable->name_at,
			variable->value_at - 1 - variable->name_at);
	else
		pool_text_addf(&name, "%sENABLED", prefix);
	if (variable && variable->parsed && one->offset >= variable->value_at)
		pool_diagnostic_locate(one, text + variable->value_at,
			variable->end - variable->value_at,
			one->offset - variable->value_at);
	one->origin = pool_text_take(&name);
	return one->origin != NULL;
}

static int set_fault(const struct pool_diagnostic *one, struct pool_fault *fault)
{
	char place[32] = "";

	if (one->line)
		snprintf(place, sizeof(place), ":%u:%u", one->line, one->column);
	return pool_fault_set(
		fault, POOL_EINVALID, 0, "%s%s: %s", one->origin, place, one->text);
}

static int finish(struct reader *reader, struct pool_diagnostics *diagnostics,
	struct pool_fault *fault)
{
	int error = 0;

	pool_diagnostics_sort(&reader->found);
	for (size_t i = 0; i < reader->found.count; i++)
		reader->no_memory |= !locate(reader, &reader->found.list[i]);
	if (reader->found.errors && !reader->no_memory)
		error = set_fault(&reader->found.list[0], fault);
	pool_diagnostics_join(diagnostics, &reader->found);
	if (reader->no_memory || reader->tree.broken || diagnostics->broken)
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	return error;
}

int pool_environment_read(struct pool_settings *settings,
	struct pool_diagnostics *diagnostics, const char *const *variables,
	struct pool_fault *fault)
{
	struct reader reader = {
		.text = POOL_TEXT_SECRET, .found = {.secrets = diagnostics->secrets}};
	int error;

	if (!pool_environment_has(variables))
		return 0;
	error = pool_parser_load(POOL_PARSER_JSON, fault);
	if (error) {
		pool_settings_release(settings);
		return error;
	}
	if (collect(&reader, variables))
		make_tree(&reader);
	else
		reader.no_memory = true;
	if (!reader.no_memory && !reader.tree.broken)
		walk_tree(&reader, settings);
	mark_displaced(settings);
	error = finish(&reader, diagnostics, fault);
	if (error)
		pool_settings_release(settings);
	pool_tree_release(&reader.tree);
	pool_text_release(&reader.text);
	free(reader.list);
	return error;
}
