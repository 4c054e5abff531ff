/* The control socket, both its sides. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/text.h"
#include "watch/remote.h"

static const char *const words[POOL_REMOTE_COMMANDS] = {
	[POOL_REMOTE_RELOAD] = "reload",
	[POOL_REMOTE_STOP] = "stop",
};

/* --- where it is ---------------------------------------------------------------- */

static char *name_socket(const char *state_path)
{
	struct pool_text text = POOL_TEXT_EMPTY;

	pool_text_addf(&text, "%s.watch.sock", state_path);
	return pool_text_take(&text);
}

/*
 * An address for <path>, which may be longer than an address can be: by way of its
 * folder, opened as <folder>. Returns 0 or an errno.
 */
static int make_address(const char *path, struct sockaddr_un *out, int *folder)
{
	const char *slash = strrchr(path, '/');
	char *name = slash ? strndup(path, (size_t)(slash - path + 1)) : strdup(".");
	int length;

	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!name)
		return ENOMEM;
	*folder = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(name);
	if (*folder < 0)
		return errno;
	length = snprintf(out->sun_path, sizeof(out->sun_path), "/proc/self/fd/%d/%s",
		*folder, slash ? slash + 1 : path);
	if (length > 0 && (size_t)length < sizeof(out->sun_path))
		return 0;
	close(*folder);
	return ENAMETOOLONG;
}

/* Whether root or we are at the other end; else <who> is. */
static bool is_ours(int fd, uid_t *who)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t length = sizeof(peer);
	bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0;

	*who = peer.uid;
	return known && (peer.uid == 0 || peer.uid == geteuid());
}

/* --- the watcher's side --------------------------------------------------------- */

static void end_client(struct pool_remote_client *client)
{
	pool_loop_remove(client->remote->loop, &client->source);
	close(client->source.fd);
	client->source.fd = -1;
}

static int find_word(const char *word)
{
	for (int i = 0; i < POOL_REMOTE_COMMANDS; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

static void answer(struct pool_remote_client *client)
{
	struct pool_remote *remote = client->remote;
	struct pool_fault fault = {0};
	char word[16] = "", line[sizeof(fault.text) + 24];
	ssize_t length = recv(client->source.fd, word, sizeof(word) - 1, MSG_DONTWAIT);
	int command = length > 0 ? find_word(word) : -1, error;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (command >= 0)
		error = remote->carry_out(
			remote->context, (enum pool_remote_command)command, &fault);
	else
		error = pool_fault_set(&fault, POOL_EARGUMENT, 0,
			"the watcher does not know this command");
	length = snprintf(line, sizeof(line), "%d %s", error, error ? fault.text : "");
	/* Who does not wait for the answer does not get it. */
	if (send(client->source.fd, line, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT) <
		0)
		errno = 0;
	end_client(client);
}

static void take_message(void *context)
{
	answer(context);
}

static struct pool_remote_client *find_free(struct pool_remote *remote)
{
	for (int i = 0; i < POOL_REMOTE_CLIENTS; i++)
		if (remote->clients[i].source.fd < 0)
			return &remote->clients[i];
	return NULL;
}

/* A client that cannot be accepted would stay ready, and the loop would spin. */
static void turn_away(struct pool_remote *remote)
{
	int fd;

	if (remote->spare < 0)
		return;
	close(remote->spare);
	fd = accept4(remote->source.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	remote->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void take_client(void *context)
{
	struct pool_remote *remote = context;
	struct pool_remote_client *client = find_free(remote);
	int fd = accept4(remote->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	uid_t who;

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		turn_away(remote);
	if (fd < 0)
		return;
	if (!client || !is_ours(fd, &who)) {
		close(fd);
		return;
	}
	*client = (struct pool_remote_client){
		.source = {fd, take_message, client}, .remote = remote};
	if (pool_loop_add(remote->loop, &client->source, NULL) != 0) {
		close(fd);
		client->source.fd = -1;
	}
}

void pool_remote_init(struct pool_remote *remote)
{
	*remote = (struct pool_remote){.source.fd = -1, .spare = -1};
	for (int i = 0; i < POOL_REMOTE_CLIENTS; i++)
		remote->clients[i].source.fd = -1;
}

/* Bind and listen; 0 or an errno. */
static int listen_at(int fd, const char *path)
{
	struct sockaddr_un address;
	int folder = -1, error = make_address(path, &address, &folder);
	mode_t mask;

	if (error)
		return error;
	unlink(path);
	mask = umask(0177);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(fd, POOL_REMOTE_CLIENTS) != 0)
		error = errno;
	umask(mask);
	close(folder);
	return error;
}

static void close_all(struct pool_remote *remote)
{
	if (remote->source.fd >= 0)
		close(remote->source.fd);
	if (remote->spare >= 0)
		close(remote->spare);
	free(remote->path);
	pool_remote_init(remote);
}

int pool_remote_open(struct pool_remote *remote, struct pool_loop *loop,
	const char *state_path, struct pool_fault *fault)
{
	int error = 0;

	remote->loop = loop;
	remote->path = name_socket(state_path);
	if (!remote->path)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	remote->source = (struct pool_source){
		socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		take_client, remote};
	if (remote->source.fd < 0)
		error = errno;
	if (!error)
		error = listen_at(remote->source.fd, remote->path);
	if (error)
		error = pool_fault_set(fault, POOL_ESYSTEM, error,
			"cannot listen at control socket '%s'", remote->path);
	else
		error = pool_loop_add(loop, &remote->source, fault);
	if (error)
		close_all(remote);
	else
		remote->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return error;
}

void pool_remote_close(struct pool_remote *remote)
{
	for (int i = 0; i < POOL_REMOTE_CLIENTS; i++)
		if (remote->clients[i].source.fd >= 0)
			end_client(&remote->clients[i]);
	if (remote->source.fd >= 0)
		unlink(remote->path);
	close_all(remote);
}

/* --- the other side ------------------------------------------------------------- */

/* 0 or an errno. Where many wait already it would block for as long as they do. */
static int connect_to(int fd, const char *path, int64_t timeout_ms)
{
	const struct timeval most = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	struct sockaddr_un address;
	int folder = -1, error = make_address(path, &address, &folder);

	if (error)
		return error;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		error = errno;
	close(folder);
	return error;
}

static int take_answer(const char *line, struct pool_fault *fault)
{
	char *text;
	long error = strtol(line, &text, 10);

	if (!error && text != line)
		return 0;
	if (error >= 0 || error < POOL_EUNKNOWN)
		error = POOL_ESYSTEM;
	return pool_fault_set(fault, (int)error, 0, "%s", text + strspn(text, " "));
}

/* Ask through the connected <fd>. */
static int converse(int fd, enum pool_remote_command command, int64_t timeout_ms,
	struct pool_fault *fault)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};
	char line[sizeof(fault->text) + 32] = "";
	uid_t who;

	if (!is_ours(fd, &who))
		return pool_fault_set(fault, POOL_EUNSAFE, 0,
			"who listens at the control socket is user %u: ask as that user",
			(unsigned)who);
	/* Who was turned away at once hears that from recv(). */
	if (send(fd, words[command], strlen(words[command]), MSG_NOSIGNAL) < 0 &&
		errno != EPIPE && errno != ECONNRESET)
		return pool_fault_set(
			fault, POOL_ESYSTEM, errno, "cannot ask the watcher");
	if (poll(&one, 1, (int)timeout_ms) <= 0)
		return pool_fault_set(fault, POOL_EBUSY, 0,
			"the watcher does not answer within %lld s",
			(long long)(timeout_ms / 1000));
	if (recv(fd, line, sizeof(line) - 1, 0) <= 0)
		return pool_fault_set(fault, POOL_EBUSY, 0,
			"the watcher ended, or is busy with others");
	return take_answer(line, fault);
}

int pool_remote_ask(const char *state_path, enum pool_remote_command command,
	int64_t timeout_ms, struct pool_fault *fault)
{
	char *path = name_socket(state_path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int error = fd < 0 ? errno : 0;

	if (path && !error)
		error = connect_to(fd, path, timeout_ms);
	if (!path)
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	else if (error == EAGAIN)
		error = pool_fault_set(fault, POOL_EBUSY, 0, "too many ask the watcher");
	else if (error)
		error = pool_fault_set(fault,
			error == ENOENT || error == ECONNREFUSED ? POOL_EUNKNOWN
								 : POOL_ESYSTEM,
			error, "cannot reach a watcher at '%s'", path);
	else
		error = converse(fd, command, timeout_ms, fault);
	if (fd >= 0)
		close(fd);
	free(path);
	return error;
}
