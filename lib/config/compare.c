/* Two settings, lookup by lookup. */
#include <stdlib.h>
#include <string.h>
#include "config/convert.h"
#include "config/schema.h"
#include "config/url.h"

enum { URL_SIZE = 320, SHOWN = 4 };

/* What a lookup is answered with. */
struct answer {
	const struct pool_leaf *leaf; /* NULL: nothing, for <reason> */
	enum pool_no_reason reason;
};

static struct answer look_up(
	const struct pool_settings *settings, const char *exchange, enum pool_type type)
{
	struct pool_lookup lookup;

	pool_settings_resolve(settings, exchange, type, &lookup);
	return (struct answer){
		lookup.leaf == POOL_NO_LEAF ? NULL : &settings->leaves[lookup.leaf],
		lookup.reason};
}

/* The url beside the pool; that of a single proxy is its only member. */
static const char *fallback_of(const struct pool_leaf *leaf)
{
	return leaf->kind == POOL_LEAF_POOL && leaf->url ? leaf->url : "";
}

static bool same_members(const struct pool_leaf *a, const struct pool_leaf *b)
{
	if (a->member_count != b->member_count)
		return false;
	for (uint32_t i = 0; i < a->member_count; i++)
		if (strcmp(a->members[i].url, b->members[i].url) != 0 ||
			a->members[i].weight_micro != b->members[i].weight_micro ||
			a->members[i].enabled != b->members[i].enabled ||
			!a->members[i].password_file != !b->members[i].password_file)
			return false;
	return true;
}

static bool same(const struct answer *a, const struct answer *b)
{
	if (!a->leaf || !b->leaf)
		return !a->leaf && !b->leaf && a->reason == b->reason;
	return same_members(a->leaf, b->leaf) &&
		strcmp(fallback_of(a->leaf), fallback_of(b->leaf)) == 0 &&
		a->leaf->timeout_s == b->leaf->timeout_s &&
		a->leaf->rollout_percent == b->leaf->rollout_percent &&
		a->leaf->policy.fallback == b->leaf->policy.fallback &&
		(a->leaf->member_count < 2 ||
			a->leaf->policy.strategy == b->leaf->policy.strategy);
}

static void show(const struct answer *answer, struct pool_text *out)
{
	const struct pool_leaf *leaf = answer->leaf;
	char safe[URL_SIZE];

	if (!leaf) {
		pool_text_add(out, pool_no_proxy_get(answer->reason)->url);
		return;
	}
	if (leaf->member_count > 1)
		pool_text_addf(out,
			"%s of %u: ", pool_strategy_get(leaf->policy.strategy)->name,
			leaf->member_count);
	for (uint32_t i = 0; i < leaf->member_count && i < SHOWN; i++) {
		struct pool_text weight = POOL_TEXT_EMPTY;
		const struct pool_key *key = pool_schema_find(POOL_GROUP_PROXY, "weight");

		pool_url_redact(leaf->members[i].url, safe, sizeof(safe));
		pool_text_addf(out, "%s%s", i ? ", " : "", safe);
		if (!pool_key_is_default(key, &leaf->members[i]) &&
			pool_key_show(key, &leaf->members[i], &weight) && weight.bytes)
			pool_text_addf(out, " (weight %s)", weight.bytes);
		out->broken |= weight.broken;
		if (!leaf->members[i].enabled)
			pool_text_add(out, " (disabled)");
		pool_text_release(&weight);
	}
	if (leaf->member_count > SHOWN)
		pool_text_addf(out, ", and %u more", leaf->member_count - SHOWN);
	if (*fallback_of(leaf)) {
		pool_url_redact(leaf->url, safe, sizeof(safe));
		pool_text_addf(out, "; else %s", safe);
	}
	pool_text_addf(out, "; %d s", leaf->timeout_s);
	if (leaf->rollout_percent < 100)
		pool_text_addf(out, "; rollout %d %%", leaf->rollout_percent);
}

static size_t compare_one(const struct pool_settings *before,
	const struct pool_settings *after, const char *exchange, struct pool_text *out)
{
	size_t changed = 0;

	for (int type = 0; type < POOL_TYPES; type++) {
		struct answer old = look_up(before, exchange, (enum pool_type)type);
		struct answer new = look_up(after, exchange, (enum pool_type)type);

		if (same(&old, &new))
			continue;
		changed++;
		pool_text_addf(
			out, "%s %s: ", exchange, pool_type_name((enum pool_type)type));
		show(&old, out);
		pool_text_add(out, " -> ");
		show(&new, out);
		pool_text_add(out, "\n");
	}
	return changed;
}

size_t pool_settings_compare(const struct pool_settings *before,
	const struct pool_settings *after, struct pool_text *out)
{
	size_t changed = compare_one(before, after, "default", out);
	uint32_t left = 0, right = 0;

	/* Both are sorted. */
	while (left < before->exchange_count || right < after->exchange_count) {
		const char *a =
			left < before->exchange_count ? before->exchanges[left].id : NULL;
		const char *b =
			right < after->exchange_count ? after->exchanges[right].id : NULL;
		int order = a && b ? strcmp(a, b) : a ? -1 : 1;

		changed += compare_one(before, after, order <= 0 ? a : b, out);
		left += order <= 0;
		right += order >= 0;
	}
	return changed;
}
