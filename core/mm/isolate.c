/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* dma/alloc > mm/cma > mm/contig > [mm/isolate] > mm/migrate > mm/buddy
 *
 * Take part of a block out of circulation, and put it back. */
#include "base/bits.h"
#include "mm/budget.h"
#include "mm/isolate.h"
#include "mm/machine.h"
#include "mm/owner.h"

/* What is claimed is a device's from here on: were it counted later, it would look like frames that
 * tenants have taken, and they would be refused what there is room for (DESIGN G2). */
static void count_device(struct fh_machine *m, int64_t n)
{
	atomic_fetch_add_explicit(&m->nr_device, n, memory_order_relaxed);
	budget_add(m, -n);
}

#define MAX_CLAIMS 63 /* of one block at a time: what `isolated` can count */

bool isolate_or_claim(struct fh_machine *m, uint64_t block, unsigned int lo, unsigned int hi)
{
	struct block_state old, new;
	bool all;

	for (unsigned int turn = 0;; turn++) {
		new = old = block_lock(m, block);
		if (old.isolated < MAX_CLAIMS)
			break;
		block_unlock(m, block, old, old);
		fh_spin(turn);
	}
	all = old.free >= hi - lo && block_all_free(m, block, lo, hi);
	if (all)
		block_claim(m, block, &new, lo, hi);
	else
		new.isolated++;
	block_unlock(m, block, old, new);
	if (all)
		count_device(m, hi - lo);
	return all;
}

bool isolate_claim_free(struct fh_machine *m, uint64_t block, unsigned int lo, unsigned int hi)
{
	struct block_state old, new;
	bool all;

	if (block_word_free(block_word(m, block)) < hi - lo || !block_trylock(m, block, &old))
		return false;
	new = old;
	all = old.free >= hi - lo && block_all_free(m, block, lo, hi);
	if (all)
		block_claim(m, block, &new, lo, hi);
	block_unlock(m, block, old, new);
	if (all)
		count_device(m, hi - lo);
	return all;
}

bool isolate_sweep(struct fh_machine *m, uint64_t block, const struct block_map *want,
		   struct block_map *mine)
{
	struct block_state old, new;
	bool all = true;
	int64_t taken;

	new = old = block_lock(m, block);
	for (unsigned int i = 0; i < BLOCK_WORDS; i++) {
		struct block_map *map = &m->map[block];
		uint64_t got = map->w[i] & want->w[i];

		map_put(map, i, map->w[i] & ~got);
		new.free -= bits_count(got);
		mine->w[i] |= got;
		all &= mine->w[i] == want->w[i];
	}
	if (all)
		new.isolated--;
	taken = (int64_t)old.free - new.free;
	block_unlock(m, block, old, new);
	count_device(m, taken);
	return all;
}

void isolate_undo(struct fh_machine *m, uint64_t block, const struct block_map *mine)
{
	struct block_state old, new;

	new = old = block_lock(m, block);
	block_free_map(m, block, &new, mine);
	if (m->owners)
		owner_clear(m, block, mine);
	new.isolated--;
	count_device(m, (int64_t)old.free - new.free);
	block_unlock(m, block, old, new);
}

void isolate_release(struct fh_machine *m, uint64_t block, unsigned int lo, unsigned int hi)
{
	struct block_state old, new;
	struct block_map span;

	new = old = block_lock(m, block);
	if (hi - lo < FH_BLOCK_PAGES) {
		block_span(&span, lo, hi);
		block_free_map(m, block, &new, &span);
	} else if (!block_free_run(m, block, &new, 0, FH_BLOCK_ORDER)) {
		machine_bug(m, "block %llu: a frame of a claimed range is free",
			    (unsigned long long)block);
	}
	if (m->owners) {
		block_span(&span, lo, hi);
		owner_clear(m, block, &span);
	}
	count_device(m, -(int64_t)(hi - lo));
	block_unlock(m, block, old, new);
}
