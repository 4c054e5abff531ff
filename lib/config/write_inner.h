/*
 * Inside of config/: what the writers of formats share.
 */
#ifndef POOL_CONFIG_WRITE_INNER_H
#define POOL_CONFIG_WRITE_INNER_H

#include "config/convert.h"
#include "config/schema.h"

/* A format while it is written. */
struct pool_write {
	const struct pool_settings *settings;
	const struct pool_format_options *options;
	struct pool_text *out;
	struct pool_text *losses;
	/* Can it say that a key has this value? */
	bool (*says)(const struct pool_key *key, const void *base);
};

/* Note that something is lost; a line. */
void pool_write_lose(struct pool_write *write, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* All that <write> cannot say of a leaf, by its keys. */
void pool_write_lose_leaf(struct pool_write *write, const struct pool_leaf *leaf);

/* The leaves that lookups lead to, each once: the default's, then by exchange. Returns
 * the next behind <index>, POOL_NO_LEAF to begin and at the end. */
uint32_t pool_write_next_leaf(const struct pool_settings *settings, uint32_t index);

void pool_write_cryptofeed(struct pool_write *write);
void pool_write_env(struct pool_write *write);
void pool_write_list(struct pool_write *write);
void pool_write_proxychains(struct pool_write *write);

#endif
