/* What the tools that select share. */
#include <string.h>
#include "config/url.h"
#include "report/explain.h"
#include "select/strategy.h"
#include "tool_select.h"

int tool_read_schemes(const struct tool_given *given, void *settings)
{
	unsigned *schemes = tool_member(given, settings);
	const char *names[POOL_SCHEMES];
	char *rest = NULL;

	for (int i = 0; i < POOL_SCHEMES; i++)
		names[i] = pool_scheme_name((enum pool_scheme)i);
	*schemes = 0;
	for (char *word = strtok_r(given->value, ",", &rest); word;
		word = strtok_r(NULL, ",", &rest)) {
		int scheme = 0;
		int status = tool_find_word(given->spec, "--scheme", NULL, word, names,
			POOL_SCHEMES, &scheme);

		if (status)
			return status;
		*schemes |= 1u << scheme;
	}
	if (*schemes)
		return TOOL_YES;
	return tool_refuse(given->spec, TOOL_USAGE, "--scheme wants at least one scheme");
}

int tool_read_strategy(const struct tool_given *given, void *settings)
{
	const char *names[POOL_STRATEGIES];
	int found;

	for (unsigned i = 0; i < POOL_STRATEGIES; i++)
		names[i] = pool_strategy_get(i)->name;
	*(const char **)tool_member(given, settings) = given->value;
	return tool_find_value(given, names, POOL_STRATEGIES, &found);
}

unsigned tool_schemes_of_both(unsigned asked, unsigned possible)
{
	if (!asked || !possible)
		return asked | possible;
	return asked & possible ? asked & possible : 1u << POOL_SCHEMES;
}

struct pool_answer_query tool_answer_query(const struct pool_query *query)
{
	return (struct pool_answer_query){
		.exchange = query->exchange ? query->exchange : "default",
		.type = query->type,
		.caller = pool_variables_look(tool_lookup, NULL),
	};
}

int tool_tell_none(int status, const struct pool_query *query,
	const struct pool_explain_schemes *schemes, const char *after,
	const struct pool_choice *choice)
{
	struct pool_text why = POOL_TEXT_EMPTY;

	pool_explain_shortage(&why, query, schemes, choice);
	tool_end(status, pool_error_get(POOL_ENONE)->name,
		"no proxy for '%s' %s%s%s%s: %s",
		query->exchange ? query->exchange : "default",
		pool_type_name(query->type), choice->where ? " in " : "",
		choice->where ? choice->where : "", after,
		why.broken || !why.length ? pool_explain_none(choice->reason)
					  : why.bytes);
	pool_text_release(&why);
	return status;
}

void tool_tell_choice(const struct pool_query *query, const struct pool_choice *choice)
{
	const struct pool_answer_query asked = tool_answer_query(query);

	for (size_t i = 0; i < choice->count; i++) {
		struct pool_text line = POOL_TEXT_EMPTY;

		pool_explain_proxy(&line, &asked, &choice->proxies[i]);
		if (!line.broken && line.length)
			tool_note("%s", line.bytes);
		pool_text_release(&line);
	}
}

bool tool_may_go_direct(enum pool_no_reason reason)
{
	return reason == POOL_NO_DISABLED || reason == POOL_NO_NOT_CONFIGURED;
}
