/* The heads of a client's answers. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/http.h"
#include "exec_config.h"
#include "exec_heads.h"

/* --- where they go -------------------------------------------------------------- */

void exec_heads_init(struct exec_heads *heads)
{
	*heads = (struct exec_heads){.count = 1};
	for (size_t i = 0; i < EXEC_HEADS; i++)
		heads->list[i].fd = -1;
}

void exec_heads_next(struct exec_heads *heads, int at)
{
	heads->more |= heads->count == EXEC_HEADS;
	if (!heads->more)
		heads->list[heads->count++].at = at;
}

void exec_heads_own(struct exec_heads *heads, const char *own)
{
	if (!heads->more)
		heads->list[heads->count - 1].own = own;
}

void exec_heads_open(struct exec_heads *heads, const char *option)
{
	for (size_t i = 0; i < heads->count; i++) {
		struct exec_heads_file *file = &heads->list[i];

		if (file->own)
			continue;
		file->fd = exec_memory_open();
		snprintf(file->option, sizeof(file->option), "%s/dev/fd/%d", option,
			file->fd);
	}
}

void exec_heads_close(struct exec_heads *heads)
{
	for (size_t i = 0; i < heads->count; i++)
		if (heads->list[i].fd >= 0)
			close(heads->list[i].fd);
}

void exec_heads_begin(struct exec_heads *heads)
{
	for (size_t i = 0; i < heads->count; i++) {
		struct exec_heads_file *file = &heads->list[i];

		if (file->own && stat(file->own, &file->before) != 0)
			file->before = (struct stat){0};
		if (file->fd >= 0 && ftruncate(file->fd, 0) == 0)
			lseek(file->fd, 0, SEEK_SET);
	}
}

/* --- the user's own file -------------------------------------------------------- */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* What an earlier run wrote is no answer of this one. */
static bool has_changed(const struct stat *before, const struct stat *after)
{
	return !before->st_nlink || !is_same_file(before, after) ||
		before->st_size != after->st_size ||
		!is_same_time(&before->st_mtim, &after->st_mtim) ||
		!is_same_time(&before->st_ctim, &after->st_ctim);
}

/* Descriptors have names, too, and what they lead to holds more than heads. */
static bool is_ordinary_name(const char *name)
{
	return strcmp(name, "-") != 0 && strncmp(name, "/dev/", 5) != 0 &&
		strncmp(name, "/proc/", 6) != 0;
}

/* The file, open to be read, or -1. */
static int open_own(const struct exec_heads_file *file, struct stat *status)
{
	int fd;

	/* A pipe must not be opened: whoever waits at its other end would notice. */
	if (!is_ordinary_name(file->own) || stat(file->own, status) != 0 ||
		!S_ISREG(status->st_mode))
		return -1;
	fd = open(file->own, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && fstat(fd, status) == 0 && S_ISREG(status->st_mode) &&
		has_changed(&file->before, status))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Of two requests that have one file, the second has emptied it. */
static bool is_shared(
	const struct exec_heads *heads, size_t at, const struct stat *status)
{
	struct stat other;

	for (size_t i = 0; i < at; i++)
		if (heads->list[i].own && stat(heads->list[i].own, &other) == 0 &&
			is_same_file(&other, status))
			return true;
	return false;
}

/* --- what they were ------------------------------------------------------------- */

/* Heads on their way to the answers: one is held back, as the last one may be known to
 * answer CONNECT. */
struct reader {
	const struct exec_heads_use *use;
	struct pool_answers *answers;
	struct pool_answer held, before; /* status 0: none */
	int64_t wall_s;
	struct exec_heads_seen seen;
};

static void release_held(struct reader *reader)
{
	pool_answers_add(reader->answers, &reader->use->rules, &reader->held);
	reader->before = reader->held;
	reader->held = (struct pool_answer){0};
}

static void add_head(struct reader *reader, const struct pool_http_head *head)
{
	reader->seen.odd_retry_after |= head->odd_retry_after;
	if (!pool_answer_is_final(head->status))
		return;
	if (reader->held.status)
		release_held(reader);
	reader->held = (struct pool_answer){
		.status = head->status,
		.retry_after_s = pool_http_head_wait_s(head, reader->wall_s),
		.connect = reader->use->connects && !reader->answers->tunnelled,
		.proxied = reader->use->proxied,
	};
}

/* Whether the last answer, a no, is one to CONNECT for a request of its own: not behind
 * a yes to CONNECT, and where there was a tunnel to ask for, which a redirect may want.
 */
static bool is_refusal(const struct reader *reader)
{
	const int32_t before = reader->before.status;

	return reader->use->refused && reader->held.status >= 300 &&
		!(reader->before.connect && before < 300) &&
		(reader->use->tunnels || (before >= 300 && before < 400));
}

static void add_last(struct reader *reader)
{
	if (!reader->held.status)
		return;
	reader->held.connect |= is_refusal(reader);
	release_held(reader);
}

/* A field, or the folded rest of one. */
static bool is_field(const char *line)
{
	return *line == ' ' || *line == '\t' || strchr(line, ':');
}

/* False if there is something else than heads in it. The last one may have broken off,
 * even within a line. */
static bool read_heads(FILE *file, struct reader *reader)
{
	struct pool_http_head head = {0};
	bool heads_only = true;
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	while (heads_only && (length = getline(&line, &size, file)) > 0 &&
		line[length - 1] == '\n') {
		bool begin = pool_http_is_begin(line, (size_t)length);
		bool end = pool_http_is_end(line, (size_t)length);

		if (begin || end) {
			add_head(reader, &head);
			head = (struct pool_http_head){0};
		}
		heads_only = begin || end || is_field(line);
		pool_http_head_take(&head, line, (size_t)length, reader->wall_s);
	}
	add_head(reader, &head);
	heads_only &= !ferror(file);
	free(line);
	return heads_only;
}

static bool read_file(const struct exec_heads *heads, size_t at, struct reader *reader)
{
	const struct exec_heads_file *file = &heads->list[at];
	struct stat status;
	int fd = file->own ? open_own(file, &status) : dup(file->fd);
	FILE *stream = fd >= 0 ? fdopen(fd, "r") : NULL;
	bool whole;

	if (!stream) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	rewind(stream);
	whole = !(file->own && is_shared(heads, at, &status));
	whole &= read_heads(stream, reader);
	fclose(stream);
	return whole;
}

struct exec_heads_seen exec_heads_read(const struct exec_heads *heads,
	const struct exec_heads_use *use, struct pool_answers *answers)
{
	struct reader reader = {
		.use = use, .answers = answers, .seen.whole = !heads->more};
	struct pool_now now;

	pool_clock_get(&now);
	reader.wall_s = now.wall_s;
	for (size_t i = 0; i < heads->count; i++)
		reader.seen.whole &= read_file(heads, i, &reader);
	add_last(&reader);
	return reader.seen;
}
