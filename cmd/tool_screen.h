/*
 * A text that is shown again and again: redrawn in place on a terminal, like top; behind
 * one another elsewhere.
 *
 *	tool_screen_begin(&screen);
 *	do
 *		tool_screen_show(&screen, title, &rows, &lines);
 *	while (tool_screen_wait(&screen, 2));
 *	tool_screen_end(&screen);
 *
 * Between begin and end the signals that end a program, stop it, or tell of another size
 * of the window, only wait for tool_screen_wait().
 */
#ifndef POOL_TOOL_SCREEN_H
#define POOL_TOOL_SCREEN_H

#include <signal.h>
#include "base/text.h"

struct tool_screen {
	bool terminal;
	bool again; /* something was shown before */
	sigset_t signals;
	sigset_t before;
};

void tool_screen_begin(struct tool_screen *screen);

/*
 * Show <rows>, of which those that have no room are left out and counted, and <lines>
 * below them. <title> is for a terminal alone.
 */
void tool_screen_show(struct tool_screen *screen, const char *title,
	const struct pool_text *rows, const struct pool_text *lines);

/* Wait for <seconds>, or for another size of the window; false: it is to end, for a
 * signal or because it cannot be shown. A pipe without a reader ends it as a signal does.
 */
bool tool_screen_wait(struct tool_screen *screen, int64_t seconds);

void tool_screen_end(struct tool_screen *screen);

#endif
