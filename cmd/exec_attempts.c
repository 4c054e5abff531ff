/* The attempts of a command. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/random.h"
#include "config/url.h"
#include "exec_attempts.h"
#include "exec_child.h"
#include "exec_client.h"
#include "exec_evidence.h"
#include "exec_input.h"
#include "exec_words.h"
#include "report/explain.h"
#include "state/session.h"
#include "tool_look.h"
#include "tool_select.h"

_Static_assert((int)EXEC_KEEP_FDS > (int)EXEC_HEADS,
	"each file of heads, and the configuration");

enum {
	BACKOFF_MS = 250,
	BACKOFF_MAX_MS = 4000,
	LEASE_GRACE_MS = 10000, /* from an attempt's limit to its report, by far */
};

struct execution {
	const struct exec_request *request;
	struct pool_session *session;
	struct exec_client client;
	struct exec_inputs inputs;
	struct exec_evidence evidence;
	struct pool_query query;
	const char **excluded;       /* asked for, then those that were tried */
	int64_t left;                /* attempts that may still follow */
	unsigned backoffs;           /* waits so far */
	struct pool_random random;   /* of their jitter */
	struct exec_end end;         /* of the last attempt */
	struct exec_client_end said; /* what it says of the proxy */
	bool listed;                 /* its status is one of --fail-on */
	bool unsure;                 /* a look at its proxy did not explain its end */
	struct pool_policy policy;   /* of its pool */
};

/* --- which proxy ---------------------------------------------------------------- */

/* Exponential, half of it by chance, so that many do not come back at once. */
static void back_off(struct execution *execution)
{
	int64_t most_ms = BACKOFF_MS;
	struct timespec wait;

	for (unsigned i = 0; i < execution->backoffs && most_ms < BACKOFF_MAX_MS; i++)
		most_ms *= 2;
	execution->backoffs++;
	most_ms = most_ms / 2 +
		(int64_t)pool_random_below(&execution->random, (uint64_t)most_ms / 2);
	wait.tv_sec = most_ms / 1000;
	wait.tv_nsec = most_ms % 1000 * POOL_NS_PER_MS;
	nanosleep(&wait, NULL);
}

/* What is the same for all attempts. */
static void prepare(struct execution *execution)
{
	const struct exec_request *request = execution->request;
	const struct exec_client_row *row = execution->client.row;
	struct pool_now now;

	if (request->query.exclude_count)
		memcpy(execution->excluded, request->query.exclude,
			request->query.exclude_count * sizeof(*execution->excluded));
	if (row)
		execution->query.schemes =
			tool_schemes_of_both(execution->query.schemes, row->schemes);
	if (request->timeout_s > 0)
		execution->query.longest_ms = request->timeout_s * 1000 + LEASE_GRACE_MS;
	exec_inputs_init(&execution->inputs, request->argv,
		!execution->client.understood || execution->client.reads_input);
	pool_clock_get(&now);
	execution->random.state = (uint64_t)now.boot_ns ^ (uint64_t)getpid() << 40;
}

/* None of those that were tried; if that leaves none, one of them. */
static int choose(
	struct execution *execution, struct pool_choice *choice, struct pool_fault *fault)
{
	const struct exec_request *request = execution->request;
	const struct exec_evidence *tried = &execution->evidence;
	struct pool_query query = execution->query;
	size_t own = request->query.exclude_count;
	int error;

	for (size_t i = 0; i < tried->count; i++)
		execution->excluded[own + i] = tried->list[i].name;
	query.exclude = execution->excluded;
	query.exclude_count = own + tried->count;
	query.tried_count = tried->count;
	query.wait_ms = tried->count ? 0 : query.wait_ms;
	error = pool_session_select(execution->session, &query, choice, fault);
	if ((error != POOL_ENONE && error != POOL_ESECRET) || !tried->count)
		return error;
	pool_choice_release(choice);
	*choice = (struct pool_choice){0};
	back_off(execution);
	query.exclude_count = own;
	query.tried_count = 0;
	query.wait_ms = execution->query.wait_ms;
	return pool_session_select(execution->session, &query, choice, fault);
}

/* The policy of the pool that the proxy is of; only valid until the next selection. */
static void note_policy(struct execution *execution)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(execution->session);
	struct pool_resolution found;

	pool_policy_init(&execution->policy);
	pool_snapshot_resolve(
		snapshot, execution->query.exchange, execution->query.type, &found);
	if (found.leaf != POOL_NO_LEAF)
		execution->policy = snapshot->leaves[found.leaf].policy;
}

/* --- one attempt ---------------------------------------------------------------- */

/* Output that need not come through us to be kept from coming twice. */
static bool is_repeatable_output(void)
{
	struct stat status;

	if (fstat(STDOUT_FILENO, &status) != 0 || !S_ISCHR(status.st_mode))
		return false;
	/* /dev/null, also in place of a closed one */
	return status.st_rdev == makedev(1, 3) || isatty(STDOUT_FILENO);
}

static bool may_retry(const struct execution *execution)
{
	return execution->left > 0 &&
		(execution->client.understood || execution->request->fails_on_any);
}

static enum exec_output choose_output(const struct execution *execution)
{
	if (!may_retry(execution))
		return EXEC_OUTPUT_OURS;
	if (execution->request->buffer)
		return EXEC_OUTPUT_HOLD;
	return is_repeatable_output() ? EXEC_OUTPUT_OURS : EXEC_OUTPUT_WATCH;
}

static int64_t limit_ms(
	const struct execution *execution, const struct pool_choice *choice)
{
	if (execution->request->timeout_s >= 0)
		return execution->request->timeout_s * 1000;
	return !execution->client.understood ? 0 : (int64_t)choice->timeout_s * 1000;
}

/* Nothing is left for us to do once it runs: its lease ends with the process, which is
 * still ours. In a container it would end with our program. */
static bool can_become(const struct execution *execution)
{
	return !execution->client.understood && !execution->request->fails_on_any &&
		execution->request->timeout_s <= 0 &&
		!pool_session_holds(execution->session);
}

static int refuse_to_run(const struct execution *execution, int error)
{
	return tool_refuse(execution->request->spec, TOOL_SYSTEM, "cannot run '%s': %s",
		execution->request->argv[0], strerror(error));
}

static int become(struct exec_words *words, const int *keep_fds)
{
	int status = exec_child_become(words->argv, words->envp, keep_fds);

	exec_words_release(words);
	return status;
}

/* 0 once it has run, or the exit status after having told why not. */
static int run_once(struct execution *execution, const struct pool_choice *choice)
{
	const struct exec_request *request = execution->request;
	const struct pool_query *query = &execution->query;
	const struct exec_words_options asked = {
		.argv = execution->client.argv,
		.query = tool_answer_query(query),
		.keep_bypass = request->keep_bypass,
		.templates = request->templates,
	};
	struct exec_run run = {.limit_ms = limit_ms(execution, choice),
		.output = choose_output(execution)};
	struct pool_fault fault = {0};
	struct exec_words words;
	int error;

	error = exec_evidence_begin(&execution->evidence, &choice->proxies[0])
		? ENOMEM
		: exec_client_begin(&execution->client, choice->proxies[0].url,
			  request->keep_bypass);
	if (error)
		return refuse_to_run(execution, error);
	exec_client_list_fds(&execution->client, run.keep_fds, EXEC_KEEP_FDS);
	if (exec_words_init(&words, &asked, choice, &fault) != 0)
		return tool_refuse_by(execution->request->spec, &fault);
	if (words.cleared_bypass && request->verbose)
		tool_note("NO_PROXY is not passed on (--keep-no-proxy does)");
	if (can_become(execution))
		return become(&words, run.keep_fds);
	run.argv = words.argv;
	run.envp = words.envp;
	exec_inputs_mark(&execution->inputs);
	error = exec_child_run(&run, &execution->end);
	exec_words_release(&words);
	return error ? refuse_to_run(execution, error) : 0;
}

/* Trouble of this machine is a failure, too: another proxy may be reached. */
static bool has_failed(const struct execution *execution)
{
	const struct pool_reason_row *row = pool_reason_get((int)execution->said.reason);

	return row->layer == POOL_LAYER_LOCAL ||
		(row->verdict != POOL_VERDICT_OK &&
			row->verdict != POOL_VERDICT_INCONCLUSIVE);
}

static enum pool_scheme scheme_of(const struct pool_proxy_choice *proxy)
{
	struct pool_url url;

	return pool_url_parse(proxy->url, strlen(proxy->url), &url, NULL) == POOL_URL_OK
		? url.scheme
		: POOL_SCHEMES;
}

/*
 * Look at the proxy whose client could not reach it, to tell whose fault it is. What
 * fails by --fail-on alone may have had no need of it: then only trouble of this machine
 * is heeded, which is why such a command might fail through any proxy.
 */
static void look(struct execution *execution, const char *url, bool by_list)
{
	struct exec_client_end *said = &execution->said;
	enum pool_reason found;

	execution->unsure = false;
	if (execution->client.decides)
		return;
	found = tool_look_again(said->reason, url, &execution->unsure);
	if (!by_list || pool_reason_get((int)found)->layer == POOL_LAYER_LOCAL)
		said->reason = found;
}

/* What the end of the attempt says of the proxy. */
static void judge(struct execution *execution, const struct pool_proxy_choice *proxy)
{
	const struct exec_end *end = &execution->end;
	const struct exec_request *request = execution->request;
	struct exec_client_end *said = &execution->said;
	int status = end->timed_out ? EXEC_TIMEOUT : end->status;
	bool by_list;

	exec_client_judge(&execution->client, status, end->timed_out, &execution->policy,
		scheme_of(proxy), said);
	execution->listed = request->fail_on[status];
	if (!execution->client.understood && request->fails_on_any && status == 0)
		said->reason = POOL_REASON_OK;
	by_list = execution->listed && !has_failed(execution);
	if (by_list)
		said->reason = POOL_REASON_REPORTED;
	/* A person's word, or a reader that went away, is no failure. */
	if (end->told || end->write_error)
		said->reason = POOL_REASON_NONE;
	look(execution, proxy->url, by_list);
}

/* What of the answers did not help, for who wonders why a proxy's record says less. */
static void tell_answers(const struct execution *execution, const char *proxy)
{
	const struct exec_client_end *said = &execution->said;

	if (said->odd_retry_after && said->reason == POOL_REASON_LIMITED &&
		said->retry_after_s < 0 && !execution->request->quiet)
		tool_warn("the Retry-After that came through '%s' is neither seconds nor "
			  "an "
			  "HTTP date, and counts as none",
			proxy);
	if (said->unseen && said->reason == POOL_REASON_NONE &&
		execution->request->verbose)
		tool_note("not all answers through '%s' can be seen: no success is "
			  "reported",
			proxy);
}

static void note_attempt(struct execution *execution, const struct pool_choice *choice)
{
	const struct pool_proxy_choice *proxy = &choice->proxies[0];
	struct exec_attempt attempt;

	judge(execution, proxy);
	tell_answers(execution, proxy->name);
	attempt = (struct exec_attempt){.reason = execution->said.reason,
		.http_status = execution->said.http_status,
		.retry_after_s = execution->said.retry_after_s,
		.no_room = choice->no_room,
		.listed = execution->listed,
		.unsure = execution->unsure};
	exec_evidence_add(&execution->evidence, proxy, &attempt);
}

/* --- another attempt? ------------------------------------------------------------ */

/* Blocked and limited: the target said no to what was asked for. */
static bool is_answer(enum pool_reason reason)
{
	enum pool_verdict verdict = pool_reason_get((int)reason)->verdict;

	return verdict == POOL_VERDICT_BLOCKED || verdict == POOL_VERDICT_LIMITED;
}

/* Why no other attempt follows a failure; NULL: one does. */
static const char *find_obstacle(struct execution *execution)
{
	const struct exec_end *end = &execution->end;

	if (execution->left == 0)
		return "no attempt is left";
	if (end->wrote)
		return "part of its output is out already (--buffer holds it back)";
	if (execution->client.changes && execution->said.maybe_sent &&
		!execution->listed && !is_answer(execution->said.reason))
		return "the target may have done what was asked for already";
	if (!exec_inputs_rewind(&execution->inputs))
		return "it has read input that cannot be read again (use a file)";
	return NULL;
}

/* "connect-refused, connect", "limited, target, HTTP 429" or "status 7" */
static void describe(const struct execution *execution, char *out, size_t size)
{
	const struct exec_client_end *said = &execution->said;
	const struct pool_reason_row *row = pool_reason_get((int)said->reason);
	const bool by_status = said->reason == POOL_REASON_REPORTED;
	char answer[32] = "";

	if (said->http_status)
		snprintf(answer, sizeof(answer), "HTTP %d", (int)said->http_status);
	else if (by_status || execution->listed)
		snprintf(answer, sizeof(answer), "status %d",
			execution->end.timed_out ? EXEC_TIMEOUT : execution->end.status);
	if (by_status)
		snprintf(out, size, "%s", answer);
	else
		snprintf(out, size, "%s, %s%s%s", row->name, pool_layer_name(row->layer),
			answer[0] ? ", " : "", answer);
}

static void tell_attempt(const struct execution *execution, const char *obstacle)
{
	const struct exec_evidence *evidence = &execution->evidence;
	const char *proxy = evidence->list[evidence->count - 1].name;
	const enum tool_level level = obstacle ? TOOL_LEVEL_ERROR : TOOL_LEVEL_WARNING;
	const enum pool_reason reason = execution->said.reason;
	char what[96], text[512];

	if (execution->request->quiet)
		return;
	describe(execution, what, sizeof(what));
	snprintf(text, sizeof(text), "attempt %zu through '%s' failed (%s), %s%s",
		evidence->count, proxy, what,
		obstacle ? "not tried again: " : "trying again",
		obstacle ? obstacle : "");
	/* Of a failure that is one by its status alone there is nothing more to say. */
	if (reason == POOL_REASON_REPORTED)
		tool_tell_about(level, proxy, reason, "%s", text);
	else if (execution->said.either_tls)
		tool_tell_about(level, proxy, reason,
			"%s: TLS failed, with the https proxy itself or with the target; "
			"check the proxy's certificate, then try the target without it",
			text);
	else
		tool_tell_reason(level, proxy, reason, "%s", text);
}

/* Whether there is to be another attempt. */
static bool decide(struct execution *execution)
{
	const char *obstacle;

	if (!has_failed(execution))
		return false;
	obstacle = find_obstacle(execution);
	tell_attempt(execution, obstacle);
	execution->left--;
	return obstacle == NULL;
}

/* --- the end --------------------------------------------------------------------- */

static int release_output(struct exec_end *end, bool wanted)
{
	int error = 0;

	if (end->held_fd < 0)
		return 0;
	if (wanted)
		error = exec_child_release(end->held_fd);
	close(end->held_fd);
	end->held_fd = -1;
	return error;
}

/* A limit that was no failure of the proxy, which would have been told already. */
static int tell_timeout(const struct execution *execution)
{
	const struct exec_request *request = execution->request;

	if (request->timeout_s > 0 && !has_failed(execution) && !request->quiet)
		tool_end(EXEC_TIMEOUT, "timeout",
			"'%s' took longer than %" PRId64 " s (--timeout), and was ended",
			request->argv[0], request->timeout_s);
	return EXEC_TIMEOUT;
}

/* The exit status, or the same end as the command's. */
static int finish(const struct execution *execution)
{
	const struct exec_end *end = &execution->end;

	if (end->write_error && end->write_error != EPIPE)
		return tool_refuse(execution->request->spec, TOOL_SYSTEM,
			"cannot write standard output: %s", strerror(end->write_error));
	if (end->write_error && end->status == 0)
		exec_child_die(SIGPIPE);
	if (end->timed_out)
		return tell_timeout(execution);
	if (end->signal)
		exec_child_die(end->signal);
	return end->status;
}

/* No attempt follows: what is known about them is told before what they wrote. */
static int conclude(struct execution *execution)
{
	struct exec_end *end = &execution->end;
	enum pool_reason suspect = exec_evidence_settle(&execution->evidence);
	int error;

	if (suspect != POOL_REASON_NONE && execution->evidence.count > 1 &&
		!execution->request->quiet)
		tool_tell_reason(TOOL_LEVEL_WARNING, NULL, suspect, "%zu attempts",
			execution->evidence.count);
	error = release_output(end, true);
	if (error)
		end->write_error = error;
	return finish(execution);
}

/* Really direct: not through a proxy of somebody else's environment either. */
static int run_direct(struct execution *execution, enum pool_no_reason reason)
{
	const struct exec_request *request = execution->request;
	const struct exec_words_options asked = {.argv = request->argv,
		.query = tool_answer_query(&execution->query),
		.keep_bypass = request->keep_bypass,
		.templates = request->templates};
	struct exec_run run = {0};
	struct pool_fault fault = {0};
	struct exec_words words;
	int error = exec_words_init(&words, &asked, NULL, &fault);

	if (error)
		return tool_refuse_by(request->spec, &fault);
	memset(run.keep_fds, -1, sizeof(run.keep_fds));
	if (request->verbose)
		tool_note("no proxy: %s", pool_explain_none(reason));
	if (request->timeout_s <= 0)
		return become(&words, run.keep_fds);
	run.limit_ms = request->timeout_s * 1000;
	run.argv = words.argv;
	run.envp = words.envp;
	error = exec_child_run(&run, &execution->end);
	exec_words_release(&words);
	return error ? refuse_to_run(execution, error) : finish(execution);
}

/* Say that there is none, and what was tried before. */
static int tell_none(const struct execution *execution, const struct pool_choice *choice)
{
	const struct exec_client_row *row = execution->client.row;
	const struct exec_evidence *tried = &execution->evidence;
	const struct pool_explain_schemes schemes = {
		.asked = execution->request->query.schemes,
		.known = row ? row->schemes : 0,
		.who = execution->request->argv[0],
	};
	char after[320] = "";

	if (tried->count)
		snprintf(after, sizeof(after), " after attempt %zu through '%s'",
			tried->count, tried->list[tried->count - 1].name);
	return tool_tell_none(EXEC_FAILED, &execution->query, &schemes, after, choice);
}

/* No proxy, or an error. After an attempt its end counts. */
static int give_up(struct execution *execution, const struct pool_choice *choice,
	const struct pool_fault *fault)
{
	const struct exec_request *request = execution->request;
	bool none = fault->code == POOL_ENONE;
	int status;

	if (none && !execution->evidence.count && request->direct_ok &&
		tool_may_go_direct(choice->reason))
		return run_direct(execution, choice->reason);
	status = none ? tell_none(execution, choice)
		      : tool_refuse_by(request->spec, fault);
	return execution->evidence.count ? conclude(execution) : status;
}

/* Say which proxy the command is given, unless it may use another one, or none. */
static void tell_use(const struct execution *execution, const struct pool_choice *choice)
{
	const struct exec_client *client = &execution->client;

	if (client->decides)
		tool_note("the arguments of %s decide which proxy is used, if any",
			client->row->name);
	else
		tool_tell_choice(&execution->query, choice);
}

static int run_attempts(struct execution *execution)
{
	bool again = true;
	int status = 0;

	while (again && !status) {
		struct pool_choice choice = {0};
		struct pool_fault fault = {0};

		fault.code = choose(execution, &choice, &fault);
		if (fault.code) {
			status = give_up(execution, &choice, &fault);
			pool_choice_release(&choice);
			return status;
		}
		release_output(&execution->end, false);
		note_policy(execution);
		if (execution->request->verbose)
			tell_use(execution, &choice);
		status = run_once(execution, &choice);
		if (!status)
			note_attempt(execution, &choice);
		pool_choice_release(&choice);
		again = !status && decide(execution);
	}
	return status ? status : conclude(execution);
}

int exec_attempts_run(const struct exec_request *request, struct pool_session *session)
{
	struct execution execution = {
		.request = request,
		.session = session,
		.evidence = {.session = session,
			.exchange = request->query.exchange,
			.type = request->query.type,
			.quiet = request->quiet},
		.query = request->query,
		.left = request->retries,
		.end.held_fd = -1,
	};
	const size_t names = request->query.exclude_count + (size_t)request->retries + 1;
	int status,
		error = exec_client_init(
			&execution.client, request->argv, request->templates);

	execution.excluded = calloc(names, sizeof(*execution.excluded));
	if (error || !execution.excluded) {
		status = refuse_to_run(&execution, error ? error : ENOMEM);
	} else {
		prepare(&execution);
		status = run_attempts(&execution);
	}
	exec_evidence_release(&execution.evidence);
	exec_client_release(&execution.client);
	free(execution.excluded);
	return status;
}
