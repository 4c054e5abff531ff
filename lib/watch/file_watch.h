/*
 * Noticing an edit of the pool file at once: inotify on the folders of the file and of
 * all that its symbolic links lead through, so that a write in place, a rename over it,
 * and a swapped link are all seen.
 *
 * It only says that it is worth while to look; who looks each second as well misses
 * nothing where inotify cannot tell (network file systems, no watches left).
 */
#ifndef POOL_WATCH_FILE_WATCH_H
#define POOL_WATCH_FILE_WATCH_H

#include <stdbool.h>

enum { POOL_FILE_WATCH_FOLDERS = 10, POOL_FILE_WATCH_NAMES = 1024 };

struct pool_file_watch {
	int fd; /* -1: no inotify here */
	const char *path;
	int watches[POOL_FILE_WATCH_FOLDERS];
	int count;
	/* Every part of every path on the way, each between two slashes: what else
	 * happens in those folders is passed over. */
	char names[POOL_FILE_WATCH_NAMES];
};

/* <path> is borrowed until it is closed. */
void pool_file_watch_open(struct pool_file_watch *watch, const char *path);
void pool_file_watch_close(struct pool_file_watch *watch);

/* Take what has happened. True if something may have changed; the folders are found
 * anew then. */
bool pool_file_watch_take(struct pool_file_watch *watch);

#endif
