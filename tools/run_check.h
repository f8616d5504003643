/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The checks of a run: now and then while it works, with the tenants in place, and when all is given back. */
#ifndef FREEHOLD_TOOLS_RUN_CHECK_H
#define FREEHOLD_TOOLS_RUN_CHECK_H

#include <stdbool.h>

struct run;

/* While actors work: has all threads rest, looks at every invariant, and lets them go on. The time does not
 * count. False: something is broken, or a byte was wrong; the result says what. */
bool check_midway(struct run *run);
/* The actors' threads are gone; what they have is there. */
void check_in_place(struct run *run);
/* Actors are gone, too. */
void check_given_back(struct run *run);

#endif
