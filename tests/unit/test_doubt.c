/* Doubts: who is believed, when, and that nothing is ever lost or decided twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/random.h"
#include "watch/doubt.h"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define S       POOL_NS_PER_S

#define OK        POOL_REASON_OK
#define REFUSED   POOL_REASON_REFUSED
#define EMPTY     POOL_REASON_EMPTY
#define STATUS    POOL_REASON_STATUS
#define SILENT    POOL_REASON_HANDSHAKE_TIMEOUT
#define LOST      POOL_REASON_CONNECT_TIMEOUT
#define TARGET    POOL_REASON_TARGET_SUSPECT
#define UPLINK    POOL_REASON_UPLINK_SUSPECT
#define REACHED   POOL_CONTROL_REACHED
#define UNREACHED POOL_CONTROL_FAILED

/* --- by hand -------------------------------------------------------------------- */

/* Results have numbers: those of a test, from 0 on. */
static uint32_t next_slot;
/* The last hearing about each subject. */
static uint32_t hearings[100];

static int start(void **state)
{
	next_slot = 0;
	*state = pool_doubts_new();
	return *state ? 0 : -1;
}

static int end(void **state)
{
	struct pool_doubt_verdict verdict;
	struct pool_suspicion suspicion;

	assert_false(pool_doubts_next_verdict(*state, &verdict));
	assert_false(pool_doubts_next_suspicion(*state, &suspicion));
	pool_doubts_free(*state);
	return 0;
}

/* Proxy <host> was asked for <target>, and it came to <reason>. */
static uint32_t hear(struct pool_doubts *doubts, uint64_t host, uint64_t target,
	enum pool_reason reason, int64_t ended_s)
{
	const struct pool_testimony testimony = {.host = host,
		.target = target,
		.reason = reason,
		.ended_ns = ended_s * S,
		.slot = next_slot++};

	assert_int_equal(0, pool_doubts_hear(doubts, &testimony));
	return testimony.slot;
}

/* Likewise, of a pool that wants the control request. */
static uint32_t hear_controlled(struct pool_doubts *doubts, uint64_t host,
	uint64_t target, enum pool_reason reason, int64_t ended_s)
{
	const struct pool_testimony testimony = {.host = host,
		.target = target,
		.reason = reason,
		.ended_ns = ended_s * S,
		.control = true,
		.slot = next_slot++};

	assert_int_equal(0, pool_doubts_hear(doubts, &testimony));
	return testimony.slot;
}

/* The next verdict is this one. */
static void expect(struct pool_doubts *doubts, uint32_t slot, enum pool_reason reason)
{
	struct pool_doubt_verdict verdict;

	assert_true(pool_doubts_next_verdict(doubts, &verdict));
	assert_int_equal(slot, verdict.slot);
	assert_string_equal(pool_reason_get((int)reason)->name,
		pool_reason_get((int)verdict.reason)->name);
}

/* So many are held, and nothing is decided. */
static void expect_held(struct pool_doubts *doubts, size_t count)
{
	struct pool_doubt_verdict verdict;

	assert_false(pool_doubts_next_verdict(doubts, &verdict));
	assert_int_equal(count, pool_doubts_held(doubts));
}

static void expect_suspicion(struct pool_doubts *doubts, uint64_t target, bool suspect)
{
	struct pool_suspicion suspicion;

	assert_true(pool_doubts_next_suspicion(doubts, &suspicion));
	assert_true(suspicion.target == target);
	assert_int_equal(suspect, suspicion.suspect);
	assert_false(pool_doubts_next_suspicion(doubts, &suspicion));
}

static void expect_no_suspicion(struct pool_doubts *doubts)
{
	struct pool_suspicion suspicion;

	assert_false(pool_doubts_next_suspicion(doubts, &suspicion));
}

static void expect_no_call(struct pool_doubts *doubts, int64_t now_s)
{
	struct pool_doubt_call call;

	assert_false(pool_doubts_next_call(doubts, now_s * S, &call));
}

/* There is one about <target>; <count> are asked, and may answer until <until_s>. */
static struct pool_doubt_call ask(struct pool_doubts *doubts, uint64_t target,
	int64_t now_s, uint32_t count, int64_t until_s)
{
	struct pool_doubt_call call;

	assert_true(pool_doubts_next_call(doubts, now_s * S, &call));
	assert_true(call.target == target);
	assert_int_not_equal(0, call.hearing);
	hearings[target] = call.hearing;
	pool_doubts_called(doubts, &call, count, until_s * S);
	return call;
}

/* One that was asked in the last hearing. */
static void answer(struct pool_doubts *doubts, uint64_t target)
{
	pool_doubts_answered(doubts, target, hearings[target]);
}

static void what_may_be_somebody_elses_fault_is_held_and_nothing_else(void **state)
{
	(void)state;
	for (int reason = POOL_REASON_OK; reason < POOL_REASONS; reason++) {
		const struct pool_reason_row *row = pool_reason_get(reason);
		bool held = pool_judge_may_be_target(reason) ||
			(row->timeout && row->verdict == POOL_VERDICT_DOWN);
		struct pool_doubts *doubts = pool_doubts_new();
		struct pool_doubt_verdict verdict = {.slot = 99};

		assert_non_null(doubts);
		next_slot = 7;
		hear(doubts, 1, 10, (enum pool_reason)reason, 1);
		if (pool_doubts_next_verdict(doubts, &verdict) == held ||
			pool_doubts_held(doubts) != held ||
			(!held && (verdict.slot != 7 || (int)verdict.reason != reason)))
			fail_msg("%s", row->name);
		expect_no_suspicion(doubts);
		pool_doubts_free(doubts);
	}
}

/* Of what was asked for nothing, only the uplink can be to blame. */
static void without_a_target_only_timeouts_are_held(void **state)
{
	struct pool_doubts *doubts = *state;

	expect(doubts, (hear(doubts, 1, 0, EMPTY, 1), 0), EMPTY);
	hear(doubts, 1, 0, LOST, 1);
	expect_held(doubts, 1);
	ask(doubts, 0, 1, 0, 1);
	expect(doubts, 1, LOST);
}

static void an_answer_from_there_afterwards_makes_it_believed(void **state)
{
	struct pool_doubts *doubts = *state;
	uint32_t failure = hear(doubts, 1, 10, EMPTY, 1);

	expect_held(doubts, 1);
	hear(doubts, 2, 10, OK, 2);
	expect(doubts, failure, EMPTY);
	expect(doubts, 1, OK);
	expect_no_call(doubts, 9);
	assert_true(pool_doubts_due_ns(doubts) == INT64_MAX);
}

static void an_answer_from_before_or_from_elsewhere_does_not(void **state)
{
	struct pool_doubts *doubts = *state;
	uint32_t failure;

	expect(doubts, hear(doubts, 2, 10, OK, 1), OK);
	failure = hear(doubts, 1, 10, EMPTY, 1);
	expect_held(doubts, 1);
	expect(doubts, hear(doubts, 2, 11, OK, 2), OK);
	expect(doubts, hear(doubts, 2, 10, REFUSED, 2), REFUSED);
	expect(doubts, hear(doubts, 2, 10, POOL_REASON_NO_MEMORY, 2),
		POOL_REASON_NO_MEMORY);
	expect_held(doubts, 1);
	hear(doubts, 2, 10, OK, 3);
	expect(doubts, failure, EMPTY);
	expect(doubts, failure + 4, OK);
}

static void any_answer_at_all_clears_the_uplink(void **state)
{
	static const enum pool_reason answers[] = {OK, REFUSED, POOL_REASON_AUTH,
		POOL_REASON_BLOCKED, POOL_REASON_LIMITED, POOL_REASON_UNREACHABLE};
	struct pool_doubts *doubts = *state;

	for (size_t i = 0; i < SIZE(answers); i++) {
		int64_t now_s = 10 * (int64_t)i + 10;
		uint32_t failure = hear(doubts, 1, 10, LOST, now_s);

		expect_held(doubts, 1);
		hear(doubts, 2, 11, answers[i], now_s + 1);
		expect(doubts, failure, LOST);
		expect(doubts, failure + 1, answers[i]);
	}
}

/* A failure at a target is an answer for the uplink, itself held or not. */
static void a_failure_over_there_clears_the_uplink_too(void **state)
{
	struct pool_doubts *doubts = *state;
	uint32_t lost = hear(doubts, 1, 10, LOST, 1), failure;

	failure = hear(doubts, 2, 11, STATUS, 2);
	expect(doubts, lost, LOST);
	expect_held(doubts, 1);
	hear(doubts, 3, 11, OK, 3);
	expect(doubts, failure, STATUS);
	expect(doubts, failure + 1, OK);
}

static void what_says_nothing_clears_nothing(void **state)
{
	static const enum pool_reason answers[] = {POOL_REASON_NO_RESOLVER,
		POOL_REASON_NO_MEMORY, POOL_REASON_RUN_DEADLINE, POOL_REASON_NO_SECRET};
	struct pool_doubts *doubts = *state;
	uint32_t failure = hear(doubts, 1, 10, LOST, 1);

	for (size_t i = 0; i < SIZE(answers); i++)
		expect(doubts, hear(doubts, 2, 10, answers[i], 2), answers[i]);
	expect_held(doubts, 1);
	ask(doubts, 0, 2, 0, 2);
	expect(doubts, failure, LOST);
}

static void those_are_asked_who_ask_the_same_but_not_the_accused(void **state)
{
	struct pool_doubts *doubts = *state;
	struct pool_doubt_call call;

	hear(doubts, 1, 10, EMPTY, 1);
	assert_true(pool_doubts_due_ns(doubts) <= 1 * S);
	call = ask(doubts, 10, 1, 2, 5);
	assert_true(call.accused == 1);
	assert_true(call.others);
	assert_false(call.control);
	/* One hearing at a time. */
	expect_no_call(doubts, 4);
	hear(doubts, 2, 10, EMPTY, 2);
	expect_no_call(doubts, 4);
	hear(doubts, 3, 10, OK, 3);
	expect(doubts, 0, EMPTY);
	expect(doubts, 1, EMPTY);
	expect(doubts, 2, OK);
}

static void anybody_is_asked_about_the_uplink(void **state)
{
	struct pool_doubts *doubts = *state;
	struct pool_doubt_call call;

	hear_controlled(doubts, 1, 10, LOST, 1);
	call = ask(doubts, 0, 1, 2, 5);
	assert_true(call.accused == 1);
	assert_true(call.others);
	assert_false(call.control);
	hear(doubts, 2, 11, OK, 2);
	expect(doubts, 0, LOST);
	expect(doubts, 1, OK);
}

static void hearings_about_one_subject_are_a_second_apart(void **state)
{
	struct pool_doubts *doubts = *state;

	hear(doubts, 1, 10, EMPTY, 1);
	ask(doubts, 10, 1, 1, 5);
	hear(doubts, 2, 10, OK, 2);
	expect(doubts, 0, EMPTY);
	expect(doubts, 1, OK);
	hear(doubts, 1, 10, EMPTY, 2);
	assert_true(pool_doubts_due_ns(doubts) == 2 * S);
	ask(doubts, 10, 2, 1, 5);
	hear(doubts, 2, 10, OK, 3);
	expect(doubts, 2, EMPTY);
	expect(doubts, 3, OK);
	/* Another subject does not wait for that one. */
	hear(doubts, 1, 11, EMPTY, 2);
	ask(doubts, 11, 2, 0, 2);
	expect(doubts, 4, EMPTY);
}

static void nobody_to_ask_is_decided_at_once(void **state)
{
	struct pool_doubts *doubts = *state;

	/* One host alone, and where proxy and target cannot be told apart. */
	hear(doubts, 1, 10, SILENT, 1);
	ask(doubts, 10, 1, 0, 1);
	expect(doubts, 0, SILENT);
	expect_no_suspicion(doubts);
	/* What failed over there. */
	hear(doubts, 1, 11, STATUS, 1);
	ask(doubts, 11, 1, 0, 1);
	expect(doubts, 1, TARGET);
	expect_suspicion(doubts, 11, true);
}

static void a_dead_target_is_found_suspect_once_and_left_once(void **state)
{
	struct pool_doubts *doubts = *state;

	hear(doubts, 1, 10, EMPTY, 1);
	ask(doubts, 10, 1, 2, 9);
	hear(doubts, 2, 10, EMPTY, 2);
	answer(doubts, 10);
	expect_held(doubts, 2);
	hear(doubts, 3, 10, EMPTY, 3);
	expect_held(doubts, 3);
	answer(doubts, 10);
	expect(doubts, 0, TARGET);
	expect(doubts, 1, TARGET);
	expect(doubts, 2, TARGET);
	expect_suspicion(doubts, 10, true);
	/* From now on it is known. */
	expect(doubts, hear(doubts, 1, 10, EMPTY, 4), TARGET);
	expect(doubts, hear(doubts, 2, 10, STATUS, 4), TARGET);
	expect_no_call(doubts, 100);
	expect_no_suspicion(doubts);
	/* But not of others: of another target, and of the proxy's own. */
	expect(doubts, hear(doubts, 1, 10, REFUSED, 5), REFUSED);
	hear(doubts, 1, 11, EMPTY, 5);
	expect_held(doubts, 1);
	ask(doubts, 11, 5, 0, 5);
	expect(doubts, 6, EMPTY);
	expect_no_suspicion(doubts);
	/* One answer ends it. */
	expect(doubts, hear(doubts, 3, 10, OK, 6), OK);
	expect_suspicion(doubts, 10, false);
	hear(doubts, 1, 10, EMPTY, 7);
	expect_held(doubts, 1);
	hear(doubts, 2, 10, OK, 8);
	expect(doubts, 8, EMPTY);
	expect(doubts, 9, OK);
}

static void a_dead_uplink_is_found_suspect_once_and_left_once(void **state)
{
	struct pool_doubts *doubts = *state;

	hear(doubts, 1, 10, LOST, 1);
	ask(doubts, 0, 1, 1, 9);
	hear(doubts, 2, 11, LOST, 2);
	answer(doubts, 0);
	expect(doubts, 0, UPLINK);
	expect(doubts, 1, UPLINK);
	expect_suspicion(doubts, 0, true);
	expect(doubts, hear(doubts, 3, 12, LOST, 3), UPLINK);
	expect(doubts, hear(doubts, 3, 12, SILENT, 3), UPLINK);
	expect(doubts, hear(doubts, 3, 0, POOL_REASON_PING_TIMEOUT, 3), UPLINK);
	expect_no_call(doubts, 100);
	expect(doubts, hear(doubts, 3, 12, REFUSED, 4), REFUSED);
	expect_suspicion(doubts, 0, false);
	hear(doubts, 1, 10, LOST, 5);
	expect_held(doubts, 1);
	hear(doubts, 2, 10, OK, 6);
	expect(doubts, 6, LOST);
	expect(doubts, 7, OK);
}

/* A host that takes connections and does not greet is down at once: the uplink has led to
 * it. */
static void no_greeting_shows_that_the_uplink_works(void **state)
{
	struct pool_doubts *doubts = *state;
	uint32_t lost = hear(doubts, 1, 10, LOST, 1);

	expect_held(doubts, 1);
	hear(doubts, 2, 10, POOL_REASON_GREETING_TIMEOUT, 2);
	expect(doubts, lost, LOST);
	expect(doubts, lost + 1, POOL_REASON_GREETING_TIMEOUT);
	expect(doubts, hear(doubts, 3, 10, POOL_REASON_GREETING_TIMEOUT, 3),
		POOL_REASON_GREETING_TIMEOUT);
	expect_held(doubts, 0);
	expect_no_suspicion(doubts);
}

/* Two ports of one host are two hosts; one proxy twice is one. */
static void one_host_alone_does_not_make_the_uplink_suspect(void **state)
{
	struct pool_doubts *doubts = *state;

	hear(doubts, 1, 10, LOST, 1);
	hear(doubts, 1, 11, LOST, 1);
	ask(doubts, 0, 1, 0, 1);
	expect(doubts, 0, LOST);
	expect(doubts, 1, LOST);
	expect_no_suspicion(doubts);
}

/* They all wait for one target in vain, and nobody has any answer. */
static void silence_of_all_is_the_uplinks_where_nothing_else_is_heard(void **state)
{
	struct pool_doubts *doubts = *state;

	hear(doubts, 1, 10, SILENT, 1);
	ask(doubts, 10, 1, 1, 9);
	hear(doubts, 2, 10, SILENT, 2);
	answer(doubts, 10);
	expect(doubts, 0, UPLINK);
	expect(doubts, 1, UPLINK);
	expect_suspicion(doubts, 0, true);
}

static void silence_of_all_is_the_targets_where_others_are_heard(void **state)
{
	struct pool_doubts *doubts = *state;

	hear(doubts, 1, 10, SILENT, 1);
	ask(doubts, 10, 1, 1, 9);
	expect(doubts, hear(doubts, 3, 11, OK, 2), OK);
	hear(doubts, 2, 10, SILENT, 3);
	answer(doubts, 10);
	expect(doubts, 0, TARGET);
	expect(doubts, 2, TARGET);
	expect_suspicion(doubts, 10, true);
}

/* What the hearing of a target has shown of the uplink holds for those that are held for
 * the uplink, too: one that is left alone is not to blame. */
static void what_is_held_for_the_uplink_shares_what_a_target_has_shown(void **state)
{
	struct pool_doubts *doubts = *state;

	hear(doubts, 1, 10, LOST, 1);
	ask(doubts, 0, 1, 1, 9);
	hear(doubts, 2, 11, SILENT, 2);
	hear(doubts, 3, 11, SILENT, 2);
	ask(doubts, 11, 2, 0, 2);
	expect(doubts, 1, UPLINK);
	expect(doubts, 2, UPLINK);
	expect_suspicion(doubts, 0, true);
	/* The witness of the first one. */
	expect(doubts, hear(doubts, 4, 11, LOST, 3), UPLINK);
	answer(doubts, 0);
	expect(doubts, 0, UPLINK);
	expect_no_suspicion(doubts);
}

/* Likewise a target's, once the uplink is known to be suspect. */
static void what_is_held_for_a_target_shares_what_is_known_of_the_uplink(void **state)
{
	struct pool_doubts *doubts = *state;

	hear(doubts, 1, 10, SILENT, 1);
	ask(doubts, 10, 1, 1, 9);
	hear(doubts, 2, 0, LOST, 2);
	hear(doubts, 3, 0, LOST, 2);
	ask(doubts, 0, 2, 0, 2);
	expect_suspicion(doubts, 0, true);
	answer(doubts, 10);
	for (int i = 0; i < 3; i++) {
		struct pool_doubt_verdict verdict;

		assert_true(pool_doubts_next_verdict(doubts, &verdict));
		assert_int_equal(UPLINK, verdict.reason);
	}
	expect_held(doubts, 0);
}

/* The uplink's hearing ends first, and does not blame it. */
static void what_may_be_the_targets_fault_waits_for_the_targets_hearing(void **state)
{
	struct pool_doubts *doubts = *state;

	hear(doubts, 1, 10, SILENT, 1);
	hear(doubts, 1, 11, LOST, 1);
	ask(doubts, 0, 1, 0, 1);
	expect(doubts, 1, LOST);
	expect_held(doubts, 1);
	ask(doubts, 10, 1, 1, 9);
	hear(doubts, 2, 10, EMPTY, 2);
	answer(doubts, 10);
	expect(doubts, 0, TARGET);
	expect(doubts, 2, TARGET);
	expect_suspicion(doubts, 10, true);
}

static void the_control_request_decides(void **state)
{
	struct pool_doubts *doubts = *state;
	struct pool_doubt_call call;

	/* It fails: one host is enough. */
	hear_controlled(doubts, 1, 10, EMPTY, 1);
	call = ask(doubts, 10, 1, 1, 9);
	assert_true(call.control);
	assert_true(call.others);
	pool_doubts_hear_control(doubts, 10, UNREACHED, 2 * S);
	expect_held(doubts, 1);
	answer(doubts, 10);
	expect(doubts, 0, TARGET);
	expect_suspicion(doubts, 10, true);
	/* It reaches the target: the proxy it is. */
	hear_controlled(doubts, 1, 10, EMPTY, 3);
	expect_held(doubts, 1);
	call = ask(doubts, 10, 3, 1, 9);
	assert_true(call.control);
	assert_false(call.others);
	pool_doubts_hear_control(doubts, 10, REACHED, 4 * S);
	expect(doubts, 1, EMPTY);
	expect_suspicion(doubts, 10, false);
	answer(doubts, 10);
}

/* Only it can tell, where all proxies are dead and the target is not. */
static void a_suspect_target_is_heard_again_by_control_alone(void **state)
{
	struct pool_doubts *doubts = *state;
	int64_t now_s = 10;

	hear_controlled(doubts, 1, 10, EMPTY, 1);
	ask(doubts, 10, 1, 1, 9);
	pool_doubts_hear_control(doubts, 10, UNREACHED, 2 * S);
	answer(doubts, 10);
	expect(doubts, 0, TARGET);
	expect_suspicion(doubts, 10, true);
	for (uint32_t i = 1; i <= 5; i++, now_s += 5) {
		struct pool_doubt_call call;

		hear_controlled(doubts, i, 10, EMPTY, now_s);
		/* Of a pool that does not want to know. */
		expect(doubts, hear(doubts, 9, 10, EMPTY, now_s), TARGET);
		next_slot--;
		expect_held(doubts, 1);
		call = ask(doubts, 10, now_s, 1, now_s + 3);
		assert_true(call.control);
		assert_false(call.others);
		pool_doubts_hear_control(doubts, 10, UNREACHED, (now_s + 1) * S);
		answer(doubts, 10);
		expect(doubts, i, TARGET);
		expect_no_call(doubts, now_s + 4);
	}
	expect_no_suspicion(doubts);
}

/* It could not even be asked: no descriptors. */
static void a_control_request_that_is_not_made_leaves_the_suspicion(void **state)
{
	struct pool_doubts *doubts = *state;

	hear_controlled(doubts, 1, 10, STATUS, 1);
	ask(doubts, 10, 1, 0, 1);
	expect(doubts, 0, TARGET);
	expect_suspicion(doubts, 10, true);
	hear_controlled(doubts, 1, 10, STATUS, 10);
	ask(doubts, 10, 10, 0, 10);
	expect(doubts, 1, TARGET);
	expect_no_suspicion(doubts);
}

static void an_old_control_answer_decides_nothing(void **state)
{
	struct pool_doubts *doubts = *state;

	hear_controlled(doubts, 1, 10, EMPTY, 1);
	ask(doubts, 10, 1, 1, 9);
	pool_doubts_hear_control(doubts, 10, UNREACHED, 2 * S);
	expect(doubts, (hear(doubts, 2, 10, OK, 3), 0), EMPTY);
	expect(doubts, 1, OK);
	hear(doubts, 1, 10, EMPTY, 4);
	ask(doubts, 10, 4, 0, 4);
	expect(doubts, 2, EMPTY);
	/* And one about what nobody has asked for is of no interest. */
	pool_doubts_hear_control(doubts, 77, REACHED, 5 * S);
	answer(doubts, 77);
}

static void nothing_is_lost_when_the_witnesses_never_answer(void **state)
{
	struct pool_doubts *doubts = *state;

	hear(doubts, 1, 10, EMPTY, 1);
	hear(doubts, 1, 0, LOST, 1);
	ask(doubts, 0, 1, 3, 4);
	ask(doubts, 10, 1, 3, 5);
	assert_true(pool_doubts_due_ns(doubts) == 4 * S);
	pool_doubts_turn(doubts, 4 * S - 1);
	expect_held(doubts, 2);
	pool_doubts_turn(doubts, 4 * S);
	expect(doubts, 1, LOST);
	assert_true(pool_doubts_due_ns(doubts) == 5 * S);
	pool_doubts_turn(doubts, 5 * S);
	expect(doubts, 0, EMPTY);
	assert_true(pool_doubts_due_ns(doubts) == INT64_MAX);
	expect_held(doubts, 0);
}

static void a_late_answer_ends_no_later_hearing(void **state)
{
	struct pool_doubts *doubts = *state;
	uint32_t first;

	hear(doubts, 1, 10, EMPTY, 1);
	first = ask(doubts, 10, 1, 2, 5).hearing;
	pool_doubts_turn(doubts, 5 * S);
	expect(doubts, 0, EMPTY);
	hear(doubts, 1, 10, EMPTY, 6);
	ask(doubts, 10, 6, 2, 20);
	answer(doubts, 10);
	pool_doubts_answered(doubts, 10, first);
	expect_held(doubts, 1);
	answer(doubts, 10);
	expect(doubts, 1, EMPTY);
}

/* They may come after the end, or more of them than were asked. */
static void answers_that_nobody_waits_for_do_nothing(void **state)
{
	struct pool_doubts *doubts = *state;

	answer(doubts, 0);
	answer(doubts, 10);
	hear(doubts, 1, 10, EMPTY, 1);
	answer(doubts, 10);
	expect_held(doubts, 1);
	ask(doubts, 10, 1, 1, 5);
	answer(doubts, 0);
	expect_held(doubts, 1);
	pool_doubts_turn(doubts, 5 * S);
	expect(doubts, 0, EMPTY);
	answer(doubts, 10);
	expect_held(doubts, 0);
}

static bool knows_eleven(const void *context, uint64_t target)
{
	(void)context;
	return target == 11;
}

static bool is_suspect_now(struct pool_doubts *doubts, uint64_t target, int64_t now_s)
{
	struct pool_doubt_verdict verdict;
	struct pool_doubt_call call;
	uint32_t slot = hear(doubts, 1, target, EMPTY, now_s);
	bool at_once = pool_doubts_next_verdict(doubts, &verdict);

	if (!at_once) {
		assert_true(pool_doubts_next_call(doubts, now_s * S, &call));
		pool_doubts_called(doubts, &call, 0, 0);
		expect(doubts, slot, EMPTY);
	}
	return at_once;
}

static void what_the_pools_know_no_longer_is_forgotten(void **state)
{
	struct pool_doubts *doubts = *state;
	uint32_t held;

	for (uint64_t target = 10; target < 13; target++) {
		uint32_t slot = hear(doubts, 1, target, STATUS, 1);

		ask(doubts, target, 1, 0, 1);
		expect(doubts, slot, TARGET);
		expect_suspicion(doubts, target, true);
	}
	/* Something is held for the last one: only a control request can tell. */
	held = hear_controlled(doubts, 1, 12, EMPTY, 2);
	ask(doubts, 12, 20, 1, 30);
	pool_doubts_keep(doubts, knows_eleven, NULL);
	expect_held(doubts, 1);
	assert_false(is_suspect_now(doubts, 10, 20));
	assert_true(is_suspect_now(doubts, 11, 20));
	assert_true(is_suspect_now(doubts, 12, 20));
	pool_doubts_turn(doubts, 30 * S);
	expect(doubts, held, TARGET);
	pool_doubts_keep(doubts, knows_eleven, NULL);
	assert_false(is_suspect_now(doubts, 12, 40));
}

/* --- walks ---------------------------------------------------------------------- */

enum {
	STEP_MS = 50,
	HOSTS = 8,
	TARGETS = 2,
	CHECKS = HOSTS * TARGETS,
	WITNESSES = 3,
	TIMEOUT_S = 2,
	MOST_TESTIMONIES = 40000,
	/* Until a hearing can begin, and its own time; twice, for it may end early by
	 * the answer of the same moment. */
	PATIENCE_S = 2 * (5 + TIMEOUT_S + 1) + 1,
};

enum phase { IDLE, FLYING, HELD };

struct check {
	uint64_t host, target;
	enum phase phase;
	int64_t at_ns; /* begins, or ends, then */
	uint32_t target_hearing, uplink_hearing;
	bool last_good;
};

/* How the world really is. */
struct world {
	bool uplink_dead;
	bool target_dead[TARGETS];
	enum pool_reason target_fails; /* how a dead target shows */
	enum pool_reason host_fails[HOSTS];
	bool control;
};

struct testimony {
	int64_t ended_ns;
	enum pool_reason found;
	uint32_t check;
	bool decided;
};

struct walk {
	struct pool_doubts *doubts;
	struct pool_random random;
	struct world world;
	int64_t now_ns;
	struct check checks[CHECKS];
	struct testimony *testimonies;
	uint32_t count;
	bool suspect[TARGETS + 1];   /* the uplink first */
	int64_t control_ns[TARGETS]; /* when it answers; 0: it was not asked */
	uint32_t control_hearing[TARGETS];
	uint32_t believed, excused;    /* failures of what may be somebody else's fault */
	uint32_t entered[TARGETS + 1]; /* how often it was suspect */
};

static int64_t draw_ns(struct walk *walk, int64_t from_ms, int64_t to_ms)
{
	return (from_ms +
		       (int64_t)pool_random_below(
			       &walk->random, (uint64_t)(to_ms - from_ms))) *
		POOL_NS_PER_MS;
}

static enum pool_reason outcome_of(const struct walk *walk, const struct check *check)
{
	enum pool_reason own = walk->world.host_fails[check->host - 1];

	if (walk->world.uplink_dead)
		return LOST;
	if (own != OK)
		return own;
	return walk->world.target_dead[check->target - 1] ? walk->world.target_fails : OK;
}

static void begin(struct walk *walk, struct check *check)
{
	const struct pool_reason_row *row = pool_reason_get((int)outcome_of(walk, check));

	check->phase = FLYING;
	check->at_ns =
		walk->now_ns + (row->timeout ? TIMEOUT_S * S : draw_ns(walk, 60, 400));
}

static void take_end(struct walk *walk, struct check *check)
{
	struct pool_testimony testimony = {.host = check->host,
		.target = check->target,
		.reason = outcome_of(walk, check),
		.ended_ns = walk->now_ns,
		.control = walk->world.control,
		.slot = walk->count};

	assert_true(walk->count < MOST_TESTIMONIES);
	walk->testimonies[walk->count++] = (struct testimony){
		walk->now_ns, testimony.reason, (uint32_t)(check - walk->checks), false};
	check->phase = HELD;
	assert_int_equal(0, pool_doubts_hear(walk->doubts, &testimony));
	if (check->target_hearing)
		pool_doubts_answered(walk->doubts, check->target, check->target_hearing);
	if (check->uplink_hearing)
		pool_doubts_answered(walk->doubts, 0, check->uplink_hearing);
	check->target_hearing = check->uplink_hearing = 0;
}

/* 0: cannot be asked. */
static int worth_of(const struct check *check, const struct pool_doubt_call *call)
{
	uint32_t hearing = call->target ? check->target_hearing : check->uplink_hearing;

	if (check->phase == HELD || check->host == call->accused ||
		hearing == call->hearing ||
		(call->target && check->target != call->target))
		return 0;
	return check->last_good ? 2 : 1;
}

static void answer_call(struct walk *walk, const struct pool_doubt_call *call)
{
	uint32_t asked = 0, from = (uint32_t)pool_random_below(&walk->random, CHECKS);

	if (call->control) {
		walk->control_ns[call->target - 1] = walk->now_ns + S / 2;
		walk->control_hearing[call->target - 1] = call->hearing;
		asked++;
	}
	for (int worth = 2; worth && call->others; worth--)
		for (uint32_t i = 0; i < CHECKS && asked < WITNESSES; i++) {
			struct check *check = &walk->checks[(from + i) % CHECKS];

			if (worth_of(check, call) != worth)
				continue;
			*(call->target ? &check->target_hearing
				       : &check->uplink_hearing) = call->hearing;
			if (check->phase == IDLE)
				begin(walk, check);
			asked++;
		}
	pool_doubts_called(walk->doubts, call, asked, walk->now_ns + (TIMEOUT_S + 1) * S);
}

static void take_control(struct walk *walk)
{
	for (int i = 0; i < TARGETS; i++) {
		if (!walk->control_ns[i] || walk->control_ns[i] > walk->now_ns)
			continue;
		walk->control_ns[i] = 0;
		pool_doubts_hear_control(walk->doubts, (uint64_t)i + 1,
			walk->world.uplink_dead || walk->world.target_dead[i]
				? POOL_CONTROL_FAILED
				: POOL_CONTROL_REACHED,
			walk->now_ns);
		pool_doubts_answered(
			walk->doubts, (uint64_t)i + 1, walk->control_hearing[i]);
	}
}

static void take_verdict(struct walk *walk, const struct pool_doubt_verdict *verdict)
{
	struct testimony *testimony;
	struct check *check;
	const struct pool_reason_row *row;
	bool doubtful;

	assert_true(verdict->slot < walk->count);
	testimony = &walk->testimonies[verdict->slot];
	check = &walk->checks[testimony->check];
	row = pool_reason_get((int)testimony->found);
	assert_false(testimony->decided);
	testimony->decided = true;
	assert_int_equal(HELD, check->phase);
	doubtful = row->timeout || pool_judge_may_be_target((int)testimony->found);
	if (verdict->reason == TARGET)
		assert_true(pool_judge_may_be_target((int)testimony->found));
	else if (verdict->reason == UPLINK)
		assert_true(row->timeout);
	else
		assert_int_equal(testimony->found, verdict->reason);
	if (!doubtful)
		assert_true(testimony->ended_ns == walk->now_ns);
	if (walk->now_ns - testimony->ended_ns > PATIENCE_S * S)
		fail_msg("a %s took %lld ms", row->name,
			(long long)((walk->now_ns - testimony->ended_ns) /
				POOL_NS_PER_MS));
	walk->believed += doubtful && verdict->reason == testimony->found;
	walk->excused += verdict->reason != testimony->found;
	check->phase = IDLE;
	check->last_good = verdict->reason == OK;
	check->at_ns = walk->now_ns + draw_ns(walk, 4000, 6000);
}

static void take_suspicion(struct walk *walk, const struct pool_suspicion *suspicion)
{
	assert_in_range(suspicion->target, 0, TARGETS);
	assert_int_equal(!walk->suspect[suspicion->target], suspicion->suspect);
	walk->suspect[suspicion->target] = suspicion->suspect;
	walk->entered[suspicion->target] += suspicion->suspect;
}

static void take_decisions(struct walk *walk)
{
	struct pool_doubt_verdict verdict;
	struct pool_suspicion suspicion;

	while (pool_doubts_next_verdict(walk->doubts, &verdict))
		take_verdict(walk, &verdict);
	while (pool_doubts_next_suspicion(walk->doubts, &suspicion))
		take_suspicion(walk, &suspicion);
}

/* Never due without something to do. */
static void step(struct walk *walk)
{
	struct pool_doubt_call call;

	walk->now_ns += STEP_MS * POOL_NS_PER_MS;
	for (int i = 0; i < CHECKS; i++) {
		struct check *check = &walk->checks[i];

		if (check->phase == HELD || check->at_ns > walk->now_ns)
			continue;
		if (check->phase == IDLE)
			begin(walk, check);
		else
			take_end(walk, check);
	}
	take_control(walk);
	pool_doubts_turn(walk->doubts, walk->now_ns);
	while (pool_doubts_next_call(walk->doubts, walk->now_ns, &call))
		answer_call(walk, &call);
	take_decisions(walk);
	assert_true(pool_doubts_due_ns(walk->doubts) > walk->now_ns);
	assert_true(pool_doubts_held(walk->doubts) <= CHECKS);
}

static void walk_for(struct walk *walk, int64_t seconds)
{
	for (int64_t end_ns = walk->now_ns + seconds * S; walk->now_ns < end_ns;)
		step(walk);
}

static struct walk start_walk(uint64_t seed)
{
	struct walk walk = {
		.doubts = pool_doubts_new(),
		.random = {seed},
		.now_ns = 1000 * S,
		.world = {.target_fails = EMPTY},
		.testimonies = test_calloc(MOST_TESTIMONIES, sizeof(struct testimony)),
	};

	assert_non_null(walk.doubts);
	for (int i = 0; i < HOSTS; i++)
		walk.world.host_fails[i] = OK;
	for (int i = 0; i < CHECKS; i++)
		walk.checks[i] = (struct check){.host = (uint64_t)(i % HOSTS) + 1,
			.target = (uint64_t)(i / HOSTS) + 1,
			.at_ns = walk.now_ns + draw_ns(&walk, 0, 5000)};
	return walk;
}

/* No check begins any more: what is left is decided as well. */
static void end_walk(struct walk *walk)
{
	for (int64_t end_ns = walk->now_ns + PATIENCE_S * S; walk->now_ns < end_ns;) {
		for (int i = 0; i < CHECKS; i++)
			if (walk->checks[i].phase == IDLE)
				walk->checks[i].at_ns = INT64_MAX;
		step(walk);
	}
	for (uint32_t i = 0; i < walk->count; i++)
		assert_true(walk->testimonies[i].decided);
	assert_int_equal(0, pool_doubts_held(walk->doubts));
	pool_doubts_free(walk->doubts);
	test_free(walk->testimonies);
}

static void assert_calm(const struct walk *walk)
{
	for (int i = 0; i <= TARGETS; i++)
		assert_int_equal(0, walk->entered[i]);
}

static void where_all_works_nobody_is_suspect(void **state)
{
	struct walk walk = start_walk(1);

	(void)state;
	walk_for(&walk, 300);
	assert_int_equal(0, walk.believed + walk.excused);
	assert_calm(&walk);
	assert_true(walk.count > 500);
	end_walk(&walk);
}

static const enum pool_reason failures[] = {EMPTY, STATUS, SILENT, LOST, POOL_REASON_TLS,
	POOL_REASON_BAD_GATEWAY, POOL_REASON_RESPONSE_TIMEOUT, POOL_REASON_TRUNCATED,
	POOL_REASON_PROXY_FAILED, REFUSED, POOL_REASON_AUTH};

/* It may fail in whatever way: others get answers where it got none. */
static void a_proxy_that_alone_fails_is_always_believed(void **state)
{
	(void)state;
	for (size_t i = 0; i < SIZE(failures); i++) {
		struct walk walk = start_walk(i + 2);

		walk.world.host_fails[i % HOSTS] = failures[i];
		walk_for(&walk, 120);
		assert_int_equal(0, walk.excused);
		assert_calm(&walk);
		walk.world.host_fails[i % HOSTS] = OK;
		walk_for(&walk, 20);
		assert_int_equal(0, walk.excused);
		assert_calm(&walk);
		end_walk(&walk);
	}
}

static const enum pool_reason deaths[] = {EMPTY, STATUS, SILENT, POOL_REASON_TLS,
	POOL_REASON_BAD_GATEWAY, POOL_REASON_RESPONSE_TIMEOUT, POOL_REASON_PROXY_FAILED};

static void a_dead_target_ejects_nobody_while_it_is_dead(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 10 * SIZE(deaths); seed++) {
		struct walk walk = start_walk(seed);

		walk.world.target_fails = deaths[seed % SIZE(deaths)];
		walk.world.control = seed & 1;
		walk_for(&walk, 8);
		walk.world.target_dead[seed / 2 % TARGETS] = true;
		walk_for(&walk, 60);
		if (walk.believed || !walk.excused)
			fail_msg("seed %u: %u believed, %u excused", (unsigned)seed,
				walk.believed, walk.excused);
		assert_int_equal(1, walk.entered[seed / 2 % TARGETS + 1]);
		assert_true(walk.suspect[seed / 2 % TARGETS + 1]);
		walk.world.target_dead[seed / 2 % TARGETS] = false;
		walk_for(&walk, 20);
		assert_false(walk.suspect[seed / 2 % TARGETS + 1]);
		assert_int_equal(1, walk.entered[seed / 2 % TARGETS + 1]);
		assert_int_equal(0, walk.entered[2 - seed / 2 % TARGETS]);
		end_walk(&walk);
	}
}

static void a_dead_uplink_ejects_nobody_while_it_is_dead(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct walk walk = start_walk(seed);

		walk.world.control = seed & 1;
		walk_for(&walk, 8);
		walk.world.uplink_dead = true;
		walk_for(&walk, 60);
		if (walk.believed || !walk.excused)
			fail_msg("seed %u: %u believed, %u excused", (unsigned)seed,
				walk.believed, walk.excused);
		assert_true(walk.suspect[0]);
		walk.world.uplink_dead = false;
		walk_for(&walk, 20);
		assert_false(walk.suspect[0]);
		end_walk(&walk);
	}
}

/* Whatever happens: one verdict each, in time, and suspicions come and go by turns. */
static void change_the_world(struct walk *walk)
{
	uint64_t dice = pool_random_below(&walk->random, 8);

	if (dice == 0)
		walk->world.uplink_dead = !walk->world.uplink_dead;
	else if (dice == 1)
		walk->world.control = !walk->world.control;
	else if (dice == 2)
		walk->world.target_fails =
			deaths[pool_random_below(&walk->random, SIZE(deaths))];
	else if (dice == 3)
		walk->world.target_dead[pool_random_below(&walk->random, TARGETS)] ^=
			true;
	else
		walk->world.host_fails[pool_random_below(&walk->random, HOSTS)] =
			pool_random_below(&walk->random, 2)
			? OK
			: failures[pool_random_below(&walk->random, SIZE(failures))];
}

static bool knows_some(const void *context, uint64_t target)
{
	return target != *(const uint64_t *)context;
}

static void whatever_happens_each_testimony_has_one_verdict(void **state)
{
	(void)state;
	for (uint64_t seed = 100; seed < 160; seed++) {
		struct walk walk = start_walk(seed);

		for (int i = 0; i < 100; i++) {
			change_the_world(&walk);
			walk_for(&walk, (int64_t)pool_random_below(&walk.random, 8));
		}
		end_walk(&walk);
	}
}

/* An edit: a target that is forgotten has no suspicion that would have to be left. */
static void forgetting_loses_no_testimony(void **state)
{
	(void)state;
	for (uint64_t seed = 200; seed < 220; seed++) {
		struct walk walk = start_walk(seed);

		for (int i = 0; i < 50; i++) {
			uint64_t gone = pool_random_below(&walk.random, TARGETS) + 1;
			bool others_hold_it = false;

			change_the_world(&walk);
			walk_for(&walk, (int64_t)pool_random_below(&walk.random, 8));
			for (int j = 0; j < CHECKS; j++)
				others_hold_it |= walk.checks[j].phase == HELD &&
					walk.checks[j].target == gone;
			pool_doubts_keep(walk.doubts, knows_some, &gone);
			if (!others_hold_it)
				walk.suspect[gone] = false;
		}
		end_walk(&walk);
	}
}

#define BY_HAND(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_may_be_somebody_elses_fault_is_held_and_nothing_else),
		BY_HAND(without_a_target_only_timeouts_are_held),
		BY_HAND(an_answer_from_there_afterwards_makes_it_believed),
		BY_HAND(an_answer_from_before_or_from_elsewhere_does_not),
		BY_HAND(any_answer_at_all_clears_the_uplink),
		BY_HAND(a_failure_over_there_clears_the_uplink_too),
		BY_HAND(what_says_nothing_clears_nothing),
		BY_HAND(those_are_asked_who_ask_the_same_but_not_the_accused),
		BY_HAND(anybody_is_asked_about_the_uplink),
		BY_HAND(hearings_about_one_subject_are_a_second_apart),
		BY_HAND(nobody_to_ask_is_decided_at_once),
		BY_HAND(a_dead_target_is_found_suspect_once_and_left_once),
		BY_HAND(a_dead_uplink_is_found_suspect_once_and_left_once),
		BY_HAND(no_greeting_shows_that_the_uplink_works),
		BY_HAND(one_host_alone_does_not_make_the_uplink_suspect),
		BY_HAND(silence_of_all_is_the_uplinks_where_nothing_else_is_heard),
		BY_HAND(silence_of_all_is_the_targets_where_others_are_heard),
		BY_HAND(what_is_held_for_the_uplink_shares_what_a_target_has_shown),
		BY_HAND(what_is_held_for_a_target_shares_what_is_known_of_the_uplink),
		BY_HAND(what_may_be_the_targets_fault_waits_for_the_targets_hearing),
		BY_HAND(the_control_request_decides),
		BY_HAND(a_suspect_target_is_heard_again_by_control_alone),
		BY_HAND(a_control_request_that_is_not_made_leaves_the_suspicion),
		BY_HAND(an_old_control_answer_decides_nothing),
		BY_HAND(nothing_is_lost_when_the_witnesses_never_answer),
		BY_HAND(a_late_answer_ends_no_later_hearing),
		BY_HAND(answers_that_nobody_waits_for_do_nothing),
		BY_HAND(what_the_pools_know_no_longer_is_forgotten),
		cmocka_unit_test(where_all_works_nobody_is_suspect),
		cmocka_unit_test(a_proxy_that_alone_fails_is_always_believed),
		cmocka_unit_test(a_dead_target_ejects_nobody_while_it_is_dead),
		cmocka_unit_test(a_dead_uplink_ejects_nobody_while_it_is_dead),
		cmocka_unit_test(whatever_happens_each_testimony_has_one_verdict),
		cmocka_unit_test(forgetting_loses_no_testimony),
	};

	return cmocka_run_group_tests_name("doubt", tests, NULL, NULL);
}
