/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two or three threads of the real core by every schedule that is worth it: they change at each lock
 * taken or dropped, each call of the platform and each page copied (the linker wraps those functions,
 * see Makefile). Each run is a machine of its own; in the end bytes are what was written last,
 * all is free and fh_check() finds nothing. FH_SCHEDULE=name:schedule runs that one;
 * FH_SCHEDULE_SECONDS=n takes so long for each scenario (0.5), and goes deeper.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/drain.h"
#include "mm/machine.h"
#include "mm/policy.h"
#include "schedule.h"
#include "t.h"
#include "testplat.h"

#define MIB	(UINT64_C(1) << 20)
#define RAM_MIB 8
#define PAGES	4 /* of an object */
#define VA	8
#define AREA	1024 /* pages */

/* ---- where threads change ---- */

void __real_fh_lock(struct fh_lock *l);
void __wrap_fh_lock(struct fh_lock *l);
void __wrap_fh_lock(struct fh_lock *l)
{
	sched_point();
	__real_fh_lock(l);
}

void __real_fh_unlock(struct fh_lock *l);
void __wrap_fh_unlock(struct fh_lock *l);
void __wrap_fh_unlock(struct fh_lock *l)
{
	__real_fh_unlock(l);
	sched_point();
}

struct block_state __real_block_lock(struct fh_machine *m, uint64_t block);
struct block_state __wrap_block_lock(struct fh_machine *m, uint64_t block);
struct block_state __wrap_block_lock(struct fh_machine *m, uint64_t block)
{
	sched_point();
	return __real_block_lock(m, block);
}

bool __real_block_trylock(struct fh_machine *m, uint64_t block, struct block_state *s);
bool __wrap_block_trylock(struct fh_machine *m, uint64_t block, struct block_state *s);
bool __wrap_block_trylock(struct fh_machine *m, uint64_t block, struct block_state *s)
{
	sched_point();
	return __real_block_trylock(m, block, s);
}

void __real_machine_copy(struct fh_machine *m, pfn_t dst, pfn_t src);
void __wrap_machine_copy(struct fh_machine *m, pfn_t dst, pfn_t src);
void __wrap_machine_copy(struct fh_machine *m, pfn_t dst, pfn_t src)
{
	sched_point();
	__real_machine_copy(m, dst, src);
	sched_point();
}

void __wrap_hosted_yield(void);
void __wrap_hosted_yield(void)
{
	sched_give_way();
}

static struct plat under;

static void *hook_alloc(void *ctx, size_t size)
{
	sched_point();
	return under.alloc(ctx, size);
}

static void hook_free(void *ctx, void *p, size_t size)
{
	sched_point();
	under.free(ctx, p, size);
}

static uint64_t hook_clock(void *ctx)
{
	(void)ctx;
	return sched_clock();
}

static void hook_sync(void *ctx)
{
	(void)ctx; /* one runs at a time: all others are at a point, and so past any barrier */
	sched_point();
}

static void hook_wait(void *ctx, _Atomic(uint32_t) *word, uint32_t value, uint64_t until_ns)
{
	(void)ctx, (void)until_ns;
	sched_wait(word, value);
}

static void hook_wake(void *ctx, _Atomic(uint32_t) *word)
{
	(void)ctx;
	sched_wake(word);
}

static int hook_map(void *ctx, void *space, uint64_t va, pfn_t pfn, uint64_t nr, unsigned int flags)
{
	sched_point();
	return under.map(ctx, space, va, pfn, nr, flags);
}

static int hook_protect(void *ctx, void *space, uint64_t va, uint64_t nr)
{
	sched_point();
	return under.protect(ctx, space, va, nr);
}

static void hook_unmap(void *ctx, void *space, uint64_t va, uint64_t nr)
{
	sched_point();
	under.unmap(ctx, space, va, nr);
}

__attribute__((noreturn)) static void hook_stop(void *ctx, const char *why)
{
	(void)ctx;
	sched_stop(why);
}

/* ---- the machine and its tenants ---- */

struct tenant {
	struct fh_object *o;
	bool file;
	uint32_t word[PAGES]; /* what a read sees, at both ends of the page */
	uint32_t disk[PAGES];
	bool sure[PAGES]; /* nobody else writes to it */
};

static struct testplat tp;
static struct fh_machine *m;
static struct cma *area;
static struct tenant anon, file;
static struct fh_space *space;
static struct tp_space *host;
static pfn_t kept[8];
static pfn_t filled[RAM_MIB * MIB >> FH_PAGE_SHIFT];
static unsigned int nr_filled;

static int file_read(void *priv, uint64_t index, void *page)
{
	struct tenant *t = priv;

	sched_point();
	memset(page, 0, FH_PAGE_SIZE);
	memcpy(page, &t->disk[index], 4);
	sched_point();
	memcpy((char *)page + 4092, &t->disk[index], 4);
	return 0;
}

static int file_write(void *priv, uint64_t index, const void *page)
{
	struct tenant *t = priv;
	uint32_t v;

	sched_point();
	memcpy(&v, page, 4);
	sched_point();
	t->disk[index] = v;
	return 0;
}

static const struct fh_object_ops file_ops = {file_read, file_write};

static void tenant_write(struct tenant *t, unsigned int i, uint32_t v)
{
	sched_must(!fh_object_write(t->o, i, 0, &v, 4) && !fh_object_write(t->o, i, 4092, &v, 4),
		   "a page can be written");
	t->word[i] = v;
}

static void tenant_read(struct tenant *t, unsigned int i)
{
	uint32_t a = 1, b = 2;

	sched_must(!fh_object_read(t->o, i, 0, &a, 4) && !fh_object_read(t->o, i, 4092, &b, 4),
		   "a page can be read");
	sched_must(a == t->word[i] && b == t->word[i], "a tenant finds what it wrote");
}

static void tenant_init(struct tenant *t, bool is_file)
{
	*t = (struct tenant){.file = is_file};
	for (unsigned int i = 0; i < PAGES; i++)
		t->disk[i] = t->word[i] = is_file ? 77 + i : 0;
	sched_must(!fh_object_create(m, PAGES, is_file ? &file_ops : NULL, t, &t->o),
		   "an object can be made");
	for (unsigned int i = 0; i < PAGES; i++) {
		pfn_t pfn;

		if (is_file)
			tenant_read(t, i);
		else
			tenant_write(t, i, 55 + i);
		sched_must(!fh_object_where(t->o, i, &pfn) &&
				   machine_area(m, machine_block(m, pfn)),
			   "the page is in the area before it starts");
	}
}

/* Through the space, page `i` of it. */
static void store_and_load(struct tenant *t, unsigned int i, uint64_t va, uint32_t v)
{
	uint32_t w = 0;

	if (!sched_must(!fh_space_store(space, va, 0, &v, 4) &&
				!fh_space_store(space, va, 4092, &v, 4),
			"a page can be stored to"))
		return;
	t->word[i] = v;
	sched_must(!fh_space_load(space, va, 4092, &w, 4) && w == v, "a load sees the store");
}

/*
 * Four blocks: two normal, the first a quarter reserved, and the area's two. Two CPUs: the third
 * thread is served without caches. The tenants' pages are in the area: born `movable`, it is given
 * its policy afterwards.
 */
static void start(enum cma_policy policy)
{
	static unsigned char ram[RAM_MIB * MIB] __attribute__((aligned(4096)));
	struct boot_config *cfg;

	nr_filled = 0;
	testplat_init(&tp);
	tp.ram[tp.nr_ram++] = (struct tp_ram){ram, TP_BASE, sizeof(ram)};
	under = tp.plat;
	tp.plat.alloc = hook_alloc;
	tp.plat.free = hook_free;
	tp.plat.stop = hook_stop;
	tp.plat.clock_ns = hook_clock;
	tp.plat.sync_cpus = hook_sync;
	tp.plat.wait = hook_wait;
	tp.plat.wake = hook_wake;
	tp.plat.map = hook_map;
	tp.plat.protect = hook_protect;
	tp.plat.unmap = hook_unmap;
	cfg = testplat_config(RAM_MIB, 4, CMA_POLICY_MOVABLE, 2, TP_ONE_ZONE);
	cfg->region[cfg->nr_regions++] =
		(struct boot_region){.name = "reserved", .base = TP_BASE, .size = MIB / 2};
	m = testplat_machine_of(&tp, cfg);
	area = cma_find(m, "area");
	tenant_init(&anon, false);
	tenant_init(&file, true);
	host = testplat_space(&tp);
	sched_must(!fh_space_create(m, host, &space) &&
			   !fh_space_map(space, VA, anon.o, 0, PAGES) &&
			   !fh_space_map(space, VA + PAGES, file.o, 0, PAGES),
		   "a space can be made");
	for (unsigned int i = 0; i < 8; i++)
		sched_must(!fh_alloc_pages(m, GFP_KERNEL, 0, &kept[i]), "a frame can be had");
	sched_must(!cma_set_policy(area, policy), "a policy can be set");
}

static void start_guaranteed(void)
{
	start(CMA_POLICY_GUARANTEED);
}

/* Pages that were there are not: they will be brought. One is left, so that the area is not idle. */
static void start_punched(void)
{
	start(CMA_POLICY_GUARANTEED);
	sched_must(fh_object_punch(anon.o, 0, PAGES) == PAGES &&
			   fh_object_punch(file.o, 0, PAGES - 1) == PAGES - 1,
		   "what is there is punched");
	for (unsigned int i = 0; i < PAGES; i++)
		anon.word[i] = 0;
}

/* Page 0 of the file is dirty and mapped; so are two of the anonymous ones. */
static void start_mapped(void)
{
	start(CMA_POLICY_GUARANTEED);
	store_and_load(&anon, 0, VA, 21);
	store_and_load(&anon, 1, VA + 1, 22);
	store_and_load(&file, 0, VA + PAGES, 23);
}

/* Tenants have nowhere to go. */
static void start_full(void)
{
	start(CMA_POLICY_MOVABLE);
	while (!fh_alloc_pages(m, GFP_EVACUATE, 0, &filled[nr_filled]))
		nr_filled++;
}

static void start_movable(void)
{
	start(CMA_POLICY_MOVABLE);
}

/* Who forgets a clean page must lose nothing. */
static bool clean_is_disk(unsigned int i)
{
	pfn_t pfn;

	if (fh_object_where(file.o, i, &pfn) || frame_flags(machine_frame(m, pfn)) & FRAME_DIRTY)
		return true;
	return !memcmp(fh_page_address(m, pfn), &file.disk[i], 4);
}

static void finish(void)
{
	struct fh_mem_info info;
	char why[300];

	while (nr_filled)
		sched_must(!fh_free_pages(m, filled[--nr_filled], 0), "a frame can be given back");
	for (unsigned int i = 0; i < PAGES; i++) {
		sched_must(!file.o || clean_is_disk(i), "a clean page is what is on disk");
		if (anon.o)
			tenant_read(&anon, i);
		if (file.o)
			tenant_read(&file, i);
	}
	if (fh_check(m, why, sizeof(why)))
		sched_fail(why);
	sched_must(testplat_space_check(space, host, __FILE__, __LINE__),
		   "the mirror is the page tables");
	fh_space_destroy(space);
	fh_object_destroy(anon.o);
	fh_object_destroy(file.o);
	for (unsigned int i = 0; i < 8; i++)
		if (kept[i])
			sched_must(!fh_free_pages(m, kept[i], 0), "a frame can be given back");
	testplat_quiesce(m);
	fh_mem_info(m, &info);
	sched_must(info.free == info.total && !info.cma_device, "all is free in the end");
	if (fh_check(m, why, sizeof(why)))
		sched_fail(why);
	fh_machine_destroy(m);
	free(host);
	sched_must(!atomic_load(&tp.live), "a machine gives all its memory back");
	tp.nr_ram = 0;
	testplat_fini(&tp);
}

/* ---- what threads do ---- */

/* A device's turn; `err` allowed besides 0. */
static void device(unsigned long count, int err)
{
	uint32_t id = hosted_cpu_id + 1000, v;
	pfn_t pfn = 0;
	int r = cma_alloc(area, count, 0, CMA_NO_WARN, &pfn);

	if (!sched_must(!r || r == err, "cma_alloc() is not refused") || r)
		return;
	for (unsigned long i = 0; i < count; i += 16)
		memcpy(fh_page_address(m, pfn + i), &id, 4);
	sched_point();
	for (unsigned long i = 0; i < count; i += 16) {
		memcpy(&v, fh_page_address(m, pfn + i), 4);
		sched_must(v == id, "a buffer is one device's");
	}
	sched_must(cma_release(area, pfn, count), "a buffer can be given back");
}

static void device_all(void)
{
	device(AREA, 0);
}

static void device_part(void)
{
	device(96, 0);
}

static void device_or_busy(void)
{
	device(AREA, -FH_EBUSY);
}

static void device_or_nothing(void)
{
	device(AREA, -FH_ENOMEM);
}

static void writes(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		tenant_write(&anon, i, 900 + i);
		tenant_read(&anon, i);
	}
	tenant_write(&file, 1, 903);
	tenant_read(&file, 1);
}

static void writes_anon(void)
{
	for (unsigned int i = 0; i < PAGES; i++) {
		tenant_write(&anon, i, 950 + i);
		tenant_read(&anon, i);
	}
}

static void reads_file(void)
{
	tenant_read(&file, 0); /* not what writes() writes to: halves of pages would differ */
	tenant_read(&file, 2);
	tenant_read(&anon, 3);
}

static void stores(void)
{
	store_and_load(&anon, 0, VA, 31);
	store_and_load(&file, 2, VA + PAGES + 2, 32);
}

static void pins_one(struct tenant *t, unsigned int i)
{
	pfn_t pfn, at;
	uint32_t v;

	if (!sched_must(!fh_object_pin(t->o, i, &pfn), "a page can be pinned"))
		return;
	sched_must(!machine_pfn_unholdable(m, pfn), "none is pinned in a guaranteed area");
	for (unsigned int n = 0; n < 2; n++) {
		memcpy(&v, fh_page_address(m, pfn), 4);
		sched_must(v == t->word[i], "a pinned page has its bytes");
		sched_must(!fh_object_where(t->o, i, &at) && at == pfn, "a pinned page stays");
	}
	sched_must(!fh_object_unpin(t->o, i), "the pinned can be unpinned");
}

/* What start_mapped() has mapped. */
static void stores_again(void)
{
	store_and_load(&anon, 0, VA, 41);
	store_and_load(&anon, 1, VA + 1, 42);
	store_and_load(&file, 0, VA + PAGES, 43);
}

static void writes_back_mapped(void)
{
	sched_must(!fh_object_writeback(file.o, 0), "a page can be written back");
	sched_must(!fh_object_writeback(file.o, 0), "and again");
}

static void faults(void)
{
	tenant_read(&file, 0);
	tenant_read(&file, 1);
	tenant_read(&anon, 0);
}

static void pins(void)
{
	pins_one(&anon, 0);
	pins_one(&file, 0);
}

static void writes_back(void)
{
	tenant_write(&file, 0, 640);
	sched_must(!fh_object_writeback(file.o, 0), "a page can be written back");
	sched_must(file.disk[0] == 640, "what is written back is on disk");
	tenant_read(&file, 0);
}

/* The page of writes_back(), whose bytes may be old or new. */
static void pins_only(void)
{
	pfn_t pfn, at;

	for (unsigned int n = 0; n < 2; n++) {
		if (!sched_must(!fh_object_pin(file.o, 0, &pfn), "a page can be pinned"))
			return;
		sched_must(!fh_object_where(file.o, 0, &at) && at == pfn, "a pinned page stays");
		sched_must(!fh_object_unpin(file.o, 0), "the pinned can be unpinned");
	}
}

/* The page of writes_back(), by another: it may see either. */
static void writes_back_too(void)
{
	sched_must(!fh_object_writeback(file.o, 0), "a page can be written back");
}

static void punches(void)
{
	sched_must(fh_object_punch(anon.o, 0, 2) == 2, "what is there is punched");
	anon.word[0] = anon.word[1] = 0;
	tenant_read(&anon, 0);
	tenant_write(&anon, 1, 12);
}

static void unmaps(void)
{
	sched_must(!fh_space_unmap(space, VA), "a mapping can be removed");
	sched_must(!fh_space_map(space, VA, anon.o, 1, 2), "and another be made");
}

static void touches(void)
{
	uint32_t v = 0;
	int err = fh_space_load(space, VA, 0, &v, 4);

	sched_must(err == -FH_EFAULT || (!err && (v == 55 || v == 56)), "old, new or no mapping");
}

static void destroys(void)
{
	struct fh_object *o;
	uint32_t v = 1;

	sched_must(!fh_space_unmap(space, VA), "a mapping can be removed");
	o = anon.o;
	anon.o = NULL;
	fh_object_destroy(o);
	sched_must(!fh_object_create(m, 2, NULL, NULL, &o), "an object can be made");
	sched_must(!fh_object_write(o, 1, 0, &v, 4), "a page can be written");
	fh_object_destroy(o);
}

static void changes_policy(void)
{
	sched_must(!cma_set_policy(area, CMA_POLICY_CARVEOUT), "a policy can be set");
	sched_must(!cma_set_policy(area, CMA_POLICY_MOVABLE), "a policy can be set");
	sched_must(!cma_set_policy(area, CMA_POLICY_GUARANTEED), "a policy can be set");
}

static void drains(void)
{
	pcp_drain_all(m);
	pcp_drain_all(m);
}

static void churns(void)
{
	static const unsigned int order[4] = {0, 0, 3, 6};
	pfn_t pfn[4];

	for (unsigned int i = 0; i < 4; i++) {
		uint32_t id = hosted_cpu_id * 16 + i;

		sched_must(!fh_alloc_pages(m, GFP_KERNEL, order[i], &pfn[i]), "a run can be had");
		memcpy(fh_page_address(m, pfn[i]), &id, 4);
	}
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t id;

		memcpy(&id, fh_page_address(m, pfn[i]), 4);
		sched_must(id == hosted_cpu_id * 16 + i, "a frame has one owner");
		sched_must(!fh_free_pages(m, pfn[i], order[i]), "a run can be given back");
	}
}

/* Singles of one order class only: both CPUs can have them. */
static void churns_singles(void)
{
	pfn_t pfn[3];

	for (unsigned int i = 0; i < 3; i++)
		sched_must(
			!fh_alloc_pages(m, i == 1 ? GFP_HIGHUSER_MOVABLE : GFP_KERNEL, 0, &pfn[i]),
			"a frame can be had");
	for (unsigned int i = 0; i < 3; i++)
		sched_must(!fh_free_pages(m, pfn[i], 0), "a frame can be given back");
}

/* So many that words are used up, taken, and given back a frame at a time. */
static void churns_many(void)
{
	pfn_t pfn[140];

	for (unsigned int i = 0; i < 140; i++) {
		if (!sched_must(!fh_alloc_pages(m, GFP_KERNEL, 0, &pfn[i]), "a frame can be had"))
			return;
		memcpy(fh_page_address(m, pfn[i]), &i, 4);
		if (i % 16 == 0) /* most of it goes by without a lock */
			sched_point();
	}
	for (unsigned int i = 0; i < 140; i++) {
		if (i % 16 == 0)
			sched_point();
		sched_must(!memcmp(fh_page_address(m, pfn[i]), &i, 4), "a frame has one owner");
		sched_must(!fh_free_pages(m, pfn[i], 0), "a frame can be given back");
	}
}

/* Frames that another CPU took. */
static void frees_kept(void)
{
	for (unsigned int i = 0; i < 8; i++) {
		sched_must(!fh_free_pages(m, kept[i], 0), "a frame can be given back");
		kept[i] = 0;
	}
}

static const struct sched_scenario scenarios[] = {
	{"alloc-write", start_guaranteed, {device_all, writes}, finish},
	{"alloc-store", start_guaranteed, {device_all, stores}, finish},
	{"alloc-pin", start_guaranteed, {device_all, pins}, finish},
	{"alloc-writeback", start_guaranteed, {device_all, writes_back}, finish},
	{"alloc-writeback-twice",
	 start_guaranteed,
	 {device_all, writes_back, writes_back_too},
	 finish},
	{"alloc-punch", start_guaranteed, {device_all, punches}, finish},
	{"alloc-read-write", start_guaranteed, {device_all, reads_file, writes}, finish},
	{"alloc-unmap", start_guaranteed, {device_all, unmaps, touches}, finish},
	{"alloc-destroy", start_guaranteed, {device_all, destroys}, finish},
	{"alloc-alloc", start_guaranteed, {device_part, device_part, writes}, finish},
	{"alloc-policy", start_guaranteed, {device_or_busy, changes_policy, writes}, finish},
	{"alloc-churn", start_guaranteed, {device_all, churns_singles}, finish},
	{"alloc-all-all", start_guaranteed, {device_or_nothing, device_or_nothing}, finish},
	{"alloc-fault", start_punched, {device_all, faults}, finish},
	{"alloc-fault-fault", start_punched, {device_all, faults, faults}, finish},
	{"alloc-store-mapped", start_mapped, {device_all, stores_again}, finish},
	{"writeback-store", start_mapped, {writes_back_mapped, stores_again, device_part}, finish},
	{"writeback-pin", start_guaranteed, {writes_back, pins_only, device_part}, finish},
	{"nowhere-write", start_full, {device_or_nothing, writes_anon}, finish},
	{"movable-pin", start_movable, {device_or_busy, pins}, finish},
	{"movable-writeback", start_movable, {device_all, writes_back}, finish},
	{"drain-many", start_guaranteed, {churns_many, drains}, finish},
	{"drain-many-many", start_guaranteed, {drains, churns_many, churns_many}, finish},
	{"drain-churn", start_guaranteed, {churns, drains, churns_singles}, finish},
	{"drain-free", start_guaranteed, {churns_singles, frees_kept, drains}, finish},
};

static void schedules(void)
{
	const char *s = getenv("FH_SCHEDULE_SECONDS");
	struct sched_limits limits = {s ? strtod(s, NULL) : 0.5, 8, 1000};

	for (unsigned int i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		t_ok(sched_explore(&scenarios[i], &limits), __FILE__, __LINE__, scenarios[i].name,
		     "a schedule fails");
}

const struct t_case t_cases[] = {T(schedules), T_END};
