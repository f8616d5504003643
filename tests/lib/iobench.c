/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A machine with one domain of an IOMMU and one device behind it, under a clock that the test sets. */
#include "../t.h"
#include "iobench.h"

static uint64_t stopped_clock(void *ctx)
{
	return ((const struct iobench *)ctx)->now_ns;
}

bool io_start_with(struct iobench *io, const struct iommu_options *o)
{
	testplat_init(&io->tp);
	testplat_cpu(0);
	io->tp.plat.clock_ns = stopped_clock;
	io->now_ns = 1000000000;
	io->m = testplat_machine(&io->tp, 64, 0, CMA_POLICY_GUARANTEED, 2);
	if (!io->m || !T_EQ(iommu_domain_create(io->m, o, &io->d), 0))
		return false;
	io->dev = (struct device){.machine = io->m, .name = "camera", .iommu = io->d};
	return true;
}

bool io_start(struct iobench *io, bool strict)
{
	const struct iommu_options o = {.strict = strict};

	return io_start_with(io, &o);
}

void io_stop(struct iobench *io)
{
	TP_CHECK(io->m);
	iommu_domain_destroy(io->d);
	testplat_end(&io->tp, io->m);
}

struct iommu_stats io_stats(const struct iobench *io)
{
	struct iommu_stats s;

	iommu_stats(io->d, &s);
	return s;
}

uint64_t io_reach(struct iobench *io, uint64_t bus, bool write)
{
	phys_t phys;
	uint64_t run;

	return iommu_translate(&io->dev, (dma_t){bus}, 1, write, &phys, &run) ? 0 : phys.v;
}

uint64_t io_map(struct iobench *io, uint64_t phys, uint64_t size)
{
	dma_t handle = {0};

	return iommu_dma_map(&io->dev, (phys_t){phys}, size, UINT64_MAX, IOMMU_READ | IOMMU_WRITE,
			     &handle)
		       ? 0
		       : handle.v;
}

bool io_unmap(struct iobench *io, uint64_t handle, uint64_t size)
{
	return iommu_dma_unmap(&io->dev, (dma_t){handle}, size);
}
