/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Zones: watermarks and what lower zones keep back. */
#include "mm/machine.h"
#include "mm/policy.h"
#include "mm/zone.h"

enum zone_type zone_of_gfp(gfp_t gfp)
{
	if (gfp & __GFP_DMA)
		return ZONE_DMA;
	return gfp & __GFP_DMA32 ? ZONE_DMA32 : ZONE_NORMAL;
}

/* Linux's sysctl_lowmem_reserve_ratio: a 256th of what lies above is kept in a lower zone. */
#define LOWMEM_RESERVE_RATIO 256

void zones_set_watermarks(struct fh_machine *m)
{
	uint64_t managed = 0, min_pages, above;

	for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
		managed += m->zone[i].managed;
	min_pages = policy_min_free_kbytes(managed * (FH_PAGE_SIZE / 1024)) / (FH_PAGE_SIZE / 1024);
	for (unsigned int i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *z = &m->zone[i];
		uint64_t min = managed ? min_pages * z->managed / managed : 0;

		z->wmark[WMARK_MIN] = min;
		z->wmark[WMARK_LOW] = min + min / 4;
		z->wmark[WMARK_HIGH] = min + min / 2;
		above = 0;
		for (unsigned int j = i + 1; j < MAX_NR_ZONES; j++) {
			above += m->zone[j].managed;
			z->lowmem_reserve[j] = above / LOWMEM_RESERVE_RATIO;
		}
	}
}
