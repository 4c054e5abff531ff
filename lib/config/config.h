/*
 * Reading a pool file: text to settings and diagnostics.
 *
 *	struct pool_source source;
 *	pool_source_read(&source, "pool.json", &fault);
 *	pool_config_read(&settings, &diagnostics, &source, &fault);
 *
 * The text is scanned strictly (RFC 8259; no duplicate key, no NUL, no lone surrogate,
 * depth at most 64), every fault is collected, and only a text without errors becomes
 * settings.
 */
#ifndef POOL_CONFIG_CONFIG_H
#define POOL_CONFIG_CONFIG_H

#include <sys/stat.h>
#include "base/trust.h"
#include "config/diagnostic.h"
#include "config/model.h"

/* A pool file larger than this is refused unread. */
#define POOL_SOURCE_MAX (64u << 20)

enum pool_input {
	POOL_INPUT_AUTO, /* YAML by the extension .yaml or .yml, else JSON */
	POOL_INPUT_JSON,
	POOL_INPUT_YAML,
	POOL_INPUT_LIST, /* a proxy a line: URL, host:port, host:port:user:password */
	POOL_INPUT_PROXYCHAINS, /* proxychains.conf */
	POOL_INPUTS
};

/* The text of a pool file. */
struct pool_source {
	char *bytes; /* <length> bytes and a NUL behind them; may hold NULs */
	size_t length;
	char *path;      /* as given; "-" for standard input */
	char *directory; /* absolute, where password_file starts from; NULL for standard
			    input */
	enum pool_input input;
	const char *scheme;      /* of the lines of a list that have none; NULL: http */
	struct stat status;      /* of the opened file, before it was read */
	bool regular;            /* a regular file: can have a snapshot */
	struct pool_trust trust; /* who could have changed it; of a regular file that
				    has a name */
};

/*
 * Read <path>, or standard input for "-".
 *
 * Returns 0, or: POOL_ENOFILE  missing, unreadable, a directory, larger than
 * POOL_SOURCE_MAX POOL_ESYSTEM, POOL_ENOMEM
 */
int pool_source_read(
	struct pool_source *source, const char *path, struct pool_fault *fault);
void pool_source_release(struct pool_source *source);

/*
 * Judge <source>.
 *
 * <settings>     the normal form; written only when there is no error. Release it.
 * <diagnostics>  all errors and warnings; start it zeroed; release it in any case.
 *
 * Returns 0, or: POOL_EINVALID  <diagnostics> has errors; <fault> has the first
 *                POOL_ENOMEM
 */
int pool_config_read(struct pool_settings *settings, struct pool_diagnostics *diagnostics,
	const struct pool_source *source, struct pool_fault *fault);

/*
 * The normal form as JSON text, two blanks an indent, a newline at its end, free() it.
 *
 * <secrets>  false: user names and passwords are shown as ***
 *
 * NULL when out of memory. Reading the text again (with secrets) gives the same settings,
 * but that the one pool of the short form is then two of equal content, with records of
 * their own.
 */
char *pool_config_print(const struct pool_settings *settings, bool secrets);

/* The shortest form that says the same, credentials and all; free() it, NULL when out of
 * memory. Read again it gives the same settings. */
char *pool_config_print_brief(const struct pool_settings *settings);

/* In one line: the pool of a leaf, the connections of an exchange. */
char *pool_leaf_print(const struct pool_leaf *leaf);
char *pool_exchange_print(
	const struct pool_settings *settings, const uint32_t leaves[POOL_TYPES]);

#endif
