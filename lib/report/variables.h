/*
 * Environment variables that lead a client through a proxy, or elsewhere: one table for
 * the formats env and export and for pool-exec.
 *
 * Each variable that a client is known to take its proxy from gets a value of ours; those
 * that would lead past it are emptied or unset. What clients read from files of their own
 * is overridden here as far as a variable can do that (npm, pip, cargo, git).
 */
#ifndef POOL_REPORT_VARIABLES_H
#define POOL_REPORT_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>
#include "base/text.h"

/* What a variable is set to. */
enum pool_variable_kind {
	POOL_VARIABLE_URL,
	/* The URL; but a CGI program takes it for a header "Proxy:" of its client
	 * (httpoxy), and there it is unset. */
	POOL_VARIABLE_URL_UNLESS_CGI,
	POOL_VARIABLE_RSYNC,  /* [user:password@]host:port of an http proxy */
	POOL_VARIABLE_NODE,   /* 1 if node's own fetch can use the proxy, else unset */
	POOL_VARIABLE_BYPASS, /* hosts that are asked without a proxy: none */
	/* Likewise, of a client that takes an empty value for none given: a host that
	 * does not exist. */
	POOL_VARIABLE_BYPASS_NOBODY,
	POOL_VARIABLE_UNSET, /* leads elsewhere; an empty value is as good */
	/* Leads elsewhere, and so does an empty value: env, which cannot unset it, leaves
	 * it alone. */
	POOL_VARIABLE_UNSET_ONLY,
	POOL_VARIABLE_NAME,
	POOL_VARIABLE_LEASE,
	POOL_VARIABLE_GIT, /* GIT_CONFIG_COUNT, and the entry that is counted last */
};

struct pool_variable {
	const char *name;
	enum pool_variable_kind kind;
};

/* The rows, <count> of them. */
const struct pool_variable *pool_variables_get(size_t *count);

/* The row for a line "NAME=VALUE" (or a bare name), or NULL. */
const struct pool_variable *pool_variables_find(const char *line);

/* Whether it names hosts that are asked without a proxy. */
bool pool_variable_is_bypass(const struct pool_variable *variable);

/* What the environment of the caller tells. */
struct pool_variables_caller {
	bool is_cgi;       /* as REQUEST_METHOD or GATEWAY_INTERFACE show */
	unsigned git_kept; /* entries of GIT_CONFIG_COUNT that stand before ours */
};

/* Read it. <lookup> gives the value of a variable, or NULL. */
struct pool_variables_caller pool_variables_look(
	const char *(*lookup)(void *context, const char *name), void *context);

/* What the values are made of. */
struct pool_variables_proxy {
	const char *url;    /* begins with the scheme, in any case */
	const char *scheme; /* in lower case */
	const char *hostport;
	const char *user;     /* decoded; "" where there is none */
	const char *password; /* likewise */
	const char *name;
	const char *lease;
};

/* Append lines NAME=VALUE, as env(1) and execve() take them. */
void pool_variables_add_env(struct pool_text *out,
	const struct pool_variables_proxy *proxy,
	const struct pool_variables_caller *caller);

/* Append lines for a shell's eval: export and unset. */
void pool_variables_add_export(struct pool_text *out,
	const struct pool_variables_proxy *proxy,
	const struct pool_variables_caller *caller);

#endif
