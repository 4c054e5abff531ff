/*
 * The libraries behind the readers, cJSON and libyaml, where they are loaded on demand
 * (lazy.c). A reader asks for them before it makes or parses anything, so that one that
 * is missing is an error as any other, and nothing is read by half.
 */
#ifndef POOL_CONFIG_PARSERS_H
#define POOL_CONFIG_PARSERS_H

#include "pool.h"

enum pool_parser { POOL_PARSER_JSON, POOL_PARSER_YAML, POOL_PARSERS };

/*
 * Have the library of <parser> ready, all of it. Where it is linked it always is.
 *
 * Returns 0, or POOL_ESYSTEM with the library and the reason in <fault>.
 */
int pool_parser_load(enum pool_parser parser, struct pool_fault *fault);

#endif
