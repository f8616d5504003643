/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/areas: making areas, before and after birth, finding them, their policy, and every bad argument. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define MIB (UINT64_C(1) << 20)

static struct testplat tp;
static struct fh_machine *m;

static phys_t at(uint64_t mib)
{
	return (phys_t){TP_BASE + mib * MIB};
}

/*
 * Blocks of 2 MiB:	0123456789abcdef
 *			nnnnRRRRRRRRAAnn	R reserved (8..24 MiB), A area "a" (24..28)
 */
static bool start(void)
{
	struct boot_config *cfg = testplat_config(32, 0, CMA_POLICY_GUARANTEED, 1, TP_ONE_ZONE);

	cfg->region[0] = (struct boot_region){.name = "kept", .base = at(8).v, .size = 16 * MIB};
	cfg->region[1] = (struct boot_region){
		.name = "a", .base = at(24).v, .size = 4 * MIB, .kind = BOOT_REGION_CMA};
	cfg->nr_regions = 2;
	testplat_init(&tp);
	testplat_cpu(0);
	m = testplat_machine_of(&tp, cfg);
	return m;
}

static void bad_arguments(void)
{
	struct cma *c = NULL;
	char name[CMA_MAX_NAME + 1];

	T_NEED(start());
	memset(name, 'n', sizeof(name));
	name[CMA_MAX_NAME] = '\0';
	T_EQ(cma_init_reserved_mem(NULL, at(8), 2 * MIB, 0, "x", &c), -FH_EINVAL);
	T_EQ(cma_init_reserved_mem(m, at(8), 2 * MIB, 0, "x", NULL), -FH_EINVAL);
	T_EQ(cma_init_reserved_mem(m, at(8), 0, 0, "x", &c), -FH_EINVAL);
	T_EQ(cma_init_reserved_mem(m, at(8), 2 * MIB, 10, "x", &c), -FH_EINVAL);
	T_EQ(cma_init_reserved_mem(m, at(8), 2 * MIB, ~0u, "x", &c), -FH_EINVAL);
	T_EQ(cma_init_reserved_mem(m, at(8), 2 * MIB, 0, name, &c), -FH_EINVAL);
	T_EQ(cma_init_reserved_mem(m, at(8), 4096, 0, "x", &c), -FH_EINVAL);
	T_EQ(cma_init_reserved_mem(m, at(8), 3 * MIB, 0, "x", &c), -FH_EINVAL);
	T_EQ(cma_init_reserved_mem(m, at(9), 2 * MIB, 0, "x", &c), -FH_EINVAL);
	for (uint64_t off = 4096; off < 2 * MIB; off *= 2)
		T_EQ(cma_init_reserved_mem(m, (phys_t){at(8).v + off}, 2 * MIB, 0, "x", &c),
		     -FH_EINVAL);
	T_EQ(cma_init_reserved_mem(m, at(6), 4 * MIB, 0, "x", &c), -FH_EINVAL);	 /* in use */
	T_EQ(cma_init_reserved_mem(m, at(0), 2 * MIB, 0, "x", &c), -FH_EINVAL);	 /* in use */
	T_EQ(cma_init_reserved_mem(m, at(22), 4 * MIB, 0, "x", &c), -FH_EINVAL); /* over "a" */
	T_EQ(cma_init_reserved_mem(m, at(24), 4 * MIB, 0, "x", &c), -FH_EINVAL); /* is "a" */
	T_EQ(cma_init_reserved_mem(m, at(64), 2 * MIB, 0, "x", &c), -FH_EINVAL); /* not RAM */
	T_EQ(cma_init_reserved_mem(m, (phys_t){0}, 2 * MIB, 0, "x", &c), -FH_EINVAL);
	T_EQ(cma_init_reserved_mem(m, at(8), ~(2 * MIB - 1), 0, "x", &c), -FH_EINVAL); /* wraps */
	T_EQ(cma_init_reserved_mem(m, (phys_t){~(2 * MIB - 1)}, 2 * MIB, 0, "x", &c), -FH_EINVAL);
	T_EQ(cma_init_reserved_mem(m, at(8), 2 * MIB, 0, "a", &c), -FH_EEXIST);
	T_EQ(cma_init_reserved_areas(NULL), -FH_EINVAL);
	T_EQ(cma_set_policy(NULL, CMA_POLICY_MOVABLE), -FH_EINVAL);
	T_EQ(cma_set_policy(cma_find(m, "a"), CMA_NR_POLICIES), -FH_EINVAL);
	T_EQ(cma_set_policy(cma_find(m, "a"), (enum cma_policy) - 1), -FH_EINVAL);
	T_OK(!c, "nothing is made");
	TP_CHECK(m);
	testplat_end(&tp, m);
}

/* Every single block of the reserve can become an area, wherever it lies. */
static void every_block(void)
{
	struct cma *c;
	char name[8];

	T_NEED(start());
	for (uint64_t mib = 8; mib < 24; mib += 2) {
		snprintf(name, sizeof(name), "b%u", (unsigned int)mib);
		T_EQ(cma_init_reserved_mem(m, at(mib), 2 * MIB, (unsigned int)(mib / 2) % 10, name,
					   &c),
		     0);
		T_EQ(cma_get_base(c).v, at(mib).v);
	}
	T_EQ(cma_init_reserved_areas(m), 0);
	TP_CHECK(m);
	testplat_end(&tp, m);
}

static void after_birth(void)
{
	struct fh_mem_info before, info;
	struct cma *c, *d;
	pfn_t pfn;

	T_NEED(start());
	fh_mem_info(m, &before);
	T_EQ(cma_init_reserved_mem(m, at(10), 6 * MIB, 0, "late", &c), 0);
	T_EQ(cma_init_reserved_mem(m, at(16), 2 * MIB, 9, NULL, &d), 0);
	T_STR(cma_get_name(c), "late");
	T_STR(cma_get_name(d), "cma2");
	T_EQ(cma_get_size(c), 6 * MIB);
	T_EQ(cma_get_policy(c), CMA_POLICY_GUARANTEED);
	fh_mem_info(m, &info);
	T_EQ(info.total, before.total); /* not in service yet */
	T_EQ(cma_alloc(c, 1, 0, 0, &pfn), -FH_EINVAL);
	TP_CHECK(m);
	T_EQ(cma_init_reserved_areas(m), 0);
	fh_mem_info(m, &info);
	T_EQ(info.total, before.total + 2048);
	T_EQ(info.cma_total, before.cma_total + 2048);
	T_EQ(info.free, before.free + 2048);
	T_EQ(cma_init_reserved_areas(m), 0); /* once more: nothing to do */
	T_EQ(cma_alloc(c, 1536, 0, 0, &pfn), 0);
	T_EQ(pfn, at(10).v >> FH_PAGE_SHIFT);
	T_OK(cma_release(c, pfn, 1536), "");
	T_EQ(cma_alloc(d, 1, 0, 0, &pfn), 0); /* one bit: the whole block */
	fh_mem_info(m, &info);
	T_EQ(info.cma_device, 512);
	T_OK(cma_release(d, pfn, 1), "");
	TP_CHECK(m);
	testplat_end(&tp, m);
}

static int collect(struct cma *cma, void *data)
{
	char *list = data;

	strcat(list, cma_get_name(cma));
	return strcmp(cma_get_name(cma), "stop") ? 0 : 77;
}

static void finding(void)
{
	char list[64] = "";
	struct cma *c;

	T_NEED(start());
	T_OK(!cma_default(m), "none was named");
	T_OK(!cma_find(m, "b") && !cma_find(m, ""), "no such area");
	T_EQ(cma_for_each_area(m, collect, list), 0);
	T_STR(list, "a");
	T_EQ(cma_init_reserved_mem(m, at(8), 2 * MIB, 0, "stop", &c), 0);
	T_EQ(cma_init_reserved_mem(m, at(10), 2 * MIB, 0, "after", &c), 0);
	T_OK(cma_find(m, "after") == c, "by its name");
	list[0] = '\0';
	T_EQ(cma_for_each_area(m, collect, list), 77);
	T_STR(list, "astop");
	testplat_end(&tp, m);
}

/* 62 and no more. */
static void too_many(void)
{
	struct boot_config *cfg = testplat_config(160, 0, CMA_POLICY_MOVABLE, 1, TP_ONE_ZONE);
	struct cma *c;

	cfg->region[0] = (struct boot_region){.name = "kept", .base = at(8).v, .size = 150 * MIB};
	cfg->nr_regions = 1;
	testplat_init(&tp);
	testplat_cpu(0);
	tp.no_ram = true;
	m = testplat_machine_of(&tp, cfg);
	T_NEED(m);
	for (uint64_t i = 0; i < CMA_MAX_AREAS; i++)
		T_EQ(cma_init_reserved_mem(m, at(8 + 2 * i), 2 * MIB, 0, NULL, &c), 0);
	T_STR(cma_get_name(c), "cma61");
	T_EQ(cma_init_reserved_mem(m, at(8 + 2 * CMA_MAX_AREAS), 2 * MIB, 0, NULL, &c), -FH_ENOSPC);
	T_EQ(cma_init_reserved_areas(m), 0);
	TP_CHECK(m);
	testplat_end(&tp, m);
}

static void no_memory(void)
{
	struct cma *c = NULL;
	int nth = 1, err;

	T_NEED(start());
	do {
		atomic_store(&tp.fail_nth, nth++);
		err = cma_init_reserved_mem(m, at(8), 2 * MIB, 0, "x", &c);
		T_OK(!err || (err == -FH_ENOMEM && !c), "an error of the contract");
		TP_CHECK(m);
	} while (err && nth < 10);
	T_OK(nth > 3, "two pieces of memory");
	atomic_store(&tp.fail_nth, 0);
	T_EQ(cma_init_reserved_areas(m), 0);
	testplat_end(&tp, m);
}

static uint64_t lent(struct cma *c)
{
	struct cma_stats st;

	cma_get_stats(c, &st);
	return st.lent;
}

static void policy_of_a_live_area(void)
{
	struct cma *c;
	struct fh_object *o;
	uint64_t n = 0, was;
	pfn_t pfn;

	m = testplat_start(&tp, 32, 16, CMA_POLICY_CARVEOUT, 1);
	T_NEED(m);
	c = cma_find(m, "area");
	T_OK(cma_default(m) == c, "it is the default");
	T_EQ(fh_object_create(m, 8192, NULL, NULL, &o), 0);
	while (n < 8192 && !fh_object_write(o, n, 0, &n, 8))
		n++;
	T_EQ(lent(c), 0);
	T_EQ(cma_set_policy(c, CMA_POLICY_MOVABLE), 0);
	TP_CHECK(m);
	while (n < 8192 && !fh_object_write(o, n, 0, &n, 8))
		n++;
	T_OK(lent(c) > 3000, "lent now");
	/* Nowhere to go: the tenants stay, and the policy. */
	T_EQ(cma_set_policy(c, CMA_POLICY_CARVEOUT), -FH_ENOMEM);
	T_EQ(cma_get_policy(c), CMA_POLICY_MOVABLE);
	TP_CHECK(m);
	was = lent(c);
	T_EQ(fh_object_punch(o, 0, was + 500), was + 500);
	T_EQ(cma_set_policy(c, CMA_POLICY_CARVEOUT), 0);
	TP_CHECK(m);
	T_EQ(lent(c), 0);
	for (uint64_t i = 0; i < 100; i++)
		T_EQ(fh_object_write(o, i, 0, &i, 8), 0);
	for (uint64_t i = was + 500; i < n; i++)
		if (fh_object_read(o, i, 0, &was, 8) || !T_EQ(was, i))
			break;
	T_EQ(lent(c), 0);
	T_EQ(cma_alloc(c, 4096, 0, 0, &pfn), 0);
	T_OK(cma_release(c, pfn, 4096), "");
	TP_CHECK(m);
	fh_object_destroy(o);
	testplat_end(&tp, m);
}

static void names(void)
{
	T_STR(cma_policy_name(CMA_POLICY_CARVEOUT), "carveout");
	T_STR(cma_policy_name(CMA_POLICY_MOVABLE), "movable");
	T_STR(cma_policy_name(CMA_POLICY_GUARANTEED), "guaranteed");
	T_STR(cma_policy_name(CMA_POLICY_DISCARD), "discard");
	T_STR(cma_policy_name(CMA_NR_POLICIES), "?");
}

/*
 * Blocks of 2 MiB:	0123456789abcdef
 *			nnnn11RR2222AAnn	1 and 2: the ranges of one area; they are no one window
 */
static void several_ranges(void)
{
	struct cma *c = NULL;
	pfn_t first, second, third, none = 0;

	T_NEED(start());
	T_EQ(cma_init_reserved_mem(m, at(8), 4 * MIB, 0, "two", &c), 0);
	T_NEED(c);
	T_EQ(cma_add_reserved_mem(NULL, at(16), 8 * MIB), -FH_EINVAL);
	T_EQ(cma_add_reserved_mem(c, at(16), 0), -FH_EINVAL);
	T_EQ(cma_add_reserved_mem(c, at(16), 3 * MIB), -FH_EINVAL);
	T_EQ(cma_add_reserved_mem(c, at(10), 2 * MIB), -FH_EINVAL);
	T_EQ(cma_add_reserved_mem(c, at(24), 2 * MIB), -FH_EINVAL);
	T_EQ(cma_add_reserved_mem(c, at(0), 2 * MIB), -FH_EINVAL);
	T_EQ(cma_add_reserved_mem(c, at(16), 8 * MIB), 0);
	T_EQ(cma_init_reserved_areas(m), 0);
	T_EQ(cma_add_reserved_mem(c, at(12), 2 * MIB), -FH_EBUSY);
	T_EQ(cma_get_size(c), 12 * MIB);
	TP_CHECK(m);

	/* More than the first range holds goes to the second; then each fills up; 3072 pages in all. */
	T_EQ(cma_alloc(c, 1025, 0, 0, &first), 0);
	T_EQ(first, at(16).v >> 12);
	T_EQ(cma_alloc(c, 1000, 0, 0, &second), 0);
	T_EQ(second, at(8).v >> 12);
	T_EQ(cma_alloc(c, 1000, 0, 0, &third), 0);
	T_EQ(third, (at(16).v >> 12) + 1025);
	T_EQ(cma_alloc(c, 30, 0, CMA_NO_WARN, &none), -FH_ENOMEM);
	TP_CHECK(m);
	T_OK(!cma_release(c, second + 999, 1025), "not over the end of a range");
	T_OK(cma_release(c, first, 1025), "released");
	T_OK(cma_release(c, second, 1000), "released");
	T_OK(cma_release(c, third, 1000), "released");
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

const struct t_case t_cases[] = {
	T(bad_arguments), T(every_block),	    T(after_birth), T(finding),	       T(too_many),
	T(no_memory),	  T(policy_of_a_live_area), T(names),	    T(several_ranges), T_END};
