/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Buffers with addresses or frames of their own, found by their bus address. */
#include "dma/remap.h"

struct dma_remaps {
	struct fh_lock lock;
	struct dma_remap *bucket[REMAP_BUCKETS];
};

int remap_start(struct fh_machine *m)
{
	m->dma->remaps = machine_alloc(m, sizeof(*m->dma->remaps));
	if (!m->dma->remaps)
		return -FH_ENOMEM;
	fh_lock_init(&m->dma->remaps->lock, RANK_LEAF);
	return 0;
}

/* Buffers that are still out: the machine goes, and all with it. */
void remap_end(struct fh_machine *m)
{
	struct dma_remap *r, *next;

	for (unsigned int i = 0; m->dma->remaps && i < REMAP_BUCKETS; i++)
		for (r = m->dma->remaps->bucket[i]; r; r = next) {
			next = r->next;
			if (r->mapped)
				m->plat.vunmap(m->plat.ctx, r->cpu, r->pages);
			machine_free(m, r, remap_size(r->nr_runs));
		}
	machine_free(m, m->dma->remaps, sizeof(*m->dma->remaps));
	m->dma->remaps = NULL;
}

/* Buffers are aligned to their size mostly, so that the low bits alone would be much the same. */
static struct dma_remap **bucket(struct fh_machine *m, dma_t handle)
{
	uint64_t page = handle.v >> FH_PAGE_SHIFT;

	return &m->dma->remaps->bucket[(page * UINT64_C(0x9e3779b97f4a7c15)) >> 56];
}

void remap_keep(struct fh_machine *m, struct dma_remap *r)
{
	struct dma_remap **at = bucket(m, r->handle);

	_Static_assert(REMAP_BUCKETS == 256, "the top eight bits choose");
	fh_lock(&m->dma->remaps->lock);
	r->next = *at;
	*at = r;
	fh_unlock(&m->dma->remaps->lock);
}

static struct dma_remap **find(struct fh_machine *m, const struct device *dev, dma_t handle,
			       uint64_t pages)
{
	struct dma_remap **at = bucket(m, handle);

	while (*at && ((*at)->dev != dev || (*at)->handle.v != handle.v || (*at)->pages != pages))
		at = &(*at)->next;
	return at;
}

struct dma_remap *remap_take(struct fh_machine *m, const struct device *dev, dma_t handle,
			     uint64_t pages)
{
	struct dma_remap **at, *r;

	fh_lock(&m->dma->remaps->lock);
	at = find(m, dev, handle, pages);
	r = *at;
	if (r)
		*at = r->next;
	fh_unlock(&m->dma->remaps->lock);
	return r;
}

struct dma_remap *remap_find(struct fh_machine *m, const struct device *dev, dma_t handle,
			     uint64_t pages)
{
	struct dma_remap *r;

	fh_lock(&m->dma->remaps->lock);
	r = *find(m, dev, handle, pages);
	fh_unlock(&m->dma->remaps->lock);
	return r;
}
