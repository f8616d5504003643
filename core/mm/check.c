/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every invariant recomputed from maps, frames, slots and bitmaps alone. The machine is quiet. */
#include "base/bitmap.h"
#include "base/bits.h"
#include "base/string.h"
#include "mm/agreed.h"
#include "mm/check_zpool.h"
#include "mm/machine.h"
#include "mm/objects.h"
#include "mm/owner.h"
#include "mm/pinner.h"
#include "mm/terms.h"

struct check {
	struct fh_machine *m;
	struct fh_text out;
	unsigned int broken;
	int64_t free[MAX_NR_ZONES], free_cma[MAX_NR_ZONES], free_carveout[MAX_NR_ZONES];
	int64_t highatomic[MAX_NR_ZONES];
	uint64_t lru[NR_LRU_WHERE][NR_LRU_LISTS];
	int64_t droppable, anon, file, held, dirty;
	uint64_t slots; /* present pages of objects, from the frames */
	uint64_t *seen; /* places in swap that objects name */
	struct check_zpool zpool;
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
	fh_text_add(&c->out, "%s\n", line);
}

typedef unsigned long long ull;

/* B1, B2, B3 and the sums of B5. */
static void check_block(struct check *c, uint64_t b)
{
	struct fh_machine *m = c->m;
	struct block_state s = block_peek(m, b);
	const struct block_map *map = &m->map[b];
	unsigned int free = 0, order = block_map_order(map);
	bool listed =
		s.listed && !s.isolated && (s.type != MIGRATE_CMA || s.lend != BLOCK_LEND_NONE);

	for (unsigned int i = 0; i < BLOCK_WORDS; i++)
		free += bits_count(map->w[i]);
	if (s.listed && !s.free)
		broken(c, "B2 block %llu: listed with nothing free", (ull)b);
	if (free != s.free)
		broken(c, "B1 block %llu: free is %u, the map has %u", (ull)b, s.free, free);
	for (unsigned int t = 0; t < BLOCK_INDEX_TYPES; t++) {
		for (unsigned int o = 0; o < BLOCK_INDEX_ORDERS; o++) {
			bool want = listed && t == s.type && o == s.order;

			if (index_has(&m->index[t][o], b) != want)
				broken(c, "B2 block %llu: %sin index type %u order %u", (ull)b,
				       want ? "not " : "", t, o);
		}
	}
	if ((order == BLOCK_ORDER_NONE) != (s.order == BLOCK_ORDER_NONE) ||
	    (order != BLOCK_ORDER_NONE && s.order < order) ||
	    (s.order == FH_BLOCK_ORDER) != (free == FH_BLOCK_PAGES))
		broken(c, "B3 block %llu: order %u, the map has %u", (ull)b, s.order, order);
	if (s.isolated)
		broken(c, "B4 block %llu: isolated by %u claims of a quiet machine", (ull)b,
		       s.isolated);
	if (s.type != MIGRATE_CMA || s.lend != BLOCK_LEND_NONE)
		c->free[s.zone] += free;
	else
		c->free_carveout[s.zone] += free;
	if (s.type == MIGRATE_CMA && s.lend != BLOCK_LEND_NONE)
		c->free_cma[s.zone] += free;
	c->highatomic[s.zone] += s.type == MIGRATE_HIGHATOMIC ? FH_BLOCK_PAGES : 0;
	if (s.zone == ZONE_MOVABLE && s.type != MIGRATE_MOVABLE && s.type != MIGRATE_CMA)
		broken(c, "Y1 block %llu: of type %u in ZONE_MOVABLE", (ull)b, s.type);
	if ((s.type == MIGRATE_CMA) != (s.area != 0))
		broken(c, "A3 block %llu: type %u, area %u", (ull)b, s.type, s.area);
}

static void check_slot(struct check *c, unsigned int cpu, const struct pcp_slot *s,
		       uint16_t *cached)
{
	uint64_t word = run_word(&s->run), b;

	if (word == PCP_NONE) {
		if (s->run.mask || s->taken || s->more)
			broken(c, "P1 cpu %u: an unbound slot holds frames", cpu);
		return;
	}
	b = machine_block(c->m, word << 6);
	cached[b]++;
	for (unsigned int i = 0; i < BLOCK_WORDS; i++) {
		uint64_t held = i == (word & (BLOCK_WORDS - 1)) ? s->run.mask : s->rest[i];
		const struct pcp_run *e =
			&c->m->cpu[cpu].loose.entry[((word & ~(uint64_t)(BLOCK_WORDS - 1)) + i) %
						    LOOSE_WORDS];

		if (c->m->map[b].w[i] & held || (held && !(s->taken >> i & 1)))
			broken(c, "P1 cpu %u: block %llu word %u has frames here and in the map",
			       cpu, (ull)b, i);
		if (s->taken >> i & 1 && block_peek(c->m, b).type == MIGRATE_UNMOVABLE && e->mask &&
		    run_word(e) / BLOCK_WORDS == word / BLOCK_WORDS)
			broken(c, "P4 cpu %u: block %llu word %u is taken and has loose frames",
			       cpu, (ull)b, i);
	}
}

/* P3. That a frame is here once: no two entries are of one word, and no whole block has one. */
static void check_loose(struct check *c, unsigned int cpu)
{
	const struct loose *l = &c->m->cpu[cpu].loose;

	for (unsigned int i = 0; i < LOOSE_WORDS; i++) {
		uint64_t word = run_word(&l->entry[i]);

		if (!l->entry[i].mask)
			continue;
		if (word % LOOSE_WORDS != i || !(l->some >> i & 1))
			broken(c, "P3 cpu %u: loose word %#llx is where none looks", cpu,
			       (ull)word);
		if (c->m->map[machine_block(c->m, word << 6)].w[word & (BLOCK_WORDS - 1)] &
		    l->entry[i].mask)
			broken(c, "P3 cpu %u: loose word %#llx has frames here and in the map", cpu,
			       (ull)word);
	}
	for (unsigned int t = 0; t < LOOSE_TYPES; t++) {
		for (unsigned int i = 0; i < l->nr_whole[t]; i++) {
			struct block_state s = block_peek(c->m, l->whole[t][i]);
			struct loose others = *l;

			others.nr_whole[t] = i;
			if (s.free || s.isolated ||
			    loose_has(c->m, &others, machine_block_pfn(c->m, l->whole[t][i]),
				      FH_BLOCK_ORDER))
				broken(c, "P3 cpu %u: block %u is loose and not empty", cpu,
				       l->whole[t][i]);
		}
	}
}

/* P1, P3, P4, B4. */
static void check_cpus(struct check *c)
{
	struct fh_machine *m = c->m;
	size_t size = m->nr_blocks * sizeof(uint16_t);
	uint16_t *cached = machine_alloc(m, size);

	if (!cached) {
		fh_text_add(&c->out, "(no memory to check the CPUs' caches)\n");
		c->broken++;
		return;
	}
	for (unsigned int i = 0; i < m->nr_cpus; i++) {
		for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
			const struct pcp_zone *pz = &m->cpu[i].zone[z];

			for (unsigned int t = 0; t < PCP_TYPES; t++) {
				for (unsigned int k = 0; k < PCP_CLASSES; k++)
					check_slot(c, i, &pz->slot[t][k], cached);
			}
			check_slot(c, i, &pz->freed, cached);
		}
		check_loose(c, i);
	}
	for (uint64_t b = 0; b < m->nr_blocks; b++)
		if (cached[b] != block_peek(m, b).cached)
			broken(c, "B4 block %llu: cached is %u, slots bound: %u", (ull)b,
			       block_peek(m, b).cached, cached[b]);
	machine_free(m, cached, size);
}

/* O1 from the frame's side, and what the lists should count. */
static void check_object_frame(struct check *c, pfn_t pfn, const struct fh_frame *f)
{
	const struct fh_object *o = f->owner;
	uint32_t flags = frame_flags(f);
	pfn_t at;
	bool drop = (flags & FRAME_KEEP_MASK) == FRAME_FILE && frame_state(f) != FRAME_HELD;

	c->slots++;
	if (!o || f->index >= o->nr_pages || !object_slot(o, f->index, &at) || at != pfn)
		broken(c, "O1 pfn %#llx: its object's slot %u is not this frame", (ull)pfn,
		       f->index);
	if (drop != !!(flags & FRAME_DROPPABLE))
		broken(c, "L2 pfn %#llx: droppable is %u", (ull)pfn, !drop);
	c->droppable += drop;
	c->file += flags & FRAME_FILE ? 1 : 0;
	c->anon += flags & FRAME_FILE ? 0 : 1;
	c->dirty += flags & FRAME_DIRTY ? 1 : 0;
	c->held += frame_state(f) == FRAME_HELD;
	if (frame_state(f) != FRAME_HELD && flags & FRAME_WRITEBACK)
		broken(c, "O3 pfn %#llx: being written in a quiet machine", (ull)pfn);
	if (frame_state(f) == FRAME_HELD && !f->pins && !(flags & FRAME_WRITEBACK))
		broken(c, "O3 pfn %#llx: held by nobody", (ull)pfn);
	if (pins_his(f->pins) > pins_count(f->pins) ||
	    !pins_pinner(f->pins) != !pins_his(f->pins) ||
	    (pins_pinner(f->pins) && !pinner_name(c->m, pins_pinner(f->pins))))
		broken(c, "O3 pfn %#llx: %u pins, %u of them by pinner %u", (ull)pfn,
		       pins_count(f->pins), pins_his(f->pins), pins_pinner(f->pins));
}

/* P1: who allocated a frame is known as long as it is allocated. P2: a run is aligned, and has one order; pages are on their own. */
static void check_owner(struct check *c, pfn_t pfn, bool is_free, enum frame_state state)
{
	struct owner o, of;
	pfn_t first, end;

	if (owner_get(c->m, pfn, &o) == (is_free || state == FRAME_RESERVED))
		broken(c, "P1 pfn %#llx: %s, and who allocated it is %sknown", (ull)pfn,
		       is_free ? "free" : frame_state_name(state), o.set ? "" : "not ");
	if (!o.set || !o.order)
		return;
	if (state != FRAME_RAW)
		broken(c, "P2 pfn %#llx: %s, and of an order %u", (ull)pfn, frame_state_name(state),
		       o.order);
	/* Each looks at the first, the first at all. */
	first = pfn & ~((UINT64_C(1) << o.order) - 1);
	end = pfn == first ? first + (UINT64_C(1) << o.order) : first + 1;
	for (pfn_t p = first; p < end; p++)
		if (!machine_has(c->m, p) || !owner_get(c->m, p, &of) || of.order != o.order)
			broken(c, "P2 pfn %#llx: of order %u, and pfn %#llx is not", (ull)pfn,
			       o.order, (ull)p);
}

static void check_frame(struct check *c, uint64_t b, unsigned int i)
{
	struct fh_machine *m = c->m;
	const struct fh_frame *f = &m->frames[b][i];
	enum frame_state state = frame_state(f);
	pfn_t pfn = machine_block_pfn(m, b) + i;
	bool is_free = m->map[b].w[i / 64] >> (i & 63) & 1;
	struct cma *cma = machine_area(m, b);

	if (m->owners)
		check_owner(c, pfn, is_free, state);
	if (is_free && state != FRAME_RAW)
		broken(c, "F1 pfn %#llx: free, and %s", (ull)pfn, frame_state_name(state));
	switch (state) {
	case FRAME_BATCH:
	case FRAME_LRU:
		if (state == FRAME_LRU)
			c->lru[lru_where_of(m, b)][(frame_flags(f) & FRAME_FILE ? 2 : 0) +
						   !!(frame_flags(f) & FRAME_ACTIVE)]++;
		check_object_frame(c, pfn, f);
		break;
	case FRAME_HELD:
		check_object_frame(c, pfn, f);
		break;
	case FRAME_ISOLATED:
	case FRAME_ISOLATED_MOVABLE:
		broken(c, "F2 pfn %#llx: %s in a quiet machine", (ull)pfn, frame_state_name(state));
		break;
	default:
		break;
	}
	if (cma && state != FRAME_RAW && state != FRAME_RESERVED && cma_owns(cma, pfn, 1))
		broken(c, "A2 pfn %#llx: a device's, and %s", (ull)pfn, frame_state_name(state));
	if (cma && is_free && cma_owns(cma, pfn, 1))
		broken(c, "A2 pfn %#llx: a device's, and free", (ull)pfn);
}

/* Y1 and Y2: what is in a block of ZONE_MOVABLE that is no area's. */
static void check_movable_block(struct check *c, uint64_t b)
{
	unsigned int reserved = 0;

	for (unsigned int i = 0; i < FH_BLOCK_PAGES; i++) {
		const struct fh_frame *f = &c->m->frames[b][i];
		enum frame_state state = frame_state(f);

		reserved += state == FRAME_RESERVED;
		if (state == FRAME_POOL || (state == FRAME_HELD && f->pins))
			broken(c, "Y2 pfn %#llx: %s in ZONE_MOVABLE",
			       (ull)(machine_block_pfn(c->m, b) + i),
			       state == FRAME_POOL ? "compressed pages" : "pinned");
	}
	if (block_word_special(block_word(c->m, b)) && !reserved)
		broken(c, "Y1 block %llu: others' frames in ZONE_MOVABLE", (ull)b);
}

static void check_frames(struct check *c)
{
	for (uint64_t b = 0; b < c->m->nr_blocks; b++) {
		for (unsigned int i = 0; i < FH_BLOCK_PAGES && c->m->frames[b]; i++)
			check_frame(c, b, i);
		if (c->m->frames[b] && lru_where_of(c->m, b) == LRU_MOVABLE)
			check_movable_block(c, b);
	}
}

/* L1 from the lists' side. */
static void check_lru(struct check *c)
{
	struct fh_machine *m = c->m;

	for (unsigned int w = 0; w < NR_LRU_WHERE; w++) {
		for (unsigned int l = 0; l < NR_LRU_LISTS; l++) {
			uint32_t head = m->lru.head[w][l], n = head;
			uint64_t len = 0;

			while (n != FRAME_NIL) {
				const struct fh_frame *f = machine_frame(m, m->base_pfn + n);

				if (frame_state(f) != FRAME_LRU || len > c->lru[w][l]) {
					broken(c, "L1 list %u/%u: frame %u is %s", w, l, n,
					       frame_state_name(frame_state(f)));
					break;
				}
				len++;
				n = f->next == head ? FRAME_NIL : f->next;
			}
			if (len != c->lru[w][l] || len != m->lru.count[w][l])
				broken(c, "L1 list %u/%u: %llu long, %llu counted, %llu frames", w,
				       l, (ull)len, (ull)m->lru.count[w][l], (ull)c->lru[w][l]);
		}
	}
}

static void same(struct check *c, const char *name, int64_t counter, int64_t recomputed)
{
	if (counter != recomputed)
		broken(c, "%s is %lld, recomputed %lld", name, (long long)counter,
		       (long long)recomputed);
}

static void check_counters(struct check *c)
{
	struct fh_machine *m = c->m;
	int64_t used = 0; /* what CPUs have freed and not counted is in use yet */

	for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
		same(c, "B5 nr_free", machine_nr_free(m, (enum zone_type)z), c->free[z]);
		same(c, "B5 nr_free_cma", m->zone[z].nr_free_cma, c->free_cma[z]);
		same(c, "B5 nr_free_isolated", m->zone[z].nr_free_isolated, 0);
		same(c, "B5 nr_highatomic", m->zone[z].nr_highatomic, c->highatomic[z]);
		same(c, "B5 nr_free_carveout", m->zone[z].nr_free_carveout, c->free_carveout[z]);
	}
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		used += (int64_t)m->zone[z].managed - m->zone[z].nr_free -
			m->zone[z].nr_free_carveout;
	used -= m->nr_device + m->lru.nr_droppable;
	same(c, "G2 account", m->account, used);
	same(c, "L2 nr_droppable", m->lru.nr_droppable, c->droppable);
	same(c, "L2 nr_anon", m->lru.nr_anon, c->anon);
	same(c, "L2 nr_file", m->lru.nr_file, c->file);
	same(c, "L2 nr_held", m->lru.nr_held, c->held);
	same(c, "L2 nr_dirty", m->lru.nr_dirty, c->dirty);
}

/* O2: what the page tables show is what the slots say. */
static void check_mapping(struct check *c, const struct mapping *map)
{
	for (uint64_t i = 0; i < map->nr; i++) {
		uint64_t pte = map->pte[i];
		const struct fh_frame *f;
		pfn_t pfn;

		if (!(pte & PTE_PRESENT))
			continue;
		if (!object_slot(map->object, map->index + i, &pfn) || pte >> PTE_SHIFT != pfn) {
			broken(c, "O2 va %#llx: the entry shows %#llx, the slot does not",
			       (ull)(map->va + i), (ull)(pte >> PTE_SHIFT));
			continue;
		}
		f = machine_frame(c->m, pfn);
		if (pte & PTE_WRITE && map->object->ops && !(frame_flags(f) & FRAME_DIRTY))
			broken(c, "O2 va %#llx: a file's clean page can be written",
			       (ull)(map->va + i));
	}
}

/* S1: the place in swap that an object's slot names is taken, and nobody else's. */
static void check_place(struct check *c, const struct fh_object *o, uint64_t index)
{
	uint64_t slot = o->slot[index], place = slot_place(slot), w = place / 64;
	uint64_t bit = UINT64_C(1) << (place & 63);

	if (slot & SLOT_READING || o->ops)
		broken(c, "S1 object page %llu: %s", (ull)index,
		       o->ops ? "a file's, and in swap" : "being read in a quiet machine");
	if (place >= c->m->swap.nr_total || !(c->m->swap.map[w] & bit))
		broken(c, "S1 object page %llu: in swap at %llu, which is free", (ull)index,
		       (ull)place);
	else if (c->seen[w] & bit)
		broken(c, "S1 swap %llu: two pages are there", (ull)place);
	else
		c->seen[w] |= bit;
}

/* S1 to S3 from swap's side; c->seen has what objects name. */
static void check_swap(struct check *c)
{
	const struct swap *swap = &c->m->swap;
	uint64_t words = bitmap_words(swap->nr_total), taken = 0;
	unsigned int stores = 0;

	for (uint64_t w = 0; w < words; w++) {
		taken += bits_count(swap->map[w]);
		if (swap->map[w] & ~c->seen[w])
			broken(c, "S1 swap %llu: taken, and no page is there",
			       (ull)(w * 64 + bits_first(swap->map[w] & ~c->seen[w])));
	}
	if (swap->nr_free + taken != swap->nr_total)
		broken(c, "S2 nr_free of swap is %llu, recomputed %llu", (ull)swap->nr_free,
		       (ull)(swap->nr_total - taken));
	for (unsigned int i = 0; i < SWAP_STORES; i++) {
		const struct swap_store *s = &swap->store[i];

		if (s->state == STORE_EMPTY)
			continue;
		stores++;
		if (s->state != STORE_KEPT || s->given_up)
			broken(c, "S3 store %u: in state %d in a quiet machine", i, s->state);
		else if (frame_state(machine_frame(c->m, s->pfn)) != FRAME_RAW ||
			 block_is_free(c->m, s->pfn) ||
			 lru_where_of(c->m, machine_block(c->m, s->pfn)) != LRU_OUTSIDE)
			broken(c, "S3 store %u: pfn %#llx is no frame of its own", i, (ull)s->pfn);
		for (unsigned int k = 0; k < i; k++)
			if (swap->store[k].state != STORE_EMPTY && swap->store[k].slot == s->slot)
				broken(c, "S3 stores %u and %u: one slot", k, i);
	}
	if (stores != swap->nr_stores)
		broken(c, "S3 nr_stores is %u, recomputed %u", swap->nr_stores, stores);
}

/* O1 from the objects' side. */
static void check_objects(struct check *c)
{
	uint64_t present = 0;

	for (const struct fh_object *o = c->m->objects; o; o = o->next) {
		uint64_t n = 0;

		for (uint64_t i = 0; i < o->nr_pages; i++) {
			n += o->slot[i] && !slot_swapped(o->slot[i]);
			if (slot_pooled(o->slot[i]) && !o->ops)
				c->broken += check_zpool_slot(&c->zpool, o->slot[i], i, &c->out);
			else if (slot_swapped(o->slot[i]))
				check_place(c, o, i);
		}
		if (o->writes)
			broken(c, "O3 object: %u writes of reclaim in a quiet machine", o->writes);
		if (n != o->nr_present)
			broken(c, "O1 object: %llu slots filled, %llu counted", (ull)n,
			       (ull)o->nr_present);
		present += n;
		for (const struct mapping *map = o->mappings; map; map = map->next_of_object)
			check_mapping(c, map);
	}
	if (present != c->slots)
		broken(c, "O1 objects name %llu frames, %llu frames name objects", (ull)present,
		       (ull)c->slots);
}

/* A4 and A5: who may be in a block of an area. */
static void check_area_block(struct check *c, struct cma *cma, const struct area_block *ab,
			     uint64_t b, uint64_t nth)
{
	enum cma_policy policy = area_policy(cma);
	bool lent = ab->lent && policy != CMA_POLICY_CARVEOUT;
	unsigned int tenants = 0, undroppable = 0, held = 0, drop = 0;

	for (unsigned int k = 0; k < FH_BLOCK_PAGES; k++) {
		const struct fh_frame *f = &c->m->frames[b][k];

		tenants += frame_state(f) != FRAME_RAW;
		undroppable += frame_state(f) != FRAME_RAW && !(frame_flags(f) & FRAME_DROPPABLE);
		held += frame_state(f) == FRAME_HELD;
		drop += frame_state(f) != FRAME_RAW && frame_flags(f) & FRAME_DROPPABLE;
	}
	if (c->m->tenants[b] != drop * TENANT_DROPPABLE + held * TENANT_HELD)
		broken(c, "L3 block %llu: tenants are %#x: droppable are %u, held %u", (ull)b,
		       c->m->tenants[b], drop, held);
	if (ab->lent != terms_is_lent(cma, ab, nth) ||
	    block_peek(c->m, b).lend != terms_lend(cma, ab))
		broken(c, "A4 area %s: block %llu: in the share %u, lend %u", cma->name, (ull)b,
		       ab->lent, block_peek(c->m, b).lend);
	if (!lent && tenants)
		broken(c, "A4 area %s: block %llu is not lent and has %u tenants", cma->name,
		       (ull)b, tenants);
	if (policy == CMA_POLICY_DISCARD && undroppable)
		broken(c, "A4 area %s: block %llu: %u cannot be dropped", cma->name, (ull)b,
		       undroppable);
	if (policy != CMA_POLICY_MOVABLE && held)
		broken(c, "A5 area %s: block %llu has %u held pages", cma->name, (ull)b, held);
}

/* R1, R2. */
static void check_ready(struct check *c, struct cma *cma)
{
	static const unsigned char none[FH_PAGE_SIZE];
	uint64_t n = 0;

	for (unsigned int i = 0; i < cma->nranges; i++) {
		const struct cma_memrange *r = &cma->ranges[i];

		for (uint64_t f = 0; f < r->count; f++) {
			const struct area_block *ab = &r->block[f >> FH_BLOCK_ORDER];
			const unsigned char *virt = machine_virt(c->m, r->base_pfn + f);
			uint64_t b = machine_block(c->m, r->base_pfn + f), k = f & 511;

			if (!(ab->zero.w[k / 64] >> (k & 63) & 1))
				continue;
			n++;
			if (!ab->ready || !(c->m->map[b].w[k / 64] >> (k & 63) & 1) ||
			    cma_owns(cma, r->base_pfn + f, 1) ||
			    (virt && memcmp(virt, none, FH_PAGE_SIZE)))
				broken(c, "A8 pfn %#llx: not ready, free and zero",
				       (ull)(r->base_pfn + f));
		}
	}
	if (n != cma->nr_ready)
		broken(c, "A7 area %s: %llu frames ready, %llu are zero", cma->name,
		       (ull)cma->nr_ready, (ull)n);
}

/* A6: a block counts as broken by small buffers only while a buffer is in it. */
static void check_small(struct check *c, const struct cma *cma)
{
	uint64_t per = FH_BLOCK_PAGES >> cma->order_per_bit, small;

	for (unsigned int i = 0; i < cma->nranges; i++) {
		const struct cma_memrange *r = &cma->ranges[i];

		small = 0;
		for (uint64_t k = 0; k < area_nr_blocks(r); k++) {
			small += r->block[k].small;
			if (r->block[k].small &&
			    bitmap_next_set(r->bitmap, k * per, (k + 1) * per) == (k + 1) * per)
				broken(c, "A9 area %s: block %llu of range %u is small, and free",
				       cma->name, (ull)k, i);
			if (r->block[k].full &&
			    (!r->block[k].small ||
			     bitmap_next_clear(r->bitmap, k * per, (k + 1) * per) < (k + 1) * per))
				broken(c, "A9 area %s: block %llu of range %u is full, and is not",
				       cma->name, (ull)k, i);
		}
		if (small != r->nr_small)
			broken(c, "A9 area %s: %llu small blocks, %llu counted", cma->name,
			       (ull)small, (ull)r->nr_small);
	}
}

static void check_area(struct check *c, struct cma *cma)
{
	struct fh_machine *m = c->m;
	uint64_t marked = 0, set;
	uint64_t nth = 0;

	for (unsigned int i = 0; i < cma->nranges; i++) {
		struct cma_memrange *r = &cma->ranges[i];
		uint64_t end = cma_bitmap_maxno(cma, r);

		for (set = bitmap_next_set(r->bitmap, 0, end); set < end;
		     set = bitmap_next_set(r->bitmap, set + 1, end))
			marked++;
		for (uint64_t k = 0; k < area_nr_blocks(r) && cma->active; k++)
			check_area_block(c, cma, &r->block[k], machine_block(m, r->base_pfn) + k,
					 nth++);
	}
	check_small(c, cma);
	check_ready(c, cma);
	c->broken += agreed_check(cma, &c->out);
	if (cma->count - cma->available_count != marked << cma->order_per_bit)
		broken(c, "A1 area %s: available %llu of %llu, %llu bits set", cma->name,
		       (ull)cma->available_count, (ull)cma->count, (ull)marked);
}

unsigned int machine_check(struct fh_machine *m, struct fh_text *out)
{
	struct check c = {.m = m, .out = *out, .zpool = {.m = m}};
	uint64_t device = 0;

	for (uint64_t b = 0; b < m->nr_blocks; b++)
		check_block(&c, b);
	check_cpus(&c);
	check_frames(&c);
	check_lru(&c);
	check_counters(&c);
	c.seen = machine_alloc(m, bitmap_words(m->swap.nr_total + 1) * sizeof(uint64_t));
	if (!c.seen)
		broken(&c, "(no memory to check objects and swap)");
	if (c.seen) {
		check_objects(&c);
		check_swap(&c);
		c.broken += check_zpool_end(&c.zpool, &c.out);
		machine_free(m, c.seen, bitmap_words(m->swap.nr_total + 1) * sizeof(uint64_t));
	}
	for (unsigned int i = 0; i < m->nr_areas; i++) {
		check_area(&c, m->area[i]);
		device += m->area[i]->count - m->area[i]->available_count;
	}
	same(&c, "A1 nr_device", m->nr_device, (int64_t)device);
	*out = c.out;
	return c.broken;
}
