/* JSON in the making: a tree that knows whether all that was put into it is there. */
#include "config/build.h"

/* In the number of an object or array, which has none. */
enum { BROKEN = -1 };

void pool_json_break(cJSON *item)
{
	if (item)
		item->valueint = BROKEN;
}

static cJSON *settle(cJSON *parent, cJSON *item, bool put)
{
	if (put)
		return item;
	cJSON_Delete(item);
	pool_json_break(parent);
	return NULL;
}

cJSON *pool_json_add(cJSON *object, const char *key, cJSON *item)
{
	return settle(
		object, item, object && item && cJSON_AddItemToObject(object, key, item));
}

cJSON *pool_json_append(cJSON *list, cJSON *item)
{
	return settle(list, item, list && item && cJSON_AddItemToArray(list, item));
}

cJSON *pool_json_add_object(cJSON *object, const char *key)
{
	return pool_json_add(object, key, cJSON_CreateObject());
}

cJSON *pool_json_add_array(cJSON *object, const char *key)
{
	return pool_json_add(object, key, cJSON_CreateArray());
}

cJSON *pool_json_add_string(cJSON *object, const char *key, const char *value)
{
	return pool_json_add(object, key, cJSON_CreateString(value));
}

cJSON *pool_json_add_number(cJSON *object, const char *key, double value)
{
	return pool_json_add(object, key, cJSON_CreateNumber(value));
}

cJSON *pool_json_add_bool(cJSON *object, const char *key, bool value)
{
	return pool_json_add(object, key, cJSON_CreateBool(value));
}

cJSON *pool_json_add_text(cJSON *object, const char *key, struct pool_text *text)
{
	cJSON *item =
		text->broken ? NULL : cJSON_CreateString(text->bytes ? text->bytes : "");

	pool_text_release(text);
	return pool_json_add(object, key, item);
}

bool pool_json_is_whole(const cJSON *item)
{
	if (!item)
		return false;
	if (!cJSON_IsObject(item) && !cJSON_IsArray(item))
		return true;
	if (item->valueint == BROKEN)
		return false;
	for (const cJSON *child = item->child; child; child = child->next)
		if (!pool_json_is_whole(child))
			return false;
	return true;
}

char *pool_json_take(cJSON *root)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	char *printed = pool_json_is_whole(root) ? cJSON_Print(root) : NULL;

	cJSON_Delete(root);
	/* Inside of a string a tab is an escape. */
	for (const char *at = printed; at && *at; at++) {
		if (*at == '\t')
			pool_text_add(&text, at > printed && at[-1] == ':' ? " " : "  ");
		else
			pool_text_add_bytes(&text, at, 1);
	}
	pool_text_add(&text, "\n");
	text.broken = text.broken || !printed;
	if (printed)
		cJSON_free(printed);
	return pool_text_take(&text);
}
