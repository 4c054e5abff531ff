/* pool-check: one health run over the proxies of all pools. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/random.h"
#include "base/text.h"
#include "probe/round.h"
#include "report/gather.h"
#include "report/metrics.h"
#include "tool_probe.h"
#include "tool_report.h"

enum {
	OPT_ONLY = TOOL_OWN_OPTIONS,
	OPT_METHOD,
	OPT_URL,
	OPT_CONCURRENCY,
	OPT_TARGET_RATE,
	OPT_TIMEOUT,
	OPT_QUORUM,
	OPT_PLUGIN,
	OPT_METRICS_FILE,
	OPT_DRY_RUN,
	OPT_CA_FILE,
	LOCK_TIMEOUT_MS = 5000,
	TIMEOUT_S = 50,
};

struct settings {
	struct tool_common common;
	const struct tool_spec *spec;
	const char *metrics_file;
	struct tool_names only;
	enum pool_format format;
	bool format_given, dry_run;
	struct pool_quorum quorum;
	struct tool_plugin plugin;
	int64_t concurrency;
	struct pool_round_options round;
};

/* --- options -------------------------------------------------------------------- */

static int read_method(const struct tool_given *given, void *context)
{
	struct settings *settings = context;
	const char *names[POOL_METHODS];

	for (int i = 0; i < POOL_METHODS; i++)
		names[i] = pool_method_get((enum pool_method)i)->name;
	return tool_find_value(given, names, POOL_METHODS, &settings->round.method);
}

static int read_format(const struct tool_given *given, void *context)
{
	struct settings *settings = context;
	int format = 0, status;

	status = tool_find_value(given, pool_format_names(), POOL_FORMATS, &format);
	settings->format = (enum pool_format)format;
	settings->format_given = true;
	return status;
}

static int read_url(const struct tool_given *given, void *context)
{
	struct settings *settings = context;
	const char *wrong = pool_check_url_judge(given->value);

	settings->round.url = given->value;
	/* Not shown: it may hold a password. */
	return wrong ? tool_refuse(given->spec, TOOL_USAGE, "--url: %s", wrong)
		     : TOOL_YES;
}

#define SET(reader, member) TOOL_SET(reader, struct settings, member)

static const struct tool_option options[] = {
	TOOL_OPTION_FILE,
	TOOL_OPTION_TRUST_FILE,
	TOOL_OPTION_STATE,
	TOOL_OPTION_NO_STATE("use no state file; only with --dry-run"),
	TOOL_OPTION_EXCHANGE("only the pools of this exchange"),
	{'t', "type", "TYPE",
		"only pools for http or websocket; with --plugin, -t is --timeout",
		SET(tool_read_type_or_timeout, plugin)},
	{OPT_ONLY, "only", "NAME,...", "only these proxies", SET(tool_read_names, only)},
	{OPT_METHOD, "method", "METHOD",
		"tcp, http, ping, tunnel or websocket, for this run",
		.read = read_method},
	{OPT_URL, "url", "URL", "what to ask for, for this run", .read = read_url},
	{OPT_CONCURRENCY, "concurrency", "N", "checks at once (default: 256)",
		SET(tool_read_number, concurrency), .low = 1,
		.high = TOOL_CONCURRENCY_MAX},
	{OPT_TARGET_RATE, "target-rate", "N",
		"requests a second to one target host at most",
		SET(tool_read_rate, round.target_rate)},
	{OPT_TIMEOUT, "timeout", "SECONDS", "how long the run may take (default: 50)",
		SET(tool_read_number, plugin.limits.timeout_s), .low = 1,
		.high = TOOL_TIMEOUT_MAX_S},
	{OPT_QUORUM, "quorum", "N|N%", "how many of a pool must pass (default: 1)",
		SET(tool_read_quorum, quorum)},
	{OPT_PLUGIN, "plugin", NULL,
		"answer as a monitoring plugin: one line, status 0 to 3",
		SET(tool_read_flag, plugin.asked)},
	{'w', "warning", "RANGE",
		"with --plugin: warn by the worst pool's percentage passed (default: "
		"100:)",
		SET(tool_read_range, plugin)},
	{'c', "critical", "RANGE",
		"with --plugin: critical by it (default: below the quorum)",
		SET(tool_read_range, plugin)},
	{TOOL_FORMAT, "format", "FORMAT", "table, tsv, json or jsonl (default: table)",
		.read = read_format},
	{OPT_METRICS_FILE, "metrics-file", "FILE",
		"write Prometheus text to this file as well",
		SET(tool_read_metrics_file, metrics_file)},
	{OPT_DRY_RUN, "dry-run", NULL, "check, but store nothing",
		SET(tool_read_flag, dry_run)},
	{OPT_CA_FILE, "ca-file", "FILE", "certificates to trust instead of the system's",
		SET(tool_read_ca_file, round.ca_file)},
	TOOL_OPTION_QUIET("print nothing unless the answer is no"),
	TOOL_OPTION_VERBOSE("say what to do about each failure"),
	TOOL_OPTION_LOG_FORMAT,
	TOOL_OPTION_HELP,
	TOOL_OPTION_VERSION,
	TOOL_OPTION_END,
};

static int fit_together(struct settings *settings)
{
	int status;

	settings->round.only = settings->only.list;
	settings->round.only_count = settings->only.count;
	settings->round.concurrency = (size_t)settings->concurrency;
	settings->round.deadline_ms = settings->plugin.limits.timeout_s * 1000;
	status = tool_judge_plugin(
		settings->spec, &settings->plugin, settings->format_given);
	if (status)
		return status;
	if (settings->common.no_state && !settings->dry_run)
		return tool_refuse(settings->spec, TOOL_UNUSABLE,
			"cannot store results with --no-state; add --dry-run to store "
			"none");
	return TOOL_YES;
}

static int read_command_line(int argc, char **argv, struct settings *settings)
{
	int status = tool_read_options(argc, argv, settings->spec, settings);

	if (!status)
		status = tool_read_operand(argc, argv, settings->spec, &settings->common);
	return status ? status : fit_together(settings);
}

/* --- opening -------------------------------------------------------------------- */

/* A dry run looks at a state file that is there, but makes none. */
static bool state_is_there(const char *state, const char *file)
{
	char *path = pool_state_path(state, file);
	bool there = path && access(path, F_OK) == 0;

	free(path);
	return there;
}

static int open_session(const struct settings *settings, struct pool_session **out)
{
	struct tool_files files;
	struct pool_session_options opening = {.lock_timeout_ms = LOCK_TIMEOUT_MS,
		.trust_file = settings->common.trust_file,
		.guard = tool_guard(),
		.warn = tool_warn_line,
		.lookup = tool_lookup};
	struct pool_fault fault = {0};
	int status = tool_find_files(settings->spec, &settings->common, &files);

	if (!status)
		status = tool_judge_metrics_file(
			settings->spec, settings->metrics_file, files.file);
	if (status)
		return status;
	opening.file = files.file;
	opening.environment = tool_environment();
	opening.state = files.state;
	if (settings->dry_run && files.state && !state_is_there(files.state, files.file))
		opening.state = NULL;
	if (pool_session_new(out, &opening, &fault) != 0)
		return tool_refuse_by(settings->spec, &fault);
	if (settings->dry_run)
		return TOOL_YES;
	if (!pool_session_state_path(*out))
		return tool_refuse_stateless(settings->spec, "store results of",
			opening.file, "add --dry-run to store none");
	if (pool_session_check_state(*out, &fault) != 0)
		return tool_refuse_by(settings->spec, &fault);
	return TOOL_YES;
}

/* --- progress ------------------------------------------------------------------- */

static void show_progress(void *context, size_t done, size_t count)
{
	struct pool_progress *progress = context;
	struct pool_text text = POOL_TEXT_EMPTY;
	struct pool_now now;

	pool_clock_get(&now);
	if (!pool_progress_due(progress, now.boot_ns))
		return;
	pool_progress_add(done, count, &text);
	if (!text.broken)
		fprintf(stderr, "\r%s", text.bytes);
	pool_text_release(&text);
}

/* --- results -------------------------------------------------------------------- */

static void fill_row(struct pool_report_row *row, const struct pool_round_item *item,
	const struct pool_outcome *outcome)
{
	if (outcome->stored)
		row->status = outcome->status;
	pool_report_take_reason(row, item->reason, item->found, item->detail);
	row->latency_us = item->reason == POOL_REASON_OK ? item->latency_us : -1;
	row->http_status = item->http_status;
	row->attempts = item->attempts;
}

/* Items stand in the order of the rows; rows that were not checked have none. <method>
 * is that of all checks, -1: that of their pools. */
static void fill_report(
	struct pool_report *report, const struct pool_round *round, int method)
{
	size_t at = 0;

	for (size_t i = 0; i < report->row_count; i++) {
		struct pool_report_row *row = &report->rows[i];

		if (at < round->count && round->items[at].member == row->member) {
			fill_row(row, &round->items[at], &round->outcomes[at]);
			at++;
		} else {
			pool_report_clear_check(row);
		}
	}
	for (size_t i = 0; i < report->pool_count && method >= 0; i++)
		report->pools[i].method = (enum pool_method)method;
	report->has_run = true;
	report->run_at_s = round->began_wall_s;
	report->run_us = round->took_us;
	report->target_suspect = round->judgement.target_suspect;
	report->uplink_suspect = round->judgement.uplink_suspect;
}

/* --- printing ------------------------------------------------------------------- */

/* A line a pool that its quorum is about, an error where it is no yes. */
static void tell_summaries(const struct pool_report *report, bool only_no)
{
	for (size_t i = 0; i < report->pool_count; i++) {
		const struct pool_report_pool *pool = &report->pools[i];
		bool no = pool->quorum >= POOL_QUORUM_UNDECIDED;
		struct pool_text line = POOL_TEXT_EMPTY;

		if (only_no && !no)
			continue;
		pool_report_summarize(pool, &line);
		(no ? tool_error : tool_note)(
			"%s", line.broken ? "out of memory" : line.bytes);
		pool_text_release(&line);
	}
}

/* Say what became of each pool, and what was tried. That is part of the table; beside the
 * other formats only a quorum that is not met is worth a line, unless --verbose asks. */
static void summarize(const struct settings *settings, const struct pool_report *report,
	struct pool_text *text)
{
	const struct tool_common *common = &settings->common;
	struct pool_text tried = POOL_TEXT_EMPTY;

	if (settings->format == POOL_FORMAT_TABLE) {
		pool_text_add(text, text->length ? "\n" : "");
		pool_report_summarize_all(report, common->quiet, text);
		if (!common->quiet)
			pool_report_tell_tried(report, text);
		return;
	}
	tell_summaries(report, !common->verbose);
	if (common->verbose && !common->quiet)
		pool_report_tell_tried(report, &tried);
	tool_tell_lines(tool_note, &tried);
}

static int print_report(const struct settings *settings, const struct pool_report *report)
{
	static const int statuses[POOL_QUORUMS] = {
		[POOL_QUORUM_UNASKED] = TOOL_YES,
		[POOL_QUORUM_MET] = TOOL_YES,
		[POOL_QUORUM_UNDECIDED] = TOOL_SYSTEM,
		[POOL_QUORUM_MISSED] = TOOL_NO,
	};
	struct pool_report_view view =
		pool_report_view_checks(settings->format, settings->common.verbose);
	struct pool_text text = POOL_TEXT_EMPTY, suspicions = POOL_TEXT_EMPTY;
	int status = statuses[pool_report_quorum(report)];

	if (settings->plugin.asked)
		return tool_print_plugin(settings->spec, &settings->plugin, report);
	if (settings->common.quiet && status == TOOL_YES)
		return status;
	if (report->pool_count && pool_report_quorum(report) == POOL_QUORUM_UNASKED)
		tool_note("nothing to check: no pool has its health_check enabled");
	view.only_failed = settings->common.quiet;
	view.colour = tool_wants_colour();
	pool_report_suspect(report, &suspicions);
	tool_tell_lines(tool_warn, &suspicions);
	pool_report_render(report, &view, &text);
	summarize(settings, report, &text);
	return tool_print_text(settings->spec, &text, status);
}

static int write_metrics(
	const struct settings *settings, const struct pool_report *report)
{
	struct pool_fault fault = {0};

	if (!settings->metrics_file ||
		pool_metrics_save(report, settings->metrics_file, &fault) == 0)
		return TOOL_YES;
	return tool_refuse_by(settings->spec, &fault);
}

/* --- the run -------------------------------------------------------------------- */

/* Whether method and URL of each check suit each other, where they are not both the pool
 * file's. An exit status. */
static int judge_urls(const struct settings *settings,
	const struct pool_snapshot *snapshot, const struct pool_gather_choice *choice)
{
	const struct pool_round_options *asked = &settings->round;

	for (size_t i = 0; i < choice->count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[choice->leaves[i]];
		int method = asked->method < 0 ? leaf->policy.method : asked->method;
		const char *url = asked->url
			? asked->url
			: pool_snapshot_string(snapshot, leaf->check_url);
		const char *wrong = NULL;

		if (url && leaf->policy.check_enabled &&
			(asked->url || asked->method >= 0))
			wrong = pool_check_url_judge_scheme(
				(enum pool_method)method, url);
		if (wrong)
			return tool_refuse(settings->spec, TOOL_USAGE, "%s: %s: %s",
				asked->url ? "--url" : "--method",
				pool_snapshot_string(snapshot, leaf->where), wrong);
	}
	return TOOL_YES;
}

/* Make the checks, with a bar for who watches; an exit status. */
static int carry_out(const struct settings *settings, struct pool_round *round,
	const struct pool_round_options *asked)
{
	struct pool_round_options watched = *asked;
	struct pool_progress progress = {0};
	struct pool_fault fault = {0};
	enum pool_reason obstacle;
	struct pool_now now;
	int error;

	/* A run that is over at once shows none. */
	pool_clock_get(&now);
	progress.next_ns = now.boot_ns + POOL_PROGRESS_NS;
	if (isatty(STDERR_FILENO) && !settings->common.quiet && !tool_log_is_json())
		watched.progress = show_progress;
	watched.context = &progress;
	error = pool_round_run(round, &watched, &fault);
	if (progress.shown)
		fputs("\r\033[K", stderr);
	if (error)
		return tool_refuse_by(settings->spec, &fault);
	obstacle = pool_round_obstacle(round);
	if (!obstacle)
		return TOOL_YES;
	return tool_refuse_reason(settings->spec, TOOL_SYSTEM, obstacle, "cannot check");
}

/* Check, store, fill in the report: an exit status. A report has a run once there are
 * results, stored or not. */
static int make_round(const struct settings *settings, struct pool_session *session,
	const struct pool_gather_choice *choice, struct pool_report *report)
{
	struct pool_round_options asked = settings->round;
	struct pool_fault fault = {0};
	struct pool_round round = {0};
	int status;

	asked.leaves = choice->leaves;
	asked.leaf_count = choice->count;
	asked.secrets = pool_session_secrets(session);
	if (pool_random_bytes(&asked.seed, sizeof(asked.seed)) != 0)
		return tool_refuse(settings->spec, TOOL_SYSTEM,
			"cannot get random bytes: %s", strerror(errno));
	if (pool_round_plan(&round, pool_session_snapshot(session), &asked, &fault) != 0)
		return tool_refuse_by(settings->spec, &fault);
	status = carry_out(settings, &round, &asked);
	if (status)
		goto out;
	if (!settings->dry_run &&
		pool_session_store(session, round.outcomes, round.count, &fault) != 0)
		status = tool_refuse_by(settings->spec, &fault);
	/* An edit meanwhile leaves the rows as they were before. */
	if (!status && pool_gather_again(report, session, choice, &fault) == POOL_ENOMEM)
		status = tool_refuse_by(settings->spec, &fault);
	fill_report(report, &round, asked.method);
	pool_report_count(report, &settings->quorum);
out:
	pool_round_release(&round);
	return status;
}

static int check(const struct settings *settings, struct pool_session *session)
{
	struct pool_gather_choice choice = {0};
	struct pool_report report = {0};
	struct pool_fault fault = {0};
	int status = TOOL_YES, written;

	tool_warn_near_miss(session, settings->common.exchange);
	if (pool_gather_pools(&report, session, settings->common.exchange,
		    settings->common.type, settings->only.list, settings->only.count,
		    &choice, &fault) != 0)
		status = tool_refuse_by(settings->spec, &fault);
	else if (!choice.count)
		status = tool_tell_no_pool(settings->spec, &settings->common,
			choice.reason, settings->common.quiet ? NULL : "check");
	if (!status)
		status = judge_urls(settings, pool_session_snapshot(session), &choice);
	if (!status)
		status = make_round(settings, session, &choice, &report);
	if (!status || report.has_run) {
		written = write_metrics(settings, &report);
		status = status ? status : written;
	}
	if (!status)
		status = print_report(settings, &report);
	else if (report.has_run && !settings->plugin.asked)
		print_report(settings, &report);
	pool_report_release(&report);
	pool_gather_release(&choice);
	return status;
}

static int run(int argc, char **argv, struct settings *settings)
{
	struct pool_session *session = NULL;
	int status = read_command_line(argc, argv, settings);

	if (!status)
		status = open_session(settings, &session);
	if (!status)
		status = check(settings, session);
	pool_session_free(session);
	return status;
}

int main(int argc, char **argv)
{
	bool plugin = tool_is_plugin(argc, argv);
	const struct tool_spec spec = {
		.name = "pool-check",
		.synopsis = "[OPTION]... [FILE]",
		.summary = "Check the proxies of all pools now, and store how they do.",
		.options = options,
		.examples = "  pool-check -f pool.json\n"
			    "  pool-check -q --quorum 50% --timeout 50      # from cron: "
			    "mails only a no\n"
			    "  pool-check --plugin -w 80: -c 50: -t 20      # from "
			    "Nagios, Icinga, ...\n"
			    "  pool-check --dry-run --only eu-1 --method http --url "
			    "https://example.com/\n",
		.libraries = pool_engine_version,
		.said_status = plugin ? POOL_PLUGIN_UNKNOWN : TOOL_YES,
		.refuse = plugin ? tool_refuse_as_plugin : NULL,
	};
	struct settings settings = {
		.common = {.type = -1},
		.spec = &spec,
		.quorum = POOL_QUORUM_DEFAULT,
		.plugin = {.asked = plugin, .limits = {.timeout_s = TIMEOUT_S}},
		.concurrency = TOOL_CONCURRENCY,
		.round = {.method = -1},
	};
	int status;

	tool_begin();
	signal(SIGPIPE, SIG_IGN);
	status = run(argc, argv, &settings);
	free(settings.only.list);
	if (!tool_close_stdout())
		return plugin ? POOL_PLUGIN_UNKNOWN : TOOL_SYSTEM;
	return status;
}
