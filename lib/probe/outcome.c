/* Outcomes: what came of a transfer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "probe/classify.h"
#include "probe/descriptors.h"
#include "probe/greeting.h"
#include "probe/method.h"
#include "probe/transfer.h"

static bool is_tls_url(const char *url)
{
	return strncasecmp(url, "https:", 6) == 0 || strncasecmp(url, "wss:", 4) == 0;
}

bool pool_probe_is_relayed(const struct pool_probe *probe)
{
	return probe->login && probe->method == POOL_METHOD_HTTP &&
		!pool_scheme_traits_get(probe->login)->socks && !is_tls_url(probe->url);
}

/*
 * True if more came than an answer may have: we ended it, or libcurl did, by limits of
 * its own for one line, of which 7.88.1 says "out of memory", and in an answer to CONNECT
 * "cannot receive".
 */
static bool is_overlong(const struct pool_transfer *transfer, CURLcode code)
{
	enum { HEADER_LINE_MAX = 100 << 10, CONNECT_LINE_MAX = 16 << 10 };

	if (transfer->overlong || transfer->wire.over)
		return true;
	if (transfer->requested)
		return code == CURLE_OUT_OF_MEMORY &&
			transfer->wire.read >= HEADER_LINE_MAX;
	return (code == CURLE_OUT_OF_MEMORY || code == CURLE_RECV_ERROR) &&
		transfer->wire.read >= CONNECT_LINE_MAX;
}

static unsigned gather_facts(const struct pool_transfer *transfer)
{
	const struct pool_probe *probe = transfer->probe;
	CURL *easy = transfer->easy;
	curl_off_t lookup_us = 0;
	long connects = 0, status = 0;
	unsigned facts = 0;

	curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &lookup_us);
	curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	facts |= lookup_us > 0 ? POOL_FACT_RESOLVED : 0;
	facts |= connects > 0 ? POOL_FACT_CONNECTED : 0;
	facts |= status > 0 ? POOL_FACT_ANSWERED : 0;
	facts |= transfer->requested ? POOL_FACT_REQUESTED | POOL_FACT_CONNECTED : 0;
	if (!probe->login)
		return facts | POOL_FACT_DIRECT;
	facts |= pool_host_is_address(probe->login->host) ? 0 : POOL_FACT_NAMED;
	facts |= pool_probe_is_relayed(probe) ? POOL_FACT_RELAYED : 0;
	if (probe->method == POOL_METHOD_TCP || probe->method == POOL_METHOD_PING)
		return facts;
	facts |= pool_scheme_traits_get(probe->login)->socks ? POOL_FACT_SOCKS : 0;
	facts |= pool_scheme_traits_get(probe->login)->tls ? POOL_FACT_TLS_PROXY : 0;
	facts |= pool_greeting_is_pending(transfer) ? POOL_FACT_UNTOLD : 0;
	return facts;
}

static void judge_failure(const struct pool_transfer *transfer, CURLcode code,
	struct pool_probe_result *result)
{
	long proxy_code = 0, os_errno = 0, connect_status = 0;
	struct pool_transfer_facts facts = {.code = (int)code};

	curl_easy_getinfo(transfer->easy, CURLINFO_PROXY_ERROR, &proxy_code);
	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_errno);
	curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
	facts.proxy_code = (int)proxy_code;
	facts.connect_status = (int)connect_status;
	facts.facts = gather_facts(transfer) |
		(is_overlong(transfer, code) ? POOL_FACT_OVERLONG : 0);
	/* libcurl keeps the errno of connect(), not that of socket(); resolving loses
	 * both. */
	facts.error = os_errno ? (int)os_errno : transfer->socket_errno;
	if (transfer->socket_errno == EMFILE || transfer->socket_errno == ENFILE)
		facts.error = transfer->socket_errno;
	if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
		code == CURLE_OUT_OF_MEMORY)
		facts.error = pool_descriptors_error();
	result->reason = pool_transfer_classify(&facts);
	pool_transfer_explain(&facts, result->detail, sizeof(result->detail));
}

static int64_t get_time_us(const struct pool_transfer *transfer, CURLINFO info)
{
	curl_off_t us = 0;

	curl_easy_getinfo(transfer->easy, info, &us);
	if (us <= 0)
		curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &us);
	return us;
}

/* Whether somebody answers in place of the default target, which has no content. */
static bool is_login_page(
	const struct pool_probe *probe, const struct pool_probe_result *result)
{
	return result->reason == POOL_REASON_STATUS && result->status < 400 &&
		strcmp(probe->url, pool_check_default_url) == 0;
}

void pool_transfer_judge_answer(
	const struct pool_transfer *transfer, struct pool_probe_result *result)
{
	const struct pool_probe *probe = transfer->probe;

	result->reason = pool_answer_judge(probe, &transfer->answers);
	if (result->reason != POOL_REASON_OK)
		snprintf(result->detail, sizeof(result->detail), "HTTP %d%s",
			result->status,
			is_login_page(probe, result) ? ", not 204: a login page?" : "");
	else if (!transfer->match.found)
		result->reason = POOL_REASON_BODY;
}

void pool_transfer_judge_upgrade(
	const struct pool_transfer *transfer, struct pool_probe_result *result)
{
	if (result->status != 101) {
		pool_transfer_judge_answer(transfer, result);
		if (result->reason == POOL_REASON_OK)
			result->reason = POOL_REASON_STATUS;
		snprintf(result->detail, sizeof(result->detail), "HTTP %d",
			result->status);
	} else if (transfer->accepted) {
		result->reason = POOL_REASON_OK;
	} else {
		result->reason = POOL_REASON_BODY;
		snprintf(result->detail, sizeof(result->detail),
			"HTTP 101 with a wrong accept key");
	}
}

/*
 * What the heads that came decide, whatever became of the transfer; false if nothing. The
 * last one may not have come to its end. A status that is merely unexpected does not
 * outweigh an answer that failed.
 */
static bool judge_heads(
	const struct pool_transfer *transfer, struct pool_probe_result *result)
{
	struct pool_answers answers = transfer->answers;
	enum pool_reason reason;

	pool_transfer_add_head(transfer, &answers);
	if (answers.reason == POOL_REASON_NONE)
		return false;
	reason = pool_answer_judge(transfer->probe, &answers);
	if (reason != answers.reason)
		return false;
	result->reason = reason;
	if (reason == POOL_REASON_LIMITED)
		result->retry_after_s = answers.retry_after_s;
	snprintf(result->detail, sizeof(result->detail),
		answers.connect ? "CONNECT answered %d" : "HTTP %d", answers.status);
	return true;
}

void pool_transfer_judge(const struct pool_transfer *transfer, CURLcode code,
	struct pool_probe_result *result)
{
	const struct pool_method_work *method =
		pool_method_work_get(transfer->probe->method);
	long status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	result->status = (int32_t)status;
	result->retry_after_s = -1;
	result->latency_us = get_time_us(transfer, method->latency);
	result->detail[0] = '\0';
	if (judge_heads(transfer, result))
		return;
	if (code && !transfer->enough)
		judge_failure(transfer, code, result);
	else if (method->judge)
		method->judge(transfer, result);
	else
		result->reason = POOL_REASON_OK;
}
