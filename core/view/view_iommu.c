/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* sys/kernel/debug/iommu/: a line for each address space, and for each of its last faults. Of ours: Linux has nothing of the kind. */
#include "dma/iommu.h"
#include "view/view.h"

#define FAULTS_MAX 16

static void domain(void *arg, unsigned int number, struct iommu_domain *d)
{
	struct iommu_stats s;

	iommu_stats(d, &s);
	view_add(arg, "%6u %14llu %7llu %12llu %12llu %12llu %8llu %12llu %12llu %8llu %8llu\n",
		 number, (ull)s.mapped, (ull)s.tables, (ull)s.maps, (ull)s.unmaps, (ull)s.flushes,
		 (ull)s.deferred, (ull)s.iotlb_hits, (ull)s.iotlb_misses, (ull)s.iotlb_stale,
		 (ull)s.faults);
}

void view_iommu_domains(struct view *v)
{
	view_add(v, "%6s %14s %7s %12s %12s %12s %8s %12s %12s %8s %8s\n", "domain", "mapped",
		 "tables", "maps", "unmaps", "flushes", "deferred", "hits", "misses", "stale",
		 "faults");
	iommu_each(v->m, domain, v);
}

static void faults(void *arg, unsigned int number, struct iommu_domain *d)
{
	struct iommu_fault f[FAULTS_MAX];
	uint64_t n = iommu_faults(d, f, FAULTS_MAX);

	for (unsigned int i = 0; i < n && i < FAULTS_MAX; i++)
		view_add(arg, "%u %llu.%06llu %s 0x%08llx %s: %s\n", number,
			 (ull)(f[i].time_ns / 1000000000), (ull)(f[i].time_ns / 1000 % 1000000),
			 f[i].device, (ull)f[i].iova.v, f[i].write ? "write" : "read", f[i].why);
}

void view_iommu_faults(struct view *v)
{
	view_add(v, "domain time device iova access: why\n");
	iommu_each(v->m, faults, v);
}
