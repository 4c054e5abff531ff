/*
 * The receiver behind --webhook: a batch as JSON, POSTed to a URL.
 */
#ifndef POOL_WATCH_WEBHOOK_H
#define POOL_WATCH_WEBHOOK_H

#include "pool.h"
#include "watch/receiver.h"

struct pool_webhook_options {
	const char *url;     /* a secret; judge it with pool_poster_check_url() */
	const char *ca_file; /* NULL: the system's; borrowed */
	const char *file;    /* the pool file, as it is shown; borrowed */
	int64_t timeout_ms;  /* of an attempt; 0: 10 seconds */
};

/*
 * Returns 0, or POOL_EARGUMENT, POOL_ENOMEM, POOL_ESYSTEM. SIGPIPE must be ignored by the
 * caller.
 */
int pool_webhook_new(struct pool_receiver *out,
	const struct pool_webhook_options *options, struct pool_fault *fault);

/*
 * {"source": "proxypool", "host": ..., "file": ..., "text": ..., "events": [...]}: text
 * has one line an event, for chat systems; "more" says how many found no room.
 */
void pool_webhook_add_body(const struct pool_batch *batch, const char *host,
	const char *file, struct pool_text *text);

#endif
