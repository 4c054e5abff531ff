/* The second copy of what persons decided: read, looked up in, brought up to date. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"
#include "base/text.h"
#include "config/url.h"
#include "state/decisions.h"
#include "state/image.h"

enum { ENTRIES_MAX = 1 << 18, KEPT_S = 30 * 86400 };

/* --- entries ---------------------------------------------------------------------- */

static const struct pool_decision_entry free_entry;

static uint64_t checksum(const struct pool_decision_entry *entry, uint64_t file_id)
{
	struct pool_hash_key key = {"decided2"};

	memcpy(key.bytes + 8, &file_id, sizeof(file_id));
	return pool_hash_64(&key, &entry->leaf_key,
		sizeof(*entry) - offsetof(struct pool_decision_entry, leaf_key));
}

static bool is_free(const struct pool_decision_entry *entry)
{
	return memcmp(entry, &free_entry, sizeof(free_entry)) == 0;
}

static uint64_t hash_string(const char *string)
{
	return string ? pool_hash_64(NULL, string, strlen(string)) : 0;
}

/* A hash of what identifies a proxy without secrets; 0: there is none. */
static uint64_t key_of(const struct pool_snapshot *snapshot, uint32_t leaf, uint32_t at)
{
	const struct pool_snap_member *member = &snapshot->members[at];
	const char *text = pool_snapshot_string(snapshot, member->url);
	struct pool_url url;
	char endpoint[320];

	if (!text || pool_url_parse(text, strlen(text), &url, NULL) != POOL_URL_OK)
		return 0;
	pool_url_endpoint(&url, endpoint, sizeof(endpoint));
	return pool_hash_64(NULL,
		       (const uint64_t[]){hash_string(pool_snapshot_string(snapshot,
						  snapshot->leaves[leaf].where)),
			       url.scheme, hash_string(endpoint),
			       hash_string(pool_snapshot_string(snapshot, member->name))},
		       4 * sizeof(uint64_t)) |
		1;
}

/* --- sorted ----------------------------------------------------------------------- */

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_identities(const struct pool_decision_entry *a, uint64_t leaf_key,
	const struct pool_hash *identity)
{
	int order = compare_numbers(a->identity.low, identity->low);

	if (!order)
		order = compare_numbers(a->identity.high, identity->high);
	return order ? order : compare_numbers(a->leaf_key, leaf_key);
}

static int by_identity(const void *left, const void *right, void *list)
{
	const struct pool_decision_entry *entries = list;
	const struct pool_decision_entry *b = &entries[*(const uint32_t *)right];

	return compare_identities(
		&entries[*(const uint32_t *)left], b->leaf_key, &b->identity);
}

static int by_key(const void *left, const void *right, void *list)
{
	const struct pool_decision_entry *entries = list;

	return compare_numbers(entries[*(const uint32_t *)left].key,
		entries[*(const uint32_t *)right].key);
}

/* The place of the entry of this very identity, or <count>. */
static uint32_t find_identity(const struct pool_decisions *decisions, uint64_t leaf_key,
	const struct pool_hash *identity)
{
	uint32_t low = 0, high = decisions->used;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const uint32_t place = decisions->by_identity[middle];
		const int order =
			compare_identities(&decisions->list[place], leaf_key, identity);

		if (!order)
			return place;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return decisions->count;
}

/* That of an entry with this key whose identity is no member's, or <count>: the member's
 * password is another one now, or the salt is. */
static uint32_t find_key(const struct pool_decisions *decisions, uint64_t key)
{
	uint32_t low = 0, high = decisions->used;

	while (key && low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (decisions->list[decisions->by_key[middle]].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	for (; key && low < decisions->used; low++) {
		const uint32_t place = decisions->by_key[low];

		if (decisions->list[place].key != key)
			break;
		if (!decisions->owned[place])
			return place;
	}
	return decisions->count;
}

/* The place of the entry of member <at>, or <count>. */
static uint32_t find_member(const struct pool_decisions *decisions,
	const struct pool_snapshot *snapshot, uint32_t leaf, uint32_t at)
{
	uint32_t place;

	if (!decisions->used)
		return decisions->count;
	place = find_identity(
		decisions, snapshot->leaves[leaf].key, &snapshot->members[at].identity);
	if (place < decisions->count)
		return place;
	return find_key(decisions, key_of(snapshot, leaf, at));
}

const struct pool_decision *pool_decisions_find(const struct pool_decisions *decisions,
	const struct pool_snapshot *snapshot, uint32_t leaf, uint32_t at)
{
	const uint32_t place = find_member(decisions, snapshot, leaf, at);

	return place < decisions->count ? &decisions->list[place].decision : NULL;
}

bool pool_decisions_restore(const struct pool_decisions *decisions,
	const struct pool_snapshot *snapshot, uint32_t leaf, uint32_t at,
	struct pool_record *record, struct pool_decision *decision)
{
	const struct pool_decision *found =
		pool_decisions_find(decisions, snapshot, leaf, at);

	if (found && decision)
		*decision = *found;
	record->health.admin_disabled = found ||
		(record->health.admin_disabled &&
			(decisions->trouble || decisions->foreign));
	pool_record_seal(record);
	return found != NULL;
}

/* --- reading ---------------------------------------------------------------------- */

/* The name of the file; free() it. NULL: out of memory. */
static char *make_path(const char *state_path)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_text_addf(&text, "%s.decisions", state_path);
	return pool_text_take(&text);
}

/* Note whose identity is that of a member. */
static void note_owned(
	struct pool_decisions *decisions, const struct pool_snapshot *snapshot)
{
	for (uint32_t i = 0; decisions->used && i < snapshot->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[i];

		for (uint32_t at = leaf->first_member;
			at < leaf->first_member + leaf->member_count; at++) {
			const uint32_t place = find_identity(
				decisions, leaf->key, &snapshot->members[at].identity);

			if (place < decisions->count)
				decisions->owned[place] = 1;
		}
	}
}

/* Sort out the places of the list. */
static int sort_out(struct pool_decisions *decisions, uint64_t file_id,
	const struct pool_snapshot *snapshot)
{
	const size_t room = ((size_t)decisions->count + 1) * sizeof(uint32_t);

	decisions->by_identity = malloc(room);
	decisions->by_key = malloc(room);
	decisions->owned = calloc(1, (size_t)decisions->count + 1);
	if (!decisions->by_identity || !decisions->by_key || !decisions->owned)
		return POOL_ENOMEM;
	for (uint32_t i = 0; i < decisions->count; i++) {
		const struct pool_decision_entry *entry = &decisions->list[i];

		if (is_free(entry))
			continue;
		if (entry->checksum == checksum(entry, file_id))
			decisions->by_identity[decisions->used++] = i;
		else
			decisions->foreign++;
	}
	memcpy(decisions->by_key, decisions->by_identity,
		decisions->used * sizeof(uint32_t));
	qsort_r(decisions->by_identity, decisions->used, sizeof(uint32_t), by_identity,
		decisions->list);
	qsort_r(decisions->by_key, decisions->used, sizeof(uint32_t), by_key,
		decisions->list);
	note_owned(decisions, snapshot);
	return 0;
}

static uint64_t id_of(const char *pool_file)
{
	return pool_hash_64(NULL, pool_file, strlen(pool_file));
}

/* Read what <fd> has into memory; a file that is cut off meanwhile is shorter. */
static int read_places(struct pool_decisions *out, int fd)
{
	struct stat status;
	size_t length, got;

	if (fstat(fd, &status) != 0) {
		out->trouble = errno;
		return 0;
	}
	length = status.st_size > (off_t)(ENTRIES_MAX * sizeof(*out->list))
		? ENTRIES_MAX * sizeof(*out->list)
		: (size_t)status.st_size;
	out->list = malloc(length + 1);
	if (!out->list)
		return POOL_ENOMEM;
	out->trouble = pool_io_read_at(fd, out->list, length, 0, &got);
	out->count = (uint32_t)(got / sizeof(*out->list));
	return 0;
}

static int read_open(struct pool_decisions *out, int fd, uint64_t file_id,
	const struct pool_snapshot *snapshot)
{
	int error = read_places(out, fd);

	return error ? error : sort_out(out, file_id, snapshot);
}

int pool_decisions_read(struct pool_decisions *out, const char *state_path,
	const char *pool_file, const struct pool_snapshot *snapshot)
{
	char *path = make_path(state_path);
	int error = 0, fd;

	*out = (struct pool_decisions){0};
	if (!path)
		return POOL_ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		out->trouble = errno;
	else if (pool_state_check_file(fd, path, NULL) != 0)
		out->trouble = EPERM;
	else
		error = read_open(out, fd, id_of(pool_file), snapshot);
	if (fd >= 0)
		close(fd);
	if (error)
		pool_decisions_release(out);
	free(path);
	return error;
}

void pool_decisions_release(struct pool_decisions *decisions)
{
	free(decisions->list);
	free(decisions->by_identity);
	free(decisions->by_key);
	free(decisions->owned);
	*decisions = (struct pool_decisions){0};
}

/* --- examining -------------------------------------------------------------------- */

/* Report the first member that is disabled and not in the file. */
static int find_missing(const struct pool_decisions *decisions,
	const struct pool_state *state, const struct pool_snapshot *snapshot,
	struct pool_fault *fault)
{
	for (uint32_t i = 0; i < snapshot->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[i];

		for (uint32_t at = leaf->first_member;
			at < leaf->first_member + leaf->member_count; at++)
			if (state->records[at].health.admin_disabled &&
				!pool_decisions_find(decisions, snapshot, i, at))
				return pool_fault_set(fault, POOL_EFORMAT, 0,
					"'%s.decisions' does not have what a person "
					"decided about '%s'",
					state->path,
					pool_snapshot_string(
						snapshot, snapshot->members[at].name));
	}
	return 0;
}

/* What is wrong with the file that was read, if it is not <behind>. */
static int judge(const struct pool_decisions *decisions, const struct pool_state *state,
	const struct pool_snapshot *snapshot, bool behind, struct pool_fault *fault)
{
	if (decisions->trouble == EPERM)
		return pool_fault_set(fault, POOL_EFORMAT, 0,
			"'%s.decisions' is not used: others can write it, it is "
			"somebody else's, or no plain file",
			state->path);
	if (decisions->trouble && decisions->trouble != ENOENT)
		return pool_fault_set(fault, POOL_EFORMAT, decisions->trouble,
			"cannot read '%s.decisions'", state->path);
	if (decisions->foreign)
		return pool_fault_set(fault, POOL_EFORMAT, 0,
			"'%s.decisions' has %u entr%s that cannot be read", state->path,
			(unsigned)decisions->foreign,
			decisions->foreign == 1 ? "y" : "ies");
	return behind ? 0 : find_missing(decisions, state, snapshot, fault);
}

int pool_decisions_examine(const struct pool_state *state,
	const struct pool_snapshot *snapshot, struct pool_fault *fault)
{
	struct pool_decisions decisions;
	int error;

	if (!state->image || state->former || !pool_image_follows(state, snapshot))
		return 0;
	error = pool_decisions_read(&decisions, state->path, state->pool_file, snapshot);
	if (error)
		return pool_fault_set(fault, error, 0, "out of memory");
	error = judge(&decisions, state, snapshot, state->live->decisions_ns != 0, fault);
	pool_decisions_release(&decisions);
	return error;
}

/* --- writing ---------------------------------------------------------------------- */

/* Bringing the file up to date. */
struct update {
	struct pool_state *state;
	const struct pool_snapshot *snapshot;
	struct pool_decisions decisions;
	uint64_t file_id;
	uint8_t *seen;   /* a byte a place: it is that of a proxy */
	uint32_t places; /* of the file, those that were added too */
	uint32_t next;   /* no place before it is free */
	int fd;          /* -1: there is no file */
	int error;       /* errno */
};

static void put(
	struct update *update, uint32_t place, const struct pool_decision_entry *entry)
{
	const int error = pool_io_write_at(
		update->fd, entry, sizeof(*entry), (off_t)place * (off_t)sizeof(*entry));

	if (!update->error)
		update->error = error;
}

/* A place for another entry. */
static uint32_t find_room(struct update *update)
{
	while (update->next < update->decisions.count &&
		!is_free(&update->decisions.list[update->next]))
		update->next++;
	if (update->next < update->decisions.count)
		return update->next++;
	return update->places++;
}

/* Write down that record <at> is disabled: at <place>, or where there is room. */
static void put_record(struct update *update, uint32_t place, uint32_t at,
	const struct pool_record *record, uint64_t key)
{
	const struct pool_decisions *decisions = &update->decisions;
	const bool found = place < decisions->count;
	struct pool_decision_entry entry = {
		.leaf_key = record->leaf_key, .identity = record->identity, .key = key};

	/* The entry of a proxy that is gone knows more than we do. */
	if (found && !key)
		entry.key = decisions->list[place].key;
	if (update->state->decisions)
		pool_state_fetch(&entry.decision, &update->state->decisions[at],
			sizeof(entry.decision));
	else if (found)
		entry.decision = decisions->list[place].decision;
	entry.checksum = checksum(&entry, update->file_id);
	if (found)
		update->seen[place] = 1;
	if (found && memcmp(&entry, &decisions->list[place], sizeof(entry)) == 0)
		return;
	if (!found)
		place = find_room(update);
	if (place < ENTRIES_MAX)
		put(update, place, &entry);
	else if (!update->error)
		update->error = EFBIG;
}

static void clear(struct update *update, uint32_t place)
{
	if (place >= update->decisions.count || update->seen[place])
		return;
	update->seen[place] = 1;
	put(update, place, &free_entry);
}

/* Record <at>; <leaf>: of which pool, for a member. */
static void write_record(struct update *update, uint32_t at, const uint32_t *leaf)
{
	const struct pool_decisions *decisions = &update->decisions;
	struct pool_record record;
	uint64_t key = 0;
	uint32_t place;

	pool_state_fetch(&record, &update->state->records[at], sizeof(record));
	/* A damaged one says nothing. */
	if (!pool_record_is_sealed(&record) ||
		(!record.health.admin_disabled && !decisions->used))
		return;
	if (leaf) {
		place = find_member(decisions, update->snapshot, *leaf, at);
		key = record.health.admin_disabled ? key_of(update->snapshot, *leaf, at)
						   : 0;
	} else {
		place = find_identity(decisions, record.leaf_key, &record.identity);
		/* A member has taken it over, with its decision. */
		if (place < decisions->count && update->seen[place])
			place = decisions->count;
	}
	if (record.health.admin_disabled)
		put_record(update, place, at, &record, key);
	else
		clear(update, place);
}

/* Clear entries of proxies that are gone, and old. */
static void clear_old(struct update *update, const struct pool_now *now)
{
	const struct pool_decisions *decisions = &update->decisions;

	for (uint32_t i = 0; i < decisions->used; i++) {
		const uint32_t place = decisions->by_identity[i];
		const int64_t made_s = decisions->list[place].decision.made_wall_s;

		if (made_s && made_s < now->wall_s - KEPT_S)
			clear(update, place);
	}
}

static void clear_foreign(struct update *update)
{
	for (uint32_t i = 0; i < update->decisions.count; i++)
		if (!is_free(&update->decisions.list[i]) &&
			update->decisions.list[i].checksum !=
				checksum(&update->decisions.list[i], update->file_id))
			put(update, i, &free_entry);
}

static void write_all(struct update *update, const struct pool_now *now)
{
	const struct pool_snapshot *snapshot = update->snapshot;
	const struct pool_state_image *image = update->state->image;

	for (uint32_t i = 0; i < snapshot->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[i];

		for (uint32_t at = leaf->first_member;
			at < leaf->first_member + leaf->member_count; at++)
			write_record(update, at, &i);
	}
	for (uint32_t at = snapshot->member_count;
		at < image->record_count + image->orphan_count; at++)
		write_record(update, at, NULL);
	clear_old(update, now);
}

/* Whether anybody is disabled. */
static bool has_any(const struct pool_state *state)
{
	const uint32_t records = state->image->record_count + state->image->orphan_count;

	for (uint32_t at = 0; at < records; at++)
		if (state->records[at].health.admin_disabled)
			return true;
	return false;
}

/* Open it, and make it if there is something to be written. */
static int open_to_write(const struct pool_state *state, const char *path, int *fd,
	struct pool_fault *fault)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;

	*fd = open(path, flags);
	if (*fd < 0 && errno == ENOENT) {
		if (!has_any(state))
			return 0;
		*fd = open(path, flags | O_CREAT | O_EXCL, 0600);
		if (*fd >= 0)
			pool_state_share_file(*fd, path);
	}
	if (*fd < 0)
		return pool_fault_set(
			fault, POOL_ENOFILE, errno, "cannot open '%s'", path);
	return pool_state_check_file(*fd, path, fault);
}

static int bring_up_to_date(struct update *update, const char *path,
	const struct pool_now *now, bool clean, struct pool_fault *fault)
{
	int error = read_open(
		&update->decisions, update->fd, update->file_id, update->snapshot);

	if (!error) {
		update->seen = calloc(1, (size_t)update->decisions.count + 1);
		error = update->seen ? 0 : POOL_ENOMEM;
	}
	if (error)
		return pool_fault_set(fault, error, 0, "out of memory");
	update->places = update->decisions.count;
	update->error = update->decisions.trouble;
	if (!update->error)
		write_all(update, now);
	if (!update->error && clean)
		clear_foreign(update);
	return update->error ? pool_fault_set(fault, POOL_ESYSTEM, update->error,
				       "cannot write '%s'", path)
			     : 0;
}

int pool_decisions_write(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_now *now, bool clean, struct pool_fault *fault)
{
	struct update update = {.state = state,
		.snapshot = snapshot,
		.file_id = id_of(state->pool_file),
		.fd = -1};
	char *path = make_path(state->path);
	int error = path ? open_to_write(state, path, &update.fd, fault)
			 : pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");

	if (!error && update.fd >= 0)
		error = bring_up_to_date(&update, path, now, clean, fault);
	/* Behind still, and tried again later. */
	state->live->decisions_ns = error ? now->boot_ns : 0;
	if (update.fd >= 0)
		close(update.fd);
	free(update.seen);
	pool_decisions_release(&update.decisions);
	free(path);
	return error;
}
