/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Heaps: which a machine has, by which names; and what each may give. */
#include "base/bitmap.h"
#include "base/string.h"
#include "buf/heap.h"
#include "buf/heap_carveout.h"
#include "buf/heap_cma.h"
#include "buf/heap_coherent.h"
#include "buf/heap_system.h"
#include "buf/holder.h"
#include "dma/coherent.h"

typedef unsigned long long ull;

/* As major * 1000 + minor: from when on the default area has a fixed name beside its own, and every area is a heap. */
#define LIKE_FIXED_NAME 6017
#define LIKE_ALL_AREAS	6019

const char *heap_kind_name(enum dma_heap_kind kind)
{
	static const char *const names[] = {"system", "cma", "carveout", "coherent"};

	return names[kind];
}

/* ---- which there are ---- */

/* A name that is taken stays the first one's. */
static int add(struct fh_machine *m, const struct dma_heap *as, const char *name)
{
	struct dma_heap **at, *heap;

	for (at = &m->buf->heaps; *at; at = &(*at)->next) {
		if (!fh_streq((*at)->name, name))
			continue;
		if (as->owns_chunk)
			chunk_destroy(m, as->chunk);
		return 0;
	}
	heap = machine_alloc(m, sizeof(*heap));
	if (!heap) {
		if (as->owns_chunk)
			chunk_destroy(m, as->chunk);
		return -FH_ENOMEM;
	}
	*heap = *as;
	heap->m = m;
	fh_strcopy(heap->name, name, sizeof(heap->name));
	*at = heap;
	return 0;
}

static int add_system(struct fh_machine *m, const char *name, unsigned int traits)
{
	const struct dma_heap heap = {
		.source = &heap_system_source, .kind = DMA_HEAP_SYSTEM, .traits = traits};

	return add(m, &heap, name);
}

static int add_area(struct fh_machine *m, struct cma *cma, const char *name)
{
	const struct dma_heap heap = {.source = &heap_cma_source,
				      .kind = DMA_HEAP_CMA,
				      .area = cma,
				      .total = cma_get_size(cma)};

	return add(m, &heap, name);
}

static int add_areas(struct fh_machine *m)
{
	unsigned int like = m->cfg.like;
	struct cma *cma = cma_default(m);
	int err = 0;

	if (cma && (!m->cfg.heaps_linux_only || like >= LIKE_FIXED_NAME))
		err = add_area(m, cma, "default_cma_region");
	if (cma && !err)
		err = add_area(m, cma, cma_get_name(cma));
	for (unsigned int i = 0; i < m->nr_areas && !err; i++)
		if (!m->cfg.heaps_linux_only || like >= LIKE_ALL_AREAS)
			err = add_area(m, m->area[i], cma_get_name(m->area[i]));
	return err;
}

/* The frames are kept free of all else, whether they are mapped or not: the region's node says that they are for buffers. */
static int add_carveout(struct fh_machine *m, const struct boot_region *r)
{
	struct range run = {(r->base + FH_PAGE_SIZE - 1) >> FH_PAGE_SHIFT,
			    (r->base + r->size) >> FH_PAGE_SHIFT};
	struct dma_heap heap = {
		.source = &heap_carveout_source, .kind = DMA_HEAP_CARVEOUT, .owns_chunk = true};
	bool first = !dma_heap_find(m, "carveout");
	int err;

	if (!(r->flags & BOOT_REGION_CARVEOUT) || r->flags & BOOT_REGION_MORE ||
	    !machine_in_bank(m, run))
		return 0;
	err = chunk_create(m, run.start, run.end - run.start, false, &heap.chunk);
	if (err)
		return err;
	heap.total = heap.chunk->nr << FH_PAGE_SHIFT;
	err = add(m, &heap, r->name);
	heap.owns_chunk = false;
	return err || !first ? err : add(m, &heap, "carveout");
}

static int add_pool(struct fh_machine *m, const struct dma_coherent_mem *mem)
{
	const struct dma_chunk *c = mem->chunk;
	const struct dma_heap heap = {.source = &heap_coherent_source,
				      .kind = DMA_HEAP_COHERENT,
				      .traits = DMA_HEAP_UNCACHED,
				      .chunk = mem->chunk,
				      .total = c->nr << FH_PAGE_SHIFT};

	return machine_in_bank(m, (struct range){c->pfn, c->pfn + c->nr}) ? add(m, &heap, mem->name)
									  : 0;
}

/* What vendors have. Past the caches there is nothing without an address for it. */
static int add_ours(struct fh_machine *m)
{
	bool uncached = !m->plat.cache_clean || m->plat.vmap;
	int err = add_system(m, "system-dma32", DMA_HEAP_DMA32);

	if (!err && uncached)
		err = add_system(m, "system-uncached", DMA_HEAP_UNCACHED);
	if (!err && uncached)
		err = add_system(m, "system-uncached-dma32", DMA_HEAP_UNCACHED | DMA_HEAP_DMA32);
	for (unsigned int i = 0; i < m->cfg.nr_regions && !err; i++)
		err = add_carveout(m, &m->cfg.region[i]);
	for (struct dma_coherent_mem *mem = m->dma->pools; mem && !err; mem = mem->next)
		err = uncached ? add_pool(m, mem) : 0;
	return err;
}

int heaps_start(struct fh_machine *m)
{
	int err = add_system(m, "system", 0);

	if (!err)
		err = add_areas(m);
	return err || m->cfg.heaps_linux_only ? err : add_ours(m);
}

void heaps_end(struct fh_machine *m)
{
	while (m->buf->heaps) {
		struct dma_heap *heap = m->buf->heaps;

		m->buf->heaps = heap->next;
		if (heap->owns_chunk)
			chunk_destroy(m, heap->chunk);
		machine_free(m, heap, sizeof(*heap));
	}
}

struct dma_heap *dma_heap_nth(struct fh_machine *m, unsigned int n)
{
	struct dma_heap *heap = m && m->buf ? m->buf->heaps : NULL;

	for (; heap && n; n--)
		heap = heap->next;
	return heap;
}

struct dma_heap *dma_heap_find(struct fh_machine *m, const char *name)
{
	struct dma_heap *heap = m && m->buf && name ? m->buf->heaps : NULL;

	while (heap && !fh_streq(heap->name, name))
		heap = heap->next;
	return heap;
}

void dma_heap_get_info(struct dma_heap *heap, struct dma_heap_info *info)
{
	if (!heap || !info)
		return;
	*info = (struct dma_heap_info){
		.kind = heap->kind,
		.traits = heap->traits,
		.area = heap->area,
		.total = heap->total,
	};
	memcpy(info->name, heap->name, sizeof(info->name));
	fh_lock(&heap->m->buf->lock);
	info->limit = heap->limit;
	info->used = heap->used;
	info->peak = heap->peak;
	info->buffers = heap->buffers;
	info->allocated = heap->allocated;
	info->refused = heap->refused;
	fh_unlock(&heap->m->buf->lock);
}

void dma_heap_set_limit(struct dma_heap *heap, uint64_t bytes)
{
	if (!heap)
		return;
	fh_lock(&heap->m->buf->lock);
	heap->limit = bytes;
	fh_unlock(&heap->m->buf->lock);
}

/* ---- allocation ---- */

/* First whatever may refuse: both accounts, together. */
static int reserve(struct dma_heap *heap, struct dma_holder *holder, uint64_t size)
{
	int err = 0;

	fh_lock(&heap->m->buf->lock);
	if (heap->limit && (heap->used > heap->limit || size > heap->limit - heap->used))
		err = -FH_EDQUOT;
	if (!err && holder)
		err = holder_charge(holder, size);
	if (err) {
		heap->refused++;
	} else {
		heap->used += size;
		heap->buffers++;
	}
	fh_unlock(&heap->m->buf->lock);
	return err;
}

static void unreserve(struct dma_heap *heap, struct dma_holder *holder, uint64_t size)
{
	fh_lock(&heap->m->buf->lock);
	heap->used -= size;
	heap->buffers--;
	heap->refused++;
	if (holder)
		holder_uncharge(holder, size);
	fh_unlock(&heap->m->buf->lock);
}

static void commit(struct dma_heap *heap, struct dma_holder *holder, struct dma_hold *hold,
		   struct dma_buf *buf)
{
	fh_lock(&heap->m->buf->lock);
	heap->allocated++;
	if (heap->used > heap->peak)
		heap->peak = heap->used;
	if (holder)
		holder_begin(holder, hold, buf);
	fh_unlock(&heap->m->buf->lock);
}

int dma_heap_alloc(struct dma_heap *heap, uint64_t len, struct dma_holder *holder,
		   struct dma_buf **buf)
{
	uint64_t size = (len + FH_PAGE_SIZE - 1) & ~(FH_PAGE_SIZE - 1);
	struct dma_hold *hold = NULL;
	struct heap_buffer *b;
	int err;

	if (!heap || !buf || !size || (holder && holder->m != heap->m))
		return -FH_EINVAL;
	err = reserve(heap, holder, size);
	if (err)
		return err;
	if (holder)
		hold = machine_alloc(heap->m, sizeof(*hold));
	err = holder && !hold ? -FH_ENOMEM : heap_buffer_create(heap, size >> FH_PAGE_SHIFT, &b);
	if (err) {
		machine_free(heap->m, hold, sizeof(*hold));
		unreserve(heap, holder, size);
		return err;
	}
	commit(heap, holder, hold, b->buf);
	*buf = b->buf;
	return 0;
}

/* ---- what a buffer of a heap is ---- */

struct dma_heap *dma_heap_of(struct dma_buf *buf)
{
	struct heap_buffer *b = buf ? heap_buffer_of(buf) : NULL;

	return b ? b->heap : NULL;
}

void *dma_heap_shared(struct dma_buf *buf)
{
	struct heap_buffer *b = buf ? heap_buffer_of(buf) : NULL;

	return b ? b->shared : NULL;
}

unsigned int dma_heap_runs(struct dma_buf *buf, struct range *run, unsigned int n)
{
	struct heap_buffer *b = buf ? heap_buffer_of(buf) : NULL;

	if (!b)
		return 0;
	fh_lock(&buf->machine->buf->lock);
	for (unsigned int i = 0; run && i < n && i < b->nr_runs; i++)
		run[i] = b->run[i];
	fh_unlock(&buf->machine->buf->lock);
	return b->nr_runs;
}

void dma_heap_set_movable(struct dma_buf *buf, bool movable)
{
	struct heap_buffer *b = buf ? heap_buffer_of(buf) : NULL;

	if (!b)
		return;
	buffer_lock(buf);
	heap_buffer_set_movable(b, movable);
	buffer_unlock(buf);
}

/* ---- check ---- */

static unsigned int check_sums(const struct dma_heap *heap, struct fh_text *out)
{
	uint64_t used = 0, nr = 0;

	for (struct buffer *b = heap->m->buf->buffers; b; b = b->next) {
		if (dma_heap_of(&b->pub) != heap)
			continue;
		used += b->pub.size;
		nr++;
	}
	if (used == heap->used && nr == heap->buffers && heap->peak >= used)
		return 0;
	fh_text_add(out, "F2: heap %s: %llu bytes in %llu buffers, counted %llu in %llu\n",
		    heap->name, (ull)used, (ull)nr, (ull)heap->used, (ull)heap->buffers);
	return 1;
}

unsigned int heaps_check(struct fh_machine *m, struct fh_text *out)
{
	size_t size = bitmap_words(m->nr_blocks << FH_BLOCK_ORDER) * sizeof(uint64_t);
	unsigned int broken = 0;
	uint64_t *seen;

	for (const struct dma_heap *heap = m->buf->heaps; heap; heap = heap->next)
		broken += check_sums(heap, out);
	if (!m->buf->buffers)
		return broken;
	seen = machine_alloc(m, size);
	if (!seen) {
		fh_text_add(out, "F2: no memory for the check\n");
		return broken + 1;
	}
	for (struct buffer *b = m->buf->buffers; b; b = b->next)
		if (heap_buffer_of(&b->pub))
			broken += heap_buffer_check(heap_buffer_of(&b->pub), seen, out);
	machine_free(m, seen, size);
	return broken;
}
