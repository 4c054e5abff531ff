/*
 * Secrets of those about to be chosen: looked at before anything is accounted, so that a
 * proxy whose secret this process lacks costs nobody a turn and nothing is stored of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/url.h"
#include "state/selection.h"

enum {
	SOCKS_MAX = 255, /* of a user name or password */
	TOLD_MAX = 256,  /* warnings that a session remembers */
};

/* Whether anything of <url> could be missing, or too long for its scheme. */
static bool may_fail(const char *url, const char *password_file)
{
	return password_file || !url || strstr(url, "${") || strlen(url) > SOCKS_MAX;
}

static struct pool_secrets secrets_of(const struct pool_selection *selection)
{
	return pool_snapshot_secrets(&selection->session->snapshot, selection->leaf_index,
		&selection->session->secrets);
}

/* What to do about it, where the fault does not tell. */
static const char *advise(const struct pool_secrets *secrets, const char *url,
	const char *password_file, const struct pool_fault *missing)
{
	if (missing->sys_errno)
		return "; let this process read it";
	if (secrets->withheld || password_file || !url || !strstr(url, "${"))
		return "";
	return "; set it for this process";
}

/* Note that it is skipped, and why. */
static int note_skipped(struct pool_selection *selection, uint32_t index,
	const char *name, const struct pool_fault *missing, const char *advice,
	struct pool_fault *fault)
{
	struct pool_choice *choice = selection->choice;
	struct pool_skipped *longer =
		realloc(choice->skipped, (choice->skipped_count + 1) * sizeof(*longer));
	struct pool_skipped skipped = {.index = index, .name = strdup(name ? name : "")};

	if (longer)
		choice->skipped = longer;
	if (asprintf(&skipped.why, "%s%s", missing->text, advice) < 0)
		skipped.why = NULL;
	if (!longer || !skipped.name || !skipped.why) {
		free(skipped.name);
		free(skipped.why);
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	}
	choice->skipped[choice->skipped_count++] = skipped;
	return 0;
}

/* A variable is a look into memory; whoever reads a file gives the lock back before. */
static int fill_in(struct pool_selection *selection, uint32_t index,
	struct pool_fault *missing, struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot = &selection->session->snapshot;
	const struct pool_snap_member *member = &selection->members[index];
	const struct pool_secrets secrets = secrets_of(selection);
	const bool unlock = member->password_file && selection->state;
	struct pool_login login;
	int error, relocked = 0;

	if (unlock)
		pool_session_unlock(selection->session);
	error = pool_login_init(&login, pool_snapshot_string(snapshot, member->url),
		pool_snapshot_string(snapshot, member->password_file), &secrets, missing);
	if (!error) {
		selection->urls[index] = login.url;
		login.url = NULL;
		pool_login_release(&login);
	}
	if (unlock)
		relocked = pool_selection_relock(selection, fault);
	return relocked ? relocked : error;
}

/* Pass over member <index>, which lacks <missing>. */
static int skip(struct pool_selection *selection, uint32_t index,
	const struct pool_fault *missing, struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot = &selection->session->snapshot;
	const struct pool_snap_member *member = &selection->members[index];
	const struct pool_secrets secrets = secrets_of(selection);
	int error = pool_selection_pass_over(selection, index, fault);

	if (!error)
		error = note_skipped(selection, index,
			pool_snapshot_string(snapshot, member->name), missing,
			advise(&secrets, pool_snapshot_string(snapshot, member->url),
				pool_snapshot_string(snapshot, member->password_file),
				missing),
			fault);
	return error ? error : POOL_PICK_AGAIN;
}

int pool_selection_look(
	struct pool_selection *selection, uint32_t index, struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot = &selection->session->snapshot;
	const struct pool_snap_member *member = &selection->members[index];
	struct pool_fault missing = {0};
	int error;

	if (!may_fail(pool_snapshot_string(snapshot, member->url),
		    pool_snapshot_string(snapshot, member->password_file)))
		return 0;
	if (!selection->urls)
		selection->urls = calloc(
			selection->leaf->member_count + 1, sizeof(*selection->urls));
	if (!selection->urls)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	if (selection->urls[index])
		return 0;
	error = fill_in(selection, index, &missing, fault);
	if (!error)
		return member->password_file ? POOL_PICK_AGAIN : 0;
	if (error == POOL_ESECRET)
		return skip(selection, index, &missing, fault);
	if (fault && missing.code == error)
		*fault = missing;
	return error;
}

int pool_selection_look_at_url(
	struct pool_selection *selection, const char *endpoint, struct pool_fault *fault)
{
	const char *url =
		pool_snapshot_string(&selection->session->snapshot, selection->leaf->url);
	const struct pool_secrets secrets = secrets_of(selection);
	struct pool_fault missing = {0};
	struct pool_login login;
	int error;

	if (!may_fail(url, NULL))
		return 0;
	for (size_t i = 0; i < selection->choice->skipped_count; i++)
		if (selection->choice->skipped[i].index == UINT32_MAX)
			return POOL_ESECRET;
	error = pool_login_init(&login, url, NULL, &secrets, &missing);
	if (!error)
		pool_login_release(&login);
	if (error && error != POOL_ESECRET && fault)
		*fault = missing;
	if (error != POOL_ESECRET)
		return error;
	error = note_skipped(selection, UINT32_MAX, endpoint, &missing,
		advise(&secrets, url, NULL, &missing), fault);
	return error ? error : POOL_ESECRET;
}

/* --- telling -------------------------------------------------------------------- */

/* Whether a warning is new to the session, which remembers it. */
static bool is_news(struct pool_session *session, const char *where, const char *why,
	const char *name)
{
	const uint64_t key = pool_hash_64(NULL, where, strlen(where)) ^
		3 * pool_hash_64(NULL, name, strlen(name)) ^
		5 * pool_hash_64(NULL, why, strlen(why));
	uint64_t *longer;

	for (size_t i = 0; i < session->told_skipped_count; i++)
		if (session->told_skipped[i] == key)
			return false;
	if (session->told_skipped_count == TOLD_MAX)
		return true;
	longer = realloc(session->told_skipped,
		(session->told_skipped_count + 1) * sizeof(*longer));
	if (!longer)
		return true;
	session->told_skipped = longer;
	longer[session->told_skipped_count++] = key;
	return true;
}

void pool_selection_warn_skipped(const struct pool_selection *selection, bool but_first)
{
	const struct pool_choice *choice = selection->choice;

	for (size_t i = but_first; i < choice->skipped_count; i++) {
		const struct pool_skipped *skipped = &choice->skipped[i];

		if (is_news(selection->session, choice->where, skipped->why,
			    skipped->name))
			pool_session_warn(selection->session,
				"%s '%s' of '%s' is skipped: %s",
				skipped->index == UINT32_MAX ? "the url" : "proxy",
				skipped->name, choice->where, skipped->why);
	}
}

int pool_selection_refuse_skipped(
	const struct pool_selection *selection, struct pool_fault *fault)
{
	struct pool_choice *choice = selection->choice;
	const struct pool_skipped *first = &choice->skipped[0];
	char more[40] = "";

	if (choice->skipped_count > 1)
		snprintf(more, sizeof(more), " (like %zu more)",
			choice->skipped_count - 1);
	choice->reason = POOL_NO_SECRET;
	return pool_fault_set(fault, POOL_ESECRET, 0,
		"no proxy of '%s' is left: '%s'%s is skipped: %s", choice->where,
		first->name, more, first->why);
}
