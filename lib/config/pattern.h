/*
 * Regular expressions for what a pool file's strings may be, for the JSON Schema.
 *
 * Of ECMA-262, without look-around and back references, which not every engine has. Each
 * is anchored, and matches all that the tools accept; where it matches more,
 * pool-validate(1) says so.
 */
#ifndef POOL_CONFIG_PATTERN_H
#define POOL_CONFIG_PATTERN_H

#include <stdint.h>
#include "base/text.h"

/* A whole number in quotes, from <low> to <high>. */
void pool_pattern_add_int(struct pool_text *out, int64_t low, int64_t high);
/* Any number in quotes from <low> to <high> millionths, <high> a whole number; those with
 * an exponent whatever their value. */
void pool_pattern_add_decimal(struct pool_text *out, int64_t low, int64_t high);

/* A proxy URL, and what is wrong in one that looks like it. */
void pool_pattern_add_url(struct pool_text *out);
extern const char *const pool_pattern_wrong_url;
/* One that has a password. */
extern const char *const pool_pattern_password;

/* What a check asks for, and what is wrong in one that looks like it. */
extern const char *const pool_pattern_check_url;
extern const char *const pool_pattern_wrong_check_url;
/* HOST:PORT, as a tunnel may be given. */
void pool_pattern_add_host_port(struct pool_text *out);

extern const char *const pool_pattern_bool;
extern const char *const pool_pattern_statuses;
extern const char *const pool_pattern_name;
extern const char *const pool_pattern_exchange_id;
extern const char *const pool_pattern_path;
extern const char *const pool_pattern_request;
extern const char *const pool_pattern_header_name;
/* The names that no check may send. */
void pool_pattern_add_refused_header(struct pool_text *out);
extern const char *const pool_pattern_header_value;

#endif
