/*
 * What an HTTP answer says about time.
 */
#ifndef POOL_BASE_HTTP_H
#define POOL_BASE_HTTP_H

#include <stddef.h>
#include <stdint.h>

/*
 * Seconds of a Retry-After value (RFC 9110, 10.2.3: a number, or a date in any of the
 * three forms of 5.6.7); -1 if it is neither. <value> has <length> bytes and need not be
 * terminated; blanks around it do not count. A date that is past is 0; more than 366 days
 * are 366 days. Capital and small letters are the same; a weekday is not compared with
 * its date.
 *
 * <wall_s>  now, seconds since 1970
 */
int32_t pool_http_retry_after(const char *value, size_t length, int64_t wall_s);

#endif
