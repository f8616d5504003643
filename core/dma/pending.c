/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is not there yet: bounce buffers and debugging refuse, or do nothing. */
#include "dma/debug.h"

struct io_tlb_mem *swiotlb_restricted(struct fh_machine *m, const char *name)
{
	(void)m, (void)name;
	return NULL;
}
void debug_dma_map(struct device *dev, enum dma_debug_type type, phys_t phys, uint64_t size,
		   enum dma_data_direction dir, unsigned int attrs, dma_t handle, const void *site)
{
	(void)dev, (void)type, (void)phys, (void)size, (void)dir, (void)attrs, (void)handle;
	(void)site;
}
bool debug_dma_unmap(struct device *dev, enum dma_debug_type type, dma_t handle, uint64_t size,
		     enum dma_data_direction dir, const void *site)
{
	(void)dev, (void)type, (void)handle, (void)size, (void)dir, (void)site;
	return true;
}
void debug_dma_refused(struct device *dev, const void *cpu, phys_t phys, uint64_t size,
		       const char *why, const void *site)
{
	(void)dev, (void)cpu, (void)phys, (void)size, (void)why, (void)site;
}
void debug_dma_sync(struct device *dev, dma_t handle, uint64_t size, enum dma_data_direction dir,
		    bool for_cpu, const void *site)
{
	(void)dev, (void)handle, (void)size, (void)dir, (void)for_cpu, (void)site;
}
void debug_dma_lost(struct device *dev, dma_t handle, uint64_t lost, const void *site)
{
	(void)dev, (void)handle, (void)lost, (void)site;
}
