/* A list of proxies, one a line. */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/foreign.h"
#include "config/list_line.h"
#include "config/tree.h"

/* --- lines ------------------------------------------------------------------------ */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

bool pool_line_next(const struct pool_source *source, size_t *at, struct pool_line *line)
{
	const char *newline;
	size_t end;

	if (*at == 0)
		*at = pool_json_bom(source->bytes, source->length);
	if (*at >= source->length)
		return false;
	newline = memchr(source->bytes + *at, '\n', source->length - *at);
	end = newline ? (size_t)(newline - source->bytes) : source->length;
	line->at = *at;
	line->end = end;
	while (line->at < line->end && is_blank(source->bytes[line->at]))
		line->at++;
	while (line->end > line->at && is_blank(source->bytes[line->end - 1]))
		line->end--;
	*at = end + 1;
	return true;
}

int pool_lines_judge(
	const struct pool_source *source, struct pool_diagnostics *diagnostics)
{
	size_t at = pool_text_find_foreign(source->bytes, source->length);

	if (pool_foreign_tell_text(source, true, diagnostics))
		return POOL_EINVALID;
	if (at == source->length)
		return 0;
	pool_diagnostics_add(diagnostics, POOL_RULE_TEXT_ENCODING, at, at + 1, strdup(""),
		"%s", source->bytes[at] ? "this is not UTF-8" : "a NUL character");
	return POOL_EINVALID;
}

cJSON *pool_tree_begin_list(struct pool_tree *tree, const struct pool_source *source)
{
	cJSON *root = pool_tree_note(tree, cJSON_CreateObject(), 0, source->length, 0);
	cJSON *list = pool_tree_note(tree, cJSON_CreateArray(), 0, source->length, 0);

	if (!root || !list) {
		pool_tree_forget(root);
		pool_tree_forget(list);
		return NULL;
	}
	pool_tree_put(tree, NULL, NULL, root);
	pool_tree_put(tree, root, "proxies", list);
	return tree->broken ? NULL : list;
}

void pool_tree_put_text(
	struct pool_tree *tree, cJSON *list, const char *text, size_t at, size_t end)
{
	pool_tree_put(tree, list, NULL,
		text ? pool_tree_note(tree, cJSON_CreateString(text), at, end, at)
		     : NULL);
}

/* --- entries ---------------------------------------------------------------------- */

/* What stands behind a blank and a # is a comment. */
static size_t cut_comment(const char *bytes, const struct pool_line *line)
{
	for (size_t i = line->at + 1; i < line->end; i++) {
		size_t end = i;

		if (bytes[i] != '#' || !is_blank(bytes[i - 1]))
			continue;
		while (end > line->at && is_blank(bytes[end - 1]))
			end--;
		return end;
	}
	return line->end;
}

static bool is_comment(const char *text, size_t length)
{
	return length == 0 || *text == '#' || *text == ';' ||
		(length > 1 && memcmp(text, "//", 2) == 0);
}

static void read_entry(struct pool_tree *tree, cJSON *list,
	const struct pool_source *source, const struct pool_line *line,
	struct pool_diagnostics *diagnostics)
{
	char *text = strndup(source->bytes + line->at, line->end - line->at), *made;
	struct pool_text url = POOL_TEXT_SECRET;
	char why[POOL_LIST_LINE_WHY];

	if (!text) {
		tree->broken = true;
		return;
	}
	if (pool_list_line_read(
		    &url, text, source->scheme ? source->scheme : "http", why)) {
		made = pool_text_take(&url);
		pool_tree_put_text(tree, list, made, line->at, line->end);
		pool_text_forget(made);
	} else {
		pool_diagnostics_add(diagnostics, POOL_RULE_LIST_LINE, line->at,
			line->end, strdup(""), "%s", why);
	}
	pool_text_release(&url);
	pool_text_forget(text);
}

int pool_list_read(struct pool_tree *tree, const struct pool_source *source,
	struct pool_diagnostics *diagnostics)
{
	int error = pool_lines_judge(source, diagnostics);
	cJSON *list = pool_tree_begin_list(tree, source);
	const size_t errors = diagnostics->errors;
	struct pool_line line;
	size_t at = 0;

	if (error)
		return error;
	while (list && !tree->broken && pool_line_next(source, &at, &line)) {
		if (is_comment(source->bytes + line.at, line.end - line.at))
			continue;
		line.end = cut_comment(source->bytes, &line);
		read_entry(tree, list, source, &line, diagnostics);
	}
	if (tree->broken)
		return POOL_ENOMEM;
	/* What is wrong is told: not that the list is empty as well. */
	return list && !list->child && diagnostics->errors > errors ? POOL_EINVALID : 0;
}
