/*
 * What the tools that make checks share: options about how, and where metrics go.
 */
#ifndef POOL_TOOL_PROBE_H
#define POOL_TOOL_PROBE_H

#include "tool.h"

enum { TOOL_CONCURRENCY = 256, TOOL_CONCURRENCY_MAX = 1000000 };

/* Readers of rows: what each sets. */
int tool_read_rate(const struct tool_given *given, void *settings); /* double */
/* const char *: a file that can be read. */
int tool_read_ca_file(const struct tool_given *given, void *settings);
/* const char *: a file that may be replaced. */
int tool_read_metrics_file(const struct tool_given *given, void *settings);

/* "--metrics-file pool.json": the pool file, meant as the operand, would be replaced. The
 * exit status, having told so. */
int tool_judge_metrics_file(
	const struct tool_spec *spec, const char *metrics_file, const char *pool_file);

#endif
