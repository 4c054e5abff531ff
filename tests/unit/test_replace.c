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

	assert_int_equal(0640, pool_replace_mode(folder->file, 0640));
	assert_int_equal(
		0, pool_replace_file("file", folder->file, "one\n", 4, 0640, NULL));
	assert_holds(folder->file, "one\n", 0640);
	assert_int_equal(0640, pool_replace_mode(folder->file, 0666));
	assert_int_equal(0, pool_replace_file("file", folder->file, "", 0, 0600, NULL));
	assert_holds(folder->file, "", 0600);
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
	assert_int_equal(0600, pool_replace_mode("/dev/null", 0600));
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
			test_what_is_no_file_stays, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			test_a_failure_says_which_file, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("replace", tests, NULL, NULL);
}
