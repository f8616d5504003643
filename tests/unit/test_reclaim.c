/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/reclaim: clean file pages go, everything else stays; and the account of the guarantee. */
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/budget.h"
#include "mm/machine.h"
#include "mm/objects.h"
#include "mm/pageout.h"
#include "mm/policy.h"
#include "mm/reclaim.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;
static struct fh_object *file;
static unsigned int reads;

static int read_index(void *priv, uint64_t index, void *page)
{
	(void)priv;
	reads++;
	memset(page, (int)index, FH_PAGE_SIZE);
	return 0;
}

static int no_write(void *priv, uint64_t index, const void *page)
{
	(void)priv, (void)index, (void)page;
	return 0;
}

static const struct fh_object_ops ops = {read_index, no_write};

static bool start(uint64_t mib, uint64_t cma_mib, enum cma_policy policy)
{
	reads = 0;
	m = testplat_start(&tp, mib, cma_mib, policy, 1);
	return m && T_EQ(fh_object_create(m, 4000, &ops, NULL, &file), 0);
}

static void end(void)
{
	fh_object_destroy(file);
	testplat_end(&tp, m);
}

static bool there(uint64_t i)
{
	pfn_t pfn;

	return !fh_object_where(file, i, &pfn);
}

static void use(uint64_t i)
{
	unsigned char b = 0;

	T_EQ(fh_object_read(file, i, 77, &b, 1), 0);
	T_EQ(b, i & 255);
}

static void drops_only_clean(void)
{
	pfn_t pfn;

	T_NEED(start(32, 0, CMA_POLICY_MOVABLE));
	for (uint64_t i = 0; i < 10; i++)
		use(i);
	T_EQ(fh_object_write(file, 3, 0, "x", 1), 0);
	T_EQ(fh_object_pin(file, 4, &pfn), 0);
	T_EQ(reclaim_clean(m, LRU_INSIDE, 100), 0);
	T_EQ(reclaim_clean(m, LRU_OUTSIDE, 100), 8);
	T_OK(there(3) && there(4) && !there(0) && !there(9), "the dirty and the pinned stay");
	T_EQ(reclaim_clean(m, LRU_OUTSIDE, 100), 0);
	TP_CHECK(m);
	use(0);
	T_EQ(reads, 11);
	T_EQ(fh_object_unpin(file, 4), 0);
	end();
}

static void no_more_than_wanted(void)
{
	T_NEED(start(32, 0, CMA_POLICY_MOVABLE));
	for (uint64_t i = 0; i < 100; i++)
		use(i);
	T_EQ(reclaim_clean(m, LRU_OUTSIDE, 7), 7);
	T_EQ(m->lru.nr_file, 93);
	T_EQ(reclaim_clean(m, LRU_OUTSIDE, 0), 0);
	T_EQ(reclaim_clean(m, LRU_OUTSIDE, 50), 50);
	T_EQ(m->lru.nr_file, 43);
	end();
}

/* Of pages that one call is given those that got dirty stay, in their order; the others' frames are the caller's. */
static void pages_that_got_dirty_stay(void)
{
	enum frame_state state;
	pfn_t pfn[6], was[6];
	unsigned int kept;

	T_NEED(start(32, 0, CMA_POLICY_MOVABLE));
	for (unsigned int i = 0; i < 6; i++) {
		use(i);
		T_EQ(fh_object_where(file, i, &pfn[i]), 0);
		was[i] = pfn[i];
	}
	T_EQ(fh_object_write(file, 1, 0, "x", 1), 0);
	T_EQ(fh_object_write(file, 4, 0, "x", 1), 0);
	for (unsigned int i = 0; i < 6; i++)
		T_NEED(lru_isolate(m, pfn[i], &state));
	T_EQ(objects_same_owner(m, pfn, 6), 6);
	kept = reclaim_drop(m, pfn, 6);
	T_EQ(kept, 2);
	T_EQ(pfn[0], was[1]);
	T_EQ(pfn[1], was[4]);
	T_EQ(m->lru.nr_file, 2);
	for (unsigned int i = 0; i < 6; i++)
		T_EQ(frame_state(machine_frame(m, pfn[i])), i < kept ? FRAME_ISOLATED : FRAME_RAW);
	for (unsigned int i = 0; i < kept; i++)
		lru_putback(m, pfn[i]);
	for (unsigned int i = kept; i < 6; i++)
		T_EQ(fh_free_pages(m, pfn[i], 0), 0);
	T_OK(there(1) && there(4) && !there(0) && !there(5), "they are, the others are not");
	end();
}

/* A request that cannot be served otherwise drops cache; one that may not, fails. */
static void requests_drop_cache(void)
{
	pfn_t list = 0, pfn;
	uint64_t n = 0;
	int err;

	T_NEED(start(16, 0, CMA_POLICY_MOVABLE));
	for (uint64_t i = 0; i < 3500; i++)
		use(i);
	while (!(err = fh_alloc_pages(m, GFP_NOWAIT, 0, &pfn))) {
		*(pfn_t *)fh_page_address(m, pfn) = list;
		list = pfn;
	}
	T_EQ(err, -FH_ENOMEM);
	T_EQ(m->lru.nr_file, 3500);
	for (; n < 2000; n++) {
		if (!T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn), 0))
			break;
		*(pfn_t *)fh_page_address(m, pfn) = list;
		list = pfn;
	}
	T_OK(m->lru.nr_file < 1600, "cache made room");
	TP_CHECK(m);
	while (list) {
		pfn = *(pfn_t *)fh_page_address(m, list);
		T_EQ(fh_free_pages(m, list, 0), 0);
		list = pfn;
	}
	end();
}

/* What counts: taken and not droppable; a device's in an area does not. */
static void account(void)
{
	struct cma *cma;
	uint64_t base;
	pfn_t pfn, buffer;

	T_NEED(start(32, 8, CMA_POLICY_GUARANTEED));
	testplat_cpu(~0u);
	cma = cma_find(m, "area");
	base = budget_used(m);
	T_EQ(base, 0);
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 3, &pfn), 0);
	T_EQ(budget_used(m), 8);
	T_EQ(cma_alloc(cma, 100, 0, 0, &buffer), 0);
	T_EQ(budget_used(m), 8);
	use(0);
	T_EQ(budget_used(m), 8);
	T_EQ(fh_object_write(file, 0, 0, "x", 1), 0);
	T_EQ(budget_used(m), 9);
	T_OK(cma_release(cma, buffer, 100), "");
	T_EQ(fh_free_pages(m, pfn, 3), 0);
	T_OK(budget_fits(m, 1), "there is room");
	T_OK(!budget_fits(m, 6144), "not for all that lies outside");
	T_EQ(cma_set_policy(cma, CMA_POLICY_MOVABLE), 0);
	T_OK(budget_fits(m, 1u << 30), "no guarantee, no account");
	T_EQ(cma_set_policy(cma, CMA_POLICY_GUARANTEED), 0);
	end();
}

/* DESIGN D4: with everything used up that may be, the whole area can still be had at once. */
static void the_guarantee(void)
{
	struct fh_object *anon;
	struct cma *cma;
	uint64_t n = 0, got = 0;
	pfn_t pfn, buffer[8];
	int err;

	T_NEED(start(32, 16, CMA_POLICY_GUARANTEED));
	cma = cma_find(m, "area");
	T_EQ(fh_object_create(m, 8192, NULL, NULL, &anon), 0);
	while (n < 8192 && !(err = fh_object_write(anon, n, 0, &n, sizeof(n))))
		n++;
	T_OK(n > 3500, "what lies outside, and no more");
	for (uint64_t i = 0; i < 4000; i++)
		if (fh_object_read(file, i, 0, &pfn, 1))
			break;
	while (got < 8 && T_EQ(cma_alloc(cma, 512, 0, 0, &buffer[got]), 0))
		got++;
	TP_CHECK(m);
	for (uint64_t i = 0, v; i < n; i++)
		if (!T_OK(!fh_object_read(anon, i, 0, &v, sizeof(v)) && v == i, "its bytes"))
			break;
	while (got)
		T_OK(cma_release(cma, buffer[--got], 512), "");
	fh_object_destroy(anon);
	end();
}

/* ---- with swap and files that can be written ---- */

static struct fh_object *anon;
static uint64_t disk[4000];
static unsigned int writes, nested;
static void (*server)(void);

static int disk_read(void *priv, uint64_t index, void *page)
{
	(void)priv;
	memset(page, 0, FH_PAGE_SIZE);
	memcpy(page, &disk[index], sizeof(disk[0]));
	return 0;
}

static int disk_write(void *priv, uint64_t index, const void *page)
{
	(void)priv;
	T_EQ(nested++, 0);
	writes++;
	if (server)
		server();
	memcpy(&disk[index], page, sizeof(disk[0]));
	nested--;
	return 0;
}

static const struct fh_object_ops disk_ops = {disk_read, disk_write};

static bool start_swap(uint64_t mib, uint64_t cma_mib, uint64_t places)
{
	writes = 0;
	server = NULL;
	memset(disk, 0, sizeof(disk));
	testplat_init(&tp);
	testplat_cpu(0);
	testplat_swap(&tp, places);
	m = testplat_machine(&tp, mib, cma_mib, CMA_POLICY_GUARANTEED, 2);
	return m && T_EQ(fh_swapon(m, places), 0) &&
	       T_EQ(fh_object_create(m, 4000, &disk_ops, NULL, &file), 0) &&
	       T_EQ(fh_object_create(m, 20000, NULL, NULL, &anon), 0);
}

static void end_swap(void)
{
	fh_object_destroy(anon);
	end();
}

/* Writes pages of `o` from `i` on, until it is refused; how far it came. */
static uint64_t fill(struct fh_object *o, uint64_t i, uint64_t end_at)
{
	while (i < end_at && !fh_object_write(o, i, 0, &i, sizeof(i)))
		i++;
	return i;
}

static bool holds(struct fh_object *o, uint64_t n)
{
	for (uint64_t i = 0, v; i < n; i++)
		if (!T_EQ(fh_object_read(o, i, 0, &v, sizeof(v)), 0) || !T_EQ(v, i))
			return false;
	return true;
}

/* A tenant that wants more than RAM and swap gets -ENOMEM, and nobody else anything. All that it was given
 * it can have again, though nothing is free. */
static void more_than_ram_and_swap(void)
{
	pfn_t buffer;
	uint64_t n, v = 1;

	T_NEED(start_swap(32, 8, 3000));
	n = fill(anon, 0, 20000);
	T_OK(swap_nr_free(&m->swap) <= policy_swap_spare(3000), "swap is full");
	T_OK(n > 2700 + 5500 && n < 3000 + 6144, "what fits outside, and swap");
	T_EQ(fh_object_write(anon, n, 0, &v, sizeof(v)), -FH_ENOMEM);
	TP_CHECK(m);
	T_EQ(cma_alloc(cma_find(m, "area"), 2048, 0, 0, &buffer), 0);
	T_OK(cma_release(cma_find(m, "area"), buffer, 2048), "");
	T_OK(holds(anon, n) && holds(anon, n), "its bytes");
	TP_CHECK(m);
	end_swap();
}

/* Dirty pages of files need no swap: more than memory can be written. */
static void more_dirty_than_ram(void)
{
	T_NEED(start_swap(16, 4, 1));
	for (uint64_t i = 0; i < 4000; i++)
		if (!T_EQ(fh_object_write(file, i, 0, &i, sizeof(i)), 0))
			break;
	T_OK(writes > 500, "written back");
	TP_CHECK(m);
	T_OK(holds(file, 4000), "its bytes");
	end_swap();
}

/* Unmovable requests outside at the edge of the budget: anonymous memory goes to swap, wherever it is; and
 * when there is no more of it they are refused, and the area can still be had. */
static void unmovable_at_the_edge(void)
{
	pfn_t list = 0, pfn, buffer;
	uint64_t n, raw = 0;

	T_NEED(start_swap(32, 8, 20000));
	n = fill(anon, 0, 5700);
	T_EQ(n, 5700);
	while (!fh_alloc_pages(m, GFP_NOIO, 0, &pfn)) {
		*(pfn_t *)fh_page_address(m, pfn) = list;
		list = pfn;
		raw++;
	}
	T_EQ(swap_nr_free(&m->swap), 20000);
	while (raw < 4000) {
		if (!T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn), 0))
			break;
		*(pfn_t *)fh_page_address(m, pfn) = list;
		list = pfn;
		raw++;
	}
	T_OK(swap_nr_free(&m->swap) < 20000 - 3000, "anonymous memory made room");
	T_OK(budget_used(m) <= m->capacity, "G2");
	T_EQ(cma_alloc(cma_find(m, "area"), 2048, 0, 0, &buffer), 0);
	while (!fh_alloc_pages(m, GFP_KERNEL, 0, &pfn)) {
		*(pfn_t *)fh_page_address(m, pfn) = list;
		list = pfn;
		raw++;
	}
	T_OK(raw > 5500 && budget_used(m) <= m->capacity, "all that is outside, and no more");
	T_OK(cma_release(cma_find(m, "area"), buffer, 2048), "");
	TP_CHECK(m);
	while (list) {
		pfn = *(pfn_t *)fh_page_address(m, list);
		T_EQ(fh_free_pages(m, list, 0), 0);
		list = pfn;
	}
	T_OK(holds(anon, n), "its bytes");
	end_swap();
}

/* Who may not sleep drops cache and no more; who may, swaps. */
static void without_io(void)
{
	pfn_t list = 0, pfn;
	uint64_t v;

	T_NEED(start_swap(16, 0, 2000));
	fill(anon, 0, 3400);
	for (uint64_t i = 0; i < 100; i++)
		T_EQ(fh_object_read(file, i, 0, &v, sizeof(v)), 0);
	T_EQ(fh_object_write(file, 5, 0, "x", 1), 0);
	while (!fh_alloc_pages(m, GFP_NOIO, 0, &pfn)) {
		*(pfn_t *)fh_page_address(m, pfn) = list;
		list = pfn;
	}
	T_EQ(m->lru.nr_file, 1);
	T_EQ(atomic_load(&tp.swap_writes) + writes, 0);
	for (int i = 0; i < 10 && T_EQ(fh_alloc_pages(m, GFP_KERNEL, 2, &pfn), 0); i++)
		T_EQ(fh_free_pages(m, pfn, 2), 0);
	T_OK(atomic_load(&tp.swap_writes) > 0, "swapped");
	while (list) {
		pfn = *(pfn_t *)fh_page_address(m, list);
		T_EQ(fh_free_pages(m, list, 0), 0);
		list = pfn;
	}
	end_swap();
}

/* A clean page that gets dirty, or pinned, where there is no room: others make it. */
static void dirty_and_pin_at_the_edge(void)
{
	uint64_t v = 1;
	pfn_t pfn;

	T_NEED(start_swap(32, 8, 20000));
	for (uint64_t i = 0; i < 300; i++)
		T_EQ(fh_object_read(file, i, 0, &v, sizeof(v)), 0);
	fill(anon, 0, 7000);
	T_OK(!budget_fits(m, 200), "at the edge");
	for (uint64_t i = 0; i < 300; i += 2) {
		T_EQ(fh_object_write(file, i, 0, &i, sizeof(i)), 0);
		T_EQ(fh_object_pin(file, i + 1, &pfn), 0);
	}
	T_OK(budget_used(m) <= m->capacity, "G2");
	for (uint64_t i = 1; i < 300; i += 2)
		T_EQ(fh_object_unpin(file, i), 0);
	end_swap();
}

/* P8: who serves the write needs memory to end it. R5: that neither begins another write nor waits. */
static void needs_memory(void)
{
	pfn_t list = 0, pfn;
	int n = 0;

	while (n < 200 && !fh_alloc_pages(m, GFP_KERNEL, 0, &pfn)) {
		*(pfn_t *)fh_page_address(m, pfn) = list;
		list = pfn;
		n++;
	}
	while (list) {
		pfn = *(pfn_t *)fh_page_address(m, list);
		T_EQ(fh_free_pages(m, list, 0), 0);
		list = pfn;
	}
}

static void a_server_that_needs_memory(void)
{
	T_NEED(start_swap(16, 0, 1));
	server = needs_memory;
	for (uint64_t i = 0; i < 3900; i++)
		if (!T_EQ(fh_object_write(file, i, 0, &i, sizeof(i)), 0))
			break;
	fill(anon, 0, 2000);
	T_OK(writes > 1000, "written back");
	server = NULL;
	T_OK(holds(file, 3900), "its bytes");
	end_swap();
}

/* R4: what is written so that a page can come back from swap may need that page. */
static void needs_the_page(void)
{
	uint64_t v;
	int err = fh_object_read(anon, 0, 0, &v, sizeof(v));

	T_OK(!err || err == -FH_ENOMEM, "no memory, perhaps");
}

static void a_server_that_needs_the_page(void)
{
	struct pageout res = {0};
	pfn_t list = 0, pfn;

	T_NEED(start_swap(16, 0, 1));
	for (uint64_t i = 0; i < 500; i++)
		T_EQ(fh_object_write(file, i, 0, &i, sizeof(i)), 0);
	fill(anon, 0, 1);
	lru_flush_batch(m);
	pageout_anon(m, LRU_OUTSIDE, 1, &res);
	T_EQ(res.done, 1);
	while (!fh_alloc_pages(m, GFP_NOIO, 0, &pfn)) {
		*(pfn_t *)fh_page_address(m, pfn) = list;
		list = pfn;
	}
	server = needs_the_page;
	alarm(60); /* a deadlock ends here */
	T_OK(holds(anon, 1), "its bytes");
	alarm(0);
	T_OK(writes > 0, "by way of the server");
	server = NULL;
	while (list) {
		pfn = *(pfn_t *)fh_page_address(m, list);
		T_EQ(fh_free_pages(m, list, 0), 0);
		list = pfn;
	}
	end_swap();
}

/* P8 with a server in a thread of its own, as FUSE has it, that does not even say GFP_NOIO. */
static sem_t request, answer;
static bool served_all;

static void *serve(void *arg)
{
	(void)arg;
	testplat_cpu(1);
	for (;;) {
		sem_wait(&request);
		if (served_all)
			break;
		needs_memory();
		sem_post(&answer);
	}
	fh_cpu_quiesce(m);
	return NULL;
}

static void ask(void)
{
	sem_post(&request);
	sem_wait(&answer);
}

static void a_server_in_another_thread(void)
{
	uint64_t began;
	pthread_t id;
	pfn_t list = 0, pfn;

	T_NEED(start_swap(16, 0, 1));
	for (uint64_t i = 0; i < 500; i++)
		T_EQ(fh_object_write(file, i, 0, &i, sizeof(i)), 0);
	lru_flush_batch(m);
	while (!fh_alloc_pages(m, GFP_NOIO, 0, &pfn)) {
		*(pfn_t *)fh_page_address(m, pfn) = list;
		list = pfn;
	}
	sem_init(&request, 0, 0);
	sem_init(&answer, 0, 0);
	served_all = false;
	server = ask;
	T_EQ(pthread_create(&id, NULL, serve, NULL), 0);
	alarm(60); /* a deadlock ends here */
	began = m->plat.clock_ns(m->plat.ctx);
	T_OK(reclaim_room(m, GFP_KERNEL, 3, RECLAIM_DIRECT) > 0, "less what the server dropped");
	T_OK(m->plat.clock_ns(m->plat.ctx) - began > 2 * POLICY_PATIENCE_NS,
	     "the server's requests waited for the writer, and gave up");
	T_OK(m->plat.clock_ns(m->plat.ctx) - began < 50 * POLICY_PATIENCE_NS, "and not late");
	T_EQ(writes, 3);
	served_all = true;
	sem_post(&request);
	pthread_join(id, NULL);
	alarm(0);
	server = NULL;
	while (list) {
		pfn = *(pfn_t *)fh_page_address(m, list);
		T_EQ(fh_free_pages(m, list, 0), 0);
		list = pfn;
	}
	T_OK(holds(file, 500), "its bytes");
	end_swap();
}

const struct t_case t_cases[] = {T(drops_only_clean),
				 T(no_more_than_wanted),
				 T(pages_that_got_dirty_stay),
				 T(requests_drop_cache),
				 T(account),
				 T(the_guarantee),
				 T(more_than_ram_and_swap),
				 T(more_dirty_than_ram),
				 T(unmovable_at_the_edge),
				 T(without_io),
				 T(dirty_and_pin_at_the_edge),
				 T(a_server_that_needs_memory),
				 T(a_server_that_needs_the_page),
				 T(a_server_in_another_thread),
				 T_END};
