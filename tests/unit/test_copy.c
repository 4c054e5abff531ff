/* The state file read into memory, examined, and set right. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"
#include "state/repair.h"

#define S       POOL_NS_PER_S
#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct pool_hash_key salt = {{1, 2, 3}};
static const char pool_file[] = "/etc/pool.json";

struct place {
	char folder[200];
	char path[256];
	struct pool_snapshot snapshot;
	struct pool_snapshot edited;
	char *bytes;
	size_t length;
};

static int set_up(void **context)
{
	static struct fixture_pool pools[2];
	struct place *place = calloc(1, sizeof(*place));
	struct pool_state *state;
	struct pool_now now;

	fixture_folder_make(place->folder, sizeof(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/pool.state", place->folder);
	fixture_fill(&pools[0], "default.http", 10);
	fixture_fill(&pools[1], "exchanges.okx.http", 5);
	fixture_compile(&place->snapshot, pools, 2, &salt);
	fixture_fill(&pools[0], "default.http", 180);
	fixture_compile(&place->edited, pools, 2, &salt);
	state = fixture_state(place->path, &place->snapshot);
	pool_clock_get(&now);
	for (uint32_t i = 0; i < 3; i++) {
		const struct pool_lease lease = {.id = i + 1,
			.record = i,
			.began_ns = now.boot_ns,
			.expires_ns = i == 2 ? 1 : now.boot_ns + 1000 * S};

		assert_int_equal(0, pool_lease_add(state, &lease));
		state->records[i].selections = i + 1;
		state->leaves[0].selections += i + 1;
		pool_state_settle(state, &now);
	}
	pool_state_free(state);
	place->bytes = fixture_read(place->path, &place->length);
	*context = place;
	return 0;
}

static int tear_down(void **context)
{
	struct place *place = *context;

	fixture_folder_remove(place->folder);
	pool_snapshot_release(&place->snapshot);
	pool_snapshot_release(&place->edited);
	free(place->bytes);
	free(place);
	return 0;
}

static struct pool_state *read_copy(const struct place *place)
{
	struct pool_state *copy = NULL;
	struct pool_fault fault = {0};

	if (pool_state_read(&copy, place->path, pool_file, 1000, &fault) != 0)
		fail_msg("%s", fault.text);
	return copy;
}

static void assert_untouched(const struct place *place)
{
	size_t length;
	char *bytes = fixture_read(place->path, &length);

	assert_int_equal(place->length, length);
	assert_memory_equal(place->bytes, bytes, length);
	free(bytes);
}

static void a_copy_is_what_the_file_says(void **context)
{
	const struct place *place = *context;
	struct pool_state *copy = read_copy(place);

	assert_false(copy->unlocked);
	assert_int_equal(15, copy->image->record_count);
	assert_int_equal(2, copy->records[1].selections);
	assert_int_equal(1, copy->counts[2]);
	assert_int_equal(0, pool_state_examine(copy, &place->snapshot, NULL));
	pool_state_free(copy);
	assert_untouched(place);
}

static void what_is_done_to_a_copy_stays_in_it(void **context)
{
	const struct place *place = *context;
	struct pool_state *copy = read_copy(place);
	struct pool_now now;

	pool_clock_get(&now);
	/* More proxies than it has room for: it has to grow. */
	assert_int_equal(0, pool_state_follow(copy, &place->edited, &now, NULL));
	assert_int_equal(185, copy->image->record_count);
	assert_int_equal(2, copy->records[1].selections);
	pool_copy_sweep(copy, &now);
	assert_int_equal(1, copy->counts[0]);
	assert_int_equal(0, copy->counts[2]);
	assert_int_equal(0, pool_state_examine(copy, &place->edited, NULL));
	pool_state_free(copy);
	assert_untouched(place);
}

static void leases_of_owners_that_are_gone_are_swept(void **context)
{
	const struct place *place = *context;
	struct pool_state *state = fixture_state(place->path, &place->snapshot), *copy;
	struct pool_lease lease = {.id = 77, .record = 5, .owner_pid = (int32_t)getpid()};
	struct pool_now now;

	pool_clock_get(&now);
	lease.owner_space = pool_owner_space();
	assert_true(pool_owner_look_up(
		lease.owner_pid, lease.owner_space, &lease.owner_start));
	assert_int_equal(0, pool_lease_add(state, &lease));
	/* Another process had this number before. */
	lease.id = 78;
	lease.record = 6;
	lease.owner_start--;
	assert_int_equal(0, pool_lease_add(state, &lease));
	pool_state_settle(state, &now);
	pool_state_free(state);
	copy = read_copy(place);
	assert_int_equal(1, copy->counts[6]);
	pool_copy_sweep(copy, &now);
	assert_int_equal(1, copy->counts[5]);
	assert_int_equal(0, copy->counts[6]);
	pool_state_free(copy);
}

static void an_update_that_was_cut_short_is_undone_in_the_copy(void **context)
{
	struct place *place = *context;
	struct pool_state *state = fixture_state(place->path, &place->snapshot), *copy;

	/* As if it had been killed: touched, changed, not settled. */
	pool_state_touch(state, &state->records[1], sizeof(state->records[1]));
	state->records[1].selections = 99;
	pool_state_free(state);
	free(place->bytes);
	place->bytes = fixture_read(place->path, &place->length);
	copy = read_copy(place);
	assert_int_equal(2, copy->records[1].selections);
	pool_state_free(copy);
	assert_untouched(place);
}

static void a_locked_file_is_read_without_the_lock(void **context)
{
	const struct place *place = *context;
	struct pool_state *copy = NULL;
	struct pool_fault fault = {0};
	int fd = open(place->path, O_RDWR | O_CLOEXEC);

	assert_int_equal(0, flock(fd, LOCK_EX));
	assert_int_equal(0, pool_state_read(&copy, place->path, pool_file, 10, &fault));
	assert_true(copy->unlocked);
	assert_int_equal(POOL_EBUSY, fault.code);
	assert_int_equal(2, copy->records[1].selections);
	pool_state_free(copy);
	close(fd);
}

static void what_is_not_whole_under_a_lock_is_busy(void **context)
{
	const struct place *place = *context;
	struct pool_state *copy = NULL;
	struct pool_fault fault = {0};
	int fd = open(place->path, O_RDWR | O_CLOEXEC);

	place->bytes[POOL_STATE_IMAGES_AT] ^= 1;
	fixture_write(place->path, place->bytes, place->length);
	assert_int_equal(0, flock(fd, LOCK_EX));
	assert_int_equal(
		POOL_EBUSY, pool_state_read(&copy, place->path, pool_file, 10, &fault));
	close(fd);
	assert_int_equal(
		POOL_EFORMAT, pool_state_read(&copy, place->path, pool_file, 10, &fault));
	assert_null(copy);
	assert_untouched(place);
}

static void what_is_no_state_file_is_refused(void **context)
{
	const struct place *place = *context;
	static const struct {
		const char *path, *file;
		int error;
	} cases[] = {
		{NULL, "/etc/other.json", POOL_EFOREIGN},
		{"/dev/zero", pool_file, POOL_EFORMAT},
		{"/", pool_file, POOL_EFORMAT},
		{"/nowhere/at/all", pool_file, POOL_ENOFILE},
	};

	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_state *copy = NULL;
		struct pool_fault fault = {0};
		int error = pool_state_read(&copy,
			cases[i].path ? cases[i].path : place->path, cases[i].file, 10,
			&fault);

		assert_int_equal(cases[i].error, error);
		assert_int_equal(cases[i].error, fault.code);
		assert_null(copy);
	}
}

static void a_hole_that_claims_to_be_large_takes_no_memory(void **context)
{
	const struct place *place = *context;
	static const int64_t lengths[] = {INT64_C(3) << 30, INT64_C(1) << 43};
	struct pool_state *state, *copy;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		/* Not every file system has files so long. */
		if (truncate(place->path, lengths[i]) != 0)
			continue;
		copy = read_copy(place);
		assert_int_equal(2, copy->records[1].selections);
		pool_state_free(copy);
		/* Nor does it keep anybody from using it. */
		state = fixture_state(place->path, &place->snapshot);
		assert_false(state->was_corrupt);
		assert_int_equal(2, state->records[1].selections);
		pool_state_free(state);
	}
}

static void every_damaged_byte_is_refused_or_harmless(void **context)
{
	const struct place *place = *context;
	char *bytes = malloc(place->length);

	for (size_t at = 0; at < place->length; at += 13) {
		struct pool_state *copy = NULL;
		struct pool_now now;

		memcpy(bytes, place->bytes, place->length);
		bytes[at] ^= (char)0xff;
		fixture_write(place->path, bytes, place->length);
		if (pool_state_read(&copy, place->path, pool_file, 10, NULL) != 0)
			continue;
		pool_clock_get(&now);
		pool_copy_sweep(copy, &now);
		pool_state_examine(copy, &place->snapshot, NULL);
		assert_int_equal(0, pool_state_follow(copy, &place->edited, &now, NULL));
		pool_state_free(copy);
	}
	free(bytes);
}

/* --- repair ------------------------------------------------------------------- */

static void break_ready(struct pool_state *state)
{
	state->ready[3] = 12345678901234567;
}

static void break_flags(struct pool_state *state)
{
	state->ready[3] |= POOL_READY_RECOVERING;
}

static void break_weight(struct pool_state *state)
{
	state->weights[4]++;
}

static void break_count(struct pool_state *state)
{
	state->counts[7] = 3;
}

static void break_used(struct pool_state *state)
{
	state->live->leases_used++;
}

static void break_lease(struct pool_state *state)
{
	state->leases[0].record = 4711;
}

static void break_identity(struct pool_state *state)
{
	state->records[2].identity.low ^= 1;
}

static void break_reason(struct pool_state *state)
{
	state->records[2].health.last_reason = 250;
}

static void break_open_reason(struct pool_state *state)
{
	state->records[2].health.open_reason = 250;
}

static void break_flag(struct pool_state *state)
{
	state->records[2].health.opened = 2;
}

static void break_deadline(struct pool_state *state)
{
	state->records[2].health.cool_until_ns = -5;
}

static void break_transition(struct pool_state *state)
{
	state->records[2].transition_count = 1;
	state->records[2].transitions[0].to = 77;
}

static void break_place(struct pool_state *state)
{
	state->leaves[1].first_record = 9;
}

static void break_selections(struct pool_state *state)
{
	state->leaves[0].selections = 0;
}

static void what_is_wrong_is_found_and_set_right(void **context)
{
	static const struct {
		void (*damage)(struct pool_state *state);
		uint32_t records, words, pools;
		bool leases;
	} cases[] = {
		{break_ready, .words = 1},
		{break_flags, .words = 1},
		{break_weight, .words = 1},
		{break_count, .leases = true},
		{break_used, .leases = true},
		{break_lease, .leases = true},
		{break_identity, .records = 1},
		{break_reason, .records = 1},
		{break_open_reason, .records = 1},
		{break_flag, .records = 1},
		{break_deadline, .records = 1},
		{break_transition, .records = 1},
		{break_place, .pools = 1},
		{break_selections, .pools = 1},
	};
	const struct place *place = *context;

	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_repairs done = {0};
		struct pool_fault fault = {0};
		struct pool_state *state;
		struct pool_now now;

		fixture_write(place->path, place->bytes, place->length);
		state = fixture_state(place->path, &place->snapshot);
		assert_int_equal(0, pool_state_examine(state, &place->snapshot, &fault));
		cases[i].damage(state);
		if (pool_state_examine(state, &place->snapshot, &fault) != POOL_EFORMAT)
			fail_msg("case %zu is not found", i);
		assert_true(fault.text[0]);
		pool_clock_get(&now);
		pool_state_repair(state, &place->snapshot, &now, &done);
		assert_int_equal(cases[i].records, done.records);
		assert_int_equal(cases[i].words, done.words);
		assert_int_equal(cases[i].pools, done.pools);
		assert_int_equal(cases[i].leases, done.leases);
		if (pool_state_examine(state, &place->snapshot, &fault) != 0)
			fail_msg("case %zu: %s", i, fault.text);
		/* What was good is what it was. */
		assert_int_equal(2, state->records[1].selections);
		pool_state_free(state);
	}
}

static void what_a_person_disabled_stays_so(void **context)
{
	const struct place *place = *context;
	struct pool_state *state = fixture_state(place->path, &place->snapshot);
	struct pool_repairs done = {0};
	struct pool_now now;

	pool_clock_get(&now);
	state->records[2].health.admin_disabled = 1;
	state->records[2].health.last_reason = 250;
	pool_state_repair(state, &place->snapshot, &now, &done);
	assert_int_equal(1, state->records[2].health.admin_disabled);
	assert_int_equal(0, state->records[2].health.last_reason);
	assert_true(state->ready[2] == POOL_READY_NEVER);
	pool_state_free(state);
}

static void what_is_whole_is_left_alone(void **context)
{
	const struct place *place = *context;
	struct pool_state *state = fixture_state(place->path, &place->snapshot);
	const struct pool_repairs nothing = {0};
	struct pool_repairs done = {0};
	struct pool_now now;

	pool_clock_get(&now);
	pool_state_repair(state, &place->snapshot, &now, &done);
	assert_memory_equal(&nothing, &done, sizeof(done));
	pool_state_free(state);
	assert_untouched(place);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_copy_is_what_the_file_says),
		TEST(what_is_done_to_a_copy_stays_in_it),
		TEST(leases_of_owners_that_are_gone_are_swept),
		TEST(an_update_that_was_cut_short_is_undone_in_the_copy),
		TEST(a_locked_file_is_read_without_the_lock),
		TEST(what_is_not_whole_under_a_lock_is_busy),
		TEST(what_is_no_state_file_is_refused),
		TEST(a_hole_that_claims_to_be_large_takes_no_memory),
		TEST(every_damaged_byte_is_refused_or_harmless),
		TEST(what_is_wrong_is_found_and_set_right),
		TEST(what_a_person_disabled_stays_so),
		TEST(what_is_whole_is_left_alone),
	};

	return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
