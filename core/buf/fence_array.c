/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Arrays: one fence for many, done with all of them or with the first. */
#include "buf/fence.h"
#include "mm/machine.h"

struct part {
	struct dma_fence_cb cb;
	struct dma_fence *f;
};

struct array {
	struct fence_group g;
	unsigned int nr, left; /* left: not given up yet, when it ends */
	bool hung;
	struct part part[];
};

static struct array *array_of(struct fence_group *g)
{
	return (struct array *)g;
}

static size_t array_size(unsigned int nr)
{
	return sizeof(struct array) + nr * sizeof(struct part);
}

/* One more than it waits for, until all hang: nobody looks in between. */
static void hang_all(struct array *a, struct fence_work *w)
{
	int32_t done = 1;

	a->hung = true;
	atomic_store_explicit(&a->g.pending, a->g.any ? 2 : (int32_t)a->nr + 1,
			      memory_order_relaxed);
	for (unsigned int i = 0; i < a->nr; i++)
		if (!fence_hang(a->part[i].f, &a->part[i].cb, &a->g, w))
			done++;
	atomic_fetch_sub_explicit(&a->g.pending, done, memory_order_acq_rel);
}

static bool array_update(struct fence_group *g, struct fence_work *w)
{
	struct array *a = array_of(g);
	int32_t error = 0;

	if (!a->hung)
		hang_all(a, w);
	if (atomic_load_explicit(&g->pending, memory_order_acquire) > 0)
		return false;
	for (unsigned int i = 0; i < a->nr && !error; i++)
		if (fence_done(a->part[i].f))
			error = fence_error(a->part[i].f);
	if (error)
		atomic_store_explicit(&g->f.error, error, memory_order_relaxed);
	return true;
}

static struct dma_fence *array_child(struct fence_group *g, struct fence_place *p)
{
	const struct array *a = array_of(g);

	return p->i < a->nr ? dma_fence_get(a->part[p->i++].f) : NULL;
}

static struct dma_fence *array_drop(struct fence_group *g)
{
	struct array *a = array_of(g);
	struct part *part;

	if (!a->left)
		return NULL;
	part = &a->part[--a->left];
	(void)dma_fence_remove_callback(part->f, &part->cb);
	return part->f;
}

static const struct fence_group_kind kind = {array_update, array_child, array_drop};

static const char *driver_name(struct dma_fence *f)
{
	(void)f;
	return "dma_fence_array";
}

static const char *timeline_name(struct dma_fence *f)
{
	(void)f;
	return "unbound";
}

static void release(struct dma_fence *f)
{
	machine_free(f->machine, f, array_size(((struct array *)f)->nr));
}

static const struct dma_fence_ops ops = {
	.get_driver_name = driver_name,
	.get_timeline_name = timeline_name,
	.release = release,
};

static int check(struct fh_machine *m, struct dma_fence *const *fence, unsigned int nr)
{
	if (!m || !nr || nr > INT32_MAX / 2)
		return -FH_EINVAL;
	for (unsigned int i = 0; i < nr; i++)
		if (!fence[i])
			return -FH_EINVAL;
	return 0;
}

int dma_fence_array_create(struct fh_machine *m, struct dma_fence *const *fence, unsigned int nr,
			   uint64_t context, uint64_t seqno, bool any, struct dma_fence **array)
{
	int err = check(m, fence, nr);
	struct array *a = err ? NULL : machine_alloc(m, array_size(nr));

	if (!a) {
		for (unsigned int i = 0; i < nr; i++)
			dma_fence_put(fence[i]);
		return err ? err : -FH_ENOMEM;
	}
	fence_group_init(&a->g, m, &ops, &kind);
	a->g.f.context = context;
	a->g.f.seqno = seqno;
	a->g.any = any;
	a->nr = a->left = nr;
	for (unsigned int i = 0; i < nr; i++)
		a->part[i].f = fence[i];
	*array = &a->g.f;
	return 0;
}
