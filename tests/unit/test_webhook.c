/* --webhook, and the POST below it, against small servers on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fixture.h"
#include "probe/post.h"
#include "watch/alert.h"
#include "watch/webhook.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum { PATIENCE_MS = 20000, REQUEST_MAX = 4 << 20 };

static char folder[256];

static int begin(void **unused)
{
	(void)unused;
	signal(SIGPIPE, SIG_IGN);
	fixture_folder_make(folder, sizeof(folder));
	return 0;
}

static int end(void **unused)
{
	(void)unused;
	fixture_folder_remove(folder);
	return 0;
}

static int64_t now_ns(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns;
}

/* --- a server ------------------------------------------------------------------- */

#define STATUS(line) "HTTP/1.1 " line "\r\nContent-Length: 0\r\nConnection: close\r\n"

/* Answers that are none. */
#define STALL        "stall"
#define LONG_HEADERS "long headers"
#define LONG_BODY    "long body"
#define LONG_CHUNK   "long chunk"

struct server {
	pid_t pid; /* 0: refuses */
	int fd;
	uint16_t port;
};

/* Head and body of a request. */
static size_t read_request(int fd, char *bytes)
{
	size_t used = 0, wanted = REQUEST_MAX;
	ssize_t got;

	while (used < wanted && (got = read(fd, bytes + used, wanted - used)) > 0) {
		const char *blank, *length;

		used += (size_t)got;
		bytes[used] = '\0';
		blank = strstr(bytes, "\r\n\r\n");
		length = strcasestr(bytes, "\r\nContent-Length: ");
		if (blank && wanted == REQUEST_MAX)
			wanted = (size_t)(blank + 4 - bytes) +
				(length ? strtoul(length + 18, NULL, 10) : 0);
	}
	return used;
}

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		_exit(0);
}

static void answer(int fd, const char *text)
{
	char chunk[4096];

	memset(chunk, 'x', sizeof(chunk));
	chunk[sizeof(chunk) - 1] = '\0';
	if (strcmp(text, STALL) == 0) {
		pause();
	} else if (strcmp(text, LONG_HEADERS) == 0) {
		say(fd, "HTTP/1.1 200 Yes\r\n");
		for (;;) {
			say(fd, "X-Long: ");
			say(fd, chunk);
			say(fd, "\r\n");
		}
	} else if (strcmp(text, LONG_BODY) == 0) {
		say(fd, "HTTP/1.1 200 Yes\r\n\r\n");
		for (;;)
			say(fd, chunk);
	} else if (strcmp(text, LONG_CHUNK) == 0) {
		say(fd, "HTTP/1.1 200 Yes\r\nTransfer-Encoding: chunked\r\n\r\n5;");
		for (;;)
			say(fd, chunk);
	} else {
		say(fd, text);
	}
}

/* Each request is in a file of the folder before it is answered. */
static _Noreturn void serve(int listener, const char *const *answers)
{
	char *bytes = malloc(REQUEST_MAX + 1), path[300];

	alarm(60);
	for (int number = 0; bytes; number++) {
		int fd = accept(listener, NULL, NULL), file;
		size_t length;

		if (fd < 0)
			break;
		length = read_request(fd, bytes);
		snprintf(path, sizeof(path), "%s/%d", folder, number);
		file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (file < 0 || write(file, bytes, length) < 0)
			break;
		close(file);
		answer(fd, *answers);
		if (answers[1])
			answers++;
		close(fd);
	}
	_exit(1);
}

/* <answers>: one for each connection, the last one for all that follow; NULL ends them.
 * Without any it refuses. */
static struct server start(const char *const *answers)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	struct server server = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(server.fd >= 0);
	assert_int_equal(
		0, bind(server.fd, (struct sockaddr *)&address, sizeof(address)));
	assert_int_equal(0, getsockname(server.fd, (struct sockaddr *)&address, &length));
	server.port = ntohs(address.sin_port);
	if (!*answers)
		return server;
	assert_int_equal(0, listen(server.fd, 16));
	server.pid = fork();
	assert_true(server.pid >= 0);
	if (server.pid == 0)
		serve(server.fd, answers);
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

/* The <number>th request, free() it; NULL: there was none. */
static char *read_request_text(int number)
{
	char path[300], *bytes, *text;
	size_t length;

	snprintf(path, sizeof(path), "%s/%d", folder, number);
	if (access(path, F_OK) != 0)
		return NULL;
	bytes = fixture_read(path, &length);
	text = strndup(bytes, length);
	free(bytes);
	return text;
}

/* --- URLs ----------------------------------------------------------------------- */

static void urls_are_judged(void **unused)
{
	static const struct {
		const char *url, *fault, *shown;
	} cases[] = {
		{"https://hooks.test/T0/S3CRET", NULL, "https://hooks.test"},
		{"HTTP://Hooks.Test:8080?token=S3CRET#x", NULL, "http://Hooks.Test"},
		{"https://S3CRET:S3CRET@hooks.test/", NULL, "https://hooks.test"},
		{"http://[::1]:80/S3CRET", NULL, "http://[::1]"},
		{"", "the URL is empty", "***"},
		{"hooks.test/S3CRET", "the URL has no scheme, like https://", "***"},
		{"ftp://hooks.test/S3CRET", "the URL must begin with https:// or http://",
			"***"},
		{"file:///etc/S3CRET", "the URL must begin with https:// or http://",
			"***"},
		{"socks5://h/S3CRET", "the URL cannot be understood", "***"},
		{"https:///S3CRET", "the URL has no host", "***"},
		{"https://-h/S3CRET", "the URL has no host", "***"},
		{"https://h:99999/S3CRET", "the URL cannot be understood", "***"},
		{"https://h/S3 CRET", "the URL holds a blank or a control character",
			"***"},
		{"https://h/\r\nS3CRET: x",
			"the URL holds a blank or a control character", "***"},
		{"https://h/\x7f", "the URL holds a blank or a control character", "***"},
		{"https://S3CRET%0d:x@h/",
			"the user or password of the URL holds a control character",
			"***"},
		{"https://x:S3CRET%00@h/",
			"the user or password of the URL holds a control character",
			"***"},
	};
	struct pool_poster_options options = {0};
	struct pool_poster *poster = NULL;
	struct pool_fault fault;
	char shown[64], tiny[8];

	(void)unused;
	for (size_t i = 0; i < SIZE(cases); i++) {
		const char *found = pool_poster_check_url(cases[i].url);

		pool_poster_show_url(cases[i].url, shown, sizeof(shown));
		assert_null(strstr(shown, "S3"));
		assert_string_equal(cases[i].shown, shown);
		if (!cases[i].fault) {
			assert_null(found);
			continue;
		}
		assert_string_equal(cases[i].fault, found ? found : "good");
		options.url = cases[i].url;
		assert_int_equal(
			POOL_EARGUMENT, pool_poster_new(&poster, &options, &fault));
		assert_string_equal(cases[i].fault, fault.text);
	}
	pool_poster_show_url("https://hooks.test/", tiny, sizeof(tiny));
	assert_string_equal("https:/", tiny);
}

/* --- posts ---------------------------------------------------------------------- */

static struct pool_poster *new_poster(
	const char *url, const char *ca_file, int64_t timeout_ms)
{
	const struct pool_poster_options options = {
		.url = url, .ca_file = ca_file, .timeout_ms = timeout_ms};
	struct pool_poster *poster;
	struct pool_fault fault;

	assert_int_equal(0, pool_poster_new(&poster, &options, &fault));
	return poster;
}

/* To its end, waiting as a caller would: on the descriptor, and for what is due. */
static struct pool_post_result finish(struct pool_poster *poster)
{
	int64_t patience_ns = now_ns() + PATIENCE_MS * POOL_NS_PER_MS;
	struct pool_post_result result;

	while (!pool_poster_turn(poster, 0, &result)) {
		struct pollfd one = {
			.fd = pool_poster_descriptor(poster), .events = POLLIN};
		int64_t due_ns = pool_poster_due_ns(poster), before_ns = now_ns();
		int64_t wait_ms = (due_ns - before_ns) / POOL_NS_PER_MS + 1;

		assert_true(before_ns < patience_ns);
		poll(&one, 1,
			due_ns <= before_ns             ? 0
				: wait_ms < PATIENCE_MS ? (int)wait_ms
							: PATIENCE_MS);
	}
	return result;
}

static struct pool_post_result post_to(
	const char *const *answers, const char *body, int64_t timeout_ms)
{
	struct server server = start(answers);
	struct pool_poster *poster;
	struct pool_post_result result;
	char url[128];

	snprintf(url, sizeof(url), "http://user:S3%%20CRET@127.0.0.1:%u/T0/S3CRET?x=y",
		server.port);
	poster = new_poster(url, NULL, timeout_ms);
	assert_int_equal(0, pool_poster_send(poster, body, strlen(body)));
	result = finish(poster);
	pool_poster_free(poster);
	stop(&server);
	assert_null(strstr(result.why, "S3"));
	return result;
}

static void outcomes_are_as_expected(void **unused)
{
	static const struct {
		const char *answer; /* NULL: refuses */
		bool ok;
		int status, retry_after_s, timeout_ms;
		const char *why;
	} cases[] = {
		{STATUS("200 Yes") "\r\n", true, 200, -1, 0, ""},
		{STATUS("204 Yes") "\r\n", true, 204, -1, 0, ""},
		{"HTTP/1.1 100 Go\r\n\r\n" STATUS("201 Yes") "\r\n", true, 201, -1, 0,
			""},
		{STATUS("302 Over there") "Location: http://127.0.0.1:1/\r\n\r\n", false,
			302, -1, 0, "it answered 302, and no redirect is followed"},
		{STATUS("404 No") "\r\n", false, 404, -1, 0, "it answered 404"},
		{STATUS("503 No") "Retry-After: 7\r\n\r\n", false, 503, 7, 0,
			"it answered 503"},
		{STATUS("429 No") "retry-after:  Thu, 01 Jan 1970 00:01:00 GMT\r\n\r\n",
			false, 429, 60, 0, "it answered 429"},
		{STATUS("429 No") "Retry-After: soon\r\n\r\n", false, 429, -1, 0,
			"it answered 429"},
		{NULL, false, 0, -1, 0, "it cannot be connected to"},
		{STALL, false, 0, -1, 150, "it did not answer in time"},
		{"", false, 0, -1, 0, "it closed the connection without an answer"},
		{"SSH-2.0-OpenSSH_9.2\r\n", false, 0, -1, 0, "its answer is not HTTP"},
		{LONG_HEADERS, false, 0, -1, 0, NULL},
		{LONG_BODY, true, 200, -1, 0, ""},
		{LONG_CHUNK, true, 200, -1, 0, ""},
		/* It has been taken: what follows does not matter. */
		{"HTTP/1.1 200 Yes\r\nContent-Length: 9\r\n\r\nhalf", true, 200, -1, 0,
			""},
	};

	(void)unused;
	for (size_t i = 0; i < SIZE(cases); i++) {
		const char *const answers[] = {cases[i].answer, NULL};
		struct pool_post_result result =
			post_to(answers, "{}", cases[i].timeout_ms);

		if (result.ok != cases[i].ok || result.status != cases[i].status ||
			result.retry_after_s != cases[i].retry_after_s ||
			(cases[i].why && strcmp(cases[i].why, result.why) != 0))
			fail_msg("%zu: got %d, status %d, retry after %d, '%s'", i,
				result.ok, result.status, result.retry_after_s,
				result.why);
		assert_int_equal(result.ok, !result.why[0]);
	}
}

/* Head and body as they should be, straight to the server. */
static void check_request(const char *body)
{
	static const char *const answers[] = {STATUS("200 Yes") "\r\n", NULL};
	static const char *const lines[] = {"POST /T0/S3CRET?x=y HTTP/1.1\r\n",
		"\r\nAuthorization: Basic dXNlcjpTMyBDUkVU\r\n",
		"\r\nContent-Type: application/json\r\n",
		"\r\nHost: 127.0.0.1:", "\r\nUser-Agent: proxypool/" POOL_VERSION "\r\n"};
	char *text;

	assert_true(post_to(answers, body, 0).ok);
	text = read_request_text(0);
	assert_non_null(text);
	for (size_t i = 0; i < SIZE(lines); i++)
		if (!strstr(text, lines[i]))
			fail_msg("without '%s': %s", lines[i], text);
	assert_null(strcasestr(text, "\r\nExpect:"));
	assert_string_equal(body, strstr(text, "\r\n\r\n") + 4);
	free(text);
}

static void the_request_is_what_is_meant(void **unused)
{
	char *body = malloc(2 << 20);

	(void)unused;
	assert_non_null(body);
	check_request("{\"a\": 1}");
	memset(body, 'a', (2 << 20) - 1);
	body[(2 << 20) - 1] = '\0';
	check_request(body);
	free(body);
}

static void no_proxy_of_the_environment_is_used(void **unused)
{
	static const char *const names[] = {"http_proxy", "HTTP_PROXY", "https_proxy",
		"HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

	(void)unused;
	for (size_t i = 0; i < SIZE(names); i++)
		setenv(names[i], "http://127.0.0.1:1", 1);
	setenv("no_proxy", "example.com", 1);
	check_request("{}");
	for (size_t i = 0; i < SIZE(names); i++)
		unsetenv(names[i]);
	unsetenv("no_proxy");
}

static void no_login_of_netrc_is_used(void **unused)
{
	static const char *const answers[] = {STATUS("200 Yes") "\r\n", NULL};
	static const char login[] =
		"machine 127.0.0.1 login S3CRETuser password S3CRETpass\n"
		"default login S3CRETuser password S3CRETpass\n";
	const char *home = getenv("HOME");
	char *before = home ? strdup(home) : NULL, *text, path[300], url[64];
	struct server server = start(answers);
	struct pool_poster *poster;

	(void)unused;
	snprintf(path, sizeof(path), "%s/.netrc", folder);
	fixture_write(path, login, sizeof(login) - 1);
	setenv("HOME", folder, 1);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/hook", server.port);
	poster = new_poster(url, NULL, 0);
	assert_int_equal(0, pool_poster_send(poster, "{}", 2));
	assert_true(finish(poster).ok);
	pool_poster_free(poster);
	stop(&server);
	if (before)
		setenv("HOME", before, 1);
	free(before);
	text = read_request_text(0);
	assert_non_null(text);
	assert_null(strcasestr(text, "\r\nAuthorization:"));
	free(text);
}

static void a_poster_is_used_again(void **unused)
{
	static const char *const answers[] = {STATUS("500 No") "Retry-After: 9\r\n\r\n",
		"", STATUS("200 Yes") "\r\n", STALL, NULL};
	struct server server = start(answers);
	struct pool_poster *poster;
	struct pool_post_result result;
	char url[64];

	(void)unused;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", server.port);
	poster = new_poster(url, NULL, 0);
	assert_int_equal(0, pool_poster_send(poster, "1", 1));
	result = finish(poster);
	assert_int_equal(500, result.status);
	assert_int_equal(9, result.retry_after_s);
	assert_int_equal(0, pool_poster_send(poster, "2", 1));
	result = finish(poster);
	assert_int_equal(0, result.status);
	assert_int_equal(-1, result.retry_after_s);
	assert_int_equal(0, pool_poster_send(poster, "3", 1));
	assert_true(finish(poster).ok);
	/* And freed in the middle of a request. */
	assert_int_equal(0, pool_poster_send(poster, "4", 1));
	assert_false(pool_poster_turn(poster, 0, &result));
	pool_poster_free(poster);
	stop(&server);
}

/* --- without memory ------------------------------------------------------------- */

/* libcurl's allocation <at> fails, once. */
static struct {
	int at;
	int count;
} famine;

static void *starve_malloc(size_t size)
{
	return ++famine.count == famine.at ? NULL : malloc(size);
}

static void *starve_realloc(void *old, size_t size)
{
	return ++famine.count == famine.at ? NULL : realloc(old, size);
}

static void *starve_calloc(size_t count, size_t size)
{
	return ++famine.count == famine.at ? NULL : calloc(count, size);
}

static char *starve_strdup(const char *text)
{
	return ++famine.count == famine.at ? NULL : strdup(text);
}

/* Exits with 0: it failed, and the next post went out; 1: there are not that many. */
static _Noreturn void starve_at(int at, const char *url)
{
	const struct pool_poster_options options = {.url = url, .timeout_ms = 4000};
	struct pool_poster *poster;
	struct pool_fault fault;
	int before;

	/* Longer than a post's timeout would mean that its timer was lost. */
	alarm(3);
	famine.at = at;
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, starve_malloc, free, starve_realloc,
		    starve_strdup, starve_calloc) ||
		pool_poster_new(&poster, &options, &fault))
		_exit(famine.count < at);
	if (!pool_poster_send(poster, "1", 1))
		finish(poster);
	before = famine.count;
	if ((pool_poster_send(poster, "2", 1) || !finish(poster).ok) && before >= at)
		_exit(2);
	pool_poster_free(poster);
	_exit(famine.count < at);
}

static void no_allocation_that_fails_stops_a_post(void **unused)
{
	static const char *const answers[] = {STATUS("200 Yes") "\r\n", NULL};
	struct server server = start(answers);
	int status = 0, at = 0;
	char url[64];

	(void)unused;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/hook", server.port);
	while (status == 0) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		at++;
		if (!pid)
			starve_at(at, url);
		assert_int_equal(pid, waitpid(pid, &status, 0));
		if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
			fail_msg("allocation %d: wait status %x", at, (unsigned)status);
	}
	assert_in_range(at, 50, 5000);
	stop(&server);
}

/* --- TLS ------------------------------------------------------------------------ */

/* For <name>, such as "IP:127.0.0.1", valid for so many days; it is its own CA. */
static bool make_certificate(
	const char *key, const char *certificate, const char *name, const char *days)
{
	/* "openssl req -x509" makes none that has expired, nor does x509 from 3.4 on by a
	 * number of days. */
	static const char script[] =
		"dates=\"-days $4\"; "
		"[ \"$4\" -gt 0 ] || ! openssl x509 -help 2>&1 | grep -q -e -not_after "
		"|| "
		"dates='-not_before 20200101000000Z -not_after 20200201000000Z'; "
		"openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
		"-keyout \"$1\" -out \"$2.csr\" -subj /CN=localhost && "
		"echo \"subjectAltName=$3\" >\"$2.ext\" && "
		"openssl x509 -req -in \"$2.csr\" -signkey \"$1\" -extfile \"$2.ext\" "
		"$dates -out \"$2\"";
	pid_t pid = fork();
	int status = -1, null;

	assert_true(pid >= 0);
	if (pid == 0) {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(null, STDERR_FILENO);
		dup2(null, STDOUT_FILENO);
		execlp("sh", "sh", "-c", script, "sh", key, certificate, name, days,
			(char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* openssl s_server: says what comes on its standard input to its client. */
struct tls_server {
	pid_t pid;
	int input, output;
	unsigned port;
};

static struct tls_server start_tls(const char *key, const char *certificate)
{
	struct tls_server server;
	int in[2], out[2];
	char text[256] = "";
	size_t used = 0;
	ssize_t got;

	assert_int_equal(0, pipe2(in, O_CLOEXEC));
	assert_int_equal(0, pipe2(out, O_CLOEXEC));
	server.pid = fork();
	assert_true(server.pid >= 0);
	if (server.pid == 0) {
		alarm(60);
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-key",
			key, "-cert", certificate, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	server.input = in[1];
	server.output = out[0];
	while (!strchr(text, '\n') || !strstr(text, "ACCEPT")) {
		got = read(out[0], text + used, sizeof(text) - 1 - used);
		assert_true(got > 0);
		used += (size_t)got;
		text[used] = '\0';
	}
	assert_int_equal(
		1, sscanf(strstr(text, "ACCEPT"), "ACCEPT 127.0.0.1:%u", &server.port));
	return server;
}

static void stop_tls(struct tls_server *server)
{
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	close(server->input);
	close(server->output);
}

/* What was said to the server so far holds nothing of the request. */
static void assert_nothing_received(const struct tls_server *server)
{
	char text[8192];
	ssize_t got;

	assert_int_equal(0, fcntl(server->output, F_SETFL, O_NONBLOCK));
	while ((got = read(server->output, text, sizeof(text) - 1)) > 0) {
		text[got] = '\0';
		assert_null(strstr(text, "S3CRET"));
		assert_null(strstr(text, "POST"));
	}
}

static void certificates_are_verified(void **unused)
{
	static const char yes[] = STATUS("200 Yes") "\r\n";
	static const struct {
		const char *name, *days;
		bool trusted;
		const char *why;
	} cases[] = {
		{"IP:127.0.0.1", "2", true, ""},
		{"IP:127.0.0.1", "2", false, "its certificate does not verify"},
		{"DNS:other.test", "2", true, "its certificate does not verify"},
		{"IP:127.0.0.2", "2", true, "its certificate does not verify"},
		{"IP:127.0.0.1", "-1", true, "its certificate does not verify"},
	};
	char key[300], certificate[300], url[64];

	(void)unused;
	snprintf(key, sizeof(key), "%s/key.pem", folder);
	snprintf(certificate, sizeof(certificate), "%s/cert.pem", folder);
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_poster *poster;
		struct pool_post_result result;
		struct tls_server server;

		if (!make_certificate(key, certificate, cases[i].name, cases[i].days))
			skip();
		server = start_tls(key, certificate);
		assert_int_equal(
			sizeof(yes) - 1, write(server.input, yes, sizeof(yes) - 1));
		snprintf(url, sizeof(url), "https://127.0.0.1:%u/S3CRET", server.port);
		poster = new_poster(url, cases[i].trusted ? certificate : NULL, 0);
		assert_int_equal(0, pool_poster_send(poster, "{}", 2));
		result = finish(poster);
		pool_poster_free(poster);
		assert_string_equal(cases[i].why, result.why);
		assert_int_equal(!*cases[i].why, result.ok);
		if (!result.ok)
			assert_nothing_received(&server);
		stop_tls(&server);
	}
}

/* --- as a receiver of alerts ---------------------------------------------------- */

static struct pool_event told;

static void note_told(void *context, const struct pool_event *event)
{
	(void)context;
	told = *event;
}

static struct pool_alerts *alerts_to(const struct server *server, int64_t window_ms)
{
	struct pool_alert_options options = {.kinds = pool_alerts_default_kinds(),
		.window_ms = window_ms,
		.count = 1,
		.retry = {.first_ms = 10, .heed_ms = 20, .attempts = 3},
		.tell = note_told};
	struct pool_webhook_options webhook = {.file = "/etc/pool.json"};
	struct pool_alerts *alerts;
	struct pool_fault fault;
	char url[64];

	snprintf(url, sizeof(url), "http://S3CRET@127.0.0.1:%u/S3CRET", server->port);
	webhook.url = url;
	memset(&told, 0, sizeof(told));
	assert_int_equal(0, pool_webhook_new(&options.receivers[0], &webhook, &fault));
	assert_string_equal("http://127.0.0.1", options.receivers[0].label);
	assert_int_equal(0, pool_alerts_new(&alerts, &options, &fault));
	return alerts;
}

static void add(struct pool_alerts *alerts, enum pool_event_kind kind)
{
	struct pool_event event;
	struct pool_now now;

	pool_clock_get(&now);
	pool_event_init(&event, kind, 0);
	snprintf(event.pool, sizeof(event.pool), "default.http");
	event.total = 9;
	pool_alerts_add(alerts, &event, &now);
}

/* Until what was added is sent or has failed. */
static struct pool_delivery_counts run(struct pool_alerts *alerts)
{
	int64_t patience_ns = now_ns() + PATIENCE_MS * POOL_NS_PER_MS;
	struct pool_delivery_counts counts = {0};
	const char *name;

	while (!counts.sent && !counts.failed) {
		struct pollfd one = {
			.fd = pool_alerts_descriptor(alerts), .events = POLLIN};
		int64_t due_ns = pool_alerts_due_ns(alerts);
		struct pool_now now;

		pool_clock_get(&now);
		assert_true(now.boot_ns < patience_ns);
		if (due_ns > now.boot_ns)
			poll(&one, 1,
				due_ns - now.boot_ns < PATIENCE_MS * POOL_NS_PER_MS
					? (int)((due_ns - now.boot_ns) / POOL_NS_PER_MS +
						  1)
					: PATIENCE_MS);
		pool_clock_get(&now);
		pool_alerts_turn(alerts, &now);
		counts = pool_alerts_counts(alerts, 0, &name);
		assert_string_equal("webhook", name);
	}
	return counts;
}

static const char *word_of(const cJSON *tree, const char *name)
{
	const char *word =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, name));

	return word ? word : "none";
}

static void a_batch_is_json(void **unused)
{
	static const char *const answers[] = {STATUS("500 No") "\r\n",
		STATUS("429 No") "Retry-After: 3600\r\n\r\n", STATUS("200 Yes") "\r\n",
		NULL};
	struct server server = start(answers);
	struct pool_alerts *alerts = alerts_to(&server, 5);
	char host[256] = "", *text;
	const cJSON *events;
	cJSON *tree;

	(void)unused;
	add(alerts, POOL_EVENT_EXHAUSTED);
	add(alerts, POOL_EVENT_TARGET_RECOVERED);
	assert_int_equal(2, run(alerts).sent);
	pool_alerts_free(alerts, 0);
	stop(&server);
	text = read_request_text(2);
	assert_non_null(text);
	tree = cJSON_Parse(strstr(text, "\r\n\r\n") + 4);
	assert_non_null(tree);
	gethostname(host, sizeof(host) - 1);
	assert_string_equal("proxypool", word_of(tree, "source"));
	assert_string_equal(host, word_of(tree, "host"));
	assert_string_equal("/etc/pool.json", word_of(tree, "file"));
	assert_string_equal("1970-01-01T00:00:00Z exhausted default.http: no proxy is "
			    "eligible, of 9\n1970-01-01T00:00:00Z target-recovered "
			    "default.http: the target of its checks can be reached again",
		word_of(tree, "text"));
	assert_null(cJSON_GetObjectItemCaseSensitive(tree, "more"));
	events = cJSON_GetObjectItemCaseSensitive(tree, "events");
	assert_int_equal(2, cJSON_GetArraySize(events));
	assert_string_equal("exhausted", word_of(cJSON_GetArrayItem(events, 0), "event"));
	cJSON_Delete(tree);
	free(text);
	text = read_request_text(3);
	assert_null(text);
}

static void a_body_says_how_many_found_no_room(void **unused)
{
	struct pool_event event;
	const struct pool_batch batch = {.events = &event, .count = 1, .more = 12};
	struct pool_text text = POOL_TEXT_EMPTY;
	cJSON *tree;

	(void)unused;
	pool_event_init(&event, POOL_EVENT_ROLLBACK, 0);
	snprintf(event.detail, sizeof(event.detail), "a\n\"b\"\\c\xff");
	pool_webhook_add_body(&batch, "h\"\n", "f", &text);
	tree = cJSON_Parse(text.bytes);
	assert_non_null(tree);
	assert_string_equal(
		"1970-01-01T00:00:00Z rollback: the pool file cannot be taken, the last "
		"good one stays: a\\x0a\"b\"\\c\\xff\nand 12 more",
		word_of(tree, "text"));
	assert_int_equal(12,
		(int)cJSON_GetNumberValue(
			cJSON_GetObjectItemCaseSensitive(tree, "more")));
	cJSON_Delete(tree);
	pool_text_release(&text);
}

static void a_failure_shows_no_secret(void **unused)
{
	static const char *const none[] = {NULL};
	struct server server = start(none);
	struct pool_alerts *alerts = alerts_to(&server, 0);

	(void)unused;
	add(alerts, POOL_EVENT_EXHAUSTED);
	assert_int_equal(1, run(alerts).failed);
	assert_int_equal(POOL_EVENT_ALERT_FAILED, told.kind);
	assert_string_equal(
		"webhook http://127.0.0.1: it cannot be connected to, tried 3 times",
		told.detail);
	pool_alerts_free(alerts, 0);
	stop(&server);
}

static void the_last_alerts_are_sent_or_not(void **unused)
{
	static const char *const good[] = {STATUS("200 Yes") "\r\n", NULL};
	static const char *const dead[] = {STALL, NULL};
	struct server server = start(good);
	struct pool_alerts *alerts = alerts_to(&server, 3600000);
	int64_t before_ns;
	char *text;

	(void)unused;
	add(alerts, POOL_EVENT_EXHAUSTED);
	pool_alerts_free(alerts, PATIENCE_MS);
	stop(&server);
	text = read_request_text(0);
	assert_non_null(strstr(text, "\"event\":\"exhausted\""));
	free(text);
	server = start(dead);
	alerts = alerts_to(&server, 3600000);
	add(alerts, POOL_EVENT_EXHAUSTED);
	before_ns = now_ns();
	pool_alerts_free(alerts, 100);
	assert_true(now_ns() - before_ns < POOL_POST_TIMEOUT_MS * POOL_NS_PER_MS);
	stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(urls_are_judged, begin, end),
		cmocka_unit_test_setup_teardown(outcomes_are_as_expected, begin, end),
		cmocka_unit_test_setup_teardown(the_request_is_what_is_meant, begin, end),
		cmocka_unit_test_setup_teardown(
			no_proxy_of_the_environment_is_used, begin, end),
		cmocka_unit_test_setup_teardown(a_poster_is_used_again, begin, end),
		cmocka_unit_test_setup_teardown(no_login_of_netrc_is_used, begin, end),
		cmocka_unit_test_setup_teardown(
			no_allocation_that_fails_stops_a_post, begin, end),
		cmocka_unit_test_setup_teardown(certificates_are_verified, begin, end),
		cmocka_unit_test_setup_teardown(a_batch_is_json, begin, end),
		cmocka_unit_test_setup_teardown(
			a_body_says_how_many_found_no_room, begin, end),
		cmocka_unit_test_setup_teardown(a_failure_shows_no_secret, begin, end),
		cmocka_unit_test_setup_teardown(
			the_last_alerts_are_sent_or_not, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
