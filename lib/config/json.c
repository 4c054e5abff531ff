/* The JSON scanner: recursive descent over RFC 8259, at most POOL_JSON_DEPTH deep. */
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "base/text.h"
#include "config/json.h"

struct scan {
	const unsigned char *bytes;
	size_t length;
	size_t at;
	unsigned depth;
	struct pool_positions *positions;
	struct pool_json_fault *fault;
};

static int scan_value(struct scan *scan, size_t key_at);

static int fail(struct scan *scan, enum pool_rule_id rule, size_t at, const char *text)
{
	scan->fault->rule = rule;
	scan->fault->at = at;
	scan->fault->text = text;
	return POOL_EINVALID;
}

static int fail_syntax(struct scan *scan, const char *text)
{
	if (scan->at >= scan->length)
		text = "the text ends too early";
	else if (scan->bytes[scan->at] == '/' || scan->bytes[scan->at] == '#')
		text = "JSON has no comments";
	else if (scan->bytes[scan->at] == '\'')
		text = "JSON has double quotes, not single ones";
	return fail(scan, POOL_RULE_JSON_SYNTAX, scan->at, text);
}

void pool_positions_release(struct pool_positions *positions)
{
	free(positions->nodes);
	*positions = (struct pool_positions){0};
}

struct pool_node *pool_positions_add(struct pool_positions *positions)
{
	if (positions->count == positions->room) {
		size_t room = positions->room ? positions->room * 2 : 256;
		struct pool_node *nodes =
			realloc(positions->nodes, room * sizeof(*nodes));

		if (!nodes)
			return NULL;
		positions->nodes = nodes;
		positions->room = room;
	}
	return &positions->nodes[positions->count++];
}

/* The byte at the scanner, or -1 at the end. */
static int peek(const struct scan *scan)
{
	return scan->at < scan->length ? scan->bytes[scan->at] : -1;
}

static int skip_blanks(struct scan *scan)
{
	int byte = peek(scan);

	while (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
		scan->at++;
		byte = peek(scan);
	}
	return byte;
}

/* Bytes of the well-formed UTF-8 character at the scanner (Unicode 15, table 3-7), or 0.
 */
static size_t utf8_size(const struct scan *scan)
{
	static const struct {
		unsigned char first, last, low, high, size;
	} rows[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	const unsigned char *at = scan->bytes + scan->at;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (at[0] < rows[i].first || at[0] > rows[i].last)
			continue;
		if (rows[i].size > scan->length - scan->at || at[1] < rows[i].low ||
			at[1] > rows[i].high)
			return 0;
		for (size_t k = 2; k < rows[i].size; k++)
			if ((at[k] & 0xc0) != 0x80)
				return 0;
		return rows[i].size;
	}
	return 0;
}

/* Four hexadecimal digits behind \u, or -1. */
static int scan_hex(struct scan *scan)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int byte = peek(scan);
		int digit = byte >= '0' && byte <= '9' ? byte - '0'
			: byte >= 'a' && byte <= 'f'   ? byte - 'a' + 10
			: byte >= 'A' && byte <= 'F'   ? byte - 'A' + 10
						       : -1;

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
		scan->at++;
	}
	return value;
}

/* Behind "\u". */
static int scan_unicode(struct scan *scan, size_t began)
{
	static const char *const lone = "half of a surrogate pair is no character";
	int code = scan_hex(scan);

	if (code < 0)
		return fail(scan, POOL_RULE_JSON_STRING, began,
			"\\u needs four hexadecimal digits");
	if (code == 0)
		return fail(
			scan, POOL_RULE_JSON_STRING, began, "a NUL character (\\u0000)");
	if (code >= 0xdc00 && code <= 0xdfff)
		return fail(scan, POOL_RULE_JSON_STRING, began, lone);
	if (code < 0xd800 || code > 0xdbff)
		return 0;
	if (scan->length - scan->at < 2 || memcmp(scan->bytes + scan->at, "\\u", 2) != 0)
		return fail(scan, POOL_RULE_JSON_STRING, began, lone);
	scan->at += 2;
	code = scan_hex(scan);
	if (code < 0xdc00 || code > 0xdfff)
		return fail(scan, POOL_RULE_JSON_STRING, began, lone);
	return 0;
}

static int scan_escape(struct scan *scan)
{
	size_t began = scan->at++;
	int byte = peek(scan);

	if (byte < 0)
		return fail_syntax(scan, NULL);
	scan->at++;
	if (byte == 'u')
		return scan_unicode(scan, began);
	if (strchr("\"\\/bfnrt", byte) && byte)
		return 0;
	return fail(scan, POOL_RULE_JSON_STRING, began,
		"a backslash begins no escape of JSON's");
}

static int scan_string(struct scan *scan)
{
	size_t began = scan->at++;

	for (;;) {
		int byte = peek(scan);
		size_t size = 1;

		if (byte < 0)
			return fail(scan, POOL_RULE_JSON_SYNTAX, began,
				"a string is not ended");
		if (byte == '"')
			break;
		if (byte == '\n' || byte == '\r')
			return fail(scan, POOL_RULE_JSON_STRING, scan->at,
				"a line ends inside a string (write \\n, or end the "
				"string)");
		if (byte < 0x20)
			return fail(scan, POOL_RULE_JSON_STRING, scan->at,
				"a raw control character in a string");
		if (byte == '\\') {
			int error = scan_escape(scan);

			if (error)
				return error;
			continue;
		}
		if (byte >= 0x80)
			size = utf8_size(scan);
		if (!size)
			return fail(scan, POOL_RULE_JSON_ENCODING, scan->at,
				"this is not UTF-8");
		scan->at += size;
	}
	scan->at++;
	return 0;
}

static size_t skip_digits(struct scan *scan)
{
	size_t began = scan->at;
	int byte;

	while (byte = peek(scan), byte >= '0' && byte <= '9')
		scan->at++;
	return scan->at - began;
}

static int scan_number(struct scan *scan)
{
	size_t began = scan->at;
	bool zero;
	int byte;

	scan->at += peek(scan) == '-';
	zero = peek(scan) == '0';
	byte = (int)skip_digits(scan);
	if (byte == 0)
		return fail(scan, POOL_RULE_JSON_NUMBER, began,
			"a number needs a digit here");
	if (zero && byte > 1)
		return fail(scan, POOL_RULE_JSON_NUMBER, began,
			"a number begins with a zero");
	if (peek(scan) == '.') {
		scan->at++;
		if (!skip_digits(scan))
			return fail(scan, POOL_RULE_JSON_NUMBER, began,
				"no digit follows the point");
	}
	byte = peek(scan);
	if (byte == 'e' || byte == 'E') {
		scan->at++;
		byte = peek(scan);
		scan->at += byte == '+' || byte == '-';
		if (!skip_digits(scan))
			return fail(scan, POOL_RULE_JSON_NUMBER, began,
				"no digit follows the exponent");
	}
	/* cJSON would cut it. */
	if (scan->at - began > POOL_JSON_NUMBER)
		return fail(scan, POOL_RULE_JSON_NUMBER, began,
			"a number of more than 60 characters");
	return 0;
}

static int scan_word(struct scan *scan)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t size = strlen(words[i]);

		if (scan->length - scan->at >= size &&
			memcmp(scan->bytes + scan->at, words[i], size) == 0) {
			scan->at += size;
			return 0;
		}
	}
	return fail_syntax(scan, "a value was expected here");
}

static int scan_object(struct scan *scan)
{
	int byte;

	scan->at++;
	byte = skip_blanks(scan);
	if (byte == '}') {
		scan->at++;
		return 0;
	}
	for (;;) {
		size_t key_at = scan->at;
		int error;

		if (byte == '}')
			return fail_syntax(scan, "a comma stands before this '}'");
		if (byte != '"')
			return fail_syntax(
				scan, "a key in double quotes was expected here");
		error = scan_string(scan);
		if (error)
			return error;
		if (skip_blanks(scan) != ':')
			return fail_syntax(scan, "a ':' was expected here");
		scan->at++;
		skip_blanks(scan);
		error = scan_value(scan, key_at);
		if (error)
			return error;
		byte = skip_blanks(scan);
		if (byte != ',' && byte != '}')
			return fail_syntax(scan, "a ',' or '}' was expected here");
		scan->at++;
		if (byte == '}')
			return 0;
		byte = skip_blanks(scan);
	}
}

static int scan_array(struct scan *scan)
{
	int byte;

	scan->at++;
	if (skip_blanks(scan) == ']') {
		scan->at++;
		return 0;
	}
	for (;;) {
		int error = scan_value(scan, scan->at);

		if (error)
			return error;
		byte = skip_blanks(scan);
		if (byte != ',' && byte != ']')
			return fail_syntax(scan, "a ',' or ']' was expected here");
		scan->at++;
		if (byte == ']')
			return 0;
		if (skip_blanks(scan) == ']')
			return fail_syntax(scan, "a comma stands before this ']'");
	}
}

static int scan_nested(struct scan *scan, int byte)
{
	int error;

	if (scan->depth == POOL_JSON_DEPTH)
		return fail(scan, POOL_RULE_JSON_DEPTH, scan->at,
			"more than 64 levels of nesting");
	scan->depth++;
	error = byte == '{' ? scan_object(scan) : scan_array(scan);
	scan->depth--;
	return error;
}

static int scan_value(struct scan *scan, size_t key_at)
{
	size_t index = scan->positions->count, at = scan->at;
	int byte = peek(scan), error;
	struct pool_node *node;

	if (index == POOL_JSON_VALUES)
		return fail(scan, POOL_RULE_JSON_SIZE, at, "more than 4 million values");
	if (!pool_positions_add(scan->positions))
		return POOL_ENOMEM;
	if (byte == '{' || byte == '[')
		error = scan_nested(scan, byte);
	else if (byte == '"')
		error = scan_string(scan);
	else if (byte == '-' || (byte >= '0' && byte <= '9'))
		error = scan_number(scan);
	else
		error = scan_word(scan);
	if (error)
		return error;
	node = &scan->positions->nodes[index];
	node->at = (uint32_t)at;
	node->end = (uint32_t)scan->at;
	node->key_at = (uint32_t)key_at;
	node->size = (uint32_t)(scan->positions->count - index);
	return 0;
}

size_t pool_json_bom(const char *bytes, size_t length)
{
	return length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

int pool_json_scan(struct pool_positions *positions, const char *bytes, size_t length,
	struct pool_json_fault *fault)
{
	struct scan scan = {.bytes = (const unsigned char *)bytes,
		.length = length,
		.at = pool_json_bom(bytes, length),
		.positions = positions,
		.fault = fault};
	int error;

	if (skip_blanks(&scan) < 0)
		return fail(&scan, POOL_RULE_JSON_SYNTAX, scan.at, "the text is empty");
	error = scan_value(&scan, scan.at);
	if (error)
		return error;
	if (skip_blanks(&scan) >= 0)
		return fail_syntax(&scan, "something follows the end of the document");
	return 0;
}
