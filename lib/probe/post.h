/*
 * A POST by libcurl: what a webhook is made of.
 *
 *	pool_poster_check_url(url)         at the start
 *	pool_poster_new(&poster, &options, &fault);
 *	pool_poster_send(poster, body, length);
 *	while (!pool_poster_turn(poster, wall_s, &result))
 *		wait until pool_poster_descriptor() is readable, or pool_poster_due_ns()
 *	pool_poster_free(poster);
 *
 * One request at a time. Certificates are verified, no redirect is followed, no proxy is
 * used: nothing of the environment counts. Of an answer only status and Retry-After are
 * looked at; 64 KB of headers and of body are read at most, and 256 KB in all.
 *
 * The URL is a secret: it may hold a token or a password. Of it, nothing but
 * "scheme://host" is ever shown.
 */
#ifndef POOL_PROBE_POST_H
#define POOL_PROBE_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "pool.h"

enum { POOL_POST_TIMEOUT_MS = 10000 };

struct pool_poster_options {
	const char *url;     /* copied, and wiped at the end */
	const char *ca_file; /* NULL: the system's; borrowed until the poster is freed */
	int64_t timeout_ms;  /* of a request; 0: the above */
};

struct pool_post_result {
	bool ok;               /* the status was 2xx */
	int32_t status;        /* 0: no answer */
	int32_t retry_after_s; /* -1: not given */
	char why[128];         /* it failed; safe to show; "" if ok */
};

struct pool_poster;

/* NULL, or why <url> cannot be posted to, in words that do not repeat it. */
const char *pool_poster_check_url(const char *url);
/* "https://hooks.example.com", or "***" for one that cannot be posted to. */
void pool_poster_show_url(const char *url, char *out, size_t size);

/*
 * SIGPIPE must be ignored by the caller.
 *
 * Returns 0, or: POOL_EARGUMENT  the URL cannot be posted to
 *                POOL_ENOMEM, POOL_ESYSTEM
 */
int pool_poster_new(struct pool_poster **out, const struct pool_poster_options *options,
	struct pool_fault *fault);
/* Gives up what is under way. Accepts NULL. */
void pool_poster_free(struct pool_poster *poster);

/*
 * Begin to send <length> bytes of JSON, which are copied. The one before must have ended.
 *
 * Returns 0, or POOL_ENOMEM.
 */
int pool_poster_send(struct pool_poster *poster, const char *body, size_t length);

/* Do what is due; never blocks. True: the request has ended, as <result> says. */
bool pool_poster_turn(
	struct pool_poster *poster, int64_t wall_s, struct pool_post_result *result);

/* Readable when a turn has something to do: for an epoll of the caller's. */
int pool_poster_descriptor(const struct pool_poster *poster);
/* When a turn is wanted in any case, CLOCK_BOOTTIME; INT64_MAX: not before an event. */
int64_t pool_poster_due_ns(const struct pool_poster *poster);

#endif
