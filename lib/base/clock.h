/*
 * Time. Deadlines are in CLOCK_BOOTTIME, which counts suspended time and which nobody can
 * set; wall time is only shown, and bridges a reboot.
 */
#ifndef POOL_BASE_CLOCK_H
#define POOL_BASE_CLOCK_H

#include <stdint.h>

#define POOL_NS_PER_S  INT64_C(1000000000)
#define POOL_NS_PER_MS INT64_C(1000000)

struct pool_now {
	int64_t boot_ns; /* CLOCK_BOOTTIME */
	int64_t wall_s;  /* CLOCK_REALTIME, whole seconds since 1970 */
};

void pool_clock_get(struct pool_now *now);

/* Which clock boot_ns belongs to: a hash of boot id and time namespace; 0: it cannot be
 * told. */
uint64_t pool_clock_id(void);

#endif
