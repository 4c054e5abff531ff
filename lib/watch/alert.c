/* Alerts: from an event to the batches of the receivers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "base/hash.h"
#include "watch/alert.h"
#include "watch/damp.h"

struct pool_alerts {
	uint32_t kinds;
	int64_t window_ms;
	void (*tell)(void *context, const struct pool_event *event);
	void *context;
	struct pool_damp *damp;
	struct pool_batch pending; /* being gathered */
	size_t room;               /* of it, in events */
	int64_t flush_ns;          /* when it is sent */
	int epoll;
	size_t count;
	struct pool_delivery deliveries[POOL_ALERT_RECEIVERS];
};

/* --- which events --------------------------------------------------------------- */

/* What may flap, and the events that are its changes. */
enum family { ALONE, PROXY, POOL, TARGET, UPLINK, FAMILIES };

static const enum family families[POOL_EVENTS] = {
	[POOL_EVENT_TRANSITION] = PROXY,
	[POOL_EVENT_DEGRADED] = POOL,
	[POOL_EVENT_EXHAUSTED] = POOL,
	[POOL_EVENT_RECOVERED] = POOL,
	[POOL_EVENT_TARGET_SUSPECT] = TARGET,
	[POOL_EVENT_TARGET_RECOVERED] = TARGET,
	[POOL_EVENT_UPLINK_SUSPECT] = UPLINK,
	[POOL_EVENT_UPLINK_RECOVERED] = UPLINK,
};

/* Where neither pool nor proxy say it. */
static const char *const subjects[FAMILIES] = {
	[TARGET] = "the target of its checks",
	[UPLINK] = "this machine's network",
};

/* A check is no news, and a failed alert would make the next one. */
static const uint32_t never = 1u << POOL_EVENT_CHECK | 1u << POOL_EVENT_ALERT_FAILED;

uint32_t pool_alerts_default_kinds(void)
{
	uint32_t kinds = 0;

	for (int i = 0; i < POOL_EVENTS; i++)
		if (pool_event_get((enum pool_event_kind)i)->alert)
			kinds |= 1u << i;
	return kinds;
}

bool pool_alerts_can_be(enum pool_event_kind kind)
{
	return !(never >> kind & 1);
}

void pool_alerts_drop(struct pool_alert_options *options)
{
	for (size_t i = 0; i < options->count; i++)
		options->receivers[i].free(options->receivers[i].self);
	options->count = 0;
}

static bool wants(const struct pool_alerts *alerts, enum pool_event_kind kind)
{
	return alerts->kinds >> kind & 1;
}

/* --- gathering ------------------------------------------------------------------ */

/* A full batch: a new event takes the place of the last of the mildest ones, if it is
 * worse itself. */
static void displace(struct pool_batch *batch, const struct pool_event *event)
{
	size_t mildest = batch->count - 1;

	for (size_t i = batch->count; i-- > 0;)
		if (pool_event_level(&batch->events[i]) >
			pool_event_level(&batch->events[mildest]))
			mildest = i;
	batch->more++;
	if (pool_event_level(&batch->events[mildest]) <= pool_event_level(event))
		return;
	memmove(&batch->events[mildest], &batch->events[mildest + 1],
		(batch->count - 1 - mildest) * sizeof(*batch->events));
	batch->events[batch->count - 1] = *event;
}

static bool make_room(struct pool_alerts *alerts)
{
	size_t room = alerts->room ? 2 * alerts->room : 8;
	struct pool_event *events;

	if (alerts->pending.count < alerts->room)
		return true;
	events = realloc(alerts->pending.events, room * sizeof(*events));
	if (!events)
		return false;
	alerts->pending.events = events;
	alerts->room = room;
	return true;
}

static void gather(struct pool_alerts *alerts, const struct pool_event *event,
	const struct pool_now *now)
{
	struct pool_batch *pending = &alerts->pending;

	if (alerts->count == 0 || !wants(alerts, event->kind))
		return;
	if (pending->count == 0)
		alerts->flush_ns = now->boot_ns + alerts->window_ms * POOL_NS_PER_MS;
	if (pending->count == POOL_ALERT_BATCH)
		displace(pending, event);
	else if (make_room(alerts))
		pending->events[pending->count++] = *event;
	else
		pending->more++;
}

static void tell(struct pool_alerts *alerts, const struct pool_event *event)
{
	if (alerts->tell)
		alerts->tell(alerts->context, event);
}

/* That what <about> is about flaps, or is calm again. */
static void tell_flapping(struct pool_alerts *alerts, enum pool_event_kind kind,
	const struct pool_event *about, const struct pool_now *now)
{
	enum family family = families[about->kind];
	struct pool_event event;

	pool_event_init(&event, kind, now->wall_s);
	memcpy(event.pool, about->pool, sizeof(event.pool));
	if (family == PROXY)
		memcpy(event.proxy, about->proxy, sizeof(event.proxy));
	if (subjects[family])
		snprintf(event.detail, sizeof(event.detail), "%s", subjects[family]);
	gather(alerts, &event, now);
	tell(alerts, &event);
}

static uint64_t key_of(const struct pool_event *event)
{
	char bytes[1 + sizeof(event->pool) + sizeof(event->proxy)] = {
		(char)families[event->kind]};

	memcpy(bytes + 1, event->pool, strnlen(event->pool, sizeof(event->pool)));
	if (families[event->kind] == PROXY)
		memcpy(bytes + 1 + sizeof(event->pool), event->proxy,
			strnlen(event->proxy, sizeof(event->proxy)));
	return pool_hash_64(NULL, bytes, sizeof(bytes));
}

void pool_alerts_add(struct pool_alerts *alerts, const struct pool_event *event,
	const struct pool_now *now)
{
	enum pool_damp_verdict verdict = POOL_DAMP_TELL;

	/* Those of its own are gathered already. */
	if (event->kind == POOL_EVENT_FLAPPING || event->kind == POOL_EVENT_SETTLED)
		return;
	if (families[event->kind] != ALONE)
		verdict =
			pool_damp_note(alerts->damp, key_of(event), event, now->boot_ns);
	if (verdict == POOL_DAMP_FIRST)
		tell_flapping(alerts, POOL_EVENT_FLAPPING, event, now);
	if (verdict == POOL_DAMP_TELL)
		gather(alerts, event, now);
}

/* --- sending -------------------------------------------------------------------- */

/* What is calm: how it is, and that it is. */
static void release_calm(struct pool_alerts *alerts, const struct pool_now *now)
{
	struct pool_event event;

	while (pool_damp_release(alerts->damp, now->boot_ns, &event)) {
		gather(alerts, &event, now);
		tell_flapping(alerts, POOL_EVENT_SETTLED, &event, now);
	}
}

static void flush(struct pool_alerts *alerts)
{
	for (size_t i = 0; alerts->pending.count && i < alerts->count; i++)
		pool_delivery_push(&alerts->deliveries[i], &alerts->pending);
	free(alerts->pending.events);
	alerts->pending = (struct pool_batch){0};
	alerts->room = 0;
}

static void tell_given_up(void *context, const struct pool_receiver *receiver,
	const struct pool_attempt *attempt, int attempts, const struct pool_now *now)
{
	struct pool_alerts *alerts = context;
	struct pool_event event;

	pool_event_init(&event, POOL_EVENT_ALERT_FAILED, now->wall_s);
	snprintf(event.detail, sizeof(event.detail), "%s %s: %s, tried %s",
		receiver->name, receiver->label, attempt->why,
		attempts == 1 ? "once" : "");
	if (attempts > 1)
		snprintf(event.detail + strlen(event.detail),
			sizeof(event.detail) - strlen(event.detail), "%d times",
			attempts);
	tell(alerts, &event);
}

void pool_alerts_turn(struct pool_alerts *alerts, const struct pool_now *now)
{
	release_calm(alerts, now);
	if (alerts->pending.count && alerts->flush_ns <= now->boot_ns)
		flush(alerts);
	for (size_t i = 0; i < alerts->count; i++)
		pool_delivery_turn(&alerts->deliveries[i], now);
}

int pool_alerts_descriptor(const struct pool_alerts *alerts)
{
	return alerts->epoll;
}

int64_t pool_alerts_due_ns(const struct pool_alerts *alerts)
{
	int64_t due_ns = pool_damp_due_ns(alerts->damp);

	if (alerts->pending.count && alerts->flush_ns < due_ns)
		due_ns = alerts->flush_ns;
	for (size_t i = 0; i < alerts->count; i++) {
		int64_t one_ns = pool_delivery_due_ns(&alerts->deliveries[i]);

		due_ns = one_ns < due_ns ? one_ns : due_ns;
	}
	return due_ns;
}

size_t pool_alerts_receivers(const struct pool_alerts *alerts)
{
	return alerts->count;
}

struct pool_delivery_counts pool_alerts_counts(
	const struct pool_alerts *alerts, size_t receiver, const char **name)
{
	*name = alerts->deliveries[receiver].receiver.name;
	return alerts->deliveries[receiver].counts;
}

/* --- begin and end -------------------------------------------------------------- */

static int watch_receivers(struct pool_alerts *alerts, struct pool_fault *fault)
{
	alerts->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (alerts->epoll < 0)
		return pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot wait for receivers");
	for (size_t i = 0; i < alerts->count; i++) {
		int fd = alerts->deliveries[i].receiver.descriptor;
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

		if (fd >= 0 && epoll_ctl(alerts->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
			return pool_fault_set(
				fault, POOL_ESYSTEM, errno, "cannot wait for receivers");
	}
	return 0;
}

static void release(struct pool_alerts *alerts)
{
	for (size_t i = 0; i < alerts->count; i++)
		pool_delivery_release(&alerts->deliveries[i]);
	if (alerts->epoll >= 0)
		close(alerts->epoll);
	free(alerts->pending.events);
	pool_damp_free(alerts->damp);
	free(alerts);
}

int pool_alerts_new(struct pool_alerts **out, const struct pool_alert_options *options,
	struct pool_fault *fault)
{
	struct pool_alerts *alerts = calloc(1, sizeof(*alerts));
	int error;

	if (!alerts) {
		for (size_t i = 0; i < options->count; i++)
			options->receivers[i].free(options->receivers[i].self);
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	}
	alerts->kinds = options->kinds & ~never;
	alerts->window_ms = options->window_ms;
	alerts->tell = options->tell;
	alerts->context = options->context;
	alerts->count = options->count;
	for (size_t i = 0; i < options->count; i++) {
		pool_delivery_init(&alerts->deliveries[i], &options->receivers[i],
			&options->retry, options->seed + i);
		alerts->deliveries[i].given_up = tell_given_up;
		alerts->deliveries[i].context = alerts;
	}
	error = watch_receivers(alerts, fault);
	if (!error && !(alerts->damp = pool_damp_new()))
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	if (error)
		release(alerts);
	else
		*out = alerts;
	return error;
}

static bool idle(const struct pool_alerts *alerts)
{
	for (size_t i = 0; i < alerts->count; i++)
		if (!pool_delivery_idle(&alerts->deliveries[i]))
			return false;
	return true;
}

/* Until the first of a readable descriptor, what is due, and <until_ns>. */
static void wait_once(const struct pool_alerts *alerts, int64_t now_ns, int64_t until_ns)
{
	int64_t due_ns = pool_alerts_due_ns(alerts);
	struct epoll_event event;

	due_ns = due_ns < until_ns ? due_ns : until_ns;
	if (due_ns > now_ns)
		epoll_wait(alerts->epoll, &event, 1,
			(int)((due_ns - now_ns) / POOL_NS_PER_MS + 1));
}

void pool_alerts_free(struct pool_alerts *alerts, int64_t grace_ms)
{
	struct pool_event held;
	struct pool_now now;
	int64_t until_ns;

	if (!alerts)
		return;
	pool_clock_get(&now);
	until_ns = now.boot_ns + grace_ms * POOL_NS_PER_MS;
	while (pool_damp_release(alerts->damp, INT64_MAX, &held))
		gather(alerts, &held, &now);
	flush(alerts);
	for (size_t i = 0; i < alerts->count; i++)
		pool_delivery_hurry(&alerts->deliveries[i]);
	while (!idle(alerts) && now.boot_ns < until_ns) {
		pool_alerts_turn(alerts, &now);
		if (!idle(alerts))
			wait_once(alerts, now.boot_ns, until_ns);
		pool_clock_get(&now);
	}
	release(alerts);
}
