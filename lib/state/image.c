/* Images: judged, put in force, read. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "state/former.h"
#include "state/image.h"

/* --- judging -------------------------------------------------------------------- */

/* Of a header of any version from 2 on. */
static uint64_t form_checksum(
	const struct pool_state_header *header, const struct pool_state_form *form)
{
	const uint64_t parts[] = {header->version, form->layout,
		pool_hash_64(
			NULL, header->file, strnlen(header->file, sizeof(header->file)))};

	return pool_hash_64(NULL, parts, sizeof(parts));
}

static uint64_t image_checksum(const struct pool_state_image *image)
{
	return pool_hash_64(NULL, image, POOL_STATE_IMAGE_FIXED);
}

uint64_t pool_image_append(uint64_t *end, uint64_t count, uint64_t size)
{
	uint64_t at = (*end + POOL_IMAGE_ALIGNMENT - 1) / POOL_IMAGE_ALIGNMENT *
		POOL_IMAGE_ALIGNMENT;

	*end = at + count * size;
	return at;
}

bool pool_image_holds(
	uint64_t length, size_t header, uint64_t at, uint64_t count, uint64_t size)
{
	return at % 8 == 0 && at >= header && at <= length &&
		count <= (length - at) / size;
}

static bool section_fits(
	const struct pool_state_image *image, uint64_t at, uint64_t count, uint64_t size)
{
	return pool_image_holds(image->length, sizeof(*image), at, count, size);
}

/* Sections that need not be there. */
static bool options_fit(const struct pool_state_image *image, uint64_t records)
{
	return (image->budgets_at == 0 ||
		       section_fits(image, image->budgets_at, records,
			       sizeof(struct pool_budget))) &&
		(image->decisions_at == 0 ||
			section_fits(image, image->decisions_at, records,
				sizeof(struct pool_decision)));
}

/* Whether the image that <root> names may be believed, but for what it leads to. */
static bool sound_image(
	const struct pool_state_image *image, const struct pool_state_root *root)
{
	const uint64_t records = (uint64_t)image->record_count + image->orphan_count;

	if (image->length != root->length || image_checksum(image) != root->checksum)
		return false;
	return section_fits(image, image->leaves_at,
		       (uint64_t)image->leaf_count + image->former_count,
		       sizeof(struct pool_state_leaf)) &&
		section_fits(image, image->ready_at, records, sizeof(uint64_t)) &&
		section_fits(image, image->weights_at, records, sizeof(uint32_t)) &&
		section_fits(image, image->counts_at, records, sizeof(uint32_t)) &&
		section_fits(image, image->finishes_at, records, sizeof(double)) &&
		section_fits(
			image, image->records_at, records, sizeof(struct pool_record)) &&
		section_fits(image, image->leases_at, image->lease_capacity,
			sizeof(struct pool_lease)) &&
		options_fit(image, records);
}

const struct pool_state_root *pool_image_root(const struct pool_state_header *header)
{
	const struct pool_state_form *form = &header->forms[POOL_STATE_FORM];

	return &form->roots[form->active & 1];
}

/* Set the pointers into an image like own_image that begins at <base>. */
static void point(struct pool_state *state, char *base)
{
	const struct pool_state_image *image = &state->own_image;

	state->image = image;
	state->live = (void *)base;
	state->leaves = (void *)(base + image->leaves_at);
	state->ready = (void *)(base + image->ready_at);
	state->weights = (void *)(base + image->weights_at);
	state->counts = (void *)(base + image->counts_at);
	state->finishes = (void *)(base + image->finishes_at);
	state->budgets = image->budgets_at ? (void *)(base + image->budgets_at) : NULL;
	state->decisions =
		image->decisions_at ? (void *)(base + image->decisions_at) : NULL;
	state->records = (void *)(base + image->records_at);
	state->leases = (void *)(base + image->leases_at);
}

bool pool_image_place(struct pool_state *state)
{
	const struct pool_state_root *root = pool_image_root(&state->own_header);

	if (state->former) {
		point(state, state->former);
		return true;
	}
	if (root->offset > state->length || root->length > state->length - root->offset)
		return false;
	point(state, state->map + root->offset);
	return true;
}

bool pool_image_attach(struct pool_state *state)
{
	const struct pool_state_root *root = pool_image_root(&state->own_header);

	if (root->offset < POOL_STATE_IMAGES_AT || root->offset % POOL_IMAGE_ALIGNMENT ||
		root->offset > state->length ||
		root->length > state->length - root->offset ||
		root->length < sizeof(state->own_image))
		return false;
	pool_state_fetch(
		&state->own_image, state->map + root->offset, sizeof(state->own_image));
	return sound_image(&state->own_image, root) && pool_image_place(state);
}

bool pool_image_follows(
	const struct pool_state *state, const struct pool_snapshot *snapshot)
{
	const struct pool_state_image *image = state->image;

	if (image->snapshot_id != snapshot->id)
		return false;
	/* The pools of an environment stand behind all others. */
	if (!snapshot->overlay)
		return image->record_count >= snapshot->member_count &&
			image->leaf_count >= snapshot->leaf_count;
	return image->overlay_id == snapshot->overlay &&
		image->record_count == snapshot->member_count &&
		image->leaf_count == snapshot->leaf_count;
}

bool pool_image_is_of_other_clock(const struct pool_state *state)
{
	return state->clock_id && state->image->clock_id &&
		state->clock_id != state->image->clock_id;
}

static bool all_zero(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

void pool_image_forget(struct pool_state *state)
{
	free(state->former);
	state->former = NULL;
	state->header = NULL;
	state->image = NULL;
}

/* POOL_EFORMAT, and the command that mends it. */
static int advise(const struct pool_state *state, const char *before, const char *what,
	const char *then, struct pool_fault *fault)
{
	const bool named = state->pool_file[0] == '/';

	return pool_fault_set(fault, POOL_EFORMAT, 0,
		"%s'%s'%s ('pool-status --repair -s %s%s%s' %s)", before, state->path,
		what, state->path, named ? " " : "", named ? state->pool_file : "", then);
}

/* Nothing of it can be used: keep a copy, start with no image. */
static int start_over(struct pool_state *state, struct pool_fault *fault)
{
	pool_image_forget(state);
	if (!state->writable || state->fd < 0)
		return state->fd < 0
			? advise(state, "state file ", " is corrupt", "begins it anew",
				  fault)
			: pool_fault_set(fault, POOL_EFORMAT, 0,
				  "state file '%s' is corrupt, and it cannot be written",
				  state->path);
	/* Without room for a copy the rebuilding matters more. */
	state->kept_copy = pool_state_keep_corrupt(state) == 0;
	state->was_corrupt = true;
	return 0;
}

/* Copy the header, as much of it as there is. */
static void fetch_header(struct pool_state *state)
{
	const struct pool_state_header *shared = (const void *)state->map;
	struct pool_state_header *own = &state->own_header;
	const size_t front = offsetof(struct pool_state_header, file);

	if (state->length < sizeof(*own)) {
		memset(own, 0, sizeof(*own));
		if (state->length)
			pool_state_fetch(own, shared, state->length);
		return;
	}
	pool_state_fetch(own, shared, front);
	pool_state_fetch(own->forms, shared->forms, sizeof(own->forms));
	/* The path is short, and the room for it is not. */
	if (!memccpy(own->file, shared->file, '\0', sizeof(own->file)))
		own->file[0] = '\0';
}

/* Whether the header is whole, of whatever version and layout. */
static bool sound_header(const struct pool_state *state)
{
	const struct pool_state_header *header = &state->own_header;
	const struct pool_state_form *form = &header->forms[header->version % 2];

	return state->length >= POOL_STATE_IMAGES_AT &&
		header->magic == POOL_STATE_MAGIC &&
		form->checksum == form_checksum(header, form);
}

static bool is_of_our_layout(const struct pool_state_header *header)
{
	return header->version == POOL_STATE_VERSION &&
		header->forms[POOL_STATE_FORM].layout == POOL_STATE_LAYOUT;
}

/* A ready word as it is to be taken without the lock. Nobody can be asked behind it: who
 * is cooling, has spent its budget or is at its limit is never ready, not even for a
 * fallback; who is on trial already is so for a fallback only. */
static uint64_t peek_word(const struct pool_state *state,
	const struct pool_snap_leaf *leaf, const struct pool_snap_member *member,
	uint32_t at, int64_t now_ns)
{
	struct pool_record record;
	const struct pool_health *health = &record.health;
	const uint64_t word = *(volatile uint64_t *)&state->ready[at];
	const uint32_t held = *(volatile uint32_t *)&state->counts[at];
	const uint64_t later = word & ~POOL_READY_FLAGS;
	uint64_t open_until = 0;

	pool_state_fetch(&record, &state->records[at], sizeof(record));
	if (health->opened && health->open_until_ns > 0)
		open_until = (uint64_t)health->open_until_ns;
	if (!pool_record_is_sealed(&record) || health->admin_disabled ||
		health->cool_until_ns > now_ns ||
		(later > (uint64_t)now_ns && later > open_until) ||
		!pool_state_below_limit(leaf, member, held))
		return POOL_READY_NEVER;
	if (health->opened && held >= (uint32_t)leaf->policy.half_open_max)
		return INT64_MAX & ~POOL_READY_FLAGS;
	return word;
}

bool pool_image_peek(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_snap_leaf *leaf, int64_t now_ns, uint64_t *ready)
{
	bool good;

	fetch_header(state);
	good = sound_header(state) && is_of_our_layout(&state->own_header) &&
		strcmp(state->own_header.file, state->pool_file) == 0 &&
		pool_image_attach(state) && pool_image_follows(state, snapshot) &&
		!pool_image_is_of_other_clock(state);

	for (uint32_t i = 0; good && i < leaf->member_count; i++) {
		const uint32_t at = leaf->first_member + i;

		ready[i] = peek_word(state, leaf, &snapshot->members[at], at, now_ns);
	}
	state->image = NULL;
	return good;
}

/* Leave alone what is no state file, or was one, unless a person wants it begun anew. It
 * may be anything, and is not given up without a copy. */
static int refuse_broken(
	struct pool_state *state, const char *what, struct pool_fault *fault)
{
	int why;

	if (!state->begins_anew)
		return advise(state, what, " is not a state file: left alone",
			"keeps a copy and begins it anew", fault);
	if (start_over(state, fault) != 0)
		return POOL_EFORMAT;
	if (state->kept_copy)
		return 0;
	why = errno;
	state->was_corrupt = false;
	/* In a shared folder another member may have been there first. */
	return pool_fault_set(fault, POOL_ESYSTEM, why,
		"'%s' is left alone: cannot keep a copy as '%s.corrupt'%s", state->path,
		state->path,
		why == EPERM || why == EEXIST || why == EISDIR || why == ENOTEMPTY
			? " (root, or the owner of what is there, can remove that)"
			: "");
}

/* What is none of ours, and what to do about it. */
static int refuse(struct pool_state *state, struct pool_fault *fault)
{
	const struct pool_state_header *header = &state->own_header;

	if (!sound_header(state))
		return refuse_broken(state, "a broken header: ", fault);
	if (header->version != POOL_STATE_VERSION)
		return pool_fault_set(fault, POOL_EFORMAT, 0,
			"state file '%s' is of version %u, and this proxypool knows "
			"version %u: left alone (update proxypool, or give another file "
			"with -s)",
			state->path, header->version, POOL_STATE_VERSION);
	return pool_fault_set(fault, POOL_EFORMAT, 0,
		"state file '%s' has the layout of another build of proxypool: left "
		"alone (use one build, or give another file with -s)",
		state->path);
}

/* A file of our version or an earlier one. */
static int judge_known(struct pool_state *state, struct pool_fault *fault)
{
	const struct pool_state_header *header = &state->own_header;
	const bool former = header->version != POOL_STATE_VERSION;
	int error;

	if (former ? !pool_former_is_sound(header) : !sound_header(state))
		return start_over(state, fault);
	if (!former && !is_of_our_layout(header))
		return refuse(state, fault);
	if (strcmp(header->file, state->pool_file) != 0)
		return pool_fault_set(fault, POOL_EFOREIGN, 0,
			"state file '%s' belongs to the pool file '%s'", state->path,
			header->file);
	if (former) {
		error = pool_former_attach(state, fault);
		return error == POOL_EFORMAT ? start_over(state, fault) : error;
	}
	state->header = header;
	if (!pool_image_attach(state) || !pool_undo_repair(state))
		return start_over(state, fault);
	return 0;
}

int pool_image_judge(struct pool_state *state, struct pool_fault *fault)
{
	const uint64_t magic = POOL_STATE_MAGIC;
	const struct pool_state_header *header = &state->own_header;
	size_t prefix = state->length < sizeof(magic) ? state->length : sizeof(magic);

	pool_image_forget(state);
	fetch_header(state);
	if (prefix == sizeof(magic) && header->magic == POOL_STATE_UNFINISHED)
		return 0;
	if (state->length == 0 ||
		(prefix == sizeof(magic) && header->magic == 0 &&
			all_zero(state->map,
				state->length < POOL_STATE_UNDO_AT ? state->length
								   : POOL_STATE_UNDO_AT)))
		return 0;
	if (memcmp(header, &magic, prefix) != 0)
		return refuse_broken(state, "", fault);
	if (state->length >= sizeof(magic) + sizeof(header->version) &&
		(header->version == 0 || header->version > POOL_STATE_VERSION))
		return refuse(state, fault);
	if (state->length < POOL_STATE_IMAGES_AT)
		return start_over(state, fault);
	return judge_known(state, fault);
}

/* --- putting in force ----------------------------------------------------------- */

/*
 * A header is written once. Until the first image is whole the magic says that it is not,
 * so that whoever comes after a process that was killed here starts over.
 */
void pool_image_begin(struct pool_state *state)
{
	struct pool_state_header *file = (void *)state->map, *own = &state->own_header;
	struct pool_state_header header = {.version = POOL_STATE_VERSION};
	struct pool_state_form *form = &header.forms[POOL_STATE_FORM];

	form->layout = POOL_STATE_LAYOUT;
	if (state->was_corrupt)
		form->rebuilt = is_of_our_layout(own) && sound_header(state)
			? own->forms[POOL_STATE_FORM].rebuilt + 1
			: 1;
	strcpy(header.file, state->pool_file);
	form->checksum = form_checksum(&header, form);
	header.magic = POOL_STATE_UNFINISHED;
	*(volatile uint64_t *)&file->magic = POOL_STATE_UNFINISHED;
	atomic_signal_fence(memory_order_seq_cst);
	memcpy(file, &header, sizeof(header));
	pool_undo_forget(state);
	*own = header;
	state->header = own;
}

/*
 * The last step of carrying over: what our version keeps in the header lies where the one
 * before looks at nothing, and counts from the moment at which the version is stored.
 */
static void switch_version(struct pool_state *state, const struct pool_state_root *root)
{
	struct pool_state_header *file = (void *)state->map, *own = &state->own_header;
	struct pool_state_form *form = &own->forms[POOL_STATE_FORM];

	form->layout = POOL_STATE_LAYOUT;
	form->active = 0;
	form->roots[0] = *root;
	form->checksum = form_checksum(own, form);
	file->forms[POOL_STATE_FORM] = *form;
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint32_t *)&file->version = POOL_STATE_VERSION;
	atomic_signal_fence(memory_order_seq_cst);
	free(state->former);
	state->former = NULL;
}

static void switch_root(struct pool_state *state, const struct pool_state_root *root)
{
	struct pool_state_header *file = (void *)state->map, *own = &state->own_header;
	struct pool_state_form *form = &own->forms[POOL_STATE_FORM];

	form->active = !(form->active & 1);
	form->roots[form->active] = *root;
	own->magic = POOL_STATE_MAGIC;
	file->forms[POOL_STATE_FORM].roots[form->active] = *root;
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint32_t *)&file->forms[POOL_STATE_FORM].active = form->active;
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint64_t *)&file->magic = POOL_STATE_MAGIC;
}

bool pool_image_switch(
	struct pool_state *state, uint64_t offset, const struct pool_state_image *image)
{
	const struct pool_state_root root = {.offset = offset,
		.length = image->length,
		.checksum = image_checksum(image)};

	if (offset > state->length || image->length > state->length - offset)
		return false;
	state->own_image = *image;
	point(state, state->map + offset);
	/* Before it is in force: a process killed behind the switch leaves it whole. */
	pool_state_recount(state);
	atomic_signal_fence(memory_order_seq_cst);
	if (state->former)
		switch_version(state, &root);
	else
		switch_root(state, &root);
	return true;
}

/* --- derived values ------------------------------------------------------------- */

void pool_state_recount(struct pool_state *state)
{
	const struct pool_state_image *image = state->image;
	const uint32_t records = image->record_count + image->orphan_count;
	uint32_t used = 0, owned = 0;
	int64_t next_ns = INT64_MAX;

	memset(state->counts, 0, records * sizeof(*state->counts));
	for (uint32_t i = 0; i < image->lease_capacity; i++) {
		struct pool_lease lease;

		pool_state_fetch(&lease, &state->leases[i], sizeof(lease));
		if (lease.id == 0)
			continue;
		if (lease.record >= records) {
			state->leases[i].id = 0;
			continue;
		}
		state->counts[lease.record]++;
		used++;
		owned += lease.owner_pid != 0;
		if (lease.expires_ns && lease.expires_ns < next_ns)
			next_ns = lease.expires_ns;
	}
	state->live->leases_used = used;
	state->live->leases_owned = owned;
	state->live->next_expiry_ns = next_ns;
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
	struct pool_health health;
	struct pool_budget spent;
	int64_t ready_ns, budget_ns;
	uint64_t word;

	pool_state_fetch(&health, &record->health, sizeof(health));
	ready_ns = pool_health_ready_ns(&health);

	if (!member->enabled || ready_ns == INT64_MAX)
		return POOL_READY_NEVER;
	if (budget && rate.requests) {
		pool_state_fetch(&spent, budget, sizeof(spent));
		budget_ns = pool_budget_ready_ns(&spent, &rate, 1, now_ns);
		/* Not before it: the word has no room for the last two bits. */
		if (budget_ns > now_ns && budget_ns > ready_ns)
			ready_ns = budget_ns + POOL_READY_FLAGS;
	}
	word = ready_ns > 0 ? (uint64_t)ready_ns & ~POOL_READY_FLAGS : 0;
	if (health.opened)
		word |= POOL_READY_RECOVERING;
	if (member->max_connections || leaf->policy.max_connections)
		word |= POOL_READY_LIMITED;
	return word;
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
		struct pool_lease lease;

		pool_state_fetch(&lease, &state->leases[i], sizeof(lease));
		if (!lease.id)
			continue;
		if (lease.record >= records)
			error = pool_fault_set(
				fault, POOL_EFORMAT, 0, "lease %u is of no record", i);
		else
			counts[lease.record]++;
		used++;
	}
	if (!error && memcmp(counts, state->counts, records * sizeof(*counts)) != 0)
		error = pool_fault_set(fault, POOL_EFORMAT, 0,
			"leases held differ from the lease table");
	if (!error && used != state->live->leases_used)
		error = pool_fault_set(fault, POOL_EFORMAT, 0,
			"%u leases counted, %u in the table", state->live->leases_used,
			used);
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
		struct pool_state_leaf leaf;

		pool_state_fetch(&leaf, &state->leaves[i], sizeof(leaf));
		if (leaf.first_record > image->record_count ||
			leaf.record_count > image->record_count - leaf.first_record)
			return pool_fault_set(
				fault, POOL_EFORMAT, 0, "pool %u has records outside", i);
		selections = leaf.selections;
		of_records = leaf.fallbacks;
		for (uint32_t j = 0; j < leaf.record_count; j++)
			of_records += state->records[leaf.first_record + j].selections;
		/* Those of a removed proxy are gone with it. */
		if (of_records > selections)
			return pool_fault_set(fault, POOL_EFORMAT, 0,
				"pool %u counts %llu selections, its proxies %llu", i,
				(unsigned long long)selections,
				(unsigned long long)of_records);
	}
	for (uint32_t i = 0; i < image->record_count + image->orphan_count; i++) {
		const struct pool_record *record = &state->records[i];

		if (record->health.last_reason >= POOL_REASON_ROOM ||
			record->health.failed_layer >= POOL_LAYERS ||
			record->health.open_until_ns < 0 ||
			record->health.cool_until_ns < 0)
			return pool_fault_set(
				fault, POOL_EFORMAT, 0, "record %u is out of range", i);
	}
	return verify_leases(state, fault);
}
