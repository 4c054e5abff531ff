/* The control socket, both its sides in one process. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"
#include "base/clock.h"
#include "watch/remote.h"

struct world {
	char folder[64];
	char state[2048];
	char socket[2100];
	struct pool_loop loop;
	struct pool_remote remote;
	/* What is asked for, and what is answered. */
	int carried[POOL_REMOTE_COMMANDS];
	int answer;
	const char *text;
};

static int carry_out(
	void *context, enum pool_remote_command command, struct pool_fault *fault)
{
	struct world *world = context;

	assert_in_range(command, 0, POOL_REMOTE_COMMANDS - 1);
	world->carried[command]++;
	return world->answer ? pool_fault_set(fault, world->answer, 0, "%s", world->text)
			     : 0;
}

static void open_remote(struct world *world)
{
	struct pool_fault fault = {0};

	pool_remote_init(&world->remote);
	world->remote.carry_out = carry_out;
	world->remote.context = world;
	if (pool_remote_open(&world->remote, &world->loop, world->state, &fault) != 0)
		fail_msg("%s", fault.text);
}

static int start(void **state)
{
	struct world *world = test_calloc(1, sizeof(*world));

	fixture_folder_make(world->folder, sizeof(world->folder));
	snprintf(world->state, sizeof(world->state), "%s/state", world->folder);
	snprintf(world->socket, sizeof(world->socket), "%s.watch.sock", world->state);
	pool_loop_init(&world->loop);
	assert_int_equal(0, pool_loop_open(&world->loop, NULL));
	open_remote(world);
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	pool_remote_close(&world->remote);
	pool_loop_close(&world->loop);
	assert_int_equal(-1, access(world->socket, F_OK));
	fixture_folder_remove(world->folder);
	test_free(world);
	return 0;
}

static int64_t now_ns(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns;
}

/* The other side, in a thread of its own. */
struct asking {
	pthread_t thread;
	const char *state;
	enum pool_remote_command command;
	int64_t timeout_ms;
	int error;
	struct pool_fault fault;
	bool done;
};

static void *ask(void *context)
{
	struct asking *asking = context;

	asking->error = pool_remote_ask(
		asking->state, asking->command, asking->timeout_ms, &asking->fault);
	__atomic_store_n(&asking->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static struct asking *begin_asking(
	const struct world *world, enum pool_remote_command command, int64_t timeout_ms)
{
	struct asking *asking = test_calloc(1, sizeof(*asking));

	asking->state = world->state;
	asking->command = command;
	asking->timeout_ms = timeout_ms;
	assert_int_equal(0, pthread_create(&asking->thread, NULL, ask, asking));
	return asking;
}

/* The loop turns meanwhile. */
static int end_asking(struct world *world, struct asking *asking, char *text, size_t size)
{
	int error;

	while (!__atomic_load_n(&asking->done, __ATOMIC_ACQUIRE))
		pool_loop_wait(&world->loop, now_ns() + 5 * POOL_NS_PER_MS);
	pthread_join(asking->thread, NULL);
	error = asking->error;
	if (text)
		snprintf(text, size, "%s", asking->fault.text);
	test_free(asking);
	return error;
}

/* A client by hand. */
static int connect_by_hand(const struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(strlen(world->socket) < sizeof(address.sun_path));
	strcpy(address.sun_path, world->socket);
	assert_true(fd >= 0);
	assert_int_equal(
		0, connect(fd, (const struct sockaddr *)&address, sizeof(address)));
	return fd;
}

/* What <fd> is answered within a second: its length, or -1 for nothing yet. */
static ssize_t receive(struct world *world, int fd, char *out, size_t size)
{
	ssize_t length = -1;

	memset(out, 0, size);
	for (int i = 0; i < 100 && length < 0; i++) {
		pool_loop_wait(&world->loop, now_ns() + 10 * POOL_NS_PER_MS);
		length = recv(fd, out, size - 1, MSG_DONTWAIT);
	}
	return length;
}

static void each_command_is_carried_out_and_answered(void **state)
{
	struct world *world = *state;

	for (int command = 0; command < POOL_REMOTE_COMMANDS; command++) {
		struct asking *asking =
			begin_asking(world, (enum pool_remote_command)command, 5000);

		assert_int_equal(0, end_asking(world, asking, NULL, 0));
		for (int i = 0; i < POOL_REMOTE_COMMANDS; i++)
			assert_int_equal(i <= command, world->carried[i]);
	}
}

static void a_refusal_comes_with_its_code_and_its_text(void **state)
{
	struct world *world = *state;
	char text[sizeof(((struct pool_fault *)NULL)->text)];

	world->text = "pool.json:1:2: error: '...' is wrong \xc3\xa4";
	for (int error = POOL_EINVALID; error >= POOL_EUNKNOWN; error--) {
		world->answer = error;
		assert_int_equal(error,
			end_asking(world, begin_asking(world, POOL_REMOTE_RELOAD, 5000),
				text, sizeof(text)));
		assert_string_equal(world->text, text);
	}
}

/* As long as a fault can be. */
static void a_long_text_is_not_cut(void **state)
{
	struct world *world = *state;
	char text[sizeof(((struct pool_fault *)NULL)->text)], got[sizeof(text)];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	world->answer = POOL_EINVALID;
	world->text = text;
	assert_int_equal(POOL_EINVALID,
		end_asking(world, begin_asking(world, POOL_REMOTE_RELOAD, 5000), got,
			sizeof(got)));
	assert_string_equal(text, got);
}

static void nobody_there_is_unknown(void **state)
{
	struct world *world = *state;
	struct pool_fault fault = {0};
	char leftover[2200];

	pool_remote_close(&world->remote);
	assert_int_equal(POOL_EUNKNOWN,
		pool_remote_ask(world->state, POOL_REMOTE_STOP, 100, &fault));
	assert_non_null(strstr(fault.text, world->socket));
	/* No folder either. */
	assert_int_equal(POOL_EUNKNOWN,
		pool_remote_ask("/nonexistent/state", POOL_REMOTE_STOP, 100, &fault));
	/* A socket that a killed watcher has left. */
	open_remote(world);
	snprintf(leftover, sizeof(leftover), "%s.kept", world->socket);
	assert_int_equal(0, link(world->socket, leftover));
	pool_remote_close(&world->remote);
	assert_int_equal(0, rename(leftover, world->socket));
	assert_int_equal(POOL_EUNKNOWN,
		pool_remote_ask(world->state, POOL_REMOTE_STOP, 100, NULL));
	/* It is replaced. */
	open_remote(world);
	assert_int_equal(0,
		end_asking(world, begin_asking(world, POOL_REMOTE_STOP, 5000), NULL, 0));
}

static void the_socket_is_for_its_owner_alone(void **state)
{
	struct world *world = *state;
	struct stat status;

	assert_int_equal(0, stat(world->socket, &status));
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(0600, status.st_mode & 0777);
}

static void a_path_longer_than_an_address_will_do(void **state)
{
	struct world *world = *state;

	pool_remote_close(&world->remote);
	snprintf(world->state, sizeof(world->state), "%s", world->folder);
	for (int i = 0; i < 8; i++) {
		size_t length = strlen(world->state);

		memset(world->state + length, 'd', 100);
		world->state[length] = '/';
		world->state[length + 100] = '\0';
		assert_int_equal(0, mkdir(world->state, 0700));
	}
	strcat(world->state, "/state");
	snprintf(world->socket, sizeof(world->socket), "%s.watch.sock", world->state);
	open_remote(world);
	assert_int_equal(0, access(world->socket, F_OK));
	assert_int_equal(0,
		end_asking(
			world, begin_asking(world, POOL_REMOTE_RELOAD, 5000), NULL, 0));
	assert_int_equal(1, world->carried[POOL_REMOTE_RELOAD]);
}

static void a_name_that_fits_in_no_address_is_refused(void **state)
{
	struct world *world = *state;
	struct pool_fault fault = {0};

	pool_remote_close(&world->remote);
	snprintf(world->state, sizeof(world->state), "%s/%0120d", world->folder, 1);
	assert_int_equal(POOL_ESYSTEM,
		pool_remote_open(&world->remote, &world->loop, world->state, &fault));
	assert_int_equal(ENAMETOOLONG, fault.sys_errno);
	assert_int_equal(-1, world->remote.source.fd);
	assert_int_equal(POOL_ESYSTEM,
		pool_remote_ask(world->state, POOL_REMOTE_STOP, 100, &fault));
	assert_int_equal(ENAMETOOLONG, fault.sys_errno);
}

static void a_foreign_word_is_refused_in_words(void **state)
{
	static const char *const words[] = {"restart", "", "reload ",
		"reloadreloadreload", "RELOAD", "stop\n", "\x01\x02"};
	struct world *world = *state;
	char line[600];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int fd = connect_by_hand(world);

		assert_int_equal(strlen(words[i]),
			send(fd, words[i], strlen(words[i]), MSG_NOSIGNAL));
		assert_true(receive(world, fd, line, sizeof(line)) > 0);
		assert_int_equal(POOL_EARGUMENT, atoi(line));
		assert_non_null(strstr(line, " the watcher does not know"));
		assert_int_equal(0, receive(world, fd, line, sizeof(line)));
		close(fd);
	}
	assert_int_equal(0, world->carried[0] + world->carried[1]);
}

/* It takes one of the places, no more. */
static void who_says_nothing_keeps_nobody_waiting(void **state)
{
	struct world *world = *state;
	int silent[POOL_REMOTE_CLIENTS];
	char line[600];

	for (int i = 0; i < POOL_REMOTE_CLIENTS - 1; i++)
		silent[i] = connect_by_hand(world);
	assert_int_equal(0,
		end_asking(
			world, begin_asking(world, POOL_REMOTE_RELOAD, 5000), NULL, 0));
	/* The last place. */
	silent[POOL_REMOTE_CLIENTS - 1] = connect_by_hand(world);
	assert_int_equal(POOL_EBUSY,
		end_asking(
			world, begin_asking(world, POOL_REMOTE_RELOAD, 5000), NULL, 0));
	/* One of them leaves. */
	close(silent[3]);
	assert_int_equal(0,
		end_asking(
			world, begin_asking(world, POOL_REMOTE_RELOAD, 5000), NULL, 0));
	silent[3] = connect_by_hand(world);
	assert_int_equal(4, send(silent[0], "stop", 4, MSG_NOSIGNAL));
	assert_int_equal(2, receive(world, silent[0], line, sizeof(line)));
	assert_string_equal("0 ", line);
	for (int i = 0; i < POOL_REMOTE_CLIENTS; i++)
		close(silent[i]);
}

static void who_does_not_wait_for_the_answer_harms_nobody(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 3 * POOL_REMOTE_CLIENTS; i++) {
		int fd = connect_by_hand(world);

		assert_int_equal(6, send(fd, "reload", 6, MSG_NOSIGNAL));
		close(fd);
		pool_loop_wait(&world->loop, now_ns() + 50 * POOL_NS_PER_MS);
		pool_loop_wait(&world->loop, now_ns() + 50 * POOL_NS_PER_MS);
		assert_int_equal(i + 1, world->carried[POOL_REMOTE_RELOAD]);
	}
}

/* It was stopped, or waits for a disk: more of them than the kernel lets in. */
static void a_watcher_that_hangs_is_not_waited_for(void **state)
{
	struct world *world = *state;
	struct asking *askings[3 * POOL_REMOTE_CLIENTS];
	int64_t began_ns = now_ns();

	for (int i = 0; i < 3 * POOL_REMOTE_CLIENTS; i++)
		askings[i] = begin_asking(world, POOL_REMOTE_RELOAD, 300);
	for (int i = 0; i < 3 * POOL_REMOTE_CLIENTS; i++) {
		for (int j = 0;
			j < 500 && !__atomic_load_n(&askings[i]->done, __ATOMIC_ACQUIRE);
			j++)
			poll(NULL, 0, 10);
		if (!__atomic_load_n(&askings[i]->done, __ATOMIC_ACQUIRE))
			fail_msg("number %d waits still", i);
		assert_int_equal(POOL_EBUSY, end_asking(world, askings[i], NULL, 0));
	}
	assert_true(now_ns() - began_ns < 3 * POOL_NS_PER_S);
}

static void an_answer_that_is_none_is_no_success(void **state)
{
	static const struct {
		const char *line;
		int expected;
	} cases[] = {{"", POOL_EBUSY}, {"hello", POOL_ESYSTEM}, {"7 x", POOL_ESYSTEM},
		{"-99 x", POOL_ESYSTEM}, {"0", 0}, {"0 ", 0}, {"-6 x", POOL_EBUSY},
		{" x", POOL_ESYSTEM}};
	struct world *world = *state;

	pool_loop_remove(&world->loop, &world->remote.source);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct asking *asking = begin_asking(world, POOL_REMOTE_RELOAD, 5000);
		struct pollfd one = {.fd = world->remote.source.fd, .events = POLLIN};
		int fd;

		assert_int_equal(1, poll(&one, 1, 5000));
		fd = accept(world->remote.source.fd, NULL, NULL);
		assert_true(fd >= 0);
		if (*cases[i].line)
			assert_true(send(fd, cases[i].line, strlen(cases[i].line),
					    MSG_NOSIGNAL) > 0);
		shutdown(fd, SHUT_WR);
		if (end_asking(world, asking, NULL, 0) != cases[i].expected)
			fail_msg("'%s'", cases[i].line);
		close(fd);
	}
	assert_int_equal(0, pool_loop_add(&world->loop, &world->remote.source, NULL));
}

/* The client cannot be accepted, and would be ready for ever. */
static void without_descriptors_clients_are_turned_away(void **state)
{
	struct world *world = *state;
	struct rlimit before, few;
	char line[100];
	int fd, taken[64], count = 0, turns = 0;
	ssize_t length = -1;

	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &before));
	fd = connect_by_hand(world);
	few = (struct rlimit){60, before.rlim_max};
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &few));
	while (count < 64 && (taken[count] = open("/", O_PATH | O_CLOEXEC)) >= 0)
		count++;
	assert_int_equal(EMFILE, errno);
	for (int64_t end_ns = now_ns() + POOL_NS_PER_S / 2; now_ns() < end_ns; turns++) {
		pool_loop_wait(&world->loop, end_ns);
		if (length < 0)
			length = recv(fd, line, sizeof(line), MSG_DONTWAIT);
	}
	while (count)
		close(taken[--count]);
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &before));
	close(fd);
	assert_int_equal(0, length);
	assert_in_range(turns, 1, 10);
	assert_int_equal(0,
		end_asking(
			world, begin_asking(world, POOL_REMOTE_RELOAD, 5000), NULL, 0));
}

/* Whatever the socket's mode: here it is a child without rights that asks. */
static void another_user_is_not_listened_to(void **state)
{
	struct world *world = *state;
	int status = -1;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_int_equal(0, chmod(world->folder, 0755));
	assert_int_equal(0, chmod(world->socket, 0666));
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(99);
		/* Root it trusts; but it is not answered. */
		_exit(-pool_remote_ask(world->state, POOL_REMOTE_STOP, 3000, NULL));
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		pool_loop_wait(&world->loop, now_ns() + 10 * POOL_NS_PER_MS);
	assert_true(WIFEXITED(status));
	assert_int_equal(-POOL_EBUSY, WEXITSTATUS(status));
	assert_int_equal(0, world->carried[POOL_REMOTE_STOP]);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_command_is_carried_out_and_answered),
		CASE(a_refusal_comes_with_its_code_and_its_text),
		CASE(a_long_text_is_not_cut),
		CASE(nobody_there_is_unknown),
		CASE(the_socket_is_for_its_owner_alone),
		CASE(a_path_longer_than_an_address_will_do),
		CASE(a_name_that_fits_in_no_address_is_refused),
		CASE(a_foreign_word_is_refused_in_words),
		CASE(who_says_nothing_keeps_nobody_waiting),
		CASE(who_does_not_wait_for_the_answer_harms_nobody),
		CASE(a_watcher_that_hangs_is_not_waited_for),
		CASE(an_answer_that_is_none_is_no_success),
		CASE(without_descriptors_clients_are_turned_away),
		CASE(another_user_is_not_listened_to),
	};

	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	return cmocka_run_group_tests_name("remote", tests, NULL, NULL);
}
