/* pool-watch: the same checks for ever, and what came of them for everybody to see. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "probe/engine.h"
#include "probe/post.h"
#include "state/instance.h"
#include "tool_probe.h"
#include "tool_report.h"
#include "watch/command.h"
#include "watch/host.h"
#include "watch/remote.h"
#include "watch/service.h"
#include "watch/webhook.h"
#include "watch_daemon.h"
#include "watch_print.h"

enum {
	OPT_CONCURRENCY = TOOL_OWN_OPTIONS,
	OPT_TARGET_RATE,
	OPT_CA_FILE,
	OPT_QUORUM,
	OPT_LISTEN,
	OPT_ALLOW_HOST,
	OPT_METRICS_FILE,
	OPT_POOL_METRICS,
	OPT_ON_CHANGE,
	OPT_WEBHOOK,
	OPT_ALERT_ON,
	OPT_ALERT_WINDOW,
	OPT_DAEMONIZE,
	OPT_STOP,
	OPT_RESTART,
	OPT_RELOAD,
	WINDOW_MAX_S = 3600,
	ANSWER_MS = 10000, /* how long an instance may take to answer, or to end */
	URL_MAX = 4096,
	HOSTS_MAX = 64,
};

struct settings {
	struct tool_common common;
	const struct tool_spec *spec;
	struct watch_printer printer;
	struct watch_daemon daemon;
	int64_t concurrency;
	double target_rate;
	const char *ca_file;
	struct pool_quorum quorum, degraded_below;
	bool listens;
	struct pool_listen listen;
	const char *hosts[HOSTS_MAX]; /* that are allowed */
	size_t host_count;
	char machine[256]; /* the name of this one */
	const char *metrics_file;
	bool pool_metrics;
	char *command;  /* its absolute path */
	char *url;      /* of the webhook: a secret */
	bool url_shown; /* it stands in an argument */
	uint32_t alert_kinds;
	int64_t window_s;
	bool kinds_given, window_given;
	bool stop, restart, reload;
	char *absolute[4]; /* paths of before the background, see leave_folder() */
	bool unprinted;    /* the last event could not be printed, and that was told */
	struct pool_session *session;
};

/* --- options -------------------------------------------------------------------- */

static int read_format(const struct tool_given *given, void *context)
{
	static const char *const words[] = {"text", "jsonl"};
	struct settings *settings = context;
	int found = 0, status = tool_find_value(given, words, 2, &found);

	settings->printer.json = found == 1;
	return status;
}

static int read_listen(const struct tool_given *given, void *context)
{
	struct settings *settings = context;

	settings->listens = pool_listen_parse(given->value, &settings->listen);
	if (settings->listens)
		return TOOL_YES;
	return tool_refuse_value(
		given, "PORT, ADDRESS:PORT or [ADDRESS]:PORT, numbers all");
}

static int read_host(const struct tool_given *given, void *context)
{
	struct settings *settings = context;

	if (!pool_host_is_name(given->value))
		return tool_refuse_value(given,
			"the name of a host, as pools.example.com or "
			"pools.example.com:8443");
	if (settings->host_count == HOSTS_MAX)
		return tool_refuse(given->spec, TOOL_USAGE,
			"--allow-host can be given %d times at most", HOSTS_MAX);
	settings->hosts[settings->host_count++] = given->value;
	return TOOL_YES;
}

static int read_command(const struct tool_given *given, void *context)
{
	struct settings *settings = context;
	struct pool_fault fault = {0};

	free(settings->command);
	settings->command = NULL;
	if (pool_command_check(
		    given->value, getenv("PATH"), &settings->command, &fault) == 0)
		return TOOL_YES;
	return tool_refuse(given->spec, TOOL_USAGE, "--on-change: %s", fault.text);
}

/* The first line of a file: arguments can be seen by everybody. */
static char *read_url_file(const char *path)
{
	char line[URL_MAX] = "";
	FILE *file = fopen(path, "re");
	char *url = NULL;

	if (!file)
		return NULL;
	errno = 0;
	if (fgets(line, sizeof(line), file) || !ferror(file)) {
		line[strcspn(line, "\r\n")] = '\0';
		url = strdup(line);
	}
	fclose(file);
	explicit_bzero(line, sizeof(line));
	return url;
}

static int read_webhook(const struct tool_given *given, void *context)
{
	struct settings *settings = context;
	const char *wrong;

	pool_text_forget(settings->url);
	settings->url_shown = given->value[0] != '@';
	settings->url = given->value[0] == '@' ? read_url_file(given->value + 1)
					       : strdup(given->value);
	if (!settings->url)
		return tool_refuse(given->spec, TOOL_USAGE,
			"cannot read --webhook '%s': %s", given->value, strerror(errno));
	wrong = pool_poster_check_url(settings->url);
	/* Not shown: it is a secret. */
	return wrong ? tool_refuse(given->spec, TOOL_USAGE, "--webhook: %s", wrong)
		     : TOOL_YES;
}

static int read_alert_kinds(const struct tool_given *given, void *context)
{
	struct settings *settings = context;
	const char *names[POOL_EVENTS];
	char *rest = NULL;
	int status = TOOL_YES;
	size_t count = 0;

	for (int i = 0; i < POOL_EVENTS; i++)
		if (pool_alerts_can_be((enum pool_event_kind)i))
			names[count++] = pool_event_get((enum pool_event_kind)i)->name;
	/* Those of several are added up. */
	if (!settings->kinds_given)
		settings->alert_kinds = 0;
	settings->kinds_given = true;
	for (char *word = strtok_r(given->value, ",", &rest); word && !status;
		word = strtok_r(NULL, ",", &rest)) {
		int found = 0;

		status = tool_find_word(
			given->spec, "--alert-on", NULL, word, names, count, &found);
		if (!status)
			settings->alert_kinds |= UINT32_C(1)
				<< pool_event_find(names[found]);
	}
	if (!status && !settings->alert_kinds)
		status = tool_refuse(
			given->spec, TOOL_USAGE, "--alert-on wants at least one event");
	return status;
}

static int read_window(const struct tool_given *given, void *context)
{
	struct settings *settings = context;

	settings->window_given = true;
	return tool_read_number(given, context);
}

/* One number for both, where it is given. */
static int read_quorum(const struct tool_given *given, void *context)
{
	struct settings *settings = context;
	int status = tool_read_quorum(given, context);

	settings->degraded_below = settings->quorum;
	return status;
}

#define SET(reader, member) TOOL_SET(reader, struct settings, member)

static const struct tool_option options[] = {
	TOOL_OPTION_FILE_AS("the pool file"),
	TOOL_OPTION_TRUST_FILE,
	TOOL_OPTION_STATE,
	TOOL_OPTION_EXCHANGE("only the pools of this exchange"),
	TOOL_OPTION_TYPE("only pools for http or websocket"),
	{TOOL_FORMAT, "format", "FORMAT", "text or jsonl (default: text), of the events",
		.read = read_format},
	{OPT_CONCURRENCY, "concurrency", "N", "checks at once (default: 256)",
		SET(tool_read_number, concurrency), .low = 1,
		.high = TOOL_CONCURRENCY_MAX},
	{OPT_TARGET_RATE, "target-rate", "N",
		"requests a second to one target host at most",
		SET(tool_read_rate, target_rate)},
	{OPT_CA_FILE, "ca-file", "FILE", "certificates to trust instead of the system's",
		SET(tool_read_ca_file, ca_file)},
	{OPT_QUORUM, "quorum", "N|N%",
		"a pool with fewer eligible proxies is degraded (default: 100%)",
		.read = read_quorum, .offset = offsetof(struct settings, quorum)},
	{OPT_LISTEN, "listen", "[ADDRESS:]PORT",
		"serve metrics, status and the dashboard (address: 127.0.0.1)",
		.read = read_listen},
	{OPT_ALLOW_HOST, "allow-host", "NAME",
		"serve them by this name too: that of a web server before it",
		.read = read_host},
	{OPT_METRICS_FILE, "metrics-file", "FILE",
		"write Prometheus text to this file, every 15 seconds",
		SET(tool_read_metrics_file, metrics_file)},
	{OPT_POOL_METRICS, "pool-metrics", NULL,
		"metrics without a series for each proxy",
		SET(tool_read_flag, pool_metrics)},
	{OPT_ON_CHANGE, "on-change", "COMMAND",
		"run this program for alerts, without a shell", .read = read_command},
	{OPT_WEBHOOK, "webhook", "URL|@FILE",
		"post alerts as JSON to this URL, or to the one in a file",
		.read = read_webhook},
	{OPT_ALERT_ON, "alert-on", "EVENT,...", "which events are alerts",
		.read = read_alert_kinds},
	{OPT_ALERT_WINDOW, "alert-window", "SECONDS",
		"gather alerts for so long before they are sent (default: 2)",
		.read = read_window, .offset = offsetof(struct settings, window_s),
		.low = 0, .high = WINDOW_MAX_S},
	{OPT_DAEMONIZE, "daemonize", NULL,
		"go to the background once the first round is stored",
		SET(tool_read_flag, daemon.asked)},
	{OPT_STOP, "stop", NULL, "end the instance that watches this pool file",
		SET(tool_read_flag, stop)},
	{OPT_RESTART, "restart", NULL, "end it, and start anew in the background",
		SET(tool_read_flag, restart)},
	{OPT_RELOAD, "reload", NULL,
		"have it read the pool file now, and tell the verdict",
		SET(tool_read_flag, reload)},
	TOOL_OPTION_QUIET("print only events that are bad news"),
	TOOL_OPTION_VERBOSE("print every check as well"),
	TOOL_OPTION_LOG_FORMAT,
	TOOL_OPTION_HELP,
	TOOL_OPTION_VERSION,
	TOOL_OPTION_END,
};

/* What no single option can tell. */
static int fit_together(struct settings *settings)
{
	int asked = settings->daemon.asked + settings->stop + settings->restart +
		settings->reload;

	if (asked > 1)
		return tool_refuse(settings->spec, TOOL_USAGE,
			"--daemonize, --stop, --restart and --reload exclude each other");
	if ((settings->kinds_given || settings->window_given) && !settings->command &&
		!settings->url)
		return tool_refuse(settings->spec, TOOL_USAGE,
			"--alert-on and --alert-window go with --on-change or --webhook");
	if (settings->host_count && !settings->listens && !settings->stop &&
		!settings->reload)
		return tool_refuse(
			settings->spec, TOOL_USAGE, "--allow-host goes with --listen");
	if (settings->common.quiet && settings->common.verbose)
		return tool_refuse(settings->spec, TOOL_USAGE,
			"--quiet and --verbose exclude each other");
	if (settings->url_shown && !settings->stop && !settings->reload)
		tool_warn("--webhook: ps shows its URL to everybody; write it into a "
			  "file, and give @FILE");
	settings->daemon.asked |= settings->restart;
	settings->printer.quiet = settings->common.quiet;
	settings->printer.journal = watch_is_journal(getenv("JOURNAL_STREAM"));
	return TOOL_YES;
}

static int read_command_line(int argc, char **argv, struct settings *settings)
{
	int status = tool_read_options(argc, argv, settings->spec, settings);

	if (!status)
		status = tool_read_operand(argc, argv, settings->spec, &settings->common);
	return status ? status : fit_together(settings);
}

/* --- the instance that runs ----------------------------------------------------- */

/* The path of the state file that it watches; NULL: <status>, having told why. */
static char *find_state_file(
	const struct settings *settings, const struct tool_files *files, int *status)
{
	char *path = files->state ? pool_state_path(files->state, files->file) : NULL;

	if (!path)
		*status =
			tool_refuse_stateless(settings->spec, "watch", files->file, NULL);
	return path;
}

static int tell_none(const char *file)
{
	return tool_end(TOOL_NO, NULL, "no pool-watch watches '%s'", file);
}

/* Ask for the end, and wait for it. */
static int stop(const struct settings *settings, const struct tool_files *files)
{
	const struct timespec pause = {0, 20 * POOL_NS_PER_MS};
	struct pool_fault fault = {0};
	int status = TOOL_YES, error;
	char *path = find_state_file(settings, files, &status);
	struct pool_now now;
	int64_t until_ns;

	if (!path)
		return status;
	pool_clock_get(&now);
	until_ns = now.boot_ns + ANSWER_MS * POOL_NS_PER_MS;
	error = pool_remote_ask(path, POOL_REMOTE_STOP, ANSWER_MS, &fault);
	/* One that ends by itself at this moment is as good. */
	if (error && pool_instance_find(path) != 0)
		status = tool_refuse_by(settings->spec, &fault);
	else if (error == POOL_EUNKNOWN)
		status = settings->stop ? tell_none(files->file) : TOOL_YES;
	while (!error && pool_instance_find(path) != 0 && now.boot_ns < until_ns) {
		nanosleep(&pause, NULL);
		pool_clock_get(&now);
	}
	if (!error && pool_instance_find(path) != 0)
		status = tool_refuse(settings->spec, TOOL_BUSY, "process %d does not end",
			(int)pool_instance_find(path));
	free(path);
	return status;
}

static int reload(const struct settings *settings, const struct tool_files *files)
{
	struct pool_fault fault = {0};
	int status = TOOL_YES, error;
	char *path = find_state_file(settings, files, &status);

	if (!path)
		return status;
	error = pool_remote_ask(path, POOL_REMOTE_RELOAD, ANSWER_MS, &fault);
	if (error == POOL_EUNSAFE && settings->common.trust_file)
		tool_warn("--trust-file does not reach an instance that runs: "
			  "--restart starts one with it");
	if (error == POOL_EUNKNOWN && pool_instance_find(path) == 0)
		status = tell_none(files->file);
	else if (error == POOL_EINVALID || error == POOL_ENOFILE)
		status = tool_end(TOOL_NO, "invalid",
			"the last good pool file stays in force: %s", fault.text);
	else if (error)
		status = tool_refuse_by(settings->spec, &fault);
	else if (!settings->common.quiet)
		printf("%s: valid, and in force\n", files->file);
	free(path);
	return status;
}

/* --- the watch ------------------------------------------------------------------ */

/* Who only wanted the first lines has them: the watch goes on, and says so once. */
static void tell(void *context, const struct pool_event *event)
{
	struct settings *settings = context;
	int error = watch_print(&settings->printer, event);

	if (error && !settings->unprinted)
		tool_warn("cannot print events: %s; the watch goes on", strerror(error));
	settings->unprinted = error != 0;
}

static void note(void *context, const char *text)
{
	const struct settings *settings = context;

	if (!settings->common.quiet)
		tool_note("%s", text);
}

static void be_ready(void *context)
{
	struct settings *settings = context;

	watch_daemon_ready(&settings->daemon);
}

/* That a pool file is rejected is told as an event. */
static void warn(void *context, const char *text)
{
	const struct settings *settings = context;
	const char *rejection = settings->session
		? pool_session_snapshot(settings->session)->rejection
		: NULL;

	if (!rejection || !*rejection || !strstr(text, rejection))
		tool_warn("%s", text);
}

/* tool_lookup() has no use for the context. */
static const char *look_up(void *context, const char *name)
{
	(void)context;
	return tool_lookup(NULL, name);
}

static int open_session(struct settings *settings, const struct tool_files *files)
{
	const struct pool_session_options opening = {
		.file = files->file,
		.environment = tool_environment(),
		.state = files->state,
		.lock_timeout_ms = POOL_WATCHER_LOCK_MS,
		.trust_file = settings->common.trust_file,
		.guard = tool_guard(),
		.warn = warn,
		.lookup = look_up,
		.context = settings,
	};
	struct pool_fault fault = {0};

	if (pool_session_new(&settings->session, &opening, &fault) != 0)
		return tool_refuse_by(settings->spec, &fault);
	if (!pool_session_state_path(settings->session))
		return tool_refuse_stateless(settings->spec, "watch", files->file, NULL);
	return TOOL_YES;
}

/* Those that were asked for; those that were made are the service's to free. */
static int open_receivers(const struct settings *settings, const char *file,
	const char *absolute, struct pool_alert_options *alerts)
{
	const struct pool_command_options command = {.path = settings->command,
		.home = getenv("HOME"),
		.lang = getenv("LANG"),
		.tz = getenv("TZ"),
		/* It runs in another folder. */
		.file = absolute};
	const struct pool_webhook_options webhook = {
		.url = settings->url, .ca_file = settings->ca_file, .file = file};
	struct pool_fault fault = {0};
	int error = 0;

	if (settings->command) {
		error = pool_command_new(
			&alerts->receivers[alerts->count], &command, &fault);
		alerts->count += !error;
	}
	if (settings->url && !error) {
		error = pool_webhook_new(
			&alerts->receivers[alerts->count], &webhook, &fault);
		alerts->count += !error;
	}
	return error ? tool_refuse_by(settings->spec, &fault) : TOOL_YES;
}

static void block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* What is to be watched, and how; all but the receivers of alerts. */
static struct pool_service_options make_service(
	struct settings *settings, const struct tool_files *files)
{
	struct pool_service_options service = {
		.watcher = {.session = settings->session,
			.exchange = settings->common.exchange,
			.type = settings->common.type,
			.concurrency = (size_t)settings->concurrency,
			.target_rate = settings->target_rate,
			.ca_file = settings->ca_file,
			.quorum = settings->degraded_below,
			.tells_checks = settings->common.verbose},
		.file = files->file,
		.alerts = {.kinds = settings->alert_kinds,
			.window_ms = settings->window_s * 1000},
		.listen = settings->listens ? &settings->listen : NULL,
		.machine = settings->machine,
		.hosts = settings->hosts,
		.host_count = settings->host_count,
		.quorum = settings->quorum,
		.metrics_file = settings->metrics_file,
		.per_proxy = !settings->pool_metrics,
		.notify_socket = getenv("NOTIFY_SOCKET"),
		.watchdog_usec = getenv("WATCHDOG_USEC"),
		.watchdog_pid = getenv("WATCHDOG_PID"),
		.tell = tell,
		.note = note,
		.ready = be_ready,
		.context = settings,
	};

	/* Unknown: nobody asks for it by that name. */
	if (gethostname(settings->machine, sizeof(settings->machine) - 1) != 0)
		settings->machine[0] = '\0';
	if (pool_random_bytes(&service.alerts.seed, sizeof(service.alerts.seed)) != 0)
		service.alerts.seed = 0;
	return service;
}

static int watch(struct settings *settings, const struct tool_files *files)
{
	struct pool_service_options service = make_service(settings, files);
	struct pool_fault fault = {0};
	char *absolute = pool_state_absolute(files->file);
	int status = absolute
		? open_receivers(settings, files->file, absolute, &service.alerts)
		: tool_refuse(settings->spec, TOOL_SYSTEM, "out of memory");

	tool_warn_near_miss(settings->session, settings->common.exchange);
	if (status)
		pool_alerts_drop(&service.alerts);
	else if (pool_service_run(&service, &fault) != 0)
		status = tool_refuse_by(settings->spec, &fault);
	free(absolute);
	return status;
}

/* A process in the background is at home in /: paths must not depend on where it began.
 */
static int leave_folder(struct settings *settings, struct tool_files *files)
{
	const char **paths[] = {
		&files->file, &files->state, &settings->metrics_file, &settings->ca_file};

	if (!settings->daemon.asked)
		return TOOL_YES;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		bool folder = *paths[i] && **paths[i] &&
			(*paths[i])[strlen(*paths[i]) - 1] == '/';
		struct pool_text text = POOL_TEXT_EMPTY;
		char *absolute;

		if (!*paths[i] || **paths[i] == '/')
			continue;
		absolute = pool_state_absolute(*paths[i]);
		if (absolute)
			pool_text_addf(&text, "%s%s", absolute, folder ? "/" : "");
		else if (errno == ENOENT)
			return tool_refuse(settings->spec, TOOL_UNUSABLE,
				"cannot find '%s': the working folder is gone",
				*paths[i]);
		*paths[i] = settings->absolute[i] =
			absolute ? pool_text_take(&text) : NULL;
		free(absolute);
		if (!*paths[i])
			return tool_refuse(settings->spec, TOOL_SYSTEM, "out of memory");
	}
	if (chdir("/") != 0)
		return tool_refuse(settings->spec, TOOL_SYSTEM, "cannot go to '/': %s",
			strerror(errno));
	return TOOL_YES;
}

static int begin(struct settings *settings, struct tool_files *files)
{
	int status = tool_judge_metrics_file(
		    settings->spec, settings->metrics_file, files->file),
	    error;

	if (!status && settings->restart)
		status = stop(settings, files);
	if (!status)
		status = leave_folder(settings, files);
	if (status)
		return status;
	error = watch_daemon_begin(&settings->daemon);
	if (error)
		return tool_refuse(settings->spec, TOOL_SYSTEM,
			"cannot go to the background: %s", strerror(error));
	status = open_session(settings, files);
	return status ? status : watch(settings, files);
}

static int run(int argc, char **argv, struct settings *settings)
{
	struct tool_files files;
	int status = read_command_line(argc, argv, settings);

	if (!status)
		status = tool_find_files(settings->spec, &settings->common, &files);
	if (status)
		return status;
	if (settings->stop)
		return stop(settings, &files);
	if (settings->reload)
		return reload(settings, &files);
	block_signals();
	return begin(settings, &files);
}

int main(int argc, char **argv)
{
	const struct tool_spec spec = {
		.name = "pool-watch",
		.synopsis = "[OPTION]... [FILE]",
		.summary =
			"Check the proxies of all pools for ever, store how they do, and "
			"tell what changes.",
		.options = options,
		.examples =
			"  pool-watch pool.json\n"
			"  pool-watch --daemonize --listen 9469 pool.json    # "
			"dashboard, "
			"/metrics\n"
			"  pool-watch --reload pool.json || echo 'the edit is refused'\n"
			"  pool-watch --webhook @/etc/proxypool/webhook --alert-on "
			"exhausted pool.json\n"
			"  pool-watch --stop pool.json\n",
		.libraries = pool_engine_version,
	};
	struct settings settings = {
		.common = {.type = -1},
		.spec = &spec,
		.daemon = {.pipe = -1},
		.concurrency = TOOL_CONCURRENCY,
		.quorum = POOL_QUORUM_DEFAULT,
		.degraded_below = POOL_DEGRADED_DEFAULT,
		.alert_kinds = pool_alerts_default_kinds(),
		.window_s = POOL_ALERT_WINDOW_MS / 1000,
	};
	int status;

	tool_begin();
	status = run(argc, argv, &settings);
	pool_session_free(settings.session);
	pool_text_forget(settings.url);
	free(settings.command);
	for (size_t i = 0; i < sizeof(settings.absolute) / sizeof(settings.absolute[0]);
		i++)
		free(settings.absolute[i]);
	return tool_close_stdout() ? status : TOOL_SYSTEM;
}
