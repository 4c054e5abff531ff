/* Who could have changed a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/trust.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum { ME = 4001, OTHER = 4002 };

static const char *judge_file(uid_t caller, uid_t owner, gid_t group, mode_t mode)
{
	const struct stat status = {
		.st_mode = S_IFREG | mode, .st_uid = owner, .st_gid = group};
	struct pool_trust trust = {.caller = caller};
	static char text[2 * POOL_TRUST_TEXT];
	char part[POOL_TRUST_TEXT];

	pool_trust_add_file(&trust, &status);
	text[0] = '\0';
	if (trust.writers != POOL_WRITERS_TRUSTED) {
		pool_trust_tell_writers(&trust, part, sizeof(part));
		strcat(text, part);
		strcat(text, pool_trust_refuses(&trust) ? " refused" : " warned");
	}
	if (trust.strange) {
		pool_trust_tell_owner(&trust, "it", part, sizeof(part));
		strcat(text, *text ? ", " : "");
		strcat(text, part);
	}
	return text;
}

static void judges_modes_and_owners(void **state)
{
	static const struct {
		uid_t caller, owner;
		gid_t group;
		mode_t mode;
		const char *expected;
	} rows[] = {
		{ME, ME, ME, 0600, ""},
		{ME, ME, 50, 0644, ""},
		{ME, ME, ME, 0664, ""},
		{0, 0, 0, 0664, ""},
		{ME, 0, 0, 0664, ""},
		{ME, ME, 50, 0664, "group 50 can write it (mode 0664) warned"},
		{ME, ME, 0, 0620, "group 0 can write it (mode 0620) warned"},
		{0, 0, 50, 0664, "group 50 can write it (mode 0664) refused"},
		{ME, 0, 50, 02664, "group 50 can write it (mode 2664) warned"},
		{ME, ME, ME, 0602, "everybody can write it (mode 0602) refused"},
		{0, 0, 50, 0666, "everybody can write it (mode 0666) refused"},
		{ME, OTHER, OTHER, 0644, "it belongs to user 4002, neither root nor you"},
		{0, ME, ME, 0664, "it belongs to user 4001, neither root nor you"},
		{0, ME, 50, 0664,
			"group 50 can write it (mode 0664) refused, "
			"it belongs to user 4001, neither root nor you"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(rows[i].expected,
			judge_file(rows[i].caller, rows[i].owner, rows[i].group,
				rows[i].mode));
}

static void names_what_ends_it(void **state)
{
	static const struct {
		struct pool_trust trust;
		const char *other, *expected;
	} rows[] = {
		{{.writers = POOL_WRITERS_ALL, .mode = 0666}, "so",
			"everybody can write it (mode 0666) (chmod go-w it, or so)"},
		{{.writers = POOL_WRITERS_ALL, .mode = 0602}, NULL,
			"everybody can write it (mode 0602) (chmod o-w it)"},
		{{.writers = POOL_WRITERS_GROUP, .mode = 0664, .group = 50}, NULL,
			"group 50 can write it (mode 0664) (chmod g-w it)"},
		{{.writers = POOL_WRITERS_ALL, .mode = 0777, .writable = "/srv"}, "so",
			"everybody can write its folder '/srv' (mode 0777) "
			"(chmod +t that folder, or so)"},
		{{.writers = POOL_WRITERS_UNKNOWN}, "so",
			"the way to it is too long to be judged (so)"},
		{{.writers = POOL_WRITERS_UNKNOWN}, NULL,
			"the way to it is too long to be judged"},
	};
	char text[POOL_TRUST_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		pool_trust_tell_refusal(
			&rows[i].trust, rows[i].other, text, sizeof(text));
		assert_string_equal(rows[i].expected, text);
	}
}

/* --- folders --------------------------------------------------------------------- */

/* A folder of our own, in which the paths of the rows are. */
static char place[] = "/tmp/pool-trust-XXXXXX";

static int make_place(void **state)
{
	(void)state;
	return mkdtemp(place) && chdir(place) == 0 ? 0 : -1;
}

static int remove_place(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", place);
	return chdir("/") == 0 ? system(command) : -1;
}

static void make_folder(const char *name, mode_t mode)
{
	assert_int_equal(0, mkdir(name, 0700));
	assert_int_equal(0, chmod(name, mode));
}

static struct pool_trust judge(const char *path)
{
	struct pool_trust trust = {.caller = geteuid()};

	pool_trust_add_folders(&trust, path);
	return trust;
}

static void follows_each_link_on_the_way(void **state)
{
	char whole[128];
	static const struct {
		const char *path;
		const char *worst; /* below <place>; NULL: none */
	} rows[] = {
		{"safe/file", NULL},
		{"./safe/../safe//file", NULL},
		{"open/file", "open"},
		{"open/../safe/file", "open"},
		{"sticky/file", NULL},
		{"safe/below/file", NULL},
		{"open/below/file", "open"},
		/* The name is in a safe folder, what it leads to is not, and reverse. */
		{"safe/to-open", "open"},
		{"open/to-safe", "open"},
		/* Neither end is, but what is between. */
		{"safe/through-open", "open"},
		{"safe/absolute", "open"},
		/* As a ConfigMap is mounted. */
		{"safe/data/file", NULL},
		{"safe/missing/file", NULL},
	};

	(void)state;
	make_folder("safe", 0755);
	make_folder("safe/below", 0755);
	make_folder("safe/..1", 0755);
	make_folder("open", 0777);
	make_folder("open/below", 0755);
	make_folder("sticky", 01777);
	assert_int_equal(0, symlink("../open/file", "safe/to-open"));
	assert_int_equal(0, symlink("../safe/file", "open/to-safe"));
	assert_int_equal(0, symlink("../open/to-safe", "safe/through-open"));
	assert_int_equal(0, symlink("..1", "safe/..data"));
	assert_int_equal(0, symlink("..data", "safe/data"));
	assert_int_equal(0, symlink("loop", "safe/loop"));
	snprintf(whole, sizeof(whole), "%s/open/file", place);
	assert_int_equal(0, symlink(whole, "safe/absolute"));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pool_trust trust = judge(rows[i].path);

		snprintf(whole, sizeof(whole), "%s/%s", place,
			rows[i].worst ? rows[i].worst : "");
		if (!rows[i].worst && trust.writers != POOL_WRITERS_TRUSTED)
			fail_msg("%s: %s", rows[i].path, trust.writable);
		if (rows[i].worst)
			assert_string_equal(whole, trust.writable);
		assert_false(trust.strange);
		/* The same from the root. */
		snprintf(whole, sizeof(whole), "%s/%s", place, rows[i].path);
		assert_int_equal(trust.writers, judge(whole).writers);
	}
}

/* Too much to follow is not trusted. */
static void refuses_what_it_cannot_follow(void **state)
{
	char text[POOL_TRUST_TEXT], path[5000];
	struct pool_trust trust = judge("safe/loop");

	(void)state;
	assert_int_equal(POOL_WRITERS_UNKNOWN, trust.writers);
	assert_true(pool_trust_refuses(&trust));
	pool_trust_tell_writers(&trust, text, sizeof(text));
	assert_string_equal("the way to it is too long to be judged", text);
	memset(path, '/', sizeof(path));
	strcpy(path + sizeof(path) - 10, "safe/file");
	assert_int_equal(POOL_WRITERS_UNKNOWN, judge(path).writers);
}

static void knows_folders_and_links_of_others(void **state)
{
	struct pool_trust trust;
	char text[POOL_TRUST_TEXT];

	(void)state;
	if (geteuid() != 0)
		skip();
	make_folder("mine", 0755);
	make_folder("theirs", 01755);
	assert_int_equal(0, chown("theirs", OTHER, OTHER));
	trust = judge("theirs/file");
	assert_true(trust.strange);
	pool_trust_tell_owner(&trust, "it", text, sizeof(text));
	assert_non_null(strstr(text, "its folder '/tmp/pool-trust-"));
	assert_non_null(strstr(text, "/theirs' belongs to user 4002"));

	assert_int_equal(0, symlink("file", "mine/link"));
	assert_false(judge("mine/link").strange);
	assert_int_equal(0, lchown("mine/link", OTHER, OTHER));
	trust = judge("mine/link");
	assert_true(trust.strange);
	pool_trust_tell_owner(&trust, "it", text, sizeof(text));
	assert_non_null(strstr(text, "its link '/tmp/pool-trust-"));
}

static void shows_the_end_of_a_long_path(void **state)
{
	char name[201], path[512];
	struct pool_trust trust;

	(void)state;
	memset(name, 'x', 200);
	name[200] = '\0';
	memcpy(name + 190, "\nend", 4);
	make_folder(name, 0777);
	snprintf(path, sizeof(path), "%s/file", name);
	trust = judge(path);
	assert_int_equal(POOL_WRITERS_ALL, trust.writers);
	assert_int_equal(POOL_TRUST_FOLDER - 1, strlen(trust.writable));
	assert_memory_equal("...", trust.writable, 3);
	pool_trust_tell_writers(&trust, path, sizeof(path));
	assert_non_null(strstr(path, "\\x0aend"));
	assert_null(strchr(path, '\n'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_modes_and_owners),
		cmocka_unit_test(names_what_ends_it),
		cmocka_unit_test(follows_each_link_on_the_way),
		cmocka_unit_test(refuses_what_it_cannot_follow),
		cmocka_unit_test(knows_folders_and_links_of_others),
		cmocka_unit_test(shows_the_end_of_a_long_path),
	};

	return cmocka_run_group_tests(tests, make_place, remove_place);
}
