/* The HTTP server, over real sockets, and where it is told to listen. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
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
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "watch/server.h"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* --- where to listen ------------------------------------------------------------ */

static void places_to_listen_at_are_read(void **state)
{
	static const struct {
		const char *text, *host; /* NULL: refused */
		uint16_t port;
	} cases[] = {
		{"9469", "127.0.0.1", 9469},
		{"0", "127.0.0.1", 0},
		{"65535", "127.0.0.1", 65535},
		{"127.0.0.1:9469", "127.0.0.1", 9469},
		{"0.0.0.0:80", "0.0.0.0", 80},
		{"[::1]:9469", "::1", 9469},
		{"[::]:0", "::", 0},
		{"[fe80::1:2]:1", "fe80::1:2", 1},
		{"", NULL, 0},
		{":", NULL, 0},
		{":9469", NULL, 0},
		{"65536", NULL, 0},
		{"-1", NULL, 0},
		{"+1", NULL, 0},
		{" 1", NULL, 0},
		{"1 ", NULL, 0},
		{"0x10", NULL, 0},
		{"127.0.0.1", NULL, 0},
		{"127.0.0.1:", NULL, 0},
		{"127.0.0.1:x", NULL, 0},
		{"127.1:80", NULL, 0},
		{"localhost:80", NULL, 0},
		{"::1:80", NULL, 0},
		{"[::1]", NULL, 0},
		{"[::1]80", NULL, 0},
		{"[::1:80", NULL, 0},
		{"::1]:80", NULL, 0},
		{"[]:80", NULL, 0},
		{"[:80", NULL, 0},
		{"[127.0.0.1]:80", NULL, 0},
		{"[fe80::1%lo]:80", NULL, 0},
		{"http://127.0.0.1:80", NULL, 0},
		{"127.0.0.1:80:80", NULL, 0},
		{"1111111111111111111111111111111111111111111111111111111111111111111:1",
			NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_listen out = {"untouched", 7};
		bool good = pool_listen_parse(cases[i].text, &out);

		if (good != (cases[i].host != NULL) ||
			strcmp(out.host, good ? cases[i].host : "untouched") != 0 ||
			out.port != (good ? cases[i].port : 7))
			fail_msg("'%s': %d, %s, port %u", cases[i].text, good, out.host,
				out.port);
	}
}

/* --- a server ------------------------------------------------------------------- */

struct world {
	struct pool_server *server;
	struct sockaddr_in address;
	int status;
	bool broken; /* nothing can be rendered */
	int rendered[POOL_PAGES];
};

static int render(void *context, enum pool_page page, struct pool_text *body,
	struct pool_text *policy)
{
	struct world *world = context;

	world->rendered[page]++;
	if (world->broken) {
		body->broken = true;
		return 200;
	}
	pool_text_addf(body, "page %d\n", (int)page);
	if (page == POOL_PAGE_DASHBOARD)
		pool_text_addf(policy, "default-src 'none'");
	return world->status;
}

static int start_at(void **state, const char *host)
{
	static const char *const hosts[] = {"allowed.example"};
	struct world *world = test_calloc(1, sizeof(*world));
	struct pool_server_options options = {.render = render,
		.context = world,
		.silence_s = 2,
		.request_s = 5,
		.machine = "web1.corp.example",
		.hosts = hosts,
		.host_count = SIZE(hosts)};
	struct pool_listen where = {.port = 0};
	struct pool_fault fault = {0};
	const char *url;

	world->status = 200;
	snprintf(where.host, sizeof(where.host), "%s", host);
	if (pool_server_new(&world->server, &where, &options, &fault) != 0)
		fail_msg("%s", fault.text);
	url = pool_server_url(world->server);
	world->address.sin_family = AF_INET;
	world->address.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
	world->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*state = world;
	return 0;
}

static int start(void **state)
{
	return start_at(state, "127.0.0.1");
}

static int start_everywhere(void **state)
{
	return start_at(state, "0.0.0.0");
}

static int end(void **state)
{
	struct world *world = *state;

	pool_server_free(world->server);
	test_free(world);
	return 0;
}

static int64_t now_ns(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns;
}

/* One round of the loop around it, for <ms> at most. */
static void turn(struct world *world, int64_t ms)
{
	struct pollfd one = {
		.fd = pool_server_descriptor(world->server), .events = POLLIN};
	int64_t due_ns = pool_server_due_ns(world->server);
	int64_t end_ns = now_ns() + ms * POOL_NS_PER_MS, left_ms;

	due_ns = due_ns < end_ns ? due_ns : end_ns;
	left_ms = (due_ns - now_ns() + POOL_NS_PER_MS - 1) / POOL_NS_PER_MS;
	poll(&one, 1, left_ms > 0 ? (int)left_ms : 0);
	pool_server_turn(world->server);
}

static int connect_to(const struct world *world)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(0,
		connect(fd, (const struct sockaddr *)&world->address,
			sizeof(world->address)));
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(strlen(text), send(fd, text, strlen(text), MSG_NOSIGNAL));
}

/* All that comes until the end of the connection, or for <ms>; false: it did not end. */
static bool hear(struct world *world, int fd, char *out, size_t size, int64_t ms)
{
	const int64_t end_ns = now_ns() + ms * POOL_NS_PER_MS;
	size_t used = 0;

	out[0] = '\0';
	while (now_ns() < end_ns) {
		ssize_t length;

		turn(world, 5);
		length = recv(fd, out + used, size - 1 - used, MSG_DONTWAIT);
		if (length == 0 || (length < 0 && errno != EAGAIN))
			return true;
		used += length > 0 ? (size_t)length : 0;
		out[used] = '\0';
	}
	return false;
}

/* The whole answer to one request, whose connection is closed after it. */
static const char *ask(struct world *world, const char *request)
{
	static char answer[8192];
	int fd = connect_to(world);

	say(fd, request);
	assert_true(hear(world, fd, answer, sizeof(answer), 5000));
	close(fd);
	return answer;
}

#define CLOSE        "Connection: close\r\n\r\n"
#define HOST         "Host: 127.0.0.1:9469\r\n"
#define GET(path)    "GET " path " HTTP/1.1\r\n" HOST CLOSE
#define STATUS(code) "HTTP/1.1 " code " "

static void assert_begins(const char *expected, const char *answer)
{
	if (strncmp(expected, answer, strlen(expected)) != 0)
		fail_msg("expected %s, got %.200s", expected, answer);
}

static void assert_ends(const char *expected, const char *answer)
{
	size_t length = strlen(answer), wanted = strlen(expected);

	if (length < wanted || strcmp(answer + length - wanted, expected) != 0)
		fail_msg("expected %s, got %s", expected, answer);
}

static void each_page_is_answered(void **state)
{
	struct world *world = *state;

	for (int page = 0; page < POOL_PAGES; page++) {
		const struct pool_page_row *row = pool_page_get((enum pool_page)page);
		char request[200], body[40], type[100];
		const char *answer;

		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST CLOSE,
			row->path);
		snprintf(body, sizeof(body), "\r\n\r\npage %d\n", page);
		snprintf(type, sizeof(type), "Content-Type: %s\r\n", row->type);
		answer = ask(world, request);
		assert_begins(STATUS("200"), answer);
		assert_ends(body, answer);
		assert_non_null(strstr(answer, type));
		assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
		assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
		assert_int_equal(page == POOL_PAGE_DASHBOARD,
			strstr(answer,
				"Content-Security-Policy: default-src 'none'\r\n") !=
				NULL);
	}
}

static void head_is_get_without_the_body(void **state)
{
	struct world *world = *state;
	const char *answer = ask(world, "HEAD /metrics HTTP/1.1\r\n" HOST CLOSE);

	assert_begins(STATUS("200"), answer);
	assert_non_null(strstr(answer, "Content-Length: 7\r\n"));
	assert_ends("\r\n\r\n", answer);
}

static void what_is_asked_with_a_query_is_the_page(void **state)
{
	assert_begins(STATUS("200"), ask(*state, GET("/metrics?x=y")));
}

static void all_other_paths_are_not_there(void **state)
{
	static const char *const requests[] = {GET("/x"), GET("/metrics/"), GET("//"),
		GET("/../metrics"), GET("/METRICS"), GET("/api/v1/status/x")};

	for (size_t i = 0; i < SIZE(requests); i++)
		assert_begins(STATUS("404"), ask(*state, requests[i]));
}

static void all_other_methods_are_refused(void **state)
{
	static const char *const methods[] = {
		"PUT", "DELETE", "OPTIONS", "TRACE", "BREW", "get"};
	char request[200];
	const char *answer;

	for (size_t i = 0; i < SIZE(methods); i++) {
		snprintf(request, sizeof(request), "%s / HTTP/1.1\r\n" HOST CLOSE,
			methods[i]);
		answer = ask(*state, request);
		assert_begins(STATUS("405"), answer);
		assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
	}
	answer = ask(
		*state, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n" CLOSE "abc");
	assert_begins(STATUS("405"), answer);
}

static void the_host_must_be_this_machine(void **state)
{
	static const struct {
		const char *host;
		bool good;
	} cases[] = {
		{"Host: localhost\r\n", true},
		{"Host: LOCALHOST:9469\r\n", true},
		{"Host: 127.0.0.1\r\n", true},
		{"Host: [::1]:9469\r\n", true},
		{"Host: [::1]\r\n", true},
		{"Host: evil.example\r\n", false},
		{"Host: evil.example:9469\r\n", false},
		{"Host: localhost.evil.example\r\n", false},
		{"Host: 127.0.0.1.evil.example\r\n", false},
		{"Host: 127.0.0.2\r\n", false},
		{"Host: 0.0.0.0\r\n", false},
		{"Host: [::1].evil.example\r\n", false},
		{"Host: [evil.example]\r\n", false},
		{"Host: ::1\r\n", false},
		{"Host: evil@localhost\r\n", false},
	};
	struct world *world = *state;

	for (size_t i = 0; i < SIZE(cases); i++) {
		char request[200];
		const char *answer;

		snprintf(request, sizeof(request), "GET /healthz HTTP/1.1\r\n%s" CLOSE,
			cases[i].host);
		answer = ask(world, request);
		if (strncmp(answer, cases[i].good ? STATUS("200") : STATUS("403"), 13) !=
			0)
			fail_msg("%s: %.30s", cases[i].host, answer);
	}
	/* HTTP/1.0 has none; no browser speaks that. */
	assert_non_null(strstr(ask(world, "GET / HTTP/1.0\r\n\r\n"), " 200 "));
	/* What is refused is not rendered. */
	assert_int_equal(5, world->rendered[POOL_PAGE_HEALTH]);
}

/* Begins with the status of a page asked for by <version> and <headers>. */
static void assert_status(struct world *world, const char *status, const char *path,
	const char *version, const char *headers)
{
	char request[300], expected[40];
	const char *answer;

	snprintf(request, sizeof(request), "GET %s HTTP/%s\r\n%s" CLOSE, path, version,
		headers);
	answer = ask(world, request);
	snprintf(expected, sizeof(expected), " %s ", status);
	if (strncmp(answer, "HTTP/1.", 7) != 0 ||
		strncmp(answer + 8, expected, strlen(expected)) != 0)
		fail_msg("%s: expected %s, got %.40s", request, status, answer);
}

static void a_refusal_names_the_option(void **state)
{
	const char *answer =
		ask(*state, "GET / HTTP/1.1\r\nHost: pools.example\r\n" CLOSE);

	assert_begins(STATUS("403"), answer);
	assert_non_null(strstr(answer, "--allow-host"));
}

/* Those that scrape and probe use any name; what a person looks at is by known names. */
static void beyond_loopback_programs_may_use_any_name(void **state)
{
	static const char *const others[] = {
		"Host: proxies.example\r\n", "Host: proxies.example:9469\r\n"};
	static const char *const own[] = {"Host: 192.0.2.7:9469\r\n",
		"Host: [2001:db8::7]\r\n", "Host: web1.corp.example\r\n",
		"Host: WEB1:9469\r\n", "Host: allowed.example\r\n"};

	for (int page = 0; page < POOL_PAGES; page++) {
		const struct pool_page_row *row = pool_page_get((enum pool_page)page);

		for (size_t i = 0; i < SIZE(others); i++)
			assert_status(*state, row->any_host ? "200" : "403", row->path,
				"1.1", others[i]);
		for (size_t i = 0; i < SIZE(own); i++)
			assert_status(*state, "200", row->path, "1.1", own[i]);
	}
	assert_status(*state, "403", "/nothing", "1.1", others[0]);
	assert_status(*state, "404", "/nothing", "1.1", own[0]);
}

/* What no browser sends is no page that led here by a name of its own. */
static void a_web_server_that_speaks_http_1_0_may_pass_on_its_name(void **state)
{
	struct world *world = *state;
	char own[60];

	snprintf(own, sizeof(own), "Host: pools.example:%u\r\n",
		ntohs(world->address.sin_port));
	assert_status(world, "200", "/", "1.0", "Host: pools.example\r\n");
	assert_status(world, "200", "/", "1.0", "Host: pools.example:8443\r\n");
	assert_status(world, "403", "/", "1.0", own);
	assert_status(world, "403", "/", "1.1", "Host: pools.example:8443\r\n");
}

static void one_host_is_wanted(void **state)
{
	assert_status(
		*state, "400", "/", "1.1", "Host: localhost\r\nHost: localhost\r\n");
	assert_status(
		*state, "400", "/", "1.1", "Host: localhost\r\nhost: evil.example\r\n");
	assert_status(
		*state, "400", "/", "1.0", "Host: localhost\r\nHost: evil.example\r\n");
	assert_status(*state, "400", "/", "1.1", "");
}

static void a_page_has_the_status_that_its_maker_says(void **state)
{
	struct world *world = *state;

	world->status = 503;
	assert_begins(STATUS("503"), ask(world, GET("/readyz")));
}

static void an_answer_is_kept_for_half_a_second(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 20; i++)
		assert_ends("page 1\n", ask(world, GET("/metrics")));
	assert_in_range(world->rendered[POOL_PAGE_METRICS], 1, 3);
	world->rendered[POOL_PAGE_METRICS] = 0;
	for (int64_t end_ns = now_ns() + 600 * POOL_NS_PER_MS; now_ns() < end_ns;)
		turn(world, 20);
	ask(world, GET("/metrics"));
	assert_int_equal(1, world->rendered[POOL_PAGE_METRICS]);
	/* But what says how we do is made anew each time. */
	ask(world, GET("/readyz"));
	ask(world, GET("/readyz"));
	assert_int_equal(2, world->rendered[POOL_PAGE_READY]);
}

static void what_cannot_be_rendered_ends_the_connection(void **state)
{
	struct world *world = *state;

	world->broken = true;
	assert_string_equal("", ask(world, GET("/metrics")));
	world->broken = false;
	assert_begins(STATUS("200"), ask(world, GET("/metrics")));
}

static void several_requests_may_use_one_connection(void **state)
{
	struct world *world = *state;
	char answer[8192];
	int fd = connect_to(world);

	say(fd,
		"GET /metrics HTTP/1.1\r\n" HOST "\r\n"
		"GET /healthz HTTP/1.1\r\n" HOST "\r\n"
		"HEAD / HTTP/1.1\r\n" HOST "\r\n" GET("/x"));
	assert_true(hear(world, fd, answer, sizeof(answer), 5000));
	close(fd);
	assert_non_null(strstr(answer, "page 1\n"));
	assert_non_null(strstr(answer, "page 3\n"));
	assert_non_null(strstr(answer, STATUS("404")));
}

static void what_is_no_request_is_refused(void **state)
{
	static const char *const rubbish[] = {"\r\n\r\n\r\n\r\nx\r\n\r\n",
		"hello\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n",
		"GET / HTTP/9.9\r\n\r\n"};
	struct world *world = *state;
	char answer[8192], *header = malloc(100000);
	int fd;

	for (size_t i = 0; i < SIZE(rubbish); i++) {
		fd = connect_to(world);
		say(fd, rubbish[i]);
		shutdown(fd, SHUT_WR);
		if (!hear(world, fd, answer, sizeof(answer), 5000) ||
			strstr(answer, " 200 "))
			fail_msg("%zu: %s", i, answer);
		close(fd);
	}
	/* More than it has room for. */
	assert_non_null(header);
	memset(header, 'x', 99999);
	header[99999] = '\0';
	fd = connect_to(world);
	say(fd, "GET / HTTP/1.1\r\nX: ");
	say(fd, header);
	free(header);
	assert_true(hear(world, fd, answer, sizeof(answer), 5000));
	close(fd);
	assert_null(strstr(answer, " 200 "));
	assert_begins(STATUS("200"), ask(world, GET("/")));
}

static void a_body_that_nobody_wants_is_passed_over(void **state)
{
	struct world *world = *state;
	char answer[8192];
	int fd = connect_to(world);

	say(fd,
		"GET /metrics HTTP/1.1\r\n" HOST
		"Content-Length: 5\r\n\r\nhello" GET("/healthz"));
	assert_true(hear(world, fd, answer, sizeof(answer), 5000));
	close(fd);
	assert_begins(STATUS("200"), answer);
	assert_ends("page 3\n", answer);
}

/* --- too many and too slow ------------------------------------------------------ */

enum { CLIENTS = 64, MORE = 100 };

static double cpu_s(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Who says nothing takes no place from who asks. And nobody makes it spin. */
static void silent_clients_give_way(void **state)
{
	struct world *world = *state;
	char answer[8192], byte;
	int fds[MORE], gone = 0;
	double before_s;

	for (int i = 0; i < MORE; i++) {
		fds[i] = connect_to(world);
		turn(world, 0);
	}
	before_s = cpu_s();
	for (int64_t end_ns = now_ns() + POOL_NS_PER_S; now_ns() < end_ns;)
		turn(world, 100);
	assert_true(cpu_s() - before_s < 0.3);
	/* A new one, and the last of those. */
	assert_begins(STATUS("200"), ask(world, GET("/healthz")));
	say(fds[MORE - 1], GET("/healthz"));
	assert_true(hear(world, fds[MORE - 1], answer, sizeof(answer), 5000));
	assert_begins(STATUS("200"), answer);
	/* The longest silent are those who went. */
	while (gone < MORE && recv(fds[gone], &byte, 1, MSG_DONTWAIT) == 0)
		gone++;
	assert_in_range(gone, MORE - CLIENTS, MORE - CLIENTS / 2);
	for (int i = gone; i < MORE - 1; i++)
		assert_int_equal(-1, recv(fds[i], &byte, 1, MSG_DONTWAIT));
	for (int i = 0; i < MORE; i++)
		close(fds[i]);
}

/* Begins a request and says nothing more, or says nothing at all. */
static void silent_clients_are_cut_off(void **state)
{
	struct world *world = *state;
	int silent = connect_to(world), slow = connect_to(world),
	    idle = connect_to(world);
	char answer[8192];
	int64_t began_ns = now_ns();
	double before_s = cpu_s();

	say(slow, "GET / HT");
	say(idle, "GET / HTTP/1.1\r\n" HOST "\r\n");
	assert_true(hear(world, silent, answer, sizeof(answer), 10000));
	assert_string_equal("", answer);
	assert_true(hear(world, slow, answer, sizeof(answer), 3000));
	assert_null(strstr(answer, " 200 "));
	assert_true(hear(world, idle, answer, sizeof(answer), 3000));
	assert_begins(STATUS("200"), answer);
	assert_in_range(now_ns() - began_ns, 1 * POOL_NS_PER_S, 5 * POOL_NS_PER_S);
	/* The turns here are of 5 ms. */
	assert_true(cpu_s() - before_s < 2);
	close(silent);
	close(slow);
	close(idle);
}

/* A byte now and then is not a client that says nothing. */
static void clients_that_dribble_are_cut_off(void **state)
{
	struct world *world = *state;
	int fd = connect_to(world);
	char byte;
	bool cut = false;

	say(fd, "GET / HTTP/1.1\r\nX: ");
	for (int64_t end_ns = now_ns() + 20 * POOL_NS_PER_S; !cut && now_ns() < end_ns;) {
		cut = send(fd, "x", 1, MSG_NOSIGNAL) != 1 ||
			recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
		for (int i = 0; i < 10; i++)
			turn(world, 50);
	}
	close(fd);
	assert_true(cut);
}

static void a_port_that_is_taken_is_named(void **state)
{
	struct world *world = *state;
	const struct pool_server_options options = {.render = render, .context = world};
	const struct pool_listen where = {
		.host = "127.0.0.1", .port = ntohs(world->address.sin_port)};
	struct pool_server *server = NULL;
	struct pool_fault fault = {0};
	char expected[100];

	assert_int_equal(
		POOL_ESYSTEM, pool_server_new(&server, &where, &options, &fault));
	assert_null(server);
	snprintf(expected, sizeof(expected), "127.0.0.1, port %u", where.port);
	assert_non_null(strstr(fault.text, expected));
	assert_int_equal(EADDRINUSE, fault.sys_errno);
}

static void a_server_may_end_in_the_middle_of_everything(void **state)
{
	struct world *world = *state;
	int fds[10];

	for (int i = 0; i < 10; i++) {
		fds[i] = connect_to(world);
		say(fds[i], i % 2 ? "GET /metrics HTTP/1.1\r\n" HOST "\r\n" : "GET / HT");
		turn(world, 5);
	}
	pool_server_free(world->server);
	for (int i = 0; i < 10; i++)
		close(fds[i]);
	world->server = NULL;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_to_listen_at_are_read),
		CASE(each_page_is_answered),
		CASE(head_is_get_without_the_body),
		CASE(what_is_asked_with_a_query_is_the_page),
		CASE(all_other_paths_are_not_there),
		CASE(all_other_methods_are_refused),
		CASE(the_host_must_be_this_machine),
		cmocka_unit_test_setup_teardown(
			beyond_loopback_programs_may_use_any_name, start_everywhere, end),
		cmocka_unit_test_setup_teardown(a_refusal_names_the_option, start, end),
		cmocka_unit_test_setup_teardown(
			a_web_server_that_speaks_http_1_0_may_pass_on_its_name, start,
			end),
		cmocka_unit_test_setup_teardown(one_host_is_wanted, start, end),
		CASE(a_page_has_the_status_that_its_maker_says),
		CASE(an_answer_is_kept_for_half_a_second),
		CASE(what_cannot_be_rendered_ends_the_connection),
		CASE(several_requests_may_use_one_connection),
		CASE(a_body_that_nobody_wants_is_passed_over),
		CASE(what_is_no_request_is_refused),
		CASE(silent_clients_give_way),
		CASE(silent_clients_are_cut_off),
		CASE(clients_that_dribble_are_cut_off),
		CASE(a_port_that_is_taken_is_named),
		CASE(a_server_may_end_in_the_middle_of_everything),
	};

	signal(SIGPIPE, SIG_IGN);
	alarm(120);
	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
