/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/dmabuf.h> with an exporter that only counts: references in any order, mappings, pins, moves, turns. */
#include <string.h>
#include <freehold/dmabuf.h>
#include <freehold/object.h>
#include "buf/dmabuf.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;
static struct device dev, other;

/* The exporter: what was called how often, and what it says next. */
static struct {
	unsigned int attached, detached, pinned, unpinned, mapped, unmapped, released, begun, ended;
	unsigned int shown, hidden, vmapped, vunmapped, notified;
	int refuse;
	struct sg_table sgt;
} x;

static int x_attach(struct dma_buf *buf, struct dma_buf_attachment *att)
{
	(void)buf, (void)att;
	x.attached++;
	return x.refuse;
}

static void x_detach(struct dma_buf *buf, struct dma_buf_attachment *att)
{
	(void)buf, (void)att;
	x.detached++;
}

static int x_pin(struct dma_buf_attachment *att)
{
	T_OK(dma_resv_is_locked(att->dmabuf->resv), "locked");
	x.pinned += !x.refuse;
	return x.refuse;
}

static void x_unpin(struct dma_buf_attachment *att)
{
	T_OK(dma_resv_is_locked(att->dmabuf->resv), "locked");
	x.unpinned++;
}

static int x_map(struct dma_buf_attachment *att, enum dma_data_direction dir, struct sg_table **sgt)
{
	(void)dir;
	T_OK(dma_resv_is_locked(att->dmabuf->resv), "locked");
	if (x.refuse)
		return x.refuse;
	x.mapped++;
	*sgt = &x.sgt;
	return 0;
}

static void x_unmap(struct dma_buf_attachment *att, struct sg_table *sgt,
		    enum dma_data_direction dir)
{
	(void)dir;
	T_OK(dma_resv_is_locked(att->dmabuf->resv), "locked");
	T_OK(sgt == &x.sgt, "the table that it gave");
	x.unmapped++;
}

static void x_release(struct dma_buf *buf)
{
	(void)buf;
	x.released++;
}

static int x_begin(struct dma_buf *buf, enum dma_data_direction dir)
{
	(void)buf, (void)dir;
	x.begun++;
	return x.refuse;
}

static int x_end(struct dma_buf *buf, enum dma_data_direction dir)
{
	(void)buf, (void)dir;
	x.ended++;
	return 0;
}

static int x_mmap(struct dma_buf *buf, struct fh_space *space, uint64_t va, struct range part)
{
	(void)buf, (void)space, (void)va, (void)part;
	x.shown += !x.refuse;
	return x.refuse;
}

static void x_munmap(struct dma_buf *buf, struct fh_space *space, uint64_t va, struct range part)
{
	(void)buf, (void)space, (void)va, (void)part;
	x.hidden++;
}

static int x_vmap(struct dma_buf *buf, void **cpu)
{
	(void)buf;
	if (x.refuse)
		return x.refuse;
	x.vmapped++;
	*cpu = &x;
	return 0;
}

static void x_vunmap(struct dma_buf *buf, void *cpu)
{
	(void)buf;
	T_OK(cpu == &x, "what vmap gave");
	x.vunmapped++;
}

static const struct dma_buf_ops ops = {
	.attach = x_attach,
	.detach = x_detach,
	.pin = x_pin,
	.unpin = x_unpin,
	.map_dma_buf = x_map,
	.unmap_dma_buf = x_unmap,
	.release = x_release,
	.begin_cpu_access = x_begin,
	.end_cpu_access = x_end,
	.mmap = x_mmap,
	.munmap = x_munmap,
	.vmap = x_vmap,
	.vunmap = x_vunmap,
};

static void notified(struct dma_buf_attachment *att)
{
	T_OK(dma_resv_is_locked(att->dmabuf->resv), "locked");
	x.notified++;
}

static const struct dma_buf_attach_ops importer = {.move_notify = notified};

static bool start(void)
{
	memset(&x, 0, sizeof(x));
	m = testplat_start(&tp, 16, 0, CMA_POLICY_GUARANTEED, 1);
	dev = (struct device){.machine = m, .name = "codec"};
	other = (struct device){.machine = m, .name = "display"};
	return m;
}

static struct dma_buf *export(void)
{
	struct dma_buf_export_info info = {
		.machine = m, .exp_name = "counter", .ops = &ops, .size = 3 * FH_PAGE_SIZE};
	struct dma_buf *buf = NULL;

	T_EQ(dma_buf_export(&info, &buf), 0);
	return buf;
}

/* ---- references ---- */

static void any_order(void)
{
	struct dma_buf_attachment *a, *b;
	struct dma_buf *buf, *found;

	if (!start())
		return;
	for (unsigned int order = 0; order < 6; order++) {
		static const unsigned int turns[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
							 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

		buf = export();
		T_EQ(dma_buf_attach(buf, &dev, &a), 0);
		T_EQ(dma_buf_attach(buf, &other, &b), 0);
		T_EQ(dma_buf_find(m, buf->ino, &found), 0);
		T_OK(found == buf, "the same");
		dma_buf_put(found);
		for (unsigned int i = 0; i < 3; i++) {
			T_EQ(x.released, order);
			T_OK(buf->size == 3 * FH_PAGE_SIZE, "alive");
			if (turns[order][i] == 0)
				dma_buf_detach(buf, a);
			else if (turns[order][i] == 1)
				dma_buf_detach(buf, b);
			else
				dma_buf_put(buf);
		}
		T_EQ(x.released, order + 1);
	}
	T_EQ(x.detached, 12);
	testplat_end(&tp, m);
}

static void walk(void)
{
	struct dma_buf *buf[3], *at = NULL;
	uint64_t last = UINT64_MAX;
	unsigned int n = 0;

	if (!start())
		return;
	T_EQ(dma_buf_find(m, 1, &at), -FH_ENOENT);
	for (unsigned int i = 0; i < 3; i++)
		buf[i] = export();
	while ((at = buffer_next(m, at))) {
		T_OK(at->ino < last, "newest first");
		last = at->ino;
		if (!n++)
			dma_buf_put(buf[2]); /* dies under the walk, and is left behind it */
	}
	T_EQ(n, 3);
	T_EQ(x.released, 1);
	last = buf[1]->ino;
	dma_buf_put(buf[1]);
	T_EQ(dma_buf_find(m, last, &at), -FH_ENOENT);
	buf[1] = export();
	T_OK(buf[1]->ino > last + 1, "a number is used once");
	dma_buf_put(buf[0]);
	dma_buf_put(buf[1]);
	testplat_end(&tp, m);
}

static void names(void)
{
	char name[DMA_BUF_NAME_MAX];
	struct dma_buf *buf;

	if (!start())
		return;
	buf = export();
	dma_buf_get_name(buf, name);
	T_STR(name, "");
	dma_buf_set_name(buf, "a name of more than thirty-one bytes");
	dma_buf_get_name(buf, name);
	T_STR(name, "a name of more than thirty-one ");
	dma_buf_set_name(buf, "");
	dma_buf_get_name(buf, name);
	T_STR(name, "");
	dma_buf_put(buf);
	testplat_end(&tp, m);
}

static void refusals(void)
{
	struct dma_buf_export_info good, bad[8];
	struct dma_buf_ops partial[4] = {ops, ops, ops, ops};
	struct dma_buf_attachment *a = NULL;
	struct fh_machine *twin;
	struct testplat tp2;
	struct device far;
	struct dma_buf *buf = NULL;
	struct sg_table *sgt;

	if (!start())
		return;
	good = (struct dma_buf_export_info){
		.machine = m, .exp_name = "counter", .ops = &ops, .size = FH_PAGE_SIZE};
	for (unsigned int i = 0; i < 8; i++)
		bad[i] = good;
	partial[0].map_dma_buf = NULL;
	partial[1].release = NULL;
	partial[2].unpin = NULL;
	partial[3].vunmap = NULL;
	bad[0].machine = NULL;
	bad[1].exp_name = NULL;
	bad[2].size = 0;
	bad[3].size = 100;
	for (unsigned int i = 0; i < 4; i++)
		bad[4 + i].ops = &partial[i];
	for (unsigned int i = 0; i < 8; i++)
		T_EQ(dma_buf_export(&bad[i], &buf), -FH_EINVAL);
	T_EQ(dma_buf_export(&good, NULL), -FH_EINVAL);
	T_OK(!buf, "untouched");

	buf = export();
	twin = testplat_start(&tp2, 16, 0, CMA_POLICY_GUARANTEED, 1);
	far = (struct device){.machine = twin};
	T_EQ(dma_buf_attach(buf, &far, &a), -FH_EINVAL);
	testplat_end(&tp2, twin);
	T_EQ(dma_buf_dynamic_attach(buf, &dev, NULL, NULL, &a), -FH_EINVAL);
	x.refuse = -FH_EBUSY;
	T_EQ(dma_buf_attach(buf, &dev, &a), -FH_EBUSY);
	T_EQ(x.detached, 0);
	x.refuse = 0;
	T_EQ(dma_buf_attach(buf, &dev, &a), 0);
	T_EQ(dma_buf_map_attachment_unlocked(a, DMA_NONE, &sgt), -FH_EINVAL);
	T_EQ(dma_buf_pin(a), -FH_EINVAL); /* for dynamic importers */
	T_EQ(dma_buf_begin_cpu_access(buf, DMA_NONE, 0), -FH_EINVAL);
	dma_buf_detach(buf, a);
	dma_buf_put(buf);
	testplat_end(&tp, m);
}

/* ---- mappings ---- */

static void maps_of_one(void)
{
	struct dma_buf_attachment *a;
	struct sg_table *sgt, *again;
	struct dma_buf *buf;

	if (!start())
		return;
	buf = export();
	T_EQ(dma_buf_attach(buf, &dev, &a), 0);
	T_OK(dma_buf_is_movable(buf), "nobody has it");
	x.refuse = -FH_ENOMEM; /* of pin */
	T_EQ(dma_buf_map_attachment_unlocked(a, DMA_TO_DEVICE, &sgt), -FH_ENOMEM);
	T_OK(dma_buf_is_movable(buf), "as before");
	x.refuse = 0;
	T_EQ(dma_buf_map_attachment_unlocked(a, DMA_TO_DEVICE, &sgt), 0);
	T_EQ(dma_buf_map_attachment_unlocked(a, DMA_TO_DEVICE, &again), 0);
	T_OK(again == sgt, "one mapping");
	T_EQ(x.mapped, 1);
	T_OK(!dma_buf_is_movable(buf), "an importer that is not dynamic keeps it in place");
	T_EQ(dma_buf_map_attachment_unlocked(a, DMA_FROM_DEVICE, &again), -FH_EBUSY);
	dma_buf_unmap_attachment_unlocked(a, sgt, DMA_TO_DEVICE);
	T_EQ(x.unmapped, 0);
	dma_buf_unmap_attachment_unlocked(a, sgt, DMA_TO_DEVICE);
	T_EQ(x.unmapped, 1);
	T_EQ(x.pinned, 1);
	T_EQ(x.unpinned, 1);
	T_OK(dma_buf_is_movable(buf), "it may move again");
	T_EQ(dma_buf_map_attachment_unlocked(a, DMA_FROM_DEVICE, &again), 0);
	dma_buf_detach(buf, a); /* with its mapping: said once */
	T_EQ(x.unmapped, 2);
	T_EQ(x.unpinned, 2);
	T_OK(strstr(m->dmesg.buf, "dma_buf: codec detaches buffer 1 while"), m->dmesg.buf);
	dma_buf_put(buf);
	testplat_end(&tp, m);
}

static void moves(void)
{
	struct dma_buf_attachment *a, *b;
	struct sg_table *sgt;
	struct dma_buf *buf;

	if (!start())
		return;
	buf = export();
	T_EQ(dma_buf_dynamic_attach(buf, &dev, &importer, NULL, &a), 0);
	T_EQ(dma_buf_attach(buf, &other, &b), 0);
	T_EQ(dma_buf_map_attachment_unlocked(a, DMA_TO_DEVICE, &sgt), 0);
	T_OK(dma_buf_is_movable(buf), "a dynamic importer can be told");
	buffer_lock(buf);
	dma_buf_move_notify(buf);
	T_EQ(x.notified, 1);
	T_EQ(x.unmapped, 1);
	dma_buf_unmap_attachment(a, sgt, DMA_TO_DEVICE); /* too late, and harmless */
	T_EQ(x.unmapped, 1);
	T_EQ(dma_buf_map_attachment(a, DMA_FROM_DEVICE, &sgt), 0);
	T_EQ(dma_buf_pin(a), 0);
	T_EQ(dma_buf_pin(a), 0);
	dma_buf_unpin(a);
	T_OK(!dma_buf_is_movable(buf), "pinned");
	dma_buf_unpin(a);
	dma_buf_unpin(a); /* one too many is none */
	T_OK(dma_buf_is_movable(buf), "not any more");
	T_EQ(x.pinned, 2);
	T_EQ(x.unpinned, 2);
	dma_buf_unmap_attachment(a, sgt, DMA_FROM_DEVICE);
	buffer_unlock(buf);
	dma_buf_detach(buf, b);
	dma_buf_put(buf);
	T_EQ(x.released, 0);
	dma_buf_detach(buf, a);
	T_EQ(x.released, 1);
	testplat_end(&tp, m);
}

static void addresses(void)
{
	struct range all = {0, 3}, beyond = {1, 4}, none = {1, 1};
	struct dma_buf *buf;
	void *p, *q;
	struct fh_space *space;

	if (!start())
		return;
	buf = export();
	T_EQ(fh_space_create(m, NULL, &space), 0);
	x.refuse = -FH_ENOMEM;
	T_EQ(dma_buf_vmap(buf, &p), -FH_ENOMEM);
	T_EQ(dma_buf_mmap(buf, space, 0, all), -FH_ENOMEM);
	T_OK(dma_buf_is_movable(buf), "as before");
	x.refuse = 0;
	T_EQ(dma_buf_vmap(buf, &p), 0);
	T_EQ(dma_buf_vmap(buf, &q), 0);
	T_OK(p == q && x.vmapped == 1, "one address");
	dma_buf_vunmap(buf);
	T_OK(!dma_buf_is_movable(buf), "one is left");
	dma_buf_vunmap(buf);
	dma_buf_vunmap(buf); /* one too many is none */
	T_EQ(x.vunmapped, 1);
	T_EQ(dma_buf_mmap(buf, space, 0, beyond), -FH_EINVAL);
	T_EQ(dma_buf_mmap(buf, space, 0, none), -FH_EINVAL);
	T_EQ(dma_buf_mmap(buf, space, 0, all), 0);
	T_OK(!dma_buf_is_movable(buf), "somebody sees it");
	dma_buf_put(buf);
	T_EQ(x.released, 0);
	dma_buf_munmap(buf, space, 0, all);
	T_EQ(x.released, 1);
	fh_space_destroy(space);
	testplat_end(&tp, m);
}

/* ---- turns ---- */

static struct dma_fence *fence(uint64_t context)
{
	struct dma_fence *f = NULL;

	T_EQ(dma_fence_create(m, "test", "line", context, 1, &f), 0);
	return f;
}

static void import(struct dma_buf *buf, unsigned int flags, struct dma_fence *f)
{
	struct sync_file *s;

	if (!T_EQ(sync_file_create(f, &s), 0))
		return;
	T_EQ(dma_buf_import_sync_file(buf, 0, s), -FH_EINVAL);
	T_EQ(dma_buf_import_sync_file(buf, 4, s), -FH_EINVAL);
	T_EQ(dma_buf_import_sync_file(buf, flags, s), 0);
	sync_file_put(s);
}

/* 0: not done; what a new user of that kind has to wait for. */
static int status_for(struct dma_buf *buf, unsigned int flags)
{
	struct dma_fence *f;
	struct sync_file *s;
	int status;

	if (!T_EQ(dma_buf_export_sync_file(buf, flags, &s), 0))
		return -1;
	f = sync_file_get_fence(s);
	status = dma_fence_get_status(f);
	dma_fence_put(f);
	sync_file_put(s);
	return status;
}

static void turns(void)
{
	uint64_t soon;
	struct dma_fence *reader, *writer;
	struct sync_file *s;
	struct dma_buf *buf;

	if (!start())
		return;
	buf = export();
	T_EQ(dma_buf_export_sync_file(buf, 0, &s), -FH_EINVAL);
	T_EQ(status_for(buf, DMA_BUF_SYNC_RW), 1);
	T_EQ(dma_buf_poll(buf, 7), DMA_BUF_POLLIN | DMA_BUF_POLLOUT);

	reader = fence(1);
	import(buf, DMA_BUF_SYNC_READ, reader);
	T_EQ(dma_buf_poll(buf, 7), DMA_BUF_POLLIN);
	T_EQ(dma_buf_poll(buf, DMA_BUF_POLLOUT), 0);
	T_EQ(status_for(buf, DMA_BUF_SYNC_READ), 1);
	T_EQ(status_for(buf, DMA_BUF_SYNC_WRITE), 0);
	T_EQ(dma_buf_begin_cpu_access(buf, DMA_FROM_DEVICE, 0), 0);
	T_EQ(x.begun, 1);
	soon = tp.plat.clock_ns(tp.plat.ctx) + 1000000;
	T_EQ(dma_buf_begin_cpu_access(buf, DMA_BIDIRECTIONAL, soon), -FH_ETIMEDOUT);
	T_EQ(x.begun, 1);

	writer = fence(2);
	import(buf, DMA_BUF_SYNC_WRITE, writer);
	T_EQ(dma_buf_poll(buf, 7), 0);
	T_EQ(status_for(buf, DMA_BUF_SYNC_READ), 0);
	T_EQ(dma_fence_signal(writer), 0);
	T_EQ(dma_buf_poll(buf, 7), DMA_BUF_POLLIN);
	T_EQ(dma_fence_signal(reader), 0);
	T_EQ(dma_buf_poll(buf, 7), DMA_BUF_POLLIN | DMA_BUF_POLLOUT);
	T_EQ(dma_buf_begin_cpu_access(buf, DMA_BIDIRECTIONAL, 0), 0);
	T_EQ(dma_buf_end_cpu_access(buf, DMA_BIDIRECTIONAL), 0);
	T_EQ(x.ended, 1);
	dma_fence_put(reader);
	dma_fence_put(writer);
	dma_buf_put(buf);
	testplat_end(&tp, m);
}

/* A static importer waits for who moved the memory; a dynamic one sees to it itself. */
static void after_a_move(void)
{
	struct dma_buf_attachment *a;
	struct dma_fence *f;
	struct sg_table *sgt;
	struct dma_buf *buf;

	if (!start())
		return;
	buf = export();
	f = fence(1);
	buffer_lock(buf);
	T_EQ(dma_resv_reserve_fences(buf->resv, 1), 0);
	dma_resv_add_fence(buf->resv, f, DMA_RESV_USAGE_KERNEL);
	buffer_unlock(buf);
	T_EQ(dma_buf_dynamic_attach(buf, &dev, &importer, NULL, &a), 0);
	T_EQ(dma_buf_map_attachment_unlocked(a, DMA_TO_DEVICE, &sgt), 0);
	dma_buf_unmap_attachment_unlocked(a, sgt, DMA_TO_DEVICE);
	dma_buf_detach(buf, a);

	T_EQ(dma_buf_attach(buf, &dev, &a), 0);
	m->plat.wait = NULL; /* it would wait: now it says that it cannot */
	T_EQ(dma_buf_map_attachment_unlocked(a, DMA_TO_DEVICE, &sgt), -FH_EINVAL);
	T_OK(dma_buf_is_movable(buf), "as before");
	m->plat.wait = tp.plat.wait;
	T_EQ(dma_fence_signal(f), 0);
	T_EQ(dma_buf_map_attachment_unlocked(a, DMA_TO_DEVICE, &sgt), 0);
	dma_buf_unmap_attachment_unlocked(a, sgt, DMA_TO_DEVICE);
	dma_buf_detach(buf, a);
	dma_fence_put(f);
	dma_buf_put(buf);
	testplat_end(&tp, m);
}

/* Buffers that live when their machine ends are released with it. */
static void the_end(void)
{
	struct dma_buf_attachment *a;
	struct sg_table *sgt;
	struct dma_buf *buf;

	if (!start())
		return;
	buf = export();
	T_EQ(dma_buf_attach(buf, &dev, &a), 0);
	T_EQ(dma_buf_map_attachment_unlocked(a, DMA_TO_DEVICE, &sgt), 0);
	export();
	testplat_end(&tp, m);
	T_EQ(x.released, 2);
	T_EQ(x.unmapped, 1);
	T_EQ(x.detached, 1);
}

const struct t_case t_cases[] = {T(any_order),	  T(walk),    T(names),	    T(refusals),
				 T(maps_of_one),  T(moves),   T(addresses), T(turns),
				 T(after_a_move), T(the_end), T_END};
