/*
 * The dashboard: one HTML page that needs nothing else.
 *
 *	pool_report_judge_stored(&report, &quorum);
 *	pool_html_render(&report, &extras, &text);
 *
 * The page is dashboard.html, which is part of the library. Without scripts it is a whole
 * table of the report as it is now, loaded again by the browser. With scripts it asks
 * "api/v1/status" (relative to itself) for the JSON of report/status.h, with members of
 * pool-watch's own:
 *
 *	"watch": {"file", "uptime_seconds", "pool_file_valid", "pool_file_fault",
 *		"first_round_done"}
 *	"events": [{"time", "event", "level", "message"}, ...]
 *	in each of "proxies" "latency_history": [seconds or null, ...]
 *
 * each of which may be missing. A pool is exhausted without an eligible proxy, stale as
 * report/stored.h has it, degraded with fewer eligible ones than its
 * degraded_below, else fine.
 *
 * Whatever is foreign is escaped. What could mislead a reader (controls, bidirectional
 * marks, bytes that are no UTF-8) is shown as "\xNN".
 *
 * Not promised: anything about the page's markup.
 */
#ifndef POOL_REPORT_HTML_H
#define POOL_REPORT_HTML_H

#include "report/status.h"

/* One event; strings are the caller's. */
struct pool_html_event {
	const char *time;    /* "2026-11-25T22:30:00Z" */
	const char *event;   /* its name */
	const char *level;   /* "error", "warning", "notice", "info" or "debug" */
	const char *message; /* a sentence */
};

/* What the page shows beside the report; strings are the caller's. */
struct pool_html_extras {
	const char *title; /* NULL: "proxypool" */
	const char *file;  /* the pool file */
	const char *fault; /* of the pool file; NULL: it is valid */
	const char *nonce; /* that the Content-Security-Policy allows; letters, digits,
			      "+/=-_" */
	int64_t now_wall_s;
	int64_t uptime_s;
	int64_t refresh_s; /* without scripts the page is loaded again; 0: 10 */
	int64_t poll_ms;   /* from question to question; 0: 1000 */
	bool starting;     /* the first round of checks is not over */
	const struct pool_html_event *events; /* oldest first */
	size_t event_count;
};

/*
 * The value of the header Content-Security-Policy that a page of <nonce> wants: its own
 * style and script and its own server, nothing else.
 */
void pool_html_add_policy(const char *nonce, struct pool_text *text);

/* Append the page of a report that pool_report_judge_stored() judged. */
void pool_html_render(const struct pool_report *report,
	const struct pool_html_extras *extras, struct pool_text *text);

/* Append foreign text: as HTML, and as the value of a quoted attribute. */
void pool_html_add(struct pool_text *text, const char *string);

#endif
