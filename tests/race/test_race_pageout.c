/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Races for memory that is written away, or compressed, from under everybody: tenants, devices, and who is born and dies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/page.h>
#include "crew.h"
#include "mm/budget.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "mm/pageout.h"
#include "t.h"

/* ---- memory is written away from under all of them ---- */

static bool compress_runs;

/* Tenants' pages have a word at either end. To them comes a filling of any length, which must come back, too. One page
 * in four does not get small enough: it goes to swap, or stays. */
static size_t compress_most(void *ctx, const void *src, void *dst, size_t room)
{
	unsigned char *out = dst;
	uint32_t v, w;
	size_t size;

	(void)ctx;
	memcpy(&v, src, 4);
	memcpy(&w, (const unsigned char *)src + 4092, 4);
	size = 8 + v % 2500;
	if (w % 4 == 0 || size > room)
		return 0;
	memcpy(out, &v, 4);
	memcpy(out + 4, &w, 4);
	memset(out + 8, (int)(v ^ w), size - 8);
	return size;
}

static int decompress_most(void *ctx, const void *src, size_t size, void *dst)
{
	const unsigned char *in = src;
	uint32_t v, w;

	(void)ctx;
	memcpy(&v, in, 4);
	memcpy(&w, in + 4, 4);
	must(size == 8 + v % 2500, "a compressed page's size");
	for (size_t i = 8; i < size; i++)
		must(in[i] == (unsigned char)(v ^ w), "a compressed page's bytes");
	memset(dst, 0, FH_PAGE_SIZE);
	memcpy(dst, &v, 4);
	memcpy((unsigned char *)dst + 4092, &w, 4);
	return 0;
}

static void page_out(struct thread *t)
{
	enum lru_where where = rnd(t) & 1 ? LRU_INSIDE : LRU_OUTSIDE;
	struct pageout res = {.no_io = compress_runs && rnd(t) & 1, .over = rnd(t) & 1};

	if (rnd(t) % 4 == 0)
		disturb(t); /* others bring the same pages at the same time */
	if (rnd(t) % 4 || res.no_io)
		pageout_anon(m, where, 1 + rnd(t) % 40, &res);
	else
		pageout_dirty(m, where, 1 + rnd(t) % 40, &res);
	if (rnd(t) % 16 == 0)
		reclaim_clean(m, where, rnd(t) % 64);
}

/* Dirty pages whose owner goes away while they are written. */
static void short_lived_file(struct thread *t)
{
	struct crew_file *f = calloc(1, sizeof(*f));
	struct fh_object *o = NULL;
	uint32_t v = rnd(t);
	int err = f ? fh_object_create(m, 32, &crew_file_ops, f, &o) : -FH_ENOMEM;

	for (uint32_t i = 0; i < 32 && !err; i++)
		err = fh_object_write(o, i, 0, &v, 4);
	fair(err);
	fh_object_destroy(o);
	free(f);
}

static void come_and_go(struct thread *t)
{
	if (rnd(t) & 1)
		short_lives(t);
	else
		short_lived_file(t);
}

static bool start_swap(uint64_t mib, uint64_t cma_mib)
{
	swap_places = 4096;
	return crew_start(mib, cma_mib, CMA_POLICY_GUARANTEED) &&
	       T_EQ(fh_swapon(m, swap_places), 0);
}

static bool start_compress(uint64_t mib, uint64_t cma_mib)
{
	if (!start_swap(mib, cma_mib))
		return false;
	m->plat.compress = compress_most;
	m->plat.decompress = decompress_most;
	compress_runs = true;
	return T_EQ(cma_set_compress(area, 100), 0);
}

static void end_tenants(void)
{
	if (compress_runs)
		printf("# %llu pages compressed, %llu came back, %llu did not get small\n",
		       (unsigned long long)vm_sum(m, VM_zswpout),
		       (unsigned long long)vm_sum(m, VM_zswpin), (unsigned long long)m->zpool.poor);
	if (compress_runs)
		T_OK(vm_sum(m, VM_zswpout) > 0 && m->zpool.poor > 0, "some go in, some do not");
	compress_runs = false;
	for (unsigned int i = 0; i < nr_threads; i++)
		if (thread[i].o)
			tenant_fini(&thread[i]);
	pcp_drain_all(m);
	T_EQ(swap_nr_free(&m->swap), swap_places);
	swap_places = 0;
}

static void write_away(void)
{
	for (unsigned int i = 0; i < nr_threads; i++) {
		if (i % 4 < 2) {
			tenant_init(&thread[i], i & 1);
			thread[i].run = live;
		} else {
			thread[i].run = i % 4 == 2 ? page_out : i % 8 == 3 ? device : come_and_go;
		}
	}
	crew_race();
	end_tenants();
	crew_end();
}

static void written_away(void)
{
	if (start_swap(32, 16))
		write_away();
}

static void compressed_away(void)
{
	if (start_compress(32, 16))
		write_away();
}

static void written_away_short_lives(void)
{
	if (!start_swap(16, 8))
		return;
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = i % 4 == 0 ? page_out : i % 4 == 1 ? device : come_and_go;
	crew_race();
	end_tenants();
	crew_end();
}

/* ---- less memory than the tenants have ---- */

static void *background(void *arg)
{
	(void)arg;
	testplat_cpu(~0u);
	T_EQ(fh_reclaim_background(m), 0);
	return NULL;
}

/* All but about `left` frames of what is outside; linked through their first words. */
static pfn_t hog(uint64_t left)
{
	pfn_t list = 0, pfn;

	while (budget_used(m) + left < m->capacity && !fh_alloc_pages(m, GFP_NOIO, 0, &pfn)) {
		*(pfn_t *)fh_page_address(m, pfn) = list;
		list = pfn;
	}
	return list;
}

static void press(void)
{
	pfn_t list;

	for (unsigned int i = 0; i < nr_threads; i++) {
		if (i % 4 < 3)
			tenant_init(&thread[i], i % 4 == 1);
		thread[i].run = i % 4 < 3 ? live : device;
	}
	list = hog(600);
	background_runs = T_EQ(pthread_create(&background_id, NULL, background, NULL), 0);
	crew_race();
	T_OK(atomic_load(&tp.swap_writes) > 0 && atomic_load(&tp.swap_reads) > 0, "out and back");
	printf("# %llu pages out, %llu back\n", (unsigned long long)atomic_load(&tp.swap_writes),
	       (unsigned long long)atomic_load(&tp.swap_reads));
	while (list) {
		pfn_t next = *(pfn_t *)fh_page_address(m, list);

		T_EQ(fh_free_pages(m, list, 0), 0);
		list = next;
	}
	end_tenants();
	crew_end();
}

static void under_pressure(void)
{
	if (start_swap(16, 8))
		press();
}

static void compressed_under_pressure(void)
{
	if (start_compress(16, 8))
		press();
}

const struct t_case t_cases[] = {
	T(written_away),   T(compressed_away),		 T(written_away_short_lives),
	T(under_pressure), T(compressed_under_pressure), T_END};
