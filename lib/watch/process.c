/* Own use of CPU, memory and descriptors. */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
#include "watch/process.h"

static double cpu_seconds(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return 0;
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The second number of statm, in pages. */
static uint64_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	const long page = sysconf(_SC_PAGESIZE);
	unsigned long pages = 0;

	if (!file)
		return 0;
	if (page <= 0 || fscanf(file, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(file);
	return (uint64_t)pages * (uint64_t)page;
}

/* Without the one it takes to look. */
static uint32_t count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;
	uint32_t count = 0;

	if (!folder)
		return 0;
	/* Nobody else reads this folder. */
	/* cppcheck-suppress readdirCalled */
	while ((entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count ? count - 1 : 0;
}

void pool_process_get(struct pool_process *out)
{
	out->cpu_s = cpu_seconds();
	out->resident_bytes = resident_bytes();
	out->descriptors = count_descriptors();
}
