/* The last changes of status, of all proxies in one row. */
#include <stdlib.h>
#include "report/stored.h"

static bool is_word(const struct pool_state_transition *transition)
{
	return transition->from < POOL_STATUSES && transition->to < POOL_STATUSES;
}

static int add_changes(struct pool_report *report, const struct pool_report_row *proxy,
	const struct pool_record *record)
{
	uint32_t kept = record->transition_count < POOL_TRANSITIONS_KEPT
		? record->transition_count
		: POOL_TRANSITIONS_KEPT;

	for (uint32_t i = record->transition_count - kept; i != record->transition_count;
		i++) {
		const struct pool_state_transition *transition =
			&record->transitions[i % POOL_TRANSITIONS_KEPT];
		struct pool_report_row *row;

		if (!is_word(transition))
			continue;
		row = pool_report_add_row(report, proxy->name, proxy->endpoint);
		if (!row)
			return POOL_ENOMEM;
		row->pool = proxy->pool;
		row->member = proxy->member;
		row->status = (enum pool_status)transition->to;
		row->reason = (enum pool_reason)transition->reason;
		row->change = (struct pool_report_change){transition->wall_s,
			(enum pool_status)transition->from,
			(enum pool_status)transition->to, (uint32_t)report->row_count};
	}
	return 0;
}

/* Those of one second stay in the order in which they were added. */
static int older(const void *left, const void *right)
{
	const struct pool_report_row *a = left, *b = right;

	if (a->change.wall_s != b->change.wall_s)
		return a->change.wall_s < b->change.wall_s ? -1 : 1;
	return a->change.order < b->change.order ? -1 : 1;
}

static int add_pools(struct pool_report *changes, const struct pool_report *proxies)
{
	for (size_t i = 0; i < proxies->pool_count; i++) {
		const struct pool_report_pool *pool = &proxies->pools[i];

		if (pool_report_add_pool(
			    changes, pool->where, pool->types, pool->checked) != 0)
			return POOL_ENOMEM;
	}
	return 0;
}

/* Those of one pool; <at> is the first proxy of it, and then of the next. */
static int add_leaf(struct pool_report *changes, const struct pool_report *proxies,
	size_t *at, const struct pool_view *view, uint32_t first)
{
	for (; *at < proxies->row_count && proxies->rows[*at].member >= first &&
		proxies->rows[*at].member - first < view->count;
		++*at) {
		const struct pool_report_row *proxy = &proxies->rows[*at];

		if (add_changes(changes, proxy, &view->records[proxy->member - first]))
			return POOL_ENOMEM;
	}
	return 0;
}

int pool_gather_history(struct pool_report *changes, const struct pool_report *proxies,
	struct pool_session *session, const struct pool_gather_choice *choice,
	struct pool_fault *fault)
{
	int error = add_pools(changes, proxies);
	size_t at = 0;

	for (size_t i = 0; i < choice->count && !error; i++) {
		struct pool_view view;

		if (pool_session_snapshot(session)->id != choice->snapshot)
			return pool_fault_set(
				fault, POOL_ESTALE, 0, "the pool file changed meanwhile");
		error = pool_session_view(session, choice->leaves[i], &view, fault);
		if (error)
			return error;
		error = add_leaf(changes, proxies, &at, &view,
			pool_session_snapshot(session)
				->leaves[choice->leaves[i]]
				.first_member);
		pool_view_release(&view);
	}
	if (error)
		return pool_fault_set(fault, error, 0, "out of memory");
	if (changes->row_count)
		qsort(changes->rows, changes->row_count, sizeof(*changes->rows), older);
	return 0;
}

struct pool_report_view pool_report_view_history(enum pool_format format)
{
	static const enum pool_column people[] = {POOL_COLUMN_AT, POOL_COLUMN_POOL,
		POOL_COLUMN_PROXY, POOL_COLUMN_FROM, POOL_COLUMN_TO, POOL_COLUMN_REASON,
		POOL_COLUMN_WHAT};
	static const enum pool_column programs[] = {POOL_COLUMN_AT, POOL_COLUMN_POOL,
		POOL_COLUMN_PROXY, POOL_COLUMN_FROM, POOL_COLUMN_TO, POOL_COLUMN_REASON,
		POOL_COLUMN_TEXT};

	return (struct pool_report_view){
		.format = format,
		.columns = format == POOL_FORMAT_TABLE ? people : programs,
		.column_count = sizeof(people) / sizeof(people[0]),
		.rows_name = "transitions",
	};
}
