/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A flattened tree, or an overlay, cut off and damaged at every byte. */
#ifndef FH_TEST_TREECUT_H
#define FH_TEST_TREECUT_H

#include <stdbool.h>
#include <stddef.h>

/* Reads the bytes, which end before memory that faults (guard.h); cut_off: they are fewer than they say, which must be seen.
 * NULL, or what is wrong. */
typedef const char *treecut_fn(const void *bytes, size_t size, bool cut_off);

/* Every shorter tree, as it is and with its size put right; NULL, or what is wrong. */
const char *treecut_cuts(const void *tree, size_t size, treecut_fn *reads);
/* Every byte with some of its bits changed: by `nr` (1 to 4) masks, one after the other. */
const char *treecut_flips(const void *tree, size_t size, unsigned int nr, treecut_fn *reads);

/* Of a tree, for both: an error with a reason, or a configuration that keeps its promises, as we have it and as Linux. */
const char *treecut_boots(const void *tree, size_t size, bool cut_off);

#endif
