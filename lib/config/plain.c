/* Scalars without quotes: the rules of YAML 1.1's types, as PyYAML has them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/plain.h"

static const char decimal[] = "0123456789_";

/* The words in the three ways of writing them that count: yes, Yes, YES. */
static const struct {
	const char *word;
	enum pool_plain plain;
} words[] = {
	{"yes", POOL_PLAIN_TRUE},
	{"true", POOL_PLAIN_TRUE},
	{"on", POOL_PLAIN_TRUE},
	{"no", POOL_PLAIN_FALSE},
	{"false", POOL_PLAIN_FALSE},
	{"off", POOL_PLAIN_FALSE},
	{"null", POOL_PLAIN_NULL},
	{"~", POOL_PLAIN_NULL},
	{"", POOL_PLAIN_NULL},
	{"<<", POOL_PLAIN_MERGE},
	{"=", POOL_PLAIN_EQUALS},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* All small, all capital, or only the first letter capital. */
static bool is_written(const char *text, const char *word)
{
	size_t length = strlen(word), capitals = 0;

	if (strcasecmp(text, word) != 0)
		return false;
	for (size_t i = 0; i < length; i++)
		capitals += is_lower(word[i]) && !is_lower(text[i]);
	return capitals == 0 || capitals == length || (capitals == 1 && !is_lower(*text));
}

static const char *skip_sign(const char *text)
{
	return text + (*text == '-' || *text == '+');
}

/* <text> is made of <set> alone, and there is some. */
static bool is_all(const char *text, const char *set)
{
	return *text && !text[strspn(text, set)];
}

/* Groups of one or two digits below 60, each behind a colon; a fraction may follow. */
static bool is_sexagesimal(const char *text)
{
	size_t groups = 0;

	text = skip_sign(text);
	if (!is_digit(*text))
		return false;
	text += strspn(text, decimal);
	while (*text == ':' && is_digit(text[1])) {
		bool two = text[1] <= '5' && is_digit(text[2]);

		text += two ? 3 : 2;
		groups++;
	}
	if (*text == '.')
		text += 1 + strspn(text + 1, decimal);
	return groups && !*text;
}

static bool is_integer(const char *text)
{
	text = skip_sign(text);
	return strcmp(text, "0") == 0 ||
		(*text >= '1' && *text <= '9' && is_all(text, decimal));
}

static bool is_fraction(const char *text)
{
	bool signed_ = *text == '-' || *text == '+', point;

	text = skip_sign(text);
	/* No sign stands before a bare point. */
	if (*text == '.' && (signed_ || !is_digit(text[1])))
		return false;
	if (*text != '.' && !is_digit(*text))
		return false;
	text += strspn(text, decimal);
	point = *text == '.';
	if (point)
		text += 1 + strspn(text + 1, decimal);
	if (point && (*text == 'e' || *text == 'E') &&
		(text[1] == '-' || text[1] == '+') && is_digit(text[2]))
		text += 2 + strspn(text + 2, "0123456789");
	return point && !*text;
}

static bool is_unbounded(const char *text)
{
	if (strcmp(text, ".nan") == 0 || strcmp(text, ".NaN") == 0 ||
		strcmp(text, ".NAN") == 0)
		return true;
	text = skip_sign(text);
	return *text == '.' && is_written(text + 1, "inf");
}

/* 2026-11-26, and with a time behind it. */
static bool is_date(const char *text)
{
	for (int i = 0; i < 4; i++)
		if (!is_digit(text[i]))
			return false;
	if (text[4] != '-' || !is_digit(text[5]))
		return false;
	text += is_digit(text[6]) ? 7 : 6;
	if (*text != '-' || !is_digit(text[1]))
		return false;
	text += is_digit(text[2]) ? 3 : 2;
	return !*text || strchr("Tt \t", *text);
}

static enum pool_plain find_number(const char *text)
{
	const char *digits = skip_sign(text);

	if (*digits == '0' && digits[1] == 'x' &&
		is_all(digits + 2, "0123456789abcdefABCDEF_"))
		return digits == text && !strchr(digits, '_') ? POOL_PLAIN_NUMBER
							      : POOL_PLAIN_NOTATION;
	if (*digits == '0' && digits[1] == 'b' && is_all(digits + 2, "01_"))
		return POOL_PLAIN_NOTATION;
	if (*digits == '0' && is_all(digits + 1, "01234567_"))
		return POOL_PLAIN_OCTAL;
	if (is_integer(text) || is_fraction(text) || is_unbounded(text))
		return POOL_PLAIN_NUMBER;
	if (is_sexagesimal(text))
		return POOL_PLAIN_SEXAGESIMAL;
	return is_date(text) ? POOL_PLAIN_DATE : POOL_PLAIN_STRING;
}

enum pool_plain pool_plain_find(const char *text)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_written(text, words[i].word))
			return words[i].plain;
	return strchr("+-.0123456789", *text) ? find_number(text) : POOL_PLAIN_STRING;
}

const char *pool_plain_trouble(enum pool_plain plain)
{
	static const char *const troubles[POOL_PLAINS] = {
		[POOL_PLAIN_OCTAL] = "base 8 to YAML 1.1 and base 10 to YAML 1.2: write "
				     "it without the leading zero",
		[POOL_PLAIN_SEXAGESIMAL] =
			"base 60 to YAML 1.1 and a string to YAML 1.2: write "
			"a decimal number, or put it in quotes",
		[POOL_PLAIN_NOTATION] =
			"a number to YAML 1.1 and a string to YAML 1.2: write "
			"a decimal number, or put it in quotes",
		[POOL_PLAIN_DATE] =
			"a date to YAML 1.1 and a string to YAML 1.2: put it in quotes",
		[POOL_PLAIN_MERGE] = "the merge key of YAML 1.1: put it in quotes",
		[POOL_PLAIN_EQUALS] = "a special value to YAML 1.1: put it in quotes",
	};

	return troubles[plain];
}

void pool_plain_number(const char *text, char *out, size_t size)
{
	const char *digits = skip_sign(text);
	size_t used = 0;

	if (is_unbounded(text)) {
		snprintf(out, size, "%s", text);
		return;
	}
	if (digits[0] == '0' && digits[1] == 'x') {
		errno = 0;
		snprintf(out, size, "%llu", strtoull(digits, NULL, 16));
		return;
	}
	if (*text == '-')
		out[used++] = '-';
	if (*digits == '.')
		out[used++] = '0';
	while (*digits == '0' && (is_digit(digits[1]) || digits[1] == '_'))
		digits++;
	for (; *digits && used + 2 < size; digits++) {
		if (*digits == '_')
			continue;
		out[used++] = *digits;
		if (*digits == '.' && !is_digit(digits[1 + strspn(digits + 1, "_")]))
			out[used++] = '0';
	}
	out[used] = '\0';
}
