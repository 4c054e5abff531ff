/*
 * What is wrong with a pool file: a list of diagnostics, each with position, rule and sentence.
 *
 * No message holds a user name, a password or a raw control byte.
 */
#ifndef POOL_CONFIG_DIAGNOSTIC_H
#define POOL_CONFIG_DIAGNOSTIC_H

#include "pool.h"

enum pool_severity { POOL_WARNING, POOL_ERROR };

struct pool_diagnostic {
	enum pool_severity severity;
	const char *rule;     /* stable name, e.g. "weight-range"; static storage */
	uint32_t line;        /* 1-based; 0: the whole file */
	uint32_t column;      /* 1-based, in characters */
	uint32_t end_column;  /* exclusive; 0 unknown */
	char *pointer;        /* JSON pointer, e.g. "/default/http/pool/proxies/3/weight" */
	char *text;           /* "weight: 12 is above 10" */
	char *source;         /* the line it stands on, redacted, for the caret; or NULL */
};

struct pool_diagnostics {
	struct pool_diagnostic *list;
	size_t count;
	size_t room;
	size_t errors;
	size_t warnings;
	bool broken; /* out of memory: the list is incomplete */
};

/* Worst first, then by position. */
void pool_diagnostics_sort(struct pool_diagnostics *diagnostics);
void pool_diagnostics_release(struct pool_diagnostics *diagnostics);

/* "pool.json:12:9: error: weight: 12 is above 10 [weight-range]", without newline, into <out>. */
void pool_diagnostic_format(const struct pool_diagnostic *diagnostic, const char *file, char *out,
	size_t size);

/* Every rule that a diagnostic can have: name, severity, one sentence, what to do. */
struct pool_rule {
	const char *name;
	enum pool_severity severity;
	const char *summary;
	const char *advice;
};
const struct pool_rule *pool_rules_get(size_t *count);

#endif
