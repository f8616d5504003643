/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside the file tree: what every generator gets and writes with. (The public call:
 * freehold/mem.h.)
 *
 * A generator writes one file's text. It may take locks, one at a time and never across two values,
 * so that a reader stops nobody for long; it allocates nothing.
 */
#ifndef FH_VIEW_VIEW_H
#define FH_VIEW_VIEW_H

#include "mm/machine.h"

struct view {
	struct fh_machine *m;
	struct cma *cma;		  /* the area that the path names; NULL: none */
	unsigned int range;		  /* its range, likewise */
	unsigned int what;		  /* of the table's entry */
	const struct io_tlb_mem *swiotlb; /* the restricted pool that the path names; NULL: none */
	uint64_t ino;			  /* of the buffer that the path names */
	char *buf;
	size_t size, len; /* len: what the whole text has */
};

/* A line's worth, 255 characters at most. */
void view_add(struct view *v, const char *fmt, ...) FH_PRINTF(2, 3);
/* n characters as they are. */
void view_put(struct view *v, const char *s, size_t n);

typedef unsigned long long ull;

void view_meminfo(struct view *v);
void view_vmstat(struct view *v);
void view_page_owner(struct view *v); /* only with page_owner=on, as the next */
void view_mixed_blocks(struct view *v);
void view_zoneinfo(struct view *v);
void view_buddyinfo(struct view *v);
void view_pagetypeinfo(struct view *v);
void view_iomem(struct view *v);
void view_dmesg(struct view *v);
void view_dmapools(struct view *v);

/* What sys/kernel/debug/dma-api tells; `what` says which. */
enum view_dma_api {
	VIEW_DMA_ALL_ERRORS,
	VIEW_DMA_DISABLED,
	VIEW_DMA_DRIVER_FILTER,
	VIEW_DMA_ERROR_COUNT,
	VIEW_DMA_MIN_FREE,
	VIEW_DMA_NR_TOTAL,
	VIEW_DMA_NUM_ERRORS,
	VIEW_DMA_NUM_FREE,
};
void view_dma_api(struct view *v);
void view_dma_dump(struct view *v);

/* Numbers of an area, `what` says which. */
enum view_cma_value {
	VIEW_CMA_SUCCEEDED,
	VIEW_CMA_FAILED,
	VIEW_CMA_RELEASED,
	VIEW_CMA_TOTAL,
	VIEW_CMA_AVAILABLE,
	VIEW_CMA_ORDER_PER_BIT,
	VIEW_CMA_USED,
	VIEW_CMA_MAXCHUNK,
	VIEW_CMA_BASE_PFN, /* of v->range */
};
void view_cma_value(struct view *v);
void view_cma_bitmap(struct view *v); /* of v->range */
void view_cma_failures(struct view *v);

void view_pool_size(struct view *v); /* `what`: the zone */
void view_coherent_pools(struct view *v);
void view_dma_refusals(struct view *v);

/* Whether the machine compresses: where Linux is built without zswap it has no such lines. */
bool view_has_zpool(const struct fh_machine *m);
/* Numbers of the pool, likewise. */
enum view_zpool_value { VIEW_ZPOOL_SIZE, VIEW_ZPOOL_PAGES, VIEW_ZPOOL_POOR, VIEW_ZPOOL_FAILED };
void view_zpool_value(struct view *v);

/* Numbers of the machine's bounce buffers, or of v->swiotlb. */
enum view_swiotlb_value {
	VIEW_SWIOTLB_NSLABS,
	VIEW_SWIOTLB_USED,
	VIEW_SWIOTLB_HIWATER,
	VIEW_SWIOTLB_TRANSIENT,
};
void view_swiotlb_value(struct view *v);
/* Whether part[n] is a restricted pool's name: then it is v->swiotlb. All of them, a line each. */
bool view_is_swiotlb(struct view *v, const char *part, size_t n);
void view_list_swiotlb(struct view *v, const char *slash);
/* False: the pattern is of the machine's bounce buffers, and it has none. (Linux has the folder then, and nothing in it.) */
bool view_has_swiotlb(const struct view *v, const char *pattern);

/* Shared buffers: debugfs's one file; a folder each, `what` says which value; ours. */
enum view_buffer_value { VIEW_BUFFER_EXPORTER, VIEW_BUFFER_SIZE };
void view_bufinfo(struct view *v);
void view_buffer_value(struct view *v);
void view_heaps(struct view *v);
void view_holders(struct view *v);
void view_buffers(struct view *v);
/* Whether part[n] is the number of a buffer that lives: then it is v->ino. All of them, a line each. */
bool view_is_buffer(struct view *v, const char *part, size_t n);
void view_list_buffers(struct view *v, const char *slash);

/* A line for each address space of devices; for each of their last faults. */
void view_iommu_domains(struct view *v);
void view_iommu_faults(struct view *v);

void view_area_compress(struct view *v);
void view_area_policy(struct view *v);
void view_area_stats(struct view *v);
void view_area_last_failure(struct view *v);

/* What is free, as the counters have it: areas that are never lent count as free here, since their
 * frames are free in the map and pagetypeinfo lists them. */
uint64_t view_zone_free(const struct fh_machine *m, const struct zone *z);
uint64_t view_zone_free_cma(const struct zone *z);

/* Migrate types, as Linux has them. */
extern const char *const view_type_name[MIGRATE_TYPES];

/* Counters of the node, in Linux's order; shown by zoneinfo and by vmstat. */
struct view_stat {
	const char *name;
	uint64_t value;
};
#define VIEW_NODE_STATS 26
void view_node_stats(struct fh_machine *m, struct view_stat out[VIEW_NODE_STATS]);
/* Pages on an LRU list, in areas and outside. */
uint64_t view_lru(struct fh_machine *m, enum lru_list list);

#endif
