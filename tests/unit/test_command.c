/* --on-change: which programs are taken, what they get, and how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fixture.h"
#include "health/health.h"
#include "watch/alert.h"
#include "watch/command.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum { PATIENCE_MS = 20000, PATH_ROOM = 256 };

static char folder[PATH_ROOM];

static int begin(void **unused)
{
	(void)unused;
	fixture_folder_make(folder, sizeof(folder));
	return 0;
}

static int end(void **unused)
{
	(void)unused;
	fixture_folder_remove(folder);
	return 0;
}

static const char *path_of(const char *name)
{
	static char path[2 * PATH_ROOM];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_program(const char *name, const char *text, mode_t mode)
{
	fixture_write(path_of(name), text, strlen(text));
	assert_int_equal(0, chmod(path_of(name), mode));
}

/* --- finding -------------------------------------------------------------------- */

static void check_refused(
	const char *command, const char *search, int error, const char *words)
{
	struct pool_fault fault = {0};
	char *path = NULL;

	assert_int_equal(error, pool_command_check(command, search, &path, &fault));
	assert_null(path);
	if (!strstr(fault.text, words))
		fail_msg("'%s' says: %s", command, fault.text);
}

static void check_taken(const char *command, const char *search, const char *wanted)
{
	struct pool_fault fault = {0};
	char *path = NULL;

	if (pool_command_check(command, search, &path, &fault) != 0)
		fail_msg("'%s' says: %s", command, fault.text);
	assert_string_equal(wanted, path);
	free(path);
}

static void programs_are_found(void **unused)
{
	char search[2 * PATH_ROOM + 64];

	(void)unused;
	write_program("good", "#!/bin/sh\n", 0755);
	write_program("plain", "#!/bin/sh\n", 0644);
	check_taken(path_of("good"), NULL, path_of("good"));
	snprintf(search, sizeof(search), ":.:relative:/nowhere:%s", folder);
	check_taken("good", search, path_of("good"));
	check_taken("sh", NULL,
		access("/usr/sbin/sh", X_OK) == 0 ? "/usr/sbin/sh" : "/usr/bin/sh");
	assert_int_equal(0, chdir(folder));
	check_taken("./good", NULL, path_of("good"));
	check_refused("good", ":.:", POOL_ENOFILE, "cannot find command 'good' in PATH");
	check_refused("good", "", POOL_ENOFILE, "cannot find command 'good' in PATH");
	check_refused("plain", search, POOL_ENOFILE, "cannot find command 'plain'");
	check_refused("good --now", search, POOL_ENOFILE, "without arguments");
	check_refused("", search, POOL_EARGUMENT, "empty");
	check_refused(path_of("none"), NULL, POOL_ENOFILE, "No such file");
	assert_int_equal(0, chdir("/"));
}

static void what_is_no_program_is_refused(void **unused)
{
	(void)unused;
	write_program("plain", "#!/bin/sh\n", 0644);
	write_program("bare", "echo hello\n", 0755);
	write_program("empty", "", 0755);
	check_refused(path_of("plain"), NULL, POOL_EARGUMENT, "cannot be executed");
	check_refused(path_of("bare"), NULL, POOL_EARGUMENT, "first line like #!/bin/sh");
	check_refused(path_of("empty"), NULL, POOL_EARGUMENT, "first line");
	check_refused(folder, NULL, POOL_EARGUMENT, "not a regular file");
	check_refused("/dev/null", NULL, POOL_EARGUMENT, "not a regular file");
	/* Any file with a NUL may be one that the system knows. */
	fixture_write(path_of("binary"), "\0asm", 4);
	assert_int_equal(0, chmod(path_of("binary"), 0755));
	check_taken(path_of("binary"), NULL, path_of("binary"));
}

static void what_others_can_change_is_refused(void **unused)
{
	char link[2 * PATH_ROOM];

	(void)unused;
	write_program("good", "#!/bin/sh\n", 0755);
	write_program("open", "#!/bin/sh\n", 0757);
	check_refused(path_of("open"), NULL, POOL_EUNSAFE,
		"everybody can write it (mode 0757)");
	write_program("group", "#!/bin/sh\n", 0775);
	check_taken(path_of("group"), NULL, path_of("group"));
	if (geteuid() == 0) {
		assert_int_equal(0, chown(path_of("group"), 0, 12345));
		check_refused(path_of("group"), NULL, POOL_EUNSAFE,
			"group 12345 can write it (mode 0775)");
		write_program("foreign", "#!/bin/sh\n", 0755);
		assert_int_equal(0, chown(path_of("foreign"), 12345, 0));
		check_refused(path_of("foreign"), NULL, POOL_EUNSAFE,
			"it belongs to user 12345");
	}
	/* A link in an unsafe folder is as bad as a program there. */
	assert_int_equal(0, mkdir(path_of("wide"), 0700));
	assert_int_equal(0, chmod(path_of("wide"), 0777));
	snprintf(link, sizeof(link), "%s", path_of("wide/link"));
	assert_int_equal(0, symlink(path_of("good"), link));
	check_refused(link, NULL, POOL_EUNSAFE, "everybody can write its folder");
	assert_int_equal(0, chmod(path_of("wide"), 01777));
	check_taken(link, NULL, link);
	write_program("wide/inner", "#!/bin/sh\n", 0755);
	assert_int_equal(0, chmod(path_of("wide"), 0777));
	snprintf(link, sizeof(link), "%s", path_of("link"));
	assert_int_equal(0, symlink("wide/inner", link));
	check_refused(link, NULL, POOL_EUNSAFE, "everybody can write its folder");
	/* For fixture_folder_remove(). */
	assert_int_equal(0, unlink(path_of("wide/link")));
	assert_int_equal(0, unlink(path_of("wide/inner")));
	assert_int_equal(0, rmdir(path_of("wide")));
}

/* --- running -------------------------------------------------------------------- */

static int64_t now_ns(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns;
}

static struct pool_event event_of(void)
{
	struct pool_event event;

	pool_event_init(&event, POOL_EVENT_TRANSITION, 0);
	event.from = POOL_STATUS_HEALTHY;
	event.to = POOL_STATUS_UNHEALTHY;
	event.reason = POOL_REASON_REFUSED;
	event.latency_us = 1200;
	snprintf(event.pool, sizeof(event.pool), "default.http");
	snprintf(event.proxy, sizeof(event.proxy), "to\nkyo");
	snprintf(event.detail, sizeof(event.detail), "Connection refused");
	return event;
}

/* One attempt of the program <name>, to its end. */
static struct pool_attempt run_with(const char *name, struct pool_event *events,
	size_t count, struct pool_command_options options)
{
	const struct pool_batch batch = {.events = events, .count = count, .more = 3};
	struct pool_attempt attempt = {.retry_after_s = -1};
	struct pool_receiver receiver;
	struct pool_fault fault;
	struct pool_now now;
	int64_t patience_ns = now_ns() + PATIENCE_MS * POOL_NS_PER_MS;

	options.path = path_of(name);
	assert_int_equal(0, pool_command_new(&receiver, &options, &fault));
	assert_string_equal(options.path, receiver.label);
	pool_clock_get(&now);
	if (receiver.begin(receiver.self, &batch, &now, &attempt))
		while (!receiver.turn(receiver.self, &now, &attempt)) {
			struct pollfd one = {.fd = receiver.descriptor, .events = POLLIN};
			int64_t wait_ms;

			wait_ms = (receiver.due_ns(receiver.self) - now.boot_ns) /
				POOL_NS_PER_MS;
			poll(&one, 1,
				wait_ms < PATIENCE_MS ? (int)wait_ms + 1 : PATIENCE_MS);
			pool_clock_get(&now);
			assert_true(now.boot_ns < patience_ns);
		}
	receiver.free(receiver.self);
	return attempt;
}

static struct pool_attempt run(const char *name)
{
	struct pool_event event = event_of();

	return run_with(name, &event, 1, (struct pool_command_options){0});
}

/* A file of the folder as text; free() it. */
static char *read_text(const char *name)
{
	size_t length;
	char *bytes = fixture_read(path_of(name), &length);
	char *text = malloc(length + 1);

	assert_non_null(text);
	memcpy(text, bytes, length);
	text[length] = '\0';
	free(bytes);
	return text;
}

static void check_text(const char *name, const char *wanted)
{
	char *text = read_text(name);

	assert_string_equal(wanted, text);
	free(text);
}

/* A script that first knows its folder as $here. */
static void write_script(const char *name, const char *text)
{
	struct pool_text script = POOL_TEXT_EMPTY;

	pool_text_addf(&script, "#!/bin/sh\nhere='%s'\n%s\n", folder, text);
	write_program(name, script.bytes, 0755);
	pool_text_release(&script);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What separates them becomes a newline, and they are sorted. */
static char *read_environment(const char *name)
{
	struct pool_text sorted = POOL_TEXT_EMPTY;
	char *lines[64];
	size_t length, count = 0;
	char *bytes = fixture_read(path_of(name), &length);

	for (size_t at = 0; at < length && count < SIZE(lines);
		at += strlen(bytes + at) + 1)
		lines[count++] = bytes + at;
	qsort(lines, count, sizeof(lines[0]), compare);
	for (size_t i = 0; i < count; i++)
		pool_text_addf(&sorted, "%s\n", lines[i]);
	free(bytes);
	return pool_text_take(&sorted);
}

static void the_environment_is_what_is_promised(void **unused)
{
	struct pool_event events[2] = {event_of(), event_of()};
	char *found;

	(void)unused;
	setenv("S3CRET", "of ours", 1);
	write_script("env", "cat /proc/$$/environ >\"$here/out\"");
	events[1].to = POOL_STATUS_HEALTHY; /* not the worst */
	assert_true(run_with("env", events, 2,
		(struct pool_command_options){
			.home = "/home/x", .tz = "UTC", .file = "/etc/pool.json"})
			    .ok);
	found = read_environment("out");
	assert_string_equal(
		"HOME=/home/x\n"
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
		"POOL_DETAIL=Connection refused\n"
		"POOL_EVENT=transition\n"
		"POOL_EVENTS=5\n"
		"POOL_FILE=/etc/pool.json\n"
		"POOL_FROM=healthy\n"
		"POOL_LATENCY_SECONDS=0.0012\n"
		"POOL_LEVEL=warning\n"
		"POOL_MESSAGE=healthy -> unhealthy, connect-refused: nothing listens at "
		"the proxy's address (Connection refused)\n"
		"POOL_POOL=default.http\n"
		"POOL_PROXY=to\\x0akyo\n"
		"POOL_REASON=connect-refused\n"
		"POOL_TIME=1970-01-01T00:00:00Z\n"
		"POOL_TO=unhealthy\n"
		"TZ=UTC\n",
		found);
	free(found);
	unsetenv("S3CRET");
}

static void other_events_have_other_variables(void **unused)
{
	struct pool_event event;
	char *found;

	(void)unused;
	pool_event_init(&event, POOL_EVENT_EXHAUSTED, 0);
	event.eligible = 0;
	event.total = 9;
	event.count = 2;
	write_script("env", "cat /proc/$$/environ >\"$here/out\"");
	assert_true(run_with("env", &event, 1, (struct pool_command_options){.lang = "C"})
			    .ok);
	found = read_environment("out");
	assert_string_equal(
		"LANG=C\n"
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
		"POOL_COUNT=2\n"
		"POOL_ELIGIBLE=0\n"
		"POOL_EVENT=exhausted\n"
		"POOL_EVENTS=4\n"
		"POOL_LEVEL=error\n"
		"POOL_MESSAGE=no proxy is eligible, of 9\n"
		"POOL_TIME=1970-01-01T00:00:00Z\n"
		"POOL_TOTAL=9\n",
		found);
	free(found);
}

static void the_events_are_its_input(void **unused)
{
	struct pool_event events[200];
	char *text, *at;

	(void)unused;
	for (size_t i = 0; i < SIZE(events); i++) {
		events[i] = event_of();
		events[i].count = (int64_t)i;
	}
	write_script("input", "cat >\"$here/out\"");
	assert_true(
		run_with("input", events, SIZE(events), (struct pool_command_options){0})
			.ok);
	at = text = read_text("out");
	for (size_t i = 0; i < SIZE(events); i++) {
		size_t length = strcspn(at, "\n");
		cJSON *tree = cJSON_ParseWithLength(at, length);
		const cJSON *count = cJSON_GetObjectItemCaseSensitive(tree, "count");

		assert_non_null(count);
		assert_int_equal(i, (int)count->valuedouble);
		cJSON_Delete(tree);
		at += length + 1;
	}
	assert_string_equal("", at);
	free(text);
	/* Nor does it matter whether it is read. */
	write_script("input", "exec <&-; exit 0");
	assert_true(
		run_with("input", events, SIZE(events), (struct pool_command_options){0})
			.ok);
}

static void it_begins_in_a_clean_place(void **unused)
{
	struct sigaction ours = {.sa_handler = SIG_IGN}, before;
	char *text, wanted[64];
	sigset_t blocked, unblocked;
	int fd = open("/", O_RDONLY); /* not closed on exec */

	(void)unused;
	assert_true(fd > 2);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	assert_int_equal(0, sigaction(SIGPIPE, &ours, &before));
	/* The shell itself opens more: what it got is seen by a program alone. */
	write_script("place",
		"exec >\"$here/out\"; pwd; umask; ulimit -n; "
		"exec 1>&2; exec /bin/ls /proc/self/fd >\"$here/fds\"");
	assert_true(run("place").ok);
	check_text("out", "/\n0077\n1024\n");
	/* The fourth one is of the folder that is listed. */
	check_text("fds", "0\n1\n2\n3\n");
	/* Signals 32 and 33 are the C library's own, which nobody can reset. */
	write_script("signals",
		"grep -E '^Sig(Blk|Ign)' /proc/self/status | "
		"sed 's/0000000180000000/0000000000000000/' >\"$here/out\"; "
		"cut -d' ' -f5 /proc/$$/stat >\"$here/group\"; echo $$ "
		">>\"$here/group\"");
	assert_true(run("signals").ok);
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
	sigaction(SIGPIPE, &before, NULL);
	close(fd);
	check_text("out", "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	text = read_text("group");
	snprintf(wanted, sizeof(wanted), "%d\n%d\n", atoi(text), atoi(text));
	assert_string_equal(wanted, text);
	assert_int_not_equal(getpgrp(), atoi(text));
	free(text);
}

static void its_output_goes_where_it_is_told(void **unused)
{
	struct pool_event event = event_of();
	int fd = open(path_of("all"), O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0600);

	(void)unused;
	assert_true(fd >= 0);
	write_script("both", "echo out; echo err >&2");
	assert_true(
		run_with("both", &event, 1, (struct pool_command_options){.output = fd})
			.ok);
	close(fd);
	check_text("all", "out\nerr\n");
}

/* --- its end -------------------------------------------------------------------- */

static void failures_have_words(void **unused)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"#!/bin/sh\nexit 3\n", "it ended with status 3"},
		{"#!/bin/sh\nkill -9 $$\n", "it was ended by signal 9"},
		{"#!/no/such/shell\n", "it cannot be run: No such file or directory"},
		{"echo\n",
			"it cannot be run: Exec format error (a script needs a first "
			"line like #!/bin/sh)"},
	};

	(void)unused;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct pool_attempt attempt;

		write_program("bad", cases[i].text, 0755);
		attempt = run("bad");
		assert_false(attempt.ok);
		assert_int_equal(-1, attempt.retry_after_s);
		assert_string_equal(cases[i].why, attempt.why);
	}
}

static bool is_alive(const char *pid_file)
{
	char *text = read_text(pid_file);
	int pid = atoi(text);
	char path[64], line[256] = "";
	FILE *file;

	free(text);
	assert_true(pid > 1);
	/* One that is dead but not waited for is no longer alive. */
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	return line[0] && !strstr(line, ") Z ");
}

/* Its end may be seen by others a moment later than by us. */
static void wait_for_end(const char *pid_file)
{
	int64_t patience_ns = now_ns() + PATIENCE_MS * POOL_NS_PER_MS;

	while (is_alive(pid_file)) {
		poll(NULL, 0, 5);
		assert_true(now_ns() < patience_ns);
	}
}

static void wait_for_file(const char *name)
{
	int64_t patience_ns = now_ns() + PATIENCE_MS * POOL_NS_PER_MS;

	while (access(path_of(name), F_OK) != 0) {
		poll(NULL, 0, 5);
		assert_true(now_ns() < patience_ns);
	}
}

/* Its time is over as soon as it has made the file "ready"; and <deaf>: also that between
 * SIGTERM and SIGKILL. */
static void run_for_too_long(const char *name, bool deaf)
{
	struct pool_event event = event_of();
	const struct pool_batch batch = {.events = &event, .count = 1};
	const struct pool_command_options options = {.path = path_of(name)};
	struct pool_attempt attempt = {.retry_after_s = -1};
	struct pool_receiver receiver;
	struct pool_fault fault;
	struct pool_now now;
	int64_t patience_ns = now_ns() + PATIENCE_MS * POOL_NS_PER_MS;

	assert_int_equal(0, pool_command_new(&receiver, &options, &fault));
	pool_clock_get(&now);
	assert_true(receiver.begin(receiver.self, &batch, &now, &attempt));
	wait_for_file("ready");
	assert_false(receiver.turn(receiver.self, &now, &attempt));
	now.boot_ns += POOL_COMMAND_LIMIT_MS * POOL_NS_PER_MS;
	assert_true(receiver.due_ns(receiver.self) <= now.boot_ns);
	assert_false(receiver.turn(receiver.self, &now, &attempt));
	if (deaf)
		now.boot_ns += POOL_COMMAND_GRACE_MS * POOL_NS_PER_MS;
	while (!receiver.turn(receiver.self, &now, &attempt)) {
		struct pollfd one = {.fd = receiver.descriptor, .events = POLLIN};

		/* The system may not tell of its end. */
		poll(&one, 1, 100);
		assert_true(now_ns() < patience_ns);
	}
	receiver.free(receiver.self);
	assert_false(attempt.ok);
	assert_string_equal("it did not end within 30 seconds", attempt.why);
}

static void its_time_is_limited(void **unused)
{
	(void)unused;
	write_script("slow",
		"/bin/sleep 1000 & echo $! >\"$here/child\"; trap 'echo asked "
		">\"$here/out\"; exit 0' TERM; : >\"$here/ready\"; wait");
	run_for_too_long("slow", false);
	check_text("out", "asked\n");
	wait_for_end("child");
}

static void who_does_not_heed_it_is_killed(void **unused)
{
	(void)unused;
	write_script("deaf",
		"trap '' TERM; /bin/sleep 1000 & echo $! >\"$here/child\"; "
		": >\"$here/ready\"; while :; do wait; done");
	run_for_too_long("deaf", true);
	wait_for_end("child");
}

/* Also one that does not end by itself, but is of its group. */
static void who_is_left_over_is_killed(void **unused)
{
	(void)unused;
	write_script("parent",
		"trap '' TERM; /bin/sleep 1000 & echo $! >\"$here/child\"; "
		"trap 'exit 0' TERM; : >\"$here/ready\"; wait");
	run_for_too_long("parent", false);
	wait_for_end("child");
}

static void who_is_stopped_is_ended(void **unused)
{
	(void)unused;
	write_script("stopped", ": >\"$here/ready\"; kill -STOP $$");
	run_for_too_long("stopped", false);
}

static void what_it_leaves_behind_in_peace_may_live(void **unused)
{
	char *text;
	int pid;

	(void)unused;
	write_script("parent", "/bin/sleep 1000 & echo $! >\"$here/child\"");
	assert_true(run("parent").ok);
	assert_true(is_alive("child"));
	text = read_text("child");
	pid = atoi(text);
	free(text);
	assert_true(pid > 1);
	kill(pid, SIGKILL);
}

/* --- as a receiver of alerts ---------------------------------------------------- */

static struct pool_alerts *alerts_to(const char *name, int64_t window_ms)
{
	struct pool_command_options command = {.path = path_of(name)};
	struct pool_alert_options options = {.kinds = pool_alerts_default_kinds(),
		.window_ms = window_ms,
		.count = 1,
		.retry = {.first_ms = 20}};
	struct pool_alerts *alerts;
	struct pool_fault fault;
	/* The path must last. */
	static char path[2 * PATH_ROOM];

	snprintf(path, sizeof(path), "%s", command.path);
	command.path = path;
	assert_int_equal(0, pool_command_new(&options.receivers[0], &command, &fault));
	assert_int_equal(0, pool_alerts_new(&alerts, &options, &fault));
	return alerts;
}

static void add(struct pool_alerts *alerts)
{
	struct pool_event event = event_of();
	struct pool_now now;

	pool_clock_get(&now);
	pool_alerts_add(alerts, &event, &now);
}

static void alerts_wake_their_caller(void **unused)
{
	struct pool_alerts *alerts;
	const char *name;
	int64_t patience_ns = now_ns() + PATIENCE_MS * POOL_NS_PER_MS;

	(void)unused;
	/* The third attempt is good. */
	write_script(
		"third", "echo x >>\"$here/out\"; [ $(wc -l <\"$here/out\") -ge 3 ]");
	alerts = alerts_to("third", 10);
	add(alerts);
	while (!pool_alerts_counts(alerts, 0, &name).sent) {
		struct pollfd one = {
			.fd = pool_alerts_descriptor(alerts), .events = POLLIN};
		struct pool_now now;
		int64_t due_ns = pool_alerts_due_ns(alerts);
		int64_t wait_ms = (due_ns - now_ns()) / POOL_NS_PER_MS;

		assert_true(now_ns() < patience_ns);
		poll(&one, 1, wait_ms < PATIENCE_MS ? (int)wait_ms + 1 : PATIENCE_MS);
		pool_clock_get(&now);
		pool_alerts_turn(alerts, &now);
	}
	assert_string_equal("command", name);
	assert_int_equal(0, pool_alerts_counts(alerts, 0, &name).failed);
	pool_alerts_free(alerts, 0);
	check_text("out", "x\nx\nx\n");
}

static void the_last_alerts_are_sent(void **unused)
{
	struct pool_alerts *alerts;

	(void)unused;
	write_script("input", "cat >\"$here/out\"");
	alerts = alerts_to("input", 3600000);
	add(alerts);
	pool_alerts_free(alerts, PATIENCE_MS);
	assert_int_equal(0, access(path_of("out"), F_OK));
}

static void what_runs_at_the_end_is_asked_to_end(void **unused)
{
	struct pool_alerts *alerts;
	int64_t patience_ns;

	(void)unused;
	write_script("slow", "echo $$ >\"$here/child\"; exec /bin/sleep 1000");
	alerts = alerts_to("slow", 3600000);
	add(alerts);
	pool_alerts_free(alerts, 300);
	patience_ns = now_ns() + PATIENCE_MS * POOL_NS_PER_MS;
	/* On a machine that is busy it may have been ended before it began. */
	while (waitpid(-1, NULL, WNOHANG) == 0) {
		poll(NULL, 0, 5);
		assert_true(now_ns() < patience_ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(programs_are_found, begin, end),
		cmocka_unit_test_setup_teardown(
			what_is_no_program_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(
			what_others_can_change_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(
			the_environment_is_what_is_promised, begin, end),
		cmocka_unit_test_setup_teardown(
			other_events_have_other_variables, begin, end),
		cmocka_unit_test_setup_teardown(the_events_are_its_input, begin, end),
		cmocka_unit_test_setup_teardown(it_begins_in_a_clean_place, begin, end),
		cmocka_unit_test_setup_teardown(
			its_output_goes_where_it_is_told, begin, end),
		cmocka_unit_test_setup_teardown(failures_have_words, begin, end),
		cmocka_unit_test_setup_teardown(its_time_is_limited, begin, end),
		cmocka_unit_test_setup_teardown(
			who_does_not_heed_it_is_killed, begin, end),
		cmocka_unit_test_setup_teardown(who_is_left_over_is_killed, begin, end),
		cmocka_unit_test_setup_teardown(who_is_stopped_is_ended, begin, end),
		cmocka_unit_test_setup_teardown(
			what_it_leaves_behind_in_peace_may_live, begin, end),
		cmocka_unit_test_setup_teardown(alerts_wake_their_caller, begin, end),
		cmocka_unit_test_setup_teardown(the_last_alerts_are_sent, begin, end),
		cmocka_unit_test_setup_teardown(
			what_runs_at_the_end_is_asked_to_end, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
