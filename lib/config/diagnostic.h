/*
 * What is wrong with a pool file: a list of diagnostics, each with position, rule and
 * sentence.
 *
 * No message holds a user name, a password or a raw control byte.
 */
#ifndef POOL_CONFIG_DIAGNOSTIC_H
#define POOL_CONFIG_DIAGNOSTIC_H

#include "config/excerpt.h"
#include "pool.h"

/* From mild to grave. A note tells what will happen; nothing ever fails because of one.
 */
enum pool_severity { POOL_NOTE, POOL_WARNING, POOL_ERROR, POOL_SEVERITIES };

struct pool_severity_row {
	const char *name; /* "warning": in every format that has no word of its own */
	const char *plural;
};
const struct pool_severity_row *pool_severity_get(enum pool_severity severity);

/* The rules, in the order of pool_rules_get(). The names are stable, these numbers are
 * not. */
enum pool_rule_id {
	POOL_RULE_JSON_SYNTAX,
	POOL_RULE_JSON_STRING,
	POOL_RULE_JSON_NUMBER,
	POOL_RULE_JSON_ENCODING,
	POOL_RULE_JSON_DEPTH,
	POOL_RULE_JSON_SIZE,
	POOL_RULE_YAML_SYNTAX,
	POOL_RULE_YAML_TAB,
	POOL_RULE_YAML_ENCODING,
	POOL_RULE_YAML_DEPTH,
	POOL_RULE_YAML_SIZE,
	POOL_RULE_YAML_DOCUMENTS,
	POOL_RULE_YAML_TAG,
	POOL_RULE_YAML_ALIAS,
	POOL_RULE_YAML_EXPANSION,
	POOL_RULE_YAML_MERGE,
	POOL_RULE_YAML_KEY,
	POOL_RULE_YAML_SCALAR,
	POOL_RULE_DUPLICATE_KEY,
	POOL_RULE_TYPE,
	POOL_RULE_UNKNOWN_KEY,
	POOL_RULE_REFUSED_KEY,
	POOL_RULE_MISSING_KEY,
	POOL_RULE_MIXED_FORMS,
	POOL_RULE_KEY_TWICE,
	POOL_RULE_KEY_WITHOUT_POOL,
	POOL_RULE_CHOICE,
	POOL_RULE_TIMEOUT_RANGE,
	POOL_RULE_ROLLOUT_RANGE,
	POOL_RULE_WEIGHT_RANGE,
	POOL_RULE_CONNECTIONS_RANGE,
	POOL_RULE_INTERVAL_RANGE,
	POOL_RULE_CHECK_TIMEOUT_RANGE,
	POOL_RULE_RETRY_RANGE,
	POOL_RULE_THRESHOLD_RANGE,
	POOL_RULE_BREAKER_RANGE,
	POOL_RULE_COOLDOWN_RANGE,
	POOL_RULE_LIMITS_RANGE,
	POOL_RULE_LIMITS_INCOMPLETE,
	POOL_RULE_ROLLOUT_WITHOUT_URL,
	POOL_RULE_POOL_EMPTY,
	POOL_RULE_TOO_MANY_PROXIES,
	POOL_RULE_PROXIES_DEFAULT,
	POOL_RULE_NAME,
	POOL_RULE_NAME_TWICE,
	POOL_RULE_PASSWORD_TWICE,
	POOL_RULE_PASSWORD_FILE,
	POOL_RULE_SECRET_UNSET,
	POOL_RULE_SECRET_VALUE,
	POOL_RULE_SECRET_FILE,
	POOL_RULE_URL_EMPTY,
	POOL_RULE_URL_SCHEME_MISSING,
	POOL_RULE_URL_SCHEME,
	POOL_RULE_URL_HOST_MISSING,
	POOL_RULE_URL_HOST,
	POOL_RULE_URL_IPV6,
	POOL_RULE_URL_PORT_MISSING,
	POOL_RULE_URL_PORT,
	POOL_RULE_URL_PORT_RANGE,
	POOL_RULE_URL_CONTROL,
	POOL_RULE_URL_BLANK,
	POOL_RULE_URL_CREDENTIAL_LENGTH,
	POOL_RULE_URL_AT_SIGN,
	POOL_RULE_URL_BACKSLASH,
	POOL_RULE_URL_VARIABLE,
	POOL_RULE_EXCHANGE_ID,
	POOL_RULE_EXCHANGE_TWICE,
	POOL_RULE_STATUS_CODE,
	POOL_RULE_CHECK_URL,
	POOL_RULE_CHECK_URL_MISSING,
	POOL_RULE_CHECK_REQUEST,
	POOL_RULE_CHECK_HEADER,
	POOL_RULE_CHECK_BODY,
	POOL_RULE_FOREIGN_FORMAT,
	POOL_RULE_TEXT_ENCODING,
	POOL_RULE_LIST_LINE,
	POOL_RULE_PROXYCHAINS_LINE,
	POOL_RULE_ENV_LINE,
	POOL_RULE_ENV_TWICE,
	POOL_RULE_ENV_NUMBER,
	POOL_RULE_ALL_MEMBERS_DISABLED,
	POOL_RULE_URL_BESIDE_POOL,
	POOL_RULE_ENABLED_MISSING,
	POOL_RULE_DUPLICATE_PROXY,
	POOL_RULE_LITERAL_CREDENTIALS,
	POOL_RULE_FILE_WRITABLE,
	POOL_RULE_EMPTY_CONNECTION,
	POOL_RULE_DEFAULT_CHECK_URL,
	POOL_RULE_CHECK_KEY_UNUSED,
	POOL_RULE_CHECK_CLEAR_TEXT,
	POOL_RULE_ALIAS_IGNORED,
	POOL_RULE_EXCHANGE_NEAR_MISS,
	POOL_RULE_EXCHANGE_UNREACHABLE,
	POOL_RULE_URL_PATH,
	POOL_RULE_URL_ZONE,
	POOL_RULE_URL_HOST_ODD,
	POOL_RULE_URL_HOST_UNDERSCORE,
	POOL_RULE_URL_HOST_UNICODE,
	POOL_RULE_URL_PERCENT,
	POOL_RULE_URL_SOCKS4_PASSWORD,
	POOL_RULE_URL_RAW_SIGN,
	POOL_RULE_ENV_IGNORED,
	POOL_RULE_NOT_TAKEN_OVER,
	POOL_RULES
};

struct pool_diagnostic {
	enum pool_severity severity;
	const char *rule; /* stable name, e.g. "weight-range"; static storage */
	char *origin;     /* the environment variable it is about; NULL: the file */
	uint32_t line;    /* 1-based, in <origin>'s value if there is one; 0: all of it */
	uint32_t column;  /* 1-based, in characters */
	uint32_t end_column; /* exclusive; 0 unknown */
	char *pointer;  /* JSON pointer, e.g. "/default/http/pool/proxies/3/weight" */
	char *text;     /* "weight: 12 is above 10" */
	char *source;   /* the line it stands on, redacted, for the caret; or NULL */
	uint32_t caret; /* 0-based: where in <source> the caret stands, in characters */
	uint32_t caret_width; /* how many characters it underlines, at least 1 */
	size_t offset;        /* where it is in the text, in bytes, and where that ends */
	size_t end;
};

struct pool_secrets;

struct pool_diagnostics {
	struct pool_diagnostic *list;
	size_t count;
	size_t room;
	size_t errors;
	size_t warnings;
	size_t notes;
	bool broken; /* out of memory: the list is incomplete */
	/* Look at the secrets as well while reading; NULL: they are left alone. */
	const struct pool_secrets *secrets;
};

/*
 * Append one of <rule>, with its severity.
 *
 * <offset>, <end>  bytes of the text it is about
 * <pointer>        malloc()ed, taken over, also on failure; NULL says that memory ran out
 * <format>         the sentence; control bytes in it are replaced
 */
void pool_diagnostics_add(struct pool_diagnostics *diagnostics, enum pool_rule_id rule,
	size_t offset, size_t end, char *pointer, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/*
 * Sort, then fill in lines, columns and, for the first few hundred, the source line of
 * the text, which is of <kind>: every string in it that is a value is shown redacted.
 */
void pool_diagnostics_locate(struct pool_diagnostics *diagnostics, const char *bytes,
	size_t length, enum pool_excerpt_kind kind);

/* Fill in the place of one: byte <offset> of <bytes>. No source line. */
void pool_diagnostic_locate(struct pool_diagnostic *diagnostic, const char *bytes,
	size_t length, size_t offset);

/* Move all of <from> into <diagnostics>, sorted. */
void pool_diagnostics_join(
	struct pool_diagnostics *diagnostics, struct pool_diagnostics *from);

/* Drop the warnings or notes of <rule>. */
void pool_diagnostics_drop(struct pool_diagnostics *diagnostics, enum pool_rule_id rule);

/* Worst first, then by position, those of the file before those of variables. */
void pool_diagnostics_sort(struct pool_diagnostics *diagnostics);
void pool_diagnostics_release(struct pool_diagnostics *diagnostics);

/* "pool.json:12:9: error: weight: 12 is above 10 [weight-range]", without newline, into
 * <out>; with the name of the variable in place of <file>'s. */
void pool_diagnostic_format(const struct pool_diagnostic *diagnostic, const char *file,
	char *out, size_t size);

/* Every rule that a diagnostic can have: name, severity, one sentence, what to do. */
struct pool_rule {
	const char *name;
	enum pool_severity severity;
	const char *summary;
	const char *advice;
};
const struct pool_rule *pool_rules_get(size_t *count);
/* Whether the file is good, and cannot be used here and now for want of a secret. */
bool pool_rule_is_secret(const char *name);
/* The rule of that name, or -1. */
int pool_rule_find(const char *name);

#endif
