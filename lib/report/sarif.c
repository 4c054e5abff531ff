/* Judged pool files as SARIF 2.1.0, the format of code scanning. */
#include <stdio.h>
#include <string.h>
#include "config/build.h"
#include "report/verdicts.h"

static const char *const schema =
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
	"sarif-schema-2.1.0.json";

/* {"text": ...} */
static void add_message(cJSON *object, const char *name, const char *text)
{
	pool_json_add_string(pool_json_add_object(object, name), "text", text);
}

/* --- the tool ------------------------------------------------------------------- */

static void add_rules(cJSON *driver)
{
	size_t count;
	const struct pool_rule *rules = pool_rules_get(&count);
	cJSON *list = pool_json_add_array(driver, "rules");

	for (size_t i = 0; i < count; i++) {
		cJSON *rule = cJSON_CreateObject(), *configuration;

		pool_json_add_string(rule, "id", rules[i].name);
		add_message(rule, "shortDescription", rules[i].summary);
		add_message(rule, "help", rules[i].advice);
		configuration = pool_json_add_object(rule, "defaultConfiguration");
		pool_json_add_string(configuration, "level",
			pool_severity_get(rules[i].severity)->name);
		pool_json_append(list, rule);
	}
}

static void add_tool(cJSON *run)
{
	cJSON *tool = pool_json_add_object(run, "tool");
	cJSON *driver = pool_json_add_object(tool, "driver");

	pool_json_add_string(driver, "name", "pool-validate");
	pool_json_add_string(driver, "version", POOL_VERSION);
	pool_json_add_string(driver, "semanticVersion", POOL_VERSION);
	add_rules(driver);
}

/* --- places --------------------------------------------------------------------- */

/* A URI, relative where the path is. */
static void add_uri(struct pool_text *out, const char *path)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

	if (*path == '/')
		pool_text_add(out, "file://");
	for (; *path; path++) {
		if (strchr(plain, *path))
			pool_text_add_bytes(out, path, 1);
		else
			pool_text_addf(out, "%%%02X", (unsigned char)*path);
	}
}

static void add_region(cJSON *physical, const struct pool_diagnostic *one)
{
	cJSON *region;

	if (!one || one->origin || !one->line)
		return;
	region = pool_json_add_object(physical, "region");
	pool_json_add_number(region, "startLine", one->line);
	pool_json_add_number(region, "startColumn", one->column);
	if (one->end_column)
		pool_json_add_number(region, "endColumn", one->end_column);
}

static void add_variable(cJSON *location, const char *name)
{
	cJSON *list = pool_json_add_array(location, "logicalLocations");
	cJSON *variable = cJSON_CreateObject();

	pool_json_add_string(variable, "fullyQualifiedName", name);
	pool_json_add_string(variable, "kind", "variable");
	pool_json_append(list, variable);
}

static void add_location(cJSON *object, const struct pool_finding *finding)
{
	const struct pool_diagnostic *one = finding->diagnostic;
	cJSON *list = pool_json_add_array(object, "locations");
	cJSON *location = cJSON_CreateObject(), *physical, *artifact;
	struct pool_text uri = POOL_TEXT_EMPTY;

	pool_json_append(list, location);
	if (strcmp(finding->file->file, POOL_FILE_ENVIRONMENT) != 0) {
		add_uri(&uri, finding->path);
		physical = pool_json_add_object(location, "physicalLocation");
		artifact = pool_json_add_object(physical, "artifactLocation");
		pool_json_add_text(artifact, "uri", &uri);
		add_region(physical, one);
	}
	if (one && one->origin)
		add_variable(location, one->origin);
}

/* --- what was found -------------------------------------------------------------- */

static void add_text(cJSON *object, const struct pool_finding *finding)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_finding_tell(finding, &text);
	pool_json_add_text(pool_json_add_object(object, "message"), "text", &text);
}

static cJSON *describe_result(const struct pool_finding *finding)
{
	const struct pool_diagnostic *one = finding->diagnostic;
	cJSON *result = cJSON_CreateObject(), *prints;

	pool_json_add_string(result, "ruleId", one->rule);
	pool_json_add_number(result, "ruleIndex", pool_rule_find(one->rule));
	pool_json_add_string(result, "level", pool_severity_get(one->severity)->name);
	add_text(result, finding);
	add_location(result, finding);
	prints = pool_json_add_object(result, "partialFingerprints");
	/* The name that GitHub reserves would get a warning a line from its upload. */
	pool_json_add_string(prints, "poolDiagnostic/v1", finding->fingerprint);
	return result;
}

static cJSON *describe_notification(const struct pool_finding *finding)
{
	cJSON *notification = cJSON_CreateObject();

	pool_json_add_string(notification, "level", "error");
	add_text(notification, finding);
	add_location(notification, finding);
	return notification;
}

/* Results, and in the invocation those that are none: files that could not be read. */
static void add_findings(cJSON *run, const struct pool_findings *findings)
{
	cJSON *list = pool_json_add_array(run, "invocations");
	cJSON *invocation = cJSON_CreateObject(), *notifications, *results;
	bool all_read = true;

	for (size_t i = 0; i < findings->count; i++)
		all_read = all_read && findings->list[i].diagnostic;
	pool_json_append(list, invocation);
	pool_json_add_bool(invocation, "executionSuccessful", all_read);
	notifications = pool_json_add_array(invocation, "toolExecutionNotifications");
	results = pool_json_add_array(run, "results");
	for (size_t i = 0; i < findings->count; i++) {
		const struct pool_finding *finding = &findings->list[i];

		if (finding->diagnostic)
			pool_json_append(results, describe_result(finding));
		else
			pool_json_append(notifications, describe_notification(finding));
	}
}

char *pool_verdicts_sarif(const struct pool_verdicts *verdicts)
{
	cJSON *root = cJSON_CreateObject(), *runs, *run = cJSON_CreateObject();
	struct pool_findings findings;
	bool whole = pool_findings_init(&findings, verdicts);

	pool_json_add_string(root, "$schema", schema);
	pool_json_add_string(root, "version", "2.1.0");
	runs = pool_json_add_array(root, "runs");
	pool_json_append(runs, run);
	add_tool(run);
	pool_json_add_string(run, "columnKind", "unicodeCodePoints");
	if (whole)
		add_findings(run, &findings);
	pool_findings_release(&findings);
	if (whole)
		return pool_json_take(root);
	cJSON_Delete(root);
	return NULL;
}
