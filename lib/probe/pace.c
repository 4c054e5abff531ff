/* The pace of requests, by target host. */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/hash.h"
#include "probe/pace.h"

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
	return pool_hash_64(NULL, lower, i) | 1;
}

void pool_pace_init(struct pool_pace *pace, double per_second)
{
	*pace = (struct pool_pace){0};
	if (per_second > 0)
		pace->gap_ns = (int64_t)((double)POOL_NS_PER_S /
			(per_second > 1e-6 ? per_second : 1e-6));
}

/* The place of <key>, free if it has none yet. */
static struct pool_pace_host *find(
	struct pool_pace_host *hosts, size_t room, uint64_t key)
{
	size_t at = (size_t)(key >> 1) & (room - 1);

	while (hosts[at].key && hosts[at].key != key)
		at = (at + 1) & (room - 1);
	return &hosts[at];
}

/* Make room, and forget hosts that may be asked again at once. */
static bool grow(struct pool_pace *pace, int64_t now_ns)
{
	size_t busy = 0, room = 16;
	struct pool_pace_host *hosts;

	for (size_t i = 0; i < pace->room; i++)
		busy += pace->hosts[i].key && pace->hosts[i].next_ns > now_ns;
	while (room < 4 * (busy + 1))
		room *= 2;
	hosts = calloc(room, sizeof(*hosts));
	if (!hosts)
		return false;
	for (size_t i = 0; i < pace->room; i++)
		if (pace->hosts[i].key && pace->hosts[i].next_ns > now_ns)
			*find(hosts, room, pace->hosts[i].key) = pace->hosts[i];
	free(pace->hosts);
	pace->hosts = hosts;
	pace->room = room;
	pace->count = busy;
	return true;
}

int64_t pool_pace_book(struct pool_pace *pace, const char *url, int64_t now_ns)
{
	struct pool_pace_host *host;
	uint64_t key;
	int64_t at;

	if (!pace->gap_ns || !url)
		return now_ns;
	if (2 * (pace->count + 1) > pace->room && !grow(pace, now_ns))
		return now_ns;
	key = hash_host(url);
	host = find(pace->hosts, pace->room, key);
	pace->count += !host->key;
	host->key = key;
	at = host->next_ns > now_ns ? host->next_ns : now_ns;
	host->next_ns = at > INT64_MAX - pace->gap_ns ? INT64_MAX : at + pace->gap_ns;
	return at;
}

void pool_pace_release(struct pool_pace *pace)
{
	free(pace->hosts);
	*pace = (struct pool_pace){0};
}
