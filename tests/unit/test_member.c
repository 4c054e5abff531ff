/* What a member of the group can do to the file while it is locked and mapped, one thing
 * at a time; tests/fault/member.bats does all of it at once. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"
#include "state/image.h"
#include "state/repair.h"

static const struct pool_hash_key salt = {{1, 2, 3}};

struct place {
	char folder[200];
	char path[256];
	struct pool_snapshot snapshot;
	struct pool_state *state; /* locked */
	struct pool_now now;
};

static struct pool_guard guard;

static void handle(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (!pool_guard_mend(&guard, info->si_addr))
		signal(number, SIG_DFL);
}

static int set_up(void **context)
{
	struct fixture_pool *pool = calloc(1, sizeof(*pool));
	struct place *place = calloc(1, sizeof(*place));

	fixture_folder_make(place->folder, sizeof(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/pool.state", place->folder);
	fixture_fill(pool, "default.http", 10);
	fixture_compile(&place->snapshot, pool, 1, &salt);
	free(pool);
	place->state = fixture_state(place->path, &place->snapshot);
	pool_clock_get(&place->now);
	*context = place;
	return 0;
}

static int tear_down(void **context)
{
	struct place *place = *context;

	pool_state_free(place->state);
	pool_snapshot_release(&place->snapshot);
	fixture_folder_remove(place->folder);
	free(place);
	return 0;
}

/* A lease of each kind of index. */
static void add_lease(const struct place *place, uint64_t id, uint32_t record)
{
	const struct pool_lease lease = {.id = id, .record = record, .owner_pid = 1};

	assert_int_equal(0, pool_lease_add(place->state, &lease));
	pool_state_settle(place->state, &place->now);
}

/* --- numbers -------------------------------------------------------------------- */

static void counts_that_grow_lead_nowhere(void **context)
{
	struct place *place = *context;
	struct pool_state *state = place->state;
	struct pool_repairs repairs = {0};

	add_lease(place, 7, 3);
	state->live->record_count = state->live->orphan_count = 0x70000000;
	state->live->lease_capacity = 0x7fffffff;
	state->live->leaf_count = state->live->former_count = 0x7fffffff;
	pool_state_recount(state);
	assert_int_equal(1, state->counts[3]);
	pool_lease_expire(state, &place->now);
	pool_state_repair(state, &place->snapshot, &place->now, &repairs);
	assert_int_equal(0, pool_state_examine(state, &place->snapshot, NULL));
	/* It even becomes a whole image again. */
	assert_int_equal(0,
		pool_state_grow_leases(state, &place->snapshot, &place->now, 1000, NULL));
	assert_int_equal(10, state->live->record_count);
	assert_int_equal(1, state->counts[3]);
}

static void a_lease_of_no_record_leads_nowhere(void **context)
{
	static const uint32_t wrong[] = {10, 11, 0x10000000, 0x7fffffff, UINT32_MAX};
	struct place *place = *context;
	struct pool_state *state = place->state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		add_lease(place, 7 + i, 3);
		for (uint32_t slot = 0; slot < state->image->lease_capacity; slot++)
			if (state->leases[slot].id == 7 + i) {
				state->leases[slot].record = wrong[i];
				pool_lease_end(state, slot, true, &place->now);
			}
	}
	add_lease(place, 99, 3);
	state->leases[state->live->lease_hint ? state->live->lease_hint - 1 : 0].record =
		UINT32_MAX;
	assert_int_equal(0,
		pool_state_grow_leases(state, &place->snapshot, &place->now, 1000, NULL));
	assert_int_equal(0, state->live->leases_used);
}

/* A place in the undo slot that was ours a moment ago. */
static void the_undo_slot_is_not_believed(void **context)
{
	static const uint64_t wrong[] = {1, POOL_STATE_UNDO_SIZE - 1,
		POOL_STATE_UNDO_SIZE, UINT64_C(1) << 32, UINT64_MAX, UINT64_MAX - 4096,
		INT64_MAX};
	struct place *place = *context;
	struct pool_state *state = place->state;
	struct pool_state_undo *undo = (void *)(state->map + POOL_STATE_UNDO_AT);

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		pool_state_touch(state, &state->records[0], sizeof(*state->records));
		undo->used = wrong[i];
		undo->count = wrong[i];
		pool_state_touch(state, &state->records[1], sizeof(*state->records));
		pool_state_touch(state, &state->records[2], sizeof(*state->records));
		pool_state_settle(state, &place->now);
		assert_int_equal(0, undo->count);
	}
	/* What is in it is put back where there is an image, and nowhere else. */
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct pool_state_undo_entry *entry = (void *)(undo + 1);

		undo->count = 1;
		entry->offset = i % 2 ? wrong[i] : state->length - 8;
		entry->length = i % 2 ? 8 : wrong[i];
		pool_state_unlock(state);
		fixture_lock(state, &place->snapshot);
		assert_int_equal(0, pool_state_verify(state, NULL));
	}
}

static void where_the_image_is_was_said_once(void **context)
{
	struct place *place = *context;
	struct pool_state *state = place->state;
	struct pool_state_header *header = (void *)state->map;
	struct pool_state_form *form = &header->forms[POOL_STATE_FORM];

	for (int i = 0; i < 2; i++)
		form->roots[i] = (struct pool_state_root){
			UINT64_C(1) << 40, UINT64_C(1) << 40, 0, 0};
	form->active = 77;
	memset(header->file, 'x', sizeof(header->file));
	assert_int_equal(0,
		pool_state_grow_leases(state, &place->snapshot, &place->now, 1000, NULL));
	assert_int_equal(10, state->image->record_count);
	assert_true(state->length < 1000000);
}

/* A division by what was not 0 a moment ago, sums of what cannot be added. */
static void numbers_are_fetched_before_they_are_judged(void **context)
{
	static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX};
	struct place *place = *context;
	struct pool_state *state = place->state;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct pool_health *health = &state->records[i].health;

		health->open_until_ns = health->cool_until_ns = health->changed_ns =
			health->checked_ns = times[i];
		state->records[i].latency_us = state->records[i].last_latency_us =
			times[i];
		state->records[i].transition_count = UINT32_MAX;
		state->finishes[i] = i % 2 ? (double)NAN : -(double)INFINITY;
		state->leaves[0].checked_ns = times[i];
		state->leaves[0].first_record = UINT32_MAX;
		state->leaves[0].record_count = UINT32_MAX;
		state->leaves[0].cursor = (uint64_t)times[i];
		assert_int_equal(0,
			pool_state_grow_leases(state, &place->snapshot, &place->now,
				state->image->lease_capacity * 2, NULL));
	}
	assert_int_equal(10, state->leaves[0].record_count);
}

/* --- the file ------------------------------------------------------------------- */

/* Cut short while it is used: zeroes are in its place, and the next lock begins anew. */
static void a_file_that_is_cut_short_is_survived(void **context)
{
	static const off_t lengths[] = {0, 4095, 4096, 16384, 16385, 20480};
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO},
			 before;
	struct place *place = *context;
	struct pool_state *state = place->state;

	sigaction(SIGBUS, &action, &before);
	pool_state_unlock(state);
	state->guard = &guard;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		/* A mapping of now, that the guard watches. */
		pool_state_free(state);
		state = NULL;
		assert_int_equal(
			0, pool_state_open(&state, place->path, "/etc/pool.json", NULL));
		state->guard = &guard;
		fixture_lock(state, &place->snapshot);
		assert_false(state->was_cut);
		assert_int_equal(0, truncate(place->path, lengths[i]));
		pool_state_touch(state, &state->records[9], sizeof(*state->records));
		state->records[9].selections++;
		pool_state_settle(state, &place->now);
		/* As long as before, but what was there is gone. */
		assert_int_equal(0, truncate(place->path, (off_t)state->length));
		pool_state_unlock(state);
		assert_true(state->was_cut);
		state->was_corrupt = state->was_cut = false;
		fixture_lock(state, &place->snapshot);
		assert_int_equal(0, pool_state_verify(state, NULL));
		assert_int_equal(0, state->records[9].selections);
		state->records[9].selections = 5;
		pool_state_unlock(state);
		assert_false(state->was_cut);
		/* It is the file again that is mapped. */
		fixture_lock(state, &place->snapshot);
		assert_int_equal(5, state->records[9].selections);
		state->records[9].selections = 0;
		pool_state_unlock(state);
	}
	place->state = state;
	sigaction(SIGBUS, &before, NULL);
}

/* Longer, and cut short at once: what came out is not what was asked for. */
static void a_mapping_shorter_than_asked_is_an_error(void **context)
{
	struct place *place = *context;
	struct pool_state *state = place->state;
	struct pool_fault fault = {0};
	const uint64_t length = state->length;

	assert_int_equal(0, pool_state_extend(state, length + 100000, &fault));
	assert_int_equal(length + 100000, state->length);
	assert_int_equal(POOL_ESYSTEM,
		pool_state_extend(state, POOL_STATE_LENGTH_MAX + 1, &fault));
	assert_int_equal(length + 100000, state->length);
}

static void an_address_elsewhere_is_not_mended(void **context)
{
	char here[16] = "";

	(void)context;
	assert_false(pool_guard_mend(&guard, here));
	assert_false(pool_guard_mend(&guard, NULL));
	assert_false(pool_guard_mend(&(struct pool_guard){0}, NULL));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(counts_that_grow_lead_nowhere),
		CASE(a_lease_of_no_record_leads_nowhere),
		CASE(the_undo_slot_is_not_believed),
		CASE(where_the_image_is_was_said_once),
		CASE(numbers_are_fetched_before_they_are_judged),
		CASE(a_file_that_is_cut_short_is_survived),
		CASE(a_mapping_shorter_than_asked_is_an_error),
		CASE(an_address_elsewhere_is_not_mended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
