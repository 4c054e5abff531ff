/* The state file damaged, foreign, cut short, or left in the middle of an update. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"
#include "state/image.h"

#define S       POOL_NS_PER_S
#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct pool_hash_key salt = {{1, 2, 3}};

/* A good file with some history, kept to be damaged again and again. */
struct place {
	char folder[200];
	char path[256];
	char corrupt[280];
	struct pool_snapshot snapshot;
	struct pool_snapshot edited;
	char *bytes;
	size_t length;
};

static void make_history(struct pool_state *state)
{
	struct pool_now now;

	pool_clock_get(&now);
	for (uint32_t i = 0; i < 20; i++) {
		const struct pool_lease lease = {.id = i + 1,
			.record = i % 10,
			.owner_pid = i % 2 ? 1 : 0,
			.expires_ns = now.boot_ns + 1000 * S};

		pool_state_touch(state, state->leaves, sizeof(*state->leaves));
		pool_state_touch(state, &state->records[i % 10], sizeof(*state->records));
		state->leaves[0].selections++;
		state->leaves[0].cursor = (i + 1) % 10;
		state->records[i % 10].selections++;
		assert_int_equal(0, pool_lease_add(state, &lease));
		pool_state_settle(state, &now);
	}
}

static int set_up(void **context)
{
	static struct fixture_pool pools[2];
	struct place *place = calloc(1, sizeof(*place));
	struct pool_state *state;

	fixture_folder_make(place->folder, sizeof(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/pool.state", place->folder);
	snprintf(place->corrupt, sizeof(place->corrupt), "%s.corrupt", place->path);
	fixture_fill(&pools[0], "default.http", 10);
	fixture_fill(&pools[1], "exchanges.okx.http", 5);
	fixture_compile(&place->snapshot, pools, 2, &salt);
	fixture_fill(&pools[0], "default.http", 8);
	fixture_compile(&place->edited, pools, 2, &salt);
	state = fixture_state(place->path, &place->snapshot);
	make_history(state);
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

static void must_hold(const char *path, const char *expected, size_t length)
{
	size_t found;
	char *bytes = fixture_read(path, &found);

	assert_int_equal(length, found);
	assert_memory_equal(expected, bytes, length);
	free(bytes);
}

/* Behind a line that says what it is. */
static void must_be_kept(const char *path, const char *expected, size_t length)
{
	size_t found;
	char *bytes = fixture_read(path, &found);
	const char *line = memchr(bytes, '\n', found);

	assert_non_null(line);
	assert_memory_equal("proxypool: ", bytes, strlen("proxypool: "));
	assert_int_equal(length, (size_t)(bytes + found - (line + 1)));
	assert_memory_equal(expected, line + 1, length);
	free(bytes);
}

static void must_verify(const struct pool_state *state)
{
	struct pool_fault fault = {0};

	if (pool_state_verify(state, &fault) != 0)
		fail_msg("%s", fault.text);
}

/* --- not ours ------------------------------------------------------------------- */

/* Refused with <expected>, untouched, and no copy made. */
static void must_be_left_alone(
	const struct place *place, const char *bytes, size_t length, int expected)
{
	struct pool_state *state = NULL;
	struct pool_fault fault = {0};

	fixture_write(place->path, bytes, length);
	assert_int_equal(
		0, pool_state_open(&state, place->path, "/etc/pool.json", &fault));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(expected, pool_state_lock(state, 1000, &fault));
		assert_int_equal(expected, fault.code);
		assert_non_null(strstr(fault.text, place->path));
		assert_false(state->locked);
	}
	pool_state_free(state);
	must_hold(place->path, bytes, length);
	assert_int_equal(-1, access(place->corrupt, F_OK));
}

static void test_foreign_files(void **context)
{
	struct place *place = *context;
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{"x", 1},
		{"{\"proxies\": []}\n", 16},
		{"\0\0\0", 3},
		{"\0\0\0\0\0\0\0\0precious", 16},
		{"pplstatf", 8},
		{"PPLSTATE", 8},
	};
	char *large = malloc(100000);

	for (size_t i = 0; i < SIZE(cases); i++)
		must_be_left_alone(place, cases[i].bytes, cases[i].length, POOL_EFORMAT);
	memset(large, 'x', 100000);
	must_be_left_alone(place, large, 100000, POOL_EFORMAT);
	memset(large, 0, 8);
	must_be_left_alone(place, large, 100000, POOL_EFORMAT);
	free(large);
}

/* A header of any version from 2 on, made whole again. */
static void seal_header(struct pool_state_header *header)
{
	struct pool_state_form *form = &header->forms[header->version % 2];
	const uint64_t parts[] = {header->version, form->layout,
		pool_hash_64(NULL, header->file, strlen(header->file))};

	form->checksum = pool_hash_64(NULL, parts, sizeof(parts));
}

/* What is said of a file that is left alone. */
static void must_say(const struct place *place, const char *expected)
{
	struct pool_state *state = NULL;
	struct pool_fault fault = {0};

	assert_int_equal(0, pool_state_open(&state, place->path, "/etc/pool.json", NULL));
	assert_int_equal(POOL_EFORMAT, pool_state_lock(state, 1000, &fault));
	pool_state_free(state);
	if (!strstr(fault.text, expected))
		fail_msg("'%s' does not say '%s'", fault.text, expected);
}

static void test_later_version(void **context)
{
	static const uint32_t versions[] = {3, 4, 77, UINT32_MAX};
	struct place *place = *context;
	struct pool_state_header *header = (void *)place->bytes;

	for (size_t i = 0; i < SIZE(versions); i++) {
		header->version = versions[i];
		header->forms[header->version % 2].layout = i;
		seal_header(header);
		must_be_left_alone(place, place->bytes, place->length, POOL_EFORMAT);
		must_say(place, "update proxypool");
	}
}

static void test_other_layout(void **context)
{
	struct place *place = *context;
	struct pool_state_header *header = (void *)place->bytes;

	header->forms[POOL_STATE_FORM].layout++;
	seal_header(header);
	must_be_left_alone(place, place->bytes, place->length, POOL_EFORMAT);
	must_say(place, "the layout of another build");
}

/* A version that the rest of the header does not bear out. */
static void test_broken_version(void **context)
{
	static const uint32_t versions[] = {0, 3, 77, UINT32_MAX};
	struct place *place = *context;
	struct pool_state_header *header = (void *)place->bytes;

	for (size_t i = 0; i < SIZE(versions); i++) {
		header->version = versions[i];
		must_be_left_alone(place, place->bytes, place->length, POOL_EFORMAT);
		must_say(place, "a broken header: '");
		must_say(place,
			"is not a state file: left alone ('pool-status --repair -s /");
	}
}

static void test_other_magic(void **context)
{
	struct place *place = *context;

	for (size_t i = 0; i < 8; i++) {
		place->bytes[i] ^= 0x20;
		must_be_left_alone(place, place->bytes, place->length, POOL_EFORMAT);
		place->bytes[i] ^= 0x20;
	}
}

static void test_other_pool_file(void **context)
{
	struct place *place = *context;
	struct pool_state *state = NULL;
	struct pool_fault fault = {0};

	assert_int_equal(
		0, pool_state_open(&state, place->path, "/etc/other.json", &fault));
	assert_int_equal(POOL_EFOREIGN, pool_state_lock(state, 1000, &fault));
	assert_non_null(strstr(fault.text, "/etc/pool.json"));
	pool_state_free(state);
	must_hold(place->path, place->bytes, place->length);
}

/* --- damaged -------------------------------------------------------------------- */

/* Everything that reads or changes the file. */
static void use(struct pool_state *state, const struct place *place)
{
	struct pool_owner owners[8];
	struct pool_now now;
	struct pool_lease_walk walk = {3, UINT32_MAX};

	pool_clock_get(&now);
	for (uint32_t i = 0; i < 70; i++) {
		const struct pool_lease lease = {.id = 5000 + i, .record = i % 10};

		if (state->live->leases_used >= state->image->lease_capacity)
			assert_int_equal(0,
				pool_state_grow_leases(state, &place->snapshot, &now,
					state->image->lease_capacity * 2, NULL));
		if (pool_lease_add(state, &lease) == 0)
			pool_state_settle(state, &now);
	}
	for (uint32_t i = 0; i < place->snapshot.member_count; i++)
		pool_health_status(&state->records[i].health, now.boot_ns);
	pool_lease_owners(state, &walk, owners, SIZE(owners));
	now.boot_ns += 2000 * S;
	pool_lease_expire(state, &now);
	pool_state_verify(state, NULL);
}

enum outcome { REFUSED, REBUILT, ACCEPTED };

/*
 * Open the damaged file: refused and untouched; or rebuilt, with a copy, and whole; or
 * taken as it is. Whatever it is, nothing crashes, then or in the edits that follow.
 */
static enum outcome try_damaged(
	const struct place *place, const char *bytes, size_t length)
{
	struct pool_state *state = NULL;
	enum outcome outcome;

	unlink(place->corrupt);
	fixture_write(place->path, bytes, length);
	assert_int_equal(0, pool_state_open(&state, place->path, "/etc/pool.json", NULL));
	if (pool_state_lock(state, 1000, NULL) != 0) {
		pool_state_free(state);
		must_hold(place->path, bytes, length);
		assert_int_equal(-1, access(place->corrupt, F_OK));
		return REFUSED;
	}
	outcome = state->was_corrupt ? REBUILT : ACCEPTED;
	pool_state_unlock(state);
	fixture_lock(state, &place->snapshot);
	if (outcome == REBUILT) {
		must_be_kept(place->corrupt, bytes, length);
		must_verify(state);
		assert_int_equal(0, state->leaves[0].selections);
	}
	use(state, place);
	pool_state_unlock(state);
	fixture_lock(state, &place->edited);
	use(state, place);
	pool_state_unlock(state);
	fixture_lock(state, &place->snapshot);
	pool_state_free(state);
	return outcome;
}

/* The path is what the checksum is for: another pool file's is not told of by a byte. */
static void test_damaged_path(void **context)
{
	struct place *place = *context;
	struct pool_state_header *header = (void *)place->bytes;

	header->file[3] ^= 1;
	assert_int_equal(REBUILT, try_damaged(place, place->bytes, place->length));
}

static void test_cut_short(void **context)
{
	struct place *place = *context;
	const size_t lengths[] = {1, 7, 8, 9, 100, 4095, 4096, 4097, 16383, 16384, 16385,
		16384 + 128, place->length / 2, place->length - 1};

	for (size_t i = 0; i < SIZE(lengths); i++) {
		assert_int_equal(REBUILT, try_damaged(place, place->bytes, lengths[i]));
		assert_int_equal(REBUILT, try_damaged(place, place->bytes, lengths[i]));
	}
	/* Of nothing there is nothing to keep. */
	assert_int_equal(ACCEPTED, try_damaged(place, place->bytes, 0));
	assert_int_equal(-1, access(place->corrupt, F_OK));
}

static void test_cut_anywhere(void **context)
{
	struct place *place = *context;
	struct pool_random random = {31};

	for (int i = 0; i < 200; i++) {
		size_t length = 1 + pool_random_below(&random, place->length - 1);

		assert_int_equal(REBUILT, try_damaged(place, place->bytes, length));
	}
}

static void test_longer_is_no_damage(void **context)
{
	struct place *place = *context;
	char *bytes = calloc(1, place->length + 5000);

	memcpy(bytes, place->bytes, place->length);
	assert_int_equal(ACCEPTED, try_damaged(place, bytes, place->length + 5000));
	free(bytes);
}

/* 1,000 flipped bytes, one at a time, anywhere; and 1,000 in the header and the image's.
 */
static void test_flipped_bytes(void **context)
{
	struct place *place = *context;
	struct pool_random random = {32};
	unsigned counts[3] = {0};

	for (int i = 0; i < 2000; i++) {
		uint64_t in = pool_random_below(&random, 2);
		size_t at = i < 1000 ? pool_random_below(&random, place->length)
			: in         ? pool_random_below(&random, 200)
			     : POOL_STATE_IMAGES_AT + pool_random_below(&random, 1024);
		char flip = (char)(1 + pool_random_below(&random, 255));

		place->bytes[at] ^= flip;
		counts[try_damaged(place, place->bytes, place->length)]++;
		place->bytes[at] ^= flip;
	}
	assert_true(counts[REFUSED] && counts[REBUILT] && counts[ACCEPTED]);
}

/* Whole pages that never reached the disk. */
static void test_lost_pages(void **context)
{
	struct place *place = *context;
	char *bytes = malloc(place->length);

	for (size_t page = 0; page < place->length / 4096; page++) {
		enum outcome outcome;

		memcpy(bytes, place->bytes, place->length);
		memset(bytes + page * 4096, 0, 4096);
		outcome = try_damaged(place, bytes, place->length);
		if (page * 4096 == POOL_STATE_IMAGES_AT)
			assert_int_equal(REBUILT, outcome);
	}
	free(bytes);
}

/* What the checksums do not cover leads nobody: the snapshot's numbers are used. */
static void test_ranges_of_pools(void **context)
{
	static const struct {
		uint32_t first, count;
	} cases[] = {{0, 11 + 5}, {15, 1}, {16, 0}, {UINT32_MAX, 1}, {1, UINT32_MAX},
		{UINT32_MAX, UINT32_MAX}, {1000000, 10}};
	struct place *place = *context;
	const struct pool_state_root *root = pool_image_root((const void *)place->bytes);
	const struct pool_state_image *image =
		(const void *)(place->bytes + root->offset);
	struct pool_state_leaf *leaf =
		(void *)(place->bytes + root->offset + image->leaves_at);

	for (size_t i = 0; i < SIZE(cases); i++) {
		const struct pool_state_leaf good = *leaf;

		leaf->first_record = cases[i].first;
		leaf->record_count = cases[i].count;
		assert_int_equal(
			ACCEPTED, try_damaged(place, place->bytes, place->length));
		*leaf = good;
	}
}

static void test_corruption_is_counted(void **context)
{
	struct place *place = *context;
	struct pool_state *state = NULL;

	for (uint32_t i = 1; i <= 3; i++) {
		state = fixture_state(place->path, &place->snapshot);
		assert_int_equal(i - 1, state->header->forms[POOL_STATE_FORM].rebuilt);
		state->live->leaf_count ^= 1;
		pool_state_free(state);
	}
}

/* A record of a lease that does not exist is dropped, not followed. */
static void test_lease_of_no_record(void **context)
{
	struct place *place = *context;
	struct pool_state *state = fixture_state(place->path, &place->snapshot);
	struct pool_now now;

	pool_clock_get(&now);
	state->leases[0].record = UINT32_MAX;
	state->leases[1].record = 15;
	now.boot_ns += 2000 * S;
	pool_lease_expire(state, &now);
	assert_int_equal(POOL_EFORMAT, pool_state_verify(state, NULL));
	pool_state_recount(state);
	must_verify(state);
	assert_int_equal(0, state->live->leases_used);
	pool_state_free(state);
}

/* A number that a later build has appended is no damage; one without room is. */
static void test_reasons_of_a_later_build(void **context)
{
	struct place *place = *context;
	struct pool_state *state = fixture_state(place->path, &place->snapshot);
	struct pool_health *health = &state->records[0].health;

	health->last_reason = health->open_reason = POOL_REASON_ROOM - 1;
	must_verify(state);
	assert_string_equal("none", pool_reason_get(health->last_reason)->name);
	health->last_reason = POOL_REASON_ROOM;
	assert_int_equal(POOL_EFORMAT, pool_state_verify(state, NULL));
	pool_state_free(state);
}

/* Of another clock, and of no time there ever was. */
static void test_times_that_cannot_be(void **context)
{
	static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX};
	struct place *place = *context;

	for (size_t i = 0; i < SIZE(times) * SIZE(times) * SIZE(times); i++) {
		struct pool_state *state;
		struct pool_now now;

		fixture_write(place->path, place->bytes, place->length);
		state = fixture_state(place->path, &place->snapshot);
		state->live->clock_id ^= 1;
		state->live->written_boot_ns = times[i % SIZE(times)];
		state->live->written_wall_s = times[i / SIZE(times) % SIZE(times)];
		state->live->owners_ns = times[i % SIZE(times)];
		for (uint32_t at = 0; at < 10; at++) {
			struct pool_health *health = &state->records[at].health;

			health->open_until_ns = health->cool_until_ns =
				health->changed_ns = state->records[at].removed_ns =
					state->leases[at].began_ns = state->leases[at]
									     .expires_ns =
						times[i / SIZE(times) / SIZE(times)];
			health->opened = 1;
		}
		pool_state_unlock(state);
		fixture_lock(state, &place->snapshot);
		pool_clock_get(&now);
		for (uint32_t at = 0; at < 10; at++) {
			assert_true(state->records[at].health.open_until_ns <=
				now.boot_ns + 300 * S);
			assert_true(state->leases[at].expires_ns <=
				now.boot_ns + INT64_C(2592000) * S);
		}
		pool_state_free(state);
	}
}

/* A table of no size grows all the same. */
static void test_no_room_for_leases(void **context)
{
	struct place *place = *context;
	struct pool_state *state = fixture_state(place->path, &place->snapshot);
	struct pool_now now;

	pool_clock_get(&now);
	state->own_image.lease_capacity = 0;
	assert_int_equal(
		0, pool_state_grow_leases(state, &place->snapshot, &now, 100, NULL));
	assert_true(state->image->lease_capacity >= 100);
	pool_state_free(state);
}

static void test_damaged_and_read_only(void **context)
{
	struct place *place = *context;
	pid_t child;
	int status;

	if (geteuid() != 0)
		skip();
	fixture_write(place->path, place->bytes, place->length / 2);
	assert_int_equal(0, chmod(place->folder, 0755));
	assert_int_equal(0, chmod(place->path, 0644));
	child = fork();
	if (child == 0) {
		struct pool_state *state = NULL;

		if (setgid(65534) != 0 || setuid(65534) != 0 ||
			pool_state_open(&state, place->path, "/etc/pool.json", NULL) != 0)
			_exit(99);
		_exit(-pool_state_lock(state, 1000, NULL));
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(-POOL_EFORMAT, WEXITSTATUS(status));
	must_hold(place->path, place->bytes, place->length / 2);
}

/* --- killed in the middle ------------------------------------------------------- */

/* An update of several parts; <steps> of them are done before the end comes. */
static void update_partly(struct pool_state *state, unsigned steps)
{
	const struct pool_lease lease = {.id = 99, .record = 2, .owner_pid = 1};
	struct pool_now now;
	unsigned step = 0;

	pool_clock_get(&now);
#define STEP(statement)              \
	do {                         \
		if (step++ == steps) \
			_exit(0);    \
		statement;           \
	} while (0)
	STEP(pool_state_touch(state, state->leaves, sizeof(*state->leaves)));
	STEP(state->leaves[0].selections++);
	STEP(pool_state_touch(state, &state->records[2], sizeof(*state->records)));
	STEP(state->records[2].selections++);
	STEP(state->records[2].health.opened = 1);
	STEP(pool_state_touch(state, &state->ready[2], sizeof(*state->ready)));
	STEP(state->ready[2] = POOL_READY_NEVER);
	/* Touched twice: the oldest bytes are those to go back to. */
	STEP(pool_state_touch(state, &state->records[2], sizeof(*state->records)));
	STEP(memset(&state->records[2], 0xff, sizeof(*state->records)));
	STEP(pool_lease_add(state, &lease));
	STEP(memset(state->leaves[0].latency, 0xff, sizeof(state->leaves[0].latency)));
	STEP(memcpy(&state->records[2].selections, &(uint64_t){3}, sizeof(uint64_t)));
	STEP(state->counts[2] = 77);
	STEP(pool_state_settle(state, &now));
	STEP((void)0);
#undef STEP
}

enum { UPDATE_STEPS = 14 };

static void die_after(const struct place *place, unsigned steps)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct pool_state *state = NULL;

		if (pool_state_open(&state, place->path, "/etc/pool.json", NULL) != 0 ||
			pool_state_lock(state, 1000, NULL) != 0)
			_exit(1);
		update_partly(state, steps);
		_exit(2);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_int_equal(0, status);
}

static void test_killed_between_any_two_stores(void **context)
{
	struct place *place = *context;

	for (unsigned steps = 0; steps < UPDATE_STEPS; steps++) {
		struct pool_state *state;
		struct pool_state_leaf leaf;
		struct pool_record record;

		fixture_write(place->path, place->bytes, place->length);
		state = fixture_state(place->path, &place->snapshot);
		leaf = state->leaves[0];
		record = state->records[2];
		pool_state_unlock(state);
		die_after(place, steps);
		/* Seen by a process that had it mapped, and by one that opens it. */
		for (int again = 0; again < 2; again++) {
			if (!again)
				fixture_lock(state, &place->snapshot);
			else
				state = fixture_state(place->path, &place->snapshot);
			assert_memory_equal(&leaf, &state->leaves[0], sizeof(leaf));
			assert_memory_equal(&record, &state->records[2], sizeof(record));
			assert_int_equal(0, state->ready[2]);
			assert_int_equal(2, state->counts[2]);
			assert_int_equal(20, state->live->leases_used);
			assert_false(state->was_corrupt);
			must_verify(state);
			pool_state_free(state);
		}
	}
}

/* What was settled stays. */
static void test_settled_stays(void **context)
{
	struct place *place = *context;
	struct pool_state *state;

	die_after(place, UPDATE_STEPS);
	state = fixture_state(place->path, &place->snapshot);
	assert_int_equal(21, state->leaves[0].selections);
	assert_int_equal(UINT64_MAX, state->leaves[0].latency[0]);
	assert_int_equal(3, state->records[2].selections);
	pool_state_free(state);
}

/* Nothing that a damaged undo slot says may reach outside the file, or into its header.
 */
static void test_damaged_undo_slot(void **context)
{
	struct place *place = *context;
	struct pool_state_undo *undo = (void *)(place->bytes + POOL_STATE_UNDO_AT);
	struct pool_state_undo_entry *entry = (void *)(undo + 1);
	struct pool_random random = {33};

	for (int i = 0; i < 1000; i++) {
		char *at = (char *)undo;

		for (int n = 0; n < 200; n++)
			at[n] = (char)pool_random_next(&random);
		undo->count = pool_random_below(&random, 4)
			? pool_random_below(&random, 5)
			: pool_random_next(&random);
		entry->offset = pool_random_below(&random, place->length + 100);
		entry->length = pool_random_below(&random, 2000);
		try_damaged(place, place->bytes, place->length);
	}
	undo->count = 1;
	*entry = (struct pool_state_undo_entry){0, 8};
	memset(entry + 1, 0, 8);
	assert_int_equal(ACCEPTED, try_damaged(place, place->bytes, place->length));
}

/* --- killed while it is made ---------------------------------------------------- */

/*
 * A file is unfinished until it is whole. Whatever a killed process has left in it by
 * then, the next one starts over: there is nothing to be lost, and nothing to be kept.
 */
static void test_killed_while_it_is_made(void **context)
{
	struct place *place = *context;
	const uint64_t unfinished = POOL_STATE_UNFINISHED;
	const size_t lengths[] = {8, 9, 4096, 16384, 16384 + 4096, place->length};
	char *zeroes = calloc(1, place->length);

	/* Allocated, and nothing stored. */
	for (size_t i = 0; i < SIZE(lengths); i++)
		assert_int_equal(ACCEPTED, try_damaged(place, zeroes, lengths[i]));
	/* Begun, and part of the rest stored: of a new file, or over a corrupt one. */
	for (size_t i = 0; i < SIZE(lengths); i++)
		for (size_t part = 8; part <= lengths[i]; part = part * 3 / 2) {
			memset(zeroes, 0, place->length);
			memcpy(zeroes, place->bytes, part);
			memcpy(zeroes, &unfinished, sizeof(unfinished));
			assert_int_equal(
				ACCEPTED, try_damaged(place, zeroes, lengths[i]));
			memset(zeroes, 0xff, place->length);
			memcpy(zeroes, &unfinished, sizeof(unfinished));
			assert_int_equal(
				ACCEPTED, try_damaged(place, zeroes, lengths[i]));
		}
	free(zeroes);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_foreign_files),
		CASE(test_later_version),
		CASE(test_other_layout),
		CASE(test_broken_version),
		CASE(test_other_magic),
		CASE(test_other_pool_file),
		CASE(test_damaged_path),
		CASE(test_cut_short),
		CASE(test_cut_anywhere),
		CASE(test_longer_is_no_damage),
		CASE(test_flipped_bytes),
		CASE(test_lost_pages),
		CASE(test_ranges_of_pools),
		CASE(test_corruption_is_counted),
		CASE(test_lease_of_no_record),
		CASE(test_reasons_of_a_later_build),
		CASE(test_times_that_cannot_be),
		CASE(test_no_room_for_leases),
		CASE(test_damaged_and_read_only),
		CASE(test_killed_between_any_two_stores),
		CASE(test_settled_stays),
		CASE(test_damaged_undo_slot),
		CASE(test_killed_while_it_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
