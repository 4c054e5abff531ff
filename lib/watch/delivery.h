/*
 * The queue of one receiver: batches wait for the one before, and what fails is tried
 * again after 1, 2, 4, 8 seconds, five times in all.
 *
 * A receiver that is slow or dead delays nothing but its own queue. That is bounded: the
 * oldest batch that waits gives way to a new one.
 */
#ifndef POOL_WATCH_DELIVERY_H
#define POOL_WATCH_DELIVERY_H

#include "base/random.h"
#include "watch/receiver.h"

enum {
	POOL_DELIVERY_WAITING = 16, /* batches that wait at most */
	POOL_DELIVERY_RETRY_MS = 1000,
	POOL_DELIVERY_ATTEMPTS = 5,
	POOL_DELIVERY_HEED_S = 60, /* of a Retry-After, at most */
};

/* Zeroes mean the above. */
struct pool_retry {
	int64_t first_ms; /* before the second attempt; doubled each time, +-25 % */
	int attempts;     /* in all */
	int64_t heed_ms;  /* a longer Retry-After counts as this */
};

/* In events, not in batches. */
struct pool_delivery_counts {
	uint64_t sent;
	uint64_t failed;  /* tried in vain */
	uint64_t dropped; /* not tried: too many */
};

struct pool_delivery {
	struct pool_receiver receiver;
	struct pool_retry retry;
	struct pool_random random;
	struct pool_delivery_counts counts;
	struct pool_batch current; /* count 0: none */
	int attempts;              /* of it that failed */
	bool running;
	bool last;      /* the end is near: one attempt each */
	int64_t due_ns; /* of the next attempt */
	struct pool_batch waiting[POOL_DELIVERY_WAITING];
	size_t first, count;
	/* A batch was given up: why, and after how many attempts. */
	void (*given_up)(void *context, const struct pool_receiver *receiver,
		const struct pool_attempt *attempt, int attempts,
		const struct pool_now *now);
	void *context;
};

/* <receiver> is taken over; given_up and context are the caller's to set. */
void pool_delivery_init(struct pool_delivery *delivery,
	const struct pool_receiver *receiver, const struct pool_retry *retry,
	uint64_t seed);
/* What is not sent is counted as dropped before all is released. */
void pool_delivery_release(struct pool_delivery *delivery);

/* A copy of <batch> takes its place in the queue. Out of memory: it is dropped. */
void pool_delivery_push(struct pool_delivery *delivery, const struct pool_batch *batch);

void pool_delivery_turn(struct pool_delivery *delivery, const struct pool_now *now);
/* When a turn is wanted; INT64_MAX: not before the receiver's descriptor is readable. */
int64_t pool_delivery_due_ns(const struct pool_delivery *delivery);

/* From now on each batch is tried once, at once. */
void pool_delivery_hurry(struct pool_delivery *delivery);
/* Nothing is under way, nothing waits. */
bool pool_delivery_idle(const struct pool_delivery *delivery);

#endif
