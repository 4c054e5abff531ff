/*
 * Text: a growing buffer, escapes for terminals and logs, and near misses of spelling.
 *
 * A failed allocation makes the buffer "broken": later appends do nothing and text_take()
 * answers NULL, so that a caller checks once, at the end.
 */
#ifndef POOL_BASE_TEXT_H
#define POOL_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool_text {
	char *bytes; /* NUL-terminated, or NULL while empty */
	size_t length;
	size_t room;
	bool broken;
	bool secret; /* wipe what is given up, also while it grows */
	bool fixed;  /* the bytes are the caller's: what does not fit breaks it */
};

#define POOL_TEXT_EMPTY  ((struct pool_text){0})
#define POOL_TEXT_SECRET ((struct pool_text){.secret = true})
/* In an array of the caller's: needs no memory. */
#define POOL_TEXT_FIXED(array) \
	((struct pool_text){.bytes = (array), .room = sizeof(array), .fixed = true})

void pool_text_add(struct pool_text *text, const char *string);
void pool_text_add_bytes(struct pool_text *text, const void *bytes, size_t length);
void pool_text_addf(struct pool_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Append <length> bytes of foreign text so that no terminal or log can be misled: C0,
 * DEL, C1, invalid UTF-8, bidirectional controls and noncharacters become "\xNN".
 */
void pool_text_add_safe(struct pool_text *text, const char *bytes, size_t length);

/* Append the same as a JSON string, in quotes: valid whatever the bytes are. */
void pool_text_add_json(struct pool_text *text, const char *bytes, size_t length);

/*
 * Append <length> bytes of UTF-8 as a JSON string that reads as these very bytes, in JSON
 * and in YAML: what the above would show otherwise is written as \uNNNN.
 */
void pool_text_add_quoted(struct pool_text *text, const char *bytes, size_t length);

/* Where the first byte stands that begins no character of UTF-8, or is a NUL; <length> if
 * there is none. */
size_t pool_text_find_foreign(const char *bytes, size_t length);

/*
 * The name that iconv(1) has for the encoding of a text in two or four bytes a character,
 * by its mark or, without one, by the NULs beside its first ASCII characters. NULL: it is
 * none.
 */
const char *pool_text_find_wide(const char *bytes, size_t length);

/* Append the same as it stands in the user or password of a URL: all but letters, digits
 * and - . _ ~ as %XX. */
void pool_text_add_encoded(struct pool_text *text, const char *bytes, size_t length);

/* The text, now the caller's to free(); NULL if an allocation failed. Never NULL
 * otherwise. */
char *pool_text_take(struct pool_text *text);
void pool_text_release(struct pool_text *text);

/* Wipe a string that may hold a secret, and free() it; NULL is none. */
void pool_text_forget(char *string);

/*
 * <text> into <out>, with "***" for what stands between "://" and a later "@" of the same
 * word: the user and password of a URL that turned up where none was expected. Cut at
 * <size> - 1; always terminated.
 */
void pool_text_redact(char *out, size_t size, const char *text);

/* pool_text_add_safe() into a fixed buffer, cut at <size> - 1. Always terminates it. */
void pool_text_safe(char *out, size_t size, const char *bytes, size_t length);

/* Edits needed to make <a> of <b> (insert, delete, replace, swap), or <limit> + 1 if
 * more. */
unsigned pool_text_distance(const char *a, const char *b, unsigned limit);

/* Which of many words is nearest to a wrong one, and close enough to be what was meant.
 */
struct pool_nearest {
	const char *wrong;
	size_t length;
	unsigned limit;
	const char *best; /* of those tried; NULL: none is close enough */
	bool exact;
};

void pool_nearest_init(struct pool_nearest *nearest, const char *wrong);
void pool_nearest_try(struct pool_nearest *nearest, const char *word);

/*
 * The word of <words> nearest to <wrong>, close enough to be what was meant, or NULL.
 *
 * <words>  <count> strings; NULL entries are passed over.
 */
const char *pool_text_nearest(const char *wrong, const char *const *words, size_t count);

/* Whole decimal number from <low> to <high>, nothing around it. */
bool pool_text_to_int(const char *text, int64_t low, int64_t high, int64_t *out);

#endif
