/*
 * Alerts: events that somebody is told about by a program or a URL; and, with or without
 * anybody to tell, what changes too often.
 *
 *	receivers[0] = ...                    pool_command_new(), pool_webhook_new()
 *	pool_alerts_new(&alerts, &options, &fault);
 *	pool_alerts_add(alerts, &event, &now);      each event, as it comes
 *	pool_alerts_turn(alerts, &now);             when the descriptor is readable, or
 *	                                            due_ns has come
 *	pool_alerts_free(alerts, 300);
 *
 * What changes too often emits an event of its own, flapping, and another, settled, when
 * it is calm again; meanwhile its changes are held (damp.h). An event that is not asked
 * for is passed over; the rest is gathered for a while and goes to each receiver as one
 * batch (delivery.h).
 *
 * Adding and turning never block, and memory is bounded: a batch holds 256 events, and
 * says how many more there were; a receiver has 16 batches waiting.
 *
 * Not promised: delivery. What was given up is told by an event and counted.
 */
#ifndef POOL_WATCH_ALERT_H
#define POOL_WATCH_ALERT_H

#include "pool.h"
#include "watch/delivery.h"

enum {
	POOL_ALERT_WINDOW_MS = 2000,
	POOL_ALERT_BATCH = 256, /* events at most */
	POOL_ALERT_RECEIVERS = 2,
};

struct pool_alert_options {
	uint32_t kinds;    /* 1 << enum pool_event_kind of those that are alerts */
	int64_t window_ms; /* events are gathered for so long; 0: sent at once */
	struct pool_receiver receivers[POOL_ALERT_RECEIVERS];
	size_t count;            /* of them */
	struct pool_retry retry; /* zeroes: the defaults */
	uint64_t seed;           /* of the jitter */
	/* An event of the alerts themselves: alert-failed, flapping, settled. Called from
	 * pool_alerts_add(), _turn() and _free(). Adding it again does nothing. May be
	 * NULL. */
	void (*tell)(void *context, const struct pool_event *event);
	void *context;
};

struct pool_alerts;

/* Whether an event of this kind can be an alert at all. */
bool pool_alerts_can_be(enum pool_event_kind kind);
/* The events that are alerts by default. */
uint32_t pool_alerts_default_kinds(void);
/*
 * <options>  copied; the receivers are taken over, also on failure
 *
 * Returns 0, or POOL_ENOMEM, POOL_ESYSTEM.
 */
int pool_alerts_new(struct pool_alerts **out, const struct pool_alert_options *options,
	struct pool_fault *fault);

/* Free the receivers of options that are not used after all. */
void pool_alerts_drop(struct pool_alert_options *options);

void pool_alerts_add(struct pool_alerts *alerts, const struct pool_event *event,
	const struct pool_now *now);
void pool_alerts_turn(struct pool_alerts *alerts, const struct pool_now *now);

/* Readable when a turn has something to do: for an epoll of the caller's. */
int pool_alerts_descriptor(const struct pool_alerts *alerts);
/* When a turn is wanted in any case, CLOCK_BOOTTIME; INT64_MAX: not before an event. */
int64_t pool_alerts_due_ns(const struct pool_alerts *alerts);

/* What became of the alerts, for each receiver; <name> as "webhook". */
size_t pool_alerts_receivers(const struct pool_alerts *alerts);
struct pool_delivery_counts pool_alerts_counts(
	const struct pool_alerts *alerts, size_t receiver, const char **name);

/*
 * What is gathered, held or waits is tried once more, for <grace_ms> at most; what is
 * under way then is given up. Accepts NULL.
 */
void pool_alerts_free(struct pool_alerts *alerts, int64_t grace_ms);

#endif
