/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Threads that race on one machine: their life, and tenants and devices for them to be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <freehold/page.h>
#include "crew.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "../t.h"

struct testplat tp;
struct fh_machine *m;
struct cma *area;
struct thread thread[MAX_THREADS];
unsigned int nr_threads;
uint64_t swap_places, movable_mib;
bool page_owner;
_Atomic(bool) stop;
_Atomic(uint64_t) wrong;
pthread_t background_id;
bool background_runs;
static const char *_Atomic first_wrong;

void must(bool ok, const char *what)
{
	if (ok)
		return;
	atomic_fetch_add(&wrong, 1);
	atomic_store(&first_wrong, what);
}

uint32_t rnd(struct thread *t)
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

bool crew_start(uint64_t mib, uint64_t cma_mib, enum cma_policy policy)
{
	struct boot_config *cfg;

	nr_threads = setting("FH_RACE_THREADS", 4);
	if (nr_threads < 2 || nr_threads > MAX_THREADS)
		nr_threads = 4;
	testplat_init(&tp);
	testplat_helpers(&tp);
	testplat_cpu(~0u);
	if (swap_places)
		testplat_swap(&tp, swap_places);
	/* One thread more than CPUs: the last is served without a cache. */
	cfg = testplat_config(mib, cma_mib, policy, nr_threads > 2 ? nr_threads - 1 : 2,
			      TP_ONE_ZONE);
	if (movable_mib)
		cfg->movable_start = TP_BASE + ((mib - movable_mib) << 20);
	cfg->page_owner = page_owner;
	m = testplat_machine_of(&tp, cfg);
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

void crew_race(void)
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

void crew_end(void)
{
	struct fh_mem_info info;

	fh_mem_info(m, &info);
	T_EQ(info.free, info.total);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* ---- tenants ---- */

static int file_read(void *priv, uint64_t index, void *page)
{
	struct crew_file *f = priv;

	memset(page, 0, FH_PAGE_SIZE);
	memcpy(page, &f->word[index], 4);
	memcpy((char *)page + 4092, &f->word[index], 4);
	return 0;
}

/* Its owner may write to the page meanwhile, and makes it dirty again then: torn is right. */
__attribute__((no_sanitize("thread"))) static int file_write(void *priv, uint64_t index,
							     const void *page)
{
	struct crew_file *f = priv;

	if (swap_places) /* those who do not wait for the write get their chance */
		sched_yield();
	f->word[index] = *(const volatile uint32_t *)page;
	return 0;
}

const struct fh_object_ops crew_file_ops = {file_read, file_write};

void tenant_init(struct thread *t, bool file)
{
	t->file = file ? calloc(1, sizeof(*t->file)) : NULL;
	t->host = testplat_space(&tp);
	T_EQ(fh_object_create(m, OBJECT_PAGES, file ? &crew_file_ops : NULL, t->file, &t->o), 0);
	T_EQ(fh_space_create(m, t->host, &t->space), 0);
	T_EQ(fh_space_map(t->space, 64, t->o, 0, OBJECT_PAGES), 0);
}

void tenant_fini(struct thread *t)
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
void fair(int err)
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

void live(struct thread *t)
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
void disturb(struct thread *t)
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

void short_lives(struct thread *t)
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

/* ---- devices ---- */

void device(struct thread *t)
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
