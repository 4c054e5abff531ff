/*
 * Prometheus text, format 0.0.4: families of series, their labels and numbers.
 *
 *	struct pool_exposition out = {.text = &text};
 *
 *	pool_exposition_begin(&out, POOL_METRIC_GAUGE, "up", "Whether it works.");
 *	pool_exposition_series(&out);
 *	pool_exposition_label(&out, "pool", "default.http");
 *	pool_exposition_number(&out, 1);
 *
 * Every name begins with proxypool_. HELP and TYPE of a family are written before its
 * first series: one without series leaves no trace.
 *
 * Not checked: that a family is begun once in a document, that no series stands in it
 * twice, that labels are UTF-8. The pool file sees to the last one.
 */
#ifndef POOL_REPORT_EXPOSITION_H
#define POOL_REPORT_EXPOSITION_H

#include "base/text.h"

enum pool_metric_type {
	POOL_METRIC_GAUGE,
	POOL_METRIC_COUNTER,
	POOL_METRIC_HISTOGRAM,
	POOL_METRIC_TYPES
};

enum { POOL_METRIC_NAME = 80 };

/* A document as it grows. */
struct pool_exposition {
	struct pool_text *text; /* the caller's, who sets it */
	enum pool_metric_type type;
	char name[POOL_METRIC_NAME]; /* of the family */
	size_t name_length;
	const char *help; /* the caller's */
	bool shown;       /* the family has a series */
	bool labelled;    /* the series has a label */
};

/*
 * Begin a family.
 *
 * <name>  without "proxypool_"; what does not fit is cut
 * <help>  a sentence without line feeds and backslashes; to live as long as the family
 */
void pool_exposition_begin(struct pool_exposition *out, enum pool_metric_type type,
	const char *name, const char *help);

/* Begin a series, give it labels, end it with its number. */
void pool_exposition_series(struct pool_exposition *out);
void pool_exposition_label(
	struct pool_exposition *out, const char *name, const char *value);
void pool_exposition_number(struct pool_exposition *out, uint64_t number);
void pool_exposition_real(struct pool_exposition *out, double number);
/* Microseconds, and nanoseconds, as seconds. */
void pool_exposition_us(struct pool_exposition *out, uint64_t us);
void pool_exposition_ns(struct pool_exposition *out, uint64_t ns);

/* A histogram of durations. */
struct pool_exposition_buckets {
	const uint64_t *bounds_us; /* rising */
	size_t bound_count;
	/* How many were at most as long as each bound and above the one before; one more:
	 * of those above all bounds. */
	const uint64_t *counts;
	uint64_t sum_ns; /* all of them added up */
};

/*
 * All series of one histogram.
 *
 * <label>, <value>  of each of them; NULL: none
 */
void pool_exposition_histogram(struct pool_exposition *out, const char *label,
	const char *value, const struct pool_exposition_buckets *buckets);

#endif
