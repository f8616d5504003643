/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What CPUs do with a buffer: wait their turn, caches, addresses; and the fences of those outside. */
#include "buf/dmabuf.h"

/* ---- turns and caches ---- */

/* Who fills the buffer for a device writes it. */
static bool writes(enum dma_data_direction dir)
{
	return dir != DMA_FROM_DEVICE;
}

int dma_buf_sync_caches(struct dma_buf *buf, enum dma_data_direction dir, bool begin)
{
	if (!buf || dir >= DMA_NONE)
		return -FH_EINVAL;
	if (begin)
		return buf->ops->begin_cpu_access ? buf->ops->begin_cpu_access(buf, dir) : 0;
	return buf->ops->end_cpu_access ? buf->ops->end_cpu_access(buf, dir) : 0;
}

int dma_buf_begin_cpu_access(struct dma_buf *buf, enum dma_data_direction dir, uint64_t until_ns)
{
	int err;

	if (!buf || dir >= DMA_NONE)
		return -FH_EINVAL;
	/* The device is done first: what it has yet to write would not be in what caches drop now. */
	err = dma_resv_wait(buf->resv, dma_resv_usage_rw(writes(dir)), until_ns);
	return err ? err : dma_buf_sync_caches(buf, dir, true);
}

int dma_buf_end_cpu_access(struct dma_buf *buf, enum dma_data_direction dir)
{
	return dma_buf_sync_caches(buf, dir, false);
}

/* ---- addresses ---- */

int dma_buf_vmap(struct dma_buf *buf, void **cpu)
{
	struct buffer *b;
	int err = 0;

	if (!buf || !cpu || !buf->ops->vmap)
		return -FH_EINVAL;
	b = buffer_of(buf);
	buffer_lock(buf);
	if (!b->vmaps)
		err = buf->ops->vmap(buf, &b->cpu);
	if (!err) {
		b->vmaps++;
		b->pins++;
		*cpu = b->cpu;
	}
	buffer_unlock(buf);
	return err;
}

void dma_buf_vunmap(struct dma_buf *buf)
{
	struct buffer *b = buf ? buffer_of(buf) : NULL;

	if (!b)
		return;
	buffer_lock(buf);
	if (b->vmaps) {
		b->pins--;
		if (!--b->vmaps) {
			buf->ops->vunmap(buf, b->cpu);
			b->cpu = NULL;
		}
	}
	buffer_unlock(buf);
}

static bool part_ok(const struct dma_buf *buf, const struct fh_space *space, struct range part)
{
	return buf && space && buf->ops->mmap && part.start < part.end &&
	       part.end <= buf->size >> FH_PAGE_SHIFT;
}

int dma_buf_mmap(struct dma_buf *buf, struct fh_space *space, uint64_t va, struct range part)
{
	int err;

	if (!part_ok(buf, space, part))
		return -FH_EINVAL;
	buffer_lock(buf);
	err = buf->ops->mmap(buf, space, va, part);
	if (!err) {
		buffer_of(buf)->mmaps++;
		buffer_of(buf)->pins++;
	}
	buffer_unlock(buf);
	if (!err)
		get_dma_buf(buf);
	return err;
}

void dma_buf_munmap(struct dma_buf *buf, struct fh_space *space, uint64_t va, struct range part)
{
	bool was;

	if (!part_ok(buf, space, part))
		return;
	buffer_lock(buf);
	was = buffer_of(buf)->mmaps;
	if (was) {
		buf->ops->munmap(buf, space, va, part);
		buffer_of(buf)->mmaps--;
		buffer_of(buf)->pins--;
	}
	buffer_unlock(buf);
	if (was)
		dma_buf_put(buf);
}

/* ---- fences from outside ---- */

unsigned int dma_buf_poll(struct dma_buf *buf, unsigned int events)
{
	unsigned int ready = 0;

	if (!buf)
		return 0;
	if (events & DMA_BUF_POLLIN && dma_resv_test_signaled(buf->resv, dma_resv_usage_rw(false)))
		ready |= DMA_BUF_POLLIN;
	if (events & DMA_BUF_POLLOUT && dma_resv_test_signaled(buf->resv, dma_resv_usage_rw(true)))
		ready |= DMA_BUF_POLLOUT;
	return ready;
}

static bool flags_ok(unsigned int flags)
{
	return flags && !(flags & ~(unsigned int)DMA_BUF_SYNC_RW);
}

int dma_buf_export_sync_file(struct dma_buf *buf, unsigned int flags, struct sync_file **s)
{
	struct dma_fence *f = NULL;
	int err;

	if (!buf || !s || !flags_ok(flags))
		return -FH_EINVAL;
	err = dma_resv_get_singleton(buf->resv, dma_resv_usage_rw(flags & DMA_BUF_SYNC_WRITE), &f);
	if (!err && !f)
		err = dma_fence_stub(buf->machine, &f);
	if (!err)
		err = sync_file_create(f, s);
	dma_fence_put(f);
	return err;
}

struct adding {
	struct dma_resv *resv;
	enum dma_resv_usage usage;
	unsigned int nr;
};

static bool count_one(struct dma_fence *f, void *arg)
{
	struct adding *a = arg;

	(void)f;
	a->nr++;
	return true;
}

/* Those that were done when they were counted are done now: never more than there is room for. */
static bool add_one(struct dma_fence *f, void *arg)
{
	struct adding *a = arg;

	dma_resv_add_fence(a->resv, f, a->usage);
	return true;
}

int dma_buf_import_sync_file(struct dma_buf *buf, unsigned int flags, struct sync_file *s)
{
	struct adding a = {.usage = flags & DMA_BUF_SYNC_WRITE ? DMA_RESV_USAGE_WRITE
							       : DMA_RESV_USAGE_READ};
	struct dma_fence *f;
	int err = 0;

	if (!buf || !s || !flags_ok(flags))
		return -FH_EINVAL;
	a.resv = buf->resv;
	f = sync_file_get_fence(s);
	dma_fence_unwrap_for_each(f, count_one, &a);
	buffer_lock(buf);
	if (a.nr)
		err = dma_resv_reserve_fences(buf->resv, a.nr);
	if (a.nr && !err)
		dma_fence_unwrap_for_each(f, add_one, &a);
	buffer_unlock(buf);
	dma_fence_put(f);
	return err;
}
