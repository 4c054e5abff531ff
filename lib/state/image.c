/* Images: judged, laid out, changed under the undo slot. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "state/image.h"

enum {
	FIRST_LEASES = 64,
	ORPHAN_DAYS_S = 86400,
	LONGEST_REST_S = 2592000, /* the schema's largest max_seconds */
	ALIGNMENT = 64,
};

/* --- judging -------------------------------------------------------------------- */

static uint64_t header_checksum(const struct pool_state_header *header)
{
	uint64_t parts[2] = {
		pool_hash_64(NULL, header, offsetof(struct pool_state_header, checksum)),
		pool_hash_64(
			NULL, header->file, strnlen(header->file, sizeof(header->file))),
	};

	return pool_hash_64(NULL, parts, sizeof(parts));
}

static uint64_t image_checksum(const struct pool_state_image *image)
{
	return pool_hash_64(NULL, image, POOL_STATE_IMAGE_FIXED);
}

static bool section_fits(
	const struct pool_state_image *image, uint64_t at, uint64_t count, uint64_t size)
{
	return at % 8 == 0 && at >= sizeof(*image) && at <= image->length &&
		count <= (image->length - at) / size;
}

/* Where they are is outside the checksum: it must be where nothing else is. */
static bool budgets_fit(const struct pool_state_image *image, uint64_t records)
{
	const uint64_t at = image->budgets_at;

	return at == 0 ||
		(section_fits(image, at, records, sizeof(struct pool_budget)) &&
			at >= image->finishes_at + records * sizeof(double) &&
			at + records * sizeof(struct pool_budget) <= image->leases_at);
}

/* Set the pointers into the image that <root> names; false if it cannot be one. */
static bool attach(struct pool_state *state, const struct pool_state_root *root)
{
	const struct pool_state_image *image;
	uint64_t records;

	if (root->offset < POOL_STATE_IMAGES_AT || root->offset % ALIGNMENT ||
		root->offset > state->length ||
		root->length > state->length - root->offset ||
		root->length < sizeof(*image))
		return false;
	image = (const void *)(state->map + root->offset);
	if (image->length != root->length || image_checksum(image) != root->checksum)
		return false;
	records = (uint64_t)image->record_count + image->orphan_count;
	if (!section_fits(image, image->leaves_at, image->leaf_count,
		    sizeof(struct pool_state_leaf)) ||
		!section_fits(image, image->ready_at, records, sizeof(uint64_t)) ||
		!section_fits(image, image->weights_at, records, sizeof(uint32_t)) ||
		!section_fits(image, image->counts_at, records, sizeof(uint32_t)) ||
		!section_fits(image, image->finishes_at, records, sizeof(double)) ||
		!section_fits(
			image, image->records_at, records, sizeof(struct pool_record)) ||
		!section_fits(image, image->leases_at, image->lease_capacity,
			sizeof(struct pool_lease)) ||
		!budgets_fit(image, records))
		return false;
	state->image = (void *)(state->map + root->offset);
	state->leaves = (void *)((char *)state->image + image->leaves_at);
	state->ready = (void *)((char *)state->image + image->ready_at);
	state->weights = (void *)((char *)state->image + image->weights_at);
	state->counts = (void *)((char *)state->image + image->counts_at);
	state->finishes = (void *)((char *)state->image + image->finishes_at);
	state->budgets = image->budgets_at
		? (void *)((char *)state->image + image->budgets_at)
		: NULL;
	state->records = (void *)((char *)state->image + image->records_at);
	state->leases = (void *)((char *)state->image + image->leases_at);
	return true;
}

static bool all_zero(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

static bool repair_undo(struct pool_state *state);

/* Nothing of it can be used: keep a copy, start with no image. */
static int start_over(struct pool_state *state, struct pool_fault *fault)
{
	state->header = NULL;
	state->image = NULL;
	if (!state->writable || state->fd < 0)
		return pool_fault_set(fault, POOL_EFORMAT, 0,
			state->fd < 0
				? "state file '%s' is corrupt (pool-status --repair "
				  "begins it anew)"
				: "state file '%s' is corrupt, and it cannot be "
				  "written",
			state->path);
	/* Without room for a copy the rebuilding matters more. */
	state->kept_copy = pool_state_keep_corrupt(state) == 0;
	state->was_corrupt = true;
	return 0;
}

/* Whether the header is whole and of this program's sizes. */
static bool sound_header(const struct pool_state *state)
{
	const struct pool_state_header *header = (const void *)state->map;

	return state->length >= POOL_STATE_IMAGES_AT &&
		header->magic == POOL_STATE_MAGIC &&
		header->version == POOL_STATE_VERSION &&
		header->checksum == header_checksum(header) &&
		header->size == sizeof(*header) &&
		header->record_size == sizeof(struct pool_record) &&
		header->lease_size == sizeof(struct pool_lease) &&
		memchr(header->file, '\0', sizeof(header->file));
}

static bool other_clock(const struct pool_state *state);

/* A ready word as it is to be taken without the lock. Nobody can be asked behind it: who
 * is cooling, has spent its budget or is at its limit is never ready, not even for a
 * fallback; who is on trial already is so for a fallback only. */
static uint64_t peek_word(const struct pool_state *state,
	const struct pool_snap_leaf *leaf, const struct pool_snap_member *member,
	uint32_t at, int64_t now_ns)
{
	const struct pool_health health = state->records[at].health;
	const uint64_t word = *(volatile uint64_t *)&state->ready[at];
	const uint32_t held = *(volatile uint32_t *)&state->counts[at];
	const uint64_t open_until = health.opened && health.open_until_ns > 0
		? (uint64_t)health.open_until_ns
		: 0;
	const uint64_t later = word & ~POOL_READY_FLAGS;

	if (health.admin_disabled || health.cool_until_ns > now_ns ||
		(later > (uint64_t)now_ns && later > open_until) ||
		!pool_state_below_limit(leaf, member, held))
		return POOL_READY_NEVER;
	if (health.opened && held >= (uint32_t)leaf->policy.half_open_max)
		return INT64_MAX & ~POOL_READY_FLAGS;
	return word;
}

bool pool_image_peek(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_snap_leaf *leaf, int64_t now_ns, uint64_t *ready)
{
	struct pool_state_header *header = (void *)state->map;
	bool good = sound_header(state) && strcmp(header->file, state->pool_file) == 0 &&
		attach(state, &header->roots[header->active & 1]) &&
		state->image->snapshot_id == snapshot->id &&
		state->image->record_count == snapshot->member_count &&
		!other_clock(state);

	for (uint32_t i = 0; good && i < leaf->member_count; i++) {
		const uint32_t at = leaf->first_member + i;

		ready[i] = peek_word(state, leaf, &snapshot->members[at], at, now_ns);
	}
	state->image = NULL;
	return good;
}

int pool_image_judge(struct pool_state *state, struct pool_fault *fault)
{
	const uint64_t magic = POOL_STATE_MAGIC;
	struct pool_state_header *header = (void *)state->map;
	size_t prefix = state->length < sizeof(magic) ? state->length : sizeof(magic);

	state->header = NULL;
	state->image = NULL;
	if (prefix == sizeof(magic) && header->magic == POOL_STATE_UNFINISHED)
		return 0;
	if (state->length == 0 ||
		(prefix == sizeof(magic) && header->magic == 0 &&
			all_zero(state->map,
				state->length < POOL_STATE_UNDO_AT ? state->length
								   : POOL_STATE_UNDO_AT)))
		return 0;
	if (memcmp(state->map, &magic, prefix) != 0)
		return pool_fault_set(fault, POOL_EFORMAT, 0,
			"'%s' is not a state file: left alone", state->path);
	if (state->length >= sizeof(magic) + sizeof(header->version) &&
		header->version != POOL_STATE_VERSION)
		return pool_fault_set(fault, POOL_EFORMAT, 0,
			"state file '%s' is of version %u, not %u: left alone",
			state->path, header->version, POOL_STATE_VERSION);
	if (!sound_header(state))
		return start_over(state, fault);
	if (strcmp(header->file, state->pool_file) != 0)
		return pool_fault_set(fault, POOL_EFOREIGN, 0,
			"state file '%s' belongs to the pool file '%s'", state->path,
			header->file);
	state->header = header;
	if (!attach(state, &header->roots[header->active & 1]) || !repair_undo(state))
		return start_over(state, fault);
	return 0;
}

/* --- the undo slot -------------------------------------------------------------- */

static struct pool_state_undo *undo_slot(const struct pool_state *state)
{
	return (void *)(state->map + POOL_STATE_UNDO_AT);
}

static size_t padded(size_t length)
{
	return (length + 7) & ~(size_t)7;
}

void pool_state_touch(struct pool_state *state, const void *at, size_t length)
{
	struct pool_state_undo *undo = undo_slot(state);
	char *data = (char *)(undo + 1);
	struct pool_state_undo_entry entry = {
		(uint64_t)((const char *)at - state->map), length};

	if (undo->count == 0)
		undo->used = 0;
	/* A change larger than the slot would be a bug: it stays without protection. */
	if (sizeof(*undo) + undo->used + sizeof(entry) + padded(length) >
		POOL_STATE_UNDO_SIZE)
		return;
	memcpy(data + undo->used, &entry, sizeof(entry));
	memcpy(data + undo->used + sizeof(entry), at, length);
	undo->used += sizeof(entry) + padded(length);
	/* The kernel hands over the stores of a killed process in the order of its
	 * program: it is the compiler that must not move them. */
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint64_t *)&undo->count = undo->count + 1;
	atomic_signal_fence(memory_order_seq_cst);
}

void pool_state_settle(struct pool_state *state, const struct pool_now *now)
{
	struct pool_state_undo *undo = undo_slot(state);

	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint64_t *)&undo->count = 0;
	atomic_signal_fence(memory_order_seq_cst);
	if (now) {
		state->image->written_boot_ns = now->boot_ns;
		state->image->written_wall_s = now->wall_s;
	}
}

/* Put back entry <nth>; false if the slot makes no sense. */
static bool restore(struct pool_state *state, uint64_t nth)
{
	const struct pool_state_undo *undo = undo_slot(state);
	const char *data = (const char *)(undo + 1);
	const size_t room = POOL_STATE_UNDO_SIZE - sizeof(*undo);
	struct pool_state_undo_entry entry;
	size_t at = 0;

	for (uint64_t i = 0;; i++) {
		if (at + sizeof(entry) > room)
			return false;
		memcpy(&entry, data + at, sizeof(entry));
		at += sizeof(entry);
		if (entry.length > room - at || entry.offset < POOL_STATE_IMAGES_AT ||
			entry.offset > state->length ||
			entry.length > state->length - entry.offset)
			return false;
		if (i == nth)
			break;
		at += padded(entry.length);
	}
	memcpy(state->map + entry.offset, data + at, entry.length);
	return true;
}

static bool repair_undo(struct pool_state *state)
{
	struct pool_state_undo *undo = undo_slot(state);

	if (undo->count == 0 || !state->writable)
		return true;
	/* Newest first, so that what was touched twice gets its oldest bytes back. */
	for (uint64_t i = undo->count <= POOL_STATE_UNDO_SIZE / sizeof(*undo)
			? undo->count
			: 0;
		i > 0; i--)
		if (!restore(state, i - 1))
			break;
	/* What was restored may be damaged itself: the image must still be one. */
	if (!attach(state, &state->header->roots[state->header->active & 1]))
		return false;
	pool_state_recount(state);
	pool_state_settle(state, NULL);
	return true;
}

/* --- derived values ------------------------------------------------------------- */

void pool_state_recount(struct pool_state *state)
{
	struct pool_state_image *image = state->image;
	uint32_t records = image->record_count + image->orphan_count;

	memset(state->counts, 0, records * sizeof(*state->counts));
	image->leases_used = 0;
	image->leases_owned = 0;
	image->next_expiry_ns = INT64_MAX;
	for (uint32_t i = 0; i < image->lease_capacity; i++) {
		struct pool_lease *lease = &state->leases[i];

		if (lease->id == 0)
			continue;
		if (lease->record >= records) {
			lease->id = 0;
			continue;
		}
		state->counts[lease->record]++;
		image->leases_used++;
		image->leases_owned += lease->owner_pid != 0;
		if (lease->expires_ns && lease->expires_ns < image->next_expiry_ns)
			image->next_expiry_ns = lease->expires_ns;
	}
}

struct pool_rate pool_state_rate(const struct pool_snap_leaf *leaf)
{
	return (struct pool_rate){
		leaf->policy.budget_requests, leaf->policy.budget_per_s};
}

bool pool_state_below_limit(const struct pool_snap_leaf *leaf,
	const struct pool_snap_member *member, uint32_t held)
{
	const int32_t most = member->max_connections ? member->max_connections
						     : leaf->policy.max_connections;

	return !most || held < (uint32_t)most;
}

uint64_t pool_state_ready_word(const struct pool_snap_leaf *leaf,
	const struct pool_snap_member *member, const struct pool_record *record,
	const struct pool_budget *budget, int64_t now_ns)
{
	const struct pool_rate rate = pool_state_rate(leaf);
	int64_t ready_ns = pool_health_ready_ns(&record->health), budget_ns;
	uint64_t word;

	if (!member->enabled || ready_ns == INT64_MAX)
		return POOL_READY_NEVER;
	if (budget && rate.requests) {
		budget_ns = pool_budget_ready_ns(budget, &rate, 1, now_ns);
		/* Not before it: the word has no room for the last two bits. */
		if (budget_ns > now_ns && budget_ns > ready_ns)
			ready_ns = budget_ns + POOL_READY_FLAGS;
	}
	word = ready_ns > 0 ? (uint64_t)ready_ns & ~POOL_READY_FLAGS : 0;
	if (record->health.opened)
		word |= POOL_READY_RECOVERING;
	if (member->max_connections || leaf->policy.max_connections)
		word |= POOL_READY_LIMITED;
	return word;
}

/* --- laying out ----------------------------------------------------------------- */

/* A plan for the next image, and how the old one's times become its. */
struct plan {
	struct pool_state *state;
	const struct pool_snapshot *snapshot;
	const struct pool_now *now;
	uint32_t lease_capacity;
	uint32_t *moved; /* old record to new, or UINT32_MAX */
	uint32_t old_count;
	uint32_t orphans;
	bool other_clock;
	int64_t passed_ns; /* between the last write and now, if the clock is another one
			    */
	struct pool_state_image shape;
};

static uint64_t place(uint64_t *end, uint64_t count, uint64_t size)
{
	uint64_t at = (*end + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	*end = at + count * size;
	return at;
}

static bool has_budgets(const struct pool_snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->leaf_count; i++)
		if (snapshot->leaves[i].policy.budget_requests)
			return true;
	return false;
}

static void shape_image(struct plan *plan)
{
	struct pool_state_image *shape = &plan->shape;
	uint64_t records = (uint64_t)plan->snapshot->member_count + plan->orphans;
	uint64_t end = sizeof(*shape);

	*shape = (struct pool_state_image){
		.snapshot_id = plan->snapshot->id,
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
	shape->leaves_at = place(&end, shape->leaf_count, sizeof(struct pool_state_leaf));
	shape->ready_at = place(&end, records, sizeof(uint64_t));
	shape->weights_at = place(&end, records, sizeof(uint32_t));
	shape->counts_at = place(&end, records, sizeof(uint32_t));
	shape->finishes_at = place(&end, records, sizeof(double));
	if (has_budgets(plan->snapshot))
		shape->budgets_at = place(&end, records, sizeof(struct pool_budget));
	shape->leases_at = place(&end, shape->lease_capacity, sizeof(struct pool_lease));
	shape->records_at = place(&end, records, sizeof(struct pool_record));
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

		for (at &= index->mask; index->slots[at] != UINT32_MAX;)
			at = (at + 1) & index->mask;
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

	return removed_ns &&
		removed_ns <= plan->now->boot_ns - ORPHAN_DAYS_S * POOL_NS_PER_S;
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

			if (old != UINT32_MAX && !outlived(plan, &state->records[old]))
				plan->moved[old] = j;
		}
	}
	for (uint32_t old = 0; old < plan->old_count; old++)
		if (plan->moved[old] == UINT32_MAX &&
			worth_keeping(plan, &state->records[old]))
			plan->moved[old] = snapshot->member_count + plan->orphans++;
	free(index.slots);
	return 0;
}

/* Where the next image goes: before the one in force if it fits there, else behind it. */
static uint64_t find_room(const struct pool_state *state, uint64_t length)
{
	const struct pool_state_root *root;

	if (!state->image)
		return POOL_STATE_IMAGES_AT;
	root = &state->header->roots[state->header->active & 1];
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
	struct pool_budget *budgets; /* or NULL */
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
		struct pool_record *record;

		if (plan->moved[old] == UINT32_MAX)
			continue;
		record = &new->records[plan->moved[old]];
		*record = state->records[old];
		new->finishes[plan->moved[old]] = state->finishes[old];
		move_times(plan, record);
		move_budget(plan, new, old, plan->moved[old]);
		if (plan->moved[old] < plan->snapshot->member_count)
			record->removed_ns = 0;
		else if (!record->removed_ns)
			record->removed_ns = plan->now->boot_ns;
	}
}

/* The rotation goes on where it stood: at the same proxy, wherever that is now. */
static uint64_t moved_cursor(const struct plan *plan, const struct pool_state_leaf *old,
	const struct pool_state_leaf *new)
{
	for (uint64_t i = old->cursor;
		i < old->record_count && old->first_record + i < plan->old_count; i++) {
		uint32_t moved = plan->moved[old->first_record + i];

		if (moved >= new->first_record &&
			moved < new->first_record + new->record_count)
			return moved - new->first_record;
	}
	return 0;
}

static void fill_leaf(const struct plan *plan, const struct sections *new, uint32_t index)
{
	const struct pool_state *state = plan->state;
	const struct pool_snap_leaf *source = &plan->snapshot->leaves[index];
	struct pool_state_leaf *leaf = &new->leaves[index];
	uint32_t old_leaves = state->image ? state->image->leaf_count : 0, old = 0;
	uint64_t selections;

	while (old < old_leaves && state->leaves[old].key != source->key)
		old++;
	if (old < old_leaves)
		*leaf = state->leaves[old];
	leaf->key = source->key;
	leaf->first_record = source->first_member;
	leaf->record_count = source->member_count;
	if (old < old_leaves) {
		leaf->cursor = moved_cursor(plan, &state->leaves[old], leaf);
		leaf->checked_ns = moved_moment(plan, leaf->checked_ns);
	}
	/* A pool that comes back has lost its own counters, not those of its proxies. */
	selections = leaf->fallbacks;
	for (uint32_t i = 0; i < leaf->record_count; i++)
		selections += new->records[leaf->first_record + i].selections;
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

static void fill_members(const struct plan *plan, const struct sections *new)
{
	for (uint32_t i = 0; i < plan->snapshot->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &plan->snapshot->leaves[i];

		for (uint32_t j = 0; j < leaf->member_count; j++) {
			uint32_t at = leaf->first_member + j;
			const struct pool_snap_member *member =
				&plan->snapshot->members[at];

			new->records[at].identity = member->identity;
			new->records[at].leaf_key = leaf->key;
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
		const struct pool_lease *old = &state->leases[i];
		struct pool_lease *lease;

		if ((!old->id && !old->last_id) || old->record >= plan->old_count ||
			plan->moved[old->record] == UINT32_MAX ||
			used == plan->lease_capacity)
			continue;
		lease = &new->leases[used++];
		*lease = *old;
		lease->record = plan->moved[old->record];
		lease->began_ns = moved_moment(plan, old->began_ns);
		if (lease->expires_ns) {
			lease->expires_ns = moved_deadline(plan, old->expires_ns);
			if (!lease->expires_ns)
				lease->expires_ns = 1;
		}
	}
	new->image->lease_hint = used;
}

/*
 * A header is written once. Until the first image is whole the magic says that it is not,
 * so that whoever comes after a process that was killed here starts over.
 */
static void write_header(struct pool_state *state)
{
	struct pool_state_header *old = (void *)state->map;
	struct pool_state_header header = {
		.magic = POOL_STATE_MAGIC,
		.version = POOL_STATE_VERSION,
		.size = sizeof(header),
		.record_size = sizeof(struct pool_record),
		.lease_size = sizeof(struct pool_lease),
	};

	if (state->was_corrupt)
		header.rebuilt =
			old->checksum == header_checksum(old) ? old->rebuilt + 1 : 1;
	strcpy(header.file, state->pool_file);
	header.checksum = header_checksum(&header);
	header.magic = POOL_STATE_UNFINISHED;
	*(volatile uint64_t *)&old->magic = POOL_STATE_UNFINISHED;
	atomic_signal_fence(memory_order_seq_cst);
	memcpy(old, &header, sizeof(header));
	memset(undo_slot(state), 0, sizeof(struct pool_state_undo));
	state->header = old;
}

static void switch_root(struct pool_state *state, uint64_t offset)
{
	struct pool_state_header *header = state->header;
	uint32_t next = !(header->active & 1);
	const struct pool_state_image *image = (const void *)(state->map + offset);

	header->roots[next] = (struct pool_state_root){.offset = offset,
		.length = image->length,
		.checksum = image_checksum(image)};
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint32_t *)&header->active = next;
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint64_t *)&header->magic = POOL_STATE_MAGIC;
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
		state->header = (void *)state->map;
		if (!attach(state, &state->header->roots[state->header->active & 1]))
			return pool_fault_set(fault, POOL_EFORMAT, 0,
				"state file '%s' is corrupt", state->path);
	} else {
		write_header(state);
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
		(void *)(base + plan->shape.records_at),
		(void *)(base + plan->shape.leases_at)};
	fill_records(plan, &new);
	for (uint32_t i = 0; i < plan->snapshot->leaf_count; i++)
		fill_leaf(plan, &new, i);
	fill_members(plan, &new);
	fill_leases(plan, &new);
	switch_root(state, offset);
	if (!attach(state, &state->header->roots[state->header->active & 1]))
		return pool_fault_set(fault, POOL_EFORMAT, 0,
			"state file '%s' is corrupt", state->path);
	pool_state_recount(state);
	return 0;
}

/* A clock that cannot be told (no descriptor left, no /proc) is taken for the same one.
 */
static bool other_clock(const struct pool_state *state)
{
	return state->clock_id && state->image->clock_id &&
		state->clock_id != state->image->clock_id;
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

int pool_state_grow_leases(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_now *now, uint32_t leases, struct pool_fault *fault)
{
	struct plan plan = {.state = state, .snapshot = snapshot, .now = now};
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
	if (state->image && other_clock(state)) {
		plan.other_clock = true;
		plan.passed_ns = passed_ns(now->wall_s, state->image->written_wall_s);
	}
	error = match_records(&plan);
	if (error)
		pool_fault_set(fault, error, 0, "out of memory");
	else
		error = lay_out(&plan, fault);
	free(plan.moved);
	return error;
}

int pool_state_follow(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_now *now, struct pool_fault *fault)
{
	if (state->image && state->image->snapshot_id == snapshot->id &&
		state->image->record_count == snapshot->member_count &&
		state->image->leaf_count == snapshot->leaf_count && !other_clock(state) &&
		(state->budgets || !has_budgets(snapshot)))
		return 0;
	return pool_state_grow_leases(state, snapshot, now, 0, fault);
}

/* --- verifying ------------------------------------------------------------------ */

static int verify_leases(const struct pool_state *state, struct pool_fault *fault)
{
	const struct pool_state_image *image = state->image;
	uint32_t records = image->record_count + image->orphan_count, used = 0;
	uint32_t *counts = calloc(records + 1, sizeof(*counts));
	int error = 0;

	if (!counts)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	for (uint32_t i = 0; i < image->lease_capacity && !error; i++) {
		if (!state->leases[i].id)
			continue;
		if (state->leases[i].record >= records)
			error = pool_fault_set(
				fault, POOL_EFORMAT, 0, "lease %u is of no record", i);
		else
			counts[state->leases[i].record]++;
		used++;
	}
	if (!error && memcmp(counts, state->counts, records * sizeof(*counts)) != 0)
		error = pool_fault_set(fault, POOL_EFORMAT, 0,
			"leases held differ from the lease table");
	if (!error && used != image->leases_used)
		error = pool_fault_set(fault, POOL_EFORMAT, 0,
			"%u leases counted, %u in the table", image->leases_used, used);
	free(counts);
	return error;
}

int pool_state_verify(const struct pool_state *state, struct pool_fault *fault)
{
	const struct pool_state_image *image = state->image;
	uint64_t selections, of_records;

	if (!image)
		return 0;
	for (uint32_t i = 0; i < image->leaf_count; i++) {
		const struct pool_state_leaf *leaf = &state->leaves[i];

		if (leaf->first_record > image->record_count ||
			leaf->record_count > image->record_count - leaf->first_record)
			return pool_fault_set(
				fault, POOL_EFORMAT, 0, "pool %u has records outside", i);
		selections = leaf->selections;
		of_records = leaf->fallbacks;
		for (uint32_t j = 0; j < leaf->record_count; j++)
			of_records += state->records[leaf->first_record + j].selections;
		/* Those of a removed proxy are gone with it. */
		if (of_records > selections)
			return pool_fault_set(fault, POOL_EFORMAT, 0,
				"pool %u counts %llu selections, its proxies %llu", i,
				(unsigned long long)selections,
				(unsigned long long)of_records);
	}
	for (uint32_t i = 0; i < image->record_count + image->orphan_count; i++) {
		const struct pool_record *record = &state->records[i];

		if (record->health.last_reason >= POOL_REASONS ||
			record->health.failed_layer >= POOL_LAYERS ||
			record->health.open_until_ns < 0 ||
			record->health.cool_until_ns < 0)
			return pool_fault_set(
				fault, POOL_EFORMAT, 0, "record %u is out of range", i);
	}
	return verify_leases(state, fault);
}
