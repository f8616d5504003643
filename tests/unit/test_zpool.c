/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/zpool and what it is for: pages share frames and come back the same; with the option of an area more
 * memory can be had than fits outside it, without it nothing is ever compressed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/budget.h"
#include "mm/check_zpool.h"
#include "mm/machine.h"
#include "mm/objects.h"
#include "mm/pageout.h"
#include "mm/reclaim.h"
#include "t.h"
#include "testplat.h"

#define MIB    64
#define AREA   32
#define PAGES  (MIB * 256)
#define PLACES 4000

static struct testplat tp;
static struct fh_machine *m;
static struct fh_object *anon;
static struct cma *area;
static pfn_t scratch;

static bool start(unsigned int percent, uint64_t places)
{
	testplat_init(&tp);
	testplat_cpu(0);
	testplat_swap(&tp, PLACES);
	m = testplat_machine(&tp, MIB, AREA, CMA_POLICY_GUARANTEED, 1);
	if (!m || (places && !T_EQ(fh_swapon(m, places), 0)))
		return false;
	area = cma_default(m);
	return T_EQ(cma_set_compress(area, percent), 0) &&
	       T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &scratch), 0) &&
	       T_EQ(fh_object_create(m, PAGES, NULL, NULL, &anon), 0);
}

static void end(void)
{
	fh_object_destroy(anon);
	T_EQ(fh_free_pages(m, scratch, 0), 0);
	T_EQ(m->zpool.nr_pages, 0);
	T_EQ(m->zpool.nr_frames, 0);
	testplat_end(&tp, m);
}

/* A page that comes to `size` bytes: the platform of tests leaves out the zeros at the end. */
static int put(uint64_t i, size_t size)
{
	unsigned char page[FH_PAGE_SIZE] = {0};

	memset(page, (int)(i % 251) + 1, size);
	memcpy(page, &i, size < sizeof(i) ? size : sizeof(i));
	page[size - 1] = 7;
	return fh_object_write(anon, i, 0, page, sizeof(page));
}

static bool is(uint64_t i, size_t size)
{
	unsigned char want[FH_PAGE_SIZE] = {0}, page[FH_PAGE_SIZE];

	memset(want, (int)(i % 251) + 1, size);
	memcpy(want, &i, size < sizeof(i) ? size : sizeof(i));
	want[size - 1] = 7;
	return T_EQ(fh_object_read(anon, i, 0, page, sizeof(page)), 0) &&
	       T_EQ(memcmp(page, want, sizeof(page)), 0);
}

/* How many pages can be had, up to `max`. */
static uint64_t fill(uint64_t max, size_t size)
{
	uint64_t n = 0;
	int err = 0;

	while (n < max && !(err = put(n, size)))
		n++;
	if (err)
		T_EQ(err, -FH_ENOMEM);
	return n;
}

static struct fh_mem_info info(void)
{
	struct fh_mem_info i;

	fh_mem_info(m, &i);
	return i;
}

/* ---- the pool by itself ---- */

/* A page of `size` bytes into the pool: its handle. */
static uint64_t in(unsigned char byte, size_t size)
{
	uint64_t handle;
	pfn_t pfn;

	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn), 0);
	memset(fh_page_address(m, pfn), 0, FH_PAGE_SIZE);
	memset(fh_page_address(m, pfn), byte, size);
	handle = zpool_store(m, pfn, scratch);
	T_EQ(fh_free_pages(m, pfn, 0), 0);
	return handle;
}

static bool holds(uint64_t handle, unsigned char byte, size_t size)
{
	unsigned char *page;
	bool same = true;
	pfn_t pfn;

	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn), 0);
	page = fh_page_address(m, pfn);
	T_EQ(zpool_load(m, handle, pfn), 0);
	for (size_t i = 0; i < FH_PAGE_SIZE; i++)
		same &= page[i] == (i < size ? byte : 0);
	T_EQ(fh_free_pages(m, pfn, 0), 0);
	return T_OK(same, "the bytes");
}

/* The pool is as Z2 and Z3 say, with so many frames. (Its pages have no slots here: no Z1.) */
static void pool_is(uint64_t frames, uint64_t pages)
{
	struct check_zpool c = {m, m->zpool.nr_pages, m->zpool.nr_bytes, 0, 0};
	struct fh_text none = {NULL, 0, 0};

	for (uint64_t i = 0; i < m->nr_blocks * FH_BLOCK_PAGES; i++) {
		const struct fh_frame *f = machine_frame(m, m->base_pfn + i);

		if (frame_state(f) != FRAME_POOL)
			continue;
		c.chunks += (uint64_t)__builtin_popcountll(~f->free_chunks);
		c.mix += check_zpool_mix(i, ~f->free_chunks);
	}
	T_EQ(m->zpool.nr_frames, frames);
	T_EQ(m->zpool.nr_pages, pages);
	T_EQ(check_zpool_end(&c, &none), 0);
}

static void gaps(void)
{
	static const uint64_t words[][2] = {{0, 0},
					    {~UINT64_C(0), 64},
					    {1, 1},
					    {UINT64_C(1) << 63, 1},
					    {UINT64_C(0xff00ff), 8},
					    {UINT64_C(0x7fffffff), 31},
					    {UINT64_C(0xffffffff00000007), 32}};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		T_EQ(zpool_gap(words[i][0]), words[i][1]);
}

/* Whatever fits beside others goes there, the tightest gap first; a large page has no frame of its own. */
static void pages_share_frames(void)
{
	uint64_t a, b, c, d, e, f;

	T_NEED(start(100, 0));
	a = in(1, 1200); /* 19 chunks */
	b = in(2, 2048); /* 32: 13 are left */
	pool_is(1, 2);
	c = in(3, 1500); /* 24 */
	pool_is(2, 3);
	d = in(4, 800); /* 13: fits exactly where it is tightest */
	pool_is(2, 4);
	T_EQ(zpool_place(m, d).pfn, zpool_place(m, a).pfn);
	T_EQ(m->zpool.poor, 0);
	T_EQ(in(5, 2800),
	     0); /* 44, more than is free; beside it the average of 1387 would not fit */
	T_EQ(m->zpool.poor, 1);
	f = in(5, 2700); /* it would: a frame for it */
	pool_is(3, 5);
	zpool_free(m, f);
	e = in(6, 2560);
	T_OK(e, "40 chunks fill the gap");
	pool_is(2, 5);
	T_EQ(zpool_place(m, e).pfn, zpool_place(m, c).pfn);
	T_OK(holds(a, 1, 1200) && holds(b, 2, 2048) && holds(c, 3, 1500) && holds(d, 4, 800) &&
		     holds(e, 6, 2560),
	     "all are there");
	zpool_free(m, b);
	pool_is(2, 4);
	b = in(7, 1);
	T_EQ(zpool_place(m, b).pfn, zpool_place(m, a).pfn);
	T_OK(holds(a, 1, 1200) && holds(d, 4, 800) && holds(b, 7, 1), "neighbours are untouched");
	zpool_free(m, a);
	zpool_free(m, d);
	zpool_free(m, b);
	pool_is(1, 2);
	zpool_free(m, c);
	zpool_free(m, e);
	pool_is(0, 0);
	end();
}

static void too_large(void)
{
	uint64_t a;

	T_NEED(start(100, 0));
	T_EQ(in(1, 2049), 0); /* nothing of its size fits beside it */
	T_EQ(in(1, FH_PAGE_SIZE), 0);
	a = in(1, 1);
	T_EQ(in(1, FH_PAGE_SIZE / 4 * 3 + 1), 0);
	T_EQ(m->zpool.poor, 3);
	pool_is(1, 1);
	zpool_free(m, a);
	end();
}

/* Any order of sizes that come and go: the pool stays sound and packs no worse than two pages a frame. */
static void come_and_go(void)
{
	static uint64_t handle[300];
	static size_t size[300];
	uint64_t random = 88172645463325252u;
	uint64_t pages = 0;

	T_NEED(start(100, 0));
	for (unsigned int turn = 0; turn < 4000; turn++) {
		unsigned int i;

		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		i = (unsigned int)(random % 300);
		if (handle[i]) {
			if (turn % 8 == 0)
				holds(handle[i], (unsigned char)(i % 200 + 1), size[i]);
			zpool_free(m, handle[i]);
			handle[i] = 0;
			pages--;
		} else {
			size[i] = 1 + (random >> 32) % 2048;
			handle[i] = in((unsigned char)(i % 200 + 1), size[i]);
			T_OK(handle[i], "half a page is always taken");
			pages++;
		}
		if (turn % 500 == 0)
			pool_is(m->zpool.nr_frames, pages);
	}
	printf("# %llu pages in %llu frames\n", (unsigned long long)pages,
	       (unsigned long long)m->zpool.nr_frames);
	T_OK(m->zpool.nr_frames * 2 < pages, "frames are shared by more than two");
	for (unsigned int i = 0; i < 300; i++) {
		if (handle[i] && holds(handle[i], (unsigned char)(i % 200 + 1), size[i]))
			zpool_free(m, handle[i]);
		handle[i] = 0;
	}
	end();
}

/* ---- the option of an area ---- */

static void bad_options(void)
{
	T_NEED(start(0, 0));
	T_EQ(cma_set_compress(NULL, 1), -FH_EINVAL);
	T_EQ(cma_set_compress(area, 101), -FH_EINVAL);
	T_EQ(cma_get_compress(area), 0);
	m->plat.decompress = NULL;
	T_EQ(cma_set_compress(area, 1), -FH_EINVAL);
	T_EQ(cma_set_compress(area, 0), 0);
	m->plat.decompress = tp.plat.decompress;
	T_EQ(cma_set_compress(area, 50), 0);
	T_EQ(cma_get_compress(area), 50);
	T_EQ(m->zpool.limit, AREA * 256 / 2);
	T_EQ(cma_set_policy(area, CMA_POLICY_MOVABLE), 0);
	T_EQ(m->zpool.limit, 0);
	T_EQ(cma_set_policy(area, CMA_POLICY_GUARANTEED), 0);
	T_EQ(m->zpool.limit, AREA * 256 / 2);
	end();
}

/* The same load with and without: more than fits outside is refused, or compressed; never both. */
static void more_than_fits(void)
{
	uint64_t without, with;

	T_NEED(start(0, 0));
	without = fill(PAGES, 100);
	T_OK(without < PAGES / 2, "outside is full, inside is not");
	T_EQ(tp.compressed, 0);
	T_EQ(m->zpool.nr_pages, 0);
	TP_CHECK(m);
	end();

	T_NEED(start(100, 0));
	with = fill(PAGES / 4 * 3, 100);
	T_EQ(with, PAGES / 4 * 3);
	T_OK(info().compressed >= with - without, "what did not fit is compressed");
	T_OK(info().compressed_in * 20 < info().compressed, "a hundred bytes a page");
	TP_CHECK(m);
	for (uint64_t i = 0; i < with; i++)
		if (!is(i, 100))
			break;
	T_EQ(vm_sum(m, VM_zswpin), vm_sum(m, VM_zswpout) - info().compressed);
	T_EQ(vm_sum(m, VM_pswpout), 0);
	TP_CHECK(m);
	end();
}

/* The pool saves so much and no more; and yet whoever has memory can have all of it again, a page at a time. */
static void limited(void)
{
	uint64_t n, saved;

	T_NEED(start(25, 0));
	n = fill(PAGES, 100);
	saved = info().compressed - info().compressed_in;
	T_OK(n < PAGES / 4 * 3, "refused at last");
	T_OK(saved >= AREA * 64 && saved < AREA * 64 + 64, "a quarter of the area, and a batch");
	for (unsigned int round = 0; round < 2; round++)
		for (uint64_t i = 0; i < n; i++)
			if (!is(i, 100))
				break;
	TP_CHECK(m);
	/* Lowered, nothing more goes in. */
	T_EQ(cma_set_compress(area, 0), 0);
	for (saved = atomic_load(&tp.compressed); n < PAGES && !put(n, 100);)
		n++;
	T_OK(n < PAGES, "refused");
	T_EQ(tp.compressed, saved);
	for (uint64_t i = 0; i < n; i++)
		if (!is(i, 100))
			break;
	end();
}

/* What does not get small goes to swap, if there is some; a frame is never lost over it. */
static void incompressible(void)
{
	uint64_t n, more;

	T_NEED(start(100, 0));
	n = fill(PAGES, FH_PAGE_SIZE);
	T_OK(n < PAGES / 2, "refused");
	T_OK(m->zpool.poor > 0, "but tried");
	T_EQ(m->zpool.nr_frames, 0);
	for (uint64_t i = 0; i < n; i++)
		if (!is(i, FH_PAGE_SIZE))
			break;
	end();

	T_NEED(start(100, PLACES));
	more = fill(n + PLACES / 2, FH_PAGE_SIZE);
	T_EQ(more, n + PLACES / 2);
	T_OK(atomic_load(&tp.swap_writes) >= PLACES / 2, "swapped");
	T_EQ(m->zpool.nr_frames, 0);
	TP_CHECK(m);
	for (uint64_t i = 0; i < more; i++)
		if (!is(i, FH_PAGE_SIZE))
			break;
	end();
}

/* Before swap: while the pool takes pages in, nothing is written. */
static void before_swap(void)
{
	T_NEED(start(100, PLACES));
	T_EQ(fill(PAGES / 8 * 5, 1000), PAGES / 8 * 5);
	T_EQ(tp.swap_writes, 0);
	T_OK(info().compressed > 0, "compressed");
	end();
}

/* A page in the area is compressed from a copy, and its frame is free before that begins. */
static void (*during)(void);
static size_t compress_and_look(void *ctx, const void *src, void *dst, size_t room)
{
	if (during)
		during();
	return tp.plat.compress(ctx, src, dst, room);
}

static uint64_t free_inside;
static pfn_t taken;

/* What a device asks for while a page is being compressed it gets, all of the area. */
static void ask(void)
{
	during = NULL;
	T_EQ(cma_alloc(area, AREA * 256, 0, 0, &taken), 0);
	free_inside = AREA * 256;
}

static void devices_do_not_wait(void)
{
	struct pageout res = {.no_io = true};
	uint64_t n, compressed;

	T_NEED(start(100, 0));
	n = fill(PAGES / 2 - 230, 100);
	T_OK(info().cma_lent > 100, "some are inside");
	lru_flush_batch(m);
	m->plat.compress = compress_and_look;
	during = ask;
	pageout_anon(m, LRU_INSIDE, 16, &res);
	T_EQ(res.done, 16);
	T_EQ(free_inside, AREA * 256);
	T_OK(cma_release(area, taken, AREA * 256), "");
	TP_CHECK(m);
	compressed = atomic_load(&tp.compressed);
	T_EQ(cma_alloc(area, AREA * 256, 0, 0, &taken), 0);
	T_EQ(tp.compressed, compressed);
	T_OK(cma_release(area, taken, AREA * 256), "");
	for (uint64_t i = 0; i < n; i++)
		if (!is(i, 100))
			break;
	end();
}

/* While all that is outside is needed, the area can still be had. */
static void the_guarantee_holds(void)
{
	uint64_t n;

	T_NEED(start(100, 0));
	n = fill(PAGES, 700);
	T_OK(info().compressed > 1000, "compressed");
	T_EQ(cma_alloc(area, AREA * 256, 0, 0, &taken), 0);
	TP_CHECK(m);
	T_OK(cma_release(area, taken, AREA * 256), "");
	for (uint64_t i = 0; i < n; i++)
		if (!is(i, 700))
			break;
	end();
}

/* Who may not sleep for I/O is helped too; who may not reclaim is not. */
static void without_io(void)
{
	pfn_t *pfn = calloc(PAGES, sizeof(*pfn));
	uint64_t n = 0, before, swapped;

	T_NEED(start(100, PLACES));
	fill(PAGES / 2, 200);
	while (n < PAGES && !fh_alloc_pages(m, GFP_NOWAIT, 0, &pfn[n]))
		n++;
	before = info().compressed;
	swapped = atomic_load(&tp.swap_writes);
	T_EQ(fh_alloc_pages(m, GFP_NOWAIT, 0, &pfn[n]), -FH_ENOMEM);
	T_EQ(info().compressed, before);
	for (unsigned int i = 0; i < 200; i++, n++)
		if (!T_EQ(fh_alloc_pages(m, GFP_NOIO, 0, &pfn[n]), 0))
			break;
	T_OK(info().compressed > before, "compressed");
	T_EQ(tp.swap_writes, swapped);
	TP_CHECK(m);
	while (n--)
		T_EQ(fh_free_pages(m, pfn[n], 0), 0);
	free(pfn);
	end();
}

/* What does not get small is not written for them either. */
static void without_io_nothing_is_written(void)
{
	pfn_t *pfn = calloc(PAGES, sizeof(*pfn));
	uint64_t n = 0, poor, swapped;

	T_NEED(start(100, PLACES));
	fill(PAGES / 2 - 300, FH_PAGE_SIZE);
	while (n < PAGES && !fh_alloc_pages(m, GFP_NOWAIT, 0, &pfn[n]))
		n++;
	swapped = atomic_load(&tp.swap_writes);
	poor = m->zpool.poor;
	while (n < PAGES && !fh_alloc_pages(m, GFP_NOIO, 0, &pfn[n]))
		n++;
	T_OK(m->zpool.poor > poor, "tried");
	T_EQ(tp.swap_writes, swapped);
	for (unsigned int i = 0; i < 200; i++, n++)
		if (!T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn[n]), 0))
			break;
	T_OK(atomic_load(&tp.swap_writes) > swapped, "with I/O they can");
	while (n--)
		T_EQ(fh_free_pages(m, pfn[n], 0), 0);
	free(pfn);
	end();
}

static void failed_reads(void)
{
	struct pageout res = {0};
	unsigned char byte;

	T_NEED(start(100, 0));
	fill(40, 64);
	lru_flush_batch(m);
	pageout_anon(m, LRU_OUTSIDE, 40, &res);
	T_EQ(res.done, 40);
	T_EQ(info().compressed, 40);
	T_EQ(info().compressed_in, 1);
	atomic_store(&tp.swap_read_fails, true);
	T_EQ(fh_object_read(anon, 3, 0, &byte, 1), -FH_EIO);
	atomic_store(&tp.swap_read_fails, false);
	TP_CHECK(m);
	T_OK(is(3, 64), "the next one can");
	T_EQ(fh_object_punch(anon, 0, 20), 20);
	T_EQ(info().compressed, 20);
	TP_CHECK(m);
	end();
}

/* fh_check() sees what is wrong with the pool. */
static void checked(void)
{
	struct pageout res = {0};
	struct fh_frame *f;
	uint64_t slot, was;
	char why[512];

	T_NEED(start(100, 0));
	fill(4, 64);
	lru_flush_batch(m);
	pageout_anon(m, LRU_OUTSIDE, 4, &res);
	T_EQ(res.done, 4);
	slot = anon->slot[1];
	f = machine_frame(m, zpool_place(m, slot_place(slot)).pfn);
	was = f->free_chunks;
	f->free_chunks |= UINT64_C(1) << zpool_place(m, slot_place(slot)).chunk;
	T_OK(fh_check(m, why, sizeof(why)) > 0 && strstr(why, "Z1"), "a chunk that is free");
	f->free_chunks = was & (was - 1);
	T_OK(fh_check(m, why, sizeof(why)) > 0 && strstr(why, "Z1") && strstr(why, "Z3"),
	     "one that nobody has, and another gap");
	f->free_chunks = was;
	anon->slot[1] = anon->slot[0];
	T_OK(fh_check(m, why, sizeof(why)) > 0 && strstr(why, "Z1"), "two slots, one page");
	anon->slot[1] = slot;
	m->zpool.nr_frames++;
	T_OK(fh_check(m, why, sizeof(why)) > 0 && strstr(why, "Z2"), "frames");
	m->zpool.nr_frames--;
	TP_CHECK(m);
	end();
}

static void shown(void)
{
	struct pageout res = {0};
	char text[16384];
	size_t len;

	T_NEED(start(60, 0));
	fill(100, 128);
	T_EQ(put(100, 4000), 0);
	lru_flush_batch(m);
	pageout_anon(m, LRU_OUTSIDE, 101, &res);
	T_EQ(fh_view_read(m, "proc/meminfo", text, sizeof(text), &len), 0);
	T_OK(strstr(text, "\nZswap:                16 kB\nZswapped:            400 kB\n"), text);
	T_EQ(fh_view_read(m, "proc/vmstat", text, sizeof(text), &len), 0);
	T_OK(strstr(text, "\nzswpin 0\nzswpout 100\nzswpwb 0\n"), text);
	T_EQ(fh_view_read(m, "sys/kernel/debug/freehold/area/compress", text, sizeof(text), &len),
	     0);
	T_STR(text, "60\n");
	T_EQ(fh_view_read(m, "sys/kernel/debug/zswap/pool_total_size", text, sizeof(text), &len),
	     0);
	T_STR(text, "16384\n");
	T_EQ(fh_view_read(m, "sys/kernel/debug/zswap/stored_pages", text, sizeof(text), &len), 0);
	T_STR(text, "100\n");
	T_EQ(fh_view_read(m, "sys/kernel/debug/zswap/reject_compress_poor", text, sizeof(text),
			  &len),
	     0);
	T_STR(text, "1\n");
	end();
}

const struct t_case t_cases[] = {T(gaps),
				 T(pages_share_frames),
				 T(too_large),
				 T(come_and_go),
				 T(bad_options),
				 T(more_than_fits),
				 T(limited),
				 T(incompressible),
				 T(before_swap),
				 T(devices_do_not_wait),
				 T(the_guarantee_holds),
				 T(without_io),
				 T(without_io_nothing_is_written),
				 T(failed_reads),
				 T(checked),
				 T(shown),
				 T_END};
