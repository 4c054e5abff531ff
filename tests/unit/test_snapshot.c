/* Snapshots: compiled, written, opened, looked up in; damaged and foreign ones refused.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "config/url.h"
#include "fixture.h"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct pool_hash_key salt = {{1, 2, 3}}, other_salt = {{3, 2, 1}};

struct place {
	char folder[200];
	char source[256]; /* the pool file */
	char path[256];   /* its snapshot */
	char beside[280];
};

static int set_up(void **context)
{
	struct place *place = calloc(1, sizeof(*place));

	fixture_folder_make(place->folder, sizeof(place->folder));
	snprintf(place->source, sizeof(place->source), "%s/pool.json", place->folder);
	snprintf(place->path, sizeof(place->path), "%s/pool.snap", place->folder);
	snprintf(place->beside, sizeof(place->beside), "%s.new", place->path);
	fixture_write(place->source, "{}", 2);
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

static const struct fixture_pool pools[] = {
	{"default.http", 3,
		{{.url = "http://a.test:1", .weight = 2},
			{.url = "socks5h://u:secret@b.test:2", .weight = 0.1},
			{.url = "https://[::1]:3",
				.disabled = true,
				.max_connections = 9}}},
	{"exchanges.okx.http", 1, {{.url = "http://c.test:4"}}},
	{"exchanges.zoo.http", 2,
		{{.url = "http://d.test:5"}, {.url = "http://e.test:6"}}},
	{"exchanges.void.http", 0, {{0}}},
};

/* Exchanges have to be sorted by id. */
static const struct fixture_pool sorted[] = {
	{"default.http", 1, {{.url = "http://a.test:1"}}},
	{"exchanges.binance.http", 1, {{.url = "http://b.test:1"}}},
	{"exchanges.kraken.http", 1, {{.url = "http://k.test:1"}}},
	{"exchanges.okx.http", 0, {{0}}},
};

static void save(const struct place *place, const struct pool_snapshot *snapshot)
{
	struct pool_fault fault = {0};
	struct stat status;
	int fd;

	assert_int_equal(0, stat(place->source, &status));
	assert_int_equal(0, pool_snapshot_claim(place->path, geteuid(), 0, &fd, &fault));
	if (pool_snapshot_write(snapshot, place->path, fd, &status, &fault) != 0)
		fail_msg("%s", fault.text);
	assert_int_equal(-1, access(place->beside, F_OK));
}

/* What the pools compile to, in memory and in the file. */
static void save_pools(const struct place *place, struct pool_snapshot *snapshot)
{
	fixture_compile(snapshot, pools, SIZE(pools), &salt);
	save(place, snapshot);
}

static int open_code(const struct place *place, struct pool_snapshot *out, uid_t owner)
{
	return -pool_snapshot_open(out, place->path, owner, true, NULL, NULL);
}

/* --- round trip ----------------------------------------------------------------- */

static void must_be_as_compiled(const struct pool_snapshot *snapshot)
{
	const struct pool_snap_leaf *leaf = &snapshot->leaves[0];
	const struct pool_snap_member *member = snapshot->members;

	assert_true(snapshot->enabled);
	assert_int_equal(4711, snapshot->file_id);
	assert_int_equal(4, snapshot->leaf_count);
	assert_int_equal(6, snapshot->member_count);
	assert_string_equal("default.http", pool_snapshot_string(snapshot, leaf->where));
	assert_int_equal(3, leaf->member_count);
	assert_int_equal(2, leaf->enabled_count);
	assert_int_equal(0, leaf->equal_weights);
	assert_int_equal(30, leaf->timeout_s);
	assert_int_equal(5, leaf->policy.failure_threshold);
	assert_null(pool_snapshot_string(snapshot, leaf->url));
	assert_string_equal(
		"http://a.test:1", pool_snapshot_string(snapshot, member[0].url));
	assert_int_equal(2000000, member[0].weight_micro);
	assert_int_equal(100000, member[1].weight_micro);
	assert_int_equal(POOL_SCHEME_SOCKS5H, member[1].scheme);
	assert_false(member[2].enabled);
	assert_int_equal(9, member[2].max_connections);
	assert_int_equal(3, snapshot->leaves[1].first_member);
	assert_int_equal(1, snapshot->leaves[2].equal_weights);
	assert_memory_equal(&salt, &snapshot->salt, sizeof(salt));
	assert_string_equal("", snapshot->rejection);
}

static void test_round_trip(void **context)
{
	struct place *place = *context;
	struct pool_snapshot compiled, opened;

	fixture_compile(&compiled, pools, SIZE(pools), &salt);
	must_be_as_compiled(&compiled);
	assert_int_equal(-POOL_ENOFILE, open_code(place, &opened, 0));
	save(place, &compiled);
	assert_int_equal(0, open_code(place, &opened, 0));
	must_be_as_compiled(&opened);
	assert_int_equal(compiled.id, opened.id);
	assert_int_equal(compiled.length, opened.length);
	assert_memory_equal(compiled.bytes, opened.bytes, compiled.length);
	pool_snapshot_release(&compiled);
	pool_snapshot_release(&opened);
	pool_snapshot_release(&opened);
}

static void test_no_pools(void **context)
{
	struct pool_snapshot snapshot;
	struct pool_resolution to;

	(void)context;
	fixture_compile(&snapshot, NULL, 0, &salt);
	pool_snapshot_resolve(&snapshot, NULL, POOL_TYPE_HTTP, &to);
	assert_int_equal(POOL_NO_LEAF, to.leaf);
	assert_int_equal(POOL_NO_NOT_CONFIGURED, to.reason);
	pool_snapshot_release(&snapshot);
}

static void test_resolve(void **context)
{
	static const struct {
		const char *exchange;
		enum pool_type type;
		uint32_t leaf;
		bool own, known;
		const char *near;
	} cases[] = {
		{NULL, POOL_TYPE_HTTP, 0, false, true, NULL},
		{"default", POOL_TYPE_HTTP, 0, false, true, NULL},
		{"DEFAULT", POOL_TYPE_WEBSOCKET, 0, false, true, NULL},
		{"binance", POOL_TYPE_HTTP, 1, true, true, NULL},
		{"Binance", POOL_TYPE_HTTP, 1, true, true, NULL},
		{"KRAKEN", POOL_TYPE_HTTP, 2, true, true, NULL},
		{"kraken", POOL_TYPE_WEBSOCKET, 0, false, true, NULL}, /* inherited */
		{"okx", POOL_TYPE_HTTP, POOL_NO_LEAF, true, true,
			NULL}, /* leads nowhere */
		{"binanse", POOL_TYPE_HTTP, 0, false, false, "binance"},
		{"krakn", POOL_TYPE_HTTP, 0, false, false, "kraken"},
		{"coinbase", POOL_TYPE_HTTP, 0, false, false, NULL},
		{"", POOL_TYPE_HTTP, 0, false, false, NULL},
	};
	struct pool_snapshot snapshot;

	(void)context;
	fixture_compile(&snapshot, sorted, SIZE(sorted), &salt);
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_resolution to;

		pool_snapshot_resolve(&snapshot, cases[i].exchange, cases[i].type, &to);
		assert_int_equal(cases[i].leaf, to.leaf);
		assert_int_equal(cases[i].own, to.own_entry);
		assert_int_equal(cases[i].known, to.known_exchange);
		if (cases[i].near)
			assert_string_equal(
				cases[i].near, to.near_miss ? to.near_miss : "(nothing)");
		else
			assert_null(to.near_miss);
		if (to.leaf == POOL_NO_LEAF)
			assert_int_equal(POOL_NO_NOT_CONFIGURED, to.reason);
	}
	pool_snapshot_release(&snapshot);
}

static void test_very_long_exchange(void **context)
{
	struct pool_snapshot snapshot;
	struct pool_resolution to;
	char id[1000];

	(void)context;
	memset(id, 'b', sizeof(id));
	id[999] = '\0';
	fixture_compile(&snapshot, sorted, SIZE(sorted), &salt);
	pool_snapshot_resolve(&snapshot, id, POOL_TYPE_HTTP, &to);
	assert_int_equal(0, to.leaf);
	assert_false(to.known_exchange);
	pool_snapshot_release(&snapshot);
}

/* Equal weights are those of the enabled members. */
static void test_equal_weights(void **context)
{
	static const struct {
		struct fixture_pool pool;
		bool expected;
	} cases[] = {
		{{"default.http", 0, {{0}}}, true},
		{{"default.http", 1, {{.url = "http://a:1", .weight = 7}}}, true},
		{{"default.http", 2,
			 {{.url = "http://a:1", .weight = 7},
				 {.url = "http://b:1", .weight = 7}}},
			true},
		{{"default.http", 2,
			 {{.url = "http://a:1", .weight = 7},
				 {.url = "http://b:1", .weight = 7.1}}},
			false},
		{{"default.http", 2,
			 {{.url = "http://a:1", .weight = 7, .disabled = true},
				 {.url = "http://b:1"}}},
			true},
	};

	(void)context;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_snapshot snapshot;

		fixture_compile(&snapshot, &cases[i].pool, 1, &salt);
		assert_int_equal(cases[i].expected, snapshot.leaves[0].equal_weights);
		pool_snapshot_release(&snapshot);
	}
}

static void test_strings_out_of_range(void **context)
{
	struct pool_snapshot snapshot;

	(void)context;
	fixture_compile(&snapshot, pools, SIZE(pools), &salt);
	assert_null(pool_snapshot_string(&snapshot, 0));
	assert_null(pool_snapshot_string(&snapshot, snapshot.strings_length));
	assert_null(pool_snapshot_string(&snapshot, UINT32_MAX));
	assert_non_null(pool_snapshot_string(&snapshot, snapshot.strings_length - 1));
	pool_snapshot_release(&snapshot);
}

/* --- identity ------------------------------------------------------------------- */

static struct pool_hash identity_of(
	const char *url, const char *password_file, const struct pool_hash_key *key)
{
	const struct fixture_pool pool = {
		"default.http", 1, {{.url = url, .password_file = password_file}}};
	struct pool_snapshot snapshot;
	struct pool_hash identity;

	fixture_compile(&snapshot, &pool, 1, key);
	identity = snapshot.members[0].identity;
	pool_snapshot_release(&snapshot);
	return identity;
}

static bool same_hash(struct pool_hash a, struct pool_hash b)
{
	return a.high == b.high && a.low == b.low;
}

static void test_identity(void **context)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{"http://a.test:1", "http://a.test:1", true},
		{"http://a.test:1", "http://A.Test:1", true},
		{"http://a.test:1", "HTTP://a.test:1", true},
		{"http://a.test:1", "https://a.test:1", false},
		{"http://a.test:1", "http://a.test:2", false},
		{"http://a.test:1", "http://b.test:1", false},
		{"http://u:p@a.test:1", "http://a.test:1", false},
		{"http://u:p@a.test:1", "http://u:q@a.test:1", false},
		{"http://u:p@a.test:1", "http://v:p@a.test:1", false},
		{"http://u:p@a.test:1", "http://U:p@a.test:1", false},
		{"http://u:p@a.test:1", "http://%75:%70@a.test:1", true},
		{"http://u:%2f@a.test:1", "http://u:%2F@a.test:1", true},
		{"http://u:p%40x@a.test:1", "http://u:p%40y@a.test:1", false},
		{"http://us:er@a.test:1", "http://u:ser@a.test:1", false},
		{"socks5://a.test:1", "socks5h://a.test:1", false},
		{"http://[::1]:1", "http://[::2]:1", false},
		{"http://[fe80::1%25lo]:1", "http://[fe80::1%lo]:1", true},
		{"http://u:p%@a.test:1", "http://u:p%25@a.test:1", true},
	};

	(void)context;
	for (size_t i = 0; i < SIZE(cases); i++) {
		bool same = same_hash(identity_of(cases[i].a, NULL, &salt),
			identity_of(cases[i].b, NULL, &salt));

		if (same != cases[i].same)
			fail_msg("%s and %s: %s expected", cases[i].a, cases[i].b,
				cases[i].same ? "the same" : "different");
	}
	assert_false(same_hash(identity_of("http://u@a.test:1", "/run/one", &salt),
		identity_of("http://u@a.test:1", "/run/two", &salt)));
}

/* A salt where there is something to guess, none where a lost snapshot would lose the
 * history. */
static void test_salt_only_with_credentials(void **context)
{
	static const struct {
		const char *url, *password_file;
		bool same;
	} cases[] = {
		{"http://a.test:1", NULL, true},
		{"http://u:p@a.test:1", NULL, false},
		{"http://u@a.test:1", NULL, false},
		{"http://a.test:1", "/run/password", false},
	};

	(void)context;
	for (size_t i = 0; i < SIZE(cases); i++)
		assert_int_equal(cases[i].same,
			same_hash(
				identity_of(cases[i].url, cases[i].password_file, &salt),
				identity_of(cases[i].url, cases[i].password_file,
					&other_salt)));
}

static void test_new_salts_differ(void **context)
{
	struct pool_snapshot first, second;

	(void)context;
	fixture_compile(&first, pools, SIZE(pools), NULL);
	fixture_compile(&second, pools, SIZE(pools), NULL);
	assert_memory_not_equal(&first.salt, &second.salt, sizeof(first.salt));
	pool_snapshot_release(&first);
	pool_snapshot_release(&second);
}

/* One proxy listed several times is several records, and stays so in the same order. */
static void test_twins(void **context)
{
	const struct fixture_pool pool = {"default.http", 5,
		{{.url = "http://a.test:1"}, {.url = "http://b.test:1"},
			{.url = "http://A.test:1"}, {.url = "http://a.test:1"},
			{.url = "http://b.test:1"}}};
	struct pool_snapshot first, second;

	(void)context;
	fixture_compile(&first, &pool, 1, &salt);
	fixture_compile(&second, &pool, 1, &other_salt);
	for (uint32_t i = 0; i < 5; i++) {
		for (uint32_t j = 0; j < i; j++)
			assert_false(same_hash(
				first.members[i].identity, first.members[j].identity));
		assert_true(
			same_hash(first.members[i].identity, second.members[i].identity));
	}
	assert_true(same_hash(
		first.members[0].identity, identity_of("http://a.test:1", NULL, &salt)));
	pool_snapshot_release(&first);
	pool_snapshot_release(&second);
}

/* The id is that of the content: what a state file follows. */
static void test_id(void **context)
{
	struct fixture_pool pool = {"default.http", 1, {{.url = "http://a.test:1"}}};
	struct pool_snapshot first, second;

	(void)context;
	fixture_compile(&first, &pool, 1, &salt);
	fixture_compile(&second, &pool, 1, &salt);
	assert_int_equal(first.id, second.id);
	pool_snapshot_release(&second);
	pool.members[0].weight = 2;
	fixture_compile(&second, &pool, 1, &salt);
	assert_true(first.id != second.id);
	pool_snapshot_release(&first);
	pool_snapshot_release(&second);
}

/* --- the key -------------------------------------------------------------------- */

static void test_key_tells_contents_apart(void **context)
{
	struct stat status = {.st_dev = 1,
			    .st_ino = 2,
			    .st_size = 3,
			    .st_mtim = {4, 5},
			    .st_ctim = {6, 7}},
		    changed;
	struct pool_file_key key, other;

	(void)context;
	pool_file_key_set(&key, &status);
	pool_file_key_set(&other, &status);
	assert_true(pool_file_key_equal(&key, &other));
	for (int i = 0; i < 7; i++) {
		changed = status;
		changed.st_dev += i == 0;
		changed.st_ino += i == 1;
		changed.st_size += i == 2;
		changed.st_mtim.tv_sec += i == 3;
		changed.st_mtim.tv_nsec += i == 4;
		changed.st_ctim.tv_sec += i == 5;
		changed.st_ctim.tv_nsec += i == 6;
		pool_file_key_set(&other, &changed);
		assert_false(pool_file_key_equal(&key, &other));
	}
}

/* <ms> before now, as the time of a file. */
static struct timespec ago(int64_t ms)
{
	struct timespec time;
	int64_t ns;

	clock_gettime(CLOCK_REALTIME, &time);
	ns = time.tv_sec * POOL_NS_PER_S + time.tv_nsec - ms * POOL_NS_PER_MS;
	return (struct timespec){ns / POOL_NS_PER_S, ns % POOL_NS_PER_S};
}

static void test_a_young_file_is_not_trusted(void **context)
{
	static const struct {
		int64_t mtime_ms, ctime_ms;
		bool trusted;
	} cases[] = {
		{0, 0, false},
		{1000, 0, false},
		{0, 1000, true}, /* anybody may set mtime: ctime decides */
		{1000, 1000, true},
		{21, 21, true},
		{-1000, 1000, true}, /* from the future, says mtime */
		{1000, -1000, false},
	};
	(void)context;

	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_snapshot snapshot;
		struct stat status = {.st_dev = 1, .st_ino = 2};

		status.st_mtim = ago(cases[i].mtime_ms);
		status.st_ctim = ago(cases[i].ctime_ms);
		fixture_compile_from(&snapshot, pools, SIZE(pools), &salt, &status);
		assert_int_equal(cases[i].trusted, snapshot.source_trusted);
		pool_snapshot_release(&snapshot);
	}
}

static void test_rejection_is_remembered(void **context)
{
	struct place *place = *context;
	struct stat status = {.st_dev = 1, .st_ino = 2, .st_size = 3};
	struct pool_snapshot good, rejected, opened;
	struct pool_file_key key;
	char longest[1000];

	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "bad\n", 4);
	longest[999] = '\0';
	status.st_mtim = status.st_ctim = ago(5000);
	pool_file_key_set(&key, &status);
	fixture_compile(&good, pools, SIZE(pools), &salt);
	assert_int_equal(
		0, pool_snapshot_reject(&rejected, &good, &status, longest, NULL));
	save(place, &rejected);
	assert_int_equal(0, open_code(place, &opened, 0));
	assert_true(pool_file_key_equal(&key, &opened.rejected));
	assert_int_equal(0, strncmp(opened.rejection, "bad\\x0axxx", 10));
	must_be_as_compiled(&good);
	assert_int_equal(good.id, opened.id);
	assert_memory_equal(&good.source, &opened.source, sizeof(good.source));
	pool_snapshot_release(&rejected);
	/* A file that is still being written may be good a moment later under the same
	 * key. */
	status.st_ctim = ago(0);
	assert_int_equal(
		0, pool_snapshot_reject(&rejected, &opened, &status, "worse", NULL));
	assert_int_equal(0, rejected.rejected.inode);
	assert_string_equal("worse", rejected.rejection);
	pool_snapshot_release(&good);
	pool_snapshot_release(&rejected);
	pool_snapshot_release(&opened);
}

/* --- damaged -------------------------------------------------------------------- */

/* Everything that reads a snapshot. */
static void use(const struct pool_snapshot *snapshot)
{
	static const char *const ids[] = {NULL, "default", "okx", "zoo", "zo", "aaa"};
	static volatile size_t sink;

	for (size_t i = 0; i < SIZE(ids); i++)
		for (int type = 0; type < POOL_TYPES; type++) {
			struct pool_resolution to;
			const struct pool_snap_leaf *leaf;

			pool_snapshot_resolve(
				snapshot, ids[i], (enum pool_type)type, &to);
			if (to.leaf == POOL_NO_LEAF)
				continue;
			assert_in_range(to.leaf, 0, snapshot->leaf_count - 1);
			leaf = &snapshot->leaves[to.leaf];
			for (uint32_t n = 0; n < leaf->member_count; n++) {
				const struct pool_snap_member *member =
					&snapshot->members[leaf->first_member + n];
				const char *url =
					pool_snapshot_string(snapshot, member->url);

				sink += url ? strlen(url) : 0;
			}
		}
	sink += strlen(snapshot->rejection);
}

/* The fields of an entry that a selection goes by. */
static void must_be_pool(const struct pool_snapshot *snapshot, uint32_t index)
{
	const struct fixture_pool *pool = &pools[index];
	const struct pool_snap_leaf *leaf = &snapshot->leaves[index];

	assert_string_equal(pool->where, pool_snapshot_string(snapshot, leaf->where));
	assert_int_equal(pool->count, leaf->member_count);
	for (uint32_t i = 0; i < pool->count; i++) {
		const uint32_t at = leaf->first_member + i;
		const struct pool_snap_member *member = &snapshot->members[at];

		if (!pool_snapshot_has_member(snapshot, at))
			continue;
		assert_string_equal(pool->members[i].url,
			pool_snapshot_string(snapshot, member->url));
		assert_int_equal(!pool->members[i].disabled, member->enabled);
		assert_int_equal(
			pool->members[i].max_connections, member->max_connections);
	}
}

/* What a mapped one is believed to be: all of it is right. How much is not believed. */
static size_t judge_parts(
	const struct pool_snapshot *snapshot, const struct pool_snapshot *good)
{
	size_t lost = 0;

	for (uint32_t i = 0; i < SIZE(pools); i++) {
		if (!pool_snapshot_has_leaf(snapshot, i)) {
			lost++;
			continue;
		}
		must_be_pool(snapshot, i);
		if (pool_snapshot_has_tags(snapshot, i))
			assert_memory_equal(good->tags + good->leaves[i].first_member,
				snapshot->tags + good->leaves[i].first_member,
				good->leaves[i].member_count * sizeof(uint64_t));
		else
			lost++;
	}
	for (uint32_t i = 0; i < good->member_count; i++)
		lost += !pool_snapshot_has_member(snapshot, i);
	for (uint32_t i = 0; i < good->exchange_count; i++) {
		if (!pool_snapshot_has_exchange(snapshot, i))
			lost++;
		else
			assert_memory_equal(&good->exchanges[i].leaf,
				&snapshot->exchanges[i].leaf,
				sizeof(good->exchanges[i].leaf));
	}
	return lost;
}

static int open_parts(const struct place *place, struct pool_snapshot *out)
{
	return pool_snapshot_open(out, place->path, 0, false, NULL, NULL);
}

/* One bit of each byte: as a whole it is refused, and of its parts none is believed that
 * is not as it was. */
static void test_every_flip_is_noticed(void **context)
{
	struct place *place = *context;
	struct pool_snapshot snapshot, opened;
	size_t length, noticed = 0;
	char *bytes;

	save_pools(place, &snapshot);
	bytes = fixture_read(place->path, &length);
	for (size_t at = 0; at < length; at++) {
		bytes[at] ^= (char)(1 << at % 8);
		fixture_write(place->path, bytes, length);
		bytes[at] ^= (char)(1 << at % 8);
		assert_int_equal(-POOL_EFORMAT, open_code(place, &opened, 0));
		if (open_parts(place, &opened) != 0) {
			noticed++;
			continue;
		}
		assert_false(opened.verified);
		noticed += judge_parts(&opened, &snapshot) != 0;
		assert_false(pool_snapshot_verify(&opened));
		pool_snapshot_release(&opened);
	}
	/* All but the bytes between sections and the second salt hang on something. */
	assert_in_range(noticed, length - 100, length);
	fixture_write(place->path, bytes, length);
	assert_int_equal(0, open_parts(place, &opened));
	assert_int_equal(0, judge_parts(&opened, &snapshot));
	assert_true(pool_snapshot_verify(&opened));
	pool_snapshot_release(&opened);
	free(bytes);
	pool_snapshot_release(&snapshot);
}

static void test_flips_anywhere_are_harmless(void **context)
{
	struct place *place = *context;
	struct pool_random random = {41};
	struct pool_snapshot snapshot, opened;
	size_t length;
	char *bytes;

	save_pools(place, &snapshot);
	bytes = fixture_read(place->path, &length);
	for (int i = 0; i < 5000; i++) {
		size_t at = pool_random_below(&random, length);
		char flip = (char)(1 + pool_random_below(&random, 255));

		bytes[at] ^= flip;
		fixture_write(place->path, bytes, length);
		bytes[at] ^= flip;
		if (open_parts(place, &opened) == 0) {
			use(&opened);
			judge_parts(&opened, &snapshot);
			pool_snapshot_release(&opened);
		}
	}
	free(bytes);
	pool_snapshot_release(&snapshot);
}

/* Entries of one size that change places are damage as well: also with all they name. */
static void test_swapped_members_are_noticed(void **context)
{
	struct place *place = *context;
	struct pool_snapshot snapshot, opened;
	struct pool_snap_member *members;
	struct pool_snap_member member;
	size_t length;
	char *bytes;

	save_pools(place, &snapshot);
	bytes = fixture_read(place->path, &length);
	members = (void *)(bytes +
		((const char *)snapshot.members - (const char *)snapshot.bytes));
	member = members[4];
	members[4] = members[5];
	members[5] = member;
	fixture_write(place->path, bytes, length);
	assert_int_equal(-POOL_EFORMAT, open_code(place, &opened, 0));
	assert_int_equal(0, open_parts(place, &opened));
	assert_true(pool_snapshot_has_member(&opened, 3));
	assert_false(pool_snapshot_has_member(&opened, 4));
	assert_false(pool_snapshot_has_member(&opened, 5));
	assert_false(pool_snapshot_has_member(&opened, 6));
	pool_snapshot_release(&opened);
	free(bytes);
	pool_snapshot_release(&snapshot);
}

/* A member of an earlier content is none of this one's, though it is whole. */
static void test_parts_of_another_content_are_noticed(void **context)
{
	struct fixture_pool pool = {"default.http", 2,
		{{.url = "http://a.test:1"}, {.url = "http://b.test:1"}}};
	struct pool_snapshot first, second;

	(void)context;
	fixture_compile(&first, &pool, 1, &salt);
	pool.members[1].url = "http://c.test:1";
	fixture_compile(&second, &pool, 1, &salt);
	assert_int_equal(first.length, second.length);
	first.verified = false;
	assert_true(pool_snapshot_has_member(&first, 0));
	memcpy((void *)(uintptr_t)first.members, second.members, sizeof(*first.members));
	assert_false(pool_snapshot_has_member(&first, 0));
	pool_snapshot_release(&first);
	pool_snapshot_release(&second);
}

/* A snapshot that changes while it is mapped or after it was copied. */
static void test_a_copy_stays_what_it_was(void **context)
{
	struct place *place = *context;
	struct pool_snapshot snapshot, opened;

	save_pools(place, &snapshot);
	assert_int_equal(0, open_code(place, &opened, 0));
	assert_true(opened.verified);
	assert_int_equal(0, truncate(place->path, 0));
	must_be_as_compiled(&opened);
	assert_memory_equal(snapshot.bytes, opened.bytes, snapshot.length);
	pool_snapshot_release(&opened);
	pool_snapshot_release(&snapshot);
}

/* The salt goes on wherever one byte is damaged, and nothing passes for one. */
static void test_the_salt_is_found_again(void **context)
{
	struct place *place = *context;
	struct pool_snapshot_remains remains;
	struct pool_snapshot snapshot, opened;
	size_t length;
	char *bytes;

	save_pools(place, &snapshot);
	bytes = fixture_read(place->path, &length);
	for (size_t at = 0; at < length; at++) {
		bytes[at] ^= (char)(1 << at % 8);
		fixture_write(place->path, bytes, length);
		bytes[at] ^= (char)(1 << at % 8);
		assert_int_equal(POOL_EFORMAT,
			pool_snapshot_open(
				&opened, place->path, 0, true, &remains, NULL));
		assert_true(remains.has_salt);
		assert_false(remains.outdated);
		assert_int_equal(4711, remains.file_id);
		assert_memory_equal(&salt, &remains.salt, sizeof(salt));
	}
	memset(bytes, 0, length);
	fixture_write(place->path, bytes, length);
	assert_int_equal(POOL_EFORMAT,
		pool_snapshot_open(&opened, place->path, 0, true, &remains, NULL));
	assert_false(remains.has_salt);
	free(bytes);
	pool_snapshot_release(&snapshot);
}

/* One of version 2, made by the tools of its time: it cannot be used, but it is not
 * damaged, and its salt goes on. */
static void test_the_version_before(void **context)
{
	struct place *place = *context;
	struct pool_snapshot_remains remains;
	struct pool_snapshot opened;
	size_t length;
	char *bytes = fixture_read("tests/data/state-1/pool.state.snap", &length);

	fixture_write(place->path, bytes, length);
	assert_int_equal(0, chmod(place->path, 0600));
	assert_int_equal(POOL_EFORMAT,
		pool_snapshot_open(&opened, place->path, 0, true, &remains, NULL));
	assert_true(remains.outdated);
	assert_true(remains.has_salt);
	assert_memory_equal(bytes + 40, &remains.file_id, sizeof(remains.file_id));
	assert_memory_equal(bytes + 48, &remains.salt, sizeof(remains.salt));
	/* One whose header is not whole tells nothing. */
	bytes[50] ^= 1;
	fixture_write(place->path, bytes, length);
	assert_int_equal(POOL_EFORMAT,
		pool_snapshot_open(&opened, place->path, 0, true, &remains, NULL));
	assert_false(remains.outdated);
	assert_false(remains.has_salt);
	free(bytes);
}

/* One of version 3 has its salt where ours has it. */
static void test_version_3(void **context)
{
	enum { VERSION = 8, SIZE_AT = 12, CHECKSUM = 16, CHECKED_FROM = 24 };
	const uint32_t version = 3;
	struct place *place = *context;
	struct pool_snapshot_remains remains;
	struct pool_snapshot snapshot, opened;
	struct pool_hash_key key = {{0}};
	uint32_t size;
	uint64_t checksum;
	size_t length;
	char *bytes;

	save_pools(place, &snapshot);
	bytes = fixture_read(place->path, &length);
	memcpy(bytes + VERSION, &version, sizeof(version));
	memcpy(&size, bytes + SIZE_AT, sizeof(size));
	memcpy(key.bytes, bytes + VERSION, sizeof(uint64_t));
	checksum = pool_hash_64(&key, bytes + CHECKED_FROM, size - CHECKED_FROM);
	memcpy(bytes + CHECKSUM, &checksum, sizeof(checksum));
	fixture_write(place->path, bytes, length);
	assert_int_equal(POOL_EFORMAT,
		pool_snapshot_open(&opened, place->path, 0, true, &remains, NULL));
	assert_true(remains.outdated);
	assert_true(remains.has_salt);
	assert_int_equal(4711, remains.file_id);
	assert_memory_equal(&salt, &remains.salt, sizeof(salt));
	free(bytes);
	pool_snapshot_release(&snapshot);
}

static void test_cut_short(void **context)
{
	struct place *place = *context;
	struct pool_snapshot snapshot, opened;
	size_t length;
	char *bytes;

	save_pools(place, &snapshot);
	bytes = fixture_read(place->path, &length);
	for (size_t cut = 0; cut < length; cut += cut < 700 ? 1 : 37) {
		fixture_write(place->path, bytes, cut);
		assert_int_equal(-POOL_EFORMAT, open_code(place, &opened, 0));
	}
	fixture_write(place->path, "not a snapshot at all", 21);
	assert_int_equal(-POOL_EFORMAT, open_code(place, &opened, 0));
	free(bytes);
	pool_snapshot_release(&snapshot);
}

/* --- whose it is ---------------------------------------------------------------- */

static void test_of_somebody_else(void **context)
{
	struct place *place = *context;
	struct pool_snapshot snapshot, opened;

	if (geteuid() != 0)
		skip();
	save_pools(place, &snapshot);
	assert_int_equal(0, chown(place->path, 65534, 65534));
	assert_int_equal(-POOL_EUNSAFE, open_code(place, &opened, 0));
	assert_int_equal(-POOL_EUNSAFE, open_code(place, &opened, 1));
	/* The owner of the pool file may say what it holds. */
	assert_int_equal(0, open_code(place, &opened, 65534));
	pool_snapshot_release(&opened);
	pool_snapshot_release(&snapshot);
}

static void test_writable_by_others(void **context)
{
	struct place *place = *context;
	struct pool_snapshot snapshot, opened;

	save_pools(place, &snapshot);
	assert_int_equal(0, chmod(place->path, 0620));
	assert_int_equal(-POOL_EUNSAFE, open_code(place, &opened, 0));
	assert_int_equal(0, chmod(place->path, 0602));
	assert_int_equal(-POOL_EUNSAFE, open_code(place, &opened, 0));
	pool_snapshot_release(&snapshot);
}

static void test_links_and_folders(void **context)
{
	struct place *place = *context;
	struct pool_snapshot snapshot, opened;
	char real[300];

	save_pools(place, &snapshot);
	snprintf(real, sizeof(real), "%s/real", place->folder);
	assert_int_equal(0, rename(place->path, real));
	assert_int_equal(0, symlink(real, place->path));
	assert_int_equal(-POOL_ENOFILE, open_code(place, &opened, 0));
	assert_int_equal(0, unlink(place->path));
	assert_int_equal(0, mkdir(place->path, 0700));
	assert_int_equal(-POOL_EFORMAT, open_code(place, &opened, 0));
	pool_snapshot_release(&snapshot);
}

static void test_readers_are_those_of_the_pool_file(void **context)
{
	static const struct {
		mode_t source, expected;
	} cases[] = {{0600, 0600}, {0640, 0640}, {0644, 0644}, {0666, 0644}, {0400, 0600},
		{0604, 0600}, {0770, 0640}, {0000, 0600}};
	struct place *place = *context;
	struct pool_snapshot snapshot;

	fixture_compile(&snapshot, pools, SIZE(pools), &salt);
	for (size_t i = 0; i < SIZE(cases); i++) {
		mode_t before = umask(i % 2 ? 0 : 077);
		struct stat status;

		assert_int_equal(0, chmod(place->source, cases[i].source));
		save(place, &snapshot);
		umask(before);
		assert_int_equal(0, stat(place->path, &status));
		assert_int_equal(cases[i].expected, status.st_mode & 07777);
	}
	pool_snapshot_release(&snapshot);
}

static void test_one_writer_at_a_time(void **context)
{
	struct place *place = *context;
	struct pool_snapshot snapshot;
	struct pool_fault fault;
	int first, second = -1;

	fixture_compile(&snapshot, pools, SIZE(pools), &salt);
	assert_int_equal(
		0, pool_snapshot_claim(place->path, geteuid(), 0, &first, &fault));
	assert_int_equal(POOL_EBUSY,
		pool_snapshot_claim(place->path, geteuid(), 20, &second, &fault));
	assert_int_equal(-1, second);
	pool_snapshot_unclaim(place->path, first);
	assert_int_equal(-1, access(place->path, F_OK));
	assert_int_equal(
		0, pool_snapshot_claim(place->path, geteuid(), 0, &first, &fault));
	/* One that was killed is no hindrance. */
	close(first);
	assert_int_equal(0, access(place->beside, F_OK));
	save(place, &snapshot);
	assert_int_equal(0, access(place->path, F_OK));
	pool_snapshot_release(&snapshot);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_round_trip),
		CASE(test_no_pools),
		CASE(test_resolve),
		CASE(test_very_long_exchange),
		CASE(test_equal_weights),
		CASE(test_strings_out_of_range),
		CASE(test_identity),
		CASE(test_salt_only_with_credentials),
		CASE(test_new_salts_differ),
		CASE(test_twins),
		CASE(test_id),
		CASE(test_key_tells_contents_apart),
		CASE(test_a_young_file_is_not_trusted),
		CASE(test_rejection_is_remembered),
		CASE(test_every_flip_is_noticed),
		CASE(test_flips_anywhere_are_harmless),
		CASE(test_swapped_members_are_noticed),
		CASE(test_parts_of_another_content_are_noticed),
		CASE(test_a_copy_stays_what_it_was),
		CASE(test_the_salt_is_found_again),
		CASE(test_the_version_before),
		CASE(test_version_3),
		CASE(test_cut_short),
		CASE(test_of_somebody_else),
		CASE(test_writable_by_others),
		CASE(test_links_and_folders),
		CASE(test_readers_are_those_of_the_pool_file),
		CASE(test_one_writer_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
