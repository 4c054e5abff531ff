/* pool-status: what every proxy of every pool is now. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "report/metrics.h"
#include "report/stored.h"
#include "state/repair.h"
#include "tool_report.h"
#include "status_prune.h"
#include "tool_screen.h"

enum {
	OPT_ONLY = TOOL_OWN_OPTIONS,
	OPT_QUORUM,
	OPT_PLUGIN,
	OPT_TIMEOUT,
	OPT_WATCH,
	OPT_HISTORY,
	OPT_NAMES,
	OPT_VERIFY,
	OPT_REPAIR,
	OPT_PRUNE,
	OPT_DRY_RUN,
	WATCH_S = 2,
	WATCH_MAX_S = 86400,
	LOCK_MS = 200,         /* of a look: it can do without the lock */
	VERIFY_LOCK_MS = 5000, /* of a verdict: it cannot */
	FORMAT_PROMETHEUS = POOL_FORMATS,
	FORMATS,
};

struct settings {
	struct tool_common common;
	const struct tool_spec *spec;
	struct tool_names only;
	int format; /* enum pool_format, or FORMAT_PROMETHEUS */
	bool format_given;
	bool quorum_given;
	struct pool_quorum quorum;
	struct tool_plugin plugin;
	int64_t watch_s; /* 0: once */
	bool watch_bare; /* without a number of its own */
	bool history, names, null, verify, repair, prune, dry_run;
	struct pool_text
		*trouble;      /* where warnings go while a screen is drawn; or NULL */
	struct pool_text said; /* by --repair, a line each */
};

/* --- options -------------------------------------------------------------------- */

static int read_format(const struct tool_given *given, void *context)
{
	struct settings *settings = context;
	const char *names[FORMATS];

	for (int i = 0; i < POOL_FORMATS; i++)
		names[i] = pool_format_names()[i];
	names[FORMAT_PROMETHEUS] = "prometheus";
	settings->format_given = true;
	return tool_find_value(given, names, FORMATS, &settings->format);
}

static int read_quorum(const struct tool_given *given, void *context)
{
	struct settings *settings = context;

	settings->quorum_given = true;
	return tool_read_quorum(given, context);
}

static int read_watch(const struct tool_given *given, void *context)
{
	struct settings *settings = context;

	settings->watch_s = WATCH_S;
	settings->watch_bare = !given->value;
	return given->value ? tool_read_number(given, context) : TOOL_YES;
}

#define SET(reader, member) TOOL_SET(reader, struct settings, member)

static const struct tool_option options[] = {
	TOOL_OPTION_FILE,
	TOOL_OPTION_TRUST_FILE,
	TOOL_OPTION_STATE,
	TOOL_OPTION_EXCHANGE("only the pools of this exchange"),
	{'t', "type", "TYPE",
		"only pools for http or websocket; with --plugin, -t is --timeout",
		SET(tool_read_type_or_timeout, plugin)},
	{OPT_ONLY, "only", "NAME,...", "only these proxies", SET(tool_read_names, only)},
	{TOOL_FORMAT, "format", "FORMAT",
		"table, tsv, json, jsonl or prometheus (default: table)",
		.read = read_format},
	{OPT_QUORUM, "quorum", "N|N%", "exit 1 unless so many of each pool work",
		.read = read_quorum, .offset = offsetof(struct settings, quorum)},
	{OPT_PLUGIN, "plugin", NULL,
		"answer as a monitoring plugin: one line, status 0 to 3",
		SET(tool_read_flag, plugin.asked)},
	{'w', "warning", "RANGE",
		"with --plugin: warn by the worst pool's percentage that works (default: "
		"100:)",
		SET(tool_read_range, plugin)},
	{'c', "critical", "RANGE",
		"with --plugin: critical by it (default: below the quorum)",
		SET(tool_read_range, plugin)},
	{OPT_TIMEOUT, "timeout", "SECONDS", "how long to wait for the lock",
		SET(tool_read_number, plugin.limits.timeout_s), .low = 1,
		.high = TOOL_TIMEOUT_MAX_S},
	{OPT_WATCH, "watch", "SECONDS", "show the table again and again (default: 2)",
		.read = read_watch, .offset = offsetof(struct settings, watch_s),
		.low = 1, .high = WATCH_MAX_S, .optional = true},
	{OPT_HISTORY, "history", NULL, "show the last changes of status, oldest first",
		SET(tool_read_flag, history)},
	{OPT_NAMES, "names", NULL, "print the names of the proxies, one a line",
		SET(tool_read_flag, names)},
	{'0', "null", NULL, "with --names: end each with a NUL byte",
		SET(tool_read_flag, null)},
	{OPT_VERIFY, "verify", NULL,
		"say whether the state file and the snapshot are whole",
		SET(tool_read_flag, verify)},
	{OPT_REPAIR, "repair", NULL, "set right what is wrong in them",
		SET(tool_read_flag, repair)},
	{OPT_PRUNE, "prune", NULL,
		"remove the states and snapshots of pool files that are gone",
		SET(tool_read_flag, prune)},
	{OPT_DRY_RUN, "dry-run", NULL, "with --prune: list them, remove nothing",
		SET(tool_read_flag, dry_run)},
	TOOL_OPTION_QUIET("print only what is not as it should be"),
	TOOL_OPTION_VERBOSE("say why of each proxy"),
	TOOL_OPTION_LOG_FORMAT,
	TOOL_OPTION_HELP,
	TOOL_OPTION_VERSION,
	TOOL_OPTION_END,
};

/* What no single option can tell. */
static const char *find_contradiction(const struct settings *settings)
{
	const bool modes[] = {settings->plugin.asked, settings->watch_s != 0,
		settings->history, settings->names, settings->verify, settings->repair,
		settings->prune};
	int asked = 0;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		asked += modes[i];
	if (asked > 1)
		return "--plugin, --watch, --history, --names, --verify, --repair and "
		       "--prune exclude each other";
	if (settings->dry_run && !settings->prune)
		return "--dry-run goes with --prune";
	if (settings->prune && (settings->common.file || settings->common.exchange))
		return "--prune is about a folder of states, not about a pool file";
	if (settings->null && !settings->names)
		return "-0 goes with --names";
	if (settings->format_given &&
		(settings->names || settings->verify || settings->repair ||
			settings->prune))
		return "--names, --verify, --repair and --prune have no --format";
	if (settings->watch_s && settings->format != POOL_FORMAT_TABLE)
		return "--watch shows the table: it has no other --format";
	if (settings->history && settings->format == FORMAT_PROMETHEUS)
		return "--history is no metric: it has table, tsv, json and jsonl";
	if (settings->quorum_given &&
		(settings->history || settings->names || settings->verify ||
			settings->repair || settings->prune))
		return "--quorum goes with the table, the other formats, --watch and "
		       "--plugin";
	return NULL;
}

/* "--watch 5", where the 5 is the operand and thereby a pool file. */
static bool is_watch_apart(const struct settings *settings)
{
	const char *file = settings->common.file;

	return settings->watch_bare && file &&
		strspn(file, "0123456789") == strlen(file) && access(file, F_OK) != 0;
}

static int read_command_line(int argc, char **argv, struct settings *settings)
{
	const char *contradiction;
	int status = tool_read_options(argc, argv, settings->spec, settings);

	if (!status)
		status = tool_read_operand(argc, argv, settings->spec, &settings->common);
	if (!status)
		status = tool_judge_plugin(
			settings->spec, &settings->plugin, settings->format_given);
	if (status)
		return status;
	if (is_watch_apart(settings))
		return tool_refuse(settings->spec, TOOL_USAGE,
			"there is no pool file '%s'; did you mean '--watch=%s'?",
			settings->common.file, settings->common.file);
	contradiction = find_contradiction(settings);
	if (contradiction)
		return tool_refuse(settings->spec, TOOL_USAGE, "%s", contradiction);
	return TOOL_YES;
}

/* --- opening -------------------------------------------------------------------- */

/* Whether it is the first time: --repair opens the files once more, to write. */
static bool is_news(struct settings *settings, const char *text)
{
	struct pool_text line = POOL_TEXT_EMPTY;
	bool news;

	pool_text_addf(&line, "%s\n", text);
	news = line.broken || !settings->said.length ||
		!strstr(settings->said.bytes, line.bytes);
	if (news)
		pool_text_addf(&settings->said, "%s\n", text);
	pool_text_release(&line);
	return news;
}

static void warn(void *context, const char *text)
{
	struct settings *settings = context;

	if (settings->names || (settings->repair && !is_news(settings, text)))
		return;
	if (!settings->trouble) {
		tool_warn("%s", text);
		return;
	}
	pool_text_add(settings->trouble, "warning: ");
	pool_text_add_safe(settings->trouble, text, strlen(text));
	pool_text_add(settings->trouble, "\n");
}

/* tool_lookup() has no use for the context, which is the settings. */
static const char *look_up(void *context, const char *name)
{
	(void)context;
	return tool_lookup(NULL, name);
}

static int64_t lock_timeout_ms(const struct settings *settings)
{
	if (settings->plugin.limits.timeout_s)
		return settings->plugin.limits.timeout_s * 1000;
	return settings->verify || settings->repair ? VERIFY_LOCK_MS : LOCK_MS;
}

static int open_session(struct settings *settings, const struct tool_files *files,
	bool read_only, struct pool_session **out)
{
	const struct pool_session_options opening = {
		.file = files->file,
		.environment = tool_environment(),
		.state = files->state,
		.read_only = read_only,
		.lock_timeout_ms = lock_timeout_ms(settings),
		.trust_file = settings->common.trust_file,
		.guard = tool_guard(),
		.warn = warn,
		.lookup = look_up,
		.context = settings,
	};
	struct pool_fault fault = {0};

	if (pool_session_new(out, &opening, &fault) == 0)
		return TOOL_YES;
	return tool_refuse_by(settings->spec, &fault);
}

static bool is_missing(const struct pool_fault *fault)
{
	return fault->code == POOL_ENOFILE &&
		(fault->sys_errno == ENOENT || fault->sys_errno == ENOTDIR);
}

/* There is nothing yet: no failure, but to a plugin, which can say nothing then. */
static int tell_missing(const struct settings *settings, const char *path)
{
	if (settings->plugin.asked)
		return tool_refuse(settings->spec, TOOL_UNUSABLE, "no state file%s%s%s",
			path ? " yet: '" : " can be had", path ? path : "",
			path ? "' is made by the first check or selection" : "");
	if (settings->common.quiet || settings->trouble)
		return TOOL_YES;
	if (path)
		tool_note("no state file yet: '%s' is made by the first check or "
			  "selection",
			path);
	else
		tool_note("no state file: only what the pool file says is known");
	return TOOL_YES;
}

/* Whether the state can be read, before anything is shown of it; <there>: or is none. */
static int look_at_state(
	struct pool_session *session, bool *there, struct pool_fault *fault)
{
	int error = 0;

	*there = pool_session_state_path(session) != NULL;
	if (*there)
		error = pool_session_check_state(session, fault);
	if (error && is_missing(fault)) {
		*there = false;
		error = 0;
	}
	return error;
}

/* --- what is shown -------------------------------------------------------------- */

/* What was gathered for one look. */
struct look {
	struct pool_session *session;
	struct pool_gather_choice choice;
	struct pool_report report;
};

static void release(struct look *look)
{
	pool_report_release(&look->report);
	pool_gather_release(&look->choice);
}

/* Gather the chosen pools; an exit status. */
static int gather(const struct settings *settings, struct look *look)
{
	const struct tool_common *common = &settings->common;
	struct pool_fault fault = {0};

	if (pool_gather_pools(&look->report, look->session, common->exchange,
		    common->type, settings->only.list, settings->only.count,
		    &look->choice, &fault) != 0)
		return tool_refuse_by(settings->spec, &fault);
	pool_report_judge_stored(&look->report, &settings->quorum);
	if (look->choice.count)
		return TOOL_YES;
	return tool_tell_no_pool(settings->spec, common, look->choice.reason,
		common->quiet || settings->plugin.asked ? NULL : "show");
}

static int quorum_status(
	const struct settings *settings, const struct pool_report *report)
{
	return settings->quorum_given &&
			pool_report_quorum(report) >= POOL_QUORUM_UNDECIDED
		? TOOL_NO
		: TOOL_YES;
}

static void render_table(const struct settings *settings,
	const struct pool_report *report, struct pool_text *rows, struct pool_text *lines)
{
	const struct pool_telling telling = {.quorum = settings->quorum_given,
		.only_degraded = settings->common.quiet,
		.file = settings->common.file,
		.state = settings->common.state};
	struct pool_report_view view = pool_report_view_stored(
		report, POOL_FORMAT_TABLE, settings->common.verbose);

	view.colour = tool_wants_colour();
	view.only_obstructed = settings->common.quiet;
	pool_report_render(report, &view, rows);
	pool_report_tell_stored(report, &telling, lines);
}

/* Beside data the lines are on standard error, and only of a missed quorum. */
static void tell_missed(const struct settings *settings, const struct pool_report *report)
{
	const struct pool_telling telling = {.quorum = true,
		.only_degraded = true,
		.file = settings->common.file,
		.state = settings->common.state};
	struct pool_text lines = POOL_TEXT_EMPTY;

	if (quorum_status(settings, report) == TOOL_YES)
		return;
	pool_report_tell_stored(report, &telling, &lines);
	tool_tell_lines(tool_error, &lines);
}

static void render_data(const struct settings *settings, const struct pool_report *report,
	struct pool_text *text)
{
	struct pool_report_view view;

	if (settings->format == FORMAT_PROMETHEUS) {
		pool_metrics_render(report, true, text);
		return;
	}
	view = pool_report_view_stored(
		report, (enum pool_format)settings->format, settings->common.verbose);
	view.only_obstructed = settings->common.quiet;
	pool_report_render(report, &view, text);
}

static int print_report(const struct settings *settings, const struct pool_report *report)
{
	struct pool_text text = POOL_TEXT_EMPTY, lines = POOL_TEXT_EMPTY;

	if (settings->format == POOL_FORMAT_TABLE) {
		render_table(settings, report, &text, &lines);
		pool_text_add(&text, text.length && lines.length ? "\n" : "");
		pool_text_add(&text, lines.bytes ? lines.bytes : "");
		text.broken |= lines.broken;
	} else {
		render_data(settings, report, &text);
		tell_missed(settings, report);
	}
	pool_text_release(&lines);
	return tool_print_text(settings->spec, &text, quorum_status(settings, report));
}

static int print_history(const struct settings *settings, struct look *look)
{
	struct pool_report_view view =
		pool_report_view_history((enum pool_format)settings->format);
	struct pool_text text = POOL_TEXT_EMPTY;
	struct pool_report changes = {0};
	struct pool_fault fault = {0};
	int status = TOOL_YES;

	view.colour = tool_wants_colour();
	if (pool_gather_history(
		    &changes, &look->report, look->session, &look->choice, &fault) != 0)
		status = tool_refuse_by(settings->spec, &fault);
	else
		pool_report_render(&changes, &view, &text);
	pool_report_release(&changes);
	return tool_print_text(settings->spec, &text, status);
}

/* --- once ------------------------------------------------------------------------- */

static int show_once(const struct settings *settings, struct pool_session *session)
{
	struct look look = {.session = session};
	struct pool_fault fault = {0};
	int status = TOOL_YES;
	bool there;

	tool_warn_near_miss(session, settings->common.exchange);
	if (look_at_state(session, &there, &fault) != 0)
		status = tool_refuse_by(settings->spec, &fault);
	if (!status)
		status = gather(settings, &look);
	if (!status && !there)
		status = tell_missing(settings, pool_session_state_path(session));
	if (!status && settings->plugin.asked)
		status = tool_print_plugin(
			settings->spec, &settings->plugin, &look.report);
	else if (!status && look.choice.count)
		status = settings->history ? print_history(settings, &look)
					   : print_report(settings, &look.report);
	release(&look);
	return status;
}

/* --- again and again ------------------------------------------------------------ */

/* On a screen a failure is shown where the table would be, and may pass. */
static int refuse_on_screen(struct pool_text *trouble, const struct pool_fault *fault)
{
	pool_text_add_safe(trouble, fault->text, strlen(fault->text));
	pool_text_add(trouble, "\n");
	return TOOL_NO;
}

static int look_again(
	const struct settings *settings, struct look *look, struct pool_text *trouble)
{
	const struct tool_common *common = &settings->common;
	struct pool_fault fault = {0};
	bool there;
	int error = pool_session_refresh(look->session, &fault);

	if (!error)
		error = look_at_state(look->session, &there, &fault);
	if (error)
		return refuse_on_screen(trouble, &fault);
	if (!there)
		pool_text_add(trouble, "no state file yet\n");
	if (pool_gather_pools(&look->report, look->session, common->exchange,
		    common->type, settings->only.list, settings->only.count,
		    &look->choice, &fault) != 0)
		return refuse_on_screen(trouble, &fault);
	pool_report_judge_stored(&look->report, &settings->quorum);
	if (!look->choice.count)
		pool_text_add(trouble, "no pool to show\n");
	return TOOL_YES;
}

static void make_title(
	const struct settings *settings, const char *file, char *out, size_t size)
{
	char clock[16] = "", name[256];
	struct pool_now now;
	struct tm parts;
	time_t wall_s;

	pool_clock_get(&now);
	wall_s = (time_t)now.wall_s;
	if (localtime_r(&wall_s, &parts))
		strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
	pool_text_safe(name, sizeof(name), file, strlen(file));
	snprintf(out, size, "%s at %s, every %lld s", name, clock,
		(long long)settings->watch_s);
}

static int watch(struct settings *settings, struct pool_session *session,
	const struct tool_files *files)
{
	struct pool_text trouble = POOL_TEXT_EMPTY;
	struct look look = {.session = session};
	struct tool_screen screen;
	char title[320];
	int status;

	settings->trouble = &trouble;
	tool_screen_begin(&screen);
	do {
		struct pool_text rows = POOL_TEXT_EMPTY;

		status = look_again(settings, &look, &trouble);
		if (!status)
			render_table(settings, &look.report, &rows, &trouble);
		make_title(settings, files->file, title, sizeof(title));
		tool_screen_show(&screen, title, &rows, &trouble);
		if (!status)
			status = quorum_status(settings, &look.report);
		pool_text_release(&rows);
		pool_text_release(&trouble);
	} while (tool_screen_wait(&screen, settings->watch_s));
	tool_screen_end(&screen);
	settings->trouble = NULL;
	release(&look);
	return settings->quorum_given ? status : TOOL_YES;
}

/* --- names ------------------------------------------------------------------------ */

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void add_names(const char **names, size_t count, bool null, struct pool_text *out)
{
	if (count)
		qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count; i++) {
		if (i && strcmp(names[i - 1], names[i]) == 0)
			continue;
		if (null)
			pool_text_add_bytes(out, names[i], strlen(names[i]) + 1);
		else {
			pool_text_add_safe(out, names[i], strlen(names[i]));
			pool_text_add(out, "\n");
		}
	}
}

static int print_names(const struct settings *settings, struct pool_session *session)
{
	const struct pool_snapshot *snapshot = pool_session_snapshot(session);
	struct pool_gather_choice choice = {0};
	struct pool_text text = POOL_TEXT_EMPTY;
	const char **names = calloc(snapshot->member_count + 1, sizeof(*names));
	size_t count = 0;

	if (!names ||
		pool_gather_choose(snapshot, settings->common.exchange,
			settings->common.type, &choice) != 0)
		text.broken = true;
	for (size_t i = 0; i < choice.count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[choice.leaves[i]];

		for (uint32_t j = 0; j < leaf->member_count; j++) {
			uint32_t at = snapshot->members[leaf->first_member + j].name;

			names[count] = pool_snapshot_string(snapshot, at);
			count += names[count] != NULL;
		}
	}
	add_names(names, count, settings->null, &text);
	free(names);
	pool_gather_release(&choice);
	return tool_print_text(settings->spec, &text, TOOL_YES);
}

/* --- the file --------------------------------------------------------------------- */

static int tell_whole(const struct settings *settings, const char *path,
	const struct pool_census *census)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_text_add_safe(&text, path, strlen(path));
	pool_text_addf(&text, ": whole, %u prox%s in %u pool%s, %u lease%s\n",
		(unsigned)census->proxies, census->proxies == 1 ? "y" : "ies",
		(unsigned)census->pools, census->pools == 1 ? "" : "s",
		(unsigned)census->leases, census->leases == 1 ? "" : "s");
	return tool_print_text(settings->spec, &text, TOOL_YES);
}

static void add_repair(struct pool_text *text, uint32_t count, const char *what)
{
	if (count)
		pool_text_addf(
			text, "%s%u %s", text->length ? ", " : "", (unsigned)count, what);
}

static int tell_repairs(const struct settings *settings, const char *path,
	const struct pool_repairs *done)
{
	struct pool_text list = POOL_TEXT_EMPTY, text = POOL_TEXT_EMPTY;

	if (done->snapshot) {
		pool_text_add_safe(&text, path, strlen(path));
		pool_text_add(&text, ".snap: compiled anew\n");
	}
	if (done->decisions) {
		pool_text_add_safe(&text, path, strlen(path));
		pool_text_add(&text, ".decisions: set right\n");
	}
	add_repair(&list, done->records, "records");
	add_repair(&list, done->words, "ready words");
	add_repair(&list, done->pools, "pools");
	if (done->leases)
		pool_text_addf(&list, "%scounts of leases", list.length ? ", " : "");
	if (list.length) {
		pool_text_add_safe(&text, path, strlen(path));
		pool_text_addf(&text, ": set right: %s\n", list.bytes);
	}
	if (done->ended) {
		pool_text_add_safe(&text, path, strlen(path));
		pool_text_addf(&text,
			": ended %u lease%s whose owner is gone or cannot be looked up "
			"from here\n",
			(unsigned)done->ended, done->ended == 1 ? "" : "s");
	}
	text.broken |= list.broken;
	pool_text_release(&list);
	return tool_print_text(settings->spec, &text, TOOL_YES);
}

static int verify(const struct settings *settings, struct pool_session *session)
{
	const char *path = pool_session_state_path(session);
	struct pool_text text = POOL_TEXT_EMPTY;
	struct pool_fault fault = {0};
	struct pool_census census;
	int error;

	if (!path)
		return tell_missing(settings, NULL);
	error = pool_session_verify(session, &census, &fault);
	if (!error)
		return tell_whole(settings, path, &census);
	if (is_missing(&fault))
		return tell_missing(settings, path);
	if (error != POOL_EFORMAT)
		return tool_refuse_by(settings->spec, &fault);
	pool_text_add_safe(&text, fault.text, strlen(fault.text));
	pool_text_add(&text, "\n");
	return tool_print_text(settings->spec, &text, TOOL_NO);
}

/* The session that looked first knows whether there is a file at all. */
static int repair(struct settings *settings, const struct tool_files *files,
	struct pool_session *looking)
{
	const char *path = pool_session_state_path(looking);
	struct pool_session *session = NULL;
	struct pool_repairs done = {0};
	struct pool_fault fault = {0};
	struct pool_census census;
	int status;

	if (!path)
		return tell_missing(settings, NULL);
	if (pool_session_verify(looking, &census, &fault) != 0 && is_missing(&fault))
		return tell_missing(settings, path);
	status = open_session(settings, files, false, &session);
	if (!status && pool_session_repair(session, &census, &done, &fault) != 0)
		status = tool_refuse_by(settings->spec, &fault);
	if (!status)
		status = tell_repairs(settings, path, &done);
	if (!status)
		status = tell_whole(settings, path, &census);
	pool_session_free(session);
	return status;
}

/* --- the tool --------------------------------------------------------------------- */

static int run(int argc, char **argv, struct settings *settings)
{
	struct pool_session *session = NULL;
	struct tool_files files;
	int status = read_command_line(argc, argv, settings);

	if (!status && settings->prune)
		return status_prune(settings->spec, settings->common.state,
			settings->dry_run, settings->common.quiet);
	if (!status)
		status = tool_find_files(settings->spec, &settings->common, &files);
	if (!status)
		status = open_session(settings, &files, true, &session);
	if (status)
		return status;
	if (settings->names)
		status = print_names(settings, session);
	else if (settings->verify)
		status = verify(settings, session);
	else if (settings->repair)
		status = repair(settings, &files, session);
	else if (settings->watch_s)
		status = watch(settings, session, &files);
	else
		status = show_once(settings, session);
	pool_session_free(session);
	return status;
}

int main(int argc, char **argv)
{
	bool plugin = tool_is_plugin(argc, argv);
	const struct tool_spec spec = {
		.name = "pool-status",
		.synopsis = "[OPTION]... [FILE]",
		.summary = "Show what every proxy of every pool is now, and what to do "
			   "about it. Only --repair and --prune change anything.",
		.options = options,
		.examples = "  pool-status -f pool.json\n"
			    "  pool-status --watch\n"
			    "  pool-status --quorum 50% -q || echo 'too few proxies'\n"
			    "  pool-status --history | tail\n"
			    "  pool-status --plugin -w 80: -c 50:\n"
			    "  pool-status --prune --dry-run\n",
		.said_status = plugin ? POOL_PLUGIN_UNKNOWN : TOOL_YES,
		.refuse = plugin ? tool_refuse_as_plugin : NULL,
	};
	struct settings settings = {
		.common = {.type = -1, .makes_nothing = true},
		.spec = &spec,
		.quorum = POOL_QUORUM_DEFAULT,
		.plugin = {.asked = plugin},
	};
	int status;

	tool_begin();
	signal(SIGPIPE, SIG_IGN);
	status = run(argc, argv, &settings);
	free(settings.only.list);
	pool_text_release(&settings.said);
	if (!tool_close_stdout())
		return plugin ? POOL_PLUGIN_UNKNOWN : TOOL_SYSTEM;
	return status;
}
