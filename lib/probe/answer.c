/* Judging HTTP answers. */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "probe/answer.h"

enum { RETRY_AFTER_MAX = 366 * 86400 };

static bool has(const struct pool_status_set *set, int status)
{
	return set && pool_status_set_has(set, status);
}

enum pool_reason pool_answer_judge(
	const struct pool_probe *probe, int status, bool relayed)
{
	bool expected = probe->expect ? has(probe->expect, status)
				      : status >= 200 && status < 400;

	if (has(probe->cooling, status))
		return POOL_REASON_LIMITED;
	if (expected)
		return POOL_REASON_OK;
	if (has(probe->blocked, status))
		return POOL_REASON_BLOCKED;
	if (status == 407 && relayed)
		return POOL_REASON_AUTH;
	return POOL_REASON_STATUS;
}

static int32_t clamp_seconds(int64_t seconds)
{
	if (seconds < 0)
		return 0;
	return seconds > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : (int32_t)seconds;
}

int32_t pool_retry_after_parse(const char *value, size_t length, int64_t wall_s)
{
	char text[64];
	int64_t number;
	time_t date;

	while (length && strchr(" \t", value[0])) {
		value++;
		length--;
	}
	while (length && strchr(" \t\r\n", value[length - 1]))
		length--;
	if (length == 0 || length >= sizeof(text))
		return -1;
	memcpy(text, value, length);
	text[length] = '\0';
	if (strspn(text, "0123456789") == length)
		return pool_text_to_int(text, 0, INT64_MAX / 2, &number)
			? clamp_seconds(number)
			: RETRY_AFTER_MAX;
	/* curl_getdate() takes much for a date that is none, a negative number among it.
	 */
	if (!strchr(text, ':'))
		return -1;
	date = curl_getdate(text, NULL);
	return date == -1 ? -1 : clamp_seconds((int64_t)date - wall_s);
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
