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

/* Why there is none. Of the options that leave none it names those that were given. */
static const char *say_none(const struct pool_query *query, enum pool_no_reason reason)
{
	const bool both = query->schemes && query->exclude_count;

	if (reason != POOL_NO_FILTERED || both)
		return pool_explain_none(reason);
	return query->schemes ? "--scheme leaves none" : "--exclude leaves none";
}

int tool_tell_none(
	int status, const struct pool_query *query, const struct pool_choice *choice)
{
	return tool_end(status, pool_error_get(POOL_ENONE)->name,
		"no proxy for '%s' %s%s%s: %s",
		query->exchange ? query->exchange : "default",
		pool_type_name(query->type), choice->where ? " in " : "",
		choice->where ? choice->where : "", say_none(query, choice->reason));
}

void tool_add_schemes(struct pool_text *out, unsigned schemes)
{
	const char *between = "";

	for (int i = 0; i < POOL_SCHEMES; i++)
		if (schemes & 1u << i) {
			pool_text_addf(out, "%s%s", between,
				pool_scheme_name((enum pool_scheme)i));
			between = ", ";
		}
	if (!schemes)
		pool_text_add(out, "all");
}

int tool_tell_unusable(
	int status, const char *who, unsigned schemes, const struct pool_choice *choice)
{
	struct pool_text known = POOL_TEXT_EMPTY;

	tool_add_schemes(&known, schemes);
	tool_end(status, pool_error_get(POOL_ENONE)->name,
		"no proxy for '%s': it knows only %s proxies, and none is left in %s",
		who, known.broken ? "other" : known.bytes, choice->where);
	pool_text_release(&known);
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
