/*
 * starts RUNS COMMAND... -- COMMAND...: starts two commands in turn, RUNS times each, and
 * prints the median microseconds of each and their ratio. In turn, so that a machine that
 * slows down slows both.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

static double start(char **command, const posix_spawn_file_actions_t *actions)
{
	double began = now_us();
	int status = 0;
	pid_t pid;

	if (posix_spawn(&pid, command[0], actions, NULL, command, environ) != 0 ||
		waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
		WEXITSTATUS(status) != 0) {
		fprintf(stderr, "starts: '%s' failed\n", command[0]);
		exit(1);
	}
	return now_us() - began;
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 0, split = 2;
	posix_spawn_file_actions_t actions;
	double *first, *second;

	while (split < argc && strcmp(argv[split], "--") != 0)
		split++;
	if (runs < 1 || split < 3 || split + 1 >= argc)
		return 2;
	argv[split] = NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	first = calloc((size_t)runs, sizeof(*first));
	second = calloc((size_t)runs, sizeof(*second));
	if (!first || !second)
		return 1;
	for (int i = 0; i < runs; i++) {
		first[i] = start(argv + 2, &actions);
		second[i] = start(argv + split + 1, &actions);
	}
	qsort(first, (size_t)runs, sizeof(*first), compare);
	qsort(second, (size_t)runs, sizeof(*second), compare);
	printf("%.0f %.0f %.2f\n", first[runs / 2], second[runs / 2],
		first[runs / 2] / second[runs / 2]);
	free(first);
	free(second);
	return 0;
}
