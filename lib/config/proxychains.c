/*
 * proxychains.conf: options a line each, then behind [ProxyList] a proxy a line:
 *
 *	TYPE HOST PORT [USER PASSWORD]
 *
 * A chain leads through several proxies, a pool through one of them: what a pool can say
 * is taken over, all else is told.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "config/tree.h"

enum { WORDS_MAX = 6 };

struct reader {
	struct pool_tree *tree;
	const struct pool_source *source;
	struct pool_diagnostics *diagnostics;
	cJSON *list;
	struct pool_line chain; /* the line that says how proxies are chained */
	bool in_list, remote_names;
	bool one_at_a_time; /* chain_len = 1 */
	size_t proxies;
};

/* A line in words, each ended by a NUL; an option may have a "=" between them. */
struct words {
	char *text;
	char *list[WORDS_MAX];
	size_t count;
};

static bool cut(
	const struct reader *reader, const struct pool_line *line, struct words *words)
{
	char *rest, *word;

	*words = (struct words){
		.text = strndup(reader->source->bytes + line->at, line->end - line->at)};
	rest = words->text;
	while (rest && words->count < WORDS_MAX &&
		(word = strsep(&rest, reader->in_list ? " \t" : " \t=")))
		if (*word)
			words->list[words->count++] = word;
	return words->text != NULL;
}

static void tell(struct reader *reader, enum pool_rule_id rule,
	const struct pool_line *line, const char *text)
{
	pool_diagnostics_add(
		reader->diagnostics, rule, line->at, line->end, strdup(""), "%s", text);
}

/* --- options ---------------------------------------------------------------------- */

/* What becomes of an option; NULL: nothing is lost. */
static const struct {
	const char *name;
	const char *lost;
} options[] = {
	{"strict_chain", NULL},
	{"dynamic_chain", NULL},
	{"random_chain", NULL},
	{"round_robin_chain", NULL},
	{"chain_len", NULL},
	{"proxy_dns", NULL},
	{"proxy_dns_old", NULL},
	{"quiet_mode", NULL},
	{"proxy_dns_daemon", "a daemon for names is not taken over"},
	{"remote_dns_subnet", "addresses that stand for names are not taken over"},
	{"tcp_read_time_out",
		"a limit of each read is not taken over: timeout_seconds of a connection "
		"limits a whole use"},
	{"tcp_connect_time_out",
		"a limit of each connect is not taken over: timeout_seconds of "
		"health_check limits a check"},
	{"localnet", "what goes around the proxies is not taken over"},
	{"dnat", "redirected targets are not taken over"},
};

static void read_option(
	struct reader *reader, const struct pool_line *line, const struct words *words)
{
	const char *name = words->list[0], *lost = "this option is not known";

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(name, options[i].name) == 0)
			lost = options[i].lost;
	if (lost)
		tell(reader, POOL_RULE_NOT_TAKEN_OVER, line, lost);
	if (strcmp(name, "chain_len") == 0)
		reader->one_at_a_time =
			words->count > 1 && strcmp(words->list[1], "1") == 0;
	else if (strcmp(name, "proxy_dns") == 0 || strcmp(name, "proxy_dns_old") == 0)
		reader->remote_names = true;
	else if (strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_chain") == 0)
		reader->chain = *line;
}

/* --- proxies ---------------------------------------------------------------------- */

/* The scheme of a type; with <remote> names go to the proxy. */
static const char *find_scheme(const char *type, bool remote)
{
	if (strcasecmp(type, "http") == 0)
		return "http";
	if (strcasecmp(type, "socks4") == 0)
		return remote ? "socks4a" : "socks4";
	if (strcasecmp(type, "socks5") == 0)
		return remote ? "socks5h" : "socks5";
	return NULL;
}

/* The word with which a comment begins; <count> if none does. A password may begin so,
 * and so might a user, which is told. */
static size_t find_comment(const struct words *words)
{
	for (size_t i = 3; i < words->count; i++)
		if (i != 4 && strchr("#;", words->list[i][0]))
			return i;
	return words->count;
}

static void drop_comment(
	struct reader *reader, const struct pool_line *line, struct words *words)
{
	size_t count = find_comment(words);

	if (count == words->count)
		return;
	if (count == 3)
		tell(reader, POOL_RULE_NOT_TAKEN_OVER, line,
			"what stands behind the port is taken for a comment: proxychains "
			"itself would read a user and a password");
	words->count = count;
}

static void read_proxy(
	struct reader *reader, const struct pool_line *line, struct words *words)
{
	const char *scheme = find_scheme(words->list[0], reader->remote_names);
	struct pool_text url = POOL_TEXT_SECRET;
	const char *host = words->count > 1 ? words->list[1] : "";
	bool bare = strchr(host, ':') && *host != '[';
	char *made;

	drop_comment(reader, line, words);
	if (!scheme) {
		tell(reader, POOL_RULE_PROXYCHAINS_LINE, line,
			"a proxy is of type http, socks4 or socks5");
		return;
	}
	if (words->count < 3 || words->count > 5) {
		tell(reader, POOL_RULE_PROXYCHAINS_LINE, line,
			"a proxy is written TYPE HOST PORT [USER PASSWORD]");
		return;
	}
	pool_text_addf(&url, "%s://", scheme);
	if (words->count > 3)
		pool_text_add_encoded(&url, words->list[3], strlen(words->list[3]));
	if (words->count > 4) {
		pool_text_add(&url, ":");
		pool_text_add_encoded(&url, words->list[4], strlen(words->list[4]));
	}
	pool_text_addf(&url, "%s%s%s%s:%s", words->count > 3 ? "@" : "", bare ? "[" : "",
		host, bare ? "]" : "", words->list[2]);
	made = pool_text_take(&url);
	pool_tree_put_text(reader->tree, reader->list, made, line->at, line->end);
	pool_text_forget(made);
	reader->proxies++;
}

/* --- the whole -------------------------------------------------------------------- */

/* [ProxyList], perhaps with a comment behind. */
static bool is_list_header(const char *text, size_t length)
{
	return length >= 11 && strncasecmp(text, "[ProxyList]", 11) == 0 &&
		(length == 11 || strchr(" \t#;", text[11]));
}

static void read_line(struct reader *reader, const struct pool_line *line)
{
	const char *text = reader->source->bytes + line->at;
	struct words words;

	if (line->at == line->end || *text == '#' || *text == ';')
		return;
	if (is_list_header(text, line->end - line->at)) {
		reader->in_list = true;
		return;
	}
	if (!cut(reader, line, &words))
		reader->tree->broken = true;
	else if (words.count && reader->in_list)
		read_proxy(reader, line, &words);
	else if (words.count)
		read_option(reader, line, &words);
	pool_text_forget(words.text);
}

/* How one of the proxies is chosen, where the chain is one proxy long. */
static void read_chain(struct reader *reader)
{
	const char *text = reader->source->bytes + reader->chain.at;
	size_t length = reader->chain.end - reader->chain.at;
	cJSON *root = reader->tree->root;

	if (!length || reader->proxies < 2)
		return;
	if (!reader->one_at_a_time || strncmp(text, "r", 1) != 0) {
		tell(reader, POOL_RULE_NOT_TAKEN_OVER, &reader->chain,
			"a chain through several proxies is not taken over: a pool uses "
			"one of them at a time");
		return;
	}
	if (length < 6 || strncmp(text, "random", 6) != 0)
		return;
	pool_tree_put(reader->tree, root, "strategy",
		pool_tree_note(reader->tree, cJSON_CreateString("random"),
			reader->chain.at, reader->chain.end, reader->chain.at));
}

int pool_proxychains_read(struct pool_tree *tree, const struct pool_source *source,
	struct pool_diagnostics *diagnostics)
{
	struct reader reader = {.tree = tree,
		.source = source,
		.diagnostics = diagnostics,
		.list = pool_tree_begin_list(tree, source)};
	struct pool_line line;
	size_t at = 0, errors = diagnostics->errors;
	int error = pool_lines_judge(source, diagnostics);

	if (error)
		return error;

	while (reader.list && !tree->broken && pool_line_next(source, &at, &line))
		read_line(&reader, &line);
	if (reader.list && !tree->broken)
		read_chain(&reader);
	if (tree->broken)
		return POOL_ENOMEM;
	return diagnostics->errors > errors && !reader.proxies ? POOL_EINVALID : 0;
}
