/*
 * proxypool: pools of forward proxies shared by all processes of a machine.
 *
 * Calling sequence:
 *
 *	struct pool_session *session;
 *	struct pool_fault fault;
 *	struct pool_choice choice;
 *
 *	pool_session_new(&session, &options, &fault);
 *	pool_session_select(session, &query, &choice, &fault);
 *	... use choice.url ...
 *	pool_choice_release(&choice);
 *	pool_session_free(session);
 *
 * A session is one pool file and its state file, opened by one process. It notices an
 * edited pool file by itself, at each selection.
 *
 * Invariants: a function that can fail returns 0 or a negative POOL_E*, and writes its
 * outputs only on success. Nothing here prints, exits, reads the environment or installs
 * a signal handler. Nothing here ever answers "go direct": no proxy is an error.
 *
 * Threads: one session, one thread. Processes: any number may share the files. A session
 * does not survive fork(): open another one in the child.
 *
 * Not promised: binary compatibility before version 1.0.
 */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_VERSION "0.1.0"

/* Outcomes below zero. pool_error_get() has a name and a sentence for each. */
enum pool_error {
	POOL_OK = 0,
	POOL_EINVALID = -1, /* the content of the pool file is at fault */
	POOL_ENOFILE = -2,  /* a file does not exist, or cannot be read */
	POOL_EFORMAT = -3,  /* not our file, or another version of it */
	POOL_EFOREIGN = -4, /* the state file of another pool file */
	POOL_EUNSAFE = -5,  /* a file or folder that others could have changed */
	POOL_EBUSY = -6,    /* a lock deadline passed */
	POOL_ENONE = -7,    /* no proxy: see pool_choice_reason */
	POOL_ESECRET = -8,  /* a credential's variable is unset or its file unreadable */
	POOL_ESYSTEM = -9,  /* the system failed: see sys_errno */
	POOL_ENOMEM = -10,  /* out of memory */
	POOL_EARGUMENT = -11, /* the caller's argument is at fault */
	POOL_ESTALE = -12, /* what was opened is no longer what is on disk: open again */
	POOL_EUNKNOWN = -13, /* no proxy or lease of that name */
};

/* One row of the error table: its code, a short stable word, a sentence. */
struct pool_error_row {
	enum pool_error code;
	const char *name;
	const char *sentence;
};

/* The row of <code>; never NULL. Valid for ever. */
const struct pool_error_row *pool_error_get(int code);

/* What went wrong in detail, in the caller's storage. */
struct pool_fault {
	int code;       /* POOL_E* */
	int sys_errno;  /* errno, or 0 */
	char text[448]; /* one line: object and reason; control bytes replaced, no secret
			 */
};

/*
 * Fill <fault> (may be NULL) and hand <code> back, so that a function can end in
 * "return pool_fault_set(fault, POOL_EBUSY, 0, ...)". A sys_errno other than 0 adds ":
 * <its text>".
 */
int pool_fault_set(struct pool_fault *fault, int code, int sys_errno, const char *format,
	...) __attribute__((format(printf, 4, 5)));

/* Connection types of a lookup. */
enum pool_type { POOL_TYPE_HTTP, POOL_TYPE_WEBSOCKET, POOL_TYPES };

/* Index of the connection type called <word> (also rest, ws), or -1. */
int pool_type_find(const char *word);
/* "http" or "websocket". */
const char *pool_type_name(enum pool_type type);

/* Why a lookup has no proxy. The words appear in "http://WORD.no-proxy.invalid:9". */
enum pool_no_reason {
	POOL_NO_DISABLED,       /* enabled is false */
	POOL_NO_NOT_CONFIGURED, /* neither the exchange nor default has this type */
	POOL_NO_ALL_DISABLED,   /* every member is disabled */
	POOL_NO_NONE_ELIGIBLE,  /* all are unhealthy, cooling or at a limit */
	POOL_NO_FILTERED,       /* --exclude, --scheme left none */
	POOL_NO_STRICT,         /* the proxy of the key cannot be used now */
	POOL_NO_ERROR,          /* the lookup itself failed */
	POOL_NO_USAGE,          /* the question was wrong */
	POOL_NO_UNSUPPORTED,    /* the client does not speak the proxy's scheme */
	POOL_NO_SECRET,         /* nobody is left whose secret can be had here */
	POOL_NO_REASONS
};

/* The word of <reason>, e.g. "not-configured". */
const char *pool_no_reason_name(enum pool_no_reason reason);

/*
 * The answer "no proxy": a proxy that every client accepts as one and none reaches. The
 * domain "invalid" never resolves (RFC 6761). A scheme of our own would not do: clients
 * that do not know it go direct, or look its host up as a bare word. An empty answer is
 * taken for "go direct" by most.
 */
struct pool_no_proxy {
	const char *reason;   /* "disabled": a DNS label */
	const char *host;     /* "disabled.no-proxy.invalid" */
	const char *port;     /* "9" */
	const char *hostport; /* "disabled.no-proxy.invalid:9" */
	const char *url;      /* "http://disabled.no-proxy.invalid:9" */
};

/* The answer for <reason>; never NULL. Valid for ever. */
const struct pool_no_proxy *pool_no_proxy_get(enum pool_no_reason reason);

/* As the pool file of a session: there is none, the environment is the configuration. */
#define POOL_FILE_ENVIRONMENT "$CRYPTOFEED_PROXY_*"

/* What keeps a proxy from being selected now. */
enum pool_obstacle {
	POOL_OBSTACLE_NONE, /* nothing: it is eligible */
	POOL_OBSTACLE_FILE, /* disabled in the pool file */
	POOL_OBSTACLE_PERSON,
	POOL_OBSTACLE_OPEN, /* its breaker */
	POOL_OBSTACLE_COOLING,
	POOL_OBSTACLE_BUDGET,
	POOL_OBSTACLE_LEASES, /* as many as it may have */
	POOL_OBSTACLE_TRIAL,  /* recovering, and as many are trying it as may */
	POOL_OBSTACLE_SECRET, /* its secret cannot be had */
	POOL_OBSTACLES
};

struct pool_session;

/*
 * What survives a state file that is cut short while it is mapped: others may write the
 * state file of a folder that a group shares, and touching what they cut off raises
 * SIGBUS. A program that hands a guard to its session installs a handler for that signal
 * which calls pool_guard_mend(); without one such a signal ends it.
 *
 *	static struct pool_guard guard;
 *
 *	static void handle(int signal, siginfo_t *info, void *context)
 *	{
 *		if (info->si_code <= 0 || !pool_guard_mend(&guard, info->si_addr))
 *			... another one's: as before ...
 *	}
 *
 * The session notices, and maps the file anew the next time. Zeroes are the beginning of
 * one; it must outlive its session, and serves one.
 */
struct pool_guard {
	const char *volatile begin; /* the mapping */
	const char *volatile end;
	volatile int mended; /* how often */
};

/*
 * Put zeroes of this process's own where the mapping has lost its file, from the page of
 * <address> on. May be called in a signal handler.
 *
 * Returns false if <address> is not in the mapping: the signal is about something else.
 */
bool pool_guard_mend(struct pool_guard *guard, const void *address);

/* Where a session finds its files and how it deals with trouble. All strings are borrowed
 * for the call of pool_session_new(). */
struct pool_session_options {
	const char *file;  /* the pool file; "-" is standard input;
			      POOL_FILE_ENVIRONMENT */
	const char *state; /* a state file or a folder for it; NULL: no state */
	/* NAME=VALUE strings ended by NULL, as environ(7): those of CRYPTOFEED_PROXY_* go
	 * on top of the pool file; NULL: none. Such a session shares its records with
	 * those that have no such variables. */
	const char *const *environment;
	bool trust_file;    /* whoever owns the pool file and its password files and
			       can write them: else a pool file that everybody can
			       write is refused, as root one that a group can, and
			       somebody else's gets no ${NAME} and password_file */
	bool require_state; /* fail instead of selecting without state */
	bool read_only;     /* change no file and make none: the state is read into
			       memory, and what is done to it there is forgotten */
	bool once; /* for one pool_session_select() and nothing else: of the compiled pool
		      file only what that uses is read */
	int64_t lock_timeout_ms;  /* how long to wait for the lock; 0: 1000 */
	struct pool_guard *guard; /* of its state's mapping; NULL: none */
	const char *who; /* kept with a person's commands, 32 bytes of it; may be NULL */
	/* Called for each warning, one line without newline; may be NULL. */
	void (*warn)(void *context, const char *text);
	/* Value of an environment variable for ${NAME} in URLs, or NULL; may be NULL
	 * itself. It is called under the lock, and must not block. */
	const char *(*lookup)(void *context, const char *name);
	void *context;
};

/*
 * Opens a pool file and its state.
 *
 * <out>   the session; free it with pool_session_free().
 *
 * Returns 0, or: POOL_ENOFILE   the pool file cannot be read
 *                POOL_EUNSAFE   others can write the pool file or replace it
 *                POOL_EINVALID  it is invalid and no good snapshot is left
 *                POOL_EFOREIGN, POOL_EFORMAT, POOL_EUNSAFE, POOL_EBUSY
 *                               state trouble, with require_state only
 * Blocks: up to lock_timeout_ms.
 */
int pool_session_new(struct pool_session **out,
	const struct pool_session_options *options, struct pool_fault *fault);
/* Accepts NULL. Leases stay: they end with their owner, their TTL or a report. */
void pool_session_free(struct pool_session *session);

/* What to select. Zeroes are the defaults. */
struct pool_query {
	const char *exchange; /* NULL or "default": the default */
	enum pool_type type;
	const char *strategy;       /* instead of the pool's own; NULL: the pool's */
	const char *const *exclude; /* proxy names never to choose */
	size_t exclude_count;
	size_t tried_count; /* of them, the last ones: tried already, and left out so that
			       another is tried now */
	unsigned schemes;   /* bits 1 << enum pool_scheme; 0: any */
	size_t count;       /* how many distinct proxies; 0: 1 */
	bool dry_run;       /* choose, account for nothing */
	bool lease;         /* hold each until its owner or ttl ends */
	/* With lease: ends with this process; 0: none. Outside the initial pid namespace
	 * (in a container) nobody elsewhere can look up a process: there a lease of the
	 * caller's own ends with its session too, and of another process after an hour,
	 * unless ttl_ms says otherwise. */
	int32_t owner_pid;
	int64_t ttl_ms;     /* with lease: ends after so long; 0: never by time */
	const char *key;    /* whose proxy: of a sticky choice and of rollout_percent;
			       NULL: none */
	bool strict;        /* with key, sticky: the key's own proxy or none */
	int64_t cost;       /* requests that each proxy's budget is charged with; 0: 1 */
	int64_t wait_ms;    /* how long to wait for an eligible one; 0: not at all */
	int64_t longest_ms; /* with lease: no use takes longer, where its end can be known
			       by time alone; 0: it is not known */
};

/* One proxy that was chosen. */
struct pool_proxy_choice {
	char *url; /* to use: credentials filled in */
	char *name;
	uint32_t index; /* in file order; UINT32_MAX: the url beside a pool, never leased
			 */
	uint32_t weight_micro;
	char lease[20];  /* its lease, or "" */
	char status[12]; /* unknown, healthy, recovering, ... */
	bool fallback;   /* not eligible: chosen because nothing is */
};

/* One proxy that was skipped: its secret cannot be had in this process. Nothing is stored
 * of that, since another process may have it. */
struct pool_skipped {
	uint32_t index; /* in file order; UINT32_MAX: the url beside a pool */
	char *name;
	char *why; /* which variable or file, never a value */
};

/* The answer to a query. */
struct pool_choice {
	struct pool_proxy_choice *proxies;
	size_t count;
	char *where;          /* the connection that answered, e.g. "default.http" */
	const char *strategy; /* its name */
	int32_t timeout_s;
	enum pool_no_reason reason; /* of POOL_ENONE, POOL_ESECRET */
	struct pool_skipped *skipped;
	size_t skipped_count;
	/* Of POOL_ENONE in a pool with a state: how many of its proxies each obstacle
	 * keeps from being chosen (with strict: of the key's own alone); beside them,
	 * enabled ones that exclude and schemes leave out. */
	uint32_t obstacles[POOL_OBSTACLES];
	uint32_t left_out;
	int64_t ready_ms;      /* until time alone brings the first; -1: not known */
	unsigned schemes;      /* of the enabled proxies, bits 1 << enum pool_scheme */
	unsigned left_schemes; /* of those that exclude leaves */
	bool no_room; /* one of them has no lease though one was asked for: the disk of
			 the state file is full. It is reported by name */
};

/*
 * Chooses the proxy to use now, and accounts for it. One whose secret cannot be had is
 * skipped with a warning, once a session.
 *
 * <choice>  the answer; release it. On POOL_ENONE and POOL_ESECRET its reason and where
 *           are filled in.
 *
 * Returns 0, or: POOL_ENONE    no proxy, choice->reason says why
 *                POOL_EBUSY    with require_state: the lock's deadline passed
 *                POOL_ESECRET  no proxy is left beside those without their secret
 *                POOL_EARGUMENT  no such strategy, a lease without owner and ttl, a
 *                                strategy that wants a key, a cost above the budget
 * Blocks: up to lock_timeout_ms, and wait_ms for an eligible proxy.
 */
int pool_session_select(struct pool_session *session, const struct pool_query *query,
	struct pool_choice *choice, struct pool_fault *fault);
void pool_choice_release(struct pool_choice *choice);

/* Which proxies a report is about: those of a name, in the pools that a lookup leads to.
 */
struct pool_target {
	const char *proxy;    /* its name; NULL: all */
	const char *exchange; /* whose; NULL: everybody's */
	int type;             /* enum pool_type; -1: both */
};

enum pool_said { POOL_SAID_OK, POOL_SAID_FAIL, POOL_SAID_DONE };

/* How a use of a proxy went. */
struct pool_feedback {
	const char *lease;         /* the use, as pool_proxy_choice.lease; or NULL: */
	struct pool_target target; /* one proxy in one pool */
	enum pool_said said;       /* DONE: the lease ends, and nothing is counted */
	const char *reason;        /* word of the reason table; NULL: by the rest */
	int32_t http_status;       /* 0: none; the pool's cooldown.statuses and .blocked,
				      and 407, decide before said does */
	int32_t retry_after_s;     /* -1: none */
	int64_t latency_us;        /* -1: none */
};

/* What became of it. */
struct pool_feedback_result {
	char proxy[256]; /* its name, cut if longer, and the pool's place */
	char where[256];
	char from[12]; /* its status before and after */
	char to[12];
	const char *reason; /* the word that was counted; NULL: none */
	bool repeated;      /* the lease had been reported already: nothing changed */
};

/*
 * Feeds back how a proxy did: evidence, as a check is; a lease ends with it.
 *
 * Returns 0, or: POOL_EUNKNOWN   no such lease or proxy; the fault has the nearest name
 *                POOL_EARGUMENT  the proxy is in several pools, or no such reason, or a
 *                                reason that contradicts what is said
 *                POOL_EBUSY, POOL_ENOFILE, POOL_EFORMAT, POOL_EFOREIGN, POOL_ESYSTEM
 *                                the state cannot be written
 * Blocks: up to lock_timeout_ms.
 */
int pool_session_report(struct pool_session *session,
	const struct pool_feedback *feedback, struct pool_feedback_result *out,
	struct pool_fault *fault);

enum pool_admin { POOL_ADMIN_DISABLE, POOL_ADMIN_ENABLE, POOL_ADMIN_RESET };

/*
 * Does as a person says: never select it (disable), select it again (enable), forget its
 * health (reset: unknown, no cooldown; a disabled one stays disabled).
 *
 * <count>  how many proxies of pools it was done to
 *
 * Returns as pool_session_report().
 */
int pool_session_command(struct pool_session *session, const struct pool_target *target,
	enum pool_admin command, size_t *count, struct pool_fault *fault);

#endif
