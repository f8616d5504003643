/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A platform for tests: RAM from malloc, CPUs that threads choose, and failures on request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../t.h"
#include "arch.h"
#include "mm/machine.h"
#include "mm/objects.h"
#include "testplat.h"

static bool fails(struct testplat *tp)
{
	int64_t left = atomic_load(&tp->fail_nth);

	atomic_fetch_add(&tp->calls, 1);
	if (left <= 0)
		return false;
	if (!(left == 1 && tp->fail_sticky) && atomic_fetch_sub(&tp->fail_nth, 1) != 1)
		return false;
	atomic_fetch_add(&tp->failed, 1);
	return true;
}

static void *tp_alloc(void *ctx, size_t size)
{
	struct testplat *tp = ctx;
	size_t rounded = (size + 63) & ~(size_t)63;
	void *p;

	if (fails(tp))
		return NULL;
	p = aligned_alloc(64, rounded);
	if (p) {
		memset(p, 0, rounded);
		atomic_fetch_add(&tp->live, (int64_t)size);
	}
	return p;
}

static void tp_free(void *ctx, void *p, size_t size)
{
	struct testplat *tp = ctx;

	atomic_fetch_sub(&tp->live, (int64_t)size);
	free(p);
}

bool testplat_fails(struct testplat *tp)
{
	return fails(tp);
}

static struct tp_ram *ram_at(struct testplat *tp, uint64_t phys)
{
	for (unsigned int i = 0; i < tp->nr_ram; i++)
		if (phys - tp->ram[i].base < tp->ram[i].size)
			return &tp->ram[i];
	return NULL;
}

static void *tp_ram(void *ctx, phys_t phys, uint64_t size)
{
	struct testplat *tp = ctx;
	struct tp_ram *r = ram_at(tp, phys.v);

	if (fails(tp))
		return NULL;
	if (!r && tp->nr_ram < TP_MAX_BANKS) {
		void *virt = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (virt == MAP_FAILED)
			return NULL;
		r = &tp->ram[tp->nr_ram++];
		*r = (struct tp_ram){virt, phys.v, size};
		if (tp->ram_is_file && !testplat_ram_file(tp, r))
			abort();
	}
	return r && phys.v - r->base + size <= r->size ? r->virt + (phys.v - r->base) : NULL;
}

__attribute__((noreturn)) static void tp_stop(void *ctx, const char *why)
{
	(void)ctx;
	printf("# stopped: %s\n", why);
	fflush(stdout);
	abort();
}

static uint64_t tp_clock(void *ctx)
{
	struct timespec ts;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void tp_sync(void *ctx)
{
	(void)ctx;
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

static void tp_wait(void *ctx, _Atomic(uint32_t) *word, uint32_t value, uint64_t until_ns)
{
	struct timespec at = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};

	(void)ctx;
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, until_ns ? &at : NULL, NULL,
		FUTEX_BITSET_MATCH_ANY);
}

static void tp_wake(void *ctx, _Atomic(uint32_t) *word)
{
	(void)ctx;
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

/* ---- helpers ---- */

#define HELPERS_MAX 4

struct errand {
	struct testplat *tp;
	void (*fn)(void *data);
	void *data;
};

static void *help(void *arg)
{
	const struct errand *e = arg;

	testplat_cpu(~0u);
	atomic_fetch_add(&e->tp->helped, 1);
	e->fn(e->data);
	return NULL;
}

static void tp_parallel(void *ctx, unsigned int n, void (*fn)(void *data), void *data)
{
	struct errand e = {ctx, fn, data};
	pthread_t id[HELPERS_MAX];
	unsigned int got = 0;

	while (got < n && got < HELPERS_MAX && !fails(ctx) &&
	       !pthread_create(&id[got], NULL, help, &e))
		got++;
	fn(data);
	while (got)
		pthread_join(id[--got], NULL);
}

void testplat_helpers(struct testplat *tp)
{
	tp->plat.parallel = tp_parallel;
}

/* ---- swap ---- */

/* The slot's bytes, for one caller at a time. */
static unsigned char *swap_enter(struct testplat *tp, uint64_t slot)
{
	if (slot >= tp->swap_nr || atomic_exchange(&tp->swap_busy[slot], 1))
		tp->plat.stop(tp, "swap: a slot outside, or used twice at once");
	return tp->swap + (slot << FH_PAGE_SHIFT);
}

static int tp_swap_write(void *ctx, uint64_t slot, const void *page)
{
	struct testplat *tp = ctx;
	unsigned char *at = swap_enter(tp, slot);
	bool fail = fails(tp) || atomic_load(&tp->swap_write_fails);

	/* A failed write leaves rubbish. */
	memcpy(at, page, fail ? 100 : FH_PAGE_SIZE);
	atomic_fetch_add(fail ? &tp->swap_write_errors : &tp->swap_writes, 1);
	atomic_store(&tp->swap_busy[slot], 0);
	return fail ? -FH_EIO : 0;
}

static int tp_swap_read(void *ctx, uint64_t slot, void *page)
{
	struct testplat *tp = ctx;
	const unsigned char *at = swap_enter(tp, slot);
	bool fail = fails(tp) || atomic_load(&tp->swap_read_fails);

	memcpy(page, at, fail ? 100 : FH_PAGE_SIZE);
	atomic_fetch_add(fail ? &tp->swap_read_errors : &tp->swap_reads, 1);
	atomic_store(&tp->swap_busy[slot], 0);
	return fail ? -FH_EIO : 0;
}

void testplat_swap(struct testplat *tp, uint64_t nr)
{
	tp->swap = calloc(nr, FH_PAGE_SIZE);
	tp->swap_busy = calloc(nr, sizeof(*tp->swap_busy));
	tp->swap_nr = nr;
	if (!tp->swap || !tp->swap_busy)
		abort();
	tp->plat.swap_write = tp_swap_write;
	tp->plat.swap_read = tp_swap_read;
}

/* ---- compression: what is left without the zeros at the end, so that tests choose the size ---- */

static size_t tp_compress(void *ctx, const void *src, void *dst, size_t room)
{
	struct testplat *tp = ctx;
	const unsigned char *page = src;
	size_t n = FH_PAGE_SIZE;

	while (n > 1 && !page[n - 1])
		n--;
	if (fails(tp) || n > room)
		return 0;
	memcpy(dst, src, n);
	atomic_fetch_add(&tp->compressed, 1);
	return n;
}

static int tp_decompress(void *ctx, const void *src, size_t size, void *dst)
{
	struct testplat *tp = ctx;
	bool fail = fails(tp) || atomic_load(&tp->swap_read_fails);

	if (!size || size >= FH_PAGE_SIZE)
		tp->plat.stop(tp, "decompress: not what compress() returned");
	memset(dst, 0x5a, FH_PAGE_SIZE);
	if (fail) {
		atomic_fetch_add(&tp->swap_read_errors, 1);
		return -FH_EIO;
	}
	memcpy(dst, src, size);
	memset((unsigned char *)dst + size, 0, FH_PAGE_SIZE - size);
	return 0;
}

/* ---- the mirror ---- */

#define PRESENT UINT64_C(1)
#define WRITE	UINT64_C(2)

/* The core broke the contract of the mirror. */
static void mirror_needs(struct testplat *tp, bool ok, const char *what)
{
	if (!ok)
		tp->plat.stop(tp, what);
}

static int tp_map(void *ctx, void *space, uint64_t va, pfn_t pfn, uint64_t nr, unsigned int flags)
{
	struct tp_space *s = space;

	mirror_needs(ctx, s->tp == ctx && nr && va + nr <= TP_SPACE_PAGES,
		     "map: outside the space");
	mirror_needs(ctx,
		     s->tp->no_ram || (ram_at(ctx, pfn << FH_PAGE_SHIFT) &&
				       ram_at(ctx, (pfn + nr - 1) << FH_PAGE_SHIFT)),
		     "map: not RAM");
	if (fails(ctx))
		return -FH_ENOMEM;
	for (uint64_t i = 0; i < nr; i++)
		atomic_store(&s->pte[va + i],
			     (pfn + i) << 2 | PRESENT | (flags & PLAT_MAP_WRITE ? WRITE : 0));
	atomic_fetch_add(&s->maps, 1);
	return 0;
}

static int tp_protect(void *ctx, void *space, uint64_t va, uint64_t nr)
{
	struct tp_space *s = space;

	mirror_needs(ctx, s->tp == ctx && nr && va + nr <= TP_SPACE_PAGES,
		     "protect: outside the space");
	for (uint64_t i = 0; i < nr; i++)
		mirror_needs(ctx, atomic_load(&s->pte[va + i]) & PRESENT, "protect: not mapped");
	if (fails(ctx))
		return -FH_ENOMEM;
	for (uint64_t i = 0; i < nr; i++)
		atomic_fetch_and(&s->pte[va + i], ~WRITE);
	atomic_fetch_add(&s->protects, 1);
	return 0;
}

static void tp_unmap(void *ctx, void *space, uint64_t va, uint64_t nr)
{
	struct tp_space *s = space;

	mirror_needs(ctx, s->tp == ctx && nr && va + nr <= TP_SPACE_PAGES,
		     "unmap: outside the space");
	for (uint64_t i = 0; i < nr; i++)
		atomic_store(&s->pte[va + i], 0);
	atomic_fetch_add(&s->unmaps, 1);
}

struct tp_space *testplat_space(struct testplat *tp)
{
	struct tp_space *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->tp = tp;
	return s;
}

void *testplat_see(const struct tp_space *host, uint64_t va)
{
	uint64_t pte = atomic_load(&host->pte[va]), phys = pte >> 2 << FH_PAGE_SHIFT;
	struct tp_ram *r = pte & PRESENT ? ram_at(host->tp, phys) : NULL;

	return r ? r->virt + (phys - r->base) : NULL;
}

bool testplat_space_check(const struct fh_space *s, const struct tp_space *host, const char *file,
			  int line)
{
	uint64_t want[TP_SPACE_PAGES] = {0};
	bool same = true;

	for (const struct mapping *map = s->mappings; map; map = map->next_in_space) {
		for (uint64_t i = 0; i < map->nr; i++) {
			uint64_t pte = map->pte[i];

			if (pte & PTE_PRESENT)
				want[map->va + i] = pte >> PTE_SHIFT << 2 | PRESENT |
						    (pte & PTE_WRITE ? WRITE : 0);
		}
	}
	for (uint64_t va = 0; va < TP_SPACE_PAGES && same; va++)
		same = t_eq((int64_t)atomic_load(&host->pte[va]), (int64_t)want[va], file, line,
			    "the mirror's entry", "the core's");
	return same;
}

bool testplat_dies(void (*fn)(void *), void *arg)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(0);
		fn(arg);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	/* A sanitizer turns a signal into an exit status of its own. */
	return WIFSIGNALED(status) || WEXITSTATUS(status);
}

void testplat_init(struct testplat *tp)
{
	memset(tp, 0, sizeof(*tp));
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	tp->plat = (struct plat){
		.ctx = tp,
		.alloc = tp_alloc,
		.free = tp_free,
		.ram = tp_ram,
		.stop = tp_stop,
		.clock_ns = tp_clock,
		.sync_cpus = tp_sync,
		.wait = tp_wait,
		.wake = tp_wake,
		.map = tp_map,
		.protect = tp_protect,
		.unmap = tp_unmap,
		.compress = tp_compress,
		.decompress = tp_decompress,
	};
}

void testplat_fini(struct testplat *tp)
{
	T_EQ(atomic_load(&tp->live), 0);
	if (tp->plat.share)
		testplat_shares_end(tp);
	if (tp->ram_is_file)
		testplat_caches_end(tp);
	for (unsigned int i = 0; i < tp->nr_ram; i++)
		munmap(tp->ram[i].virt, tp->ram[i].size);
	tp->nr_ram = 0;
	free(tp->swap);
	free(tp->swap_busy);
	tp->swap = NULL;
	tp->swap_busy = NULL;
}

struct boot_config *testplat_banks(const struct boot_bank *bank, unsigned int n, unsigned int cpus)
{
	struct boot_config *cfg = calloc(1, sizeof(*cfg));

	if (!cfg || n > TP_MAX_BANKS)
		abort();
	boot_config_init(cfg);
	memcpy(cfg->bank, bank, n * sizeof(*bank));
	cfg->nr_banks = n;
	cfg->nr_cpus = cpus;
	cfg->dma_limit = cfg->dma32_limit = UINT64_C(1) << 32;
	cfg->dma.swiotlb_noforce = true; /* who tests them makes them */
	return cfg;
}

struct boot_config *testplat_config(uint64_t mib, uint64_t cma_mib, enum cma_policy policy,
				    unsigned int cpus, enum tp_zones zones)
{
	const struct boot_bank bank = {TP_BASE, mib << 20};
	struct boot_config *cfg = testplat_banks(&bank, 1, cpus);

	cfg->policy = policy;
	if (zones == TP_THREE_ZONES) {
		cfg->dma_limit = TP_BASE + (64u << 20);
		cfg->dma32_limit = TP_BASE + (128u << 20);
	}
	if (cma_mib) {
		cfg->region[0] = (struct boot_region){
			.name = "area",
			.base = TP_BASE + ((mib - cma_mib) << 20),
			.size = cma_mib << 20,
			.kind = BOOT_REGION_CMA,
			.flags = BOOT_REGION_CMA_DEFAULT,
		};
		cfg->nr_regions = 1;
	}
	return cfg;
}

struct fh_machine *testplat_machine_of(struct testplat *tp, struct boot_config *cfg)
{
	struct fh_machine *m = NULL;

	if (tp->no_ram)
		tp->plat.ram = NULL;
	if (tp->no_cpu_caches)
		tp->plat.sync_cpus = NULL;
	if (T_EQ(fh_machine_create(&tp->plat, cfg, &m), 0)) {
		struct fh_mem_info info;

		testplat_quiesce(m);
		fh_mem_info(m, &info);
		tp->birth_used = info.total - info.free;
		tp->birth_cma_used = info.cma_total - info.cma_free;
	}
	free(cfg);
	return m;
}

struct fh_machine *testplat_machine(struct testplat *tp, uint64_t mib, uint64_t cma_mib,
				    enum cma_policy policy, unsigned int cpus)
{
	return testplat_machine_of(tp, testplat_config(mib, cma_mib, policy, cpus, TP_ONE_ZONE));
}

struct fh_machine *testplat_start(struct testplat *tp, uint64_t mib, uint64_t cma_mib,
				  enum cma_policy policy, unsigned int cpus)
{
	testplat_init(tp);
	testplat_cpu(0);
	return testplat_machine(tp, mib, cma_mib, policy, cpus);
}

void testplat_quiesce(struct fh_machine *m)
{
	unsigned int cpu = hosted_cpu_id;

	for (unsigned int i = 0; i < m->nr_cpus; i++) {
		testplat_cpu(i);
		fh_cpu_quiesce(m);
	}
	testplat_cpu(cpu);
}

void testplat_end(struct testplat *tp, struct fh_machine *m)
{
	struct fh_mem_info info;

	atomic_store(&tp->fail_nth, 0);
	testplat_quiesce(m);
	fh_mem_info(m, &info);
	/* Pools that a machine is born with keep what they have. */
	T_EQ(info.total - info.free, tp->birth_used);
	T_EQ(info.cma_total - info.cma_free, tp->birth_cma_used);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(tp);
}

void testplat_cpu(unsigned int id)
{
	hosted_cpu_id = id;
}

bool testplat_check(struct fh_machine *m, const char *file, int line)
{
	struct testplat *tp = m->plat.ctx;
	char why[2048];
	int64_t left = atomic_exchange(&tp->fail_nth, 0); /* the check needs memory, too */
	unsigned int n = fh_check(m, why, sizeof(why));

	atomic_store(&tp->fail_nth, left);
	return t_ok(n == 0, file, line, "fh_check()", why);
}
