/* Records: the seal by which a damaged one is told. */
#include "state/image.h"

/* One step of a hash over numbers (the finisher of MurmurHash3): it costs a selection
 * less than SipHash, and nobody is to be kept from computing it. */
static uint64_t mix(uint64_t hash, uint64_t number)
{
	hash ^= number;
	hash ^= hash >> 33;
	hash *= UINT64_C(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	hash *= UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 33;
}

static uint64_t make_seal(const struct pool_record *record)
{
	uint64_t hash = mix(UINT64_C(0x9e3779b97f4a7c15), record->identity.high);

	hash = mix(hash, record->identity.low);
	hash = mix(hash, record->leaf_key);
	return mix(hash, record->health.admin_disabled);
}

void pool_record_seal(struct pool_record *record)
{
	record->seal = make_seal(record);
}

bool pool_record_is_sealed(const struct pool_record *record)
{
	return record->seal == make_seal(record) && record->health.admin_disabled <= 1;
}
