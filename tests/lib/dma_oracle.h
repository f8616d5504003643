/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What DMA debugging has to find, by a model that keeps an owner for each granule of each mapping and looks at all of them. */
#ifndef FH_TEST_DMA_ORACLE_H
#define FH_TEST_DMA_ORACLE_H

#include <freehold/dma_debug.h>

#define ORACLE_GRANULE	64
#define ORACLE_MAX	48
#define ORACLE_GRANULES 4096 /* of a mapping, at most */

struct oracle_mapping {
	bool used;
	struct device *dev;
	enum dma_debug_type type;
	enum dma_data_direction dir;
	unsigned int attrs;
	uint64_t handle, phys, size;
	bool cpu[ORACLE_GRANULES];
};

struct oracle {
	struct oracle_mapping map[ORACLE_MAX];
	uint64_t count[DMA_NR_REPORTS]; /* what there should have been */
};

/* What each hook should find; the mapping is changed as the hook's contract says. */
void oracle_map(struct oracle *o, struct oracle_mapping *m);
bool oracle_unmap(struct oracle *o, struct device *dev, enum dma_debug_type type, uint64_t handle,
		  uint64_t size, enum dma_data_direction dir);
void oracle_sync(struct oracle *o, struct device *dev, uint64_t handle, uint64_t size,
		 enum dma_data_direction dir, bool for_cpu);
void oracle_device(struct oracle *o, const struct device *dev, uint64_t handle, uint64_t size,
		   bool write);
void oracle_cpu(struct oracle *o, uint64_t phys, uint64_t size, bool write);
/* A free place for a mapping, or NULL. */
struct oracle_mapping *oracle_new(struct oracle *o);
/* The mapping of dev that has the byte, or NULL. */
struct oracle_mapping *oracle_at(struct oracle *o, const struct device *dev, uint64_t handle);

#endif
