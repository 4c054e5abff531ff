/*
 * cJSON and libyaml on demand: these functions stand in for those of the same names in
 * the two libraries, and load them at the first call. Linked instead of them into the
 * tools that mostly find their pool file unchanged and so parse nothing: loading cJSON
 * costs them 5 % of an empty program's start.
 *
 * As with the dynamic linker, which this replaces, a missing library ends the program.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
#include <cjson/cJSON.h>
#include <yaml.h>

static void *find(const char *file, const char *name)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	void *function = library ? dlsym(library, name) : NULL;

	if (!function) {
		dprintf(STDERR_FILENO, "cannot load %s: %s\n", file, dlerror());
		_exit(4);
	}
	/* It stays loaded for as long as the process lives. */
	/* cppcheck-suppress resourceLeak */
	return function;
}

/* The address is looked up once; finding it twice would be harmless. */
#define CALL(file, answer, type, name, parameters, arguments)        \
	type name parameters                                         \
	{                                                            \
		static type(*real) parameters;                       \
                                                                     \
		if (!real)                                           \
			*(void **)(void *)&real = find(file, #name); \
		answer real arguments;                               \
	}
#define STAND_IN(type, name, parameters, arguments) \
	CALL("libcjson.so.1", return, type, name, parameters, arguments)
#define STAND_IN_VOID(name, parameters, arguments) \
	CALL("libcjson.so.1", (void), void, name, parameters, arguments)
#define YAML_IN(name, parameters, arguments) \
	CALL("libyaml-0.so.2", return, int, name, parameters, arguments)
#define YAML_IN_VOID(name, parameters, arguments) \
	CALL("libyaml-0.so.2", (void), void, name, parameters, arguments)

STAND_IN(cJSON *, cJSON_ParseWithLengthOpts,
	(const char *value, size_t length, const char **end, cJSON_bool terminated),
	(value, length, end, terminated))
STAND_IN(char *, cJSON_Print, (const cJSON *item), (item))
STAND_IN(char *, cJSON_PrintUnformatted, (const cJSON *item), (item))
STAND_IN_VOID(cJSON_Delete, (cJSON * item), (item))
STAND_IN(cJSON *, cJSON_DetachItemViaPointer, (cJSON * parent, cJSON *item),
	(parent, item))
STAND_IN(cJSON *, cJSON_Duplicate, (const cJSON *item, cJSON_bool deep), (item, deep))
STAND_IN_VOID(cJSON_free, (void *object), (object))
STAND_IN(int, cJSON_GetArraySize, (const cJSON *array), (array))
STAND_IN(cJSON_bool, cJSON_IsArray, (const cJSON *item), (item))
STAND_IN(cJSON_bool, cJSON_IsBool, (const cJSON *item), (item))
STAND_IN(cJSON_bool, cJSON_IsNull, (const cJSON *item), (item))
STAND_IN(cJSON_bool, cJSON_IsNumber, (const cJSON *item), (item))
STAND_IN(cJSON_bool, cJSON_IsObject, (const cJSON *item), (item))
STAND_IN(cJSON_bool, cJSON_IsRaw, (const cJSON *item), (item))
STAND_IN(cJSON_bool, cJSON_IsString, (const cJSON *item), (item))
STAND_IN(cJSON_bool, cJSON_IsTrue, (const cJSON *item), (item))
STAND_IN(cJSON *, cJSON_CreateArray, (void), ())
STAND_IN(cJSON *, cJSON_CreateBool, (cJSON_bool value), (value))
STAND_IN(cJSON *, cJSON_CreateNull, (void), ())
STAND_IN(cJSON *, cJSON_CreateObject, (void), ())
STAND_IN(cJSON *, cJSON_CreateRaw, (const char *raw), (raw))
STAND_IN(cJSON *, cJSON_CreateString, (const char *string), (string))
STAND_IN(cJSON_bool, cJSON_AddItemToArray, (cJSON * array, cJSON *item), (array, item))
STAND_IN(cJSON_bool, cJSON_InsertItemInArray, (cJSON * array, int which, cJSON *item),
	(array, which, item))
STAND_IN(cJSON_bool, cJSON_AddItemToObject,
	(cJSON * object, const char *string, cJSON *item), (object, string, item))
STAND_IN(cJSON *, cJSON_AddArrayToObject, (cJSON * object, const char *name),
	(object, name))
STAND_IN(cJSON *, cJSON_AddBoolToObject,
	(cJSON * object, const char *name, cJSON_bool value), (object, name, value))
STAND_IN(cJSON *, cJSON_AddNullToObject, (cJSON * object, const char *name),
	(object, name))
STAND_IN(cJSON *, cJSON_AddNumberToObject,
	(cJSON * object, const char *name, double value), (object, name, value))
STAND_IN(cJSON *, cJSON_AddObjectToObject, (cJSON * object, const char *name),
	(object, name))
STAND_IN(cJSON *, cJSON_AddStringToObject,
	(cJSON * object, const char *name, const char *value), (object, name, value))
STAND_IN_VOID(
	cJSON_DeleteItemFromObject, (cJSON * object, const char *name), (object, name))

YAML_IN(yaml_parser_initialize, (yaml_parser_t * parser), (parser))
YAML_IN(yaml_parser_scan, (yaml_parser_t * parser, yaml_token_t *token), (parser, token))
YAML_IN(yaml_parser_parse, (yaml_parser_t * parser, yaml_event_t *event), (parser, event))
YAML_IN_VOID(yaml_parser_set_input_string,
	(yaml_parser_t * parser, const unsigned char *input, size_t size),
	(parser, input, size))
YAML_IN_VOID(yaml_parser_set_encoding, (yaml_parser_t * parser, yaml_encoding_t encoding),
	(parser, encoding))
YAML_IN_VOID(yaml_parser_delete, (yaml_parser_t * parser), (parser))
YAML_IN_VOID(yaml_event_delete, (yaml_event_t * event), (event))
YAML_IN_VOID(yaml_token_delete, (yaml_token_t * token), (token))
