/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The invariants of the pool of compressed pages, recomputed. */
#include "base/bits.h"
#include "mm/check_zpool.h"
#include "mm/machine.h"
#include "mm/objects.h"

typedef unsigned long long ull;

uint64_t check_zpool_mix(uint64_t number, uint64_t taken)
{
	uint64_t sum = 0, x;

	for (; taken; taken &= taken - 1) {
		x = (number * ZPOOL_CHUNKS + bits_first(taken) + 1) * UINT64_C(0x9e3779b97f4a7c15);
		x = (x ^ x >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
		sum += x ^ x >> 29;
	}
	return sum;
}

/* Z1 from the slots' side: what the handle covers is taken. That nobody else's covers it, the sums tell. */
unsigned int check_zpool_slot(struct check_zpool *c, uint64_t slot, uint64_t index,
			      struct fh_text *out)
{
	struct zpool_place p = zpool_place(c->m, slot_place(slot));
	const struct fh_frame *f = machine_has(c->m, p.pfn) ? machine_frame(c->m, p.pfn) : NULL;
	uint64_t span;

	c->pages++;
	c->bytes += p.size;
	c->chunks += p.chunks;
	if (slot & SLOT_READING || !p.size || p.chunk + p.chunks > ZPOOL_CHUNKS || !f ||
	    frame_state(f) != FRAME_POOL) {
		fh_text_add(out, "Z1 object page %llu: handle %#llx is none\n", (ull)index,
			    (ull)slot);
		return 1;
	}
	span = bits_span(p.chunk, p.chunk + p.chunks);
	c->mix += check_zpool_mix(p.pfn - c->m->base_pfn, span);
	if (!(f->free_chunks & span))
		return 0;
	fh_text_add(out, "Z1 object page %llu: chunks of pfn %#llx are free: %#llx\n", (ull)index,
		    (ull)p.pfn, (ull)(f->free_chunks & span));
	return 1;
}

/* Z2, and Z3 from the frame's side: its neighbours on the list know it. */
static unsigned int check_frame(struct fh_machine *m, uint64_t block, unsigned int i,
				struct fh_text *out)
{
	const struct fh_frame *f = &m->frames[block][i];
	pfn_t pfn = machine_block_pfn(m, block) + i;
	uint32_t number = (uint32_t)(pfn - m->base_pfn);
	unsigned int gap = zpool_gap(f->free_chunks), bad = 0;
	bool known =
		gap && gap < ZPOOL_CHUNKS &&
		(f->prev == FRAME_NIL ? m->zpool.head[gap] == number
				      : machine_frame(m, m->base_pfn + f->prev)->next == number);

	if (gap == ZPOOL_CHUNKS || block_is_free(m, pfn) || machine_area(m, block)) {
		fh_text_add(out, "Z2 pfn %#llx: of the pool, and empty, free or an area's\n",
			    (ull)pfn);
		bad++;
	}
	if (gap && !known) {
		fh_text_add(out, "Z3 pfn %#llx: not on the list of gaps of %u\n", (ull)pfn, gap);
		bad++;
	}
	return bad;
}

/* Z3 from the lists' side. *n: frames on them. */
static unsigned int check_lists(struct fh_machine *m, uint64_t frames, uint64_t *n,
				struct fh_text *out)
{
	const struct zpool *zp = &m->zpool;
	unsigned int bad = 0;

	for (unsigned int gap = 1; gap < ZPOOL_CHUNKS; gap++) {
		const struct fh_frame *f;

		if ((zp->head[gap] != FRAME_NIL) != (zp->some >> gap & 1)) {
			fh_text_add(out, "Z3 list %u: `some` says otherwise\n", gap);
			bad++;
		}
		for (uint32_t at = zp->head[gap]; at != FRAME_NIL && *n <= frames; at = f->next) {
			f = machine_frame(m, m->base_pfn + at);
			++*n;
			if (frame_state(f) == FRAME_POOL && zpool_gap(f->free_chunks) == gap)
				continue;
			fh_text_add(out, "Z3 list %u: frame %u is %s with a gap of %u\n", gap, at,
				    frame_state_name(frame_state(f)), zpool_gap(f->free_chunks));
			return bad + 1;
		}
	}
	return bad;
}

unsigned int check_zpool_end(struct check_zpool *c, struct fh_text *out)
{
	struct fh_machine *m = c->m;
	const struct zpool *zp = &m->zpool;
	uint64_t frames = 0, taken = 0, gaps = 0, listed = 0, mix = 0;
	unsigned int bad = 0;

	for (uint64_t b = 0; b < m->nr_blocks; b++) {
		for (unsigned int i = 0; i < FH_BLOCK_PAGES && m->frames[b]; i++) {
			if (frame_state(&m->frames[b][i]) != FRAME_POOL)
				continue;
			frames++;
			taken += bits_count(~m->frames[b][i].free_chunks);
			mix += check_zpool_mix(b * FH_BLOCK_PAGES + i,
					       ~m->frames[b][i].free_chunks);
			gaps += m->frames[b][i].free_chunks != 0;
			bad += check_frame(m, b, i, out);
		}
	}
	bad += check_lists(m, frames, &listed, out);
	if (listed != gaps) {
		fh_text_add(out, "Z3 %llu frames are on lists, %llu have gaps\n", (ull)listed,
			    (ull)gaps);
		bad++;
	}
	if (mix != c->mix || taken != c->chunks || zp->nr_pages != c->pages ||
	    zp->nr_bytes != c->bytes) {
		fh_text_add(out,
			    "Z1 %llu chunks are taken, slots name %llu (others, if it is as many); "
			    "pages %llu, %llu; bytes "
			    "%llu, %llu\n",
			    (ull)taken, (ull)c->chunks, (ull)zp->nr_pages, (ull)c->pages,
			    (ull)zp->nr_bytes, (ull)c->bytes);
		bad++;
	}
	if (zp->nr_frames != frames) {
		fh_text_add(out, "Z2 nr_frames is %llu, recomputed %llu\n", (ull)zp->nr_frames,
			    (ull)frames);
		bad++;
	}
	return bad;
}
