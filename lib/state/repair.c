/* The state file examined and set right. */
#include <string.h>
#include <sys/stat.h>
#include "state/decisions.h"
#include "state/image.h"
#include "state/repair.h"
#include "state/session_inner.h"

/* --- records -------------------------------------------------------------------- */

static uint32_t kept_transitions(const struct pool_record *record)
{
	return record->transition_count < POOL_TRANSITIONS_KEPT ? record->transition_count
								: POOL_TRANSITIONS_KEPT;
}

static bool sane_transition(const struct pool_state_transition *transition)
{
	return transition->from < POOL_STATUSES && transition->to < POOL_STATUSES &&
		transition->reason < POOL_REASON_ROOM;
}

static bool sane_health(const struct pool_health *health)
{
	return health->last_reason < POOL_REASON_ROOM &&
		health->open_reason < POOL_REASON_ROOM &&
		health->failed_layer < POOL_LAYERS && health->opened <= 1 &&
		health->known <= 1 && health->admin_disabled <= 1 &&
		health->blocked <= 1 && health->open_until_ns >= 0 &&
		health->cool_until_ns >= 0;
}

static bool sane_record(const struct pool_record *record)
{
	for (uint32_t i = 0; i < kept_transitions(record); i++)
		if (!sane_transition(&record->transitions[i]))
			return false;
	return sane_health(&record->health) && record->latency_us >= 0 &&
		record->last_latency_us >= 0;
}

static bool sane_stored(const struct pool_state *state, uint32_t at)
{
	struct pool_record record;

	pool_state_fetch(&record, &state->records[at], sizeof(record));
	return sane_record(&record);
}

/* A transition that cannot be told takes the history with it, a health that cannot be
 * read becomes none; what a person disabled stays so. */
static void mend_record(struct pool_record *record)
{
	const bool disabled = record->health.admin_disabled != 0;

	for (uint32_t i = 0; i < kept_transitions(record); i++)
		if (!sane_transition(&record->transitions[i]))
			record->transition_count = 0;
	if (!sane_health(&record->health))
		record->health = (struct pool_health){.admin_disabled = disabled};
	if (record->latency_us < 0)
		record->latency_us = 0;
	if (record->last_latency_us < 0)
		record->last_latency_us = 0;
}

static bool is_of(const struct pool_record *record, const struct pool_snap_leaf *leaf,
	const struct pool_snap_member *member)
{
	return record->leaf_key == leaf->key &&
		pool_hash_equal(&record->identity, &member->identity);
}

static uint64_t right_word(const struct pool_state *state,
	const struct pool_snap_leaf *leaf, const struct pool_snap_member *member,
	uint32_t at, int64_t now_ns)
{
	return pool_state_ready_word(leaf, member, &state->records[at],
		state->budgets ? &state->budgets[at] : NULL, now_ns);
}

/* Times that are over are as good as each other: no word follows a budget that fills up
 * again. */
static bool same_word(uint64_t a, uint64_t b, int64_t now_ns)
{
	const uint64_t now = (uint64_t)now_ns & ~POOL_READY_FLAGS;

	if ((a & POOL_READY_FLAGS) != (b & POOL_READY_FLAGS))
		return false;
	return (a & ~POOL_READY_FLAGS) == (b & ~POOL_READY_FLAGS) ||
		((a & ~POOL_READY_FLAGS) <= now && (b & ~POOL_READY_FLAGS) <= now);
}

/* --- examining ------------------------------------------------------------------ */

static int blame(struct pool_fault *fault, const struct pool_snapshot *snapshot,
	const struct pool_snap_leaf *leaf, const struct pool_snap_member *member,
	const char *what)
{
	const char *where = pool_snapshot_string(snapshot, leaf->where);
	const char *name = pool_snapshot_string(snapshot, member->name);

	return pool_fault_set(fault, POOL_EFORMAT, 0, "proxy '%s' of %s: %s",
		name ? name : "", where ? where : "", what);
}

static int examine_leaf(const struct pool_state *state,
	const struct pool_snapshot *snapshot, uint32_t index, struct pool_fault *fault)
{
	const struct pool_snap_leaf *leaf = &snapshot->leaves[index];
	struct pool_now now;

	pool_clock_get(&now);
	if (state->leaves[index].key != leaf->key ||
		state->leaves[index].first_record != leaf->first_member ||
		state->leaves[index].record_count != leaf->member_count)
		return pool_fault_set(fault, POOL_EFORMAT, 0,
			"%s is not where the pool file has it",
			pool_snapshot_string(snapshot, leaf->where));
	for (uint32_t at = leaf->first_member;
		at < leaf->first_member + leaf->member_count; at++) {
		const struct pool_snap_member *member = &snapshot->members[at];
		const struct pool_record *record = &state->records[at];

		if (!is_of(record, leaf, member))
			return blame(fault, snapshot, leaf, member,
				"its record is another one's");
		if (!pool_record_is_sealed(record))
			return blame(
				fault, snapshot, leaf, member, "its record is damaged");
		if (state->weights[at] != member->weight_micro)
			return blame(fault, snapshot, leaf, member,
				"its weight is not that of the pool file");
		if (!same_word(state->ready[at],
			    right_word(state, leaf, member, at, now.boot_ns),
			    now.boot_ns))
			return blame(fault, snapshot, leaf, member,
				"when it may be selected does not follow from its "
				"record");
	}
	return 0;
}

int pool_state_examine(const struct pool_state *state,
	const struct pool_snapshot *snapshot, struct pool_fault *fault)
{
	int error = pool_state_verify(state, fault);

	if (error || !state->image)
		return error;
	for (uint32_t i = 0; i < state->image->record_count + state->image->orphan_count;
		i++)
		if (!sane_stored(state, i))
			return pool_fault_set(
				fault, POOL_EFORMAT, 0, "record %u is out of range", i);
	if (!pool_image_follows(state, snapshot))
		return 0;
	for (uint32_t i = 0; i < snapshot->leaf_count && !error; i++)
		error = examine_leaf(state, snapshot, i, fault);
	return error;
}

/* --- setting right ---------------------------------------------------------------- */

/* A repair under way. */
struct repair {
	struct pool_state *state;
	const struct pool_snapshot *snapshot;
	struct pool_decisions second;
	int64_t now_ns;
	struct pool_repairs *done;
};

/* The record of member <at>: its own, and what a person decided about it. */
static void repair_record(struct repair *repair, uint32_t leaf, uint32_t at)
{
	struct pool_state *state = repair->state;
	const struct pool_snap_member *member = &repair->snapshot->members[at];
	const bool own =
		is_of(&state->records[at], &repair->snapshot->leaves[leaf], member);
	struct pool_record record = {.identity = member->identity,
		.leaf_key = repair->snapshot->leaves[leaf].key};

	if (own)
		pool_state_fetch(&record, &state->records[at], sizeof(record));
	if (own && pool_record_is_sealed(&record))
		return;
	pool_decisions_restore(&repair->second, repair->snapshot, leaf, at, &record,
		state->decisions ? &state->decisions[at] : NULL);
	state->records[at] = record;
	repair->done->records++;
}

static void repair_members(struct repair *repair, uint32_t index)
{
	struct pool_state *state = repair->state;
	const struct pool_snap_leaf *leaf = &repair->snapshot->leaves[index];

	for (uint32_t at = leaf->first_member;
		at < leaf->first_member + leaf->member_count; at++) {
		const struct pool_snap_member *member = &repair->snapshot->members[at];
		uint64_t word;

		repair_record(repair, index, at);
		word = right_word(state, leaf, member, at, repair->now_ns);
		repair->done->words +=
			!same_word(state->ready[at], word, repair->now_ns) ||
			state->weights[at] != member->weight_micro;
		state->ready[at] = word;
		state->weights[at] = member->weight_micro;
	}
}

static void repair_leaf(struct repair *repair, uint32_t index)
{
	struct pool_state *state = repair->state;
	const struct pool_snap_leaf *source = &repair->snapshot->leaves[index];
	struct pool_state_leaf *leaf = &state->leaves[index], before = *leaf;
	uint64_t selections;

	leaf->key = source->key;
	leaf->first_record = source->first_member;
	leaf->record_count = source->member_count;
	repair_members(repair, index);
	selections = leaf->fallbacks;
	for (uint32_t i = 0; i < source->member_count; i++)
		selections += state->records[source->first_member + i].selections;
	if (leaf->selections < selections)
		leaf->selections = selections;
	repair->done->pools += memcmp(&before, leaf, sizeof(before)) != 0;
}

static bool recount(struct pool_state *state)
{
	const struct pool_state_image *image = state->image;
	const size_t length = sizeof(*state->counts) *
		((size_t)image->record_count + image->orphan_count);
	const uint64_t before = pool_hash_64(NULL, state->counts, length);
	const uint32_t used = state->live->leases_used, owned = state->live->leases_owned;

	pool_state_recount(state);
	return before != pool_hash_64(NULL, state->counts, length) ||
		used != state->live->leases_used || owned != state->live->leases_owned;
}

int pool_state_repair(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_now *now, struct pool_repairs *repairs)
{
	struct repair repair = {.state = state,
		.snapshot = snapshot,
		.now_ns = now->boot_ns,
		.done = repairs};
	int error = pool_decisions_read(
		&repair.second, state->path, state->pool_file, snapshot);

	if (error)
		return error;
	for (uint32_t i = 0; i < state->image->record_count + state->image->orphan_count;
		i++) {
		struct pool_record record;

		if (sane_stored(state, i))
			continue;
		pool_state_fetch(&record, &state->records[i], sizeof(record));
		mend_record(&record);
		state->records[i] = record;
		repairs->records++;
	}
	for (uint32_t i = 0; i < snapshot->leaf_count; i++)
		repair_leaf(&repair, i);
	repairs->leases |= recount(state);
	if (repairs->records)
		state->live->decisions_ns = now->boot_ns;
	pool_decisions_release(&repair.second);
	return 0;
}

/* --- of a session ----------------------------------------------------------------- */

static void take_census(const struct pool_state *state, struct pool_census *census)
{
	const struct pool_state_image *image = state->image;

	*census = (struct pool_census){0};
	if (!image)
		return;
	census->proxies = image->record_count;
	census->leases = state->live->leases_used;
	/* Empty ones only hide the default. */
	for (uint32_t i = 0; i < image->leaf_count; i++)
		census->pools += state->leaves[i].record_count != 0;
}

int pool_session_verify(struct pool_session *session, struct pool_census *census,
	struct pool_fault *fault)
{
	struct pool_fault trouble = {0};
	struct pool_state *state = NULL;
	int error;

	error = pool_session_check_place(session, fault);
	if (error)
		return error;
	if (session->warned_damage)
		return pool_fault_set(fault, POOL_EFORMAT, 0, "snapshot '%s' is damaged",
			session->snap_path);
	error = pool_state_read(&state, session->state_path, session->absolute,
		session->lock_timeout_ms, &trouble);
	if (!error && state->unlocked)
		error = POOL_EBUSY;
	if (error) {
		if (fault)
			*fault = trouble;
	} else {
		error = pool_state_examine(state, &session->snapshot, &trouble);
		if (!error)
			error = pool_decisions_examine(
				state, &session->snapshot, &trouble);
		if (error)
			pool_fault_set(fault, error, 0,
				"state file '%s' is not whole: %s", session->state_path,
				trouble.text);
		else
			take_census(state, census);
	}
	pool_state_free(state);
	return error;
}

/* What cannot be set right: as if the file had been found corrupt. */
static int begin_anew(struct pool_session *session, const struct pool_now *now,
	struct pool_repairs *repairs, struct pool_fault *fault)
{
	struct pool_state *state = session->state;

	repairs->rebuilt = true;
	state->kept_copy = pool_state_keep_corrupt(state) == 0;
	state->was_corrupt = true;
	pool_image_forget(state);
	return pool_state_follow(state, &session->snapshot, now, fault);
}

/* Whether two names are of one file. */
static bool is_same_file(const char *one, const char *other)
{
	struct stat left, right;

	return stat(one, &left) == 0 && stat(other, &right) == 0 &&
		left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

int pool_session_repair(struct pool_session *session, struct pool_census *census,
	struct pool_repairs *repairs, struct pool_fault *fault)
{
	struct pool_repairs done = {0};
	struct pool_now now;
	int error;

	/* What is to be begun anew is not the pool file, by a slip of the hand. */
	if (session->state_path && is_same_file(session->state_path, session->file))
		return pool_fault_set(fault, POOL_EFORMAT, 0,
			"'%s' is the pool file, and not a state file: left alone",
			session->state_path);
	session->begins_anew = true;
	error = pool_session_lock_to_write(session, &now, fault);
	if (error)
		return error;
	done.snapshot = session->replaced && session->warned_damage;
	done.decisions = pool_decisions_examine(session->state, &session->snapshot,
				 NULL) == POOL_EFORMAT;
	error = pool_state_repair(session->state, &session->snapshot, &now, &done);
	if (!error)
		error = pool_state_examine(session->state, &session->snapshot, NULL);
	if (error == POOL_EFORMAT)
		error = begin_anew(session, &now, &done, fault);
	else if (error)
		pool_fault_set(fault, error, 0, "out of memory");
	if (!error)
		error = pool_decisions_write(
			session->state, &session->snapshot, &now, true, fault);
	if (!error) {
		done.ended = pool_lease_release_unseen(session->state, POOL_EVERY_RECORD,
			pool_session_space(session), &now);
		take_census(session->state, census);
		*repairs = done;
	}
	pool_session_unlock(session);
	return error;
}
