/* Scalars without quotes: the rules of YAML 1.1's types, as PyYAML has them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/json.h"
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

/* Groups of one or two digits below 60, each behind a colon; a fraction may follow, and
 * must behind a zero. */
static bool is_sexagesimal(const char *text)
{
	size_t groups = 0;

	text = skip_sign(text);
	if (!is_digit(*text) || (*text == '0' && !strchr(text, '.')))
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

/* Pass from <least> to <most> digits; NULL if there are fewer. */
static const char *skip_digits(const char *text, int least, int most)
{
	int count = 0;

	while (count < most && is_digit(text[count]))
		count++;
	return count >= least ? text + count : NULL;
}

/* The same behind the character <mark>. */
static const char *skip_part(const char *text, char mark, int least, int most)
{
	return text && *text == mark ? skip_digits(text + 1, least, most) : NULL;
}

/* Z, or +01, or +01:30, blanks before it, or nothing. */
static bool is_zone(const char *text)
{
	if (!*text)
		return true;
	text += strspn(text, " \t");
	if (strcmp(text, "Z") == 0)
		return true;
	text = *text == '-' || *text == '+' ? skip_digits(text + 1, 1, 2) : NULL;
	if (text && *text == ':')
		text = skip_part(text, ':', 2, 2);
	return text && !*text;
}

/* 2026-11-26; or with a time behind it, when month and day may have one digit. */
static bool is_date(const char *text)
{
	const char *month = skip_digits(text, 4, 4), *day = skip_part(month, '-', 1, 2),
		   *end = skip_part(day, '-', 1, 2);

	if (!end)
		return false;
	if (!*end)
		return end - text == 10;
	if (*end == 'T' || *end == 't')
		end++;
	else if (*end == ' ' || *end == '\t')
		end += strspn(end, " \t");
	else
		return false;
	end = skip_part(skip_part(skip_digits(end, 1, 2), ':', 2, 2), ':', 2, 2);
	if (end && *end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	return end && is_zone(end);
}

/* How a number of base 16 can be read: as one that fits into 64 bits, or not. */
static enum pool_plain judge_hexadecimal(const char *text)
{
	if (*text != '0' || strchr(text, '_'))
		return POOL_PLAIN_NOTATION;
	return strlen(text) <= 2 + 16 ? POOL_PLAIN_NUMBER : POOL_PLAIN_LONG;
}

static enum pool_plain find_number(const char *text)
{
	const char *digits = skip_sign(text);

	if (*digits == '0' && digits[1] == 'x' &&
		is_all(digits + 2, "0123456789abcdefABCDEF_"))
		return judge_hexadecimal(text);
	if (*digits == '0' && digits[1] == 'b' && is_all(digits + 2, "01_"))
		return POOL_PLAIN_NOTATION;
	if (*digits == '0' && is_all(digits + 1, "01234567_"))
		return POOL_PLAIN_OCTAL;
	if (is_integer(text) || is_fraction(text) || is_unbounded(text))
		return strlen(text) <= POOL_JSON_NUMBER ? POOL_PLAIN_NUMBER
							: POOL_PLAIN_LONG;
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
		[POOL_PLAIN_MERGE] = "the merge key to YAML 1.1: put it in quotes",
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
		[POOL_PLAIN_EQUALS] = "a special value to YAML 1.1: put it in quotes",
		[POOL_PLAIN_LONG] = "longer than any number here",
	};

	return troubles[plain];
}

bool pool_plain_has_tag(const char *text, const char *tag)
{
	enum pool_plain plain = pool_plain_find(text);

	if (strcmp(tag, "null") == 0)
		return plain == POOL_PLAIN_NULL;
	if (strcmp(tag, "bool") == 0)
		return plain == POOL_PLAIN_TRUE || plain == POOL_PLAIN_FALSE;
	if (plain != POOL_PLAIN_NUMBER)
		return false;
	return strcmp(tag, "int") == 0 ? !strchr(text, '.')
				       : strcmp(tag, "float") == 0 && !strchr(text, 'x');
}

void pool_plain_number(const char *text, char out[POOL_PLAIN_SIZE])
{
	const char *digits = skip_sign(text);
	size_t used = 0;

	if (is_unbounded(text)) {
		snprintf(out, POOL_PLAIN_SIZE, "%s", text);
		return;
	}
	if (digits[0] == '0' && digits[1] == 'x') {
		snprintf(out, POOL_PLAIN_SIZE, "%llu", strtoull(digits, NULL, 16));
		return;
	}
	if (*text == '-')
		out[used++] = '-';
	digits += strspn(digits, "0_");
	if (!is_digit(*digits))
		out[used++] = '0';
	for (; *digits && used + 3 < POOL_PLAIN_SIZE; digits++) {
		if (*digits == '_')
			continue;
		if (!is_digit(*digits) && out[used - 1] == '.')
			out[used++] = '0';
		out[used++] = *digits;
	}
	if (out[used - 1] == '.')
		out[used++] = '0';
	out[used] = '\0';
}
