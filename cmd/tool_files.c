/* Where the pool file and the state are. */
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/trust.h"
#include "config/environment.h"
#include "state/session.h"
#include "tool.h"

static const char *const system_file = "/etc/proxypool/pool.json";
static const char *const system_state = "/var/lib/proxypool";

/* ./pool.json may only be ours or root's, or someone could leave one lying in a shared
 * folder. */
static bool safe_to_assume(const char *path)
{
	struct pool_trust trust;
	struct stat status;
	char why[POOL_TRUST_TEXT];

	if (stat(path, &status) != 0)
		return false;
	trust = pool_trust_judge(&status, path);
	/* -f alone is of no use where it is then refused. */
	if (pool_trust_refuses(&trust)) {
		pool_trust_tell_refusal(
			&trust, "name it with -f and --trust-file", why, sizeof(why));
		tool_warn("passing over '%s': %s", path, why);
		return false;
	}
	if (trust.strange)
		pool_trust_tell_owner(&trust, "it", why, sizeof(why));
	else if (trust.writers != POOL_WRITERS_TRUSTED)
		pool_trust_tell_writers(&trust, why, sizeof(why));
	else
		return true;
	tool_warn("passing over '%s': %s (name it with -f)", path, why);
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

const char *tool_find_file(const struct tool_spec *spec, const char *given, char *out,
	size_t size, int *status)
{
	const char *variable = getenv("POOL_FILE");
	char folder[TOOL_PATH_SIZE],
		user_file[TOOL_PATH_SIZE + 16] = "~/.config/proxypool/pool.json";

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
	if (pool_environment_has(tool_environment())) {
		snprintf(out, size, "%s", POOL_FILE_ENVIRONMENT);
		return out;
	}
	*status = tool_refuse(spec, TOOL_UNUSABLE,
		"no pool file: give one with -f FILE or $POOL_FILE (looked for "
		"./pool.json, %s, %s and CRYPTOFEED_PROXY_* in the environment)",
		user_file, system_file);
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

/* Earlier versions shared the folder without the sticky bit, so that every member of its
 * group could put a file of his own in the place of one of root's. */
static void correct_system_folder(void)
{
	int fd = open(system_state, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0 && status.st_uid == 0 && (status.st_mode & S_IWGRP) &&
		!(status.st_mode & (S_IWOTH | S_ISVTX)) &&
		fchmod(fd, (status.st_mode & 07777) | S_ISVTX) != 0)
		tool_warn("cannot make '%s' sticky, so that its group cannot replace "
			  "files in it",
			system_state);
	close(fd);
}

/* The folder of root's pool files: shared with the group proxypool where there is one. */
static void make_system_folder(void)
{
	struct group *group;

	if (geteuid() != 0)
		return;
	if (mkdir(system_state, 0700) != 0) {
		correct_system_folder();
		return;
	}
	group = getgrnam("proxypool");
	if (group && chown(system_state, 0, group->gr_gid) == 0 &&
		chmod(system_state, 03770) != 0)
		tool_warn("cannot share '%s' with the group proxypool", system_state);
}

static bool is_in_system_folder(const char *state)
{
	const size_t length = strlen(system_state);

	return strncmp(state, system_state, length) == 0 &&
		(state[length] == '/' || !state[length]);
}

const char *tool_find_state(
	const char *given, const char *file, bool made, char *out, size_t size)
{
	const char *variable = getenv("POOL_STATE");
	struct stat status;
	bool environment;

	if (!given && variable && *variable)
		given = variable;
	if (given) {
		snprintf(out, size, "%s", given);
		if (made && is_in_system_folder(given))
			make_system_folder();
		return out;
	}
	environment = strcmp(file, POOL_FILE_ENVIRONMENT) == 0;
	if (!environment && (stat(file, &status) != 0 || !S_ISREG(status.st_mode)))
		return NULL;
	/* An environment is its user's, root's too. */
	if (!environment && status.st_uid == 0) {
		if (made)
			make_system_folder();
		snprintf(out, size, "%s/", system_state);
		return out;
	}
	if (!home_folder("XDG_STATE_HOME", ".local/state", out, size - 1))
		return NULL;
	if (made)
		make_folders(out);
	strcat(out, "/");
	return out;
}

size_t tool_find_state_folders(const char *given, char out[][TOOL_PATH_SIZE])
{
	const char *variable = getenv("POOL_STATE");
	struct stat status;
	size_t count = 0, length;

	if (!given && variable && *variable)
		given = variable;
	if (given) {
		length = strlen(given);
		if (!length || length + 2 > TOOL_PATH_SIZE ||
			(given[length - 1] != '/' &&
				(stat(given, &status) != 0 || !S_ISDIR(status.st_mode))))
			return 0;
		snprintf(out[0], TOOL_PATH_SIZE, "%s%s", given,
			given[length - 1] == '/' ? "" : "/");
		return 1;
	}
	if (geteuid() == 0)
		snprintf(out[count++], TOOL_PATH_SIZE, "%s/", system_state);
	if (home_folder("XDG_STATE_HOME", ".local/state", out[count], TOOL_PATH_SIZE - 1))
		strcat(out[count++], "/");
	return count;
}

bool tool_is_same_file(const char *one, const char *other)
{
	struct stat left, right;

	return one && other && stat(one, &left) == 0 && stat(other, &right) == 0 &&
		left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

int tool_find_files(const struct tool_spec *spec, const struct tool_common *common,
	struct tool_files *out)
{
	int status = TOOL_UNUSABLE;

	out->state = NULL;
	out->file = tool_find_file(
		spec, common->file, out->file_path, sizeof(out->file_path), &status);
	if (!out->file)
		return status;
	if (!common->no_state)
		out->state = tool_find_state(common->state, out->file,
			!common->makes_nothing, out->state_path, sizeof(out->state_path));
	return TOOL_YES;
}

int tool_refuse_stateless(const struct tool_spec *spec, const char *what,
	const char *file, const char *instead)
{
	bool input = strcmp(file, "-") == 0;
	struct stat status;

	if (stat(file, &status) == 0 && S_ISREG(status.st_mode))
		return tool_refuse(spec, TOOL_UNUSABLE,
			"cannot %s '%s': it has no state file; give one with -s%s%s",
			what, file, instead ? ", or " : "", instead ? instead : "");
	return tool_refuse(spec, TOOL_UNUSABLE,
		"cannot %s %s%s%s: only a regular file has a state file%s%s", what,
		input ? "" : "'", input ? "standard input" : file, input ? "" : "'",
		instead ? "; " : "", instead ? instead : "");
}

void tool_warn_stateless(const char *file, bool lease)
{
	struct stat status;

	if (stat(file, &status) == 0 && S_ISREG(status.st_mode))
		tool_warn("selecting without shared state: there is no home folder to "
			  "keep that of '%s' in; give a state file or folder with -s",
			file);
	else if (lease)
		tool_warn("no lease: only a regular file has a state file");
}

void tool_warn_near_miss(const struct pool_session *session, const char *exchange)
{
	struct pool_resolution resolution;

	if (!exchange)
		return;
	pool_snapshot_resolve(
		pool_session_snapshot(session), exchange, POOL_TYPE_HTTP, &resolution);
	if (resolution.near_miss)
		tool_warn("no exchange is called '%s'; did you mean '%s'?", exchange,
			resolution.near_miss);
}
