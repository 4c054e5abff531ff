/*
 * The tally: what pool-watch counts by itself, beside what the state file holds, and its
 * metrics.
 *
 *	pool_tally_init(&tally, now.wall_s);
 *	pool_tally_follow(&tally, snapshot);            at first, and after each reload
 *	pool_tally_note_failure(&tally, member, reason);
 *	...
 *	pool_metrics_render(&report, per_proxy, &text);
 *	pool_process_get(&process);
 *	pool_tally_render(&tally, &report, &process, per_proxy, &text);
 *	pool_tally_release(&tally);
 *
 * Members and pools are those of the snapshot, by their index in it. An edit moves the
 * counts with their proxies; those of a removed one are gone.
 *
 * Not promised: that counts outlive the process. Prometheus takes that for a reset.
 */
#ifndef POOL_WATCH_TALLY_H
#define POOL_WATCH_TALLY_H

#include "report/status.h"
#include "state/snapshot.h"
#include "watch/event.h"
#include "watch/process.h"

enum { POOL_TALLY_BUCKETS = 12 };

/* Durations by one of the fixed tables of bounds: how many were at most as long as each
 * bound and longer than the one before; behind the last bound, those that were longer. */
struct pool_tally_histogram {
	uint64_t counts[POOL_TALLY_BUCKETS];
	uint64_t sum_ns;
};

struct pool_tally_member {
	uint64_t leaf_key; /* who it is: */
	struct pool_hash identity;
	uint32_t *failures; /* POOL_REASONS numbers, or NULL while there is none */
	uint64_t cooldowns;
};

struct pool_tally_pool {
	uint64_t key; /* which it is */
	struct pool_tally_histogram latency;
};

enum pool_tally_receiver { POOL_TALLY_COMMAND, POOL_TALLY_WEBHOOK, POOL_TALLY_RECEIVERS };

enum pool_tally_result {
	POOL_TALLY_SENT,
	POOL_TALLY_FAILED,
	POOL_TALLY_DROPPED,
	POOL_TALLY_RESULTS
};

struct pool_tally {
	struct pool_tally_member *members; /* by the snapshot's members */
	size_t member_count;
	struct pool_tally_pool *pools; /* by the snapshot's leaves */
	size_t pool_count;
	uint64_t events[POOL_EVENTS];
	uint64_t alerts[POOL_TALLY_RECEIVERS]
		       [POOL_TALLY_RESULTS]; /* the owner's to set */
	uint64_t reloads;
	uint64_t rollbacks;
	struct pool_tally_histogram lag; /* of the loop */
	/* What is so now; the owner sets it: */
	bool pool_file_valid;
	bool first_round_done;
	uint32_t checks_in_flight;
	int64_t last_reload_wall_s; /* a pool file was taken, at the start too; 0: none */
	int64_t started_wall_s;
};

void pool_tally_init(struct pool_tally *tally, int64_t started_wall_s);
void pool_tally_release(struct pool_tally *tally);

/*
 * Take the members and pools of <snapshot>, with what is counted of those that are known.
 *
 * Returns 0, or POOL_ENOMEM: nothing is changed, and no index of <snapshot> may be used.
 */
int pool_tally_follow(struct pool_tally *tally, const struct pool_snapshot *snapshot);

/*
 * Count. An index beyond the snapshot's is passed over, and so is a first failure that no
 * memory can be had for.
 */
void pool_tally_note_failure(
	struct pool_tally *tally, uint32_t member, enum pool_reason reason);
void pool_tally_note_cooldown(struct pool_tally *tally, uint32_t member);
/* How long a good check took. */
void pool_tally_note_latency(struct pool_tally *tally, uint32_t leaf, int64_t latency_us);
/* How much later than due the loop got to something. */
void pool_tally_note_lag(struct pool_tally *tally, int64_t lag_ns);
void pool_tally_note_event(struct pool_tally *tally, enum pool_event_kind kind);
/* An edit was taken, or was not because it is invalid. */
void pool_tally_note_reload(struct pool_tally *tally, int64_t wall_s);
void pool_tally_note_rollback(struct pool_tally *tally);

/*
 * Append the metrics, none of which pool_metrics_render() has.
 *
 * <report>     gathered from the snapshot that is followed
 * <process>    NULL: nothing of the process
 * <per_proxy>  false: no series for each proxy
 */
void pool_tally_render(const struct pool_tally *tally, const struct pool_report *report,
	const struct pool_process *process, bool per_proxy, struct pool_text *text);

#endif
