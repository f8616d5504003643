/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the project wants to reach, beside what is measured. Times are of a quiet 2-CPU 3 GHz
 * machine; "instructions" are counted, not timed (scripts/instr).
 */
#include <string.h>
#include "bench.h"

static const struct {
	const char *name, *goal;
} goals[] = {
	{"frames.pair.order0.threads1", "3"},
	{"frames.pair.order0.threads2", "3.3"},
	{"frames.bulk_alloc.order0.threads1", "5"},
	{"frames.bulk_alloc.order0.threads2", "6"},
	{"frames.bulk_free.order0.threads1", "5"},
	{"frames.bulk_free.order0.threads2", "6"},
	{"frames.bulk_free_random.order0.threads1", "15"},
	{"frames.bulk_free_random.order0.threads2", "20"},
	{"frames.random.order0.threads1", "15"},
	{"frames.random.order0.threads2", "18"},
	{"frames.pair.order3.threads1", "10"},
	{"frames.pair.order3.threads2", "11"},
	{"frames.random.order3.threads1", "20"},
	{"frames.random.order3.threads2", "25"},
	{"frames.pair.order9.threads1", "15"},
	{"frames.pair.order9.threads2", "16"},
	{"frames.bulk_alloc.order9.threads1", "20"},
	{"frames.bulk_alloc.order9.threads2", "25"},
	{"frames.random.order9.threads1", "30"},
	{"frames.random.order9.threads2", "40"},
	{"frames.free_blocks.order0.threads1", "at least 97"},
	{"frames.free_blocks.order0.threads2", "at least 97"},
	{"frames.metadata.gib", "48,000"},
	{"frames.metadata.frame", "32"},
	{"frames.setup", "0.1"},
	{"frames.tib.setup", "1,000"},
	{"frames.tib.against_gib", "1.2"},
	{"contig.idle.threads1", "100 (1 GiB)"},
	{"contig.half.threads1", "115 (1 GiB)"},
	{"contig.half.threads2", "70 (1 GiB)"},
	{"contig.half.helped", "70 (1 GiB)"},
	{"migrate.page.threads1", "850"},
	{"migrate.page.threads2", "450"},
	{"cma.idle.16.alloc", "2,000 instructions"},
	{"cma.idle.256.alloc", "2,000 instructions"},
	{"cma.idle.4096.alloc", "5,000 instructions"},
	{"cma.idle.4096.release", "5,000 instructions"},
	{"cma.idle.16384.alloc", "20,000 instructions"},
	{"cma.idle.16384.release", "20,000 instructions"},
	{"cma.full.4096.alloc", "3,481,600 (850 a page)"},
	{"cma.full.4096.alloc.movable", "3,481,600 (850 a page)"},
	{"cma.hosted.full.16384.alloc", "25,000,000"},
	{"cma.hosted.scatter.16384.alloc", "100,000,000"},
	{"buf.pair.system.over_host.64K", "1.5"},
	{"buf.pair.system.over_host.1M", "1.5"},
	{"buf.pair.system.over_host.16M", "1.5"},
	{"buf.ready.16M", "50,000"},
	{"dma.coherent.pool.rest.threads1", "100"},
	{"dma.coherent.pool.rest.threads2", "100"},
	{"dma.coherent.pool.aged.rest.threads1", "100"},
	{"dma.coherent.pool.aged.rest.threads2", "100"},
	{"dma.coherent.pool.caches.rest.threads1", "100"},
	{"dma.coherent.pool.caches.rest.threads2", "100"},
	{"dma.coherent.atomic.caches.rest.threads1", "100"},
	{"dma.coherent.atomic.caches.rest.threads2", "100"},
	{"dma.map.direct.threads1", "10"},
	{"dma.map.direct.threads2", "10"},
	{"dma.map.direct.slots.threads1", "10"},
	{"dma.map.direct.slots.threads2", "10"},
	{"dma.map.direct.sg16.threads1", "160 (10 an entry)"},
	{"dma.map.direct.sg16.threads2", "160 (10 an entry)"},
	{"dma.map.bounce.4k.over_memcpy.threads1", "1.2"},
	{"dma.map.bounce.4k.over_memcpy.threads2", "1.2"},
	{"dma.map.bounce.4k.cold.over_memcpy.threads1", "1.2"},
	{"dma.map.bounce.4k.cold.over_memcpy.threads2", "1.2"},
	{"dma.map.bounce.64k.over_memcpy.threads1", "1.2"},
	{"dma.map.bounce.64k.over_memcpy.threads2", "1.2"},
	{"dma.map.bounce.64k.cold.over_memcpy.threads1", "1.2"},
	{"dma.map.bounce.64k.cold.over_memcpy.threads2", "1.2"},
	{"dma.map.iommu.strict.threads1", "150"},
	{"dma.map.iommu.strict.threads2", "150"},
	{"dma.map.iommu.deferred.threads1", "150"},
	{"dma.map.iommu.deferred.threads2", "150"},
	{"dma.object.64.threads1", "100"},
	{"dma.object.64.threads2", "100"},
	{"dma.object.64.aged.threads1", "100"},
	{"dma.object.64.aged.threads2", "100"},
};

const char *bench_goal(const char *name)
{
	for (size_t i = 0; i < sizeof(goals) / sizeof(goals[0]); i++)
		if (!strcmp(goals[i].name, name))
			return goals[i].goal;
	return NULL;
}
