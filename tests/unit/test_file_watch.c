/* Edits of the pool file, in all the ways in which they are made. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"
#include "watch/file_watch.h"

struct world {
	char folder[64];
	char path[128]; /* what is watched */
	struct pool_file_watch watch;
};

static int start(void **state)
{
	struct world *world = test_calloc(1, sizeof(*world));

	fixture_folder_make(world->folder, sizeof(world->folder));
	snprintf(world->path, sizeof(world->path), "%s/pool.json", world->folder);
	world->watch.fd = -1;
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	pool_file_watch_close(&world->watch);
	assert_int_equal(-1, world->watch.fd);
	fixture_folder_remove(world->folder);
	test_free(world);
	return 0;
}

/* A name in the world's folder; the last four stay valid. */
static const char *at(const struct world *world, const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", world->folder, name);
	return path;
}

static void write_file(const struct world *world, const char *name, const char *text)
{
	fixture_write(at(world, name), text, strlen(text));
}

static void make_folder(const struct world *world, const char *name)
{
	assert_int_equal(0, mkdir(at(world, name), 0700));
}

static void make_link(const struct world *world, const char *target, const char *name)
{
	assert_int_equal(0, symlink(target, at(world, name)));
}

static void move(const struct world *world, const char *from, const char *to)
{
	assert_int_equal(0, rename(at(world, from), at(world, to)));
}

static bool is_ready(const struct world *world)
{
	struct pollfd one = {.fd = world->watch.fd, .events = POLLIN};

	return poll(&one, 1, 0) == 1;
}

static void open_watch(struct world *world)
{
	pool_file_watch_open(&world->watch, world->path);
	assert_true(world->watch.fd >= 0);
	assert_false(is_ready(world));
	assert_false(pool_file_watch_take(&world->watch));
}

/* Something happened, and after that it is quiet: what we do ourselves is no news. */
static void expect_news(struct world *world, const char *what)
{
	if (!is_ready(world))
		fail_msg("%s was not seen", what);
	if (!pool_file_watch_take(&world->watch))
		fail_msg("%s was seen, and is no news", what);
	while (is_ready(world))
		if (pool_file_watch_take(&world->watch))
			fail_msg("%s was seen twice", what);
}

static void a_write_in_place_is_seen(void **state)
{
	struct world *world = *state;
	int fd;

	write_file(world, "pool.json", "1");
	open_watch(world);
	write_file(world, "pool.json", "2");
	expect_news(world, "a write");
	fd = open(world->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(1, write(fd, "3", 1));
	expect_news(world, "a write that goes on");
	assert_int_equal(0, close(fd));
	expect_news(world, "its end");
	assert_int_equal(0, chmod(world->path, 0640));
	expect_news(world, "another mode");
}

static void reading_is_no_news(void **state)
{
	struct world *world = *state;
	size_t length;
	struct stat status;

	write_file(world, "pool.json", "1");
	open_watch(world);
	free(fixture_read(world->path, &length));
	assert_int_equal(0, stat(world->path, &status));
	assert_false(is_ready(world));
}

/* The state file, a log: whoever writes them there would wake us all the time. */
static void what_else_happens_in_the_folder_is_no_news(void **state)
{
	static const char *const names[] = {
		"pool.json.swp", "ool.json", "pool", "json", "x", "pool.json~"};
	struct world *world = *state;

	write_file(world, "pool.json", "1");
	open_watch(world);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		write_file(world, names[i], "1");
		if (pool_file_watch_take(&world->watch))
			fail_msg("%s", names[i]);
		assert_int_equal(0, unlink(at(world, names[i])));
		if (pool_file_watch_take(&world->watch))
			fail_msg("%s, its end", names[i]);
	}
	write_file(world, "pool.json", "2");
	expect_news(world, "a write");
}

static void a_rename_over_it_is_seen_again_and_again(void **state)
{
	struct world *world = *state;

	write_file(world, "pool.json", "1");
	open_watch(world);
	for (int i = 0; i < 20; i++) {
		write_file(world, "new", "2");
		move(world, "new", "pool.json");
		expect_news(world, "a rename");
	}
	write_file(world, "pool.json", "3");
	expect_news(world, "a write after renames");
}

static void deletion_and_return_are_seen(void **state)
{
	struct world *world = *state;

	write_file(world, "pool.json", "1");
	open_watch(world);
	assert_int_equal(0, unlink(world->path));
	expect_news(world, "deletion");
	write_file(world, "pool.json", "2");
	expect_news(world, "return");
}

static void a_file_that_is_not_there_yet_is_seen_when_it_comes(void **state)
{
	struct world *world = *state;

	open_watch(world);
	write_file(world, "pool.json", "1");
	expect_news(world, "the file");
}

static void a_swapped_link_is_seen_and_where_it_leads(void **state)
{
	struct world *world = *state;

	make_folder(world, "one");
	make_folder(world, "two");
	write_file(world, "one/real.json", "1");
	write_file(world, "two/real.json", "2");
	make_link(world, "one/real.json", "pool.json");
	open_watch(world);
	write_file(world, "one/real.json", "11");
	expect_news(world, "a write where the link leads");
	make_link(world, "two/real.json", "next");
	move(world, "next", "pool.json");
	expect_news(world, "the swap");
	write_file(world, "two/real.json", "22");
	expect_news(world, "a write where the link leads now");
	write_file(world, "one/real.json", "111");
	assert_false(is_ready(world));
}

/* From link to link, absolute ones and others. */
static void each_link_of_a_chain_is_watched(void **state)
{
	struct world *world = *state;

	make_folder(world, "a");
	make_folder(world, "b");
	make_folder(world, "c");
	write_file(world, "c/real", "1");
	make_link(world, at(world, "c/real"), "b/second");
	make_link(world, "../b/second", "a/first");
	make_link(world, "a/first", "pool.json");
	open_watch(world);
	write_file(world, "c/real", "2");
	expect_news(world, "a write at the end");
	write_file(world, "c/other", "3");
	make_link(world, "../c/other", "b/next");
	move(world, "b/next", "b/second");
	expect_news(world, "a swap in the middle");
	write_file(world, "c/other", "4");
	expect_news(world, "a write at the new end");
	assert_int_equal(0, unlink(at(world, "a/first")));
	expect_news(world, "a link that is gone");
	make_link(world, "../c/other", "a/first");
	expect_news(world, "a link that is back");
}

static void links_in_a_circle_are_followed_for_a_while(void **state)
{
	struct world *world = *state;

	make_link(world, "other.json", "pool.json");
	make_link(world, "pool.json", "other.json");
	open_watch(world);
	assert_in_range(world->watch.count, 1, POOL_FILE_WATCH_FOLDERS);
	assert_int_equal(0, unlink(world->path));
	write_file(world, "pool.json", "1");
	expect_news(world, "a file in place of the circle");
}

/* pool.json -> ..data/pool.json, ..data -> ..1: another ..data is renamed over it. */
static void a_mounted_config_map_is_followed(void **state)
{
	struct world *world = *state;

	make_folder(world, "..1");
	write_file(world, "..1/pool.json", "1");
	make_link(world, "..1", "..data");
	make_link(world, "..data/pool.json", "pool.json");
	open_watch(world);
	for (int i = 2; i < 6; i++) {
		char folder[16], file[32], before[16];

		snprintf(folder, sizeof(folder), "..%d", i);
		snprintf(file, sizeof(file), "..%d/pool.json", i);
		snprintf(before, sizeof(before), "..%d", i - 1);
		make_folder(world, folder);
		write_file(world, file, "x");
		make_link(world, folder, "..data_tmp");
		move(world, "..data_tmp", "..data");
		expect_news(world, "the swap");
		fixture_folder_remove(at(world, before));
		/* What was before is of no interest; what we did with its watch neither.
		 */
		while (is_ready(world))
			pool_file_watch_take(&world->watch);
		write_file(world, file, "y");
		expect_news(world, "a write in the new one");
	}
}

/* It says so by saying nothing; who looks each second as well misses nothing. */
static void a_missing_folder_is_no_error(void **state)
{
	struct world *world = *state;

	snprintf(world->path, sizeof(world->path), "%s/no/pool.json", world->folder);
	pool_file_watch_open(&world->watch, world->path);
	assert_true(world->watch.fd >= 0);
	assert_false(pool_file_watch_take(&world->watch));
	make_folder(world, "no");
	write_file(world, "no/pool.json", "1");
	assert_false(pool_file_watch_take(&world->watch));
}

static void a_folder_that_goes_away_is_news(void **state)
{
	struct world *world = *state;

	make_folder(world, "sub");
	write_file(world, "sub/pool.json", "1");
	snprintf(world->path, sizeof(world->path), "%s/sub/pool.json", world->folder);
	open_watch(world);
	fixture_folder_remove(at(world, "sub"));
	expect_news(world, "the end of the folder");
}

static void a_name_without_a_folder_is_of_this_one(void **state)
{
	struct world *world = *state;
	char before[4096];

	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(0, chdir(world->folder));
	strcpy(world->path, "pool.json");
	write_file(world, "real.json", "1");
	make_link(world, "real.json", "pool.json");
	open_watch(world);
	write_file(world, "real.json", "2");
	expect_news(world, "a write");
	assert_int_equal(0, chdir(before));
}

/* A watch that ends takes nothing back of what came before. */
static void the_end_of_a_watch_hides_no_news(void **state)
{
	struct world *world = *state;

	write_file(world, "pool.json", "1");
	open_watch(world);
	write_file(world, "pool.json", "2");
	assert_int_equal(0, inotify_rm_watch(world->watch.fd, world->watch.watches[0]));
	assert_true(pool_file_watch_take(&world->watch));
}

/* More than one read takes. */
static void a_storm_of_edits_is_one_news(void **state)
{
	struct world *world = *state;

	write_file(world, "pool.json", "1");
	open_watch(world);
	for (int i = 0; i < 1000; i++) {
		write_file(world, "a rather long name that fills the buffer", "2");
		move(world, "a rather long name that fills the buffer", "pool.json");
	}
	expect_news(world, "the storm");
	assert_in_range(world->watch.count, 1, POOL_FILE_WATCH_FOLDERS);
}

static void without_inotify_there_is_nothing_to_take(void **state)
{
	struct world *world = *state;

	assert_false(pool_file_watch_take(&world->watch));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_write_in_place_is_seen),
		CASE(reading_is_no_news),
		CASE(what_else_happens_in_the_folder_is_no_news),
		CASE(a_rename_over_it_is_seen_again_and_again),
		CASE(deletion_and_return_are_seen),
		CASE(a_file_that_is_not_there_yet_is_seen_when_it_comes),
		CASE(a_swapped_link_is_seen_and_where_it_leads),
		CASE(each_link_of_a_chain_is_watched),
		CASE(links_in_a_circle_are_followed_for_a_while),
		CASE(a_mounted_config_map_is_followed),
		CASE(a_missing_folder_is_no_error),
		CASE(a_folder_that_goes_away_is_news),
		CASE(a_name_without_a_folder_is_of_this_one),
		CASE(the_end_of_a_watch_hides_no_news),
		CASE(a_storm_of_edits_is_one_news),
		CASE(without_inotify_there_is_nothing_to_take),
	};

	return cmocka_run_group_tests_name("file_watch", tests, NULL, NULL);
}
