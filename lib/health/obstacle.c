/* Obstacles: the judge and the table. */
#include <string.h>
#include "base/text.h"
#include "health/obstacle.h"

static const struct pool_obstacle_row rows[POOL_OBSTACLES] = {
	[POOL_OBSTACLE_NONE] = {.counted = NULL},
	[POOL_OBSTACLE_FILE] = {"pool-file", "enabled is false in the pool file",
		"set enabled in the pool file", .counted = "disabled in the pool file"},
	[POOL_OBSTACLE_PERSON] = {"person", "a person disabled it",
		"enable it with pool-report", .counted = "disabled by a person"},
	[POOL_OBSTACLE_OPEN] = {.counted = "unhealthy", .passes = true},
	[POOL_OBSTACLE_COOLING] = {.counted = "cooling", .passes = true},
	[POOL_OBSTACLE_BUDGET] = {"budget", "its requests for now are used up",
		"wait until the window moves on, or send less", .counted = "at a limit",
		.limit = "requests", .passes = true, .busy = true},
	[POOL_OBSTACLE_LEASES] = {"at-limit", "as many use it as max_connections allows",
		"wait for a lease to end, add proxies, or raise max_connections",
		.counted = "at a limit", .limit = "max_connections", .passes = true,
		.busy = true},
	[POOL_OBSTACLE_TRIAL] = {"on-trial", "as many try it as half_open_max allows",
		"wait: the next report or check decides", .counted = "on trial",
		.passes = true, .busy = true},
	[POOL_OBSTACLE_SECRET] = {"no-secret", "its secret was missing in the last check",
		"set the variable, or make the password file readable, where checks are "
		"made; a pool file of somebody else's gets neither without --trust-file",
		.counted = "without a secret"},
};

const struct pool_obstacle_row *pool_obstacle_get(enum pool_obstacle obstacle)
{
	return &rows[(unsigned)obstacle < POOL_OBSTACLES ? obstacle : POOL_OBSTACLE_NONE];
}

static enum pool_obstacle find_passing(
	const struct pool_obstacle_facts *facts, enum pool_status status)
{
	if (status == POOL_STATUS_RECOVERING && facts->held >= (uint32_t)facts->trials)
		return POOL_OBSTACLE_TRIAL;
	if (facts->lacks_secret)
		return POOL_OBSTACLE_SECRET;
	if (facts->most > 0 && facts->held >= (uint32_t)facts->most)
		return POOL_OBSTACLE_LEASES;
	return facts->budget_ns > facts->now_ns ? POOL_OBSTACLE_BUDGET
						: POOL_OBSTACLE_NONE;
}

enum pool_obstacle pool_obstacle_find(const struct pool_obstacle_facts *facts)
{
	const enum pool_status status = pool_health_status(facts->health, facts->now_ns);

	if (!facts->enabled)
		return POOL_OBSTACLE_FILE;
	switch (status) {
	case POOL_STATUS_DISABLED:
		return POOL_OBSTACLE_PERSON;
	case POOL_STATUS_COOLING:
		return POOL_OBSTACLE_COOLING;
	case POOL_STATUS_UNHEALTHY:
		return POOL_OBSTACLE_OPEN;
	case POOL_STATUS_RECOVERING:
	case POOL_STATUS_UNKNOWN:
	case POOL_STATUS_HEALTHY:
	case POOL_STATUSES:
		break;
	}
	return find_passing(facts, status);
}

void pool_obstacles_add(struct pool_text *text, const uint32_t counts[POOL_OBSTACLES])
{
	const char *between = "";

	for (int i = 0; i < POOL_OBSTACLES; i++) {
		if (!rows[i].counted || !counts[i])
			continue;
		pool_text_addf(
			text, "%s%u %s", between, (unsigned)counts[i], rows[i].counted);
		if (rows[i].limit)
			pool_text_addf(text, " (%s)", rows[i].limit);
		between = ", ";
	}
}
