/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pools over regions of their own. */
#include "base/string.h"
#include "dma/coherent.h"

static int add(struct fh_machine *m, const struct boot_region *r, pfn_t start, pfn_t end)
{
	struct dma_coherent_mem *mem = machine_alloc(m, sizeof(*mem)), **at;
	int err;

	if (!mem)
		return -FH_ENOMEM;
	fh_strcopy(mem->name, r->name, sizeof(mem->name));
	err = chunk_create(m, start, end - start, true, &mem->chunk);
	if (err) {
		machine_free(m, mem, sizeof(*mem));
		return err;
	}
	for (at = &m->dma->pools; *at; at = &(*at)->next)
		;
	*at = mem;
	if (r->flags & BOOT_REGION_DMA_DEFAULT)
		m->dma->global = mem;
	return 0;
}

int coherent_start(struct fh_machine *m)
{
	int err = 0;

	for (unsigned int i = 0; i < m->cfg.nr_regions && !err; i++) {
		const struct boot_region *r = &m->cfg.region[i];

		pfn_t start = (r->base + FH_PAGE_SIZE - 1) >> FH_PAGE_SHIFT;
		pfn_t end = (r->base + r->size) >> FH_PAGE_SHIFT;

		if (r->kind == BOOT_REGION_DMA_POOL && !(r->flags & BOOT_REGION_MORE) &&
		    start < end)
			err = add(m, r, start, end);
	}
	return err;
}

void coherent_end(struct fh_machine *m)
{
	while (m->dma->pools) {
		struct dma_coherent_mem *mem = m->dma->pools;

		m->dma->pools = mem->next;
		chunk_destroy(m, mem->chunk);
		machine_free(m, mem, sizeof(*mem));
	}
	m->dma->global = NULL;
}

struct dma_coherent_mem *dma_pool_of_region(struct fh_machine *m, const char *name)
{
	struct dma_coherent_mem *mem = m->dma->pools;

	while (mem && !fh_streq(mem->name, name))
		mem = mem->next;
	return mem;
}

struct dma_coherent_mem *coherent_find(struct fh_machine *m, pfn_t pfn, uint64_t nr)
{
	struct dma_coherent_mem *mem = m->dma->pools;

	while (mem && !chunk_has(mem->chunk, pfn, nr))
		mem = mem->next;
	return mem;
}

unsigned int coherent_check(struct fh_machine *m, struct fh_text *out)
{
	unsigned int broken = 0;

	for (struct dma_coherent_mem *mem = m->dma->pools; mem; mem = mem->next)
		broken += chunk_check(mem->chunk, mem->name, out);
	return broken;
}
