/* A text that is shown again and again. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "tool.h"
#include "tool_screen.h"

enum { LINES_UNKNOWN = 24 };

/* The alternate screen, without a cursor and without wrapped lines; and back. */
static const char enter[] = "\033[?1049h\033[?25l\033[?7l";
static const char leave[] = "\033[?7h\033[?25h\033[?1049l";

static void switch_screen(const struct tool_screen *screen, const char *sequence)
{
	if (!screen->terminal)
		return;
	fputs(sequence, stdout);
	fflush(stdout);
}

/* What is ignored, as nohup does, stays ignored. */
static void add_signal(sigset_t *set, int number)
{
	struct sigaction action;

	if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
		sigaddset(set, number);
}

void tool_screen_begin(struct tool_screen *screen)
{
	*screen = (struct tool_screen){.terminal = isatty(STDOUT_FILENO) == 1};
	sigemptyset(&screen->signals);
	add_signal(&screen->signals, SIGINT);
	add_signal(&screen->signals, SIGQUIT);
	add_signal(&screen->signals, SIGTERM);
	add_signal(&screen->signals, SIGHUP);
	if (screen->terminal) {
		sigaddset(&screen->signals, SIGWINCH);
		add_signal(&screen->signals, SIGTSTP);
	}
	sigprocmask(SIG_BLOCK, &screen->signals, &screen->before);
	switch_screen(screen, enter);
}

void tool_screen_end(struct tool_screen *screen)
{
	switch_screen(screen, leave);
	sigprocmask(SIG_SETMASK, &screen->before, NULL);
}

/* --- drawing -------------------------------------------------------------------- */

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; (text = strchr(text, '\n')); text++)
		count++;
	return count;
}

/* As many lines as fit into <room>, the last one "... N more" if it is not all. */
static void add_cut(const char *text, size_t room, struct pool_text *out)
{
	size_t count = count_lines(text), shown = count;

	if (count > room)
		shown = room ? room - 1 : 0;
	for (size_t i = 0; i < shown; i++) {
		size_t length = strcspn(text, "\n") + 1;

		pool_text_add_bytes(out, text, length);
		text += length;
	}
	if (count > shown && room)
		pool_text_addf(out, "... %zu more\n", count - shown);
}

/* In place: each line clears what was behind it, the last one what was below. */
static void draw(const char *text)
{
	fputs("\033[H", stdout);
	while (*text) {
		size_t length = strcspn(text, "\n");

		fwrite(text, 1, length, stdout);
		fputs("\033[K", stdout);
		text += length;
		if (!*text)
			break;
		/* None behind the last line: it would scroll. */
		if (*++text)
			fputc('\n', stdout);
	}
	fputs("\033[J", stdout);
}

static size_t window_lines(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row)
		return size.ws_row;
	return LINES_UNKNOWN;
}

/* The lines below have at most half of the window: without any row they say little. */
static void compose(
	const char *title, const char *rows, const char *lines, struct pool_text *out)
{
	size_t window = window_lines(), room = window > 2 ? window - 2 : 1;
	size_t below = count_lines(lines);

	if (below > room / 2 && count_lines(rows) > room - room / 2)
		below = room / 2;
	else if (below > room)
		below = room;
	pool_text_addf(out, "%s\n", title);
	add_cut(rows, room - below, out);
	pool_text_add(out, "\n");
	add_cut(lines, below, out);
}

void tool_screen_show(struct tool_screen *screen, const char *title,
	const struct pool_text *rows, const struct pool_text *lines)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	if (screen->terminal)
		compose(title, rows->bytes ? rows->bytes : "",
			lines->bytes ? lines->bytes : "", &text);
	else
		pool_text_addf(&text, "%s%s%s%s", screen->again ? "\n" : "",
			rows->bytes ? rows->bytes : "",
			rows->length && lines->length ? "\n" : "",
			lines->bytes ? lines->bytes : "");
	/* The next time there may be memory again. */
	if (rows->broken || lines->broken || text.broken)
		tool_error("out of memory");
	else if (screen->terminal)
		draw(text.bytes);
	else
		fputs(text.bytes, stdout);
	screen->again = true;
	pool_text_release(&text);
}

/* --- waiting -------------------------------------------------------------------- */

/* As if it had not been held back: the shell gets its own screen. */
static void stop(const struct tool_screen *screen)
{
	switch_screen(screen, leave);
	raise(SIGSTOP);
	switch_screen(screen, enter);
}

/* Whether standard output is a pipe that nobody reads any more. */
static bool is_deserted(void)
{
	struct pollfd output = {.fd = STDOUT_FILENO};

	return poll(&output, 1, 0) == 1 && (output.revents & POLLERR);
}

/* Who stopped reading has seen enough: that is no failure of a watch. */
static void forget_output(void)
{
	__fpurge(stdout);
	clearerr(stdout);
}

bool tool_screen_wait(struct tool_screen *screen, int64_t seconds)
{
	const struct timespec timeout = {.tv_sec = (time_t)seconds};
	int number;

	if (fflush(stdout) != 0 || ferror(stdout)) {
		if (is_deserted())
			forget_output();
		return false;
	}
	do
		number = sigtimedwait(&screen->signals, NULL, &timeout);
	while (number < 0 && errno == EINTR);
	if (number == SIGTSTP)
		stop(screen);
	return number < 0 || number == SIGWINCH || number == SIGTSTP;
}
