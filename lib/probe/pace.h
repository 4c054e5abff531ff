/*
 * Requests a second to one target host: when a check may begin.
 */
#ifndef POOL_PROBE_PACE_H
#define POOL_PROBE_PACE_H

#include <stddef.h>
#include <stdint.h>

struct pool_pace_host {
	uint64_t key;    /* of its name; 0: a free place */
	int64_t next_ns; /* its next free moment */
};

/* Zeroed storage bounds nothing. */
struct pool_pace {
	int64_t gap_ns;               /* between two requests to one host; 0: none */
	struct pool_pace_host *hosts; /* by key, open addressing */
	size_t count;
	size_t room; /* a power of two, or 0 */
};

/* <per_second> of 0: nothing is bounded. */
void pool_pace_init(struct pool_pace *pace, double per_second);

/*
 * Book the earliest moment, not before <now_ns>, at which <url> may be asked for; without
 * one (NULL) at once, and so where there is no memory to remember by.
 */
int64_t pool_pace_book(struct pool_pace *pace, const char *url, int64_t now_ns);

void pool_pace_release(struct pool_pace *pace);

#endif
