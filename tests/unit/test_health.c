/* The health machine: DESIGN section 5 as tables, and what must hold whatever happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/random.h"
#include "health/health.h"
#include "probe/engine.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define S           INT64_C(1000000000)
#define START       (1000 * S)

enum { MIDDLE = 500000 }; /* the jitter that changes nothing */

static const struct pool_policy defaults = {
	.healthy_threshold = 2,
	.unhealthy_threshold = 1,
	.failure_threshold = 5,
	.open_s = 30,
	.max_open_s = 300,
	.half_open_max = 1,
	.cooldown_s = 60,
	.max_cooldown_s = 259200,
};

/* --- one story a row ------------------------------------------------------------ */

/* What happens at a moment, and what the proxy is right after it. */
struct event {
	int at_s;  /* since START */
	char kind; /* of evidence: see below; '=' none, only look; 0 ends the story */
	enum pool_status expected;
	int age_s;         /* how long before it began; 0: just now */
	int retry_after_s; /* of 'l' and 'L'; 0: none */
};

/* Small letters are checks, capitals reports. */
static const struct {
	char kind;
	enum pool_reason reason;
	enum pool_layer good_layer;
} kinds[] = {
	{'k', POOL_REASON_OK, POOL_LAYER_TARGET},      /* everything works */
	{'t', POOL_REASON_OK, POOL_LAYER_CONNECT},     /* a tcp check that connects */
	{'p', POOL_REASON_OK, POOL_LAYER_RESOLVE},     /* an echo */
	{'r', POOL_REASON_REFUSED, POOL_LAYER_TARGET}, /* down, layer connect */
	{'a', POOL_REASON_AUTH, POOL_LAYER_TARGET},    /* 407: down, layer auth */
	{'s', POOL_REASON_STATUS, POOL_LAYER_TARGET},  /* down, layer target */
	{'c', POOL_REASON_RESET, POOL_LAYER_CONNECT},  /* a tcp check that is cut off */
	{'e', POOL_REASON_PING_TIMEOUT, POOL_LAYER_RESOLVE}, /* no echo */
	{'b', POOL_REASON_BLOCKED, POOL_LAYER_TARGET},
	{'x', POOL_REASON_TRUNCATED, POOL_LAYER_TARGET}, /* it broke off */
	{'l', POOL_REASON_LIMITED, POOL_LAYER_TARGET},
	{'i', POOL_REASON_TARGET_SUSPECT, POOL_LAYER_TARGET}, /* inconclusive */
	{'d', POOL_REASON_NO_DESCRIPTORS, POOL_LAYER_TARGET}, /* this machine */
};

#define UNK  POOL_STATUS_UNKNOWN
#define OK   POOL_STATUS_HEALTHY
#define BAD  POOL_STATUS_UNHEALTHY
#define REC  POOL_STATUS_RECOVERING
#define COOL POOL_STATUS_COOLING
#define OFF  POOL_STATUS_DISABLED

static struct pool_transition feed(const struct pool_policy *policy,
	struct pool_health *health, const struct event *event, uint32_t jitter)
{
	const int64_t now_ns = START + event->at_s * S;
	struct pool_evidence evidence = {
		.source = event->kind < 'a' ? POOL_EVIDENCE_REPORT : POOL_EVIDENCE_CHECK,
		.began_ns = now_ns - event->age_s * S,
		.retry_after_s = event->retry_after_s ? event->retry_after_s : -1,
	};
	struct pool_transition transition = {.happened = false};

	for (size_t i = 0; i < SIZE(kinds); i++)
		if (kinds[i].kind == (event->kind | 0x20)) {
			evidence.reason = kinds[i].reason;
			evidence.good_layer = kinds[i].good_layer;
			pool_health_step(
				policy, health, &evidence, now_ns, jitter, &transition);
		}
	return transition;
}

struct story {
	const char *name;
	struct pool_policy change; /* fields that are not 0 replace the default */
	bool disabled;
	struct event events[16];
};

static struct pool_policy changed(const struct pool_policy *change)
{
	struct pool_policy policy = defaults;

	policy.healthy_threshold = change->healthy_threshold ? change->healthy_threshold
							     : policy.healthy_threshold;
	policy.unhealthy_threshold = change->unhealthy_threshold
		? change->unhealthy_threshold
		: policy.unhealthy_threshold;
	policy.failure_threshold = change->failure_threshold ? change->failure_threshold
							     : policy.failure_threshold;
	policy.open_s = change->open_s ? change->open_s : policy.open_s;
	policy.max_open_s = change->max_open_s ? change->max_open_s : policy.max_open_s;
	policy.cooldown_s = change->cooldown_s ? change->cooldown_s : policy.cooldown_s;
	policy.max_cooldown_s =
		change->max_cooldown_s ? change->max_cooldown_s : policy.max_cooldown_s;
	return policy;
}

static const struct story stories[] = {
	{"unknown, then healthy with the first good check",
		.events = {{0, '=', UNK}, {1, 'k', OK}, {1000, '=', OK}}},
	{"a tcp check is enough to be healthy", .events = {{0, 't', OK}}},
	{"a reported success makes a proxy known", .events = {{0, 'K', OK}}},
	{"unhealthy with the first failed check", .events = {{0, 'r', BAD}}},
	{"healthy to unhealthy", .events = {{0, 'k', OK}, {1, 'r', BAD}}},
	{"unhealthy_threshold counts checks", {.unhealthy_threshold = 3},
		.events = {{0, 'k', OK}, {1, 'r', OK}, {2, 'r', OK}, {3, 'r', BAD}}},
	{"below the threshold an unknown one stays unknown", {.unhealthy_threshold = 2},
		.events = {{0, 'r', UNK}, {1, 'r', BAD}}},
	{"only failures in a row count", {.unhealthy_threshold = 2},
		.events = {{0, 'r', UNK}, {1, 'k', OK}, {2, 'r', OK}, {3, 'k', OK},
			{4, 'r', OK}, {5, 'r', BAD}}},
	{"failure_threshold counts reports",
		.events = {{0, 'k', OK}, {1, 'R', OK}, {2, 'R', OK}, {3, 'R', OK},
			{4, 'R', OK}, {5, 'R', BAD}}},
	{"only reports in a row count", {.failure_threshold = 2},
		.events = {{0, 'R', UNK}, {1, 'K', OK}, {2, 'R', OK}, {3, 'K', OK},
			{4, 'R', OK}, {5, 'R', BAD}}},
	{"checks and reports are counted apart",
		{.unhealthy_threshold = 2, .failure_threshold = 2},
		.events = {{0, 'r', UNK}, {1, 'R', UNK}, {2, 'r', BAD}}},
	{"a good check ends a row of reports", {.failure_threshold = 2},
		.events = {{0, 'R', UNK}, {1, 'k', OK}, {2, 'R', OK}, {3, 'R', BAD}}},
	{"unhealthy to recovering when the open time is over",
		.events = {{0, 'r', BAD}, {29, '=', BAD}, {30, '=', REC},
			{9999, '=', REC}}},
	{"unhealthy to recovering by a good check of that layer",
		.events = {{0, 'r', BAD}, {5, 't', REC}, {6, 't', OK}}},
	{"healthy at once with a healthy_threshold of one", {.healthy_threshold = 1},
		.events = {{0, 'r', BAD}, {5, 't', OK}}},
	{"recovering to healthy after healthy_threshold successes",
		{.healthy_threshold = 3},
		.events = {{0, 'r', BAD}, {40, 'k', REC}, {41, 'k', REC}, {42, 'k', OK}}},
	{"reports count as successes of a recovering one",
		.events = {{0, 'r', BAD}, {40, 'K', REC}, {41, 'K', OK}}},
	{"a reported success does not end the open time",
		.events = {{0, 'r', BAD}, {5, 'K', BAD}, {6, 'K', BAD}, {29, '=', BAD},
			{30, '=', REC}}},
	{"recovering to unhealthy at the first failure, for twice as long",
		.events = {{0, 'r', BAD}, {30, '=', REC}, {30, 'r', BAD}, {89, '=', BAD},
			{90, '=', REC}}},
	{"so with a reported failure",
		.events = {{0, 'r', BAD}, {30, 'R', BAD}, {89, '=', BAD},
			{90, '=', REC}}},
	{"a failure ends a row of successes", {.healthy_threshold = 2},
		.events = {{0, 'r', BAD}, {30, 'k', REC}, {31, 'r', BAD}, {91, 'k', REC},
			{92, 'k', OK}}},
	{"a failed check while unhealthy renews the deadline without doubling",
		.events = {{0, 'r', BAD}, {20, 'r', BAD}, {49, '=', BAD},
			{50, '=', REC}}},
	{"renewed many times is not doubled",
		.events = {{0, 'r', BAD}, {10, 'r', BAD}, {20, 'r', BAD}, {30, 'r', BAD},
			{40, 'r', BAD}, {50, 'r', BAD}, {79, '=', BAD}, {80, '=', REC}}},
	{"a reported failure while unhealthy renews nothing",
		.events = {{0, 'r', BAD}, {20, 'R', BAD}, {29, '=', BAD},
			{30, '=', REC}}},
	{"the open time doubles to its limit", {.open_s = 30, .max_open_s = 100},
		.events = {{0, 'r', BAD}, {30, 'r', BAD}, {89, '=', BAD}, {90, 'r', BAD},
			{189, '=', BAD}, {190, 'r', BAD}, {289, '=', BAD},
			{290, '=', REC}}},
	{"getting healthy starts over with the short time",
		.events = {{0, 'r', BAD}, {30, 'r', BAD}, {90, 'k', REC}, {91, 'k', OK},
			{92, 'r', BAD}, {121, '=', BAD}, {122, '=', REC}}},
	{"a tcp connect does not clear a 407",
		.events = {{0, 'a', BAD}, {5, 't', BAD}, {29, 't', BAD}, {30, '=', REC},
			{31, 't', REC}, {32, 't', REC}, {33, 't', REC}}},
	{"nor one that was reported", {.failure_threshold = 1},
		.events = {{0, 'A', BAD}, {5, 't', BAD}, {31, 't', REC}, {32, 't', REC}}},
	{"an echo clears no refusal", .events = {{0, 'r', BAD}, {5, 'p', BAD}}},
	{"but what a ping found", .events = {{0, 'e', BAD}, {5, 'p', REC}, {6, 'p', OK}}},
	{"a tcp check clears what it found itself",
		.events = {{0, 'c', BAD}, {5, 't', REC}, {6, 't', OK}}},
	{"also when it is found again",
		.events = {{0, 'c', BAD}, {5, 'c', BAD}, {6, 't', REC}, {7, 't', OK}}},
	{"a good check of the target does",
		.events = {{0, 'a', BAD}, {5, 'k', REC}, {6, 'k', OK}}},
	{"the layer is that of the latest failure while open",
		.events = {{0, 'r', BAD}, {5, 'a', BAD}, {6, 't', BAD}, {7, 'k', REC}}},
	{"blocked is a failure", .events = {{0, 'k', OK}, {1, 'b', BAD}, {31, '=', REC}}},
	{"and not cleared by a tcp connect", .events = {{0, 'b', BAD}, {1, 't', BAD}}},
	{"reported blocks count towards failure_threshold", {.failure_threshold = 2},
		.events = {{0, 'B', UNK}, {1, 'B', BAD}}},
	{"limited is no failure but a cooldown",
		.events = {{0, 'k', OK}, {1, 'l', COOL}, {60, '=', COOL}, {61, '=', OK}}},
	{"limited before anything is known",
		.events = {{0, 'l', COOL}, {59, '=', COOL}, {60, '=', UNK}}},
	{"Retry-After says how long",
		.events = {{0, 'l', COOL, .retry_after_s = 7}, {6, '=', COOL},
			{7, '=', UNK}}},
	{"a cooldown is not shortened",
		.events = {{0, 'l', COOL, .retry_after_s = 100},
			{1, 'l', COOL, .retry_after_s = 5}, {99, '=', COOL},
			{100, '=', UNK}}},
	{"but lengthened",
		.events = {{0, 'l', COOL, .retry_after_s = 5},
			{1, 'l', COOL, .retry_after_s = 100}, {100, '=', COOL},
			{101, '=', UNK}}},
	{"a cooldown is capped", {.max_cooldown_s = 50},
		.events = {{0, 'l', COOL, .retry_after_s = 1000000}, {49, '=', COOL},
			{50, '=', UNK}}},
	{"so is the default one", {.max_cooldown_s = 50, .cooldown_s = 500},
		.events = {{0, 'l', COOL}, {49, '=', COOL}, {50, '=', UNK}}},
	{"no good check ends a cooldown",
		.events = {{0, 'l', COOL}, {1, 'k', COOL}, {2, 'k', COOL},
			{60, '=', OK}}},
	{"reported limits cool as well",
		.events = {{0, 'L', COOL, .retry_after_s = 10}, {10, '=', UNK}}},
	{"a limit ends a row of failed reports: it relayed an answer",
		{.failure_threshold = 2},
		.events = {{0, 'R', UNK}, {1, 'L', COOL, .retry_after_s = 1},
			{2, 'R', UNK}, {3, 'R', BAD}}},
	{"and a row of failed checks", {.unhealthy_threshold = 2},
		.events = {{0, 'r', UNK}, {1, 'l', COOL, .retry_after_s = 1},
			{2, 'r', UNK}, {3, 'r', BAD}}},
	{"a limit closes no breaker",
		.events = {{0, 'r', BAD}, {1, 'l', COOL, .retry_after_s = 10},
			{11, '=', BAD}, {30, '=', REC}}},
	{"inconclusive changes nothing",
		.events = {{0, 'i', UNK}, {1, 'd', UNK}, {2, 'k', OK}, {3, 'i', OK},
			{4, 'd', OK}, {5, 'r', BAD}, {6, 'i', BAD}, {35, '=', REC},
			{36, 'i', REC}, {37, 'k', REC}, {38, 'k', OK}}},
	{"inconclusive interrupts no row", {.unhealthy_threshold = 2},
		.events = {{0, 'r', UNK}, {1, 'i', UNK}, {2, 'r', BAD}}},
	{"late failures count for nothing",
		.events = {{0, 'r', BAD}, {10, 'k', REC}, {11, 'k', OK},
			{12, 'r', OK, .age_s = 5}, {13, 'r', BAD, .age_s = 1}}},
	{"a stream that breaks off counts, however long ago it began",
		{.failure_threshold = 2},
		.events = {{0, 'k', OK}, {60, 'X', OK, .age_s = 65},
			{61, 'X', BAD, .age_s = 66}}},
	{"and fails a proxy on trial", {.failure_threshold = 1},
		.events = {{0, 'r', BAD}, {30, '=', REC}, {31, 'X', BAD, .age_s = 90},
			{90, '=', BAD}, {91, '=', REC}}},
	{"one that does while the breaker is open changes nothing",
		{.failure_threshold = 1},
		.events = {{0, 'r', BAD}, {20, 'X', BAD, .age_s = 90}, {30, '=', REC}}},
	{"a check that broke off is as late as others",
		.events = {{0, 'k', OK}, {1, 'x', OK, .age_s = 2}}},
	{"late successes count for nothing",
		.events = {{0, 'k', OK}, {10, 'r', BAD}, {11, 'k', BAD, .age_s = 5},
			{12, 'k', REC, .age_s = 1}}},
	{"late limits count for nothing",
		.events = {{10, 'r', BAD},
			{11, 'l', BAD, .age_s = 5, .retry_after_s = 100}}},
	{"a failure during a cooldown opens the breaker",
		.events = {{0, 'l', COOL, .retry_after_s = 10}, {5, 'r', COOL},
			{10, '=', BAD}, {35, '=', REC}}},
	{"a success that began before such a failure is late",
		.events = {{0, 'l', COOL, .retry_after_s = 10}, {5, 'r', COOL},
			{6, 'k', COOL, .age_s = 3}, {10, '=', BAD},
			{11, 'k', REC, .age_s = 1}}},
	{"an answer ends a row of failures without one", {.unhealthy_threshold = 3},
		.events = {{0, 'r', UNK}, {1, 'r', UNK}, {2, 's', UNK}, {3, 'r', UNK},
			{4, 'r', BAD}}},
	{"but not a row of failures with one", {.unhealthy_threshold = 3},
		.events = {{0, 's', UNK}, {1, 'r', UNK}, {2, 'b', UNK}, {3, 's', BAD}}},
	{"so with reports", {.failure_threshold = 3},
		.events = {{0, 'R', UNK}, {1, 'R', UNK}, {2, 'B', UNK}, {3, 'R', UNK},
			{4, 'R', BAD}}},
	{"an answer to a check ends such a row of reports",
		{.unhealthy_threshold = 3, .failure_threshold = 2},
		.events = {{0, 'R', UNK}, {1, 's', UNK}, {2, 'R', UNK}, {3, 'R', BAD}}},
	{"an answer that is reported ends such a row of checks",
		{.unhealthy_threshold = 2},
		.events = {{0, 'r', UNK}, {1, 'B', UNK}, {2, 'r', UNK}, {3, 'r', BAD}}},
	{"so does a reported success", {.unhealthy_threshold = 2},
		.events = {{0, 'r', UNK}, {1, 'K', OK}, {2, 'r', OK}, {3, 'r', BAD}}},
	{"but it says nothing of the check's own target", {.unhealthy_threshold = 2},
		.events = {{0, 'b', UNK}, {1, 'K', OK}, {2, 'b', BAD}}},
	{"a good check says nothing of another target", {.failure_threshold = 2},
		.events = {{0, 'B', UNK}, {1, 'k', OK}, {2, 'B', BAD}}},
	{"a tcp connect ends a row of reported refusals", {.failure_threshold = 2},
		.events = {{0, 'R', UNK}, {1, 't', OK}, {2, 'R', OK}, {3, 'R', BAD}}},
	{"but not of reported 407s", {.failure_threshold = 2},
		.events = {{0, 'A', UNK}, {1, 't', OK}, {2, 'A', BAD}}},
	{"nor of both", {.failure_threshold = 3},
		.events = {{0, 'A', UNK}, {1, 'R', UNK}, {2, 't', OK}, {3, 'R', BAD}}},
	{"who got healthy starts with empty rows",
		{.unhealthy_threshold = 2, .failure_threshold = 2},
		.events = {{0, 'B', UNK}, {1, 'B', BAD}, {2, 'k', REC}, {3, 'k', OK},
			{4, 'B', OK}, {5, 'r', OK}, {6, 'B', BAD}}},
	{"by reports as well", {.unhealthy_threshold = 2},
		.events = {{0, 'r', UNK}, {1, 'r', BAD}, {31, 'K', REC}, {32, 'K', OK},
			{33, 'r', OK}, {34, 'r', BAD}}},
	{"two uses at once that are told to wait: the later end wins",
		.events = {{10, 'L', COOL, .retry_after_s = 5},
			{11, 'L', COOL, .age_s = 10, .retry_after_s = 100},
			{110, '=', COOL}, {111, '=', UNK}}},
	{"a use that began while unhealthy says nothing afterwards",
		.events = {{0, 'r', BAD}, {31, 'R', REC, .age_s = 5},
			{31, 'K', REC, .age_s = 5}, {31, 'K', REC, .age_s = 5},
			{31, 'K', REC}, {31, 'K', OK}}},
	{"a check that did is that of an unhealthy one: renewed, not doubled",
		.events = {{0, 'r', BAD}, {31, 'r', BAD, .age_s = 5}, {60, '=', BAD},
			{61, '=', REC}}},
	{"and its success is one",
		.events = {{0, 'r', BAD}, {31, 'k', REC, .age_s = 5}, {32, 'k', OK}}},
	{"what claims to begin in the future begins now",
		.events = {{0, 'r', BAD}, {5, 'R', BAD, .age_s = -100}, {30, '=', REC}}},
	{"what began before the machine did counts",
		.events = {{0, 'r', BAD, .age_s = 2000}}},
	{"no good check lifts what a person disabled", .disabled = true,
		.events = {{0, 'k', OFF}, {1, 'k', OFF}, {2, 'K', OFF},
			{9999, '=', OFF}}},
	{"nor does anything else", .disabled = true,
		.events = {{0, 'r', OFF}, {1, 'l', OFF}, {40, 'i', OFF},
			{100, 'k', OFF}}},
};

static void test_stories(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SIZE(stories); i++) {
		const struct pool_policy policy = changed(&stories[i].change);
		struct pool_health health = {.admin_disabled = stories[i].disabled};

		for (const struct event *event = stories[i].events; event->kind;
			event++) {
			const int64_t now_ns = START + event->at_s * S;
			enum pool_status status;

			feed(&policy, &health, event, MIDDLE);
			status = pool_health_status(&health, now_ns);
			if (status != event->expected)
				fail_msg("%s: %s expected %d s later ('%c'), it is %s",
					stories[i].name,
					pool_status_name(event->expected), event->at_s,
					event->kind, pool_status_name(status));
		}
	}
}

/* Whatever a check finds, checks of the same method can take back. */
static void test_no_method_condemns_for_ever(void **unused)
{
	(void)unused;
	for (int method = 0; method < POOL_METHODS; method++)
		for (int reason = 0; reason < POOL_REASONS; reason++) {
			const struct pool_method_row *row =
				pool_method_get((enum pool_method)method);
			struct pool_evidence evidence = {.source = POOL_EVIDENCE_CHECK,
				.reason = (enum pool_reason)reason,
				.good_layer = row->good_layer,
				.began_ns = START,
				.retry_after_s = 1};
			struct pool_health health = {0};
			struct pool_transition transition;

			pool_health_step(&defaults, &health, &evidence, START, MIDDLE,
				&transition);
			evidence.reason = POOL_REASON_OK;
			for (int i = 1; i <= defaults.healthy_threshold; i++) {
				evidence.began_ns = START + i * 10 * S;
				pool_health_step(&defaults, &health, &evidence,
					evidence.began_ns, MIDDLE, &transition);
			}
			if (pool_health_status(&health, evidence.began_ns) != OK)
				fail_msg("%s: %s is not forgotten", row->name,
					pool_reason_get(reason)->name);
		}
}

/* --- transitions ---------------------------------------------------------------- */

static void test_transitions_are_told(void **unused)
{
	static const struct {
		struct event event;
		bool happened;
		enum pool_status from, to;
	} steps[] = {
		{{.at_s = 0, .kind = 'k'}, true, UNK, OK},
		{{.at_s = 1, .kind = 'k'}, false, OK, OK},
		{{.at_s = 2, .kind = 'r'}, true, OK, BAD},
		{{.at_s = 3, .kind = 'r'}, false, BAD, BAD},
		{{.at_s = 40, .kind = 'r'}, true, REC, BAD},
		{{.at_s = 50, .kind = 'k'}, true, BAD, REC},
		{{.at_s = 51, .kind = 'k'}, true, REC, OK},
		{{.at_s = 52, .kind = 'l', .retry_after_s = 5}, true, OK, COOL},
		{{.at_s = 53, .kind = 'k'}, false, COOL, COOL},
		{{.at_s = 60, .kind = 'i'}, false, OK, OK},
	};
	struct pool_health health = {0};

	(void)unused;
	for (size_t i = 0; i < SIZE(steps); i++) {
		struct pool_transition transition =
			feed(&defaults, &health, &steps[i].event, MIDDLE);

		assert_int_equal(steps[i].happened, transition.happened);
		assert_int_equal(steps[i].from, transition.from);
		assert_int_equal(steps[i].to, transition.to);
		if (steps[i].happened)
			assert_int_equal(
				START + steps[i].event.at_s * S, health.changed_ns);
	}
}

static void test_transition_names_its_reason(void **unused)
{
	const struct event refused = {.at_s = 0, .kind = 'r'},
			   refused_again = {.at_s = 1, .kind = 'a'};
	struct pool_health health = {0};

	(void)unused;
	assert_int_equal(
		POOL_REASON_REFUSED, feed(&defaults, &health, &refused, MIDDLE).reason);
	assert_int_equal(POOL_REASON_REFUSED, health.open_reason);
	feed(&defaults, &health, &refused_again, MIDDLE);
	assert_int_equal(POOL_REASON_AUTH, health.last_reason);
}

static void test_blocked_is_shown_until_a_success(void **unused)
{
	const struct event blocked = {.at_s = 0, .kind = 'b'},
			   connected = {.at_s = 1, .kind = 't'},
			   good = {.at_s = 2, .kind = 'k'};
	struct pool_health health = {0};

	(void)unused;
	feed(&defaults, &health, &blocked, MIDDLE);
	assert_true(health.blocked);
	feed(&defaults, &health, &connected, MIDDLE);
	assert_true(health.blocked);
	feed(&defaults, &health, &good, MIDDLE);
	assert_false(health.blocked);
}

/* A connection says nothing of the target, whatever the breaker is. */
static void test_blocked_is_that_of_the_last_failure(void **unused)
{
	static const struct {
		char kinds[4];
		bool expected;
	} cases[] = {
		{"B", true},
		{"Bt", true},
		{"BA", false},
		{"Bk", false},
		{"BK", false},
		{"Bi", true},
		{"Bl", true},
		{"b", true},
		{"bt", true},
		{"br", false},
		{"bR", true}, /* unhealthy: it opened for another reason */
		{"bK", true},
		{"rb", true},
		{"rB", false},
	};

	(void)unused;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_health health = {0};

		for (int at_s = 0; cases[i].kinds[at_s]; at_s++) {
			const struct event event = {
				.at_s = at_s, .kind = cases[i].kinds[at_s]};

			feed(&defaults, &health, &event, MIDDLE);
		}
		if (cases[i].expected != health.blocked)
			fail_msg("%s: blocked is %d", cases[i].kinds, health.blocked);
	}
}

/* Late evidence moves counters: when it was checked, and what was seen last. */
static void test_late_evidence_is_noted(void **unused)
{
	const struct event down = {.at_s = 0, .kind = 'r'},
			   late = {.at_s = 10, .kind = 'k', .age_s = 20};
	struct pool_health health = {0};
	struct pool_transition transition;

	(void)unused;
	feed(&defaults, &health, &down, MIDDLE);
	transition = feed(&defaults, &health, &late, MIDDLE);
	assert_false(transition.happened);
	assert_int_equal(BAD, transition.from);
	assert_int_equal(START + 10 * S, health.checked_ns);
	assert_int_equal(POOL_REASON_OK, health.last_reason);
	assert_int_equal(START, health.changed_ns);
}

static void test_reports_are_no_checks(void **unused)
{
	const struct event check = {.at_s = 1, .kind = 'k'},
			   report = {.at_s = 5, .kind = 'K'};
	struct pool_health health = {0};

	(void)unused;
	feed(&defaults, &health, &check, MIDDLE);
	feed(&defaults, &health, &report, MIDDLE);
	assert_int_equal(START + S, health.checked_ns);
}

/* --- what a person says ------------------------------------------------------------ */

static struct pool_transition command(
	struct pool_health *health, enum pool_admin admin, int at_s)
{
	struct pool_transition transition = {.happened = false};

	pool_health_command(health, admin, START + at_s * S, &transition);
	return transition;
}

static void test_commands_change_the_status(void **unused)
{
	static const struct {
		struct pool_health health;
		enum pool_admin admin;
		enum pool_status from, to;
	} cases[] = {
		{{.known = 1}, POOL_ADMIN_DISABLE, OK, OFF},
		{{.admin_disabled = 1}, POOL_ADMIN_DISABLE, OFF, OFF},
		{{.admin_disabled = 1, .known = 1}, POOL_ADMIN_ENABLE, OFF, OK},
		{{.admin_disabled = 1, .cool_until_ns = INT64_MAX}, POOL_ADMIN_ENABLE,
			OFF, COOL},
		{{.known = 1}, POOL_ADMIN_ENABLE, OK, OK},
		{{.known = 1}, POOL_ADMIN_RESET, OK, UNK},
		{{.cool_until_ns = INT64_MAX}, POOL_ADMIN_RESET, COOL, UNK},
		{{.known = 1, .opened = 1, .open_until_ns = INT64_MAX}, POOL_ADMIN_RESET,
			BAD, UNK},
		{{.known = 1, .opened = 1}, POOL_ADMIN_RESET, REC, UNK},
		{{.admin_disabled = 1, .known = 1}, POOL_ADMIN_RESET, OFF, OFF},
		{{0}, POOL_ADMIN_RESET, UNK, UNK},
	};

	(void)unused;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_health health = cases[i].health;
		struct pool_transition transition = command(&health, cases[i].admin, 5);

		assert_int_equal(cases[i].from, transition.from);
		assert_int_equal(cases[i].to, transition.to);
		assert_int_equal(cases[i].from != cases[i].to, transition.happened);
		assert_int_equal(cases[i].to, pool_health_status(&health, START + 5 * S));
		if (transition.happened) {
			assert_int_equal(POOL_REASON_PERSON, transition.reason);
			assert_int_equal(START + 5 * S, health.changed_ns);
		}
	}
}

static void test_disabling_forgets_nothing(void **unused)
{
	const struct event down = {.at_s = 0, .kind = 'r'};
	struct pool_health health = {0}, before;

	(void)unused;
	feed(&defaults, &health, &down, MIDDLE);
	before = health;
	command(&health, POOL_ADMIN_DISABLE, 1);
	command(&health, POOL_ADMIN_ENABLE, 2);
	before.changed_ns = START + 2 * S;
	assert_memory_equal(&before, &health, sizeof(health));
}

static void test_reset_forgets_all_but_a_disable(void **unused)
{
	struct pool_health health, expected = {.changed_ns = START, .admin_disabled = 1};

	(void)unused;
	memset(&health, 0x55, sizeof(health));
	health.admin_disabled = 1;
	command(&health, POOL_ADMIN_RESET, 0);
	assert_memory_equal(&expected, &health, sizeof(health));
	command(&health, POOL_ADMIN_ENABLE, 0);
	assert_int_equal(UNK, pool_health_status(&health, START));
}

/* What ran when a person reset it was about the proxy as it had been. */
static void test_what_began_before_a_reset_counts_no_more(void **unused)
{
	const struct event late_bad = {.at_s = 1, .kind = 'r', .age_s = 2},
			   late_good = {.at_s = 1, .kind = 'k', .age_s = 2},
			   late_limit = {.at_s = 1, .kind = 'l', .age_s = 2},
			   bad = {.at_s = 1, .kind = 'r'};
	struct pool_health health = {0};

	(void)unused;
	command(&health, POOL_ADMIN_RESET, 0);
	assert_int_equal(UNK, feed(&defaults, &health, &late_bad, MIDDLE).to);
	assert_int_equal(UNK, feed(&defaults, &health, &late_good, MIDDLE).to);
	assert_int_equal(UNK, feed(&defaults, &health, &late_limit, MIDDLE).to);
	assert_int_equal(BAD, feed(&defaults, &health, &bad, MIDDLE).to);
}

/* --- the open time -------------------------------------------------------------- */

static int64_t open_time_ns(
	const struct pool_policy *policy, uint32_t opened, uint32_t jitter)
{
	const struct event down = {.at_s = 0, .kind = 'r'};
	struct pool_health health = {.known = 1, .times_opened = opened - 1};

	feed(policy, &health, &down, jitter);
	return health.open_until_ns - START;
}

static void test_open_time_doubles_to_its_cap(void **unused)
{
	static const int expected_s[] = {30, 60, 120, 240, 300, 300, 300};

	(void)unused;
	for (uint32_t i = 0; i < SIZE(expected_s); i++)
		assert_int_equal(
			expected_s[i] * S, open_time_ns(&defaults, i + 1, MIDDLE));
	assert_int_equal(300 * S, open_time_ns(&defaults, 1000000000, MIDDLE));
	assert_int_equal(300 * S, open_time_ns(&defaults, UINT32_MAX, MIDDLE));
}

static void test_jitter_is_a_tenth(void **unused)
{
	struct pool_random random = {7};

	(void)unused;
	assert_int_equal(27 * S, open_time_ns(&defaults, 1, 0));
	assert_int_equal(30 * S, open_time_ns(&defaults, 1, MIDDLE));
	assert_int_equal(33 * S, open_time_ns(&defaults, 1, 1000000));
	assert_int_equal(270 * S, open_time_ns(&defaults, 9, 0));
	/* At most max_open_s, jitter or not. */
	assert_int_equal(300 * S, open_time_ns(&defaults, 9, 1000000));
	for (int i = 0; i < 10000; i++) {
		int64_t time_ns = open_time_ns(
			&defaults, 1, (uint32_t)pool_random_below(&random, 1000001));

		assert_in_range(time_ns, 27 * S, 33 * S);
	}
}

static void test_renewing_never_shortens(void **unused)
{
	const struct event down = {.at_s = 0, .kind = 'r'},
			   still = {.at_s = 1, .kind = 'r'};
	struct pool_health health = {0};

	(void)unused;
	feed(&defaults, &health, &down, 1000000);
	feed(&defaults, &health, &still, 0);
	assert_int_equal(START + 33 * S, health.open_until_ns);
	feed(&defaults, &health, &still, 1000000);
	assert_int_equal(START + 34 * S, health.open_until_ns);
}

/* A policy at the ends of int32_t overflows nothing. */
static void test_extreme_policies(void **unused)
{
	static const uint32_t jitters[] = {0, MIDDLE, 1000000};
	struct pool_policy policy = defaults;

	(void)unused;
	policy.open_s = policy.max_open_s = INT32_MAX;
	for (size_t i = 0; i < SIZE(jitters); i++)
		assert_in_range(open_time_ns(&policy, 40, jitters[i]),
			INT32_MAX / 10 * 9 * S, INT32_MAX * S);
	policy.open_s = 1;
	assert_int_equal(INT32_MAX * S, open_time_ns(&policy, 60, MIDDLE));
	/* Less than the first open time: the cap wins. */
	policy.open_s = 60;
	policy.max_open_s = 20;
	assert_int_equal(20 * S, open_time_ns(&policy, 1, MIDDLE));
}

/* --- reading -------------------------------------------------------------------- */

static void test_ready_time_agrees_with_the_status(void **unused)
{
	static const struct {
		struct pool_health health;
		int64_t expected_ns;
	} cases[] = {
		{{0}, 0},
		{{.known = 1}, 0},
		{{.opened = 1, .open_until_ns = 5}, 5},
		{{.opened = 0, .open_until_ns = 5}, 0},
		{{.cool_until_ns = 9}, 9},
		{{.opened = 1, .open_until_ns = 5, .cool_until_ns = 9}, 9},
		{{.opened = 1, .open_until_ns = 9, .cool_until_ns = 5}, 9},
		{{.admin_disabled = 1}, INT64_MAX},
		{{.admin_disabled = 1, .opened = 1, .open_until_ns = 5}, INT64_MAX},
	};

	(void)unused;
	for (size_t i = 0; i < SIZE(cases); i++)
		assert_int_equal(
			cases[i].expected_ns, pool_health_ready_ns(&cases[i].health));
}

static void test_status_names(void **unused)
{
	(void)unused;
	for (int i = 0; i < POOL_STATUSES; i++) {
		const char *name = pool_status_name((enum pool_status)i);

		assert_non_null(name);
		assert_true(*name);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
				pool_status_name((enum pool_status)j), name);
	}
	assert_string_equal("?", pool_status_name(POOL_STATUSES));
}

static void test_reason_table(void **unused)
{
	(void)unused;
	for (int i = 0; i < POOL_REASONS; i++) {
		const struct pool_reason_row *row = pool_reason_get(i);

		assert_non_null(row->name);
		assert_int_equal(i, pool_reason_find(row->name));
		assert_true(row->verdict < POOL_VERDICTS && row->layer < POOL_LAYERS);
		assert_true(
			row->sentence && *row->sentence && row->advice && *row->advice);
	}
	assert_int_equal(-1, pool_reason_find("no such reason"));
	assert_ptr_equal(pool_reason_get(POOL_REASON_NONE), pool_reason_get(-1));
	assert_ptr_equal(
		pool_reason_get(POOL_REASON_NONE), pool_reason_get(POOL_REASONS));
}

/* --- whatever happens ----------------------------------------------------------- */

/* Ends with a long row of good checks of the top layer: healthy, unless a person says no.
 */
static void must_get_healthy(
	const struct pool_policy *policy, struct pool_health health, int64_t now_ns)
{
	const struct pool_evidence good = {.source = POOL_EVIDENCE_CHECK,
		.reason = POOL_REASON_OK,
		.good_layer = POOL_LAYER_TARGET};
	struct pool_transition transition;

	health.admin_disabled = 0;
	if (health.cool_until_ns > now_ns)
		now_ns = health.cool_until_ns;
	for (int i = 0; i < policy->healthy_threshold + 1; i++) {
		struct pool_evidence evidence = good;

		evidence.began_ns = now_ns++;
		pool_health_step(
			policy, &health, &evidence, now_ns++, MIDDLE, &transition);
	}
	assert_int_equal(POOL_STATUS_HEALTHY, pool_health_status(&health, now_ns));
	assert_int_equal(0, health.times_opened);
}

static void must_hold(const struct pool_policy *policy, const struct pool_health *health,
	int64_t now_ns)
{
	enum pool_status status = pool_health_status(health, now_ns);
	int64_t ready_ns = pool_health_ready_ns(health);

	assert_in_range(status, 0, POOL_STATUSES - 1);
	assert_true(health->open_until_ns - now_ns <= policy->max_open_s * S);
	assert_true(health->cool_until_ns - now_ns <= policy->max_cooldown_s * S);
	assert_true(health->open_until_ns >= 0 && health->cool_until_ns >= 0);
	assert_true(health->changed_ns <= now_ns && health->checked_ns <= now_ns);
	/* Closed leaves nothing behind; open has a reason and was opened some time. */
	assert_int_equal(health->opened, health->times_opened != 0);
	assert_int_equal(health->opened, health->open_reason != POOL_REASON_NONE);
	assert_true(health->opened || health->open_until_ns == 0);
	assert_true(!health->opened || health->known);
	assert_true(health->good_in_a_row < (uint32_t)policy->healthy_threshold);
	/* What may be selected now is what is not to be kept from it. */
	assert_int_equal(status == POOL_STATUS_UNKNOWN || status == POOL_STATUS_HEALTHY ||
			status == POOL_STATUS_RECOVERING,
		ready_ns <= now_ns);
	if (status == POOL_STATUS_HEALTHY)
		assert_true(health->open_until_ns <= now_ns &&
			health->cool_until_ns <= now_ns);
}

static struct pool_policy random_policy(struct pool_random *random)
{
	struct pool_policy policy = defaults;

	policy.healthy_threshold = 1 + (int32_t)pool_random_below(random, 10);
	policy.unhealthy_threshold = 1 + (int32_t)pool_random_below(random, 10);
	policy.failure_threshold = 1 + (int32_t)pool_random_below(random, 10);
	policy.open_s = 1 + (int32_t)pool_random_below(random, 100);
	policy.max_open_s = policy.open_s + (int32_t)pool_random_below(random, 1000);
	policy.cooldown_s = 1 + (int32_t)pool_random_below(random, 1000);
	policy.max_cooldown_s =
		policy.cooldown_s + (int32_t)pool_random_below(random, 259200);
	return policy;
}

static struct pool_evidence random_evidence(struct pool_random *random, int64_t now_ns)
{
	return (struct pool_evidence){
		.source = pool_random_below(random, 3) ? POOL_EVIDENCE_CHECK
						       : POOL_EVIDENCE_REPORT,
		.reason = pool_random_below(random, 3)
			? (enum pool_reason)pool_random_below(random, POOL_REASONS)
			: POOL_REASON_OK,
		.good_layer = (enum pool_layer)pool_random_below(random, POOL_LAYERS),
		.began_ns = now_ns - (int64_t)pool_random_below(random, 40 * (uint64_t)S),
		.retry_after_s = (int32_t)pool_random_below(random, 400000) - 1000,
	};
}

/* 200,000 sequences of up to 16 events, each with a policy of its own. */
static void test_whatever_happens(void **unused)
{
	enum { SEQUENCES = 200000, LONGEST = 16 };
	struct pool_random random = {20240229};

	(void)unused;
	for (int i = 0; i < SEQUENCES; i++) {
		const struct pool_policy policy = random_policy(&random);
		struct pool_health health = {
			.admin_disabled = pool_random_below(&random, 50) == 0};
		const uint8_t disabled = health.admin_disabled;
		int64_t now_ns = START;

		for (uint64_t n = pool_random_below(&random, LONGEST) + 1; n > 0; n--) {
			const struct pool_evidence evidence =
				random_evidence(&random, now_ns);
			const int64_t cool_before_ns = health.cool_until_ns;
			struct pool_transition transition;

			pool_health_step(&policy, &health, &evidence, now_ns,
				(uint32_t)pool_random_below(&random, 1000001),
				&transition);
			must_hold(&policy, &health, now_ns);
			assert_int_equal(
				pool_health_status(&health, now_ns), transition.to);
			assert_int_equal(
				transition.from != transition.to, transition.happened);
			assert_true(health.cool_until_ns >= cool_before_ns);
			assert_int_equal(disabled, health.admin_disabled);
			now_ns += (int64_t)pool_random_below(&random, 60 * (uint64_t)S);
		}
		must_get_healthy(&policy, health, now_ns);
	}
}

/* Of what no time passes between, order decides nothing strange: the same event twice is
 * stable. */
static void test_steps_are_reproducible(void **unused)
{
	struct pool_random random = {99};
	struct pool_health a = {0}, b = {0};
	int64_t now_ns = START;

	(void)unused;
	for (int i = 0; i < 10000; i++) {
		const struct pool_evidence evidence = random_evidence(&random, now_ns);
		const uint32_t jitter = (uint32_t)pool_random_below(&random, 1000001);
		struct pool_transition of_a, of_b;

		pool_health_step(&defaults, &a, &evidence, now_ns, jitter, &of_a);
		pool_health_step(&defaults, &b, &evidence, now_ns, jitter, &of_b);
		assert_memory_equal(&a, &b, sizeof(a));
		now_ns += (int64_t)pool_random_below(&random, 10 * (uint64_t)S);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_no_method_condemns_for_ever),
		cmocka_unit_test(test_transitions_are_told),
		cmocka_unit_test(test_transition_names_its_reason),
		cmocka_unit_test(test_blocked_is_shown_until_a_success),
		cmocka_unit_test(test_blocked_is_that_of_the_last_failure),
		cmocka_unit_test(test_late_evidence_is_noted),
		cmocka_unit_test(test_reports_are_no_checks),
		cmocka_unit_test(test_commands_change_the_status),
		cmocka_unit_test(test_disabling_forgets_nothing),
		cmocka_unit_test(test_reset_forgets_all_but_a_disable),
		cmocka_unit_test(test_what_began_before_a_reset_counts_no_more),
		cmocka_unit_test(test_open_time_doubles_to_its_cap),
		cmocka_unit_test(test_jitter_is_a_tenth),
		cmocka_unit_test(test_renewing_never_shortens),
		cmocka_unit_test(test_extreme_policies),
		cmocka_unit_test(test_ready_time_agrees_with_the_status),
		cmocka_unit_test(test_status_names),
		cmocka_unit_test(test_reason_table),
		cmocka_unit_test(test_whatever_happens),
		cmocka_unit_test(test_steps_are_reproducible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
