/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bytes -> operations: the decoder, a machine's birth and end, and the comparison with the model.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "mm/machine.h"
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
	return n > 256 ? (ops_u8(r) | (unsigned int)ops_u8(r) << 8) % n : ops_u8(r) % n;
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
	ops_must(r, info.free + c.device + c.used_inside + c.used_outside <= info.total,
		 "no frame is both free and somebody's");
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
	e->run(r);
	ops_say(r, "\n");
	if (++r->nr % CHECK_EACH == 0 && !r->md.wrong)
		check(r);
}

/*
 * Blocks of 512 frames, a letter each: n normal, r normal with reserved frames in it, A and B
 *areas. 0123456789ab nnnrnnnAAABB
 */
static bool birth(struct ops *r)
{
	unsigned int how = ops_u8(r), b = ops_u8(r);
	struct boot_config *cfg =
		testplat_config(RAM_MIB, 0, CMA_POLICY_GUARANTEED, 1 + (how >> 2 & 1), TP_ONE_ZONE);
	static const uint64_t at[] = {14, 20}, size[] = {6, 4};
	struct model *md = &r->md;
	struct fh_mem_info info;
	int err;

	r->all = how & 128;
	cfg->policy = (enum cma_policy)((how & 3) == 3 ? 2 : (how & 3));
	if (how & 8) {
		cfg->dma_limit = TP_BASE + 4 * MIB;
		cfg->dma32_limit = TP_BASE + 8 * MIB;
	}
	if (how & 16)
		r->tp.plat.sync_cpus = NULL;
	md->guaranteed_only = cfg->policy == CMA_POLICY_GUARANTEED && !(b & 128);
	md->nr_areas = MODEL_AREAS;
	for (unsigned int i = 0; i < MODEL_AREAS; i++) {
		cfg->region[i] = (struct boot_region){
			.name = {(char)('A' + i)},
			.base = TP_BASE + at[i] * MIB,
			.size = size[i] * MIB,
			.order_per_bit = i ? b & 3 : 0,
			.kind = BOOT_REGION_CMA,
		};
		md->area[i] = (struct model_area){
			.base = cfg->region[i].base >> FH_PAGE_SHIFT,
			.count = size[i] * MIB >> FH_PAGE_SHIFT,
			.order_per_bit = cfg->region[i].order_per_bit,
			.policy = cfg->policy,
			.share = 100,
		};
	}
	cfg->region[2] = (struct boot_region){
		.name = "reserved", .base = TP_BASE + 6 * MIB + 5 * 4096, .size = 37 * 4096};
	cfg->nr_regions = 3;
	r->nr_cpus = cfg->nr_cpus;
	testplat_cpu(0);
	err = fh_machine_create(&r->tp.plat, cfg, &md->m);
	free(cfg);
	if (!ops_must(r, !err, "a machine is born"))
		return false;
	md->base = TP_BASE >> FH_PAGE_SHIFT;
	md->nr_frames = RAM_MIB * MIB >> FH_PAGE_SHIFT;
	md->area[0].cma = cma_find(md->m, "A");
	md->area[1].cma = cma_find(md->m, "B");
	fh_mem_info(md->m, &info);
	r->pages_total = info.total;
	r->pages_outside = info.total - info.cma_total;
	ops_must(r, info.free == info.total && info.total == md->nr_frames - 37,
		 "all is free at birth");
	ops_say(r, "# policy %u, zones %u, cpus %u, guaranteed only %u, order_per_bit %u\n",
		how & 3, how & 8 ? 3 : 1, r->nr_cpus, md->guaranteed_only, b & 3);
	return !md->wrong;
}

/* Everything is given back: then all is free. */
static void finish(struct ops *r)
{
	struct model *md = &r->md;
	struct fh_mem_info info;

	atomic_store(&r->tp.fail_nth, 0);
	check(r);
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
	struct ops_result result = {{0}, 0, 0};

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
