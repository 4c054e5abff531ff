/*
 * notify-listen PATH: what systemd hears. Makes the socket and prints each message as one
 * line, "MILLISECONDS NAME=VALUE NAME=VALUE", until it is ended. A line "ready" comes
 * first. A blank in a value becomes '_'.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	char message[4096];
	ssize_t length;
	ssize_t i;
	int fd;

	if (argc != 2) {
		fputs("usage: notify-listen PATH\n", stderr);
		return 2;
	}
	fd = open_socket(argv[1]);
	if (fd < 0) {
		perror("notify-listen");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while ((length = recv(fd, message, sizeof(message) - 1, 0)) >= 0) {
		for (i = 0; i < length; i++) {
			if (message[i] == ' ')
				message[i] = '_';
			else if (message[i] == '\n')
				message[i] = ' ';
		}
		message[length] = '\0';
		printf("%lld %s\n", now_ms(), message);
	}
	return 1;
}
