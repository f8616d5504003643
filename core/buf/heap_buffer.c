/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The buffers of all heaps: their life, and what devices and CPUs see of them. */
#include <freehold/object.h>
#include "base/bitmap.h"
#include "base/string.h"
#include "buf/heap_buffer.h"
#include "mm/agreed.h"
#include "mm/owner.h"

/* A device's mapping. */
struct heap_map {
	struct sg_table table; /* the first */
	struct heap_map *next; /* of the buffer */
	struct device *dev;
	enum dma_data_direction dir;
	size_t size; /* of this struct */
	struct scatterlist entry[];
};

static bool past_caches(const struct heap_buffer *b)
{
	return b->heap->traits & DMA_HEAP_UNCACHED && b->heap->m->plat.cache_clean;
}

/* ---- runs ---- */

static int grow(struct heap_buffer *b)
{
	struct fh_machine *m = b->heap->m;
	unsigned int room = b->room ? b->room * 2 : 32;
	struct range *run = machine_alloc(m, room * sizeof(*run));

	if (!run)
		return -FH_ENOMEM;
	memcpy(run, b->run, b->nr_runs * sizeof(*run));
	if (b->room)
		machine_free(m, b->run, b->room * sizeof(*run));
	b->run = run;
	b->room = room;
	return 0;
}

int heap_buffer_add(struct heap_buffer *b, pfn_t pfn, uint64_t nr)
{
	unsigned int room = b->room ? b->room : HEAP_BUFFER_FEW;
	int err;

	if (b->heap->m->owners)
		owner_name(b->heap->m, pfn, nr, b->heap->name);
	if (b->nr_runs && b->run[b->nr_runs - 1].end == pfn) {
		b->run[b->nr_runs - 1].end += nr;
		return 0;
	}
	err = b->nr_runs == room ? grow(b) : 0;
	if (!err)
		b->run[b->nr_runs++] = (struct range){pfn, pfn + nr};
	return err;
}

/* ---- bytes ---- */

/* Zeros in RAM too, for devices that do not snoop. What caches still have of the frames' last owner goes first: it is not to come
 * over what a device writes later, and a line that is zero by chance is not to hide what RAM has. */
static void zero(const struct heap_buffer *b)
{
	struct fh_machine *m = b->heap->m;

	for (unsigned int i = 0; i < b->nr_runs; i++) {
		uint64_t nr = b->run[i].end - b->run[i].start;
		phys_t at = fh_pfn_to_phys(b->run[i].start);

		if (!b->zero && m->plat.cache_inval)
			(void)m->plat.cache_inval(m->plat.ctx, at, nr << FH_PAGE_SHIFT);
		if (!b->zero)
			machine_zero(m, b->run[i].start, nr);
		if (m->plat.cache_clean)
			m->plat.cache_clean(m->plat.ctx, at, nr << FH_PAGE_SHIFT);
	}
}

/* From here on the machine may touch them, where they have to be seen. Locked. */
static int show(struct heap_buffer *b)
{
	struct fh_machine *m = b->heap->m;
	int err;

	if (b->shared && !b->shown) {
		err = m->plat.share_show(m->plat.ctx, b->shared);
		if (err)
			return err;
		b->shown = true;
	}
	if (!past_caches(b) || b->uncached)
		return 0;
	b->uncached = m->plat.vmap(m->plat.ctx, b->run, b->nr_runs, PLAT_VMAP_UNCACHED);
	return b->uncached ? 0 : -FH_ENOMEM;
}

/* An object is zero and waits; else the frames are zeroed now. */
static int make_bytes(struct heap_buffer *b)
{
	struct fh_machine *m = b->heap->m;

	if (m->plat.share)
		return m->plat.share(m->plat.ctx, b->run, b->nr_runs, &b->shared);
	zero(b);
	return show(b);
}

static void end_bytes(struct heap_buffer *b)
{
	struct fh_machine *m = b->heap->m;

	if (b->uncached)
		m->plat.vunmap(m->plat.ctx, b->uncached, b->pages);
	if (b->shared)
		m->plat.unshare(m->plat.ctx, b->shared);
}

/* ---- moves ---- */

/* It is idle: nobody has it pinned (F4), and all who used it are done. Locked. */
static bool idle(const struct heap_buffer *b)
{
	return b->movable && !b->pins &&
	       dma_resv_test_signaled(b->buf->resv, DMA_RESV_USAGE_BOOKKEEP);
}

static bool move_bytes(struct heap_buffer *b, pfn_t dst, pfn_t src)
{
	struct range to = {dst, dst + b->pages};
	struct fh_machine *m = b->heap->m;

	if (b->shared)
		return !m->plat.share_move(m->plat.ctx, b->shared, &to, 1);
	for (uint64_t i = 0; i < b->pages; i++)
		machine_copy(m, dst + i, src + i);
	if (m->plat.cache_clean)
		m->plat.cache_clean(m->plat.ctx, fh_pfn_to_phys(dst), b->pages << FH_PAGE_SHIFT);
	return true;
}

/* Called by whoever wants memory, so it waits for nobody. The importers hear of it first: what they have mapped ends, and with that
 * the CPU's bytes are the buffer's. */
static bool idle_move(void *priv, pfn_t dst, pfn_t src, unsigned long count)
{
	struct heap_buffer *b = priv;
	struct fh_machine *m = b->heap->m;
	bool moved = false;

	(void)count;
	if (!dma_resv_trylock(b->buf->resv))
		return false;
	if (idle(b)) {
		dma_buf_move_notify(b->buf);
		moved = idle(b) && move_bytes(b, dst, src);
	}
	if (moved) {
		fh_lock(&m->buf->lock);
		b->run[0] = (struct range){dst, dst + b->pages};
		fh_unlock(&m->buf->lock);
	}
	dma_resv_unlock(b->buf->resv);
	return moved;
}

static const struct cma_buffer_ops agreement = {idle_move};

/* Who moves it at this moment finds the reservation locked and lets go, or has moved it and is about to say so to the area: neither
 * waits for anything. */
static void end_agreement(struct heap_buffer *b)
{
	for (unsigned int turn = 0; cma_buffer_clear_movable(b->heap->area, b->run[0].start);
	     turn++)
		fh_spin(turn);
	b->agreed = false;
}

/* As it has to be now. Without memory for it there is no agreement, and the buffer stays. */
static void agree(struct heap_buffer *b)
{
	bool want = b->movable && !b->pins && b->heap->kind == DMA_HEAP_CMA;

	if (b->agreed && !want)
		end_agreement(b);
	else if (!b->agreed && want)
		b->agreed = !cma_buffer_set_movable(b->heap->area, b->run[0].start, b->pages,
						    &agreement, b);
}

void heap_buffer_set_movable(struct heap_buffer *b, bool movable)
{
	b->movable = movable;
	agree(b);
}

static void pin(struct heap_buffer *b)
{
	b->pins++;
	agree(b);
}

static void unpin(struct heap_buffer *b)
{
	b->pins--;
	agree(b);
}

static int op_pin(struct dma_buf_attachment *att)
{
	pin(heap_buffer_of(att->dmabuf));
	return 0;
}

static void op_unpin(struct dma_buf_attachment *att)
{
	unpin(heap_buffer_of(att->dmabuf));
}

/* ---- devices ---- */

static unsigned int map_attrs(const struct heap_buffer *b)
{
	return past_caches(b) ? DMA_ATTR_SKIP_CPU_SYNC : 0;
}

static struct heap_map *new_map(const struct heap_buffer *b)
{
	size_t size = sizeof(struct heap_map) + b->nr_runs * sizeof(struct scatterlist);
	struct heap_map *map = machine_alloc(b->heap->m, size);

	if (!map)
		return NULL;
	map->size = size;
	map->table = (struct sg_table){map->entry, 0, b->nr_runs};
	for (unsigned int i = 0; i < b->nr_runs; i++) {
		map->entry[i].phys = fh_pfn_to_phys(b->run[i].start);
		map->entry[i].length = (b->run[i].end - b->run[i].start) << FH_PAGE_SHIFT;
	}
	return map;
}

static int op_map(struct dma_buf_attachment *att, enum dma_data_direction dir,
		  struct sg_table **sgt)
{
	struct heap_buffer *b = heap_buffer_of(att->dmabuf);
	struct heap_map *map;
	int err = show(b);

	if (err)
		return err;
	map = new_map(b);
	if (!map)
		return -FH_ENOMEM;
	err = dma_map_sgtable(att->dev, &map->table, dir, map_attrs(b));
	if (err) {
		machine_free(b->heap->m, map, map->size);
		return err;
	}
	map->dev = att->dev;
	map->dir = dir;
	map->next = b->maps;
	b->maps = map;
	*sgt = &map->table;
	return 0;
}

static void op_unmap(struct dma_buf_attachment *att, struct sg_table *sgt,
		     enum dma_data_direction dir)
{
	struct heap_buffer *b = heap_buffer_of(att->dmabuf);
	struct heap_map *map = (struct heap_map *)(void *)sgt, **at;

	for (at = &b->maps; *at != map; at = &(*at)->next)
		;
	*at = map->next;
	dma_unmap_sgtable(att->dev, sgt, dir, map_attrs(b));
	machine_free(b->heap->m, map, map->size);
}

/* ---- CPUs ---- */

/* Each device's mapping in its own direction: what it never writes need not be read again. */
static int sync(struct dma_buf *buf, bool begin)
{
	struct heap_buffer *b = heap_buffer_of(buf);

	if (past_caches(b))
		return 0;
	buffer_lock(buf);
	for (struct heap_map *map = b->maps; map; map = map->next)
		(begin ? dma_sync_sg_for_cpu : dma_sync_sg_for_device)(
			map->dev, map->table.sgl, map->table.orig_nents, map->dir);
	buffer_unlock(buf);
	return 0;
}

static int op_begin(struct dma_buf *buf, enum dma_data_direction dir)
{
	(void)dir;
	return sync(buf, true);
}

static int op_end(struct dma_buf *buf, enum dma_data_direction dir)
{
	(void)dir;
	return sync(buf, false);
}

static int op_vmap(struct dma_buf *buf, void **cpu)
{
	struct heap_buffer *b = heap_buffer_of(buf);
	struct fh_machine *m = b->heap->m;
	int err = show(b);

	if (err)
		return err;
	if (b->uncached)
		*cpu = b->uncached;
	else if (b->nr_runs == 1)
		*cpu = machine_virt(m, b->run[0].start);
	else
		*cpu = m->plat.vmap ? m->plat.vmap(m->plat.ctx, b->run, b->nr_runs, 0) : NULL;
	if (!*cpu)
		return -FH_ENOMEM;
	pin(b);
	return 0;
}

static void op_vunmap(struct dma_buf *buf, void *cpu)
{
	struct heap_buffer *b = heap_buffer_of(buf);
	struct fh_machine *m = b->heap->m;

	if (!b->uncached && b->nr_runs > 1)
		m->plat.vunmap(m->plat.ctx, cpu, b->pages);
	unpin(b);
}

/* The runs of pages [part.start, part.end). */
static unsigned int cut(const struct heap_buffer *b, struct range part, struct range *out)
{
	uint64_t at = 0, from, to, nr;
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->nr_runs && at < part.end; i++, at += nr) {
		nr = b->run[i].end - b->run[i].start;
		if (at + nr <= part.start)
			continue;
		from = part.start > at ? part.start - at : 0;
		to = part.end - at < nr ? part.end - at : nr;
		out[n++] = (struct range){b->run[i].start + from, b->run[i].start + to};
	}
	return n;
}

static int op_mmap(struct dma_buf *buf, struct fh_space *space, uint64_t va, struct range part)
{
	struct heap_buffer *b = heap_buffer_of(buf);
	struct fh_machine *m = b->heap->m;
	size_t size = b->nr_runs * sizeof(struct range);
	struct range *run;
	int err = show(b);

	if (err)
		return err;
	run = machine_alloc(m, size);
	if (!run)
		return -FH_ENOMEM;
	err = fh_space_map_frames(space, va, run, cut(b, part, run));
	machine_free(m, run, size);
	if (!err)
		pin(b);
	return err;
}

static void op_munmap(struct dma_buf *buf, struct fh_space *space, uint64_t va, struct range part)
{
	(void)part;
	if (!fh_space_unmap(space, va))
		unpin(heap_buffer_of(buf));
}

/* ---- life ---- */

static void destroy(struct heap_buffer *b)
{
	struct fh_machine *m = b->heap->m;

	if (b->room)
		machine_free(m, b->run, b->room * sizeof(*b->run));
	machine_free(m, b, sizeof(*b));
}

static void op_release(struct dma_buf *buf)
{
	struct heap_buffer *b = buf->priv;
	struct dma_heap *heap = b->heap;

	buffer_lock(buf); /* somebody may be moving it */
	if (b->pins && buffer_of(buf)->vmaps)
		op_vunmap(buf, buffer_of(buf)->cpu); /* who had it mapped has forgotten it */
	heap_buffer_set_movable(b, false);
	buffer_unlock(buf);
	end_bytes(b);
	heap->source->give(b);
	fh_lock(&heap->m->buf->lock);
	heap->used -= b->pages << FH_PAGE_SHIFT;
	heap->buffers--;
	fh_unlock(&heap->m->buf->lock);
	destroy(b);
}

const struct dma_buf_ops heap_buffer_ops = {
	.pin = op_pin,
	.unpin = op_unpin,
	.map_dma_buf = op_map,
	.unmap_dma_buf = op_unmap,
	.release = op_release,
	.begin_cpu_access = op_begin,
	.end_cpu_access = op_end,
	.mmap = op_mmap,
	.munmap = op_munmap,
	.vmap = op_vmap,
	.vunmap = op_vunmap,
};

static int export(struct heap_buffer *b)
{
	const struct dma_buf_export_info info = {
		.machine = b->heap->m,
		.exp_name = b->heap->name,
		.ops = &heap_buffer_ops,
		.size = b->pages << FH_PAGE_SHIFT,
		.priv = b,
	};

	return dma_buf_export(&info, &b->buf);
}

int heap_buffer_create(struct dma_heap *heap, uint64_t pages, struct heap_buffer **out)
{
	struct heap_buffer *b = machine_alloc(heap->m, sizeof(*b));
	int err;

	if (!b)
		return -FH_ENOMEM;
	b->heap = heap;
	b->pages = pages;
	b->run = b->few;
	err = heap->source->take(b);
	if (err) {
		destroy(b);
		return err;
	}
	err = make_bytes(b);
	if (!err)
		err = export(b);
	if (err) {
		end_bytes(b);
		heap->source->give(b);
		destroy(b);
		return err;
	}
	buffer_lock(b->buf);
	heap_buffer_set_movable(b, heap->kind == DMA_HEAP_CMA);
	buffer_unlock(b->buf);
	*out = b;
	return 0;
}

/* ---- check ---- */

static bool mark(struct fh_machine *m, uint64_t *seen, struct range run)
{
	uint64_t at = run.start - m->base_pfn, end = run.end - m->base_pfn;

	if (run.start < m->base_pfn || end > m->nr_blocks << FH_BLOCK_ORDER ||
	    bitmap_next_set(seen, at, end) < end)
		return false;
	bitmap_set(seen, at, end - at);
	return true;
}

unsigned int heap_buffer_check(struct heap_buffer *b, uint64_t *seen, struct fh_text *out)
{
	unsigned int broken = 0;
	uint64_t pages = 0;

	for (unsigned int i = 0; i < b->nr_runs; i++) {
		pages += b->run[i].end - b->run[i].start;
		if (mark(b->heap->m, seen, b->run[i]) && b->heap->source->has(b->heap, b->run[i]))
			continue;
		fh_text_add(out, "F2: frames %#llx to %#llx of buffer %llu are another's, too\n",
			    (unsigned long long)b->run[i].start, (unsigned long long)b->run[i].end,
			    (unsigned long long)b->buf->ino);
		broken++;
	}
	if (pages != b->pages || b->buf->size != pages << FH_PAGE_SHIFT) {
		fh_text_add(out, "F2: buffer %llu has %llu pages, counted %llu\n",
			    (unsigned long long)b->buf->ino, (unsigned long long)pages,
			    (unsigned long long)b->pages);
		broken++;
	}
	if (b->pins == buffer_of(b->buf)->pins && !(b->agreed && (b->pins || !b->movable)) &&
	    (!b->heap->area || b->agreed == agreed_is(b->heap->area, b->run[0].start)))
		return broken;
	fh_text_add(out, "F4: buffer %llu is pinned %u times, counted %u, and %sagreed\n",
		    (unsigned long long)b->buf->ino, buffer_of(b->buf)->pins, b->pins,
		    b->agreed ? "" : "not ");
	return broken + 1;
}
