/*
 * JSON in the making: a tree that knows whether all that was put into it is there.
 *
 *	cJSON *root = cJSON_CreateObject();
 *	cJSON *list = pool_json_add_array(root, "list");
 *	pool_json_append(list, cJSON_CreateString("text"));
 *	char *text = pool_json_take(root);
 *
 * What cannot be made or put for want of memory breaks the object or array that it was
 * meant for, so that no step needs to be looked at: at the end a tree with a broken place
 * anywhere is none. An object that could not be made breaks what it is put into.
 */
#ifndef POOL_CONFIG_BUILD_H
#define POOL_CONFIG_BUILD_H

#include <stdbool.h>
#include <cjson/cJSON.h>
#include "base/text.h"

/* Put <item>, which is taken, under <key> into <object>, or at the end of <list>. Either
 * may be NULL. Returns the item, or NULL. */
cJSON *pool_json_add(cJSON *object, const char *key, cJSON *item);
cJSON *pool_json_append(cJSON *list, cJSON *item);

cJSON *pool_json_add_object(cJSON *object, const char *key);
cJSON *pool_json_add_array(cJSON *object, const char *key);
cJSON *pool_json_add_string(cJSON *object, const char *key, const char *value);
cJSON *pool_json_add_number(cJSON *object, const char *key, double value);
cJSON *pool_json_add_bool(cJSON *object, const char *key, bool value);
/* <text> is released. */
cJSON *pool_json_add_text(cJSON *object, const char *key, struct pool_text *text);

/* Break <item>, which may be NULL: something that belongs there is missing. */
void pool_json_break(cJSON *item);
/* Whether <item> is there, and no place in it is broken. */
bool pool_json_is_whole(const cJSON *item);

/*
 * The text of <root>, which is deleted: two blanks an indent, a newline at its end;
 * free() it. NULL when out of memory, now or before.
 */
char *pool_json_take(cJSON *root);

#endif
