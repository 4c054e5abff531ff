/*
 * damage: runs a command again and again, each time with a file damaged in another way,
 * and judges what it answers.
 *
 *	damage [OPTION]... FILE HOW NUMBER -- COMMAND...
 *
 * HOW: flip       one bit of each NUMBERth byte, in turn
 *      cut        the file ends before each NUMBERth byte, in turn
 *      zero       NUMBER runs with all bytes 0, then 1, 2, ...
 *      overwrite  NUMBER runs with 200 bytes at a random place replaced by random ones
 *      swap       NUMBER bytes at each NUMBERth change places with those behind them
 *
 * --keep OTHER     a file that is made as it was before each run, as FILE is
 * --right FILE     its lines are all that the command may print, and it prints one at
 *                  least; those with "no-proxy" with another status than 0, the others
 *                  with 0
 * --status N,...   how it may end (0)
 * --hide WORD      what stands in no message
 *
 * A command that dies of a signal, hangs, or answers anything else is at fault. Prints
 * the faults and how often the command ended how; ends with 1 if there was a fault.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { FILES = 8, WORDS = 8, OUTPUT = 65536, SHOWN = 20, SECONDS = 20, WIDTH = 200 };

struct file {
	const char *path;
	char *bytes;
	size_t length;
};

struct run {
	struct file files[FILES]; /* the first one is to be damaged */
	size_t file_count;
	char *right; /* what may be printed, NULL: anything */
	const char *hidden[WORDS];
	size_t hidden_count;
	bool allowed[256];
	size_t ended[256];
	char **command;
	size_t runs, faults;
	char what[128]; /* how the file is damaged now */
	char output[OUTPUT], messages[OUTPUT];
};

static void __attribute__((noreturn, format(printf, 1, 2)))
give_up(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("damage: ", stderr);
	vfprintf(stderr, format, arguments);
	fputs("\n", stderr);
	va_end(arguments);
	exit(2);
}

static void __attribute__((format(printf, 2, 3)))
note_fault(struct run *run, const char *format, ...)
{
	va_list arguments;

	if (++run->faults > SHOWN)
		return;
	printf("%s: ", run->what);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n  output: %s\n  messages: %s\n", run->output, run->messages);
}

/* --- files ------------------------------------------------------------------------ */

static void read_file(const char *path, char **bytes, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0)
		give_up("cannot read '%s': %s", path, strerror(errno));
	*length = (size_t)status.st_size;
	*bytes = calloc(*length + 1, 1);
	if (!*bytes || read(fd, *bytes, *length) != (ssize_t)*length)
		give_up("cannot read '%s'", path);
	close(fd);
}

static void write_file(const char *path, const char *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length || close(fd) != 0)
		give_up("cannot write '%s': %s", path, strerror(errno));
}

static void keep(struct run *run, const char *path)
{
	struct file *file = &run->files[run->file_count++];

	if (run->file_count > FILES)
		give_up("too many files");
	file->path = path;
	read_file(path, &file->bytes, &file->length);
}

/* --- one run ---------------------------------------------------------------------- */

static void take_output(int fd, char *out)
{
	ssize_t length = pread(fd, out, OUTPUT - 1, 0);

	out[length > 0 ? length : 0] = '\0';
}

/* The wait status; SIGCHLD is blocked. */
static int start(char **command, int out, int messages)
{
	const struct timespec limit = {SECONDS, 0};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, child;
	int status = 0;
	pid_t pid;

	sigemptyset(&none);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, messages, 2);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &none);
	if (posix_spawnp(&pid, command[0], &actions, &attributes, command, environ) != 0)
		give_up("cannot start '%s'", command[0]);
	while (waitpid(pid, &status, WNOHANG) == 0)
		if (sigtimedwait(&child, NULL, &limit) < 0 && errno == EAGAIN)
			kill(pid, SIGKILL);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return status;
}

/* Whether <line>, of <length> bytes, is one of those that may be printed. */
static bool is_right(const struct run *run, const char *line, size_t length)
{
	for (const char *at = run->right; *at;) {
		const size_t own = strcspn(at, "\n");

		if (own == length && memcmp(at, line, length) == 0)
			return true;
		at += own + (at[own] == '\n');
	}
	return false;
}

static void judge_output(struct run *run, int status)
{
	const char *line = run->output;

	if (!*line)
		note_fault(run, "it prints nothing");
	while (*line) {
		const size_t length = strcspn(line, "\n");
		const bool no = memmem(line, length, "no-proxy", 8) != NULL;

		if (!is_right(run, line, length) || line[length] != '\n')
			note_fault(run, "it prints something else");
		else if (no != (status != 0))
			note_fault(run, "its status is %d", status);
		line += length + (line[length] == '\n');
	}
}

static void judge(struct run *run, int wait_status)
{
	int status = WEXITSTATUS(wait_status);

	run->runs++;
	if (WIFSIGNALED(wait_status)) {
		note_fault(run, "signal %d", WTERMSIG(wait_status));
		return;
	}
	run->ended[status]++;
	if (!run->allowed[status])
		note_fault(run, "status %d", status);
	if (run->right)
		judge_output(run, status);
	for (size_t i = 0; i < run->hidden_count; i++)
		if (strstr(run->messages, run->hidden[i]))
			note_fault(run, "its messages show '%s'", run->hidden[i]);
}

/* With these bytes in the file. */
static void try(struct run *run, const char *bytes, size_t length)
{
	static int out = -1, messages = -1;
	int wait_status;

	if (out < 0) {
		out = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		messages = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	}
	if (out < 0 || messages < 0 || ftruncate(out, 0) != 0 ||
		ftruncate(messages, 0) != 0)
		give_up("cannot make a file here");
	lseek(out, 0, SEEK_SET);
	lseek(messages, 0, SEEK_SET);
	for (size_t i = 1; i < run->file_count; i++)
		write_file(run->files[i].path, run->files[i].bytes, run->files[i].length);
	write_file(run->files[0].path, bytes, length);
	wait_status = start(run->command, out, messages);
	take_output(out, run->output);
	take_output(messages, run->messages);
	judge(run, wait_status);
}

/* --- ways of damage --------------------------------------------------------------- */

static void flip(struct run *run, char *bytes, size_t length, size_t step)
{
	for (size_t at = 0; at < length; at += step) {
		const char bit = (char)(1 << (at / step) % 8);

		snprintf(run->what, sizeof(run->what), "bit %zu of byte %zu flipped",
			(at / step) % 8, at);
		bytes[at] ^= bit;
		try(run, bytes, length);
		bytes[at] ^= bit;
	}
}

static void cut(struct run *run, char *bytes, size_t length, size_t step)
{
	for (size_t at = 0; at < length; at += step) {
		snprintf(run->what, sizeof(run->what), "cut at byte %zu", at);
		try(run, bytes, at);
	}
}

static void zero(struct run *run, char *bytes, size_t length, size_t count)
{
	for (size_t value = 0; value < count; value++) {
		snprintf(run->what, sizeof(run->what), "all bytes %zu", value);
		memset(bytes, (int)value, length);
		try(run, bytes, length);
	}
}

static void overwrite(struct run *run, char *bytes, size_t length, size_t count)
{
	const size_t width = length < WIDTH ? length : WIDTH;
	const char *pristine = run->files[0].bytes;

	srandom(11);
	for (size_t i = 0; i < count; i++) {
		const size_t at = (size_t)random() % (length - width + 1);

		snprintf(run->what, sizeof(run->what),
			"%zu random bytes at %zu, number %zu", width, at, i);
		for (size_t j = 0; j < width; j++)
			bytes[at + j] = (char)random();
		try(run, bytes, length);
		memcpy(bytes + at, pristine + at, width);
	}
}

static void swap(struct run *run, char *bytes, size_t length, size_t width)
{
	const char *pristine = run->files[0].bytes;

	for (size_t at = 0; at + 2 * width <= length; at += width) {
		if (memcmp(pristine + at, pristine + at + width, width) == 0)
			continue;
		snprintf(run->what, sizeof(run->what), "%zu bytes at %zu moved on", width,
			at);
		memcpy(bytes + at, pristine + at + width, width);
		memcpy(bytes + at + width, pristine + at, width);
		try(run, bytes, length);
		memcpy(bytes + at, pristine + at, 2 * width);
	}
}

static const struct {
	const char *name;
	void (*make)(struct run *run, char *bytes, size_t length, size_t number);
} ways[] = {{"flip", flip}, {"cut", cut}, {"zero", zero}, {"overwrite", overwrite},
	{"swap", swap}};

/* --- the whole -------------------------------------------------------------------- */

static void damage(struct run *run, const char *how, size_t number)
{
	const struct file *file = &run->files[0];
	char *bytes = malloc(file->length + 1);
	bool found = false;

	if (!bytes || !number)
		give_up("NUMBER is at least 1");
	memcpy(bytes, file->bytes, file->length);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(how, ways[i].name) == 0) {
			ways[i].make(run, bytes, file->length, number);
			found = true;
		}
	if (!found)
		give_up("no way to damage a file is called '%s'", how);
	free(bytes);
	for (size_t i = 0; i < run->file_count; i++)
		write_file(run->files[i].path, run->files[i].bytes, run->files[i].length);
}

static void read_statuses(struct run *run, const char *list)
{
	char *end;

	memset(run->allowed, 0, sizeof(run->allowed));
	do {
		run->allowed[strtoul(list, &end, 10) & 255] = true;
		list = end + 1;
	} while (*end == ',');
}

static int read_options(struct run *run, int argc, char **argv)
{
	int at = 1;
	size_t length;

	run->allowed[0] = true;
	run->file_count = 1;
	for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
		if (strcmp(argv[at], "--keep") == 0)
			keep(run, argv[at + 1]);
		else if (strcmp(argv[at], "--right") == 0)
			read_file(argv[at + 1], &run->right, &length);
		else if (strcmp(argv[at], "--status") == 0)
			read_statuses(run, argv[at + 1]);
		else if (strcmp(argv[at], "--hide") == 0 && run->hidden_count < WORDS)
			run->hidden[run->hidden_count++] = argv[at + 1];
		else
			give_up("no option is called '%s'", argv[at]);
	}
	return at;
}

int main(int argc, char **argv)
{
	static struct run run;
	int at = read_options(&run, argc, argv);
	sigset_t child;

	if (at + 4 >= argc || strcmp(argv[at + 3], "--") != 0)
		give_up("usage: damage [OPTION]... FILE HOW NUMBER -- COMMAND...");
	run.command = argv + at + 4;
	run.files[0].path = argv[at];
	read_file(argv[at], &run.files[0].bytes, &run.files[0].length);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	damage(&run, argv[at + 1], strtoul(argv[at + 2], NULL, 10));
	printf("%zu runs, %zu faults:", run.runs, run.faults);
	for (size_t i = 0; i < 256; i++)
		if (run.ended[i])
			printf(" %zu with status %zu", run.ended[i], i);
	printf("\n");
	return run.runs && !run.faults ? 0 : 1;
}
