/* What the tests of state/ share. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"

void fixture_folder_make(char *out, size_t size)
{
	/* Not in TMPDIR, which may be private: some tests look from another user's side.
	 */
	snprintf(out, size, "/tmp/pool-unit.XXXXXX");
	assert_non_null(mkdtemp(out));
}

static int remove_one(
	const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

void fixture_folder_remove(const char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fixture_fill(struct fixture_pool *pool, const char *where, uint32_t count)
{
	static char urls[FIXTURE_MEMBERS][32];

	assert_in_range(count, 0, FIXTURE_MEMBERS);
	*pool = (struct fixture_pool){.where = where, .count = count};
	for (uint32_t i = 0; i < count; i++) {
		snprintf(urls[i], sizeof(urls[i]), "http://127.0.0.1:%u", i + 1);
		pool->members[i].url = urls[i];
	}
}

static void fill_leaf(struct pool_leaf *leaf, const struct fixture_pool *pool)
{
	*leaf = (struct pool_leaf){
		.where = strdup(pool->where),
		.kind = POOL_LEAF_POOL,
		.timeout_s = 30,
		.rollout_percent = 100,
		.members = calloc(pool->count + 1, sizeof(*leaf->members)),
		.member_count = pool->count,
	};
	pool_policy_init(&leaf->policy);
	for (uint32_t i = 0; i < pool->count; i++) {
		const struct fixture_member *from = &pool->members[i];
		double weight = from->weight > 0 ? from->weight : 1;

		leaf->members[i] = (struct pool_member){
			.url = strdup(from->url),
			.name = strdup(from->url),
			.password_file =
				from->password_file ? strdup(from->password_file) : NULL,
			.weight_micro = (uint32_t)(weight * 1000000 + 0.5),
			.enabled = !from->disabled,
			.max_connections = from->max_connections,
		};
	}
}

void fixture_compile_from(struct pool_snapshot *snapshot,
	const struct fixture_pool *pools, size_t count, const struct pool_hash_key *salt,
	const struct stat *source)
{
	struct pool_settings settings = {
		.enabled = true,
		.leaves = calloc(count + 1, sizeof(*settings.leaves)),
		.leaf_count = (uint32_t)count,
		.default_leaf = {count ? 0 : POOL_NO_LEAF, count ? 0 : POOL_NO_LEAF},
		.exchanges = calloc(count + 1, sizeof(*settings.exchanges)),
	};
	struct pool_fault fault;

	for (size_t i = 0; i < count; i++) {
		const char *dot = strrchr(pools[i].where, '.');

		fill_leaf(&settings.leaves[i], &pools[i]);
		if (strncmp(pools[i].where, "exchanges.", 10) == 0)
			settings.exchanges[settings.exchange_count++] =
				(struct pool_exchange){
					.id = strndup(pools[i].where + 10,
						(size_t)(dot - pools[i].where - 10)),
					.leaf = {(uint32_t)i, POOL_NO_LEAF},
				};
	}
	assert_int_equal(0,
		pool_snapshot_compile(snapshot, &settings, salt, source, 4711, &fault));
	pool_settings_release(&settings);
}

void fixture_compile(struct pool_snapshot *snapshot, const struct fixture_pool *pools,
	size_t count, const struct pool_hash_key *salt)
{
	fixture_compile_from(snapshot, pools, count, salt, NULL);
}

char *fixture_read(const char *path, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	char *bytes;

	assert_true(fd >= 0);
	assert_int_equal(0, fstat(fd, &status));
	bytes = malloc((size_t)status.st_size + 1);
	assert_non_null(bytes);
	assert_int_equal(status.st_size, read(fd, bytes, (size_t)status.st_size));
	close(fd);
	*length = (size_t)status.st_size;
	return bytes;
}

void fixture_write(const char *path, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(length, write(fd, bytes, length));
	assert_int_equal(0, close(fd));
}

void fixture_lock(struct pool_state *state, const struct pool_snapshot *snapshot)
{
	struct pool_fault fault = {0};
	struct pool_now now;
	int error = pool_state_lock(state, 5000, &fault);

	pool_clock_get(&now);
	if (!error)
		error = pool_state_follow(state, snapshot, &now, &fault);
	if (error)
		fail_msg("%s", fault.text);
}

struct pool_state *fixture_state(const char *path, const struct pool_snapshot *snapshot)
{
	struct pool_fault fault = {0};
	struct pool_state *state = NULL;

	if (pool_state_open(&state, path, "/etc/pool.json", &fault) != 0)
		fail_msg("%s", fault.text);
	fixture_lock(state, snapshot);
	return state;
}

/* The status of a child that may not be traced. */
enum { UNTRACED = 77 };

void fixture_await_steps(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(UNTRACED);
	raise(SIGSTOP);
}

void fixture_begin_steps(pid_t child)
{
	cpu_set_t one;
	int status;

	assert_int_equal(child, waitpid(child, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == UNTRACED)
		skip();
	assert_true(WIFSTOPPED(status));
	/* They take turns anyway, which is faster on one processor. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	sched_setaffinity(child, sizeof(one), &one);
}

bool fixture_step(pid_t child)
{
	int status;

	assert_int_equal(0, ptrace(PTRACE_SINGLESTEP, child, NULL, NULL));
	assert_int_equal(child, waitpid(child, &status, 0));
	if (WIFSTOPPED(status)) {
		assert_int_equal(SIGTRAP, WSTOPSIG(status));
		return true;
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
	return false;
}
