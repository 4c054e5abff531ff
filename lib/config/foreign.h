/*
 * Texts and documents of other programs that people take for a pool file or a list: told
 * in one sentence, in place of one for each line or key. Internal to this room.
 */
#ifndef POOL_CONFIG_FOREIGN_H
#define POOL_CONFIG_FOREIGN_H

#include "config/walk.h"

/*
 * Tell what <source> is if its first characters show that it is neither a pool file nor a
 * list: a web page; with <lines>, JSON where lines are expected. True if it was told.
 */
bool pool_foreign_tell_text(const struct pool_source *source, bool lines,
	struct pool_diagnostics *diagnostics);

/* The same of a document by its keys: cryptofeed's without "proxy", Clash's, or one in
 * which no key is of a pool file. */
bool pool_foreign_tell_document(struct walk *walk, const struct place *root);

#endif
