/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who allocated each frame, and who freed it last (page_owner=on): a record a frame, in one piece of memory made at birth.
 *
 * P1: in a quiet machine exactly the frames that are neither free nor reserved have a record that is set. P2: a record of order k
 * belongs to an aligned run of 2^k frames whose records all say k; a frame that is an object's, a driver's or the pool's page is
 * on its own (order 0). Records are read and written under their block's lock. A page that moves takes a copy along. Without the
 * option m->owners is NULL and nothing here may be called, but for owner_birth() and owner_death(): who is on a path asks first.
 * With it CPUs cache no frames, so that each request and each free comes by where the record is kept, and the paths of the caches
 * know nothing of it.
 */
#ifndef FH_MM_OWNER_H
#define FH_MM_OWNER_H

#include <stdbool.h>
#include <freehold/types.h>

struct block_map;
struct fh_machine;

enum owner_moved { OWNER_UNMOVED, OWNER_FOR_RANGE, OWNER_FOR_PIN };

#define OWNER_NAME_MAX 16  /* with its end; cut, as Linux's comm */
#define OWNER_NO_CPU   255 /* a thread that is none */

struct owner {
	uint64_t ns; /* when */
	gfp_t gfp;
	bool set; /* the frame is allocated; else all this was so the last time */
	uint8_t order; /* of the run that it is part of: of the request, or what was left when part of that was freed */
	uint8_t moved; /* enum owner_moved: why last */
	uint8_t cpu;
	char name[OWNER_NAME_MAX]; /* a device, a heap, a pool; "": the CPU is all that is known */
	/* The last free before. */
	uint64_t freed_ns;
	uint8_t freed_by; /* CPU */
	bool freed;	  /* ever */
};

FH_MUST_CHECK int owner_birth(struct fh_machine *m);
void owner_death(struct fh_machine *m);
/* Bytes of all records. */
uint64_t owner_bytes(const struct fh_machine *m);

/* nr frames from pfn on are allocated now, by requests of this order, by this CPU. */
void owner_set(struct fh_machine *m, pfn_t pfn, uint64_t nr, unsigned int order, gfp_t gfp);
/* They are for somebody who has a name. */
void owner_name(struct fh_machine *m, pfn_t pfn, uint64_t nr, const char *name);
/* The bytes of src are moving to dst, where its record goes along. That of src stays until src is freed or taken. */
void owner_copy(struct fh_machine *m, pfn_t dst, pfn_t src, enum owner_moved why);
/* Frame pfn is part of no larger run than of 2^order frames from here on, nor is what was allocated with it. */
void owner_split(struct fh_machine *m, pfn_t pfn, unsigned int order);
/* These frames of a block are free. Its lock is held. */
void owner_clear(struct fh_machine *m, uint64_t block, const struct block_map *bits);
/* A copy; false: the frame is free, or nobody's. */
bool owner_get(struct fh_machine *m, pfn_t pfn, struct owner *o);
/* Says in the log who freed the frame that somebody frees now, and who had it. */
void owner_say_freed(struct fh_machine *m, pfn_t pfn);

#endif
