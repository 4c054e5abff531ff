/* libcurl's sockets and timer in an epoll. */
#include <errno.h>
#include <unistd.h>
#include "base/clock.h"
#include "probe/multi.h"

enum {
	EVENTS = 256,
	/* No connection is used twice; the default grows with the handles. */
	CACHED_CONNECTIONS = 8,
};

#define TICK_NS POOL_NS_PER_S

static int64_t read_clock(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* --- what libcurl asks for ------------------------------------------------------ */

/* Returns 0 or an errno. */
static int watch(const struct pool_multi *multi, int fd, int what, bool known)
{
	struct epoll_event event = {.data.fd = fd};

	event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
		(what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
	if (known && !multi->control(multi->epoll, EPOLL_CTL_MOD, fd, &event))
		return 0;
	/* A number that was closed and given out again is known to one side only. */
	if (!multi->control(multi->epoll, EPOLL_CTL_ADD, fd, &event))
		return 0;
	if (errno == EEXIST && !multi->control(multi->epoll, EPOLL_CTL_MOD, fd, &event))
		return 0;
	return errno;
}

/* Always a success: a failure would end all transfers. */
static int watch_socket(
	CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
	struct pool_multi *multi = context;
	struct epoll_event event = {.data.fd = fd};
	int error = 0;

	/* One that is not there any more was closed. */
	if (what == CURL_POLL_REMOVE)
		multi->control(multi->epoll, EPOLL_CTL_DEL, fd, &event);
	else
		error = watch(multi, fd, what, known);
	/* Any pointer but NULL: it says that the socket is known. */
	if (what != CURL_POLL_REMOVE && !known && !error)
		curl_multi_assign(multi->handle, fd, multi);
	if (multi->watched)
		multi->watched(multi->context, easy, fd, what, error);
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

/* --- begin ---------------------------------------------------------------------- */

void pool_multi_init(struct pool_multi *multi)
{
	*multi = (struct pool_multi){.epoll = -1,
		.due_ns = INT64_MAX,
		.tick_ns = INT64_MAX,
		.control = epoll_ctl};
}

static int open_handle(struct pool_multi *multi)
{
	int bad = 0;

	multi->handle = curl_multi_init();
	if (!multi->handle)
		return POOL_ENOMEM;
	bad |= (int)curl_multi_setopt(
		multi->handle, CURLMOPT_SOCKETFUNCTION, watch_socket);
	bad |= (int)curl_multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi);
	bad |= (int)curl_multi_setopt(multi->handle, CURLMOPT_TIMERFUNCTION, set_timer);
	bad |= (int)curl_multi_setopt(multi->handle, CURLMOPT_TIMERDATA, multi);
	bad |= (int)curl_multi_setopt(
		multi->handle, CURLMOPT_MAXCONNECTS, (long)CACHED_CONNECTIONS);
	return bad ? POOL_ENOMEM : 0;
}

int pool_multi_open(struct pool_multi *multi, struct pool_fault *fault)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	multi->global = true;
	if (open_handle(multi))
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	multi->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (multi->epoll < 0)
		return pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot wait for sockets");
	return 0;
}

int pool_multi_add(struct pool_multi *multi, CURL *easy)
{
	if (!multi->handle && open_handle(multi))
		return POOL_ENOMEM;
	if (curl_multi_add_handle(multi->handle, easy))
		return POOL_ENOMEM;
	if (!multi->transfers++)
		multi->tick_ns = read_clock() + TICK_NS;
	return 0;
}

void pool_multi_remove(struct pool_multi *multi, CURL *easy)
{
	curl_multi_remove_handle(multi->handle, easy);
	if (!--multi->transfers)
		multi->tick_ns = INT64_MAX;
}

/* --- turns ---------------------------------------------------------------------- */

static void act(struct pool_multi *multi, curl_socket_t fd, int mask)
{
	int running;

	if (multi->handle && !multi->gave_up)
		multi->gave_up = curl_multi_socket_action(
					 multi->handle, fd, mask, &running) > CURLM_OK;
}

static void take_event(struct pool_multi *multi, const struct epoll_event *event)
{
	int mask = 0;

	if (event->events & (EPOLLIN | EPOLLHUP))
		mask |= CURL_CSELECT_IN;
	if (event->events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (event->events & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	act(multi, event->data.fd, mask);
}

int64_t pool_multi_due_ns(const struct pool_multi *multi)
{
	return earlier(multi->due_ns, multi->tick_ns);
}

/* Rounded up: waking early would only spin. */
static int choose_wait_ms(const struct pool_multi *multi, int64_t wait_ms)
{
	int64_t due_ns = pool_multi_due_ns(multi), now_ns;

	if (due_ns == INT64_MAX || wait_ms <= 0)
		return (int)wait_ms;
	now_ns = read_clock();
	if (due_ns <= now_ns)
		return 0;
	return (int)earlier(
		(due_ns - now_ns + POOL_NS_PER_MS - 1) / POOL_NS_PER_MS, wait_ms);
}

int pool_multi_turn(struct pool_multi *multi, int64_t wait_ms)
{
	struct epoll_event events[EVENTS];
	int count =
		epoll_wait(multi->epoll, events, EVENTS, choose_wait_ms(multi, wait_ms));
	int64_t now_ns;

	for (int i = 0; i < count; i++)
		if (!multi->other || !multi->other(multi->context, events[i].data.fd))
			take_event(multi, &events[i]);
	now_ns = read_clock();
	if (pool_multi_due_ns(multi) <= now_ns) {
		multi->due_ns = INT64_MAX;
		multi->tick_ns = multi->transfers ? now_ns + TICK_NS : INT64_MAX;
		act(multi, CURL_SOCKET_TIMEOUT, 0);
	}
	return multi->gave_up ? POOL_ENOMEM : 0;
}

CURL *pool_multi_take(struct pool_multi *multi, CURLcode *code)
{
	struct CURLMsg *message;
	int left;

	while (multi->handle && (message = curl_multi_info_read(multi->handle, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		*code = message->data.result;
		return message->easy_handle;
	}
	return NULL;
}

/* --- end ------------------------------------------------------------------------ */

static void close_handle(struct pool_multi *multi)
{
	if (multi->handle)
		curl_multi_cleanup(multi->handle);
	multi->handle = NULL;
	multi->gave_up = false;
	multi->due_ns = INT64_MAX;
}

/* Where there is no memory for a new one, the next transfer to be added asks again. */
void pool_multi_renew(struct pool_multi *multi)
{
	close_handle(multi);
	if (open_handle(multi))
		close_handle(multi);
}

void pool_multi_close(struct pool_multi *multi)
{
	close_handle(multi);
	if (multi->global)
		curl_global_cleanup();
	if (multi->epoll >= 0)
		close(multi->epoll);
	pool_multi_init(multi);
}
