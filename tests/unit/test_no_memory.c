/* An allocation that fails, at each place in turn: it is told, and nobody becomes another
 * one by it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "fixture.h"

/* --- allocations that fail ------------------------------------------------------- */

static unsigned long count, failing; /* the one that fails; 0: none */

#ifndef __SANITIZE_ADDRESS__
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static bool fails(void)
{
	if (!failing || ++count != failing)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
	return fails() ? NULL : __libc_calloc(number, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
#endif

/* Whether the failing one was reached since. */
static bool stop_failing(void)
{
	const bool reached = failing && count >= failing;

	failing = count = 0;
	return reached;
}

/* --- who a proxy is -------------------------------------------------------------- */

static const struct pool_hash_key salt = {{1, 2, 3}};

static const struct fixture_pool pools[] = {
	{"default.http", 6,
		{{"http://127.0.0.1:1", 0, false, NULL, 0},
			{"http://a%41%42%43:secret-that-is-longer-than-a-first-buffer@"
			 "127.0.0.1:2",
				0, false, NULL, 0},
			{"socks5h://anna@proxy.example.com:3", 0, false, "/etc/password",
				0},
			{"http://127.0.0.1:4", 0, true, NULL, 0},
			{"http://127.0.0.1:4", 0, false, NULL, 0},
			{"https://ben:x@[2001:db8::1]:5", 2.5, false, NULL, 3}}},
	{"exchanges.okx.http", 1, {{"http://127.0.0.1:1", 0, false, NULL, 0}}},
};

/* The settings that a snapshot of <pools> unpacks to. */
static void make_settings(struct pool_settings *settings)
{
	struct pool_snapshot snapshot;

	fixture_compile(&snapshot, pools, 2, &salt);
	assert_int_equal(0, pool_snapshot_unpack(&snapshot, settings));
	pool_snapshot_release(&snapshot);
}

static void assert_same_proxies(
	const struct pool_snapshot *expected, const struct pool_snapshot *found)
{
	assert_int_equal(expected->member_count, found->member_count);
	assert_true(expected->id == found->id);
	for (uint32_t i = 0; i < expected->member_count; i++)
		assert_memory_equal(&expected->members[i].identity,
			&found->members[i].identity, sizeof(struct pool_hash));
}

static void a_snapshot_is_whole_or_none(void **state)
{
	struct pool_snapshot expected, found;
	struct pool_settings settings;
	bool reached = true;
	unsigned long places = 0;

	(void)state;
	make_settings(&settings);
	assert_int_equal(
		0, pool_snapshot_compile(&expected, &settings, &salt, NULL, 4711, NULL));
	for (unsigned long at = 1; reached; at++, places++) {
		struct pool_fault fault = {0};
		int error;

		failing = at;
		error = pool_snapshot_compile(
			&found, &settings, &salt, NULL, 4711, &fault);
		reached = stop_failing();
		assert_int_equal(reached ? POOL_ENOMEM : 0, error);
		if (!error) {
			assert_same_proxies(&expected, &found);
			pool_snapshot_release(&found);
		}
	}
#ifndef __SANITIZE_ADDRESS__
	assert_true(places > 20);
#endif
	pool_snapshot_release(&expected);
	pool_settings_release(&settings);
}

static void settings_are_whole_or_none(void **state)
{
	struct pool_snapshot snapshot;
	bool reached = true;

	(void)state;
	fixture_compile(&snapshot, pools, 2, &salt);
	for (unsigned long at = 1; reached; at++) {
		struct pool_settings settings;
		int error;

		failing = at;
		error = pool_snapshot_unpack(&snapshot, &settings);
		reached = stop_failing();
		assert_int_equal(reached ? POOL_ENOMEM : 0, error);
		if (!error)
			pool_settings_release(&settings);
	}
	pool_snapshot_release(&snapshot);
}

/* --- who decided ----------------------------------------------------------------- */

/* The name that stands in the state of <path> beside what was decided first. */
static void must_be_decided_by(const char *who, const char *path, const char *pool_file,
	const struct pool_snapshot *snapshot)
{
	struct pool_state *state = NULL;

	assert_int_equal(0, pool_state_open(&state, path, pool_file, NULL));
	fixture_lock(state, snapshot);
	assert_non_null(state->decisions);
	assert_string_equal(who, state->decisions[0].who);
	pool_state_free(state);
}

static void a_session_has_its_name_or_is_none(void **state)
{
	static const char text[] = "{\"proxies\": [\"http://127.0.0.1:1\"]}";
	char folder[200], file[256], path[256];
	const struct pool_session_options options = {
		.file = file, .state = path, .who = "anna"};
	const struct pool_target target = {.proxy = "127.0.0.1:1", .type = -1};
	bool reached = true;

	(void)state;
	fixture_folder_make(folder, sizeof(folder));
	snprintf(file, sizeof(file), "%s/pool.json", folder);
	snprintf(path, sizeof(path), "%s/own.state", folder);
	fixture_write(file, text, strlen(text));
	for (unsigned long at = 1; reached; at++) {
		struct pool_session *session = NULL;
		size_t changed;
		int error;

		failing = at;
		error = pool_session_new(&session, &options, NULL);
		reached = stop_failing();
		if (error) {
			assert_int_equal(POOL_ENOMEM, error);
			continue;
		}
		assert_int_equal(0,
			pool_session_command(
				session, &target, POOL_ADMIN_DISABLE, &changed, NULL));
		must_be_decided_by("anna", path, file, pool_session_snapshot(session));
		pool_session_free(session);
	}
	fixture_folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_snapshot_is_whole_or_none),
		cmocka_unit_test(settings_are_whole_or_none),
		cmocka_unit_test(a_session_has_its_name_or_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
