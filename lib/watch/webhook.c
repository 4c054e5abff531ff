/* Batches as JSON to a URL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "probe/post.h"
#include "watch/webhook.h"

struct webhook {
	struct pool_poster *poster;
	const char *file;
	char host[256];
};

static void add_member(struct pool_text *text, const char *name, const char *value)
{
	pool_text_addf(text, ",\"%s\":", name);
	pool_text_add_json(text, value, strlen(value));
}

/* A line in the string of all lines: escaped like a string, but without quotes. */
static void add_line(struct pool_text *text, const struct pool_event *event)
{
	struct pool_text line = POOL_TEXT_EMPTY, quoted = POOL_TEXT_EMPTY;

	pool_event_add_text(event, &line);
	if (line.length)
		pool_text_add_json(&quoted, line.bytes, line.length - 1);
	text->broken |= line.broken || quoted.broken;
	if (!text->broken && quoted.length > 2)
		pool_text_add_bytes(text, quoted.bytes + 1, quoted.length - 2);
	pool_text_release(&line);
	pool_text_release(&quoted);
}

void pool_webhook_add_body(const struct pool_batch *batch, const char *host,
	const char *file, struct pool_text *text)
{
	pool_text_add(text, "{\"source\":\"proxypool\"");
	add_member(text, "host", host);
	add_member(text, "file", file);
	pool_text_add(text, ",\"text\":\"");
	for (size_t i = 0; i < batch->count; i++) {
		pool_text_add(text, i ? "\\n" : "");
		add_line(text, &batch->events[i]);
	}
	if (batch->more)
		pool_text_addf(text, "\\nand %llu more", (unsigned long long)batch->more);
	pool_text_add(text, "\",\"events\":[");
	for (size_t i = 0; i < batch->count; i++) {
		pool_text_add(text, i ? "," : "");
		pool_event_add_json(&batch->events[i], text);
	}
	pool_text_add(text, "]");
	if (batch->more)
		pool_text_addf(text, ",\"more\":%llu", (unsigned long long)batch->more);
	pool_text_add(text, "}");
}

static bool begin(void *self, const struct pool_batch *batch, const struct pool_now *now,
	struct pool_attempt *attempt)
{
	struct webhook *webhook = self;
	struct pool_text body = POOL_TEXT_EMPTY;
	int error = POOL_ENOMEM;

	(void)now;
	pool_webhook_add_body(batch, webhook->host, webhook->file, &body);
	if (!body.broken)
		error = pool_poster_send(webhook->poster, body.bytes, body.length);
	pool_text_release(&body);
	if (error)
		snprintf(attempt->why, sizeof(attempt->why), "%s",
			pool_error_get(error)->sentence);
	return !error;
}

static bool turn(void *self, const struct pool_now *now, struct pool_attempt *attempt)
{
	struct webhook *webhook = self;
	struct pool_post_result result;

	if (!pool_poster_turn(webhook->poster, now->wall_s, &result))
		return false;
	attempt->ok = result.ok;
	attempt->retry_after_s = result.retry_after_s;
	snprintf(attempt->why, sizeof(attempt->why), "%s", result.why);
	return true;
}

static int64_t due_ns(const void *self)
{
	return pool_poster_due_ns(((const struct webhook *)self)->poster);
}

static void end(void *self)
{
	struct webhook *webhook = self;

	pool_poster_free(webhook->poster);
	free(webhook);
}

int pool_webhook_new(struct pool_receiver *out,
	const struct pool_webhook_options *options, struct pool_fault *fault)
{
	const struct pool_poster_options poster = {.url = options->url,
		.ca_file = options->ca_file,
		.timeout_ms = options->timeout_ms};
	struct webhook *webhook = calloc(1, sizeof(*webhook));
	int error;

	if (!webhook)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	webhook->file = options->file;
	if (gethostname(webhook->host, sizeof(webhook->host) - 1) != 0)
		webhook->host[0] = '\0';
	error = pool_poster_new(&webhook->poster, &poster, fault);
	if (error) {
		free(webhook);
		return error;
	}
	*out = (struct pool_receiver){.name = "webhook",
		.descriptor = pool_poster_descriptor(webhook->poster),
		.self = webhook,
		.begin = begin,
		.turn = turn,
		.due_ns = due_ns,
		.free = end};
	pool_poster_show_url(options->url, out->label, sizeof(out->label));
	return 0;
}
