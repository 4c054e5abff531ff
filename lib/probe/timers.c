/* A binary heap of deadlines. */
#include <stdlib.h>
#include "pool.h"
#include "probe/timers.h"

static void swap(struct pool_timer *a, struct pool_timer *b)
{
	struct pool_timer spare = *a;

	*a = *b;
	*b = spare;
}

int pool_timers_add(struct pool_timers *timers, struct pool_timer timer)
{
	size_t at = timers->count;

	if (timers->count == timers->room) {
		size_t room = timers->room ? timers->room * 2 : 64;
		struct pool_timer *heap = realloc(timers->heap, room * sizeof(*heap));

		if (!heap)
			return POOL_ENOMEM;
		timers->heap = heap;
		timers->room = room;
	}
	timers->heap[timers->count++] = timer;
	while (at && timers->heap[(at - 1) / 2].at_ns > timers->heap[at].at_ns) {
		swap(&timers->heap[(at - 1) / 2], &timers->heap[at]);
		at = (at - 1) / 2;
	}
	return 0;
}

int64_t pool_timers_next(const struct pool_timers *timers)
{
	return timers->count ? timers->heap[0].at_ns : INT64_MAX;
}

bool pool_timers_take(struct pool_timers *timers, int64_t now_ns, struct pool_timer *out)
{
	struct pool_timer *heap = timers->heap;
	size_t at = 0;

	if (pool_timers_next(timers) > now_ns)
		return false;
	*out = heap[0];
	heap[0] = heap[--timers->count];
	for (;;) {
		size_t least = at, child = 2 * at + 1;

		for (size_t i = child; i < child + 2 && i < timers->count; i++)
			if (heap[i].at_ns < heap[least].at_ns)
				least = i;
		if (least == at)
			return true;
		swap(&heap[least], &heap[at]);
		at = least;
	}
}

void pool_timers_release(struct pool_timers *timers)
{
	free(timers->heap);
	*timers = (struct pool_timers){0};
}
