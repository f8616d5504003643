/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A simulated device's loads and stores: by its own addresses, and past the caches unless it snoops. */
#include <freehold/bus.h>
#include "dev.h"

uint64_t dev_mem_size(const struct sim_mem *mem)
{
	uint64_t size = 0;

	if (!mem->sg)
		return mem->size;
	for (unsigned int i = 0; i < mem->nents; i++)
		size += mem->sg[i].dma_length;
	return size;
}

/* Where byte `offset` of mem is, and how many follow it there; false: past the end. */
static bool locate(const struct sim_mem *mem, uint64_t offset, dma_t *dma, uint64_t *run)
{
	if (!mem->sg) {
		*dma = (dma_t){mem->dma.v + offset};
		*run = mem->size - offset;
		return offset < mem->size;
	}
	for (unsigned int i = 0; i < mem->nents; i++) {
		if (offset < mem->sg[i].dma_length) {
			*dma = (dma_t){mem->sg[i].dma_address.v + offset};
			*run = mem->sg[i].dma_length - offset;
			return true;
		}
		offset -= mem->sg[i].dma_length;
	}
	return false;
}

/* At consecutive bus addresses. */
static int burst(struct simdev *sd, dma_t dma, unsigned char *buf, uint64_t n, bool write)
{
	struct hosted *h = sd->o.hosted;
	bool snoops = sd->o.dev->dma_coherent;
	int err = 0;

	for (uint64_t run; n && !err; dma.v += run, buf += run, n -= run) {
		phys_t phys;

		err = dma_bus_translate(sd->o.dev, dma, n, write, &phys, &run);
		if (err)
			break;
		if (write)
			err = (snoops ? hosted_bus_write_snoop : hosted_bus_write)(h, phys, buf,
										   run);
		else
			err = (snoops ? hosted_bus_read_snoop : hosted_bus_read)(h, phys, buf, run);
	}
	if (err)
		dev_count(sd, &sd->stats.faults);
	return err;
}

static int transfer(struct simdev *sd, const struct sim_mem *mem, uint64_t offset,
		    unsigned char *buf, uint64_t n, bool write)
{
	uint64_t run;
	dma_t dma;
	int err;

	for (; n; offset += run, buf += run, n -= run) {
		if (!locate(mem, offset, &dma, &run))
			return -FH_EINVAL;
		run = run < n ? run : n;
		err = burst(sd, dma, buf, run, write);
		if (err)
			return err;
	}
	return 0;
}

int dev_read(struct simdev *sd, const struct sim_mem *mem, uint64_t offset, void *buf, uint64_t n)
{
	sd->read += n;
	return transfer(sd, mem, offset, buf, n, false);
}

int dev_write(struct simdev *sd, const struct sim_mem *mem, uint64_t offset, const void *buf,
	      uint64_t n)
{
	sd->written += n;
	return transfer(sd, mem, offset, (void *)buf, n, true);
}
