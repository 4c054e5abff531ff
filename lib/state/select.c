/* Selections: from the query to the answer, and waiting for one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/text.h"
#include "config/url.h"
#include "state/selection.h"

enum { FIRST_PAUSE_MS = 5, LONGEST_PAUSE_MS = 100, LONGEST_WAIT_MS = INT32_MAX };

/* --- one selection ----------------------------------------------------------------- */

/* Room for the answer, and what of it is known beforehand. */
static int begin_choice(struct pool_selection *selection, struct pool_fault *fault)
{
	size_t count = selection->query->count ? selection->query->count : 1;
	struct pool_choice *choice = selection->choice;

	if (count > selection->leaf->member_count)
		count = selection->leaf->member_count;
	choice->proxies = calloc(count + 1, sizeof(*choice->proxies));
	choice->where = pool_snapshot_copy_string(
		&selection->session->snapshot, selection->leaf->where);
	choice->timeout_s = selection->leaf->timeout_s;
	choice->strategy = pool_strategy_get(selection->strategy)->name;
	selection->taken = calloc(count + 1, sizeof(*selection->taken));
	if (!choice->proxies || !choice->where || !selection->taken)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	if (selection->leaf->enabled_count || pool_selection_has_url(selection))
		return 0;
	choice->reason = POOL_NO_ALL_DISABLED;
	return POOL_ENONE;
}

/* URLs are filled in last, without the lock, unless their secrets were looked at. */
static int fill_urls(const struct pool_selection *selection, struct pool_fault *fault)
{
	const struct pool_session *session = selection->session;
	const struct pool_snapshot *snapshot = &session->snapshot;

	for (size_t i = 0; i < selection->choice->count; i++) {
		struct pool_proxy_choice *proxy = &selection->choice->proxies[i];
		bool member = proxy->index != UINT32_MAX;
		char **filled =
			member && selection->urls ? &selection->urls[proxy->index] : NULL;
		const struct pool_secrets secrets = pool_snapshot_secrets(
			snapshot, selection->leaf_index, &session->secrets);
		struct pool_login login;
		int error;

		if (filled && *filled) {
			proxy->url = *filled;
			*filled = NULL;
			continue;
		}
		error = pool_login_init(&login,
			pool_snapshot_string(snapshot,
				member ? selection->members[proxy->index].url
				       : selection->leaf->url),
			member ? pool_snapshot_string(snapshot,
					 selection->members[proxy->index].password_file)
			       : NULL,
			&secrets, fault);
		if (error)
			return error;
		proxy->url = strdup(login.url);
		pool_login_release(&login);
		if (!proxy->url)
			return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	}
	return 0;
}

/* A mapped file may change under us: what was copied of it was right if it still is. */
static int verify_choice(struct pool_selection *selection, struct pool_fault *fault)
{
	const struct pool_snapshot *snapshot = &selection->session->snapshot;
	bool same;

	if (!snapshot->mapped)
		return 0;
	same = pool_snapshot_has_leaf(snapshot, selection->leaf_index);
	for (size_t i = 0; same && i < selection->choice->count; i++) {
		uint32_t index = selection->choice->proxies[i].index;

		same = index == UINT32_MAX ||
			pool_snapshot_has_member(
				snapshot, selection->leaf->first_member + index);
	}
	return same ? 0 : pool_session_spoil(selection->session, fault);
}

/* What was chosen cannot be used: nobody holds it. */
static void give_back(struct pool_selection *selection)
{
	struct pool_session *session = selection->session;

	if (!selection->taken_count ||
		pool_session_lock_to_write(session, &selection->now, NULL) != 0)
		return;
	for (size_t i = 0; i < selection->taken_count; i++)
		pool_lease_release(session->state, selection->taken[i], &selection->now);
	pool_session_unlock(session);
}

/* "no proxy of 'default.http'", told apart from those that were left out. */
static void tell_whom(const struct pool_selection *selection, char *out, size_t size)
{
	const struct pool_query *query = selection->query;
	const char *where = selection->choice->where;

	if (query->tried_count)
		snprintf(out, size,
			"no other proxy of '%s' is eligible ('%s'%s was tried and left "
			"out)",
			where, query->exclude[query->exclude_count - 1],
			query->tried_count > 1 ? " like others" : "");
	else
		snprintf(out, size, "%sno proxy of '%s' is eligible",
			selection->filtered ? "of those asked for, " : "", where);
}

static void warn_fallback(const struct pool_selection *selection)
{
	const struct pool_proxy_choice *proxy = &selection->choice->proxies[0];
	char none[320];

	if (!selection->choice->count || !proxy->fallback)
		return;
	tell_whom(selection, none, sizeof(none));
	if (selection->any)
		pool_session_warn(selection->session, "%s: using '%s', which is %s", none,
			proxy->name, proxy->status);
	else
		pool_session_warn(
			selection->session, "%s: falling back on its url", none);
}

/* What became of a lease that could not be taken, or not in a way that shows its end. */
static void warn_lease(const struct pool_selection *selection)
{
	struct pool_session *session = selection->session;
	bool held = false;

	if (!selection->trouble.code || session->warned_lease)
		return;
	for (size_t i = 0; i < selection->choice->count; i++)
		held |= selection->choice->proxies[i].lease[0] != '\0';
	session->warned_lease = true;
	if (held)
		pool_session_warn(session,
			"the lease ends by time, whether or not its owner lives: %s",
			selection->trouble.text);
	else
		pool_session_warn(session, "no lease: %s", selection->trouble.text);
}

/* All of it, once. */
static int run(struct pool_selection *selection, struct pool_fault *fault)
{
	int error = pool_selection_resolve(selection, fault);

	if (!error)
		error = begin_choice(selection, fault);
	if (error)
		return error;
	error = pool_selection_attach(selection, fault);
	if (!error)
		error = pool_selection_choose(selection, fault);
	pool_selection_detach(selection);
	if (!error)
		error = fill_urls(selection, fault);
	if (!error)
		error = verify_choice(selection, fault);
	if (error)
		give_back(selection);
	else
		warn_fallback(selection);
	if (!error || error == POOL_ESECRET)
		pool_selection_warn_skipped(
			selection, error && !selection->query->tried_count);
	warn_lease(selection);
	return error;
}

static void release(struct pool_selection *selection)
{
	free(selection->skip);
	for (uint32_t i = 0; selection->urls && i < selection->leaf->member_count; i++)
		pool_text_forget(selection->urls[i]);
	free(selection->urls);
	free(selection->bare_ready);
	free(selection->bare_weights);
	free(selection->bare_counts);
	free(selection->taken);
}

/* --- looking again ----------------------------------------------------------------- */

/* How a selection that waits looks: <waits> for another look, <again> after one. */
struct look {
	bool waits;
	bool again;
	bool others;     /* time may bring one that is not skipped */
	int64_t next_ns; /* when to look again, if it is to be waited for */
};

/* A selection now. */
static int select_now(struct pool_session *session, const struct pool_query *query,
	struct look *look, struct pool_choice *choice, struct pool_fault *fault)
{
	enum { TRIES = 4 };
	struct pool_now began;
	int error = 0;

	pool_clock_get(&began);
	*choice = (struct pool_choice){0};
	for (int i = 0; i < TRIES; i++) {
		struct pool_selection selection = {.session = session,
			.query = query,
			.choice = choice,
			.now = began,
			.began_ns = began.boot_ns,
			.waits = look->waits,
			.again = look->again || i > 0,
			.waited = look->again,
			.next_ns = INT64_MAX};

		error = pool_session_refresh(session, fault);
		if (error)
			break;
		error = run(&selection, fault);
		release(&selection);
		look->next_ns = selection.next_ns;
		look->others = selection.others;
		if (error && error != POOL_ENONE && error != POOL_ESECRET)
			pool_choice_release(choice);
		if (error != POOL_ESTALE)
			break;
		error = i + 1 < TRIES
			? 0
			: pool_fault_set(fault, POOL_ESTALE, 0,
				  "pool file '%s' keeps changing", session->file);
	}
	return error;
}

/* Whether time alone, or another process, may bring a proxy. */
static bool may_pass(int error, const struct look *look, const struct pool_choice *choice)
{
	if (error == POOL_ESECRET)
		return look->others;
	return error == POOL_ENONE &&
		(choice->reason == POOL_NO_NONE_ELIGIBLE ||
			choice->reason == POOL_NO_STRICT);
}

/* Until <until_ns>, but not longer than <pause_ms>: a lease may end at any time. */
static void pause_until(int64_t now_ns, int64_t until_ns, int64_t pause_ms)
{
	int64_t length_ns = until_ns - now_ns;
	struct timespec length;

	if (length_ns > pause_ms * POOL_NS_PER_MS)
		length_ns = pause_ms * POOL_NS_PER_MS;
	if (length_ns <= 0)
		return;
	length = (struct timespec){length_ns / POOL_NS_PER_S, length_ns % POOL_NS_PER_S};
	nanosleep(&length, NULL);
}

/* --- the API ----------------------------------------------------------------------- */

int pool_session_select(struct pool_session *session, const struct pool_query *query,
	struct pool_choice *choice, struct pool_fault *fault)
{
	struct look look = {.next_ns = INT64_MAX};
	int64_t pause_ms = FIRST_PAUSE_MS, end_ns;
	struct pool_now now;
	int error;

	pool_clock_get(&now);
	end_ns = now.boot_ns;
	if (query->wait_ms > 0)
		end_ns += POOL_NS_PER_MS *
			(query->wait_ms < LONGEST_WAIT_MS ? query->wait_ms
							  : LONGEST_WAIT_MS);
	for (;; look.again = true) {
		look.waits = now.boot_ns < end_ns;
		error = select_now(session, query, &look, choice, fault);
		if (!look.waits || !may_pass(error, &look, choice))
			return error;
		pool_choice_release(choice);
		pool_clock_get(&now);
		pause_until(now.boot_ns, look.next_ns < end_ns ? look.next_ns : end_ns,
			pause_ms);
		pause_ms =
			pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
		pool_clock_get(&now);
	}
}

void pool_choice_release(struct pool_choice *choice)
{
	for (size_t i = 0; i < choice->count; i++) {
		if (choice->proxies[i].url)
			explicit_bzero(
				choice->proxies[i].url, strlen(choice->proxies[i].url));
		free(choice->proxies[i].url);
		free(choice->proxies[i].name);
	}
	for (size_t i = 0; i < choice->skipped_count; i++) {
		free(choice->skipped[i].name);
		free(choice->skipped[i].why);
	}
	free(choice->skipped);
	free(choice->proxies);
	free(choice->where);
	*choice = (struct pool_choice){0};
}
