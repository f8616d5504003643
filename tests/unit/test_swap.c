/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/swap: places are found and given back, a store has the bytes until they are written. */
#include <string.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define PLACES 100

static struct testplat tp;
static struct fh_machine *m;

static bool start(uint64_t places)
{
	testplat_init(&tp);
	testplat_cpu(0);
	testplat_swap(&tp, PLACES);
	m = testplat_machine(&tp, 16, 0, CMA_POLICY_MOVABLE, 1);
	return m && (!places || T_EQ(fh_swapon(m, places), 0));
}

/* A frame full of `byte`, in a store, ready to be written. */
static uint64_t put(unsigned char byte, unsigned int *store)
{
	pfn_t pfn;

	T_EQ(swap_take(m, store, 1, 0), 1);
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn), 0);
	memset(fh_page_address(m, pfn), byte, FH_PAGE_SIZE);
	return swap_put(m, *store, pfn);
}

/* What a reader of the place sees. */
static int byte_at(uint64_t slot)
{
	unsigned char *page;
	pfn_t pfn;
	int err, byte;

	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn), 0);
	page = fh_page_address(m, pfn);
	err = swap_read(m, slot, pfn);
	byte = page[0] == page[FH_PAGE_SIZE - 1] ? page[0] : -1;
	T_EQ(fh_free_pages(m, pfn, 0), 0);
	return err ? err : byte;
}

static void bad_swapon(void)
{
	T_NEED(start(0));
	T_EQ(fh_swapon(NULL, 1), -FH_EINVAL);
	T_EQ(fh_swapon(m, 0), -FH_EINVAL);
	T_EQ(fh_swapon(m, UINT64_C(1) << 32), -FH_EINVAL);
	m->plat.swap_read = NULL;
	T_EQ(fh_swapon(m, 1), -FH_EINVAL);
	m->plat.swap_read = tp.plat.swap_read;
	atomic_store(&tp.fail_nth, 1);
	T_EQ(fh_swapon(m, 1), -FH_ENOMEM);
	T_EQ(swap_nr_free(&m->swap), 0);
	T_EQ(fh_swapon(m, 64), 0);
	T_EQ(fh_swapon(m, 1), -FH_EBUSY);
	T_EQ(swap_nr_free(&m->swap), 64);
	testplat_end(&tp, m);
}

/* Next fit: neighbours lie together; a place that was given back waits for its turn. */
static void places(void)
{
	unsigned int store[4];
	uint64_t slot[4];

	T_NEED(start(5));
	for (unsigned int i = 0; i < 4; i++) {
		slot[i] = put((unsigned char)i, &store[i]);
		T_EQ(slot[i], i);
		T_OK(swap_write(m, store[i]), "written");
	}
	swap_free(m, slot[1]);
	T_EQ(put(9, &store[0]), 4);
	T_OK(swap_write(m, store[0]), "written");
	T_EQ(put(8, &store[0]), 1);
	T_OK(swap_write(m, store[0]), "written");
	T_EQ(swap_nr_free(&m->swap), 0);
	T_EQ(swap_take(m, store, 1, 0), 0);
	T_EQ(byte_at(1), 8);
	T_EQ(byte_at(4), 9);
	T_EQ(byte_at(2), 2);
	for (uint64_t i = 0; i < 5; i++)
		swap_free(m, i);
	T_EQ(swap_nr_free(&m->swap), 5);
	testplat_end(&tp, m);
}

static void more_than_there_is(void)
{
	unsigned int store[SWAP_STORES + 1];

	T_NEED(start(PLACES));
	T_EQ(swap_take(m, store, 5, PLACES), 0);
	T_EQ(swap_take(m, store, 5, PLACES - 3), 3);
	for (unsigned int i = 0; i < 3; i++)
		swap_cancel(m, store[i]);
	T_EQ(swap_take(m, store, SWAP_STORES + 1, 0), SWAP_STORES);
	T_EQ(swap_take(m, store, 1, 0), 0);
	for (unsigned int i = 0; i < SWAP_STORES; i++)
		swap_cancel(m, i);
	T_EQ(swap_nr_free(&m->swap), PLACES);
	testplat_end(&tp, m);
}

/* Before the write, while it runs, and after: the same bytes. */
static void read_before_it_is_written(void)
{
	unsigned int store;
	uint64_t slot;

	T_NEED(start(PLACES));
	slot = put(7, &store);
	T_EQ(byte_at(slot), 7);
	T_EQ(atomic_load(&tp.swap_reads), 0);
	T_OK(swap_write(m, store), "written");
	T_EQ(byte_at(slot), 7);
	T_EQ(atomic_load(&tp.swap_reads), 1);
	T_EQ(m->swap.nr_stores, 0);
	swap_free(m, slot);
	testplat_end(&tp, m);
}

/* Whoever gives the page up while it is written does not get the place reused below the write. */
static void given_up_while_written(void)
{
	unsigned int store;
	uint64_t slot;

	T_NEED(start(PLACES));
	slot = put(7, &store);
	swap_free(m, slot);
	T_EQ(swap_nr_free(&m->swap), PLACES - 1);
	T_OK(swap_write(m, store), "written");
	T_EQ(swap_nr_free(&m->swap), PLACES);
	slot = put(7, &store);
	swap_free(m, slot);
	atomic_store(&tp.swap_write_fails, true);
	T_OK(swap_write(m, store), "nobody misses it");
	T_EQ(m->swap.nr_stores, 0);
	testplat_end(&tp, m);
}

static void failed_writes_lose_nothing(void)
{
	unsigned int store;
	uint64_t slot[SWAP_STORES];

	T_NEED(start(PLACES));
	atomic_store(&tp.swap_write_fails, true);
	for (unsigned int i = 0; i < SWAP_STORES; i++) {
		slot[i] = put((unsigned char)i, &store);
		T_OK(!swap_write(m, store), "the write failed");
	}
	T_EQ(swap_take(m, &store, 1, 0), 0);
	T_EQ(atomic_load(&tp.swap_writes), 0);
	for (unsigned int i = 0; i < SWAP_STORES; i++) {
		T_EQ(byte_at(slot[i]), i);
		swap_free(m, slot[i]);
	}
	T_EQ(swap_nr_free(&m->swap), PLACES);
	testplat_end(&tp, m);
}

/* What failed once does not fill the table for ever: stores are written again in turn, when they are many. */
static void failed_writes_are_tried_again(void)
{
	unsigned int store, n = 0;
	uint64_t slot[SWAP_STORES];

	T_NEED(start(PLACES));
	atomic_store(&tp.swap_write_fails, true);
	for (unsigned int i = 0; i < SWAP_STORES; i++) {
		slot[i] = put((unsigned char)i, &store);
		T_OK(!swap_write(m, store), "the write failed");
	}
	T_OK(!swap_retry(m) && !swap_retry(m), "it fails again");
	atomic_store(&tp.swap_write_fails, false);
	swap_free(m, slot[7]);
	while (swap_retry(m))
		n++;
	T_EQ(n, SWAP_STORES / 2 - 1);
	T_EQ(m->swap.nr_stores, SWAP_STORES / 2);
	T_EQ(swap_take(m, &store, 1, 0), 1);
	swap_cancel(m, store);
	for (unsigned int i = 0; i < SWAP_STORES; i++)
		if (i != 7) {
			T_EQ(byte_at(slot[i]), i);
			swap_free(m, slot[i]);
		}
	T_EQ(swap_nr_free(&m->swap), PLACES);
	testplat_end(&tp, m);
}

static void failed_reads(void)
{
	unsigned int store;
	uint64_t slot;

	T_NEED(start(PLACES));
	slot = put(3, &store);
	T_OK(swap_write(m, store), "written");
	atomic_store(&tp.swap_read_fails, true);
	T_EQ(byte_at(slot), -FH_EIO);
	atomic_store(&tp.swap_read_fails, false);
	T_EQ(byte_at(slot), 3);
	swap_free(m, slot);
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {T(bad_swapon),
				 T(places),
				 T(more_than_there_is),
				 T(read_before_it_is_written),
				 T(given_up_while_written),
				 T(failed_writes_lose_nothing),
				 T(failed_writes_are_tried_again),
				 T(failed_reads),
				 T_END};
