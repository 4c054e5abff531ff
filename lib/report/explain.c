/* Explanations of a selection. */
#include <stdio.h>
#include <string.h>
#include "config/url.h"
#include "report/explain.h"

struct explanation {
	const struct pool_session *session;
	const struct pool_snapshot *snapshot;
	const struct pool_snap_leaf *leaf;
	const struct pool_query *query;
	const struct pool_choice *choice;
	const struct pool_view *view;
};

static bool chosen(const struct explanation *explanation, uint32_t index)
{
	for (size_t i = 0; i < explanation->choice->count; i++)
		if (explanation->choice->proxies[i].index == index)
			return true;
	return false;
}

static bool excluded(const struct explanation *explanation, const char *name)
{
	for (size_t i = 0; i < explanation->query->exclude_count; i++)
		if (strcmp(explanation->query->exclude[i], name) == 0)
			return true;
	return false;
}

/* What speaks against member <index>, or for it, in words. */
static void say_why(
	const struct explanation *explanation, uint32_t index, char *out, size_t size)
{
	const struct pool_snap_member *member =
		&explanation->snapshot->members[explanation->leaf->first_member + index];
	const struct pool_health *health = &explanation->view->records[index].health;
	const char *name = pool_snapshot_string(explanation->snapshot, member->name);
	int64_t wait_s = (pool_health_ready_ns(health) - explanation->view->now.boot_ns +
				 POOL_NS_PER_S - 1) /
		POOL_NS_PER_S;
	const char *reason = pool_reason_get(health->open_reason)->sentence;
	unsigned schemes = explanation->query->schemes;

	if (!member->enabled)
		snprintf(out, size, "enabled is false in the pool file");
	else if (excluded(explanation, name ? name : ""))
		snprintf(out, size, "left out by --exclude");
	else if (schemes && member->scheme < POOL_SCHEMES &&
		!(schemes >> member->scheme & 1))
		snprintf(out, size, "its scheme %s is not asked for",
			pool_scheme_name(member->scheme));
	else
		switch (pool_view_status(
			explanation->session, explanation->view, index)) {
		case POOL_STATUS_DISABLED:
			snprintf(out, size, "disabled by a person");
			break;
		case POOL_STATUS_COOLING:
			snprintf(out, size, "limited by the target: rests for %lld s",
				(long long)wait_s);
			break;
		case POOL_STATUS_UNHEALTHY:
			snprintf(out, size, "%s; not used for %lld s", reason,
				(long long)wait_s);
			break;
		case POOL_STATUS_RECOVERING:
			snprintf(out, size, "on trial after: %s (%u of %d leases)",
				reason, explanation->view->held[index],
				(int)explanation->leaf->policy.half_open_max);
			break;
		case POOL_STATUS_UNKNOWN:
			snprintf(out, size, "eligible: not checked yet");
			break;
		case POOL_STATUS_HEALTHY:
		case POOL_STATUSES:
			snprintf(out, size, "eligible");
			break;
		}
}

static void add_member(
	struct pool_text *out, const struct explanation *explanation, uint32_t index)
{
	const struct pool_snap_member *member =
		&explanation->snapshot->members[explanation->leaf->first_member + index];
	const char *name = pool_snapshot_string(explanation->snapshot, member->name);
	enum pool_status status =
		pool_view_status(explanation->session, explanation->view, index);
	char why[256];

	say_why(explanation, index, why, sizeof(why));
	pool_text_addf(out, "%c ", chosen(explanation, index) ? '*' : ' ');
	pool_text_add_safe(out, name ? name : "?", name ? strlen(name) : 1);
	pool_text_addf(out, "\t%s\tleases %u\tweight %g\t%s\n", pool_status_name(status),
		explanation->view->held[index], member->weight_micro / 1e6, why);
}

/* The view of the pool that <query> leads to now; an edit in between is looked at again.
 */
static int take_view(struct pool_session *session, const struct pool_query *query,
	struct pool_view *view, struct pool_fault *fault)
{
	enum { TRIES = 4 };
	int error = POOL_ESTALE;

	for (int i = 0; i < TRIES && error == POOL_ESTALE; i++) {
		struct pool_resolution resolution;

		pool_snapshot_resolve(pool_session_snapshot(session), query->exchange,
			query->type, &resolution);
		if (resolution.leaf == POOL_NO_LEAF)
			return POOL_ENONE;
		error = pool_session_view(session, resolution.leaf, view, fault);
	}
	return error;
}

int pool_explain_add(struct pool_text *out, struct pool_session *session,
	const struct pool_query *query, const struct pool_choice *choice,
	struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot;
	struct pool_view view;
	struct explanation explanation;
	int error = take_view(session, query, &view, fault);

	if (error)
		return error == POOL_ENONE ? 0 : error;
	snapshot = pool_session_snapshot(session);
	explanation = (struct explanation){
		session, snapshot, &snapshot->leaves[view.leaf], query, choice, &view};
	pool_text_addf(out, "pool %s: %s, %u proxies%s\n",
		pool_snapshot_string(snapshot, explanation.leaf->where),
		choice->strategy ? choice->strategy : "no strategy", view.count,
		view.has_state ? "" : ", no state: nothing is known of them");
	for (uint32_t i = 0; i < view.count; i++)
		add_member(out, &explanation, i);
	pool_view_release(&view);
	return out->broken ? pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory") : 0;
}
