/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Fences whose memory is ours: signaled by hand, or born done. */
#include <freehold/fence.h>
#include "base/string.h"
#include "mm/machine.h"

struct own {
	struct dma_fence f;
	char driver[32], timeline[32];
};

static const char *driver_name(struct dma_fence *f)
{
	return ((struct own *)f)->driver;
}

static const char *timeline_name(struct dma_fence *f)
{
	return ((struct own *)f)->timeline;
}

static void release(struct dma_fence *f)
{
	machine_free(f->machine, f, sizeof(struct own));
}

static const struct dma_fence_ops ops = {
	.get_driver_name = driver_name,
	.get_timeline_name = timeline_name,
	.release = release,
};

int dma_fence_create(struct fh_machine *m, const char *driver, const char *timeline,
		     uint64_t context, uint64_t seqno, struct dma_fence **f)
{
	struct own *o;
	int err;

	if (!m || !driver || !timeline || !f)
		return -FH_EINVAL;
	o = machine_alloc(m, sizeof(*o));
	if (!o)
		return -FH_ENOMEM;
	err = dma_fence_init(&o->f, m, &ops, context, seqno);
	fh_strcopy(o->driver, driver, sizeof(o->driver));
	fh_strcopy(o->timeline, timeline, sizeof(o->timeline));
	*f = &o->f;
	return err;
}

int dma_fence_stub(struct fh_machine *m, struct dma_fence **f)
{
	int err;

	if (!m)
		return -FH_EINVAL;
	err = dma_fence_create(m, "stub", "stub", dma_fence_context_alloc(m, 1), 0, f);
	return err ? err : dma_fence_signal(*f);
}
