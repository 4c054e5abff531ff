/* What the mains share: options, the help made of their table, their values. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "tool.h"

enum {
	OPTIONS_MAX = 64,
	WORDS_MAX = 32,
	SUMMARY_SIZE = 2048, /* of an option and its words */
	HELP_LEFT = 26,
	HELP_WIDTH = 79,
	LIKE_LETTERS = 4
};

static size_t count_options(const struct tool_spec *spec)
{
	size_t count = 0;

	while (count < OPTIONS_MAX && spec->options[count].name)
		count++;
	return count;
}

/* --- help ----------------------------------------------------------------------- */

/* In lines that a terminal of 80 columns shows whole, each but the first indented. */
static void print_wrapped(const char *text, size_t indent)
{
	size_t room = HELP_WIDTH - indent;

	while (strlen(text) > room) {
		size_t length = room;

		while (length && text[length] != ' ')
			length--;
		if (!length)
			length = strcspn(text, " ");
		printf("%.*s\n%*s", (int)length, text, (int)indent, "");
		text += length + strspn(text + length, " ");
	}
	printf("%s\n", text);
}

/* "tcp, http or ping" */
static void list_words(const char *const *words, size_t count, struct pool_text *out)
{
	for (size_t i = 0; i < count; i++)
		pool_text_addf(out, "%s%s",
			i == 0                  ? ""
				: i + 1 < count ? ", "
						: " or ",
			words[i]);
}

static size_t own_words(const struct tool_option *option, const char **words)
{
	size_t count = 0;

	while (option->words && count < WORDS_MAX && option->words(count)) {
		words[count] = option->words(count);
		count++;
	}
	return count;
}

static void print_summary(const struct tool_option *option)
{
	char bytes[SUMMARY_SIZE];
	struct pool_text text = POOL_TEXT_FIXED(bytes);
	const char *words[WORDS_MAX];
	size_t count = own_words(option, words);

	list_words(words, count, &text);
	pool_text_addf(&text, "%s%s", count ? " " : "", option->summary);
	print_wrapped(text.bytes, HELP_LEFT + 4);
}

static void print_option(const struct tool_option *option)
{
	char left[64], letter[8] = "    ";

	if (option->letter < 256)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	snprintf(left, sizeof(left), "%s--%s%s%s%s", letter, option->name,
		!option->argument          ? ""
			: option->optional ? "[="
					   : " ",
		option->argument ? option->argument : "", option->optional ? "]" : "");
	if (strlen(left) > HELP_LEFT)
		printf("  %s\n  %*s  ", left, HELP_LEFT, "");
	else
		printf("  %-*s  ", HELP_LEFT, left);
	print_summary(option);
}

static void print_help(const struct tool_spec *spec)
{
	printf("Usage: %s %s\n", spec->name, spec->synopsis);
	print_wrapped(spec->summary, 0);
	printf("\nOptions:\n");
	for (size_t i = 0; i < count_options(spec); i++)
		print_option(&spec->options[i]);
	printf("\nExamples:\n%s", spec->examples);
	printf("\nExit status: %sManual: man %s, man proxypool.\n",
		spec->statuses ? spec->statuses
			       : "0 yes, 1 no, 2 usage, 3 pool file or state unusable, "
				 "4 the system\nfailed, 5 busy. ",
		spec->name);
}

static void print_version(const struct tool_spec *spec)
{
	printf("%s (proxypool) %s\n", spec->name, POOL_VERSION);
	if (spec->libraries)
		printf("%s\n", spec->libraries());
}

/* --- getopt --------------------------------------------------------------------- */

/* The option that is nearest to <word>, or else begins like it: --retry is no --retries
 * by its length, and meant all the same. */
static const char *find_like(const struct tool_spec *spec, const char *word)
{
	const char *names[OPTIONS_MAX];
	size_t count = count_options(spec);
	const char *near;

	for (size_t i = 0; i < count; i++)
		names[i] = spec->options[i].name;
	near = pool_text_nearest(word, names, count);
	for (size_t i = 0; i < count && !near; i++)
		if (strncmp(names[i], word, LIKE_LETTERS) == 0)
			near = names[i];
	return near;
}

static int refuse_unknown(const struct tool_spec *spec, const char *word)
{
	const char *near = find_like(spec, word);

	if (near)
		return tool_refuse(spec, TOOL_USAGE,
			"unknown option '--%s'; did you mean '--%s'?", word, near);
	return tool_refuse(spec, TOOL_USAGE, "unknown option '--%s'; try '%s --help'",
		word, spec->name);
}

static int refuse_option(
	const struct tool_spec *spec, const char *wrong, bool missing_argument)
{
	size_t length;
	char word[64];

	if (missing_argument)
		return tool_refuse(spec, TOOL_USAGE,
			"option '%s' needs an argument; try '%s --help'", wrong,
			spec->name);
	if (strncmp(wrong, "--", 2) != 0)
		return tool_refuse(spec, TOOL_USAGE,
			"unknown option '-%c'; try '%s --help'", optopt ? optopt : '?',
			spec->name);
	length = strcspn(wrong + 2, "=");
	snprintf(word, sizeof(word), "%.*s", (int)(length < 60 ? length : 60), wrong + 2);
	if (optopt)
		return tool_refuse(
			spec, TOOL_USAGE, "option '--%s' takes no argument", word);
	return refuse_unknown(spec, word);
}

/* The table in the two forms that getopt_long() wants. */
static void fill_forms(const struct tool_spec *spec, char *shorts, struct option *longs)
{
	size_t count = count_options(spec);

	if (spec->options_first)
		*shorts++ = '+';
	*shorts++ = ':';
	for (size_t i = 0; i < count; i++) {
		const struct tool_option *option = &spec->options[i];

		longs[i] = (struct option){option->name,
			!option->argument          ? no_argument
				: option->optional ? optional_argument
						   : required_argument,
			NULL, option->letter};
		if (option->letter > 255)
			continue;
		*shorts++ = (char)option->letter;
		if (option->argument)
			*shorts++ = ':';
	}
	*shorts = '\0';
	longs[count] = (struct option){0};
}

static int read_one(
	const struct tool_spec *spec, int letter, bool is_long, void *settings)
{
	struct tool_given given = {.spec = spec,
		.option = spec->options,
		.value = optarg,
		.is_long = is_long};

	if (letter == 'h' || letter == 'V') {
		(letter == 'h' ? print_help : print_version)(spec);
		if (tool_close_stdout())
			exit(spec->said_status);
		exit(spec->unsaid_status ? spec->unsaid_status : TOOL_SYSTEM);
	}
	while (given.option->letter != letter)
		given.option++;
	return given.option->read(&given, settings);
}

int tool_read_options(int argc, char **argv, const struct tool_spec *spec, void *settings)
{
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 3];
	int status = TOOL_YES;

	fill_forms(spec, shorts, longs);
	opterr = 0;
	while (!status) {
		const char *wrong = optind < argc ? argv[optind] : "";
		int index = -1, letter = getopt_long(argc, argv, shorts, longs, &index);

		if (letter == -1)
			break;
		if (letter != ':' && letter != '?') {
			status = read_one(spec, letter, index >= 0, settings);
			continue;
		}
		/* getopt moves operands behind options: the culprit is the one just
		 * passed. */
		if (optind > 0 && argv[optind - 1][0] == '-')
			wrong = argv[optind - 1];
		status = refuse_option(spec, wrong, letter == ':');
	}
	return status;
}

int tool_read_operand(
	int argc, char **argv, const struct tool_spec *spec, struct tool_common *common)
{
	if (optind < argc && !common->file)
		common->file = argv[optind++];
	if (optind == argc)
		return TOOL_YES;
	return tool_refuse(
		spec, TOOL_USAGE, "one pool file is enough: what is '%s'?", argv[optind]);
}

/* --- values --------------------------------------------------------------------- */

void *tool_member(const struct tool_given *given, void *settings)
{
	return (char *)settings + given->option->offset;
}

int tool_read_flag(const struct tool_given *given, void *settings)
{
	*(bool *)tool_member(given, settings) = true;
	return TOOL_YES;
}

int tool_read_text(const struct tool_given *given, void *settings)
{
	*(const char **)tool_member(given, settings) = given->value;
	return TOOL_YES;
}

int tool_refuse_value(const struct tool_given *given, const char *what)
{
	return tool_refuse(given->spec, TOOL_USAGE, "--%s wants %s, not '%s'",
		given->option->name, what, given->value);
}

int tool_read_number(const struct tool_given *given, void *settings)
{
	const struct tool_option *option = given->option;
	char what[96];

	if (pool_text_to_int(given->value, option->low, option->high,
		    tool_member(given, settings)))
		return TOOL_YES;
	snprintf(what, sizeof(what), "a whole number from %" PRId64 " to %" PRId64,
		option->low, option->high);
	return tool_refuse_value(given, what);
}

int tool_read_names(const struct tool_given *given, void *settings)
{
	struct tool_names *names = tool_member(given, settings);
	size_t room = names->count + 1, before = names->count;
	const char **longer;
	char *rest = NULL;

	for (const char *at = given->value; *at; at++)
		room += *at == ',';
	longer = realloc(names->list, room * sizeof(*longer));
	if (!longer)
		return tool_refuse(given->spec, TOOL_SYSTEM, "out of memory");
	names->list = longer;
	for (char *word = strtok_r(given->value, ",", &rest); word;
		word = strtok_r(NULL, ",", &rest))
		names->list[names->count++] = word;
	if (names->count > before)
		return TOOL_YES;
	return tool_refuse(given->spec, TOOL_USAGE, "--%s wants at least one name",
		given->option->name);
}

int tool_find_word(const struct tool_spec *spec, const char *who, const char *what,
	const char *word, const char *const *words, size_t count, int *out)
{
	char bytes[SUMMARY_SIZE] = "";
	struct pool_text list = POOL_TEXT_FIXED(bytes);
	const char *near;
	int status;

	for (size_t i = 0; i < count; i++)
		if (words[i] && strcmp(words[i], word) == 0) {
			*out = (int)i;
			return TOOL_YES;
		}
	near = pool_text_nearest(word, words, count);
	if (!what)
		list_words(words, count, &list);
	status = tool_refuse(spec, TOOL_USAGE, "%s wants %s, not '%s'%s%s%s", who,
		what ? what : list.bytes, word, near ? "; did you mean '" : "",
		near ? near : "", near ? "'?" : "");
	return status;
}

int tool_find_value(
	const struct tool_given *given, const char *const *words, size_t count, int *out)
{
	char who[64];

	snprintf(who, sizeof(who), "--%s", given->option->name);
	return tool_find_word(given->spec, who, NULL, given->value, words, count, out);
}

int tool_find_own_value(const struct tool_given *given, int *out)
{
	const char *words[WORDS_MAX];
	size_t count = own_words(given->option, words);

	return tool_find_value(given, words, count, out);
}

int tool_find_type(
	const struct tool_spec *spec, const char *who, const char *word, int *out)
{
	const char *words[POOL_TYPES];
	int type = pool_type_find(word);

	if (type >= 0) {
		*out = type;
		return TOOL_YES;
	}
	for (int i = 0; i < POOL_TYPES; i++)
		words[i] = pool_type_name((enum pool_type)i);
	return tool_find_word(spec, who, NULL, word, words, POOL_TYPES, out);
}

int tool_read_type(const struct tool_given *given, void *settings)
{
	return tool_find_type(
		given->spec, "--type", given->value, tool_member(given, settings));
}
