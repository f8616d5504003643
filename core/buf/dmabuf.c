/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A shared buffer: export, references, name, list. */
#include "base/string.h"
#include "buf/dmabuf.h"
#include "buf/resv.h"

void buffer_lock(struct dma_buf *buf)
{
	/* Without a context it only ever waits. */
	if (dma_resv_lock(buf->resv, NULL))
		buf->machine->plat.stop(buf->machine->plat.ctx, "a buffer's reservation");
}

void buffer_unlock(struct dma_buf *buf)
{
	dma_resv_unlock(buf->resv);
}

/* ---- birth ---- */

static bool export_ok(const struct dma_buf_export_info *i)
{
	return i && i->machine && i->machine->buf && i->size && !(i->size & (FH_PAGE_SIZE - 1)) &&
	       i->exp_name && i->ops && i->ops->map_dma_buf && i->ops->unmap_dma_buf &&
	       i->ops->release && !i->ops->pin == !i->ops->unpin &&
	       !i->ops->vmap == !i->ops->vunmap && !i->ops->mmap == !i->ops->munmap &&
	       (!i->resv || i->resv->machine == i->machine);
}

static void enlist(struct buffer *b)
{
	struct fh_buf *all = b->pub.machine->buf;

	fh_lock(&all->lock);
	b->pub.ino = ++all->last_ino;
	b->next = all->buffers;
	if (b->next)
		b->next->prev = b;
	all->buffers = b;
	tree_insert(&all->by_ino, &b->by_ino, b->pub.ino, 0);
	all->nr_buffers++;
	all->bytes += b->pub.size;
	fh_unlock(&all->lock);
}

static void unlist(struct buffer *b)
{
	struct fh_buf *all = b->pub.machine->buf;

	fh_lock(&all->lock);
	if (b->next)
		b->next->prev = b->prev;
	if (b->prev)
		b->prev->next = b->next;
	else
		all->buffers = b->next;
	tree_remove(&all->by_ino, &b->by_ino);
	all->nr_buffers--;
	all->bytes -= b->pub.size;
	fh_unlock(&all->lock);
}

int dma_buf_export(const struct dma_buf_export_info *info, struct dma_buf **buf)
{
	struct buffer *b;

	if (!export_ok(info) || !buf)
		return -FH_EINVAL;
	b = machine_alloc(info->machine, sizeof(*b));
	if (!b)
		return -FH_ENOMEM;
	b->pub = (struct dma_buf){.machine = info->machine,
				  .size = info->size,
				  .exp_name = info->exp_name,
				  .ops = info->ops,
				  .resv = info->resv ? info->resv : &b->own,
				  .priv = info->priv};
	b->refs = 1;
	b->born_ns = machine_clock(info->machine);
	dma_resv_init(&b->own, info->machine);
	fh_lock_init(&b->name_lock, RANK_LEAF);
	enlist(b);
	*buf = &b->pub;
	return 0;
}

/* ---- references ---- */

struct dma_buf *get_dma_buf(struct dma_buf *buf)
{
	if (buf)
		atomic_fetch_add_explicit(&buffer_of(buf)->refs, 1, memory_order_relaxed);
	return buf;
}

/* Under the list's lock: it may be leaving. */
static bool get_if_alive(struct buffer *b)
{
	uint32_t refs = atomic_load_explicit(&b->refs, memory_order_relaxed);

	while (refs)
		if (atomic_compare_exchange_weak_explicit(
			    &b->refs, &refs, refs + 1, memory_order_relaxed, memory_order_relaxed))
			return true;
	return false;
}

static void end(struct buffer *b)
{
	unlist(b);
	b->pub.ops->release(&b->pub);
	dma_resv_fini(&b->own);
	machine_free(b->pub.machine, b, sizeof(*b));
}

void dma_buf_put(struct dma_buf *buf)
{
	/* No separate fence: ThreadSanitizer does not see those. */
	if (buf && atomic_fetch_sub_explicit(&buffer_of(buf)->refs, 1, memory_order_acq_rel) == 1)
		end(buffer_of(buf));
}

static struct buffer *of_ino(struct tree_node *n)
{
	return n ? (struct buffer *)((char *)n - offsetof(struct buffer, by_ino)) : NULL;
}

int dma_buf_find(struct fh_machine *m, uint64_t ino, struct dma_buf **buf)
{
	struct buffer *b;
	bool alive;

	if (!m || !m->buf || !buf)
		return -FH_EINVAL;
	fh_lock(&m->buf->lock);
	b = of_ino(tree_find(&m->buf->by_ino, ino));
	alive = b && get_if_alive(b);
	fh_unlock(&m->buf->lock);
	if (!alive)
		return -FH_ENOENT;
	*buf = &b->pub;
	return 0;
}

struct dma_buf *buffer_next(struct fh_machine *m, struct dma_buf *buf)
{
	struct buffer *b;

	fh_lock(&m->buf->lock);
	for (b = buf ? buffer_of(buf)->next : m->buf->buffers; b && !get_if_alive(b); b = b->next)
		;
	fh_unlock(&m->buf->lock);
	dma_buf_put(buf);
	return b ? &b->pub : NULL;
}

/* ---- its name ---- */

void dma_buf_set_name(struct dma_buf *buf, const char *name)
{
	struct buffer *b = buf ? buffer_of(buf) : NULL;
	size_t n = 0;

	if (!b || !name)
		return;
	fh_lock(&b->name_lock);
	for (; n < sizeof(b->name) - 1 && name[n]; n++)
		b->name[n] = name[n];
	b->name[n] = '\0';
	fh_unlock(&b->name_lock);
}

void dma_buf_get_name(struct dma_buf *buf, char name[DMA_BUF_NAME_MAX])
{
	name[0] = '\0';
	if (!buf)
		return;
	fh_lock(&buffer_of(buf)->name_lock);
	memcpy(name, buffer_of(buf)->name, DMA_BUF_NAME_MAX);
	fh_unlock(&buffer_of(buf)->name_lock);
}

/* ---- all of a machine ---- */

void buffers_forget_all(struct fh_machine *m)
{
	while (m->buf->buffers) {
		struct buffer *b = m->buf->buffers;

		while (b->attachments) {
			atomic_store(&b->refs, 2);
			dma_buf_detach(&b->pub, b->attachments);
		}
		atomic_store(&b->refs, 1);
		dma_buf_put(&b->pub);
	}
}

static unsigned int check_one(struct buffer *b, struct fh_text *out)
{
	unsigned int broken = 0, nr = 0, pins = b->vmaps + b->mmaps;

	for (const struct dma_buf_attachment *a = b->attachments; a; a = a->next) {
		nr++;
		pins += a->pins;
		if (a->dmabuf != &b->pub || !a->sgt != !a->maps) {
			fh_text_add(out, "F1: buffer %llu: an attachment with %u maps\n",
				    (unsigned long long)b->pub.ino, a->maps);
			broken++;
		}
	}
	if (nr != b->nr_attachments || pins != b->pins || b->refs < nr + b->mmaps) {
		fh_text_add(out,
			    "F1: buffer %llu: %u attachments, counted %u; %u pins, counted %u; %u "
			    "references\n",
			    (unsigned long long)b->pub.ino, nr, b->nr_attachments, pins, b->pins,
			    (unsigned int)b->refs);
		broken++;
	}
	return broken + resv_check(b->pub.resv, b->pub.exp_name, out);
}

unsigned int buffers_check(struct fh_machine *m, struct fh_text *out)
{
	uint64_t nr = 0, bytes = 0;
	unsigned int broken = 0;

	for (struct buffer *b = m->buf->buffers; b; b = b->next) {
		nr++;
		bytes += b->pub.size;
		broken += check_one(b, out);
		if (of_ino(tree_find(&m->buf->by_ino, b->pub.ino)) != b) {
			fh_text_add(out, "F1: buffer %llu is not found by its number\n",
				    (unsigned long long)b->pub.ino);
			broken++;
		}
	}
	if (nr == m->buf->nr_buffers && bytes == m->buf->bytes && nr == m->buf->by_ino.nr &&
	    tree_is_sound(&m->buf->by_ino))
		return broken;
	fh_text_add(out,
		    "F1: %llu buffers of %llu bytes, counted %llu of %llu, with numbers %llu\n",
		    (unsigned long long)nr, (unsigned long long)bytes,
		    (unsigned long long)m->buf->nr_buffers, (unsigned long long)m->buf->bytes,
		    (unsigned long long)m->buf->by_ino.nr);
	return broken + 1;
}
