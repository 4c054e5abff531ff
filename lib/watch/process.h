/*
 * What this process takes of the machine.
 */
#ifndef POOL_WATCH_PROCESS_H
#define POOL_WATCH_PROCESS_H

#include <stdint.h>

struct pool_process {
	double cpu_s;            /* user and system, since it began */
	uint64_t resident_bytes; /* 0: it cannot be known */
	uint32_t descriptors;    /* open ones; 0: it cannot be known */
};

/* Reads /proc/self. */
void pool_process_get(struct pool_process *out);

#endif
