/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The DMA API: memory for devices, and devices' addresses of memory. Linux's names and rules; where Linux returns a
 * pointer or an address that means failure, these return a negative error, so that it tells why.
 *
 * Who owns the bytes. A coherent buffer belongs to CPU and device at once. A streaming mapping belongs to the device from
 * map (or sync_for_device) to unmap (or sync_for_cpu); in between the CPU touches nothing of it, nor of the cache
 * lines it shares. With `dma_debug` every call here is checked against that (freehold/dma_debug.h).
 *
 * All sizes are bytes. Any thread may call any of these; a call that may sleep says so. -FH_EINVAL, from every call: no
 * device, no machine, a size of 0, a range that is not RAM, a direction that does not exist, unknown attributes.
 */
#ifndef FREEHOLD_DMA_H
#define FREEHOLD_DMA_H

#include <freehold/cma.h>
#include <freehold/device.h>
#include <freehold/types.h>

enum dma_data_direction {
	DMA_BIDIRECTIONAL,
	DMA_TO_DEVICE,
	DMA_FROM_DEVICE,
	DMA_NONE,
};

/* Linux's DMA_ATTR_*, same values. */
enum dma_attrs {
	DMA_ATTR_WEAK_ORDERING = 1 << 1,
	DMA_ATTR_WRITE_COMBINE = 1 << 2,
	DMA_ATTR_NO_KERNEL_MAPPING =
		1 << 4, /* *cpu is a cookie for dma_free_attrs() and dma_mmap_attrs() only */
	DMA_ATTR_SKIP_CPU_SYNC = 1 << 5,    /* the caller does the cache maintenance */
	DMA_ATTR_FORCE_CONTIGUOUS = 1 << 6, /* contiguous frames even behind an IOMMU */
	DMA_ATTR_ALLOC_SINGLE_PAGES = 1
				      << 7, /* behind an IOMMU: not worth looking for large pages */
	DMA_ATTR_NO_WARN = 1 << 8,
	DMA_ATTR_PRIVILEGED = 1 << 9,
	DMA_ATTR_ALL = 0x3f6,
};

/* ---- coherent buffers ---- */

/*
 * A zeroed buffer of `size` bytes that the device reaches: *handle is its bus address, *cpu where the CPU sees it (NULL
 * when the machine has no bytes), past its caches if the device does not snoop them. Rounded up to pages; contiguous
 * for the device, and in memory too unless it is behind an IOMMU. Who is asked, in Linux's order (6.12
 * dma_alloc_attrs(), __dma_direct_alloc_pages(), iommu_dma_alloc()):
 *
 *   1. the device's own pool: if it has one, nobody else;
 *   2. a device that does not snoop: the machine's pool (linux,dma-default), if there is one, and nobody else;
 *   3. a restricted pool of the device, and nobody else;
 *   4. without __GFP_DIRECT_RECLAIM, for a device that does not snoop: the atomic pools, from the one of its gfp downwards,
 *      and nobody else;
 *   5. with __GFP_DIRECT_RECLAIM: the device's area, else for more than one page the areas of its node (cma_pernuma=, numa_cma=;
 *      not for who asks for a zone or reaches no more), then the default area;
 *   6. the buddy, then again with GFP_DMA32, then with GFP_DMA.
 *
 * `coherent_only` (boot) makes 1 and 2 final for all, `dma_order=legacy` is the order of kernels before 4.10 (DESIGN). Aligned
 * to min(order of the size, FH_CMA_ALIGNMENT). -FH_ENOMEM, -FH_EBUSY: of the last who was asked;
 * dma_refusals() has what each said. May sleep as gfp says.
 */
FH_MUST_CHECK int dma_alloc_attrs(struct device *dev, uint64_t size, gfp_t gfp, unsigned int attrs,
				  dma_t *handle, void **cpu);
/* Gives back all of it: size, cpu and handle as they were. -FH_EINVAL: no such buffer; nothing is freed. */
FH_MUST_CHECK int dma_free_attrs(struct device *dev, uint64_t size, void *cpu, dma_t handle,
				 unsigned int attrs);
FH_MUST_CHECK int dma_alloc_coherent(struct device *dev, uint64_t size, gfp_t gfp, dma_t *handle,
				     void **cpu);
FH_MUST_CHECK int dma_free_coherent(struct device *dev, uint64_t size, void *cpu, dma_t handle);

/*
 * Pages, contiguous and zeroed, that are mapped for the device as by dma_map_phys() with `dir` and then are the CPU's: the
 * caller syncs. Never from pools. *pfn: the first frame.
 */
FH_MUST_CHECK int dma_alloc_pages(struct device *dev, uint64_t size, gfp_t gfp,
				  enum dma_data_direction dir, dma_t *handle, pfn_t *pfn);
FH_MUST_CHECK int dma_free_pages(struct device *dev, uint64_t size, pfn_t pfn, dma_t handle,
				 enum dma_data_direction dir);
/* The same, with the CPU's (cached) address. */
FH_MUST_CHECK int dma_alloc_noncoherent(struct device *dev, uint64_t size, gfp_t gfp,
					enum dma_data_direction dir, dma_t *handle, void **cpu);
FH_MUST_CHECK int dma_free_noncoherent(struct device *dev, uint64_t size, void *cpu, dma_t handle,
				       enum dma_data_direction dir);

/* One step of what pools do in advance: an atomic pool, or the bounce buffers, grown where they ran low. True: call again, there may
 * be more. For a thread that may sleep, as cma_background(). */
bool dma_background(struct fh_machine *m);

/* ---- scatter lists ---- */

struct scatterlist {
	phys_t phys; /* what the caller fills in: RAM, anywhere in a page */
	uint64_t length;
	dma_t dma_address; /* what dma_map_sg() fills in, of the first entries only */
	uint64_t dma_length;
};

struct sg_table {
	struct scatterlist *sgl;
	unsigned int nents;	 /* entries that dma_map_sgtable() filled in: for the device */
	unsigned int orig_nents; /* entries of the caller: for the CPU, and for unmap and sync */
};

/*
 * Pages for a buffer that need be contiguous for the device only: one segment behind an IOMMU, else as dma_alloc_pages().
 * Mapped with `dir`, the CPU's. The table is the device's until dma_free_noncontiguous().
 */
FH_MUST_CHECK int dma_alloc_noncontiguous(struct device *dev, uint64_t size, gfp_t gfp,
					  enum dma_data_direction dir, unsigned int attrs,
					  struct sg_table **sgt);
FH_MUST_CHECK int dma_free_noncontiguous(struct device *dev, uint64_t size, struct sg_table *sgt,
					 enum dma_data_direction dir);
/* Where the CPU sees it in one piece, cached; until dma_vunmap_noncontiguous(). */
FH_MUST_CHECK int dma_vmap_noncontiguous(struct device *dev, uint64_t size, struct sg_table *sgt,
					 void **cpu);
void dma_vunmap_noncontiguous(struct device *dev, uint64_t size, struct sg_table *sgt, void *cpu);

/* The frames of a coherent buffer as a table of the caller's (entries from plat->alloc), for another device to map.
 * dma_free_sgtable() ends it. */
FH_MUST_CHECK int dma_get_sgtable(struct device *dev, struct sg_table *sgt, void *cpu, dma_t handle,
				  uint64_t size);
void dma_free_sgtable(struct device *dev, struct sg_table *sgt);

/* Shows pages [part.start, part.end) of a coherent buffer at va (pages) of a space, past the caches where the
 * buffer is. -FH_ENOMEM; -FH_EINVAL: not within the buffer, or over an existing mapping. fh_space_unmap() ends it, before
 * the buffer is freed. */
FH_MUST_CHECK int dma_mmap_coherent(struct device *dev, struct fh_space *space, uint64_t va,
				    struct range part, void *cpu, dma_t handle, uint64_t size);

/* ---- streaming ---- */

/*
 * Makes [phys, phys + size) the device's: *handle is its bus address. Cached bytes go to RAM first where the device does not
 * snoop. What the device does not reach is bounced (SWIOTLB). Never sleeps. -FH_EIO: above the device's mask and it cannot be
 * bounced; -FH_ENOSPC: no bounce buffers free now; -FH_ENOMEM: no addresses left in the IOMMU's space.
 */
FH_MUST_CHECK int dma_map_phys(struct device *dev, phys_t phys, uint64_t size,
			       enum dma_data_direction dir, unsigned int attrs, dma_t *handle);
/* The CPU's again. The size and direction are those of the map. */
void dma_unmap_phys(struct device *dev, dma_t handle, uint64_t size, enum dma_data_direction dir,
		    unsigned int attrs);
/* The same by the CPU's address in the linear map, and by frame. */
FH_MUST_CHECK int dma_map_single(struct device *dev, void *cpu, uint64_t size,
				 enum dma_data_direction dir, dma_t *handle);
void dma_unmap_single(struct device *dev, dma_t handle, uint64_t size, enum dma_data_direction dir);
FH_MUST_CHECK int dma_map_page(struct device *dev, pfn_t pfn, uint64_t offset, uint64_t size,
			       enum dma_data_direction dir, dma_t *handle);
void dma_unmap_page(struct device *dev, dma_t handle, uint64_t size, enum dma_data_direction dir);
/* A register of another device: not RAM, no caches. Not bounced. */
FH_MUST_CHECK int dma_map_resource(struct device *dev, phys_t phys, uint64_t size,
				   enum dma_data_direction dir, unsigned int attrs, dma_t *handle);
void dma_unmap_resource(struct device *dev, dma_t handle, uint64_t size,
			enum dma_data_direction dir, unsigned int attrs);

/* Maps all entries; returns how many segments the device has to take (fewer than nents when an IOMMU joins
 * them), in sg[0..), or a negative error and nothing is mapped. */
FH_MUST_CHECK int dma_map_sg(struct device *dev, struct scatterlist *sg, unsigned int nents,
			     enum dma_data_direction dir, unsigned int attrs);
/* nents: as given to dma_map_sg(), not what it returned. */
void dma_unmap_sg(struct device *dev, struct scatterlist *sg, unsigned int nents,
		  enum dma_data_direction dir, unsigned int attrs);
FH_MUST_CHECK int dma_map_sgtable(struct device *dev, struct sg_table *sgt,
				  enum dma_data_direction dir, unsigned int attrs);
void dma_unmap_sgtable(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir,
		       unsigned int attrs);

/* Hands a mapping, or a part of it, to the CPU or back; handle may point into the mapping. */
void dma_sync_single_for_cpu(struct device *dev, dma_t handle, uint64_t size,
			     enum dma_data_direction dir);
void dma_sync_single_for_device(struct device *dev, dma_t handle, uint64_t size,
				enum dma_data_direction dir);
void dma_sync_sg_for_cpu(struct device *dev, struct scatterlist *sg, unsigned int nents,
			 enum dma_data_direction dir);
void dma_sync_sg_for_device(struct device *dev, struct scatterlist *sg, unsigned int nents,
			    enum dma_data_direction dir);

/* ---- what a device may ask for ---- */

/* Sets both masks. -FH_EIO: no memory of the machine lies below, and nothing bounces or translates. */
FH_MUST_CHECK int dma_set_mask_and_coherent(struct device *dev, uint64_t mask);
/* The largest mapping that cannot fail for its size alone: 256 KiB less alignment where it is bounced. */
uint64_t dma_max_mapping_size(struct device *dev);
/* Whether sync calls do anything for this handle. */
bool dma_need_sync(struct device *dev, dma_t handle);
/* What the device needs to reach all memory there is now. */
uint64_t dma_get_required_mask(struct device *dev);

/* ---- why ---- */

/* Who may give memory, in the order of the path. */
enum dma_source {
	DMA_SOURCE_NONE,
	DMA_SOURCE_DEVICE_POOL,
	DMA_SOURCE_GLOBAL_POOL,
	DMA_SOURCE_ATOMIC_POOL,
	DMA_SOURCE_RESTRICTED_POOL,
	DMA_SOURCE_CMA,
	DMA_SOURCE_BUDDY,
	DMA_SOURCE_BUDDY_DMA32,
	DMA_SOURCE_BUDDY_DMA,
	DMA_SOURCE_SWIOTLB,
	DMA_SOURCE_IOVA,
	DMA_SOURCE_VMAP,   /* the CPU's address of it */
	DMA_SOURCE_DIRECT, /* streaming: by the address that the memory has */
	DMA_NR_SOURCES,
};
const char *dma_source_name(enum dma_source source);

#define DMA_MAX_STEPS	 12
#define DMA_MAX_REFUSALS 16 /* kept of a machine */
#define DMA_WHY_MAX	 96

/* What would have to be different. */
enum dma_cause {
	DMA_CAUSE_FULL,	 /* less of it in use: it has none free now, or there is none */
	DMA_CAUSE_REACH, /* the device's mask, its bus, or where the memory lies */
	DMA_CAUSE_SIZE,	 /* the request: it never has so much in one piece */
};

/* One who was asked and said no. */
struct dma_step {
	enum dma_source source;
	enum dma_cause cause;
	int error;	       /* negative; 0: it gave */
	char why[DMA_WHY_MAX]; /* "above device mask 0xffffffff", "exhausted, 128 KiB, grow queued", ... */
};

/* One request that was refused, or the last that was served late in the chain. */
struct dma_refusal {
	char device[DEVICE_MAX_NAME];
	uint64_t size;
	gfp_t gfp;
	unsigned int attrs;
	uint64_t time_ns; /* 0: none */
	int error;
	unsigned int nr_steps;
	struct dma_step step[DMA_MAX_STEPS];
};

/* The last requests that were refused, newest first, at most n; returns how many there are. */
unsigned int dma_refusals(struct fh_machine *m, struct dma_refusal *out, unsigned int n);
/* The nth of them, 0 the newest. False: there are not so many. */
bool dma_refusal_nth(struct fh_machine *m, unsigned int n, struct dma_refusal *out);
/* dma_alloc_attrs() that also tells its whole way, refused or not. */
FH_MUST_CHECK int dma_alloc_explained(struct device *dev, uint64_t size, gfp_t gfp,
				      unsigned int attrs, dma_t *handle, void **cpu,
				      struct dma_refusal *way);

#endif
