/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Places outside memory for anonymous pages, and the frames whose bytes are not there yet. */
#include "base/bitmap.h"
#include "mm/machine.h"
#include "mm/pages.h"
#include "mm/swap.h"

void swap_init(struct swap *swap)
{
	fh_lock_init(&swap->lock, RANK_LEAF);
}

void swap_fini(struct fh_machine *m)
{
	machine_free(m, m->swap.map, bitmap_words(m->swap.nr_total) * sizeof(uint64_t));
}

int fh_swapon(struct fh_machine *m, uint64_t nr_pages)
{
	uint64_t *map;
	bool on;

	if (!m || !nr_pages || nr_pages > UINT32_MAX || !m->plat.swap_write || !m->plat.swap_read ||
	    !m->plat.ram)
		return -FH_EINVAL;
	map = machine_alloc(m, bitmap_words(nr_pages) * sizeof(*map));
	if (!map)
		return -FH_ENOMEM;
	fh_lock(&m->swap.lock);
	on = m->swap.map;
	if (!on) {
		m->swap.map = map;
		m->swap.nr_total = nr_pages;
		m->swap.nr_free = nr_pages;
	}
	fh_unlock(&m->swap.lock);
	if (on) {
		machine_free(m, map, bitmap_words(nr_pages) * sizeof(*map));
		return -FH_EBUSY;
	}
	machine_log(m, PLAT_LOG_INFO, "Adding %lluk swap.", (unsigned long long)nr_pages * 4);
	return 0;
}

/* ---- slots; the lock is held ---- */

/* Next fit: what is written together lies together, and no slot is looked at again before all are. */
static bool take_slot(struct swap *swap, uint64_t *slot, uint64_t spare)
{
	uint64_t end = swap->nr_total;

	if (swap->nr_free <= spare)
		return false;
	*slot = bitmap_next_clear(swap->map, swap->hand, end);
	if (*slot == end)
		*slot = bitmap_next_clear(swap->map, 0, end);
	bitmap_set(swap->map, *slot, 1);
	swap->hand = *slot + 1 < end ? *slot + 1 : 0;
	swap->nr_free--;
	return true;
}

static void free_slot(struct swap *swap, uint64_t slot)
{
	bitmap_clear(swap->map, slot, 1);
	swap->nr_free++;
}

static struct swap_store *store_of(struct swap *swap, uint64_t slot)
{
	for (unsigned int i = 0; i < SWAP_STORES && swap->nr_stores; i++)
		if (swap->store[i].state >= STORE_WRITING && swap->store[i].slot == slot)
			return &swap->store[i];
	return NULL;
}

static void empty_store(struct swap *swap, struct swap_store *s)
{
	*s = (struct swap_store){0};
	swap->nr_stores--;
}

/* ---- on the way out ---- */

unsigned int swap_take(struct fh_machine *m, unsigned int *store, unsigned int n, uint64_t spare)
{
	struct swap *swap = &m->swap;
	unsigned int got = 0;
	uint64_t slot;

	if (swap_nr_free(swap) <= spare)
		return 0;
	fh_lock(&swap->lock);
	for (unsigned int i = 0; i < SWAP_STORES && got < n; i++) {
		struct swap_store *s = &swap->store[i];

		if (s->state != STORE_EMPTY)
			continue;
		if (!take_slot(swap, &slot, spare))
			break;
		*s = (struct swap_store){.slot = slot, .state = STORE_TAKEN};
		swap->nr_stores++;
		store[got++] = i;
	}
	fh_unlock(&swap->lock);
	return got;
}

void swap_cancel(struct fh_machine *m, unsigned int store)
{
	struct swap *swap = &m->swap;

	fh_lock(&swap->lock);
	free_slot(swap, swap->store[store].slot);
	empty_store(swap, &swap->store[store]);
	fh_unlock(&swap->lock);
}

uint64_t swap_put(struct fh_machine *m, unsigned int store, pfn_t pfn)
{
	struct swap_store *s = &m->swap.store[store];
	uint64_t slot;

	fh_lock(&m->swap.lock);
	s->pfn = pfn;
	s->state = STORE_WRITING;
	slot = s->slot;
	fh_unlock(&m->swap.lock);
	return slot;
}

bool swap_write(struct fh_machine *m, unsigned int store)
{
	struct swap *swap = &m->swap;
	struct swap_store *s = &swap->store[store]; /* ours until it is empty or kept */
	pfn_t pfn = s->pfn;
	bool ok = !m->plat.swap_write(m->plat.ctx, s->slot, machine_virt(m, pfn)), done;

	fh_lock(&swap->lock);
	done = ok || s->given_up;
	if (s->given_up)
		free_slot(swap, s->slot);
	if (done)
		empty_store(swap, s);
	else
		s->state = STORE_KEPT;
	fh_unlock(&swap->lock);
	if (done)
		page_free(m, pfn, 0);
	if (ok)
		vm_count(m, VM_pswpout, 1);
	return done;
}

bool swap_retry(struct fh_machine *m)
{
	struct swap *swap = &m->swap;
	unsigned int i = SWAP_STORES, k = 0;

	fh_lock(&swap->lock);
	for (; swap->nr_stores > SWAP_STORES / 2 && k < SWAP_STORES && i == SWAP_STORES; k++)
		if (swap->store[(swap->retry + k) % SWAP_STORES].state == STORE_KEPT)
			i = (swap->retry + k) % SWAP_STORES;
	if (i < SWAP_STORES) {
		swap->store[i].state = STORE_WRITING;
		swap->retry = i + 1;
	}
	fh_unlock(&swap->lock);
	return i < SWAP_STORES && swap_write(m, i);
}

/* ---- on the way back ---- */

int swap_read(struct fh_machine *m, uint64_t slot, pfn_t pfn)
{
	struct swap *swap = &m->swap;
	struct swap_store *s;
	int err;

	fh_lock(&swap->lock);
	s = store_of(swap, slot);
	if (s)
		machine_copy(m, pfn, s->pfn);
	fh_unlock(&swap->lock);
	if (s)
		return 0;
	err = m->plat.swap_read(m->plat.ctx, slot, machine_virt(m, pfn));
	if (!err)
		vm_count(m, VM_pswpin, 1);
	return err;
}

void swap_free(struct fh_machine *m, uint64_t slot)
{
	struct swap *swap = &m->swap;
	struct swap_store *s;
	pfn_t pfn = 0;

	fh_lock(&swap->lock);
	s = store_of(swap, slot);
	if (s && s->state == STORE_WRITING) {
		s->given_up = true; /* the slot is not free before its write has ended */
		fh_unlock(&swap->lock);
		return;
	}
	free_slot(swap, slot);
	if (s) {
		pfn = s->pfn;
		empty_store(swap, s);
	}
	fh_unlock(&swap->lock);
	if (s)
		page_free(m, pfn, 0);
}
