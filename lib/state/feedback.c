/* Reports of users, and commands of a person: evidence from outside, into the records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "health/answer.h"
#include "state/decisions.h"
#include "state/image.h"
#include "state/session_inner.h"

enum { TRIES = 4, COMMANDS_AT_ONCE = 64 };

/* A proxy in a pool. */
struct place {
	uint32_t leaf;
	uint32_t at; /* of all members: also its record's number */
};

struct places {
	struct place *list;
	size_t count;
};

/* --- whom it is about ----------------------------------------------------------- */

static const char *name_of(const struct pool_snapshot *snapshot, uint32_t at)
{
	const char *name = pool_snapshot_string(snapshot, snapshot->members[at].name);

	return name ? name : "";
}

static const char *where_of(const struct pool_snapshot *snapshot, uint32_t leaf)
{
	const char *where = pool_snapshot_string(snapshot, snapshot->leaves[leaf].where);

	return where ? where : "";
}

/* Whether the lookups of <target> lead to pool <leaf>. */
static bool leads_to(const struct pool_snapshot *snapshot,
	const struct pool_target *target, uint32_t leaf)
{
	const unsigned wanted = target->type < 0 ? ~0u : 1u << target->type;

	return snapshot->leaves[leaf].member_count &&
		pool_snapshot_types(snapshot, target->exchange, leaf, NULL) & wanted;
}

/* All proxies that <target> names. Returns 0 or POOL_ENOMEM. */
static int find_places(const struct pool_snapshot *snapshot,
	const struct pool_target *target, struct places *out)
{
	struct places places = {0};

	places.list = calloc(snapshot->member_count + 1, sizeof(*places.list));
	if (!places.list)
		return POOL_ENOMEM;
	for (uint32_t i = 0; snapshot->enabled && i < snapshot->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[i];

		if (!leads_to(snapshot, target, i))
			continue;
		for (uint32_t at = leaf->first_member;
			at < leaf->first_member + leaf->member_count; at++)
			if (!target->proxy ||
				strcmp(name_of(snapshot, at), target->proxy) == 0)
				places.list[places.count++] = (struct place){i, at};
	}
	*out = places;
	return 0;
}

/* No proxy has the name: which one is nearest? */
static int refuse_unknown(const struct pool_snapshot *snapshot,
	const struct pool_target *target, struct pool_fault *fault)
{
	const struct pool_target all = {NULL, target->exchange, target->type};
	const char **names, *near = NULL;
	struct places places;

	if (!target->proxy)
		return pool_fault_set(
			fault, POOL_EUNKNOWN, 0, "there is no proxy to be found");
	if (find_places(snapshot, &all, &places) != 0)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	names = calloc(places.count + 1, sizeof(*names));
	for (size_t i = 0; names && i < places.count; i++)
		names[i] = name_of(snapshot, places.list[i].at);
	if (names)
		near = pool_text_nearest(target->proxy, names, places.count);
	pool_fault_set(fault, POOL_EUNKNOWN, 0, "no proxy%s%s%s%s%s is called '%s'%s%s%s",
		target->exchange ? " of '" : "", target->exchange ? target->exchange : "",
		target->exchange ? "'" : "", target->type < 0 ? "" : " for ",
		target->type < 0 ? "" : pool_type_name((enum pool_type)target->type),
		target->proxy, near ? "; did you mean '" : "", near ? near : "",
		near ? "'?" : "");
	free(names);
	free(places.list);
	return POOL_EUNKNOWN;
}

static int refuse_ambiguous(const struct pool_snapshot *snapshot,
	const struct places *places, struct pool_fault *fault)
{
	const struct place *first = &places->list[0], *second = &places->list[1];

	return pool_fault_set(fault, POOL_EARGUMENT, 0,
		"'%s' is in %zu pools, '%s' and '%s'%s: say which with -x and -t",
		name_of(snapshot, first->at), places->count,
		where_of(snapshot, first->leaf), where_of(snapshot, second->leaf),
		places->count > 2 ? " among them" : "");
}

/* --- what it says --------------------------------------------------------------- */

static int refuse_reason(const char *word, struct pool_fault *fault)
{
	const char *names[POOL_REASONS], *near;

	for (int i = 0; i < POOL_REASONS; i++)
		names[i] = pool_reason_get(i)->name;
	near = pool_text_nearest(word, names, POOL_REASONS);
	return pool_fault_set(fault, POOL_EARGUMENT, 0, "no reason is called '%s'%s%s%s",
		word, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* The reason that was given, if any. */
static int read_reason(const struct pool_feedback *feedback, enum pool_reason *out,
	struct pool_fault *fault)
{
	int found;

	*out = POOL_REASON_NONE;
	if (!feedback->reason || feedback->said == POOL_SAID_DONE)
		return 0;
	found = pool_reason_find(feedback->reason);
	if (found < 0)
		return refuse_reason(feedback->reason, fault);
	*out = (enum pool_reason)found;
	if ((found == POOL_REASON_OK) != (feedback->said == POOL_SAID_OK))
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"the reason '%s' contradicts '%s'", feedback->reason,
			feedback->said == POOL_SAID_OK ? "ok" : "fail");
	return 0;
}

/* Whether a reason already says what the answer was, and more exactly than its status: a
 * proxy's own 403 is "denied". */
static bool says_the_answer(enum pool_reason given)
{
	enum pool_verdict verdict = pool_reason_get((int)given)->verdict;

	return verdict == POOL_VERDICT_LIMITED || verdict == POOL_VERDICT_BLOCKED ||
		given == POOL_REASON_DENIED || given == POOL_REASON_AUTH;
}

static enum pool_reason judge_status(
	const struct pool_policy *policy, const struct pool_feedback *feedback)
{
	const struct pool_answer_rules rules = {
		&policy->cooling, &policy->blocked, policy->cooldown_s};
	const struct pool_answer answer = {.status = feedback->http_status,
		.retry_after_s = feedback->retry_after_s,
		.proxied = true};
	struct pool_answers answers = {0};

	pool_answers_add(&answers, &rules, &answer);
	return answers.reason;
}

/* The most telling of what was said: a limit, the reason if it says what the answer was,
 * the answer's status, the reason, the word. */
static enum pool_reason judge(const struct pool_policy *policy,
	const struct pool_feedback *feedback, enum pool_reason given)
{
	enum pool_reason by_status = judge_status(policy, feedback);

	if (by_status == POOL_REASON_LIMITED ||
		(by_status != POOL_REASON_NONE && !says_the_answer(given)))
		return by_status;
	if (given != POOL_REASON_NONE)
		return given;
	if (feedback->said == POOL_SAID_OK)
		return POOL_REASON_OK;
	return feedback->http_status ? POOL_REASON_STATUS : POOL_REASON_REPORTED;
}

/* --- a report ------------------------------------------------------------------- */

/* One report on its way. */
struct telling {
	struct pool_session *session;
	const struct pool_feedback *feedback;
	enum pool_reason given; /* its reason, NONE: not given */
	struct pool_now now;
	struct pool_feedback_result *out;
};

static void fill_result(const struct telling *telling, const struct place *place)
{
	const struct pool_snapshot *snapshot = &telling->session->snapshot;
	struct pool_feedback_result *out = telling->out;

	snprintf(out->proxy, sizeof(out->proxy), "%s", name_of(snapshot, place->at));
	snprintf(out->where, sizeof(out->where), "%s", where_of(snapshot, place->leaf));
}

static void count(const struct telling *telling, const struct place *place,
	enum pool_reason reason, int64_t began_ns)
{
	const struct pool_feedback *feedback = telling->feedback;
	struct pool_state *state = telling->session->state;
	const struct pool_evidence evidence = {
		.source = POOL_EVIDENCE_REPORT,
		.reason = reason,
		.good_layer = POOL_LAYER_TARGET,
		.began_ns = began_ns,
		.retry_after_s = feedback->retry_after_s,
	};
	enum pool_verdict verdict = pool_reason_get((int)reason)->verdict;
	struct pool_record *record = &state->records[place->at];
	struct pool_transition transition;

	pool_session_step(telling->session, place->leaf, place->at, &evidence,
		&telling->now, &transition);
	record->reports[verdict]++;
	if (feedback->http_status)
		record->http_status = feedback->http_status;
	if (verdict == POOL_VERDICT_OK && feedback->latency_us >= 0)
		pool_record_add_latency(record, feedback->latency_us);
	snprintf(telling->out->from, sizeof(telling->out->from), "%s",
		pool_status_name(transition.from));
	snprintf(telling->out->to, sizeof(telling->out->to), "%s",
		pool_status_name(transition.to));
	telling->out->reason = pool_reason_get((int)reason)->name;
}

/* What was held in <slot> is over, and reported; another report of it is a repetition. */
static void end_lease(struct pool_state *state, uint32_t slot, const struct pool_now *now)
{
	if (state->leases[slot].id) {
		pool_lease_end(state, slot, true, now);
		return;
	}
	pool_state_touch(state, &state->leases[slot], sizeof(*state->leases));
	state->leases[slot].flags |= POOL_LEASE_REPORTED;
}

/* Evidence for <place>, if anything is said, and the end of the lease in <slot>: one
 * update, or a process killed in between would have its report counted twice. */
static void take(const struct telling *telling, const struct place *place, uint32_t slot,
	int64_t began_ns)
{
	struct pool_state *state = telling->session->state;
	const struct pool_policy *policy =
		&telling->session->snapshot.leaves[place->leaf].policy;

	fill_result(telling, place);
	if (telling->feedback->said != POOL_SAID_DONE)
		count(telling, place, judge(policy, telling->feedback, telling->given),
			began_ns);
	if (slot != POOL_NO_SLOT)
		end_lease(state, slot, &telling->now);
	pool_state_settle(state, &telling->now);
}

/* The pool of record <at>; false if its proxy is no longer in the pool file. */
static bool place_of(
	const struct pool_snapshot *snapshot, uint32_t at, struct place *place)
{
	for (uint32_t i = 0; i < snapshot->leaf_count; i++)
		if (at >= snapshot->leaves[i].first_member &&
			at - snapshot->leaves[i].first_member <
				snapshot->leaves[i].member_count) {
			*place = (struct place){i, at};
			return true;
		}
	return false;
}

static bool read_lease(const char *text, uint64_t *id)
{
	char *end;

	if (strspn(text, "0123456789abcdef") != 16 || text[16])
		return false;
	*id = strtoull(text, &end, 16);
	return *id != 0;
}

static int refuse_lease(const char *text, struct pool_fault *fault)
{
	return pool_fault_set(fault, POOL_EUNKNOWN, 0,
		"no lease '%s' is known: it was never taken, or ended long ago", text);
}

/* By lease: <session>'s state is locked. */
static int take_lease(
	const struct telling *telling, uint64_t id, struct pool_fault *fault)
{
	struct pool_state *state = telling->session->state;
	bool ended;
	uint32_t slot = pool_lease_find(state, id, &ended);
	struct pool_lease lease;
	struct place place;

	if (slot == POOL_NO_SLOT)
		return refuse_lease(telling->feedback->lease, fault);
	pool_state_fetch(&lease, &state->leases[slot], sizeof(lease));
	if (lease.record >= state->image->record_count + state->image->orphan_count)
		return refuse_lease(telling->feedback->lease, fault);
	if (!place_of(&telling->session->snapshot, lease.record, &place)) {
		/* Its proxy was removed meanwhile: nothing to say about it. */
		if (!ended)
			pool_lease_end(state, slot, true, &telling->now);
		return 0;
	}
	if (ended && lease.flags & POOL_LEASE_REPORTED) {
		fill_result(telling, &place);
		telling->out->repeated = true;
		return 0;
	}
	take(telling, &place, slot, lease.began_ns);
	return 0;
}

static int report_lease(struct telling *telling, struct pool_fault *fault)
{
	uint64_t id;
	int error;

	if (!read_lease(telling->feedback->lease, &id))
		return refuse_lease(telling->feedback->lease, fault);
	error = pool_session_lock_to_write(telling->session, &telling->now, fault);
	if (error)
		return error;
	error = take_lease(telling, id, fault);
	pool_session_unlock(telling->session);
	return error;
}

/* By name: there must be just one. */
static int report_name(struct telling *telling, struct pool_fault *fault)
{
	struct pool_session *session = telling->session;
	const struct pool_target *target = &telling->feedback->target;
	const uint64_t loads = session->loads;
	struct places places;
	int64_t began_ns;
	int error = find_places(&session->snapshot, target, &places);

	if (error)
		return pool_fault_set(fault, error, 0, "out of memory");
	if (places.count == 0)
		error = refuse_unknown(&session->snapshot, target, fault);
	else if (places.count > 1)
		error = refuse_ambiguous(&session->snapshot, &places, fault);
	else
		error = pool_session_lock_to_write(session, &telling->now, fault);
	if (!error && session->loads != loads) {
		pool_session_unlock(session);
		error = POOL_ESTALE;
	}
	if (!error) {
		began_ns = telling->now.boot_ns;
		if (telling->feedback->latency_us > 0 &&
			telling->feedback->latency_us < began_ns / 1000)
			began_ns -= telling->feedback->latency_us * 1000;
		take(telling, &places.list[0],
			pool_lease_find_selection(session->state, places.list[0].at),
			began_ns);
		pool_session_unlock(session);
	}
	free(places.list);
	return error;
}

/* What was found in an earlier snapshot is void: look at the pool file before the next
 * try. */
static int refresh_if_stale(
	struct pool_session *session, int error, struct pool_fault *fault)
{
	if (error != POOL_ESTALE)
		return error;
	error = pool_session_refresh(session, fault);
	return error ? error : POOL_ESTALE;
}

static int refuse_changing(const struct pool_session *session, struct pool_fault *fault)
{
	return pool_fault_set(
		fault, POOL_ESTALE, 0, "pool file '%s' keeps changing", session->file);
}

int pool_session_report(struct pool_session *session,
	const struct pool_feedback *feedback, struct pool_feedback_result *out,
	struct pool_fault *fault)
{
	struct pool_feedback_result result = {0};
	struct telling telling = {
		.session = session, .feedback = feedback, .out = &result};
	int error = read_reason(feedback, &telling.given, fault);

	if (!error && !feedback->lease && !feedback->target.proxy)
		error = pool_fault_set(
			fault, POOL_EARGUMENT, 0, "a report is about a lease or a proxy");
	if (!error && !feedback->lease && feedback->said == POOL_SAID_DONE)
		error = pool_fault_set(fault, POOL_EARGUMENT, 0,
			"'done' ends a lease: '%s' is none", feedback->target.proxy);
	if (!error)
		error = pool_session_refresh(session, fault);
	if (error)
		return error;
	error = POOL_ESTALE;
	for (int i = 0; i < TRIES && error == POOL_ESTALE; i++) {
		error = feedback->lease ? report_lease(&telling, fault)
					: report_name(&telling, fault);
		error = refresh_if_stale(session, error, fault);
	}
	if (error == POOL_ESTALE)
		return refuse_changing(session, fault);
	if (!error && out)
		*out = result;
	return error;
}

/* --- commands ------------------------------------------------------------------- */

/* Who, when, and what. */
static struct pool_decision decide(const struct pool_session *session,
	enum pool_admin command, const struct pool_now *now)
{
	struct pool_decision decision = {
		.made_wall_s = now->wall_s, .command = (uint32_t)command};
	size_t length = session->who ? strlen(session->who) : 0;

	/* Cut, but not in the middle of a character. */
	if (length > sizeof(decision.who))
		for (length = sizeof(decision.who);
			length && (session->who[length] & 0xc0) == 0x80; length--)
			;
	if (length)
		memcpy(decision.who, session->who, length);
	return decision;
}

static void command_one(struct pool_session *session, const struct place *place,
	enum pool_admin command, const struct pool_now *now)
{
	struct pool_state *state = session->state;
	struct pool_transition transition;
	struct pool_health health;

	pool_state_touch(state, &state->records[place->at], sizeof(*state->records));
	pool_state_touch(state, &state->ready[place->at], sizeof(*state->ready));
	pool_state_touch(
		state, &state->live->decisions_ns, sizeof(state->live->decisions_ns));
	if (state->decisions)
		pool_state_touch(
			state, &state->decisions[place->at], sizeof(*state->decisions));
	pool_state_fetch(&health, &state->records[place->at].health, sizeof(health));
	pool_health_command(&health, command, now->boot_ns, &transition);
	state->records[place->at].health = health;
	pool_record_seal(&state->records[place->at]);
	/* A reset leaves a disabled one disabled, by whoever it was. */
	if (state->decisions && !(command == POOL_ADMIN_RESET && health.admin_disabled))
		state->decisions[place->at] = decide(session, command, now);
	state->live->decisions_ns = now->boot_ns;
	pool_session_note(session, place->leaf, place->at, &transition, now);
	pool_state_settle(state, now);
	if (command == POOL_ADMIN_RESET)
		pool_lease_release_unseen(
			state, place->at, pool_session_space(session), now);
}

/* Lock, with room for who decided; without it on a full disk, where the command matters
 * more. */
static int lock_to_decide(
	struct pool_session *session, struct pool_now *now, struct pool_fault *fault)
{
	int error = pool_session_lock_to_write(session, now, fault);
	const struct pool_state *state = session->state;
	const char *map;

	if (error)
		return error;
	map = state->map;
	error = pool_state_want_decisions(session->state, &session->snapshot, now, fault);
	if (!error || (state->image && state->map == map))
		return 0;
	pool_session_unlock(session);
	return error;
}

/* In batches, each under one lock. POOL_ESTALE: begin again, that does no harm. */
static int command_all(struct pool_session *session, const struct places *places,
	enum pool_admin command, struct pool_fault *fault)
{
	const uint64_t loads = session->loads;
	struct pool_fault trouble = {0};

	for (size_t i = 0; i < places->count;) {
		struct pool_now now;
		int error = lock_to_decide(session, &now, fault);

		if (error)
			return error;
		for (int n = 0; session->loads == loads && n < COMMANDS_AT_ONCE &&
			i < places->count;
			n++)
			command_one(session, &places->list[i++], command, &now);
		if (session->loads == loads && i == places->count)
			pool_decisions_write(session->state, &session->snapshot, &now,
				false, &trouble);
		pool_session_unlock(session);
		if (session->loads != loads)
			return POOL_ESTALE;
	}
	if (trouble.code)
		pool_session_warn(session,
			"it is recorded, but not a second time, for the case that the "
			"state file is damaged: %s",
			trouble.text);
	return 0;
}

static int command_once(struct pool_session *session, const struct pool_target *target,
	enum pool_admin command, size_t *done, struct pool_fault *fault)
{
	struct places places;
	int error = find_places(&session->snapshot, target, &places);

	if (error)
		return pool_fault_set(fault, error, 0, "out of memory");
	if (places.count == 0)
		error = refuse_unknown(&session->snapshot, target, fault);
	else
		error = command_all(session, &places, command, fault);
	if (!error)
		*done = places.count;
	free(places.list);
	return error;
}

int pool_session_command(struct pool_session *session, const struct pool_target *target,
	enum pool_admin command, size_t *done, struct pool_fault *fault)
{
	int error = pool_session_refresh(session, fault);

	if (error)
		return error;
	error = POOL_ESTALE;
	for (int i = 0; i < TRIES && error == POOL_ESTALE; i++)
		error = refresh_if_stale(session,
			command_once(session, target, command, done, fault), fault);
	return error == POOL_ESTALE ? refuse_changing(session, fault) : error;
}
