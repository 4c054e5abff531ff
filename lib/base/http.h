/*
 * The head of an HTTP answer, line by line, in what can decide about a proxy: the status,
 * and how long the target wants to be left alone.
 *
 * A Retry-After (RFC 9110, 10.2.3) is a number of seconds, or a date in any of the three
 * forms of 5.6.7. A date counts from the answer's own Date, as the clocks of two machines
 * may differ; from the local clock where there is none that can be read. The order of the
 * two lines does not matter. Of several Retry-After the longest counts.
 *
 * Capital and small letters are the same; a weekday is not compared with its date.
 *
 * Not promised: anything about other fields, folded lines among them.
 */
#ifndef POOL_BASE_HTTP_H
#define POOL_BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was read of a head; all zero: nothing. */
struct pool_http_head {
	int32_t status;  /* 0: none */
	int32_t wait_s;  /* Retry-After as a number; with has_wait */
	int64_t until_s; /* as a date, seconds since 1970; with has_until */
	int64_t date_s;  /* Date; with has_date */
	bool has_wait, has_until, has_date;
	bool odd_retry_after; /* there was one that cannot be read */
};

/*
 * Take a line of a head, with or without its line break. A status line begins a new head.
 * A value that cannot be read is as none.
 *
 * <wall_s>  now, seconds since 1970, for years of two digits
 */
void pool_http_head_take(
	struct pool_http_head *head, const char *line, size_t length, int64_t wall_s);

/* Take one value. It has <length> bytes and need not be terminated; blanks around it do
 * not count. False if it cannot be read. */
bool pool_http_head_take_retry_after(
	struct pool_http_head *head, const char *value, size_t length, int64_t wall_s);
bool pool_http_head_take_date(
	struct pool_http_head *head, const char *value, size_t length, int64_t wall_s);

/* How many seconds to wait, at most 366 days; -1 if no Retry-After says it, or a date
 * that is not ahead. */
int32_t pool_http_head_wait_s(const struct pool_http_head *head, int64_t wall_s);

/* True if <line> begins a head: it is a status line. */
bool pool_http_is_begin(const char *line, size_t length);

/* True if <line> ends a head: it is empty but for its line break. */
bool pool_http_is_end(const char *line, size_t length);

/* The value of field <name> in <line>, which has <length> bytes; NULL if it is another
 * field. */
const char *pool_http_find_value(const char *line, size_t length, const char *name);

#endif
