/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Real threads, each its own CPU, on one machine: frames, tenants, devices, pins, writeback, punch
 * and drains at once. Every owner writes a pattern and finds it again; in the end all is free and
 * fh_check() finds nothing. FH_RACE_SECONDS=n runs each case so long (1), FH_RACE_THREADS=n with so
 * many threads (4).
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/drain.h"
#include "mm/budget.h"
#include "mm/machine.h"
#include "mm/pageout.h"
#include "t.h"
#include "testplat.h"

#define MAX_THREADS  16
#define OBJECT_PAGES 512
#define MAILBOXES    64

struct file {
	uint32_t word[OBJECT_PAGES];
};

struct thread {
	pthread_t id;
	unsigned int cpu;
	uint32_t rnd;
	uint64_t done;
	void (*run)(struct thread *t);
	/* a tenant */
	struct fh_object *o;
	struct fh_space *space;
	struct tp_space *host;
	struct file *file; /* NULL: anonymous */
	uint32_t word[OBJECT_PAGES];
};

static struct testplat tp;
static struct fh_machine *m;
static struct cma *area;
static struct thread thread[MAX_THREADS];
static unsigned int nr_threads;
static pthread_t background_id;
static bool background_runs;
static uint64_t swap_places; /* of the next machine; 0: none */
static _Atomic(bool) stop;
static _Atomic(uint64_t) wrong;
static const char *_Atomic first_wrong;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	atomic_fetch_add(&wrong, 1);
	atomic_store(&first_wrong, what);
}

static uint32_t rnd(struct thread *t)
{
	t->rnd = t->rnd * 1664525 + 1013904223;
	return t->rnd >> 8;
}

static unsigned int setting(const char *name, unsigned int otherwise)
{
	const char *s = getenv(name);

	return s ? (unsigned int)strtoul(s, NULL, 0) : otherwise;
}

static void *body(void *arg)
{
	struct thread *t = arg;

	testplat_cpu(t->cpu);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		t->run(t);
		t->done++;
	}
	fh_cpu_quiesce(m);
	return NULL;
}

static bool start(uint64_t mib, uint64_t cma_mib, enum cma_policy policy)
{
	nr_threads = setting("FH_RACE_THREADS", 4);
	if (nr_threads < 2 || nr_threads > MAX_THREADS)
		nr_threads = 4;
	testplat_init(&tp);
	testplat_helpers(&tp);
	testplat_cpu(~0u);
	if (swap_places)
		testplat_swap(&tp, swap_places);
	/* One thread more than CPUs: the last is served without a cache. */
	m = testplat_machine(&tp, mib, cma_mib, policy, nr_threads > 2 ? nr_threads - 1 : 2);
	if (!T_OK(m, "a machine"))
		return false;
	area = cma_find(m, "area");
	atomic_store(&stop, false);
	atomic_store(&wrong, 0);
	memset(thread, 0, sizeof(thread));
	for (unsigned int i = 0; i < nr_threads; i++) {
		thread[i].cpu = i;
		thread[i].rnd = i * 7919 + 1;
	}
	return true;
}

static void race(void)
{
	struct timespec nap = {setting("FH_RACE_SECONDS", 1), 0};
	uint64_t done = 0;

	alarm((unsigned int)nap.tv_sec + 60); /* a lost wake-up hangs: die, do not wait for ever */
	for (unsigned int i = 0; i < nr_threads; i++)
		if (!T_EQ(pthread_create(&thread[i].id, NULL, body, &thread[i]), 0))
			exit(1);
	nanosleep(&nap, NULL);
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < nr_threads; i++) {
		pthread_join(thread[i].id, NULL);
		done += thread[i].done;
		T_OK(thread[i].done > 0, "every thread got somewhere");
	}
	if (background_runs) {
		fh_reclaim_stop(m);
		pthread_join(background_id, NULL);
		background_runs = false;
	}
	alarm(0);
	printf("# %u threads, %llu rounds\n", nr_threads, (unsigned long long)done);
	T_OK(!atomic_load(&wrong), atomic_load(&wrong) ? atomic_load(&first_wrong) : "");
	TP_CHECK(m);
}

static void end(void)
{
	struct fh_mem_info info;

	fh_mem_info(m, &info);
	T_EQ(info.free, info.total);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

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
	if (!start(64, 0, CMA_POLICY_GUARANTEED))
		return;
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = churn_frames;
	race();
	empty_mailboxes();
	end();
}

/* ---- tenants ---- */

static int file_read(void *priv, uint64_t index, void *page)
{
	struct file *f = priv;

	memset(page, 0, FH_PAGE_SIZE);
	memcpy(page, &f->word[index], 4);
	memcpy((char *)page + 4092, &f->word[index], 4);
	return 0;
}

/* Its owner may write to the page meanwhile, and makes it dirty again then: torn is right. */
__attribute__((no_sanitize("thread"))) static int file_write(void *priv, uint64_t index,
							     const void *page)
{
	struct file *f = priv;

	if (swap_places) /* those who do not wait for the write get their chance */
		sched_yield();
	f->word[index] = *(const volatile uint32_t *)page;
	return 0;
}

static const struct fh_object_ops file_ops = {file_read, file_write};

static void tenant_init(struct thread *t, bool file)
{
	t->file = file ? calloc(1, sizeof(*t->file)) : NULL;
	t->host = testplat_space(&tp);
	T_EQ(fh_object_create(m, OBJECT_PAGES, file ? &file_ops : NULL, t->file, &t->o), 0);
	T_EQ(fh_space_create(m, t->host, &t->space), 0);
	T_EQ(fh_space_map(t->space, 64, t->o, 0, OBJECT_PAGES), 0);
}

static void tenant_fini(struct thread *t)
{
	TP_SPACE_CHECK(t->space, t->host);
	fh_space_destroy(t->space);
	fh_object_destroy(t->o);
	free(t->file);
	free(t->host);
}

static void see(struct thread *t, const unsigned char *page, uint32_t i)
{
	uint32_t a, b;

	memcpy(&a, page, 4);
	memcpy(&b, page + 4092, 4);
	must(a == t->word[i] && b == t->word[i], "a tenant finds what it wrote");
}

/* Errors for want of memory are fair here; wrong bytes never are. */
static void fair(int err)
{
	must(!err || err == -FH_ENOMEM, "an error of the contract");
}

static void tenant_write(struct thread *t, uint32_t i)
{
	uint32_t v = rnd(t);
	bool through_space = v & 1;
	int err;

	err = through_space ? fh_space_store(t->space, 64 + i, 0, &v, 4)
			    : fh_object_write(t->o, i, 0, &v, 4);
	fair(err);
	if (err)
		return;
	t->word[i] = v;
	err = through_space ? fh_space_store(t->space, 64 + i, 4092, &v, 4)
			    : fh_object_write(t->o, i, 4092, &v, 4);
	/* The page may have been dropped clean, and no memory be had; then half of it is on disk. */
	while (err == -FH_ENOMEM && !atomic_load(&stop))
		err = fh_object_write(t->o, i, 4092, &v, 4);
	fair(err);
}

static void tenant_read(struct thread *t, uint32_t i)
{
	unsigned char page[FH_PAGE_SIZE];
	int err = rnd(t) & 1 ? fh_space_load(t->space, 64 + i, 0, page, sizeof(page))
			     : fh_object_read(t->o, i, 0, page, sizeof(page));

	fair(err);
	if (!err)
		see(t, page, i);
}

static void tenant_pin(struct thread *t, uint32_t i)
{
	struct fh_pinner *by = NULL;
	pfn_t pfn, at;
	int err = fh_pinner_get(m, t->file ? "file" : "anon", &by);

	must(!err, "there is a name for two");
	err = fh_object_pin_by(t->o, i, by, &pfn);

	fair(err);
	if (err)
		return;
	for (int n = 0; n < 3; n++) {
		see(t, fh_page_address(m, pfn), i);
		must(!fh_object_where(t->o, i, &at) && at == pfn, "a pinned page stays");
	}
	must(!fh_object_unpin_by(t->o, i, by), "the pinned can be unpinned");
}

/* Others may hold a page, and may bring it again right after. */
static void tenant_punch(struct thread *t, uint32_t i)
{
	for (uint32_t k = i; k < i + 8 && k < OBJECT_PAGES && !t->file; k++)
		if (fh_object_punch(t->o, k, 1))
			t->word[k] = 0;
}

static void live(struct thread *t)
{
	uint32_t i = rnd(t) % OBJECT_PAGES;

	switch (rnd(t) % 16) {
	case 0:
		tenant_pin(t, i);
		break;
	case 1:
		tenant_punch(t, i);
		break;
	case 2:
		if (t->file)
			fair(fh_object_writeback(t->o, i));
		break;
	case 3 ... 8:
		tenant_write(t, i);
		break;
	default:
		tenant_read(t, i);
		break;
	}
}

/* Writes back, pins and punches nothing: other people's pages. */
static void disturb(struct thread *t)
{
	struct thread *other = &thread[rnd(t) % nr_threads];
	uint32_t i = rnd(t) % OBJECT_PAGES;
	pfn_t pfn;

	if (!other->o)
		return;
	if (other->file && rnd(t) % 2)
		fair(fh_object_writeback(other->o, i));
	else if (!fh_object_pin(other->o, i, &pfn))
		must(!fh_object_unpin(other->o, i), "the pinned can be unpinned");
	if (rnd(t) % 64 == 0)
		pcp_drain_all(m);
}

/* ---- devices ---- */

static void device(struct thread *t)
{
	static const unsigned int most[] = {64, 64, 64, 64, 64, 64, 1024, 3584};
	unsigned long count = 1 + rnd(t) % most[rnd(t) % 8];
	unsigned int align = rnd(t) % 6;
	pfn_t pfn;
	int err = cma_alloc(area, count, align, CMA_NO_WARN, &pfn);

	must(!err || err == -FH_ENOMEM || err == -FH_EBUSY, "an error of the contract");
	if (err)
		return;
	for (unsigned long i = 0; i < count; i++)
		*(uint64_t *)fh_page_address(m, pfn + i) = (pfn + i) ^ (uint64_t)t->cpu << 40;
	if (rnd(t) % 4 == 0)
		sched_yield();
	for (unsigned long i = 0; i < count; i++)
		must(*(uint64_t *)fh_page_address(m, pfn + i) ==
			     ((pfn + i) ^ (uint64_t)t->cpu << 40),
		     "a buffer is one device's");
	must(cma_release(area, pfn, count), "a buffer can be given back");
}

/* Half are tenants, anonymous and files in turn; the rest devices and one who disturbs. */
static void mix(enum cma_policy policy)
{
	if (!start(32, 16, policy))
		return;
	for (unsigned int i = 0; i < nr_threads; i++) {
		if (i < (nr_threads + 1) / 2) {
			tenant_init(&thread[i], i & 1);
			thread[i].run = live;
		} else {
			thread[i].run = i == nr_threads - 1 && nr_threads > 3 ? disturb : device;
		}
	}
	race();
	for (unsigned int i = 0; i < nr_threads; i++)
		if (thread[i].o)
			tenant_fini(&thread[i]);
	pcp_drain_all(m);
	end();
}

static void tenants_and_devices_guaranteed(void)
{
	mix(CMA_POLICY_GUARANTEED);
}

static void tenants_and_devices_movable(void)
{
	mix(CMA_POLICY_MOVABLE);
}

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
	struct file *f = calloc(1, sizeof(*f));
	struct fh_object *o = NULL;
	uint32_t v = rnd(t);
	int err = f ? fh_object_create(m, 32, &file_ops, f, &o) : -FH_ENOMEM;

	for (uint32_t i = 0; i < 32 && !err; i++)
		err = fh_object_write(o, i, 0, &v, 4);
	fair(err);
	fh_object_destroy(o);
	free(f);
}

static void short_lives(struct thread *t);

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
	return start(mib, cma_mib, CMA_POLICY_GUARANTEED) && T_EQ(fh_swapon(m, swap_places), 0);
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
	race();
	end_tenants();
	end();
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
	race();
	end_tenants();
	end();
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
	race();
	T_OK(atomic_load(&tp.swap_writes) > 0 && atomic_load(&tp.swap_reads) > 0, "out and back");
	printf("# %llu pages out, %llu back\n", (unsigned long long)atomic_load(&tp.swap_writes),
	       (unsigned long long)atomic_load(&tp.swap_reads));
	while (list) {
		pfn_t next = *(pfn_t *)fh_page_address(m, list);

		T_EQ(fh_free_pages(m, list, 0), 0);
		list = next;
	}
	end_tenants();
	end();
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

/* ---- birth and death of objects while their pages are on the move ---- */

static void short_lives(struct thread *t)
{
	struct fh_object *o;
	uint32_t v = rnd(t);
	int err;

	err = fh_object_create(m, 32, NULL, NULL, &o);
	fair(err);
	if (err)
		return;
	for (uint32_t i = 0; i < 32 && !err; i++)
		err = fh_object_write(o, i, 0, &v, 4);
	fair(err);
	fh_object_destroy(o);
}

static int zero_read(void *priv, uint64_t index, void *page)
{
	(void)priv, (void)index;
	memset(page, 0, FH_PAGE_SIZE);
	return 0;
}

static const struct fh_object_ops zero_ops = {zero_read, NULL};

/* Clean pages: dropped by others at the very moment they are given up. */
static void short_lived_cache(struct thread *t)
{
	struct fh_object *o;
	uint32_t v;
	int err = fh_object_create(m, 64, &zero_ops, NULL, &o);

	(void)t;
	fair(err);
	if (err)
		return;
	for (uint32_t i = 0; i < 64 && !err; i++)
		err = fh_object_read(o, i, 0, &v, 4);
	fair(err);
	fh_object_destroy(o);
}

static void objects_come_and_go(void)
{
	if (!start(16, 8, CMA_POLICY_GUARANTEED))
		return;
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = i % 3 == 0 ? short_lives : i % 3 == 1 ? short_lived_cache : device;
	race();
	pcp_drain_all(m);
	end();
}

/* ---- a mapping goes while another of the same space is used ---- */

static void remap(struct thread *t)
{
	uint64_t va = 64 + t->cpu * 64;
	uint32_t v = rnd(t), w = 0;
	int err = fh_space_map(thread[0].space, va, thread[0].o, t->cpu * 32, 32);

	fair(err);
	if (err)
		return;
	err = fh_space_store(thread[0].space, va + v % 32, 0, &v, 4);
	if (!err)
		err = fh_space_load(thread[0].space, va + v % 32, 0, &w, 4);
	fair(err);
	must(err || v == w, "a tenant finds what it wrote");
	must(!fh_space_unmap(thread[0].space, va), "a mapping can be removed");
}

static void mappings_come_and_go(void)
{
	if (!start(16, 8, CMA_POLICY_GUARANTEED))
		return;
	thread[0].host = testplat_space(&tp);
	T_EQ(fh_object_create(m, OBJECT_PAGES, NULL, NULL, &thread[0].o), 0);
	T_EQ(fh_space_create(m, thread[0].host, &thread[0].space), 0);
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = i % 3 == 2 ? device : remap;
	race();
	tenant_fini(&thread[0]);
	pcp_drain_all(m);
	end();
}

/* ---- the very mapping that is used goes ---- */

static void touch_or_unmap(struct thread *t)
{
	uint32_t v = 0;
	int err;

	if (t->cpu) {
		err = fh_space_load(thread[0].space, 64 + rnd(t) % 32, 0, &v, 4);
		must(!err || err == -FH_EFAULT || err == -FH_ENOMEM, "an error of the contract");
		return;
	}
	must(!fh_space_unmap(t->space, 64), "a mapping can be removed");
	fair(fh_space_map(t->space, 64, t->o, 0, 32));
}

/* In a child: what is used after it was freed may end the process. */
static void unmap_used(void *arg)
{
	(void)arg;
	race();
	if (atomic_load(&wrong))
		abort();
}

static void unmapped_while_used(void)
{
	if (!start(16, 8, CMA_POLICY_GUARANTEED))
		return;
	thread[0].host = testplat_space(&tp);
	T_EQ(fh_object_create(m, OBJECT_PAGES, NULL, NULL, &thread[0].o), 0);
	T_EQ(fh_space_create(m, thread[0].host, &thread[0].space), 0);
	T_EQ(fh_space_map(thread[0].space, 64, thread[0].o, 0, 32), 0);
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = touch_or_unmap;
	T_OK(!testplat_dies(unmap_used, NULL), "munmap() beside a fault is legal");
	tenant_fini(&thread[0]);
	end();
}

const struct t_case t_cases[] = {T(frames),
				 T(tenants_and_devices_guaranteed),
				 T(tenants_and_devices_movable),
				 T(written_away),
				 T(compressed_away),
				 T(written_away_short_lives),
				 T(under_pressure),
				 T(compressed_under_pressure),
				 T(objects_come_and_go),
				 T(mappings_come_and_go),
				 T(unmapped_while_used),
				 T_END};
