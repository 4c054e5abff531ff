/* The dashboard: dashboard.html with its values filled in. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "pool.h"
#include "report/columns.h"
#include "report/html.h"
#include "report/stored.h"

enum { REFRESH_S = 10, POLL_MS = 1000, NAME_LENGTH = 40 };

/* dashboard.S */
extern const char pool_html_page[], pool_html_page_end[];

/* The page on its way: what it is about, and what it is at. */
struct page {
	const struct pool_report *report;
	const struct pool_html_extras *extras;
	struct pool_text scratch;
	bool blank; /* a block without values is written */
	uint32_t pool;
	size_t first, end;   /* rows of that pool */
	uint64_t selections; /* of them all */
	const struct pool_report_row *row;
	const struct pool_html_event *event;
};

/* --- escapes -------------------------------------------------------------------- */

static const char *escape(char special)
{
	switch (special) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	default:
		return "&#39;";
	}
}

void pool_html_add(struct pool_text *text, const char *string)
{
	while (*string) {
		size_t plain = strcspn(string, "&<>\"'");

		pool_text_add_safe(text, string, plain);
		string += plain;
		if (*string)
			pool_text_add(text, escape(*string++));
	}
}

void pool_html_add_policy(const char *nonce, struct pool_text *text)
{
	pool_text_addf(text,
		"default-src 'none'; style-src 'nonce-%s'; script-src 'nonce-%s'; "
		"connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
		"frame-ancestors 'none'",
		nonce, nonce);
}

/* --- what a pool is ------------------------------------------------------------- */

/* From bad to good. */
enum state { EXHAUSTED, STALE, DEGRADED, FINE, STATES };

static const char *const states[STATES] = {
	[EXHAUSTED] = "exhausted",
	[STALE] = "stale",
	[DEGRADED] = "degraded",
	[FINE] = "fine",
};

static enum state judge(const struct pool_report_pool *pool)
{
	if (pool->eligible == 0)
		return EXHAUSTED;
	if (pool->stale)
		return STALE;
	return pool->eligible < pool->degraded_below ? DEGRADED : FINE;
}

static const struct pool_report_pool *this_pool(const struct page *page)
{
	return &page->report->pools[page->pool];
}

/* The words in which a pool's troubles are counted, in the order they are told in. */
enum { BLOCKED, LIMIT, TRIAL, SECRET, OTHER, FLAPPING };

static const struct {
	const char *word;
	int kind;
	enum pool_status status; /* of OTHER */
} counted[] = {
	{"unhealthy", OTHER, POOL_STATUS_UNHEALTHY}, {"blocked", BLOCKED, POOL_STATUSES},
	{"cooling", OTHER, POOL_STATUS_COOLING},
	{"recovering", OTHER, POOL_STATUS_RECOVERING},
	{"at a limit", LIMIT, POOL_STATUSES}, {"on trial", TRIAL, POOL_STATUSES},
	{"without a secret", SECRET, POOL_STATUSES},
	{"unknown", OTHER, POOL_STATUS_UNKNOWN},
	{"disabled", OTHER, POOL_STATUS_DISABLED},
	{"flapping", FLAPPING, POOL_STATUSES}, /* beside what it is else */
};

enum { COUNTED = sizeof(counted) / sizeof(counted[0]) };

static int classify(const struct pool_report_row *row)
{
	if (row->stored.obstacle == POOL_OBSTACLE_LEASES ||
		row->stored.obstacle == POOL_OBSTACLE_BUDGET)
		return LIMIT;
	if (row->stored.obstacle == POOL_OBSTACLE_TRIAL)
		return TRIAL;
	if (row->stored.obstacle == POOL_OBSTACLE_SECRET)
		return SECRET;
	return row->status == POOL_STATUS_UNHEALTHY && row->stored.blocked ? BLOCKED
									   : OTHER;
}

/* What parts what follows from what was added since <start>. */
static void part(struct pool_text *text, size_t start, const char *separator)
{
	if (text->length > start)
		pool_text_add(text, separator);
}

static void add_counts(const struct page *page, struct pool_text *text)
{
	const size_t start = text->length;
	uint32_t counts[COUNTED] = {0};

	for (size_t at = page->first; at < page->end; at++) {
		const struct pool_report_row *row = &page->report->rows[at];
		const int kind = classify(row);

		for (size_t i = 0; i < COUNTED; i++)
			counts[i] += counted[i].kind == FLAPPING
				? row->stored.flapping
				: counted[i].kind == kind &&
					(kind != OTHER ||
						counted[i].status == row->status);
	}
	for (size_t i = 0; i < COUNTED; i++) {
		if (!counts[i])
			continue;
		part(text, start, ", ");
		pool_text_addf(text, "%u %s", (unsigned)counts[i], counted[i].word);
	}
}

static void add_checks(const struct pool_report_pool *pool, struct pool_text *text)
{
	if (!pool->checked) {
		pool_text_add(text, "its health_check is not enabled");
	} else if (pool->checked_age_s < 0) {
		pool_text_add(text, "never checked");
	} else if (pool->stale) {
		pool_text_add(text, "not checked for ");
		pool_show_seconds(pool->checked_age_s, text);
	}
}

/* "10 % get a proxy, the rest http://h:1 (180 uses, not checked)" */
static void add_url(const struct pool_report_pool *pool, struct pool_text *text)
{
	if (!pool->url)
		return;
	if (pool->rollout < 100)
		pool_text_addf(text, "%d %% get a proxy, the rest ", (int)pool->rollout);
	else
		pool_text_add(text, "without an eligible one ");
	pool_html_add(text, pool->url);
	pool_text_addf(text, " (%" PRIu64 " %s, not checked)", pool->url_selections,
		pool->url_selections == 1 ? "use" : "uses");
}

/* "a selection fails; never checked; 2 unhealthy, 1 cooling; checks try the port only":
 * what there is of it. */
static void add_note(const struct page *page, struct pool_text *text)
{
	const struct pool_report_pool *pool = this_pool(page);
	const char *tried = pool_report_tried(pool);
	const size_t start = text->length;
	struct pool_text parts[3] = {POOL_TEXT_EMPTY, POOL_TEXT_EMPTY, POOL_TEXT_EMPTY};

	if (pool->eligible == 0) {
		pool_text_add(text, "a selection ");
		pool_html_add(text, pool_resort_get(pool_report_resort(pool))->sentence);
	}
	add_checks(pool, &parts[0]);
	add_counts(page, &parts[1]);
	add_url(pool, &parts[2]);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].length) {
			part(text, start, "; ");
			pool_text_add(text, parts[i].bytes);
		}
		text->broken |= parts[i].broken;
		pool_text_release(&parts[i]);
	}
	if (tried) {
		part(text, start, "; ");
		pool_text_add(text, tried);
	}
}

static void add_segments(const struct page *page, struct pool_text *text)
{
	static const enum pool_status order[] = {POOL_STATUS_HEALTHY,
		POOL_STATUS_RECOVERING, POOL_STATUS_COOLING, POOL_STATUS_UNHEALTHY,
		POOL_STATUS_UNKNOWN, POOL_STATUS_DISABLED};
	const struct pool_report_pool *pool = this_pool(page);
	uint32_t before = 0;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const uint32_t count = pool->statuses[order[i]];

		if (!count)
			continue;
		pool_text_addf(text,
			"<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" "
			"height=\"100%%\"/>",
			pool_status_name(order[i]), 100.0 * before / pool->proxies,
			100.0 * count / pool->proxies);
		before += count;
	}
}

static void add_where(const struct page *page, struct pool_text *text)
{
	pool_html_add(text, this_pool(page)->where);
}

static void add_types(const struct page *page, struct pool_text *text)
{
	const unsigned types = this_pool(page)->types;

	pool_text_add(
		text, (types & 3) == 3 ? "http, websocket" : pool_report_types(types));
}

static void add_pool_state(const struct page *page, struct pool_text *text)
{
	pool_text_add(text, states[judge(this_pool(page))]);
}

static void add_anchor(const struct page *page, struct pool_text *text)
{
	pool_text_addf(text, "pool-%u", (unsigned)page->pool);
}

static void add_eligible(const struct page *page, struct pool_text *text)
{
	pool_text_addf(text, "%u", (unsigned)this_pool(page)->eligible);
}

static void add_enabled(const struct page *page, struct pool_text *text)
{
	pool_text_addf(text, "%u", (unsigned)this_pool(page)->enabled);
}

/* --- what a proxy is ------------------------------------------------------------ */

/* Of one that is well there is nothing to tell. */
static bool is_quiet(const struct pool_report_row *row)
{
	return !pool_obstacle_get(row->stored.obstacle)->name &&
		(row->reason == POOL_REASON_OK || row->reason == POOL_REASON_NONE);
}

static void add_cause(const struct page *page, struct pool_text *text)
{
	const struct pool_obstacle_row *obstacle =
		pool_obstacle_get(page->row->stored.obstacle);

	if (!is_quiet(page->row))
		pool_text_add(text,
			obstacle->name ? obstacle->name
				       : pool_reason_get((int)page->row->reason)->name);
}

static void add_sentence(const struct page *page, struct pool_text *text)
{
	const struct pool_obstacle_row *obstacle =
		pool_obstacle_get(page->row->stored.obstacle);

	if (!is_quiet(page->row))
		pool_html_add(text,
			obstacle->name
				? obstacle->sentence
				: pool_reason_get((int)page->row->reason)->sentence);
}

static void add_advice(const struct page *page, struct pool_text *text)
{
	const struct pool_obstacle_row *obstacle =
		pool_obstacle_get(page->row->stored.obstacle);

	if (!is_quiet(page->row))
		pool_html_add(text,
			obstacle->name ? obstacle->advice
				       : pool_reason_get((int)page->row->reason)->advice);
}

static void add_badge(const struct page *page, struct pool_text *text)
{
	pool_text_add(text, page->row->stored.flapping ? "flapping" : "");
}

static double share_of(const struct page *page)
{
	return page->selections
		? 100.0 * (double)page->row->stored.selections / (double)page->selections
		: 0;
}

static void add_share(const struct page *page, struct pool_text *text)
{
	const double percent = share_of(page);

	if (!page->selections)
		return;
	if (percent > 0 && percent < 1)
		pool_text_add(text, "&lt;1 %");
	else
		pool_text_addf(text, "%d %%", (int)(percent + 0.5));
}

static void add_share_width(const struct page *page, struct pool_text *text)
{
	pool_text_addf(text, "%.2f", share_of(page));
}

/* A column of that name, as people read it; false: there is none. */
static bool add_column(struct page *page, const char *name, struct pool_text *text)
{
	for (int i = 0; i < POOL_COLUMNS; i++) {
		const struct pool_column_row *column =
			pool_column_get((enum pool_column)i);
		struct pool_cell cell;

		if (strcmp(column->name, name) != 0)
			continue;
		cell = column->get(this_pool(page), page->row);
		page->scratch.length = 0;
		if (cell.kind == POOL_CELL_NONE)
			return true;
		if (cell.kind == POOL_CELL_TEXT) {
			pool_html_add(text, cell.text);
			return true;
		}
		pool_cell_show(&cell, &page->scratch);
		if (page->scratch.bytes)
			pool_html_add(text, page->scratch.bytes);
		return true;
	}
	return false;
}

/* --- what the whole is ---------------------------------------------------------- */

static uint32_t count_state(const struct page *page, enum state state, uint32_t *last)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < page->report->pool_count; i++)
		if (judge(&page->report->pools[i]) == state) {
			count++;
			*last = i;
		}
	return count;
}

static enum state worst_state(const struct page *page)
{
	enum state worst = FINE;

	for (uint32_t i = 0; i < page->report->pool_count; i++)
		if (judge(&page->report->pools[i]) < worst)
			worst = judge(&page->report->pools[i]);
	return worst;
}

static void add_state(const struct page *page, struct pool_text *text)
{
	pool_text_add(
		text, page->report->pool_count ? states[worst_state(page)] : "none");
}

/* "default.http is exhausted, 2 pools are degraded" */
static void add_verdict(const struct page *page, struct pool_text *text)
{
	const struct pool_report *report = page->report;
	const size_t start = text->length;
	uint32_t last = 0;

	for (enum state state = 0; state < FINE; state++) {
		const uint32_t count = count_state(page, state, &last);

		if (!count)
			continue;
		part(text, start, ", ");
		if (count == 1)
			pool_html_add(text, report->pools[last].where);
		else
			pool_text_addf(text, "%u pools", (unsigned)count);
		pool_text_addf(text, " %s %s", count == 1 ? "is" : "are", states[state]);
	}
	if (text->length > start)
		return;
	if (report->pool_count == 0) {
		pool_text_add(text, "The pool file has no pool");
	} else if (report->pool_count == 1) {
		pool_html_add(text, report->pools[0].where);
		pool_text_add(text, " is fine");
	} else {
		pool_text_addf(text, "All %zu pools are fine", report->pool_count);
	}
}

static void sum_up(const struct page *page, uint64_t *eligible, uint64_t *enabled)
{
	*eligible = *enabled = 0;
	for (size_t i = 0; i < page->report->pool_count; i++) {
		*eligible += page->report->pools[i].eligible;
		*enabled += page->report->pools[i].enabled;
	}
}

static void add_totals(const struct page *page, struct pool_text *text)
{
	uint64_t eligible, enabled, held = 0;

	sum_up(page, &eligible, &enabled);
	for (size_t i = 0; i < page->report->row_count; i++)
		held += page->report->rows[i].stored.held;
	pool_text_addf(text,
		"%" PRIu64 " of %" PRIu64 " %s eligible, %" PRIu64
		" %s held, watched for ",
		eligible, enabled, enabled == 1 ? "proxy" : "proxies", held,
		held == 1 ? "lease" : "leases");
	pool_show_seconds(page->extras->uptime_s, text);
}

/* For the title: "7/9". */
static void add_count(const struct page *page, struct pool_text *text)
{
	uint64_t eligible, enabled;

	sum_up(page, &eligible, &enabled);
	pool_text_addf(text, "%" PRIu64 "/%" PRIu64, eligible, enabled);
}

static void add_title(const struct page *page, struct pool_text *text)
{
	pool_html_add(text, page->extras->title ? page->extras->title : "proxypool");
}

static void add_file(const struct page *page, struct pool_text *text)
{
	pool_html_add(text, page->extras->file ? page->extras->file : "");
}

static void add_fault(const struct page *page, struct pool_text *text)
{
	pool_html_add(text, page->extras->fault ? page->extras->fault : "");
}

static void add_fault_hidden(const struct page *page, struct pool_text *text)
{
	pool_text_add(text, page->extras->fault ? "" : "hidden");
}

static void add_starting_hidden(const struct page *page, struct pool_text *text)
{
	pool_text_add(text, page->extras->starting ? "" : "hidden");
}

static void add_nonce(const struct page *page, struct pool_text *text)
{
	pool_html_add(text, page->extras->nonce ? page->extras->nonce : "");
}

static void add_now(const struct page *page, struct pool_text *text)
{
	const struct pool_cell cell = {
		.kind = POOL_CELL_MOMENT, .number = page->extras->now_wall_s};

	pool_cell_show(&cell, text);
}

static void add_refresh(const struct page *page, struct pool_text *text)
{
	const int64_t seconds = page->extras->refresh_s;

	pool_text_addf(text, "%" PRId64, seconds > 0 ? seconds : REFRESH_S);
}

static void add_poll(const struct page *page, struct pool_text *text)
{
	const int64_t ms = page->extras->poll_ms;

	pool_text_addf(text, "%" PRId64, ms > 0 ? ms : POLL_MS);
}

static void add_version(const struct page *page, struct pool_text *text)
{
	(void)page;
	pool_text_add(text, POOL_VERSION);
}

/* Our own sentences, for the script: none has a character that JSON or HTML escapes, but
 * for apostrophes. */
static void add_words(const struct page *page, struct pool_text *text)
{
	const char *comma = "";

	(void)page;
	pool_text_add(text, "{\"causes\":{");
	for (int i = 0; i < POOL_OBSTACLES; i++) {
		const struct pool_obstacle_row *row =
			pool_obstacle_get((enum pool_obstacle)i);

		if (!row->name)
			continue;
		pool_text_addf(text, "%s\"%s\":{\"sentence\":\"%s\",\"advice\":\"%s\"}",
			comma, row->name, row->sentence, row->advice);
		comma = ",";
	}
	pool_text_add(text, "},\"exhausted\":{");
	for (int i = 0; i < POOL_RESORTS; i++) {
		const struct pool_resort_row *row = pool_resort_get((enum pool_resort)i);

		pool_text_addf(
			text, "%s\"%s\":\"%s\"", i ? "," : "", row->name, row->sentence);
	}
	comma = "";
	pool_text_add(text, "},\"tried\":{");
	for (int i = 0; i < POOL_METHODS; i++) {
		const struct pool_tried_row *row = pool_tried_get((enum pool_method)i);

		if (!row->phrase)
			continue;
		pool_text_addf(text, "%s\"%s\":\"%s\"", comma, row->name, row->phrase);
		comma = ",";
	}
	pool_text_add(text, "},\"counted\":[");
	for (size_t i = 0; i < COUNTED; i++)
		pool_text_addf(text, "%s\"%s\"", i ? "," : "", counted[i].word);
	pool_text_add(text, "]}");
}

/* --- events --------------------------------------------------------------------- */

static void add_time(const struct page *page, struct pool_text *text)
{
	pool_html_add(text, page->event->time);
}

/* Without the date, if that is today's. */
static void add_short_time(const struct page *page, struct pool_text *text)
{
	const char *time = page->event->time;
	struct pool_text today = POOL_TEXT_EMPTY;

	add_now(page, &today);
	if (today.bytes && strlen(time) == 20 && time[10] == 'T' &&
		strncmp(today.bytes, time, 10) == 0)
		pool_text_add_bytes(text, time + 11, 8);
	else
		pool_html_add(text, time);
	pool_text_release(&today);
}

static void add_event(const struct page *page, struct pool_text *text)
{
	pool_html_add(text, page->event->event);
}

static void add_level(const struct page *page, struct pool_text *text)
{
	pool_html_add(text, page->event->level);
}

static void add_message(const struct page *page, struct pool_text *text)
{
	pool_html_add(text, page->event->message);
}

/* --- filling in ----------------------------------------------------------------- */

struct value {
	const char *name;
	void (*add)(const struct page *page, struct pool_text *text);
};

static const struct value page_values[] = {
	{"title", add_title},
	{"state", add_state},
	{"verdict", add_verdict},
	{"totals", add_totals},
	{"count", add_count},
	{"file", add_file},
	{"fault", add_fault},
	{"fault_hidden", add_fault_hidden},
	{"starting_hidden", add_starting_hidden},
	{"nonce", add_nonce},
	{"now", add_now},
	{"refresh", add_refresh},
	{"poll", add_poll},
	{"version", add_version},
	{"words", add_words},
	{NULL, NULL},
};

static const struct value pool_values[] = {
	{"pool", add_where},
	{"types", add_types},
	{"state", add_pool_state},
	{"anchor", add_anchor},
	{"eligible", add_eligible},
	{"enabled", add_enabled},
	{"note", add_note},
	{"segments", add_segments},
	{NULL, NULL},
};

/* Beside these, the columns of a report by their names. */
static const struct value row_values[] = {
	{"cause", add_cause},
	{"sentence", add_sentence},
	{"what_to_do", add_advice},
	{"badge", add_badge},
	{"share", add_share},
	{"share_width", add_share_width},
	{NULL, NULL},
};

static const struct value event_values[] = {
	{"time", add_time},
	{"short_time", add_short_time},
	{"event", add_event},
	{"level", add_level},
	{"message", add_message},
	{NULL, NULL},
};

struct slice {
	const char *at, *end;
};

static void fill_in(struct page *page, struct slice slice, const struct value *values,
	struct pool_text *text);

static void repeat_pools(struct page *page, struct slice body, struct pool_text *text)
{
	const struct pool_report *report = page->report;
	size_t at = 0;

	for (page->pool = 0; page->pool < report->pool_count; page->pool++) {
		page->selections = 0;
		page->first = at;
		for (; at < report->row_count && report->rows[at].pool == page->pool;
			at++)
			page->selections += report->rows[at].stored.selections;
		page->end = at;
		fill_in(page, body, pool_values, text);
	}
}

static void repeat_rows(struct page *page, struct slice body, struct pool_text *text)
{
	for (size_t at = page->first; at < page->end && !text->broken; at++) {
		page->row = &page->report->rows[at];
		fill_in(page, body, row_values, text);
	}
}

static void repeat_events(struct page *page, struct slice body, struct pool_text *text)
{
	for (size_t at = page->extras->event_count; at > 0; at--) {
		page->event = &page->extras->events[at - 1];
		fill_in(page, body, event_values, text);
	}
}

static const struct block {
	const char *name;
	void (*repeat)(struct page *page, struct slice body, struct pool_text *text);
} blocks[] = {
	{"tiles", repeat_pools},
	{"pools", repeat_pools},
	{"rows", repeat_rows},
	{"events", repeat_events},
};

/* The body of the first block called <name> within <slice>; empty: there is none. */
static struct slice find_block(struct slice slice, const char *name)
{
	char mark[NAME_LENGTH + 8];
	struct slice body = {slice.end, slice.end};
	const char *found;

	snprintf(mark, sizeof(mark), "{{#%s}}", name);
	found = memmem(slice.at, (size_t)(slice.end - slice.at), mark, strlen(mark));
	if (!found)
		return body;
	found += strlen(mark);
	mark[2] = '/';
	body.end = memmem(found, (size_t)(slice.end - found), mark, strlen(mark));
	body.at = body.end ? found : slice.end;
	body.end = body.end ? body.end : slice.end;
	return body;
}

/* What "{{#name}}" begins; answers where it ends. */
static const char *add_block(
	struct page *page, struct slice rest, const char *name, struct pool_text *text)
{
	const struct slice body = find_block(rest, name);

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]) && !page->blank; i++)
		if (strcmp(blocks[i].name, name) == 0)
			blocks[i].repeat(page, body, text);
	return body.end == rest.end ? rest.end : body.end + strlen(name) + 5;
}

static void add_blank(struct page *page, const char *name, struct pool_text *text)
{
	const struct slice whole = {pool_html_page, pool_html_page_end};

	page->blank = true;
	fill_in(page, find_block(whole, name), page_values, text);
	page->blank = false;
}

static void add_value(struct page *page, const struct value *values, const char *name,
	struct pool_text *text)
{
	if (page->blank)
		return;
	for (const struct value *value = values; value->name; value++)
		if (strcmp(value->name, name) == 0) {
			value->add(page, text);
			return;
		}
	/* A name that nobody knows stays, and a test finds it. */
	if (values != row_values || !add_column(page, name, text))
		pool_text_addf(text, "{{%s}}", name);
}

static void fill_in(struct page *page, struct slice slice, const struct value *values,
	struct pool_text *text)
{
	while (slice.at < slice.end) {
		const size_t left = (size_t)(slice.end - slice.at);
		const char *open = memmem(slice.at, left, "{{", 2);
		const char *close =
			open ? memmem(open, (size_t)(slice.end - open), "}}", 2) : NULL;
		char name[NAME_LENGTH];

		if (!close || close - open - 2 >= NAME_LENGTH) {
			pool_text_add_bytes(text, slice.at, left);
			return;
		}
		pool_text_add_bytes(text, slice.at, (size_t)(open - slice.at));
		snprintf(name, sizeof(name), "%.*s", (int)(close - open - 2), open + 2);
		slice.at = close + 2;
		if (name[0] == '#')
			slice.at = add_block(
				page, (struct slice){open, slice.end}, name + 1, text);
		else if (name[0] == '=')
			add_blank(page, name + 1, text);
		else
			add_value(page, values, name, text);
	}
}

void pool_html_render(const struct pool_report *report,
	const struct pool_html_extras *extras, struct pool_text *text)
{
	struct page page = {.report = report, .extras = extras};

	fill_in(&page, (struct slice){pool_html_page, pool_html_page_end}, page_values,
		text);
	text->broken |= page.scratch.broken;
	pool_text_release(&page.scratch);
}
