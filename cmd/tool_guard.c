/* A state file that others cut short while it is mapped ends no tool. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include "tool.h"

static struct pool_guard guard;
static struct sigaction before;

/* Whatever is not about the mapping goes to who handled it before: a fault happens again
 * on return, a signal that was sent is sent again. */
static void handle(int number, siginfo_t *info, void *context)
{
	const int saved = errno;

	(void)context;
	if (info->si_code <= 0 || !pool_guard_mend(&guard, info->si_addr)) {
		sigaction(number, &before, NULL);
		if (info->si_code <= 0)
			raise(number);
	}
	errno = saved;
}

struct pool_guard *tool_guard(void)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
	struct sigaction now;

	if (sigaction(SIGBUS, NULL, &now) != 0 || now.sa_sigaction == handle)
		return &guard;
	before = now;
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
	return &guard;
}
