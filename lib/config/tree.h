/*
 * A document in the making, for what is not JSON: YAML, lists, environment variables.
 *
 *	struct pool_tree tree = {0};
 *	cJSON *item, *root = pool_tree_note(&tree, cJSON_CreateObject(), at, end, at);
 *	item = pool_tree_note(&tree, cJSON_CreateString(text), ...);
 *	pool_tree_put(&tree, root, "key", item);
 *	tree.root = root;
 *	pool_tree_finish(&tree, &positions);
 *
 * Items may be made, moved and copied (cJSON_Duplicate) in any order; each remembers
 * where its text stands. At the end the positions are put into the order of the document,
 * as the walk wants them. Internal to this room.
 */
#ifndef POOL_CONFIG_TREE_H
#define POOL_CONFIG_TREE_H

#include <cjson/cJSON.h>
#include "config/config.h"
#include "config/json.h"

/* Bits of cJSON's type field that cJSON leaves alone. */
enum {
	POOL_ITEM_HIDDEN = 1 << 16,  /* a later value of a key that stands twice */
	POOL_ITEM_ODD_KEY = 1 << 17, /* its key is no string where it was read */
};

struct pool_tree {
	cJSON *root;
	struct pool_positions spots; /* where each item was; its number is in valueint */
	bool broken;                 /* out of memory */
};

/*
 * <item>, of which is noted where it stands: bytes of the text, and where its key begins
 * (<at> where it has none). NULL, and <tree> is broken, when out of memory.
 */
cJSON *pool_tree_note(
	struct pool_tree *tree, cJSON *item, size_t at, size_t end, size_t key_at);

/* The same of an item that is in a tree already: it stays there. */
bool pool_tree_mark(
	struct pool_tree *tree, cJSON *item, size_t at, size_t end, size_t key_at);

/* Where <item> stands; valid until the next is noted. */
struct pool_node *pool_tree_spot(const struct pool_tree *tree, const cJSON *item);

/*
 * Append <item> (NULL: out of memory) to a list, or with <key> to an object. It is
 * <parent>'s now, also on failure; a NULL <parent> makes it the root.
 */
void pool_tree_put(struct pool_tree *tree, cJSON *parent, const char *key, cJSON *item);

/* Give the tree's positions in the order of the document. Returns 0, or POOL_ENOMEM. */
int pool_tree_finish(const struct pool_tree *tree, struct pool_positions *positions);

/* Wipe and free the items. */
void pool_tree_release(struct pool_tree *tree);
/* The same of a tree of cJSON's. */
void pool_tree_forget(cJSON *root);

/*
 * Reads the text of a source into <tree>.
 *
 * Returns 0, or: POOL_EINVALID  it is not such a text, <diagnostics> says why
 *                POOL_ENOMEM
 * The caller releases <tree> in any case.
 */
typedef int (*pool_tree_reader)(struct pool_tree *tree, const struct pool_source *source,
	struct pool_diagnostics *diagnostics);

/* One document of YAML, as cryptofeed reads it: yaml.c. */
int pool_yaml_read(struct pool_tree *tree, const struct pool_source *source,
	struct pool_diagnostics *diagnostics);
/* A proxy a line, as the short form of a pool: list.c. */
int pool_list_read(struct pool_tree *tree, const struct pool_source *source,
	struct pool_diagnostics *diagnostics);
/* proxychains.conf, likewise: proxychains.c. */
int pool_proxychains_read(struct pool_tree *tree, const struct pool_source *source,
	struct pool_diagnostics *diagnostics);

/*
 * For both: a document with an empty list of proxies, which is returned; NULL when out of
 * memory. Each proxy's URL is then put into that list.
 */
cJSON *pool_tree_begin_list(struct pool_tree *tree, const struct pool_source *source);
void pool_tree_put_text(
	struct pool_tree *tree, cJSON *list, const char *text, size_t at, size_t end);

/* Whether a text of lines is UTF-8 without a NUL. Returns 0, or POOL_EINVALID after
 * having told where it is not. */
int pool_lines_judge(
	const struct pool_source *source, struct pool_diagnostics *diagnostics);

/* A line of a text. */
struct pool_line {
	size_t at, end; /* from its first byte that is no blank to behind its last one */
};

/* The next line of <source> at <*at>, which it moves on; false: there is none. */
bool pool_line_next(const struct pool_source *source, size_t *at, struct pool_line *line);

#endif
