/*
 * What a scalar of YAML means that stands without quotes, as PyYAML's safe_load decides,
 * which cryptofeed reads with: YAML 1.1. Where YAML 1.2 means something else, nobody can
 * tell what was meant: such a scalar is "odd", and refused where it is used.
 */
#ifndef POOL_CONFIG_PLAIN_H
#define POOL_CONFIG_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

enum pool_plain {
	POOL_PLAIN_STRING,
	POOL_PLAIN_NULL,
	POOL_PLAIN_TRUE,
	POOL_PLAIN_FALSE,
	POOL_PLAIN_NUMBER,
	POOL_PLAIN_MERGE,       /* <<, odd unless it is a key; those below are odd */
	POOL_PLAIN_OCTAL,       /* 030 */
	POOL_PLAIN_SEXAGESIMAL, /* 1:30 */
	POOL_PLAIN_NOTATION,    /* 0b11, +0x1f */
	POOL_PLAIN_DATE,        /* 2026-11-26 */
	POOL_PLAIN_EQUALS,      /* = */
	POOL_PLAIN_LONG,        /* a number longer than any of JSON may be */
	POOL_PLAINS
};

/* What <text> is without quotes. */
enum pool_plain pool_plain_find(const char *text);

/* Why an odd one is refused, and what to write: behind "030 is"; NULL for what is not
 * odd. */
const char *pool_plain_trouble(enum pool_plain plain);

/* Does the tag !!<tag> say of <text> what it is without quotes and tag, too? */
bool pool_plain_has_tag(const char *text, const char *tag);

/*
 * A NUMBER as JSON writes it, into <out>: no sign +, no "_", no base 16, digits on both
 * sides of a point. Infinities and what is no number stay as they are.
 */
enum { POOL_PLAIN_SIZE = 64 };
void pool_plain_number(const char *text, char out[POOL_PLAIN_SIZE]);

#endif
