/*
 * The environment as configuration: CRYPTOFEED_PROXY_ and a path of the settings, its
 * parts joined by two underscores, in any case.
 *
 *	CRYPTOFEED_PROXY_ENABLED=true
 *	CRYPTOFEED_PROXY_DEFAULT__HTTP__URL=http://192.0.2.1:8080
 *	CRYPTOFEED_PROXY_EXCHANGES__OKX__HTTP__POOL={"proxies": ["http://192.0.2.2:8080"]}
 *	CRYPTOFEED_PROXY_EXCHANGES__OKX__HTTP__POOL__PROXIES__0__WEIGHT=2
 *
 * What holds other values may be JSON; a longer path wins over the JSON of a shorter one.
 * It is read on top of the pool file, connection by connection: of one that both have,
 * what the environment gives. A url displaces a pool and all that belongs to it, proxies
 * displace a url. A first part that is no key of the settings is passed over, with a
 * warning; any other wrong one is an error.
 *
 * Diagnostics have the variable as their origin, and a line and column of its value.
 */
#ifndef POOL_CONFIG_ENVIRONMENT_H
#define POOL_CONFIG_ENVIRONMENT_H

#include "config/diagnostic.h"
#include "config/model.h"

/* Whether NAME=VALUE <variable> is one of ours. */
bool pool_environment_owns(const char *variable);
/* Whether any of <variables>, NAME=VALUE strings ended by NULL, is one of ours. */
bool pool_environment_has(const char *const *variables);

/*
 * Read <variables> on top of <settings>.
 *
 * <settings>     of a pool file, or pool_settings_init()ed: the environment is then all;
 *                released on failure
 *
 * <variables>    NAME=VALUE strings ended by NULL; of those only ours are looked at
 *
 * <diagnostics>  what is found is added
 *
 * Leaves that the environment changes without touching their proxies are changed in
 * place. Otherwise the file's leaves stay where they are, those that no lookup leads to
 * any more marked displaced, and the environment's stand behind them.
 *
 * Returns 0, or: POOL_EINVALID  <diagnostics> has errors; <fault> has the first
 *                POOL_ENOMEM
 */
int pool_environment_read(struct pool_settings *settings,
	struct pool_diagnostics *diagnostics, const char *const *variables,
	struct pool_fault *fault);

#endif
