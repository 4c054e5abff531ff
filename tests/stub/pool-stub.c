/*
 * pool-stub: the scripted proxy and origin of the tests and the benchmarks.
 *
 * Does on demand what real servers will not: refuse, stall, trickle, lie, run out of
 * patience. One thread, one epoll loop; the same program is quick enough to be the
 * reference server of the benchmarks. It prints its ports, one a line, once it can be
 * connected to, and ends on SIGTERM, SIGINT, after --max-seconds, and with --with-parent
 * when its standard input ends.
 *
 * Every descriptor in the loop is a source with one function. A connection carries the
 * meaning of the bytes it waits for as a function as well (its step), so that a protocol
 * is a chain of steps and no switch knows them all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS_AT_ONCE = 256,
	ACCEPTS_AT_ONCE = 64,
	SCRATCH_SIZE = 64 * 1024,
	INPUT_MAX = 64 * 1024, /* of a request that is not complete yet */
	OUTPUT_MAX =
		256 * 1024, /* waiting for a slow reader; then its peer is not read */
	SCRIPT_MAX = 64,
	HEADERS_MAX = 16,
	TRICKLE_MS = 1000,
	FLOOD_SIZE = 16 * 1024, /* sent at once */
	FLOOD_ROOM =
		32 * 1024, /* in the kernel, so that what was sent says what was read */
	NAME_MAX_LENGTH = 256,
};

struct stub;
struct conn;

/* Something the loop waits for. */
struct source {
	void (*ready)(struct stub *stub, struct source *source, uint32_t events);
};

/* What the bytes that came mean. Returns how many it used; 0: more are needed. */
typedef size_t step_fn(
	struct stub *stub, struct conn *conn, const char *data, size_t length);

/* One port. Scripts and limits are counted by port. */
struct listener {
	struct source source;
	int fd;
	uint64_t requests;
	int64_t window_ms; /* start of the window of the role limit */
	int64_t window_requests;
};

/* An answer, ready to be sent. */
struct answer {
	char *bytes;
	size_t head; /* length without the body */
	size_t length;
};

struct conn {
	struct source source;
	struct listener *listener;
	int fd;
	step_fn *step; /* NULL: bytes wait until there is one */
	/* Called on the client's side when its dial succeeded (0) or failed (errno). */
	void (*dialled)(struct stub *stub, struct conn *conn, int error);
	struct conn *peer; /* the other end of a tunnel */
	struct conn *next; /* in the list of those that wait, or of the dead */
	struct conn *previous;
	int64_t due_ms;
	const struct answer *answer; /* what is sent when due */
	size_t trickled;
	char *in;
	size_t in_length, in_room;
	char *out;
	size_t out_length, out_room;
	uint32_t interest;
	bool connecting;
	bool waiting;    /* in the list of those that wait */
	bool head_only;  /* the request was a HEAD */
	bool close_next; /* close once everything is sent */
	bool ended;      /* no more bytes will come */
	bool shut;       /* the other side was told that no more will come */
	bool flooding;   /* --repeat is sent without end */
	uint64_t flooded;
	bool dead;
};

struct options {
	const char *host;
	int64_t port;
	int64_t count;
	int64_t max_seconds;
	bool with_parent;
	const char *log;
	const char *user;
	const char *password;
	const char *password_file;
	bool forward;
	bool hold;
	int64_t connect_status;
	int64_t reply;
	bool auth_reject;
	int64_t status;
	const char *body;
	const char *headers[HEADERS_MAX + 1];
	const char *bytes[HEADERS_MAX + 1];
	const char *repeat;
	const char *retry_after;
	const char *script;
	int64_t delay_ms;
	int64_t requests;
	int64_t per_seconds;
	bool help;
};

/* What a role does with a new connection and with its first bytes. */
struct role {
	const char *name;
	const char *summary;
	void (*begin)(struct stub *stub, struct conn *conn); /* may be NULL */
	step_fn *step;
	bool tunnels; /* answers CONNECT */
	bool limits;
	bool truncates;
	bool refuses;
};

struct stub {
	struct options options;
	const struct role *role;
	struct listener *listeners;
	struct source signals;
	struct source parent;
	int epoll_fd, signal_fd, log_fd;
	char *authorization; /* "Basic ...", or NULL when anybody may use it */
	char *password;      /* what SOCKS5 is shown; NULL likewise */
	struct answer script[SCRIPT_MAX];
	size_t script_length;
	struct answer limited; /* made anew for each such answer */
	struct answer unauthorized, connected, bad_gateway, bad_request, refused;
	struct conn *first_waiting, *last_waiting, *dead;
	int64_t now_ms, end_ms;
	bool stop;
	char scratch[SCRATCH_SIZE];
};

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void die(const char *what)
{
	fprintf(stderr, "pool-stub: %s: %s\n", what, strerror(errno));
	exit(4);
}

static void *allocate(void *old, size_t size)
{
	void *memory = realloc(old, size);

	if (!memory)
		die("cannot allocate memory");
	return memory;
}

/* --- those that wait ------------------------------------------------------------ */

/* Every role has one constant delay, so the first in is the first due. */

static void unwait(struct stub *stub, struct conn *conn)
{
	if (!conn->waiting)
		return;
	if (conn->previous)
		conn->previous->next = conn->next;
	else
		stub->first_waiting = conn->next;
	if (conn->next)
		conn->next->previous = conn->previous;
	else
		stub->last_waiting = conn->previous;
	conn->waiting = false;
	conn->next = conn->previous = NULL;
}

static void wait_for(struct stub *stub, struct conn *conn, int64_t delay_ms)
{
	unwait(stub, conn);
	conn->due_ms = stub->now_ms + delay_ms;
	conn->previous = stub->last_waiting;
	if (stub->last_waiting)
		stub->last_waiting->next = conn;
	else
		stub->first_waiting = conn;
	stub->last_waiting = conn;
	conn->waiting = true;
}

/* --- connections ---------------------------------------------------------------- */

/* In whole MB, so that a test can compare it. */
static void log_flood(const struct stub *stub, const struct conn *conn)
{
	char line[64];
	int size =
		snprintf(line, sizeof(line), "FLOOD %d MB\n", (int)(conn->flooded >> 20));

	if (stub->log_fd >= 0 && write(stub->log_fd, line, (size_t)size) != size)
		die("cannot write the log");
}

/* Closed at once, freed after the round: events of this round may still point to it. */
static void drop(struct stub *stub, struct conn *conn)
{
	struct conn *peer = conn->peer;

	if (conn->dead)
		return;
	unwait(stub, conn);
	if (conn->flooding)
		log_flood(stub, conn);
	conn->dead = true;
	close(conn->fd);
	conn->next = stub->dead;
	stub->dead = conn;
	conn->peer = NULL;
	if (peer) {
		peer->peer = NULL;
		drop(stub, peer);
	}
}

static void bury(struct stub *stub)
{
	while (stub->dead) {
		struct conn *conn = stub->dead;

		stub->dead = conn->next;
		free(conn->in);
		free(conn->out);
		free(conn);
	}
}

static void set_interest(struct stub *stub, struct conn *conn)
{
	struct epoll_event event = {.data.ptr = conn};
	bool full = conn->peer && conn->peer->out_length > OUTPUT_MAX;

	if (conn->dead)
		return;
	if (!conn->ended && !full && conn->in_length <= INPUT_MAX && !conn->connecting)
		event.events |= EPOLLIN;
	if (conn->out_length || conn->connecting)
		event.events |= EPOLLOUT;
	if (event.events == conn->interest)
		return;
	conn->interest = event.events;
	if (epoll_ctl(stub->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event))
		drop(stub, conn);
}

/* Half-closed ends pass on what they know, and die when both have nothing left to say. */
static void settle(struct stub *stub, struct conn *conn)
{
	if (conn->dead || conn->out_length)
		return;
	/* an answer that still waits for its time is not sent yet */
	if (conn->close_next && !conn->waiting) {
		drop(stub, conn);
		return;
	}
	if (conn->peer && conn->peer->ended && !conn->shut) {
		conn->shut = true;
		shutdown(conn->fd, SHUT_WR);
	}
	if (conn->ended && (conn->shut || !conn->peer))
		drop(stub, conn);
}

static void keep_output(struct conn *conn, const char *data, size_t length)
{
	if (conn->out_length + length > conn->out_room) {
		conn->out_room = (conn->out_length + length) * 2;
		conn->out = allocate(conn->out, conn->out_room);
	}
	memcpy(conn->out + conn->out_length, data, length);
	conn->out_length += length;
}

static void put(struct stub *stub, struct conn *conn, const char *data, size_t length)
{
	ssize_t sent = 0;

	if (conn->dead)
		return;
	if (!conn->out_length && !conn->connecting) {
		sent = send(conn->fd, data, length, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN) {
			drop(stub, conn);
			return;
		}
		sent = sent < 0 ? 0 : sent;
	}
	if ((size_t)sent < length) {
		keep_output(conn, data + sent, length - (size_t)sent);
		set_interest(stub, conn);
	}
}

static void put_answer(struct stub *stub, struct conn *conn, const struct answer *answer)
{
	put(stub, conn, answer->bytes, conn->head_only ? answer->head : answer->length);
}

/* There is always something to send: what is repeated stays whole. */
static void flood(struct stub *stub, struct conn *conn, size_t sent)
{
	const char *text = stub->options.repeat;

	conn->flooded += sent;
	while (conn->out_length < FLOOD_SIZE)
		keep_output(conn, text, strlen(text));
}

static void flush(struct stub *stub, struct conn *conn)
{
	ssize_t sent = send(conn->fd, conn->out, conn->out_length, MSG_NOSIGNAL);

	if (sent < 0) {
		if (errno != EAGAIN)
			drop(stub, conn);
		return;
	}
	memmove(conn->out, conn->out + sent, conn->out_length - (size_t)sent);
	conn->out_length -= (size_t)sent;
	if (conn->flooding)
		flood(stub, conn, (size_t)sent);
	if (conn->peer)
		set_interest(stub, conn->peer);
}

static void keep_input(struct conn *conn, const char *data, size_t length)
{
	if (length > conn->in_room) {
		/* <data> lies in the old buffer only when it fits there */
		conn->in_room = length * 2;
		conn->in = allocate(conn->in, conn->in_room);
	}
	memmove(conn->in, data, length);
	conn->in_length = length;
}

/* Let the steps have <data>; keep what they do not take. */
static void feed(struct stub *stub, struct conn *conn, const char *data, size_t length)
{
	while (length && !conn->dead && conn->step && !conn->waiting) {
		size_t used = conn->step(stub, conn, data, length);

		if (!used)
			break;
		data += used;
		length -= used;
	}
	if (conn->dead)
		return;
	if (length > INPUT_MAX && conn->step && !conn->waiting)
		drop(stub, conn);
	else if (length)
		keep_input(conn, data, length);
	else
		conn->in_length = 0;
}

static void receive(struct stub *stub, struct conn *conn)
{
	ssize_t got = recv(conn->fd, stub->scratch, sizeof(stub->scratch), 0);

	if (got < 0) {
		if (errno != EAGAIN)
			drop(stub, conn);
	} else if (got == 0) {
		conn->ended = true;
		if (conn->peer)
			settle(stub, conn->peer);
	} else if (conn->in_length) {
		size_t length = conn->in_length + (size_t)got;

		if (length > conn->in_room) {
			conn->in_room = length * 2;
			conn->in = allocate(conn->in, conn->in_room);
		}
		memcpy(conn->in + conn->in_length, stub->scratch, (size_t)got);
		feed(stub, conn, conn->in, length);
	} else {
		feed(stub, conn, stub->scratch, (size_t)got);
	}
}

static void finish_dial(struct stub *stub, struct conn *conn)
{
	struct conn *client = conn->peer;
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	conn->connecting = false;
	if (error) {
		conn->peer = client->peer = NULL;
		drop(stub, conn);
	}
	client->dialled(stub, client, error);
	if (!client->dead)
		feed(stub, client, client->in, client->in_length);
	set_interest(stub, conn);
	set_interest(stub, client);
	settle(stub, client);
}

static void conn_ready(struct stub *stub, struct source *source, uint32_t events)
{
	struct conn *conn = (struct conn *)source;

	if (conn->dead)
		return;
	if (conn->connecting) {
		finish_dial(stub, conn);
		return;
	}
	if (events & EPOLLERR) {
		drop(stub, conn);
		return;
	}
	if (events & EPOLLOUT && conn->out_length)
		flush(stub, conn);
	if (!conn->dead && events & (EPOLLIN | EPOLLHUP) && !conn->ended)
		receive(stub, conn);
	set_interest(stub, conn);
	settle(stub, conn);
}

static struct conn *add_conn(struct stub *stub, int fd, uint32_t interest)
{
	struct conn *conn = allocate(NULL, sizeof(*conn));
	struct epoll_event event = {.events = interest, .data.ptr = conn};

	*conn = (struct conn){.source.ready = conn_ready, .fd = fd, .interest = interest};
	if (epoll_ctl(stub->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		close(fd);
		free(conn);
		return NULL;
	}
	return conn;
}

static void accept_ready(struct stub *stub, struct source *source, uint32_t events)
{
	struct listener *listener = (struct listener *)source;
	struct conn *conn;
	int i, fd, on = 1;

	(void)events;
	for (i = 0; i < ACCEPTS_AT_ONCE; i++) {
		fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		conn = add_conn(stub, fd, EPOLLIN);
		if (!conn)
			continue;
		conn->listener = listener;
		conn->step = stub->role->step;
		if (stub->role->begin)
			stub->role->begin(stub, conn);
	}
}

/* --- the log: never a credential ------------------------------------------------ */

static void log_request(struct stub *stub, const char *method, const char *url,
	size_t length, bool authorized)
{
	const char *rest = memchr(url, '@', length);
	char line[2048];
	int size, i;

	if (stub->log_fd < 0)
		return;
	if (rest) {
		length -= (size_t)(rest + 1 - url);
		url = rest + 1;
	}
	size = snprintf(line, sizeof(line) - 1, "%s %.*s proxy-authorization=%s", method,
		(int)(length < 1900 ? length : 1900), url, authorized ? "yes" : "no");
	for (i = 0; i < size; i++)
		if ((unsigned char)line[i] < ' ')
			line[i] = '?';
	line[size++] = '\n';
	if (write(stub->log_fd, line, (size_t)size) != size)
		die("cannot write the log");
}

/* --- tunnels -------------------------------------------------------------------- */

static size_t relay_step(
	struct stub *stub, struct conn *conn, const char *data, size_t length)
{
	if (conn->peer)
		put(stub, conn->peer, data, length);
	return length;
}

static size_t ignore_step(
	struct stub *stub, struct conn *conn, const char *data, size_t length)
{
	(void)stub;
	(void)conn;
	(void)data;
	return length;
}

/* The address of <host>: a number, or a name that means this machine. No resolver is
 * asked. */
static bool find_address(const char *host, struct sockaddr_storage *out, socklen_t *size)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	const char *dot = strrchr(host, '.');

	memset(out, 0, sizeof(*out));
	if (!strcasecmp(host, "localhost") || (dot && !strcasecmp(dot, ".test")))
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		*size = sizeof(*v4);
		return true;
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		*size = sizeof(*v6);
		return true;
	}
	return false;
}

/* Connect <conn> to <host>:<port>; conn->dialled is told how it went, perhaps at once. */
static void dial(struct stub *stub, struct conn *conn, const char *host, unsigned port)
{
	struct sockaddr_storage address;
	struct conn *target;
	socklen_t size;
	int fd;

	conn->step = NULL;
	if (!find_address(host, &address, &size)) {
		conn->dialled(stub, conn, EHOSTUNREACH);
		return;
	}
	/* sin_port and sin6_port lie in the same place */
	((struct sockaddr_in *)&address)->sin_port = htons((uint16_t)port);
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		conn->dialled(stub, conn, errno);
		return;
	}
	if (connect(fd, (struct sockaddr *)&address, size) && errno != EINPROGRESS) {
		conn->dialled(stub, conn, errno);
		close(fd);
		return;
	}
	target = add_conn(stub, fd, EPOLLOUT);
	if (!target) {
		conn->dialled(stub, conn, EMFILE);
		return;
	}
	target->connecting = true;
	target->listener = conn->listener;
	target->step = relay_step;
	target->peer = conn;
	conn->peer = target;
}

/* --- HTTP ----------------------------------------------------------------------- */

/* A request as it lies in the buffer. */
struct request {
	const char *method, *url, *head_end;
	size_t method_length, url_length;
	const char *authorization; /* of the proxy; NULL: none */
	size_t authorization_length;
	size_t body_length;
	bool keep_alive;
};

static const char *status_text(int64_t status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {
		{200, "OK"},
		{204, "No Content"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{407, "Proxy Authentication Required"},
		{418, "I'm a teapot"},
		{429, "Too Many Requests"},
		{451, "Unavailable For Legal Reasons"},
		{500, "Internal Server Error"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Status";
}

static void add_text(struct answer *answer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_text(struct answer *answer, const char *format, ...)
{
	va_list arguments;
	int more;

	va_start(arguments, format);
	more = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	answer->bytes = allocate(answer->bytes, answer->length + (size_t)more + 1);
	va_start(arguments, format);
	vsnprintf(answer->bytes + answer->length, (size_t)more + 1, format, arguments);
	va_end(arguments);
	answer->length += (size_t)more;
}

/* An answer of <status>; <header> is a whole line or "". A role that truncates promises
 * more. */
static struct answer make_answer(
	const struct stub *stub, int64_t status, const char *body, const char *header)
{
	bool bare = status == 204 || status == 304 || status < 200;
	size_t length =
		strlen(body) * (stub->role->truncates ? 2 : 1) + stub->role->truncates;
	struct answer answer = {0};

	add_text(&answer, "HTTP/1.1 %d %s\r\n%s", (int)status, status_text(status),
		header);
	if (!bare)
		add_text(&answer, "Content-Type: text/plain\r\nContent-Length: %zu\r\n",
			length);
	for (size_t i = 0; stub->options.headers[i]; i++)
		add_text(&answer, "%s\r\n", stub->options.headers[i]);
	add_text(&answer, "\r\n");
	answer.head = answer.length;
	if (!bare)
		add_text(&answer, "%s", body);
	return answer;
}

static bool is_word(const char *text, size_t length, const char *word)
{
	return length == strlen(word) && !strncasecmp(text, word, length);
}

static void read_header(struct request *request, const char *line, size_t length)
{
	const char *colon = memchr(line, ':', length);
	const char *value, *end = line + length;
	size_t name;

	if (!colon)
		return;
	name = (size_t)(colon - line);
	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
		;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (is_word(line, name, "Proxy-Authorization")) {
		request->authorization = value;
		request->authorization_length = (size_t)(end - value);
	} else if (is_word(line, name, "Content-Length")) {
		request->body_length = strtoul(value, NULL, 10);
	} else if (is_word(line, name, "Connection") ||
		is_word(line, name, "Proxy-Connection")) {
		if (is_word(value, (size_t)(end - value), "close"))
			request->keep_alive = false;
		else if (is_word(value, (size_t)(end - value), "keep-alive"))
			request->keep_alive = true;
	}
}

/* Take a request's head apart, <head_end> standing behind its empty line. */
static bool read_request(struct request *request, const char *data, const char *head_end)
{
	const char *line_end = memchr(data, '\r', (size_t)(head_end - data));
	const char *blank = memchr(data, ' ', (size_t)(line_end - data));
	const char *second, *line;

	second = blank ? memchr(blank + 1, ' ', (size_t)(line_end - blank - 1)) : NULL;
	if (!second || line_end - second < 9)
		return false;
	*request = (struct request){
		.method = data,
		.method_length = (size_t)(blank - data),
		.url = blank + 1,
		.url_length = (size_t)(second - blank - 1),
		.head_end = head_end,
		.keep_alive = !strncmp(second + 1, "HTTP/1.1", 8),
	};
	for (line = line_end + 2; line < head_end - 2; line = line_end + 2) {
		line_end = memchr(line, '\r', (size_t)(head_end - line));
		read_header(request, line, (size_t)(line_end - line));
	}
	return true;
}

/* Seconds until the port has requests left; 0: this one is within its limit. */
static int64_t over_limit(struct stub *stub, struct listener *listener)
{
	int64_t window_ms = stub->options.per_seconds * 1000;

	if (!stub->role->limits)
		return 0;
	if (!listener->window_requests ||
		stub->now_ms - listener->window_ms >= window_ms) {
		listener->window_ms = stub->now_ms;
		listener->window_requests = 0;
	}
	if (listener->window_requests < stub->options.requests) {
		listener->window_requests++;
		return 0;
	}
	return (listener->window_ms + window_ms - stub->now_ms + 999) / 1000;
}

static const struct answer *choose_answer(struct stub *stub, struct listener *listener)
{
	int64_t retry_s = over_limit(stub, listener);
	char header[64];

	if (!retry_s)
		return &stub->script[listener->requests++ % stub->script_length];
	snprintf(header, sizeof(header), "Retry-After: %d\r\n", (int)retry_s);
	free(stub->limited.bytes);
	stub->limited = make_answer(stub, 429, "too many requests\n", header);
	return &stub->limited;
}

static void answer_as_origin(struct stub *stub, struct conn *conn, bool keep_alive)
{
	const struct answer *answer = choose_answer(stub, conn->listener);

	conn->close_next = !keep_alive || stub->role->truncates;
	if (stub->options.delay_ms && answer != &stub->limited) {
		conn->answer = answer;
		wait_for(stub, conn, stub->options.delay_ms);
		return;
	}
	put_answer(stub, conn, answer);
}

/* "host:port" or "[v6]:port"; the port may be missing when <port> has a default. */
static bool split_target(const char *text, size_t length, char *host, unsigned *port)
{
	const char *end = text + length, *colon = end, *host_end;

	while (colon > text && *colon != ':' && *colon != ']')
		colon--;
	host_end = colon > text && *colon == ':' ? colon : end;
	if (host_end != end)
		*port = (unsigned)strtoul(colon + 1, NULL, 10);
	if (host_end - text > 2 && *text == '[' && host_end[-1] == ']') {
		text++;
		host_end--;
	}
	if (host_end == text || host_end - text >= NAME_MAX_LENGTH || !*port ||
		*port > 65535)
		return false;
	memcpy(host, text, (size_t)(host_end - text));
	host[host_end - text] = '\0';
	return true;
}

static void end_with(struct stub *stub, struct conn *conn, const struct answer *answer)
{
	conn->close_next = true;
	conn->step = ignore_step;
	put_answer(stub, conn, answer);
}

static void connect_dialled(struct stub *stub, struct conn *conn, int error)
{
	if (error) {
		end_with(stub, conn, &stub->bad_gateway);
		return;
	}
	conn->step = relay_step;
	put_answer(stub, conn, &stub->connected);
}

static void answer_connect(
	struct stub *stub, struct conn *conn, const struct request *request)
{
	char host[NAME_MAX_LENGTH];
	unsigned port = 0;

	if (!stub->role->tunnels || stub->options.connect_status != 200) {
		end_with(stub, conn, &stub->refused);
		return;
	}
	if (!split_target(request->url, request->url_length, host, &port)) {
		end_with(stub, conn, &stub->bad_request);
		return;
	}
	conn->dialled = connect_dialled;
	dial(stub, conn, host, port);
}

static void forward_dialled(struct stub *stub, struct conn *conn, int error)
{
	if (error) {
		end_with(stub, conn, &stub->bad_gateway);
		return;
	}
	conn->step = relay_step;
	/* what was kept for the target is sent now */
	if (conn->peer->out_length)
		flush(stub, conn->peer);
}

/* Everything but what concerns this hop, and the wish to close: then one tunnel is
 * enough. */
static void put_forwarded(
	struct conn *target, const struct request *request, const char *path)
{
	const char *line, *line_end;

	keep_output(target, request->method, request->method_length + 1);
	if (*path != '/')
		keep_output(target, "/", 1);
	line = request->url + request->url_length;
	keep_output(target, path, (size_t)(line - path));
	keep_output(target, " HTTP/1.1\r\n", 11);
	line = (const char *)memchr(line, '\n', (size_t)(request->head_end - line)) + 1;
	for (; line < request->head_end - 2; line = line_end) {
		line_end = (const char *)memchr(
				   line, '\n', (size_t)(request->head_end - line)) +
			1;
		if (strncasecmp(line, "Proxy-", 6) &&
			strncasecmp(line, "Connection:", 11))
			keep_output(target, line, (size_t)(line_end - line));
	}
	keep_output(target, "Connection: close\r\n\r\n", 21);
}

static void forward(struct stub *stub, struct conn *conn, const struct request *request)
{
	const char *end = request->url + request->url_length;
	const char *authority = request->url + 7, *path;
	char host[NAME_MAX_LENGTH];
	unsigned port = 80;

	if (request->url_length < 8 || strncasecmp(request->url, "http://", 7)) {
		end_with(stub, conn, &stub->bad_request);
		return;
	}
	path = memchr(authority, '/', (size_t)(end - authority));
	path = path ? path : end;
	if (!split_target(authority, (size_t)(path - authority), host, &port)) {
		end_with(stub, conn, &stub->bad_request);
		return;
	}
	conn->dialled = forward_dialled;
	dial(stub, conn, host, port);
	if (conn->peer)
		put_forwarded(conn->peer, request, path);
}

static bool is_authorized(const struct stub *stub, const struct request *request)
{
	if (!stub->authorization)
		return true;
	return request->authorization &&
		request->authorization_length == strlen(stub->authorization) &&
		!memcmp(request->authorization, stub->authorization,
			request->authorization_length);
}

static void answer_request(
	struct stub *stub, struct conn *conn, const struct request *request)
{
	char method[16];

	snprintf(method, sizeof(method), "%.*s", (int)request->method_length,
		request->method);
	log_request(
		stub, method, request->url, request->url_length, request->authorization);
	conn->head_only = !strcmp(method, "HEAD");
	if (!is_authorized(stub, request)) {
		end_with(stub, conn, &stub->unauthorized);
	} else if (!strcmp(method, "CONNECT")) {
		answer_connect(stub, conn, request);
	} else if (stub->options.forward && *request->url != '/') {
		forward(stub, conn, request);
	} else {
		answer_as_origin(stub, conn, request->keep_alive);
	}
}

static size_t http_step(
	struct stub *stub, struct conn *conn, const char *data, size_t length)
{
	const char *end = memmem(data, length, "\r\n\r\n", 4);
	struct request request;
	size_t body;

	if (!end)
		return 0;
	end += 4;
	if (!read_request(&request, data, end)) {
		end_with(stub, conn, &stub->bad_request);
		return length;
	}
	/* a forwarded body is for the target's eyes: it stays for the tunnel to take */
	body = stub->options.forward && *request.url != '/' ? 0 : request.body_length;
	if (body > INPUT_MAX) {
		end_with(stub, conn, &stub->bad_request);
		return length;
	}
	if ((size_t)(end - data) + body > length)
		return 0;
	answer_request(stub, conn, &request);
	return (size_t)(end - data) + body;
}

/* --- SOCKS ---------------------------------------------------------------------- */

static int socks5_code(int error)
{
	static const struct {
		int error, code;
	} codes[] = {{0, 0}, {ENETUNREACH, 3}, {EHOSTUNREACH, 4}, {ECONNREFUSED, 5},
		{ETIMEDOUT, 6}};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i].error == error)
			return codes[i].code;
	return 1;
}

static void put_socks5_reply(struct stub *stub, struct conn *conn, int code)
{
	const char reply[10] = {5, (char)code, 0, 1};

	conn->step = code ? ignore_step : relay_step;
	conn->close_next = code != 0;
	put(stub, conn, reply, sizeof(reply));
}

static void socks5_dialled(struct stub *stub, struct conn *conn, int error)
{
	put_socks5_reply(stub, conn, socks5_code(error));
}

static void log_socks(
	struct stub *stub, const char *method, const char *host, unsigned port)
{
	char target[NAME_MAX_LENGTH + 8];
	int size = snprintf(target, sizeof(target), "%s:%u", host, port);

	log_request(stub, method, target, (size_t)size, stub->password != NULL);
}

/* Connect, unless a reply is forced. */
static void begin_socks5(
	struct stub *stub, struct conn *conn, const char *host, unsigned port)
{
	log_socks(stub, "SOCKS5", host, port);
	if (stub->options.reply > 0) {
		put_socks5_reply(stub, conn, (int)stub->options.reply);
		return;
	}
	conn->dialled = socks5_dialled;
	dial(stub, conn, host, port);
}

/* VER CMD RSV ATYP ADDRESS PORT */
static size_t socks5_request_step(
	struct stub *stub, struct conn *conn, const char *data, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)data;
	char host[NAME_MAX_LENGTH] = "";
	size_t size, start = 4;

	if (length < 5)
		return 0;
	size = bytes[3] == 1 ? 4 : bytes[3] == 4 ? 16 : bytes[4];
	start += bytes[3] == 3;
	if (length < start + size + 2)
		return 0;
	if (bytes[3] == 3)
		memcpy(host, data + start, size);
	else
		inet_ntop(bytes[3] == 4 ? AF_INET6 : AF_INET, data + start, host,
			sizeof(host));
	host[bytes[3] == 3 ? size : strlen(host)] = '\0';
	if (bytes[0] != 5 || bytes[1] != 1)
		put_socks5_reply(stub, conn, 7);
	else
		begin_socks5(stub, conn, host,
			bytes[start + size] * 256u + bytes[start + size + 1]);
	return start + size + 2;
}

/* VER ULEN USER PLEN PASSWORD */
static size_t socks5_auth_step(
	struct stub *stub, struct conn *conn, const char *data, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)data;
	size_t user, password;
	char reply[2] = {1, 0};

	if (length < 2 || length < 3u + bytes[1])
		return 0;
	user = bytes[1];
	password = bytes[2 + user];
	if (length < 3 + user + password)
		return 0;
	if (!stub->options.auth_reject && user == strlen(stub->options.user) &&
		password == strlen(stub->password) &&
		!memcmp(data + 2, stub->options.user, user) &&
		!memcmp(data + 3 + user, stub->password, password)) {
		conn->step = socks5_request_step;
	} else {
		reply[1] = 1;
		conn->step = ignore_step;
		conn->close_next = true;
	}
	put(stub, conn, reply, sizeof(reply));
	return 3 + user + password;
}

/* VER NMETHODS METHODS */
static size_t socks5_step(
	struct stub *stub, struct conn *conn, const char *data, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)data;
	char method = stub->password || stub->options.auth_reject ? 2 : 0;
	char reply[2] = {5, (char)0xff};

	if (length < 2 || length < 2u + bytes[1])
		return 0;
	if (bytes[0] == 5 && memchr(data + 2, method, bytes[1])) {
		reply[1] = method;
		conn->step = method ? socks5_auth_step : socks5_request_step;
	} else {
		conn->step = ignore_step;
		conn->close_next = true;
	}
	put(stub, conn, reply, sizeof(reply));
	return 2u + bytes[1];
}

static void put_socks4_reply(struct stub *stub, struct conn *conn, int code)
{
	const char reply[8] = {0, (char)code};

	conn->step = code == 90 ? relay_step : ignore_step;
	conn->close_next = code != 90;
	put(stub, conn, reply, sizeof(reply));
}

static void socks4_dialled(struct stub *stub, struct conn *conn, int error)
{
	put_socks4_reply(stub, conn, error ? 91 : 90);
}

/* VER CMD PORT ADDRESS USER 0, and for 0.0.0.x a NAME 0 */
static size_t socks4_step(
	struct stub *stub, struct conn *conn, const char *data, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)data;
	char host[NAME_MAX_LENGTH];
	const char *end, *name;

	end = length > 8 ? memchr(data + 8, '\0', length - 8) : NULL;
	if (!end)
		return 0;
	inet_ntop(AF_INET, data + 4, host, sizeof(host));
	if (!bytes[4] && !bytes[5] && !bytes[6] && bytes[7]) {
		name = end + 1;
		end = memchr(name, '\0', (size_t)(data + length - name));
		if (!end)
			return 0;
		snprintf(host, sizeof(host), "%s", name);
	}
	log_socks(stub, "SOCKS4", host, bytes[2] * 256u + bytes[3]);
	conn->dialled = socks4_dialled;
	if (bytes[0] != 4 || bytes[1] != 1 || stub->options.reply > 0)
		put_socks4_reply(stub, conn,
			stub->options.reply > 0 ? (int)stub->options.reply : 91);
	else
		dial(stub, conn, host, bytes[2] * 256u + bytes[3]);
	return (size_t)(end + 1 - data);
}

/* --- the other roles ------------------------------------------------------------ */

static void begin_trickle(struct stub *stub, struct conn *conn)
{
	conn->answer = &stub->script[0];
	wait_for(stub, conn, TRICKLE_MS);
}

static void begin_close(struct stub *stub, struct conn *conn)
{
	drop(stub, conn);
}

static void begin_reset(struct stub *stub, struct conn *conn)
{
	struct linger linger = {.l_onoff = 1};

	setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	drop(stub, conn);
}

/* The next of --bytes, by port, then --repeat without end, nothing with --hold, or the
 * end.
 */
static size_t raw_step(
	struct stub *stub, struct conn *conn, const char *data, size_t length)
{
	const char *const *bytes = stub->options.bytes;
	size_t count = 0;
	int room = FLOOD_ROOM;

	(void)data;
	while (bytes[count])
		count++;
	conn->step = ignore_step;
	if (count) {
		bytes += conn->listener->requests++ % count;
		put(stub, conn, *bytes, strlen(*bytes));
	}
	conn->close_next = !stub->options.repeat && !stub->options.hold;
	if (!stub->options.repeat || conn->dead)
		return length;
	setsockopt(conn->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	conn->flooding = true;
	flood(stub, conn, 0);
	set_interest(stub, conn);
	return length;
}

static void begin_garbage(struct stub *stub, struct conn *conn)
{
	static const char banner[] = "SSH-2.0-OpenSSH_9.2p1\r\n";

	put(stub, conn, banner, sizeof(banner) - 1);
}

static const struct role roles[] = {
	{.name = "http-proxy",
		.summary = "an HTTP proxy; answers GET itself unless --forward, tunnels "
			   "CONNECT",
		.step = http_step,
		.tunnels = true},
	{.name = "socks5-proxy", .summary = "a SOCKS5 proxy", .step = socks5_step},
	{.name = "socks4-proxy",
		.summary = "a SOCKS4 and SOCKS4a proxy",
		.step = socks4_step},
	{.name = "origin", .summary = "a web server", .step = http_step},
	{.name = "limit",
		.summary = "a web server that answers 429 after --requests per "
			   "--per-seconds",
		.step = http_step,
		.limits = true},
	{.name = "truncate",
		.summary = "a web server whose answers end too early",
		.step = http_step,
		.truncates = true},
	{.name = "stall", .summary = "accepts, never answers", .step = ignore_step},
	{.name = "trickle",
		.summary = "answers one byte a second",
		.begin = begin_trickle,
		.step = ignore_step},
	{.name = "close",
		.summary = "accepts and closes",
		.begin = begin_close,
		.step = ignore_step},
	{.name = "reset",
		.summary = "accepts and resets",
		.begin = begin_reset,
		.step = ignore_step},
	{.name = "garbage",
		.summary = "speaks another protocol",
		.begin = begin_garbage,
		.step = ignore_step},
	{.name = "raw",
		.summary = "answers whatever comes with --bytes, then --repeat",
		.step = raw_step},
	{.name = "refuse",
		.summary = "holds its port, refuses connections",
		.refuses = true},
};

/* --- options -------------------------------------------------------------------- */

enum kind { FLAG, NUMBER, TEXT, LIST };

static const struct option_row {
	const char *name;
	const char *argument;
	enum kind kind;
	size_t offset;
	const char *summary;
} rows[] = {
	{"host", "ADDRESS", TEXT, offsetof(struct options, host),
		"where to listen (127.0.0.1)"},
	{"port", "N", NUMBER, offsetof(struct options, port), "0: any free one"},
	{"count", "N", NUMBER, offsetof(struct options, count), "how many ports (1)"},
	{"max-seconds", "N", NUMBER, offsetof(struct options, max_seconds),
		"end then (300)"},
	{"with-parent", NULL, FLAG, offsetof(struct options, with_parent),
		"end when standard input ends"},
	{"log", "FILE", TEXT, offsetof(struct options, log), "append a line a request"},
	{"user", "NAME", TEXT, offsetof(struct options, user), "demand this user"},
	{"password", "TEXT", TEXT, offsetof(struct options, password),
		"and this password"},
	{"password-file", "FILE", TEXT, offsetof(struct options, password_file),
		"or the first line of FILE"},
	{"forward", NULL, FLAG, offsetof(struct options, forward),
		"really forward GET and the like"},
	{"connect-status", "N", NUMBER, offsetof(struct options, connect_status),
		"answer CONNECT with this status, do not tunnel"},
	{"reply", "N", NUMBER, offsetof(struct options, reply),
		"the code SOCKS requests end with"},
	{"auth-reject", NULL, FLAG, offsetof(struct options, auth_reject),
		"accept no password at all"},
	{"status", "N", NUMBER, offsetof(struct options, status), "of the answer (200)"},
	{"body", "TEXT", TEXT, offsetof(struct options, body), "of the answer (ok)"},
	{"header", "LINE", LIST, offsetof(struct options, headers),
		"one more header; repeatable"},
	{"bytes", "TEXT", LIST, offsetof(struct options, bytes),
		"of the role raw; repeatable: in turn, by port"},
	{"repeat", "TEXT", TEXT, offsetof(struct options, repeat),
		"then this without end"},
	{"hold", NULL, FLAG, offsetof(struct options, hold),
		"or then nothing, and no end"},
	{"retry-after", "TEXT", TEXT, offsetof(struct options, retry_after),
		"Retry-After of answers from 400 on"},
	{"script", "N,N,...", TEXT, offsetof(struct options, script),
		"statuses in turn, by port"},
	{"delay-ms", "N", NUMBER, offsetof(struct options, delay_ms),
		"think before answering"},
	{"requests", "N", NUMBER, offsetof(struct options, requests),
		"of the role limit (10)"},
	{"per-seconds", "N", NUMBER, offsetof(struct options, per_seconds),
		"likewise (60)"},
	{"help", NULL, FLAG, offsetof(struct options, help), "print this"},
};

static void usage(FILE *out)
{
	fprintf(out, "usage: pool-stub [OPTION]... ROLE\n\nRoles:\n");
	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
		fprintf(out, "  %-14s %s\n", roles[i].name, roles[i].summary);
	fprintf(out, "\nOptions:\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *argument = rows[i].argument ? rows[i].argument : "";

		fprintf(out, "  --%s %-*s %s\n", rows[i].name,
			(int)(20 - strlen(rows[i].name)), argument, rows[i].summary);
	}
}

static void usage_error(const char *what, const char *word)
{
	fprintf(stderr, "pool-stub: %s: '%s'\n", what, word);
	exit(2);
}

static void set_option(
	struct options *options, const struct option_row *row, const char *value)
{
	void *field = (char *)options + row->offset;
	const char **list = field;
	size_t i = 0;
	char *end;

	switch (row->kind) {
	case FLAG:
		*(bool *)field = true;
		break;
	case NUMBER:
		*(int64_t *)field = strtoll(value, &end, 10);
		if (end == value || *end || *(int64_t *)field < 0)
			usage_error("not a number", value);
		break;
	case TEXT:
		*(const char **)field = value;
		break;
	case LIST:
		while (list[i])
			i++;
		if (i == HEADERS_MAX)
			usage_error("too many of them", value);
		list[i] = value;
		break;
	}
}

static const struct option_row *find_option(const char *word)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (!strcmp(rows[i].name, word))
			return &rows[i];
	return NULL;
}

static const struct role *find_role(const char *word)
{
	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
		if (!strcmp(roles[i].name, word))
			return &roles[i];
	return NULL;
}

static void read_options(struct stub *stub, char **words)
{
	for (; *words; words++) {
		const struct option_row *row;

		if (strncmp(*words, "--", 2)) {
			if (stub->role)
				usage_error("one role too many", *words);
			stub->role = find_role(*words);
			if (!stub->role)
				usage_error("no such role", *words);
			continue;
		}
		row = find_option(*words + 2);
		if (!row)
			usage_error("no such option", *words);
		if (row->kind != FLAG && !words[1])
			usage_error("an argument is missing", *words);
		set_option(&stub->options, row, row->kind == FLAG ? NULL : *++words);
	}
	if (stub->options.help) {
		usage(stdout);
		exit(0);
	}
	if (!stub->role) {
		usage(stderr);
		exit(2);
	}
	if (!stub->options.count || !stub->options.per_seconds)
		usage_error("must not be zero", "--count or --per-seconds");
}

/* --- getting ready -------------------------------------------------------------- */

static char *encode_basic(const char *user, const char *password)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t length = strlen(user) + 1 + strlen(password), at = 6;
	unsigned char *plain = allocate(NULL, length + 3);
	char *out = allocate(NULL, length * 4 / 3 + 16);

	snprintf((char *)plain, length + 1, "%s:%s", user, password);
	plain[length + 1] = plain[length + 2] = 0;
	memcpy(out, "Basic ", at);
	for (size_t i = 0; i < length; i += 3) {
		unsigned bits = plain[i] * 65536u + plain[i + 1] * 256u + plain[i + 2];

		out[at++] = digits[bits >> 18];
		out[at++] = digits[bits >> 12 & 63];
		out[at++] = i + 1 < length ? digits[bits >> 6 & 63] : '=';
		out[at++] = i + 2 < length ? digits[bits & 63] : '=';
	}
	out[at] = '\0';
	free(plain);
	return out;
}

static void prepare_password(struct stub *stub)
{
	const struct options *options = &stub->options;
	char line[1024] = "";
	FILE *file;

	if (!options->user)
		return;
	if (options->password_file) {
		file = fopen(options->password_file, "re");
		if (!file || !fgets(line, sizeof(line), file))
			die("cannot read the password file");
		fclose(file);
		line[strcspn(line, "\r\n")] = '\0';
	} else if (options->password) {
		snprintf(line, sizeof(line), "%s", options->password);
	}
	stub->password = strdup(line);
	stub->authorization = encode_basic(options->user, line);
}

static void prepare_answers(struct stub *stub)
{
	const struct options *options = &stub->options;
	const char *word = options->script;
	char header[256], *end;
	int64_t status;

	do {
		status = word ? strtoll(word, &end, 10) : options->status;
		if (word && (end == word || (*end && *end != ',')))
			usage_error("not a list of statuses", options->script);
		if (stub->script_length == SCRIPT_MAX)
			usage_error("too long a script", options->script);
		word = word && *end ? end + 1 : NULL;
		header[0] = '\0';
		if (options->retry_after && status >= 400)
			snprintf(header, sizeof(header), "Retry-After: %s\r\n",
				options->retry_after);
		stub->script[stub->script_length++] =
			make_answer(stub, status, options->body, header);
	} while (word);
	stub->unauthorized = make_answer(stub, 407, "who are you\n",
		"Proxy-Authenticate: Basic realm=\"stub\"\r\nConnection: close\r\n");
	stub->bad_gateway =
		make_answer(stub, 502, "no way there\n", "Connection: close\r\n");
	stub->bad_request = make_answer(stub, 400, "what?\n", "Connection: close\r\n");
	status = options->connect_status != 200 ? options->connect_status : 405;
	snprintf(header, sizeof(header), "Connection: close\r\n");
	if (options->retry_after)
		snprintf(header, sizeof(header),
			"Connection: close\r\nRetry-After: %s\r\n", options->retry_after);
	stub->refused = make_answer(stub, status, "no tunnel\n", header);
	add_text(&stub->connected, "HTTP/1.1 200 Connection established\r\n\r\n");
	stub->connected.head = stub->connected.length;
}

static void add_source(struct stub *stub, int fd, struct source *source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	if (epoll_ctl(stub->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		die("cannot watch a descriptor");
}

static unsigned open_port(struct stub *stub, struct listener *listener, unsigned port)
{
	struct sockaddr_storage address;
	socklen_t size;
	int on = 1;

	if (!find_address(stub->options.host, &address, &size))
		usage_error("not an address", stub->options.host);
	((struct sockaddr_in *)&address)->sin_port = htons((uint16_t)port);
	listener->fd =
		socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		die("cannot open a socket");
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener->fd, (struct sockaddr *)&address, size))
		die("cannot bind a port");
	if (!stub->role->refuses) {
		if (listen(listener->fd, 65535))
			die("cannot listen");
		add_source(stub, listener->fd, &listener->source);
	}
	if (getsockname(listener->fd, (struct sockaddr *)&address, &size))
		die("cannot tell the port");
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static void open_ports(struct stub *stub)
{
	size_t count = (size_t)stub->options.count;
	unsigned port;

	stub->listeners = allocate(NULL, count * sizeof(*stub->listeners));
	for (size_t i = 0; i < count; i++) {
		stub->listeners[i] = (struct listener){.source.ready = accept_ready};
		port = (unsigned)stub->options.port;
		port = open_port(
			stub, &stub->listeners[i], port ? port + (unsigned)i : 0);
		printf("%u\n", port);
	}
	if (fflush(stdout))
		die("cannot write");
}

static void signal_ready(struct stub *stub, struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
	stub->stop = true;
}

static void parent_ready(struct stub *stub, struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
	if (read(STDIN_FILENO, stub->scratch, sizeof(stub->scratch)) <= 0)
		stub->stop = true;
}

static void prepare_loop(struct stub *stub)
{
	struct rlimit limit;
	sigset_t set;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	stub->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	stub->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (stub->epoll_fd < 0 || stub->signal_fd < 0)
		die("cannot open a descriptor");
	stub->signals.ready = signal_ready;
	add_source(stub, stub->signal_fd, &stub->signals);
	stub->parent.ready = parent_ready;
	if (stub->options.with_parent)
		add_source(stub, STDIN_FILENO, &stub->parent);
	if (!stub->options.log)
		return;
	stub->log_fd =
		open(stub->options.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (stub->log_fd < 0)
		die("cannot open the log");
}

/* --- the loop ------------------------------------------------------------------- */

static void trickle(struct stub *stub, struct conn *conn)
{
	const struct answer *answer = conn->answer;

	put(stub, conn, answer->bytes + conn->trickled++ % answer->length, 1);
	if (!conn->dead)
		wait_for(stub, conn, TRICKLE_MS);
}

static void serve_due(struct stub *stub)
{
	struct conn *conn;

	while ((conn = stub->first_waiting) && conn->due_ms <= stub->now_ms) {
		unwait(stub, conn);
		if (stub->role->begin) {
			trickle(stub, conn);
			continue;
		}
		put_answer(stub, conn, conn->answer);
		if (!conn->dead && !conn->close_next)
			feed(stub, conn, conn->in, conn->in_length);
		set_interest(stub, conn);
		settle(stub, conn);
	}
}

static int round_ms(const struct stub *stub)
{
	int64_t end_ms = stub->end_ms;

	if (stub->first_waiting && stub->first_waiting->due_ms < end_ms)
		end_ms = stub->first_waiting->due_ms;
	return end_ms > stub->now_ms ? (int)(end_ms - stub->now_ms) : 0;
}

static void run(struct stub *stub)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count;

	stub->now_ms = clock_ms();
	stub->end_ms = stub->now_ms + stub->options.max_seconds * 1000;
	while (!stub->stop && stub->now_ms < stub->end_ms) {
		count = epoll_wait(
			stub->epoll_fd, events, EVENTS_AT_ONCE, round_ms(stub));
		if (count < 0 && errno != EINTR)
			die("cannot wait");
		stub->now_ms = clock_ms();
		for (int i = 0; i < count; i++) {
			struct source *source = events[i].data.ptr;

			source->ready(stub, source, events[i].events);
		}
		serve_due(stub);
		bury(stub);
	}
}

int main(int argc, char **argv)
{
	struct stub *stub = calloc(1, sizeof(*stub));

	if (!stub)
		die("cannot allocate memory");
	stub->options = (struct options){
		.host = "127.0.0.1",
		.count = 1,
		.max_seconds = 300,
		.connect_status = 200,
		.status = 200,
		.body = "ok\n",
		.requests = 10,
		.per_seconds = 60,
	};
	stub->log_fd = -1;
	if (argc > 0)
		read_options(stub, argv + 1);
	prepare_password(stub);
	prepare_answers(stub);
	prepare_loop(stub);
	open_ports(stub);
	run(stub);
	/* open connections and all: the kernel is quicker at it */
	_exit(0);
}
