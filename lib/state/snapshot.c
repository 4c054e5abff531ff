/* Snapshots: compiled, opened, looked up in. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/io.h"
#include "base/random.h"
#include "base/text.h"
#include "config/url.h"
#include "state/snapshot.h"

#define SNAP_MAGIC UINT64_C(0x70616e736c6f6f70) /* "poolsnap", little endian */

enum {
	SNAP_VERSION = 4,
	/* Without checksums of its parts; its header begins as ours, and has the salt
	 * there too. Version 3 is ours, but for what the default check expects. */
	VERSION_BARE = 2,
	SNAP_ALIGNMENT = 16,
	MAPPED_FROM = 65536, /* a smaller file is copied sooner than mapped */
	REJECTION_SIZE = 320,
	/* A file system's clock ticks this slowly: two edits within it may look the same.
	 */
	REST_MS = 20,
};

/* Stands in the header and again at the end of the file. */
struct snap_salt {
	uint64_t file_id;
	struct pool_hash_key salt;
	uint64_t checksum; /* of the two above */
};

struct snap_header {
	uint64_t magic;
	uint32_t version;
	uint32_t size;
	uint64_t checksum; /* of what follows in this header, keyed by the two above */
	uint64_t length;   /* of the whole */
	uint64_t id;       /* hash of what follows this header, but for the seals */
	struct snap_salt salt;
	uint64_t content; /* hash of what follows this header */
	struct pool_file_key source;
	struct pool_file_key rejected;
	uint32_t source_trusted;
	uint32_t enabled;
	uint32_t default_leaf[POOL_TYPES];
	uint32_t leaf_count;
	uint32_t member_count;
	uint32_t exchange_count;
	uint32_t strings_length;
	uint64_t leaves_at;
	uint64_t members_at;
	uint64_t tags_at;
	uint64_t exchanges_at;
	uint64_t strings_at;
	char rejection[REJECTION_SIZE];
};

/* --- keys ----------------------------------------------------------------------- */

static int64_t to_ns(struct timespec time)
{
	return (int64_t)time.tv_sec * POOL_NS_PER_S + time.tv_nsec;
}

void pool_file_key_set(struct pool_file_key *key, const struct stat *status)
{
	*key = (struct pool_file_key){
		.device = status->st_dev,
		.inode = status->st_ino,
		.size = status->st_size,
		.mtime_ns = to_ns(status->st_mtim),
		.ctime_ns = to_ns(status->st_ctim),
	};
}

bool pool_file_key_equal(const struct pool_file_key *a, const struct pool_file_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool at_rest(const struct stat *status)
{
	struct timespec now;

	/* Not mtime: anybody may set it, to the future too. */
	clock_gettime(CLOCK_REALTIME, &now);
	return to_ns(now) - to_ns(status->st_ctim) >= REST_MS * POOL_NS_PER_MS;
}

/* --- opening bytes -------------------------------------------------------------- */

/* Of a header of any version that is <size> bytes long. */
static uint64_t header_checksum(const struct snap_header *header, size_t size)
{
	const size_t start = offsetof(struct snap_header, length);
	struct pool_hash_key key = {{0}};

	if (header->version != VERSION_BARE)
		memcpy(key.bytes, &header->version, 2 * sizeof(uint32_t));
	return pool_hash_64(&key, (const char *)header + start, size - start);
}

static uint64_t salt_checksum(const struct snap_salt *salt)
{
	return pool_hash_64(NULL, salt, offsetof(struct snap_salt, checksum));
}

static bool section_fits(
	const struct snap_header *header, uint64_t at, uint64_t count, uint64_t size)
{
	return at % 8 == 0 && at >= sizeof(*header) && at <= header->length &&
		count <= (header->length - at) / size;
}

static bool leaf_fits(
	const struct pool_snapshot *snapshot, const struct pool_snap_leaf *leaf)
{
	return leaf->first_member <= snapshot->member_count &&
		leaf->member_count <= snapshot->member_count - leaf->first_member;
}

/* Set the fields of <snapshot> from its bytes; false if they cannot be a snapshot. */
static bool attach(struct pool_snapshot *snapshot)
{
	const struct snap_header *header = snapshot->bytes;
	const char *base = snapshot->bytes;

	if (snapshot->length < sizeof(*header) || header->magic != SNAP_MAGIC ||
		header->version != SNAP_VERSION || header->size != sizeof(*header) ||
		header->checksum != header_checksum(header, sizeof(*header)) ||
		header->length != snapshot->length ||
		!section_fits(header, header->leaves_at, header->leaf_count,
			sizeof(struct pool_snap_leaf)) ||
		!section_fits(header, header->members_at, header->member_count,
			sizeof(struct pool_snap_member)) ||
		!section_fits(header, header->tags_at, header->member_count,
			sizeof(uint64_t)) ||
		!section_fits(header, header->exchanges_at, header->exchange_count,
			sizeof(struct pool_snap_exchange)) ||
		!section_fits(header, header->strings_at, header->strings_length, 1) ||
		header->strings_length == 0 ||
		base[header->strings_at + header->strings_length - 1] != '\0' ||
		header->rejection[REJECTION_SIZE - 1] != '\0')
		return false;
	snapshot->enabled = header->enabled != 0;
	snapshot->id = header->id;
	snapshot->content = header->content;
	snapshot->content_at = sizeof(*header);
	snapshot->file_id = header->salt.file_id;
	snapshot->leaves = (const void *)(base + header->leaves_at);
	snapshot->leaf_count = header->leaf_count;
	snapshot->members = (const void *)(base + header->members_at);
	snapshot->member_count = header->member_count;
	snapshot->tags = (const void *)(base + header->tags_at);
	snapshot->exchanges = (const void *)(base + header->exchanges_at);
	snapshot->exchange_count = header->exchange_count;
	memcpy(snapshot->default_leaf, header->default_leaf,
		sizeof(snapshot->default_leaf));
	snapshot->strings = base + header->strings_at;
	snapshot->strings_length = header->strings_length;
	snapshot->salt = header->salt.salt;
	snapshot->source = header->source;
	snapshot->source_trusted = header->source_trusted != 0;
	snapshot->rejected = header->rejected;
	snapshot->rejection = header->rejection;
	for (uint32_t i = 0; i < snapshot->leaf_count; i++)
		if (!leaf_fits(snapshot, &snapshot->leaves[i]))
			return false;
	return true;
}

/* Of a header that cannot be used: whether it is one of another version, whole. */
static bool is_outdated(const void *bytes, size_t length)
{
	const struct snap_header *header = bytes;

	return length >= sizeof(*header) && header->magic == SNAP_MAGIC &&
		header->version != SNAP_VERSION && header->size <= length &&
		header->size >= offsetof(struct snap_header, content) &&
		header->checksum == header_checksum(header, header->size);
}

static bool take_salt(const char *at, struct pool_snapshot_remains *remains)
{
	struct snap_salt salt;

	memcpy(&salt, at, sizeof(salt));
	if (salt.checksum != salt_checksum(&salt))
		return false;
	remains->file_id = salt.file_id;
	remains->salt = salt.salt;
	return true;
}

/* What is left in <bytes>, which are no snapshot. */
static void find_remains(
	const void *bytes, size_t length, struct pool_snapshot_remains *remains)
{
	const struct snap_header *header = bytes;

	*remains = (struct pool_snapshot_remains){.outdated = is_outdated(bytes, length)};
	if (length < sizeof(*header))
		return;
	remains->has_salt = take_salt((const char *)&header->salt, remains) ||
		take_salt(
			(const char *)bytes + length - sizeof(struct snap_salt), remains);
	if (!remains->has_salt && remains->outdated && header->version == VERSION_BARE) {
		remains->has_salt = true;
		remains->file_id = header->salt.file_id;
		remains->salt = header->salt.salt;
	}
}

const char *pool_snapshot_string(const struct pool_snapshot *snapshot, uint32_t at)
{
	return at && at < snapshot->strings_length ? snapshot->strings + at : NULL;
}

char *pool_snapshot_copy_string(const struct pool_snapshot *snapshot, uint32_t at)
{
	const char *string = pool_snapshot_string(snapshot, at);

	return strdup(string ? string : "");
}

void pool_snapshot_release(struct pool_snapshot *snapshot)
{
	if (snapshot->mapped && snapshot->bytes) {
		munmap((void *)(uintptr_t)snapshot->bytes, snapshot->length);
	} else if (snapshot->bytes) {
		void *bytes = (void *)(uintptr_t)snapshot->bytes;

		explicit_bzero(bytes, snapshot->length);
		free(bytes);
	}
	*snapshot = (struct pool_snapshot){0};
}

/* --- compiling ------------------------------------------------------------------ */

/* The strings of a snapshot while it is built; offset 0 is "not given". */
struct strings {
	struct pool_text text;
};

static uint32_t add_string(struct strings *strings, const char *string)
{
	size_t at = strings->text.length;

	if (!string)
		return 0;
	pool_text_add_bytes(&strings->text, string, strlen(string) + 1);
	if (strings->text.length > UINT32_MAX)
		strings->text.broken = true;
	return (uint32_t)at;
}

/* Where the strings of an entry stand: those added since <from>. */
static struct pool_snap_seal seal_strings(const struct strings *strings, size_t from)
{
	return (struct pool_snap_seal){.text_at = (uint32_t)from,
		.text_length = (uint32_t)(strings->text.length - from)};
}

static void add_part(struct pool_text *text, const char *bytes, size_t length)
{
	pool_text_addf(text, "%zu:", length);
	if (length)
		pool_text_add_bytes(text, bytes, length);
}

/* "%41" and "A" are the same user. */
static void add_decoded(struct pool_text *text, struct pool_slice slice)
{
	struct pool_text decoded = POOL_TEXT_SECRET;

	for (size_t i = 0; i < slice.length; i++) {
		int code = pool_url_percent_byte(slice.bytes + i, slice.length - i);
		char byte = code < 0 ? slice.bytes[i] : (char)code;

		pool_text_add_bytes(&decoded, &byte, 1);
		i += code < 0 ? 0 : 2;
	}
	add_part(text, decoded.bytes, decoded.length);
	text->broken |= decoded.broken;
	pool_text_release(&decoded);
}

/*
 * Who a proxy is. Without credentials the key is zero, so that a lost snapshot loses no
 * history; with some it is the salt, so that the state file cannot be used to test
 * guesses. False: out of memory, for another hash would be another proxy.
 */
static bool identify(const struct pool_member *member, const struct pool_url *url,
	const struct pool_hash_key *salt, struct pool_hash *out)
{
	static const struct pool_hash_key open_key;
	bool secret = url->user.bytes || url->password.bytes || member->password_file;
	bool done;
	struct pool_text text = POOL_TEXT_SECRET;
	char endpoint[320];

	pool_url_endpoint(url, endpoint, sizeof(endpoint));
	pool_text_addf(&text, "%d ", (int)url->scheme);
	add_part(&text, endpoint, strlen(endpoint));
	if (secret) {
		add_decoded(&text, url->user);
		add_decoded(&text, url->password);
		add_part(&text, member->password_file,
			member->password_file ? strlen(member->password_file) : 0);
	}
	if (!text.broken)
		*out = pool_hash_128(secret ? salt : &open_key, text.bytes, text.length);
	done = !text.broken;
	pool_text_release(&text);
	return done;
}

static int compare_hashes(const void *left, const void *right)
{
	const struct pool_snap_member *const *a = left, *const *b = right;

	if ((*a)->identity.high != (*b)->identity.high)
		return (*a)->identity.high < (*b)->identity.high ? -1 : 1;
	if ((*a)->identity.low != (*b)->identity.low)
		return (*a)->identity.low < (*b)->identity.low ? -1 : 1;
	return *a < *b ? -1 : *a > *b;
}

/* One proxy listed twice in a pool is two records: the later one gets an identity of its
 * own. */
static int tell_twins_apart(struct pool_snap_member *members, uint32_t count)
{
	struct pool_snap_member **sorted =
		malloc((count + 1) * sizeof(struct pool_snap_member *));
	uint32_t run = 0;

	if (!sorted)
		return POOL_ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		sorted[i] = &members[i];
	qsort(sorted, count, sizeof(struct pool_snap_member *), compare_hashes);
	for (uint32_t i = 1; i < count; i++) {
		const struct pool_hash *first = &sorted[i - 1 - run]->identity;
		bool same = pool_hash_equal(&sorted[i]->identity, first);

		run = same ? run + 1 : 0;
		if (same)
			sorted[i]->unused[0] = 1;
	}
	/* Marked first, changed now: changing them above would break the runs. */
	run = 0;
	for (uint32_t i = 1; i < count; i++) {
		run = sorted[i]->unused[0] ? run + 1 : 0;
		sorted[i]->unused[0] = 0;
		sorted[i]->identity.low += run * UINT64_C(0x9e3779b97f4a7c15);
	}
	free(sorted);
	return 0;
}

static void fill_member(struct pool_snap_member *out, const struct pool_member *member,
	const struct pool_hash_key *salt, struct strings *strings)
{
	const size_t from = strings->text.length;
	struct pool_url url;

	*out = (struct pool_snap_member){
		.url = add_string(strings, member->url),
		.name = add_string(strings, member->name),
		.password_file = add_string(strings, member->password_file),
		.weight_micro = member->weight_micro,
		.max_connections = member->max_connections,
		.enabled = member->enabled,
	};
	out->seal = seal_strings(strings, from);
	if (pool_url_parse(member->url, strlen(member->url), &url, NULL) == POOL_URL_OK) {
		out->scheme = (uint8_t)url.scheme;
		strings->text.broken |= !identify(member, &url, salt, &out->identity);
	}
}

static void fill_leaf(struct pool_snap_leaf *out, const struct pool_leaf *leaf,
	uint32_t first_member, struct strings *strings)
{
	const size_t from = strings->text.length;
	const struct pool_member *first = NULL;

	*out = (struct pool_snap_leaf){
		.key = pool_hash_64(NULL, leaf->where, strlen(leaf->where)),
		.where = add_string(strings, leaf->where),
		.url = add_string(strings, leaf->url),
		.check_url = add_string(strings, leaf->request.url),
		.check_method = add_string(strings, leaf->request.method),
		.check_headers = add_string(strings, leaf->request.headers),
		.check_body = add_string(strings, leaf->request.body),
		.timeout_s = leaf->timeout_s,
		.rollout_percent = leaf->rollout_percent,
		.first_member = first_member,
		.member_count = leaf->member_count,
		.kind = (uint8_t)leaf->kind,
		.equal_weights = 1,
		.copies_default = leaf->copies_default,
		.policy = leaf->policy,
	};
	out->seal = seal_strings(strings, from);
	for (uint32_t i = 0; i < leaf->member_count; i++) {
		const struct pool_member *member = &leaf->members[i];

		if (!member->enabled)
			continue;
		out->enabled_count++;
		first = first ? first : member;
		if (member->weight_micro != first->weight_micro)
			out->equal_weights = 0;
	}
}

/* The parts of a snapshot while it is built. */
struct parts {
	struct pool_snap_leaf *leaves;
	struct pool_snap_member *members;
	uint64_t *tags;
	struct pool_snap_exchange *exchanges;
	struct strings strings;
	uint32_t member_count;
};

static int fill_parts(struct parts *parts, const struct pool_settings *settings,
	const struct pool_hash_key *salt)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < settings->leaf_count; i++)
		parts->member_count += settings->leaves[i].member_count;
	parts->leaves = calloc(settings->leaf_count + 1, sizeof(*parts->leaves));
	parts->members = calloc(parts->member_count + 1, sizeof(*parts->members));
	parts->tags = calloc(parts->member_count + 1, sizeof(*parts->tags));
	parts->exchanges =
		calloc(settings->exchange_count + 1, sizeof(*parts->exchanges));
	if (!parts->leaves || !parts->members || !parts->tags || !parts->exchanges)
		return POOL_ENOMEM;
	pool_text_add_bytes(&parts->strings.text, "", 1);
	for (uint32_t i = 0; i < settings->leaf_count; i++) {
		const struct pool_leaf *leaf = &settings->leaves[i];

		fill_leaf(&parts->leaves[i], leaf, at, &parts->strings);
		for (uint32_t j = 0; j < leaf->member_count; j++) {
			const struct pool_member *member = &leaf->members[j];

			fill_member(
				&parts->members[at + j], member, salt, &parts->strings);
			parts->tags[at + j] =
				pool_hash_64(NULL, member->name, strlen(member->name));
		}
		if (tell_twins_apart(&parts->members[at], leaf->member_count) != 0)
			return POOL_ENOMEM;
		at += leaf->member_count;
	}
	for (uint32_t i = 0; i < settings->exchange_count; i++) {
		struct pool_snap_exchange *exchange = &parts->exchanges[i];
		const size_t from = parts->strings.text.length;

		exchange->id = add_string(&parts->strings, settings->exchanges[i].id);
		exchange->seal = seal_strings(&parts->strings, from);
		memcpy(exchange->leaf, settings->exchanges[i].leaf,
			sizeof(exchange->leaf));
	}
	return parts->strings.text.broken ? POOL_ENOMEM : 0;
}

static uint64_t add_section(struct pool_text *text, const void *bytes, size_t length)
{
	static const char zeroes[SNAP_ALIGNMENT];
	uint64_t at;

	pool_text_add_bytes(text, zeroes, -text->length % SNAP_ALIGNMENT);
	at = text->length;
	pool_text_add_bytes(text, bytes, length);
	return at;
}

static void finish_header(struct snap_header *out, struct snap_header *header)
{
	header->checksum = header_checksum(header, sizeof(*header));
	*out = *header;
}

static int assemble(struct pool_snapshot *snapshot, const struct parts *parts,
	struct snap_header *header)
{
	struct pool_text text = POOL_TEXT_SECRET;
	char *bytes;

	pool_text_add_bytes(&text, header, sizeof(*header));
	header->leaves_at = add_section(
		&text, parts->leaves, header->leaf_count * sizeof(*parts->leaves));
	header->members_at = add_section(
		&text, parts->members, header->member_count * sizeof(*parts->members));
	header->tags_at = add_section(
		&text, parts->tags, header->member_count * sizeof(*parts->tags));
	header->exchanges_at = add_section(&text, parts->exchanges,
		header->exchange_count * sizeof(*parts->exchanges));
	header->strings_length = (uint32_t)parts->strings.text.length;
	header->strings_at =
		add_section(&text, parts->strings.text.bytes, header->strings_length);
	add_section(&text, &header->salt, sizeof(header->salt));
	header->length = text.length;
	bytes = pool_text_take(&text);
	if (!bytes)
		return POOL_ENOMEM;
	header->id = pool_hash_64(NULL, bytes + sizeof(*header),
			     header->length - sizeof(*header)) ^
		pool_hash_64(NULL, &header->enabled, 3 * sizeof(uint32_t));
	*snapshot = (struct pool_snapshot){.bytes = bytes, .length = header->length};
	finish_header((void *)bytes, header);
	if (!attach(snapshot)) {
		pool_snapshot_release(snapshot);
		return POOL_ENOMEM;
	}
	/* The id is their key. */
	pool_snapshot_seal(snapshot);
	header->content = pool_snapshot_hash_content(snapshot);
	finish_header((void *)bytes, header);
	snapshot->content = header->content;
	snapshot->verified = true;
	return 0;
}

int pool_snapshot_compile(struct pool_snapshot *snapshot,
	const struct pool_settings *settings, const struct pool_hash_key *salt,
	const struct stat *source, uint64_t file_id, struct pool_fault *fault)
{
	struct parts parts = {.strings.text = POOL_TEXT_SECRET};
	struct snap_header header = {.magic = SNAP_MAGIC,
		.version = SNAP_VERSION,
		.size = sizeof(header),
		.salt = {.file_id = file_id}};
	int error;

	if (salt)
		header.salt.salt = *salt;
	else if (pool_random_bytes(&header.salt.salt, sizeof(*salt)) != 0)
		return pool_fault_set(fault, POOL_ESYSTEM, errno,
			"cannot get random bytes for a new salt");
	header.salt.checksum = salt_checksum(&header.salt);
	if (source) {
		pool_file_key_set(&header.source, source);
		header.source_trusted = at_rest(source);
	}
	error = fill_parts(&parts, settings, &header.salt.salt);
	if (!error) {
		header.enabled = settings->enabled;
		memcpy(header.default_leaf, settings->default_leaf,
			sizeof(header.default_leaf));
		header.leaf_count = settings->leaf_count;
		header.member_count = parts.member_count;
		header.exchange_count = settings->exchange_count;
		error = assemble(snapshot, &parts, &header);
	}
	free(parts.leaves);
	free(parts.members);
	free(parts.tags);
	free(parts.exchanges);
	pool_text_release(&parts.strings.text);
	if (error)
		pool_fault_set(fault, error, 0, "out of memory");
	return error;
}

int pool_snapshot_reject(struct pool_snapshot *out, const struct pool_snapshot *snapshot,
	const struct stat *source, const char *rejection, struct pool_fault *fault)
{
	char *bytes = malloc(snapshot->length);
	struct snap_header *header = (void *)bytes;

	if (!bytes)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	memcpy(bytes, snapshot->bytes, snapshot->length);
	memset(&header->rejected, 0, sizeof(header->rejected));
	if (at_rest(source))
		pool_file_key_set(&header->rejected, source);
	memset(header->rejection, 0, sizeof(header->rejection));
	pool_text_safe(header->rejection, sizeof(header->rejection), rejection,
		strlen(rejection));
	header->checksum = header_checksum(header, sizeof(*header));
	*out = (struct pool_snapshot){.bytes = bytes, .length = snapshot->length};
	if (!attach(out) || !pool_snapshot_verify(out)) {
		pool_snapshot_release(out);
		return pool_fault_set(fault, POOL_EFORMAT, 0, "the snapshot is damaged");
	}
	return 0;
}

/* --- files ---------------------------------------------------------------------- */

/* Whether a file of this <status> may be believed. */
static int judge_file(const struct stat *status, const char *path, uid_t owner,
	struct pool_fault *fault)
{
	if (!S_ISREG(status->st_mode) || status->st_size == 0)
		return pool_fault_set(
			fault, POOL_EFORMAT, 0, "'%s' is no snapshot", path);
	if ((status->st_uid != 0 && status->st_uid != geteuid() &&
		    status->st_uid != owner) ||
		(status->st_mode & 022) || status->st_nlink > 1)
		return pool_fault_set(
			fault, POOL_EUNSAFE, 0, "snapshot '%s' is somebody else's", path);
	return 0;
}

static int map_bytes(struct pool_snapshot *snapshot, int fd)
{
	void *map = mmap(NULL, snapshot->length, PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return POOL_ESYSTEM;
	snapshot->bytes = map;
	snapshot->mapped = true;
	return 0;
}

/* A copy of our own; one that is cut off meanwhile is shorter. */
static int read_bytes(struct pool_snapshot *snapshot, int fd)
{
	char *bytes = malloc(snapshot->length);
	size_t got;

	if (!bytes)
		return POOL_ENOMEM;
	snapshot->bytes = bytes;
	if (pool_io_read_at(fd, bytes, snapshot->length, 0, &got) != 0)
		return POOL_ESYSTEM;
	snapshot->length = got;
	return 0;
}

static int open_bytes(struct pool_snapshot *snapshot, const char *path, uid_t owner,
	bool whole, struct pool_fault *fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	int error;

	if (fd < 0)
		return pool_fault_set(
			fault, POOL_ENOFILE, errno, "cannot open snapshot '%s'", path);
	if (fstat(fd, &status) != 0)
		error = pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot examine '%s'", path);
	else
		error = judge_file(&status, path, owner, fault);
	if (!error) {
		snapshot->length = (size_t)status.st_size;
		error = whole || snapshot->length < MAPPED_FROM ? read_bytes(snapshot, fd)
								: map_bytes(snapshot, fd);
		if (error)
			pool_fault_set(
				fault, error, errno, "cannot read snapshot '%s'", path);
	}
	close(fd);
	return error;
}

int pool_snapshot_open(struct pool_snapshot *snapshot, const char *path, uid_t owner,
	bool whole, struct pool_snapshot_remains *remains, struct pool_fault *fault)
{
	struct pool_snapshot opened = {0};
	int error;

	if (remains)
		*remains = (struct pool_snapshot_remains){0};
	error = open_bytes(&opened, path, owner, whole, fault);
	if (!error && (!attach(&opened) || (whole && !pool_snapshot_verify(&opened)))) {
		if (remains)
			find_remains(opened.bytes, opened.length, remains);
		error = pool_fault_set(
			fault, POOL_EFORMAT, 0, "snapshot '%s' is damaged", path);
	}
	if (error)
		pool_snapshot_release(&opened);
	else
		*snapshot = opened;
	return error;
}

/* Who can read the pool file can read its snapshot, and nobody else. */
static void copy_readers(int fd, const struct stat *source)
{
	mode_t mode = 0600;

	if ((source->st_mode & S_IRGRP) && fchown(fd, (uid_t)-1, source->st_gid) == 0)
		mode |= S_IRGRP;
	if ((source->st_mode & (S_IRGRP | S_IROTH)) == (S_IRGRP | S_IROTH))
		mode |= S_IRGRP | S_IROTH;
	/* Refused, it stays as narrow as it was made. */
	if (fchmod(fd, mode) != 0)
		errno = 0;
}

static char *name_beside(const char *path)
{
	struct pool_text name = POOL_TEXT_EMPTY;

	pool_text_addf(&name, "%s.new", path);
	return pool_text_take(&name);
}

/* Whether <path> still names the open file. */
static bool is_named(int fd, const char *path)
{
	struct stat open_status, status;

	return fstat(fd, &open_status) == 0 && lstat(path, &status) == 0 &&
		open_status.st_dev == status.st_dev &&
		open_status.st_ino == status.st_ino;
}

/*
 * A writer holds the lock of its file as long as the file has this name, so that one
 * without a lock was left by a killed process: remove it. Whether that was done.
 */
static bool remove_leftover(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool removed;

	if (fd < 0) {
		errno = EEXIST;
		return false;
	}
	removed = flock(fd, LOCK_EX | LOCK_NB) == 0 && is_named(fd, path) &&
		unlink(path) == 0;
	close(fd);
	errno = EEXIST;
	return removed;
}

/*
 * Take away what was put there by somebody who writes no snapshot: in a folder that
 * others can put names into, nobody is to wait for a lock of theirs. What cannot be taken
 * away is not waited for either: errno is not EEXIST then.
 */
static bool remove_foreign(const char *path, uid_t owner)
{
	struct stat status;

	if (lstat(path, &status) != 0)
		return errno == ENOENT;
	/* A new snapshot is its writer's alone, and has no other name, as that of the
	 * state. */
	if (S_ISREG(status.st_mode) && !(status.st_mode & 022) && status.st_nlink == 1 &&
		(status.st_uid == 0 || status.st_uid == geteuid() ||
			status.st_uid == owner)) {
		errno = EEXIST;
		return false;
	}
	if ((S_ISDIR(status.st_mode) ? rmdir(path) : unlink(path)) == 0 ||
		errno == ENOENT)
		return true;
	if (errno == EEXIST)
		errno = ENOTEMPTY;
	return false;
}

/* One name for all writers: a killed one leaves at most one file. */
static int create_new(const char *path, uid_t owner)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd = open(path, flags, 0600);

	if (fd < 0 && errno == EEXIST &&
		(remove_foreign(path, owner) ||
			(errno == EEXIST && remove_leftover(path))))
		fd = open(path, flags, 0600);
	if (fd < 0)
		return fd;
	/* Taken for a leftover before it had its lock: as if it had been there. */
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 || !is_named(fd, path)) {
		close(fd);
		errno = EEXIST;
		return -1;
	}
	return fd;
}

int pool_snapshot_claim(
	const char *path, uid_t owner, int64_t wait_ms, int *fd, struct pool_fault *fault)
{
	const struct timespec pause = {0, 1000000};
	char *beside = name_beside(path);
	int made = -1, error = 0;

	if (!beside)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	for (int64_t waited_ms = 0; waited_ms <= wait_ms; waited_ms++) {
		made = create_new(beside, owner);
		if (made >= 0 || errno != EEXIST)
			break;
		nanosleep(&pause, NULL);
		errno = EEXIST;
	}
	if (made >= 0)
		*fd = made;
	else
		error = pool_fault_set(fault, errno == EEXIST ? POOL_EBUSY : POOL_ESYSTEM,
			errno, "cannot write snapshot '%s'", path);
	free(beside);
	return error;
}

void pool_snapshot_unclaim(const char *path, int fd)
{
	char *beside = name_beside(path);

	if (beside)
		unlink(beside);
	free(beside);
	close(fd);
}

/* Rename the open file; false: errno. */
static bool put_in_place(int fd, const char *beside, const char *path)
{
	/* Not that of another one, should ours have been taken away. */
	if (!is_named(fd, beside)) {
		errno = ESTALE;
		return false;
	}
	if (rename(beside, path) == 0)
		return true;
	/* A folder of somebody else's, which is empty or stays. */
	return errno == EISDIR && rmdir(path) == 0 && rename(beside, path) == 0;
}

int pool_snapshot_write(const struct pool_snapshot *snapshot, const char *path, int fd,
	const struct stat *source, struct pool_fault *fault)
{
	char *beside = name_beside(path);
	int sys_errno =
		beside ? pool_io_write(fd, snapshot->bytes, snapshot->length) : ENOMEM;
	int error = beside ? (sys_errno ? POOL_ESYSTEM : 0) : POOL_ENOMEM;

	copy_readers(fd, source);
	/* The name must not lead to bytes that a power loss would take away. */
	if (!error && fdatasync(fd) != 0) {
		error = POOL_ESYSTEM;
		sys_errno = errno;
	}
	if (!error && !put_in_place(fd, beside, path)) {
		error = POOL_ESYSTEM;
		sys_errno = errno;
	}
	if (error && beside && is_named(fd, beside))
		unlink(beside);
	/* Last: its lock guards the name. What could fail has been written by then. */
	close(fd);
	free(beside);
	return error ? pool_fault_set(fault, error, sys_errno,
			       "cannot write snapshot '%s'", path)
		     : 0;
}
