/* reason-of curl|wget STATUS: the reason that an exit status is taken for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "health/reason.h"

int main(int argc, char **argv)
{
	enum pool_reason reason;

	if (argc != 3) {
		fputs("usage: reason-of curl|wget STATUS\n", stderr);
		return 2;
	}
	reason = strcmp(argv[1], "curl") == 0 ? pool_reason_from_curl(atoi(argv[2]))
					      : pool_reason_from_wget(atoi(argv[2]));
	return puts(pool_reason_get((int)reason)->name) < 0;
}
