/* pool-check: one health run over the proxies of all pools. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/random.h"
#include "base/text.h"
#include "probe/round.h"
#include "report/gather.h"
#include "report/metrics.h"
#include "report/plugin.h"
#include "tool.h"

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
	PATH_SIZE = 4096,
	LOCK_TIMEOUT_MS = 5000,
	TIMEOUT_S = 50,
	TIMEOUT_MAX_S = 86400,
	CONCURRENCY = 256,
	CONCURRENCY_MAX = 1000000,
	PROGRESS_MS = 100,
	PROGRESS_WIDTH = 30,
};

static const struct tool_option options[] = {
	TOOL_OPTION_FILE,
	TOOL_OPTION_STATE,
	{TOOL_NO_STATE, "no-state", NULL, "use no state file; only with --dry-run"},
	{'x', "exchange", "ID", "only the pools of this exchange"},
	{'t', "type", "TYPE",
		"only pools for http or websocket; with --plugin: --timeout"},
	{OPT_ONLY, "only", "NAME,...", "only these proxies"},
	{OPT_METHOD, "method", "METHOD",
		"tcp, http, ping, tunnel or websocket, for this run"},
	{OPT_URL, "url", "URL", "what to ask for, for this run"},
	{OPT_CONCURRENCY, "concurrency", "N", "checks at once (default: 256)"},
	{OPT_TARGET_RATE, "target-rate", "N",
		"requests a second to one target host at most"},
	{OPT_TIMEOUT, "timeout", "SECONDS", "how long the run may take (default: 50)"},
	{OPT_QUORUM, "quorum", "N|N%", "how many of a pool must pass (default: 1)"},
	{OPT_PLUGIN, "plugin", NULL,
		"answer as a monitoring plugin: one line, status 0 to 3"},
	{'w', "warning", "RANGE",
		"with --plugin: warn by the worst pool's percentage passed"},
	{'c', "critical", "RANGE",
		"with --plugin: critical by it (default: below the quorum)"},
	{TOOL_FORMAT, "format", "FORMAT", "table, tsv, json or jsonl"},
	{OPT_METRICS_FILE, "metrics-file", "FILE",
		"write Prometheus text to this file as well"},
	{OPT_DRY_RUN, "dry-run", NULL, "check, but store nothing"},
	{OPT_CA_FILE, "ca-file", "FILE", "certificates to trust instead of the system's"},
	{'q', "quiet", NULL, "print nothing unless the answer is no"},
	{'v', "verbose", NULL, "say what to do about each failure"},
	TOOL_OPTION_HELP,
	TOOL_OPTION_VERSION,
	TOOL_OPTION_END,
};

struct settings {
	const char *file;
	const char *state;
	const char *exchange;
	const char *short_t; /* of -t: a type or seconds */
	const char *metrics_file;
	char *only_list;
	const char **only;
	size_t only_count;
	int type;
	enum pool_format format;
	bool format_given;
	struct pool_quorum quorum;
	struct pool_range warning, critical;
	bool warning_given, critical_given;
	bool no_state, dry_run, plugin, quiet, verbose;
	int64_t timeout_s;
	struct pool_round_options round;
};

/* --- telling -------------------------------------------------------------------- */

/* A plugin's user sees nothing but its line. */
static int tell_unknown(const char *why)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_plugin_print_unknown(why, &text);
	if (text.bytes)
		fputs(text.bytes, stdout);
	pool_text_release(&text);
	return POOL_PLUGIN_UNKNOWN;
}

static int fail(const struct settings *settings, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(const struct settings *settings, int status, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (settings->plugin)
		return tell_unknown(text);
	tool_error("%s", text);
	return status;
}

static int fail_by(const struct settings *settings, const struct pool_fault *fault)
{
	if (settings->plugin)
		return tell_unknown(fault->text);
	return tool_fail(fault);
}

/* --- options -------------------------------------------------------------------- */

static bool read_number(const struct settings *settings, const char *option,
	const char *text, int64_t high, int64_t *out)
{
	if (pool_text_to_int(text, 1, high, out))
		return true;
	fail(settings, TOOL_USAGE,
		"%s wants a whole number from 1 to %" PRId64 ", not '%s'", option, high,
		text);
	return false;
}

static bool read_rate(const struct settings *settings, const char *text, double *out)
{
	char *end = NULL;

	errno = 0;
	if (strspn(text, "0123456789.") == strlen(text))
		*out = strtod(text, &end);
	if (end && end != text && !*end && !errno && *out > 0)
		return true;
	fail(settings, TOOL_USAGE, "--target-rate wants a number above 0, not '%s'",
		text);
	return false;
}

static bool read_word(const struct settings *settings, const char *option,
	const char *word, const char *const *words, size_t count, int found)
{
	struct pool_text list = POOL_TEXT_EMPTY;
	const char *near = pool_text_nearest(word, words, count);

	if (found >= 0)
		return true;
	for (size_t i = 0; i < count; i++)
		pool_text_addf(&list, "%s%s", i ? ", " : "", words[i]);
	if (near)
		fail(settings, TOOL_USAGE, "%s: '%s' is unknown; did you mean '%s'?",
			option, word, near);
	else
		fail(settings, TOOL_USAGE, "%s: '%s' is none of %s", option, word,
			list.bytes ? list.bytes : "");
	pool_text_release(&list);
	return false;
}

static bool read_method(struct settings *settings)
{
	const char *names[POOL_METHODS];

	for (int i = 0; i < POOL_METHODS; i++)
		names[i] = pool_method_get((enum pool_method)i)->name;
	settings->round.method = -1;
	for (int i = 0; i < POOL_METHODS; i++)
		if (strcmp(names[i], optarg) == 0)
			settings->round.method = i;
	return read_word(settings, "--method", optarg, names, POOL_METHODS,
		settings->round.method);
}

static bool read_format(struct settings *settings)
{
	int format = pool_format_find(optarg);

	settings->format = (enum pool_format)format;
	settings->format_given = true;
	return read_word(
		settings, "--format", optarg, pool_format_names(), POOL_FORMATS, format);
}

static bool read_range(
	const struct settings *settings, char letter, struct pool_range *out, bool *given)
{
	*given = true;
	if (pool_range_parse(optarg, out))
		return true;
	fail(settings, TOOL_USAGE, "-%c wants a range [@][start:]end, not '%s'", letter,
		optarg);
	return false;
}

static bool read_quorum(struct settings *settings)
{
	if (pool_quorum_parse(optarg, &settings->quorum))
		return true;
	fail(settings, TOOL_USAGE,
		"--quorum wants a count or a percentage up to 100%%, not '%s'", optarg);
	return false;
}

static bool read_url(struct settings *settings)
{
	static const char *const starts[] = {"http://", "https://", "ws://", "wss://"};
	bool good = false;

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		good |= strncasecmp(optarg, starts[i], strlen(starts[i])) == 0 &&
			optarg[strlen(starts[i])];
	for (const char *at = optarg; *at; at++)
		good &= (unsigned char)*at > ' ' && *at != 0x7f;
	settings->round.url = optarg;
	if (!good)
		fail(settings, TOOL_USAGE,
			"--url wants a URL of http, https, ws or wss without blanks");
	return good;
}

/* Names of this list and of those before it. */
static bool read_only(struct settings *settings)
{
	size_t room = settings->only_count + 1;
	const char **longer;
	char *rest = NULL;

	for (const char *at = optarg; *at; at++)
		room += *at == ',';
	longer = realloc(settings->only, room * sizeof(*longer));
	if (!longer) {
		fail(settings, TOOL_SYSTEM, "out of memory");
		return false;
	}
	settings->only = longer;
	for (char *word = strtok_r(optarg, ",", &rest); word;
		word = strtok_r(NULL, ",", &rest))
		settings->only[settings->only_count++] = word;
	if (!settings->only_count)
		fail(settings, TOOL_USAGE, "--only wants at least one name");
	return settings->only_count > 0;
}

static bool read_option(int letter, struct settings *settings)
{
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
	case 'x':
		settings->exchange = optarg;
		return true;
	case 't':
		settings->short_t = optarg;
		return true;
	case OPT_ONLY:
		return read_only(settings);
	case OPT_METHOD:
		return read_method(settings);
	case OPT_URL:
		return read_url(settings);
	case OPT_CONCURRENCY:
		if (!read_number(
			    settings, "--concurrency", optarg, CONCURRENCY_MAX, &number))
			return false;
		settings->round.concurrency = (size_t)number;
		return true;
	case OPT_TARGET_RATE:
		return read_rate(settings, optarg, &settings->round.target_rate);
	case OPT_TIMEOUT:
		return read_number(settings, "--timeout", optarg, TIMEOUT_MAX_S,
			&settings->timeout_s);
	case OPT_QUORUM:
		return read_quorum(settings);
	case OPT_PLUGIN:
		return true; /* known before all others */
	case 'w':
		return read_range(
			settings, 'w', &settings->warning, &settings->warning_given);
	case 'c':
		return read_range(
			settings, 'c', &settings->critical, &settings->critical_given);
	case TOOL_FORMAT:
		return read_format(settings);
	case OPT_METRICS_FILE:
		settings->metrics_file = optarg;
		return true;
	case OPT_DRY_RUN:
		return settings->dry_run = true;
	case OPT_CA_FILE:
		settings->round.ca_file = optarg;
		return true;
	case 'q':
		return settings->quiet = true;
	case 'v':
		return settings->verbose = true;
	default:
		return false;
	}
}

/* -t: seconds for a plugin, as all plugins have it, else a connection type. */
static bool read_short_t(struct settings *settings)
{
	if (!settings->short_t)
		return true;
	if (settings->plugin)
		return read_number(settings, "with --plugin, -t", settings->short_t,
			TIMEOUT_MAX_S, &settings->timeout_s);
	settings->type = pool_type_find(settings->short_t);
	if (settings->type >= 0)
		return true;
	fail(settings, TOOL_USAGE, "no connection type is called '%s': http or websocket",
		settings->short_t);
	return false;
}

static bool fit_together(const struct settings *settings)
{
	if (!settings->plugin && (settings->warning_given || settings->critical_given)) {
		fail(settings, TOOL_USAGE, "-w and -c go with --plugin");
		return false;
	}
	if (settings->plugin && settings->format_given) {
		fail(settings, TOOL_USAGE,
			"--plugin has a format of its own: no --format");
		return false;
	}
	if (settings->round.ca_file && access(settings->round.ca_file, R_OK) != 0) {
		fail(settings, TOOL_USAGE, "cannot read --ca-file '%s': %s",
			settings->round.ca_file, strerror(errno));
		return false;
	}
	return true;
}

static bool read_options(
	int argc, char **argv, const struct tool_spec *spec, struct settings *settings)
{
	int letter;

	while ((letter = tool_getopt(argc, argv, spec)) != -1) {
		if (letter == '?' && settings->plugin)
			tell_unknown("wrong usage: see standard error, or --help");
		if (!read_option(letter, settings))
			return false;
	}
	if (optind < argc && !settings->file)
		settings->file = argv[optind++];
	if (optind < argc) {
		fail(settings, TOOL_USAGE, "one pool file is enough: what is '%s'?",
			argv[optind]);
		return false;
	}
	settings->round.only = settings->only;
	settings->round.only_count = settings->only_count;
	return read_short_t(settings) && fit_together(settings);
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

static int open_session(struct settings *settings, struct pool_session **out)
{
	char file[PATH_SIZE], state[PATH_SIZE];
	struct pool_session_options opening = {.lock_timeout_ms = LOCK_TIMEOUT_MS,
		.warn = tool_warn_line,
		.lookup = tool_lookup};
	struct pool_fault fault = {0};
	int status = TOOL_UNUSABLE;

	if (settings->no_state && !settings->dry_run)
		return fail(settings, TOOL_UNUSABLE,
			"cannot store results with --no-state; add --dry-run to store "
			"none");
	opening.file = tool_find_file(settings->file, file, sizeof(file), &status);
	if (!opening.file)
		return settings->plugin
			? tell_unknown("no pool file: give one with -f FILE")
			: status;
	if (!settings->no_state)
		opening.state = tool_find_state(
			settings->state, opening.file, state, sizeof(state));
	if (settings->dry_run && opening.state &&
		!state_is_there(opening.state, opening.file))
		opening.state = NULL;
	if (pool_session_new(out, &opening, &fault) != 0)
		return fail_by(settings, &fault);
	if (settings->dry_run)
		return TOOL_YES;
	if (!pool_session_state_path(*out))
		return fail(settings, TOOL_UNUSABLE,
			"cannot store results of '%s': it has no state file; give one "
			"with -s, or "
			"add --dry-run",
			opening.file);
	if (pool_session_check_state(*out, &fault) != 0)
		return fail_by(settings, &fault);
	return TOOL_YES;
}

/* --- progress ------------------------------------------------------------------- */

struct progress {
	int64_t next_ns;
	bool wanted;
	bool shown;
};

static void show_progress(void *context, size_t done, size_t count)
{
	struct progress *progress = context;
	struct pool_now now;
	char bar[PROGRESS_WIDTH + 1];
	size_t filled = done * PROGRESS_WIDTH / count;

	if (!progress->wanted)
		return;
	pool_clock_get(&now);
	if (now.boot_ns < progress->next_ns)
		return;
	progress->next_ns = now.boot_ns + PROGRESS_MS * POOL_NS_PER_MS;
	progress->shown = true;
	memset(bar, '.', PROGRESS_WIDTH);
	memset(bar, '#', filled);
	bar[PROGRESS_WIDTH] = '\0';
	fprintf(stderr, "\r[%s] %zu of %zu", bar, done, count);
}

static void end_progress(const struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
}

/* tool_lookup() has no use for the context, which is the progress. */
static const char *look_up(void *context, const char *name)
{
	(void)context;
	return tool_lookup(NULL, name);
}

/* --- results -------------------------------------------------------------------- */

static enum pool_result judge_row(enum pool_reason reason, enum pool_status status)
{
	switch (pool_reason_get((int)reason)->verdict) {
	case POOL_VERDICT_OK:
	case POOL_VERDICT_LIMITED:
		return POOL_RESULT_PASSED;
	case POOL_VERDICT_DOWN:
	case POOL_VERDICT_BLOCKED:
		return POOL_RESULT_FAILED;
	case POOL_VERDICT_INCONCLUSIVE:
	case POOL_VERDICTS:
		break;
	}
	/* One that a target sent away for a while is known to work. */
	return status == POOL_STATUS_COOLING ? POOL_RESULT_PASSED
					     : POOL_RESULT_INCONCLUSIVE;
}

static void fill_row(struct pool_report_row *row, const struct pool_round_item *item,
	const struct pool_outcome *outcome)
{
	bool good = item->reason == POOL_REASON_OK;

	if (outcome->stored)
		row->status = outcome->status;
	row->result = judge_row(item->reason, row->status);
	row->reason = item->reason;
	row->latency_us = good ? item->latency_us : -1;
	row->http_status = item->http_status;
	row->attempts = item->attempts;
	if (item->reason == item->found)
		snprintf(row->detail, sizeof(row->detail), "%s", item->detail);
	else
		snprintf(row->detail, sizeof(row->detail), "%s%s%.96s",
			pool_reason_get((int)item->found)->name,
			item->detail[0] ? ", " : "", item->detail);
}

/* Items stand in the order of the rows; rows that were not checked have none. */
static void fill_rows(struct pool_report *report, const struct pool_round *round)
{
	size_t at = 0;

	for (size_t i = 0; i < report->row_count; i++) {
		struct pool_report_row *row = &report->rows[i];

		row->result = POOL_RESULT_UNCHECKED;
		if (at < round->count && round->items[at].member == row->member) {
			fill_row(row, &round->items[at], &round->outcomes[at]);
			at++;
			continue;
		}
		/* What the state knows of earlier checks is none of this run's results.
		 */
		row->reason = POOL_REASON_NONE;
		row->latency_us = -1;
		row->http_status = 0;
	}
	report->has_run = true;
	report->run_at_s = round->began_wall_s;
	report->run_us = round->took_us;
	report->target_suspect = round->judgement.target_suspect;
	report->uplink_suspect = round->judgement.uplink_suspect;
}

/* The reason of this machine's that kept every check from being made; NONE if there is
 * not one. */
static enum pool_reason find_obstacle(const struct pool_round *round)
{
	enum pool_reason reason = round->count ? round->items[0].found : POOL_REASON_NONE;
	static const enum pool_reason obstacles[] = {POOL_REASON_NO_DESCRIPTORS,
		POOL_REASON_NO_MEMORY, POOL_REASON_NO_PORTS, POOL_REASON_NO_PERMISSION};

	for (size_t i = 0; i < round->count; i++)
		if (round->items[i].found != reason)
			return POOL_REASON_NONE;
	for (size_t i = 0; i < sizeof(obstacles) / sizeof(obstacles[0]); i++)
		if (obstacles[i] == reason)
			return reason;
	return POOL_REASON_NONE;
}

/* --- printing ------------------------------------------------------------------- */

static const enum pool_column table_columns[] = {POOL_COLUMN_POOL, POOL_COLUMN_PROXY,
	POOL_COLUMN_URL, POOL_COLUMN_STATUS, POOL_COLUMN_REASON, POOL_COLUMN_LATENCY,
	POOL_COLUMN_WAIT, POOL_COLUMN_WHAT, POOL_COLUMN_ADVICE};

static const enum pool_column data_columns[] = {POOL_COLUMN_POOL, POOL_COLUMN_TYPES,
	POOL_COLUMN_PROXY, POOL_COLUMN_URL, POOL_COLUMN_STATUS, POOL_COLUMN_RESULT,
	POOL_COLUMN_REASON, POOL_COLUMN_LATENCY, POOL_COLUMN_HTTP_STATUS,
	POOL_COLUMN_ATTEMPTS, POOL_COLUMN_WAIT, POOL_COLUMN_TEXT, POOL_COLUMN_DETAIL,
	POOL_COLUMN_ADVICE};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && terminal &&
		strcmp(terminal, "dumb") != 0;
}

static struct pool_report_view make_view(const struct settings *settings)
{
	struct pool_report_view view = {
		.format = settings->format,
		.columns = data_columns,
		.column_count = COUNT(data_columns),
		.only_failed = settings->quiet,
	};

	if (settings->format != POOL_FORMAT_TABLE)
		return view;
	view.columns = table_columns;
	view.column_count = COUNT(table_columns) - !settings->verbose;
	view.colour = wants_colour();
	return view;
}

/* Once, whatever the number of proxies: the run as a whole says that they are not to
 * blame. */
static void tell_judgement(const struct pool_report *report)
{
	if (report->uplink_suspect)
		tool_warn("nothing at all answered in time: check this machine's "
			  "network; no "
			  "proxy was blamed");
	for (size_t i = 0; report->target_suspect && i < report->row_count; i++)
		if (report->rows[i].reason == POOL_REASON_TARGET_SUSPECT) {
			tool_warn("%s: the target failed through every proxy that "
				  "reached it: "
				  "check the target; no proxy was blamed",
				report->pools[report->rows[i].pool].where);
			return;
		}
}

/* A line a pool: part of the table, beside the other formats only where it is no yes. */
static void summarize(const struct pool_report *report, const struct settings *settings,
	struct pool_text *text)
{
	bool table = settings->format == POOL_FORMAT_TABLE;

	if (table && text->length)
		pool_text_add(text, "\n");
	for (size_t i = 0; i < report->pool_count; i++) {
		const struct pool_report_pool *pool = &report->pools[i];
		struct pool_text line = POOL_TEXT_EMPTY;
		bool no = pool->quorum >= POOL_QUORUM_UNDECIDED;

		pool_report_summarize(pool, &line);
		if (!line.bytes)
			text->broken = true;
		else if (table && (no || !settings->quiet))
			pool_text_addf(text, "%s\n", line.bytes);
		else if (!table && (no || settings->verbose))
			tool_error("%s", line.bytes);
		pool_text_release(&line);
	}
}

static int print_text(const struct settings *settings, struct pool_text *text, int status)
{
	if (text->broken)
		status = fail(settings, TOOL_SYSTEM, "out of memory");
	else if (text->length)
		fwrite(text->bytes, 1, text->length, stdout);
	pool_text_release(text);
	return status;
}

static int print_plugin(const struct settings *settings, const struct pool_report *report)
{
	const struct pool_plugin_limits limits = {
		.warning = settings->warning_given ? &settings->warning : NULL,
		.critical = settings->critical_given ? &settings->critical : NULL,
		.timeout_s = settings->timeout_s,
	};
	enum pool_plugin_state state = pool_plugin_judge(report, &limits);
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_plugin_print(report, &limits, state, &text);
	return print_text(settings, &text, (int)state);
}

static int print_report(const struct settings *settings, const struct pool_report *report)
{
	static const int statuses[POOL_QUORUMS] = {
		[POOL_QUORUM_UNASKED] = TOOL_YES,
		[POOL_QUORUM_MET] = TOOL_YES,
		[POOL_QUORUM_UNDECIDED] = TOOL_SYSTEM,
		[POOL_QUORUM_MISSED] = TOOL_NO,
	};
	const struct pool_report_view view = make_view(settings);
	struct pool_text text = POOL_TEXT_EMPTY;
	int status;

	if (settings->plugin)
		return print_plugin(settings, report);
	status = statuses[pool_report_quorum(report)];
	if (settings->quiet && status == TOOL_YES)
		return status;
	tell_judgement(report);
	pool_report_render(report, &view, &text);
	summarize(report, settings, &text);
	return print_text(settings, &text, status);
}

static int write_metrics(
	const struct settings *settings, const struct pool_report *report)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	struct pool_fault fault = {0};
	int error;

	if (!settings->metrics_file)
		return TOOL_YES;
	pool_metrics_render(report, &text);
	error = pool_metrics_write(settings->metrics_file, &text, &fault);
	pool_text_release(&text);
	return error ? fail_by(settings, &fault) : TOOL_YES;
}

/* --- the run -------------------------------------------------------------------- */

/* Nothing to check: a yes, but not for an exchange that was asked for by name and has
 * none. */
static int tell_nothing(
	const struct settings *settings, const struct pool_gather_choice *choice)
{
	bool disabled = choice->reason == POOL_NO_DISABLED;

	if (settings->exchange && !disabled)
		return fail(settings, TOOL_NO,
			"no pool for '%s'%s%s: neither it nor default has one",
			settings->exchange, settings->type < 0 ? "" : " ",
			settings->type < 0
				? ""
				: pool_type_name((enum pool_type)settings->type));
	if (!settings->quiet)
		tool_error("nothing to check: the pool file %s",
			disabled ? "does not say \"enabled\": true" : "has no pool");
	return TOOL_YES;
}

static void warn_near_miss(
	const struct settings *settings, const struct pool_snapshot *snapshot)
{
	struct pool_resolution resolution;

	if (!settings->exchange)
		return;
	pool_snapshot_resolve(snapshot, settings->exchange, POOL_TYPE_HTTP, &resolution);
	if (resolution.near_miss)
		tool_warn("no exchange is called '%s'; did you mean '%s'?",
			settings->exchange, resolution.near_miss);
}

/* Make the checks, with a bar for who watches; an exit status. */
static int carry_out(const struct settings *settings, struct pool_round *round,
	const struct pool_round_options *asked)
{
	struct progress progress = {.wanted = isatty(STDERR_FILENO) && !settings->quiet};
	const struct pool_reason_row *row;
	struct pool_round_options watched = *asked;
	struct pool_fault fault = {0};
	enum pool_reason obstacle;
	struct pool_now now;
	int error;

	/* A run that is over at once shows none. */
	pool_clock_get(&now);
	progress.next_ns = now.boot_ns + PROGRESS_MS * POOL_NS_PER_MS;
	watched.progress = show_progress;
	watched.context = &progress;
	error = pool_round_run(round, &watched, &fault);
	end_progress(&progress);
	if (error)
		return fail_by(settings, &fault);
	obstacle = find_obstacle(round);
	if (!obstacle)
		return TOOL_YES;
	row = pool_reason_get((int)obstacle);
	return fail(settings, TOOL_SYSTEM, "cannot check: %s: %s", row->sentence,
		row->advice);
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
	asked.lookup = look_up;
	if (pool_random_bytes(&asked.seed, sizeof(asked.seed)) != 0)
		return fail(settings, TOOL_SYSTEM, "cannot get random bytes: %s",
			strerror(errno));
	if (pool_round_plan(&round, pool_session_snapshot(session), &asked, &fault) != 0)
		return fail_by(settings, &fault);
	status = carry_out(settings, &round, &asked);
	if (status)
		goto out;
	if (!settings->dry_run &&
		pool_session_store(session, round.outcomes, round.count, &fault) != 0)
		status = fail_by(settings, &fault);
	if (!status && pool_gather_again(report, session, choice, &fault) != 0)
		status = fail_by(settings, &fault);
	fill_rows(report, &round);
	pool_report_count(report, &settings->quorum);
out:
	pool_round_release(&round);
	return status;
}

static int check(struct settings *settings, struct pool_session *session)
{
	struct pool_gather_choice choice = {0};
	struct pool_report report = {0};
	struct pool_fault fault = {0};
	int status = TOOL_YES, written;

	warn_near_miss(settings, pool_session_snapshot(session));
	if (pool_gather_choose(pool_session_snapshot(session), settings->exchange,
		    settings->type, &choice) != 0)
		return fail(settings, TOOL_SYSTEM, "out of memory");
	choice.only = settings->only;
	choice.only_count = settings->only_count;
	if (!choice.count)
		status = tell_nothing(settings, &choice);
	if (!status && pool_gather(&report, session, &choice, &fault) != 0)
		status = fail_by(settings, &fault);
	if (!status)
		status = make_round(settings, session, &choice, &report);
	if (!status || report.has_run) {
		written = write_metrics(settings, &report);
		status = status ? status : written;
	}
	if (!status)
		status = print_report(settings, &report);
	else if (report.has_run && !settings->plugin)
		print_report(settings, &report);
	pool_report_release(&report);
	pool_gather_release(&choice);
	return status;
}

static int run(
	int argc, char **argv, const struct tool_spec *spec, struct settings *settings)
{
	struct pool_session *session = NULL;
	int status;

	if (!read_options(argc, argv, spec, settings))
		return settings->plugin ? POOL_PLUGIN_UNKNOWN : TOOL_USAGE;
	settings->round.deadline_ms = settings->timeout_s * 1000;
	status = open_session(settings, &session);
	if (!status)
		status = check(settings, session);
	pool_session_free(session);
	return status;
}

/* Before all other options: it decides what they mean and how a wrong one is told. */
static bool is_plugin(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--plugin") == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct settings settings = {
		.type = -1,
		.quorum = {.count = 1},
		.timeout_s = TIMEOUT_S,
		.plugin = is_plugin(argc, argv),
		.round = {.method = -1, .concurrency = CONCURRENCY},
	};
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
		.libraries = pool_engine_version(),
		.said_status = settings.plugin ? POOL_PLUGIN_UNKNOWN : TOOL_YES,
	};
	int status;

	signal(SIGPIPE, SIG_IGN);
	tool_begin();
	status = run(argc, argv, &spec, &settings);
	free(settings.only);
	if (!tool_close_stdout())
		return settings.plugin ? POOL_PLUGIN_UNKNOWN : TOOL_SYSTEM;
	return status;
}
