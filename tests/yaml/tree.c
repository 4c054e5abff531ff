/*
 * tree: what the tools understand of YAML, for tests/yaml/differ to compare.
 *
 * Reads documents from standard input, each behind a line with its length in bytes, and
 * answers each with one line of JSON: a string that says why it is refused, or a value:
 * ["s","text"], ["n","number"], ["b",true], ["z"] for null, ["odd"] for what is refused
 * where it is used, ["l",VALUE...], ["m",["key",is-odd,VALUE]...].
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/text.h"
#include "config/tree.h"

static void add_value(struct pool_text *out, const cJSON *item);

/* As a string of JSON. pool_text_add_json() would replace what terminals stumble over. */
static void add_string(struct pool_text *out, const char *string)
{
	cJSON *item = cJSON_CreateString(string);
	char *text = item ? cJSON_PrintUnformatted(item) : NULL;

	if (!text)
		exit(1);
	pool_text_add(out, text);
	cJSON_free(text);
	cJSON_Delete(item);
}

static void add_text(struct pool_text *out, const char *kind, const char *text)
{
	pool_text_addf(out, "[\"%s\",", kind);
	add_string(out, text);
	pool_text_add(out, "]");
}

static void add_pair(struct pool_text *out, const cJSON *item)
{
	pool_text_add(out, "[");
	add_string(out, item->string);
	pool_text_addf(out, ",%s,", item->type & POOL_ITEM_ODD_KEY ? "true" : "false");
	add_value(out, item);
	pool_text_add(out, "]");
}

static void add_children(struct pool_text *out, const char *kind, const cJSON *item)
{
	pool_text_addf(out, "[\"%s\"", kind);
	for (const cJSON *child = item->child; child; child = child->next) {
		pool_text_add(out, ",");
		if (child->string)
			add_pair(out, child);
		else
			add_value(out, child);
	}
	pool_text_add(out, "]");
}

static void add_value(struct pool_text *out, const cJSON *item)
{
	if (cJSON_IsString(item))
		add_text(out, "s", item->valuestring);
	else if (cJSON_IsNumber(item))
		add_text(out, "n", item->valuestring);
	else if (cJSON_IsBool(item))
		pool_text_addf(out, "[\"b\",%s]", cJSON_IsTrue(item) ? "true" : "false");
	else if (cJSON_IsNull(item))
		pool_text_add(out, "[\"z\"]");
	else if (cJSON_IsRaw(item))
		pool_text_add(out, "[\"odd\"]");
	else
		add_children(out, cJSON_IsArray(item) ? "l" : "m", item);
}

static int answer(char *bytes, size_t length)
{
	const struct pool_source source = {.bytes = bytes, .length = length};
	struct pool_diagnostics found = {0};
	struct pool_tree tree = {0};
	struct pool_text out = POOL_TEXT_EMPTY;
	int error = pool_yaml_read(&tree, &source, &found);

	if (!error)
		add_value(&out, tree.root);
	else if (error == POOL_EINVALID && found.errors)
		add_string(&out, found.list[0].text);
	if (out.length)
		puts(out.bytes);
	error = !out.length || out.broken;
	pool_text_release(&out);
	pool_tree_release(&tree);
	pool_diagnostics_release(&found);
	return error;
}

int main(void)
{
	char line[32];

	while (fgets(line, sizeof(line), stdin)) {
		size_t length = strtoul(line, NULL, 10);
		char *bytes = calloc(1, length + 1);
		int error = !bytes || fread(bytes, 1, length, stdin) != length ||
			answer(bytes, length);

		free(bytes);
		if (error)
			return 1;
	}
	return fflush(stdout) ? 1 : 0;
}
