/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The life of a pool of slots, and which one an address is in. */
#include "base/bits.h"
#include "dma/swiotlb_frames.h"
#include "dma/swiotlb_pool.h"

static size_t round64(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static void init_areas(struct swiotlb_pool *p)
{
	for (uint32_t i = 0; i < p->nareas; i++) {
		fh_lock_init(&p->area[i].lock, RANK_LEAF);
		p->area[i].base = i * p->area_nslabs;
		p->area[i].nslabs = swiotlb_area_slots(p, i);
	}
	for (uint32_t i = 0; i * SLOTS_A_SEG < p->nslabs; i++) {
		uint32_t n = p->nslabs - i * SLOTS_A_SEG;

		p->seg[i].free[0] = bits_low(n);
		p->seg[i].free[1] = n > 64 ? bits_low(n - 64) : 0;
	}
}

struct swiotlb_pool *swiotlb_pool_make(struct fh_machine *m, phys_t start, uint32_t nslabs,
				       uint32_t nareas, struct range frames)
{
	uint32_t segs = (nslabs + SLOTS_A_SEG - 1) / SLOTS_A_SEG;
	size_t head = round64(sizeof(struct swiotlb_pool));
	size_t areas = nareas * sizeof(struct swiotlb_area);
	size_t bits = round64(segs * sizeof(struct swiotlb_seg));
	size_t size = head + areas + bits + nslabs * sizeof(struct swiotlb_slot);
	unsigned char *at = machine_alloc(m, size), *virt;
	struct swiotlb_pool *p = (void *)at;

	if (!p)
		return NULL;
	virt = machine_virt(m, fh_phys_to_pfn(start));
	*p = (struct swiotlb_pool){
		.start = start,
		.bytes = (uint64_t)nslabs << SLOT_SHIFT,
		.virt = virt ? virt + (start.v & (FH_PAGE_SIZE - 1)) : NULL,
		.nslabs = nslabs,
		.nareas = nareas,
		.area_nslabs = (segs + nareas - 1) / nareas * SLOTS_A_SEG,
		.frames = frames,
		.area = (void *)(at + head),
		.seg = (void *)(at + head + areas),
		.slot = (void *)(at + head + areas + bits),
		.size = size,
	};
	init_areas(p);
	return p;
}

void swiotlb_pool_drop(struct fh_machine *m, struct swiotlb_pool *pool)
{
	swiotlb_frames_give(m, pool->frames);
	machine_free(m, pool, pool->size);
}

struct swiotlb_pool *swiotlb_transient_of(struct io_tlb_mem *mem, phys_t phys)
{
	struct swiotlb_pool *p;

	fh_lock(&mem->transient.lock);
	for (p = mem->transients; p; p = p->next)
		if (phys.v - p->start.v < p->bytes)
			break;
	fh_unlock(&mem->transient.lock);
	return p;
}

#define SAY_NS	UINT64_C(5000000000)
#define SAY_MAX 10

bool swiotlb_may_say(struct io_tlb_mem *mem)
{
	uint64_t now = machine_clock(mem->m);
	uint64_t since = atomic_load_explicit(&mem->said_since, memory_order_relaxed);

	if (!since || now - since > SAY_NS) {
		atomic_store_explicit(&mem->said_since, now, memory_order_relaxed);
		atomic_store_explicit(&mem->said, 0, memory_order_relaxed);
	}
	return atomic_fetch_add_explicit(&mem->said, 1, memory_order_relaxed) < SAY_MAX;
}
