/* pool-convert: other formats into a pool file, and back out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/replace.h"
#include "config/convert.h"
#include "config/json.h"
#include "config/environment.h"
#include "config/url.h"
#include "report/judged.h"
#include "tool.h"

enum {
	OPTION_FROM = TOOL_OWN_OPTIONS,
	OPTION_TO,
	OPTION_POOL,
	OPTION_SCHEME,
	OPTION_CHECK,
	OPTION_DIFF,
	OPTION_STRICT,
};

/* What the command line asks for. */
struct request {
	struct tool_common common;
	int from; /* enum pool_format, -1: by the file */
	int to;
	int check; /* enum pool_method; -1: not given */
	bool migrate, diff, strict;
	const char *scheme;
	const char *output;
};

/* --- options ---------------------------------------------------------------------- */

static int read_format(const struct tool_given *given, void *context)
{
	const char *names[POOL_FORMATS];

	for (int i = 0; i < POOL_FORMATS; i++)
		names[i] = pool_format_get((enum pool_format)i)->name;
	return tool_find_value(
		given, names, POOL_FORMATS, (int *)tool_member(given, context));
}

static int read_scheme(const struct tool_given *given, void *context)
{
	struct request *request = context;
	const char *names[POOL_SCHEMES];
	int found = 0, status;

	for (int i = 0; i < POOL_SCHEMES; i++)
		names[i] = pool_scheme_name((enum pool_scheme)i);
	status = tool_find_value(given, names, POOL_SCHEMES, &found);
	request->scheme = names[found];
	return status;
}

/* The <number>th method that a file without a url can have; POOL_METHODS: there are no
 * more. */
static int find_method(size_t number)
{
	int method = 0;

	while (method < POOL_METHODS &&
		(pool_method_needs_url((enum pool_method)method) || number--))
		method++;
	return method;
}

static const char *check_word(size_t number)
{
	int method = find_method(number);

	return method < POOL_METHODS ? pool_method_name((enum pool_method)method) : NULL;
}

static int read_check(const struct tool_given *given, void *context)
{
	struct request *request = context;
	int found = 0, status = tool_find_own_value(given, &found);

	request->check = find_method((size_t)found);
	return status;
}

#define SET(reader, member) TOOL_SET(reader, struct request, member)

static const struct tool_option options[] = {
	{'f', "file", "FILE", "what to convert (- is standard input)",
		TOOL_SET(tool_read_text, struct tool_common, file)},
	TOOL_OPTION_TRUST_FILE,
	{OPTION_FROM, "from", "FORMAT",
		"pool, cryptofeed, env, list or proxychains (default: by the file)",
		SET(read_format, from)},
	{OPTION_TO, "to", "FORMAT",
		"pool, cryptofeed, env, list or proxychains (default: pool)",
		SET(read_format, to)},
	{OPTION_POOL, "pool", NULL, "turn single proxies into pools of one",
		SET(tool_read_flag, migrate)},
	{OPTION_SCHEME, "scheme", "SCHEME",
		"of the lines of a list that have none (default: http)",
		.read = read_scheme},
	{OPTION_CHECK, "check", "METHOD",
		"(default: http): how the proxies of a list are checked",
		.read = read_check, .words = check_word},
	TOOL_OPTION_EXCHANGE("to list and proxychains: only its proxies"),
	TOOL_OPTION_TYPE("to list and proxychains: only those of http or websocket"),
	{OPTION_DIFF, "diff", NULL,
		"print the lookups that change instead; status 1 if any does",
		SET(tool_read_flag, diff)},
	{'o', "output", "FILE", "write to FILE, in place of what is there",
		SET(tool_read_text, output)},
	{OPTION_STRICT, "strict", NULL, "fail if the format cannot say all",
		SET(tool_read_flag, strict)},
	TOOL_OPTION_QUIET(
		"tell neither what the format cannot say nor what checks ask for"),
	TOOL_OPTION_VERBOSE("tell the warnings and notes of pool-validate as well"),
	TOOL_OPTION_LOG_FORMAT,
	TOOL_OPTION_HELP,
	TOOL_OPTION_VERSION,
	TOOL_OPTION_END,
};

static const struct tool_spec spec = {
	.name = "pool-convert",
	.synopsis = "[OPTION]... [FILE]",
	.summary = "Convert other formats into a pool file, and back out.",
	.options = options,
	.examples =
		"  pool-convert -o pool.json proxies.txt    a list, a proxy a line\n"
		"  pool-convert --pool config.yaml          cryptofeed's single proxies\n"
		"                                           as pools\n"
		"  pool-convert --diff --pool config.yaml   does that change a lookup?\n"
		"  pool-convert --from env                  variables "
		"CRYPTOFEED_PROXY_*\n",
};

static int read_command_line(int argc, char **argv, struct request *request)
{
	const struct tool_common *common = &request->common;
	int status = tool_read_options(argc, argv, &spec, request);

	if (!status)
		status = tool_read_operand(argc, argv, &spec, &request->common);
	if (status)
		return status;
	if ((common->exchange || common->type >= 0) &&
		!pool_format_get((enum pool_format)request->to)->one_list)
		return tool_refuse(&spec, TOOL_USAGE,
			"-x and -t go with --to list and --to proxychains");
	if (request->migrate && pool_format_get((enum pool_format)request->to)->one_list)
		return tool_refuse(&spec, TOOL_USAGE,
			"--pool goes with --to pool, cryptofeed and env");
	if (request->check >= 0 &&
		!pool_format_says_checks((enum pool_format)request->to))
		return tool_refuse(
			&spec, TOOL_USAGE, "--check goes with --to pool and env");
	if (request->diff && request->output)
		return tool_refuse(
			&spec, TOOL_USAGE, "--diff writes no file: leave -o out");
	return TOOL_YES;
}

/* --- reading ---------------------------------------------------------------------- */

/* JSON begins with a bracket; the extension decides first. */
static enum pool_input find_input(const struct pool_source *source)
{
	const char *text = source->bytes + pool_json_bom(source->bytes, source->length);
	const char *dot = source->path ? strrchr(source->path, '.') : NULL;

	if (dot &&
		(strcasecmp(dot, ".json") == 0 || strcasecmp(dot, ".yaml") == 0 ||
			strcasecmp(dot, ".yml") == 0))
		return POOL_INPUT_AUTO;
	text += strspn(text, " \t\r\n");
	return *text == '{' || *text == '[' ? POOL_INPUT_JSON : POOL_INPUT_YAML;
}

/* Without one of ours it is the wrong environment or file, <none>, and not a
 * configuration that is empty. */
static int take_variables(
	struct pool_judged *judged, const char *const *variables, const char *none)
{
	if (!pool_environment_has(variables))
		return pool_fault_set(&judged->fault, POOL_ENOFILE, 0, "%s", none);
	pool_settings_init(&judged->settings);
	return pool_environment_read(
		&judged->settings, &judged->found, variables, &judged->fault);
}

static int read_variables(const struct pool_source *source, struct pool_judged *judged)
{
	char **variables = NULL;
	int error = pool_variables_read(&variables, source, &judged->found);

	if (error)
		return pool_fault_set(&judged->fault, error, 0, "out of memory");
	error = take_variables(judged, (const char *const *)variables,
		"no line sets a variable CRYPTOFEED_PROXY_*");
	pool_variables_free(variables);
	return error;
}

/* <source>, which is in <format>, into <judged>. */
static int read_source(
	enum pool_format format, struct pool_source *source, struct pool_judged *judged)
{
	if (format == POOL_FORMAT_ENV)
		return read_variables(source, judged);
	if (format == POOL_FORMAT_LIST)
		source->input = POOL_INPUT_LIST;
	else if (format == POOL_FORMAT_PROXYCHAINS)
		source->input = POOL_INPUT_PROXYCHAINS;
	else
		source->input = find_input(source);
	return pool_config_read(
		&judged->settings, &judged->found, source, &judged->fault);
}

/* Who writes the file writes the pool file that is made of it. */
static int judge_writers(const struct request *request, const struct pool_source *source,
	struct pool_fault *fault)
{
	char why[POOL_TRUST_TEXT];

	if (request->common.trust_file || source->trust.writers == POOL_WRITERS_TRUSTED)
		return 0;
	if (pool_trust_refuses(&source->trust)) {
		pool_trust_tell_refusal(
			&source->trust, "see --trust-file", why, sizeof(why));
		return pool_fault_set(fault, POOL_EUNSAFE, 0, "'%s' is not converted: %s",
			source->path, why);
	}
	pool_trust_tell_writers(&source->trust, why, sizeof(why));
	if (!request->common.quiet)
		tool_warn("'%s': %s", source->path, why);
	return 0;
}

static int read_input(const struct request *request, struct pool_judged *judged,
	enum pool_format *format)
{
	struct pool_source source = {0};
	int error;

	*format = POOL_FORMAT_ENV;
	if (strcmp(judged->file, POOL_FILE_ENVIRONMENT) == 0)
		return take_variables(judged, tool_environment(),
			"no variable CRYPTOFEED_PROXY_* is set");
	error = pool_source_read(&source, judged->file, &judged->fault);
	source.scheme = request->scheme;
	if (!error)
		error = judge_writers(request, &source, &judged->fault);
	if (!error)
		*format = request->from < 0 ? pool_format_find(&source)
					    : (enum pool_format)request->from;
	if (!error)
		error = read_source(*format, &source, judged);
	pool_source_release(&source);
	return error;
}

/* What was not taken over is told in any case, and a host that may be none or that has
 * something behind it, like a comment without a space; what a pool
 * file could be better at only when asked for. */
static size_t drop_warnings(const struct request *request, struct pool_diagnostics *found)
{
	size_t lost = 0, count;
	const struct pool_rule *rules = pool_rules_get(&count);

	for (size_t i = 0; i < found->count; i++)
		lost += strcmp(found->list[i].rule,
				rules[POOL_RULE_NOT_TAKEN_OVER].name) == 0;
	pool_diagnostics_drop(found, POOL_RULE_FILE_WRITABLE);
	for (size_t i = 0; i < count && !request->common.verbose; i++)
		if (i != POOL_RULE_NOT_TAKEN_OVER && i != POOL_RULE_ENV_IGNORED &&
			i != POOL_RULE_URL_HOST_ODD && i != POOL_RULE_URL_PATH)
			pool_diagnostics_drop(found, (enum pool_rule_id)i);
	return lost;
}

static void tell_diagnostics(const struct request *request, struct pool_judged *judged)
{
	const struct pool_judged_view view = {
		.max = 20,
		.least = request->common.quiet ? POOL_ERROR : POOL_NOTE,
		.count_faults = judged->found.errors > 0,
		.carets = isatty(STDERR_FILENO),
	};
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_judged_tell(judged, &view, &text);
	tool_note_taken(&text);
}

/* --- writing ---------------------------------------------------------------------- */

static void tell_losses(const struct request *request, const struct pool_text *losses)
{
	const char *phrase = pool_format_get((enum pool_format)request->to)->phrase;

	for (const char *at = losses->bytes ? losses->bytes : ""; *at;) {
		size_t length = strcspn(at, "\n");

		if (!request->common.quiet)
			tool_warn("%.*s: cannot be said in %s", (int)length, at, phrase);
		at += length + 1;
	}
}

static int write_output(const struct request *request, struct pool_text *text)
{
	struct pool_fault fault;

	if (!request->output)
		return tool_print_text(&spec, text, TOOL_YES);
	if (pool_replace_file("file", request->output, text->bytes ? text->bytes : "",
		    text->length, 0600, &fault) != 0)
		return tool_fail(&fault);
	return TOOL_YES;
}

/* Read again what was written, and tell which lookups it answers otherwise. */
static int tell_difference(const struct request *request,
	const struct pool_settings *before, struct pool_text *text)
{
	char path[] = "the output";
	struct pool_source source = {
		.bytes = text->bytes, .length = text->length, .path = path};
	struct pool_judged after = {.file = path};
	struct pool_text lines = POOL_TEXT_EMPTY;
	size_t changed;
	int error;

	error = read_source((enum pool_format)request->to, &source, &after);
	if (error) {
		tell_diagnostics(request, &after);
		pool_diagnostics_release(&after.found);
		if (error != POOL_EINVALID)
			return tool_fail(&after.fault);
		return tool_refuse(&spec, TOOL_NO, "cannot read the output again");
	}
	changed = pool_settings_compare(before, &after.settings, &lines);
	pool_settings_release(&after.settings);
	pool_diagnostics_release(&after.found);
	return tool_print_text(&spec, &lines, changed ? TOOL_NO : TOOL_YES);
}

/* How the proxies of a list are to be checked; -1: nothing is written of it. Variables,
 * which cryptofeed may be meant to read, say it only if --check asks for it. */
static int choose_check(const struct request *request, enum pool_format from)
{
	if (!pool_format_get(from)->one_list || request->check >= 0)
		return request->check;
	return request->to == POOL_FORMAT_POOL ? (int)POOL_CONVERT_METHOD : -1;
}

/* Everybody should know what will be asked of whom. */
static void tell_check(const struct request *request, int check)
{
	if (!request->common.quiet && !request->diff && check >= 0 &&
		pool_method_asks((enum pool_method)check))
		tool_note("checks will ask for %s through each proxy: health_check.url "
			  "names another",
			pool_check_default_url);
}

static int convert(
	const struct request *request, const struct pool_settings *settings, int check)
{
	const struct pool_format_options asked = {
		request->common.exchange, request->common.type};
	struct pool_text text = POOL_TEXT_SECRET, losses = POOL_TEXT_EMPTY;
	struct pool_settings output;
	int status;

	if (!pool_settings_copy(&output, settings))
		return tool_refuse(&spec, TOOL_SYSTEM, "out of memory");
	if (request->migrate)
		pool_settings_migrate(&output);
	if (check >= 0)
		pool_settings_check_by(&output, (enum pool_method)check);
	pool_format_write((enum pool_format)request->to, &output, &asked, &text, &losses);
	text.broken = text.broken || losses.broken;
	if (text.broken)
		status = tool_refuse(&spec, TOOL_SYSTEM, "out of memory");
	else if (request->diff)
		status = tell_difference(request, settings, &text);
	else
		status = write_output(request, &text);
	if (!text.broken)
		tell_losses(request, &losses);
	if (!status)
		tell_check(request, check);
	if (!status && request->strict && losses.length)
		status = TOOL_NO;
	pool_settings_release(&output);
	pool_text_release(&losses);
	pool_text_release(&text);
	return status;
}

static int run(const struct request *request, const char *file)
{
	struct pool_judged judged = {.file = file};
	enum pool_format format;
	int error = read_input(request, &judged, &format), status;
	size_t lost = drop_warnings(request, &judged.found);

	tell_diagnostics(request, &judged);
	if (error)
		status = error == POOL_EINVALID ? TOOL_NO : tool_fail(&judged.fault);
	else if (request->check >= 0 && !pool_format_get(format)->one_list)
		status = tool_refuse(&spec, TOOL_USAGE,
			"--check goes with a list and a proxychains.conf: any "
			"other input says itself how its proxies are checked");
	else
		status =
			convert(request, &judged.settings, choose_check(request, format));
	if (!error)
		pool_settings_release(&judged.settings);
	if (!status && lost && request->strict)
		status = TOOL_NO;
	pool_diagnostics_release(&judged.found);
	return status;
}

int main(int argc, char **argv)
{
	struct request request = {
		.common = {.type = -1}, .from = -1, .to = POOL_FORMAT_POOL, .check = -1};
	char found[TOOL_PATH_SIZE];
	const char *file;
	int status;

	tool_begin();
	status = read_command_line(argc, argv, &request);
	if (status)
		return status;
	file = request.common.file;
	if (!file && request.from == POOL_FORMAT_ENV)
		file = POOL_FILE_ENVIRONMENT;
	if (!file)
		file = tool_find_file(&spec, NULL, found, sizeof(found), &status);
	if (!file)
		return status;
	status = run(&request, file);
	if (!tool_close_stdout() && status == TOOL_YES)
		status = TOOL_SYSTEM;
	return status;
}
