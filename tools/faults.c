/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A platform whose calls fail at random, as its contract allows. */
#include <string.h>
#include "faults.h"
#include "pattern.h"

static const char *const names[NR_FAULTS] = {
	[FAULT_ALLOC] = "alloc",
	[FAULT_MAP] = "map",
	[FAULT_PROTECT] = "protect",
	[FAULT_SWAP_WRITE] = "swap_write",
	[FAULT_SWAP_READ] = "swap_read",
	[FAULT_FILE_READ] = "file_read",
	[FAULT_FILE_WRITE] = "file_write",
	[FAULT_WAIT] = "wait",
	[FAULT_PARALLEL] = "parallel",
	[FAULT_COMPRESS] = "compress",
	[FAULT_VMAP] = "vmap",
	[FAULT_SHARE] = "share",
};

/* What nobody wrote, and nobody may take for his bytes. */
static const uint64_t rubbish[FH_PAGE_SIZE / sizeof(uint64_t)] = {
	[0 ... FH_PAGE_SIZE / sizeof(uint64_t) - 1] = UINT64_C(0xdeadfa117dead0ff)};

const char *fault_name(enum fault call)
{
	return names[call];
}

void faults_set(struct faults *f, bool on)
{
	atomic_store(&f->on, on);
}

bool faults_hit(struct faults *f, enum fault call)
{
	uint64_t nth;

	if (!f->one_in || !atomic_load_explicit(&f->on, memory_order_relaxed))
		return false;
	nth = atomic_fetch_add_explicit(&f->calls[call], 1, memory_order_relaxed);
	if (pattern_seed(f->seed, call, nth) % f->one_in)
		return false;
	atomic_fetch_add_explicit(&f->failed[call], 1, memory_order_relaxed);
	return true;
}

uint64_t faults_failed(const struct faults *f)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < NR_FAULTS; i++)
		n += atomic_load_explicit(&f->failed[i], memory_order_relaxed);
	return n;
}

/* ---- files ---- */

int faults_read(struct faults *f, const struct fh_object_ops *ops, void *priv, uint64_t index,
		void *page)
{
	if (!faults_hit(f, FAULT_FILE_READ))
		return ops->read(priv, index, page);
	memcpy(page, rubbish, FH_PAGE_SIZE);
	return -FH_EIO;
}

int faults_write(struct faults *f, const struct fh_object_ops *ops, void *priv, uint64_t index,
		 const void *page)
{
	if (!faults_hit(f, FAULT_FILE_WRITE))
		return ops->write(priv, index, page);
	(void)ops->write(priv, index, rubbish);
	return -FH_EIO;
}

/* ---- the platform ---- */

static void *faulty_alloc(void *ctx, size_t size)
{
	struct faults *f = ctx;
	void *p = faults_hit(f, FAULT_ALLOC) ? NULL : f->inner->alloc(f->inner->ctx, size);

	if (p)
		atomic_fetch_add_explicit(&f->bytes, (int64_t)size, memory_order_relaxed);
	return p;
}

static void faulty_free(void *ctx, void *p, size_t size)
{
	struct faults *f = ctx;

	atomic_fetch_sub_explicit(&f->bytes, (int64_t)size, memory_order_relaxed);
	f->inner->free(f->inner->ctx, p, size);
}

static void *faulty_ram(void *ctx, phys_t phys, uint64_t size)
{
	const struct faults *f = ctx;

	return f->inner->ram(f->inner->ctx, phys, size);
}

static void faulty_log(void *ctx, int level, const char *line)
{
	const struct faults *f = ctx;

	f->inner->log(f->inner->ctx, level, line);
}

__attribute__((noreturn)) static void faulty_stop(void *ctx, const char *why)
{
	const struct faults *f = ctx;

	f->inner->stop(f->inner->ctx, why);
}

static uint64_t faulty_clock(void *ctx)
{
	const struct faults *f = ctx;

	return f->inner->clock_ns(f->inner->ctx);
}

static void faulty_sync(void *ctx)
{
	const struct faults *f = ctx;

	f->inner->sync_cpus(f->inner->ctx);
}

static void faulty_wait(void *ctx, _Atomic(uint32_t) *word, uint32_t value, uint64_t until_ns)
{
	struct faults *f = ctx;

	if (!faults_hit(f, FAULT_WAIT))
		f->inner->wait(f->inner->ctx, word, value, until_ns);
}

static void faulty_wake(void *ctx, _Atomic(uint32_t) *word)
{
	const struct faults *f = ctx;

	f->inner->wake(f->inner->ctx, word);
}

static void faulty_parallel(void *ctx, unsigned int n, void (*fn)(void *data), void *data)
{
	struct faults *f = ctx;

	f->inner->parallel(f->inner->ctx, faults_hit(f, FAULT_PARALLEL) ? 0 : n, fn, data);
}

static int faulty_map(void *ctx, void *space, uint64_t va, pfn_t pfn, uint64_t nr,
		      unsigned int flags)
{
	struct faults *f = ctx;

	return faults_hit(f, FAULT_MAP) ? -FH_ENOMEM
					: f->inner->map(f->inner->ctx, space, va, pfn, nr, flags);
}

static int faulty_protect(void *ctx, void *space, uint64_t va, uint64_t nr)
{
	struct faults *f = ctx;

	return faults_hit(f, FAULT_PROTECT) ? -FH_ENOMEM
					    : f->inner->protect(f->inner->ctx, space, va, nr);
}

static void faulty_unmap(void *ctx, void *space, uint64_t va, uint64_t nr)
{
	const struct faults *f = ctx;

	f->inner->unmap(f->inner->ctx, space, va, nr);
}

static int faulty_swap_write(void *ctx, uint64_t slot, const void *page)
{
	struct faults *f = ctx;

	if (!faults_hit(f, FAULT_SWAP_WRITE))
		return f->inner->swap_write(f->inner->ctx, slot, page);
	(void)f->inner->swap_write(f->inner->ctx, slot, rubbish);
	return -FH_EIO;
}

static int faulty_swap_read(void *ctx, uint64_t slot, void *page)
{
	struct faults *f = ctx;

	if (!faults_hit(f, FAULT_SWAP_READ))
		return f->inner->swap_read(f->inner->ctx, slot, page);
	memcpy(page, rubbish, FH_PAGE_SIZE);
	return -FH_EIO;
}

static size_t faulty_compress(void *ctx, const void *src, void *dst, size_t room)
{
	struct faults *f = ctx;

	return faults_hit(f, FAULT_COMPRESS) ? 0
					     : f->inner->compress(f->inner->ctx, src, dst, room);
}

static int faulty_decompress(void *ctx, const void *src, size_t size, void *dst)
{
	const struct faults *f = ctx;

	return f->inner->decompress(f->inner->ctx, src, size, dst);
}

static void faulty_clean(void *ctx, phys_t phys, uint64_t size)
{
	const struct faults *f = ctx;

	f->inner->cache_clean(f->inner->ctx, phys, size);
}

static uint64_t faulty_inval(void *ctx, phys_t phys, uint64_t size)
{
	const struct faults *f = ctx;

	return f->inner->cache_inval(f->inner->ctx, phys, size);
}

static void *faulty_vmap(void *ctx, const struct range *run, unsigned int nr_runs,
			 unsigned int flags)
{
	struct faults *f = ctx;

	return faults_hit(f, FAULT_VMAP) ? NULL
					 : f->inner->vmap(f->inner->ctx, run, nr_runs, flags);
}

static void faulty_vunmap(void *ctx, void *p, uint64_t nr_pages)
{
	const struct faults *f = ctx;

	f->inner->vunmap(f->inner->ctx, p, nr_pages);
}

/* One name for the three that may fail: they are rare, and come one after the other. */
static int faulty_share(void *ctx, const struct range *run, unsigned int nr_runs, void **shared)
{
	struct faults *f = ctx;

	return faults_hit(f, FAULT_SHARE) ? -FH_ENOMEM
					  : f->inner->share(f->inner->ctx, run, nr_runs, shared);
}

static int faulty_share_show(void *ctx, void *shared)
{
	struct faults *f = ctx;

	return faults_hit(f, FAULT_SHARE) ? -FH_ENOMEM
					  : f->inner->share_show(f->inner->ctx, shared);
}

static int faulty_share_move(void *ctx, void *shared, const struct range *run, unsigned int nr_runs)
{
	struct faults *f = ctx;

	return faults_hit(f, FAULT_SHARE)
		       ? -FH_ENOMEM
		       : f->inner->share_move(f->inner->ctx, shared, run, nr_runs);
}

static void faulty_unshare(void *ctx, void *shared)
{
	const struct faults *f = ctx;

	f->inner->unshare(f->inner->ctx, shared);
}

static bool faulty_symbol(void *ctx, const void *code, char *buf, size_t size)
{
	const struct faults *f = ctx;

	return f->inner->symbol(f->inner->ctx, code, buf, size);
}

/* What the platform does not have, the machine is not given. */
void faults_init(struct faults *f, const struct plat *inner, uint64_t one_in, uint64_t seed)
{
	*f = (struct faults){.inner = inner, .one_in = one_in, .seed = seed};
	f->plat = (struct plat){
		.ctx = f,
		.alloc = faulty_alloc,
		.free = faulty_free,
		.ram = inner->ram ? faulty_ram : NULL,
		.log = inner->log ? faulty_log : NULL,
		.stop = faulty_stop,
		.clock_ns = faulty_clock,
		.sync_cpus = inner->sync_cpus ? faulty_sync : NULL,
		.wait = inner->wait ? faulty_wait : NULL,
		.wake = inner->wake ? faulty_wake : NULL,
		.parallel = inner->parallel ? faulty_parallel : NULL,
		.map = inner->map ? faulty_map : NULL,
		.protect = inner->protect ? faulty_protect : NULL,
		.unmap = inner->unmap ? faulty_unmap : NULL,
		.swap_write = inner->swap_write ? faulty_swap_write : NULL,
		.swap_read = inner->swap_read ? faulty_swap_read : NULL,
		.compress = inner->compress ? faulty_compress : NULL,
		.decompress = inner->decompress ? faulty_decompress : NULL,
		.cache_clean = inner->cache_clean ? faulty_clean : NULL,
		.cache_inval = inner->cache_inval ? faulty_inval : NULL,
		.cache_line = inner->cache_line,
		.vmap = inner->vmap ? faulty_vmap : NULL,
		.vunmap = inner->vunmap ? faulty_vunmap : NULL,
		.share = inner->share ? faulty_share : NULL,
		.share_show = inner->share ? faulty_share_show : NULL,
		.share_move = inner->share ? faulty_share_move : NULL,
		.unshare = inner->share ? faulty_unshare : NULL,
		.symbol = inner->symbol ? faulty_symbol : NULL,
	};
}
