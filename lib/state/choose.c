/* Selection: a lookup, a strategy's pick under the lock, and what is accounted for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/text.h"
#include "config/url.h"
#include "select/strategy.h"
#include "state/session_inner.h"

enum {
	OWNERS_A_SELECTION = 8,
	OWNERS_A_SWEEP = 1,
	OWNERS_AT_ONCE = 256,
	SLOTS_A_SELECTION = 512,
	OWNERS_EVERY_MS = 10,
	FIRST_PAUSE_MS = 5,
	LONGEST_PAUSE_MS = 100,
};

/* One query on its way. */
struct selection {
	struct pool_session *session;
	const struct pool_query *query;
	struct pool_choice *choice;
	const struct pool_snap_leaf *leaf;
	const struct pool_snap_member *members; /* of the leaf */
	uint32_t leaf_index;
	unsigned strategy;
	uint64_t key;          /* hash of the query's */
	uint32_t cost;         /* what a budget is charged with */
	struct pool_rate rate; /* of each proxy; requests 0: no budget */
	bool waits;            /* who finds none eligible now will look again */
	bool again;            /* who asks has been told already what is odd about it */
	bool looked;           /* others have just looked up owners of leases */
	int64_t next_ns; /* not before then, unless another process changes something */
	struct pool_state *state; /* NULL: without */
	struct pool_now now;
	int64_t began_ns;
	uint8_t *skip;        /* a byte a member: excluded, or chosen already; or NULL */
	bool filtered;        /* --exclude or --scheme is in play */
	bool any;             /* the fallback: unhealthy ones too */
	uint64_t *bare_ready; /* arrays of a selection without state */
	uint32_t *bare_weights;
	uint32_t *bare_counts;
	uint64_t owner_start;
	uint64_t owner_space;
	uint64_t *taken; /* leases of this selection */
	size_t taken_count;
};

/* --- who may be chosen ---------------------------------------------------------- */

static bool wanted(const struct selection *selection, uint32_t index)
{
	const struct pool_snap_member *member = &selection->members[index];

	if (selection->skip && selection->skip[index])
		return false;
	/* The number is from a file: none that can be shifted by must be believed. */
	return !selection->query->schemes ||
		(member->scheme < POOL_SCHEMES &&
			(selection->query->schemes >> member->scheme & 1));
}

static bool below_limits(const struct selection *selection, uint32_t index)
{
	const struct pool_state *state = selection->state;
	const uint32_t at = selection->leaf->first_member + index;

	if (!pool_state_below_limit(
		    selection->leaf, &selection->members[index], state->counts[at]))
		return false;
	return !selection->rate.requests || !state->budgets ||
		pool_budget_ready_ns(&state->budgets[at], &selection->rate,
			selection->cost,
			selection->now.boot_ns) <= selection->now.boot_ns;
}

/* The slow question behind the ready words. */
static bool admit(const void *context, uint32_t index)
{
	const struct selection *selection = context;
	const struct pool_state *state = selection->state;
	const struct pool_health *health;
	uint32_t at, held;

	if (!wanted(selection, index))
		return false;
	if (!state)
		return selection->bare_ready[index] != POOL_READY_NEVER;
	at = selection->leaf->first_member + index;
	health = &state->records[at].health;
	held = state->counts[at];
	if (!below_limits(selection, index))
		return false;
	if (selection->any)
		return selection->members[index].enabled && !health->admin_disabled &&
			health->cool_until_ns <= selection->now.boot_ns;
	return !health->opened || held < (uint32_t)selection->leaf->policy.half_open_max;
}

/* Whether it is a proxy of the pool at all, whatever it is now. */
static bool is_member(const void *context, uint32_t index)
{
	const struct selection *selection = context;

	return selection->members[index].enabled;
}

static int64_t latency_of(const void *context, uint32_t index)
{
	const struct selection *selection = context;

	return selection->state->records[selection->leaf->first_member + index]
		.latency_us;
}

/* --- preparing ------------------------------------------------------------------ */

static int find_strategy(struct selection *selection, struct pool_fault *fault)
{
	const char *names[POOL_STRATEGIES], *wanted_name = selection->query->strategy,
					    *near;
	int id;

	selection->strategy = selection->leaf->policy.strategy;
	if (!wanted_name)
		return 0;
	id = pool_strategy_find(wanted_name);
	if (id >= 0) {
		selection->strategy = (unsigned)id;
		return 0;
	}
	for (unsigned i = 0; i < POOL_STRATEGIES; i++)
		names[i] = pool_strategy_get(i)->name;
	near = pool_text_nearest(wanted_name, names, POOL_STRATEGIES);
	return pool_fault_set(fault, POOL_EARGUMENT, 0,
		"no strategy is called '%s'%s%s%s", wanted_name,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* What the query asks of the pool it has led to. */
static int prepare_demands(struct selection *selection, struct pool_fault *fault)
{
	const struct pool_query *query = selection->query;
	const struct pool_strategy *strategy = pool_strategy_get(selection->strategy);
	const char *where = pool_snapshot_string(
		&selection->session->snapshot, selection->leaf->where);

	selection->rate = pool_state_rate(selection->leaf);
	selection->cost = query->cost > 0 ? (uint32_t)query->cost : 1;
	if (query->key && (strategy->wants_key || selection->leaf->rollout_percent < 100))
		selection->key = pool_hash_64(NULL, query->key, strlen(query->key));
	if (query->cost < 0 || query->cost > INT32_MAX ||
		(selection->rate.requests && query->cost > selection->rate.requests))
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

static void skip_name(struct selection *selection, const char *name)
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

static int prepare_filters(struct selection *selection, struct pool_fault *fault)
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

static int prepare_owner(struct selection *selection, struct pool_fault *fault)
{
	struct pool_session *session = selection->session;
	const struct pool_query *query = selection->query;

	if (!query->lease)
		return 0;
	if (!query->owner_pid && !query->ttl_ms)
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"a lease needs an owner or a time to live");
	if (!query->owner_pid)
		return 0;
	/* Of ourselves once. Another one may have ended since, and its number be that of
	 * a third. */
	if (query->owner_pid == session->own_pid) {
		selection->owner_start = session->own_start;
	} else if (!pool_owner_look_up(query->owner_pid, &selection->owner_start,
			   &session->pid_space)) {
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"no process has the number %d", (int)query->owner_pid);
	} else if (query->owner_pid == getpid()) {
		session->own_pid = query->owner_pid;
		session->own_start = selection->owner_start;
	}
	selection->owner_space = session->pid_space;
	return 0;
}

/* Without state: everything enabled is eligible, and strategies that share state are
 * random. */
static int prepare_bare(struct selection *selection, struct pool_fault *fault)
{
	uint32_t count = selection->leaf->member_count;

	selection->bare_ready = calloc(count + 1, sizeof(*selection->bare_ready));
	selection->bare_weights = calloc(count + 1, sizeof(*selection->bare_weights));
	selection->bare_counts = calloc(count + 1, sizeof(*selection->bare_counts));
	if (!selection->bare_ready || !selection->bare_weights || !selection->bare_counts)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	for (uint32_t i = 0; i < count; i++) {
		selection->bare_weights[i] = selection->members[i].weight_micro;
		if (!selection->members[i].enabled)
			selection->bare_ready[i] = POOL_READY_NEVER;
	}
	return 0;
}

static void warn_degraded(struct pool_session *session, const struct pool_fault *fault)
{
	if (session->warned_state)
		return;
	session->warned_state = true;
	pool_session_warn(session, "selecting without shared state: %s", fault->text);
}

/* Somebody holds the lock: what is known of the proxies can be read all the same. */
static void look_without_lock(struct selection *selection)
{
	const struct pool_snap_leaf *leaf = selection->leaf;
	uint64_t *ready = calloc(leaf->member_count + 1, sizeof(*ready));

	if (ready && selection->session->state &&
		pool_state_peek(selection->session->state, &selection->session->snapshot,
			leaf, selection->now.boot_ns, ready))
		memcpy(selection->bare_ready, ready, leaf->member_count * sizeof(*ready));
	free(ready);
}

/* The state cannot be had: select without, unless the caller wants it. */
static int go_without(struct selection *selection, const struct pool_fault *trouble,
	uint64_t loads, struct pool_fault *fault)
{
	struct pool_session *session = selection->session;
	int error;

	selection->state = NULL;
	if (session->require_state || trouble->code == POOL_ENOMEM) {
		if (fault)
			*fault = *trouble;
		return trouble->code;
	}
	warn_degraded(session, trouble);
	/* Looking for the reason may have replaced the snapshot that was resolved in. */
	if (session->loads != loads)
		return POOL_ESTALE;
	error = prepare_bare(selection, fault);
	if (!error && trouble->code == POOL_EBUSY)
		look_without_lock(selection);
	return error;
}

/* --- one pick ------------------------------------------------------------------- */

static struct pool_field make_field(const struct selection *selection)
{
	const struct pool_state *state = selection->state;
	struct pool_field field = {
		.count = selection->leaf->member_count,
		.ready = selection->bare_ready,
		.weights = selection->bare_weights,
		.leases = selection->bare_counts,
		.equal_weights = selection->leaf->equal_weights,
		.now_ns = (uint64_t)selection->now.boot_ns,
		.admit = admit,
		.context = selection,
		/* The ready word knows of one request only. */
		.ask_all = selection->filtered || selection->skip ||
			(selection->rate.requests && selection->cost > 1),
		.ask_only = selection->any,
		.random = &selection->session->random,
		.tags = selection->session->snapshot.tags + selection->leaf->first_member,
		.key = selection->key,
	};

	if (state) {
		const struct pool_state_leaf *leaf =
			&state->leaves[selection->leaf_index];
		const uint32_t at = selection->leaf->first_member;

		field.ready = state->ready + at;
		field.weights = state->weights + at;
		field.leases = state->counts + at;
		field.finishes = state->finishes + at;
		field.cursor = leaf->cursor;
		field.clock = leaf->clock;
		field.floor = leaf->floor;
		field.eligibles = leaf->eligibles;
		field.latency_us = latency_of;
	}
	return field;
}

/* The one that the key has among all members, if it is eligible. */
static uint32_t pick_own(const struct selection *selection,
	const struct pool_strategy *strategy, struct pool_pick *out)
{
	const struct pool_field field = make_field(selection);
	struct pool_field members = field;

	members.admit = is_member;
	members.ask_only = true;
	if (strategy->pick(&members, out) == POOL_NO_PICK ||
		!pool_field_eligible(&field, out->index))
		return POOL_NO_PICK;
	return out->index;
}

static uint32_t pick(const struct selection *selection, struct pool_pick *out)
{
	const struct pool_field field = make_field(selection);
	const struct pool_strategy *strategy = pool_strategy_get(selection->strategy);

	if (strategy->shares_state && (!selection->state || !selection->state->writable))
		strategy = pool_strategy_get(POOL_STRATEGY_RANDOM);
	if (selection->query->strict)
		return pick_own(selection, strategy, out);
	return strategy->pick(&field, out);
}

/* Histogram bucket of a duration: 2^i microseconds and less. */
static unsigned bucket(int64_t duration_ns)
{
	unsigned i = 0;

	while (i < POOL_LATENCY_BUCKETS - 1 && duration_ns > INT64_C(1000) << i)
		i++;
	return i;
}

static void fill_lease(
	const struct selection *selection, struct pool_lease *lease, uint32_t record)
{
	const struct pool_query *query = selection->query;
	int64_t ttl_ns = query->ttl_ms * POOL_NS_PER_MS;

	*lease = (struct pool_lease){
		.id = pool_random_next(&selection->session->random) | 1,
		.record = record,
		.began_ns = selection->now.boot_ns,
	};
	if (query->lease) {
		lease->owner_pid = query->owner_pid;
		lease->owner_start = selection->owner_start;
		lease->owner_space = selection->owner_space;
	} else {
		lease->flags = POOL_LEASE_SELECTION;
		ttl_ns = selection->leaf->timeout_s * POOL_NS_PER_S;
	}
	if (ttl_ns)
		lease->expires_ns = selection->now.boot_ns + ttl_ns;
}

/* Spend the cost: what is left tells when the proxy is ready again. */
static void charge(struct selection *selection, uint32_t at)
{
	struct pool_state *state = selection->state;

	if (!selection->rate.requests || !state->budgets)
		return;
	pool_state_touch(state, &state->budgets[at], sizeof(*state->budgets));
	pool_state_touch(state, &state->ready[at], sizeof(*state->ready));
	pool_budget_charge(&state->budgets[at], &selection->rate, selection->cost,
		selection->now.boot_ns);
	state->ready[at] = pool_state_ready_word(selection->leaf,
		&selection->session->snapshot.members[at], &state->records[at],
		&state->budgets[at], selection->now.boot_ns);
}

/* Everything a pick changes, as one update: all of it or, after a kill, nothing. */
static int account(struct selection *selection, const struct pool_pick *pick,
	uint64_t *lease_id, struct pool_fault *fault)
{
	struct pool_state *state = selection->state;
	struct pool_state_leaf *leaf = &state->leaves[selection->leaf_index];
	uint32_t at = selection->leaf->first_member + pick->index;
	struct pool_record *record = &state->records[at];
	struct pool_lease lease;
	struct pool_now end;

	*lease_id = 0;
	if (selection->query->lease || (record->health.opened && !selection->any)) {
		if (state->image->leases_used >= state->image->lease_capacity) {
			int error = pool_state_grow_leases(state,
				&selection->session->snapshot, &selection->now,
				state->image->lease_capacity * 2, fault);

			if (error)
				return error;
			leaf = &state->leaves[selection->leaf_index];
			record = &state->records[at];
		}
		fill_lease(selection, &lease, at);
		if (pool_lease_add(state, &lease) != 0)
			return pool_fault_set(
				fault, POOL_ESYSTEM, 0, "the lease table is full");
		*lease_id = selection->query->lease ? lease.id : 0;
		selection->taken[selection->taken_count++] = lease.id;
	}
	pool_state_touch(state, leaf, sizeof(*leaf));
	pool_state_touch(state, record, sizeof(*record));
	pool_state_touch(state, &state->finishes[at], sizeof(*state->finishes));
	leaf->cursor = pick->cursor;
	leaf->clock = pick->clock;
	leaf->floor = pick->floor;
	leaf->eligibles = pick->eligibles;
	leaf->selections++;
	leaf->panics += selection->any;
	state->finishes[at] = pick->finish;
	record->selections++;
	record->selected_wall_s = selection->now.wall_s;
	record->leases += *lease_id != 0;
	charge(selection, at);
	pool_clock_get(&end);
	leaf->latency[bucket(end.boot_ns - selection->began_ns)]++;
	pool_state_settle(state, &selection->now);
	return 0;
}

/* Duplicates a string of the snapshot; "" for one that is not given. */
static char *copy_string(const struct pool_snapshot *snapshot, uint32_t at)
{
	const char *string = pool_snapshot_string(snapshot, at);

	return strdup(string ? string : "");
}

/* The choice as the state tells it; the URL is filled in once the lock is given back. */
static int note_choice(struct selection *selection, uint32_t index, uint64_t lease_id)
{
	const struct pool_snapshot *snapshot = &selection->session->snapshot;
	struct pool_proxy_choice *proxy =
		&selection->choice->proxies[selection->choice->count];
	enum pool_status status = POOL_STATUS_UNKNOWN;

	*proxy = (struct pool_proxy_choice){
		.name = copy_string(snapshot, selection->members[index].name),
		.index = index,
		.weight_micro = selection->members[index].weight_micro,
		.fallback = selection->any,
	};
	if (!proxy->name)
		return POOL_ENOMEM;
	if (selection->state) {
		const struct pool_state *state = selection->state;
		uint32_t at = selection->leaf->first_member + index;

		status = pool_health_status(
			&state->records[at].health, selection->now.boot_ns);
	}
	snprintf(proxy->status, sizeof(proxy->status), "%s", pool_status_name(status));
	if (lease_id)
		snprintf(proxy->lease, sizeof(proxy->lease), "%016llx",
			(unsigned long long)lease_id);
	selection->choice->count++;
	if (selection->skip)
		selection->skip[index] = 1;
	return 0;
}

static int choose_one(struct selection *selection, struct pool_fault *fault)
{
	bool accounted = selection->state && selection->state->writable &&
		!selection->query->dry_run;
	struct pool_pick chosen;
	uint64_t lease_id = 0;
	int error = 0;

	if (pick(selection, &chosen) == POOL_NO_PICK)
		return POOL_ENONE;
	if (accounted)
		error = account(selection, &chosen, &lease_id, fault);
	if (!error && note_choice(selection, chosen.index, lease_id) != 0)
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	return error;
}

/* As many as were asked for and are to be had: POOL_ENONE only without any. */
static int choose(struct selection *selection, struct pool_fault *fault)
{
	size_t wanted_count = selection->query->count ? selection->query->count : 1;

	while (selection->choice->count < wanted_count) {
		int error = choose_one(selection, fault);

		if (error == POOL_ENONE && selection->choice->count)
			return 0;
		if (error)
			return error;
	}
	return 0;
}

/* --- leases of the dead --------------------------------------------------------- */

static uint64_t pid_space(struct pool_session *session)
{
	if (!session->pid_space)
		session->pid_space = pool_owner_space();
	return session->pid_space;
}

/* A table that was large once has few owners far apart: they are not all looked for. */
static struct pool_lease_walk walk_anywhere(struct pool_session *session)
{
	return (struct pool_lease_walk){
		(uint32_t)pool_random_next(&session->random), SLOTS_A_SELECTION};
}

/* End the lease of an owner whose process is not there any more: quick enough to be
 * asked under the lock. */
static void sweep(struct selection *selection)
{
	struct pool_session *session = selection->session;
	struct pool_lease_walk walk = walk_anywhere(session);
	struct pool_owner owners[OWNERS_A_SWEEP];
	size_t count = pool_lease_owners(selection->state, &walk, owners, OWNERS_A_SWEEP);

	for (size_t i = 0; i < count; i++)
		if (pool_owner_vanished(&owners[i], pid_space(session)))
			pool_lease_release_owner(
				selection->state, &owners[i], &selection->now);
}

/* Look up <owners> without the lock, and end the leases of those that are gone. */
static int reap_some(struct selection *selection, struct pool_owner *owners, size_t count,
	struct pool_fault *fault)
{
	struct pool_session *session = selection->session;
	const uint64_t space = pid_space(session), loads = session->loads;
	struct pool_fault trouble = {0};
	size_t gone = 0;

	/* Read back as a hint only: no need for the undo slot. */
	selection->state->image->owners_ns = selection->now.boot_ns;
	pool_session_unlock(session);
	for (size_t i = 0; i < count; i++)
		if (pool_owner_gone(&owners[i], space))
			owners[gone++] = owners[i];
	if (pool_session_lock(session, &selection->now, &trouble) != 0)
		return go_without(selection, &trouble, loads, fault);
	selection->state = session->state;
	/* Another layout, or another file: neither is what was resolved and attached. */
	if (session->loads != loads || !session->state->writable)
		return POOL_ESTALE;
	for (size_t i = 0; i < gone; i++)
		pool_lease_release_owner(selection->state, &owners[i], &selection->now);
	return 0;
}

/* A few owners, from anywhere in the table. */
static int reap_few(struct selection *selection, struct pool_fault *fault)
{
	struct pool_lease_walk walk = walk_anywhere(selection->session);
	struct pool_owner owners[OWNERS_A_SELECTION];
	size_t count =
		pool_lease_owners(selection->state, &walk, owners, OWNERS_A_SELECTION);

	return count ? reap_some(selection, owners, count, fault) : 0;
}

static int reap_all(struct selection *selection, struct pool_fault *fault)
{
	struct pool_owner owners[OWNERS_AT_ONCE];
	struct pool_lease_walk walk = {0, UINT32_MAX};
	int error = 0;

	while (!error && selection->state) {
		size_t count = pool_lease_owners(
			selection->state, &walk, owners, OWNERS_AT_ONCE);

		if (!count)
			break;
		error = reap_some(selection, owners, count, fault);
	}
	return error;
}

/* Whether owners were looked up only just now, by whomever. */
static bool looked_just_now(const struct selection *selection)
{
	const int64_t now_ns = selection->now.boot_ns;
	const int64_t then_ns = selection->state->image->owners_ns;

	return then_ns <= now_ns && then_ns > now_ns - OWNERS_EVERY_MS * POOL_NS_PER_MS;
}

/* Before the choice: time and death have ended some leases. */
static int end_leases(struct selection *selection, struct pool_fault *fault)
{
	if (!selection->state || !selection->state->writable)
		return 0;
	pool_lease_expire(selection->state, &selection->now);
	if (!selection->state->image->leases_owned)
		return 0;
	selection->looked = looked_just_now(selection);
	if (!selection->looked)
		return reap_few(selection, fault);
	sweep(selection);
	return 0;
}

/* Nothing is eligible: all owners are looked up before that is said. Who looks again and
 * again leaves that to the others while they do it. */
static bool wants_all_owners(const struct selection *selection)
{
	return selection->state && selection->state->writable &&
		selection->state->image->leases_owned > 0 &&
		!(selection->waits && selection->looked);
}

/* --- without an eligible one ---------------------------------------------------- */

static enum pool_no_reason why_none(const struct selection *selection)
{
	if (!selection->leaf->enabled_count)
		return POOL_NO_ALL_DISABLED;
	if (selection->filtered) {
		for (uint32_t i = 0; i < selection->leaf->member_count; i++)
			if (selection->members[i].enabled && wanted(selection, i))
				return POOL_NO_NONE_ELIGIBLE;
		return POOL_NO_FILTERED;
	}
	return POOL_NO_NONE_ELIGIBLE;
}

static bool has_fallback_url(const struct selection *selection)
{
	return selection->leaf->kind == POOL_LEAF_POOL && selection->leaf->url;
}

/* The url beside the pool: never checked, never leased, still allowed by --scheme. */
static int take_url(struct selection *selection, struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot = &selection->session->snapshot;
	const char *text = pool_snapshot_string(snapshot, selection->leaf->url);
	struct pool_proxy_choice *proxy = &selection->choice->proxies[0];
	struct pool_url url;
	char endpoint[320];

	if (!text || pool_url_parse(text, strlen(text), &url, NULL) != POOL_URL_OK)
		return POOL_ENONE;
	if (selection->query->schemes && !(selection->query->schemes >> url.scheme & 1))
		return POOL_ENONE;
	pool_url_endpoint(&url, endpoint, sizeof(endpoint));
	*proxy = (struct pool_proxy_choice){.name = strdup(endpoint),
		.index = UINT32_MAX,
		.weight_micro = 1000000,
		.status = "unknown",
		.fallback = true};
	if (!proxy->name)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	selection->choice->count = 1;
	return 0;
}

static int fall_back(struct selection *selection, struct pool_fault *fault)
{
	struct pool_state *state = selection->state;
	int error = POOL_ENONE;

	if (has_fallback_url(selection)) {
		error = take_url(selection, fault);
		if (!error && state && state->writable && !selection->query->dry_run) {
			struct pool_state_leaf *leaf =
				&state->leaves[selection->leaf_index];

			pool_state_touch(state, leaf, sizeof(*leaf));
			leaf->fallbacks++;
			leaf->selections++;
			pool_state_settle(state, &selection->now);
		}
	}
	if (error == POOL_ENONE && !selection->waits &&
		selection->leaf->policy.fallback == POOL_FALLBACK_ANY) {
		selection->any = true;
		error = choose(selection, fault);
	}
	if (error == POOL_ENONE)
		selection->choice->reason = why_none(selection);
	return error;
}

static void warn_fallback(const struct selection *selection)
{
	const struct pool_proxy_choice *proxy = &selection->choice->proxies[0];
	const char *where = pool_snapshot_string(
		&selection->session->snapshot, selection->leaf->where);

	if (!selection->choice->count || !proxy->fallback)
		return;
	if (selection->any)
		pool_session_warn(selection->session,
			"no proxy of '%s' is eligible: using '%s', which is %s", where,
			proxy->name, proxy->status);
	else
		pool_session_warn(selection->session,
			"no proxy of '%s' is eligible: falling back on its url", where);
}

/* --- the whole ------------------------------------------------------------------ */

/* Whether <rollout_percent> gives this selection to the pool: evenly spread. */
static bool rolled_out(struct selection *selection)
{
	uint64_t percent = (uint64_t)selection->leaf->rollout_percent, k;
	struct pool_state *state = selection->state;
	struct pool_state_leaf *leaf;

	if (percent >= 100 || !has_fallback_url(selection))
		return true;
	/* The high half: the low one is what a sticky choice begins with. */
	if (selection->query->key)
		return (selection->key >> 32) % 100 < percent;
	if (!state || !state->writable)
		return pool_random_below(&selection->session->random, 100) < percent;
	leaf = &state->leaves[selection->leaf_index];
	k = leaf->rollout % 100;
	if (!selection->query->dry_run) {
		pool_state_touch(state, &leaf->rollout, sizeof(leaf->rollout));
		leaf->rollout++;
		pool_state_settle(state, &selection->now);
	}
	return (k + 1) * percent / 100 > k * percent / 100;
}

/* When the first of those that wait for a time is ready, INT64_MAX if none does. */
static int64_t find_next(const struct selection *selection)
{
	const struct pool_field field = make_field(selection);
	int64_t next_ns = INT64_MAX;

	for (uint32_t i = 0; i < field.count; i++) {
		const uint64_t word = field.ready[i] & ~POOL_READY_FLAGS;

		if (word > field.now_ns && word < (uint64_t)next_ns &&
			wanted(selection, i))
			next_ns = (int64_t)word;
	}
	return next_ns;
}

static int choose_locked(struct selection *selection, struct pool_fault *fault)
{
	int error;

	error = end_leases(selection, fault);
	if (error)
		return error;
	if (!rolled_out(selection)) {
		error = take_url(selection, fault);
		if (error != POOL_ENONE) {
			selection->choice->proxies[0].fallback = false;
			return error;
		}
	}
	error = choose(selection, fault);
	if (error == POOL_ENONE && wants_all_owners(selection)) {
		error = reap_all(selection, fault);
		if (!error)
			error = choose(selection, fault);
	}
	if (error == POOL_ENONE && !selection->query->strict)
		error = fall_back(selection, fault);
	else if (error == POOL_ENONE)
		selection->choice->reason = POOL_NO_STRICT;
	if (error == POOL_ENONE && selection->waits)
		selection->next_ns = find_next(selection);
	return error;
}

static int refuse_read_only(const struct pool_session *session, struct pool_fault *fault)
{
	return pool_fault_set(fault, POOL_ENOFILE, 0, "state file '%s' cannot be written",
		session->state_path);
}

/* Lock if that can be; go without otherwise, unless the caller wants it. */
static int attach_state(struct selection *selection, struct pool_fault *fault)
{
	struct pool_session *session = selection->session;
	struct pool_fault trouble = {0};
	uint64_t loads = session->loads;

	if (!session->state_path) {
		if (session->require_state)
			return pool_fault_set(
				fault, POOL_ENOFILE, 0, "there is no state file");
		return prepare_bare(selection, fault);
	}
	if (pool_session_lock(session, &selection->now, &trouble) != 0)
		return go_without(selection, &trouble, loads, fault);
	selection->state = session->state;
	if (session->state->writable || !session->require_state)
		return 0;
	return refuse_read_only(session, fault);
}

/* URLs are filled in last, without the lock: a password file may be slow to read. */
static int fill_urls(const struct selection *selection, struct pool_fault *fault)
{
	const struct pool_session *session = selection->session;
	const struct pool_snapshot *snapshot = &session->snapshot;

	for (size_t i = 0; i < selection->choice->count; i++) {
		struct pool_proxy_choice *proxy = &selection->choice->proxies[i];
		bool member = proxy->index != UINT32_MAX;
		struct pool_login login;
		int error;

		error = pool_login_init(&login,
			pool_snapshot_string(snapshot,
				member ? selection->members[proxy->index].url
				       : selection->leaf->url),
			member ? pool_snapshot_string(snapshot,
					 selection->members[proxy->index].password_file)
			       : NULL,
			session->lookup, session->context, fault);
		if (error)
			return error;
		proxy->url = strdup(login.url);
		pool_login_release(&login);
		if (!proxy->url)
			return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	}
	return 0;
}

/* What was chosen cannot be used: nobody holds it. */
static void give_back(struct selection *selection)
{
	struct pool_session *session = selection->session;

	if (!selection->taken_count ||
		pool_session_lock_to_write(session, &selection->now, NULL) != 0)
		return;
	for (size_t i = 0; i < selection->taken_count; i++)
		pool_lease_release(session->state, selection->taken[i], &selection->now);
	pool_session_unlock(session);
}

static int run(struct selection *selection, struct pool_fault *fault)
{
	size_t count = selection->query->count ? selection->query->count : 1;
	struct pool_session *session = selection->session;
	struct pool_choice *choice = selection->choice;
	struct pool_fault trouble = {0};
	uint64_t loads = session->loads;
	int error;

	if (count > selection->leaf->member_count)
		count = selection->leaf->member_count;
	choice->proxies = calloc(count + 1, sizeof(*choice->proxies));
	choice->where =
		copy_string(&selection->session->snapshot, selection->leaf->where);
	choice->timeout_s = selection->leaf->timeout_s;
	choice->strategy = pool_strategy_get(selection->strategy)->name;
	selection->taken = calloc(count + 1, sizeof(*selection->taken));
	if (!choice->proxies || !choice->where || !selection->taken)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	if (!selection->leaf->enabled_count && !has_fallback_url(selection)) {
		choice->reason = POOL_NO_ALL_DISABLED;
		return POOL_ENONE;
	}
	error = attach_state(selection, fault);
	/* Another process saw an edit first: what we resolved is no longer true. */
	if (!error && selection->session->loads != loads)
		error = POOL_ESTALE;
	if (!error)
		error = choose_locked(selection, fault);
	if (selection->session->state && selection->session->state->locked)
		pool_session_unlock(selection->session);
	if (!error && selection->session->loads != loads)
		error = POOL_ESTALE;
	if (!error)
		error = fill_urls(selection, fault);
	if (selection->state && !selection->state->writable && !session->require_state) {
		refuse_read_only(session, &trouble);
		warn_degraded(session, &trouble);
	}
	if (error)
		give_back(selection);
	else
		warn_fallback(selection);
	return error;
}

static int resolve(struct selection *selection, struct pool_fault *fault)
{
	struct pool_session *session = selection->session;
	const struct pool_query *query = selection->query;
	struct pool_resolution resolution;

	pool_snapshot_resolve(
		&session->snapshot, query->exchange, query->type, &resolution);
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
	return find_strategy(selection, fault);
}

static int select_once(struct selection *selection, struct pool_fault *fault)
{
	int error = resolve(selection, fault);

	if (!error)
		error = prepare_demands(selection, fault);
	if (!error)
		error = prepare_filters(selection, fault);
	if (!error)
		error = prepare_owner(selection, fault);
	if (!error)
		error = run(selection, fault);
	free(selection->skip);
	free(selection->bare_ready);
	free(selection->bare_weights);
	free(selection->bare_counts);
	free(selection->taken);
	return error;
}

/* How a selection that waits looks: <waits> for another look, <again> after one. */
struct look {
	bool waits;
	bool again;
	int64_t next_ns; /* when to look again, if it is to be waited for */
};

/* A selection now. */
static int select_now(struct pool_session *session, const struct pool_query *query,
	struct look *look, struct pool_choice *choice, struct pool_fault *fault)
{
	enum { TRIES = 4 };
	struct pool_now began;
	int error;

	pool_clock_get(&began);
	*choice = (struct pool_choice){0};
	error = pool_session_refresh(session, fault);
	for (int i = 0; !error && i < TRIES; i++) {
		struct selection selection = {.session = session,
			.query = query,
			.choice = choice,
			.now = began,
			.began_ns = began.boot_ns,
			.waits = look->waits,
			.again = look->again || i > 0,
			.next_ns = INT64_MAX};

		error = select_once(&selection, fault);
		look->next_ns = selection.next_ns;
		if (error && error != POOL_ENONE)
			pool_choice_release(choice);
		if (error != POOL_ESTALE)
			break;
		error = i + 1 < TRIES
			? 0
			: pool_fault_set(fault, POOL_ESTALE, 0,
				  "pool file '%s' keeps changing", session->file);
	}
	return error;
}

/* Whether time alone, or another process, may bring a proxy. */
static bool may_pass(int error, const struct pool_choice *choice)
{
	return error == POOL_ENONE &&
		(choice->reason == POOL_NO_NONE_ELIGIBLE ||
			choice->reason == POOL_NO_STRICT);
}

/* Until <until_ns>, but not longer than <pause_ms>: a lease may end at any time. */
static void pause_until(int64_t now_ns, int64_t until_ns, int64_t pause_ms)
{
	int64_t length_ns = until_ns - now_ns;
	struct timespec length;

	if (length_ns > pause_ms * POOL_NS_PER_MS)
		length_ns = pause_ms * POOL_NS_PER_MS;
	if (length_ns <= 0)
		return;
	length = (struct timespec){length_ns / POOL_NS_PER_S, length_ns % POOL_NS_PER_S};
	nanosleep(&length, NULL);
}

int pool_session_select(struct pool_session *session, const struct pool_query *query,
	struct pool_choice *choice, struct pool_fault *fault)
{
	struct look look = {.next_ns = INT64_MAX};
	int64_t pause_ms = FIRST_PAUSE_MS, end_ns;
	struct pool_now now;
	int error;

	pool_clock_get(&now);
	end_ns = now.boot_ns + query->wait_ms * POOL_NS_PER_MS;
	for (;; look.again = true) {
		look.waits = now.boot_ns < end_ns;
		error = select_now(session, query, &look, choice, fault);
		if (!look.waits || !may_pass(error, choice))
			return error;
		pool_choice_release(choice);
		pool_clock_get(&now);
		pause_until(now.boot_ns, look.next_ns < end_ns ? look.next_ns : end_ns,
			pause_ms);
		pause_ms =
			pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
		pool_clock_get(&now);
	}
}

void pool_choice_release(struct pool_choice *choice)
{
	for (size_t i = 0; i < choice->count; i++) {
		if (choice->proxies[i].url)
			explicit_bzero(
				choice->proxies[i].url, strlen(choice->proxies[i].url));
		free(choice->proxies[i].url);
		free(choice->proxies[i].name);
	}
	free(choice->proxies);
	free(choice->where);
	*choice = (struct pool_choice){0};
}
