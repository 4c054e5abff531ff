/* A document in the making: items, and where each stands. */
#include <string.h>
#include "config/tree.h"

bool pool_tree_mark(
	struct pool_tree *tree, cJSON *item, size_t at, size_t end, size_t key_at)
{
	struct pool_node *spot = item ? pool_positions_add(&tree->spots) : NULL;

	if (!spot) {
		tree->broken = true;
		return false;
	}
	*spot = (struct pool_node){(uint32_t)at, (uint32_t)end, (uint32_t)key_at, 1};
	item->valueint = (int)(tree->spots.count - 1);
	return true;
}

cJSON *pool_tree_note(
	struct pool_tree *tree, cJSON *item, size_t at, size_t end, size_t key_at)
{
	if (pool_tree_mark(tree, item, at, end, key_at))
		return item;
	pool_tree_forget(item);
	return NULL;
}

struct pool_node *pool_tree_spot(const struct pool_tree *tree, const cJSON *item)
{
	return &tree->spots.nodes[item->valueint];
}

void pool_tree_put(struct pool_tree *tree, cJSON *parent, const char *key, cJSON *item)
{
	bool put = item != NULL;

	if (put && !parent)
		tree->root = item;
	else if (put)
		put = key ? cJSON_AddItemToObject(parent, key, item)
			  : cJSON_AddItemToArray(parent, item);
	if (put)
		return;
	pool_tree_forget(item);
	tree->broken = true;
}

/* Positions of <item> and what is in it; false: out of memory. */
static bool lay(
	const struct pool_tree *tree, const cJSON *item, struct pool_positions *positions)
{
	size_t index = positions->count;
	struct pool_node *node = pool_positions_add(positions);
	bool laid = node != NULL;

	if (laid)
		*node = *pool_tree_spot(tree, item);
	for (const cJSON *child = item->child; laid && child; child = child->next)
		laid = lay(tree, child, positions);
	if (laid)
		positions->nodes[index].size = (uint32_t)(positions->count - index);
	return laid;
}

int pool_tree_finish(const struct pool_tree *tree, struct pool_positions *positions)
{
	if (tree->broken || !tree->root || !lay(tree, tree->root, positions))
		return POOL_ENOMEM;
	return 0;
}

/* They may be URLs with passwords. No deeper than any reader lets a document be. */
static void wipe_strings(cJSON *item)
{
	for (; item; item = item->next) {
		if (item->valuestring)
			explicit_bzero(item->valuestring, strlen(item->valuestring));
		wipe_strings(item->child);
	}
}

void pool_tree_forget(cJSON *root)
{
	wipe_strings(root);
	cJSON_Delete(root);
}

void pool_tree_release(struct pool_tree *tree)
{
	pool_tree_forget(tree->root);
	pool_positions_release(&tree->spots);
	*tree = (struct pool_tree){0};
}
