/* The layout follows the snapshot: a new image, laid out beside the one in force. */
#include <stdlib.h>
#include <string.h>
#include "state/decisions.h"
#include "state/image.h"

enum {
	FIRST_LEASES = 64,
	DAY_S = 86400,
	FORMERS_MAX = 256,
	LONGEST_REST_S = 2592000, /* the schema's largest max_seconds */
};

/* A plan for the next image, and how the old one's times become its. */
struct plan {
	struct pool_state *state;
	const struct pool_snapshot *snapshot;
	const struct pool_now *now;
	uint32_t lease_capacity;
	bool wants_decisions;
	struct pool_decisions second; /* the second copy, where it is needed */
	uint32_t matched;             /* members whose old record is known */
	uint32_t restored;            /* members disabled by the second copy */
	uint32_t damaged;             /* members whose old record is not sealed */
	uint32_t *moved;              /* old record to new, or UINT32_MAX */
	uint32_t old_count;
	uint32_t orphans;
	struct pool_state_leaf
		*formers; /* pools that are gone, kept as long as records */
	uint32_t former_count;
	bool other_clock;
	int64_t passed_ns; /* between the last write and now, if the clock is another one
			    */
	struct pool_state_image shape;
};

static bool has_budgets(const struct pool_snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->leaf_count; i++)
		if (snapshot->leaves[i].policy.budget_requests)
			return true;
	return false;
}

/* A moment of the old clock in the new one; never 0, which means "not yet". */
static int64_t moved_moment(const struct plan *plan, int64_t moment_ns)
{
	uint64_t moved;

	if (!plan->other_clock || moment_ns == 0)
		return moment_ns;
	/* Without a sign: a damaged moment may be any number. */
	moved = (uint64_t)plan->now->boot_ns - (uint64_t)plan->passed_ns -
		((uint64_t)plan->state->image->written_boot_ns - (uint64_t)moment_ns);
	return moved ? (int64_t)moved : -1;
}

/* Whether a budget that is kept was spent on: its pool, that of an environment, may have
 * none in this image and come back. */
static bool has_spent(const struct plan *plan)
{
	const struct pool_budget *budgets = plan->state->budgets;

	for (uint32_t i = 0; budgets && i < plan->old_count; i++)
		if (plan->moved[i] != UINT32_MAX && budgets[i].head_ns &&
			moved_moment(plan, budgets[i].head_ns) >
				plan->now->boot_ns - DAY_S * POOL_NS_PER_S)
			return true;
	return false;
}

/* Whether a person decided about one of those that are kept. */
static bool has_decisions(const struct plan *plan)
{
	const struct pool_decision *decisions = plan->state->decisions;

	for (uint32_t i = 0; decisions && i < plan->old_count; i++)
		if (plan->moved[i] != UINT32_MAX && decisions[i].made_wall_s)
			return true;
	return plan->wants_decisions;
}

static void shape_image(struct plan *plan)
{
	struct pool_state_image *shape = &plan->shape;
	uint64_t records = (uint64_t)plan->snapshot->member_count + plan->orphans;
	uint64_t end = sizeof(*shape);

	*shape = (struct pool_state_image){
		.snapshot_id = plan->snapshot->id,
		.overlay_id = plan->snapshot->overlay,
		.generation = plan->state->image ? plan->state->image->generation + 1 : 1,
		.leaf_count = plan->snapshot->leaf_count,
		.record_count = plan->snapshot->member_count,
		.orphan_count = plan->orphans,
		.lease_capacity = plan->lease_capacity,
		.next_expiry_ns = INT64_MAX,
		.clock_id = plan->state->clock_id,
		.written_boot_ns = plan->now->boot_ns,
		.written_wall_s = plan->now->wall_s,
	};
	/* One that cannot be told is taken for the one before. */
	if (!shape->clock_id && plan->state->image)
		shape->clock_id = plan->state->image->clock_id;
	shape->former_count = plan->former_count;
	shape->leaves_at =
		pool_image_append(&end, (uint64_t)shape->leaf_count + shape->former_count,
			sizeof(struct pool_state_leaf));
	shape->ready_at = pool_image_append(&end, records, sizeof(uint64_t));
	shape->weights_at = pool_image_append(&end, records, sizeof(uint32_t));
	shape->counts_at = pool_image_append(&end, records, sizeof(uint32_t));
	shape->finishes_at = pool_image_append(&end, records, sizeof(double));
	if (has_budgets(plan->snapshot) || has_spent(plan))
		shape->budgets_at =
			pool_image_append(&end, records, sizeof(struct pool_budget));
	if (has_decisions(plan))
		shape->decisions_at =
			pool_image_append(&end, records, sizeof(struct pool_decision));
	shape->leases_at =
		pool_image_append(&end, shape->lease_capacity, sizeof(struct pool_lease));
	shape->records_at = pool_image_append(&end, records, sizeof(struct pool_record));
	shape->length = end;
}

/* A deadline of the old clock in the new one: what was left of it. */
static int64_t moved_deadline(const struct plan *plan, int64_t deadline_ns)
{
	int64_t left_ns;

	if (!plan->other_clock || deadline_ns <= 0)
		return deadline_ns;
	/* Numbers that cannot be are as good as any, if they are none to overflow. */
	if (__builtin_sub_overflow(
		    deadline_ns, plan->state->image->written_boot_ns, &left_ns) ||
		__builtin_sub_overflow(left_ns, plan->passed_ns, &left_ns))
		return 0;
	if (left_ns > LONGEST_REST_S * POOL_NS_PER_S)
		left_ns = LONGEST_REST_S * POOL_NS_PER_S;
	return left_ns > 0 ? plan->now->boot_ns + left_ns : 0;
}

static void move_times(const struct plan *plan, struct pool_record *record)
{
	struct pool_health *health = &record->health;

	health->open_until_ns = moved_deadline(plan, health->open_until_ns);
	health->cool_until_ns = moved_deadline(plan, health->cool_until_ns);
	health->changed_ns = moved_moment(plan, health->changed_ns);
	health->checked_ns = moved_moment(plan, health->checked_ns);
	record->removed_ns = moved_moment(plan, record->removed_ns);
}

/* Old records by identity and pool: open addressing over their numbers. */
struct index {
	uint32_t *slots;
	uint32_t mask;
};

static uint64_t record_key(uint64_t leaf_key, const struct pool_hash *identity)
{
	return (identity->low ^ leaf_key * UINT64_C(0x9e3779b97f4a7c15)) + identity->high;
}

enum { LONGEST_PROBE = 4096 };

static int index_records(
	struct index *index, const struct pool_record *records, uint32_t count)
{
	uint32_t size = 16;

	while (size < count * 2)
		size *= 2;
	index->mask = size - 1;
	index->slots = malloc(size * sizeof(*index->slots));
	if (!index->slots)
		return POOL_ENOMEM;
	memset(index->slots, 0xff, size * sizeof(*index->slots));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at =
			(uint32_t)record_key(records[i].leaf_key, &records[i].identity);
		uint32_t tried = 0;

		for (at &= index->mask;
			index->slots[at] != UINT32_MAX && tried < LONGEST_PROBE; tried++)
			at = (at + 1) & index->mask;
		/* So many alike are somebody's doing, and would take hours. */
		if (tried < LONGEST_PROBE)
			index->slots[at] = i;
	}
	return 0;
}

static uint32_t find_record(const struct index *index, const struct pool_record *records,
	uint64_t leaf_key, const struct pool_hash *identity)
{
	uint32_t at = (uint32_t)record_key(leaf_key, identity) & index->mask;

	for (; index->slots[at] != UINT32_MAX; at = (at + 1) & index->mask) {
		const struct pool_record *record = &records[index->slots[at]];

		if (record->leaf_key == leaf_key &&
			pool_hash_equal(&record->identity, identity))
			return index->slots[at];
	}
	return UINT32_MAX;
}

/* A removed proxy's record is kept for a day, should the edit be rolled back. */
static bool outlived(const struct plan *plan, const struct pool_record *record)
{
	int64_t removed_ns = moved_moment(plan, record->removed_ns);

	return removed_ns && removed_ns <= plan->now->boot_ns - DAY_S * POOL_NS_PER_S;
}

static bool worth_keeping(const struct plan *plan, const struct pool_record *record)
{
	if (!record->selections && !record->health.checked_ns &&
		!record->health.last_reason && !record->health.admin_disabled)
		return false;
	return !outlived(plan, record);
}

/* Decide where each old record goes: to its proxy, behind the members, or nowhere. */
static int match_records(struct plan *plan)
{
	struct pool_state *state = plan->state;
	const struct pool_snapshot *snapshot = plan->snapshot;
	struct index index = {0};

	if (!state->image)
		return 0;
	plan->old_count = state->image->record_count + state->image->orphan_count;
	plan->moved = malloc((plan->old_count + 1) * sizeof(*plan->moved));
	if (!plan->moved || index_records(&index, state->records, plan->old_count) != 0)
		return POOL_ENOMEM;
	memset(plan->moved, 0xff, plan->old_count * sizeof(*plan->moved));
	for (uint32_t i = 0; i < snapshot->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[i];

		for (uint32_t j = leaf->first_member;
			j < leaf->first_member + leaf->member_count; j++) {
			uint32_t old = find_record(&index, state->records, leaf->key,
				&snapshot->members[j].identity);

			if (old == UINT32_MAX || outlived(plan, &state->records[old]))
				continue;
			plan->moved[old] = j;
			plan->matched++;
			plan->damaged += !pool_record_is_sealed(&state->records[old]);
		}
	}
	for (uint32_t old = 0; old < plan->old_count; old++)
		if (plan->moved[old] == UINT32_MAX &&
			worth_keeping(plan, &state->records[old]))
			plan->moved[old] = snapshot->member_count + plan->orphans++;
	free(index.slots);
	return 0;
}

/* Read the second copy of what persons decided, if there is a member about whom the state
 * does not say. */
static int consult(struct plan *plan)
{
	struct pool_state *state = plan->state;
	int error;

	if (state->image && plan->matched == plan->snapshot->member_count &&
		!plan->damaged)
		return 0;
	error = pool_decisions_read(
		&plan->second, state->path, state->pool_file, plan->snapshot);
	if (!error)
		plan->wants_decisions |= plan->second.used != 0;
	return error;
}

/* Whether <key> is that of a pool, likely number <hint>. */
static bool is_pool(const struct pool_snapshot *snapshot, uint64_t key, uint32_t hint)
{
	if (hint < snapshot->leaf_count && snapshot->leaves[hint].key == key)
		return true;
	for (uint32_t i = 0; i < snapshot->leaf_count; i++)
		if (snapshot->leaves[i].key == key)
			return true;
	return false;
}

/* Keep the counters and the cursor of a pool that is gone, should it come back. */
static void keep_former(struct plan *plan, uint32_t index)
{
	const struct pool_state_image *image = plan->state->image;
	const uint32_t now_s = (uint32_t)plan->now->wall_s;
	struct pool_state_leaf leaf;

	pool_state_fetch(&leaf, &plan->state->leaves[index], sizeof(leaf));
	if (index < image->leaf_count) {
		leaf.first_record = now_s;
		leaf.record_count = 0;
	}
	/* A clock that went back makes none older. */
	if ((int32_t)(now_s - leaf.first_record) > DAY_S || !leaf.selections ||
		plan->former_count == FORMERS_MAX ||
		is_pool(plan->snapshot, leaf.key, index))
		return;
	plan->formers[plan->former_count++] = leaf;
}

static int keep_formers(struct plan *plan)
{
	const struct pool_state_image *image = plan->state->image;

	if (!image)
		return 0;
	plan->formers = calloc(FORMERS_MAX, sizeof(*plan->formers));
	if (!plan->formers)
		return POOL_ENOMEM;
	for (uint32_t i = 0; i < image->leaf_count + image->former_count; i++)
		keep_former(plan, i);
	return 0;
}

/* Where the next image goes: before the one in force if it fits there, else behind it. */
static uint64_t find_room(const struct pool_state *state, uint64_t length)
{
	const struct pool_state_root *root;

	if (!state->image)
		return POOL_STATE_IMAGES_AT;
	root = pool_image_root(state->header);
	if (POOL_STATE_IMAGES_AT + length <= root->offset)
		return POOL_STATE_IMAGES_AT;
	return (root->offset + root->length + 4095) / 4096 * 4096;
}

/* The new image's sections, while the old ones are still those of the state. */
struct sections {
	struct pool_state_image *image;
	struct pool_state_leaf *leaves;
	uint64_t *ready;
	uint32_t *weights;
	uint32_t *counts;
	double *finishes;
	struct pool_budget *budgets;     /* or NULL */
	struct pool_decision *decisions; /* or NULL */
	struct pool_record *records;
	struct pool_lease *leases;
};

static void move_budget(
	const struct plan *plan, const struct sections *new, uint32_t from, uint32_t to)
{
	struct pool_budget *budget;

	if (!new->budgets || !plan->state->budgets)
		return;
	budget = &new->budgets[to];
	*budget = plan->state->budgets[from];
	budget->head_ns = moved_moment(plan, budget->head_ns);
}

static void fill_records(const struct plan *plan, const struct sections *new)
{
	const struct pool_state *state = plan->state;

	for (uint32_t old = 0; old < plan->old_count; old++) {
		struct pool_record record;

		if (plan->moved[old] == UINT32_MAX)
			continue;
		pool_state_fetch(&record, &state->records[old], sizeof(record));
		new->finishes[plan->moved[old]] = state->finishes[old];
		move_times(plan, &record);
		move_budget(plan, new, old, plan->moved[old]);
		if (new->decisions && state->decisions)
			pool_state_fetch(&new->decisions[plan->moved[old]],
				&state->decisions[old], sizeof(*new->decisions));
		if (plan->moved[old] < plan->snapshot->member_count)
			record.removed_ns = 0;
		else if (!record.removed_ns)
			record.removed_ns = plan->now->boot_ns;
		new->records[plan->moved[old]] = record;
	}
}

/* The rotation goes on where it stood: at the same proxy, wherever that is now. */
static uint64_t moved_cursor(const struct plan *plan, const struct pool_state_leaf *old,
	const struct pool_snap_leaf *new)
{
	for (uint64_t i = old->cursor;
		i < old->record_count && old->first_record + i < plan->old_count; i++) {
		uint32_t moved = plan->moved[old->first_record + i];

		if (moved >= new->first_member &&
			moved < new->first_member + new->member_count)
			return moved - new->first_member;
	}
	return 0;
}

static void fill_leaf(const struct plan *plan, const struct sections *new, uint32_t index)
{
	const struct pool_state *state = plan->state;
	const struct pool_snap_leaf *source = &plan->snapshot->leaves[index];
	struct pool_state_leaf *leaf = &new->leaves[index];
	uint32_t old_leaves = state->image ? state->image->leaf_count : 0, old = 0;
	uint32_t all = old_leaves + (state->image ? state->image->former_count : 0);
	struct pool_state_leaf was = {0};
	uint64_t selections;

	while (old < all && state->leaves[old].key != source->key)
		old++;
	if (old < all)
		pool_state_fetch(&was, &state->leaves[old], sizeof(was));
	*leaf = was;
	leaf->key = source->key;
	leaf->first_record = source->first_member;
	leaf->record_count = source->member_count;
	if (old < old_leaves)
		leaf->cursor = moved_cursor(plan, &was, source);
	else if (leaf->cursor >= source->member_count)
		leaf->cursor = 0;
	if (old < all)
		leaf->checked_ns = moved_moment(plan, was.checked_ns);
	/* A pool that comes back has lost its own counters, not those of its proxies. */
	selections = was.fallbacks;
	for (uint32_t i = 0; i < source->member_count; i++)
		selections += new->records[source->first_member + i].selections;
	if (leaf->selections < selections)
		leaf->selections = selections;
}

/* Of what another clock said, no rest is longer than the policy's longest. */
static void clamp_rests(const struct plan *plan, const struct pool_policy *policy,
	struct pool_health *health)
{
	int64_t open_ns = plan->now->boot_ns + policy->max_open_s * POOL_NS_PER_S;
	int64_t cool_ns = plan->now->boot_ns + policy->max_cooldown_s * POOL_NS_PER_S;

	if (health->open_until_ns > open_ns)
		health->open_until_ns = open_ns;
	if (health->cool_until_ns > cool_ns)
		health->cool_until_ns = cool_ns;
}

/* Its record, which may be a fresh one, becomes that of member <at>. */
static void fill_record(
	struct plan *plan, const struct sections *new, uint32_t leaf, uint32_t at)
{
	struct pool_record *record = &new->records[at];
	const bool told = pool_record_is_sealed(record);

	record->identity = plan->snapshot->members[at].identity;
	record->leaf_key = plan->snapshot->leaves[leaf].key;
	if (told)
		pool_record_seal(record);
	else
		plan->restored += pool_decisions_restore(&plan->second, plan->snapshot,
			leaf, at, record, new->decisions ? &new->decisions[at] : NULL);
}

/* Since when the second copy of what persons decided is behind the new image; 0: it is
 * not. */
static int64_t behind_since(const struct plan *plan)
{
	const struct pool_state *state = plan->state;
	bool disabled = plan->restored || plan->damaged;

	for (uint32_t i = 0; state->former && i < plan->old_count; i++)
		disabled |= state->records[i].health.admin_disabled;
	return disabled || (state->image && state->live->decisions_ns)
		? plan->now->boot_ns
		: 0;
}

static void fill_members(struct plan *plan, const struct sections *new)
{
	for (uint32_t i = 0; i < plan->snapshot->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &plan->snapshot->leaves[i];

		for (uint32_t j = 0; j < leaf->member_count; j++) {
			uint32_t at = leaf->first_member + j;
			const struct pool_snap_member *member =
				&plan->snapshot->members[at];

			fill_record(plan, new, i, at);
			new->weights[at] = member->weight_micro;
			if (plan->other_clock)
				clamp_rests(
					plan, &leaf->policy, &new->records[at].health);
			new->ready[at] =
				pool_state_ready_word(leaf, member, &new->records[at],
					new->budgets ? &new->budgets[at] : NULL,
					plan->now->boot_ns);
		}
	}
}

static void fill_leases(const struct plan *plan, const struct sections *new)
{
	const struct pool_state *state = plan->state;
	uint32_t used = 0;

	/* What has ended is to be remembered for a while: new ones go behind. */
	for (uint32_t i = 0; state->image && i < state->image->lease_capacity; i++) {
		struct pool_lease lease;

		pool_state_fetch(&lease, &state->leases[i], sizeof(lease));
		if ((!lease.id && !lease.last_id) || lease.record >= plan->old_count ||
			plan->moved[lease.record] == UINT32_MAX ||
			used == plan->lease_capacity)
			continue;
		lease.record = plan->moved[lease.record];
		lease.began_ns = moved_moment(plan, lease.began_ns);
		if (lease.expires_ns) {
			lease.expires_ns = moved_deadline(plan, lease.expires_ns);
			if (!lease.expires_ns)
				lease.expires_ns = 1;
		}
		new->leases[used++] = lease;
	}
	new->image->lease_hint = used;
}

static int lay_out(struct plan *plan, struct pool_fault *fault)
{
	struct pool_state *state = plan->state;
	struct sections new;
	uint64_t offset;
	char *base;
	int error;

	shape_image(plan);
	offset = find_room(state, plan->shape.length);
	error = pool_state_extend(state, offset + plan->shape.length, fault);
	if (error)
		return error;
	/* Extending may have moved the mapping. */
	if (state->header) {
		if (!pool_image_place(state))
			return pool_fault_set(fault, POOL_EFORMAT, 0,
				"state file '%s' is corrupt", state->path);
	} else {
		pool_image_begin(state);
	}
	base = state->map + offset;
	memset(base, 0, plan->shape.length);
	memcpy(base, &plan->shape, sizeof(plan->shape));
	new = (struct sections){(void *)base, (void *)(base + plan->shape.leaves_at),
		(void *)(base + plan->shape.ready_at),
		(void *)(base + plan->shape.weights_at),
		(void *)(base + plan->shape.counts_at),
		(void *)(base + plan->shape.finishes_at),
		plan->shape.budgets_at ? (void *)(base + plan->shape.budgets_at) : NULL,
		plan->shape.decisions_at ? (void *)(base + plan->shape.decisions_at)
					 : NULL,
		(void *)(base + plan->shape.records_at),
		(void *)(base + plan->shape.leases_at)};
	fill_records(plan, &new);
	for (uint32_t i = 0; i < plan->snapshot->leaf_count; i++)
		fill_leaf(plan, &new, i);
	if (plan->former_count)
		memcpy(new.leaves + plan->snapshot->leaf_count, plan->formers,
			plan->former_count * sizeof(*plan->formers));
	fill_members(plan, &new);
	fill_leases(plan, &new);
	plan->shape.decisions_ns = new.image->decisions_ns = behind_since(plan);
	if (!pool_image_switch(state, offset, &plan->shape))
		return pool_fault_set(fault, POOL_EFORMAT, 0,
			"state file '%s' is corrupt", state->path);
	return 0;
}

/* What has passed since by the wall clock: nothing, if it went back; at most so long that
 * nothing is left of any rest. */
static int64_t passed_ns(int64_t now_s, int64_t then_s)
{
	int64_t passed_s;

	if (__builtin_sub_overflow(now_s, then_s, &passed_s) ||
		passed_s > 2 * (int64_t)LONGEST_REST_S)
		passed_s = now_s > then_s ? 2 * (int64_t)LONGEST_REST_S : 0;
	return passed_s > 0 ? passed_s * POOL_NS_PER_S : 0;
}

/* As <made> has it, with room for <leases> at least. */
static int lay_out_anew(
	const struct plan *made, uint32_t leases, struct pool_fault *fault)
{
	struct pool_state *state = made->state;
	const struct pool_now *now = made->now;
	struct plan plan = *made;
	int error;

	if (!state->writable)
		return pool_fault_set(fault, POOL_EFORMAT, 0,
			"state file '%s' cannot be written, and it is older than the "
			"pool file or the last boot",
			state->path);
	plan.lease_capacity = state->image ? state->image->lease_capacity : 0;
	if (plan.lease_capacity < FIRST_LEASES)
		plan.lease_capacity = FIRST_LEASES;
	while (plan.lease_capacity < leases)
		plan.lease_capacity *= 2;
	if (state->image && pool_image_is_of_other_clock(state)) {
		plan.other_clock = true;
		plan.passed_ns = passed_ns(now->wall_s, state->image->written_wall_s);
	}
	error = match_records(&plan);
	if (!error)
		error = consult(&plan);
	if (!error)
		error = keep_formers(&plan);
	if (error)
		pool_fault_set(fault, error, 0, "out of memory");
	else
		error = lay_out(&plan, fault);
	state->second_trouble = plan.second.trouble;
	state->second_foreign = plan.second.foreign != 0;
	pool_decisions_release(&plan.second);
	free(plan.moved);
	free(plan.formers);
	return error;
}

int pool_state_grow_leases(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_now *now, uint32_t leases, struct pool_fault *fault)
{
	struct plan plan = {.state = state, .snapshot = snapshot, .now = now};

	return lay_out_anew(&plan, leases, fault);
}

int pool_state_want_decisions(struct pool_state *state,
	const struct pool_snapshot *snapshot, const struct pool_now *now,
	struct pool_fault *fault)
{
	struct plan plan = {.state = state,
		.snapshot = snapshot,
		.now = now,
		.wants_decisions = true};

	return state->decisions ? 0 : lay_out_anew(&plan, 0, fault);
}

bool pool_state_is_current(
	const struct pool_state *state, const struct pool_snapshot *snapshot)
{
	return state->image && pool_image_follows(state, snapshot) &&
		!pool_image_is_of_other_clock(state) &&
		(state->budgets || !has_budgets(snapshot)) &&
		!(state->former && state->writable);
}

int pool_state_follow(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_now *now, struct pool_fault *fault)
{
	if (pool_state_is_current(state, snapshot))
		return 0;
	return pool_state_grow_leases(state, snapshot, now, 0, fault);
}
