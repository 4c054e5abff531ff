/* Variables that lead a client through a proxy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/variables.h"

static const struct pool_variables_proxy proxy = {
	.url = "http://u%3Av:p@h:1",
	.scheme = "http",
	.hostport = "h:1",
	.user = "u",
	.password = "p@",
	.name = "one",
	.lease = "",
};

static char *env_of(
	const struct pool_variables_proxy *given, struct pool_variables_caller caller)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_variables_add_env(&text, given, &caller);
	return pool_text_take(&text);
}

static bool has_line(const char *text, const char *line)
{
	const size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
		if ((at == text || at[-1] == '\n') && at[length] == '\n')
			return true;
	return false;
}

static void each_row_is_found_by_its_line(void **state)
{
	size_t count;
	const struct pool_variable *rows = pool_variables_get(&count);

	(void)state;
	assert_true(count > 30);
	for (size_t i = 0; i < count; i++) {
		char line[80];

		snprintf(line, sizeof(line), "%s=value", rows[i].name);
		assert_ptr_equal(pool_variables_find(line), &rows[i]);
		assert_ptr_equal(pool_variables_find(rows[i].name), &rows[i]);
	}
	assert_null(pool_variables_find("http_prox=1"));
	assert_null(pool_variables_find("http_proxyy"));
	assert_null(pool_variables_find(""));
}

static void rsync_is_told_what_it_can_be_told(void **state)
{
	static const struct {
		const char *scheme, *user, *password, *line;
	} cases[] = {
		{"http", "u", "p@", "RSYNC_PROXY=u:p@@h:1"},
		{"http", "u", "", "RSYNC_PROXY=u:@h:1"},
		{"http", "", "", "RSYNC_PROXY=h:1"},
		{"http", "u:v", "p", "RSYNC_PROXY=unsupported.no-proxy.invalid:9"},
		{"http", "u", "p w", "RSYNC_PROXY=unsupported.no-proxy.invalid:9"},
		{"http", "u\tv", "p", "RSYNC_PROXY=unsupported.no-proxy.invalid:9"},
		{"https", "u", "p", "RSYNC_PROXY=unsupported.no-proxy.invalid:9"},
		{"socks5h", "u", "p", "RSYNC_PROXY=unsupported.no-proxy.invalid:9"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool_variables_proxy given = proxy;
		char *text;

		given.scheme = cases[i].scheme;
		given.user = cases[i].user;
		given.password = cases[i].password;
		text = env_of(&given, (struct pool_variables_caller){0});
		assert_true(has_line(text, cases[i].line));
		assert_int_equal(has_line(text, "NODE_USE_ENV_PROXY=1"),
			strncmp(cases[i].scheme, "http", 4) == 0);
		free(text);
	}
}

/* An environment of one test: names and values in turn. */
static const char *look_up(void *context, const char *name)
{
	for (const char **word = context; *word; word += 2)
		if (strcmp(word[0], name) == 0)
			return word[1];
	return NULL;
}

static void the_caller_is_looked_at(void **state)
{
	static const struct {
		const char *words[9];
		bool is_cgi;
		unsigned git_kept;
	} cases[] = {
		{{NULL}, false, 0},
		{{"REQUEST_METHOD", "GET", NULL}, true, 0},
		{{"REQUEST_METHOD", "", NULL}, true, 0},
		{{"GATEWAY_INTERFACE", "CGI/1.1", NULL}, true, 0},
		{{"GIT_CONFIG_COUNT", "2", NULL}, false, 2},
		{{"GIT_CONFIG_COUNT", "2", "GIT_CONFIG_KEY_1", "http.proxy", NULL}, false,
			1},
		{{"GIT_CONFIG_COUNT", "2", "GIT_CONFIG_KEY_0", "http.proxy", NULL}, false,
			2},
		{{"GIT_CONFIG_COUNT", "two", NULL}, false, 0},
		{{"GIT_CONFIG_COUNT", "-1", NULL}, false, 0},
		{{"GIT_CONFIG_COUNT", "99999999999", NULL}, false, 0},
		{{"GIT_CONFIG_COUNT", "", NULL}, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *words[9];
		struct pool_variables_caller caller;

		memcpy(words, cases[i].words, sizeof(words));
		caller = pool_variables_look(look_up, words);
		assert_int_equal(caller.is_cgi, cases[i].is_cgi);
		assert_int_equal(caller.git_kept, cases[i].git_kept);
	}
}

static void what_env_cannot_unset_is_empty_or_left_alone(void **state)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	const struct pool_variables_caller cgi = {.is_cgi = true};
	char *env = env_of(&proxy, cgi), *export;

	(void)state;
	pool_variables_add_export(&text, &proxy, &cgi);
	export = pool_text_take(&text);
	assert_true(has_line(env, "HTTP_PROXY="));
	assert_true(has_line(export, "unset HTTP_PROXY"));
	assert_true(has_line(env, "NPM_CONFIG_PROXY="));
	assert_null(strstr(env, "auto_proxy"));
	assert_null(strstr(env, "RSYNC_CONNECT_PROG"));
	assert_true(has_line(export, "unset auto_proxy"));
	assert_true(has_line(export, "unset RSYNC_CONNECT_PROG"));
	free(env);
	free(export);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_is_found_by_its_line),
		cmocka_unit_test(rsync_is_told_what_it_can_be_told),
		cmocka_unit_test(the_caller_is_looked_at),
		cmocka_unit_test(what_env_cannot_unset_is_empty_or_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
