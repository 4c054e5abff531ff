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

/* Whether a line "NAME=VALUE", or a bare NAME, sets what another one sets. */
static bool is_same_name(const char *line, const char *other)
{
	size_t length = strcspn(line, "=");

	return length == strcspn(other, "=") && strncmp(line, other, length) == 0;
}

static bool is_bypass(const char *line)
{
	const struct pool_variable *row = pool_variables_find(line);

	return row && pool_variable_is_bypass(row);
}

/* What is handed down may lack even the "=". */
static bool has_value(const char *line)
{
	const char *equals = strchr(line, '=');

	return equals && equals[1];
}

/* Whether the empty value of a line stands for "unset", which is done here. */
static bool stands_for_unset(const char *line)
{
	const struct pool_variable *row = pool_variables_find(line);

	return row && !has_value(line) && !pool_variable_is_bypass(row) &&
		row->kind != POOL_VARIABLE_NAME && row->kind != POOL_VARIABLE_LEASE;
}

/* Our lines, <count> of them, and before them what they do not replace. */
static void fill_environment(
	struct exec_words *words, char **ours, size_t count, bool keep_bypass)
{
	size_t to = 0;

	for (char **line = environ; line && *line; line++) {
		const struct pool_variable *row = pool_variables_find(*line);
		bool replaced = row && row->kind != POOL_VARIABLE_GIT;

		for (size_t i = 0; i < count && !replaced; i++)
			replaced = is_same_name(*line, ours[i]);
		if (is_bypass(*line)) {
			words->cleared_bypass |= !keep_bypass && has_value(*line);
			replaced = !keep_bypass;
		}
		if (!replaced)
			words->envp[to++] = *line;
	}
	for (size_t i = 0; i < count; i++)
		if (!stands_for_unset(ours[i]) && !(keep_bypass && is_bypass(ours[i])))
			words->envp[to++] = ours[i];
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

/* Add what a command without a proxy gets: nobody else's proxy, and no entry for git. */
static void add_nothing(
	struct pool_text *text, const struct pool_variables_caller *caller)
{
	pool_text_add(text, "POOL_PROXY=\nPOOL_LEASE=\n");
	if (getenv("GIT_CONFIG_COUNT"))
		pool_text_addf(text, "GIT_CONFIG_COUNT=%u\n", caller->git_kept);
}

static int make_environment(struct exec_words *words, bool keep_bypass)
{
	size_t count = 0, inherited = 0;
	char **ours, *rest = NULL;

	while (environ && environ[inherited])
		inherited++;
	ours = calloc(count_lines(words->text) + 1, sizeof(*ours));
	words->envp =
		calloc(inherited + count_lines(words->text) + 1, sizeof(*words->envp));
	if (ours && words->envp) {
		for (char *line = strtok_r(words->text, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest))
			ours[count++] = line;
		fill_environment(words, ours, count, keep_bypass);
	}
	free(ours);
	return ours && words->envp ? 0 : POOL_ENOMEM;
}

static int init_environment(struct exec_words *words,
	const struct exec_words_options *options, const struct pool_choice *choice,
	struct pool_fault *fault)
{
	struct pool_text text = POOL_TEXT_SECRET;
	int error = 0;

	if (choice)
		error = pool_answer_add(&text, "env", &options->query, choice, fault);
	else
		add_nothing(&text, &options->query.caller);
	words->text_length = text.length;
	words->text = pool_text_take(&text);
	if (error)
		return error;
	if (!words->text || make_environment(words, options->keep_bypass) != 0)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
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
