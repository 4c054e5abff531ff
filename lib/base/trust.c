/* Who could have changed a file. */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "base/text.h"
#include "base/trust.h"

enum { LINKS_MAX = 40, ENTRY_SIZE = 16384 };

/* --- groups ---------------------------------------------------------------------- */

/* Whether another user of this machine than <user> has <group> as primary group. Users
 * of a directory service are not listed: those are known by their group's members only.
 */
static bool is_shared_primary(uid_t user, gid_t group)
{
	char entry[ENTRY_SIZE];
	struct passwd row = {0}, *found = NULL;
	FILE *users = fopen("/etc/passwd", "re");
	bool shared = false;

	while (users && !shared &&
		fgetpwent_r(users, &row, entry, sizeof(entry), &found) == 0)
		shared = row.pw_gid == group && row.pw_uid != user;
	if (users)
		fclose(users);
	return shared;
}

bool pool_trust_is_own_group(uid_t user, gid_t group)
{
	char user_entry[ENTRY_SIZE], group_entry[ENTRY_SIZE];
	struct passwd user_row, *owner = NULL;
	struct group group_row, *found = NULL;

	if (user == group)
		return true;
	if (getpwuid_r(user, &user_row, user_entry, sizeof(user_entry), &owner) != 0 ||
		!owner || owner->pw_gid != group)
		return false;
	/* More members than there is room for are others. */
	if (getgrgid_r(group, &group_row, group_entry, sizeof(group_entry), &found) != 0)
		return false;
	for (char **name = found ? found->gr_mem : NULL; name && *name; name++)
		if (strcmp(*name, owner->pw_name) != 0)
			return false;
	return !is_shared_primary(user, group);
}

/* --- what a status says ---------------------------------------------------------- */

static enum pool_writers find_writers(const struct stat *status)
{
	if (status->st_mode & S_IWOTH)
		return POOL_WRITERS_ALL;
	if ((status->st_mode & S_IWGRP) &&
		!pool_trust_is_own_group(status->st_uid, status->st_gid))
		return POOL_WRITERS_GROUP;
	return POOL_WRITERS_TRUSTED;
}

/* The end of a path tells more than its beginning. */
static void keep_name(char *out, const char *name)
{
	size_t length = strlen(name);

	if (length < POOL_TRUST_FOLDER)
		memcpy(out, name, length + 1);
	else
		snprintf(out, POOL_TRUST_FOLDER, "...%s",
			name + length - (POOL_TRUST_FOLDER - 4));
}

/* <name>  of a folder or link; "": the file itself */
static void add_writers(
	struct pool_trust *trust, const struct stat *status, const char *name)
{
	enum pool_writers writers = find_writers(status);

	if (writers <= trust->writers)
		return;
	trust->writers = writers;
	trust->mode = status->st_mode & 07777;
	trust->group = status->st_gid;
	keep_name(trust->writable, name);
}

/* Whether it is the first of a stranger's. */
static bool add_owner(
	struct pool_trust *trust, const struct stat *status, const char *name)
{
	if (trust->strange || status->st_uid == 0 || status->st_uid == trust->caller)
		return false;
	trust->strange = true;
	trust->owner = status->st_uid;
	keep_name(trust->owned, name);
	return true;
}

void pool_trust_add_file(struct pool_trust *trust, const struct stat *status)
{
	add_writers(trust, status, "");
	add_owner(trust, status, "");
}

/* --- folders --------------------------------------------------------------------- */

static bool is_read_only(const char *folder)
{
	struct statvfs status;

	return statvfs(folder, &status) == 0 && (status.f_flag & ST_RDONLY);
}

static void add_folder(
	struct pool_trust *trust, const struct stat *status, const char *name)
{
	struct pool_trust found = *trust;

	add_owner(&found, status, name);
	if (!(status->st_mode & S_ISVTX))
		add_writers(&found, status, name);
	if ((found.writers != trust->writers || found.strange != trust->strange) &&
		!is_read_only(name))
		*trust = found;
}

/* A walk: <done> is a path without links, "" at the root, <rest> follows it. */
struct walk {
	struct pool_trust *trust;
	char done[PATH_MAX];
	char rest[PATH_MAX];
	unsigned links;
};

static bool give_up(struct pool_trust *trust)
{
	trust->writers = POOL_WRITERS_UNKNOWN;
	return false;
}

/* What the link <done> leads to goes before <rest>. Not inlined: most walks meet no link,
 * and each page of its frame would cost a start a microsecond. */
static __attribute__((noinline)) bool follow_link(struct walk *walk, size_t length_before)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t length = readlink(walk->done, target, sizeof(target) - 1);

	if (length <= 0 || walk->links++ == LINKS_MAX)
		return give_up(walk->trust);
	target[length] = '\0';
	strcpy(rest, walk->rest);
	walk->done[target[0] == '/' ? 0 : length_before] = '\0';
	if (snprintf(walk->rest, sizeof(walk->rest), "%s/%s", target, rest) >=
		(int)sizeof(walk->rest))
		return give_up(walk->trust);
	return true;
}

/* Append the next name of <rest> to <done>; false at its end. */
static bool take_name(struct walk *walk)
{
	char *name = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(name, "/"), before = strlen(walk->done);

	if (!length)
		return false;
	if (before + length + 2 > sizeof(walk->done))
		return give_up(walk->trust);
	if (length == 2 && memcmp(name, "..", 2) == 0) {
		char *slash = strrchr(walk->done, '/');

		if (slash)
			*slash = '\0';
	} else if (length != 1 || *name != '.') {
		walk->done[before] = '/';
		memcpy(walk->done + before + 1, name, length);
		walk->done[before + 1 + length] = '\0';
	}
	memmove(walk->rest, name + length, strlen(name + length) + 1);
	return true;
}

/* Judge what <done> has become; false where the walk ends. */
static bool visit(struct walk *walk, size_t length_before)
{
	struct stat status;

	if (lstat(walk->done[0] ? walk->done : "/", &status) != 0)
		return false;
	if (S_ISLNK(status.st_mode)) {
		walk->trust->is_link |= add_owner(walk->trust, &status, walk->done);
		return follow_link(walk, length_before);
	}
	if (!S_ISDIR(status.st_mode))
		return false;
	add_folder(walk->trust, &status, walk->done[0] ? walk->done : "/");
	return true;
}

void pool_trust_add_folders(struct pool_trust *trust, const char *path)
{
	struct walk walk;
	size_t before = 0;

	/* The pages that are not needed stay untouched: each would cost a microsecond. */
	walk.trust = trust;
	walk.done[0] = walk.rest[0] = '\0';
	walk.links = 0;
	if ((*path != '/' && !getcwd(walk.rest, sizeof(walk.rest))) ||
		strlen(walk.rest) + strlen(path) + 2 > sizeof(walk.rest)) {
		give_up(trust);
		return;
	}
	strcat(walk.rest, "/");
	strcat(walk.rest, path);
	do {
		if (!visit(&walk, before))
			return;
		before = strlen(walk.done);
	} while (take_name(&walk));
}

struct pool_trust pool_trust_judge(const struct stat *status, const char *path)
{
	struct pool_trust trust = {.caller = geteuid()};

	if (!status->st_nlink)
		return trust;
	pool_trust_add_file(&trust, status);
	pool_trust_add_folders(&trust, path);
	return trust;
}

/* --- sentences ------------------------------------------------------------------- */

bool pool_trust_refuses(const struct pool_trust *trust)
{
	return trust->writers >= POOL_WRITERS_ALL ||
		(trust->writers == POOL_WRITERS_GROUP && trust->caller == 0);
}

void pool_trust_tell_writers(const struct pool_trust *trust, char *out, size_t size)
{
	char who[32] = "everybody", folder[4 * POOL_TRUST_FOLDER];

	if (trust->writers == POOL_WRITERS_UNKNOWN) {
		snprintf(out, size, "the way to it is too long to be judged");
		return;
	}
	if (trust->writers == POOL_WRITERS_GROUP)
		snprintf(who, sizeof(who), "group %u", (unsigned)trust->group);
	pool_text_safe(folder, sizeof(folder), trust->writable, strlen(trust->writable));
	snprintf(out, size, "%s can write it%s%s%s (mode %04o)", who,
		*folder ? "s folder '" : "", folder, *folder ? "'" : "",
		(unsigned)trust->mode);
}

/* A folder need not be closed to those who share it: if it is sticky, each of them
 * replaces files of his own only. */
static const char *find_remedy(const struct pool_trust *trust)
{
	if (trust->writers == POOL_WRITERS_UNKNOWN)
		return "";
	if (trust->writable[0])
		return "chmod +t that folder";
	if (!(trust->mode & S_IWOTH))
		return "chmod g-w it";
	return trust->mode & S_IWGRP ? "chmod go-w it" : "chmod o-w it";
}

void pool_trust_tell_refusal(
	const struct pool_trust *trust, const char *other, char *out, size_t size)
{
	const char *remedy = find_remedy(trust);
	size_t used;

	pool_trust_tell_writers(trust, out, size);
	used = strlen(out);
	if (*remedy || other)
		snprintf(out + used, size - used, " (%s%s%s)", remedy,
			*remedy && other ? ", or " : "", other ? other : "");
}

void pool_trust_tell_owner(
	const struct pool_trust *trust, const char *it, char *out, size_t size)
{
	char name[4 * POOL_TRUST_FOLDER], below[sizeof(name) + 16] = "";

	pool_text_safe(name, sizeof(name), trust->owned, strlen(trust->owned));
	if (*name)
		snprintf(below, sizeof(below), "%s %s '%s'",
			strcmp(it, "it") == 0 ? "s" : "'s",
			trust->is_link ? "link" : "folder", name);
	snprintf(out, size, "%s%s belongs to user %u, neither root nor you", it, below,
		(unsigned)trust->owner);
}
