/* What is left of pool files that are gone. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/text.h"
#include "state/instance.h"
#include "state/prune.h"
#include "state/state.h"

/* Beside a state file, in the order in which they go; itself last. */
static const char *const suffixes[] = {".snap", ".snap.new", ".decisions", ".corrupt",
	".corrupt.new", ".watch.sock", ".watch", ""};

enum { SUFFIXES = sizeof(suffixes) / sizeof(suffixes[0]), HASH_DIGITS = 16 };

struct pruning {
	const char *folder;
	int fd; /* of the folder */
	bool dry_run;
	void (*tell)(void *context, const struct pool_pruned *pruned);
	void *context;
};

static const char state_ending[] = ".state";

/* The length of the state's own name in <name>, that of one of its files; 0: it is none.
 * NAME-0123456789abcdef.state, and a suffix. */
static size_t state_name_length(const char *name)
{
	const size_t ending = sizeof(state_ending) - 1;
	const char *at = name;

	while ((at = strstr(at + 1, state_ending)) != NULL) {
		size_t length = (size_t)(at - name) + ending;

		if (at - name <= HASH_DIGITS || at[-HASH_DIGITS - 1] != '-' ||
			strspn(at - HASH_DIGITS, "0123456789abcdef") != HASH_DIGITS)
			continue;
		for (int i = 0; i < SUFFIXES; i++)
			if (strcmp(name + length, suffixes[i]) == 0)
				return length;
	}
	return 0;
}

/* A file of <state> in the folder; false: the name is too long for one. */
static bool name_file(char *out, size_t size, const char *state, const char *suffix)
{
	return (size_t)snprintf(out, size, "%s%s", state, suffix) < size;
}

static bool is_there(const struct pruning *pruning, const char *name, struct stat *status)
{
	return fstatat(pruning->fd, name, status, AT_SYMLINK_NOFOLLOW) == 0;
}

static size_t count_files(const struct pruning *pruning, const char *state)
{
	char name[NAME_MAX + 1];
	struct stat status;
	size_t count = 0;

	for (int i = 0; i < SUFFIXES; i++)
		count += name_file(name, sizeof(name), state, suffixes[i]) &&
			is_there(pruning, name, &status);
	return count;
}

/* --- whose it is -------------------------------------------------------------------- */

/* The path of the pool file, if the header and the name agree on it: free() it. */
static char *read_pool_file(int fd, const char *state)
{
	const char *digits = state + strlen(state) - strlen(state_ending) - HASH_DIGITS;
	struct pool_state_header *header = calloc(1, sizeof(*header));
	char hash[HASH_DIGITS + 1], *path = NULL;

	if (header && pread(fd, header, sizeof(*header), 0) == sizeof(*header) &&
		(header->magic == POOL_STATE_MAGIC ||
			header->magic == POOL_STATE_UNFINISHED) &&
		memchr(header->file, '\0', sizeof(header->file))) {
		snprintf(hash, sizeof(hash), "%016llx",
			(unsigned long long)pool_hash_64(
				NULL, header->file, strlen(header->file)));
		if (memcmp(hash, digits, HASH_DIGITS) == 0)
			path = strdup(header->file);
	}
	free(header);
	return path;
}

/* An environment that is a configuration is no file, and never gone. */
static bool is_gone(const char *pool_file)
{
	struct stat status;

	return pool_file[0] == '/' && lstat(pool_file, &status) != 0 &&
		(errno == ENOENT || errno == ENOTDIR);
}

/* --- one state ---------------------------------------------------------------------- */

/* Tools hold the lock for microseconds; a process that holds it for long is not waited
 * for. */
static bool lock(int fd)
{
	const struct timespec pause = {.tv_nsec = POOL_NS_PER_MS};

	for (int i = 0; i < 50; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static bool is_watched(const struct pruning *pruning, const char *state)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	int32_t pid = -1;
	char *path;

	pool_text_addf(&text, "%s%s", pruning->folder, state);
	path = pool_text_take(&text);
	if (path)
		pid = pool_instance_find(path);
	free(path);
	return pid != 0;
}

/* Whether <state> still names the file that is open and locked. */
static bool is_still(const struct pruning *pruning, int fd, const char *state)
{
	struct stat named, open_status;

	return is_there(pruning, state, &named) && fstat(fd, &open_status) == 0 &&
		S_ISREG(named.st_mode) && named.st_dev == open_status.st_dev &&
		named.st_ino == open_status.st_ino;
}

static void remove_files(
	const struct pruning *pruning, const char *state, struct pool_pruned *pruned)
{
	char name[NAME_MAX + 1];

	for (int i = 0; i < SUFFIXES && pruned->as == POOL_PRUNED; i++) {
		if (!name_file(name, sizeof(name), state, suffixes[i]) ||
			unlinkat(pruning->fd, name, 0) == 0 || errno == ENOENT)
			continue;
		pruned->as = POOL_PRUNE_REFUSED;
		pruned->sys_errno = errno;
	}
}

static void prune_locked(const struct pruning *pruning, int fd, const char *state)
{
	struct pool_pruned pruned = {.name = state, .files = count_files(pruning, state)};
	char *pool_file = read_pool_file(fd, state);

	pruned.pool_file = pool_file;
	if (!pool_file)
		pruned.as = POOL_PRUNE_UNKNOWN;
	else if (is_watched(pruning, state))
		pruned.as = POOL_PRUNE_IN_USE;
	if (!pool_file || (is_gone(pool_file) && is_still(pruning, fd, state))) {
		if (pruned.as == POOL_PRUNED && !pruning->dry_run)
			remove_files(pruning, state, &pruned);
		pruning->tell(pruning->context, &pruned);
	}
	free(pool_file);
}

/* Whether there is nothing to look at: the pool file is where it was. */
static bool is_alive(int fd, const char *state)
{
	char *pool_file = read_pool_file(fd, state);
	const bool alive = pool_file && !is_gone(pool_file);

	free(pool_file);
	return alive;
}

static void prune_state(const struct pruning *pruning, const char *state)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	struct pool_pruned pruned = {.name = state, .files = count_files(pruning, state)};
	int fd = openat(pruning->fd, state, flags);
	struct stat status;

	if (fd < 0 && errno == ENOENT) {
		pruned.as = POOL_PRUNE_UNKNOWN;
	} else if (fd < 0) {
		pruned.as = POOL_PRUNE_REFUSED;
		pruned.sys_errno = errno;
	} else if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		pruned.as = POOL_PRUNE_UNKNOWN;
	} else if (is_alive(fd, state)) {
		pruned.files = 0;
	} else if (!lock(fd)) {
		pruned.as = POOL_PRUNE_IN_USE;
	} else {
		prune_locked(pruning, fd, state);
		pruned.files = 0;
	}
	if (pruned.files)
		pruning->tell(pruning->context, &pruned);
	if (fd >= 0)
		close(fd);
}

/* --- all of them -------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

struct names {
	char **list;
	size_t count, room;
};

static int add_name(struct names *names, const char *name, size_t length)
{
	if (names->count == names->room) {
		size_t room = names->room ? names->room * 2 : 64;
		char **list = realloc(names->list, room * sizeof(*list));

		if (!list)
			return POOL_ENOMEM;
		names->list = list;
		names->room = room;
	}
	names->list[names->count] = strndup(name, length);
	return names->list[names->count] ? (names->count++, 0) : POOL_ENOMEM;
}

/* List the states that have files here, each as often as it has some. */
static int find_names(DIR *entries, struct names *names)
{
	const struct dirent *entry;
	int error = 0;

	/* One thread, one stream. */
	/* cppcheck-suppress readdirCalled */
	while (!error && (entry = readdir(entries)) != NULL) {
		size_t length = state_name_length(entry->d_name);

		if (length)
			error = add_name(names, entry->d_name, length);
	}
	if (names->count)
		qsort(names->list, names->count, sizeof(*names->list), compare);
	return error;
}

static int check_folder(const char *folder, struct pool_fault *fault)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	char *path;
	int error;

	/* Any file in it. */
	pool_text_addf(&text, "%sx", folder);
	path = pool_text_take(&text);
	if (!path)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	error = pool_state_check_folders(path, fault);
	free(path);
	return error;
}

int pool_state_prune(const char *folder, bool dry_run,
	void (*tell)(void *context, const struct pool_pruned *pruned), void *context,
	struct pool_fault *fault)
{
	struct pruning pruning = {folder, -1, dry_run, tell, context};
	struct names names = {0};
	DIR *entries;
	int error = check_folder(folder, fault);

	if (error)
		return error;
	entries = opendir(folder);
	if (!entries)
		return pool_fault_set(fault, POOL_ENOFILE, errno,
			"cannot read state folder '%s'", folder);
	pruning.fd = dirfd(entries);
	error = find_names(entries, &names);
	for (size_t i = 0; !error && i < names.count; i++)
		if (i == 0 || strcmp(names.list[i - 1], names.list[i]) != 0)
			prune_state(&pruning, names.list[i]);
	for (size_t i = 0; i < names.count; i++)
		free(names.list[i]);
	free(names.list);
	closedir(entries);
	return error ? pool_fault_set(fault, error, 0, "out of memory") : 0;
}
