/*
 * The answer of a selection in the format asked for: for a shell, curl, a config file, a
 * program.
 *
 * "No proxy" has an answer in every format too. Who ignores exit statuses hands it to a
 * client, and no client connects to it: never an empty text, which many take for "go
 * direct".
 */
#ifndef POOL_REPORT_ANSWER_H
#define POOL_REPORT_ANSWER_H

#include "base/text.h"
#include "pool.h"
#include "report/variables.h"

/* A format: one row. */
struct pool_answer_format {
	const char *name;
	const char *summary;
	bool one_line;    /* one line a proxy: can be served */
	unsigned schemes; /* what it can express, bits 1 << enum pool_scheme; 0: all */
};

/* The rows, <count> of them. */
const struct pool_answer_format *pool_answer_formats_get(size_t *count);

/* Whose answer it is. */
struct pool_answer_query {
	const char *exchange; /* as asked for, or "default" */
	enum pool_type type;
	/* Whose environment env and export are for. */
	struct pool_variables_caller caller;
};

/*
 * Judge a format: the name of a row, or a template, which holds a "%" or a "\".
 *
 * Returns 0 and the row (NULL: a template), or POOL_EARGUMENT with the nearest right
 * name.
 */
int pool_answer_check(const char *format, const struct pool_answer_format **row,
	struct pool_fault *fault);

/*
 * Append the answer for each proxy of <choice> to <out>, each ended by a newline.
 *
 * <format>  as judged before
 *
 * Returns 0, or: POOL_EINVALID  the format cannot express one of them: nothing is added
 *                POOL_ENOMEM
 */
int pool_answer_add(struct pool_text *out, const char *format,
	const struct pool_answer_query *query, const struct pool_choice *choice,
	struct pool_fault *fault);

/* Append the answer of pool_no_proxy_get(). A format that is not one, or a template that
 * does not show its host, becomes the plain URL. */
void pool_answer_add_none(struct pool_text *out, const char *format,
	const struct pool_answer_query *query, enum pool_no_reason reason);

#endif
