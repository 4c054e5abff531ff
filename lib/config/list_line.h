/*
 * What a line of a list of proxies says.
 *
 * Providers write the same four things in several orders, and no line says in which:
 *
 *	host:port                  host:port:user:password    host:port@user:password
 *	scheme://...               user:password:host:port    user:password@host:port
 *
 * A password is not sent to a guess: a line is read where one reading is possible, and
 * refused where two are. What a part can be decides: an address is no user's name, a
 * password like "4711" may be a port, and "carol" may be a host. Internal to this room.
 */
#ifndef POOL_CONFIG_LIST_LINE_H
#define POOL_CONFIG_LIST_LINE_H

#include "base/text.h"

enum { POOL_LIST_LINE_WHY = 256 };

/*
 * Append the URL that <text> says, without blanks around it and without a comment.
 *
 * <scheme>  of a line without one
 * <why>     what is wrong where it says none, without a word of the line
 *
 * True: a URL was appended, which may have a fault of its own. False: <why> is written.
 */
bool pool_list_line_read(struct pool_text *url, const char *text, const char *scheme,
	char why[POOL_LIST_LINE_WHY]);

#endif
