/* The configuration file that a client is handed in memory. */
#include <ctype.h>
#include <errno.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/io.h"
#include "base/text.h"
#include "exec_config.h"
#include "tool.h"

/* The file is in memory, so that a full disk fails no client. The call goes by its
 * number: the header that declares it is about mapping, which only state/ does. */
int exec_memory_open(void)
{
	int fd = (int)syscall(SYS_memfd_create, "pool-exec", MFD_CLOEXEC);
	char path[32];

	if (fd < 0)
		return -1;
	/* A client must not fail where there is no /proc. */
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	if (access(path, R_OK | W_OK) == 0)
		return fd;
	close(fd);
	return -1;
}

/* --- what the user's file says -------------------------------------------------- */

/* Read the name of a line NAME = VALUE, without "-" and "_", which clients ignore. */
static void read_key(const char *line, char *out, size_t size)
{
	size_t length = 0;

	for (line += strspn(line, " \t");
		*line && *line != '=' && !isspace((unsigned char)*line); line++)
		if (isalnum((unsigned char)*line) && length + 1 < size)
			out[length++] = (char)tolower((unsigned char)*line);
	out[length] = '\0';
}

static bool is_about_bypasses(const char *line)
{
	char key[64];

	read_key(line, key, sizeof(key));
	return strcmp(key, "noproxy") == 0;
}

/* Whether the line names a proxy or its user; aria2's proxy-method names neither. */
static bool is_about_proxies(const char *line)
{
	char key[64];

	read_key(line, key, sizeof(key));
	return strstr(key, "proxy") && strcmp(key, "proxymethod") != 0 &&
		!is_about_bypasses(line);
}

/* A path that may begin with "~/" or "$NAME/". False if that is not set. */
static bool expand(const char *path, char *out, size_t size)
{
	const char *slash = strchr(path, '/'), *folder = NULL;
	char name[32];
	int written;

	if (path[0] == '~')
		folder = getenv("HOME");
	if (path[0] == '$') {
		snprintf(name, sizeof(name), "%.*s", (int)(slash - path - 1), path + 1);
		folder = getenv(name);
	}
	if (!folder || !*folder)
		return false;
	written = snprintf(out, size, "%s%s", folder, slash);
	return written > 0 && (size_t)written < size;
}

/* Whether the failure to open a file tells nothing about the file. */
static bool is_shortage(int error)
{
	return error == ENOMEM || error == EMFILE || error == ENFILE;
}

/* The user's file; NULL without one, or after a shortage, which errno then is. */
static FILE *open_users(const struct exec_config *config, const char *own)
{
	const char *named = config->variable ? getenv(config->variable) : NULL;
	char path[TOOL_PATH_SIZE];
	FILE *stream = NULL;

	if (!own && named && *named)
		own = named;
	errno = 0;
	if (own)
		return fopen(own, "re");
	for (size_t i = 0; !stream && !is_shortage(errno) && config->files[i]; i++)
		if (expand(config->files[i], path, sizeof(path)))
			stream = fopen(path, "re");
	return stream;
}

/* Keep the lines of the user's file, but those about proxies: they hold another one's
 * credentials as well. A file that ends in a failure is no half of one; a client passes
 * over a folder of that name. */
static int keep_users(struct exec_config_file *file, const char *own)
{
	struct pool_text kept = POOL_TEXT_SECRET;
	FILE *stream = open_users(file->config, own);
	char *line = NULL;
	size_t size = 0;
	int error;

	if (!stream)
		return is_shortage(errno) ? errno : 0;
	while (getline(&line, &size, stream) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!is_about_proxies(line))
			pool_text_addf(&kept, "%s\n", line);
	}
	error = feof(stream) || errno == EISDIR ? 0 : errno;
	pool_text_forget(line);
	fclose(stream);
	file->kept = pool_text_take(&kept);
	return file->kept ? error : ENOMEM;
}

int exec_config_open(
	struct exec_config_file *file, const struct exec_config *config, const char *own)
{
	*file = (struct exec_config_file){.config = config, .fd = -1};
	if (!config)
		return 0;
	file->fd = exec_memory_open();
	if (file->fd < 0)
		return 0;
	snprintf(file->option, sizeof(file->option), "%s/dev/fd/%d", config->option,
		file->fd);
	return config->replaces ? keep_users(file, own) : 0;
}

void exec_config_close(struct exec_config_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	pool_text_forget(file->kept);
	*file = (struct exec_config_file){.fd = -1};
}

/* --- what we say ---------------------------------------------------------------- */

/* Add the URL with its scheme in lower case, as in the variables, and two bytes encoded
 * that a client would not take as they are. */
static void add_url(struct pool_text *text, const char *url)
{
	for (; *url && *url != ':'; url++) {
		const char small = (char)tolower((unsigned char)*url);

		pool_text_add_bytes(text, &small, 1);
	}
	for (; *url; url++)
		if (*url == '"' || *url == '\\')
			pool_text_addf(text, "%%%02X", (unsigned char)*url);
		else
			pool_text_add_bytes(text, url, 1);
}

static void add_line(
	struct pool_text *text, const char *line, size_t length, const char *url)
{
	static const char name[] = "%{url}";
	const char *found = memmem(line, length, name, strlen(name));

	if (!found) {
		pool_text_add_bytes(text, line, length);
		return;
	}
	pool_text_add_bytes(text, line, (size_t)(found - line));
	add_url(text, url);
	found += strlen(name);
	pool_text_add_bytes(text, found, length - (size_t)(found - line));
}

static int write_anew(int fd, const char *bytes, size_t length)
{
	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		return errno;
	return pool_io_write(fd, bytes, length);
}

int exec_config_fill(
	const struct exec_config_file *file, const char *url, bool keep_bypass)
{
	struct pool_text text = POOL_TEXT_SECRET;
	int error;

	if (file->fd < 0)
		return 0;
	if (file->kept)
		pool_text_add(&text, file->kept);
	for (const char *line = file->config->text; *line;) {
		size_t length = strcspn(line, "\n") + 1;

		if (!keep_bypass || !is_about_bypasses(line))
			add_line(&text, line, length, url);
		line += length;
	}
	error = text.broken ? ENOMEM : write_anew(file->fd, text.bytes, text.length);
	pool_text_release(&text);
	return error;
}
