/*
 * The engine: a queue, slots, one epoll loop.
 *
 * Events, and what each does:
 *	a slot is free         the next check begins: one that was put off if its
 *	                       time has come, else the next of the list
 *	a socket is ready      libcurl goes on with that transfer
 *	libcurl's timer        libcurl goes on with whatever is due
 *	a transfer ended       it is judged; a ping sends its echo
 *	an echo came, or did   the ping is judged
 *	not come in time
 *	an attempt was judged  it is put off for another one, or the check is finished
 *	the deadline           what waits for another attempt is finished as its last
 *	                       one ended, all else that is left as RUN_DEADLINE
 *	stop                   all that is left is finished as RUN_DEADLINE
 *	the end                proxies whose names did not resolve are finished, once it
 *	                       is known whether any name server answers
 *
 * The queue is ours, since libcurl counts time in its own queue against a transfer's
 * timeout.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/random.h"
#include "probe/descriptors.h"
#include "probe/engine.h"
#include "probe/method.h"
#include "probe/ping.h"
#include "probe/rate.h"
#include "probe/resolver.h"
#include "probe/timers.h"

enum {
	BATCH = 64, /* begun in one round, so that a round stays short */
	EVENTS = 256,
	STOP_POLL_MS = 100,
	BACKOFF_BASE_MS = 100,
	BACKOFF_MAX_MS = 2000,
	CACHED_CONNECTIONS =
		8,           /* none is used twice; the default grows with the handles */
	ASK_NAMES_MS = 1000, /* at the end of a run, for all of them */
	NAME_DESCRIPTORS =
		4, /* a check that resolves a name: the resolver's three as well */
};

struct slot {
	struct pool_transfer transfer; /* first: libcurl's private pointer leads here */
	uint32_t task;
	bool busy;
	bool in_multi;
	uint64_t token; /* of the echo that is awaited; 0: none */
	int64_t sent_ns;
};

struct task {
	int64_t began_ns;
	int32_t attempts;
	bool finished;
	bool held; /* its proxy's name did not resolve; why is asked at the end */
	/* How its last attempt ended, while it waits for another one; else NULL. */
	struct pool_probe_result *last;
};

struct engine {
	const struct pool_probe *probes;
	const struct pool_engine_options *options;
	struct pool_engine_report *report;
	size_t count;
	size_t left;  /* not finished */
	size_t held;  /* of those, waiting for the end */
	size_t fresh; /* the next of the list */
	struct task *tasks;
	struct slot *slots;
	uint32_t *spare; /* a stack of free slots */
	size_t spare_count;
	size_t slot_count;
	size_t width; /* slots in use at most: fewer when descriptors ran out */
	struct pool_timers delayed; /* tasks to begin later */
	struct pool_timers echoes;  /* slots whose echo is late then */
	struct pool_rate rate;
	struct pool_random random;
	struct pool_pinger pinger;
	CURLM *multi;
	int epoll;
	bool global;
	int64_t now_ns;
	int64_t deadline_ns;
	int64_t curl_due_ns;
};

static int64_t read_clock(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns;
}

/* --- ends ----------------------------------------------------------------------- */

static bool is_local_trouble(enum pool_reason reason)
{
	return pool_reason_get((int)reason)->layer == POOL_LAYER_LOCAL &&
		reason != POOL_REASON_RUN_DEADLINE;
}

/* The one way in which a check ends. */
static void finish(
	struct engine *engine, uint32_t index, struct pool_probe_result *result)
{
	struct task *task = &engine->tasks[index];

	result->attempts = task->attempts;
	result->began_boot_ns = task->attempts ? task->began_ns : engine->now_ns;
	task->finished = true;
	engine->left--;
	engine->report->local_trouble += is_local_trouble(result->reason);
	engine->options->done(engine->options->context, index, result);
}

static void free_slot(struct engine *engine, struct slot *slot)
{
	if (slot->in_multi)
		curl_multi_remove_handle(engine->multi, slot->transfer.easy);
	if (slot->transfer.easy)
		pool_transfer_clear(&slot->transfer);
	slot->in_multi = false;
	slot->busy = false;
	slot->token = 0;
	engine->spare[engine->spare_count++] = (uint32_t)(slot - engine->slots);
}

/* Full jitter: anything from nothing to the backoff. */
static int64_t draw_backoff_ns(struct engine *engine, int32_t attempts)
{
	int64_t most_ms = BACKOFF_MAX_MS;

	if (attempts <= 5 && BACKOFF_BASE_MS << (attempts - 1) < BACKOFF_MAX_MS)
		most_ms = BACKOFF_BASE_MS << (attempts - 1);
	return (int64_t)pool_random_below(
		&engine->random, (uint64_t)(most_ms * POOL_NS_PER_MS) + 1);
}

static bool may_pass(const struct pool_probe_result *result)
{
	/* A status below 500 is an answer that another attempt will get again. */
	if (result->reason == POOL_REASON_STATUS && result->status < 500)
		return false;
	return pool_reason_get((int)result->reason)->passes;
}

/* Put the task off for another attempt; false if there is none left, or no time for it.
 */
static bool put_off(
	struct engine *engine, uint32_t index, const struct pool_probe_result *result)
{
	struct task *task = &engine->tasks[index];
	struct pool_probe_result *last;
	int64_t at_ns;

	if (task->attempts > engine->probes[index].retries || !may_pass(result))
		return false;
	at_ns = pool_rate_book(&engine->rate, index,
		engine->now_ns + draw_backoff_ns(engine, task->attempts));
	if (at_ns >= engine->deadline_ns || !(last = malloc(sizeof(*last))))
		return false;
	if (pool_timers_add(&engine->delayed,
		    (struct pool_timer){.at_ns = at_ns, .index = index})) {
		free(last);
		return false;
	}
	*last = *result;
	task->last = last;
	return true;
}

/* No attempt follows: this is the check's result, but for names, asked about later. */
static void settle(
	struct engine *engine, uint32_t index, struct pool_probe_result *result)
{
	if (result->reason == POOL_REASON_PROXY_NAME) {
		engine->tasks[index].held = true;
		engine->held++;
		return;
	}
	finish(engine, index, result);
}

static void end_attempt(
	struct engine *engine, struct slot *slot, struct pool_probe_result *result)
{
	uint32_t index = slot->task;

	free_slot(engine, slot);
	/* As many as could be had fit: no more at once from now on. */
	if (result->reason == POOL_REASON_NO_DESCRIPTORS) {
		size_t busy = engine->slot_count - engine->spare_count;

		if (busy < engine->width)
			engine->width = busy ? busy : 1;
	}
	if (!put_off(engine, index, result))
		settle(engine, index, result);
}

static void end_with(struct engine *engine, struct slot *slot, enum pool_reason reason,
	const char *detail)
{
	struct pool_probe_result result = {.reason = reason, .retry_after_s = -1};

	snprintf(result.detail, sizeof(result.detail), "%s", detail);
	end_attempt(engine, slot, &result);
}

/* --- pings ---------------------------------------------------------------------- */

static const struct {
	int error;
	enum pool_reason reason;
} ping_errors[] = {
	{EACCES, POOL_REASON_NO_PERMISSION},
	{EPERM, POOL_REASON_NO_PERMISSION},
	{EMFILE, POOL_REASON_NO_DESCRIPTORS},
	{ENFILE, POOL_REASON_NO_DESCRIPTORS},
	{ENOBUFS, POOL_REASON_NO_MEMORY},
	{ENOMEM, POOL_REASON_NO_MEMORY},
	{EAFNOSUPPORT, POOL_REASON_NO_ROUTE},
	{ENETUNREACH, POOL_REASON_NO_ROUTE},
	{ENETDOWN, POOL_REASON_NO_ROUTE},
	{EADDRNOTAVAIL, POOL_REASON_NO_ROUTE},
	{EHOSTUNREACH, POOL_REASON_UNREACHABLE},
	{EHOSTDOWN, POOL_REASON_UNREACHABLE},
};

static void end_ping_with_error(struct engine *engine, struct slot *slot, int error)
{
	enum pool_reason reason = POOL_REASON_SETUP;
	char words[64];

	for (size_t i = 0; i < sizeof(ping_errors) / sizeof(ping_errors[0]); i++)
		if (ping_errors[i].error == error)
			reason = ping_errors[i].reason;
	end_with(engine, slot, reason,
		reason == POOL_REASON_NO_PERMISSION
			? "ping needs this group in net.ipv4.ping_group_range, or "
			  "CAP_NET_RAW"
			: strerror_r(error, words, sizeof(words)));
}

static int watch(struct engine *engine, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(engine->epoll, EPOLL_CTL_ADD, fd, &event) && errno != EEXIST)
		return -errno;
	return 0;
}

static void send_echo(struct engine *engine, struct slot *slot)
{
	const struct sockaddr *address = (const struct sockaddr *)&slot->transfer.address;
	struct pool_ping_mark mark = {.slot = (uint32_t)(slot - engine->slots)};
	int fd = pool_pinger_open(&engine->pinger, address);
	int error = fd < 0 ? fd : watch(engine, fd);

	mark.token = slot->token = pool_random_next(&engine->random) | 1;
	slot->sent_ns = read_clock();
	if (!error)
		error = pool_pinger_send(
			&engine->pinger, address, slot->transfer.address_length, &mark);
	if (!error &&
		pool_timers_add(&engine->echoes,
			(struct pool_timer){.token = mark.token,
				.index = mark.slot,
				.at_ns = slot->sent_ns +
					engine->probes[slot->task].timeout_ms *
						POOL_NS_PER_MS}))
		error = -ENOMEM;
	if (error)
		end_ping_with_error(engine, slot, -error);
}

static void take_echoes(struct engine *engine, int fd)
{
	struct pool_probe_result result = {.reason = POOL_REASON_OK, .retry_after_s = -1};
	struct pool_ping_mark mark;

	while (pool_pinger_receive(&engine->pinger, fd, &mark)) {
		struct slot *slot;

		if (mark.slot >= engine->slot_count)
			continue;
		slot = &engine->slots[mark.slot];
		if (!slot->token || slot->token != mark.token)
			continue;
		result.latency_us = (read_clock() - slot->sent_ns) / 1000;
		end_attempt(engine, slot, &result);
	}
}

static void end_late_echoes(struct engine *engine)
{
	struct pool_timer timer;

	while (pool_timers_take(&engine->echoes, engine->now_ns, &timer)) {
		struct slot *slot = &engine->slots[timer.index];

		if (slot->token == timer.token)
			end_with(engine, slot, POOL_REASON_PING_TIMEOUT, "");
	}
}

/* --- begin ---------------------------------------------------------------------- */

static void begin(struct engine *engine, uint32_t index)
{
	struct slot *slot = &engine->slots[engine->spare[--engine->spare_count]];
	struct task *task = &engine->tasks[index];
	int error = 0;

	slot->busy = true;
	slot->task = index;
	free(task->last);
	task->last = NULL;
	if (!task->attempts++)
		task->began_ns = read_clock();
	if (!slot->transfer.easy)
		error = pool_transfer_init(&slot->transfer);
	if (!error)
		error = pool_transfer_set(&slot->transfer, &engine->probes[index],
			engine->options->ca_file);
	if (!error && curl_multi_add_handle(engine->multi, slot->transfer.easy))
		error = POOL_ENOMEM;
	if (error == POOL_EARGUMENT)
		end_with(engine, slot, POOL_REASON_SETUP,
			"the URL does not fit the method");
	else if (error)
		end_with(engine, slot, POOL_REASON_NO_MEMORY, "");
	else
		slot->in_multi = true;
}

/* The next task whose time has come; false if there is none. */
static bool take_task(struct engine *engine, uint32_t *out)
{
	struct pool_timer timer;

	if (pool_timers_take(&engine->delayed, engine->now_ns, &timer)) {
		*out = timer.index;
		return true;
	}
	while (engine->fresh < engine->count) {
		*out = (uint32_t)engine->fresh++;
		timer = (struct pool_timer){.index = *out};
		timer.at_ns = pool_rate_book(&engine->rate, *out, engine->now_ns);
		if (timer.at_ns <= engine->now_ns ||
			pool_timers_add(&engine->delayed, timer))
			return true;
	}
	return false;
}

static bool has_room(const struct engine *engine)
{
	return engine->slot_count - engine->spare_count < engine->width;
}

static void fill(struct engine *engine)
{
	uint32_t index;

	for (int i = 0; i < BATCH && has_room(engine) && take_task(engine, &index); i++)
		begin(engine, index);
}

/* --- libcurl -------------------------------------------------------------------- */

static int watch_socket(
	CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
	struct engine *engine = context;
	struct epoll_event event = {.data.fd = fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(engine->epoll, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
		(what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
	if (known && !epoll_ctl(engine->epoll, EPOLL_CTL_MOD, fd, &event))
		return 0;
	/* A number that was closed and given out again is known to one side only. */
	if (epoll_ctl(engine->epoll, EPOLL_CTL_ADD, fd, &event) && errno == EEXIST)
		epoll_ctl(engine->epoll, EPOLL_CTL_MOD, fd, &event);
	if (!known)
		curl_multi_assign(engine->multi, fd, engine);
	return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
	struct engine *engine = context;

	(void)multi;
	engine->curl_due_ns =
		timeout_ms < 0 ? INT64_MAX : read_clock() + timeout_ms * POOL_NS_PER_MS;
	return 0;
}

static void end_transfer(struct engine *engine, struct slot *slot, CURLcode code)
{
	struct pool_probe_result result = {.retry_after_s = -1};

	if (pool_method_work_get(slot->transfer.probe->method)->echo &&
		slot->transfer.address_length) {
		curl_multi_remove_handle(engine->multi, slot->transfer.easy);
		slot->in_multi = false;
		send_echo(engine, slot);
		return;
	}
	pool_transfer_judge(&slot->transfer, code, &result);
	end_attempt(engine, slot, &result);
}

static void take_messages(struct engine *engine)
{
	struct CURLMsg *message;
	int more;

	while ((message = curl_multi_info_read(engine->multi, &more))) {
		CURLcode code = message->data.result;
		char *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		end_transfer(engine, (struct slot *)(void *)transfer, code);
	}
}

/* --- the loop ------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int choose_wait_ms(const struct engine *engine)
{
	int64_t at_ns = earlier(engine->deadline_ns, engine->curl_due_ns);
	int64_t wait_ms;

	at_ns = earlier(at_ns, pool_timers_next(&engine->echoes));
	if (has_room(engine)) {
		if (engine->fresh < engine->count)
			return 0;
		at_ns = earlier(at_ns, pool_timers_next(&engine->delayed));
	}
	if (at_ns <= engine->now_ns)
		return 0;
	/* Rounded up: waking early would only spin. */
	wait_ms = (at_ns - engine->now_ns + POOL_NS_PER_MS - 1) / POOL_NS_PER_MS;
	return (int)earlier(wait_ms, engine->options->stop ? STOP_POLL_MS : 60000);
}

static void take_event(struct engine *engine, const struct epoll_event *event)
{
	int running, mask = 0;

	for (int i = 0; i < POOL_PING_FAMILIES; i++)
		if (event->data.fd == engine->pinger.fd[i]) {
			take_echoes(engine, event->data.fd);
			return;
		}
	if (event->events & (EPOLLIN | EPOLLHUP))
		mask |= CURL_CSELECT_IN;
	if (event->events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (event->events & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	curl_multi_socket_action(engine->multi, event->data.fd, mask, &running);
}

static void turn(struct engine *engine)
{
	struct epoll_event events[EVENTS];
	int running;
	int count = epoll_wait(engine->epoll, events, EVENTS, choose_wait_ms(engine));

	for (int i = 0; i < count; i++)
		take_event(engine, &events[i]);
	engine->now_ns = read_clock();
	if (engine->curl_due_ns <= engine->now_ns) {
		engine->curl_due_ns = INT64_MAX;
		curl_multi_socket_action(engine->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	take_messages(engine);
	end_late_echoes(engine);
}

/* What is under way or was never begun says nothing. A check that waits for another
 * attempt has had its answer, unless somebody else than the deadline cut it short. */
static void abandon(struct engine *engine)
{
	bool in_time = engine->now_ns < engine->deadline_ns;

	for (size_t i = 0; i < engine->slot_count; i++)
		if (engine->slots[i].busy)
			free_slot(engine, &engine->slots[i]);
	for (size_t i = 0; i < engine->count; i++) {
		const struct task *task = &engine->tasks[i];
		struct pool_probe_result result = {
			.reason = POOL_REASON_RUN_DEADLINE, .retry_after_s = -1};

		if (task->finished || task->held)
			continue;
		if (task->last && !in_time)
			result = *task->last;
		settle(engine, (uint32_t)i, &result);
	}
}

/* Whether any name server answers about any of the names that did not resolve. */
static bool ask_names(const struct engine *engine)
{
	int64_t until_ns = read_clock() + ASK_NAMES_MS * POOL_NS_PER_MS;
	const char *asked = NULL;

	for (size_t i = 0; i < engine->count; i++) {
		int64_t left_ns = until_ns - read_clock();
		const char *host;

		if (left_ns <= 0)
			return false;
		if (!engine->tasks[i].held)
			continue;
		host = engine->probes[i].login->host;
		if (!pool_resolver_accepts(host) || (asked && strcmp(asked, host) == 0))
			continue;
		if (pool_resolver_answers(host, left_ns / POOL_NS_PER_MS))
			return true;
		asked = host;
	}
	return false;
}

/*
 * Whether the names are at fault or the resolver. It blocks, and would make transfers
 * late: so it comes when there are none.
 */
static void settle_names(struct engine *engine)
{
	bool answers = engine->held && ask_names(engine);

	for (size_t i = 0; engine->held && i < engine->count; i++) {
		struct pool_probe_result result = {
			.reason = POOL_REASON_PROXY_NAME, .retry_after_s = -1};

		if (!engine->tasks[i].held)
			continue;
		if (!answers && pool_resolver_accepts(engine->probes[i].login->host))
			result.reason = POOL_REASON_NO_RESOLVER;
		engine->held--;
		finish(engine, (uint32_t)i, &result);
	}
}

static void work(struct engine *engine)
{
	const struct pool_engine_options *options = engine->options;
	int64_t ask_ns = 0;

	while (engine->left > engine->held && engine->now_ns < engine->deadline_ns) {
		if (options->stop && engine->now_ns >= ask_ns) {
			if (options->stop(options->context))
				break;
			ask_ns = engine->now_ns + STOP_POLL_MS * POOL_NS_PER_MS;
		}
		fill(engine);
		/* What cannot be set up ends there. */
		if (engine->left > engine->held)
			turn(engine);
	}
	abandon(engine);
	settle_names(engine);
}

/* --- start and end -------------------------------------------------------------- */

/* True if the check asks a resolver here. */
static bool resolves_names(const struct pool_probe *probe)
{
	const struct pool_login *login = probe->login;

	if (!login)
		return true;
	if (!pool_host_is_address(login->host))
		return true;
	return probe->url &&
		(login->scheme == POOL_SCHEME_SOCKS4 ||
			login->scheme == POOL_SCHEME_SOCKS5);
}

static size_t choose_concurrency(const struct engine *engine)
{
	size_t concurrency =
		engine->options->concurrency ? engine->options->concurrency : 1;
	size_t each = 1, allowed;

	for (size_t i = 0; i < engine->count && each == 1; i++)
		if (resolves_names(&engine->probes[i]))
			each = NAME_DESCRIPTORS;
	pool_descriptors_raise();
	allowed = pool_descriptors_allow(each);
	if (concurrency > allowed)
		concurrency = allowed;
	return concurrency > engine->count ? engine->count : concurrency;
}

static int open_multi(struct engine *engine)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return POOL_ENOMEM;
	engine->global = true;
	engine->multi = curl_multi_init();
	if (!engine->multi)
		return POOL_ENOMEM;
	curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine);
	curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine);
	curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long)CACHED_CONNECTIONS);
	return 0;
}

static int open_engine(struct engine *engine, struct pool_fault *fault)
{
	engine->slot_count = choose_concurrency(engine);
	engine->width = engine->slot_count;
	engine->report->concurrency = engine->slot_count;
	engine->tasks = calloc(engine->count, sizeof(*engine->tasks));
	engine->slots = calloc(engine->slot_count, sizeof(*engine->slots));
	engine->spare = calloc(engine->slot_count, sizeof(*engine->spare));
	if (!engine->tasks || !engine->slots || !engine->spare ||
		pool_rate_init(&engine->rate, engine->probes, engine->count,
			engine->options->target_rate) ||
		open_multi(engine))
		return pool_fault_set(
			fault, POOL_ENOMEM, 0, "cannot run checks: out of memory");
	engine->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (engine->epoll < 0)
		return pool_fault_set(fault, POOL_ESYSTEM, errno, "cannot run checks");
	while (engine->spare_count < engine->slot_count) {
		engine->spare[engine->spare_count] =
			(uint32_t)(engine->slot_count - 1 - engine->spare_count);
		engine->spare_count++;
	}
	return 0;
}

static void close_engine(struct engine *engine)
{
	for (size_t i = 0; engine->slots && i < engine->slot_count; i++)
		pool_transfer_release(&engine->slots[i].transfer);
	if (engine->multi)
		curl_multi_cleanup(engine->multi);
	if (engine->global)
		curl_global_cleanup();
	if (engine->epoll >= 0)
		close(engine->epoll);
	pool_pinger_release(&engine->pinger);
	pool_timers_release(&engine->delayed);
	pool_timers_release(&engine->echoes);
	pool_rate_release(&engine->rate);
	for (size_t i = 0; engine->tasks && i < engine->count; i++)
		free(engine->tasks[i].last);
	free(engine->tasks);
	free(engine->slots);
	free(engine->spare);
}

int pool_engine_run(const struct pool_probe *probes, size_t count,
	const struct pool_engine_options *options, struct pool_engine_report *report,
	struct pool_fault *fault)
{
	struct engine engine = {.probes = probes,
		.options = options,
		.report = report,
		.count = count,
		.left = count,
		.epoll = -1,
		.now_ns = read_clock(),
		.curl_due_ns = INT64_MAX,
		.random.state = options->seed};
	int error;

	*report = (struct pool_engine_report){0};
	if (!count)
		return 0;
	pool_pinger_init(&engine.pinger, (uint16_t)pool_random_next(&engine.random));
	engine.deadline_ns = engine.now_ns + options->deadline_ms * POOL_NS_PER_MS;
	error = open_engine(&engine, fault);
	if (!error)
		work(&engine);
	close_engine(&engine);
	return error;
}

const char *pool_engine_version(void)
{
	return curl_version();
}
