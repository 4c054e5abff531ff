/* What the tools that print a report share. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tool_report.h"

int tool_read_quorum(const struct tool_given *given, void *settings)
{
	if (pool_quorum_parse(given->value, tool_member(given, settings)))
		return TOOL_YES;
	return tool_refuse_value(given, "a count or a percentage up to 100%");
}

int tool_read_range(const struct tool_given *given, void *settings)
{
	struct tool_plugin *plugin = tool_member(given, settings);
	bool warns = given->option->letter == 'w';
	struct pool_range *range = warns ? &plugin->warning : &plugin->critical;

	if (!pool_range_parse(given->value, range))
		return tool_refuse_value(given, "a range [@][start:]end");
	*(warns ? &plugin->limits.warning : &plugin->limits.critical) = range;
	return TOOL_YES;
}

int tool_read_type_or_timeout(const struct tool_given *given, void *settings)
{
	struct tool_plugin *plugin = tool_member(given, settings);
	struct tool_common *common = settings;

	if (!plugin->asked || given->is_long)
		return tool_find_type(given->spec, "--type", given->value, &common->type);
	if (pool_text_to_int(
		    given->value, 1, TOOL_TIMEOUT_MAX_S, &plugin->limits.timeout_s))
		return TOOL_YES;
	return tool_refuse(given->spec, TOOL_USAGE,
		"with --plugin, -t wants a whole number of seconds from 1 to %d, not "
		"'%s'",
		TOOL_TIMEOUT_MAX_S, given->value);
}

/* --- the plugin ----------------------------------------------------------------- */

/* getopt takes its beginning for it. */
bool tool_is_plugin(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strncmp(argv[i], "--p", 3) == 0 &&
			strncmp(argv[i], "--plugin", strlen(argv[i])) == 0)
			return true;
	return false;
}

int tool_refuse_as_plugin(int status, const char *error, const char *why)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	(void)status;
	(void)error;
	pool_plugin_print_unknown(why, &text);
	fputs(text.broken ? "UNKNOWN: out of memory\n" : text.bytes, stdout);
	pool_text_release(&text);
	return POOL_PLUGIN_UNKNOWN;
}

int tool_judge_plugin(
	const struct tool_spec *spec, const struct tool_plugin *plugin, bool format_given)
{
	if (!plugin->asked && (plugin->limits.warning || plugin->limits.critical))
		return tool_refuse(spec, TOOL_USAGE, "-w and -c go with --plugin");
	if (plugin->asked && format_given)
		return tool_refuse(spec, TOOL_USAGE,
			"--plugin has a format of its own: no --format");
	return TOOL_YES;
}

int tool_print_plugin(const struct tool_spec *spec, const struct tool_plugin *plugin,
	const struct pool_report *report)
{
	enum pool_plugin_state state = pool_plugin_judge(report, &plugin->limits);
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_plugin_print(report, &plugin->limits, state, &text);
	return tool_print_text(spec, &text, (int)state);
}

/* --- nothing to report ---------------------------------------------------------- */

int tool_tell_no_pool(const struct tool_spec *spec, const struct tool_common *common,
	enum pool_no_reason reason, const char *verb)
{
	bool disabled = reason == POOL_NO_DISABLED;

	if (common->exchange && !disabled)
		return tool_refuse(spec, TOOL_NO,
			"no pool for '%s'%s%s: neither it nor default has one",
			common->exchange, common->type < 0 ? "" : " ",
			common->type < 0 ? ""
					 : pool_type_name((enum pool_type)common->type));
	if (verb)
		tool_note("nothing to %s: the pool file %s%s%s", verb,
			disabled ? "does not say \"enabled\": true" : "has no pool",
			disabled || common->type < 0 ? "" : " for ",
			disabled || common->type < 0
				? ""
				: pool_type_name((enum pool_type)common->type));
	return TOOL_YES;
}

/* --- where it goes ---------------------------------------------------------------- */

void tool_tell_lines(void (*tell)(const char *format, ...), struct pool_text *text)
{
	char *rest = NULL, *line = NULL;

	if (text->broken)
		tool_error("out of memory");
	else if (text->length)
		line = strtok_r(text->bytes, "\n", &rest);
	for (; line; line = strtok_r(NULL, "\n", &rest))
		tell("%s", line + strspn(line, " "));
	pool_text_release(text);
}

bool tool_wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && terminal &&
		strcmp(terminal, "dumb") != 0;
}
