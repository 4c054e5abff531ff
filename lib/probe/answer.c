/* Judging HTTP answers. */
#include <stdlib.h>
#include <string.h>
#include "health/health.h"
#include "probe/answer.h"

enum pool_reason pool_answer_judge(
	const struct pool_probe *probe, int status, bool relayed)
{
	static const struct pool_status_set none;
	enum pool_reason reason =
		pool_health_judge_sets(probe->cooling ? probe->cooling : &none,
			probe->blocked ? probe->blocked : &none, status);
	bool expected = probe->expect ? pool_status_set_has(probe->expect, status)
				      : status >= 200 && status < 400;

	if (expected && reason != POOL_REASON_LIMITED)
		return POOL_REASON_OK;
	if (reason == POOL_REASON_NONE || (reason == POOL_REASON_AUTH && !relayed))
		return POOL_REASON_STATUS;
	return reason;
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
