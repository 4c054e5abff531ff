/* pool-exec: a command with a leased proxy in its environment; on failure, the next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "exec_attempts.h"
#include "exec_clients.h"
#include "exec_words.h"
#include "tool_select.h"

enum {
	OPT_STRATEGY = TOOL_OWN_OPTIONS,
	OPT_KEY,
	OPT_STRICT,
	OPT_EXCLUDE,
	OPT_SCHEME,
	OPT_COST,
	OPT_WAIT,
	OPT_RETRIES,
	OPT_TIMEOUT,
	OPT_FAIL_ON,
	OPT_BUFFER,
	OPT_TEMPLATE,
	OPT_KEEP_NO_PROXY,
	OPT_DIRECT_OK,
	OPT_REQUIRE_STATE,
	OPT_CLIENTS,
	COST_MAX = 1000000000,
	WAIT_MAX_S = 259200,
	RETRIES_MAX = 100,
};

struct settings {
	struct tool_common common;
	struct exec_request request;
	struct tool_names exclude;
	int64_t wait_s;
	bool require_state;
	bool clients;
};

/* --- options -------------------------------------------------------------------- */

/* Every failure of ours has one status, or it would be taken for the command's. */
static int refuse(int status, const char *error, const char *text)
{
	(void)status;
	return tool_end(EXEC_FAILED, error, "%s", text);
}

static int read_fail_on(const struct tool_given *given, void *context)
{
	struct exec_request *request = &((struct settings *)context)->request;
	char *rest = NULL;

	for (char *word = strtok_r(given->value, ",", &rest); word;
		word = strtok_r(NULL, ",", &rest)) {
		char *dash = strchr(word, '-');
		int64_t low, high;

		if (dash)
			*dash = '\0';
		if (!pool_text_to_int(word, 1, EXEC_STATUSES - 1, &low) ||
			!pool_text_to_int(
				dash ? dash + 1 : word, low, EXEC_STATUSES - 1, &high))
			return tool_refuse(given->spec, TOOL_USAGE,
				"--fail-on wants exit statuses from 1 to 255 like 1,3-5, "
				"not '%s%s%s'",
				word, dash ? "-" : "", dash ? dash + 1 : "");
		while (low <= high)
			request->fail_on[low++] = true;
		request->fails_on_any = true;
	}
	if (request->fails_on_any)
		return TOOL_YES;
	return tool_refuse(
		given->spec, TOOL_USAGE, "--fail-on wants at least one status");
}

#define SET(reader, member) TOOL_SET(reader, struct settings, member)

static const struct tool_option options[] = {
	TOOL_OPTION_FILE,
	TOOL_OPTION_TRUST_FILE,
	TOOL_OPTION_STATE,
	TOOL_OPTION_NO_STATE("use no state file: no lease, and nothing is reported"),
	{OPT_REQUIRE_STATE, "require-state", NULL,
		"fail rather than select without state",
		SET(tool_read_flag, require_state)},
	TOOL_OPTION_EXCHANGE("whose traffic (default: default)"),
	TOOL_OPTION_TYPE("http or websocket (default: http)"),
	{OPT_STRATEGY, "strategy", "NAME",
		"round_robin, random, least_connections, least_latency, sticky or "
		"failover",
		SET(tool_read_strategy, request.query.strategy)},
	{OPT_KEY, "key", "KEY", "whose proxy it is: for sticky, and for rollout_percent",
		SET(tool_read_text, request.query.key)},
	{OPT_STRICT, "strict", NULL, "with sticky: the key's own proxy or none",
		SET(tool_read_flag, request.query.strict)},
	{OPT_EXCLUDE, "exclude", "NAME,...", "never these proxies",
		SET(tool_read_names, exclude)},
	{OPT_SCHEME, "scheme", "LIST",
		"only these schemes, e.g. http,socks5 (of those that the client knows)",
		SET(tool_read_schemes, request.query.schemes)},
	{OPT_COST, "cost", "N", "requests to charge the proxy's budget with (default: 1)",
		SET(tool_read_number, request.query.cost), .low = 1, .high = COST_MAX},
	{OPT_WAIT, "wait", "SECONDS", "wait so long for an eligible proxy",
		SET(tool_read_number, wait_s), .low = 0, .high = WAIT_MAX_S},
	{OPT_RETRIES, "retries", "N", "other proxies to try after a failure (default: 2)",
		SET(tool_read_number, request.retries), .low = 0, .high = RETRIES_MAX},
	{OPT_TIMEOUT, "timeout", "SECONDS",
		"end an attempt after so long; 0: never (default for curl and wget: the "
		"connection's)",
		SET(tool_read_number, request.timeout_s), .low = 0, .high = WAIT_MAX_S},
	{OPT_FAIL_ON, "fail-on", "LIST",
		"exit statuses that are the proxy's failure, e.g. 1,3-5",
		.read = read_fail_on},
	{OPT_BUFFER, "buffer", NULL,
		"hold output back until the attempt is over, to retry all the same",
		SET(tool_read_flag, request.buffer)},
	{OPT_TEMPLATE, "template", NULL, "fill in %{name} in the arguments, e.g. %{host}",
		SET(tool_read_flag, request.templates)},
	{OPT_KEEP_NO_PROXY, "keep-no-proxy", NULL,
		"leave NO_PROXY and no_proxy as they are",
		SET(tool_read_flag, request.keep_bypass)},
	{OPT_DIRECT_OK, "direct-ok", NULL,
		"disabled or not configured: run without a proxy",
		SET(tool_read_flag, request.direct_ok)},
	{OPT_CLIENTS, "clients", NULL,
		"print a table of the clients that are known by name",
		SET(tool_read_flag, clients)},
	TOOL_OPTION_QUIET("say nothing of attempts that failed, no warnings"),
	TOOL_OPTION_VERBOSE("say on standard error which proxy it is"),
	TOOL_OPTION_LOG_FORMAT,
	TOOL_OPTION_HELP,
	TOOL_OPTION_VERSION,
	TOOL_OPTION_END,
};

static const struct tool_spec spec = {
	.name = "pool-exec",
	.synopsis = "[OPTION]... [--] COMMAND [ARGUMENT]...",
	.summary =
		"Run a command with a leased proxy in its environment; where the proxy "
		"fails, run it again with another.",
	.options = options,
	.examples = "  pool-exec curl -fsS https://api.example.com/\n"
		    "  pool-exec -x binance --retries 4 --buffer curl -s "
		    "https://api.binance.com/\n"
		    "  pool-exec --fail-on 7 -- ./fetch-prices --all\n",
	.statuses = "the command's; 124 it took too long, 125 pool-exec failed or\n"
		    "there is no proxy, 126 the command cannot be run, 127 there is no "
		    "such command.\n",
	.unsaid_status = EXEC_FAILED,
	.options_first = true,
	.refuse = refuse,
};

/* What no single option can tell. */
static const char *find_contradiction(const struct settings *settings)
{
	if (settings->clients && settings->request.argv[0])
		return "--clients runs no command";
	if (!settings->request.argv[0] && !settings->clients)
		return "which command? Try 'pool-exec --help'";
	if (settings->common.no_state && settings->require_state)
		return "--no-state and --require-state exclude each other";
	if (settings->request.query.strict && !settings->request.query.key)
		return "--strict needs --key: whose proxy is it?";
	return NULL;
}

static int fit_together(struct settings *settings)
{
	struct exec_request *request = &settings->request;
	const char *contradiction = find_contradiction(settings);
	struct pool_fault fault = {0};

	if (contradiction)
		return tool_refuse(&spec, TOOL_USAGE, "%s", contradiction);
	if (request->templates && exec_words_check(request->argv, &fault) != 0)
		return tool_refuse_by(&spec, &fault);
	request->quiet = settings->common.quiet;
	request->verbose = settings->common.verbose;
	request->query.exchange = settings->common.exchange;
	request->query.type = (enum pool_type)settings->common.type;
	request->query.exclude = settings->exclude.list;
	request->query.exclude_count = settings->exclude.count;
	request->query.wait_ms = settings->wait_s * 1000;
	return TOOL_YES;
}

static int run(struct settings *settings)
{
	struct exec_request *request = &settings->request;
	struct pool_session_options opening = {
		.require_state = settings->require_state,
		.trust_file = settings->common.trust_file,
		.guard = tool_guard(),
		.warn = settings->common.quiet ? NULL : tool_warn_line,
		.lookup = tool_lookup,
	};
	struct pool_session *session;
	struct pool_fault fault = {0};
	struct tool_files files;
	int status = tool_find_files(&spec, &settings->common, &files);

	if (status)
		return status;
	opening.file = files.file;
	opening.environment = tool_environment();
	opening.state = files.state;
	if (pool_session_new(&session, &opening, &fault) != 0)
		return tool_refuse_by(&spec, &fault);
	if (!files.state && !settings->common.no_state && !settings->require_state &&
		!settings->common.quiet)
		tool_warn_stateless(files.file, false);
	request->query.lease = files.state != NULL;
	request->query.owner_pid = files.state ? (int32_t)getpid() : 0;
	status = exec_attempts_run(request, session);
	pool_session_free(session);
	return status;
}

static int put_clients(void)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	int status;

	exec_clients_add(&text);
	status = tool_print_text(&spec, &text, TOOL_YES);
	return tool_close_stdout() ? status : EXEC_FAILED;
}

int main(int argc, char **argv)
{
	struct settings settings = {
		.common.type = POOL_TYPE_HTTP,
		.request = {.spec = &spec, .retries = 2, .timeout_s = -1},
	};
	int status;

	tool_begin();
	tool_heed_cut(EXEC_FAILED);
	status = tool_read_options(argc, argv, &spec, &settings);
	settings.request.argv = argv + optind;
	if (!status)
		status = fit_together(&settings);
	if (!status)
		status = settings.clients ? put_clients() : run(&settings);
	free(settings.exclude.list);
	return status;
}
