/*
 * The walk over a document: values with their places, faults about them, scalars by
 * schema row. Internal to this room. Knows nothing of JSON's text but that the words of a
 * number stand where its position says, or in the item: what is not JSON is walked the
 * same way (tree.h).
 */
#ifndef POOL_CONFIG_WALK_H
#define POOL_CONFIG_WALK_H

#include <cjson/cJSON.h>
#include "config/config.h"
#include "config/json.h"
#include "config/schema.h"

/* Who has credentials in clear text. */
enum literal { LITERAL_PROXY, LITERAL_CHECK, LITERALS };

struct literals {
	size_t count;
	size_t at; /* the first one */
	char *pointer;
};

struct walk {
	const struct pool_source *source;
	const struct pool_node *nodes;
	struct pool_diagnostics *diagnostics;
	struct pool_settings settings;
	size_t member_total;
	struct literals literals[LITERALS];
	bool wants_secrets; /* a proxy's password is in a variable or a file */
	bool no_memory;
};

/* One value of the document. Lives on the stack of whoever walks; points to its parent's.
 */
struct place {
	const struct place *parent;
	cJSON *value;
	uint32_t node; /* its position: walk->nodes[node] */
	uint32_t item; /* which of its parent's values */
};

/* Note a credential in clear text. */
void pool_walk_note_literal(
	struct walk *walk, enum literal whose, const struct place *place);
void pool_walk_forget_literals(struct walk *walk);

/* The first value in <parent>; false: there is none. Keys that stand twice are passed
 * over. */
bool pool_place_first(
	const struct walk *walk, const struct place *parent, struct place *child);
/* The next one. */
bool pool_place_next(const struct walk *walk, struct place *child);
/* The value of that key. */
bool pool_place_find(const struct walk *walk, const struct place *parent, const char *key,
	struct place *child);
/* pool_place_find(), but null is the same as missing. */
bool pool_place_given(const struct walk *walk, const struct place *parent,
	const char *key, struct place *child);

/* A key or text for messages: quoted, and "***" where it could hold a secret. */
void pool_walk_quote(char *out, size_t size, const char *text);
/* "weight", or "proxies[3]": what a message begins with. */
void pool_place_label(const struct place *place, char *out, size_t size);
char *pool_place_pointer(const struct place *place);

/* The text of a number: <length> bytes, as JSON writes it. */
const char *pool_place_number(
	const struct walk *walk, const struct place *place, size_t *length);

/* A fault about a value. */
void pool_tell_value(struct walk *walk, enum pool_rule_id rule, const struct place *place,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
/* That others can write the file that <place> names or is, or that it is a stranger's,
 * and what the tools do with that: <then>. */
void pool_tell_trust(struct walk *walk, const struct place *place, const char *label,
	const struct pool_trust *trust, const char *then);
/* A fault about its key. */
void pool_tell_key(struct walk *walk, enum pool_rule_id rule, const struct place *place,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
/* "LABEL: VALUE is not <say>" */
void pool_tell_type(struct walk *walk, const struct place *place, const char *say);

/* Tell of keys that stand twice and hide the later ones, and of those that are no
 * strings; not inside of what stands beside a "proxy" key, where nothing is ours. */
void pool_walk_judge_keys(struct walk *walk, const struct place *root);

/* Read what is no container, by its row. */
void pool_read_value(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base);
/* A proxy URL into <out> (freed before). */
void pool_read_url(struct walk *walk, const struct place *place, char **out);

/* Deals with a key that holds other keys. */
typedef void (*nested_reader)(struct walk *walk, const struct place *place,
	const struct pool_key *key, void *base);

/*
 * Read the keys of an object into <base>.
 *
 * <beside>  keys of that group are left to somebody else; POOL_GROUPS for none
 * <nested>  may be NULL where the group has no containers
 */
void pool_read_group(struct walk *walk, const struct place *object, enum pool_group group,
	enum pool_group beside, void *base, nested_reader nested);
/* Is <name>, which is no key of <group>, neither like one of those nor of another? */
bool pool_key_is_strange(enum pool_group group, const char *name);
/* Tell that <place>'s key is none of <group>. */
void pool_tell_unknown(
	struct walk *walk, const struct place *place, enum pool_group group);

/* A list of proxies, or "default". */
void pool_read_proxies(struct walk *walk, const struct place *place,
	struct pool_leaf *leaf, const struct pool_leaf *original);
/* The one member of a leaf with a url. */
void pool_make_single(struct walk *walk, struct pool_leaf *leaf);

/*
 * A connection, as a leaf of the settings: which.
 *
 * <where>   its place, e.g. "default.http"
 * <before>  the leaf that it is read on top of, where the environment changes the file's;
 *           POOL_NO_LEAF: none
 */
uint32_t pool_read_connection(struct walk *walk, const struct place *place,
	const char *where, enum pool_type type, uint32_t before);
/* Whether there is room for <count> more proxies; else it was told, at <place>. */
bool pool_reserve_members(struct walk *walk, const struct place *place, size_t count);
/* After the environment, <root>, was read: pools that copy the default's proxies have
 * those that it has now. */
void pool_follow_default(struct walk *walk, const struct place *root);
/* A URL, or the pool of the short form, for both connection types of everybody. */
void pool_read_root_url(struct walk *walk, const struct place *place);
void pool_read_short_form(struct walk *walk, const struct place *root);

/* The connections of an exchange or of the default; <leaves> has those before. */
void pool_read_exchange(struct walk *walk, const struct place *place, const char *where,
	uint32_t leaves[POOL_TYPES]);
/* All of "exchanges". */
void pool_read_exchanges(struct walk *walk, const struct place *place);
/* Any of the three forms. */
void pool_read_document(struct walk *walk, const struct place *root);
/* The settings themselves, on top of those there are. */
void pool_read_full(struct walk *walk, const struct place *root);

#endif
