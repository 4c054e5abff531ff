/* Heads of answers, Retry-After and HTTP dates, whatever the locale is. */
#include <string.h>
#include "base/http.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum { RETRY_AFTER_MAX_S = 366 * 86400, DAY_S = 86400, YEARS_AHEAD = 50 };

/* What is left to read. */
struct cursor {
	const char *at;
	size_t length;
};

struct date {
	int year, month, day; /* month and day from 1 */
	int second;           /* of the day */
};

static const char *const weekdays[] = {
	"Monday",
	"Tuesday",
	"Wednesday",
	"Thursday",
	"Friday",
	"Saturday",
	"Sunday",
};

static const char *const months[] = {
	"Jan",
	"Feb",
	"Mar",
	"Apr",
	"May",
	"Jun",
	"Jul",
	"Aug",
	"Sep",
	"Oct",
	"Nov",
	"Dec",
};

enum { SHORT_NAME = 3 };

/*
 * The forms of RFC 9110, 5.6.7.
 *
 *	%a  weekday, three letters	%A  weekday in full
 *	%d  day, two digits		%e  day, a blank for the first digit if it is 0
 *	%b  month, three letters	%T  hour, minute, second
 *	%Y  year, four digits		%y  year, two digits
 */
static const char *const forms[] = {
	"%a, %d %b %Y %T GMT",
	"%A, %d-%b-%y %T GMT",
	"%a %b %e %T %Y",
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool take_text(struct cursor *cursor, const char *text, size_t length)
{
	if (cursor->length < length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (lower(cursor->at[i]) != lower(text[i]))
			return false;
	cursor->at += length;
	cursor->length -= length;
	return true;
}

/* Which of <names> it is, from 0. <length> of each counts; 0: all of it. */
static bool take_name(struct cursor *cursor, const char *const *names, size_t count,
	size_t length, int *out)
{
	for (size_t i = 0; i < count; i++)
		if (take_text(cursor, names[i], length ? length : strlen(names[i]))) {
			*out = (int)i;
			return true;
		}
	return false;
}

/* Exactly <digits> of them, from <low> to <high>. */
static bool take_number(struct cursor *cursor, size_t digits, int low, int high, int *out)
{
	int number = 0;

	if (cursor->length < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (!is_digit(cursor->at[i]))
			return false;
		number = number * 10 + (cursor->at[i] - '0');
	}
	cursor->at += digits;
	cursor->length -= digits;
	*out = number;
	return number >= low && number <= high;
}

static bool take_time(struct cursor *cursor, int *second_of_day)
{
	int hour, minute, second;

	/* 60: a leap second */
	if (!take_number(cursor, 2, 0, 23, &hour) || !take_text(cursor, ":", 1) ||
		!take_number(cursor, 2, 0, 59, &minute) || !take_text(cursor, ":", 1) ||
		!take_number(cursor, 2, 0, 60, &second))
		return false;
	*second_of_day = hour * 3600 + minute * 60 + second;
	return true;
}

/* Days since 1970, in the Gregorian calendar at all times. Years start in March here, so
 * that a leap day is the last one. */
static int64_t day_number(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
		day_of_year + day - 1 - 719468;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of(int year, int month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static int year_of(int64_t wall_s)
{
	int64_t year = 1970 + wall_s / (146097 * (int64_t)DAY_S / 400);

	return year < 0 ? 0 : year > 9999 ? 9999 : (int)year;
}

/* Of all years that end so the latest that is at most 50 years ahead. */
static int full_year(int two_digits, int64_t wall_s)
{
	int latest = year_of(wall_s) + YEARS_AHEAD;
	int year = latest - latest % 100 + two_digits;

	return year > latest ? year - 100 : year;
}

static bool take_year(struct cursor *cursor, size_t digits, int64_t wall_s, int *out)
{
	if (!take_number(cursor, digits, 0, 9999, out))
		return false;
	if (digits == 2)
		*out = full_year(*out, wall_s);
	return true;
}

static bool take_day(struct cursor *cursor, bool padded, int *out)
{
	if (padded && take_text(cursor, " ", 1))
		return take_number(cursor, 1, 1, 9, out);
	return take_number(cursor, 2, 1, 31, out);
}

static bool take_field(
	struct cursor *cursor, char field, int64_t wall_s, struct date *date)
{
	int weekday;

	switch (field) {
	case 'a':
		return take_name(cursor, weekdays, SIZE(weekdays), SHORT_NAME, &weekday);
	case 'A':
		return take_name(cursor, weekdays, SIZE(weekdays), 0, &weekday);
	case 'b':
		if (!take_name(cursor, months, SIZE(months), 0, &date->month))
			return false;
		date->month++;
		return true;
	case 'd':
	case 'e':
		return take_day(cursor, field == 'e', &date->day);
	case 'T':
		return take_time(cursor, &date->second);
	case 'Y':
	case 'y':
		return take_year(cursor, field == 'Y' ? 4 : 2, wall_s, &date->year);
	default:
		return false;
	}
}

static bool read_form(
	struct cursor cursor, const char *form, int64_t wall_s, int64_t *out)
{
	struct date date = {.month = 1};

	for (; *form; form++)
		if (*form == '%' ? !take_field(&cursor, *++form, wall_s, &date)
				 : !take_text(&cursor, form, 1))
			return false;
	if (cursor.length || date.day > days_of(date.year, date.month))
		return false;
	*out = day_number(date.year, date.month, date.day) * DAY_S + date.second;
	return true;
}

/* Any of the three forms. */
static bool read_date(struct cursor cursor, int64_t wall_s, int64_t *out)
{
	for (size_t i = 0; i < SIZE(forms); i++)
		if (read_form(cursor, forms[i], wall_s, out))
			return true;
	return false;
}

/* Digits only, however many. */
static bool read_seconds(struct cursor cursor, int32_t *out)
{
	int64_t seconds = 0;

	for (size_t i = 0; i < cursor.length; i++) {
		if (!is_digit(cursor.at[i]))
			return false;
		seconds = seconds * 10 + (cursor.at[i] - '0');
		if (seconds > RETRY_AFTER_MAX_S)
			seconds = RETRY_AFTER_MAX_S;
	}
	*out = (int32_t)seconds;
	return cursor.length != 0;
}

static struct cursor trim(const char *value, size_t length)
{
	struct cursor cursor = {value, length};

	while (cursor.length && is_blank(cursor.at[0])) {
		cursor.at++;
		cursor.length--;
	}
	while (cursor.length && is_blank(cursor.at[cursor.length - 1]))
		cursor.length--;
	return cursor;
}

/* --- heads ------------------------------------------------------------------------ */

bool pool_http_head_take_retry_after(
	struct pool_http_head *head, const char *value, size_t length, int64_t wall_s)
{
	struct cursor cursor = trim(value, length);
	int64_t until_s;
	int32_t wait_s;

	if (read_seconds(cursor, &wait_s)) {
		if (!head->has_wait || wait_s > head->wait_s)
			head->wait_s = wait_s;
		head->has_wait = true;
		return true;
	}
	if (!read_date(cursor, wall_s, &until_s))
		return false;
	if (!head->has_until || until_s > head->until_s)
		head->until_s = until_s;
	head->has_until = true;
	return true;
}

bool pool_http_head_take_date(
	struct pool_http_head *head, const char *value, size_t length, int64_t wall_s)
{
	int64_t date_s;

	if (!read_date(trim(value, length), wall_s, &date_s))
		return false;
	head->date_s = date_s;
	head->has_date = true;
	return true;
}

const char *pool_http_find_value(const char *line, size_t length, const char *name)
{
	struct cursor cursor = {line, length};

	return take_text(&cursor, name, strlen(name)) && take_text(&cursor, ":", 1)
		? cursor.at
		: NULL;
}

bool pool_http_is_end(const char *line, size_t length)
{
	return !length || line[0] == '\r' || line[0] == '\n';
}

/* What each status line begins with. */
static bool take_protocol(struct cursor *cursor)
{
	return take_text(cursor, "HTTP/", 5);
}

bool pool_http_is_begin(const char *line, size_t length)
{
	struct cursor cursor = {line, length};

	return take_protocol(&cursor);
}

/* "HTTP/1.1 429 Too Many Requests", "HTTP/2 429"; false if it is no status line. */
static bool take_status(struct cursor cursor, int32_t *out)
{
	int status;

	if (!take_protocol(&cursor))
		return false;
	while (cursor.length && !is_blank(cursor.at[0])) {
		cursor.at++;
		cursor.length--;
	}
	cursor = trim(cursor.at, cursor.length);
	*out = take_number(&cursor, 3, 0, 999, &status) &&
			!(cursor.length && is_digit(cursor.at[0]))
		? status
		: 0;
	return true;
}

void pool_http_head_take(
	struct pool_http_head *head, const char *line, size_t length, int64_t wall_s)
{
	const char *value;
	int32_t status;

	if (take_status((struct cursor){line, length}, &status)) {
		*head = (struct pool_http_head){.status = status};
		return;
	}
	value = pool_http_find_value(line, length, "Retry-After");
	if (value)
		head->odd_retry_after |= !pool_http_head_take_retry_after(
			head, value, length - (size_t)(value - line), wall_s);
	value = pool_http_find_value(line, length, "Date");
	if (value)
		pool_http_head_take_date(
			head, value, length - (size_t)(value - line), wall_s);
}

/* From <from_s>, which may be anything: no difference that could overflow. */
static int32_t seconds_until(int64_t until_s, int64_t from_s)
{
	if (until_s <= from_s)
		return -1;
	if (from_s < until_s - RETRY_AFTER_MAX_S)
		return RETRY_AFTER_MAX_S;
	return (int32_t)(until_s - from_s);
}

int32_t pool_http_head_wait_s(const struct pool_http_head *head, int64_t wall_s)
{
	int32_t wait_s = head->has_wait ? head->wait_s : -1;
	int32_t until_s = head->has_until
		? seconds_until(head->until_s, head->has_date ? head->date_s : wall_s)
		: -1;

	return until_s > wait_s ? until_s : wait_s;
}
