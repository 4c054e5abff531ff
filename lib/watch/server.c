/* The HTTP server. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "watch/host.h"
#include "watch/server.h"

enum {
	CLIENTS = 64,
	SPARE = 8, /* places that are kept free of clients who say nothing */
	SILENCE_S = 10,
	REQUEST_S = 30,
	CLIENT_MEMORY = 16384,
	KEPT_MS = 500,
	BACKLOG = 64,
};

static const struct pool_page_row pages[POOL_PAGES] = {
	[POOL_PAGE_DASHBOARD] = {"/", "text/html; charset=utf-8"},
	[POOL_PAGE_METRICS] = {"/metrics", "text/plain; version=0.0.4; charset=utf-8",
		.kept = true, .any_host = true},
	[POOL_PAGE_STATUS] = {"/api/v1/status", "application/json", .kept = true},
	[POOL_PAGE_HEALTH] = {"/healthz", "text/plain; charset=utf-8", .any_host = true},
	[POOL_PAGE_READY] = {"/readyz", "text/plain; charset=utf-8", .any_host = true},
};

/* An answer that several are given. */
struct kept {
	struct MHD_Response *response; /* NULL: none */
	unsigned status;
	int64_t until_ns;
};

/* A connection, by the time of its last answer, or its start. */
struct client {
	int fd; /* -1: a free place */
	int64_t since_ns;
	bool answered; /* it has asked, and gets its answer now */
	bool shut;     /* it was cut off, and goes at the next turn */
};

struct pool_server {
	struct pool_server_options options;
	struct MHD_Daemon *daemon;
	struct pool_host_rule hosts;
	char url[96];
	char address[64];
	struct kept kept[POOL_PAGES];
	struct client clients[CLIENTS];
};

const struct pool_page_row *pool_page_get(enum pool_page page)
{
	return &pages[(unsigned)page < POOL_PAGES ? page : POOL_PAGE_DASHBOARD];
}

static int64_t read_clock(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns;
}

/* --- answers -------------------------------------------------------------------- */

static void add_headers(
	struct MHD_Response *response, const char *type, const char *policy)
{
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	if (policy && *policy)
		MHD_add_response_header(response, "Content-Security-Policy", policy);
}

/* The body is handed over; NULL: out of memory. */
static struct MHD_Response *make_response(struct pool_text *body)
{
	size_t length = body->length;
	char *bytes = pool_text_take(body);
	struct MHD_Response *response = bytes
		? MHD_create_response_from_buffer(length, bytes, MHD_RESPMEM_MUST_FREE)
		: NULL;

	if (bytes && !response)
		free(bytes);
	return response;
}

static struct MHD_Response *render(
	struct pool_server *server, enum pool_page page, unsigned *status)
{
	struct pool_text body = POOL_TEXT_EMPTY, policy = POOL_TEXT_EMPTY;
	struct MHD_Response *response;

	*status = (unsigned)server->options.render(
		server->options.context, page, &body, &policy);
	response = policy.broken ? NULL : make_response(&body);
	if (response)
		add_headers(response, pages[page].type, policy.bytes);
	pool_text_release(&body);
	pool_text_release(&policy);
	return response;
}

static void drop(struct kept *kept)
{
	if (kept->response)
		MHD_destroy_response(kept->response);
	*kept = (struct kept){0};
}

static enum MHD_Result answer_page(
	struct pool_server *server, struct MHD_Connection *client, enum pool_page page)
{
	struct kept *kept = &server->kept[page];
	int64_t now_ns = read_clock();
	enum MHD_Result queued;

	if (!kept->response || now_ns >= kept->until_ns) {
		drop(kept);
		kept->response = render(server, page, &kept->status);
		kept->until_ns =
			now_ns + (pages[page].kept ? KEPT_MS * POOL_NS_PER_MS : 0);
	}
	if (!kept->response)
		return MHD_NO;
	queued = MHD_queue_response(client, kept->status, kept->response);
	if (!pages[page].kept)
		drop(kept);
	return queued;
}

static enum MHD_Result answer_words(
	struct MHD_Connection *client, unsigned status, const char *words)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(words), (void *)(uintptr_t)words, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result queued;

	if (!response)
		return MHD_NO;
	add_headers(response, "text/plain; charset=utf-8", NULL);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	queued = MHD_queue_response(client, status, response);
	MHD_destroy_response(response);
	return queued;
}

/* --- requests ------------------------------------------------------------------- */

struct hosts {
	const char *first; /* NULL: there is none */
	int count;
};

static enum MHD_Result note_host(
	void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct hosts *hosts = context;

	(void)kind;
	if (strcasecmp(name, "Host") != 0)
		return MHD_YES;
	if (hosts->count++ == 0)
		hosts->first = value ? value : "";
	return MHD_YES;
}

/*
 * Whether the Host header permits to answer <page>.
 *
 * No browser speaks HTTP/1.0. A request without a Host comes from a simple program. One
 * whose Host no browser would send here comes from a web server before this one, such as
 * nginx, that passes on its own public name.
 */
static bool permits(const struct pool_server *server, const struct hosts *hosts,
	const char *version, int page)
{
	const bool old = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;

	if (!hosts->first)
		return true;
	if (!server->hosts.loopback && page < POOL_PAGES && pages[page].any_host)
		return true;
	return pool_host_answers(&server->hosts, hosts->first) ||
		(old && pool_host_is_passed_on(&server->hosts, hosts->first));
}

static int find_page(const char *path)
{
	int page = 0;

	while (page < POOL_PAGES && strcmp(pages[page].path, path) != 0)
		page++;
	return page;
}

static struct client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static enum MHD_Result take_request(void *context, struct MHD_Connection *client,
	const char *path, const char *method, const char *version, const char *body,
	size_t *body_length, void **state)
{
	struct pool_server *server = context;
	struct client *asking = client_of(client);
	struct hosts hosts = {0};
	int page;

	if (asking)
		asking->answered = true;
	(void)body;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return answer_words(client, MHD_HTTP_METHOD_NOT_ALLOWED,
			"only GET and HEAD are answered\n");
	/* An answer at the first call, before there can be a body, ends the connection.
	 */
	if (!*state || *body_length) {
		*state = server;
		*body_length = 0;
		return MHD_YES;
	}
	MHD_get_connection_values(client, MHD_HEADER_KIND, note_host, &hosts);
	if (hosts.count > 1 ||
		(hosts.count == 0 && strcmp(version, MHD_HTTP_VERSION_1_0) != 0))
		return answer_words(
			client, MHD_HTTP_BAD_REQUEST, "a request has one Host header\n");
	page = find_page(path);
	if (!permits(server, &hosts, version, page))
		return answer_words(client, MHD_HTTP_FORBIDDEN,
			"the Host header names another machine; pool-watch answers to "
			"the names that its option --allow-host allows\n");
	if (page == POOL_PAGES)
		return answer_words(
			client, MHD_HTTP_NOT_FOUND, "there is nothing here\n");
	return answer_page(server, client, (enum pool_page)page);
}

/* --- clients -------------------------------------------------------------------- */

static void cut_off(struct client *client)
{
	client->shut = true;
	shutdown(client->fd, SHUT_RDWR);
}

/* When nearly all places are taken, the client that has waited longest without asking
 * anything gives way: who does ask, as a load balancer of /healthz, always finds one. */
static void make_room(struct pool_server *server, const struct client *newest)
{
	struct client *oldest = NULL;
	int taken = 0;

	for (int i = 0; i < CLIENTS; i++) {
		struct client *client = &server->clients[i];

		taken += client->fd >= 0 && !client->shut;
		if (client->fd < 0 || client->shut || client->answered ||
			client == newest)
			continue;
		if (!oldest || client->since_ns < oldest->since_ns)
			oldest = client;
	}
	if (oldest && taken > CLIENTS - SPARE)
		cut_off(oldest);
}

static void note_client(void *context, struct MHD_Connection *connection, void **own,
	enum MHD_ConnectionNotificationCode code)
{
	struct pool_server *server = context;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct client *client = *own;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED && client)
		client->fd = -1;
	if (code != MHD_CONNECTION_NOTIFY_STARTED || !info)
		return;
	for (int i = 0; i < CLIENTS; i++) {
		if (server->clients[i].fd >= 0)
			continue;
		server->clients[i] =
			(struct client){.fd = info->connect_fd, .since_ns = read_clock()};
		*own = &server->clients[i];
		make_room(server, &server->clients[i]);
		return;
	}
}

static void note_answer(void *context, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct client *client = client_of(connection);

	(void)context;
	(void)state;
	(void)code;
	if (!client)
		return;
	client->since_ns = read_clock();
	client->answered = false;
}

/* A byte now and then keeps libmicrohttpd waiting for ever. Whoever sends it wakes us. */
static void cut_off_slow_clients(struct pool_server *server)
{
	const int64_t before_ns =
		read_clock() - server->options.request_s * POOL_NS_PER_S;

	for (int i = 0; i < CLIENTS; i++)
		if (server->clients[i].fd >= 0 && server->clients[i].since_ns < before_ns)
			cut_off(&server->clients[i]);
}

/* --- start and end -------------------------------------------------------------- */

bool pool_listen_parse(const char *text, struct pool_listen *out)
{
	struct pool_listen where = {.host = "127.0.0.1"};
	const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
	unsigned char address[sizeof(struct in6_addr)];
	bool brackets = text[0] == '[';
	int64_t number;

	if (colon) {
		size_t length = (size_t)(colon - text);

		if (brackets && (length < 2 || text[length - 1] != ']'))
			return false;
		if (brackets) {
			text++;
			length -= 2;
		}
		if (length >= sizeof(where.host))
			return false;
		memcpy(where.host, text, length);
		where.host[length] = '\0';
	}
	if (!pool_text_to_int(port, 0, 65535, &number) ||
		inet_pton(brackets ? AF_INET6 : AF_INET, where.host, address) != 1)
		return false;
	where.port = (uint16_t)number;
	*out = where;
	return true;
}

/* The address to bind to; true if it is a loopback one. */
static bool make_address(
	const struct pool_listen *where, struct sockaddr_storage *out, socklen_t *length)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, where->host, &ipv4->sin_addr) == 1) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(where->port);
		*length = sizeof(*ipv4);
		return ntohl(ipv4->sin_addr.s_addr) >> 24 == 127;
	}
	inet_pton(AF_INET6, where->host, &ipv6->sin6_addr);
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = htons(where->port);
	*length = sizeof(*ipv6);
	return IN6_IS_ADDR_LOOPBACK(&ipv6->sin6_addr);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		return 0;
	if (address.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&address)->sin_port);
	return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
}

/* A socket that listens, or a negative errno. */
static int listen_at(struct pool_server *server, const struct pool_listen *where)
{
	struct sockaddr_storage address;
	socklen_t length;
	bool ipv6 = strchr(where->host, ':') != NULL;
	int fd, yes = 1, error;

	server->hosts.loopback = make_address(where, &address, &length);
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (ipv6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&address, length) != 0 ||
		listen(fd, BACKLOG) != 0) {
		error = errno;
		close(fd);
		return -error;
	}
	snprintf(server->address, sizeof(server->address), "%s", where->host);
	server->hosts.address = server->address;
	server->hosts.port = port_of(fd);
	snprintf(server->url, sizeof(server->url), "http://%s%s%s:%u/", ipv6 ? "[" : "",
		where->host, ipv6 ? "]" : "", server->hosts.port);
	return fd;
}

int pool_server_new(struct pool_server **out, const struct pool_listen *where,
	const struct pool_server_options *options, struct pool_fault *fault)
{
	struct pool_server *server = calloc(1, sizeof(*server));
	int fd;

	if (!server)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	server->options = *options;
	server->hosts.machine = options->machine;
	server->hosts.names = options->hosts;
	server->hosts.count = options->host_count;
	if (!options->silence_s)
		server->options.silence_s = SILENCE_S;
	if (!options->request_s)
		server->options.request_s = REQUEST_S;
	for (int i = 0; i < CLIENTS; i++)
		server->clients[i].fd = -1;
	fd = listen_at(server, where);
	if (fd < 0) {
		free(server);
		return pool_fault_set(fault, POOL_ESYSTEM, -fd,
			"cannot listen at %s, port %u", where->host, where->port);
	}
	server->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, take_request,
		server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CLIENTS, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)server->options.silence_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CLIENT_MEMORY, MHD_OPTION_NOTIFY_CONNECTION, note_client, server,
		MHD_OPTION_NOTIFY_COMPLETED, note_answer, server, MHD_OPTION_END);
	if (server->daemon) {
		*out = server;
		return 0;
	}
	close(fd);
	free(server);
	return pool_fault_set(fault, POOL_ESYSTEM, 0, "cannot start the HTTP server");
}

void pool_server_free(struct pool_server *server)
{
	if (!server)
		return;
	pool_server_forget(server);
	MHD_stop_daemon(server->daemon);
	free(server);
}

const char *pool_server_url(const struct pool_server *server)
{
	return server->url;
}

void pool_server_forget(struct pool_server *server)
{
	for (int i = 0; i < POOL_PAGES; i++)
		drop(&server->kept[i]);
}

int pool_server_descriptor(const struct pool_server *server)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return info ? info->epoll_fd : -1;
}

int64_t pool_server_due_ns(const struct pool_server *server)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	if (MHD_get_timeout(server->daemon, &timeout_ms) != MHD_YES)
		return INT64_MAX;
	return read_clock() + (int64_t)timeout_ms * POOL_NS_PER_MS;
}

void pool_server_turn(struct pool_server *server)
{
	cut_off_slow_clients(server);
	MHD_run(server->daemon);
}
