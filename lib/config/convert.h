/*
 * Settings in the formats of others: what each can say, and what it cannot.
 *
 *	struct pool_text out = POOL_TEXT_SECRET, losses = POOL_TEXT_EMPTY;
 *	pool_format_write(POOL_FORMAT_LIST, &settings, &options, &out, &losses);
 *
 * What is written holds credentials as the settings have them; what is told of losses
 * never does.
 */
#ifndef POOL_CONFIG_CONVERT_H
#define POOL_CONFIG_CONVERT_H

#include "base/text.h"
#include "config/config.h"

enum pool_format {
	POOL_FORMAT_POOL,
	POOL_FORMAT_CRYPTOFEED,
	POOL_FORMAT_ENV,
	POOL_FORMAT_LIST,
	POOL_FORMAT_PROXYCHAINS,
	POOL_FORMATS
};

struct pool_format_row {
	const char *name;    /* "proxychains" */
	const char *summary; /* for --help */
	const char *phrase;  /* "a plain list": where something cannot be said */
	bool one_list;       /* knows no exchanges and connection types */
};
const struct pool_format_row *pool_format_get(enum pool_format format);

/* Whether health_check can be said in it. */
bool pool_format_says_checks(enum pool_format format);

/* The format of a text, by its name, else by what stands in it. */
enum pool_format pool_format_find(const struct pool_source *source);

struct pool_format_options {
	const char *exchange; /* of a format of one list: whose proxies; with <type> -1
				 and NULL here those of all, each once */
	int type;             /* enum pool_type; -1: http if there is an <exchange> */
};

/*
 * Append <settings> to <out>, and to <losses> a line for each thing that the format
 * cannot say: where it stands, and what. Formats with comments have them there as well.
 * A health_check that is no more than a list is given by default is nothing to lose.
 */
void pool_format_write(enum pool_format format, const struct pool_settings *settings,
	const struct pool_format_options *options, struct pool_text *out,
	struct pool_text *losses);

/* The method of checks that a pool file made of a list of proxies asks for: whether a
 * proxy works is what its owner wants to know, not whether its port is open. */
enum { POOL_CONVERT_METHOD = POOL_METHOD_HTTP };

/* Have every pool checked by <method>. */
void pool_settings_check_by(struct pool_settings *settings, enum pool_method method);

/* Turn every single proxy into a pool of one: the same lookups, the same records. */
void pool_settings_migrate(struct pool_settings *settings);

/*
 * Append a line for each lookup that <after> answers otherwise than <before>: other
 * proxies, weights, order, strategy, url to fall back on, time limit, or none. A single
 * proxy and a pool of that one are the same. How many there are.
 */
size_t pool_settings_compare(const struct pool_settings *before,
	const struct pool_settings *after, struct pool_text *out);

/*
 * The lines NAME=VALUE of a text: as env(1) prints them, or with "export" before and
 * quotes around as a shell has them; comments.
 *
 * <variables>  strings, ended by NULL; free them by pool_variables_free()
 *
 * Returns 0, or: POOL_EINVALID  <diagnostics> says which line is none
 *                POOL_ENOMEM
 */
int pool_variables_read(char ***variables, const struct pool_source *source,
	struct pool_diagnostics *diagnostics);
void pool_variables_free(char **variables);

#endif
