/*
 * Logins: credentials decoded and filled in. Every buffer that held a secret is wiped;
 * sizes are counted before anything is written, so that no copy is left behind by a
 * realloc().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"
#include "base/text.h"
#include "config/url.h"

enum { NAME_SIZE = 128, SECRET_SIZE = 4096, SOCKS_MAX = 255 };

/* Where the values of variables come from, and whom to tell. */
struct sources {
	const struct pool_secrets *secrets; /* may be NULL */
	struct pool_fault *fault;
	bool filled; /* something was */
	bool found;  /* the last one looked up is set */
};

/* What a stranger's pool file asks for is not told to the proxies that it names. */
static int refuse_withheld(const struct sources *sources, const char *what)
{
	if (!sources->secrets || !sources->secrets->withheld)
		return 0;
	return pool_fault_set(sources->fault, POOL_ESECRET, 0, "%s is not used: %s", what,
		sources->secrets->withheld);
}

static bool holds_control(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return true;
	return false;
}

/* The value of the variable that begins behind "${" at <name>. */
static int find_value(
	struct sources *sources, const char *name, const char *end, const char **out)
{
	const struct pool_secrets *secrets = sources->secrets;
	char word[NAME_SIZE];
	const char *value = NULL;
	size_t length = (size_t)(end - name);

	if (refuse_withheld(sources, "the variable of a proxy's URL") != 0)
		return POOL_ESECRET;
	if (length < sizeof(word)) {
		memcpy(word, name, length);
		word[length] = '\0';
		value = secrets && secrets->lookup
			? secrets->lookup(secrets->context, word)
			: NULL;
	}
	sources->found = value != NULL;
	if (!value)
		return pool_fault_set(sources->fault, POOL_ESECRET, 0,
			"the variable ${%.*s} of a proxy's URL is not set",
			(int)(length < 64 ? length : 64), name);
	if (holds_control(value, strlen(value)))
		return pool_fault_set(sources->fault, POOL_ESECRET, 0,
			"the variable ${%s} of a proxy's URL holds a control character",
			word);
	sources->filled = true;
	*out = value;
	return 0;
}

/* Decode <part> into <out> (NULL: only count), and how many bytes that makes. */
static int decode(
	struct sources *sources, const struct pool_slice *part, char *out, size_t *size)
{
	const char *at = part->bytes, *end = at + part->length;
	size_t used = 0;

	while (at < end) {
		int byte = pool_url_percent_byte(at, (size_t)(end - at));

		if (at[0] == '$' && at + 1 < end && at[1] == '{') {
			const char *close = memchr(at, '}', (size_t)(end - at)),
				   *value = "";
			int error = find_value(sources, at + 2, close, &value);

			if (error)
				return error;
			if (out)
				memcpy(out + used, value, strlen(value));
			used += strlen(value);
			at = close + 1;
		} else if (byte >= 0) {
			if (out)
				out[used] = (char)byte;
			used++;
			at += 3;
		} else {
			if (out)
				out[used] = *at;
			used++;
			at++;
		}
	}
	if (out)
		out[used] = '\0';
	*size = used;
	return 0;
}

/* malloc()ed decoded text of <part>; NULL where it is absent. */
static int take_part(struct sources *sources, const struct pool_slice *part, char **out)
{
	size_t size;
	int error;

	if (!part->bytes)
		return 0;
	error = decode(sources, part, NULL, &size);
	if (error)
		return error;
	*out = malloc(size + 1);
	if (!*out)
		return pool_fault_set(sources->fault, POOL_ENOMEM, 0, "out of memory");
	return decode(sources, part, *out, &size);
}

/* An opened password file, and whether it is to be used whoever can write it. */
struct password_file {
	const char *path;
	bool trusted;
	struct pool_trust trust; /* who can write it */
	mode_t mode;
};

/* Who writes a password file chooses what is sent, or, by a link, what file is. */
static int judge_password_file(
	struct password_file *file, const struct stat *status, struct pool_fault *fault)
{
	struct pool_trust *trust = &file->trust;
	char why[POOL_TRUST_TEXT];

	*trust = pool_trust_judge(status, file->path);
	file->mode = status->st_mode & 07777;
	if (file->trusted || (trust->writers == POOL_WRITERS_TRUSTED && !trust->strange))
		return 0;
	if (trust->writers != POOL_WRITERS_TRUSTED)
		pool_trust_tell_refusal(trust, NULL, why, sizeof(why));
	else
		pool_trust_tell_owner(trust, "it", why, sizeof(why));
	return pool_fault_set(fault, POOL_ESECRET, 0,
		"the password file '%s' is not used: %s", file->path, why);
}

/* The first line of <file> into <line>, without its end. */
static int read_line(
	struct password_file *file, char *line, size_t size, struct pool_fault *fault)
{
	const char *path = file->path, *encoding;
	/* Not to wait for somebody to write into a FIFO. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY), error = errno;
	struct stat status;
	size_t used;

	if (fd < 0)
		return pool_fault_set(fault, POOL_ESECRET, error,
			"cannot read the password file '%s'", path);
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		return pool_fault_set(fault, POOL_ESECRET, 0,
			"the password file '%s' is not a regular file", path);
	}
	if (judge_password_file(file, &status, fault) != 0) {
		close(fd);
		return POOL_ESECRET;
	}
	error = pool_io_read_at(fd, line, size - 1, 0, &used);
	close(fd);
	if (error)
		return pool_fault_set(fault, POOL_ESECRET, error,
			"cannot read the password file '%s'", path);
	line[used] = '\0';
	encoding = pool_text_find_wide(line, used);
	if (encoding)
		return pool_fault_set(fault, POOL_ESECRET, 0,
			"the password file '%s' is %s, not UTF-8: convert it with iconv "
			"-f %s "
			"-t UTF-8",
			path, encoding, encoding);
	if (memchr(line, '\0', used))
		return pool_fault_set(fault, POOL_ESECRET, 0,
			"the password file '%s' holds a control character", path);
	return 0;
}

static int take_password(struct password_file *file, char **out, struct pool_fault *fault)
{
	const char *path = file->path;
	char line[SECRET_SIZE];
	int error = read_line(file, line, sizeof(line), fault);
	size_t length;

	if (error)
		goto out;
	length = strcspn(line, "\n");
	if (length && line[length] && line[length - 1] == '\r')
		length--;
	error = POOL_ESECRET;
	if (length == 0)
		pool_fault_set(fault, error, 0, "the password file '%s' is empty", path);
	else if (length == sizeof(line) - 1)
		pool_fault_set(fault, error, 0,
			"the line of the password file '%s' is too long", path);
	else if (holds_control(line, length))
		pool_fault_set(fault, error, 0,
			"the password file '%s' holds a control character", path);
	else {
		*out = strndup(line, length);
		error = *out ? 0 : pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	}
out:
	explicit_bzero(line, sizeof(line));
	return error;
}

static char *encode(char *out, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text; text++) {
		if (strchr(plain, *text))
			*out++ = *text;
		else
			out += sprintf(out, "%%%02X", (unsigned char)*text);
	}
	return out;
}

/* The URL with the credentials filled in. */
static char *build_url(const struct pool_login *login, const struct pool_url *url)
{
	const char *user = login->user ? login->user : "";
	const char *password = login->password ? login->password : "";
	char *text = malloc(16 + 3 * strlen(user) + 3 * strlen(password) +
		     url->endpoint.length + url->rest.length),
	     *at = text;

	if (!text)
		return NULL;
	at += sprintf(at, "%s://", pool_scheme_name(url->scheme));
	at = encode(at, user);
	if (login->password) {
		*at++ = ':';
		at = encode(at, password);
	}
	*at++ = '@';
	memcpy(at, url->endpoint.bytes, url->endpoint.length);
	at += url->endpoint.length;
	memcpy(at, url->rest.bytes, url->rest.length);
	at[url->rest.length] = '\0';
	return text;
}

/* The URL as it is written, with each "@" and "\" of user and password as a code. */
static char *write_out(const char *text, const struct pool_url *url)
{
	char *copy = malloc(3 * strlen(text) + 1), *out = copy;

	if (!copy)
		return NULL;
	for (const char *at = text; *at; at++)
		if (at < url->endpoint.bytes - 1 && strchr("@\\", *at))
			out += sprintf(out, "%%%02X", (unsigned char)*at);
		else
			*out++ = *at;
	*out = '\0';
	return copy;
}

static int judge_lengths(const struct pool_login *login, struct pool_fault *fault)
{
	bool socks5 = login->scheme == POOL_SCHEME_SOCKS5 ||
		login->scheme == POOL_SCHEME_SOCKS5H;

	if (socks5 &&
		((login->user && strlen(login->user) > SOCKS_MAX) ||
			(login->password && strlen(login->password) > SOCKS_MAX)))
		return pool_fault_set(fault, POOL_ESECRET, 0,
			"a user name or password is longer than the 255 bytes of SOCKS5");
	return 0;
}

/* User and password, those of <password_file> (may be NULL) included. */
static int take_credentials(struct sources *sources, const struct pool_url *url,
	const char *password_file, struct pool_login *made)
{
	const struct pool_secrets *secrets = sources->secrets;
	struct password_file file = {
		.path = password_file, .trusted = secrets && secrets->trusts_files};
	int error = take_part(sources, &url->user, &made->user);

	if (!error)
		error = take_part(sources, &url->password, &made->password);
	if (!error && password_file)
		error = refuse_withheld(sources, "the password file of a proxy");
	if (!error && password_file) {
		pool_text_forget(made->password);
		made->password = NULL;
		error = take_password(&file, &made->password, sources->fault);
		sources->filled = true;
	}
	return error ? error : judge_lengths(made, sources->fault);
}

int pool_login_init(struct pool_login *login, const char *url, const char *password_file,
	const struct pool_secrets *secrets, struct pool_fault *fault)
{
	struct sources sources = {.secrets = secrets, .fault = fault};
	struct pool_login made = {0};
	struct pool_url parsed;
	enum pool_url_fault wrong;
	char *ascii;
	int error;

	if (!url)
		return pool_fault_set(fault, POOL_EINVALID, 0, "the proxy has no URL");
	error = pool_url_to_ascii(url, &ascii, fault);
	if (error)
		return error;
	url = ascii ? ascii : url;
	wrong = pool_url_parse(url, strlen(url), &parsed, NULL);
	if (wrong) {
		error = pool_fault_set(fault, POOL_EINVALID, 0, "%s",
			pool_url_fault_get(wrong)->sentence);
		goto out;
	}
	made.scheme = parsed.scheme;
	made.port = parsed.port;
	error = take_credentials(&sources, &parsed, password_file, &made);
	if (error)
		goto out;
	made.host = malloc(parsed.host.length + 1);
	if (made.host)
		pool_url_host(&parsed, made.host, parsed.host.length + 1);
	made.url = sources.filled ? build_url(&made, &parsed) : write_out(url, &parsed);
	if (made.user && !*made.user && !made.password) {
		pool_text_forget(made.user);
		made.user = NULL;
	}
	if (!made.host || !made.url)
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
out:
	pool_text_forget(ascii);
	if (error)
		pool_login_release(&made);
	else
		*login = made;
	return error;
}

void pool_login_release(struct pool_login *login)
{
	pool_text_forget(login->user);
	pool_text_forget(login->password);
	pool_text_forget(login->url);
	free(login->host);
	*login = (struct pool_login){0};
}

/* --- only looking --------------------------------------------------------------- */

/* True if all of <part> can be filled in. */
static bool judge_part(struct sources *sources, const char *url,
	const struct pool_slice *part, pool_secret_teller tell, void *context)
{
	const char *at = part->bytes, *end = at ? at + part->length : NULL;
	bool good = true;

	while (at && (at = memmem(at, (size_t)(end - at), "${", 2))) {
		const char *close = memchr(at, '}', (size_t)(end - at)), *value = NULL;
		int error = find_value(sources, at + 2, close, &value);

		if (error)
			tell(context, (size_t)(at - url), (size_t)(close + 1 - at),
				!sources->found, sources->fault);
		good = good && !error;
		at = close + 1;
	}
	return good;
}

void pool_login_judge_variables(const char *url, const struct pool_secrets *secrets,
	pool_secret_teller tell, void *context)
{
	struct pool_fault fault = {0};
	struct sources sources = {.secrets = secrets, .fault = &fault};
	struct pool_login login;
	struct pool_url parsed;
	bool good;

	if (pool_url_parse(url, strlen(url), &parsed, NULL) != POOL_URL_OK)
		return;
	good = judge_part(&sources, url, &parsed.user, tell, context);
	good = judge_part(&sources, url, &parsed.password, tell, context) && good;
	if (!good)
		return;
	if (pool_login_init(&login, url, NULL, secrets, &fault) == 0)
		pool_login_release(&login);
	else
		tell(context, 0, strlen(url), false, &fault);
}

int pool_login_judge_file(const char *url, const char *password_file,
	struct pool_trust *trust, mode_t *mode, struct pool_fault *fault)
{
	struct password_file file = {.path = password_file, .trusted = true};
	struct pool_login login = {0};
	struct pool_url parsed;
	int error = take_password(&file, &login.password, fault);

	*trust = file.trust;
	*mode = file.mode;
	if (!error && url &&
		pool_url_parse(url, strlen(url), &parsed, NULL) == POOL_URL_OK) {
		login.scheme = parsed.scheme;
		error = judge_lengths(&login, fault);
	}
	pool_login_release(&login);
	return error;
}
