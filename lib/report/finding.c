/* What can be told of judged files, with paths and fingerprints for CI systems. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "report/verdicts.h"

/* --- paths ---------------------------------------------------------------------- */

/* <file> as seen from <folder>: without "./" and doubled slashes. */
static char *relate(const char *file, const char *folder)
{
	size_t length = folder ? strlen(folder) : 0;
	struct pool_text path = POOL_TEXT_EMPTY;

	if (length && strncmp(file, folder, length) == 0 && file[length] == '/')
		file += length + 1;
	else if (*file == '/')
		pool_text_add(&path, "/");
	while (*file) {
		size_t part = strcspn(file, "/");

		if (part && !(part == 1 && *file == '.')) {
			pool_text_add_bytes(&path, file, part);
			if (file[part])
				pool_text_add(&path, "/");
		}
		file += part + (file[part] == '/');
	}
	return pool_text_take(&path);
}

/* --- fingerprints --------------------------------------------------------------- */

/* One finding's while equal ones are numbered. */
struct mark {
	struct pool_hash hash;
	size_t index;
};

static bool is_item(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isdigit((unsigned char)text[i]))
			return false;
	return length > 0;
}

/* A pointer without the numbers of items: "/proxies/3/weight" is "/proxies//weight". */
static void add_pointer(struct pool_text *out, const char *pointer)
{
	while (*pointer) {
		size_t length = strcspn(++pointer, "/");

		pool_text_add(out, "/");
		if (!is_item(pointer, length))
			pool_text_add_bytes(out, pointer, length);
		pointer += length;
	}
}

/* A sentence without them: "proxies[3]: ..." is "proxies[]: ...". */
static void add_sentence(struct pool_text *out, const char *text)
{
	for (; *text; text++) {
		size_t length = *text == '[' ? strcspn(text + 1, "]") : 0;

		pool_text_add_bytes(out, text, 1);
		if (is_item(text + 1, length))
			text += length;
	}
}

static bool hash_finding(const struct pool_finding *finding, struct pool_hash *out)
{
	static const struct pool_hash_key zero;
	const struct pool_diagnostic *one = finding->diagnostic;
	struct pool_text text = POOL_TEXT_EMPTY;
	bool whole;

	pool_text_addf(&text, "%s\n%s\n", finding->path, pool_finding_rule(finding));
	if (one) {
		pool_text_addf(&text, "%s\n", one->origin ? one->origin : "");
		add_pointer(&text, one->pointer);
		pool_text_add(&text, "\n");
		add_sentence(&text, one->text);
	}
	whole = !text.broken;
	if (whole)
		*out = pool_hash_128(&zero, text.bytes, text.length);
	pool_text_release(&text);
	return whole;
}

static int compare_marks(const void *a, const void *b)
{
	const struct mark *left = a, *right = b;

	if (left->hash.high != right->hash.high)
		return left->hash.high < right->hash.high ? -1 : 1;
	if (left->hash.low != right->hash.low)
		return left->hash.low < right->hash.low ? -1 : 1;
	return left->index < right->index ? -1 : left->index > right->index;
}

static void print_fingerprint(char *out, size_t size, const struct mark *mark, size_t nth)
{
	int used = snprintf(
		out, size, "%016" PRIx64 "%016" PRIx64, mark->hash.high, mark->hash.low);

	if (nth > 1)
		snprintf(out + used, size - (size_t)used, "-%zu", nth);
}

/* Equal ones are numbered in their order. */
static bool add_fingerprints(struct pool_findings *findings)
{
	struct mark *marks = calloc(findings->count + 1, sizeof(*marks));
	size_t nth = 1;
	bool done = marks != NULL;

	for (size_t i = 0; done && i < findings->count; i++) {
		marks[i].index = i;
		done = hash_finding(&findings->list[i], &marks[i].hash);
	}
	if (done)
		qsort(marks, findings->count, sizeof(*marks), compare_marks);
	for (size_t i = 0; done && i < findings->count; i++) {
		struct pool_finding *finding = &findings->list[marks[i].index];

		nth = i && pool_hash_equal(&marks[i].hash, &marks[i - 1].hash) ? nth + 1
									       : 1;
		print_fingerprint(finding->fingerprint, sizeof(finding->fingerprint),
			&marks[i], nth);
	}
	free(marks);
	return done;
}

/* --- findings ------------------------------------------------------------------- */

static void add_findings(struct pool_findings *findings, const struct pool_judged *judged,
	const char *path)
{
	const struct pool_finding finding = {.file = judged, .path = path};

	if (judged->fault.code)
		findings->list[findings->count++] = finding;
	for (size_t i = 0; i < judged->found.count; i++) {
		findings->list[findings->count] = finding;
		findings->list[findings->count++].diagnostic = &judged->found.list[i];
	}
}

bool pool_findings_init(
	struct pool_findings *findings, const struct pool_verdicts *verdicts)
{
	size_t room = 1;

	*findings = (struct pool_findings){0};
	for (size_t i = 0; i < verdicts->count; i++)
		room += verdicts->list[i].found.count + 1;
	findings->list = calloc(room, sizeof(*findings->list));
	findings->paths = calloc(verdicts->count + 1, sizeof(*findings->paths));
	if (!findings->list || !findings->paths)
		return false;
	for (size_t i = 0; i < verdicts->count; i++) {
		char *path = relate(verdicts->list[i].file, verdicts->folder);

		if (!path)
			return false;
		findings->paths[findings->path_count++] = path;
		add_findings(findings, &verdicts->list[i], path);
	}
	return add_fingerprints(findings);
}

void pool_findings_release(struct pool_findings *findings)
{
	for (size_t i = 0; i < findings->path_count; i++)
		free(findings->paths[i]);
	free(findings->paths);
	free(findings->list);
	*findings = (struct pool_findings){0};
}

const char *pool_finding_rule(const struct pool_finding *finding)
{
	return finding->diagnostic ? finding->diagnostic->rule : "unreadable";
}

void pool_finding_tell(const struct pool_finding *finding, struct pool_text *out)
{
	const struct pool_diagnostic *one = finding->diagnostic;

	if (!one) {
		pool_text_add(out, finding->file->fault.text);
		return;
	}
	if (one->origin && one->line)
		pool_text_addf(out, "%s:%u:%u: ", one->origin, one->line, one->column);
	else if (one->origin)
		pool_text_addf(out, "%s: ", one->origin);
	pool_text_add(out, one->text);
}
