/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is not there yet: bounce buffers refuse, or do nothing. */
#include "dma/swiotlb.h"

struct io_tlb_mem *swiotlb_restricted(struct fh_machine *m, const char *name)
{
	(void)m, (void)name;
	return NULL;
}
struct io_tlb_mem *swiotlb_of(const struct device *dev)
{
	(void)dev;
	return NULL;
}
bool swiotlb_is_forced(const struct device *dev)
{
	(void)dev;
	return false;
}
int swiotlb_map(struct device *dev, phys_t phys, uint64_t size, enum dma_data_direction dir,
		unsigned int attrs, dma_t *handle)
{
	(void)dev, (void)phys, (void)size, (void)dir, (void)attrs, (void)handle;
	return -FH_EIO;
}
bool is_swiotlb_buffer(const struct device *dev, phys_t phys)
{
	(void)dev, (void)phys;
	return false;
}
int swiotlb_unmap(struct device *dev, phys_t phys, uint64_t size, enum dma_data_direction dir,
		  unsigned int attrs)
{
	(void)dev, (void)phys, (void)size, (void)dir, (void)attrs;
	return -FH_EINVAL;
}
int swiotlb_sync_for_cpu(struct device *dev, phys_t phys, uint64_t size,
			 enum dma_data_direction dir)
{
	(void)dev, (void)phys, (void)size, (void)dir;
	return 0;
}
int swiotlb_sync_for_device(struct device *dev, phys_t phys, uint64_t size,
			    enum dma_data_direction dir)
{
	(void)dev, (void)phys, (void)size, (void)dir;
	return 0;
}
int swiotlb_alloc(struct device *dev, uint64_t size, pfn_t *pfn)
{
	(void)dev, (void)size, (void)pfn;
	return -FH_ENOMEM;
}
bool swiotlb_free(struct device *dev, pfn_t pfn, uint64_t size)
{
	(void)dev, (void)pfn, (void)size;
	return false;
}
uint64_t swiotlb_max_mapping_size(const struct device *dev)
{
	(void)dev;
	return 0;
}
void swiotlb_stats(const struct io_tlb_mem *mem, struct swiotlb_stats *s)
{
	(void)mem, (void)s;
}
const char *swiotlb_name(const struct io_tlb_mem *mem)
{
	(void)mem;
	return "";
}
