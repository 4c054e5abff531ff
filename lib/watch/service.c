/*
 * The service's loop.
 *
 * Events of the loop, and what each does:
 *	a check's socket, the engine's timer   the watcher's turn
 *	the folder of the pool file changed    the pool file is looked at
 *	a signal                               end, or look at the pool file
 *	a client of the control socket         likewise, and the verdict is its answer
 *	an HTTP client                         the server's turn
 *	a receiver of alerts                   the alerts' turn
 *	the timer                              whatever is due: all of the above, the
 *	                                       metrics file, the watchdog
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "base/clock.h"
#include "report/metrics.h"
#include "state/instance.h"
#include "watch/remote.h"
#include "watch/file_watch.h"
#include "watch/notify.h"
#include "watch/pages.h"
#include "watch/service.h"

enum {
	METRICS_S = 15,
	GRACE_MS = 400, /* of the end: alerts that are under way */
};

struct service {
	const struct pool_service_options *options;
	struct pool_watcher *watcher;
	struct pool_alerts *alerts; /* NULL: not yet, or no longer */
	struct pool_server *server; /* NULL: none is wanted */
	struct pool_pages pages;
	struct pool_loop loop;
	struct pool_remote remote;
	struct pool_file_watch files;
	struct pool_notifier notifier;
	struct pool_source signal_source, file_source, watcher_source, server_source,
		alert_source;
	int signal_fd, instance_fd;
	int64_t watchdog_ns, watchdog_due_ns;
	int64_t crashed_s; /* the instance before, see state/instance.h */
	int64_t beat_due_ns;
	int64_t metrics_due_ns;
	bool metrics_failed; /* and that was told */
	bool ended, readied;
	bool receivers_taken;         /* by the alerts */
	struct pool_watcher_sum told; /* what the service manager was told last */
};

static int64_t read_clock(void)
{
	struct pool_now now;

	pool_clock_get(&now);
	return now.boot_ns;
}

/* --- events --------------------------------------------------------------------- */

/* One of the watcher's, or of the alerts' own. */
static void tell(void *context, const struct pool_event *event)
{
	struct service *service = context;
	struct pool_now now;

	service->options->tell(service->options->context, event);
	service->beat_due_ns = 0;
	pool_pages_note(&service->pages, event);
	pool_clock_get(&now);
	if (service->alerts)
		pool_alerts_add(service->alerts, event, &now);
}

/* Those that are not the watcher's are counted here. */
static void tell_own(void *context, const struct pool_event *event)
{
	struct service *service = context;

	if (service->watcher)
		pool_tally_note_event(pool_watcher_tally(service->watcher), event->kind);
	tell(service, event);
}

static void tell_start(struct service *service)
{
	struct pool_watcher_sum sum;
	struct pool_event event;
	struct pool_now now;

	pool_clock_get(&now);
	pool_watcher_sum(service->watcher, &sum);
	pool_event_init(&event, POOL_EVENT_STARTED, now.wall_s);
	event.count = getpid();
	event.total = sum.enabled;
	event.eligible = sum.eligible;
	tell_own(service, &event);
}

static void tell_end(struct service *service)
{
	struct pool_event event;
	struct pool_now now;

	pool_clock_get(&now);
	pool_event_init(&event, POOL_EVENT_STOPPED, now.wall_s);
	tell_own(service, &event);
}

/* --- the service manager -------------------------------------------------------- */

static void show_status(struct service *service, const char *before)
{
	struct pool_watcher_sum sum;
	char message[160];

	pool_watcher_sum(service->watcher, &sum);
	if (!*before && memcmp(&sum, &service->told, sizeof(sum)) == 0)
		return;
	service->told = sum;
	snprintf(message, sizeof(message), "%sSTATUS=%u of %u proxies healthy%s", before,
		(unsigned)sum.healthy, (unsigned)sum.enabled,
		*pool_watcher_file_fault(service->watcher) ? ", pool file invalid" : "");
	pool_notify(&service->notifier, message);
}

static void feed_watchdog(struct service *service, int64_t now_ns)
{
	if (!service->watchdog_ns || now_ns < service->watchdog_due_ns)
		return;
	service->watchdog_due_ns = now_ns + service->watchdog_ns;
	pool_notify(&service->notifier, "WATCHDOG=1");
}

/* What happens after the last beat, the next instance tells: so there is one whenever
 * something was told. */
static void beat(struct service *service, int64_t now_ns)
{
	if (now_ns < service->beat_due_ns)
		return;
	service->beat_due_ns = now_ns + POOL_NS_PER_S;
	pool_instance_beat(service->instance_fd);
}

/* --- what is asked of it -------------------------------------------------------- */

static int reload(struct service *service, struct pool_fault *fault)
{
	int error;

	pool_notify_reloading(&service->notifier);
	error = pool_watcher_reload(service->watcher, fault);
	if (service->server)
		pool_server_forget(service->server);
	show_status(service, "READY=1\n");
	return error;
}

static int carry_out(
	void *context, enum pool_remote_command command, struct pool_fault *fault)
{
	struct service *service = context;

	if (command == POOL_REMOTE_RELOAD)
		return reload(service, fault);
	service->ended = true;
	return 0;
}

static void take_signal(void *context)
{
	struct service *service = context;
	struct signalfd_siginfo signal;

	while (read(service->signal_fd, &signal, sizeof(signal)) ==
		(ssize_t)sizeof(signal)) {
		if (signal.ssi_signo == SIGHUP)
			reload(service, NULL);
		else
			service->ended = true;
	}
}

static void take_edit(void *context)
{
	struct service *service = context;

	if (pool_file_watch_take(&service->files))
		pool_watcher_expect_edit(service->watcher);
}

static void take_client(void *context)
{
	pool_server_turn(((struct service *)context)->server);
}

/* Its turn comes in each round of the loop. */
static void take_nothing(void *context)
{
	(void)context;
}

static int render(void *context, enum pool_page page, struct pool_text *body,
	struct pool_text *policy)
{
	return pool_pages_render(&((struct service *)context)->pages, page, body, policy);
}

/* --- metrics -------------------------------------------------------------------- */

static void count_alerts(struct service *service)
{
	struct pool_tally *tally = pool_watcher_tally(service->watcher);

	for (size_t i = 0; service->alerts && i < pool_alerts_receivers(service->alerts);
		i++) {
		const char *name;
		struct pool_delivery_counts counts =
			pool_alerts_counts(service->alerts, i, &name);
		uint64_t *to =
			tally->alerts[strcmp(name, "webhook") == 0 ? POOL_TALLY_WEBHOOK
								   : POOL_TALLY_COMMAND];

		to[POOL_TALLY_SENT] = counts.sent;
		to[POOL_TALLY_FAILED] = counts.failed;
		to[POOL_TALLY_DROPPED] = counts.dropped;
	}
}

/* A file that cannot be written is told once, until it can. */
static void write_metrics(struct service *service, int64_t now_ns)
{
	struct pool_text text = POOL_TEXT_EMPTY, none = POOL_TEXT_EMPTY;
	struct pool_fault fault = {0};

	if (!service->options->metrics_file || now_ns < service->metrics_due_ns)
		return;
	service->metrics_due_ns = now_ns + METRICS_S * POOL_NS_PER_S;
	if (pool_pages_render(&service->pages, POOL_PAGE_METRICS, &text, &none) != 200 ||
		pool_metrics_write(service->options->metrics_file, &text, &fault) == 0) {
		service->metrics_failed = false;
	} else if (!service->metrics_failed) {
		service->metrics_failed = true;
		service->options->note(service->options->context, fault.text);
	}
	pool_text_release(&text);
	pool_text_release(&none);
}

/* --- the loop ------------------------------------------------------------------- */

static int64_t next_due_ns(const struct service *service)
{
	const int64_t times[] = {
		pool_watcher_due_ns(service->watcher),
		service->server ? pool_server_due_ns(service->server) : INT64_MAX,
		service->alerts ? pool_alerts_due_ns(service->alerts) : INT64_MAX,
		service->watchdog_ns ? service->watchdog_due_ns : INT64_MAX,
		service->options->metrics_file ? service->metrics_due_ns : INT64_MAX,
	};
	int64_t due_ns = INT64_MAX;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (times[i] < due_ns)
			due_ns = times[i];
	return due_ns;
}

static void turn(struct service *service)
{
	struct pool_now now;
	int64_t late_ns = pool_loop_wait(&service->loop, next_due_ns(service));

	if (late_ns >= 0)
		pool_tally_note_lag(pool_watcher_tally(service->watcher), late_ns);
	if (service->ended)
		return;
	pool_watcher_turn(service->watcher);
	pool_clock_get(&now);
	if (service->alerts) {
		pool_alerts_turn(service->alerts, &now);
		count_alerts(service);
	}
	if (service->server)
		pool_server_turn(service->server);
	if (!service->readied && pool_watcher_first_round_done(service->watcher)) {
		service->readied = true;
		if (service->options->ready)
			service->options->ready(service->options->context);
	}
	show_status(service, "");
	write_metrics(service, now.boot_ns);
	feed_watchdog(service, now.boot_ns);
	beat(service, now.boot_ns);
}

/* --- start and end -------------------------------------------------------------- */

static int add_source(struct service *service, struct pool_source *source, int fd,
	void (*ready)(void *context), struct pool_fault *fault)
{
	*source = (struct pool_source){fd, ready, service};
	return pool_loop_add(&service->loop, source, fault);
}

static int open_signals(struct service *service, struct pool_fault *fault)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	service->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (service->signal_fd < 0)
		return pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot wait for signals");
	return add_source(
		service, &service->signal_source, service->signal_fd, take_signal, fault);
}

static int open_watcher(struct service *service, struct pool_fault *fault)
{
	struct pool_watcher_options options = service->options->watcher;
	int error;

	options.file = service->options->file;
	options.told_until_s = service->crashed_s;
	options.tell = tell;
	options.context = service;
	error = pool_watcher_new(&service->watcher, &options, fault);
	service->pages.watcher = service->watcher;
	if (error)
		return error;
	return add_source(service, &service->watcher_source,
		pool_watcher_descriptor(service->watcher), take_nothing, fault);
}

static int open_server(struct service *service, struct pool_fault *fault)
{
	const struct pool_server_options options = {.render = render,
		.context = service,
		.machine = service->options->machine,
		.hosts = service->options->hosts,
		.host_count = service->options->host_count};
	char text[160];
	int error;

	if (!service->options->listen)
		return 0;
	error = pool_server_new(
		&service->server, service->options->listen, &options, fault);
	if (error)
		return error;
	snprintf(text, sizeof(text), "listening on %s", pool_server_url(service->server));
	service->options->note(service->options->context, text);
	return add_source(service, &service->server_source,
		pool_server_descriptor(service->server), take_client, fault);
}

static int open_alerts(struct service *service, struct pool_fault *fault)
{
	struct pool_alert_options options = service->options->alerts;
	int error;

	service->receivers_taken = true;
	options.tell = tell_own;
	options.context = service;
	error = pool_alerts_new(&service->alerts, &options, fault);
	if (error)
		return error;
	return add_source(service, &service->alert_source,
		pool_alerts_descriptor(service->alerts), take_nothing, fault);
}

static void open_files(struct service *service)
{
	pool_file_watch_open(&service->files, service->options->file);
	/* Without it there is the look each second. */
	if (service->files.fd >= 0 &&
		add_source(service, &service->file_source, service->files.fd, take_edit,
			NULL) != 0)
		pool_file_watch_close(&service->files);
}

/* Without a control socket it watches all the same. */
static void open_remote(struct service *service, const char *state_path)
{
	struct pool_fault fault = {0};

	service->remote.carry_out = carry_out;
	service->remote.context = service;
	if (pool_remote_open(&service->remote, &service->loop, state_path, &fault) != 0)
		service->options->note(service->options->context, fault.text);
}

static int open_service(struct service *service, struct pool_fault *fault)
{
	const struct pool_service_options *options = service->options;
	const char *state = pool_session_state_path(options->watcher.session);
	int error = pool_loop_open(&service->loop, fault);

	if (!error)
		error = open_signals(service, fault);
	/* The state file's folder is judged by whoever opens that file first. */
	if (!error)
		error = pool_session_check_state(options->watcher.session, fault);
	if (!error)
		service->crashed_s = pool_instance_crashed_s(state);
	if (!error)
		error = pool_instance_claim(state, &service->instance_fd, fault);
	if (!error)
		error = open_server(service, fault);
	if (!error)
		error = open_alerts(service, fault);
	if (!error)
		error = open_watcher(service, fault);
	if (error)
		return error;
	open_remote(service, state);
	open_files(service);
	pool_notifier_open(&service->notifier, options->notify_socket);
	service->watchdog_ns =
		pool_notify_watchdog_ns(options->watchdog_usec, options->watchdog_pid);
	return 0;
}

static void close_service(struct service *service)
{
	pool_server_free(service->server);
	pool_alerts_free(service->alerts, GRACE_MS);
	service->alerts = NULL;
	if (!service->receivers_taken) {
		struct pool_alert_options unused = service->options->alerts;

		pool_alerts_drop(&unused);
	}
	pool_watcher_free(service->watcher);
	pool_remote_close(&service->remote);
	pool_file_watch_close(&service->files);
	pool_notifier_close(&service->notifier);
	pool_pages_close(&service->pages);
	if (service->signal_fd >= 0)
		close(service->signal_fd);
	pool_loop_close(&service->loop);
	/* The last: another instance may begin now. */
	pool_instance_release(service->instance_fd);
}

static void work(struct service *service)
{
	tell_start(service);
	show_status(service, "READY=1\n");
	while (!service->ended)
		turn(service);
	pool_notify(&service->notifier, "STOPPING=1");
	pool_watcher_end(service->watcher);
	service->metrics_due_ns = 0;
	write_metrics(service, read_clock());
	tell_end(service);
}

int pool_service_run(const struct pool_service_options *options, struct pool_fault *fault)
{
	struct service service = {
		.options = options,
		.signal_fd = -1,
		.instance_fd = -1,
		.files.fd = -1,
		.notifier.fd = -1,
		.pages = {.session = options->watcher.session,
			.exchange = options->watcher.exchange,
			.type = options->watcher.type,
			.quorum = options->quorum,
			.degraded = options->watcher.quorum,
			.per_proxy = options->per_proxy,
			.file = options->file},
	};
	int error;

	pool_loop_init(&service.loop);
	pool_remote_init(&service.remote);
	if (pool_pages_open(&service.pages) != 0)
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	else
		error = open_service(&service, fault);
	if (!error)
		work(&service);
	close_service(&service);
	return error;
}
