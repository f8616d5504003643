/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/background: it sleeps while there is memory, works when there is not, gives up, and stops. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/policy.h"
#include "t.h"
#include "testplat.h"

#define PAGES 9000 /* more than there is memory */

static struct testplat tp;
static struct fh_machine *m;
static struct fh_object *file, *anon;
static pthread_t thread;
static int returned;
static uint64_t movable_mib; /* of the 32, ZONE_MOVABLE */

static int zero_read(void *priv, uint64_t index, void *page)
{
	(void)priv, (void)index;
	memset(page, 0, FH_PAGE_SIZE);
	return 0;
}

static const struct fh_object_ops ops = {zero_read, NULL};

static void *run(void *arg)
{
	(void)arg;
	testplat_cpu(~0u);
	returned = fh_reclaim_background(m);
	return NULL;
}

static bool start(uint64_t places)
{
	struct boot_config *cfg = testplat_config(32, 0, CMA_POLICY_MOVABLE, 1, TP_ONE_ZONE);

	cfg->movable_start = movable_mib ? TP_BASE + ((32 - movable_mib) << 20) : 0;
	testplat_init(&tp);
	testplat_cpu(0);
	testplat_swap(&tp, places ? places : 1);
	m = testplat_machine_of(&tp, cfg);
	returned = 1;
	return m && (!places || T_EQ(fh_swapon(m, places), 0)) &&
	       T_EQ(fh_object_create(m, PAGES, &ops, NULL, &file), 0) &&
	       T_EQ(fh_object_create(m, PAGES, NULL, NULL, &anon), 0) &&
	       T_EQ(pthread_create(&thread, NULL, run, NULL), 0);
}

static void end(void)
{
	fh_reclaim_stop(m);
	pthread_join(thread, NULL);
	T_EQ(returned, 0);
	fh_object_destroy(file);
	fh_object_destroy(anon);
	testplat_end(&tp, m);
}

/* Up to ten seconds until it is so. */
static bool soon(bool (*so)(void))
{
	for (int i = 0; i < 10000 && !so(); i++)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	return so();
}

static bool asleep(void)
{
	return atomic_load(&m->reclaim.sleeping);
}

/* Less a word that a CPU took since. */
static bool above_high(void)
{
	int64_t free = 0;

	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		free += zone_count(&m->zone[z].nr_free);
	return asleep() &&
	       free + 64 >= (int64_t)m->zone[m->top_zone[ZONE_NORMAL]].wmark[WMARK_HIGH];
}

static void stops(void)
{
	T_NEED(start(0));
	T_OK(soon(asleep), "nothing to do");
	T_EQ(fh_reclaim_background(m), -FH_EBUSY);
	end();
	/* Asked before it began. */
	m = testplat_start(&tp, 16, 0, CMA_POLICY_MOVABLE, 1);
	T_NEED(m);
	fh_reclaim_stop(m);
	T_EQ(fh_reclaim_background(m), 0);
	m->plat.wait = NULL;
	T_EQ(fh_reclaim_background(m), -FH_EINVAL);
	T_EQ(fh_reclaim_background(NULL), -FH_EINVAL);
	testplat_end(&tp, m);
}

/* Takes pages without reclaim until the thread has freed some; they are a list. */
static pfn_t take_until_it_works(gfp_t gfp)
{
	pfn_t list = 0, pfn;

	while (!fh_alloc_pages(m, gfp, 0, &pfn)) {
		*(pfn_t *)fh_page_address(m, pfn) = list;
		list = pfn;
		if (vm_sum(m, VM_pgsteal_kswapd))
			break;
	}
	return list;
}

static void give_back(pfn_t list)
{
	while (list) {
		pfn_t pfn = list;

		list = *(pfn_t *)fh_page_address(m, pfn);
		T_EQ(fh_free_pages(m, pfn, 0), 0);
	}
}

static void read_files(uint64_t n)
{
	unsigned char b;

	for (uint64_t i = 0; i < n; i++)
		T_EQ(fh_object_read(file, i, 0, &b, 1), 0);
}

/* Cache fills memory; who must not reclaim goes below the low mark, and it is the thread that drops. */
static void drops_cache(void)
{
	pfn_t list;

	T_NEED(start(0));
	T_OK(soon(asleep), "nothing to do");
	read_files(7000);
	list = take_until_it_works(GFP_NOWAIT);
	T_OK(soon(above_high), "to the high mark");
	T_OK(vm_sum(m, VM_pgsteal_kswapd) > 0, "in the background");
	T_EQ(vm_sum(m, VM_pgsteal_direct), 0);
	give_back(list);
	end();
}

static bool each_above_high(void)
{
	return asleep() &&
	       machine_nr_free(m, ZONE_DMA) + 64 >= (int64_t)m->zone[ZONE_DMA].wmark[WMARK_HIGH] &&
	       machine_nr_free(m, ZONE_MOVABLE) + 64 >=
		       (int64_t)m->zone[ZONE_MOVABLE].wmark[WMARK_HIGH];
}

static uint64_t files_in(enum lru_where w)
{
	return m->lru.count[w][LRU_INACTIVE_FILE] + m->lru.count[w][LRU_ACTIVE_FILE];
}

/* What it frees below is of no use to ZONE_MOVABLE, and the other way round. */
static void zone_movable(void)
{
	uint64_t cache[2];
	pfn_t list;

	movable_mib = 16;
	if (!T_OK(start(0), "a machine"))
		return;
	movable_mib = 0;
	T_OK(soon(asleep), "nothing to do");
	read_files(7800);
	lru_flush_batch(m);
	cache[0] = files_in(LRU_OUTSIDE);
	cache[1] = files_in(LRU_MOVABLE);
	T_OK(cache[0] > 3000 && cache[1] > 3000, "cache is in both");
	list = take_until_it_works(GFP_NOWAIT | __GFP_MOVABLE);
	T_OK(soon(each_above_high), "to the high marks");
	T_OK(files_in(LRU_OUTSIDE) < cache[0] && files_in(LRU_MOVABLE) < cache[1], "in both");
	T_EQ(vm_sum(m, VM_pgsteal_direct), 0);
	give_back(list);
	end();
}

static void swaps(void)
{
	uint64_t v;

	T_NEED(start(PAGES));
	T_OK(soon(asleep), "nothing to do");
	for (v = 0; v < PAGES; v++)
		if (!T_EQ(fh_object_write(anon, v, 0, &v, sizeof(v)), 0))
			break;
	T_OK(soon(asleep), "done");
	T_OK(vm_sum(m, VM_pgsteal_kswapd) > 0, "in the background");
	for (uint64_t i = 0; i < PAGES; i++)
		if (!T_EQ(fh_object_read(anon, i, 0, &v, sizeof(v)), 0) || !T_EQ(v, i))
			break;
	end();
}

/* With nothing that can go it is not asked for ever; and again after somebody's success. */
static void gives_up(void)
{
	unsigned char b = 1;
	pfn_t pfn;
	uint64_t n = 0;

	T_NEED(start(0));
	while (n < PAGES && !fh_object_write(anon, n, 0, &b, 1))
		n++;
	T_OK(n < PAGES, "memory is full");
	for (int i = 0; i < 100; i++) {
		T_EQ(fh_object_write(anon, n, 0, &b, 1), -FH_ENOMEM);
		T_OK(soon(asleep), "asleep");
	}
	T_OK(atomic_load(&m->reclaim.vain) <= POLICY_HOPELESS, "not asked any more");
	T_EQ(fh_object_punch(anon, 0, 300), 300);
	testplat_quiesce(m);
	for (uint64_t i = 0; i < 600; i++)
		T_EQ(fh_object_read(file, i, 0, &b, 1), 0);
	T_OK(atomic_load(&m->reclaim.vain) < POLICY_HOPELESS, "somebody succeeded");
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn), 0);
	T_EQ(fh_free_pages(m, pfn, 0), 0);
	end();
}

const struct t_case t_cases[] = {T(stops), T(drops_cache), T(zone_movable),
				 T(swaps), T(gives_up),	   T_END};
