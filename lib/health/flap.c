/* Flap damping: a penalty that decays. */
#include "health/flap.h"

static const double SECOND_NS = 1e9;

/* 2 to the power of -<seconds> / half-life. A parabola through the three points of each
 * half-life is right to a third of a percent, and needs no library. */
static double decay(double seconds)
{
	double parts = seconds / POOL_FLAP_HALF_LIFE_S, factor = 1;

	/* Nothing is left of any penalty long before. */
	if (parts > 64)
		return 0;
	for (; parts >= 1; parts--)
		factor /= 2;
	return factor * (1 - parts * (0.6716 - 0.1716 * parts));
}

double pool_flap_penalty(const struct pool_flap *flap, int64_t now_ns)
{
	double passed_s = ((double)now_ns - (double)flap->changed_ns) / SECOND_NS;

	return passed_s > 0 ? flap->penalty * decay(passed_s) : flap->penalty;
}

/* How long without a change until it is calm. */
static double measure_calm(double penalty)
{
	double low = 0, high = POOL_FLAP_QUIET_S;

	if (penalty * decay(high) >= POOL_FLAP_CALM)
		return high;
	while (high - low > 1 / SECOND_NS) {
		const double middle = (low + high) / 2;

		if (penalty * decay(middle) < POOL_FLAP_CALM)
			high = middle;
		else
			low = middle;
	}
	return high;
}

int64_t pool_flap_calm_ns(const struct pool_flap *flap)
{
	return flap->changed_ns + (int64_t)(measure_calm(flap->penalty) * SECOND_NS);
}

bool pool_flap_is_on(const struct pool_flap *flap, int64_t now_ns)
{
	return flap->flapping && now_ns < pool_flap_calm_ns(flap);
}

bool pool_flap_note(struct pool_flap *flap, int64_t now_ns)
{
	const bool before = pool_flap_is_on(flap, now_ns);
	const double penalty = pool_flap_penalty(flap, now_ns) + 1;

	flap->penalty = penalty < POOL_FLAP_MOST ? penalty : POOL_FLAP_MOST;
	flap->changed_ns = now_ns;
	flap->flapping = before || flap->penalty > POOL_FLAP_LIMIT;
	return flap->flapping;
}
