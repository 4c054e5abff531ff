/*
 * The normal form of a pool file: what all three forms and every accepted shape become.
 *
 * A settings object owns every string and list beneath it; pool_settings_release() frees
 * all. Lists are referred to by index. A "leaf" is one connection of the configuration:
 * where an exchange and a connection type lead. A leaf with a single url is a pool of one
 * member.
 */
#ifndef POOL_CONFIG_MODEL_H
#define POOL_CONFIG_MODEL_H

#include "pool.h"
#include "select/strategy.h"

enum pool_fallback { POOL_FALLBACK_ANY, POOL_FALLBACK_FAIL, POOL_FALLBACKS };

enum pool_method {
	POOL_METHOD_TCP,
	POOL_METHOD_HTTP,
	POOL_METHOD_PING,
	POOL_METHOD_TUNNEL,
	POOL_METHOD_WEBSOCKET,
	POOL_METHODS
};

enum pool_control { POOL_CONTROL_NONE, POOL_CONTROL_DIRECT, POOL_CONTROLS };

/* HTTP statuses 100..599 as bits. */
struct pool_status_set {
	uint64_t bits[8];
};

static inline bool pool_status_set_has(const struct pool_status_set *set, int status)
{
	unsigned bit = (unsigned)(status - 100);
	return bit < 500 && (set->bits[bit / 64] >> (bit % 64) & 1);
}

static inline void pool_status_set_add(struct pool_status_set *set, int status)
{
	unsigned bit = (unsigned)(status - 100);
	if (bit < 500)
		set->bits[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/*
 * The numbers of a pool. Fixed width, no pointer, no padding: the snapshot stores it as
 * it is.
 */
struct pool_policy {
	uint8_t strategy; /* enum pool_strategy_id */
	uint8_t fallback; /* enum pool_fallback */
	uint8_t check_enabled;
	uint8_t method;  /* enum pool_method */
	uint8_t control; /* enum pool_control */
	uint8_t unused[3];
	int32_t interval_s;
	int32_t check_timeout_s;
	int32_t retry_count; /* attempts after the first */
	int32_t healthy_threshold;
	int32_t unhealthy_threshold;
	int32_t failure_threshold;
	int32_t open_s;
	int32_t max_open_s;
	int32_t half_open_max;
	int32_t cooldown_s;
	int32_t max_cooldown_s;
	int32_t max_connections; /* 0: no limit; a member's own may differ */
	int32_t budget_requests; /* 0: no budget */
	int32_t budget_per_s;
	struct pool_status_set expect;  /* of http checks; none: pool_check_expected() */
	struct pool_status_set cooling; /* statuses that mean "limited" */
	struct pool_status_set blocked;
};

/* What an http, tunnel or websocket check asks for. NULL where not given. */
struct pool_check_request {
	char *url;
	char *method;  /* "GET" */
	char *headers; /* "Name: value" lines, each ended by \n */
	char *body;    /* text that the body must contain */
};

struct pool_member {
	char *url;           /* verbatim */
	char *name;          /* unique in its pool */
	char *password_file; /* absolute, or NULL */
	uint32_t weight_micro;
	bool enabled;
	bool named;              /* the name was given, not derived */
	int32_t max_connections; /* 0: the pool's */
};

enum pool_leaf_kind {
	POOL_LEAF_EMPTY,  /* neither url nor pool: hides the default, leads to no proxy */
	POOL_LEAF_SINGLE, /* a url: a pool of one */
	POOL_LEAF_POOL
};

struct pool_leaf {
	char *where; /* "default.http", "exchanges.okx.websocket": also the key of its
			records */
	enum pool_leaf_kind kind;
	char *url; /* the single proxy, or what to fall back on; NULL */
	int32_t timeout_s;
	int32_t rollout_percent;
	bool copies_default; /* "proxies": "default" */
	struct pool_policy policy;
	struct pool_check_request request;
	struct pool_member *members; /* one, with kind SINGLE */
	uint32_t member_count;
	bool displaced; /* by the environment: no lookup leads here */
};

#define POOL_NO_LEAF UINT32_MAX

struct pool_exchange {
	char *id;                  /* lower case */
	uint32_t leaf[POOL_TYPES]; /* POOL_NO_LEAF: the default's */
};

struct pool_settings {
	bool enabled;
	struct pool_leaf *leaves;
	uint32_t leaf_count;
	uint32_t leaf_room;                /* of the list */
	uint32_t default_leaf[POOL_TYPES]; /* may be the same leaf twice (the short form)
					    */
	struct pool_exchange *exchanges;   /* sorted by id (strcmp) */
	uint32_t exchange_count;
};

/* Nothing configured: not enabled, no lookup leads anywhere. */
void pool_settings_init(struct pool_settings *settings);
/* <from> with strings and lists of its own; false: out of memory, <out> is untouched. */
bool pool_settings_copy(struct pool_settings *out, const struct pool_settings *from);
void pool_settings_release(struct pool_settings *settings);
/* Of a leaf that stands in no settings, and of its parts. */
void pool_leaf_release(struct pool_leaf *leaf);
void pool_member_release(struct pool_member *member);
void pool_check_request_release(struct pool_check_request *request);

/* <leaf> with strings and lists of its own; false: out of memory, <out> is untouched. */
bool pool_leaf_copy(struct pool_leaf *out, const struct pool_leaf *leaf);

/* Ids of exchanges wherever they are kept: lower case, sorted (strcmp). */
struct pool_exchange_ids {
	const void *list;
	uint32_t count;
	const char *(*get)(const void *list, uint32_t index); /* never NULL */
};

#define POOL_NO_EXCHANGE UINT32_MAX

struct pool_exchange_match {
	uint32_t index;        /* POOL_NO_EXCHANGE: the default's */
	bool known;            /* there is one of that id, or the default is meant */
	const char *near_miss; /* an id spelt nearly so, where there is none; or NULL */
};

/*
 * Which of <ids> is meant by what a user wrote: in any case; NULL or "default" for the
 * default.
 */
void pool_exchange_find(const struct pool_exchange_ids *ids, const char *written,
	struct pool_exchange_match *out);

/* Where a lookup leads. */
struct pool_lookup {
	uint32_t leaf;              /* POOL_NO_LEAF: no proxy, see reason */
	enum pool_no_reason reason; /* DISABLED, NOT_CONFIGURED */
	bool own_entry;             /* the exchange's own, not the default's */
	bool known_exchange;   /* there is an entry of that id, or it is the default */
	const char *near_miss; /* an id spelt nearly so, where there is none; or NULL.
				  Valid until the settings are released */
};

/* <exchange> may be NULL or "default", any case. */
void pool_settings_resolve(const struct pool_settings *settings, const char *exchange,
	enum pool_type type, struct pool_lookup *out);

/* What an http check asks for where request.url is NULL. */
extern const char *const pool_check_default_url;
/*
 * The statuses that are good where expect_status is <own>. Where that is not given, which
 * is a set of none, NULL: 200 to 399; but 204 alone if <by_default> is true, for the
 * default URL is asked for, which answers nothing else: a login page does.
 */
const struct pool_status_set *pool_check_expected(
	const struct pool_status_set *own, bool by_default);

/*
 * Why <text> can be no URL to check, or NULL: its bytes and its shape. Whether it suits
 * <method> is another question.
 */
const char *pool_check_url_judge(const char *text);
const char *pool_check_url_judge_scheme(enum pool_method method, const char *text);
/* True if a parameter of its query is a key, by its name, such as api_key. */
bool pool_check_url_has_key(const char *text);

/* Headers that are about the connection or the framing, not the request: the client's to
 * choose. The <index>th name, NULL behind the last. */
const char *pool_check_header_refused(size_t index);
bool pool_check_header_is_refused(const char *name);
/* True if its value is a key, by its name, such as Authorization or X-Api-Key. */
bool pool_check_header_is_key(const char *name);

/* A policy, leaf with all defaults of the schema filled in. */
void pool_policy_init(struct pool_policy *policy);

const char *pool_method_name(enum pool_method method);
/* Whether a check asks a target through the proxy; else it tries the proxy alone. */
bool pool_method_asks(enum pool_method method);
/* Whether it cannot be made without health_check.url. */
bool pool_method_needs_url(enum pool_method method);

#endif
