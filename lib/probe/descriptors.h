/*
 * File descriptors: how many checks they allow at once, and whether they have run out.
 */
#ifndef POOL_PROBE_DESCRIPTORS_H
#define POOL_PROBE_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>

/* Raise the soft limit to the hard one, at most to 65536. Failing to is no error. */
void pool_descriptors_raise(void);

/*
 * How many checks of <each> descriptors fit beside what is open now and a reserve of 32
 * for everybody else; at least 1.
 */
size_t pool_descriptors_allow(size_t each);

/* EMFILE, ENFILE if none can be had right now, else 0. */
int pool_descriptors_error(void);

#endif
