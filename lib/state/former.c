/* Files of version 1: judged, and made into an image of our layout. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "state/former.h"
#include "state/image.h"

/* --- version 1 as it was ---------------------------------------------------------- */

/* Whoever changes one of these structures copies the one of before to here. */
static_assert(sizeof(struct pool_record) == 256, "a record of version 1");
static_assert(sizeof(struct pool_lease) == 64, "a lease of version 1");
static_assert(sizeof(struct pool_budget) == 80, "a budget of version 1");
static_assert(sizeof(struct pool_state_root) == 32, "a root of version 1");

struct header_1 {
	uint64_t magic;
	uint32_t version;
	uint32_t size;
	uint32_t record_size;
	uint32_t lease_size;
	uint64_t checksum; /* of the bytes above and of the path in file */
	uint64_t unused[3];
	uint32_t active;
	uint32_t rebuilt;
	struct pool_state_root roots[2];
	/* The path of the pool file: where it still is. */
};

enum { HEADER_SIZE_1 = 3200 };

struct image_1 {
	uint64_t snapshot_id;
	uint64_t generation;
	uint32_t leaf_count;
	uint32_t record_count;
	uint32_t orphan_count;
	uint32_t lease_capacity;
	uint64_t leaves_at;
	uint64_t ready_at;
	uint64_t weights_at;
	uint64_t counts_at;
	uint64_t finishes_at;
	uint64_t records_at;
	uint64_t leases_at;
	uint64_t length;
	/* Below: outside the checksum. */
	uint32_t leases_used;
	uint32_t leases_owned;
	int64_t next_expiry_ns;
	uint64_t lease_hint;
	uint64_t clock_id;
	int64_t written_boot_ns;
	int64_t written_wall_s;
	uint64_t budgets_at;
	int64_t owners_ns;
	uint64_t overlay_id;
	uint32_t former_count;
	uint32_t unused;
};

enum { STRATEGIES_1 = 6 };

struct leaf_1 {
	uint64_t key;
	uint32_t first_record;
	uint32_t record_count;
	uint64_t cursor;
	double clock;
	uint64_t selections;
	uint64_t fallbacks;
	uint64_t panics;
	uint64_t rollout;
	int64_t checked_ns;
	int64_t checked_wall_s;
	double floor;
	uint64_t eligibles;
	uint64_t latency_ns;
	uint32_t strategies[STRATEGIES_1];
	uint64_t latency[POOL_LATENCY_BUCKETS];
};

static_assert(sizeof(struct header_1) == offsetof(struct pool_state_header, file),
	"a header of version 1");
static_assert(sizeof(struct image_1) == 176, "an image of version 1");
static_assert(sizeof(struct leaf_1) == 256, "a pool of version 1");
static_assert(offsetof(struct pool_state_header, forms) >= HEADER_SIZE_1,
	"version 1 looks at no form");

/* --- judging ---------------------------------------------------------------------- */

static struct header_1 header_of(const struct pool_state_header *header)
{
	struct header_1 old;

	memcpy(&old, header, sizeof(old));
	return old;
}

bool pool_former_is_sound(const struct pool_state_header *header)
{
	const struct header_1 old = header_of(header);
	const uint64_t parts[] = {
		pool_hash_64(NULL, &old, offsetof(struct header_1, checksum)),
		pool_hash_64(
			NULL, header->file, strnlen(header->file, sizeof(header->file)))};

	return old.checksum == pool_hash_64(NULL, parts, sizeof(parts)) &&
		old.version == 1 && old.size == HEADER_SIZE_1 &&
		old.record_size == sizeof(struct pool_record) &&
		old.lease_size == sizeof(struct pool_lease);
}

struct pool_state_root pool_former_root(const struct pool_state_header *header)
{
	const struct header_1 old = header_of(header);

	return old.roots[old.active & 1];
}

static uint64_t record_count(const struct image_1 *image)
{
	return (uint64_t)image->record_count + image->orphan_count;
}

static bool section_fits(
	const struct image_1 *image, uint64_t at, uint64_t count, uint64_t size)
{
	return pool_image_holds(image->length, sizeof(*image), at, count, size);
}

static bool sound_image(const struct image_1 *image, const struct pool_state_root *root)
{
	const uint64_t records = record_count(image),
		       leaves = (uint64_t)image->leaf_count + image->former_count;

	return image->length == root->length &&
		root->checksum ==
		pool_hash_64(NULL, image, offsetof(struct image_1, leases_used)) &&
		section_fits(image, image->leaves_at, leaves, sizeof(struct leaf_1)) &&
		section_fits(image, image->ready_at, records, sizeof(uint64_t)) &&
		section_fits(image, image->weights_at, records, sizeof(uint32_t)) &&
		section_fits(image, image->finishes_at, records, sizeof(double)) &&
		section_fits(
			image, image->records_at, records, sizeof(struct pool_record)) &&
		section_fits(image, image->leases_at, image->lease_capacity,
			sizeof(struct pool_lease)) &&
		(!image->budgets_at ||
			section_fits(image, image->budgets_at, records,
				sizeof(struct pool_budget)));
}

/* A private copy of the image in force: what it leads to cannot change any more. Free it;
 * NULL and 0: it is none. */
static int copy_image(const struct pool_state *state, struct image_1 **out)
{
	const struct pool_state_root root = pool_former_root(&state->own_header);
	struct image_1 *image;

	*out = NULL;
	if (root.offset < POOL_STATE_IMAGES_AT || root.offset % POOL_IMAGE_ALIGNMENT ||
		root.offset > state->length ||
		root.length > state->length - root.offset || root.length < sizeof(*image))
		return 0;
	image = malloc(root.length);
	if (!image)
		return POOL_ENOMEM;
	pool_state_fetch(image, state->map + root.offset, root.length);
	if (sound_image(image, &root))
		*out = image;
	else
		free(image);
	return 0;
}

/* --- making ours of it -------------------------------------------------------------- */

static struct pool_state_image shape(const struct image_1 *old)
{
	const uint64_t records = record_count(old);
	uint64_t end = sizeof(struct pool_state_image);
	struct pool_state_image image = {
		.snapshot_id = old->snapshot_id,
		.generation = old->generation,
		.leaf_count = old->leaf_count,
		.former_count = old->former_count,
		.record_count = old->record_count,
		.orphan_count = old->orphan_count,
		.lease_capacity = old->lease_capacity,
		.overlay_id = old->overlay_id,
		.lease_hint = old->lease_hint,
		.clock_id = old->clock_id,
		.written_boot_ns = old->written_boot_ns,
		.written_wall_s = old->written_wall_s,
		.owners_ns = old->owners_ns,
	};

	image.leaves_at =
		pool_image_append(&end, (uint64_t)old->leaf_count + old->former_count,
			sizeof(struct pool_state_leaf));
	image.ready_at = pool_image_append(&end, records, sizeof(uint64_t));
	image.weights_at = pool_image_append(&end, records, sizeof(uint32_t));
	image.counts_at = pool_image_append(&end, records, sizeof(uint32_t));
	image.finishes_at = pool_image_append(&end, records, sizeof(double));
	if (old->budgets_at)
		image.budgets_at =
			pool_image_append(&end, records, sizeof(struct pool_budget));
	image.leases_at =
		pool_image_append(&end, old->lease_capacity, sizeof(struct pool_lease));
	image.records_at = pool_image_append(&end, records, sizeof(struct pool_record));
	image.length = end;
	return image;
}

static struct pool_state_leaf convert_leaf(const struct leaf_1 *old)
{
	struct pool_state_leaf leaf = {
		.key = old->key,
		.first_record = old->first_record,
		.record_count = old->record_count,
		.cursor = old->cursor,
		.clock = old->clock,
		.selections = old->selections,
		.fallbacks = old->fallbacks,
		.panics = old->panics,
		.rollout = old->rollout,
		.checked_ns = old->checked_ns,
		.checked_wall_s = old->checked_wall_s,
		.floor = old->floor,
		.eligibles = old->eligibles,
		.latency_ns = old->latency_ns,
	};

	memcpy(leaf.strategies, old->strategies, sizeof(old->strategies));
	memcpy(leaf.latency, old->latency, sizeof(leaf.latency));
	return leaf;
}

/* Copy what every version has alike. */
static void copy_section(
	void *to, const struct image_1 *old, uint64_t at, uint64_t count, uint64_t size)
{
	if (at && count)
		memcpy(to, (const char *)old + at, count * size);
}

static void convert(struct pool_state *state, const struct image_1 *old)
{
	const struct leaf_1 *leaves = (const void *)((const char *)old + old->leaves_at);
	const uint64_t records = record_count(old);

	for (uint64_t i = 0; i < (uint64_t)old->leaf_count + old->former_count; i++)
		state->leaves[i] = convert_leaf(&leaves[i]);
	copy_section(state->ready, old, old->ready_at, records, sizeof(*state->ready));
	copy_section(
		state->weights, old, old->weights_at, records, sizeof(*state->weights));
	copy_section(state->finishes, old, old->finishes_at, records,
		sizeof(*state->finishes));
	copy_section(
		state->budgets, old, old->budgets_at, records, sizeof(*state->budgets));
	copy_section(
		state->records, old, old->records_at, records, sizeof(*state->records));
	copy_section(state->leases, old, old->leases_at, old->lease_capacity,
		sizeof(*state->leases));
	for (uint64_t i = 0; i < records; i++)
		pool_record_seal(&state->records[i]);
	for (uint32_t i = 0; i < old->lease_capacity; i++)
		state->leases[i].lock = 0;
	pool_state_recount(state);
}

/* The copied header becomes one of ours: its root says where the former image lies, for
 * whoever looks for room. */
static void convert_header(struct pool_state *state)
{
	struct pool_state_header *header = &state->own_header;
	const struct header_1 old = header_of(header);

	header->version = POOL_STATE_VERSION;
	memset(header->forms, 0, sizeof(header->forms));
	header->forms[POOL_STATE_FORM].rebuilt = old.rebuilt;
	header->forms[POOL_STATE_FORM].roots[0] = old.roots[old.active & 1];
	state->header = header;
}

int pool_former_attach(struct pool_state *state, struct pool_fault *fault)
{
	struct image_1 *old;
	int error;

	if (pool_undo_restore(state))
		pool_state_settle(state, NULL);
	error = copy_image(state, &old);
	if (!error && !old)
		return pool_fault_set(fault, POOL_EFORMAT, 0,
			"state file '%s' is corrupt", state->path);
	if (!error) {
		state->own_image = shape(old);
		state->former = calloc(1, state->own_image.length);
		error = state->former ? 0 : POOL_ENOMEM;
	}
	if (!error) {
		memcpy(state->former, &state->own_image, sizeof(state->own_image));
		convert_header(state);
		pool_image_place(state);
		convert(state, old);
	}
	free(old);
	return error ? pool_fault_set(fault, error, 0, "out of memory") : 0;
}
