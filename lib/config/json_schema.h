/*
 * The schema of pool files as a JSON Schema, draft 2020-12: for editors, and for programs
 * that write pool files.
 *
 * It accepts whatever the tools accept. What it cannot say, and so accepts although they
 * do not, is listed in pool-validate(1).
 */
#ifndef POOL_CONFIG_JSON_SCHEMA_H
#define POOL_CONFIG_JSON_SCHEMA_H

/* free() it; NULL when out of memory. */
char *pool_json_schema(void);

#endif
