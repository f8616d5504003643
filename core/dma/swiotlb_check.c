/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* D3 recomputed: bits of slots from the mappings, counts from the bits, the mark from the areas. The machine is quiet. */
#include "base/fmt.h"
#include "dma/swiotlb.h"
#include "dma/swiotlb_slots.h"

typedef unsigned long long ull;

struct check {
	struct fh_machine *m;
	struct io_tlb_mem *mem;
	struct fh_text *out;
	unsigned int broken;
	uint64_t allowed, nslabs, transient;
};

static void broken(struct check *c, const char *fmt, ...) FH_PRINTF(2, 3);
static void broken(struct check *c, const char *fmt, ...)
{
	char line[160];
	va_list ap;

	c->broken++;
	va_start(ap, fmt);
	fh_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fh_text_add(c->out, "D3 %s: %s\n", c->mem->name, line);
}

static bool bit_of(const uint64_t w[2], uint32_t slot)
{
	return w[slot % SLOTS_A_SEG / 64] >> (slot & 63) & 1;
}

/* One mapping: where it ends. */
static uint32_t check_mapping(struct check *c, const struct swiotlb_pool *p, uint32_t first,
			      uint32_t end)
{
	const struct swiotlb_slot *s = &p->slot[first];

	if (!s->nslots || s->nslots > end - first || !s->size ||
	    (uint64_t)s->offset + s->size > (uint64_t)s->nslots << SLOT_SHIFT) {
		broken(c, "slot %u: a mapping of %u slots has %u bytes at %u", first, s->nslots,
		       s->size, s->offset);
		return first + 1;
	}
	if (s->area != first / p->area_nslabs)
		broken(c, "slot %u: a mapping of area %u, not of %u", first, s->area,
		       first / p->area_nslabs);
	for (uint32_t i = first; i < first + s->nslots; i++)
		if (bit_of(p->seg[i / SLOTS_A_SEG].free, i))
			broken(c, "slot %u is free, and of the mapping at %u", i, first);
	for (uint32_t i = first + 1; i < first + s->nslots; i++)
		if (bit_of(p->seg[i / SLOTS_A_SEG].first, i))
			broken(c, "slot %u begins a mapping in the mapping at %u", i, first);
	return first + s->nslots;
}

/* How many slots of [from, end) mappings have. */
static uint64_t check_seg(struct check *c, const struct swiotlb_pool *p, uint32_t from,
			  uint32_t end)
{
	const struct swiotlb_seg *seg = &p->seg[from / SLOTS_A_SEG];
	uint64_t used = 0;
	uint32_t next;

	for (uint32_t i = from; i < end; i = next) {
		next = i + 1;
		if (bit_of(seg->first, i)) {
			next = check_mapping(c, p, i, end);
			used += next - i;
		} else if (!bit_of(seg->free, i)) {
			broken(c, "slot %u is taken, and of no mapping", i);
		}
	}
	for (uint32_t i = end; i % SLOTS_A_SEG; i++)
		if (bit_of(seg->free, i) || bit_of(seg->first, i))
			broken(c, "slot %u is none of the pool's %u", i, p->nslabs);
	return used;
}

static void check_area(struct check *c, const struct swiotlb_pool *p, uint32_t area)
{
	const struct swiotlb_area *a = &p->area[area];
	uint32_t from = area * p->area_nslabs, n = swiotlb_area_slots(p, area);
	uint64_t used = 0;

	for (uint32_t at = from; at < from + n; at += SLOTS_A_SEG)
		used += check_seg(c, p, at,
				  from + n - at < SLOTS_A_SEG ? from + n : at + SLOTS_A_SEG);
	if (used != a->used)
		broken(c, "area %u: used is %llu, mappings have %llu", area, (ull)a->used,
		       (ull)used);
	if (a->base != from || a->nslabs != n)
		broken(c, "area %u: %u slots from %u, not %u from %u", area, a->nslabs, a->base, n,
		       from);
	if (a->index >= n)
		broken(c, "area %u: index %u of %u", area, a->index, n);
	if (!p->transient && a->used > a->allowed)
		broken(c, "area %u: used is %llu, and %llu allowed", area, (ull)a->used,
		       (ull)a->allowed);
	if (p->transient)
		c->transient += used;
	else
		c->allowed += a->allowed;
}

/* D2: its frames are RAW, and neither free nor an area's; or a region's. */
static void check_frames(struct check *c, const struct swiotlb_pool *p)
{
	struct range r = p->frames;
	bool own = r.start < r.end;
	unsigned int wrong = 0;

	if (!own)
		r = (struct range){fh_phys_to_pfn(p->start),
				   fh_phys_to_pfn((phys_t){p->start.v + p->bytes})};
	for (pfn_t pfn = r.start; pfn < r.end; pfn++)
		wrong += block_is_free(c->m, pfn) ||
			 frame_state(machine_frame(c->m, pfn)) !=
				 (own ? FRAME_RAW : FRAME_RESERVED) ||
			 (own && machine_area(c->m, machine_block(c->m, pfn)));
	if (wrong)
		broken(c, "%u frames of [%#llx, %#llx) are not its own", wrong, (ull)r.start,
		       (ull)r.end);
}

static void check_pool(struct check *c, const struct swiotlb_pool *p)
{
	for (uint32_t i = 0; i < p->nareas; i++)
		check_area(c, p, i);
	check_frames(c, p);
}

unsigned int swiotlb_check(struct fh_machine *m, struct io_tlb_mem *mem, struct fh_text *out)
{
	struct check c = {.m = m, .mem = mem, .out = out};
	uint32_t transients = 0;

	for (const struct swiotlb_pool *p = swiotlb_pools(mem); p; p = p->next) {
		check_pool(&c, p);
		c.nslabs += p->nslabs;
	}
	for (const struct swiotlb_pool *p = mem->transients; p; p = p->next, transients++)
		check_pool(&c, p);
	if (c.nslabs != atomic_load_explicit(&mem->nslabs, memory_order_relaxed))
		broken(&c, "nslabs is %llu, pools have %llu", (ull)mem->nslabs, (ull)c.nslabs);
	if (c.transient != mem->transient.used ||
	    transients != atomic_load_explicit(&mem->nr_transients, memory_order_relaxed))
		broken(&c, "%u transient pools use %llu, counted %u and %llu", transients,
		       (ull)c.transient, mem->nr_transients, (ull)mem->transient.used);
	if (mem->transient.used > mem->transient.allowed)
		broken(&c, "transient pools use %llu, and %llu allowed", (ull)mem->transient.used,
		       (ull)mem->transient.allowed);
	if (c.allowed + mem->transient.allowed + mem->spare != mem->hiwater)
		broken(&c, "the mark is %llu, its parts are %llu", (ull)mem->hiwater,
		       (ull)(c.allowed + mem->transient.allowed + mem->spare));
	return c.broken;
}
