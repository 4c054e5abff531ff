/* Finding the program of --on-change, and whether it is safe to run. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/trust.h"
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

/* By its name, as it is found later: where a link to it is can be as unsafe as where it
 * is. */
static int judge_writers(
	const char *path, const struct stat *status, struct pool_fault *fault)
{
	const struct pool_trust trust = pool_trust_judge(status, path);
	char why[POOL_TRUST_TEXT];

	if (trust.strange)
		pool_trust_tell_owner(&trust, "it", why, sizeof(why));
	else if (trust.writers != POOL_WRITERS_TRUSTED)
		pool_trust_tell_refusal(&trust, NULL, why, sizeof(why));
	else
		return 0;
	return pool_fault_set(
		fault, POOL_EUNSAFE, 0, "command '%s' is unsafe: %s", path, why);
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
	if (judge_writers(path, &status, fault) != 0)
		return POOL_EUNSAFE;
	if (lacks_interpreter(path))
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"command '%s' is a script without a first line like #!/bin/sh",
			path);
	return 0;
}

int pool_command_check(
	const char *command, const char *search, char **out, struct pool_fault *fault)
{
	char *path = NULL;
	int error = find(command, search, &path, fault);

	if (error)
		return error;
	error = judge_file(path, fault);
	if (error)
		free(path);
	else
		*out = path;
	return error;
}
