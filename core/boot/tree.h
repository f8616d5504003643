/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A flattened tree that has been checked, and safe reading of its properties. */
#ifndef FH_BOOT_TREE_H
#define FH_BOOT_TREE_H

#include <freehold/boot.h>

struct tree {
	const void *blob;
	struct boot_config *cfg;
	struct boot_why *why;
	size_t addr_cells, size_cells; /* of the root: 1 or 2 */
};

/* A property's bytes; at is NULL when the node has none of that name. */
struct tree_prop {
	const uint8_t *at;
	size_t len;
};

struct tree_prop tree_prop(const struct tree *t, int node, const char *name);
bool tree_has(const struct tree *t, int node, const char *name);
/* The property when it is a string that ends within its bytes, else NULL. */
const char *tree_string(const struct tree *t, int node, const char *name);
/* The node's name with its unit address, fit for a message. */
void tree_name(const struct tree *t, int node, char name[BOOT_NAME_MAX]);
/* No status, or "okay" or "ok". */
bool tree_available(const struct tree *t, int node);
bool tree_compatible(const struct tree *t, int node, const char *id);
/* The lowest 64 bits of a number of that many cells. */
uint64_t tree_number(const uint8_t *at, size_t cells);

/* *t over a tree that has been checked; -FH_EINVAL: not a tree. cfg may be NULL: then it is only read from. */
FH_MUST_CHECK int tree_open(struct tree *t, const void *dtb, size_t size, struct boot_config *cfg,
			    struct boot_why *why);
/* Entry n of a property of strings; NULL: it ends before. */
const char *tree_string_at(const struct tree *t, int node, const char *name, size_t n);

/* /reserved-memory and the reserve map into cfg->region; dma-ranges into cfg->dma_limit. */
FH_MUST_CHECK int tree_read_reserved(struct tree *t);
/* The node /chosen; below 0: there is none. */
int tree_chosen(const struct tree *t);
/* /chosen, once the banks are read: what is taken of them, and what may be used. */
void tree_read_chosen(struct tree *t);
FH_MUST_CHECK int tree_read_dma_limit(struct tree *t);

#endif
