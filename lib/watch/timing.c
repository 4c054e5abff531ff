/* When each check of the plan is due. */
#include <stdlib.h>
#include "watch/schedule.h"
#include "watch/watcher_inner.h"

enum { TICK_MS = 20 }; /* between the times at which checks begin */

/* On a tick, together with others: each waking costs more than a check begun. */
void pool_checks_set_due(struct pool_watcher *watcher, uint32_t at, int64_t due_ns)
{
	struct pool_plan_check *check = &watcher->plan.checks[at];

	due_ns += TICK_MS * POOL_NS_PER_MS - 1;
	due_ns -= due_ns % (TICK_MS * POOL_NS_PER_MS);
	check->due_ns = due_ns;
	check->token = ++watcher->token;
	/* Without memory it is made at the next reload; there will be none of those
	 * either. */
	pool_timers_add(&watcher->timers,
		(struct pool_timer){.at_ns = due_ns, .token = check->token, .index = at});
}

int64_t pool_checks_draw_gap_ns(
	struct pool_watcher *watcher, const struct pool_plan_check *check)
{
	struct pool_schedule_facts facts = {
		.interval_ns = check->interval_ns,
		.unchanged_ns = INT64_MAX,
		.quick = check->quick,
		.good = check->last_reason == POOL_REASON_OK,
	};

	for (uint32_t i = check->first_member; i != POOL_NO_MEMBER;
		i = watcher->plan.members[i].next_member) {
		int64_t unchanged_ns =
			watcher->now.boot_ns - watcher->plan.members[i].changed_ns;

		if (unchanged_ns < facts.unchanged_ns)
			facts.unchanged_ns = unchanged_ns;
	}
	return pool_schedule_gap_ns(&facts, pool_random_next(&watcher->random));
}

void pool_checks_hurry(struct pool_watcher *watcher, uint32_t at)
{
	uint32_t number = watcher->plan.members[at].check;
	struct pool_plan_check *check;
	int64_t due_ns;

	if (number == POOL_NO_CHECK)
		return;
	check = &watcher->plan.checks[number];
	/* The one under way is none of them. */
	check->quick = (uint8_t)(POOL_SCHEDULE_QUICK_CHECKS + check->under_way);
	if (check->under_way || !check->done)
		return;
	due_ns = watcher->now.boot_ns + pool_checks_draw_gap_ns(watcher, check);
	if (due_ns < check->due_ns)
		pool_checks_set_due(watcher, number, due_ns);
}

void pool_checks_postpone(struct pool_watcher *watcher, uint32_t at, int64_t checked_ns)
{
	uint32_t number = watcher->plan.members[at].check;
	struct pool_plan_check *check;
	int64_t due_ns;

	if (number == POOL_NO_CHECK)
		return;
	check = &watcher->plan.checks[number];
	/* One without a time yet gets it from its schedule. */
	if (!check->due_ns || check->under_way || checked_ns <= check->last_ended_ns ||
		check->first_member != at || check->quick)
		return;
	due_ns = checked_ns + pool_checks_draw_gap_ns(watcher, check);
	if (due_ns > check->due_ns)
		pool_checks_set_due(watcher, number, due_ns);
}

/* The oldest check of those it is for; 0: one was never checked. */
static int64_t last_checked_ns(
	const struct pool_watcher *watcher, const struct pool_plan_check *check)
{
	int64_t oldest_ns = INT64_MAX;

	for (uint32_t i = check->first_member; i != POOL_NO_MEMBER;
		i = watcher->plan.members[i].next_member)
		if (watcher->plan.members[i].checked_ns < oldest_ns)
			oldest_ns = watcher->plan.members[i].checked_ns;
	return oldest_ns == INT64_MAX ? 0 : oldest_ns;
}

struct place {
	uint64_t target;
	uint32_t at;
};

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	if (a->target != b->target)
		return a->target < b->target ? -1 : 1;
	return a->at < b->at ? -1 : 1;
}

/* Spread <count> first checks of one target. */
static void spread(struct pool_watcher *watcher, const struct place *places, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct pool_plan_check *check = &watcher->plan.checks[places[i].at];
		int64_t first_ns = pool_schedule_first_ns(i, count, check->interval_ns,
			pool_random_next(&watcher->random), &check->second_ns);

		pool_checks_set_due(
			watcher, places[i].at, watcher->now.boot_ns + first_ns);
	}
}

static void spread_all(struct pool_watcher *watcher, struct place *places, size_t count)
{
	size_t from = 0;

	if (count)
		qsort(places, count, sizeof(*places), compare_places);
	for (size_t i = 1; i <= count; i++)
		if (i == count || places[i].target != places[from].target) {
			spread(watcher, places + from, i - from);
			from = i;
		}
}

/* The time that check <at> has, or false: it is one to be spread. */
static bool keep_time(struct pool_watcher *watcher, uint32_t at)
{
	struct pool_plan_check *check = &watcher->plan.checks[at];
	const int64_t now_ns = watcher->now.boot_ns;
	int64_t checked_ns, due_ns = check->due_ns;

	if (check->under_way)
		return true;
	if (!due_ns) {
		checked_ns = last_checked_ns(watcher, check);
		if (!checked_ns || checked_ns > now_ns ||
			now_ns - checked_ns >= check->interval_ns)
			return false;
		check->done = true;
		due_ns = checked_ns + pool_checks_draw_gap_ns(watcher, check);
	} else if (due_ns > now_ns + 2 * check->interval_ns) {
		/* Its interval has become shorter. */
		due_ns = now_ns + pool_checks_draw_gap_ns(watcher, check);
	}
	pool_checks_set_due(watcher, at, due_ns);
	return true;
}

void pool_checks_schedule(struct pool_watcher *watcher)
{
	uint32_t count = watcher->plan.check_count;
	struct place *places = calloc(count + 1, sizeof(*places));
	size_t fresh = 0;

	watcher->timers.count = 0;
	watcher->first_left = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct pool_plan_check *check = &watcher->plan.checks[i];

		if (!keep_time(watcher, i)) {
			if (places)
				places[fresh++] = (struct place){check->target, i};
			else
				pool_checks_set_due(watcher, i, watcher->now.boot_ns);
		}
		watcher->first_left += !check->done;
	}
	if (places)
		spread_all(watcher, places, fresh);
	free(places);
	watcher->first_round_done |= !watcher->first_left;
}
