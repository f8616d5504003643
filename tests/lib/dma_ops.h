/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Bytes -> operations of the DMA API on several devices of one machine, beside the oracle of dma_model.h.
 *
 * Two bytes choose the machine (caches, zones, pools, bounce buffers), two each device (what it reaches, snoops, has), then each
 * operation is a byte and its arguments; bytes that are missing are 0. Any string of bytes is a legal run.
 */
#ifndef FH_TEST_DMA_OPS_H
#define FH_TEST_DMA_OPS_H

#include "dma_model.h"

enum dma_ops_flags { DMA_OPS_QUIET, DMA_OPS_VERBOSE };

/* What was seen to happen. */
enum dma_ops_kind {
	DMA_OPS_CACHES,
	DMA_OPS_BOUNCED, /* a mapping was, or could have been */
	DMA_OPS_WINDOWS,
	DMA_OPS_STRICT,
	DMA_OPS_DEFERRED,
	DMA_OPS_POOL, /* a device's own gave a buffer */
	DMA_OPS_AREA,
	DMA_OPS_GREW, /* dma_background() did something */
	DMA_OPS_REFUSED,
	DMA_OPS_JOINED, /* segments of a list */
	DMA_OPS_RUNS,	/* a buffer of several runs behind an IOMMU */
	DMA_OPS_FAULT,	/* an access was stopped */
	DMA_OPS_WRONG_FREE,
	DMA_OPS_SHARED,
	DMA_OPS_SEEN, /* a program saw a buffer */
	DMA_OPS_OBJECTS,
	DMA_OPS_INJECTED, /* a platform call failed, and a call of ours for it */
	DMA_OPS_DEBUG,	  /* is on, and says nothing that is not so */
	DMA_OPS_NR_KINDS
};
const char *dma_ops_kind_name(enum dma_ops_kind kind);

struct dma_ops_result {
	char wrong[600]; /* what did not hold; empty: all did */
	unsigned int op; /* at which operation */
	unsigned int kinds;
	uint64_t buffers, maps, accesses; /* that were made */
};

/* False: something did not hold. */
bool dma_ops_run(const uint8_t *data, size_t len, enum dma_ops_flags flags,
		 struct dma_ops_result *result);
/* Shorter bytes that fail, too, as far as that goes in so many seconds; returns how many. Each try is a process of its own. */
size_t dma_ops_minimise(uint8_t *data, size_t len, unsigned int seconds);

/* ---- between the files of the operations ---- */

#define DMA_OPS_POOLS 2
#define DMA_OPS_OBJS  24

struct dma_ops_pool {
	struct dma_pool *pool; /* NULL: none */
	uint64_t size, align, boundary;
	struct device *dev;
	struct {
		dma_t handle;
		unsigned char *cpu; /* NULL: free */
		unsigned char stamp;
	} obj[DMA_OPS_OBJS];
};

struct dma_ops {
	const uint8_t *data;
	size_t len, pos;
	enum dma_ops_flags flags;
	unsigned int nr; /* operations */
	unsigned int nr_cpus;
	uint32_t stamp;
	uint64_t failed_before;
	struct fh_space *space;
	struct tp_space *host;
	struct dma_ops_pool pool[DMA_OPS_POOLS];
	uint64_t born_free, born_pools; /* frames */
	unsigned int strict;		/* bits by device: its IOMMU is */
	uint64_t reports;		/* of debugging, that there should be */
	struct dma_ops_result *res;
	struct dm d;
};

struct dma_ops_entry {
	const char *name;
	void (*run)(struct dma_ops *r);
	unsigned int weight;
};
extern const struct dma_ops_entry dma_ops_buffer_entries[], dma_ops_map_entries[],
	dma_ops_other_entries[];

unsigned int dma_ops_u8(struct dma_ops *r);
/* 0 .. n - 1. */
uint64_t dma_ops_pick(struct dma_ops *r, uint64_t n);
uint32_t dma_ops_stamp(struct dma_ops *r);
void dma_ops_say(struct dma_ops *r, const char *fmt, ...) FH_PRINTF(2, 3);
void dma_ops_saw(struct dma_ops *r, enum dma_ops_kind kind);
/* A platform call failed since the operation began. */
bool dma_ops_injected(const struct dma_ops *r);
struct device *dma_ops_device(struct dma_ops *r);
gfp_t dma_ops_gfp(struct dma_ops *r);
/* A live buffer of these kinds (bits 1 << enum dm_kind) or mapping, by lot; NULL: none. */
struct dm_mem *dma_ops_mem(struct dma_ops *r, unsigned int kinds);
struct dm_map *dma_ops_map(struct dma_ops *r);
/* A range within [0, size): mostly whole lines, sometimes not. */
void dma_ops_range(struct dma_ops *r, uint64_t size, uint64_t *at, uint64_t *len);
/* What of a mapping is the device's (`theirs`), or the CPU's, becomes the other's. */
void dma_ops_sync_those(struct dma_ops *r, struct dm_map *map, bool theirs);
/* Ends a mapping, a buffer, whatever it takes. */
void dma_ops_unmap(struct dma_ops *r, struct dm_map *map);
void dma_ops_free(struct dma_ops *r, struct dm_mem *mem);
/* Something was done against the rules: what debugging says of it is right. */
void dma_ops_was_wrong(struct dma_ops *r);
/* An allocation's error is one that its contract knows. */
void dma_ops_refused(struct dma_ops *r, int err, const char *what);
/* Ends all objects and pools of small ones. */
void dma_ops_end_pools(struct dma_ops *r);

#endif
