/* All bytes into and out of a descriptor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/io.h"

static int open_file(void)
{
	char path[] = "/tmp/pool-io-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

static void test_goes_where_it_should(void **state)
{
	char bytes[16] = "";
	size_t got;
	int fd = open_file();

	(void)state;
	assert_int_equal(0, pool_io_write(fd, "abc", 3));
	assert_int_equal(0, pool_io_write(fd, "def", 3));
	assert_int_equal(0, pool_io_write_at(fd, "XY", 2, 2));
	assert_int_equal(0, pool_io_write(fd, "", 0));
	assert_int_equal(0, pool_io_read_at(fd, bytes, 4, 1, &got));
	assert_int_equal(4, got);
	assert_string_equal("bXYe", bytes);
	close(fd);
}

static void test_reads_to_the_end_of_the_file(void **state)
{
	char bytes[16] = "";
	size_t got = 99;
	int fd = open_file();

	(void)state;
	assert_int_equal(0, pool_io_write(fd, "abcdef", 6));
	assert_int_equal(0, pool_io_read_at(fd, bytes, sizeof(bytes), 2, &got));
	assert_int_equal(4, got);
	assert_int_equal(0, pool_io_read_at(fd, bytes, sizeof(bytes), 6, &got));
	assert_int_equal(0, got);
	close(fd);
}

/* The first call writes what there is room for, the next one fails. */
static void test_part_of_it_is_a_failure(void **state)
{
	struct rlimit before, limit;
	char bytes[4096];
	int fd = open_file();

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
	limit = (struct rlimit){1000, before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &limit));
	assert_int_equal(EFBIG, pool_io_write(fd, bytes, sizeof(bytes)));
	assert_int_equal(EFBIG, pool_io_write_at(fd, bytes, sizeof(bytes), 500));
	assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
	assert_int_equal(1000, lseek(fd, 0, SEEK_END));
	close(fd);
}

static void test_tells_why(void **state)
{
	char byte;
	size_t got = 99;
	int folder = open("/", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(EBADF, pool_io_write(-1, "a", 1));
	assert_int_equal(EBADF, pool_io_write_at(-1, "a", 1, 0));
	assert_int_equal(EISDIR, pool_io_read_at(folder, &byte, 1, 0, &got));
	assert_int_equal(0, got);
	close(folder);
}

/* --- interrupted ------------------------------------------------------------------ */

enum { MUCH = 4 << 20 };

static volatile sig_atomic_t signals;
static int begin_fd = -1;

/* The first one finds the pipe full and a part of the bytes written, the second one a
 * call that has written none: then somebody reads. */
static void interrupt_call(int number)
{
	(void)number;
	if (++signals == 3 && write(begin_fd, "", 1) != 1)
		abort();
}

/* How many bytes come before the end. */
static size_t drain(int fd, int begin)
{
	char bytes[4096];
	size_t count = 0;
	ssize_t got = read(begin, bytes, 1);

	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		count += (size_t)got;
	return count;
}

static void test_goes_on_after_signals(void **state)
{
	const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	const struct sigaction action = {.sa_handler = interrupt_call};
	char *bytes = calloc(1, MUCH);
	int ends[2], begin[2], status;
	pid_t child;

	(void)state;
	assert_non_null(bytes);
	assert_int_equal(0, pipe2(ends, O_CLOEXEC));
	assert_int_equal(0, pipe2(begin, O_CLOEXEC));
	begin_fd = begin[1];
	child = fork();
	if (child == 0) {
		close(ends[1]);
		close(begin[1]);
		_exit(drain(ends[0], begin[0]) != MUCH);
	}
	close(ends[0]);
	assert_int_equal(0, sigaction(SIGALRM, &action, NULL));
	assert_int_equal(0, setitimer(ITIMER_REAL, &often, NULL));
	assert_int_equal(0, pool_io_write(ends[1], bytes, MUCH));
	assert_int_equal(0, setitimer(ITIMER_REAL, &never, NULL));
	close(ends[1]);
	close(begin[0]);
	close(begin[1]);
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_int_equal(0, status);
	free(bytes);
}

/* A pipe that does not block takes a part; then its reader takes all, or nothing. */
static void test_waits_until_there_is_room(void **state)
{
	char *bytes = calloc(1, MUCH);
	int ends[2], begin[2], status;
	pid_t child;

	(void)state;
	assert_non_null(bytes);
	assert_int_equal(0, pipe2(ends, O_CLOEXEC));
	assert_int_equal(0, pipe2(begin, O_CLOEXEC));
	assert_int_equal(0, fcntl(ends[1], F_SETFL, O_NONBLOCK));
	child = fork();
	if (child == 0) {
		close(ends[1]);
		_exit(drain(ends[0], begin[0]) != MUCH);
	}
	assert_int_equal(1, write(begin[1], "", 1));
	assert_int_equal(0, pool_io_write_ready(ends[1], bytes, MUCH, -1));
	assert_int_equal(0, pool_io_write_ready(ends[1], bytes, 0, 0));
	close(ends[1]);
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_int_equal(0, status);
	close(ends[0]);
	assert_int_equal(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	assert_int_equal(ETIMEDOUT, pool_io_write_ready(ends[1], bytes, MUCH, 1));
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(EPIPE, pool_io_write_ready(ends[1], bytes, 1, 1));
	close(ends[1]);
	close(begin[0]);
	close(begin[1]);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_where_it_should),
		cmocka_unit_test(test_reads_to_the_end_of_the_file),
		cmocka_unit_test(test_part_of_it_is_a_failure),
		cmocka_unit_test(test_tells_why),
		cmocka_unit_test(test_goes_on_after_signals),
		cmocka_unit_test(test_waits_until_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
