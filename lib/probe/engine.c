/*
 * The engine: a queue, slots, one epoll loop.
 *
 * Events, and what each does:
 *	a slot is free         the next check begins: one that was put off if its
 *	                       time has come, else the next of the queue
 *	a socket is ready      libcurl goes on with that transfer
 *	libcurl's timer        libcurl goes on with whatever is due
 *	a transfer ended       it is judged; a ping sends its echo
 *	a socket is not        its attempt ends: no memory
 *	watched by the system
 *	libcurl gave up        all attempts under way end: no memory
 *	an echo came, or did   the ping is judged
 *	not come in time
 *	an attempt was judged  it is put off for another one, or the check is finished
 *	a name did not resolve the resolver is asked whether any name server answers,
 *	                       and the check is finished when it is known
 *	abandon                what waits for another attempt is finished as its last
 *	                       one ended, all else that is left as RUN_DEADLINE
 *
 * The queue is ours, since libcurl counts time in its own queue against a transfer's
 * timeout.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "base/clock.h"
#include "base/random.h"
#include "probe/descriptors.h"
#include "probe/engine.h"
#include "probe/method.h"
#include "probe/multi.h"
#include "probe/pace.h"
#include "probe/ping.h"
#include "probe/resolver.h"
#include "probe/timers.h"

enum {
	BATCH = 64, /* begun in one turn, so that a turn stays short */
	STOP_POLL_MS = 100,
	TURN_MS = 60000, /* of a run: the longest wait without any event */
	BACKOFF_BASE_MS = 100,
	BACKOFF_MAX_MS = POOL_ENGINE_BACKOFF_S * 1000,
	NARROW_S = 60,       /* with fewer checks at once, when something ran out */
	ASK_NAMES_MS = 1000, /* how long a name server may take to answer */
	LOOK_MS = 20,        /* between two looks for its answer */
	NAME_DESCRIPTORS =
		4, /* a check that resolves a name: the resolver's three as well */
};

#define NO_TASK UINT32_MAX

struct slot {
	struct pool_transfer transfer; /* first: libcurl's private pointer leads here */
	uint32_t task;
	bool busy;
	bool in_multi;
	uint64_t token; /* of the echo that is awaited; 0: none */
	int64_t sent_ns;
};

enum task_state {
	TASK_FREE,
	TASK_QUEUED,
	TASK_DELAYED, /* in the heap of those to begin later */
	TASK_BUSY,    /* has a slot */
	TASK_HELD,    /* its proxy's name did not resolve, and why is being asked */
	TASK_ABANDONED,
};

struct task {
	const struct pool_probe *probe;
	size_t index;
	int64_t began_ns;
	int32_t attempts;
	uint32_t next; /* in the queue, or among the free ones */
	enum task_state state;
	/* How its last attempt ended, while it waits for another one; else NULL. */
	struct pool_probe_result *last;
};

struct engine_queue {
	uint32_t first, last; /* NO_TASK: empty */
};

struct pool_engine {
	struct pool_engine_options options;
	struct pool_engine_report report;
	struct task *tasks;
	size_t task_room;
	uint32_t free_task;
	struct engine_queue queue; /* never begun */
	size_t left;               /* not finished */
	size_t held;               /* of those, waiting for the resolver's answer */
	struct slot *slots;
	uint32_t *spare; /* a stack of free slots */
	size_t spare_count;
	size_t slot_count;
	size_t width;     /* slots in use at most: fewer when something ran out */
	int64_t widen_ns; /* then it may be more again */
	struct pool_timers delayed; /* tasks to begin later */
	struct pool_timers echoes;  /* slots whose echo is late then */
	struct pool_pace pace;
	struct pool_random random;
	struct pool_pinger pinger;
	struct pool_multi multi;
	bool unwatched; /* some slot's socket is not watched by the system */
	int64_t now_ns;
	int64_t deadline_ns; /* INT64_MAX: none */
	/* The question whether any name server answers: */
	struct pool_question *question; /* NULL: not asked */
	int64_t look_ns;                /* look for the answer then */
	int64_t give_up_ns;
	bool silent; /* it was given up, and has still no answer */
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

static void free_task(struct pool_engine *engine, uint32_t at)
{
	struct task *task = &engine->tasks[at];

	free(task->last);
	*task = (struct task){.next = engine->free_task};
	engine->free_task = at;
}

/* The one way in which a check ends. */
static void finish(
	struct pool_engine *engine, uint32_t at, struct pool_probe_result *result)
{
	const struct task *task = &engine->tasks[at];
	size_t index = task->index;

	result->attempts = task->attempts;
	result->began_boot_ns = task->attempts ? task->began_ns : engine->now_ns;
	engine->left--;
	engine->report.local_trouble += is_local_trouble(result->reason);
	free_task(engine, at);
	engine->options.done(engine->options.context, index, result);
}

static void free_slot(struct pool_engine *engine, struct slot *slot)
{
	if (slot->in_multi)
		pool_multi_remove(&engine->multi, slot->transfer.easy);
	pool_transfer_clear(&slot->transfer);
	slot->in_multi = false;
	slot->busy = false;
	slot->token = 0;
	engine->spare[engine->spare_count++] = (uint32_t)(slot - engine->slots);
}

/* Full jitter: anything from nothing to the backoff. */
static int64_t draw_backoff_ns(struct pool_engine *engine, int32_t attempts)
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
	struct pool_engine *engine, uint32_t at, const struct pool_probe_result *result)
{
	struct task *task = &engine->tasks[at];
	struct pool_probe_result *last;
	int64_t at_ns;

	if (task->attempts > task->probe->retries || !may_pass(result))
		return false;
	at_ns = pool_pace_book(&engine->pace, task->probe->url,
		engine->now_ns + draw_backoff_ns(engine, task->attempts));
	if (at_ns >= engine->deadline_ns || !(last = malloc(sizeof(*last))))
		return false;
	if (pool_timers_add(
		    &engine->delayed, (struct pool_timer){.at_ns = at_ns, .index = at})) {
		free(last);
		return false;
	}
	*last = *result;
	task->last = last;
	task->state = TASK_DELAYED;
	return true;
}

/* No attempt follows: this is the check's result, but for names, asked about first. */
static void settle(
	struct pool_engine *engine, uint32_t at, struct pool_probe_result *result)
{
	if (result->reason == POOL_REASON_PROXY_NAME) {
		engine->tasks[at].state = TASK_HELD;
		engine->held++;
		return;
	}
	finish(engine, at, result);
}

/* As many as could be had fit: no more at once for a while. */
static void narrow(struct pool_engine *engine)
{
	size_t busy = engine->slot_count - engine->spare_count;

	if (busy < engine->width)
		engine->width = busy ? busy : 1;
	engine->widen_ns = engine->now_ns + NARROW_S * POOL_NS_PER_S;
}

static void end_attempt(
	struct pool_engine *engine, struct slot *slot, struct pool_probe_result *result)
{
	uint32_t at = slot->task;

	free_slot(engine, slot);
	if (result->reason == POOL_REASON_NO_DESCRIPTORS ||
		result->reason == POOL_REASON_NO_MEMORY)
		narrow(engine);
	if (!put_off(engine, at, result))
		settle(engine, at, result);
}

static void end_with(struct pool_engine *engine, struct slot *slot,
	enum pool_reason reason, const char *detail)
{
	struct pool_probe_result result = {.reason = reason, .retry_after_s = -1};

	snprintf(result.detail, sizeof(result.detail), "%s", detail);
	end_attempt(engine, slot, &result);
}

/* --- pings ---------------------------------------------------------------------- */

/* Where it means something else than for a connection. */
static const struct {
	int error;
	enum pool_reason reason;
} ping_errors[] = {
	{ENOSPC, POOL_REASON_NO_MEMORY}, /* epoll_ctl() watches no more */
	{EADDRNOTAVAIL, POOL_REASON_NO_ROUTE},
};

static void end_ping_with_error(struct pool_engine *engine, struct slot *slot, int error)
{
	enum pool_reason reason = pool_reason_from_errno(error);
	char words[64];

	if (reason == POOL_REASON_NONE)
		reason = POOL_REASON_SETUP;
	for (size_t i = 0; i < sizeof(ping_errors) / sizeof(ping_errors[0]); i++)
		if (ping_errors[i].error == error)
			reason = ping_errors[i].reason;
	end_with(engine, slot, reason,
		reason == POOL_REASON_NO_PERMISSION
			? "ping needs this group in net.ipv4.ping_group_range, or "
			  "CAP_NET_RAW"
			: strerror_r(error, words, sizeof(words)));
}

static int watch(struct pool_engine *engine, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (engine->multi.control(engine->multi.epoll, EPOLL_CTL_ADD, fd, &event) &&
		errno != EEXIST)
		return -errno;
	return 0;
}

static void send_echo(struct pool_engine *engine, struct slot *slot)
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
					slot->transfer.probe->timeout_ms *
						POOL_NS_PER_MS}))
		error = -ENOMEM;
	if (error)
		end_ping_with_error(engine, slot, -error);
}

static void take_echoes(struct pool_engine *engine, int fd)
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

static void end_late_echoes(struct pool_engine *engine)
{
	struct pool_timer timer;

	while (pool_timers_take(&engine->echoes, engine->now_ns, &timer)) {
		struct slot *slot = &engine->slots[timer.index];

		if (slot->token == timer.token)
			end_with(engine, slot, POOL_REASON_PING_TIMEOUT, "");
	}
}

/* --- begin ---------------------------------------------------------------------- */

static void begin(struct pool_engine *engine, uint32_t at)
{
	struct slot *slot = &engine->slots[engine->spare[--engine->spare_count]];
	const struct pool_transfer_options options = {.ca_file = engine->options.ca_file,
		.keeps_names = engine->options.keeps_names};
	struct task *task = &engine->tasks[at];
	int error;

	slot->busy = true;
	slot->task = at;
	free(task->last);
	task->last = NULL;
	task->state = TASK_BUSY;
	if (!task->attempts++)
		task->began_ns = read_clock();
	error = pool_transfer_set(&slot->transfer, task->probe, &options);
	if (!error)
		error = pool_multi_add(&engine->multi, slot->transfer.easy);
	if (error == POOL_EARGUMENT)
		end_with(engine, slot, POOL_REASON_SETUP,
			"the URL does not fit the method");
	else if (error)
		end_with(engine, slot, POOL_REASON_NO_MEMORY, "");
	else
		slot->in_multi = true;
}

static void enqueue(struct pool_engine *engine, uint32_t at)
{
	engine->tasks[at].next = NO_TASK;
	if (engine->queue.first == NO_TASK)
		engine->queue.first = at;
	else
		engine->tasks[engine->queue.last].next = at;
	engine->queue.last = at;
}

static uint32_t dequeue(struct pool_engine *engine)
{
	uint32_t at = engine->queue.first;

	engine->queue.first = engine->tasks[at].next;
	return at;
}

/* The next task whose time has come; false if there is none. */
static bool take_task(struct pool_engine *engine, uint32_t *out)
{
	struct pool_timer timer;

	if (pool_timers_take(&engine->delayed, engine->now_ns, &timer)) {
		*out = timer.index;
		return true;
	}
	while (engine->queue.first != NO_TASK) {
		*out = dequeue(engine);
		timer = (struct pool_timer){.index = *out};
		timer.at_ns = pool_pace_book(
			&engine->pace, engine->tasks[*out].probe->url, engine->now_ns);
		if (timer.at_ns <= engine->now_ns ||
			pool_timers_add(&engine->delayed, timer))
			return true;
		engine->tasks[*out].state = TASK_DELAYED;
	}
	return false;
}

static bool has_room(const struct pool_engine *engine)
{
	return engine->slot_count - engine->spare_count < engine->width;
}

static void fill(struct pool_engine *engine)
{
	uint32_t at;

	for (int i = 0; i < BATCH && has_room(engine) && take_task(engine, &at); i++)
		begin(engine, at);
}

static int grow_tasks(struct pool_engine *engine)
{
	size_t room = engine->task_room ? engine->task_room * 2 : 64;
	struct task *tasks;

	if (room >= NO_TASK)
		return POOL_ENOMEM;
	tasks = realloc(engine->tasks, room * sizeof(*tasks));
	if (!tasks)
		return POOL_ENOMEM;
	engine->tasks = tasks;
	/* The lowest first. */
	for (size_t i = room; i-- > engine->task_room;) {
		tasks[i] = (struct task){.next = engine->free_task};
		engine->free_task = (uint32_t)i;
	}
	engine->task_room = room;
	return 0;
}

int pool_engine_add(
	struct pool_engine *engine, const struct pool_probe *probe, size_t index)
{
	uint32_t at;

	if (engine->free_task == NO_TASK && grow_tasks(engine))
		return POOL_ENOMEM;
	at = engine->free_task;
	engine->free_task = engine->tasks[at].next;
	engine->tasks[at] =
		(struct task){.probe = probe, .index = index, .state = TASK_QUEUED};
	enqueue(engine, at);
	engine->left++;
	return 0;
}

/* --- transfers ------------------------------------------------------------------ */

static void end_transfer(struct pool_engine *engine, struct slot *slot, CURLcode code)
{
	struct pool_probe_result result = {.retry_after_s = -1};

	if (pool_method_work_get(slot->transfer.probe->method)->echo &&
		slot->transfer.address_length) {
		pool_multi_remove(&engine->multi, slot->transfer.easy);
		slot->in_multi = false;
		send_echo(engine, slot);
		return;
	}
	pool_transfer_judge(&slot->transfer, code, &result);
	end_attempt(engine, slot, &result);
}

/* NULL for a handle of libcurl's own. */
static struct slot *find_slot(CURL *easy)
{
	char *transfer = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
	return (struct slot *)(void *)transfer;
}

static void take_ends(struct pool_engine *engine)
{
	CURLcode code;
	CURL *easy;

	while ((easy = pool_multi_take(&engine->multi, &code)))
		end_transfer(engine, find_slot(easy), code);
}

static void take_watched(void *context, CURL *easy, int fd, int what, int error)
{
	struct pool_engine *engine = context;
	struct slot *slot = find_slot(easy);

	if (!slot)
		return;
	pool_wire_follow(&slot->transfer.wire, fd, what);
	if (!error)
		return;
	slot->transfer.watch_errno = error;
	engine->unwatched = true;
}

/* Nothing would ever be heard of these. */
static void end_unwatched(struct pool_engine *engine)
{
	if (!engine->unwatched)
		return;
	engine->unwatched = false;
	for (size_t i = 0; i < engine->slot_count; i++) {
		struct slot *slot = &engine->slots[i];
		int error = slot->in_multi ? slot->transfer.watch_errno : 0;

		if (error)
			end_with(engine, slot, POOL_REASON_NO_MEMORY,
				error == ENOSPC ? "fs.epoll.max_user_watches is reached"
						: "the system does not watch its socket");
	}
}

/* libcurl gave up; what it knows of its transfers and their timeouts is not reliable. */
static void begin_anew(struct pool_engine *engine)
{
	for (size_t i = 0; i < engine->slot_count; i++)
		if (engine->slots[i].in_multi)
			end_with(engine, &engine->slots[i], POOL_REASON_NO_MEMORY, "");
	pool_multi_renew(&engine->multi);
}

/* --- names ---------------------------------------------------------------------- */

/* Finish all checks of names that did not resolve. */
static void settle_names(struct pool_engine *engine, bool answered)
{
	for (uint32_t at = 0; engine->held && at < engine->task_room; at++) {
		struct pool_probe_result result = {
			.reason = POOL_REASON_PROXY_NAME, .retry_after_s = -1};

		if (engine->tasks[at].state != TASK_HELD)
			continue;
		if (!answered &&
			pool_resolver_accepts(engine->tasks[at].probe->login->host))
			result.reason = POOL_REASON_NO_RESOLVER;
		engine->held--;
		finish(engine, at, &result);
	}
}

/* Ask about the first name that a name server can be asked about. */
static void ask_about_names(struct pool_engine *engine)
{
	for (uint32_t at = 0; !engine->question && at < engine->task_room; at++) {
		const char *host;

		if (engine->tasks[at].state != TASK_HELD)
			continue;
		host = engine->tasks[at].probe->login->host;
		if (pool_resolver_accepts(host))
			engine->question = pool_resolver_ask(host);
	}
	if (!engine->question) {
		settle_names(engine, false);
		return;
	}
	engine->look_ns = engine->now_ns + LOOK_MS * POOL_NS_PER_MS;
	engine->give_up_ns = engine->now_ns + ASK_NAMES_MS * POOL_NS_PER_MS;
}

/*
 * Whether the names are at fault or the resolver. A question that is given up is not
 * asked again before the C library is through with it: nobody answers until then.
 */
static void look_after_names(struct pool_engine *engine)
{
	enum pool_resolver_answer answer;

	if (engine->held && !engine->question)
		ask_about_names(engine);
	if (!engine->question || engine->now_ns < engine->look_ns)
		return;
	answer = pool_resolver_look(engine->question);
	if (answer == POOL_RESOLVER_WORKING) {
		engine->look_ns = engine->now_ns + LOOK_MS * POOL_NS_PER_MS;
		engine->silent |= engine->now_ns >= engine->give_up_ns;
		if (engine->silent)
			settle_names(engine, false);
		return;
	}
	engine->question = NULL;
	engine->silent = false;
	settle_names(engine, answer == POOL_RESOLVER_ANSWERED);
}

/* --- the loop ------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t pool_engine_due_ns(const struct pool_engine *engine)
{
	int64_t at_ns = earlier(
		pool_multi_due_ns(&engine->multi), pool_timers_next(&engine->echoes));

	if (has_room(engine)) {
		if (engine->queue.first != NO_TASK)
			return 0;
		at_ns = earlier(at_ns, pool_timers_next(&engine->delayed));
	}
	if (engine->held && !engine->question)
		return 0;
	/* One that was given up is of interest again only to the next that asks. */
	if (engine->question && (engine->held || !engine->silent))
		at_ns = earlier(at_ns, engine->look_ns);
	return at_ns;
}

int pool_engine_descriptor(const struct pool_engine *engine)
{
	return engine->multi.epoll;
}

size_t pool_engine_left(const struct pool_engine *engine)
{
	return engine->left;
}

struct pool_engine_report pool_engine_report(const struct pool_engine *engine)
{
	return engine->report;
}

static bool take_ping_event(void *context, int fd)
{
	struct pool_engine *engine = context;

	for (int i = 0; i < POOL_PING_FAMILIES; i++)
		if (fd == engine->pinger.fd[i]) {
			take_echoes(engine, fd);
			return true;
		}
	return false;
}

/* Rounded up: waking early would only spin. */
static int64_t choose_wait_ms(const struct pool_engine *engine, int64_t wait_ms)
{
	int64_t due_ns = pool_engine_due_ns(engine), left_ms;

	/* What cannot be set up has ended already. */
	if (!engine->left)
		return 0;
	if (due_ns == INT64_MAX)
		return wait_ms;
	if (due_ns <= engine->now_ns)
		return 0;
	left_ms = (due_ns - engine->now_ns + POOL_NS_PER_MS - 1) / POOL_NS_PER_MS;
	return earlier(left_ms, wait_ms);
}

/* Whoever took the descriptors may have given them back. */
static void widen(struct pool_engine *engine)
{
	if (engine->width == engine->slot_count || engine->now_ns < engine->widen_ns)
		return;
	engine->width *= 2;
	if (engine->width > engine->slot_count)
		engine->width = engine->slot_count;
	engine->widen_ns = engine->now_ns + NARROW_S * POOL_NS_PER_S;
}

void pool_engine_turn(struct pool_engine *engine, int64_t wait_ms)
{
	int error;

	engine->now_ns = read_clock();
	widen(engine);
	fill(engine);
	error = pool_multi_turn(&engine->multi, choose_wait_ms(engine, wait_ms));
	engine->now_ns = read_clock();
	take_ends(engine);
	end_unwatched(engine);
	if (error)
		begin_anew(engine);
	end_late_echoes(engine);
	look_after_names(engine);
}

void pool_engine_abandon(struct pool_engine *engine)
{
	bool in_time = engine->now_ns < engine->deadline_ns;

	for (size_t i = 0; i < engine->slot_count; i++)
		if (engine->slots[i].busy)
			free_slot(engine, &engine->slots[i]);
	engine->queue.first = NO_TASK;
	engine->delayed.count = 0;
	/* Marked first: what done() adds meanwhile is not abandoned, whatever number it
	 * gets. */
	for (size_t at = 0; at < engine->task_room; at++)
		if (engine->tasks[at].state != TASK_FREE &&
			engine->tasks[at].state != TASK_HELD)
			engine->tasks[at].state = TASK_ABANDONED;
	for (uint32_t at = 0; at < engine->task_room; at++) {
		const struct task *task = &engine->tasks[at];
		struct pool_probe_result result = {
			.reason = POOL_REASON_RUN_DEADLINE, .retry_after_s = -1};

		if (task->state != TASK_ABANDONED)
			continue;
		/* A check that waits for another attempt has had its answer, unless
		 * somebody else than the deadline cut it short. */
		if (task->last && !in_time)
			result = *task->last;
		settle(engine, at, &result);
	}
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

static size_t choose_concurrency(const struct pool_engine_options *options)
{
	size_t concurrency = options->concurrency ? options->concurrency : 1;
	size_t allowed;

	pool_descriptors_raise();
	allowed = pool_descriptors_allow(options->resolves_names ? NAME_DESCRIPTORS : 1);
	return concurrency > allowed ? allowed : concurrency;
}

static int open_engine(struct pool_engine *engine, struct pool_fault *fault)
{
	int error;

	engine->slot_count = choose_concurrency(&engine->options);
	engine->width = engine->slot_count;
	engine->report.concurrency = engine->slot_count;
	engine->slots = calloc(engine->slot_count, sizeof(*engine->slots));
	engine->spare = calloc(engine->slot_count, sizeof(*engine->spare));
	if (!engine->slots || !engine->spare)
		return pool_fault_set(
			fault, POOL_ENOMEM, 0, "cannot run checks: out of memory");
	error = pool_multi_open(&engine->multi, fault);
	if (error)
		return error;
	engine->multi.other = take_ping_event;
	engine->multi.watched = take_watched;
	engine->multi.context = engine;
	if (engine->options.control)
		engine->multi.control = engine->options.control;
	while (engine->spare_count < engine->slot_count) {
		engine->spare[engine->spare_count] =
			(uint32_t)(engine->slot_count - 1 - engine->spare_count);
		engine->spare_count++;
	}
	return 0;
}

int pool_engine_new(struct pool_engine **out, const struct pool_engine_options *options,
	struct pool_fault *fault)
{
	struct pool_engine *engine = calloc(1, sizeof(*engine));
	int error;

	if (!engine)
		return pool_fault_set(
			fault, POOL_ENOMEM, 0, "cannot run checks: out of memory");
	engine->options = *options;
	engine->free_task = engine->queue.first = NO_TASK;
	engine->now_ns = read_clock();
	engine->random.state = options->seed;
	engine->deadline_ns = options->deadline_ms
		? engine->now_ns + options->deadline_ms * POOL_NS_PER_MS
		: INT64_MAX;
	pool_multi_init(&engine->multi);
	pool_pinger_init(&engine->pinger, (uint16_t)pool_random_next(&engine->random));
	pool_pace_init(&engine->pace, options->target_rate);
	error = open_engine(engine, fault);
	if (error)
		pool_engine_free(engine);
	else
		*out = engine;
	return error;
}

void pool_engine_free(struct pool_engine *engine)
{
	if (!engine)
		return;
	for (size_t i = 0; engine->slots && i < engine->slot_count; i++)
		if (engine->slots[i].busy)
			free_slot(engine, &engine->slots[i]);
	pool_multi_close(&engine->multi);
	pool_pinger_release(&engine->pinger);
	pool_timers_release(&engine->delayed);
	pool_timers_release(&engine->echoes);
	pool_pace_release(&engine->pace);
	pool_resolver_forget(engine->question);
	for (size_t i = 0; i < engine->task_room; i++)
		free(engine->tasks[i].last);
	free(engine->tasks);
	free(engine->slots);
	free(engine->spare);
	free(engine);
}

/* --- a run ---------------------------------------------------------------------- */

static void work(struct pool_engine *engine)
{
	const struct pool_engine_options *options = &engine->options;
	int64_t ask_ns = 0;

	while (engine->left > engine->held && engine->now_ns < engine->deadline_ns) {
		int64_t wait_ms = options->stop ? STOP_POLL_MS : TURN_MS;
		int64_t left_ms = (engine->deadline_ns - engine->now_ns) / POOL_NS_PER_MS;

		if (options->stop && engine->now_ns >= ask_ns) {
			if (options->stop(options->context))
				break;
			ask_ns = engine->now_ns + STOP_POLL_MS * POOL_NS_PER_MS;
		}
		pool_engine_turn(engine, earlier(wait_ms, left_ms + 1));
	}
	pool_engine_abandon(engine);
	while (engine->left)
		pool_engine_turn(engine, LOOK_MS);
}

int pool_engine_run(const struct pool_probe *probes, size_t count,
	const struct pool_engine_options *options, struct pool_engine_report *report,
	struct pool_fault *fault)
{
	struct pool_engine_options chosen = *options;
	struct pool_engine *engine = NULL;
	int error;

	*report = (struct pool_engine_report){0};
	if (!count)
		return 0;
	for (size_t i = 0; i < count && !chosen.resolves_names; i++)
		chosen.resolves_names = resolves_names(&probes[i]);
	if (chosen.concurrency > count)
		chosen.concurrency = count;
	chosen.keeps_names = true;
	error = pool_engine_new(&engine, &chosen, fault);
	if (error)
		return error;
	for (size_t i = 0; i < count && !error; i++)
		error = pool_engine_add(engine, &probes[i], i);
	if (error)
		pool_fault_set(fault, error, 0, "cannot run checks: out of memory");
	else
		work(engine);
	*report = engine->report;
	pool_engine_free(engine);
	return error;
}

const char *pool_engine_version(void)
{
	return curl_version();
}
