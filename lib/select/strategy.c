/* The strategies and their table. */
#include <math.h>
#include <string.h>
#include "select/strategy.h"

/* Virtual time starts over before its sums become coarse. */
#define CLOCK_RESET 1e6

static inline bool eligible(const struct pool_field *field, uint32_t index)
{
	uint64_t word = field->ready[index];

	if (field->ask_only)
		return field->admit(field->context, index);
	if ((word & ~POOL_READY_FLAGS) > field->now_ns)
		return false;
	if (!(word & POOL_READY_FLAGS) && !field->ask_all)
		return true;
	return field->admit(field->context, index);
}

bool pool_field_eligible(const struct pool_field *field, uint32_t index)
{
	return index < field->count && eligible(field, index);
}

static uint32_t settle(
	const struct pool_field *field, struct pool_pick *pick, uint32_t index)
{
	*pick = (struct pool_pick){.index = index,
		.cursor = field->cursor,
		.clock = field->clock,
		.floor = field->floor,
		.eligibles = field->eligibles};
	if (index != POOL_NO_PICK) {
		pick->cursor = index + 1 < field->count ? index + 1 : 0;
		pick->finish = field->finishes ? field->finishes[index] : 0;
	}
	return index;
}

/* The first eligible one at or behind <cursor>, around the end. */
static uint32_t rotate(const struct pool_field *field, uint64_t cursor)
{
	uint32_t start = cursor < field->count ? (uint32_t)cursor : 0;

	for (uint32_t i = start; i < field->count; i++)
		if (eligible(field, i))
			return i;
	for (uint32_t i = 0; i < start; i++)
		if (eligible(field, i))
			return i;
	return POOL_NO_PICK;
}

/*
 * Weighted round robin by virtual time (WF2Q+: Bennett and Zhang, "Hierarchical Packet
 * Fair Queueing Algorithms", 1997). The clock advances by 1/(sum of the eligible weights)
 * a selection. Each proxy has the virtual time at which its last turn finishes, 1/weight
 * long; its next turn starts there. Of the turns that have started, the one that finishes
 * first is taken; if none has, the clock goes on to the first start. So nobody is ahead
 * of its share by more than one selection or behind it by more than one, and only the
 * chosen one's finish changes.
 *
 * What anybody was owed ends when the eligible ones become others: no turn starts before
 * that moment, the floor. Otherwise those who come back would all have something to catch
 * up, at the cost of who is heavy. What was taken in advance still counts, hence two
 * selections then.
 */
struct turn {
	uint32_t index;
	double start;
	double finish;
};

/* The turns that matter: of those that have started, and of those that have not. */
struct turns {
	double floor;
	struct turn ready;
	struct turn next;
};

static struct turns no_turns(double floor)
{
	const struct turn none = {POOL_NO_PICK, INFINITY, INFINITY};

	return (struct turns){floor, none, none};
}

static void weigh(
	struct turns *turns, const struct pool_field *field, uint32_t index, double clock)
{
	const double slack = 1e-9 * (1 + clock);
	const double length = field->weights[index] ? 1e6 / field->weights[index] : 1;
	double start = field->finishes[index];

	/* Not a number, older than the floor, or from before the clock was reset. */
	if (!(start >= turns->floor && start <= clock + length + slack))
		start = turns->floor;
	if (start <= clock + slack && start + length < turns->ready.finish - slack)
		turns->ready = (struct turn){index, start, start + length};
	if (start < turns->next.start)
		turns->next = (struct turn){index, start, start + length};
}

/* So that 0 does not stay 0. */
static inline uint64_t mix(uint64_t x)
{
	return pool_random_mix(x + UINT64_C(0x9e3779b97f4a7c15));
}

/* A pass over the eligible: their turns from <floor> on, their weight, and who they are.
 */
static struct turns pass_turns(const struct pool_field *field, double clock, double floor,
	double *total, uint64_t *eligibles)
{
	struct turns turns = no_turns(floor);

	*total = 0;
	*eligibles = 0;
	for (uint32_t i = 0; i < field->count; i++) {
		if (!eligible(field, i))
			continue;
		*eligibles += mix(i);
		*total += field->weights[i] ? field->weights[i] * 1e-6 : 1;
		weigh(&turns, field, i, clock);
	}
	return turns;
}

static uint32_t pick_weighted_rotation(
	const struct pool_field *field, struct pool_pick *pick)
{
	const bool sane = field->clock >= 0 && field->clock < CLOCK_RESET;
	const bool floored = sane && field->floor >= 0 && field->floor <= field->clock;
	double clock = sane ? field->clock : 0, total;
	uint64_t eligibles;
	struct turns turns = pass_turns(
		field, clock, floored ? field->floor : clock, &total, &eligibles);

	/* Whether they are the same is only known at the end of the pass. */
	if (eligibles != field->eligibles)
		turns = pass_turns(field, clock, clock, &total, &eligibles);
	if (turns.ready.index == POOL_NO_PICK) {
		turns.ready = turns.next;
		clock = turns.next.start;
	}
	if (settle(field, pick, turns.ready.index) != POOL_NO_PICK) {
		pick->clock = clock + 1 / total;
		pick->floor = turns.floor;
		pick->eligibles = eligibles;
		pick->finish = turns.ready.finish;
	}
	return pick->index;
}

static uint32_t pick_round_robin(const struct pool_field *field, struct pool_pick *pick)
{
	if (!field->equal_weights)
		return pick_weighted_rotation(field, pick);
	return settle(field, pick, rotate(field, field->cursor));
}

static bool may_draw(const struct pool_field *field, uint32_t index, uint32_t except)
{
	return index != except && eligible(field, index);
}

static uint32_t weight_to_draw(const struct pool_field *field, uint32_t index)
{
	return field->equal_weights ? 1 : field->weights[index];
}

/* The <nth> unit of weight among those that may be drawn. */
static uint32_t find_unit(const struct pool_field *field, uint32_t except, uint64_t nth)
{
	for (uint32_t i = 0; i < field->count; i++) {
		uint64_t weight = weight_to_draw(field, i);

		if (!may_draw(field, i, except))
			continue;
		if (nth < weight)
			return i;
		nth -= weight;
	}
	return POOL_NO_PICK;
}

/* An eligible one other than <except>, at random by weight. */
static uint32_t draw(const struct pool_field *field, uint32_t except)
{
	enum { TRIES = 16 };
	uint64_t total = 0;

	/* Mostly eligible and equal: a few throws find one without a pass, just as
	 * evenly. */
	for (int i = 0; field->equal_weights && field->count && i < TRIES; i++) {
		uint32_t index = (uint32_t)pool_random_below(field->random, field->count);

		if (may_draw(field, index, except))
			return index;
	}
	for (uint32_t i = 0; i < field->count; i++)
		if (may_draw(field, i, except))
			total += weight_to_draw(field, i);
	if (!total)
		return POOL_NO_PICK;
	return find_unit(field, except, pool_random_below(field->random, total));
}

static uint32_t pick_random(const struct pool_field *field, struct pool_pick *pick)
{
	return settle(field, pick, draw(field, POOL_NO_PICK));
}

/* Whether <a> leases on <a_weight> are fewer per weight than <b> on <b_weight>. */
static bool fewer(uint32_t a, uint32_t a_weight, uint32_t b, uint32_t b_weight)
{
	return (uint64_t)a * b_weight < (uint64_t)b * a_weight;
}

static uint32_t pick_least_connections(
	const struct pool_field *field, struct pool_pick *pick)
{
	uint32_t start = field->cursor < field->count ? (uint32_t)field->cursor : 0;
	uint32_t best = POOL_NO_PICK;

	for (uint32_t n = 0; n < field->count; n++) {
		uint32_t i =
			start + n < field->count ? start + n : start + n - field->count;

		if (!eligible(field, i))
			continue;
		if (best == POOL_NO_PICK ||
			fewer(field->leases[i], field->weights[i], field->leases[best],
				field->weights[best]))
			best = i;
		if (field->leases[best] == 0)
			break;
	}
	return settle(field, pick, best);
}

/*
 * What a use of it is likely to take: its latency for each of those who use it. Nothing
 * where the latency is not known, so that it becomes known. The latency is from a file:
 * cut to what the product holds, over an hour, and below zero not known.
 */
static uint64_t expect_us(const struct pool_field *field, uint32_t index)
{
	int64_t latency =
		field->latency_us ? field->latency_us(field->context, index) : 0;

	if (latency < 0)
		return 0;
	if (latency > UINT32_MAX)
		latency = UINT32_MAX;
	return (uint64_t)latency * ((uint64_t)field->leases[index] + 1);
}

/*
 * The better of two at random (Mitzenmacher, "The Power of Two Choices in Randomized Load
 * Balancing", 2001): always the very best would be stormed by all who read the same
 * figures. A tie goes to the one drawn first, so that weights hold among equals.
 */
static uint32_t pick_least_latency(const struct pool_field *field, struct pool_pick *pick)
{
	uint32_t first = draw(field, POOL_NO_PICK), second;
	uint64_t first_us, second_us;

	if (first == POOL_NO_PICK)
		return settle(field, pick, first);
	second = draw(field, first);
	if (second == POOL_NO_PICK)
		return settle(field, pick, first);
	first_us = expect_us(field, first);
	second_us = expect_us(field, second);
	if (second_us < first_us ||
		(second_us == first_us && field->leases[second] < field->leases[first]))
		return settle(field, pick, second);
	return settle(field, pick, first);
}

/*
 * Rendezvous hashing (Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit
 * Rates", 1998): everyone has a score for the key, of nothing but the key and its own
 * name, and the highest wins. So whoever goes moves its own keys and no others.
 *
 * By weight: with the score as u in 0..1, the lowest -ln(u)/weight (Schindelhauer and
 * Schomaker, "Weighted Distributed Hash Tables", 2005), which for equal weights is the
 * highest score again. As -ln(u) is at least 1 - u, that alone says of nearly all that
 * they cannot win; only of the others a logarithm is taken.
 */
static uint64_t scatter_key(const struct pool_field *field)
{
	/* Once more: as hashed, a key that is somebody's name would cancel its tag. */
	return mix(field->key);
}

static uint64_t tag_of(const struct pool_field *field, uint32_t index)
{
	return field->tags ? field->tags[index] : mix(index);
}

static uint64_t score(
	const struct pool_field *field, uint64_t scattered_key, uint32_t index)
{
	return pool_random_mix(scattered_key ^ tag_of(field, index));
}

/* Scores differ where tags do. */
static uint32_t pick_highest_score(const struct pool_field *field)
{
	const uint64_t key = scatter_key(field);
	uint32_t best = POOL_NO_PICK;
	uint64_t highest = 0;

	for (uint32_t i = 0; i < field->count; i++) {
		uint64_t own = score(field, key, i);

		if ((own > highest || best == POOL_NO_PICK) && eligible(field, i)) {
			best = i;
			highest = own;
		}
	}
	return best;
}

/*
 * -ln(1 - rest) of 0..1, by the series of atanh: ln(u) = -2 atanh((1 - u) / (1 + u)), for
 * u from 1/2 on. Not log1p(): to load libm would cost each start of a tool a tenth.
 */
static double minus_ln(double rest)
{
	const double ln_2 = 0x1.62e42fefa39efp-1;
	double u = 1 - rest, halvings = 0, z, power, sum = 0;

	for (; u < 0.5; u *= 2)
		halvings++;
	z = halvings > 0 ? (1 - u) / (1 + u) : rest / (2 - rest);
	power = z;
	for (int n = 1; power > sum * 0x1p-54; n += 2) {
		sum += power / n;
		power *= z * z;
	}
	return halvings * ln_2 + 2 * sum;
}

static uint32_t pick_lowest_cost(const struct pool_field *field)
{
	const uint64_t key = scatter_key(field);
	uint32_t best = POOL_NO_PICK;
	double lowest = INFINITY;

	for (uint32_t i = 0; i < field->count; i++) {
		/* 1 - u: of 53 bits, so that it is never rounded up to 1. */
		double rest = (double)(~score(field, key, i) >> 11) * 0x1p-53;
		double weight = field->weights[i], cost;

		if (!(rest < lowest * weight) || !eligible(field, i))
			continue;
		cost = minus_ln(rest) / weight;
		if (cost < lowest) {
			best = i;
			lowest = cost;
		}
	}
	return best;
}

static uint32_t pick_sticky(const struct pool_field *field, struct pool_pick *pick)
{
	return settle(field, pick,
		field->equal_weights ? pick_highest_score(field)
				     : pick_lowest_cost(field));
}

static uint32_t pick_failover(const struct pool_field *field, struct pool_pick *pick)
{
	return settle(field, pick, rotate(field, 0));
}

static const struct pool_strategy rows[POOL_STRATEGIES] = {
	[POOL_STRATEGY_ROUND_ROBIN] = {"round_robin",
		"in turn, shared by all processes; by weight", .shares_state = true,
		.pick = pick_round_robin},
	[POOL_STRATEGY_RANDOM] = {"random", "at random, by weight", .pick = pick_random},
	[POOL_STRATEGY_LEAST_CONNECTIONS] = {"least_connections",
		"fewest leases by weight, ties in turn", .shares_state = true,
		.pick = pick_least_connections},
	[POOL_STRATEGY_LEAST_LATENCY] = {"least_latency",
		"of two at random the quicker, by latency and leases",
		.pick = pick_least_latency},
	[POOL_STRATEGY_STICKY] = {"sticky", "the same one for the same key, by weight",
		.wants_key = true, .pick = pick_sticky},
	[POOL_STRATEGY_FAILOVER] = {"failover", "the first in file order",
		.pick = pick_failover},
};

const struct pool_strategy *pool_strategy_get(unsigned id)
{
	return &rows[id < POOL_STRATEGIES ? id : POOL_STRATEGY_ROUND_ROBIN];
}

int pool_strategy_find(const char *name)
{
	for (int i = 0; i < POOL_STRATEGIES; i++)
		if (strcmp(rows[i].name, name) == 0)
			return i;
	return -1;
}
