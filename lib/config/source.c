/* The text of a pool file. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "config/config.h"

enum { BINARY_SAMPLE = 512, BINARY_PERCENT = 5 };

static int refuse(struct pool_fault *fault, const char *path, const char *reason)
{
	return pool_fault_set(
		fault, POOL_ENOFILE, 0, "cannot read '%s': %s", path, reason);
}

/* A buffer of <room> bytes with what has been read; the old one keeps no copy. */
static bool grow(struct pool_source *source, size_t room)
{
	char *bytes = malloc(room);

	if (!bytes)
		return false;
	if (source->bytes) {
		memcpy(bytes, source->bytes, source->length);
		explicit_bzero(source->bytes, source->length);
		free(source->bytes);
	}
	source->bytes = bytes;
	return true;
}

/* All of <fd>, but no more than POOL_SOURCE_MAX and one byte. */
static int read_all(struct pool_source *source, int fd, struct pool_fault *fault)
{
	size_t room = source->regular && source->status.st_size < POOL_SOURCE_MAX
		? (size_t)source->status.st_size + 2
		: 65536;

	if (!grow(source, room))
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	for (;;) {
		ssize_t got;

		if (source->length + 1 >= room && !grow(source, room *= 2))
			return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
		got = read(fd, source->bytes + source->length, room - 1 - source->length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return pool_fault_set(fault, POOL_ENOFILE, errno,
				"cannot read '%s'", source->path);
		source->length += (size_t)got;
		source->bytes[source->length] = '\0';
		if (got == 0)
			return 0;
		if (source->length > POOL_SOURCE_MAX)
			return refuse(fault, source->path, "it is larger than 64 MiB");
	}
}

/* Many control bytes, or a NUL, where a text begins. */
static bool is_binary(const struct pool_source *source)
{
	size_t length = source->length < BINARY_SAMPLE ? source->length : BINARY_SAMPLE;
	size_t odd = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)source->bytes[i];

		if (byte == 0)
			return true;
		odd += byte < 0x20 && !strchr("\t\n\r\f", byte);
	}
	return odd * 100 > length * BINARY_PERCENT;
}

static int find_folder(struct pool_source *source, struct pool_fault *fault)
{
	char *copy = strdup(source->path);

	if (!copy)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	source->directory = realpath(dirname(copy), NULL);
	free(copy);
	if (!source->directory)
		return pool_fault_set(fault, errno == ENOMEM ? POOL_ENOMEM : POOL_ENOFILE,
			errno, "cannot find the folder of '%s'", source->path);
	return 0;
}

static int read_descriptor(struct pool_source *source, int fd, struct pool_fault *fault)
{
	const char *encoding;
	int error;

	if (fstat(fd, &source->status) != 0)
		return pool_fault_set(
			fault, POOL_ENOFILE, errno, "cannot read '%s'", source->path);
	if (S_ISDIR(source->status.st_mode))
		return refuse(fault, source->path, "it is a directory");
	source->regular = S_ISREG(source->status.st_mode) && fd != STDIN_FILENO;
	if (source->regular && source->status.st_size > POOL_SOURCE_MAX)
		return refuse(fault, source->path, "it is larger than 64 MiB");
	if (source->regular)
		source->trust = pool_trust_judge(&source->status, source->path);
	error = read_all(source, fd, fault);
	encoding = pool_text_find_wide(source->bytes, source->length);
	if (!error && encoding)
		error = pool_fault_set(fault, POOL_ENOFILE, 0,
			"cannot read '%s': it is %s, not UTF-8: convert it with iconv -f "
			"%s "
			"-t UTF-8",
			source->path, encoding, encoding);
	else if (!error && is_binary(source))
		error = refuse(fault, source->path, "it is a binary file, not text");
	if (!error && source->regular)
		error = find_folder(source, fault);
	return error;
}

int pool_source_read(
	struct pool_source *source, const char *path, struct pool_fault *fault)
{
	struct pool_source made = {.path = strdup(path)};
	bool standard = strcmp(path, "-") == 0;
	int fd = -1, error;

	if (!made.path)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		error = pool_fault_set(fault,
			errno == EMFILE || errno == ENFILE ? POOL_ESYSTEM : POOL_ENOFILE,
			errno, "cannot open '%s'", path);
	else
		error = read_descriptor(&made, fd, fault);
	if (fd >= 0 && !standard)
		close(fd);
	if (error)
		pool_source_release(&made);
	else
		*source = made;
	return error;
}

void pool_source_release(struct pool_source *source)
{
	/* It may hold credentials. */
	if (source->bytes)
		explicit_bzero(source->bytes, source->length);
	free(source->bytes);
	free(source->path);
	free(source->directory);
	*source = (struct pool_source){0};
}
