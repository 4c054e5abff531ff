/* The Host header: whose name it is, and which names are answered. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "watch/host.h"

enum { NAME_SIZE = 256, HTTP_PORT = 80 };

struct host {
	char name[NAME_SIZE]; /* without brackets and without a dot at the end */
	bool brackets;
	int64_t port; /* -1: none */
};

/* The end of the name: at its closing bracket, at the colon, or at the end. */
static size_t measure(const char *text, bool brackets)
{
	return strcspn(text, brackets ? "]" : ":");
}

static bool parse(const char *text, struct host *out)
{
	struct host host = {.brackets = text[0] == '[', .port = -1};
	size_t length;

	text += host.brackets;
	length = measure(text, host.brackets);
	if (length == 0 || length >= sizeof(host.name))
		return false;
	memcpy(host.name, text, length);
	if (host.brackets && text[length++] != ']')
		return false;
	text += length;
	length = strlen(host.name);
	if (!host.brackets && length > 1 && host.name[length - 1] == '.')
		host.name[length - 1] = '\0';
	if (*text && *text != ':')
		return false;
	if (*text && text[1] && !pool_text_to_int(text + 1, 0, 65535, &host.port))
		return false;
	*out = host;
	return true;
}

static bool is_address(const struct host *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(host->brackets ? AF_INET6 : AF_INET, host->name, address) == 1;
}

/* The same address however it is written, or the same name. */
static bool is_called(const struct host *host, const char *name)
{
	unsigned char given[sizeof(struct in6_addr)], own[sizeof(struct in6_addr)];

	if (host->brackets)
		return inet_pton(AF_INET6, host->name, given) == 1 &&
			inet_pton(AF_INET6, name, own) == 1 &&
			memcmp(given, own, sizeof(given)) == 0;
	return strcasecmp(host->name, name) == 0;
}

bool pool_host_is_name(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	struct host host;
	const char *colon = strchr(text, ':');

	if (!parse(text, &host) || host.name[0] == '.' || host.name[0] == '-')
		return false;
	if (host.brackets)
		return is_address(&host);
	if (strstr(host.name, "..") || (colon && host.port < 0))
		return false;
	return host.name[strspn(host.name, letters)] == '\0';
}

static bool is_allowed(const struct pool_host_rule *rule, const struct host *host)
{
	for (size_t i = 0; i < rule->count; i++) {
		struct host allowed;

		if (parse(rule->names[i], &allowed) && is_called(host, allowed.name) &&
			(allowed.port < 0 || allowed.port == host->port))
			return true;
	}
	return false;
}

static bool is_machine(const struct pool_host_rule *rule, const struct host *host)
{
	char first[NAME_SIZE];
	size_t length;

	if (!rule->machine || !*rule->machine)
		return false;
	length = strcspn(rule->machine, ".");
	if (is_called(host, rule->machine))
		return true;
	if (length >= sizeof(first))
		return false;
	memcpy(first, rule->machine, length);
	first[length] = '\0';
	return is_called(host, first);
}

bool pool_host_answers(const struct pool_host_rule *rule, const char *host)
{
	const char *const names[] = {"localhost", "127.0.0.1", "::1", rule->address};
	struct host given;

	if (!parse(host, &given))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_called(&given, names[i]))
			return true;
	if (is_allowed(rule, &given))
		return true;
	return !rule->loopback && (is_address(&given) || is_machine(rule, &given));
}

bool pool_host_is_passed_on(const struct pool_host_rule *rule, const char *host)
{
	struct host given;

	if (!parse(host, &given))
		return false;
	return (given.port < 0 ? HTTP_PORT : given.port) != rule->port;
}
