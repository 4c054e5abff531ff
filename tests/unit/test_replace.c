/* Files that are replaced whole. */
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
#include "base/replace.h"

struct folder {
	char path[64];
	char file[96];
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	*state = folder;
	if (!folder)
		return -1;
	strcpy(folder->path, "/tmp/pool-replace-XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	snprintf(folder->file, sizeof(folder->file), "%s/a", folder->path);
	return 0;
}

/* rmdir() fails if anything was left beside the file. */
static int remove_folder(void **state)
{
	struct folder *folder = *state;
	int status;

	unlink(folder->file);
	status = rmdir(folder->path);
	free(folder);
	return status;
}

static void assert_holds(const char *path, const char *expected, mode_t mode)
{
	char text[64] = "";
	struct stat status;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(expected, text);
	assert_int_equal(0, stat(path, &status));
	assert_int_equal(mode, status.st_mode & 07777);
}

static void test_a_file_is_made_and_replaced(void **state)
{
	const struct folder *folder = *state;

	assert_int_equal(
		0, pool_replace_file("file", folder->file, "one\n", 4, 0640, NULL));
	assert_holds(folder->file, "one\n", 0640);
	assert_int_equal(0, pool_replace_file("file", folder->file, "", 0, 0600, NULL));
	assert_holds(folder->file, "", 0640);
}

/* What we gave our file it keeps, special bits excepted. */
static void test_only_our_mode_is_kept(void **state)
{
	const struct folder *folder = *state;
	char second[128];
	static const struct {
		mode_t before, after;
	} rows[] = {
		{0600, 0600}, {0640, 0640}, {0666, 0666}, {06777, 0666}, {0400, 0400}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
			0, pool_replace_file("file", folder->file, "", 0, 0600, NULL));
		assert_int_equal(0, chmod(folder->file, rows[i].before));
		assert_int_equal(
			0, pool_replace_file("file", folder->file, "x", 1, 0600, NULL));
		assert_holds(folder->file, "x", rows[i].after);
	}
	/* A second name: somebody may have put it there. */
	snprintf(second, sizeof(second), "%s/b", folder->path);
	assert_int_equal(0, chmod(folder->file, 0644));
	assert_int_equal(0, link(folder->file, second));
	assert_int_equal(0, pool_replace_file("file", folder->file, "y", 1, 0600, NULL));
	assert_holds(folder->file, "y", 0600);
	assert_int_equal(0, unlink(second));
}

static void test_a_file_of_somebody_else_has_no_say(void **state)
{
	const struct folder *folder = *state;
	struct stat status;

	if (geteuid() != 0)
		skip();
	assert_int_equal(0, pool_replace_file("file", folder->file, "", 0, 0600, NULL));
	assert_int_equal(0, chown(folder->file, 4001, 4001));
	assert_int_equal(0, chmod(folder->file, 06777));
	assert_int_equal(0, pool_replace_file("file", folder->file, "x", 1, 0600, NULL));
	assert_holds(folder->file, "x", 0600);
	assert_int_equal(0, stat(folder->file, &status));
	assert_int_equal(0, status.st_uid);
	assert_int_equal(0, status.st_gid);

	/* Ours, for a group: it can read it afterwards, too. */
	assert_int_equal(0, chown(folder->file, 0, 4242));
	assert_int_equal(0, chmod(folder->file, 0640));
	assert_int_equal(0, pool_replace_file("file", folder->file, "y", 1, 0600, NULL));
	assert_holds(folder->file, "y", 0640);
	assert_int_equal(0, stat(folder->file, &status));
	assert_int_equal(4242, status.st_gid);
}

/* Whose group we may not give it: no other group gets what was given to that one. */
static void test_a_group_that_cannot_be_kept_gets_nothing(void **state)
{
	const struct folder *folder = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(0, pool_replace_file("file", folder->file, "", 0, 0600, NULL));
	assert_int_equal(0, chown(folder->file, 4001, 4242));
	assert_int_equal(0, chmod(folder->file, 0664));
	assert_int_equal(0, chown(folder->path, 4001, 4001));
	assert_int_equal(0, seteuid(4001));
	assert_int_equal(0, pool_replace_file("file", folder->file, "x", 1, 0600, NULL));
	assert_int_equal(0, seteuid(0));
	assert_holds(folder->file, "x", 0604);
}

static void test_what_is_no_file_stays(void **state)
{
	const struct folder *folder = *state;
	struct pool_fault fault = {0};
	struct stat status;

	assert_int_equal(0, symlink("elsewhere", folder->file));
	assert_int_equal(POOL_EARGUMENT, pool_replace_check("file", folder->file, NULL));
	assert_int_equal(POOL_EARGUMENT,
		pool_replace_file("file", folder->file, "one\n", 4, 0600, &fault));
	assert_non_null(strstr(fault.text, "is no regular file"));
	assert_int_equal(0, lstat(folder->file, &status));
	assert_true(S_ISLNK(status.st_mode));
	assert_int_equal(POOL_EARGUMENT, pool_replace_check("file", "/dev/null", NULL));
}

static void test_a_failure_says_which_file(void **state)
{
	struct pool_fault fault = {0};

	(void)state;
	assert_int_equal(POOL_ESYSTEM,
		pool_replace_file("file", "/nowhere/a", "one\n", 4, 0600, &fault));
	assert_string_equal(
		"cannot write file '/nowhere/a': No such file or directory", fault.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_file_is_made_and_replaced, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			test_only_our_mode_is_kept, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_a_file_of_somebody_else_has_no_say,
			make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			test_a_group_that_cannot_be_kept_gets_nothing, make_folder,
			remove_folder),
		cmocka_unit_test_setup_teardown(
			test_what_is_no_file_stays, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			test_a_failure_says_which_file, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("replace", tests, NULL, NULL);
}
