/*
 * What the tools that print a report share: the quorum, the answer of a monitoring
 * plugin, where the text goes.
 */
#ifndef POOL_TOOL_REPORT_H
#define POOL_TOOL_REPORT_H

#include "base/text.h"
#include "report/plugin.h"
#include "tool.h"

enum { TOOL_TIMEOUT_MAX_S = 86400 };

/* What -w, -c and -t say with --plugin. A member of settings that begin with a struct
 * tool_common. */
struct tool_plugin {
	bool asked; /* --plugin was given */
	struct pool_range warning, critical;
	struct pool_plugin_limits limits; /* NULL or the two above */
};

/* Readers of rows, by the offset of what they set. */
int tool_read_quorum(const struct tool_given *given, void *settings); /* pool_quorum */
/* struct tool_plugin: -w is its warning, anything else its critical range. */
int tool_read_range(const struct tool_given *given, void *settings);
/*
 * struct tool_plugin. -t is seconds to every monitoring plugin; --type is a type always,
 * and goes into the tool_common.
 */
int tool_read_type_or_timeout(const struct tool_given *given, void *settings);

/*
 * Whether --plugin is given. To be asked before all other options: it decides what they
 * mean, and how a wrong one is told.
 */
bool tool_is_plugin(int argc, char **argv);
/* As struct tool_spec.refuse: a plugin's user sees nothing but its line. */
int tool_refuse_as_plugin(int status, const char *error, const char *why);
/* Whether -w and -c, or <format_given>, do not go with --plugin or without it: the exit
 * status, having told so. */
int tool_judge_plugin(const struct tool_spec *spec, const struct tool_plugin *plugin,
	bool format_given);
/* Print the line; the exit status. */
int tool_print_plugin(const struct tool_spec *spec, const struct tool_plugin *plugin,
	const struct pool_report *report);

/*
 * Tell that no pool was chosen, for <reason>: a yes, but not for an exchange that was
 * asked for by name and has none.
 *
 * <verb>  what there is none to: "check"; NULL: a yes is not told
 *
 * Returns the exit status.
 */
int tool_tell_no_pool(const struct tool_spec *spec, const struct tool_common *common,
	enum pool_no_reason reason, const char *verb);

/* Tell each line of <text>, which is released, as a message of its own, without the
 * blanks at its beginning; an error if the text is not whole. */
void tool_tell_lines(void (*tell)(const char *format, ...), struct pool_text *text);

/* Whether standard output is a terminal that shall have colours. */
bool tool_wants_colour(void);

#endif
