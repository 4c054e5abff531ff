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
#include "config/url.h"
#include "config/walk.h"

enum {
	ALIAS_VALUES = 1 << 18, /* values that aliases may add */
	MERGE_WORK = 1 << 26,   /* keys compared with each other by merge keys */
	NUMBER_SIZE = 128
};

/* A value that an alias can stand for. */
struct anchor {
	char *name;
	cJSON *item; /* NULL while it is being read */
	size_t values;
};

struct reader {
	yaml_parser_t parser;
	struct pool_tree *tree;
	struct pool_diagnostics *diagnostics;
	const char *bytes; /* the text, behind a byte order mark */
	size_t length;
	size_t bom;
	size_t index, offset; /* libyaml counts characters: where it was last, in both */
	struct anchor *anchors;
	size_t anchor_count;
	cJSON *aside;    /* what '<<' held: an anchor may stand in it */
	size_t values;   /* noted so far */
	size_t expanded; /* of those, by aliases */
	size_t compared; /* keys, by merge keys */
	unsigned depth;
};

/* --- where things stand --------------------------------------------------------- */

/* The byte of the source at a mark of libyaml's. */
static size_t offset_of(struct reader *reader, yaml_mark_t mark)
{
	if (mark.index < reader->index)
		reader->index = reader->offset = 0;
	while (reader->index < mark.index && reader->offset < reader->length) {
		reader->offset++;
		while (reader->offset < reader->length &&
			((unsigned char)reader->bytes[reader->offset] & 0xc0) == 0x80)
			reader->offset++;
		reader->index++;
	}
	return reader->bom + reader->offset;
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
	const char *text;
} problems[] = {
	{"mapping values are not allowed", POOL_RULE_YAML_SYNTAX,
		"a ':' cannot stand here: put the value in quotes, or correct the "
		"indentation"},
	{"did not find expected key", POOL_RULE_YAML_SYNTAX,
		"a key was expected here: correct the indentation, or a quote before "
		"it"},
	{"did not find expected '-' indicator", POOL_RULE_YAML_SYNTAX,
		"a '-' was expected here: correct the indentation"},
	{"did not find expected <document start>", POOL_RULE_YAML_DOCUMENTS,
		"something follows the end of the document"},
	{"found unexpected end of stream", POOL_RULE_YAML_SYNTAX,
		"the text ends inside quotes"},
	{"found a tab character", POOL_RULE_YAML_TAB,
		"a tab stands where blanks must: indent with blanks"},
	{"found undefined tag handle", POOL_RULE_YAML_TAG,
		"a tag that is not known here"},
	{"exceeded maximum nesting", POOL_RULE_YAML_DEPTH,
		"more than 64 levels of nesting"},
	{"could not find expected ':'", POOL_RULE_YAML_SYNTAX,
		"a ':' was expected behind this key"},
};

static int refuse_character(struct reader *reader, size_t at)
{
	char byte = at - reader->bom < reader->length ? reader->bytes[at - reader->bom]
						      : '\0';

	if (byte == '\t')
		return refuse(reader, POOL_RULE_YAML_TAB, at, at + 1,
			"a tab stands where blanks must: indent with blanks");
	return refuse(reader, POOL_RULE_YAML_SYNTAX, at, at + 1,
		"a value cannot begin with this character: put it in quotes");
}

/* Why the parser stopped. */
static int refuse_text(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem ? parser->problem : "it is no YAML";
	size_t at = parser->error == YAML_READER_ERROR
		? reader->bom + parser->problem_offset
		: offset_of(reader, parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR)
		return POOL_ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		return strncmp(problem, "control", 7) == 0
			? refuse(reader, POOL_RULE_YAML_SYNTAX, at, at + 1,
				  "a raw control character")
			: refuse(reader, POOL_RULE_YAML_ENCODING, at, at + 1,
				  "this is not UTF-8");
	if (strncmp(problem, "found character that cannot start", 33) == 0)
		return refuse_character(reader, at);
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++)
		if (strncmp(problem, problems[i].problem, strlen(problems[i].problem)) ==
			0)
			return refuse(reader, problems[i].rule, at, at + 1, "%s",
				problems[i].text);
	return refuse(reader, POOL_RULE_YAML_SYNTAX, at, at + 1, "%s%s%s", problem,
		parser->context ? " " : "", parser->context ? parser->context : "");
}

/* --- tabs ----------------------------------------------------------------------- */

/* The first tab of the text from <from> to <to> that is in no comment. */
static bool find_tab(const struct reader *reader, size_t from, size_t to, size_t *at)
{
	bool comment = false;

	for (size_t i = from; i < to; i++) {
		char byte = reader->bytes[i - reader->bom];

		comment = byte == '#' || (comment && byte != '\n');
		if (byte != '\t' || comment)
			continue;
		*at = i;
		return true;
	}
	return false;
}

static void begin(struct reader *reader)
{
	yaml_parser_set_input_string(
		&reader->parser, (const unsigned char *)reader->bytes, reader->length);
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	reader->index = reader->offset = 0;
}

/*
 * libyaml lets tabs pass where PyYAML does not: outside of scalars and comments. What
 * else is wrong is left to the second reading.
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

		tab = find_tab(reader, last, at, &found);
		last = offset_of(reader, token.end_mark);
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
	if (strcmp(text, "!") == 0)
		return "str";
	return strncmp(text, tag_prefix, sizeof(tag_prefix) - 1) == 0
		? text + sizeof(tag_prefix) - 1
		: NULL;
}

static int refuse_tag(
	struct reader *reader, const yaml_event_t *event, const unsigned char *tag)
{
	const char *name = tag_name(tag);
	char shown[96];

	snprintf(shown, sizeof(shown), "%s%s", name ? "!!" : "",
		name ? name : (const char *)tag);
	return refuse(reader, POOL_RULE_YAML_TAG, offset_of(reader, event->start_mark),
		offset_of(reader, event->start_mark) + 1,
		"the tag '%s' is not supported: a pool file has plain values only",
		pool_url_may_hold_secret(shown, strlen(shown)) ? "***" : shown);
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
	char number[NUMBER_SIZE];
	cJSON *item;

	pool_plain_number(text, number, sizeof(number));
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
	case POOL_PLAINS:
		break;
	}
	/* Odd: refused where somebody reads it. */
	return cJSON_CreateRaw(text);
}

/* What the scalar of <event> is, its tag considered; false: the tag is not known. */
static bool find_plain(const yaml_event_t *event, enum pool_plain *plain)
{
	const char *tag = tag_name(event->data.scalar.tag);
	const char *text = (const char *)event->data.scalar.value;

	*plain = POOL_PLAIN_STRING;
	if (!tag)
		return false;
	if (strcmp(tag, "str") == 0)
		return true;
	if (!*tag && event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return true;
	*plain = pool_plain_find(text);
	if (!*tag)
		return true;
	if (strcmp(tag, "null") == 0)
		*plain = POOL_PLAIN_NULL;
	else if (strcmp(tag, "bool") == 0 && *plain != POOL_PLAIN_TRUE &&
		*plain != POOL_PLAIN_FALSE)
		return false;
	else if ((strcmp(tag, "int") == 0 || strcmp(tag, "float") == 0) &&
		(*plain < POOL_PLAIN_NUMBER || *plain == POOL_PLAIN_MERGE ||
			*plain > POOL_PLAIN_NOTATION))
		return false;
	return strcmp(tag, "null") == 0 || strcmp(tag, "bool") == 0 ||
		strcmp(tag, "int") == 0 || strcmp(tag, "float") == 0;
}

static int read_scalar(struct reader *reader, const yaml_event_t *event, cJSON *parent,
	const char *key, const struct pool_node *spot)
{
	const char *text = (const char *)event->data.scalar.value;
	enum pool_plain plain;

	if (strlen(text) != event->data.scalar.length)
		return refuse_event(
			reader, POOL_RULE_YAML_SYNTAX, event, "a NUL character (\\0)");
	if (!find_plain(event, &plain))
		return refuse_tag(reader, event, event->data.scalar.tag);
	return put(reader, parent, key, make_scalar(text, plain), spot);
}

/* --- aliases -------------------------------------------------------------------- */

/* Begin an anchor, whose item follows; its place in the list, -1 where there is none. */
static int open_anchor(struct reader *reader, const unsigned char *name, ssize_t *out)
{
	size_t count = reader->anchor_count;
	struct anchor *list;

	*out = -1;
	if (!name)
		return 0;
	list = realloc(reader->anchors, (count + 1) * sizeof(*list));
	if (!list)
		return POOL_ENOMEM;
	reader->anchors = list;
	list[count] = (struct anchor){.name = strdup((const char *)name)};
	reader->anchor_count++;
	*out = (ssize_t)count;
	return list[count].name ? 0 : POOL_ENOMEM;
}

static int refuse_alias(struct reader *reader, const yaml_event_t *event,
	enum pool_rule_id rule, const char *why)
{
	char shown[96];

	pool_walk_quote(shown, sizeof(shown), (const char *)event->data.alias.anchor);
	return refuse(reader, rule, offset_of(reader, event->start_mark),
		offset_of(reader, event->end_mark), "the alias %s %s", shown, why);
}

static int read_alias(struct reader *reader, const yaml_event_t *event, cJSON *parent,
	const char *key, const struct pool_node *spot)
{
	const char *name = (const char *)event->data.alias.anchor;
	const struct anchor *anchor = NULL;

	/* The last one of that name counts. */
	for (size_t i = reader->anchor_count; i-- && !anchor;)
		if (strcmp(reader->anchors[i].name, name) == 0)
			anchor = &reader->anchors[i];
	if (!anchor)
		return refuse_alias(reader, event, POOL_RULE_YAML_ALIAS,
			"stands for nothing: no anchor before it has that name");
	if (!anchor->item)
		return refuse_alias(reader, event, POOL_RULE_YAML_ALIAS,
			"stands inside its own value");
	reader->expanded += anchor->values;
	if (reader->expanded > ALIAS_VALUES)
		return refuse_alias(reader, event, POOL_RULE_YAML_EXPANSION,
			"makes the document too large: aliases add more than 262144 "
			"values");
	return put(reader, parent, key, cJSON_Duplicate(anchor->item, 1), spot);
}

/* --- mappings and lists --------------------------------------------------------- */

static int next_event(struct reader *reader, yaml_event_t *event)
{
	return yaml_parser_parse(&reader->parser, event) ? 0 : refuse_text(reader);
}

static bool has_key(const cJSON *object, const char *key)
{
	for (const cJSON *child = object->child; child; child = child->next)
		if (strcmp(child->string, key) == 0)
			return true;
	return false;
}

/* The keys of <from> that <object> has not. */
static int merge_one(
	struct reader *reader, cJSON *object, cJSON *from, const struct pool_node *spot)
{
	size_t have = (size_t)cJSON_GetArraySize(object);

	if (!cJSON_IsObject(from))
		return refuse(reader, POOL_RULE_YAML_MERGE, spot->at, spot->end,
			"'<<' takes a mapping or a list of mappings");
	for (cJSON *child = from->child; child; child = child->next) {
		reader->compared += have++;
		if (reader->compared > MERGE_WORK)
			return refuse(reader, POOL_RULE_YAML_EXPANSION, spot->at,
				spot->end, "the keys merged by '<<' are too many");
		if (has_key(object, child->string))
			continue;
		pool_tree_put(
			reader->tree, object, child->string, cJSON_Duplicate(child, 1));
		if (reader->tree->broken)
			return POOL_ENOMEM;
	}
	return 0;
}

/* What '<<' holds goes where no key of the mapping's own is. */
static int merge(struct reader *reader, cJSON *object, cJSON *merged)
{
	const struct pool_node spot = *pool_tree_spot(reader->tree, merged);
	int error = 0;

	if (!cJSON_IsArray(merged))
		return merge_one(reader, object, merged, &spot);
	for (cJSON *item = merged->child; item && !error; item = item->next)
		error = merge_one(reader, object, item, &spot);
	return error;
}

/* Is the key of <event> the merge key, and what is it read as? */
static int judge_key(
	struct reader *reader, const yaml_event_t *event, enum pool_plain *plain)
{
	if (event->type != YAML_SCALAR_EVENT)
		return refuse_event(
			reader, POOL_RULE_YAML_KEY, event, "a key must be a string");
	if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
		return refuse_event(
			reader, POOL_RULE_YAML_SYNTAX, event, "a NUL character (\\0)");
	if (!find_plain(event, plain))
		return refuse_tag(reader, event, event->data.scalar.tag);
	return 0;
}

/* The value of the key that <event> is, into <object> or, of '<<', into <merged>. */
static int read_pair(
	struct reader *reader, const yaml_event_t *event, cJSON *object, cJSON *merged)
{
	const char *key = (const char *)event->data.scalar.value;
	size_t key_at = offset_of(reader, event->start_mark);
	enum pool_plain plain;
	yaml_event_t value;
	cJSON *home, *item;
	int error = judge_key(reader, event, &plain);

	if (error)
		return error;
	home = plain == POOL_PLAIN_MERGE ? merged : object;
	if (home == merged && merged->child)
		return refuse_event(reader, POOL_RULE_DUPLICATE_KEY, event,
			"'<<' stands here for the second time: write one with a list");
	error = next_event(reader, &value);
	if (error)
		return error;
	error = read_node(reader, &value, home, home == merged ? NULL : key, key_at);
	yaml_event_delete(&value);
	item = home->child ? home->child->prev : NULL;
	/* Refused where somebody reads it: the rest of a cryptofeed configuration may
	 * have numbers as keys. */
	if (!error && plain != POOL_PLAIN_STRING && home == object)
		item->type |= POOL_ITEM_ODD_KEY;
	return error;
}

static int read_mapping(struct reader *reader, cJSON *object)
{
	cJSON *merged = cJSON_CreateArray();
	bool more = merged && cJSON_AddItemToArray(reader->aside, merged);
	int error = more ? 0 : POOL_ENOMEM;

	while (more) {
		yaml_event_t event;

		error = next_event(reader, &event);
		if (error)
			break;
		more = event.type != YAML_MAPPING_END_EVENT;
		if (more)
			error = read_pair(reader, &event, object, merged);
		else
			pool_tree_spot(reader->tree, object)->end =
				(uint32_t)offset_of(reader, event.end_mark);
		yaml_event_delete(&event);
		more = more && !error;
	}
	if (!error && merged->child)
		error = merge(reader, object, merged->child);
	if (!error && !merged->child)
		cJSON_Delete(cJSON_DetachItemViaPointer(reader->aside, merged));
	return error;
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

	while (spot->end > spot->at + 1 &&
		strchr(" \r\n", reader->bytes[spot->end - 1 - reader->bom]))
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
	if (reader->depth == POOL_JSON_DEPTH)
		return refuse(reader, POOL_RULE_YAML_DEPTH, spot->at, spot->at + 1,
			"more than 64 levels of nesting");
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

static const unsigned char *anchor_of(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT   ? event->data.scalar.anchor
		: event->type == YAML_ALIAS_EVENT ? NULL
		: event->type == YAML_MAPPING_START_EVENT
		? event->data.mapping_start.anchor
		: event->data.sequence_start.anchor;
}

/* The value that <event> begins, into <parent>, or as the root. */
static int read_node(struct reader *reader, const yaml_event_t *event, cJSON *parent,
	const char *key, size_t key_at)
{
	struct pool_node spot = {.at = (uint32_t)offset_of(reader, event->start_mark),
		.key_at = (uint32_t)key_at};
	size_t before = reader->values + reader->expanded;
	ssize_t anchor;
	int error = open_anchor(reader, anchor_of(event), &anchor);

	spot.end = (uint32_t)offset_of(reader, event->end_mark);
	if (error)
		return error;
	if (event->type == YAML_SCALAR_EVENT)
		error = read_scalar(reader, event, parent, key, &spot);
	else if (event->type == YAML_ALIAS_EVENT)
		error = read_alias(reader, event, parent, key, &spot);
	else
		error = read_collection(reader, event, parent, key, &spot);
	if (error || anchor < 0)
		return error;
	reader->anchors[anchor].item = parent ? parent->child->prev : reader->tree->root;
	reader->anchors[anchor].values = reader->values + reader->expanded - before;
	return 0;
}

/* --- the document --------------------------------------------------------------- */

/* An empty document is one without settings. */
static int put_nothing(struct reader *reader)
{
	const struct pool_node start = {0};

	pool_tree_forget(reader->tree->root);
	reader->tree->root = NULL;
	return put(reader, NULL, NULL, cJSON_CreateObject(), &start);
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
	size_t bom = pool_json_bom(source->bytes, source->length);
	struct reader reader = {.tree = tree,
		.diagnostics = diagnostics,
		.bytes = source->bytes + bom,
		.length = source->length - bom,
		.bom = bom};
	int error = refuse_tabs(&reader);

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
