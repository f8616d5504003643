/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What DMA debugging has to find, by looking at everything. Addresses and sizes are whole granules; no device has a byte mapped twice. */
#include <string.h>
#include "dma_oracle.h"

struct oracle_mapping *oracle_new(struct oracle *o)
{
	for (unsigned int i = 0; i < ORACLE_MAX; i++)
		if (!o->map[i].used)
			return &o->map[i];
	return NULL;
}

struct oracle_mapping *oracle_at(struct oracle *o, const struct device *dev, uint64_t handle)
{
	for (unsigned int i = 0; i < ORACLE_MAX; i++) {
		struct oracle_mapping *m = &o->map[i];

		if (m->used && m->dev == dev && handle - m->handle < m->size)
			return m;
	}
	return NULL;
}

static bool in_memory(const struct oracle_mapping *m)
{
	return m->used && m->type != DMA_DEBUG_COHERENT && m->type != DMA_DEBUG_RESOURCE;
}

static bool meet(const struct oracle_mapping *m, uint64_t phys, uint64_t size)
{
	return in_memory(m) && m->phys < phys + size && phys < m->phys + m->size;
}

void oracle_map(struct oracle *o, struct oracle_mapping *new)
{
	memset(new->cpu, new->type == DMA_DEBUG_PAGES, sizeof(new->cpu));
	for (unsigned int i = 0; i < ORACLE_MAX; i++) {
		struct oracle_mapping *m = &o->map[i];

		if (m != new &&in_memory(new) && meet(m, new->phys, new->size) &&
		    !((m->attrs | new->attrs) & DMA_ATTR_SKIP_CPU_SYNC) &&
		    (m->dir != DMA_TO_DEVICE || new->dir != DMA_TO_DEVICE)) {
			o->count[DMA_REPORT_OVERLAP]++;
			return;
		}
	}
}

static bool freed(enum dma_debug_type type)
{
	return type == DMA_DEBUG_COHERENT || type == DMA_DEBUG_PAGES;
}

bool oracle_unmap(struct oracle *o, struct device *dev, enum dma_debug_type type, uint64_t handle,
		  uint64_t size, enum dma_data_direction dir)
{
	struct oracle_mapping *m = oracle_at(o, dev, handle);

	if (!m || m->handle != handle) {
		o->count[DMA_REPORT_UNMAP_UNKNOWN]++;
		return false;
	}
	o->count[DMA_REPORT_UNMAP_SIZE] += m->size != size;
	o->count[DMA_REPORT_UNMAP_FUNCTION] += m->type != type;
	o->count[DMA_REPORT_UNMAP_DIRECTION] += m->dir != dir;
	m->used = (freed(m->type) || freed(type)) && (m->size != size || m->type != type);
	return !m->used;
}

void oracle_sync(struct oracle *o, struct device *dev, uint64_t handle, uint64_t size,
		 enum dma_data_direction dir, bool for_cpu)
{
	struct oracle_mapping *m = oracle_at(o, dev, handle);

	if (!m) {
		o->count[DMA_REPORT_SYNC_UNKNOWN]++;
		return;
	}
	o->count[DMA_REPORT_SYNC_RANGE] += handle - m->handle + size > m->size;
	o->count[DMA_REPORT_SYNC_DIRECTION] += m->dir != DMA_BIDIRECTIONAL && m->dir != dir;
	for (uint64_t at = handle - m->handle; at < m->size && size; at += ORACLE_GRANULE) {
		m->cpu[at / ORACLE_GRANULE] = for_cpu;
		size -= ORACLE_GRANULE;
	}
}

void oracle_device(struct oracle *o, const struct device *dev, uint64_t handle, uint64_t size,
		   bool write)
{
	while (size) {
		struct oracle_mapping *m = oracle_at(o, dev, handle);
		bool cpu = false;
		uint64_t n;

		if (!m) {
			o->count[DMA_REPORT_DEVICE_UNMAPPED]++;
			return;
		}
		n = m->size - (handle - m->handle) < size ? m->size - (handle - m->handle) : size;
		for (uint64_t at = handle - m->handle; at < handle - m->handle + n;
		     at += ORACLE_GRANULE)
			cpu |= in_memory(m) && m->cpu[at / ORACLE_GRANULE];
		if (m->dir == (write ? DMA_TO_DEVICE : DMA_FROM_DEVICE))
			o->count[DMA_REPORT_DEVICE_DIRECTION]++;
		else if (cpu)
			o->count[write ? DMA_REPORT_DEVICE_WRITE : DMA_REPORT_DEVICE_READ]++;
		handle += n;
		size -= n;
	}
}

void oracle_cpu(struct oracle *o, uint64_t phys, uint64_t size, bool write)
{
	for (unsigned int i = 0; i < ORACLE_MAX; i++) {
		const struct oracle_mapping *m = &o->map[i];

		if (!meet(m, phys, size) || (m->dir == DMA_TO_DEVICE && !write))
			continue;
		for (uint64_t at = 0; at < m->size; at += ORACLE_GRANULE) {
			if (m->phys + at >= phys && m->phys + at < phys + size &&
			    !m->cpu[at / ORACLE_GRANULE]) {
				o->count[DMA_REPORT_CPU_ACCESS]++;
				return;
			}
		}
	}
}
