/* A look of one's own at a proxy. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "config/url.h"
#include "tool_look.h"

enum {
	STAGE_MS = 1000,
	GIVE_UP_S = 10, /* the child ends by itself, should nobody end it */
	ADDRESSES_MAX = 8,
	HOST_SIZE = 256,
	PORT_SIZE = 8,
};

/* What a look has found. */
struct look {
	enum pool_reason reason; /* why it cannot be reached; NONE: not known */
	bool resolved;           /* it has an address */
	bool accepts;            /* it takes a connection */
};

/* What the child tells, each time that it knows more. */
struct news {
	struct look look;
	bool over;
};

/* --- in the child --------------------------------------------------------------- */

static void tell(int fd, const struct news *news)
{
	if (write(fd, news, sizeof(*news)) != (ssize_t)sizeof(*news))
		_exit(1);
}

/* A host that refuses counts before one that this machine cannot reach: of several
 * addresses it may reach those of IPv4 only. */
static void note_failure(struct look *look, int error)
{
	enum pool_reason reason = pool_reason_from_errno(error);

	if (look->reason == POOL_REASON_NONE ||
		(pool_reason_get((int)look->reason)->verdict != POOL_VERDICT_DOWN &&
			reason != POOL_REASON_NONE))
		look->reason = reason;
}

/* Begin to connect; -1 where it has failed already. */
static int begin(const struct addrinfo *address, struct look *look)
{
	int fd =
		socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
		(connect(fd, address->ai_addr, address->ai_addrlen) == 0 ||
			errno == EINPROGRESS))
		return fd;
	note_failure(look, errno);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Which of them failed, or whether one is connected. */
static void note_ends(struct pollfd *list, nfds_t count, struct look *look)
{
	for (nfds_t i = 0; i < count; i++) {
		int error = 0;
		socklen_t size = sizeof(error);

		if (list[i].fd < 0 || !list[i].revents)
			continue;
		if (getsockopt(list[i].fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
			error = errno;
		look->accepts |= !error;
		if (error)
			note_failure(look, error);
		close(list[i].fd);
		list[i].fd = -1;
	}
}

static void connect_to(const struct addrinfo *addresses, struct look *look)
{
	struct pollfd list[ADDRESSES_MAX];
	nfds_t count = 0;
	bool waiting = true;

	for (; addresses && count < ADDRESSES_MAX; addresses = addresses->ai_next)
		list[count++] =
			(struct pollfd){.fd = begin(addresses, look), .events = POLLOUT};
	while (waiting && !look->accepts) {
		waiting = false;
		for (nfds_t i = 0; i < count; i++)
			waiting |= list[i].fd >= 0;
		if (waiting && poll(list, count, -1) > 0)
			note_ends(list, count, look);
	}
	if (look->accepts)
		look->reason = POOL_REASON_NONE;
}

static _Noreturn void run_child(
	const char *host, const char *port, bool name_alone, int fd)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses = NULL;
	struct news news = {0};
	int error;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGALRM, SIG_DFL);
	alarm(GIVE_UP_S);
	error = getaddrinfo(host, port, &hints, &addresses);
	news.look.reason = pool_reason_from_lookup(error);
	news.look.resolved = error == 0;
	news.over = error != 0 || name_alone;
	tell(fd, &news);
	if (!news.over) {
		connect_to(addresses, &news.look);
		news.over = true;
		tell(fd, &news);
	}
	_exit(0);
}

/* --- in the parent -------------------------------------------------------------- */

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / POOL_NS_PER_MS;
}

/* Whether there is something to read in time: its next news, or its end. */
static bool await(int fd, int64_t most_ms)
{
	const int64_t until_ms = clock_ms() + most_ms;
	struct pollfd one = {.fd = fd, .events = POLLIN};
	int64_t left_ms;

	do {
		left_ms = until_ms - clock_ms();
		if (poll(&one, 1, left_ms > 0 ? (int)left_ms : 0) > 0)
			return true;
	} while (left_ms > 0);
	return false;
}

static bool take(int fd, struct news *news)
{
	return read(fd, news, sizeof(*news)) == (ssize_t)sizeof(*news);
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Where a name takes longer than a second, no name server answers. */
static void follow(int fd, struct look *out)
{
	struct news news;

	if (!await(fd, STAGE_MS)) {
		out->reason = POOL_REASON_NO_RESOLVER;
		return;
	}
	if (!take(fd, &news))
		return;
	*out = news.look;
	if (!news.over && await(fd, STAGE_MS) && take(fd, &news))
		*out = news.look;
}

/* Take the host and the port out of a URL. False for a name that is not ASCII: curl
 * translates it, and the resolver does not. */
static bool split(const char *url, char *host, char *port)
{
	struct pool_url parts;

	if (pool_url_parse(url, strlen(url), &parts, NULL) != POOL_URL_OK ||
		parts.host.length >= HOST_SIZE - 1)
		return false;
	pool_url_host(&parts, host, HOST_SIZE);
	snprintf(port, PORT_SIZE, "%u", (unsigned)parts.port);
	for (const char *at = host; *at; at++)
		if ((unsigned char)*at >= 0x80)
			return false;
	return true;
}

/* Look at the proxy <url>; <name_alone>: it is resolved, and not connected to. */
static void look_at(const char *url, bool name_alone, struct look *out)
{
	char host[HOST_SIZE], port[PORT_SIZE];
	int ends[2];
	pid_t child;

	*out = (struct look){0};
	if (!split(url, host, port))
		return;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		out->reason = pool_reason_from_errno(errno);
		return;
	}
	child = fork();
	if (child == 0) {
		close(ends[0]);
		run_child(host, port, name_alone, ends[1]);
	}
	if (child < 0)
		out->reason = pool_reason_from_errno(errno);
	close(ends[1]);
	if (child > 0) {
		follow(ends[0], out);
		end_child(child);
	}
	close(ends[0]);
}

/* Whether a look at the proxy may change what was said. curl's 6 is the target's name,
 * but sometimes that of a SOCKS proxy. */
static bool is_open(enum pool_reason said)
{
	return said == POOL_REASON_PROXY_NAME || said == POOL_REASON_TARGET_NAME ||
		said == POOL_REASON_REFUSED || said == POOL_REASON_REPORTED;
}

/* An address is no name that could be lost. */
static bool is_name(const char *url)
{
	char host[HOST_SIZE], port[PORT_SIZE];
	unsigned char bytes[sizeof(struct in6_addr)];

	return split(url, host, port) && !strchr(host, ':') &&
		inet_pton(AF_INET, host, bytes) != 1;
}

enum pool_reason tool_look_again(enum pool_reason said, const char *url, bool *unsure)
{
	const bool by_name =
		said == POOL_REASON_PROXY_NAME || said == POOL_REASON_TARGET_NAME;
	struct look look;

	*unsure = false;
	if (!is_open(said) || (by_name && !is_name(url)))
		return said;
	look_at(url, by_name, &look);
	/* A name that resolves now was never at fault: the resolver was. */
	if (said == POOL_REASON_PROXY_NAME && look.resolved)
		return POOL_REASON_NO_RESOLVER;
	if (look.reason != POOL_REASON_NONE)
		return look.reason;
	*unsure = said == POOL_REASON_REFUSED || said == POOL_REASON_REPORTED;
	return said;
}
