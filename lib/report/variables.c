/* Environment variables that lead a client through a proxy, or elsewhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pool.h"
#include "report/variables.h"

/*
 * curl knows http_proxy in lower case only, global-agent and others know it in upper case
 * only. ws_proxy and wss_proxy are for clients that ask the system by scheme.
 * CGI_HTTP_PROXY is what perl and ruby read in a CGI program. For gRPC its own two come
 * before all others.
 *
 * Left alone: names that hold other settings too (JAVA_TOOL_OPTIONS, NODE_OPTIONS), and
 * those that name a program or a file (GIT_PROXY_COMMAND, CURL_HOME, WGETRC).
 */
static const struct pool_variable variables[] = {
	{"http_proxy", POOL_VARIABLE_URL},
	{"HTTP_PROXY", POOL_VARIABLE_URL_UNLESS_CGI},
	{"CGI_HTTP_PROXY", POOL_VARIABLE_URL},
	{"https_proxy", POOL_VARIABLE_URL},
	{"HTTPS_PROXY", POOL_VARIABLE_URL},
	{"all_proxy", POOL_VARIABLE_URL},
	{"ALL_PROXY", POOL_VARIABLE_URL},
	{"ws_proxy", POOL_VARIABLE_URL},
	{"WS_PROXY", POOL_VARIABLE_URL},
	{"wss_proxy", POOL_VARIABLE_URL},
	{"WSS_PROXY", POOL_VARIABLE_URL},
	{"ftp_proxy", POOL_VARIABLE_URL},
	{"FTP_PROXY", POOL_VARIABLE_URL},
	{"gopher_proxy", POOL_VARIABLE_URL},
	{"GOPHER_PROXY", POOL_VARIABLE_URL},
	{"socks_proxy", POOL_VARIABLE_URL},
	{"SOCKS_PROXY", POOL_VARIABLE_URL},
	{"grpc_proxy", POOL_VARIABLE_URL},
	{"RSYNC_PROXY", POOL_VARIABLE_RSYNC},
	{"NODE_USE_ENV_PROXY", POOL_VARIABLE_NODE},
	{"GLOBAL_AGENT_HTTP_PROXY", POOL_VARIABLE_URL},
	{"GLOBAL_AGENT_HTTPS_PROXY", POOL_VARIABLE_URL},
	{"npm_config_proxy", POOL_VARIABLE_URL},
	{"npm_config_https_proxy", POOL_VARIABLE_URL},
	{"PIP_PROXY", POOL_VARIABLE_URL},
	{"CARGO_HTTP_PROXY", POOL_VARIABLE_URL},
	{"GIT_CONFIG_COUNT", POOL_VARIABLE_GIT},
	{"no_proxy", POOL_VARIABLE_BYPASS},
	{"NO_PROXY", POOL_VARIABLE_BYPASS},
	{"no_grpc_proxy", POOL_VARIABLE_BYPASS},
	{"GLOBAL_AGENT_NO_PROXY", POOL_VARIABLE_BYPASS},
	{"npm_config_noproxy", POOL_VARIABLE_BYPASS_NOBODY},
	/* npm reads both cases, and the one that comes last counts. */
	{"NPM_CONFIG_PROXY", POOL_VARIABLE_UNSET},
	{"NPM_CONFIG_HTTPS_PROXY", POOL_VARIABLE_UNSET},
	{"NPM_CONFIG_NOPROXY", POOL_VARIABLE_UNSET},
	{"SOCKS_SERVER", POOL_VARIABLE_UNSET},
	{"SOCKS4_SERVER", POOL_VARIABLE_UNSET},
	{"SOCKS5_SERVER", POOL_VARIABLE_UNSET},
	/* rsync runs even an empty command; Chromium, for which both come first, takes an
	 * empty auto_proxy for "find out". */
	{"RSYNC_CONNECT_PROG", POOL_VARIABLE_UNSET_ONLY},
	{"auto_proxy", POOL_VARIABLE_UNSET_ONLY},
	{"AUTO_PROXY", POOL_VARIABLE_UNSET_ONLY},
	{"POOL_PROXY", POOL_VARIABLE_NAME},
	{"POOL_LEASE", POOL_VARIABLE_LEASE},
};

enum {
	VARIABLES = sizeof(variables) / sizeof(variables[0]),
	GIT_ENTRIES_MAX = 10000,
	NAME_SIZE = 40,
};

/* The key of git's configuration that the last entry holds. */
static const char git_key[] = "http.proxy";

const struct pool_variable *pool_variables_get(size_t *count)
{
	*count = VARIABLES;
	return variables;
}

const struct pool_variable *pool_variables_find(const char *line)
{
	size_t length = strcspn(line, "=");

	for (size_t i = 0; i < VARIABLES; i++)
		if (strlen(variables[i].name) == length &&
			memcmp(variables[i].name, line, length) == 0)
			return &variables[i];
	return NULL;
}

bool pool_variable_is_bypass(const struct pool_variable *variable)
{
	return variable->kind == POOL_VARIABLE_BYPASS ||
		variable->kind == POOL_VARIABLE_BYPASS_NOBODY;
}

/* --- the caller ----------------------------------------------------------------- */

/* An inherited entry of ours, which is the last one, is replaced: a loop of evals adds
 * one entry, not thousands. */
static unsigned count_git_entries(
	const char *(*lookup)(void *context, const char *name), void *context)
{
	const char *value = lookup(context, "GIT_CONFIG_COUNT"), *key;
	char name[NAME_SIZE];
	int64_t count;

	if (!value || !pool_text_to_int(value, 1, GIT_ENTRIES_MAX, &count))
		return 0;
	snprintf(name, sizeof(name), "GIT_CONFIG_KEY_%u", (unsigned)count - 1);
	key = lookup(context, name);
	return (unsigned)count - (key && strcmp(key, git_key) == 0 ? 1 : 0);
}

struct pool_variables_caller pool_variables_look(
	const char *(*lookup)(void *context, const char *name), void *context)
{
	return (struct pool_variables_caller){
		.is_cgi = lookup(context, "REQUEST_METHOD") ||
			lookup(context, "GATEWAY_INTERFACE"),
		.git_kept = count_git_entries(lookup, context),
	};
}

/* --- values --------------------------------------------------------------------- */

/* How a line is written. */
struct writer {
	struct pool_text *out;
	bool shell;
};

/* A line is written in pieces, so that it needs no memory but <out>'s: the refusal of
 * pool-select has none. */
static void begin_line(const struct writer *writer, const char *name)
{
	pool_text_add(writer->out, writer->shell ? "export " : "");
	pool_text_add(writer->out, name);
	pool_text_add(writer->out, writer->shell ? "='" : "=");
}

static void add_value(const struct writer *writer, const char *value)
{
	for (; *value; value++)
		if (writer->shell && *value == '\'')
			pool_text_add(writer->out, "'\\''");
		else
			pool_text_add_bytes(writer->out, value, 1);
}

static void end_line(const struct writer *writer)
{
	pool_text_add(writer->out, writer->shell ? "'\n" : "\n");
}

static void add_line(const struct writer *writer, const char *name, const char *value)
{
	begin_line(writer, name);
	add_value(writer, value);
	end_line(writer);
}

/* The scheme in lower case: clients that look for "http://" (ffmpeg, lftp) take a
 * variable that says HTTP:// for none, and go direct. */
static void add_url(const struct writer *writer, const char *name,
	const struct pool_variables_proxy *proxy)
{
	begin_line(writer, name);
	add_value(writer, proxy->scheme);
	add_value(writer, proxy->url + strlen(proxy->scheme));
	end_line(writer);
}

/* <leave> if "NAME=" in its place would do harm. */
static void add_unset(const struct writer *writer, const char *name, bool leave)
{
	if (writer->shell)
		pool_text_addf(writer->out, "unset %s\n", name);
	else if (!leave)
		pool_text_addf(writer->out, "%s=\n", name);
}

/* Blanks would make several words of the line of env in a shell. */
static bool has_blank(const char *text)
{
	return text[strcspn(text, " \t\n\v\f\r")] != '\0';
}

/* rsync takes credentials as they are, not percent-encoded, and speaks plain HTTP. */
static void add_rsync(const struct writer *writer, const char *name,
	const struct pool_variables_proxy *proxy)
{
	bool fits = strcmp(proxy->scheme, "http") == 0 && !has_blank(proxy->user) &&
		!has_blank(proxy->password) && !strchr(proxy->user, ':');

	begin_line(writer, name);
	if (fits && (proxy->user[0] || proxy->password[0])) {
		add_value(writer, proxy->user);
		add_value(writer, ":");
		add_value(writer, proxy->password);
		add_value(writer, "@");
	}
	add_value(writer,
		fits ? proxy->hostport
		     : pool_no_proxy_get(POOL_NO_UNSUPPORTED)->hostport);
	end_line(writer);
}

static void add_git(const struct writer *writer, const char *name,
	const struct pool_variables_proxy *proxy, unsigned kept)
{
	char text[NAME_SIZE];

	snprintf(text, sizeof(text), "%u", kept + 1);
	add_line(writer, name, text);
	snprintf(text, sizeof(text), "GIT_CONFIG_KEY_%u", kept);
	add_line(writer, text, git_key);
	snprintf(text, sizeof(text), "GIT_CONFIG_VALUE_%u", kept);
	add_url(writer, text, proxy);
}

static void add(const struct writer *writer, const struct pool_variable *row,
	const struct pool_variables_proxy *proxy,
	const struct pool_variables_caller *caller)
{
	switch (row->kind) {
	case POOL_VARIABLE_URL_UNLESS_CGI:
		if (caller->is_cgi) {
			add_unset(writer, row->name, false);
			break;
		}
		/* fall through */
	case POOL_VARIABLE_URL:
		add_url(writer, row->name, proxy);
		break;
	case POOL_VARIABLE_RSYNC:
		add_rsync(writer, row->name, proxy);
		break;
	case POOL_VARIABLE_NODE:
		if (strncmp(proxy->scheme, "http", 4) == 0)
			add_line(writer, row->name, "1");
		else
			add_unset(writer, row->name, false);
		break;
	case POOL_VARIABLE_BYPASS_NOBODY:
		add_line(writer, row->name, "nobody.no-proxy.invalid");
		break;
	/* Not unset: Python reads a No_Proxy, too, unless no_proxy is there. */
	case POOL_VARIABLE_BYPASS:
		add_line(writer, row->name, "");
		break;
	case POOL_VARIABLE_UNSET:
		add_unset(writer, row->name, false);
		break;
	case POOL_VARIABLE_UNSET_ONLY:
		add_unset(writer, row->name, true);
		break;
	case POOL_VARIABLE_NAME:
		add_line(writer, row->name, proxy->name);
		break;
	case POOL_VARIABLE_LEASE:
		add_line(writer, row->name, proxy->lease);
		break;
	case POOL_VARIABLE_GIT:
		add_git(writer, row->name, proxy, caller->git_kept);
		break;
	}
}

static void add_all(const struct writer *writer, const struct pool_variables_proxy *proxy,
	const struct pool_variables_caller *caller)
{
	for (size_t i = 0; i < VARIABLES; i++)
		add(writer, &variables[i], proxy, caller);
}

void pool_variables_add_env(struct pool_text *out,
	const struct pool_variables_proxy *proxy,
	const struct pool_variables_caller *caller)
{
	const struct writer writer = {.out = out};

	add_all(&writer, proxy, caller);
}

void pool_variables_add_export(struct pool_text *out,
	const struct pool_variables_proxy *proxy,
	const struct pool_variables_caller *caller)
{
	const struct writer writer = {.out = out, .shell = true};

	add_all(&writer, proxy, caller);
}
