/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* sys/kernel/debug/page_owner: each allocated run, and who asked for it; and the mixed blocks of pagetypeinfo. Linux 6.12's format and bits. */
#include "base/bits.h"
#include "mm/contig.h"
#include "mm/owner.h"
#include "view/view.h"

/* Linux's bits of a request. FS goes with IO here, and no request does without KSWAPD. */
enum {
	LINUX_DMA = 0x1,
	LINUX_HIGHMEM = 0x2,
	LINUX_DMA32 = 0x4,
	LINUX_MOVABLE = 0x8,
	LINUX_RECLAIMABLE = 0x10,
	LINUX_HIGH = 0x20,
	LINUX_IO_FS = 0xc0,
	LINUX_ZERO = 0x100,
	LINUX_DIRECT = 0x400,
	LINUX_KSWAPD = 0x800,
	LINUX_NOWARN = 0x2000,
	LINUX_HARDWALL = 0x100000,
	LINUX_KERNEL = LINUX_IO_FS | LINUX_DIRECT | LINUX_KSWAPD,
	/* Only memory of programs may be in areas. */
	LINUX_USER = LINUX_KERNEL | LINUX_HIGHMEM | LINUX_HARDWALL,
};

struct bit {
	uint32_t bits;
	const char *name;
};

/* What of ours is what of theirs. */
static const struct {
	gfp_t ours;
	uint32_t theirs;
} gfp_bits[] = {
	{__GFP_DMA, LINUX_DMA},		{__GFP_DMA32, LINUX_DMA32},
	{__GFP_MOVABLE, LINUX_MOVABLE}, {__GFP_RECLAIMABLE, LINUX_RECLAIMABLE},
	{__GFP_HIGH, LINUX_HIGH},	{__GFP_IO, LINUX_IO_FS},
	{__GFP_ZERO, LINUX_ZERO},	{__GFP_DIRECT_RECLAIM, LINUX_DIRECT},
	{__GFP_NOWARN, LINUX_NOWARN},	{__GFP_CMA, LINUX_USER},
};

/* In the order in which Linux looks for them. */
static const struct bit gfp_names[] = {
	{LINUX_USER | LINUX_MOVABLE, "GFP_HIGHUSER_MOVABLE"},
	{LINUX_KERNEL, "GFP_KERNEL"},
	{LINUX_HIGH | LINUX_KSWAPD, "GFP_ATOMIC"},
	{LINUX_DIRECT | LINUX_KSWAPD, "GFP_NOIO"},
	{LINUX_NOWARN | LINUX_KSWAPD, "GFP_NOWAIT"},
	{LINUX_DMA, "GFP_DMA"},
	{LINUX_DMA32, "GFP_DMA32"},
	{LINUX_HIGH, "__GFP_HIGH"},
	{LINUX_IO_FS, "__GFP_IO|__GFP_FS"},
	{LINUX_NOWARN, "__GFP_NOWARN"},
	{LINUX_ZERO, "__GFP_ZERO"},
	{LINUX_RECLAIMABLE, "__GFP_RECLAIMABLE"},
	{LINUX_MOVABLE, "__GFP_MOVABLE"},
	{LINUX_DIRECT, "__GFP_DIRECT_RECLAIM"},
	{LINUX_KSWAPD, "__GFP_KSWAPD_RECLAIM"},
	{0, NULL},
};

/* Linux's bits of a page. */
enum {
	PAGE_WRITEBACK = 0x2,
	PAGE_REFERENCED = 0x4,
	PAGE_DIRTY = 0x10,
	PAGE_LRU = 0x20,
	PAGE_ACTIVE = 0x100,
	PAGE_SWAPBACKED = 0x20000,
	PAGE_ZONE_SHIFT = 58, /* arm64's: four bits of the node's number above it */
};

static const struct bit page_names[] = {
	{PAGE_WRITEBACK, "writeback"},
	{PAGE_REFERENCED, "referenced"},
	{PAGE_DIRTY, "dirty"},
	{PAGE_LRU, "lru"},
	{PAGE_ACTIVE, "active"},
	{PAGE_SWAPBACKED, "swapbacked"},
	{0, NULL},
};

/* Each name once all its bits are there, which it uses up. */
static void add_names(struct view *v, uint32_t bits, const struct bit *names)
{
	const char *between = "";

	for (; names->name; names++) {
		if ((bits & names->bits) != names->bits)
			continue;
		view_add(v, "%s%s", between, names->name);
		bits &= ~names->bits;
		between = "|";
	}
}

static void add_mask(struct view *v, gfp_t gfp)
{
	uint32_t mask = LINUX_KSWAPD;

	for (size_t i = 0; i < sizeof(gfp_bits) / sizeof(gfp_bits[0]); i++)
		mask |= gfp & gfp_bits[i].ours ? gfp_bits[i].theirs : 0;
	view_add(v, "mask %#x(", mask);
	add_names(v, mask, gfp_names);
	view_add(v, ")");
}

static void add_flags(struct view *v, const struct fh_frame *f, bool object, unsigned int zone)
{
	uint32_t flags = object ? frame_flags(f) : 0, bits = 0;

	if (object && !(flags & FRAME_FILE))
		bits |= PAGE_SWAPBACKED;
	bits |= flags & FRAME_WRITEBACK ? PAGE_WRITEBACK : 0;
	bits |= flags & FRAME_REFERENCED ? PAGE_REFERENCED : 0;
	bits |= flags & FRAME_DIRTY ? PAGE_DIRTY : 0;
	bits |= flags & FRAME_ACTIVE ? PAGE_ACTIVE : 0;
	bits |= frame_state(f) == FRAME_LRU ? PAGE_LRU : 0;
	view_add(v, "Flags %#llx(", (ull)zone << PAGE_ZONE_SHIFT | bits);
	add_names(v, bits, page_names);
	view_add(v, "%snode=0|zone=%u)\n", bits ? "|" : "", zone);
}

static enum migratetype type_of(const struct owner *o)
{
	return o->gfp & __GFP_MOVABLE	    ? MIGRATE_MOVABLE
	       : o->gfp & __GFP_RECLAIMABLE ? MIGRATE_RECLAIMABLE
					    : MIGRATE_UNMOVABLE;
}

/* Pages of objects are known by them: which of them a page is for is not known yet when it is allocated. */
static void add_who(struct view *v, const struct owner *o, const struct contig_result *at)
{
	if (at->owner == CMA_OWNER_OBJECT)
		view_add(v, "(object %llu)", (ull)at->owner_id);
	else if (*o->name)
		view_add(v, "(%s)", o->name);
	else if (o->cpu != OWNER_NO_CPU)
		view_add(v, "(cpu%u)", o->cpu);
	else
		view_add(v, "(no cpu)");
}

#define LIKE_FREE_TS 6007 /* kernels before also say when the page was freed before */

static void show(struct view *v, pfn_t pfn, const struct owner *o)
{
	const struct fh_frame *f = machine_frame(v->m, pfn);
	struct block_state s = block_peek(v->m, machine_block(v->m, pfn));
	struct contig_result at = {.why = NULL};

	if (frame_state(f) != FRAME_RAW && frame_state(f) != FRAME_POOL)
		contig_blame(v->m, pfn, &at);
	view_add(v, "Page allocated via order %u, ", o->order);
	add_mask(v, o->gfp);
	view_add(v, ", pid 0, tgid 0 ");
	add_who(v, o, &at);
	view_add(v, ", ts %llu ns", (ull)o->ns);
	if (v->m->cfg.like && v->m->cfg.like < LIKE_FREE_TS)
		view_add(v, ", free_ts %llu ns", (ull)o->freed_ns);
	view_add(v, "\nPFN 0x%llx type %s Block %llu type %s ", (ull)pfn,
		 view_type_name[type_of(o)], (ull)(pfn >> FH_BLOCK_ORDER),
		 view_type_name[s.isolated ? MIGRATE_ISOLATE : s.type]);
	add_flags(v, f, at.owner == CMA_OWNER_OBJECT, s.zone);
	if (o->moved)
		view_add(v, "Page has been migrated, last migrate reason: %s\n",
			 o->moved == OWNER_FOR_PIN ? "longterm_pin" : "contig_range");
	view_add(v, "\n");
}

void view_page_owner(struct view *v)
{
	struct fh_machine *m = v->m;
	struct owner o;

	for (uint64_t b = 0; b < m->nr_blocks; b++) {
		for (unsigned int i = 0; m->frames[b] && i < FH_BLOCK_PAGES; i++) {
			pfn_t pfn = machine_block_pfn(m, b) + i;

			/* Of a run the first frame stands for all. */
			if (owner_get(m, pfn, &o) && !(pfn & ((UINT64_C(1) << o.order) - 1)))
				show(v, pfn, &o);
		}
	}
}

/* Whether a block has a page that was not allocated as of the block's own type. None is of an area's, whose blocks Linux counts as
 * movable ones. */
static bool is_mixed(struct fh_machine *m, uint64_t b, enum migratetype type)
{
	struct owner o;

	for (unsigned int i = 0; i < FH_BLOCK_PAGES; i++)
		if (owner_get(m, machine_block_pfn(m, b) + i, &o) && type_of(&o) != type)
			return true;
	return false;
}

void view_mixed_blocks(struct view *v)
{
	struct fh_machine *m = v->m;

	view_add(v, "\n%-23s", "Number of mixed blocks ");
	for (unsigned int t = 0; t < MIGRATE_TYPES; t++)
		view_add(v, "%12s ", view_type_name[t]);
	view_add(v, "\n");
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
		uint64_t count[MIGRATE_TYPES] = {0};

		if (!m->zone[z].present)
			continue;
		for (uint64_t b = m->zone[z].first_block; b < m->zone[z].end_block; b++) {
			struct block_state s = block_peek(m, b);

			if (m->frames[b] && s.zone == z && is_mixed(m, b, s.type))
				count[s.type == MIGRATE_CMA ? MIGRATE_MOVABLE : s.type]++;
		}
		view_add(v, "Node %d, zone %8s ", 0, zone_name((enum zone_type)z));
		for (unsigned int t = 0; t < MIGRATE_TYPES; t++)
			view_add(v, "%12llu ", (ull)count[t]);
		view_add(v, "\n");
	}
}
