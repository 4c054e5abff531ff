/* Judged pool files as SARIF 2.1.0, the format of code scanning. */
#include <stdio.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "config/json.h"
#include "report/verdicts.h"

static const char *const schema =
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
	"sarif-schema-2.1.0.json";

static const char *level(enum pool_severity severity)
{
	return severity == POOL_ERROR ? "error" : "warning";
}

/* {"text": ...} */
static cJSON *add_message(cJSON *object, const char *name, const char *text)
{
	cJSON *message = cJSON_AddObjectToObject(object, name);

	cJSON_AddStringToObject(message, "text", text);
	return message;
}

/* --- the tool ------------------------------------------------------------------- */

static void add_rules(cJSON *driver)
{
	size_t count;
	const struct pool_rule *rules = pool_rules_get(&count);
	cJSON *list = cJSON_AddArrayToObject(driver, "rules");

	for (size_t i = 0; i < count; i++) {
		cJSON *rule = cJSON_CreateObject(), *configuration;

		cJSON_AddStringToObject(rule, "id", rules[i].name);
		add_message(rule, "shortDescription", rules[i].summary);
		add_message(rule, "help", rules[i].advice);
		configuration = cJSON_AddObjectToObject(rule, "defaultConfiguration");
		cJSON_AddStringToObject(configuration, "level", level(rules[i].severity));
		cJSON_AddItemToArray(list, rule);
	}
}

static void add_tool(cJSON *run)
{
	cJSON *tool = cJSON_AddObjectToObject(run, "tool");
	cJSON *driver = cJSON_AddObjectToObject(tool, "driver");

	cJSON_AddStringToObject(driver, "name", "pool-validate");
	cJSON_AddStringToObject(driver, "version", POOL_VERSION);
	cJSON_AddStringToObject(driver, "semanticVersion", POOL_VERSION);
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
	region = cJSON_AddObjectToObject(physical, "region");
	cJSON_AddNumberToObject(region, "startLine", one->line);
	cJSON_AddNumberToObject(region, "startColumn", one->column);
	if (one->end_column)
		cJSON_AddNumberToObject(region, "endColumn", one->end_column);
}

static void add_variable(cJSON *location, const char *name)
{
	cJSON *list = cJSON_AddArrayToObject(location, "logicalLocations");
	cJSON *variable = cJSON_CreateObject();

	cJSON_AddStringToObject(variable, "fullyQualifiedName", name);
	cJSON_AddStringToObject(variable, "kind", "variable");
	cJSON_AddItemToArray(list, variable);
}

static void add_location(cJSON *object, const struct pool_finding *finding)
{
	const struct pool_diagnostic *one = finding->diagnostic;
	cJSON *list = cJSON_AddArrayToObject(object, "locations");
	cJSON *location = cJSON_CreateObject(), *physical, *artifact;
	struct pool_text uri = POOL_TEXT_EMPTY;

	cJSON_AddItemToArray(list, location);
	if (strcmp(finding->file->file, POOL_FILE_ENVIRONMENT) != 0) {
		add_uri(&uri, finding->path);
		physical = cJSON_AddObjectToObject(location, "physicalLocation");
		artifact = cJSON_AddObjectToObject(physical, "artifactLocation");
		cJSON_AddStringToObject(artifact, "uri", uri.bytes ? uri.bytes : "");
		add_region(physical, one);
		pool_text_release(&uri);
	}
	if (one && one->origin)
		add_variable(location, one->origin);
}

/* --- what was found -------------------------------------------------------------- */

static void add_text(cJSON *object, const struct pool_finding *finding)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_finding_tell(finding, &text);
	add_message(object, "message", text.bytes ? text.bytes : "");
	pool_text_release(&text);
}

static cJSON *describe_result(const struct pool_finding *finding)
{
	const struct pool_diagnostic *one = finding->diagnostic;
	cJSON *result = cJSON_CreateObject(), *prints;

	cJSON_AddStringToObject(result, "ruleId", one->rule);
	cJSON_AddNumberToObject(result, "ruleIndex", pool_rule_find(one->rule));
	cJSON_AddStringToObject(result, "level", level(one->severity));
	add_text(result, finding);
	add_location(result, finding);
	prints = cJSON_AddObjectToObject(result, "partialFingerprints");
	/* The name that GitHub reserves would get a warning a line from its upload. */
	cJSON_AddStringToObject(prints, "poolDiagnostic/v1", finding->fingerprint);
	return result;
}

static cJSON *describe_notification(const struct pool_finding *finding)
{
	cJSON *notification = cJSON_CreateObject();

	cJSON_AddStringToObject(notification, "level", "error");
	add_text(notification, finding);
	add_location(notification, finding);
	return notification;
}

/* Results, and in the invocation those that are none: files that could not be read. */
static bool add_findings(cJSON *run, const struct pool_findings *findings)
{
	cJSON *list = cJSON_AddArrayToObject(run, "invocations");
	cJSON *invocation = cJSON_CreateObject(), *notifications, *results;
	bool all_read = true, whole = true;

	for (size_t i = 0; i < findings->count; i++)
		all_read = all_read && findings->list[i].diagnostic;
	cJSON_AddItemToArray(list, invocation);
	cJSON_AddBoolToObject(invocation, "executionSuccessful", all_read);
	notifications = cJSON_AddArrayToObject(invocation, "toolExecutionNotifications");
	results = cJSON_AddArrayToObject(run, "results");
	for (size_t i = 0; whole && i < findings->count; i++) {
		const struct pool_finding *finding = &findings->list[i];

		whole = finding->diagnostic
			? cJSON_AddItemToArray(results, describe_result(finding))
			: cJSON_AddItemToArray(
				  notifications, describe_notification(finding));
	}
	return whole;
}

char *pool_verdicts_sarif(const struct pool_verdicts *verdicts)
{
	cJSON *root = cJSON_CreateObject(), *runs, *run = cJSON_CreateObject();
	struct pool_findings findings;
	bool whole = pool_findings_init(&findings, verdicts);

	cJSON_AddStringToObject(root, "$schema", schema);
	cJSON_AddStringToObject(root, "version", "2.1.0");
	runs = cJSON_AddArrayToObject(root, "runs");
	cJSON_AddItemToArray(runs, run);
	add_tool(run);
	cJSON_AddStringToObject(run, "columnKind", "unicodeCodePoints");
	whole = whole && add_findings(run, &findings);
	pool_findings_release(&findings);
	if (whole)
		return pool_json_take(root);
	cJSON_Delete(root);
	return NULL;
}
