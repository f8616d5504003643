/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Writes a flattened tree, node by node. A step that fails is kept until the tree is done. */
#ifndef TREEMAKE_H
#define TREEMAKE_H

#include <stdint.h>

void tm_create(void *blob, int size); /* up to the root's properties */
void tm_done(void);		      /* ends the root; T_EQ() that nothing failed */
void tm_begin(const char *name);
void tm_end(void);
void tm_bytes(const char *name, const void *value, int n);
void tm_text(const char *name, const char *value);
void tm_flag(const char *name);
void tm_cells(const char *name, int n, const uint32_t *v); /* at most 16 */
/* A reserve map of one entry, in place of tm_create(). */
void tm_create_reserving(void *blob, int size, uint64_t base, uint64_t bytes);

#define TM_CELLS(name, ...)                                                                        \
	tm_cells(name, (int)(sizeof((uint32_t[]){__VA_ARGS__}) / 4), (uint32_t[]){__VA_ARGS__})

#endif
