/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bytes -> operations: frames, pages of drivers, and when a refusal is fair. */
#include <stdlib.h>
#include <string.h>
#include "mm/machine.h"
#include "mm/policy.h"
#include "ops.h"

/* ---- what may be refused ---- */

static uint64_t marks(const struct fh_machine *m)
{
	uint64_t sum = 0;

	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		if (m->zone[z].managed)
			sum += m->zone[z].wmark[WMARK_HIGH] +
			       m->zone[z].lowmem_reserve[ZONE_MOVABLE] + 64;
	return sum;
}

/* Frames freed that their CPUs have not counted yet: free, and not seen by who decides. */
static uint64_t uncounted(const struct fh_machine *m)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < m->nr_cpus; i++)
		for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
			sum += (uint64_t)atomic_load(&m->cpu[i].uncounted[z]);
	return sum;
}

/* Frames outside, not of ZONE_MOVABLE, that reclaim could still have emptied by writing; what lies in CPUs' batches it does not
 * see, and of failed writes it gives up. */
static uint64_t could_write(const struct ops *r, const struct model_census *c)
{
	struct fh_mem_info info;
	uint64_t n = 0, places, unseen = (uint64_t)PCP_LRU_BATCH * r->nr_cpus;

	if (r->no_io || r->nested || r->io_error)
		return 0;
	fh_mem_info(r->md.m, &info);
	places = info.swap_free - policy_swap_spare(info.swap_total);
	if (!atomic_load(&r->tp.swap_write_errors) &&
	    info.swap_free > policy_swap_spare(info.swap_total))
		n = c->anon_low < places ? c->anon_low : places;
	n += c->dirty_low;
	return n > unseen ? n - unseen : 0;
}

/* Whether the account of what can neither move nor be dropped has no room for 64 more (a CPU's
 * word). */
static bool budget_full(struct ops *r, const struct model_census *c)
{
	struct fh_machine *m = r->md.m;
	uint64_t capacity = atomic_load(&m->capacity), used, cached;
	struct fh_mem_info info;

	fh_mem_info(m, &info);
	used = c->used_outside + c->used_inside - c->droppable;
	cached = info.total - info.free - c->device - c->used_outside - c->used_inside;
	/* Frees that CPUs have not counted yet are held against the request, too. */
	return capacity && used + cached + 64 + uncounted(r->md.m) > capacity + could_write(r, c);
}

bool ops_page_result(struct ops *r, int err, enum ops_memory where)
{
	struct model_census c;
	uint64_t free;

	if (!err)
		return true;
	ops_say(r, " -> %d", err);
	if (!ops_must(r, err == -FH_ENOMEM, "a page is refused for lack of memory only"))
		return false;
	if (ops_injected(r))
		return false;
	model_census(&r->md, &c);
	if (where == OPS_LOW)
		free = r->pages_low - c.used_low + c.droppable_low + could_write(r, &c);
	else
		free = r->pages_outside - c.used_outside + c.droppable_outside + could_write(r, &c);
	/* What is not lent (carveout, discard, a share, a reserve) is no use to a page. */
	for (unsigned int z = 0; z < MAX_NR_ZONES && where == OPS_ANYWHERE; z++)
		free += (uint64_t)zone_count(&r->md.m->zone[z].nr_free_cma);
	ops_say(r, " (free %llu, marks %llu, used %llu)", (unsigned long long)free,
		(unsigned long long)marks(r->md.m),
		(unsigned long long)(c.used_outside + c.used_inside - c.droppable));
	ops_must(r, free <= marks(r->md.m) + uncounted(r->md.m) || budget_full(r, &c),
		 "a page is refused only when memory is short");
	return false;
}

/* ---- frames ---- */

static bool aligned_run_free(struct ops *r, unsigned int order)
{
	struct model *md = &r->md;
	uint8_t *busy = calloc(1, MODEL_FRAMES);
	bool found = false;

	for (uint64_t i = 0; i < md->nr_frames; i++)
		busy[i] = md->owner[i] != MODEL_NOBODY || model_area_of(md, md->base + i) ||
			  !machine_has(md->m, md->base + i) ||
			  machine_frame(md->m, md->base + i)->state == FRAME_RESERVED;
	for (unsigned int k = 0; k < MODEL_OBJECTS; k++) {
		for (uint64_t i = 0; md->object[k].o && i < md->object[k].nr; i++) {
			pfn_t pfn;

			if (!fh_object_where(md->object[k].o, i, &pfn))
				busy[pfn - md->base] = 1;
		}
	}
	for (uint64_t i = 0; !found && i + (1u << order) <= md->nr_frames; i += 1u << order) {
		uint64_t j = 0;

		while (j < 1u << order && !busy[i + j])
			j++;
		found = j == 1u << order;
	}
	free(busy);
	return found;
}

/* A run was refused. With empty caches it must be had if there is one and memory is not short. */
static void refused_run(struct ops *r, gfp_t gfp, unsigned int order)
{
	const gfp_t io = __GFP_DIRECT_RECLAIM | __GFP_IO;
	struct model_census c;
	bool was = r->no_io, full;
	pfn_t pfn;

	if (ops_injected(r) || gfp & (__GFP_DMA | __GFP_DMA32) ||
	    r->md.m->zone[ZONE_DMA].end_block != r->md.m->nr_blocks)
		return;
	ops_quiesce_all(r);
	model_census(&r->md, &c);
	r->no_io |= (gfp & io) !=
		    io; /* who may not wait for a write has nothing of what one would give */
	full = budget_full(r, &c);
	r->no_io = was;
	if (r->pages_outside - c.used_outside < marks(r->md.m) + (UINT64_C(1) << order) || full ||
	    !aligned_run_free(r, order))
		return;
	if (atomic_load(&r->md.m->capacity) &&
	    c.used_outside + c.used_inside - c.droppable + (UINT64_C(1) << order) >
		    atomic_load(&r->md.m->capacity))
		return;
	if (ops_must(r, !fh_alloc_pages(r->md.m, gfp, order, &pfn),
		     "a run is refused only when there is none"))
		ops_must(r, !fh_free_pages(r->md.m, pfn, order), "a run can be given back");
}

static void check_zero(struct ops *r, pfn_t pfn, uint64_t nr)
{
	static const uint32_t zero[MODEL_WORDS];

	for (uint64_t i = 0; i < nr && !r->md.no_bytes; i++)
		ops_must(r, model_words_same(fh_page_address(r->md.m, pfn + i), zero),
			 "__GFP_ZERO gives zeros");
}

static void op_alloc(struct ops *r)
{
	static const gfp_t gfps[] = {
		GFP_KERNEL,    GFP_ATOMIC,
		GFP_NOWAIT,    __GFP_RECLAIMABLE | __GFP_DIRECT_RECLAIM,
		__GFP_MOVABLE, GFP_KERNEL | __GFP_ZERO,
		GFP_DMA,       GFP_DMA32 | __GFP_DIRECT_RECLAIM,
	};
	struct model *md = &r->md;
	unsigned int b = ops_u8(r), order = b & 15;
	gfp_t gfp = gfps[b >> 4 & 7];
	pfn_t pfn = 1;
	int err;

	order = order > FH_MAX_ORDER ? order - FH_MAX_ORDER - 1 : order;
	if (md->nr_runs == MODEL_RUNS)
		return;
	if (gfp & __GFP_ZERO && order > 3)
		gfp &= ~__GFP_ZERO;
	r->no_io = !(gfp & __GFP_IO);
	err = fh_alloc_pages(md->m, gfp, order, &pfn);
	ops_say(r, " gfp %#x order %u -> %d, pfn %#llx", gfp, order, err, (unsigned long long)pfn);
	if (err) {
		ops_must(r, err == -FH_ENOMEM && pfn == 1, "a refusal leaves *pfn alone");
		if (gfp & __GFP_DIRECT_RECLAIM && !order && !(gfp & (__GFP_DMA | __GFP_DMA32)))
			ops_page_result(r, err, gfp & __GFP_MOVABLE ? OPS_OUTSIDE : OPS_LOW);
		r->no_io = false;
		refused_run(r, gfp, order);
		return;
	}
	r->no_io = false;
	ops_must(r, !(pfn & ((1u << order) - 1)), "a run is aligned");
	ops_must(r, !model_area_of(md, pfn), "what cannot move is not placed in an area");
	ops_must(r,
		 (gfp & __GFP_MOVABLE && !(gfp & (__GFP_DMA | __GFP_DMA32))) ||
			 !md->movable_start || pfn + (1u << order) <= md->movable_start,
		 "nor in ZONE_MOVABLE");
	model_move(md, pfn, UINT64_C(1) << order, MODEL_NOBODY, MODEL_RAW);
	if (md->wrong)
		return;
	if (gfp & __GFP_ZERO)
		check_zero(r, pfn, UINT64_C(1) << order);
	md->run[md->nr_runs] = (struct model_run){pfn, order, ops_stamp(r)};
	model_stamp(md, pfn, UINT64_C(1) << order, md->run[md->nr_runs++].stamp);
}

static void free_run(struct ops *r, unsigned int i, unsigned int part)
{
	struct model *md = &r->md;
	struct model_run run = md->run[i];

	part = part < run.order ? part : run.order;
	ops_say(r, " pfn %#llx order %u in parts of order %u", (unsigned long long)run.pfn,
		run.order, part);
	model_stamped(md, run.pfn, UINT64_C(1) << run.order, run.stamp);
	model_move(md, run.pfn, UINT64_C(1) << run.order, MODEL_RAW, MODEL_NOBODY);
	for (uint64_t at = 0; at < UINT64_C(1) << run.order; at += UINT64_C(1) << part)
		ops_must(r, !fh_free_pages(md->m, run.pfn + at, part), "a run can be given back");
	md->run[i] = md->run[--md->nr_runs];
}

static void op_free(struct ops *r)
{
	if (r->md.nr_runs)
		free_run(r, ops_pick(r, r->md.nr_runs), FH_MAX_ORDER);
}

static void op_free_parts(struct ops *r)
{
	unsigned int i = r->md.nr_runs ? ops_pick(r, r->md.nr_runs) : 0;

	if (r->md.nr_runs)
		free_run(r, i, ops_pick(r, 7));
}

/* Something that fh_free_pages() must refuse. */
static void op_free_bad(struct ops *r)
{
	struct model *md = &r->md;
	pfn_t pfn = md->base + ops_pick(r, (unsigned int)md->nr_frames);
	unsigned int kind = ops_pick(r, 4), order = ops_pick(r, 3);

	if (kind == 0 && md->nr_buffers) {
		pfn = md->buffer[ops_pick(r, md->nr_buffers)].pfn;
	} else if (kind == 1 && md->nr_drivers) {
		pfn = md->driver[ops_pick(r, md->nr_drivers)]->pfn;
	} else if (kind == 2) {
		struct model_object *mo = &md->object[ops_pick(r, MODEL_OBJECTS)];

		if (!mo->o || fh_object_where(mo->o, ops_pick(r, (unsigned int)mo->nr), &pfn))
			return;
	} else if (kind == 3) {
		/* Free ones; where a CPU caches them a second free may be found late. */
		if (md->owner[pfn - md->base] == MODEL_RAW)
			return;
		order = 0;
		ops_quiesce_all(r);
	} else {
		return;
	}
	pfn &= ~((UINT64_C(1) << order) - 1);
	ops_say(r, " pfn %#llx order %u, kind %u", (unsigned long long)pfn, order, kind);
	ops_must(r, fh_free_pages(md->m, pfn, order) == -FH_EINVAL,
		 "what is not the caller's cannot be freed");
}

/* ---- pages of drivers ---- */

static bool driver_isolate(void *priv, pfn_t pfn)
{
	struct model_driver *d = priv;

	model_must(d->md, d->pfn == pfn, "a driver is asked for its own page");
	return !d->refuses;
}

static int driver_migrate(void *priv, pfn_t dst, pfn_t src)
{
	struct model_driver *d = priv;

	model_must(d->md, d->pfn == src, "a driver is asked for its own page");
	if (!d->md->no_bytes)
		memcpy(fh_page_address(d->md->m, dst), fh_page_address(d->md->m, src),
		       FH_PAGE_SIZE);
	model_move(d->md, src, 1, MODEL_DRIVER, MODEL_NOBODY);
	model_move(d->md, dst, 1, MODEL_NOBODY, MODEL_DRIVER);
	d->pfn = dst;
	return 0;
}

static void driver_putback(void *priv, pfn_t pfn)
{
	struct model_driver *d = priv;

	model_must(d->md, d->pfn == pfn, "a driver gets its own page back");
}

static const struct movable_operations driver_ops = {driver_isolate, driver_migrate,
						     driver_putback};

static void op_driver_add(struct ops *r)
{
	struct model *md = &r->md;
	unsigned int b = ops_u8(r);
	struct model_driver *d;
	pfn_t pfn;
	int err;

	if (md->nr_drivers == MODEL_DRIVERS)
		return;
	err = fh_alloc_pages(md->m, GFP_HIGHUSER_MOVABLE, 0, &pfn);
	if (!ops_page_result(r, err, OPS_ANYWHERE))
		return;
	model_move(md, pfn, 1, MODEL_NOBODY, MODEL_DRIVER);
	d = calloc(1, sizeof(*d));
	*d = (struct model_driver){md, pfn, ops_stamp(r), b & 1 && !md->guaranteed_only};
	err = fh_page_set_movable(md->m, pfn, &driver_ops, d);
	ops_say(r, " pfn %#llx%s -> %d", (unsigned long long)pfn, d->refuses ? " refuses" : "",
		err);
	if (err) {
		ops_must(r, err == -FH_ENOMEM && ops_injected(r), "a page can become movable");
		model_move(md, pfn, 1, MODEL_DRIVER, MODEL_NOBODY);
		ops_must(r, !fh_free_pages(md->m, pfn, 0), "a page can be given back");
		free(d);
		return;
	}
	ops_must(r,
		 fh_page_set_movable(md->m, pfn, &driver_ops, d) == -FH_EINVAL || ops_injected(r),
		 "registered once");
	model_stamp(md, pfn, 1, d->stamp);
	md->driver[md->nr_drivers++] = d;
}

static void driver_remove(struct ops *r, unsigned int i)
{
	struct model *md = &r->md;
	struct model_driver *d = md->driver[i];

	ops_say(r, " pfn %#llx", (unsigned long long)d->pfn);
	model_stamped(md, d->pfn, 1, d->stamp);
	ops_must(r, !fh_page_clear_movable(md->m, d->pfn), "a registration can be taken back");
	ops_must(r, fh_page_clear_movable(md->m, d->pfn) == -FH_EINVAL, "and only once");
	model_move(md, d->pfn, 1, MODEL_DRIVER, MODEL_NOBODY);
	ops_must(r, !fh_free_pages(md->m, d->pfn, 0), "a page can be given back");
	md->driver[i] = md->driver[--md->nr_drivers];
	free(d);
}

static void op_driver_remove(struct ops *r)
{
	if (r->md.nr_drivers)
		driver_remove(r, ops_pick(r, r->md.nr_drivers));
}

void ops_frame_finish(struct ops *r)
{
	struct model *md = &r->md;

	while (md->nr_runs && !md->wrong)
		free_run(r, 0, FH_MAX_ORDER);
	while (md->nr_drivers && !md->wrong)
		driver_remove(r, 0);
}

const struct ops_entry ops_frame_entries[] = {
	{"alloc", op_alloc, 6},
	{"free", op_free, 5},
	{"free-parts", op_free_parts, 1},
	{"free-bad", op_free_bad, 1},
	{"driver-add", op_driver_add, 2},
	{"driver-remove", op_driver_remove, 1},
	{NULL, NULL, 0},
};
