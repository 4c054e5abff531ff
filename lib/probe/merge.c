/* Which checks are the same, and what they have in common. */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "probe/round.h"

static int compare_strings(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_sets(const struct pool_status_set *a, const struct pool_status_set *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return memcmp(a, b, sizeof(*a));
}

static int compare_hosts(const struct pool_probe *a, const struct pool_probe *b)
{
	int order = compare_strings(a->login->host, b->login->host);

	return order ? order : compare_numbers(a->login->port, b->login->port);
}

static int compare_logins(const struct pool_probe *a, const struct pool_probe *b)
{
	int order = compare_hosts(a, b);

	if (!order)
		order = compare_numbers(a->login->scheme, b->login->scheme);
	if (!order)
		order = compare_strings(a->login->user, b->login->user);
	return order ? order : compare_strings(a->login->password, b->login->password);
}

/* What is asked for, and what counts as a good answer. */
static int compare_questions(const struct pool_probe *a, const struct pool_probe *b)
{
	int order = compare_numbers(a->method, b->method);

	if (!order)
		order = compare_strings(a->url, b->url);
	if (!order)
		order = compare_strings(a->request, b->request);
	if (!order)
		order = compare_strings(a->headers, b->headers);
	if (!order)
		order = compare_strings(a->body, b->body);
	if (!order)
		order = compare_sets(a->expect, b->expect);
	if (!order)
		order = compare_sets(a->cooling, b->cooling);
	return order ? order : compare_sets(a->blocked, b->blocked);
}

int pool_probe_compare(const struct pool_probe *a, const struct pool_probe *b)
{
	int order = compare_logins(a, b);

	if (!order)
		order = compare_questions(a, b);
	if (!order)
		order = compare_numbers(a->timeout_ms, b->timeout_ms);
	return order ? order : compare_numbers(a->retries, b->retries);
}

/* --- as one number -------------------------------------------------------------- */

/* A part of what is hashed: its length first, so that no two lists look alike. */
static void add_part(struct pool_text *text, const void *bytes, size_t length)
{
	uint64_t size = bytes ? length : UINT64_MAX;

	pool_text_add_bytes(text, &size, sizeof(size));
	if (bytes)
		pool_text_add_bytes(text, bytes, length);
}

static void add_string(struct pool_text *text, const char *string)
{
	add_part(text, string, string ? strlen(string) : 0);
}

static void add_number(struct pool_text *text, int64_t number)
{
	add_part(text, &number, sizeof(number));
}

static void add_host(struct pool_text *text, const struct pool_probe *probe)
{
	add_string(text, probe->login->host);
	add_number(text, probe->login->port);
}

static void add_question(struct pool_text *text, const struct pool_probe *probe)
{
	add_number(text, probe->method);
	add_string(text, probe->url);
	add_string(text, probe->request);
	add_string(text, probe->headers);
	add_string(text, probe->body);
	add_part(text, probe->expect, sizeof(*probe->expect));
	add_part(text, probe->cooling, sizeof(*probe->cooling));
	add_part(text, probe->blocked, sizeof(*probe->blocked));
}

int pool_probe_keys_get(struct pool_probe_keys *keys, const struct pool_hash_key *salt,
	const struct pool_probe *probe)
{
	struct pool_text text = POOL_TEXT_SECRET;
	struct pool_probe_keys made = {0};
	bool broken;

	add_host(&text, probe);
	made.host = text.broken ? 0 : pool_hash_64(salt, text.bytes, text.length);
	text.length = 0;
	add_question(&text, probe);
	if (probe->url && !text.broken)
		made.target = pool_hash_64(salt, text.bytes, text.length) | 1;
	add_host(&text, probe);
	add_number(&text, probe->login->scheme);
	add_string(&text, probe->login->user);
	add_string(&text, probe->login->password);
	add_number(&text, probe->timeout_ms);
	add_number(&text, probe->retries);
	broken = text.broken;
	if (!broken)
		made.check = pool_hash_128(salt, text.bytes, text.length);
	pool_text_release(&text);
	if (broken)
		return POOL_ENOMEM;
	*keys = made;
	return 0;
}

/* --- sorted by one of these ----------------------------------------------------- */

typedef int compare_fn(const struct pool_probe *a, const struct pool_probe *b);

struct place {
	const struct pool_probe *probe;
	compare_fn *compare;
};

/* Equal ones by where they stand, so that the first of a run is the first of the list. */
static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	int order = a->compare(a->probe, b->probe);

	return order ? order : (a->probe > b->probe) - (a->probe < b->probe);
}

static struct place *sort(
	const struct pool_probe *probes, size_t count, compare_fn *compare)
{
	struct place *places = malloc((count + 1) * sizeof(*places));

	if (!places)
		return NULL;
	for (size_t i = 0; i < count; i++)
		places[i] = (struct place){&probes[i], compare};
	qsort(places, count, sizeof(*places), compare_places);
	return places;
}

int pool_probe_merge(const struct pool_probe *probes, size_t count, uint32_t *first)
{
	struct place *places = sort(probes, count, pool_probe_compare);
	size_t run = 0;

	if (!places)
		return POOL_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (pool_probe_compare(places[run].probe, places[i].probe) != 0)
			run = i;
		first[places[i].probe - probes] = (uint32_t)(places[run].probe - probes);
	}
	free(places);
	return 0;
}

static int number_hosts(
	const struct pool_probe *probes, size_t count, struct pool_verdict_item *items)
{
	struct place *places = sort(probes, count, compare_hosts);
	uint32_t host = 0;

	if (!places)
		return POOL_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		host += i && compare_hosts(places[i - 1].probe, places[i].probe) != 0;
		items[places[i].probe - probes].host = host;
	}
	free(places);
	return 0;
}

static int number_targets(const struct pool_probe *probes, size_t count,
	struct pool_verdict_item *items, uint32_t *targets)
{
	struct place *places = sort(probes, count, compare_questions);
	uint32_t target = 0;

	if (!places)
		return POOL_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct pool_verdict_item *item = &items[places[i].probe - probes];

		target +=
			i && compare_questions(places[i - 1].probe, places[i].probe) != 0;
		item->target = places[i].probe->url ? target : POOL_NO_TARGET;
	}
	*targets = count ? target + 1 : 0;
	free(places);
	return 0;
}

int pool_probe_number(const struct pool_probe *probes, size_t count,
	struct pool_verdict_item *items, uint32_t *targets)
{
	int error = number_hosts(probes, count, items);

	return error ? error : number_targets(probes, count, items, targets);
}
