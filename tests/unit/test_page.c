/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/page.h>: allocation and free as the header promises, and every bad argument. */
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/policy.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;

static bool start(enum cma_policy policy)
{
	m = testplat_start(&tp, 32, 8, policy, 2);
	return m;
}

static void bad_arguments(void)
{
	pfn_t pfn = 77;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, FH_MAX_ORDER + 1, &pfn), -FH_EINVAL);
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, ~0u, &pfn), -FH_EINVAL);
	T_EQ(fh_alloc_pages(m, __GFP_MOVABLE | __GFP_RECLAIMABLE, 0, &pfn), -FH_EINVAL);
	T_EQ(pfn, 77);
	T_OK(!fh_page_address(NULL, m->base_pfn), "no machine");
	T_OK(!fh_page_address(m, m->base_pfn - 1), "not RAM");
	T_OK(!fh_page_address(m, UINT64_MAX), "not RAM");
	testplat_end(&tp, m);
}

static void bad_frees(void)
{
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 3, &pfn), 0);
	T_EQ(fh_free_pages(m, pfn, FH_MAX_ORDER + 1), -FH_EINVAL);
	T_EQ(fh_free_pages(m, pfn, ~0u), -FH_EINVAL);
	T_EQ(fh_free_pages(m, pfn + 1, 3), -FH_EINVAL);
	T_EQ(fh_free_pages(m, pfn + 4, 3), -FH_EINVAL);
	T_EQ(fh_free_pages(m, m->base_pfn - 1, 0), -FH_EINVAL);
	T_EQ(fh_free_pages(m, m->base_pfn + 8192, 0), -FH_EINVAL);
	T_EQ(fh_free_pages(m, UINT64_MAX, 0), -FH_EINVAL);
	T_EQ(fh_free_pages(m, 0, 0), -FH_EINVAL);
	TP_CHECK(m);
	T_EQ(fh_free_pages(m, pfn, 3), 0);
	testplat_end(&tp, m);
}

/* 6 MiB: three blocks. Block 3, the other half of a pair, has no RAM and must never become free. */
static void order_10_over_a_hole(void)
{
	const struct boot_bank bank = {TP_BASE, 6u << 20};
	struct fh_mem_info info;
	pfn_t pfn[3];

	testplat_init(&tp);
	testplat_cpu(~0u);
	m = testplat_machine_of(&tp, testplat_banks(&bank, 1, 1));
	T_NEED(m);
	for (int i = 0; i < 3; i++) /* past the watermarks */
		T_EQ(fh_alloc_pages(m, GFP_EVACUATE, 9, &pfn[i]), 0);
	T_EQ(fh_free_pages(m, m->base_pfn + 1024, 10), -FH_EINVAL);
	TP_CHECK(m);
	fh_mem_info(m, &info);
	T_EQ(info.total, 1536);
	T_EQ(info.free, 0);
	for (int i = 0; i < 3 && !info.free; i++)
		T_EQ(fh_free_pages(m, pfn[i], 9), 0);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/*
 * Blocks: n n n A. A block of the caller's and, next to it, an area that is all one device's: freed
 * as one run of order 10 neither may become free.
 */
static void order_10_over_an_area(void)
{
	struct boot_config *cfg = testplat_config(8, 0, CMA_POLICY_GUARANTEED, 1, TP_ONE_ZONE);
	struct cma *cma;
	pfn_t buffer, pfn[3];

	cfg->region[0] = (struct boot_region){.name = "A",
					      .base = TP_BASE + (6u << 20),
					      .size = 2u << 20,
					      .kind = BOOT_REGION_CMA};
	cfg->nr_regions = 1;
	testplat_init(&tp);
	testplat_cpu(~0u);
	m = testplat_machine_of(&tp, cfg);
	T_NEED(m);
	cma = cma_find(m, "A");
	T_EQ(cma_alloc(cma, 512, 0, 0, &buffer), 0);
	for (int i = 0; i < 3; i++)
		T_EQ(fh_alloc_pages(m, GFP_EVACUATE, 9, &pfn[i]), 0);
	if (!T_EQ(fh_free_pages(m, buffer - 512, 10), -FH_EINVAL))
		return; /* the end would stop the machine */
	TP_CHECK(m);
	for (int i = 0; i < 3; i++)
		T_EQ(fh_free_pages(m, pfn[i], 9), 0);
	T_OK(cma_release(cma, buffer, 512), "");
	testplat_end(&tp, m);
}

/* What is an object's, a device's or kept from the allocator is nobody's to free. */
static void not_yours(void)
{
	struct fh_object *o;
	struct cma *cma;
	pfn_t pfn, buffer;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	T_EQ(fh_object_create(m, 4, NULL, NULL, &o), 0);
	T_EQ(fh_object_write(o, 0, 0, "x", 1), 0);
	T_EQ(fh_object_where(o, 0, &pfn), 0);
	T_EQ(fh_free_pages(m, pfn, 0), -FH_EINVAL);
	cma = cma_find(m, "area");
	T_EQ(cma_alloc(cma, 16, 4, 0, &buffer), 0);
	T_EQ(fh_free_pages(m, buffer, 0), -FH_EINVAL);
	T_EQ(fh_free_pages(m, buffer, 4), -FH_EINVAL);
	TP_CHECK(m);
	T_OK(cma_release(cma, buffer, 16), "");
	fh_object_destroy(o);
	testplat_end(&tp, m);
}

/* An object's page in a block whose type became unmovable later is still not the caller's. */
static void not_yours_in_a_mixed_block(void)
{
	pfn_t *taken = calloc(8192, sizeof(*taken)), pfn;
	struct fh_object *o;
	uint64_t n = 0;

	m = testplat_start(&tp, 8, 0, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m && taken);
	T_EQ(fh_object_create(m, 800, NULL, NULL, &o), 0);
	for (uint64_t i = 0; i < 800; i++)
		T_EQ(fh_object_write(o, i, 0, "x", 1), 0);
	for (uint64_t i = 0; i < 800; i++)
		if (i % 4)
			T_EQ(fh_object_punch(o, i, 1), 1);
	while (!fh_alloc_pages(m, GFP_ATOMIC, 0, &taken[n]))
		n++;
	for (uint64_t i = 0; i < 800; i += 4) {
		T_EQ(fh_object_where(o, i, &pfn), 0);
		if (!T_EQ(fh_free_pages(m, pfn, 0), -FH_EINVAL))
			break;
	}
	TP_CHECK(m);
	while (n)
		T_EQ(fh_free_pages(m, taken[--n], 0), 0);
	fh_object_destroy(o);
	free(taken);
	testplat_end(&tp, m);
}

static void zeroed(void)
{
	static const unsigned char zero[4096];
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	for (unsigned int order = 0; order <= 4; order++) {
		T_EQ(fh_alloc_pages(m, GFP_KERNEL, order, &pfn), 0);
		for (uint64_t i = 0; i < 1u << order; i++)
			memset(fh_page_address(m, pfn + i), 0xa5, 4096);
		T_EQ(fh_free_pages(m, pfn, order), 0);
		T_EQ(fh_alloc_pages(m, GFP_KERNEL | __GFP_ZERO, order, &pfn), 0);
		for (uint64_t i = 0; i < 1u << order; i++)
			T_OK(!memcmp(fh_page_address(m, pfn + i), zero, 4096), "zero");
		T_EQ(fh_free_pages(m, pfn, order), 0);
	}
	testplat_end(&tp, m);
}

static void in_parts(void)
{
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	for (unsigned int order = 1; order <= 10; order++) {
		for (unsigned int part = 0; part < order; part += 1 + order / 4) {
			T_EQ(fh_alloc_pages(m, GFP_KERNEL, order, &pfn), 0);
			for (uint64_t i = 0; i < 1u << order; i += 1u << part)
				T_EQ(fh_free_pages(m, pfn + i, part), 0);
			TP_CHECK(m);
		}
	}
	testplat_end(&tp, m);
}

/* Until nothing is left, of every order: no frame twice, none in an area, *pfn alone at the end. */
static void until_it_is_full(void)
{
	uint8_t *seen = calloc(1, 8192);
	pfn_t *taken = calloc(8192, sizeof(*taken));

	T_NEED(seen && taken);
	for (unsigned int order = 0; order <= 10; order++) {
		pfn_t pfn = 1;
		uint64_t n = 0;
		int err;

		T_NEED(start(CMA_POLICY_GUARANTEED));
		memset(seen, 0, 8192);
		while (!(err = fh_alloc_pages(m, GFP_KERNEL, order, &pfn))) {
			for (uint64_t i = 0; i < 1u << order; i++) {
				if (!T_OK(!seen[pfn - m->base_pfn + i]++, "once only"))
					return;
			}
			T_OK(pfn - m->base_pfn < 6144, "outside the area");
			taken[n++] = pfn;
			pfn = 1;
		}
		T_EQ(err, -FH_ENOMEM);
		T_EQ(pfn, 1);
		T_OK(n << order > 4096, "most of what is outside the area");
		TP_CHECK(m);
		while (n)
			T_EQ(fh_free_pages(m, taken[--n], order), 0);
		testplat_end(&tp, m);
	}
	free(taken);
	free(seen);
}

static void no_bytes(void)
{
	pfn_t pfn;

	testplat_init(&tp);
	testplat_cpu(0);
	tp.no_ram = true;
	m = testplat_machine(&tp, 32, 8, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	T_EQ(fh_alloc_pages(m, GFP_KERNEL | __GFP_ZERO, 2, &pfn), 0);
	T_OK(!fh_page_address(m, pfn), "frames without bytes");
	T_EQ(fh_free_pages(m, pfn, 2), 0);
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {T(bad_arguments),
				 T(bad_frees),
				 T(order_10_over_a_hole),
				 T(order_10_over_an_area),
				 T(not_yours),
				 T(not_yours_in_a_mixed_block),
				 T(zeroed),
				 T(in_parts),
				 T(until_it_is_full),
				 T(no_bytes),
				 T_END};
