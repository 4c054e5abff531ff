/* pool-validate: judges pool files, every fault with its place. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "report/judged.h"
#include "tool.h"

enum {
	OPTION_INPUT = TOOL_OWN_OPTIONS,
	OPTION_STRICT,
	OPTION_PRINT,
	OPTION_RESOLVE,
	OPTION_MAX_ERRORS,
	OPTION_ALLOW,
};

static const struct tool_option options[] = {
	TOOL_OPTION_FILE,
	{OPTION_INPUT, "input", "FORMAT",
		"json or yaml (default: by the file's extension)"},
	{TOOL_FORMAT, "format", "FORMAT", "text or json (default: text)"},
	{OPTION_STRICT, "strict", NULL, "let warnings fail too"},
	{OPTION_ALLOW, "allow", "RULE,...", "pass over the warnings of these rules"},
	{OPTION_MAX_ERRORS, "max-errors", "N",
		"how many to show of a file (default: 20; 0: all)"},
	{OPTION_PRINT, "print", NULL, "print the normal form, secrets as ***"},
	{OPTION_RESOLVE, "resolve", NULL, "print where each lookup leads"},
	{'x', "exchange", "ID", "with --resolve: only that exchange"},
	{'t', "type", "TYPE", "with --resolve: only http or websocket"},
	TOOL_OPTION_QUIET,
	TOOL_OPTION_VERBOSE,
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
		    "  pool-validate --resolve -x binance  where do its requests go?\n",
};

/* What the command line asks for. */
struct request {
	enum pool_input input;
	bool json, strict, print, resolve, quiet, verbose;
	bool allowed[POOL_RULES];
	int64_t max_errors;
	const char *exchange;
	enum pool_type type; /* POOL_TYPES: both */
	const char **files;
	size_t file_count;
};

static bool usage(const char *option, const char *value, const char *expected)
{
	tool_error("%s: '%s' is not %s", option, value, expected);
	return false;
}

static bool allow_rules(struct request *request, const char *list)
{
	size_t count;
	const struct pool_rule *rules = pool_rules_get(&count);
	char *copy = strdup(list), *rest = copy, *name;
	bool right = copy != NULL;

	while (right && (name = strsep(&rest, ","))) {
		int rule = pool_rule_find(name);

		if (rule < 0) {
			const char *names[POOL_RULES], *near;

			for (size_t i = 0; i < count; i++)
				names[i] = rules[i].severity == POOL_WARNING
					? rules[i].name
					: NULL;
			near = pool_text_nearest(name, names, count);
			tool_error("--allow: there is no rule '%s'%s%s%s", name,
				near ? "; did you mean '" : "", near ? near : "",
				near ? "'?" : "");
			right = false;
		} else if (rules[rule].severity == POOL_ERROR) {
			tool_error(
				"--allow: '%s' is an error and cannot be allowed", name);
			right = false;
		} else {
			request->allowed[rule] = true;
		}
	}
	free(copy);
	return right;
}

static bool set_input(struct request *request, const char *value)
{
	if (strcmp(value, "json") == 0)
		request->input = POOL_INPUT_JSON;
	else if (strcmp(value, "yaml") == 0)
		request->input = POOL_INPUT_YAML;
	else
		return usage("--input", value, "json or yaml");
	return true;
}

static bool set_format(struct request *request, const char *value)
{
	request->json = strcmp(value, "json") == 0;
	return request->json || strcmp(value, "text") == 0 ||
		usage("--format", value, "text or json");
}

static bool set_type(struct request *request, const char *value)
{
	int type = pool_type_find(value);

	if (type < 0)
		return usage("--type", value, "http or websocket");
	request->type = (enum pool_type)type;
	return true;
}

static bool set_option(struct request *request, int letter, const char *value)
{
	switch (letter) {
	case 'f':
		request->files[request->file_count++] = value;
		return true;
	case 'x':
		request->exchange = value;
		return true;
	case 't':
		return set_type(request, value);
	case 'q':
		return request->quiet = true;
	case 'v':
		return request->verbose = true;
	case OPTION_INPUT:
		return set_input(request, value);
	case TOOL_FORMAT:
		return set_format(request, value);
	case OPTION_STRICT:
		return request->strict = true;
	case OPTION_PRINT:
		return request->print = true;
	case OPTION_RESOLVE:
		return request->resolve = true;
	case OPTION_ALLOW:
		return allow_rules(request, value);
	case OPTION_MAX_ERRORS:
		return pool_text_to_int(value, 0, INT32_MAX, &request->max_errors) ||
			usage("--max-errors", value, "a whole number, 0 for all");
	default:
		return false;
	}
}

static bool parse_options(struct request *request, int argc, char **argv)
{
	int letter;

	while ((letter = tool_getopt(argc, argv, &spec)) != -1)
		if (!set_option(request, letter, optarg))
			return false;
	while (optind < argc)
		request->files[request->file_count++] = argv[optind++];
	if (!request->resolve && (request->exchange || request->type != POOL_TYPES)) {
		tool_error("-x and -t need --resolve");
		return false;
	}
	if (request->json && (request->print || request->resolve)) {
		tool_error("--format json cannot be combined with --print or --resolve");
		return false;
	}
	if (request->print && request->resolve) {
		tool_error("--print and --resolve cannot be combined");
		return false;
	}
	return true;
}

/* --- judging -------------------------------------------------------------------- */

static int judge(
	const struct request *request, const char *file, struct pool_judged *judged)
{
	struct pool_source source = {0};
	int error = pool_source_read(&source, file, &judged->fault);

	judged->file = file;
	if (!error) {
		if (request->input != POOL_INPUT_AUTO)
			source.input = request->input;
		error = pool_config_read(
			&judged->settings, &judged->found, &source, &judged->fault);
	}
	for (int rule = 0; rule < POOL_RULES; rule++)
		if (request->allowed[rule])
			pool_diagnostics_drop(&judged->found, (enum pool_rule_id)rule);
	judged->readable = !error;
	judged->valid = !error && !(request->strict && judged->found.warnings);
	/* Faults of the content are diagnostics. */
	if (error == POOL_EINVALID)
		judged->fault = (struct pool_fault){0};
	pool_source_release(&source);
	return error == 0 || error == POOL_EINVALID ? (judged->valid ? TOOL_YES : TOOL_NO)
						    : tool_status(error);
}

static void count_words(
	size_t count, const char *one, const char *many, struct pool_text *out)
{
	pool_text_addf(out, "%zu %s", count, count == 1 ? one : many);
}

/* The diagnostics of a file as text, on standard error. */
static void tell_diagnostics(
	const struct request *request, const struct pool_judged *judged)
{
	const struct pool_diagnostics *found = &judged->found;
	size_t shown = request->max_errors ? (size_t)request->max_errors : found->count;
	struct pool_text text = POOL_TEXT_EMPTY;
	bool caret = isatty(STDERR_FILENO);

	if (!found->count)
		return;
	for (size_t i = 0; i < found->count && i < shown; i++) {
		char line[3072];

		if (request->quiet && found->list[i].severity == POOL_WARNING &&
			!request->strict)
			break;
		pool_diagnostic_format(&found->list[i], judged->file, line, sizeof(line));
		pool_text_addf(&text, "%s\n", line);
		if (caret)
			pool_judged_caret(&found->list[i], &text);
	}
	if (!request->quiet || !judged->valid) {
		pool_text_add_safe(&text, judged->file, strlen(judged->file));
		pool_text_add(&text, ": ");
		count_words(found->errors, "error", "errors", &text);
		pool_text_add(&text, ", ");
		count_words(found->warnings, "warning", "warnings", &text);
		if (found->count > shown)
			pool_text_addf(&text,
				" (%zu not shown; --max-errors 0 shows all)",
				found->count - shown);
		pool_text_add(&text, "\n");
	}
	fputs(text.bytes ? text.bytes : "", stderr);
	pool_text_release(&text);
}

static void tell_summary(const struct pool_judged *judged, FILE *out)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	size_t proxies, pools;

	pool_judged_count(judged, &proxies, &pools);
	pool_text_add_safe(&text, judged->file, strlen(judged->file));
	pool_text_add(&text, ": valid, ");
	count_words(proxies, "proxy", "proxies", &text);
	pool_text_add(&text, " in ");
	count_words(pools, "pool", "pools", &text);
	fprintf(out, "%s\n", text.bytes ? text.bytes : "");
	pool_text_release(&text);
}

static void print_text(char *text)
{
	if (text)
		fputs(text, stdout);
	else
		tool_error("out of memory");
	free(text);
}

static void print_lookups(const struct request *request, const struct pool_judged *judged)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_judged_resolve(&judged->settings, request->exchange, request->type, &text);
	print_text(pool_text_take(&text));
}

static void tell(const struct request *request, const struct pool_judged *judged)
{
	bool data = request->print || request->resolve;

	if (judged->fault.code)
		tool_fail(&judged->fault);
	tell_diagnostics(request, judged);
	if (!judged->readable)
		return;
	if (request->print)
		print_text(pool_config_print(&judged->settings, false));
	if (request->resolve)
		print_lookups(request, judged);
	if (judged->valid && !request->quiet && (!data || request->verbose))
		tell_summary(judged, data ? stderr : stdout);
}

static void release(struct pool_judged *judged)
{
	if (judged->readable)
		pool_settings_release(&judged->settings);
	pool_diagnostics_release(&judged->found);
}

static int run(const struct request *request)
{
	struct pool_judged *list = calloc(request->file_count, sizeof(*list));
	int worst = TOOL_YES;

	if (!list) {
		tool_error("out of memory");
		return TOOL_SYSTEM;
	}
	for (size_t i = 0; i < request->file_count; i++) {
		int status = judge(request, request->files[i], &list[i]);

		worst = status > worst ? status : worst;
		if (!request->json) {
			tell(request, &list[i]);
			release(&list[i]);
		}
	}
	if (request->json) {
		print_text(pool_judged_json(list, request->file_count));
		for (size_t i = 0; i < request->file_count; i++)
			release(&list[i]);
	}
	free(list);
	return worst;
}

int main(int argc, char **argv)
{
	struct request request = {.max_errors = 20, .type = POOL_TYPES};
	char found[4096];
	int status = TOOL_USAGE;

	request.files = calloc((size_t)argc + 1, sizeof(*request.files));
	if (!request.files) {
		tool_error("out of memory");
		return TOOL_SYSTEM;
	}
	if (!parse_options(&request, argc, argv))
		goto out;
	if (!request.file_count) {
		request.files[0] = tool_find_file(NULL, found, sizeof(found), &status);
		if (!request.files[0])
			goto out;
		request.file_count = 1;
	}
	status = run(&request);
	if (!tool_close_stdout() && status == TOOL_YES)
		status = TOOL_SYSTEM;
out:
	free(request.files);
	return status;
}
