/* Judging HTTP answers. */
#include <stdlib.h>
#include <string.h>
#include "probe/answer.h"

struct pool_answer_rules pool_answer_rules_of(const struct pool_probe *probe)
{
	static const struct pool_status_set none;

	return (struct pool_answer_rules){
		.cooling = probe->cooling ? probe->cooling : &none,
		.blocked = probe->blocked ? probe->blocked : &none,
	};
}

enum pool_reason pool_answer_judge(
	const struct pool_probe *probe, const struct pool_answers *answers)
{
	const int32_t status = answers->status;
	bool expected = probe->expect ? pool_status_set_has(probe->expect, status)
				      : status >= 200 && status < 400;

	if (expected && answers->reason != POOL_REASON_LIMITED && !answers->connect)
		return POOL_REASON_OK;
	return answers->reason == POOL_REASON_NONE ? POOL_REASON_STATUS : answers->reason;
}

int pool_match_init(struct pool_match *match, const char *needle)
{
	size_t length = needle ? strlen(needle) : 0;

	*match =
		(struct pool_match){.needle = needle, .length = length, .found = !length};
	if (!length)
		return 0;
	match->border = calloc(length, sizeof(*match->border));
	if (!match->border)
		return POOL_ENOMEM;
	for (size_t i = 1, at = 0; i < length; i++) {
		while (at && needle[at] != needle[i])
			at = match->border[at - 1];
		at += needle[at] == needle[i];
		match->border[i] = at;
	}
	return 0;
}

void pool_match_feed(struct pool_match *match, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length && !match->found; i++) {
		while (match->at && match->needle[match->at] != bytes[i])
			match->at = match->border[match->at - 1];
		match->at += match->needle[match->at] == bytes[i];
		match->found = match->at == match->length;
	}
}

void pool_match_release(struct pool_match *match)
{
	free(match->border);
	*match = (struct pool_match){0};
}
