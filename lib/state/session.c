/* Sessions: the pool file kept up with, the state file at hand. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "base/text.h"
#include "config/config.h"
#include "state/decisions.h"
#include "state/image.h"
#include "state/session_inner.h"

void pool_session_warn(const struct pool_session *session, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	if (!session->warn)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	session->warn(session->context, text);
}

/* --- the pool file -------------------------------------------------------------- */

static void warn_rejection(struct pool_session *session)
{
	if (session->warned_rejection)
		return;
	session->warned_rejection = true;
	pool_session_warn(session,
		"'%s' is invalid, its last good version stays in force: %s",
		session->file, session->base.rejection);
}

static void use_snapshot(
	struct pool_session *session, const struct pool_snapshot *snapshot)
{
	if (session->overlay)
		/* What the environment makes of it follows. */
		session->snapshot.rejection = "";
	else
		session->snapshot = *snapshot;
	pool_snapshot_release(&session->base);
	session->base = *snapshot;
	session->loaded = true;
	session->loads++;
}

/* --- a damaged snapshot --------------------------------------------------------- */

/* Warn of it once, keep the salt if it is known, and have FILE.snap written anew. */
static void note_damage(
	struct pool_session *session, const struct pool_snapshot_remains *remains)
{
	session->replace = true;
	if (remains->has_salt) {
		session->has_salt = true;
		session->salt = remains->salt;
	}
	if (remains->outdated || session->warned_damage)
		return;
	session->warned_damage = true;
	pool_session_warn(session, "snapshot '%s' is damaged: compiling '%s' anew%s",
		session->snap_path, session->file,
		session->has_salt
			? ""
			: ", with a new salt: proxies with credentials begin with fresh "
			  "records");
}

int pool_session_spoil(struct pool_session *session, struct pool_fault *fault)
{
	session->spoilt = true;
	return pool_fault_set(fault, POOL_ESTALE, 0, "snapshot '%s' is damaged",
		session->snap_path ? session->snap_path : "");
}

int pool_session_verify_all(struct pool_session *session, struct pool_fault *fault)
{
	if (session->snapshot.verified)
		return 0;
	if (!pool_snapshot_verify(&session->base))
		return pool_session_spoil(session, fault);
	session->snapshot.verified = session->base.verified;
	return 0;
}

/* Take nothing more from it but the salt, which was verified with its header. */
static void drop_spoilt(struct pool_session *session)
{
	const struct pool_snapshot_remains remains = {
		.has_salt = true, .salt = session->base.salt};

	note_damage(session, &remains);
	if (!session->overlay)
		session->snapshot = (struct pool_snapshot){.rejection = ""};
	pool_snapshot_release(&session->base);
	session->loaded = false;
	session->spoilt = false;
	session->loads++;
}

/* --- keeping up ----------------------------------------------------------------- */

/* Whether the snapshot is of this content, or of the last good one before it. */
static bool up_to_date(const struct pool_snapshot *snapshot, const struct stat *status)
{
	struct pool_file_key key;

	pool_file_key_set(&key, status);
	if (pool_file_key_equal(&key, &snapshot->rejected))
		return true;
	return snapshot->source_trusted && pool_file_key_equal(&key, &snapshot->source);
}

/* In a folder where others can put names, a snapshot could be anybody's. A session that
 * selects once looks once, for the state file as well. */
static bool has_safe_place(struct pool_session *session)
{
	/* There is none while the state is another pool file's. */
	if (!session->snap_path)
		return false;
	if (!session->once || !session->safe_place)
		session->safe_place =
			pool_state_check_folders(session->snap_path, NULL) == 0;
	return session->safe_place;
}

/* A snapshot that is not believed still tells whose the records are, to a session that
 * only reads. */
static void borrow_salt(struct pool_session *session)
{
	struct pool_snapshot found;

	if (!session->read_only || session->has_salt || !session->snap_path ||
		pool_snapshot_open(&found, session->snap_path, session->owner, true, NULL,
			NULL) != 0)
		return;
	if (found.file_id == session->file_id) {
		session->has_salt = true;
		session->salt = found.salt;
	}
	pool_snapshot_release(&found);
}

/* It is of another pool file: its state file is as well, and will say so. */
static void leave_snapshot(struct pool_session *session)
{
	free(session->snap_path);
	session->snap_path = NULL;
}

/* Take what is in FILE.snap if it is better than what we have: we have nothing, or it is
 * of the content that <status> tells of, and ours is not or is another one. */
static void open_snapshot(struct pool_session *session, const struct stat *status)
{
	const bool whole = !session->once || session->overlay || session->replace;
	struct pool_snapshot_remains remains;
	struct pool_snapshot found;
	struct pool_fault why = {0};
	int error;

	if (!has_safe_place(session)) {
		borrow_salt(session);
		return;
	}
	error = pool_snapshot_open(
		&found, session->snap_path, session->owner, whole, &remains, &why);
	session->unreadable = error == POOL_ENOFILE && why.sys_errno == EACCES;
	if (error == POOL_EFORMAT) {
		if (remains.has_salt && remains.file_id != session->file_id)
			leave_snapshot(session);
		else
			note_damage(session, &remains);
	}
	if (error)
		return;
	if (found.file_id != session->file_id) {
		pool_snapshot_release(&found);
		leave_snapshot(session);
		return;
	}
	if (!session->loaded ||
		(up_to_date(&found, status) &&
			(!up_to_date(&session->base, status) ||
				found.id != session->base.id)))
		use_snapshot(session, &found);
	else
		pool_snapshot_release(&found);
}

/* --- who can write it ------------------------------------------------------------- */

/* Take <trust>, as the pool file stands or as it was opened, for what it is worth. */
static int heed(struct pool_session *session, const struct pool_trust *trust,
	struct pool_fault *fault)
{
	char why[POOL_TRUST_TEXT];

	session->secrets.withheld = NULL;
	if (session->trust_file)
		return 0;
	if (trust->strange) {
		pool_trust_tell_owner(trust, "the pool file", why, sizeof(why));
		snprintf(session->withheld, sizeof(session->withheld),
			"%s (see --trust-file)", why);
		session->secrets.withheld = session->withheld;
	}
	if (trust->writers == POOL_WRITERS_TRUSTED)
		return 0;
	if (pool_trust_refuses(trust)) {
		pool_trust_tell_refusal(trust, "see --trust-file", why, sizeof(why));
		return pool_fault_set(fault, POOL_EUNSAFE, 0,
			"pool file '%s' is not used: %s", session->file, why);
	}
	pool_trust_tell_writers(trust, why, sizeof(why));
	if (!session->warned_writers)
		pool_session_warn(session, "pool file '%s': %s", session->file, why);
	session->warned_writers = true;
	return 0;
}

/* Judge the file as it stands; its folders once for each content. */
static int judge_writers(
	struct pool_session *session, const struct stat *status, struct pool_fault *fault)
{
	struct pool_file_key key;

	if (session->trust_file)
		return 0;
	pool_file_key_set(&key, status);
	if (!pool_file_key_equal(&key, &session->judged)) {
		session->judged = key;
		session->trust = pool_trust_judge(status, session->file);
	}
	return heed(session, &session->trust, fault);
}

const struct pool_secrets *pool_session_secrets(const struct pool_session *session)
{
	return &session->secrets;
}

/* --- a changed pool file -------------------------------------------------------- */

enum { CLAIM_MS = 500 };

static const struct pool_hash_key common_salt = {"proxypool"};

/*
 * In a folder shared with a group only root and the pool file's owner write FILE.snap: a
 * snapshot of somebody else is not believed, so others would only undo each other's.
 */
static bool may_write_snapshot(const struct pool_session *session)
{
	return geteuid() == 0 || geteuid() == session->owner ||
		!pool_state_is_shared(session->snap_path);
}

/*
 * <source> without the permissions to read that lead nowhere: who cannot come through the
 * folders to the pool file cannot read it, whatever its mode.
 */
static struct stat effective_readers(
	const struct pool_session *session, const struct stat *source)
{
	struct stat readers = *source, folder;
	char *path = realpath(session->file, NULL);

	if (!path)
		readers.st_mode &= ~(mode_t)(S_IRGRP | S_IROTH);
	/* With an access list the mode says what its entries can have at most, not what
	 * the group has. */
	else if (getxattr(path, "system.posix_acl_access", NULL, 0) > 0)
		readers.st_mode &= ~(mode_t)S_IRGRP;
	for (char *slash = path ? strrchr(path, '/') : NULL; slash;
		slash = path[1] ? strrchr(path, '/') : NULL) {
		slash[slash == path] = '\0';
		if (stat(path, &folder) != 0)
			folder.st_mode = 0;
		if (!(folder.st_mode & S_IXOTH))
			readers.st_mode &= ~(mode_t)S_IROTH;
		if (!(folder.st_mode & S_IXOTH) &&
			!((folder.st_mode & S_IXGRP) && folder.st_gid == source->st_gid))
			readers.st_mode &= ~(mode_t)S_IRGRP;
	}
	free(path);
	return readers;
}

/* Begin to write FILE.snap. Without a claim it stays in memory, and every process parses
 * for itself. */
static void claim(struct pool_session *session)
{
	struct pool_fault fault;
	int error;

	if (session->read_only || !has_safe_place(session) ||
		!may_write_snapshot(session))
		return;
	error = pool_snapshot_claim(
		session->snap_path, session->owner, CLAIM_MS, &session->claim, &fault);
	if (!error)
		return;
	/* Who may not write there can still parse, and hears about it from the state
	 * file. */
	if (error != POOL_EBUSY && fault.sys_errno != EACCES &&
		fault.sys_errno != EPERM && fault.sys_errno != EROFS)
		snprintf(session->snapshot_trouble, sizeof(session->snapshot_trouble),
			"%.250s", fault.text);
}

/* What was not written. */
static void end_claim(struct pool_session *session)
{
	if (session->claim >= 0)
		pool_snapshot_unclaim(session->snap_path, session->claim);
	session->claim = -1;
}

/* Write what is in force to FILE.snap, if that was claimed. */
static void save(struct pool_session *session, const struct stat *source)
{
	struct stat readers;
	struct pool_fault fault;
	int error;

	if (session->claim < 0)
		return;
	readers = effective_readers(session, source);
	error = pool_snapshot_write(
		&session->base, session->snap_path, session->claim, &readers, &fault);
	session->claim = -1;
	if (error) {
		snprintf(session->snapshot_trouble, sizeof(session->snapshot_trouble),
			"%.250s", fault.text);
		return;
	}
	session->replaced |= session->replace;
	session->replace = false;
}

/* The pool file is invalid: what was good stays, with a note of what is wrong now. */
static int reject(struct pool_session *session, const struct stat *status,
	const char *why, struct pool_fault *fault)
{
	struct pool_snapshot rejected;
	int error;

	if (!session->loaded)
		return pool_fault_set(fault, POOL_EINVALID, 0, "%s", why);
	claim(session);
	open_snapshot(session, status);
	if (up_to_date(&session->base, status)) {
		/* Another process has seen it meanwhile. */
		warn_rejection(session);
		return 0;
	}
	error = pool_session_verify_all(session, fault);
	if (!error)
		error = pool_snapshot_reject(
			&rejected, &session->base, status, why, fault);
	if (error)
		return error;
	/* Too young to be known by its key, it is judged again: told once. */
	if (strcmp(session->base.rejection, rejected.rejection) != 0)
		session->warned_rejection = false;
	use_snapshot(session, &rejected);
	warn_rejection(session);
	save(session, status);
	return 0;
}

static int reject_diagnosed(struct pool_session *session, const struct stat *status,
	const struct pool_diagnostics *diagnostics, struct pool_fault *fault)
{
	char first[320] = "it is invalid", more[64] = "";

	if (diagnostics->count)
		pool_diagnostic_format(&diagnostics->list[0], session->file, first,
			sizeof(first) - sizeof(more));
	if (diagnostics->errors > 1)
		snprintf(more, sizeof(more), " (and %zu more: see pool-validate)",
			diagnostics->errors - 1);
	strcat(first, more);
	return reject(session, status, first, fault);
}

/* Too large, or no text at all: as invalid as one with a fault in it. */
static int reject_unread(
	struct pool_session *session, int error, struct pool_fault *fault)
{
	struct stat status;
	char why[sizeof(fault->text)];

	if (error != POOL_ENOFILE || !fault || fault->sys_errno || !session->loaded ||
		stat(session->file, &status) != 0 || !S_ISREG(status.st_mode))
		return error;
	snprintf(why, sizeof(why), "%s", fault->text);
	return reject(session, &status, why, fault);
}

/* Put <compiled> in force and into FILE.snap, if that gains anything. */
static void take_compiled(struct pool_session *session, struct pool_snapshot *compiled,
	const struct stat *status)
{
	const bool known = session->loaded && compiled->id == session->base.id;

	/* Too young to be trusted by its key both times: it would be the same again. */
	if (known && !compiled->source_trusted && !session->replace &&
		pool_file_key_equal(&compiled->source, &session->base.source)) {
		pool_snapshot_release(compiled);
		return;
	}
	use_snapshot(session, compiled);
	session->warned_rejection = false;
	save(session, status);
	/* What is there already differs in its age only: that costs time and nothing
	 * else. */
	if (known)
		session->snapshot_trouble[0] = '\0';
}

/*
 * Whether members of a shared folder, who write no FILE.snap, have begun the state: they
 * use the common salt, and under another one their records would be of unknown proxies.
 */
static bool is_begun_by_members(const struct pool_session *session)
{
	struct stat status;

	return session->state_path && pool_state_is_shared(session->state_path) &&
		stat(session->state_path, &status) == 0 && status.st_size > 0;
}

/*
 * The salt to go on with: that of the snapshot before, even if nothing else of it is
 * left; NULL: a new one. Without a snapshot to keep it in, all who parse for themselves
 * use a common one.
 */
static const struct pool_hash_key *find_salt(const struct pool_session *session)
{
	if (session->loaded)
		return &session->base.salt;
	if (session->has_salt)
		return &session->salt;
	if (!session->absolute)
		return NULL;
	return session->claim < 0 || is_begun_by_members(session) ? &common_salt : NULL;
}

/* Compile what was read, or take what another process has compiled meanwhile. */
static int compile(struct pool_session *session, const struct pool_source *source,
	const struct pool_settings *settings, struct pool_fault *fault)
{
	const struct stat *status = source->regular ? &source->status : NULL;
	struct pool_snapshot compiled;
	int error;

	claim(session);
	open_snapshot(session, &source->status);
	if (status && session->loaded && up_to_date(&session->base, status))
		return 0;
	error = pool_snapshot_compile(
		&compiled, settings, find_salt(session), status, session->file_id, fault);
	if (!error)
		take_compiled(session, &compiled, &source->status);
	return error;
}

/* Read and judge the pool file. */
static int parse(struct pool_session *session, struct pool_fault *fault)
{
	struct pool_source source = {0};
	struct pool_settings settings = {0};
	struct pool_diagnostics diagnostics = {0};
	struct pool_fault trouble = {0};
	int error = pool_source_read(&source, session->file, &trouble);

	if (error) {
		error = reject_unread(session, error, &trouble);
		end_claim(session);
		if (error && fault)
			*fault = trouble;
		return error;
	}
	error = heed(session, &source.trust, fault);
	if (!error)
		error = pool_config_read(&settings, &diagnostics, &source, fault);
	if (error == POOL_EINVALID) {
		pool_diagnostics_sort(&diagnostics);
		error = reject_diagnosed(session, &source.status, &diagnostics, fault);
	} else if (!error) {
		error = compile(session, &source, &settings, fault);
	}
	end_claim(session);
	pool_diagnostics_release(&diagnostics);
	pool_settings_release(&settings);
	pool_source_release(&source);
	return error;
}

/* No pool file: the environment is the configuration. */
static int parse_environment(struct pool_session *session, struct pool_fault *fault)
{
	struct pool_settings settings;
	struct pool_snapshot compiled;
	int error;

	pool_settings_init(&settings);
	error = pool_session_read_environment(session, &settings, fault);
	if (error)
		return error;
	error = pool_snapshot_compile(
		&compiled, &settings, &common_salt, NULL, session->file_id, fault);
	pool_settings_release(&settings);
	if (!error)
		use_snapshot(session, &compiled);
	return error;
}

/* What was read of the state is of the moment before. */
static void forget_copy(struct pool_session *session)
{
	pool_state_free(session->state);
	session->state = NULL;
}

/* Look at the pool file again. */
static int follow_file(struct pool_session *session, struct pool_fault *fault)
{
	struct stat status;
	struct pool_file_key key;
	int error;

	if (session->read_only)
		forget_copy(session);
	if (session->spoilt)
		drop_spoilt(session);
	if (session->by_environment)
		return session->loaded ? 0 : parse_environment(session, fault);
	if (!session->absolute)
		return session->loaded ? 0 : parse(session, fault);
	if (stat(session->file, &status) != 0)
		return pool_fault_set(fault, POOL_ENOFILE, errno,
			"cannot read pool file '%s'", session->file);
	session->owner = status.st_uid;
	error = judge_writers(session, &status, fault);
	if (error)
		return error;
	if (!session->loaded || !up_to_date(&session->base, &status))
		open_snapshot(session, &status);
	if (!session->loaded || !up_to_date(&session->base, &status))
		return parse(session, fault);
	pool_file_key_set(&key, &status);
	if (pool_file_key_equal(&key, &session->base.rejected))
		warn_rejection(session);
	return 0;
}

static int refresh(struct pool_session *session, struct pool_fault *fault)
{
	int error = follow_file(session, fault);

	return error ? error : pool_session_overlay(session, fault);
}

int pool_session_refresh(struct pool_session *session, struct pool_fault *fault)
{
	session->warned_exposed = false;
	return refresh(session, fault);
}

/* --- opening -------------------------------------------------------------------- */

/*
 * Why <where> can be neither a state file nor a folder of them, an errno. What is not
 * there could be a folder that is gone, and would become a file: one that is to be made
 * ends in ".state".
 */
static int find_trouble(const char *where)
{
	const size_t length = strlen(where), end = strlen(".state");
	struct stat status;

	if (stat(where, &status) == 0)
		return 0;
	switch (errno) {
	case ENOENT:
		return length > end && strcmp(where + length - end, ".state") == 0
			? 0
			: ENOENT;
	case EACCES:
	case ENOTDIR:
	case ELOOP:
	case ENAMETOOLONG:
		/* Whoever opens it hears the same. */
		return 0;
	default:
		return errno;
	}
}

int pool_session_check_place(const struct pool_session *session, struct pool_fault *fault)
{
	if (!session->state_path)
		return pool_fault_set(fault, POOL_ENOFILE, 0, "no state file");
	if (!session->state_trouble)
		return 0;
	if (session->state_trouble != ENOENT)
		return pool_fault_set(fault, POOL_ESYSTEM, session->state_trouble,
			"cannot examine '%s'", session->state_path);
	return pool_fault_set(fault, POOL_ENOFILE, 0,
		"there is no state '%s': if it is a folder, make it first; the name of a "
		"file that is to be made ends in .state",
		session->state_path);
}

/* Keep the names that were given, and find those of the other files. POOL_ENOFILE: the
 * working folder is gone, to which the name of the file is relative. */
static int keep_names(
	struct pool_session *session, const struct pool_session_options *options)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	struct stat status;

	session->file = strdup(options->file);
	session->who = options->who ? strdup(options->who) : NULL;
	if (!session->file || (options->who && !session->who) ||
		pool_session_keep_environment(session, options) != 0)
		return POOL_ENOMEM;
	if (strcmp(options->file, "-") == 0 ||
		(stat(options->file, &status) == 0 && !S_ISREG(status.st_mode)))
		return 0;
	session->absolute = pool_state_absolute(options->file);
	if (!session->absolute)
		return errno == ENOENT ? POOL_ENOFILE : POOL_ENOMEM;
	session->file_id =
		pool_hash_64(NULL, session->absolute, strlen(session->absolute));
	if (!options->state)
		return 0;
	session->state_path = pool_state_path(options->state, session->absolute);
	if (!session->state_path)
		return POOL_ENOMEM;
	/* Another name is one in a folder, which is there. */
	if (strcmp(session->state_path, options->state) == 0)
		session->state_trouble = find_trouble(options->state);
	if (session->state_trouble || session->by_environment)
		return 0;
	pool_text_addf(&text, "%s.snap", session->state_path);
	session->snap_path = pool_text_take(&text);
	return session->snap_path ? 0 : POOL_ENOMEM;
}

int pool_session_new(struct pool_session **out,
	const struct pool_session_options *options, struct pool_fault *fault)
{
	struct pool_session *session = calloc(1, sizeof(*session));
	int error;

	if (!session)
		return pool_fault_set(fault, POOL_ENOMEM, 0, "out of memory");
	session->require_state = options->require_state;
	session->read_only = options->read_only;
	session->once = options->once;
	session->claim = -1;
	session->lock_timeout_ms =
		options->lock_timeout_ms ? options->lock_timeout_ms : 1000;
	session->guard = options->guard;
	session->warn = options->warn;
	session->context = options->context;
	session->trust_file = options->trust_file;
	session->secrets = (struct pool_secrets){.lookup = options->lookup,
		.context = options->context,
		.trusts_files = options->trust_file};
	error = pool_random_bytes(&session->random, sizeof(session->random));
	if (error)
		pool_fault_set(fault, error, errno, "cannot get random bytes");
	if (!error) {
		error = keep_names(session, options);
		if (error == POOL_ENOFILE)
			pool_fault_set(fault, error, 0,
				"cannot find '%s': the working folder is gone",
				options->file);
		else if (error)
			pool_fault_set(fault, error, 0, "out of memory");
	}
	if (!error)
		error = pool_session_refresh(session, fault);
	if (!error) {
		*out = session;
		return 0;
	}
	pool_session_free(session);
	return error;
}

void pool_session_free(struct pool_session *session)
{
	if (!session)
		return;
	pool_state_free(session->state);
	pool_session_drop_environment(session);
	pool_snapshot_release(&session->base);
	free(session->who);
	free(session->file);
	free(session->absolute);
	free(session->state_path);
	free(session->snap_path);
	free(session->told_skipped);
	free(session);
}

const struct pool_snapshot *pool_session_snapshot(const struct pool_session *session)
{
	return &session->snapshot;
}

const char *pool_session_state_path(const struct pool_session *session)
{
	return session->state_path;
}

/* --- the state file ------------------------------------------------------------- */

/* What is lost with a state that was begun anew: what persons decided has another copy.
 */
static const char *say_forgotten(const struct pool_state *state)
{
	if (state->second_trouble == ENOENT)
		return "health, bans, leases and what persons disabled, if anything, are "
		       "forgotten (there is no second copy)";
	if (state->second_trouble || state->second_foreign)
		return "health, bans, leases and what persons disabled are forgotten "
		       "(the "
		       "second copy is damaged or cannot be read)";
	return "health, bans and leases are forgotten; what persons disabled is kept";
}

/* That the file was found corrupt, once, and what is lost by it. */
static void warn_corrupt(struct pool_session *session)
{
	const struct pool_state *state = session->state;

	if (!state->was_corrupt)
		return;
	session->state->was_corrupt = false;
	pool_session_warn(session, "state file '%s' was corrupt: %s%s%s; %s",
		session->state_path, state->kept_copy ? "copied to '" : "",
		state->kept_copy ? session->state_path : "no copy could be kept",
		state->kept_copy ? ".corrupt' and begun anew" : ", begun anew",
		say_forgotten(state));
}

/* That damaged records were set right, once. */
static void warn_mended(struct pool_session *session)
{
	if (session->state->was_mended && !session->state->was_corrupt)
		pool_session_warn(session,
			"state file '%s' was damaged: what could be set right is "
			"(pool-status --repair tells more)",
			session->state_path);
	session->state->was_mended = false;
}

/* That somebody cut the file short under our hands, once. */
static void warn_cut(struct pool_session *session)
{
	if (session->state->was_cut && !session->warned_cut)
		pool_session_warn(session,
			"state file '%s' was cut short by another process while it was "
			"in use: what was stored then may be lost",
			session->state_path);
	session->warned_cut |= session->state->was_cut;
	session->state->was_cut = false;
}

/* Another layout is in force: somebody saw an edit before us, or we before them. */
static int look_again(struct pool_session *session, struct pool_fault *fault)
{
	struct stat status;

	if (stat(session->file, &status) == 0)
		open_snapshot(session, &status);
	return refresh(session, fault);
}

/* The state is fine, and the snapshot is not: worth telling, once. */
static void warn_snapshot(struct pool_session *session)
{
	if (session->snapshot_trouble[0])
		pool_session_warn(session, "%s", session->snapshot_trouble);
	session->snapshot_trouble[0] = '\0';
}

/* Of a session that only reads: the copy of the state since the last refresh. */
static int read_file(struct pool_session *session, struct pool_fault *fault)
{
	struct pool_fault trouble = {0};
	int error;

	if (session->state)
		return pool_image_judge(session->state, fault);
	error = pool_state_read(&session->state, session->state_path, session->absolute,
		session->lock_timeout_ms, &trouble);
	if (error && fault)
		*fault = trouble;
	if (!error && session->state->unlocked)
		pool_session_warn(session, "%s; read without it", trouble.text);
	if (error || session->warned_exposed)
		return error;
	session->warned_exposed = true;
	if (pool_state_check_folders(session->state_path, &trouble) != 0)
		pool_session_warn(
			session, "%s: no selection of yours uses it", trouble.text);
	else if (session->state->exposure)
		pool_session_warn(session,
			"state file '%s' is unsafe: %s: no selection uses it",
			session->state_path, session->state->exposure);
	return error;
}

/* The state is in the folder of the snapshot, which may have been found safe just now. */
static int open_state(struct pool_session *session, struct pool_fault *fault)
{
	const bool checked = session->once && session->safe_place;

	return checked ? pool_state_open_checked(&session->state, session->state_path,
				 session->absolute, fault)
		       : pool_state_open(&session->state, session->state_path,
				 session->absolute, fault);
}

/* Open if need be, and lock; a file that was deleted is made anew. */
static int lock_file(struct pool_session *session, struct pool_fault *fault)
{
	int error = pool_session_check_place(session, fault);

	if (error)
		return error;
	error = POOL_ESTALE;
	if (session->read_only)
		return read_file(session, fault);
	for (int i = 0; i < 2 && error == POOL_ESTALE; i++) {
		error = session->state ? 0 : open_state(session, fault);
		if (!error) {
			session->state->guard = session->guard;
			session->state->begins_anew = session->begins_anew;
			error = pool_state_lock(
				session->state, session->lock_timeout_ms, fault);
		}
		if (error == POOL_ESTALE) {
			pool_state_free(session->state);
			session->state = NULL;
		}
	}
	return error;
}

/* A process that was killed has left the second copy of what persons decided behind. */
static void catch_up(struct pool_session *session, const struct pool_now *now)
{
	enum { GRACE_MS = 1000 };
	struct pool_state *state = session->state;
	int64_t since_ns;

	if (!state->writable || state->fd < 0)
		return;
	pool_state_fetch(&since_ns, &state->live->decisions_ns, sizeof(since_ns));
	if (since_ns &&
		(since_ns > now->boot_ns ||
			since_ns < now->boot_ns - GRACE_MS * POOL_NS_PER_MS))
		pool_decisions_write(state, &session->snapshot, now, false, NULL);
}

/* Whether any identity depends on the salt. */
static bool has_secrets(const struct pool_snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->member_count; i++) {
		const char *url =
			pool_snapshot_string(snapshot, snapshot->members[i].url);

		if (snapshot->members[i].password_file || (url && strchr(url, '@')))
			return true;
	}
	return false;
}

/*
 * Whether the state follows a snapshot that is there and not for us, as an access list of
 * the pool file can have it: with another salt the same proxies would be others, and who
 * reads the snapshot would begin with fresh records.
 */
static bool lacks_salt(const struct pool_session *session)
{
	const struct pool_state *state = session->state;

	return session->unreadable && !session->has_salt && !session->read_only &&
		state->image && state->image->snapshot_id != session->snapshot.id &&
		has_secrets(&session->snapshot);
}

int pool_session_lock(
	struct pool_session *session, struct pool_now *now, struct pool_fault *fault)
{
	int error;

	if (!session->state_path)
		return pool_fault_set(fault, POOL_ENOFILE, 0, "no state file");
	error = lock_file(session, fault);
	if (error)
		return error;
	if (session->state->image &&
		session->state->image->snapshot_id != session->snapshot.id) {
		pool_state_unlock(session->state);
		error = look_again(session, fault);
		if (!error)
			error = lock_file(session, fault);
		if (error)
			return error;
	}
	pool_clock_get(now);
	if (lacks_salt(session))
		error = pool_fault_set(fault, POOL_ENOFILE, EACCES,
			"cannot read snapshot '%s', whose salt tells whose the records "
			"are",
			session->snap_path);
	/* What goes into the records must be right, whoever wrote it last. */
	if (!error && !pool_state_is_current(session->state, &session->snapshot))
		error = pool_session_verify_all(session, fault);
	if (!error)
		error = pool_state_follow(session->state, &session->snapshot, now, fault);
	if (!error && session->read_only && !session->state->swept) {
		pool_copy_sweep(session->state, now);
		session->state->swept = true;
	}
	if (!error) {
		catch_up(session, now);
		return 0;
	}
	pool_state_unlock(session->state);
	warn_corrupt(session);
	warn_cut(session);
	return error;
}

void pool_session_unlock(struct pool_session *session)
{
	pool_state_unlock(session->state);
	/* Not before: who listens may be slow. */
	warn_mended(session);
	warn_corrupt(session);
	warn_cut(session);
	warn_snapshot(session);
}

int pool_session_lock_to_write(
	struct pool_session *session, struct pool_now *now, struct pool_fault *fault)
{
	int error = pool_session_lock(session, now, fault);

	if (error || session->state->writable)
		return error;
	pool_session_unlock(session);
	return pool_fault_set(fault, POOL_ENOFILE, session->state->denied,
		"cannot write state file '%s'", session->state_path);
}

int pool_session_check_state(struct pool_session *session, struct pool_fault *fault)
{
	struct pool_now now;
	int error = pool_session_lock_to_write(session, &now, fault);

	if (!error)
		pool_session_unlock(session);
	return error;
}
