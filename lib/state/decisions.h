/*
 * What a person decided, kept a second time: FILE.decisions beside the state file.
 *
 * The state file knows who is disabled, by whom and why; this file knows it again, so
 * that neither damage to one of them nor the loss of the snapshot, whose salt identities
 * hang on, puts a proxy back in use. It is written and read under the lock of the state.
 *
 *	free     zeroes
 *	         -> in use  a proxy is disabled: one write
 *	in use   its checksum is right
 *	         -> in use  decided anew: one write
 *	         -> free    enabled, or decided 30 days ago and its proxy gone: one write
 *	foreign  anything else: never read, and written by --repair only
 *	         -> free    by --repair
 *
 * It is changed in place, an entry at a time, and never renamed or cut: in a folder that
 * a group shares no member could do that to another's file. An entry keeps its place, so
 * that a process killed at any moment leaves all others as they are. The state says since
 * when this file is behind (decisions_ns): whoever locks it a second later catches up for
 * a process that was killed in between.
 *
 * An entry finds its proxy by pool and identity, and where no member has its identity by
 * a key without secrets: place of the pool, scheme, host, port and name. So a decision
 * outlives another password, and the loss of the salt. An entry holds neither user nor
 * password, nor a hash of them that could be tested without the salt.
 *
 * Its content is another user's input, where a group shares the folder: it is read into
 * memory of our own, up to a length, and what it can do is what the state file can do as
 * well: say that proxies of the pool file are disabled, or not.
 *
 * Not promised: what was decided about a proxy that is in no pool file for 30 days.
 */
#ifndef POOL_STATE_DECISIONS_H
#define POOL_STATE_DECISIONS_H

#include "state/state.h"

/* A proxy that a person disabled, as it stands in the file. */
struct pool_decision_entry {
	uint64_t checksum; /* of what follows, keyed by the path of the pool file */
	uint64_t leaf_key;
	struct pool_hash identity;
	uint64_t key; /* hash of what tells a proxy without secrets; 0: not known */
	uint64_t spare[3];
	struct pool_decision decision;
};

static_assert(sizeof(struct pool_decision_entry) == 256, "entries lie in one page");

/* The file as it was read. */
struct pool_decisions {
	struct pool_decision_entry *list; /* all places of the file */
	uint32_t count;
	uint32_t *by_identity; /* places in use, sorted */
	uint32_t *by_key;
	uint8_t *owned; /* a byte a place: a member has its identity */
	uint32_t used;
	uint32_t foreign; /* places of neither kind */
	int trouble;      /* errno of reading, 0: it was read. ENOENT: there is none */
};

/*
 * Read what belongs to <state_path>, a state of <pool_file>, to look up members of
 * <snapshot>.
 *
 * Returns 0, also without a file (see trouble), or POOL_ENOMEM. Release it.
 */
int pool_decisions_read(struct pool_decisions *out, const char *state_path,
	const char *pool_file, const struct pool_snapshot *snapshot);
void pool_decisions_release(struct pool_decisions *decisions);

/* The decision by which member <at> of pool <leaf> is disabled, or NULL. */
const struct pool_decision *pool_decisions_find(const struct pool_decisions *decisions,
	const struct pool_snapshot *snapshot, uint32_t leaf, uint32_t at);

/*
 * Give member <at> of pool <leaf> back what a person decided about it, and seal <record>.
 *
 * <record>    of the member's identity: a fresh one, or one whose seal is broken
 * <decision>  its own in the state; NULL: there is no room for it
 *
 * Returns whether it is disabled by what was found. Nothing found, the record says, as
 * far as it can: without a second copy to contradict it, disabled is disabled.
 */
bool pool_decisions_restore(const struct pool_decisions *decisions,
	const struct pool_snapshot *snapshot, uint32_t leaf, uint32_t at,
	struct pool_record *record, struct pool_decision *decision);

/*
 * Whether the file says what the state says, which is locked and of the layout of
 * <snapshot>, and all of it is understood. One that is behind may not say it yet.
 *
 * Returns 0, POOL_EFORMAT, or POOL_ENOMEM.
 */
int pool_decisions_examine(const struct pool_state *state,
	const struct pool_snapshot *snapshot, struct pool_fault *fault);

/*
 * Make the file say what the state says, which is locked, writable and of the layout of
 * <snapshot>. Without anything to say it is not made.
 *
 * <clean>  what is not understood goes: a person wants it set right
 *
 * Returns 0, or POOL_ENOFILE, POOL_EUNSAFE, POOL_ESYSTEM (it is still behind),
 * POOL_ENOMEM.
 */
int pool_decisions_write(struct pool_state *state, const struct pool_snapshot *snapshot,
	const struct pool_now *now, bool clean, struct pool_fault *fault);

#endif
