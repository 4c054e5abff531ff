/* Asking the resolver, without waiting for it. */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include "health/reason.h"
#include "probe/resolver.h"

enum { NAME_MAX_BYTES = 253, LABEL_MAX = 63 };

/* What glibc's resolver works on: it must outlive a request that cannot be cancelled. */
struct pool_question {
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

struct pool_question *pool_resolver_ask(const char *host)
{
	size_t size = strlen(host) + 1;
	struct pool_question *question = calloc(1, sizeof(*question) + size);
	struct gaicb *list[1];

	if (!question)
		return NULL;
	memcpy(question->host, host, size);
	question->hints.ai_socktype = SOCK_STREAM;
	question->control.ar_name = question->host;
	question->control.ar_request = &question->hints;
	list[0] = &question->control;
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) == 0)
		return question;
	free(question);
	return NULL;
}

static void drop(struct pool_question *question)
{
	if (question->control.ar_result)
		freeaddrinfo(question->control.ar_result);
	free(question);
}

enum pool_resolver_answer pool_resolver_look(struct pool_question *question)
{
	int error = gai_error(&question->control);

	if (error == EAI_INPROGRESS)
		return POOL_RESOLVER_WORKING;
	drop(question);
	return error == 0 || pool_reason_from_lookup(error) == POOL_REASON_PROXY_NAME
		? POOL_RESOLVER_ANSWERED
		: POOL_RESOLVER_SILENT;
}

void pool_resolver_forget(struct pool_question *question)
{
	if (!question)
		return;
	/* Under way, and nothing can stop it: the thread keeps its question. */
	if (gai_error(&question->control) == EAI_INPROGRESS &&
		gai_cancel(&question->control) == EAI_NOTCANCELED)
		return;
	drop(question);
}
