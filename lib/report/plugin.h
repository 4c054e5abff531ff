/*
 * The answer of a monitoring plugin: ranges, one line with performance data, a status of
 * its own. monitoring-plugins.org/doc/guidelines.html
 */
#ifndef POOL_REPORT_PLUGIN_H
#define POOL_REPORT_PLUGIN_H

#include "report/status.h"

/* The exit statuses of a plugin. */
enum pool_plugin_state {
	POOL_PLUGIN_OK,
	POOL_PLUGIN_WARNING,
	POOL_PLUGIN_CRITICAL,
	POOL_PLUGIN_UNKNOWN,
	POOL_PLUGIN_STATES
};

/* "OK", "WARNING", ... */
const char *pool_plugin_state_name(enum pool_plugin_state state);

/* "[@][start:]end": alert outside start..end, both included; with "@" alert inside. */
struct pool_range {
	double start; /* -INFINITY for "~" */
	double end;   /* INFINITY where it is left out */
	bool inside;
};

/* False for what is no range, or one whose start is above its end. */
bool pool_range_parse(const char *text, struct pool_range *out);
bool pool_range_alerts(const struct pool_range *range, double value);
/* As text, in the shortest form. */
void pool_range_print(const struct pool_range *range, struct pool_text *text);

/* When to alert about the worst pool's percentage passed. NULL: critical below the
 * quorum, warning below 100. */
struct pool_plugin_limits {
	const struct pool_range *warning;
	const struct pool_range *critical;
	int64_t timeout_s; /* of the run: the maximum of its time */
};

/*
 * Judge a counted report. Inconclusive checks count as not passed; where that alone would
 * make it critical it is unknown. So it is where a pool is stale.
 */
enum pool_plugin_state pool_plugin_judge(
	const struct pool_report *report, const struct pool_plugin_limits *limits);

/* The line, with its newline. */
void pool_plugin_print(const struct pool_report *report,
	const struct pool_plugin_limits *limits, enum pool_plugin_state state,
	struct pool_text *text);

/* "POOL UNKNOWN - <why>", what could mislead the line's reader replaced. */
void pool_plugin_print_unknown(const char *why, struct pool_text *text);

#endif
