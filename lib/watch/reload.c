/*
 * Following the pool file. The session does the work: it reads an edited file, takes it
 * if it is valid, and else keeps the last good one. Here the plan follows, and what
 * happened is told once.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "base/text.h"
#include "report/gather.h"
#include "watch/watcher_inner.h"

enum {
	POLL_MS = 1000,
	SETTLE_MS = 100, /* a file that is written is left alone for so long */
	YOUNG_MS = 300,  /* one that is invalid may still be being written */
	PATIENCE_MS = 2000,
	ABSENCE_MS = 500, /* one that is replaced may be missing for a moment */
};

/* --- the plan ------------------------------------------------------------------- */

static void tell_plan(struct pool_watcher *watcher, const struct pool_plan_change *change)
{
	const uint32_t proxies = change->kept + change->added;
	struct pool_event event;

	pool_tally_note_reload(&watcher->tally, watcher->now.wall_s);
	pool_watcher_begin_event(watcher, &event, POOL_EVENT_RELOAD);
	snprintf(event.detail, sizeof(event.detail),
		"%u prox%s in %u pool%s: %u added, %u removed, %u kept",
		(unsigned)proxies, proxies == 1 ? "y" : "ies",
		(unsigned)watcher->plan.leaf_count,
		watcher->plan.leaf_count == 1 ? "" : "s", (unsigned)change->added,
		(unsigned)change->removed, (unsigned)change->kept);
	pool_watcher_tell(watcher, &event);
}

static int make_plan(
	struct pool_watcher *watcher, struct pool_plan *plan, struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(watcher->session);
	struct pool_gather_choice choice = {0};
	struct pool_round_options options = {
		.method = -1, .secrets = pool_session_secrets(watcher->session)};
	int error;

	if (pool_gather_choose(snapshot, watcher->options.exchange, watcher->options.type,
		    &choice) != 0)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	options.leaves = choice.leaves;
	options.leaf_count = choice.count;
	error = pool_plan_make(plan, snapshot, &options, &watcher->salt, fault);
	pool_gather_release(&choice);
	return error;
}

static bool is_planned(const void *context, uint64_t target)
{
	const struct pool_plan *plan = context;

	for (uint32_t i = 0; i < plan->check_count; i++)
		if (plan->checks[i].target == target)
			return true;
	return false;
}

int pool_reload_plan(struct pool_watcher *watcher, bool told, struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(watcher->session);
	struct pool_plan plan = {0};
	struct pool_plan_change change;
	int error = make_plan(watcher, &plan, fault);

	if (error)
		return error;
	if (pool_plan_inherit(&plan, &watcher->plan, &change) != 0 ||
		pool_tally_follow(&watcher->tally, snapshot) != 0) {
		pool_plan_release(&plan);
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	}
	pool_plan_release(&watcher->plan);
	watcher->plan = plan;
	pool_doubts_keep(watcher->doubts, is_planned, &watcher->plan);
	if (pool_sight_follow(watcher) != 0)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	if (told)
		tell_plan(watcher, &change);
	return 0;
}

/* --- the pool file -------------------------------------------------------------- */

/* Why the file on disk is not in force, of what the session knows; "" if it is. */
static void find_fault(const struct pool_watcher *watcher, int error,
	const struct pool_fault *trouble, char *out, size_t size)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(watcher->session);

	out[0] = '\0';
	if (error)
		snprintf(out, size, "%s", trouble->text);
	else if (snapshot->rejection)
		snprintf(out, size, "%s", snapshot->rejection);
}

/* Told when it is another one than before: once, however often it is looked at. */
static void note_fault(struct pool_watcher *watcher, const char *fault)
{
	struct pool_event event;
	bool same = strcmp(watcher->file_fault, fault) == 0;

	if (same)
		return;
	snprintf(watcher->file_fault, sizeof(watcher->file_fault), "%s", fault);
	watcher->tally.pool_file_valid = !*fault;
	if (!*fault)
		return;
	pool_tally_note_rollback(&watcher->tally);
	pool_watcher_begin_event(watcher, &event, POOL_EVENT_ROLLBACK);
	pool_text_safe(event.detail, sizeof(event.detail), fault, strlen(fault));
	pool_watcher_tell(watcher, &event);
}

static void follow_snapshot(struct pool_watcher *watcher, bool mended)
{
	struct pool_fault fault = {0};
	struct pool_plan_change change = {0};

	if (pool_session_snapshot(watcher->session)->id == watcher->plan.snapshot_id) {
		/* Mended to what is in force already. */
		for (uint32_t i = 0; i < watcher->plan.member_count; i++)
			change.kept += watcher->plan.members[i].leaf_key != 0;
		if (mended)
			tell_plan(watcher, &change);
		return;
	}
	if (pool_reload_plan(watcher, true, &fault) == 0) {
		pool_checks_schedule(watcher);
		return;
	}
	/* Nothing is checked of a pool file that cannot be planned, for want of memory:
	 * the plan's numbers are those of the snapshot before. It is tried again. */
	pool_plan_release(&watcher->plan);
	watcher->timers.count = 0;
	pool_watcher_note_state(watcher, &fault);
}

/* How long an invalid file may still be one that is being written, by the wall clock that
 * dates it; 0: it was not written just now. */
static int64_t patience_ms(const struct pool_watcher *watcher)
{
	struct timespec now;
	struct stat status;
	int64_t age_ns;

	if (stat(watcher->options.file, &status) != 0)
		return ABSENCE_MS;
	clock_gettime(CLOCK_REALTIME, &now);
	age_ns = (int64_t)(now.tv_sec - status.st_mtim.tv_sec) * POOL_NS_PER_S +
		(now.tv_nsec - status.st_mtim.tv_nsec);
	return age_ns >= 0 && age_ns < YOUNG_MS * POOL_NS_PER_MS ? PATIENCE_MS : 0;
}

/* An invalid file is looked at again before it is told, as long as it may be one that is
 * half written, or is just being replaced. */
static bool is_unsettled(struct pool_watcher *watcher)
{
	const int64_t now_ns = watcher->now.boot_ns;

	if (!watcher->unsettled_ns)
		watcher->unsettled_ns = now_ns;
	if (now_ns - watcher->unsettled_ns >= patience_ms(watcher) * POOL_NS_PER_MS)
		return false;
	watcher->file_ns = now_ns + SETTLE_MS * POOL_NS_PER_MS;
	return true;
}

void pool_watcher_expect_edit(struct pool_watcher *watcher)
{
	struct pool_now now;
	int64_t soon_ns;

	pool_clock_get(&now);
	soon_ns = now.boot_ns + SETTLE_MS * POOL_NS_PER_MS;
	/* However long it is written to, the look each second comes. */
	if (soon_ns < watcher->file_ns)
		watcher->file_ns = soon_ns;
}

bool pool_watcher_follow(struct pool_watcher *watcher)
{
	if (pool_session_snapshot(watcher->session)->id != watcher->plan.snapshot_id)
		pool_watcher_reload(watcher, NULL);
	return pool_session_snapshot(watcher->session)->id == watcher->plan.snapshot_id;
}

/* <asked>: the answer is wanted now, and what is told later is no use. */
static int look(struct pool_watcher *watcher, bool asked, struct pool_fault *fault)
{
	struct pool_fault trouble = {0};
	char why[sizeof(watcher->file_fault)];
	bool mended;
	int error;

	pool_clock_get(&watcher->now);
	watcher->file_ns = watcher->now.boot_ns + POLL_MS * POOL_NS_PER_MS;
	error = pool_session_refresh(watcher->session, &trouble);
	find_fault(watcher, error, &trouble, why, sizeof(why));
	if (why[0] && !asked && strcmp(why, watcher->file_fault) != 0 &&
		is_unsettled(watcher)) {
		/* But an edit before that one may be in force. */
		follow_snapshot(watcher, false);
		return 0;
	}
	watcher->unsettled_ns = 0;
	mended = watcher->file_fault[0] && !why[0];
	note_fault(watcher, why);
	follow_snapshot(watcher, mended);
	if (!why[0])
		return 0;
	return pool_fault_set(fault, error ? error : POOL_EINVALID, 0, "%s", why);
}

int pool_watcher_reload(struct pool_watcher *watcher, struct pool_fault *fault)
{
	return look(watcher, true, fault);
}

void pool_reload_turn(struct pool_watcher *watcher)
{
	/* Whoever locks the state file may have seen an edit before us. */
	if (watcher->now.boot_ns >= watcher->file_ns ||
		pool_session_snapshot(watcher->session)->id != watcher->plan.snapshot_id)
		look(watcher, false, NULL);
}
