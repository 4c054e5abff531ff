/* libcurl's sockets and timer in an epoll. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "base/clock.h"
#include "probe/multi.h"

enum {
	EVENTS = 256,
	/* No connection is used twice; the default grows with the handles. */
	CACHED_CONNECTIONS = 8,
};

static int64_t read_clock(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns;
}

static int watch_socket(
	CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
	struct pool_multi *multi = context;
	struct epoll_event event = {.data.fd = fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(multi->epoll, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
		(what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
	if (known && !epoll_ctl(multi->epoll, EPOLL_CTL_MOD, fd, &event))
		return 0;
	/* A number that was closed and given out again is known to one side only. */
	if (epoll_ctl(multi->epoll, EPOLL_CTL_ADD, fd, &event) && errno == EEXIST)
		epoll_ctl(multi->epoll, EPOLL_CTL_MOD, fd, &event);
	/* Any pointer but NULL: it says that the socket is known. */
	if (!known)
		curl_multi_assign(multi->handle, fd, multi);
	return 0;
}

static int set_timer(CURLM *handle, long timeout_ms, void *context)
{
	struct pool_multi *multi = context;

	(void)handle;
	multi->due_ns =
		timeout_ms < 0 ? INT64_MAX : read_clock() + timeout_ms * POOL_NS_PER_MS;
	return 0;
}

void pool_multi_init(struct pool_multi *multi)
{
	*multi = (struct pool_multi){.epoll = -1, .due_ns = INT64_MAX};
}

int pool_multi_open(struct pool_multi *multi, struct pool_fault *fault)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	multi->global = true;
	multi->handle = curl_multi_init();
	if (!multi->handle)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	curl_multi_setopt(multi->handle, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi);
	curl_multi_setopt(multi->handle, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(multi->handle, CURLMOPT_TIMERDATA, multi);
	curl_multi_setopt(multi->handle, CURLMOPT_MAXCONNECTS, (long)CACHED_CONNECTIONS);
	multi->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (multi->epoll < 0)
		return pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot wait for sockets");
	return 0;
}

static void take_event(struct pool_multi *multi, const struct epoll_event *event)
{
	int running, mask = 0;

	if (event->events & (EPOLLIN | EPOLLHUP))
		mask |= CURL_CSELECT_IN;
	if (event->events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (event->events & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	curl_multi_socket_action(multi->handle, event->data.fd, mask, &running);
}

/* Rounded up: waking early would only spin. */
static int choose_wait_ms(const struct pool_multi *multi, int64_t wait_ms)
{
	int64_t now_ns, left_ms;

	if (multi->due_ns == INT64_MAX || wait_ms <= 0)
		return (int)wait_ms;
	now_ns = read_clock();
	if (multi->due_ns <= now_ns)
		return 0;
	left_ms = (multi->due_ns - now_ns + POOL_NS_PER_MS - 1) / POOL_NS_PER_MS;
	return (int)(left_ms < wait_ms ? left_ms : wait_ms);
}

void pool_multi_turn(struct pool_multi *multi, int64_t wait_ms)
{
	struct epoll_event events[EVENTS];
	int running;
	int count =
		epoll_wait(multi->epoll, events, EVENTS, choose_wait_ms(multi, wait_ms));

	for (int i = 0; i < count; i++)
		if (!multi->other || !multi->other(multi->context, events[i].data.fd))
			take_event(multi, &events[i]);
	if (multi->due_ns <= read_clock()) {
		multi->due_ns = INT64_MAX;
		curl_multi_socket_action(multi->handle, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

void pool_multi_close(struct pool_multi *multi)
{
	if (multi->handle)
		curl_multi_cleanup(multi->handle);
	if (multi->global)
		curl_global_cleanup();
	if (multi->epoll >= 0)
		close(multi->epoll);
	pool_multi_init(multi);
}
