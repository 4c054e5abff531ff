/*
 * cJSON on demand: these functions stand in for the library of the same names, and load
 * it at the first call. Linked instead of it into the tools that mostly find their pool
 * file unchanged and so parse nothing: loading it costs them 5 % of an empty program's
 * start.
 *
 * As with the dynamic linker, which this replaces, a missing library ends the program.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
#include <cjson/cJSON.h>

static void *find(const char *name)
{
	void *library = dlopen("libcjson.so.1", RTLD_NOW | RTLD_LOCAL);
	void *function = library ? dlsym(library, name) : NULL;

	if (!function) {
		dprintf(STDERR_FILENO, "cannot load cJSON: %s\n", dlerror());
		_exit(4);
	}
	/* It stays loaded for as long as the process lives. */
	/* cppcheck-suppress resourceLeak */
	return function;
}

/* The address is looked up once; finding it twice would be harmless. */
#define CALL(answer, type, name, parameters, arguments)        \
	type name parameters                                   \
	{                                                      \
		static type(*real) parameters;                 \
                                                               \
		if (!real)                                     \
			*(void **)(void *)&real = find(#name); \
		answer real arguments;                         \
	}
#define STAND_IN(type, name, parameters, arguments) \
	CALL(return, type, name, parameters, arguments)
#define STAND_IN_VOID(name, parameters, arguments) \
	CALL((void), void, name, parameters, arguments)

STAND_IN(cJSON *, cJSON_ParseWithLengthOpts,
	(const char *value, size_t length, const char **end, cJSON_bool terminated),
	(value, length, end, terminated))
STAND_IN(char *, cJSON_Print, (const cJSON *item), (item))
STAND_IN(char *, cJSON_PrintUnformatted, (const cJSON *item), (item))
STAND_IN_VOID(cJSON_Delete, (cJSON * item), (item))
STAND_IN_VOID(cJSON_free, (void *object), (object))
STAND_IN(int, cJSON_GetArraySize, (const cJSON *array), (array))
STAND_IN(cJSON_bool, cJSON_IsArray, (const cJSON *item), (item))
STAND_IN(cJSON_bool, cJSON_IsBool, (const cJSON *item), (item))
STAND_IN(cJSON_bool, cJSON_IsNull, (const cJSON *item), (item))
STAND_IN(cJSON_bool, cJSON_IsNumber, (const cJSON *item), (item))
STAND_IN(cJSON_bool, cJSON_IsObject, (const cJSON *item), (item))
STAND_IN(cJSON_bool, cJSON_IsString, (const cJSON *item), (item))
STAND_IN(cJSON_bool, cJSON_IsTrue, (const cJSON *item), (item))
STAND_IN(cJSON *, cJSON_CreateArray, (void), ())
STAND_IN(cJSON *, cJSON_CreateObject, (void), ())
STAND_IN(cJSON *, cJSON_CreateRaw, (const char *raw), (raw))
STAND_IN(cJSON *, cJSON_CreateString, (const char *string), (string))
STAND_IN(cJSON_bool, cJSON_AddItemToArray, (cJSON * array, cJSON *item), (array, item))
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
