/*
 * A report as Prometheus text, for the textfile collector or an HTTP endpoint.
 *
 * Every name begins with proxypool_; HELP and TYPE stand once, before all series of their
 * name. The labels are pool (where it stands in the pool file), proxy (its name), and
 * words of tables: status, verdict, strategy. Never a URL.
 *
 * Not promised: the order of series. Names, labels and meanings are.
 */
#ifndef POOL_REPORT_METRICS_H
#define POOL_REPORT_METRICS_H

#include "pool.h"
#include "report/status.h"

/* Append what the report knows, without a series for each proxy unless <per_proxy>. */
void pool_metrics_render(
	const struct pool_report *report, bool per_proxy, struct pool_text *text);

/*
 * Whether <path> may be written to: a device, a FIFO, a symbolic link or a folder would
 * be replaced by a file. One that does not exist may.
 *
 * Returns 0 or POOL_EARGUMENT.
 */
int pool_metrics_check(const char *path, struct pool_fault *fault);

/*
 * Write <text> to <path> for the textfile collector: to a file beside it, mode 0644, then
 * renamed, so that nobody reads half of it.
 *
 * Returns 0, POOL_ESYSTEM, POOL_ENOMEM, or POOL_EARGUMENT as above.
 */
int pool_metrics_write(
	const char *path, const struct pool_text *text, struct pool_fault *fault);

/* Both at once. */
int pool_metrics_save(
	const struct pool_report *report, const char *path, struct pool_fault *fault);

#endif
