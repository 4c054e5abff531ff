/*
 * What the state file says now: a report without a run of checks, its table, and what to
 * do next.
 *
 *	pool_gather_pools(&report, session, NULL, -1, NULL, 0, &choice, &fault);
 *	pool_report_judge_stored(&report, &quorum);
 *	view = pool_report_view_stored(&report, format, sentences);
 *	pool_report_render(&report, &view, &text);
 *	pool_report_tell_stored(&report, &telling, &text);
 *
 * A proxy passes that is healthy, or cooling: it works. One that is unhealthy fails.
 * Unknown and recovering ones are inconclusive, until something is known of them.
 */
#ifndef POOL_REPORT_STORED_H
#define POOL_REPORT_STORED_H

#include "report/gather.h"
#include "report/status.h"

/* So many intervals without a check, and at least so long, and a pool is stale. */
enum { POOL_STALE_INTERVALS = 3, POOL_STALE_AT_LEAST_S = 180 };

/* Fill in the result of each row, and the counted and judged fields of each pool. */
void pool_report_judge_stored(
	struct pool_report *report, const struct pool_quorum *quorum);

/* Whether a pool wants somebody's attention: not all that are enabled are eligible, a
 * person has disabled one, one flaps, or it is stale. */
bool pool_report_wants_attention(const struct pool_report_pool *pool);

/* What a selection gets of a pool without an eligible proxy. */
enum pool_resort {
	POOL_RESORT_NONE,
	POOL_RESORT_URL,       /* the one beside the pool */
	POOL_RESORT_UNHEALTHY, /* one that is not eligible */
	POOL_RESORTS
};

struct pool_resort_row {
	const char *name;     /* in JSON; never changes */
	const char *sentence; /* behind "a selection " */
};

const struct pool_resort_row *pool_resort_get(enum pool_resort resort);
/* What <pool> has for such a case, as its proxies are now. */
enum pool_resort pool_report_resort(const struct pool_report_pool *pool);

/*
 * How it is shown: a table that fits a terminal, all there is to know for programs.
 *
 * <sentences>  a last column of why, in the table too
 */
struct pool_report_view pool_report_view_stored(
	const struct pool_report *report, enum pool_format format, bool sentences);

/* What is told of the pools. */
struct pool_telling {
	bool quorum;        /* whether it is met: it was asked for */
	bool only_degraded; /* nothing of pools where all is well */
	const char *file;   /* which a command of pool-report is to be given, or NULL */
	const char *state;  /* likewise */
};

/* A line for each pool, and for each of its troubles one that names what to do next; at
 * the end, unless <only_degraded>, what checks do not try. */
void pool_report_tell_stored(const struct pool_report *report,
	const struct pool_telling *telling, struct pool_text *text);

/* --- history (history.c) -------------------------------------------------------- */

/*
 * Make a report whose rows are the last changes of status of the <proxies>, which were
 * gathered by <choice>: oldest first.
 *
 * Returns 0, or: POOL_ESTALE  the pool file was edited meanwhile: choose again
 *                POOL_ENOMEM  release <changes> in either case
 */
int pool_gather_history(struct pool_report *changes, const struct pool_report *proxies,
	struct pool_session *session, const struct pool_gather_choice *choice,
	struct pool_fault *fault);

struct pool_report_view pool_report_view_history(enum pool_format format);

#endif
