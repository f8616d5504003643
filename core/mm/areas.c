/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The areas of a machine: making them, putting them into service, their figures. */
#include "base/bitmap.h"
#include "base/string.h"
#include "mm/budget.h"
#include "mm/machine.h"
#include "mm/terms.h"

unsigned int cma_get_compress(const struct cma *cma)
{
	return atomic_load_explicit(&cma->compress, memory_order_relaxed);
}

int cma_set_compress(struct cma *cma, unsigned int percent)
{
	const struct plat *plat = cma ? &cma->m->plat : NULL;

	if (!cma || percent > 100 ||
	    (percent && (!plat->compress || !plat->decompress || !plat->ram)))
		return -FH_EINVAL;
	if (percent)
		atomic_store_explicit(&cma->m->zpool.on, 1, memory_order_relaxed);
	fh_lock(&cma->m->areas_lock);
	atomic_store_explicit(&cma->compress, percent, memory_order_relaxed);
	machine_set_capacity(cma->m);
	fh_unlock(&cma->m->areas_lock);
	return 0;
}

struct cma *cma_find(struct fh_machine *m, const char *name)
{
	for (unsigned int i = 0; i < m->nr_areas; i++)
		if (fh_streq(m->area[i]->name, name))
			return m->area[i];
	return NULL;
}

struct cma *cma_default(struct fh_machine *m)
{
	return m->area_default;
}

int cma_for_each_area(struct fh_machine *m, int (*fn)(struct cma *cma, void *data), void *data)
{
	int r = 0;

	for (unsigned int i = 0; i < m->nr_areas && !r; i++)
		r = fn(m->area[i], data);
	return r;
}

const char *cma_get_name(const struct cma *cma)
{
	return cma->name;
}

phys_t cma_get_base(const struct cma *cma)
{
	return fh_pfn_to_phys(cma->ranges[0].base_pfn);
}

uint64_t cma_get_size(const struct cma *cma)
{
	return cma->count << FH_PAGE_SHIFT;
}

void cma_get_stats(struct cma *cma, struct cma_stats *stats)
{
	struct fh_machine *m = cma->m;
	uint64_t taken = 0;

	*stats = (struct cma_stats){
		.nr_pages_succeeded = cma->nr_pages_succeeded,
		.nr_pages_failed = cma->nr_pages_failed,
		.nr_pages_released = cma->nr_pages_released,
		.nr_allocs = cma->nr_allocs,
		.nr_fails = cma->nr_fails,
		.pages_migrated = cma->pages_migrated,
		.pages_dropped = cma->pages_dropped,
		.exchanged_out = cma->exchange.out,
		.exchanged_in = cma->exchange.in,
		.exchange_ns = cma->exchange.ns,
		.spared = cma->exchange.spared,
		.exchange_back_ns = cma->exchange.back_ns,
		.spared_ns = cma->exchange.saved_ns,
	};
	fh_lock(&cma->lock);
	stats->used = cma->count - cma->available_count;
	stats->used_max = cma->used_max;
	fh_unlock(&cma->lock);
	for (unsigned int i = 0; i < cma->nranges; i++) {
		uint64_t first = machine_block(m, cma->ranges[i].base_pfn);

		for (uint64_t b = first; b < first + area_nr_blocks(&cma->ranges[i]); b++)
			taken += FH_BLOCK_PAGES - block_peek(m, b).free;
	}
	stats->lent = taken > stats->used ? taken - stats->used : 0;
}

/* Nothing but reserved frames, in whole blocks, all of ZONE_MOVABLE or none, and no other area. */
static bool range_is_fit(struct fh_machine *m, struct range pfns)
{
	uint64_t first = machine_block(m, pfns.start);

	if (!machine_in_bank(m, pfns) || !machine_is_reserved(m, pfns))
		return false;
	for (uint64_t b = first; b < machine_block(m, pfns.end); b++) {
		struct block_state s = block_peek(m, b);

		if (s.area || s.free ||
		    (s.zone == ZONE_MOVABLE) != (block_peek(m, first).zone == ZONE_MOVABLE))
			return false;
	}
	return true;
}

/* Gives the area another range: its bitmap, and the mark on its blocks. */
static int add_range(struct cma *cma, struct range pfns)
{
	struct fh_machine *m = cma->m;
	struct cma_memrange *r = &cma->ranges[cma->nranges];
	uint64_t nr = pfns.end - pfns.start;

	r->bitmap = machine_alloc(m, bitmap_words(nr >> cma->order_per_bit) * sizeof(uint64_t));
	r->block = machine_alloc(m, (nr >> FH_BLOCK_ORDER) * sizeof(r->block[0]));
	if (!r->bitmap || !r->block) {
		machine_free(m, r->bitmap, bitmap_words(nr >> cma->order_per_bit) * 8);
		machine_free(m, r->block, (nr >> FH_BLOCK_ORDER) * sizeof(r->block[0]));
		return -FH_ENOMEM;
	}
	r->base_pfn = pfns.start;
	r->count = nr;
	cma->nranges++;
	cma->count += nr;
	cma->available_count += nr;
	for (uint64_t b = machine_block(m, pfns.start); b < machine_block(m, pfns.end); b++) {
		struct block_state old = block_lock(m, b), new = old;

		new.area = (uint8_t)(cma->id + 1);
		new.type = MIGRATE_CMA;
		new.lend = BLOCK_LEND_NONE;
		block_unlock(m, b, old, new);
	}
	return 0;
}

static struct cma *area_new(struct fh_machine *m, struct range pfns, unsigned int order_per_bit,
			    const char *name)
{
	struct cma *cma = machine_alloc(m, sizeof(*cma));

	if (!cma)
		return NULL;
	cma->m = m;
	cma->id = m->nr_areas;
	cma->order_per_bit = order_per_bit;
	fh_lock_init(&cma->lock, RANK_CMA);
	atomic_init(&cma->policy, m->cfg.policy);
	atomic_init(&cma->share, 100);
	if (name)
		fh_strcopy(cma->name, name, sizeof(cma->name));
	else
		fh_snprintf(cma->name, sizeof(cma->name), "cma%u", cma->id);
	if (add_range(cma, pfns)) {
		machine_free(m, cma, sizeof(*cma));
		return NULL;
	}
	return cma;
}

/* Whole blocks within 64 bits of bytes; a bitmap bit is never more than a block. */
static bool is_whole(phys_t base, uint64_t size)
{
	const uint64_t unit = FH_PAGE_SIZE << FH_BLOCK_ORDER;

	return size && base.v + size >= base.v && !((base.v | size) & (unit - 1));
}

static struct range pfns_of(phys_t base, uint64_t size)
{
	return (struct range){fh_phys_to_pfn(base), fh_phys_to_pfn((phys_t){base.v + size})};
}

int cma_init_reserved_mem(struct fh_machine *m, phys_t base, uint64_t size,
			  unsigned int order_per_bit, const char *name, struct cma **cma)
{
	int err = 0;

	if (!m || !cma || order_per_bit > FH_BLOCK_ORDER || !is_whole(base, size) ||
	    (name && fh_strlen(name) >= CMA_MAX_NAME))
		return -FH_EINVAL;
	fh_lock(&m->areas_lock);
	if (m->nr_areas == CMA_MAX_AREAS)
		err = -FH_ENOSPC;
	else if (name && cma_find(m, name))
		err = -FH_EEXIST;
	else if (!range_is_fit(m, pfns_of(base, size)))
		err = -FH_EINVAL;
	if (!err) {
		struct cma *c = area_new(m, pfns_of(base, size), order_per_bit, name);

		if (c)
			m->area[m->nr_areas++] = *cma = c;
		else
			err = -FH_ENOMEM;
	}
	fh_unlock(&m->areas_lock);
	return err;
}

int cma_add_reserved_mem(struct cma *cma, phys_t base, uint64_t size)
{
	int err;

	if (!cma || !is_whole(base, size))
		return -FH_EINVAL;
	fh_lock(&cma->m->areas_lock);
	if (cma->active)
		err = -FH_EBUSY;
	else if (cma->nranges == CMA_MAX_RANGES)
		err = -FH_ENOSPC;
	else if (!range_is_fit(cma->m, pfns_of(base, size)))
		err = -FH_EINVAL;
	else
		err = add_range(cma, pfns_of(base, size));
	fh_unlock(&cma->m->areas_lock);
	return err;
}

/* A block of an area becomes free memory, lendable by the area's policy. */
static void activate_block(struct cma *cma, struct area_block *ab, uint64_t nth, uint64_t block)
{
	struct fh_machine *m = cma->m;
	struct block_state old, new;

	for (unsigned int i = 0; i < FH_BLOCK_PAGES; i++)
		frame_set(m, &m->frames[block][i], FRAME_RAW);
	new = old = block_lock(m, block);
	new.special = false;
	atomic_store_explicit(&ab->lent, terms_is_lent(cma, ab, nth), memory_order_relaxed);
	new.lend = terms_lend(cma, ab);
	block_free_run(m, block, &new, 0, FH_BLOCK_ORDER);
	block_unlock(m, block, old, new);
	m->zone[old.zone].managed += FH_BLOCK_PAGES;
	budget_add(m, FH_BLOCK_PAGES);
	zone_add(&m->zone[old.zone].cma_pages, FH_BLOCK_PAGES);
}

int cma_init_reserved_areas(struct fh_machine *m)
{
	if (!m)
		return -FH_EINVAL;
	fh_lock(&m->areas_lock);
	for (unsigned int i = 0; i < m->nr_areas; i++) {
		struct cma *cma = m->area[i];

		if (cma->active)
			continue;
		for (unsigned int r = 0, nth = 0; r < cma->nranges; r++) {
			struct cma_memrange *range = &cma->ranges[r];
			uint64_t first = machine_block(m, range->base_pfn);

			for (uint64_t i = 0; i < area_nr_blocks(range); i++)
				activate_block(cma, &range->block[i], nth++, first + i);
		}
		cma->active = true;
		atomic_fetch_add_explicit(&m->nr_area, (int64_t)cma->count, memory_order_relaxed);
	}
	machine_set_capacity(m);
	zones_set_watermarks(m);
	fh_unlock(&m->areas_lock);
	return 0;
}
