/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who allocated each frame, and who freed it last: the records of page_owner=on. */
#include <stddef.h>
#include "base/bits.h"
#include "base/string.h"
#include "mm/machine.h"
#include "mm/owner.h"

_Static_assert(sizeof(struct owner) == 48, "CAVEATS: 48 bytes a frame");

uint64_t owner_bytes(const struct fh_machine *m)
{
	return m->nr_frame_blocks * FH_BLOCK_PAGES * sizeof(struct owner);
}

int owner_birth(struct fh_machine *m)
{
	if (!m->cfg.page_owner)
		return 0;
	m->owners = machine_alloc(m, owner_bytes(m));
	return m->owners ? 0 : -FH_ENOMEM;
}

void owner_death(struct fh_machine *m)
{
	machine_free(m, m->owners, owner_bytes(m));
}

static struct owner *owner_at(const struct fh_machine *m, pfn_t pfn)
{
	return &m->owners[machine_frame(m, pfn) - m->frame_mem];
}

static uint8_t this_cpu(const struct fh_machine *m)
{
	unsigned int id = arch_cpu_id();

	return id < m->nr_cpus ? (uint8_t)id : OWNER_NO_CPU;
}

/* Runs fn on the records of a range, a block's under its lock. */
static void for_each(struct fh_machine *m, pfn_t pfn, uint64_t nr,
		     void (*fn)(struct owner *o, const struct owner *with),
		     const struct owner *with)
{
	for (pfn_t end = pfn + nr; pfn < end;) {
		uint64_t block = machine_block(m, pfn);
		pfn_t stop = machine_block_pfn(m, block + 1);
		struct block_state s = block_lock(m, block);

		for (; pfn < end && pfn < stop; pfn++)
			fn(owner_at(m, pfn), with);
		block_unlock(m, block, s, s);
	}
}

/* The last free stays what it was. */
static void put(struct owner *o, const struct owner *with)
{
	memcpy(o, with, offsetof(struct owner, freed_ns));
}

static void put_name(struct owner *o, const struct owner *with)
{
	if (o->set)
		memcpy(o->name, with->name, sizeof(o->name));
}

void owner_set(struct fh_machine *m, pfn_t pfn, uint64_t nr, unsigned int order, gfp_t gfp)
{
	struct owner o = {.ns = machine_clock(m),
			  .gfp = gfp,
			  .set = true,
			  .order = (uint8_t)order,
			  .cpu = this_cpu(m)};

	for_each(m, pfn, nr, put, &o);
}

void owner_name(struct fh_machine *m, pfn_t pfn, uint64_t nr, const char *name)
{
	struct owner o = {.set = true};

	if (!machine_has(m, pfn)) /* a carveout need not be RAM */
		return;
	fh_snprintf(o.name, sizeof(o.name), "%s", name);
	for_each(m, pfn, nr, put_name, &o);
}

bool owner_get(struct fh_machine *m, pfn_t pfn, struct owner *o)
{
	uint64_t block = machine_block(m, pfn);
	struct block_state s = block_lock(m, block);

	*o = *owner_at(m, pfn);
	block_unlock(m, block, s, s);
	return o->set;
}

void owner_copy(struct fh_machine *m, pfn_t dst, pfn_t src, enum owner_moved why)
{
	struct owner o;

	owner_get(m, src, &o);
	o.moved = (uint8_t)why;
	for_each(m, dst, 1, put, &o);
}

/* From with->moved, which is a larger order here, to with->order. Frames of the run that others have freed and allocated again
 * meanwhile are in smaller runs: one as large would need the frame that splits it. */
static void put_order(struct owner *o, const struct owner *with)
{
	if (o->set && o->order == with->moved)
		o->order = with->order;
}

void owner_split(struct fh_machine *m, pfn_t pfn, unsigned int order)
{
	struct owner o, to = {.order = (uint8_t)order};

	if (!owner_get(m, pfn, &o) || o.order <= order)
		return;
	to.moved = o.order;
	for_each(m, pfn & ~((UINT64_C(1) << o.order) - 1), UINT64_C(1) << o.order, put_order, &to);
}

void owner_clear(struct fh_machine *m, uint64_t block, const struct block_map *bits)
{
	struct owner *o = owner_at(m, machine_block_pfn(m, block));
	uint64_t now = machine_clock(m);
	uint8_t cpu = this_cpu(m);

	for (unsigned int i = 0; i < BLOCK_WORDS; i++) {
		for (uint64_t left = bits->w[i]; left; left &= left - 1) {
			struct owner *of = &o[i * 64 + bits_first(left)];

			if (!of->set)
				continue;
			of->set = false;
			of->freed_ns = now;
			of->freed_by = cpu;
			of->freed = true;
		}
	}
}

void owner_say_freed(struct fh_machine *m, pfn_t pfn)
{
	struct owner o;

	if (owner_get(m, pfn, &o) || !o.freed)
		return;
	machine_log(m, PLAT_LOG_ERR,
		    "page_owner: pfn %#llx is free already: freed by CPU %u, ts %llu ns; was "
		    "allocated by CPU %u (%s), ts %llu ns",
		    (unsigned long long)pfn, o.freed_by, (unsigned long long)o.freed_ns, o.cpu,
		    o.name, (unsigned long long)o.ns);
}
