/*
 * One line of a pool file, fit to be shown: keys, plain words and numbers as they are,
 * every other value redacted, and where a caret goes below it.
 *
 * A line of YAML may be the middle of something that began before, a password among it,
 * and look like keys and values. So only the keys of the schema are shown there, and
 * those that lead to what the diagnostic is about.
 */
#ifndef POOL_CONFIG_EXCERPT_H
#define POOL_CONFIG_EXCERPT_H

#include <stddef.h>
#include <stdint.h>

/* What the text is, which says what in it may be shown. In lines of proxies or variables
 * any word may be a password: of a URL all but its credentials, of others nothing. */
enum pool_excerpt_kind {
	POOL_EXCERPT_JSON,
	POOL_EXCERPT_YAML, /* values may stand without quotes */
	POOL_EXCERPT_LINES,
};

struct pool_excerpt {
	const char *bytes; /* the line, <length> bytes */
	size_t length;
	size_t from, to; /* what it is about, in bytes of the line */
	enum pool_excerpt_kind kind;
	const char *pointer; /* to what it is about: a diagnostic's */
	/* Filled in: what the caret underlines, in characters of the text made. */
	uint32_t caret, caret_end;
};

/* The text, free() it; NULL when out of memory. */
char *pool_excerpt_make(struct pool_excerpt *excerpt);

/* Characters in well-formed UTF-8. */
uint32_t pool_characters(const char *bytes, size_t length);

#endif
