/* The watcher: what holds its parts together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "watch/watcher_inner.h"

enum { STATE_REST_MS = 1000, TELL_AGAIN_S = 60 };

/* --- events --------------------------------------------------------------------- */

void pool_watcher_begin_event(const struct pool_watcher *watcher,
	struct pool_event *event, enum pool_event_kind kind)
{
	pool_event_init(event, kind, watcher->now.wall_s);
}

static void name(
	const struct pool_snapshot *snapshot, uint32_t string, char *out, size_t size)
{
	const char *text = pool_snapshot_string(snapshot, string);

	pool_text_safe(out, size, text ? text : "", text ? strlen(text) : 0);
}

void pool_watcher_name_pool(
	const struct pool_watcher *watcher, struct pool_event *event, uint32_t leaf)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(watcher->session);

	/* Not the numbers of a snapshot that was replaced a moment ago. */
	if (snapshot->id == watcher->plan.snapshot_id)
		name(snapshot, snapshot->leaves[leaf].where, event->pool,
			sizeof(event->pool));
}

void pool_watcher_name_member(
	const struct pool_watcher *watcher, struct pool_event *event, uint32_t member)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(watcher->session);

	if (snapshot->id != watcher->plan.snapshot_id)
		return;
	pool_watcher_name_pool(watcher, event, watcher->plan.members[member].leaf);
	name(snapshot, snapshot->members[member].name, event->proxy,
		sizeof(event->proxy));
}

void pool_watcher_tell(struct pool_watcher *watcher, const struct pool_event *event)
{
	pool_tally_note_event(&watcher->tally, event->kind);
	watcher->options.tell(watcher->options.context, event);
}

void pool_watcher_note_state(struct pool_watcher *watcher, const struct pool_fault *fault)
{
	struct pool_event event;

	if (!fault) {
		watcher->state_fault[0] = '\0';
		return;
	}
	watcher->state_rest_ns = watcher->now.boot_ns + STATE_REST_MS * POOL_NS_PER_MS;
	snprintf(watcher->state_fault, sizeof(watcher->state_fault), "%s", fault->text);
	/* A lock that is hard to get comes and goes. */
	if (watcher->now.boot_ns < watcher->state_told_ns)
		return;
	watcher->state_told_ns = watcher->now.boot_ns + TELL_AGAIN_S * POOL_NS_PER_S;
	pool_watcher_begin_event(watcher, &event, POOL_EVENT_LOCAL_TROUBLE);
	pool_text_safe(
		event.detail, sizeof(event.detail), fault->text, strlen(fault->text));
	pool_watcher_tell(watcher, &event);
}

/* --- start and end -------------------------------------------------------------- */

static int open_watcher(struct pool_watcher *watcher, struct pool_fault *fault)
{
	int error = pool_random_bytes(&watcher->random, sizeof(watcher->random));

	if (!error)
		error = pool_random_bytes(&watcher->salt, sizeof(watcher->salt));
	if (error)
		return pool_fault_set(fault, error, 0, "cannot get random bytes");
	error = pool_session_check_state(watcher->session, fault);
	if (!error)
		error = pool_checks_open(watcher, fault);
	if (!error)
		error = pool_sight_open(watcher, fault);
	return error;
}

/* The plan and what is known already; once more, if an edit comes between. */
static int plan_first(struct pool_watcher *watcher, struct pool_fault *fault)
{
	enum { TRIES = 4 };
	int error = POOL_ESTALE;

	for (int i = 0; i < TRIES && error == POOL_ESTALE; i++) {
		error = pool_reload_plan(watcher, false, fault);
		if (!error)
			error = pool_sight_begin(watcher, fault);
	}
	return error;
}

int pool_watcher_new(struct pool_watcher **out,
	const struct pool_watcher_options *options, struct pool_fault *fault)
{
	struct pool_watcher *watcher = calloc(1, sizeof(*watcher));
	int error;

	if (!watcher)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	watcher->options = *options;
	watcher->session = options->session;
	pool_clock_get(&watcher->now);
	pool_tally_init(&watcher->tally, watcher->now.wall_s);
	watcher->tally.pool_file_valid = true;
	watcher->tally.last_reload_wall_s = watcher->now.wall_s;
	error = open_watcher(watcher, fault);
	if (!error)
		error = plan_first(watcher, fault);
	if (error) {
		pool_watcher_free(watcher);
		return error;
	}
	pool_checks_schedule(watcher);
	*out = watcher;
	return 0;
}

void pool_watcher_free(struct pool_watcher *watcher)
{
	if (!watcher)
		return;
	pool_checks_close(watcher);
	pool_sight_close(watcher);
	pool_plan_release(&watcher->plan);
	pool_tally_release(&watcher->tally);
	free(watcher);
}

void pool_watcher_end(struct pool_watcher *watcher)
{
	pool_clock_get(&watcher->now);
	watcher->ended = true;
	pool_checks_store(watcher);
}

/* --- the loop's ------------------------------------------------------------------- */

int pool_watcher_descriptor(const struct pool_watcher *watcher)
{
	return pool_engine_descriptor(watcher->engine);
}

int64_t pool_watcher_due_ns(const struct pool_watcher *watcher)
{
	const int64_t times[] = {pool_checks_due_ns(watcher), pool_sight_due_ns(watcher),
		watcher->file_ns};
	int64_t due_ns = INT64_MAX;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (times[i] < due_ns)
			due_ns = times[i];
	return due_ns;
}

void pool_watcher_turn(struct pool_watcher *watcher)
{
	pool_clock_get(&watcher->now);
	pool_reload_turn(watcher);
	pool_checks_turn(watcher);
	pool_sight_turn(watcher);
	watcher->tally.first_round_done = watcher->first_round_done;
}

/* --- what is asked of it ---------------------------------------------------------- */

bool pool_watcher_first_round_done(const struct pool_watcher *watcher)
{
	return watcher->first_round_done;
}

void pool_watcher_sum(const struct pool_watcher *watcher, struct pool_watcher_sum *out)
{
	*out = (struct pool_watcher_sum){0};
	for (uint32_t i = 0; i < watcher->pool_count; i++) {
		const struct pool_watcher_pool *pool = &watcher->pools[i];

		if (!pool->watched)
			continue;
		out->pools++;
		out->healthy += pool->seen_counts.healthy;
		out->eligible += pool->seen_counts.eligible;
		out->enabled += pool->seen_counts.enabled;
		out->exhausted += pool->level == POOL_IS_EXHAUSTED;
	}
}

const char *pool_watcher_file_fault(const struct pool_watcher *watcher)
{
	return watcher->file_fault;
}

const char *pool_watcher_state_fault(const struct pool_watcher *watcher)
{
	return watcher->state_fault;
}

struct pool_tally *pool_watcher_tally(struct pool_watcher *watcher)
{
	return &watcher->tally;
}

size_t pool_watcher_latencies(
	const struct pool_watcher *watcher, uint32_t at, uint32_t *out)
{
	const struct pool_plan_member *member;
	uint32_t count;

	if (at >= watcher->plan.member_count)
		return 0;
	member = &watcher->plan.members[at];
	count = member->latency_count < POOL_LATENCIES_KEPT ? member->latency_count
							    : POOL_LATENCIES_KEPT;
	for (uint32_t i = 0; i < count; i++)
		out[i] = member->latencies_us[(member->latency_count - count + i) %
			POOL_LATENCIES_KEPT];
	return count;
}
