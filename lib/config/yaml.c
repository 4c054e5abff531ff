/*
 * YAML into a tree: libyaml says what stands there, the rules here what a pool file may
 * have of it. One document; mappings with strings as keys; anchors, aliases and merge
 * keys resolved, so many values and no more; the plain tags alone.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "config/plain.h"
#include "config/tree.h"

enum {
	ALIAS_VALUES = 1 << 18,   /* values that aliases and merge keys may add */
	NAMES_COMPARED = 1 << 26, /* names looked through for aliases and merge keys */
};

/* A value that an alias can stand for. */
struct anchor {
	char *name;
	cJSON *item; /* NULL while it is being read */
	size_t values;
	unsigned height; /* levels of nesting in it */
};

struct reader {
	yaml_parser_t parser;
	struct pool_tree *tree;
	struct pool_diagnostics *diagnostics;
	const char *bytes;
	size_t length;
	size_t bom; /* of those, the byte order mark, which libyaml does not see */
	size_t index, offset; /* libyaml counts characters: where it was last, in both */
	struct anchor *anchors;
	size_t anchor_count;
	cJSON *aside;    /* what '<<' held: an anchor may stand in it */
	size_t values;   /* noted so far */
	size_t expanded; /* the same by aliases and merge keys */
	size_t compared; /* names */
	unsigned depth, deepest;
};

/* --- where things stand --------------------------------------------------------- */

static void go_back(struct reader *reader)
{
	reader->index = 0;
	reader->offset = reader->bom;
}

/* The byte of the source at a mark of libyaml's. */
static size_t offset_of(struct reader *reader, yaml_mark_t mark)
{
	if (mark.index < reader->index)
		go_back(reader);
	while (reader->index < mark.index && reader->offset < reader->length) {
		reader->offset++;
		while (reader->offset < reader->length &&
			((unsigned char)reader->bytes[reader->offset] & 0xc0) == 0x80)
			reader->offset++;
		reader->index++;
	}
	return reader->offset;
}

static int refuse(struct reader *reader, enum pool_rule_id rule, size_t at, size_t end,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

static int refuse(struct reader *reader, enum pool_rule_id rule, size_t at, size_t end,
	const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	pool_diagnostics_add(reader->diagnostics, rule, at, end > at ? end : at + 1,
		strdup(""), "%s", text);
	return POOL_EINVALID;
}

static int refuse_event(struct reader *reader, enum pool_rule_id rule,
	const yaml_event_t *event, const char *text)
{
	size_t at = offset_of(reader, event->start_mark);

	return refuse(reader, rule, at, offset_of(reader, event->end_mark), "%s", text);
}

/* --- what libyaml refuses ------------------------------------------------------- */

/* What libyaml says, and what helps; by how its sentence begins. */
static const struct {
	const char *problem;
	enum pool_rule_id rule;
	bool begins; /* told where the thing begins that is wrong, not where that shows */
	const char *text;
} problems[] = {
	{"mapping values are not allowed", POOL_RULE_YAML_SYNTAX, false,
		"a ':' cannot stand here: put the value in quotes, or correct the "
		"indentation"},
	{"block sequence entries are not allowed", POOL_RULE_YAML_SYNTAX, false,
		"a '-' cannot stand here: begin a line with it"},
	{"did not find expected key", POOL_RULE_YAML_SYNTAX, false,
		"a key was expected here: correct the indentation, or a quote before "
		"it"},
	{"did not find expected '-' indicator", POOL_RULE_YAML_SYNTAX, false,
		"a '-' was expected here: correct the indentation"},
	{"did not find expected ',' or ']'", POOL_RULE_YAML_SYNTAX, false,
		"a ',' or the ']' of the list was expected here"},
	{"did not find expected ',' or '}'", POOL_RULE_YAML_SYNTAX, false,
		"a ',' or the '}' of the mapping was expected here"},
	{"did not find expected <document start>", POOL_RULE_YAML_DOCUMENTS, false,
		"something follows the end of the document"},
	{"found unexpected end of stream", POOL_RULE_YAML_SYNTAX, true,
		"no quote ends what this one begins"},
	{"found unexpected document indicator", POOL_RULE_YAML_SYNTAX, true,
		"no quote ends what this one begins"},
	{"found a tab character", POOL_RULE_YAML_TAB, false,
		"a tab stands where blanks must: indent with blanks"},
	{"found undefined tag handle", POOL_RULE_YAML_TAG, false,
		"a tag that is not known here"},
	{"exceeded maximum nesting", POOL_RULE_YAML_DEPTH, false,
		"more than 64 levels of nesting"},
	{"could not find expected ':'", POOL_RULE_YAML_SYNTAX, true,
		"a ':' was expected behind this key"},
};

static int refuse_character(struct reader *reader, size_t at)
{
	if (at < reader->length && reader->bytes[at] == '\t')
		return refuse(reader, POOL_RULE_YAML_TAB, at, at + 1,
			"a tab stands where blanks must: indent with blanks");
	return refuse(reader, POOL_RULE_YAML_SYNTAX, at, at + 1,
		"a value cannot begin with this character: put it in quotes");
}

/* The text is no UTF-8, or has bytes that YAML does not. */
static int refuse_bytes(struct reader *reader)
{
	size_t at = reader->bom + reader->parser.problem_offset;

	return strncmp(reader->parser.problem, "control", 7) == 0
		? refuse(reader, POOL_RULE_YAML_SYNTAX, at, at + 1,
			  "a raw control character")
		: refuse(reader, POOL_RULE_YAML_ENCODING, at, at + 1,
			  "this is not UTF-8");
}

/* Why the parser stopped. */
static int refuse_text(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem ? parser->problem : "it is no YAML";
	size_t at;

	if (parser->error == YAML_MEMORY_ERROR)
		return POOL_ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		return refuse_bytes(reader);
	at = offset_of(reader, parser->problem_mark);
	if (strncmp(problem, "found character that cannot start", 33) == 0)
		return refuse_character(reader, at);
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
		const char *known = problems[i].problem;

		if (strncmp(problem, known, strlen(known)) != 0)
			continue;
		if (problems[i].begins)
			at = offset_of(reader, parser->context_mark);
		return refuse(
			reader, problems[i].rule, at, at + 1, "%s", problems[i].text);
	}
	return refuse(reader, POOL_RULE_YAML_SYNTAX, at, at + 1, "%s%s%s", problem,
		parser->context ? " " : "", parser->context ? parser->context : "");
}

/* --- tabs ----------------------------------------------------------------------- */

/* The first tab of the text from <from> to <to> that is in no comment. */
static bool find_tab(const struct reader *reader, size_t from, size_t to, size_t *at)
{
	bool comment = false;

	for (size_t i = from; i < to; i++) {
		char byte = reader->bytes[i];

		comment = byte == '#' || (comment && byte != '\n' && byte != '\r');
		if (byte != '\t' || comment)
			continue;
		*at = i;
		return true;
	}
	return false;
}

/* The same in a token: in quotes and in the lines of a block it may stand. */
static bool find_tab_in(const struct reader *reader, const yaml_token_t *token,
	size_t from, size_t to, size_t *at)
{
	const char *bytes = reader->bytes, *tab;
	yaml_scalar_style_t style = token->type == YAML_SCALAR_TOKEN
		? token->data.scalar.style
		: YAML_PLAIN_SCALAR_STYLE;

	if (style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
		style == YAML_DOUBLE_QUOTED_SCALAR_STYLE)
		return false;
	if (style != YAML_PLAIN_SCALAR_STYLE) {
		to = from + strcspn(bytes + from, "\r\n");
		return find_tab(reader, from, to, at);
	}
	tab = to > from ? memchr(bytes + from, '\t', to - from) : NULL;
	if (tab)
		*at = (size_t)(tab - bytes);
	return tab != NULL;
}

static void begin(struct reader *reader)
{
	yaml_parser_set_input_string(&reader->parser,
		(const unsigned char *)reader->bytes + reader->bom,
		reader->length - reader->bom);
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	go_back(reader);
}

/*
 * libyaml lets tabs pass where PyYAML does not: outside of quotes, blocks and comments.
 * What else is wrong is left to the second reading.
 */
static int refuse_tabs(struct reader *reader)
{
	size_t last = reader->bom, found = 0;
	bool more = true, tab = false;
	yaml_token_t token;

	if (!memchr(reader->bytes, '\t', reader->length))
		return 0;
	if (!yaml_parser_initialize(&reader->parser))
		return POOL_ENOMEM;
	begin(reader);
	while (more && !tab && yaml_parser_scan(&reader->parser, &token)) {
		size_t at = offset_of(reader, token.start_mark);
		size_t end = offset_of(reader, token.end_mark);

		tab = find_tab(reader, last, at, &found) ||
			find_tab_in(reader, &token, at, end, &found);
		last = end;
		more = token.type != YAML_STREAM_END_TOKEN;
		yaml_token_delete(&token);
	}
	yaml_parser_delete(&reader->parser);
	return tab ? refuse_character(reader, found) : 0;
}

/* --- tags ----------------------------------------------------------------------- */

static const char tag_prefix[] = "tag:yaml.org,2002:";

/* The name of a tag of YAML's own; "" where there is none, NULL for another one. */
static const char *tag_name(const unsigned char *tag)
{
	const char *text = (const char *)tag;

	if (!text || !*text)
		return "";
	return strncmp(text, tag_prefix, sizeof(tag_prefix) - 1) == 0
		? text + sizeof(tag_prefix) - 1
		: NULL;
}

/*
 * Only the names of YAML's own types are shown: who forgets the quotes of a password may
 * have written one that begins with a '!'.
 */
static int refuse_tag(
	struct reader *reader, const yaml_event_t *event, const unsigned char *tag)
{
	static const char *const types[] = {"binary", "bool", "float", "int", "map",
		"merge", "null", "omap", "pairs", "seq", "set", "str", "timestamp",
		"value"};
	const char *name = tag_name(tag);
	size_t at = offset_of(reader, event->start_mark);

	for (size_t i = 0; name && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(name, types[i]) == 0)
			return refuse(reader, POOL_RULE_YAML_TAG, at, at + 1,
				"the tag '!!%s' cannot stand here", name);
	return refuse(reader, POOL_RULE_YAML_TAG, at, at + 1,
		"this tag is not supported: put text that begins with '!' in quotes");
}

/* --- values --------------------------------------------------------------------- */

static int read_node(struct reader *reader, const yaml_event_t *event, cJSON *parent,
	const char *key, size_t key_at);

/* Note <item>; POOL_ENOMEM if there is none. */
static int put(struct reader *reader, cJSON *parent, const char *key, cJSON *item,
	const struct pool_node *spot)
{
	item = pool_tree_note(reader->tree, item, spot->at, spot->end, spot->key_at);
	if (item)
		pool_tree_put(reader->tree, parent, key, item);
	reader->values++;
	if (reader->tree->broken)
		return POOL_ENOMEM;
	if (reader->values > POOL_JSON_VALUES)
		return refuse(reader, POOL_RULE_YAML_SIZE, spot->at, spot->at + 1,
			"more than 4 million values");
	return 0;
}

static cJSON *make_number(const char *text)
{
	char number[POOL_PLAIN_SIZE];
	cJSON *item;

	pool_plain_number(text, number);
	item = cJSON_CreateString(number);
	/* A number whose text is at hand; the walk never asks for its value. */
	if (item)
		item->type = cJSON_Number;
	return item;
}

static cJSON *make_scalar(const char *text, enum pool_plain plain)
{
	switch (plain) {
	case POOL_PLAIN_NULL:
		return cJSON_CreateNull();
	case POOL_PLAIN_TRUE:
	case POOL_PLAIN_FALSE:
		return cJSON_CreateBool(plain == POOL_PLAIN_TRUE);
	case POOL_PLAIN_NUMBER:
		return make_number(text);
	case POOL_PLAIN_STRING:
		return cJSON_CreateString(text);
	case POOL_PLAIN_MERGE:
	case POOL_PLAIN_OCTAL:
	case POOL_PLAIN_SEXAGESIMAL:
	case POOL_PLAIN_NOTATION:
	case POOL_PLAIN_DATE:
	case POOL_PLAIN_EQUALS:
	case POOL_PLAIN_LONG:
	case POOL_PLAINS:
		break;
	}
	/* Odd: refused where somebody reads it. */
	return cJSON_CreateRaw(text);
}

/* What the scalar of <event> is. */
static int judge_scalar(
	struct reader *reader, const yaml_event_t *event, enum pool_plain *plain)
{
	const char *tag = tag_name(event->data.scalar.tag);
	const char *text = (const char *)event->data.scalar.value;
	bool quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;

	if (strlen(text) != event->data.scalar.length)
		return refuse_event(
			reader, POOL_RULE_YAML_SYNTAX, event, "a NUL character (\\0)");
	if (!tag || (*tag && strcmp(tag, "str") != 0 && !pool_plain_has_tag(text, tag)))
		return refuse_tag(reader, event, event->data.scalar.tag);
	*plain = strcmp(tag, "str") == 0 || (!*tag && quoted) ? POOL_PLAIN_STRING
							      : pool_plain_find(text);
	return 0;
}

static int read_scalar(struct reader *reader, const yaml_event_t *event, cJSON *parent,
	const char *key, const struct pool_node *spot)
{
	const char *text = (const char *)event->data.scalar.value;
	enum pool_plain plain;
	int error = judge_scalar(reader, event, &plain);

	return error ? error : put(reader, parent, key, make_scalar(text, plain), spot);
}

/* --- aliases -------------------------------------------------------------------- */

static const char too_deep[] = "more than 64 levels of nesting";

/* <levels> more than now. */
static void go_down(struct reader *reader, unsigned levels)
{
	if (reader->depth + levels > reader->deepest)
		reader->deepest = reader->depth + levels;
}

static const unsigned char *anchor_of(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT   ? event->data.scalar.anchor
		: event->type == YAML_ALIAS_EVENT ? NULL
		: event->type == YAML_MAPPING_START_EVENT
		? event->data.mapping_start.anchor
		: event->data.sequence_start.anchor;
}

/* The anchor of that name; NULL: there is none. */
static const struct anchor *find_anchor(struct reader *reader, const char *name)
{
	for (size_t i = reader->anchor_count; i--; reader->compared++)
		if (strcmp(reader->anchors[i].name, name) == 0)
			return &reader->anchors[i];
	return NULL;
}

/* Begin an anchor, whose item follows; its place in the list, -1 where there is none. */
static int open_anchor(struct reader *reader, const yaml_event_t *event, ssize_t *out)
{
	const char *name = (const char *)anchor_of(event);
	size_t count = reader->anchor_count;
	struct anchor *list;

	*out = -1;
	if (!name)
		return 0;
	if (find_anchor(reader, name))
		return refuse_event(reader, POOL_RULE_YAML_ALIAS, event,
			"an anchor of this name stands before: give it another name");
	if (reader->compared > NAMES_COMPARED)
		return refuse_event(reader, POOL_RULE_YAML_EXPANSION, event,
			"the anchors are too many");
	list = realloc(reader->anchors, (count + 1) * sizeof(*list));
	if (!list)
		return POOL_ENOMEM;
	reader->anchors = list;
	list[count] = (struct anchor){.name = strdup(name)};
	reader->anchor_count++;
	*out = (ssize_t)count;
	return list[count].name ? 0 : POOL_ENOMEM;
}

/* Names are not shown: who forgets the quotes may have written a password. */
static int read_alias(struct reader *reader, const yaml_event_t *event, cJSON *parent,
	const char *key, const struct pool_node *spot)
{
	const struct anchor *anchor =
		find_anchor(reader, (const char *)event->data.alias.anchor);

	if (!anchor)
		return refuse_event(reader, POOL_RULE_YAML_ALIAS, event,
			"this alias stands for nothing: put its anchor before it, or "
			"text that begins with '*' in quotes");
	if (!anchor->item)
		return refuse_event(reader, POOL_RULE_YAML_ALIAS, event,
			"this alias stands inside its own value");
	reader->expanded += anchor->values;
	if (reader->expanded > ALIAS_VALUES || reader->compared > NAMES_COMPARED)
		return refuse_event(reader, POOL_RULE_YAML_EXPANSION, event,
			"this alias makes the document too large: aliases may add "
			"262,144 values");
	go_down(reader, anchor->height);
	if (reader->deepest > POOL_JSON_DEPTH)
		return refuse_event(reader, POOL_RULE_YAML_DEPTH, event, too_deep);
	return put(reader, parent, key, cJSON_Duplicate(anchor->item, 1), spot);
}

/* --- mappings and lists --------------------------------------------------------- */

static int next_event(struct reader *reader, yaml_event_t *event)
{
	return yaml_parser_parse(&reader->parser, event) ? 0 : refuse_text(reader);
}

/* Is a key like that of <item> among the first <count>? */
static bool has_key(const cJSON *object, size_t count, const cJSON *item)
{
	for (const cJSON *child = object->child; count--; child = child->next)
		if (strcmp(child->string, item->string) == 0 &&
			!((child->type ^ item->type) & POOL_ITEM_ODD_KEY))
			return true;
	return false;
}

/* The keys of <from> that <object> has not; those it has twice, twice: the walk will
 * tell. */
static int merge_one(
	struct reader *reader, cJSON *object, cJSON *from, const struct pool_node *spot)
{
	size_t have = (size_t)cJSON_GetArraySize(object);

	if (!cJSON_IsObject(from))
		return refuse(reader, POOL_RULE_YAML_MERGE, spot->at, spot->end,
			"'<<' takes a mapping or a list of mappings");
	reader->compared += have;
	for (cJSON *child = from->child; child; child = child->next) {
		reader->compared += have;
		if (reader->compared > NAMES_COMPARED)
			return refuse(reader, POOL_RULE_YAML_EXPANSION, spot->at,
				spot->end, "the keys merged by '<<' are too many");
		if (has_key(object, have, child))
			continue;
		pool_tree_put(
			reader->tree, object, child->string, cJSON_Duplicate(child, 1));
		if (reader->tree->broken)
			return POOL_ENOMEM;
	}
	return 0;
}

/* What '<<' holds goes where no key of the mapping's own is. */
static int merge(struct reader *reader, cJSON *object, const cJSON *merged)
{
	cJSON *value = merged->child;
	const struct pool_node spot = *pool_tree_spot(reader->tree, value);
	int error = 0;

	if (!cJSON_IsArray(value))
		return merge_one(reader, object, value, &spot);
	for (cJSON *item = value->child; item && !error; item = item->next)
		error = merge_one(reader, object, item, &spot);
	return error;
}

/* What is the key of <event> read as? */
static int judge_key(
	struct reader *reader, const yaml_event_t *event, enum pool_plain *plain)
{
	const char *tag;

	if (event->type != YAML_SCALAR_EVENT)
		return refuse_event(
			reader, POOL_RULE_YAML_KEY, event, "a key must be a string");
	if (event->data.scalar.anchor)
		return refuse_event(reader, POOL_RULE_YAML_KEY, event,
			"an anchor cannot stand before a key");
	/* Any other tag would say that it is no string. */
	tag = tag_name(event->data.scalar.tag);
	if (!tag || (*tag && strcmp(tag, "str") != 0))
		return refuse_tag(reader, event, event->data.scalar.tag);
	return judge_scalar(reader, event, plain);
}

/* The value of '<<', kept aside in the array <merged>, as an anchor may stand in it. */
static int read_merged(struct reader *reader, const yaml_event_t *key,
	const yaml_event_t *value, cJSON **merged)
{
	size_t before = reader->values + reader->expanded;
	int error;

	if (*merged)
		return refuse_event(reader, POOL_RULE_DUPLICATE_KEY, key,
			"'<<' stands here for the second time: write one with a list");
	*merged = cJSON_CreateArray();
	if (!*merged || !cJSON_AddItemToArray(reader->aside, *merged))
		return POOL_ENOMEM;
	error = read_node(
		reader, value, *merged, NULL, offset_of(reader, key->start_mark));
	reader->expanded += reader->values + reader->expanded - before;
	if (!error && reader->expanded > ALIAS_VALUES)
		return refuse_event(reader, POOL_RULE_YAML_EXPANSION, key,
			"this '<<' makes the document too large: merge keys may add "
			"262,144 values");
	return error;
}

/* The value of the key that <event> is, into <object> or, of '<<', into <merged>. */
static int read_pair(
	struct reader *reader, const yaml_event_t *event, cJSON *object, cJSON **merged)
{
	const char *key = (const char *)event->data.scalar.value;
	size_t key_at = offset_of(reader, event->start_mark);
	enum pool_plain plain;
	yaml_event_t value;
	int error = judge_key(reader, event, &plain);

	if (!error)
		error = next_event(reader, &value);
	if (error)
		return error;
	if (plain == POOL_PLAIN_MERGE)
		error = read_merged(reader, event, &value, merged);
	else
		error = read_node(reader, &value, object, key, key_at);
	yaml_event_delete(&value);
	/* Refused where somebody reads it: the rest of a cryptofeed configuration may
	 * have numbers as keys. */
	if (!error && plain != POOL_PLAIN_STRING && plain != POOL_PLAIN_MERGE)
		object->child->prev->type |= POOL_ITEM_ODD_KEY;
	return error;
}

static int read_mapping(struct reader *reader, cJSON *object)
{
	cJSON *merged = NULL;
	bool more = true;
	int error = 0;

	while (more && !error) {
		yaml_event_t event;

		error = next_event(reader, &event);
		if (error)
			break;
		more = event.type != YAML_MAPPING_END_EVENT;
		if (more)
			error = read_pair(reader, &event, object, &merged);
		else
			pool_tree_spot(reader->tree, object)->end =
				(uint32_t)offset_of(reader, event.end_mark);
		yaml_event_delete(&event);
	}
	return error || !merged ? error : merge(reader, object, merged);
}

static int read_sequence(struct reader *reader, cJSON *list)
{
	for (;;) {
		yaml_event_t event;
		int error = next_event(reader, &event);
		bool ends;

		if (error)
			return error;
		ends = event.type == YAML_SEQUENCE_END_EVENT;
		if (ends)
			pool_tree_spot(reader->tree, list)->end =
				(uint32_t)offset_of(reader, event.end_mark);
		else
			error = read_node(reader, &event, list, NULL,
				offset_of(reader, event.start_mark));
		yaml_event_delete(&event);
		if (error || ends)
			return error;
	}
}

/* A block ends where its last value does, not where the next thing begins. */
static void trim_end(const struct reader *reader, const cJSON *item)
{
	struct pool_node *spot = pool_tree_spot(reader->tree, item);

	while (spot->end > spot->at + 1 && strchr(" \r\n", reader->bytes[spot->end - 1]))
		spot->end--;
}

static int read_collection(struct reader *reader, const yaml_event_t *event,
	cJSON *parent, const char *key, const struct pool_node *spot)
{
	bool mapping = event->type == YAML_MAPPING_START_EVENT;
	const unsigned char *tag =
		mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;
	const char *name = tag_name(tag);
	cJSON *item;
	int error;

	if (!name || (*name && strcmp(name, mapping ? "map" : "seq") != 0))
		return refuse_tag(reader, event, tag);
	go_down(reader, 1);
	if (reader->deepest > POOL_JSON_DEPTH)
		return refuse(reader, POOL_RULE_YAML_DEPTH, spot->at, spot->at + 1, "%s",
			too_deep);
	item = mapping ? cJSON_CreateObject() : cJSON_CreateArray();
	error = put(reader, parent, key, item, spot);
	if (error)
		return error;
	reader->depth++;
	error = mapping ? read_mapping(reader, item) : read_sequence(reader, item);
	reader->depth--;
	if (!error)
		trim_end(reader, item);
	return error;
}

static int read_value(struct reader *reader, const yaml_event_t *event, cJSON *parent,
	const char *key, size_t key_at)
{
	const struct pool_node spot = {
		.at = (uint32_t)offset_of(reader, event->start_mark),
		.end = (uint32_t)offset_of(reader, event->end_mark),
		.key_at = (uint32_t)key_at};

	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(reader, event, parent, key, &spot);
	if (event->type == YAML_ALIAS_EVENT)
		return read_alias(reader, event, parent, key, &spot);
	return read_collection(reader, event, parent, key, &spot);
}

/* The value that <event> begins, into <parent>, or as the root. */
static int read_node(struct reader *reader, const yaml_event_t *event, cJSON *parent,
	const char *key, size_t key_at)
{
	size_t before = reader->values + reader->expanded;
	unsigned outside = reader->deepest;
	ssize_t anchor;
	int error = open_anchor(reader, event, &anchor);

	reader->deepest = reader->depth;
	if (!error)
		error = read_value(reader, event, parent, key, key_at);
	if (!error && anchor >= 0) {
		reader->anchors[anchor].item =
			parent ? parent->child->prev : reader->tree->root;
		reader->anchors[anchor].values =
			reader->values + reader->expanded - before;
		reader->anchors[anchor].height = reader->deepest - reader->depth;
	}
	if (reader->deepest < outside)
		reader->deepest = outside;
	return error;
}

/* --- the document --------------------------------------------------------------- */

/* An empty document is one without settings. */
static int put_nothing(struct reader *reader)
{
	const uint32_t at = (uint32_t)reader->bom;
	const struct pool_node start = {.at = at, .end = at, .key_at = at};

	pool_tree_forget(reader->tree->root);
	reader->tree->root = NULL;
	return put(reader, NULL, NULL, cJSON_CreateObject(), &start);
}

/* libyaml passes over byte order marks where a line begins, PyYAML does not. */
static int refuse_mark(struct reader *reader)
{
	static const char mark[] = "\xef\xbb\xbf";
	const char *found = memmem(reader->bytes + reader->bom,
		reader->length - reader->bom, mark, sizeof(mark) - 1);
	size_t at = found ? (size_t)(found - reader->bytes) : 0;

	return found ? refuse(reader, POOL_RULE_YAML_SYNTAX, at, at + sizeof(mark) - 1,
			       "a byte order mark (U+FEFF) inside the text")
		     : 0;
}

static int read_stream(struct reader *reader)
{
	unsigned documents = 0;
	bool more = true;
	int error = 0;

	while (more && !error) {
		yaml_event_t event;

		error = next_event(reader, &event);
		if (error)
			break;
		more = event.type != YAML_STREAM_END_EVENT;
		if (event.type == YAML_DOCUMENT_START_EVENT && documents++)
			error = refuse_event(reader, POOL_RULE_YAML_DOCUMENTS, &event,
				"a second document begins here: a pool file is one");
		else if (event.type != YAML_STREAM_START_EVENT &&
			event.type != YAML_DOCUMENT_START_EVENT &&
			event.type != YAML_DOCUMENT_END_EVENT && more)
			error = read_node(reader, &event, NULL, NULL,
				offset_of(reader, event.start_mark));
		yaml_event_delete(&event);
	}
	if (!error && (!documents || cJSON_IsNull(reader->tree->root)))
		error = put_nothing(reader);
	return error;
}

int pool_yaml_read(struct pool_tree *tree, const struct pool_source *source,
	struct pool_diagnostics *diagnostics)
{
	struct reader reader = {.tree = tree,
		.diagnostics = diagnostics,
		.bytes = source->bytes,
		.length = source->length,
		.bom = pool_json_bom(source->bytes, source->length)};
	int error = refuse_mark(&reader);

	if (!error)
		error = refuse_tabs(&reader);
	if (error)
		return error;
	reader.aside = cJSON_CreateArray();
	if (!reader.aside || !yaml_parser_initialize(&reader.parser)) {
		cJSON_Delete(reader.aside);
		return POOL_ENOMEM;
	}
	begin(&reader);
	error = read_stream(&reader);
	yaml_parser_delete(&reader.parser);
	pool_tree_forget(reader.aside);
	for (size_t i = 0; i < reader.anchor_count; i++)
		free(reader.anchors[i].name);
	free(reader.anchors);
	return error;
}
