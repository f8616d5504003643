/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Make tenants leave a block that is no longer lent to them, without taking it: what they leave
 * stays free. (To take a range, see contig.)
 */
#ifndef FH_MM_EVICT_H
#define FH_MM_EVICT_H

#include "mm/contig.h"

struct cma;

enum evict_who {
	EVICT_ALL,	   /* everybody but devices */
	EVICT_UNDROPPABLE, /* who cannot be dropped */
	EVICT_HELD,	   /* nobody leaves, but the last hold ends */
};

struct evict {
	struct cma *cma;
	enum evict_who who;
	uint64_t deadline_ns; /* how long held pages are waited for */
	struct contig_result *res;
};

/*
 * Empties a block of the area of those tenants. Nothing may be lent to their like there any more,
 * and no CPU's slot be bound to it, before the call. 0: none is left; -FH_EBUSY: a page was held
 * past the deadline, or is raw and not a device's; -FH_ENOMEM: nowhere to move one. e->res says
 * which. Waits, yielding.
 */
FH_MUST_CHECK int evict_block(const struct evict *e, uint64_t block);

#endif
