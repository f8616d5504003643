/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The oracle: what a machine must hold, kept in plain arrays that nobody could doubt. */
#include <string.h>
#include "mm/machine.h"
#include "model.h"

bool model_must(struct model *md, bool ok, const char *what)
{
	if (!ok && !md->wrong)
		md->wrong = what;
	return ok;
}

void model_move(struct model *md, pfn_t pfn, uint64_t nr, enum model_owner from,
		enum model_owner to)
{
	if (!model_must(md, pfn >= md->base && pfn - md->base + nr <= md->nr_frames,
			"frames of this machine"))
		return;
	for (uint64_t i = pfn - md->base; i < pfn - md->base + nr; i++) {
		model_must(md, md->owner[i] == from,
			   from == MODEL_NOBODY ? "a frame that is handed out has no other owner"
						: "a frame that is given back is its owner's");
		md->owner[i] = (uint8_t)to;
	}
}

unsigned int model_range_of(const struct model_area *a, pfn_t pfn, uint64_t nr)
{
	unsigned int i = 0;

	while (i < a->nr_ranges &&
	       (pfn < a->range[i].base || pfn + nr > a->range[i].base + a->range[i].count))
		i++;
	return i < a->nr_ranges ? i : MODEL_RANGES;
}

bool model_area_has(const struct model_area *a, pfn_t pfn)
{
	return model_range_of(a, pfn, 1) < MODEL_RANGES;
}

struct model_area *model_area_of(struct model *md, pfn_t pfn)
{
	for (unsigned int i = 0; i < md->nr_areas; i++)
		if (model_area_has(&md->area[i], pfn))
			return &md->area[i];
	return NULL;
}

bool model_is_window(const struct model *md, const struct model_area *a,
		     const struct cma_request *req, pfn_t pfn)
{
	uint64_t unit = UINT64_C(1) << a->order_per_bit,
		 count = (req->count + unit - 1) & ~(unit - 1);
	uint64_t align = UINT64_C(1) << req->align_order;
	unsigned int r = model_range_of(a, pfn, count);
	pfn_t base;

	if (r == MODEL_RANGES)
		return false;
	base = a->range[r].base;
	/* Linux counts from the base rounded down to the alignment, in bits. */
	if ((pfn - base) % unit || (align > unit && (pfn - (base & ~(align - 1))) % align))
		return false;
	if (pfn < req->low || (req->high && pfn + count > req->high) ||
	    (req->boundary && pfn / req->boundary != (pfn + count - 1) / req->boundary))
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (md->owner[pfn - md->base + i] == MODEL_DEVICE)
			return false;
	return true;
}

pfn_t model_window(const struct model *md, const struct model_area *a,
		   const struct cma_request *req)
{
	for (unsigned int r = 0; r < a->nr_ranges; r++)
		for (uint64_t i = 0; i < a->range[r].count; i++)
			if (model_is_window(md, a, req, a->range[r].base + i))
				return a->range[r].base + i;
	return 0;
}

static bool model_is_low(const struct model *md, pfn_t pfn)
{
	return !md->movable_start || pfn < md->movable_start;
}

static void census_page(struct model *md, struct model_object *mo, uint64_t i,
			struct model_census *c, uint8_t *seen)
{
	struct model_page *p = &mo->page[i];
	bool held = p->pins || p->writing, there;
	struct model_area *a;
	bool low;
	pfn_t pfn = 0;

	there = !fh_object_where(mo->o, i, &pfn);
	/* Where there are no bytes reclaim writes none, and nobody tells us. */
	if (md->no_bytes && (!there || !(frame_flags(machine_frame(md->m, pfn)) & FRAME_DIRTY)))
		p->dirty = false;
	if (!there) {
		model_must(md, !held, "a held page is there");
		model_must(md, !p->dirty, "a dirty page is there");
		return;
	}
	if (!model_must(md, pfn >= md->base && pfn - md->base < md->nr_frames,
			"an object's page is a frame of this machine"))
		return;
	model_must(md, !seen[pfn - md->base] && md->owner[pfn - md->base] == MODEL_NOBODY,
		   "an object's frame has no other owner");
	model_must(md, !p->pins || pfn == p->pinned_at, "a pinned page stays where it is");
	seen[pfn - md->base] = 1;
	a = model_area_of(md, pfn);
	low = !a && model_is_low(md, pfn);
	c->present++;
	c->anon += !mo->file;
	c->file += mo->file;
	c->dirty += p->dirty;
	c->held += held;
	c->used_outside += !a;
	c->used_inside += !!a;
	c->droppable += mo->file && !p->dirty && !held && !p->cleaning;
	c->droppable_outside += !a && mo->file && !p->dirty && !held && !p->cleaning;
	c->used_low += low;
	c->droppable_low += low && mo->file && !p->dirty && !held && !p->cleaning;
	c->dirty_low += low && p->dirty && !held && !p->cleaning;
	c->anon_low += low && !mo->file && !held;
	c->pinned_movable += !a && !low && p->pins;
	c->held_inside_guaranteed += a && held && md->guaranteed_only;
}

void model_census(struct model *md, struct model_census *c)
{
	uint8_t seen[MODEL_FRAMES] = {0};

	*c = (struct model_census){0};
	for (unsigned int k = 0; k < MODEL_OBJECTS; k++)
		for (uint64_t i = 0; md->object[k].o && i < md->object[k].nr; i++)
			census_page(md, &md->object[k], i, c, seen);
	for (uint64_t i = 0; i < md->nr_frames; i++) {
		bool inside = model_area_of(md, md->base + i);

		if (md->owner[i] == MODEL_NOBODY)
			continue;
		c->raw += md->owner[i] == MODEL_RAW;
		c->driver += md->owner[i] == MODEL_DRIVER;
		c->device += md->owner[i] == MODEL_DEVICE;
		c->used_outside += !inside;
		c->used_low += !inside && model_is_low(md, md->base + i);
		c->used_inside += inside && md->owner[i] != MODEL_DEVICE;
	}
	model_must(md, !c->held_inside_guaranteed, "no page in a guaranteed area is held");
	model_must(md, !c->pinned_movable, "no page in ZONE_MOVABLE is pinned");
}

size_t model_word_offset(unsigned int i)
{
	return i * (FH_PAGE_SIZE - 4) / (MODEL_WORDS - 1) & ~(size_t)3;
}

void model_words_put(void *page, const uint32_t word[MODEL_WORDS])
{
	for (unsigned int i = 0; i < MODEL_WORDS; i++)
		memcpy((char *)page + model_word_offset(i), &word[i], 4);
}

bool model_words_same(const void *page, const uint32_t word[MODEL_WORDS])
{
	bool same = true;

	for (unsigned int i = 0; i < MODEL_WORDS; i++)
		same &= !memcmp((const char *)page + model_word_offset(i), &word[i], 4);
	return same;
}

void model_stamp(struct model *md, pfn_t pfn, uint64_t nr, uint32_t stamp)
{
	for (uint64_t i = 0; i < nr && !md->no_bytes; i++) {
		uint32_t v = stamp + (uint32_t)i, word[MODEL_WORDS] = {v, ~v, v, ~v};

		model_words_put(fh_page_address(md->m, pfn + i), word);
	}
}

bool model_stamped(struct model *md, pfn_t pfn, uint64_t nr, uint32_t stamp)
{
	bool same = true;

	for (uint64_t i = 0; i < nr && !md->no_bytes; i++) {
		uint32_t v = stamp + (uint32_t)i, word[MODEL_WORDS] = {v, ~v, v, ~v};

		same &= model_words_same(fh_page_address(md->m, pfn + i), word);
	}
	return model_must(md, same, "bytes of whoever owns a frame stay");
}
