/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * DMA-BUF heaps: buffers for whoever asks, by the name of what they are made of (/dev/dma_heap/NAME); and who holds how
 * much of them.
 *
 * A machine has at birth
 *
 *	system			pages, in runs of 1 MiB, 64 KiB and 4 KiB (6.12 heaps/system_heap.c)
 *	the default area	as `default_cma_region`, and by the area's own name: "reserved", "linux,cma", "default-pool"
 *	each reusable region	by its node's name: contiguous (heaps/cma_heap.c)
 * and what Linux does not have, or has in vendors' trees:
 *	system-dma32, system-uncached, system-uncached-dma32	below 4 GiB; the CPU sees it past its caches
 *	each region compatible with "carved-out" or "imx-ion-pool", by its node's name, and the first also as `carveout`: contiguous, never
 *				lent. (Other no-map regions are firmware's.)
 *	each shared-dma-pool without `reusable`: its coherent pool, past the caches
 * Those past the caches are missing where the platform has caches and no vmap(). Of two with one name there is the first.
 *
 * With boot_config.heaps_linux_only (heaps=linux) it has what the kernel boot_config.like has, and nothing else: up to 6.16 `system` and the
 * default area by its own name; 6.17 and 6.18 `default_cma_region` as well (commit 854acbe75ff4, with DMABUF_HEAPS_CMA_LEGACY, its
 * default); from 6.19 on every area (the commits of October 2025 that make a heap of each CMA reserved region).
 *
 * Bytes are zero when a buffer is handed out.
 */
#ifndef FREEHOLD_HEAP_H
#define FREEHOLD_HEAP_H

#include <freehold/dmabuf.h>

#define DMA_HEAP_NAME_MAX   64
#define DMA_HOLDER_NAME_MAX 32

struct dma_heap;

enum dma_heap_kind { DMA_HEAP_SYSTEM, DMA_HEAP_CMA, DMA_HEAP_CARVEOUT, DMA_HEAP_COHERENT };
enum dma_heap_traits { DMA_HEAP_UNCACHED = 1, DMA_HEAP_DMA32 = 2 };

/* By number from 0 in the order of their making, NULL past the last; by name. They live as long as the machine. */
struct dma_heap *dma_heap_nth(struct fh_machine *m, unsigned int n);
struct dma_heap *dma_heap_find(struct fh_machine *m, const char *name);

struct dma_heap_info {
	char name[DMA_HEAP_NAME_MAX];
	enum dma_heap_kind kind;
	unsigned int traits;
	struct cma *area;    /* of kind CMA */
	uint64_t total;	     /* bytes; 0: as much as the machine has */
	uint64_t limit;	     /* bytes; 0: none */
	uint64_t used, peak; /* bytes */
	uint64_t buffers;
	uint64_t allocated, refused; /* buffers, ever */
};
void dma_heap_get_info(struct dma_heap *heap, struct dma_heap_info *info);
/* What all of its buffers together may have; what is more already, stays. 0: no limit. */
void dma_heap_set_limit(struct dma_heap *heap, uint64_t bytes);

/*
 * A buffer of len bytes, rounded up to pages; zero. holder (NULL: none) holds it and is charged. -FH_EINVAL: len 0, or no length once
 * it is rounded up; -FH_ENOMEM: not to be had, as of the system heaps what is more than half of RAM (ION's rule; Linux 6.12 has none);
 * -FH_EDQUOT: over the limit of the heap or of the holder. May sleep.
 */
FH_MUST_CHECK int dma_heap_alloc(struct dma_heap *heap, uint64_t len, struct dma_holder *holder,
				 struct dma_buf **buf);
/* The heap that a buffer is from; NULL: from none. */
struct dma_heap *dma_heap_of(struct dma_buf *buf);
/* The handle of plat->share() that its bytes live in; NULL: in RAM only. */
void *dma_heap_shared(struct dma_buf *buf);
/* Its frames, up to n runs of them; how many there are. They may change while it is idle and movable. */
unsigned int dma_heap_runs(struct dma_buf *buf, struct range *run, unsigned int n);
/* Whether its memory may be moved while nobody uses it (contiguous heaps only; on at birth). */
void dma_heap_set_movable(struct dma_buf *buf, bool movable);

/* ---- who holds what ---- */

/* A program that has buffers. The memory is the machine's. */
FH_MUST_CHECK int dma_holder_create(struct fh_machine *m, const char *name, int64_t pid,
				    struct dma_holder **holder);
/* It is dead: each hold ends, and with the last of a buffer its reference. What it was charged for and another holds is charged to the
 * one who has held it longest, limit or not. */
void dma_holder_destroy(struct dma_holder *holder);
void dma_holder_set_limit(struct dma_holder *holder, uint64_t bytes); /* 0: none */

/* One more hold of a buffer that somebody gave it; not charged. Holds are counted. -FH_ENOMEM. A hold is a reference. */
FH_MUST_CHECK int dma_holder_add(struct dma_holder *holder, struct dma_buf *buf);
/* -FH_ENOENT: it does not hold it. */
FH_MUST_CHECK int dma_holder_drop(struct dma_holder *holder, struct dma_buf *buf);
bool dma_holder_has(struct dma_holder *holder, struct dma_buf *buf);

/* How a holder's writes are known: what is shown beside their number. */
enum dma_written {
	DMA_WRITTEN_UNKNOWN, /* nobody counts */
	DMA_WRITTEN_PAGES,   /* each page that was written, whole */
	DMA_WRITTEN_WHOLE,   /* buffers that were said to be written, whole: at least some of it */
};
/* It has written so many bytes more into a buffer that it holds (0: it counts from now on). Until the hold ends they are *total; in the holder's
 * and the buffer's sums they stay. A sum stops at 2^64 - 1. WHOLE once is WHOLE from then on. total NULL: not asked. -FH_ENOENT: it does not
 * hold it; -FH_EINVAL also: how is UNKNOWN and bytes are not 0. */
FH_MUST_CHECK int dma_holder_wrote(struct dma_holder *holder, struct dma_buf *buf, uint64_t bytes,
				   enum dma_written how, uint64_t *total);

struct dma_holder_info {
	char name[DMA_HOLDER_NAME_MAX];
	int64_t pid;
	uint64_t limit, charged, charged_peak; /* bytes */
	uint64_t rss;			       /* bytes of all it holds */
	uint64_t pss;			       /* each divided by how many hold it */
	uint64_t buffers;
	uint64_t written; /* bytes, into all it ever held */
	enum dma_written how;
};
/* False: one is NULL. */
bool dma_holder_get_info(struct dma_holder *holder, struct dma_holder_info *info);
/* By number, in the order of their making; false past the last. */
bool dma_holder_nth(struct fh_machine *m, unsigned int n, struct dma_holder_info *info);

#endif
