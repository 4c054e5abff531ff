/*
 * A member of the group that shares a folder, at his worst: what he can do to a state
 * file that root's tools use, again and again, for some seconds.
 *
 * usage: member cut STATE SECONDS [SEED]      cuts it short and puts it back
 *        member scribble STATE SECONDS [SEED] writes numbers everywhere, wrong ones
 *                                             with right checksums among them
 *        member flip STATE SNAPSHOT SECONDS   shows the file as a state and as SNAPSHOT
 *                                             by turns, for who copies what it judged
 *        member forge POOL FORGED SNAPSHOT    compiles FORGED as the snapshot of POOL
 *
 * The last line says how often it was done. Written for tests/fault/member.bats.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/random.h"
#include "config/config.h"
#include "state/layout.h"
#include "state/snapshot.h"

static struct pool_random dice = {1};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int open_state(const char *path, struct stat *status)
{
	int fd = open(path, O_RDWR | O_NOFOLLOW);

	if (fd < 0 || fstat(fd, status) != 0)
		die(path);
	return fd;
}

static char *read_all(int fd, size_t length)
{
	char *bytes = calloc(1, length + 1);

	if (!bytes || pread(fd, bytes, length, 0) < 0)
		die("read");
	return bytes;
}

/* --- cut ------------------------------------------------------------------------- */

static unsigned long cut(const char *path, double until_s)
{
	struct stat status;
	int fd = open_state(path, &status);
	char *bytes = read_all(fd, (size_t)status.st_size);
	unsigned long count = 0;

	while (now_s() < until_s) {
		const off_t to =
			(off_t)pool_random_below(&dice, (uint64_t)status.st_size + 1);

		if (ftruncate(fd, to) != 0)
			die("ftruncate");
		/* Now and then it stays so for a while, or the state is another one. */
		if (pool_random_below(&dice, 8) == 0)
			usleep((useconds_t)pool_random_below(&dice, 300));
		if (pwrite(fd, bytes, (size_t)status.st_size, 0) < 0)
			die("pwrite");
		count++;
	}
	free(bytes);
	close(fd);
	return count;
}

/* --- scribble -------------------------------------------------------------------- */

static uint64_t wrong_number(void)
{
	static const uint64_t numbers[] = {0, 1, 2, 7, 64, 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, INT64_MAX, (uint64_t)INT64_MIN,
		(uint64_t)INT64_MIN + 1, UINT64_MAX, 0x7ff8000000000000,
		0x7ff0000000000000, 0xfff0000000000000, 4096, 16384, 65536};
	const size_t count = sizeof(numbers) / sizeof(numbers[0]);

	return pool_random_below(&dice, 2) ? numbers[pool_random_below(&dice, count)]
					   : pool_random_next(&dice);
}

/* The whole file as one mapping that reaches behind its end, where nothing is. */
struct target {
	int fd;
	char *map;
	size_t length;
};

/* An image header with wrong counts and a right checksum: what is judged once and used
 * later. */
static void write_image(const struct target *target)
{
	struct pool_state_header *header = (void *)target->map;
	struct pool_state_form *form = &header->forms[POOL_STATE_FORM];
	struct pool_state_root root = form->roots[form->active & 1];
	struct pool_state_image image;
	uint64_t *words = (void *)&image;

	if (root.offset % 8 || root.offset > target->length - sizeof(image))
		return;
	memcpy(&image, target->map + root.offset, sizeof(image));
	words[pool_random_below(&dice, POOL_STATE_IMAGE_FIXED / 8)] =
		pool_random_below(&dice, 2) ? wrong_number()
					    : pool_random_below(&dice, target->length);
	root.checksum = pool_hash_64(NULL, &image, POOL_STATE_IMAGE_FIXED);
	memcpy(target->map + root.offset, &image, sizeof(image));
	form->roots[form->active & 1] = root;
}

static void write_words(const struct target *target, uint64_t from, uint64_t to)
{
	const uint64_t count = 1 + pool_random_below(&dice, 16);

	if (to > target->length || from >= to)
		return;
	for (uint64_t i = 0; i < count; i++) {
		const uint64_t at = from + pool_random_below(&dice, to - from) / 4 * 4;
		const uint64_t number = wrong_number();

		if (at + 8 <= to)
			memcpy(target->map + at, &number,
				pool_random_below(&dice, 2) ? 4 : 8);
	}
}

static unsigned long scribble(const char *path, double until_s)
{
	struct stat status;
	int fd = open_state(path, &status);
	struct target target = {fd, NULL, (size_t)status.st_size};
	char *bytes = read_all(fd, target.length);
	unsigned long count = 0;

	target.map = mmap(NULL, target.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (target.map == MAP_FAILED)
		die("mmap");
	while (now_s() < until_s) {
		switch (pool_random_below(&dice, 64)) {
		case 0:
			memcpy(target.map, bytes, target.length);
			break;
		case 1:
			write_words(&target, 0, 256);
			break;
		case 2:
		case 3:
			write_image(&target);
			break;
		case 4:
		case 5:
		case 6:
		case 7:
			write_words(
				&target, POOL_STATE_UNDO_AT, POOL_STATE_UNDO_AT + 256);
			break;
		default:
			write_words(&target, POOL_STATE_IMAGES_AT, target.length);
		}
		count++;
	}
	memcpy(target.map, bytes, target.length);
	free(bytes);
	close(fd);
	return count;
}

/* --- flip ------------------------------------------------------------------------ */

typedef uint64_t pair __attribute__((vector_size(16)));

static void wait_a_little(void)
{
	for (volatile int i = 0; i < 30; i++)
		;
}

/* FILE.corrupt, which root has made, to FILE.snap: by a new name or a second one. */
static unsigned long replace_snapshot(const char *path)
{
	char corrupt[4096], snap[4096];
	unsigned long count;

	snprintf(corrupt, sizeof(corrupt), "%s.corrupt", path);
	snprintf(snap, sizeof(snap), "%s.snap", path);
	count = rename(corrupt, snap) == 0;
	if (unlink(snap) == 0)
		count += link(corrupt, snap) == 0;
	return count;
}

static unsigned long flip(
	const char *path, const char *snapshot, double until_s, unsigned long *renamed)
{
	struct stat status, other;
	int fd = open_state(path, &status), from = open(snapshot, O_RDONLY);
	uint64_t first[2], second[2];
	unsigned long count = 0;
	char *bytes, *map;

	if (from < 0 || fstat(from, &other) != 0)
		die(snapshot);
	bytes = read_all(from, (size_t)other.st_size);
	if (ftruncate(fd, 0) != 0 || ftruncate(fd, other.st_size) != 0)
		die("ftruncate");
	map = mmap(
		NULL, (size_t)other.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		die("mmap");
	memcpy(map, bytes, (size_t)other.st_size);
	memcpy(first, bytes, sizeof(first));
	second[0] = POOL_STATE_MAGIC;
	second[1] = (first[1] & 0xffffffff00000000) | POOL_STATE_VERSION;
	while (now_s() < until_s)
		for (int i = 0; i < 1000; i++, count++) {
			*(volatile pair *)map = (pair){first[0], first[1]};
			wait_a_little();
			*(volatile pair *)map = (pair){second[0], second[1]};
			wait_a_little();
			/* Whoever has the file whole by now has grown it. */
			if (i == 0)
				memcpy(map + 16, bytes + 16, (size_t)other.st_size - 16);
			if (i == 500)
				*renamed += replace_snapshot(path);
		}
	free(bytes);
	close(fd);
	close(from);
	return count;
}

/* --- forge ----------------------------------------------------------------------- */

static void forge(const char *pool, const char *forged, const char *out)
{
	const struct pool_hash_key salt = {"x"};
	struct pool_diagnostics diagnostics = {0};
	struct pool_settings settings = {0};
	struct pool_source source = {0};
	struct pool_snapshot snapshot;
	struct pool_fault fault = {0};
	struct stat status;
	int fd;

	/* What has changed just now is not told by its times alone. */
	do {
		if (stat(pool, &status) != 0)
			die(pool);
		usleep(10000);
	} while (time(NULL) < status.st_ctim.tv_sec + 2);
	if (pool_source_read(&source, forged, &fault) != 0 ||
		pool_config_read(&settings, &diagnostics, &source, &fault) != 0 ||
		pool_snapshot_compile(&snapshot, &settings, &salt, &status,
			pool_hash_64(NULL, pool, strlen(pool)), &fault) != 0) {
		fprintf(stderr, "%s\n", fault.text);
		exit(1);
	}
	fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 ||
		write(fd, snapshot.bytes, snapshot.length) != (ssize_t)snapshot.length)
		die(out);
	close(fd);
	pool_snapshot_release(&snapshot);
	pool_settings_release(&settings);
	pool_source_release(&source);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	unsigned long count = 1, renamed = 0;

	if (argc == 5 && strcmp(what, "flip") != 0)
		dice.state = strtoull(argv[4], NULL, 10);
	if (strcmp(what, "cut") == 0 && argc >= 4) {
		count = cut(argv[2], now_s() + atof(argv[3]));
	} else if (strcmp(what, "scribble") == 0 && argc >= 4) {
		count = scribble(argv[2], now_s() + atof(argv[3]));
	} else if (strcmp(what, "flip") == 0 && argc == 5) {
		count = flip(argv[2], argv[3], now_s() + atof(argv[4]), &renamed);
		printf("%s: %lu times, %lu renamed\n", what, count, renamed);
		return 0;
	} else if (strcmp(what, "forge") == 0 && argc == 5) {
		forge(argv[2], argv[3], argv[4]);
	} else {
		fprintf(stderr, "usage: see the head of tests/fault/member.c\n");
		return 2;
	}
	printf("%s: %lu times\n", what, count);
	return 0;
}
