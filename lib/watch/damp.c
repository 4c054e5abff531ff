/* Flap damping: a table of buckets, each searched as a whole. */
#include <stdlib.h>
#include "base/random.h"
#include "health/flap.h"
#include "watch/damp.h"

struct entry {
	uint64_t key;
	struct pool_flap flap;   /* without a penalty: the entry is free */
	struct pool_event *held; /* the last one; NULL: changes are told */
	int64_t calm_ns;         /* it may be told, if nothing changes until then */
};

struct pool_damp {
	int64_t due_ns; /* of the first to be released, or earlier */
	/* A search for what to release: where it goes on, and what it found for later. */
	size_t at;
	int64_t later_ns;
	struct entry buckets[POOL_DAMP_BUCKETS][POOL_DAMP_WAYS];
};

struct pool_damp *pool_damp_new(void)
{
	struct pool_damp *damp = calloc(1, sizeof(*damp));

	if (damp)
		damp->due_ns = damp->later_ns = INT64_MAX;
	return damp;
}

void pool_damp_free(struct pool_damp *damp)
{
	if (!damp)
		return;
	for (size_t i = 0; i < POOL_DAMP_BUCKETS; i++)
		for (size_t j = 0; j < POOL_DAMP_WAYS; j++)
			free(damp->buckets[i][j].held);
	free(damp);
}

/* The entry of <key>, or the one to take for it; NULL: all are held. */
static struct entry *find(struct pool_damp *damp, uint64_t key, int64_t now_ns)
{
	struct entry *bucket = damp->buckets[pool_random_mix(key) % POOL_DAMP_BUCKETS];
	struct entry *least = NULL;

	for (size_t i = 0; i < POOL_DAMP_WAYS; i++) {
		struct entry *entry = &bucket[i];

		if (entry->flap.penalty > 0 && entry->key == key)
			return entry;
		if (!entry->held &&
			(!least ||
				pool_flap_penalty(&entry->flap, now_ns) <
					pool_flap_penalty(&least->flap, now_ns)))
			least = entry;
	}
	if (least)
		*least = (struct entry){.key = key};
	return least;
}

static void let_go(struct entry *entry)
{
	free(entry->held);
	entry->held = NULL;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static enum pool_damp_verdict hold(
	struct pool_damp *damp, struct entry *entry, const struct pool_event *event)
{
	bool first = !entry->held;

	if (first)
		entry->held = malloc(sizeof(*entry->held));
	if (!entry->held)
		return POOL_DAMP_TELL;
	*entry->held = *event;
	entry->calm_ns = pool_flap_calm_ns(&entry->flap);
	damp->due_ns = earlier(damp->due_ns, entry->calm_ns);
	damp->later_ns = earlier(damp->later_ns, entry->calm_ns);
	return first ? POOL_DAMP_FIRST : POOL_DAMP_HOLD;
}

enum pool_damp_verdict pool_damp_note(struct pool_damp *damp, uint64_t key,
	const struct pool_event *event, int64_t now_ns)
{
	struct entry *entry = find(damp, key, now_ns);

	if (!entry)
		return POOL_DAMP_TELL;
	/* Calm meanwhile: this event is newer than what is held. */
	if (entry->held && entry->calm_ns <= now_ns)
		let_go(entry);
	return pool_flap_note(&entry->flap, now_ns) ? hold(damp, entry, event)
						    : POOL_DAMP_TELL;
}

int64_t pool_damp_due_ns(const struct pool_damp *damp)
{
	return damp->due_ns;
}

bool pool_damp_release(struct pool_damp *damp, int64_t now_ns, struct pool_event *out)
{
	if (now_ns < damp->due_ns)
		return false;
	if (damp->at == 0)
		damp->later_ns = INT64_MAX;
	while (damp->at < POOL_DAMP_BUCKETS * POOL_DAMP_WAYS) {
		struct entry *entry = &damp->buckets[damp->at / POOL_DAMP_WAYS]
						    [damp->at % POOL_DAMP_WAYS];

		damp->at++;
		if (!entry->held)
			continue;
		if (entry->calm_ns <= now_ns) {
			*out = *entry->held;
			let_go(entry);
			return true;
		}
		damp->later_ns = earlier(damp->later_ns, entry->calm_ns);
	}
	damp->at = 0;
	damp->due_ns = damp->later_ns;
	return false;
}
