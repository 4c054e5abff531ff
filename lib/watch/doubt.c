/* Doubts: what is held, whom it is about, and how it is decided. */
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "watch/doubt.h"

/* Between two hearings about one subject, in ordinary times and while it is suspect. */
static const int64_t CALL_GAP_NS = POOL_NS_PER_S;
static const int64_t SUSPECT_GAP_NS = 5 * POOL_NS_PER_S;

enum { UPLINK }; /* place of the uplink among the subjects */

/* A target, or the uplink. */
struct subject {
	uint64_t target; /* 0: the uplink */
	int64_t good_ns; /* when the last good answer came */
	int64_t control_ns;
	enum pool_control_answer control; /* the last one, at control_ns */
	bool suspect;
	bool hearing;
	uint32_t number;  /* of the hearing, the last one if there is none now */
	uint32_t awaited; /* answers that are still to come in the hearing */
	int64_t until_ns; /* it ends at the latest */
	int64_t call_ns;  /* no other hearing before */
};

struct pool_doubts {
	struct subject *subjects; /* the uplink first */
	size_t subject_count, subject_room;
	uint32_t hearings; /* the number of the last one */
	struct pool_testimony *held;
	size_t held_count, held_room;
	struct pool_doubt_verdict *verdicts; /* a queue */
	size_t verdict_count, verdict_room, verdict_next;
	struct pool_suspicion *suspicions; /* a queue */
	size_t suspicion_count, suspicion_room, suspicion_next;
};

struct pool_doubts *pool_doubts_new(void)
{
	struct pool_doubts *doubts = calloc(1, sizeof(*doubts));

	if (doubts)
		doubts->subjects = calloc(1, sizeof(*doubts->subjects));
	if (doubts && !doubts->subjects) {
		free(doubts);
		doubts = NULL;
	}
	if (doubts)
		doubts->subject_count = doubts->subject_room = 1;
	return doubts;
}

void pool_doubts_free(struct pool_doubts *doubts)
{
	if (!doubts)
		return;
	free(doubts->subjects);
	free(doubts->held);
	free(doubts->verdicts);
	free(doubts->suspicions);
	free(doubts);
}

/* --- lists ---------------------------------------------------------------------- */

/* Make room for <count> of <size> bytes; false: out of memory. */
static bool reserve(void *list, size_t *room, size_t count, size_t size)
{
	void **bytes = list;
	size_t more = *room ? *room : 16;
	void *longer;

	if (count <= *room)
		return true;
	while (more < count)
		more *= 2;
	longer = realloc(*bytes, more * size);
	if (!longer)
		return false;
	*bytes = longer;
	*room = more;
	return true;
}

/* Room for whatever a testimony may lead to. */
static bool reserve_all(struct pool_doubts *doubts)
{
	return reserve(&doubts->held, &doubts->held_room, doubts->held_count + 1,
		       sizeof(*doubts->held)) &&
		reserve(&doubts->verdicts, &doubts->verdict_room,
			doubts->verdict_count + doubts->held_count + 1,
			sizeof(*doubts->verdicts)) &&
		reserve(&doubts->subjects, &doubts->subject_room,
			doubts->subject_count + 1, sizeof(*doubts->subjects)) &&
		reserve(&doubts->suspicions, &doubts->suspicion_room,
			doubts->suspicion_count + 2 * (doubts->subject_count + 1),
			sizeof(*doubts->suspicions));
}

static void decide(struct pool_doubts *doubts, const struct pool_testimony *testimony,
	enum pool_reason reason)
{
	doubts->verdicts[doubts->verdict_count++] =
		(struct pool_doubt_verdict){testimony->slot, reason};
}

bool pool_doubts_next_verdict(struct pool_doubts *doubts, struct pool_doubt_verdict *out)
{
	if (doubts->verdict_next == doubts->verdict_count) {
		doubts->verdict_next = doubts->verdict_count = 0;
		return false;
	}
	*out = doubts->verdicts[doubts->verdict_next++];
	return true;
}

static void suspect(struct pool_doubts *doubts, struct subject *subject, bool suspected)
{
	if (subject->suspect == suspected)
		return;
	subject->suspect = suspected;
	if (reserve(&doubts->suspicions, &doubts->suspicion_room,
		    doubts->suspicion_count + 1, sizeof(*doubts->suspicions)))
		doubts->suspicions[doubts->suspicion_count++] =
			(struct pool_suspicion){subject->target, suspected};
}

bool pool_doubts_next_suspicion(struct pool_doubts *doubts, struct pool_suspicion *out)
{
	if (doubts->suspicion_next == doubts->suspicion_count) {
		doubts->suspicion_next = doubts->suspicion_count = 0;
		return false;
	}
	*out = doubts->suspicions[doubts->suspicion_next++];
	return true;
}

static bool is_held(const struct pool_doubts *doubts, uint64_t target)
{
	for (size_t i = 0; i < doubts->held_count; i++)
		if (doubts->held[i].target == target)
			return true;
	return false;
}

void pool_doubts_keep(struct pool_doubts *doubts,
	bool (*is_known)(const void *context, uint64_t target), const void *context)
{
	size_t kept = UPLINK + 1;

	for (size_t i = kept; i < doubts->subject_count; i++)
		if (is_known(context, doubts->subjects[i].target) ||
			is_held(doubts, doubts->subjects[i].target))
			doubts->subjects[kept++] = doubts->subjects[i];
	doubts->subject_count = kept;
}

size_t pool_doubts_held(const struct pool_doubts *doubts)
{
	return doubts->held_count;
}

/* --- subjects ------------------------------------------------------------------- */

static struct subject *find_subject(const struct pool_doubts *doubts, uint64_t target)
{
	for (size_t i = 0; i < doubts->subject_count; i++)
		if (doubts->subjects[i].target == target)
			return &doubts->subjects[i];
	return NULL;
}

/* There is room for one more. */
static struct subject *get_subject(struct pool_doubts *doubts, uint64_t target)
{
	struct subject *subject = find_subject(doubts, target);

	if (subject)
		return subject;
	subject = &doubts->subjects[doubts->subject_count++];
	*subject = (struct subject){.target = target};
	return subject;
}

static bool doubts_target(const struct pool_testimony *testimony)
{
	return testimony->target && pool_judge_may_be_target((int)testimony->reason);
}

static bool doubts_uplink(const struct pool_testimony *testimony)
{
	const struct pool_reason_row *row = pool_reason_get((int)testimony->reason);

	return row->timeout && row->verdict != POOL_VERDICT_INCONCLUSIVE;
}

/* Whether <testimony> waits for what becomes of <subject>. */
static bool concerns(
	const struct pool_testimony *testimony, const struct subject *subject)
{
	if (subject->good_ns > testimony->ended_ns)
		return false;
	return subject->target
		? doubts_target(testimony) && testimony->target == subject->target
		: doubts_uplink(testimony);
}

/* There was a good answer after it, of all that it could be the fault of. */
static bool is_cleared(
	const struct pool_doubts *doubts, const struct pool_testimony *testimony)
{
	const struct subject *target = find_subject(doubts, testimony->target);

	return !concerns(testimony, &doubts->subjects[UPLINK]) &&
		!(testimony->target && target && concerns(testimony, target));
}

static void release_cleared(struct pool_doubts *doubts)
{
	size_t kept = 0;

	for (size_t i = 0; i < doubts->held_count; i++) {
		struct pool_testimony testimony = doubts->held[i];

		if (is_cleared(doubts, &testimony))
			decide(doubts, &testimony, testimony.reason);
		else
			doubts->held[kept++] = testimony;
	}
	doubts->held_count = kept;
}

static void note_good(
	struct pool_doubts *doubts, struct subject *subject, int64_t ended_ns)
{
	if (ended_ns > subject->good_ns)
		subject->good_ns = ended_ns;
	subject->hearing = false;
	suspect(doubts, subject, false);
}

/* --- the judgement -------------------------------------------------------------- */

static struct pool_verdict_item make_item(
	const struct pool_testimony *testimony, const struct subject *subject)
{
	return (struct pool_verdict_item){
		/* Two hosts of one number are as rare as two of one hash. */
		.host = (uint32_t)(testimony->host ^ testimony->host >> 32),
		.target = subject->target ? 0 : POOL_NO_TARGET,
		.control = subject->control_ns >= testimony->ended_ns
			? (uint8_t)subject->control
			: POOL_CONTROL_UNASKED,
		.reason = (uint8_t)testimony->reason,
	};
}

/* What the judgement says of one, or what is known already: of the uplink, it may be, by
 * the hearing of another subject. */
static enum pool_reason conclude(const struct pool_doubts *doubts,
	const struct pool_testimony *testimony, const struct subject *subject,
	const struct pool_verdict_item *item)
{
	const struct subject *uplink = &doubts->subjects[UPLINK];

	if (item->reason != testimony->reason || item->control == POOL_CONTROL_REACHED)
		return (enum pool_reason)item->reason;
	if (uplink->suspect && concerns(testimony, uplink))
		return POOL_REASON_UPLINK_SUSPECT;
	if (subject->target && subject->suspect)
		return POOL_REASON_TARGET_SUSPECT;
	return testimony->reason;
}

/* Whether its target is in doubt as well: then the target's hearing decides, since the
 * target may be to blame where the uplink is not. */
static bool waits_for_target(
	const struct pool_doubts *doubts, const struct pool_testimony *testimony)
{
	return doubts_target(testimony) &&
		concerns(testimony, find_subject(doubts, testimony->target));
}

/* The hearing is over, and no good answer came: judge all that is held for <subject>. */
static void judge(struct pool_doubts *doubts, struct subject *subject)
{
	struct subject *uplink = &doubts->subjects[UPLINK];
	size_t count = 0, kept = 0, at = 0;
	/* One more: that the uplink works, where that is known. */
	struct pool_verdict_item *items = calloc(doubts->held_count + 1, sizeof(*items));
	struct pool_run_judgement judgement = {0};
	struct pool_judge_target scratch;
	bool uplink_works = false;

	subject->hearing = false;
	if (!items)
		return;
	for (size_t i = 0; i < doubts->held_count; i++) {
		if (!concerns(&doubts->held[i], subject))
			continue;
		items[count++] = make_item(&doubts->held[i], subject);
		uplink_works |= !concerns(&doubts->held[i], uplink);
	}
	if (uplink_works)
		items[count] = (struct pool_verdict_item){
			.target = POOL_NO_TARGET, .reason = POOL_REASON_OK};
	pool_run_judge(items, count + uplink_works, &scratch, 1, &judgement);
	for (size_t i = 0; i < doubts->held_count; i++) {
		struct pool_testimony testimony = doubts->held[i];
		enum pool_reason reason = testimony.reason;
		bool decided = concerns(&testimony, subject);

		if (decided)
			reason = conclude(doubts, &testimony, subject, &items[at++]);
		if (!subject->target && reason == testimony.reason)
			decided = decided && !waits_for_target(doubts, &testimony);
		if (decided)
			decide(doubts, &testimony, reason);
		else
			doubts->held[kept++] = testimony;
	}
	doubts->held_count = kept;
	free(items);
	if (judgement.target_suspect)
		suspect(doubts, subject, true);
	if (judgement.uplink_suspect)
		suspect(doubts, uplink, true);
}

/* --- hearing -------------------------------------------------------------------- */

/* What is suspect already needs no hearing, but where a control request can tell. */
static enum pool_reason judge_at_once(
	const struct pool_doubts *doubts, const struct pool_testimony *testimony)
{
	const struct subject *target = find_subject(doubts, testimony->target);

	if (doubts_uplink(testimony) && doubts->subjects[UPLINK].suspect)
		return POOL_REASON_UPLINK_SUSPECT;
	if (doubts_target(testimony) && target && target->suspect && !testimony->control)
		return POOL_REASON_TARGET_SUSPECT;
	return POOL_REASON_NONE;
}

static void note_what_is_good(
	struct pool_doubts *doubts, const struct pool_testimony *testimony)
{
	const struct pool_reason_row *row = pool_reason_get((int)testimony->reason);

	if (row->verdict == POOL_VERDICT_INCONCLUSIVE)
		return;
	if (!row->timeout)
		note_good(doubts, &doubts->subjects[UPLINK], testimony->ended_ns);
	if (testimony->target && testimony->reason == POOL_REASON_OK)
		note_good(doubts, get_subject(doubts, testimony->target),
			testimony->ended_ns);
	if (!row->timeout)
		release_cleared(doubts);
}

int pool_doubts_hear(struct pool_doubts *doubts, const struct pool_testimony *testimony)
{
	enum pool_reason known;

	if (!reserve_all(doubts))
		return POOL_ENOMEM;
	note_what_is_good(doubts, testimony);
	known = judge_at_once(doubts, testimony);
	if (known) {
		decide(doubts, testimony, known);
	} else if (doubts_target(testimony) || doubts_uplink(testimony)) {
		get_subject(doubts, testimony->target);
		doubts->held[doubts->held_count++] = *testimony;
		release_cleared(doubts);
	} else {
		decide(doubts, testimony, testimony->reason);
	}
	return 0;
}

void pool_doubts_hear_control(struct pool_doubts *doubts, uint64_t target,
	enum pool_control_answer answer, int64_t ended_ns)
{
	struct subject *subject = find_subject(doubts, target);

	if (!subject)
		return;
	subject->control = answer;
	subject->control_ns = ended_ns;
	if (answer != POOL_CONTROL_REACHED)
		return;
	note_good(doubts, subject, ended_ns);
	note_good(doubts, &doubts->subjects[UPLINK], ended_ns);
	release_cleared(doubts);
}

/* --- calls ---------------------------------------------------------------------- */

/* The first that is held for <subject> and not, by another subject, heard already. */
static const struct pool_testimony *find_held(
	const struct pool_doubts *doubts, const struct subject *subject)
{
	for (size_t i = 0; i < doubts->held_count; i++) {
		const struct pool_testimony *testimony = &doubts->held[i];

		if (concerns(testimony, subject) &&
			(subject->target || !waits_for_target(doubts, testimony)))
			return testimony;
	}
	return NULL;
}

static bool wants_control(const struct pool_doubts *doubts, const struct subject *subject)
{
	for (size_t i = 0; i < doubts->held_count; i++)
		if (doubts->held[i].control && concerns(&doubts->held[i], subject))
			return subject->target != 0;
	return false;
}

bool pool_doubts_next_call(
	struct pool_doubts *doubts, int64_t now_ns, struct pool_doubt_call *out)
{
	for (size_t i = 0; doubts->held_count && i < doubts->subject_count; i++) {
		struct subject *subject = &doubts->subjects[i];
		const struct pool_testimony *held;

		if (subject->hearing || now_ns < subject->call_ns)
			continue;
		held = find_held(doubts, subject);
		if (!held)
			continue;
		*out = (struct pool_doubt_call){
			.target = subject->target,
			.accused = held->host,
			.control = wants_control(doubts, subject),
			.others = !subject->suspect,
			.hearing = ++doubts->hearings,
		};
		/* 0 is nobody's number. */
		if (!out->hearing)
			out->hearing = ++doubts->hearings;
		subject->call_ns =
			now_ns + (subject->suspect ? SUSPECT_GAP_NS : CALL_GAP_NS);
		return true;
	}
	return false;
}

void pool_doubts_called(struct pool_doubts *doubts, const struct pool_doubt_call *call,
	uint32_t count, int64_t until_ns)
{
	struct subject *subject = find_subject(doubts, call->target);

	if (!subject)
		return;
	subject->hearing = true;
	subject->number = call->hearing;
	subject->awaited = count;
	subject->until_ns = until_ns;
	if (!count)
		judge(doubts, subject);
}

void pool_doubts_answered(struct pool_doubts *doubts, uint64_t target, uint32_t hearing)
{
	struct subject *subject = find_subject(doubts, target);

	if (subject && subject->hearing && subject->number == hearing &&
		subject->awaited && --subject->awaited == 0)
		judge(doubts, subject);
}

void pool_doubts_turn(struct pool_doubts *doubts, int64_t now_ns)
{
	for (size_t i = 0; i < doubts->subject_count; i++)
		if (doubts->subjects[i].hearing && doubts->subjects[i].until_ns <= now_ns)
			judge(doubts, &doubts->subjects[i]);
}

int64_t pool_doubts_due_ns(const struct pool_doubts *doubts)
{
	int64_t due_ns = INT64_MAX;

	for (size_t i = 0; doubts->held_count && i < doubts->subject_count; i++) {
		const struct subject *subject = &doubts->subjects[i];
		int64_t at_ns = subject->until_ns;

		if (!subject->hearing)
			at_ns = find_held(doubts, subject) ? subject->call_ns : INT64_MAX;
		if (at_ns < due_ns)
			due_ns = at_ns;
	}
	return due_ns;
}
