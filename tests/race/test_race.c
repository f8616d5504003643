/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Real threads, each its own CPU, on one machine: frames, tenants, devices, pins, writeback, punch and drains at once. Every
 * owner writes a pattern and finds it again; in the end all is free and fh_check() finds nothing.
 */
#include <freehold/page.h>
#include "crew.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "t.h"

#define MAILBOXES 64

/* ---- frames ---- */

/* pfn << 8 | order << 1 | 1; 0: empty. What one thread puts in, another frees. */
static _Atomic(uint64_t) mailbox[MAILBOXES];

static void stamp(pfn_t pfn, unsigned int order)
{
	for (uint64_t i = 0; i < 1u << order; i++) {
		uint64_t *p = fh_page_address(m, pfn + i);

		p[0] = p[511] = (pfn + i) * 3 + order;
	}
}

static void check_stamp_and_free(pfn_t pfn, unsigned int order)
{
	for (uint64_t i = 0; i < 1u << order; i++) {
		uint64_t *p = fh_page_address(m, pfn + i);

		must(p[0] == (pfn + i) * 3 + order && p[511] == p[0], "a frame has one owner");
		p[0] = 0;
	}
	must(!fh_free_pages(m, pfn, order), "a run can be given back");
}

static void exchange(uint64_t letter, unsigned int box)
{
	letter = atomic_exchange(&mailbox[box], letter);
	if (letter)
		check_stamp_and_free(letter >> 8, letter >> 1 & 15);
}

static void churn_frames(struct thread *t)
{
	static const gfp_t gfps[] = {GFP_KERNEL, GFP_ATOMIC, __GFP_RECLAIMABLE, __GFP_MOVABLE};
	unsigned int order = rnd(t) % 3 ? 0 : rnd(t) % 11, box = rnd(t) % MAILBOXES;
	pfn_t pfn;

	if (rnd(t) % 512 == 0)
		fh_cpu_quiesce(m);
	if (rnd(t) % 1024 == 0)
		pcp_drain_all(m);
	if (fh_alloc_pages(m, gfps[rnd(t) % 4], order, &pfn))
		return;
	must(!(pfn & ((1u << order) - 1)), "a run is aligned");
	stamp(pfn, order);
	if (rnd(t) % 2)
		check_stamp_and_free(pfn, order);
	else
		exchange(pfn << 8 | order << 1 | 1, box);
}

static void empty_mailboxes(void)
{
	for (unsigned int i = 0; i < MAILBOXES; i++)
		exchange(0, i);
	for (unsigned int i = 0; i < m->nr_cpus; i++) {
		testplat_cpu(i);
		fh_cpu_quiesce(m);
	}
	testplat_cpu(~0u);
	pcp_drain_all(m);
}

static void frames(void)
{
	if (!crew_start(64, 0, CMA_POLICY_GUARANTEED))
		return;
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = churn_frames;
	crew_race();
	empty_mailboxes();
	crew_end();
}

/* ---- tenants and devices ---- */

/* Half are tenants, anonymous and files in turn; the rest devices and one who disturbs. */
static void mix(enum cma_policy policy)
{
	if (!crew_start(32, 16, policy))
		return;
	for (unsigned int i = 0; i < nr_threads; i++) {
		if (i < (nr_threads + 1) / 2) {
			tenant_init(&thread[i], i & 1);
			thread[i].run = live;
		} else {
			thread[i].run = i == nr_threads - 1 && nr_threads > 3 ? disturb : device;
		}
	}
	crew_race();
	for (unsigned int i = 0; i < nr_threads; i++)
		if (thread[i].o)
			tenant_fini(&thread[i]);
	pcp_drain_all(m);
	crew_end();
}

static void tenants_and_devices_guaranteed(void)
{
	mix(CMA_POLICY_GUARANTEED);
}

static void tenants_and_devices_movable(void)
{
	mix(CMA_POLICY_MOVABLE);
}

/* The area lies in it, so does half of the rest. */
static void zone_movable(void)
{
	movable_mib = 24;
	mix(CMA_POLICY_GUARANTEED);
	movable_mib = 0;
}

static void frames_zone_movable(void)
{
	movable_mib = 32;
	frames();
	movable_mib = 0;
}

static void frames_owned(void)
{
	page_owner = true;
	frames();
	page_owner = false;
}

static void tenants_and_devices_owned(void)
{
	page_owner = true;
	mix(CMA_POLICY_GUARANTEED);
	mix(CMA_POLICY_MOVABLE);
	page_owner = false;
}

const struct t_case t_cases[] = {T(frames),
				 T(tenants_and_devices_guaranteed),
				 T(tenants_and_devices_movable),
				 T(zone_movable),
				 T(frames_zone_movable),
				 T(frames_owned),
				 T(tenants_and_devices_owned),
				 T_END};
