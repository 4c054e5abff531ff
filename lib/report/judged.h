/*
 * Judged pool files, as text and JSON: what pool-validate prints.
 */
#ifndef POOL_REPORT_JUDGED_H
#define POOL_REPORT_JUDGED_H

#include "base/text.h"
#include "config/config.h"

/* One file and its verdict. */
struct pool_judged {
	const char *file;        /* as named; borrowed */
	struct pool_fault fault; /* code is not 0 where it could not be read at all */
	struct pool_diagnostics found;
	struct pool_settings settings; /* only where it is <readable> */
	bool readable;                 /* read, without errors */
	bool valid;                    /* readable, and no warning where those count */
};

/* Numbers of a configuration: each single url is a pool of one, copies count once more.
 */
void pool_judged_count(const struct pool_judged *judged, size_t *proxies, size_t *pools);

/* The line of a diagnostic and a caret below it, each with a newline; "" where there is
 * none. */
void pool_judged_caret(const struct pool_diagnostic *diagnostic, struct pool_text *out);

/* How the diagnostics of a file are told. */
struct pool_judged_view {
	size_t max;               /* how many to show; 0: all */
	enum pool_severity least; /* leave out what is milder */
	bool count_faults;        /* a last line with their numbers */
	bool carets;              /* their lines as well, for a terminal */
};

/* How many of the diagnostics, which stand in order, are shown. */
size_t pool_judged_shown(
	const struct pool_judged *judged, const struct pool_judged_view *view);
/* Append their numbers, with those that are not shown for view->max. */
void pool_judged_count_faults(const struct pool_judged *judged,
	const struct pool_judged_view *view, struct pool_text *out);
/* Append the diagnostics, a line each; nothing where there are none. */
void pool_judged_tell(const struct pool_judged *judged,
	const struct pool_judged_view *view, struct pool_text *out);

/* "pool.json: valid, 3 proxies in 1 pool", with its newline. */
void pool_judged_summarize(const struct pool_judged *judged, struct pool_text *out);

/* One JSON document about all files; free() it. NULL when out of memory. */
char *pool_judged_json(const struct pool_judged *list, size_t count);

/*
 * The table of lookups: exchange, type, where it comes from, what it leads to.
 *
 * <exchange>  only that one; NULL: all, and the default
 * <type>      only that one; POOL_TYPES: all
 */
void pool_judged_resolve(const struct pool_settings *settings, const char *exchange,
	enum pool_type type, struct pool_text *out);

#endif
