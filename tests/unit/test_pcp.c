/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/pcp: what a CPU caches is its own, comes back when asked for, and binds to no isolated block. */
#include <freehold/page.h>
#include "mm/isolate.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;

static bool start(void)
{
	m = testplat_start(&tp, 32, 8, CMA_POLICY_GUARANTEED, 2);
	return m;
}

static uint64_t free_frames(void)
{
	struct fh_mem_info info;

	fh_mem_info(m, &info);
	return info.free;
}

/* One word leaves the block for 64 allocations; nothing else does. */
static void a_word_serves_many(void)
{
	uint64_t before, cached;
	pfn_t pfn[64];

	T_NEED(start());
	before = free_frames();
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn[0]), 0);
	cached = before - free_frames();
	T_OK(cached > 1 && cached <= 64, "a word, or what was free of it");
	for (uint64_t i = 1; i < cached; i++)
		T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn[i]), 0);
	T_EQ(before - free_frames(), cached);
	TP_CHECK(m);
	for (uint64_t i = 0; i < cached; i++)
		T_EQ(fh_free_pages(m, pfn[i], 0), 0);
	T_EQ(before - free_frames(), cached);
	TP_CHECK(m);
	fh_cpu_quiesce(m);
	T_EQ(free_frames(), before);
	testplat_end(&tp, m);
}

static void freed_twice_is_found(void)
{
	pfn_t pfn;

	T_NEED(start());
	for (unsigned int order = 0; order <= 9; order++) {
		T_EQ(fh_alloc_pages(m, GFP_KERNEL, order, &pfn), 0);
		T_EQ(fh_free_pages(m, pfn, order), 0);
		T_EQ(fh_free_pages(m, pfn, order), -FH_EINVAL);
		TP_CHECK(m);
		fh_cpu_quiesce(m);
		T_EQ(fh_free_pages(m, pfn, order), -FH_EINVAL);
	}
	testplat_end(&tp, m);
}

/* "A second free of a frame that this CPU caches is always found": with another order, too. */
static void freed_twice_with_another_order(void)
{
	T_NEED(start());
	for (unsigned int order = 1; order <= 6; order++) {
		pfn_t pfn;

		T_EQ(fh_alloc_pages(m, GFP_KERNEL, order, &pfn), 0);
		T_EQ(fh_free_pages(m, pfn, order), 0);
		T_EQ(fh_free_pages(m, pfn, 0), -FH_EINVAL);
		T_EQ(fh_free_pages(m, pfn, 0), -FH_EINVAL);
		if (!TP_CHECK(m))
			return; /* its end would stop the machine */
		fh_cpu_quiesce(m);
	}
	testplat_end(&tp, m);
}

static void drain_takes_all_back(void)
{
	uint64_t before;
	pfn_t pfn;

	T_NEED(start());
	before = free_frames();
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		testplat_cpu(cpu);
		for (unsigned int order = 0; order <= 9; order += 3) {
			T_EQ(fh_alloc_pages(m, GFP_KERNEL, order, &pfn), 0);
			T_EQ(fh_free_pages(m, pfn, order), 0);
		}
	}
	T_OK(free_frames() < before, "the CPUs cache some");
	pcp_drain_all(m);
	T_EQ(free_frames(), before);
	for (uint64_t b = 0; b < m->nr_blocks; b++)
		T_EQ(block_peek(m, b).cached, 0);
	testplat_end(&tp, m);
}

/* Only who holds words of the range is asked. */
static void drain_asks_only_holders(void)
{
	uint64_t before, block;
	pfn_t pfn;

	T_NEED(start());
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn), 0);
	block = machine_block(m, pfn);
	before = vm_sum(m, VM_pcp_drain);
	pcp_drain_blocks(m, block + 1, m->nr_blocks);
	T_EQ(vm_sum(m, VM_pcp_drain), before);
	T_EQ(block_peek(m, block).cached, 1);
	pcp_drain_blocks(m, block, block + 1);
	T_EQ(vm_sum(m, VM_pcp_drain), before + 1);
	T_EQ(block_peek(m, block).cached, 0);
	T_EQ(fh_free_pages(m, pfn, 0), 0);
	testplat_end(&tp, m);
}

/* P2: once a block is isolated and drained, neither allocation nor free binds a word of it. */
static void nothing_binds_to_an_isolated_block(void)
{
	static const struct block_map none;
	pfn_t pfn[100];
	uint64_t block;

	T_NEED(start());
	for (int i = 0; i < 100; i++)
		T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn[i]), 0);
	block = machine_block(m, pfn[0]);
	T_OK(!isolate_or_claim(m, block, 0, 512), "some is taken: isolated");
	pcp_drain_blocks(m, block, block + 1);
	for (int i = 0; i < 100; i += 2)
		T_EQ(fh_free_pages(m, pfn[i], 0), 0);
	T_EQ(block_peek(m, block).cached, 0);
	for (int i = 0; i < 100; i += 2) {
		T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn[i]), 0);
		T_OK(machine_block(m, pfn[i]) != block, "not from an isolated block");
	}
	T_EQ(block_peek(m, block).cached, 0);
	isolate_undo(m, block, &none);
	for (int i = 0; i < 100; i++)
		T_EQ(fh_free_pages(m, pfn[i], 0), 0);
	testplat_end(&tp, m);
}

/* Freed by another CPU: the owner's later free and the drain meet the map. */
static void freed_by_another_cpu(void)
{
	pfn_t pfn[64];

	T_NEED(start());
	for (int round = 0; round < 4; round++) {
		testplat_cpu(0);
		for (int i = 0; i < 64; i++)
			T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn[i]), 0);
		for (int i = 0; i < 64; i++) {
			testplat_cpu(i % 3 == 2 ? ~0u : (unsigned int)i % 3);
			T_EQ(fh_free_pages(m, pfn[i], 0), 0);
		}
		TP_CHECK(m);
	}
	testplat_cpu(0);
	testplat_end(&tp, m);
}

static void without_caches(void)
{
	uint64_t before;
	pfn_t pfn;

	testplat_init(&tp);
	tp.no_cpu_caches = true;
	m = testplat_machine(&tp, 32, 8, CMA_POLICY_GUARANTEED, 2);
	T_NEED(m);
	before = free_frames();
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn), 0);
	T_EQ(before - free_frames(), 1);
	T_EQ(fh_free_pages(m, pfn, 0), 0);
	testplat_end(&tp, m);
}

static void whole_blocks(void)
{
	pfn_t pfn, again;

	T_NEED(start());
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 9, &pfn), 0);
	T_EQ(fh_free_pages(m, pfn, 9), 0);
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 9, &again), 0);
	T_EQ(again, pfn);
	TP_CHECK(m);
	T_EQ(fh_free_pages(m, pfn, 9), 0);
	T_EQ(fh_free_pages(m, pfn + 5, 0), -FH_EINVAL);
	TP_CHECK(m);
	testplat_end(&tp, m);
}

/* A request for a low zone takes a word of it; the rest of that word is not for who asked for no zone. */
static void low_zones_are_kept(void)
{
	static pfn_t pfn[300];
	pfn_t low;

	testplat_init(&tp);
	testplat_cpu(0);
	m = testplat_machine_of(&tp,
				testplat_config(256, 0, CMA_POLICY_MOVABLE, 1, TP_THREE_ZONES));
	T_NEED(m);
	for (unsigned int order = 0; order <= 3; order += 3) {
		T_EQ(fh_alloc_pages(m, GFP_KERNEL, order, &pfn[0]), 0);
		T_EQ(fh_alloc_pages(m, GFP_DMA, order, &low), 0);
		T_EQ(block_peek(m, machine_block(m, low)).zone, ZONE_DMA);
		for (unsigned int i = 1; i < 300; i++)
			T_NEED(!fh_alloc_pages(m, GFP_KERNEL, order, &pfn[i]) &&
			       block_peek(m, machine_block(m, pfn[i])).zone == ZONE_NORMAL);
		for (unsigned int i = 0; i < 300; i++)
			T_EQ(fh_free_pages(m, pfn[i], order), 0);
		T_EQ(fh_free_pages(m, low, order), 0);
		TP_CHECK(m);
	}
	testplat_end(&tp, m);
}

/* Two CPUs take single frames: while memory is plentiful not of one block, and of one where it is not. */
static void cpus_keep_apart(void)
{
	static const uint64_t mib[] = {512, 64};
	pfn_t pfn[2];

	for (unsigned int i = 0; i < 2; i++) {
		m = testplat_start(&tp, mib[i], 0, CMA_POLICY_MOVABLE, 2);
		T_NEED(m);
		for (unsigned int cpu = 0; cpu < 2; cpu++) {
			testplat_cpu(cpu);
			T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn[cpu]), 0);
		}
		T_EQ(machine_block(m, pfn[0]) == machine_block(m, pfn[1]), i == 1);
		TP_CHECK(m);
		for (unsigned int cpu = 0; cpu < 2; cpu++) {
			testplat_cpu(cpu);
			T_EQ(fh_free_pages(m, pfn[cpu], 0), 0);
		}
		testplat_cpu(0);
		testplat_end(&tp, m);
	}
}

static void events(void)
{
	T_NEED(start());
	for (enum vm_event e = 0; e < NR_VM_EVENTS; e++) {
		uint64_t before = vm_sum(m, e);

		testplat_cpu(1);
		vm_count(m, e, 2);
		testplat_cpu(~0u);
		vm_count(m, e, 3);
		T_EQ(vm_sum(m, e), before + 5);
		T_OK(vm_event_name(e)[0], "has a name");
	}
	testplat_cpu(0);
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {T(a_word_serves_many),
				 T(freed_twice_is_found),
				 T(freed_twice_with_another_order),
				 T(drain_takes_all_back),
				 T(drain_asks_only_holders),
				 T(nothing_binds_to_an_isolated_block),
				 T(freed_by_another_cpu),
				 T(without_caches),
				 T(whole_blocks),
				 T(low_zones_are_kept),
				 T(cpus_keep_apart),
				 T(events),
				 T_END};
