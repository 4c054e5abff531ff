/*
 * What the alerts hand batches of events to: a program, a URL, or a fake of a test. One
 * attempt at a time; nothing in here blocks.
 */
#ifndef POOL_WATCH_RECEIVER_H
#define POOL_WATCH_RECEIVER_H

#include "base/clock.h"
#include "watch/event.h"

/* Events that are sent together, oldest first. */
struct pool_batch {
	struct pool_event *events;
	size_t count;  /* at least 1 */
	uint64_t more; /* how many there were beside them, for which there was no room */
};

/* The last of the worst events of a batch. */
const struct pool_event *pool_batch_worst(const struct pool_batch *batch);

/* How an attempt ended. */
struct pool_attempt {
	bool ok;
	int32_t retry_after_s; /* the receiver wants to be left alone so long; -1: not
				* said
				*/
	char why[192];         /* it failed; safe to show */
};

struct pool_receiver {
	const char *name; /* "command", "webhook" */
	char label[192];  /* which one, safe to show */
	/* Readable when a turn has something to do; the same one until it is freed. */
	int descriptor;
	void *self;

	/* Begin an attempt; <batch> is borrowed until it has ended. False: it failed at
	 * once, <attempt> says why. */
	bool (*begin)(void *self, const struct pool_batch *batch,
		const struct pool_now *now, struct pool_attempt *attempt);
	/* Go on with it; true: it has ended, as <attempt> says. */
	bool (*turn)(
		void *self, const struct pool_now *now, struct pool_attempt *attempt);
	/* While an attempt is under way: when a turn is wanted in any case; INT64_MAX:
	 * never. */
	int64_t (*due_ns)(const void *self);
	/* Gives up what is under way. */
	void (*free)(void *self);
};

#endif
