/* Owners of leases: by number and start time, or by the byte that they lock. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "state/state.h"

enum presence { PRESENT, ZOMBIE, UNKNOWN };

/* --- by number ------------------------------------------------------------------- */

/* Field 22 of /proc/PID/stat; the fields are counted behind the name, which may hold
 * anything. */
static enum presence look_up(int32_t pid, uint64_t *start)
{
	char path[32], text[1024], *at;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return UNKNOWN;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return UNKNOWN;
	text[length] = '\0';
	at = strrchr(text, ')');
	/* A zombie holds nothing any more. */
	if (at && (at[2] == 'Z' || at[2] == 'X'))
		return ZOMBIE;
	at = at ? at + 2 : NULL;
	for (int field = 3; field < 22 && at; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return UNKNOWN;
	*start = strtoull(at, NULL, 10);
	return PRESENT;
}

/* Whether /proc is one of our pid namespace: another one has our number for somebody
 * else, or has none for us. */
static bool proc_is_ours(void)
{
	char link[16], own[16];
	ssize_t length = readlink("/proc/self", link, sizeof(link) - 1);

	if (length <= 0)
		return false;
	link[length] = '\0';
	snprintf(own, sizeof(own), "%d", (int)getpid());
	return strcmp(link, own) == 0;
}

uint64_t pool_owner_space(void)
{
	struct stat status;

	return proc_is_ours() && stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino
									 : 0;
}

bool pool_owner_look_up(int32_t pid, uint64_t own_space, uint64_t *start)
{
	return own_space && pid > 0 && look_up(pid, start) == PRESENT;
}

/* --- by lock --------------------------------------------------------------------- */

static struct flock byte_of(uint32_t number)
{
	return (struct flock){.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)(POOL_OWNER_LOCKS_AT + number),
		.l_len = 1};
}

/* Whether the owner that locks a byte is there. What cannot be asked is taken for there.
 */
static bool holds_lock(const struct pool_state *state, uint32_t lock)
{
	struct flock byte = byte_of(lock - 1);

	/* The kernel tells no process of its own lock. */
	if (!state || state->ask_fd < 0 || lock == state->own_lock)
		return true;
	return fcntl(state->ask_fd, F_OFD_GETLK, &byte) != 0 || byte.l_type != F_UNLCK;
}

int pool_owner_lock(struct pool_state *state, uint32_t number, struct pool_fault *fault)
{
	struct flock byte = byte_of(number);
	int result;

	do
		result = fcntl(state->fd, F_OFD_SETLK, &byte);
	while (result != 0 && errno == EINTR);
	if (result == 0) {
		state->own_lock = number + 1;
		return 0;
	}
	if (errno == EAGAIN || errno == EACCES)
		return pool_fault_set(fault, POOL_EBUSY, 0,
			"byte %u of the owners of '%s' is locked", (unsigned)number,
			state->path);
	return pool_fault_set(fault, POOL_ESYSTEM, errno,
		"no process can lock a byte of '%s'", state->path);
}

/* --- of a lease ------------------------------------------------------------------ */

bool pool_owner_is_unseen(const struct pool_owner *owner, uint64_t own_space)
{
	return owner->pid && !owner->lock && (!own_space || owner->space != own_space);
}

bool pool_owner_vanished(const struct pool_state *state, const struct pool_owner *owner,
	uint64_t own_space)
{
	if (owner->lock)
		return !holds_lock(state, owner->lock);
	return !pool_owner_is_unseen(owner, own_space) && kill(owner->pid, 0) != 0 &&
		errno == ESRCH;
}

bool pool_owner_gone(const struct pool_state *state, const struct pool_owner *owner,
	uint64_t own_space)
{
	uint64_t start;

	if (pool_owner_vanished(state, owner, own_space))
		return true;
	if (owner->lock || pool_owner_is_unseen(owner, own_space))
		return false;
	switch (look_up(owner->pid, &start)) {
	case PRESENT:
		/* Another start time is another process with the same number. */
		return start != owner->start;
	case ZOMBIE:
		return true;
	case UNKNOWN:
		/* Hidden from us, or no descriptor left to look: it is there by kill().
		 */
		break;
	}
	return false;
}
