/* Regular expressions for the JSON Schema. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "config/model.h"
#include "config/pattern.h"
#include "config/url.h"

/* Between brackets: control characters, blanks. */
#define CONTROL "\\u0000-\\u001f\\u007f"
#define BLANK   "\\u0000-\\u0020\\u007f-\\u00a0"
/* What pool_text_add_safe() does not show, and blanks. */
#define HIDDEN BLANK "\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff"

/* --- fixed ones ----------------------------------------------------------------- */

const char *const pool_pattern_bool =
	"^(?:1|0|[tT]|[fF]|[yY]|[nN]|[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|"
	"[yY][eE][sS]|[nN][oO]|[oO][nN]|[oO][fF][fF])$";
#define STATUS "[1-5][0-9][0-9]"
#define SPAN   " *" STATUS " *(?:- *" STATUS " *)?"
const char *const pool_pattern_statuses = "^" SPAN "(?:," SPAN ")*$";
const char *const pool_pattern_name = "^[^,=%|@" HIDDEN "-][^,=%|@" HIDDEN "]{0,63}$";
const char *const pool_pattern_exchange_id = "^[^" HIDDEN "-][^" HIDDEN "]{0,63}$";
const char *const pool_pattern_path = "^[^" CONTROL "]+$";
const char *const pool_pattern_request = "^[A-Z]{1,16}$";
const char *const pool_pattern_header_name = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
const char *const pool_pattern_header_value =
	"^[^\\u0000-\\u0008\\u000a-\\u001f\\u007f]*$";

/* --- numbers -------------------------------------------------------------------- */

enum { DIGITS_MAX = 20 };

#define BLANKS "[ \\t\\r\\n]*"
#define DIGITS "[0-9](?:_?[0-9])*"
#define ZEROES "0(?:_?0)*"
/* Leading zeroes, and what is left of a whole number behind its point. */
#define LEADING  "(?:0_?)*"
#define NOTHING  "(?:\\.(?:" ZEROES ")?)?"
#define ANYTHING "(?:\\.(?:" DIGITS ")?)?"

static bool are_all(const char *digits, char digit)
{
	return strspn(digits, (const char[]){digit, '\0'}) == strlen(digits);
}

static void add_class(struct pool_text *out, const char *between, char low, char high)
{
	if (low == high)
		pool_text_addf(out, "%s%c", between, low);
	else
		pool_text_addf(out, "%s[%c-%c]", between, low, high);
}

/* <count> digits of any kind. */
static void add_any(struct pool_text *out, const char *between, size_t count)
{
	if (count == 1)
		pool_text_addf(out, "%s[0-9]", between);
	else if (count > 1)
		pool_text_addf(out, "(?:%s[0-9]){%zu}", between, count);
}

/* Numbers of as many digits as both have, from <low> to <high>; <first> stands before the
 * first digit and <between> before each other. */
static void add_digits(struct pool_text *out, const char *low, const char *high,
	const char *first, const char *between)
{
	static const char nines[] = "99999999999999999999",
			  zeroes[] = "00000000000000000000";
	size_t rest = strlen(low);
	bool from_start, to_end;

	if (rest-- == 0)
		return;
	if (*low == *high) {
		add_class(out, first, *low, *low);
		add_digits(out, low + 1, high + 1, between, between);
		return;
	}
	from_start = are_all(low + 1, '0');
	to_end = are_all(high + 1, '9');
	pool_text_add(out, "(?:");
	if (!from_start) {
		add_class(out, first, *low, *low);
		add_digits(out, low + 1, nines + DIGITS_MAX - rest, between, between);
		pool_text_add(out, "|");
	}
	if (*low + !from_start <= *high - !to_end) {
		add_class(
			out, first, (char)(*low + !from_start), (char)(*high - !to_end));
		add_any(out, between, rest);
		pool_text_add(out, to_end ? "" : "|");
	}
	if (!to_end) {
		add_class(out, first, *high, *high);
		add_digits(out, zeroes + DIGITS_MAX - rest, high + 1, between, between);
	}
	pool_text_add(out, ")");
}

/* Numbers of one length after the other. */
static void add_range(
	struct pool_text *out, int64_t low, int64_t high, const char *between)
{
	const char *separator = "";

	pool_text_add(out, "(?:");
	for (int64_t from = 0, to = 9; from <= high; from = to + 1, to = to * 10 + 9) {
		char first[DIGITS_MAX + 1], last[DIGITS_MAX + 1];

		if (to < low)
			continue;
		snprintf(first, sizeof(first), "%lld",
			(long long)(from < low ? low : from));
		snprintf(last, sizeof(last), "%lld", (long long)(to > high ? high : to));
		pool_text_add(out, separator);
		add_digits(out, first, last, "", between);
		separator = "|";
	}
	pool_text_add(out, ")");
}

void pool_pattern_add_int(struct pool_text *out, int64_t low, int64_t high)
{
	pool_text_add(out, "^" BLANKS "(?:\\+?" LEADING);
	add_range(out, low, high, "_?");
	pool_text_add(out, NOTHING);
	if (low == 0)
		pool_text_add(out, "|-" ZEROES NOTHING "|[-+]?\\." ZEROES);
	pool_text_add(out, ")" BLANKS "$");
}

/* A fraction of at least 0.<digits>, without its point. */
static void add_fraction(struct pool_text *out, const char *digits)
{
	size_t count = strlen(digits);

	pool_text_add(out, "(?:");
	for (size_t i = 0; i < count; i++) {
		const bool last = i + 1 == count;

		if (digits[i] == '9' && !last)
			continue;
		for (size_t j = 0; j < i; j++)
			pool_text_addf(out, "%c_?", digits[j]);
		add_class(out, "", (char)(digits[i] + !last), '9');
		pool_text_addf(out, "(?:_?[0-9])*%s", last ? "" : "|");
	}
	pool_text_add(out, ")");
}

void pool_pattern_add_decimal(struct pool_text *out, int64_t low, int64_t high)
{
	const int64_t least = low / 1000000, most = high / 1000000;
	char fraction[8];
	size_t length;

	length = (size_t)snprintf(
		fraction, sizeof(fraction), "%06u", (unsigned)(low % 1000000));
	while (length && fraction[length - 1] == '0')
		fraction[--length] = '\0';
	pool_text_add(out, "^" BLANKS "(?:\\+?(?:" LEADING);
	add_range(out, least + (length != 0), most - 1, "_?");
	pool_text_add(out, ANYTHING "|" LEADING);
	add_range(out, most, most, "_?");
	pool_text_add(out, NOTHING);
	if (length) {
		pool_text_add(out, "|" LEADING);
		if (least)
			add_range(out, least, least, "_?");
		pool_text_add(out, "\\.");
		add_fraction(out, fraction);
	}
	pool_text_add(out,
		")|[-+]?(?:" DIGITS ANYTHING "|\\." DIGITS ")[eE][-+]?[0-9]+)" BLANKS
		"$");
}

/* --- URLs ----------------------------------------------------------------------- */

#define BEFORE_AUTHORITY "^[^:]*://"
/* All of the authority before its host, and behind a part of that. */
#define BEFORE_HOST "^[^:]*://(?:[^/?#]*@)?"
#define BEHIND_HOST "[^/?#@]*(?:[/?#]|$)"

const char *const pool_pattern_wrong_url =
	/* a control character as a percent code */
	BEFORE_AUTHORITY
	"[^/?#\\[]*%(?:[01][0-9A-Fa-f]|7[fF])"
	/* no variable after "${" */
	"|" BEFORE_AUTHORITY
	"[^/?#]*\\$\\{(?:[^A-Za-z_]|[A-Za-z_][A-Za-z0-9_]*[^A-Za-z0-9_}])"
	/* a variable in the host */
	"|" BEFORE_HOST "[^/?#@]*\\$\\{" BEHIND_HOST
	/* what ends a host, as a percent code in it */
	"|" BEFORE_HOST "[^/?#@\\[]*%(?:2[035fF]|3[aAfF]|40|5[b-dB-D])" BEHIND_HOST
	/* a "-" at its beginning */
	"|" BEFORE_HOST "%2[dD]" BEHIND_HOST;

const char *const pool_pattern_password = "^[^:]*://[^/?#]*:[^/?#]*@";

/* A word, in any case. */
static void add_word(struct pool_text *out, const char *word)
{
	for (const char *at = word; *at; at++)
		if (isalpha((unsigned char)*at))
			pool_text_addf(out, "[%c%c]", tolower(*at), toupper(*at));
		else
			pool_text_add_bytes(out, at, 1);
}

static void add_schemes(struct pool_text *out)
{
	for (int scheme = 0; scheme < POOL_SCHEMES; scheme++) {
		pool_text_add(out, scheme ? "|" : "(?:");
		add_word(out, pool_scheme_name((enum pool_scheme)scheme));
	}
	pool_text_add(out, ")");
}

void pool_pattern_add_refused_header(struct pool_text *out)
{
	for (size_t i = 0; pool_check_header_refused(i); i++) {
		pool_text_add(out, i ? "|" : "^(?:");
		add_word(out, pool_check_header_refused(i));
	}
	pool_text_add(out, ")$");
}

#define GROUP "[0-9A-Fa-f]{1,4}"
#define BYTE  "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define IPV4  BYTE "(?:\\." BYTE "){3}"

/*
 * IPv6 addresses of <before> groups, the first of which is <first>, then "::", then those
 * that there is still room for.
 */
static void add_shortened(struct pool_text *out, const char *first, int before)
{
	if (before)
		pool_text_add(out, first);
	if (before > 1)
		pool_text_addf(out, "(?::" GROUP "){%d}", before - 1);
	pool_text_add(out, "::");
	if (before < 7)
		pool_text_addf(out, "(?:(?:" GROUP ":){0,%d}" GROUP, 6 - before);
	if (before < 6)
		pool_text_addf(out, "|(?:" GROUP ":){0,%d}" IPV4, 5 - before);
	if (before < 7)
		pool_text_add(out, ")?");
}

static void add_ipv6(struct pool_text *out, const char *first, bool can_begin_empty)
{
	pool_text_addf(
		out, "(?:%s(?::" GROUP "){7}|%s(?::" GROUP "){5}:" IPV4, first, first);
	for (int before = can_begin_empty ? 0 : 1; before < 8; before++) {
		pool_text_add(out, "|");
		add_shortened(out, first, before);
	}
	pool_text_add(out, ")");
}

#define ZONED "[0-9A-Za-z._-]"

/* A link-local address may have a zone, which begins with "%" or "%25". */
static void add_brackets(struct pool_text *out)
{
	pool_text_add(out, "\\[(?:");
	add_ipv6(out, GROUP, true);
	pool_text_add(out, "|");
	add_ipv6(out, "[fF][eE][89abAB][0-9A-Fa-f]", false);
	pool_text_add(out,
		"%(?:25" ZONED "{1,15}|2|2[0-46-9A-Za-z._-]" ZONED
		"{0,13}|[013-9A-Za-z._-]" ZONED "{0,14}))\\]");
}

void pool_pattern_add_url(struct pool_text *out)
{
	pool_text_add(out, "^");
	add_schemes(out);
	pool_text_add(out,
		"://(?:[^/?#\\[\\]" BLANK "]*@)?(?:[^/?#\\[\\]@:\\\\" BLANK
		"-][^/?#\\[\\]@:\\\\" BLANK "]{0,252}|");
	add_brackets(out);
	pool_text_add(out, "):");
	add_range(out, 1, 65535, "");
	pool_text_add(out, "(?:[/?#][^@\\\\" BLANK "]*)?$");
}

/* --- what a check asks for ------------------------------------------------------ */

#define GAP "\\u0000-\\u0020\\u007f"

const char *const pool_pattern_check_url =
	"^(?:[^" GAP "]*://)?[^/?#@:" GAP "-][^/?#@" GAP "]*(?:[/?#][^" GAP "]*)?$";
const char *const pool_pattern_wrong_check_url = "^[^:/?#]*://(?:$|[/?#:-]|[^/?#]*@)";

void pool_pattern_add_host_port(struct pool_text *out)
{
	pool_text_add(out, "^[^/?#]+:0*");
	add_range(out, 1, 65535, "");
	pool_text_add(out, "$");
}
