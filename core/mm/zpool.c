/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Anonymous pages that are kept compressed, in frames outside areas. */
#include "base/bits.h"
#include "base/string.h"
#include "mm/machine.h"
#include "mm/owner.h"
#include "mm/pages.h"
#include "mm/policy.h"
#include "mm/zpool.h"

void zpool_init(struct zpool *zp)
{
	fh_lock_init(&zp->lock, RANK_LEAF);
	for (unsigned int i = 0; i < ZPOOL_CHUNKS; i++)
		zp->head[i] = FRAME_NIL;
}

static uint64_t count(const _Atomic(uint64_t) *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

bool zpool_open(const struct fh_machine *m, bool over)
{
	const struct zpool *zp = &m->zpool;

	return policy_zpool_open(count(&zp->limit), count(&zp->nr_pages), count(&zp->nr_frames),
				 over);
}

/* ---- handles: frame number, first chunk, bytes; never 0, since no page comes to 0 bytes ---- */

#define SIZE_BITS  12
#define CHUNK_BITS 6

static unsigned int chunks_of(size_t size)
{
	return (unsigned int)((size + ZPOOL_CHUNK - 1) / ZPOOL_CHUNK);
}

static uint64_t handle_of(uint32_t number, unsigned int chunk, size_t size)
{
	return ((uint64_t)number << CHUNK_BITS | chunk) << SIZE_BITS | size;
}

struct zpool_place zpool_place(const struct fh_machine *m, uint64_t handle)
{
	size_t size = handle & ((1u << SIZE_BITS) - 1);

	return (struct zpool_place){
		.pfn = m->base_pfn + (handle >> (SIZE_BITS + CHUNK_BITS)),
		.chunk = handle >> SIZE_BITS & (ZPOOL_CHUNKS - 1),
		.chunks = chunks_of(size),
		.size = size,
	};
}

static unsigned char *place_virt(const struct fh_machine *m, const struct zpool_place *p)
{
	return machine_virt(m, p->pfn) + p->chunk * ZPOOL_CHUNK;
}

/* ---- chunks; the lock is held ---- */

/* Where runs of n set bits begin. */
static uint64_t runs(uint64_t w, unsigned int n)
{
	for (unsigned int have = 1, step; have < n; have += step) {
		step = have < n - have ? have : n - have;
		w &= w >> step;
	}
	return w;
}

unsigned int zpool_gap(uint64_t free_chunks)
{
	unsigned int n = 0;

	for (; free_chunks; free_chunks &= free_chunks >> 1)
		n++;
	return n;
}

static struct fh_frame *frame_at(const struct fh_machine *m, uint32_t number)
{
	return machine_frame(m, m->base_pfn + number);
}

static void list(struct fh_machine *m, uint32_t number)
{
	struct zpool *zp = &m->zpool;
	struct fh_frame *f = frame_at(m, number);
	unsigned int gap = zpool_gap(f->free_chunks);

	f->next = f->prev = FRAME_NIL;
	if (!gap)
		return;
	f->next = zp->head[gap];
	if (f->next != FRAME_NIL)
		frame_at(m, f->next)->prev = number;
	zp->head[gap] = number;
	zp->some |= UINT64_C(1) << gap;
}

static void unlist(struct fh_machine *m, uint32_t number)
{
	struct zpool *zp = &m->zpool;
	struct fh_frame *f = frame_at(m, number);
	unsigned int gap = zpool_gap(f->free_chunks);

	if (!gap)
		return;
	if (f->next != FRAME_NIL)
		frame_at(m, f->next)->prev = f->prev;
	if (f->prev != FRAME_NIL)
		frame_at(m, f->prev)->next = f->next;
	else
		zp->head[gap] = f->next;
	if (zp->head[gap] == FRAME_NIL)
		zp->some &= ~(UINT64_C(1) << gap);
}

static uint64_t take(struct fh_machine *m, uint32_t number, size_t size)
{
	struct fh_frame *f = frame_at(m, number);
	unsigned int n = chunks_of(size), chunk = bits_first(runs(f->free_chunks, n));

	f->free_chunks &= ~bits_span(chunk, chunk + n);
	list(m, number);
	atomic_fetch_add_explicit(&m->zpool.nr_pages, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->zpool.nr_bytes, size, memory_order_relaxed);
	return handle_of(number, chunk, size);
}

/* ---- pages ---- */

/* A place in a frame that has others already: in the tightest gap there is. */
static uint64_t take_gap(struct fh_machine *m, size_t size)
{
	struct zpool *zp = &m->zpool;
	uint64_t fits, handle = 0;
	uint32_t number;

	fh_lock(&zp->lock);
	fits = zp->some & ~bits_low(chunks_of(size));
	if (fits) {
		number = zp->head[bits_first(fits)];
		unlist(m, number);
		handle = take(m, number, size);
	}
	fh_unlock(&zp->lock);
	return handle;
}

/* A place in a frame of its own. Past every mark, since it is for a page that gives its frame up. */
static uint64_t take_frame(struct fh_machine *m, size_t size)
{
	struct zpool *zp = &m->zpool;
	struct fh_frame *f;
	uint64_t handle;
	pfn_t pfn;

	if (fh_alloc_pages(m, GFP_EVACUATE, 0, &pfn)) {
		atomic_fetch_add_explicit(&zp->failed, 1, memory_order_relaxed);
		return 0;
	}
	if (m->owners)
		owner_name(m, pfn, 1, "zswap");
	f = machine_frame(m, pfn);
	fh_lock(&zp->lock);
	f->free_chunks = bits_low(ZPOOL_CHUNKS);
	frame_set(m, f, FRAME_POOL);
	atomic_fetch_add_explicit(&zp->nr_frames, 1, memory_order_relaxed);
	handle = take(m, (uint32_t)(pfn - m->base_pfn), size);
	fh_unlock(&zp->lock);
	return handle;
}

uint64_t zpool_store(struct fh_machine *m, pfn_t pfn, pfn_t scratch)
{
	unsigned char *small = machine_virt(m, scratch);
	size_t size = m->plat.compress(m->plat.ctx, machine_virt(m, pfn), small, POLICY_ZPOOL_MAX);
	uint64_t handle = size && size <= POLICY_ZPOOL_MAX ? take_gap(m, size) : 0;
	struct zpool_place p;

	if (!handle && size && size <= POLICY_ZPOOL_MAX &&
	    policy_zpool_opens(size, count(&m->zpool.nr_bytes), count(&m->zpool.nr_pages))) {
		handle = take_frame(m, size);
		if (!handle)
			return 0;
	}
	if (!handle) {
		atomic_fetch_add_explicit(&m->zpool.poor, 1, memory_order_relaxed);
		return 0;
	}
	p = zpool_place(m, handle);
	memcpy(place_virt(m, &p), small, size);
	vm_count(m, VM_zswpout, 1);
	return handle;
}

int zpool_load(struct fh_machine *m, uint64_t handle, pfn_t pfn)
{
	struct zpool_place p = zpool_place(m, handle);
	int err = m->plat.decompress(m->plat.ctx, place_virt(m, &p), p.size, machine_virt(m, pfn));

	if (!err)
		vm_count(m, VM_zswpin, 1);
	return err;
}

void zpool_free(struct fh_machine *m, uint64_t handle)
{
	struct zpool *zp = &m->zpool;
	struct zpool_place p = zpool_place(m, handle);
	struct fh_frame *f = machine_frame(m, p.pfn);
	uint32_t number = (uint32_t)(p.pfn - m->base_pfn);
	bool empty;

	fh_lock(&zp->lock);
	unlist(m, number);
	f->free_chunks |= bits_span(p.chunk, p.chunk + p.chunks);
	empty = f->free_chunks == bits_low(ZPOOL_CHUNKS);
	if (empty) {
		f->owner = NULL;
		frame_set(m, f, FRAME_RAW);
		atomic_fetch_sub_explicit(&zp->nr_frames, 1, memory_order_relaxed);
	} else {
		list(m, number);
	}
	atomic_fetch_sub_explicit(&zp->nr_pages, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&zp->nr_bytes, p.size, memory_order_relaxed);
	fh_unlock(&zp->lock);
	if (empty)
		page_free(m, p.pfn, 0);
}
