/* Rounds: plan, run, judge. */
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "probe/round.h"

/* Less time than this is not worth a control request. */
enum { CONTROL_LEAST_MS = 100 };

/* --- the plan ------------------------------------------------------------------- */

bool pool_round_wants(const struct pool_round_options *options, const char *name)
{
	for (size_t i = 0; i < options->only_count; i++)
		if (strcmp(options->only[i], name) == 0)
			return true;
	return options->only_count == 0;
}

static const char *name_of(const struct pool_snapshot *snapshot, uint32_t member)
{
	const char *name = pool_snapshot_string(snapshot, snapshot->members[member].name);

	return name ? name : "";
}

/* Every name of the chosen pools; free() the list. */
static const char **list_names(const struct pool_snapshot *snapshot,
	const struct pool_round_options *options, size_t *count)
{
	const char **names = calloc(snapshot->member_count + 1, sizeof(*names));

	*count = 0;
	for (size_t i = 0; names && i < options->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[options->leaves[i]];

		for (uint32_t j = 0; j < leaf->member_count; j++)
			names[(*count)++] = name_of(snapshot, leaf->first_member + j);
	}
	return names;
}

static int check_names(const struct pool_snapshot *snapshot,
	const struct pool_round_options *options, struct pool_fault *fault)
{
	const char **names, *near;
	size_t count;
	int error = 0;

	if (!options->only_count)
		return 0;
	names = list_names(snapshot, options, &count);
	if (!names)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	for (size_t i = 0; i < options->only_count && !error; i++) {
		bool found = false;

		for (size_t j = 0; j < count && !found; j++)
			found = strcmp(names[j], options->only[i]) == 0;
		if (found)
			continue;
		near = pool_text_nearest(options->only[i], names, count);
		error = pool_fault_set(fault, POOL_EARGUMENT, 0,
			"no proxy is called '%s'%s%s%s", options->only[i],
			near ? "; did you mean '" : "", near ? near : "",
			near ? "'?" : "");
	}
	free(names);
	return error;
}

static enum pool_method method_of(
	const struct pool_snap_leaf *leaf, const struct pool_round_options *options)
{
	return options->method >= 0 ? (enum pool_method)options->method
				    : (enum pool_method)leaf->policy.method;
}

/* NULL: there is none, and the method has no default. */
static const char *url_of(const struct pool_snapshot *snapshot,
	const struct pool_snap_leaf *leaf, const struct pool_round_options *options)
{
	const char *own = pool_snapshot_string(snapshot, leaf->check_url);

	if (options->url)
		return options->url;
	if (!own && method_of(leaf, options) == POOL_METHOD_HTTP)
		return pool_check_default_url;
	return own;
}

int pool_round_check_urls(const struct pool_snapshot *snapshot,
	const struct pool_round_options *options, struct pool_fault *fault)
{
	const char *idle = NULL;
	bool used = false;

	for (size_t i = 0; i < options->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[options->leaves[i]];
		const enum pool_method method = method_of(leaf, options);
		const bool asks = pool_method_asks(method);

		if (!leaf->policy.check_enabled)
			continue;
		used |= asks;
		idle = asks ? idle : pool_method_name(method);
		if (asks && !url_of(snapshot, leaf, options))
			return pool_fault_set(fault, POOL_EARGUMENT, 0,
				"%s: checks by method %s need a url: give one with --url",
				pool_snapshot_string(snapshot, leaf->where),
				pool_method_name(method));
	}
	if (options->url && !used && idle)
		return pool_fault_set(fault, POOL_EARGUMENT, 0,
			"--url is of no use to these checks: their method is %s; "
			"add --method http",
			idle);
	return 0;
}

/* From a snapshot: it may be any number. */
static int32_t timeout_ms(int32_t timeout_s)
{
	if (timeout_s < 0)
		return 0;
	return timeout_s < INT32_MAX / 1000 ? timeout_s * 1000 : INT32_MAX;
}

static struct pool_probe make_probe(const struct pool_snapshot *snapshot,
	const struct pool_snap_leaf *leaf, const struct pool_round_options *options)
{
	struct pool_probe probe = {
		.method = method_of(leaf, options),
		.timeout_ms = timeout_ms(leaf->policy.check_timeout_s),
		.retries = leaf->policy.retry_count,
		.cooling = &leaf->policy.cooling,
		.blocked = &leaf->policy.blocked,
	};

	if (pool_method_asks(probe.method)) {
		probe.url = url_of(snapshot, leaf, options);
		probe.expect = pool_check_expected(
			&leaf->policy.expect, probe.url == pool_check_default_url);
		probe.request = pool_snapshot_string(snapshot, leaf->check_method);
		probe.headers = pool_snapshot_string(snapshot, leaf->check_headers);
		probe.body = pool_snapshot_string(snapshot, leaf->check_body);
	} else {
		/* Nobody answers these with a status: pools that differ in it ask the
		 * same. */
		probe.cooling = probe.blocked = NULL;
	}
	return probe;
}

int pool_round_make(const struct pool_snapshot *snapshot, uint32_t leaf, uint32_t member,
	const struct pool_round_options *options, struct pool_probe *probe,
	struct pool_login *login, struct pool_fault *fault)
{
	const struct pool_snap_member *source = &snapshot->members[member];
	const char *url = pool_snapshot_string(snapshot, source->url);
	const struct pool_secrets secrets =
		pool_snapshot_secrets(snapshot, leaf, options->secrets);
	int error;

	*probe = make_probe(snapshot, &snapshot->leaves[leaf], options);
	error = pool_login_init(login, url ? url : "",
		pool_snapshot_string(snapshot, source->password_file), &secrets, fault);
	if (error)
		*login = (struct pool_login){0};
	probe->login = login;
	return error;
}

static int plan_item(struct pool_round *round, const struct pool_snapshot *snapshot,
	const struct pool_round_options *options, uint32_t leaf_index,
	uint32_t member_index, struct pool_fault *fault)
{
	const struct pool_snap_leaf *leaf = &snapshot->leaves[leaf_index];
	struct pool_round_item *item = &round->items[round->count];
	struct pool_probe *probe = &round->probes[round->probe_count];
	struct pool_fault why = {0};
	int error = pool_round_make(snapshot, leaf_index, member_index, options, probe,
		&round->logins[round->probe_count], &why);

	*item = (struct pool_round_item){
		.leaf = leaf_index, .member = member_index, .probe = POOL_NO_PROBE};
	round->outcomes[round->count++] = (struct pool_outcome){
		.leaf_key = leaf->key,
		.identity = snapshot->members[member_index].identity,
		.member = member_index,
		.good_layer = pool_method_get(probe->method)->good_layer,
		.retry_after_s = -1,
	};
	if (error == POOL_ENOMEM)
		return pool_fault_set(fault, error, 0, "out of memory");
	if (error) {
		item->found =
			error == POOL_ESECRET ? POOL_REASON_NO_SECRET : POOL_REASON_SETUP;
		pool_text_safe(
			item->detail, sizeof(item->detail), why.text, strlen(why.text));
		return 0;
	}
	round->control_wanted[round->probe_count] =
		leaf->policy.control == POOL_CONTROL_DIRECT;
	item->probe = (uint32_t)round->probe_count++;
	round->login_count = round->probe_count;
	return 0;
}

static int plan_items(struct pool_round *round, const struct pool_snapshot *snapshot,
	const struct pool_round_options *options, struct pool_fault *fault)
{
	for (size_t i = 0; i < options->leaf_count; i++) {
		const struct pool_snap_leaf *leaf = &snapshot->leaves[options->leaves[i]];

		if (!leaf->policy.check_enabled)
			continue;
		for (uint32_t j = 0; j < leaf->member_count; j++) {
			uint32_t member = leaf->first_member + j;
			int error;

			if (!snapshot->members[member].enabled ||
				!pool_round_wants(options, name_of(snapshot, member)))
				continue;
			error = plan_item(round, snapshot, options, options->leaves[i],
				member, fault);
			if (error)
				return error;
		}
	}
	return 0;
}

/* Keep the first of equal probes, in their order, and lead the items to it. */
static int merge(struct pool_round *round, struct pool_fault *fault)
{
	size_t planned = round->probe_count, kept = 0;
	uint32_t *first = malloc((planned + 1) * sizeof(*first));

	if (!first || pool_probe_merge(round->probes, planned, first)) {
		free(first);
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	}
	for (size_t i = 0; i < planned; i++) {
		bool wanted = round->control_wanted[i];

		if (first[i] != i) {
			pool_login_release(&round->logins[i]);
			round->logins[i] = (struct pool_login){0};
			/* Lower than i, so already where it stays. */
			first[i] = first[first[i]];
			round->control_wanted[first[i]] |= wanted;
			continue;
		}
		if (kept != i) {
			round->probes[kept] = round->probes[i];
			round->logins[kept] = round->logins[i];
			round->logins[i] = (struct pool_login){0};
		}
		round->probes[kept].login = &round->logins[kept];
		round->control_wanted[kept] = wanted;
		first[i] = (uint32_t)kept++;
	}
	for (size_t i = 0; i < round->count; i++)
		if (round->items[i].probe != POOL_NO_PROBE)
			round->items[i].probe = first[round->items[i].probe];
	round->probe_count = kept;
	free(first);
	return 0;
}

int pool_round_plan(struct pool_round *round, const struct pool_snapshot *snapshot,
	const struct pool_round_options *options, struct pool_fault *fault)
{
	size_t room = snapshot->member_count + 1;
	int error;

	*round = (struct pool_round){0};
	error = check_names(snapshot, options, fault);
	if (!error)
		error = pool_round_check_urls(snapshot, options, fault);
	if (error)
		return error;
	round->items = calloc(room, sizeof(*round->items));
	round->outcomes = calloc(room, sizeof(*round->outcomes));
	round->probes = calloc(room, sizeof(*round->probes));
	round->logins = calloc(room, sizeof(*round->logins));
	round->control_wanted = calloc(room, sizeof(*round->control_wanted));
	round->results = calloc(room, sizeof(*round->results));
	if (!round->items || !round->outcomes || !round->probes || !round->logins ||
		!round->control_wanted || !round->results)
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	if (!error)
		error = plan_items(round, snapshot, options, fault);
	if (!error)
		error = merge(round, fault);
	if (error)
		pool_round_release(round);
	return error;
}

void pool_round_release(struct pool_round *round)
{
	for (size_t i = 0; round->logins && i < round->login_count; i++)
		pool_login_release(&round->logins[i]);
	free(round->items);
	free(round->outcomes);
	free(round->probes);
	free(round->logins);
	free(round->control_wanted);
	free(round->results);
	*round = (struct pool_round){0};
}

/* --- the checks ----------------------------------------------------------------- */

static void take_result(
	void *context, size_t index, const struct pool_probe_result *result)
{
	struct pool_round *round = context;

	round->results[index] = *result;
	round->done++;
	if (round->options->progress)
		round->options->progress(
			round->options->context, round->done, round->probe_count);
}

static bool ask_stop(void *context)
{
	const struct pool_round *round = context;

	return round->options->stop(round->options->context);
}

static struct pool_engine_options engine_options(
	const struct pool_round_options *options, int64_t deadline_ms)
{
	return (struct pool_engine_options){
		.concurrency = options->concurrency,
		.deadline_ms = deadline_ms,
		.target_rate = options->target_rate,
		.seed = options->seed,
		.ca_file = options->ca_file,
		.stop = options->stop ? ask_stop : NULL,
	};
}

/* --- the control requests ------------------------------------------------------- */

/* The control requests of a run: at most one a target. */
struct controls {
	struct pool_probe *probes;
	enum pool_reason *reasons; /* how each ended */
	uint32_t *targets;         /* of which target each is */
	size_t count;
	const struct pool_round_options *options;
};

static bool is_stopped(const struct pool_round_options *options)
{
	return options->stop && options->stop(options->context);
}

static bool ask_stop_of_controls(void *context)
{
	const struct controls *controls = context;

	return is_stopped(controls->options);
}

static bool leaves_doubt(enum pool_reason reason)
{
	const struct pool_reason_row *row = pool_reason_get((int)reason);

	return row->verdict == POOL_VERDICT_DOWN &&
		(row->layer >= POOL_LAYER_TLS || row->timeout ||
			reason == POOL_REASON_EMPTY);
}

static void take_control(
	void *context, size_t index, const struct pool_probe_result *result)
{
	struct controls *controls = context;

	controls->reasons[index] = result->reason;
}

enum pool_control_answer pool_round_judge_control(enum pool_reason reason)
{
	const struct pool_reason_row *row = pool_reason_get((int)reason);

	if (row->layer == POOL_LAYER_LOCAL || reason == POOL_REASON_NONE)
		return POOL_CONTROL_UNASKED;
	if (row->verdict == POOL_VERDICT_DOWN ||
		row->verdict == POOL_VERDICT_INCONCLUSIVE)
		return POOL_CONTROL_FAILED;
	return POOL_CONTROL_REACHED;
}

static void choose_controls(const struct pool_round *round,
	const struct pool_verdict_item *items, struct controls *controls, bool *asked)
{
	for (size_t i = 0; i < round->probe_count; i++) {
		uint32_t target = items[i].target;

		if (target == POOL_NO_TARGET || asked[target] ||
			!round->control_wanted[i] ||
			!leaves_doubt((enum pool_reason)items[i].reason))
			continue;
		asked[target] = true;
		controls->probes[controls->count] = round->probes[i];
		controls->probes[controls->count].login = NULL;
		controls->targets[controls->count++] = target;
	}
}

/* Ask suspicious targets directly and note the answers in <items>. */
static int ask_controls(struct pool_round *round,
	const struct pool_round_options *options, int64_t deadline_ms,
	struct pool_verdict_item *items, uint32_t targets, struct pool_fault *fault)
{
	struct pool_engine_options engine = engine_options(options, deadline_ms);
	struct pool_engine_report report;
	struct controls controls = {
		.probes = calloc(targets + 1, sizeof(*controls.probes)),
		.reasons = calloc(targets + 1, sizeof(*controls.reasons)),
		.targets = calloc(targets + 1, sizeof(*controls.targets)),
		.options = options,
	};
	bool *asked = calloc(targets + 1, sizeof(*asked));
	int error = 0;

	engine.done = take_control;
	engine.stop = options->stop ? ask_stop_of_controls : NULL;
	engine.context = &controls;
	if (!controls.probes || !controls.reasons || !controls.targets || !asked)
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	if (!error)
		choose_controls(round, items, &controls, asked);
	if (!error && controls.count)
		error = pool_engine_run(
			controls.probes, controls.count, &engine, &report, fault);
	for (size_t i = 0; !error && i < controls.count; i++)
		for (size_t j = 0; j < round->probe_count; j++)
			if (items[j].target == controls.targets[i])
				items[j].control = (uint8_t)pool_round_judge_control(
					controls.reasons[i]);
	free(controls.probes);
	free(controls.reasons);
	free(controls.targets);
	free(asked);
	return error;
}

/* --- the judgement -------------------------------------------------------------- */

static void fill_items(struct pool_round *round, const struct pool_verdict_item *verdicts,
	int64_t began_ns)
{
	for (size_t i = 0; i < round->count; i++) {
		struct pool_round_item *item = &round->items[i];
		struct pool_outcome *outcome = &round->outcomes[i];

		outcome->began_ns = began_ns;
		if (item->probe != POOL_NO_PROBE) {
			const struct pool_probe_result *result =
				&round->results[item->probe];

			item->found = result->reason;
			item->http_status = result->status;
			item->attempts = result->attempts;
			item->latency_us = result->latency_us;
			memcpy(item->detail, result->detail, sizeof(result->detail));
			outcome->retry_after_s = result->retry_after_s;
			outcome->began_ns = result->began_boot_ns;
		}
		item->reason = item->probe == POOL_NO_PROBE
			? item->found
			: (enum pool_reason)verdicts[item->probe].reason;
		outcome->reason = item->reason;
		outcome->http_status = item->http_status;
		outcome->latency_us = item->latency_us;
	}
}

static int judge(struct pool_round *round, const struct pool_round_options *options,
	int64_t began_ns, struct pool_fault *fault)
{
	struct pool_verdict_item *items = calloc(round->probe_count + 1, sizeof(*items));
	struct pool_judge_target *scratch = NULL;
	struct pool_now now;
	int64_t left_ms;
	uint32_t targets = 0;
	int error = 0;

	if (!items ||
		pool_probe_number(round->probes, round->probe_count, items, &targets))
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	for (size_t i = 0; !error && i < round->probe_count; i++)
		items[i].reason = (uint8_t)round->results[i].reason;
	pool_clock_get(&now);
	left_ms = options->deadline_ms - (now.boot_ns - began_ns) / POOL_NS_PER_MS;
	if (!error && left_ms >= CONTROL_LEAST_MS && !is_stopped(options))
		error = ask_controls(round, options, left_ms, items, targets, fault);
	if (!error) {
		scratch = calloc(targets + 1, sizeof(*scratch));
		if (!scratch)
			error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	}
	if (!error) {
		pool_run_judge(
			items, round->probe_count, scratch, targets, &round->judgement);
		fill_items(round, items, began_ns);
	}
	free(scratch);
	free(items);
	return error;
}

int pool_round_run(struct pool_round *round, const struct pool_round_options *options,
	struct pool_fault *fault)
{
	struct pool_engine_options engine = engine_options(options, options->deadline_ms);
	struct pool_now began, ended;
	int error;

	engine.done = take_result;
	engine.context = round;
	round->options = options;
	round->done = 0;
	pool_clock_get(&began);
	error = pool_engine_run(
		round->probes, round->probe_count, &engine, &round->engine, fault);
	if (!error)
		error = judge(round, options, began.boot_ns, fault);
	pool_clock_get(&ended);
	round->began_wall_s = began.wall_s;
	round->took_us = (ended.boot_ns - began.boot_ns) / 1000;
	round->options = NULL;
	return error;
}

enum pool_reason pool_round_obstacle(const struct pool_round *round)
{
	static const enum pool_reason obstacles[] = {POOL_REASON_NO_DESCRIPTORS,
		POOL_REASON_NO_MEMORY, POOL_REASON_NO_PORTS, POOL_REASON_NO_PERMISSION};
	enum pool_reason reason = round->count ? round->items[0].found : POOL_REASON_NONE;

	for (size_t i = 0; i < round->count; i++)
		if (round->items[i].found != reason)
			return POOL_REASON_NONE;
	for (size_t i = 0; i < sizeof(obstacles) / sizeof(obstacles[0]); i++)
		if (obstacles[i] == reason)
			return reason;
	return POOL_REASON_NONE;
}
