/* The engine against small servers of the test's own, one process each, on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "probe/engine.h"

/* --- servers -------------------------------------------------------------------- */

struct server {
	pid_t pid; /* 0: none */
	int fd;
	uint16_t port;
};

/* What a server does with its <number>th connection. */
typedef void serve_fn(int fd, int number, const char *text);

static void read_head(int fd, char *bytes, size_t size)
{
	size_t used = 0;
	ssize_t got;

	bytes[0] = '\0';
	while (used < size - 1 && (got = read(fd, bytes + used, size - 1 - used)) > 0) {
		used += (size_t)got;
		bytes[used] = '\0';
		if (strstr(bytes, "\r\n\r\n"))
			return;
	}
}

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		_exit(1);
}

static void answer(int fd, int number, const char *text)
{
	char head[4096];

	(void)number;
	read_head(fd, head, sizeof(head));
	say(fd, text);
}

static void answer_the_third(int fd, int number, const char *text)
{
	char head[4096];

	read_head(fd, head, sizeof(head));
	if (number >= 3)
		say(fd, text);
}

/* 200 if the head of the request holds the text, else 400. */
static void answer_if_asked_so(int fd, int number, const char *text)
{
	char head[4096];

	(void)number;
	read_head(fd, head, sizeof(head));
	say(fd,
		strstr(head, text) ? "HTTP/1.1 200 Yes\r\nContent-Length: 0\r\n\r\n"
				   : "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n");
}

static void stall(int fd, int number, const char *text)
{
	(void)fd;
	(void)number;
	(void)text;
	pause();
}

/* Greeting without authentication, then the reply whose number is in the text. */
static void speak_socks5(int fd, int number, const char *text)
{
	char bytes[512];
	char reply[10] = {5, (char)atoi(text), 0, 1};

	(void)number;
	if (read(fd, bytes, sizeof(bytes)) <= 0 || write(fd, "\5\0", 2) != 2 ||
		read(fd, bytes, sizeof(bytes)) <= 0)
		return;
	if (write(fd, reply, sizeof(reply)) < 0)
		_exit(1);
}

/* What is in the text, "\a" for a zero, a part up to each "|" for each message; then
 * silence. */
static void speak_and_stall(int fd, int number, const char *text)
{
	char bytes[512];

	(void)number;
	while (*text) {
		if (read(fd, bytes, sizeof(bytes)) <= 0)
			return;
		for (; *text && *text != '|'; text++)
			if (write(fd, *text == '\a' ? "" : text, 1) != 1)
				return;
		text += *text == '|';
	}
	pause();
}

/* A byte now and then, as long as there are some. */
static void trickle(int fd, int number, const char *text)
{
	(void)number;
	for (; *text && write(fd, text, 1) == 1; text++)
		usleep(20000);
	pause();
}

static int bind_loopback(uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&address, &length));
	*port = ntohs(address.sin_port);
	return fd;
}

static struct server start(serve_fn *serve, const char *text)
{
	struct server server;

	server.fd = bind_loopback(&server.port);
	assert_int_equal(0, listen(server.fd, 512));
	server.pid = fork();
	assert_true(server.pid >= 0);
	if (server.pid)
		return server;
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	for (int number = 1;; number++) {
		int fd = accept(server.fd, NULL, NULL);

		if (fd < 0)
			_exit(1);
		serve(fd, number, text);
		close(fd);
	}
}

/* A port that is taken but refuses. */
static struct server start_refusing(void)
{
	struct server server = {0};

	server.fd = bind_loopback(&server.port);
	return server;
}

static void stop(struct server *server)
{
	if (server->pid) {
		kill(server->pid, SIGKILL);
		waitpid(server->pid, NULL, 0);
	}
	close(server->fd);
}

/* --- runs ----------------------------------------------------------------------- */

enum { MOST = 200 };

struct seen {
	struct pool_probe_result results[MOST];
	int calls[MOST];
	bool hog; /* take all descriptors at the first end */
	int hogged[4096];
	size_t hogged_count;
	bool stop;
};

static void note(void *context, size_t index, const struct pool_probe_result *result)
{
	struct seen *seen = context;

	assert_true(index < MOST);
	seen->results[index] = *result;
	seen->calls[index]++;
	while (seen->hog && seen->hogged_count < 4096) {
		int fd = open("/", O_PATH | O_CLOEXEC);

		if (fd < 0)
			break;
		seen->hogged[seen->hogged_count++] = fd;
	}
}

static bool asked_to_stop(void *context)
{
	return ((struct seen *)context)->stop;
}

static struct pool_engine_options options_for(struct seen *seen)
{
	return (struct pool_engine_options){.concurrency = 50,
		.deadline_ms = 20000,
		.seed = 7,
		.done = note,
		.stop = asked_to_stop,
		.context = seen};
}

/* Run <count> copies of <probe>, through the proxy at <port>. */
static void run_with(struct pool_probe probe, size_t count, uint16_t port,
	struct pool_engine_options *options, struct pool_engine_report *report)
{
	char host[] = "127.0.0.1", user[] = "S3CRETuser", password[] = "S3CRETpass";
	struct pool_login login = {
		.host = host, .port = port, .user = user, .password = password};
	struct pool_probe probes[MOST] = {{0}};
	struct seen *seen = options->context;
	struct pool_fault fault;

	if (probe.login) {
		login.scheme = probe.login->scheme;
		login.user = probe.login->user ? probe.login->user : login.user;
		probe.login = &login;
	}
	for (size_t i = 0; i < count; i++)
		probes[i] = probe;
	assert_int_equal(0, pool_engine_run(probes, count, options, report, &fault));
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(1, seen->calls[i]);
		assert_true(seen->results[i].began_boot_ns > 0);
		assert_null(strstr(seen->results[i].detail, "S3CRET"));
	}
}

static struct pool_probe_result run_one(struct pool_probe probe, uint16_t port)
{
	struct seen seen = {0};
	struct pool_engine_options options = options_for(&seen);
	struct pool_engine_report report;

	run_with(probe, 1, port, &options, &report);
	return seen.results[0];
}

static int64_t now_ms(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns / POOL_NS_PER_MS;
}

#define OK_ANSWER    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
#define STATUS(line) "HTTP/1.1 " line "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

#define HTTP .method = POOL_METHOD_HTTP

static const struct pool_login via_http = {.scheme = POOL_SCHEME_HTTP};
static const struct pool_login via_socks = {.scheme = POOL_SCHEME_SOCKS5H};
static const struct pool_login via_socks4a = {.scheme = POOL_SCHEME_SOCKS4A};
static const struct pool_login via_https = {.scheme = POOL_SCHEME_HTTPS};

static const struct outcome {
	const char *what;
	serve_fn *serve; /* NULL: refuses */
	const char *text;
	struct pool_probe probe;
	const char *reason, *detail;
	int status, attempts;
} outcomes[] = {
	{"refused", NULL, "", {HTTP, .url = "http://t.test/", .retries = 2},
		"connect-refused", "Connection refused", 0, 3},
	{"refused to tcp", NULL, "", {.method = POOL_METHOD_TCP}, "connect-refused",
		"Connection refused", 0, 1},
	{"tcp", stall, "", {.method = POOL_METHOD_TCP}, "ok", "", 0, 1},
	{"good", answer, OK_ANSWER, {HTTP, .url = "http://t.test/", .retries = 2}, "ok",
		"", 200, 1},
	{"good body", answer, OK_ANSWER, {HTTP, .url = "http://t.test/", .body = "ell"},
		"ok", "", 200, 1},
	{"bad body", answer, OK_ANSWER,
		{HTTP, .url = "http://t.test/", .body = "elll", .retries = 2}, "body", "",
		200, 1},
	{"HEAD", answer, STATUS("204 Gone quiet"),
		{HTTP, .url = "http://t.test/", .request = "HEAD"}, "ok", "", 204, 1},
	{"a status that stays", answer, STATUS("404 No"),
		{HTTP, .url = "http://t.test/", .retries = 2}, "status", "HTTP 404", 404,
		1},
	{"a status that may pass", answer, STATUS("503 No"),
		{HTTP, .url = "http://t.test/", .retries = 2}, "status", "HTTP 503", 503,
		3},
	{"a redirect is not followed", answer,
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
		"Content-Length: 0\r\nConnection: close\r\n\r\n",
		{HTTP, .url = "http://t.test/"}, "ok", "", 302, 1},
	{"authentication", answer, STATUS("407 Who"),
		{HTTP, .url = "http://t.test/", .retries = 2}, "authentication",
		"HTTP 407", 407, 1},
	{"authentication of CONNECT", answer, STATUS("407 Who"),
		{HTTP, .url = "https://t.test/", .retries = 2}, "authentication",
		"CONNECT answered 407", 0, 1},
	{"denied CONNECT", answer, STATUS("403 No"), {HTTP, .url = "https://t.test/"},
		"denied", "CONNECT answered 403", 0, 1},
	{"bad gateway", answer, STATUS("502 No"),
		{HTTP, .url = "https://t.test/", .retries = 1}, "bad-gateway",
		"CONNECT answered 502", 0, 2},
	{"no TLS in the tunnel", answer, STATUS("200 Yes") "rubbish rubbish",
		{HTTP, .url = "https://t.test/"}, "tls", NULL, 0, 1},
	{"silence", stall, "", {HTTP, .url = "http://t.test/", .timeout_ms = 150},
		"handshake-timeout", "", 0, 1},
	{"silence after CONNECT", stall, "",
		{HTTP, .url = "https://t.test/", .timeout_ms = 150}, "handshake-timeout",
		"", 0, 1},
	{"closed", answer, "", {HTTP, .url = "http://t.test/"}, "empty-answer", NULL, 0,
		1},
	{"closed after CONNECT", answer, "", {HTTP, .url = "https://t.test/"}, "closed",
		NULL, 0, 1},
	{"closed early, then good", answer_the_third, OK_ANSWER,
		{HTTP, .url = "http://t.test/", .retries = 3}, "ok", "", 200, 3},
	{"cut short", answer, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
		{HTTP, .url = "http://t.test/"}, "truncated", NULL, 200, 1},
	{"not HTTP", answer, "SSH-2.0-OpenSSH_9.2\r\n", {HTTP, .url = "http://t.test/"},
		"wrong-protocol", "the answer is not HTTP", 0, 1},
	{"no SOCKS", answer, "HTTP/1.0 400 What\r\n\r\n\r\n\r\n",
		{HTTP, .login = &via_socks, .url = "http://t.test/", .timeout_ms = 150},
		"greeting-timeout", "", 0, 1},
	/* silence that cannot be the target's, and such that may be */
	{"half a greeting", speak_and_stall, "\5",
		{HTTP, .login = &via_socks, .url = "http://t.test/", .timeout_ms = 300},
		"greeting-timeout", "", 0, 1},
	{"a password, and silence", speak_and_stall, "\5\2",
		{HTTP, .login = &via_socks, .url = "http://t.test/", .timeout_ms = 300},
		"greeting-timeout", "", 0, 1},
	{"a password, and half an answer", speak_and_stall, "\5\2|\1",
		{HTTP, .login = &via_socks, .url = "http://t.test/", .timeout_ms = 300},
		"greeting-timeout", "", 0, 1},
	{"a password that is right, and silence", speak_and_stall, "\5\2|\1\a",
		{HTTP, .login = &via_socks, .url = "http://t.test/", .timeout_ms = 300},
		"handshake-timeout", "", 0, 1},
	{"no password, and silence", speak_and_stall, "\5\a",
		{HTTP, .login = &via_socks, .url = "http://t.test/", .timeout_ms = 300},
		"handshake-timeout", "", 0, 1},
	{"half a SOCKS reply", speak_and_stall, "\5\a|\5",
		{HTTP, .login = &via_socks, .url = "http://t.test/", .timeout_ms = 300},
		"handshake-timeout", "", 0, 1},
	{"a tunnel by SOCKS, and no greeting", stall, "",
		{.login = &via_socks,
			.method = POOL_METHOD_TUNNEL,
			.url = "t.test:443",
			.timeout_ms = 150},
		"greeting-timeout", "", 0, 1},
	{"SOCKS4 names the target at once", stall, "",
		{HTTP, .login = &via_socks4a, .url = "http://t.test/", .timeout_ms = 150},
		"handshake-timeout", "", 0, 1},
	{"no TLS with the proxy", stall, "",
		{HTTP, .login = &via_https, .url = "http://t.test/", .timeout_ms = 150},
		"greeting-timeout", "", 0, 1},
	{"no TLS with the proxy before a tunnel", stall, "",
		{HTTP, .login = &via_https, .url = "https://t.test/", .timeout_ms = 150},
		"greeting-timeout", "", 0, 1},
	{"TLS with the proxy that never ends", trickle, "\26\3\3\0\144\2",
		{HTTP, .login = &via_https, .url = "https://t.test/", .timeout_ms = 300},
		"greeting-timeout", "", 0, 1},
	{"SOCKS reply 5", speak_socks5, "5",
		{HTTP, .login = &via_socks, .url = "http://t.test/"}, "target-refused",
		"SOCKS reply 5, connection refused", 0, 1},
	{"SOCKS reply 2", speak_socks5, "2",
		{HTTP, .login = &via_socks, .url = "http://t.test/"}, "denied",
		"SOCKS reply 2, not allowed", 0, 1},
	{"SOCKS tunnel", speak_socks5, "0",
		{.login = &via_socks,
			.url = "wss://t.test/",
			.method = POOL_METHOD_TUNNEL},
		"ok", "", 0, 1},
	{"tunnel", answer, STATUS("200 Yes"),
		{.url = "https://t.test/", .method = POOL_METHOD_TUNNEL}, "ok", "", 0, 1},
	{"no tunnel", answer, STATUS("503 No"),
		{.url = "https://t.test/", .method = POOL_METHOD_TUNNEL}, "bad-gateway",
		"CONNECT answered 503", 0, 1},
	{"websocket", answer,
		"HTTP/1.1 200 Yes\r\n\r\n"
		"HTTP/1.1 101 Switch\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
		{.url = "ws://t.test/feed", .method = POOL_METHOD_WEBSOCKET}, "ok", "",
		101, 1},
	{"websocket with a wrong key", answer,
		"HTTP/1.1 200 Yes\r\n\r\n"
		"HTTP/1.1 101 Switch\r\nUpgrade: websocket\r\nConnection: "
		"Upgrade\r\n\r\n",
		{.url = "ws://t.test/feed", .method = POOL_METHOD_WEBSOCKET}, "body",
		"HTTP 101 with a wrong accept key", 101, 1},
	{"websocket with more than the key", answer,
		"HTTP/1.1 200 Yes\r\n\r\n"
		"HTTP/1.1 101 Switch\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=A\r\n\r\n",
		{.url = "ws://t.test/feed", .method = POOL_METHOD_WEBSOCKET}, "body",
		"HTTP 101 with a wrong accept key", 101, 1},
	{"websocket with blanks around the key", answer,
		"HTTP/1.1 200 Yes\r\n\r\n"
		"HTTP/1.1 101 Switch\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: \t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\n\r\n",
		{.url = "ws://t.test/feed", .method = POOL_METHOD_WEBSOCKET}, "ok", "",
		101, 1},
	{"what is asked for", answer_if_asked_so, "GET http://t.test/x?y HTTP/1.1\r\n",
		{HTTP, .url = "http://t.test/x?y"}, "ok", "", 200, 1},
	{"another method", answer_if_asked_so, "PURGE http://t.test/ HTTP/1.1\r\n",
		{HTTP, .url = "http://t.test/", .request = "PURGE"}, "ok", "", 200, 1},
	{"headers", answer_if_asked_so, "\r\nX-One: 1\r\nX-Two: 2\r\n",
		{HTTP, .url = "http://t.test/", .headers = "X-One: 1\nX-Two: 2\n"}, "ok",
		"", 200, 1},
	{"credentials", answer_if_asked_so,
		"\r\nProxy-Authorization: Basic UzNDUkVUdXNlcjpTM0NSRVRwYXNz\r\n",
		{HTTP, .url = "http://t.test/"}, "ok", "", 200, 1},
	{"no URL", answer, OK_ANSWER, {HTTP, .retries = 2}, "bad-setup", NULL, 0, 1},
	{"a URL of another kind", answer, OK_ANSWER,
		{HTTP, .url = "ftp://t.test/", .retries = 2}, "bad-setup", NULL, 0, 1},
};

static void outcomes_are_as_expected(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		const struct outcome *it = &outcomes[i];
		struct server server =
			it->serve ? start(it->serve, it->text) : start_refusing();
		struct pool_probe probe = it->probe;
		struct pool_probe_result result;

		if (!probe.login)
			probe.login = &via_http;
		if (!probe.timeout_ms)
			probe.timeout_ms = 5000;
		result = run_one(probe, server.port);
		stop(&server);
		if (strcmp(it->reason, pool_reason_get((int)result.reason)->name) != 0 ||
			it->status != result.status || it->attempts != result.attempts ||
			(it->detail && strcmp(it->detail, result.detail) != 0))
			fail_msg("%s: got %s (%s), status %d, %d attempts", it->what,
				pool_reason_get((int)result.reason)->name, result.detail,
				result.status, result.attempts);
	}
}

static void retry_after_is_handed_on(void **state)
{
	struct pool_status_set cooling = {{0}};
	struct pool_probe probe = {.login = &via_http,
		.url = "http://t.test/",
		.method = POOL_METHOD_HTTP,
		.cooling = &cooling,
		.timeout_ms = 5000,
		.retries = 3};
	struct server server = start(answer,
		"HTTP/1.1 429 Slow\r\nretry-after: 42\r\nContent-Length: 0\r\n\r\n");
	struct pool_probe_result result;

	(void)state;
	pool_status_set_add(&cooling, 429);
	result = run_one(probe, server.port);
	stop(&server);
	assert_string_equal("limited", pool_reason_get((int)result.reason)->name);
	assert_int_equal(42, result.retry_after_s);
	assert_int_equal(1, result.attempts);
}

static void the_environment_counts_for_nothing(void **state)
{
	static const char *const names[] = {
		"NO_PROXY", "no_proxy", "http_proxy", "ALL_PROXY"};
	struct server proxy = start(answer, OK_ANSWER), dead = start_refusing();
	struct pool_probe probe = {
		.login = &via_http, .method = POOL_METHOD_HTTP, .timeout_ms = 5000};
	struct pool_probe_result through, direct;
	char dead_url[64], live_url[64];

	(void)state;
	snprintf(dead_url, sizeof(dead_url), "http://127.0.0.1:%u/", dead.port);
	snprintf(live_url, sizeof(live_url), "http://127.0.0.1:%u/", proxy.port);
	setenv("NO_PROXY", "*", 1);
	setenv("no_proxy", "127.0.0.1", 1);
	probe.url = dead_url;
	through = run_one(probe, proxy.port);
	unsetenv("NO_PROXY");
	unsetenv("no_proxy");
	setenv("http_proxy", dead_url, 1);
	setenv("ALL_PROXY", dead_url, 1);
	probe.login = NULL;
	probe.url = live_url;
	direct = run_one(probe, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	stop(&proxy);
	stop(&dead);
	assert_string_equal("ok", pool_reason_get((int)through.reason)->name);
	assert_string_equal("ok", pool_reason_get((int)direct.reason)->name);
}

/* libcurl 7.88.1 goes direct when a proxy URL's user info decodes to a control byte. */
static void control_bytes_in_credentials_never_go_direct(void **state)
{
	char user[] = "us\rer\1";
	const struct pool_login odd = {.scheme = POOL_SCHEME_HTTP, .user = user};
	struct server origin = start(answer, OK_ANSWER), dead = start_refusing();
	struct pool_probe probe = {
		.login = &odd, .method = POOL_METHOD_HTTP, .timeout_ms = 5000};
	struct pool_probe_result result;
	char url[64];

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", origin.port);
	probe.url = url;
	result = run_one(probe, dead.port);
	stop(&origin);
	stop(&dead);
	assert_string_equal("connect-refused", pool_reason_get((int)result.reason)->name);
}

/* The handle of one proxy's check is used again for the next proxy's. */
static void credentials_do_not_stay_behind(void **state)
{
	char host[] = "127.0.0.1", user[] = "u", password[] = "p";
	struct server server = start(answer_if_asked_so, "\r\nProxy-Authorization:");
	struct pool_login with = {
		.host = host, .port = server.port, .user = user, .password = password};
	struct pool_login without = {.host = host, .port = server.port};
	struct pool_probe probes[2] = {
		{HTTP, .login = &with, .url = "http://t.test/", .timeout_ms = 5000},
		{HTTP, .login = &without, .url = "http://t.test/", .timeout_ms = 5000}};
	struct seen seen = {0};
	struct pool_engine_options options = options_for(&seen);
	struct pool_engine_report report;

	(void)state;
	options.concurrency = 1;
	assert_int_equal(0, pool_engine_run(probes, 2, &options, &report, NULL));
	stop(&server);
	assert_int_equal(200, seen.results[0].status);
	assert_int_equal(400, seen.results[1].status);
}

/* libcurl 7.88.1 leaves a handle unusable after this. */
static void a_name_that_does_not_resolve_is_tried_again(void **state)
{
	char host[] = "nosuch.invalid";
	struct pool_login login = {.host = host, .port = 80};
	struct pool_probe probe = {HTTP, .login = &login, .url = "http://t.test/",
		.timeout_ms = 500, .retries = 2};
	struct seen seen = {0};
	struct pool_engine_options options = options_for(&seen);
	struct pool_engine_report report;

	(void)state;
	assert_int_equal(0, pool_engine_run(&probe, 1, &options, &report, NULL));
	assert_int_equal(1, seen.calls[0]);
	assert_int_equal(3, seen.results[0].attempts);
	/* Which of the two depends on whether the machine has a name server. */
	assert_true(seen.results[0].reason == POOL_REASON_PROXY_NAME ||
		seen.results[0].reason == POOL_REASON_NO_RESOLVER);
}

static void the_deadline_ends_everything(void **state)
{
	struct server server = start(stall, "");
	struct pool_probe probe = {.login = &via_http,
		.url = "http://t.test/",
		.method = POOL_METHOD_HTTP,
		.timeout_ms = 30000,
		.retries = 3};
	struct seen seen = {0};
	struct pool_engine_options options = options_for(&seen);
	struct pool_engine_report report;
	int64_t began = now_ms();

	(void)state;
	options.deadline_ms = 200;
	options.concurrency = 10;
	run_with(probe, 100, server.port, &options, &report);
	stop(&server);
	assert_true(now_ms() - began < 10000);
	assert_int_equal(10, report.concurrency);
	assert_int_equal(0, report.local_trouble);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(POOL_REASON_RUN_DEADLINE, seen.results[i].reason);
		assert_int_equal(i < 10 ? 1 : 0, seen.results[i].attempts);
	}
}

static void a_stop_ends_everything(void **state)
{
	struct pool_probe probe = {.login = &via_http,
		.url = "http://t.test/",
		.method = POOL_METHOD_HTTP,
		.timeout_ms = 30000};
	struct seen seen = {.stop = true};
	struct pool_engine_options options = options_for(&seen);
	struct pool_engine_report report;

	(void)state;
	run_with(probe, 3, 1, &options, &report);
	assert_int_equal(POOL_REASON_RUN_DEADLINE, seen.results[2].reason);
}

/* A backoff that would outlast the run is not waited for: the last reason is the answer.
 */
static void a_backoff_does_not_outlast_the_run(void **state)
{
	struct server server = start_refusing();
	struct pool_probe probe = {.login = &via_http,
		.url = "http://t.test/",
		.method = POOL_METHOD_HTTP,
		.timeout_ms = 1000,
		.retries = 1000};
	struct seen seen = {0};
	struct pool_engine_options options = options_for(&seen);
	struct pool_engine_report report;

	(void)state;
	options.deadline_ms = 700;
	run_with(probe, 1, server.port, &options, &report);
	stop(&server);
	assert_int_equal(POOL_REASON_REFUSED, seen.results[0].reason);
	assert_in_range(seen.results[0].attempts, 2, 700);
}

/* Its attempt failed, and the one slot is taken until the deadline by another check. */
static void what_waits_at_the_deadline_keeps_its_result(void **state)
{
	struct server refusing = start_refusing(), stalling = start(stall, "");
	char host[] = "127.0.0.1";
	struct pool_login logins[2] = {
		{.host = host, .port = refusing.port},
		{.host = host, .port = stalling.port},
	};
	struct pool_probe probes[2] = {
		{.login = &logins[0],
			.method = POOL_METHOD_HTTP,
			.timeout_ms = 30000,
			.url = "http://t.test/",
			.retries = 1000},
		{.login = &logins[1],
			.method = POOL_METHOD_HTTP,
			.timeout_ms = 30000,
			.url = "http://t.test/",
			.retries = 1000},
	};
	struct seen seen = {0};
	struct pool_engine_options options = options_for(&seen);
	struct pool_engine_report report;

	(void)state;
	options.concurrency = 1;
	options.deadline_ms = 3000;
	assert_int_equal(0, pool_engine_run(probes, 2, &options, &report, NULL));
	stop(&refusing);
	stop(&stalling);
	assert_int_equal(POOL_REASON_REFUSED, seen.results[0].reason);
	assert_int_equal(POOL_REASON_RUN_DEADLINE, seen.results[1].reason);
	assert_int_equal(1, seen.results[1].attempts);
}

static void a_target_gets_no_more_than_its_rate(void **state)
{
	struct server server = start(answer, OK_ANSWER);
	struct pool_probe probe = {.login = &via_http,
		.url = "http://t.test/",
		.method = POOL_METHOD_HTTP,
		.timeout_ms = 5000};
	struct seen seen = {0};
	struct pool_engine_options options = options_for(&seen);
	struct pool_engine_report report;
	int64_t began = now_ms();

	(void)state;
	options.target_rate = 20;
	run_with(probe, 6, server.port, &options, &report);
	stop(&server);
	assert_true(now_ms() - began >= 245);
	for (int i = 0; i < 6; i++)
		assert_int_equal(POOL_REASON_OK, seen.results[i].reason);
}

/* --- an engine that lives on ---------------------------------------------------- */

static struct pool_engine *new_engine(const struct pool_engine_options *options)
{
	struct pool_engine *engine = NULL;
	struct pool_fault fault = {0};

	if (pool_engine_new(&engine, options, &fault) != 0)
		fail_msg("%s", fault.text);
	return engine;
}

/* In an epoll of somebody else's, as pool-watch does it: no turn of its own waits. */
static void turn_until(struct pool_engine *engine, size_t left, int64_t ms)
{
	struct epoll_event event = {.events = EPOLLIN};
	const int64_t end_ms = now_ms() + ms;
	int outer = epoll_create1(EPOLL_CLOEXEC);

	assert_true(outer >= 0);
	assert_int_equal(0,
		epoll_ctl(outer, EPOLL_CTL_ADD, pool_engine_descriptor(engine), &event));
	while (pool_engine_left(engine) > left && now_ms() < end_ms) {
		int64_t due_ns = pool_engine_due_ns(engine), began_ms, wait_ms = 1000;

		if (due_ns < (now_ms() + wait_ms) * POOL_NS_PER_MS)
			wait_ms = due_ns / POOL_NS_PER_MS - now_ms() + 1;
		epoll_wait(outer, &event, 1, wait_ms > 0 ? (int)wait_ms : 0);
		began_ms = now_ms();
		pool_engine_turn(engine, 0);
		/* A turn is short. */
		assert_in_range(now_ms() - began_ms, 0, 500);
	}
	close(outer);
	if (pool_engine_left(engine) > left)
		fail_msg("%zu are left", pool_engine_left(engine));
}

/* What done() works on. */
struct living {
	struct pool_engine *engine;
	struct pool_probe probe;
	struct seen seen;
	size_t added, most,
		each; /* so many are added at each end, until there are most */
	int64_t ended_ms[MOST];
	size_t ended;
};

static void add_one(struct living *living)
{
	assert_true(living->added < MOST);
	assert_int_equal(
		0, pool_engine_add(living->engine, &living->probe, living->added));
	living->added++;
}

static void note_and_add(
	void *context, size_t index, const struct pool_probe_result *result)
{
	struct living *living = context;

	note(&living->seen, index, result);
	assert_true(living->ended < MOST);
	living->ended_ms[living->ended++] = now_ms();
	for (size_t i = 0; i < living->each && living->added < living->most; i++)
		add_one(living);
}

static struct pool_engine_options options_of(struct living *living)
{
	return (struct pool_engine_options){
		.concurrency = 8, .seed = 7, .done = note_and_add, .context = living};
}

static void assert_each_ended_once(const struct living *living, enum pool_reason reason)
{
	for (size_t i = 0; i < living->added; i++) {
		assert_int_equal(1, living->seen.calls[i]);
		assert_int_equal(reason, living->seen.results[i].reason);
	}
	assert_int_equal(living->added, living->ended);
}

static void checks_may_be_added_as_others_end(void **state)
{
	char host[] = "127.0.0.1";
	struct server server = start(answer, OK_ANSWER);
	struct pool_login login = {.host = host, .port = server.port};
	struct living living = {.probe = {HTTP, .login = &login, .url = "http://t.test/",
					.timeout_ms = 5000},
		.most = MOST,
		.each = 2};
	struct pool_engine_options options = options_of(&living);

	(void)state;
	living.engine = new_engine(&options);
	assert_int_equal(0, pool_engine_left(living.engine));
	assert_true(pool_engine_due_ns(living.engine) == INT64_MAX);
	add_one(&living);
	/* It is due at once. */
	assert_true(pool_engine_due_ns(living.engine) <= now_ms() * POOL_NS_PER_MS);
	turn_until(living.engine, 0, 20000);
	assert_int_equal(MOST, living.added);
	assert_each_ended_once(&living, POOL_REASON_OK);
	/* And after a rest as well. */
	living.added = living.ended = living.most = 0;
	memset(&living.seen, 0, sizeof(living.seen));
	pool_engine_turn(living.engine, 0);
	add_one(&living);
	turn_until(living.engine, 0, 20000);
	assert_each_ended_once(&living, POOL_REASON_OK);
	pool_engine_free(living.engine);
	stop(&server);
}

/* They end within the very turn in which they begin: no room, no socket is involved. */
static void what_ends_at_once_may_be_followed_by_more(void **state)
{
	struct living living = {.probe = {HTTP, .login = &via_http, .timeout_ms = 1000},
		.most = MOST,
		.each = 3};
	struct pool_engine_options options = options_of(&living);

	(void)state;
	living.engine = new_engine(&options);
	add_one(&living);
	turn_until(living.engine, 0, 20000);
	assert_int_equal(MOST, living.added);
	assert_each_ended_once(&living, POOL_REASON_SETUP);
	pool_engine_free(living.engine);
}

static void an_idle_engine_is_never_due(void **state)
{
	struct server server = start(answer, OK_ANSWER);
	char host[] = "127.0.0.1";
	struct pool_login login = {.host = host, .port = server.port};
	struct living living = {.probe = {
					.method = POOL_METHOD_TCP,
					.login = &login,
					.timeout_ms = 5000,
				}};
	struct pool_engine_options options = options_of(&living);

	(void)state;
	living.engine = new_engine(&options);
	for (int i = 0; i < 20; i++)
		add_one(&living);
	turn_until(living.engine, 0, 10000);
	/* libcurl may still have a timer or two. */
	for (int i = 0; i < 100 && pool_engine_due_ns(living.engine) != INT64_MAX; i++) {
		usleep(10000);
		pool_engine_turn(living.engine, 0);
	}
	assert_true(pool_engine_due_ns(living.engine) == INT64_MAX);
	pool_engine_free(living.engine);
	stop(&server);
}

static void the_rate_of_a_target_holds_over_time(void **state)
{
	char host[] = "127.0.0.1";
	struct server server = start(answer, OK_ANSWER);
	struct pool_login login = {.host = host, .port = server.port};
	struct living living = {.probe = {HTTP, .login = &login, .url = "http://t.test/",
					.timeout_ms = 5000}};
	struct pool_engine_options options = options_of(&living);

	(void)state;
	options.target_rate = 40;
	living.engine = new_engine(&options);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 10; i++)
			add_one(&living);
		turn_until(living.engine, 0, 10000);
		/* The time between saves up nothing. */
		usleep(100000);
	}
	assert_each_ended_once(&living, POOL_REASON_OK);
	for (size_t i = 0; i + 10 < living.ended; i++)
		assert_true(living.ended_ms[i + 10] - living.ended_ms[i] >= 200);
	for (size_t i = 0; i < living.ended; i += 10)
		assert_true(living.ended_ms[i + 9] - living.ended_ms[i] >= 150);
	pool_engine_free(living.engine);
	stop(&server);
}

/* In flight, put off, waiting for their turn, and about a name: nobody is told. */
static void an_engine_may_be_freed_in_the_middle_of_everything(void **state)
{
	char host[] = "127.0.0.1", name[] = "nosuch.invalid";
	struct server stalling = start(stall, ""), refusing = start_refusing();
	struct pool_login logins[] = {{.host = host, .port = stalling.port},
		{.host = host, .port = refusing.port}, {.host = name, .port = 80}};
	struct pool_probe probes[3];

	(void)state;
	for (int turns = 0; turns < 40; turns++) {
		struct living living = {0};
		struct pool_engine_options options = options_of(&living);

		options.target_rate = turns % 2 ? 50 : 0;
		living.engine = new_engine(&options);
		for (size_t i = 0; i < 30; i++) {
			probes[i % 3] = (struct pool_probe){HTTP, .login = &logins[i % 3],
				.url = "http://t.test/", .timeout_ms = 5000,
				.retries = 1000};
			assert_int_equal(
				0, pool_engine_add(living.engine, &probes[i % 3], i));
		}
		for (int i = 0; i < turns; i++)
			pool_engine_turn(living.engine, 2);
		assert_int_equal(30 - living.ended, pool_engine_left(living.engine));
		living.ended = 1000;
		pool_engine_free(living.engine);
	}
	pool_engine_free(NULL);
	stop(&stalling);
	stop(&refusing);
}

static void names_that_do_not_resolve_keep_nobody_waiting(void **state)
{
	char name[] = "nosuch.invalid";
	struct pool_login login = {.host = name, .port = 80};
	struct living living = {
		.probe = {.method = POOL_METHOD_TCP, .login = &login, .timeout_ms = 500}};
	struct pool_engine_options options = options_of(&living);

	(void)state;
	living.engine = new_engine(&options);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 10; i++)
			add_one(&living);
		turn_until(living.engine, 0, 20000);
	}
	for (size_t i = 0; i < living.added; i++)
		assert_true(living.seen.results[i].reason == POOL_REASON_PROXY_NAME ||
			living.seen.results[i].reason == POOL_REASON_NO_RESOLVER);
	assert_int_equal(living.added, living.ended);
	pool_engine_free(living.engine);
}

/* What done() adds meanwhile is a check like any other. */
static void what_is_added_while_others_are_abandoned_is_made(void **state)
{
	char host[] = "127.0.0.1";
	struct server stalling = start(stall, ""), good = start(answer, OK_ANSWER);
	struct pool_login logins[] = {
		{.host = host, .port = stalling.port}, {.host = host, .port = good.port}};
	struct pool_probe slow = {
		HTTP, .login = &logins[0], .url = "http://t.test/", .timeout_ms = 60000};
	struct living living = {.probe = {HTTP, .login = &logins[1],
					.url = "http://t.test/", .timeout_ms = 5000},
		.added = 12,
		.most = 100,
		.each = 5};
	struct pool_engine_options options = options_of(&living);

	(void)state;
	living.engine = new_engine(&options);
	for (size_t i = 0; i < 12; i++)
		assert_int_equal(0, pool_engine_add(living.engine, &slow, i));
	for (int i = 0; i < 5; i++)
		pool_engine_turn(living.engine, 10);
	pool_engine_abandon(living.engine);
	assert_int_equal(12, living.ended);
	turn_until(living.engine, 0, 20000);
	pool_engine_free(living.engine);
	stop(&stalling);
	stop(&good);
	assert_int_equal(100, living.added);
	for (size_t i = 0; i < living.added; i++) {
		assert_int_equal(1, living.seen.calls[i]);
		assert_int_equal(i < 12 ? POOL_REASON_RUN_DEADLINE : POOL_REASON_OK,
			living.seen.results[i].reason);
	}
}

/* --- descriptors: in a process of their own, for the limit stays low ------------ */

static void lower_limit(rlim_t to)
{
	struct rlimit limit = {to, to};

	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &limit));
}

static void check_few_descriptors(uint16_t port)
{
	struct pool_probe probe = {.login = &via_http,
		.url = "http://t.test/",
		.method = POOL_METHOD_HTTP,
		.timeout_ms = 5000};
	struct seen seen = {0};
	struct pool_engine_options options = options_for(&seen);
	struct pool_engine_report report;

	lower_limit(60);
	options.concurrency = 1000;
	run_with(probe, 150, port, &options, &report);
	assert_in_range(report.concurrency, 1, 28);
	assert_int_equal(0, report.local_trouble);
	for (int i = 0; i < 150; i++)
		assert_int_equal(POOL_REASON_OK, seen.results[i].reason);
}

static void check_no_descriptors(uint16_t port)
{
	struct pool_probe probe = {.login = &via_http,
		.url = "http://t.test/",
		.method = POOL_METHOD_HTTP,
		.timeout_ms = 5000};
	struct seen seen = {.hog = true};
	struct pool_engine_options options = options_for(&seen);
	struct pool_engine_report report;
	size_t exhausted = 0;

	lower_limit(60);
	options.concurrency = 5;
	run_with(probe, 50, port, &options, &report);
	for (int i = 0; i < 50; i++) {
		enum pool_reason reason = seen.results[i].reason;

		assert_true(
			reason == POOL_REASON_OK || reason == POOL_REASON_NO_DESCRIPTORS);
		exhausted += reason == POOL_REASON_NO_DESCRIPTORS;
	}
	assert_true(exhausted > 0);
	assert_int_equal(exhausted, report.local_trouble);
}

/* --- what this machine refuses: sockets that are not watched, memory ------------- */

/* The calls of epoll_ctl() that add a socket, from <first> to <last>, fail. */
static struct {
	int first, last, error;
	int adds;
} refusal;

static int refuse_some(int epoll, int operation, int fd, struct epoll_event *event)
{
	if (operation == EPOLL_CTL_ADD) {
		refusal.adds++;
		if (refusal.adds >= refusal.first && refusal.adds <= refusal.last) {
			errno = refusal.error;
			return -1;
		}
	}
	return epoll_ctl(epoll, operation, fd, event);
}

static void a_socket_that_is_not_watched_blames_nobody(void **state)
{
	static const struct {
		int first, last, error, refused;
		const char *detail;
	} cases[] = {
		{1, 1000, ENOSPC, 20, "fs.epoll.max_user_watches is reached"},
		{1, 1000, ENOMEM, 20, "the system does not watch its socket"},
		{3, 7, ENOSPC, 5, "fs.epoll.max_user_watches is reached"},
	};
	struct pool_probe probe = {
		HTTP, .login = &via_http, .url = "http://t.test/", .timeout_ms = 10000};
	struct server server = start(answer, OK_ANSWER);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen seen = {0};
		struct pool_engine_options options = options_for(&seen);
		struct pool_engine_report report;
		int64_t began_ms = now_ms();
		int refused = 0;

		refusal.first = cases[i].first;
		refusal.last = cases[i].last;
		refusal.error = cases[i].error;
		refusal.adds = 0;
		options.control = refuse_some;
		run_with(probe, 20, server.port, &options, &report);
		for (int at = 0; at < 20; at++) {
			if (seen.results[at].reason == POOL_REASON_OK)
				continue;
			assert_int_equal(POOL_REASON_NO_MEMORY, seen.results[at].reason);
			assert_string_equal(cases[i].detail, seen.results[at].detail);
			refused++;
		}
		assert_int_equal(cases[i].refused, refused);
		assert_int_equal(cases[i].refused, report.local_trouble);
		/* Nobody waited for what nobody watched. */
		assert_in_range(now_ms() - began_ms, 0, 8000);
	}
	stop(&server);
}

/* libcurl's allocation <at> fails, once. */
static struct {
	int at;
	int count;
} famine;

static bool starves(void)
{
	return ++famine.count == famine.at;
}

static void *starve_malloc(size_t size)
{
	return starves() ? NULL : malloc(size);
}

static void *starve_realloc(void *old, size_t size)
{
	return starves() ? NULL : realloc(old, size);
}

static void *starve_calloc(size_t count, size_t size)
{
	return starves() ? NULL : calloc(count, size);
}

static char *starve_strdup(const char *text)
{
	return starves() ? NULL : strdup(text);
}

/*
 * Exits with 0: the allocation failed and blamed nobody; 1: there are not that many. The
 * target is an address, so that whoever forgets the proxy reaches it.
 */
static void starve_at(int at, uint16_t port, uint16_t target)
{
	char host[] = "127.0.0.1";
	struct pool_login login = {.host = host, .port = port};
	struct pool_probe probes[2];
	struct seen seen = {0};
	struct pool_engine_options options = options_for(&seen);
	struct pool_engine_report report;
	struct pool_fault fault;
	char urls[2][40];

	snprintf(urls[0], sizeof(urls[0]), "http://127.0.0.1:%u/", target);
	snprintf(urls[1], sizeof(urls[1]), "https://127.0.0.1:%u/", target);
	/* Longer than a transfer's timeout would mean that its timer was lost. */
	alarm(8);
	for (int i = 0; i < 2; i++)
		probes[i] = (struct pool_probe){
			HTTP, .login = &login, .url = urls[i], .timeout_ms = 4000};
	famine.at = at;
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, starve_malloc, free, starve_realloc,
		    starve_strdup, starve_calloc))
		_exit(famine.count < famine.at);
	if (pool_engine_run(probes, 2, &options, &report, &fault))
		_exit(famine.count < famine.at);
	/* The server does not tunnel: it answers CONNECT with a 200 and hello. */
	if (seen.results[0].reason != POOL_REASON_NO_MEMORY &&
		seen.results[0].reason != POOL_REASON_OK)
		_exit(2);
	/* While an answer to CONNECT is read it looks like a close, and another attempt
	 * of the check would follow. */
	if (seen.results[1].reason != POOL_REASON_NO_MEMORY &&
		seen.results[1].reason != POOL_REASON_TLS &&
		seen.results[1].reason != POOL_REASON_CLOSED)
		_exit(3);
	_exit(famine.count < famine.at);
}

static void no_allocation_that_fails_blames_or_stops_anybody(void **state)
{
	struct server server = start(answer, OK_ANSWER);
	uint16_t target;
	int status = 0, at = 0, fd = bind_loopback(&target);

	(void)state;
	assert_int_equal(0, listen(fd, 512));
	assert_true(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	while (status == 0) {
		pid_t pid;

		/* One lives a minute. */
		if (++at % 64 == 0) {
			stop(&server);
			server = start(answer, OK_ANSWER);
		}
		pid = fork();
		assert_true(pid >= 0);
		if (!pid)
			starve_at(at, server.port, target);
		assert_int_equal(pid, waitpid(pid, &status, 0));
		if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
			fail_msg("allocation %d: wait status %x", at, (unsigned)status);
	}
	/* It was tried at many places. */
	assert_in_range(at, 100, 5000);
	/* And went direct at none. */
	assert_int_equal(-1, accept(fd, NULL, NULL));
	close(fd);
	stop(&server);
}

static void run_apart(void (*check)(uint16_t port))
{
	struct server server = start(answer, OK_ANSWER);
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		/* A failed assertion lets the copy of the runner in here exit with a
		 * count. */
		check(server.port);
		_exit(0);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	stop(&server);
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

static void few_descriptors_bound_the_concurrency(void **state)
{
	(void)state;
	run_apart(check_few_descriptors);
}

static void no_descriptors_blame_no_proxy(void **state)
{
	(void)state;
	run_apart(check_no_descriptors);
}

/* --- names ---------------------------------------------------------------------- */

static void check_names(const char *first, const char *second, struct seen *seen)
{
	struct pool_login logins[2] = {{.port = 80}, {.port = 80}};
	struct pool_probe probes[2] = {
		{.login = &logins[0], .method = POOL_METHOD_TCP, .timeout_ms = 500},
		{.login = &logins[1], .method = POOL_METHOD_TCP, .timeout_ms = 500},
	};
	struct pool_engine_options options = options_for(seen);
	struct pool_engine_report report;

	logins[0].host = strdup(first);
	logins[1].host = strdup(second);
	assert_int_equal(0, pool_engine_run(probes, 2, &options, &report, NULL));
	free(logins[0].host);
	free(logins[1].host);
}

static void one_answer_speaks_for_all_names(void **state)
{
	struct seen seen = {0};

	(void)state;
	check_names("one.invalid", "two.invalid", &seen);
	assert_true(seen.results[0].reason == POOL_REASON_PROXY_NAME ||
		seen.results[0].reason == POOL_REASON_NO_RESOLVER);
	assert_int_equal(seen.results[0].reason, seen.results[1].reason);
}

/* The C library refuses an empty label by itself: that is no name server's answer. */
static void check_odd_names(uint16_t port)
{
	struct seen seen = {0};

	(void)port;
	/* No network, so no name server; where that is forbidden there may be one. */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		_exit(0);
	check_names("odd..invalid", "two.invalid", &seen);
	assert_int_equal(POOL_REASON_PROXY_NAME, seen.results[0].reason);
	assert_int_equal(POOL_REASON_NO_RESOLVER, seen.results[1].reason);
}

static void odd_names_are_no_answer(void **state)
{
	(void)state;
	run_apart(check_odd_names);
}

static void ping_reaches_loopback_or_says_why_not(void **state)
{
	struct pool_probe probe = {
		.login = &via_http, .method = POOL_METHOD_PING, .timeout_ms = 5000};
	struct pool_probe_result result = run_one(probe, 1);

	(void)state;
	if (result.reason == POOL_REASON_NO_PERMISSION)
		assert_non_null(strstr(result.detail, "ping_group_range"));
	else
		assert_int_equal(POOL_REASON_OK, result.reason);
}

static void every_method_has_a_row(void **state)
{
	(void)state;
	for (int i = 0; i < POOL_METHODS; i++) {
		const struct pool_method_row *row = pool_method_get((enum pool_method)i);

		assert_true(strlen(row->name) > 2 && strlen(row->summary) > 5);
		assert_string_equal(row->name, pool_method_name((enum pool_method)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
				row->name, pool_method_get((enum pool_method)j)->name);
	}
}

/* A network of its own, where that is allowed: no test asks the machine's name server. */
static void leave_the_network(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd;

	if (unshare(CLONE_NEWNET) != 0)
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	request.ifr_flags = IFF_UP;
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0)
		abort();
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_are_as_expected),
		cmocka_unit_test(retry_after_is_handed_on),
		cmocka_unit_test(the_environment_counts_for_nothing),
		cmocka_unit_test(control_bytes_in_credentials_never_go_direct),
		cmocka_unit_test(credentials_do_not_stay_behind),
		cmocka_unit_test(a_name_that_does_not_resolve_is_tried_again),
		cmocka_unit_test(the_deadline_ends_everything),
		cmocka_unit_test(a_stop_ends_everything),
		cmocka_unit_test(a_backoff_does_not_outlast_the_run),
		cmocka_unit_test(what_waits_at_the_deadline_keeps_its_result),
		cmocka_unit_test(a_target_gets_no_more_than_its_rate),
		cmocka_unit_test(checks_may_be_added_as_others_end),
		cmocka_unit_test(what_ends_at_once_may_be_followed_by_more),
		cmocka_unit_test(an_idle_engine_is_never_due),
		cmocka_unit_test(the_rate_of_a_target_holds_over_time),
		cmocka_unit_test(an_engine_may_be_freed_in_the_middle_of_everything),
		cmocka_unit_test(names_that_do_not_resolve_keep_nobody_waiting),
		cmocka_unit_test(what_is_added_while_others_are_abandoned_is_made),
		cmocka_unit_test(one_answer_speaks_for_all_names),
		cmocka_unit_test(odd_names_are_no_answer),
		cmocka_unit_test(few_descriptors_bound_the_concurrency),
		cmocka_unit_test(no_descriptors_blame_no_proxy),
		cmocka_unit_test(a_socket_that_is_not_watched_blames_nobody),
		cmocka_unit_test(no_allocation_that_fails_blames_or_stops_anybody),
		cmocka_unit_test(ping_reaches_loopback_or_says_why_not),
		cmocka_unit_test(every_method_has_a_row),
	};

	leave_the_network();

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
