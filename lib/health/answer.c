/* What the answers of one use of a proxy say of it. */
#include <stddef.h>
#include "health/answer.h"

enum { PROXY_AUTHENTICATION = 407, SWITCHING_PROTOCOLS = 101 };

/* A heavier reason stays, whatever follows it. */
enum { WEIGHT_LAST, WEIGHT_BLOCKED, WEIGHT_LIMITED };

static const struct {
	int32_t low, high;
	enum pool_reason reason;
} connect_rows[] = {
	{200, 299, POOL_REASON_NONE},
	{PROXY_AUTHENTICATION, PROXY_AUTHENTICATION, POOL_REASON_AUTH},
	/* tinyproxy's answer to a wrong password */
	{401, 401, POOL_REASON_AUTH},
	{400, 499, POOL_REASON_DENIED},
	{500, 599, POOL_REASON_BAD_GATEWAY},
};

bool pool_answer_is_final(int32_t status)
{
	return status >= 200 || status == SWITCHING_PROTOCOLS;
}

enum pool_reason pool_answer_judge_connect(int32_t status)
{
	for (size_t i = 0; i < sizeof(connect_rows) / sizeof(connect_rows[0]); i++)
		if (status >= connect_rows[i].low && status <= connect_rows[i].high)
			return connect_rows[i].reason;
	return status > 0 ? POOL_REASON_WRONG_PROTOCOL : POOL_REASON_NONE;
}

static bool is_yes(const struct pool_answer *answer)
{
	return answer->connect && answer->status >= 200 && answer->status < 300;
}

static enum pool_reason judge(const struct pool_answer_rules *rules,
	const struct pool_answer *answer, uint8_t *weight)
{
	*weight = WEIGHT_LAST;
	if (is_yes(answer))
		return POOL_REASON_NONE;
	if (pool_status_set_has(rules->cooling, answer->status)) {
		*weight = WEIGHT_LIMITED;
		return POOL_REASON_LIMITED;
	}
	if (pool_status_set_has(rules->blocked, answer->status)) {
		*weight = WEIGHT_BLOCKED;
		return answer->connect ? POOL_REASON_DENIED : POOL_REASON_BLOCKED;
	}
	if (answer->connect)
		return pool_answer_judge_connect(answer->status);
	return answer->proxied && answer->status == PROXY_AUTHENTICATION
		? POOL_REASON_AUTH
		: POOL_REASON_NONE;
}

/* The later of two ends wins. */
static void lengthen(struct pool_answers *answers, const struct pool_answer_rules *rules,
	const struct pool_answer *answer)
{
	int32_t rest_s =
		answer->retry_after_s < 0 ? rules->cooldown_s : answer->retry_after_s;

	if (answers->reason == POOL_REASON_LIMITED && rest_s <= answers->rest_s)
		return;
	answers->rest_s = rest_s;
	answers->retry_after_s = answer->retry_after_s;
}

void pool_answers_add(struct pool_answers *answers, const struct pool_answer_rules *rules,
	const struct pool_answer *answer)
{
	enum pool_reason reason;
	uint8_t weight;

	if (!pool_answer_is_final(answer->status))
		return;
	reason = judge(rules, answer, &weight);
	answers->tunnelled |= is_yes(answer);
	answers->reached |= !answer->connect && reason != POOL_REASON_AUTH;
	if (weight < answers->weight)
		return;
	if (reason == POOL_REASON_LIMITED)
		lengthen(answers, rules, answer);
	answers->reason = reason;
	answers->weight = weight;
	answers->status = answer->status;
	answers->connect = answer->connect;
}
