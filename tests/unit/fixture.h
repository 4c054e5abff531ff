/*
 * What the tests of state/ share: a folder of their own, pools without a pool file, whole
 * files in memory. Everything that fails in here fails the test.
 */
#ifndef TESTS_UNIT_FIXTURE_H
#define TESTS_UNIT_FIXTURE_H

#include <sys/types.h>
#include "state/session.h"

/* One proxy of a pool. Zeroes: weight 1, enabled. */
struct fixture_member {
	const char *url;
	double weight;
	bool disabled;
	const char *password_file;
	int32_t max_connections;
};

enum { FIXTURE_MEMBERS = 200 };

struct fixture_pool {
	const char *where; /* NULL ends a list of pools */
	uint32_t count;
	struct fixture_member members[FIXTURE_MEMBERS];
};

/* A folder with mode 0700 in <out>, and one that is removed again with all in it. */
void fixture_folder_make(char *out, size_t size);
void fixture_folder_remove(const char *folder);

/* <count> proxies 127.0.0.1:1, :2, ... */
void fixture_fill(struct fixture_pool *pool, const char *where, uint32_t count);

/* The snapshot of <pools>; release it. The first one is the default's. */
void fixture_compile(struct pool_snapshot *snapshot, const struct fixture_pool *pools,
	size_t count, const struct pool_hash_key *salt);
void fixture_compile_from(struct pool_snapshot *snapshot,
	const struct fixture_pool *pools, size_t count, const struct pool_hash_key *salt,
	const struct stat *source);

/* A whole file: its bytes, free() them; and the reverse. */
char *fixture_read(const char *path, size_t *length);
void fixture_write(const char *path, const void *bytes, size_t length);

/* Open, lock and follow, as a session would. */
struct pool_state *fixture_state(const char *path, const struct pool_snapshot *snapshot);
/* Lock and follow again; unlock by hand. */
void fixture_lock(struct pool_state *state, const struct pool_snapshot *snapshot);

/*
 * A child that is stepped through, an instruction at a time: it calls the first of these
 * where the steps are to begin, its parent the second one, which skips the test if nobody
 * may be traced.
 */
void fixture_await_steps(void);
void fixture_begin_steps(pid_t child);
/* One instruction; false if the child has ended with it, as it should. */
bool fixture_step(pid_t child);

#endif
