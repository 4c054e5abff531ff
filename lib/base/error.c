/* The error table, and faults in words. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "pool.h"

static const struct pool_error_row rows[] = {
	{POOL_OK, "ok", "nothing failed"},
	{POOL_EINVALID, "invalid", "the pool file is invalid"},
	{POOL_ENOFILE, "no-file", "the file cannot be read"},
	{POOL_EFORMAT, "format", "the file is not ours, or of another version"},
	{POOL_EFOREIGN, "foreign", "the state file belongs to another pool file"},
	{POOL_EUNSAFE, "unsafe", "others could have changed the file or its folder"},
	{POOL_EBUSY, "busy", "the lock was not to be had in time"},
	{POOL_ENONE, "no-proxy", "no proxy can be used"},
	{POOL_ESECRET, "no-secret", "a credential cannot be had"},
	{POOL_ESYSTEM, "system", "the system failed"},
	{POOL_ENOMEM, "no-memory", "out of memory"},
	{POOL_EARGUMENT, "argument", "an argument is wrong"},
	{POOL_ESTALE, "stale", "the file on disk is another one by now"},
	{POOL_EUNKNOWN, "unknown", "no proxy or lease has that name"},
};

const struct pool_error_row *pool_error_get(int code)
{
	size_t row = (size_t) - (long)code;

	if (row < sizeof(rows) / sizeof(rows[0]))
		return &rows[row];
	return &rows[-POOL_ESYSTEM];
}

int pool_fault_set(
	struct pool_fault *fault, int code, int sys_errno, const char *format, ...)
{
	char raw[sizeof(fault->text)];
	char reason[96] = "";
	va_list arguments;
	int length;

	if (!fault)
		return code;
	va_start(arguments, format);
	length = vsnprintf(raw, sizeof(raw), format, arguments);
	va_end(arguments);
	if (length < 0)
		raw[0] = '\0';
	if (sys_errno) {
		size_t used = strlen(raw);

		snprintf(raw + used, sizeof(raw) - used, ": %s",
			strerror_r(sys_errno, reason, sizeof(reason)));
	}
	fault->code = code;
	fault->sys_errno = sys_errno;
	pool_text_safe(fault->text, sizeof(fault->text), raw, strlen(raw));
	return code;
}

static const char *const type_names[POOL_TYPES] = {
	[POOL_TYPE_HTTP] = "http",
	[POOL_TYPE_WEBSOCKET] = "websocket",
};

const char *pool_type_name(enum pool_type type)
{
	return (unsigned)type < POOL_TYPES ? type_names[type] : "?";
}

int pool_type_find(const char *word)
{
	static const struct {
		const char *word;
		enum pool_type type;
	} words[] = {
		{"http", POOL_TYPE_HTTP},
		{"rest", POOL_TYPE_HTTP},
		{"websocket", POOL_TYPE_WEBSOCKET},
		{"ws", POOL_TYPE_WEBSOCKET},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, word) == 0)
			return (int)words[i].type;
	return -1;
}

/* Port 9 is "discard", where hardly anything listens. */
#define NO_PROXY(word)                                                             \
	{                                                                          \
		(word), word ".no-proxy.invalid", "9", word ".no-proxy.invalid:9", \
			"http://" word ".no-proxy.invalid:9"                       \
	}

static const struct pool_no_proxy no_proxies[POOL_NO_REASONS] = {
	[POOL_NO_DISABLED] = NO_PROXY("disabled"),
	[POOL_NO_NOT_CONFIGURED] = NO_PROXY("not-configured"),
	[POOL_NO_ALL_DISABLED] = NO_PROXY("all-disabled"),
	[POOL_NO_NONE_ELIGIBLE] = NO_PROXY("none-eligible"),
	[POOL_NO_FILTERED] = NO_PROXY("filtered"),
	[POOL_NO_STRICT] = NO_PROXY("strict"),
	[POOL_NO_ERROR] = NO_PROXY("error"),
	[POOL_NO_USAGE] = NO_PROXY("usage"),
	[POOL_NO_UNSUPPORTED] = NO_PROXY("unsupported"),
	[POOL_NO_SECRET] = NO_PROXY("no-secret"),
};

const struct pool_no_proxy *pool_no_proxy_get(enum pool_no_reason reason)
{
	return &no_proxies[(unsigned)reason < POOL_NO_REASONS ? reason : POOL_NO_ERROR];
}

const char *pool_no_reason_name(enum pool_no_reason reason)
{
	return pool_no_proxy_get(reason)->reason;
}
