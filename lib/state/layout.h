/*
 * The bytes of a state file. Also described in pool-state(5), which a test holds against
 * this.
 *
 *	0       header: what the file is, which image is in force
 *	4096    undo slot: what an update in progress has overwritten
 *	16384   images: one in force, room for the next beside it
 *
 * An image is everything that has a size of its own: pools, packed arrays, records,
 * leases. A change of layout (an edited pool file, more leases, another clock) writes a
 * whole new image into the free room and then switches form.active, one store.
 * Everything else is changed in place, after its old bytes were saved in the undo slot.
 *
 * What a file can be, and what leads from one state to the next:
 *
 *	empty       length or first page is zero
 *	            -> unfinished  magic is stored
 *	unfinished  magic is POOL_STATE_UNFINISHED, nothing in it counts
 *	            -> whole       first image is in force, then magic is stored
 *	whole       magic, version, checksum, and an image in force
 *	            -> whole       switch: form.active is stored
 *	            -> updating    undo.count is stored
 *	updating    undo.count is not 0
 *	            -> whole       settled: undo.count is 0
 *	            -> whole       killed: the next process to lock restores what it saved
 *	former      whole, of an earlier version
 *	            -> former      killed while it was carried over
 *	            -> whole       carried over: version is stored
 *	corrupt     magic and version, and a checksum or an offset that is wrong
 *	            -> unfinished  copied to FILE.corrupt
 *	foreign     any other magic, a later version, another layout, another pool file
 *	            -> foreign     never written, but by --repair if its header is broken
 *
 * Versions: a build that knows only version 1 compares nothing but the version, so it is
 * the last thing to be stored when a file is carried over, and everything that version 2
 * keeps in the header lies where version 1 looks at nothing: its form. The form of
 * version N is forms[N % 2], so that the next version can do the same. Within a version
 * form.layout tells builds apart whose structures differ: a build that finds another
 * layout than its own leaves the file alone.
 *
 * Power loss: the page cache is written back in any order, so an image may be torn; its
 * checksum and ranges are checked when it is first mapped, and a bad one is rebuilt from
 * the pool file. A kill: the next process to lock restores what the undo slot holds.
 * fork(): the lock belongs to the open file, so a child must open its own. Network file
 * systems: refused, flock() and shared mappings are not coherent there.
 *
 * Integers are in the byte order of the machine that wrote them; the header's magic
 * tells.
 */
#ifndef POOL_STATE_LAYOUT_H
#define POOL_STATE_LAYOUT_H

#include <assert.h>
#include "base/hash.h"
#include "health/health.h"
#include "select/budget.h"
#include "select/strategy.h"

#define POOL_STATE_MAGIC UINT64_C(0x65746174736c7070) /* "pplstate", little endian */
#define POOL_STATE_UNFINISHED                                     \
	UINT64_C(0x77656e2e736c7070) /* "ppls.new": not whole yet \
				      */

enum {
	POOL_STATE_VERSION = 2,
	POOL_STATE_FORM = POOL_STATE_VERSION % 2, /* which of the forms is ours */
	POOL_STATE_UNDO_AT = 4096,
	POOL_STATE_UNDO_SIZE = 12288,
	POOL_STATE_IMAGES_AT = 16384,
	POOL_STATE_NAME_MAX = 3072,
};

/* Where an image lies. */
struct pool_state_root {
	uint64_t offset;
	uint64_t length;
	uint64_t checksum; /* of the image's header */
	uint64_t unused;
};

/* What a version keeps in the header. */
struct pool_state_form {
	uint64_t layout;   /* POOL_STATE_LAYOUT of the build that made it */
	uint64_t checksum; /* of version, layout and the path in file */
	uint32_t active;   /* which root: 0 or 1 */
	uint32_t rebuilt;  /* how often the file was found corrupt */
	struct pool_state_root roots[2];
	uint64_t spare;
};

struct pool_state_header {
	uint64_t magic;
	uint32_t version;
	char former[116];                /* what version 1 had here, or zeroes */
	char file[POOL_STATE_NAME_MAX];  /* absolute path of the pool file, with a NUL */
	struct pool_state_form forms[2]; /* of even and of odd versions */
};

/* One saved run of bytes; its data follows, padded to 8. */
struct pool_state_undo_entry {
	uint64_t offset;
	uint64_t length;
};

struct pool_state_undo {
	uint64_t count; /* entries that count: stored last, cleared last */
	uint64_t used;  /* bytes behind this header */
};

struct pool_state_image {
	uint64_t snapshot_id; /* the layout it follows */
	uint64_t generation;
	uint32_t leaf_count;
	uint32_t former_count; /* pools that are gone, behind those there are */
	uint32_t record_count; /* of the members; orphans come behind */
	uint32_t orphan_count;
	uint32_t lease_capacity;
	uint32_t unused;
	uint64_t leaves_at; /* offsets from the start of the image */
	uint64_t ready_at;
	uint64_t weights_at;
	uint64_t counts_at;
	uint64_t finishes_at;
	uint64_t records_at;
	uint64_t leases_at;
	uint64_t budgets_at;   /* a budget a record; 0: no pool has any */
	uint64_t decisions_at; /* a decision a record; 0: nobody made any */
	uint64_t spare_at[4];  /* 0: of sections to come */
	/* Of pools that an environment adds behind those of the snapshot; 0: none. A
	 * process without such an environment uses those before them. */
	uint64_t overlay_id;
	uint64_t length;
	/* Below: changes, and is outside the checksum. */
	uint32_t leases_used;    /* derived: recounted at repair */
	uint32_t leases_owned;   /* of those, with an owner: derived */
	int64_t next_expiry_ns;  /* no lease ends by time before */
	uint64_t lease_hint;     /* where a free slot is likely */
	uint64_t clock_id;       /* whose CLOCK_BOOTTIME its times are in */
	int64_t written_boot_ns; /* the last change, by that clock */
	int64_t written_wall_s;
	int64_t owners_ns;    /* when some owners of leases were looked up last */
	int64_t decisions_ns; /* since when FILE.decisions is behind; 0: it is not */
	uint64_t spare[4];
};

/* The bytes of an image header that its checksum covers. */
#define POOL_STATE_IMAGE_FIXED offsetof(struct pool_state_image, leases_used)

enum { POOL_LATENCY_BUCKETS = 16, POOL_STRATEGY_COUNTERS = 16 };

/* A pool as it changes. */
struct pool_state_leaf {
	uint64_t key;          /* hash of where it stands in the configuration */
	uint32_t first_record; /* of a former pool: when it went, seconds since 1970 */
	uint32_t record_count;
	uint64_t cursor;
	double clock;
	uint64_t selections;
	uint64_t fallbacks;
	uint64_t panics;  /* selections of one that was not eligible */
	uint64_t rollout; /* selections counted for rollout_percent */
	int64_t checked_ns;
	int64_t checked_wall_s;
	double floor;       /* of weighted round robin, with clock: see select/ */
	uint64_t eligibles; /* likewise */
	/* Of those selections that latency counts: their times added up, and how many
	 * each strategy made, by enum pool_strategy_id. One that wraps is to Prometheus a
	 * counter that began anew, as after a reset. */
	uint64_t latency_ns;
	uint32_t strategies[POOL_STRATEGY_COUNTERS];
	/* Selections by their time, 2^i microseconds and less, the last one more. */
	uint64_t latency[POOL_LATENCY_BUCKETS];
	uint64_t spare[3];
};

/* A transition, newest last in its ring. */
struct pool_state_transition {
	uint32_t wall_s; /* seconds since 1970 */
	uint8_t from;    /* enum pool_status */
	uint8_t to;
	uint8_t reason; /* enum pool_reason */
	uint8_t unused;
};

enum { POOL_TRANSITIONS_KEPT = 8 };

/* A proxy of a pool as it changes. */
struct pool_record {
	struct pool_hash identity;
	uint64_t leaf_key;
	struct pool_health health;
	int64_t removed_ns; /* no longer in the pool file since; 0: it is */
	int64_t latency_us; /* moving average, weight 1/5 for the newest; 0: none yet */
	int64_t last_latency_us;
	int64_t checked_wall_s;
	int64_t selected_wall_s;
	uint64_t selections;
	uint32_t leases; /* ever taken */
	uint32_t checks[POOL_VERDICTS];
	uint32_t reports[POOL_VERDICTS];
	uint32_t transition_count;
	int32_t http_status;
	uint32_t flap; /* of its transitions: see pool_record_change() */
	struct pool_state_transition transitions[POOL_TRANSITIONS_KEPT];
	uint64_t seal; /* see pool_record_seal() */
};

enum { POOL_DECISION_WHO = 32, POOL_DECISION_WHY = 120 };

/* The last command of a person about a proxy. Zeroes: there was none. */
struct pool_decision {
	int64_t made_wall_s;
	int64_t until_wall_s; /* 0: for ever */
	uint32_t command;     /* enum pool_admin */
	uint32_t unused;
	char who[POOL_DECISION_WHO]; /* UTF-8, filled up with NULs; all may be used */
	char why[POOL_DECISION_WHY];
	uint64_t spare[2];
};

enum {
	POOL_LEASE_SELECTION = 1, /* taken by a plain selection of a recovering proxy */
	POOL_LEASE_REPORTED = 2,  /* ended by a report */
};

/* A lease; id 0 is a free slot. What ended stays until the slot is used again, so that a
 * second report is known for one, and a late one still counts. */
struct pool_lease {
	uint64_t id;
	uint32_t record;
	uint32_t flags;
	int32_t owner_pid; /* 0: ends by time alone */
	uint32_t lock;     /* 1 + the number of the byte that its owner locks; 0: none */
	uint64_t owner_start; /* field 22 of /proc/PID/stat */
	uint64_t owner_space; /* inode of its pid namespace */
	int64_t expires_ns;   /* CLOCK_BOOTTIME; 0: never by time */
	int64_t began_ns;
	uint64_t last_id; /* of a free slot: the lease that ended there */
};

static_assert(sizeof(struct pool_state_header) <= POOL_STATE_UNDO_AT, "the header fits");
static_assert(offsetof(struct pool_state_header, file) == 128, "as in version 1");
static_assert(sizeof(struct pool_health) == 56, "health has no padding");
static_assert(sizeof(struct pool_record) == 256, "a record is four cache lines");
static_assert(sizeof(struct pool_budget) == 80, "a budget has no padding");
static_assert(sizeof(struct pool_decision) == 192, "a decision is three cache lines");
static_assert(sizeof(struct pool_lease) == 64, "a lease is one cache line");
static_assert(sizeof(struct pool_state_leaf) % 64 == 0, "pools stay aligned");
static_assert((int)POOL_STRATEGIES <= (int)POOL_STRATEGY_COUNTERS,
	"each strategy has its counter");
static_assert(sizeof(struct pool_state_transition) == 8, "transitions have no padding");

/*
 * The layout's name: a hash (FNV-1a over numbers) of all that decides where a byte is and
 * what it means. Whoever changes one of these raises POOL_STATE_VERSION and has the
 * version before carried over, see former.c; a test knows the hash of each version.
 */
enum {
	/* Reasons when version 2 was laid out. More may be appended without another
	 * version, so that no file is lost by one: who does not know a number shows none.
	 */
	POOL_LAYOUT_REASONS = 41,
	POOL_REASON_ROOM = 128, /* a number above is damage */
};
static_assert((int)POOL_REASONS <= (int)POOL_REASON_ROOM, "each reason has its number");

#define POOL_LAYOUT_STEP(hash, number) \
	(((hash) ^ (uint64_t)(number)) * UINT64_C(0x100000001b3))
#define POOL_LAYOUT_STEP_2(hash, a, b) POOL_LAYOUT_STEP(POOL_LAYOUT_STEP(hash, a), b)
#define POOL_LAYOUT_STEP_4(hash, a, b, c, d) \
	POOL_LAYOUT_STEP_2(POOL_LAYOUT_STEP_2(hash, a, b), c, d)

#define POOL_LAYOUT_FILE                                                     \
	POOL_LAYOUT_STEP_4(UINT64_C(0xcbf29ce484222325), POOL_STATE_UNDO_AT, \
		POOL_STATE_UNDO_SIZE, POOL_STATE_IMAGES_AT, POOL_STATE_NAME_MAX)
#define POOL_LAYOUT_HEAD                                                        \
	POOL_LAYOUT_STEP_4(POOL_LAYOUT_FILE, sizeof(struct pool_state_header),  \
		sizeof(struct pool_state_form), sizeof(struct pool_state_root), \
		sizeof(struct pool_state_undo))
#define POOL_LAYOUT_IMAGE                                                          \
	POOL_LAYOUT_STEP_4(POOL_LAYOUT_HEAD, sizeof(struct pool_state_undo_entry), \
		sizeof(struct pool_state_image), POOL_STATE_IMAGE_FIXED,           \
		sizeof(struct pool_state_leaf))
#define POOL_LAYOUT_RECORD                                                        \
	POOL_LAYOUT_STEP_4(POOL_LAYOUT_IMAGE, sizeof(struct pool_record),         \
		sizeof(struct pool_health), sizeof(struct pool_state_transition), \
		sizeof(struct pool_decision))
#define POOL_LAYOUT_TABLE                                                 \
	POOL_LAYOUT_STEP_4(POOL_LAYOUT_RECORD, sizeof(struct pool_lease), \
		sizeof(struct pool_budget), POOL_BUDGET_WINDOWS, POOL_LATENCY_BUCKETS)
#define POOL_LAYOUT_COUNTS                                            \
	POOL_LAYOUT_STEP_4(POOL_LAYOUT_TABLE, POOL_STRATEGY_COUNTERS, \
		POOL_TRANSITIONS_KEPT, POOL_DECISION_WHO, POOL_DECISION_WHY)
#define POOL_STATE_LAYOUT                                                          \
	POOL_LAYOUT_STEP_4(POOL_LAYOUT_COUNTS, POOL_VERDICTS, POOL_LAYOUT_REASONS, \
		POOL_STATUSES, POOL_LAYERS)

#endif
