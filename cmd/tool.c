/* What the mains share. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"
#include "tool.h"

enum { OPTIONS_MAX = 64, PATH_SIZE = 4096 };

static const char *const system_file = "/etc/proxypool/pool.json";
static const char *const system_state = "/var/lib/proxypool";

void tool_begin(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* The lowest free number each time: writing to one that only reads fails, as it
	 * should. */
	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* --- messages ------------------------------------------------------------------- */

static void tell(const char *prefix, const char *format, va_list arguments)
{
	char raw[2048], line[sizeof(raw) + 64];
	size_t length;

	vsnprintf(raw, sizeof(raw), format, arguments);
	length = (size_t)snprintf(
		line, 64, "%.32s: %s", program_invocation_short_name, prefix);
	pool_text_safe(line + length, sizeof(line) - length - 1, raw, strlen(raw));
	length += strlen(line + length);
	line[length++] = '\n';
	/* One write, so that lines of processes beside us do not mix; nowhere to tell a
	 * failure. */
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}

void tool_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	tell("", format, arguments);
	va_end(arguments);
}

void tool_warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	tell("warning: ", format, arguments);
	va_end(arguments);
}

void tool_warn_line(void *context, const char *text)
{
	(void)context;
	tool_warn("%s", text);
}

const char *tool_lookup(void *context, const char *name)
{
	(void)context;
	return getenv(name);
}

int tool_status(int error)
{
	static const unsigned char statuses[] = {
		[-POOL_OK] = TOOL_YES,
		[-POOL_EINVALID] = TOOL_UNUSABLE,
		[-POOL_ENOFILE] = TOOL_UNUSABLE,
		[-POOL_EFORMAT] = TOOL_UNUSABLE,
		[-POOL_EFOREIGN] = TOOL_UNUSABLE,
		[-POOL_EUNSAFE] = TOOL_UNUSABLE,
		[-POOL_EBUSY] = TOOL_BUSY,
		[-POOL_ENONE] = TOOL_NO,
		[-POOL_ESECRET] = TOOL_UNUSABLE,
		[-POOL_ESYSTEM] = TOOL_SYSTEM,
		[-POOL_ENOMEM] = TOOL_SYSTEM,
		[-POOL_EARGUMENT] = TOOL_USAGE,
		[-POOL_ESTALE] = TOOL_BUSY,
	};
	size_t row = (size_t) - (long)error;

	return row < sizeof(statuses) ? statuses[row] : TOOL_SYSTEM;
}

int tool_fail(const struct pool_fault *fault)
{
	tool_error("%s",
		fault->text[0] ? fault->text : pool_error_get(fault->code)->sentence);
	return tool_status(fault->code);
}

bool tool_close_stdout(void)
{
	bool failed = ferror(stdout) != 0;
	int error = 0;

	if (fclose(stdout) != 0) {
		failed = true;
		error = errno;
	}
	if (failed && error != EPIPE)
		tool_error("cannot write standard output: %s",
			error ? strerror(error) : "an earlier write failed");
	return !failed;
}

/* --- options -------------------------------------------------------------------- */

static size_t count_options(const struct tool_spec *spec)
{
	size_t count = 0;

	while (count < OPTIONS_MAX && spec->options[count].name)
		count++;
	return count;
}

static void print_help(const struct tool_spec *spec)
{
	printf("Usage: %s %s\n%s\n\nOptions:\n", spec->name, spec->synopsis,
		spec->summary);
	for (size_t i = 0; i < count_options(spec); i++) {
		const struct tool_option *option = &spec->options[i];
		char left[64], letter[8] = "    ";

		if (option->letter < 256)
			snprintf(letter, sizeof(letter), "-%c, ", option->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name,
			option->argument ? " " : "",
			option->argument ? option->argument : "");
		if (strlen(left) > 26)
			printf("  %s\n  %26s  %s\n", left, "", option->summary);
		else
			printf("  %-26s  %s\n", left, option->summary);
	}
	printf("\nExamples:\n%s", spec->examples);
	printf("\nExit status: 0 yes, 1 no, 2 usage, 3 pool file or state unusable, 4 "
	       "the system\n"
	       "failed, 5 busy. Manual: man %s, man proxypool.\n",
		spec->name);
}

static void print_version(const struct tool_spec *spec)
{
	printf("%s (proxypool) %s\n", spec->name, POOL_VERSION);
	if (spec->libraries)
		printf("%s\n", spec->libraries);
}

static void explain(
	const struct tool_spec *spec, const char *wrong, bool missing_argument)
{
	const char *names[OPTIONS_MAX];
	char word[64];
	size_t count = count_options(spec), length;
	const char *near;

	if (missing_argument) {
		tool_error("option '%s' needs an argument; try '%s --help'", wrong,
			spec->name);
		return;
	}
	if (strncmp(wrong, "--", 2) != 0) {
		tool_error("unknown option '-%c'; try '%s --help'", optopt ? optopt : '?',
			spec->name);
		return;
	}
	for (size_t i = 0; i < count; i++)
		names[i] = spec->options[i].name;
	length = strcspn(wrong + 2, "=");
	snprintf(word, sizeof(word), "%.*s", (int)(length < 60 ? length : 60), wrong + 2);
	if (optopt) {
		tool_error("option '--%s' takes no argument", word);
		return;
	}
	near = pool_text_nearest(word, names, count);
	if (near)
		tool_error("unknown option '--%s'; did you mean '--%s'?", word, near);
	else
		tool_error("unknown option '--%s'; try '%s --help'", word, spec->name);
}

int tool_getopt(int argc, char **argv, const struct tool_spec *spec)
{
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 2];
	size_t count = count_options(spec), used = 0;
	const char *current;
	int letter;

	shorts[used++] = ':';
	for (size_t i = 0; i < count; i++) {
		const struct tool_option *option = &spec->options[i];

		longs[i] = (struct option){option->name,
			option->argument ? required_argument : no_argument, NULL,
			option->letter};
		if (option->letter < 256) {
			shorts[used++] = (char)option->letter;
			if (option->argument)
				shorts[used++] = ':';
		}
	}
	longs[count] = (struct option){0};
	shorts[used] = '\0';
	opterr = 0;
	current = optind < argc ? argv[optind] : "";
	letter = getopt_long(argc, argv, shorts, longs, NULL);
	if (letter == 'h' || letter == 'V') {
		(letter == 'h' ? print_help : print_version)(spec);
		exit(tool_close_stdout() ? spec->said_status : TOOL_SYSTEM);
	}
	if (letter == ':' || letter == '?') {
		/* getopt moves operands behind options: the culprit is the one just
		 * passed. */
		const char *wrong = optind > 0 && strncmp(argv[optind - 1], "-", 1) == 0
			? argv[optind - 1]
			: current;

		explain(spec, wrong, letter == ':');
		return '?';
	}
	return letter;
}

/* --- where the files are -------------------------------------------------------- */

/* ./pool.json may only be ours or root's, or someone could leave one lying in a shared
 * folder. */
static bool safe_to_assume(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return false;
	if ((status.st_uid == 0 || status.st_uid == geteuid()) && !(status.st_mode & 022))
		return true;
	tool_warn("passing over '%s': it is not yours, or others can write it (name it "
		  "with -f)",
		path);
	return false;
}

static const char *home_folder(
	const char *variable, const char *below, char *out, size_t size)
{
	const char *folder = getenv(variable), *home = getenv("HOME");

	if (folder && folder[0] == '/')
		snprintf(out, size, "%s/proxypool", folder);
	else if (home && home[0] == '/')
		snprintf(out, size, "%s/%s/proxypool", home, below);
	else
		return NULL;
	return out;
}

const char *tool_find_file(const char *given, char *out, size_t size, int *status)
{
	const char *variable = getenv("POOL_FILE");
	char folder[PATH_SIZE],
		user_file[PATH_SIZE + 16] = "~/.config/proxypool/pool.json";

	if (!given && variable && *variable)
		given = variable;
	if (given) {
		snprintf(out, size, "%s", given);
		return out;
	}
	if (safe_to_assume("pool.json")) {
		snprintf(out, size, "pool.json");
		return out;
	}
	if (home_folder("XDG_CONFIG_HOME", ".config", folder, sizeof(folder))) {
		snprintf(user_file, sizeof(user_file), "%s/pool.json", folder);
		snprintf(out, size, "%s", user_file);
		if (access(out, F_OK) == 0)
			return out;
	}
	snprintf(out, size, "%s", system_file);
	if (access(out, F_OK) == 0)
		return out;
	tool_error("no pool file: give one with -f FILE or $POOL_FILE (looked for "
		   "./pool.json, "
		   "%s and %s)",
		user_file, system_file);
	*status = TOOL_UNUSABLE;
	return NULL;
}

/* mkdir -p, private: what exists stays as it is. */
static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	mkdir(path, 0700);
}

/* The folder of root's pool files: shared with the group proxypool where there is one. */
static void make_system_folder(void)
{
	struct group *group;

	if (geteuid() != 0 || mkdir(system_state, 0700) != 0)
		return;
	group = getgrnam("proxypool");
	if (group && chown(system_state, 0, group->gr_gid) == 0 &&
		chmod(system_state, 02770) != 0)
		tool_warn("cannot share '%s' with the group proxypool", system_state);
}

const char *tool_find_state(const char *given, const char *file, char *out, size_t size)
{
	const char *variable = getenv("POOL_STATE");
	struct stat status;

	if (!given && variable && *variable)
		given = variable;
	if (given) {
		snprintf(out, size, "%s", given);
		return out;
	}
	if (stat(file, &status) != 0 || !S_ISREG(status.st_mode))
		return NULL;
	if (status.st_uid == 0) {
		make_system_folder();
		snprintf(out, size, "%s/", system_state);
		return out;
	}
	if (!home_folder("XDG_STATE_HOME", ".local/state", out, size - 1))
		return NULL;
	make_folders(out);
	strcat(out, "/");
	return out;
}
