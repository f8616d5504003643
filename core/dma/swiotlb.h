/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Bounce buffers: memory that every device reaches, in slots of 2 KiB, and the copies between it and what a device
 * does not reach. Follows kernel/dma/swiotlb.c of 6.12.
 */
#ifndef FH_DMA_SWIOTLB_H
#define FH_DMA_SWIOTLB_H

#include "dma/dma.h"

#define IO_TLB_SHIFT   11
#define IO_TLB_SIZE    (UINT64_C(1) << IO_TLB_SHIFT)
#define IO_TLB_SEGSIZE 128 /* slots: what one mapping can have, 256 KiB */

enum swiotlb_flags {
	SWIOTLB_FORCE = 1, /* bounce all */
	SWIOTLB_CAN_GROW =
		2, /* more pools in the background, and transient ones (CONFIG_SWIOTLB_DYNAMIC) */
	SWIOTLB_FOR_ALLOC = 4, /* restricted: swiotlb_alloc() may take of it; bounces all */
	SWIOTLB_ANY = 8,       /* need not lie below 4 GiB */
};

/*
 * The machine's own: nslabs slots (rounded up to whole segments and areas), zeroed frames from the buddy below 4 GiB, in the
 * lowest zone if there is room, nareas areas with a lock each (rounded up to a power of two; 0: one a CPU). If there is no room
 * for so many, half of them, and so on down to 1 MiB; dmesg says so. The caller stores it in m->dma->swiotlb. -FH_ENOMEM: not
 * even that; -FH_EINVAL: no slots, unknown flags. swiotlb_create_at(): over [base, +size) of a region's reserved frames, which
 * stay the region's; name as the region's, of which it keeps a copy. It is one of m->dma->restricted from then on. -FH_EINVAL: not
 * whole pages of one bank, or CAN_GROW. Both may sleep; not beside a map of the same machine.
 */
FH_MUST_CHECK int swiotlb_create(struct fh_machine *m, uint64_t nslabs, unsigned int nareas,
				 unsigned int flags, struct io_tlb_mem **mem);
FH_MUST_CHECK int swiotlb_create_at(struct fh_machine *m, const char *name, phys_t base,
				    uint64_t size, unsigned int flags, struct io_tlb_mem **mem);
/* No slot of it is in use any more (those that are, are forgotten). It leaves m->dma. NULL: nothing. */
void swiotlb_destroy(struct fh_machine *m, struct io_tlb_mem *mem);

/* The restricted pool of the region of that name; NULL: none. */
struct io_tlb_mem *swiotlb_restricted(struct fh_machine *m, const char *name);

/* The one a device bounces through: its own, else the machine's; NULL: none. */
struct io_tlb_mem *swiotlb_of(const struct device *dev);
/* Whether all the device maps is bounced. */
bool swiotlb_is_forced(const struct device *dev);

/* swiotlb_map(): slots for [phys, +size), its bytes there, and their bus address. In every direction, so that what the device
 * does not write is what it was. DMA_ATTR_SKIP_CPU_SYNC: the bytes, too, but the slots' cache lines are the caller's care.
 * -FH_ENOSPC: full ("swiotlb buffer is full (sz: %zd bytes), total %lu (slots), used %lu (slots)", unless
 * DMA_ATTR_NO_WARN); -FH_EIO: none, larger than a segment or than the device's boundary, or the slots are out of the device's reach. -FH_EINVAL: no
 * bytes, not RAM, no direction. Never sleeps. */
FH_MUST_CHECK int swiotlb_map(struct device *dev, phys_t phys, uint64_t size,
			      enum dma_data_direction dir, unsigned int attrs, dma_t *handle);
/* Whether phys is a slot that the device may have: the common case, no pool at all, costs one load. */
bool is_swiotlb_buffer(const struct device *dev, phys_t phys);
/* `phys` is an address in slots. unmap: it is where the mapping begins; the first `size` bytes go back if the device wrote
 * them (not with DMA_ATTR_SKIP_CPU_SYNC), all its slots are free. sync: any part of a mapping. -FH_EINVAL: not a mapping, or more than
 * was mapped: nothing is done. */
int swiotlb_unmap(struct device *dev, phys_t phys, uint64_t size, enum dma_data_direction dir,
		  unsigned int attrs);
int swiotlb_sync_for_cpu(struct device *dev, phys_t phys, uint64_t size,
			 enum dma_data_direction dir);
int swiotlb_sync_for_device(struct device *dev, phys_t phys, uint64_t size,
			    enum dma_data_direction dir);

/* Whole pages of a restricted pool, or, in the legacy order, of any. -FH_ENOMEM: full, -FH_EINVAL: not such a pool. */
FH_MUST_CHECK int swiotlb_alloc(struct device *dev, uint64_t size, pfn_t *pfn);
bool swiotlb_free(struct device *dev, pfn_t pfn, uint64_t size);

uint64_t swiotlb_max_mapping_size(const struct device *dev);

/* One step of growing, if any is wanted, by a thread that may sleep. True: call again. */
bool swiotlb_background(struct fh_machine *m);

struct swiotlb_stats {
	uint64_t nslabs, used, used_hiwater, transient_nslabs; /* slots */
	uint64_t bounced;				       /* mappings */
};
void swiotlb_stats(const struct io_tlb_mem *mem, struct swiotlb_stats *s);
void swiotlb_reset_hiwater(struct io_tlb_mem *mem);
const char *swiotlb_name(const struct io_tlb_mem *mem); /* "software IO TLB", or the region's */

/* fh_check()'s part: how many invariants of swiotlb.c are broken; a line for each goes to *out. */
unsigned int swiotlb_check(struct fh_machine *m, struct io_tlb_mem *mem, struct fh_text *out);

#endif
