/* Places for checks under way, and for results that are not decided yet. */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "watch/watcher_inner.h"

void pool_jobs_open(struct pool_watcher *watcher)
{
	watcher->free_job = watcher->free_result = POOL_NO_PLACE;
}

/* --- checks under way ----------------------------------------------------------- */

static void clear_job(struct pool_watcher_job *job)
{
	pool_login_release(&job->login);
	free(job->url);
	free(job->request);
	/* It may hold a token. */
	pool_text_forget(job->headers);
	free(job->body);
	*job = (struct pool_watcher_job){.next = POOL_NO_PLACE};
}

uint32_t pool_jobs_take(struct pool_watcher *watcher)
{
	uint32_t at = watcher->free_job;
	struct pool_watcher_job **longer;

	if (at != POOL_NO_PLACE) {
		watcher->free_job = watcher->jobs[at]->next;
		return at;
	}
	at = watcher->job_count;
	longer = realloc(watcher->jobs, (at + 1) * sizeof(*longer));
	if (!longer)
		return POOL_NO_PLACE;
	watcher->jobs = longer;
	/* Each by itself: the engine keeps pointers to them. */
	watcher->jobs[at] = calloc(1, sizeof(**longer));
	if (!watcher->jobs[at])
		return POOL_NO_PLACE;
	watcher->job_count++;
	return at;
}

void pool_jobs_give(struct pool_watcher *watcher, uint32_t at)
{
	clear_job(watcher->jobs[at]);
	watcher->jobs[at]->next = watcher->free_job;
	watcher->free_job = at;
}

static bool copy_string(char **out, const char *string)
{
	*out = string ? strdup(string) : NULL;
	return *out || !string;
}

/* Copies of all that <job>'s probe borrows from the snapshot. */
int pool_job_own(struct pool_watcher_job *job)
{
	struct pool_probe *probe = &job->probe;

	if (!copy_string(&job->url, probe->url) ||
		!copy_string(&job->request, probe->request) ||
		!copy_string(&job->headers, probe->headers) ||
		!copy_string(&job->body, probe->body))
		return POOL_ENOMEM;
	probe->url = job->url;
	probe->request = job->request;
	probe->headers = job->headers;
	probe->body = job->body;
	if (probe->expect) {
		job->expect = *probe->expect;
		job->cooling = *probe->cooling;
		job->blocked = *probe->blocked;
		probe->expect = &job->expect;
		probe->cooling = &job->cooling;
		probe->blocked = &job->blocked;
	}
	return 0;
}

/* --- results -------------------------------------------------------------------- */

uint32_t pool_results_take(struct pool_watcher *watcher)
{
	uint32_t at = watcher->free_result;
	struct pool_watcher_result *longer;
	uint32_t room;

	if (at == POOL_NO_PLACE) {
		room = watcher->result_count ? 2 * watcher->result_count : 64;
		longer = realloc(watcher->results, room * sizeof(*longer));
		if (!longer)
			return POOL_NO_PLACE;
		watcher->results = longer;
		for (uint32_t i = room; i-- > watcher->result_count;) {
			longer[i].next = watcher->free_result;
			watcher->free_result = i;
		}
		watcher->result_count = room;
		at = watcher->free_result;
	}
	watcher->free_result = watcher->results[at].next;
	return at;
}

void pool_results_give(struct pool_watcher *watcher, uint32_t at)
{
	watcher->results[at].next = watcher->free_result;
	watcher->free_result = at;
}

void pool_jobs_close(struct pool_watcher *watcher)
{
	for (uint32_t i = 0; i < watcher->job_count; i++) {
		clear_job(watcher->jobs[i]);
		free(watcher->jobs[i]);
	}
	free(watcher->jobs);
	free(watcher->results);
}
