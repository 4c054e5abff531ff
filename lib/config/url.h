/*
 * Proxy URLs: judging, taking apart, naming without secrets, filling in credentials.
 *
 * The text of a URL is kept byte for byte: what a user wrote is what a tool prints, but
 * for an "@" and a "\" in user or password, which are percent-encoded, since clients
 * disagree on where such a URL leads. The rules are those of cryptofeed where it is safe,
 * and stricter where a byte could smuggle a header or end a string early (control bytes,
 * raw or percent-encoded; blanks; a leading "-" in the host), or where it could split the
 * URL at another place (an "@" behind the host, a "\" outside of user and password).
 */
#ifndef POOL_CONFIG_URL_H
#define POOL_CONFIG_URL_H

#include "base/text.h"
#include "base/trust.h"
#include "pool.h"

enum pool_scheme {
	POOL_SCHEME_HTTP,
	POOL_SCHEME_HTTPS,
	POOL_SCHEME_SOCKS4,
	POOL_SCHEME_SOCKS4A,
	POOL_SCHEME_SOCKS5,
	POOL_SCHEME_SOCKS5H,
	POOL_SCHEMES
};

const char *pool_scheme_name(enum pool_scheme scheme);
/* The scheme of that name without regard to case, or -1. */
int pool_scheme_find(const char *name, size_t length);

/* A run of bytes inside another text; bytes == NULL means absent. */
struct pool_slice {
	const char *bytes;
	size_t length;
};

/* The parts of a URL, pointing into its text: valid as long as that text is. */
struct pool_url {
	enum pool_scheme scheme;
	struct pool_slice user;     /* as written, percent-encoded */
	struct pool_slice password; /* as written, percent-encoded */
	struct pool_slice host;     /* without brackets */
	bool ipv6;                  /* the host was in brackets */
	uint16_t port;              /* 1..65535 */
	struct pool_slice endpoint; /* host and port as written */
	struct pool_slice rest;     /* path, query, fragment; empty where there is none */
};

/* What is wrong with a URL, or worth a warning. Rows: rule name and sentence. */
enum pool_url_fault {
	POOL_URL_OK,
	POOL_URL_EMPTY,
	POOL_URL_NO_SCHEME,
	POOL_URL_BAD_SCHEME,
	POOL_URL_NO_HOST,
	POOL_URL_BAD_HOST,
	POOL_URL_BAD_IPV6,
	POOL_URL_NO_PORT,
	POOL_URL_BAD_PORT,
	POOL_URL_PORT_RANGE,
	POOL_URL_CONTROL,
	POOL_URL_BLANK,
	POOL_URL_CREDENTIAL_LENGTH,
	POOL_URL_BAD_VARIABLE, /* ${ without a name or without } */
	POOL_URL_AT_SIGN,      /* an @ behind host and port */
	POOL_URL_BACKSLASH,    /* a \ outside of user and password */
	POOL_URL_FAULTS
};

/*
 * Judge a proxy URL and take it apart.
 *
 * <text>    <length> bytes, may hold NULs
 * <at>      offset of the fault in bytes; may be NULL; untouched when there is none
 *
 * Returns POOL_URL_OK and fills <out>, else the first fault and leaves <out> alone.
 */
enum pool_url_fault pool_url_parse(
	const char *text, size_t length, struct pool_url *out, size_t *at);

struct pool_url_fault_row {
	const char *rule;     /* e.g. "url-port" */
	const char *sentence; /* e.g. "the port must be a number" */
};
const struct pool_url_fault_row *pool_url_fault_get(enum pool_url_fault fault);

/* What is worth a warning in a URL that can be used. */
enum pool_url_remark {
	POOL_URL_HAS_PATH,
	POOL_URL_HAS_ZONE,
	POOL_URL_ODD_HOST,
	POOL_URL_UNDERSCORE,
	POOL_URL_UNICODE,
	POOL_URL_ODD_PERCENT,
	POOL_URL_SOCKS4_PASSWORD,
	POOL_URL_RAW_SIGN, /* an @ or \ in user or password */
	POOL_URL_REMARKS
};

/* The row of <remark> if <url> deserves it, else NULL. */
const struct pool_url_fault_row *pool_url_remark_get(
	const struct pool_url *url, enum pool_url_remark remark);

/* Does its password stand in it in clear text, not as ${NAME}? A user alone is no secret.
 */
bool pool_url_has_literal_credentials(const struct pool_url *url);

/* Whether a text that may be anything could hold a URL or a credential: then it is not to
 * be shown. */
bool pool_url_may_hold_secret(const char *text, size_t length);

/*
 * scheme, "***@" where there is a user or password, host and port into <out>, safe to
 * show; a URL that cannot be parsed becomes "***".
 */
void pool_url_redact(const char *text, char *out, size_t size);

/* The host as <size> bytes of text, which it terminates; of a zone, which may be written
 * "%25lo" or "%lo", always the latter. */
void pool_url_host(const struct pool_url *url, char *out, size_t size);

/* "host:port", IPv6 in brackets, host in lower case. */
void pool_url_endpoint(const struct pool_url *url, char *out, size_t size);

/* Has its host other than ASCII characters? */
bool pool_url_is_international(const struct pool_url *url);

/*
 * <text> with an international host in its ASCII form, punycode, which each client and
 * resolver takes, in any locale.
 *
 * <out>  free it by pool_text_forget(); NULL where the host is ASCII already, or <text>
 * is no URL that can be used
 *
 * Returns 0, or POOL_EINVALID (it is no name, with the reason), POOL_ESYSTEM (the library
 * cannot be loaded), POOL_ENOMEM.
 */
int pool_url_to_ascii(const char *text, char **out, struct pool_fault *fault);

/*
 * Append what <url> means: two URLs with the same endpoint and credentials give the same
 * bytes, whatever the case of scheme and host, the spelling of an IPv6 address, a dot
 * behind the name, percent codes, an international host or its punycode, and whatever
 * stands behind the port. Nothing of one that is no URL. The bytes hold the password.
 */
void pool_url_add_meaning(struct pool_text *text, const char *url);

/* The byte that "%XX" at <text> stands for; -1 if there is no code in the <left> bytes.
 */
int pool_url_percent_byte(const char *text, size_t left);

/* A proxy as a client needs it: decoded, credentials filled in. Release it: it wipes
 * them. */
struct pool_login {
	enum pool_scheme scheme;
	char *host; /* without brackets; a zone as "%lo" */
	uint16_t port;
	char *user;     /* raw bytes without NUL, or NULL */
	char *password; /* raw bytes without NUL, or NULL */
	char *url;      /* the text to hand out: as written but for a raw "@" or "\" in
			   user and password; ${NAME} and password_file filled in,
			   percent-encoded */
};

/* Where the values of ${NAME} come from, and what may be filled in. */
struct pool_secrets {
	/* The value of a variable, or NULL; may be NULL itself: nothing is set. */
	const char *(*lookup)(void *context, const char *name);
	void *context;
	bool trusts_files; /* a password file is used even if others can write it */
	/* Why nothing is filled in: who writes the pool file would learn what it asks
	 * for. NULL: it is */
	const char *withheld;
};

/*
 * Fill in ${NAME} from <secrets> (may be NULL: nothing is set), and the password from
 * <password_file> (absolute path, or NULL; its first line).
 *
 * Returns 0, or POOL_ESECRET (which variable or file, never a value), POOL_EINVALID,
 * POOL_ENOMEM.
 */
int pool_login_init(struct pool_login *login, const char *url, const char *password_file,
	const struct pool_secrets *secrets, struct pool_fault *fault);
void pool_login_release(struct pool_login *login);

/* One ${NAME} that cannot be filled in: <length> bytes of the URL at <at>, all of it for
 * a credential that is too long; whether it is unset, or its value cannot be used. No
 * value stands in <fault>. */
typedef void (*pool_secret_teller)(void *context, size_t at, size_t length, bool unset,
	const struct pool_fault *fault);

/* Tell of each ${NAME} of a URL that pool_login_init() would fail at. */
void pool_login_judge_variables(const char *url, const struct pool_secrets *secrets,
	pool_secret_teller tell, void *context);
/* Same for the password file of <url> (may be NULL), whoever can write it: 0 and who can,
 * and its mode; POOL_ESECRET, POOL_ENOMEM. */
int pool_login_judge_file(const char *url, const char *password_file,
	struct pool_trust *trust, mode_t *mode, struct pool_fault *fault);

#endif
