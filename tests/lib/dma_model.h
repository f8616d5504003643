/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The oracle of the DMA API: what every byte of every buffer is, and who may touch it now.
 *
 * Each buffer has one truth, want[], whoever looks at it. Who may look is known by lines of the cache: a mapping claims the lines that it
 * touches, and they are the device's (`theirs`) from map or sync_for_device to unmap or sync_for_cpu. So a clean or an invalidate
 * that is missing shows as a byte that is not the truth, and nothing here knows how the core moves bytes. Coherent buffers are
 * everybody's until another device maps them.
 */
#ifndef FH_TEST_DMA_MODEL_H
#define FH_TEST_DMA_MODEL_H

#include <setjmp.h>
#include <freehold/dma.h>
#include <freehold/dma_debug.h>
#include <freehold/dmapool.h>
#include <freehold/iommu.h>
#include "testplat.h"

#define DM_DEVICES 6
#define DM_MEMS	   48
#define DM_MAPS	   48
#define DM_ENTRIES 6
#define DM_RAM_MIB 32
#define DM_FRAMES  (DM_RAM_MIB * 256)

enum dm_kind { DM_HOST, DM_COHERENT, DM_PAGES, DM_NONCOHERENT, DM_NONCONTIG };

/* Whose a line is. Of one that is split a part was handed over: nobody touches it until the rest was, too. */
enum dm_line { DM_OURS, DM_THEIRS, DM_THEIRS_SPLIT, DM_OURS_SPLIT };

struct dm_mem {
	bool live;
	enum dm_kind kind;
	struct device *dev; /* NULL: DM_HOST */
	uint64_t size, pages;
	unsigned int order; /* DM_HOST */
	unsigned int attrs;
	dma_t handle;
	void *cpu;	      /* as the call gave it; NULL: frames only */
	struct sg_table *sgt; /* DM_NONCONTIG */
	void *vmap;
	pfn_t *pfn; /* of each page */
	unsigned char *want;
	uint8_t *claim;	 /* of a line: the mapping that has it, plus 1 */
	uint8_t *theirs; /* of a line: enum dm_line */
};

struct dm_piece {
	struct dm_mem *mem;
	uint64_t at, len;
};

enum dm_how { DM_SINGLE, DM_PAGE, DM_PHYS, DM_SG, DM_TABLE, DM_OWN };

struct dm_map {
	bool live;
	enum dm_how how; /* DM_OWN: came with its buffer */
	struct device *dev;
	enum dma_data_direction dir;
	unsigned int attrs;
	uint64_t total; /* bytes */
	unsigned int nents, nsegs;
	struct dm_piece piece[DM_ENTRIES];
	struct scatterlist sg
		[DM_ENTRIES]; /* of DM_SINGLE .. DM_PHYS and DM_OWN: the first segment is all of it */
	struct sg_table shared; /* dma_get_sgtable()'s, the list's; sgl NULL: none */
};

struct dm {
	struct testplat tp;
	struct fh_machine *m;
	struct device dev[DM_DEVICES];
	unsigned int line; /* bytes: granularity of ownership */
	bool whole; /* a device looks at whole pages, past what was asked for: debugging is not asked */
	bool bounces; /* there may be bounce buffers: what is out of reach may be mapped all the same */
	struct dm_mem mem[DM_MEMS];
	struct dm_map map[DM_MAPS];
	uint8_t owner[DM_FRAMES]; /* mem plus 1 */
	struct range pool;	  /* frames of the devices' own pool */
	char wrong[400];
	jmp_buf out; /* the first thing that does not hold */
};

/* What does not hold ends the run. */
void dm_must(struct dm *d, bool ok, const char *fmt, ...) FH_PRINTF(3, 4);

/* Whether a device of that kind sees what CPUs have in their caches. */
bool dm_snoops(const struct dm *d, const struct device *dev);
/* Highest bus address it may get, of coherent buffers and of mappings. */
uint64_t dm_limit(const struct device *dev, bool coherent);
/* The bus address of [phys, +size) by its windows alone, UINT64_MAX: none; without an IOMMU. */
uint64_t dm_bus_of(const struct device *dev, uint64_t phys, uint64_t size);

/* A buffer of so many bytes whose frames the caller then enters with dm_mem_frame(); NULL: there are enough. */
struct dm_mem *dm_mem_new(struct dm *d, enum dm_kind kind, struct device *dev, uint64_t size);
/* Frame i is pfn, and was nobody's. */
void dm_mem_frame(struct dm *d, struct dm_mem *mem, uint64_t i, pfn_t pfn);
/* Frames of a device's buffer at a bus address: reached within its limit, and at no address of anything else. */
void dm_mem_frames_at(struct dm *d, struct dm_mem *mem, bool coherent);
void dm_mem_forget(struct dm *d, struct dm_mem *mem);

struct dm_map *dm_map_new(struct dm *d, struct device *dev, enum dma_data_direction dir);
/* Its segments are within the device's limits and cover all bytes; from now on it has its lines. */
void dm_map_check(struct dm *d, struct dm_map *map, bool coherent);
void dm_map_claim(struct dm *d, struct dm_map *map, bool theirs);
void dm_map_forget(struct dm *d, struct dm_map *map);
/* Bytes [pos, pos + len) change hands: lines of which these are all bytes do, others are split. */
void dm_map_hand(struct dm *d, struct dm_map *map, uint64_t pos, uint64_t len, bool theirs);
/* The bytes [pos, pos + len) are all the device's, or all the CPU's. */
bool dm_map_is(const struct dm *d, const struct dm_map *map, uint64_t pos, uint64_t len,
	       bool theirs);
/* The same, or split, so that it can be handed to the other. */
bool dm_map_may_hand(const struct dm *d, const struct dm_map *map, uint64_t pos, uint64_t len,
		     bool theirs);
/* Every line of it is nobody's mapping. */
bool dm_mem_unclaimed(const struct dm *d, const struct dm_mem *mem, uint64_t at, uint64_t len);
/* The CPU may touch it. */
bool dm_mem_is_ours(const struct dm *d, const struct dm_mem *mem, uint64_t at, uint64_t len);

/* A device's access to bytes of a mapping or a buffer, and the CPU's: reads are compared with the truth, writes change it. */
void dm_map_access(struct dm *d, struct dm_map *map, uint64_t pos, uint64_t len, bool write,
		   uint32_t stamp);
void dm_mem_access(struct dm *d, struct dm_mem *mem, uint64_t at, uint64_t len, bool write,
		   uint32_t stamp);
void dm_cpu_access(struct dm *d, struct dm_mem *mem, uint64_t at, uint64_t len, bool write,
		   uint32_t stamp);
/* bus_access: as the device's bus does it; *buf is read or filled. */
void dm_bus_access(struct dm *d, const struct device *dev, uint64_t bus, void *buf, uint64_t len,
		   bool write);
/* All that the CPU owns of it is the truth. */
void dm_mem_compare(struct dm *d, struct dm_mem *mem);

#endif
