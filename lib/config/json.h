/*
 * Strict reading of JSON: the scanner judges the text, cJSON makes the tree.
 *
 *	struct pool_positions positions = {0};
 *	struct pool_json_fault fault;
 *	pool_json_scan(&positions, bytes, length, &fault);
 *
 * The scanner knows RFC 8259 and refuses what cJSON lets pass, and what a C string cannot
 * hold. For each value it notes where that stands, in document order: the first child of
 * value N is N + 1, its next sibling N + size. A tree built from the same text by
 * whatever means is walked beside that list. Duplicate keys are left to the walk, which
 * sees them decoded.
 */
#ifndef POOL_CONFIG_JSON_H
#define POOL_CONFIG_JSON_H

#include "config/diagnostic.h"

enum { POOL_JSON_DEPTH = 64, POOL_JSON_VALUES = 1 << 22, POOL_JSON_NUMBER = 60 };

/* Where one value stands. Offsets in bytes, from the start of the text. */
struct pool_node {
	uint32_t at;  /* its first byte; for a number or word, its text goes from here ...
		       */
	uint32_t end; /* ... to here, exclusive */
	uint32_t key_at; /* its key's first byte; <at> where it has none */
	uint32_t size;   /* values in it, itself counted */
};

struct pool_positions {
	struct pool_node *nodes;
	size_t count;
	size_t room;
};

void pool_positions_release(struct pool_positions *positions);
/* A new value at the end of the list, or NULL when out of memory. */
struct pool_node *pool_positions_add(struct pool_positions *positions);

struct pool_json_fault {
	enum pool_rule_id rule;
	size_t at;        /* the byte that is wrong */
	const char *text; /* a sentence; static storage */
};

/*
 * Judge <bytes> (<length> of them; a byte order mark is skipped) and note the positions.
 *
 * Returns 0, or POOL_EINVALID (see <fault>, the first there is), POOL_ENOMEM.
 */
int pool_json_scan(struct pool_positions *positions, const char *bytes, size_t length,
	struct pool_json_fault *fault);

/* Length of the byte order mark that <bytes> begin with: 0 or 3. */
size_t pool_json_bom(const char *bytes, size_t length);

#endif
