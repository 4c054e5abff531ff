/* What a person decided: kept twice, through damage of either copy, the loss of the
 * snapshot, and kills. */
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
#include "fixture.h"
#include "state/decisions.h"
#include "state/image.h"
#include "state/repair.h"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* paris and rome differ by their credentials alone. */
static const char *const pool_text =
	"{\"default\": {\"http\": {\"pool\": {\"proxies\": [\n"
	" {\"name\": \"paris\", \"url\": \"http://anna:secret1@127.0.0.1:1\"},\n"
	" {\"name\": \"rome\", \"url\": \"http://ben:secret2@127.0.0.1:1\"},\n"
	" {\"name\": \"oslo\", \"url\": \"http://127.0.0.1:2\"},\n"
	" {\"name\": \"lima\", \"url\": \"socks5h://127.0.0.1:2\"}]}}}, \"enabled\": "
	"true}\n";

struct place {
	char folder[200];
	char pool[256];
	char path[256];
	char snap[256];
	char second[256];
	char warning[1024]; /* the last one */
	char *bytes;        /* of the state, with paris and lima disabled */
	size_t length;
	char *seconds; /* and of its second copy */
	size_t seconds_length;
};

static void warn(void *context, const char *text)
{
	struct place *place = context;

	snprintf(place->warning, sizeof(place->warning), "%s", text);
}

static struct pool_session *open_session(struct place *place)
{
	const struct pool_session_options options = {.file = place->pool,
		.state = place->path,
		.warn = warn,
		.who = "anna",
		.context = place};
	struct pool_session *session = NULL;
	struct pool_fault fault = {0};

	if (pool_session_new(&session, &options, &fault) != 0)
		fail_msg("%s", fault.text);
	return session;
}

static void command(struct place *place, const char *proxy, enum pool_admin command)
{
	struct pool_session *session = open_session(place);
	const struct pool_target target = {.proxy = proxy, .type = -1};
	struct pool_fault fault = {0};
	size_t count;

	if (pool_session_command(session, &target, command, &count, &fault) != 0)
		fail_msg("%s", fault.text);
	pool_session_free(session);
}

static void read_both(struct place *place)
{
	free(place->bytes);
	free(place->seconds);
	place->bytes = fixture_read(place->path, &place->length);
	place->seconds = fixture_read(place->second, &place->seconds_length);
}

static int set_up(void **context)
{
	const struct timespec rest = {0, 30000000}; /* till the pool file is at rest */
	struct place *place = calloc(1, sizeof(*place));

	fixture_folder_make(place->folder, sizeof(place->folder));
	snprintf(place->pool, sizeof(place->pool), "%s/pool.json", place->folder);
	snprintf(place->path, sizeof(place->path), "%s/own.state", place->folder);
	snprintf(place->snap, sizeof(place->snap), "%s/own.state.snap", place->folder);
	snprintf(place->second, sizeof(place->second), "%s/own.state.decisions",
		place->folder);
	fixture_write(place->pool, pool_text, strlen(pool_text));
	nanosleep(&rest, NULL);
	command(place, "paris", POOL_ADMIN_DISABLE);
	command(place, "lima", POOL_ADMIN_DISABLE);
	read_both(place);
	*context = place;
	return 0;
}

static int tear_down(void **context)
{
	struct place *place = *context;

	fixture_folder_remove(place->folder);
	free(place->bytes);
	free(place->seconds);
	free(place);
	return 0;
}

static void put_back(struct place *place)
{
	fixture_write(place->path, place->bytes, place->length);
	fixture_write(place->second, place->seconds, place->seconds_length);
	place->warning[0] = '\0';
}

/* Six selections: who was among them, a bit a proxy. */
static unsigned select_six(struct place *place)
{
	struct pool_session *session = open_session(place);
	const struct pool_query query = {.count = 1};
	unsigned seen = 0;

	for (int i = 0; i < 6; i++) {
		struct pool_choice choice;
		struct pool_fault fault = {0};

		if (pool_session_select(session, &query, &choice, &fault) != 0)
			fail_msg("%s", fault.text);
		assert_int_equal(1, choice.count);
		assert_in_range(choice.proxies[0].index, 0, 3);
		seen |= 1u << choice.proxies[0].index;
		pool_choice_release(&choice);
	}
	pool_session_free(session);
	return seen;
}

enum { PARIS = 1, ROME = 2, OSLO = 4, LIMA = 8 };

static void must_keep_both_out(struct place *place)
{
	const unsigned seen = select_six(place);

	if (seen & (PARIS | LIMA))
		fail_msg("a disabled proxy was selected: %#x (%s)", seen, place->warning);
	assert_true(seen & (ROME | OSLO));
}

/* --- damage ------------------------------------------------------------------------ */

static void overwrite(char *bytes, size_t length, struct pool_random *random)
{
	static const size_t most[] = {1, 8, 64, 600, 5000, SIZE_MAX};
	size_t span = most[pool_random_below(random, SIZE(most))], at;

	span = span < length ? span : length;
	at = pool_random_below(random, length - span + 1);
	for (size_t i = 0; i < span; i++)
		bytes[at + i] = (char)pool_random_next(random);
}

static void it_survives_any_overwriting_of_the_state(void **context)
{
	struct place *place = *context;
	struct pool_random random = {41};
	char *bytes = malloc(place->length);

	for (int i = 0; i < 1500; i++) {
		put_back(place);
		memcpy(bytes, place->bytes, place->length);
		overwrite(bytes, place->length, &random);
		fixture_write(place->path, bytes, place->length);
		must_keep_both_out(place);
	}
	memset(bytes, 0, place->length);
	put_back(place);
	fixture_write(place->path, bytes, place->length);
	must_keep_both_out(place);
	put_back(place);
	fixture_write(place->path, "", 0);
	must_keep_both_out(place);
	unlink(place->path);
	must_keep_both_out(place);
	free(bytes);
}

/* Each byte of its record and of its ready word, one after the other. */
static void it_survives_any_byte_of_its_record(void **context)
{
	struct place *place = *context;
	char *bytes = malloc(place->length);
	const struct pool_state_header *header = (void *)place->bytes;
	const struct pool_state_root *root = pool_image_root(header);
	const struct pool_state_image *image =
		(const void *)(place->bytes + root->offset);

	for (size_t at = 0; at < sizeof(struct pool_record) + sizeof(uint64_t); at++)
		for (int value = 0; value < 256; value += 85) {
			const size_t record = root->offset + image->records_at,
				     ready = root->offset + image->ready_at;
			const size_t place_of = at < sizeof(struct pool_record)
				? record + at
				: ready + at - sizeof(struct pool_record);

			put_back(place);
			memcpy(bytes, place->bytes, place->length);
			memset(bytes + ready, 0, sizeof(uint64_t));
			bytes[place_of] = (char)value;
			fixture_write(place->path, bytes, place->length);
			must_keep_both_out(place);
		}
	free(bytes);
}

static void it_survives_the_loss_of_the_salt(void **context)
{
	struct place *place = *context;

	unlink(place->snap);
	must_keep_both_out(place);
	/* With the state gone as well. */
	unlink(place->snap);
	unlink(place->path);
	must_keep_both_out(place);
	/* Enabled then, it is. */
	command(place, "paris", POOL_ADMIN_ENABLE);
	assert_true(select_six(place) & PARIS);
	unlink(place->snap);
	unlink(place->path);
	assert_int_equal(PARIS | ROME | OSLO, select_six(place));
}

static void what_is_damaged_is_not_written_over_the_second_copy(void **context)
{
	struct place *place = *context;
	struct pool_state_image *image;
	const struct pool_state_root *root;

	put_back(place);
	root = pool_image_root((const void *)place->bytes);
	image = (void *)(place->bytes + root->offset);
	((struct pool_record *)(void *)(place->bytes + root->offset + image->records_at))
		->health.admin_disabled = 0;
	fixture_write(place->path, place->bytes, place->length);
	command(place, "rome", POOL_ADMIN_DISABLE);
	unlink(place->path);
	assert_int_equal(OSLO, select_six(place));
}

/* Where a record in the file of the state stands. */
static size_t record_at(const char *bytes, uint32_t at)
{
	const size_t offset = pool_image_root((const void *)bytes)->offset;
	const struct pool_state_image *image = (const void *)(bytes + offset);

	return offset + image->records_at + at * sizeof(struct pool_record);
}

static void damage_member(const struct place *place, uint32_t at)
{
	struct pool_snapshot snapshot;
	size_t length;
	char *bytes = fixture_read(place->snap, &length);

	assert_int_equal(0,
		pool_snapshot_open(&snapshot, place->snap, geteuid(), true, NULL, NULL));
	bytes[(const char *)&snapshot.members[at].identity -
		(const char *)snapshot.bytes] ^= 1;
	fixture_write(place->snap, bytes, length);
	pool_snapshot_release(&snapshot);
	free(bytes);
}

/* Who selects once verifies no more of the snapshot than that needs: a state that is set
 * right needs all of it. */
static void a_damaged_snapshot_sets_no_record_right(void **context)
{
	struct place *place = *context;
	const struct pool_session_options options = {
		.file = place->pool, .state = place->path, .once = true};
	const struct pool_query query = {.count = 1};
	struct pool_session *session;
	struct pool_choice choice;
	size_t length;
	char *bytes;

	damage_member(place, 3);
	for (uint32_t at = 1; at < 3; at++)
		place->bytes[record_at(place->bytes, at)] ^= 1;
	put_back(place);
	assert_int_equal(0, pool_session_new(&session, &options, NULL));
	assert_int_equal(0, pool_session_select(session, &query, &choice, NULL));
	assert_in_range(choice.proxies[0].index, 1, 2);
	pool_choice_release(&choice);
	pool_session_free(session);
	bytes = fixture_read(place->path, &length);
	assert_memory_equal(place->bytes + record_at(place->bytes, 3),
		bytes + record_at(bytes, 3), sizeof(struct pool_record));
	free(bytes);
}

static void the_state_knows_it_without_the_second_copy(void **context)
{
	struct place *place = *context;
	struct pool_random random = {42};

	for (int i = 0; i < 200; i++) {
		char *bytes = malloc(place->seconds_length);

		put_back(place);
		memcpy(bytes, place->seconds, place->seconds_length);
		overwrite(bytes, place->seconds_length, &random);
		fixture_write(place->second, bytes, place->seconds_length);
		must_keep_both_out(place);
		free(bytes);
	}
	unlink(place->second);
	must_keep_both_out(place);
	/* The next command writes all of it again. */
	command(place, "rome", POOL_ADMIN_DISABLE);
	unlink(place->path);
	assert_int_equal(OSLO, select_six(place));
}

static void where_all_is_gone_the_warning_says_so(void **context)
{
	struct place *place = *context;
	const size_t image = pool_image_root((const void *)place->bytes)->offset;

	place->bytes[image] ^= 1;
	put_back(place);
	must_keep_both_out(place);
	assert_non_null(strstr(place->warning, "what persons disabled is kept"));
	put_back(place);
	unlink(place->second);
	select_six(place);
	assert_non_null(strstr(place->warning,
		"health, bans, leases and what persons disabled, if anything, are"));
	put_back(place);
	place->seconds[40] ^= 1;
	fixture_write(place->second, place->seconds, place->seconds_length);
	select_six(place);
	assert_non_null(strstr(place->warning, "are forgotten (the second copy"));
}

static int verify(struct place *place, char *why, size_t size)
{
	struct pool_session *session = open_session(place);
	struct pool_census census;
	struct pool_fault fault = {0};
	int error = pool_session_verify(session, &census, &fault);

	snprintf(why, size, "%s", fault.text);
	pool_session_free(session);
	return error;
}

static void repair(struct place *place)
{
	struct pool_session *session = open_session(place);
	struct pool_census census;
	struct pool_repairs done;

	assert_int_equal(0, pool_session_repair(session, &census, &done, NULL));
	pool_session_free(session);
}

static void damage_of_the_second_copy_is_found_and_set_right(void **context)
{
	struct place *place = *context;
	char why[500];

	assert_int_equal(0, verify(place, why, sizeof(why)));
	place->seconds[40] ^= 1;
	put_back(place);
	assert_int_equal(POOL_EFORMAT, verify(place, why, sizeof(why)));
	assert_non_null(strstr(why, ".decisions' has 1 entry that cannot be read"));
	repair(place);
	assert_int_equal(0, verify(place, why, sizeof(why)));
	put_back(place);
	unlink(place->second);
	assert_int_equal(POOL_EFORMAT, verify(place, why, sizeof(why)));
	assert_non_null(strstr(why, "does not have what a person decided about 'paris'"));
	repair(place);
	assert_int_equal(0, verify(place, why, sizeof(why)));
	unlink(place->path);
	must_keep_both_out(place);
}

/* --- foreign content --------------------------------------------------------------- */

static void foreign_content_leads_nobody(void **context)
{
	struct place *place = *context;
	struct pool_random random = {43};
	char *bytes = malloc(100000);

	for (int i = 0; i < 200; i++) {
		const size_t length = pool_random_below(&random, 100000);

		for (size_t at = 0; at < length; at++)
			bytes[at] = i % 2 ? (char)pool_random_next(&random) : 0;
		put_back(place);
		fixture_write(place->second, bytes, length);
		must_keep_both_out(place);
		unlink(place->path);
		select_six(place);
	}
	free(bytes);
}

static void what_is_no_plain_file_is_not_used(void **context)
{
	struct place *place = *context;
	char target[280];

	snprintf(target, sizeof(target), "%s/target", place->folder);
	fixture_write(target, "", 0);
	unlink(place->second);
	assert_int_equal(0, symlink(target, place->second));
	command(place, "rome", POOL_ADMIN_DISABLE);
	assert_non_null(strstr(place->warning, "not a second time"));
	assert_int_equal(OSLO, select_six(place));
	unlink(place->second);
	assert_int_equal(0, mkfifo(place->second, 0600));
	command(place, "rome", POOL_ADMIN_ENABLE);
	unlink(place->second);
	assert_int_equal(0, link(target, place->second));
	command(place, "rome", POOL_ADMIN_DISABLE);
	{
		size_t length;

		free(fixture_read(target, &length));
		assert_int_equal(0, length);
	}
}

/* --- what it holds ----------------------------------------------------------------- */

static struct pool_decision decision_of(struct place *place, uint32_t at)
{
	struct pool_session *session = open_session(place);
	struct pool_decision decision = {0};
	struct pool_state *state = NULL;
	struct pool_now now;

	pool_clock_get(&now);
	assert_int_equal(
		0, pool_state_read(&state, place->path, place->pool, 1000, NULL));
	assert_int_equal(
		0, pool_state_follow(state, pool_session_snapshot(session), &now, NULL));
	if (state->decisions)
		decision = state->decisions[at];
	pool_state_free(state);
	pool_session_free(session);
	return decision;
}

static void must_be_annas(struct place *place)
{
	const struct pool_decision decision = decision_of(place, 0);
	struct pool_now now;

	pool_clock_get(&now);
	assert_string_equal("anna", decision.who);
	assert_int_equal(POOL_ADMIN_DISABLE, decision.command);
	assert_in_range(decision.made_wall_s, now.wall_s - 300, now.wall_s);
	assert_int_equal(0, decision.until_wall_s);
}

static void who_and_when_go_along(void **context)
{
	struct place *place = *context;
	char *edited = malloc(strlen(pool_text) + 100), *oslo;

	must_be_annas(place);
	command(place, "paris", POOL_ADMIN_RESET);
	must_be_annas(place);
	/* An edit. */
	strcpy(edited, pool_text);
	oslo = strstr(edited, "oslo");
	memcpy(oslo, "Oslo", 4);
	fixture_write(place->pool, edited, strlen(edited));
	must_keep_both_out(place);
	must_be_annas(place);
	/* The state is lost, the salt is lost. */
	unlink(place->path);
	must_keep_both_out(place);
	must_be_annas(place);
	unlink(place->path);
	unlink(place->snap);
	must_keep_both_out(place);
	must_be_annas(place);
	command(place, "paris", POOL_ADMIN_ENABLE);
	assert_int_equal(POOL_ADMIN_ENABLE, decision_of(place, 0).command);
	free(edited);
}

/* The pool file with another password for anna, of the same length. */
static void set_password(struct place *place, const char *password)
{
	char *edited = strdup(pool_text);

	memcpy(strstr(edited, "secret1"), password, strlen("secret1"));
	fixture_write(place->pool, edited, strlen(edited));
	free(edited);
}

static void it_outlives_another_password(void **context)
{
	struct place *place = *context;

	set_password(place, "secret3");
	must_keep_both_out(place);
	must_be_annas(place);
	/* Neither the state nor its records are needed for that. */
	unlink(place->path);
	set_password(place, "secret4");
	must_keep_both_out(place);
	must_be_annas(place);
	/* Back in use is back in use, whatever the next password is. */
	command(place, "paris", POOL_ADMIN_ENABLE);
	assert_true(select_six(place) & PARIS);
	set_password(place, "secret5");
	assert_true(select_six(place) & PARIS);
	assert_false(select_six(place) & LIMA);
}

/* Whoever edits and enables at once: the same tool sees both. */
static void what_is_enabled_after_an_edit_stays_so(void **context)
{
	struct place *place = *context;

	set_password(place, "secret3");
	command(place, "paris", POOL_ADMIN_ENABLE);
	assert_true(select_six(place) & PARIS);
	set_password(place, "secret4");
	assert_true(select_six(place) & PARIS);
	assert_false(select_six(place) & LIMA);
}

/* paris is gone, and rome has its name now, or another one has: nobody else is out. */
static void another_login_of_the_name_is_another_proxy_if_it_is_known(void **context)
{
	static const char renamed[] =
		"{\"default\": {\"http\": {\"pool\": {\"proxies\": [\n"
		" {\"name\": \"paris\", \"url\": \"http://ben:secret2@127.0.0.1:1\"},\n"
		" {\"name\": \"rome\", \"url\": "
		"\"http://anna:secret1@127.0.0.1:1\"}]}}}, "
		"\"enabled\": true}\n";
	struct place *place = *context;

	fixture_write(place->pool, renamed, strlen(renamed));
	assert_int_equal(PARIS, select_six(place));
	unlink(place->path);
	assert_int_equal(PARIS, select_six(place));
}

static void it_does_not_grow_for_ever(void **context)
{
	struct place *place = *context;
	struct stat status;

	for (int i = 0; i < 20; i++) {
		command(place, i % 2 ? "oslo" : "rome", POOL_ADMIN_DISABLE);
		command(place, "paris", i % 3 ? POOL_ADMIN_DISABLE : POOL_ADMIN_ENABLE);
		command(place, i % 2 ? "oslo" : "rome", POOL_ADMIN_ENABLE);
	}
	assert_int_equal(0, stat(place->second, &status));
	assert_in_range(status.st_size, 256, 4 * 256);
}

static void it_holds_no_secret(void **context)
{
	static const char *const secrets[] = {
		"ben", "secret1", "secret2", "127.0.0.1", "paris"};
	struct place *place = *context;

	for (size_t i = 0; i < SIZE(secrets); i++)
		assert_null(memmem(place->seconds, place->seconds_length, secrets[i],
			strlen(secrets[i])));
}

static void nobody_disabled_needs_no_file(void **context)
{
	struct place *place = *context;

	unlink(place->second);
	unlink(place->path);
	command(place, NULL, POOL_ADMIN_RESET);
	command(place, "paris", POOL_ADMIN_ENABLE);
	select_six(place);
	assert_int_equal(-1, access(place->second, F_OK));
}

/* --- killed ------------------------------------------------------------------------ */

static pid_t start_command(struct place *place, const char *proxy, enum pool_admin what)
{
	pid_t child = fork();

	if (child == 0) {
		struct pool_session *session = open_session(place);
		const struct pool_target target = {.proxy = proxy, .type = -1};
		size_t count;

		fixture_await_steps();
		if (pool_session_command(session, &target, what, &count, NULL) != 0)
			_exit(1);
		_exit(0);
	}
	return child;
}

enum { ROOM = 1 << 20 };

struct seen {
	char state[ROOM], second[ROOM];
	ssize_t state_length, second_length;
};

static void look(const struct place *place, struct seen *seen)
{
	int fd = open(place->path, O_RDONLY | O_CLOEXEC);

	seen->state_length = pread(fd, seen->state, ROOM, 0);
	close(fd);
	fd = open(place->second, O_RDONLY | O_CLOEXEC);
	seen->second_length = pread(fd, seen->second, ROOM, 0);
	close(fd);
}

static bool differ(const struct seen *a, const struct seen *b)
{
	return a->state_length != b->state_length ||
		a->second_length != b->second_length ||
		memcmp(a->state, b->state, (size_t)a->state_length) != 0 ||
		memcmp(a->second, b->second, (size_t)a->second_length) != 0;
}

/* A folder of its own with what a process killed now leaves. */
static struct place *leave(const struct place *place, const struct seen *seen)
{
	struct place *left = calloc(1, sizeof(*left));

	*left = *place;
	snprintf(left->path, sizeof(left->path), "%s/left.state", place->folder);
	snprintf(left->snap, sizeof(left->snap), "%s/left.state.snap", place->folder);
	snprintf(left->second, sizeof(left->second), "%s/left.state.decisions",
		place->folder);
	fixture_write(left->path, seen->state, (size_t)seen->state_length);
	fixture_write(left->second, seen->second, (size_t)seen->second_length);
	unlink(left->snap);
	assert_int_equal(0, link(place->snap, left->snap));
	return left;
}

/* Whatever is lost then, <kept> are out; <either> is in all copies or in none. */
static void check_killed(const struct place *place, const struct seen *seen,
	unsigned kept, unsigned either)
{
	struct place *left = leave(place, seen);
	unsigned by_state = select_six(left), by_second;

	assert_false(by_state & kept);
	assert_string_equal("", left->warning);
	unlink(left->path);
	by_second = select_six(left);
	assert_false(by_second & kept);
	assert_int_equal(15 & ~kept & ~either, by_state & ~either);
	assert_int_equal(15 & ~kept & ~either, by_second & ~either);
	free(left);
}

static void step_through(struct place *place, const char *proxy, enum pool_admin what,
	unsigned kept, unsigned either)
{
	struct seen *before = calloc(1, sizeof(*before)), *now = calloc(1, sizeof(*now));
	pid_t child = start_command(place, proxy, what);
	int changes = 0;

	fixture_begin_steps(child);
	look(place, before);
	while (fixture_step(child)) {
		look(place, now);
		if (!differ(before, now))
			continue;
		*before = *now;
		check_killed(place, now, kept, either);
		changes++;
	}
	assert_true(changes > 10);
	free(before);
	free(now);
}

static void a_kill_at_any_store_loses_no_other(void **context)
{
	struct place *place = *context;

	place->warning[0] = '\0';
	step_through(place, "rome", POOL_ADMIN_DISABLE, PARIS | LIMA, ROME);
	step_through(place, "paris", POOL_ADMIN_ENABLE, ROME | LIMA, PARIS);
}

/* Killed before the second copy is written: the next one to lock catches up. */
static void who_locks_later_catches_up(void **context)
{
	struct place *place = *context;
	struct pool_session *session = open_session(place);
	struct pool_state *state = NULL;
	struct pool_now now;

	pool_clock_get(&now);
	assert_int_equal(0, pool_state_open(&state, place->path, place->pool, NULL));
	fixture_lock(state, pool_session_snapshot(session));
	state->records[1].health.admin_disabled = 1;
	pool_record_seal(&state->records[1]);
	state->ready[1] = POOL_READY_NEVER;
	state->live->decisions_ns = now.boot_ns - 5 * POOL_NS_PER_S;
	pool_state_free(state);
	pool_session_free(session);
	assert_int_equal(OSLO, select_six(place));
	unlink(place->path);
	assert_int_equal(OSLO, select_six(place));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_survives_any_overwriting_of_the_state),
		TEST(it_survives_any_byte_of_its_record),
		TEST(it_survives_the_loss_of_the_salt),
		TEST(what_is_damaged_is_not_written_over_the_second_copy),
		TEST(a_damaged_snapshot_sets_no_record_right),
		TEST(the_state_knows_it_without_the_second_copy),
		TEST(where_all_is_gone_the_warning_says_so),
		TEST(damage_of_the_second_copy_is_found_and_set_right),
		TEST(foreign_content_leads_nobody),
		TEST(what_is_no_plain_file_is_not_used),
		TEST(who_and_when_go_along),
		TEST(it_outlives_another_password),
		TEST(what_is_enabled_after_an_edit_stays_so),
		TEST(another_login_of_the_name_is_another_proxy_if_it_is_known),
		TEST(it_does_not_grow_for_ever),
		TEST(it_holds_no_secret),
		TEST(nobody_disabled_needs_no_file),
		TEST(a_kill_at_any_store_loses_no_other),
		TEST(who_locks_later_catches_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
