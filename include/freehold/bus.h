/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where a device's access leads: what hardware does with an address that a device drives. For simulated devices, which
 * then read or write what is there (hosted_bus_read() of <freehold/hosted.h>).
 */
#ifndef FREEHOLD_BUS_H
#define FREEHOLD_BUS_H

#include <freehold/device.h>

/*
 * An access of `size` bytes at bus address `dma`: *phys is where its first byte lies, *run for how many bytes that goes on, at
 * least 1 and at most size; call again for the rest. Through the device's IOMMU, as it translates at this moment, else
 * by its ranges. -FH_EFAULT, with one line in the log: the device cannot drive the address (its mask, its bus), no window or
 * table has it, or what is there is not RAM. Behind an IOMMU what is no RAM is a resource that was mapped (dma_map_resource()), and
 * is returned. -FH_EINVAL: no device, no machine, size 0. Any thread; never sleeps.
 */
FH_MUST_CHECK int dma_bus_translate(const struct device *dev, dma_t dma, uint64_t size, bool write,
				    phys_t *phys, uint64_t *run);

#endif
