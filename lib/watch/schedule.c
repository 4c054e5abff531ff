/* The spacing of checks. */
#include "base/clock.h"
#include "watch/schedule.h"

enum {
	QUICK_DIVISOR = 3,
	QUICK_LEAST_S = 2,
	LONG_INTERVALS = 20,
	LONG_S = 600,
	JITTER_PERCENT = 10,
};

/* Part of <whole>: 0 for the smallest <random>, nearly <whole> for the largest. */
static int64_t share_of(int64_t whole, uint64_t random)
{
	return (int64_t)((double)whole * ((double)(random >> 11) * 0x1p-53));
}

static bool is_long(const struct pool_schedule_facts *facts)
{
	return facts->unchanged_ns >= LONG_S * POOL_NS_PER_S &&
		facts->unchanged_ns >= LONG_INTERVALS * facts->interval_ns;
}

int64_t pool_schedule_gap_ns(const struct pool_schedule_facts *facts, uint64_t random)
{
	int64_t gap_ns = facts->interval_ns, span_ns;

	if (facts->quick) {
		gap_ns /= QUICK_DIVISOR;
		if (gap_ns < QUICK_LEAST_S * POOL_NS_PER_S)
			gap_ns = QUICK_LEAST_S * POOL_NS_PER_S;
	} else if (is_long(facts)) {
		gap_ns = facts->good ? gap_ns + gap_ns / 2 : 2 * gap_ns;
	}
	span_ns = gap_ns / 100 * JITTER_PERCENT;
	return gap_ns - span_ns + share_of(2 * span_ns, random);
}

int64_t pool_schedule_first_ns(
	size_t index, size_t count, int64_t interval_ns, uint64_t random, int64_t *second)
{
	int64_t window_ns = (int64_t)count * POOL_NS_PER_S / POOL_SCHEDULE_FIRST_RATE;
	int64_t slot_ns;

	if (window_ns > interval_ns)
		window_ns = interval_ns;
	slot_ns = window_ns / (int64_t)count;
	/* From a quarter of the interval to all of it. */
	*second = interval_ns / 4 +
		(int64_t)((double)(interval_ns - interval_ns / 4) *
			((double)(index + 1) / (double)count));
	return (int64_t)index * slot_ns + share_of(slot_ns, random);
}
