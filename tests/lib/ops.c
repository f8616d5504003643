/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bytes -> operations: the decoder, a machine's birth and end, and the comparison with the model.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "mm/machine.h"
#include "mm/objects.h"
#include "ops.h"

#define MIB	   (UINT64_C(1) << 20)
#define RAM_MIB	   24
#define CPU_NONE   ~0u
#define CHECK_EACH 16

uint8_t ops_u8(struct ops *r)
{
	return r->pos < r->len ? r->data[r->pos++] : 0;
}

unsigned int ops_pick(struct ops *r, unsigned int n)
{
	unsigned int low = ops_u8(r);

	return (n > 256 ? low | (unsigned int)ops_u8(r) << 8 : low) % n;
}

void ops_say(struct ops *r, const char *fmt, ...)
{
	va_list ap;

	if (r->flags != OPS_VERBOSE || r->nr < r->show_from)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

bool ops_must(struct ops *r, bool ok, const char *what)
{
	return model_must(&r->md, ok, what);
}

uint32_t ops_stamp(struct ops *r)
{
	return r->stamp += 0x01000193;
}

bool ops_injected(const struct ops *r)
{
	return atomic_load(&r->tp.failed) != r->failed_before;
}

__attribute__((noreturn)) static void on_stop(void *ctx, const char *why)
{
	struct ops *r = ctx;

	snprintf(r->stopped, sizeof(r->stopped), "%s", why);
	longjmp(r->stop, 1);
}

void ops_quiesce_all(struct ops *r)
{
	unsigned int cpu = hosted_cpu_id;

	for (unsigned int i = 0; i < r->nr_cpus; i++) {
		testplat_cpu(i);
		fh_cpu_quiesce(r->md.m);
	}
	testplat_cpu(cpu);
}

static void op_quiesce(struct ops *r)
{
	if (ops_u8(r) & 1)
		ops_quiesce_all(r);
	else
		fh_cpu_quiesce(r->md.m);
}

static void op_fail(struct ops *r)
{
	unsigned int n = ops_pick(r, 8);

	ops_say(r, " %u", n);
	atomic_store(&r->tp.fail_nth, n);
}

/* What the machine shows of swap. */
static void check_swap(struct ops *r, const struct fh_mem_info *info)
{
	uint64_t there = 0;

	for (unsigned int k = 0; k < MODEL_OBJECTS; k++)
		for (uint64_t i = 0; r->md.object[k].o && i < r->md.object[k].nr; i++)
			there += slot_swapped(r->md.object[k].o->slot[i]);
	ops_must(r, info->swap_total == r->tp.swap_nr, "all of swap is there");
	ops_must(r, info->swap_total - info->swap_free == there, "pages in swap");
}

static void check(struct ops *r)
{
	struct model *md = &r->md;
	int64_t left = atomic_exchange(&r->tp.fail_nth, 0);
	struct model_census c;
	struct fh_mem_info info;
	char why[180];

	if (fh_check(md->m, why, sizeof(why))) {
		snprintf(r->stopped, sizeof(r->stopped), "fh_check: %s", why);
		ops_must(r, false, r->stopped);
		return;
	}
	atomic_store(&r->tp.fail_nth, left);
	model_census(md, &c);
	fh_mem_info(md->m, &info);
	ops_must(r, info.total == r->pages_total, "the total stays");
	ops_must(r, info.cma_device == c.device, "cma_device");
	ops_must(r, info.anon == c.anon && info.file == c.file, "anon and file pages");
	ops_must(r, info.droppable == c.droppable, "droppable pages");
	ops_must(r, info.held == c.held, "held pages");
	check_swap(r, &info);
	ops_must(r, info.free + c.device + c.used_inside + c.used_outside <= info.total,
		 "no frame is both free and somebody's");
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		if (atomic_load(&md->m->zone[z].nr_highatomic))
			r->kinds |= 1u << OPS_HIGHATOMIC;
	ops_object_check(r);
}

static const struct ops_entry machine_entries[] = {
	{"quiesce", op_quiesce, 1},
	{"fail", op_fail, 1},
	{NULL, NULL, 0},
};

/* The entry for a number 0..63: each stands for as many numbers as its weight. */
static const struct ops_entry *entry_of(unsigned int code)
{
	static const struct ops_entry *const tables[] = {ops_frame_entries, ops_area_entries,
							 ops_object_entries, machine_entries};

	for (unsigned int t = 0;; t = (t + 1) % 4) {
		for (const struct ops_entry *e = tables[t]; e->name; e++) {
			if (code < e->weight)
				return e;
			code -= e->weight;
		}
	}
}

static void step(struct ops *r)
{
	unsigned int b = ops_u8(r);
	const struct ops_entry *e = entry_of(b & 63);

	testplat_cpu(b >> 6 == 3 ? CPU_NONE : (b >> 6) % r->nr_cpus);
	ops_say(r, "# %u: cpu %d %s:", r->nr, (int)hosted_cpu_id, e->name);
	r->failed_before = atomic_load(&r->tp.failed);
	r->io_called = false;
	r->swap_errors_before = atomic_load(&r->tp.swap_read_errors);
	e->run(r);
	ops_say(r, "\n");
	if (++r->nr % CHECK_EACH == 0 && !r->md.wrong)
		check(r);
}

/* ---- birth ---- */

#define HOLE_AT	  13 /* MiB: what lies above is higher by HOLE when there are two banks */
#define HOLE	  4
#define LARGE_MIB 208 /* a hundredth is more than a block */
/* Where ZONE_MOVABLE begins: below both areas, or far above them. */
#define MOVABLE_AT(large) ((large) ? 194 : 10)

const char *ops_kind_name(enum ops_kind kind)
{
	static const char *const names[OPS_NR_KINDS] = {
		"three zones",	      "two CPUs",   "no CPU caches", "two banks",
		"two ranges",	      "no bytes",   "swap",	     "large",
		"zone movable",	      "highatomic", "served later",  "cancelled",
		"moved by agreement", "declined"};

	return names[kind];
}

static bool is(const struct ops *r, enum ops_kind kind)
{
	return r->kinds >> kind & 1;
}

/* Which bits of the two bytes of a run say so: all of them set. */
static const struct {
	uint8_t how, b;
} kind_bits[OPS_HIGHATOMIC] = {
	[OPS_TWO_CPUS] = {4, 0},   [OPS_THREE_ZONES] = {8, 0},	   [OPS_NO_CACHES] = {16, 0},
	[OPS_TWO_BANKS] = {32, 0}, [OPS_TWO_RANGES] = {64, 0},	   [OPS_NO_BYTES] = {128, 4},
	[OPS_SWAP] = {0, 64},	   [OPS_LARGE] = {0, 8 + 16 + 32}, [OPS_ZONE_MOVABLE] = {0, 4 + 16},
};

static void kinds_of(struct ops *r, unsigned int how, unsigned int b)
{
	for (unsigned int i = 0; i < OPS_HIGHATOMIC; i++)
		if ((how & kind_bits[i].how) == kind_bits[i].how &&
		    (b & kind_bits[i].b) == kind_bits[i].b)
			r->kinds |= 1u << i;
	if (is(r, OPS_NO_BYTES)) /* nothing to swap out */
		r->kinds &= ~(1u << OPS_SWAP);
}

/* Bytes from the start of RAM to an address. */
static uint64_t address(const struct ops *r, uint64_t offset)
{
	return TP_BASE + offset +
	       (is(r, OPS_TWO_BANKS) && offset >= HOLE_AT * MIB ? HOLE * MIB : 0);
}

/* Blocks of 512 frames, a letter each: n normal, r normal with reserved frames in it, A and B areas.
 *
 *		0123456789ab
 *	usual	nnnrnnnAAABB
 *	ranges	nnnrnBnAAAnB	B's first range is the higher one
 */
static void make_areas(struct ops *r, struct boot_config *cfg, unsigned int order_per_bit)
{
	static const uint64_t at[2][3] = {{14, 20, 22}, {14, 22, 10}}, size[3] = {6, 2, 2};
	struct model *md = &r->md;

	md->nr_areas = MODEL_AREAS;
	for (unsigned int i = 0; i < MODEL_AREAS; i++) {
		md->area[i].nr_ranges = 1;
		md->area[i].order_per_bit = i ? order_per_bit : 0;
		md->area[i].policy = cfg->policy;
		md->area[i].share = 100;
	}
	md->area[1].nr_ranges = 1 + is(r, OPS_TWO_RANGES);
	for (unsigned int i = 0; i < 3; i++) {
		struct model_area *a = &md->area[!!i];
		uint64_t base = address(r, at[is(r, OPS_TWO_RANGES)][i] * MIB);
		unsigned int nth = i == 2 ? a->nr_ranges - 1 : 0;

		cfg->region[i] = (struct boot_region){.name = {(char)(i ? 'B' : 'A')},
						      .base = base,
						      .size = size[i] * MIB,
						      .order_per_bit = a->order_per_bit,
						      .kind = BOOT_REGION_CMA};
		if (a->nr_ranges == 2)
			cfg->region[i].kind = BOOT_REGION_RESERVED;
		if (!a->range[nth].count)
			a->range[nth].base = base >> FH_PAGE_SHIFT;
		a->range[nth].count += size[i] * MIB >> FH_PAGE_SHIFT;
	}
	cfg->nr_regions = 3;
	if (md->area[1].nr_ranges == 1) { /* one region of two pieces */
		cfg->region[1].size += cfg->region[2].size;
		cfg->nr_regions = 2;
	}
	cfg->region[cfg->nr_regions++] = (struct boot_region){
		.name = "reserved", .base = TP_BASE + 6 * MIB + 5 * 4096, .size = 37 * 4096};
}

/* An area of two ranges is not in the boot configuration: whoever reserved them makes it. */
static bool start_areas(struct ops *r)
{
	struct model *md = &r->md;
	struct model_area *b = &md->area[1];
	struct cma *cma;
	int err = 0;

	if (is(r, OPS_TWO_RANGES)) {
		err = cma_init_reserved_mem(md->m, fh_pfn_to_phys(b->range[0].base),
					    b->range[0].count << FH_PAGE_SHIFT, b->order_per_bit,
					    "B", &cma);
		if (!err)
			err = cma_add_reserved_mem(cma, fh_pfn_to_phys(b->range[1].base),
						   b->range[1].count << FH_PAGE_SHIFT);
		if (!err)
			err = cma_init_reserved_areas(md->m);
	}
	md->area[0].cma = cma_find(md->m, "A");
	md->area[1].cma = cma_find(md->m, "B");
	return ops_must(r, !err && md->area[0].cma && md->area[1].cma, "areas are born");
}

/* Of a large machine most is taken, so that memory is as short as in the others. */
static void take_ballast(struct ops *r)
{
	unsigned int runs = (LARGE_MIB - RAM_MIB - (is(r, OPS_ZONE_MOVABLE) ? 16 : 0)) / 4;
	struct model *md = &r->md;

	while (is(r, OPS_LARGE) && r->nr_ballast < runs) {
		struct model_run *run = &r->ballast[r->nr_ballast++];

		run->order = FH_MAX_ORDER;
		if (!ops_must(r, !fh_alloc_pages(md->m, GFP_KERNEL, run->order, &run->pfn),
			      "a large run of an empty machine"))
			return;
		model_move(md, run->pfn, 1u << run->order, MODEL_NOBODY, MODEL_RAW);
	}
}

static void drop_ballast(struct ops *r)
{
	struct model *md = &r->md;

	while (r->nr_ballast) {
		struct model_run *run = &r->ballast[--r->nr_ballast];

		model_move(md, run->pfn, 1u << run->order, MODEL_RAW, MODEL_NOBODY);
		ops_must(r, !fh_free_pages(md->m, run->pfn, run->order), "a run can be given back");
	}
}

static struct boot_config *configure(struct ops *r, unsigned int how)
{
	uint64_t ram = (is(r, OPS_LARGE) ? LARGE_MIB : RAM_MIB) * MIB;
	struct boot_bank bank[2] = {{TP_BASE, ram}};
	struct boot_config *cfg;

	if (is(r, OPS_TWO_BANKS)) {
		bank[0].size = HOLE_AT * MIB;
		bank[1].base = address(r, HOLE_AT * MIB);
		bank[1].size = ram - bank[0].size;
	}
	cfg = testplat_banks(bank, 1 + is(r, OPS_TWO_BANKS), 1 + is(r, OPS_TWO_CPUS));
	cfg->policy = (enum cma_policy)((how & 3) == 3 ? 2 : (how & 3));
	if (is(r, OPS_THREE_ZONES)) {
		cfg->dma_limit = TP_BASE + 4 * MIB;
		cfg->dma.swiotlb_noforce = true;
		cfg->dma32_limit = TP_BASE + 8 * MIB;
	}
	if (is(r, OPS_ZONE_MOVABLE)) {
		cfg->movable_start = address(r, MOVABLE_AT(is(r, OPS_LARGE)) * MIB);
		r->md.movable_start = cfg->movable_start >> FH_PAGE_SHIFT;
	}
	if (is(r, OPS_NO_CACHES)) {
		r->tp.plat.sync_cpus = NULL;
		cfg->page_owner = true; /* which uses none either */
	}
	r->tp.no_ram = r->md.no_bytes = is(r, OPS_NO_BYTES);
	if (r->tp.no_ram)
		r->tp.plat.ram = NULL;
	r->md.base = TP_BASE >> FH_PAGE_SHIFT;
	r->md.nr_frames = ((address(r, ram - 1) - TP_BASE) >> FH_PAGE_SHIFT) + 1;
	r->pages_total = (ram >> FH_PAGE_SHIFT) - 37;
	return cfg;
}

static bool birth(struct ops *r)
{
	unsigned int how = ops_u8(r), b = ops_u8(r);
	struct model *md = &r->md;
	struct boot_config *cfg;
	struct fh_mem_info info;
	int err;

	kinds_of(r, how, b);
	r->all = how & 128;
	cfg = configure(r, how);
	if (is(r, OPS_SWAP))
		testplat_swap(&r->tp, b & 8 ? 100 : MODEL_FRAMES);
	md->guaranteed_only = cfg->policy == CMA_POLICY_GUARANTEED && !(b & 128);
	make_areas(r, cfg, b & 3);
	r->nr_cpus = cfg->nr_cpus;
	testplat_cpu(0);
	err = fh_machine_create(&r->tp.plat, cfg, &md->m);
	free(cfg);
	if (!ops_must(r, !err, "a machine is born") || !start_areas(r))
		return false;
	if (is(r, OPS_SWAP))
		ops_must(r, !fh_swapon(md->m, r->tp.swap_nr), "swap can be had");
	fh_mem_info(md->m, &info);
	r->pages_outside = r->pages_low = info.total - info.cma_total;
	if (is(r, OPS_ZONE_MOVABLE))
		r->pages_low -= md->m->zone[ZONE_MOVABLE].managed -
				(uint64_t)zone_count(&md->m->zone[ZONE_MOVABLE].cma_pages);
	ops_must(r, info.free == info.total && info.total == r->pages_total,
		 "all is free at birth");
	ops_say(r, "# policy %u, guaranteed only %u, order_per_bit %u", how & 3,
		md->guaranteed_only, b & 3);
	for (unsigned int i = 0; i < OPS_NR_KINDS; i++)
		if (is(r, i))
			ops_say(r, ", %s", ops_kind_name(i));
	ops_say(r, "\n");
	take_ballast(r);
	return !md->wrong;
}

/* Everything is given back: then all is free. */
static void finish(struct ops *r)
{
	struct model *md = &r->md;
	struct fh_mem_info info;

	atomic_store(&r->tp.fail_nth, 0);
	atomic_store(&r->tp.swap_write_fails, false);
	atomic_store(&r->tp.swap_read_fails, false);
	r->io_error = 0;
	check(r);
	ops_object_read_all(r);
	drop_ballast(r);
	ops_frame_finish(r);
	ops_area_finish(r);
	if (!md->wrong)
		ops_object_finish(r);
	ops_quiesce_all(r);
	fh_mem_info(md->m, &info);
	ops_must(r, info.free == info.total && info.cma_free == info.cma_total,
		 "all is free in the end");
	if (!md->wrong)
		check(r);
	fh_machine_destroy(md->m);
	ops_must(r, !atomic_load(&r->tp.live), "a machine gives all its memory back");
}

bool ops_run(const uint8_t *data, size_t len, enum ops_flags flags, struct ops_result *result)
{
	struct ops *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	testplat_init(&r->tp);
	r->tp.plat.stop = on_stop;
	r->data = data;
	r->len = len;
	r->flags = flags;
	r->show_from = result->show_from;
	*result = (struct ops_result){.show_from = r->show_from};
	if (setjmp(r->stop)) {
		r->md.wrong = r->stopped;
	} else if (birth(r)) {
		while (r->pos < r->len && !r->md.wrong)
			step(r);
		if (!r->md.wrong)
			finish(r);
	}
	result->op = r->nr;
	result->kinds = r->kinds;
	result->swapped_out = atomic_load(&r->tp.swap_writes);
	result->swapped_in = atomic_load(&r->tp.swap_reads);
	result->written = r->written;
	if (r->md.wrong)
		snprintf(result->wrong, sizeof(result->wrong), "%s", r->md.wrong);
	if (!r->md.wrong)
		testplat_fini(&r->tp); /* of a broken machine nothing is freed */
	free(r);
	return !result->wrong[0];
}

/* One round: leaves out every chunk that is not needed, from large ones to single bytes. */
static size_t minimise_once(uint8_t *data, size_t len, uint8_t *less, time_t until)
{
	struct ops_result result = {.show_from = 0};

	for (size_t chunk = len / 2; chunk; chunk /= 2) {
		for (size_t at = 0; at + chunk <= len && time(NULL) < until;) {
			memcpy(less, data, at);
			memcpy(less + at, data + at + chunk, len - at - chunk);
			if (ops_run(less, len - chunk, OPS_QUIET, &result)) {
				at += chunk;
				continue;
			}
			len -= chunk;
			memcpy(data, less, len);
		}
	}
	return len;
}

size_t ops_minimise(uint8_t *data, size_t len, unsigned int seconds)
{
	uint8_t *less = malloc(len);
	time_t until = time(NULL) + seconds;
	size_t before;

	if (!less)
		return len;
	do {
		before = len;
		len = minimise_once(data, len, less, until);
	} while (len < before);
	free(less);
	return len;
}
