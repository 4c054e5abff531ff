/*
 * cJSON and libyaml on demand: these functions stand in for those of the same names in
 * the two libraries. Linked instead of them into the tools that mostly find their pool
 * file unchanged and so parse nothing: loading cJSON costs them 5 % of an empty program's
 * start.
 *
 * pool_parser_load() loads a library whole, before a reader uses it. Called without it, a
 * stand-in does nothing and answers 0, which is "out of memory" wherever something is to
 * be made.
 */
#include <dlfcn.h>
#include <cjson/cJSON.h>
#include <yaml.h>
#include "config/parsers.h"

/* VALUE(type, name, parameters, arguments), VOID(name, parameters, arguments) */
/* clang-format off */
#define JSON_FUNCTIONS(VALUE, VOID) \
	VALUE(cJSON *, cJSON_ParseWithLengthOpts, (const char *value, size_t length, const char **end, cJSON_bool terminated), (value, length, end, terminated)) \
	VALUE(char *, cJSON_Print, (const cJSON *item), (item)) \
	VALUE(char *, cJSON_PrintUnformatted, (const cJSON *item), (item)) \
	VOID(cJSON_Delete, (cJSON * item), (item)) \
	VALUE(cJSON *, cJSON_DetachItemViaPointer, (cJSON * parent, cJSON *item), (parent, item)) \
	VALUE(cJSON *, cJSON_Duplicate, (const cJSON *item, cJSON_bool deep), (item, deep)) \
	VOID(cJSON_free, (void *object), (object)) \
	VALUE(int, cJSON_GetArraySize, (const cJSON *array), (array)) \
	VALUE(cJSON_bool, cJSON_IsArray, (const cJSON *item), (item)) \
	VALUE(cJSON_bool, cJSON_IsBool, (const cJSON *item), (item)) \
	VALUE(cJSON_bool, cJSON_IsNull, (const cJSON *item), (item)) \
	VALUE(cJSON_bool, cJSON_IsNumber, (const cJSON *item), (item)) \
	VALUE(cJSON_bool, cJSON_IsObject, (const cJSON *item), (item)) \
	VALUE(cJSON_bool, cJSON_IsRaw, (const cJSON *item), (item)) \
	VALUE(cJSON_bool, cJSON_IsString, (const cJSON *item), (item)) \
	VALUE(cJSON_bool, cJSON_IsTrue, (const cJSON *item), (item)) \
	VALUE(cJSON *, cJSON_CreateArray, (void), ()) \
	VALUE(cJSON *, cJSON_CreateBool, (cJSON_bool value), (value)) \
	VALUE(cJSON *, cJSON_CreateNull, (void), ()) \
	VALUE(cJSON *, cJSON_CreateObject, (void), ()) \
	VALUE(cJSON *, cJSON_CreateRaw, (const char *raw), (raw)) \
	VALUE(cJSON *, cJSON_CreateString, (const char *string), (string)) \
	VALUE(cJSON_bool, cJSON_AddItemToArray, (cJSON * array, cJSON *item), (array, item)) \
	VALUE(cJSON_bool, cJSON_InsertItemInArray, (cJSON * array, int which, cJSON *item), (array, which, item)) \
	VALUE(cJSON_bool, cJSON_AddItemToObject, (cJSON * object, const char *string, cJSON *item), (object, string, item)) \
	VOID(cJSON_DeleteItemFromObject, (cJSON * object, const char *name), (object, name))

#define YAML_FUNCTIONS(VALUE, VOID) \
	VALUE(int, yaml_parser_initialize, (yaml_parser_t * parser), (parser)) \
	VALUE(int, yaml_parser_scan, (yaml_parser_t * parser, yaml_token_t *token), (parser, token)) \
	VALUE(int, yaml_parser_parse, (yaml_parser_t * parser, yaml_event_t *event), (parser, event)) \
	VOID(yaml_parser_set_input_string, (yaml_parser_t * parser, const unsigned char *input, size_t size), (parser, input, size)) \
	VOID(yaml_parser_set_encoding, (yaml_parser_t * parser, yaml_encoding_t encoding), (parser, encoding)) \
	VOID(yaml_parser_delete, (yaml_parser_t * parser), (parser)) \
	VOID(yaml_event_delete, (yaml_event_t * event), (event)) \
	VOID(yaml_token_delete, (yaml_token_t * token), (token))
/* clang-format on */

/* --- where they are --------------------------------------------------------------- */

#define VALUE_POINTER(type, name, parameters, arguments) type(*name) parameters;
#define VOID_POINTER(name, parameters, arguments)        void(*name) parameters;

/* Filled in once, and then the same for ever. */
static struct {
	JSON_FUNCTIONS(VALUE_POINTER, VOID_POINTER)
} json;

static struct {
	YAML_FUNCTIONS(VALUE_POINTER, VOID_POINTER)
} yaml;

#define VALUE_NAME(type, name, parameters, arguments) #name,
#define VOID_NAME(name, parameters, arguments)        #name,

static const char *const json_names[] = {JSON_FUNCTIONS(VALUE_NAME, VOID_NAME)};
static const char *const yaml_names[] = {YAML_FUNCTIONS(VALUE_NAME, VOID_NAME)};

static const struct {
	const char *file;
	void *functions; /* pointers, <count> of them */
	const char *const *names;
	size_t count;
} libraries[POOL_PARSERS] = {
	[POOL_PARSER_JSON] = {"libcjson.so.1", &json, json_names,
		sizeof(json_names) / sizeof(json_names[0])},
	[POOL_PARSER_YAML] = {"libyaml-0.so.2", &yaml, yaml_names,
		sizeof(yaml_names) / sizeof(yaml_names[0])},
};

_Static_assert(sizeof(json) == sizeof(json_names) && sizeof(yaml) == sizeof(yaml_names) &&
		sizeof(void *) == sizeof(void (*)(void)),
	"a name for each function");

static int fail(const char *file, struct pool_fault *fault)
{
	const char *why = dlerror();

	return pool_fault_set(fault, POOL_ESYSTEM, 0, "cannot load %s: %s", file,
		why ? why : "it lacks a function");
}

/* It stays loaded for as long as the process lives. The last pointer is set last. */
int pool_parser_load(enum pool_parser parser, struct pool_fault *fault)
{
	const char *file = libraries[parser].file;
	const size_t count = libraries[parser].count;
	void **functions = libraries[parser].functions;
	void *found[sizeof(json_names) / sizeof(json_names[0])];
	void *library;

	if (functions[count - 1])
		return 0;
	library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return fail(file, fault);
	for (size_t i = 0; i < count; i++) {
		found[i] = dlsym(library, libraries[parser].names[i]);
		if (found[i])
			continue;
		fail(file, fault);
		dlclose(library);
		return POOL_ESYSTEM;
	}
	for (size_t i = 0; i < count; i++)
		functions[i] = found[i];
	/* cppcheck-suppress resourceLeak */
	return 0;
}

/* --- the stand-ins ---------------------------------------------------------------- */

#define VALUE_STAND_IN(library, type, name, parameters, arguments)      \
	type name parameters                                            \
	{                                                               \
		return library.name ? library.name arguments : (type)0; \
	}
#define VOID_STAND_IN(library, name, parameters, arguments) \
	void name parameters                                \
	{                                                   \
		if (library.name)                           \
			library.name arguments;             \
	}

#define JSON_VALUE(...) VALUE_STAND_IN(json, __VA_ARGS__)
#define JSON_VOID(...)  VOID_STAND_IN(json, __VA_ARGS__)
#define YAML_VALUE(...) VALUE_STAND_IN(yaml, __VA_ARGS__)
#define YAML_VOID(...)  VOID_STAND_IN(yaml, __VA_ARGS__)

JSON_FUNCTIONS(JSON_VALUE, JSON_VOID)
YAML_FUNCTIONS(YAML_VALUE, YAML_VOID)
