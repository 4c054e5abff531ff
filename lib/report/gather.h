/*
 * Gathering a report: from a session's snapshot and state to pools and rows.
 *
 *	pool_gather_pools(&report, session, NULL, -1, NULL, 0, &choice, &fault);
 *	... checks are made and stored ...
 *	pool_gather_again(&report, session, &choice, &fault);
 *	pool_gather_release(&choice);
 */
#ifndef POOL_REPORT_GATHER_H
#define POOL_REPORT_GATHER_H

#include "report/status.h"
#include "state/session.h"

/* Which pools and proxies a report is about. */
struct pool_gather_choice {
	uint32_t *leaves; /* in the order of the pool file */
	size_t count;
	enum pool_no_reason reason; /* why there is none */
	const char *const
		*only; /* the caller's; proxies of these names, only_count 0: all */
	size_t only_count;
	uint64_t snapshot; /* id of the one that it is about */
};

/*
 * Choose pools: each once, however many lookups lead to it.
 *
 * <exchange>  whose; NULL: everybody's
 * <type>      enum pool_type; -1: all
 *
 * Returns 0 or POOL_ENOMEM.
 */
int pool_gather_choose(const struct pool_snapshot *snapshot, const char *exchange,
	int type, struct pool_gather_choice *out);
void pool_gather_release(struct pool_gather_choice *choice);

/*
 * Choose pools, and add them and their proxies as the state file knows them: again, if
 * looking at the state brings an edited pool file to light. Pools without a proxy of the
 * names asked for are left out. <report> and <choice> are released first, whatever they
 * hold.
 *
 * <only>  proxies of these <count> names alone; 0: all
 *
 * Returns 0, or: POOL_EARGUMENT  no proxy of the chosen pools has one of the names
 *                POOL_ESTALE     the pool file is edited without end
 *                POOL_ENOMEM
 */
int pool_gather_pools(struct pool_report *report, struct pool_session *session,
	const char *exchange, int type, const char *const *only, size_t count,
	struct pool_gather_choice *choice, struct pool_fault *fault);

/*
 * Read the state again: status, wait and age of each row. Nothing changes if the pool
 * file was edited meanwhile.
 *
 * Returns 0, POOL_ESTALE or POOL_ENOMEM.
 */
int pool_gather_again(struct pool_report *report, struct pool_session *session,
	const struct pool_gather_choice *choice, struct pool_fault *fault);

#endif
