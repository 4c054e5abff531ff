/* Proxy URLs: verdicts, parts, names without secrets, logins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "config/diagnostic.h"
#include "config/url.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void judges_urls_in_the_order_of_cryptofeed(void **state)
{
	static const struct {
		const char *text;
		enum pool_url_fault expected;
	} rows[] = {
		{"http://h:1", POOL_URL_OK},
		{"HTTP://Up.Relay.TEST:8080", POOL_URL_OK},
		{"socks5h://u:p@h:65535/", POOL_URL_OK},
		{"socks4a://h:1", POOL_URL_OK},
		{"https://[2001:db8::7]:1080", POOL_URL_OK},
		{"socks5://u:p@[::1]:1080", POOL_URL_OK},
		{"http://u:p@q@h:1", POOL_URL_OK},
		{"http://u@h:1", POOL_URL_OK},
		{"http://@h:1", POOL_URL_OK},
		{"http://:p@h:1", POOL_URL_OK},
		{"http://u%zz:p@h:1", POOL_URL_OK},
		{"http://h:1/path?q#f", POOL_URL_OK},
		{"http://999.1.1.1:1", POOL_URL_OK},
		{"http://[fe80::1%25eth0]:1", POOL_URL_OK},
		{"http://[fe80::1%eth0]:1", POOL_URL_OK},
		{"http://${USER}:${PASS_2}@h:1", POOL_URL_OK},
		{"http://u:%24{x@h:1", POOL_URL_OK},
		{"http://u:a b@h:1", POOL_URL_BLANK},
		{"http://u:a%20b@h:1", POOL_URL_OK},
		{"", POOL_URL_EMPTY},
		{"h:1", POOL_URL_NO_SCHEME},
		{"http:/h:1", POOL_URL_NO_SCHEME},
		{"http:h:1", POOL_URL_NO_SCHEME},
		{"//h:1", POOL_URL_NO_SCHEME},
		{"://h:1", POOL_URL_NO_SCHEME},
		{"mira:secret@h:1", POOL_URL_NO_SCHEME},
		{"socks://h:1", POOL_URL_BAD_SCHEME},
		{"ftp://h:1", POOL_URL_BAD_SCHEME},
		{"http://:80", POOL_URL_NO_HOST},
		{"http://u:p@:80", POOL_URL_NO_HOST},
		{"http://::1:80", POOL_URL_NO_HOST},
		{"http://", POOL_URL_NO_HOST},
		{"http:///h:80", POOL_URL_NO_HOST},
		{"http://h", POOL_URL_NO_PORT},
		{"http://h:", POOL_URL_NO_PORT},
		{"http://[::1]", POOL_URL_NO_PORT},
		{"http://h/:80", POOL_URL_NO_PORT},
		{"http://h:0", POOL_URL_PORT_RANGE},
		{"http://h:65536", POOL_URL_PORT_RANGE},
		{"http://h:73616", POOL_URL_PORT_RANGE},
		{"http://h:18446744073709551697", POOL_URL_PORT_RANGE},
		{"http://h:-80", POOL_URL_BAD_PORT},
		{"http://h:+80", POOL_URL_BAD_PORT},
		{"http://h:80:90", POOL_URL_BAD_PORT},
		{"http://h:08080", POOL_URL_BAD_PORT},
		{"http://h:abc", POOL_URL_BAD_PORT},
		{"http://h:80\xef\xbc\x90", POOL_URL_BAD_PORT},
		{"http://[::1:80", POOL_URL_BAD_IPV6},
		{"http://[beef]:80", POOL_URL_BAD_IPV6},
		{"http://[127.0.0.1]:80", POOL_URL_BAD_IPV6},
		{"http://u[x]:p@h:80", POOL_URL_BAD_IPV6},
		{"http://[2001:db8::1%25eth0]:80", POOL_URL_BAD_IPV6},
		{"http://[fe80::1%25]:80", POOL_URL_BAD_IPV6},
		{"http://[::1]x:80", POOL_URL_BAD_HOST},
		{"http://-h:80", POOL_URL_BAD_HOST},
		{"http://%2dh:80", POOL_URL_BAD_HOST},
		{"http://a%2fb:80", POOL_URL_BAD_HOST},
		{" http://h:80", POOL_URL_BLANK},
		{"http://h:80 ", POOL_URL_BLANK},
		{"http://a%20b:80", POOL_URL_BLANK},
		{"http://u\n:p@h:80", POOL_URL_CONTROL},
		{"http://h\t:80", POOL_URL_CONTROL},
		{"http://h:80/\x7f", POOL_URL_CONTROL},
		{"http://u\xc2\x9b:p@h:80", POOL_URL_CONTROL},
		{"http://us%0der:x@h:80", POOL_URL_CONTROL},
		{"http://u:%00@h:80", POOL_URL_CONTROL},
		{"http://u:%7F@h:80", POOL_URL_CONTROL},
		{"http://h%0a:80", POOL_URL_CONTROL},
		{"http://u:${}@h:80", POOL_URL_BAD_VARIABLE},
		{"http://u:${A@h:80", POOL_URL_BAD_VARIABLE},
		{"http://u:${1A}@h:80", POOL_URL_BAD_VARIABLE},
		{"http://${HOST}:80", POOL_URL_BAD_VARIABLE},
		{"http://bob:4711#s@h:1", POOL_URL_AT_SIGN},
		{"http://bob:pa/ss@h:1", POOL_URL_AT_SIGN},
		{"http://bob/pass@h:1", POOL_URL_AT_SIGN},
		{"http://bob:pa?ss@h:1", POOL_URL_AT_SIGN},
		{"http://h:1/x@h2:2", POOL_URL_AT_SIGN},
		{"http://h:1?x@h2:2", POOL_URL_AT_SIGN},
		{"http://u:p@h:1#x@h2:2", POOL_URL_AT_SIGN},
		{"http://h:1/%40", POOL_URL_OK},
		{"http://h:1\\@h2:2", POOL_URL_OK},
		{"http://u\\x:p@h:1", POOL_URL_OK},
		{"http://h\\x:1", POOL_URL_BACKSLASH},
		{"http://h:1\\", POOL_URL_BACKSLASH},
		{"http://u:p@h:1\\x", POOL_URL_BACKSLASH},
		{"http://h:1/a\\b", POOL_URL_BACKSLASH},
		{"http:\\\\h:1", POOL_URL_NO_SCHEME},
		{"http:/\\h:1", POOL_URL_NO_SCHEME},
		{"http://\\h:1", POOL_URL_BACKSLASH},
		{"http://%5ch:1", POOL_URL_BAD_HOST},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pool_url url;
		enum pool_url_fault found =
			pool_url_parse(rows[i].text, strlen(rows[i].text), &url, NULL);

		if (found != rows[i].expected)
			fail_msg("%s: '%s' instead of '%s'", rows[i].text,
				pool_url_fault_get(found)->rule,
				pool_url_fault_get(rows[i].expected)->rule);
	}
}

static void sees_nul_bytes_inside(void **state)
{
	struct pool_url url;
	size_t at = 0;

	(void)state;
	assert_int_equal(
		POOL_URL_CONTROL, pool_url_parse("http://a\0b:80", 13, &url, &at));
	assert_int_equal(8, at);
}

static void says_where_a_url_is_split_wrongly(void **state)
{
	static const struct {
		const char *text;
		size_t at;
	} rows[] = {{"http://bob:4711#s@h:1", 15}, {"http://h:1/x@h2:2", 10},
		{"http://u:p@h:1\\", 14}, {"http://h\\x:1", 8}, {"http://h:1/a\\b", 12}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pool_url url;
		size_t at = 0;

		assert_int_not_equal(POOL_URL_OK,
			pool_url_parse(rows[i].text, strlen(rows[i].text), &url, &at));
		assert_int_equal(rows[i].at, at);
	}
}

static void bounds_credentials_of_socks5_only(void **state)
{
	char text[600];
	struct pool_url url;

	(void)state;
	snprintf(text, sizeof(text), "socks5://%0255d:p@h:1", 0);
	assert_int_equal(POOL_URL_OK, pool_url_parse(text, strlen(text), &url, NULL));
	snprintf(text, sizeof(text), "socks5://%0256d:p@h:1", 0);
	assert_int_equal(POOL_URL_CREDENTIAL_LENGTH,
		pool_url_parse(text, strlen(text), &url, NULL));
	snprintf(text, sizeof(text), "http://%0256d:p@h:1", 0);
	assert_int_equal(POOL_URL_OK, pool_url_parse(text, strlen(text), &url, NULL));
}

static void every_fault_and_remark_has_a_rule(void **state)
{
	size_t count;
	const struct pool_rule *rules = pool_rules_get(&count);

	(void)state;
	for (int fault = POOL_URL_OK + 1; fault < POOL_URL_FAULTS; fault++) {
		int rule = pool_rule_find(
			pool_url_fault_get((enum pool_url_fault)fault)->rule);

		assert_in_range(rule, 0, (int)count - 1);
		assert_int_equal(POOL_ERROR, rules[rule].severity);
		assert_true(*pool_url_fault_get((enum pool_url_fault)fault)->sentence);
	}
}

static void remarks_on_what_works_oddly(void **state)
{
	static const struct {
		const char *text;
		int expected; /* the one remark, or -1 */
	} rows[] = {
		{"http://plain.relay.test:1", -1},
		{"http://rooted.relay.test.:1", -1},
		{"http://10.0.0.1:1/", -1},
		{"http://[::1]:1", -1},
		{"http://h:1/gate", POOL_URL_HAS_PATH},
		{"http://h:1?x", POOL_URL_HAS_PATH},
		{"http://[fe80::1%25eth0]:1", POOL_URL_HAS_ZONE},
		{"http://a_b:1", POOL_URL_UNDERSCORE},
		{"http://h\xc3\xb6:1", POOL_URL_UNICODE},
		{"http://a..b:1", POOL_URL_ODD_HOST},
		{"http://a|b:1", POOL_URL_ODD_HOST},
		{"http://a-:1", POOL_URL_ODD_HOST},
		{"http://0177.0.0.1:1", POOL_URL_ODD_HOST},
		{"http://1.2.3:1", POOL_URL_ODD_HOST},
		{"http://0x7f000001:1", POOL_URL_ODD_HOST},
		{"http://999.1.1.1:1", POOL_URL_ODD_HOST},
		{"http://u%zz@h:1", POOL_URL_ODD_PERCENT},
		{"socks4://u:p@h:1", POOL_URL_SOCKS4_PASSWORD},
		{"socks4://u@h:1", -1},
		{"http://u:p@q@h:1", POOL_URL_RAW_SIGN},
		{"http://u@v@h:1", POOL_URL_RAW_SIGN},
		{"http://h:1\\@h2:2", POOL_URL_RAW_SIGN},
		{"http://u\\v@h:1", POOL_URL_RAW_SIGN},
		{"http://u%40:p%5C@h:1", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pool_url url;

		assert_int_equal(POOL_URL_OK,
			pool_url_parse(rows[i].text, strlen(rows[i].text), &url, NULL));
		for (int remark = 0; remark < POOL_URL_REMARKS; remark++) {
			bool found = pool_url_remark_get(
					     &url, (enum pool_url_remark)remark) != NULL;

			if (found != (remark == rows[i].expected))
				fail_msg("%s: remark %d is %d", rows[i].text, remark,
					found);
		}
	}
}

static void takes_urls_apart(void **state)
{
	static const char text[] = "Socks5://mi%72a:q@rtz@[2001:DB8::7]:1080/x";
	struct pool_url url;
	char endpoint[64];

	(void)state;
	assert_int_equal(POOL_URL_OK, pool_url_parse(text, strlen(text), &url, NULL));
	assert_int_equal(POOL_SCHEME_SOCKS5, url.scheme);
	assert_memory_equal("mi%72a", url.user.bytes, url.user.length);
	assert_int_equal(5, url.password.length);
	assert_memory_equal("q@rtz", url.password.bytes, 5);
	assert_true(url.ipv6);
	assert_int_equal(1080, url.port);
	assert_int_equal(2, url.rest.length);
	pool_url_endpoint(&url, endpoint, sizeof(endpoint));
	assert_string_equal("[2001:db8::7]:1080", endpoint);
}

/* Both ways of writing a zone mean the same. */
static void a_zone_is_decoded_once(void **state)
{
	static const char *const rows[][3] = {
		{"http://[fe80::1%25Lo]:1", "fe80::1%Lo", "[fe80::1%lo]:1"},
		{"http://[fe80::1%Lo]:1", "fe80::1%Lo", "[fe80::1%lo]:1"},
		{"http://[fe80::1%2525]:1", "fe80::1%25", "[fe80::1%25]:1"},
		{"http://[fe80::1%2]:1", "fe80::1%2", "[fe80::1%2]:1"},
		{"http://[fe80::1]:1", "fe80::1", "[fe80::1]:1"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pool_login login;
		struct pool_url url;
		char endpoint[64];

		assert_int_equal(POOL_URL_OK,
			pool_url_parse(rows[i][0], strlen(rows[i][0]), &url, NULL));
		pool_url_endpoint(&url, endpoint, sizeof(endpoint));
		assert_string_equal(rows[i][2], endpoint);
		assert_int_equal(
			0, pool_login_init(&login, rows[i][0], NULL, NULL, NULL));
		assert_string_equal(rows[i][1], login.host);
		pool_login_release(&login);
	}
}

static void redacts_urls(void **state)
{
	static const char *const rows[][2] = {
		{"http://mira:quartz7@H.test:80/x", "http://***@h.test:80"},
		{"http://mira@h:80", "http://***@h:80"},
		{"http://h:80", "http://h:80"},
		{"HTTP://h:80/token", "http://h:80"},
		{"mira:quartz7@h:80", "***"},
		{"http://mira:quartz7", "***"},
		{"", "***"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char out[64];

		pool_url_redact(rows[i][0], out, sizeof(out));
		assert_string_equal(rows[i][1], out);
	}
}

static void knows_what_may_hold_a_secret(void **state)
{
	static const struct {
		const char *text;
		bool may;
	} rows[] = {{"", false}, {"weight", false}, {"a@b", true}, {"x://y", true},
		{"a:/b", true}, {"mira:quartz", true}, {"h:80:mira:quartz", true},
		{"h:80", false}, {"a: b", false}, {"::1", false}, {"1:30", false},
		{"0123456789012345678901234567890123456789012345678901234567890123",
			false},
		{"01234567890123456789012345678901234567890123456789012345678901234",
			true}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(rows[i].may,
			pool_url_may_hold_secret(rows[i].text, strlen(rows[i].text)));
}

static const char *lookup(void *context, const char *name)
{
	static const char *const values[][2] = {{"USER_1", "mi ra"},
		{"PASS", "p@:/%\xc3\xa9"}, {"BAD", "a\nb"}, {"EMPTY", ""}};

	(void)context;
	for (size_t i = 0; i < COUNT(values); i++)
		if (strcmp(values[i][0], name) == 0)
			return values[i][1];
	return NULL;
}

static const struct pool_secrets secrets = {.lookup = lookup};

static void fills_in_credentials(void **state)
{
	static const struct {
		const char *url, *user, *password, *out;
	} rows[] = {
		{"HTTP://H:80/", NULL, NULL, "HTTP://H:80/"},
		{"http://u%41:p%2f@h:80", "uA", "p/", "http://u%41:p%2f@h:80"},
		{"http://u:p@q@h:80", "u", "p@q", "http://u:p%40q@h:80"},
		{"HTTP://u@x\\y:p%2f:@q\\@H:80/z", "u@x\\y", "p/:@q\\",
			"HTTP://u%40x%5Cy:p%2f:%40q%5C@H:80/z"},
		{"http://h:1\\@[::1]:2", "h", "1\\", "http://h:1%5C@[::1]:2"},
		{"http://u@h:80", "u", NULL, "http://u@h:80"},
		{"http://@h:80", NULL, NULL, "http://@h:80"},
		{"http://u:%24{A}@h:80", "u", "${A}", "http://u:%24{A}@h:80"},
		{"http://u:a%zz@h:80", "u", "a%zz", "http://u:a%zz@h:80"},
		{"http://${USER_1}:x${PASS}y@H:80/q", "mi ra", "xp@:/%\xc3\xa9y",
			"http://mi%20ra:xp%40%3A%2F%25%C3%A9y@H:80/q"},
		{"socks5://u:${EMPTY}@[::1]:80", "u", "", "socks5://u:@[::1]:80"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pool_login login;
		struct pool_fault fault = {0};

		if (pool_login_init(&login, rows[i].url, NULL, &secrets, &fault) != 0)
			fail_msg("%s: %s", rows[i].url, fault.text);
		assert_string_equal(rows[i].out, login.url);
		assert_string_equal(
			rows[i].user ? rows[i].user : "-", login.user ? login.user : "-");
		assert_string_equal(rows[i].password ? rows[i].password : "-",
			login.password ? login.password : "-");
		pool_login_release(&login);
		assert_null(login.url);
	}
}

static void refuses_what_is_no_url(void **state)
{
	struct pool_login login;
	struct pool_fault fault = {0};

	(void)state;
	assert_int_equal(
		POOL_EINVALID, pool_login_init(&login, NULL, NULL, NULL, &fault));
	assert_string_equal("the proxy has no URL", fault.text);
}

static void names_the_variable_never_the_value(void **state)
{
	struct pool_login login;
	struct pool_fault fault = {0};

	(void)state;
	assert_int_equal(POOL_ESECRET,
		pool_login_init(&login, "http://u:${NONE}@h:1", NULL, &secrets, &fault));
	assert_string_equal(
		"the variable ${NONE} of a proxy's URL is not set", fault.text);
	assert_int_equal(POOL_ESECRET,
		pool_login_init(&login, "http://u:${PASS}@h:1", NULL, NULL, &fault));
	assert_int_equal(POOL_ESECRET,
		pool_login_init(&login, "http://u:${BAD}@h:1", NULL, &secrets, &fault));
	assert_string_equal(
		"the variable ${BAD} of a proxy's URL holds a control character",
		fault.text);
}

static void takes_the_first_line_of_a_password_file(void **state)
{
	static const struct {
		const char *content, *expected; /* NULL: refused */
	} rows[] = {{"s3cr et\r\nmore\n", "s3cr et"}, {"plain", "plain"}, {"\n", NULL},
		{"", NULL},
		{"a\x01"
		 "b\n",
			NULL}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char path[] = "/tmp/pool-test-XXXXXX";
		int fd = mkstemp(path), error;
		struct pool_login login;
		size_t length = strlen(rows[i].content);

		assert_true(fd >= 0);
		assert_int_equal(length, write(fd, rows[i].content, length));
		close(fd);
		error = pool_login_init(&login, "http://u@h:1", path, NULL, NULL);
		unlink(path);
		assert_int_equal(rows[i].expected ? 0 : POOL_ESECRET, error);
		if (error)
			continue;
		assert_string_equal(rows[i].expected, login.password);
		pool_login_release(&login);
	}
	assert_int_equal(POOL_ESECRET,
		pool_login_init(&(struct pool_login){0}, "http://u@h:1",
			"/nonexistent/file", NULL, NULL));
}

/* Nobody writes into the FIFO: reading it would never end. */
static void takes_passwords_from_regular_files_only(void **state)
{
	char folder[] = "/tmp/pool-test-XXXXXX", fifo[64];
	const char *const paths[] = {fifo, folder, "/dev/zero"};

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	assert_int_equal(0, mkfifo(fifo, 0600));
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct pool_fault fault = {0};
		struct pool_login login;

		assert_int_equal(POOL_ESECRET,
			pool_login_init(&login, "http://u@h:1", paths[i], NULL, &fault));
		assert_non_null(strstr(fault.text, "is not a regular file"));
	}
	unlink(fifo);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_urls_in_the_order_of_cryptofeed),
		cmocka_unit_test(sees_nul_bytes_inside),
		cmocka_unit_test(says_where_a_url_is_split_wrongly),
		cmocka_unit_test(bounds_credentials_of_socks5_only),
		cmocka_unit_test(every_fault_and_remark_has_a_rule),
		cmocka_unit_test(remarks_on_what_works_oddly),
		cmocka_unit_test(takes_urls_apart),
		cmocka_unit_test(a_zone_is_decoded_once),
		cmocka_unit_test(redacts_urls),
		cmocka_unit_test(knows_what_may_hold_a_secret),
		cmocka_unit_test(fills_in_credentials),
		cmocka_unit_test(refuses_what_is_no_url),
		cmocka_unit_test(names_the_variable_never_the_value),
		cmocka_unit_test(takes_the_first_line_of_a_password_file),
		cmocka_unit_test(takes_passwords_from_regular_files_only),
	};

	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
