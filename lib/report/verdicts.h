/*
 * Judged pool files as one document: for people, programs and CI systems.
 *
 *	const struct pool_verdict_format *format = &pool_verdict_formats_get(&count)[i];
 *	char *text = format->render(&verdicts);
 *
 * Faults keep their identity in CI systems while other lines of their file come and go:
 * each has a fingerprint of its path, rule, place in the document and sentence, without
 * line numbers and without the numbers of list items. No document shows a user name or a
 * password.
 */
#ifndef POOL_REPORT_VERDICTS_H
#define POOL_REPORT_VERDICTS_H

#include "report/judged.h"

struct pool_verdicts {
	const struct pool_judged *list;
	size_t count;
	/* Files below this absolute path are told relative to it in annotations; NULL: as
	 * they are named. */
	const char *folder;
	struct pool_judged_view view; /* of text, and whether it tells of valid files: */
	bool sum_up;
};

/* The formats, in the order of pool_verdict_formats_get(). */
enum pool_verdict_format_id {
	POOL_VERDICT_TEXT,
	POOL_VERDICT_JSON,
	POOL_VERDICT_SARIF,
	POOL_VERDICT_GITHUB,
	POOL_VERDICT_GITLAB,
	POOL_VERDICT_FORMATS
};

struct pool_verdict_format {
	const char *name;    /* "sarif" */
	const char *summary; /* what it is, for the manual page */
	/* free() it; NULL when out of memory */
	char *(*render)(const struct pool_verdicts *verdicts);
};
const struct pool_verdict_format *pool_verdict_formats_get(size_t *count);

/* Append the table of rules, tab-separated: name, severity, meaning, advice. */
void pool_verdict_rules(struct pool_text *out);

/* What can be told of a file: a diagnostic, or that it cannot be read. */
struct pool_finding {
	const struct pool_judged *file;
	const struct pool_diagnostic *diagnostic; /* NULL: it cannot be read */
	const char *path;     /* of the file, for annotations; the findings' own */
	char fingerprint[56]; /* unique among the findings */
};

struct pool_findings {
	struct pool_finding *list;
	size_t count;
	char **paths;
	size_t path_count;
};

/* All of <verdicts>, file by file. False: out of memory; release it all the same. */
bool pool_findings_init(
	struct pool_findings *findings, const struct pool_verdicts *verdicts);
void pool_findings_release(struct pool_findings *findings);

/* "unreadable" where there is no rule. */
const char *pool_finding_rule(const struct pool_finding *finding);
/* Append the sentence, with the variable that it is about. */
void pool_finding_tell(const struct pool_finding *finding, struct pool_text *out);

/* Renderers of the formats that have files of their own. */
char *pool_verdicts_sarif(const struct pool_verdicts *verdicts);
char *pool_verdicts_github(const struct pool_verdicts *verdicts);
char *pool_verdicts_gitlab(const struct pool_verdicts *verdicts);

#endif
