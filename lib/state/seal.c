/* Seals: the hashes by which damage of a snapshot's entries is noticed. */
#include <string.h>
#include "state/snapshot.h"

/* Kinds of places, so that no entry passes for another one. */
enum { EXCHANGE, LEAF, TAGS, MEMBER };

static struct pool_hash_key key_of(
	const struct pool_snapshot *snapshot, uint64_t kind, uint32_t index)
{
	const uint64_t words[] = {snapshot->id, kind << 32 | index};
	struct pool_hash_key key;

	memcpy(key.bytes, words, sizeof(key.bytes));
	return key;
}

/* Where the strings that <seal> is of stand; NULL if it cannot be. */
static const char *find_text(
	const struct pool_snapshot *snapshot, const struct pool_snap_seal *seal)
{
	if (seal->text_at > snapshot->strings_length ||
		seal->text_length > snapshot->strings_length - seal->text_at)
		return NULL;
	return snapshot->strings + seal->text_at;
}

/* The hash of an entry of <size> bytes, which begins with <seal>: of all but its own. */
static uint64_t hash_entry(
	const struct pool_snap_seal *seal, size_t size, const struct pool_hash_key *key)
{
	const size_t own = sizeof(seal->entry);

	return pool_hash_64(key, (const char *)seal + own, size - own);
}

static void seal_entry(const struct pool_snapshot *snapshot, struct pool_snap_seal *seal,
	size_t size, const struct pool_hash_key *key)
{
	const char *text = find_text(snapshot, seal);

	seal->text = text ? pool_hash_64(key, text, seal->text_length) : 0;
	seal->entry = hash_entry(seal, size, key);
}

static bool is_sealed(const struct pool_snapshot *snapshot,
	const struct pool_snap_seal *seal, size_t size, const struct pool_hash_key *key)
{
	const char *text = find_text(snapshot, seal);

	return text && seal->entry == hash_entry(seal, size, key) &&
		seal->text == pool_hash_64(key, text, seal->text_length);
}

static uint64_t hash_tags(const struct pool_snapshot *snapshot, uint32_t index)
{
	const struct pool_snap_leaf *leaf = &snapshot->leaves[index];
	const struct pool_hash_key key = key_of(snapshot, TAGS, index);

	return pool_hash_64(&key, snapshot->tags + leaf->first_member,
		leaf->member_count * sizeof(*snapshot->tags));
}

void pool_snapshot_seal(struct pool_snapshot *snapshot)
{
	struct pool_snap_exchange *exchanges = (void *)(uintptr_t)snapshot->exchanges;
	struct pool_snap_leaf *leaves = (void *)(uintptr_t)snapshot->leaves;
	struct pool_snap_member *members = (void *)(uintptr_t)snapshot->members;
	struct pool_hash_key key;

	for (uint32_t i = 0; i < snapshot->exchange_count; i++) {
		key = key_of(snapshot, EXCHANGE, i);
		seal_entry(snapshot, &exchanges[i].seal, sizeof(exchanges[i]), &key);
	}
	for (uint32_t i = 0; i < snapshot->leaf_count; i++) {
		leaves[i].tags = hash_tags(snapshot, i);
		key = key_of(snapshot, LEAF, i);
		seal_entry(snapshot, &leaves[i].seal, sizeof(leaves[i]), &key);
	}
	for (uint32_t i = 0; i < snapshot->member_count; i++) {
		key = key_of(snapshot, MEMBER, i);
		seal_entry(snapshot, &members[i].seal, sizeof(members[i]), &key);
	}
}

bool pool_snapshot_has_exchange(const struct pool_snapshot *snapshot, uint32_t index)
{
	const struct pool_hash_key key = key_of(snapshot, EXCHANGE, index);

	if (index >= snapshot->exchange_count)
		return false;
	return snapshot->verified ||
		is_sealed(snapshot, &snapshot->exchanges[index].seal,
			sizeof(snapshot->exchanges[index]), &key);
}

bool pool_snapshot_has_leaf(const struct pool_snapshot *snapshot, uint32_t index)
{
	const struct pool_hash_key key = key_of(snapshot, LEAF, index);

	if (index >= snapshot->leaf_count)
		return false;
	return snapshot->verified ||
		is_sealed(snapshot, &snapshot->leaves[index].seal,
			sizeof(snapshot->leaves[index]), &key);
}

bool pool_snapshot_has_tags(const struct pool_snapshot *snapshot, uint32_t leaf)
{
	if (leaf >= snapshot->leaf_count)
		return false;
	return snapshot->verified ||
		snapshot->leaves[leaf].tags == hash_tags(snapshot, leaf);
}

bool pool_snapshot_has_member(const struct pool_snapshot *snapshot, uint32_t index)
{
	const struct pool_hash_key key = key_of(snapshot, MEMBER, index);

	if (index >= snapshot->member_count)
		return false;
	return snapshot->verified ||
		is_sealed(snapshot, &snapshot->members[index].seal,
			sizeof(snapshot->members[index]), &key);
}

uint64_t pool_snapshot_hash_content(const struct pool_snapshot *snapshot)
{
	return pool_hash_64(NULL, (const char *)snapshot->bytes + snapshot->content_at,
		snapshot->length - snapshot->content_at);
}

bool pool_snapshot_verify(struct pool_snapshot *snapshot)
{
	const bool good = snapshot->verified ||
		(snapshot->bytes &&
			pool_snapshot_hash_content(snapshot) == snapshot->content);

	/* A mapped file may change under us. */
	snapshot->verified = good && !snapshot->mapped;
	return good;
}
