/* The walk: places, pointers, faults, keys that stand twice. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/plain.h"
#include "config/tree.h"
#include "config/url.h"
#include "config/walk.h"

/* Pass over hidden values from <child> on. */
static bool settle(const struct walk *walk, struct place *child)
{
	while (child->value && child->value->type & POOL_ITEM_HIDDEN) {
		child->node += walk->nodes[child->node].size;
		child->value = child->value->next;
	}
	return child->value != NULL;
}

bool pool_place_first(
	const struct walk *walk, const struct place *parent, struct place *child)
{
	*child = (struct place){.parent = parent,
		.value = parent->value->child,
		.node = parent->node + 1};
	return settle(walk, child);
}

bool pool_place_next(const struct walk *walk, struct place *child)
{
	child->node += walk->nodes[child->node].size;
	child->value = child->value->next;
	child->item++;
	return settle(walk, child);
}

bool pool_place_find(const struct walk *walk, const struct place *parent, const char *key,
	struct place *child)
{
	if (!cJSON_IsObject(parent->value))
		return false;
	for (bool more = pool_place_first(walk, parent, child); more;
		more = pool_place_next(walk, child))
		if (strcmp(child->value->string, key) == 0)
			return true;
	return false;
}

bool pool_place_given(const struct walk *walk, const struct place *parent,
	const char *key, struct place *child)
{
	return pool_place_find(walk, parent, key, child) && !cJSON_IsNull(child->value);
}

/* --- credentials ---------------------------------------------------------------- */

void pool_walk_note_literal(
	struct walk *walk, enum literal whose, const struct place *place)
{
	struct literals *literals = &walk->literals[whose];

	if (literals->count++)
		return;
	literals->at = walk->nodes[place->node].at;
	literals->pointer = pool_place_pointer(place);
}

void pool_walk_forget_literals(struct walk *walk)
{
	for (int i = 0; i < LITERALS; i++) {
		free(walk->literals[i].pointer);
		walk->literals[i].pointer = NULL;
	}
}

/* --- words ---------------------------------------------------------------------- */

void pool_walk_quote(char *out, size_t size, const char *text)
{
	if (pool_url_may_hold_secret(text, strlen(text)))
		snprintf(out, size, "'***'");
	else
		snprintf(out, size, "'%s'", text);
}

static const char *shown_key(const char *key)
{
	return pool_url_may_hold_secret(key, strlen(key)) ? "***" : key;
}

void pool_place_label(const struct place *place, char *out, size_t size)
{
	const struct place *list = place;

	if (place->value->string) {
		snprintf(out, size, "%s", shown_key(place->value->string));
		return;
	}
	list = place->parent;
	if (!list)
		snprintf(out, size, "the document");
	else
		snprintf(out, size, "%s[%u]",
			list->value->string ? shown_key(list->value->string) : "list",
			place->item);
}

static void add_pointer(struct pool_text *text, const struct place *place)
{
	const char *key;

	if (!place->parent)
		return;
	add_pointer(text, place->parent);
	pool_text_add(text, "/");
	if (!place->value->string) {
		pool_text_addf(text, "%u", place->item);
		return;
	}
	for (key = shown_key(place->value->string); *key; key++) {
		if (*key == '~')
			pool_text_add(text, "~0");
		else if (*key == '/')
			pool_text_add(text, "~1");
		else
			pool_text_add_bytes(text, key, 1);
	}
}

char *pool_place_pointer(const struct place *place)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_text_add(&text, "");
	add_pointer(&text, place);
	return pool_text_take(&text);
}

static void tell(struct walk *walk, enum pool_rule_id rule, const struct place *place,
	size_t from, size_t to, const char *format, va_list arguments)
{
	char text[896];

	vsnprintf(text, sizeof(text), format, arguments);
	pool_diagnostics_add(
		walk->diagnostics, rule, from, to, pool_place_pointer(place), "%s", text);
}

void pool_tell_value(struct walk *walk, enum pool_rule_id rule, const struct place *place,
	const char *format, ...)
{
	const struct pool_node *node = &walk->nodes[place->node];
	va_list arguments;

	va_start(arguments, format);
	tell(walk, rule, place, node->at, node->end, format, arguments);
	va_end(arguments);
}

void pool_tell_trust(struct walk *walk, const struct place *place, const char *label,
	const struct pool_trust *trust, const char *then)
{
	char text[POOL_TRUST_TEXT];

	if (trust->writers != POOL_WRITERS_TRUSTED) {
		pool_trust_tell_writers(trust, text, sizeof(text));
		pool_tell_value(
			walk, POOL_RULE_FILE_WRITABLE, place, "%s%s", label, text);
	}
	if (!trust->strange)
		return;
	pool_trust_tell_owner(trust, "it", text, sizeof(text));
	pool_tell_value(
		walk, POOL_RULE_FILE_WRITABLE, place, "%s%s: %s", label, text, then);
}

void pool_tell_key(struct walk *walk, enum pool_rule_id rule, const struct place *place,
	const char *format, ...)
{
	const struct pool_node *node = &walk->nodes[place->node];
	const char *colon = walk->source->bytes + node->key_at;
	size_t end = node->at;
	va_list arguments;

	/* Behind the key come blanks and a colon. */
	while (end > node->key_at + 1 && strchr(" \t\r\n:", walk->source->bytes[end - 1]))
		end--;
	if (node->key_at == node->at || !*colon)
		end = node->end;
	va_start(arguments, format);
	tell(walk, rule, place, node->key_at, end, format, arguments);
	va_end(arguments);
}

const char *pool_place_number(
	const struct walk *walk, const struct place *place, size_t *length)
{
	const struct pool_node *node = &walk->nodes[place->node];

	if (place->value->valuestring) {
		*length = strlen(place->value->valuestring);
		return place->value->valuestring;
	}
	*length = node->end - node->at;
	return walk->source->bytes + node->at;
}

/* A scalar that readers of YAML understand differently. */
static void tell_odd(struct walk *walk, const struct place *place, const char *label)
{
	const char *text = place->value->valuestring;
	const char *trouble = pool_plain_trouble(pool_plain_find(text));
	char shown[96];

	pool_walk_quote(shown, sizeof(shown), text);
	pool_tell_value(walk, POOL_RULE_YAML_SCALAR, place, "%s: %s is %s", label, shown,
		trouble ? trouble : "of a type that a pool file does not have");
}

static void show_value(
	const struct walk *walk, const struct place *place, char *out, size_t size)
{
	const cJSON *value = place->value;
	size_t length;
	const char *number = pool_place_number(walk, place, &length);

	if (cJSON_IsString(value))
		pool_walk_quote(out, size, value->valuestring);
	else if (cJSON_IsNumber(value))
		snprintf(out, size, "%.*s", (int)(length < 60 ? length : 60), number);
	else
		snprintf(out, size, "%s",
			cJSON_IsBool(value) ? (cJSON_IsTrue(value) ? "true" : "false")
				: cJSON_IsNull(value)  ? "null"
				: cJSON_IsArray(value) ? "a list"
						       : "an object");
}

void pool_tell_type(struct walk *walk, const struct place *place, const char *say)
{
	char label[96], shown[96];

	pool_place_label(place, label, sizeof(label));
	if (cJSON_IsRaw(place->value)) {
		tell_odd(walk, place, label);
		return;
	}
	show_value(walk, place, shown, sizeof(shown));
	pool_tell_value(
		walk, POOL_RULE_TYPE, place, "%s: %s is not %s", label, shown, say);
}

/* --- keys that stand twice ------------------------------------------------------ */

static int compare_keys(const void *a, const void *b)
{
	const struct place *left = a, *right = b;
	int order = strcmp(left->value->string, right->value->string);

	return order ? order : left->node < right->node ? -1 : 1;
}

static void hide_in_object(struct walk *walk, const struct place *object)
{
	int count = cJSON_GetArraySize(object->value);
	struct place *places, child;
	size_t used = 0;
	char label[96];

	if (count < 2)
		return;
	places = calloc((size_t)count, sizeof(*places));
	if (!places) {
		walk->no_memory = true;
		return;
	}
	for (bool more = pool_place_first(walk, object, &child); more;
		more = pool_place_next(walk, &child))
		places[used++] = child;
	qsort(places, used, sizeof(*places), compare_keys);
	for (size_t i = 1; i < used; i++) {
		if (strcmp(places[i].value->string, places[i - 1].value->string) != 0)
			continue;
		pool_walk_quote(label, sizeof(label), places[i].value->string);
		pool_tell_key(walk, POOL_RULE_DUPLICATE_KEY, &places[i],
			"the key %s stands here for the second time", label);
		places[i].value->type |= POOL_ITEM_HIDDEN;
	}
	free(places);
}

/* A key of YAML that is read as a number, say. */
static void tell_odd_key(struct walk *walk, const struct place *place)
{
	char label[96];

	pool_walk_quote(label, sizeof(label), place->value->string);
	pool_tell_key(walk, POOL_RULE_YAML_KEY, place,
		"the key %s is no string to YAML: put it in quotes", label);
}

static void judge_keys(struct walk *walk, const struct place *root)
{
	struct place child;

	if (cJSON_IsObject(root->value))
		hide_in_object(walk, root);
	for (bool more = pool_place_first(walk, root, &child); more;
		more = pool_place_next(walk, &child)) {
		if (child.value->type & POOL_ITEM_ODD_KEY)
			tell_odd_key(walk, &child);
		if (child.value->child)
			judge_keys(walk, &child);
	}
}

void pool_walk_judge_keys(struct walk *walk, const struct place *root)
{
	struct place proxy;

	if (!pool_place_find(walk, root, "proxy", &proxy)) {
		judge_keys(walk, root);
		return;
	}
	hide_in_object(walk, root);
	judge_keys(walk, &proxy);
}
