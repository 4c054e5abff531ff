/* The queue of one receiver, and its retries. */
#include <stdlib.h>
#include <string.h>
#include "watch/delivery.h"

const struct pool_event *pool_batch_worst(const struct pool_batch *batch)
{
	const struct pool_event *worst = &batch->events[0];

	for (size_t i = 1; i < batch->count; i++)
		if (pool_event_level(&batch->events[i]) <= pool_event_level(worst))
			worst = &batch->events[i];
	return worst;
}

static void release(struct pool_batch *batch)
{
	free(batch->events);
	*batch = (struct pool_batch){0};
}

void pool_delivery_init(struct pool_delivery *delivery,
	const struct pool_receiver *receiver, const struct pool_retry *retry,
	uint64_t seed)
{
	*delivery = (struct pool_delivery){
		.receiver = *receiver, .retry = *retry, .random = {.state = seed}};
	if (!delivery->retry.first_ms)
		delivery->retry.first_ms = POOL_DELIVERY_RETRY_MS;
	if (!delivery->retry.attempts)
		delivery->retry.attempts = POOL_DELIVERY_ATTEMPTS;
	if (!delivery->retry.heed_ms)
		delivery->retry.heed_ms = POOL_DELIVERY_HEED_S * INT64_C(1000);
}

/* The oldest batch that waits, now the caller's. */
static struct pool_batch take_oldest(struct pool_delivery *delivery)
{
	struct pool_batch batch = delivery->waiting[delivery->first];

	delivery->waiting[delivery->first] = (struct pool_batch){0};
	delivery->first = (delivery->first + 1) % POOL_DELIVERY_WAITING;
	delivery->count--;
	return batch;
}

static void drop(struct pool_delivery *delivery, struct pool_batch *batch)
{
	delivery->counts.dropped += batch->count;
	release(batch);
}

void pool_delivery_push(struct pool_delivery *delivery, const struct pool_batch *batch)
{
	struct pool_batch copy = *batch, oldest;

	delivery->counts.dropped += batch->more;
	copy.events = malloc(batch->count * sizeof(*copy.events));
	if (!copy.events) {
		delivery->counts.dropped += batch->count;
		return;
	}
	memcpy(copy.events, batch->events, batch->count * sizeof(*copy.events));
	if (delivery->count == POOL_DELIVERY_WAITING) {
		oldest = take_oldest(delivery);
		drop(delivery, &oldest);
	}
	delivery->waiting[(delivery->first + delivery->count) % POOL_DELIVERY_WAITING] =
		copy;
	delivery->count++;
}

/* Before the next attempt: doubled each time, with jitter, and no sooner than the
 * receiver wants. */
static int64_t choose_delay_ms(
	struct pool_delivery *delivery, const struct pool_attempt *attempt)
{
	int64_t delay_ms = delivery->retry.first_ms << (delivery->attempts - 1);
	int64_t wanted_ms = attempt->retry_after_s * INT64_C(1000);

	delay_ms = delay_ms * 3 / 4 +
		(int64_t)pool_random_below(&delivery->random, (uint64_t)delay_ms / 2 + 1);
	if (wanted_ms > delivery->retry.heed_ms)
		wanted_ms = delivery->retry.heed_ms;
	return wanted_ms > delay_ms ? wanted_ms : delay_ms;
}

static void settle(struct pool_delivery *delivery, const struct pool_attempt *attempt,
	const struct pool_now *now)
{
	delivery->running = false;
	if (attempt->ok) {
		delivery->counts.sent += delivery->current.count;
		release(&delivery->current);
		return;
	}
	delivery->attempts++;
	if (!delivery->last && delivery->attempts < delivery->retry.attempts) {
		delivery->due_ns = now->boot_ns +
			choose_delay_ms(delivery, attempt) * POOL_NS_PER_MS;
		return;
	}
	delivery->counts.failed += delivery->current.count;
	release(&delivery->current);
	if (delivery->given_up)
		delivery->given_up(delivery->context, &delivery->receiver, attempt,
			delivery->attempts, now);
}

/* Something to try now? */
static bool prepare(struct pool_delivery *delivery, const struct pool_now *now)
{
	if (!delivery->current.count) {
		if (!delivery->count)
			return false;
		delivery->current = take_oldest(delivery);
		delivery->attempts = 0;
		delivery->due_ns = now->boot_ns;
	}
	return delivery->last || delivery->due_ns <= now->boot_ns;
}

void pool_delivery_turn(struct pool_delivery *delivery, const struct pool_now *now)
{
	struct pool_receiver *receiver = &delivery->receiver;

	for (;;) {
		struct pool_attempt attempt = {.retry_after_s = -1};

		if (delivery->running) {
			if (!receiver->turn(receiver->self, now, &attempt))
				return;
			settle(delivery, &attempt, now);
		} else if (!prepare(delivery, now)) {
			return;
		} else if (receiver->begin(
				   receiver->self, &delivery->current, now, &attempt)) {
			delivery->running = true;
		} else {
			settle(delivery, &attempt, now);
		}
	}
}

int64_t pool_delivery_due_ns(const struct pool_delivery *delivery)
{
	if (delivery->running)
		return delivery->receiver.due_ns(delivery->receiver.self);
	if (delivery->current.count)
		return delivery->last ? 0 : delivery->due_ns;
	return delivery->count ? 0 : INT64_MAX;
}

void pool_delivery_hurry(struct pool_delivery *delivery)
{
	delivery->last = true;
}

bool pool_delivery_idle(const struct pool_delivery *delivery)
{
	return !delivery->running && !delivery->current.count && !delivery->count;
}

void pool_delivery_release(struct pool_delivery *delivery)
{
	struct pool_batch batch;

	if (delivery->receiver.free)
		delivery->receiver.free(delivery->receiver.self);
	if (delivery->current.count)
		drop(delivery, &delivery->current);
	while (delivery->count) {
		batch = take_oldest(delivery);
		drop(delivery, &batch);
	}
	*delivery = (struct pool_delivery){0};
}
