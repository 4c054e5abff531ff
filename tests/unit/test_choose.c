/* Selections through a session: owners, waiting, a lock that others hold, what is told.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "fixture.h"

#define S POOL_NS_PER_S

/* Variables that were asked for, and the one that is set. */
struct asked {
	char names[64];
	const char *set;
};

struct place {
	char folder[200];
	char file[256];
	char state[256];
	struct pool_session *session;
	int warnings;
	bool told_under_lock;
	struct asked *asked;
};

/* --- a pool file, and what is done with it -------------------------------------- */

/* Whether somebody, be it ourselves, holds the lock of the state file. */
static bool is_locked(const struct place *place)
{
	int fd = open(place->state, O_RDONLY | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;

	if (fd >= 0)
		close(fd);
	return locked;
}

static void warn(void *context, const char *text)
{
	struct place *place = context;

	(void)text;
	place->warnings++;
	place->told_under_lock |= is_locked(place);
}

static void open_session(struct place *place, bool require_state, int64_t lock_timeout_ms)
{
	const struct pool_session_options options = {.file = place->file,
		.state = place->state,
		.require_state = require_state,
		.lock_timeout_ms = lock_timeout_ms,
		.warn = warn,
		.context = place};
	struct pool_fault fault = {0};

	pool_session_free(place->session);
	place->session = NULL;
	if (pool_session_new(&place->session, &options, &fault) != 0)
		fail_msg("%s", fault.text);
}

static void use_pool(struct place *place, const char *text)
{
	const struct timespec rest = {0, 25000000};

	fixture_write(place->file, text, strlen(text));
	/* Its key is believed only when it has been at rest. */
	nanosleep(&rest, NULL);
	open_session(place, true, 1000);
}

static int set_up(void **context)
{
	struct place *place = calloc(1, sizeof(*place));

	fixture_folder_make(place->folder, sizeof(place->folder));
	snprintf(place->file, sizeof(place->file), "%s/pool.json", place->folder);
	snprintf(place->state, sizeof(place->state), "%s/pool.state", place->folder);
	*context = place;
	return 0;
}

static int tear_down(void **context)
{
	struct place *place = *context;

	pool_session_free(place->session);
	fixture_folder_remove(place->folder);
	free(place);
	return 0;
}

static int ask(struct place *place, const struct pool_query *query, char *name)
{
	struct pool_choice choice;
	struct pool_fault fault = {0};
	int error = pool_session_select(place->session, query, &choice, &fault);

	if (!error && name)
		strcpy(name, choice.proxies[0].name);
	pool_choice_release(&choice);
	return error;
}

static void say(struct place *place, const char *proxy, enum pool_said said)
{
	const struct pool_feedback feedback = {.target = {proxy, NULL, -1},
		.said = said,
		.retry_after_s = -1,
		.latency_us = -1};
	struct pool_fault fault = {0};

	if (pool_session_report(place->session, &feedback, NULL, &fault) != 0)
		fail_msg("%s", fault.text);
}

/* The state file, locked, beside the session. */
static struct pool_state *lock_state(const struct place *place)
{
	struct pool_state *state = NULL;
	struct pool_fault fault = {0};

	if (pool_state_open(&state, place->state, place->file, &fault) != 0 ||
		pool_state_lock(state, 1000, &fault) != 0)
		fail_msg("%s", fault.text);
	return state;
}

static uint32_t leases_used(const struct place *place)
{
	struct pool_state *state = lock_state(place);
	uint32_t used = state->live->leases_used;

	assert_int_equal(0, pool_state_verify(state, NULL));
	pool_state_free(state);
	return used;
}

static void wait_until_recovering(struct place *place)
{
	const struct timespec pause = {0, 10000000};
	enum pool_status status = POOL_STATUSES;

	for (int i = 0; i < 1000 && status != POOL_STATUS_RECOVERING; i++) {
		struct pool_view view;

		nanosleep(&pause, NULL);
		assert_int_equal(0, pool_session_view(place->session, 0, &view, NULL));
		status = pool_view_status(place->session, &view, 0);
		pool_view_release(&view);
	}
	assert_int_equal(POOL_STATUS_RECOVERING, status);
}

/* --- owners --------------------------------------------------------------------- */

/* A process that does nothing until it is killed. */
static pid_t start_owner(void)
{
	pid_t owner = fork();

	while (owner == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
		pause();
	assert_true(owner > 0);
	return owner;
}

static void end_owner(pid_t owner)
{
	assert_int_equal(0, kill(owner, SIGKILL));
	assert_int_equal(owner, waitpid(owner, NULL, 0));
}

/* Each time: it may have ended since, and another process have its number. */
static void test_owner_is_looked_up(void **context)
{
	struct place *place = *context;
	struct pool_query query = {.lease = true};
	pid_t owner = start_owner();

	use_pool(place, "{\"proxies\": [\"http://127.0.0.1:1\"]}");
	query.owner_pid = owner;
	assert_int_equal(0, ask(place, &query, NULL));
	assert_int_equal(0, ask(place, &query, NULL));
	assert_int_equal(2, leases_used(place));
	end_owner(owner);
	assert_int_equal(POOL_EARGUMENT, ask(place, &query, NULL));
}

/* One among many leases: nobody waits until it happens to be looked at. */
static void test_waiting_looks_up_all_owners(void **context)
{
	static const char *const two =
		"{\"enabled\": true, \"default\": {\"http\": {\"pool\": {"
		"  \"proxies\": [{\"name\": \"one\", \"url\": \"http://127.0.0.1:1\","
		"  \"max_connections\": 1}]}}, \"websocket\": {\"pool\": {"
		"  \"proxies\": [\"http://127.0.0.1:2\"]}}}}";
	enum { OTHERS = 4000, WAIT_MS = 20000 };
	struct place *place = *context;
	const struct pool_query other = {.type = POOL_TYPE_WEBSOCKET,
					.lease = true,
					.owner_pid = getpid()},
				waiting = {.wait_ms = WAIT_MS,
					.lease = true,
					.owner_pid = getpid()};
	struct pool_query query = {.lease = true};
	struct pool_now began, ended;
	pid_t owner = start_owner();

	use_pool(place, two);
	for (int i = 0; i < OTHERS / 2; i++)
		assert_int_equal(0, ask(place, &other, NULL));
	query.owner_pid = owner;
	assert_int_equal(0, ask(place, &query, NULL));
	for (int i = 0; i < OTHERS / 2; i++)
		assert_int_equal(0, ask(place, &other, NULL));
	end_owner(owner);
	pool_clock_get(&began);
	assert_int_equal(0, ask(place, &waiting, NULL));
	pool_clock_get(&ended);
	assert_in_range(ended.boot_ns - began.boot_ns, 0, WAIT_MS / 4 * POOL_NS_PER_MS);
}

/* --- what is told --------------------------------------------------------------- */

static void test_waiting_warns_once(void **context)
{
	struct place *place = *context;
	const char *unknown = "nobody";
	const struct pool_query leased = {.lease = true, .owner_pid = getpid()},
				waiting = {.wait_ms = 100,
					.exclude = &unknown,
					.exclude_count = 1,
					.exchange = "binanse"};

	use_pool(place,
		"{\"enabled\": true, \"default\": {\"http\": {\"pool\": {\"proxies\":"
		" [\"http://127.0.0.1:1\"], \"limits\": {\"max_connections\": 1},"
		" \"fallback\": \"fail\"}}},"
		" \"exchanges\": {\"binance\": {\"websocket\": {\"pool\":"
		" {\"proxies\": [\"http://127.0.0.1:2\"]}}}}}");
	assert_int_equal(0, ask(place, &leased, NULL));
	assert_int_equal(0, place->warnings);
	/* No such exchange, and no such proxy; that the limit is reached is no warning.
	 */
	assert_int_equal(
		0, ask(place, &(struct pool_query){.exchange = "binanse"}, NULL) == 0);
	assert_int_equal(1, place->warnings);
	assert_int_equal(POOL_ENONE, ask(place, &waiting, NULL));
	assert_int_equal(3, place->warnings);
}

/* Whoever listens may be slow: the others must not wait for it. */
static void test_told_without_the_lock(void **context)
{
	static const struct pool_query query = {.count = 1};
	struct place *place = *context;
	struct pool_state *state;

	use_pool(place, "{\"proxies\": [\"http://127.0.0.1:1\"]}");
	assert_int_equal(0, ask(place, &query, NULL));
	state = lock_state(place);
	state->live->leaf_count ^= 1;
	pool_state_free(state);
	assert_int_equal(0, ask(place, &query, NULL));
	assert_int_equal(1, place->warnings);
	assert_false(place->told_under_lock);
	if (geteuid() == 0)
		return;
	assert_int_equal(0, chmod(place->state, 0400));
	open_session(place, false, 1000);
	assert_int_equal(0, ask(place, &query, NULL));
	assert_int_equal(2, place->warnings);
	assert_false(place->told_under_lock);
}

/* --- nothing is left behind ----------------------------------------------------- */

/* The second of two cannot be leased: the first one is not held either. */
static void test_failure_holds_nothing(void **context)
{
	struct place *place = *context;
	const struct pool_query one = {.lease = true, .owner_pid = getpid()},
				two = {.lease = true, .owner_pid = getpid(), .count = 2};
	struct rlimit before, small = {0, RLIM_INFINITY};
	struct stat status;
	int error;

	use_pool(
		place, "{\"proxies\": [\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]}");
	for (int i = 0; i < 63; i++)
		assert_int_equal(0, ask(place, &one, NULL));
	assert_int_equal(63, leases_used(place));
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(0, stat(place->state, &status));
	assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
	small.rlim_cur = (rlim_t)status.st_size;
	small.rlim_max = before.rlim_max;
	assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &small));
	error = ask(place, &two, NULL);
	assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
	assert_int_equal(POOL_ESYSTEM, error);
	assert_int_equal(63, leases_used(place));
}

/* --- the lock held by another process ------------------------------------------- */

/* What <query> finds while the lock cannot be had. */
static int ask_locked(struct place *place, const struct pool_query *query)
{
	struct pool_state *state = lock_state(place);
	int error;

	open_session(place, false, 20);
	/* The state file is opened, and its lock waited for, by the selection. */
	error = ask(place, query, NULL);
	pool_state_free(state);
	return error;
}

/* What can be read without the lock is kept to: no fallback passes a limit. */
static void test_limits_without_the_lock(void **context)
{
	static const struct pool_query query = {.count = 1};
	struct place *place = *context;
	const struct pool_query leased = {.lease = true, .owner_pid = getpid()};

	use_pool(place,
		"{\"proxies\": [\"http://127.0.0.1:1\"],"
		" \"limits\": {\"max_connections\": 1}}");
	assert_int_equal(0, ask_locked(place, &query));
	assert_int_equal(0, ask(place, &leased, NULL));
	assert_int_equal(POOL_ENONE, ask_locked(place, &query));
}

static void test_budgets_without_the_lock(void **context)
{
	static const struct pool_query query = {.count = 1};
	struct place *place = *context;

	use_pool(place,
		"{\"proxies\": [{\"name\": \"a\", \"url\": \"http://127.0.0.1:1\"}],"
		" \"limits\": {\"requests\": 1, \"per_seconds\": 1000},"
		" \"breaker\": {\"failure_threshold\": 1, \"open_seconds\": 1}}");
	assert_int_equal(0, ask(place, &query, NULL));
	assert_int_equal(POOL_ENONE, ask_locked(place, &query));
	/* Nor if it is recovering, and unhealthy enough for a fallback otherwise. */
	say(place, "a", POOL_SAID_FAIL);
	wait_until_recovering(place);
	assert_int_equal(POOL_ENONE, ask_locked(place, &query));
}

static void test_trials_without_the_lock(void **context)
{
	static const struct pool_query query = {.count = 1};
	struct place *place = *context;

	use_pool(place,
		"{\"proxies\": [{\"name\": \"a\", \"url\": \"http://127.0.0.1:1\"}],"
		" \"fallback\": \"fail\","
		" \"breaker\": {\"failure_threshold\": 1, \"open_seconds\": 1}}");
	assert_int_equal(0, ask(place, &query, NULL));
	say(place, "a", POOL_SAID_FAIL);
	wait_until_recovering(place);
	assert_int_equal(0, ask_locked(place, &query));
	assert_int_equal(0, ask(place, &query, NULL));
	assert_int_equal(POOL_ENONE, ask_locked(place, &query));
}

/* --- what is counted ------------------------------------------------------------ */

/* Each selection of a proxy is of one strategy and took some time. */
static void test_strategies_and_times_are_counted(void **context)
{
	static const uint32_t expected[POOL_STRATEGIES] = {
		[POOL_STRATEGY_ROUND_ROBIN] = 2,
		[POOL_STRATEGY_RANDOM] = 2,
		[POOL_STRATEGY_STICKY] = 1,
	};
	const struct pool_query in_turn = {.count = 2};
	const struct pool_query random = {.strategy = "random"};
	const struct pool_query sticky = {.strategy = "sticky", .key = "k"};
	const struct pool_query dry = {.strategy = "failover", .dry_run = true};
	struct place *place = *context;
	struct pool_state *state;
	uint64_t timed = 0;

	use_pool(
		place, "{\"proxies\": [\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]}");
	assert_int_equal(0, ask(place, &in_turn, NULL));
	assert_int_equal(0, ask(place, &random, NULL));
	assert_int_equal(0, ask(place, &random, NULL));
	assert_int_equal(0, ask(place, &sticky, NULL));
	assert_int_equal(0, ask(place, &dry, NULL));
	state = lock_state(place);
	for (int i = 0; i < POOL_STRATEGIES; i++)
		assert_int_equal(expected[i], state->leaves[0].strategies[i]);
	for (int i = 0; i < POOL_LATENCY_BUCKETS; i++)
		timed += state->leaves[0].latency[i];
	assert_int_equal(5, timed);
	assert_in_range(state->leaves[0].latency_ns, 1, 60 * S);
	pool_state_free(state);
}

/* Nobody chose it. */
static void test_the_url_has_no_strategy(void **context)
{
	static const struct pool_query query = {.count = 1};
	const struct pool_target target = {"a", NULL, -1};
	struct place *place = *context;
	struct pool_state *state;
	size_t count;

	use_pool(place,
		"{\"enabled\": true, \"default\": {\"http\": {\"url\": "
		"\"http://127.0.0.1:9\", \"pool\": {\"proxies\": [{\"name\": \"a\", "
		"\"url\": \"http://127.0.0.1:1\"}]}}}}");
	assert_int_equal(0,
		pool_session_command(
			place->session, &target, POOL_ADMIN_DISABLE, &count, NULL));
	assert_int_equal(0, ask(place, &query, NULL));
	state = lock_state(place);
	assert_int_equal(1, state->leaves[0].fallbacks);
	for (int i = 0; i < POOL_STRATEGIES; i++)
		assert_int_equal(0, state->leaves[0].strategies[i]);
	assert_int_equal(0, state->leaves[0].latency_ns);
	pool_state_free(state);
}

/* --- budgets in the file -------------------------------------------------------- */

static const char *const two_a_proxy =
	"{\"proxies\": [\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"],"
	" \"limits\": {\"requests\": 2, \"per_seconds\": 1000}}";

/* How many requests there are, until there are none. */
static int spend(struct place *place)
{
	static const struct pool_query query = {.count = 1};
	int count = 0;

	while (count < 100 && ask(place, &query, NULL) == 0)
		count++;
	return count;
}

static void test_budgets_follow_edits(void **context)
{
	struct place *place = *context;
	const struct pool_query both = {.count = 2};

	use_pool(place, two_a_proxy);
	assert_int_equal(0, ask(place, &both, NULL));
	assert_int_equal(2, spend(place));
	/* Another one in front: only that one has something to spend. */
	use_pool(place,
		"{\"proxies\": [\"http://127.0.0.1:3\", \"http://127.0.0.1:2\","
		" \"http://127.0.0.1:1\"],"
		" \"limits\": {\"requests\": 2, \"per_seconds\": 1000}}");
	assert_int_equal(2, spend(place));
	/* More for each, and a longer time: what was spent counts. */
	use_pool(place,
		"{\"proxies\": [\"http://127.0.0.1:3\", \"http://127.0.0.1:2\","
		" \"http://127.0.0.1:1\"],"
		" \"limits\": {\"requests\": 3, \"per_seconds\": 2000}}");
	assert_int_equal(3, spend(place));
	/* Less: nothing, and nothing breaks. */
	use_pool(place, two_a_proxy);
	assert_int_equal(0, spend(place));
}

/* Before that file was read, the machine was started again <ago_s> later. */
static void reboot(struct place *place, int64_t ago_s)
{
	struct pool_state *state = lock_state(place);
	struct pool_state_image *image = state->live;
	const int64_t other_ns = 5000000 * S;

	image->clock_id ^= 1;
	image->written_wall_s -= ago_s;
	image->written_boot_ns += other_ns;
	for (uint32_t i = 0; i < image->record_count; i++)
		state->budgets[i].head_ns += other_ns;
	pool_state_free(state);
}

static void test_budgets_survive_a_reboot(void **context)
{
	struct place *place = *context;

	use_pool(place, two_a_proxy);
	assert_int_equal(4, spend(place));
	reboot(place, 100);
	assert_int_equal(0, spend(place));
	reboot(place, 2000);
	assert_int_equal(4, spend(place));
	assert_int_equal(0, spend(place));
}

/* Where they are is under the image's checksum. */
static void test_lost_budgets_are_begun_anew(void **context)
{
	struct place *place = *context;
	struct pool_state *state;

	use_pool(place, two_a_proxy);
	assert_int_equal(4, spend(place));
	state = lock_state(place);
	state->live->budgets_at = state->image->leaves_at;
	pool_state_free(state);
	assert_int_equal(0, place->warnings);
	assert_int_equal(4, spend(place));
	assert_int_equal(1, place->warnings);
	assert_int_equal(0, spend(place));
}

/* --- secrets -------------------------------------------------------------------- */

static const char *look_up(void *context, const char *name)
{
	struct place *place = context;

	if (!strstr(place->asked->names, name))
		strcat(place->asked->names, name);
	return strcmp(place->asked->set, name) == 0 ? "word" : NULL;
}

static void open_with_lookup(struct place *place, struct asked *asked)
{
	const struct pool_session_options options = {.file = place->file,
		.state = place->state,
		.warn = warn,
		.lookup = look_up,
		.context = place};
	struct pool_fault fault = {0};

	place->asked = asked;
	pool_session_free(place->session);
	place->session = NULL;
	if (pool_session_new(&place->session, &options, &fault) != 0)
		fail_msg("%s", fault.text);
}

static const char *const three_secrets =
	"{\"proxies\": ["
	"{\"name\": \"a\", \"url\": \"http://u:${A}@127.0.0.1:1\"},"
	"{\"name\": \"b\", \"url\": \"http://u:${B}@127.0.0.1:2\"},"
	"{\"name\": \"c\", \"url\": \"http://u@127.0.0.1:3\", "
	"\"password_file\": \"c.pw\"}]}";

static void test_only_the_chosen_one_needs_its_secret(void **context)
{
	struct place *place = *context;
	const struct pool_query query = {.count = 1};
	struct asked asked = {.set = "A"};
	char name[64];

	use_pool(place, three_secrets);
	open_with_lookup(place, &asked);
	assert_int_equal(0, ask(place, &query, name));
	assert_string_equal("a", name);
	assert_string_equal("A", asked.names);
	assert_int_equal(0, place->warnings);
}

static void test_who_lacks_a_secret_is_skipped(void **context)
{
	struct place *place = *context;
	const struct pool_query query = {.lease = true, .ttl_ms = 60000};
	struct asked asked = {.set = "B"};
	struct pool_choice choice;
	struct pool_fault fault = {0};
	char name[64];

	use_pool(place, three_secrets);
	open_with_lookup(place, &asked);
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(0, ask(place, &query, name));
		assert_string_equal("b", name);
		assert_int_equal(i, leases_used(place));
	}
	assert_int_equal(2, place->warnings);
	assert_false(place->told_under_lock);
	asked.set = "";
	assert_int_equal(POOL_ESECRET,
		pool_session_select(place->session, &query, &choice, &fault));
	assert_int_equal(POOL_NO_SECRET, choice.reason);
	assert_int_equal(3, choice.skipped_count);
	assert_string_equal("default.http", choice.where);
	pool_choice_release(&choice);
	assert_int_equal(3, leases_used(place));
	/* One that comes to have its secret is used again. */
	asked.set = "A";
	assert_int_equal(0, ask(place, &query, name));
	assert_string_equal("a", name);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_owner_is_looked_up),
		TEST(test_strategies_and_times_are_counted),
		TEST(test_the_url_has_no_strategy),
		TEST(test_waiting_looks_up_all_owners),
		TEST(test_waiting_warns_once),
		TEST(test_told_without_the_lock),
		TEST(test_failure_holds_nothing),
		TEST(test_limits_without_the_lock),
		TEST(test_budgets_without_the_lock),
		TEST(test_trials_without_the_lock),
		TEST(test_budgets_follow_edits),
		TEST(test_budgets_survive_a_reboot),
		TEST(test_lost_budgets_are_begun_anew),
		TEST(test_only_the_chosen_one_needs_its_secret),
		TEST(test_who_lacks_a_secret_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
