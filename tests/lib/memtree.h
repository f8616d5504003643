/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A file tree in one text: a line "@proc/meminfo" begins the file of that path, which goes on until the
 * next such line. Folders are what the paths say.
 */
#ifndef FH_TEST_MEMTREE_H
#define FH_TEST_MEMTREE_H

#include "tree.h"

struct memtree {
	struct tree tree; /* first: what readers are given */
	const char *text;
	size_t len;
};

/* Keeps text[len], which may hold any bytes. */
struct memtree memtree(const char *text, size_t len);

#endif
