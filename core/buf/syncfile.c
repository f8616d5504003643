/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a descriptor of a sync_file stands for: a fence, counted, with a name. */
#include "buf/fence.h"
#include "base/string.h"
#include "mm/machine.h"

struct sync_file {
	struct fh_machine *machine;
	_Atomic(uint32_t) refs;
	struct dma_fence *f;
	char name[SYNC_FILE_NAME_MAX]; /* "": the fence's */
};

/* The reference of f goes along. */
static int create(struct fh_machine *m, struct dma_fence *f, const char *name, struct sync_file **s)
{
	struct sync_file *n = machine_alloc(m, sizeof(*n));

	if (!n) {
		dma_fence_put(f);
		return -FH_ENOMEM;
	}
	n->machine = m;
	n->f = f;
	atomic_init(&n->refs, 1);
	fh_strcopy(n->name, name, sizeof(n->name));
	*s = n;
	return 0;
}

int sync_file_create(struct dma_fence *f, struct sync_file **s)
{
	return f && s ? create(f->machine, dma_fence_get(f), "", s) : -FH_EINVAL;
}

struct sync_file *sync_file_get(struct sync_file *s)
{
	if (s)
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void sync_file_put(struct sync_file *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
		return;
	dma_fence_put(s->f);
	machine_free(s->machine, s, sizeof(*s));
}

struct dma_fence *sync_file_get_fence(struct sync_file *s)
{
	return dma_fence_get(s->f);
}

int sync_file_merge(const char *name, struct sync_file *a, struct sync_file *b,
		    struct sync_file **merged)
{
	struct dma_fence *const fence[] = {a->f, b->f};
	struct dma_fence *f;
	int err = dma_fence_unwrap_merge(a->machine, fence, 2, &f);

	return err ? err : create(a->machine, f, name ? name : "", merged);
}

static void fill(struct sync_fence_info *info, struct dma_fence *f)
{
	fh_strcopy(info->obj_name, f->ops->get_timeline_name(f), sizeof(info->obj_name));
	fh_strcopy(info->driver_name, f->ops->get_driver_name(f), sizeof(info->driver_name));
	info->status = dma_fence_get_status(f);
	info->timestamp_ns = info->status ? f->timestamp_ns : 0;
}

static unsigned int fill_all(struct dma_fence *f, struct sync_fence_info *info, unsigned int n)
{
	unsigned int nr = 0;
	struct fence_walk w;

	fence_walk_begin(&w, f, FENCE_WALK_DONE);
	while ((f = fence_walk_next(&w))) {
		if (nr < n)
			fill(&info[nr], f);
		nr++;
		dma_fence_put(f);
	}
	fence_walk_end(&w);
	return nr;
}

unsigned int sync_file_info(struct sync_file *s, char name[SYNC_FILE_NAME_MAX], int32_t *status,
			    struct sync_fence_info *info, unsigned int n)
{
	struct dma_fence *f = s->f;

	if (s->name[0])
		fh_strcopy(name, s->name, SYNC_FILE_NAME_MAX);
	else
		fh_snprintf(name, SYNC_FILE_NAME_MAX, "%s-%s%llu-%llu", f->ops->get_driver_name(f),
			    f->ops->get_timeline_name(f), (unsigned long long)f->context,
			    (unsigned long long)f->seqno);
	*status = dma_fence_get_status(f);
	return fill_all(f, info, n);
}
