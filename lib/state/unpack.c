/* From a snapshot back to settings. */
#include <stdlib.h>
#include <string.h>
#include "state/snapshot.h"

/* A copy of a string of the snapshot into <out>; NULL where it is not given. False: out
 * of memory. */
static bool unpack_string(const struct pool_snapshot *snapshot, uint32_t at, char **out)
{
	const char *string = pool_snapshot_string(snapshot, at);

	*out = string ? strdup(string) : NULL;
	return *out || !string;
}

static bool unpack_member(const struct pool_snapshot *snapshot,
	const struct pool_snap_member *from, struct pool_member *member)
{
	bool done = unpack_string(snapshot, from->url, &member->url);

	done &= unpack_string(snapshot, from->name, &member->name);
	done &= unpack_string(snapshot, from->password_file, &member->password_file);
	member->weight_micro = from->weight_micro;
	member->max_connections = from->max_connections;
	member->enabled = from->enabled;
	member->named = true;
	return done && member->url && member->name;
}

static bool unpack_leaf(const struct pool_snapshot *snapshot,
	const struct pool_snap_leaf *from, struct pool_leaf *leaf)
{
	bool done = unpack_string(snapshot, from->where, &leaf->where);

	done &= unpack_string(snapshot, from->url, &leaf->url);
	done &= unpack_string(snapshot, from->check_url, &leaf->request.url);
	done &= unpack_string(snapshot, from->check_method, &leaf->request.method);
	done &= unpack_string(snapshot, from->check_headers, &leaf->request.headers);
	done &= unpack_string(snapshot, from->check_body, &leaf->request.body);
	leaf->kind = from->kind;
	leaf->copies_default = from->copies_default;
	leaf->timeout_s = from->timeout_s;
	leaf->rollout_percent = from->rollout_percent;
	leaf->policy = from->policy;
	leaf->members = calloc((size_t)from->member_count + 1, sizeof(*leaf->members));
	leaf->member_count = leaf->members ? from->member_count : 0;
	for (uint32_t i = 0; i < leaf->member_count; i++)
		done &= unpack_member(snapshot,
			&snapshot->members[from->first_member + i], &leaf->members[i]);
	return done && leaf->where && leaf->members;
}

int pool_snapshot_unpack(
	const struct pool_snapshot *snapshot, struct pool_settings *settings)
{
	struct pool_settings made;
	bool done;

	pool_settings_init(&made);
	made.enabled = snapshot->enabled;
	memcpy(made.default_leaf, snapshot->default_leaf, sizeof(made.default_leaf));
	made.leaf_room = snapshot->leaf_count + 1;
	made.leaves = calloc(made.leaf_room, sizeof(*made.leaves));
	made.exchanges =
		calloc((size_t)snapshot->exchange_count + 1, sizeof(*made.exchanges));
	done = made.leaves && made.exchanges;
	for (uint32_t i = 0; done && i < snapshot->leaf_count; i++, made.leaf_count++)
		done = unpack_leaf(snapshot, &snapshot->leaves[i], &made.leaves[i]);
	for (uint32_t i = 0; done && i < snapshot->exchange_count; i++) {
		const struct pool_snap_exchange *from = &snapshot->exchanges[i];

		made.exchange_count = i + 1;
		memcpy(made.exchanges[i].leaf, from->leaf, sizeof(from->leaf));
		done = unpack_string(snapshot, from->id, &made.exchanges[i].id) &&
			made.exchanges[i].id;
	}
	if (done)
		*settings = made;
	else
		pool_settings_release(&made);
	return done ? 0 : POOL_ENOMEM;
}
