/* Explanations of a selection. */
#include <string.h>
#include "config/url.h"
#include "health/obstacle.h"
#include "report/columns.h"
#include "report/explain.h"

/* A longer name pushes aside what is behind it. */
enum { NAME_WIDTH_MAX = 32 };

struct explanation {
	const struct pool_session *session;
	const struct pool_snapshot *snapshot;
	const struct pool_snap_leaf *leaf;
	const struct pool_query *query;
	const struct pool_explain_schemes *schemes;
	const struct pool_choice *choice;
	const struct pool_view *view;
	int name_width;
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

/* Why it was skipped: its secret cannot be had here; NULL: it was not. */
static const char *skipped(const struct explanation *explanation, uint32_t index)
{
	for (size_t i = 0; i < explanation->choice->skipped_count; i++)
		if (explanation->choice->skipped[i].index == index)
			return explanation->choice->skipped[i].why;
	return NULL;
}

/* Unknown is what no check has decided about: one may have tried. */
static void say_unknown(const struct pool_health *health, struct pool_text *out)
{
	if (!health->checked_ns && health->last_reason == POOL_REASON_NONE)
		pool_text_add(out, "eligible: not checked yet");
	else
		pool_text_addf(out, "eligible: undecided after: %s",
			pool_reason_get(health->last_reason)->sentence);
}

/* What its health says, in words. */
static void say_health(
	const struct explanation *explanation, uint32_t index, struct pool_text *out)
{
	const struct pool_health *health = &explanation->view->records[index].health;
	const char *reason = pool_reason_get(health->open_reason)->sentence;
	int64_t wait_s = (pool_health_ready_ns(health) - explanation->view->now.boot_ns +
				 POOL_NS_PER_S - 1) /
		POOL_NS_PER_S;

	switch (pool_view_status(explanation->session, explanation->view, index)) {
	case POOL_STATUS_DISABLED:
		pool_text_add(out, "disabled by a person");
		break;
	case POOL_STATUS_COOLING:
		pool_text_addf(out, "limited by the target: rests for %lld s",
			(long long)wait_s);
		break;
	case POOL_STATUS_UNHEALTHY:
		pool_text_addf(out, "%s; not used for %lld s", reason, (long long)wait_s);
		break;
	case POOL_STATUS_RECOVERING:
		pool_text_addf(out, "on trial after: %s (%u of %d leases)", reason,
			explanation->view->held[index],
			(int)explanation->leaf->policy.half_open_max);
		break;
	case POOL_STATUS_UNKNOWN:
		say_unknown(health, out);
		break;
	case POOL_STATUS_HEALTHY:
	case POOL_STATUSES:
		pool_text_add(out, "eligible");
		break;
	}
}

/* The most leases it may have, if it has them, or 0. One that was chosen had room. */
static uint32_t reached_limit(const struct explanation *explanation, uint32_t index)
{
	const struct pool_snap_member *member =
		&explanation->snapshot->members[explanation->leaf->first_member + index];
	int32_t most = member->max_connections
		? member->max_connections
		: explanation->leaf->policy.max_connections;

	if (most <= 0 || chosen(explanation, index) ||
		explanation->view->held[index] < (uint32_t)most)
		return 0;
	return (uint32_t)most;
}

static bool may_be_used(enum pool_status status)
{
	return status == POOL_STATUS_UNKNOWN || status == POOL_STATUS_HEALTHY ||
		status == POOL_STATUS_RECOVERING;
}

/* Whether its budget does not have what the query costs; said if so. */
static bool say_spent(
	const struct explanation *explanation, uint32_t index, struct pool_text *out)
{
	const struct pool_policy *policy = &explanation->leaf->policy;
	const struct pool_rate rate = {policy->budget_requests, policy->budget_per_s};
	const int64_t cost = explanation->query->cost > 0 ? explanation->query->cost : 1;
	const int64_t now_ns = explanation->view->now.boot_ns;
	int64_t ready_ns;

	if (!rate.requests || !explanation->view->has_state || chosen(explanation, index))
		return false;
	ready_ns = pool_budget_ready_ns(
		&explanation->view->budgets[index], &rate, (uint32_t)cost, now_ns);
	if (ready_ns <= now_ns)
		return false;
	pool_text_addf(out, "its budget of %d requests in %d s is spent: waits %.1f s",
		rate.requests, rate.per_s, (double)(ready_ns - now_ns) / 1e9);
	return true;
}

/* What keeps it from being used, or not, in words. */
static void say_use(
	const struct explanation *explanation, uint32_t index, struct pool_text *out)
{
	enum pool_status status =
		pool_view_status(explanation->session, explanation->view, index);
	uint32_t limit = reached_limit(explanation, index);

	if (limit && may_be_used(status))
		pool_text_addf(
			out, "at its limit of %u lease%s", limit, limit == 1 ? "" : "s");
	else if (!may_be_used(status) || !say_spent(explanation, index, out))
		say_health(explanation, index, out);
}

/* Whether one of the scheme <bit> may be chosen by <schemes>, where 0 is any. */
static bool allows(unsigned schemes, unsigned bit)
{
	return !schemes || (schemes & bit);
}

static unsigned scheme_bit(const struct pool_snap_member *member)
{
	return member->scheme < POOL_SCHEMES ? 1u << member->scheme : 0;
}

/* What speaks against member <index>, or for it, in words. */
static void say_why(
	const struct explanation *explanation, uint32_t index, struct pool_text *out)
{
	const struct pool_snap_member *member =
		&explanation->snapshot->members[explanation->leaf->first_member + index];
	const char *name = pool_snapshot_string(explanation->snapshot, member->name);
	const struct pool_explain_schemes *schemes = explanation->schemes;

	if (!member->enabled)
		pool_text_add(out, "enabled is false in the pool file");
	else if (excluded(explanation, name ? name : ""))
		pool_text_add(out, "left out by --exclude");
	else if (!allows(schemes->asked, scheme_bit(member)))
		pool_text_addf(out, "its scheme %s is none of --scheme",
			pool_scheme_name(member->scheme));
	else if (!allows(schemes->known, scheme_bit(member)))
		pool_text_addf(out, "its scheme %s is not known to %s",
			pool_scheme_name(member->scheme), schemes->who);
	else if (skipped(explanation, index))
		pool_text_addf(out, "skipped: %s", skipped(explanation, index));
	else
		say_use(explanation, index, out);
}

static int widest_name(const struct explanation *explanation, uint32_t count)
{
	size_t widest = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t member = explanation->leaf->first_member + i;
		const char *name = pool_snapshot_string(explanation->snapshot,
			explanation->snapshot->members[member].name);
		size_t length = name ? strlen(name) : 0;

		widest = length > widest ? length : widest;
	}
	return widest < NAME_WIDTH_MAX ? (int)widest : NAME_WIDTH_MAX;
}

static void add_member(
	struct pool_text *out, const struct explanation *explanation, uint32_t index)
{
	const struct pool_snap_member *member =
		&explanation->snapshot->members[explanation->leaf->first_member + index];
	const char *name = pool_snapshot_string(explanation->snapshot, member->name);
	enum pool_status status =
		pool_view_status(explanation->session, explanation->view, index);
	char safe[1024];

	pool_text_safe(safe, sizeof(safe), name ? name : "?", name ? strlen(name) : 1);
	pool_text_addf(out, "%c %-*s  %-10s  leases %-3u  weight %-4g  ",
		chosen(explanation, index) ? '*' : ' ', explanation->name_width, safe,
		pool_status_name(status), explanation->view->held[index],
		member->weight_micro / 1e6);
	say_why(explanation, index, out);
	pool_text_add(out, "\n");
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
	const struct pool_query *query, const struct pool_explain_schemes *schemes,
	const struct pool_choice *choice, struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot;
	struct pool_view view;
	struct explanation explanation;
	int error = take_view(session, query, &view, fault);

	if (error)
		return error == POOL_ENONE ? 0 : error;
	snapshot = pool_session_snapshot(session);
	explanation = (struct explanation){session, snapshot,
		&snapshot->leaves[view.leaf], query, schemes, choice, &view, 0};
	explanation.name_width = widest_name(&explanation, view.count);
	pool_text_addf(out, "pool %s: %s, %u %s%s\n",
		pool_snapshot_string(snapshot, explanation.leaf->where),
		choice->strategy ? choice->strategy : "no strategy", view.count,
		view.count == 1 ? "proxy" : "proxies",
		view.has_state ? "" : ", no state: nothing is known of them");
	for (uint32_t i = 0; i < view.count; i++)
		add_member(out, &explanation, i);
	pool_view_release(&view);
	return out->broken ? pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory") : 0;
}

void pool_explain_proxy(struct pool_text *out, const struct pool_answer_query *query,
	const struct pool_proxy_choice *proxy)
{
	char endpoint[320] = "?";
	struct pool_url url = {0};

	if (pool_url_parse(proxy->url, strlen(proxy->url), &url, NULL) != POOL_URL_OK)
		return;
	pool_url_endpoint(&url, endpoint, sizeof(endpoint));
	pool_text_addf(out, "proxy: transport=%s exchange=%s scheme=%s endpoint=%s",
		pool_type_name(query->type), query->exchange,
		pool_scheme_name(url.scheme), endpoint);
}

static const char *const sentences[POOL_NO_REASONS] = {
	[POOL_NO_DISABLED] = "the pool file does not say \"enabled\": true",
	[POOL_NO_NOT_CONFIGURED] =
		"neither the exchange nor default has a proxy of this type",
	[POOL_NO_ALL_DISABLED] = "every proxy of the pool is disabled in the pool file",
	[POOL_NO_NONE_ELIGIBLE] =
		"all are unhealthy, cooling, at a limit, or disabled by a person; "
		"pool-status says which",
	[POOL_NO_FILTERED] = "what is asked for leaves none",
	[POOL_NO_STRICT] = "the proxy of this key cannot be used now, and --strict moves "
			   "to no other; pool-select --explain says why",
	[POOL_NO_ERROR] = "an error",
	[POOL_NO_USAGE] = "the request is wrong",
	[POOL_NO_SECRET] = "the secret of each that is left cannot be had",
	[POOL_NO_UNSUPPORTED] = "the client does not speak the scheme of the proxy",
};

const char *pool_explain_none(enum pool_no_reason reason)
{
	return sentences[(unsigned)reason < POOL_NO_REASONS ? reason : POOL_NO_ERROR];
}

/* --- why there is none ----------------------------------------------------------- */

void pool_explain_add_schemes(struct pool_text *out, unsigned schemes)
{
	const char *between = "";

	for (int i = 0; i < POOL_SCHEMES; i++)
		if (schemes & 1u << i) {
			pool_text_addf(out, "%s%s", between,
				pool_scheme_name((enum pool_scheme)i));
			between = ", ";
		}
	if (!schemes)
		pool_text_add(out, "all");
}

/* What can leave none, alone or together. */
enum { EXCLUDED = 1, ASKED = 2, KNOWN = 4, CAUSES = 8 };

static bool leave_none(unsigned causes, const struct pool_explain_schemes *schemes,
	const struct pool_choice *choice)
{
	unsigned left = causes & EXCLUDED ? choice->left_schemes : choice->schemes;

	if (causes & ASKED && schemes->asked)
		left &= schemes->asked;
	if (causes & KNOWN && schemes->known)
		left &= schemes->known;
	return !left;
}

/* The fewest that together leave none. */
static unsigned find_causes(
	const struct pool_explain_schemes *schemes, const struct pool_choice *choice)
{
	static const unsigned by_number[] = {EXCLUDED, ASKED, KNOWN, EXCLUDED | ASKED,
		EXCLUDED | KNOWN, ASKED | KNOWN};

	for (size_t i = 0; i < sizeof(by_number) / sizeof(by_number[0]); i++)
		if (leave_none(by_number[i], schemes, choice))
			return by_number[i];
	return CAUSES - 1;
}

/* "--exclude, --scheme and what wget knows (http)" of <causes>; how many they are. */
static int name_causes(struct pool_text *out, unsigned causes,
	const struct pool_explain_schemes *schemes)
{
	int count = 0;

	if (causes & EXCLUDED)
		pool_text_add(out, count++ ? " and --exclude" : "--exclude");
	if (causes & ASKED)
		pool_text_add(out, count++ ? " and --scheme" : "--scheme");
	if (causes & KNOWN) {
		pool_text_addf(
			out, "%swhat %s knows (", count++ ? " and " : "", schemes->who);
		pool_explain_add_schemes(out, schemes->known);
		pool_text_add(out, ")");
	}
	return count;
}

static void add_filters(struct pool_text *out, const struct pool_explain_schemes *schemes,
	const struct pool_choice *choice)
{
	const unsigned causes = find_causes(schemes, choice);

	if (causes == KNOWN) {
		pool_text_addf(out, "%s knows only ", schemes->who);
		pool_explain_add_schemes(out, schemes->known);
		pool_text_add(out, " proxies, and the pool has none");
		return;
	}
	pool_text_add(out,
		name_causes(out, causes, schemes) == 1 ? " leaves none" : " leave none");
}

/* What was given, since it leaves out some. */
static unsigned given(
	const struct pool_query *query, const struct pool_explain_schemes *schemes)
{
	return (query->exclude_count ? EXCLUDED : 0) | (schemes->asked ? ASKED : 0) |
		(schemes->known ? KNOWN : 0);
}

static void add_time(struct pool_text *out, int64_t ms, bool alone)
{
	if (ms < 0)
		return;
	pool_text_add(out, alone ? ", for " : ", the first for ");
	pool_show_seconds((ms + 999) / 1000, out);
	pool_text_add(out, " more");
}

/* What brings a proxy. */
static void add_way_out(struct pool_text *out, const struct pool_query *query,
	const struct pool_choice *choice)
{
	bool passes = false, stays = false;

	for (int i = 0; i < POOL_OBSTACLES; i++) {
		const struct pool_obstacle_row *row =
			pool_obstacle_get((enum pool_obstacle)i);

		passes |= choice->obstacles[i] && row->passes;
		stays |= choice->obstacles[i] && row->counted && !row->busy;
	}
	if (passes && query->wait_ms > 0) {
		pool_text_add(out, "; none came in the ");
		pool_show_seconds(query->wait_ms / 1000, out);
		pool_text_add(out, " of --wait");
	} else if (passes) {
		pool_text_add(out, "; --wait SECONDS waits for one");
	}
	if (stays)
		pool_text_add(out, "; pool-status says why");
}

/* "all 2 are at a limit (max_connections); --wait SECONDS waits for one" */
static void add_obstacles(struct pool_text *out, const struct pool_query *query,
	const struct pool_explain_schemes *schemes, const struct pool_choice *choice)
{
	struct pool_text list = POOL_TEXT_EMPTY;
	uint32_t total = 0, kinds = 0;

	for (int i = 0; i < POOL_OBSTACLES; i++) {
		total += choice->obstacles[i];
		kinds += choice->obstacles[i] != 0;
	}
	pool_obstacles_add(&list, choice->obstacles);
	if (!list.length || kinds != 1)
		pool_text_add(out,
			list.length ? list.bytes : pool_explain_none(choice->reason));
	else if (total == 1)
		pool_text_addf(out, "the only one%s is %s",
			choice->left_out ? " that is left" : "", list.bytes + 2);
	else
		pool_text_addf(out, "all %u%s are %s", (unsigned)total,
			choice->left_out ? " that are left" : "",
			list.bytes + strcspn(list.bytes, " ") + 1);
	if (list.length)
		add_time(out, choice->ready_ms, total == 1);
	if (choice->left_out && list.length) {
		pool_text_addf(out, "; %u left out by ", (unsigned)choice->left_out);
		name_causes(out, given(query, schemes), schemes);
	}
	if (list.length)
		add_way_out(out, query, choice);
	out->broken |= list.broken;
	pool_text_release(&list);
}

/* The key's own one, which is the only one counted. */
static void add_strict(struct pool_text *out, const struct pool_query *query,
	const struct pool_choice *choice)
{
	struct pool_text list = POOL_TEXT_EMPTY;

	pool_obstacles_add(&list, choice->obstacles);
	if (!list.length) {
		pool_text_add(out, pool_explain_none(POOL_NO_STRICT));
		return;
	}
	pool_text_addf(out, "the proxy of this key is %s", list.bytes + 2);
	add_time(out, choice->ready_ms, true);
	pool_text_add(out, ", and --strict moves to no other");
	add_way_out(out, query, choice);
	out->broken |= list.broken;
	pool_text_release(&list);
}

void pool_explain_shortage(struct pool_text *out, const struct pool_query *query,
	const struct pool_explain_schemes *schemes, const struct pool_choice *choice)
{
	if (choice->reason == POOL_NO_NONE_ELIGIBLE)
		add_obstacles(out, query, schemes, choice);
	else if (choice->reason == POOL_NO_FILTERED)
		add_filters(out, schemes, choice);
	else if (choice->reason == POOL_NO_STRICT)
		add_strict(out, query, choice);
	else
		pool_text_add(out, pool_explain_none(choice->reason));
}
