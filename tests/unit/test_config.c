/* Reading pool files: shapes, faults with rule and place, the normal form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "config/config.h"
#include "state/snapshot.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define U           "\"http://h:1\""

/* What came of a text. */
struct reading {
	struct pool_settings settings;
	struct pool_diagnostics found;
	struct pool_fault fault;
	int error;
};

static void read_text(struct reading *reading, const char *text)
{
	char *copy = strdup(text);
	struct pool_source source = {
		.bytes = copy, .length = strlen(text), .path = copy, .directory = copy};

	*reading = (struct reading){0};
	source.path = strdup("pool.json");
	source.directory = strdup("/etc/pools");
	assert_true(copy && source.path && source.directory);
	reading->error = pool_config_read(
		&reading->settings, &reading->found, &source, &reading->fault);
	pool_source_release(&source);
}

static void release(struct reading *reading)
{
	if (!reading->error)
		pool_settings_release(&reading->settings);
	pool_diagnostics_release(&reading->found);
}

/* "exchange/type=url,url;..." of all lookups that <queries> names. */
static void lookups_of(const struct pool_settings *settings, char *out, size_t size)
{
	static const char *const exchanges[] = {"default", "OKX"};
	size_t used = 0;

	out[0] = '\0';
	for (size_t e = 0; e < COUNT(exchanges); e++) {
		for (int type = 0; type < POOL_TYPES; type++) {
			struct pool_lookup lookup;
			const struct pool_leaf *leaf;

			pool_settings_resolve(
				settings, exchanges[e], (enum pool_type)type, &lookup);
			used += (size_t)snprintf(out + used, size - used, "|");
			if (lookup.leaf == POOL_NO_LEAF) {
				used += (size_t)snprintf(out + used, size - used, "%s",
					pool_no_reason_name(lookup.reason));
				continue;
			}
			leaf = &settings->leaves[lookup.leaf];
			for (uint32_t i = 0; i < leaf->member_count; i++)
				used += (size_t)snprintf(out + used, size - used, "%s%s",
					i ? "," : "", leaf->members[i].name);
		}
	}
}

/* default/http, default/websocket, okx/http, okx/websocket. */
static void shapes_become_one_normal_form(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"{}", "|disabled|disabled|disabled|disabled"},
		{"{\"proxy\":null}", "|disabled|disabled|disabled|disabled"},
		{"{\"proxy\":{}}", "|disabled|disabled|disabled|disabled"},
		{"{\"enabled\":true}",
			"|not-configured|not-configured|not-configured|not-configured"},
		{"{\"proxy\":" U "}", "|h:1|h:1|h:1|h:1"},
		{"{\"proxies\":[" U ",\"http://h:2\"]}",
			"|h:1,h:2|h:1,h:2|h:1,h:2|h:1,h:2"},
		{"{\"proxies\":[" U "],\"strategy\":\"random\"}", "|h:1|h:1|h:1|h:1"},
		{"{\"enabled\":false,\"proxies\":[" U "]}",
			"|disabled|disabled|disabled|disabled"},
		{"{\"proxy\":{\"proxies\":[" U "]}}", "|h:1|h:1|h:1|h:1"},
		{"{\"proxy\":{\"enabled\":true,\"default\":{\"http\":{\"url\":" U
		 "}}},\"log\":1,"
		 "\"exchanges\":{\"okx\":{\"symbols\":[]}}}",
			"|h:1|not-configured|h:1|not-configured"},
		{"{\"enabled\":1,\"default\":{\"http\":" U "}}",
			"|h:1|not-configured|h:1|not-configured"},
		{"{\"enabled\":1,\"default\":" U "}",
			"|h:1|not-configured|h:1|not-configured"},
		{"{\"enabled\":\"on\",\"default\":{\"rest\":" U
		 ",\"ws\":{\"url\":\"http://h:2\"}}}",
			"|h:1|h:2|h:1|h:2"},
		{"{\"enabled\":1,\"default\":{\"http\":" U
		 ",\"rest\":\"http://h:2\",\"ws\":null}}",
			"|h:1|not-configured|h:1|not-configured"},
		{"{\"enabled\":1,\"default\":{\"http\":null,\"rest\":" U "}}",
			"|h:1|not-configured|h:1|not-configured"},
		{"{\"enabled\":1,\"default\":{\"websocket\":" U
		 "},\"exchanges\":{\"okx\":"
		 "\"http://h:2\"}}",
			"|not-configured|h:1|h:2|h:1"},
		{"{\"enabled\":1,\"default\":{\"http\":" U
		 "},\"exchanges\":{\"Okx\":{\"http\":null}}}",
			"|h:1|not-configured|h:1|not-configured"},
		{"{\"enabled\":1,\"default\":{\"http\":" U
		 "},\"exchanges\":{\"okx\":{\"http\":{}}}}",
			"|h:1|not-configured|not-configured|not-configured"},
		{"{\"enabled\":1,\"default\":{\"http\":" U
		 "},\"exchanges\":{\"okx\":{\"http\":"
		 "{\"timeout_seconds\":9}}}}",
			"|h:1|not-configured|not-configured|not-configured"},
		{"{\"enabled\":1,\"default\":null,\"exchanges\":{\"okx\":{}}}",
			"|not-configured|not-configured|not-configured|not-configured"},
		{"{\"enabled\":1,\"default\":{\"http\":{\"pool\":[" U
		 "],\"strategy\":\"random\"}}}",
			"|h:1|not-configured|h:1|not-configured"},
		{"{\"enabled\":1,\"default\":{\"http\":{\"pool\":{\"proxies\":[" U "]},"
		 "\"strategy\":\"random\"}}}",
			"|h:1|not-configured|h:1|not-configured"},
		{"{\"enabled\":1,\"default\":{\"http\":{\"url\":\"http://"
		 "h:9\",\"pool\":[" U "]}}}",
			"|h:1|not-configured|h:1|not-configured"},
		{"{\"enabled\":1,\"exchanges\":{\"okx\":{\"http\":{\"pool\":{\"proxies\":"
		 "\"default\"}}}},"
		 "\"default\":{\"http\":[]}}",
			NULL},
		{"{\"enabled\":1,\"exchanges\":{\"okx\":{\"http\":{\"pool\":{\"proxies\":"
		 "\"default\"}}}},"
		 "\"default\":{\"http\":{\"pool\":[" U ",\"http://h:2\"]}}}",
			"|h:1,h:2|not-configured|h:1,h:2|not-configured"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct reading reading;
		char out[256];

		read_text(&reading, rows[i].text);
		if (!reading.error != (rows[i].expected != NULL))
			fail_msg("%s: %s", rows[i].text, reading.fault.text);
		if (rows[i].expected) {
			lookups_of(&reading.settings, out, sizeof(out));
			if (strcmp(rows[i].expected, out) != 0)
				fail_msg("%s: %s, not %s", rows[i].text, out,
					rows[i].expected);
		}
		release(&reading);
	}
}

#define D    "{\"enabled\":true,\"default\":{\"http\":"
#define POOL D "{\"pool\":{\"proxies\":[" U "],"
#define END  "}}}}"

static void names_rule_and_place_of_each_fault(void **state)
{
	static const struct {
		const char *text, *expected; /* "line:column rule, ..." */
	} rows[] = {
		{"", "1:1 json-syntax"},
		{"[]", "1:1 type"},
		{"\"http://h:1\"", "1:1 type"},
		{"{\n  \"enabled\": true,\n}", "3:1 json-syntax"},
		{"\xef\xbb\xbf{\"x\":1}", "1:2 unknown-key"},
		{"{\"enabled\":true,\"\xc3\xa9\":0,\"x\":1}",
			"1:17 unknown-key, 1:23 unknown-key"},
		{"{\"enabled\":true,\n\"enabled\":false}", "2:1 duplicate-key"},
		{"{\"a\":1,\"proxy\":{},\"a\":2}", "1:19 duplicate-key"},
		{"{\"proxy\":[]}", "1:10 type"},
		{"{\"proxy\":{\"proxy\":{}}}", "1:11 refused-key"},
		{"{\"enabled\":null}", "1:12 type"},
		{"{\"enabled\":\"maybe\"}", "1:12 type"},
		{"{\"external_service\":{}}", "1:2 refused-key"},
		{"{\"global\":{}}", "1:2 refused-key"},
		{"{\"proxy_pool\":{}}", "1:2 refused-key"},
		{"{\"manager\":{},\"regional\":{}}", "1:2 refused-key, 1:15 refused-key"},
		{"{\"health_check\":{}}", "1:2 refused-key"},
		{"{\"proxies\":[" U "],\"default\":null}", "1:27 mixed-forms"},
		{"{\"proxies\":[" U "],\"sticky\":1}", "1:27 unknown-key"},
		{"{\"proxies\":[]}", "1:12 pool-empty"},
		{"{\"proxies\":null}", "1:12 type"},
		{"{\"proxies\":\"default\"}", "1:12 proxies-default"},
		{"{\"enabled\":true,\"default\":[]}", "1:27 type"},
		{"{\"enabled\":true,\"exchanges\":null}", "1:29 type"},
		{"{\"enabled\":true,\"exchanges\":{\"okx\":null}}", "1:36 type"},
		{"{\"enabled\":true,\"exchanges\":{\"okx\":{},\"OKX\":{}}}",
			"1:39 exchange-twice"},
		{"{\"enabled\":true,\"exchanges\":{\"o kx\":{}}}", "1:30 exchange-id"},
		{"{\"enabled\":true,\"exchanges\":{\"\":{}}}", "1:30 exchange-id"},
		{"{\"enabled\":true,\"exchanges\":{\"u@h\":{}}}", "1:30 exchange-id"},
		{"{\"enabled\":true,\"exchanges\":{\"http://h\":{}}}",
			"1:30 exchange-id"},
		{"{\"enabled\":true,\"exchanges\":{\"a_b\":{},\"a-b\":{}}}",
			"1:39 exchange-near-miss"},
		{"{\"enabled\":true,\"exchanges\":{\"Default\":{}}}",
			"1:30 exchange-unreachable"},
		{"{\"enabled\":true,\"default\":{\"rest\":" U ",\"timeout\":30}}",
			"1:48 refused-key"},
		{D "8080}}", "1:35 type"},
		{D "[" U "]}}", "1:35 type"},
		{D "{\"url\":8080}}}", "1:42 type"},
		{D "{\"url\":\"\"}}}", "1:43 url-empty"},
		{D "{\"url\":\"http://h:x\"}}}", "1:52 url-port"},
		{D "{\"url\":\"http://\\u0068:x\"}}}", "1:42 url-port"},
		{D "{\"url\":" U ",\"timeout\":3}}}", "1:55 refused-key"},
		{D "{\"url\":" U ",\"timeout_seconds\":null}}}", "1:73 type"},
		{D "{\"url\":" U ",\"timeout_seconds\":301}}}", "1:73 timeout-range"},
		{D "{\"url\":" U ",\"timeout_seconds\":18446744073709551646}}}",
			"1:73 timeout-range"},
		{D "{\"url\":" U ",\"strategy\":\"random\"}}}", "1:55 key-without-pool"},
		{D "{\"rollout_percent\":50,\"pool\":[" U "]}}}",
			"1:54 rollout-without-url"},
		{D "{\"rollout_percent\":101,\"pool\":[" U "]}}}", "1:54 rollout-range"},
		{D "{\"pool\":" U "}}}", "1:43 type"},
		{D "{\"pool\":[]}}}", "1:43 pool-empty"},
		{D "{\"pool\":{}}}}", "1:43 missing-key"},
		{D "{\"pool\":{\"proxies\":\"default\"}}}}", "1:54 proxies-default"},
		{D "{\"pool\":[" U "],\"proxies\":[]}}}", "1:58 refused-key"},
		{D "{\"pool\":[{\"weight\":1}]}}}", "1:44 missing-key"},
		{D "{\"pool\":[" U ",7,[]]}}}", "1:57 type, 1:59 type"},
		{POOL "\"strategy\":\"random\"},\"strategy\":\"random\"}}}",
			"1:90 key-twice"},
		{POOL "\"strategy\":null" END, "1:80 type"},
		{POOL "\"strategy\":\"Random\"" END, "1:80 choice"},
		{POOL "\"sticky\":true" END, "1:69 unknown-key"},
		{POOL "\"fallback\":\"url\"" END, "1:80 choice"},
		{POOL "\"health_check\":[]" END, "1:84 type"},
		{POOL "\"health_check\":{\"interval\":30,\"interval_seconds\":60}" END,
			"1:85 key-twice"},
		{POOL "\"health_check\":{\"interval\":4}" END, "1:96 interval-range"},
		{POOL "\"health_check\":{\"method\":\"http\"}" END,
			"1:94 default-check-url"},
		{POOL "\"health_check\":{\"method\":\"tunnel\"}" END,
			"1:94 check-url-missing"},
		{POOL "\"health_check\":{\"method\":\"websocket\",\"url\":\"http://h/"
		      "\"}" END,
			"1:112 check-url"},
		{POOL "\"health_check\":{\"method\":\"tunnel\",\"url\":\"h:443\"}" END,
			""},
		{POOL "\"health_check\":{\"method\":\"http\",\"url\":\"http://u:p@h/"
		      "\"}" END,
			"1:107 check-url"},
		{POOL "\"health_check\":{\"method\":\"http\",\"url\":\"http:///x\"}" END,
			"1:107 check-url"},
		{POOL "\"health_check\":{\"url\":\"http://h/\"}" END,
			"1:85 check-key-unused"},
		{POOL "\"health_check\":{\"method\":\"http\",\"url\":\"http://h/\","
		      "\"headers\":{\"A b\":\"x\",\"C\":\"x\\ny\",\"D\":1}}" END,
			"1:130 check-header, 1:144 check-header, 1:155 type"},
		{POOL "\"health_check\":{\"method\":\"http\",\"url\":\"http://h/\","
		      "\"expect_status\":[200,\"300-399\",700]}" END,
			"1:150 status-code"},
		{POOL "\"health_check\":{\"method\":\"http\",\"url\":\"http://h/\","
		      "\"expect_status\":[]}" END,
			"1:135 status-code"},
		{POOL "\"health_check\":{\"method\":\"http\",\"url\":\"http://h/\","
		      "\"request\":\"get\",\"expect_body\":\"\"}" END,
			"1:129 check-request, 1:149 check-body"},
		{POOL "\"breaker\":{\"open_seconds\":600}" END, "1:95 breaker-range"},
		{POOL "\"cooldown\":{\"statuses\":[99]}" END, "1:93 status-code"},
		{POOL "\"limits\":{\"requests\":5}" END, "1:78 limits-incomplete"},
		{POOL "\"limits\":{\"max_connections\":0}" END, "1:97 limits-range"},
		{POOL "\"metadata\":{},\"http_config\":{}" END,
			"1:69 refused-key, 1:83 refused-key"},
		{"{\"proxies\":[{\"url\":" U ",\"weight\":10.5,\"nmae\":1}]}",
			"1:42 weight-range, 1:47 unknown-key"},
		{"{\"proxies\":[{\"url\":" U ",\"name\":\"a b\"},{\"url\":" U
		 "},{\"url\":" U "}]}",
			"1:40 name, 1:47 duplicate-proxy, 1:68 duplicate-proxy"},
		{"{\"proxies\":[{\"url\":" U ",\"name\":\"a@b\"}]}", "1:40 name"},
		{"{\"proxies\":[{\"url\":" U ",\"name\":\"http://h:1\"}]}", "1:40 name"},
		{"{\"proxies\":[{\"url\":" U ",\"name\":\"us/east\"}]}", ""},
		{"{\"proxies\":[{\"url\":" U
		 ",\"name\":\"a\"},{\"url\":\"http://h:2\",\"name\":\"a\"}]}",
			"1:72 name-twice"},
		{"{\"proxies\":[{\"url\":\"http://u:p@h:1\",\"password_file\":\"x\"}]}",
			"1:37 password-twice"},
		{"{\"proxies\":[{\"url\":\"http://u@h:1\",\"password_file\":\"\"}]}",
			"1:51 password-file"},
		{"{\"proxies\":[{\"url\":" U ",\"enabled\":false}]}",
			"1:1 all-members-disabled"},
		{"{\"default\":{\"http\":" U "}}", "1:1 enabled-missing"},
		{D "{\"url\":" U ",\"pool\":[" U "]}}}", "1:36 url-beside-pool"},
		{D "{\"url\":" U ",\"pool\":[" U "],\"fallback\":\"fail\"}}}", ""},
		{D "{\"url\":" U ",\"pool\":[" U "],\"rollout_percent\":5}}}", ""},
		{D "{}}}", "1:35 empty-connection"},
		{D U ",\"rest\":" U "}}", "1:48 alias-ignored"},
		{D "{\"url\":\"http://a_b:1/x\"}}}",
			"1:42 url-host-underscore, 1:42 url-path"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct reading reading;
		char out[512] = "";
		size_t used = 0;

		read_text(&reading, rows[i].text);
		for (size_t k = 0; k < reading.found.count; k++)
			used += (size_t)snprintf(out + used, sizeof(out) - used,
				"%s%u:%u %s", k ? ", " : "", reading.found.list[k].line,
				reading.found.list[k].column, reading.found.list[k].rule);
		if (strcmp(rows[i].expected, out) != 0)
			fail_msg("%s\n  gives    %s\n  expected %s", rows[i].text, out,
				rows[i].expected);
		assert_int_equal(reading.found.errors ? POOL_EINVALID : 0, reading.error);
		release(&reading);
	}
}

static void gives_sentence_and_pointer(void **state)
{
	struct reading reading;

	(void)state;
	read_text(
		&reading, "{\"proxies\":[" U ",{\"url\":\"http://h:2\",\"weight\":12}]}");
	assert_int_equal(1, reading.found.count);
	assert_string_equal("weight: 12 is above 10", reading.found.list[0].text);
	assert_string_equal("/proxies/1/weight", reading.found.list[0].pointer);
	assert_int_equal(55, reading.found.list[0].column);
	assert_int_equal(57, reading.found.list[0].end_column);
	release(&reading);
}

static void shows_no_secret_anywhere(void **state)
{
	static const char *const texts[] = {
		"{\"proxies\":[\"http://mira:quartz7@h:x\",\"mira:quartz7@h:1\",\"http://"
		"mira:quartz7\","
		"\"http://mira:quartz7/@h:1\",\"x://mira:quartz7@h:1\",{\"url\":\"http://"
		"mira:quartz7@h:1"
		"\",\"password\":\"quartz7\",\"name\":\"http://"
		"mira:quartz7@h:1\",\"weight\":"
		"\"http://mira:quartz7@h:1\"},{\"http://"
		"mira:quartz7@h:1\":1}],\"strategy\":"
		"\"http://mira:quartz7@h:1\",\"url\":\"quartz7\"}",
		"{\"enabled\":\"mira:quartz7@h\",\"exchanges\":{\"http://"
		"mira:quartz7@h:1\":7}}",
		"{\"proxy\":\"http://mira:quartz7@h:1\",}",
		"{\"proxy\":\"http://mira:quartz7@h:1",
		"{'proxy':'http://mira:quartz7@h:1'}",
		"{\"proxy\":http://mira:quartz7@h:1}",
		"{\"proxy\":\"http://mira:quartz7\n@h:1\"}",
		"{\"proxies\":[\"http://mira:quartz7@h:1\",\"http://mira:quartz7@h:1\"]}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct reading reading;

		read_text(&reading, texts[i]);
		assert_true(reading.found.count > 0);
		assert_null(strstr(reading.fault.text, "quartz7"));
		for (size_t k = 0; k < reading.found.count; k++) {
			const struct pool_diagnostic *one = &reading.found.list[k];

			if (strstr(one->text, "quartz7") ||
				strstr(one->pointer, "quartz7") ||
				(one->source && strstr(one->source, "quartz7")))
				fail_msg("%s: %s %s %s", texts[i], one->text,
					one->pointer, one->source);
			assert_null(strstr(one->text, "mira"));
		}
		release(&reading);
	}
}

/* Whether <word> stands anywhere in the heap, in what was freed too. */
static bool heap_holds(const char *word)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned long from, to;
	char line[512], *bytes;
	bool found = false;

	assert_non_null(maps);
	assert_true(memory >= 0);
	while (!found && fgets(line, sizeof(line), maps)) {
		if (!strstr(line, "[heap]") || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		bytes = mmap(NULL, to - from, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(bytes != MAP_FAILED);
		assert_int_equal(to - from, pread(memory, bytes, to - from, (off_t)from));
		found = memmem(bytes, to - from, word, strlen(word)) != NULL;
		munmap(bytes, to - from);
	}
	close(memory);
	fclose(maps);
	return found;
}

/* Shorter passwords than a few words would be overwritten by the allocator itself. */
static void freed_memory_holds_no_secret(void **state)
{
	static const char format[] =
		"{\"proxies\":[\"http://u:%s1@a.test:1\",\"http://u:%s2@a.test:2\","
		"{\"url\":\"http://u:%s1@a.test:1\"}]}";
	char path[] = "/tmp/pool-test-XXXXXX", word[33] = {0}, text[512];
	int fd = mkstemp(path), length;
	struct pool_settings settings = {0};
	struct pool_diagnostics diagnostics = {0};
	struct pool_source source;

	(void)state;
	for (size_t i = 0; i < sizeof(word) - 1; i++)
		word[i] = (char)('a' + i * 7 % 26);
	length = snprintf(text, sizeof(text), format, word, word, word);
	assert_int_equal(length, write(fd, text, (size_t)length));
	close(fd);
	assert_int_equal(0, pool_source_read(&source, path, NULL));
	unlink(path);
	assert_int_equal(0, pool_config_read(&settings, &diagnostics, &source, NULL));
	pool_settings_release(&settings);
	pool_diagnostics_release(&diagnostics);
	pool_source_release(&source);
	assert_false(heap_holds(word + 8));
}

static void names_members_uniquely(void **state)
{
	static const char text[] = "{\"proxies\":[\"http://H:1\",\"socks5://"
				   "h:1\",{\"url\":\"http://h:2\",\"name\":"
				   "\"h:1#2\"},\"http://[::1]:3\",\"http://u:p@h:1/"
				   "\",{\"url\":\"http://x:1\",\"name\":\"y:1\"},"
				   "\"http://y:1\",\"http://a|b:1\"]}";
	static const char *const expected[] = {
		"h:1", "h:1#3", "h:1#2", "[::1]:3", "h:1#4", "y:1", "y:1#2", "a_b:1"};
	struct reading reading;

	(void)state;
	read_text(&reading, text);
	assert_int_equal(0, reading.error);
	assert_int_equal(COUNT(expected), reading.settings.leaves[0].member_count);
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_string_equal(
			expected[i], reading.settings.leaves[0].members[i].name);
	assert_true(reading.settings.leaves[0].members[2].named);
	assert_false(reading.settings.leaves[0].members[1].named);
	release(&reading);
}

/* Every key once, none at its default. */
static const char full[] =
	"{\"enabled\":true,\"default\":{\"http\":{\"url\":\"http://"
	"u:p@f:1\",\"timeout_seconds\":7,"
	"\"rollout_percent\":40,\"pool\":{\"proxies\":[{\"url\":\"HTTP://U:%70@H:1/"
	"\",\"name\":\"n\","
	"\"weight\":2.25,\"enabled\":false,\"max_connections\":3},{\"url\":\"socks5://"
	"x@h:2\","
	"\"password_file\":\"pw\"},\"http://"
	"h:1\"],\"strategy\":\"least_connections\",\"fallback\":\"fail\","
	"\"health_check\":{\"enabled\":false,\"method\":\"http\",\"interval\":45,"
	"\"timeout_seconds\":6,"
	"\"retry_count\":4,\"url\":\"https://t.test/"
	"x?y\",\"request\":\"HEAD\",\"headers\":"
	"{\"A\":\"b: "
	"c\",\"D\":\"\"},\"expect_status\":[204,\"300-302\"],\"expect_body\":\"o\\tk\","
	"\"control\":\"direct\",\"healthy_threshold\":3,\"unhealthy_threshold\":4},"
	"\"breaker\":{\"failure_threshold\":6,\"open_seconds\":31,\"max_open_seconds\":"
	"301,"
	"\"half_open_max\":2},\"cooldown\":{\"statuses\":[420],\"blocked\":[],"
	"\"seconds\":61,"
	"\"max_seconds\":62},\"limits\":{\"max_connections\":5,\"requests\":6,\"per_"
	"seconds\":7}}},"
	"\"websocket\":{}},\"exchanges\":{\"b\":{\"http\":{\"pool\":{\"proxies\":"
	"\"default\"}}},"
	"\"A\":{\"websocket\":\"socks5://w:1\",\"http\":null},\"c\":{}}}";

static void keeps_every_value(void **state)
{
	struct reading reading;
	const struct pool_leaf *leaf;

	(void)state;
	read_text(&reading, full);
	if (reading.error)
		fail_msg("%s", reading.fault.text);
	leaf = &reading.settings.leaves[reading.settings.default_leaf[POOL_TYPE_HTTP]];
	assert_string_equal("default.http", leaf->where);
	assert_string_equal("http://u:p@f:1", leaf->url);
	assert_int_equal(7, leaf->timeout_s);
	assert_int_equal(40, leaf->rollout_percent);
	assert_string_equal("HTTP://U:%70@H:1/", leaf->members[0].url);
	assert_int_equal(2250000, leaf->members[0].weight_micro);
	assert_false(leaf->members[0].enabled);
	assert_int_equal(3, leaf->members[0].max_connections);
	assert_string_equal("/etc/pools/pw", leaf->members[1].password_file);
	assert_int_equal(45, leaf->policy.interval_s);
	assert_string_equal("A: b: c\nD: \n", leaf->request.headers);
	assert_int_equal(301, leaf->policy.max_open_s);
	assert_int_equal(7, leaf->policy.budget_per_s);
	assert_int_equal(3, reading.settings.exchange_count);
	assert_string_equal("a", reading.settings.exchanges[0].id);
	assert_string_equal("b", reading.settings.exchanges[1].id);
	leaf = &reading.settings
			.leaves[reading.settings.exchanges[1].leaf[POOL_TYPE_HTTP]];
	assert_true(leaf->copies_default);
	assert_int_equal(3, leaf->member_count);
	assert_string_equal("exchanges.b.http", leaf->where);
	release(&reading);
}

static void normal_form_reads_back_the_same(void **state)
{
	static const char *const texts[] = {full, "{}", "{\"proxy\":" U "}",
		"{\"proxies\":[{\"url\":" U ",\"weight\":0.1},\"http://u:p@h:2\"]}",
		"{\"enabled\":true,\"exchanges\":{\"okx\":" U "}}"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct reading first, second;
		char *printed, *again;

		read_text(&first, texts[i]);
		assert_int_equal(0, first.error);
		printed = pool_config_print(&first.settings, true);
		assert_non_null(printed);
		read_text(&second, printed);
		if (second.error)
			fail_msg("%s\n%s", second.fault.text, printed);
		again = pool_config_print(&second.settings, true);
		assert_string_equal(printed, again);
		assert_int_equal(
			first.settings.exchange_count, second.settings.exchange_count);
		for (int type = 0; type < POOL_TYPES; type++) {
			uint32_t a = first.settings.default_leaf[type];
			uint32_t b = second.settings.default_leaf[type];

			assert_int_equal(a == POOL_NO_LEAF, b == POOL_NO_LEAF);
			if (a == POOL_NO_LEAF)
				continue;
			assert_memory_equal(&first.settings.leaves[a].policy,
				&second.settings.leaves[b].policy,
				sizeof(struct pool_policy));
			assert_int_equal(first.settings.leaves[a].member_count,
				second.settings.leaves[b].member_count);
			for (uint32_t k = 0; k < first.settings.leaves[a].member_count;
				k++)
				assert_string_equal(
					first.settings.leaves[a].members[k].name,
					second.settings.leaves[b].members[k].name);
		}
		free(printed);
		free(again);
		release(&first);
		release(&second);
	}
}

static void normal_form_hides_secrets(void **state)
{
	struct reading reading;
	char *printed;

	(void)state;
	read_text(&reading,
		"{\"proxies\":[\"http://mira:quartz7@h:1/"
		"x\"],\"health_check\":{\"method\":\"http\","
		"\"headers\":{\"Authorization\":\"Bearer quartz7\"}}}");
	assert_int_equal(0, reading.error);
	printed = pool_config_print(&reading.settings, false);
	assert_null(strstr(printed, "quartz7"));
	assert_null(strstr(printed, "mira"));
	assert_non_null(strstr(printed, "\"url\": \"http://***@h:1\""));
	assert_non_null(strstr(printed, "\"Authorization\": \"***\""));
	free(printed);
	release(&reading);
}

static void refuses_what_is_no_text(void **state)
{
	static const char *const paths[] = {
		"/", "/dev/zero", "/proc/self/exe", "/nonexistent"};

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct pool_source source;
		struct pool_fault fault = {0};

		assert_int_equal(
			POOL_ENOFILE, pool_source_read(&source, paths[i], &fault));
		assert_non_null(strstr(fault.text, paths[i]));
	}
}

static void names_a_near_miss(void **state)
{
	struct reading reading;
	struct pool_lookup lookup;

	(void)state;
	read_text(&reading,
		"{\"enabled\":true,\"exchanges\":{\"binance\":" U ",\"okx\":" U "}}");
	pool_settings_resolve(&reading.settings, "Binnace", POOL_TYPE_HTTP, &lookup);
	assert_false(lookup.known_exchange);
	assert_string_equal("binance", lookup.near_miss);
	pool_settings_resolve(&reading.settings, "BINANCE", POOL_TYPE_HTTP, &lookup);
	assert_true(lookup.known_exchange && lookup.own_entry);
	pool_settings_resolve(&reading.settings, "kraken", POOL_TYPE_HTTP, &lookup);
	assert_null(lookup.near_miss);
	release(&reading);
}

/* pool-validate looks up in the settings, pool-select in the snapshot. */
static void settings_and_snapshot_answer_alike(void **state)
{
	static const char *const ids[] = {NULL, "default", "Default", "", "binance",
		"BINANCE", "binanse", "BINANSE", "binacne1", "ok", "OKX", "OKXX", "okkx",
		"o", "kraken", "Krakken", "crakken2", "coinbase", "kraken kraken kraken"};
	static const char *const texts[] = {
		"{\"enabled\":true,\"default\":{\"http\":" U "},\"exchanges\":{"
		"\"Binance\":" U ",\"okx\":{\"websocket\":" U "},\"kraken\":{}}}",
		"{\"enabled\":false,\"exchanges\":{\"okx\":" U "}}",
		"{\"proxies\":[" U "]}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts) * COUNT(ids) * POOL_TYPES; i++) {
		const char *id = ids[i / POOL_TYPES % COUNT(ids)];
		enum pool_type type = (enum pool_type)(i % POOL_TYPES);
		struct pool_snapshot snapshot;
		struct pool_resolution there;
		struct pool_lookup here;
		struct reading reading;

		read_text(&reading, texts[i / POOL_TYPES / COUNT(ids)]);
		assert_int_equal(0, reading.error);
		assert_int_equal(0,
			pool_snapshot_compile(
				&snapshot, &reading.settings, NULL, NULL, 1, NULL));
		pool_settings_resolve(&reading.settings, id, type, &here);
		pool_snapshot_resolve(&snapshot, id, type, &there);
		assert_int_equal(here.leaf, there.leaf);
		assert_int_equal(here.reason, there.reason);
		assert_int_equal(here.own_entry, there.own_entry);
		assert_int_equal(here.known_exchange, there.known_exchange);
		assert_string_equal(here.near_miss ? here.near_miss : "-",
			there.near_miss ? there.near_miss : "-");
		pool_snapshot_release(&snapshot);
		release(&reading);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes_become_one_normal_form),
		cmocka_unit_test(names_rule_and_place_of_each_fault),
		cmocka_unit_test(gives_sentence_and_pointer),
		cmocka_unit_test(shows_no_secret_anywhere),
		cmocka_unit_test(freed_memory_holds_no_secret),
		cmocka_unit_test(names_members_uniquely),
		cmocka_unit_test(keeps_every_value),
		cmocka_unit_test(normal_form_reads_back_the_same),
		cmocka_unit_test(normal_form_hides_secrets),
		cmocka_unit_test(refuses_what_is_no_text),
		cmocka_unit_test(names_a_near_miss),
		cmocka_unit_test(settings_and_snapshot_answer_alike),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
