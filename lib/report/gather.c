/* Gathering a report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/url.h"
#include "report/gather.h"

enum { ENDPOINT_SIZE = 320 };

/* --- which pools ---------------------------------------------------------------- */

int pool_gather_choose(const struct pool_snapshot *snapshot, const char *exchange,
	int type, struct pool_gather_choice *out)
{
	const unsigned wanted = type < 0 ? ~0u : 1u << type;
	struct pool_gather_choice choice = {
		.reason = snapshot->enabled ? POOL_NO_NOT_CONFIGURED : POOL_NO_DISABLED,
		.snapshot = snapshot->id,
	};

	choice.leaves = calloc(snapshot->leaf_count + 1, sizeof(*choice.leaves));
	if (!choice.leaves)
		return POOL_ENOMEM;
	for (uint32_t i = 0; snapshot->enabled && i < snapshot->leaf_count; i++)
		if (snapshot->leaves[i].kind != POOL_LEAF_EMPTY &&
			pool_snapshot_types(snapshot, exchange, i, &choice.reason) &
				wanted)
			choice.leaves[choice.count++] = i;
	*out = choice;
	return 0;
}

void pool_gather_release(struct pool_gather_choice *choice)
{
	free(choice->leaves);
	*choice = (struct pool_gather_choice){0};
}

/* --- rows ----------------------------------------------------------------------- */

static bool is_wanted(const struct pool_gather_choice *choice, const char *name)
{
	for (size_t i = 0; i < choice->only_count; i++)
		if (strcmp(choice->only[i], name) == 0)
			return true;
	return choice->only_count == 0;
}

static void print_endpoint(const char *text, char *out, size_t size)
{
	struct pool_url url;
	char host[ENDPOINT_SIZE - 16];

	if (pool_url_parse(text, strlen(text), &url, NULL) != POOL_URL_OK) {
		snprintf(out, size, "-");
		return;
	}
	pool_url_endpoint(&url, host, sizeof(host));
	snprintf(out, size, "%s://%s", pool_scheme_name(url.scheme), host);
}

/* Rounded up; 0: it is over. */
static int64_t seconds_until(int64_t then_ns, int64_t now_ns)
{
	if (then_ns <= now_ns || then_ns == INT64_MAX)
		return 0;
	return (then_ns - now_ns + POOL_NS_PER_S - 1) / POOL_NS_PER_S;
}

/* Of what keeps it from being selected, else of the last evidence. */
static enum pool_reason reason_of(
	const struct pool_health *health, enum pool_status status)
{
	if (status == POOL_STATUS_UNHEALTHY && health->open_reason)
		return (enum pool_reason)health->open_reason;
	if (status == POOL_STATUS_COOLING)
		return POOL_REASON_LIMITED;
	if (status == POOL_STATUS_DISABLED && health->admin_disabled)
		return POOL_REASON_PERSON;
	return (enum pool_reason)health->last_reason;
}

/* What the state file says beside the status. */
static void fill_stored(struct pool_report_row *row, const struct pool_session *session,
	const struct pool_view *view, uint32_t index)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(session);
	const struct pool_record *record = &view->records[index];
	const struct pool_policy *policy = &snapshot->leaves[view->leaf].policy;
	const struct pool_snap_member *member = &snapshot->members[row->member];
	struct pool_report_stored *stored = &row->stored;
	int64_t budget_ns;

	stored->held = view->held[index];
	stored->most = member->max_connections ? member->max_connections
					       : policy->max_connections;
	stored->opened = record->health.opened;
	stored->blocked = record->health.opened && record->health.blocked;
	stored->checked_wall_s = record->checked_wall_s;
	stored->selected_wall_s = record->selected_wall_s;
	stored->average_us = record->latency_us ? record->latency_us : -1;
	stored->selections = record->selections;
	stored->taken = record->leases;
	stored->times_opened = record->health.times_opened;
	stored->transitions = record->transition_count;
	stored->flapping = pool_record_flaps(
		record, view->now.wall_s, &stored->changes, &stored->span_s);
	memcpy(stored->checks, record->checks, sizeof(stored->checks));
	memcpy(stored->reports, record->reports, sizeof(stored->reports));
	stored->budget_left = pool_view_budget(session, view, index, &budget_ns);
	stored->obstacle = pool_obstacle_find(
		&(struct pool_obstacle_facts){.health = &record->health,
			.enabled = member->enabled,
			.lacks_secret = pool_health_lacks_secret(&record->health),
			.held = stored->held,
			.most = stored->most,
			.trials = policy->half_open_max,
			.budget_ns = stored->budget_left == 0 ? budget_ns : 0,
			.now_ns = view->now.boot_ns});
	if (stored->obstacle == POOL_OBSTACLE_BUDGET)
		row->wait_s = seconds_until(budget_ns, view->now.boot_ns);
	stored->until_wall_s = row->wait_s ? view->now.wall_s + row->wait_s : 0;
}

static void fill_state(struct pool_report_row *row, const struct pool_session *session,
	const struct pool_view *view, uint32_t index)
{
	const struct pool_health *health = &view->records[index].health;
	int64_t ready_ns = pool_health_ready_ns(health);

	row->status = pool_view_status(session, view, index);
	row->wait_s = 0;
	if (row->status != POOL_STATUS_DISABLED)
		row->wait_s = seconds_until(ready_ns, view->now.boot_ns);
	fill_stored(row, session, view, index);
	row->checked_age_s = -1;
	if (health->checked_ns)
		row->checked_age_s =
			(view->now.boot_ns - health->checked_ns) / POOL_NS_PER_S;
	if (row->result != POOL_RESULT_UNCHECKED)
		return;
	row->reason = reason_of(health, row->status);
	row->http_status = view->records[index].http_status;
	if (view->records[index].last_latency_us)
		row->latency_us = view->records[index].last_latency_us;
}

static int add_pool(struct pool_report *report, const struct pool_snapshot *snapshot,
	uint32_t leaf_index, struct pool_fault *fault)
{
	const struct pool_snap_leaf *leaf = &snapshot->leaves[leaf_index];
	struct pool_report_pool *pool;
	int error =
		pool_report_add_pool(report, pool_snapshot_string(snapshot, leaf->where),
			pool_snapshot_types(snapshot, NULL, leaf_index, NULL),
			leaf->policy.check_enabled);
	const char *url;
	char endpoint[ENDPOINT_SIZE];

	if (error)
		return pool_fault_set(fault, error, 0,
			error == POOL_ENOMEM ? "out of memory" : "a pool has no name");
	pool = &report->pools[report->pool_count - 1];
	pool->leaf = leaf_index;
	pool->method = (enum pool_method)leaf->policy.method;
	pool->interval_s = leaf->policy.interval_s;
	pool->fallback = (enum pool_fallback)leaf->policy.fallback;
	pool->rollout = leaf->rollout_percent;
	if (leaf->kind != POOL_LEAF_POOL || !leaf->url)
		return 0;
	url = pool_snapshot_string(snapshot, leaf->url);
	print_endpoint(url ? url : "", endpoint, sizeof(endpoint));
	pool->url = strdup(endpoint);
	return pool->url ? 0 : pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
}

/* Those that got none of its proxies. There is no counter of them; the two sums of those
 * that did may each have lost something: proxies that are gone, a pool that came back. */
static uint64_t count_url_selections(const struct pool_view *view)
{
	const struct pool_state_leaf *totals = &view->totals;
	uint64_t chosen = 0, of_records = 0;

	for (int i = 0; i < POOL_STRATEGY_COUNTERS; i++)
		chosen += totals->strategies[i];
	for (uint32_t i = 0; i < view->count; i++)
		of_records += view->records[i].selections;
	if (chosen < of_records)
		chosen = of_records;
	return totals->selections > chosen ? totals->selections - chosen : 0;
}

static void fill_pool(struct pool_report_pool *pool, const struct pool_view *view)
{
	const struct pool_state_leaf *totals = &view->totals;

	pool->selections = totals->selections;
	pool->fallbacks = totals->fallbacks;
	pool->panics = totals->panics;
	pool->url_selections = count_url_selections(view);
	for (int i = 0; i < POOL_STRATEGIES; i++)
		pool->strategies[i] = totals->strategies[i];
	memcpy(pool->latency, totals->latency, sizeof(pool->latency));
	pool->latency_ns = totals->latency_ns;
	pool->checked_wall_s = totals->checked_wall_s;
	pool->checked_age_s = -1;
	if (totals->checked_ns)
		pool->checked_age_s =
			(view->now.boot_ns - totals->checked_ns) / POOL_NS_PER_S;
}

static int gather_leaf(struct pool_report *report, struct pool_session *session,
	const struct pool_gather_choice *choice, uint32_t leaf_index,
	struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(session);
	const struct pool_snap_leaf *leaf = &snapshot->leaves[leaf_index];
	bool added = false;
	int error = 0;

	for (uint32_t i = 0; i < leaf->member_count; i++) {
		const struct pool_snap_member *member =
			&snapshot->members[leaf->first_member + i];
		const char *name = pool_snapshot_string(snapshot, member->name);
		const char *url = pool_snapshot_string(snapshot, member->url);
		struct pool_report_row *row;
		char endpoint[ENDPOINT_SIZE];

		if (!is_wanted(choice, name ? name : ""))
			continue;
		if (!added)
			error = add_pool(report, snapshot, leaf_index, fault);
		if (error)
			return error;
		added = true;
		print_endpoint(url ? url : "", endpoint, sizeof(endpoint));
		row = pool_report_add_row(report, name ? name : "", endpoint);
		if (!row)
			return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
		row->member = leaf->first_member + i;
		if (member->enabled)
			continue;
		row->status = POOL_STATUS_DISABLED;
		row->stored.obstacle = POOL_OBSTACLE_FILE;
	}
	return 0;
}

static int gather(struct pool_report *report, struct pool_session *session,
	const struct pool_gather_choice *choice, struct pool_fault *fault)
{
	for (size_t i = 0; i < choice->count; i++) {
		int error =
			gather_leaf(report, session, choice, choice->leaves[i], fault);

		if (error)
			return error;
	}
	return pool_gather_again(report, session, choice, fault);
}

int pool_gather_again(struct pool_report *report, struct pool_session *session,
	const struct pool_gather_choice *choice, struct pool_fault *fault)
{
	size_t at = 0;

	for (size_t i = 0; i < choice->count; i++) {
		struct pool_view view;
		uint32_t first, count;
		int error;

		if (pool_session_snapshot(session)->id != choice->snapshot)
			return pool_fault_set(
				fault, POOL_ESTALE, 0, "the pool file changed meanwhile");
		error = pool_session_view(session, choice->leaves[i], &view, fault);
		if (error)
			return error;
		first = pool_session_snapshot(session)
				->leaves[choice->leaves[i]]
				.first_member;
		count = view.count;
		for (; at < report->row_count && report->rows[at].member >= first &&
			report->rows[at].member - first < count;
			at++) {
			if (!view.has_state)
				continue;
			/* What a run found stays; what the state said before does not. */
			if (report->is_stored)
				report->rows[at].result = POOL_RESULT_UNCHECKED;
			fill_state(&report->rows[at], session, &view,
				report->rows[at].member - first);
			fill_pool(&report->pools[report->rows[at].pool], &view);
		}
		pool_view_release(&view);
	}
	return 0;
}

/* --- both ----------------------------------------------------------------------- */

static int refuse_name(const struct pool_snapshot *snapshot,
	const struct pool_gather_choice *choice, const char *wrong,
	struct pool_fault *fault)
{
	struct pool_nearest nearest;

	pool_nearest_init(&nearest, wrong);
	for (size_t i = 0; i < choice->count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[choice->leaves[i]];

		for (uint32_t j = 0; j < leaf->member_count; j++) {
			uint32_t at = snapshot->members[leaf->first_member + j].name;
			const char *name = pool_snapshot_string(snapshot, at);

			if (name)
				pool_nearest_try(&nearest, name);
		}
	}
	return pool_fault_set(fault, POOL_EARGUMENT, 0, "no proxy is called '%s'%s%s%s",
		wrong, nearest.best ? "; did you mean '" : "",
		nearest.best ? nearest.best : "", nearest.best ? "'?" : "");
}

static bool has_row(const struct pool_report *report, const char *name)
{
	for (size_t i = 0; i < report->row_count; i++)
		if (strcmp(report->rows[i].name, name) == 0)
			return true;
	return false;
}

int pool_gather_pools(struct pool_report *report, struct pool_session *session,
	const char *exchange, int type, const char *const *only, size_t count,
	struct pool_gather_choice *choice, struct pool_fault *fault)
{
	enum { TRIES = 4 };
	int error = POOL_ESTALE;

	for (int i = 0; i < TRIES && error == POOL_ESTALE; i++) {
		pool_report_release(report);
		pool_gather_release(choice);
		if (pool_gather_choose(
			    pool_session_snapshot(session), exchange, type, choice) != 0)
			return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
		choice->only = only;
		choice->only_count = count;
		error = gather(report, session, choice, fault);
	}
	for (size_t i = 0; i < count && choice->count && !error; i++)
		if (!has_row(report, only[i]))
			error = refuse_name(
				pool_session_snapshot(session), choice, only[i], fault);
	return error;
}
