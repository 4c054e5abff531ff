/* pool-select: the proxy to use now. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/url.h"
#include "report/answer.h"
#include "report/explain.h"
#include "tool.h"

enum {
	OPT_STRATEGY = TOOL_OWN_OPTIONS,
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
	EXCLUDES_MAX = 4096,
	COUNT_MAX = 1000000,
	TTL_MAX_S = 259200,
};

static const struct tool_option options[] = {
	TOOL_OPTION_FILE,
	TOOL_OPTION_STATE,
	TOOL_OPTION_NO_STATE,
	{OPT_REQUIRE_STATE, "require-state", NULL,
		"fail rather than select without state"},
	TOOL_OPTION_EXCHANGE,
	TOOL_OPTION_TYPE,
	{'n', "count", "COUNT", "print so many distinct proxies"},
	{OPT_STRATEGY, "strategy", "NAME", "round_robin, random or least_connections"},
	{OPT_EXCLUDE, "exclude", "NAME,...", "never these proxies"},
	{OPT_SCHEME, "scheme", "LIST", "only these schemes, e.g. http,socks5"},
	{OPT_LEASE, "lease", NULL, "take a lease and print it; wants --owner or --ttl"},
	{OPT_OWNER, "owner", "PID", "the lease ends with this process, e.g. $$"},
	{OPT_TTL, "ttl", "SECONDS", "the lease ends after so long"},
	{TOOL_FORMAT, "format", "FORMAT",
		"url, hostport, env, export, curlrc, proxychains, json or a template "
		"like "
		"'%{host} %{port}'"},
	{OPT_SERVE, "serve", NULL, "answer a line of input (EXCHANGE TYPE) with a line"},
	{OPT_DIRECT_OK, "direct-ok", NULL,
		"disabled or not configured: print nothing, exit 0"},
	{OPT_EXPLAIN, "explain", NULL,
		"say on standard error why this one, and not others"},
	{OPT_DRY_RUN, "dry-run", NULL, "choose, but account for nothing"},
	TOOL_OPTION_QUIET,
	TOOL_OPTION_VERBOSE,
	TOOL_OPTION_HELP,
	TOOL_OPTION_VERSION,
	TOOL_OPTION_END,
};

static const struct tool_spec spec = {
	.name = "pool-select",
	.synopsis = "[OPTION]... [FILE]",
	.summary = "Print the proxy to use now. Without one, print no-proxy://REASON and "
		   "exit 1.",
	.options = options,
	.examples = "  proxy=$(pool-select) || exit\n"
		    "  curl -K <(pool-select -x binance --format curlrc) "
		    "https://api.binance.com/\n"
		    "  out=$(pool-select --lease --owner $$) || exit\n"
		    "  read -r proxy lease <<<\"$out\"\n",
};

struct settings {
	const char *file;
	const char *state;
	const char *format;
	const char *exclude[EXCLUDES_MAX];
	struct pool_query query;
	bool no_state;
	bool require_state;
	bool serve;
	bool direct_ok;
	bool explain;
	bool quiet;
	bool verbose;
};

/* --- options -------------------------------------------------------------------- */

static bool read_number(
	const char *option, const char *text, int64_t low, int64_t high, int64_t *out)
{
	if (pool_text_to_int(text, low, high, out))
		return true;
	tool_error("--%s wants a whole number from %lld to %lld, not '%s'", option,
		(long long)low, (long long)high, text);
	return false;
}

static bool read_schemes(char *list, unsigned *out)
{
	char *rest = NULL;

	for (char *word = strtok_r(list, ",", &rest); word;
		word = strtok_r(NULL, ",", &rest)) {
		int scheme = pool_scheme_find(word, strlen(word));

		if (scheme < 0) {
			tool_error("no scheme is called '%s': http, https, socks4, "
				   "socks4a, socks5, "
				   "socks5h",
				word);
			return false;
		}
		*out |= 1u << scheme;
	}
	if (*out)
		return true;
	tool_error("--scheme wants at least one scheme");
	return false;
}

static bool read_names(char *list, struct settings *settings)
{
	char *rest = NULL;

	for (char *word = strtok_r(list, ",", &rest); word;
		word = strtok_r(NULL, ",", &rest)) {
		if (settings->query.exclude_count == EXCLUDES_MAX) {
			tool_error("--exclude takes at most %d names", EXCLUDES_MAX);
			return false;
		}
		settings->exclude[settings->query.exclude_count++] = word;
	}
	return true;
}

static bool read_type(const char *word, enum pool_type *out)
{
	int type = pool_type_find(word);

	if (type < 0) {
		tool_error("no connection type is called '%s': http or websocket", word);
		return false;
	}
	*out = (enum pool_type)type;
	return true;
}

static bool read_format(struct settings *settings)
{
	const struct pool_answer_format *row;
	struct pool_fault fault;

	if (pool_answer_check(optarg, &row, &fault) != 0) {
		tool_error("%s", fault.text);
		return false;
	}
	settings->format = optarg;
	return true;
}

static bool read_option(int letter, struct settings *settings)
{
	struct pool_query *query = &settings->query;
	int64_t number = 0;

	switch (letter) {
	case 'f':
		settings->file = optarg;
		return true;
	case 's':
		settings->state = optarg;
		return true;
	case TOOL_NO_STATE:
		return settings->no_state = true;
	case OPT_REQUIRE_STATE:
		return settings->require_state = true;
	case 'x':
		query->exchange = optarg;
		return true;
	case 't':
		return read_type(optarg, &query->type);
	case 'n':
		if (!read_number("count", optarg, 1, COUNT_MAX, &number))
			return false;
		query->count = (size_t)number;
		return true;
	case OPT_STRATEGY:
		query->strategy = optarg;
		return true;
	case OPT_EXCLUDE:
		return read_names(optarg, settings);
	case OPT_SCHEME:
		return read_schemes(optarg, &query->schemes);
	case OPT_LEASE:
		return query->lease = true;
	case OPT_OWNER:
		if (!read_number("owner", optarg, 1, INT32_MAX, &number))
			return false;
		query->owner_pid = (int32_t)number;
		return true;
	case OPT_TTL:
		if (!read_number("ttl", optarg, 1, TTL_MAX_S, &number))
			return false;
		query->ttl_ms = number * 1000;
		return true;
	case TOOL_FORMAT:
		return read_format(settings);
	case OPT_SERVE:
		return settings->serve = true;
	case OPT_DIRECT_OK:
		return settings->direct_ok = true;
	case OPT_EXPLAIN:
		return settings->explain = true;
	case OPT_DRY_RUN:
		return query->dry_run = true;
	case 'q':
		return settings->quiet = true;
	case 'v':
		return settings->verbose = true;
	default:
		return false;
	}
}

/* What no single option can tell: false after having said so. */
static bool fit_together(struct settings *settings)
{
	const struct pool_query *query = &settings->query;
	const struct pool_answer_format *row;

	if (query->lease && !query->owner_pid && !query->ttl_ms) {
		tool_error("--lease needs --owner PID (a script passes $$) or --ttl "
			   "SECONDS: inside "
			   "$(...) the parent is often a shell about to end");
		return false;
	}
	if (!query->lease && (query->owner_pid || query->ttl_ms)) {
		tool_error("--owner and --ttl go with --lease");
		return false;
	}
	if (settings->no_state && settings->require_state) {
		tool_error("--no-state and --require-state exclude each other");
		return false;
	}
	if (settings->no_state && query->lease) {
		tool_error("--lease needs a state file");
		return false;
	}
	if (pool_answer_check(settings->format, &row, NULL) == 0 && row) {
		if (settings->serve && !row->one_line) {
			tool_error("--serve wants a format of one line, not '%s'",
				row->name);
			return false;
		}
		if (row->schemes)
			settings->query.schemes = query->schemes
				? query->schemes & row->schemes
				: row->schemes;
	}
	return true;
}

static bool read_options(int argc, char **argv, struct settings *settings)
{
	int letter;

	while ((letter = tool_getopt(argc, argv, &spec)) != -1)
		if (!read_option(letter, settings))
			return false;
	if (optind < argc && !settings->file)
		settings->file = argv[optind++];
	if (optind < argc) {
		tool_error("one pool file is enough: what is '%s'?", argv[optind]);
		return false;
	}
	return fit_together(settings);
}

/* --- answers -------------------------------------------------------------------- */

static struct pool_answer_query answer_query(const struct pool_query *query)
{
	return (struct pool_answer_query){
		query->exchange ? query->exchange : "default", query->type};
}

/* What to do about it, by reason. */
static const char *const no_sentences[POOL_NO_REASONS] = {
	[POOL_NO_DISABLED] = "the pool file does not say \"enabled\": true",
	[POOL_NO_NOT_CONFIGURED] =
		"neither the exchange nor default has a proxy of this type",
	[POOL_NO_ALL_DISABLED] = "every proxy of the pool is disabled in the pool file",
	[POOL_NO_NONE_ELIGIBLE] =
		"all are unhealthy, cooling or at a limit; --explain says which",
	[POOL_NO_FILTERED] = "--exclude and --scheme leave none",
	[POOL_NO_ERROR] = "an error",
};

static void tell_none(const struct pool_query *query, const struct pool_choice *choice)
{
	tool_error("no proxy for '%s' %s%s%s: %s",
		query->exchange ? query->exchange : "default",
		pool_type_name(query->type), choice->where ? " in " : "",
		choice->where ? choice->where : "", no_sentences[choice->reason]);
}

/* cryptofeed's own log line: never more of a URL than where it leads. */
static void tell_choice(const struct pool_query *query, const struct pool_choice *choice)
{
	for (size_t i = 0; i < choice->count; i++) {
		const char *text = choice->proxies[i].url;
		char endpoint[320];
		struct pool_url url;

		if (pool_url_parse(text, strlen(text), &url, NULL) != POOL_URL_OK)
			continue;
		pool_url_endpoint(&url, endpoint, sizeof(endpoint));
		tool_error("proxy: transport=%s exchange=%s scheme=%s endpoint=%s",
			pool_type_name(query->type),
			query->exchange ? query->exchange : "default",
			pool_scheme_name(url.scheme), endpoint);
	}
}

static void explain(struct pool_session *session, const struct pool_query *query,
	const struct pool_choice *choice)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	if (pool_explain_add(&text, session, query, choice, NULL) == 0 && text.bytes)
		fputs(text.bytes, stderr);
	pool_text_release(&text);
}

static bool direct_is_fine(
	const struct settings *settings, const struct pool_choice *choice)
{
	return settings->direct_ok &&
		(choice->reason == POOL_NO_DISABLED ||
			choice->reason == POOL_NO_NOT_CONFIGURED);
}

/* One lookup: its answer into <out>; the exit status. */
static int answer(
	struct settings *settings, struct pool_session *session, struct pool_text *out)
{
	const struct pool_answer_query asked = answer_query(&settings->query);
	struct pool_choice choice;
	struct pool_fault fault = {0};
	int error = pool_session_select(session, &settings->query, &choice, &fault);
	int status = TOOL_YES;

	if (!error)
		error = pool_answer_add(out, settings->format, &asked, &choice, &fault);
	if (error == POOL_ENONE && direct_is_fine(settings, &choice)) {
		if (settings->verbose)
			tool_error("no proxy: %s", no_sentences[choice.reason]);
	} else if (error) {
		status = error == POOL_ENONE ? TOOL_NO : tool_fail(&fault);
		if (error == POOL_ENONE)
			tell_none(&settings->query, &choice);
		pool_answer_add_none(out, settings->format, &asked,
			pool_no_reason_name(
				error == POOL_ENONE ? choice.reason : POOL_NO_ERROR));
	} else if (settings->verbose) {
		tell_choice(&settings->query, &choice);
	}
	if (!error && settings->query.count > choice.count && !settings->quiet)
		tool_warn("only %zu of %zu proxies to be had", choice.count,
			settings->query.count);
	if (settings->explain && (!error || error == POOL_ENONE))
		explain(session, &settings->query, &choice);
	if (!error || error == POOL_ENONE)
		pool_choice_release(&choice);
	return status;
}

static void print(struct pool_text *out)
{
	if (out->bytes && out->length) {
		fwrite(out->bytes, 1, out->length, stdout);
		explicit_bzero(out->bytes, out->room);
	}
	pool_text_release(out);
}

/* "[EXCHANGE [TYPE [KEY]]]", "-" for the default: words of <line> into the query. */
static bool read_request(char *line, struct pool_query *query)
{
	char *rest = NULL, *exchange = strtok_r(line, " \t\r\n", &rest);
	char *type = exchange ? strtok_r(NULL, " \t\r\n", &rest) : NULL;

	query->exchange = exchange && strcmp(exchange, "-") != 0 ? exchange : NULL;
	query->type = POOL_TYPE_HTTP;
	return !type || strcmp(type, "-") == 0 || read_type(type, &query->type);
}

/* A line for a line, for as long as there is input. */
static int serve(struct settings *settings, struct pool_session *session)
{
	const struct pool_query asked = settings->query;
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		struct pool_text out = POOL_TEXT_EMPTY;

		settings->query = asked;
		if (read_request(line, &settings->query)) {
			answer(settings, session, &out);
		} else {
			const struct pool_answer_query unknown =
				answer_query(&settings->query);

			pool_answer_add_none(&out, settings->format, &unknown, "usage");
		}
		/* --direct-ok answers nothing: still a line for a line. */
		if (!out.length)
			pool_text_add(&out, "\n");
		print(&out);
		if (fflush(stdout) != 0)
			break;
	}
	free(line);
	return TOOL_YES;
}

/* A failure before any lookup, in a form that no client takes for "go direct". */
static int refuse(const struct settings *settings, int status, const char *reason)
{
	const struct pool_answer_query asked = answer_query(&settings->query);
	struct pool_text out = POOL_TEXT_EMPTY;

	pool_answer_add_none(&out, settings->format, &asked, reason);
	print(&out);
	return status;
}

static int run(struct settings *settings)
{
	char file[4096], state[4096];
	struct pool_session_options session_options = {
		.require_state = settings->require_state,
		.warn = settings->quiet ? NULL : tool_warn_line,
		.lookup = tool_lookup,
	};
	struct pool_session *session;
	struct pool_fault fault = {0};
	int status = TOOL_YES;

	session_options.file =
		tool_find_file(settings->file, file, sizeof(file), &status);
	if (!session_options.file)
		return refuse(settings, status, "error");
	if (!settings->no_state)
		session_options.state =
			tool_find_state(settings->state, file, state, sizeof(state));
	if (pool_session_new(&session, &session_options, &fault) != 0)
		return refuse(settings, tool_fail(&fault), "error");
	if (settings->serve) {
		status = serve(settings, session);
	} else {
		struct pool_text out = POOL_TEXT_EMPTY;

		status = answer(settings, session, &out);
		print(&out);
	}
	pool_session_free(session);
	return status;
}

int main(int argc, char **argv)
{
	struct settings settings = {.format = "url"};
	int status;

	signal(SIGPIPE, SIG_IGN);
	settings.query.exclude = settings.exclude;
	if (read_options(argc, argv, &settings))
		status = run(&settings);
	else
		status = refuse(&settings, TOOL_USAGE, "usage");
	return tool_close_stdout() ? status : TOOL_SYSTEM;
}
