/* Where the proxy is that a report is about. */
#include <stdlib.h>
#include <string.h>
#include "state/session_inner.h"

static char *copy_url(const struct pool_snapshot *snapshot, uint32_t at)
{
	const char *url = pool_snapshot_string(snapshot, snapshot->members[at].url);

	return url ? strdup(url) : NULL;
}

static char *locate_lease(struct pool_session *session, const char *text)
{
	const uint64_t id = strtoull(text, NULL, 16);
	struct pool_lease lease = {.record = UINT32_MAX};
	struct pool_now now;
	char *url = NULL;
	uint32_t slot;
	bool ended;

	if (pool_session_lock_to_write(session, &now, NULL) != 0)
		return NULL;
	slot = pool_lease_find(session->state, id, &ended);
	if (slot != POOL_NO_SLOT)
		pool_state_fetch(&lease, &session->state->leases[slot], sizeof(lease));
	if (lease.record < session->snapshot.member_count)
		url = copy_url(&session->snapshot, lease.record);
	pool_session_unlock(session);
	return url;
}

static bool is_named(const struct pool_snapshot *snapshot, uint32_t at, const char *name)
{
	const char *own = pool_snapshot_string(snapshot, snapshot->members[at].name);

	return own && strcmp(own, name) == 0;
}

static char *locate_name(
	const struct pool_session *session, const struct pool_target *target)
{
	const struct pool_snapshot *snapshot = &session->snapshot;
	const unsigned wanted = target->type < 0 ? ~0u : 1u << target->type;

	for (uint32_t i = 0; i < snapshot->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[i];

		if (!(pool_snapshot_types(snapshot, target->exchange, i, NULL) & wanted))
			continue;
		for (uint32_t at = leaf->first_member;
			at < leaf->first_member + leaf->member_count; at++)
			if (is_named(snapshot, at, target->proxy))
				return copy_url(snapshot, at);
	}
	return NULL;
}

char *pool_session_locate(
	struct pool_session *session, const struct pool_feedback *feedback)
{
	if (pool_session_refresh(session, NULL) != 0)
		return NULL;
	if (feedback->lease)
		return locate_lease(session, feedback->lease);
	return feedback->target.proxy ? locate_name(session, &feedback->target) : NULL;
}
