/* The state file as a copy in memory: looked at, never changed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/io.h"
#include "state/former.h"
#include "state/image.h"

enum { TRIES = 4 };

/* --- reading -------------------------------------------------------------------- */

/* Bytes <at> to <at> + <length> of the file; what is cut off meanwhile stays zero. */
static int read_part(
	struct pool_state *state, int fd, uint64_t at, uint64_t length, bool *cut)
{
	size_t got;

	if (pool_io_read_at(fd, state->map + at, length, (off_t)at, &got) != 0)
		return POOL_ESYSTEM;
	*cut |= got < length;
	return 0;
}

/* As many zeroes, which take memory when they become something else. */
static void *make_room(size_t length)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	/* of no file: without a descriptor */
	/* cppcheck-suppress invalidFunctionArg */
	return mmap(NULL, length, PROT_READ | PROT_WRITE, flags, -1, 0);
}

static void forget(struct pool_state *state)
{
	if (state->map)
		munmap(state->map, state->length);
	state->map = NULL;
	state->length = 0;
}

/* Header, undo slot and the image in force; the rest of the file is of no use. */
static int read_parts(struct pool_state *state, int fd, bool *cut)
{
	const struct pool_state_header *header = (const void *)state->map;
	struct pool_state_root root;
	uint64_t front = state->length < POOL_STATE_IMAGES_AT ? state->length
							      : POOL_STATE_IMAGES_AT;
	int error = read_part(state, fd, 0, front, cut);

	if (error || front < POOL_STATE_IMAGES_AT)
		return error;
	root = header->version < POOL_STATE_VERSION ? pool_former_root(header)
						    : *pool_image_root(header);
	if (root.offset > state->length || root.length > state->length - root.offset)
		return 0;
	return read_part(state, fd, root.offset, root.length, cut);
}

static int read_file(
	struct pool_state *state, int fd, bool *cut, struct pool_fault *fault)
{
	struct stat status;
	size_t length;
	void *map;

	forget(state);
	if (fstat(fd, &status) != 0)
		return pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot examine '%s'", state->path);
	if (!S_ISREG(status.st_mode))
		return pool_fault_set(
			fault, POOL_EFORMAT, 0, "'%s' is not a state file", state->path);
	state->exposure = pool_state_find_exposure(&status);
	length = pool_state_usable_length(&status);
	if (length == 0)
		return 0;
	map = make_room(length);
	if (map == MAP_FAILED)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	state->map = map;
	state->length = length;
	if (read_parts(state, fd, cut) != 0)
		return pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot read '%s'", state->path);
	return 0;
}

/* Whether an update was under way in what was read. */
static bool is_torn(const struct pool_state *state)
{
	const struct pool_state_undo *undo =
		(const void *)(state->map + POOL_STATE_UNDO_AT);

	return state->length >= POOL_STATE_IMAGES_AT && undo->count != 0;
}

/* Under somebody else's lock: again, until it is of one moment; or as it is. */
static int read_whole(struct pool_state *state, int fd, struct pool_fault *fault)
{
	const struct timespec pause = {.tv_nsec = POOL_NS_PER_MS};
	int error = 0;

	for (int i = 0; i < TRIES; i++) {
		bool cut = false, torn;

		if (i)
			nanosleep(&pause, NULL);
		error = read_file(state, fd, &cut, fault);
		if (error)
			return error;
		torn = is_torn(state);
		error = pool_image_judge(state, fault);
		if (!state->unlocked || (!error && !cut && !torn))
			break;
	}
	/* What is being laid out anew looks like a corrupt file. */
	if (error == POOL_EFORMAT && state->unlocked && state->length &&
		memcmp(state->map, &(uint64_t){POOL_STATE_MAGIC}, sizeof(uint64_t)) == 0)
		return pool_fault_set(fault, POOL_EBUSY, 0,
			"state file '%s' is locked, and not whole while it is",
			state->path);
	return error;
}

int pool_state_read(struct pool_state **out, const char *path, const char *pool_file,
	int64_t timeout_ms, struct pool_fault *fault)
{
	struct pool_state *state = calloc(1, sizeof(*state));
	struct pool_fault trouble = {0};
	int error = POOL_ENOMEM, fd = -1;

	if (!state)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	*state = (struct pool_state){.fd = -1,
		.ask_fd = -1,
		.path = strdup(path),
		.pool_file = strdup(pool_file)};
	if (!state->path || !state->pool_file) {
		pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
		goto out;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		error = pool_state_tell_open(
			"state file", path, POOL_ENOFILE, errno, fault);
		goto out;
	}
	state->fd = fd;
	state->unlocked = pool_state_wait(state, timeout_ms, &trouble) != 0;
	state->fd = -1;
	state->writable = true;
	error = read_whole(state, fd, fault);
	if (error)
		goto out;
	state->clock_id = pool_clock_id();
	flock(fd, LOCK_UN);
	state->ask_fd = fd;
	fd = -1;
	if (state->unlocked && fault)
		*fault = trouble;
	*out = state;
	state = NULL;
out:
	if (fd >= 0)
		close(fd);
	pool_state_free(state);
	return error;
}

int pool_copy_extend(struct pool_state *state, uint64_t length, struct pool_fault *fault)
{
	void *map = state->map ? mremap(state->map, state->length, length, MREMAP_MAYMOVE)
			       : make_room(length);

	if (map == MAP_FAILED)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	state->map = map;
	state->length = length;
	return 0;
}

/* --- leases that ended ------------------------------------------------------------ */

void pool_copy_sweep(struct pool_state *state, const struct pool_now *now)
{
	const uint32_t capacity = state->image ? state->image->lease_capacity : 0;
	const uint64_t space = pool_owner_space();

	pool_lease_expire(state, now);
	for (uint32_t slot = 0; slot < capacity; slot++) {
		const struct pool_lease *lease = &state->leases[slot];
		const struct pool_owner owner = pool_lease_owner(lease, slot);

		if (lease->id && lease->owner_pid &&
			pool_owner_gone(state, &owner, space))
			pool_lease_release_owner(state, &owner, now);
	}
}
