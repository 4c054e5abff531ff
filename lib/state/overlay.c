/* The environment on top of the pool file: a snapshot of a session's own. */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/environment.h"
#include "state/session_inner.h"

/* --- variables ------------------------------------------------------------------- */

int pool_session_keep_environment(
	struct pool_session *session, const struct pool_session_options *options)
{
	const char *const *from = options->environment;
	size_t count = 0, used = 0;

	session->by_environment = strcmp(options->file, POOL_FILE_ENVIRONMENT) == 0;
	session->overlay = !session->by_environment && pool_environment_has(from);
	if (!session->by_environment && !session->overlay)
		return 0;
	for (size_t i = 0; from && from[i]; i++)
		count += pool_environment_owns(from[i]);
	session->environment = calloc(count + 1, sizeof(*session->environment));
	if (!session->environment)
		return POOL_ENOMEM;
	for (size_t i = 0; used < count; i++) {
		if (!pool_environment_owns(from[i]))
			continue;
		session->environment[used] = strdup(from[i]);
		if (!session->environment[used++])
			return POOL_ENOMEM;
	}
	return 0;
}

void pool_session_drop_environment(struct pool_session *session)
{
	/* They may hold credentials. */
	for (size_t i = 0; session->environment && session->environment[i]; i++)
		pool_text_forget(session->environment[i]);
	free(session->environment);
	session->environment = NULL;
	if (session->overlaid)
		pool_snapshot_release(&session->snapshot);
	session->overlaid = 0;
}

static void tell_ignored(
	struct pool_session *session, const struct pool_diagnostics *diagnostics)
{
	size_t count;
	const char *rule = pool_rules_get(&count)[POOL_RULE_ENV_IGNORED].name;

	for (size_t i = 0; i < diagnostics->count && !session->told_ignored; i++)
		if (strcmp(diagnostics->list[i].rule, rule) == 0)
			pool_session_warn(session, "%s: %s", diagnostics->list[i].origin,
				diagnostics->list[i].text);
	session->told_ignored = true;
}

int pool_session_read_environment(struct pool_session *session,
	struct pool_settings *settings, struct pool_fault *fault)
{
	struct pool_diagnostics diagnostics = {0};
	int error = pool_environment_read(
		settings, &diagnostics, (const char *const *)session->environment, fault);

	tell_ignored(session, &diagnostics);
	pool_diagnostics_release(&diagnostics);
	return error;
}

/* --- the snapshot ---------------------------------------------------------------- */

/* <hash>, and the limits and proxies of a pool. */
static uint64_t hash_pool(uint64_t hash, const struct pool_snapshot *snapshot,
	const struct pool_snap_leaf *leaf)
{
	const struct pool_policy *policy = &leaf->policy;
	const uint64_t limits[] = {hash, (uint32_t)policy->max_connections,
		(uint32_t)policy->half_open_max, (uint32_t)policy->budget_requests,
		(uint32_t)policy->budget_per_s};

	hash = pool_hash_64(NULL, limits, sizeof(limits));
	for (uint32_t i = 0; i < leaf->member_count; i++) {
		const struct pool_snap_member *member =
			&snapshot->members[leaf->first_member + i];
		const uint64_t words[] = {hash, member->identity.high,
			member->identity.low, member->weight_micro, member->enabled,
			(uint32_t)member->max_connections};

		hash = pool_hash_64(NULL, words, sizeof(words));
	}
	return hash;
}

/*
 * Give the pools behind those of <base> keys that tell environments apart: two that put
 * other proxies or limits at one place have records and a rotation each.
 *
 * Returns a hash of all of them, 0 if there is none.
 */
static uint64_t tell_apart(const struct pool_snapshot *base, struct pool_snapshot *own)
{
	/* The bytes are ours alone, and not in any file. */
	struct pool_snap_leaf *leaves = (void *)(uintptr_t)own->leaves;
	uint64_t hash = 0;

	for (uint32_t i = base->leaf_count; i < own->leaf_count; i++) {
		leaves[i].key = hash_pool(leaves[i].key, own, &leaves[i]);
		hash = pool_hash_64(
			NULL, (const uint64_t[]){hash, leaves[i].key}, 2 * sizeof(hash));
	}
	return hash;
}

static int compile(struct pool_session *session, const struct pool_settings *settings,
	struct pool_fault *fault)
{
	const struct pool_snapshot *base = &session->base;
	struct pool_snapshot own;
	int error = pool_snapshot_compile(
		&own, settings, &base->salt, NULL, session->file_id, fault);

	if (error)
		return error;
	own.id = base->id;
	own.overlay = tell_apart(base, &own);
	own.added_leaves = own.leaf_count - base->leaf_count;
	own.source = base->source;
	own.source_trusted = base->source_trusted;
	own.rejected = base->rejected;
	own.rejection = base->rejection;
	if (session->overlaid)
		pool_snapshot_release(&session->snapshot);
	session->snapshot = own;
	session->overlaid = session->loads;
	return 0;
}

int pool_session_overlay(struct pool_session *session, struct pool_fault *fault)
{
	struct pool_settings settings;
	int error;

	if (!session->overlay || session->overlaid == session->loads)
		return 0;
	error = pool_snapshot_unpack(&session->base, &settings);
	if (error)
		return pool_fault_set(fault, error, 0, "out of memory");
	error = pool_session_read_environment(session, &settings, fault);
	if (error)
		return error;
	error = compile(session, &settings, fault);
	pool_settings_release(&settings);
	return error;
}
