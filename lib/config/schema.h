/*
 * The schema: one table of every key of a pool file. Validation, defaults, "did you
 * mean", the normal form, and what is printed about the format all come from its rows.
 */
#ifndef POOL_CONFIG_SCHEMA_H
#define POOL_CONFIG_SCHEMA_H

#include "config/diagnostic.h"
#include "config/model.h"

/* The objects of a pool file. */
enum pool_group {
	POOL_GROUP_SETTINGS,   /* the document, or what its "proxy" key holds */
	POOL_GROUP_EXCHANGE,   /* default, and each of exchanges */
	POOL_GROUP_CONNECTION, /* http, websocket */
	POOL_GROUP_POOL,
	POOL_GROUP_PROXY,
	POOL_GROUP_CHECK,
	POOL_GROUP_BREAKER,
	POOL_GROUP_COOLDOWN,
	POOL_GROUP_LIMITS,
	POOL_GROUPS
};

/* "the settings", "a proxy", "health_check": for messages. */
const char *pool_group_name(enum pool_group group);

enum pool_key_type {
	/* scalars that have a text form: pool_key_store(), pool_key_show() */
	POOL_KIND_BOOL,
	POOL_KIND_INT,
	POOL_KIND_DECIMAL, /* in millionths */
	POOL_KIND_WORD,
	POOL_KIND_STATUSES,
	/* strings, each with rules of its own */
	POOL_KIND_URL,
	POOL_KIND_NAME,
	POOL_KIND_PATH,
	POOL_KIND_CHECK_URL,
	POOL_KIND_REQUEST,
	POOL_KIND_HEADERS,
	POOL_KIND_TEXT,
	/* what holds other keys */
	POOL_KIND_EXCHANGES,
	POOL_KIND_EXCHANGE,
	POOL_KIND_CONNECTION,
	POOL_KIND_POOL,
	POOL_KIND_PROXIES,
	POOL_KIND_OBJECT, /* of the group <child> */
	POOL_KEY_TYPES
};

/* One row of the table of types. */
struct pool_key_type_row {
	const char *name; /* "whole number" */
	const char *say;  /* "a whole number": for messages */
	bool has_text;    /* pool_key_store() and pool_key_show() know it */
};
const struct pool_key_type_row *pool_key_type_get(enum pool_key_type type);

/* The words of a key of type WORD, by their number; ended by NULL. */
typedef const char *(*pool_words)(unsigned number);

struct pool_key {
	enum pool_group group;
	const char *name;
	enum pool_key_type type;
	bool nullable;          /* null is the same as leaving it out */
	const char *alias_of;   /* another name of that key of the same group */
	int64_t low, high;      /* of numbers */
	enum pool_rule_id rule; /* of a number out of range */
	const char *fallback;   /* the default as text; "" where there is none */
	pool_words words;
	enum pool_group child;
	size_t offset; /* into struct pool_settings, pool_member, else pool_leaf */
	bool checks_only_http; /* means nothing to tcp and ping */
	const char *at_zero;   /* what to write in place of 0; or NULL */
	const char *summary;   /* one line */
};

/* All rows, those of a group together. */
const struct pool_key *pool_schema_get(size_t *count);

/* The row, or NULL. An alias has a row of its own. */
const struct pool_key *pool_schema_find(enum pool_group group, const char *name);
/* The name nearest to a wrong one, or NULL. */
const char *pool_schema_nearest(enum pool_group group, const char *name);
/* Is it the name of a key, of any group? */
bool pool_schema_is_known(const char *name, size_t length);
/* Is it a name of keys that hold words or numbers only, never a secret? */
bool pool_schema_is_plain(const char *name, size_t length);

/* A key of another format, and what to write instead. */
struct pool_refused_key {
	enum pool_group group;
	const char *name;
	const char *advice;
};
/* The row of <name> in <group>, or NULL. */
const struct pool_refused_key *pool_schema_refused(
	enum pool_group group, const char *name);
/* Is it one that cryptofeed's configuration has beside 'proxy'? */
bool pool_schema_is_cryptofeed(const char *name);

enum pool_store {
	POOL_STORE_OK,
	POOL_STORE_TYPE,
	POOL_STORE_BELOW,
	POOL_STORE_ABOVE,
	POOL_STORE_CHOICE
};

/* How a number was written: quoted ones may have blanks around and "_" inside. */
enum pool_writing { POOL_WRITTEN_PLAIN, POOL_WRITTEN_QUOTED };

/*
 * Store a scalar at <base> + key->offset from its text.
 *
 * Returns POOL_STORE_OK, else why not; then nothing is stored.
 */
enum pool_store pool_key_store(const struct pool_key *key, void *base, const char *text,
	size_t length, enum pool_writing writing);

struct pool_text;
/* Append the scalar as a JSON value; false: it is not given (an empty set, no limit). */
bool pool_key_show(const struct pool_key *key, const void *base, struct pool_text *out);

/* Whether <base> has what the key has where it is not given. */
bool pool_key_is_default(const struct pool_key *key, const void *base);

/* Fill in the defaults of every scalar of <group>. */
void pool_schema_fill(enum pool_group group, void *base);

/* Add "200-399" or "418, 429" to <set>. */
enum pool_store pool_status_set_parse(
	struct pool_status_set *set, const char *text, size_t length);

#endif
