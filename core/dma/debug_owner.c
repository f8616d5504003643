/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which bytes of a mapping are the CPU's now. A mapping that is all one's has a word; one in parts has a list of the
 * CPU's, exact to the byte. Parts come from the share of the chain's stripe, so that its lock is enough; where
 * there is none left, the owner is not known until a sync of the whole mapping.
 */
#include "dma/debug_owner.h"

static struct debug_part **share_of(struct debug_table *t, const struct debug_entry *e)
{
	return &t->free_part[e->chain[BY_BUS] % DEBUG_STRIPES];
}

static void part_free(struct debug_part **share, struct debug_part *p)
{
	p->next = *share;
	*share = p;
}

void debug_owner_forget(struct debug_table *t, struct debug_entry *e)
{
	struct debug_part *p;

	while ((p = e->parts)) {
		e->parts = p->next;
		part_free(share_of(t, e), p);
	}
}

/* A part in front of *at; false: none is left. */
static bool part_insert(struct debug_part **share, struct debug_part **at, uint64_t first,
			uint64_t last)
{
	struct debug_part *p = *share;

	if (!p)
		return false;
	*share = p->next;
	*p = (struct debug_part){*at, first, last};
	*at = p;
	return true;
}

/* To the CPU: one part of what it touches, or lies beside. */
static bool parts_add(struct debug_part **share, struct debug_part **at, uint64_t first,
		      uint64_t last)
{
	struct debug_part *p, *next;

	while (*at && (*at)->last + 1 < first)
		at = &(*at)->next;
	p = *at;
	if (!p || p->first > last + 1)
		return part_insert(share, at, first, last);
	p->first = first < p->first ? first : p->first;
	p->last = last > p->last ? last : p->last;
	while ((next = p->next) && next->first <= p->last + 1) {
		p->last = next->last > p->last ? next->last : p->last;
		p->next = next->next;
		part_free(share, next);
	}
	return true;
}

/* To the device: a part may end as two. */
static bool parts_del(struct debug_part **share, struct debug_part **at, uint64_t first,
		      uint64_t last)
{
	struct debug_part *p;

	while ((p = *at) && p->first <= last) {
		if (p->last < first) {
			at = &p->next;
		} else if (p->first >= first && p->last <= last) {
			*at = p->next;
			part_free(share, p);
		} else if (p->first < first && p->last > last) {
			if (!part_insert(share, &p->next, last + 1, p->last))
				return false;
			p->last = first - 1;
			return true;
		} else if (p->first < first) {
			p->last = first - 1;
			at = &p->next;
		} else {
			p->first = last + 1;
			return true;
		}
	}
	return true;
}

void debug_owner_give(struct debug_table *t, struct debug_entry *e, uint64_t first, uint64_t last,
		      bool to_cpu)
{
	enum dma_owner whole = to_cpu ? DMA_OWNER_CPU : DMA_OWNER_DEVICE;
	struct debug_part **share = share_of(t, e);
	bool fits = true;

	if (e->owner == DMA_OWNER_BOTH || e->owner == whole)
		return;
	if (first == 0 && last == e->size - 1) {
		debug_owner_forget(t, e);
		e->owner = (uint8_t)whole;
		return;
	}
	if (e->owner == DMA_OWNER_UNKNOWN)
		return;
	if (e->owner == DMA_OWNER_CPU)
		fits = part_insert(share, &e->parts, 0, e->size - 1);
	if (fits)
		fits = to_cpu ? parts_add(share, &e->parts, first, last)
			      : parts_del(share, &e->parts, first, last);
	e->owner = DMA_OWNER_PARTS;
	if (!fits)
		e->owner = DMA_OWNER_UNKNOWN;
	else if (!e->parts)
		e->owner = DMA_OWNER_DEVICE;
	else if (e->parts->first == 0 && e->parts->last == e->size - 1)
		e->owner = DMA_OWNER_CPU;
	if (e->owner != DMA_OWNER_PARTS)
		debug_owner_forget(t, e);
}

bool debug_owner_cpu_has(const struct debug_entry *e, uint64_t first, uint64_t last)
{
	for (const struct debug_part *p = e->parts; p; p = p->next)
		if (p->first <= last && p->last >= first)
			return true;
	return e->owner == DMA_OWNER_CPU;
}

bool debug_owner_device_has(const struct debug_entry *e, uint64_t first, uint64_t last)
{
	if (e->owner != DMA_OWNER_PARTS)
		return e->owner == DMA_OWNER_DEVICE;
	for (const struct debug_part *p = e->parts; p; p = p->next)
		if (p->first <= first && p->last >= last)
			return false;
	return true;
}
