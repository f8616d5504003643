/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What `freehold stat` understands of a file tree: a board's, ours, old kernels', and broken ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include "t.h"
#include "memtree.h"
#include "readout.h"
#include "shown.h"

static struct readout r;
static struct shown sh;

static bool read_text(const char *text)
{
	struct memtree mt = memtree(text, strlen(text));

	return readout_read(&mt.tree, &r);
}

/* All notes, a line each. */
static const char *notes(void)
{
	static char all[READOUT_NOTES * READOUT_NOTE];

	all[0] = '\0';
	for (unsigned int i = 0; i < r.nr_notes; i++) {
		strcat(all, r.note[i]);
		strcat(all, "\n");
	}
	return all;
}

static bool near(double a, double b)
{
	return a - b < 1e-9 && b - a < 1e-9;
}

/* The sample's figures, worked out by hand when it was made. */
static void sample(void)
{
	struct tree t = tree_of_folder("tests/corpus/root");

	T_NEED(readout_read(&t, &r));
	T_STR(notes(), "");
	T_OK(!r.bad, "bad");
	T_EQ(r.page_size, 4096);
	T_EQ(r.total_kb, 507904);
	T_EQ(r.free_kb, 176152);
	T_EQ(r.available_kb, 236152);
	T_EQ(r.file_kb, 84000);
	T_EQ(r.anon_kb, 36000);
	T_EQ(r.cma_total_kb, 81920);
	T_EQ(r.cma_free_kb, 29976);
	T_EQ(r.nr_zones, 1); /* Normal and Movable have no memory */
	T_STR(r.zone[0].name, "DMA32");
	T_EQ(r.zone[0].managed, 126976);
	T_EQ(r.zone[0].low, 1760);
	T_EQ(readout_zone_free(&r.zone[0]), 44038);
	T_EQ(r.zone[0].nr_types, 6);
	T_STR(r.zone[0].type[4], "CMA");
	T_EQ(readout_zone_free_type(&r.zone[0], 4), 7494);
	T_EQ(readout_zone_free_type(&r.zone[0], 5), 0);
	T_EQ(r.nr_areas, 2);
	T_STR(r.area[0].name, "camera@50000000");
	T_EQ(r.area[0].base, 0x50000);
	T_EQ(r.area[0].device, 3840);
	T_EQ(r.area[0].holes, 1);
	T_EQ(r.area[0].largest_hole, 256);
	T_OK(near(readout_area_fragmentation(&r.area[0]), 0), "one hole");
	T_STR(r.area[1].name, "linux,cma");
	T_EQ(r.area[1].size, 16384);
	T_EQ(r.area[1].device, 6146);
	T_EQ(r.area[1].holes, 3);
	T_EQ(r.area[1].largest_hole, 5118);
	T_OK(near(readout_area_fragmentation(&r.area[1]), 1 - 5118. / 10238), "three holes");
	T_EQ(r.area[1].refused, 5120);
	/* Linux says for all areas together only what is lent. */
	T_EQ(r.area[1].lent, UNKNOWN);
	T_EQ(readout_lent(&r), 3000);
	T_EQ(readout_device(&r), 6146 + 3840);
}

static int read_page(void *priv, uint64_t index, void *page)
{
	(void)priv, (void)index;
	memset(page, 1, FH_PAGE_SIZE);
	return 0;
}

/* A machine of ours, read through the tree and through the calls. */
static void ours(void)
{
	static const struct fh_object_ops ops = {.read = read_page};
	struct tree t;
	struct cma *cma;
	struct cma_stats s;
	struct fh_mem_info info;
	struct fh_object *o;
	pfn_t pfn, none;
	char byte;

	shown_make(&sh, 200, CMA_POLICY_MOVABLE);
	T_NEED((cma = cma_find(sh.m, "area")));
	T_EQ(cma_alloc(cma, 3000, 0, 0, &pfn), 0);
	T_EQ(cma_alloc(cma, 50000, 0, CMA_NO_WARN, &none), -FH_ENOMEM);
	T_OK(cma_release(cma, pfn + 1000, 500), "released");
	T_EQ(fh_object_create(sh.m, 8000, &ops, NULL, &o), 0);
	for (uint64_t i = 0; i < 8000; i++)
		T_EQ(fh_object_read(o, i, 0, &byte, 1), 0);
	fh_cpu_quiesce(sh.m);
	t = tree_of_machine(sh.m);
	T_NEED(readout_read(&t, &r));
	T_STR(notes(), "");
	fh_mem_info(sh.m, &info);
	cma_get_stats(cma, &s);
	T_EQ(r.total_kb, info.total * 4);
	T_EQ(r.cma_free_kb, info.cma_free * 4);
	T_EQ(r.nr_zones, 3);
	T_EQ(readout_zone_free(&r.zone[0]) + readout_zone_free(&r.zone[1]) +
		     readout_zone_free(&r.zone[2]),
	     info.free);
	T_EQ(r.nr_areas, 1);
	T_STR(r.area[0].policy, "movable");
	T_EQ(r.area[0].base << 12, cma_get_base(cma).v);
	T_EQ(r.area[0].size << 12, cma_get_size(cma));
	T_EQ(r.area[0].device, s.used);
	T_EQ(r.area[0].device, 2500);
	T_OK(s.lent > 0, "nothing is lent: the test says little");
	T_EQ(r.area[0].lent, s.lent);
	T_EQ(readout_area_free(&r.area[0]), info.cma_free);
	T_EQ(r.area[0].holes, 2);
	T_EQ(r.area[0].largest_hole, 200 * 256 - 3000);
	T_EQ(r.area[0].error, -FH_ENOMEM);
	T_EQ(r.area[0].error_count, 50000);
	T_STR(r.area[0].why, "no window of that size is free");
	T_EQ(r.area[0].error_pfn, 0);
	T_STR(r.area[0].error_owner, "none");
	T_STR(r.area[0].error_pinner, "");
	T_EQ(r.area[0].nr_allocs, 1);
	T_EQ(r.area[0].nr_fails, 1);
	fh_object_destroy(o);
	T_OK(cma_release(cma, pfn, 1000) && cma_release(cma, pfn + 1500, 1500), "released");
	shown_done(&sh);
}

/* The page in the way and who pins it, from the machine to the words and the JSON of `freehold stat`. */
/* ZONE_MOVABLE is a zone like the others, and none when it has no memory. */
static void zone_movable(void)
{
	struct boot_config *cfg =
		testplat_config(SHOWN_MIB, 64, CMA_POLICY_MOVABLE, 2, TP_THREE_ZONES);
	struct tree t;

	cfg->movable_start = TP_BASE + 160 * (UINT64_C(1) << 20);
	shown_machine(&sh, cfg);
	t = tree_of_machine(sh.m);
	T_NEED(readout_read(&t, &r));
	T_STR(notes(), "");
	T_EQ(r.nr_zones, 4);
	T_STR(r.zone[3].name, "Movable");
	T_EQ(r.zone[2].managed, 32 * 256);
	T_EQ(r.zone[3].managed, 96 * 256);
	T_EQ(r.zone[3].cma, 64 * 256);
	shown_done(&sh);
}

static void who_pins(void)
{
	char *text = NULL, want[200];
	struct fh_pinner *by;
	struct fh_object *o;
	struct cma *cma;
	struct tree t;
	uint64_t i = 0;
	pfn_t pfn = 0;
	size_t n;
	FILE *out;

	shown_make(&sh, 64, CMA_POLICY_MOVABLE);
	T_NEED((cma = cma_find(sh.m, "area")));
	T_EQ(fh_object_create(sh.m, 100000, NULL, NULL, &o), 0);
	while (fh_pfn_to_phys(pfn).v < cma_get_base(cma).v && !fh_object_write(o, i, 0, "x", 1))
		T_EQ(fh_object_where(o, i++, &pfn), 0);
	T_EQ(fh_pinner_get(sh.m, "direct-io", &by), 0);
	T_EQ(fh_object_pin_by(o, --i, by, &pfn), 0);
	T_EQ(cma_alloc(cma, 64 * 256, 0, CMA_NO_WARN, &pfn), -FH_EBUSY);
	t = tree_of_machine(sh.m);
	T_NEED(readout_read(&t, &r));
	T_STR(notes(), "");
	T_EQ(r.area[0].error_pfn, pfn);
	T_EQ(r.area[0].error_object, fh_object_id(o));
	T_EQ(r.area[0].error_pins, 1);
	T_STR(r.area[0].error_pinner, "direct-io");
	T_NEED((out = open_memstream(&text, &n)));
	readout_text(&r, out);
	fclose(out);
	snprintf(want, sizeof(want),
		 "area: the last refusal was -16, for 16384 pages: pinned; page %#llx of object "
		 "%llu, "
		 "pins: 1, by direct-io\n",
		 (unsigned long long)pfn, (unsigned long long)fh_object_id(o));
	T_OK(strstr(text, want), text);
	free(text);
	T_NEED((out = open_memstream(&text, &n)));
	T_OK(readout_json(&r, out), "JSON");
	fclose(out);
	T_OK(strstr(text, "\"pinner\": \"direct-io\""), text);
	free(text);
	T_EQ(fh_object_unpin_by(o, i, by), 0);
	fh_object_destroy(o);
	shown_done(&sh);
}

#define MEMINFO                                                                                    \
	"@proc/meminfo\nMemTotal:  1024 kB\nMemFree:  512 kB\nCmaTotal: 256 kB\nCmaFree: 128 kB\n"
#define ZONEINFO                                                                                   \
	"@proc/zoneinfo\nNode 0, zone   DMA\n  pages free 128\n        min  1\n        low  2\n"   \
	"        high 3\n        managed 256\n        cma 64\n"
#define BUDDY "@proc/buddyinfo\nNode 0, zone      DMA      0      1 \n"
#define TYPES                                                                                      \
	"@proc/pagetypeinfo\nPage block order: 1\nNode    0, zone      DMA, type      Movable   "  \
	"    2      1 \n"
#define SYS   "@sys/kernel/mm/cma/a/"
#define DEBUG "@sys/kernel/debug/cma/a/"
#define OURS  "@sys/kernel/debug/freehold/a/"
#define SYSFS                                                                                      \
	SYS "alloc_pages_success\n9\n" SYS "alloc_pages_fail\n0\n" SYS                             \
	    "release_pages_success\n5\n" SYS "total_pages\n64\n" SYS "available_pages\n60\n"
#define DEBUGFS                                                                                    \
	DEBUG "base_pfn\n256\n" DEBUG "count\n64\n" DEBUG "used\n4\n" DEBUG                        \
	      "order_per_bit\n0\n" DEBUG "maxchunk\n60\n" DEBUG "bitmap\n15 0\n"
#define FINE MEMINFO ZONEINFO TYPES SYSFS DEBUGFS

static void fine(void)
{
	T_NEED(read_text(FINE));
	T_STR(notes(), "");
	T_EQ(r.area[0].holes, 1);
	T_EQ(r.area[0].device, 4);
	/* With one area it follows from the totals: 128 kB less 16 of the device's. */
	T_EQ(r.area[0].lent, 28);
	T_EQ(readout_area_free(&r.area[0]), 32);
	T_EQ(readout_zone_whole(&r, &r.zone[0]), 2);
	T_EQ(r.zone[0].runs[0], 2);
	T_NEED(read_text("@proc/meminfo\nMemTotal:  1024 kB\r\nMemFree:  512 kB\r\n"
			 "CmaTotal: 256 kB\r\nCmaFree: 128 kB\r\n" ZONEINFO TYPES SYSFS DEBUGFS));
	T_STR(notes(), ""); /* copied through another system */
}

/* Linux before 6.15 has no total_pages and available_pages; long before, the folder was cma-NAME. */
static void old_kernels(void)
{
#define OLD "@sys/kernel/debug/cma/cma-a/"
	T_NEED(read_text(MEMINFO ZONEINFO TYPES SYS
			 "alloc_pages_success\n9\n" SYS "alloc_pages_fail\n0\n" SYS
			 "release_pages_success\n5\n" OLD "base_pfn\n256\n" OLD "count\n64\n" OLD
			 "used\n16\n" OLD "order_per_bit\n3\n" OLD "maxchunk\n48\n" OLD
			 "bitmap\n3\n"));
	T_STR(notes(), "");
	T_EQ(r.nr_areas, 1);
	T_STR(r.area[0].name, "a");
	T_EQ(r.area[0].base, 256);
	T_EQ(r.area[0].size, 64);
	T_EQ(r.area[0].device, 16);
	T_EQ(r.area[0].holes, 1);
	T_EQ(r.area[0].allocated, 9);
	/* maxchunk is not needed where the bitmap is. */
	T_NEED(read_text(MEMINFO ZONEINFO TYPES SYSFS DEBUG "base_pfn\n256\n" DEBUG
							    "order_per_bit\n0\n" DEBUG
							    "bitmap\n4294967295 3\n"));
	T_STR(notes(), "");
	T_EQ(r.area[0].largest_hole, 30);
	/* Several ranges, each a bitmap. */
	T_NEED(read_text(MEMINFO ZONEINFO TYPES SYSFS DEBUG
			 "base_pfn\n256\n" DEBUG "order_per_bit\n0\n" DEBUG "bitmap\n15\n" DEBUG
			 "ranges/0/bitmap\n15\n" DEBUG "ranges/1/bitmap\n8\n"));
	T_STR(notes(), "");
	T_EQ(r.area[0].holes, 3);
	T_EQ(r.area[0].largest_hole, 28);
	/* With coarse bits nobody can tell where a range's bitmap ends. */
	T_NEED(read_text(MEMINFO ZONEINFO TYPES SYSFS DEBUG
			 "base_pfn\n256\n" DEBUG "order_per_bit\n5\n" DEBUG "maxchunk\n32\n" DEBUG
			 "ranges/0/bitmap\n1\n" DEBUG "ranges/1/bitmap\n0\n"));
	T_STR(notes(), "");
	T_EQ(r.area[0].holes, UNKNOWN);
	T_EQ(r.area[0].largest_hole, 32);
}

static void page_sizes(void)
{
	T_NEED(read_text("@proc/meminfo\nMemTotal: 16384 kB\nMemFree: 0 kB\nCmaTotal: 0 kB\n"
			 "CmaFree: 0 kB\n" ZONEINFO TYPES SYSFS DEBUGFS));
	T_STR(notes(), "");
	T_EQ(r.page_size, 65536);
	T_NEED(read_text("@proc/meminfo\nMemTotal: 9999 kB\nMemFree: 0 kB\nCmaTotal: 0 kB\n"
			 "CmaFree: 0 kB\n" ZONEINFO TYPES SYSFS DEBUGFS));
	T_EQ(r.page_size, 4096);
	T_STR(notes(), "proc/zoneinfo: no `managed' that goes with MemTotal of proc/meminfo: the "
		       "page size is assumed to be 4 KiB\n");
}

/* pagetypeinfo is root's alone in most kernels. */
static void without_types(void)
{
	T_NEED(read_text(MEMINFO ZONEINFO BUDDY SYSFS DEBUGFS));
	T_STR(notes(), "proc/pagetypeinfo: No such file or directory\n");
	T_EQ(r.zone[0].runs[1], 1);
	T_EQ(r.zone[0].nr_types, 0);
	T_EQ(readout_zone_whole(&r, &r.zone[0]), UNKNOWN);
	T_NEED(read_text(MEMINFO ZONEINFO
			 "@proc/pagetypeinfo\nNode    0, zone      DMA, type      Movable"
			 " >100000      1 \n" SYSFS DEBUGFS));
	T_STR(notes(), "");
	T_OK(r.zone[0].capped, "the kernel stopped counting");
	T_EQ(r.zone[0].runs[0], 100000);
}

static void missing(void)
{
	T_OK(!read_text("@etc/passwd\nroot\n"), "not a machine's tree");
	T_NEED(read_text(MEMINFO));
	T_STR(notes(), "proc/zoneinfo: No such file or directory\n"
		       "proc/pagetypeinfo: No such file or directory\n"
		       "proc/buddyinfo: No such file or directory\n"
		       "sys/kernel/mm/cma: No such file or directory\n"
		       "sys/kernel/debug/cma: No such file or directory\n");
	T_OK(!r.bad, "what is missing is not wrong");
	T_EQ(readout_lent(&r), UNKNOWN);
	T_EQ(readout_device(&r), UNKNOWN);
	/* By name, and once, however many areas miss it. */
	T_NEED(read_text(MEMINFO ZONEINFO TYPES "@sys/kernel/mm/cma/a/total_pages\n64\n"
						"@sys/kernel/mm/cma/b/total_pages\n64\n"
						"@sys/kernel/debug/cma/a/count\n64\n"));
	T_STR(notes(), "sys/kernel/mm/cma/*/alloc_pages_success: No such file or directory\n"
		       "sys/kernel/mm/cma/*/alloc_pages_fail: No such file or directory\n"
		       "sys/kernel/mm/cma/*/release_pages_success: No such file or directory\n"
		       "sys/kernel/debug/cma/*/base_pfn: No such file or directory\n"
		       "sys/kernel/debug/cma/*/order_per_bit: No such file or directory\n"
		       "sys/kernel/debug/cma/*/maxchunk: No such file or directory\n"
		       "sys/kernel/mm/cma/*/available_pages: No such file or directory\n");
	T_NEED(read_text(
		"@proc/meminfo\nMemTotal: 1024 kB\nMemFree: 1 kB\n" ZONEINFO TYPES SYSFS DEBUGFS));
	T_STR(notes(), "proc/meminfo: no CmaTotal in it\nproc/meminfo: no CmaFree in it\n");
}

/* Each tree has one thing wrong. */
static void broken(const char *text, const char *note)
{
	T_OK(read_text(text), "not read");
	T_OK(r.bad, "not seen");
	T_STR(r.note[0], note);
	T_EQ(r.nr_notes, 1);
}

static void malformed(void)
{
	broken("@proc/meminfo\nMemTotal:  1024 kB\nMemFree: lots kB\n" ZONEINFO TYPES SYSFS DEBUGFS,
	       "proc/meminfo:2: expected a number of kB");
	broken("@proc/meminfo\nMemTotal:  1024 kB\nCmaFree: 12\n" ZONEINFO TYPES SYSFS DEBUGFS,
	       "proc/meminfo:2: expected a number of kB");
	broken(FINE "@proc/vmstat\n" DEBUG "ranges/0/bitmap\n15 0 0\n",
	       "sys/kernel/debug/cma/a/ranges/0/bitmap:1: expected 32-bit words, decimal, for 64 "
	       "bits");
	broken(MEMINFO
	       "@proc/zoneinfo\nNode 0, zone DMA\n managed 256\nNodes\n" TYPES SYSFS DEBUGFS,
	       "proc/zoneinfo:3: expected `Node N, zone NAME'");
	broken(MEMINFO "@proc/zoneinfo\nNode 0, zone DMA\n managed 256 pages\n" TYPES SYSFS DEBUGFS,
	       "proc/zoneinfo:2: expected a number of pages");
	broken(MEMINFO ZONEINFO "@proc/pagetypeinfo\nPage block order: 99\n" SYSFS DEBUGFS,
	       "proc/pagetypeinfo:1: expected an order, 0 to 19");
	broken(MEMINFO ZONEINFO
	       "@proc/pagetypeinfo\nNode 0, zone DMA, type CMA 1 x\n" SYSFS DEBUGFS,
	       "proc/pagetypeinfo:1: expected `Node N, zone NAME, type NAME' and counts");
	broken(MEMINFO ZONEINFO TYPES SYS "total_pages\n-64\n" SYSFS DEBUGFS,
	       "sys/kernel/mm/cma/a/total_pages:1: expected a number");
	broken(MEMINFO ZONEINFO TYPES SYS "total_pages\n18446744073709551615\n" SYSFS DEBUGFS,
	       "sys/kernel/mm/cma/a/total_pages:1: expected a number");
	broken(MEMINFO ZONEINFO TYPES SYS "available_pages\n65\n" SYSFS DEBUGFS,
	       "sys/kernel/mm/cma/*/available_pages: expected at most total_pages");
	broken(MEMINFO ZONEINFO TYPES SYSFS DEBUG "used\n65\n" DEBUGFS,
	       "sys/kernel/debug/cma/*/used: expected at most the area's pages");
	broken(MEMINFO ZONEINFO TYPES SYSFS DEBUG "bitmap\n15\n" DEBUGFS,
	       "sys/kernel/debug/cma/a/bitmap:1: expected 32-bit words, decimal, for 64 bits");
	broken(MEMINFO ZONEINFO TYPES SYSFS DEBUG "bitmap\n15 4294967296\n" DEBUGFS,
	       "sys/kernel/debug/cma/a/bitmap:1: expected 32-bit words, decimal, for 64 bits");
	broken(FINE OURS "stats\nlent many\n",
	       "sys/kernel/debug/freehold/a/stats:1: expected a name and a number");
	broken(FINE OURS "last_failure\nerror EBUSY\n",
	       "sys/kernel/debug/freehold/a/last_failure:1: expected an error, 0 or negative");
	broken(FINE OURS "last_failure\npins some\n",
	       "sys/kernel/debug/freehold/a/last_failure:1: expected a name and a number");
	broken(FINE OURS "policy\n\n",
	       "sys/kernel/debug/freehold/a/policy:1: expected the name of a policy");
	/* A name from a foreign folder does not reach a terminal as it is. */
	T_OK(read_text(FINE "@sys/kernel/mm/cma/\x1b[31m/total_pages\nx\n"), "not read");
	T_STR(r.note[0], "sys/kernel/mm/cma/?[31m/total_pages:1: expected a number");
}

static void zero_byte(void)
{
	static const char text[] = FINE "@sys/kernel/debug/freehold/a/policy\nmov\0able\n";
	struct memtree mt = memtree(text, sizeof(text) - 1);

	T_OK(readout_read(&mt.tree, &r) && r.bad, "not seen");
	T_STR(notes(), "sys/kernel/debug/freehold/a/policy: expected text, found a zero byte\n");
}

const struct t_case t_cases[] = {T(sample),  T(ours),	     T(zone_movable), T(who_pins),
				 T(fine),    T(old_kernels), T(page_sizes),   T(without_types),
				 T(missing), T(malformed),   T(zero_byte),    T_END};
