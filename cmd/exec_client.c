/* A command that may be one of the table of clients. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "exec_client.h"

/* What was found in a command line. */
struct findings {
	bool proxy, bypass, input, ask, tunnel, conceal;
	bool secure, plain;                          /* URLs */
	bool sends, gets, other_method, same_method; /* of the request looked at */
	bool changes;                                /* one of those before does */
	bool config;                                 /* a file that may name other URLs */
	const char *file; /* in place of the user's configuration, or NULL */
	struct exec_heads heads;
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
	found->config |= meaning == EXEC_CONFIG;
	found->changes |=
		meaning == EXEC_CONFIG || (meaning == EXEC_EXECUTE && says_send(value));
	if (meaning == EXEC_NEXT) {
		end_request(found);
		exec_heads_next(&found->heads, at);
	}
}

static void note(
	struct findings *found, enum exec_meaning meaning, const char *value, int at)
{
	bool dash = strcmp(value, "-") == 0;

	if (meaning == EXEC_NOTHING || meaning == EXEC_OUTPUT)
		return;
	if (meaning == EXEC_ANSWER)
		exec_heads_own(&found->heads, value);
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

/* Build the arguments: a -D for each request that has none, and one configuration. curl
 * does not carry that over to the next request, where the variables decide, and no file
 * does. */
static int build_arguments(struct exec_client *client, char *const *argv)
{
	struct exec_heads *heads = &client->heads;
	size_t count = 0;
	bool good = true;

	for (int at = 0; argv[at] && good; at++) {
		good = add_word(client, &count, argv[at]);
		for (size_t i = 0; i < heads->count && good; i++)
			if (heads->list[i].at == at && heads->list[i].fd >= 0)
				good = add_word(client, &count, heads->list[i].option);
		if (good && at == heads->list[0].at)
			good = add_config(client, &count);
	}
	return good ? 0 : ENOMEM;
}

/* Only a client that is known to have our options gets them. */
static int add_ours(struct exec_client *client, char *const *argv,
	const struct findings *found, bool other_proxy)
{
	if (!client->row || !exec_client_row_is_genuine(client->row, argv[0]))
		return 0;
	if (client->row->answer && client->understood)
		exec_heads_open(&client->heads, client->row->answer);
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

	*client =
		(struct exec_client){.row = exec_clients_find(argv[0]), .config.fd = -1};
	exec_heads_init(&found.heads);
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
	client->conceals = found.conceal && (found.tunnel || found.secure);
	client->tunnels =
		(found.tunnel || found.secure || found.config) && !found.conceal;
	client->plain = found.plain && !found.secure;
	client->reads_input = found.input;
	client->heads = found.heads;
	client->heads.list[0].at = client->row ? count_first(client->row, argv) - 1 : 0;
	error = add_ours(client, argv, &found, other_proxy);
	return error ? error : build_arguments(client, argv);
}

void exec_client_release(struct exec_client *client)
{
	exec_heads_close(&client->heads);
	exec_config_close(&client->config);
	free(client->argv);
}

int exec_client_begin(struct exec_client *client, const char *url, bool keep_bypass)
{
	exec_heads_begin(&client->heads);
	return exec_config_fill(&client->config, url, keep_bypass);
}

void exec_client_list_fds(const struct exec_client *client, int *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		out[i] = i < client->heads.count ? client->heads.list[i].fd : -1;
	out[count - 1] = client->config.fd;
}

/* --- its end -------------------------------------------------------------------- */

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

/* Read the answers. A no to CONNECT ends curl with a failure: if it ended well without a
 * yes, the answers to CONNECT are not shown, or none was asked for. */
static struct exec_heads_seen read_answers(const struct exec_client *client, int status,
	struct exec_heads_use *use, struct pool_answers *answers)
{
	struct exec_heads_seen seen = exec_heads_read(&client->heads, use, answers);

	if (!use->connects || status != 0 || answers->tunnelled)
		return seen;
	use->connects = false;
	*answers = (struct pool_answers){0};
	return exec_heads_read(&client->heads, use, answers);
}

/* What the answers say, if anything, before curl's own end does. */
static bool judge_answers(const struct pool_answers *answers, struct exec_client_end *out)
{
	if (answers->reason == POOL_REASON_NONE)
		return false;
	out->reason = answers->reason;
	out->http_status = answers->connect ? 0 : answers->status;
	if (answers->reason == POOL_REASON_LIMITED)
		out->retry_after_s = answers->retry_after_s;
	/* The proxy alone has answered. */
	out->maybe_sent &= answers->reached;
	return true;
}

/*
 * The end of a curl whose answers said nothing of the proxy.
 *
 * <whole>  no answer has escaped us
 */
static void judge_curl(int status, bool connects, const struct pool_answers *answers,
	bool whole, struct exec_client_end *out)
{
	bool answered = status == 0 || status == CURL_HTTP_ERROR;

	if (answered || (status == CURL_RECEIVE_ERROR && answers->status >= 300))
		out->http_status = answers->status;
	if (!answered)
		out->reason = pool_reason_from_curl(status);
	/* 502 to 504 may be the proxy's word as well as the target's; without an answer
	 * nothing was asked for. */
	else if (whole && answers->status &&
		(answers->status < 502 || answers->status > 504))
		out->reason = POOL_REASON_OK;
	/* CONNECT may have been answered with no, which tells whose fault it was. */
	if (status == CURL_RECEIVE_ERROR && connects && !whole)
		out->reason = POOL_REASON_PROXY_FAILED;
}

/* Whether TLS failed with an https proxy or with the target behind it: a yes to CONNECT,
 * where we can know of it, means the target. */
static void judge_tls(const struct exec_client *client, enum pool_scheme scheme,
	const struct pool_answers *answers, bool whole, struct exec_client_end *out)
{
	bool known = client->connects && whole;

	if (scheme != POOL_SCHEME_HTTPS ||
		(out->reason != POOL_REASON_TLS && out->reason != POOL_REASON_TLS_VERIFY))
		return;
	if (client->plain || (known && !answers->tunnelled))
		out->reason = POOL_REASON_PROXY_TLS;
	else
		out->either_tls = !answers->tunnelled;
}

/* The end of a client whose answers are seen. */
static void judge_answered(const struct exec_client *client, int status, bool timed_out,
	const struct pool_policy *policy, enum pool_scheme scheme,
	struct exec_client_end *out)
{
	bool proxied = scheme == POOL_SCHEME_HTTP || scheme == POOL_SCHEME_HTTPS;
	struct exec_heads_use use = {
		.rules = {&policy->cooling, &policy->blocked, policy->cooldown_s},
		.connects = client->connects && proxied,
		.refused = proxied && !timed_out && status == CURL_RECEIVE_ERROR,
		.tunnels = client->tunnels,
		.proxied = proxied,
	};
	struct pool_answers answers = {0};
	const struct exec_heads_seen seen = read_answers(client, status, &use, &answers);
	bool whole = seen.whole;
	bool concealed = client->conceals && proxied;

	out->odd_retry_after = seen.odd_retry_after;
	out->unseen = !seen.whole;
	out->maybe_sent = timed_out || !ended_early(status);
	if (judge_answers(&answers, out))
		return;
	if (timed_out) {
		out->reason = POOL_REASON_RESPONSE_TIMEOUT;
		return;
	}
	/* A no to CONNECT may be all that came, where it is not shown. */
	concealed &= !answers.status;
	judge_curl(status, use.connects || concealed, &answers, whole && !concealed, out);
	judge_tls(client, scheme, &answers, whole, out);
}

void exec_client_judge(const struct exec_client *client, int status, bool timed_out,
	const struct pool_policy *policy, enum pool_scheme scheme,
	struct exec_client_end *out)
{
	*out = (struct exec_client_end){
		.reason = POOL_REASON_NONE, .retry_after_s = -1, .maybe_sent = true};
	if (!client->understood)
		return;
	if (client->row->answer)
		judge_answered(client, status, timed_out, policy, scheme, out);
	else
		out->reason = timed_out ? POOL_REASON_RESPONSE_TIMEOUT
					: client->row->judge(status);
}
