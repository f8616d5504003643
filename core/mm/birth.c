/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The order of birth of a machine on one page, from a boot_config to areas in service. */
#include "base/bits.h"
#include "base/string.h"
#include "mm/budget.h"
#include "mm/machine.h"
#include "mm/owner.h"

static enum zone_type zone_by_limits(const struct boot_config *cfg, uint64_t phys)
{
	if (phys < cfg->dma_limit)
		return ZONE_DMA;
	return phys < cfg->dma32_limit ? ZONE_DMA32 : ZONE_NORMAL;
}

static enum zone_type zone_of_pfn(const struct fh_machine *m, pfn_t pfn)
{
	const struct boot_config *cfg = &m->cfg;
	const struct boot_bank *last = &cfg->bank[cfg->nr_banks - 1];
	uint64_t phys = fh_pfn_to_phys(pfn).v;
	enum zone_type zone = zone_by_limits(cfg, phys);

	if (cfg->movable_start && phys >= cfg->movable_start &&
	    zone == zone_by_limits(cfg, last->base + last->size - 1))
		return ZONE_MOVABLE;
	return zone;
}

/* 1. What spans what. */
static int find_span(struct fh_machine *m)
{
	const struct boot_config *cfg = &m->cfg;
	const uint64_t pair = FH_PAGE_SIZE << FH_MAX_ORDER, block = FH_PAGE_SIZE << FH_BLOCK_ORDER;
	uint64_t start, end, last = 0;

	if (!cfg->nr_banks || cfg->nr_banks > BOOT_MAX_BANKS || !cfg->nr_cpus ||
	    cfg->nr_regions > BOOT_MAX_REGIONS ||
	    (cfg->dma_limit | cfg->dma32_limit | cfg->movable_start) & (block - 1))
		return -FH_EINVAL;
	for (unsigned int i = 0; i < cfg->nr_banks; i++) {
		const struct boot_bank *b = &cfg->bank[i];

		if (!b->size || (b->base | b->size) & (FH_PAGE_SIZE - 1) || b->base < last ||
		    b->base + b->size < b->base)
			return -FH_EINVAL;
		last = b->base + b->size;
		m->bank[i].pfns = (struct range){b->base >> FH_PAGE_SHIFT, last >> FH_PAGE_SHIFT};
	}
	m->nr_banks = cfg->nr_banks;
	start = cfg->bank[0].base & ~(pair - 1);
	end = last > UINT64_MAX - pair ? 0 : (last + pair - 1) & ~(pair - 1);
	if (end <= start || end - start > UINT64_C(1) << (32 + FH_PAGE_SHIFT - 1))
		return -FH_EINVAL;
	m->base_pfn = start >> FH_PAGE_SHIFT;
	m->nr_blocks = (end - start) >> (FH_PAGE_SHIFT + FH_BLOCK_ORDER);
	return 0;
}

static bool block_has_ram(const struct fh_machine *m, uint64_t block)
{
	pfn_t start = machine_block_pfn(m, block);

	for (unsigned int i = 0; i < m->nr_banks; i++)
		if (m->bank[i].pfns.start < start + FH_BLOCK_PAGES && m->bank[i].pfns.end > start)
			return true;
	return false;
}

static size_t round64(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

/* 2. Metadata: states, maps, frame pointers and indexes in one piece; frames in another. */
static int alloc_meta(struct fh_machine *m)
{
	size_t n = m->nr_blocks, maps = n * sizeof(struct block_map);
	size_t states = round64(n * sizeof(m->state[0])), ptrs = round64(n * sizeof(m->frames[0]));
	size_t leaf = round64(index_leaf_words(n) * 8), top = round64(index_top_words(n) * 8);
	size_t tenants = round64(n * sizeof(m->tenants[0]));
	unsigned char *p;

	m->meta_size = maps + states + ptrs + tenants +
		       (leaf + top) * BLOCK_INDEX_TYPES * BLOCK_INDEX_ORDERS;
	m->meta = p = machine_alloc(m, m->meta_size);
	if (!p)
		return -FH_ENOMEM;
	m->map = (void *)p;
	m->state = (void *)(p += maps);
	m->frames = (void *)(p += states);
	m->tenants = (void *)(p += ptrs);
	p += tenants;
	for (unsigned int t = 0; t < BLOCK_INDEX_TYPES; t++) {
		for (unsigned int o = 0; o < BLOCK_INDEX_ORDERS; o++, p += leaf + top)
			m->index[t][o] = (struct index){(void *)p, (void *)(p + leaf)};
	}
	for (uint64_t b = 0; b < n; b++)
		m->nr_frame_blocks += block_has_ram(m, b);
	m->frame_mem =
		machine_alloc(m, m->nr_frame_blocks * FH_BLOCK_PAGES * sizeof(struct fh_frame));
	m->cpu = machine_alloc(m, m->nr_cpus * sizeof(*m->cpu));
	return m->frame_mem && m->cpu ? 0 : -FH_ENOMEM;
}

/* 3. Where the CPU sees the banks. */
static int map_banks(struct fh_machine *m)
{
	for (unsigned int i = 0; i < m->nr_banks && m->plat.ram; i++) {
		struct range r = m->bank[i].pfns;

		m->bank[i].virt = m->plat.ram(m->plat.ctx, fh_pfn_to_phys(r.start),
					      (r.end - r.start) << FH_PAGE_SHIFT);
		if (!m->bank[i].virt)
			return -FH_ENOMEM;
	}
	return 0;
}

/* Clears the bits of [start, end) bytes in a block's map, rounded outwards to frames. */
static void map_cut(struct block_map *map, pfn_t first, uint64_t start, uint64_t end)
{
	uint64_t lo = start >> FH_PAGE_SHIFT, hi = (end + FH_PAGE_SIZE - 1) >> FH_PAGE_SHIFT;
	struct block_map span;

	lo = lo > first ? lo - first : 0;
	hi = hi > first ? hi - first : 0;
	hi = hi < FH_BLOCK_PAGES ? hi : FH_BLOCK_PAGES;
	if (lo >= hi)
		return;
	block_span(&span, (unsigned int)lo, (unsigned int)hi);
	for (unsigned int i = 0; i < BLOCK_WORDS; i++)
		map->w[i] &= ~span.w[i];
}

/* Which frames of a block are free at birth: RAM, less what is reserved. */
static void birth_map(struct fh_machine *m, uint64_t block, struct block_map *map)
{
	pfn_t first = machine_block_pfn(m, block);
	uint64_t last = 0;

	block_span(map, 0, FH_BLOCK_PAGES);
	for (unsigned int i = 0; i < m->nr_banks; i++) {
		map_cut(map, first, last, fh_pfn_to_phys(m->bank[i].pfns.start).v);
		last = fh_pfn_to_phys(m->bank[i].pfns.end).v;
	}
	map_cut(map, first, last, fh_pfn_to_phys(first + FH_BLOCK_PAGES).v);
	for (unsigned int i = 0; i < m->cfg.nr_regions; i++)
		map_cut(map, first, m->cfg.region[i].base,
			m->cfg.region[i].base + m->cfg.region[i].size);
}

/* 4. One block: its zone, its frames, what is free in it. */
static void init_block(struct fh_machine *m, uint64_t block, struct fh_frame *frames)
{
	enum zone_type zone = zone_of_pfn(m, machine_block_pfn(m, block));
	struct zone *z = &m->zone[zone];
	struct block_state none = {.order = BLOCK_ORDER_NONE, .zone = (uint8_t)zone}, s = none;
	struct block_map map;

	atomic_init(&m->state[block], block_pack(none) | BLOCK_LOCK);
	if (z->first_block == z->end_block)
		z->first_block = block;
	z->end_block = block + 1;
	s.type = none.type = MIGRATE_MOVABLE;
	m->frames[block] = frames;
	birth_map(m, block, &map);
	for (unsigned int i = 0; i < BLOCK_WORDS; i++) {
		for (uint64_t kept = ~map.w[i]; kept; kept &= kept - 1)
			frame_set(m, &frames[i * 64 + bits_first(kept)], FRAME_RESERVED);
		s.special |= ~map.w[i] != 0;
	}
	if (s.special)
		block_free_map(m, block, &s, &map);
	else
		block_free_run(m, block, &s, 0, FH_BLOCK_ORDER);
	z->managed += s.free;
	budget_add(m, s.free);
	fh_rank_take(RANK_BLOCK);
	block_unlock(m, block, none, s);
}

static void init_zones(struct fh_machine *m)
{
	struct fh_frame *frames = m->frame_mem;
	enum zone_type top = ZONE_DMA;

	for (uint64_t b = 0; b < m->nr_blocks; b++) {
		if (!block_has_ram(m, b)) {
			atomic_init(&m->state[b], block_pack((struct block_state){
							  .order = BLOCK_ORDER_NONE,
							  .special = true,
						  }));
			continue;
		}
		init_block(m, b, frames);
		frames += FH_BLOCK_PAGES;
	}
	for (unsigned int i = 0; i < m->nr_banks; i++) {
		for (pfn_t p = m->bank[i].pfns.start; p < m->bank[i].pfns.end;) {
			pfn_t next = (p | (FH_BLOCK_PAGES - 1)) + 1;

			next = next < m->bank[i].pfns.end ? next : m->bank[i].pfns.end;
			m->zone[zone_of_pfn(m, p)].present += next - p;
			p = next;
		}
	}
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
		m->zone[z].spanned = (m->zone[z].end_block - m->zone[z].first_block)
				     << FH_BLOCK_ORDER;
		if (m->zone[z].present)
			top = (enum zone_type)z;
		m->top_zone[z] = top;
	}
}

/* 5. Areas of the configuration. */
static int init_areas(struct fh_machine *m)
{
	for (unsigned int i = 0; i < m->cfg.nr_regions; i++) {
		const struct boot_region *r = &m->cfg.region[i];
		char name[CMA_MAX_NAME];
		struct cma *cma;
		int err;

		if (r->kind != BOOT_REGION_CMA)
			continue;
		(void)fh_strcopy(name, r->name, sizeof(name)); /* as Linux cuts it */
		err = cma_init_reserved_mem(m, (phys_t){r->base}, r->size, r->order_per_bit, name,
					    &cma);
		if (err)
			return err;
		if (r->flags & BOOT_REGION_CMA_DEFAULT)
			m->area_default = cma;
	}
	return cma_init_reserved_areas(m);
}

static void log_birth(struct fh_machine *m)
{
	uint64_t present = 0, managed = 0, areas = (uint64_t)m->nr_area;

	m->dmesg.len = m->cfg.dmesg_len < sizeof(m->cfg.dmesg) ? m->cfg.dmesg_len : 0;
	memcpy(m->dmesg.buf, m->cfg.dmesg, m->dmesg.len);
	for (unsigned int i = 0; i < MAX_NR_ZONES; i++) {
		present += m->zone[i].present;
		managed += m->zone[i].managed;
	}
	machine_log(m, PLAT_LOG_INFO,
		    "Memory: %lluK/%lluK available (%lluK reserved, %lluK cma-reserved)",
		    (unsigned long long)(managed - areas) * 4, (unsigned long long)present * 4,
		    (unsigned long long)(present - managed) * 4, (unsigned long long)areas * 4);
	if (!m->owners)
		return;
	machine_log(m, PLAT_LOG_INFO, "allocated %llu bytes of page_ext",
		    (unsigned long long)owner_bytes(m));
	for (unsigned int i = 0; i < MAX_NR_ZONES; i++) /* nobody has a page yet */
		if (m->zone[i].present)
			machine_log(m, PLAT_LOG_INFO,
				    "Node 0, zone %8s: page owner found early allocated 0 pages",
				    zone_name((enum zone_type)i));
}

int machine_birth(const struct plat *plat, const struct boot_config *cfg,
		  struct fh_machine **machine)
{
	struct fh_machine *m;
	int err;

	m = plat->alloc(plat->ctx, sizeof(*m));
	if (!m)
		return -FH_ENOMEM;
	m->plat = *plat;
	m->cfg = *cfg;
	m->nr_cpus = cfg->nr_cpus;
	m->nr_caches = plat->sync_cpus && !cfg->page_owner ? cfg->nr_cpus : 0;
	lru_init(&m->lru);
	swap_init(&m->swap);
	zpool_init(&m->zpool);
	fh_lock_init(&m->areas_lock, RANK_SPACE);
	fh_lock_init(&m->objects_lock, RANK_LEAF);
	fh_lock_init(&m->dmesg.lock, RANK_LEAF);
	err = find_span(m);
	if (!err)
		err = alloc_meta(m);
	if (!err)
		err = owner_birth(m);
	if (!err)
		err = map_banks(m);
	if (!err) {
		init_zones(m);
		for (unsigned int i = 0; i < m->nr_cpus; i++)
			pcp_init(m, &m->cpu[i]);
		zones_set_watermarks(m);
		err = init_areas(m);
	}
	if (err) {
		machine_death(m);
		return err;
	}
	log_birth(m);
	*machine = m;
	return 0;
}
