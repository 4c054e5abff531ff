/* Plans. */
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "watch/plan.h"

/* --- checks by key -------------------------------------------------------------- */

static uint32_t *find_slot(const struct pool_plan *plan, const struct pool_hash *key)
{
	uint32_t at = (uint32_t)key->low & plan->mask;

	while (plan->slots[at] != POOL_NO_CHECK &&
		!pool_hash_equal(&plan->checks[plan->slots[at]].key, key))
		at = (at + 1) & plan->mask;
	return &plan->slots[at];
}

uint32_t pool_plan_find(const struct pool_plan *plan, const struct pool_hash *key)
{
	return plan->slots ? *find_slot(plan, key) : POOL_NO_CHECK;
}

/* --- making --------------------------------------------------------------------- */

/* What cannot be asked yet, for want of a secret, is a check of its own. */
static void make_lonely_keys(struct pool_probe_keys *keys,
	const struct pool_hash_key *salt, const struct pool_snap_leaf *leaf,
	const struct pool_snap_member *member)
{
	const uint64_t parts[] = {leaf->key, member->identity.high, member->identity.low};

	*keys = (struct pool_probe_keys){
		.check = pool_hash_128(salt, parts, sizeof(parts)),
		.host = pool_hash_64(salt, parts, sizeof(parts)),
	};
}

static int get_keys(const struct pool_snapshot *snapshot, uint32_t leaf, uint32_t member,
	const struct pool_round_options *options, const struct pool_hash_key *salt,
	struct pool_probe_keys *keys)
{
	struct pool_login login;
	struct pool_probe probe;
	int error =
		pool_round_make(snapshot, leaf, member, options, &probe, &login, NULL);

	if (!error) {
		error = pool_probe_keys_get(keys, salt, &probe);
	} else if (error != POOL_ENOMEM) {
		make_lonely_keys(
			keys, salt, &snapshot->leaves[leaf], &snapshot->members[member]);
		error = 0;
	}
	pool_login_release(&login);
	return error;
}

/* Lead member <at> to its check, a new one if there is none like it. */
static void add_to_check(struct pool_plan *plan, const struct pool_snap_leaf *leaf,
	uint32_t leaf_index, uint32_t at, const struct pool_probe_keys *keys)
{
	uint32_t *slot = find_slot(plan, &keys->check);
	struct pool_plan_check *check;
	int64_t interval_ns = leaf->policy.interval_s * POOL_NS_PER_S;

	if (*slot == POOL_NO_CHECK) {
		*slot = plan->check_count++;
		plan->checks[*slot] = (struct pool_plan_check){
			.key = keys->check,
			.host = keys->host,
			.target = keys->target,
			.first_member = POOL_NO_MEMBER,
			.first_leaf = leaf_index,
			.interval_ns = interval_ns,
			.longest_ns = (1 + leaf->policy.retry_count) *
				(leaf->policy.check_timeout_s + POOL_ENGINE_BACKOFF_S) *
				POOL_NS_PER_S,
		};
	}
	check = &plan->checks[*slot];
	if (interval_ns < check->interval_ns)
		check->interval_ns = interval_ns;
	check->control |= leaf->policy.control == POOL_CONTROL_DIRECT;
	plan->members[at].check = *slot;
	plan->members[at].next_member = check->first_member;
	check->first_member = at;
}

static int plan_leaf(struct pool_plan *plan, const struct pool_snapshot *snapshot,
	uint32_t leaf_index, const struct pool_round_options *options,
	const struct pool_hash_key *salt)
{
	const struct pool_snap_leaf *leaf = &snapshot->leaves[leaf_index];

	for (uint32_t i = 0; i < leaf->member_count; i++) {
		uint32_t at = leaf->first_member + i;
		struct pool_probe_keys keys;
		int error;

		plan->members[at].leaf = leaf_index;
		plan->members[at].leaf_key = leaf->key;
		plan->members[at].identity = snapshot->members[at].identity;
		if (!leaf->policy.check_enabled || !snapshot->members[at].enabled)
			continue;
		error = get_keys(snapshot, leaf_index, at, options, salt, &keys);
		if (error)
			return error;
		add_to_check(plan, leaf, leaf_index, at, &keys);
	}
	return 0;
}

static int make_room(struct pool_plan *plan, const struct pool_snapshot *snapshot,
	const struct pool_round_options *options)
{
	uint32_t size = 16;

	while (size < 2 * (snapshot->member_count + 1))
		size *= 2;
	plan->checks = calloc(snapshot->member_count + 1, sizeof(*plan->checks));
	plan->members = calloc(snapshot->member_count + 1, sizeof(*plan->members));
	plan->leaves = calloc(options->leaf_count + 1, sizeof(*plan->leaves));
	plan->slots = malloc(size * sizeof(*plan->slots));
	if (!plan->checks || !plan->members || !plan->leaves || !plan->slots)
		return POOL_ENOMEM;
	memset(plan->slots, 0xff, size * sizeof(*plan->slots));
	plan->mask = size - 1;
	plan->member_count = snapshot->member_count;
	for (uint32_t i = 0; i < plan->member_count; i++)
		plan->members[i].check = plan->members[i].next_member = POOL_NO_CHECK;
	return 0;
}

int pool_plan_make(struct pool_plan *plan, const struct pool_snapshot *snapshot,
	const struct pool_round_options *options, const struct pool_hash_key *salt,
	struct pool_fault *fault)
{
	int error = pool_round_check_urls(snapshot, options, fault);

	if (error)
		return error;
	*plan = (struct pool_plan){.snapshot_id = snapshot->id};
	error = make_room(plan, snapshot, options);
	for (size_t i = 0; i < options->leaf_count && !error; i++) {
		plan->leaves[plan->leaf_count++] = options->leaves[i];
		error = plan_leaf(plan, snapshot, options->leaves[i], options, salt);
	}
	if (!error)
		return 0;
	pool_plan_release(plan);
	return pool_fault_set(fault, error, 0, "out of memory");
}

void pool_plan_release(struct pool_plan *plan)
{
	free(plan->checks);
	free(plan->members);
	free(plan->leaves);
	free(plan->slots);
	*plan = (struct pool_plan){0};
}

/* --- what stays ----------------------------------------------------------------- */

struct member_key {
	uint64_t leaf_key;
	struct pool_hash identity;
	uint32_t at;
};

static int compare_keys(const void *left, const void *right)
{
	const struct member_key *a = left, *b = right;

	if (a->leaf_key != b->leaf_key)
		return a->leaf_key < b->leaf_key ? -1 : 1;
	if (a->identity.high != b->identity.high)
		return a->identity.high < b->identity.high ? -1 : 1;
	if (a->identity.low != b->identity.low)
		return a->identity.low < b->identity.low ? -1 : 1;
	return 0;
}

/* Those of watched pools, sorted. */
static struct member_key *sort_members(const struct pool_plan *plan, uint32_t *count)
{
	struct member_key *keys = calloc(plan->member_count + 1, sizeof(*keys));

	*count = 0;
	for (uint32_t i = 0; keys && i < plan->member_count; i++)
		if (plan->members[i].leaf_key)
			keys[(*count)++] = (struct member_key){
				plan->members[i].leaf_key, plan->members[i].identity, i};
	if (keys)
		qsort(keys, *count, sizeof(*keys), compare_keys);
	return keys;
}

static void inherit_member(
	struct pool_plan_member *member, const struct pool_plan_member *before)
{
	const uint32_t leaf = member->leaf, check = member->check,
		       next = member->next_member;

	*member = *before;
	member->leaf = leaf;
	member->check = check;
	member->next_member = next;
}

static int inherit_members(struct pool_plan *plan, const struct pool_plan *before,
	struct pool_plan_change *change)
{
	uint32_t count = 0, at = 0;
	struct member_key *keys = sort_members(before, &count);
	uint32_t new_count = 0;
	struct member_key *new_keys = sort_members(plan, &new_count);

	if (!keys || !new_keys) {
		free(keys);
		free(new_keys);
		return POOL_ENOMEM;
	}
	for (uint32_t i = 0; i < new_count; i++) {
		while (at < count && compare_keys(&keys[at], &new_keys[i]) < 0)
			at++;
		if (at == count || compare_keys(&keys[at], &new_keys[i]) != 0)
			continue;
		inherit_member(
			&plan->members[new_keys[i].at], &before->members[keys[at].at]);
		change->kept++;
		at++;
	}
	change->added = new_count - change->kept;
	change->removed = count - change->kept;
	free(keys);
	free(new_keys);
	return 0;
}

static void inherit_checks(struct pool_plan *plan, const struct pool_plan *before)
{
	for (uint32_t i = 0; i < plan->check_count; i++) {
		struct pool_plan_check *check = &plan->checks[i], fresh = *check;
		uint32_t at = pool_plan_find(before, &check->key);

		if (at == POOL_NO_CHECK)
			continue;
		*check = before->checks[at];
		check->first_member = fresh.first_member;
		check->first_leaf = fresh.first_leaf;
		check->interval_ns = fresh.interval_ns;
		check->longest_ns = fresh.longest_ns;
		check->control = fresh.control;
	}
}

int pool_plan_inherit(struct pool_plan *plan, const struct pool_plan *before,
	struct pool_plan_change *change)
{
	*change = (struct pool_plan_change){0};
	inherit_checks(plan, before);
	return inherit_members(plan, before, change);
}

void pool_plan_add_latency(struct pool_plan_member *member, int64_t latency_us)
{
	uint32_t kept = latency_us > UINT32_MAX ? UINT32_MAX : (uint32_t)latency_us;

	member->latencies_us[member->latency_count++ % POOL_LATENCIES_KEPT] = kept;
}
