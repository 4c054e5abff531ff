/*
 * The snapshot: a pool file, compiled. Immutable bytes that are mapped or built in
 * memory, and used where they lie: a process whose pool file has not changed parses
 * nothing.
 *
 * FILE.snap stands beside the state file, is replaced by rename and mapped read-only
 * without a lock. It holds what the pool file holds, credentials too, and is therefore
 * readable by nobody who cannot read the pool file; ${NAME} and password_file stay
 * unexpanded.
 *
 * All offsets and counts are checked when a snapshot is opened, strings when they are
 * asked for. So is damage: the header has a checksum, the whole content has another one,
 * and each exchange, route and member is sealed by a hash of itself and its strings. Who
 * reads all of a snapshot has all of it verified as it is opened, in a copy of its own,
 * which nothing that happens to the file can change. Who needs one proxy maps the file
 * and verifies what that proxy hangs on:
 *
 *	pool_snapshot_open(whole)   copied, content verified:        all of it is believed
 *	pool_snapshot_open(parts)   header verified, then:
 *	  pool_snapshot_resolve()     the exchange and the route
 *	  pool_snapshot_has_tags()    the names' hashes of a route
 *	  pool_snapshot_has_member()  one proxy, its URL and its name
 *	  pool_snapshot_verify()      or everything after all
 *
 * These hashes are against accidents: who may write the file may write any proxy into it.
 * The salt of the identities stands in it twice, so that one damaged byte loses no
 * history.
 *
 * Not promised: that a snapshot of another format version can be read. It is compiled
 * anew, with the same salt.
 */
#ifndef POOL_STATE_SNAPSHOT_H
#define POOL_STATE_SNAPSHOT_H

#include <sys/stat.h>
#include "base/hash.h"
#include "config/model.h"
#include "config/url.h"

/* What tells one content of a file from another without reading it. */
struct pool_file_key {
	uint64_t device;
	uint64_t inode;
	int64_t size;
	int64_t mtime_ns;
	int64_t ctime_ns;
};

void pool_file_key_set(struct pool_file_key *key, const struct stat *status);
bool pool_file_key_equal(const struct pool_file_key *a, const struct pool_file_key *b);

/* Strings are offsets into the string area, uint32_t; 0 is "not given". */

/* By what damage of an entry is noticed. Its strings stand one behind the other. */
struct pool_snap_seal {
	uint64_t entry; /* hash of the entry behind this, keyed by snapshot and place */
	uint64_t text;  /* hash of its strings, keyed the same way */
	uint32_t text_at;
	uint32_t text_length;
};

struct pool_snap_member {
	struct pool_snap_seal seal;
	struct pool_hash identity; /* scheme, user, host, port, salted password */
	uint32_t url;
	uint32_t name;
	uint32_t password_file;
	uint32_t weight_micro;
	int32_t max_connections;
	uint8_t enabled;
	uint8_t scheme; /* enum pool_scheme */
	uint8_t unused[2];
};

struct pool_snap_leaf {
	struct pool_snap_seal seal;
	uint64_t key;  /* hash of where */
	uint64_t tags; /* hash of its members' tags */
	uint32_t where;
	uint32_t url; /* what to fall back on, or the single proxy */
	uint32_t check_url;
	uint32_t check_method;
	uint32_t check_headers;
	uint32_t check_body;
	int32_t timeout_s;
	int32_t rollout_percent;
	uint32_t first_member;
	uint32_t member_count;
	uint32_t enabled_count;
	uint8_t kind;           /* enum pool_leaf_kind */
	uint8_t equal_weights;  /* of the enabled members */
	uint8_t copies_default; /* its proxies are the default's list */
	uint8_t unused;
	struct pool_policy policy;
};

struct pool_snap_exchange {
	struct pool_snap_seal seal;
	uint32_t id;
	uint32_t leaf[POOL_TYPES];
	uint32_t unused;
};

/* An open snapshot. The pointers lead into its bytes: valid until it is released. */
struct pool_snapshot {
	const void *bytes;
	size_t length;
	bool mapped;      /* munmap() it; else free() */
	bool verified;    /* all of it: a copy of our own, or compiled here */
	uint64_t content; /* hash of the bytes behind the header */
	uint32_t content_at;
	bool enabled;
	uint64_t id;      /* hash of the content: the layout a state file follows */
	uint64_t overlay; /* hash of the pools behind those of <id>'s content, which an
			     environment adds; 0: none */
	uint64_t file_id; /* whose snapshot it is */
	const struct pool_snap_leaf *leaves;
	uint32_t leaf_count;
	uint32_t added_leaves; /* of them, the last ones: given by an environment */
	const struct pool_snap_member *members;
	uint32_t member_count;
	const uint64_t *tags; /* of the members: hashes of their names */
	const struct pool_snap_exchange *exchanges;
	uint32_t exchange_count;
	uint32_t default_leaf[POOL_TYPES];
	const char *strings;
	uint32_t strings_length;
	struct pool_hash_key salt;
	struct pool_file_key source; /* the pool file it was compiled from */
	bool source_trusted; /* that file was at rest long enough to go by its key */
	struct pool_file_key
		rejected;      /* a later content that was invalid; zeroes: none */
	const char *rejection; /* its first fault, one line; "" */
};

/*
 * Compile settings.
 *
 * <salt>    of the identities: keep the one of the snapshot before; NULL: a new one
 * <source>  status of the pool file before it was read; NULL: it is no regular file
 * <file_id> hash of the pool file's absolute path: whose snapshot it is
 *
 * Returns 0, or POOL_ENOMEM.
 */
int pool_snapshot_compile(struct pool_snapshot *snapshot,
	const struct pool_settings *settings, const struct pool_hash_key *salt,
	const struct stat *source, uint64_t file_id, struct pool_fault *fault);

/* The settings again, with names given. Returns 0, or POOL_ENOMEM. */
int pool_snapshot_unpack(
	const struct pool_snapshot *snapshot, struct pool_settings *settings);

/* What can be told of a file that cannot be used as a snapshot. */
struct pool_snapshot_remains {
	bool outdated;    /* of another version, and nothing is wrong with it */
	bool has_salt;    /* the two below are as they were written */
	uint64_t file_id; /* whose snapshot it was */
	struct pool_hash_key salt;
};

/*
 * Open FILE.snap.
 *
 * <owner>    a user beside root and the caller whose snapshot may be used: the pool
 *            file's
 * <whole>    copy and verify all of it; else a large one is mapped, and who uses an entry
 *            verifies it
 * <remains>  filled in with POOL_EFORMAT; may be NULL
 *
 * Returns 0, or: POOL_ENOFILE  there is none, or it cannot be read
 *                POOL_EUNSAFE  it is somebody else's
 *                POOL_EFORMAT  it is damaged or of another version
 *                POOL_ENOMEM, POOL_ESYSTEM
 */
int pool_snapshot_open(struct pool_snapshot *snapshot, const char *path, uid_t owner,
	bool whole, struct pool_snapshot_remains *remains, struct pool_fault *fault);

/*
 * Whether what is asked for is as it was written; without a look where the whole was
 * verified already. Numbers beyond the snapshot's are not.
 */
bool pool_snapshot_has_exchange(const struct pool_snapshot *snapshot, uint32_t index);
bool pool_snapshot_has_leaf(const struct pool_snapshot *snapshot, uint32_t index);
bool pool_snapshot_has_tags(const struct pool_snapshot *snapshot, uint32_t leaf);
bool pool_snapshot_has_member(const struct pool_snapshot *snapshot, uint32_t index);
/* All of it, as it is now; of what is not mapped that is remembered. */
bool pool_snapshot_verify(struct pool_snapshot *snapshot);

/* Seal what was compiled: set the hashes of all entries. <snapshot>'s bytes are the
 * caller's own. */
void pool_snapshot_seal(struct pool_snapshot *snapshot);
uint64_t pool_snapshot_hash_content(const struct pool_snapshot *snapshot);

/*
 * Become the one process that writes FILE.snap: its new content is a file beside it, made
 * by one process at a time. Whoever has it looks at FILE.snap again before compiling, so
 * that all agree on one salt. What somebody else has put in its place is taken away, and
 * where that is not possible it is not waited for.
 *
 * <owner>  a user beside root and the caller who may write it: the pool file's
 * <fd>  to be ended by pool_snapshot_write() or pool_snapshot_unclaim()
 *
 * Returns 0, or: POOL_EBUSY    another process had it for all of <wait_ms>
 *                POOL_ESYSTEM  it cannot be made
 */
int pool_snapshot_claim(const char *path, uid_t owner, int64_t wait_ms, int *fd,
	struct pool_fault *fault);
void pool_snapshot_unclaim(const char *path, int fd);

/*
 * Write what was claimed and rename it to FILE.snap. Readable by those who can read
 * <source>.
 *
 * Returns 0 or POOL_ESYSTEM; the claim is over in any case.
 */
int pool_snapshot_write(const struct pool_snapshot *snapshot, const char *path, int fd,
	const struct stat *source, struct pool_fault *fault);

/*
 * The same snapshot in memory, with a later content of the pool file remembered as
 * invalid.
 *
 * Returns 0, or POOL_EFORMAT (<snapshot> is damaged), POOL_ENOMEM.
 */
int pool_snapshot_reject(struct pool_snapshot *out, const struct pool_snapshot *snapshot,
	const struct stat *source, const char *rejection, struct pool_fault *fault);

/* A string of it; NULL for "not given" or an offset outside. */
const char *pool_snapshot_string(const struct pool_snapshot *snapshot, uint32_t at);
/* A copy of it, free() it; "" for one that is not given. NULL: out of memory. */
char *pool_snapshot_copy_string(const struct pool_snapshot *snapshot, uint32_t at);

/* What <secrets> of the session give to the proxies of <leaf>: those that the caller's
 * own environment gives are not withheld any. */
struct pool_secrets pool_snapshot_secrets(const struct pool_snapshot *snapshot,
	uint32_t leaf, const struct pool_secrets *secrets);

void pool_snapshot_release(struct pool_snapshot *snapshot);

/* Where a lookup leads. */
struct pool_resolution {
	uint32_t leaf;              /* POOL_NO_LEAF: no proxy, see reason */
	enum pool_no_reason reason; /* DISABLED, NOT_CONFIGURED */
	bool own_entry;             /* the exchange's own, not the default's */
	bool known_exchange; /* there is an entry of that id, or it is the default */
	const char
		*near_miss; /* an id spelt nearly so, where there is no entry; or NULL */
	bool damaged; /* an entry on the way is not as it was written: nothing of the
			 above is to be believed */
};

/* <exchange> may be NULL or "default", any case. */
void pool_snapshot_resolve(const struct pool_snapshot *snapshot, const char *exchange,
	enum pool_type type, struct pool_resolution *out);

/*
 * The types of <exchange>'s lookups that lead to <leaf>, bits 1 << enum pool_type.
 *
 * <exchange>  NULL: everybody's
 * <reason>    set where one of them leads to no pool; may be NULL
 */
unsigned pool_snapshot_types(const struct pool_snapshot *snapshot, const char *exchange,
	uint32_t leaf, enum pool_no_reason *reason);

#endif
