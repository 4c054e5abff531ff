/* pool-status --prune: list and remove what is left of pool files that are gone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "state/prune.h"
#include "status_prune.h"
#include "tool_report.h"

struct report {
	const char *folder;
	bool dry_run, quiet;
	bool failed;
	struct pool_text text;
};

static void add_line(struct report *report, const struct pool_pruned *pruned)
{
	struct pool_text *text = &report->text;
	const char *left = NULL;

	if (pruned->as == POOL_PRUNE_IN_USE)
		left = "another process uses it: left";
	else if (pruned->as == POOL_PRUNE_UNKNOWN)
		left = "nothing says whose it is: left";
	pool_text_add_safe(text, report->folder, strlen(report->folder));
	pool_text_add_safe(text, pruned->name, strlen(pruned->name));
	pool_text_add(text, ": ");
	if (pruned->pool_file) {
		pool_text_add(text, "'");
		pool_text_add_safe(text, pruned->pool_file, strlen(pruned->pool_file));
		pool_text_add(text, "' is gone");
		pool_text_add(text, left ? ", but " : ": ");
	}
	if (left)
		pool_text_add(text, left);
	else
		pool_text_addf(text, "%zu file%s %s", pruned->files,
			pruned->files == 1 ? "" : "s",
			report->dry_run ? "to remove" : "removed");
	pool_text_add(text, "\n");
}

static void tell(void *context, const struct pool_pruned *pruned)
{
	struct report *report = context;

	if (pruned->as == POOL_PRUNE_REFUSED) {
		report->failed = true;
		tool_error("cannot remove '%s%s': %s", report->folder, pruned->name,
			strerror(pruned->sys_errno));
	} else if (!report->quiet || pruned->as == POOL_PRUNED) {
		add_line(report, pruned);
	}
}

/* There is no folder to go through. */
static int refuse_place(const struct tool_spec *spec, const char *state)
{
	const char *given = state ? state : getenv("POOL_STATE");

	if (!given || !*given)
		return tool_refuse(spec, TOOL_USAGE,
			"--prune goes through a folder: give one with -s");
	return tool_refuse(spec, TOOL_USAGE, "--prune goes through a folder: '%s' is %s",
		given, access(given, F_OK) == 0 ? "none" : "not there");
}

int status_prune(
	const struct tool_spec *spec, const char *state, bool dry_run, bool quiet)
{
	struct report report = {.dry_run = dry_run, .quiet = quiet};
	char folders[TOOL_STATE_FOLDERS][TOOL_PATH_SIZE];
	size_t count = tool_find_state_folders(state, folders);
	int status = TOOL_YES;

	if (!count)
		return refuse_place(spec, state);
	for (size_t i = 0; !status && i < count; i++) {
		struct pool_fault fault = {0};

		report.folder = folders[i];
		if (pool_state_prune(folders[i], dry_run, tell, &report, &fault) == 0)
			continue;
		/* Where nothing was ever stored there is nothing to remove. */
		if (fault.sys_errno != ENOENT)
			status = tool_refuse_by(spec, &fault);
	}
	if (!status && report.failed)
		status = TOOL_SYSTEM;
	return tool_print_text(spec, &report.text, status);
}
