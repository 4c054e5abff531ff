/*
 * Who could have changed a file, or made its name lead elsewhere: the one judge of pool
 * files and password files.
 *
 *	fstat(fd, &status);
 *	trust = pool_trust_judge(&status, path);
 *	if (pool_trust_refuses(&trust)) ...
 *
 * Trusted are root, the caller, and a user's own group: one whose number is the user's,
 * or the user's primary group if it has no other member. A file that belongs to anybody
 * else is a stranger's, and so is one whose folder, or a symbolic link on the way to it,
 * is a stranger's.
 *
 * The mode of a folder does not count where names in it cannot be replaced by others: a
 * sticky one, and one on a read-only mount.
 *
 * Not promised: that an access control list is looked at. What it permits shows in the
 * group's bits, and is judged as the group's.
 */
#ifndef POOL_BASE_TRUST_H
#define POOL_BASE_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum pool_writers {
	POOL_WRITERS_TRUSTED,
	POOL_WRITERS_GROUP,   /* a group other than its user's own */
	POOL_WRITERS_ALL,     /* everybody */
	POOL_WRITERS_UNKNOWN, /* the way to it is too long to be judged */
};

enum {
	POOL_TRUST_FOLDER = 128, /* a folder as it is shown, cut if longer */
	POOL_TRUST_TEXT = 4 * POOL_TRUST_FOLDER + 160, /* room for a sentence about it */
};

/* What was found, the worst of it. Zeroes and <caller>: nothing yet. */
struct pool_trust {
	uid_t caller;
	enum pool_writers writers;
	mode_t mode; /* of what they can write, and its group */
	gid_t group;
	char writable[POOL_TRUST_FOLDER]; /* the folder it is, "": the file */
	bool strange; /* it belongs to <owner>, who is neither root nor the caller */
	uid_t owner;
	char owned[POOL_TRUST_FOLDER]; /* the folder or link it is, "": the file */
	bool is_link;                  /* <owned> is a symbolic link */
};

/*
 * Judge the file <path>, which was opened or found to be as <status>, for the caller of
 * this process. One without a name was handed over open, as standard input is: it is not
 * judged.
 */
struct pool_trust pool_trust_judge(const struct stat *status, const char *path);

/* Its two halves. Add what the status of the file itself says. */
void pool_trust_add_file(struct pool_trust *trust, const struct stat *status);

/*
 * Add what the folders say through which <path> leads to its file, symbolic links as they
 * resolve. A name on the way that is not there says nothing: it is one of /proc's, of
 * what was handed over open.
 */
void pool_trust_add_folders(struct pool_trust *trust, const char *path);

/* Whether the file must not be used: everybody can write it, or nobody knows who can; as
 * root, a group as well. */
bool pool_trust_refuses(const struct pool_trust *trust);

/* "everybody can write it (mode 0666)", "group 50 can write its folder '/srv' (mode
 * 2775)". */
void pool_trust_tell_writers(const struct pool_trust *trust, char *out, size_t size);
/* The same with the command that ends it, and <other>, which may be NULL, beside that:
 * "everybody can write it (mode 0666) (chmod go-w it, or <other>)". */
void pool_trust_tell_refusal(
	const struct pool_trust *trust, const char *other, char *out, size_t size);
/* "<it> belongs to user 1001, neither root nor you", "<it>'s folder '/home/eve' belongs
 * to ...". */
void pool_trust_tell_owner(
	const struct pool_trust *trust, const char *it, char *out, size_t size);

/* Whether <group> is the own one of <user>. */
bool pool_trust_is_own_group(uid_t user, gid_t group);

#endif
