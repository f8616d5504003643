/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The file tree: its paths, readers with buffers of any size and beside a machine at work, iomem, dmesg. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "t.h"
#include "shown.h"

static struct shown sh;

/* ---- paths ---- */

static int read_err(const char *path)
{
	size_t len;

	return fh_view_read(sh.m, path, sh.text, sizeof(sh.text), &len);
}

static void paths(void)
{
	static const char *const unknown[] = {"proc/nothing",
					      "pro",
					      "procs",
					      "proc/meminfo/",
					      "proc/meminfo/x",
					      "proc//meminfo",
					      "//proc",
					      "..",
					      "dmesg/",
					      "sys/kernel/mm/cma/are",
					      "sys/kernel/mm/cma/area2/total_pages",
					      "sys/kernel/mm/cma/*/total_pages",
					      "sys/kernel/mm/cma/area/used",
					      "sys/kernel/debug/cma/area/ranges/1/bitmap",
					      "sys/kernel/debug/cma/area/ranges/00/bitmap",
					      "sys/kernel/debug/cma/area/ranges/#/bitmap",
					      "sys/kernel/debug/cma/area/alloc"};

	shown_make(&sh, 16, CMA_POLICY_GUARANTEED);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		t_eq(read_err(unknown[i]), -FH_ENOENT, __FILE__, __LINE__, unknown[i], "-ENOENT");
	T_STR(shown(&sh, ""), "dmesg\nproc/\nsys/\n");
	T_STR(shown(&sh, "/"), "dmesg\nproc/\nsys/\n");
	T_STR(shown(&sh, "/sys/kernel/"), "debug/\ndmabuf/\nmm/\n");
	T_STR(shown(&sh, "sys/kernel/debug/cma"), "area/\n");
	T_STR(shown(&sh, "sys/kernel/debug/cma/area/"),
	      "base_pfn\nbitmap\ncount\nfailures\nmaxchunk\norder_per_bit\nranges/\nused\n");
	T_STR(shown(&sh, "sys/kernel/debug/cma/area/ranges"), "0/\n");
	T_STR(shown(&sh, "sys/kernel/debug/cma/area/ranges/0"), "base_pfn\nbitmap\n");
	shown_done(&sh);
	shown_make(&sh, 0, CMA_POLICY_GUARANTEED);
	T_STR(shown(&sh, "sys/kernel/mm/cma"), "");
	T_EQ(read_err("sys/kernel/mm/cma/area"), -FH_ENOENT);
	shown_done(&sh);
}

/* Calls fn for every file below a folder: what is listed can be read, and is listed once. */
static unsigned int walk(const char *dir, void (*fn)(const char *path))
{
	char *list = strdup(shown(&sh, dir)), *save = NULL, path[512], seen[4096] = "\n", mark[256];
	unsigned int files = 0;

	for (char *s = strtok_r(list, "\n", &save); s; s = strtok_r(NULL, "\n", &save)) {
		snprintf(mark, sizeof(mark), "\n%s\n", s);
		t_ok(!strstr(seen, mark), __FILE__, __LINE__, s, "listed twice");
		strcat(seen, mark + 1);
		snprintf(path, sizeof(path), "%s%s", dir, s);
		if (s[strlen(s) - 1] == '/') {
			files += walk(path, fn);
		} else {
			files++;
			fn(path);
		}
	}
	free(list);
	return files;
}

/* Files of dma-api that are empty while DMA debugging has nothing to show, as in Linux. */
static bool may_be_empty(const char *path)
{
	return strstr(path, "dma-api/driver_filter") || strstr(path, "dma-api/dump");
}

/* A reader's buffer may have any size: nothing is written behind it, and what fits is right. */
static void any_size(const char *path)
{
	char *whole = strdup(shown(&sh, path)), buf[1 << 15];
	size_t len, full = strlen(whole);
	const size_t sizes[] = {0, 1, 2, 17, 255, 256, 257, full - 1, full, full + 1};

	T_OK(full > 0 || may_be_empty(path), path);
	T_OK(!full || whole[full - 1] == '\n', path);
	if (!full) {
		free(whole);
		return;
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i], fits = size < full ? size : full;

		if (size + 8 > sizeof(buf))
			continue;
		memset(buf, '#', sizeof(buf));
		T_EQ(fh_view_read(sh.m, path, buf, size, &len), 0);
		T_EQ(len, full);
		T_OK(!memcmp(buf, whole, fits), path);
		if (size > full)
			T_EQ(buf[full], 0);
		T_OK(!memcmp(buf + (size > full ? full + 1 : size), "########", 8), path);
	}
	T_EQ(fh_view_read(sh.m, path, NULL, 0, &len), 0);
	T_EQ(len, full);
	free(whole);
}

static void every_file(void)
{
	shown_make(&sh, 64, CMA_POLICY_MOVABLE);
	T_EQ(walk("", any_size), 50);
	shown_done(&sh);
}

/* ---- boot ---- */

static void add(struct boot_config *cfg, enum boot_region_kind kind, uint64_t base, uint64_t size,
		unsigned int flags)
{
	struct boot_region *r = &cfg->region[cfg->nr_regions++];

	*r = (struct boot_region){.base = base, .size = size, .kind = kind, .flags = flags};
	snprintf(r->name, sizeof(r->name), "region%u", cfg->nr_regions);
}

static void iomem(void)
{
	struct boot_config *cfg = testplat_config(64, 16, CMA_POLICY_MOVABLE, 1, TP_ONE_ZONE);

	cfg->bank[0] = (struct boot_bank){0x40000000, 0x2000000};
	cfg->bank[1] = (struct boot_bank){0x42000000, 0x2000000}; /* touches the first */
	cfg->bank[2] = (struct boot_bank){0x880000000, 0x1000000};
	cfg->nr_banks = 3;
	/* Touching and overlapping ones are one; odd sizes are whole pages; outside RAM is nothing
	 * to show. */
	add(cfg, BOOT_REGION_RESERVED, 0x41000010, 0x20, 0);
	add(cfg, BOOT_REGION_RESERVED, 0x41001000, 0x3000, 0);
	add(cfg, BOOT_REGION_RESTRICTED_POOL, 0x41800000, 0x100000, 0);
	add(cfg, BOOT_REGION_RESERVED, 0x41880000, 0x100000, 0);
	add(cfg, BOOT_REGION_RESERVED, 0x10000000, 0x1000, 0);
	add(cfg, BOOT_REGION_NOMAP, 0x42800000, 0x400000, 0);
	add(cfg, BOOT_REGION_DMA_POOL, 0x42c00000, 0x100000, BOOT_REGION_NO_MAP);
	add(cfg, BOOT_REGION_DMA_POOL, 0x880000000, 0x100000, 0);
	add(cfg, BOOT_REGION_NOMAP, 0x880f00000, 0x200000, 0);
	testplat_init(&sh.tp);
	sh.tp.plat.ram = NULL; /* the banks are not one piece */
	T_EQ(fh_machine_create(&sh.tp.plat, cfg, &sh.m), 0);
	free(cfg);
	T_STR(shown(&sh, "proc/iomem"), "40000000-427fffff : System RAM\n"
					"  41000000-41003fff : reserved\n"
					"  41800000-4197ffff : reserved\n"
					"42800000-42cfffff : reserved\n"
					"42d00000-43ffffff : System RAM\n"
					"  43000000-43ffffff : reserved\n"
					"880000000-880efffff : System RAM\n"
					"  880000000-8800fffff : reserved\n"
					"880f00000-880ffffff : reserved\n");
	shown_done(&sh);
}

static void dmesg(void)
{
	struct boot_config *cfg =
		testplat_config(SHOWN_MIB, 16, CMA_POLICY_MOVABLE, 1, TP_ONE_ZONE);
	unsigned int lines = 0, first = 0, last = 0;

	strcpy(cfg->dmesg, "one\n  two\n");
	cfg->dmesg_len = strlen(cfg->dmesg);
	shown_machine(&sh, cfg);
	T_STR(shown(&sh, "dmesg"),
	      "[    0.000000] one\n[    0.000000]   two\n"
	      "[    0.000000] Memory: 245760K/262144K available (0K reserved, 16384K "
	      "cma-reserved)\n");
	/* Far more than the log keeps: whole lines, in order, the last ones. */
	for (unsigned int i = 0; i < 5000; i++)
		machine_log(sh.m, PLAT_LOG_INFO, "line %05u", i);
	for (const char *s = shown(&sh, "dmesg"); *s; s = strchr(s, '\n') + 1, lines++) {
		if (!T_OK(sscanf(s, "[    0.000000] line %5u", &last) == 1 && s[25] == '\n', s))
			break;
		first = lines ? first : last;
		T_EQ(last, first + lines);
	}
	T_EQ(last, 4999);
	T_OK(lines >= DMESG_SIZE / 11 - 2, "what the log keeps is not all shown");
	shown_done(&sh);
}

/* ---- readers beside a machine at work ---- */

static _Atomic(bool) stop;

static void *reader(void *arg)
{
	size_t len;

	(void)arg;
	testplat_cpu(1);
	while (!atomic_load(&stop)) {
		static const char *const files[] = {
			"proc/meminfo",	 "proc/pagetypeinfo",
			"proc/zoneinfo", "sys/kernel/debug/cma/area/bitmap",
			"proc/vmstat",	 "sys/kernel/debug/freehold/area/stats",
			"dmesg"};

		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
			T_EQ(fh_view_read(sh.m, files[i], sh.text, sizeof(sh.text), &len), 0);
	}
	fh_cpu_quiesce(sh.m);
	return NULL;
}

static void at_work(void)
{
	struct cma *cma;
	pthread_t thread;
	pfn_t pfn, page, none;

	shown_make(&sh, 64, CMA_POLICY_MOVABLE);
	T_NEED((cma = cma_find(sh.m, "area")));
	atomic_store(&stop, false);
	T_NEED(!pthread_create(&thread, NULL, reader, NULL));
	for (unsigned int i = 0; i < 300; i++) {
		T_EQ(cma_alloc(cma, 1 + i * 7, 0, 0, &pfn), 0);
		T_EQ(fh_alloc_pages(sh.m, GFP_KERNEL, i % 3, &page), 0);
		T_EQ(cma_alloc(cma, 1 << 20, 0, 0, &none), -FH_ENOMEM);
		T_EQ(fh_free_pages(sh.m, page, i % 3), 0);
		T_OK(cma_release(cma, pfn, 1 + i * 7), "released");
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	shown_done(&sh);
}

const struct t_case t_cases[] = {T(paths), T(every_file), T(iomem), T(dmesg), T(at_work), T_END};
