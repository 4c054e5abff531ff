/* sd_notify, by hand. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/text.h"
#include "watch/notify.h"

void pool_notifier_open(struct pool_notifier *notifier, const char *socket_name)
{
	size_t length = socket_name ? strlen(socket_name) : 0;

	*notifier = (struct pool_notifier){.fd = -1};
	if (!length || length >= sizeof(notifier->address.sun_path) ||
		(socket_name[0] != '/' && socket_name[0] != '@'))
		return;
	notifier->address.sun_family = AF_UNIX;
	memcpy(notifier->address.sun_path, socket_name, length);
	/* An abstract name begins with a NUL byte and has none at its end. */
	if (socket_name[0] == '@')
		notifier->address.sun_path[0] = '\0';
	notifier->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	notifier->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void pool_notifier_close(struct pool_notifier *notifier)
{
	if (notifier->fd >= 0)
		close(notifier->fd);
	notifier->fd = -1;
}

void pool_notify(const struct pool_notifier *notifier, const char *message)
{
	if (notifier->fd < 0)
		return;
	/* One that is lost is no trouble of ours. */
	if (sendto(notifier->fd, message, strlen(message), MSG_NOSIGNAL,
		    (const struct sockaddr *)&notifier->address, notifier->length) < 0)
		return;
}

void pool_notify_reloading(const struct pool_notifier *notifier)
{
	struct timespec now;
	char message[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
		(int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	pool_notify(notifier, message);
}

int64_t pool_notify_watchdog_ns(const char *usec, const char *pid)
{
	int64_t number, owner;

	if (!usec || !pool_text_to_int(usec, 1, INT64_MAX / 1000, &number))
		return 0;
	if (pid && (!pool_text_to_int(pid, 1, INT32_MAX, &owner) || owner != getpid()))
		return 0;
	return number * 1000 / 2;
}
