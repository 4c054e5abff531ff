/* Pages. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/random.h"
#include "report/html.h"
#include "report/metrics.h"
#include "report/stored.h"
#include "watch/pages.h"
#include "watch/plan.h"

enum { OK = 200, UNAVAILABLE = 503 };

int pool_pages_open(struct pool_pages *pages)
{
	pages->report = (struct pool_report){0};
	pages->choice = (struct pool_gather_choice){0};
	pages->event_count = 0;
	pages->events = calloc(POOL_EVENTS_KEPT, sizeof(*pages->events));
	return pages->events ? 0 : POOL_ENOMEM;
}

void pool_pages_close(struct pool_pages *pages)
{
	pool_report_release(&pages->report);
	pool_gather_release(&pages->choice);
	free(pages->events);
	pages->events = NULL;
}

/* --- events --------------------------------------------------------------------- */

void pool_pages_note(struct pool_pages *pages, const struct pool_event *event)
{
	if (event->kind != POOL_EVENT_CHECK)
		pages->events[pages->event_count++ % POOL_EVENTS_KEPT] = *event;
}

static size_t kept_events(const struct pool_pages *pages)
{
	return pages->event_count < POOL_EVENTS_KEPT ? (size_t)pages->event_count
						     : POOL_EVENTS_KEPT;
}

/* The <i>th of those that are kept, oldest first. */
static const struct pool_event *get_event(const struct pool_pages *pages, size_t i)
{
	return &pages->events[(pages->event_count - kept_events(pages) + i) %
		POOL_EVENTS_KEPT];
}

/* --- the report ----------------------------------------------------------------- */

/* As it is now; what was gathered stays as long as the pool file does. */
static int gather(struct pool_pages *pages)
{
	int error = POOL_ESTALE;

	if (!pool_watcher_follow(pages->watcher))
		return POOL_ESTALE;
	if (pages->choice.leaves &&
		pool_session_snapshot(pages->session)->id == pages->choice.snapshot)
		error = pool_gather_again(
			&pages->report, pages->session, &pages->choice, NULL);
	if (error)
		error = pool_gather_pools(&pages->report, pages->session, pages->exchange,
			pages->type, NULL, 0, &pages->choice, NULL);
	/* Looking at the state may have brought an edit to light. */
	if (!error &&
		(!pool_watcher_follow(pages->watcher) ||
			pool_session_snapshot(pages->session)->id !=
				pages->choice.snapshot))
		error = POOL_ESTALE;
	if (error)
		return error;
	pages->report.degraded_below = &pages->degraded;
	pool_report_judge_stored(&pages->report, &pages->quorum);
	return 0;
}

/* --- metrics -------------------------------------------------------------------- */

static int render_metrics(struct pool_pages *pages, struct pool_text *body)
{
	struct pool_process process;

	if (gather(pages) != 0)
		return UNAVAILABLE;
	pool_metrics_render(&pages->report, pages->per_proxy, body);
	pool_process_get(&process);
	pool_tally_render(pool_watcher_tally(pages->watcher), &pages->report, &process,
		pages->per_proxy, body);
	return OK;
}

/* --- the status ----------------------------------------------------------------- */

static void add_member(struct pool_text *text, const char *name, const char *value)
{
	pool_text_addf(text, ",\"%s\":", name);
	if (value && *value)
		pool_text_add_json(text, value, strlen(value));
	else
		pool_text_add(text, "null");
}

static void add_events(const struct pool_pages *pages, struct pool_text *text)
{
	pool_text_add(text, ",\"events\":[");
	for (size_t i = 0; i < kept_events(pages); i++) {
		pool_text_add(text, i ? "," : "");
		pool_event_add_json(get_event(pages, i), text);
	}
	pool_text_add(text, "]");
}

static void add_watch(void *context, struct pool_text *text)
{
	struct pool_pages *pages = context;
	const struct pool_tally *tally = pool_watcher_tally(pages->watcher);
	const char *fault = pool_watcher_file_fault(pages->watcher);
	struct pool_now now;

	pool_clock_get(&now);
	pool_text_addf(text, ",\"watch\":{\"version\":\"%s\",\"pid\":%d", POOL_VERSION,
		(int)getpid());
	add_member(text, "file", pages->file);
	pool_text_addf(text,
		",\"started_at\":%" PRId64 ",\"now\":%" PRId64
		",\"uptime_seconds\":%" PRId64,
		tally->started_wall_s, now.wall_s,
		now.wall_s > tally->started_wall_s ? now.wall_s - tally->started_wall_s
						   : 0);
	pool_text_addf(text, ",\"pool_file_valid\":%s", *fault ? "false" : "true");
	add_member(text, "pool_file_fault", fault);
	add_member(text, "state_file_fault", pool_watcher_state_fault(pages->watcher));
	pool_text_addf(text, ",\"reloads\":%" PRIu64 ",\"rollbacks\":%" PRIu64,
		tally->reloads, tally->rollbacks);
	pool_text_addf(text, ",\"first_round_done\":%s}",
		pool_watcher_first_round_done(pages->watcher) ? "true" : "false");
	add_events(pages, text);
}

static void add_latencies(
	void *context, const struct pool_report_row *row, struct pool_text *text)
{
	const struct pool_pages *pages = context;
	uint32_t latencies[POOL_LATENCIES_KEPT];
	size_t count = pool_watcher_latencies(pages->watcher, row->member, latencies);

	pool_text_add(text, ",\"latency_history\":[");
	for (size_t i = 0; i < count; i++) {
		pool_text_add(text, i ? "," : "");
		if (latencies[i])
			pool_text_addf(text, "%u.%06u", latencies[i] / 1000000,
				latencies[i] % 1000000);
		else
			pool_text_add(text, "null");
	}
	pool_text_add(text, "]");
}

static int render_status(struct pool_pages *pages, struct pool_text *body)
{
	struct pool_report_view view;

	if (gather(pages) != 0) {
		pool_text_add(body, "{}\n");
		return UNAVAILABLE;
	}
	view = pool_report_view_stored(&pages->report, POOL_FORMAT_JSON, false);
	view.compact = true;
	view.add_members = add_watch;
	view.add_row_members = add_latencies;
	view.context = pages;
	pool_report_render(&pages->report, &view, body);
	return OK;
}

/* --- the dashboard -------------------------------------------------------------- */

/* The strings of an event as the page wants them; its own storage. */
struct shown_event {
	struct pool_text time, message;
};

static struct shown_event *show_events(
	const struct pool_pages *pages, struct pool_html_event *out)
{
	struct shown_event *shown = calloc(POOL_EVENTS_KEPT, sizeof(*shown));

	for (size_t i = 0; shown && i < kept_events(pages); i++) {
		const struct pool_event *event = get_event(pages, i);

		pool_event_add_time(event, &shown[i].time);
		/* Where it happened first, as in a line of text. */
		pool_text_addf(&shown[i].message, "%s%s%s%s", event->pool,
			event->proxy[0] ? " " : "", event->proxy,
			event->pool[0] ? ": " : "");
		pool_event_add_message(event, &shown[i].message);
		out[i] = (struct pool_html_event){
			.time = shown[i].time.bytes ? shown[i].time.bytes : "",
			.event = pool_event_get(event->kind)->name,
			.level = pool_event_level_name(event->level),
			.message = shown[i].message.bytes ? shown[i].message.bytes : "",
		};
	}
	return shown;
}

static int render_dashboard(
	struct pool_pages *pages, struct pool_text *body, struct pool_text *policy)
{
	const struct pool_tally *tally = pool_watcher_tally(pages->watcher);
	const char *fault = pool_watcher_file_fault(pages->watcher);
	struct pool_html_event events[POOL_EVENTS_KEPT];
	struct pool_html_extras extras = {.file = pages->file,
		.fault = *fault ? fault : NULL,
		.starting = !pool_watcher_first_round_done(pages->watcher),
		.events = events};
	struct shown_event *shown;
	uint64_t random[2];
	char nonce[40];
	struct pool_now now;

	if (gather(pages) != 0 || pool_random_bytes(random, sizeof(random)) != 0) {
		pool_text_add(body, "the state file cannot be read now\n");
		return UNAVAILABLE;
	}
	pool_clock_get(&now);
	snprintf(nonce, sizeof(nonce), "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
	extras.nonce = nonce;
	extras.now_wall_s = now.wall_s;
	extras.uptime_s = now.wall_s - tally->started_wall_s;
	shown = show_events(pages, events);
	extras.event_count = shown ? kept_events(pages) : 0;
	pool_html_add_policy(nonce, policy);
	pool_html_render(&pages->report, &extras, body);
	for (size_t i = 0; shown && i < POOL_EVENTS_KEPT; i++) {
		pool_text_release(&shown[i].time);
		pool_text_release(&shown[i].message);
	}
	free(shown);
	return OK;
}

/* --- readiness ------------------------------------------------------------------ */

/* Ready: who asks the state file gets answers that are worth something. */
static int render_ready(struct pool_pages *pages, struct pool_text *body)
{
	const char *fault = pool_watcher_state_fault(pages->watcher);

	if (!pool_watcher_first_round_done(pages->watcher)) {
		pool_text_add(body, "the first round of checks is not over\n");
		return UNAVAILABLE;
	}
	if (*fault) {
		pool_text_addf(body, "the state file cannot be used: %s\n", fault);
		return UNAVAILABLE;
	}
	pool_text_add(body, "ready\n");
	return OK;
}

int pool_pages_render(struct pool_pages *pages, enum pool_page page,
	struct pool_text *body, struct pool_text *policy)
{
	switch (page) {
	case POOL_PAGE_DASHBOARD:
		return render_dashboard(pages, body, policy);
	case POOL_PAGE_METRICS:
		return render_metrics(pages, body);
	case POOL_PAGE_STATUS:
		return render_status(pages, body);
	case POOL_PAGE_READY:
		return render_ready(pages, body);
	case POOL_PAGE_HEALTH:
	case POOL_PAGES:
		break;
	}
	pool_text_add(body, "ok\n");
	return OK;
}
