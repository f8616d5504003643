/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Pages are exchanged while tenants load, store, pin, punch and write them back, and while a device takes the area.
 * Everybody finds the bytes that are his; in the end all is free and fh_check() finds nothing. FH_RACE_SECONDS=n runs it
 * so long (1), longer on a busy host, 40 s at most.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define AREA	     1024
#define ANON_PAGES   700
#define FILE_PAGES   8192
#define DIRTY	     64 /* pages of the file that are written, too */
#define MOST_SECONDS 40

enum { ANON, PINNED, CACHE, DEVICE, EXCHANGER, NR_THREADS };

struct thread {
	pthread_t id;
	uint32_t rnd;
	uint64_t done;
	void (*run)(struct thread *t);
	struct fh_object *o;
	struct fh_space *space;
	struct tp_space *host;
	uint32_t word[ANON_PAGES];
};

static struct testplat tp;
static struct fh_machine *m;
static struct cma *area;
static struct thread thread[NR_THREADS];
static struct fh_object *file;
static uint32_t disk[FILE_PAGES], written[DIRTY]; /* what the file has, and its pages */
static _Atomic(bool) stop;
static _Atomic(uint64_t) wrong;

static void must(bool ok)
{
	if (!ok)
		atomic_fetch_add(&wrong, 1);
}

static uint32_t rnd(struct thread *t)
{
	t->rnd = t->rnd * 1664525 + 1013904223;
	return t->rnd >> 8;
}

static int file_read(void *priv, uint64_t index, void *page)
{
	(void)priv;
	memset(page, 0, FH_PAGE_SIZE);
	memcpy(page, &disk[index], 4);
	memcpy((char *)page + 4092, &disk[index], 4);
	return 0;
}

static int file_write(void *priv, uint64_t index, const void *page)
{
	(void)priv;
	memcpy(&disk[index], page, 4);
	return 0;
}

static const struct fh_object_ops file_ops = {file_read, file_write};

static void see(const unsigned char *page, uint32_t word)
{
	must(!memcmp(page, &word, 4) && !memcmp(page + 4092, &word, 4));
}

/* ---- who is there ---- */

static void live(struct thread *t)
{
	unsigned char page[FH_PAGE_SIZE];
	uint32_t i = rnd(t) % ANON_PAGES, v = rnd(t), what = rnd(t) % 64;
	int err;

	if (!what) {
		uint64_t nr = 1 + rnd(t) % 16;

		fh_object_punch(t->o, i, nr);
		for (; nr-- && i < ANON_PAGES; i++)
			t->word[i] = 0;
	} else if (what < 32) {
		err = fh_space_load(t->space, i, 0, page, sizeof(page));
		must(!err || err == -FH_ENOMEM);
		if (!err)
			see(page, t->word[i]);
	} else if (!fh_space_store(t->space, i, 0, &v, 4)) {
		/* It is there, and anonymous: nobody drops it. */
		must(!fh_space_store(t->space, i, 4092, &v, 4));
		t->word[i] = v;
	}
}

static void live_pinned(struct thread *t)
{
	uint32_t i = rnd(t) % ANON_PAGES;
	pfn_t pfn, at;

	live(t);
	if (rnd(t) % 32 || fh_object_pin(t->o, i, &pfn))
		return;
	see(fh_page_address(m, pfn), t->word[i]);
	sched_yield();
	must(!fh_object_where(t->o, i, &at) && at == pfn);
	must(!fh_object_unpin(t->o, i));
}

static void read_cache(struct thread *t)
{
	unsigned char page[FH_PAGE_SIZE];
	uint32_t i = rnd(t) % FILE_PAGES, k = rnd(t) % DIRTY, v = rnd(t);
	int err = fh_object_read(file, i, 0, page, sizeof(page));

	must(!err || err == -FH_ENOMEM);
	if (!err)
		see(page, i < DIRTY ? written[i] : i);
	if (rnd(t) % 16)
		return;
	for (unsigned int n = 0; n < FH_PAGE_SIZE; n += 4)
		memcpy(page + n, &v, 4);
	err = fh_object_write(file, k, 0, page, sizeof(page));
	must(!err || err == -FH_ENOMEM);
	if (!err)
		written[k] = v;
	if (rnd(t) % 2) {
		err = fh_object_writeback(file, k);
		must(!err || err == -FH_ENOMEM);
	}
}

static void take(struct thread *t)
{
	unsigned long count = rnd(t) % 3 ? AREA : AREA / 2;
	pfn_t pfn;
	int err = cma_alloc(area, count, 0, CMA_NO_WARN, &pfn);

	must(!err); /* it is all there is of devices */
	if (err)
		return;
	for (pfn_t p = pfn; p < pfn + count; p++)
		*(pfn_t *)fh_page_address(m, p) = p;
	sched_yield();
	for (pfn_t p = pfn; p < pfn + count; p++)
		must(*(pfn_t *)fh_page_address(m, p) == p);
	must(cma_release(area, pfn, count));
	nanosleep(&(struct timespec){0, 5000000}, NULL);
}

/* Without its pauses, and whatever it costs. */
static void exchange(struct thread *t)
{
	(void)t;
	m->exchange_next_ns = 0;
	fh_lock(&area->lock);
	area->exchange.balance_ns = 0;
	area->exchange.in_ns = 0;
	fh_unlock(&area->lock);
	if (!cma_background(m))
		sched_yield();
}

static void *body(void *arg)
{
	struct thread *t = arg;

	testplat_cpu(t == &thread[EXCHANGER] ? ~0u : (unsigned int)(t - thread));
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		t->run(t);
		t->done++;
	}
	fh_cpu_quiesce(m);
	return NULL;
}

/* ---- the race ---- */

static void start(void)
{
	static void (*const run[NR_THREADS])(struct thread *) = {live, live_pinned, read_cache,
								 take, exchange};
	struct fh_mem_info info;
	uint32_t v;

	testplat_init(&tp);
	testplat_cpu(~0u);
	T_NEED((m = testplat_machine(&tp, 32, 4, CMA_POLICY_GUARANTEED, DEVICE + 1)));
	T_NEED((area = cma_find(m, "area")));
	T_EQ(cma_set_exchange(area, true), 0);
	for (unsigned int i = 0; i < FILE_PAGES; i++)
		disk[i] = i;
	memcpy(written, disk, sizeof(written));
	for (unsigned int i = 0; i < NR_THREADS; i++)
		thread[i] = (struct thread){.rnd = i * 7919 + 1, .run = run[i]};
	T_EQ(fh_object_create(m, FILE_PAGES, &file_ops, NULL, &file), 0);
	for (unsigned int i = ANON; i <= PINNED; i++) {
		thread[i].host = testplat_space(&tp);
		T_EQ(fh_object_create(m, ANON_PAGES, NULL, NULL, &thread[i].o), 0);
		T_EQ(fh_space_create(m, thread[i].host, &thread[i].space), 0);
		T_EQ(fh_space_map(thread[i].space, 0, thread[i].o, 0, ANON_PAGES), 0);
	}
	/* No frame outside to spare: tenants go inside. */
	fh_mem_info(m, &info);
	for (uint64_t i = 0; i < FILE_PAGES && info.free > 300; i++) {
		T_EQ(fh_object_read(file, i, 0, &v, 4), 0);
		fh_mem_info(m, &info);
	}
}

static void end(void)
{
	struct fh_mem_info info;

	for (unsigned int i = ANON; i <= PINNED; i++) {
		TP_SPACE_CHECK(thread[i].space, thread[i].host);
		fh_space_destroy(thread[i].space);
		fh_object_destroy(thread[i].o);
		free(thread[i].host);
	}
	fh_object_destroy(file);
	fh_mem_info(m, &info);
	T_EQ(info.free, info.total);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

static void exchanged_while_used(void)
{
	const char *seconds = getenv("FH_RACE_SECONDS");
	struct cma_stats st;

	start();
	alarm(MOST_SECONDS + 60); /* a lost wake-up hangs: die, do not wait for ever */
	for (unsigned int i = 0; i < NR_THREADS; i++)
		if (!T_EQ(pthread_create(&thread[i].id, NULL, body, &thread[i]), 0))
			exit(1);
	/* On a busy host it takes longer until all of it has happened. */
	for (int i = 0; i < MOST_SECONDS; i++) {
		nanosleep(&(struct timespec){1, 0}, NULL);
		cma_get_stats(area, &st);
		if (i + 1 >= (seconds ? atoi(seconds) : 1) && st.exchanged_in && st.spared)
			break;
	}
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < NR_THREADS; i++) {
		pthread_join(thread[i].id, NULL);
		T_OK(thread[i].done > 0, "every thread got somewhere");
	}
	alarm(0);
	cma_get_stats(area, &st);
	printf("# %llu out, %llu in, %llu spared; %llu allocations, %llu moved, %llu dropped\n",
	       (unsigned long long)st.exchanged_out, (unsigned long long)st.exchanged_in,
	       (unsigned long long)st.spared, (unsigned long long)st.nr_allocs,
	       (unsigned long long)st.pages_migrated, (unsigned long long)st.pages_dropped);
	T_EQ(atomic_load(&wrong), 0);
	T_OK(st.exchanged_out > 0, "pages left");
	T_OK(st.exchanged_in > 0, "and others came");
	TP_CHECK(m);
	end();
}

const struct t_case t_cases[] = {T(exchanged_while_used), T_END};
