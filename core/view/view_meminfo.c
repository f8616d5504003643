/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * proc/meminfo.
 *
 * A line that Linux has is 0 here when the machine has nothing of the kind (slab, huge
 * pages), and missing when nobody counts it (Mapped, Writeback) or it says nothing about memory
 * (Commit*, Vmalloc*, DirectMap*).
 */
#include "view/view.h"

uint64_t view_zone_free(const struct fh_machine *m, const struct zone *z)
{
	return (uint64_t)(machine_nr_free(m, (enum zone_type)(z - m->zone)) +
			  zone_count(&z->nr_free_carveout));
}

uint64_t view_zone_free_cma(const struct zone *z)
{
	return (uint64_t)(zone_count(&z->nr_free_cma) + zone_count(&z->nr_free_carveout));
}

uint64_t view_lru(struct fh_machine *m, enum lru_list list)
{
	uint64_t n = 0;

	for (unsigned int w = 0; w < NR_LRU_WHERE; w++)
		n += atomic_load_explicit(&m->lru.count[w][list], memory_order_relaxed);
	return n;
}

/* What a zone keeps back from tenants: its reserve for requests from above, and its high watermark.
 */
static uint64_t zone_reserve(const struct zone *z)
{
	uint64_t max = 0;

	for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
		if (z->lowmem_reserve[i] > max)
			max = z->lowmem_reserve[i];
	max += z->wmark[WMARK_HIGH];
	return max < z->managed ? max : z->managed;
}

/* Linux's estimate: what is free above the reserves, and the cache that can go without hurting.
 * Frames of areas that are never lent are free and yet available to nobody but devices. */
static uint64_t available(struct fh_machine *m)
{
	uint64_t cache = view_lru(m, LRU_ACTIVE_FILE) + view_lru(m, LRU_INACTIVE_FILE);
	uint64_t free = 0, reserve = 0, low = 0;

	for (unsigned int i = 0; i < MAX_NR_ZONES; i++) {
		free += (uint64_t)machine_nr_free(m, (enum zone_type)i);
		reserve += zone_reserve(&m->zone[i]);
		low += m->zone[i].wmark[WMARK_LOW];
	}
	free += cache - (cache / 2 < low ? cache / 2 : low);
	return free > reserve ? free - reserve : 0;
}

static void kb(struct view *v, const char *label, uint64_t pages)
{
	view_add(v, "%-16s%8llu kB\n", label, (ull)(pages << (FH_PAGE_SHIFT - 10)));
}

static void zeros(struct view *v, const char *const *label, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		kb(v, label[i], 0);
}

#define ZEROS(v, ...)                                                                              \
	zeros((v), (const char *const[]){__VA_ARGS__},                                             \
	      sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void lru_lines(struct view *v)
{
	uint64_t inactive_anon = view_lru(v->m, LRU_INACTIVE_ANON);
	uint64_t active_anon = view_lru(v->m, LRU_ACTIVE_ANON);
	uint64_t inactive_file = view_lru(v->m, LRU_INACTIVE_FILE);
	uint64_t active_file = view_lru(v->m, LRU_ACTIVE_FILE);

	kb(v, "Active:", active_anon + active_file);
	kb(v, "Inactive:", inactive_anon + inactive_file);
	kb(v, "Active(anon):", active_anon);
	kb(v, "Inactive(anon):", inactive_anon);
	kb(v, "Active(file):", active_file);
	kb(v, "Inactive(file):", inactive_file);
}

void view_meminfo(struct view *v)
{
	static const char *const huge[] = {
		"HugePages_Total:", "HugePages_Free:", "HugePages_Rsvd:", "HugePages_Surp:"};
	struct fh_mem_info info;

	fh_mem_info(v->m, &info);
	kb(v, "MemTotal:", info.total);
	kb(v, "MemFree:", info.free);
	kb(v, "MemAvailable:", available(v->m));
	kb(v, "Buffers:", 0);
	kb(v, "Cached:", info.file);
	kb(v, "SwapCached:", 0);
	lru_lines(v);
	ZEROS(v, "Unevictable:", "Mlocked:");
	kb(v, "SwapTotal:", info.swap_total);
	kb(v, "SwapFree:", info.swap_free);
	if (view_has_zpool(v->m)) {
		kb(v, "Zswap:", info.compressed_in);
		kb(v, "Zswapped:", info.compressed);
	}
	kb(v, "Dirty:", (uint64_t)zone_count(&v->m->lru.nr_dirty));
	kb(v, "AnonPages:", info.anon);
	ZEROS(v, "Shmem:", "KReclaimable:", "Slab:", "SReclaimable:", "SUnreclaim:", "KernelStack:",
	      "PageTables:", "SecPageTables:", "NFS_Unstable:", "Bounce:", "WritebackTmp:",
	      "Percpu:", "AnonHugePages:", "ShmemHugePages:", "ShmemPmdMapped:", "FileHugePages:",
	      "FilePmdMapped:");
	kb(v, "CmaTotal:", info.cma_total);
	kb(v, "CmaFree:", info.cma_free);
	for (unsigned int i = 0; i < sizeof(huge) / sizeof(huge[0]); i++)
		view_add(v, "%-16s%8u\n", huge[i], 0);
	kb(v, "Hugepagesize:", FH_BLOCK_PAGES);
	kb(v, "Hugetlb:", 0);
}
