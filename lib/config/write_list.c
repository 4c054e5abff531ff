/* A plain list, and proxychains.conf: one list of proxies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "config/url.h"
#include "config/write_inner.h"

/* --- which proxies ---------------------------------------------------------------- */

/* URLs that were written already: their hashes. */
struct seen {
	uint64_t *slots;
	size_t mask;
};

static bool seen_init(struct seen *seen, const struct pool_settings *settings)
{
	size_t count = 0, room = 16;

	for (uint32_t i = 0; i < settings->leaf_count; i++)
		count += settings->leaves[i].member_count;
	while (room < 2 * count)
		room *= 2;
	seen->slots = calloc(room, sizeof(*seen->slots));
	seen->mask = room - 1;
	return seen->slots != NULL;
}

/* Whether <text> is new; it is not the next time. */
static bool is_new(struct seen *seen, const char *text)
{
	uint64_t hash = pool_hash_64(NULL, text, strlen(text)) | 1;
	size_t slot = hash & seen->mask;

	while (seen->slots[slot] && seen->slots[slot] != hash)
		slot = (slot + 1) & seen->mask;
	if (seen->slots[slot])
		return false;
	seen->slots[slot] = hash;
	return true;
}

/* What the options ask for: the leaf of one lookup, POOL_NO_LEAF if it leads nowhere. */
static uint32_t find_lookup(const struct pool_write *write)
{
	const struct pool_format_options *options = write->options;
	struct pool_lookup lookup;
	struct pool_settings all = *write->settings;

	/* What is switched off has proxies nevertheless. */
	all.enabled = true;
	pool_settings_resolve(&all, options->exchange,
		options->type < 0 ? POOL_TYPE_HTTP : (enum pool_type)options->type,
		&lookup);
	return lookup.leaf;
}

static bool wants_one(const struct pool_write *write)
{
	return write->options->exchange || write->options->type >= 0;
}

typedef void (*member_writer)(
	struct pool_write *write, const struct pool_leaf *leaf, uint32_t member);

static void write_members(struct pool_write *write, uint32_t index, struct seen *seen,
	member_writer write_member)
{
	const struct pool_leaf *leaf = &write->settings->leaves[index];

	pool_write_lose_leaf(write, leaf);
	for (uint32_t i = 0; i < leaf->member_count; i++)
		if (is_new(seen, leaf->members[i].url))
			write_member(write, leaf, i);
	if (leaf->kind == POOL_LEAF_EMPTY)
		pool_write_lose(write, "%s: leads to no proxy", leaf->where);
}

/* A list does not say whose proxies they are. */
static void lose_places(struct pool_write *write)
{
	const struct pool_settings *settings = write->settings;
	const bool simple = !settings->exchange_count &&
		settings->default_leaf[0] == settings->default_leaf[1];

	if (!settings->enabled)
		pool_write_lose(write, "enabled: false");
	if (wants_one(write) || simple)
		return;
	for (uint32_t i = pool_write_next_leaf(settings, POOL_NO_LEAF); i != POOL_NO_LEAF;
		i = pool_write_next_leaf(settings, i))
		pool_write_lose(write, "%s: that its proxies are for these lookups only",
			settings->leaves[i].where);
}

static void write_all(struct pool_write *write, member_writer write_member)
{
	const struct pool_settings *settings = write->settings;
	struct seen seen = {0};
	uint32_t one;

	lose_places(write);
	if (!seen_init(&seen, settings)) {
		write->out->broken = true;
		return;
	}
	one = wants_one(write) ? find_lookup(write) : POOL_NO_LEAF;
	if (one != POOL_NO_LEAF)
		write_members(write, one, &seen, write_member);
	for (uint32_t i = POOL_NO_LEAF; !wants_one(write) &&
		(i = pool_write_next_leaf(settings, i)) != POOL_NO_LEAF;)
		write_members(write, i, &seen, write_member);
	free(seen.slots);
}

/* ${NAME} is ours. */
static void lose_variables(
	struct pool_write *write, const struct pool_leaf *leaf, uint32_t member)
{
	if (strstr(leaf->members[member].url, "${"))
		pool_write_lose(write,
			"%s.pool.proxies[%u].url: that ${NAME} is filled in", leaf->where,
			member);
}

/* --- a plain list ----------------------------------------------------------------- */

static void write_url(
	struct pool_write *write, const struct pool_leaf *leaf, uint32_t member)
{
	lose_variables(write, leaf, member);
	pool_text_addf(write->out, "%s%s\n", leaf->members[member].enabled ? "" : "# ",
		leaf->members[member].url);
}

void pool_write_list(struct pool_write *write)
{
	write_all(write, write_url);
}

/* --- proxychains.conf ------------------------------------------------------------- */

/* A user or password as a word of a line; false: it cannot be one. */
static bool add_word(struct pool_text *line, struct pool_slice slice)
{
	pool_text_add(line, " ");
	for (size_t i = 0; i < slice.length; i++) {
		int code = pool_url_percent_byte(slice.bytes + i, slice.length - i);
		char byte = code < 0 ? slice.bytes[i] : (char)code;

		if (strchr(" \t\n\v\f\r", byte))
			return false;
		pool_text_add_bytes(line, &byte, 1);
		i += code < 0 ? 0 : 2;
	}
	return true;
}

/* Why it cannot be a line of proxychains.conf, or NULL: then <line> is it. */
static const char *make_line(const struct pool_member *member, struct pool_text *line)
{
	struct pool_url url;
	char host[320];

	if (pool_url_parse(member->url, strlen(member->url), &url, NULL) != POOL_URL_OK)
		return "it cannot be read";
	if (url.scheme == POOL_SCHEME_HTTPS)
		return "https";
	if (!url.user.length && url.password.length)
		return "a password without a user";
	pool_url_host(&url, host, sizeof(host));
	pool_text_addf(line, "%s %s %u",
		url.scheme == POOL_SCHEME_HTTP ? "http"
			: url.scheme == POOL_SCHEME_SOCKS4 ||
				url.scheme == POOL_SCHEME_SOCKS4A
			? "socks4"
			: "socks5",
		host, (unsigned)url.port);
	if (url.user.length && !add_word(line, url.user))
		return "a user with a blank";
	if (url.password.length && !add_word(line, url.password))
		return "a password with a blank";
	return NULL;
}

static void write_line(
	struct pool_write *write, const struct pool_leaf *leaf, uint32_t member)
{
	const struct pool_member *one = &leaf->members[member];
	struct pool_text line = POOL_TEXT_SECRET;
	const char *wrong = make_line(one, &line);

	lose_variables(write, leaf, member);
	if (wrong)
		pool_write_lose(
			write, "%s.pool.proxies[%u].url: %s", leaf->where, member, wrong);
	pool_text_addf(write->out, "%s%s\n", wrong || !one->enabled ? "# " : "",
		wrong || !line.bytes ? one->url : line.bytes);
	write->out->broken |= line.broken;
	pool_text_release(&line);
}

/* The strategy of the list, and how many there are. */
static void look_at(const struct pool_write *write, uint32_t *proxies, uint8_t *strategy,
	bool *remote, bool *local)
{
	const struct pool_settings *settings = write->settings;
	uint32_t one = wants_one(write) ? find_lookup(write) : POOL_NO_LEAF;

	*proxies = 0;
	*strategy = POOL_STRATEGY_ROUND_ROBIN;
	*remote = *local = false;
	for (uint32_t i = POOL_NO_LEAF;
		(i = pool_write_next_leaf(settings, i)) != POOL_NO_LEAF;) {
		const struct pool_leaf *leaf = &settings->leaves[i];

		if (wants_one(write) && i != one)
			continue;
		if (leaf->policy.strategy != POOL_STRATEGY_ROUND_ROBIN)
			*strategy = POOL_STRATEGY_RANDOM;
		*proxies += leaf->member_count;
		for (uint32_t j = 0; j < leaf->member_count; j++) {
			const char *url = leaf->members[j].url;

			*remote |= strncasecmp(url, "socks5h:", 8) == 0 ||
				strncasecmp(url, "socks4a:", 8) == 0;
			*local |= strncasecmp(url, "socks5:", 7) == 0 ||
				strncasecmp(url, "socks4:", 7) == 0;
		}
	}
}

void pool_write_proxychains(struct pool_write *write)
{
	uint32_t proxies;
	uint8_t strategy;
	bool remote, local;

	look_at(write, &proxies, &strategy, &remote, &local);
	if (proxies < 2)
		pool_text_add(write->out, "strict_chain\n");
	else
		pool_text_addf(write->out, "%s_chain\nchain_len = 1\n",
			strategy == POOL_STRATEGY_RANDOM ? "random" : "round_robin");
	if (remote && local)
		pool_write_lose(write,
			"which proxies look names up (socks5h, socks4a) and which do "
			"not (socks5, socks4)");
	if (remote)
		pool_text_add(write->out, "proxy_dns\n");
	pool_text_add(write->out, "[ProxyList]\n");
	write_all(write, write_line);
}
