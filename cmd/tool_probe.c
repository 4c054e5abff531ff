/* What the tools that make checks share. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "report/metrics.h"
#include "tool_probe.h"

int tool_read_rate(const struct tool_given *given, void *settings)
{
	double *rate = tool_member(given, settings);
	char *end = NULL;

	errno = 0;
	if (strspn(given->value, "0123456789.") == strlen(given->value))
		*rate = strtod(given->value, &end);
	if (end && end != given->value && !*end && !errno && *rate > 0)
		return TOOL_YES;
	return tool_refuse_value(given, "a number above 0");
}

int tool_read_ca_file(const struct tool_given *given, void *settings)
{
	*(const char **)tool_member(given, settings) = given->value;
	if (access(given->value, R_OK) == 0)
		return TOOL_YES;
	return tool_refuse(given->spec, TOOL_USAGE, "cannot read --ca-file '%s': %s",
		given->value, strerror(errno));
}

int tool_read_metrics_file(const struct tool_given *given, void *settings)
{
	struct pool_fault fault;

	*(const char **)tool_member(given, settings) = given->value;
	if (pool_metrics_check(given->value, &fault) == 0)
		return TOOL_YES;
	return tool_refuse_by(given->spec, &fault);
}

int tool_judge_metrics_file(
	const struct tool_spec *spec, const char *metrics_file, const char *pool_file)
{
	if (!tool_is_same_file(metrics_file, pool_file))
		return TOOL_YES;
	return tool_refuse(spec, TOOL_USAGE,
		"--metrics-file '%s' is the pool file, which would be replaced",
		metrics_file);
}
