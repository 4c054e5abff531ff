/* pool-report: how a use of a proxy went, and what a person wants of one. */
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/http.h"
#include "base/text.h"
#include "state/session.h"
#include "tool.h"
#include "tool_look.h"

enum {
	OPT_ALL = TOOL_OWN_OPTIONS,
	OPT_STATUS,
	OPT_RETRY_AFTER,
	OPT_DATE,
	OPT_LATENCY_MS,
	OPT_REASON,
	OPT_FROM_CURL_EXIT,
	LOCK_TIMEOUT_MS = 5000,
	LATENCY_MAX_MS = 86400000,
	STATUS_MIN = 100,
	STATUS_MAX = 999, /* what three digits can say, and some targets do */
	EXIT_MAX = 255,
	LEASE_DIGITS = 16,
	CURL_HTTP_RETURNED_ERROR = 22,
};

/* What can be said. */
struct verb {
	const char *name;
	const char *past; /* of a command; NULL: a report */
	int value;        /* enum pool_said or enum pool_admin */
};

enum { VERB_OK, VERB_FAIL, VERB_DONE, VERB_DISABLE, VERB_ENABLE, VERB_RESET, VERBS };

static const struct verb verbs[VERBS] = {
	[VERB_OK] = {"ok", NULL, POOL_SAID_OK},
	[VERB_FAIL] = {"fail", NULL, POOL_SAID_FAIL},
	[VERB_DONE] = {"done", NULL, POOL_SAID_DONE},
	[VERB_DISABLE] = {"disable", "disabled", POOL_ADMIN_DISABLE},
	[VERB_ENABLE] = {"enable", "enabled", POOL_ADMIN_ENABLE},
	[VERB_RESET] = {"reset", "reset", POOL_ADMIN_RESET},
};

struct settings {
	struct tool_common common;
	bool all;
	int64_t http_status;            /* 0: none */
	int64_t latency_ms;             /* -1: not given */
	int64_t curl_exit;              /* -1: not given */
	const char *retry_after, *date; /* headers of the answer; NULL: not given */
	enum pool_reason reason;
	bool has_status, has_reason;
	const char *subject;     /* a lease or a name; NULL: all */
	const struct verb *verb; /* NULL: as curl's exit status says */
	bool says_nothing;       /* curl's exit status */
};

/* --- options -------------------------------------------------------------------- */

/* 000 is what curl writes where there was no answer. */
static int read_status(const struct tool_given *given, void *context)
{
	struct settings *settings = context;

	settings->has_status = true;
	if (pool_text_to_int(given->value, 0, STATUS_MAX, &settings->http_status) &&
		(settings->http_status == 0 || settings->http_status >= STATUS_MIN))
		return TOOL_YES;
	return tool_refuse_value(given, "an HTTP status from 100 to 999");
}

static int read_reason(const struct tool_given *given, void *context)
{
	struct settings *settings = context;
	const char *words[POOL_REASONS];
	int found = 0, status;

	for (int i = 0; i < POOL_REASONS; i++)
		words[i] = pool_reason_get(i)->name;
	/* No use of a proxy ends so. */
	words[POOL_REASON_NONE] = words[POOL_REASON_PERSON] = NULL;
	status = tool_find_word(given->spec, "--reason",
		"a word of REASONS in pool-report(1)", given->value, words, POOL_REASONS,
		&found);
	settings->reason = (enum pool_reason)found;
	settings->has_reason = true;
	return status;
}

#define SET(reader, member) TOOL_SET(reader, struct settings, member)

static const struct tool_option options[] = {
	{'f', "file", "FILE", "the pool file", SET(tool_read_text, common.file)},
	TOOL_OPTION_TRUST_FILE,
	TOOL_OPTION_STATE,
	TOOL_OPTION_EXCHANGE("whose pool, where it is about a proxy's name"),
	TOOL_OPTION_TYPE("its http or websocket pool"),
	{OPT_ALL, "all", NULL, "disable, enable or reset every proxy",
		SET(tool_read_flag, all)},
	{OPT_STATUS, "status", "CODE", "the HTTP status of the answer",
		.read = read_status},
	{OPT_RETRY_AFTER, "retry-after", "SECONDS|DATE", "its Retry-After",
		SET(tool_read_text, retry_after)},
	{OPT_DATE, "date", "DATE",
		"its Date, from which a Retry-After that is a date counts",
		SET(tool_read_text, date)},
	{OPT_LATENCY_MS, "latency-ms", "N", "how long it took",
		SET(tool_read_number, latency_ms), .low = 0, .high = LATENCY_MAX_MS},
	{OPT_REASON, "reason", "WORD", "why, e.g. connect-refused, tls, limited",
		.read = read_reason},
	{OPT_FROM_CURL_EXIT, "from-curl-exit", "N",
		"curl's exit status; ok and fail may be left out then",
		SET(tool_read_number, curl_exit), .low = 0, .high = EXIT_MAX},
	TOOL_OPTION_QUIET("no warnings"),
	TOOL_OPTION_VERBOSE("say on standard error what became of it"),
	TOOL_OPTION_LOG_FORMAT,
	TOOL_OPTION_HELP,
	TOOL_OPTION_VERSION,
	TOOL_OPTION_END,
};

static const struct tool_spec spec = {
	.name = "pool-report",
	.synopsis = "[OPTION]... LEASE|PROXY ok|fail|done\n"
		    "       pool-report [OPTION]... PROXY|--all disable|enable|reset",
	.summary = "Say how a use of a proxy went, or take a proxy out and back in.",
	.options = options,
	.examples = "  pool-report \"$lease\" ok --latency-ms 120\n"
		    "  pool-report \"$lease\" fail --reason connect-refused\n"
		    "  curl ...; pool-report \"$lease\" --from-curl-exit $?\n"
		    "  pool-report -x binance eu-1 fail --status 429 --retry-after 60\n"
		    "  pool-report eu-1 --from-curl-exit $? --status \"$status\" \\\n"
		    "      --retry-after \"$wait\" --date \"$date\"\n"
		    "  pool-report eu-1 disable\n",
};

/* --- operands ------------------------------------------------------------------- */

static bool is_report(const struct verb *verb)
{
	return !verb || !verb->past;
}

/* As pool-select prints it. A lease has its pool: with an exchange or a type it is a
 * name. */
static bool is_lease(const struct settings *settings)
{
	const char *subject = settings->subject;

	return subject && !settings->common.exchange && settings->common.type < 0 &&
		is_report(settings->verb) &&
		strspn(subject, "0123456789abcdef") == LEASE_DIGITS &&
		!subject[LEASE_DIGITS];
}

static int find_verb(const char *word, const struct verb **out)
{
	const char *names[VERBS];
	int found = 0, status;

	for (int i = 0; i < VERBS; i++)
		names[i] = verbs[i].name;
	status = tool_find_word(
		&spec, "what is reported", NULL, word, names, VERBS, &found);
	*out = &verbs[found];
	return status;
}

/* A URL may hold a password: it is neither looked for nor shown. */
static int refuse_urls(int count, char **operands)
{
	for (int i = 0; i < count; i++)
		if (strchr(operands[i], '@') || strstr(operands[i], "://"))
			return tool_refuse(&spec, TOOL_USAGE,
				"a proxy goes by its name in the pool file, by default "
				"host:port, not by a URL");
	return TOOL_YES;
}

static int read_operands(int count, char **operands, struct settings *settings)
{
	const bool by_curl = settings->curl_exit >= 0;
	const int subjects = settings->all ? 0 : 1;
	int status = refuse_urls(count, operands);

	if (status)
		return status;
	if (count < subjects)
		return tool_refuse(&spec, TOOL_USAGE,
			"which lease or proxy is it about? try 'pool-report --help'");
	if (count > subjects + 1)
		return tool_refuse(&spec, TOOL_USAGE, "what is '%s'?%s",
			operands[subjects + 1],
			settings->all ? " --all is about every proxy" : "");
	if (count == subjects && !by_curl)
		return tool_refuse(&spec, TOOL_USAGE,
			"what is to be reported: ok, fail, done, disable, enable or "
			"reset?");
	settings->subject = subjects ? operands[0] : NULL;
	return count > subjects ? find_verb(operands[subjects], &settings->verb)
				: TOOL_YES;
}

/* Whether a header has come: a script passes on an empty one where there was none. */
static bool has_header(const char *value)
{
	return value && *value;
}

/* --- what goes together --------------------------------------------------------- */

/* The first option given that is about how a use went, or NULL. */
static const char *find_evidence(const struct settings *settings)
{
	return settings->has_status                 ? "--status"
		: has_header(settings->retry_after) ? "--retry-after"
		: has_header(settings->date)        ? "--date"
		: settings->latency_ms >= 0         ? "--latency-ms"
		: settings->has_reason              ? "--reason"
		: settings->curl_exit >= 0          ? "--from-curl-exit"
						    : NULL;
}

static int refuse_verb(const struct settings *settings)
{
	const struct verb *verb = settings->verb;
	const char *evidence = find_evidence(settings);

	if (settings->all && is_report(verb))
		return tool_refuse(&spec, TOOL_USAGE,
			"--all goes with disable, enable and reset: a report is about "
			"one lease or proxy");
	if (settings->subject && !*settings->subject && is_report(verb))
		return tool_end(TOOL_NO, pool_error_get(POOL_EUNKNOWN)->name,
			"the lease is empty: the selection had none, and said why; "
			"nothing recorded");
	if (!verb)
		return TOOL_YES;
	if (evidence && verb != &verbs[VERB_OK] && verb != &verbs[VERB_FAIL])
		return tool_refuse(&spec, TOOL_USAGE,
			"%s goes with ok and fail, not with '%s'", evidence, verb->name);
	if (verb == &verbs[VERB_DONE] && !is_lease(settings))
		return tool_refuse(&spec, TOOL_USAGE,
			"'done' ends a lease, 16 digits that pool-select --lease prints: "
			"'%s' is none%s",
			settings->subject,
			settings->common.exchange || settings->common.type >= 0
				? " with -x or -t"
				: "");
	return TOOL_YES;
}

static int refuse_evidence(const struct settings *settings)
{
	const struct verb *verb = settings->verb;

	if (settings->has_reason && settings->curl_exit >= 0)
		return tool_refuse(&spec, TOOL_USAGE,
			"--reason and --from-curl-exit say the same thing: give one");
	if (has_header(settings->retry_after) && !settings->has_status &&
		settings->reason != POOL_REASON_LIMITED)
		return tool_refuse(&spec, TOOL_USAGE,
			"--retry-after goes with --status or --reason limited");
	if (settings->date && !settings->retry_after)
		return tool_refuse(&spec, TOOL_USAGE, "--date goes with --retry-after");
	if (settings->has_reason &&
		(settings->reason == POOL_REASON_OK) != (verb == &verbs[VERB_OK]))
		return tool_refuse(&spec, TOOL_USAGE, "--reason %s contradicts '%s'",
			pool_reason_get((int)settings->reason)->name, verb->name);
	return TOOL_YES;
}

/* curl's exit status into verb and reason. Where it says nothing, an answer's status and
 * the word given do. */
static int take_curl_exit(struct settings *settings)
{
	enum pool_reason reason;
	const struct verb *verb;

	if (settings->curl_exit < 0)
		return TOOL_YES;
	reason = pool_reason_from_curl((int)settings->curl_exit);
	settings->says_nothing = reason == POOL_REASON_NONE;
	verb = &verbs[reason == POOL_REASON_OK ? VERB_OK : VERB_FAIL];
	if (settings->says_nothing)
		verb = settings->verb           ? settings->verb
			: settings->http_status ? &verbs[VERB_OK]
						: &verbs[VERB_DONE];
	if (settings->verb && settings->verb != verb)
		return tool_refuse(&spec, TOOL_USAGE,
			"--from-curl-exit %d contradicts '%s': it says that %s",
			(int)settings->curl_exit, settings->verb->name,
			pool_reason_get((int)reason)->sentence);
	settings->verb = verb;
	if (verb == &verbs[VERB_FAIL])
		settings->reason = reason;
	return TOOL_YES;
}

static int read_command_line(int argc, char **argv, struct settings *settings)
{
	int status = tool_read_options(argc, argv, &spec, settings);

	if (!status)
		status = read_operands(argc - optind, argv + optind, settings);
	if (!status)
		status = refuse_verb(settings);
	if (!status)
		status = refuse_evidence(settings);
	return status ? status : take_curl_exit(settings);
}

/* --- saying it ------------------------------------------------------------------ */

static struct pool_target target_of(const struct settings *settings)
{
	return (struct pool_target){
		settings->subject, settings->common.exchange, settings->common.type};
}

/* What became of a report, in a line. */
static void tell_result(
	const struct settings *settings, const struct pool_feedback_result *result)
{
	if (!result->proxy[0])
		tool_note("lease %s ended; its proxy is no longer in the pool file",
			settings->subject);
	else if (result->repeated)
		tool_note("%s of %s: lease %s was reported before; nothing changed",
			result->proxy, result->where, settings->subject);
	else if (!result->reason)
		tool_note("%s of %s: lease %s ended%s", result->proxy, result->where,
			settings->subject,
			settings->says_nothing
				? ": curl's exit status says nothing about the proxy"
				: "");
	else if (strcmp(result->from, result->to) == 0)
		tool_tell_about(TOOL_LEVEL_NOTE, result->proxy,
			(enum pool_reason)pool_reason_find(result->reason),
			"%s of %s: still %s (%s)", result->proxy, result->where,
			result->to, result->reason);
	else
		tool_tell_about(TOOL_LEVEL_NOTE, result->proxy,
			(enum pool_reason)pool_reason_find(result->reason),
			"%s of %s: %s -> %s (%s)", result->proxy, result->where,
			result->from, result->to, result->reason);
}

/* A name has no lease to end. */
static int tell_nothing(const struct settings *settings)
{
	if (settings->common.verbose)
		tool_note("%s: curl's exit status says nothing about the proxy; nothing "
			  "recorded",
			settings->subject);
	return TOOL_YES;
}

/*
 * curl's exit status does not tell a proxy that is gone from trouble of this machine: a
 * look at the proxy does. A reason that was given in words is taken at its word.
 */
static enum pool_reason find_reason(const struct settings *settings,
	struct pool_session *session, const struct pool_feedback *feedback)
{
	enum pool_reason reason = settings->reason;
	bool unsure;
	char *url;

	if (settings->has_reason || reason == POOL_REASON_NONE)
		return reason;
	url = pool_session_locate(session, feedback);
	if (url)
		reason = tool_look_again(reason, url, &unsure);
	free(url);
	return reason;
}

/*
 * Seconds until the proxy may be used again, or -1. The headers are the target's, and may
 * be anything: what cannot be read is told, and the report is recorded without it.
 */
static int32_t find_wait_s(const struct settings *settings)
{
	const char *retry_after = settings->retry_after, *date = settings->date;
	const bool quiet = settings->common.quiet;
	struct pool_http_head head = {0};
	struct pool_now now;

	pool_clock_get(&now);
	if (has_header(retry_after) &&
		!pool_http_head_take_retry_after(
			&head, retry_after, strlen(retry_after), now.wall_s) &&
		!quiet)
		tool_warn("Retry-After '%.100s' is neither seconds nor an HTTP date, and "
			  "counts as none",
			retry_after);
	if (has_header(date) &&
		!pool_http_head_take_date(&head, date, strlen(date), now.wall_s) &&
		!quiet)
		tool_warn("Date '%.100s' is no HTTP date: this machine's clock counts "
			  "instead",
			date);
	return pool_http_head_wait_s(&head, now.wall_s);
}

static int report(const struct settings *settings, struct pool_session *session)
{
	enum pool_reason reason;
	struct pool_feedback feedback = {
		.said = (enum pool_said)settings->verb->value,
		.http_status = (int32_t)settings->http_status,
		.retry_after_s = find_wait_s(settings),
		.latency_us = settings->latency_ms < 0 ? -1 : settings->latency_ms * 1000,
	};
	struct pool_feedback_result result;
	struct pool_fault fault = {0};

	if (settings->verb == &verbs[VERB_DONE] && !is_lease(settings))
		return tell_nothing(settings);
	if (is_lease(settings))
		feedback.lease = settings->subject;
	else
		feedback.target = target_of(settings);
	reason = find_reason(settings, session, &feedback);
	if (reason != POOL_REASON_NONE)
		feedback.reason = pool_reason_get((int)reason)->name;
	if (pool_session_report(session, &feedback, &result, &fault) != 0)
		return tool_refuse_by(&spec, &fault);
	if (settings->common.verbose)
		tell_result(settings, &result);
	return TOOL_YES;
}

static int command(const struct settings *settings, struct pool_session *session)
{
	const struct pool_target target = target_of(settings);
	struct pool_fault fault = {0};
	size_t count = 0;

	if (pool_session_command(session, &target, (enum pool_admin)settings->verb->value,
		    &count, &fault) != 0)
		return tool_refuse_by(&spec, &fault);
	if (!settings->common.verbose)
		return TOOL_YES;
	if (settings->all)
		tool_note("%zu prox%s %s", count, count == 1 ? "y" : "ies",
			settings->verb->past);
	else
		tool_note("%s: %s in %zu pool%s", settings->subject, settings->verb->past,
			count, count == 1 ? "" : "s");
	return TOOL_YES;
}

/* The name of the person who decides; behind sudo it is not root's. */
static const char *find_name(char *out, size_t size)
{
	const char *sudo = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	struct passwd entry, *user = NULL;
	char room[1024];

	if (sudo && *sudo)
		snprintf(out, size, "%s", sudo);
	else if (getpwuid_r(getuid(), &entry, room, sizeof(room), &user) == 0 && user)
		snprintf(out, size, "%s", user->pw_name);
	else
		snprintf(out, size, "uid %u", (unsigned)getuid());
	return out;
}

static int run(const struct settings *settings)
{
	struct tool_files files;
	struct pool_session_options opening = {
		.require_state = true,
		.lock_timeout_ms = LOCK_TIMEOUT_MS,
		.trust_file = settings->common.trust_file,
		.guard = tool_guard(),
		.warn = settings->common.quiet ? NULL : tool_warn_line,
		.lookup = tool_lookup,
	};
	struct pool_session *session = NULL;
	struct pool_fault fault = {0};
	char who[64];
	int status = tool_find_files(&spec, &settings->common, &files);

	if (status)
		return status;
	opening.file = files.file;
	opening.environment = tool_environment();
	opening.state = files.state;
	if (!is_report(settings->verb))
		opening.who = find_name(who, sizeof(who));
	if (pool_session_new(&session, &opening, &fault) != 0)
		return tool_refuse_by(&spec, &fault);
	if (!settings->common.quiet)
		tool_warn_near_miss(session, settings->common.exchange);
	if (!pool_session_state_path(session))
		status = tool_refuse_stateless(
			&spec, "record anything about", files.file, NULL);
	else
		status =
			(is_report(settings->verb) ? report : command)(settings, session);
	pool_session_free(session);
	return status;
}

int main(int argc, char **argv)
{
	struct settings settings = {
		.common = {.type = -1},
		.latency_ms = -1,
		.curl_exit = -1,
	};
	int status;

	tool_begin();
	signal(SIGPIPE, SIG_IGN);
	status = read_command_line(argc, argv, &settings);
	if (!status)
		status = run(&settings);
	return tool_close_stdout() ? status : TOOL_SYSTEM;
}
