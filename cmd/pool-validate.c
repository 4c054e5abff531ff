/* pool-validate: judges pool files, every fault with its place. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/replace.h"
#include "config/environment.h"
#include "config/json_schema.h"
#include "config/url.h"
#include "report/verdicts.h"
#include "tool.h"

enum {
	OPTION_INPUT = TOOL_OWN_OPTIONS,
	OPTION_STRICT,
	OPTION_PRINT,
	OPTION_RESOLVE,
	OPTION_MAX_ERRORS,
	OPTION_ALLOW,
	OPTION_ENV,
	OPTION_RULES,
	OPTION_EXPAND,
	OPTION_SCHEMA,
};

static const char *const output_name = "output file";

/* What the command line asks for. */
struct request {
	struct tool_common common;
	enum pool_input input;
	enum pool_verdict_format_id format;
	const char *output; /* a file for the document; NULL: standard output */
	bool strict, print, resolve, env, expand, rules, schema;
	bool allowed[POOL_RULES];
	int64_t max_errors;
	const char **files;
	size_t file_count;
};

/* --- options -------------------------------------------------------------------- */

static int read_file(const struct tool_given *given, void *context)
{
	struct request *request = context;

	request->files[request->file_count++] = given->value;
	return TOOL_YES;
}

static int read_input(const struct tool_given *given, void *context)
{
	static const enum pool_input inputs[] = {POOL_INPUT_JSON, POOL_INPUT_YAML};
	static const char *const words[] = {"json", "yaml"};
	struct request *request = context;
	int found = 0, status = tool_find_value(given, words, 2, &found);

	request->input = inputs[found];
	return status;
}

static const char *format_word(size_t number)
{
	size_t count;
	const struct pool_verdict_format *formats = pool_verdict_formats_get(&count);

	return number < count ? formats[number].name : NULL;
}

static int read_format(const struct tool_given *given, void *context)
{
	struct request *request = context;
	int found = 0, status = tool_find_own_value(given, &found);

	request->format = (enum pool_verdict_format_id)found;
	return status;
}

static int read_output(const struct tool_given *given, void *context)
{
	struct request *request = context;
	struct pool_fault fault;

	request->output = given->value;
	if (pool_replace_check(output_name, given->value, &fault) == 0)
		return TOOL_YES;
	return tool_refuse_by(given->spec, &fault);
}

static int allow_rule(const struct tool_given *given, const char *name, bool *allowed)
{
	size_t count;
	const struct pool_rule *rules = pool_rules_get(&count);
	const char *names[POOL_RULES];
	int rule = pool_rule_find(name), status;

	if (rule >= 0 && rules[rule].severity == POOL_ERROR)
		return tool_refuse(given->spec, TOOL_USAGE,
			"--allow wants the rule of a warning or note: '%s' is an error",
			name);
	for (size_t i = 0; i < count; i++)
		names[i] = rules[i].severity == POOL_ERROR ? NULL : rules[i].name;
	status = tool_find_word(given->spec, "--allow", "the rule of a warning or note",
		name, names, count, &rule);
	if (!status)
		allowed[rule] = true;
	return status;
}

static int read_allow(const struct tool_given *given, void *context)
{
	struct request *request = context;
	char *rest = given->value, *name;
	int status = TOOL_YES;

	while (!status && (name = strsep(&rest, ",")))
		status = allow_rule(given, name, request->allowed);
	return status;
}

#define SET(reader, member) TOOL_SET(reader, struct request, member)

static const struct tool_option options[] = {
	{'f', "file", "FILE", "the pool file (- is standard input)", .read = read_file},
	{OPTION_INPUT, "input", "FORMAT",
		"json or yaml (default: by the file's extension)", .read = read_input},
	{TOOL_FORMAT, "format", "FORMAT", "(default: text)", .read = read_format,
		.words = format_word},
	{'o', "output", "FILE", "write the document there, beside the text",
		.read = read_output},
	{OPTION_ENV, "env", NULL,
		"judge it with CRYPTOFEED_PROXY_* of the environment on top",
		SET(tool_read_flag, env)},
	{OPTION_EXPAND, "expand", NULL,
		"look at variables and password files that it names, too",
		SET(tool_read_flag, expand)},
	{OPTION_STRICT, "strict", NULL, "let warnings fail too",
		SET(tool_read_flag, strict)},
	{OPTION_ALLOW, "allow", "RULE,...",
		"pass over the warnings and notes of these rules", .read = read_allow},
	{OPTION_MAX_ERRORS, "max-errors", "N",
		"how many to show of a file (default: 20; 0: all)",
		SET(tool_read_number, max_errors), .low = 0, .high = INT32_MAX},
	{OPTION_PRINT, "print", NULL, "print the normal form, secrets as ***",
		SET(tool_read_flag, print)},
	{OPTION_RESOLVE, "resolve", NULL, "print where each lookup leads",
		SET(tool_read_flag, resolve)},
	{OPTION_RULES, "rules", NULL, "print a table of all rules",
		SET(tool_read_flag, rules)},
	{OPTION_SCHEMA, "schema", NULL, "print the JSON Schema of pool files",
		SET(tool_read_flag, schema)},
	TOOL_OPTION_EXCHANGE("with --resolve: only that exchange"),
	TOOL_OPTION_TYPE("with --resolve: only http or websocket"),
	TOOL_OPTION_QUIET("say nothing of valid files"),
	TOOL_OPTION_VERBOSE("with --print and --resolve: the summary as well"),
	TOOL_OPTION_LOG_FORMAT,
	TOOL_OPTION_HELP,
	TOOL_OPTION_VERSION,
	TOOL_OPTION_END,
};

static const struct tool_spec spec = {
	.name = "pool-validate",
	.synopsis = "[OPTION]... [FILE]...",
	.summary = "Judge pool files: every fault, with its line and column.",
	.options = options,
	.examples = "  pool-validate pool.json             is it valid?\n"
		    "  pool-validate --strict *.json       in CI: warnings fail too\n"
		    "  pool-validate --format sarif -o pool.sarif pool.json\n"
		    "                                      for code scanning\n"
		    "  pool-validate --resolve -x binance  where do its requests go?\n",
};

static int judge_combination(const struct request *request)
{
	const struct tool_common *common = &request->common;
	const bool table = request->print || request->resolve;

	if (!request->resolve && (common->exchange || common->type >= 0))
		return tool_refuse(&spec, TOOL_USAGE, "-x and -t go with --resolve");
	if (request->format != POOL_VERDICT_TEXT && table)
		return tool_refuse(&spec, TOOL_USAGE,
			"--format %s cannot be combined with --print or --resolve",
			format_word(request->format));
	if (request->output && table)
		return tool_refuse(&spec, TOOL_USAGE,
			"--output cannot be combined with --print or --resolve");
	if (request->print && request->resolve)
		return tool_refuse(
			&spec, TOOL_USAGE, "--print and --resolve cannot be combined");
	if (request->rules && request->schema)
		return tool_refuse(
			&spec, TOOL_USAGE, "--rules and --schema cannot be combined");
	if ((request->rules || request->schema) && (table || request->file_count))
		return tool_refuse(&spec, TOOL_USAGE, "--%s judges no pool file",
			request->rules ? "rules" : "schema");
	return TOOL_YES;
}

/* The output must be none of the files that are read. */
static int judge_output(const struct request *request)
{
	for (size_t i = 0; request->output && i < request->file_count; i++)
		if (tool_is_same_file(request->output, request->files[i]))
			return tool_refuse(&spec, TOOL_USAGE,
				"--output '%s' is a pool file, which would be replaced",
				request->output);
	return TOOL_YES;
}

static int read_command_line(int argc, char **argv, struct request *request)
{
	int status = tool_read_options(argc, argv, &spec, request);

	if (status)
		return status;
	while (optind < argc)
		request->files[request->file_count++] = argv[optind++];
	return judge_combination(request);
}

/* --- judging -------------------------------------------------------------------- */

static int read_settings(
	const struct request *request, const char *file, struct pool_judged *judged)
{
	struct pool_source source = {0};
	int error;

	if (strcmp(file, POOL_FILE_ENVIRONMENT) == 0) {
		pool_settings_init(&judged->settings);
		return 0;
	}
	error = pool_source_read(&source, file, &judged->fault);
	if (!error && request->input != POOL_INPUT_AUTO)
		source.input = request->input;
	if (!error)
		error = pool_config_read(
			&judged->settings, &judged->found, &source, &judged->fault);
	pool_source_release(&source);
	return error;
}

/* The environment goes on top of a file that is good; else it is judged by itself. */
static int read_environment(struct pool_judged *judged, int error)
{
	struct pool_settings alone;
	int own;

	if (!error)
		return pool_environment_read(&judged->settings, &judged->found,
			tool_environment(), &judged->fault);
	if (error != POOL_EINVALID)
		return error;
	pool_settings_init(&alone);
	own = pool_environment_read(&alone, &judged->found, tool_environment(), NULL);
	if (!own)
		pool_settings_release(&alone);
	return error;
}

/* The exit status of what was found. */
static int rate(const struct pool_judged *judged, int error)
{
	if (error && error != POOL_EINVALID)
		return tool_status(error);
	/* The content is good, but here and now the file cannot be used. */
	for (size_t i = 0; i < judged->found.errors; i++)
		if (pool_rule_is_secret(judged->found.list[i].rule))
			return TOOL_UNUSABLE;
	return judged->valid ? TOOL_YES : TOOL_NO;
}

static int judge(
	const struct request *request, const char *file, struct pool_judged *judged)
{
	static const struct pool_secrets environment = {.lookup = tool_lookup};
	int error;

	judged->file = file;
	judged->found.secrets = request->expand ? &environment : NULL;
	error = read_settings(request, file, judged);
	if (request->env)
		error = read_environment(judged, error);
	for (int rule = 0; rule < POOL_RULES; rule++)
		if (request->allowed[rule])
			pool_diagnostics_drop(&judged->found, (enum pool_rule_id)rule);
	judged->readable = !error;
	judged->valid = !error && !(request->strict && judged->found.warnings);
	/* Faults of the content are diagnostics. */
	if (error == POOL_EINVALID)
		judged->fault = (struct pool_fault){0};
	return rate(judged, error);
}

/* A message a diagnostic. */
static bool tell_messages(
	const struct pool_judged *judged, const struct pool_judged_view *view)
{
	static void (*const tell[POOL_SEVERITIES])(const char *, ...) = {
		[POOL_NOTE] = tool_note,
		[POOL_WARNING] = tool_warn,
		[POOL_ERROR] = tool_error,
	};
	const struct pool_diagnostics *found = &judged->found;
	struct pool_text count = POOL_TEXT_EMPTY;

	for (size_t i = 0; i < pool_judged_shown(judged, view); i++) {
		const struct pool_diagnostic *one = &found->list[i];
		char line[3072];

		pool_diagnostic_format(one, judged->file, line, sizeof(line));
		tell[one->severity]("%s", line);
	}
	if (found->count && view->count_faults)
		pool_judged_count_faults(judged, view, &count);
	return tool_note_taken(&count);
}

static struct pool_judged_view make_view(
	const struct request *request, const struct pool_judged *judged)
{
	return (struct pool_judged_view){
		.max = (size_t)request->max_errors,
		.least = !request->common.quiet ? POOL_NOTE
			: request->strict       ? POOL_WARNING
						: POOL_ERROR,
		.count_faults = !request->common.quiet || !judged->valid,
	};
}

/* The diagnostics of a file, on standard error; false: out of memory. */
static bool tell_diagnostics(
	const struct request *request, const struct pool_judged *judged)
{
	struct pool_judged_view view = make_view(request, judged);
	struct pool_text text = POOL_TEXT_EMPTY;

	if (tool_log_is_json())
		return tell_messages(judged, &view);
	view.carets = isatty(STDERR_FILENO);
	pool_judged_tell(judged, &view, &text);
	return tool_note_taken(&text);
}

static int tell_summary(const struct pool_judged *judged, bool as_note)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_judged_summarize(judged, &text);
	if (!as_note)
		return tool_print_text(&spec, &text, TOOL_YES);
	return tool_note_taken(&text) ? TOOL_YES : TOOL_SYSTEM;
}

static int print_lookups(const struct request *request, const struct pool_judged *judged)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_judged_resolve(&judged->settings, request->common.exchange,
		request->common.type < 0 ? POOL_TYPES
					 : (enum pool_type)request->common.type,
		&text);
	return tool_print_text(&spec, &text, TOOL_YES);
}

/* Tell it all. Returns 0, or the exit status if that failed. */
static int tell(const struct request *request, const struct pool_judged *judged)
{
	bool data = request->print || request->resolve;
	int status = TOOL_YES;

	if (judged->fault.code)
		tool_fail(&judged->fault);
	if (!tell_diagnostics(request, judged))
		return TOOL_SYSTEM;
	if (!judged->readable)
		return status;
	if (request->print)
		status = tool_print_taken(
			&spec, pool_config_print(&judged->settings, false), status);
	if (request->resolve)
		status = print_lookups(request, judged);
	if (!status && judged->valid && !request->common.quiet &&
		(!data || request->common.verbose))
		status = tell_summary(judged, data);
	return status;
}

static void release(struct pool_judged *judged)
{
	if (judged->readable)
		pool_settings_release(&judged->settings);
	pool_diagnostics_release(&judged->found);
}

/* --- documents ------------------------------------------------------------------ */

/* A file as if the shell made it, unless there is one. */
static int write_output(const struct request *request, const char *text)
{
	const mode_t mask = umask(0);
	struct pool_fault fault;
	int error;

	umask(mask);
	error = pool_replace_file(
		output_name, request->output, text, strlen(text), 0666 & ~mask, &fault);
	return error ? tool_fail(&fault) : TOOL_YES;
}

/* <text> is freed; NULL: out of memory. */
static int put_document(const struct request *request, char *text)
{
	int status;

	if (!text || !request->output)
		return tool_print_taken(&spec, text, TOOL_YES);
	status = write_output(request, text);
	free(text);
	return status;
}

static int put_verdicts(const struct request *request, const struct pool_judged *list)
{
	char *folder = getcwd(NULL, 0);
	size_t count;
	const struct pool_verdicts verdicts = {
		.list = list,
		.count = request->file_count,
		.folder = folder,
		.view = make_view(request, &list[0]),
		.sum_up = !request->common.quiet,
	};
	int status = put_document(request,
		pool_verdict_formats_get(&count)[request->format].render(&verdicts));

	free(folder);
	return status;
}

static int put_rules(const struct request *request)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_verdict_rules(&text);
	return put_document(request, pool_text_take(&text));
}

/* --- the run -------------------------------------------------------------------- */

static int higher(int one, int other)
{
	return one > other ? one : other;
}

static int run(const struct request *request)
{
	const bool lines = request->format == POOL_VERDICT_TEXT || request->output,
		   document = request->format != POOL_VERDICT_TEXT || request->output;
	struct pool_judged *list = calloc(request->file_count, sizeof(*list));
	int worst = TOOL_YES;

	if (!list)
		return tool_refuse(&spec, TOOL_SYSTEM, "out of memory");
	for (size_t i = 0; i < request->file_count; i++) {
		worst = higher(worst, judge(request, request->files[i], &list[i]));
		if (lines)
			worst = higher(worst, tell(request, &list[i]));
		if (!document)
			release(&list[i]);
	}
	if (document)
		worst = higher(worst, put_verdicts(request, list));
	for (size_t i = 0; document && i < request->file_count; i++)
		release(&list[i]);
	free(list);
	return worst;
}

/* The file that nobody named. An exit status. */
static int find_file(struct request *request, char *out, size_t size)
{
	int status = TOOL_YES;
	const char *file = tool_find_file(&spec, NULL, out, size, &status);

	request->files[request->file_count++] = file;
	request->env = request->env || (file && strcmp(file, POOL_FILE_ENVIRONMENT) == 0);
	return status;
}

static int run_or_print(struct request *request)
{
	char found[TOOL_PATH_SIZE];
	int status = TOOL_YES;

	if (request->rules)
		return put_rules(request);
	if (request->schema)
		return put_document(request, pool_json_schema());
	if (!request->file_count)
		status = find_file(request, found, sizeof(found));
	if (!status)
		status = judge_output(request);
	return status ? status : run(request);
}

int main(int argc, char **argv)
{
	struct request request = {.common = {.type = -1}, .max_errors = 20};
	int status;

	tool_begin();
	request.files = calloc((size_t)argc + 1, sizeof(*request.files));
	if (!request.files)
		return tool_refuse(&spec, TOOL_SYSTEM, "out of memory");
	status = read_command_line(argc, argv, &request);
	if (!status) {
		status = run_or_print(&request);
		if (!tool_close_stdout() && status == TOOL_YES)
			status = TOOL_SYSTEM;
	}
	free(request.files);
	return status;
}
