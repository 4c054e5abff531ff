/*
 * The service: a watcher with all that stands around it in one loop, from the first check
 * to the signal that ends it.
 *
 * SIGTERM and SIGINT end it, SIGHUP has it look at the pool file. The caller has blocked
 * these three, and ignores SIGPIPE; nobody else may take them.
 */
#ifndef POOL_WATCH_SERVICE_H
#define POOL_WATCH_SERVICE_H

#include "watch/alert.h"
#include "watch/server.h"
#include "watch/watcher.h"

struct pool_service_options {
	struct pool_watcher_options
		watcher;                  /* file, tell and context are the service's */
	const char *file;                 /* the pool file, for people */
	struct pool_alert_options alerts; /* likewise; without receivers: none */
	const struct pool_listen *listen; /* NULL: no server */
	const char *machine;              /* its name, which the server answers to */
	const char *const *hosts;         /* likewise: names that are allowed */
	size_t host_count;                /* of them */
	struct pool_quorum quorum;        /* of the metrics */
	const char *metrics_file;         /* NULL: none */
	bool per_proxy;                   /* metrics with series for each proxy */
	/* Of the environment; NULL: not given. */
	const char *notify_socket, *watchdog_usec, *watchdog_pid;
	/* Called for each event. */
	void (*tell)(void *context, const struct pool_event *event);
	/* Called for what is no event: where the server listens. */
	void (*note)(void *context, const char *text);
	/* Called when the first round is stored; may be NULL. */
	void (*ready)(void *context);
	void *context;
};

/*
 * Watch until a signal, or a command through the control socket, ends it.
 *
 * Returns 0 when ended so, or: POOL_EBUSY  another instance watches the state file
 *                              whatever pool_watcher_new(), pool_server_new() return
 */
int pool_service_run(
	const struct pool_service_options *options, struct pool_fault *fault);

#endif
