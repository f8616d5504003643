/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/machine, mm/birth: life and death, two in one process, shapes of RAM, and every bad argument. */
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/policy.h"
#include "t.h"
#include "testplat.h"

#define MIB (UINT64_C(1) << 20)

static struct testplat tp;
static struct fh_machine *m;

static int create(void (*spoil)(struct boot_config *))
{
	struct boot_config *cfg = testplat_config(16, 4, CMA_POLICY_GUARANTEED, 1, TP_ONE_ZONE);
	int err;

	spoil(cfg);
	m = NULL;
	err = fh_machine_create(&tp.plat, cfg, &m);
	if (!err)
		fh_machine_destroy(m);
	else
		T_OK(!m, "nothing is made");
	T_EQ(atomic_load(&tp.live), 0);
	free(cfg);
	return err;
}

static void no_banks(struct boot_config *c)
{
	c->nr_banks = 0;
}

static void many_banks(struct boot_config *c)
{
	c->nr_banks = BOOT_MAX_BANKS + 1;
}

static void empty_bank(struct boot_config *c)
{
	c->bank[0].size = 0;
}

static void odd_bank(struct boot_config *c)
{
	c->bank[0].size += 1;
}

static void wrapping_bank(struct boot_config *c)
{
	c->bank[0].size = ~UINT64_C(4095);
}

static void huge_bank(struct boot_config *c)
{
	c->bank[0].size = UINT64_C(1) << 44;
}

static void falling_banks(struct boot_config *c)
{
	c->bank[1] = (struct boot_bank){TP_BASE - 16 * MIB, 2 * MIB};
	c->nr_banks = 2;
}

static void overlapping_banks(struct boot_config *c)
{
	c->bank[1] = (struct boot_bank){TP_BASE + 8 * MIB, 16 * MIB};
	c->nr_banks = 2;
}

static void no_cpus(struct boot_config *c)
{
	c->nr_cpus = 0;
}

static void many_regions(struct boot_config *c)
{
	c->nr_regions = BOOT_MAX_REGIONS + 1;
}

static void odd_zone(struct boot_config *c)
{
	c->dma_limit = TP_BASE + MIB;
}

static void area_outside(struct boot_config *c)
{
	c->region[0].base = TP_BASE + 64 * MIB;
}

static void area_half_outside(struct boot_config *c)
{
	c->region[0].base = TP_BASE + 14 * MIB;
}

static void area_not_blocks(struct boot_config *c)
{
	c->region[0].size = 4 * MIB - 4096;
}

static void areas_overlap(struct boot_config *c)
{
	c->region[1] = c->region[0];
	strcpy(c->region[1].name, "other");
	c->nr_regions = 2;
}

static void areas_of_one_name(struct boot_config *c)
{
	c->region[1] = c->region[0];
	c->region[1].base = TP_BASE;
	c->nr_regions = 2;
}

static void bad_configurations(void)
{
	testplat_init(&tp);
	T_EQ(create(no_banks), -FH_EINVAL);
	T_EQ(create(many_banks), -FH_EINVAL);
	T_EQ(create(empty_bank), -FH_EINVAL);
	T_EQ(create(odd_bank), -FH_EINVAL);
	T_EQ(create(wrapping_bank), -FH_EINVAL);
	T_EQ(create(huge_bank), -FH_EINVAL);
	T_EQ(create(falling_banks), -FH_EINVAL);
	T_EQ(create(overlapping_banks), -FH_EINVAL);
	T_EQ(create(no_cpus), -FH_EINVAL);
	T_EQ(create(many_regions), -FH_EINVAL);
	T_EQ(create(odd_zone), -FH_EINVAL);
	T_EQ(create(area_outside), -FH_EINVAL);
	T_EQ(create(area_half_outside), -FH_EINVAL);
	T_EQ(create(area_not_blocks), -FH_EINVAL);
	T_EQ(create(areas_overlap), -FH_EINVAL);
	T_EQ(create(areas_of_one_name), -FH_EEXIST);
	testplat_fini(&tp);
}

static void bad_platforms(void)
{
	struct boot_config *cfg = testplat_config(16, 4, CMA_POLICY_GUARANTEED, 1, TP_ONE_ZONE);
	struct plat p;

	testplat_init(&tp);
	T_EQ(fh_machine_create(NULL, cfg, &m), -FH_EINVAL);
	T_EQ(fh_machine_create(&tp.plat, NULL, &m), -FH_EINVAL);
	T_EQ(fh_machine_create(&tp.plat, cfg, NULL), -FH_EINVAL);
	for (int i = 0; i < 4; i++) {
		p = tp.plat;
		p.alloc = i == 0 ? NULL : p.alloc;
		p.free = i == 1 ? NULL : p.free;
		p.stop = i == 2 ? NULL : p.stop;
		p.clock_ns = i == 3 ? NULL : p.clock_ns;
		T_EQ(fh_machine_create(&p, cfg, &m), -FH_EINVAL);
	}
	/* All that may be NULL is. */
	p = (struct plat){.ctx = &tp,
			  .alloc = tp.plat.alloc,
			  .free = tp.plat.free,
			  .stop = tp.plat.stop,
			  .clock_ns = tp.plat.clock_ns};
	T_EQ(fh_machine_create(&p, cfg, &m), 0);
	TP_CHECK(m);
	fh_machine_destroy(m);
	fh_machine_destroy(NULL);
	free(cfg);
	testplat_fini(&tp);
}

static void every_allocation_fails(void)
{
	struct boot_config *cfg = testplat_config(16, 4, CMA_POLICY_GUARANTEED, 2, TP_ONE_ZONE);
	int nth = 0, err;

	testplat_init(&tp);
	do {
		m = NULL;
		atomic_store(&tp.fail_nth, ++nth);
		err = fh_machine_create(&tp.plat, cfg, &m);
		T_OK(!err || (err == -FH_ENOMEM && !m), "an error of the contract");
		if (err)
			T_EQ(atomic_load(&tp.live), 0);
	} while (err && nth < 50);
	T_OK(nth > 5, "more than a handful of allocations");
	atomic_store(&tp.fail_nth, 0);
	TP_CHECK(m);
	fh_machine_destroy(m);
	free(cfg);
	testplat_fini(&tp);
}

/* Two machines, over the same physical addresses, on platforms of their own. */
static void two_in_one_process(void)
{
	struct testplat other;
	struct fh_machine *a, *b;
	struct fh_object *oa, *ob;
	char text[8];
	pfn_t pa, pb;

	a = testplat_start(&tp, 16, 4, CMA_POLICY_GUARANTEED, 1);
	b = testplat_start(&other, 32, 8, CMA_POLICY_MOVABLE, 1);
	T_NEED(a && b);
	T_EQ(fh_object_create(a, 8, NULL, NULL, &oa), 0);
	T_EQ(fh_object_create(b, 8, NULL, NULL, &ob), 0);
	T_EQ(fh_object_write(oa, 1, 0, "in a", 5), 0);
	T_EQ(fh_object_write(ob, 1, 0, "in b", 5), 0);
	T_EQ(cma_alloc(cma_find(a, "area"), 10, 0, 0, &pa), 0);
	T_EQ(cma_alloc(cma_find(b, "area"), 10, 0, 0, &pb), 0);
	T_EQ(pa, (TP_BASE + 14 * MIB) >> 12); /* small: in the last block */
	T_EQ(pb, (TP_BASE + 24 * MIB) >> 12);
	T_EQ(fh_object_read(oa, 1, 0, text, 5), 0);
	T_STR(text, "in a");
	T_OK(cma_release(cma_find(b, "area"), pb, 10), "");
	fh_object_destroy(ob);
	testplat_end(&other, b);
	TP_CHECK(a);
	T_EQ(fh_object_read(oa, 1, 0, text, 5), 0);
	T_STR(text, "in a");
	T_OK(cma_release(cma_find(a, "area"), pa, 10), "");
	fh_object_destroy(oa);
	testplat_end(&tp, a);
}

static bool drv_isolate(void *priv, pfn_t pfn)
{
	(void)priv, (void)pfn;
	return false;
}

static int drv_migrate(void *priv, pfn_t dst, pfn_t src)
{
	(void)priv, (void)dst, (void)src;
	return -FH_EBUSY;
}

static void drv_putback(void *priv, pfn_t pfn)
{
	(void)priv, (void)pfn;
}

/* "objects, spaces and buffers that are still alive are dropped with it" */
static void destroyed_with_all_alive(void)
{
	static const struct movable_operations ops = {drv_isolate, drv_migrate, drv_putback};
	struct tp_space *host;
	struct fh_object *o;
	struct fh_space *s, *empty;
	struct fh_pinner *by;
	pfn_t pfn;

	m = testplat_start(&tp, 16, 4, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	host = testplat_space(&tp);
	T_EQ(fh_object_create(m, 8, NULL, NULL, &o), 0);
	T_EQ(fh_space_create(m, host, &s), 0);
	T_EQ(fh_space_create(m, NULL, &empty), 0);
	T_EQ(fh_space_map(s, 0, o, 0, 8), 0);
	T_EQ(fh_space_store(s, 2, 0, "x", 1), 0);
	T_EQ(cma_alloc(cma_find(m, "area"), 10, 0, 0, &pfn), 0);
	T_EQ(fh_alloc_pages(m, GFP_HIGHUSER_MOVABLE, 0, &pfn), 0);
	T_EQ(fh_page_set_movable(m, pfn, &ops, NULL), 0);
	T_EQ(fh_pinner_get(m, "who", &by), 0);
	T_EQ(fh_object_pin_by(o, 5, by, &pfn), 0);
	fh_machine_destroy(m);
	testplat_fini(&tp); /* live bytes are 0 */
	free(host);
}

/* Banks with holes, odd sizes, one frame: exactly the RAM there is, and no more. */
static void shapes_of_ram(void)
{
	static const struct {
		struct boot_bank bank[3];
		unsigned int n;
	} shapes[] = {
		{{{TP_BASE, 2 * MIB}}, 1},
		{{{TP_BASE + 4096, 8 * MIB}}, 1},
		{{{TP_BASE, 4096}, {TP_BASE + 8 * MIB, 8 * MIB}}, 2},
		{{{TP_BASE + 2 * MIB, 6 * MIB + 20480}, {TP_BASE + 30 * MIB, 2 * MIB}}, 2},
		{{{TP_BASE, MIB}, {TP_BASE + MIB + 4096, MIB}, {TP_BASE + 3 * MIB, 5 * MIB}}, 3},
		{{{0, 4 * MIB}}, 1},
	};

	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct fh_mem_info info;
		uint64_t pages = 0, n = 0;
		pfn_t list = 0, pfn;

		testplat_init(&tp);
		testplat_cpu(~0u);
		m = testplat_machine_of(&tp, testplat_banks(shapes[i].bank, shapes[i].n, 1));
		T_NEED(m);
		for (unsigned int k = 0; k < shapes[i].n; k++)
			pages += shapes[i].bank[k].size >> 12;
		fh_mem_info(m, &info);
		T_EQ(info.total, pages);
		T_EQ(info.free, pages);
		TP_CHECK(m);
		while (!fh_alloc_pages(m, GFP_EVACUATE | __GFP_DIRECT_RECLAIM, 0,
				       &pfn)) { /* to the last */
			bool ram = false;

			for (unsigned int k = 0; k < shapes[i].n; k++)
				ram |= (pfn << 12) - shapes[i].bank[k].base <
				       shapes[i].bank[k].size;
			if (!T_OK(ram && fh_page_address(m, pfn), "RAM"))
				return;
			*(pfn_t *)fh_page_address(m, pfn) = list;
			list = pfn;
			n++;
		}
		T_EQ(n, pages);
		for (; n; n--) {
			pfn = *(pfn_t *)fh_page_address(m, list);
			T_EQ(fh_free_pages(m, list, 0), 0);
			list = pfn;
		}
		testplat_end(&tp, m);
	}
}

static void mem_info(void)
{
	struct fh_mem_info info;
	struct fh_object *o;
	pfn_t pfn;

	m = testplat_start(&tp, 16, 4, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	testplat_cpu(~0u);
	fh_mem_info(m, &info);
	T_EQ(info.total, 4096);
	T_EQ(info.free, 4096);
	T_EQ(info.cma_total, 1024);
	T_EQ(info.cma_free, 1024);
	T_EQ(info.cma_device + info.cma_lent + info.file + info.anon + info.droppable + info.held,
	     0);
	T_EQ(cma_alloc(cma_find(m, "area"), 24, 0, 0, &pfn), 0);
	T_EQ(fh_object_create(m, 8, NULL, NULL, &o), 0);
	T_EQ(fh_object_write(o, 0, 0, "x", 1), 0);
	fh_mem_info(m, &info);
	T_EQ(info.free, 4096 - 25);
	T_EQ(info.cma_device, 24);
	T_EQ(info.cma_free, 1000);
	T_EQ(info.anon, 1);
	fh_object_destroy(o);
	T_OK(cma_release(cma_find(m, "area"), pfn, 24), "");
	testplat_end(&tp, m);
}

/* fh_check() finds what is broken and says it; a short buffer is cut. */
static void check_finds(void)
{
	char why[200], tiny[8];

	m = testplat_start(&tp, 16, 4, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	T_EQ(fh_check(m, why, sizeof(why)), 0);
	T_STR(why, "");
	m->map[1].w[3] &= ~UINT64_C(2);
	T_OK(fh_check(m, why, sizeof(why)) > 0, "a bit is missing");
	T_OK(!strncmp(why, "B1 block 1", 10), why);
	T_OK(fh_check(m, tiny, sizeof(tiny)) > 0 && strlen(tiny) == 7, "cut");
	T_OK(fh_check(m, tiny, 0) > 0, "no buffer");
	m->map[1].w[3] |= 2;
	zone_add(&m->zone[ZONE_DMA].nr_free, 1);
	T_OK(fh_check(m, why, sizeof(why)) > 0 && strstr(why, "B5"), why);
	zone_add(&m->zone[ZONE_DMA].nr_free, -1);
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {T(bad_configurations),
				 T(bad_platforms),
				 T(every_allocation_fails),
				 T(two_in_one_process),
				 T(destroyed_with_all_alive),
				 T(shapes_of_ram),
				 T(mem_info),
				 T(check_finds),
				 T_END};
