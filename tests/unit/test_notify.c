/* What the service manager is told. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"
#include "watch/notify.h"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The manager's end, at a path or behind "@". */
static int listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(0, bind(fd, (const struct sockaddr *)&address, length));
	return fd;
}

static void expect(int fd, const char *message)
{
	char got[200] = "";

	assert_int_equal(strlen(message), recv(fd, got, sizeof(got) - 1, 0));
	assert_string_equal(message, got);
}

static void tell_at(const char *name)
{
	struct pool_notifier notifier;
	int fd = listen_at(name);

	pool_notifier_open(&notifier, name);
	assert_true(notifier.fd >= 0);
	pool_notify(&notifier, "READY=1\nSTATUS=x");
	pool_notify(&notifier, "STOPPING=1");
	expect(fd, "READY=1\nSTATUS=x");
	expect(fd, "STOPPING=1");
	/* The manager goes, or does not read: nobody waits, nothing fails. */
	for (int i = 0; i < 10000; i++)
		pool_notify(&notifier, "STATUS=many");
	close(fd);
	pool_notify(&notifier, "STATUS=nobody");
	pool_notifier_close(&notifier);
	assert_int_equal(-1, notifier.fd);
	pool_notifier_close(&notifier);
	pool_notify(&notifier, "STATUS=closed");
}

static void a_socket_may_be_a_path(void **state)
{
	char folder[64], path[100];

	(void)state;
	fixture_folder_make(folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/notify", folder);
	tell_at(path);
	fixture_folder_remove(folder);
}

static void a_socket_may_be_abstract(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@pool-unit-%d", (int)getpid());
	tell_at(name);
}

static void the_longest_names_that_fit_will_do(void **state)
{
	struct sockaddr_un address;
	char name[sizeof(address.sun_path) + 1];
	struct pool_notifier notifier;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 2] = '\0';
	snprintf(name, 16, "@%d", (int)getpid());
	name[strlen(name)] = 'x';
	assert_int_equal(sizeof(address.sun_path) - 1, strlen(name));
	tell_at(name);
	name[0] = '/';
	strcat(name, "x");
	pool_notifier_open(&notifier, name);
	assert_int_equal(-1, notifier.fd);
}

static void without_a_socket_nobody_is_told(void **state)
{
	static const char *const names[] = {
		NULL, "", "relative", "vsock:2:1234", "unix:/run/x"};

	(void)state;
	for (size_t i = 0; i < SIZE(names); i++) {
		struct pool_notifier notifier;

		pool_notifier_open(&notifier, names[i]);
		assert_int_equal(-1, notifier.fd);
		pool_notify(&notifier, "READY=1");
		pool_notify_reloading(&notifier);
		pool_notifier_close(&notifier);
	}
}

static int64_t monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void reloading_comes_with_its_time(void **state)
{
	struct pool_notifier notifier;
	char name[64], got[200] = "";
	int64_t before_us = monotonic_us(), told_us = 0;
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "@pool-unit-reload-%d", (int)getpid());
	fd = listen_at(name);
	pool_notifier_open(&notifier, name);
	pool_notify_reloading(&notifier);
	assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
	assert_int_equal(
		1, sscanf(got, "RELOADING=1\nMONOTONIC_USEC=%" SCNd64, &told_us));
	assert_in_range(told_us, before_us, monotonic_us());
	pool_notifier_close(&notifier);
	close(fd);
}

static void the_watchdog_is_fed_twice_as_often_as_it_wants(void **state)
{
	char own[24], other[24];
	const struct {
		const char *usec, *pid;
		int64_t expected;
	} cases[] = {
		{NULL, NULL, 0},
		{NULL, own, 0},
		{"", NULL, 0},
		{"0", NULL, 0},
		{"-1", NULL, 0},
		{"x", NULL, 0},
		{"1s", NULL, 0},
		{"2", NULL, 1000},
		{"30000000", NULL, INT64_C(15000000000)},
		{"30000000", own, INT64_C(15000000000)},
		{"30000000", other, 0},
		{"30000000", "", 0},
		{"30000000", "x", 0},
		{"30000000", "99999999999999999999", 0},
		{"9223372036854775", NULL, INT64_C(9223372036854775) * 500},
		{"9223372036854776", NULL, 0},
		{"18446744073709551615", NULL, 0},
	};

	(void)state;
	snprintf(own, sizeof(own), "%d", (int)getpid());
	snprintf(other, sizeof(other), "%d", (int)getppid());
	for (size_t i = 0; i < SIZE(cases); i++) {
		int64_t got = pool_notify_watchdog_ns(cases[i].usec, cases[i].pid);

		if (got != cases[i].expected)
			fail_msg("case %zu: %lld", i, (long long)got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_may_be_a_path),
		cmocka_unit_test(a_socket_may_be_abstract),
		cmocka_unit_test(the_longest_names_that_fit_will_do),
		cmocka_unit_test(without_a_socket_nobody_is_told),
		cmocka_unit_test(reloading_comes_with_its_time),
		cmocka_unit_test(the_watchdog_is_fed_twice_as_often_as_it_wants),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
