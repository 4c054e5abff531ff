/* Lookups in a snapshot: where an exchange and a type lead, and who is led to a pool. */
#include "state/snapshot.h"

/* The ids of a snapshot, and whether one that was looked at is damaged. */
struct id_list {
	const struct pool_snapshot *snapshot;
	bool *damaged;
};

static const char *get_id(const void *list, uint32_t index)
{
	const struct id_list *ids = list;
	const char *id = NULL;

	if (pool_snapshot_has_exchange(ids->snapshot, index))
		id = pool_snapshot_string(
			ids->snapshot, ids->snapshot->exchanges[index].id);
	*ids->damaged |= !id;
	return id ? id : "";
}

void pool_snapshot_resolve(const struct pool_snapshot *snapshot, const char *exchange,
	enum pool_type type, struct pool_resolution *out)
{
	bool damaged = false;
	const struct id_list list = {snapshot, &damaged};
	const struct pool_exchange_ids ids = {&list, snapshot->exchange_count, get_id};
	const struct pool_snap_exchange *entry = NULL;
	struct pool_exchange_match match;

	pool_exchange_find(&ids, exchange, &match);
	*out = (struct pool_resolution){.leaf = POOL_NO_LEAF,
		.reason = POOL_NO_DISABLED,
		.known_exchange = match.known,
		.near_miss = match.near_miss,
		.damaged = damaged};
	if (match.index != POOL_NO_EXCHANGE)
		entry = &snapshot->exchanges[match.index];
	if (!snapshot->enabled)
		return;
	out->reason = POOL_NO_NOT_CONFIGURED;
	if (entry && entry->leaf[type] != POOL_NO_LEAF) {
		out->leaf = entry->leaf[type];
		out->own_entry = true;
	} else {
		out->leaf = snapshot->default_leaf[type];
	}
	if (out->leaf < snapshot->leaf_count &&
		!pool_snapshot_has_leaf(snapshot, out->leaf))
		out->damaged = true;
	if (out->damaged || out->leaf >= snapshot->leaf_count ||
		!snapshot->leaves[out->leaf].member_count)
		out->leaf = POOL_NO_LEAF;
}

static uint32_t leaf_of(const struct pool_snapshot *snapshot,
	const struct pool_snap_exchange *exchange, int type)
{
	uint32_t own = exchange->leaf[type];

	return own == POOL_NO_LEAF ? snapshot->default_leaf[type] : own;
}

/* The types of all lookups that lead to <leaf>. */
static unsigned types_of_all(const struct pool_snapshot *snapshot, uint32_t leaf)
{
	unsigned types = 0;

	for (int type = 0; type < POOL_TYPES; type++) {
		if (snapshot->default_leaf[type] == leaf)
			types |= 1u << type;
		for (uint32_t i = 0; i < snapshot->exchange_count; i++)
			if (leaf_of(snapshot, &snapshot->exchanges[i], type) == leaf)
				types |= 1u << type;
	}
	return types;
}

unsigned pool_snapshot_types(const struct pool_snapshot *snapshot, const char *exchange,
	uint32_t leaf, enum pool_no_reason *reason)
{
	unsigned types = 0;

	if (!exchange)
		return types_of_all(snapshot, leaf);
	for (int type = 0; type < POOL_TYPES; type++) {
		struct pool_resolution resolution;

		pool_snapshot_resolve(
			snapshot, exchange, (enum pool_type)type, &resolution);
		if (resolution.leaf == leaf)
			types |= 1u << type;
		if (resolution.leaf == POOL_NO_LEAF && reason)
			*reason = resolution.reason;
	}
	return types;
}

struct pool_secrets pool_snapshot_secrets(const struct pool_snapshot *snapshot,
	uint32_t leaf, const struct pool_secrets *secrets)
{
	struct pool_secrets own = secrets ? *secrets : (struct pool_secrets){0};

	/* A copy of the default's list may be the pool file's. */
	if (leaf >= snapshot->leaf_count - snapshot->added_leaves &&
		!snapshot->leaves[leaf].copies_default)
		own.withheld = NULL;
	return own;
}
