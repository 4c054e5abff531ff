/*
 * The status model: pools and their proxies as every tool shows them, and the words and
 * columns they are shown in.
 *
 *	struct pool_report report = {0};
 *
 *	pool_report_add_pool(&report, "default.http", types, true);
 *	row = pool_report_add_row(&report);          fill in the row
 *	pool_report_count(&report, &quorum);
 *	pool_report_render(&report, &view, &text);   a table, tsv, json, jsonl
 *	pool_metrics_render(&report, true, &text);   report/metrics.h
 *	pool_report_release(&report);
 *
 * A report owns its strings. Rows stand in the order of their pools. Neither the model
 * nor any renderer knows a URL with a user or a password: rows hold scheme, host and
 * port.
 *
 * Not promised: that the table for people keeps its columns. The names of the other
 * formats do.
 */
#ifndef POOL_REPORT_STATUS_H
#define POOL_REPORT_STATUS_H

#include "base/text.h"
#include "health/health.h"
#include "health/obstacle.h"
#include "state/layout.h"

enum { POOL_REPORT_DETAIL = 160 };

/* What a proxy's check came to. */
enum pool_result {
	POOL_RESULT_UNCHECKED, /* none was made */
	POOL_RESULT_PASSED,
	POOL_RESULT_FAILED,
	POOL_RESULT_INCONCLUSIVE, /* it says nothing about the proxy */
	POOL_RESULTS
};

const char *pool_result_name(enum pool_result result);
/* What a check came to that ended in <reason>, of a proxy that now is <status>. */
enum pool_result pool_result_judge(enum pool_reason reason, enum pool_status status);

/* What the state file says of a proxy beside its status. */
struct pool_report_stored {
	enum pool_obstacle obstacle;
	bool opened;             /* the breaker is, whatever else it is */
	bool blocked;            /* not down: the target turns it away */
	uint32_t held;           /* leases */
	int32_t most;            /* leases it may have; 0: no limit */
	int64_t budget_left;     /* requests in the window; -1: no budget */
	int64_t until_wall_s;    /* it may be selected again; 0: now, or never */
	int64_t checked_wall_s;  /* 0: never */
	int64_t selected_wall_s; /* 0: never */
	int64_t average_us;      /* latency; -1: none */
	uint64_t selections;
	uint32_t taken; /* leases ever */
	uint32_t times_opened;
	uint32_t transitions;
	bool flapping;    /* its status changes too often: */
	uint32_t changes; /* so many that are kept */
	int64_t span_s;   /* in so many seconds */
	uint32_t checks[POOL_VERDICTS];
	uint32_t reports[POOL_VERDICTS];
};

/* A change of a proxy's status, of a row that is one. */
struct pool_report_change {
	int64_t wall_s;
	enum pool_status from;
	enum pool_status to;
	uint32_t order; /* among those of one second */
};

struct pool_report_row {
	uint32_t pool;   /* index of its pool */
	uint32_t member; /* in the snapshot it was gathered from */
	char *name;      /* the report's */
	char *endpoint;  /* the report's: "scheme://host:port" */
	enum pool_status status;
	enum pool_result result;
	enum pool_reason reason;         /* of the check, else of the last evidence */
	char detail[POOL_REPORT_DETAIL]; /* more about it, or "" */
	int64_t latency_us;              /* -1: none */
	int32_t http_status;             /* 0: none */
	int32_t attempts;                /* 0: none */
	int64_t wait_s;                  /* until it may be selected; 0: now */
	int64_t checked_age_s;           /* since the last check; -1: never */
	struct pool_report_stored stored;
	struct pool_report_change change;
};

/* What a pool's quorum came to. */
enum pool_quorum_answer {
	POOL_QUORUM_UNASKED, /* its checks are off */
	POOL_QUORUM_MET,
	POOL_QUORUM_UNDECIDED, /* the inconclusive ones could decide it */
	POOL_QUORUM_MISSED,
	POOL_QUORUMS
};

const char *pool_quorum_name(enum pool_quorum_answer answer);

/* What checks by a method try of a proxy. */
struct pool_tried_row {
	const char *name;   /* in JSON; never changes */
	const char *phrase; /* that it does not show whether a proxy works; NULL: it does
			     */
};

const struct pool_tried_row *pool_tried_get(enum pool_method method);

struct pool_report_pool {
	char *where;             /* the report's: "default.http" */
	uint32_t leaf;           /* in the snapshot it was gathered from */
	unsigned types;          /* bits 1 << enum pool_type that lead here */
	bool checked;            /* false: its health_check is off */
	enum pool_method method; /* of its checks */
	/* Counted: */
	uint32_t proxies;
	uint32_t enabled; /* neither in the pool file nor by a person disabled */
	uint32_t results[POOL_RESULTS]; /* of the enabled ones */
	uint32_t statuses[POOL_STATUSES];
	uint32_t need; /* how many must pass */
	uint32_t eligible;
	uint32_t obstacles[POOL_OBSTACLES];
	enum pool_quorum_answer quorum; /* never met where none can be selected */
	/* Of the state file: */
	int64_t checked_age_s;  /* since a check said something; -1: never */
	int64_t checked_wall_s; /* 0: never */
	int64_t interval_s;     /* how often it should be checked */
	uint64_t selections;
	uint64_t fallbacks; /* to its url */
	uint64_t panics;    /* to one that was not eligible */
	uint32_t
		strategies[POOL_STRATEGIES]; /* selections of a proxy, by what chose it */
	uint64_t latency[POOL_LATENCY_BUCKETS]; /* those by their time: see the layout */
	uint64_t latency_ns;                    /* their times added up */
	enum pool_fallback fallback;
	char *url;       /* the report's: "scheme://host:port" beside it; NULL: none */
	int32_t rollout; /* percent of its selections that are for its proxies */
	uint64_t url_selections; /* that got the url */
	/* Judged by pool_report_judge_stored(): */
	bool stale;
	uint32_t degraded_below; /* of eligible ones */
	uint32_t blocked;        /* of the unhealthy ones */
	uint32_t unknown;        /* of the eligible ones */
	uint32_t flapping;
};

struct pool_report {
	struct pool_report_pool *pools;
	size_t pool_count;
	struct pool_report_row *rows;
	size_t row_count;
	size_t row_room;
	/* Fewer eligible ones, and a pool is degraded; the caller's; NULL: the default.
	 */
	const struct pool_quorum *degraded_below;
	bool is_stored; /* it tells what the state file says, not what a run found */
	bool has_run;   /* a run of checks was made: */
	int64_t run_at_s;
	int64_t run_us;
	bool target_suspect;
	bool uplink_suspect;
};

/* How many of a pool's enabled proxies must pass. */
struct pool_quorum {
	uint32_t count;
	bool percent;
};

/* What all tools ask for unless they are told otherwise, and below what a pool is
 * degraded then: one proxy that passed, and all that are enabled. */
#define POOL_QUORUM_DEFAULT   ((struct pool_quorum){.count = 1})
#define POOL_DEGRADED_DEFAULT ((struct pool_quorum){.count = 100, .percent = true})

/* "3" or "50%"; false for anything else. */
bool pool_quorum_parse(const char *text, struct pool_quorum *out);
/* How many of <enabled> proxies <quorum> needs, rounded up; a share of none is one. */
uint32_t pool_quorum_need(const struct pool_quorum *quorum, uint32_t enabled);

/* Rows that follow belong to the pool added last. Returns 0, POOL_ENOMEM, or
 * POOL_EINVALID: <where> is NULL. */
int pool_report_add_pool(
	struct pool_report *report, const char *where, unsigned types, bool checked);
/* A row of nothing, to be filled in; <name> and <endpoint> are copied. NULL: out of
 * memory. */
struct pool_report_row *pool_report_add_row(
	struct pool_report *report, const char *name, const char *endpoint);
void pool_report_release(struct pool_report *report);

/*
 * Why the check of a row ended as it did; its result follows, by its status.
 *
 * <reason>  as the whole run was judged
 * <found>   as it ended by itself: told where it is another one
 * <detail>  more about it, or ""
 */
void pool_report_take_reason(struct pool_report_row *row, enum pool_reason reason,
	enum pool_reason found, const char *detail);
/* As one without a check: what is known of earlier ones is none of this run's. */
void pool_report_clear_check(struct pool_report_row *row);

/* Fill in the counted fields of each pool. */
void pool_report_count(struct pool_report *report, const struct pool_quorum *quorum);
/* The answer over all pools: the worst; UNASKED only if no pool was asked. */
enum pool_quorum_answer pool_report_quorum(const struct pool_report *report);
/* Share of the enabled proxies that passed, 0..100; 0 without any. */
double pool_report_percent(const struct pool_report_pool *pool);

/* "http", "websocket", "http,websocket". */
const char *pool_report_types(unsigned types);

/* --- rendering ------------------------------------------------------------------ */

/* What can be shown of a row. Names of tsv and JSON: see the table in columns.c. */
enum pool_column {
	POOL_COLUMN_POOL,
	POOL_COLUMN_TYPES,
	POOL_COLUMN_PROXY,
	POOL_COLUMN_URL,
	POOL_COLUMN_STATUS,
	POOL_COLUMN_RESULT,
	POOL_COLUMN_REASON,
	POOL_COLUMN_LATENCY,
	POOL_COLUMN_HTTP_STATUS,
	POOL_COLUMN_ATTEMPTS,
	POOL_COLUMN_WAIT,
	POOL_COLUMN_AGE,
	POOL_COLUMN_TEXT,
	POOL_COLUMN_DETAIL,
	POOL_COLUMN_ADVICE,
	POOL_COLUMN_WHAT, /* for people: the sentence with its detail; nothing if all is
			     well */
	/* Of the state file: */
	POOL_COLUMN_CAUSE, /* a word: what keeps it from being selected, else the reason
			    */
	POOL_COLUMN_WHY,   /* as a sentence */
	POOL_COLUMN_ELIGIBLE,
	POOL_COLUMN_BLOCKED,
	POOL_COLUMN_UNTIL,
	POOL_COLUMN_HELD,
	POOL_COLUMN_MOST,
	POOL_COLUMN_BUDGET,
	POOL_COLUMN_SELECTIONS,
	POOL_COLUMN_TAKEN,
	POOL_COLUMN_AVERAGE,
	POOL_COLUMN_CHECKED_AT,
	POOL_COLUMN_SELECTED_AT,
	POOL_COLUMN_OPENED,
	POOL_COLUMN_CHECKS_OK,
	POOL_COLUMN_CHECKS_DOWN,
	POOL_COLUMN_CHECKS_BLOCKED,
	POOL_COLUMN_CHECKS_LIMITED,
	POOL_COLUMN_CHECKS_INCONCLUSIVE,
	POOL_COLUMN_REPORTS_OK,
	POOL_COLUMN_REPORTS_DOWN,
	POOL_COLUMN_REPORTS_BLOCKED,
	POOL_COLUMN_REPORTS_LIMITED,
	POOL_COLUMN_REPORTS_INCONCLUSIVE,
	POOL_COLUMN_FLAPPING,
	/* Of a change: */
	POOL_COLUMN_AT,
	POOL_COLUMN_FROM,
	POOL_COLUMN_TO,
	POOL_COLUMNS
};

enum pool_format {
	POOL_FORMAT_TABLE,
	POOL_FORMAT_TSV,
	POOL_FORMAT_JSON,
	POOL_FORMAT_JSONL,
	POOL_FORMATS
};

struct pool_report_view {
	enum pool_format format;
	const enum pool_column *columns;
	size_t column_count;
	bool colour;           /* the table: with colours for a terminal */
	bool only_failed;      /* leave out what passed and what was not asked for */
	bool only_obstructed;  /* leave out what is eligible or disabled in the file */
	const char *rows_name; /* of the rows in JSON; NULL: "proxies" */
	bool compact;          /* JSON: in one line */
	/*
	 * JSON: members of the caller's own at the end of the document, and of each row.
	 * They append text as it stands there, a comma before each member; or nothing.
	 * NULL: there are none.
	 */
	void (*add_members)(void *context, struct pool_text *text);
	void (*add_row_members)(
		void *context, const struct pool_report_row *row, struct pool_text *text);
	void *context; /* the caller's, handed to both */
};

/* Names of the formats, POOL_FORMATS of them. */
const char *const *pool_format_names(void);

/*
 * How a run of checks is shown: the table short enough for people, all there is to know
 * for programs.
 *
 * <advice>  a last column of what to do, in the table too
 */
struct pool_report_view pool_report_view_checks(enum pool_format format, bool advice);

/* Append the report; nothing is printed for an empty table. */
void pool_report_render(const struct pool_report *report,
	const struct pool_report_view *view, struct pool_text *text);

/* --- sentences (summary.c) ------------------------------------------------------ */

/* "default.http: 2 of 3 passed, 1 failed; the quorum of 1 is met", without newline. */
void pool_report_summarize(const struct pool_report_pool *pool, struct pool_text *text);

/* That of each pool, a line each; <only_no>: of those that miss their quorum or leave it
 * open. */
void pool_report_summarize_all(
	const struct pool_report *report, bool only_no, struct pool_text *text);

/*
 * That checks try less than whether a proxy works, a line for each such method: of all
 * pools at once where they are checked alike, else with their names. Or nothing.
 */
void pool_report_tell_tried(const struct pool_report *report, struct pool_text *text);
/* That of one pool, without its name; NULL: there is nothing to tell. */
const char *pool_report_tried(const struct pool_report_pool *pool);

/* That the run as a whole says the proxies are not to blame, a line each; or nothing. */
void pool_report_suspect(const struct pool_report *report, struct pool_text *text);

/* When a run's progress is shown: not at once, and not at each check. */
struct pool_progress {
	int64_t next_ns; /* not before; the beginning of a run and an interval */
	bool shown;      /* there is something to wipe off */
};
enum { POOL_PROGRESS_NS = 100 * 1000000 };

/* Whether to show it now, which is noted. */
bool pool_progress_due(struct pool_progress *progress, int64_t now_ns);
/* "[######....] 12 of 20", for a terminal. */
void pool_progress_add(size_t done, size_t count, struct pool_text *text);

#endif
