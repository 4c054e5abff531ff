/* pool-select: the proxy to use now. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/url.h"
#include "report/answer.h"
#include "report/explain.h"
#include "select_refusal.h"
#include "tool_select.h"

enum {
	OPT_STRATEGY = TOOL_OWN_OPTIONS,
	OPT_KEY,
	OPT_STRICT,
	OPT_COST,
	OPT_WAIT,
	OPT_EXCLUDE,
	OPT_SCHEME,
	OPT_LEASE,
	OPT_OWNER,
	OPT_TTL,
	OPT_EXPLAIN,
	OPT_DRY_RUN,
	OPT_SERVE,
	OPT_DIRECT_OK,
	OPT_REQUIRE_STATE,
	COUNT_MAX = 1000000,
	TTL_MAX_S = 259200,
	COST_MAX = 1000000000,
	WAIT_MAX_S = 259200,
	FORMATS_MAX = 16,
};

struct settings {
	struct tool_common common;
	const char *format;
	struct tool_names exclude;
	int64_t count, owner_pid, ttl_s, wait_s;
	struct pool_query query;
	struct pool_explain_schemes schemes; /* whose those of <query> are */
	bool require_state;
	bool serve;
	bool direct_ok;
	bool explain;
};

/* --- refusals ------------------------------------------------------------------- */

/* An answer, or the refusal in its place, which needs no memory. */
struct reply {
	struct pool_text text;
	char refusal[REFUSAL_SIZE];
};

/* The refusal is not zeroed: each page that is touched costs the start a microsecond. */
static void begin_reply(struct reply *reply)
{
	reply->text = POOL_TEXT_SECRET;
}

static void refuse(
	const struct settings *settings, enum pool_no_reason reason, struct reply *reply)
{
	const struct pool_answer_query asked = tool_answer_query(&settings->query);

	pool_text_release(&reply->text);
	reply->text = POOL_TEXT_FIXED(reply->refusal);
	pool_answer_add_none(&reply->text, settings->format, &asked, reason);
}

/* Set the answer for an end from now on, in the format that is known so far. */
static __attribute__((noinline)) void prepare_refusal(const struct settings *settings)
{
	struct reply reply;

	begin_reply(&reply);
	refuse(settings, POOL_NO_ERROR, &reply);
	refusal_set(reply.text.bytes, reply.text.length);
}

/* --- options -------------------------------------------------------------------- */

static int read_format(const struct tool_given *given, void *context)
{
	struct settings *settings = context;
	const struct pool_answer_format *row, *rows;
	const char *words[FORMATS_MAX];
	struct pool_fault fault;
	size_t count;
	int found;

	settings->format = given->value;
	if (pool_answer_check(given->value, &row, &fault) == 0) {
		prepare_refusal(settings);
		return TOOL_YES;
	}
	settings->format = "url";
	if (strpbrk(given->value, "%\\"))
		return tool_refuse_by(given->spec, &fault);
	rows = pool_answer_formats_get(&count);
	for (size_t i = 0; i < count && i < FORMATS_MAX - 1; i++)
		words[i] = rows[i].name;
	words[count] = "a template";
	return tool_find_value(given, words, count + 1, &found);
}

#define SET(reader, member) TOOL_SET(reader, struct settings, member)

static const struct tool_option options[] = {
	TOOL_OPTION_FILE,
	TOOL_OPTION_TRUST_FILE,
	TOOL_OPTION_STATE,
	TOOL_OPTION_NO_STATE("use no state file"),
	{OPT_REQUIRE_STATE, "require-state", NULL,
		"fail rather than select without state",
		SET(tool_read_flag, require_state)},
	TOOL_OPTION_EXCHANGE("whose traffic (default: default)"),
	TOOL_OPTION_TYPE("http or websocket (default: http)"),
	{'n', "count", "COUNT", "print so many distinct proxies",
		SET(tool_read_number, count), .low = 1, .high = COUNT_MAX},
	{OPT_STRATEGY, "strategy", "NAME",
		"round_robin, random, least_connections, least_latency, sticky or "
		"failover",
		SET(tool_read_strategy, query.strategy)},
	{OPT_KEY, "key", "KEY", "whose proxy it is: for sticky, and for rollout_percent",
		SET(tool_read_text, query.key)},
	{OPT_STRICT, "strict", NULL, "with sticky: the key's own proxy or none",
		SET(tool_read_flag, query.strict)},
	{OPT_EXCLUDE, "exclude", "NAME,...", "never these proxies",
		SET(tool_read_names, exclude)},
	{OPT_SCHEME, "scheme", "LIST", "only these schemes, e.g. http,socks5",
		SET(tool_read_schemes, query.schemes)},
	{OPT_COST, "cost", "N", "requests to charge the proxy's budget with (default: 1)",
		SET(tool_read_number, query.cost), .low = 1, .high = COST_MAX},
	{OPT_WAIT, "wait", "SECONDS", "wait so long for an eligible proxy",
		SET(tool_read_number, wait_s), .low = 0, .high = WAIT_MAX_S},
	{OPT_LEASE, "lease", NULL, "take a lease and print it; wants --owner or --ttl",
		SET(tool_read_flag, query.lease)},
	{OPT_OWNER, "owner", "PID",
		"the lease ends with this process, e.g. $$ (in a container: and --ttl)",
		SET(tool_read_number, owner_pid), .low = 1, .high = INT32_MAX},
	{OPT_TTL, "ttl", "SECONDS", "the lease ends after so long",
		SET(tool_read_number, ttl_s), .low = 1, .high = TTL_MAX_S},
	{TOOL_FORMAT, "format", "FORMAT",
		"url, hostport, env, export, curlrc, proxychains, json or a template "
		"like '%{host} %{port}'",
		.read = read_format},
	{OPT_SERVE, "serve", NULL,
		"answer a line of input (EXCHANGE TYPE KEY) with a line",
		SET(tool_read_flag, serve)},
	{OPT_DIRECT_OK, "direct-ok", NULL,
		"disabled or not configured: print nothing, exit 0",
		SET(tool_read_flag, direct_ok)},
	{OPT_EXPLAIN, "explain", NULL,
		"say on standard error why this one, and not others",
		SET(tool_read_flag, explain)},
	{OPT_DRY_RUN, "dry-run", NULL, "choose, but account for nothing",
		SET(tool_read_flag, query.dry_run)},
	TOOL_OPTION_QUIET("no warnings"),
	TOOL_OPTION_VERBOSE("say on standard error which proxy it is"),
	TOOL_OPTION_LOG_FORMAT,
	TOOL_OPTION_HELP,
	TOOL_OPTION_VERSION,
	TOOL_OPTION_END,
};

static const struct tool_spec spec = {
	.name = "pool-select",
	.synopsis = "[OPTION]... [FILE]",
	.summary = "Print the proxy to use now. Without one, print "
		   "http://REASON.no-proxy.invalid:9 and exit 1.",
	.options = options,
	.examples = "  proxy=$(pool-select) || exit\n"
		    "  curl -K <(pool-select -x binance --format curlrc) "
		    "https://api.binance.com/\n"
		    "  out=$(pool-select --lease --owner $$ --format export) || exit\n"
		    "  eval \"$out\"\n",
};

/* Whether a template makes more than one line. A newline at its end ends the answer. */
static bool has_newline(const char *template)
{
	for (; *template; template ++) {
		bool escaped = *template == '\\' && template[1];

		template += escaped;
		if ((*template == '\n' || (escaped && *template == 'n')) && template[1])
			return true;
	}
	return false;
}

/* Why an answer of --serve would be longer than a line: the next request would get the
 * rest of it. NULL: it is not. */
static const char *find_second_line(const struct settings *settings)
{
	const char *exchange = settings->common.exchange;

	if (settings->count > 1)
		return "--serve answers a line with one line: no --count above 1";
	if (has_newline(settings->format))
		return "--serve answers a line with one line: no newline in --format";
	if (exchange && strchr(exchange, '\n'))
		return "--serve answers a line with one line: no newline in --exchange";
	return NULL;
}

/* What no single option can tell. */
static const char *find_contradiction(const struct settings *settings)
{
	bool ends = settings->owner_pid || settings->ttl_s;

	if (settings->query.lease && !ends)
		return "--lease needs --owner PID (a script passes $$) or --ttl "
		       "SECONDS: inside $(...) the parent is often a shell about to "
		       "end";
	if (!settings->query.lease && ends)
		return "--owner and --ttl go with --lease";
	if (settings->common.no_state && settings->require_state)
		return "--no-state and --require-state exclude each other";
	if (settings->common.no_state && settings->query.lease)
		return "--lease needs a state file";
	if (settings->query.strict && !settings->query.key && !settings->serve)
		return "--strict needs --key: whose proxy is it?";
	if (settings->query.strict && settings->count > 1)
		return "--strict wants the key's own proxy, which is one: no --count "
		       "above 1";
	return settings->serve ? find_second_line(settings) : NULL;
}

static int fit_together(struct settings *settings)
{
	const char *contradiction = find_contradiction(settings);
	const struct pool_answer_format *row;
	struct pool_query *query = &settings->query;

	if (contradiction)
		return tool_refuse(&spec, TOOL_USAGE, "%s", contradiction);
	settings->schemes.asked = query->schemes;
	query->exchange = settings->common.exchange;
	query->type = (enum pool_type)settings->common.type;
	query->exclude = settings->exclude.list;
	query->exclude_count = settings->exclude.count;
	query->count = (size_t)settings->count;
	query->owner_pid = (int32_t)settings->owner_pid;
	query->ttl_ms = settings->ttl_s * 1000;
	query->wait_ms = settings->wait_s * 1000;
	if (pool_answer_check(settings->format, &row, NULL) != 0 || !row)
		return TOOL_YES;
	if (settings->serve && !row->one_line)
		return tool_refuse(&spec, TOOL_USAGE,
			"--serve wants a format of one line, not '%s'", row->name);
	settings->schemes.known = row->schemes;
	settings->schemes.who = row->name;
	query->schemes = tool_schemes_of_both(query->schemes, row->schemes);
	return TOOL_YES;
}

static int read_command_line(int argc, char **argv, struct settings *settings)
{
	int status = tool_read_options(argc, argv, &spec, settings);

	if (!status)
		status = tool_read_operand(argc, argv, &spec, &settings->common);
	return status ? status : fit_together(settings);
}

/* --- answers -------------------------------------------------------------------- */

static void explain(const struct settings *settings, struct pool_session *session,
	const struct pool_choice *choice)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	if (pool_explain_add(&text, session, &settings->query, &settings->schemes, choice,
		    NULL) != 0)
		text.broken = true;
	tool_note_taken(&text);
}

/* "No proxy", or why there is no answer at all; an exit status. */
static int answer_none(const struct settings *settings, const struct pool_choice *choice,
	const struct pool_fault *fault, struct reply *reply)
{
	const enum pool_no_reason reason = fault->code == POOL_EARGUMENT ? POOL_NO_USAGE
		: fault->code == POOL_ENONE ||
			(fault->code == POOL_ESECRET && !choice->count)
		? choice->reason
		: POOL_NO_ERROR;

	if (fault->code != POOL_ENONE)
		tool_fail(fault);
	else if (!settings->direct_ok || !tool_may_go_direct(choice->reason))
		tool_tell_none(TOOL_NO, &settings->query, &settings->schemes, "", choice);
	else {
		if (settings->common.verbose)
			tool_note("no proxy: %s", pool_explain_none(choice->reason));
		return TOOL_YES;
	}
	refuse(settings, reason, reply);
	return tool_status(fault->code);
}

/* What was asked for besides a proxy, and is not in the answer. */
static void warn_less(const struct pool_query *query, const struct pool_choice *choice)
{
	if (query->count > choice->count)
		tool_warn(
			"only %zu of %zu proxies to be had", choice->count, query->count);
	for (size_t i = 0; i < choice->count && query->lease && !query->dry_run; i++)
		if (choice->proxies[i].index == UINT32_MAX)
			tool_warn("no lease: '%s' is the url beside '%s', whose uses are "
				  "not counted",
				choice->proxies[i].name, choice->where);
}

/* One lookup: its answer into <reply>; the exit status. */
static int answer(
	struct settings *settings, struct pool_session *session, struct reply *reply)
{
	const struct pool_query *query = &settings->query;
	const struct pool_answer_query asked = tool_answer_query(query);
	struct pool_choice choice = {0};
	struct pool_fault fault = {0};
	int error = pool_session_select(session, query, &choice, &fault);
	int status = TOOL_YES;

	if (!error)
		error = pool_answer_add(
			&reply->text, settings->format, &asked, &choice, &fault);
	fault.code = error;
	if (error)
		status = answer_none(settings, &choice, &fault, reply);
	else if (settings->common.verbose)
		tool_tell_choice(query, &choice);
	if (!error && !settings->common.quiet)
		warn_less(query, &choice);
	if (settings->explain && (!error || error == POOL_ENONE))
		explain(settings, session, &choice);
	pool_choice_release(&choice);
	return status;
}

/* False after having told why it was not written. */
static bool put(struct reply *reply)
{
	bool written;

	refusal_hold(true);
	written = refusal_write(reply->text.bytes, reply->text.length);
	refusal_hold(false);
	pool_text_release(&reply->text);
	return written;
}

/* --- requests ------------------------------------------------------------------- */

enum { REQUEST_SIZE = 65536 };

/* The input, cut into lines. */
struct input {
	size_t at, length; /* of what was read and not yet taken */
	bool over;         /* nothing more comes */
	int error;         /* why, or 0 at its end */
	char bytes[REQUEST_SIZE + 1];
};

/* Read on behind what was not taken yet. */
static void read_more(struct input *input)
{
	ssize_t got;

	memmove(input->bytes, input->bytes + input->at, input->length - input->at);
	input->length -= input->at;
	input->at = 0;
	got = refusal_read(input->bytes + input->length, REQUEST_SIZE - input->length);
	input->over = got <= 0;
	input->error = got < 0 ? errno : 0;
	input->length += got > 0 ? (size_t)got : 0;
}

/*
 * Wait for the next line: it is ended by a NUL, and valid until the next call. One that
 * is too long is dropped but for its end, and does not <fit>. Returns false at the end.
 */
static bool next_line(struct input *input, char **line, size_t *length, bool *fits)
{
	*fits = true;
	for (;;) {
		char *end;

		*line = input->bytes + input->at;
		*length = input->length - input->at;
		end = memchr(*line, '\n', *length);
		if (end)
			*length = (size_t)(end - *line);
		if (end || input->over) {
			(*line)[*length] = '\0';
			input->at += *length + (end != NULL);
			return end || *length || !*fits;
		}
		if (*length == REQUEST_SIZE) {
			*fits = false;
			input->at = input->length;
		}
		read_more(input);
	}
}

/* "[EXCHANGE [TYPE [KEY]]]", "-" for what the command line says, which is in <query>: the
 * words of <line> into it. */
static bool read_request(char *line, size_t length, struct pool_query *query)
{
	char *rest = NULL, *exchange, *type, *key;
	int found = 0;

	/* What stands behind it would be lost, and the answer be to another request. */
	if (memchr(line, '\0', length)) {
		tool_error("a request holds a NUL byte");
		return false;
	}
	exchange = strtok_r(line, " \t\r\n", &rest);
	type = exchange ? strtok_r(NULL, " \t\r\n", &rest) : NULL;
	key = type ? strtok_r(NULL, " \t\r\n", &rest) : NULL;
	if (exchange && strcmp(exchange, "-") != 0)
		query->exchange = exchange;
	if (key && strcmp(key, "-") != 0)
		query->key = key;
	if (!type || strcmp(type, "-") == 0)
		return true;
	if (tool_find_type(&spec, "a request's type", type, &found) != 0)
		return false;
	query->type = (enum pool_type)found;
	return true;
}

/* Answer one request with a line. */
static void serve_line(struct settings *settings, struct pool_session *session,
	char *line, size_t length, struct reply *reply)
{
	const struct pool_query asked = settings->query;

	if (read_request(line, length, &settings->query))
		answer(settings, session, reply);
	else
		refuse(settings, POOL_NO_USAGE, reply);
	/* --direct-ok answers nothing: still a line for a line. */
	if (!reply->text.length) {
		pool_text_release(&reply->text);
		reply->text = POOL_TEXT_FIXED(reply->refusal);
		pool_text_add(&reply->text, "\n");
	}
	settings->query = asked;
}

/*
 * A line for a line, for as long as there is input. A signal comes while one is waited
 * for, or while one is answered, and nowhere between. Not inlined: its large frame would
 * cost each start.
 */
static __attribute__((noinline)) int serve(
	struct settings *settings, struct pool_session *session)
{
	struct input input;
	struct reply reply;
	char *line;
	size_t length;
	bool fits, written = true;

	input.at = input.length = 0;
	input.over = false;
	input.error = 0;
	begin_reply(&reply);
	refusal_owe(false);
	refusal_hold(true);
	while (written && next_line(&input, &line, &length, &fits)) {
		refusal_owe(true);
		refusal_hold(false);
		if (!fits) {
			tool_error("a request is longer than %d bytes", REQUEST_SIZE);
			refuse(settings, POOL_NO_USAGE, &reply);
		} else {
			serve_line(settings, session, line, length, &reply);
		}
		refusal_hold(true);
		written = refusal_write(reply.text.bytes, reply.text.length);
		pool_text_release(&reply.text);
		begin_reply(&reply);
	}
	/* What could not be read may have been a request. */
	if (written && input.error) {
		refuse(settings, POOL_NO_ERROR, &reply);
		refusal_write(reply.text.bytes, reply.text.length);
	}
	refusal_hold(false);
	if (input.error)
		return tool_end(TOOL_SYSTEM, tool_status_word(TOOL_SYSTEM),
			"cannot read standard input: %s", strerror(input.error));
	return written ? TOOL_YES : TOOL_SYSTEM;
}

/* One answer. */
static int select_once(struct settings *settings, struct pool_session *session)
{
	struct reply reply;
	int status;

	begin_reply(&reply);
	status = answer(settings, session, &reply);
	return put(&reply) ? status : TOOL_SYSTEM;
}

/* A failure before any lookup, in a form that no client takes for "go direct". */
static __attribute__((noinline)) int refuse_early(
	const struct settings *settings, int status, enum pool_no_reason reason)
{
	struct reply reply;

	begin_reply(&reply);
	refuse(settings, reason, &reply);
	return put(&reply) ? status : TOOL_SYSTEM;
}

/* Whether a list of hosts has the "*" that stands for all of them. Some clients take it
 * for that only if it is alone, others (Go, axios) wherever it stands. */
static bool names_all_hosts(const char *list)
{
	while (*list) {
		size_t length;

		list += strspn(list, ", \t");
		length = strcspn(list, ", \t");
		if (length == 1 && *list == '*')
			return true;
		list += length;
	}
	return false;
}

/* Warn of variables that let a client go direct although it is given a URL. */
static void warn_of_bypass(const struct settings *settings)
{
	static const char *const names[] = {"no_proxy", "NO_PROXY"};
	const char *value, *told = NULL;
	bool all = false;

	if (settings->common.quiet ||
		(strcmp(settings->format, "url") != 0 &&
			strcmp(settings->format, "hostport") != 0))
		return;
	for (size_t i = 0; i < 2 && !all; i++) {
		value = getenv(names[i]);
		if (!value || !*value)
			continue;
		told = names[i];
		all = names_all_hosts(value);
	}
	if (all)
		tool_warn("%s %s '*': with a URL alone clients go direct; --format "
			  "curlrc, export and env overrule it",
			told, strcmp(getenv(told), "*") == 0 ? "is" : "holds");
	else if (told && settings->common.verbose)
		tool_note("%s is set: with a URL alone clients ask its hosts directly; "
			  "--format curlrc, export and env overrule it",
			told);
}

static int run(struct settings *settings)
{
	struct tool_files files;
	struct pool_session_options opening = {
		.require_state = settings->require_state,
		.trust_file = settings->common.trust_file,
		.guard = tool_guard(),
		.once = !settings->serve && !settings->explain && !settings->wait_s,
		.warn = settings->common.quiet ? NULL : tool_warn_line,
		.lookup = tool_lookup,
	};
	struct pool_session *session;
	struct pool_fault fault = {0};
	int status = tool_find_files(&spec, &settings->common, &files);

	if (status)
		return refuse_early(settings, status, POOL_NO_ERROR);
	opening.file = files.file;
	opening.environment = tool_environment();
	opening.state = files.state;
	if (pool_session_new(&session, &opening, &fault) != 0)
		return refuse_early(settings, tool_fail(&fault), POOL_NO_ERROR);
	if (!pool_session_state_path(session) && !settings->common.no_state &&
		!settings->require_state && !settings->common.quiet)
		tool_warn_stateless(files.file, settings->query.lease);
	warn_of_bypass(settings);
	if (settings->serve)
		status = serve(settings, session);
	else
		status = select_once(settings, session);
	pool_session_free(session);
	return status;
}

int main(int argc, char **argv)
{
	struct settings settings = {.common = {.type = POOL_TYPE_HTTP}, .format = "url"};
	int status;

	tool_begin();
	signal(SIGPIPE, SIG_IGN);
	refusal_begin();
	status = read_command_line(argc, argv, &settings);
	prepare_refusal(&settings);
	if (status)
		status = refuse_early(&settings, status,
			status == TOOL_USAGE ? POOL_NO_USAGE : POOL_NO_ERROR);
	else
		status = run(&settings);
	free(settings.exclude.list);
	return tool_close_stdout() ? status : TOOL_SYSTEM;
}
