/* Rates of requests, by target host. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/hash.h"
#include "probe/rate.h"

struct host_key {
	uint64_t key;
	uint32_t index;
};

/* A number for the host of <url>, without regard to case. Ports of one host are one host.
 */
static uint64_t hash_host(const char *url)
{
	const char *host = strstr(url, "://");
	char lower[256];
	size_t length, i;

	host = host ? host + 3 : url;
	length = strcspn(host, "/?#");
	for (i = length; i > 0 && host[i - 1] != '@'; i--)
		continue;
	host += i;
	length -= i;
	for (i = 0; i < length && i < sizeof(lower); i++) {
		if (host[i] == ':' && host[0] != '[')
			break;
		lower[i] = (char)tolower((unsigned char)host[i]);
		if (host[i] == ']')
			break;
	}
	return pool_hash_64(NULL, lower, i);
}

static int compare(const void *left, const void *right)
{
	const struct host_key *a = left, *b = right;

	return a->key < b->key ? -1 : a->key > b->key;
}

int pool_rate_init(struct pool_rate *rate, const struct pool_probe *probes, size_t count,
	double per_second)
{
	struct host_key *keys = NULL;
	uint32_t host = 0;

	*rate = (struct pool_rate){0};
	if (!(per_second > 0) || !count)
		return 0;
	keys = calloc(count, sizeof(*keys));
	rate->host_of = calloc(count, sizeof(*rate->host_of));
	rate->next_ns = calloc(count, sizeof(*rate->next_ns));
	if (!keys || !rate->host_of || !rate->next_ns) {
		free(keys);
		pool_rate_release(rate);
		return POOL_ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		keys[i].key = probes[i].url ? hash_host(probes[i].url) : 0;
		keys[i].index = (uint32_t)i;
	}
	qsort(keys, count, sizeof(*keys), compare);
	for (size_t i = 0; i < count; i++) {
		host += i > 0 && keys[i].key != keys[i - 1].key;
		rate->host_of[keys[i].index] =
			probes[keys[i].index].url ? host : UINT32_MAX;
	}
	free(keys);
	rate->gap_ns = (int64_t)((double)POOL_NS_PER_S /
		(per_second > 1e-6 ? per_second : 1e-6));
	return 0;
}

int64_t pool_rate_book(struct pool_rate *rate, size_t index, int64_t now_ns)
{
	int64_t *next;
	int64_t at;

	if (!rate->gap_ns || rate->host_of[index] == UINT32_MAX)
		return now_ns;
	next = &rate->next_ns[rate->host_of[index]];
	at = *next > now_ns ? *next : now_ns;
	*next = at + rate->gap_ns;
	return at;
}

void pool_rate_release(struct pool_rate *rate)
{
	free(rate->host_of);
	free(rate->next_ns);
	*rate = (struct pool_rate){0};
}
