/* The state file as it is made, laid out anew, moved to another clock, and kept from. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"

#define S       POOL_NS_PER_S
#define HOUR    (3600 * S)
#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct pool_hash_key salt = {{1, 2, 3}};

struct place {
	char folder[200];
	char path[256];
};

static int set_up(void **context)
{
	struct place *place = calloc(1, sizeof(*place));

	fixture_folder_make(place->folder, sizeof(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/pool.state", place->folder);
	*context = place;
	return 0;
}

static int tear_down(void **context)
{
	struct place *place = *context;

	fixture_folder_remove(place->folder);
	free(place);
	return 0;
}

static void must_verify(const struct pool_state *state)
{
	struct pool_fault fault = {0};

	if (pool_state_verify(state, &fault) != 0)
		fail_msg("%s", fault.text);
}

/* A selection of member <at>, as choose.c accounts for it. */
static void count_selection(struct pool_state *state, uint32_t leaf, uint32_t at)
{
	struct pool_now now;

	pool_clock_get(&now);
	pool_state_touch(state, &state->leaves[leaf], sizeof(*state->leaves));
	pool_state_touch(state, &state->records[at], sizeof(*state->records));
	state->leaves[leaf].selections++;
	state->records[at].selections++;
	pool_state_settle(state, &now);
}

static void add_lease(
	struct pool_state *state, uint64_t id, uint32_t record, int64_t expires_ns)
{
	const struct pool_lease lease = {
		.id = id, .record = record, .owner_pid = 1, .expires_ns = expires_ns};
	struct pool_now now;

	pool_clock_get(&now);
	assert_int_equal(0, pool_lease_add(state, &lease));
	pool_state_settle(state, &now);
}

/* --- made ----------------------------------------------------------------------- */

static mode_t mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(0, stat(path, &status));
	return status.st_mode & 07777;
}

static void test_made_for_its_owner_alone(void **context)
{
	struct place *place = *context;
	struct pool_state *state = NULL;
	mode_t before = umask(0);

	assert_int_equal(0, pool_state_open(&state, place->path, "/etc/pool.json", NULL));
	umask(before);
	assert_int_equal(0600, mode_of(place->path));
	pool_state_free(state);
}

static void test_made_for_the_group_in_a_shared_folder(void **context)
{
	struct place *place = *context;
	struct pool_state *state = NULL;
	mode_t before = umask(077);

	if (geteuid() != 0)
		skip();
	assert_int_equal(0, chmod(place->folder, 03770));
	assert_int_equal(0, pool_state_open(&state, place->path, "/etc/pool.json", NULL));
	umask(before);
	assert_int_equal(0660, mode_of(place->path));
	pool_state_free(state);
}

static void test_header_says_what_it_is(void **context)
{
	struct place *place = *context;
	static struct fixture_pool pool;
	struct pool_snapshot snapshot;
	struct pool_state *state;

	fixture_fill(&pool, "default.http", 3);
	fixture_compile(&snapshot, &pool, 1, &salt);
	state = fixture_state(place->path, &snapshot);
	assert_string_equal("/etc/pool.json", state->header->file);
	assert_int_equal(POOL_STATE_MAGIC, state->header->magic);
	assert_memory_equal("pplstate", state->map, 8);
	assert_int_equal(POOL_STATE_VERSION, state->header->version);
	assert_int_equal(snapshot.id, state->image->snapshot_id);
	assert_int_equal(3, state->image->record_count);
	for (uint32_t i = 0; i < 3; i++) {
		assert_memory_equal(&snapshot.members[i].identity,
			&state->records[i].identity, sizeof(struct pool_hash));
		assert_int_equal(1000000, state->weights[i]);
		assert_int_equal(0, state->ready[i]);
	}
	must_verify(state);
	pool_state_free(state);
	pool_snapshot_release(&snapshot);
}

static void test_no_secret_inside(void **context)
{
	struct place *place = *context;
	const struct fixture_pool pool = {
		"default.http", 1, {{.url = "http://walter:tr0ub4dor@127.0.0.1:8080"}}};
	struct pool_snapshot snapshot;
	struct pool_state *state;
	size_t length;
	char *bytes;

	fixture_compile(&snapshot, &pool, 1, &salt);
	state = fixture_state(place->path, &snapshot);
	pool_state_free(state);
	bytes = fixture_read(place->path, &length);
	assert_null(memmem(bytes, length, "walter", 6));
	assert_null(memmem(bytes, length, "tr0ub4dor", 9));
	assert_null(memmem(bytes, length, "127.0.0.1", 9));
	free(bytes);
	pool_snapshot_release(&snapshot);
}

/* Opened again by whoever comes next, it is the same. */
static void test_reopened(void **context)
{
	struct place *place = *context;
	static struct fixture_pool pool;
	struct pool_snapshot snapshot;
	struct pool_state *state;

	fixture_fill(&pool, "default.http", 5);
	fixture_compile(&snapshot, &pool, 1, &salt);
	state = fixture_state(place->path, &snapshot);
	count_selection(state, 0, 3);
	state->leaves[0].cursor = 4;
	pool_state_free(state);
	state = fixture_state(place->path, &snapshot);
	assert_int_equal(1, state->image->generation);
	assert_int_equal(1, state->records[3].selections);
	assert_int_equal(4, state->leaves[0].cursor);
	assert_false(state->was_corrupt);
	must_verify(state);
	pool_state_free(state);
	pool_snapshot_release(&snapshot);
}

/* --- laid out anew -------------------------------------------------------------- */

/* An edit: members of before (as letters), members of after, and where the cursor goes.
 */
static void test_edits_carry_records(void **context)
{
	static const struct {
		const char *before, *after;
		uint64_t cursor, expected;
	} cases[] = {
		{"abcd", "abcd", 2, 2},
		{"abcd", "dcba", 2, 1}, /* c is next, wherever it stands */
		{"abcd", "abxcd", 2, 3},
		{"abcd", "xabcd", 0, 1},
		{"abcd", "abd", 2, 2}, /* c is gone: d is next */
		{"abcd", "abc", 3, 0}, /* the last is gone: from the front */
		{"abcd", "cd", 0, 0},
		{"abcd", "xyz", 1, 0},
		{"a", "abcdefgh", 0, 0},
		{"abcdefgh", "h", 3, 0},
	};
	struct place *place = *context;

	for (size_t i = 0; i < SIZE(cases); i++) {
		struct fixture_pool pools[2] = {
			{.where = "default.http"}, {.where = "default.http"}};
		const char *texts[2] = {cases[i].before, cases[i].after};
		static char urls[2][16][32];
		struct pool_snapshot snapshots[2];
		struct pool_state *state;

		for (int n = 0; n < 2; n++) {
			for (const char *at = texts[n]; *at; at++) {
				snprintf(urls[n][at - texts[n]], 32, "socks5://%c.test:1",
					*at);
				pools[n].members[pools[n].count++].url =
					urls[n][at - texts[n]];
			}
			fixture_compile(&snapshots[n], &pools[n], 1, &salt);
		}
		unlink(place->path);
		state = fixture_state(place->path, &snapshots[0]);
		for (uint32_t at = 0; at < pools[0].count; at++)
			for (uint32_t n = 0; n <= at; n++)
				count_selection(state, 0, at);
		state->leaves[0].cursor = cases[i].cursor;
		add_lease(state, 77, pools[0].count - 1, 0);
		pool_state_unlock(state);
		fixture_lock(state, &snapshots[1]);
		for (uint32_t at = 0; at < pools[1].count; at++) {
			const char *was = strchr(cases[i].before, cases[i].after[at]);

			assert_int_equal(was ? was - cases[i].before + 1 : 0,
				state->records[at].selections);
			assert_int_equal(was && !was[1], state->counts[at]);
			assert_int_equal(0, state->records[at].removed_ns);
		}
		assert_int_equal(cases[i].expected, state->leaves[0].cursor);
		assert_int_equal(1, state->live->leases_used);
		must_verify(state);
		pool_state_free(state);
		pool_snapshot_release(&snapshots[0]);
		pool_snapshot_release(&snapshots[1]);
	}
}

/* A new name or weight is no new proxy; a new password is. */
static void test_what_an_identity_is(void **context)
{
	struct place *place = *context;
	struct fixture_pool before = {"default.http", 2,
		{{.url = "http://u:one@a.test:1", .weight = 1},
			{.url = "http://b.test:1"}}};
	struct fixture_pool after = {"default.http", 2,
		{{.url = "http://u:two@a.test:1", .weight = 1},
			{.url = "http://B.TEST:1", .weight = 7}}};
	struct pool_snapshot first, second;
	struct pool_state *state;

	fixture_compile(&first, &before, 1, &salt);
	fixture_compile(&second, &after, 1, &salt);
	state = fixture_state(place->path, &first);
	count_selection(state, 0, 0);
	count_selection(state, 0, 1);
	pool_state_unlock(state);
	fixture_lock(state, &second);
	assert_int_equal(0, state->records[0].selections);
	assert_int_equal(1, state->records[1].selections);
	assert_int_equal(7000000, state->weights[1]);
	must_verify(state);
	pool_state_free(state);
	pool_snapshot_release(&first);
	pool_snapshot_release(&second);
}

static void test_disabled_in_the_file(void **context)
{
	struct place *place = *context;
	struct fixture_pool pool = {"default.http", 2,
		{{.url = "http://a.test:1", .disabled = true},
			{.url = "http://b.test:1"}}};
	struct pool_snapshot first, second;
	struct pool_state *state;

	fixture_compile(&first, &pool, 1, &salt);
	pool.members[0].disabled = false;
	pool.members[1].max_connections = 3;
	fixture_compile(&second, &pool, 1, &salt);
	state = fixture_state(place->path, &first);
	assert_int_equal(POOL_READY_NEVER, state->ready[0]);
	pool_state_unlock(state);
	fixture_lock(state, &second);
	assert_int_equal(0, state->ready[0]);
	assert_int_equal(POOL_READY_LIMITED, state->ready[1]);
	pool_state_free(state);
	pool_snapshot_release(&first);
	pool_snapshot_release(&second);
}

/* Follow <snapshot> as if it were <after_ns> later. */
static void follow_later(
	struct pool_state *state, const struct pool_snapshot *snapshot, int64_t after_ns)
{
	struct pool_now now;

	pool_clock_get(&now);
	now.boot_ns += after_ns;
	now.wall_s += after_ns / S;
	assert_int_equal(0, pool_state_follow(state, snapshot, &now, NULL));
}

/* A rolled-back edit finds its history again within a day, not after. */
static void test_orphans_come_back_for_a_day(void **context)
{
	static const struct {
		int64_t after_ns;
		bool back;
	} cases[] = {{0, true}, {HOUR, true}, {24 * HOUR - 60 * S, true},
		{24 * HOUR + 60 * S, false}, {1000 * HOUR, false}};
	struct place *place = *context;
	static struct fixture_pool both, one;
	struct pool_snapshot with, without;

	fixture_fill(&both, "default.http", 2);
	fixture_fill(&one, "default.http", 1);
	fixture_compile(&with, &both, 1, &salt);
	fixture_compile(&without, &one, 1, &salt);
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_state *state;

		unlink(place->path);
		state = fixture_state(place->path, &with);
		count_selection(state, 0, 1);
		follow_later(state, &without, 0);
		assert_int_equal(1, state->image->orphan_count);
		assert_true(state->records[1].removed_ns != 0);
		must_verify(state);
		follow_later(state, &with, cases[i].after_ns);
		assert_int_equal(cases[i].back, state->records[1].selections);
		assert_int_equal(0, state->image->orphan_count);
		must_verify(state);
		pool_state_free(state);
	}
	pool_snapshot_release(&with);
	pool_snapshot_release(&without);
}

/* Another edit in between keeps an orphan, and does not start its day anew. */
static void test_orphans_age(void **context)
{
	struct place *place = *context;
	static struct fixture_pool pools[3];
	struct pool_snapshot three, two, one;
	struct pool_state *state;

	fixture_fill(&pools[0], "default.http", 3);
	fixture_fill(&pools[1], "default.http", 2);
	fixture_fill(&pools[2], "default.http", 1);
	fixture_compile(&three, &pools[0], 1, &salt);
	fixture_compile(&two, &pools[1], 1, &salt);
	fixture_compile(&one, &pools[2], 1, &salt);
	state = fixture_state(place->path, &three);
	for (uint32_t i = 0; i < 3; i++)
		count_selection(state, 0, i);
	follow_later(state, &two, 0);
	follow_later(state, &one, 20 * HOUR);
	assert_int_equal(2, state->image->orphan_count);
	follow_later(state, &two, 30 * HOUR);
	assert_int_equal(0, state->image->orphan_count);
	assert_int_equal(1, state->records[1].selections);
	must_verify(state);
	pool_state_free(state);
	pool_snapshot_release(&three);
	pool_snapshot_release(&two);
	pool_snapshot_release(&one);
}

/* A whole pool that goes and comes back: its records are there, and the sums agree. */
static void test_a_pool_comes_back(void **context)
{
	struct place *place = *context;
	static struct fixture_pool pools[2];
	struct pool_snapshot both, one;
	struct pool_state *state;

	fixture_fill(&pools[0], "default.http", 2);
	fixture_fill(&pools[1], "exchanges.okx.http", 2);
	fixture_compile(&both, pools, 2, &salt);
	fixture_compile(&one, pools, 1, &salt);
	state = fixture_state(place->path, &both);
	count_selection(state, 0, 0);
	count_selection(state, 1, 2);
	count_selection(state, 1, 3);
	follow_later(state, &one, 0);
	must_verify(state);
	follow_later(state, &both, HOUR);
	assert_int_equal(1, state->records[0].selections);
	assert_int_equal(1, state->records[2].selections);
	assert_int_equal(1, state->records[3].selections);
	must_verify(state);
	pool_state_free(state);
	pool_snapshot_release(&both);
	pool_snapshot_release(&one);
}

/* The same proxy in two pools has two records. */
static void test_pools_have_records_of_their_own(void **context)
{
	struct place *place = *context;
	static struct fixture_pool pools[2], swapped[2];
	struct pool_snapshot first, second;
	struct pool_state *state;

	fixture_fill(&pools[0], "default.http", 2);
	fixture_fill(&pools[1], "exchanges.okx.http", 2);
	swapped[0] = pools[1];
	swapped[1] = pools[0];
	fixture_compile(&first, pools, 2, &salt);
	fixture_compile(&second, swapped, 2, &salt);
	state = fixture_state(place->path, &first);
	count_selection(state, 1, 2);
	follow_later(state, &second, 0);
	assert_int_equal(1, state->records[0].selections);
	assert_int_equal(0, state->records[2].selections);
	assert_int_equal(1, state->leaves[0].selections);
	must_verify(state);
	pool_state_free(state);
	pool_snapshot_release(&first);
	pool_snapshot_release(&second);
}

/* Any row of edits, sizes from none to many: it verifies, and the file does not grow for
 * ever. */
static void test_many_edits(void **context)
{
	struct place *place = *context;
	static struct fixture_pool pool;
	struct pool_random random = {21};
	struct pool_state *state = NULL;
	struct stat status;

	for (int i = 0; i < 200; i++) {
		struct pool_snapshot snapshot;
		uint32_t count =
			1 + (uint32_t)pool_random_below(&random, FIXTURE_MEMBERS);

		fixture_fill(&pool, "default.http", count);
		fixture_compile(&snapshot, &pool, 1, &salt);
		if (state)
			fixture_lock(state, &snapshot);
		else
			state = fixture_state(place->path, &snapshot);
		must_verify(state);
		for (int n = 0; n < 5; n++)
			count_selection(
				state, 0, (uint32_t)pool_random_below(&random, count));
		must_verify(state);
		pool_state_unlock(state);
		pool_snapshot_release(&snapshot);
	}
	assert_int_equal(0, stat(place->path, &status));
	assert_in_range(status.st_size, 0, 600000);
	pool_state_free(state);
}

/* --- leases --------------------------------------------------------------------- */

static void test_leases_grow(void **context)
{
	struct place *place = *context;
	static struct fixture_pool pool;
	struct pool_snapshot snapshot;
	struct pool_state *state;
	struct pool_now now;
	const struct pool_lease more = {.id = 1000, .record = 0};

	pool_clock_get(&now);
	fixture_fill(&pool, "default.http", 3);
	fixture_compile(&snapshot, &pool, 1, &salt);
	state = fixture_state(place->path, &snapshot);
	for (uint32_t i = 0; i < state->image->lease_capacity; i++)
		add_lease(state, 100 + i, i % 3, 0);
	assert_int_equal(64, state->live->leases_used);
	assert_int_equal(POOL_ENOMEM, pool_lease_add(state, &more));
	assert_int_equal(0, pool_state_grow_leases(state, &snapshot, &now, 65, NULL));
	assert_true(state->image->lease_capacity >= 65);
	assert_int_equal(64, state->live->leases_used);
	assert_int_equal(64, state->live->leases_owned);
	assert_int_equal(22, state->counts[0]);
	assert_int_equal(21, state->counts[1]);
	must_verify(state);
	for (uint32_t i = 64; i < state->image->lease_capacity; i++)
		add_lease(state, 100 + i, i % 3, 0);
	must_verify(state);
	pool_state_free(state);
	pool_snapshot_release(&snapshot);
}

static void test_leases_expire(void **context)
{
	struct place *place = *context;
	static struct fixture_pool pool;
	struct pool_snapshot snapshot;
	struct pool_state *state;
	struct pool_now now;

	pool_clock_get(&now);
	fixture_fill(&pool, "default.http", 2);
	fixture_compile(&snapshot, &pool, 1, &salt);
	state = fixture_state(place->path, &snapshot);
	add_lease(state, 1, 0, now.boot_ns + S);
	add_lease(state, 2, 0, now.boot_ns + 3 * S);
	add_lease(state, 3, 1, 0);
	pool_lease_expire(state, &now);
	assert_int_equal(3, state->live->leases_used);
	now.boot_ns += 2 * S;
	pool_lease_expire(state, &now);
	assert_int_equal(2, state->live->leases_used);
	assert_int_equal(1, state->counts[0]);
	now.boot_ns += 2 * S;
	pool_lease_expire(state, &now);
	assert_int_equal(0, state->counts[0]);
	now.boot_ns += 1000000 * S;
	pool_lease_expire(state, &now);
	assert_int_equal(1, state->counts[1]);
	must_verify(state);
	pool_state_free(state);
	pool_snapshot_release(&snapshot);
}

static void test_owners(void **context)
{
	struct pool_owner owner = {.pid = getpid()};
	uint64_t space = pool_owner_space();
	int ends[2];
	pid_t child;
	char byte;

	(void)context;
	assert_true(pool_owner_look_up(owner.pid, space, &owner.start));
	owner.space = space;
	assert_false(pool_owner_gone(NULL, &owner, space));
	owner.start++;
	assert_true(pool_owner_gone(NULL, &owner, space));
	assert_false(pool_owner_gone(
		NULL, &owner, space + 1)); /* of another namespace: who knows */
	assert_false(pool_owner_look_up(0, space, &owner.start));
	assert_false(pool_owner_look_up(-1, space, &owner.start));
	assert_int_equal(0, pipe(ends));
	child = fork();
	if (child == 0) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) < 0);
	}
	close(ends[0]);
	owner.pid = child;
	assert_true(pool_owner_look_up(child, space, &owner.start));
	assert_false(pool_owner_gone(NULL, &owner, space));
	close(ends[1]);
	/* Ended but not waited for: it holds nothing any more. */
	assert_int_equal(
		0, waitid(P_PID, (id_t)child, &(siginfo_t){0}, WEXITED | WNOWAIT));
	assert_true(pool_owner_gone(NULL, &owner, space));
	assert_int_equal(child, waitpid(child, NULL, 0));
	assert_true(pool_owner_gone(NULL, &owner, space));
	assert_false(pool_owner_look_up(child, space, &owner.start));
}

/* --- another clock -------------------------------------------------------------- */

/* As it was written before a reboot: 10,000 s after the old boot, <passed_s> of wall time
 * ago. */
static void reboot(struct pool_state *state, int64_t passed_s, struct pool_now *now)
{
	now->boot_ns = 50 * S;
	now->wall_s = 2000000000;
	state->live->clock_id = state->clock_id ^ 1;
	state->live->written_boot_ns = 10000 * S;
	state->live->written_wall_s = now->wall_s - passed_s;
	pool_state_unlock(state);
	assert_int_equal(0, pool_state_lock(state, 1000, NULL));
}

static void test_deadlines_survive_a_reboot(void **context)
{
	static const struct {
		int64_t left_s;     /* of the deadline when it was last written */
		int64_t passed_s;   /* wall time since */
		int64_t expected_s; /* left now; 0: over */
	} cases[] = {
		{100, 0, 100}, {100, 40, 60}, {100, 99, 1}, {100, 100, 0},
		{100, 1000000, 0}, {-5, 0, 0},
		{259200, 3600, 255600}, /* an exchange's ban of three days */
		{100, -5000, 100}, /* the wall clock went back: no longer than it was */
		{10000000, 0, 259200}, /* nonsense is clamped */
	};
	struct place *place = *context;
	static struct fixture_pool pool;
	struct pool_snapshot snapshot;

	fixture_fill(&pool, "default.http", 1);
	fixture_compile(&snapshot, &pool, 1, &salt);
	for (size_t i = 0; i < SIZE(cases); i++) {
		const int64_t until_ns = (10000 + cases[i].left_s) * S;
		struct pool_state *state;
		struct pool_health *health;
		struct pool_now now;

		unlink(place->path);
		state = fixture_state(place->path, &snapshot);
		health = &state->records[0].health;
		health->opened = health->known = 1;
		health->times_opened = 1;
		health->open_until_ns = health->cool_until_ns = until_ns;
		health->changed_ns = 9990 * S;
		add_lease(state, 5, 0, until_ns);
		reboot(state, cases[i].passed_s, &now);
		assert_int_equal(0, pool_state_follow(state, &snapshot, &now, NULL));
		health = &state->records[0].health;
		assert_int_equal(
			cases[i].expected_s ? now.boot_ns + cases[i].expected_s * S : 0,
			health->cool_until_ns);
		/* The breaker's longest rest is max_open_seconds, here 300. */
		assert_int_equal(health->cool_until_ns > now.boot_ns + 300 * S
				? now.boot_ns + 300 * S
				: health->cool_until_ns,
			health->open_until_ns);
		assert_int_equal(cases[i].expected_s ? POOL_STATUS_COOLING
						     : POOL_STATUS_RECOVERING,
			pool_health_status(health, now.boot_ns));
		assert_true(health->changed_ns < now.boot_ns);
		assert_int_equal(pool_health_ready_ns(health) | POOL_READY_RECOVERING,
			state->ready[0]);
		pool_lease_expire(state, &now);
		assert_int_equal(cases[i].expected_s > 0, state->counts[0]);
		assert_int_equal(state->clock_id, state->image->clock_id);
		must_verify(state);
		pool_state_free(state);
	}
	pool_snapshot_release(&snapshot);
}

/* With the same clock a jump of the wall clock changes nothing. */
static void test_wall_clock_jumps_count_for_nothing(void **context)
{
	struct place *place = *context;
	static struct fixture_pool pool;
	struct pool_snapshot snapshot, other;
	struct pool_state *state;
	struct pool_now now;

	fixture_fill(&pool, "default.http", 1);
	fixture_compile(&snapshot, &pool, 1, &salt);
	fixture_fill(&pool, "default.http", 2);
	fixture_compile(&other, &pool, 1, &salt);
	state = fixture_state(place->path, &snapshot);
	state->records[0].health.cool_until_ns = 777 * S;
	pool_clock_get(&now);
	now.wall_s += 100000000;
	assert_int_equal(0, pool_state_follow(state, &other, &now, NULL));
	assert_int_equal(777 * S, state->records[0].health.cool_until_ns);
	pool_state_free(state);
	pool_snapshot_release(&snapshot);
	pool_snapshot_release(&other);
}

static void test_orphans_age_over_a_reboot(void **context)
{
	struct place *place = *context;
	static struct fixture_pool both, one;
	struct pool_snapshot with, without;

	fixture_fill(&both, "default.http", 2);
	fixture_fill(&one, "default.http", 1);
	fixture_compile(&with, &both, 1, &salt);
	fixture_compile(&without, &one, 1, &salt);
	for (int day = 0; day < 2; day++) {
		struct pool_state *state;
		struct pool_now now;

		unlink(place->path);
		state = fixture_state(place->path, &with);
		count_selection(state, 0, 1);
		follow_later(state, &without, 0);
		reboot(state, day ? 90000 : 3600, &now);
		state->records[1].removed_ns = 9999 * S;
		assert_int_equal(0, pool_state_follow(state, &with, &now, NULL));
		assert_int_equal(!day, state->records[1].selections);
		must_verify(state);
		pool_state_free(state);
	}
	pool_snapshot_release(&with);
	pool_snapshot_release(&without);
}

/* --- kept from ------------------------------------------------------------------ */

static int wait_for(pid_t child)
{
	int status;

	assert_int_equal(child, waitpid(child, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* A child that holds the lock until its pipe is closed. */
static pid_t hold_lock(const char *path, int *release)
{
	int ready[2], until[2];
	char byte;
	pid_t child;

	assert_int_equal(0, pipe(ready));
	assert_int_equal(0, pipe(until));
	child = fork();
	if (child == 0) {
		int fd = open(path, O_RDWR);

		close(until[1]);
		if (fd < 0 || flock(fd, LOCK_EX) != 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(read(until[0], &byte, 1) < 0);
	}
	close(ready[1]);
	close(until[0]);
	assert_int_equal(1, read(ready[0], &byte, 1));
	close(ready[0]);
	*release = until[1];
	return child;
}

static void test_lock_has_a_deadline(void **context)
{
	struct place *place = *context;
	static struct fixture_pool pool;
	struct pool_snapshot snapshot;
	struct pool_fault fault = {0};
	struct pool_state *state;
	struct pool_now before, after;
	char holder[32];
	int release;
	pid_t child;

	fixture_fill(&pool, "default.http", 1);
	fixture_compile(&snapshot, &pool, 1, &salt);
	state = fixture_state(place->path, &snapshot);
	pool_state_unlock(state);
	child = hold_lock(place->path, &release);
	pool_clock_get(&before);
	assert_int_equal(POOL_EBUSY, pool_state_lock(state, 100, &fault));
	pool_clock_get(&after);
	assert_true(after.boot_ns - before.boot_ns >= S / 10);
	snprintf(holder, sizeof(holder), "process %d)", (int)child);
	assert_non_null(strstr(fault.text, holder));
	assert_non_null(strstr(fault.text, place->path));
	assert_false(state->locked);
	close(release);
	assert_int_equal(0, wait_for(child));
	assert_int_equal(0, pool_state_lock(state, 100, &fault));
	pool_state_free(state);
	pool_snapshot_release(&snapshot);
}

/* Become nobody, who cannot write root's files. */
static int as_nobody(int (*act)(const char *path), const char *path)
{
	pid_t child = fork();

	if (child == 0) {
		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(99);
		_exit(act(path));
	}
	return wait_for(child);
}

/* Numbers of the steps that went wrong; 0 is none. */
static int read_only_steps(const char *path)
{
	static struct fixture_pool pool;
	struct pool_snapshot snapshot, other;
	struct pool_state *state = NULL;
	struct pool_now now;

	fixture_fill(&pool, "default.http", 2);
	fixture_compile(&snapshot, &pool, 1, &salt);
	fixture_fill(&pool, "default.http", 3);
	fixture_compile(&other, &pool, 1, &salt);
	if (pool_state_open(&state, path, "/etc/pool.json", NULL) != 0)
		return 1;
	if (state->writable || pool_state_lock(state, 1000, NULL) != 0)
		return 2;
	pool_clock_get(&now);
	if (pool_state_follow(state, &snapshot, &now, NULL) != 0)
		return 3;
	if (state->records[1].selections != 1 || pool_state_verify(state, NULL) != 0)
		return 4;
	/* What would have to be written cannot be had. */
	if (pool_state_follow(state, &other, &now, NULL) != POOL_EFORMAT)
		return 5;
	/* Nor can times of another boot be believed as they stand. */
	state->clock_id ^= 1;
	if (pool_state_follow(state, &snapshot, &now, NULL) != POOL_EFORMAT)
		return 6;
	pool_state_free(state);
	pool_snapshot_release(&snapshot);
	pool_snapshot_release(&other);
	return 0;
}

static void test_read_only(void **context)
{
	struct place *place = *context;
	static struct fixture_pool pool;
	struct pool_snapshot snapshot;
	struct pool_state *state;
	size_t length, again;
	char *before, *after;

	if (geteuid() != 0)
		skip();
	fixture_fill(&pool, "default.http", 2);
	fixture_compile(&snapshot, &pool, 1, &salt);
	state = fixture_state(place->path, &snapshot);
	count_selection(state, 0, 1);
	pool_state_free(state);
	pool_snapshot_release(&snapshot);
	assert_int_equal(0, chmod(place->folder, 0755));
	assert_int_equal(0, chmod(place->path, 0644));
	before = fixture_read(place->path, &length);
	assert_int_equal(0, as_nobody(read_only_steps, place->path));
	after = fixture_read(place->path, &again);
	assert_int_equal(length, again);
	assert_memory_equal(before, after, length);
	free(before);
	free(after);
}

static int open_code(const char *path)
{
	struct pool_state *state = NULL;
	int error = pool_state_open(&state, path, "/etc/pool.json", NULL);

	pool_state_free(state);
	return -error;
}

static void test_no_permission(void **context)
{
	struct place *place = *context;

	if (geteuid() != 0)
		skip();
	assert_int_equal(0, chmod(place->folder, 0755));
	assert_int_equal(-POOL_ENOFILE, as_nobody(open_code, place->path));
	assert_int_equal(-1, access(place->path, F_OK));
}

/* Whoever can replace the link decides where the state is, and so does who can replace
 * what it leads to. */
static void check_links(const struct place *place)
{
	char open_folder[300], link_to[300], path[320];

	snprintf(open_folder, sizeof(open_folder), "%s/open", place->folder);
	assert_int_equal(0, mkdir(open_folder, 0700));
	snprintf(link_to, sizeof(link_to), "%s/open/link", place->folder);
	assert_int_equal(0, symlink(place->folder, link_to));
	snprintf(path, sizeof(path), "%s/own.state", link_to);
	assert_int_equal(0, open_code(path));
	assert_int_equal(0, chmod(open_folder, 0777));
	assert_int_equal(-POOL_EUNSAFE, open_code(path));
	assert_int_equal(0, unlink(link_to));
	snprintf(link_to, sizeof(link_to), "%s/link", place->folder);
	assert_int_equal(0, symlink(open_folder, link_to));
	snprintf(path, sizeof(path), "%s/own.state", link_to);
	assert_int_equal(-POOL_EUNSAFE, open_code(path));
	/* ".." behind a link is not what it is spelt as. */
	snprintf(path, sizeof(path), "%s/link/../open/x.state", place->folder);
	assert_int_equal(-POOL_EUNSAFE, open_code(path));
	assert_int_equal(0, chmod(open_folder, 0700));
	assert_int_equal(0, open_code(path));
	assert_int_equal(0, unlink(path));
	snprintf(path, sizeof(path), "%s/own.state", place->folder);
	assert_int_equal(0, unlink(path));
	assert_int_equal(0, unlink(link_to));
	assert_int_equal(0, rmdir(open_folder));
}

static void test_unsafe_places(void **context)
{
	struct place *place = *context;
	char other[300];

	/* A folder that others can write. */
	assert_int_equal(0, chmod(place->folder, 0777));
	assert_int_equal(-POOL_EUNSAFE, open_code(place->path));
	/* One whose group can rename what others have there, root's own as well. */
	assert_int_equal(0, chmod(place->folder, 02770));
	assert_int_equal(-POOL_EUNSAFE, open_code(place->path));
	assert_int_equal(0, chmod(place->folder, 03770));
	assert_int_equal(0, open_code(place->path));
	assert_int_equal(0, unlink(place->path));
	/* A link to a safe folder, in one that is not; and the other way round. */
	assert_int_equal(0, chmod(place->folder, 0700));
	check_links(place);
	/* A file that others can write. */
	fixture_write(place->path, "", 0);
	assert_int_equal(0, chmod(place->path, 0666));
	assert_int_equal(-POOL_EUNSAFE, open_code(place->path));
	assert_int_equal(0, chmod(place->path, 0600));
	assert_int_equal(0, open_code(place->path));
	/* A second name, a symbolic link, a fifo, a folder, no folder. */
	snprintf(other, sizeof(other), "%s/other", place->folder);
	assert_int_equal(0, link(place->path, other));
	assert_int_equal(-POOL_EUNSAFE, open_code(place->path));
	assert_int_equal(0, unlink(place->path));
	assert_int_equal(0, symlink(other, place->path));
	assert_int_equal(-POOL_ENOFILE, open_code(place->path));
	assert_int_equal(0, unlink(place->path));
	assert_int_equal(0, mkfifo(place->path, 0600));
	assert_int_equal(-POOL_EFORMAT, open_code(place->path));
	assert_int_equal(0, unlink(place->path));
	assert_int_equal(0, mkdir(place->path, 0700));
	assert_true(open_code(place->path) > 0);
	snprintf(other, sizeof(other), "%s/none/pool.state", place->folder);
	assert_int_equal(-POOL_ENOFILE, open_code(other));
}

/* In a sticky folder anybody may have put the file there before us. */
static void test_file_of_somebody_else(void **context)
{
	struct place *place = *context;

	if (geteuid() != 0)
		skip();
	assert_int_equal(0, chmod(place->folder, 01777));
	fixture_write(place->path, "", 0);
	assert_int_equal(0, chown(place->path, 65534, 65534));
	assert_int_equal(-POOL_EUNSAFE, open_code(place->path));
	assert_int_equal(0, chown(place->path, 0, 0));
	assert_int_equal(0, open_code(place->path));
	/* A shared folder is there for files of others. */
	assert_int_equal(0, chmod(place->folder, 03770));
	assert_int_equal(0, chown(place->path, 65534, 0));
	assert_int_equal(0, open_code(place->path));
}

static void test_paths(void **context)
{
	struct place *place = *context;
	static const struct {
		const char *raw, *expected;
	} cases[] = {
		{"/a/b", "/a/b"},
		{"/a//b", "/a/b"},
		{"/a/./b/.", "/a/b"},
		{"/a/../b", "/b"},
		{"/../../b", "/b"},
		{"/a/b/../../c", "/c"},
		{"/", "/"},
		{"/..", "/"},
		{"/a/...", "/a/..."},
		{"/a/.b/", "/a/.b"},
	};
	char *path, *other;

	for (size_t i = 0; i < SIZE(cases); i++) {
		path = pool_state_absolute(cases[i].raw);
		assert_string_equal(cases[i].expected, path);
		free(path);
	}
	path = pool_state_path(place->folder, "/etc/proxypool/pool.json");
	other = pool_state_path(place->folder, "/etc/other/pool.json");
	assert_string_not_equal(path, other);
	assert_int_equal(0, strncmp(path + strlen(place->folder), "/pool-", 6));
	free(other);
	other = pool_state_path(place->folder, "/etc/./proxypool//pool.json");
	assert_string_equal(path, other);
	free(path);
	free(other);
	path = pool_state_path(place->path, "/etc/proxypool/pool.json");
	assert_string_equal(place->path, path);
	free(path);
}

/* --- a full disk ---------------------------------------------------------------- */

/* In a file system of 96 KB: what was there stays, and nobody dies. */
static int full_disk_steps(const char *folder)
{
	static struct fixture_pool pool;
	struct pool_snapshot small, large;
	struct pool_fault fault = {0};
	struct pool_state *state = NULL;
	char path[300], filler[300];
	static const char block[4096];
	struct pool_now now;
	int fd;

	pool_clock_get(&now);
	snprintf(path, sizeof(path), "%s/pool.state", folder);
	snprintf(filler, sizeof(filler), "%s/filler", folder);
	fixture_fill(&pool, "default.http", 2);
	fixture_compile(&small, &pool, 1, &salt);
	fixture_fill(&pool, "default.http", FIXTURE_MEMBERS);
	fixture_compile(&large, &pool, 1, &salt);
	if (pool_state_open(&state, path, "/etc/pool.json", NULL) != 0 ||
		pool_state_lock(state, 1000, NULL) != 0 ||
		pool_state_follow(state, &small, &now, NULL) != 0)
		return 1;
	count_selection(state, 0, 1);
	fd = open(filler, O_WRONLY | O_CREAT, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
	if (pool_state_follow(state, &large, &now, &fault) != POOL_ESYSTEM ||
		fault.sys_errno != ENOSPC)
		return 2;
	pool_state_free(state);
	if (pool_state_open(&state, path, "/etc/pool.json", NULL) != 0 ||
		pool_state_lock(state, 1000, NULL) != 0 || state->was_corrupt)
		return 3;
	if (pool_state_follow(state, &small, &now, NULL) != 0 ||
		state->records[1].selections != 1 || pool_state_verify(state, NULL) != 0)
		return 4;
	count_selection(state, 0, 0);
	/* With room again it goes on. */
	unlink(filler);
	if (pool_state_follow(state, &large, &now, NULL) != 0 ||
		state->records[0].selections != 1 || pool_state_verify(state, NULL) != 0)
		return 5;
	pool_state_free(state);
	/* A file that could not even be begun is no trouble later. */
	unlink(path);
	fd = open(filler, O_WRONLY | O_CREAT, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
	if (pool_state_open(&state, path, "/etc/pool.json", NULL) != 0 ||
		pool_state_lock(state, 1000, NULL) != 0 ||
		pool_state_follow(state, &small, &now, NULL) != POOL_ESYSTEM)
		return 6;
	unlink(filler);
	if (pool_state_follow(state, &small, &now, NULL) != 0 ||
		pool_state_verify(state, NULL) != 0)
		return 7;
	pool_state_free(state);
	pool_snapshot_release(&small);
	pool_snapshot_release(&large);
	return 0;
}

static void test_full_disk(void **context)
{
	struct place *place = *context;
	pid_t child;
	int status;

	if (geteuid() != 0)
		skip();
	child = fork();
	if (child == 0) {
		/* Of its own: the mount is gone with the child. */
		if (unshare(CLONE_NEWNS) != 0 ||
			mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
			mount("tmpfs", place->folder, "tmpfs", 0, "size=96k,mode=0700") !=
				0)
			_exit(77);
		_exit(full_disk_steps(place->folder));
	}
	status = wait_for(child);
	if (status == 77)
		skip();
	assert_int_equal(0, status);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_made_for_its_owner_alone),
		CASE(test_made_for_the_group_in_a_shared_folder),
		CASE(test_header_says_what_it_is),
		CASE(test_no_secret_inside),
		CASE(test_reopened),
		CASE(test_edits_carry_records),
		CASE(test_what_an_identity_is),
		CASE(test_disabled_in_the_file),
		CASE(test_orphans_come_back_for_a_day),
		CASE(test_orphans_age),
		CASE(test_a_pool_comes_back),
		CASE(test_pools_have_records_of_their_own),
		CASE(test_many_edits),
		CASE(test_leases_grow),
		CASE(test_leases_expire),
		CASE(test_owners),
		CASE(test_deadlines_survive_a_reboot),
		CASE(test_wall_clock_jumps_count_for_nothing),
		CASE(test_orphans_age_over_a_reboot),
		CASE(test_lock_has_a_deadline),
		CASE(test_read_only),
		CASE(test_no_permission),
		CASE(test_unsafe_places),
		CASE(test_file_of_somebody_else),
		CASE(test_paths),
		CASE(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
