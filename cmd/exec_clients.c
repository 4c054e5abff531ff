/* The table of clients. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config/url.h"
#include "exec_clients.h"
#include "tool_select.h"

/* --- options -------------------------------------------------------------------- */

static const struct exec_option curl_options[] = {
	{"dump-header", 'D', EXEC_ANSWER, true},
	{"proxy", 'x', EXEC_PROXY, true},
	{"proxy1.0", 0, EXEC_PROXY, true},
	{"preproxy", 0, EXEC_PROXY, true},
	{"socks4", 0, EXEC_PROXY, true},
	{"socks4a", 0, EXEC_PROXY, true},
	{"socks5", 0, EXEC_PROXY, true},
	{"socks5-hostname", 0, EXEC_PROXY, true},
	{"noproxy", 0, EXEC_BYPASS, true},
	{"data", 'd', EXEC_SEND, true},
	{"data-ascii", 0, EXEC_SEND, true},
	{"data-binary", 0, EXEC_SEND, true},
	{"data-raw", 0, EXEC_SEND, true},
	{"data-urlencode", 0, EXEC_SEND, true},
	{"form", 'F', EXEC_SEND, true},
	{"form-string", 0, EXEC_SEND, true},
	{"json", 0, EXEC_SEND, true},
	{"get", 'G', EXEC_GET, false},
	{"request", 'X', EXEC_METHOD, true},
	{"upload-file", 'T', EXEC_INPUT, true},
	{"config", 'K', EXEC_CONFIG, true},
	{"output", 'o', EXEC_OUTPUT, true},
	{"cookie-jar", 'c', EXEC_OUTPUT, true},
	{"next", ':', EXEC_NEXT, false},
	{"proxytunnel", 'p', EXEC_TUNNEL, false},
	{"suppress-connect-headers", 0, EXEC_CONCEAL, false},
	{NULL, 0, EXEC_NOTHING, false},
};

static const struct exec_option wget_options[] = {
	{"no-proxy", 0, EXEC_PROXY, false},
	{"config", 0, EXEC_FILE, true},
	{"execute", 'e', EXEC_EXECUTE, true},
	{"post-data", 0, EXEC_SEND, true},
	{"post-file", 0, EXEC_SEND, true},
	{"body-data", 0, EXEC_SEND, true},
	{"body-file", 0, EXEC_SEND, true},
	{"method", 0, EXEC_METHOD, true},
	{"input-file", 'i', EXEC_INPUT, true},
	{"output-document", 'O', EXEC_OUTPUT, true},
	{"output-file", 'o', EXEC_OUTPUT, true},
	{"append-output", 'a', EXEC_OUTPUT, true},
	{"version", 'V', EXEC_ASK, false},
	{"help", 'h', EXEC_ASK, false},
	{NULL, 0, EXEC_NOTHING, false},
};

static const struct exec_option wget2_options[] = {
	{"config", 0, EXEC_FILE, true},
	{NULL, 0, EXEC_NOTHING, false},
};

static const struct exec_option aria2_options[] = {
	{"conf-path", 0, EXEC_FILE, true},
	{NULL, 0, EXEC_NOTHING, false},
};

/* --- configurations in memory --------------------------------------------------- */

static const struct exec_config curl_config = {
	.option = "-K",
	.text = "proxy = \"%{url}\"\n"
		"noproxy = \"\"\n",
	.instead = (const char *const[]){"-q", NULL},
};

static const struct exec_config wget_config = {
	.option = "--config=",
	.text = "use_proxy = on\n"
		"no_proxy =\n"
		"http_proxy = %{url}\n"
		"https_proxy = %{url}\n"
		"ftp_proxy = %{url}\n",
	.replaces = true,
	.variable = "WGETRC",
	.files = (const char *const[]){"~/.wgetrc", NULL},
	.instead = (const char *const[]){"--no-config", NULL},
};

/* An empty list of hosts does not replace an earlier one, so the list names a host. */
static const struct exec_config wget2_config = {
	.option = "--config=",
	.text = "proxy = on\n"
		"no-proxy = nobody.no-proxy.invalid\n"
		"http-proxy = %{url}\n"
		"https-proxy = %{url}\n",
	.replaces = true,
	.variable = "WGET2RC",
	.files = (const char *const[]){"$XDG_CONFIG_HOME/wget/wget2rc",
		"~/.config/wget/wget2rc", "~/.wget2rc", NULL},
	.instead = (const char *const[]){"--no-config", NULL},
};

static const struct exec_config aria2_config = {
	.option = "--conf-path=",
	.text = "no-proxy=\n"
		"http-proxy=%{url}\n"
		"https-proxy=%{url}\n"
		"ftp-proxy=%{url}\n",
	.replaces = true,
	.files = (const char *const[]){"~/.aria2/aria2.conf",
		"$XDG_CONFIG_HOME/aria2/aria2.conf", "~/.config/aria2/aria2.conf", NULL},
	.instead = (const char *const[]){"--no-conf=true", NULL},
};

/* Lines about single hosts and programs that name a proxy would win: they are cleared. */
static const struct exec_config apt_config = {
	.option = "-c",
	.text = "#clear Acquire::http::Proxy;\n"
		"#clear Acquire::https::Proxy;\n"
		"#clear Acquire::http::ProxyAutoDetect;\n"
		"#clear Acquire::https::ProxyAutoDetect;\n"
		"#clear Acquire::http::Proxy-Auto-Detect;\n"
		"#clear Acquire::https::Proxy-Auto-Detect;\n"
		"Acquire::http::Proxy \"%{url}\";\n"
		"Acquire::https::Proxy \"%{url}\";\n",
	.instead = (const char *const[]){NULL},
};

/* --- rows ----------------------------------------------------------------------- */

enum {
	ONLY_HTTP = 1 << POOL_SCHEME_HTTP,
	OF_APT =
		1 << POOL_SCHEME_HTTP | 1 << POOL_SCHEME_HTTPS | 1 << POOL_SCHEME_SOCKS5H,
};

static const struct exec_client_row rows[] = {
	{.name = "curl",
		.obeys = "-K",
		.options = curl_options,
		.valued = "AbcCdDeEFHKmoPQrtTuUwxXyYz",
		.config = &curl_config,
		.answer = "-D",
		.judge = pool_reason_from_curl},
	{.name = "wget",
		.schemes = ONLY_HTTP,
		.obeys = "--config",
		.options = wget_options,
		.valued = "aABDeiIlnoOPQRtTUwX",
		.config = &wget_config,
		.judge = pool_reason_from_wget},
	{.name = "wget2",
		.schemes = ONLY_HTTP,
		.obeys = "--config",
		.fails = "4",
		.options = wget2_options,
		.valued = "",
		.config = &wget2_config},
	{.name = "aria2c",
		.schemes = ONLY_HTTP,
		.obeys = "--conf-path",
		.fails = "1,22,24",
		.options = aria2_options,
		.valued = "",
		.config = &aria2_config},
	{.name = "ffmpeg", .schemes = ONLY_HTTP, .obeys = "http_proxy", .fails = "1"},
	{.name = "ffprobe", .schemes = ONLY_HTTP, .obeys = "http_proxy", .fails = "1"},
	{.name = "ffplay", .schemes = ONLY_HTTP, .obeys = "http_proxy", .fails = "1"},
	{.name = "apt",
		.schemes = OF_APT,
		.obeys = "-c",
		.fails = "100",
		.config = &apt_config},
	{.name = "apt-get",
		.schemes = OF_APT,
		.obeys = "-c",
		.fails = "100",
		.config = &apt_config},
	{.name = "git", .obeys = "GIT_CONFIG_COUNT", .fails = "128"},
	{.name = "npm", .obeys = "npm_config_proxy", .fails = "1"},
	{.name = "npx", .obeys = "npm_config_proxy", .fails = "1"},
	{.name = "pip", .obeys = "PIP_PROXY", .fails = "1"},
	{.name = "pip3", .obeys = "PIP_PROXY", .fails = "1"},
	{.name = "cargo", .obeys = "CARGO_HTTP_PROXY", .fails = "101"},
	{.name = "python3", .obeys = "http_proxy", .fails = "1"},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const struct exec_client_row *exec_clients_find(const char *command)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(base_name(command), rows[i].name) == 0)
			return &rows[i];
	return NULL;
}

/* --- the file of a command ------------------------------------------------------ */

/* The first of PATH that can be run, as execvp() finds it. */
static bool find_in_path(const char *command, char *out, size_t size)
{
	const char *path = getenv("PATH");

	while (path) {
		size_t length = strcspn(path, ":");
		int written = snprintf(out, size, "%.*s%s%s", (int)length, path,
			length ? "/" : "", command);

		if (written > 0 && (size_t)written < size && access(out, X_OK) == 0)
			return true;
		path = path[length] ? path + length + 1 : NULL;
	}
	return false;
}

/* "wget-ssl" is a wget, "wget2" is none. */
static bool is_named(const char *file, const char *name)
{
	const char *rest = file + strlen(name);

	if (strncmp(file, name, strlen(name)) != 0)
		return false;
	return *rest == '\0' || *rest == '-' || *rest == '.' || *rest == '_';
}

bool exec_client_row_is_genuine(const struct exec_client_row *row, const char *command)
{
	char found[PATH_MAX], *file;
	bool genuine;

	if (strchr(command, '/'))
		file = realpath(command, NULL);
	else
		file = find_in_path(command, found, sizeof(found)) ? realpath(found, NULL)
								   : NULL;
	/* A command that is not there is told of when it is run. */
	genuine = !file || is_named(base_name(file), row->name);
	free(file);
	return genuine;
}

/* --- the table as text ---------------------------------------------------------- */

void exec_clients_add(struct pool_text *out)
{
	pool_text_add(out, "client\tschemes\tobeys\tfail-on\n");
	for (size_t i = 0; i < ROWS; i++) {
		pool_text_addf(out, "%s\t", rows[i].name);
		pool_explain_add_schemes(out, rows[i].schemes);
		pool_text_addf(out, "\t%s\t%s\n", rows[i].obeys,
			rows[i].fails ? rows[i].fails : "understood");
	}
}
