/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What tools/phys_map.h promises, asked of a map. */
#ifndef FH_TEST_MAP_CHECK_H
#define FH_TEST_MAP_CHECK_H

#include "phys_map.h"

/* NULL, or the promise that is broken. */
const char *map_check(const struct phys_map *map);

#endif
