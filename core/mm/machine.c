/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A machine's bytes, messages, budget and end. (How it is made: birth.c.) */
#include "base/bitmap.h"
#include "mm/budget.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "mm/migrate.h"
#include "mm/objects.h"
#include "mm/owner.h"
#include "mm/pinner.h"

unsigned char *machine_virt(const struct fh_machine *m, pfn_t pfn)
{
	for (unsigned int i = 0; i < m->nr_banks; i++) {
		const struct machine_bank *b = &m->bank[i];

		if (pfn >= b->pfns.start && pfn < b->pfns.end)
			return b->virt ? b->virt + ((pfn - b->pfns.start) << FH_PAGE_SHIFT) : NULL;
	}
	return NULL;
}

void machine_copy(struct fh_machine *m, pfn_t dst, pfn_t src)
{
	unsigned char *to = machine_virt(m, dst), *from = machine_virt(m, src);

	if (to && from)
		arch_copy_page(to, from);
}

void machine_zero(struct fh_machine *m, pfn_t pfn, uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++) {
		unsigned char *virt = machine_virt(m, pfn + i);

		if (virt)
			arch_zero_page(virt);
	}
}

void machine_log(struct fh_machine *m, int level, const char *fmt, ...)
{
	struct dmesg *d = &m->dmesg;
	char line[640];
	va_list ap;

	va_start(ap, fmt);
	fh_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fh_lock(&d->lock);
	for (const char *p = line; *p; p++)
		d->buf[d->len++ % DMESG_SIZE] = *p;
	d->buf[d->len++ % DMESG_SIZE] = '\n';
	fh_unlock(&d->lock);
	if (m->plat.log)
		m->plat.log(m->plat.ctx, level, line);
}

void machine_bug(struct fh_machine *m, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	fh_vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	m->plat.stop(m->plat.ctx, why);
	__builtin_unreachable();
}

bool machine_is_reserved(const struct fh_machine *m, struct range pfns)
{
	for (unsigned int i = 0; i < m->cfg.nr_regions; i++) {
		const struct boot_region *r = &m->cfg.region[i];

		if ((r->kind == BOOT_REGION_RESERVED || r->kind == BOOT_REGION_CMA) &&
		    fh_pfn_to_phys(pfns.start).v >= r->base &&
		    fh_pfn_to_phys(pfns.end).v <= r->base + r->size)
			return true;
	}
	return false;
}

/* Two words a CPU of each kind may be cached beyond what was admitted. */
#define CAPACITY_SLACK_PER_CPU 128

void machine_set_capacity(struct fh_machine *m)
{
	uint64_t managed = 0, slack = (uint64_t)m->nr_cpus * CAPACITY_SLACK_PER_CPU;
	uint64_t areas = (uint64_t)atomic_load_explicit(&m->nr_area, memory_order_relaxed);
	bool guaranteed = false;
	uint64_t discard = 0, saved = 0;

	for (unsigned int i = 0; i < m->nr_areas; i++) {
		guaranteed |= area_policy(m->area[i]) == CMA_POLICY_GUARANTEED;
		if (m->area[i]->active && area_policy(m->area[i]) == CMA_POLICY_GUARANTEED)
			saved += m->area[i]->count * cma_get_compress(m->area[i]) / 100;
		discard |= (uint64_t)(area_policy(m->area[i]) == CMA_POLICY_DISCARD) << i;
	}
	atomic_store_explicit(&m->discard, discard, memory_order_release);
	for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
		managed += m->zone[i].managed;
	managed = managed > areas + slack ? managed - areas - slack : 1;
	atomic_store_explicit(&m->zpool.limit, saved, memory_order_relaxed);
	atomic_store_explicit(&m->capacity, guaranteed ? managed : 0, memory_order_relaxed);
}

void machine_death(struct fh_machine *m)
{
	while (m->spaces) {
		struct fh_space *s = m->spaces;

		m->spaces = s->next;
		while (s->mappings) {
			struct mapping *map = s->mappings;

			s->mappings = map->next_in_space;
			machine_free(m, map, mapping_size(map->nr));
		}
		machine_free(m, s, sizeof(*s));
	}
	while (m->objects) {
		struct fh_object *o = m->objects;

		m->objects = o->next;
		machine_free(m, o->slot, o->nr_pages * sizeof(o->slot[0]));
		machine_free(m, o, sizeof(*o));
	}
	for (unsigned int i = 0; i < m->nr_areas; i++) {
		struct cma *cma = m->area[i];

		for (unsigned int r = 0; r < cma->nranges; r++) {
			machine_free(m, cma->ranges[r].bitmap,
				     bitmap_words(cma_bitmap_maxno(cma, &cma->ranges[r])) * 8);
			machine_free(m, cma->ranges[r].block,
				     area_nr_blocks(&cma->ranges[r]) * sizeof(struct area_block));
		}
		agreed_forget_all(cma);
		machine_free(m, cma, sizeof(*cma));
	}
	pinner_forget_all(m);
	if (m->frame_mem)
		movable_forget_all(m);
	swap_fini(m);
	machine_free(m, m->cpu, m->nr_cpus * sizeof(*m->cpu));
	owner_death(m);
	machine_free(m, m->frame_mem,
		     m->nr_frame_blocks * FH_BLOCK_PAGES * sizeof(struct fh_frame));
	machine_free(m, m->meta, m->meta_size);
	machine_free(m, m, sizeof(*m));
}

void fh_cpu_quiesce(struct fh_machine *m)
{
	unsigned int id = arch_cpu_id();

	lru_flush_batch(m);
	pcp_drain_self(m);
	for (unsigned int z = 0; z < MAX_NR_ZONES && id < m->nr_cpus; z++) {
		int64_t n =
			atomic_exchange_explicit(&m->cpu[id].uncounted[z], 0, memory_order_relaxed);

		zone_add(&m->zone[z].nr_free, n);
		budget_add(m, -n);
	}
}

void fh_mem_info(struct fh_machine *m, struct fh_mem_info *info)
{
	uint64_t carveout = 0;

	*info = (struct fh_mem_info){0};
	for (unsigned int i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *z = &m->zone[i];

		info->total += z->managed;
		info->free += (uint64_t)machine_nr_free(m, (enum zone_type)i);
		info->cma_free += (uint64_t)zone_count(&z->nr_free_cma);
		carveout += (uint64_t)zone_count(&z->nr_free_carveout);
	}
	info->free += carveout;
	info->cma_free += carveout;
	info->cma_total = (uint64_t)zone_count(&m->nr_area);
	info->cma_device = (uint64_t)zone_count(&m->nr_device);
	if (info->cma_total > info->cma_free + info->cma_device)
		info->cma_lent = info->cma_total - info->cma_free - info->cma_device;
	info->anon = (uint64_t)zone_count(&m->lru.nr_anon);
	info->file = (uint64_t)zone_count(&m->lru.nr_file);
	info->droppable = (uint64_t)zone_count(&m->lru.nr_droppable);
	info->held = (uint64_t)zone_count(&m->lru.nr_held);
	info->swap_total = m->swap.nr_total;
	info->swap_free = swap_nr_free(&m->swap);
	info->compressed = atomic_load_explicit(&m->zpool.nr_pages, memory_order_relaxed);
	info->compressed_in = atomic_load_explicit(&m->zpool.nr_frames, memory_order_relaxed);
}
