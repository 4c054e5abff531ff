/* What a query asks: of which pool, by which strategy, on whose behalf. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "state/selection.h"

enum { LONGEST_TTL_MS = INT32_MAX };

/* Where the lookup leads: POOL_ENONE, if to no pool. */
static int find_pool(struct pool_selection *selection, struct pool_fault *fault)
{
	struct pool_session *session = selection->session;
	const struct pool_query *query = selection->query;
	struct pool_resolution resolution;

	pool_snapshot_resolve(
		&session->snapshot, query->exchange, query->type, &resolution);
	if (resolution.damaged)
		return pool_session_spoil(session, fault);
	if (resolution.near_miss && !selection->again)
		pool_session_warn(session,
			"no exchange is called '%s'; did you mean '%s'?", query->exchange,
			resolution.near_miss);
	if (resolution.leaf == POOL_NO_LEAF) {
		selection->choice->reason = resolution.reason;
		return POOL_ENONE;
	}
	selection->leaf_index = resolution.leaf;
	selection->leaf = &session->snapshot.leaves[resolution.leaf];
	selection->members = session->snapshot.members + selection->leaf->first_member;
	return 0;
}

static int find_strategy(struct pool_selection *selection, struct pool_fault *fault)
{
	const char *names[POOL_STRATEGIES], *wanted = selection->query->strategy, *near;
	int id;

	selection->strategy = selection->leaf->policy.strategy;
	if (!wanted)
		return 0;
	id = pool_strategy_find(wanted);
	if (id >= 0) {
		selection->strategy = (unsigned)id;
		return 0;
	}
	for (unsigned i = 0; i < POOL_STRATEGIES; i++)
		names[i] = pool_strategy_get(i)->name;
	near = pool_text_nearest(wanted, names, POOL_STRATEGIES);
	return pool_fault_set(fault, POOL_EARGUMENT, 0,
		"no strategy is called '%s'%s%s%s", wanted,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* What cannot be asked of that pool. */
static int judge_demands(const struct pool_selection *selection, struct pool_fault *fault)
{
	const struct pool_query *query = selection->query;
	const struct pool_strategy *strategy = pool_strategy_get(selection->strategy);
	const char *where = pool_snapshot_string(
		&selection->session->snapshot, selection->leaf->where);

	if (query->cost < 0 || query->cost > INT32_MAX)
		return pool_fault_set(fault, POOL_EARGUMENT, 0, "a cost of %lld is none",
			(long long)query->cost);
	if (selection->rate.requests && query->cost > selection->rate.requests)
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"a cost of %lld is more than the %d requests that '%s' allows a "
			"proxy in %d s",
			(long long)query->cost, selection->rate.requests, where,
			selection->rate.per_s);
	if (strategy->wants_key && !query->key)
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"the strategy '%s' of '%s' needs a key (--key)", strategy->name,
			where);
	if (query->strict && !strategy->wants_key)
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"'%s' of '%s' gives no key a proxy of its own: strict goes with "
			"sticky",
			strategy->name, where);
	if (query->strict && query->count > 1)
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"a key has one proxy of its own, not %zu", query->count);
	return 0;
}

static void skip_name(struct pool_selection *selection, const char *name)
{
	const struct pool_snapshot *snapshot = &selection->session->snapshot;
	bool found = false;

	for (uint32_t i = 0; i < selection->leaf->member_count; i++) {
		const char *own =
			pool_snapshot_string(snapshot, selection->members[i].name);

		if (own && strcmp(own, name) == 0) {
			selection->skip[i] = 1;
			found = true;
		}
	}
	if (!found && !selection->again)
		pool_session_warn(selection->session, "no proxy of '%s' is called '%s'",
			pool_snapshot_string(snapshot, selection->leaf->where), name);
}

static int prepare_filters(struct pool_selection *selection, struct pool_fault *fault)
{
	const struct pool_query *query = selection->query;

	selection->filtered = query->exclude_count || query->schemes;
	if (!query->exclude_count && query->count <= 1)
		return 0;
	selection->skip = calloc(selection->leaf->member_count + 1, 1);
	if (!selection->skip)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	for (size_t i = 0; i < query->exclude_count; i++)
		skip_name(selection, query->exclude[i]);
	return 0;
}

/* Nobody, or one that cannot be looked up: no descriptor is left, or /proc is hidden. */
static int refuse_owner(int32_t pid, struct pool_fault *fault)
{
	if (kill(pid, 0) == 0 || errno == EPERM)
		return pool_fault_set(fault, POOL_ESYSTEM, 0,
			"cannot look up process %d in /proc", (int)pid);
	return pool_fault_set(
		fault, POOL_EARGUMENT, 0, "no process has the number %d", (int)pid);
}

/* Who <pid> is. Of ourselves once; another one may have ended since, and its number be
 * that of a third. */
static int look_up_owner(
	struct pool_selection *selection, int32_t pid, struct pool_fault *fault)
{
	struct pool_session *session = selection->session;

	if (pid == session->own_pid) {
		selection->owner_start = session->own_start;
		return 0;
	}
	if (!pool_owner_look_up(pid, selection->owner_space, &selection->owner_start))
		return refuse_owner(pid, fault);
	if (pid == getpid()) {
		session->own_pid = pid;
		session->own_start = selection->owner_start;
	}
	return 0;
}

/* In the initial namespace everybody is seen by everybody who matters; elsewhere we can
 * show that we live, and of others it must be said how long. */
static int prepare_owner(struct pool_selection *selection, struct pool_fault *fault)
{
	struct pool_session *session = selection->session;
	const int32_t pid = selection->query->owner_pid;
	bool outside;
	int error;

	selection->owner_space = pool_session_space(session);
	outside = selection->owner_space != POOL_PID_SPACE_INITIAL;
	if (outside && pid == getpid()) {
		selection->owner_locks = true;
		return 0;
	}
	error = look_up_owner(selection, pid, fault);
	if (error || !outside || selection->ttl_ms)
		return error;
	selection->ttl_ms = POOL_UNSEEN_TTL_MS;
	if (!session->warned_lease)
		pool_session_warn(session,
			"process %d is in a pid namespace of its own, like that of a "
			"container, and others cannot see it end: the lease ends after "
			"%d s at the latest (--ttl SECONDS says when)",
			(int)pid, POOL_UNSEEN_TTL_MS / 1000);
	session->warned_lease = true;
	return 0;
}

static int prepare_lease(struct pool_selection *selection, struct pool_fault *fault)
{
	const struct pool_query *query = selection->query;

	if (!query->lease)
		return 0;
	if (!query->owner_pid && !query->ttl_ms)
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"a lease needs an owner or a time to live");
	if (query->ttl_ms < 0 || query->ttl_ms > LONGEST_TTL_MS)
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"a time to live of %lld ms is none", (long long)query->ttl_ms);
	selection->ttl_ms = query->ttl_ms;
	return query->owner_pid ? prepare_owner(selection, fault) : 0;
}

/* What is looked at of those that are not chosen must be right as well. */
static int verify_members(struct pool_selection *selection, struct pool_fault *fault)
{
	struct pool_session *session = selection->session;
	const struct pool_query *query = selection->query;

	if (query->exclude_count || query->schemes)
		return pool_session_verify_all(session, fault);
	if (pool_strategy_get(selection->strategy)->wants_key &&
		!pool_snapshot_has_tags(&session->snapshot, selection->leaf_index))
		return pool_session_spoil(session, fault);
	return 0;
}

int pool_selection_resolve(struct pool_selection *selection, struct pool_fault *fault)
{
	const struct pool_query *query = selection->query;
	int error = find_pool(selection, fault);

	if (!error)
		error = find_strategy(selection, fault);
	if (!error)
		error = verify_members(selection, fault);
	if (error)
		return error;
	selection->rate = pool_state_rate(selection->leaf);
	selection->cost = query->cost > 0 ? (uint32_t)query->cost : 1;
	if (query->key &&
		(pool_strategy_get(selection->strategy)->wants_key ||
			selection->leaf->rollout_percent < 100))
		selection->key = pool_hash_64(NULL, query->key, strlen(query->key));
	error = judge_demands(selection, fault);
	if (!error)
		error = prepare_filters(selection, fault);
	if (!error)
		error = prepare_lease(selection, fault);
	return error;
}
