/*
 * Telling the service manager how it is going: the protocol of sd_notify(3), by hand.
 *
 *	pool_notifier_open(&notifier, getenv("NOTIFY_SOCKET"));
 *	pool_notify(&notifier, "READY=1\nSTATUS=...");
 *
 * Without a socket all of it does nothing; a message that cannot be sent is lost, as
 * sd_notify(3) advises.
 */
#ifndef POOL_WATCH_NOTIFY_H
#define POOL_WATCH_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct pool_notifier {
	int fd; /* -1: nobody listens */
	struct sockaddr_un address;
	socklen_t length;
};

/* <socket> is a path, or a name behind "@"; NULL: nobody listens. */
void pool_notifier_open(struct pool_notifier *notifier, const char *socket);
void pool_notifier_close(struct pool_notifier *notifier);

void pool_notify(const struct pool_notifier *notifier, const char *message);
/* "RELOADING=1", with the time that the manager wants. */
void pool_notify_reloading(const struct pool_notifier *notifier);

/*
 * Every how many nanoseconds to send "WATCHDOG=1": half of what <usec> says, if <pid> is
 * ours or not given; 0: not at all. Both are of the environment: WATCHDOG_USEC and
 * WATCHDOG_PID.
 */
int64_t pool_notify_watchdog_ns(const char *usec, const char *pid);

#endif
