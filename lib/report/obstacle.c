/* What keeps a proxy from being selected: the table. */
#include <stddef.h>
#include "report/status.h"

static const struct pool_obstacle_row rows[POOL_OBSTACLES] = {
	[POOL_OBSTACLE_NONE] = {NULL, NULL, NULL},
	[POOL_OBSTACLE_FILE] = {"pool-file", "enabled is false in the pool file",
		"set enabled in the pool file"},
	[POOL_OBSTACLE_PERSON] = {"person", "a person disabled it",
		"enable it with pool-report"},
	[POOL_OBSTACLE_OPEN] = {NULL, NULL, NULL},
	[POOL_OBSTACLE_COOLING] = {NULL, NULL, NULL},
	[POOL_OBSTACLE_BUDGET] = {"budget", "its requests for now are used up",
		"wait until the window moves on, or send less"},
	[POOL_OBSTACLE_LEASES] = {"at-limit", "as many use it as max_connections allows",
		"wait for a lease to end, add proxies, or raise max_connections"},
	[POOL_OBSTACLE_TRIAL] = {"on-trial", "as many try it as half_open_max allows",
		"wait: the next report or check decides"},
};

const struct pool_obstacle_row *pool_obstacle_get(enum pool_obstacle obstacle)
{
	return &rows[(unsigned)obstacle < POOL_OBSTACLES ? obstacle : POOL_OBSTACLE_NONE];
}
