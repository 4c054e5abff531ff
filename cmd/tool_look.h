/*
 * A look of one's own at a proxy, after a client that only says that it could not reach
 * it: whether that is the proxy's doing or this machine's.
 *
 * curl's exit statuses 5, 6 and 7 and wget's 4 say the same of a proxy that is gone and
 * of a machine without a route, a name server or a free port. Looking again at once tells
 * these apart. What is looked at is the host and the port of the proxy in the pool file,
 * and nothing else: the name is resolved, a connection is opened, and closed without a
 * byte sent.
 *
 * Not promised: that the cause is still there. What has passed meanwhile is not found.
 */
#ifndef POOL_TOOL_LOOK_H
#define POOL_TOOL_LOOK_H

#include <stdbool.h>
#include "health/reason.h"

/*
 * What <said>, by an exit status alone, comes to once the proxy <url> was looked at.
 * Reasons that a look cannot add to are answered as they are, at once.
 *
 * Blocks: a second for its name, and another one for its addresses.
 * Processes: a child of ours looks, for a resolver cannot be interrupted; it has ended
 * when this returns.
 *
 * <unsure>  whether nothing was found that explains what was said: the proxy takes
 *           connections now, or does not answer at once
 */
enum pool_reason tool_look_again(enum pool_reason said, const char *url, bool *unsure);

#endif
