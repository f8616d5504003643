/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Zones: watermarks and what lower zones keep back. */
#include "mm/machine.h"
#include "mm/policy.h"
#include "mm/zone.h"

enum zone_type zone_of_gfp(gfp_t gfp)
{
	if (gfp & __GFP_DMA)
		return ZONE_DMA;
	if (gfp & __GFP_DMA32)
		return ZONE_DMA32;
	return (gfp & (__GFP_MOVABLE | GFP_LASTING)) == __GFP_MOVABLE ? ZONE_MOVABLE : ZONE_NORMAL;
}

const char *zone_name(enum zone_type zone)
{
	static const char *const names[MAX_NR_ZONES] = {"DMA", "DMA32", "Normal", "Movable"};

	return names[zone];
}

/* Linux's sysctl_lowmem_reserve_ratio: that part of what lies above is kept in a lower zone. */
static const unsigned int reserve_ratio[ZONE_MOVABLE] = {256, 256, 32};

void zones_set_watermarks(struct fh_machine *m)
{
	uint64_t managed = 0, high = 0, min_pages, above;

	/* Of ZONE_MOVABLE nobody needs a reserve who could not wait for it; the distances are as everywhere. */
	for (unsigned int i = 0; i < ZONE_MOVABLE; i++)
		managed += m->zone[i].managed;
	min_pages = policy_min_free_kbytes(managed * (FH_PAGE_SIZE / 1024)) / (FH_PAGE_SIZE / 1024);
	for (unsigned int i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *z = &m->zone[i];
		uint64_t share = managed ? min_pages * z->managed / managed : 0, min = share;

		if (i == ZONE_MOVABLE)
			min = z->managed ? policy_movable_min(z->managed) : 0;
		z->wmark[WMARK_MIN] = min;
		z->wmark[WMARK_LOW] = min + share / 4;
		z->wmark[WMARK_HIGH] = min + share / 2;
		high += z->wmark[WMARK_HIGH];
		above = 0;
		for (unsigned int j = i + 1; j < MAX_NR_ZONES; j++) {
			above += m->zone[j].managed;
			z->lowmem_reserve[j] = above / reserve_ratio[i];
		}
	}
	m->wmark_high = high;
}
