/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Regions to their places: what the tree fixed and what it left to us. */
#ifndef FH_BOOT_PLACE_H
#define FH_BOOT_PLACE_H

#include "boot/cmdline.h"
#include "boot/like.h"
#include "mm/early.h"

/* In boot_region.fault while regions are placed: its kind refused it; Linux has forgotten it. */
#define PLACE_REFUSED (1U << 16)
#define PLACE_LOST    (1U << 17)

/* Turns of boot_because: what the tree fixes, then regions that are searched a place for, then what comes behind them. */
#define PLACE_TURN_FIXED 1
#define PLACE_TURN_LATE	 1000

/* What all steps for the regions of a tree share. */
struct place {
	struct boot_config *cfg;
	struct early *early;
	const struct like *like;
	bool has_cma;
	struct boot_why *why;
	unsigned int turn;	 /* the last one */
	unsigned int nr_regions; /* of the tree; behind them are the kernel's own */
};

/*
 * All take cfg->region and the RAM in early->available, and say what Linux says. place_taken() before all and, late, after the
 * regions: what the kernel itself has. place_regions()
 * first: reserves and places every region of the tree, and names the kind of those that Linux names at once; has_cma: cma= was given,
 * which a default area of the tree gives way to. place_names(): the kinds of the others: at once on arm64; on 32-bit ARM when the
 * kernel's own areas and the zones are there. What place_own.h has comes between.
 * place_dma() next: whether what devices are to have fits, and the pool of coherent_only=.
 * place_in_one_zone(): what an area has to be, once zones are set.
 * place_check() last: drops areas that cannot be activated, and refuses what would be handed to two
 * owners.
 */
FH_MUST_CHECK int place_taken(const struct boot_config *cfg, struct early *early, bool late,
			      struct boot_why *why);
FH_MUST_CHECK int place_regions(struct place *p); /* like, turn and nr_regions are its to set */
FH_MUST_CHECK int place_names(struct place *p);
FH_MUST_CHECK int place_dma(struct boot_config *cfg, struct early *early, struct boot_why *why);
/* What Linux says about bounce buffers, behind the command line. */
void say_bounces(struct boot_config *cfg);
bool place_in_one_zone(const struct boot_config *cfg, const struct boot_region *r);
FH_MUST_CHECK int place_check(struct boot_config *cfg, const struct early *early,
			      struct boot_why *why);

/* A region's size; what passes the end of 64 bits ends there. */
static inline uint64_t place_bytes(const struct boot_region *r)
{
	return r->base + r->size < r->base ? UINT64_MAX - r->base : r->size;
}

/* What was asked and how it was found, for boot_region.because. */
static inline struct boot_because place_because(const struct early_want *want)
{
	return (struct boot_because){
		.found = want->order == EARLY_TOP_DOWN ? BOOT_FOUND_TOP_DOWN : BOOT_FOUND_BOTTOM_UP,
		.start = want->start,
		.end = want->end,
		.align = want->align,
		.align_of = BOOT_ALIGN_BLOCK,
		.window = -1,
	};
}
/* Once all lies where it will: beside whom each region lies that was searched a place for. */
void place_neighbours(struct boot_config *cfg);

/* ---- for place_regions() ---- */

/* An area that cma= takes the place of. */
bool place_replaced(const struct place *p, const struct boot_region *r);
/* Finds and takes the place of a region without reg; size 0 then: there was none, or the node was not right. */
FH_MUST_CHECK int place_search(struct place *p, struct boot_region *r);
/* Says what kind of region it is; PLACE_REFUSED: it has a kind, but not rightly. */
FH_MUST_CHECK int place_name(struct place *p, struct boot_region *r);
FH_MUST_CHECK int place_full(int err, const struct boot_region *r, struct boot_why *why);

#endif
