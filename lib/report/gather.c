/* Gathering a report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void fill_state(struct pool_report_row *row, const struct pool_session *session,
	const struct pool_view *view, uint32_t index)
{
	const struct pool_health *health = &view->records[index].health;
	int64_t ready_ns = pool_health_ready_ns(health);

	row->status = pool_view_status(session, view, index);
	row->wait_s = 0;
	if (row->status != POOL_STATUS_DISABLED && ready_ns > view->now.boot_ns)
		row->wait_s = (ready_ns - view->now.boot_ns + POOL_NS_PER_S - 1) /
			POOL_NS_PER_S;
	row->checked_age_s = -1;
	if (health->checked_ns)
		row->checked_age_s =
			(view->now.boot_ns - health->checked_ns) / POOL_NS_PER_S;
	if (row->result != POOL_RESULT_UNCHECKED)
		return;
	row->reason = (enum pool_reason)health->last_reason;
	row->http_status = view->records[index].http_status;
	if (view->records[index].last_latency_us)
		row->latency_us = view->records[index].last_latency_us;
}

static int gather_leaf(struct pool_report *report, struct pool_session *session,
	const struct pool_gather_choice *choice, uint32_t leaf_index,
	struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(session);
	const struct pool_snap_leaf *leaf = &snapshot->leaves[leaf_index];
	bool added = false;

	for (uint32_t i = 0; i < leaf->member_count; i++) {
		const struct pool_snap_member *member =
			&snapshot->members[leaf->first_member + i];
		const char *name = pool_snapshot_string(snapshot, member->name);
		const char *url = pool_snapshot_string(snapshot, member->url);
		struct pool_report_row *row;
		char endpoint[ENDPOINT_SIZE];

		if (!is_wanted(choice, name ? name : ""))
			continue;
		if (!added &&
			pool_report_add_pool(report,
				pool_snapshot_string(snapshot, leaf->where),
				pool_snapshot_types(snapshot, NULL, leaf_index, NULL),
				leaf->policy.check_enabled) != 0)
			return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
		added = true;
		print_endpoint(url ? url : "", endpoint, sizeof(endpoint));
		row = pool_report_add_row(report, name ? name : "", endpoint);
		if (!row)
			return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
		row->member = leaf->first_member + i;
		if (!member->enabled)
			row->status = POOL_STATUS_DISABLED;
	}
	return 0;
}

int pool_gather(struct pool_report *report, struct pool_session *session,
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
			at++)
			if (view.has_state)
				fill_state(&report->rows[at], session, &view,
					report->rows[at].member - first);
		pool_view_release(&view);
	}
	return 0;
}
