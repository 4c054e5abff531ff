/* What a command reads. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "exec_input.h"

static void add(struct exec_inputs *inputs, int fd, bool likely)
{
	struct stat status;

	if (inputs->count == EXEC_INPUTS_MAX || fstat(fd, &status) != 0)
		return;
	inputs->list[inputs->count++] = (struct exec_input){
		.fd = fd,
		/* /dev/null has no position that matters; at a terminal a person can say
		 * it again. */
		.stream = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) ||
			(S_ISCHR(status.st_mode) && likely && isatty(fd)),
		.file = S_ISREG(status.st_mode) || S_ISBLK(status.st_mode),
		.likely = likely,
	};
}

void exec_inputs_init(struct exec_inputs *inputs, char *const *argv, bool stdin_likely)
{
	static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};

	*inputs = (struct exec_inputs){0};
	add(inputs, STDIN_FILENO, stdin_likely);
	for (size_t i = 1; argv[i]; i++)
		for (size_t j = 0; j < 2; j++) {
			const char *found = strstr(argv[i], folders[j]);
			int fd = found ? atoi(found + strlen(folders[j])) : 0;

			if (fd > STDERR_FILENO)
				add(inputs, fd, true);
		}
}

static int count_queued(int fd)
{
	int count = 0;

	return ioctl(fd, FIONREAD, &count) == 0 ? count : 0;
}

static bool has_ended(int fd)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};

	return poll(&one, 1, 0) > 0 && (one.revents & POLLHUP);
}

void exec_inputs_mark(struct exec_inputs *inputs)
{
	for (size_t i = 0; i < inputs->count; i++) {
		struct exec_input *input = &inputs->list[i];

		if (input->file)
			input->offset = lseek(input->fd, 0, SEEK_CUR);
		if (input->stream) {
			input->ended = has_ended(input->fd);
			input->queued = count_queued(input->fd);
		}
	}
}

/* What came while it was read cannot be told from what is left: only a command that is
 * thought to read nothing gets the benefit. */
static bool was_read(const struct exec_input *input)
{
	int queued = count_queued(input->fd);

	if (!input->likely)
		return queued < input->queued;
	return queued != input->queued || (!queued && !input->ended);
}

bool exec_inputs_rewind(struct exec_inputs *inputs)
{
	for (size_t i = 0; i < inputs->count; i++) {
		struct exec_input *input = &inputs->list[i];

		if (input->stream && was_read(input))
			return false;
		if (input->file && input->offset >= 0 &&
			lseek(input->fd, input->offset, SEEK_SET) < 0)
			return false;
	}
	return true;
}
