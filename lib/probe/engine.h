/*
 * The check engine: runs many checks at once on libcurl's multi interface, one event
 * loop, no thread of ours, a queue of its own.
 *
 * pool_engine_run() makes a list of checks and returns; an engine that lives on takes
 * checks at any time and works whenever its caller's own loop gives it a turn.
 *
 * Every check ends through one function with one reason. A check is up to 1 + retries
 * attempts; an attempt that ends in a reason that may pass (a timeout, a reset) is
 * repeated after exponential backoff with full jitter; one that cannot change by itself
 * (authentication, a blocked answer) is not.
 *
 * What comes from a proxy is bounded, in bytes as well as in time: no redirect is
 * followed; at most 64 KB of an answer's body are read (1 MB where a text is looked for),
 * at most 64 KB of headers, and in all, with whatever stands around and between these,
 * about twice as many bytes; about 128 KB before the request is sent. Certificates are
 * verified, the proxy's own too. Nothing of the environment counts, NO_PROXY least of
 * all.
 *
 * Running out of descriptors, ports or memory says nothing about a proxy, nor does a
 * socket that the system does not watch: such checks end as inconclusive, and fewer run
 * at once for a minute or more. That a proxy's name does
 * not resolve is reported when it has been asked whether any name server answers.
 *
 * Not promised: the order of results.
 */
#ifndef POOL_PROBE_ENGINE_H
#define POOL_PROBE_ENGINE_H

#include "config/model.h"
#include "config/url.h"
#include "health/reason.h"

struct epoll_event;

/* Between two attempts of a check there is at most so long. */
enum { POOL_ENGINE_BACKOFF_S = 2 };

/* One check to make. All pointers are borrowed until it has ended. */
struct pool_probe {
	const struct pool_login
		*login;      /* the proxy; NULL: ask directly (the control request) */
	const char *url;     /* what to ask for; NULL for tcp and ping */
	const char *request; /* "GET", "HEAD", ... */
	const char *headers; /* "Name: value\n" lines, or NULL */
	const char *body;    /* text that the answer must contain, or NULL */
	const struct pool_status_set *expect;
	const struct pool_status_set *cooling;
	const struct pool_status_set *blocked;
	enum pool_method method;
	int32_t timeout_ms; /* an attempt's */
	int32_t retries;
};

struct pool_probe_result {
	enum pool_reason reason;
	int32_t status;        /* of the target's answer, 0 without one */
	int32_t retry_after_s; /* -1: not given; seconds, also from an HTTP date */
	int32_t attempts;
	int64_t latency_us;    /* of the last attempt: to connect (tcp), to the answer
				  (http), the    echo (ping) */
	int64_t began_boot_ns; /* start of the first attempt, CLOCK_BOOTTIME */
	char detail[96];       /* more about it, safe to show, no secret; or "" */
};

struct pool_engine_options {
	size_t concurrency;  /* checks in flight, at least 1; lowered to what descriptors
				allow */
	bool resolves_names; /* some checks ask the resolver: each takes more
				descriptors */
	bool keeps_names;    /* one that was resolved stays so, as in a run; else each
				attempt asks anew */
	int64_t deadline_ms; /* from the start: no attempt is put off beyond it; 0: none.
				Of a run: what is unfinished then ends as its last attempt
				did, or as RUN_DEADLINE if that had not ended */
	double target_rate;  /* requests a second to one target host; 0: unbounded */
	uint64_t seed;       /* of the jitter */
	const char *ca_file; /* NULL: the system's */
	/* Called as each check ends; <index> is what it was added with, or counts the
	 * probes of a run. <result> is borrowed for the call. */
	void (*done)(void *context, size_t index, const struct pool_probe_result *result);
	/* Of a run: asked a few times a second; true ends it at once. May be NULL. */
	bool (*stop)(void *context);
	void *context;
	/* What stands for epoll_ctl() in a test, or NULL. */
	int (*control)(int epoll, int operation, int fd, struct epoll_event *event);
};

struct pool_engine_report {
	size_t concurrency;   /* what it really was */
	size_t local_trouble; /* checks that ended for want of descriptors, routes, memory
			       */
};

struct pool_engine;

/*
 * An engine without checks. Raises the soft limit of descriptors to the hard one. SIGPIPE
 * must be ignored by the caller.
 *
 * <options>  copied; ca_file is borrowed until the engine is freed
 *
 * Returns 0, or POOL_ESYSTEM, POOL_ENOMEM.
 */
int pool_engine_new(struct pool_engine **out, const struct pool_engine_options *options,
	struct pool_fault *fault);
/* What is unfinished is dropped, and nobody is told. Accepts NULL. */
void pool_engine_free(struct pool_engine *engine);

/*
 * Make this check as soon as there is room and its target's pace allows it.
 *
 * <probe>  all it points to is borrowed until done() is called for it
 *
 * Returns 0 or POOL_ENOMEM.
 */
int pool_engine_add(
	struct pool_engine *engine, const struct pool_probe *probe, size_t index);

/*
 * Wait for the first event, at most <wait_ms>, and do what is due; done() is called from
 * here, and may add checks.
 */
void pool_engine_turn(struct pool_engine *engine, int64_t wait_ms);

/* A descriptor, readable when a turn has something to do: for an epoll of the caller's.
 */
int pool_engine_descriptor(const struct pool_engine *engine);
/* When a turn is wanted in any case, CLOCK_BOOTTIME; INT64_MAX: not before an event. */
int64_t pool_engine_due_ns(const struct pool_engine *engine);

/* How many checks have not ended. */
size_t pool_engine_left(const struct pool_engine *engine);
/* The checks in flight at most, and how often there was local trouble, so far. */
struct pool_engine_report pool_engine_report(const struct pool_engine *engine);

/* End what is unfinished, as a deadline does: but for names, whose reason is still asked
 * for; a few more turns end those. */
void pool_engine_abandon(struct pool_engine *engine);

/*
 * Run <count> checks to their end.
 *
 * Returns 0, or POOL_ESYSTEM, POOL_ENOMEM if nothing could be run at all.
 * Blocks: up to deadline_ms and a little.
 */
int pool_engine_run(const struct pool_probe *probes, size_t count,
	const struct pool_engine_options *options, struct pool_engine_report *report,
	struct pool_fault *fault);

/* A check method: what a row of health_check.method means. Whether it asks a target is
 * the model's to say: pool_method_asks(). */
struct pool_method_row {
	const char *name;
	const char *summary;
	enum pool_layer good_layer; /* how far an ok proves that the proxy works */
};
const struct pool_method_row *pool_method_get(enum pool_method method);

/* "libcurl/7.88.1 OpenSSL/3.0.19 ..." for --version. */
const char *pool_engine_version(void);

#endif
