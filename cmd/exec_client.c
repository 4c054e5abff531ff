/* A command that may be one of the table of clients. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/http.h"
#include "base/text.h"
#include "exec_client.h"

/* What was found in a command line. */
struct findings {
	bool answer, proxy, bypass, input, ask, tunnel, conceal;
	bool secure, plain;                          /* URLs */
	bool sends, gets, other_method, same_method; /* of the request looked at */
	bool changes;                                /* one of those before does */
	const char *file; /* in place of the user's configuration, or NULL */
	int next;         /* the last word that says NEXT; 0: none */
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
	struct findings *found, enum exec_meaning meaning, const char *value, int at)
{
	found->sends |= meaning == EXEC_SEND;
	found->gets |= meaning == EXEC_GET;
	if (meaning == EXEC_METHOD)
		*(may_repeat(value) ? &found->same_method : &found->other_method) = true;
	found->changes |=
		meaning == EXEC_CONFIG || (meaning == EXEC_EXECUTE && says_send(value));
	if (meaning == EXEC_NEXT) {
		end_request(found);
		found->next = at;
	}
}

static void note(
	struct findings *found, enum exec_meaning meaning, const char *value, int at)
{
	bool dash = strcmp(value, "-") == 0;

	if (meaning == EXEC_NOTHING || meaning == EXEC_OUTPUT)
		return;
	found->answer |= meaning == EXEC_ANSWER;
	found->proxy |= meaning == EXEC_PROXY ||
		(meaning == EXEC_EXECUTE && strcasestr(value, "proxy"));
	found->bypass |= meaning == EXEC_BYPASS && *value;
	if (meaning == EXEC_FILE)
		found->file = value;
	found->tunnel |= meaning == EXEC_TUNNEL;
	found->conceal |= meaning == EXEC_CONCEAL;
	found->ask |= meaning == EXEC_ASK;
	found->input |= names_input(value) ||
		(dash &&
			(meaning == EXEC_SEND || meaning == EXEC_INPUT ||
				meaning == EXEC_CONFIG)) ||
		(meaning == EXEC_INPUT && strcmp(value, ".") == 0);
	note_request(found, meaning, value, at);
}

/* Both take a beginning of a long name for it, if no other name begins so. */
static const struct exec_option *find_long(
	const struct exec_option *rows, const char *word)
{
	const struct exec_option *found = NULL;
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

static enum exec_meaning find_short(const struct exec_option *rows, char letter)
{
	for (; rows->name; rows++)
		if (rows->letter == letter)
			return rows->meaning;
	return EXEC_NOTHING;
}

/* A word "--name" or "--name=value"; answers how many words it takes. */
static int look_at_long(const struct exec_client_row *row, char *const *argv, int at,
	struct findings *found)
{
	const char *word = argv[at] + 2, *value = strchr(word, '=');
	const struct exec_option *option = find_long(row->options, word);
	bool separate = option && option->valued && !value && argv[at + 1];

	if (!option)
		return 1;
	value = separate ? argv[at + 1] : value ? value + 1 : "";
	note(found, option->meaning, value, at);
	return separate ? 2 : 1;
}

/* A word of short options; the first one that has a value ends it. */
static int look_at_shorts(const struct exec_client_row *row, char *const *argv, int at,
	struct findings *found)
{
	for (const char *letter = argv[at] + 1; *letter; letter++) {
		enum exec_meaning meaning = find_short(row->options, *letter);

		if (!strchr(row->valued, *letter)) {
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
	const struct exec_client_row *client, char *const *argv, struct findings *found)
{
	int at = 1;

	while (argv[at] && strcmp(argv[at], "--") != 0) {
		if (argv[at][0] != '-' || !argv[at][1]) {
			found->input |= names_input(argv[at]);
			at++;
		} else if (argv[at][1] == '-') {
			at += look_at_long(client, argv, at, found);
		} else {
			at += look_at_shorts(client, argv, at, found);
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

/* --- what is added -------------------------------------------------------------- */

/* How many words stay before our options: curl heeds -q only as the first one. */
static int count_first(const struct exec_client_row *row, char *const *argv)
{
	struct findings nothing = {0};
	const char *letter;

	if (!row->answer || !argv[1] || argv[1][0] != '-')
		return 1;
	if (strcmp(argv[1], "--disable") == 0)
		return 2;
	for (letter = argv[1] + 1; *letter && *letter != 'q'; letter++)
		if (*letter == '-' || strchr(row->valued, *letter) != NULL)
			return 1;
	if (!*letter)
		return 1;
	return 1 + look_at_shorts(row, argv, 1, &nothing);
}

/* The list is of char *, since execve() wants it so, but changes no word. */
static bool add_word(struct exec_client *client, size_t *count, const char *word)
{
	char **longer = realloc(client->argv, (*count + 2) * sizeof(*longer));

	if (!longer)
		return false;
	client->argv = longer;
	memcpy(&longer[(*count)++], &word, sizeof(word));
	longer[*count] = NULL;
	return true;
}

/* Add what makes the client obey: the user's own options stand behind it, and so have the
 * last word. */
static bool add_config(struct exec_client *client, size_t *count)
{
	const char *const *word;

	if (!client->config.config)
		return true;
	if (client->config.fd >= 0)
		return add_word(client, count, client->config.option);
	for (word = client->config.config->instead; *word; word++)
		if (!add_word(client, count, *word))
			return false;
	return true;
}

/* Build the arguments: a -D for the first request and one for the last, and one
 * configuration. curl does not carry that over to the next request, where the variables
 * decide, and no file does. */
static int build_arguments(struct exec_client *client, char *const *argv, int next)
{
	int first = client->row ? count_first(client->row, argv) : 1;
	size_t count = 0;
	bool good = true;

	for (int at = 0; argv[at] && good; at++) {
		good = add_word(client, &count, argv[at]);
		if (good && client->answer_fd >= 0 &&
			(at == first - 1 || (next && at == next)))
			good = add_word(client, &count, client->answer_option);
		if (good && at == first - 1)
			good = add_config(client, &count);
	}
	return good ? 0 : ENOMEM;
}

/* Open a file for the answer. Without one less is learnt, and nothing else fails. */
static void open_answer(struct exec_client *client)
{
	client->answer_fd = exec_memory_open();
	snprintf(client->answer_option, sizeof(client->answer_option), "%s/dev/fd/%d",
		client->row->answer, client->answer_fd);
}

/* Only a client that is known to have our options gets them. */
static int add_ours(struct exec_client *client, char *const *argv,
	const struct findings *found, bool other_proxy)
{
	if (!client->row || !exec_client_row_is_genuine(client->row, argv[0]))
		return 0;
	if (client->row->answer && client->understood && !found->answer)
		open_answer(client);
	return other_proxy
		? 0
		: exec_config_open(&client->config, client->row->config, found->file);
}

int exec_client_init(
	struct exec_client *client, char *const *argv, bool own_proxy_is_ours)
{
	struct findings found = {0};
	bool other_proxy;
	int error;

	*client = (struct exec_client){
		.row = exec_clients_find(argv[0]), .answer_fd = -1, .config.fd = -1};
	if (client->row && client->row->options)
		look_at_arguments(client->row, argv, &found);
	end_request(&found);
	look_at_urls(argv, &found);
	other_proxy = found.proxy && !own_proxy_is_ours;
	client->decides = other_proxy || found.bypass;
	client->understood =
		client->row && client->row->judge && !client->decides && !found.ask;
	client->changes = found.changes;
	client->connects =
		(found.tunnel || (found.secure && !found.plain)) && !found.conceal;
	client->plain = found.plain && !found.secure;
	client->reads_input = found.input;
	error = add_ours(client, argv, &found, other_proxy);
	return error ? error : build_arguments(client, argv, found.next);
}

void exec_client_release(struct exec_client *client)
{
	if (client->answer_fd >= 0)
		close(client->answer_fd);
	exec_config_close(&client->config);
	free(client->argv);
}

int exec_client_begin(struct exec_client *client, const char *url, bool keep_bypass)
{
	if (client->answer_fd >= 0 && ftruncate(client->answer_fd, 0) == 0)
		lseek(client->answer_fd, 0, SEEK_SET);
	return exec_config_fill(&client->config, url, keep_bypass);
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

/* Whether TLS failed with an https proxy or with the target behind it: an answer to
 * CONNECT, where we can know of it, means the target. */
static void judge_tls(const struct exec_client *client, enum pool_scheme scheme,
	const struct answer *answer, struct exec_client_end *out)
{
	bool known = client->connects && client->answer_fd >= 0;
	bool tunnelled =
		answer->connected || (answer->status >= 200 && answer->status < 300);

	if (scheme != POOL_SCHEME_HTTPS ||
		(out->reason != POOL_REASON_TLS && out->reason != POOL_REASON_TLS_VERIFY))
		return;
	if (client->plain || (known && !tunnelled))
		out->reason = POOL_REASON_PROXY_TLS;
	else
		out->either_tls = !known;
}

/* A curl that tries again by itself may wait for longer than it has: what the target
 * answered before still counts. */
static void judge_timeout(
	bool connects, const struct answer *answer, struct exec_client_end *out)
{
	out->reason = POOL_REASON_RESPONSE_TIMEOUT;
	if (connects && !answer->connected)
		return;
	out->http_status = answer->status;
	out->retry_after_s = answer->retry_after_s;
}

void exec_client_judge(const struct exec_client *client, int status, bool timed_out,
	enum pool_scheme scheme, struct exec_client_end *out)
{
	bool http_proxy = scheme == POOL_SCHEME_HTTP || scheme == POOL_SCHEME_HTTPS;
	bool connects = client->connects && http_proxy;
	struct answer answer;

	*out = (struct exec_client_end){
		.reason = POOL_REASON_NONE, .retry_after_s = -1, .maybe_sent = true};
	if (!client->understood)
		return;
	read_answer(client, &answer);
	if (timed_out) {
		judge_timeout(connects, &answer, out);
	} else if (client->answer_fd >= 0) {
		judge_curl(status, connects, &answer, out);
	} else {
		out->reason = client->row->judge(status);
		out->maybe_sent = !client->row->answer || !ended_early(status);
	}
	if (client->row->answer && !timed_out)
		judge_tls(client, scheme, &answer, out);
}
