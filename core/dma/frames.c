/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* dma/alloc > [dma/frames] > mm/cma > mm/contig > mm/isolate > mm/migrate > mm/buddy
 *
 * Whom a device's request is shown to, in which order, and what each said. */
#include <freehold/page.h>
#include "base/fmt.h"
#include "dma/coherent.h"
#include "dma/frames.h"
#include "dma/pool.h"
#include "dma/swiotlb.h"
#include "mm/drain.h"
#include "mm/owner.h"

typedef unsigned long long ull;

/* get_order(): the smallest order whose run holds `pages`. */
static unsigned int order_of(uint64_t pages)
{
	unsigned int order = 0;

	while (order < 63 && UINT64_C(1) << order < pages)
		order++;
	return order;
}

void frames_ask(struct dma_ask *a, struct device *dev, uint64_t size, gfp_t gfp, unsigned int attrs,
		struct dma_refusal *way)
{
	a->dev = dev;
	a->pages = dma_pages(size);
	a->order = order_of(a->pages);
	a->align = a->order < FH_CMA_ALIGNMENT ? a->order : FH_CMA_ALIGNMENT;
	a->gfp = gfp | (attrs & DMA_ATTR_NO_WARN ? __GFP_NOWARN : 0);
	a->attrs = attrs;
	a->way = way;
	a->source = DMA_SOURCE_NONE;
	a->cpu = NULL;
	refuse_begin(way, size, gfp, attrs);
}

/* ---- what the device reaches ---- */

/* The highest bus address of its coherent buffers. */
static uint64_t bus_limit(const struct device *dev)
{
	return dma_limit(dev, dma_coherent_mask(dev));
}

/* The highest physical address below which all that its ranges show is within the limit. */
static uint64_t phys_limit(const struct device *dev)
{
	uint64_t limit = bus_limit(dev), highest = 0;

	if (dev->iommu)
		return UINT64_MAX;
	if (!dev->nr_ranges)
		return limit;
	for (unsigned int i = 0; i < dev->nr_ranges; i++) {
		const struct bus_dma_region *r = &dev->range[i];
		uint64_t n = r->dma.v > limit ? 0 : limit - r->dma.v;

		n = n < r->size - 1 ? n : r->size - 1;
		if (r->dma.v <= limit && r->cpu.v + n > highest)
			highest = r->cpu.v + n;
	}
	return highest;
}

/* dma_coherent_ok() */
static bool reaches(const struct device *dev, pfn_t pfn, uint64_t pages)
{
	uint64_t size = pages << FH_PAGE_SHIFT, bus;

	if (dev->iommu)
		return true;
	bus = dma_of_phys(dev, fh_pfn_to_phys(pfn), size);
	return bus != DMA_NOWHERE && bus + size - 1 <= bus_limit(dev);
}

static int out_of_reach(struct dma_ask *a, enum dma_source source, const char *who, pfn_t pfn)
{
	const struct device *dev = a->dev;
	uint64_t bus = dma_of_phys(dev, fh_pfn_to_phys(pfn), a->pages << FH_PAGE_SHIFT);

	if (bus == DMA_NOWHERE)
		(void)refuse_step(a->way, source, -FH_ENOMEM,
				  "%s: 0x%llx is in no window of its bus", who,
				  (ull)fh_pfn_to_phys(pfn).v);
	else
		(void)refuse_step(
			a->way, source, -FH_ENOMEM, "%s: 0x%llx is above %s 0x%llx", who, (ull)bus,
			bus_limit(dev) == dma_coherent_mask(dev) ? "device mask" : "bus limit",
			(ull)bus_limit(dev));
	return refuse_cause(a->way, DMA_CAUSE_REACH, -FH_ENOMEM);
}

/* Never in one piece; who: in front of it, or NULL. */
static int too_large(struct dma_ask *a, enum dma_source source, const char *who, uint64_t most)
{
	(void)refuse_step(a->way, source, -FH_ENOMEM,
			  "%s%s%llu KiB are more than its largest run, %llu KiB", who ? who : "",
			  who ? ": " : "", (ull)a->pages * 4, (ull)most >> 10);
	return refuse_cause(a->way, DMA_CAUSE_SIZE, -FH_ENOMEM);
}

/* ---- each who is asked ---- */

static int ask_region_pool(struct dma_ask *a, struct dma_coherent_mem *mem, enum dma_source source)
{
	uint64_t free, longest;

	if (!mem)
		return refuse_step(a->way, source, -FH_ENOMEM, "there is none");
	if (!chunk_take(mem->chunk, a->pages, a->align, &a->pfn)) {
		longest = chunk_longest(mem->chunk, &free);
		return refuse_step(a->way, source, -FH_ENOMEM,
				   "%s: %llu of %llu KiB free, the longest run %llu KiB", mem->name,
				   (ull)free * 4, (ull)mem->chunk->nr * 4, (ull)longest * 4);
	}
	if (!reaches(a->dev, a->pfn, a->pages)) {
		if (!chunk_give(mem->chunk, a->pfn, a->pages))
			machine_bug(a->dev->machine, "dma: pool %s lost its pages", mem->name);
		return out_of_reach(a, source, mem->name, a->pfn);
	}
	a->cpu = chunk_cpu(mem->chunk, a->pfn);
	return 0;
}

static int ask_atomic(struct dma_ask *a)
{
	char why[DMA_WHY_MAX];
	struct pool_want w = {
		.dev = a->dev,
		.pages = a->pages,
		.gfp = a->gfp,
		.order = a->align,
		.reaches = reaches,
	};
	int err = pool_alloc(&w, why);

	if (err) {
		(void)refuse_step(a->way, DMA_SOURCE_ATOMIC_POOL, err, "%s", why);
		return refuse_cause(a->way, w.unreachable ? DMA_CAUSE_REACH : DMA_CAUSE_FULL, err);
	}
	a->pfn = w.pfn;
	a->cpu = w.cpu;
	return 0;
}

static int ask_bounce(struct dma_ask *a, enum dma_source source)
{
	struct io_tlb_mem *mem = swiotlb_of(a->dev);
	struct swiotlb_stats st;
	int err;

	if (!mem)
		return refuse_step(a->way, source, -FH_ENOMEM, "there is none");
	if (a->pages << FH_PAGE_SHIFT > IO_TLB_SEGSIZE * IO_TLB_SIZE)
		return too_large(a, source, swiotlb_name(mem), IO_TLB_SEGSIZE * IO_TLB_SIZE);
	err = swiotlb_alloc(a->dev, a->pages << FH_PAGE_SHIFT, &a->pfn);
	if (err) {
		swiotlb_stats(mem, &st);
		return refuse_step(a->way, source, err, "%s: no such run, %llu of %llu slots used",
				   swiotlb_name(mem), (ull)st.used, (ull)st.nslabs);
	}
	if (reaches(a->dev, a->pfn, a->pages))
		return 0;
	if (!swiotlb_free(a->dev, a->pfn, a->pages << FH_PAGE_SHIFT))
		machine_bug(a->dev->machine, "dma: bounce buffers lost their pages");
	return out_of_reach(a, source, swiotlb_name(mem), a->pfn);
}

/* dma_direct_optimal_gfp_mask(): the zone all of which the device reaches. */
static enum dma_source optimal_zone(const struct dma_ask *a)
{
	const struct fh_machine *m = a->dev->machine;
	uint64_t limit = phys_limit(a->dev);

	if (a->gfp & __GFP_DMA || limit < m->cfg.dma_limit)
		return DMA_SOURCE_BUDDY_DMA;
	if (a->gfp & __GFP_DMA32 || limit < m->cfg.dma32_limit)
		return DMA_SOURCE_BUDDY_DMA32;
	return DMA_SOURCE_BUDDY;
}

#define MAX_AREAS 3 /* of one request: two of its node, and the default one */

static struct cma *node_area(const struct dma_ask *a, const char *kind)
{
	char name[24];

	fh_snprintf(name, sizeof(name), "%s%u", kind, a->dev->numa_node - 1);
	return cma_find(a->dev->machine, name);
}

/* dma_alloc_contiguous(): who may be asked, in this order; how many. A single page bypasses all but the device's own, and who
 * asks for a zone, or reaches no more than one, those of its node. */
static unsigned int areas_for(const struct dma_ask *a, struct cma *area[MAX_AREAS])
{
	struct fh_machine *m = a->dev->machine;
	unsigned int n = 0;

	area[0] = a->dev->cma_area;
	if (!(a->gfp & __GFP_DIRECT_RECLAIM))
		return 0;
	if (area[0] || a->pages <= 1)
		return area[0] ? 1 : 0;
	if (a->dev->numa_node && optimal_zone(a) == DMA_SOURCE_BUDDY && !m->cfg.dma.legacy_order) {
		area[n] = node_area(a, "pernuma");
		n += area[n] != NULL;
		area[n] = node_area(a, "numa");
		n += area[n] != NULL;
	}
	area[n] = cma_default(m);
	return n + (area[n] != NULL);
}

static bool has_area(const struct dma_ask *a)
{
	struct cma *area[MAX_AREAS];

	return areas_for(a, area);
}

/* Linux asks for any window, and gives back what the device does not reach; an area that the mask divides serves the device from
 * below it here. */
static int ask_one_area(struct dma_ask *a, struct cma *cma)
{
	uint64_t limit = phys_limit(a->dev), base = cma_get_base(cma).v;
	struct cma_request req = {
		.count = a->pages,
		.align_order = a->align,
		.flags = a->gfp & __GFP_NOWARN ? CMA_NO_WARN : 0,
	};
	struct cma_failure f;
	int err;

	if (limit < base + (a->pages << FH_PAGE_SHIFT) - 1)
		return out_of_reach(a, DMA_SOURCE_CMA, cma_get_name(cma), base >> FH_PAGE_SHIFT);
	if (limit < base + cma_get_size(cma) - 1)
		req.high = (limit + 1) >> FH_PAGE_SHIFT;
	err = cma_alloc_request(cma, &req, &a->pfn);
	if (err) {
		cma_last_failure(cma, &f);
		return refuse_step(a->way, DMA_SOURCE_CMA, err, "%s: %s%s", cma_get_name(cma),
				   f.why ? f.why : "refused",
				   req.high ? ", below the device's mask" : "");
	}
	if (reaches(a->dev, a->pfn, a->pages))
		return 0;
	if (!cma_release(cma, a->pfn, a->pages))
		machine_bug(a->dev->machine, "dma: area %s does not know its own buffer",
			    cma_get_name(cma));
	return out_of_reach(a, DMA_SOURCE_CMA, cma_get_name(cma), a->pfn);
}

static int ask_areas(struct dma_ask *a)
{
	struct cma *area[MAX_AREAS];
	unsigned int n = areas_for(a, area);
	int err = -FH_ENOMEM;

	for (unsigned int i = 0; i < n && err; i++)
		err = ask_one_area(a, area[i]);
	return err;
}

/* Gives back the frames [pfn, end), in the largest runs they make. */
static void free_run(struct fh_machine *m, pfn_t pfn, uint64_t end)
{
	while (pfn < end) {
		unsigned int order = 0;

		while (order < FH_MAX_ORDER && !(pfn & (UINT64_C(1) << order)) &&
		       pfn + (UINT64_C(2) << order) <= end)
			order++;
		if (fh_free_pages(m, pfn, order))
			machine_bug(m, "dma: pfn %#llx of a buffer was not allocated", (ull)pfn);
		pfn += UINT64_C(1) << order;
	}
}

static int ask_buddy(struct dma_ask *a, enum dma_source source, gfp_t zone)
{
	struct fh_machine *m = a->dev->machine;
	gfp_t gfp = (a->gfp & ~(gfp_t)(__GFP_ZERO | __GFP_DMA | __GFP_DMA32)) | zone;
	int err;

	if (a->order > FH_MAX_ORDER)
		return too_large(a, source, NULL, FH_PAGE_SIZE << FH_MAX_ORDER);
	err = fh_alloc_pages(m, gfp, a->order, &a->pfn);
	if (err)
		return refuse_step(a->way, source, err, "no free run of order %u", a->order);
	if (reaches(a->dev, a->pfn, a->pages)) {
		free_run(m, a->pfn + a->pages, a->pfn + (UINT64_C(1) << a->order));
		return 0;
	}
	free_run(m, a->pfn, a->pfn + (UINT64_C(1) << a->order));
	return out_of_reach(a, source, "the frames", a->pfn);
}

/* ---- the path ---- */

static unsigned int buddy_path(const struct dma_ask *a, enum dma_source *path)
{
	unsigned int n = 0;

	for (enum dma_source s = optimal_zone(a); s <= DMA_SOURCE_BUDDY_DMA; s++)
		path[n++] = s;
	return n;
}

/* Kernels before 4.10, arm64's __dma_alloc(): an area, where there is one, is all there is. */
static unsigned int legacy_path(const struct dma_ask *a, enum dma_source path[DMA_PATH_MAX])
{
	if (!(a->gfp & __GFP_DIRECT_RECLAIM) && !dma_snoops(a->dev)) {
		path[0] = DMA_SOURCE_ATOMIC_POOL;
		return 1;
	}
	if (has_area(a)) {
		path[0] = DMA_SOURCE_CMA;
		return 1;
	}
	path[0] = optimal_zone(a);
	path[1] = DMA_SOURCE_SWIOTLB;
	return 2;
}

unsigned int frames_path(const struct dma_ask *a, enum dma_source path[DMA_PATH_MAX])
{
	const struct device *dev = a->dev;
	const struct fh_machine *m = dev->machine;
	bool blocking = a->gfp & __GFP_DIRECT_RECLAIM;
	unsigned int n = 0;

	if (dev->dma_mem)
		path[n++] = DMA_SOURCE_DEVICE_POOL;
	else if (m->cfg.dma.coherent_only || (!dma_snoops(dev) && m->dma->global && !dev->iommu))
		path[n++] = DMA_SOURCE_GLOBAL_POOL;
	else if (m->cfg.dma.legacy_order && !dev->iommu)
		return legacy_path(a, path);
	else if (dev->dma_io_tlb_mem && !dev->iommu)
		path[n++] = DMA_SOURCE_RESTRICTED_POOL;
	else if (!blocking && !dma_snoops(dev))
		path[n++] = DMA_SOURCE_ATOMIC_POOL;
	if (n)
		return n;
	if (has_area(a))
		path[n++] = DMA_SOURCE_CMA;
	return n + buddy_path(a, path + n);
}

static int ask(struct dma_ask *a, enum dma_source source)
{
	switch (source) {
	case DMA_SOURCE_DEVICE_POOL:
		return ask_region_pool(a, a->dev->dma_mem, source);
	case DMA_SOURCE_GLOBAL_POOL:
		return ask_region_pool(a, a->dev->machine->dma->global, source);
	case DMA_SOURCE_ATOMIC_POOL:
		return ask_atomic(a);
	case DMA_SOURCE_RESTRICTED_POOL:
	case DMA_SOURCE_SWIOTLB:
		return ask_bounce(a, source);
	case DMA_SOURCE_CMA:
		return ask_areas(a);
	case DMA_SOURCE_BUDDY_DMA32:
		return ask_buddy(a, source, __GFP_DMA32);
	case DMA_SOURCE_BUDDY_DMA:
		return ask_buddy(a, source, __GFP_DMA);
	default:
		return ask_buddy(a, source, 0);
	}
}

static enum dma_cause last_cause(const struct dma_refusal *way)
{
	return way->step[way->nr_steps - 1].cause;
}

/* Frames of its own are the device's; those of pools are the pool's. */
static void name_owner(const struct dma_ask *a)
{
	if (a->dev->machine->owners &&
	    (a->source == DMA_SOURCE_CMA ||
	     (a->source >= DMA_SOURCE_BUDDY && a->source <= DMA_SOURCE_BUDDY_DMA)))
		owner_name(a->dev->machine, a->pfn, a->pages, dev_name(a->dev));
}

/* Another zone is tried for reach, not for want of memory. A buffer too large for the buddy that failed in the area: the area's
 * error is what to tell. */
static int take(struct dma_ask *a, const enum dma_source *path, unsigned int n)
{
	int err = -FH_ENOMEM, area_err = 0;

	for (unsigned int i = 0; i < n; i++) {
		err = ask(a, path[i]);
		if (!err) {
			a->source = path[i];
			name_owner(a);
			return 0;
		}
		if (path[i] == DMA_SOURCE_CMA)
			area_err = err;
		else if (path[i] >= DMA_SOURCE_BUDDY && path[i] <= DMA_SOURCE_BUDDY_DMA &&
			 last_cause(a->way) != DMA_CAUSE_REACH &&
			 !a->dev->machine->cfg.dma.legacy_order)
			break;
	}
	return area_err ? area_err : err;
}

int frames_take(struct dma_ask *a)
{
	enum dma_source path[DMA_PATH_MAX];

	return take(a, path, frames_path(a, path));
}

int frames_take_cached(struct dma_ask *a)
{
	enum dma_source path[DMA_PATH_MAX];
	unsigned int n = 0;

	if (a->dev->dma_io_tlb_mem && !a->dev->iommu) {
		path[n++] = DMA_SOURCE_RESTRICTED_POOL;
	} else {
		if (has_area(a))
			path[n++] = DMA_SOURCE_CMA;
		n += buddy_path(a, path + n);
	}
	return take(a, path, n);
}

/* Checked as a whole before any of it is freed: a run that is free in part, or somebody else's, is nobody's
 * buffer. A power of two is one call, which checks it; else what this CPU caches shows in the map only once it is back. */
static bool give_buddy(struct fh_machine *m, pfn_t pfn, uint64_t pages)
{
	if (!(pages & (pages - 1)) && !(pfn & (pages - 1)) && pages <= UINT64_C(1) << FH_MAX_ORDER)
		return !fh_free_pages(m, pfn, order_of(pages));
	pcp_drain_self(m);
	for (uint64_t i = 0; i < pages; i++)
		if (block_is_free(m, pfn + i) ||
		    frame_state(machine_frame(m, pfn + i)) != FRAME_RAW)
			return false;
	free_run(m, pfn, pfn + pages);
	return true;
}

bool frames_give(struct device *dev, pfn_t pfn, uint64_t pages)
{
	struct fh_machine *m = dev->machine;
	struct dma_coherent_mem *mem = coherent_find(m, pfn, pages);
	struct cma *cma;

	if (mem)
		return chunk_give(mem->chunk, pfn, pages);
	if (!machine_in_bank(m, (struct range){pfn, pfn + pages}))
		return false;
	if (pool_find(m, pfn, pages))
		return pool_free(m, pfn, pages);
	if (is_swiotlb_buffer(dev, fh_pfn_to_phys(pfn)))
		return swiotlb_free(dev, pfn, pages << FH_PAGE_SHIFT);
	cma = machine_area(m, machine_block(m, pfn));
	return cma ? cma_release(cma, pfn, pages) : give_buddy(m, pfn, pages);
}

void frames_give_back(struct device *dev, pfn_t pfn, uint64_t pages)
{
	if (!frames_give(dev, pfn, pages))
		machine_bug(dev->machine, "dma: pfn %#llx of a buffer is nobody's", (ull)pfn);
}
