/* Why there is no proxy: what keeps each of the pool from being chosen, counted under the
 * lock under which none was found. */
#include "state/selection.h"

/* What is known of member <index>, as a report would have it. */
static struct pool_obstacle_facts know(const struct pool_selection *selection,
	uint32_t index, struct pool_health *health)
{
	const struct pool_state *state = selection->state;
	const struct pool_snap_leaf *leaf = selection->leaf;
	const struct pool_snap_member *member = &selection->members[index];
	const uint32_t at = leaf->first_member + index;
	struct pool_obstacle_facts facts = {
		.health = health,
		.enabled = member->enabled,
		.held = state->counts[at],
		.most = member->max_connections ? member->max_connections
						: leaf->policy.max_connections,
		.trials = leaf->policy.half_open_max,
		.now_ns = selection->now.boot_ns,
	};
	struct pool_budget budget;

	pool_state_fetch(health, &state->records[at].health, sizeof(*health));
	for (size_t i = 0; i < selection->choice->skipped_count; i++)
		facts.lacks_secret |= selection->choice->skipped[i].index == index;
	if (!selection->rate.requests || !state->budgets)
		return facts;
	pool_state_fetch(&budget, &state->budgets[at], sizeof(budget));
	facts.budget_ns = pool_budget_ready_ns(
		&budget, &selection->rate, selection->cost, selection->now.boot_ns);
	return facts;
}

/* When time alone brings it, INT64_MAX if that is not known. */
static int64_t ready_ns(
	const struct pool_obstacle_facts *facts, enum pool_obstacle obstacle)
{
	if (obstacle == POOL_OBSTACLE_BUDGET)
		return facts->budget_ns;
	if (obstacle == POOL_OBSTACLE_OPEN || obstacle == POOL_OBSTACLE_COOLING)
		return pool_health_ready_ns(facts->health);
	return INT64_MAX;
}

void pool_selection_count(struct pool_selection *selection, uint32_t index)
{
	struct pool_choice *choice = selection->choice;
	struct pool_obstacle_facts facts;
	enum pool_obstacle obstacle;
	struct pool_health health;
	int64_t wait_ns;

	if (!selection->state)
		return;
	facts = know(selection, index, &health);
	obstacle = pool_obstacle_find(&facts);
	choice->obstacles[obstacle]++;
	wait_ns = ready_ns(&facts, obstacle);
	if (wait_ns == INT64_MAX)
		return;
	wait_ns -= facts.now_ns;
	if (wait_ns < 0)
		wait_ns = 0;
	if (choice->ready_ms < 0 || wait_ns / POOL_NS_PER_MS < choice->ready_ms)
		choice->ready_ms = wait_ns / POOL_NS_PER_MS;
}

/* The bit of a scheme; the number is from a file. */
static unsigned scheme_bit(const struct pool_snap_member *member)
{
	return member->scheme < POOL_SCHEMES ? 1u << member->scheme : 0;
}

static bool is_skipped(const struct pool_selection *selection, uint32_t index)
{
	for (size_t i = 0; i < selection->choice->skipped_count; i++)
		if (selection->choice->skipped[i].index == index)
			return true;
	return false;
}

void pool_selection_count_all(struct pool_selection *selection)
{
	const unsigned schemes = selection->query->schemes;
	struct pool_choice *choice = selection->choice;

	choice->ready_ms = -1;
	for (uint32_t i = 0; i < selection->leaf->member_count; i++) {
		const struct pool_snap_member *member = &selection->members[i];
		const unsigned bit = scheme_bit(member);
		const bool excluded = selection->skip && selection->skip[i] &&
			!is_skipped(selection, i);

		if (!member->enabled)
			continue;
		choice->schemes |= bit;
		if (!excluded)
			choice->left_schemes |= bit;
		if (excluded || (schemes && !(schemes & bit)))
			choice->left_out++;
		else if (!selection->query->strict)
			pool_selection_count(selection, i);
	}
}
