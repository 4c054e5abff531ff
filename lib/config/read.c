/* From the text of a pool file to its settings. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "config/foreign.h"
#include "config/parsers.h"
#include "config/tree.h"
#include "config/walk.h"

static bool has_extension(const struct pool_source *source, const char *extension)
{
	const char *dot = source->path ? strrchr(source->path, '.') : NULL;

	return dot && strcasecmp(dot, extension) == 0;
}

static enum pool_input find_input(const struct pool_source *source)
{
	if (source->input != POOL_INPUT_AUTO)
		return source->input;
	return has_extension(source, ".yaml") || has_extension(source, ".yml")
		? POOL_INPUT_YAML
		: POOL_INPUT_JSON;
}

static int parse_json(const struct pool_source *source, struct pool_positions *positions,
	struct pool_diagnostics *diagnostics, cJSON **tree)
{
	size_t bom = pool_json_bom(source->bytes, source->length);
	struct pool_json_fault wrong;
	int error = pool_json_scan(positions, source->bytes, source->length, &wrong);

	if (error == POOL_EINVALID)
		pool_diagnostics_add(diagnostics, wrong.rule, wrong.at, wrong.at + 1,
			strdup(""), "%s", wrong.text);
	if (error)
		return error;
	/* The scanner has accepted it: only memory can be lacking now. */
	*tree = cJSON_ParseWithLengthOpts(
		source->bytes + bom, source->length - bom + 1, NULL, 1);
	return *tree ? 0 : POOL_ENOMEM;
}

/* What is no JSON is read into a tree of the same kind. */
static const pool_tree_reader tree_readers[POOL_INPUTS] = {
	[POOL_INPUT_YAML] = pool_yaml_read,
	[POOL_INPUT_LIST] = pool_list_read,
	[POOL_INPUT_PROXYCHAINS] = pool_proxychains_read,
};

static const enum pool_excerpt_kind excerpts[POOL_INPUTS] = {
	[POOL_INPUT_YAML] = POOL_EXCERPT_YAML,
	[POOL_INPUT_LIST] = POOL_EXCERPT_LINES,
	[POOL_INPUT_PROXYCHAINS] = POOL_EXCERPT_LINES,
};

static int parse(const struct pool_source *source, struct pool_positions *positions,
	struct pool_diagnostics *diagnostics, cJSON **root)
{
	const pool_tree_reader read = tree_readers[find_input(source)];
	struct pool_tree tree = {0};
	int error;

	if (!read)
		return parse_json(source, positions, diagnostics, root);
	error = read(&tree, source, diagnostics);
	if (!error)
		error = pool_tree_finish(&tree, positions);
	if (!error) {
		*root = tree.root;
		tree.root = NULL;
	}
	pool_tree_release(&tree);
	return error;
}

/* Root's choice of a group is meant, as proxypool's is; so is a group of one's own. */
static bool others_can_read(const struct stat *status)
{
	return (status->st_mode & S_IROTH) ||
		((status->st_mode & S_IRGRP) && status->st_uid != 0 &&
			!pool_trust_is_own_group(status->st_uid, status->st_gid));
}

static void judge_secrecy(struct walk *walk)
{
	static const char *const words[LITERALS][2] = {
		[LITERAL_PROXY] = {"proxy has credentials", "proxies have credentials"},
		[LITERAL_CHECK] = {"header or query of a check has a key",
			"headers and queries of checks have keys"},
	};
	const struct pool_source *source = walk->source;

	if (!source->regular || !others_can_read(&source->status))
		return;
	for (int i = 0; i < LITERALS; i++) {
		struct literals *literals = &walk->literals[i];
		char *pointer = literals->pointer;

		if (!literals->count)
			continue;
		/* Handed over; NULL if there was no memory for it, which is noticed
		 * there. */
		literals->pointer = NULL;
		pool_diagnostics_add(walk->diagnostics, POOL_RULE_LITERAL_CREDENTIALS,
			literals->at, literals->at, pointer,
			"%zu %s in clear text, and others can read this file (mode %04o)",
			literals->count, words[i][literals->count != 1],
			(unsigned)source->status.st_mode & 0777);
	}
}

static void judge_writers(struct walk *walk, const struct place *root)
{
	struct pool_trust trust = walk->source->trust;

	/* A stranger's proxies are used, but nothing is told to them. */
	trust.strange = trust.strange && walk->wants_secrets;
	pool_tell_trust(walk, root, "", &trust, "its proxies get no secret");
}

static void read_tree(struct walk *walk, cJSON *tree)
{
	struct place root = {.value = tree};

	pool_walk_judge_keys(walk, &root);
	pool_read_document(walk, &root);
	judge_secrecy(walk);
	judge_writers(walk, &root);
}

static int load_parsers(const struct pool_source *source, struct pool_fault *fault)
{
	int error = pool_parser_load(POOL_PARSER_JSON, fault);

	if (!error && find_input(source) == POOL_INPUT_YAML)
		error = pool_parser_load(POOL_PARSER_YAML, fault);
	return error;
}

int pool_config_read(struct pool_settings *settings, struct pool_diagnostics *diagnostics,
	const struct pool_source *source, struct pool_fault *fault)
{
	struct pool_positions positions = {0};
	struct walk walk = {.source = source, .diagnostics = diagnostics};
	enum pool_excerpt_kind excerpt = excerpts[find_input(source)];
	cJSON *tree = NULL;
	int error;

	error = load_parsers(source, fault);
	if (error)
		return error;
	pool_settings_init(&walk.settings);
	/* Anything may stand in the text of another format: it is shown as lines are. */
	if (excerpt != POOL_EXCERPT_LINES &&
		pool_foreign_tell_text(source, false, diagnostics)) {
		error = POOL_EINVALID;
		excerpt = POOL_EXCERPT_LINES;
	} else {
		error = parse(source, &positions, diagnostics, &tree);
	}
	walk.nodes = positions.nodes;
	if (!error)
		read_tree(&walk, tree);
	pool_diagnostics_locate(diagnostics, source->bytes, source->length, excerpt);
	if (error == POOL_ENOMEM || walk.no_memory || diagnostics->broken)
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	else if (diagnostics->errors)
		error = pool_fault_set(fault, POOL_EINVALID, 0, "%s:%u:%u: %s",
			source->path ? source->path : "-", diagnostics->list[0].line,
			diagnostics->list[0].column, diagnostics->list[0].text);
	if (error)
		pool_settings_release(&walk.settings);
	else
		*settings = walk.settings;
	pool_walk_forget_literals(&walk);
	pool_tree_forget(tree);
	pool_positions_release(&positions);
	return error;
}
