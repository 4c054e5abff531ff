/* Finding the program of --on-change, and whether it is safe to run. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "state/state.h"
#include "watch/command.h"

static const char default_search[] =
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* --- finding -------------------------------------------------------------------- */

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
		faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* Its path, or NULL; <broken>: out of memory. */
static char *search_folders(const char *name, const char *search, bool *broken)
{
	for (const char *at = search; !*broken; at++) {
		struct pool_text path = POOL_TEXT_EMPTY;
		size_t length = strcspn(at, ":");
		char *found;

		pool_text_add_bytes(&path, at, length);
		pool_text_addf(&path, "/%s", name);
		found = pool_text_take(&path);
		*broken = !found;
		if (found && *at == '/' && is_program(found))
			return found;
		free(found);
		at += length;
		if (!*at)
			break;
	}
	return NULL;
}

static int find(
	const char *command, const char *search, char **out, struct pool_fault *fault)
{
	bool broken = false;

	if (!*command)
		return pool_fault_set(fault, POOL_EARGUMENT, 0, "the command is empty");
	if (strchr(command, '/')) {
		*out = pool_state_absolute(command);
		broken = !*out;
	} else {
		*out = search_folders(command, search ? search : default_search, &broken);
	}
	if (broken)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	if (*out)
		return 0;
	return pool_fault_set(fault, POOL_ENOFILE, 0,
		"cannot find command '%s' in PATH%s", command,
		strchr(command, ' ') ? ": it is run without arguments and shell" : "");
}

/* --- judging -------------------------------------------------------------------- */

static bool is_trusted(const struct stat *status)
{
	return status->st_uid == 0 || status->st_uid == geteuid();
}

/* A group of which we alone are thought to be a member. */
static bool has_own_group(const struct stat *status)
{
	return status->st_gid == getegid();
}

/* Names in it can be replaced only by root, by us, or by those whom root trusts. */
static bool is_safe_folder(const struct stat *status)
{
	if (!S_ISDIR(status->st_mode) || !is_trusted(status))
		return false;
	if (status->st_mode & S_ISVTX)
		return true;
	if (status->st_mode & S_IWOTH)
		return false;
	return !(status->st_mode & S_IWGRP) || status->st_uid == 0 ||
		has_own_group(status);
}

/* Every folder of <path>, an absolute one. */
static int judge_folders(const char *path, struct pool_fault *fault)
{
	char *folder = strdup(path);
	struct stat status;
	int error = 0;

	if (!folder)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	do {
		char *slash = strrchr(folder, '/');

		slash[slash == folder] = '\0';
		if (stat(folder, &status) != 0)
			error = pool_fault_set(fault, POOL_ENOFILE, errno,
				"cannot examine folder '%s' of the command", folder);
		else if (!is_safe_folder(&status))
			error = pool_fault_set(fault, POOL_EUNSAFE, 0,
				"command '%s' is unsafe: its folder '%s' belongs to "
				"somebody else, or others can write it",
				path, folder);
	} while (!error && folder[1]);
	free(folder);
	return error;
}

/* A text whose first line does not say what runs it: only a shell would. What we may not
 * read cannot be told. */
static bool lacks_interpreter(const char *path)
{
	char bytes[128];
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return false;
	got = read(fd, bytes, sizeof(bytes));
	close(fd);
	if (got == 0)
		return true;
	return got > 0 && !memchr(bytes, '\0', (size_t)got) &&
		(got < 2 || memcmp(bytes, "#!", 2) != 0);
}

static int judge_file(const char *path, struct pool_fault *fault)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return pool_fault_set(
			fault, POOL_ENOFILE, errno, "cannot examine command '%s'", path);
	if (!S_ISREG(status.st_mode))
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"command '%s' is not a regular file", path);
	if (!is_program(path))
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"command '%s' cannot be executed: see its permissions", path);
	if (!is_trusted(&status))
		return pool_fault_set(fault, POOL_EUNSAFE, 0,
			"command '%s' is unsafe: it belongs to somebody else", path);
	if ((status.st_mode & S_IWOTH) ||
		((status.st_mode & S_IWGRP) && !has_own_group(&status)))
		return pool_fault_set(fault, POOL_EUNSAFE, 0,
			"command '%s' is unsafe: others can write it", path);
	if (lacks_interpreter(path))
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"command '%s' is a script without a first line like #!/bin/sh",
			path);
	return 0;
}

int pool_command_check(
	const char *command, const char *search, char **out, struct pool_fault *fault)
{
	char *path = NULL, *real = NULL;
	int error = find(command, search, &path, fault);

	if (error)
		return error;
	real = realpath(path, NULL);
	if (!real)
		error = pool_fault_set(
			fault, POOL_ENOFILE, errno, "cannot examine command '%s'", path);
	/* Where a link to it is can be as unsafe as where it is. */
	if (!error)
		error = judge_folders(path, fault);
	if (!error)
		error = judge_folders(real, fault);
	if (!error)
		error = judge_file(real, fault);
	free(real);
	if (error)
		free(path);
	else
		*out = path;
	return error;
}
