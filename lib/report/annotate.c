/* Judged pool files for the pages of GitHub and GitLab. */
#include <string.h>
#include "config/build.h"
#include "report/verdicts.h"

/* --- GitHub Actions: workflow commands ------------------------------------------ */

/* <text> with the bytes of <codes> as percent codes. */
static void add_escaped(struct pool_text *out, const char *text, const char *codes)
{
	for (; *text; text++) {
		if (strchr(codes, *text))
			pool_text_addf(out, "%%%02X", (unsigned char)*text);
		else
			pool_text_add_bytes(out, text, 1);
	}
}

static void add_property(struct pool_text *out, const char *name, const char *value)
{
	pool_text_addf(out, "%s=", name);
	add_escaped(out, value, "%\r\n:,");
}

/* Where it is: of a variable there is nothing to point at. */
static void add_place(struct pool_text *out, const struct pool_finding *finding)
{
	const struct pool_diagnostic *one = finding->diagnostic;

	if (one && one->origin)
		return;
	add_property(out, "file", finding->path);
	if (one && one->line)
		pool_text_addf(out, ",line=%u,col=%u", one->line, one->column);
	if (one && one->line && one->end_column)
		pool_text_addf(out, ",endColumn=%u", one->end_column);
	pool_text_add(out, ",");
}

static void add_command(struct pool_text *out, const struct pool_finding *finding)
{
	static const char *const commands[POOL_SEVERITIES] = {
		[POOL_NOTE] = "notice",
		[POOL_WARNING] = "warning",
		[POOL_ERROR] = "error",
	};
	const struct pool_diagnostic *one = finding->diagnostic;
	struct pool_text message = POOL_TEXT_EMPTY;

	pool_text_addf(out, "::%s ", commands[one ? one->severity : POOL_ERROR]);
	add_place(out, finding);
	add_property(out, "title", pool_finding_rule(finding));
	pool_text_add(out, "::");
	pool_finding_tell(finding, &message);
	add_escaped(out, message.bytes ? message.bytes : "", "%\r\n");
	pool_text_add(out, "\n");
	out->broken |= message.broken;
	pool_text_release(&message);
}

char *pool_verdicts_github(const struct pool_verdicts *verdicts)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	struct pool_findings findings;

	text.broken = !pool_findings_init(&findings, verdicts);
	for (size_t i = 0; !text.broken && i < findings.count; i++)
		add_command(&text, &findings.list[i]);
	pool_findings_release(&findings);
	return pool_text_take(&text);
}

/* --- GitLab: Code Quality ------------------------------------------------------- */

static const char *rate(const struct pool_diagnostic *one)
{
	static const char *const words[POOL_SEVERITIES] = {
		[POOL_NOTE] = "info",
		[POOL_WARNING] = "minor",
		[POOL_ERROR] = "major",
	};

	return one ? words[one->severity] : "blocker";
}

static cJSON *describe_issue(const struct pool_finding *finding)
{
	const struct pool_diagnostic *one = finding->diagnostic;
	cJSON *issue = cJSON_CreateObject(), *location, *lines;
	struct pool_text text = POOL_TEXT_EMPTY, path = POOL_TEXT_EMPTY;

	pool_finding_tell(finding, &text);
	pool_text_add_safe(&path, finding->path, strlen(finding->path));
	pool_json_add_text(issue, "description", &text);
	pool_json_add_string(issue, "check_name", pool_finding_rule(finding));
	pool_json_add_string(issue, "fingerprint", finding->fingerprint);
	pool_json_add_string(issue, "severity", rate(one));
	location = pool_json_add_object(issue, "location");
	pool_json_add_text(location, "path", &path);
	lines = pool_json_add_object(location, "lines");
	pool_json_add_number(
		lines, "begin", one && !one->origin && one->line ? one->line : 1);
	return issue;
}

char *pool_verdicts_gitlab(const struct pool_verdicts *verdicts)
{
	cJSON *issues = cJSON_CreateArray();
	struct pool_findings findings;
	bool whole = pool_findings_init(&findings, verdicts);

	for (size_t i = 0; whole && i < findings.count; i++)
		pool_json_append(issues, describe_issue(&findings.list[i]));
	pool_findings_release(&findings);
	if (whole)
		return pool_json_take(issues);
	cJSON_Delete(issues);
	return NULL;
}
