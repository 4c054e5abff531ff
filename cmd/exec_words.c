/* What a command is given. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "exec_words.h"

/* --- arguments ------------------------------------------------------------------ */

/* A backslash is a letter like any other in an argument. */
static char *make_template(const char *argument)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	for (; *argument; argument++) {
		pool_text_add_bytes(&text, argument, 1);
		if (*argument == '\\')
			pool_text_add_bytes(&text, argument, 1);
	}
	return pool_text_take(&text);
}

int exec_words_check(char *const *argv, struct pool_fault *fault)
{
	const struct pool_answer_format *row;
	int error = 0;

	for (size_t i = 1; argv[i] && !error; i++) {
		char *template = strchr(argv[i], '%') ? make_template(argv[i]) : NULL;

		if (template)
			error = pool_answer_check(template, &row, fault);
		free(template);
	}
	return error;
}

/* Without a proxy every name stands for nothing. */
static char *fill_in_nothing(const char *argument)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	while (*argument) {
		size_t skip =
			strncmp(argument, "%{", 2) == 0 ? strcspn(argument, "}") + 1 : 1;

		if (skip == 1)
			pool_text_add_bytes(&text, argument, 1);
		if (strncmp(argument, "%%", 2) == 0)
			skip = 2;
		argument += skip;
	}
	return pool_text_take(&text);
}

static int fill_in(char **out, const char *argument,
	const struct exec_words_options *options, const struct pool_choice *choice,
	struct pool_fault *fault)
{
	struct pool_text text = POOL_TEXT_SECRET;
	size_t length = strlen(argument);
	bool ended = length && argument[length - 1] == '\n';
	char *template;
	int error;

	if (!choice) {
		*out = fill_in_nothing(argument);
		return *out ? 0 : pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	}
	template = make_template(argument);
	if (!template)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	error = pool_answer_add(&text, template, &options->query, choice, fault);
	free(template);
	if (error) {
		pool_text_release(&text);
		return error;
	}
	/* The answer to a template is a line. */
	if (!ended)
		text.bytes[text.length - 1] = '\0';
	*out = pool_text_take(&text);
	return 0;
}

static int init_argv(struct exec_words *words, const struct exec_words_options *options,
	const struct pool_choice *choice, struct pool_fault *fault)
{
	size_t count = 0, owned = 0;
	int error = 0;

	while (options->argv[count])
		count++;
	words->argv = calloc(count + 1, sizeof(*words->argv));
	words->own = calloc(count + 1, sizeof(*words->own));
	if (!words->argv || !words->own)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	for (size_t i = 0; i < count && !error; i++) {
		words->argv[i] = options->argv[i];
		if (!options->templates || i == 0 || !strchr(options->argv[i], '%'))
			continue;
		error = fill_in(
			&words->own[owned], options->argv[i], options, choice, fault);
		words->argv[i] = words->own[owned++];
	}
	return error;
}

/* --- environment ---------------------------------------------------------------- */

/* What would lead elsewhere than through the proxy. HTTP_PROXY is never set: a server
 * takes it for a header "Proxy:" of its client. */
static const char *const dropped[] = {"http_proxy", "HTTP_PROXY", "https_proxy",
	"HTTPS_PROXY", "all_proxy", "ALL_PROXY", "ws_proxy", "WS_PROXY", "wss_proxy",
	"WSS_PROXY", "ftp_proxy", "FTP_PROXY", "POOL_PROXY", "POOL_LEASE"};

static const char *const bypasses[] = {"no_proxy", "NO_PROXY"};

static bool is_of(const char *line, const char *const *names, size_t count)
{
	size_t length = strcspn(line, "=");

	for (size_t i = 0; i < count; i++)
		if (strlen(names[i]) == length && strncmp(names[i], line, length) == 0)
			return true;
	return false;
}

static bool is_bypass(const char *line)
{
	return is_of(line, bypasses, sizeof(bypasses) / sizeof(bypasses[0]));
}

/* What is handed down may lack even the "=". */
static bool has_value(const char *line)
{
	const char *equals = strchr(line, '=');

	return equals && equals[1];
}

static size_t add_inherited(struct exec_words *words, bool keep_bypass)
{
	size_t count = 0;

	for (char **line = environ; line && *line; line++) {
		if (is_of(*line, dropped, sizeof(dropped) / sizeof(dropped[0])))
			continue;
		if (is_bypass(*line) && !keep_bypass) {
			words->cleared_bypass |= has_value(*line);
			continue;
		}
		words->envp[count++] = *line;
	}
	return count;
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static int init_environment(struct exec_words *words,
	const struct exec_words_options *options, const struct pool_choice *choice,
	struct pool_fault *fault)
{
	struct pool_text text = POOL_TEXT_SECRET;
	size_t count = 0;
	char *rest = NULL;
	int error = 0;

	if (choice)
		error = pool_answer_add(&text, "env", &options->query, choice, fault);
	else
		pool_text_add(&text, "POOL_PROXY=\nPOOL_LEASE=\n");
	words->text_length = text.length;
	words->text = pool_text_take(&text);
	if (error)
		return error;
	while (environ && environ[count])
		count++;
	if (words->text)
		words->envp = calloc(
			count + count_lines(words->text) + 1, sizeof(*words->envp));
	if (!words->envp)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	count = add_inherited(words, options->keep_bypass);
	for (char *line = strtok_r(words->text, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest))
		if (!options->keep_bypass || !is_bypass(line))
			words->envp[count++] = line;
	return 0;
}

int exec_words_init(struct exec_words *words, const struct exec_words_options *options,
	const struct pool_choice *choice, struct pool_fault *fault)
{
	int error;

	*words = (struct exec_words){0};
	error = init_environment(words, options, choice, fault);
	if (!error)
		error = init_argv(words, options, choice, fault);
	if (error)
		exec_words_release(words);
	return error;
}

void exec_words_release(struct exec_words *words)
{
	for (size_t i = 0; words->own && words->own[i]; i++)
		pool_text_forget(words->own[i]);
	if (words->text)
		explicit_bzero(words->text, words->text_length);
	free(words->text);
	free(words->own);
	free(words->argv);
	free(words->envp);
	*words = (struct exec_words){0};
}
