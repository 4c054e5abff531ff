/* inotify on the folders that lead to a file. */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include "watch/file_watch.h"

static const uint32_t MASK = IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_CREATE |
	IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
	IN_ONLYDIR;

/* One that finds no room is noticed by looking each second. */
static void add_names(struct pool_file_watch *watch, const char *path)
{
	size_t length = strlen(watch->names);

	snprintf(watch->names + length, sizeof(watch->names) - length, "/%s/", path);
}

static bool is_on_the_way(const struct pool_file_watch *watch, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = watch->names; length && (at = strstr(at, name)); at++)
		if (at > watch->names && at[-1] == '/' && at[length] == '/')
			return true;
	return false;
}

static void watch_folder(struct pool_file_watch *watch, const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 1;
	int number;

	if (watch->count == POOL_FILE_WATCH_FOLDERS)
		return;
	add_names(watch, path);
	snprintf(folder, sizeof(folder), "%.*s", (int)(length ? length : 1),
		slash ? path : ".");
	number = inotify_add_watch(watch->fd, folder, MASK);
	if (number >= 0)
		watch->watches[watch->count++] = number;
}

/* What the link <path> says, relative to its folder; false if it is none. */
static bool follow_link(char *path, size_t size)
{
	char target[PATH_MAX], joined[2 * PATH_MAX];
	const char *slash = strrchr(path, '/');
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length < 0)
		return false;
	target[length] = '\0';
	if (target[0] == '/' || !slash)
		snprintf(joined, sizeof(joined), "%s", target);
	else
		snprintf(joined, sizeof(joined), "%.*s%s", (int)(slash - path + 1), path,
			target);
	if (strlen(joined) >= size)
		return false;
	strcpy(path, joined);
	return true;
}

/* The folder of each link, and that of what they all lead to. A link to a folder on the
 * way, as Kubernetes mounts have it, lies in one of them. */
static void find_folders(struct pool_file_watch *watch)
{
	char path[PATH_MAX], whole[PATH_MAX];

	for (int i = 0; i < watch->count; i++)
		inotify_rm_watch(watch->fd, watch->watches[i]);
	watch->count = 0;
	watch->names[0] = '\0';
	snprintf(path, sizeof(path), "%s", watch->path);
	do {
		watch_folder(watch, path);
	} while (watch->count < POOL_FILE_WATCH_FOLDERS - 1 &&
		follow_link(path, sizeof(path)));
	if (realpath(watch->path, whole))
		watch_folder(watch, whole);
}

void pool_file_watch_open(struct pool_file_watch *watch, const char *path)
{
	*watch = (struct pool_file_watch){
		.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .path = path};
	if (watch->fd >= 0)
		find_folders(watch);
}

void pool_file_watch_close(struct pool_file_watch *watch)
{
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = -1;
}

/* What is said of a folder itself has no name. */
static bool is_news(
	const struct pool_file_watch *watch, const struct inotify_event *event)
{
	/* The end of a watch that we ended ourselves is none. */
	if (event->mask & IN_IGNORED)
		return false;
	return !event->len || is_on_the_way(watch, event->name);
}

bool pool_file_watch_take(struct pool_file_watch *watch)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool news = false, moved = false;
	ssize_t length;

	while ((length = read(watch->fd, events, sizeof(events))) > 0)
		for (char *at = events; at < events + length;) {
			const struct inotify_event *event =
				(const struct inotify_event *)(const void *)at;

			if (is_news(watch, event)) {
				news = true;
				moved |= (event->mask &
						 ~(uint32_t)(IN_CLOSE_WRITE | IN_MODIFY |
							 IN_ATTRIB)) != 0;
			}
			at += sizeof(*event) + event->len;
		}
	if (moved)
		find_folders(watch);
	return news;
}
