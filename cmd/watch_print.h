/*
 * pool-watch's events on standard output: a line each, one write, so that lines of
 * several processes stay whole. Who reads slowly loses lines, and delays nothing.
 */
#ifndef POOL_WATCH_PRINT_H
#define POOL_WATCH_PRINT_H

#include "watch/event.h"

struct watch_printer {
	bool json;    /* JSON lines, else text */
	bool quiet;   /* only what is a warning or worse */
	bool journal; /* with the priorities of journald in front */
};

/* Whether standard output is what <stream>, of $JOURNAL_STREAM, names. */
bool watch_is_journal(const char *stream);

/* 0, or an errno: the line could not be written. */
int watch_print(const struct watch_printer *printer, const struct pool_event *event);

#endif
