/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* proc/vmstat: counters of zones, of the node, and events; those that Linux does not have come
 * last. */
#include "view/view.h"

void view_node_stats(struct fh_machine *m, struct view_stat out[VIEW_NODE_STATS])
{
	const struct view_stat stats[] = {
		{"nr_inactive_anon", view_lru(m, LRU_INACTIVE_ANON)},
		{"nr_active_anon", view_lru(m, LRU_ACTIVE_ANON)},
		{"nr_inactive_file", view_lru(m, LRU_INACTIVE_FILE)},
		{"nr_active_file", view_lru(m, LRU_ACTIVE_FILE)},
		{"nr_unevictable", 0},
		{"nr_slab_reclaimable", 0},
		{"nr_slab_unreclaimable", 0},
		{"nr_anon_pages", (uint64_t)zone_count(&m->lru.nr_anon)},
		{"nr_file_pages", (uint64_t)zone_count(&m->lru.nr_file)},
		{"nr_dirty", (uint64_t)zone_count(&m->lru.nr_dirty)},
		{"nr_writeback_temp", 0},
		{"nr_shmem", 0},
		{"nr_shmem_hugepages", 0},
		{"nr_shmem_pmdmapped", 0},
		{"nr_file_hugepages", 0},
		{"nr_file_pmdmapped", 0},
		{"nr_anon_transparent_hugepages", 0},
		{"nr_vmscan_write", vm_sum(m, VM_nr_vmscan_write)},
		{"nr_vmscan_immediate_reclaim", 0},
		{"nr_throttled_written", 0},
		{"nr_kernel_misc_reclaimable", 0},
		{"nr_kernel_stack", 0},
		{"nr_page_table_pages", 0},
		{"nr_sec_page_table_pages", 0},
		{"nr_swapcached", 0},
		{"pgdemote_kswapd", 0},
	};

	_Static_assert(sizeof(stats) / sizeof(stats[0]) == VIEW_NODE_STATS, "all are handed out");
	for (unsigned int i = 0; i < VIEW_NODE_STATS; i++)
		out[i] = stats[i];
}

static void line(struct view *v, const char *name, uint64_t value)
{
	view_add(v, "%s %llu\n", name, (ull)value);
}

static void zone_lines(struct view *v)
{
	struct fh_mem_info info;

	fh_mem_info(v->m, &info);
	line(v, "nr_free_pages", info.free);
	line(v, "nr_zone_inactive_anon", view_lru(v->m, LRU_INACTIVE_ANON));
	line(v, "nr_zone_active_anon", view_lru(v->m, LRU_ACTIVE_ANON));
	line(v, "nr_zone_inactive_file", view_lru(v->m, LRU_INACTIVE_FILE));
	line(v, "nr_zone_active_file", view_lru(v->m, LRU_ACTIVE_FILE));
	line(v, "nr_zone_unevictable", 0);
	line(v, "nr_mlock", 0);
	line(v, "nr_bounce", 0);
	line(v, "nr_zspages", 0);
	line(v, "nr_free_cma", info.cma_free);
}

/* Linux's events that are counted here, and those that cannot happen: no compaction, no OOM killer,
 * nobody who locks pages. */
#define NEVER NR_VM_EVENTS
static const struct {
	const char *name;
	enum vm_event event;
} linux_event[] = {
	{"pswpin", VM_pswpin},
	{"pswpout", VM_pswpout},
	{"pgfault", VM_pgfault},
	{"pgsteal_kswapd", VM_pgsteal_kswapd},
	{"pgsteal_direct", VM_pgsteal_direct},
	{"pgscan_kswapd", VM_pgscan_kswapd},
	{"pgscan_direct", VM_pgscan_direct},
	{"pgscan_anon", VM_pgscan_anon},
	{"pgscan_file", VM_pgscan_file},
	{"pgsteal_anon", VM_pgsteal_anon},
	{"pgsteal_file", VM_pgsteal_file},
	{"oom_kill", NEVER},
	{"pgmigrate_success", VM_pgmigrate_success},
	{"pgmigrate_fail", VM_pgmigrate_fail},
	{"thp_migration_success", NEVER},
	{"thp_migration_fail", NEVER},
	{"thp_migration_split", NEVER},
	{"compact_migrate_scanned", NEVER},
	{"compact_free_scanned", NEVER},
	{"compact_isolated", VM_compact_isolated},
	{"compact_stall", NEVER},
	{"compact_fail", NEVER},
	{"compact_success", NEVER},
	{"compact_daemon_wake", NEVER},
	{"compact_daemon_migrate_scanned", NEVER},
	{"compact_daemon_free_scanned", NEVER},
	{"cma_alloc_success", VM_cma_alloc_success},
	{"cma_alloc_fail", VM_cma_alloc_fail},
	{"unevictable_pgs_culled", NEVER},
	{"unevictable_pgs_scanned", NEVER},
	{"unevictable_pgs_rescued", NEVER},
	{"unevictable_pgs_mlocked", NEVER},
	{"unevictable_pgs_munlocked", NEVER},
	{"unevictable_pgs_cleared", NEVER},
	{"unevictable_pgs_stranded", NEVER},
};

#define NR_LINUX_EVENTS (sizeof(linux_event) / sizeof(linux_event[0]))

static bool is_linux_event(enum vm_event e)
{
	for (size_t i = 0; i < NR_LINUX_EVENTS; i++)
		if (linux_event[i].event == e)
			return true;
	/* With the node's counters, and below the others, as in Linux. */
	return e == VM_nr_vmscan_write || e == VM_zswpin || e == VM_zswpout;
}

void view_vmstat(struct view *v)
{
	struct view_stat node[VIEW_NODE_STATS];

	zone_lines(v);
	view_node_stats(v->m, node);
	for (unsigned int i = 0; i < VIEW_NODE_STATS; i++)
		line(v, node[i].name, node[i].value);
	for (size_t i = 0; i < NR_LINUX_EVENTS; i++)
		line(v, linux_event[i].name,
		     linux_event[i].event == NEVER ? 0 : vm_sum(v->m, linux_event[i].event));
	if (view_has_zpool(v->m)) {
		line(v, "zswpin", vm_sum(v->m, VM_zswpin));
		line(v, "zswpout", vm_sum(v->m, VM_zswpout));
		line(v, "zswpwb", 0);
	}
	/* Marked as ours: some bear a name that means something else in Linux. */
	for (unsigned int e = 0; e < NR_VM_EVENTS; e++)
		if (!is_linux_event((enum vm_event)e))
			view_add(v, "freehold_%s %llu\n", vm_event_name((enum vm_event)e),
				 (ull)vm_sum(v->m, (enum vm_event)e));
}
