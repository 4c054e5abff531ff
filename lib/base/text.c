/* Growing text, escapes, near misses. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"

static bool grow(struct pool_text *text, size_t more)
{
	size_t room = text->room ? text->room : 64;
	char *bytes;

	if (text->broken)
		return false;
	if (more > SIZE_MAX / 2 - text->length ||
		(text->fixed && more >= room - text->length)) {
		text->broken = true;
		return false;
	}
	while (room < text->length + more + 1)
		room *= 2;
	if (room == text->room)
		return true;
	bytes = text->secret ? malloc(room) : realloc(text->bytes, room);
	if (!bytes) {
		text->broken = true;
		return false;
	}
	if (text->secret && text->bytes) {
		memcpy(bytes, text->bytes, text->length + 1);
		explicit_bzero(text->bytes, text->room);
		free(text->bytes);
	}
	text->bytes = bytes;
	text->room = room;
	return true;
}

void pool_text_add_bytes(struct pool_text *text, const void *bytes, size_t length)
{
	if (!grow(text, length))
		return;
	if (length)
		memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void pool_text_add(struct pool_text *text, const char *string)
{
	pool_text_add_bytes(text, string, strlen(string));
}

void pool_text_addf(struct pool_text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0 || !grow(text, (size_t)length)) {
		text->broken = true;
		return;
	}
	va_start(arguments, format);
	vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	text->length += (size_t)length;
}

/* Length of the well-formed UTF-8 character at <bytes>, its code point in <out>; 0 if
 * none. */
static size_t decode(const unsigned char *bytes, size_t length, uint32_t *out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = bytes[0] < 0x80   ? 1
		: bytes[0] >> 5 == 0x6  ? 2
		: bytes[0] >> 4 == 0xe  ? 3
		: bytes[0] >> 3 == 0x1e ? 4
					: 0;
	uint32_t code;

	if (size == 0 || size > length)
		return 0;
	code = size == 1 ? bytes[0] : bytes[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (bytes[i] & 0x3f);
	}
	if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*out = code;
	return size;
}

static bool misleading(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
		(code >= 0x200b && code <= 0x200f) ||
		(code >= 0x2028 && code <= 0x202e) ||
		(code >= 0x2066 && code <= 0x2069) || code == 0xfeff ||
		(code & 0xfffe) == 0xfffe;
}

/* One character, or a byte that is none; <backslash> is how one is written. Its length.
 */
static size_t add_character(struct pool_text *text, const unsigned char *at,
	size_t length, const char *backslash)
{
	uint32_t code = 0;
	size_t size = decode(at, length, &code);

	if (size && !misleading(code)) {
		pool_text_add_bytes(text, at, size);
		return size;
	}
	size = size ? size : 1;
	for (size_t i = 0; i < size; i++)
		pool_text_addf(text, "%sx%02x", backslash, at[i]);
	return size;
}

void pool_text_add_safe(struct pool_text *text, const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;

	for (size_t i = 0; i < length;)
		i += add_character(text, at + i, length - i, "\\");
}

void pool_text_add_json(struct pool_text *text, const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;

	pool_text_add(text, "\"");
	for (size_t i = 0; i < length;) {
		if (at[i] == '"' || at[i] == '\\')
			pool_text_add(text, "\\");
		i += add_character(text, at + i, length - i, "\\\\");
	}
	pool_text_add(text, "\"");
}

void pool_text_add_quoted(struct pool_text *text, const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;

	pool_text_add(text, "\"");
	for (size_t i = 0; i < length;) {
		uint32_t code = 0;
		size_t size = decode(at + i, length - i, &code);

		if (size && code <= 0xffff && misleading(code)) {
			pool_text_addf(text, "\\u%04x", code);
		} else {
			if (code == '"' || code == '\\')
				pool_text_add(text, "\\");
			pool_text_add_bytes(text, at + i, size ? size : 1);
		}
		i += size ? size : 1;
	}
	pool_text_add(text, "\"");
}

size_t pool_text_find_foreign(const char *bytes, size_t length)
{
	size_t at = 0;

	while (at < length) {
		uint32_t code = 0;
		size_t size =
			decode((const unsigned char *)bytes + at, length - at, &code);

		if (!size || !code)
			break;
		at += size;
	}
	return at;
}

/* Is no byte at <place> of its unit a NUL, and most of the others are? */
static bool has_nuls_around(const char *bytes, size_t length, size_t unit, size_t place)
{
	enum { SAMPLE = 512, LEAST = 8, MOST_PERCENT = 75 };
	size_t nuls = 0;

	length = (length < SAMPLE ? length : SAMPLE) / unit * unit;
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != '\0')
			continue;
		if (i % unit == place)
			return false;
		nuls++;
	}
	return length >= LEAST &&
		100 * nuls >= MOST_PERCENT * (length / unit * (unit - 1));
}

const char *pool_text_find_wide(const char *bytes, size_t length)
{
	/* The longer marks first: that of UTF-16LE begins that of UTF-32LE. */
	static const struct {
		const char *mark;
		size_t size;
		const char *with_mark,
			*without;   /* iconv drops a mark it was not told of */
		size_t unit, place; /* where ASCII stands in a unit */
	} rows[] = {
		{"\xff\xfe\0\0", 4, "UTF-32", "UTF-32LE", 4, 0},
		{"\0\0\xfe\xff", 4, "UTF-32", "UTF-32BE", 4, 3},
		{"\xff\xfe", 2, "UTF-16", "UTF-16LE", 2, 0},
		{"\xfe\xff", 2, "UTF-16", "UTF-16BE", 2, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (length >= rows[i].size &&
			memcmp(bytes, rows[i].mark, rows[i].size) == 0)
			return rows[i].with_mark;
		if (has_nuls_around(bytes, length, rows[i].unit, rows[i].place))
			return rows[i].without;
	}
	return NULL;
}

void pool_text_safe(char *out, size_t size, const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;
	size_t used = 0;

	if (size == 0)
		return;
	while (length) {
		uint32_t code = 0;
		size_t taken = decode(at, length, &code);

		if (taken && !misleading(code)) {
			if (used + taken >= size)
				break;
			memcpy(out + used, at, taken);
			used += taken;
		} else {
			taken = 1;
			if (used + 4 >= size)
				break;
			used += (size_t)snprintf(
				out + used, size - used, "\\x%02x", at[0]);
		}
		at += taken;
		length -= taken;
	}
	out[used] = '\0';
}

void pool_text_add_encoded(struct pool_text *text, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if ((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
			(byte >= 'a' && byte <= 'z') || (byte && strchr("-._~", byte)))
			pool_text_add_bytes(text, bytes + i, 1);
		else
			pool_text_addf(text, "%%%02X", byte);
	}
}

char *pool_text_take(struct pool_text *text)
{
	char *bytes = NULL;

	if (!text->fixed && grow(text, 0) && !text->broken) {
		bytes = text->bytes;
		bytes[text->length] = '\0';
		*text = POOL_TEXT_EMPTY;
	}
	pool_text_release(text);
	return bytes;
}

void pool_text_release(struct pool_text *text)
{
	if (text->secret && text->bytes)
		explicit_bzero(text->bytes, text->room);
	if (!text->fixed)
		free(text->bytes);
	*text = POOL_TEXT_EMPTY;
}

void pool_text_forget(char *string)
{
	if (string)
		explicit_bzero(string, strlen(string));
	free(string);
}

enum { WORD_MAX = 64 };

/* Optimal string alignment (restricted Damerau-Levenshtein) over three rows. */
unsigned pool_text_distance(const char *a, const char *b, unsigned limit)
{
	size_t n = strnlen(a, WORD_MAX + 1), m = strnlen(b, WORD_MAX + 1);
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	if (n > WORD_MAX || m > WORD_MAX || (n > m ? n - m : m - n) > limit)
		return limit + 1;
	for (size_t j = 0; j <= m; j++)
		last[j] = (unsigned)j;
	memset(rows[0], 0, sizeof(rows[0]));
	for (size_t i = 1; i <= n; i++) {
		unsigned *spare = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);

			best = last[j] + 1 < best ? last[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[m] <= limit ? last[m] : limit + 1;
}

void pool_nearest_init(struct pool_nearest *nearest, const char *wrong)
{
	size_t length = strnlen(wrong, WORD_MAX);

	*nearest = (struct pool_nearest){.wrong = wrong,
		.length = length,
		.limit = length < 4  ? 1
			: length < 8 ? 2
				     : 3};
}

void pool_nearest_try(struct pool_nearest *nearest, const char *word)
{
	unsigned distance;

	if (nearest->exact)
		return;
	distance = strcasecmp(word, nearest->wrong) == 0
		? 0
		: pool_text_distance(nearest->wrong, word, nearest->limit);
	if (distance > nearest->limit || distance >= nearest->length)
		return;
	nearest->best = word;
	nearest->exact = distance == 0;
	if (distance)
		nearest->limit = distance - 1;
}

const char *pool_text_nearest(const char *wrong, const char *const *words, size_t count)
{
	struct pool_nearest nearest;

	pool_nearest_init(&nearest, wrong);
	for (size_t i = 0; i < count; i++)
		if (words[i])
			pool_nearest_try(&nearest, words[i]);
	return nearest.best;
}

bool pool_text_to_int(const char *text, int64_t low, int64_t high, int64_t *out)
{
	int64_t value = 0;
	bool negative = text[0] == '-';
	const char *at = text + negative;

	if (!*at)
		return false;
	for (; *at; at++) {
		if (*at < '0' || *at > '9' || value > (INT64_MAX - (*at - '0')) / 10)
			return false;
		value = value * 10 + (*at - '0');
	}
	value = negative ? -value : value;
	if (value < low || value > high)
		return false;
	*out = value;
	return true;
}

void pool_text_redact(char *out, size_t size, const char *text)
{
	size_t length = 0;

	while (*text && length + 1 < size) {
		const char *at = NULL;

		if (strncmp(text, "://", 3) == 0)
			at = memrchr(text + 3, '@', strcspn(text + 3, " \t\r\n"));
		if (!at) {
			out[length++] = *text++;
			continue;
		}
		length += (size_t)snprintf(out + length, size - length, "://***");
		length = length < size ? length : size - 1;
		text = at;
	}
	out[length] = '\0';
}
