/* Records: the seal by which a damaged one is told, and the changes of its status. */
#include "base/clock.h"
#include "health/flap.h"
#include "state/image.h"
#include "state/session.h"

#define FLAPS         UINT32_C(0x80000000)
#define FLAP_THOUSAND 1000.0

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

/* --- changes of its status -------------------------------------------------------- */

/* Number <back> before the newest. */
static const struct pool_state_transition *get_earlier(
	const struct pool_record *record, uint32_t back)
{
	return &record->transitions[(record->transition_count - 1 - back) %
		POOL_TRANSITIONS_KEPT];
}

/* What is kept of its changes. One of far ahead is of a clock that was wrong, and with it
 * goes all that came before. */
static struct pool_flap get_flap(const struct pool_record *record, int64_t wall_s)
{
	const uint32_t stored = record->flap;
	struct pool_flap flap = {0};

	if (!record->transition_count ||
		get_earlier(record, 0)->wall_s > wall_s + POOL_FLAP_QUIET_S)
		return flap;
	flap.changed_ns = get_earlier(record, 0)->wall_s * POOL_NS_PER_S;
	flap.penalty = (stored & ~FLAPS) / FLAP_THOUSAND;
	flap.flapping = (stored & FLAPS) != 0;
	/* Another user may have written it. */
	if (flap.penalty > POOL_FLAP_MOST)
		flap.penalty = POOL_FLAP_MOST;
	return flap;
}

void pool_record_change(
	struct pool_record *record, const struct pool_state_transition *transition)
{
	const int64_t now_ns = transition->wall_s * POOL_NS_PER_S;
	struct pool_flap flap = get_flap(record, transition->wall_s);

	/* What follows from time alone is stored by nobody, and is a change, too. */
	if (record->transition_count && get_earlier(record, 0)->to != transition->from)
		pool_flap_note(&flap, now_ns);
	pool_flap_note(&flap, now_ns);
	record->flap =
		(uint32_t)(flap.penalty * FLAP_THOUSAND) | (flap.flapping ? FLAPS : 0);
	record->transitions[record->transition_count++ % POOL_TRANSITIONS_KEPT] =
		*transition;
}

bool pool_record_flaps(const struct pool_record *record, int64_t wall_s,
	uint32_t *changes, int64_t *span_s)
{
	const uint32_t kept = record->transition_count < POOL_TRANSITIONS_KEPT
		? record->transition_count
		: POOL_TRANSITIONS_KEPT;
	const struct pool_flap flap = get_flap(record, wall_s);
	const int64_t newest_s = flap.changed_ns / POOL_NS_PER_S;

	*changes = 0;
	*span_s = 0;
	if (!pool_flap_is_on(&flap, wall_s * POOL_NS_PER_S))
		return false;
	for (uint32_t back = 0; back < kept; back++) {
		const struct pool_state_transition *this = get_earlier(record, back);
		const int64_t age_s = newest_s - this->wall_s;

		/* A clock that was set back a little leaves earlier ones ahead. */
		if (age_s > POOL_FLAP_QUIET_S || age_s < -POOL_FLAP_QUIET_S)
			break;
		if (age_s > *span_s)
			*span_s = age_s;
		*changes += 1 + (back && get_earlier(record, back - 1)->from != this->to);
	}
	return true;
}
