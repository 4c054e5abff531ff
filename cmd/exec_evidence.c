/* What the attempts of one command say of the proxies. */
#include <stdlib.h>
#include <string.h>
#include "config/url.h"
#include "exec_evidence.h"
#include "health/judge.h"
#include "tool.h"

static enum pool_verdict verdict_of(const struct exec_attempt *attempt)
{
	return pool_reason_get((int)attempt->reason)->verdict;
}

/* What may be the target's doing: a later attempt that succeeds tells. Of what is only
 * reported nothing else is known. */
static bool may_be_the_target(enum pool_reason reason)
{
	return pool_judge_may_be_target((int)reason) || reason == POOL_REASON_REPORTED;
}

static void tell(const struct exec_evidence *evidence, const char *name,
	const struct pool_feedback *feedback)
{
	struct pool_feedback_result result;
	struct pool_fault fault = {0};

	if (pool_session_report(evidence->session, feedback, &result, &fault) != 0 &&
		!evidence->quiet)
		tool_warn("cannot report how '%s' did: %s", name, fault.text);
}

static struct pool_feedback make_feedback(const struct exec_attempt *attempt)
{
	bool good = verdict_of(attempt) == POOL_VERDICT_OK;

	return (struct pool_feedback){
		.said = good ? POOL_SAID_OK : POOL_SAID_FAIL,
		.reason = good ? NULL : pool_reason_get((int)attempt->reason)->name,
		.http_status = attempt->http_status,
		.retry_after_s = attempt->retry_after_s,
		.latency_us = -1,
	};
}

static struct pool_target target_of(
	const struct exec_evidence *evidence, const struct exec_attempt *attempt)
{
	return (struct pool_target){.proxy = attempt->name,
		.exchange = evidence->exchange ? evidence->exchange : "default",
		.type = (int)evidence->type};
}

static char *find_host(const char *text)
{
	char endpoint[320] = "";
	struct pool_url url;

	if (pool_url_parse(text, strlen(text), &url, NULL) == POOL_URL_OK)
		pool_url_endpoint(&url, endpoint, sizeof(endpoint));
	return strdup(endpoint);
}

static void release_attempt(struct exec_attempt *attempt)
{
	free(attempt->name);
	free(attempt->host);
}

int exec_evidence_begin(
	struct exec_evidence *evidence, const struct pool_proxy_choice *proxy)
{
	struct exec_attempt begun = {
		.name = strdup(proxy->name), .host = find_host(proxy->url)};
	struct exec_attempt *longer =
		realloc(evidence->list, (evidence->count + 1) * sizeof(*longer));

	if (longer)
		evidence->list = longer;
	if (!longer || !begun.name || !begun.host) {
		release_attempt(&begun);
		return POOL_ENOMEM;
	}
	longer[evidence->count] = begun;
	evidence->begun = true;
	return 0;
}

void exec_evidence_add(struct exec_evidence *evidence,
	const struct pool_proxy_choice *proxy, const struct exec_attempt *said)
{
	struct pool_feedback feedback = make_feedback(said);
	struct exec_attempt *attempt = &evidence->list[evidence->count];
	const struct exec_attempt begun = *attempt;

	*attempt = *said;
	attempt->name = begun.name;
	attempt->host = begun.host;
	evidence->count++;
	evidence->begun = false;
	/* Without a lease there is no state, or no record of this one, unless it only had
	 * no room. */
	if (!proxy->lease[0] && !(said->no_room && proxy->index != UINT32_MAX))
		return;
	attempt->held = said->unsure || may_be_the_target(said->reason);
	if (attempt->held ||
		(verdict_of(said) == POOL_VERDICT_INCONCLUSIVE &&
			pool_reason_get((int)said->reason)->layer != POOL_LAYER_LOCAL))
		feedback = (struct pool_feedback){
			.said = POOL_SAID_DONE, .retry_after_s = -1, .latency_us = -1};
	if (proxy->lease[0])
		feedback.lease = proxy->lease;
	else
		feedback.target = target_of(evidence, attempt);
	if (proxy->lease[0] || feedback.said != POOL_SAID_DONE)
		tell(evidence, attempt->name, &feedback);
}

/*
 * The reason in the words of the judge. Any answer of the target is a success here, but
 * not what a proxy answered in its place, which has no status of the target's. A failure
 * that was held back counts as the target's, even of a single proxy, unless another
 * attempt came through. One that --fail-on lists counts as the proxy's, unless it came of
 * several. A connection that was not had, by a proxy that takes one now, is as good as
 * one that timed out: if all of several failed so, this machine is to blame.
 */
static enum pool_reason translate(const struct exec_attempt *attempt)
{
	enum pool_verdict verdict = verdict_of(attempt);

	if (attempt->held && attempt->reason == POOL_REASON_REFUSED)
		return POOL_REASON_CONNECT_TIMEOUT;
	if (attempt->http_status &&
		(verdict == POOL_VERDICT_BLOCKED || verdict == POOL_VERDICT_LIMITED))
		return POOL_REASON_OK;
	if (!attempt->held || pool_reason_get((int)attempt->reason)->timeout)
		return attempt->reason;
	return attempt->listed ? POOL_REASON_EMPTY : POOL_REASON_STATUS;
}

static uint32_t find_first_of_host(const struct exec_evidence *evidence, size_t at)
{
	uint32_t first = 0;

	while (first < at &&
		strcmp(evidence->list[first].host, evidence->list[at].host) != 0)
		first++;
	return first;
}

/* What was held back, as it was judged: inconclusive, it is only counted. */
static void tell_held(const struct exec_evidence *evidence, struct exec_attempt *attempt,
	enum pool_reason judged)
{
	struct pool_feedback feedback = make_feedback(attempt);

	if (pool_reason_get((int)judged)->verdict == POOL_VERDICT_INCONCLUSIVE)
		feedback.reason = pool_reason_get((int)judged)->name;
	feedback.target = target_of(evidence, attempt);
	tell(evidence, attempt->name, &feedback);
	attempt->held = false;
}

enum pool_reason exec_evidence_settle(struct exec_evidence *evidence)
{
	struct pool_run_judgement judgement = {0};
	struct pool_judge_target scratch;
	struct pool_verdict_item *items = calloc(evidence->count + 1, sizeof(*items));

	if (!items)
		return POOL_REASON_NONE;
	for (size_t i = 0; i < evidence->count; i++)
		items[i] = (struct pool_verdict_item){
			.host = find_first_of_host(evidence, i),
			.reason = (uint8_t)translate(&evidence->list[i]),
		};
	pool_run_judge(items, evidence->count, &scratch, 1, &judgement);
	for (size_t i = 0; i < evidence->count; i++)
		if (evidence->list[i].held)
			tell_held(evidence, &evidence->list[i], items[i].reason);
	free(items);
	if (judgement.target_suspect)
		return POOL_REASON_TARGET_SUSPECT;
	return judgement.uplink_suspect ? POOL_REASON_UPLINK_SUSPECT : POOL_REASON_NONE;
}

void exec_evidence_release(struct exec_evidence *evidence)
{
	for (size_t i = 0; i < evidence->count + evidence->begun; i++)
		release_attempt(&evidence->list[i]);
	free(evidence->list);
}
