/*
 * Requests a second to one target host: when a check may begin.
 */
#ifndef POOL_PROBE_RATE_H
#define POOL_PROBE_RATE_H

#include "probe/engine.h"

/* Zeroed storage bounds nothing. */
struct pool_rate {
	int64_t gap_ns;    /* between two requests to one host; 0: none */
	uint32_t *host_of; /* a probe's host, UINT32_MAX: none */
	int64_t *next_ns;  /* a host's next free moment */
};

/* Returns 0 or POOL_ENOMEM. */
int pool_rate_init(struct pool_rate *rate, const struct pool_probe *probes, size_t count,
	double per_second);
/* Book the earliest moment, not before <now_ns>, at which probe <index> may ask its
 * target. */
int64_t pool_rate_book(struct pool_rate *rate, size_t index, int64_t now_ns);
void pool_rate_release(struct pool_rate *rate);

#endif
