/* Clients whose exit status is understood. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <linux/memfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/http.h"
#include "base/text.h"
#include "exec_client.h"

/* What an option of theirs means to us. */
enum meaning {
	NOTHING,
	ANSWER,  /* curl's -D: it has a file of its own for the answer */
	PROXY,   /* which proxy to use, or none */
	SEND,    /* sends something */
	GET,     /* ... in a GET after all */
	METHOD,  /* its value is the method */
	INPUT,   /* its value may be "-" for standard input */
	CONFIG,  /* ... and what it names may say anything */
	OUTPUT,  /* its value may be "-" for standard output */
	NEXT,    /* another request follows, with options of its own */
	EXECUTE, /* wget's -e: its value stands for one of these */
	ASK,     /* about the client itself */
	TUNNEL,  /* through CONNECT whatever the URL is */
	CONCEAL, /* -D gets no answers to CONNECT */
};

struct option_row {
	const char *name; /* long */
	char letter;      /* short, or 0 */
	enum meaning meaning;
	bool valued;
};

static const struct option_row curl_options[] = {
	{"dump-header", 'D', ANSWER, true},
	{"proxy", 'x', PROXY, true},
	{"proxy1.0", 0, PROXY, true},
	{"preproxy", 0, PROXY, true},
	{"socks4", 0, PROXY, true},
	{"socks4a", 0, PROXY, true},
	{"socks5", 0, PROXY, true},
	{"socks5-hostname", 0, PROXY, true},
	{"noproxy", 0, PROXY, true},
	{"data", 'd', SEND, true},
	{"data-ascii", 0, SEND, true},
	{"data-binary", 0, SEND, true},
	{"data-raw", 0, SEND, true},
	{"data-urlencode", 0, SEND, true},
	{"form", 'F', SEND, true},
	{"form-string", 0, SEND, true},
	{"json", 0, SEND, true},
	{"get", 'G', GET, false},
	{"request", 'X', METHOD, true},
	{"upload-file", 'T', INPUT, true},
	{"config", 'K', CONFIG, true},
	{"output", 'o', OUTPUT, true},
	{"cookie-jar", 'c', OUTPUT, true},
	{"next", ':', NEXT, false},
	{"proxytunnel", 'p', TUNNEL, false},
	{"suppress-connect-headers", 0, CONCEAL, false},
	{NULL, 0, NOTHING, false},
};

static const struct option_row wget_options[] = {
	{"no-proxy", 0, PROXY, false},
	{"execute", 'e', EXECUTE, true},
	{"post-data", 0, SEND, true},
	{"post-file", 0, SEND, true},
	{"body-data", 0, SEND, true},
	{"body-file", 0, SEND, true},
	{"method", 0, METHOD, true},
	{"input-file", 'i', INPUT, true},
	{"output-document", 'O', OUTPUT, true},
	{"output-file", 'o', OUTPUT, true},
	{"append-output", 'a', OUTPUT, true},
	{"version", 'V', ASK, false},
	{"help", 'h', ASK, false},
	{NULL, 0, NOTHING, false},
};

static const struct {
	const char *name;
	const struct option_row *options;
	const char *valued; /* short options that have a value */
	enum pool_reason (*judge)(int status);
} clients[] = {
	[EXEC_CLIENT_OTHER] = {"", NULL, "", NULL},
	[EXEC_CLIENT_CURL] = {"curl", curl_options, "AbcCdDeEFHKmoPQrtTuUwxXyYz",
		pool_reason_from_curl},
	[EXEC_CLIENT_WGET] = {"wget", wget_options, "aABDeiIlnoOPQRtTUwX",
		pool_reason_from_wget},
};

enum { CLIENTS = sizeof(clients) / sizeof(clients[0]) };

/* What was found in a command line. */
struct findings {
	bool answer, proxy, input, ask, tunnel, conceal;
	bool secure, plain;                          /* URLs */
	bool sends, gets, other_method, same_method; /* of the request looked at */
	bool changes;                                /* one of those before does */
	int next; /* the last word that says NEXT; 0: none */
};

/* --- arguments ------------------------------------------------------------------ */

/* Methods that may be asked for again (RFC 9110, 9.2.2). */
static bool may_repeat(const char *method)
{
	static const char *const safe[] = {
		"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};

	for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++)
		if (strcasecmp(method, safe[i]) == 0)
			return true;
	return false;
}

/* "@-", "field=@-", "field=<-", and the names that the system has for it. */
static bool names_input(const char *value)
{
	size_t length = strlen(value);

	if (length >= 2 && value[length - 1] == '-' && strchr("@<", value[length - 2]))
		return true;
	return strstr(value, "/dev/stdin") || strstr(value, "/dev/fd/") ||
		strstr(value, "/proc/self/fd/");
}

/* A request is complete: the next one has options of its own. */
static void end_request(struct findings *found)
{
	found->changes |= found->other_method ||
		(found->sends && !found->gets && !found->same_method);
	found->sends = found->gets = found->other_method = found->same_method = false;
}

/* The value of wget's -e: a command of its configuration. */
static bool says_send(const char *value)
{
	return strcasestr(value, "post") || strcasestr(value, "body") ||
		strcasestr(value, "method");
}

/* What is sent, and whether that may be done twice. */
static void note_request(
	struct findings *found, enum meaning meaning, const char *value, int at)
{
	found->sends |= meaning == SEND;
	found->gets |= meaning == GET;
	if (meaning == METHOD)
		*(may_repeat(value) ? &found->same_method : &found->other_method) = true;
	found->changes |= meaning == CONFIG || (meaning == EXECUTE && says_send(value));
	if (meaning == NEXT) {
		end_request(found);
		found->next = at;
	}
}

static void note(struct findings *found, enum meaning meaning, const char *value, int at)
{
	bool dash = strcmp(value, "-") == 0;

	if (meaning == NOTHING || meaning == OUTPUT)
		return;
	found->answer |= meaning == ANSWER;
	found->proxy |=
		meaning == PROXY || (meaning == EXECUTE && strcasestr(value, "proxy"));
	found->tunnel |= meaning == TUNNEL;
	found->conceal |= meaning == CONCEAL;
	found->ask |= meaning == ASK;
	found->input |= names_input(value) ||
		(dash && (meaning == SEND || meaning == INPUT || meaning == CONFIG)) ||
		(meaning == INPUT && strcmp(value, ".") == 0);
	note_request(found, meaning, value, at);
}

/* Both take a beginning of a long name for it, if no other name begins so. */
static const struct option_row *find_long(const struct option_row *rows, const char *word)
{
	const struct option_row *found = NULL;
	size_t length = strcspn(word, "=");

	for (; rows->name; rows++) {
		if (strncmp(rows->name, word, length) != 0)
			continue;
		if (strlen(rows->name) == length)
			return rows;
		if (length >= 4)
			found = rows;
	}
	return found;
}

static enum meaning find_short(const struct option_row *rows, char letter)
{
	for (; rows->name; rows++)
		if (rows->letter == letter)
			return rows->meaning;
	return NOTHING;
}

/* A word "--name" or "--name=value"; answers how many words it takes. */
static int look_at_long(
	enum exec_client_kind kind, char *const *argv, int at, struct findings *found)
{
	const char *word = argv[at] + 2, *value = strchr(word, '=');
	const struct option_row *row = find_long(clients[kind].options, word);
	bool separate = row && row->valued && !value && argv[at + 1];

	if (!row)
		return 1;
	value = separate ? argv[at + 1] : value ? value + 1 : "";
	note(found, row->meaning, value, at);
	return separate ? 2 : 1;
}

/* A word of short options; the first one that has a value ends it. */
static int look_at_shorts(
	enum exec_client_kind kind, char *const *argv, int at, struct findings *found)
{
	for (const char *letter = argv[at] + 1; *letter; letter++) {
		enum meaning meaning = find_short(clients[kind].options, *letter);

		if (!strchr(clients[kind].valued, *letter)) {
			note(found, meaning, "", at);
			continue;
		}
		if (letter[1] || !argv[at + 1]) {
			note(found, meaning, letter + 1, at);
			return 1;
		}
		note(found, meaning, argv[at + 1], at);
		return 2;
	}
	return 1;
}

static void look_at_arguments(
	enum exec_client_kind kind, char *const *argv, struct findings *found)
{
	int at = 1;

	while (argv[at] && strcmp(argv[at], "--") != 0) {
		if (argv[at][0] != '-' || !argv[at][1]) {
			found->input |= names_input(argv[at]);
			at++;
		} else if (argv[at][1] == '-') {
			at += look_at_long(kind, argv, at, found);
		} else {
			at += look_at_shorts(kind, argv, at, found);
		}
	}
}

/* curl takes what has no scheme for plain http, but who tells it from a value? */
static void look_at_urls(char *const *argv, struct findings *found)
{
	for (int at = 1; argv[at]; at++) {
		found->secure |= strncasecmp(argv[at], "https://", 8) == 0;
		found->plain |= strncasecmp(argv[at], "http://", 7) == 0;
	}
}

static enum exec_client_kind find_kind(const char *command)
{
	const char *slash = strrchr(command, '/');
	const char *name = slash ? slash + 1 : command;

	for (int i = EXEC_CLIENT_CURL; i < CLIENTS; i++)
		if (strcmp(name, clients[i].name) == 0)
			return (enum exec_client_kind)i;
	return EXEC_CLIENT_OTHER;
}

/* --- curl's answer -------------------------------------------------------------- */

/* How many words stay before an option of ours: -q counts as the first one only. */
static int count_first(char *const *argv)
{
	struct findings nothing = {0};
	const char *letter;

	if (!argv[1] || argv[1][0] != '-')
		return 1;
	if (strcmp(argv[1], "--disable") == 0)
		return 2;
	for (letter = argv[1] + 1; *letter && *letter != 'q'; letter++)
		if (*letter == '-' ||
			strchr(clients[EXEC_CLIENT_CURL].valued, *letter) != NULL)
			return 1;
	if (!*letter)
		return 1;
	return 1 + look_at_shorts(EXEC_CLIENT_CURL, argv, 1, &nothing);
}

/* The arguments with a -D for the first request and one for the last. */
static void insert_answer(struct exec_client *client, char *const *argv, int next)
{
	int first = count_first(argv), to = 0;

	for (int at = 0; argv[at]; at++) {
		client->argv[to++] = argv[at];
		if (at != first - 1 && !(next && at == next))
			continue;
		client->argv[to++] = client->answer_option;
	}
	client->argv[to] = NULL;
}

static void give_answer_file(
	struct exec_client *client, char *const *argv, const struct findings *found)
{
	/* In memory: a full disk must not fail a curl. By number, as its header is about
	 * mapping, which is not done here. Without one there is less to learn, no more.
	 */
	client->answer_fd = (int)syscall(SYS_memfd_create, "pool-exec", MFD_CLOEXEC);
	if (client->answer_fd < 0)
		return;
	snprintf(client->answer_option, sizeof(client->answer_option), "-D/dev/fd/%d",
		client->answer_fd);
	/* curl must not fail where there is no /proc. */
	if (access(client->answer_option + strlen("-D"), W_OK) == 0) {
		insert_answer(client, argv, found->next);
		return;
	}
	close(client->answer_fd);
	client->answer_fd = -1;
}

int exec_client_init(
	struct exec_client *client, char *const *argv, bool own_proxy_is_ours)
{
	struct findings found = {0};
	size_t count = 0;

	*client = (struct exec_client){.kind = find_kind(argv[0]), .answer_fd = -1};
	while (argv[count])
		count++;
	/* and -D twice */
	client->argv = calloc(count + 3, sizeof(*client->argv));
	if (!client->argv)
		return ENOMEM;
	memcpy(client->argv, argv, count * sizeof(*argv));
	if (client->kind != EXEC_CLIENT_OTHER)
		look_at_arguments(client->kind, argv, &found);
	end_request(&found);
	look_at_urls(argv, &found);
	if ((found.proxy && !own_proxy_is_ours) || found.ask)
		client->kind = EXEC_CLIENT_OTHER;
	client->changes = found.changes;
	client->connects =
		(found.tunnel || (found.secure && !found.plain)) && !found.conceal;
	client->reads_input = found.input;
	if (client->kind == EXEC_CLIENT_CURL && !found.answer)
		give_answer_file(client, argv, &found);
	return 0;
}

void exec_client_release(struct exec_client *client)
{
	if (client->answer_fd >= 0)
		close(client->answer_fd);
	free(client->argv);
}

void exec_client_begin(struct exec_client *client)
{
	if (client->answer_fd >= 0 && ftruncate(client->answer_fd, 0) == 0)
		lseek(client->answer_fd, 0, SEEK_SET);
}

/* --- its end -------------------------------------------------------------------- */

/* The last answer of several: of a proxy to CONNECT, of redirects, of more URLs. */
struct answer {
	int32_t status; /* 0: none */
	int32_t retry_after_s;
	bool connected; /* one before it was a yes: it is no answer to CONNECT */
};

static void read_header(struct answer *answer, const char *line, int64_t wall_s)
{
	static const char name[] = "retry-after:";
	const size_t skip = sizeof(name) - 1;

	if (strncasecmp(line, name, skip) != 0)
		return;
	line += skip;
	line += strspn(line, " \t");
	answer->retry_after_s =
		pool_http_retry_after(line, strcspn(line, "\r\n"), wall_s);
}

static void read_status(struct answer *answer, const char *line)
{
	const char *blank = strchr(line, ' ');
	bool yes = answer->status >= 200 && answer->status < 300;

	*answer = (struct answer){
		.retry_after_s = -1, .connected = answer->connected || yes};
	if (strncmp(line, "HTTP/", 5) == 0 && blank)
		answer->status = (int32_t)strtol(blank, NULL, 10);
}

static void read_answer(const struct exec_client *client, struct answer *answer)
{
	int fd = client->answer_fd >= 0 ? dup(client->answer_fd) : -1;
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	struct pool_now now;
	bool first = true;
	char *line = NULL;
	size_t size = 0;

	*answer = (struct answer){.retry_after_s = -1};
	if (!file) {
		if (fd >= 0)
			close(fd);
		return;
	}
	pool_clock_get(&now);
	rewind(file);
	while (getline(&line, &size, file) > 0) {
		if (first)
			read_status(answer, line);
		else
			read_header(answer, line, now.wall_s);
		first = line[strspn(line, "\r\n")] == '\0';
	}
	free(line);
	fclose(file);
}

/* A proxy that answered CONNECT with something else than yes. */
static enum pool_reason judge_connect(int32_t status)
{
	static const struct {
		int32_t low, high;
		enum pool_reason reason;
	} rows[] = {
		{407, 407, POOL_REASON_AUTH},
		{401, 401, POOL_REASON_AUTH},
		{429, 429, POOL_REASON_LIMITED},
		{400, 499, POOL_REASON_DENIED},
		{500, 599, POOL_REASON_BAD_GATEWAY},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (status >= rows[i].low && status <= rows[i].high)
			return rows[i].reason;
	return POOL_REASON_WRONG_PROTOCOL;
}

/* Exit statuses of curl after which nothing can have come to the target. */
static bool ended_early(int status)
{
	static const unsigned char early[] = {1, 2, 3, 4, 5, 6, 7, 35, 51, 53, 54, 58, 59,
		60, 66, 77, 80, 82, 83, 90, 91, 97};

	return memchr(early, status, sizeof(early)) != NULL;
}

enum {
	CURL_HTTP_ERROR = 22, /* -f, and a status from 400 on */
	CURL_RECEIVE_ERROR = 56,
};

static void judge_curl(int status, bool connects, const struct answer *answer,
	struct exec_client_end *out)
{
	bool answered = status == 0 || status == CURL_HTTP_ERROR;
	bool broke_off = status == CURL_RECEIVE_ERROR && answer->status >= 300;
	/* -f makes 22 of any status, be it the proxy's. */
	bool refused = broke_off || (status == CURL_HTTP_ERROR && answer->status >= 400);

	out->maybe_sent = !ended_early(status);
	if (refused && connects && !answer->connected) {
		out->reason = judge_connect(answer->status);
		out->retry_after_s = answer->retry_after_s;
		out->maybe_sent = false;
		return;
	}
	if (answered || broke_off) {
		out->http_status = answer->status;
		out->retry_after_s = answer->retry_after_s;
	}
	if (!answered)
		out->reason = pool_reason_from_curl(status);
	/* 502 to 504 may be the proxy's word as well as the target's; without an answer
	 * nothing was asked for. */
	else if (answer->status && (answer->status < 502 || answer->status > 504))
		out->reason = POOL_REASON_OK;
}

void exec_client_judge(const struct exec_client *client, int status, bool timed_out,
	bool http_proxy, struct exec_client_end *out)
{
	struct answer answer;

	*out = (struct exec_client_end){
		.reason = POOL_REASON_NONE, .retry_after_s = -1, .maybe_sent = true};
	if (client->kind == EXEC_CLIENT_OTHER)
		return;
	if (timed_out) {
		out->reason = POOL_REASON_RESPONSE_TIMEOUT;
		return;
	}
	if (client->answer_fd < 0) {
		out->reason = clients[client->kind].judge(status);
		out->maybe_sent =
			client->kind != EXEC_CLIENT_CURL || !ended_early(status);
		return;
	}
	read_answer(client, &answer);
	judge_curl(status, client->connects && http_proxy, &answer, out);
}
