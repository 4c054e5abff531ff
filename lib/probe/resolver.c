/* Asking the resolver, with a time limit. */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "probe/resolver.h"

enum { NAME_MAX_BYTES = 253, LABEL_MAX = 63 };

/* What glibc's resolver works on: it must outlive a request that cannot be cancelled. */
struct request {
	struct gaicb control;
	struct addrinfo hints;
	char host[];
};

bool pool_resolver_accepts(const char *host)
{
	size_t length = strlen(host), label = 0;

	if (length && host[length - 1] == '.')
		length--;
	if (!length || length > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (host[i] == '.' && !label)
			return false;
		label = host[i] == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return label > 0;
}

bool pool_resolver_answers(const char *host, int64_t timeout_ms)
{
	size_t size = strlen(host) + 1;
	struct request *request = calloc(1, sizeof(*request) + size);
	struct gaicb *list[1];
	struct timespec limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};
	int error;

	if (!request)
		return false;
	memcpy(request->host, host, size);
	request->hints.ai_socktype = SOCK_STREAM;
	request->control.ar_name = request->host;
	request->control.ar_request = &request->hints;
	list[0] = &request->control;
	error = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
	if (error) {
		free(request);
		return false;
	}
	gai_suspend((const struct gaicb *const *)list, 1, &limit);
	error = gai_error(list[0]);
	/* Still under way, and nothing can stop it: the thread keeps its request. */
	if (error == EAI_INPROGRESS && gai_cancel(list[0]) != EAI_CANCELED)
		return false;
	if (request->control.ar_result)
		freeaddrinfo(request->control.ar_result);
	free(request);
	return error == 0 || error == EAI_NONAME || error == EAI_NODATA ||
		error == EAI_FAIL;
}
