/* The event loop. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "watch/loop.h"

enum { EVENTS = 16 };

void pool_loop_init(struct pool_loop *loop)
{
	*loop = (struct pool_loop){.epoll = -1, .timer = -1, .armed_ns = INT64_MAX};
}

int pool_loop_open(struct pool_loop *loop, struct pool_fault *fault)
{
	struct epoll_event event = {.events = EPOLLIN};

	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->epoll < 0 || loop->timer < 0 ||
		epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->timer, &event) != 0)
		return pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot wait for events");
	return 0;
}

void pool_loop_close(struct pool_loop *loop)
{
	if (loop->epoll >= 0)
		close(loop->epoll);
	if (loop->timer >= 0)
		close(loop->timer);
	pool_loop_init(loop);
}

int pool_loop_add(
	struct pool_loop *loop, struct pool_source *source, struct pool_fault *fault)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &event) == 0)
		return 0;
	return pool_fault_set(fault, POOL_ESYSTEM, errno, "cannot wait for events");
}

void pool_loop_remove(struct pool_loop *loop, const struct pool_source *source)
{
	struct epoll_event event = {0};

	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, &event);
}

static int64_t read_clock(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns;
}

/* One that is armed already and fires before that stays: waking once too often costs less
 * than setting it each time. */
static void arm(struct pool_loop *loop, int64_t due_ns)
{
	struct itimerspec timer = {0};

	if (loop->armed_ns <= due_ns)
		return;
	loop->armed_ns = due_ns;
	if (due_ns != INT64_MAX) {
		timer.it_value.tv_sec = due_ns / POOL_NS_PER_S;
		timer.it_value.tv_nsec = due_ns % POOL_NS_PER_S;
	}
	timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &timer, NULL);
}

static int64_t take_timer(struct pool_loop *loop)
{
	int64_t late_ns = -1;
	uint64_t count;

	if (read(loop->timer, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return -1;
	if (loop->armed_ns != INT64_MAX)
		late_ns = read_clock() - loop->armed_ns;
	loop->armed_ns = INT64_MAX;
	return late_ns > 0 ? late_ns : 0;
}

int64_t pool_loop_wait(struct pool_loop *loop, int64_t due_ns)
{
	struct epoll_event events[EVENTS];
	bool now = due_ns <= read_clock();
	int64_t late_ns = -1;
	int count;

	if (!now)
		arm(loop, due_ns);
	count = epoll_wait(loop->epoll, events, EVENTS, now ? 0 : -1);
	for (int i = 0; i < count; i++) {
		struct pool_source *source = events[i].data.ptr;

		if (source)
			source->ready(source->context);
		else
			late_ns = take_timer(loop);
	}
	return late_ns;
}
