/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A device that masters the bus: what of memory it reaches, how it sees it, and what memory is its own.
 *
 * The caller owns the struct. Zero in every field but `machine` is a device that reaches everything at the CPU's
 * addresses, does not snoop the CPU's caches, and has no memory of its own. Fields change only while no buffer or
 * mapping of the device lives.
 */
#ifndef FREEHOLD_DEVICE_H
#define FREEHOLD_DEVICE_H

#include <freehold/types.h>

#define DEVICE_MAX_RANGES 8
#define DEVICE_MAX_NAME	  64

#define DMA_BIT_MASK(n) ((n) == 64 ? UINT64_MAX : (UINT64_C(1) << (n)) - 1)

struct dma_coherent_mem; /* a pool of coherent memory: of a device, or of the machine */
struct io_tlb_mem;	 /* bounce buffers (SWIOTLB): of a device, or of the machine */
struct iommu_domain;	 /* an address space of devices */
struct boot_device;	 /* a node of a device tree (freehold/boot.h) */
struct boot_why;

/* A window of the bus onto memory, as an entry of dma-ranges: bus addresses [dma, dma + size) are the CPU's
 * [cpu, cpu + size). As Linux's struct bus_dma_region. */
struct bus_dma_region {
	phys_t cpu;
	dma_t dma;
	uint64_t size; /* bytes */
};

struct device {
	struct fh_machine *machine;
	const char *name; /* in messages; NULL: "device" */

	uint64_t dma_mask;	    /* highest bus address it can drive, streaming; 0: all */
	uint64_t coherent_dma_mask; /* of coherent buffers; 0: all */
	uint64_t bus_dma_limit;	    /* of the bus it is on; 0: none */
	bool dma_coherent;	    /* it snoops the CPU's caches */
	unsigned int
		numa_node; /* the node of NUMA it is near to, plus 1; 0: none. Its areas are asked first */

	struct bus_dma_region range[DEVICE_MAX_RANGES];
	unsigned int nr_ranges; /* 0: bus addresses are the CPU's */

	struct cma *cma_area;		  /* memory-region, reusable; NULL: the default area */
	struct dma_coherent_mem *dma_mem; /* memory-region, not reusable; NULL: none */
	struct io_tlb_mem *
		dma_io_tlb_mem; /* restricted-dma-pool: it maps and allocates nowhere else; NULL: none */
	struct iommu_domain *iommu; /* translates all its addresses; NULL: none */

	/* Of scatter lists and buffers. */
	unsigned int max_segment_size; /* bytes of one segment; 0: 64 KiB, as Linux */
	uint64_t
		segment_boundary_mask; /* a segment crosses no multiple of this plus 1; 0: 4 GiB - 1 */
	unsigned int
		min_align_mask; /* these low bits of an address survive a bounce; as dma_set_min_align_mask() */
};

/*
 * *dev as the bus of its node makes it (of_dma_configure(), of_reserved_mem_device_init()): windows, limit, caches, masks of 32
 * bits or as far as its windows go, and the first entry of memory-region: the area, the pool or the restricted pool
 * that it names. Where that names nothing of the kind (disabled, dropped at boot, reserved for firmware), the log says so and the
 * device goes on without, as most drivers do. dev->iommu stays NULL, also with bd->iommu: an address space is the caller's to
 * make, and to give to the device by device_attach_iommu() (freehold/iommu.h). *bd must stay: dev->name is its name. `m` is a machine of the configuration that *bd was looked up with. -FH_EINVAL: no
 * device, machine or node.
 */
FH_MUST_CHECK int device_init_of(struct device *dev, struct fh_machine *m,
				 const struct boot_device *bd, struct boot_why *why);
/* The same with another entry of memory-region, by index or by memory-region-names, in place of the first, as
 * of_reserved_mem_device_init_by_idx() and _by_name() and with their errors. -FH_ENODEV: there is none, or no node has its
 * phandle; -FH_EINVAL: it is nothing to have memory of, with the reason; what is disabled is nothing, and no error, as in
 * Linux. */
FH_MUST_CHECK int device_init_of_region(struct device *dev, struct fh_machine *m,
					const struct boot_device *bd, unsigned int index,
					struct boot_why *why);
FH_MUST_CHECK int device_init_of_name(struct device *dev, struct fh_machine *m,
				      const struct boot_device *bd, const char *name,
				      struct boot_why *why);
/* One more for a device that has been made of *bd: it may have an area and a pool; of two pools the later counts. Errors as
 * above; *dev stays as it was. */
FH_MUST_CHECK int device_add_region(struct device *dev, const struct boot_device *bd,
				    unsigned int index, struct boot_why *why);

static inline uint64_t dma_get_mask(const struct device *dev)
{
	return dev->dma_mask ? dev->dma_mask : UINT64_MAX;
}

static inline uint64_t dma_coherent_mask(const struct device *dev)
{
	return dev->coherent_dma_mask ? dev->coherent_dma_mask : UINT64_MAX;
}

static inline unsigned int dma_get_max_seg_size(const struct device *dev)
{
	return dev->max_segment_size ? dev->max_segment_size : 65536;
}

static inline uint64_t dma_get_seg_boundary(const struct device *dev)
{
	return dev->segment_boundary_mask ? dev->segment_boundary_mask : UINT32_MAX;
}

static inline const char *dev_name(const struct device *dev)
{
	return dev->name ? dev->name : "device";
}

#endif
