/* A file of version 1 carried over: what it holds, and killed at every store. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "config/config.h"
#include "fixture.h"
#include "state/image.h"
#include "state/repair.h"

#define S       POOL_NS_PER_S
#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Tests run at the root of the sources. */
static const char *const data = "tests/data/state-1";
/* What its header names. */
static const char *const pool_file = "/tmp/v1data/pool.json";

/* Where version 1 has what is looked at here. */
enum {
	SALT_AT = 48, /* of the snapshot */
	IMAGE_AT = 28672,
	IMAGE_SIZE = 10368,
	HEADER_SIZE = 3200,
	CLOCK_ID_AT = IMAGE_AT + 120,
	WALL_AT = IMAGE_AT + 136,
	RECORDS_AT = IMAGE_AT + 72,
};

struct place {
	char folder[200];
	char path[256];
	char copy[256];
	struct pool_snapshot snapshot;
	char *bytes; /* the file of version 1, its clock another one and stopped till now
		      */
	size_t length;
};

/* The pool file, with the salt that the identities of its state were made with. */
static void compile(struct pool_snapshot *snapshot)
{
	struct pool_diagnostics diagnostics = {0};
	struct pool_settings settings;
	struct pool_source source;
	struct pool_hash_key salt;
	char path[256];
	size_t length;
	char *bytes;

	snprintf(path, sizeof(path), "%s/pool.state.snap", data);
	bytes = fixture_read(path, &length);
	memcpy(&salt, bytes + SALT_AT, sizeof(salt));
	free(bytes);
	snprintf(path, sizeof(path), "%s/pool.json", data);
	assert_int_equal(0, pool_source_read(&source, path, NULL));
	assert_int_equal(0, pool_config_read(&settings, &diagnostics, &source, NULL));
	assert_int_equal(
		0, pool_snapshot_compile(snapshot, &settings, &salt, NULL, 1, NULL));
	pool_settings_release(&settings);
	pool_diagnostics_release(&diagnostics);
	pool_source_release(&source);
}

static int set_up(void **context)
{
	struct place *place = calloc(1, sizeof(*place));
	struct pool_now now;

	fixture_folder_make(place->folder, sizeof(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/pool.state", place->folder);
	snprintf(place->copy, sizeof(place->copy), "%s/copy.state", place->folder);
	compile(&place->snapshot);
	snprintf(place->path, sizeof(place->path), "%s/pool.state", data);
	place->bytes = fixture_read(place->path, &place->length);
	snprintf(place->path, sizeof(place->path), "%s/pool.state", place->folder);
	pool_clock_get(&now);
	place->bytes[CLOCK_ID_AT] ^= 1;
	memcpy(place->bytes + WALL_AT, &now.wall_s, sizeof(now.wall_s));
	fixture_write(place->path, place->bytes, place->length);
	*context = place;
	return 0;
}

static int tear_down(void **context)
{
	struct place *place = *context;

	fixture_folder_remove(place->folder);
	pool_snapshot_release(&place->snapshot);
	free(place->bytes);
	free(place);
	return 0;
}

/* --- what it holds ---------------------------------------------------------------- */

/* What is known of each proxy, in file order. */
static const struct {
	const char *name;
	bool disabled;
	uint32_t opened;
	uint64_t selections;
	uint32_t transitions;
	uint32_t down, reports_ok, reports_down;
	int64_t latency_us;
	uint32_t held;
} expected[] = {
	{"paris", true, 1, 2, 2, 1, 0, 0, 0, 0},
	{"rome", false, 1, 2, 1, 1, 1, 0, 44000, 1},
	{"tokyo", false, 1, 1, 2, 1, 0, 0, 0, 0},
	{"oslo", false, 1, 1, 1, 1, 3, 0, 108600, 0},
	{"lima", false, 1, 5, 1, 1, 1, 6, 300000, 1},
	{"127.0.0.1:5", false, 0, 0, 0, 0, 0, 0, 0, 0},
	{"127.0.0.1:11", false, 0, 1, 0, 0, 0, 0, 0, 0},
	{"127.0.0.1:12", true, 0, 1, 1, 0, 0, 0, 0, 0},
	{"127.0.0.1:13", false, 0, 1, 0, 0, 0, 0, 0, 1},
	{"127.0.0.1:21", false, 1, 1, 1, 1, 0, 0, 0, 0},
	{"127.0.0.1:22", false, 1, 0, 1, 1, 0, 0, 0, 0},
};

static void check_proxy(
	const struct place *place, const struct pool_state *state, uint32_t at)
{
	const struct pool_record *record = &state->records[at];

	assert_string_equal(expected[at].name,
		pool_snapshot_string(&place->snapshot, place->snapshot.members[at].name));
	assert_int_equal(expected[at].disabled, record->health.admin_disabled);
	assert_int_equal(expected[at].opened, record->health.opened);
	assert_int_equal(expected[at].selections, record->selections);
	assert_int_equal(expected[at].transitions, record->transition_count);
	assert_int_equal(expected[at].down, record->checks[POOL_VERDICT_DOWN]);
	assert_int_equal(expected[at].reports_ok, record->reports[POOL_VERDICT_OK]);
	assert_int_equal(expected[at].reports_down, record->reports[POOL_VERDICT_DOWN]);
	assert_int_equal(expected[at].latency_us, record->latency_us);
	assert_int_equal(expected[at].held, state->counts[at]);
	if (expected[at].disabled)
		assert_true(state->ready[at] == POOL_READY_NEVER);
	if (record->transition_count)
		assert_int_equal(POOL_STATUS_UNKNOWN, record->transitions[0].from);
}

static void check_pools(const struct pool_state *state)
{
	static const uint64_t selections[] = {11, 0, 3, 1};
	uint64_t strategies = 0, times = 0;

	for (size_t i = 0; i < SIZE(selections); i++)
		assert_int_equal(selections[i], state->leaves[i].selections);
	assert_int_equal(11, state->leaves[0].panics);
	assert_int_equal(11, state->leaves[0].strategies[POOL_STRATEGY_ROUND_ROBIN]);
	assert_int_equal(1, state->leaves[3].strategies[POOL_STRATEGY_STICKY]);
	for (size_t i = 0; i < POOL_STRATEGY_COUNTERS; i++)
		strategies += state->leaves[0].strategies[i];
	for (size_t i = 0; i < POOL_LATENCY_BUCKETS; i++)
		times += state->leaves[0].latency[i];
	assert_int_equal(11, strategies);
	assert_int_equal(11, times);
	/* The pool that is gone, should it come back. */
	assert_int_equal(1, state->image->former_count);
	assert_int_equal(1, state->leaves[4].selections);
}

/* All that <state>, locked and laid out, is to hold. */
static void check(const struct place *place, const struct pool_state *state)
{
	struct pool_fault fault = {0};
	struct pool_now now;

	pool_clock_get(&now);
	assert_false(state->was_corrupt);
	if (pool_state_examine(state, &place->snapshot, &fault) != 0)
		fail_msg("%s", fault.text);
	assert_int_equal(SIZE(expected), state->image->record_count);
	for (uint32_t at = 0; at < SIZE(expected); at++)
		check_proxy(place, state, at);
	check_pools(state);
	/* tokyo's ban */
	assert_in_range(state->records[2].health.cool_until_ns - now.boot_ns, 199000 * S,
		200000 * S);
	assert_int_equal(POOL_STATUS_COOLING,
		pool_health_status(&state->records[2].health, now.boot_ns));
	/* gone's, and that of the pool that is gone */
	assert_int_equal(2, state->image->orphan_count);
	assert_int_equal(1,
		state->records[SIZE(expected)].health.admin_disabled +
			state->records[SIZE(expected) + 1].health.admin_disabled);
	assert_int_equal(3, state->live->leases_used);
	assert_int_equal(1, state->live->leases_owned);
	assert_non_null(state->budgets);
	assert_int_equal(5, state->budgets[4].used[0]);
}

static struct pool_state *open_state(const struct place *place, const char *path)
{
	struct pool_state *state = NULL;
	struct pool_fault fault = {0};

	if (pool_state_open(&state, path, pool_file, &fault) != 0)
		fail_msg("%s", fault.text);
	fixture_lock(state, &place->snapshot);
	return state;
}

static void a_file_of_version_1_is_carried_over(void **context)
{
	struct place *place = *context;
	struct pool_state *state = open_state(place, place->path);

	check(place, state);
	assert_null(state->former);
	assert_int_equal(POOL_STATE_VERSION, *(uint32_t *)(void *)(state->map + 8));
	pool_state_free(state);
	/* Once: another process finds a file of ours. */
	state = open_state(place, place->path);
	check(place, state);
	pool_state_free(state);
}

static void a_copy_shows_it_and_leaves_the_file_alone(void **context)
{
	struct place *place = *context;
	struct pool_state *state = NULL;
	struct pool_fault fault = {0};
	struct pool_now now;
	size_t length;
	char *bytes;

	pool_clock_get(&now);
	assert_int_equal(
		0, pool_state_read(&state, place->path, pool_file, 1000, &fault));
	assert_int_equal(0, pool_state_follow(state, &place->snapshot, &now, &fault));
	check(place, state);
	pool_state_free(state);
	bytes = fixture_read(place->path, &length);
	assert_int_equal(place->length, length);
	assert_memory_equal(place->bytes, bytes, length);
	free(bytes);
}

/* Who may only read it selects by what it says. */
static void a_reader_uses_it_as_it_is(void **context)
{
	struct place *place = *context;
	struct pool_state *state = open_state(place, place->path);

	/* Of our clock, else it would have to be laid out anew. */
	memcpy(place->bytes + CLOCK_ID_AT, &state->live->clock_id, sizeof(uint64_t));
	pool_state_free(state);
	memcpy(place->bytes + IMAGE_AT, &place->snapshot.id, sizeof(uint64_t));
	{
		struct pool_state_root *root = (void *)(place->bytes + 64);

		root->checksum = pool_hash_64(NULL, place->bytes + IMAGE_AT, 96);
	}
	fixture_write(place->path, place->bytes, place->length);
	assert_int_equal(0, pool_state_open(&state, place->path, pool_file, NULL));
	state->writable = false;
	fixture_lock(state, &place->snapshot);
	assert_non_null(state->former);
	for (uint32_t at = 0; at < SIZE(expected); at++)
		check_proxy(place, state, at);
	pool_state_unlock(state);
	assert_null(state->former);
	pool_state_free(state);
}

static void one_of_another_pool_file_is_left_alone(void **context)
{
	struct place *place = *context;
	struct pool_state *state = NULL;

	assert_int_equal(0, pool_state_open(&state, place->path, "/etc/pool.json", NULL));
	assert_int_equal(POOL_EFOREIGN, pool_state_lock(state, 1000, NULL));
	pool_state_free(state);
}

/* --- damaged ---------------------------------------------------------------------- */

/* Refused, begun anew, or taken: nothing crashes, and what follows holds together. */
static void try_damaged(struct place *place, size_t length)
{
	struct pool_state *state = NULL;

	fixture_write(place->path, place->bytes, length);
	assert_int_equal(0, pool_state_open(&state, place->path, pool_file, NULL));
	if (pool_state_lock(state, 1000, NULL) == 0) {
		pool_state_unlock(state);
		fixture_lock(state, &place->snapshot);
		assert_int_equal(0, pool_state_verify(state, NULL));
	}
	pool_state_free(state);
	if (pool_state_read(&state, place->path, pool_file, 1000, NULL) == 0)
		pool_state_free(state);
}

static void damaged_ones_lead_nobody(void **context)
{
	static const uint64_t values[] = {0, 1, 63, 64, 10368, 10369, 1u << 31,
		UINT32_MAX, UINT64_MAX - 7, UINT64_MAX};
	struct place *place = *context;
	char *image = place->bytes + IMAGE_AT;
	struct pool_state_root *root = (void *)(place->bytes + 64);
	char good[176];

	memcpy(good, image, sizeof(good));
	for (size_t at = 16; at < 176; at += 4)
		for (size_t i = 0; i < SIZE(values); i++) {
			memcpy(image, good, sizeof(good));
			memcpy(image + at, &values[i], at % 8 ? 4 : 8);
			root->checksum = pool_hash_64(NULL, image, 96);
			try_damaged(place, place->length);
		}
	memcpy(image, good, sizeof(good));
	root->checksum = pool_hash_64(NULL, image, 96);
	for (size_t length = 0; length < place->length; length += 509)
		try_damaged(place, length);
}

/* --- killed ------------------------------------------------------------------------ */

static struct pool_state_undo *undo_of(char *bytes)
{
	return (void *)(bytes + POOL_STATE_UNDO_AT);
}

/* A selection that was cut off: its undo entry, and what it was about to change. */
static void leave_undone(struct place *place)
{
	struct pool_state_undo *undo = undo_of(place->bytes);
	struct pool_state_undo_entry *entry = (void *)(undo + 1);
	uint64_t records_at;
	char *record;

	memcpy(&records_at, place->bytes + RECORDS_AT, sizeof(records_at));
	record = place->bytes + IMAGE_AT + records_at + sizeof(struct pool_record);
	*entry = (struct pool_state_undo_entry){
		(uint64_t)(record - place->bytes), sizeof(struct pool_record)};
	memcpy(entry + 1, record, sizeof(struct pool_record));
	*undo = (struct pool_state_undo){1, sizeof(*entry) + sizeof(struct pool_record)};
	memset(record, 0xff, sizeof(struct pool_record));
	fixture_write(place->path, place->bytes, place->length);
}

/* What version 1 looks at is as it was, or as version 1 would have undone it itself. */
static void check_old(const struct place *place, const char *bytes, size_t length)
{
	struct pool_state_undo *was = undo_of(place->bytes);
	const struct pool_state_undo_entry *entry = (const void *)(was + 1);
	const uint64_t count = undo_of((char *)(uintptr_t)bytes)->count;
	char *image = malloc(IMAGE_SIZE), *expected_image = malloc(IMAGE_SIZE);

	assert_true(length >= place->length);
	assert_memory_equal(place->bytes, bytes, HEADER_SIZE);
	memcpy(image, bytes + IMAGE_AT, IMAGE_SIZE);
	memcpy(expected_image, place->bytes + IMAGE_AT, IMAGE_SIZE);
	if (was->count)
		memcpy(expected_image + entry->offset - IMAGE_AT, entry + 1,
			entry->length);
	if (count) {
		assert_memory_equal(
			was, bytes + POOL_STATE_UNDO_AT, sizeof(*was) + was->used);
		memcpy(image + entry->offset - IMAGE_AT, entry + 1, entry->length);
	}
	assert_memory_equal(expected_image, image, IMAGE_SIZE);
	free(image);
	free(expected_image);
}

/* The file as a process killed now leaves it. */
static void check_killed(const struct place *place, const char *bytes, size_t length)
{
	struct pool_state *state;
	uint32_t version;

	memcpy(&version, bytes + 8, sizeof(version));
	if (version == 1)
		check_old(place, bytes, length);
	else
		assert_int_equal(POOL_STATE_VERSION, version);
	fixture_write(place->copy, bytes, length);
	state = open_state(place, place->copy);
	check(place, state);
	pool_state_free(state);
}

static pid_t start_carrying(const struct place *place)
{
	pid_t child = fork();

	if (child == 0) {
		struct pool_state *state = NULL;
		struct pool_now now;

		pool_clock_get(&now);
		if (pool_state_open(&state, place->path, pool_file, NULL) != 0)
			_exit(1);
		fixture_await_steps();
		if (pool_state_lock(state, 1000, NULL) != 0 ||
			pool_state_follow(state, &place->snapshot, &now, NULL) != 0)
			_exit(1);
		pool_state_unlock(state);
		_exit(0);
	}
	return child;
}

enum { ROOM = 1 << 20 };

/* Step through the carrying over, and look at the file whenever it has changed. */
static void step_through(const struct place *place)
{
	char *before = calloc(1, ROOM), *bytes = calloc(1, ROOM);
	pid_t child = start_carrying(place);
	int fd = open(place->path, O_RDONLY | O_CLOEXEC), changes = 0, finished = 0;
	ssize_t length, length_before = 0;

	fixture_begin_steps(child);
	while (fixture_step(child)) {
		length = pread(fd, bytes, ROOM, 0);
		assert_in_range(length, 1, ROOM - 1);
		if (length == length_before && memcmp(bytes, before, (size_t)length) == 0)
			continue;
		memcpy(before, bytes, (size_t)length);
		length_before = length;
		check_killed(place, bytes, (size_t)length);
		changes++;
		finished += bytes[8] == POOL_STATE_VERSION;
	}
	/* It was many stores, and only the last of them finished it. */
	assert_true(changes > 100);
	assert_int_equal(1, finished);
	close(fd);
	free(before);
	free(bytes);
}

static void killed_at_any_store_it_is_corrupt_to_nobody(void **context)
{
	step_through(*context);
}

static void nor_with_an_update_that_was_cut_off(void **context)
{
	leave_undone(*context);
	step_through(*context);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_of_version_1_is_carried_over),
		TEST(a_copy_shows_it_and_leaves_the_file_alone),
		TEST(a_reader_uses_it_as_it_is),
		TEST(one_of_another_pool_file_is_left_alone),
		TEST(damaged_ones_lead_nobody),
		TEST(killed_at_any_store_it_is_corrupt_to_nobody),
		TEST(nor_with_an_update_that_was_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
