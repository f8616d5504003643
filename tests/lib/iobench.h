/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A machine with one domain of an IOMMU and one device behind it, under a clock that the test sets. */
#ifndef FH_TESTS_IOBENCH_H
#define FH_TESTS_IOBENCH_H

#include "dma/iommu.h"
#include "dma/iommu_domain.h"
#include "testplat.h"

struct iobench {
	struct testplat tp; /* the first: the platform's ctx is the bench, too */
	struct fh_machine *m;
	struct iommu_domain *d;
	struct device dev; /* "camera", behind d, without limits */
	uint64_t now_ns;   /* what the clock says; 1 s at the start */
};

/* 64 MiB at TP_BASE, two CPUs; the caller is CPU 0. False, and a failed check: it cannot be made. */
bool io_start_with(struct iobench *io, const struct iommu_options *o);
/* With the aperture and the IOTLB that a domain has by itself. */
bool io_start(struct iobench *io, bool strict);
/* fh_check() finds nothing, and all memory has been given back. */
void io_stop(struct iobench *io);

struct iommu_stats io_stats(const struct iobench *io);

/* Where an access of the device ends up; 0: it faults. */
uint64_t io_reach(struct iobench *io, uint64_t bus, bool write);

/* iommu_dma_map() for reading and writing at any address; 0: it fails. And iommu_dma_unmap(). */
uint64_t io_map(struct iobench *io, uint64_t phys, uint64_t size);
bool io_unmap(struct iobench *io, uint64_t handle, uint64_t size);

#endif
