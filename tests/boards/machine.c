/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A machine of a board's configuration: its areas and its devices' regions are used, and everything is given back. */
#include <freehold/cma.h>
#include <freehold/dma.h>
#include <freehold/mem.h>
#include <string.h>
#include "board.h"
#include "testplat.h"

#define BUFFER UINT64_C(65536)
/* 8 bytes of metadata for each KiB are written at birth: seconds for a server's, and a board without regions is as good as
 * the last one. */
#define RAM_MAX	      (UINT64_C(16) << 30)
#define RAM_MAX_PLAIN (UINT64_C(2) << 30)

struct users {
	struct board *b;
	const struct boot_config *cfg;
	struct fh_machine *m;
};

static void check(struct board *b, struct fh_machine *m, const char *when)
{
	char why[256];

	if (fh_check(m, why, sizeof(why)))
		board_fail(b, "fh_check %s: %s", when, why);
}

/* Nobody else is there: a block can be had, and all of it. */
static int use_area(struct cma *cma, void *arg)
{
	struct board *b = arg;
	uint64_t pages = cma_get_size(cma) >> FH_PAGE_SHIFT, nr[] = {FH_BLOCK_PAGES, pages};

	for (int i = 0; i < 2; i++) {
		pfn_t pfn;
		int err = cma_alloc(cma, nr[i], 0, CMA_NO_WARN, &pfn);

		if (err)
			board_fail(b, "area %s: %llu of %llu pages: error %d", cma_get_name(cma),
				   (unsigned long long)nr[i], (unsigned long long)pages, err);
		else if (!cma_release(cma, pfn, nr[i]))
			board_fail(b, "area %s: not given back", cma_get_name(cma));
		else
			board_count(b, "areas: buffers", 1);
	}
	return 0;
}

/* Of a region that has room and lies where 32 bits lead, an idle device gets a buffer. */
static bool must_have(const struct device *dev, const struct boot_region *r)
{
	return !dev->nr_ranges && r->size >= BUFFER && r->base + r->size <= UINT64_C(1) << 32;
}

static void use_region(struct users *u, const struct boot_device *bd, unsigned int i)
{
	const struct boot_device_region *link = &bd->region[i];
	struct boot_why why = {""};
	struct device dev;
	dma_t handle;
	void *cpu;
	int err = device_init_of_region(&dev, u->m, bd, i, &why);

	if (!err != !why.text[0])
		board_fail(u->b, "%s: region %u: error %d without a reason", bd->name, i, err);
	board_count(u->b,
		    err ? "devices' regions: nothing to have memory of"
			: "devices' regions: assigned",
		    link->link != BOOT_LINK_OFF);
	if (err || link->link != BOOT_LINK_REGION)
		return;
	err = dma_alloc_coherent(&dev, BUFFER, GFP_KERNEL, &handle, &cpu);
	if (err && must_have(&dev, &u->cfg->region[link->region]))
		board_fail(u->b, "%s: no buffer of %s: error %d", bd->name, link->node, err);
	board_count(u->b, err ? "devices' buffers: refused" : "devices' buffers", 1);
	if (!err && dma_free_coherent(&dev, BUFFER, cpu, handle))
		board_fail(u->b, "%s: buffer of %s not given back", bd->name, link->node);
}

static bool use_device(void *arg, const struct boot_device *bd, int err, const struct boot_why *why)
{
	struct users *u = arg;

	(void)why;
	for (unsigned int i = 0; i < bd->nr_regions && !err; i++)
		use_region(u, bd, i);
	return false;
}

static uint64_t ram_of(const struct boot_config *cfg)
{
	uint64_t ram = 0;

	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		ram += cfg->bank[i].size;
	return ram;
}

void board_machine(struct board *b, const struct boot_config *cfg)
{
	static struct testplat tp;
	struct fh_mem_info before, after;
	struct users u = {.b = b, .cfg = cfg};
	struct boot_why why;
	int err;

	if (ram_of(cfg) > (cfg->nr_regions ? RAM_MAX : RAM_MAX_PLAIN)) {
		board_count(b, "machines: too large to be tried", 1);
		return;
	}
	testplat_init(&tp);
	testplat_cpu(0);
	err = fh_machine_create(&tp.plat, cfg, &u.m);
	if (err) {
		board_fail(b, "no machine: error %d", err);
		return;
	}
	board_count(b, "machines", 1);
	fh_cpu_quiesce(u.m);
	fh_mem_info(u.m, &before);
	check(b, u.m, "at birth");
	cma_for_each_area(u.m, use_area, b);
	if (boot_devices_for_each(b->tree, b->size, cfg, use_device, &u, &why))
		board_fail(b, "devices: %s", why.text);
	fh_cpu_quiesce(u.m);
	fh_mem_info(u.m, &after);
	if (after.free != before.free || after.cma_free != before.cma_free)
		board_fail(b, "%llu frames free, %llu of areas; at birth %llu and %llu",
			   (unsigned long long)after.free, (unsigned long long)after.cma_free,
			   (unsigned long long)before.free, (unsigned long long)before.cma_free);
	check(b, u.m, "in the end");
	fh_machine_destroy(u.m);
	if (tp.live)
		board_fail(b, "%lld bytes not given back", (long long)tp.live);
	testplat_fini(&tp);
}
