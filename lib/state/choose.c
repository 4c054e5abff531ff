/* The choice: a strategy's pick under the lock, and what is accounted for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/url.h"
#include "state/image.h"
#include "state/repair.h"
#include "state/selection.h"

/* --- who may be chosen ------------------------------------------------------------- */

static bool wanted(const struct pool_selection *selection, uint32_t index)
{
	const struct pool_snap_member *member = &selection->members[index];

	if (selection->skip && selection->skip[index])
		return false;
	/* The number is from a file: none that can be shifted by must be believed. */
	return !selection->query->schemes ||
		(member->scheme < POOL_SCHEMES &&
			(selection->query->schemes >> member->scheme & 1));
}

static bool below_limits(const struct pool_selection *selection, uint32_t index)
{
	const struct pool_state *state = selection->state;
	const uint32_t at = selection->leaf->first_member + index;
	struct pool_budget budget;

	if (!pool_state_below_limit(
		    selection->leaf, &selection->members[index], state->counts[at]))
		return false;
	if (!selection->rate.requests || !state->budgets)
		return true;
	pool_state_fetch(&budget, &state->budgets[at], sizeof(budget));
	return pool_budget_ready_ns(&budget, &selection->rate, selection->cost,
		       selection->now.boot_ns) <= selection->now.boot_ns;
}

/* The slow question behind the ready words. */
static bool admit(const void *context, uint32_t index)
{
	const struct pool_selection *selection = context;
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
	const struct pool_selection *selection = context;

	return selection->members[index].enabled;
}

static int64_t latency_of(const void *context, uint32_t index)
{
	const struct pool_selection *selection = context;

	return selection->state->records[selection->leaf->first_member + index]
		.latency_us;
}

/* --- one pick ---------------------------------------------------------------------- */

static struct pool_field make_field(const struct pool_selection *selection)
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

/* The one that the key has among all members. */
static uint32_t find_own(const struct pool_selection *selection,
	const struct pool_strategy *strategy, struct pool_pick *out)
{
	struct pool_field members = make_field(selection);

	members.admit = is_member;
	members.ask_only = true;
	return strategy->pick(&members, out);
}

/* That one, if it is eligible. */
static uint32_t pick_own(const struct pool_selection *selection,
	const struct pool_strategy *strategy, struct pool_pick *out)
{
	const struct pool_field field = make_field(selection);

	if (find_own(selection, strategy, out) == POOL_NO_PICK ||
		!pool_field_eligible(&field, out->index))
		return POOL_NO_PICK;
	return out->index;
}

/* What is asked for; at random where that shares a state that cannot be had. */
static enum pool_strategy_id strategy_used(const struct pool_selection *selection)
{
	const bool shared = selection->state && selection->state->writable;

	if (pool_strategy_get(selection->strategy)->shares_state && !shared)
		return POOL_STRATEGY_RANDOM;
	return selection->strategy < POOL_STRATEGIES
		? (enum pool_strategy_id)selection->strategy
		: POOL_STRATEGY_ROUND_ROBIN;
}

static uint32_t pick(const struct pool_selection *selection, struct pool_pick *out)
{
	const struct pool_field field = make_field(selection);
	const struct pool_strategy *strategy =
		pool_strategy_get(strategy_used(selection));

	if (selection->query->strict)
		return pick_own(selection, strategy, out);
	return strategy->pick(&field, out);
}

/* --- what is accounted for it ------------------------------------------------------ */

/* Histogram bucket of a duration: 2^i microseconds and less. */
static unsigned bucket(int64_t duration_ns)
{
	unsigned i = 0;

	while (i < POOL_LATENCY_BUCKETS - 1 && duration_ns > INT64_C(1000) << i)
		i++;
	return i;
}

static void account_time(struct pool_state_leaf *leaf, int64_t duration_ns)
{
	leaf->latency[bucket(duration_ns)]++;
	if (duration_ns > 0)
		leaf->latency_ns += (uint64_t)duration_ns;
}

/* Without the lock only processes of our namespace can look us up, if they see any. */
static void fill_unseen_owner(struct pool_selection *selection, struct pool_lease *lease)
{
	const int64_t longest_ms = selection->query->longest_ms;

	if (!pool_owner_look_up(
		    lease->owner_pid, lease->owner_space, &lease->owner_start))
		lease->owner_pid = 0;
	if (!selection->ttl_ms)
		selection->ttl_ms = longest_ms ? longest_ms : POOL_UNSEEN_TTL_MS;
}

static void fill_owner(struct pool_selection *selection, struct pool_lease *lease)
{
	lease->owner_pid = selection->query->owner_pid;
	lease->owner_start = selection->owner_start;
	lease->owner_space = selection->owner_space;
	if (selection->owner_locks &&
		pool_selection_hold(selection, &selection->trouble) != 0)
		fill_unseen_owner(selection, lease);
	else if (selection->owner_locks)
		lease->lock = selection->state->own_lock;
	if (selection->ttl_ms)
		lease->expires_ns =
			selection->now.boot_ns + selection->ttl_ms * POOL_NS_PER_MS;
}

static void fill_lease(
	struct pool_selection *selection, struct pool_lease *lease, uint32_t record)
{
	*lease = (struct pool_lease){
		.id = pool_random_next(&selection->session->random) | 1,
		.record = record,
		.began_ns = selection->now.boot_ns,
	};
	if (selection->query->lease) {
		fill_owner(selection, lease);
		return;
	}
	lease->flags = POOL_LEASE_SELECTION;
	lease->expires_ns =
		selection->now.boot_ns + selection->leaf->timeout_s * POOL_NS_PER_S;
}

/* Room for one more. Growing may move the whole layout: pointers into it are void. */
static int make_room(struct pool_selection *selection, struct pool_fault *fault)
{
	struct pool_state *state = selection->state;
	int error;

	if (state->live->leases_used < state->image->lease_capacity)
		return 0;
	error = pool_session_verify_all(selection->session, fault);
	if (error)
		return error;
	return pool_state_grow_leases(state, &selection->session->snapshot,
		&selection->now, state->image->lease_capacity * 2, fault);
}

/* Whether what failed has left all pointers into the mapping as they were. */
static bool is_as_before(const struct pool_state *state, const char *map, size_t length)
{
	return state->image && state->map == map && state->length == length;
}

/* Hold it, if that is asked for, or if it is on trial; without room it is used without a
 * lease, unless the caller wants the state. */
static int take_lease(struct pool_selection *selection, uint32_t at, uint64_t *lease_id,
	struct pool_fault *fault)
{
	struct pool_state *state = selection->state;
	const bool trial = state->records[at].health.opened && !selection->any;
	const char *map = state->map;
	const size_t length = state->length;
	struct pool_fault trouble = {0};
	struct pool_lease lease;
	int error;

	*lease_id = 0;
	if (!selection->query->lease && !trial)
		return 0;
	error = make_room(selection, &trouble);
	if (error && error != POOL_ESTALE && is_as_before(state, map, length) &&
		!selection->session->require_state) {
		selection->trouble = trouble;
		selection->choice->no_room = selection->query->lease;
		return 0;
	}
	if (error) {
		if (fault)
			*fault = trouble;
		return error;
	}
	fill_lease(selection, &lease, at);
	if (pool_lease_add(state, &lease) != 0)
		return pool_fault_set(fault, POOL_ESYSTEM, 0, "the lease table is full");
	*lease_id = selection->query->lease ? lease.id : 0;
	selection->taken[selection->taken_count++] = lease.id;
	return 0;
}

/* Spend the cost: what is left tells when the proxy is ready again. */
static void charge(struct pool_selection *selection, uint32_t at)
{
	struct pool_state *state = selection->state;
	struct pool_budget budget;

	if (!selection->rate.requests || !state->budgets)
		return;
	pool_state_touch(state, &state->budgets[at], sizeof(*state->budgets));
	pool_state_touch(state, &state->ready[at], sizeof(*state->ready));
	pool_state_fetch(&budget, &state->budgets[at], sizeof(budget));
	pool_budget_charge(
		&budget, &selection->rate, selection->cost, selection->now.boot_ns);
	state->budgets[at] = budget;
	state->ready[at] = pool_state_ready_word(selection->leaf,
		&selection->session->snapshot.members[at], &state->records[at], &budget,
		selection->now.boot_ns);
}

/* Everything a pick changes, as one update: all of it or, after a kill, nothing. */
static int account(struct pool_selection *selection, const struct pool_pick *pick,
	uint64_t *lease_id, struct pool_fault *fault)
{
	struct pool_state *state = selection->state;
	const uint32_t at = selection->leaf->first_member + pick->index;
	struct pool_state_leaf *leaf;
	struct pool_record *record;
	struct pool_now end;
	int error = take_lease(selection, at, lease_id, fault);

	if (error)
		return error;
	leaf = &state->leaves[selection->leaf_index];
	record = &state->records[at];
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
	leaf->strategies[strategy_used(selection)]++;
	pool_clock_get(&end);
	account_time(leaf, end.boot_ns - selection->began_ns);
	pool_state_settle(state, &selection->now);
	return 0;
}

/* --- as many as were asked for ----------------------------------------------------- */

/* The choice as the state tells it; the URL is filled in once the lock is given back. */
static int note_choice(
	struct pool_selection *selection, uint32_t index, uint64_t lease_id)
{
	const struct pool_snapshot *snapshot = &selection->session->snapshot;
	struct pool_proxy_choice *proxy =
		&selection->choice->proxies[selection->choice->count];
	enum pool_status status = POOL_STATUS_UNKNOWN;

	*proxy = (struct pool_proxy_choice){
		.name = pool_snapshot_copy_string(
			snapshot, selection->members[index].name),
		.index = index,
		.weight_micro = selection->members[index].weight_micro,
		.fallback = selection->any,
	};
	if (!proxy->name)
		return POOL_ENOMEM;
	if (selection->state) {
		const struct pool_state *state = selection->state;
		uint32_t at = selection->leaf->first_member + index;

		struct pool_health health;

		pool_state_fetch(&health, &state->records[at].health, sizeof(health));
		status = pool_health_status(&health, selection->now.boot_ns);
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

/* --- damage ------------------------------------------------------------------------ */

/* Whether the record of a proxy that was chosen bears it out. The ready words that led to
 * it are not under any checksum, nor is the record: what a person decided is under its
 * seal, and neither who is disabled nor who is cooling is ever chosen. */
static bool is_borne_out(const struct pool_selection *selection, uint32_t index)
{
	const struct pool_state *state = selection->state;
	const uint32_t at = selection->leaf->first_member + index;
	struct pool_record record;

	pool_state_fetch(&record, &state->records[at], sizeof(record));
	return pool_record_is_sealed(&record) && !record.health.admin_disabled &&
		/* A ready word is a few nanoseconds early: two bits of it are cut. */
		record.health.cool_until_ns <=
		selection->now.boot_ns + (int64_t)POOL_READY_FLAGS &&
		record.leaf_key == selection->leaf->key &&
		pool_hash_equal(&record.identity, &selection->members[index].identity);
}

int pool_selection_pass_over(
	struct pool_selection *selection, uint32_t index, struct pool_fault *fault)
{
	if (!selection->skip)
		selection->skip = calloc(
			selection->leaf->member_count + 1, sizeof(*selection->skip));
	if (!selection->skip)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	selection->skip[index] = 1;
	return 0;
}

/* Set the state right, once a selection, by a snapshot that is right itself; in a state
 * that can only be read the proxy is passed over. */
static int mend(
	struct pool_selection *selection, uint32_t index, struct pool_fault *fault)
{
	struct pool_session *session = selection->session;
	struct pool_repairs done = {0};
	int error;

	if (!selection->state->writable || selection->mended)
		return pool_selection_pass_over(selection, index, fault);
	error = pool_session_verify_all(session, fault);
	if (error)
		return error;
	selection->mended = true;
	session->state->was_mended = true;
	if (pool_state_repair(
		    session->state, &session->snapshot, &selection->now, &done) != 0)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	return 0;
}

/* Whether a pick may be believed and used: 0, POOL_PICK_AGAIN, or an error. */
static int judge_pick(
	struct pool_selection *selection, uint32_t index, struct pool_fault *fault)
{
	int error;

	if (!pool_snapshot_has_member(
		    &selection->session->snapshot, selection->leaf->first_member + index))
		return pool_session_spoil(selection->session, fault);
	if (!selection->state || is_borne_out(selection, index))
		return pool_selection_look(selection, index, fault);
	error = mend(selection, index, fault);
	return error ? error : POOL_PICK_AGAIN;
}

/* A pick that may be believed and used, or POOL_ENONE. */
static int pick_sound(struct pool_selection *selection, struct pool_pick *chosen,
	struct pool_fault *fault)
{
	while (pick(selection, chosen) != POOL_NO_PICK) {
		int error = judge_pick(selection, chosen->index, fault);

		if (error != POOL_PICK_AGAIN)
			return error;
	}
	return POOL_ENONE;
}

/* --- as many as were asked for, one by one ------------------------------------------ */

static int choose_one(struct pool_selection *selection, struct pool_fault *fault)
{
	bool accounted = selection->state && selection->state->writable &&
		!selection->query->dry_run;
	struct pool_pick chosen;
	uint64_t lease_id = 0;
	int error = pick_sound(selection, &chosen, fault);

	if (error)
		return error;
	if (accounted)
		error = account(selection, &chosen, &lease_id, fault);
	if (!error && note_choice(selection, chosen.index, lease_id) != 0)
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	return error;
}

/* As many as were asked for and are to be had: POOL_ENONE only without any. */
static int choose(struct pool_selection *selection, struct pool_fault *fault)
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

/* None is to be had: all owners of leases are looked up before that is said. */
static int choose_again(struct pool_selection *selection, struct pool_fault *fault)
{
	int error = pool_selection_end_all_leases(selection, fault);

	return error ? error : choose(selection, fault);
}

/* --- without an eligible one ------------------------------------------------------- */

/* Whether there is any that time may bring. */
static bool has_others(const struct pool_selection *selection)
{
	for (uint32_t i = 0; i < selection->leaf->member_count; i++)
		if (selection->members[i].enabled && wanted(selection, i))
			return true;
	return false;
}

static enum pool_no_reason why_none(const struct pool_selection *selection)
{
	if (!selection->leaf->enabled_count)
		return POOL_NO_ALL_DISABLED;
	return selection->filtered && !has_others(selection) ? POOL_NO_FILTERED
							     : POOL_NO_NONE_ELIGIBLE;
}

bool pool_selection_has_url(const struct pool_selection *selection)
{
	return selection->leaf->kind == POOL_LEAF_POOL && selection->leaf->url;
}

/* The url beside the pool: never checked, never leased, still allowed by --scheme. */
static int take_url(struct pool_selection *selection, struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot = &selection->session->snapshot;
	const char *text = pool_snapshot_string(snapshot, selection->leaf->url);
	struct pool_proxy_choice *proxy = &selection->choice->proxies[0];
	struct pool_url url;
	char endpoint[320];
	int error;

	if (!text || pool_url_parse(text, strlen(text), &url, NULL) != POOL_URL_OK)
		return POOL_ENONE;
	if (selection->query->schemes && !(selection->query->schemes >> url.scheme & 1))
		return POOL_ENONE;
	pool_url_endpoint(&url, endpoint, sizeof(endpoint));
	error = pool_selection_look_at_url(selection, endpoint, fault);
	if (error)
		return error == POOL_ESECRET ? POOL_ENONE : error;
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

/* A selection that got the url, as what it is to fall back on or by its share. */
static void account_url(struct pool_selection *selection, bool fallback)
{
	struct pool_state *state = selection->state;
	struct pool_state_leaf *leaf;

	if (!state || !state->writable || selection->query->dry_run)
		return;
	leaf = &state->leaves[selection->leaf_index];
	pool_state_touch(state, leaf, sizeof(*leaf));
	leaf->fallbacks += fallback;
	leaf->selections++;
	pool_state_settle(state, &selection->now);
}

static int fall_back(struct pool_selection *selection, struct pool_fault *fault)
{
	int error = POOL_ENONE;

	if (pool_selection_has_url(selection)) {
		error = take_url(selection, fault);
		if (!error)
			account_url(selection, true);
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

/* Why there is none, once nobody looks again. */
static void count_obstacles(struct pool_selection *selection)
{
	struct pool_pick own;

	pool_selection_count_all(selection);
	if (selection->query->strict &&
		find_own(selection, pool_strategy_get(strategy_used(selection)), &own) !=
			POOL_NO_PICK)
		pool_selection_count(selection, own.index);
}

/* When the first of those that wait for a time is ready, INT64_MAX if none does. */
static int64_t find_next(const struct pool_selection *selection)
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

/* --- the whole --------------------------------------------------------------------- */

/* Whether <rollout_percent> gives this selection to the pool: evenly spread. */
static bool rolled_out(struct pool_selection *selection)
{
	uint64_t percent = (uint64_t)selection->leaf->rollout_percent, k;
	struct pool_state *state = selection->state;
	struct pool_state_leaf *leaf;

	/* Who waits was given to the pool, or its url cannot be used: one turn is enough.
	 */
	if (percent >= 100 || selection->waited || !pool_selection_has_url(selection))
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

int pool_selection_choose(struct pool_selection *selection, struct pool_fault *fault)
{
	int error = pool_selection_end_leases(selection, fault);

	if (error)
		return error;
	if (!rolled_out(selection)) {
		error = take_url(selection, fault);
		if (!error) {
			selection->choice->proxies[0].fallback = false;
			account_url(selection, false);
		}
		if (error != POOL_ENONE)
			return error;
	}
	error = choose(selection, fault);
	if (error == POOL_ENONE)
		error = choose_again(selection, fault);
	if (error == POOL_ENONE && !selection->query->strict)
		error = fall_back(selection, fault);
	else if (error == POOL_ENONE)
		selection->choice->reason = POOL_NO_STRICT;
	if (error == POOL_ENONE && selection->waits) {
		selection->next_ns = find_next(selection);
		selection->others = has_others(selection);
	}
	if (error == POOL_ENONE && !selection->others)
		count_obstacles(selection);
	if (error == POOL_ENONE && selection->choice->skipped_count)
		error = pool_selection_refuse_skipped(selection, fault);
	return error;
}
