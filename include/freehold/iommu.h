/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Address spaces of devices: page tables in memory that their IOMMU walks, with a cache of translations (IOTLB) that goes
 * stale until it is flushed, and the addresses (IOVA) that are handed out of them. Follows iommu_map(),
 * drivers/iommu/iova.c, dma-iommu.c and io-pgtable-arm.c of 6.12.
 */
#ifndef FREEHOLD_IOMMU_H
#define FREEHOLD_IOMMU_H

#include <freehold/device.h>

enum iommu_prot {
	IOMMU_READ = 1,
	IOMMU_WRITE = 2,
	IOMMU_CACHE = 4, /* snoops */
	IOMMU_MMIO = 16,
};

struct iommu_options {
	uint64_t aperture_start,
		aperture_end; /* bus addresses it hands out, bytes, inclusive; 0, 0: 0 to 2^48 - 1; page 0 never */
	bool strict; /* each unmap flushes; else a CPU up to 256 at a time, or after 10 ms */
	unsigned int iotlb_entries; /* a power of two, 4 to 65536; 0: 512 */
};

/* -FH_ENOMEM; -FH_EINVAL: aperture not whole pages, end not above start or past 2^48; entries as said above; a machine without
 * bytes, which tables cannot lie in. May sleep. No lock is held. */
FH_MUST_CHECK int iommu_domain_create(struct fh_machine *m, const struct iommu_options *o,
				      struct iommu_domain **domain);
/* No device is attached any more, no other thread uses it; mappings that are left go with it. */
void iommu_domain_destroy(struct iommu_domain *domain);

/*
 * *dev, made of *bd by device_init_of() or its kin, goes behind the domain: dev->iommu. What iommu-addresses keep of the device's
 * addresses is not handed out any more while the domain lives, and the direct ones are mapped one to one, for reading and writing,
 * in whole pages, also outside RAM; such a mapping of another device of the domain will do. Call it before the domain hands out
 * addresses. -FH_EEXIST: some of them are handed out, or mapped to something else; -FH_ENOMEM; -FH_EINVAL: no device, node or
 * domain, or one of another machine, or a direct range past the 48 bits. `why` (or NULL) names the range. After a failure *dev is as it was and nothing more is
 * mapped, but addresses may stay reserved. Never sleeps.
 */
FH_MUST_CHECK int device_attach_iommu(struct device *dev, const struct boot_device *bd,
				      struct iommu_domain *domain, struct boot_why *why);

/* Maps whole pages [iova, +size) to [phys, +size), with entries as large as both allow (4 KiB, 2 MiB, 1 GiB), small ones where
 * small ones have been. What of it lies in the aperture is not handed out any more while the domain lives, even if this fails then.
 * -FH_EEXIST: some of it is mapped or handed out (nothing is changed); -FH_ENOMEM: no frame for a table, no memory for what keeps the
 * addresses; -FH_EINVAL: not pages, past the 48 bits, neither readable nor writable, or phys is not RAM and IOMMU_MMIO is not
 * given. Any thread, several at a time. Never sleeps. */
FH_MUST_CHECK int iommu_map(struct iommu_domain *domain, dma_t iova, phys_t phys, uint64_t size,
			    unsigned int prot);
/* Returns how many bytes from iova on were mapped, without a hole, and are not any more; splits a large entry that it covers in part (that may
 * need a frame: without one it returns less). Translations are flushed before it returns. */
uint64_t iommu_unmap(struct iommu_domain *domain, dma_t iova, uint64_t size);
/* By the tables, past the IOTLB. False: not mapped. */
bool iommu_iova_to_phys(struct iommu_domain *domain, dma_t iova, phys_t *phys);

/* An access that was stopped. */
struct iommu_fault {
	dma_t iova;
	bool write;
	const char *why; /* "not mapped", "read only", "write only" */
	char device[DEVICE_MAX_NAME];
	uint64_t time_ns;
};
/* The last, newest first, at most n; returns how many there were since birth. */
uint64_t iommu_faults(struct iommu_domain *domain, struct iommu_fault *out, unsigned int n);
/* Called for each, by the thread that made the access; NULL: nobody. */
void iommu_set_fault_handler(struct iommu_domain *domain,
			     void (*fn)(void *arg, const struct iommu_fault *f), void *arg);

struct iommu_stats {
	uint64_t mapped; /* bytes */
	uint64_t tables; /* frames that tables lie in */
	uint64_t maps, unmaps, flushes,
		deferred; /* calls; flushes of the IOTLB; mappings that wait for one */
	uint64_t iotlb_hits, iotlb_misses,
		iotlb_stale; /* stale: used after unmap, before the flush */
	uint64_t faults;
};
void iommu_stats(struct iommu_domain *domain, struct iommu_stats *stats);

#endif
