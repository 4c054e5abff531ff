/*
 * International host names as ASCII, by libidn2, which libcurl brings along. It is loaded
 * when the first such name is met: few pool files have one, and a tool's start shall load
 * nothing but libc.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "config/url.h"

/* What idn2.h says of them; libidn2.so.0 promises that it stays so. Names are read as
 * curl does: the mapping of UTS 46, and what IDNA 2008 calls them. */
enum { IDN2_OK = 0, IDN2_MALLOC = -100, IDN2_NFC_INPUT = 1, IDN2_NONTRANSITIONAL = 8 };
typedef int lookup_fn(const uint8_t *name, uint8_t **ascii, int flags);
typedef const char *words_fn(int error);
typedef void free_fn(void *pointer);

struct idn {
	lookup_fn *lookup;
	words_fn *words;
	free_fn *release;
};

/* ISO C converts no pointer to an object into one to a function. */
static bool find(void *library, const char *name, void *function)
{
	void *found = dlsym(library, name);

	memcpy(function, &found, sizeof(found));
	return found != NULL;
}

/* The library stays loaded for as long as the process lives. */
static int load(struct idn *idn, struct pool_fault *fault)
{
	void *library = dlopen("libidn2.so.0", RTLD_NOW | RTLD_LOCAL);
	const char *why;

	/* cppcheck-suppress resourceLeak */
	if (library && find(library, "idn2_lookup_u8", &idn->lookup) &&
		find(library, "idn2_strerror", &idn->words) &&
		find(library, "idn2_free", &idn->release))
		return 0;
	why = dlerror();
	return pool_fault_set(fault, POOL_ESYSTEM, 0,
		"cannot load libidn2.so.0, which the host needs: %s",
		why ? why : "it lacks a function");
}

bool pool_url_is_international(const struct pool_url *url)
{
	for (size_t i = 0; i < url->host.length; i++)
		if ((unsigned char)url->host.bytes[i] & 0x80)
			return true;
	return false;
}

static bool is_ascii(const char *text)
{
	while (*text && !((unsigned char)*text & 0x80))
		text++;
	return !*text;
}

/* <url> with <host> in place of its own. */
static char *put_host(const char *text, const struct pool_url *url, const char *host)
{
	const char *behind = url->host.bytes + url->host.length;
	size_t before = (size_t)(url->host.bytes - text), length = strlen(host);
	char *made = malloc(before + length + strlen(behind) + 1);

	if (made) {
		memcpy(made, text, before);
		memcpy(made + before, host, length);
		strcpy(made + before + length, behind);
	}
	return made;
}

/* Whether <text> differs from <url> in nothing but its host, which is <host>. Full-width
 * signs become plain ones: a host may turn into a user and a host, or get a port. */
static bool has_host(const char *text, const struct pool_url *url, const char *host)
{
	struct pool_url again;

	return pool_url_parse(text, strlen(text), &again, NULL) == POOL_URL_OK &&
		again.port == url->port && again.host.length == strlen(host) &&
		memcmp(again.host.bytes, host, again.host.length) == 0;
}

int pool_url_to_ascii(const char *text, char **out, struct pool_fault *fault)
{
	struct pool_url url;
	struct idn idn = {0};
	uint8_t *ascii = NULL;
	char *host, *made = NULL;
	int error, code;

	*out = NULL;
	if (is_ascii(text) ||
		pool_url_parse(text, strlen(text), &url, NULL) != POOL_URL_OK ||
		!pool_url_is_international(&url))
		return 0;
	error = load(&idn, fault);
	if (error)
		return error;
	host = strndup(url.host.bytes, url.host.length);
	code = host ? idn.lookup((const uint8_t *)host, &ascii,
			      IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)
		    : IDN2_MALLOC;
	if (code == IDN2_OK)
		made = put_host(text, &url, (const char *)ascii);
	if (code == IDN2_MALLOC || (code == IDN2_OK && !made))
		error = pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	else if (code != IDN2_OK)
		error = pool_fault_set(fault, POOL_EINVALID, 0,
			"the host is no international name: %s", idn.words(code));
	else if (!has_host(made, &url, (const char *)ascii))
		error = pool_fault_set(fault, POOL_EINVALID, 0,
			"the host is no international name: it stands for another URL");
	if (!error)
		*out = made;
	else
		pool_text_forget(made);
	idn.release(ascii);
	free(host);
	return error;
}
