/*
 * What the HTTP server answers, and what stands in the metrics file: made from the state
 * file as it is now, and from what the watcher counts and remembers.
 */
#ifndef POOL_WATCH_PAGES_H
#define POOL_WATCH_PAGES_H

#include "report/gather.h"
#include "watch/server.h"
#include "watch/watcher.h"

enum { POOL_EVENTS_KEPT = 100 };

struct pool_pages {
	struct pool_watcher *watcher; /* the caller's */
	struct pool_session *session; /* the caller's */
	const char *exchange;
	int type;
	struct pool_quorum quorum;   /* of the metrics */
	struct pool_quorum degraded; /* below which a pool is */
	bool per_proxy;              /* metrics with series for each proxy */
	const char *file;
	/* Its own: */
	struct pool_report report;
	struct pool_gather_choice choice;
	struct pool_event *events; /* a ring of POOL_EVENTS_KEPT */
	uint64_t event_count;
};

/* The fields that are the caller's are filled in. Returns 0 or POOL_ENOMEM. */
int pool_pages_open(struct pool_pages *pages);
void pool_pages_close(struct pool_pages *pages);

/* Remember <event> for the status page. */
void pool_pages_note(struct pool_pages *pages, const struct pool_event *event);

/* As pool_server_options.render. */
int pool_pages_render(struct pool_pages *pages, enum pool_page page,
	struct pool_text *body, struct pool_text *policy);

#endif
