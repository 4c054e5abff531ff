/* The judgement over a run, as a table of runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "health/judge.h"

#define X POOL_NO_TARGET

enum { MOST = 6 };

#define R(word) POOL_REASON_##word

static const struct run {
	const char *what;
	struct {
		uint32_t host, target;
		enum pool_control_answer control;
		enum pool_reason before, after;
	} items[MOST]; /* ended by a reason NONE */
	bool target_suspect, uplink_suspect;
} runs[] = {
	{"all is well", {{0, 0, 0, R(OK), R(OK)}, {1, 0, 0, R(OK), R(OK)}}, false, false},
	{"a dead target ejects nobody",
		{{0, 0, 0, R(STATUS), R(TARGET_SUSPECT)},
			{1, 0, 0, R(BAD_GATEWAY), R(TARGET_SUSPECT)},
			{2, 0, 0, R(RESPONSE_TIMEOUT), R(TARGET_SUSPECT)}},
		true, false},
	{"refusals stand beside a dead target",
		{{0, 0, 0, R(STATUS), R(TARGET_SUSPECT)},
			{1, 0, 0, R(REFUSED), R(REFUSED)}, {2, 0, 0, R(AUTH), R(AUTH)},
			{3, 0, 0, R(WRONG_PROTOCOL), R(WRONG_PROTOCOL)},
			{4, 0, 0, R(CLOSED), R(CLOSED)}},
		true, false},
	{"one good check proves the target",
		{{0, 0, 0, R(OK), R(OK)}, {1, 0, 0, R(STATUS), R(STATUS)},
			{2, 0, 0, R(RESPONSE_TIMEOUT), R(RESPONSE_TIMEOUT)},
			{3, 0, 0, R(TLS_VERIFY), R(TLS_VERIFY)}},
		false, false},
	{"a control request proves it too",
		{{0, 0, POOL_CONTROL_REACHED, R(STATUS), R(STATUS)},
			{1, 0, POOL_CONTROL_REACHED, R(BODY), R(BODY)}},
		false, false},
	{"a control request that failed blames it",
		{{0, 0, POOL_CONTROL_FAILED, R(HANDSHAKE_TIMEOUT), R(TARGET_SUSPECT)},
			{0, 0, POOL_CONTROL_FAILED, R(REFUSED), R(REFUSED)}},
		true, false},
	{"a single proxy at a failing target", {{0, 0, 0, R(STATUS), R(TARGET_SUSPECT)}},
		true, false},
	{"a single proxy that refuses", {{0, 0, 0, R(REFUSED), R(REFUSED)}}, false,
		false},
	{"a single proxy that is silent",
		{{0, 0, 0, R(HANDSHAKE_TIMEOUT), R(HANDSHAKE_TIMEOUT)}}, false, false},
	{"a single proxy that intercepts", {{0, 0, 0, R(TLS_VERIFY), R(TLS_VERIFY)}},
		false, false},
	{"a dead target behind tunnels, and a dead proxy",
		{{0, 0, 0, R(HANDSHAKE_TIMEOUT), R(TARGET_SUSPECT)},
			{1, 0, 0, R(HANDSHAKE_TIMEOUT), R(TARGET_SUSPECT)},
			{2, 0, 0, R(REFUSED), R(REFUSED)}},
		true, false},
	{"one that does not greet is down, whatever becomes of the target",
		{{0, 0, 0, R(GREETING_TIMEOUT), R(GREETING_TIMEOUT)},
			{1, 0, 0, R(STATUS), R(TARGET_SUSPECT)},
			{2, 0, 0, R(HANDSHAKE_TIMEOUT), R(TARGET_SUSPECT)}},
		true, false},
	{"so are all of several, for the uplink has led to them",
		{{0, 0, 0, R(GREETING_TIMEOUT), R(GREETING_TIMEOUT)},
			{1, 0, 0, R(GREETING_TIMEOUT), R(GREETING_TIMEOUT)},
			{2, X, 0, R(CONNECT_TIMEOUT), R(CONNECT_TIMEOUT)}},
		false, false},
	{"and where a control request failed",
		{{0, 0, POOL_CONTROL_FAILED, R(GREETING_TIMEOUT), R(GREETING_TIMEOUT)}},
		false, false},
	{"proxies that cannot serve, and do not say why",
		{{0, 0, 0, R(PROXY_FAILED), R(TARGET_SUSPECT)},
			{1, 0, 0, R(PROXY_FAILED), R(TARGET_SUSPECT)}},
		true, false},
	{"a single one", {{0, 0, 0, R(PROXY_FAILED), R(PROXY_FAILED)}}, false, false},
	{"an expired certificate at the target",
		{{0, 0, 0, R(TLS_VERIFY), R(TARGET_SUSPECT)},
			{1, 0, 0, R(TLS_VERIFY), R(TARGET_SUSPECT)}},
		true, false},
	{"blocked and limited stand",
		{{0, 0, 0, R(BLOCKED), R(BLOCKED)}, {1, 0, 0, R(LIMITED), R(LIMITED)},
			{2, 0, 0, R(STATUS), R(TARGET_SUSPECT)}},
		true, false},
	{"targets are judged apart",
		{{0, 0, 0, R(OK), R(OK)}, {1, 0, 0, R(STATUS), R(STATUS)},
			{0, 1, 0, R(STATUS), R(TARGET_SUSPECT)},
			{1, 1, 0, R(EMPTY), R(TARGET_SUSPECT)},
			{2, 2, 0, R(EMPTY), R(EMPTY)}},
		true, false},
	{"a dead uplink ejects nobody",
		{{0, X, 0, R(CONNECT_TIMEOUT), R(UPLINK_SUSPECT)},
			{1, X, 0, R(CONNECT_TIMEOUT), R(UPLINK_SUSPECT)},
			{2, 0, 0, R(HANDSHAKE_TIMEOUT), R(UPLINK_SUSPECT)}},
		false, true},
	{"the uplink again, with pings and what says nothing",
		{{0, X, 0, R(PING_TIMEOUT), R(UPLINK_SUSPECT)},
			{1, X, 0, R(PING_TIMEOUT), R(UPLINK_SUSPECT)},
			{2, X, 0, R(NO_DESCRIPTORS), R(NO_DESCRIPTORS)}},
		false, true},
	{"a target that does not answer is no dead uplink",
		{{0, 0, 0, R(RESPONSE_TIMEOUT), R(TARGET_SUSPECT)},
			{1, 0, 0, R(RESPONSE_TIMEOUT), R(TARGET_SUSPECT)},
			{2, 1, 0, R(RESPONSE_TIMEOUT), R(TARGET_SUSPECT)}},
		true, false},
	{"but one that came less far makes it one",
		{{0, 0, 0, R(RESPONSE_TIMEOUT), R(UPLINK_SUSPECT)},
			{1, 0, 0, R(HANDSHAKE_TIMEOUT), R(UPLINK_SUSPECT)}},
		false, true},
	{"one host that times out is that host's",
		{{0, X, 0, R(CONNECT_TIMEOUT), R(CONNECT_TIMEOUT)},
			{0, X, 0, R(CONNECT_TIMEOUT), R(CONNECT_TIMEOUT)}},
		false, false},
	{"a refusal shows that the uplink works",
		{{0, X, 0, R(CONNECT_TIMEOUT), R(CONNECT_TIMEOUT)},
			{1, X, 0, R(CONNECT_TIMEOUT), R(CONNECT_TIMEOUT)},
			{2, X, 0, R(REFUSED), R(REFUSED)}},
		false, false},
	{"so does a control request",
		{{0, 0, POOL_CONTROL_REACHED, R(CONNECT_TIMEOUT), R(CONNECT_TIMEOUT)},
			{1, 0, POOL_CONTROL_REACHED, R(CONNECT_TIMEOUT),
				R(CONNECT_TIMEOUT)}},
		false, false},
	{"nothing to judge", {{0}}, false, false},
};

static void runs_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct pool_verdict_item items[MOST];
		struct pool_judge_target scratch[3];
		struct pool_run_judgement out;
		size_t count = 0, replaced = 0;

		for (; count < MOST && runs[i].items[count].before; count++) {
			items[count].host = runs[i].items[count].host;
			items[count].target = runs[i].items[count].target;
			items[count].control = (uint8_t)runs[i].items[count].control;
			items[count].reason = (uint8_t)runs[i].items[count].before;
			replaced +=
				runs[i].items[count].before != runs[i].items[count].after;
		}
		pool_run_judge(items, count, scratch, 3, &out);
		for (size_t j = 0; j < count; j++)
			if (items[j].reason != runs[i].items[j].after)
				fail_msg("%s: item %zu became %s", runs[i].what, j,
					pool_reason_get(items[j].reason)->name);
		if (out.target_suspect != runs[i].target_suspect ||
			out.uplink_suspect != runs[i].uplink_suspect ||
			out.replaced != replaced)
			fail_msg("%s: target %d, uplink %d, replaced %zu", runs[i].what,
				out.target_suspect, out.uplink_suspect, out.replaced);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(runs_are_judged)};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
