/* Judged pool files as one document: the table of formats, text and JSON. */
#include "report/verdicts.h"

static char *render_text(const struct pool_verdicts *verdicts)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	for (size_t i = 0; i < verdicts->count; i++) {
		const struct pool_judged *judged = &verdicts->list[i];
		struct pool_judged_view view = verdicts->view;

		if (judged->fault.code)
			pool_text_addf(&text, "%s\n", judged->fault.text);
		view.count_faults = view.count_faults || !judged->valid;
		pool_judged_tell(judged, &view, &text);
		if (judged->valid && verdicts->sum_up)
			pool_judged_summarize(judged, &text);
	}
	return pool_text_take(&text);
}

static char *render_json(const struct pool_verdicts *verdicts)
{
	return pool_judged_json(verdicts->list, verdicts->count);
}

static const struct pool_verdict_format formats[POOL_VERDICT_FORMATS] = {
	[POOL_VERDICT_TEXT] = {"text", "lines for people", render_text},
	[POOL_VERDICT_JSON] = {"json", "one document for programs", render_json},
	[POOL_VERDICT_SARIF] = {"sarif", "SARIF 2.1.0, which code scanning reads",
		pool_verdicts_sarif},
	[POOL_VERDICT_GITHUB] = {"github", "workflow commands of GitHub Actions",
		pool_verdicts_github},
	[POOL_VERDICT_GITLAB] = {"gitlab", "a Code Quality report of GitLab",
		pool_verdicts_gitlab},
};

const struct pool_verdict_format *pool_verdict_formats_get(size_t *count)
{
	*count = POOL_VERDICT_FORMATS;
	return formats;
}

void pool_verdict_rules(struct pool_text *out)
{
	size_t count;
	const struct pool_rule *rules = pool_rules_get(&count);

	pool_text_add(out, "rule\tseverity\tmeaning\tadvice\n");
	for (size_t i = 0; i < count; i++)
		pool_text_addf(out, "%s\t%s\t%s\t%s\n", rules[i].name,
			pool_severity_get(rules[i].severity)->name, rules[i].summary,
			rules[i].advice);
}
