/* Budgets: a ring of sub-windows that moves along with time. */
#include <stdbool.h>
#include <string.h>
#include "select/budget.h"

#define WINDOWS POOL_BUDGET_WINDOWS

enum { DAY_S = 86400 };

/* 146 years: what is computed from times no farther than that does not overflow. */
#define FARTHEST_NS (INT64_MAX / 2)

_Static_assert(
	sizeof(struct pool_budget) == 2 * sizeof(int64_t) + WINDOWS * sizeof(uint32_t),
	"budgets are stored");

static bool limited(const struct pool_rate *rate)
{
	return rate->requests > 0 && rate->per_s > 0;
}

static int64_t width_of(int32_t per_s)
{
	return (per_s * INT64_C(1000000000) + WINDOWS - 2) / (WINDOWS - 1);
}

static uint32_t add(uint32_t a, uint32_t b)
{
	return a + b < a ? UINT32_MAX : a + b;
}

static uint64_t count_spent(const struct pool_budget *ring)
{
	uint64_t sum = 0;

	for (int i = 0; i < WINDOWS; i++)
		sum += ring->used[i];
	return sum;
}

/* Whether such numbers can be: sub-windows of a rate, none of them far ahead of now. */
static bool believable(const struct pool_budget *budget, int64_t width_ns, int64_t now_ns)
{
	const int64_t head = budget->head_ns, width = budget->width_ns;

	if (width != width_ns && (width <= 0 || width > width_of(DAY_S)))
		return false;
	if (head < -FARTHEST_NS || head > FARTHEST_NS)
		return false;
	return head <= now_ns ||
		(uint64_t)head - (uint64_t)now_ns <= (uint64_t)width * WINDOWS;
}

/* Drop what ended long enough before now, and begin sub-windows until now is in one. */
static void move_on(struct pool_budget *ring, int64_t now_ns)
{
	uint64_t steps;

	if (now_ns < ring->head_ns)
		return;
	steps = ((uint64_t)now_ns - (uint64_t)ring->head_ns) / (uint64_t)ring->width_ns;
	if (steps >= WINDOWS) {
		memset(ring->used, 0, sizeof(ring->used));
		ring->head_ns = now_ns;
		return;
	}
	memmove(ring->used + steps, ring->used, (WINDOWS - steps) * sizeof(*ring->used));
	memset(ring->used, 0, steps * sizeof(*ring->used));
	ring->head_ns += (int64_t)steps * ring->width_ns;
}

/* The counts of another rate, as one, in a sub-window that ends as its newest does. */
static void take_over(struct pool_budget *ring, const struct pool_budget *other)
{
	for (int i = 0; i < WINDOWS; i++)
		ring->used[0] = add(ring->used[0], other->used[i]);
	ring->head_ns = other->head_ns + other->width_ns - ring->width_ns;
}

/* The budget as it is now, in sub-windows of <rate>. */
static struct pool_budget look(
	const struct pool_budget *budget, const struct pool_rate *rate, int64_t now_ns)
{
	const int64_t width_ns = width_of(rate->per_s);
	struct pool_budget ring = {.head_ns = now_ns, .width_ns = width_ns};

	if (!believable(budget, width_ns, now_ns))
		return ring;
	if (budget->width_ns == width_ns)
		ring = *budget;
	else
		take_over(&ring, budget);
	move_on(&ring, now_ns);
	return ring;
}

int64_t pool_budget_ready_ns(const struct pool_budget *budget,
	const struct pool_rate *rate, uint32_t cost, int64_t now_ns)
{
	struct pool_budget ring;
	uint64_t spent;
	int oldest = WINDOWS;

	if (!limited(rate) || !cost)
		return now_ns;
	if (cost > (uint32_t)rate->requests)
		return INT64_MAX;
	ring = look(budget, rate, now_ns);
	spent = count_spent(&ring);
	while (spent + cost > (uint32_t)rate->requests)
		spent -= ring.used[--oldest];
	if (oldest == WINDOWS)
		return now_ns;
	/* When sub-window <oldest> leaves the ring. */
	return ring.head_ns + (WINDOWS - oldest) * ring.width_ns;
}

void pool_budget_charge(struct pool_budget *budget, const struct pool_rate *rate,
	uint32_t cost, int64_t now_ns)
{
	struct pool_budget ring;

	if (!limited(rate))
		return;
	ring = look(budget, rate, now_ns);
	/* Its newest sub-window may last longer, but nothing was spent after now. */
	if (budget->width_ns != ring.width_ns && ring.head_ns > now_ns)
		ring.head_ns = now_ns;
	ring.used[0] = add(ring.used[0], cost);
	*budget = ring;
}

uint32_t pool_budget_left(
	const struct pool_budget *budget, const struct pool_rate *rate, int64_t now_ns)
{
	struct pool_budget ring;
	uint64_t spent;

	if (!limited(rate))
		return UINT32_MAX;
	ring = look(budget, rate, now_ns);
	spent = count_spent(&ring);
	return spent < (uint32_t)rate->requests
		? (uint32_t)rate->requests - (uint32_t)spent
		: 0;
}
